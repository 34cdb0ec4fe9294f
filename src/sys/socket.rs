//! UNIX sockets (unix(7)).
//!
//! This file uses libc and not nix, because nix's messages allocate, and sends and receives must not.
//!
//! Descriptors from a C program are plain numbers. The kernel refuses a number that is not an open socket.

use super::direct::system_call;
use super::fd::made;
use core::ffi::{CStr, c_int};
use core::mem::MaybeUninit;
use core::time::Duration;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

/// The longest address, without the NUL that ends a path.
pub(crate) const ADDRESS_MAX: usize = 107;

/// The most descriptors that one message carries (the kernel's SCM_MAX_FD).
pub(crate) const DESCRIPTORS_MAX: usize = 253;

/// A socket's address: a path, or an abstract name, which stands in the network namespace's table.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    raw: libc::sockaddr_un,
    length: libc::socklen_t,
}

impl Address {
    /// `None` for an address that does not fit.
    pub(crate) fn of_path(path: &CStr) -> Option<Address> {
        Address::new(path.to_bytes_with_nul())
    }

    /// An abstract name, which has no file. `None` if it does not fit.
    pub(crate) fn of_abstract(name: &[u8]) -> Option<Address> {
        let mut bytes = [0; ADDRESS_MAX + 1];
        bytes.get_mut(1..=name.len())?.copy_from_slice(name);
        Address::new(&bytes[..=name.len()])
    }

    fn new(bytes: &[u8]) -> Option<Address> {
        let mut raw = libc::sockaddr_un {
            sun_family: libc::AF_UNIX as libc::sa_family_t,
            sun_path: [0; ADDRESS_MAX + 1],
        };
        for (place, &byte) in raw.sun_path.get_mut(..bytes.len())?.iter_mut().zip(bytes) {
            *place = byte as libc::c_char;
        }
        let length = core::mem::offset_of!(libc::sockaddr_un, sun_path) + bytes.len();
        Some(Address {
            raw,
            length: length as libc::socklen_t,
        })
    }

    /// For a system call: the address and its length.
    pub(super) fn parts(&self) -> (*const libc::sockaddr, libc::socklen_t) {
        (self.raw(), self.length)
    }

    fn raw(&self) -> *const libc::sockaddr {
        (&raw const self.raw).cast()
    }
}

/// A new socket. `kind` is SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET, with SOCK_CLOEXEC and SOCK_NONBLOCK as
/// wanted.
pub(crate) use super::fd::socket as create;

pub(crate) use super::fd::socket_pair as pair;

pub(crate) fn bind(socket: BorrowedFd<'_>, address: &Address) -> Result<(), Errno> {
    // SAFETY: the address is alive during the call and `length` bytes long.
    let outcome = unsafe { libc::bind(socket.as_raw_fd(), address.raw(), address.length) };
    Errno::result(outcome).map(drop)
}

pub(crate) fn listen(socket: BorrowedFd<'_>, backlog: c_int) -> Result<(), Errno> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::listen(socket.as_raw_fd(), backlog) }).map(drop)
}

pub(crate) fn connect(socket: BorrowedFd<'_>, address: &Address) -> Result<(), Errno> {
    // SAFETY: as in bind.
    let outcome = unsafe { libc::connect(socket.as_raw_fd(), address.raw(), address.length) };
    Errno::result(outcome).map(drop)
}

/// The value of a socket option. Leaves errno alone.
///
/// # Safety
///
/// Any bytes are a valid `T`.
unsafe fn option<T>(socket: RawFd, name: c_int) -> Result<T, Errno> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    let arguments = [
        socket as usize,
        libc::SOL_SOCKET as usize,
        name as usize,
        value.as_mut_ptr() as usize,
        (&raw mut length) as usize,
        0,
    ];
    // SAFETY: the kernel writes at most `length` bytes, and the length.
    unsafe { system_call(libc::SYS_getsockopt, arguments) }?;
    // SAFETY: by this function's contract.
    Ok(unsafe { value.assume_init() })
}

/// SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. Leaves errno alone.
pub(crate) fn kind(socket: RawFd) -> Result<c_int, Errno> {
    // SAFETY: the option is an int.
    unsafe { option(socket, libc::SO_TYPE) }
}

pub(crate) fn is_listening(socket: RawFd) -> Result<bool, Errno> {
    // SAFETY: the option is an int.
    Ok(unsafe { option::<c_int>(socket, libc::SO_ACCEPTCONN) }? != 0)
}

/// The process, user and group at the other end, at the time when the connection was made.
pub(crate) fn peer(socket: RawFd) -> Result<libc::ucred, Errno> {
    // SAFETY: the option is a ucred, three integers.
    unsafe { option(socket, libc::SO_PEERCRED) }
}

pub(crate) fn peer_pidfd(socket: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: the option is an int.
    let number = unsafe { option::<c_int>(socket, libc::SO_PEERPIDFD) }?;
    // SAFETY: the kernel has just made it.
    unsafe { made(number) }
}

/// Sets how long a blocking connect waits for room in the listener's backlog. `None`: without limit.
pub(crate) fn set_connect_timeout(
    socket: BorrowedFd<'_>,
    length: Option<Duration>,
) -> Result<(), Errno> {
    let length = length.unwrap_or(Duration::ZERO);
    let value = libc::timeval {
        tv_sec: length.as_secs().try_into().unwrap_or(i32::MAX.into()),
        // Less than a second, which every type of the field can hold.
        tv_usec: length.subsec_micros() as _,
    };
    // SAFETY: the kernel reads one timeval, which lives during the call.
    Errno::result(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDTIMEO,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    })
    .map(drop)
}

/// NULL. send(2) and recv(2) are sendto(2) and recvfrom(2) without an address.
const NO_ADDRESS: usize = 0;

/// Sends as many bytes as there is room for. If there is no room, it waits or, without `may_wait`, fails with
/// `EAGAIN`. Never raises SIGPIPE. Leaves errno alone.
#[inline(always)]
pub(crate) fn send(
    socket: RawFd,
    message: &[MaybeUninit<u8>],
    may_wait: bool,
) -> Result<usize, Errno> {
    let no_wait = if may_wait { 0 } else { libc::MSG_DONTWAIT };
    let flags = libc::MSG_NOSIGNAL | no_wait;
    let arguments = [
        socket as usize,
        message.as_ptr() as usize,
        message.len(),
        flags as usize,
        NO_ADDRESS,
        0,
    ];
    // SAFETY: the kernel reads at most the slice's length from it.
    unsafe { system_call(libc::SYS_sendto, arguments) }
}

/// Receives bytes that are there, without waiting. If a message is larger than the room, the rest of it is
/// lost, and the result is the message's whole length. Leaves errno alone.
#[inline(always)]
pub(crate) fn receive(socket: RawFd, room: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    let arguments = [
        socket as usize,
        room.as_mut_ptr() as usize,
        room.len(),
        flags as usize,
        NO_ADDRESS,
        0,
    ];
    // SAFETY: the kernel writes at most the slice's length into it.
    unsafe { system_call(libc::SYS_recvfrom, arguments) }
}

/// How many bytes wait in the socket: in a datagram socket those of the next message, otherwise all. Takes
/// half as long as `next_length`. Leaves errno alone.
#[inline(always)]
pub(crate) fn waiting_length(socket: RawFd) -> Result<usize, Errno> {
    let mut length: c_int = 0;
    let arguments = [
        socket as usize,
        libc::FIONREAD as usize,
        (&raw mut length) as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes one int.
    unsafe { system_call(libc::SYS_ioctl, arguments) }?;
    Ok(length as usize)
}

/// The length of the next message, which stays in the socket. For sockets with messages only.
pub(crate) fn next_length(socket: RawFd) -> Result<usize, Errno> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC | libc::MSG_PEEK;
    // SAFETY: with a length of 0 the kernel writes no bytes.
    count(unsafe { libc::recv(socket, core::ptr::null_mut(), 0, flags) })
}

