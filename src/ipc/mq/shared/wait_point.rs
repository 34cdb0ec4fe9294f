//! How the two sides of a queue wait for each other: look for a while, then sleep.
//!
//! Waking a sleeper costs as much as hundreds of messages, so a waiter first looks for about as
//! long as that takes ([`spinning`](crate::sync)). Nobody calls the kernel to wake when nobody
//! sleeps.

use super::memory::Memory;
use crate::base::error::{Errno, Result};
use crate::base::time::Deadline;
use crate::object::layout::{Sleepers, WaitingThreads};
use crate::sync;
use crate::sys::futex::Awoken;
use crate::sys::process;
use crate::sys::thread::Thread;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

/// What one side waits for.
pub(super) struct WaitPoint<'q> {
    pub(super) sleepers: &'q Sleepers,
    pub(super) threads: &'q WaitingThreads,
    pub(super) needs_fence: &'q AtomicU32,
    pub(super) memory: &'q Memory,
    /// Whether it may be there.
    pub(super) is_ready: fn(&Memory) -> bool,
}

impl WaitPoint<'_> {
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
        let Some(seen) = self.begin(spin)? else {
            return Ok(());
        };
        let awoken = self.sleepers.sleep(seen, deadline);
        self.end()?;
        match awoken? {
            Awoken::Recheck => Ok(()),
            Awoken::Interrupted => Err(Errno::EINTR.into()),
            Awoken::TimedOut => Err(Errno::ETIMEDOUT.into()),
        }
    }

    /// SpinPolicy, and prepares to sleep: for as long as the sleepers' word has this value. The thread is
    /// noted until the `end`. `None`: it may be there.
    #[inline(never)]
    pub(super) fn begin(&self, spin: Duration) -> Result<Option<u32>> {
        let ready = || (self.is_ready)(self.memory);
        // Who looks waits too: for one that does, nobody need be told by a descriptor.
        self.threads.enter(Thread::current()?);
        // (No spinning is no look at all: `prepare_unless` looks.)
        if !spin.is_zero() && sync::spin_for(spin, &mut || ready()) {
            self.end()?;
            return Ok(None);
        }
        let seen = self.sleepers.prepare_unless(self.needs_fence, &ready);
        if seen.is_none() {
            self.end()?;
        }
        Ok(seen)
    }

    /// Takes the thread off the notes.
    #[inline(never)]
    pub(super) fn end(&self) -> Result<()> {
        let here = Thread::current()?.id();
        // Mostly the first, and each cache line is a cold one after a sleep.
        let mut places = self.threads.ids.iter();
        if let Some(place) = places.find(|place| place.load(Relaxed) == here) {
            place.store(0, Relaxed);
        }
        Ok(())
    }
}

impl WaitingThreads {
    /// Notes that a thread waits, if there is room to note it.
    fn enter(&self, thread: Thread) {
        let take = |place: &AtomicU32, found| {
            place
                .compare_exchange(found, thread.id(), Relaxed, Relaxed)
                .is_ok()
        };
        let mut places = self.ids.iter();
        if places.any(|place| take(place, 0)) {
            return;
        }
        self.ids.iter().any(|place| {
            let found = place.load(Relaxed);
            process::is_gone(found) && take(place, found)
        });
    }

    /// How many threads wait and live.
    #[inline(never)]
    pub(super) fn count(&self) -> usize {
        let ids = self.ids.iter().map(|place| place.load(Relaxed));
        ids.filter(|&id| id != 0 && !process::is_gone(id)).count()
    }
}
