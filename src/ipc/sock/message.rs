//! Messages and bytes, and the descriptors that travel with them.
//!
//! Each attempt is made without waiting. The descriptor is polled only after the kernel has said
//! that the attempt would have to wait. So a send that need not wait is one system call. A receive
//! is two: a message that is larger than the buffer has to stay in the socket, so its length is
//! asked first. The deadline holds in either mode of the descriptor. O_NONBLOCK belongs to the open
//! file, which other processes may share, so it is not changed. A signal handler always ends a
//! wait.

use super::socket_failed;
use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Error, Result, fail};
use crate::base::time::{Deadline, is_timeout};
use crate::sys::ready::{self, READABLE, WRITABLE};
use crate::sys::socket::{self, Descriptors};
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use std::os::fd::RawFd;

/// Makes attempts, each without waiting, until one succeeds or the deadline passes.
#[inline]
pub(super) fn transfer<T>(
    descriptor: RawFd,
    events: libc::c_short,
    timeout_ns: i64,
    mut attempt: impl FnMut() -> Result<T, Errno>,
) -> Result<T> {
    if !is_timeout(timeout_ns) {
        Deadline::after(timeout_ns)?;
    }
    let mut outcome = attempt();
    if timeout_ns != 0 && matches!(outcome, Err(Errno::EAGAIN)) {
        // The clock is read only when a wait begins.
        let deadline = Deadline::after(timeout_ns)?;
        while matches!(outcome, Err(Errno::EAGAIN)) {
            ready::wait(descriptor, events, deadline)?;
            outcome = attempt();
        }
    }
    outcome.map_err(|errno| socket_failed(descriptor, errno))
}

#[cold]
fn explained(descriptor: RawFd, message: &[MaybeUninit<u8>], error: Error) -> Error {
    match error.errno() {
        Errno::EMSGSIZE => fail!(
            EMSGSIZE,
            "descriptor {descriptor}: the message has {} bytes, more than its send buffer (SO_SNDBUF) takes",
            message.len()
        ),
        _ => error,
    }
}

/// Sends a message, which is not empty, if there is room. A send that need not wait does no more.
/// Leaves errno untouched.
#[inline(always)]
pub(crate) fn try_send(descriptor: RawFd, message: &[MaybeUninit<u8>]) -> Result<usize, Errno> {
    socket::send(descriptor, message, false)
}

/// The error of [`send`] for a failed [`try_send`]. The send is not repeated to find out: a socket
/// reports a lost peer only once.
#[cold]
pub(crate) fn send_failed(descriptor: RawFd, message: &[MaybeUninit<u8>], errno: Errno) -> Error {
    explained(descriptor, message, socket_failed(descriptor, errno))
}

pub(crate) fn send(
    descriptor: RawFd,
    message: &[MaybeUninit<u8>],
    timeout_ns: i64,
) -> Result<usize> {
    if message.is_empty() {
        check_empty(descriptor)?;
    }
    transfer(descriptor, WRITABLE, timeout_ns, || {
        socket::send(descriptor, message, false)
    })
    .map_err(|error| explained(descriptor, message, error))
}

#[cold]
fn check_empty(descriptor: RawFd) -> Result<()> {
    match socket::kind(descriptor).map_err(|errno| socket_failed(descriptor, errno))? {
        libc::SOCK_SEQPACKET => Err(fail!(
            EINVAL,
            "descriptor {descriptor}: the message is empty, and its receiver would take it for the end of the connection"
        )),
        _ => Ok(()),
    }
}

