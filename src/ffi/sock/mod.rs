//! UNIX sockets: types, pairs and peers. Sockets with a name are in [`endpoint`], transfers in
//! [`message`].

pub mod endpoint;

pub mod message;

pub mod datagram;

use super::*;
use crate::ipc::sock::{self, Mode, SocketType};
use crate::sys::socket::DESCRIPTORS_MAX;
use core::ffi::c_char;
use std::os::fd::IntoRawFd;

/// Socket type: a connection of bytes without message boundaries.
pub const IPC_SOCK_STREAM: c_int = 1;
/// Socket type: messages without a connection. A receiver is not told when the other end has
/// gone.
pub const IPC_SOCK_DATAGRAM: c_int = 2;
/// Socket type: messages in a connection. When the connection ends, receiving returns 0.
pub const IPC_SOCK_SEQPACKET: c_int = 3;

/// Flag of ipc_sock_connect(): wait for a server that is not there yet.
pub const IPC_SOCK_WAIT: c_int = 0x10000;

/// Flag of ipc_sock_connect() for IPC_SOCK_DATAGRAM: the socket gets an abstract name that the kernel
/// chooses, so that the server can answer with ipc_sock_send_to(). Such a name is valid in one network
/// namespace.
pub const IPC_SOCK_NAMED: c_int = 0x20000;

/// The largest number of descriptors that one message carries.
pub const IPC_SOCK_FDS_MAX: usize = 253;

const _: () = assert!(IPC_SOCK_FDS_MAX == DESCRIPTORS_MAX);

/// The process at the other end of a socket, from ipc_sock_peer().
#[repr(C)]
pub struct ipc_peer_t {
    /// The process id; 0 if the process lives in a PID namespace that this process does not
    /// see.
    pub pid: libc::pid_t,
    /// Its effective user id when the kernel noted the peer.
    pub uid: libc::uid_t,
    /// Its effective group id when the kernel noted the peer.
    pub gid: libc::gid_t,
}

/// The sender of a datagram, from ipc_sock_recv_from().
#[repr(C)]
pub struct ipc_sender_t {
    /// The process id, as the kernel noted it at the send. 0 if it is unknown: the message was sent before
    /// this socket noted senders, or from a PID namespace that this process does not see.
    pub pid: libc::pid_t,
    /// The sender's effective user id; (uid_t)-1 if pid is 0.
    pub uid: libc::uid_t,
    /// Its effective group id; (gid_t)-1 if pid is 0.
    pub gid: libc::gid_t,
    /// The name of the sender's socket, for ipc_sock_send_to(); "" if it has none, so that it cannot be
    /// answered. A relative path starts at the sender's directory.
    pub name: [c_char; 116],
}

const _: () = assert!(size_of::<ipc_sender_t>() == 128);

fn socket_type(r#type: c_int) -> Result<SocketType> {
    match r#type {
        IPC_SOCK_STREAM => Ok(SocketType::Stream),
        IPC_SOCK_DATAGRAM => Ok(SocketType::Datagram),
        IPC_SOCK_SEQPACKET => Ok(SocketType::SeqPacket),
        _ => Err(fail!(
            EINVAL,
            "type {type}: expected IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET"
        )),
    }
}

/// Reads the flags that every call which makes a socket takes, and accepts those in `own` too.
fn descriptor_mode(flags: c_int, own: c_int) -> Result<Mode> {
    check_flags(flags, IPC_INHERIT | IPC_NONBLOCK | own)?;
    Ok(Mode {
        inherit: flags & IPC_INHERIT != 0,
        nonblocking: flags & IPC_NONBLOCK != 0,
    })
}

/// Makes two connected sockets, for a process and its child or for two threads.
///
/// first, second: receive one descriptor each, on success only. The caller closes both with
/// close(2).
/// type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
/// flags: 0 or any of IPC_INHERIT and IPC_NONBLOCK. With IPC_INHERIT, exec does not close the
/// descriptors. With IPC_NONBLOCK, plain read(2) and write(2) on them do not wait; calls of
/// this library follow their timeout.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned, the type is unknown, or flags has an
/// unknown bit; -EMFILE this process has too many open descriptors; -ENFILE the system has too
/// many open files; -ENOMEM the kernel has no memory.
/// Threads: safe.
/// Fork: the child has both ends too. Each process closes the end that it does not use;
/// otherwise the other end is never told that a peer has gone.
/// Death: when the last process that has one end dies, receiving at the other end returns 0
/// and sending fails with -EPIPE. With IPC_SOCK_DATAGRAM, a receiver is not told, and sending
/// fails with -ECONNREFUSED.
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
        let made = sock::pair(socket_type(r#type)?, descriptor_mode(flags, 0)?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put_two(first, second, made) }
    })
}

/// Returns the process, user and group at the other end of a connection or pair.
///
/// The user and the group are proof: the kernel noted them when the peer called connect(2),
/// listen(2) or, for a pair, socketpair(2), and no process can forge them. They do not say who
/// holds the descriptor now: it may have been inherited or passed on since. The process id is
/// only a hint, because the process may have ended and another may have its id.
/// ipc_sock_peer_pidfd() does not have this weakness.
///
/// fd: a connected stream or seqpacket socket, or one end of a pair.
/// peer: receives the answer, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -ENOTCONN the kernel knows no peer: the socket is not connected, or is a datagram
/// socket that is not of a pair; -EINVAL peer is NULL or misaligned; -EBADF fd is not open;
/// -ENOTSOCK fd is not a socket.
/// Threads: safe.
/// Death: the answer stays the same after the peer's death.
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

/// Opens a pidfd of the process that was at the other end when the connection was made. The
/// pidfd always means that process, never another one with the same id. poll(2) reports the
/// pidfd as readable when the process has ended.
///
/// fd: a connected stream or seqpacket socket, or one end of a pair.
///
/// Returns: a descriptor that exec closes and that the caller closes with close(2), or a
/// negative error.
/// Errors: -ESRCH the process has ended; -ENOTSUP the kernel is older than Linux 6.5 (a pidfd
/// made from the process id alone would prove nothing); -ENOTCONN the kernel knows no peer:
/// the socket is not connected, or is a datagram socket that is not of a pair; -EBADF fd is
/// not open; -ENOTSOCK fd is not a socket; -EMFILE this process has too many open descriptors;
/// -ENFILE the system has too many open files.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_peer_pidfd(fd: c_int) -> c_int {
    guard(c"ipc_sock_peer_pidfd", move || {
        Ok(sock::peer_pidfd(fd)?.into_raw_fd())
    })
}
