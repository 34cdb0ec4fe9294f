//! FIFOs: pipes with a name in the file system.

use super::*;
use crate::base::time::Deadline;
use crate::ipc::fifo::{self, FifoEnd};
use core::ffi::{c_char, c_int};
use std::os::fd::IntoRawFd;

/// Flag of ipc_fifo_open(), only together with IPC_READ_ONLY: the reader does not get the end
/// of the file when the last writer leaves. Reading waits for the next writer instead.
pub const IPC_FIFO_KEEP_OPEN: c_int = 0x10000;

/// Creates a FIFO, or finds the one that exists.
///
/// path: in any file system. A symbolic link in the last part of the path is not followed.
/// flags: 0 or any of IPC_CREATE (no effect: the call always creates) and IPC_EXCLUSIVE (fail
/// if the FIFO exists).
/// mode: the permissions of a FIFO that this call creates. It has exactly these permissions
/// from its first moment; the umask has no effect. An existing FIFO keeps its permissions.
///
/// The call makes no process. If the umask would take permissions away, the call makes the FIFO
/// under a private name in the same directory and then renames it.
///
/// Returns: IPC_CREATED (1); or IPC_OPENED (0) if the FIFO existed; or a negative error.
/// Errors: -EINVAL path is NULL or empty, flags has an unknown bit, or mode has bits outside
/// 0777; -EEXIST the FIFO exists and flags has IPC_EXCLUSIVE; -EMEDIUMTYPE something else is at
/// the path, and it is unchanged; -ENOENT or -ENOTDIR the directory does not exist; -EACCES or
/// -EPERM the directory's permissions or the file system forbid it; -ENAMETOOLONG the path is
/// too long; -ELOOP the path has too many symbolic links; -ENOSPC the file system is full;
/// -EROFS the file system is read-only; -EMFILE or -ENFILE too many descriptors are open (the
/// call opens one for a moment); -ENOMEM the kernel has no memory.
/// Threads: safe.
/// Death: if the caller is killed in this call, the FIFO exists with its final permissions, or
/// does not exist. In the second case a FIFO without permissions may stay under a private name
/// that begins with ".robustipc-fifo-".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_fifo_create(
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_fifo_create", move || {
        // SAFETY: by the contract of this call.
        let path = unsafe { path_from_c(path) }?;
        check_flags(flags, IPC_CREATE | IPC_EXCLUSIVE)?;
        if path.is_empty() {
            return Err(fail!(EINVAL, "the path is empty"));
        }
        check_mode(mode)?;
        let created = fifo::create(path, flags & IPC_EXCLUSIVE != 0, mode)?;
        Ok(if created { IPC_CREATED } else { IPC_OPENED })
    })
}

/// Opens one end of a FIFO and waits until another process has opened, or is opening, the
/// other end.
///
/// path: of a FIFO. A symbolic link in the last part of the path is not followed.
/// flags: exactly one of IPC_READ_ONLY and IPC_WRITE_ONLY, and any of the following.
/// IPC_NONBLOCK: plain read(2) and write(2) on the descriptor do not wait (this call still
/// does).
/// IPC_INHERIT: exec does not close the descriptor. IPC_FIFO_KEEP_OPEN (only with
/// IPC_READ_ONLY): this call does not wait, and the end of the file never comes. The caller
/// needs permission to write to the FIFO too.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
/// wait.
///
/// Returns: a descriptor (0 or more) that the caller closes with close(2), or a negative
/// error.
/// Errors: -EINVAL path is NULL or empty, flags does not have exactly one end or has an unknown
/// bit, or timeout_ns is invalid; -ENOENT or -ENOTDIR the path does not exist, or /proc is not
/// mounted; -EMEDIUMTYPE something else than a FIFO is at the path; -EACCES the permissions
/// forbid it; -ENXIO no reader has it open and timeout_ns is 0; -EAGAIN no writer has it open
/// and timeout_ns is 0; -ETIMEDOUT no process opened the other end in time; -EINTR a signal
/// handler ran while the call waited (with IPC_FOREVER: only a handler that was installed
/// without SA_RESTART); -EMFILE this process has too many open descriptors; -ENFILE the system
/// has too many open files; -ENAMETOOLONG the path is too long; -ELOOP the path has too many
/// symbolic links; -ENOMEM the kernel has no memory.
/// Threads: safe.
/// Death: a writer that was killed after it had opened the FIFO counts as a peer: the reader's
/// call returns, and reading gives the end of the file. A process that is killed while it
/// waits in this call does not count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_fifo_open(
    path: *const c_char,
    flags: c_int,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_fifo_open", move || {
        // SAFETY: by the contract of this call.
        let path = unsafe { path_from_c(path) }?;
        let ends = IPC_READ_ONLY | IPC_WRITE_ONLY | IPC_FIFO_KEEP_OPEN;
        check_flags(flags, ends | IPC_NONBLOCK | IPC_INHERIT)?;
        const LASTING_READER: c_int = IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN;
        let end = match flags & ends {
            IPC_READ_ONLY => FifoEnd::Reader,
            IPC_WRITE_ONLY => FifoEnd::Writer,
            LASTING_READER => FifoEnd::LastingReader,
            _ => {
                return Err(fail!(
                    EINVAL,
                    "flags {flags:#x}: expected IPC_READ_ONLY, IPC_READ_ONLY with IPC_FIFO_KEEP_OPEN, or IPC_WRITE_ONLY"
                ));
            }
        };
        let is_set = |flag| flags & flag != 0;
        let deadline = Deadline::after(timeout_ns)?;
        let file = fifo::open(
            path,
            end,
            is_set(IPC_NONBLOCK),
            is_set(IPC_INHERIT),
            deadline,
        )?;
        Ok(file.into_raw_fd())
    })
}

/// Removes a FIFO's name. Processes that have the FIFO open keep it.
///
/// path: of a FIFO. A symbolic link in the last part of the path is not followed.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL path is NULL or empty; -ENOENT or -ENOTDIR the path does not exist;
/// -EMEDIUMTYPE something else than a FIFO is at the path, and it is unchanged; -EACCES, -EPERM
/// or -EROFS the permissions or the file system forbid it; -ENAMETOOLONG the path is too long;
/// -ELOOP the path has too many symbolic links; -EBUSY another file system is mounted on the file;
/// -ENOMEM the kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_fifo_unlink(path: *const c_char) -> c_int {
    guard(c"ipc_fifo_unlink", move || {
        // SAFETY: by the contract of this call.
        fifo::unlink(unsafe { path_from_c(path) }?)?;
        Ok(0)
    })
}
