//! Datagrams with their senders, and answers.

use super::*;
use crate::base::time::Deadline;
use crate::ipc::sock::Endpoint;
use core::ffi::c_void;

/// Receives the next datagram whole, and says who sent it: the process, user and group, for which the
/// kernel vouches, and the name to which an answer goes. The call waits until there is a datagram.
/// Descriptors that travel with it are closed.
///
/// A socket from ipc_sock_listen() notes its senders from the beginning. Any other socket notes them from
/// the first call of this function on (SO_PASSCRED): earlier messages have pid 0. O_NONBLOCK of the
/// descriptor has no effect and is not changed.
///
/// buf: receives up to capacity bytes, on success only. capacity is at least 1.
/// sender: receives the sender, on success only.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not wait.
///
/// Returns: the number of bytes that were received, which may be 0; or a negative error.
/// Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT the time has passed; -EINTR a signal
/// handler ran while the call waited; -EMSGSIZE the next message is larger than capacity, and it stays in
/// the socket (see Threads for the exception); -EPROTOTYPE fd is no datagram socket; -EINVAL buf or sender
/// is NULL, sender is misaligned, capacity is 0 or above SSIZE_MAX, or timeout_ns is invalid; -EFAULT buf
/// is not writable memory, and a received message is lost; -EBADF fd is not open; -ENOTSOCK fd is not a
/// socket; -ENOMEM the kernel has no memory.
/// Threads: safe; each message goes to one receiver. If another receiver of the socket takes the message
/// that this call has measured, this call takes the next one. If that one is larger than capacity, its
/// end is lost and the call fails with -EMSGSIZE.
/// Death: a sender that has died is named too. Its id may then belong to another process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_recv_from(
    fd: c_int,
    buf: *mut c_void,
    capacity: usize,
    sender: *mut ipc_sender_t,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_sock_recv_from", move || {
        Deadline::after(timeout_ns)?;
        let out = checked(sender, "sender")?;
        // SAFETY: by the contract of this call.
        let room = unsafe { writable(buf, capacity, "buf") }?;
        let (length, found) = sock::receive_from(fd, room, timeout_ns)?;
        let mut sender = ipc_sender_t {
            pid: found.pid,
            uid: found.user,
            gid: found.group,
            name: [0; 116],
        };
        // The name is shorter, so a NUL stays behind it.
        let name = &found.name[..found.name_length];
        for (place, &byte) in sender.name.iter_mut().zip(name) {
            *place = byte as c_char;
        }
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, sender) }?;
        Ok(length as libc::ssize_t)
    })
}

/// Sends a datagram to a name: for example an answer to the name in ipc_sender_t. Never raises SIGPIPE.
///
/// fd: a datagram socket, connected or not. An answer to a socket from ipc_sock_connect() has to come from
/// the socket to which that one is connected. O_NONBLOCK of the descriptor has no effect.
/// msg: len bytes; len may be 0.
/// to: the receiver's name, as given to ipc_sock_listen(): a path, or "@" and an abstract name.
/// timeout_ns: the limit for room at the receiver, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without limit, 0 does not wait. The kernel reports room only to connected sockets, so this call tries
/// again after pauses of up to 10 milliseconds.
///
/// Returns: len, or a negative error, and nothing was sent.
/// Errors: -EAGAIN the receiver has no room and timeout_ns is 0; -ETIMEDOUT the time has passed; -EINTR a
/// signal handler ran while the call waited; -ENOENT no socket has the name; -ECONNREFUSED its process has
/// ended; -EPERM the receiver is connected to another socket; -EACCES the permissions forbid it;
/// -EPROTOTYPE fd or the receiver is no datagram socket; -EMSGSIZE the message is larger than the send
/// buffer (SO_SNDBUF) takes; -EINVAL msg or to is NULL, to is empty, len is above SSIZE_MAX, or timeout_ns
/// is invalid; -ENAMETOOLONG to has more than 107 bytes; -ENOTDIR or -ELOOP the path cannot be followed;
/// -EISCONN this kernel takes no name for a connected socket; -EFAULT msg is not readable memory; -EBADF
/// fd is not open; -ENOTSOCK fd is not a socket; -ENOBUFS or -ENOMEM the kernel has no memory.
/// Threads: safe.
/// Death: a message that was sent arrives, also if the sender dies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_send_to(
    fd: c_int,
    msg: *const c_void,
    len: usize,
    to: *const c_char,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_sock_send_to", move || {
        let deadline = Deadline::after(timeout_ns)?;
        // SAFETY: by the contract of this call.
        let to = Endpoint::new(unsafe { path_from_c(to) }?)?;
        // SAFETY: by the contract of this call.
        let message = unsafe { readable(msg, len, "msg") }?;
        Ok(sock::send_to(fd, message, &to, deadline)? as libc::ssize_t)
    })
}
