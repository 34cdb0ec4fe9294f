//! UNIX sockets.

use super::*;
use crate::base::error::Errno;
use crate::base::time::Deadline;
use crate::ipc::sock::{self, Endpoint, Mode, SocketType};
use crate::sys::socket::DESCRIPTORS_MAX;
use core::ffi::{c_char, c_void};
use std::os::fd::IntoRawFd;

/// Socket type: a connection of bytes without boundaries.
pub const IPC_SOCK_STREAM: c_int = 1;
/// Socket type: messages without a connection. Nobody is told when the other end has gone.
pub const IPC_SOCK_DATAGRAM: c_int = 2;
/// Socket type: messages in a connection, which has an end.
pub const IPC_SOCK_SEQPACKET: c_int = 3;

/// Flag of ipc_sock_connect(): wait for a server that is not there yet.
pub const IPC_SOCK_WAIT: c_int = 0x10000;

/// The most descriptors that travel with one message.
pub const IPC_SOCK_FDS_MAX: usize = 253;

const _: () = assert!(IPC_SOCK_FDS_MAX == DESCRIPTORS_MAX);

/// Who is at the other end of a socket.
#[repr(C)]
pub struct ipc_peer_t {
    /// The process's number; 0 when it lives in a PID namespace that this process does not see.
    pub pid: libc::pid_t,
    /// Its effective user.
    pub uid: libc::uid_t,
    /// Its effective group.
    pub gid: libc::gid_t,
}

fn kind(r#type: c_int) -> Result<SocketType> {
    match r#type {
        IPC_SOCK_STREAM => Ok(SocketType::Stream),
        IPC_SOCK_DATAGRAM => Ok(SocketType::Datagram),
        IPC_SOCK_SEQPACKET => Ok(SocketType::SeqPacket),
        _ => Err(fail!(
            EINVAL,
            "type {type}; expected IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET"
        )),
    }
}

fn mode(flags: c_int, more: c_int) -> Result<Mode> {
    check_flags(flags, IPC_INHERIT | IPC_NONBLOCK | more)?;
    Ok(Mode {
        inherit: flags & IPC_INHERIT != 0,
        nonblocking: flags & IPC_NONBLOCK != 0,
    })
}

/// # Safety
///
/// `path` is NULL or points to a NUL-terminated string.
unsafe fn endpoint(path: *const c_char) -> Result<Endpoint> {
    // SAFETY: by this function's contract.
    Endpoint::new(unsafe { path_from_c(path) }?)
}

/// Makes two connected sockets, for a process and its child or for two threads.
///
/// With IPC_SOCK_DATAGRAM nobody who waits to receive is told when the other end has gone; with the
/// other two types receiving returns 0 then.
///
/// first, second: receive a descriptor each, on success only. End them with close(2).
/// type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
/// flags: 0 or any of IPC_INHERIT, IPC_NONBLOCK (for plain read(2) and write(2): the calls of this
/// library have their timeouts).
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL, an unknown type or flag; -EMFILE or -ENFILE too many descriptors;
/// -ENOMEM no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_pair(
    first: *mut c_int,
    second: *mut c_int,
    r#type: c_int,
    flags: c_int,
) -> c_int {
    guard(c"ipc_sock_pair", move || {
        let first = checked(first, "first")?;
        let second = checked(second, "second")?;
        let made = sock::pair(kind(r#type)?, mode(flags, 0)?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put_two(first, second, made) }
    })
}

/// Makes the socket that clients find under path: for connections to be accepted with
/// ipc_sock_accept(), or, with IPC_SOCK_DATAGRAM, for messages to be received from it.
///
/// A living socket is never displaced, whoever owns it. The file of one whose processes have
/// all ended is replaced; of two that try so at once one wins. The permissions are at no moment
/// wider than asked. A process killed in this call leaves nothing, or a dead socket's file.
///
/// path: up to 107 bytes. The file stays when the socket is closed: ipc_sock_unlink() removes
/// it. With a leading "@" it is an abstract name: it has no file, no permissions (anybody in
/// the same network namespace may connect, or take the name first: ask ipc_sock_peer()), and
/// ends with its socket.
/// type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
/// flags: 0 or any of IPC_INHERIT, IPC_NONBLOCK. A socket that accepts connections never waits
/// in accept(2), with or without it.
/// mode: the permissions of the file, exactly (the umask does not count); connecting and
/// sending need write permission. Not used for an abstract name.
///
/// Returns: a descriptor, to be ended with close(2), or a negative error. 128 connections may
/// wait to be accepted; listen(2) on the descriptor sets another number.
/// Errors: -EADDRINUSE a living socket has the name; -EMEDIUMTYPE a file that is no socket
/// stands there; -EINVAL a NULL, an empty path, an unknown type, flag or mode; -ENAMETOOLONG
/// the path has more than 107 bytes; -ENOENT or -ENOTDIR the directory; -EACCES or -EPERM not
/// permitted to make the file, to ask whether the old socket lives, to read the directory, or
/// to remove the old file; -EBUSY another process has had the directory locked for 2 seconds
/// while an old file was to be replaced; -ESTALE the file was removed during the call; -EROFS,
/// -ENOSPC the file system; -EMFILE or -ENFILE too many descriptors; -ENOMEM no memory.
/// Threads: safe. Fork: the socket lives until all processes that have it have closed it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_listen(
    path: *const c_char,
    r#type: c_int,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sock_listen", move || {
        // SAFETY: by the contract of this call.
        let endpoint = unsafe { endpoint(path) }?;
        let kind = kind(r#type)?;
        let descriptor = self::mode(flags, 0)?;
        check_mode(mode)?;
        Ok(sock::listen(&endpoint, kind, descriptor, mode)?.into_raw_fd())
    })
}

