//! How the two sides of a queue wait for each other: look for a while, then sleep.
//!
//! Waking a sleeper costs as much as hundreds of messages, so a waiter first looks for about as
//! long as that takes ([`spinning`](crate::sync)). Nobody calls the kernel to wake when nobody
//! sleeps.

use super::memory::Memory;
use crate::error::{Errno, Result};
use crate::layout::{Sleepers, WaitingThreads};
use crate::sync;
use crate::sys::futex::Awoken;
use crate::sys::process;
use crate::sys::robust::Thread;
use crate::time::Deadline;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

/// What one side waits for.
pub(super) struct Side<'q> {
    pub(super) sleepers: &'q Sleepers,
    pub(super) threads: &'q WaitingThreads,
    pub(super) strong: &'q AtomicU32,
    pub(super) memory: &'q Memory,
    /// Whether it may be there.
    pub(super) is_ready: fn(&Memory) -> bool,
}

impl Side<'_> {
    /// Waits until it may be there. It need not be on return: the caller looks again under
    /// the latch.
    #[inline(never)]
    pub(super) fn wait(&self, deadline: Deadline, spin: Duration) -> Result<()> {
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        let left = deadline.remaining();
        if left == Some(Duration::ZERO) {
            // Also where `is_ready` is wrong, in a damaged queue.
            return Err(Errno::ETIMEDOUT.into());
        }
        let spin = left.map_or(spin, |left| spin.min(left));
        // (No spinning is no look at all: `sleep_unless` looks.)
        let ready = || (self.is_ready)(self.memory);
        if !spin.is_zero() && sync::spin_for(spin, &mut || ready()) {
            return Ok(());
        }
        let place = self.threads.enter(Thread::current()?);
        let awoken = self.sleepers.sleep_unless(self.strong, deadline, &ready);
        if let Some(place) = place {
            place.store(0, Relaxed);
        }
        match awoken? {
            Awoken::Look => Ok(()),
            Awoken::Interrupted => Err(Errno::EINTR.into()),
            Awoken::TimedOut => Err(Errno::ETIMEDOUT.into()),
        }
    }
}

impl<'q> Side<'q> {
    /// Does all of that but the sleep itself: the word to sleep on, and its value. The thread is
    /// noted until this is called to end it. `None`: it may be ready.
    pub(super) fn begin_or_end(
        &self,
        spin: Duration,
        begins: bool,
    ) -> Result<Option<(&'q AtomicU32, u32)>> {
        let ready = || (self.is_ready)(self.memory);
        let thread = Thread::current()?;
        if begins {
            if sync::spin_for(spin, &mut || ready()) {
                return Ok(None);
            }
            self.threads.enter(thread);
            if let Some(seen) = self.sleepers.prepare_unless(self.strong, &ready) {
                return Ok(Some((&self.sleepers.word, seen)));
            }
        }
        self.threads.leave(thread);
        Ok(None)
    }
}

impl WaitingThreads {
    /// Notes that a thread waits; `None` if there is no room to note it.
    fn enter(&self, thread: Thread) -> Option<&AtomicU32> {
        let take = |place: &AtomicU32, found| {
            place
                .compare_exchange(found, thread.id(), Relaxed, Relaxed)
                .is_ok()
        };
        let free = self.ids.iter().find(|place| take(place, 0));
        free.or_else(|| {
            self.ids.iter().find(|place| {
                let found = place.load(Relaxed);
                process::is_gone(found) && take(place, found)
            })
        })
    }

    /// Takes a thread off the notes.
    pub(super) fn leave(&self, thread: Thread) {
        for place in &self.ids {
            if place.load(Relaxed) == thread.id() {
                place.store(0, Relaxed);
            }
        }
    }

    /// How many threads wait and live.
    #[inline(never)]
    pub(super) fn count(&self) -> usize {
        let ids = self.ids.iter().map(|place| place.load(Relaxed));
        ids.filter(|&id| id != 0 && !process::is_gone(id)).count()
    }
}
