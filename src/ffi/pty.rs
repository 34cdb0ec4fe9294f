//! Pseudoterminals.

use super::spawn::setup::{choices, ipc_child_setup_t};
use super::spawn::{CHILDREN, environment, ipc_child_t};
use super::*;
use crate::base::time::Deadline;
use crate::ipc::pty::{self, Attributes, PtyProgram};
use crate::sys::spawn::Strings;
use crate::sys::terminal::WindowSize;
use core::ffi::{c_char, c_ushort, c_void};
use std::os::fd::IntoRawFd;

/// Flag in ipc_pty_attr_t: bytes pass unchanged, without echo, line editing or signals from
/// keys.
pub const IPC_PTY_RAW: c_int = 0x1;

/// The attributes of a new pseudoterminal. A field that is zero has its default.
#[repr(C)]
pub struct ipc_pty_attr_t {
    /// The number of lines that the terminal reports; 0 for 24.
    pub rows: c_ushort,
    /// The number of characters in a line that the terminal reports; 0 for 80.
    pub columns: c_ushort,
    /// 0 or IPC_PTY_RAW.
    pub flags: c_int,
    /// For ipc_pty_spawn(): more choices for the program, for example a directory or a user; NULL for the
    /// defaults. IPC_CHILD_NEW_GROUP and IPC_CHILD_NEW_SESSION change nothing: the program leads a session.
    /// ipc_pty_open() wants NULL.
    pub setup: *const ipc_child_setup_t,
    /// All 0; for later versions.
    pub reserved: [c_int; 4],
}

/// Reads the C caller's attributes; NULL means the defaults.
///
/// # Safety
///
/// `attr` is NULL, misaligned, or points to an ipc_pty_attr_t.
unsafe fn attributes(attr: *const ipc_pty_attr_t) -> Result<Attributes> {
    let default = |given, otherwise| if given == 0 { otherwise } else { given };
    let (mut rows, mut columns, mut flags) = (0, 0, 0);
    if !attr.is_null() {
        // SAFETY: by this function's contract.
        let attr = unsafe { placed_to_read(attr, "attr") }?;
        if attr.reserved != [0; 4] {
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

/// The attributes' choices for a program.
///
/// # Safety
///
/// `attr` is NULL, misaligned, or points to an ipc_pty_attr_t.
unsafe fn setup_of(attr: *const ipc_pty_attr_t) -> Result<*const ipc_child_setup_t> {
    match attr.is_null() {
        true => Ok(core::ptr::null()),
        // SAFETY: by this function's contract.
        false => Ok(unsafe { placed_to_read(attr, "attr") }?.setup),
    }
}

/// Makes a pseudoterminal: a terminal, and a controlling end for the program that plays the
/// user.
///
/// controller_fd: receives the controlling end, on success only. Bytes written to it are input
/// as if typed; bytes read from it are what programs printed. The caller closes it with
/// close(2), and then the terminal hangs up.
/// terminal_fd: receives the terminal, on success only. A program uses it as its standard
/// streams. The caller closes it with close(2). It does not become this process's controlling
/// terminal.
/// attr: NULL for 24 lines of 80 characters with echo. Not kept after the call.
///
/// Returns: 0, or a negative error. Exec closes both descriptors.
/// Errors: -EINVAL controller_fd or terminal_fd is NULL, a pointer is misaligned, flags has an
/// unknown bit, or a reserved field is not 0; -ENOSPC no pseudoterminal is free; -ENOENT there is
/// no /dev/ptmx; -EACCES the caller may not open /dev/ptmx; -EMFILE this process has too many open
/// descriptors; -ENFILE the system has too many open files; -ENOMEM the kernel has no memory;
/// -ENOTTY /dev/ptmx is not that of a devpts file system; -EIO the kernel could not make or set up
/// the terminal.
/// Threads: safe.
/// Fork: the child has both ends too.
/// Death: when the last process that has the controlling end dies, the terminal hangs up.
/// Programs on the terminal read the end of the file, and those that it controls get SIGHUP.
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
        if !unsafe { setup_of(attr) }?.is_null() {
            return Err(fail!(EINVAL, "attr: setup is for ipc_pty_spawn()"));
        }
        // SAFETY: by the contract of this call.
        let made = pty::open(unsafe { attributes(attr) }?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put_two(controller_fd, terminal_fd, made) }
    })
}

