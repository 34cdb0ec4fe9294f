//! Sending messages.

use super::*;
use crate::base::time::is_timeout;
use crate::ipc::mq::Source;
use core::slice;

/// Sends one message. Waits while the queue is full.
///
/// msg: the message. NULL is allowed only with len 0.
/// len: the message's length in bytes, from 0 to the queue's message_size.
/// priority: 0 to IPC_MQ_PRIORITY_MAX. Higher priorities are received first.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the queue is full, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
/// timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
/// passed; -EINTR a signal handler ran while the call waited; -EMSGSIZE the message is longer than
/// the queue's message_size; -EINVAL a pointer is NULL, the priority is too high, or the timeout is
/// invalid; -EBADF the handle is closed, or was opened with IPC_READ_ONLY; -EUCLEAN the queue is
/// damaged; -EPROTO this process was forked into another PID namespace after the handle was opened;
/// -EDEADLK a signal handler makes this call, and it interrupted a call on the same queue; -EFAULT with IPC_KERNEL: msg points to no memory; -ENOMEM there is no
/// memory; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe.
/// Death: a message is in the queue whole or not at all. It stays there if its sender dies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_send(
    mq: *mut ipc_mq_t,
    msg: *const c_void,
    len: usize,
    priority: c_uint,
    timeout_ns: i64,
) -> c_int {
    guard_fast(
        c"ipc_mq_send",
        move || {
            if !is_timeout(timeout_ns) || !is_plain_buffer(msg, len) {
                return None;
            }
            // SAFETY: checked for NULL and length; the rest by the contract of this call.
            let message = unsafe { slice::from_raw_parts(msg.cast(), len) };
            let queue = QUEUES.get_fast(mq)?;
            match queue.try_send(message, priority, timeout_ns != 0) {
                Ok(()) => {
                    queue.release();
                    Some(0)
                }
                Err(error) if timeout_ns != 0 && error.errno() == Errno::EAGAIN => None,
                Err(error) => Some(guard::failure(c"ipc_mq_send", move || {
                    queue.send_failed(message, priority, error)
                })),
            }
        },
        move || {
            // SAFETY: by the contract of this call.
            let message = unsafe { message_from_c(msg, len) }?;
            let message = Source { message, priority };
            QUEUES.get(mq)?.send(&[message], timeout_ns)?;
            Ok(0)
        },
    )
}

/// A C caller's message.
///
/// # Safety
///
/// `msg` is NULL or points to `len` bytes that stay readable and unchanged during the call.
pub(super) unsafe fn message_from_c<'a>(msg: *const c_void, len: usize) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    let start = checked(msg.cast::<u8>().cast_mut(), "msg")?;
    // No object has more than isize::MAX bytes. A larger `len` is left for the queue to refuse.
    let length = len.min(isize::MAX as usize);
    // SAFETY: checked for NULL; the rest by this function's contract.
    Ok(unsafe { slice::from_raw_parts(start.as_ptr(), length) })
}

/// A message of ipc_mq_send_many() or ipc_mq_receive_many().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_message_t {
    /// The message to send, or the buffer to receive into. Sending does not change the bytes.
    pub data: *mut c_void,
    /// The message's length in bytes. Before receiving: the buffer's size in bytes.
    pub len: usize,
    /// The message's priority.
    pub priority: c_uint,
    /// After receiving: how often the message went back to the queue because a process that had
    /// borrowed it died. Sending ignores it.
    pub redeliveries: c_uint,
}

/// How many messages one section of the queue sends or receives. Their descriptions are on the
/// stack during the section.
pub(super) const BATCH_MAX: usize = 32;

/// Sends several messages, for little more than the cost of one. Waits until there is room for the
/// first message, then sends as many as there is room for.
///
/// messages: the messages, in the order of sending. Each has its own priority.
/// count: how many messages there are.
/// timeout_ns: how long to wait for room for the first message, in nanoseconds on the monotonic
/// clock. IPC_FOREVER waits without a limit; 0 only tries.
///
/// Returns: how many messages were sent, counted from the first: 1 or more, and 0 only for count
/// 0. Or a negative error, and then no message was sent.
/// Errors: these concern the first message; a later message that cannot be sent ends the batch
/// before it. -EAGAIN the queue is full, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
/// timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
/// passed; -EINTR a signal handler ran while the call waited; -EMSGSIZE the message is longer than
/// the queue's message_size; -EINVAL a pointer is NULL or misaligned, the priority is too high, or
/// the timeout is invalid; -EBADF the handle is closed, or was opened with IPC_READ_ONLY; -EUCLEAN
/// the queue is damaged; -EPROTO this process was forked into another PID namespace after the
/// handle was opened; -EDEADLK a signal handler makes this call, and it interrupted a call on the
/// same queue; -EFAULT with IPC_KERNEL: data points to no memory; -ENOMEM there is no
/// memory; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. Messages of other senders may come between these.
/// Death: each message is in the queue whole or not at all. It stays there if its sender dies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_send_many(
    mq: *mut ipc_mq_t,
    messages: *const ipc_mq_message_t,
    count: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_mq_send_many", move || {
        let queue = QUEUES.get(mq)?;
        if count == 0 {
            return Ok(0);
        }
        let messages = checked(messages.cast_mut(), "messages")?;
        let mut sent = 0;
        while sent < count {
            let mut sources = [const { EMPTY }; BATCH_MAX];
            let wanted = BATCH_MAX.min(count - sent);
            // SAFETY: the messages up to count are there by the contract of this call.
            let described = unsafe { describe_sources(messages.add(sent), &mut sources[..wanted]) };
            let sources = match described {
                (0, Err(error)) if sent == 0 => return Err(error),
                (0, Err(_)) => break,
                (good, _) => &sources[..good],
            };
            let timeout_ns = if sent == 0 { timeout_ns } else { 0 };
            match queue.send(sources, timeout_ns) {
                Ok(some) => sent += some,
                Err(_) if sent != 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent as isize)
    })
}

const EMPTY: Source<'static> = Source {
    message: &[],
    priority: 0,
};

/// Fills `sources` from C's descriptions. Returns how many are good, from the first, and what is
/// wrong with the next one.
///
/// # Safety
///
/// `messages` points to a description for each of `sources`. Each description's data is NULL or
/// points to its bytes, which stay readable and unchanged during the call.
unsafe fn describe_sources(
    messages: core::ptr::NonNull<ipc_mq_message_t>,
    sources: &mut [Source<'_>],
) -> (usize, Result<()>) {
    for (index, source) in sources.iter_mut().enumerate() {
        // SAFETY: by this function's contract.
        let described = unsafe { messages.add(index).read() };
        // SAFETY: by this function's contract.
        match unsafe { message_from_c(described.data, described.len) } {
            Ok(message) => {
                *source = Source {
                    message,
                    priority: described.priority,
                }
            }
            Err(error) => return (index, Err(error)),
        }
    }
    (sources.len(), Ok(()))
}
