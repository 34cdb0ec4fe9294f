//! Slots: robust locks that nobody waits for, from which locks with several holders are built.
//!
//! A thread claims a free slot, or tries the next one. The owner's thread id stands in the slot's word,
//! and the slot stands in the owner's robust list, as with the mutex. So if the owner dies, the kernel
//! frees and marks its slots; where the kernel cannot, a waiter does ([`bury_owners`]). How many holders there are, and which of them died, is read from the
//! slots. A separate count could be wrong after a death; a slot can't.
//!
//! A thread that is killed inside `claim` or `release` leaves what the mutex's lock and unlock leave:
//! its id, which the kernel replaces by the mark, or a slot that it does not own.

use super::NextExamination;
use super::mutex::Locked;
use crate::base::errno::preserving_errno;
use crate::base::error::{Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::Slot;
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken, OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::liveness;
use crate::sys::robust::Announced;
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

impl Slot {
    pub(super) fn initialise(&self) {
        self.word.store(0, Relaxed);
        self.depth.set(0);
        self.birth.store(0, Relaxed);
        self.arrived.store(0, Relaxed);
        self.processor.store(0, Relaxed);
    }

    /// Makes this thread the slot's owner if the slot is free. Says whether the last owner died.
    pub(super) fn claim(&self, thread: Thread) -> Option<Locked> {
        let word = self.word.load(Relaxed);
        if word & TID_MASK != 0 {
            return None;
        }
        let birth = self.birth.load(Relaxed);
        if word & OWNER_DIED != 0 && liveness::is_predecessor(birth, thread.birth()) {
            // For the reason given at the mutex's `forget_predecessor`.
            let _ = self.birth.compare_exchange(birth, 0, Relaxed, Relaxed);
        }
        if !self.claim_if_word_is(word, thread) {
            return None;
        }
        if word & OWNER_DIED == 0 {
            return Some(Locked::Clean);
        }
        self.depth.set(0);
        Some(Locked::OwnerDied)
    }

    /// Makes this thread the slot's owner if the slot is free, unmarked and awaited by nobody. In every
    /// other case it changes nothing and returns false.
    #[inline(always)]
    pub(super) fn claim_clean(&self, thread: Thread) -> bool {
        self.claim_if_word_is(0, thread)
    }

    #[inline(always)]
    fn claim_if_word_is(&self, word: u32, thread: Thread) -> bool {
        let outer = thread.robust_list().begin(&self.links, false);
        // SeqCst: what this thread reads next (a writer's word, the other slots) it reads after the
        // claim has become visible. With less, two threads could both miss the other's change; see
        // each user.
        let claimed = self
            .word
            .compare_exchange(word, thread.id() | (word & WAITERS), SeqCst, Relaxed)
            .is_ok();
        if claimed {
            self.birth.store(thread.birth(), Relaxed);
            thread.leave_processor(&self.processor);
            self.kind.set();
            // SAFETY: the slot is announced and was just taken, so it is in no list. The caller keeps
            // it mapped while it owns it, as with every lock.
            unsafe { thread.robust_list().link(&self.links, false) };
        }
        thread.robust_list().finish(outer);
        claimed
    }

    /// Frees a slot that this thread owns.
    #[inline(always)]
    pub(super) fn release(&self, thread: Thread) {
        self.release_leaving(0, thread);
    }

    /// Frees a slot that this thread owns. `rest`, 0 or OWNER_DIED, stays in the word.
    #[inline(always)]
    fn release_leaving(&self, rest: u32, thread: Thread) {
        let outer = thread.robust_list().begin(&self.links, false);
        // SAFETY: the callers have seen this thread's id in the word, and only this thread puts it
        // there. `claim` linked the slot.
        unsafe { thread.robust_list().unlink(&self.links) };
        self.birth.store(0, Relaxed);
        // Release, which SeqCst includes: without it a thread that sees the slot free might not see
        // what its owner did. SeqCst: without it the owner's read in `wake_waiters_for_any` could
        // come before the release, and miss a waiter that has seen the slot taken.
        let before = self.word.swap(rest, SeqCst);
        if before & WAITERS != 0 {
            // Within the announcement: if this thread dies before it wakes, the kernel wakes one.
            wake_all(&self.word);
        }
        thread.robust_list().finish(outer);
    }

    #[inline(always)]
    pub(super) fn is_owned_by(&self, thread: Thread) -> bool {
        // Relaxed: only this thread puts its id into the word. A dead thread may have had the same id.
        self.word.load(Relaxed) & TID_MASK == thread.id()
            && !liveness::is_predecessor(self.birth.load(Relaxed), thread.birth())
    }

    #[inline(always)]
    pub(super) fn is_owned(&self) -> bool {
        // SeqCst: see each user. It includes Acquire: a thread that sees the slot free sees what its
        // owner did.
        self.word.load(SeqCst) & TID_MASK != 0
    }

    /// If the owner is gone and the kernel has not marked the word, marks it as the kernel would, for the
    /// reasons given at the mutex's `bury_owner`. Returns whether the slot was marked, by this thread or
    /// by another one.
    #[cold]
    fn bury_owner(&self, thread: Thread, examination: Examination) -> bool {
        let word = self.word.load(SeqCst);
        let owner = word & TID_MASK;
        if owner == 0 || thread.pid_namespace() == 0 {
            return false;
        }
        let is_gone = match examination {
            Examination::Cheap => liveness::has_no_thread(owner),
            Examination::Full => liveness::is_gone(owner, self.birth.load(Relaxed)),
        };
        if !is_gone {
            return false;
        }
        // SeqCst: the mark replaces a release, so it needs what a release needs.
        let buried = self
            .word
            .compare_exchange(word, OWNER_DIED, SeqCst, Relaxed);
        if buried.is_ok() && word & WAITERS != 0 {
            // The kernel would wake one. All read the word again, which costs little and happens once.
            wake_all(&self.word);
        }
        true
    }

    /// Whether the last owner died, and nobody has claimed the slot since.
    pub(super) fn is_orphaned(&self) -> bool {
        let word = self.word.load(SeqCst);
        word & TID_MASK == 0 && word & OWNER_DIED != 0
    }

    /// Removes the mark of an owner's death from a free slot, if `is_due` says so.
    ///
    /// It calls `is_due` while this thread owns the slot. So nobody can claim the slot, and die as its
    /// owner, between the answer and the removal. If this thread dies in here, the kernel leaves the
    /// mark again.
    pub(super) fn clear_death_mark(&self, thread: Thread, is_due: impl FnOnce() -> bool) {
        if !self.is_orphaned() {
            return;
        }
        match self.claim(thread) {
            None => {}
            Some(Locked::Clean) => self.release(thread),
            Some(Locked::OwnerDied) => {
                // The dead owner's arrival must not count as this thread's.
                self.arrived.store(0, SeqCst);
                let rest = if is_due() { 0 } else { OWNER_DIED };
                self.release_leaving(rest, thread);
            }
        }
    }

    /// Counts one more hold by the owner; false if the count is at its limit.
    #[inline(always)]
    pub(super) fn increase_depth(&self) -> bool {
        let deeper = self.depth.get().checked_add(1);
        if let Some(depth) = deeper {
            self.depth.set(depth);
        }
        deeper.is_some()
    }

    /// Marks the word, so that its owner wakes the sleepers on it when it releases the slot, and the
    /// kernel does so when the owner dies. Returns the word to sleep on, or `None` if the slot has no
    /// owner.
    pub(super) fn request_wake_up(&self) -> Option<u32> {
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

/// How thoroughly to find out whether an owner is alive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Examination {
    /// One system call, which finds most dead.
    Cheap,
    /// Some ten system calls.
    Full,
}

/// Marks the slots whose owners are gone, where the kernel has not done so. Returns whether there were
/// any: then the caller tries again. Call it when this thread would give up, or has slept in vain.
///
/// A caller that does not wait may call often, so for it only one slot in turn is examined fully.
#[cold]
pub(super) fn bury_owners<'a>(
    slots: impl IntoIterator<Item = &'a Slot>,
    thread: Thread,
    deadline: Deadline,
) -> bool {
    static TURN: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(0);
    let turn = match deadline {
        Deadline::Now => Some(TURN.fetch_add(1, Relaxed) % futex::ANY_MAX as u32),
        _ => None,
    };
    let mut any = false;
    for (slot, number) in slots.into_iter().zip(0..) {
        let examination = match turn {
            Some(turn) if turn != number => Examination::Cheap,
            _ => Examination::Full,
        };
        any |= slot.bury_owner(thread, examination);
    }
    any
}

/// Call before a sleep that a signal handler ends. A handler that runs at the very moment at which an examination ends
/// the sleep would not end the wait. So if the next examination is near, this examines the owners as far as that is
/// cheap, and postpones the rest. Returns whether an owner was gone: then the caller tries again.
pub(super) fn examine_early<'a>(
    slots: impl IntoIterator<Item = &'a Slot> + Clone,
    thread: Thread,
    examination: &mut NextExamination,
) -> bool {
    if !examination.is_near() {
        return false;
    }
    examination.postpone(may_end_unnoticed(slots.clone()));
    let mut any = false;
    for slot in slots {
        any |= slot.bury_owner(thread, Examination::Cheap);
    }
    any
}

