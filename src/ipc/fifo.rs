//! FIFOs: pipes with a name, and the rendezvous of their two sides.
//!
//! Opening one waits for the other side. Without a deadline the kernel does the waiting. With one,
//! a reader opens without waiting, which lets writers in, and then learns from the file system's
//! notices (inotify) that somebody has opened the FIFO. A writer cannot be let in before there is
//! a reader, and a reader that waits inside the kernel's open gives no notice of itself; so a
//! writer with a deadline tries again, at each notice and after pauses that grow to ten
//! milliseconds.

use crate::base::error::{Errno, Result, fail, failed};
use crate::base::text::Escaped;
use crate::base::time::{Deadline, now};
use crate::sys::ready::{self, READABLE};
use crate::sys::{file, pipe, stream};
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::time::Duration;
use nix::fcntl::OFlag;
use nix::sys::inotify::Inotify;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Which side to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FifoEnd {
    Reader,
    /// A reader that stays when all the writers leave: it holds the other side open itself.
    LastingReader,
    Writer,
}

/// The kernel's answer for an empty path is that there is no such file.
fn check_path(path: &CStr) -> Result<()> {
    if path.is_empty() {
        return Err(fail!(EINVAL, "the path is empty"));
    }
    Ok(())
}

/// Makes a FIFO; false when one stands there already.
pub(crate) fn create(path: &CStr, exclusive: bool, mode: libc::mode_t) -> Result<bool> {
    check_path(path)?;
    let shown = Escaped(path.to_bytes());
    loop {
        match pipe::create_fifo(path, mode) {
            Ok(()) => return Ok(true),
            Err(Errno::EEXIST) => {}
            Err(errno) => {
                return Err(failed!(errno, "{shown}: cannot be created"));
            }
        }
        match file::status_of(path) {
            Ok(status) if !status.is_fifo() => return Err(not_a_fifo(&shown, &status)),
            Ok(_) if exclusive => return Err(fail!(EEXIST, "{shown}: the FIFO exists")),
            Ok(_) => return Ok(false),
            // Removed since: it can be made after all.
            Err(Errno::ENOENT) => {}
            Err(errno) => {
                return Err(failed!(errno, "{shown}: cannot be examined"));
            }
        }
    }
}

/// Opens a FIFO and waits for the other side.
pub(crate) fn open(
    path: &CStr,
    side: FifoEnd,
    nonblocking: bool,
    inherited: bool,
    deadline: Deadline,
) -> Result<OwnedFd> {
    check_path(path)?;
    let shown = Escaped(path.to_bytes());
    let failed = |errno: Errno| failed!(errno, "{shown}: cannot be opened");
    let node = pipe::Node::find(path).map_err(failed)?;
    let status = file::status(node.file()).map_err(failed)?;
    if !status.is_fifo() {
        return Err(not_a_fifo(&shown, &status));
    }
    let opened = match (side, deadline) {
        (FifoEnd::LastingReader, _) => node.open(OFlag::O_RDWR),
        (FifoEnd::Reader, Deadline::Never) => node.open(OFlag::O_RDONLY),
        (FifoEnd::Writer, Deadline::Never) => node.open(OFlag::O_WRONLY),
        (FifoEnd::Reader, _) => open_reader(&node, deadline),
        (FifoEnd::Writer, _) => open_writer(&node, deadline),
    };
    let file = opened.map_err(|errno| match errno {
        Errno::ENXIO => fail!(ENXIO, "{shown}: nobody has it open for reading"),
        Errno::EAGAIN => fail!(EAGAIN, "{shown}: nobody has it open for writing"),
        Errno::ETIMEDOUT => fail!(ETIMEDOUT, "{shown}: nobody opened the other side in time"),
        Errno::EINTR => fail!(
            EINTR,
            "{shown}: a signal handler ran before the other side came"
        ),
        errno => failed(errno),
    })?;
    ready::set_nonblocking(file.as_fd(), nonblocking).map_err(failed)?;
    if inherited {
        pipe::set_inherited(file.as_fd()).map_err(failed)?;
    }
    Ok(file)
}

