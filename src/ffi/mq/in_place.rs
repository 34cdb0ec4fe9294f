//! Messages that are written and read in place, in the queue's memory.

use super::*;
use crate::base::error::Error;
use crate::ffi::guard::CResult;
use core::cell::Cell;

/// The guard of the calls that use a message in place, which usually take a few nanoseconds.
///
/// `act` gets the queue and whether to act at once, that is, without waiting and without touching
/// errno. If acting at once fails with `EAGAIN`, `act` runs a second time and may wait. Every
/// other failure is the call's result.
#[inline(always)]
fn guard_in_place<R: CResult>(
    call: &'static CStr,
    mq: *mut ipc_mq_t,
    act: impl Fn(&Queue, bool) -> Result<R>,
) -> R {
    let failure: Cell<Option<Error>> = Cell::new(None);
    guard_fast(
        call,
        || {
            let queue = QUEUES.get_fast(mq)?;
            match act(&queue, true) {
                Ok(result) => {
                    queue.release();
                    Some(result)
                }
                Err(error) => {
                    if error.errno() != Errno::EAGAIN {
                        failure.set(Some(error));
                    }
                    None
                }
            }
        },
        || match failure.get() {
            Some(error) => Err(error),
            None => act(&*QUEUES.get(mq)?, false),
        },
    )
}

/// Reserves room for a message in the queue. The caller writes the message there, and then sends
/// it with ipc_mq_commit() or gives the room back with ipc_mq_abandon(). So a large message is not
/// copied. Waits while the queue is full.
///
/// A thread may reserve several messages at once. Each takes the room of one message. They are
/// sent in the order of ipc_mq_commit(). On a handle with IPC_MQ_OVERWRITE, a full queue drops its
/// oldest message of the lowest priority to make room, whatever the new message's priority will
/// be.
///
/// out: receives the address of message_size bytes, aligned to 64 bytes, on success only. The
/// content of the bytes is undefined.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the queue is full, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
/// timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
/// passed; -EINTR a signal handler ran while the call waited; -EINVAL a pointer is NULL or
/// misaligned, or the timeout is invalid; -EBADF the handle is closed, or was opened with
/// IPC_READ_ONLY; -EUCLEAN the queue is damaged; -EPROTO this process was forked into another PID
/// namespace after the handle was opened; -EDEADLK a signal handler makes this call, and it
/// interrupted a call on the same queue; -ENOTSUP the queue is the kernel's
/// (IPC_KERNEL); -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. The thread that reserves a message must commit or abandon it: another thread
/// gets -EPERM.
/// Death: if the thread ends or its process dies, the message vanishes and its room returns to the
/// queue. Fork: the message stays the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_reserve(
    mq: *mut ipc_mq_t,
    out: *mut *mut c_void,
    timeout_ns: i64,
) -> c_int {
    guard_in_place(c"ipc_mq_reserve", mq, |queue, at_once| {
        let out = checked(out, "out")?;
        let payload = queue.reserve(timeout_ns, at_once)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, payload.as_ptr().cast()) }
    })
}

/// Sends a message that was written in place.
///
/// message: the address that ipc_mq_reserve() gave. When the call succeeds, the caller must not
/// use it any more.
/// len: the message's length in bytes, up to the queue's message_size.
/// priority: 0 to IPC_MQ_PRIORITY_MAX. Higher priorities are received first.
///
/// Returns: 0, or a negative error, and then the message is still reserved. With -EUCLEAN it is not
/// reserved any more, and the queue can be closed.
/// Errors: -EAGAIN a thread has been stopped inside a call on the queue for a second (call again
/// later); -EINVAL message is not reserved, or is no message of this queue, or the priority is too
/// high; -EPERM another thread has reserved the message; -EMSGSIZE len is more than the queue's
/// message_size; -EBADF the handle is closed, or was opened with IPC_READ_ONLY; -EUCLEAN the queue
/// is damaged; -EPROTO this process was forked into another PID namespace after the handle was
/// opened; -EDEADLK a signal handler makes this call, and it interrupted a call on the same queue; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
/// Threads: safe, for the thread that reserved the message.
/// Death: if the caller dies in this call, the message is in the queue whole or not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_commit(
    mq: *mut ipc_mq_t,
    message: *mut c_void,
    len: usize,
    priority: c_uint,
) -> c_int {
    guard_in_place(c"ipc_mq_commit", mq, |queue, at_once| {
        queue.commit(message.cast(), len, priority, at_once)?;
        Ok(0)
    })
}