/// The slots in the order in which this thread tries them. Neighbouring thread ids start at
/// neighbouring slots, so threads seldom meet.
pub(super) fn in_search_order(slots: &[Slot], thread: Thread) -> impl Iterator<Item = &Slot> {
    let first = thread.id() as usize % slots.len();
    let (before, from) = slots.split_at(first);
    from.iter().chain(before)
}

/// The slot that this thread owns.
pub(super) fn owned_by(slots: &[Slot], thread: Thread) -> Option<&Slot> {
    in_search_order(slots, thread).find(|slot| slot.is_owned_by(thread))
}

/// Whether the owner of one of the slots can end unnoticed.
pub(super) fn may_end_unnoticed<'a>(slots: impl IntoIterator<Item = &'a Slot>) -> bool {
    slots
        .into_iter()
        .any(|slot| liveness::may_end_unnoticed(slot.word.load(Relaxed) & TID_MASK))
}

/// The value of `wanted` while somebody may be asleep. The kernel takes the lower bits of a word that is
/// announced for an owner.
const WANTED: u32 = WAITERS;

/// A thread that may wait for a free slot, as long as this value lives. If it dies after it was woken and before
/// it took a slot, the kernel wakes the next waiter.
pub(super) struct SlotWaiter<'a> {
    wanted: &'a AtomicU32,
    thread: Thread,
    outer: Announced,
}

