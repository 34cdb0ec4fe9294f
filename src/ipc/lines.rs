//! Lines from a stream, with a deadline.
//!
//! The kernel gives bytes and not lines, so a reader keeps what it has read behind a line. The buffer is the caller's, and
//! limits the memory: a line that does not fit comes in pieces.

use crate::base::error::{Errno, Result, fail, failed};
use crate::base::time::Deadline;
use crate::sys::ready::{self, READABLE};
use crate::sys::{socket, stream};
use core::mem::MaybeUninit;
use std::os::fd::RawFd;

/// The bytes that a reader has read and not given out yet.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    /// The bytes `begin..end` of the buffer.
    pub(crate) begin: usize,
    pub(crate) end: usize,
    /// How many of them are known to hold no newline.
    pub(crate) searched: usize,
}

/// A line in the buffer.
pub(crate) struct Line {
    pub(crate) start: usize,
    /// With the newline, if there is one. 0: the end of the stream.
    pub(crate) length: usize,
    pub(crate) is_whole: bool,
}

/// Gives out the next line and ends it with a NUL. `buffer` has room for at least one byte and that NUL, and its bytes in
/// `held` are initialised. `held` stays true also after an error.
pub(crate) fn read_line(
    fd: RawFd,
    buffer: &mut [MaybeUninit<u8>],
    held: &mut Held,
    deadline: Deadline,
) -> Result<Line> {
    let limit = buffer.len() - 1;
    loop {
        if let Some(line) = find(buffer, held) {
            return Ok(line);
        }
        if held.end - held.begin == limit {
            return Ok(all(buffer, held));
        }
        if held.end == limit {
            buffer.copy_within(held.begin..held.end, 0);
            held.end -= held.begin;
            held.begin = 0;
        }
        let room = &mut buffer[held.end..limit];
        let outcome = match deadline {
            Deadline::Never => stream::read(fd, room),
            _ => stream::read_now(fd, room),
        };
        match outcome {
            Ok(0) => return Ok(all(buffer, held)),
            Ok(count) => {
                held.end += count;
                // A peer that sends without end and without a newline must not postpone the deadline.
                let is_late = deadline != Deadline::Now && deadline.has_passed();
                if is_late && !has_newline(buffer, held) && held.end - held.begin < limit {
                    return Err(fail!(
                        ETIMEDOUT,
                        "descriptor {fd}: {} bytes of a line came in time; they are kept",
                        held.end - held.begin
                    ));
                }
            }
            Err(Errno::EAGAIN) if deadline == Deadline::Now => return Err(Errno::EAGAIN.into()),
            Err(Errno::EAGAIN) => ready::wait(fd, READABLE, deadline)?,
            Err(Errno::EINTR) => return Err(Errno::EINTR.into()),
            // So the kernel says that a stream socket is not connected.
            Err(Errno::EINVAL) if socket::kind(fd).is_ok() => {
                return Err(failed!(Errno::ENOTCONN, "descriptor {fd}"));
            }
            Err(errno) => return Err(failed!(errno, "descriptor {fd}")),
        }
    }
}

fn newline(buffer: &[MaybeUninit<u8>], held: &Held) -> Option<usize> {
    let from = held.begin + held.searched;
    // SAFETY: the bytes in `held` are initialised.
    let is_newline = |byte: &MaybeUninit<u8>| unsafe { byte.assume_init() } == b'\n';
    let place = buffer[from..held.end].iter().position(is_newline)?;
    Some(from + place)
}

fn has_newline(buffer: &[MaybeUninit<u8>], held: &Held) -> bool {
    newline(buffer, held).is_some()
}

/// The first line in the buffer.
fn find(buffer: &mut [MaybeUninit<u8>], held: &mut Held) -> Option<Line> {
    let Some(place) = newline(buffer, held) else {
        held.searched = held.end - held.begin;
        return None;
    };
    buffer[place].write(0);
    let start = held.begin;
    held.begin = place + 1;
    held.searched = 0;
    Some(Line {
        start,
        length: place + 1 - start,
        is_whole: true,
    })
}

/// All bytes in the buffer: the end of the stream, or a piece of a line.
fn all(buffer: &mut [MaybeUninit<u8>], held: &mut Held) -> Line {
    buffer[held.end].write(0);
    let line = Line {
        start: held.begin,
        length: held.end - held.begin,
        is_whole: false,
    };
    *held = Held {
        begin: 0,
        end: 0,
        searched: 0,
    };
    line
}
