//! Lines from a stream.

use super::*;
use crate::base::time::Deadline;
use crate::ipc::lines::{self, Held};
use core::ffi::{c_char, c_int, c_void};

/// A reader of lines, from ipc_line_reader_init(). It is the caller's, needs no end, and owns neither the
/// descriptor nor the buffer. A program may read its fields, and calls ipc_line_reader_init() to change
/// them.
#[repr(C)]
pub struct ipc_line_reader_t {
    /// The descriptor.
    pub fd: c_int,
    /// 1 if the last line ended with a newline; 0 if it was a piece of a line that is longer than the
    /// buffer, or the last line of a stream that does not end with a newline.
    pub is_whole: c_int,
    /// The buffer.
    pub buffer: *mut c_char,
    /// Its size in bytes.
    pub capacity: usize,
    /// The bytes that were read behind the last line: those from buffer[begin] to before buffer[end].
    pub begin: usize,
    /// See begin.
    pub end: usize,
    /// How many of those are known to hold no newline.
    pub searched: usize,
}

const _: () = assert!(size_of::<ipc_line_reader_t>() == 8 + 5 * size_of::<usize>());

/// Prepares a reader of lines from a pipe, FIFO, stream socket, terminal or file.
///
/// The reader reads more than one line at once. Bytes behind the line are in its buffer, where poll(2)
/// and other readers of the descriptor do not see them. So read the descriptor through one reader only,
/// and before a poll call ipc_read_line() with a timeout of 0 until it returns -EAGAIN.
///
/// reader: the caller's; need not be initialised.
/// fd: open for reading. It stays the caller's, and must stay open as long as the reader is used.
/// buffer: the caller's, for the reader alone as long as it is used.
/// capacity: the buffer's size in bytes, at least 2. A line of up to capacity - 1 bytes, with its newline,
/// comes in one piece.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL reader or buffer is NULL, reader is misaligned, or capacity is below 2 or above
/// SSIZE_MAX.
/// Threads: safe for different readers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_line_reader_init(
    reader: *mut ipc_line_reader_t,
    fd: c_int,
    buffer: *mut c_void,
    capacity: usize,
) -> c_int {
    guard(c"ipc_line_reader_init", move || {
        let reader = checked(reader, "reader")?;
        let buffer = checked(buffer.cast::<c_char>(), "buffer")?.as_ptr();
        check_capacity(capacity)?;
        let made = ipc_line_reader_t {
            fd,
            is_whole: 0,
            buffer,
            capacity,
            begin: 0,
            end: 0,
            searched: 0,
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(reader, made) }
    })
}

fn check_capacity(capacity: usize) -> Result<()> {
    match isize::try_from(capacity) {
        Ok(2..) => Ok(()),
        _ => Err(fail!(
            EINVAL,
            "a capacity of {capacity} bytes; expected 2 to SSIZE_MAX"
        )),
    }
}

/// Reads the next line, and waits until it is there. The bytes behind the line stay in the reader's
/// buffer for the next call. A line that is longer than the buffer comes in pieces, see is_whole of
/// ipc_line_reader_t.
///
/// reader: from ipc_line_reader_init().
/// line: receives the address of the line in the reader's buffer, on success only. In place of its
/// newline the line ends with a NUL byte. It is valid until the next call with this reader.
/// timeout_ns: the limit for the whole line, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without limit, 0 does not wait.
///
/// Returns: how many bytes the line took from the stream, with its newline: at least 1. Or 0 at the end of
/// the stream, with an empty line. Or a negative error, and all bytes that came are kept for the next
/// call.
/// Errors: -EAGAIN no whole line is there and timeout_ns is 0; -ETIMEDOUT the time has passed; -EINTR a
/// signal handler ran while the call waited; -EINVAL reader or line is NULL or misaligned, the reader's
/// fields are not those of a reader, or timeout_ns is invalid; -EBADF the descriptor is not open for
/// reading; -EISDIR it is a directory; -ENOTCONN or -ECONNRESET the socket has no peer; -EIO the disk or
/// the terminal failed; -EFAULT the buffer is not writable memory; -ENOMEM the kernel has no memory.
/// Threads: one thread at a time may use a reader.
/// Fork: the child has a copy of the reader and of the bytes in it, if it has the buffer.
/// Death: when the peer dies, what it had written is read first, and then the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_read_line(
    reader: *mut ipc_line_reader_t,
    line: *mut *mut c_char,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_read_line", move || {
        let deadline = Deadline::after(timeout_ns)?;
        let mut reader = checked(reader, "reader")?;
        let out = checked(line, "line")?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        let reader = unsafe { reader.as_mut() };
        check_capacity(reader.capacity)?;
        let mut held = Held {
            begin: reader.begin,
            end: reader.end,
            searched: reader.searched,
        };
        let is_sound = held.begin <= held.end
            && held.end < reader.capacity
            && held.searched <= held.end - held.begin;
        if !is_sound {
            return Err(fail!(
                EINVAL,
                "the reader's fields are not those of a reader (ipc_line_reader_init)"
            ));
        }
        // SAFETY: by the contract of this call.
        let buffer = unsafe { writable(reader.buffer.cast(), reader.capacity, "buffer") }?;
        let outcome = lines::read_line(reader.fd, buffer, &mut held, deadline);
        (reader.begin, reader.end, reader.searched) = (held.begin, held.end, held.searched);
        let line = outcome?;
        reader.is_whole = line.is_whole.into();
        // SAFETY: the line is in the buffer; out is checked for NULL and alignment.
        unsafe { put(out, reader.buffer.add(line.start)) }?;
        Ok(line.length as libc::ssize_t)
    })
}
