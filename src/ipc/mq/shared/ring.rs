//! Rings at a queue's bells: how a send or a receive wakes those that sleep. [`wait_point`](super::wait_point) describes
//! both sides.

use crate::base::errno::preserving_errno;
use crate::object::layout::Sleepers;
use crate::sync::bell::{self, Ring};
use crate::sync::latch::Latched;
use crate::sys::thread::Thread;
use core::sync::atomic::AtomicU32;

/// Rings for sleepers that have set the flag late, after the change.
#[cold]
#[inline(never)]
pub(super) fn ring_for_late(bell: &AtomicU32, flag: &Sleepers, count: u32) {
    let Ok(thread) = Thread::current() else {
        return;
    };
    let mut clear_flag = || flag.clear_flag();
    preserving_errno(|| bell::ring(bell, thread, count, &mut || {}, &mut clear_flag));
}

/// A ring at one of the queue's bells. If it is dropped, it wakes all.
pub(super) struct QueueRing<'q> {
    ring: Option<Ring<'q>>,
    flag: &'q Sleepers,
}

impl<'q> QueueRing<'q> {
    #[cold]
    #[inline(never)]
    pub(super) fn begin(
        bell: &'q AtomicU32,
        flag: &'q Sleepers,
        latched: &mut Latched<'_>,
    ) -> QueueRing<'q> {
        // The announcement is the bell's from now on.
        latched.keep();
        QueueRing {
            ring: Some(Ring::begin(bell, latched.thread())),
            flag,
        }
    }

    /// Wakes up to `count` waiters.
    pub(super) fn end(mut self, count: u32) {
        self.wake(count);
    }

    /// Releases the latch under which the ring has begun, and then wakes up to `count` waiters. A waiter that
    /// is woken may need the latch at once. If this thread dies in between, the kernel wakes a waiter.
    pub(super) fn end_without(self, latched: Latched<'_>, other: Option<Latched<'_>>, count: u32) {
        match other {
            None => {
                latched.release_kept();
                self.end(count);
            }
            // A thread has one announcement, which the second latch needs.
            Some(other) => {
                self.end(count);
                drop(latched);
                drop(other);
            }
        }
    }

    fn wake(&mut self, count: u32) {
        if let Some(ring) = self.ring.take() {
            preserving_errno(|| ring.end(count, &mut || self.flag.clear_flag()));
        }
    }
}

impl Drop for QueueRing<'_> {
    fn drop(&mut self) {
        self.wake(u32::MAX);
    }
}
