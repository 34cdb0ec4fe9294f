//! The descriptor to poll: when its state changes.
//!
//! [`readiness`](super::readiness) has the FIFO behind the descriptor and its three states. Once a
//! process has asked for the descriptor, every call on the queue holds both latches, so that the
//! FIFO and the queue change together. One exception: a receive that finds the queue empty, as the
//! FIFO says already, changes neither and holds one latch.
//!
//! A call makes the FIFO ready *before* it changes the queue ([`SharedQueue::make_ready_if`]), and
//! unready *after* it ([`SharedQueue::settle_descriptor`]). If the process is killed in between,
//! the descriptor is ready although there is nothing to do, until the next call. It is never
//! unready although there is something to do.

use super::SharedQueue;
use super::readiness::{EMPTY, FULL, READY, UNKNOWN};
use super::receive_section::ReceiveSection;
use super::send_section::SendSection;
use crate::base::error::Result;
use crate::base::time::Deadline;
use crate::ipc::mq::{Direction, Look};
use crate::sync;
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::Relaxed;
use std::os::fd::{OwnedFd, RawFd};

impl SharedQueue {
    /// A descriptor that is readable while there is a message, and writable while there is room.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        let both = self.enter_both_sections(Deadline::Now)?;
        let descriptor = self.readiness.open_or_create(&self.object)?;
        // From here on every call takes both latches, and calls that hold one latch are over. A
        // FIFO that nobody had open has lost its content. A kernel twin keeps its content.
        if !self.has_descriptor() || !self.readiness.is_kernel_twin() {
            self.header().waiting.fd_state.store(UNKNOWN, Relaxed);
        }
        self.settle_descriptor()?;
        drop(both);
        Ok(descriptor)
    }

    /// Uses a queue of the kernel's as the descriptor. [`readiness`](super::readiness) says what it
    /// has to be like.
    pub(crate) fn use_kernel_twin(&self, twin: OwnedFd) -> Result<()> {
        let _both = self.enter_both_sections(Deadline::Now)?;
        self.readiness.use_kernel_twin(twin)
    }

    /// Whether a process has asked for the descriptor. Certain only while this thread holds a
    /// latch.
    #[inline(always)]
    pub(super) fn has_descriptor(&self) -> bool {
        self.header().waiting.fd_state.load(Relaxed) != 0
    }

    /// Call before a change of the queue that ends the state `unready` ([`EMPTY`] or [`FULL`]).
    #[inline(always)]
    pub(super) fn make_ready_if(&self, unready: u32) -> Result<()> {
        match self.has_descriptor() {
            true => self.make_descriptor_ready_if(unready),
            false => Ok(()),
        }
    }

    #[cold]
    #[inline(never)]
    fn make_descriptor_ready_if(&self, unready: u32) -> Result<()> {
        let fd_state = &self.header().waiting.fd_state;
        if fd_state.load(Relaxed) == unready + 1 && !self.leaves_message_to_waiter() {
            self.readiness.set(fd_state, READY, self.is_twin_lazy())?;
        }
        Ok(())
    }

    /// Call after a change of the queue: brings the FIFO, if there is one, into the queue's state.
    /// In that case this thread holds both latches.
    #[inline(always)]
    pub(super) fn settle_descriptor(&self) -> Result<()> {
        match self.has_descriptor() {
            true => self.set_descriptor_state(),
            false => Ok(()),
        }
    }

    #[cold]
    #[inline(never)]
    fn set_descriptor_state(&self) -> Result<()> {
        if ReceiveSection::count(&self.memory) != 0 && self.leaves_message_to_waiter() {
            return Ok(());
        }
        self.announce()
    }

    /// Brings the descriptor into the queue's state, whoever waits. This thread holds both latches.
    pub(super) fn announce(&self) -> Result<()> {
        let fd_state = &self.header().waiting.fd_state;
        let (state, lazy) = (self.state(), self.is_twin_lazy());
        self.readiness.set(fd_state, state, lazy)
    }

    /// The number of packets that stands for the queue's present state.
    fn state(&self) -> u32 {
        if ReceiveSection::count(&self.memory) == 0 {
            EMPTY
        } else if SendSection::may_have_room(&self.memory) {
            READY
        } else {
            FULL
        }
    }

    /// Whether the descriptor is a kernel twin that need not be exact while nobody is about to sleep.
    fn is_twin_lazy(&self) -> bool {
        self.readiness.is_kernel_twin() && self.header().waiting.keeps_twin.load(Relaxed) == 0
    }

    /// Brings the kernel twin into the queue's state. The next call that ends a state in which the queue is
    /// empty or full makes the twin ready. With `repeats`, an edge-triggered epoll reports the twin once
    /// more if it is ready.
    pub(crate) fn arm_twin(&self, repeats: bool) -> Result<()> {
        let both = self.enter_both_sections(Deadline::Now)?;
        self.announce()?;
        let state = self.state();
        if repeats && state != EMPTY {
            self.readiness.repeat_edge(state)?;
        }
        drop(both);
        Ok(())
    }

    /// Keeps the kernel twin exact from now on, whichever process changes the queue.
    pub(crate) fn keep_twin(&self) -> Result<()> {
        let both = self.enter_both_sections(Deadline::Now)?;
        let waiting = &self.header().waiting;
        if waiting.keeps_twin.load(Relaxed) == 0 || !self.has_descriptor() {
            waiting.fd_state.store(UNKNOWN, Relaxed);
            waiting.keeps_twin.store(1, Relaxed);
        }
        self.announce()?;
        drop(both);
        Ok(())
    }

    /// The facts about the queue that a program can see through the kernel twin.
    pub(crate) fn look(&self) -> Look {
        let header = self.header();
        let count = ReceiveSection::count(&self.memory).min(self.memory.capacity());
        Look {
            sent: header.sent.count.load(Relaxed),
            current_messages: count as usize,
            has_room: SendSection::may_have_room(&self.memory),
            flag_changes: header.waiting.flag_changes.load(Relaxed),
        }
    }

    /// Notes that O_NONBLOCK of a descriptor of the kernel twin may have changed.
    pub(crate) fn note_flag_change(&self) {
        self.header().waiting.flag_changes.fetch_add(1, Relaxed);
    }

    /// Spins until there may be a message (or room), for as long as a waiter of this queue spins. Returns
    /// whether there may be.
    pub(crate) fn spin_until_ready(&self, direction: Direction) -> bool {
        let is_ready = || match direction {
            Direction::Receive => ReceiveSection::may_have_message(&self.memory),
            _ => SendSection::may_have_room(&self.memory),
        };
        sync::spin_for(self.spin, &mut || is_ready())
    }

    /// Whether a message stays unannounced, because a receiver waits for it. That is so only with a
    /// kernel twin: mq_notify() tells of a message in an empty queue only if no receiver waits. The
    /// waiting receiver settles the descriptor after it has taken the message.
    ///
    /// The note of a waiting receiver proves nothing: the receiver may have died, or left its wait with
    /// siglongjmp(). So a sender that leaves a message, and then wakes nobody, announces it after all
    /// ([`SharedQueue::wake_receivers_or_announce`]).
    fn leaves_message_to_waiter(&self) -> bool {
        let waits = |thread| self.header().waiting_receivers.may_have_other(thread);
        self.leaves_descriptor_empty() && Thread::current().is_ok_and(waits)
    }

    /// Whether the descriptor is a kernel twin that announces no message.
    pub(super) fn leaves_descriptor_empty(&self) -> bool {
        let waiting = &self.header().waiting;
        self.readiness.is_kernel_twin()
            && !self.is_twin_lazy()
            && waiting.fd_state.load(Relaxed) == EMPTY + 1
    }
}
