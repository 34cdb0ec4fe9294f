//! Pseudoterminals: a program that needs a terminal gets one that another program controls.

use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::time::Deadline;
use crate::ipc::spawn::{Child, SpawnRequest, Stream};
use crate::sys::child_setup::{Belongs, Setup};
use crate::sys::ready::{self, READABLE};
use crate::sys::spawn::Strings;
use crate::sys::stream;
use crate::sys::terminal::{self, WindowSize};
use core::ffi::CStr;
use core::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// The properties of a new terminal.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) size: WindowSize,
    /// Whether bytes pass unchanged, without echo and line editing.
    pub(crate) is_raw: bool,
}

/// A program to start on a terminal.
pub(crate) struct PtyProgram<'a> {
    pub(crate) arguments: Strings<'a>,
    pub(crate) environment: Strings<'a>,
    /// The file to execute, if it is not the one that the first argument names.
    pub(crate) program: Option<&'a CStr>,
    pub(crate) directory: Option<&'a CStr>,
}

/// A new pseudoterminal: its controlling end, and the terminal.
pub(crate) fn open(attributes: Attributes) -> Result<(OwnedFd, OwnedFd)> {
    let (controller, terminal) = terminal::open().map_err(|errno| match errno {
        Errno::ENOSPC => fail!(
            ENOSPC,
            "no pseudoterminal is free (kernel.pty.max, or max= of the devpts file system)"
        ),
        Errno::ENOENT => fail!(ENOENT, "/dev/ptmx is missing: is devpts mounted?"),
        // Something else is there.
        Errno::ENOTTY | Errno::EINVAL => fail!(
            ENOTTY,
            "/dev/ptmx creates no pseudoterminals: expected that of a devpts file system"
        ),
        errno => failed!(errno, "no pseudoterminal can be created"),
    })?;
    terminal::set_up(terminal.as_fd(), attributes.size, attributes.is_raw)
        .map_err(|errno| failed!(errno, "the terminal cannot be set up"))?;
    Ok((controller, terminal))
}

/// Starts a program on a new pseudoterminal. Returns the controlling end and the program's process.
pub(crate) fn spawn(
    program: &PtyProgram<'_>,
    attributes: Attributes,
    mut setup: Setup<'_>,
) -> Result<(OwnedFd, Child)> {
    // It leads a session in any case.
    setup.belongs = Belongs::Parents;
    let (controller, terminal) = open(attributes)?;
    let child = Child::start(&SpawnRequest {
        arguments: program.arguments,
        environment: program.environment,
        directory: program.directory,
        program: program.program,
        setup,
        streams: [Stream::Descriptor(terminal.as_raw_fd()); 3],
        inherits: false,
        leads_session: true,
    })?;
    Ok((controller, child))
}

/// Reads what the programs on the terminal have written: at least one byte, or 0 when all of them
/// have closed it.
pub(crate) fn read(
    controller: RawFd,
    room: &mut [MaybeUninit<u8>],
    deadline: Deadline,
) -> Result<usize> {
    terminal::check_controller(controller).map_err(|errno| no_terminal(controller, errno))?;
    if room.is_empty() {
        return Err(fail!(EINVAL, "the buffer has no room"));
    }
    loop {
        ready::wait(controller, READABLE, deadline)?;
        match stream::read(controller, room) {
            // Linux says so when no process has the terminal open.
            Err(Errno::EIO) => return Ok(0),
            // The descriptor is non-blocking, and another reader was faster.
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
        errno => failed!(errno, "descriptor {descriptor}"),
    }
}
