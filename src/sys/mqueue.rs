//! The kernel's message queues (mq_overview(7)), and waiting for their messages.
//!
//! Where libc's functions are cancellation points, this file makes the system calls itself: a thread that
//! is cancelled inside such a function would be unwound through this library's frames.

use super::ProcPath;
use super::direct::system_call;
use super::fd::{self, Kept, made};
use super::large::{Time, call};
use super::listing::{each_line, number};
use super::ready;
use crate::base::time::Deadline;
use core::ffi::CStr;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::resource::{Resource, getrlimit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// One more than the highest priority.
pub(crate) const PRIORITIES: u32 = 32768;

/// The direction in which a queue is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Receive,
    Send,
    Both,
}

/// A queue's limits, and how many messages it holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) max_messages: usize,
    pub(crate) message_size: usize,
    pub(crate) current_messages: usize,
}

/// How to make a queue.
#[derive(Clone, Copy)]
pub(crate) struct Creation {
    /// The permissions, from which the kernel subtracts the umask.
    pub(crate) mode: libc::mode_t,
    /// `None`: the system's default.
    pub(crate) attributes: Option<Attributes>,
}

/// Opens a queue, or with `creation` makes one whose name must be free. Sends and receives on the descriptor
/// never wait.
pub(crate) fn open(
    name: &CStr,
    direction: Direction,
    creation: Option<Creation>,
) -> Result<OwnedFd, Errno> {
    let mut flags = libc::O_CLOEXEC
        | libc::O_NONBLOCK
        | match direction {
            Direction::Receive => libc::O_RDONLY,
            Direction::Send => libc::O_WRONLY,
            Direction::Both => libc::O_RDWR,
        };
    let (mut mode, mut attributes) = (0, None);
    if let Some(creation) = creation {
        flags |= libc::O_CREAT | libc::O_EXCL;
        mode = creation.mode;
        attributes = creation.attributes.map(to_kernel).transpose()?;
    }
    let attributes = attributes.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the name is NUL-terminated. `attributes` is NULL or a struct that outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mq_open,
            name.as_ptr(),
            flags,
            libc::c_ulong::from(mode),
            attributes,
        )
    };
    // SAFETY: mq_open has just made this descriptor and nobody else knows it.
    unsafe { made(result as i32) }
}

fn to_kernel(attributes: Attributes) -> Result<libc::mq_attr, Errno> {
    // SAFETY: mq_attr is a struct of integers, for which all zeros is a value.
    let mut kernel: libc::mq_attr = unsafe { core::mem::zeroed() };
    let number = |value: usize| value.try_into().map_err(|_| Errno::EINVAL);
    kernel.mq_maxmsg = number(attributes.max_messages)?;
    kernel.mq_msgsize = number(attributes.message_size)?;
    Ok(kernel)
}

pub(crate) fn unlink(name: &CStr) -> Result<(), Errno> {
    // SAFETY: the name is NUL-terminated.
    Errno::result(unsafe { libc::syscall(libc::SYS_mq_unlink, name.as_ptr()) }).map(drop)
}

pub(crate) fn attributes(queue: BorrowedFd<'_>) -> Result<Attributes, Errno> {
    // SAFETY: as in to_kernel.
    let mut found: libc::mq_attr = unsafe { core::mem::zeroed() };
    // SAFETY: the call writes `found`. Because the second argument is NULL, it sets nothing.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_mq_getsetattr,
            queue.as_raw_fd(),
            ptr::null::<libc::mq_attr>(),
            &mut found,
        )
    })?;
    // The kernel never reports negative numbers.
    Ok(Attributes {
        max_messages: found.mq_maxmsg as usize,
        message_size: found.mq_msgsize as usize,
        current_messages: found.mq_curmsgs as usize,
    })
}

/// Puts a message into the queue. `EAGAIN` if the queue is full. Leaves errno alone.
#[inline]
pub(crate) fn try_send(queue: BorrowedFd<'_>, message: &[u8], priority: u32) -> Result<(), Errno> {
    const NO_TIMEOUT: usize = 0;
    let arguments = [
        queue.as_raw_fd() as usize,
        message.as_ptr() as usize,
        message.len(),
        priority as usize,
        NO_TIMEOUT,
        0,
    ];
    // SAFETY: the kernel reads the slice. The timeout is NULL.
    unsafe { system_call(call::MQ_TIMEDSEND, arguments) }.map(drop)
}

