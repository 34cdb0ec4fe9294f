//! Pipes and whole transfers.

use super::*;
use crate::base::time::Deadline;
use crate::ipc::pipe;
use crate::ipc::transfer::{self, Begun};
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

/// The largest write to a pipe or FIFO, in bytes, that the kernel never mixes with another
/// writer's.
pub const IPC_PIPE_ATOMIC: usize = 4096;

const _: () = assert!(IPC_PIPE_ATOMIC == pipe::ATOMIC);

/// Makes a pipe: what is written to one descriptor is read from the other, in order, each byte
/// once.
///
/// read_fd: receives the descriptor to read from, on success only.
/// write_fd: receives the descriptor to write to, on success only. Both are the caller's, who
/// closes them with close().
/// flags: 0 or any of IPC_NONBLOCK (plain read() and write() on them do not wait), IPC_INHERIT
/// (exec does not close them).
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL, or an unknown flag; -EMFILE or -ENFILE too many descriptors.
/// Threads: safe. Fork: the child has both ends too; who does not need one closes it, or the
/// end of the file never comes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pipe(
    read_fd: *mut c_int,
    write_fd: *mut c_int,
    flags: c_int,
) -> c_int {
    guard(c"ipc_pipe", move || {
        let read_fd = checked(read_fd, "read_fd")?;
        let write_fd = checked(write_fd, "write_fd")?;
        check_flags(flags, IPC_NONBLOCK | IPC_INHERIT)?;
        let made = pipe::create(flags & IPC_INHERIT != 0, flags & IPC_NONBLOCK != 0)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put_two(read_fd, write_fd, made) }
    })
}

/// Reads until the buffer is full or the file ends, whatever interrupts it: a signal handler, a
/// partial transfer, a descriptor that does not wait. From any descriptor that is read as a
/// stream: pipe, FIFO, stream socket, terminal, file.
///
/// buf: room for len bytes; may be NULL when len is 0.
/// timeout_ns: nanoseconds on the monotonic clock for the whole transfer, whether the descriptor
/// blocks or not; IPC_FOREVER waits, 0 takes only what is there.
///
/// Returns: len, or less when the end of the file came first (0: there was nothing more), or a
/// negative error. After an error ipc_last_transferred() tells how many bytes stand in buf: they
/// are taken from the descriptor.
/// Errors: -EINVAL buf is NULL, len over SSIZE_MAX, or a timeout below -1; -EBADF fd is not open
/// for reading; -EAGAIN not all is there and timeout_ns is 0; -ETIMEDOUT; -EISDIR a directory;
/// -ECONNRESET a socket's peer is gone; -EIO the terminal's other side is gone, or a disk's
/// error; -EFAULT buf is not memory.
/// Threads: safe; two that read from one descriptor share its bytes between them.
/// Signals: resumed after a handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_read_full(
    fd: c_int,
    buf: *mut c_void,
    len: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_fast(
        c"ipc_read_full",
        move || {
            if timeout_ns != IPC_FOREVER || !is_plain_buffer(buf, len) {
                return None;
            }
            // SAFETY: checked for NULL and length; the rest by the contract of this call.
            let buffer = unsafe { core::slice::from_raw_parts_mut(buf.cast(), len) };
            Some(match transfer::begin_read(fd, buffer) {
                Ok(count) => count as isize,
                Err(begun) => finish_reading(fd, buffer, begun),
            })
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            let buffer = unsafe { writable(buf, len, "buf") }?;
            Ok(transfer::read_full(fd, buffer, Begun::default(), deadline)? as isize)
        },
    )
}

