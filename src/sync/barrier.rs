//! The barrier: a robust slot per participant, and one word in which a round is decided.
//!
//! A count of arrivals would be wrong for ever after a participant died at the wrong moment. So each
//! participant notes in its own slot at which round it has arrived, and whoever sees that all
//! have tries to turn the round over; one operation on `state` lets one of them succeed. Whoever sees
//! a dead participant's slot tries to break the round by an operation on the same word, so a
//! round is either completed for all or broken for all.
//!
//! An arrival can be withdrawn (a timeout), and somebody may just have seen it. The withdrawal
//! therefore changes `state` too: who turned the round over first was right, and who comes second
//! fails and looks again.

use super::mutex::Locked;
use super::round::{Round, died};
use super::slot::{self, in_order, owned_by};
use super::{sleep_on_any, spin};
use crate::base::error::{Errno, Result, fail, preserving_errno};
use crate::base::time::Deadline;
use crate::object::layout::{BARRIER_MAX, BARRIER_TAG, Barrier, Slot};
use crate::sys::futex::{self, Awoken, TID_MASK};
use crate::sys::robust::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

impl Barrier {
    /// Initialises memory that nobody uses yet.
    pub(crate) fn initialise(&self, count: u32) -> Result<()> {
        let thread = Thread::current()?;
        if count == 0 || count as usize > BARRIER_MAX {
            return Err(fail!(
                EINVAL,
                "the barrier is for {count}; expected 1 to {BARRIER_MAX}"
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
        // Release: whoever sees the tag sees the rest.
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

    /// Makes this thread a participant, if it is none yet.
    pub(crate) fn join(&self) -> Result<()> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
        if Round::of(self.state.load(SeqCst)).is_broken() {
            return Err(died());
        }
        self.take_part(slots, thread)?;
        Ok(())
    }

    fn take_part<'a>(&self, slots: &'a [Slot], thread: Thread) -> Result<&'a Slot> {
        if let Some(slot) = owned_by(slots, thread) {
            return Ok(slot);
        }
        if slots.iter().any(Slot::is_orphaned) {
            self.break_round(Round::of(self.state.load(SeqCst)));
            return Err(died());
        }
        for slot in in_order(slots, thread) {
            match slot.claim(thread) {
                None => {}
                Some(Locked::Clean) => return Ok(slot),
                Some(Locked::OwnerDied) => {
                    // It died just now, and the mark that told of it is gone with this claim, so
                    // the round is broken before the claim is given back; a death of this thread
                    // before that leaves a mark again.
                    self.break_round(Round::of(self.state.load(SeqCst)));
                    slot.release(thread);
                    return Err(died());
                }
            }
        }
        Err(fail!(
            EBUSY,
            "the barrier has its {} participants, and this thread is none of them",
            slots.len()
        ))
    }

    /// Waits until all participants have arrived; true for one of them.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<bool> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
        let round = Round::of(self.state.load(SeqCst));
        if round.is_broken() {
            return Err(died());
        }
        let slot = self.take_part(slots, thread)?;
        // SeqCst, here and in `look`: of two who arrive last, one at least sees both.
        slot.arrived.store(round.arrival(), SeqCst);
        let decided = match self.wait_arrived(slots, thread, round, deadline) {
            Ok(decided) => decided,
            Err(why) => self.withdraw(slot, round).unwrap_or(Err(why)),
        };
        // For `reset`: nobody is inside.
        slot.arrived.store(0, SeqCst);
        decided
    }

    /// How the round was decided, or why this thread waits no longer.
    fn wait_arrived(
        &self,
        slots: &[Slot],
        thread: Thread,
        round: Round,
        deadline: Deadline,
    ) -> Result<Result<bool>> {
        if let Some(decided) = self.look(slots, round) {
            return Ok(decided);
        }
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        if let Some(decided) = spin(|| self.look(slots, round)) {
            return Ok(decided);
        }
        loop {
            let sequence = self.sequence.load(SeqCst);
            // The others' slots too: the kernel wakes a sleeper when one of them dies.
            let mut words = [(&self.sequence, sequence); futex::ANY_MAX];
            let mut count = 1;
            for other in slots.iter().filter(|slot| !slot.is_owned_by(thread)) {
                if let Some(word) = other.expect_release() {
                    words[count] = (&other.word, word);
                    count += 1;
                }
            }
            if let Some(decided) = self.look(slots, round) {
                return Ok(decided);
            }
            match sleep_on_any(&words[..count], deadline)? {
                Awoken::Look => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// Decides the round if it can be decided; how it was decided, if it was. One of those who
    /// look gets true.
    fn look(&self, slots: &[Slot], round: Round) -> Option<Result<bool>> {
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
            // SeqCst includes the Release and Acquire through which each participant sees what the
            // others did before they arrived. The whole of `state` is compared: had one of the
            // arrivals been withdrawn since it was loaded, it would differ.
            if self
                .state
                .compare_exchange(state, round.next().begun(), SeqCst, SeqCst)
                .is_ok()
            {
                self.tell_all();
                return Some(Ok(true));
            }
        }
    }

    /// Breaks the round, unless it is decided already.
    fn break_round(&self, round: Round) {
        let mut state = self.state.load(SeqCst);
        while Round::of(state) == round && !round.is_broken() {
            let broken = round.broken().begun();
            match self.state.compare_exchange(state, broken, SeqCst, SeqCst) {
                Ok(_) => return self.tell_all(),
                Err(now) => state = now,
            }
        }
    }

    /// Takes an arrival back; how the round was decided, if that was sooner.
    fn withdraw(&self, slot: &Slot, round: Round) -> Option<Result<bool>> {
        slot.arrived.store(0, SeqCst);
        let mut state = self.state.load(SeqCst);
        while Round::of(state) == round {
            let withdrawn = round.begun() | u64::from((state as u32).wrapping_add(1));
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

    fn tell_all(&self) {
        self.sequence.fetch_add(1, SeqCst);
        preserving_errno(|| futex::wake(&self.sequence, u32::MAX));
    }

    /// Ends this thread's part in the barrier.
    pub(crate) fn leave(&self) -> Result<()> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
        let Some(slot) = owned_by(slots, thread) else {
            return Err(fail!(EPERM, "this thread is no participant"));
        };
        // Nobody need be told: a place that is free is waited for as one that has not arrived.
        slot.release(thread);
        Ok(())
    }

    /// Makes a barrier usable again after a participant's death.
    pub(crate) fn reset(&self) -> Result<()> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
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
        // Another may reset it meanwhile, and then a participant of a new round die: that death is
        // not this call's to forget, or who waits in that round would never be told.
        let is_due = || Round::of(self.state.load(SeqCst)) == broken;
        for slot in slots {
            slot.forget_death(thread, is_due);
        }
        // It fails if another has reset it.
        let fresh = broken.reset().begun();
        let _ = self
            .state
            .compare_exchange(broken.begun(), fresh, SeqCst, SeqCst);
        Ok(())
    }

    /// The slots in use, of an object that is a barrier.
    fn check(&self, thread: Thread) -> Result<&[Slot]> {
        super::check_tag_here(
            "barrier",
            self.tag.load(Acquire),
            BARRIER_TAG,
            self.state.load(Relaxed),
            thread,
        )?;
        slot::in_use(&self.slots, self.count.get())
    }
}
