//! FIFOs: pipes with a name in the file system.

use super::*;
use crate::base::time::Deadline;
use crate::ipc::fifo::{self, FifoEnd};
use core::ffi::{c_char, c_int};
use std::os::fd::IntoRawFd;

/// Flag of ipc_fifo_open(), with IPC_READ_ONLY: the end of the file does not come when the last
/// writer leaves; reading waits for the next one.
pub const IPC_FIFO_KEEP_OPEN: c_int = 0x10000;

/// Makes a FIFO, or finds one that is there.
///
/// path: in any file system. A symbolic link is not followed.
/// flags: 0, IPC_CREATE (which is meant anyway), or IPC_EXCLUSIVE: refuse one that exists.
/// mode: the permissions of a FIFO made by this call, exactly (the umask does not count) and
/// from its first moment; else unused.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0: there was one), or a negative error.
/// Errors: -EINVAL path is NULL or empty, an unknown flag, or mode bits over 0777; -EEXIST a
/// FIFO exists and IPC_EXCLUSIVE; -EMEDIUMTYPE something else stands there; -ENOENT or -ENOTDIR
/// no such directory; -EACCES or -EPERM not permitted; -ENAMETOOLONG, -ENOSPC, -EROFS the file
/// system's; -EAGAIN or -ENOMEM no process can be made (a short-lived one makes the FIFO).
/// Threads: safe.
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

/// Opens one side of a FIFO and waits until somebody has opened, or is opening, the other.
///
/// path: of a FIFO; a symbolic link is not followed.
/// flags: IPC_READ_ONLY or IPC_WRITE_ONLY, and any of IPC_NONBLOCK (plain read() and write() on
/// the descriptor do not wait; this call waits all the same), IPC_INHERIT (exec does not close
/// it), and with IPC_READ_ONLY IPC_FIFO_KEEP_OPEN (the call does not wait, and needs permission
/// to write too).
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: a descriptor (0 or more) that the caller closes with close(), or a negative error.
/// Errors: -EINVAL path is NULL, not exactly one of the sides, an unknown flag, or a timeout
/// below -1; -ENOENT or -ENOTDIR no such FIFO; -EMEDIUMTYPE not a FIFO; -EACCES permissions;
/// -ENXIO no reader and timeout_ns is 0; -EAGAIN no writer and timeout_ns is 0; -ETIMEDOUT
/// nobody came; -EINTR a signal handler ran while waiting (with IPC_FOREVER only one installed
/// without SA_RESTART); -EMFILE or -ENFILE too many descriptors; -ENAMETOOLONG, -ELOOP the
/// path's.
/// Threads: safe.
/// Death: a writer that was killed after it had opened counts as one that came: reading gives
/// the end of the file. Who is killed while waiting leaves nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_fifo_open(
    path: *const c_char,
    flags: c_int,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_fifo_open", move || {
        // SAFETY: by the contract of this call.
        let path = unsafe { path_from_c(path) }?;
        let sides = IPC_READ_ONLY | IPC_WRITE_ONLY | IPC_FIFO_KEEP_OPEN;
        check_flags(flags, sides | IPC_NONBLOCK | IPC_INHERIT)?;
        const LASTING: c_int = IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN;
        let side = match flags & sides {
            IPC_READ_ONLY => FifoEnd::Reader,
            IPC_WRITE_ONLY => FifoEnd::Writer,
            LASTING => FifoEnd::LastingReader,
            _ => {
                return Err(fail!(
                    EINVAL,
                    "flags {flags:#x}: expected IPC_READ_ONLY, perhaps with IPC_FIFO_KEEP_OPEN, or IPC_WRITE_ONLY"
                ));
            }
        };
        let is_set = |flag| flags & flag != 0;
        let deadline = Deadline::after(timeout_ns)?;
        let file = fifo::open(
            path,
            side,
            is_set(IPC_NONBLOCK),
            is_set(IPC_INHERIT),
            deadline,
        )?;
        Ok(file.into_raw_fd())
    })
}

/// Removes a FIFO's name. Who has it open keeps it.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL path is NULL; -ENOENT or -ENOTDIR no such FIFO; -EMEDIUMTYPE something else
/// stands there, which is left alone; -EACCES, -EPERM or -EROFS not permitted.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_fifo_unlink(path: *const c_char) -> c_int {
    guard(c"ipc_fifo_unlink", move || {
        // SAFETY: by the contract of this call.
        fifo::unlink(unsafe { path_from_c(path) }?)?;
        Ok(0)
    })
}
