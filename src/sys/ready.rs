//! Waiting until a descriptor is ready (ppoll(2)), and whether its own calls wait.
//!
//! A descriptor here is a number that a C program gave: one that is not open is the kernel's `EBADF`.

use super::timespec;
use crate::base::time::Deadline;
use core::ffi::{c_int, c_short};
use core::time::Duration;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use std::os::fd::{BorrowedFd, RawFd};

/// Ready when there is something to read, or nothing will ever come.
pub(crate) const READABLE: c_short = libc::POLLIN;
/// Ready when there is room to write, or writing will fail.
pub(crate) const WRITABLE: c_short = libc::POLLOUT;

/// One line of a list to wait for. A negative number is skipped.
pub(crate) fn watch(descriptor: RawFd, events: c_short) -> libc::pollfd {
    libc::pollfd {
        fd: descriptor,
        events,
        revents: 0,
    }
}

/// Waits until one of the descriptors has what is watched for, has failed or was hung up; false
/// when the deadline passed first. `EINTR` when a handler ran, also one that asked for interrupted
/// calls to be resumed.
pub(crate) fn wait_any(list: &mut [libc::pollfd], deadline: Deadline) -> Result<bool, Errno> {
    let count = poll(list, deadline.remaining())?;
    if list.iter().any(|entry| entry.revents & libc::POLLNVAL != 0) {
        return Err(Errno::EBADF);
    }
    Ok(count > 0)
}

/// The same for one descriptor: `ETIMEDOUT` at the deadline, `EAGAIN` when there is no time at all.
pub(crate) fn wait(descriptor: RawFd, events: c_short, deadline: Deadline) -> Result<(), Errno> {
    match wait_any(&mut [watch(descriptor, events)], deadline)? {
        true => Ok(()),
        false if deadline == Deadline::Now => Err(Errno::EAGAIN),
        false => Err(Errno::ETIMEDOUT),
    }
}

/// Waits for so long, for want of anything to wait for. `EINTR` when a handler ran.
pub(crate) fn pause(length: Duration) -> Result<(), Errno> {
    poll(&mut [], Some(length)).map(drop)
}

fn poll(list: &mut [libc::pollfd], limit: Option<Duration>) -> Result<c_int, Errno> {
    let limit = limit.map(timespec);
    let limit = limit
        .as_ref()
        .map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: the list has that many entries; `limit` is NULL or a time that outlives the call; no
    // signal mask is given.
    Errno::result(unsafe {
        libc::ppoll(
            list.as_mut_ptr(),
            list.len() as libc::nfds_t,
            limit,
            core::ptr::null(),
        )
    })
}

/// How the descriptor was opened, and O_NONBLOCK. `EBADF` when nothing is open there.
pub(crate) fn status_flags(descriptor: RawFd) -> Result<c_int, Errno> {
    // SAFETY: F_GETFL takes no argument and touches no memory.
    Errno::result(unsafe { libc::fcntl(descriptor, libc::F_GETFL) })
}

/// Whether calls on the descriptor do not wait.
pub(crate) fn is_nonblocking(descriptor: RawFd) -> Result<bool, Errno> {
    status_flags(descriptor).map(|flags| flags & libc::O_NONBLOCK != 0)
}

/// For a descriptor that nobody else has yet: the mode belongs to all who share the open file.
pub(crate) fn set_nonblocking(
    descriptor: BorrowedFd<'_>,
    is_nonblocking: bool,
) -> Result<(), Errno> {
    let mut flags = OFlag::from_bits_retain(nix::fcntl::fcntl(descriptor, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, is_nonblocking);
    nix::fcntl::fcntl(descriptor, FcntlArg::F_SETFL(flags)).map(drop)
}