impl<'a> SlotWaiter<'a> {
    pub(super) fn at(wanted: &'a AtomicU32, thread: Thread) -> SlotWaiter<'a> {
        SlotWaiter {
            wanted,
            thread,
            outer: thread.robust_list().begin_word(wanted),
        }
    }
}

impl Drop for SlotWaiter<'_> {
    fn drop(&mut self) {
        self.thread.robust_list().finish(self.outer);
    }
}

/// Waits until one of the slots may have become free. The owner that frees a slot wakes this thread
/// by [`wake_waiters_for_any`], and the kernel wakes it when an owner dies. Every slot had an owner
/// just before the call.
///
/// `wanted` is not 0 while somebody may be asleep. It is a flag and not a count: after a sleeper was
/// killed, a count would stay too high for ever.
pub(super) fn wait_for_any(
    slots: &[Slot],
    waiter: &SlotWaiter<'_>,
    deadline: Deadline,
    examination: &NextExamination,
) -> Result<Awoken> {
    let wanted = waiter.wanted;
    // SeqCst, here and in `wake_waiters_for_any`: either the owner sees the flag, or this thread sees
    // the slot free. With less, both could miss the other's change.
    wanted.store(WANTED, SeqCst);
    let mut words = [(wanted, WANTED); futex::ANY_MAX];
    let mut count = 1;
    for (slot, entry) in slots.iter().zip(&mut words[1..]) {
        let Some(word) = slot.request_wake_up() else {
            return Ok(Awoken::Recheck);
        };
        *entry = (&slot.word, word);
        count += 1;
    }
    if let [_, (word, expected)] = words[..count] {
        // A wait for one word ends for every signal handler, one for several only for handlers without
        // SA_RESTART. Who frees the slot wakes those who sleep on its word.
        return super::sleep_on(word, expected, deadline, Some(examination));
    }
    super::sleep_on_any(&words[..count], deadline, examination)
}

/// Wakes the threads in [`wait_for_any`], after a slot has become free.
#[inline(always)]
pub(super) fn wake_waiters_for_any(wanted: &AtomicU32) {
    if wanted.load(SeqCst) != 0 {
        clear_flag_and_wake(wanted);
    }
}

/// With C's calling convention, which cannot unwind: see [`wake_all`].
#[cold]
extern "C" fn clear_flag_and_wake(wanted: &AtomicU32) {
    // It wakes all sleepers, because the cleared flag stood for all of them.
    if wanted.swap(0, SeqCst) != 0 {
        wake_all(wanted);
    }
}

/// With C's calling convention, which cannot unwind. So the fast paths that call it save nothing for
/// that case (measured: a tenth of an uncontended lock and unlock).
#[cold]
extern "C" fn wake_all(word: &AtomicU32) {
    preserving_errno(|| futex::wake(word, u32::MAX));
}

/// The first `count` slots. `count` was read from shared memory, so it may be anything.
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

/// The index of `slot`, which is one of `slots`.
pub(super) fn index_of(slots: &[Slot], slot: &Slot) -> usize {
    (core::ptr::from_ref(slot).addr() - slots.as_ptr().addr()) / size_of::<Slot>()
}