/// Gives the room of a reserved message back to the queue, without sending the message.
///
/// message: the address that ipc_mq_reserve() gave. When the call succeeds, the caller must not
/// use it any more.
///
/// Returns: 0, or a negative error, and then the message is still reserved. With -EUCLEAN it is not
/// reserved any more, and the queue can be closed.
/// Errors: -EAGAIN a thread has been stopped inside a call on the queue for a second (call again
/// later); -EINVAL message is not reserved, or is no message of this queue; -EPERM another thread
/// has reserved the message; -EBADF the handle is closed; -EUCLEAN the queue is damaged; -EPROTO
/// this process was forked into another PID namespace after the handle was opened; -EDEADLK a
/// signal handler makes this call, and it interrupted a call on the same queue; -ENOTSUP
/// the queue is the kernel's (IPC_KERNEL).
/// Threads: safe, for the thread that reserved the message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_abandon(mq: *mut ipc_mq_t, message: *mut c_void) -> c_int {
    guard(c"ipc_mq_abandon", move || {
        QUEUES.get(mq)?.abandon(message.cast())?;
        Ok(0)
    })
}

/// Takes the message with the highest priority; of several, the oldest. The caller reads the
/// message in place, so a large message is not copied. It keeps its room in the queue until
/// ipc_mq_return(). Waits while the queue is empty.
///
/// out: receives the message's address, aligned to 64 bytes, on success only.
/// priority: receives the message's priority, on success only. NULL if it is not wanted.
/// redeliveries: receives how often the message was borrowed before by a thread that died before
/// it returned the message, on success only. If it is not 0, some of the work for this message may
/// have been done. NULL if it is not wanted.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: the message's length in bytes, which may be 0, or a negative error.
/// Errors: -EAGAIN the queue is empty, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
/// timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
/// passed; -EINTR a signal handler ran while the call waited; -EINVAL a pointer is NULL or
/// misaligned, or the timeout is invalid; -EBADF the handle is closed, or was opened with
/// IPC_WRITE_ONLY; -EUCLEAN the queue is damaged; -EPROTO this process was forked into another PID
/// namespace after the handle was opened; -EDEADLK a signal handler makes this call, and it
/// interrupted a call on the same queue; -ENOTSUP the queue is the kernel's
/// (IPC_KERNEL); -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. The thread that borrows a message must return it: another thread gets -EPERM.
/// Death: if the thread ends or its process dies before it returns the message, the message is
/// queued again in its old place. Fork: the message stays the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_borrow(
    mq: *mut ipc_mq_t,
    out: *mut *const c_void,
    priority: *mut c_uint,
    redeliveries: *mut c_uint,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_in_place(c"ipc_mq_borrow", mq, |queue, at_once| {
        let out = checked(out, "out")?;
        checked_if_any(priority, "priority")?;
        checked_if_any(redeliveries, "redeliveries")?;
        let borrowed = queue.borrow(timeout_ns, at_once)?;
        // SAFETY: all three are checked for alignment, and out for NULL; the rest by the contract
        // of this call.
        unsafe {
            put(out, borrowed.payload.as_ptr().cast_const().cast())?;
            put_if_any(redeliveries, borrowed.redeliveries);
            put_if_any(priority, borrowed.priority);
        }
        Ok(borrowed.length as isize)
    })
}

/// Ends the use of a borrowed message. The message is received, and its room returns to the queue.
///
/// message: the address that ipc_mq_borrow() gave. When the call succeeds, the caller must not use
/// it any more.
///
/// Returns: 0, or a negative error, and then the message is still borrowed. With -EUCLEAN it is not
/// borrowed any more, and the queue can be closed.
/// Errors: -EAGAIN a thread has been stopped inside a call on the queue for a second (call again
/// later); -EINVAL message is not borrowed, or is no message of this queue; -EPERM another thread
/// has borrowed the message; -EBADF the handle is closed; -EUCLEAN the queue is damaged; -EPROTO
/// this process was forked into another PID namespace after the handle was opened; -EDEADLK a
/// signal handler makes this call, and it interrupted a call on the same queue; -ENOTSUP
/// the queue is the kernel's (IPC_KERNEL).
/// Threads: safe, for the thread that borrowed the message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_return(mq: *mut ipc_mq_t, message: *const c_void) -> c_int {
    guard_in_place(c"ipc_mq_return", mq, |queue, at_once| {
        queue.give_back(message.cast(), at_once)?;
        Ok(0)
    })
}

