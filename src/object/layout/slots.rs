//! Locks with several holders: a slot with an owner for each holder, and the objects made of slots.
//!
//! Each object holds its tag at a fixed place; the head of `sync.rs` describes tags. These objects store
//! thread ids, so their tags hold the PID namespace in the lower half.

use super::sync::{Mutex, tag};
use crate::sys::atomic::{AtomicU32, AtomicU64, Cell};
use crate::sys::liveness::BirthCell;
use crate::sys::robust::{Links, LockKind};

pub(crate) const RWLOCK_TAG: u64 = tag(b'R', 3);
pub(crate) const PERMITS_TAG: u64 = tag(b'P', 3);
pub(crate) const BARRIER_TAG: u64 = tag(b'B', 3);

/// A place that one thread at a time owns. It has the form of a robust lock that the kernel expects. It is
/// as large as a cache line, so that the owners of neighbouring slots do not slow each other down.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Slot {
    pub(crate) kind: LockKind,
    /// The owner.
    ///
    /// | value | meaning |
    /// |---|---|
    /// | 0 | free |
    /// | thread id | owned |
    /// | OWNER_DIED alone | the owner died; free for the next owner, who may be told of the death |
    /// | any of these + WAITERS | somebody may be asleep on this word |
    pub(crate) word: AtomicU32,
    /// In a reader's slot: how many times beyond the first the reader holds the lock. Only the owner
    /// touches it.
    pub(crate) depth: Cell<u32>,
    reserved_1: [u32; if cfg!(target_env = "musl") { 0 } else { 3 }],
    /// The owner's list entry. Only the owner touches it and, after the owner's death, the kernel.
    pub(crate) links: Links,
    /// The owner's birth, as in a mutex.
    pub(crate) birth: BirthCell,
    /// In a participant's slot: the round in which it has arrived (see [`Barrier`]), or 0.
    pub(crate) arrived: AtomicU32,
    /// The owner's processor, if others may spin until it releases the slot (`sys::processor`).
    pub(crate) processor: AtomicU32,
    reserved_2: [u32; 2],
}

pub(crate) const RWLOCK_READERS: usize = if cfg!(all(test, loom)) { 2 } else { 30 };

/// A readers-writer lock. Its tag stands at the place of a mutex's tag, so neither is taken for the other.
/// [`Once`](super::Once) has a 0 there, so it is taken for neither.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Rwlock {
    pub(crate) reserved_1: u64,
    pub(crate) tag: AtomicU64,
    /// 1 while the writer's changes may be half-done: from when the last reader has left until the writer
    /// unlocks. Only the owner of `writer` changes it.
    pub(crate) writing: AtomicU32,
    /// 1 while a thread may sleep on this word because every slot had an owner.
    pub(crate) wanted: AtomicU32,
    reserved_2: [u64; 5],
    /// The writer takes it before it waits for the readers. All waiting threads queue at it.
    pub(crate) writer: Mutex,
    pub(crate) readers: [Slot; RWLOCK_READERS],
}

pub(crate) const PERMITS_MAX: usize = if cfg!(all(test, loom)) { 2 } else { 31 };

/// A pool of permits.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Permits {
    pub(crate) tag: AtomicU64,
    /// How many of the slots are permits. Set at initialisation.
    pub(crate) count: Cell<u32>,
    /// 1 while a thread may sleep on this word because every permit was taken.
    pub(crate) wanted: AtomicU32,
    reserved: [u64; 6],
    pub(crate) slots: [Slot; PERMITS_MAX],
}

pub(crate) const BARRIER_MAX: usize = if cfg!(all(test, loom)) { 2 } else { 31 };

/// A barrier.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Barrier {
    pub(crate) tag: AtomicU64,
    /// The word whose change decides a round:
    ///
    /// | bits | meaning |
    /// |---|---|
    /// | 0 to 31 | how many arrivals were withdrawn; a decision based on a withdrawn arrival fails |
    /// | 32 to 63 | the round; `sync::round` names its bits |
    pub(crate) state: AtomicU64,
    /// Goes up with every new round. Sleepers sleep on it.
    pub(crate) sequence: AtomicU32,
    /// How many participants the barrier has. Set at initialisation.
    pub(crate) count: Cell<u32>,
    /// The processor of the participant that arrived last (`sys::processor`).
    pub(crate) processor: AtomicU32,
    reserved_1: u32,
    reserved_2: [u64; 4],
    pub(crate) slots: [Slot; BARRIER_MAX],
}

// C programs have these sizes compiled into their own structs. (A model's words are larger.)
#[cfg(not(all(test, loom)))]
const _: () = {
    use crate::sys::robust::is_lock_form;
    use core::mem::offset_of;

    assert!(size_of::<Slot>() == 64 && align_of::<Slot>() == 8);
    assert!(offset_of!(Slot, word) == size_of::<LockKind>());
    assert!(offset_of!(Slot, depth) == offset_of!(Slot, word) + 4);
    assert!(is_lock_form(
        offset_of!(Slot, word),
        offset_of!(Slot, links)
    ));
    assert!(offset_of!(Slot, birth) == 40);
    assert!(offset_of!(Slot, arrived) == 48);
    assert!(size_of::<Rwlock>() == 2048 && align_of::<Rwlock>() == 8);
    assert!(offset_of!(Rwlock, tag) == offset_of!(Mutex, tag));
    assert!(offset_of!(Rwlock, writing) == 16);
    assert!(offset_of!(Rwlock, wanted) == 20);
    assert!(offset_of!(Rwlock, writer) == 64);
    assert!(offset_of!(Rwlock, readers) == 128);
    assert!(size_of::<Permits>() == 2048 && align_of::<Permits>() == 8);
    assert!(offset_of!(Permits, tag) == 0);
    assert!(offset_of!(Permits, count) == 8);
    assert!(offset_of!(Permits, wanted) == 12);
    assert!(offset_of!(Permits, slots) == 64);
    assert!(size_of::<Barrier>() == 2048 && align_of::<Barrier>() == 8);
    assert!(offset_of!(Barrier, tag) == 0);
    assert!(offset_of!(Barrier, state) == 8);
    assert!(offset_of!(Barrier, sequence) == 16);
    assert!(offset_of!(Barrier, count) == 20);
    assert!(offset_of!(Barrier, slots) == 64);
};
