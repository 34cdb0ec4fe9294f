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
//! The word `fd_state` in shared memory is 0 while no twin needs upkeep. After that it holds the number of packets
//! plus 1, or [`UNKNOWN`].
//!
//! A process that has called mq_notify() on the twin is told of a message that comes to an empty queue. A waiting
//! receiver takes precedence, as with the kernel's queues: then the packet is left out.
//!
//! A twin is *lazy*: while nobody is about to sleep, it holds one packet, whatever the queue holds,
//! and `fd_state` is 0, so that no call does anything for it. A thread that is about to sleep in
//! poll() *arms* the twin: it brings it into the queue's state. If that is [`EMPTY`] or [`FULL`],
//! `fd_state` says so, and the next call that ends this state brings the twin back to one packet and
//! `fd_state` back to 0. So a twin is never unready while there is something to do. mq_notify() has a
//! twin kept exact until it gets its first packet the next time, because then the kernel has notified
//! the process (`keeps_twin`).

use crate::base::errno::preserving_errno;
use crate::base::error::{Result, fail};
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
/// The value of `fd_state` while the twin needs upkeep, but the number of packets is not known.
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

    /// Uses a queue of the kernel's, as long as this handle is open, or until another descriptor of it takes this
    /// one's place.
    pub(super) fn use_kernel_twin(&self, twin: OwnedFd) -> Result<()> {
        self.twin.close();
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

    /// Brings the twin to this number of packets, and notes it in `fd_state`. A twin that holds one packet,
    /// and `is_lazy` then, needs no upkeep: then `fd_state` becomes 0. A process that has no twin, or has closed it,
    /// can tell nobody; messages still flow.
    pub(super) fn set(
        &self,
        fd_state: &AtomicU32,
        packets: u32,
        is_lazy: &dyn Fn() -> bool,
    ) -> Result<()> {
        let mut present = fd_state.load(Relaxed).wrapping_sub(1);
        if present == packets {
            return Ok(());
        }
        let Some(twin) = self.present() else {
            return Ok(());
        };
        if present > FULL {
            // Before the first packet moves: if this process is killed between the packets and the state,
            // the next call must not take the twin for one that needs no upkeep.
            fd_state.store(UNKNOWN, Relaxed);
            let attributes = mqueue::attributes(twin);
            present = attributes.map_or(READY, |found| found.current_messages as u32);
        }
        for _ in present..packets {
            mqueue::move_byte(twin, true);
        }
        for _ in packets..present {
            mqueue::move_byte(twin, false);
        }
        let state = match packets {
            READY if is_lazy() => 0,
            _ => packets + 1,
        };
        fd_state.store(state, Relaxed);
        Ok(())
    }

    /// Moves a packet in a twin that holds this number of packets, so that an edge-triggered epoll reports the
    /// twin once more. The twin does not get its first packet again, so the kernel notifies no process.
    pub(super) fn repeat_edge(&self, packets: u32) -> Result<()> {
        let Some(twin) = self.present() else {
            return Ok(());
        };
        let is_full = packets == FULL;
        for puts in [!is_full, is_full] {
            mqueue::move_byte(twin, puts);
        }
        Ok(())
    }
}
