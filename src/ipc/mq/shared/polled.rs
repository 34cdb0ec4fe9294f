//! The descriptor to poll, which belongs to one handle in one process.
//!
//! Each call of this handle that may change the queue, or that finds nothing to do, settles the descriptor. Changes
//! by others reach it as they reach a sleeping thread: see [`watch`](crate::ipc::watch).

use super::SharedQueue;
use super::queue_wait::PolledQueue;
use crate::base::errno::preserving_errno;
use crate::base::error::Result;
use crate::sync::latch::check_namespace;
use crate::sys::cancellation::NotCancelled;
use crate::sys::thread::Thread;
use std::os::fd::RawFd;

impl SharedQueue {
    /// A descriptor that is readable while there is a message, and writable while there is room.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        if self.readiness.is_kernel_twin() {
            return self.twin_descriptor();
        }
        let (name, thread) = (&self.name, Thread::current()?);
        check_namespace(
            &format_args!("{name}: the queue"),
            thread,
            self.pid_namespace,
        )?;
        self.settle_claims();
        self.descriptor.get(false, &|| PolledQueue::of(self))
    }

    /// Settles the descriptor when the result is dropped: at the end of each call of this handle that may have
    /// changed the queue, or that may find nothing to do.
    #[inline(always)]
    pub(super) fn settles(&self) -> Settles<'_> {
        Settles(self)
    }

    #[cold]
    #[inline(never)]
    fn settle_open_descriptor(&self) {
        // A fast half may come here, without a guard.
        let _not_cancelled = NotCancelled::begin();
        preserving_errno(|| self.descriptor.settle());
    }
}

pub(super) struct Settles<'q>(&'q SharedQueue);

impl Drop for Settles<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.0.descriptor.is_open() {
            self.0.settle_open_descriptor();
        }
    }
}
