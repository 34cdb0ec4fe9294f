//! Objects that users place in their own shared structs: mutex, condition variable, semaphore, event
//! and once. `slots.rs` has the objects with several holders.
//!
//! Each object holds at a fixed place a tag that says what it is. Initialisation writes the tag last, and
//! every call compares it first, with one comparison of 64 bits. The upper half holds the kind, the
//! version of the layout, and the libc. A peer of the other byte order reads another number. In an object
//! that stores thread ids, the lower half is the PID namespace; in every other object it is 0.

use super::Sleepers;
use crate::sys::atomic::{AtomicU32, AtomicU64, Cell};
use crate::sys::liveness::BirthCell;
use crate::sys::robust::{Links, LockKind};

/// A tag with 0 in its lower half.
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

pub(crate) const MUTEX_TAG: u64 = tag(b'M', 3);
pub(crate) const COND_TAG: u64 = tag(b'C', 1);
pub(crate) const SEM_TAG: u64 = tag(b'S', 4);
pub(crate) const EVENT_TAG: u64 = tag(b'E', 2);

/// A robust mutex.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Mutex {
    /// The holder.
    ///
    /// | value | meaning |
    /// |---|---|
    /// | 0 | free |
    /// | thread id | held |
    /// | thread id + OWNER_DIED | held, data not yet declared consistent |
    /// | OWNER_DIED alone | the owner died; free for the next locker, who is told of the death |
    /// | OWNER_DIED alone, and `condemned` | nobody can lock it again |
    /// | any of these + WAITERS | somebody may be asleep: the release calls the kernel |
    #[cfg(not(target_env = "musl"))]
    pub(crate) word: AtomicU32,
    /// How many times beyond the first a recursive mutex is locked. Only the owner touches it.
    pub(crate) depth: Cell<u32>,
    #[cfg(target_env = "musl")]
    pub(crate) flags: Cell<u32>,
    pub(crate) tag: AtomicU64,
    /// MUTEX_RECURSIVE and MUTEX_PRIORITY_INHERIT. Set at initialisation.
    #[cfg(not(target_env = "musl"))]
    pub(crate) flags: Cell<u32>,
    pub(crate) kind: LockKind,
    #[cfg(target_env = "musl")]
    pub(crate) word: AtomicU32,
    #[cfg(target_env = "musl")]
    pub(crate) condemned: AtomicU32,
    /// The owner's list entry. Only the owner touches it and, after the owner's death, the kernel.
    pub(crate) links: Links,
    /// The birth of the thread in `word`, by which a waiter tells it from a later thread with its id; 0
    /// while that is unknown. The owner writes it after it has taken the word, and clears it before it
    /// releases the word.
    pub(crate) birth: BirthCell,
    /// 1 after a thread has unlocked the mutex without declaring its data consistent. Never goes back to 0.
    #[cfg(not(target_env = "musl"))]
    pub(crate) condemned: AtomicU32,
    #[cfg(not(target_env = "musl"))]
    reserved: [u32; 3],
}

impl Mutex {
    /// The first eight bytes, where the tags of other placed types stand.
    pub(crate) fn first_words(&self) -> [u32; 2] {
        #[cfg(not(target_env = "musl"))]
        return [
            self.word.load(core::sync::atomic::Ordering::Relaxed),
            self.depth.get(),
        ];
        #[cfg(target_env = "musl")]
        return [self.depth.get(), self.flags.get()];
    }
}

pub(crate) const MUTEX_RECURSIVE: u32 = 1;
pub(crate) const MUTEX_PRIORITY_INHERIT: u32 = 2;

/// A condition variable.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Cond {
    pub(crate) tag: AtomicU64,
    /// Goes up with every signal. Sleepers sleep on it.
    pub(crate) sequence: AtomicU32,
    /// How many threads may be asleep. A killed sleeper stays counted. That causes needless wake-ups, and
    /// loses none.
    pub(crate) waiters: AtomicU32,
    /// The processor of the last thread that signalled (`sys::processor`).
    pub(crate) processor: AtomicU32,
    reserved: [u32; 3],
}

