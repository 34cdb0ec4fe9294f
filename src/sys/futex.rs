//! Sleeping on a word in shared memory (futex(2)).
//!
//! All calls are of the shared kind. With FUTEX_PRIVATE_FLAG the kernel would search for sleepers in this
//! process only.

use super::large::{self, Time};
use crate::base::time::Deadline;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32};
use core::time::Duration;
use nix::errno::Errno;

/// A bit of a lock word: somebody may sleep on the word, so the unlock has to call the kernel.
pub(crate) const WAITERS: u32 = libc::FUTEX_WAITERS;
/// A bit of a lock word: the kernel's mark after the owner's death.
pub(crate) const OWNER_DIED: u32 = libc::FUTEX_OWNER_DIED;
/// The part of a lock word that holds the owner's thread id.
pub(crate) const TID_MASK: u32 = libc::FUTEX_TID_MASK;

/// The reason for which a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awoken {
    /// A wake-up came, or the word had another value already: the caller has to read the word again.
    Recheck,
    /// The deadline passed.
    TimedOut,
    /// A signal handler ran.
    Interrupted,
}

/// A time that never comes: some 68 years after the machine started. With a time the kernel ends a wait
/// for every signal handler. Without one it restarts the wait after a handler with SA_RESTART.
const NEVER: Duration = Duration::from_secs(i32::MAX as u64);

/// Whether the kernel wakes a sleeper whenever a thread dies that has announced a word without an owner,
/// whatever else stands in the word ([`robust`](super::robust)).
///
/// Kernels before Linux 6.2 wake only if the word is 0 ("futex: Resend potentially swallowed owner death
/// notification"; some older kernels have that change too, but do not show it).
pub(crate) fn reports_every_death() -> bool {
    const UNKNOWN: u8 = 0;
    const YES: u8 = 1;
    const NO: u8 = 2;
    static ANSWER: AtomicU8 = AtomicU8::new(UNKNOWN);
    match ANSWER.load(Relaxed) {
        UNKNOWN => {
            let is_new = release().is_some_and(|release| release >= (6, 2));
            ANSWER.store(if is_new { YES } else { NO }, Relaxed);
            is_new
        }
        answer => answer == YES,
    }
}

/// The kernel's version: the first two numbers.
fn release() -> Option<(u32, u32)> {
    // SAFETY: bytes only.
    let mut names: libc::utsname = unsafe { core::mem::zeroed() };
    // SAFETY: the kernel fills the struct. uname is no cancellation point.
    Errno::result(unsafe { libc::uname(&raw mut names) }).ok()?;
    let bytes = names.release.map(|byte| byte as u8);
    let mut numbers = bytes.split(|byte| !byte.is_ascii_digit()).map(|number| {
        let text = core::str::from_utf8(number).ok()?;
        text.parse().ok()
    });
    Some((numbers.next()??, numbers.next()??))
}

/// Sleeps while `word` holds `expected`, at most until the deadline.
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Result<Awoken, Errno> {
    let until = match deadline {
        Deadline::Now => return Ok(Awoken::TimedOut),
        Deadline::At(point) => Some(Time::from(point)),
        Deadline::Never => Some(Time::from(NEVER)),
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

/// Whether [`wait_any`] waits for all words. It says so until it had to leave words out.
pub(crate) fn can_wait_for_any() -> bool {
    !IS_WAITV_MISSING.load(Relaxed)
}

static IS_WAITV_MISSING: AtomicBool = AtomicBool::new(false);

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
        Deadline::Never => Some(Time::from(NEVER)),
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
        (Err(_), [(word, expected), ..]) => {
            if !IS_WAITV_MISSING.swap(true, Relaxed) {
                // The caller comes back with a time that fits.
                return Ok(Awoken::Recheck);
            }
            wait(word, *expected, deadline)
        }
    }
}

/// Wakes up to `count` sleepers and returns how many. The call fails only if the word's page is gone, and
/// then nobody sleeps on it.
pub(crate) fn wake(word: &AtomicU32, count: u32) -> usize {
    let woken = futex(word, libc::FUTEX_WAKE, count.min(i32::MAX as u32), None, 0);
    woken.map_or(0, |woken| woken.unsigned_abs() as usize)
}

/// A change of a word that the kernel makes.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    Add(u32),
    Or(u32),
}

/// Changes a word and wakes all that sleep on it, in one step: no death of this thread comes in between. The number has
/// at most 11 bits. False if the kernel does not permit it, and then nothing has changed.
pub(crate) fn change_and_wake_all(word: &AtomicU32, change: Change) -> bool {
    const OP_ADD: u32 = 1;
    const OP_OR: u32 = 2;
    let (operation, number) = match change {
        Change::Add(number) => (OP_ADD, number),
        Change::Or(number) => (OP_OR, number),
    };
    // The lower fields are a comparison for a second wake-up, of which nobody is left.
    let encoded = operation << 28 | (number & 0x7ff) << 12;
    // SAFETY: both words are the same live, aligned u32. There is no time.
    let outcome = Errno::result(unsafe {
        libc::syscall(
            large::call::FUTEX,
            word.as_ptr(),
            libc::FUTEX_WAKE_OP,
            i32::MAX,
            core::ptr::null::<Time>(),
            word.as_ptr(),
            encoded,
        )
    });
    outcome.is_ok()
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
