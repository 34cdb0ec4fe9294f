//! The kernel twin of a queue: a queue of the kernel's, whose readiness is the queue's.
//!
//! The drop-in for <mqueue.h> supplies it: a queue with room for two messages of one byte, whose messages are the
//! *packets* here. All processes that use the queue have to supply the same twin. It has three states:
//!
//! | packets | poll reports | the queue |
//! |---|---|---|
//! | 0 ([`EMPTY`]) | writable | is empty |
//! | 1 ([`READY`]) | readable, writable | has messages and room |
//! | 2 ([`FULL`]) | readable | is full |
//!
//! The word `fd_state` in shared memory is 0 while no twin is kept up to date. After that it holds the number of
//! packets plus 1, or [`UNKNOWN`].
//!
//! A process that has called mq_notify() on the twin is told of a message that comes to an empty queue. A waiting
//! receiver takes precedence, as with the kernel's queues: then the packet is left out.

use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Result, fail};
use crate::sys::cancellation::NotCancelled;
use crate::sys::fd::Kept;
use crate::sys::mqueue;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// How many packets the twin of an empty queue holds.
pub(super) const EMPTY: u32 = 0;
/// How many packets the twin of a queue with messages and room holds.
pub(super) const READY: u32 = 1;
/// How many packets the twin of a full queue holds: as many as go in.
pub(super) const FULL: u32 = 2;
/// The value of `fd_state` while there is a twin, but the number of packets is not known.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// The kernel twin of a queue, if this process has brought one. Every user of it holds both latches.
pub(super) struct Readiness {
    twin: Kept,
    /// Whether there is one. Written by a thread that holds both latches, as `twin` is.
    is_kernel_twin: AtomicBool,
}

impl Readiness {
    pub(super) const fn new() -> Readiness {
        Readiness {
            twin: Kept::none(),
            is_kernel_twin: AtomicBool::new(false),
        }
    }

    /// Uses a queue of the kernel's as long as this handle is open. `EBUSY` if the handle has one already.
    pub(super) fn use_kernel_twin(&self, twin: OwnedFd) -> Result<()> {
        if self.is_kernel_twin() {
            return Err(Errno::EBUSY.into());
        }
        self.twin.put(twin)?;
        self.is_kernel_twin.store(true, Relaxed);
        Ok(())
    }

    pub(super) fn is_kernel_twin(&self) -> bool {
        self.is_kernel_twin.load(Relaxed)
    }

    /// The descriptor. `EBADF` if the program has closed it behind the library.
    pub(super) fn descriptor(&self) -> Result<RawFd> {
        let twin = self.present().ok_or_else(|| {
            fail!(
                EBADF,
                "the queue's descriptor was closed outside the library"
            )
        })?;
        Ok(twin.as_raw_fd())
    }

    fn present(&self) -> Option<BorrowedFd<'_>> {
        // A send's or receive's fast half may come here, without a guard against cancellation.
        let _not_cancelled = NotCancelled::begin();
        preserving_errno(|| self.twin.get().ok())
    }

    /// Brings the twin to this number of packets, and notes it in `fd_state`. A process that has no twin, or has
    /// closed it, can tell nobody; messages still flow.
    pub(super) fn set(&self, fd_state: &AtomicU32, packets: u32) -> Result<()> {
        let mut present = fd_state.load(Relaxed).wrapping_sub(1);
        if present == packets {
            return Ok(());
        }
        let Some(twin) = self.present() else {
            return Ok(());
        };
        if present > FULL {
            // It is emptied to find out how many there are.
            while mqueue::move_byte(twin, false) {}
            present = EMPTY;
        }
        for _ in present..packets {
            mqueue::move_byte(twin, true);
        }
        for _ in packets..present {
            mqueue::move_byte(twin, false);
        }
        fd_state.store(packets + 1, Relaxed);
        Ok(())
    }
}