/// A counting semaphore.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Sem {
    pub(crate) tag: AtomicU64,
    /// Both in one word, so one operation posts a permit and finds out whether to wake somebody:
    ///
    /// | bits | meaning |
    /// |---|---|
    /// | 0 to 30 | how many permits are free |
    /// | 31 | somebody may sleep |
    pub(crate) state: AtomicU32,
    /// Waiters sleep on it (`sync::bell`).
    pub(crate) bell: AtomicU32,
    /// Watches that wait for a permit and take none. While one is asleep, bit 31 of the state is set too.
    pub(crate) watches: Sleepers,
    /// The processor of the last thread that posted (`sys::processor`).
    pub(crate) processor: AtomicU32,
    reserved: [u32; 2],
}

/// An event.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Event {
    pub(crate) tag: AtomicU64,
    /// Bit 0: the event is set. The other bits count how often the bit was cleared.
    pub(crate) word: AtomicU32,
    /// Waiters sleep on it (`sync::bell`).
    pub(crate) bell: AtomicU32,
    /// EVENT_AUTO_RESET or 0. Set at initialisation.
    pub(crate) flags: Cell<u32>,
    /// Watches that wait until the event is set, and do not reset it.
    pub(crate) watches: Sleepers,
    /// Not 0: somebody may sleep at the bell.
    pub(crate) flag: AtomicU32,
    /// The processor of the last thread that set the event (`sys::processor`).
    pub(crate) processor: AtomicU32,
}

pub(crate) const EVENT_AUTO_RESET: u32 = 1;

/// An initialisation that runs once. If all bytes are 0, it has not run.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Once {
    /// ONCE_DONE, or 0.
    pub(crate) done: AtomicU64,
    /// Always 0. Other objects have a value that is not 0 here, so they are not taken for a new once.
    pub(crate) zeros: [u64; 3],
    /// The thread that runs the initialisation holds it. The first thread that comes sets its tag.
    pub(crate) runner: Mutex,
}

/// Not a small number, so that other memory is not taken for a once that has run.
pub(crate) const ONCE_DONE: u64 = tag(b'O', 2) | 1;

// C programs have these sizes compiled into their own structs. (A model's words are larger.)
#[cfg(not(all(test, loom)))]
const _: () = {
    use crate::sys::robust::is_lock_form;
    use core::mem::offset_of;

    const IS_MUSL: bool = cfg!(target_env = "musl");

    assert!(size_of::<Mutex>() == 64 && align_of::<Mutex>() == 8);
    assert!(offset_of!(Mutex, word) == if IS_MUSL { 20 } else { 0 });
    assert!(offset_of!(Mutex, depth) == if IS_MUSL { 0 } else { 4 });
    assert!(offset_of!(Mutex, tag) == 8);
    assert!(offset_of!(Mutex, flags) == if IS_MUSL { 4 } else { 16 });
    assert!(is_lock_form(
        offset_of!(Mutex, word),
        offset_of!(Mutex, links)
    ));
    assert!(offset_of!(Mutex, birth) == if IS_MUSL { 56 } else { 40 });
    assert!(offset_of!(Mutex, condemned) == if IS_MUSL { 24 } else { 48 });
    assert!(size_of::<Cond>() == 32 && align_of::<Cond>() == 8);
    assert!(offset_of!(Cond, tag) == 0);
    assert!(offset_of!(Cond, sequence) == 8);
    assert!(offset_of!(Cond, waiters) == 12);
    assert!(size_of::<Sem>() == 32 && align_of::<Sem>() == 8);
    assert!(offset_of!(Sem, tag) == 0);
    assert!(offset_of!(Sem, state) == 8);
    assert!(offset_of!(Sem, bell) == 12);
    assert!(size_of::<Event>() == 32 && align_of::<Event>() == 8);
    assert!(offset_of!(Event, tag) == 0);
    assert!(offset_of!(Event, word) == 8);
    assert!(offset_of!(Event, bell) == 12);
    assert!(offset_of!(Event, flags) == 16);
    assert!(size_of::<Once>() == 96 && align_of::<Once>() == 8);
    assert!(offset_of!(Once, done) == 0);
    assert!(offset_of!(Once, runner) == 32);
};
