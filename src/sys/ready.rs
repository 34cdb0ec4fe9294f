//! Waiting until a descriptor is ready (ppoll(2)).

use crate::time::Deadline;
use core::time::Duration;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use std::os::fd::{BorrowedFd, RawFd};

/// Ready when there is something to read, or nothing will ever come.
pub(crate) const READABLE: libc::c_short = libc::POLLIN;
/// Ready when there is room to write, or writing will fail.
pub(crate) const WRITABLE: libc::c_short = libc::POLLOUT;

/// Waits until `descriptor` is ready for `events`, or is not a descriptor at all: what the next
/// attempt says of it is the answer. `ETIMEDOUT` at the deadline, `EINTR` when a handler ran,
/// also one that asked for interrupted calls to be resumed.
pub(crate) fn wait(
    descriptor: RawFd,
    events: libc::c_short,
    deadline: Deadline,
) -> Result<(), Errno> {
    let mut entry = libc::pollfd {
        fd: descriptor,
        events,
        revents: 0,
    };
    let left = deadline.remaining().map(timespec);
    let left = left.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: one entry and an optional timespec, both alive during the call; no signal mask.
    match Errno::result(unsafe { libc::ppoll(&mut entry, 1, left, core::ptr::null()) })? {
        0 => Err(Errno::ETIMEDOUT),
        _ => Ok(()),
    }
}

/// Waits for so long, for want of anything to wait for. `EINTR` when a handler ran.
pub(crate) fn pause(length: Duration) -> Result<(), Errno> {
    let length = timespec(length);
    // SAFETY: no entries; the timespec is alive during the call; no signal mask.
    let outcome = unsafe { libc::ppoll(core::ptr::null_mut(), 0, &length, core::ptr::null()) };
    Errno::result(outcome).map(drop)
}

fn timespec(length: Duration) -> libc::timespec {
    libc::timespec {
        // The largest time_t is 292 billion years away: saturating is never.
        tv_sec: length.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: length.subsec_nanos().into(),
    }
}

/// Whether calls on the descriptor do not wait. `EBADF` when nothing is open there.
pub(crate) fn is_nonblocking(descriptor: RawFd) -> Result<bool, Errno> {
    // SAFETY: no pointers.
    let flags = Errno::result(unsafe { libc::fcntl(descriptor, libc::F_GETFL) })?;
    Ok(flags & libc::O_NONBLOCK != 0)
}

/// For a descriptor that nobody else has yet: the mode belongs to all who share the open file.
pub(crate) fn set_nonblocking(
    descriptor: BorrowedFd<'_>,
    is_nonblocking: bool,
) -> Result<(), Errno> {
    let flags = OFlag::from_bits_retain(nix::fcntl::fcntl(descriptor, FcntlArg::F_GETFL)?);
    let mut wanted = flags;
    wanted.set(OFlag::O_NONBLOCK, is_nonblocking);
    nix::fcntl::fcntl(descriptor, FcntlArg::F_SETFL(wanted)).map(drop)
}
