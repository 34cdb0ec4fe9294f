//! Receiving samples: copied, or read in place.

use super::*;
use crate::base::time::is_timeout;

/// Copies the next sample into a buffer. Waits until there is one.
///
/// A subscriber gets the samples in the order of their numbers, each one once per handle. If the
/// sample that it should get was overwritten, it gets the oldest one that the topic still has, and
/// info->missed says how many it has missed.
///
/// topic: a handle that subscribes.
/// buf: receives the sample.
/// capacity: the buffer's size in bytes.
/// info: receives the sample's description, on success only. NULL if it is not wanted.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: the sample's length in bytes, which may be 0, or a negative error.
/// Errors: -EAGAIN there is no sample, and timeout_ns is 0 or the handle has IPC_NONBLOCK; -ETIMEDOUT
/// timeout_ns has passed; -EINTR a signal handler ran while the call waited; -EMSGSIZE the sample is
/// longer than the buffer (it stays, and the next call gets it); -EINVAL a pointer is NULL or
/// misaligned, or the timeout is malformed; -EBADF the handle is closed, or publishes; -EUCLEAN the
/// topic is damaged; -EUSERS this process was forked, and the topic has no room for one more
/// subscriber; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. Threads that share a handle share its samples: each sample goes to one of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_receive(
    topic: *mut ipc_topic_t,
    buf: *mut c_void,
    capacity: usize,
    info: *mut ipc_sample_t,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_in_place(c"ipc_topic_receive", topic, |topic, at_once| {
        checked_info(info)?;
        // SAFETY: by the contract of this call.
        let buffer = unsafe { writable(buf, capacity, "buf") }?;
        let received = match at_once {
            true => take_at_once(topic, timeout_ns, |place| topic.try_receive(buffer, place))?,
            false => Some(topic.receive(buffer, timeout_ns)?),
        };
        Ok(received.map(|received| {
            // SAFETY: checked above; the rest by the contract of this call.
            unsafe { put_info(info, &received) };
            received.length as isize
        }))
    })
}

/// Takes a sample without waiting, except for a moment in which it looks again. `None` if there is none and
/// the call may wait.
#[inline(always)]
fn take_at_once(
    topic: &Topic,
    timeout_ns: i64,
    mut attempt: impl FnMut(Place) -> Result<Option<Received>>,
) -> Result<Option<Received>> {
    // The second attempt describes a wrong timeout or handle.
    if !is_timeout(timeout_ns) || !topic.may_take_at_once() {
        return Ok(None);
    }
    if let Some(received) = attempt(Place::Ring)? {
        return Ok(Some(received));
    }
    if timeout_ns == 0 {
        return match topic.is_orphaned() {
            false => Err(Errno::EAGAIN.into()),
            true => Ok(None),
        };
    }
    match topic.spin_for_sample() {
        Some(place) => attempt(place),
        None => Ok(None),
    }
}

/// Takes the next sample to read it in place, without a copy. Nobody overwrites it until
/// ipc_topic_return(). Waits until there is a sample.
///
/// A subscriber gets the samples in the order of their numbers, each one once per handle. If the
/// sample that it should get was overwritten, it gets the oldest one that the topic still has, and
/// info->missed says how many it has missed.
///
/// topic: a handle that subscribes.
/// out: receives the sample's address, on success only. It is aligned to 64 bytes and to the alignment
/// of the topic's type. The memory can only be read.
/// info: receives the sample's description, on success only. NULL if it is not wanted.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: the sample's length in bytes, which may be 0, or a negative error.
/// Errors: -EAGAIN there is no sample, and timeout_ns is 0 or the handle has IPC_NONBLOCK; -ETIMEDOUT
/// timeout_ns has passed; -EINTR a signal handler ran while the call waited; -ENOBUFS this handle has
/// max_borrowed samples borrowed; -EINVAL a pointer is NULL or misaligned, or the timeout is malformed;
/// -EBADF the handle is closed, or publishes; -EUCLEAN the topic is damaged; -EUSERS this process was
/// forked, and the topic has no room for one more subscriber; -ENOSYS if a sandbox (seccomp) forbids
/// this process to sleep on a futex.
/// Threads: safe. Any thread of the process may return the sample.
/// Death: if the process dies, the sample's room is free.
/// Fork: the sample stays the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_borrow(
    topic: *mut ipc_topic_t,
    out: *mut *const c_void,
    info: *mut ipc_sample_t,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_in_place(c"ipc_topic_borrow", topic, |topic, at_once| {
        let out = checked(out, "out")?;
        checked_info(info)?;
        let received = match at_once {
            true => take_at_once(topic, timeout_ns, |place| topic.try_borrow(place))?,
            false => Some(topic.borrow(timeout_ns)?),
        };
        Ok(received.map(|received| {
            // SAFETY: both are checked, out for NULL too; the rest by the contract of this call.
            unsafe {
                out.write(received.payload.as_ptr().cast_const().cast());
                put_info(info, &received);
            }
            received.length as isize
        }))
    })
}

/// Ends the use of a borrowed sample.
///
/// topic: a handle that subscribes.
/// sample: the address that ipc_topic_borrow() gave. When the call returns, the caller must not use it
/// any more, except after -EINVAL and -EBADF.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL sample is not borrowed by this handle and process, or is no sample of this topic;
/// -EBADF the handle is closed, or publishes; -EUCLEAN another process has overwritten what this
/// subscriber announced, so the sample may have changed while it was borrowed: do not trust what was
/// read. The sample is not borrowed any more then.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_return(topic: *mut ipc_topic_t, sample: *const c_void) -> c_int {
    guard_in_place(c"ipc_topic_return", topic, |topic, _| {
        let sample = checked(sample.cast_mut().cast::<u8>(), "sample")?;
        topic.give_back(sample.as_ptr())?;
        Ok(Some(0))
    })
}
