//! Pseudoterminals: a program that wants a terminal gets one that another program controls.

use crate::error::{Errno, Error, Result, fail, failed};
use crate::sys::ready::{self, READABLE};
use crate::sys::socket::Room;
use crate::sys::terminal::{self, Program, WindowSize};
use crate::time::Deadline;
use core::ffi::{CStr, c_char};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

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
    let paths = search_paths(file)?;
    let paths: Vec<&CStr> = paths.iter().map(CString::as_c_str).collect();
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

/// Where a program may be: at its path, or in the directories of PATH.
fn search_paths(file: &CStr) -> Result<Vec<CString>> {
    let name = file.to_bytes();
    if name.is_empty() {
        return Err(fail!(ENOENT, "the program's name is empty"));
    }
    if name.contains(&b'/') {
        return Ok(vec![file.to_owned()]);
    }
    // As execvp(3) has it where PATH is not set.
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let candidates = path
        .as_bytes()
        .split(|&byte| byte == b':')
        .map(|directory| {
            let directory = if directory.is_empty() {
                b"."
            } else {
                directory
            };
            CString::new([directory, b"/", name].concat()).unwrap_or_default()
        });
    Ok(candidates.collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_slash_is_not_searched_for() {
        assert_eq!(search_paths(c"./a").ok().unwrap(), vec![c"./a".to_owned()]);
        assert!(search_paths(c"").is_err());
    }

    #[test]
    fn a_program_without_a_slash_is_searched_for_in_the_directories_of_path() {
        let paths = search_paths(c"sh").ok().unwrap();
        assert!(!paths.is_empty());
        assert!(paths.iter().all(|path| path.to_bytes().ends_with(b"/sh")));
    }
}