fn open_reader(node: &pipe::Node, deadline: Deadline) -> Result<OwnedFd, Errno> {
    let reader = node.open(OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
    // Watching begins before the first look, so that no opening falls between the two.
    let openings = match deadline {
        Deadline::Now => None,
        _ => node.watch_openings().ok(),
    };
    let mut pause = FIRST_PAUSE;
    loop {
        // Bytes, or the end of the file (a writer came and has left again), or a writer that has
        // written nothing yet.
        let watched = ready::watch(reader.as_raw_fd(), READABLE);
        if ready::wait_any(&mut [watched], Deadline::Now)? || pipe::has_writer(reader.as_fd()) {
            return Ok(reader);
        }
        match deadline {
            Deadline::Now => return Err(Errno::EAGAIN),
            _ if deadline.has_passed() => return Err(Errno::ETIMEDOUT),
            _ => {}
        }
        pause_for_opening(openings.as_ref(), Some(watched), deadline, &mut pause)?;
    }
}

fn open_writer(node: &pipe::Node, deadline: Deadline) -> Result<OwnedFd, Errno> {
    let mut openings = None;
    let mut pause = FIRST_PAUSE;
    loop {
        match node.open(OFlag::O_WRONLY | OFlag::O_NONBLOCK) {
            Err(Errno::ENXIO) => {}
            outcome => return outcome,
        }
        match deadline {
            Deadline::Now => return Err(Errno::ENXIO),
            _ if deadline.has_passed() => return Err(Errno::ETIMEDOUT),
            _ => {}
        }
        if openings.is_none() {
            openings = node.watch_openings().ok();
        }
        // No notice comes from a reader that waits in the kernel: look again soon.
        let soon = deadline.earlier(now() + pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
        wait_for_opening(openings.as_ref(), None, soon)?;
    }
}

/// Waits for a notice; where the system gives none (its notices are used up), for a pause.
fn pause_for_opening(
    openings: Option<&Inotify>,
    reader: Option<libc::pollfd>,
    deadline: Deadline,
    pause: &mut Duration,
) -> Result<(), Errno> {
    if openings.is_some() {
        return wait_for_opening(openings, reader, deadline);
    }
    let soon = deadline.earlier(now() + *pause);
    *pause = (*pause * 2).min(LONGEST_PAUSE);
    wait_for_opening(openings, reader, soon)
}

fn wait_for_opening(
    openings: Option<&Inotify>,
    reader: Option<libc::pollfd>,
    deadline: Deadline,
) -> Result<(), Errno> {
    let unused = ready::watch(-1, 0);
    let notices = openings.map_or(-1, |openings| openings.as_fd().as_raw_fd());
    let mut list = [ready::watch(notices, READABLE), reader.unwrap_or(unused)];
    ready::wait_any(&mut list, deadline)?;
    if list[0].revents != 0 {
        // What they say does not matter; that they are taken does.
        let mut taken = [MaybeUninit::uninit(); 1024];
        let _ = stream::read_now(notices, &mut taken);
    }
    Ok(())
}

/// Removes a FIFO's name, and nothing else that may stand there.
pub(crate) fn unlink(path: &CStr) -> Result<()> {
    check_path(path)?;
    let shown = Escaped(path.to_bytes());
    let failed = |errno: Errno| failed!(errno, "{shown}: cannot be removed");
    let status = file::status_of(path).map_err(failed)?;
    if !status.is_fifo() {
        return Err(not_a_fifo(&shown, &status));
    }
    file::unlink(path).map_err(failed)
}

fn not_a_fifo(shown: &Escaped<'_>, status: &file::Status) -> crate::base::error::Error {
    fail!(
        EMEDIUMTYPE,
        "{shown}: expected a FIFO, found {}",
        status.kind()
    )
}
