//! FIFOs: pipes with a name, and the rendezvous of their two ends.
//!
//! The opening of one end waits for the other end. Without a deadline the kernel waits. With a
//! deadline a reader opens the FIFO without waiting, which lets writers in. It then learns from
//! inotify that a process has opened the FIFO. A writer cannot open its end before there is a
//! reader, and a reader that waits inside the kernel's open causes no inotify event. So a writer
//! with a deadline tries again at each event, and after pauses that grow to 10 ms.

use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::text::Escaped;
use crate::base::time::{Deadline, now};
use crate::sys::new_owner::NewOwner;
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

/// The end to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FifoEnd {
    Reader,
    /// A reader that stays when all writers leave: it holds the writing end open itself.
    LastingReader,
    Writer,
}

/// Refuses an empty path, which the kernel would call a file that does not exist.
fn check_path(path: &CStr) -> Result<()> {
    if path.is_empty() {
        return Err(fail!(EINVAL, "the path is empty"));
    }
    Ok(())
}

/// Creates a FIFO. False if there is one already.
pub(crate) fn create(path: &CStr, exclusive: bool, mode: libc::mode_t) -> Result<bool> {
    check_path(path)?;
    let shown = Escaped(path.to_bytes());
    loop {
        let owner = NewOwner::current();
        match pipe::create_fifo(path, mode, owner) {
            Ok(()) => return Ok(true),
            Err(Errno::EEXIST) => {}
            Err(errno @ Errno::EPERM) if !owner.is_usual() => {
                return Err(failed!(
                    errno,
                    "{shown}: cannot be created for {owner}: that needs CAP_CHOWN, or membership of the group"
                ));
            }
            Err(errno) => {
                return Err(failed!(errno, "{shown}: cannot be created"));
            }
        }
        match file::status_of(path) {
            Ok(status) if !status.is_fifo() => return Err(not_a_fifo(&shown, &status)),
            Ok(_) if exclusive => return Err(fail!(EEXIST, "{shown}: the FIFO exists")),
            Ok(_) => return Ok(false),
            // It was removed in between, so it can be created after all.
            Err(Errno::ENOENT) => {}
            Err(errno) => {
                return Err(failed!(errno, "{shown}: cannot be examined"));
            }
        }
    }
}

/// Opens one end of a FIFO and waits for the other end.
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
    // The watch begins before the first check, so no opening is missed in between.
    let openings = match deadline {
        Deadline::Now => None,
        _ => node.watch_openings().ok(),
    };
    let mut pause = FIRST_PAUSE;
    loop {
        // There are bytes, or the end of the file (a writer came and has left again), or a writer
        // that has written nothing yet.
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
        // A reader that waits in the kernel causes no event: try again soon.
        let soon = deadline.earlier(now() + pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
        wait_for_opening(openings.as_ref(), None, soon)?;
    }
}

/// Waits for an inotify event. Without inotify, when its instances are used up, waits for a pause.
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
        // The events are read so that the next wait does not return at once. Their text says nothing
        // new.
        let mut taken = [MaybeUninit::uninit(); 1024];
        let _ = stream::read_now(notices, &mut taken);
    }
    Ok(())
}

/// Removes a FIFO's name. Refuses a file of another kind.
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

fn not_a_fifo(shown: &Escaped<'_>, status: &file::Status) -> Error {
    fail!(
        EMEDIUMTYPE,
        "{shown}: expected a FIFO, found {}",
        status.kind()
    )
}