/// Takes the next connection, waiting until there is one.
///
/// listener: from ipc_sock_listen(). Any other listening UNIX socket works too; only if that is
/// a blocking one and another process takes the connection that this call was woken for does
/// the call wait beyond its timeout.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: a descriptor, close-on-exec, to be ended with close(2), or a negative error.
/// Errors: -EAGAIN there is none and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
/// while waiting; -EINVAL a socket that does not listen, or a timeout below -1; -EBADF not
/// open; -ENOTSOCK no socket; -EMFILE or -ENFILE too many descriptors (the connection goes on
/// waiting); -ENOMEM no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_accept(listener: c_int, timeout_ns: i64) -> c_int {
    guard(c"ipc_sock_accept", move || {
        Ok(sock::accept(listener, Deadline::after(timeout_ns)?)?.into_raw_fd())
    })
}

/// Connects to the socket that a server has made under path. It returns when the connection
/// stands in the server's backlog; the server need not have accepted it.
///
/// path: as in ipc_sock_listen().
/// type: the server's.
/// flags: 0 or any of IPC_INHERIT, IPC_NONBLOCK, and IPC_SOCK_WAIT to wait for a server that is
/// not there yet (no file, or a socket without a process).
/// timeout_ns: nanoseconds on the monotonic clock, for the server to come and for room in its
/// backlog; IPC_FOREVER waits, 0 only tries.
///
/// Returns: a descriptor, to be ended with close(2), or a negative error.
/// Errors: -ENOENT no such file; -ECONNREFUSED nobody listens there; -EAGAIN the backlog is
/// full, or with IPC_SOCK_WAIT there is no server, and timeout_ns is 0; -ETIMEDOUT; -EINTR a
/// signal handler ran while waiting; -EPROTOTYPE the server's socket is of another type;
/// -EMEDIUMTYPE a file that is no socket; -EACCES no write permission for the file, or none to
/// search its directory; -EINVAL a NULL, an empty path, an unknown type or flag, or a timeout
/// below -1; -ENAMETOOLONG the path has more than 107 bytes; -ENOTDIR the directory; -EMFILE or
/// -ENFILE too many descriptors; -ENOMEM no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_connect(
    path: *const c_char,
    r#type: c_int,
    flags: c_int,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_sock_connect", move || {
        // SAFETY: by the contract of this call.
        let endpoint = unsafe { endpoint(path) }?;
        let kind = kind(r#type)?;
        let descriptor = mode(flags, IPC_SOCK_WAIT)?;
        let wait = flags & IPC_SOCK_WAIT != 0;
        let deadline = Deadline::after(timeout_ns)?;
        Ok(sock::connect(&endpoint, kind, descriptor, wait, deadline)?.into_raw_fd())
    })
}

