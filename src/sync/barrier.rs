//! The barrier: a robust slot per participant, and one word in which a round is decided.
//!
//! If a participant died at the wrong moment, a count of arrivals would be wrong for ever. So each
//! participant notes in its own slot in which round it has arrived. A thread that sees that all have
//! arrived tries to complete the round, by one operation on `state`; one thread succeeds. A thread
//! that sees a dead participant's slot tries to break the round, by an operation on the same word. So
//! a round is either completed for all or broken for all.
//!
//! A participant whose wait times out withdraws its arrival, and another thread may just have seen
//! that arrival. Therefore the withdrawal changes `state` too. If the round was completed first, the
//! withdrawal fails and the participant has arrived. If the withdrawal came first, the other thread's
//! operation fails, and it reads the slots again.

use super::mutex::Locked;
use super::round::{Round, participant_died};
use super::slot::{self, in_search_order, owned_by};
use super::{NextExamination, sleep_on_any, spin};
use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::{BARRIER_MAX, BARRIER_TAG, Barrier, Slot};
use crate::sys::futex::{self, Awoken, TID_MASK};
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

impl Barrier {
    /// Initialises memory that nobody uses yet.
    pub(crate) fn initialise(&self, count: u32) -> Result<()> {
        let thread = Thread::current()?;
        if count == 0 || count as usize > BARRIER_MAX {
            return Err(fail!(
                EINVAL,
                "the barrier is for {count} participants; expected 1 to {BARRIER_MAX}"
            ));
        }
        if self.tag.load(Acquire) == BARRIER_TAG | u64::from(thread.pid_namespace()) {
            self.check_unused()?;
        }
        self.tag.store(0, Relaxed);
        self.state.store(0, Relaxed);
        self.sequence.store(0, Relaxed);
        self.count.set(count);
        self.slots.iter().for_each(Slot::initialise);
        // Release: without it a thread that sees the tag might not see the rest.
        self.tag
            .store(BARRIER_TAG | u64::from(thread.pid_namespace()), Release);
        Ok(())
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check(Thread::current()?)?;
        self.check_unused()?;
        self.tag.store(0, Relaxed);
        Ok(())
    }

    fn check_unused(&self) -> Result<()> {
        for slot in &self.slots {
            let owner = slot.word.load(Relaxed) & TID_MASK;
            if owner != 0 {
                return Err(fail!(EBUSY, "thread {owner} is a participant"));
            }
        }
        Ok(())
    }

