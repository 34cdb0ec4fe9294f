//! Pseudoterminals: a program that wants a terminal gets one that another program controls.

use crate::error::{Errno, Error, Result, fail, failed};
use crate::sys::ready::{self, READABLE};
use crate::sys::socket::Room;
use crate::sys::terminal::{self, Program, WindowSize};
use crate::time::Deadline;
use core::ffi::{CStr, c_char};
use std::os::fd::{AsFd, OwnedFd, RawFd};

/// How a terminal shall be.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) size: WindowSize,
    /// Bytes pass as they are.
    pub(crate) is_raw: bool,
}

/// A new pseudoterminal: its controlling end, and the terminal.
pub(crate) fn open(attributes: Attributes) -> Result<(OwnedFd, OwnedFd)> {
    let (controller, terminal) = terminal::open().map_err(|errno| match errno {
        Errno::ENOSPC => fail!(
            ENOSPC,
            "no pseudoterminal is free (kernel.pty.max, or max= of the devpts file system)"
        ),
        Errno::ENOENT => fail!(ENOENT, "/dev/ptmx is missing: is devpts mounted?"),
        errno => failed!(errno, "no pseudoterminal can be made"),
    })?;
    terminal::set_up(terminal.as_fd(), attributes.size, attributes.is_raw)?;
    Ok((controller, terminal))
}

/// Starts a program on a new pseudoterminal. Returns the controlling end and the process's pidfd.
///
/// # Safety
///
/// `arguments` and `environment` are arrays of NUL-terminated strings, ended by NULL; the first
/// argument is there.
pub(crate) unsafe fn spawn(
    arguments: *const *const c_char,
    environment: *const *const c_char,
    attributes: Attributes,
) -> Result<(OwnedFd, OwnedFd)> {
    // SAFETY: by this function's contract.
    let file = unsafe { CStr::from_ptr(*arguments) };
    if file.is_empty() {
        return Err(fail!(ENOENT, "the program's name is empty"));
    }
    let paths = crate::spawn::candidates(file);
    let program = Program {
        paths: &paths,
        arguments,
        environment,
    };
    let (controller, terminal) = open(attributes)?;
    // SAFETY: by this function's contract.
    match unsafe { terminal::spawn(terminal.as_fd(), &program) } {
        Ok(pidfd) => Ok((controller, pidfd)),
        Err(errno) => Err(failed!(
            errno,
            "{}: cannot be started",
            file.to_bytes().escape_ascii()
        )),
    }
}

/// Reads what the programs on the terminal have written: at least one byte; 0 when all have
/// closed it.
pub(crate) fn read(controller: RawFd, mut room: Room<'_>, timeout_ns: i64) -> Result<usize> {
    let deadline = Deadline::after(timeout_ns)?;
    terminal::is_controller(controller).map_err(|errno| no_terminal(controller, errno))?;
    if room.capacity() == 0 {
        return Err(fail!(EINVAL, "the buffer has no room"));
    }
    loop {
        match ready::wait(controller, READABLE, deadline) {
            Err(Errno::ETIMEDOUT) if deadline == Deadline::Now => {
                return Err(Errno::EAGAIN.into());
            }
            outcome => outcome?,
        }
        match room.read(controller) {
            // Linux's way of saying that nobody has the terminal open.
            Err(Errno::EIO) => return Ok(0),
            // Another reader was faster, where the descriptor does not wait itself.
            Err(Errno::EAGAIN) => {}
            outcome => return outcome.map_err(|errno| no_terminal(controller, errno)),
        }
    }
}

pub(crate) fn window_size(descriptor: RawFd) -> Result<WindowSize> {
    terminal::window_size(descriptor).map_err(|errno| no_terminal(descriptor, errno))
}

pub(crate) fn set_window_size(descriptor: RawFd, size: WindowSize) -> Result<()> {
    terminal::set_window_size(descriptor, size).map_err(|errno| no_terminal(descriptor, errno))
}

#[cold]
fn no_terminal(descriptor: RawFd, errno: Errno) -> Error {
    match errno {
        Errno::ENOTTY => fail!(
            ENOTTY,
            "descriptor {descriptor}: expected a pseudoterminal, found something else"
        ),
        errno => errno.into(),
    }
}
