//! Descriptors that only name a file and do not open it (O_PATH), and directories.

use crate::base::text::Text;
use core::ffi::CStr;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FchmodatFlags, Mode};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// A descriptor that names the file at `path`, or the symbolic link there. While it is open, the kernel does
/// not give the file's inode number to another file.
pub(crate) fn point_at(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    nix::fcntl::open(path, flags, Mode::empty())
}

pub(crate) fn open_directory(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    nix::fcntl::open(path, flags, Mode::empty())
}

/// The path of a file in /proc. The longest path holds two numbers.
pub(crate) type ProcPath = Text<64>;

/// The path in /proc that leads to exactly the file that a descriptor names.
pub(crate) fn through_proc(file: BorrowedFd<'_>) -> ProcPath {
    ProcPath::of(format_args!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Sets the permissions of exactly the file that a descriptor names.
pub(crate) fn set_permissions(file: BorrowedFd<'_>, mode: libc::mode_t) -> Result<(), Errno> {
    // SAFETY: an open descriptor and a constant string.
    let outcome = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_fchmodat2,
            file.as_raw_fd(),
            c"".as_ptr(),
            mode,
            AtFlags::AT_EMPTY_PATH.bits(),
        )
    });
    match outcome {
        // Before Linux 6.6 only the way through /proc exists. Some container run-times refuse calls that
        // they do not know with EPERM.
        Err(Errno::ENOSYS | Errno::EPERM) => nix::sys::stat::fchmodat(
            nix::fcntl::AT_FDCWD,
            through_proc(file).as_c_str(),
            Mode::from_bits_truncate(mode),
            FchmodatFlags::FollowSymlink,
        ),
        outcome => outcome.map(drop),
    }
}
