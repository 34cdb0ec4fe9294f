//! Message queues: one interface to two implementations, the queue in shared memory ([`shared`])
//! and the kernel's ([`kernel`]).
//!
//! A message goes in whole and comes out whole. The highest priority comes first, and among
//! messages of one priority the oldest. Each message has one receiver. Opening chooses the
//! implementation, and [`Queue`] passes every later call on to it.

mod kernel;
mod notify;
mod shared;

pub(crate) use crate::sys::mqueue::{Attributes, Direction};
pub(crate) use notify::{Action, SignalValue};
pub(crate) use shared::Borrowed;
#[cfg(fuzzing)]
pub(crate) use shared::fuzz::run as fuzz_queue;

use crate::base::error::{Error, Result, fail};
use crate::base::name::Name;
use crate::object::Outcome;
use crate::object::layout::Type;
use crate::sys::new_owner::NewOwner;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::time::Duration;
use kernel::KernelQueue;
use shared::SharedQueue;
use std::os::fd::{OwnedFd, RawFd};

/// How to open.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// Create the queue if there is none.
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
    /// A full queue drops a message instead of letting the sender wait.
    pub(crate) overwrites: bool,
    /// How long a waiter spins before it sleeps, in a queue that is created here.
    pub(crate) spin: Option<Duration>,
    /// The permissions of a queue that is created here. The umask does not change them.
    pub(crate) mode: libc::mode_t,
    /// The owner of a queue that is created here.
    pub(crate) owner: NewOwner,
    /// The file of the queue's memory, to open in place of the name.
    pub(crate) descriptor: Option<RawFd>,
}

/// A message to be sent.
pub(crate) struct Source<'a> {
    pub(crate) message: &'a [u8],
    pub(crate) priority: u32,
}

/// A buffer to receive a message in, and the message's properties after the receive.
pub(crate) struct Target<'a> {
    pub(crate) buffer: &'a mut [MaybeUninit<u8>],
    /// In bytes.
    pub(crate) length: usize,
    pub(crate) priority: u32,
    /// How often the message was given back to the queue because its borrower died.
    pub(crate) redeliveries: u32,
}

impl<'a> Target<'a> {
    pub(crate) fn of(buffer: &'a mut [MaybeUninit<u8>]) -> Target<'a> {
        Target {
            buffer,
            length: 0,
            priority: 0,
            redeliveries: 0,
        }
    }
}

/// The facts about a queue in shared memory that a program can see through its kernel twin.
pub(crate) struct Look {
    /// How many messages were ever sent: a number that changes with each.
    pub(crate) sent: u64,
    pub(crate) current_messages: usize,
    pub(crate) has_room: bool,
    /// A number that changes when O_NONBLOCK of a descriptor of the twin may have changed.
    pub(crate) flag_changes: u32,
}

/// The counters of a queue in shared memory since its creation, and how many threads wait now.
#[derive(Default)]
pub(crate) struct Statistics {
    pub(crate) waiting_senders: usize,
    pub(crate) waiting_receivers: usize,
    /// Messages dropped to make room.
    pub(crate) dropped: u64,
    /// Deaths inside a call on the queue, after which the queue was repaired.
    pub(crate) repairs: u64,
    /// Messages that were queued again because their borrowers died.
    pub(crate) redelivered: u64,
    /// Reserved places that became free because their holders died.
    pub(crate) abandoned: u64,
}

const IN_PLACE: &str = "give messages a place in this process's memory";

/// An open message queue.
pub(crate) enum Queue {
    Shared(SharedQueue),
    Kernel(KernelQueue),
}

impl Queue {
    pub(crate) fn open(
        name: &Name,
        attributes: Option<Attributes>,
        message_type: Option<&Type>,
        options: Options,
    ) -> Result<(Queue, Outcome)> {
        if options.kernel {
            if message_type.is_some() {
                return Err(fail!(EINVAL, "{name}: the kernel's queue holds no type"));
            }
            let (queue, outcome) = KernelQueue::open(name, attributes, options)?;
            return Ok((Queue::Kernel(queue), outcome));
        }
        let (queue, outcome) = SharedQueue::open(name, attributes, message_type, options)?;
        Ok((Queue::Shared(queue), outcome))
    }