pub(crate) fn send_descriptors(
    descriptor: RawFd,
    message: &[MaybeUninit<u8>],
    passed: &[c_int],
    timeout_ns: i64,
) -> Result<usize> {
    if message.is_empty() {
        return Err(fail!(
            EINVAL,
            "the message is empty; descriptors travel with at least one byte"
        ));
    }
    if passed.is_empty() || passed.len() > socket::DESCRIPTORS_MAX {
        return Err(fail!(
            EINVAL,
            "{} descriptors; expected 1 to {}",
            passed.len(),
            socket::DESCRIPTORS_MAX
        ));
    }
    transfer(descriptor, WRITABLE, timeout_ns, || {
        socket::send_with_descriptors(descriptor, message, passed)
    })
    .map_err(|error| match error.errno() {
        // The kernel uses EBADF for the socket and for the passed descriptors.
        Errno::EBADF if socket::kind(descriptor).is_ok() => fail!(
            EBADF,
            "one of the {} descriptors to be passed is not open, or cannot be passed",
            passed.len()
        ),
        Errno::ETOOMANYREFS => fail!(
            ETOOMANYREFS,
            "descriptor {descriptor}: this user has as many descriptors on their way as RLIMIT_NOFILE allows"
        ),
        _ => explained(descriptor, message, error),
    })
}

/// How the next message of a socket is taken.
enum Taking {
    /// Bytes: as many as there is room for.
    Bytes,
    /// Whole messages: each is measured first, so one that is too large stays in the socket.
    Messages,
}

fn taking(descriptor: RawFd, capacity: usize) -> Result<Taking> {
    if capacity == 0 {
        return Err(fail!(
            EINVAL,
            "the buffer has no room; receiving 0 bytes would look like the end of the connection"
        ));
    }
    match socket::kind(descriptor).map_err(|errno| socket_failed(descriptor, errno))? {
        libc::SOCK_STREAM => {
            was_stream(descriptor).store(true, Ordering::Relaxed);
            Ok(Taking::Bytes)
        }
        _ => Ok(Taking::Messages),
    }
}

/// Whether a number's descriptor was a stream socket at the last receive. It is only a hint which
/// question to ask first: numbers are used again, and several numbers share one entry.
fn was_stream(descriptor: RawFd) -> &'static AtomicBool {
    static WAS_STREAM: [AtomicBool; 256] = [const { AtomicBool::new(false) }; 256];
    &WAS_STREAM[descriptor as usize % WAS_STREAM.len()]
}

/// Whether one receive with so much room loses nothing. False also if the answer would take longer.
/// Leaves errno untouched.
#[inline(always)]
fn loses_nothing(descriptor: RawFd, capacity: usize) -> bool {
    let hint = was_stream(descriptor);
    // Relaxed: a hint stands for itself.
    if hint.load(Ordering::Relaxed) {
        if socket::kind(descriptor) == Ok(libc::SOCK_STREAM) {
            return true;
        }
        hint.store(false, Ordering::Relaxed);
    }
    // If all waiting messages fit together, each of them fits. 0 stands for no message, an empty
    // message or the end of the connection.
    socket::waiting_length(descriptor).is_ok_and(|length| (1..=capacity).contains(&length))
}

/// Receives at once if nothing of a message can be lost. Most receives do no more. Otherwise the
/// result is `EAGAIN`, and [`receive`] does the rest. Leaves errno untouched.
#[inline(always)]
pub(crate) fn try_receive(descriptor: RawFd, room: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    if loses_nothing(descriptor, room.len()) {
        match socket::receive(descriptor, room) {
            Err(Errno::ECONNRESET | Errno::EINVAL) => receive_again(descriptor, room),
            outcome => outcome,
        }
    } else {
        Err(Errno::EAGAIN)
    }
}

#[cold]
fn receive_again(descriptor: RawFd, room: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    preserving_errno(|| data_first(descriptor, || socket::receive(descriptor, room)))
}

/// Makes an attempt to receive. Data that a peer sent before it closed comes before the report that the peer
/// had not received everything. On message sockets the kernel gives the report first, and only once.
fn data_first<T>(
    descriptor: RawFd,
    mut attempt: impl FnMut() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let outcome = match attempt() {
        Err(Errno::ECONNRESET)
            if socket::waiting_length(descriptor).is_ok_and(|left| left != 0) =>
        {
            attempt()
        }
        outcome => outcome,
    };
    // With EINVAL the kernel says that a stream is not connected.
    outcome.map_err(|errno| match errno {
        Errno::EINVAL => Errno::ENOTCONN,
        errno => errno,
    })
}