/// Sends a message or, on a stream, bytes. Never raises SIGPIPE.
///
/// msg: len bytes; on a datagram socket len may be 0.
/// timeout_ns: how long to wait for room: nanoseconds on the monotonic clock; IPC_FOREVER
/// waits, 0 only tries. O_NONBLOCK of the descriptor does not count and is not changed.
///
/// Returns: how many bytes were taken, or a negative error and none was. A message is taken as
/// a whole; of a stream's bytes there may be room for less than len, whatever the timeout:
/// ipc_write_full() sends all.
/// Errors: -EAGAIN no room and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran while
/// waiting; -EPIPE, -ECONNRESET or -ECONNREFUSED the other end is closed, or its process has
/// ended; -EMSGSIZE the message is larger than the send buffer takes (SO_SNDBUF); -ENOTCONN not
/// connected; -EINVAL a NULL, a length above SSIZE_MAX, an empty message on a seqpacket socket,
/// or a timeout below -1; -EFAULT msg is not readable; -EBADF not open; -ENOTSOCK no socket;
/// -ENOBUFS or -ENOMEM no memory.
/// Threads: safe; messages do not mix, bytes of a stream may.
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
            if timeout_ns < IPC_FOREVER || !is_plain_buffer(msg, len) {
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

/// Receives the next message, whole, or, on a stream, the bytes that are there. Descriptors
/// that travel with it are closed: ipc_sock_recv_fds() receives them.
///
/// buf: receives up to capacity bytes, on success only; capacity is at least 1.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries. O_NONBLOCK
/// of the descriptor does not count and is not changed.
///
/// Returns: how many bytes were received; 0 at the end of a stream or seqpacket connection (the
/// other end is closed, or its process has ended), and for an empty message of a datagram
/// socket; or a negative error.
/// Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler
/// ran while waiting; -EMSGSIZE the next message is larger than capacity: ipc_last_error()
/// tells its size, and it stays in the socket (unless another receiver of the same socket takes
/// a message between this call's two steps: receivers that share a socket give room for the
/// largest message); -ECONNRESET the other end closed with messages of ours unread; -ENOTCONN or
/// -EINVAL not connected; -EINVAL also a NULL, a capacity of 0 or above SSIZE_MAX, or a timeout
/// below -1; -EFAULT buf is not writable (what was to be received may be lost); -EBADF not open;
/// -ENOTSOCK no socket; -ENOMEM no memory.
/// Threads: safe; each message goes to one receiver.
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
            if timeout_ns < IPC_FOREVER || !is_plain_buffer(buf, capacity) {
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

/// Sends a message and descriptors with it: the receiver gets descriptors of its own for the
/// same open files. The sender's stay open and may be closed after the call. Never raises SIGPIPE.
///
/// msg: len bytes, at least 1.
/// fds: count descriptors, 1 to IPC_SOCK_FDS_MAX.
/// timeout_ns: as in ipc_sock_send().
///
/// Returns: how many bytes were taken, or a negative error and nothing was. The descriptors
/// travel with the first byte: when a stream takes less than len, the rest is sent without them.
/// Errors: those of ipc_sock_send(); -EINVAL also for a len of 0 or a count outside 1 to 253;
/// -EBADF also for one of fds that is not open; -ETOOMANYREFS too many descriptors of this user
/// are on their way (RLIMIT_NOFILE).
/// Threads: safe.
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
        // A slice of more could not be; the mechanism says what is expected.
        let limited = count.min(IPC_SOCK_FDS_MAX + 1);
        // SAFETY: checked for NULL and alignment; that count ints are there is the contract of
        // this call, and a count above the limit is refused before any is read.
        let passed = unsafe { core::slice::from_raw_parts(fds.as_ptr(), limited) };
        // SAFETY: by the contract of this call.
        let message = unsafe { readable(msg, len, "msg") }?;
        Ok(sock::send_descriptors(fd, message, passed, timeout_ns)? as libc::ssize_t)
    })
}