    /// Sends one message if there is room. It waits for nothing and keeps errno. With `may_wait`,
    /// `EAGAIN` is possible although there is room: then `send` finds the room.
    #[inline(always)]
    pub(crate) fn try_send(&self, message: &[u8], priority: u32, may_wait: bool) -> Result<()> {
        match self {
            Queue::Shared(queue) => queue.try_send(message, priority, may_wait),
            Queue::Kernel(queue) => queue.try_send(message, priority).map_err(Error::from),
        }
    }

    /// The error of `send` for a failure of `try_send`.
    #[cold]
    pub(crate) fn send_failed(&self, message: &[u8], priority: u32, error: Error) -> Error {
        match self {
            Queue::Shared(_) => error,
            Queue::Kernel(queue) => queue.send_failed(message, priority, error.errno()),
        }
    }

    /// Sends messages, waiting until there is room for one. Returns how many were sent. The timeout
    /// counts from the moment when the call has to wait. A call that need not wait does not read
    /// the clock, which would cost as much as a good part of the system call.
    pub(crate) fn send(&self, messages: &[Source<'_>], timeout_ns: i64) -> Result<usize> {
        match self {
            Queue::Shared(queue) => queue.send(messages, timeout_ns),
            Queue::Kernel(queue) => {
                for (sent, Source { message, priority }) in messages.iter().enumerate() {
                    let timeout_ns = if sent == 0 { timeout_ns } else { 0 };
                    match queue.send(message, *priority, timeout_ns) {
                        Err(_) if sent != 0 => return Ok(sent),
                        outcome => outcome?,
                    }
                }
                Ok(messages.len())
            }
        }
    }

    /// Takes one message if there is one. Returns its length and its priority. `may_wait` is as in
    /// `try_send`.
    #[inline(always)]
    pub(crate) fn try_receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        may_wait: bool,
    ) -> Result<(usize, u32)> {
        match self {
            Queue::Shared(queue) => queue.try_receive(buffer, may_wait),
            Queue::Kernel(queue) => queue.try_receive(buffer).map_err(Error::from),
        }
    }

    /// The error of `receive` for a failure of `try_receive`. The call is not repeated to find out:
    /// a receive that failed with `EFAULT` has taken a message.
    #[cold]
    pub(crate) fn receive_failed(&self, buffer: &[MaybeUninit<u8>], error: Error) -> Error {
        match self {
            Queue::Shared(_) => error,
            Queue::Kernel(queue) => queue.receive_failed(buffer, error.errno()),
        }
    }

