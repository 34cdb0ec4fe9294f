//! The locks beyond the mutex: slots with an owner, and the objects made of them.
//!
//! Like those in the file beside this, each begins with or holds its tag. Objects that store thread
//! ids have the PID namespace in the tag's lower half.

use super::sync::{Mutex, tag};
use crate::sys::atomic::{AtomicU32, AtomicU64, Cell};
use crate::sys::robust::Links;

pub(crate) const RWLOCK_TAG: u64 = tag(b'R', 1);
pub(crate) const PERMITS_TAG: u64 = tag(b'P', 1);
pub(crate) const BARRIER_TAG: u64 = tag(b'B', 1);
pub(crate) const EVENT_TAG: u64 = tag(b'E', 1);

/// A place that one thread at a time owns, robustly: what the others are built from. It has the
/// kernel's form of a robust lock, and a cache line's size, so that owners of neighbouring
/// slots do not slow each other down.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Slot {
    /// Who owns it.
    ///
    /// | value | meaning |
    /// |---|---|
    /// | 0 | free |
    /// | thread id | owned |
    /// | OWNER_DIED alone | the owner died; free for the next, who may be told |
    /// | any of these + WAITERS | somebody may be asleep on this word |
    pub(crate) word: AtomicU32,
    /// A reader's slot: how many times beyond the first it holds the lock. The owner's alone.
    pub(crate) depth: Cell<u32>,
    /// A participant's slot: the round it has arrived at (see [`Barrier`]), or 0.
    pub(crate) arrived: AtomicU32,
    reserved: [u32; 3],
    /// The owner's list entry. The owner's and, after its death, the kernel's alone.
    pub(crate) links: Links,
    padding: [u64; 3],
}

pub(crate) const RWLOCK_READERS: usize = if cfg!(all(test, loom)) { 2 } else { 30 };

/// A readers-writer lock. Its tag stands where a mutex has its own, so that neither is taken for the
/// other; so it does in [`Once`], by being 0.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Rwlock {
    pub(crate) reserved_1: u64,
    pub(crate) tag: AtomicU64,
    /// 1 while the writer's changes may be half-done: from when the readers are out until the
    /// writer unlocks. Its owner is the mutex's.
    pub(crate) writing: AtomicU32,
    /// 1 when somebody may be asleep on it, because every slot was taken.
    pub(crate) wanted: AtomicU32,
    reserved_2: [u64; 5],
    /// Held by the writer from before it waits for the readers; also the queue of all who wait.
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
    /// 1 when somebody may be asleep on it, because every permit was taken.
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
    /// What is decided by one operation:
    ///
    /// | bits | meaning |
    /// |---|---|
    /// | 0 to 31 | how many arrivals were withdrawn; makes a decision based on one of them fail |
    /// | 32 to 63 | the round; `sync::round` names its bits |
    pub(crate) state: AtomicU64,
    /// Goes up with every new round; sleepers sleep on it.
    pub(crate) sequence: AtomicU32,
    /// How many participants it takes. Set at initialisation.
    pub(crate) count: Cell<u32>,
    reserved: [u64; 5],
    pub(crate) slots: [Slot; BARRIER_MAX],
}

/// An initialisation that runs once. All zeros is one that has not run.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Once {
    /// ONCE_DONE, or 0.
    pub(crate) done: AtomicU64,
    /// For ever: what stands here in other objects is not 0, so they are not taken for a fresh once.
    pub(crate) zeros: [u64; 3],
    /// Held by the runner. Its tag is set by the first who comes.
    pub(crate) runner: Mutex,
}

/// No small number, so that memory which is not a once is not taken for one that has run.
pub(crate) const ONCE_DONE: u64 = tag(b'O', 1) | 1;

/// An event.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Event {
    pub(crate) tag: AtomicU64,
    /// Bit 0: set. The rest goes up each time it becomes set. Sleepers sleep on it.
    pub(crate) word: AtomicU32,
    /// As in `Cond`.
    pub(crate) waiters: AtomicU32,
    /// Set at initialisation: EVENT_AUTO_RESET.
    pub(crate) flags: Cell<u32>,
    reserved: [u32; 3],
}

pub(crate) const EVENT_AUTO_RESET: u32 = 1;

// The sizes are promised to C programs, which have them compiled into their own structs. (A model's words are larger.)
#[cfg(not(all(test, loom)))]
const _: () = {
    use crate::sys::robust::WORD_TO_NODE;
    use core::mem::offset_of;

    assert!(size_of::<Slot>() == 64 && align_of::<Slot>() == 8);
    assert!(offset_of!(Slot, word) == 0);
    assert!(offset_of!(Slot, depth) == 4);
    assert!(offset_of!(Slot, arrived) == 8);
    assert!(offset_of!(Slot, links) == WORD_TO_NODE - size_of::<usize>());
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
    assert!(size_of::<Once>() == 96 && align_of::<Once>() == 8);
    assert!(offset_of!(Once, done) == 0);
    assert!(offset_of!(Once, runner) == 32);
    assert!(size_of::<Event>() == 32 && align_of::<Event>() == 8);
    assert!(offset_of!(Event, tag) == 0);
    assert!(offset_of!(Event, word) == 8);
    assert!(offset_of!(Event, waiters) == 12);
    assert!(offset_of!(Event, flags) == 16);
};