    /// Makes this thread a participant, unless it is one already.
    pub(crate) fn join(&self) -> Result<()> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
        if Round::of(self.state.load(SeqCst)).is_broken() {
            return Err(participant_died());
        }
        self.take_part(slots, thread)?;
        Ok(())
    }

    /// The slot of this thread, which becomes a participant unless it is one already.
    fn take_part<'a>(&self, slots: &'a [Slot], thread: Thread) -> Result<&'a Slot> {
        if let Some(slot) = owned_by(slots, thread) {
            return Ok(slot);
        }
        if slots.iter().any(Slot::is_orphaned) {
            self.break_round(Round::of(self.state.load(SeqCst)));
            return Err(participant_died());
        }
        for slot in in_search_order(slots, thread) {
            match slot.claim(thread) {
                None => {}
                Some(Locked::Clean) => return Ok(slot),
                Some(Locked::OwnerDied) => {
                    // The participant died just now, and this claim has removed the mark of its
                    // death. So this thread breaks the round before it releases the slot. If this
                    // thread dies before that, the kernel leaves a mark again.
                    self.break_round(Round::of(self.state.load(SeqCst)));
                    slot.release(thread);
                    return Err(participant_died());
                }
            }
        }
        if slot::bury_owners(slots, thread, Deadline::Never) {
            return self.take_part(slots, thread);
        }
        Err(fail!(
            EBUSY,
            "the barrier has its {} participants, and this thread is not one of them",
            slots.len()
        ))
    }

    /// Waits until all participants have arrived. One of them gets true.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<bool> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
        let round = Round::of(self.state.load(SeqCst));
        if round.is_broken() {
            return Err(participant_died());
        }
        let slot = self.take_part(slots, thread)?;
        // SeqCst, here and in `try_decide`: of two threads that arrive last, at least one sees both
        // arrivals. With less, both could miss the other's and sleep.
        thread.leave_processor(&self.processor);
        slot.arrived.store(round.arrival(), SeqCst);
        let decided = match self.wait_arrived(slots, thread, round, deadline) {
            Ok(decided) => decided,
            Err(why) => self.withdraw(slot, round).unwrap_or(Err(why)),
        };
        // `reset` reads it to see that this thread has left.
        slot.arrived.store(0, SeqCst);
        decided
    }

    /// Waits after this thread has arrived. Returns how the round was decided, or why this thread
    /// stops waiting.
    fn wait_arrived(
        &self,
        slots: &[Slot],
        thread: Thread,
        round: Round,
        deadline: Deadline,
    ) -> Result<Result<bool>> {
        if let Some(decided) = self.try_decide(slots, round) {
            return Ok(decided);
        }
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        if let Some(decided) = spin(&self.processor, || self.try_decide(slots, round)) {
            return Ok(decided);
        }
        let mut examination = NextExamination::of_new_wait(deadline);
        loop {
            let sequence = self.sequence.load(SeqCst);
            // It sleeps on the others' slots too: the kernel wakes a sleeper there when an owner dies.
            let mut words = [(&self.sequence, sequence); futex::ANY_MAX];
            let mut count = 1;
            for other in slots.iter().filter(|slot| !slot.is_owned_by(thread)) {
                if let Some(word) = other.request_wake_up() {
                    words[count] = (&other.word, word);
                    count += 1;
                }
            }
            if let Some(decided) = self.try_decide(slots, round) {
                if self.sequence.load(SeqCst) == sequence {
                    // The thread that decided may have died before it woke the others.
                    self.wake_waiters();
                }
                return Ok(decided);
            }
            let others = || slots.iter().filter(|slot| !slot.is_owned_by(thread));
            if examination.is_due_of(Awoken::Recheck, || slot::may_end_unnoticed(others()))
                && slot::bury_owners(others(), thread, deadline)
            {
                continue;
            }
            if slot::examine_early(others(), thread, &mut examination) {
                continue;
            }
            let awoken = sleep_on_any(&words[..count], deadline, &examination)?;
            if awoken == Awoken::TimedOut && slot::bury_owners(others(), thread, deadline) {
                continue;
            }
            match awoken {
                Awoken::Recheck => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// Decides the round if that is possible. Returns how the round was decided, or `None` if it is
    /// not decided yet. The thread that completes the round gets true.
    fn try_decide(&self, slots: &[Slot], round: Round) -> Option<Result<bool>> {
        loop {
            let state = self.state.load(SeqCst);
            if Round::of(state) != round {
                return Some(round.outcome(Round::of(state)));
            }
            if slots.iter().any(Slot::is_orphaned) {
                self.break_round(round);
                continue;
            }
            let has_arrived =
                |slot: &Slot| slot.is_owned() && slot.arrived.load(SeqCst) == round.arrival();
            if !slots.iter().all(has_arrived) {
                return None;
            }
            // SeqCst includes Release and Acquire: without them a participant might not see what the
            // others did before they arrived. The whole of `state` is compared: if an arrival was
            // withdrawn since the load, `state` differs.
            if self
                .state
                .compare_exchange(state, round.next().initial_state(), SeqCst, SeqCst)
                .is_ok()
            {
                self.wake_waiters();
                return Some(Ok(true));
            }
        }
    }

    /// Breaks the round, unless it is decided already.
    fn break_round(&self, round: Round) {
        let mut state = self.state.load(SeqCst);
        while Round::of(state) == round && !round.is_broken() {
            let broken = round.broken().initial_state();
            match self.state.compare_exchange(state, broken, SeqCst, SeqCst) {
                Ok(_) => return self.wake_waiters(),
                Err(now) => state = now,
            }
        }
    }

    /// Withdraws an arrival. Returns how the round was decided, if that happened first.
    fn withdraw(&self, slot: &Slot, round: Round) -> Option<Result<bool>> {
        slot.arrived.store(0, SeqCst);
        let mut state = self.state.load(SeqCst);
        while Round::of(state) == round {
            let withdrawn = round.initial_state() | u64::from((state as u32).wrapping_add(1));
            match self
                .state
                .compare_exchange(state, withdrawn, SeqCst, SeqCst)
            {
                Ok(_) => return None,
                Err(now) => state = now,
            }
        }
        Some(round.outcome(Round::of(state)))
    }

    fn wake_waiters(&self) {
        self.sequence.fetch_add(1, SeqCst);
        preserving_errno(|| futex::wake(&self.sequence, u32::MAX));
    }

    /// Ends this thread's part in the barrier.
    pub(crate) fn leave(&self) -> Result<()> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
        let Some(slot) = owned_by(slots, thread) else {
            return Err(fail!(EPERM, "this thread is not a participant"));
        };
        // No wake-up is needed: the others wait for a free slot as for one that has not arrived.
        slot.release(thread);
        Ok(())
    }

    /// Makes a barrier usable again after a participant's death.
    pub(crate) fn reset(&self) -> Result<()> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
        slot::bury_owners(slots, thread, Deadline::Never);
        let broken = loop {
            let round = Round::of(self.state.load(SeqCst));
            if round.is_broken() {
                break round;
            }
            if !slots.iter().any(Slot::is_orphaned) {
                return Ok(());
            }
            self.break_round(round);
        };
        for slot in slots {
            if slot.is_owned() && slot.arrived.load(SeqCst) != 0 {
                return Err(fail!(
                    EBUSY,
                    "thread {} has not yet returned from its wait",
                    slot.word.load(Relaxed) & TID_MASK
                ));
            }
        }
        // Another thread may reset the barrier meanwhile, and then a participant of a new round may
        // die. The mark of that death must stay: the threads that wait in that round would never
        // learn of it.
        let is_due = || Round::of(self.state.load(SeqCst)) == broken;
        for slot in slots {
            slot.clear_death_mark(thread, is_due);
        }
        // It fails if another thread has reset the barrier.
        let fresh = broken.after_reset().initial_state();
        let _ = self
            .state
            .compare_exchange(broken.initial_state(), fresh, SeqCst, SeqCst);
        Ok(())
    }

    /// The slots in use. Refuses memory that is not a barrier, or not of this PID namespace.
    fn check(&self, thread: Thread) -> Result<&[Slot]> {
        // Acquire pairs with the Release in `initialise`.
        let tag = self.tag.load(Acquire);
        let other_word = || self.state.load(Relaxed);
        super::check_tag_in_namespace("barrier", tag, BARRIER_TAG, other_word, thread)?;
        slot::in_use(&self.slots, self.count.get())
    }
}
