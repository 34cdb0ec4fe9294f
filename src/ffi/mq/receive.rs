//! Receiving messages.

use super::send::{BATCH_MAX, ipc_mq_message_t};
use super::*;
use crate::base::time::is_timeout;
use crate::ipc::mq::Target;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;

/// Takes the message with the highest priority out of the queue; of several, the oldest. Waits
/// while the queue is empty.
///
/// buf: receives the message, on success only.
/// capacity: the size of buf in bytes. It must be enough for the message that is taken. With
/// IPC_KERNEL, it must be at least the queue's message_size even for a shorter message, because
/// the kernel demands it.
/// priority: receives the message's priority, on success only. NULL if it is not wanted.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: the message's length in bytes, which may be 0, or a negative error.
/// Errors: -EAGAIN the queue is empty, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
/// timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
/// passed; -EINTR a signal handler ran while the call waited; -EMSGSIZE capacity is too small: the
/// message stays in the queue, and ipc_last_error() shows the size needed; -EINVAL a pointer is
/// NULL or misaligned, or the timeout is invalid; -EBADF the handle is closed, or was opened with
/// IPC_WRITE_ONLY; -EUCLEAN the queue is damaged; -EPROTO this process was forked into another PID
/// namespace after the handle was opened; -EDEADLK a signal handler makes this call, and it
/// interrupted a call on the same queue; -EFAULT with
/// IPC_KERNEL: buf points to no memory, and the message is lost; -ENOSYS if a sandbox (seccomp)
/// forbids this process to sleep on a futex.
/// Threads: safe. Each message goes to one receiver.
/// Death: if the receiver dies, at most the message that it had just received is lost with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_receive(
    mq: *mut ipc_mq_t,
    buf: *mut c_void,
    capacity: usize,
    priority: *mut c_uint,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_fast(
        c"ipc_mq_receive",
        move || {
            if !is_timeout(timeout_ns) || !is_plain_buffer(buf, capacity) || !priority.is_aligned()
            {
                return None;
            }
            // SAFETY: checked for NULL and length; the rest by the contract of this call.
            let buffer = unsafe { slice::from_raw_parts_mut(buf.cast(), capacity) };
            let queue = QUEUES.get_fast(mq)?;
            match queue.try_receive(buffer, timeout_ns != 0) {
                Ok((length, found)) => {
                    queue.release();
                    // SAFETY: checked for alignment; the rest by the contract of this call.
                    unsafe { put_if_any(priority, found) };
                    Some(length as isize)
                }
                Err(error) if timeout_ns != 0 && error.errno() == Errno::EAGAIN => None,
                Err(error) => Some(guard::failure(c"ipc_mq_receive", move || {
                    queue.receive_failed(buffer, error)
                })),
            }
        },
        move || {
            checked_if_any(priority, "priority")?;
            // SAFETY: by the contract of this call.
            let buffer = unsafe { buffer_from_c(buf, capacity) }?;
            let mut target = [Target::of(buffer)];
            QUEUES.get(mq)?.receive(&mut target, timeout_ns)?;
            let [received] = target;
            // SAFETY: checked for alignment; the rest by the contract of this call.
            unsafe { put_if_any(priority, received.priority) };
            Ok(received.length as isize)
        },
    )
}

/// A C caller's buffer for a message.
///
/// # Safety
///
/// `buf` is NULL or points to `capacity` bytes that stay writable during the call and that nobody
/// else uses.
pub(super) unsafe fn buffer_from_c<'a>(
    buf: *mut c_void,
    capacity: usize,
) -> Result<&'a mut [MaybeUninit<u8>]> {
    let start = checked(buf.cast::<MaybeUninit<u8>>(), "buf")?;
    // No object has more than isize::MAX bytes, so no message needs more.
    let length = capacity.min(isize::MAX as usize);
    // SAFETY: checked for NULL; the rest by this function's contract.
    Ok(unsafe { slice::from_raw_parts_mut(start.as_ptr(), length) })
}

