//! Slots: places that one thread at a time owns, for locks that several hold at once.
//!
//! A slot is a robust lock that nobody waits to own: a thread claims one that is free or goes
//! on to the next. The owner's thread id stands in its word and the slot in the owner's robust
//! list, as with the mutex, so the kernel itself frees the slots of a thread that dies, and
//! marks them. What is known of the holders (how many, which died) is read off the slots and
//! never counted beside them: a count could be left wrong by a death, a slot can't.
//!
//! Killed inside `claim` or `release`, a thread leaves what the mutex's lock and unlock leave:
//! its id, which the kernel replaces by its mark, or a slot that was not or is no longer its own.

use super::mutex::Locked;
use crate::base::errno::preserving_errno;
use crate::base::error::{Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::Slot;
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken, OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::robust::Thread;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

impl Slot {
    pub(super) fn initialise(&self) {
        self.word.store(0, Relaxed);
        self.depth.set(0);
        self.arrived.store(0, Relaxed);
    }

    /// Makes the slot this thread's, if it is nobody's; says whether its last owner died.
    pub(super) fn claim(&self, thread: Thread) -> Option<Locked> {
        let word = self.word.load(Relaxed);
        if word & TID_MASK != 0 || !self.claim_found(word, thread) {
            return None;
        }
        if word & OWNER_DIED == 0 {
            return Some(Locked::Clean);
        }
        self.depth.set(0);
        Some(Locked::OwnerDied)
    }

    /// The same for a slot that never had an owner who died, or none since; false in every other case.
    #[inline(always)]
    pub(super) fn claim_clean(&self, thread: Thread) -> bool {
        self.claim_found(0, thread)
    }

    #[inline(always)]
    fn claim_found(&self, word: u32, thread: Thread) -> bool {
        let outer = thread.begin(&self.links, false);
        // SeqCst: what this thread looks at next (a writer's word, the other slots) it sees
        // as it is after the claim is visible. See each user.
        let claimed = self
            .word
            .compare_exchange(word, thread.id() | (word & WAITERS), SeqCst, Relaxed)
            .is_ok();
        if claimed {
            // SAFETY: announced and just taken, so it is in no list; the caller keeps it mapped
            // while it owns it, as with every lock.
            unsafe { thread.link(&self.links, false) };
        }
        thread.finish(outer);
        claimed
    }

    /// Frees a slot that this thread owns.
    #[inline(always)]
    pub(super) fn release(&self, thread: Thread) {
        self.release_leaving(0, thread);
    }

    /// The same, with 0 or OWNER_DIED left in the word.
    #[inline(always)]
    fn release_leaving(&self, rest: u32, thread: Thread) {
        let outer = thread.begin(&self.links, false);
        // SAFETY: the callers have seen this thread's id in the word, which only it puts there;
        // claim linked it.
        unsafe { thread.unlink(&self.links) };
        // Release, in SeqCst: who sees the slot free sees what its owner did. SeqCst: the owner's
        // look for sleepers, in `freed`, comes after it.
        let before = self.word.swap(rest, SeqCst);
        if before & WAITERS != 0 {
            // Inside the announcement: if this thread dies before it, the kernel wakes one.
            wake_all(&self.word);
        }
        thread.finish(outer);
    }

    #[inline(always)]
    pub(super) fn is_owned_by(&self, thread: Thread) -> bool {
        // Relaxed: if the word holds our id, we put it there.
        self.word.load(Relaxed) & TID_MASK == thread.id()
    }

    #[inline(always)]
    pub(super) fn is_owned(&self) -> bool {
        self.word.load(SeqCst) & TID_MASK != 0
    }

    pub(super) fn is_orphaned(&self) -> bool {
        let word = self.word.load(SeqCst);
        word & TID_MASK == 0 && word & OWNER_DIED != 0
    }

    /// Makes a slot whose owner died an ordinary free one, if that is still to be done.
    ///
    /// `is_due` is asked while the slot is this thread's: so nobody can take it, and die with it,
    /// between the answer and the forgetting. A death of this thread in here leaves the mark.
    pub(super) fn forget_death(&self, thread: Thread, is_due: impl FnOnce() -> bool) {
        if !self.is_orphaned() {
            return;
        }
        match self.claim(thread) {
            None => {}
            Some(Locked::Clean) => self.release(thread),
            Some(Locked::OwnerDied) => {
                // The dead owner's, which nobody is to take for this thread's.
                self.arrived.store(0, SeqCst);
                let rest = if is_due() { 0 } else { OWNER_DIED };
                self.release_leaving(rest, thread);
            }
        }
    }

    /// Holds it once more; false if that is too often.
    #[inline(always)]
    pub(super) fn deepen(&self) -> bool {
        let deeper = self.depth.get().checked_add(1);
        if let Some(depth) = deeper {
            self.depth.set(depth);
        }
        deeper.is_some()
    }

    /// Marks the word so that its owner, or the kernel on the owner's death, wakes who sleeps
    /// on it; the word to sleep on, or `None` for a slot without an owner.
    pub(super) fn expect_release(&self) -> Option<u32> {
        let mut word = self.word.load(SeqCst);
        loop {
            if word & TID_MASK == 0 {
                return None;
            }
            let marked = word | WAITERS;
            if word == marked {
                return Some(marked);
            }
            match self.word.compare_exchange(word, marked, SeqCst, SeqCst) {
                Ok(_) => return Some(marked),
                Err(now) => word = now,
            }
        }
    }
}

/// The slots in the order in which this thread tries them: neighbouring thread ids start at
/// neighbouring slots, so threads seldom meet.
pub(super) fn in_order(slots: &[Slot], thread: Thread) -> impl Iterator<Item = &Slot> {
    let (before, from) = slots.split_at(first(slots, thread));
    from.iter().chain(before)
}

#[inline(always)]
pub(super) fn first(slots: &[Slot], thread: Thread) -> usize {
    thread.id() as usize % slots.len()
}

/// The slot that this thread owns.
pub(super) fn owned_by(slots: &[Slot], thread: Thread) -> Option<&Slot> {
    in_order(slots, thread).find(|slot| slot.is_owned_by(thread))
}

/// Waits until one of the slots may have become free: told by `freed`, or by the kernel when an
/// owner dies. All of `slots` had an owner just now.
///
/// `wanted` is 1 while somebody may be asleep. It is a flag and not a count: a count would stay
/// too high for ever after a sleeper was killed.
pub(super) fn wait_for_any(
    slots: &[Slot],
    wanted: &AtomicU32,
    deadline: Deadline,
) -> Result<Awoken> {
    // SeqCst, here and in `freed`: either the owner sees the flag, or this thread sees the slot
    // free. With less, both could miss the other.
    wanted.store(1, SeqCst);
    let mut words = [(wanted, 1); futex::ANY_MAX];
    let mut count = 1;
    for (slot, entry) in slots.iter().zip(&mut words[1..]) {
        let Some(word) = slot.expect_release() else {
            return Ok(Awoken::Look);
        };
        *entry = (&slot.word, word);
        count += 1;
    }
    super::sleep_on_any(&words[..count], deadline)
}

/// Tells those in `wait_for_any` that a slot has become free.
#[inline(always)]
pub(super) fn freed(wanted: &AtomicU32) {
    if wanted.load(SeqCst) != 0 {
        take_flag_and_wake(wanted);
    }
}

#[cold]
extern "C" fn take_flag_and_wake(wanted: &AtomicU32) {
    // All, because the flag that is taken back stood for all of them.
    if wanted.swap(0, SeqCst) != 0 {
        wake_all(wanted);
    }
}

/// With C's calling convention because that cannot unwind: the fast paths that call it need to keep
/// nothing for that case (measured: a tenth of an uncontended lock and unlock).
#[cold]
extern "C" fn wake_all(word: &AtomicU32) {
    preserving_errno(|| futex::wake(word, u32::MAX));
}

/// The first `count` slots, where `count` was read from shared memory.
pub(super) fn in_use(slots: &[Slot], count: u32) -> Result<&[Slot]> {
    match slots.get(..count as usize) {
        Some(used) if count != 0 => Ok(used),
        _ => Err(fail!(
            EPROTO,
            "the object is damaged: its count is {count}; expected 1 to {}",
            slots.len()
        )),
    }
}

/// Which of `slots` one of them is.
pub(super) fn number(slots: &[Slot], slot: &Slot) -> usize {
    (core::ptr::from_ref(slot).addr() - slots.as_ptr().addr()) / size_of::<Slot>()
}
