//! Messages and bytes over a UNIX socket, and the descriptors that travel with them.
//!
//! ipc_sock_send() and ipc_sock_recv() have a fast path: one attempt without the guard and without
//! the clock. Only an attempt that would have to wait goes through the guard's slow path. A failure
//! is reported, not repeated: a socket reports a lost peer only once.

use super::*;
use crate::base::error::Errno;
use crate::base::time::is_timeout;
use core::ffi::c_void;

/// Sends a message or, on a stream socket, bytes. Never raises SIGPIPE.
///
/// The call sends without waiting if there is room. O_NONBLOCK of the descriptor has no effect
/// and is not changed.
///
/// msg: len bytes. On a datagram or stream socket len may be 0.
/// timeout_ns: the limit for room to appear, in nanoseconds on the monotonic clock.
/// IPC_FOREVER waits without limit, 0 does not wait.
///
/// Returns: the number of bytes that were sent; or a negative error, and nothing was sent. A
/// message is sent whole. Of a stream's bytes fewer than len may be sent, whatever the timeout
/// is; ipc_write_full() sends them all.
/// Errors: -EAGAIN there is no room and timeout_ns is 0; -ETIMEDOUT the time has passed;
/// -EINTR a signal handler ran while the call waited; -EPIPE, -ECONNRESET or -ECONNREFUSED the
/// other end is closed, or its process has ended; -EMSGSIZE the message is larger than the
/// send buffer (SO_SNDBUF) takes; -ENOTCONN the socket is not connected; -EINVAL msg is NULL,
/// len is above SSIZE_MAX, the message is empty on a seqpacket socket, or timeout_ns is below
/// -1; -EFAULT msg is not readable memory; -EBADF fd is not open; -ENOTSOCK fd is not a
/// socket; -ENOBUFS or -ENOMEM the kernel has no memory.
/// Threads: safe. Messages of two senders do not mix; bytes of a stream may.
/// Death: when the receiver dies, a waiting sender fails with -EPIPE, or on a datagram socket
/// with -ECONNREFUSED. Data sent before the sender's death still arrives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_send(
    fd: c_int,
    msg: *const c_void,
    len: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_fast(
        c"ipc_sock_send",
        move || {
            if !is_timeout(timeout_ns) || !is_plain_buffer(msg, len) {
                return None;
            }
            // SAFETY: checked for NULL and length; the rest by the contract of this call.
            let message = unsafe { core::slice::from_raw_parts(msg.cast(), len) };
            match sock::try_send(fd, message) {
                Ok(count) => Some(count as isize),
                Err(Errno::EAGAIN) => None,
                Err(errno) => Some(guard(c"ipc_sock_send", move || {
                    Err(sock::send_failed(fd, message, errno))
                })),
            }
        },
        move || {
            // SAFETY: by the contract of this call.
            let message = unsafe { readable(msg, len, "msg") }?;
            Ok(sock::send(fd, message, timeout_ns)? as libc::ssize_t)
        },
    )
}

