//! The cell: the latest value of a type.
//!
//! ```text
//! offset 0        CellHeader
//!                 Type             the type of the value
//! aligned         slots            Stamp, room up to the value's alignment, value
//! ```
//!
//! A slot and its value are aligned to the value's alignment, and a slot at least to 64 bytes. `sync::versions`
//! describes the algorithm. Only writers write to this memory, and threads that mark that they sleep.

use super::queue::Latch;
use super::user_type::Type;
use crate::sys::atomic::{AtomicU32, AtomicU64};

pub(crate) const CELL_VERSION: u32 = 2;

/// The alignment of a slot, unless the value needs more.
pub(crate) const CELL_ALIGNMENT: u64 = 64;

/// The beginning of a slot: what readers check before and after they copy its value.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Stamp {
    /// The number of the slot's value; 0 while a writer fills the slot.
    pub(crate) number: AtomicU64,
    /// When the value was written, in nanoseconds on the monotonic clock.
    pub(crate) time_ns: AtomicU64,
}

/// Words that different processes write stand in different cache lines.
#[repr(C, align(64))]
pub(crate) struct CellHeader {
    /// The number of the latest value; 0 if there is none. Threads that wait sleep on its lower half.
    pub(crate) latest: AtomicU64,
    /// The processor of the last writer (`sys::processor`).
    pub(crate) processor: AtomicU32,
    reserved: [u32; 13],
    pub(crate) waiting: CellWaiting,
    pub(crate) writing: CellWriting,
}

/// Fields that a writer reads after each write, and seldom changes.
#[repr(C, align(64))]
pub(crate) struct CellWaiting {
    /// Not 0 if a thread may be asleep. A thread that waits sets it. A writer clears it and wakes all.
    pub(crate) marked: AtomicU32,
    reserved: AtomicU32,
    /// Not 0 if some process could not have the kernel execute fences on other processors (see sys::fence).
    pub(crate) needs_fence: AtomicU32,
    /// Not 0 if the cell's mode lets somebody read who may not write, and so cannot mark that it sleeps. Set at
    /// the creation.
    pub(crate) has_silent_readers: AtomicU32,
    /// When a writer last woke all, in nanoseconds on the monotonic clock.
    pub(crate) last_wake_ns: AtomicU64,
}

/// Fields that only writers touch.
#[repr(C, align(64))]
pub(crate) struct CellWriting {
    pub(crate) latch: Latch,
    /// The PID namespace of the thread ids in the latch.
    pub(crate) pid_namespace: AtomicU32,
}

/// The offset of the value's type.
pub(crate) const CELL_TYPE: u64 = size_of::<CellHeader>() as u64;

/// The offset behind the value's type.
pub(crate) const CELL_TYPE_END: u64 = CELL_TYPE + size_of::<Type>() as u64;

#[cfg(not(all(test, loom)))]
const _: () = {
    use core::mem::offset_of;

    assert!(size_of::<CellHeader>() == 192);
    assert!(offset_of!(CellHeader, latest) == 0);
    assert!(offset_of!(CellHeader, waiting) == 64);
    assert!(offset_of!(CellHeader, writing) == 128);
    assert!(offset_of!(CellWaiting, marked) == 0);
    assert!(offset_of!(CellWaiting, needs_fence) == 8);
    assert!(offset_of!(CellWaiting, last_wake_ns) == 16);
    assert!(offset_of!(CellWriting, latch) == 0);
    assert!(size_of::<Stamp>() == 16);
    assert!(CELL_TYPE_END == 192 + 2144);
};
