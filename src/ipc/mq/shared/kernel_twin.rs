//! The kernel twin of a queue: a queue of the kernel's, whose readiness is the queue's.
//!
//! The drop-in for <mqueue.h> supplies it: a queue with room for two messages of one byte. All processes that use
//! the queue have to supply the same twin. It has three states:
//!
//! | messages | poll reports | the queue |
//! |---|---|---|
//! | 0 ([`EMPTY`]) | writable | is empty |
//! | 1 ([`READY`]) | readable, writable | has messages and room |
//! | 2 ([`FULL`]) | readable | is full |
//!
//! The word `fd_state` in shared memory is 0 while there is no twin. After that it holds the number of messages
//! plus 1, or [`UNKNOWN`].
//!
//! A process that has called mq_notify() on the twin is told of a message that comes to an empty queue. A waiting
//! receiver takes precedence, as with the kernel's queues: then the message in the twin is left out.

use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Result};
use crate::sys::cancellation::NotCancelled;
use crate::sys::fd::Kept;
use crate::sys::mqueue;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// How many messages the twin of an empty queue holds.
pub(super) const EMPTY: u32 = 0;
/// How many messages the twin of a queue with messages and room holds.
pub(super) const READY: u32 = 1;
/// How many messages the twin of a full queue holds: as many as go in.
pub(super) const FULL: u32 = 2;
/// The value of `fd_state` while there is a twin, but the number of its messages is not known.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// The kernel twin, if this process has brought one. Every user of it holds both latches.
pub(super) struct KernelTwin {
    file: Kept,
    /// Whether there is one. Written by a thread that holds both latches, as `file` is.
    is_present: AtomicBool,
}

impl KernelTwin {
    pub(super) const fn none() -> KernelTwin {
        KernelTwin {
            file: Kept::none(),
            is_present: AtomicBool::new(false),
        }
    }

    /// Uses this queue of the kernel's as long as the handle is open. `EBUSY` if the handle has a twin already.
    pub(super) fn bring(&self, twin: OwnedFd) -> Result<()> {
        if self.is_present() {
            return Err(Errno::EBUSY.into());
        }
        self.file.put(twin)?;
        self.is_present.store(true, Relaxed);
        Ok(())
    }

    pub(super) fn is_present(&self) -> bool {
        self.is_present.load(Relaxed)
    }

    /// The descriptor. `EBADF` if the program has closed it behind the library.
    pub(super) fn descriptor(&self) -> Result<RawFd> {
        match self.open() {
            Some(twin) => Ok(twin.as_raw_fd()),
            None => Err(crate::base::error::fail!(
                EBADF,
                "the queue's descriptor was closed outside the library"
            )),
        }
    }

    fn open(&self) -> Option<BorrowedFd<'_>> {
        // A send's or receive's fast half may come here, without a guard against cancellation.
        let _not_cancelled = NotCancelled::begin();
        preserving_errno(|| self.file.get().ok())
    }

    /// Brings the twin to this number of messages, and notes it in `fd_state`. A process that has no twin, or
    /// has closed it, can tell nobody; messages still flow.
    pub(super) fn set(&self, fd_state: &AtomicU32, messages: u32) {
        let mut present = fd_state.load(Relaxed).wrapping_sub(1);
        if present == messages {
            return;
        }
        let Some(twin) = self.open() else {
            return;
        };
        if present > FULL {
            // It is emptied to find out how many there are.
            while mqueue::move_byte(twin, false) {}
            present = EMPTY;
        }
        for _ in present..messages {
            mqueue::move_byte(twin, true);
        }
        for _ in messages..present {
            mqueue::move_byte(twin, false);
        }
        fd_state.store(messages + 1, Relaxed);
    }
}
