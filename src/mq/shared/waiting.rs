//! How the two sides of a queue wait for each other: look for a while, then sleep.
//!
//! Waking a sleeper costs as much as hundreds of messages, so a waiter first looks for about as
//! long as that takes, which is at most twice what the best choice would have cost (Karlin and
//! others, "Empirical studies of competitive spinning for a shared-memory multiprocessor",
//! 1991). Nobody calls the kernel to wake when nobody sleeps.

use crate::error::{Errno, Result};
use crate::layout::{Sleepers, WaitingThreads};
use crate::sys::futex::Awoken;
use crate::sys::process;
use crate::sys::robust::Thread;
use crate::time::{Deadline, now};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

/// Pauses between two looks, at most: each look takes the word's cache line from its owner.
const PAUSES_MAX: u32 = 16;

/// What one side waits for.
pub(super) struct Side<'q> {
    pub(super) sleepers: &'q Sleepers,
    pub(super) threads: &'q WaitingThreads,
    pub(super) strong: &'q AtomicU32,
}

impl Side<'_> {
    /// Waits until `ready` may hold. It need not hold on return: the caller looks again under
    /// the latch.
    pub(super) fn wait(
        &self,
        deadline: Deadline,
        spin: Duration,
        ready: impl Fn() -> bool,
    ) -> Result<()> {
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        if look(spin, deadline, &ready) {
            return Ok(());
        }
        let place = self.threads.enter(Thread::current()?);
        let awoken = self.sleepers.sleep_unless(self.strong, deadline, ready);
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

/// Looks for a while; whether it was worth it.
fn look(spin: Duration, deadline: Deadline, ready: &impl Fn() -> bool) -> bool {
    // On one processor, nothing changes while one looks.
    if spin.is_zero() || process::processors() == 1 {
        return ready();
    }
    let end = deadline.earlier(now().saturating_add(spin));
    let mut pauses = 1;
    loop {
        if ready() {
            return true;
        }
        for _ in 0..pauses {
            core::hint::spin_loop();
        }
        if pauses < PAUSES_MAX {
            pauses *= 2;
        } else if end.has_passed() {
            return false;
        }
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

    /// How many threads wait and live.
    pub(super) fn count(&self) -> usize {
        let ids = self.ids.iter().map(|place| place.load(Relaxed));
        ids.filter(|&id| id != 0 && !process::is_gone(id)).count()
    }
}