/// Receives as ipc_sock_recv(), and the descriptors that travel with the message or with the
/// bytes. They are close-on-exec and the caller's, who ends them with close(2). If the call
/// fails, all that had come are closed.
///
/// buf: receives up to capacity bytes, on success only; capacity is at least 1.
/// fds: receives the descriptors, on success only; may be NULL when fds_capacity is 0.
/// fds_capacity: how many ints fds has. IPC_SOCK_FDS_MAX is always enough.
/// fds_count: receives how many came, 0 included, on success only.
/// timeout_ns: as in ipc_sock_recv().
///
/// Returns: how many bytes were received, as ipc_sock_recv(), or a negative error.
/// Errors: those of ipc_sock_recv(); -EINVAL also for fds or fds_count NULL; -ENOBUFS more
/// descriptors came than fds_capacity (ipc_last_error() tells how many), and -EMFILE they could
/// not all be installed, because this process may not have so many open or a security module
/// forbids it: after both the message is taken and the descriptors are closed.
/// Threads: safe.
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
        // SAFETY: checked for NULL and alignment (without a descriptor nothing is written to
        // fds), and the mechanism has checked that there is room; the rest by the contract of
        // this call.
        unsafe {
            if !passed.is_empty() {
                fds.copy_from_nonoverlapping(passed.as_ptr(), passed.len());
            }
            fds_count.write(passed.len());
        }
        Ok(received as libc::ssize_t)
    })
}

/// Who is at the other end.
///
/// The user and the group are proof: the kernel noted them when the peer called connect(2),
/// listen(2) or, for a pair, socketpair(2), and nobody can forge them. They say who that was
/// then: the descriptor may have been passed on, or inherited, since. The pid is a hint: the
/// process may have ended and its number may be another's; ipc_sock_peer_pidfd() has not this
/// weakness.
///
/// peer: receives the answer, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -ENOTCONN a socket without a known peer: not connected, or a datagram socket that is
/// not of a pair; -EINVAL a NULL; -EBADF not open; -ENOTSOCK no socket.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_peer(fd: c_int, peer: *mut ipc_peer_t) -> c_int {
    guard(c"ipc_sock_peer", move || {
        let peer = checked(peer, "peer")?;
        let found = sock::peer(fd)?;
        let answer = ipc_peer_t {
            pid: found.pid,
            uid: found.uid,
            gid: found.gid,
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(peer, answer) }
    })
}

/// A pidfd of the process that was at the other end when the connection was made: always that
/// process, never another with its number. poll(2) reports it readable when the process has
/// ended.
///
/// Returns: a descriptor, close-on-exec, to be ended with close(2), or a negative error.
/// Errors: -ESRCH the process has ended; -ENOTSUP the kernel is older than Linux 6.5 (a pidfd
/// made from the number alone would prove nothing, so none is made); -ENOTCONN as in
/// ipc_sock_peer(); -EBADF not open; -ENOTSOCK no socket; -EMFILE or -ENFILE too many
/// descriptors.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_peer_pidfd(fd: c_int) -> c_int {
    guard(c"ipc_sock_peer_pidfd", move || {
        Ok(sock::peer_pidfd(fd)?.into_raw_fd())
    })
}

/// Removes the file of a socket, living or dead, and nothing that is no socket. A server that
/// ends does it before it closes its socket: afterwards the file may be a successor's.
///
/// Returns: 0, or a negative error.
/// Errors: -ENOENT no such file; -EMEDIUMTYPE a file that is no socket; -EINVAL a NULL, an
/// empty path, or an abstract name, which has no file; -ENAMETOOLONG the path has more than 107
/// bytes; -EACCES or -EPERM not permitted; -EBUSY another process has had the directory locked
/// for 2 seconds; -ENOTDIR, -EROFS the directory; -EMFILE or -ENFILE too many descriptors.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_unlink(path: *const c_char) -> c_int {
    guard(c"ipc_sock_unlink", move || {
        // SAFETY: by the contract of this call.
        sock::unlink(&unsafe { endpoint(path) }?)?;
        Ok(0)
    })
}
