//! Algorithms on words in shared memory, one file per primitive. Sections 5 and 6 of docs/design.md
//! introduce them.
//!
//! Two rules protect them against killed processes:
//!
//! - A lock's word names its owner. The kernel proves the owner's death through the thread's robust
//!   list ([`mutex`]).
//! - Data without an owner (a count, a sequence number) is never left half-changed, because every
//!   change is one atomic operation.
//!
//! So a death can only lose a wake-up. No sleeper depends on a wake-up: each reads its word again
//! after [`RECHECK`] at the latest. The words hold the truth, and a wake-up only makes a sleeper see
//! it sooner.

pub(crate) mod barrier;
pub(crate) mod cond;
pub(crate) mod event;
pub(crate) mod latch;
pub(crate) mod mutex;
pub(crate) mod once;
pub(crate) mod permits;
pub(crate) mod rwlock;
pub(crate) mod sem;
#[cfg(not(all(test, loom)))]
pub(crate) mod stale;
pub(crate) mod versions;

mod round;
mod sleepers;
mod slot;
mod spinning;

use crate::base::error::{Error, Result, fail};
use crate::base::time::{Deadline, now};
use crate::object::layout::is_tag;
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken};
use crate::sys::process::ShownNamespace;
use crate::sys::thread::Thread;
use core::time::Duration;
use spinning::spin;
pub(crate) use spinning::spin_for;

/// The longest time that a sleeper sleeps before it reads its word again. If a process dies with a
/// wake-up that it should have delivered, this is the longest delay.
pub(crate) const RECHECK: Duration =
    Duration::from_millis(if cfg!(all(test, loom)) { 0 } else { 100 });

/// When a waiter finds out whether the owners that it waits for are alive. That takes longer than most
/// waits, so it is due only once in [`RECHECK`].
struct NextExamination(Option<Duration>);

impl NextExamination {
    /// For a wait that begins now. It does not read the clock, since most waits end at the first attempt.
    fn of_new_wait(deadline: Deadline) -> NextExamination {
        NextExamination(match deadline {
            Deadline::Now => Some(Duration::ZERO),
            _ => None,
        })
    }

    /// Call before the first sleep, if `is_due` is asked only after it.
    fn prepare(&mut self) {
        if self.0.is_none() {
            self.0 = Some(now() + RECHECK);
        }
    }

    /// Whether it is due; then the next one is due later. It is always due if the caller is about to
    /// give up.
    fn is_due(&mut self, awoken: Awoken) -> bool {
        if awoken == Awoken::TimedOut {
            return true;
        }
        self.prepare();
        let now = now();
        let is_due = self.0.is_some_and(|next| now >= next);
        if is_due {
            self.0 = Some(now + RECHECK);
        }
        is_due
    }
}

/// Sleeps while `word` holds `expected`, until the deadline, but never longer than [`RECHECK`].
pub(crate) fn sleep(word: &AtomicU32, expected: u32, deadline: Deadline) -> Result<Awoken> {
    let awoken = futex::wait(word, expected, deadline.earlier(now() + RECHECK))?;
    Ok(recheck_before(deadline, awoken))
}

/// Sleeps while each of the words holds its number, until the deadline, but never longer than
/// [`RECHECK`]. A kernel without such a wait (before Linux 5.16) sleeps on the first word only, and
/// then the caller sees a change of another word at most [`RECHECK`] later.
fn sleep_on_any(words: &[(&AtomicU32, u32)], deadline: Deadline) -> Result<Awoken> {
    let awoken = futex::wait_any(words, deadline.earlier(now() + RECHECK))?;
    Ok(recheck_before(deadline, awoken))
}

/// A sleep that timed out before the caller's own deadline was ended by [`RECHECK`].
fn recheck_before(deadline: Deadline, awoken: Awoken) -> Awoken {
    match awoken {
        Awoken::TimedOut if !deadline.has_passed() => Awoken::Recheck,
        awoken => awoken,
    }
}

/// Checks the tag of a placed object that stores thread ids. An id names another thread in another
/// PID namespace, so an object of another namespace is refused.
#[inline(always)]
fn check_tag_in_namespace(
    what: &str,
    found: u64,
    expected: u64,
    other_word: impl FnOnce() -> u64,
    thread: Thread,
) -> Result<()> {
    let namespace = thread.pid_namespace();
    if found == expected | u64::from(namespace) {
        return Ok(());
    }
    let found = found_tag(found, other_word());
    Err(wrong_tag_or_namespace(what, found, expected, namespace))
}

/// Checks the tag of a placed object that stores no thread ids. Processes of all PID namespaces can
/// use it.
#[inline(always)]
fn check_tag_of_any_namespace(
    what: &str,
    found: u64,
    expected: u64,
    other_word: impl FnOnce() -> u64,
) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(wrong_tag(what, found_tag(found, other_word()), expected))
}

/// The tag of some placed types is the first word of 64 bits, that of the others the second.
/// `other_word` is the one of these two that is not this type's tag. It tells memory that is not
/// initialised from a placed object of another type, which has 0 here.
#[cold]
fn found_tag(found: u64, other_word: u64) -> u64 {
    if found == 0 && is_tag(other_word) {
        other_word
    } else {
        found
    }
}

/// Two words of 32 bits as the word of 64 bits that they are in memory.
fn joined(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

#[cold]
fn wrong_tag_or_namespace(what: &str, found: u64, expected: u64, namespace: u32) -> Error {
    wrong_kind(what, found, expected).unwrap_or_else(|| {
        fail!(
            EPROTO,
            "the {what} belongs to {}, this process to {}: thread ids in it would be taken for others",
            ShownNamespace(found as u32),
            ShownNamespace(namespace)
        )
    })
}

#[cold]
fn wrong_tag(what: &str, found: u64, expected: u64) -> Error {
    wrong_kind(what, found, expected)
        .unwrap_or_else(|| fail!(EPROTO, "the {what}'s tag is damaged"))
}

/// Why the upper half of a tag, which does not depend on the PID namespace, is not that of
/// `expected`; `None` if it is.
fn wrong_kind(what: &str, found: u64, expected: u64) -> Option<Error> {
    let half = |tag: u64| (tag >> 32) as u32;
    if half(found) == half(expected) {
        return None;
    }
    if found == 0 {
        return Some(fail!(EINVAL, "the {what} is not initialised"));
    }
    Some(fail!(
        EPROTO,
        "not a {what} of this library, version and libc: expected tag {:08x}, found {:08x}",
        half(expected),
        half(found)
    ))
}
