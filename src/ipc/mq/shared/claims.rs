//! Claims: slots that a thread uses while it holds no latch. It writes a message into a *reserved*
//! slot, and reads one in a *borrowed* slot.
//!
//! The slot's `holder` word is a robust lock word, linked into the robust list of the thread that
//! claimed the slot. So the kernel marks the word when that thread dies. The claimed slots of each
//! kind form a list: the sending latch guards the reserved ones, the receiving latch the borrowed
//! ones. So the slots of dead holders are found without a search of all slots.

use super::hand_over::is_receiver_gone;
use super::memory::{Memory, NumberedSlot, damaged};
use crate::base::error::{Errno, Error, Result, fail};
use crate::object::layout::{BORROWED, HANDED, MessageSlot, NONE, RESERVED};
use crate::sync::latch::Latched;
use crate::sys::futex::{OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::liveness::{self, Birth};
use crate::sys::thread::Thread;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Relaxed, Release};

/// The claimed slots of one kind. The user holds the latch that guards them.
pub(super) struct Claims<'q> {
    memory: &'q Memory,
    /// `RESERVED` or `BORROWED`.
    state: u32,
    /// The first slot of the list.
    first: &'q AtomicU32,
}

impl<'q> Claims<'q> {
    /// The reserved slots, which the sending latch guards.
    pub(super) fn reserved(memory: &'q Memory) -> Claims<'q> {
        Claims {
            memory,
            state: RESERVED,
            first: &memory.header().sending.reserved,
        }
    }

    /// The borrowed slots, which the receiving latch guards.
    pub(super) fn borrowed(memory: &'q Memory) -> Claims<'q> {
        Claims {
            memory,
            state: BORROWED,
            first: &memory.header().receiving.borrowed,
        }
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.first.load(Relaxed) == NONE
    }

    /// Gives a slot that is in no list to the latch's holder, until [`unclaim`](Claims::unclaim).
    pub(super) fn claim(
        &self,
        latched: &Latched<'_>,
        (number, slot): NumberedSlot<'q>,
    ) -> Result<()> {
        // Before the holder: a birth that is not the holder's would let others take the slot back.
        slot.birth.store(latched.thread().birth(), Relaxed);
        slot.holder.store(latched.thread().id(), Relaxed);
        slot.kind.set();
        // SAFETY: the holder word is this thread's as of now. The slot is in no robust list,
        // because it was free or queued. If this thread dies before the link, the latch is
        // orphaned, and the repair goes by the slot's state. The slot stays mapped: this thread's
        // ipc_mq_close refuses while the claim lasts, and by the contract of that call no other thread
        // closes the handle then.
        unsafe { latched.thread().robust_list().link(&slot.links, false) };
        // Release: a thread that finds the slot claimed must find its holder.
        slot.state.store(self.state, Release);
        self.insert((number, slot))
            .inspect_err(|_| self.give_up(latched.thread(), slot))
    }

    /// Ends this thread's claim of a slot without the list: in a damaged queue the list cannot be trusted,
    /// and while another thread is stopped in a call the list cannot be changed. A slot without a holder is
    /// taken back like that of a dead one.
    #[cold]
    pub(super) fn give_up(&self, thread: Thread, slot: &MessageSlot) {
        let outer = thread.robust_list().begin(&slot.links, false);
        // SAFETY: just announced.
        unsafe { thread.robust_list().unlink(&slot.links) };
        let holder = slot.holder.load(Relaxed);
        if holder & TID_MASK == thread.id() {
            // Release: the thread that takes the slot back must see what this one has written to it.
            let _ = slot.holder.compare_exchange(holder, 0, Release, Relaxed);
        }
        thread.robust_list().finish(outer);
    }

    /// Does that if `outcome` says that the queue is damaged. Otherwise the thread could never close the
    /// queue, because it could never give the message back.
    #[inline(always)]
    pub(super) fn unless_damaged<T>(&self, slot: &MessageSlot, outcome: Result<T>) -> Result<T> {
        outcome.inspect_err(|error| {
            if let (Errno::EUCLEAN, Ok(thread)) = (error.errno(), Thread::current()) {
                self.give_up(thread, slot);
            }
        })
    }

    /// Inserts a claimed slot into the list.
    pub(super) fn insert(&self, (number, slot): NumberedSlot<'q>) -> Result<()> {
        let second = self.first.load(Relaxed);
        slot.claimed_previous.store(NONE, Relaxed);
        slot.claimed_next.store(second, Relaxed);
        if second != NONE {
            self.memory
                .slot(second)?
                .claimed_previous
                .store(number, Relaxed);
        }
        self.first.store(number, Relaxed);
        Ok(())
    }

    /// Removes a slot from the list.
    fn remove(&self, slot: &MessageSlot) -> Result<()> {
        let previous = slot.claimed_previous.load(Relaxed);
        let next = slot.claimed_next.load(Relaxed);
        match previous {
            NONE => self.first.store(next, Relaxed),
            previous => self
                .memory
                .slot(previous)?
                .claimed_next
                .store(next, Relaxed),
        }
        if next != NONE {
            self.memory
                .slot(next)?
                .claimed_previous
                .store(previous, Relaxed);
        }
        Ok(())
    }

    /// Refuses a slot that the latch's holder has not claimed for this purpose.
    pub(super) fn check(&self, latched: &Latched<'_>, slot: &MessageSlot) -> Result<()> {
        let holder = slot.holder.load(Relaxed) & TID_MASK;
        if slot.state.load(Relaxed) == self.state && holder == latched.thread().id() {
            return Ok(());
        }
        Err(self.refusal(latched.thread(), slot, holder))
    }

    #[cold]
    fn refusal(&self, thread: Thread, slot: &MessageSlot, holder: u32) -> Error {
        let state = slot.state.load(Relaxed);
        let is_other_kind = matches!(state, RESERVED | BORROWED) && holder == thread.id();
        // A slot that this thread has linked and not unlinked is claimed by it, whatever stands in the slot now.
        if !is_other_kind && thread.robust_list().is_linked(&slot.links) {
            return damaged("a claimed slot was overwritten");
        }
        if state == HANDED {
            return fail!(
                EINVAL,
                "the message was handed over to thread or process {holder}"
            );
        }
        if state != self.state || holder == 0 {
            let state = match self.state {
                RESERVED => "reserved",
                _ => "borrowed",
            };
            return fail!(EINVAL, "the message is not {state} now");
        }
        fail!(
            EPERM,
            "the message belongs to thread {holder}, not to this one ({})",
            thread.id()
        )
    }

    /// Ends a claim that [`check`](Claims::check) has passed. Call after the slot's state has
    /// changed, and before another thread can find the slot through a ring: that thread may claim
    /// it at once, and the links belong to one holder.
    pub(super) fn unclaim(&self, latched: &Latched<'_>, slot: &MessageSlot) -> Result<()> {
        // SAFETY: this thread holds the slot, as `check` has found, and has linked it in `claim`.
        // The thread's announcement names the latch: if it dies here, the latch is orphaned, and
        // the repair goes by the slot's state.
        unsafe { latched.thread().robust_list().unlink(&slot.links) };
        slot.holder.store(0, Relaxed);
        self.remove(slot)
    }

    /// Gives a slot that [`check`](Claims::check) has passed to a receiver, an id with its birth.
    pub(super) fn hand_over(
        &self,
        latched: &Latched<'_>,
        slot: &MessageSlot,
        (id, birth): (u32, Birth),
    ) {
        // First: a borrowed slot whose holder is the receiver would be nobody's to take.
        slot.state.store(HANDED, Release);
        slot.birth.store(birth, Relaxed);
        // This thread's latch keeps watchers from setting the bit meanwhile.
        let watched = slot.holder.load(Relaxed) & WAITERS;
        // Release: a thread that finds the receiver must find its birth.
        slot.holder.store(id | watched, Release);
        // Last: until the holder is the receiver, the kernel has to mark the word if this thread dies.
        // SAFETY: this thread holds the slot, as `check` has found, and has linked it in `claim`. The
        // receiver links it under the latch, so not before this. The announcement is as in `unclaim`.
        unsafe { latched.thread().robust_list().unlink(&slot.links) };
    }

    /// Gives a handed slot to the latch's holder. It stays in the list.
    pub(super) fn take_over(&self, latched: &Latched<'_>, slot: &MessageSlot) {
        // Before the holder, as in `claim`. A watcher that sleeps on the holder word needs the bit.
        slot.birth.store(latched.thread().birth(), Relaxed);
        let watched = slot.holder.load(Relaxed) & WAITERS;
        slot.holder.store(latched.thread().id() | watched, Release);
        slot.kind.set();
        // SAFETY: as in `claim`: a handed slot is in no robust list.
        unsafe { latched.thread().robust_list().link(&slot.links, false) };
        slot.state.store(BORROWED, Release);
    }

    /// Whether a slot in this state belongs in the list.
    fn lists(&self, state: u32) -> bool {
        state == self.state || (self.state == BORROWED && state == HANDED)
    }

    /// Calls `found` for each slot of the list, with its number.
    pub(super) fn visit(&self, found: &mut dyn FnMut(u32, &'q MessageSlot)) -> Result<()> {
        let mut number = self.first.load(Relaxed);
        for _ in 0..self.memory.sizes().max_messages {
            if number == NONE {
                return Ok(());
            }
            let slot = self.memory.slot(number)?;
            found(number, slot);
            number = slot.claimed_next.load(Relaxed);
        }
        match number {
            NONE => Ok(()),
            _ => Err(damaged("a list of claims has no end")),
        }
    }

    /// Calls `found` for each slot of the list; false if the list is damaged.
    pub(super) fn for_each(&self, found: &mut dyn FnMut(&'q MessageSlot)) -> bool {
        self.visit(&mut |_, slot| found(slot)).is_ok()
    }

    /// Removes the first slot whose holder died from the list, if there is one.
    pub(super) fn take_orphan(&self, proof: Proof) -> Result<Option<NumberedSlot<'q>>> {
        let mut number = self.first.load(Relaxed);
        // The limit is for a damaged list that goes in circles.
        for _ in 0..self.memory.sizes().max_messages {
            if number == NONE {
                break;
            }
            let slot = self.memory.slot(number)?;
            // A caller that empties a list in circles changes each slot's state, so this ends it.
            if !self.lists(slot.state.load(Relaxed)) {
                return Err(damaged("a slot is in a list of claims and is not claimed"));
            }
            if is_orphaned(slot, proof) {
                self.remove(slot)?;
                slot.holder.store(0, Relaxed);
                return Ok(Some((number, slot)));
            }
            number = slot.claimed_next.load(Relaxed);
        }
        Ok(None)
    }
}

/// The proof that nobody will end a slot's claim any more.
#[derive(Clone, Copy)]
pub(super) enum Proof {
    /// The kernel has marked the holder word, or there is no holder: a thread that was taking the slot
    /// back from a dead holder died too, or the holder is alive and has [given up](Claims::give_up) the
    /// claim.
    Mark,
    /// Also: no thread has the holder's id. The kernel marks at most 2048 locks of a dead thread.
    Id,
    /// Also: no living thread has the holder's id and birth. It takes some ten system calls.
    Life,
}

impl Proof {
    /// The best proof that there is in this thread's PID namespace; 0 stands for an unknown one.
    pub(super) fn best(pid_namespace: u32) -> Proof {
        match pid_namespace {
            0 => Proof::Mark,
            _ => Proof::Life,
        }
    }
}

/// Whether nobody will end a slot's claim any more.
pub(super) fn is_orphaned(slot: &MessageSlot, proof: Proof) -> bool {
    let holder = slot.holder.load(Relaxed);
    let id = holder & TID_MASK;
    if holder & OWNER_DIED != 0 || id == 0 {
        return true;
    }
    if slot.state.load(Relaxed) == HANDED {
        return is_receiver_gone(slot, proof);
    }
    match proof {
        Proof::Mark => false,
        Proof::Id => liveness::has_no_thread(id),
        Proof::Life => liveness::is_gone(id, slot.birth.load(Relaxed)),
    }
}
