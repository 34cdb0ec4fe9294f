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
//! So a death can only lose a wake-up. The words hold the truth, and a wake-up only makes a sleeper see it.
//! A sleeper sleeps without limit, so the kernel has to make up for a wake-up that a death loses:
//!
//! - If a thread dies that holds a lock, the kernel marks the word and wakes a sleeper on it.
//! - If a thread dies that has *announced* a word without an owner, the kernel wakes a sleeper on it. A
//!   thread announces the word on which others sleep before it changes what they wait for, and until it has
//!   woken them. A waiter announces it too, because it may die after it was woken and before it took
//!   what it was woken for. The kernel takes the lower 30 bits for an owner. So threads sleep on words
//!   that have nothing in these bits: the words of locks, and [`bell`]s.
//!
//! Examinations find the deaths that the kernel does not report, every 3 or 15 seconds ([`NextExamination`]).
//! Older kernels report less: there every sleep ends after one second ([`UNREPORTED`]).

pub(crate) mod barrier;
pub(crate) mod bell;
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
#[cfg(not(all(test, loom)))]
pub(crate) mod turn_bell;
pub(crate) mod versions;

mod round;
mod sleepers;
mod slot;
mod spinning;

use crate::base::error::{Error, Result, fail};
use crate::base::time::{Deadline, now};
use crate::object::layout::{is_tag, libc_name};
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken};
use crate::sys::process::ShownNamespace;
use crate::sys::thread::Thread;
use core::cell::Cell;
use core::time::Duration;
use spinning::spin;
pub(crate) use spinning::{may_spin_briefly, spin_for};

/// How long an examination of an owner serves, for the waits of one thread.
pub(crate) const EXAMINATION_SERVES: Duration =
    Duration::from_millis(if cfg!(all(test, loom)) { 0 } else { 100 });
/// The time between two examinations of an owner during one wait. The kernel reports the end of such an owner,
/// unless it holds thousands of locks, or one in memory that is gone.
pub(crate) const RARELY: Duration = Duration::from_secs(if cfg!(all(test, loom)) { 0 } else { 15 });
/// The same for an owner that can end unnoticed by exec ([`may_end_unnoticed`](crate::sys::liveness::may_end_unnoticed)).
pub(crate) const OFTEN: Duration = Duration::from_secs(if cfg!(all(test, loom)) { 0 } else { 3 });
/// The longest sleep where the kernel does not report every death of a thread that should deliver or had
/// received a wake-up.
const UNREPORTED: Duration = Duration::from_secs(1);

