//! Claims: slots that a thread uses while it holds no latch, because it writes a message in
//! place (reserved) or reads one (borrowed).
//!
//! The slot's `holder` word is a robust lock word, linked into the list of the thread that
//! claimed it, so the kernel marks it when that thread dies. The claimed slots of each kind are
//! in a list, under the latch of the side that claims them, so that the dead among them are
//! found without looking at all slots.

use super::memory::{Memory, Numbered, damaged};
use crate::base::error::{Result, fail};
use crate::object::layout::{BORROWED, MessageSlot, NONE, RESERVED};
use crate::sync::latch::Latched;
use crate::sys::futex::{OWNER_DIED, TID_MASK};
use crate::sys::process;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Relaxed, Release};

/// The claimed slots of one kind, while the latch is held that guards them.
pub(super) struct Claims<'q> {
    memory: &'q Memory,
    state: u32,
    first: &'q AtomicU32,
}

impl<'q> Claims<'q> {
    /// Those that the sending latch guards.
    pub(super) fn reserved(memory: &'q Memory) -> Claims<'q> {
        Claims {
            memory,
            state: RESERVED,
            first: &memory.header().sending.reserved,
        }
    }

    /// Those that the receiving latch guards.
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

    /// Gives a slot that is in no list to the latch's holder, until `release`.
    #[inline(never)]
    pub(super) fn claim(&self, latched: &Latched<'_>, (number, slot): Numbered<'q>) -> Result<()> {
        slot.holder.store(latched.thread().id(), Relaxed);
        // SAFETY: the holder word is this thread's as of now, and the slot is in no robust list,
        // because it was free or queued. Death before the link is the latch's: its repair goes by
        // the slot's state. The slot stays mapped: closing the queue refuses while a claim lasts.
        unsafe { latched.thread().robust_list().link(&slot.links, false) };
        // Release: who finds the slot claimed finds its holder.
        slot.state.store(self.state, Release);
        self.enter((number, slot))
    }

    /// Enters a claimed slot into the list.
    pub(super) fn enter(&self, (number, slot): Numbered<'q>) -> Result<()> {
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

    /// Takes a slot out of the list.
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

    /// Refuses a slot that the latch's holder has not claimed so.
    #[inline(never)]
    pub(super) fn check(&self, latched: &Latched<'_>, slot: &MessageSlot) -> Result<()> {
        let holder = slot.holder.load(Relaxed) & TID_MASK;
        if slot.state.load(Relaxed) != self.state || holder == 0 {
            return Err(fail!(
                EINVAL,
                "the message is not {} now",
                if self.state == RESERVED {
                    "reserved"
                } else {
                    "borrowed"
                }
            ));
        }
        if holder != latched.thread().id() {
            return Err(fail!(
                EPERM,
                "the message belongs to thread {holder}, not to this one ({})",
                latched.thread().id()
            ));
        }
        Ok(())
    }

    /// Ends a claim that `check` has passed, after the slot's state has changed, and before the other
    /// side can find the slot: it may claim it at once, and the links are one holder's alone.
    #[inline(never)]
    pub(super) fn release(&self, latched: &Latched<'_>, slot: &MessageSlot) -> Result<()> {
        // SAFETY: this thread holds the slot, as check has found, and linked it in claim. The
        // announcement is the latch's: death here is found by it, and its repair goes by the state.
        unsafe { latched.thread().robust_list().unlink(&slot.links) };
        slot.holder.store(0, Relaxed);
        self.remove(slot)
    }

    /// The next slot whose holder died, after `after` (NONE: the first), taken out of the list.
    #[inline(never)]
    pub(super) fn take_orphan(&self, here: u32) -> Result<Option<Numbered<'q>>> {
        let mut number = self.first.load(Relaxed);
        // A damaged list may go in circles.
        for _ in 0..self.memory.sizes().max_messages {
            if number == NONE {
                break;
            }
            let slot = self.memory.slot(number)?;
            // Who empties the list takes each slot once, also when it goes in circles.
            if slot.state.load(Relaxed) != self.state {
                return Err(damaged("a slot is in a list of claims and is not claimed"));
            }
            if is_orphaned(slot, here) {
                self.remove(slot)?;
                slot.holder.store(0, Relaxed);
                return Ok(Some((number, slot)));
            }
            number = slot.claimed_next.load(Relaxed);
        }
        Ok(None)
    }
}

/// Whether the thread that claimed a slot is dead: the kernel's mark proves it, or that nobody
/// has its id (the kernel looks at no more than 2048 locks of a thread), or that there is none: who
/// had taken the slot back from the dead died in the middle of that. `here` is the PID namespace, 0 if
/// it is not known.
pub(super) fn is_orphaned(slot: &MessageSlot, here: u32) -> bool {
    let holder = slot.holder.load(Relaxed);
    let id = holder & TID_MASK;
    holder & OWNER_DIED != 0 || id == 0 || here != 0 && process::is_gone(id)
}