/// Receives the next message whole or, on a stream socket, the bytes that are there. The call
/// waits until there is something. Descriptors that travel with the message are closed;
/// ipc_sock_recv_fds() receives them.
///
/// O_NONBLOCK of the descriptor has no effect and is not changed.
///
/// buf: receives up to capacity bytes, on success only. capacity is at least 1.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
/// wait.
///
/// Returns: the number of bytes that were received; or 0 at the end of a stream or seqpacket
/// connection (the other end is closed, or its process has ended), and for an empty datagram;
/// or a negative error.
/// Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT the time has passed;
/// -EINTR a signal handler ran while the call waited; -EMSGSIZE the next message is larger
/// than capacity, ipc_last_error() says its size, and it stays in the socket (see Threads for
/// the exception); -ECONNRESET the other end closed before it had received all our messages;
/// -ENOTCONN the socket is not connected; -EINVAL buf is NULL, capacity is 0 or above
/// SSIZE_MAX, or timeout_ns is invalid; -EFAULT buf is not writable memory, and a received message
/// is lost; -EBADF fd is not open; -ENOTSOCK fd is
/// not a socket; -ENOMEM the kernel has no memory.
/// Threads: safe; each message goes to one receiver. The call first measures the next message
/// and then takes it. If another receiver of the socket takes the measured message in between,
/// this call takes the next one. If that one is larger than capacity, its end is lost and the
/// call fails with -EMSGSIZE. So receivers that share a socket need a capacity for the largest
/// message.
/// Death: when the sender dies, what it had sent is received first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_recv(
    fd: c_int,
    buf: *mut c_void,
    capacity: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_fast(
        c"ipc_sock_recv",
        move || {
            if !is_timeout(timeout_ns) || !is_plain_buffer(buf, capacity) {
                return None;
            }
            // SAFETY: checked for NULL and length; the rest by the contract of this call.
            let room = unsafe { core::slice::from_raw_parts_mut(buf.cast(), capacity) };
            match sock::try_receive(fd, room) {
                Ok(length) if length <= capacity => Some(length as isize),
                Err(Errno::EAGAIN) => None,
                outcome => Some(guard(c"ipc_sock_recv", move || {
                    Ok(sock::receive_failed(fd, capacity, outcome)? as isize)
                })),
            }
        },
        move || {
            // SAFETY: by the contract of this call.
            let room = unsafe { writable(buf, capacity, "buf") }?;
            Ok(sock::receive(fd, room, timeout_ns)? as libc::ssize_t)
        },
    )
}

/// Sends a message, and descriptors with it. The receiver gets descriptors of its own for the
/// same open files. The sender's descriptors stay open; the sender may close them after the
/// call. Never raises SIGPIPE.
///
/// O_NONBLOCK of the socket has no effect and is not changed.
///
/// msg: len bytes, at least 1.
/// fds: count descriptors, 1 to IPC_SOCK_FDS_MAX.
/// timeout_ns: the limit for room to appear, in nanoseconds on the monotonic clock.
/// IPC_FOREVER waits without limit, 0 does not wait.
///
/// Returns: the number of bytes that were sent; or a negative error, and nothing was sent. The
/// descriptors travel with the first byte. If a stream socket takes fewer than len bytes, send
/// the rest without descriptors.
/// Errors: -EAGAIN there is no room and timeout_ns is 0; -ETIMEDOUT the time has passed;
/// -EINTR a signal handler ran while the call waited; -EPIPE, -ECONNRESET or -ECONNREFUSED the
/// other end is closed, or its process has ended; -EMSGSIZE the message is larger than the
/// send buffer (SO_SNDBUF) takes; -ENOTCONN the socket is not connected; -EINVAL a pointer is
/// NULL, fds is misaligned, len is 0 or above SSIZE_MAX, count is outside 1 to 253, or
/// timeout_ns is invalid; -EFAULT msg is not readable memory; -EBADF the socket, or a
/// descriptor in fds, is not open; -ENOTSOCK fd is not a socket; -ETOOMANYREFS this user has
/// too many descriptors on their way (RLIMIT_NOFILE); -ENOBUFS or -ENOMEM the kernel has no
/// memory.
/// Threads: safe. Messages of two senders do not mix; bytes of a stream may.
/// Death: when the receiver dies, a waiting sender fails with -EPIPE, or on a datagram socket
/// with -ECONNREFUSED. Data sent before the sender's death still arrives, with its
/// descriptors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_send_fds(
    fd: c_int,
    msg: *const c_void,
    len: usize,
    fds: *const c_int,
    count: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_sock_send_fds", move || {
        let fds = checked(fds.cast_mut(), "fds")?;
        // A huge count would make an invalid slice. One above the limit is enough for the
        // mechanism to refuse the call, and its text says what was expected.
        let limited = count.min(IPC_SOCK_FDS_MAX + 1);
        // SAFETY: checked for NULL and alignment; that count ints are there is the contract of
        // this call, and a count above the limit is refused before any is read.
        let passed = unsafe { core::slice::from_raw_parts(fds.as_ptr(), limited) };
        // SAFETY: by the contract of this call.
        let message = unsafe { readable(msg, len, "msg") }?;
        Ok(sock::send_descriptors(fd, message, passed, timeout_ns)? as libc::ssize_t)
    })
}

