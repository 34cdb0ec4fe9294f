//! Descriptors: making them, and keeping them between calls.
//!
//! Every descriptor that this library makes comes from a function of this file. A source rule forbids other
//! ways (`tests/source_rules/descriptors.rs`). So two promises hold everywhere:
//!
//! - **No descriptor of the library's is 0, 1 or 2.** If the program has closed a standard stream, the kernel
//!   gives its number to the next file that is opened. The output of the program would then go into that
//!   file. [`made`] moves such a descriptor to 3 or above at once.
//! - **A number is used only while its file is ours.** A program that becomes a daemon closes every number
//!   from 3 on, and its next files get these numbers. A descriptor that outlives a call is therefore [`Kept`],
//!   which knows its file's identity.

use super::direct::system_call;
use super::identity::Identity;
use core::ffi::{CStr, c_int, c_uint};
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use nix::sys::epoll::{Epoll, EpollCreateFlags};
use nix::sys::inotify::Inotify;
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

/// The lowest number that a descriptor of the library's has.
const LOWEST: RawFd = 3;

/// The descriptor that a system call returned, or the call's error. `EMFILE` if the descriptor has the number
/// of a standard stream and no other number is free.
///
/// # Safety
///
/// The call makes a descriptor, `result` is what it has just returned, and nobody else knows it.
pub(super) unsafe fn made(result: RawFd) -> Result<OwnedFd, Errno> {
    let number = Errno::result(result)?;
    // SAFETY: by this function's contract.
    lifted(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Moves a descriptor that has the number of a standard stream to a higher number, and closes the low one.
fn lifted(file: OwnedFd) -> Result<OwnedFd, Errno> {
    if file.as_raw_fd() >= LOWEST {
        return Ok(file);
    }
    lifted_from_low(file)
}

#[cold]
fn lifted_from_low(file: OwnedFd) -> Result<OwnedFd, Errno> {
    let flags = nix::fcntl::fcntl(&file, FcntlArg::F_GETFD)?;
    let copy = match flags & libc::FD_CLOEXEC {
        0 => FcntlArg::F_DUPFD(LOWEST),
        _ => FcntlArg::F_DUPFD_CLOEXEC(LOWEST),
    };
    let number = match nix::fcntl::fcntl(&file, copy) {
        // RLIMIT_NOFILE is 3 or less, so the kernel takes the number itself for invalid.
        Err(Errno::EINVAL) => return Err(Errno::EMFILE),
        outcome => outcome?,
    };
    // SAFETY: F_DUPFD has just made this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Both or none: if the second cannot be moved, the first is closed.
///
/// # Safety
///
/// As `made`, for both numbers.
unsafe fn made_pair(numbers: [RawFd; 2]) -> Result<(OwnedFd, OwnedFd), Errno> {
    // SAFETY: by this function's contract.
    let (first, second) = unsafe {
        (
            OwnedFd::from_raw_fd(numbers[0]),
            OwnedFd::from_raw_fd(numbers[1]),
        )
    };
    Ok((lifted(first)?, lifted(second)?))
}

pub(crate) fn open(path: &CStr, flags: OFlag, mode: Mode) -> Result<OwnedFd, Errno> {
    nix::fcntl::open(path, flags | OFlag::O_LARGEFILE, mode).and_then(lifted)
}

pub(crate) fn open_at(
    directory: BorrowedFd<'_>,
    path: &CStr,
    flags: OFlag,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlag::O_LARGEFILE;
    nix::fcntl::openat(directory, path, flags, Mode::empty()).and_then(lifted)
}

pub(crate) fn pipe(flags: OFlag) -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut ends = [-1; 2];
    // SAFETY: the kernel writes two descriptors.
    Errno::result(unsafe { libc::pipe2(ends.as_mut_ptr(), flags.bits()) })?;
    // SAFETY: pipe2 has just made them.
    unsafe { made_pair(ends) }
}

pub(crate) fn memory_file(name: &CStr, flags: c_uint) -> Result<OwnedFd, Errno> {
    // SAFETY: the name is NUL-terminated, and the call reads nothing else.
    let result = unsafe { libc::memfd_create(name.as_ptr(), flags) };
    // SAFETY: memfd_create has just made it.
    unsafe { made(result) }
}

pub(crate) fn socket(kind: c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    // SAFETY: socket has just made it.
    unsafe { made(result) }
}

pub(crate) fn socket_pair(kind: c_int) -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut ends = [-1; 2];
    // SAFETY: the kernel writes two descriptors.
    Errno::result(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    // SAFETY: socketpair has just made them.
    unsafe { made_pair(ends) }
}

/// Takes the next connection as a close-on-exec descriptor. Waits unless the listener is non-blocking.
pub(crate) fn accept(listener: RawFd) -> Result<OwnedFd, Errno> {
    let (address, length) = (core::ptr::null_mut(), core::ptr::null_mut());
    // SAFETY: NULL means that the peer's address is not wanted.
    let result = unsafe { libc::accept4(listener, address, length, libc::SOCK_CLOEXEC) };
    // SAFETY: accept4 has just made it.
    unsafe { made(result) }
}

/// A non-blocking eventfd with the count 0.
pub(crate) fn eventfd() -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    // SAFETY: eventfd has just made it.
    unsafe { made(result) }
}

/// A new io_uring with room for this many submissions, which the kernel makes close-on-exec.
///
/// # Safety
///
/// `parameters` points to the kernel's struct io_uring_params, which the kernel reads and writes.
pub(super) unsafe fn ring<T>(submissions: u32, parameters: *mut T) -> Result<OwnedFd, Errno> {
    let arguments = [submissions as usize, parameters.addr(), 0, 0, 0, 0];
    // SAFETY: by this function's contract.
    let number = unsafe { system_call(libc::SYS_io_uring_setup, arguments) }?;
    // SAFETY: io_uring_setup has just made it.
    unsafe { made(number as RawFd) }
}

/// A non-blocking timer on the monotonic clock.
pub(crate) fn timer() -> Result<OwnedFd, Errno> {
    let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
    // SAFETY: timerfd_create has just made it.
    unsafe { made(result) }
}

/// A descriptor of a process, close-on-exec.
pub(crate) fn pidfd(process: libc::pid_t) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    // SAFETY: pidfd_open has just made it.
    unsafe { made(result as RawFd) }
}

