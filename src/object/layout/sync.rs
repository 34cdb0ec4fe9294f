//! The locks that users place in their own shared structs.
//!
//! Each begins with, or holds at a fixed place, a tag that says what it is. Initialisation
//! writes the tag last; every call compares it first, with one comparison of 64 bits. The upper
//! half is the kind, the version of its layout, and what the layout depends on (libc, byte
//! order: a peer of the other byte order reads another number). The lower half is the PID
//! namespace where thread ids are stored, and 0 where none are.

use crate::sys::atomic::{AtomicU32, AtomicU64, Cell};
use crate::sys::robust::Links;

/// The constant half of a tag.
pub(super) const fn tag(kind: u8, version: u8) -> u64 {
    ((0xA500 | kind as u64) << 48) | ((version as u64) << 40) | ((super::LIBC as u64) << 32)
}

/// Whether a number is the tag of a placed type, of any version.
pub(crate) const fn is_tag(number: u64) -> bool {
    number >> 56 == 0xA5
        && matches!(
            (number >> 48) as u8,
            b'M' | b'C' | b'S' | b'R' | b'P' | b'B' | b'E' | b'O'
        )
}

pub(crate) const MUTEX_TAG: u64 = tag(b'M', 1);
pub(crate) const COND_TAG: u64 = tag(b'C', 1);
pub(crate) const SEM_TAG: u64 = tag(b'S', 3);

/// A robust mutex.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Mutex {
    /// Who holds it.
    ///
    /// | value | meaning |
    /// |---|---|
    /// | 0 | free |
    /// | thread id | held |
    /// | thread id + OWNER_DIED | held, data not yet declared consistent |
    /// | OWNER_DIED alone | the owner died; free for the next locker, who is told |
    /// | OWNER_DIED alone, and `condemned` | nobody can have it again |
    /// | any of these + WAITERS | somebody may be asleep: releasing calls the kernel |
    pub(crate) word: AtomicU32,
    /// How many times beyond the first a recursive mutex is locked. The owner's alone.
    pub(crate) depth: Cell<u32>,
    pub(crate) tag: AtomicU64,
    /// Set at initialisation: MUTEX_RECURSIVE, MUTEX_PRIORITY_INHERIT.
    pub(crate) flags: Cell<u32>,
    /// 1 once it was unlocked with its data not declared consistent. Never goes back.
    pub(crate) condemned: AtomicU32,
    /// The owner's list entry. The owner's and, after its death, the kernel's alone.
    pub(crate) links: Links,
    reserved: [u64; 3],
}

pub(crate) const MUTEX_RECURSIVE: u32 = 1;
pub(crate) const MUTEX_PRIORITY_INHERIT: u32 = 2;

/// A condition variable.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Cond {
    pub(crate) tag: AtomicU64,
    /// Goes up with every signal; sleepers sleep on it.
    pub(crate) sequence: AtomicU32,
    /// Who may be asleep. Killed sleepers stay counted: that costs a needless wake, never a
    /// lost one.
    pub(crate) waiters: AtomicU32,
    reserved: [u64; 2],
}

/// A counting semaphore.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Sem {
    pub(crate) tag: AtomicU64,
    /// In one word, so that posting learns with one operation whether to wake somebody, and that
    /// nobody falls asleep whose flag was just taken back:
    ///
    /// | bits | meaning |
    /// |---|---|
    /// | 0 to 30 | how many permits are free |
    /// | 31 | somebody may be asleep: sleepers sleep while it is set and no permit is free |
    pub(crate) state: AtomicU32,
    pub(crate) reserved: [u32; 5],
}

// The sizes are promised to C programs, which have them compiled into their own structs. (A model's words are larger.)
#[cfg(not(all(test, loom)))]
const _: () = {
    use crate::sys::robust::WORD_TO_NODE;
    use core::mem::offset_of;

    assert!(size_of::<Mutex>() == 64 && align_of::<Mutex>() == 8);
    assert!(offset_of!(Mutex, word) == 0);
    assert!(offset_of!(Mutex, depth) == 4);
    assert!(offset_of!(Mutex, tag) == 8);
    assert!(offset_of!(Mutex, flags) == 16);
    assert!(offset_of!(Mutex, condemned) == 20);
    assert!(offset_of!(Mutex, links) == WORD_TO_NODE - size_of::<usize>());
    assert!(size_of::<Cond>() == 32 && align_of::<Cond>() == 8);
    assert!(offset_of!(Cond, tag) == 0);
    assert!(offset_of!(Cond, sequence) == 8);
    assert!(offset_of!(Cond, waiters) == 12);
    assert!(size_of::<Sem>() == 32 && align_of::<Sem>() == 8);
    assert!(offset_of!(Sem, tag) == 0);
    assert!(offset_of!(Sem, state) == 8);
};
