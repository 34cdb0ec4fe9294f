//! The eventfd of a watch: what its counter means, and changing it.

use crate::base::error::Result;
use crate::sys::eventfd;
use crate::sys::fd::{self, Kept};
use core::sync::atomic::{AtomicBool, Ordering};
use std::os::fd::{AsRawFd, RawFd};

/// The counter of an eventfd that is writable and not readable.
pub(crate) const EMPTY: u64 = 0;
/// The counter of an eventfd that is readable and writable.
pub(crate) const READY: u64 = 1;
/// The counter of an eventfd that is readable and not writable: nothing more fits in.
pub(crate) const FULL: u64 = u64::MAX - 1;

/// An eventfd, which the program polls.
pub(crate) struct Target {
    eventfd: Kept,
    /// Whether the watcher has fired a place since this was last asked.
    has_fired: AtomicBool,
    /// Whether the counter is FULL.
    is_full: AtomicBool,
}

impl Target {
    pub(super) fn new() -> Result<Target> {
        let target = Target {
            eventfd: Kept::new(fd::eventfd()?)?,
            has_fired: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
        };
        target.set(READY);
        Ok(target)
    }

    pub(super) fn eventfd(&self) -> &Kept {
        &self.eventfd
    }

    /// The eventfd's number, unless the program has closed it.
    pub(super) fn number(&self) -> Option<RawFd> {
        self.eventfd.get().ok().map(|file| file.as_raw_fd())
    }

    /// Sets the counter. If the program has closed the eventfd, this does nothing.
    pub(super) fn set(&self, counter: u64) {
        if let Ok(file) = self.eventfd.get() {
            eventfd::take(file);
            if counter != EMPTY {
                eventfd::add(file, counter);
            }
            self.is_full.store(counter == FULL, Ordering::Relaxed);
        }
    }

    /// Makes the eventfd ready, for the watcher's thread.
    /// Call with the watcher's table locked, and after the place was marked.
    pub(super) fn fire(&self) {
        // Before the eventfd: the program may act on the eventfd at once, and has to find the mark.
        self.has_fired.store(true, Ordering::Release);
        if self.is_full.load(Ordering::Relaxed) {
            self.set(READY);
        } else if let Ok(file) = self.eventfd.get() {
            eventfd::add(file, READY);
        }
    }

    /// Whether the watcher has fired a place since [`take_fired`](Target::take_fired).
    pub(super) fn has_fired(&self) -> bool {
        self.has_fired.load(Ordering::Acquire)
    }

    /// Whether the watcher has fired a place since the last call.
    pub(super) fn take_fired(&self) -> bool {
        self.has_fired.load(Ordering::Relaxed) && self.has_fired.swap(false, Ordering::Acquire)
    }
}
