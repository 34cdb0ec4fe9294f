//! The exchange with a child's standard streams, without a deadlock.

use super::*;
use crate::base::time::Deadline;
use crate::ipc::spawn::{Exchange, Sink};
use core::ffi::c_void;

/// The input for a child and the buffers for its outputs. ipc_child_communicate() updates the
/// fields as it proceeds.
#[repr(C)]
pub struct ipc_exchange_t {
    /// The bytes that the child's standard input has not taken yet. The call advances this
    /// pointer.
    pub input: *const c_void,
    /// The number of bytes at input. The call reduces it.
    pub input_size: usize,
    /// The buffer for standard output; NULL to read the output and discard it.
    pub output: *mut c_void,
    /// The size of the buffer at output, in bytes.
    pub output_capacity: usize,
    /// The number of bytes in the buffer at output, or discarded. Set it to 0 before the first
    /// call.
    pub output_size: usize,
    /// The buffer for standard error; NULL to read the output and discard it.
    pub error: *mut c_void,
    /// The size of the buffer at error, in bytes.
    pub error_capacity: usize,
    /// The number of bytes in the buffer at error, or discarded. Set it to 0 before the first
    /// call.
    pub error_size: usize,
}

const _: () = assert!(size_of::<ipc_exchange_t>() == 8 * size_of::<usize>());

/// Writes the child's standard input and reads its standard output and error, as far as they
/// are pipes. The call does whichever is possible first, so no amount of data leads to a
/// deadlock.
///
/// The call ends when two things are true. The child's input is written and then closed, or
/// the child has closed it. The child has closed its outputs, which its end does too.
/// ipc_child_wait() then says how the child ended. A child that does not read all its input is
/// no error: input_size says how much is left.
///
/// child: from ipc_spawn() or ipc_spawn_with().
/// exchange: the buffers and the progress. The progress is updated also when the call fails,
/// so nothing is lost, and the call may be repeated to continue. After -ENOBUFS, enlarge or
/// empty the full buffer first.
/// timeout_ns: the limit for the whole exchange, in nanoseconds on the monotonic clock.
/// IPC_FOREVER waits without limit, 0 does what is possible at once.
///
/// Returns: 0, or a negative error.
/// Errors: -ENOBUFS a buffer is full and the child has written more, which is still in the pipe;
/// -EAGAIN the exchange is not finished and timeout_ns is 0; -ETIMEDOUT the time has passed;
/// -EINVAL child or exchange is NULL, exchange is misaligned, a size is above its capacity, there
/// is input but the child's standard input was not a pipe, or timeout_ns is invalid; -EBADF the
/// handle is closed or is not of a child; -ENOMEM the kernel has no memory.
/// Threads: one call at a time for each child.
/// Signals: continues after a signal handler; never fails with EINTR.
/// Death: a killed child has closed its streams. A process that the child started may still
/// hold them open; a timeout ends the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_communicate(
    child: *mut ipc_child_t,
    exchange: *mut ipc_exchange_t,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_child_communicate", move || {
        let deadline = Deadline::after(timeout_ns)?;
        let mut exchange = checked(exchange, "exchange")?;
        // SAFETY: checked for NULL and alignment; nobody else uses it, by the contract of this call.
        let state = unsafe { exchange.as_mut() };
        let child = CHILDREN.get(child)?;
        // SAFETY: by the contract of this call.
        let mut moved = unsafe {
            Exchange {
                input: readable(state.input, state.input_size, "input")?,
                output: sink(
                    state.output,
                    state.output_capacity,
                    state.output_size,
                    "output",
                )?,
                error: sink(state.error, state.error_capacity, state.error_size, "error")?,
            }
        };
        let outcome = child.communicate(&mut moved, deadline);
        let taken = state.input_size - moved.input.len();
        state.input = state.input.wrapping_byte_add(taken);
        state.input_size -= taken;
        state.output_size = moved.output.count;
        state.error_size = moved.error.count;
        outcome?;
        Ok(0)
    })
}

/// One of a child's outputs: the part of the C caller's buffer that is still free.
///
/// # Safety
///
/// `buffer` is NULL or has room for `capacity` bytes, which nobody else uses during the call.
unsafe fn sink<'a>(
    buffer: *mut c_void,
    capacity: usize,
    size: usize,
    what: &str,
) -> Result<Sink<'a>> {
    if buffer.is_null() {
        return Ok(Sink {
            room: None,
            count: size,
        });
    }
    // SAFETY: by this function's contract.
    let buffer = unsafe { writable(buffer, capacity, what) }?;
    match buffer.get_mut(size..) {
        Some(room) => Ok(Sink {
            room: Some(room),
            count: size,
        }),
        None => Err(fail!(
            EINVAL,
            "{what}: a size of {size} bytes is above the capacity of {capacity} bytes"
        )),
    }
}