/// Takes the first message and returns its length and priority. `EAGAIN` if there is none. Leaves errno
/// alone.
#[inline]
pub(crate) fn try_receive(
    queue: BorrowedFd<'_>,
    buffer: &mut [MaybeUninit<u8>],
) -> Result<(usize, u32), Errno> {
    const NO_TIMEOUT: usize = 0;
    let mut priority: libc::c_uint = 0;
    let arguments = [
        queue.as_raw_fd() as usize,
        buffer.as_mut_ptr() as usize,
        buffer.len(),
        (&raw mut priority) as usize,
        NO_TIMEOUT,
        0,
    ];
    // SAFETY: the kernel writes the slice and the priority. The timeout is NULL.
    let length = unsafe { system_call(call::MQ_TIMEDRECEIVE, arguments) }?;
    Ok((length, priority))
}

/// Puts a message of 1 byte into a queue, or takes one out. It does not wait, with or without O_NONBLOCK.
/// Returns whether that was possible at once.
pub(crate) fn move_byte(queue: BorrowedFd<'_>, puts: bool) -> bool {
    let (mut byte, long_ago) = (0u8, Time::ZERO);
    // For a send this is the priority 0. For a receive it is NULL: the priority is not wanted.
    const PRIORITY: usize = 0;
    let arguments = [
        queue.as_raw_fd() as usize,
        (&raw mut byte) as usize,
        1,
        PRIORITY,
        ptr::from_ref(&long_ago) as usize,
        0,
    ];
    let call = if puts {
        call::MQ_TIMEDSEND
    } else {
        call::MQ_TIMEDRECEIVE
    };
    // SAFETY: the kernel reads or writes the byte, and reads the timeout.
    unsafe { system_call(call, arguments) }.is_ok()
}

/// The change that a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Message,
    Space,
}

/// Waits until there is a message, or room for one. Returns false at the deadline. `EINTR` after any signal
/// handler, also one with SA_RESTART: unlike mq_receive, poll is never restarted.
pub(crate) fn wait(
    queue: BorrowedFd<'_>,
    awaited: Change,
    deadline: Deadline,
) -> Result<bool, Errno> {
    let events = match awaited {
        Change::Message => ready::READABLE,
        Change::Space => ready::WRITABLE,
    };
    ready::wait_any(&mut [ready::watch(queue.as_raw_fd(), events)], deadline)
}

/// How many bytes the message queues of one user may take together; `None` if there is no limit.
pub(crate) fn bytes_limit() -> Option<u64> {
    match getrlimit(Resource::RLIMIT_MSGQUEUE) {
        Ok((limit, _)) if limit != libc::RLIM_INFINITY => Some(super::file::widen(limit)),
        _ => None,
    }
}

/// How many bytes the kernel counts for a queue against the limit of [`bytes_limit`] (getrlimit(2)). The
/// sizes of its two structs are those of 64-bit machines.
pub(crate) fn bytes_needed(attributes: Attributes) -> u64 {
    const MESSAGE_HEADER: u64 = 48;
    const TREE_NODE: u64 = 48;
    let messages = attributes.max_messages as u64;
    messages
        .saturating_mul(MESSAGE_HEADER.saturating_add(attributes.message_size as u64))
        .saturating_add(messages.min(PRIORITIES.into()).saturating_mul(TREE_NODE))
}

/// A number from /proc/sys/fs/mqueue; `None` if it cannot be read.
pub(crate) fn limit(name: &str) -> Option<u64> {
    let path = ProcPath::of(format_args!("/proc/sys/fs/mqueue/{name}"));
    let mut limit = None;
    each_line(path.as_c_str(), &mut |line| {
        limit = number(line, 10);
        Ok(())
    })
    .ok()?;
    limit
}

/// Whether this process has reached its limit of descriptors.
pub(crate) fn descriptors_are_used_up() -> bool {
    fd::eventfd().is_err_and(|errno| errno == Errno::EMFILE)
}

/// The event that ended a notifier's wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Message,
    Stop,
}

/// Waits for messages to arrive in a queue, and takes none.
///
/// It keeps three descriptors between calls. Epoll instances cannot be told apart by their inodes. But an epoll
/// instance knows open files and not numbers, so the one that knows the queue's file under the queue's number is
/// the one that was made here ([`Arrivals::has_descriptors`]).
pub(crate) struct Arrivals {
    epoll: ManuallyDrop<Epoll>,
    stop: Kept,
    /// A descriptor of its own, so that the queue's descriptor can be closed at any time.
    queue: Kept,
    /// Whether the queue is in `epoll`.
    has_begun: AtomicBool,
}

const MESSAGE: u64 = 0;
const STOP: u64 = 1;

/// How long a wait lasts at most. After it the thread sees whether its descriptors were closed: the end of a
/// closed descriptor ends no wait.
const LONGEST_WAIT_MS: u16 = 60_000;