/// Starts a program on a new pseudoterminal. The program leads a new session. The terminal is
/// its controlling terminal and its standard input, output and error. It gets no other
/// descriptor of this process. All its signals have their default actions, and none is
/// blocked. No shell is involved.
///
/// The call returns when the program runs, so a program that cannot be executed is an error of
/// this call and never an exit status.
///
/// out: receives the program's handle, on success only. ipc_child_wait(), ipc_child_kill(),
/// ipc_child_pid() and ipc_child_fd() take it, and ipc_child_close() ends it. None of its
/// streams is a pipe.
/// controller_fd: receives the controlling end of the terminal, on success only. Exec closes
/// it. The caller closes it with close(2), and then the program gets SIGHUP.
/// argv: the program's name and its arguments, ended by NULL. A name without a slash is
/// searched for in this process's PATH.
/// envp: "NAME=value" strings, ended by NULL. If envp itself is NULL, the program gets this
/// process's environment.
/// attr: NULL for 24 lines of 80 characters with echo. Not kept after the call.
///
/// Returns: 0, and the program runs; or a negative error, and there is no child.
/// Errors: -EINVAL out, controller_fd or argv is NULL, a pointer is misaligned, argv has no name,
/// flags has an unknown bit, or a reserved field is not 0; -ENOSPC no pseudoterminal is free;
/// -ENOENT or -ENOTDIR the program does not exist; -EACCES the program may not be executed;
/// -ENOEXEC the file is not a program; -E2BIG the arguments and the environment are too large;
/// -ETXTBSY the program is open for writing; -ELOOP or -ENAMETOOLONG its path cannot be followed;
/// -EAGAIN no more processes are allowed; -EMFILE this process has too many open descriptors or
/// handles; -ENFILE the system has too many open files; -ENOMEM there is no memory. -ENOENT can
/// also mean that there is no /dev/ptmx, and -EACCES that the caller may not open it;
/// ipc_last_error() says which; -ENOTTY /dev/ptmx is not that of a devpts file system; -EIO the
/// kernel could not make or set up the terminal; -EPERM this process may not set what attr's setup asks
/// for; -EBADF a descriptor of the setup is not open. -EINVAL can also concern the setup;
/// ipc_last_error() names the step.
/// Threads: safe, whatever other threads do: the child makes only system calls before exec.
/// Signals: held back in the calling thread until the program runs; none is lost.
/// Fork: a process that this one forks later can signal the program, but cannot wait for it.
/// Death: when the program dies, ipc_pty_read() returns what it printed, and then 0. When the
/// last process that has the controlling end dies, the program gets SIGHUP.
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
        // SAFETY: by the contract of this call.
        let choices = unsafe { choices(setup_of(attr)?) }?;
        let room = CHILDREN.room()?;
        let (controller, child) = pty::spawn(
            &PtyProgram {
                arguments,
                environment,
                program: choices.program,
                directory: choices.directory,
            },
            attributes,
            choices.setup,
        )?;
        let handle = room.fill(child);
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe {
            put(controller_fd, controller.into_raw_fd())?;
            put(out, handle)
        }
    })
}

/// Reads what the programs on a pseudoterminal have printed. The call waits until there is
/// something.
///
/// fd: the controlling end. If several threads or processes read from it, set O_NONBLOCK;
/// otherwise a reader may wait beyond its timeout for bytes that another reader has taken.
/// buf: receives up to capacity bytes, on success only. capacity is at least 1.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
/// wait.
///
/// Returns: the number of bytes that were read; or 0 if all programs have closed the terminal
/// or ended (read(2) fails with EIO then); or a negative error.
/// Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT the time has passed; -EINTR a
/// signal handler ran while the call waited; -EINVAL buf is NULL, capacity is 0 or above SSIZE_MAX,
/// or timeout_ns is invalid; -EFAULT buf is not writable memory; -EBADF fd is not open; -ENOTTY fd
/// is not the controlling end of a pseudoterminal; -ENOMEM the kernel has no memory; -EIO the
/// terminal has failed.
/// Threads: safe; each byte goes to one reader.
/// Death: when the last program on the terminal dies, the call returns what it printed, and
/// then 0.
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

/// Returns a terminal's size in characters.
///
/// fd: either end of a pseudoterminal, or any other terminal.
/// rows, columns: receive the number of lines and of characters in a line, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned; -EBADF fd is not open; -ENOTTY fd is not a
/// terminal; -EIO the terminal has failed.
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

/// Sets a terminal's size in characters. If the size changes, the programs in the terminal's
/// foreground get SIGWINCH.
///
/// fd: either end of a pseudoterminal, or any other terminal.
/// rows, columns: the number of lines and of characters in a line.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF fd is not open; -ENOTTY fd is not a terminal; -EIO the terminal has failed.
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