/// Gives a borrowed message to another thread or process, which takes it with ipc_mq_take_over(). The
/// message stays in its place in memory and is not copied. From here on it is the receiver's, also if
/// this process dies.
///
/// message: the address that ipc_mq_borrow() or ipc_mq_take_over() gave. When the call succeeds, the
/// caller must not use it any more.
/// receiver: the id of a process (getpid(2)): any of its threads may take the message. Or the id of a
/// thread other than a process's main one (gettid(2)): only that thread may take it. It may be an id of
/// the caller's own process.
///
/// Returns: 0, or a negative error, and then the message is still borrowed. With -EUCLEAN it is not
/// borrowed any more, and the queue can be closed.
/// Errors: -EAGAIN a thread has been stopped inside a call on the queue for a second (call again
/// later); -EINVAL message is not borrowed, or is no message of this queue, or receiver is not above 0;
/// -ESRCH no living thread or process has the id receiver; -EPERM another thread has borrowed the
/// message; -EBADF the handle is closed; -EUCLEAN the queue is damaged; -EPROTO this process was forked
/// into another PID namespace after the handle was opened; -EDEADLK a signal handler makes this call,
/// and it interrupted a call on the same queue; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
/// Threads: safe, for the thread that borrowed the message.
/// Death: if the caller dies in this call, the message is the receiver's, or it is queued again in its
/// old place. If the receiver ends before it takes the message, the message is queued again too; a
/// receiver that waits finds it within 100 milliseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_hand_over(
    mq: *mut ipc_mq_t,
    message: *const c_void,
    receiver: libc::pid_t,
) -> c_int {
    guard(c"ipc_mq_hand_over", move || {
        QUEUES.get(mq)?.hand_over(message.cast(), receiver)?;
        Ok(0)
    })
}

/// Takes a message that ipc_mq_hand_over() gave to this thread or to its process. Of several, it takes
/// the one with the highest priority, and of those the oldest. The caller then has the message as if it
/// had borrowed it, and ends its use with ipc_mq_return(). Waits while no message was handed over.
///
/// out: receives the message's address, aligned to 64 bytes, on success only.
/// priority: receives the message's priority, on success only. NULL if it is not wanted.
/// redeliveries: receives how often the message was borrowed before by a thread that died before it
/// returned the message, on success only. A hand-over does not count. NULL if it is not wanted.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: the message's length in bytes, which may be 0, or a negative error.
/// Errors: -EAGAIN no message was handed over, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
/// timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
/// passed; -EINTR a signal handler ran while the call waited; -EINVAL a pointer is NULL or misaligned,
/// or the timeout is invalid; -EBADF the handle is closed, or was opened with IPC_WRITE_ONLY; -EUCLEAN
/// the queue is damaged; -EPROTO this process was forked into another PID namespace after the handle was
/// opened; -EDEADLK a signal handler makes this call, and it interrupted a call on the same queue;
/// -ENOTSUP the queue is the kernel's (IPC_KERNEL); -ENOSYS if a sandbox (seccomp) forbids this process
/// to sleep on a futex.
/// Threads: safe. The thread that takes a message must return it or hand it over: another thread gets
/// -EPERM.
/// Death: if the thread ends or its process dies before it returns the message, the message is queued
/// again in its old place. Fork: messages that were handed to the parent stay the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_take_over(
    mq: *mut ipc_mq_t,
    out: *mut *const c_void,
    priority: *mut c_uint,
    redeliveries: *mut c_uint,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_mq_take_over", move || {
        let out = checked(out, "out")?;
        checked_if_any(priority, "priority")?;
        checked_if_any(redeliveries, "redeliveries")?;
        let taken = QUEUES.get(mq)?.take_over(timeout_ns)?;
        // SAFETY: all three are checked for alignment, and out for NULL; the rest by the contract
        // of this call.
        unsafe {
            put(out, taken.payload.as_ptr().cast_const().cast())?;
            put_if_any(redeliveries, taken.redeliveries);
            put_if_any(priority, taken.priority);
        }
        Ok(taken.length as isize)
    })
}
