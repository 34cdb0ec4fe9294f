//! Algorithms on words in shared memory, one file per primitive.
//!
//! Two rules make them proof against killed processes. A lock's word names its owner, and the
//! owner's death is proved by the kernel through the thread's robust list ([`mutex`]). What has
//! no owner (a count, a sequence) is never left half-changed, because every change is one
//! atomic operation. A death can then only swallow a wake-up, so no sleeper relies on being
//! woken: it looks again by itself every [`RECHECK`]. The truth is in the words, and a wake-up
//! only makes it known sooner.

pub(crate) mod cond;
pub(crate) mod mutex;
pub(crate) mod sem;

use crate::error::{Result, fail};
use crate::sys::futex::{self, Awoken};
use crate::sys::process;
use crate::time::{Deadline, now};
use core::sync::atomic::AtomicU32;
use core::time::Duration;

/// How long a wake-up that died with its messenger can delay a sleeper.
pub(crate) const RECHECK: Duration = Duration::from_millis(100);

/// How often a waiter looks at a word before it sleeps, each time after twice as many pauses as before: a
/// few microseconds in all, less than a wake-up costs.
const SPIN_ROUNDS: u32 = 7;

/// Sleeps while `word` holds `expected`, until the deadline, but never longer than [`RECHECK`].
fn sleep(word: &AtomicU32, expected: u32, deadline: Deadline) -> Result<Awoken> {
    match futex::wait(word, expected, deadline.earlier(now() + RECHECK))? {
        Awoken::TimedOut if !deadline.has_passed() => Ok(Awoken::Look),
        awoken => Ok(awoken),
    }
}

/// Calls `attempt` until it succeeds, at most for the few microseconds that are cheaper than a
/// sleep. Does nothing on a machine, or in an affinity mask, with a single processor.
fn spin<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    if process::processors() == 1 {
        return None;
    }
    for round in 0..SPIN_ROUNDS {
        // Ever longer between two looks: each look takes the word's cache line from its owner.
        for _ in 0..1 << round {
            core::hint::spin_loop();
        }
        if let Some(outcome) = attempt() {
            return Some(outcome);
        }
    }
    None
}

/// Refuses a placed object whose tag is not `expected`, as far as the tag's constant half goes.
fn check_tag(what: &str, found: u64, expected: u64) -> Result<()> {
    let half = |tag: u64| (tag >> 32) as u32;
    if half(found) == half(expected) {
        return Ok(());
    }
    if found == 0 {
        return Err(fail!(EINVAL, "the {what} is not initialised"));
    }
    Err(fail!(
        EPROTO,
        "not a {what} of this library, version and libc: expected tag {:08x}, found {:08x}",
        half(expected),
        half(found)
    ))
}