    /// Takes messages, waiting for one. Returns how many were received. The timeout counts as in
    /// `send`.
    pub(crate) fn receive(&self, targets: &mut [Target<'_>], timeout_ns: i64) -> Result<usize> {
        match self {
            Queue::Shared(queue) => queue.receive(targets, timeout_ns),
            Queue::Kernel(queue) => {
                for (received, target) in targets.iter_mut().enumerate() {
                    let timeout_ns = if received == 0 { timeout_ns } else { 0 };
                    match queue.receive(target.buffer, timeout_ns) {
                        Err(_) if received != 0 => return Ok(received),
                        outcome => (target.length, target.priority) = outcome?,
                    }
                }
                Ok(targets.len())
            }
        }
    }

    /// The priority of the message that is the next to be received.
    pub(crate) fn peek_priority(&self) -> Result<u32> {
        self.shared("peek at a message")?.peek_priority()
    }

    /// Reserves a place of message_size bytes to write a message in.
    ///
    /// A call in place is attempted `at_once` first: this attempt waits for nothing and keeps
    /// errno. If it gives `EAGAIN`, the call is made again without `at_once`, which finds the
    /// result.
    pub(crate) fn reserve(&self, timeout_ns: i64, at_once: bool) -> Result<NonNull<u8>> {
        self.shared(IN_PLACE)?.reserve(timeout_ns, at_once)
    }

    /// Sends the message that was written to the place from `reserve`. `at_once` is as in
    /// `reserve`.
    pub(crate) fn commit(
        &self,
        payload: *const u8,
        length: usize,
        priority: u32,
        at_once: bool,
    ) -> Result<()> {
        self.shared(IN_PLACE)?
            .commit(payload, length, priority, at_once)
    }

    /// Gives back the place from `reserve`, with nothing sent.
    pub(crate) fn abandon(&self, payload: *const u8) -> Result<()> {
        self.shared(IN_PLACE)?.abandon(payload)
    }

    /// Takes a message that is read in place until it is given back. `at_once` is as in `reserve`.
    pub(crate) fn borrow(&self, timeout_ns: i64, at_once: bool) -> Result<Borrowed> {
        self.shared(IN_PLACE)?.borrow(timeout_ns, at_once)
    }

    /// Ends what `borrow` began: the message is received. `at_once` is as in `reserve`.
    pub(crate) fn give_back(&self, payload: *const u8, at_once: bool) -> Result<()> {
        self.shared(IN_PLACE)?.give_back(payload, at_once)
    }

    /// Gives a borrowed message to the thread or process with this id.
    pub(crate) fn hand_over(&self, payload: *const u8, receiver: i32) -> Result<()> {
        self.shared(IN_PLACE)?.hand_over(payload, receiver)
    }

    /// Takes a message that was handed over to this thread or to its process.
    pub(crate) fn take_over(&self, timeout_ns: i64) -> Result<Borrowed> {
        self.shared(IN_PLACE)?.take_over(timeout_ns)
    }

    fn shared(&self, what: &str) -> Result<&SharedQueue> {
        match self {
            Queue::Shared(queue) => Ok(queue),
            Queue::Kernel(_) => Err(fail!(ENOTSUP, "the kernel's queue cannot {what}")),
        }
    }

    pub(crate) fn attributes(&self) -> Result<Attributes> {
        match self {
            Queue::Shared(queue) => Ok(queue.attributes()),
            Queue::Kernel(queue) => queue.attributes(),
        }
    }

    pub(crate) fn statistics(&self) -> Result<Statistics> {
        match self {
            Queue::Shared(queue) => queue.statistics(),
            Queue::Kernel(_) => Ok(Statistics::default()),
        }
    }

    /// How long a waiter spins before it sleeps.
    pub(crate) fn spin(&self) -> Duration {
        match self {
            Queue::Shared(queue) => queue.spin(),
            Queue::Kernel(_) => Duration::ZERO,
        }
    }

    pub(crate) fn is_kernel(&self) -> bool {
        matches!(self, Queue::Kernel(_))
    }

    pub(crate) fn overwrites(&self) -> bool {
        matches!(self, Queue::Shared(queue) if queue.overwrites())
    }

    /// Whether the queue's name was removed, or now belongs to another queue.
    pub(crate) fn is_stale(&self) -> Result<bool> {
        match self {
            Queue::Shared(queue) => queue.is_stale(),
            Queue::Kernel(queue) => queue.is_stale(),
        }
    }

    /// Refuses while this thread has a message of the queue reserved or borrowed.
    pub(crate) fn check_unused(&self) -> Result<()> {
        match self {
            Queue::Shared(queue) => queue.check_unused(),
            Queue::Kernel(_) => Ok(()),
        }
    }

    pub(crate) fn direction(&self) -> Direction {
        match self {
            Queue::Shared(queue) => queue.direction(),
            Queue::Kernel(queue) => queue.direction(),
        }
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        match self {
            Queue::Shared(queue) => queue.is_nonblocking(),
            Queue::Kernel(queue) => queue.is_nonblocking(),
        }
    }

    /// A descriptor that is readable while there is a message, and writable while there is room.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        match self {
            Queue::Shared(queue) => queue.descriptor(),
            Queue::Kernel(queue) => Ok(queue.descriptor()),
        }
    }

    /// Uses a queue of the kernel's, a kernel twin, as the descriptor of a queue in shared memory.
    pub(crate) fn bring_descriptor(&self, twin: OwnedFd) -> Result<()> {
        self.shared(IN_PLACE)?.use_kernel_twin(twin)
    }

    /// The queue in shared memory, for the calls of the drop-in.
    #[inline]
    pub(crate) fn in_shared_memory(&self) -> Result<&SharedQueue> {
        self.shared(IN_PLACE)
    }

    /// Has `action` done for the messages that are in the queue and for each that comes.
    pub(crate) fn notify(&self, action: Action) -> Result<()> {
        match self {
            Queue::Shared(queue) => queue.notify(action),
            Queue::Kernel(queue) => queue.notify(action),
        }
    }

    /// Ends the notification. When this returns, the action is over, unless the action itself
    /// called.
    pub(crate) fn end_notification(&self) -> Result<()> {
        match self {
            Queue::Shared(queue) => queue.end_notification(),
            Queue::Kernel(queue) => queue.end_notification(),
        }
    }
}

pub(crate) fn unlink(name: &Name, is_kernel: bool) -> Result<()> {
    if is_kernel {
        kernel::unlink(name)
    } else {
        shared::unlink(name)
    }
}
