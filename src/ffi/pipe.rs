//! Pipes, and transfers that move all their bytes.
//!
//! A transfer has two paths. The fast path handles IPC_FOREVER with one system call and without
//! the guard. Everything else, a failure of that first system call included, goes through the
//! guard.

use super::*;
use crate::base::time::Deadline;
use crate::ipc::pipe;
use crate::ipc::transfer::{self, Begun};
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

/// The largest write to a pipe or FIFO, in bytes, that the kernel keeps in one piece. The bytes
/// of a longer write may be mixed with those of other writers.
pub const IPC_PIPE_ATOMIC: usize = 4096;

const _: () = assert!(IPC_PIPE_ATOMIC == pipe::ATOMIC);

/// Makes a pipe. Bytes that are written to one descriptor are read from the other, in order.
/// Each byte goes to one reader.
///
/// read_fd: receives the descriptor to read from, on success only.
/// write_fd: receives the descriptor to write to, on success only. The caller owns both
/// descriptors and closes them with close(2).
/// flags: 0 or any of IPC_NONBLOCK and IPC_INHERIT. With IPC_NONBLOCK, plain read(2) and write(2)
/// on the descriptors do not wait; calls of this library follow their timeout. With IPC_INHERIT,
/// exec does not close the descriptors.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned, or flags has an unknown bit; -EMFILE this
/// process has too many open descriptors; -ENFILE the system has too many open files, or this
/// user's pipes have reached /proc/sys/fs/pipe-user-pages-hard.
/// Threads: safe.
/// Fork: the child has both ends too. Each process closes the end that it does not use; otherwise
/// the reader never gets the end of the file.
/// Death: the kernel closes the ends of a dead process. Readers then get the end of the file, and
/// writers get EPIPE, if no other process has that end open.
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

/// Reads until the buffer is full or the file ends. Signal handlers, partial transfers and
/// O_NONBLOCK of the descriptor do not end the call early. Works on every descriptor that is a
/// stream of bytes: pipe, FIFO, stream socket, terminal, file.
///
/// fd: a descriptor that is open for reading.
/// buf: receives up to len bytes, also when the call fails; may be NULL if len is 0.
/// timeout_ns: the limit for the whole transfer, in nanoseconds on the monotonic clock, whether
/// the descriptor blocks or not. IPC_FOREVER waits without limit, 0 takes only the bytes that
/// are there.
///
/// Returns: len; or fewer bytes if the file ended first (0: it had ended before); or a negative
/// error. After an error, ipc_last_transferred() returns the number of bytes in buf. Those bytes
/// are no longer in the descriptor.
/// Errors: -EINVAL buf is NULL, len is above SSIZE_MAX, or timeout_ns is invalid; -EBADF fd
/// is not open for reading; -EAGAIN timeout_ns is 0 and fewer than len bytes are there;
/// -ETIMEDOUT the time has passed; -EISDIR fd is a directory; -ECONNRESET the socket's peer
/// closed before it had read all our bytes; -EIO the other end of the terminal is closed, or
/// the disk failed; -EFAULT buf is not writable memory; -ENOMEM the kernel has no memory. Other errors are those of read(2) for
/// that kind of file.
/// Threads: safe. If two threads read from one descriptor, each byte goes to one of them.
/// Signals: continues after a signal handler; never fails with EINTR.
/// Death: when the last writer of a pipe dies, the call returns the bytes that came before.
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

