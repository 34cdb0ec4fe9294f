//! Publishing samples: copied, or written in place.

use super::*;
use crate::base::time::is_timeout;

/// Publishes a copy of a sample. Every subscriber gets it.
///
/// If the topic has capacity samples, the oldest one is overwritten. In a topic with IPC_TOPIC_WAIT,
/// the call waits while a living subscriber has not taken the oldest one.
///
/// topic: a handle that publishes.
/// data: the sample. NULL is allowed only with len 0.
/// len: its length in bytes, from 0 to the topic's sample_size.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: 0, or a negative error, and then nothing was published.
/// Errors: -EAGAIN the topic waits for a subscriber, and timeout_ns is 0 or the handle has
/// IPC_NONBLOCK; or timeout_ns is 0 and a stopped thread has kept the topic for a second; -ETIMEDOUT
/// timeout_ns has passed (ipc_last_error() names the process for which it waited); -EINTR a signal
/// handler ran while the call waited; -EMSGSIZE the sample is longer than sample_size; -EINVAL a
/// pointer is NULL, or the timeout is malformed; -EBADF the handle is closed, or subscribes; -EUCLEAN
/// the topic is damaged; -EPROTO this process was forked into another PID namespace after the handle
/// was opened; -EUSERS this process was forked, and the topic has no room for one more publisher;
/// -EDEADLK a signal handler makes this call, and it interrupted a call on the same topic; -ENOTSUP
/// this libc allows no robust locks; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a
/// futex.
/// Threads: safe.
/// Death: a sample is published whole or not at all. It stays if its publisher dies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_send(
    topic: *mut ipc_topic_t,
    data: *const c_void,
    len: usize,
    timeout_ns: i64,
) -> c_int {
    guard_fast(
        c"ipc_topic_send",
        move || {
            if !is_timeout(timeout_ns) || !is_plain_buffer(data, len) {
                return None;
            }
            // SAFETY: checked for NULL and length; the rest by the contract of this call.
            let data = unsafe { core::slice::from_raw_parts(data.cast(), len) };
            let topic = TOPICS.get_fast(topic)?;
            let is_sent = topic.send_fast(data);
            topic.release();
            is_sent.then_some(0)
        },
        move || {
            // SAFETY: by the contract of this call.
            let data = unsafe { readable(data, len, "data") }?;
            topic_of(topic)?.send(data, timeout_ns)?;
            Ok(0)
        },
    )
}

/// Reserves room for a sample. The caller writes the sample there, and then publishes it with
/// ipc_topic_commit() or gives the room back with ipc_topic_abandon(). So a large sample is not
/// copied. Samples are numbered in the order of ipc_topic_commit().
///
/// In a topic with IPC_TOPIC_WAIT, the call waits while a living subscriber has not taken a sample
/// that would be overwritten. ipc_topic_commit() never waits for subscribers.
///
/// topic: a handle that publishes.
/// out: receives the address of sample_size bytes, on success only. It is aligned to 64 bytes and to
/// the alignment of the topic's type. The content of the bytes is undefined.
/// len: how many bytes the caller will write at most, from 0 to the topic's sample_size.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the topic waits for a subscriber, and timeout_ns is 0 or the handle has
/// IPC_NONBLOCK; or timeout_ns is 0 and a stopped thread has kept the topic for a second; -ETIMEDOUT
/// timeout_ns has passed (ipc_last_error() names the process for which it waited); -EINTR a signal
/// handler ran while the call waited; -ENOBUFS this handle has max_borrowed samples reserved;
/// -EMSGSIZE len is more than sample_size; -EINVAL a pointer is NULL or misaligned, or the timeout is
/// malformed; -EBADF the handle is closed, or subscribes; -EUCLEAN the topic is damaged; -EPROTO this
/// process was forked into another PID namespace after the handle was opened; -EUSERS this process
/// was forked, and the topic has no room for one more publisher; -EDEADLK a signal handler makes this
/// call, and it interrupted a call on the same topic; -ENOTSUP this libc allows no robust locks;
/// -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. Any thread of the process may commit or abandon the sample.
/// Death: if the process dies, the sample is never published, and its room is free.
/// Fork: the sample stays the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_reserve(
    topic: *mut ipc_topic_t,
    out: *mut *mut c_void,
    len: usize,
    timeout_ns: i64,
) -> c_int {
    guard_in_place(c"ipc_topic_reserve", topic, |topic, at_once| {
        let out = checked(out, "out")?;
        let payload = match at_once {
            // The second attempt describes a wrong timeout.
            true if !is_timeout(timeout_ns) => None,
            true => topic.reserve_fast(len)?,
            false => Some(topic.reserve(len, timeout_ns)?),
        };
        Ok(payload.map(|payload| {
            // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
            unsafe { out.write(payload.as_ptr().cast()) };
            0
        }))
    })
}

/// Publishes a sample that was written in place. Every subscriber gets it.
///
/// topic: a handle that publishes.
/// sample: the address that ipc_topic_reserve() gave. When the call succeeds, the caller must not use
/// it any more.
/// len: the sample's length in bytes, from 0 to the topic's sample_size.
///
/// Returns: 0, or a negative error, and then the sample is still reserved.
/// Errors: -EAGAIN a thread has been stopped inside a call on the topic for a second (call again
/// later); -EMSGSIZE len is more than sample_size; -EINVAL sample is not reserved by this handle and
/// process, or is no sample of this topic; -EBADF the handle is closed, or subscribes; -EUCLEAN the
/// topic is damaged; -EPROTO this process was forked into another PID namespace after the handle was
/// opened; -EUSERS this process was forked, and the topic has no room for one more publisher; -EDEADLK a
/// signal handler makes this call, and it interrupted a call on the same topic; -ENOTSUP this libc
/// allows no robust locks; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe.
/// Death: if the process is killed in the call, the sample is published whole or not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_commit(
    topic: *mut ipc_topic_t,
    sample: *mut c_void,
    len: usize,
) -> c_int {
    guard_in_place(c"ipc_topic_commit", topic, |topic, at_once| {
        let sample = checked(sample.cast::<u8>(), "sample")?;
        match at_once {
            true => Ok(topic.commit_fast(sample, len)?.then_some(0)),
            false => topic.commit(sample, len).map(|()| Some(0)),
        }
    })
}

/// Gives a reserved sample back without publishing it.
///
/// topic: a handle that publishes.
/// sample: the address that ipc_topic_reserve() gave. When the call succeeds, the caller must not use
/// it any more.
///
/// Returns: 0, or a negative error, and then the sample is still reserved.
/// Errors: -EAGAIN a thread has been stopped inside a call on the topic for a second (call again
/// later); -EINVAL sample is not reserved by this handle and process, or is no sample of this topic;
/// -EBADF the handle is closed, or subscribes; -EUCLEAN the topic is damaged; -EPROTO this process was
/// forked into another PID namespace after the handle was opened; -EUSERS this process was forked, and
/// the topic has no room for one more publisher; -EDEADLK a signal handler makes this call, and it
/// interrupted a call on the same topic; -ENOTSUP this libc allows no robust locks; -ENOSYS if a
/// sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_abandon(topic: *mut ipc_topic_t, sample: *mut c_void) -> c_int {
    guard(c"ipc_topic_abandon", move || {
        let sample = checked(sample.cast::<u8>(), "sample")?;
        topic_of(topic)?.abandon(sample.as_ptr())?;
        Ok(0)
    })
}