/// Writes all the bytes, whatever interrupts it: a signal handler, a partial transfer, a
/// descriptor that does not wait. To any descriptor that is written as a stream: pipe, FIFO,
/// stream socket, terminal, file. Never raises SIGPIPE, and leaves its disposition alone: on a
/// pipe that costs some 50 ns more than write(), on a socket nothing.
///
/// buf: len bytes; may be NULL when len is 0.
/// timeout_ns: nanoseconds on the monotonic clock for the whole transfer, whether the descriptor
/// blocks or not; IPC_FOREVER waits, 0 gives only what there is room for.
///
/// Returns: len, or a negative error. After an error ipc_last_transferred() tells how many
/// bytes are written.
/// Errors: -EINVAL buf is NULL, len over SSIZE_MAX, or a timeout below -1; -EBADF fd is not open
/// for writing; -EPIPE nobody has it open for reading any more; -EAGAIN there is not room for
/// all and timeout_ns is 0; -ETIMEDOUT; -ENOTCONN or -ECONNRESET a socket without a peer;
/// -ENOSPC, -EFBIG, -EDQUOT or -EIO a file's; -EFAULT buf is not memory.
/// Threads: safe. Up to IPC_PIPE_ATOMIC bytes go into a pipe in one piece; longer transfers of
/// two writers may be mixed.
/// Signals: resumed after a handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_write_full(
    fd: c_int,
    buf: *const c_void,
    len: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_fast(
        c"ipc_write_full",
        move || {
            if timeout_ns != IPC_FOREVER || !is_plain_buffer(buf, len) {
                return None;
            }
            // SAFETY: checked for NULL and length; the rest by the contract of this call.
            let bytes = unsafe { core::slice::from_raw_parts(buf.cast(), len) };
            Some(match transfer::begin_write(fd, bytes) {
                Ok(count) => count as isize,
                Err(begun) => finish_writing(fd, bytes, begun),
            })
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            let bytes = unsafe { readable(buf, len, "buf") }?;
            Ok(transfer::write_full(fd, bytes, Begun::default(), deadline)? as isize)
        },
    )
}

/// How many bytes this thread's last failed ipc_read_full() or ipc_write_full() had transferred
/// when it failed, so that the rest can be transferred later. Those that succeed do not change
/// it.
///
/// Returns: bytes; 0 when no transfer of this thread has failed.
/// Threads: safe; each thread has its own.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_last_transferred() -> usize {
    guard(c"ipc_last_transferred", move || {
        Ok(transfer::last_transferred())
    })
}

/// How many bytes a pipe or FIFO holds before writers wait: 65536 unless it was changed.
///
/// fd: either end.
///
/// Returns: bytes, or a negative error.
/// Errors: -EBADF fd is not open, or not a pipe.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pipe_capacity(fd: c_int) -> libc::ssize_t {
    guard(c"ipc_pipe_capacity", move || {
        Ok(pipe::capacity(fd)? as isize)
    })
}

/// Gives a pipe or FIFO room for at least so many bytes.
///
/// fd: either end.
/// bytes: the kernel takes the next power of two, and at least a page.
///
/// Returns: the capacity that it has now, or a negative error; then it is what it was.
/// Errors: -EBADF fd is not open, or not a pipe; -EINVAL bytes is 0 or over INT_MAX; -EPERM more
/// than /proc/sys/fs/pipe-max-size or /proc/sys/fs/pipe-user-pages-soft allows; -EBUSY it holds
/// more than that now; -ENOMEM no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pipe_set_capacity(fd: c_int, bytes: usize) -> libc::ssize_t {
    guard(c"ipc_pipe_set_capacity", move || {
        Ok(pipe::set_capacity(fd, bytes)? as isize)
    })
}

/// The rest of a transfer that took more than its first step.
#[cold]
#[inline(never)]
fn finish_reading(fd: c_int, buffer: &mut [MaybeUninit<u8>], begun: Begun) -> isize {
    guard(c"ipc_read_full", move || {
        Ok(transfer::read_full(fd, buffer, begun, Deadline::Never)? as isize)
    })
}

#[cold]
#[inline(never)]
fn finish_writing(fd: c_int, bytes: &[MaybeUninit<u8>], begun: Begun) -> isize {
    guard(c"ipc_write_full", move || {
        Ok(transfer::write_full(fd, bytes, begun, Deadline::Never)? as isize)
    })
}