pub(super) fn count(result: libc::ssize_t) -> Result<usize, Errno> {
    Errno::result(result).map(isize::unsigned_abs)
}

/// Room for the control part of a message: descriptors, and the data that socket options may add
/// (credentials, a security label, the sender's pidfd).
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; Control::SIZE]);

impl Control {
    const SIZE: usize = 2048;
    const UNINIT: Control = Control([MaybeUninit::uninit(); Control::SIZE]);
}

// 512 bytes stay for the data that socket options add.
// SAFETY: CMSG_SPACE only computes.
const _: () = assert!(
    unsafe { libc::CMSG_SPACE((DESCRIPTORS_MAX * size_of::<c_int>()) as u32) } as usize
        <= Control::SIZE - 512
);

/// A message header for one buffer and a control part of `control_length` bytes.
fn header(buffer: &mut libc::iovec, control: &mut Control, control_length: usize) -> libc::msghdr {
    // SAFETY: msghdr is pointers and integers, for which all zeros is a value.
    let mut header: libc::msghdr = unsafe { core::mem::zeroed() };
    header.msg_iov = buffer;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    // size_t, or socklen_t in musl.
    header.msg_controllen = control_length as _;
    header
}

/// Sends a message with descriptors, 1 to DESCRIPTORS_MAX. Never waits and never raises SIGPIPE.
pub(crate) fn send_with_descriptors(
    socket: RawFd,
    message: &[MaybeUninit<u8>],
    descriptors: &[c_int],
) -> Result<usize, Errno> {
    if descriptors.len() > DESCRIPTORS_MAX {
        return Err(Errno::EINVAL);
    }
    let size = size_of_val(descriptors);
    let mut control = Control::UNINIT;
    let mut buffer = libc::iovec {
        iov_base: message.as_ptr().cast_mut().cast(),
        iov_len: message.len(),
    };
    // SAFETY: CMSG_SPACE only computes.
    let space = unsafe { libc::CMSG_SPACE(size as u32) } as usize;
    // The kernel gets the padding too, so it has to be initialised.
    control.0[..space].fill(MaybeUninit::new(0));
    let header = header(&mut buffer, &mut control, space);
    // SAFETY: the control part is aligned. By the check above and the assertion on Control::SIZE it has room
    // for one header and `size` bytes behind it.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(&header);
        // size_t, or socklen_t and padding in musl.
        (*first).cmsg_len = libc::CMSG_LEN(size as u32) as _;
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        libc::CMSG_DATA(first).copy_from_nonoverlapping(descriptors.as_ptr().cast(), size);
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: header, buffer and control part live during the call, which writes to none of them.
    count(unsafe { send_header(socket, &header, flags) })
}

/// # Safety
///
/// As for sendmsg().
#[cfg(not(target_env = "musl"))]
unsafe fn send_header(socket: RawFd, header: &libc::msghdr, flags: c_int) -> isize {
    // SAFETY: by this function's contract.
    unsafe { libc::sendmsg(socket, header, flags) }
}

/// musl's sendmsg() copies the control part to clear its padding, and has no room for this many descriptors. The
/// padding is clear here, because the buffer is.
///
/// # Safety
///
/// As for sendmsg().
#[cfg(target_env = "musl")]
unsafe fn send_header(socket: RawFd, header: &libc::msghdr, flags: c_int) -> isize {
    // SAFETY: by this function's contract. The paddings, which header() has cleared, make the struct the kernel's.
    unsafe { libc::syscall(libc::SYS_sendmsg, socket, header, flags) as isize }
}

/// Descriptors that have arrived. Dropping this closes those that nobody has taken.
pub(crate) struct Descriptors {
    numbers: [c_int; DESCRIPTORS_MAX],
    count: usize,
}