/// Writes all the bytes. Signal handlers, partial transfers and O_NONBLOCK of the descriptor do
/// not end the call early. Works on every descriptor that is a stream of bytes: pipe, FIFO, stream
/// socket, terminal, file.
///
/// Never raises SIGPIPE, and leaves the program's disposition of SIGPIPE unchanged. On a pipe this
/// takes about 50 ns more than write(2); on a socket it takes no more.
///
/// fd: a descriptor that is open for writing.
/// buf: len bytes; may be NULL if len is 0.
/// timeout_ns: the limit for the whole transfer, in nanoseconds on the monotonic clock, whether
/// the descriptor blocks or not. IPC_FOREVER waits without limit, 0 writes only the bytes for
/// which there is room.
///
/// Returns: len, or a negative error. After an error, ipc_last_transferred() returns the number of
/// bytes that were written.
/// Errors: -EINVAL buf is NULL, len is above SSIZE_MAX, or timeout_ns is invalid; -EBADF fd
/// is not open for writing; -EPIPE no process has the other end open for reading; -EAGAIN
/// timeout_ns is 0 and there is not room for all bytes; -ETIMEDOUT the time has passed;
/// -ENOTCONN or -ECONNRESET the socket has no peer; -ENOSPC, -EDQUOT or -EFBIG the file cannot
/// grow; -EIO the disk or the terminal failed; -EFAULT buf is not readable memory; -ENOMEM the kernel has no memory. Other
/// errors are those of write(2) for that kind of file.
/// Threads: safe. Up to IPC_PIPE_ATOMIC bytes go into a pipe in one piece. Longer transfers of two
/// writers may be mixed.
/// Signals: continues after a signal handler; never fails with EINTR.
/// Death: if the caller dies during a transfer of more than IPC_PIPE_ATOMIC bytes, the first part
/// may be in the pipe.
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

/// The number of bytes that this thread's last failed ipc_read_full() or ipc_write_full() had
/// transferred when it failed. To continue, transfer the rest. Transfers that succeed do not
/// change this number.
///
/// Returns: bytes; 0 if no transfer of this thread has failed.
/// Threads: safe; each thread has its own number.
/// Fork: the child of a fork starts with the number of the thread that forked.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_last_transferred() -> usize {
    guard(c"ipc_last_transferred", move || {
        Ok(transfer::last_transferred())
    })
}

/// The capacity of a pipe or FIFO: the number of bytes that it holds before writers wait. The
/// kernel's default is 65536.
///
/// fd: either end.
///
/// Returns: bytes, or a negative error.
/// Errors: -EBADF fd is not open, or is not a pipe or FIFO.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pipe_capacity(fd: c_int) -> libc::ssize_t {
    guard(c"ipc_pipe_capacity", move || {
        Ok(pipe::capacity(fd)? as isize)
    })
}

/// Sets the capacity of a pipe or FIFO to at least the given number of bytes.
///
/// fd: either end.
/// bytes: the wanted capacity. The kernel rounds it up to a power of two, and to at least one
/// page.
///
/// Returns: the new capacity in bytes, or a negative error, and the capacity is unchanged.
/// Errors: -EBADF fd is not open, or is not a pipe or FIFO; -EINVAL bytes is 0 or above
/// INT_MAX; -EPERM the capacity is above /proc/sys/fs/pipe-max-size, or this user's pipes
/// together would be above /proc/sys/fs/pipe-user-pages-soft; -EBUSY the pipe now holds more
/// bytes than that; -ENOMEM the kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_pipe_set_capacity(fd: c_int, bytes: usize) -> libc::ssize_t {
    guard(c"ipc_pipe_set_capacity", move || {
        Ok(pipe::set_capacity(fd, bytes)? as isize)
    })
}

/// Completes a read whose first system call did not fill the buffer.
#[cold]
#[inline(never)]
fn finish_reading(fd: c_int, buffer: &mut [MaybeUninit<u8>], begun: Begun) -> isize {
    guard(c"ipc_read_full", move || {
        Ok(transfer::read_full(fd, buffer, begun, Deadline::Never)? as isize)
    })
}

/// Completes a write whose first system call did not take all the bytes.
#[cold]
#[inline(never)]
fn finish_writing(fd: c_int, bytes: &[MaybeUninit<u8>], begun: Begun) -> isize {
    guard(c"ipc_write_full", move || {
        Ok(transfer::write_full(fd, bytes, begun, Deadline::Never)? as isize)
    })
}
