//! The kernel twin: when its state changes.
//!
//! [`kernel_twin`](super::kernel_twin) has the twin and its three states. Once the drop-in has asked for the twin to
//! be kept up to date, every call on the queue holds both latches, so that the twin and the queue change together.
//! One exception: a receive that finds the queue empty, as the twin says already, changes neither and holds one
//! latch.
//!
//! A call makes the twin ready *before* it changes the queue ([`SharedQueue::make_twin_ready_if`]), and unready
//! *after* it ([`SharedQueue::settle_twin`]). If the process is killed in between, the twin is ready although there
//! is nothing to do, until the next call. It is never unready although there is something to do.

use super::SharedQueue;
use super::kernel_twin::{EMPTY, FULL, READY, UNKNOWN};
use super::receive_section::ReceiveSection;
use super::send_section::SendSection;
use crate::base::error::{Errno, Result};
use crate::base::time::Deadline;
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::Relaxed;
use std::os::fd::{OwnedFd, RawFd};

impl SharedQueue {
    /// Keeps the twin up to date from now on, and returns its descriptor.
    pub(super) fn twin_descriptor(&self) -> Result<RawFd> {
        let both = self.enter_both_sections(Deadline::Now)?;
        let descriptor = self.twin.descriptor()?;
        // From here on every call takes both latches, and calls that hold one latch are over.
        if !self.has_twin() {
            self.header().waiting.fd_state.store(UNKNOWN, Relaxed);
        }
        self.settle_twin();
        drop(both);
        Ok(descriptor)
    }

    /// Uses a queue of the kernel's as the descriptor. [`kernel_twin`](super::kernel_twin) says what it has to be
    /// like.
    pub(crate) fn use_kernel_twin(&self, twin: OwnedFd) -> Result<()> {
        let _both = self.enter_both_sections(Deadline::Now)?;
        if self.descriptor.is_open() {
            return Err(Errno::EBUSY.into());
        }
        self.twin.bring(twin)
    }

    /// Whether the twin is kept up to date. Certain only while this thread holds a
    /// latch.
    #[inline(always)]
    pub(super) fn has_twin(&self) -> bool {
        self.header().waiting.fd_state.load(Relaxed) != 0
    }

    /// Call before a change of the queue that ends the state `unready` ([`EMPTY`] or [`FULL`]).
    #[inline(always)]
    pub(super) fn make_twin_ready_if(&self, unready: u32) {
        if self.has_twin() {
            self.make_present_twin_ready_if(unready);
        }
    }

    #[cold]
    #[inline(never)]
    fn make_present_twin_ready_if(&self, unready: u32) {
        let fd_state = &self.header().waiting.fd_state;
        if fd_state.load(Relaxed) == unready + 1 && !self.leaves_message_to_waiter() {
            self.twin.set(fd_state, READY);
        }
    }

    /// Call after a change of the queue: brings the twin, if there is one, into the queue's state.
    /// In that case this thread holds both latches.
    #[inline(always)]
    pub(super) fn settle_twin(&self) {
        if self.has_twin() {
            self.set_twin_state();
        }
    }

    #[cold]
    #[inline(never)]
    fn set_twin_state(&self) {
        if ReceiveSection::count(&self.memory) != 0 && self.leaves_message_to_waiter() {
            return;
        }
        self.announce();
    }

    /// Brings the twin into the queue's state, whoever waits. This thread holds both latches.
    pub(super) fn announce(&self) {
        let state = if ReceiveSection::count(&self.memory) == 0 {
            EMPTY
        } else if SendSection::may_have_room(&self.memory) {
            READY
        } else {
            FULL
        };
        self.twin.set(&self.header().waiting.fd_state, state);
    }

    /// Whether a message stays unannounced, because a receiver waits for it. mq_notify() on the twin tells of a message in an empty queue only if no receiver waits. The
    /// waiting receiver settles the twin after it has taken the message.
    ///
    /// The note of a waiting receiver proves nothing: the receiver may have died, or left its wait with
    /// siglongjmp(). So a sender that leaves a message, and then wakes nobody, announces it after all
    /// ([`SharedQueue::wake_receivers_or_announce`]).
    fn leaves_message_to_waiter(&self) -> bool {
        let waits = |thread| self.header().waiting_receivers.may_have_other(thread);
        self.leaves_twin_empty() && Thread::current().is_ok_and(waits)
    }

    /// Whether this process's twin announces no message.
    pub(super) fn leaves_twin_empty(&self) -> bool {
        self.twin.is_present() && self.header().waiting.fd_state.load(Relaxed) == EMPTY + 1
    }
}