/// A descriptor that lives within one function, close-on-exec. It is made, moved and closed without libc, so none of that
/// is a cancellation point or changes errno.
pub(super) struct Brief(usize);

impl Brief {
    /// The process or thread with this id.
    pub(super) fn pidfd(id: u32, flags: usize) -> Result<Brief, Errno> {
        // SAFETY: the call takes numbers only.
        unsafe { system_call(libc::SYS_pidfd_open, [id as usize, flags, 0, 0, 0, 0]) }
            .map(Brief)?
            .lifted()
    }

    /// A file, for reading.
    pub(super) fn open(path: &CStr) -> Result<Brief, Errno> {
        let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
        let (here, path) = (libc::AT_FDCWD as usize, path.as_ptr().addr());
        // SAFETY: the path is a C string.
        unsafe { system_call(libc::SYS_openat, [here, path, flags, 0, 0, 0]) }
            .map(Brief)?
            .lifted()
    }

    /// As `lifted` for an OwnedFd. This one's drop closes the low number.
    fn lifted(self) -> Result<Brief, Errno> {
        if self.0 >= LOWEST as usize {
            return Ok(self);
        }
        let request = libc::F_DUPFD_CLOEXEC as usize;
        let arguments = [self.0, request, LOWEST as usize, 0, 0, 0];
        // SAFETY: the call takes numbers only.
        match unsafe { system_call(libc::SYS_fcntl, arguments) } {
            // RLIMIT_NOFILE is 3 or less, so the kernel takes the number itself for invalid.
            Err(Errno::EINVAL) => Err(Errno::EMFILE),
            copy => copy.map(Brief),
        }
    }

    pub(super) fn number(&self) -> usize {
        self.0
    }
}

impl Drop for Brief {
    fn drop(&mut self) {
        // SAFETY: this value owns the descriptor, and closes it once.
        let _ = unsafe { system_call(libc::SYS_close, [self.0, 0, 0, 0, 0, 0]) };
    }
}

pub(crate) fn epoll() -> Result<Epoll, Errno> {
    let made = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    Ok(Epoll(lifted(made.0)?))
}

pub(crate) fn inotify() -> Result<Inotify, Errno> {
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) };
    // SAFETY: inotify_init1 has just made the descriptor, and it is an inotify instance's.
    Ok(unsafe { Inotify::from_owned_fd(made(result)?) })
}

/// A second, close-on-exec descriptor of the same open file.
pub(crate) fn duplicate(file: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let number = match nix::fcntl::fcntl(file, FcntlArg::F_DUPFD_CLOEXEC(LOWEST)) {
        // RLIMIT_NOFILE is 3 or less, so the kernel takes the number itself for invalid.
        Err(Errno::EINVAL) => return Err(Errno::EMFILE),
        outcome => outcome?,
    };
    // SAFETY: F_DUPFD_CLOEXEC has just made this descriptor and nobody else knows it.
    unsafe { made(number) }
}

/// The command of fcntl(2) with which a new child, whose table of descriptors is its own, copies one to a number at or
/// above its argument.
pub(super) const COPY_ABOVE: usize = libc::F_DUPFD_CLOEXEC as usize;

/// A second descriptor of the open file behind a number that C passed in. `EBADF` if nothing is open there.
pub(crate) fn borrow(number: RawFd) -> Result<OwnedFd, Errno> {
    if number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: the number is not -1. If it is not open, F_DUPFD, the only use of the borrow, fails with EBADF
    // and changes nothing.
    duplicate(unsafe { BorrowedFd::borrow_raw(number) })
}

/// Takes over a descriptor that a C caller gives away.
///
/// # Safety
///
/// The number is negative, or it is an open descriptor that belongs to the caller.
pub(crate) unsafe fn take_over(number: RawFd) -> Result<OwnedFd, Errno> {
    if number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: by this function's contract.
    unsafe { made(number) }
}

