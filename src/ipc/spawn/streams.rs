//! A child's standard streams: where they lead, and what has to be opened for that.

use crate::base::error::{Errno, Error, Result, failed};
use crate::base::text::Escaped;
use crate::sys::{fd, pipe, spawn};
use core::ffi::CStr;
use nix::fcntl::OFlag;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// The names of the streams 0, 1 and 2, for messages.
pub(super) const NAMES: [&str; 3] = ["standard input", "standard output", "standard error"];

/// The target of one of a child's standard streams.
#[derive(Clone, Copy)]
pub(crate) enum Stream<'a> {
    /// To the file that this process's stream leads to.
    Inherited,
    /// To a pipe whose other end this process keeps.
    Pipe,
    /// To the file of a descriptor of this process.
    Descriptor(RawFd),
    /// To a file: the child reads it, or it is created or emptied for the child to write.
    File(&'a CStr),
    /// To the end of a file, which is created if it does not exist.
    Append(&'a CStr),
    /// To /dev/null.
    Null,
    /// To the file that the child's standard output leads to. For standard error only.
    Merged,
}

/// The open files behind a child's streams.
pub(super) struct Streams {
    /// The child's files; `None` for a stream that it inherits.
    theirs: [Option<OwnedFd>; 3],
    /// This process's ends of pipes.
    pub(super) ours: [Option<OwnedFd>; 3],
    /// The descriptor to give the child as its stream 0, 1 and 2; -1 for the inherited one.
    pub(super) numbers: [RawFd; 3],
}

impl Streams {
    pub(super) fn open(wanted: &[Stream<'_>; 3]) -> Result<Streams> {
        let mut streams = Streams {
            theirs: [None, None, None],
            ours: [None, None, None],
            numbers: [-1; 3],
        };
        for (number, &stream) in wanted.iter().enumerate() {
            let (theirs, ours) = prepare(number, stream)?;
            streams.set(number, theirs);
            streams.ours[number] = ours;
        }
        if let Stream::Merged = wanted[2] {
            if streams.numbers[1] < 0 {
                let output = fd::borrow(1).map_err(|errno| unusable(2, errno))?;
                streams.set(2, Some(output));
            } else {
                streams.numbers[2] = streams.numbers[1];
            }
        }
        Ok(streams)
    }

    fn set(&mut self, number: usize, file: Option<OwnedFd>) {
        self.numbers[number] = file.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        self.theirs[number] = file;
    }
}

/// Opens what a stream needs: the child's file and, for a pipe, this process's end.
fn prepare(number: usize, stream: Stream<'_>) -> Result<(Option<OwnedFd>, Option<OwnedFd>)> {
    let is_input = number == 0;
    let write = OFlag::O_WRONLY | OFlag::O_CREAT;
    let file = match stream {
        Stream::Inherited | Stream::Merged => return Ok((None, None)),
        Stream::Pipe => {
            let (reader, writer) =
                pipe::create(true, false).map_err(|errno| unusable(number, errno))?;
            return Ok(if is_input {
                (Some(reader), Some(writer))
            } else {
                (Some(writer), Some(reader))
            });
        }
        Stream::Descriptor(given) => fd::borrow(given)
            .map_err(|errno| failed!(errno, "the child's {}: descriptor {given}", NAMES[number]))?,
        Stream::File(path) if is_input => open(number, path, OFlag::O_RDONLY)?,
        Stream::File(path) => open(number, path, write | OFlag::O_TRUNC)?,
        Stream::Append(path) => open(number, path, write | OFlag::O_APPEND)?,
        Stream::Null => open(number, c"/dev/null", OFlag::O_RDWR)?,
    };
    Ok((Some(file), None))
}

fn open(number: usize, path: &CStr, flags: OFlag) -> Result<OwnedFd> {
    spawn::open_stream(path, flags).map_err(|errno| {
        failed!(
            errno,
            "the child's {}: {}",
            NAMES[number],
            Escaped(path.to_bytes())
        )
    })
}

fn unusable(number: usize, errno: Errno) -> Error {
    failed!(errno, "the child's {}", NAMES[number])
}
