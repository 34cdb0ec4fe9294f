//! Pseudoterminals.

use super::spawn::{CHILDREN, environment, ipc_child_t};
use super::*;
use crate::base::time::Deadline;
use crate::ipc::pty::{self, Attributes};
use crate::sys::spawn::Strings;
use crate::sys::terminal::WindowSize;
use core::ffi::{c_char, c_ushort, c_void};
use std::os::fd::IntoRawFd;

/// Terminal attribute: bytes pass as they are; no echo, no lines, no signals from keys.
pub const IPC_PTY_RAW: c_int = 0x1;

/// How a pseudoterminal shall be. All zeros is the default.
#[repr(C)]
pub struct ipc_pty_attr_t {
    /// How many lines it says it has; 0 for 24.
    pub rows: c_ushort,
    /// How many characters a line has; 0 for 80.
    pub columns: c_ushort,
    /// 0 or IPC_PTY_RAW.
    pub flags: c_int,
    /// All 0: room for what comes later.
    pub reserved: [c_int; 6],
}

/// # Safety
///
/// `attr` is NULL, misaligned, or points to an ipc_pty_attr_t.
unsafe fn attributes(attr: *const ipc_pty_attr_t) -> Result<Attributes> {
    let default = |given, otherwise| if given == 0 { otherwise } else { given };
    let (mut rows, mut columns, mut flags) = (0, 0, 0);
    if !attr.is_null() {
        // SAFETY: by this function's contract.
        let attr = unsafe { placed(attr, "attr") }?;
        if attr.reserved != [0; 6] {
            return Err(fail!(EINVAL, "attr: a reserved field is not 0"));
        }
        (rows, columns, flags) = (attr.rows, attr.columns, attr.flags);
    }
    check_flags(flags, IPC_PTY_RAW)?;
    Ok(Attributes {
        size: WindowSize {
            rows: default(rows, 24),
            columns: default(columns, 80),
        },
        is_raw: flags & IPC_PTY_RAW != 0,
    })
}

/// Makes a pseudoterminal.
///
/// controller_fd: receives the end of the program that plays the user: what it writes is typed,
/// what it reads was printed. On success only; end it with close(2), which hangs the terminal up.
/// terminal_fd: receives the terminal, for a program to use as its standard streams. On success
/// only; end it with close(2). It does not become this process's controlling terminal.
/// attr: NULL for 24 lines of 80 characters with echo; not kept.
///
/// Returns: 0, or a negative error. Both descriptors are close-on-exec.
/// Errors: -EINVAL a NULL, unknown flags, or a reserved field that is not 0; -ENOSPC no
/// pseudoterminal is free; -ENOENT no /dev/ptmx; -EMFILE or -ENFILE too many descriptors;
/// -EACCES not permitted.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pty_open(
    controller_fd: *mut c_int,
    terminal_fd: *mut c_int,
    attr: *const ipc_pty_attr_t,
) -> c_int {
    guard(c"ipc_pty_open", move || {
        let controller_fd = checked(controller_fd, "controller_fd")?;
        let terminal_fd = checked(terminal_fd, "terminal_fd")?;
        // SAFETY: by the contract of this call.
        let made = pty::open(unsafe { attributes(attr) }?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put_two(controller_fd, terminal_fd, made) }
    })
}

/// Starts a program on a new pseudoterminal: as the leader of a new session, with the terminal
/// as its controlling terminal and its three standard streams, no other descriptor, and all
/// signals at their defaults and unblocked.
///
/// out: receives the program's handle, on success only, as from ipc_spawn(): ipc_child_wait(),
/// ipc_child_kill() and ipc_child_fd() take it, ipc_child_close() ends it. None of its streams
/// is a pipe.
/// controller_fd: receives the end that plays the user, close-on-exec, on success only. End it
/// with close(2): the program gets SIGHUP.
/// argv: the program and its arguments, ended by NULL. A name without a slash is searched for
/// in PATH. No shell is involved.
/// envp: its environment, ended by NULL; NULL for this process's.
/// attr: as in ipc_pty_open().
///
/// Returns: 0, the program is running; or a negative error, and there is no child.
/// Errors: those of ipc_spawn() and of ipc_pty_open().
/// Threads: safe, whatever other threads do.
/// Signals: none are lost; handlers wait until the program runs.
/// Fork: a child that this process forks can signal the program, but not wait for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pty_spawn(
    out: *mut *mut ipc_child_t,
    controller_fd: *mut c_int,
    argv: *const *const c_char,
    envp: *const *const c_char,
    attr: *const ipc_pty_attr_t,
) -> c_int {
    guard(c"ipc_pty_spawn", move || {
        let out = checked(out, "out")?;
        let controller_fd = checked(controller_fd, "controller_fd")?;
        // SAFETY: by the contract of this call.
        let arguments = unsafe { Strings::new(checked(argv.cast_mut(), "argv")?) };
        // SAFETY: by the contract of this call.
        let environment = unsafe { environment(envp) };
        // SAFETY: by the contract of this call.
        let attributes = unsafe { attributes(attr) }?;
        let (controller, child) = pty::spawn(arguments, environment, attributes)?;
        let handle = CHILDREN.insert(child)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe {
            put(controller_fd, controller.into_raw_fd())?;
            put(out, handle)
        }
    })
}

/// Reads what the programs on the terminal have printed, waiting until there is something.
///
/// fd: the controlling end. Where several threads or processes read from it, O_NONBLOCK has to
/// be set for the timeout to hold.
/// buf: receives up to capacity bytes, on success only; capacity is at least 1.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: how many bytes were read; 0 when all programs have closed the terminal (read(2)
/// says EIO then); or a negative error.
/// Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler
/// ran while waiting; -EINVAL a NULL, a capacity of 0 or above SSIZE_MAX, or a timeout below
/// -1; -EFAULT buf is not writable; -EBADF not open; -ENOTTY not the controlling end of a
/// pseudoterminal.
/// Threads: safe; each byte goes to one reader.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pty_read(
    fd: c_int,
    buf: *mut c_void,
    capacity: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_pty_read", move || {
        let deadline = Deadline::after(timeout_ns)?;
        // SAFETY: by the contract of this call.
        let room = unsafe { writable(buf, capacity, "buf") }?;
        Ok(pty::read(fd, room, deadline)? as libc::ssize_t)
    })
}

/// Asks for a terminal's size.
///
/// fd: either end.
/// rows, columns: receive the size, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL; -EBADF not open; -ENOTTY no terminal.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pty_window_size(
    fd: c_int,
    rows: *mut c_ushort,
    columns: *mut c_ushort,
) -> c_int {
    guard(c"ipc_pty_window_size", move || {
        let rows = checked(rows, "rows")?;
        let columns = checked(columns, "columns")?;
        let size = pty::window_size(fd)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe {
            put(rows, size.rows)?;
            put(columns, size.columns)
        }
    })
}

/// Sets a terminal's size. If it is another than before, the programs in the terminal's
/// foreground get SIGWINCH.
///
/// fd: either end.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF not open; -ENOTTY no terminal.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pty_set_window_size(
    fd: c_int,
    rows: c_ushort,
    columns: c_ushort,
) -> c_int {
    guard(c"ipc_pty_set_window_size", move || {
        pty::set_window_size(fd, WindowSize { rows, columns })?;
        Ok(0)
    })
}