/// A descriptor that outlives a call: it is used and closed only while its number still leads to the file for
/// which it was made. The program may have closed the number meanwhile, and another file may have it.
///
/// Another thread may close the descriptor between the check and its use. No program closes all its
/// descriptors while its other threads use theirs, so this moment does not matter.
pub(crate) struct Kept {
    /// -1 if there is none, or none any more.
    number: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
    /// `Identity::in_proc`.
    in_proc: AtomicU64,
}

// All orderings are Relaxed: the four numbers stand for themselves, and no memory is read through them. `put`
// has its own rule.
impl Kept {
    pub(crate) const fn none() -> Kept {
        Kept {
            number: AtomicI32::new(-1),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
            in_proc: AtomicU64::new(0),
        }
    }

    pub(crate) fn new(file: OwnedFd) -> Result<Kept, Errno> {
        let kept = Kept::none();
        kept.put(file)?;
        Ok(kept)
    }

    /// Keeps a descriptor if this value has none. One thread at a time calls this, and no other thread uses the
    /// value meanwhile.
    pub(crate) fn put(&self, file: OwnedFd) -> Result<(), Errno> {
        let identity = Identity::of(file.as_fd())?;
        self.device.store(identity.device, Ordering::Relaxed);
        self.inode.store(identity.inode, Ordering::Relaxed);
        self.in_proc.store(identity.in_proc, Ordering::Relaxed);
        let number = file.into_raw_fd();
        if let Err(_present) =
            self.number
                .compare_exchange(-1, number, Ordering::Relaxed, Ordering::Relaxed)
        {
            // SAFETY: the number was the caller's until into_raw_fd, and nobody else has got it.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        }
        Ok(())
    }

    /// The descriptor, if its number still leads to its file. `EBADF` otherwise.
    pub(crate) fn get(&self) -> Result<BorrowedFd<'_>, Errno> {
        let number = self.number.load(Ordering::Relaxed);
        if number < 0 {
            return Err(Errno::EBADF);
        }
        // SAFETY: the number is not -1. If it is not open, fstat fails and changes nothing.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        match Identity::of(file) {
            Ok(identity) if identity.is(&self.identity()) => Ok(file),
            Ok(_) => Err(Errno::EBADF),
            Err(errno) => Err(errno),
        }
    }

    /// The descriptor, whose number may have become another file's. For system calls that do no harm there; `EBADF`
    /// if there is none.
    pub(crate) fn unchecked(&self) -> Result<BorrowedFd<'_>, Errno> {
        match self.number() {
            number if number < 0 => Err(Errno::EBADF),
            // SAFETY: the number is not -1. If it is not open, the caller's system call fails and changes nothing.
            number => Ok(unsafe { BorrowedFd::borrow_raw(number) }),
        }
    }

    /// The number, which may have become another file's. For system calls that do no harm there; -1 if there
    /// is none.
    pub(crate) fn number(&self) -> RawFd {
        self.number.load(Ordering::Relaxed)
    }

    /// The file's inode number.
    pub(crate) fn inode(&self) -> u64 {
        self.inode.load(Ordering::Relaxed)
    }

    fn identity(&self) -> Identity {
        Identity {
            device: self.device.load(Ordering::Relaxed),
            inode: self.inode.load(Ordering::Relaxed),
            in_proc: self.in_proc.load(Ordering::Relaxed),
        }
    }

    /// Closes the descriptor, unless its number has become another file's. Whichever it is, this value has none
    /// any more.
    pub(crate) fn close(&self) {
        let is_ours = self.get().is_ok();
        // The exchange alone decides which thread closes.
        let number = self.number.swap(-1, Ordering::Relaxed);
        if is_ours && number >= 0 {
            // SAFETY: `put` got the number from an OwnedFd, it still leads to that file, and the swap gave it to
            // this call alone.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> (OwnedFd, OwnedFd) {
        pipe(OFlag::O_CLOEXEC).unwrap()
    }

    #[test]
    fn a_number_that_leads_to_another_file_is_neither_used_nor_closed() {
        let (reader, _writer) = reader();
        let kept = Kept::new(reader).unwrap();
        let number = kept.number();
        assert_eq!(kept.get().unwrap().as_raw_fd(), number);
        let (other, _writer) = pipe(OFlag::O_CLOEXEC).unwrap();
        // SAFETY: the number is open, and only `kept` uses it.
        assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), number) }, number);
        assert_eq!(kept.get().unwrap_err(), Errno::EBADF);
        drop(kept);
        // SAFETY: the call only asks. Then the test closes the number that it made.
        unsafe {
            assert!(libc::fcntl(number, libc::F_GETFD) >= 0);
            libc::close(number);
        }
    }

    #[test]
    fn a_closed_value_has_no_descriptor() {
        let kept = Kept::new(reader().0).unwrap();
        kept.close();
        assert_eq!(kept.number(), -1);
        assert_eq!(kept.get().unwrap_err(), Errno::EBADF);
    }
}