thread_local! {
    /// When this thread last examined an owner.
    static LAST_EXAMINATION: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// When a waiter finds out whether the owners that it waits for are alive. That takes longer than many
/// waits. So a thread does it before a sleep if it has not done so for [`EXAMINATION_SERVES`], and then
/// rarely.
struct NextExamination(Duration);

impl NextExamination {
    fn of_new_wait(deadline: Deadline) -> NextExamination {
        NextExamination(match deadline {
            Deadline::Now => Duration::ZERO,
            _ => LAST_EXAMINATION.get() + EXAMINATION_SERVES,
        })
    }

    /// Whether it is due; then the next one is due later. It is always due if the caller is about to
    /// give up. `may_end_unnoticed` is about the owners.
    fn is_due_of(&mut self, awoken: Awoken, may_end_unnoticed: impl FnOnce() -> bool) -> bool {
        if awoken == Awoken::TimedOut {
            return true;
        }
        let now = now();
        if now < self.0 {
            return false;
        }
        LAST_EXAMINATION.set(now);
        self.postpone(may_end_unnoticed());
        true
    }

    /// As [`is_due_of`](Self::is_due_of), for an owner of which nothing is known.
    fn is_due(&mut self, awoken: Awoken) -> bool {
        self.is_due_of(awoken, || true)
    }

    /// Whether it would end a sleep within [`EXAMINATION_SERVES`].
    fn is_near(&self) -> bool {
        self.0 < now() + EXAMINATION_SERVES
    }

    /// Makes it due as late as after an examination.
    fn postpone(&mut self, may_end_unnoticed: bool) {
        self.0 = now() + if may_end_unnoticed { OFTEN } else { RARELY };
    }

    /// The deadline, or the time of the next examination, whichever comes first.
    fn or(&self, deadline: Deadline) -> Deadline {
        deadline.earlier(self.0)
    }
}

/// Sleeps while `word` holds `expected`, until the deadline or the examination. The kernel wakes one sleeper if
/// a thread dies that has announced the word. Where it does not do that in all cases, the sleep is limited to
/// [`UNREPORTED`].
fn sleep_on(
    word: &AtomicU32,
    expected: u32,
    deadline: Deadline,
    examination: Option<&NextExamination>,
) -> Result<Awoken> {
    let until = limited(deadline, examination, futex::reports_every_death());
    recheck(word, expected, deadline, until)
}

/// As [`sleep_on`], for a word whose owner's death the kernel reports.
pub(crate) fn sleep_until_death(
    word: &AtomicU32,
    expected: u32,
    deadline: Deadline,
) -> Result<Awoken> {
    sleep_on(word, expected, deadline, None)
}

/// Sleeps while `word` holds `expected`, until the deadline, but at most for [`UNREPORTED`]: for words that
/// the thread that changes them does not announce.
pub(crate) fn sleep(word: &AtomicU32, expected: u32, deadline: Deadline) -> Result<Awoken> {
    let until = match deadline {
        Deadline::Now => deadline,
        deadline => deadline.earlier(now() + UNREPORTED),
    };
    recheck(word, expected, deadline, until)
}

/// Sleeps while `word` holds `expected`, until the deadline: for words that are changed and woken in one step
/// ([`futex::change_and_wake_all`]), so that no death comes in between.
pub(crate) fn sleep_undisturbed(
    word: &AtomicU32,
    expected: u32,
    deadline: Deadline,
) -> Result<Awoken> {
    recheck(word, expected, deadline, deadline)
}

/// Sleeps while `word` holds `expected`, until `until`, which is not later than the deadline.
fn recheck(word: &AtomicU32, expected: u32, deadline: Deadline, until: Deadline) -> Result<Awoken> {
    let awoken = futex::wait(word, expected, until)?;
    Ok(recheck_before(deadline, awoken))
}

/// As [`sleep_on`], while each of the words holds its number. A kernel without such a wait (before Linux 5.16)
/// sleeps on the first word only, and then the caller sees a change of another word at most [`UNREPORTED`]
/// later.
fn sleep_on_any(
    words: &[(&AtomicU32, u32)],
    deadline: Deadline,
    examination: &NextExamination,
) -> Result<Awoken> {
    let is_reported = futex::reports_every_death() && futex::can_wait_for_any();
    let until = limited(deadline, Some(examination), is_reported);
    Ok(recheck_before(deadline, futex::wait_any(words, until)?))
}

fn limited(
    deadline: Deadline,
    examination: Option<&NextExamination>,
    is_reported: bool,
) -> Deadline {
    let until = examination.map_or(deadline, |examination| examination.or(deadline));
    match is_reported {
        true => until,
        false => until.earlier(now() + UNREPORTED),
    }
}

/// The longest sleep on a bell by the caller's own means: until the deadline, and for [`UNREPORTED`] where the kernel does
/// not report every death.
pub(crate) fn limited_if_unreported(deadline: Deadline) -> Deadline {
    limited(deadline, None, futex::reports_every_death())
}

/// A sleep that timed out before the caller's own deadline was ended by a limit.
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
    // Without the version and the libc, which are the lower bytes of the half.
    let kind = |tag: u64| half(tag) >> 16;
    let libc = |tag: u64| libc_name(half(tag) & 0xFF);
    if let (true, Some(theirs), Some(ours)) =
        (kind(found) == kind(expected), libc(found), libc(expected))
    {
        if theirs != ours {
            return Some(fail!(
                EPROTO,
                "the {what} was initialised by a program with {theirs}, this one has {ours}: their locks differ"
            ));
        }
    }
    Some(fail!(
        EPROTO,
        "not a {what} of this library, version and libc: expected tag {:08x}, found {:08x}",
        half(expected),
        half(found)
    ))
}