impl Arrivals {
    pub(crate) fn of(queue: BorrowedFd<'_>) -> Result<Arrivals, Errno> {
        let (epoll, stop) = (fd::epoll()?, fd::eventfd()?);
        let queue = fd::duplicate(queue)?;
        epoll.add(stop.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, STOP))?;
        let (stop, queue) = (Kept::new(stop)?, Kept::new(queue)?);
        Ok(Arrivals {
            epoll: ManuallyDrop::new(epoll),
            stop,
            queue,
            has_begun: AtomicBool::new(false),
        })
    }

    /// From now on a message ends the wait. If the queue has messages already, the wait ends at once.
    pub(crate) fn begin(&self) -> Result<(), Errno> {
        // Edge-triggered: each arrival ends one wait. Otherwise the wait would end again and again while
        // messages stay in the queue.
        let message = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, MESSAGE);
        self.epoll.add(self.queue.get()?, message)?;
        self.has_begun.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the program has left the descriptors alone.
    pub(crate) fn has_descriptors(&self) -> bool {
        let knows = |file: BorrowedFd<'_>| {
            let nothing = EpollEvent::new(EpollFlags::empty(), STOP);
            match self.epoll.add(file, nothing) {
                Err(errno) => errno == Errno::EEXIST,
                Ok(()) => {
                    let _ = self.epoll.delete(file);
                    false
                }
            }
        };
        let (Ok(stop), Ok(queue)) = (self.stop.get(), self.queue.get()) else {
            return false;
        };
        knows(stop) && (!self.has_begun.load(Ordering::Relaxed) || knows(queue))
    }

    /// `EBADF` if the program has closed the descriptors.
    pub(crate) fn wait(&self) -> Result<Event, Errno> {
        let mut events = [EpollEvent::empty(); 2];
        loop {
            if !self.has_descriptors() {
                return Err(Errno::EBADF);
            }
            match self.epoll.wait(&mut events, LONGEST_WAIT_MS) {
                Ok(0) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
                Ok(count) if events[..count].iter().any(|event| event.data() == STOP) => {
                    return Ok(Event::Stop);
                }
                Ok(_) => return Ok(Event::Message),
            }
        }
    }

    /// Whether the queue has no messages.
    pub(crate) fn is_empty(&self) -> bool {
        let found = self.queue.get().and_then(attributes);
        found.is_ok_and(|found| found.current_messages == 0)
    }

    /// Ends this and every later wait. False if the program has closed the descriptors: then a wait under way ends
    /// within a minute.
    pub(crate) fn stop(&self) -> bool {
        if !self.has_descriptors() {
            return false;
        }
        // It can fail only if the count is near 2^64, and then the eventfd is readable already.
        self.stop.get().is_ok_and(|stop| {
            count_up(stop);
            true
        })
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        if self.has_descriptors() {
            // SAFETY: the value is dropped, so nobody uses the field after this.
            unsafe { ManuallyDrop::drop(&mut self.epoll) };
        }
    }
}

/// Adds 1 to an eventfd's count. Returns false if the descriptor is not an eventfd, or if the count is at its
/// limit. In the second case the reader is awake already.
pub(crate) fn count_up(eventfd: BorrowedFd<'_>) -> bool {
    add_to_eventfd(eventfd, 1)
}

/// Whether the descriptor is an eventfd.
pub(crate) fn is_eventfd(descriptor: BorrowedFd<'_>) -> bool {
    // Files, pipes and sockets have a file type, and an eventfd has none. This check keeps the write below
    // away from them. Of the other descriptors only an eventfd accepts 8 bytes, and adding 0 changes nothing.
    let Ok(status) = super::large::fstat(descriptor.as_raw_fd()) else {
        return false;
    };
    status.st_mode & libc::S_IFMT == 0 && add_to_eventfd(descriptor, 0)
}

fn add_to_eventfd(descriptor: BorrowedFd<'_>, number: u64) -> bool {
    nix::unistd::write(descriptor, &number.to_ne_bytes()) == Ok(size_of::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_queue_are_counted_as_the_kernel_does() {
        let default = Attributes {
            max_messages: 10,
            message_size: 8192,
            current_messages: 0,
        };
        assert_eq!(bytes_needed(default), 10 * (8192 + 48 + 48));
    }

    #[test]
    fn only_an_eventfd_is_one() {
        let eventfd = fd::eventfd().unwrap();
        assert!(is_eventfd(eventfd.as_fd()));
        assert!(count_up(eventfd.as_fd()));
        let mut count = [0; 8];
        assert_eq!(nix::unistd::read(&eventfd, &mut count), Ok(8));
        assert_eq!(u64::from_ne_bytes(count), 1);
        assert!(!is_eventfd(fd::epoll().unwrap().0.as_fd()));
        let (read, write) = nix::unistd::pipe().unwrap();
        assert!(!is_eventfd(read.as_fd()) && !is_eventfd(write.as_fd()));
    }
}
