//! Pseudoterminals (pty(7)).

use super::fd::{self, made};
use core::ffi::c_int;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::sys::termios::{self, SetArg};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A terminal's size in characters.
#[derive(Clone, Copy)]
pub(crate) struct WindowSize {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
}

/// A new pseudoterminal: the controlling end, and the terminal itself. Both are close-on-exec.
pub(crate) fn open() -> Result<(OwnedFd, OwnedFd), Errno> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let controller = fd::open(c"/dev/ptmx", flags, Mode::empty())?;
    let is_locked: c_int = 0;
    // SAFETY: the kernel reads one int, which lives during the call.
    Errno::result(unsafe {
        libc::ioctl(
            controller.as_raw_fd(),
            libc::TIOCSPTLCK,
            &raw const is_locked,
        )
    })?;
    // The terminal is opened through the controller and not by its path. If /dev/pts is that of another mount
    // namespace, the path leads to another terminal, or to none.
    // SAFETY: the request takes open flags by value.
    let result = unsafe { libc::ioctl(controller.as_raw_fd(), libc::TIOCGPTPEER, flags.bits()) };
    // SAFETY: the kernel has just made the descriptor and nobody else knows it.
    Ok((controller, unsafe { made(result) }?))
}

/// Makes bytes pass unchanged: no echo, no lines, no signals from keys.
fn make_raw(terminal: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut settings = termios::tcgetattr(terminal)?;
    termios::cfmakeraw(&mut settings);
    termios::tcsetattr(terminal, SetArg::TCSANOW, &settings)
}

/// The terminal's size. `ENOTTY` if the descriptor is not a terminal.
pub(crate) fn window_size(terminal: RawFd) -> Result<WindowSize, Errno> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the kernel writes one winsize.
    Errno::result(unsafe { libc::ioctl(terminal, libc::TIOCGWINSZ, &raw mut size) })?;
    Ok(WindowSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// Sets the terminal's size. If it changes, the terminal's foreground processes get SIGWINCH.
pub(crate) fn set_window_size(terminal: RawFd, size: WindowSize) -> Result<(), Errno> {
    let size = libc::winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the kernel reads one winsize, which lives during the call.
    Errno::result(unsafe { libc::ioctl(terminal, libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// Checks that the descriptor is the controlling end of a pseudoterminal.
pub(crate) fn check_controller(descriptor: RawFd) -> Result<(), Errno> {
    let mut number: c_int = 0;
    // SAFETY: the kernel writes one int.
    Errno::result(unsafe { libc::ioctl(descriptor, libc::TIOCGPTN, &raw mut number) }).map(drop)
}

/// Sets the terminal's size and, if `is_raw`, raw mode.
pub(crate) fn set_up(
    terminal: BorrowedFd<'_>,
    size: WindowSize,
    is_raw: bool,
) -> Result<(), Errno> {
    set_window_size(terminal.as_raw_fd(), size)?;
    if is_raw {
        make_raw(terminal)?;
    }
    Ok(())
}