/// Receives several messages, for little more than the cost of one. Waits for the first message,
/// then takes as many as there are.
///
/// messages: one description per message. Before the call, data and len say where the message goes
/// and how many bytes fit there. In those that were received, the call sets len, priority and
/// redeliveries. A message that is too long for its buffer ends the batch before it.
/// count: how many descriptions there are.
/// timeout_ns: how long to wait for the first message, in nanoseconds on the monotonic clock.
/// IPC_FOREVER waits without a limit; 0 only tries.
///
/// Returns: how many messages were received: 1 or more, and 0 only for count 0. Or a negative
/// error, and then no message was received.
/// Errors: these concern the first message. -EAGAIN the queue is empty, and timeout_ns is 0 or the
/// handle has IPC_NONBLOCK; or timeout_ns is 0 and a stopped thread has kept the queue for a
/// second; -ETIMEDOUT timeout_ns has passed; -EINTR a signal handler ran while the call waited;
/// -EMSGSIZE len is too small: the message stays in the queue, and ipc_last_error() shows the size
/// needed; -EINVAL a pointer is NULL or misaligned, or the timeout is invalid; -EBADF the handle
/// is closed, or was opened with IPC_WRITE_ONLY; -EUCLEAN the queue is damaged; -EPROTO this
/// process was forked into another PID namespace after the handle was opened; -EDEADLK a signal
/// handler makes this call, and it interrupted a call on the same queue; -EFAULT
/// with IPC_KERNEL: data points to no memory, and the message is lost; -ENOSYS if a sandbox
/// (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. Each message goes to one receiver.
/// Death: if the receiver dies, at most the messages of this call are lost with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_receive_many(
    mq: *mut ipc_mq_t,
    messages: *mut ipc_mq_message_t,
    count: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_mq_receive_many", move || {
        let queue = QUEUES.get(mq)?;
        if count == 0 {
            return Ok(0);
        }
        let messages = checked(messages, "messages")?;
        let mut received = 0;
        while received < count {
            let mut targets: [Target<'_>; BATCH_MAX] =
                core::array::from_fn(|_| Target::of(&mut []));
            let wanted = BATCH_MAX.min(count - received);
            // SAFETY: the messages up to count are there by the contract of this call.
            let described =
                unsafe { describe_targets(messages.add(received), &mut targets[..wanted]) };
            let targets = match described {
                (0, Err(error)) if received == 0 => return Err(error),
                (0, Err(_)) => break,
                (good, _) => &mut targets[..good],
            };
            let timeout_ns = if received == 0 { timeout_ns } else { 0 };
            let some = match queue.receive(targets, timeout_ns) {
                Ok(0) => break,
                Ok(some) => some,
                Err(_) if received != 0 => break,
                Err(error) => return Err(error),
            };
            for target in &targets[..some] {
                // SAFETY: below count, so it is there by the contract of this call.
                let described = unsafe { messages.add(received).as_mut() };
                described.len = target.length;
                described.priority = target.priority;
                described.redeliveries = target.redeliveries;
                received += 1;
            }
        }
        Ok(received as isize)
    })
}

/// Fills `targets` from C's descriptions. Returns how many are good, from the first, and what is
/// wrong with the next one.
///
/// # Safety
///
/// `messages` points to a description for each of `targets`. Each description's data is NULL or
/// points to a buffer that stays writable during the call and that nobody else uses.
unsafe fn describe_targets(
    messages: NonNull<ipc_mq_message_t>,
    targets: &mut [Target<'_>],
) -> (usize, Result<()>) {
    for (index, target) in targets.iter_mut().enumerate() {
        // SAFETY: by this function's contract.
        let described = unsafe { messages.add(index).read() };
        // SAFETY: by this function's contract.
        match unsafe { buffer_from_c(described.data, described.len) } {
            Ok(buffer) => *target = Target::of(buffer),
            Err(error) => return (index, Err(error)),
        }
    }
    (targets.len(), Ok(()))
}

/// Tells the priority of the message that the next ipc_mq_receive() would take, and takes nothing.
/// Another receiver may take that message first. Does not wait.
///
/// priority: receives the priority, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the queue is empty, or a stopped thread has kept the queue for a second; -EINVAL
/// a pointer is NULL or misaligned; -EBADF the handle is closed, or was opened with IPC_WRITE_ONLY;
/// -EUCLEAN the queue is damaged; -EPROTO this process was forked into another PID namespace after
/// the handle was opened; -EDEADLK a signal handler makes this call, and it interrupted a call on
/// the same queue; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_peek_priority(mq: *mut ipc_mq_t, priority: *mut c_uint) -> c_int {
    guard(c"ipc_mq_peek_priority", move || {
        let priority = checked(priority, "priority")?;
        let found = QUEUES.get(mq)?.peek_priority()?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(priority, found) }
    })
}
