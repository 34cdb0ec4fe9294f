//! Descriptors that only name a file and do not open it (O_PATH), and directories.

use super::ProcPath;
use super::direct::system_call;
use core::ffi::CStr;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FchmodatFlags, Mode};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A descriptor that names the file at `path`, or the symbolic link there. While it is open, the kernel does
/// not give the file's inode number to another file.
pub(crate) fn point_at(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    super::fd::open(path, flags, Mode::empty())
}

/// The same for a name in a directory.
pub(crate) fn point_in(directory: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    super::fd::open_at(directory, name, flags)
}

pub(crate) fn open_directory(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    super::fd::open(path, flags, Mode::empty())
}

/// Calls `found` with each name in an open directory, including `.` and `..`, and with its inode number. An
/// error of `found` ends the list. Unlike readdir it takes no memory and leaves the descriptor with the caller.
pub(crate) fn each_name(
    directory: BorrowedFd<'_>,
    found: &mut dyn FnMut(&CStr, u64) -> Result<(), Errno>,
) -> Result<(), Errno> {
    // Offsets in linux_dirent64: inode, offset, then the record's length, a type, and the name.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let mut records = [0u64; 256];
    loop {
        let arguments = [
            directory.as_raw_fd() as usize,
            records.as_mut_ptr().addr(),
            size_of_val(&records),
            0,
            0,
            0,
        ];
        // SAFETY: the kernel writes at most the array's size.
        let filled = unsafe { system_call(libc::SYS_getdents64, arguments) }?;
        if filled == 0 {
            return Ok(());
        }
        // SAFETY: the array has at least `filled` bytes, all of them initialised.
        let bytes = unsafe { core::slice::from_raw_parts(records.as_ptr().cast::<u8>(), filled) };
        let mut rest = bytes;
        while let Some(name) = rest.get(NAME..) {
            let mut inode = [0; 8];
            inode.copy_from_slice(&rest[..8]);
            let length = usize::from(u16::from_ne_bytes([rest[LENGTH], rest[LENGTH + 1]]));
            if let Ok(name) = CStr::from_bytes_until_nul(name) {
                found(name, u64::from_ne_bytes(inode))?;
            }
            rest = rest.get(length.max(NAME)..).unwrap_or_default();
        }
    }
}

/// The path in /proc that leads to exactly the file that a descriptor names. It is this thread's: a thread may have
/// a table of descriptors of its own, and /proc/self shows none when the main thread has ended.
pub(crate) fn through_proc(file: BorrowedFd<'_>) -> ProcPath {
    number_through_proc(file.as_raw_fd())
}

/// The same for a number that a program gave.
pub(crate) fn number_through_proc(number: RawFd) -> ProcPath {
    ProcPath::of(format_args!("/proc/thread-self/fd/{number}"))
}

/// The same on every processor. The libc crate has it for some only.
const SYS_FCHMODAT2: libc::c_long = 452;
/// Returns after a removal of this name that another process has begun.
///
/// The kernel takes a file's last link before it takes the name away, and the remover may lose the processor in between. It
/// holds the lock of the directory all the time. A rename to the same name that must not replace a file takes this lock
/// too, and then fails with `EEXIST`. It changes nothing. If it fails earlier, for example in a file system that is
/// mounted read-only, it does not wait, and there are no removals to wait for.
pub(crate) fn await_removal(path: &CStr) {
    // SAFETY: the kernel reads a C string, twice.
    let _ = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
}

/// Sets the permissions of exactly the file that a descriptor names.
pub(crate) fn set_permissions(file: BorrowedFd<'_>, mode: libc::mode_t) -> Result<(), Errno> {
    // SAFETY: an open descriptor and a constant string.
    let outcome = Errno::result(unsafe {
        libc::syscall(
            SYS_FCHMODAT2,
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