/// The result of [`receive`] for a [`try_receive`] that failed, or received a message that does not
/// fit.
#[cold]
pub(crate) fn receive_failed(
    descriptor: RawFd,
    capacity: usize,
    outcome: Result<usize, Errno>,
) -> Result<usize> {
    check_whole(
        descriptor,
        outcome.map_err(|errno| socket_failed(descriptor, errno))?,
        capacity,
    )
}

/// Fails with `EMSGSIZE` if the next message has more than `capacity` bytes.
pub(super) fn measure(descriptor: RawFd, capacity: usize, next: &mut usize) -> Result<(), Errno> {
    *next = socket::next_length(descriptor)?;
    if *next > capacity {
        return Err(Errno::EMSGSIZE);
    }
    Ok(())
}

#[cold]
pub(super) fn too_large(descriptor: RawFd, capacity: usize, next: usize) -> Error {
    fail!(
        EMSGSIZE,
        "descriptor {descriptor}: the next message has {next} bytes, the buffer {capacity}; it stays in the socket"
    )
}

/// Fails if a message was cut. That happens when another receiver of the socket takes the message
/// that was measured.
pub(super) fn check_whole(descriptor: RawFd, length: usize, capacity: usize) -> Result<usize> {
    if length <= capacity {
        return Ok(length);
    }
    Err(fail!(
        EMSGSIZE,
        "descriptor {descriptor}: another receiver took the message that was measured, and of the next, with {length} bytes, all behind {capacity} is lost"
    ))
}

pub(crate) fn receive(
    descriptor: RawFd,
    room: &mut [MaybeUninit<u8>],
    timeout_ns: i64,
) -> Result<usize> {
    let capacity = room.len();
    let taking = taking(descriptor, capacity)?;
    let mut next = 0;
    let length = transfer(descriptor, READABLE, timeout_ns, || {
        data_first(descriptor, || {
            if let Taking::Messages = taking {
                measure(descriptor, capacity, &mut next)?;
            }
            socket::receive(descriptor, room)
        })
    })
    .map_err(|error| match error.errno() {
        Errno::EMSGSIZE => too_large(descriptor, capacity, next),
        _ => error,
    })?;
    check_whole(descriptor, length, capacity)
}

/// Receives a message and the descriptors that travel with it. On failure all arrived descriptors
/// are closed.
pub(crate) fn receive_descriptors(
    descriptor: RawFd,
    room: &mut [MaybeUninit<u8>],
    capacity_for_descriptors: usize,
    timeout_ns: i64,
) -> Result<(usize, Descriptors)> {
    let capacity = room.len();
    let taking = taking(descriptor, capacity)?;
    let mut next = 0;
    let mut passed = Descriptors::NONE;
    let arrived = transfer(descriptor, READABLE, timeout_ns, || {
        data_first(descriptor, || {
            if let Taking::Messages = taking {
                measure(descriptor, capacity, &mut next)?;
            }
            socket::receive_with_descriptors(descriptor, room, &mut passed)
        })
    })
    .map_err(|error| match error.errno() {
        Errno::EMSGSIZE => too_large(descriptor, capacity, next),
        _ => error,
    })?;
    let count = passed.count();
    if arrived.is_incomplete {
        return Err(fail!(
            EMFILE,
            "descriptor {descriptor}: only {count} of the passed descriptors could be installed (is the table full? RLIMIT_NOFILE); all were closed, and the message of {} bytes is taken",
            arrived.length
        ));
    }
    if count > capacity_for_descriptors {
        return Err(fail!(
            ENOBUFS,
            "descriptor {descriptor}: {count} descriptors came, there is room for {capacity_for_descriptors}; all were closed, and the message of {} bytes is taken",
            arrived.length
        ));
    }
    let length = check_whole(descriptor, arrived.length, capacity)?;
    Ok((length, passed))
}
