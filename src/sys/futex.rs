//! Sleeping on a word in shared memory (futex(2)).
//!
//! All calls are of the shared kind. With FUTEX_PRIVATE_FLAG the kernel would search for sleepers in this
//! process only.

use super::large::{self, Time};
use crate::base::time::Deadline;
use core::sync::atomic::AtomicU32;
use nix::errno::Errno;

/// A bit of a lock word: somebody may sleep on the word, so the unlock has to call the kernel.
pub(crate) const WAITERS: u32 = libc::FUTEX_WAITERS;
/// A bit of a lock word: the kernel's mark after the owner's death.
pub(crate) const OWNER_DIED: u32 = libc::FUTEX_OWNER_DIED;
/// The part of a lock word that holds the owner's thread id.
pub(crate) const TID_MASK: u32 = libc::FUTEX_TID_MASK;

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awoken {
    /// A wake-up came, or the word had another value already: the caller has to read the word again.
    Recheck,
    /// The deadline passed.
    TimedOut,
    /// A signal handler ran.
    Interrupted,
}

/// Sleeps while `word` holds `expected`, at most until the deadline.
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Result<Awoken, Errno> {
    let until = match deadline {
        Deadline::Now => return Ok(Awoken::TimedOut),
        Deadline::At(point) => Some(Time::from(point)),
        Deadline::Never => None,
    };
    // Unlike WAIT, WAIT_BITSET takes an absolute time of the monotonic clock.
    let operation = libc::FUTEX_WAIT_BITSET;
    match futex(word, operation, expected, until.as_ref(), u32::MAX) {
        Ok(_) | Err(Errno::EAGAIN) => Ok(Awoken::Recheck),
        Err(Errno::ETIMEDOUT) => Ok(Awoken::TimedOut),
        Err(Errno::EINTR) => Ok(Awoken::Interrupted),
        // A sandbox forbids the call, each in its own way. Callers have other meanings for EPERM and EACCES.
        Err(Errno::EPERM | Errno::EACCES) => Err(Errno::ENOSYS),
        Err(errno) => Err(errno),
    }
}

/// The largest number of words for `wait_any`.
pub(crate) const ANY_MAX: usize = 32;

/// Sleeps while each of the words holds its number, at most until the deadline. If the kernel can't wait
/// for several words (before Linux 5.16, or in a sandbox that does not know the call), it waits for the
/// first one only.
pub(crate) fn wait_any(words: &[(&AtomicU32, u32)], deadline: Deadline) -> Result<Awoken, Errno> {
    // The kernel's struct futex_waitv.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Waiter {
        expected: u64,
        word: u64,
        flags: u32,
        reserved: u32,
    }
    // FUTEX_32 of <linux/futex.h>, without FUTEX_PRIVATE_FLAG.
    const SHARED_32_BITS: u32 = 2;
    let until = match deadline {
        Deadline::Now => return Ok(Awoken::TimedOut),
        Deadline::At(point) => Some(Time::from(point)),
        Deadline::Never => None,
    };
    let mut waiters = [Waiter {
        expected: 0,
        word: 0,
        flags: SHARED_32_BITS,
        reserved: 0,
    }; ANY_MAX];
    for (waiter, (word, expected)) in waiters.iter_mut().zip(words) {
        waiter.expected = u64::from(*expected);
        waiter.word = word.as_ptr().addr() as u64;
    }
    let until = until
        .as_ref()
        .map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: the array lives through the call and holds at least the given number of entries. Their words
    // are live, aligned u32s because the references are. `until` is NULL or outlives the call.
    let result = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            waiters.as_ptr(),
            words.len().min(ANY_MAX),
            0,
            until,
            libc::CLOCK_MONOTONIC,
        )
    });
    match (result, words) {
        (Ok(_) | Err(Errno::EAGAIN), _) => Ok(Awoken::Recheck),
        (Err(Errno::ETIMEDOUT), _) => Ok(Awoken::TimedOut),
        (Err(Errno::EINTR), _) => Ok(Awoken::Interrupted),
        (Err(errno @ Errno::EFAULT), _) | (Err(errno), []) => Err(errno),
        (Err(_), [(word, expected), ..]) => wait(word, *expected, deadline),
    }
}

/// Wakes up to `count` sleepers and returns how many. The call fails only if the word's page is gone, and
/// then nobody sleeps on it.
pub(crate) fn wake(word: &AtomicU32, count: u32) -> usize {
    let woken = futex(word, libc::FUTEX_WAKE, count.min(i32::MAX as u32), None, 0);
    woken.map_or(0, |woken| woken.unsigned_abs() as usize)
}

/// Takes a priority-inheritance lock word. The wait is in the kernel.
pub(crate) fn lock_pi(word: &AtomicU32, deadline: Deadline) -> Result<(), Errno> {
    let until = match deadline {
        Deadline::Now => return futex(word, libc::FUTEX_TRYLOCK_PI, 0, None, 0).map(drop),
        Deadline::At(point) => Some(Time::from(point)),
        Deadline::Never => None,
    };
    match futex(word, libc::FUTEX_LOCK_PI2, 0, until.as_ref(), 0) {
        // Before Linux 5.14 there is only FUTEX_LOCK_PI, whose deadline is a time of day.
        Err(Errno::ENOSYS) => {
            let until = match deadline.remaining() {
                None => None,
                Some(left) => Some(Time::from(large::time_of_day()?.saturating_add(left))),
            };
            futex(word, libc::FUTEX_LOCK_PI, 0, until.as_ref(), 0)
        }
        outcome => outcome,
    }
    .map(drop)
}

pub(crate) fn unlock_pi(word: &AtomicU32) -> Result<(), Errno> {
    futex(word, libc::FUTEX_UNLOCK_PI, 0, None, 0).map(drop)
}

fn futex(
    word: &AtomicU32,
    operation: libc::c_int,
    value: u32,
    until: Option<&Time>,
    bitset: u32,
) -> Result<libc::c_long, Errno> {
    let until = until.map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: the word is a live, aligned u32 for the whole call because the reference is. `until` is NULL
    // or a time that outlives the call. No operation here uses the fifth argument.
    Errno::result(unsafe {
        libc::syscall(
            large::call::FUTEX,
            word.as_ptr(),
            operation,
            value,
            until,
            core::ptr::null::<u32>(),
            bitset,
        )
    })
}
