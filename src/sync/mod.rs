//! Algorithms on words in shared memory, one file per primitive.
//!
//! Two rules make them proof against killed processes. A lock's word names its owner, and the
//! owner's death is proved by the kernel through the thread's robust list ([`mutex`]). What has
//! no owner (a count, a sequence) is never left half-changed, because every change is one
//! atomic operation. A death can then only swallow a wake-up, so no sleeper relies on being
//! woken: it looks again by itself every [`RECHECK`]. The truth is in the words, and a wake-up
//! only makes it known sooner.

pub(crate) mod barrier;
pub(crate) mod cond;
pub(crate) mod event;
pub(crate) mod latch;
pub(crate) mod mutex;
pub(crate) mod once;
pub(crate) mod permits;
pub(crate) mod rwlock;
pub(crate) mod sem;

mod round;
mod sleepers;
mod slot;
mod spinning;

use crate::base::error::{Result, fail};
use crate::base::time::{Deadline, now};
use crate::object::layout::is_tag;
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken};
use crate::sys::robust::Thread;
use core::time::Duration;
use spinning::spin;
pub(crate) use spinning::spin_for;

/// How long a wake-up that died with its messenger can delay a sleeper.
pub(crate) const RECHECK: Duration = Duration::from_millis(100);

/// Sleeps while `word` holds `expected`, until the deadline, but never longer than [`RECHECK`].
fn sleep(word: &AtomicU32, expected: u32, deadline: Deadline) -> Result<Awoken> {
    match futex::wait(word, expected, deadline.earlier(now() + RECHECK))? {
        Awoken::TimedOut if !deadline.has_passed() => Ok(Awoken::Look),
        awoken => Ok(awoken),
    }
}

/// The same on several words at once. A kernel without such a wait (before 5.16) sleeps on the
/// first alone, and a change of another is seen [`RECHECK`] later at most.
fn sleep_on_any(words: &[(&AtomicU32, u32)], deadline: Deadline) -> Result<Awoken> {
    match futex::wait_any(words, deadline.earlier(now() + RECHECK))? {
        Awoken::TimedOut if !deadline.has_passed() => Ok(Awoken::Look),
        awoken => Ok(awoken),
    }
}

/// Refuses a placed object whose tag is not `expected`, as far as the tag's constant half goes.
///
/// The tag of some types is the first word of 64 bits, that of others the second. `other_word` is the one of these two that is
/// not this type's tag: it tells memory that is not initialised from a placed object of another type, which has 0 here.
fn check_tag(what: &str, found: u64, expected: u64, other_word: u64) -> Result<()> {
    let half = |tag: u64| (tag >> 32) as u32;
    if half(found) == half(expected) {
        return Ok(());
    }
    let found = match found {
        0 if is_tag(other_word) => other_word,
        0 => return Err(fail!(EINVAL, "the {what} is not initialised")),
        found => found,
    };
    Err(fail!(
        EPROTO,
        "not a {what} of this library, version and libc: expected tag {:08x}, found {:08x}",
        half(expected),
        half(found)
    ))
}

/// Two words of 32 bits as the word of 64 bits that they are in memory.
fn joined(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// The same for an object that stores thread ids, which mean others in another PID namespace.
fn check_tag_here(
    what: &str,
    found: u64,
    expected: u64,
    other_word: u64,
    thread: Thread,
) -> Result<()> {
    if found == expected | u64::from(thread.pid_namespace()) {
        return Ok(());
    }
    check_tag(what, found, expected, other_word)?;
    Err(fail!(
        EPROTO,
        "the {what} belongs to PID namespace {}, this process to {}: thread ids in it would be taken for others",
        found as u32,
        thread.pid_namespace()
    ))
}

/// The same for an object that stores none.
fn check_tag_anywhere(what: &str, found: u64, expected: u64, other_word: u64) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    check_tag(what, found, expected, other_word)?;
    Err(fail!(EPROTO, "the {what}'s tag is damaged"))
}
