//! Whole transfers: all the bytes, in however many steps the kernel moves them.
//!
//! Without a deadline each step is a plain read or write, so the fast path costs as much as the
//! caller's own loop would. With a deadline each step moves only the bytes that need no wait, and
//! the transfer waits in poll, which takes a timeout.

use crate::base::error::{Errno, Error, Result, fail, meaning};
use crate::base::time::Deadline;
use crate::sys::ready::{self, READABLE, WRITABLE};
use crate::sys::{socket, stream};
use core::cell::Cell;
use core::mem::MaybeUninit;
use std::os::fd::RawFd;

thread_local! {
    /// How many bytes this thread's last failed transfer had moved.
    static TRANSFERRED: Cell<usize> = const { Cell::new(0) };
}

/// The result of the first step of a transfer without a deadline, if that was not the whole
/// transfer. A failure is kept and not provoked again: a socket reports a lost peer only once.
#[derive(Clone, Copy, Default)]
pub(crate) struct Begun {
    done: usize,
    failure: Option<Errno>,
}

/// The first step of reading without a deadline. Mostly it is the only one. It leaves errno
/// untouched, because it runs where no guard restores it.
#[inline(always)]
pub(crate) fn begin_read(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> Result<usize, Begun> {
    let total = buffer.len();
    match stream::read(fd, buffer) {
        Ok(count) if count == total || count == 0 => Ok(count),
        outcome => Err(Begun::from(outcome)),
    }
}

/// The first step of writing without a deadline. It leaves errno untouched, as [`begin_read`] does.
#[inline(always)]
pub(crate) fn begin_write(fd: RawFd, bytes: &[MaybeUninit<u8>]) -> Result<usize, Begun> {
    match stream::write(fd, bytes) {
        Ok(count) if count == bytes.len() => Ok(count),
        outcome => Err(Begun::from(outcome)),
    }
}

impl From<Result<usize, Errno>> for Begun {
    fn from(outcome: Result<usize, Errno>) -> Begun {
        Begun {
            done: outcome.unwrap_or(0),
            failure: outcome.err(),
        }
    }
}

/// Fills the buffer. Returns fewer bytes only if the end of the file comes first.
pub(crate) fn read_full(
    fd: RawFd,
    buffer: &mut [MaybeUninit<u8>],
    begun: Begun,
    deadline: Deadline,
) -> Result<usize> {
    let total = buffer.len();
    let mut failure = begun.failure;
    if total == 0 {
        stream::check_access(fd, false).map_err(|errno| failed(fd, "read", 0, 0, errno))?;
    }
    let mut done = begun.done;
    while done < total {
        let rest = &mut buffer[done..];
        let outcome = match (failure.take(), deadline) {
            (Some(errno), _) => Err(errno),
            (None, Deadline::Never) => stream::read(fd, rest),
            (None, _) => stream::read_now(fd, rest),
        };
        match outcome {
            Ok(0) => break,
            Ok(count) => {
                done += count;
                if done < total && is_late(deadline) {
                    return Err(failed(fd, "read", done, total, Errno::ETIMEDOUT));
                }
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait(fd, READABLE, deadline)
                .map_err(|errno| failed(fd, "read", done, total, errno))?,
            // With EINVAL the kernel says that a stream socket is not connected.
            Err(Errno::EINVAL) if socket::kind(fd).is_ok() => {
                return Err(failed(fd, "read", done, total, Errno::ENOTCONN));
            }
            Err(errno) => return Err(failed(fd, "read", done, total, errno)),
        }
    }
    Ok(done)
}

/// Writes all the bytes.
pub(crate) fn write_full(
    fd: RawFd,
    bytes: &[MaybeUninit<u8>],
    begun: Begun,
    deadline: Deadline,
) -> Result<usize> {
    let total = bytes.len();
    let mut failure = begun.failure;
    if total == 0 {
        stream::check_access(fd, true).map_err(|errno| failed(fd, "written", 0, 0, errno))?;
    }
    let mut done = begun.done;
    while done < total {
        let rest = &bytes[done..];
        let outcome = match (failure.take(), deadline) {
            (Some(errno), _) => Err(errno),
            (None, Deadline::Never) => stream::write(fd, rest),
            (None, _) => stream::write_now(fd, rest),
        };
        match outcome {
            // A device that takes nothing has to say why. Asked again, it could go on so for ever.
            Ok(0) => return Err(failed(fd, "written", done, total, Errno::EIO)),
            Ok(count) => {
                done += count;
                if done < total && is_late(deadline) {
                    return Err(failed(fd, "written", done, total, Errno::ETIMEDOUT));
                }
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait(fd, WRITABLE, deadline)
                .map_err(|errno| failed(fd, "written", done, total, errno))?,
            Err(errno) => return Err(failed(fd, "written", done, total, errno)),
        }
    }
    Ok(done)
}

/// How many bytes this thread's last failed transfer had moved.
pub(crate) fn last_transferred() -> usize {
    TRANSFERRED.get()
}

/// Whether a transfer has to end although it need not wait: a peer that is always ready must not
/// postpone the deadline.
fn is_late(deadline: Deadline) -> bool {
    deadline != Deadline::Now && deadline.has_passed()
}

#[cold]
fn wait(fd: RawFd, events: i16, deadline: Deadline) -> Result<(), Errno> {
    if deadline == Deadline::Now {
        return Err(Errno::EAGAIN);
    }
    loop {
        match ready::wait(fd, events, deadline) {
            // A whole transfer goes on after a signal handler.
            Err(Errno::EINTR) => {}
            outcome => return outcome,
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
        errno => meaning(errno),
    };
    fail!(
        (errno),
        "descriptor {fd}: {done} of {total} bytes {what}; {why}"
    )
}
