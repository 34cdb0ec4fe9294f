//! Whole transfers: all the bytes, however many calls the kernel makes of them.
//!
//! Without a deadline each step is a plain read or write, so that the fast path costs what the
//! caller's own loop would. With one, each step takes or gives only what does not have to be
//! waited for, and the waiting is done where a deadline can be given: in poll.

use crate::error::{Errno, Error, Result, fail};
use crate::sys::stream;
use crate::time::Deadline;
use core::cell::Cell;
use core::mem::MaybeUninit;
use std::os::fd::RawFd;

thread_local! {
    /// How far this thread's last failed transfer came.
    static TRANSFERRED: Cell<usize> = const { Cell::new(0) };
}

/// Fills the buffer; less only when the end of the file came first.
pub(crate) fn read_full(
    fd: RawFd,
    buffer: &mut [MaybeUninit<u8>],
    deadline: Deadline,
) -> Result<usize> {
    let total = buffer.len();
    if total == 0 {
        stream::check_access(fd, false).map_err(|errno| failed(fd, "read", 0, 0, errno))?;
    }
    let mut done = 0;
    while done < total {
        let rest = &mut buffer[done..];
        let outcome = match deadline {
            Deadline::Never => stream::read(fd, rest),
            _ => stream::read_now(fd, rest),
        };
        match outcome {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait(fd, libc::POLLIN, deadline)
                .map_err(|errno| failed(fd, "read", done, total, errno))?,
            Err(errno) => return Err(failed(fd, "read", done, total, errno)),
        }
    }
    Ok(done)
}

/// Writes all the bytes.
pub(crate) fn write_full(
    fd: RawFd,
    bytes: &[MaybeUninit<u8>],
    deadline: Deadline,
) -> Result<usize> {
    let total = bytes.len();
    if total == 0 {
        stream::check_access(fd, true).map_err(|errno| failed(fd, "written", 0, 0, errno))?;
    }
    let mut done = 0;
    while done < total {
        let rest = &bytes[done..];
        let outcome = match deadline {
            Deadline::Never => stream::write(fd, rest),
            _ => stream::write_now(fd, rest),
        };
        match outcome {
            // No device has a reason to take nothing without saying why; asked again, it could go on
            // so for ever.
            Ok(0) => return Err(failed(fd, "written", done, total, Errno::EIO)),
            Ok(count) => done += count,
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait(fd, libc::POLLOUT, deadline)
                .map_err(|errno| failed(fd, "written", done, total, errno))?,
            Err(errno) => return Err(failed(fd, "written", done, total, errno)),
        }
    }
    Ok(done)
}

/// How far this thread's last failed transfer came.
pub(crate) fn last_transferred() -> usize {
    TRANSFERRED.get()
}

#[cold]
fn wait(fd: RawFd, events: i16, deadline: Deadline) -> Result<(), Errno> {
    if deadline == Deadline::Now {
        return Err(Errno::EAGAIN);
    }
    loop {
        match stream::wait(&mut [stream::watch(fd, events)], deadline) {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(Errno::ETIMEDOUT),
            // A whole transfer is resumed.
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

#[cold]
fn failed(fd: RawFd, what: &str, done: usize, total: usize, errno: Errno) -> Error {
    TRANSFERRED.set(done);
    let why = match errno {
        Errno::EAGAIN => "the rest has to be waited for",
        Errno::ETIMEDOUT => "then the timeout expired",
        Errno::EPIPE => "then nobody had it open for reading any more",
        errno => errno.desc(),
    };
    fail!(
        (errno),
        "descriptor {fd}: {done} of {total} bytes {what}; {why}"
    )
}
