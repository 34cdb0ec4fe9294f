//! The latest of several versions of a value, for readers that write nothing.
//!
//! Each version has a number and lies in the place `number % places`. The version's stamp is its number, or
//! [`WRITING`] while a writer fills the place. A word beside the places holds the number of the latest version.
//! A reader copies the latest version and then checks that its stamp is still the same. If it is not, the reader
//! copies the version that is the latest now. The check is that of a sequence lock (Boehm, "Can seqlocks get along
//! with programming language memory models?", 2012). Unlike in a sequence lock, the latest version is not touched
//! while the next one is written: a writer that is stopped or killed keeps no reader from reading.
//!
//! | step of a writer, which holds the writers' lock | if the writer is killed right after it |
//! |---|---|
//! | the place's stamp becomes WRITING | the latest version is the one before |
//! | writes the value and its time | the latest version is the one before |
//! | the stamp becomes the new number | the latest version is the one before |
//! | the number becomes the latest | the new version is the latest |
//!
//! The next writer takes the number after the latest, and so writes to the place that a dead writer has left.
//! Nothing has to be repaired. The order of the last two steps counts: if the latest number came first, readers of
//! the new version would depend on a writer that may be dead. With one place, so would all readers.

use crate::object::layout::Stamp;
use crate::sys::atomic::{AtomicU64, fence};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The stamp of a place whose value is being written.
const WRITING: u64 = 0;

/// Places for versions of a value.
pub(crate) trait Versions {
    /// The number of the latest version; 0 if there is none yet.
    fn latest(&self) -> &AtomicU64;
    /// How many places there are, at least three.
    fn places(&self) -> u64;
    /// The stamp of a place.
    fn stamp(&self, place: u64) -> &Stamp;
}

/// A version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) time_ns: u64,
}

/// The result of an attempt to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The value was copied whole.
    Read(Version),
    /// There is no version yet.
    Nothing,
    /// A writer has overwritten the place. There is a newer version.
    Overwritten,
    /// The latest version's place does not hold it, which no writer does.
    Damaged,
}

/// Begins a new version, under the writers' lock. Returns its number and its place, which is the caller's until
/// [`publish`].
#[inline(always)]
pub(crate) fn begin(versions: &impl Versions) -> (u64, u64) {
    // Relaxed: only the holder of the writers' lock changes it.
    let number = versions.latest().load(Relaxed).wrapping_add(1);
    let place = number % versions.places();
    // Release: a reader that finds the place overwritten must find that the latest version is another one.
    // Otherwise it would take the place for damaged.
    versions.stamp(place).number.store(WRITING, Release);
    // Without this fence the new value's bytes could become visible before the stamp, and a reader could take a
    // mixture of two values for whole.
    fence(Release);
    (number, place)
}

/// Stamps the version from [`begin`], whose value is complete. [`publish`] is next, or a caller's own step that
/// does the same.
#[inline(always)]
pub(crate) fn stamp(versions: &impl Versions, (number, place): (u64, u64), time_ns: u64) {
    let stamp = versions.stamp(place);
    stamp.time_ns.store(time_ns, Relaxed);
    // Release: a reader that finds the stamp must find the value.
    stamp.number.store(number, Release);
}

/// Makes the version with this number the latest.
#[inline(always)]
pub(crate) fn publish(versions: &impl Versions, number: u64) {
    // Release: a reader that finds the number must find the stamp.
    versions.latest().store(number, Release);
}

/// Copies the latest version once. `copy` gets its place. What it copies counts only if the result is
/// [`Attempt::Read`].
#[inline(always)]
pub(crate) fn read(versions: &impl Versions, copy: impl FnOnce(u64)) -> Attempt {
    // Acquire: the stamp must not be older than the number.
    let number = versions.latest().load(Acquire);
    if number == 0 {
        return Attempt::Nothing;
    }
    let place = number % versions.places();
    let stamp = versions.stamp(place);
    // Acquire: the value must not be older than the stamp.
    if stamp.number.load(Acquire) == number {
        let time_ns = stamp.time_ns.load(Relaxed);
        copy(place);
        // Without this fence the stamp could be read before the value, and miss that the value was overwritten.
        fence(Acquire);
        // Acquire: if the stamp is a writer's, the number below must not be older than it.
        if stamp.number.load(Acquire) == number {
            return Attempt::Read(Version { number, time_ns });
        }
    }
    // A writer fills this place again only after it has found another version to be the latest.
    match versions.latest().load(Acquire) == number {
        true => Attempt::Damaged,
        false => Attempt::Overwritten,
    }
}
