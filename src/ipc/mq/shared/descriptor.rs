//! The kernel twin: when its state changes.
//!
//! [`readiness`](super::readiness) has the twin and its three states. Once the drop-in has asked for the twin to be
//! kept up to date, every call on the queue holds both latches, so that the twin and the queue change together. One
//! exception: a receive that finds the queue empty, as the twin says already, changes neither and holds one latch.
//!
//! A call makes the twin ready *before* it changes the queue ([`SharedQueue::make_ready_if`]), and unready *after* it
//! ([`SharedQueue::settle_descriptor`]). If the process is killed in between, the twin is ready although there is
//! nothing to do, until the next call. It is never unready although there is something to do.

use super::SharedQueue;
use super::readiness::{EMPTY, FULL, READY, UNKNOWN};
use super::receive_section::ReceiveSection;
use super::send_section::SendSection;
use crate::base::error::{Errno, Result};
use crate::base::time::Deadline;
use crate::ipc::mq::{Direction, Look};
use crate::sync;
use crate::sys::thread::Thread;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use std::os::fd::{OwnedFd, RawFd};

/// The values of `keeps_twin`: the twin is kept exact until it gets its first packet, or for good.
const KEPT: u32 = 1;
const KEPT_FOR_GOOD: u32 = 2;

impl SharedQueue {
    /// Keeps the twin up to date from now on, and returns its descriptor.
    pub(super) fn twin_descriptor(&self) -> Result<RawFd> {
        let both = self.enter_both_sections(Deadline::Now)?;
        let descriptor = self.readiness.descriptor()?;
        // From here on every call takes both latches, and calls that hold one latch are over. The twin keeps its
        // content.
        if !self.has_descriptor() {
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
        if self.descriptor.is_open() {
            return Err(Errno::EBUSY.into());
        }
        self.readiness.use_kernel_twin(twin)
    }

    /// Whether a twin is kept up to date. Certain only while this thread holds a
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
            self.make_twin_ready(fd_state)?;
        }
        Ok(())
    }

    /// Brings a descriptor that is unready to [`READY`]. The kernel's notification, for which a twin was
    /// kept, happens now if the queue was empty. A handler of this thread that runs meanwhile may ask for
    /// the next notification.
    fn make_twin_ready(&self, fd_state: &AtomicU32) -> Result<()> {
        if fd_state.load(Relaxed) == EMPTY + 1 {
            let keeps_twin = &self.header().waiting.keeps_twin;
            // If this process is killed here, the repair of the latches makes the twin exact once more.
            let _ = keeps_twin.compare_exchange(KEPT, 0, Relaxed, Relaxed);
        }
        self.readiness.set(fd_state, READY, &|| self.is_twin_lazy())
    }

    /// Call after a change of the queue: brings the twin, if there is one, into the queue's state.
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

    /// Brings the twin into the queue's state, whoever waits. This thread holds both latches.
    pub(super) fn announce(&self) -> Result<()> {
        let fd_state = &self.header().waiting.fd_state;
        match self.state() {
            READY => self.make_twin_ready(fd_state),
            state => self.readiness.set(fd_state, state, &|| false),
        }
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
        // The twin's packets are counted, so that a twin that a death has left ready becomes right.
        self.header().waiting.fd_state.store(UNKNOWN, Relaxed);
        self.announce()?;
        let state = self.state();
        if repeats && state != EMPTY {
            self.readiness.repeat_edge(state)?;
        }
        drop(both);
        Ok(())
    }

    /// Keeps the kernel twin exact, whichever process changes the queue: until the twin gets its first
    /// packet the next time, or `for_good`. In a signal handler that has interrupted a call on the queue,
    /// the next call brings the twin into the queue's state.
    pub(crate) fn keep_twin(&self, for_good: bool) -> Result<()> {
        let waiting = &self.header().waiting;
        let kept = if for_good { KEPT_FOR_GOOD } else { KEPT };
        let keep = || {
            waiting.fd_state.store(UNKNOWN, Relaxed);
            waiting.keeps_twin.fetch_max(kept, Relaxed);
        };
        match self.enter_both_sections(Deadline::Now) {
            Ok(both) => {
                if waiting.keeps_twin.load(Relaxed) < kept || !self.has_descriptor() {
                    keep();
                }
                self.announce()?;
                drop(both);
            }
            Err(error) if error.errno() == Errno::EDEADLK => keep(),
            Err(error) => return Err(error),
        }
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
        let peer = match direction {
            Direction::Receive => &self.header().sent.processor,
            _ => &self.header().received.processor,
        };
        sync::spin_for(self.spin, peer, &mut || is_ready())
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
