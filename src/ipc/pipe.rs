//! Pipes: creation and capacity.

use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::sys::pipe;
use core::ffi::c_int;
use std::os::fd::{OwnedFd, RawFd};

/// The largest write, in bytes, that the kernel never mixes with another writer's.
pub(crate) const ATOMIC: usize = crate::sys::stream::ATOMIC;

/// A new pipe: its read end and its write end.
pub(crate) fn create(inherited: bool, nonblocking: bool) -> Result<(OwnedFd, OwnedFd)> {
    pipe::create(!inherited, nonblocking).map_err(|errno| failed!(errno, "no pipe can be created"))
}

pub(crate) fn capacity(fd: RawFd) -> Result<usize> {
    pipe::capacity(fd).map_err(|errno| not_a_pipe(fd, errno))
}

/// Gives a pipe room for at least `bytes`. Returns the real capacity.
pub(crate) fn set_capacity(fd: RawFd, bytes: usize) -> Result<usize> {
    let found = capacity(fd)?;
    let wanted = c_int::try_from(bytes)
        .ok()
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| {
            fail!(
                EINVAL,
                "descriptor {fd}: expected a capacity of 1 to {} bytes, found {bytes}",
                c_int::MAX
            )
        })?;
    pipe::set_capacity(fd, wanted).map_err(|errno| match errno {
        Errno::EPERM => fail!(
            EPERM,
            "descriptor {fd}: a capacity of {bytes} bytes is over what this user may have: /proc/sys/fs/pipe-max-size for one pipe, /proc/sys/fs/pipe-user-pages-soft for all of a user's"
        ),
        Errno::EBUSY => fail!(
            EBUSY,
            "descriptor {fd}: a capacity of {bytes} bytes is less than the pipe holds now; it stays {found}"
        ),
        errno => not_a_pipe(fd, errno),
    })
}

fn not_a_pipe(fd: RawFd, errno: Errno) -> Error {
    match errno {
        Errno::EBADF => fail!(EBADF, "descriptor {fd} is not open, or not a pipe"),
        errno => failed!(errno, "descriptor {fd}"),
    }
}
