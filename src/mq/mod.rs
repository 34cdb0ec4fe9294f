//! Message queues: one face, and behind it the kernel's queue.
//!
//! A message goes in whole and comes out whole, the highest priority first and among equals the
//! oldest first, and who receives it is the only one who does. The face chooses what stands
//! behind it when a queue is opened; everything after that goes to [`Queue`]. The queue in
//! shared memory will be its second variant.

mod kernel;
mod notify;
mod try_lock;

pub(crate) use crate::sys::mqueue::{Attributes, Direction};
pub(crate) use notify::{Action, SignalValue};

use crate::error::{Errno, Error, Result, fail};
use crate::name::Name;
use crate::object::Outcome;
use core::mem::MaybeUninit;
use kernel::KernelQueue;
use std::os::fd::RawFd;

/// How to open.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// Make the queue when there is none.
    pub(crate) create: bool,
    /// Refuse a queue that exists.
    pub(crate) exclusive: bool,
    pub(crate) direction: Direction,
    /// Calls that would wait fail instead, whatever their timeout.
    pub(crate) nonblocking: bool,
    /// Refuse a queue that another user owns or may write to.
    pub(crate) check_owner: bool,
    /// The kernel's queue, which <mqueue.h> programs use too.
    pub(crate) kernel: bool,
    /// The permissions of a queue that is made here, exactly.
    pub(crate) mode: libc::mode_t,
}

/// An open message queue.
pub(crate) enum Queue {
    Kernel(KernelQueue),
}

impl Queue {
    pub(crate) fn open(
        name: &Name,
        attributes: Option<Attributes>,
        options: Options,
    ) -> Result<(Queue, Outcome)> {
        check_is_kernel(name, options.kernel)?;
        let (queue, outcome) = KernelQueue::open(name, attributes, options)?;
        Ok((Queue::Kernel(queue), outcome))
    }

    /// Sends one message if there is room: the whole of a send that need not wait. Leaves
    /// errno alone.
    #[inline]
    pub(crate) fn try_send(&self, message: &[u8], priority: u32) -> Result<(), Errno> {
        match self {
            Queue::Kernel(queue) => queue.try_send(message, priority),
        }
    }

    /// Why `try_send` failed: as `send` would say it.
    #[cold]
    pub(crate) fn send_failed(&self, message: &[u8], priority: u32, errno: Errno) -> Error {
        match self {
            Queue::Kernel(queue) => queue.send_failed(message, priority, errno),
        }
    }

    /// Sends one message. The time counts from when the call has to wait: one that need not does
    /// not ask for the time, which costs as much as a good part of the system call.
    pub(crate) fn send(&self, message: &[u8], priority: u32, timeout_ns: i64) -> Result<()> {
        match self {
            Queue::Kernel(queue) => queue.send(message, priority, timeout_ns),
        }
    }

    /// Takes one message if there is one: its length and its priority. As `try_send`.
    #[inline]
    pub(crate) fn try_receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Result<(usize, u32), Errno> {
        match self {
            Queue::Kernel(queue) => queue.try_receive(buffer),
        }
    }

    /// Why `try_receive` failed: as `receive` would say it. It is not repeated to find out: one that
    /// failed with `EFAULT` has taken a message.
    #[cold]
    pub(crate) fn receive_failed(&self, buffer: &[MaybeUninit<u8>], errno: Errno) -> Error {
        match self {
            Queue::Kernel(queue) => queue.receive_failed(buffer, errno),
        }
    }

    /// Takes one message: its length and its priority. Time as in `send`.
    pub(crate) fn receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        timeout_ns: i64,
    ) -> Result<(usize, u32)> {
        match self {
            Queue::Kernel(queue) => queue.receive(buffer, timeout_ns),
        }
    }

    pub(crate) fn attributes(&self) -> Result<Attributes> {
        match self {
            Queue::Kernel(queue) => queue.attributes(),
        }
    }

    pub(crate) fn direction(&self) -> Direction {
        match self {
            Queue::Kernel(queue) => queue.direction(),
        }
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        match self {
            Queue::Kernel(queue) => queue.is_nonblocking(),
        }
    }

    /// Readable when there is a message, writable when there is room.
    pub(crate) fn descriptor(&self) -> RawFd {
        match self {
            Queue::Kernel(queue) => queue.descriptor(),
        }
    }

    /// Has `action` done for the messages that wait and for each that comes.
    pub(crate) fn notify(&self, action: Action) -> Result<()> {
        match self {
            Queue::Kernel(queue) => queue.notify(action),
        }
    }

    /// Ends that: when this returns, the action is over, unless the action itself called.
    pub(crate) fn end_notification(&self) -> Result<()> {
        match self {
            Queue::Kernel(queue) => queue.end_notification(),
        }
    }
}

pub(crate) fn unlink(name: &Name, is_kernel: bool) -> Result<()> {
    check_is_kernel(name, is_kernel)?;
    kernel::unlink(name)
}

fn check_is_kernel(name: &Name, is_kernel: bool) -> Result<()> {
    if is_kernel {
        return Ok(());
    }
    Err(fail!(
        ENOTSUP,
        "{name}: the message queue in shared memory is not in this version; IPC_KERNEL selects the kernel's"
    ))
}