impl Descriptors {
    pub(crate) const NONE: Descriptors = Descriptors {
        numbers: [-1; DESCRIPTORS_MAX],
        count: 0,
    };

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Gives the descriptors to the caller, who has to close them from now on.
    pub(crate) fn take(&mut self) -> &[c_int] {
        &self.numbers[..core::mem::take(&mut self.count)]
    }

    /// Adds a descriptor that has just arrived and that nobody else knows. False if it had the number of a
    /// standard stream and could not be moved: then it is closed.
    fn add(&mut self, number: c_int) -> bool {
        // SAFETY: by this function's contract.
        let Ok(file) = (unsafe { made(number) }) else {
            return false;
        };
        // The kernel has the same limit, so there is always a place.
        if let Some(place) = self.numbers.get_mut(self.count) {
            *place = file.into_raw_fd();
            self.count += 1;
        }
        true
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        for &number in self.take() {
            close(number);
        }
    }
}

fn close(number: c_int) {
    // SAFETY: the callers pass descriptors that have just arrived and that nobody else knows.
    drop(unsafe { made(number) });
}

/// The result of a receive with descriptors.
pub(crate) struct Arrived {
    /// The message's whole length, also if the room was smaller.
    pub(crate) length: usize,
    /// Whether the kernel could not install all the descriptors.
    pub(crate) is_incomplete: bool,
}

/// Receives bytes as `receive` does, and the descriptors that come with them. The descriptors are
/// close-on-exec.
pub(crate) fn receive_with_descriptors(
    socket: RawFd,
    room: &mut [MaybeUninit<u8>],
    descriptors: &mut Descriptors,
) -> Result<Arrived, Errno> {
    let mut control = Control::UNINIT;
    let mut buffer = libc::iovec {
        iov_base: room.as_mut_ptr().cast(),
        iov_len: room.len(),
    };
    let mut header = header(&mut buffer, &mut control, Control::SIZE);
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: header, buffer, control part and room live during the call, which writes at most their
    // lengths.
    let length = count(unsafe { libc::recvmsg(socket, &mut header, flags) })?;
    let mut is_incomplete = false;
    // SAFETY: the kernel has filled msg_controllen bytes of the control part with complete entries, whose
    // lengths the macros follow. A SCM_RIGHTS entry is an array of descriptors.
    unsafe {
        let mut entry = libc::CMSG_FIRSTHDR(&header);
        while !entry.is_null() {
            let data = libc::CMSG_DATA(entry).cast::<c_int>();
            let size = (*entry).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            match ((*entry).cmsg_level, (*entry).cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    for index in 0..size / size_of::<c_int>() {
                        is_incomplete |= !descriptors.add(data.add(index).read_unaligned());
                    }
                }
                // SO_PASSPIDFD is set on the socket. Without this nobody would close the pidfd.
                (libc::SOL_SOCKET, SCM_PIDFD) if data.read_unaligned() >= 0 => {
                    close(data.read_unaligned());
                }
                _ => {}
            }
            entry = libc::CMSG_NXTHDR(&header, entry);
        }
    }
    Ok(Arrived {
        length,
        is_incomplete: is_incomplete || header.msg_flags & libc::MSG_CTRUNC != 0,
    })
}

/// From <linux/socket.h>, Linux 6.5.
const SCM_PIDFD: c_int = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_address_fits_and_one_more_byte_does_not() {
        let path = std::ffi::CString::new(vec![b'p'; ADDRESS_MAX]).unwrap();
        assert_eq!(Address::of_path(&path).unwrap().length, 110);
        let path = std::ffi::CString::new(vec![b'p'; ADDRESS_MAX + 1]).unwrap();
        assert!(Address::of_path(&path).is_none());
        assert!(Address::of_abstract(&[b'p'; ADDRESS_MAX]).is_some());
        assert!(Address::of_abstract(&[b'p'; ADDRESS_MAX + 1]).is_none());
    }
}