/// Receives the next message whole or, on a stream socket, the bytes that are there, together
/// with the descriptors that travel with them. The call waits until there is something. On a
/// stream socket, bytes that were sent before can come together with the descriptors of a later send.
///
/// The descriptors belong to the caller, who closes them with close(2). Exec closes them. If
/// the call fails, all descriptors that had come are closed. O_NONBLOCK of the socket has no
/// effect and is not changed.
///
/// buf: receives up to capacity bytes, on success only. capacity is at least 1.
/// fds: receives the descriptors, on success only; may be NULL if fds_capacity is 0.
/// fds_capacity: the number of descriptors for which fds has room. IPC_SOCK_FDS_MAX is always
/// enough.
/// fds_count: receives the number of descriptors that came (0 or more), on success only.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
/// wait.
///
/// Returns: the number of bytes that were received; or 0 at the end of a stream or seqpacket
/// connection (the other end is closed, or its process has ended), and for an empty datagram;
/// or a negative error.
/// Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT the time has passed;
/// -EINTR a signal handler ran while the call waited; -EMSGSIZE the next message is larger
/// than capacity, ipc_last_error() says its size, and it stays in the socket (see Threads for
/// the exception); -ENOBUFS more than fds_capacity descriptors came, and ipc_last_error() says
/// how many; -EMFILE not all descriptors could be installed, because this process has too many
/// open descriptors or a security module forbids it; -ECONNRESET the other end closed before
/// it had received all our messages; -ENOTCONN the socket is not connected; -EINVAL a pointer
/// is NULL or misaligned, capacity is 0 or above SSIZE_MAX, or timeout_ns is invalid; -EFAULT buf
/// is not writable memory, and a received message is lost; -EBADF fd is not open; -ENOTSOCK fd is not a socket; -ENOMEM the kernel has no
/// memory. After -ENOBUFS and -EMFILE the message is taken and its descriptors are closed.
/// Threads: safe; each message goes to one receiver. The call first measures the next message
/// and then takes it. If another receiver of the socket takes the measured message in between,
/// this call takes the next one. If that one is larger than capacity, its end is lost and the
/// call fails with -EMSGSIZE. So receivers that share a socket need a capacity for the largest
/// message.
/// Death: when the sender dies, what it had sent is received first, on all types of sockets, with its
/// descriptors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_recv_fds(
    fd: c_int,
    buf: *mut c_void,
    capacity: usize,
    fds: *mut c_int,
    fds_capacity: usize,
    fds_count: *mut usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_sock_recv_fds", move || {
        if fds_capacity != 0 {
            checked(fds, "fds")?;
        }
        let fds_count = checked(fds_count, "fds_count")?;
        // SAFETY: by the contract of this call.
        let room = unsafe { writable(buf, capacity, "buf") }?;
        let (received, mut passed) = sock::receive_descriptors(fd, room, fds_capacity, timeout_ns)?;
        let passed = passed.take();
        // SAFETY: both are checked for NULL and alignment, fds where it has room at all, and
        // without a descriptor nothing is written to it. The mechanism has checked that the
        // descriptors fit. The rest by the contract of this call.
        unsafe {
            if !passed.is_empty() {
                fds.copy_from_nonoverlapping(passed.as_ptr(), passed.len());
            }
            fds_count.write(passed.len());
        }
        Ok(received as libc::ssize_t)
    })
}
