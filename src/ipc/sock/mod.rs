//! UNIX sockets: pairs, endpoints with a name, messages with descriptors.

mod connect;
mod datagram;
mod endpoint;
mod listen;
mod message;
mod socket_file;

pub(crate) use connect::connect;
pub(crate) use datagram::{receive_from, send_to};
pub(crate) use endpoint::Endpoint;
pub(crate) use listen::{accept, listen, unlink};
pub(crate) use message::{
    receive, receive_descriptors, receive_failed, send, send_descriptors, send_failed, try_receive,
    try_send,
};

use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::sys::socket;
use core::ffi::c_int;
use std::os::fd::{OwnedFd, RawFd};

/// A socket's type: the data that it transports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketType {
    /// Bytes without boundaries, in a connection.
    Stream,
    /// Messages without a connection.
    Datagram,
    /// Messages in a connection.
    SeqPacket,
}

impl SocketType {
    fn raw(self) -> c_int {
        match self {
            SocketType::Stream => libc::SOCK_STREAM,
            SocketType::Datagram => libc::SOCK_DGRAM,
            SocketType::SeqPacket => libc::SOCK_SEQPACKET,
        }
    }
}

/// The properties of a new descriptor.
#[derive(Clone, Copy)]
pub(crate) struct Mode {
    /// It stays open across exec.
    pub(crate) inherit: bool,
    /// read(2) and write(2) on it do not wait either.
    pub(crate) nonblocking: bool,
}

impl Mode {
    fn raw(self) -> c_int {
        let close_on_exec = if self.inherit { 0 } else { libc::SOCK_CLOEXEC };
        let nonblocking = if self.nonblocking {
            libc::SOCK_NONBLOCK
        } else {
            0
        };
        close_on_exec | nonblocking
    }
}

pub(crate) fn pair(kind: SocketType, mode: Mode) -> Result<(OwnedFd, OwnedFd)> {
    Ok(socket::pair(kind.raw() | mode.raw())?)
}

/// The process that was at the other end when the connection was made, with its user and group.
pub(crate) fn peer(descriptor: RawFd) -> Result<libc::ucred> {
    let found = socket::peer(descriptor).map_err(|errno| socket_failed(descriptor, errno))?;
    if found.uid == libc::uid_t::MAX {
        return Err(fail!(
            ENOTCONN,
            "descriptor {descriptor}: the kernel knows no peer; expected a connected stream or seqpacket socket, or a pair"
        ));
    }
    Ok(found)
}

/// A descriptor of the process that was at the other end when the connection was made.
pub(crate) fn peer_pidfd(descriptor: RawFd) -> Result<OwnedFd> {
    // An older kernel gives only the process's number. No pidfd is made from it: the number may
    // belong to another process by now.
    socket::peer_pidfd(descriptor).map_err(|errno| match errno {
        // Errors of the descriptor itself come first, as on a kernel that knows the option.
        Errno::ENOPROTOOPT => match peer(descriptor) {
            Ok(_) => fail!(
                ENOTSUP,
                "descriptor {descriptor}: this kernel gives no pidfd of a peer (Linux 6.5 does)"
            ),
            Err(error) => error,
        },
        Errno::ENODATA => fail!(
            ENOTCONN,
            "descriptor {descriptor}: the kernel knows no peer; expected a connected stream or seqpacket socket, or a pair"
        ),
        Errno::ESRCH | Errno::EINVAL => fail!(
            ESRCH,
            "descriptor {descriptor}: the process that was at the other end has ended"
        ),
        errno => socket_failed(descriptor, errno),
    })
}

#[cold]
fn socket_failed(descriptor: RawFd, errno: Errno) -> Error {
    match errno {
        Errno::EAGAIN | Errno::EINTR => errno.into(),
        Errno::EPIPE | Errno::ECONNRESET | Errno::ECONNREFUSED => fail!(
            (errno),
            "descriptor {descriptor}: the other end is closed, or its process has ended"
        ),
        errno => failed!(errno, "descriptor {descriptor}"),
    }
}
