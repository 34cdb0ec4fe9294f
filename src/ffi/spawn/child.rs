//! Calls on a child: its pipes, its end, signals to it.

use super::*;
use crate::base::time::Deadline;
use crate::ffi::waitset::object_closed;
use crate::sys::spawn::Exit;

/// A child's end, from ipc_child_wait().
#[repr(C)]
pub struct ipc_child_exit_t {
    /// The exit status, 0 to 255, that the child returned from main() or passed to exit(); -1
    /// if a signal ended the child.
    pub code: c_int,
    /// The signal that ended the child; 0 if it ended by itself.
    pub signal: c_int,
    /// 1 if the signal made the kernel dump the child's memory (core(5)), otherwise 0.
    pub core_dumped: c_int,
    /// 0; for later versions.
    pub reserved: c_int,
    /// How long the child ran in its own code, in nanoseconds. This and the following fields count the
    /// child's own children too, as far as it has waited for them.
    pub user_ns: u64,
    /// How long it ran in the kernel, in nanoseconds.
    pub system_ns: u64,
    /// The most memory that it, or one of its children, had at once, in bytes.
    pub max_resident: u64,
    /// How often memory that it used was not mapped, but was in memory.
    pub minor_faults: u64,
    /// How often memory that it used had to be read from a disk.
    pub major_faults: u64,
}

const _: () = assert!(size_of::<ipc_child_exit_t>() == 56);

/// Returns the descriptor to which this process writes the child's standard input. Write with
/// ipc_write_full(), which raises no SIGPIPE if the child is gone.
///
/// child: from ipc_spawn() or ipc_spawn_with().
///
/// Returns: a descriptor that belongs to the handle, or a negative error. Do not close it with
/// close(2); ipc_child_close_stdin() and ipc_child_close() close it.
/// Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the
/// child's standard input is not a pipe or is closed already.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_stdin(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_stdin", move || CHILDREN.get(child)?.end(0))
}

/// Returns the descriptor from which this process reads the child's standard output.
///
/// child: from ipc_spawn() or ipc_spawn_with().
///
/// Returns: a descriptor that belongs to the handle, or a negative error. Do not close it with
/// close(2); ipc_child_close() closes it.
/// Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, the
/// child's standard output is not a pipe, or ipc_child_communicate() has read it to its end.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_stdout(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_stdout", move || CHILDREN.get(child)?.end(1))
}

/// Returns the descriptor from which this process reads the child's standard error.
///
/// child: from ipc_spawn() or ipc_spawn_with().
///
/// Returns: a descriptor that belongs to the handle, or a negative error. Do not close it with
/// close(2); ipc_child_close() closes it.
/// Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, the
/// child's standard error is not a pipe, or ipc_child_communicate() has read it to its end.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_stderr(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_stderr", move || CHILDREN.get(child)?.end(2))
}

/// Closes the pipe to the child's standard input. The child then reads the end of the file.
///
/// child: from ipc_spawn() or ipc_spawn_with().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the
/// child's standard input is not a pipe or is closed already.
/// Threads: no other thread may use the descriptor of ipc_child_stdin() during this call or
/// after it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_close_stdin(child: *mut ipc_child_t) -> c_int {
    guard(c"ipc_child_close_stdin", move || {
        CHILDREN.get(child)?.close_end(0)?;
        Ok(0)
    })
}

/// Closes the pipe from the child's standard output. If the child writes to it later, it gets SIGPIPE or
/// EPIPE.
///
/// child: from ipc_spawn() or ipc_spawn_with().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the
/// child's standard output is not a pipe or is closed already.
/// Threads: no other thread may use the descriptor of ipc_child_stdout() during this call or
/// after it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_close_stdout(child: *mut ipc_child_t) -> c_int {
    guard(c"ipc_child_close_stdout", move || {
        CHILDREN.get(child)?.close_end(1)?;
        Ok(0)
    })
}

/// Closes the pipe from the child's standard error. If the child writes to it later, it gets SIGPIPE or
/// EPIPE.
///
/// child: from ipc_spawn() or ipc_spawn_with().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the
/// child's standard error is not a pipe or is closed already.
/// Threads: no other thread may use the descriptor of ipc_child_stderr() during this call or
/// after it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_close_stderr(child: *mut ipc_child_t) -> c_int {
    guard(c"ipc_child_close_stderr", move || {
        CHILDREN.get(child)?.close_end(2)?;
        Ok(0)
    })
}

/// Returns the child's process id, for messages. To send a signal, use ipc_child_kill(): the
/// id may belong to another process after the child's end.
///
/// child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn().
///
/// Returns: the id, or a negative error.
/// Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_pid(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_pid", move || Ok(CHILDREN.get(child)?.id()))
}

