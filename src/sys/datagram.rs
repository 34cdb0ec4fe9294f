//! Datagrams of UNIX sockets with their senders: the address, and the identity that the kernel vouches for.

use super::socket::{Address, count};
use core::ffi::c_int;
use core::mem::{MaybeUninit, offset_of};
use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// The most bytes of a name: `@` or `./`, and the longest that the kernel has.
pub(crate) const NAME_MAX: usize = 110;

/// The sender of a datagram.
#[derive(Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) pid: libc::pid_t,
    pub(crate) user: libc::uid_t,
    pub(crate) group: libc::gid_t,
    /// Its name as `ipc_sock_connect` takes it, without a NUL; empty if it has none.
    pub(crate) name: [u8; NAME_MAX],
    pub(crate) name_length: usize,
}

impl Sender {
    const UNKNOWN: Sender = Sender {
        pid: 0,
        user: libc::uid_t::MAX,
        group: libc::gid_t::MAX,
        name: [0; NAME_MAX],
        name_length: 0,
    };

    fn append(&mut self, bytes: &[u8]) {
        let end = self.name_length + bytes.len();
        if let Some(place) = self.name.get_mut(self.name_length..end) {
            place.copy_from_slice(bytes);
            self.name_length = end;
        }
    }

    /// Notes a name as the kernel gives it.
    fn set_name(&mut self, path: &[u8]) {
        match path {
            [] => {}
            // A C string cannot hold such a name.
            [0, name @ ..] if name.contains(&0) => {}
            [0, name @ ..] => {
                self.append(b"@");
                self.append(name);
            }
            _ => {
                // A file whose name begins with @ must not be taken for an abstract name.
                if path[0] == b'@' {
                    self.append(b"./");
                }
                let end = path.iter().position(|&byte| byte == 0);
                self.append(&path[..end.unwrap_or(path.len())]);
            }
        }
    }
}

/// Has the kernel note who sends to this socket, from now on.
pub(crate) fn note_senders(socket: RawFd) -> Result<(), Errno> {
    let on: c_int = 1;
    // SAFETY: the kernel reads one int.
    Errno::result(unsafe {
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_PASSCRED,
            (&raw const on).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Gives the socket an abstract name that the kernel chooses.
pub(crate) fn name_by_kernel(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    let family = libc::AF_UNIX as libc::sa_family_t;
    // SAFETY: an address of only the family asks for a name (unix(7), autobind).
    Errno::result(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const family).cast(),
            size_of::<libc::sa_family_t>() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Room for one struct ucred, and for no descriptors: the kernel closes those that come.
#[repr(C, align(8))]
struct Credentials([MaybeUninit<u8>; Credentials::SIZE]);

impl Credentials {
    // SAFETY: CMSG_SPACE only computes.
    const SIZE: usize = unsafe { libc::CMSG_SPACE(size_of::<libc::ucred>() as u32) } as usize;
}

/// Takes the next datagram without waiting. Returns its whole length and its sender.
pub(crate) fn receive(
    socket: RawFd,
    room: &mut [MaybeUninit<u8>],
) -> Result<(usize, Sender), Errno> {
    let mut control = Credentials([MaybeUninit::zeroed(); Credentials::SIZE]);
    // SAFETY: all zeros is a value of both.
    let (mut name, mut header): (libc::sockaddr_un, libc::msghdr) = unsafe { core::mem::zeroed() };
    let mut buffer = libc::iovec {
        iov_base: room.as_mut_ptr().cast(),
        iov_len: room.len(),
    };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    header.msg_iov = &mut buffer;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    // size_t, or socklen_t in musl.
    header.msg_controllen = Credentials::SIZE as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: everything that the header names lives during the call, which writes at most the lengths.
    let length = count(unsafe { libc::recvmsg(socket, &mut header, flags) })?;
    let mut sender = Sender::UNKNOWN;
    // SAFETY: the kernel has filled the control part with complete entries; there is room for one.
    unsafe {
        let entry = libc::CMSG_FIRSTHDR(&header);
        if !entry.is_null()
            && ((*entry).cmsg_level, (*entry).cmsg_type)
                == (libc::SOL_SOCKET, libc::SCM_CREDENTIALS)
        {
            let found = libc::CMSG_DATA(entry)
                .cast::<libc::ucred>()
                .read_unaligned();
            // Without a process the kernel has noted nothing, and the ids are those of nobody.
            if found.pid != 0 {
                (sender.pid, sender.user, sender.group) = (found.pid, found.uid, found.gid);
            }
        }
    }
    let start = offset_of!(libc::sockaddr_un, sun_path);
    let path = (header.msg_namelen as usize).saturating_sub(start);
    // SAFETY: sun_path is that many bytes, all initialised.
    let bytes: &[u8; 108] = unsafe { &*(&raw const name.sun_path).cast() };
    sender.set_name(&bytes[..path.min(bytes.len())]);
    Ok((length, sender))
}

/// Sends a datagram to an address without waiting. Never raises SIGPIPE.
pub(crate) fn send(
    socket: RawFd,
    message: &[MaybeUninit<u8>],
    to: &Address,
) -> Result<usize, Errno> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let (address, length) = to.parts();
    // SAFETY: the message and the address live during the call, which reads them.
    count(unsafe {
        libc::sendto(
            socket,
            message.as_ptr().cast(),
            message.len(),
            flags,
            address,
            length,
        )
    })
}
