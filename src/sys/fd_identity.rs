//! Which open file a descriptor leads to.

use super::{ProcPath, fd, large};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The identity of an open file. Most files have an inode of their own. Those that share one
/// (eventfds, and process descriptors before Linux 6.9) have a number in /proc. The others that share one (epoll
/// instances, timers, rings) have only their kind, which is turned into a number here.
#[derive(Clone, Copy)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) number: u64,
}

impl Identity {
    pub(super) fn of(file: BorrowedFd<'_>) -> Result<Identity, Errno> {
        let status = match large::fstat(file.as_raw_fd()) {
            // The file is open, so the kernel lacks something for the moment.
            Err(errno) if errno != Errno::EBADF => large::fstat(file.as_raw_fd())?,
            status => status?,
        };
        // Only files that share an inode have no type.
        let number = match status.st_mode & libc::S_IFMT {
            0 => number_in_proc(file),
            _ => 0,
        };
        Ok(Identity {
            device: status.st_dev,
            inode: status.st_ino,
            number,
        })
    }

    /// A number that /proc does not show, or does not show any more, says nothing: a process descriptor loses its
    /// number with its process.
    pub(super) fn is(&self, other: &Identity) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
            && (self.number == 0 || other.number == 0 || self.number == other.number)
    }
}

/// The number by which /proc tells eventfds and processes apart, or the number of the file's kind. 0 without /proc,
/// and for a process that is over.
#[cold]
fn number_in_proc(file: BorrowedFd<'_>) -> u64 {
    let path = ProcPath::of(format_args!(
        "/proc/thread-self/fdinfo/{}",
        file.as_raw_fd()
    ));
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let Ok(description) = fd::open(path.as_c_str(), flags, Mode::empty()) else {
        return 0;
    };
    let mut text = [0; 512];
    let length = nix::unistd::read(&description, &mut text).unwrap_or(0);
    // Some(0): the file has a number, but lost it.
    let number = |line: &[u8]| {
        let value = line
            .strip_prefix(b"eventfd-id:")
            .or_else(|| line.strip_prefix(b"Pid:"))?;
        let value = core::str::from_utf8(value).ok()?;
        Some(value.trim().parse().unwrap_or(0))
    };
    text[..length]
        .split(|&byte| byte == b'\n')
        .find_map(number)
        .unwrap_or_else(|| kind_in_proc(file))
}

/// A number made of the text that /proc gives for a file without a name, such as `anon_inode:[eventpoll]`. It is
/// none of the small numbers of eventfds and processes. 0 without /proc.
fn kind_in_proc(file: BorrowedFd<'_>) -> u64 {
    let path = ProcPath::of(format_args!("/proc/thread-self/fd/{}", file.as_raw_fd()));
    let mut text = [0u8; 64];
    let (place, size) = (text.as_mut_ptr().cast(), text.len());
    // SAFETY: the path is a C string, and the kernel writes at most `size` bytes into the text.
    let length = unsafe { libc::readlink(path.as_c_str().as_ptr(), place, size) };
    if length <= 0 {
        return 0;
    }
    // FNV-1a.
    let mix = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text[..length as usize]
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, mix)
        | 1 << 63
}