/// Returns the child's pidfd. poll(2) reports it as readable when the child has ended.
///
/// child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn().
///
/// Returns: a descriptor that belongs to the handle, or a negative error. Do not close it with
/// close(2); ipc_child_close() closes it.
/// Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the program
/// has closed the descriptor.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_fd(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_fd", move || CHILDREN.get(child)?.descriptor())
}

/// Waits until the child has ended, and says how. The answer stays: the call may be repeated.
///
/// child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn().
/// how: receives how the child ended, on success only; may be NULL.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
/// wait.
///
/// Returns: 0, and the child has ended; or a negative error.
/// Errors: -EAGAIN the child still runs and timeout_ns is 0; -ETIMEDOUT the time has passed and the
/// child still runs; -EINTR a signal handler ran while the call waited; -ECHILD how the child ended
/// is not known, because this process did not start it, ignores SIGCHLD, or has waited for it by
/// other means; -EINVAL child is NULL, how is misaligned, or timeout_ns is invalid; -EBADF the
/// handle is closed or is not of a child; -ENOMEM the kernel has no memory.
/// Threads: safe; all waiting threads get the same answer.
/// Fork: a forked process cannot wait for its parent's child: -ECHILD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_wait(
    child: *mut ipc_child_t,
    how: *mut ipc_child_exit_t,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_child_wait", move || {
        let deadline = Deadline::after(timeout_ns)?;
        let how = if how.is_null() {
            None
        } else {
            Some(checked(how, "how")?)
        };
        let (exit, usage) = CHILDREN.get(child)?.wait(deadline)?;
        let (code, signal, dumped) = match exit {
            Exit::Code(code) => (code, 0, false),
            Exit::Signal(number) => (-1, number, false),
            Exit::CoreDump(number) => (-1, number, true),
        };
        let found = ipc_child_exit_t {
            code,
            signal,
            core_dumped: dumped.into(),
            reserved: 0,
            user_ns: usage.user_ns,
            system_ns: usage.system_ns,
            max_resident: usage.max_resident,
            minor_faults: usage.minor_faults,
            major_faults: usage.major_faults,
        };
        if let Some(how) = how {
            // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
            unsafe { put(how, found) }?;
        }
        Ok(0)
    })
}

/// Sends the child a signal, for example SIGTERM or SIGKILL. The signal never reaches another
/// process that got the child's id after the child's end.
///
/// child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn().
/// signal: a signal's number. 0 sends nothing and checks whether the child exists.
///
/// Returns: 0, or a negative error.
/// Errors: -ESRCH the child has ended and was waited for; -EINVAL child is NULL, or signal is
/// not a signal; -EPERM the child has changed its user; -EBADF the handle is closed or is not
/// of a child.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_kill(child: *mut ipc_child_t, signal: c_int) -> c_int {
    guard(c"ipc_child_kill", move || {
        CHILDREN.get(child)?.send_signal(signal)?;
        Ok(0)
    })
}

/// Sends a signal to all processes in the process group that the child was started to lead: to the child
/// and to what it has started, as long as those have not left the group. The signal reaches no other
/// group that got the number later.
///
/// child: from ipc_pty_spawn(), or from ipc_spawn_with() with IPC_CHILD_NEW_GROUP or
/// IPC_CHILD_NEW_SESSION.
/// signal: a signal's number. 0 sends nothing and checks whether the group has a process.
///
/// Returns: 0, or a negative error.
/// Errors: -ESRCH no process of the group is left; or the child was waited for, and the kernel is older
/// than Linux 6.9; -EINVAL child is NULL, signal is not a signal, or the child was not started as the
/// leader of a group; -EPERM this process may signal none of the group; -EBADF the handle is closed or is
/// not of a child.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_kill_group(child: *mut ipc_child_t, signal: c_int) -> c_int {
    guard(c"ipc_child_kill_group", move || {
        CHILDREN.get(child)?.signal_group(signal)?;
        Ok(0)
    })
}

/// Ends a handle and closes its pipes. The child is not killed. If the child still runs, it
/// continues; a later ipc_spawn() or ipc_child_close() of this process reaps it after its end,
/// so that no zombie stays. From Linux 6.9 on the closed handle keeps no descriptor; on an older
/// kernel it keeps the child's pidfd until the child is reaped.
///
/// child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn(); NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF the handle is closed already or is not of a child.
/// Threads: safe. Calls with this handle that other threads have begun go on: this call does not wait
/// for them, and the last of them releases what the handle stands for.
/// Fork: closes only the calling process's handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_close(child: *mut ipc_child_t) -> c_int {
    guard(c"ipc_child_close", move || {
        if child.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        CHILDREN.close(child)?;
        object_closed();
        Ok(0)
    })
}
