//! Files that become objects: made without a name, filled, and then linked to a name.

use super::fd;
use super::large::{self, FileStat, Offset};
use core::ffi::CStr;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, FcntlArg, OFlag, SealFlag};
use nix::sys::stat::Mode;
use nix::unistd::{LinkatFlags, UnlinkatFlags};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The kernel's data about a file.
#[derive(Clone, Copy)]
pub(crate) struct Status(FileStat);

impl Status {
    fn file_type(&self) -> libc::mode_t {
        self.0.st_mode & libc::S_IFMT
    }

    pub(crate) fn size(&self) -> u64 {
        self.0.st_size.try_into().unwrap_or(0)
    }

    pub(crate) fn is_regular(&self) -> bool {
        self.file_type() == libc::S_IFREG
    }

    pub(crate) fn is_socket(&self) -> bool {
        self.file_type() == libc::S_IFSOCK
    }

    /// Whether both describe one file. This is certain only while some process has the file open.
    pub(crate) fn is_same_file(&self, other: &Status) -> bool {
        (self.0.st_dev, self.0.st_ino) == (other.0.st_dev, other.0.st_ino)
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.file_type() == libc::S_IFIFO
    }

    /// The kind of file, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.file_type() {
            libc::S_IFREG => "a regular file",
            libc::S_IFDIR => "a directory",
            libc::S_IFLNK => "a symbolic link (none is followed)",
            libc::S_IFSOCK => "a socket",
            libc::S_IFIFO => "a FIFO",
            _ => "a device",
        }
    }

    /// Whether no name leads to the file any more.
    pub(crate) fn is_unlinked(&self) -> bool {
        self.0.st_nlink == 0
    }

    pub(crate) fn inode(&self) -> u64 {
        self.0.st_ino
    }

    pub(crate) fn owner(&self) -> libc::uid_t {
        self.0.st_uid
    }

    pub(crate) fn permissions(&self) -> libc::mode_t {
        self.0.st_mode & 0o7777
    }
}

/// Whether this process's user owns a file, by the kernel's own comparison. The numbers that `status` shows
/// are not enough in a user namespace: all users without a number there have the same one.
///
/// Only the owner of a file may set O_NOATIME. (So may a process with CAP_FOWNER, if the owner has a number
/// in its namespace; then the numbers are enough.) The flag is set for a moment only.
pub(crate) fn is_own(file: BorrowedFd<'_>) -> bool {
    let set = |flags| nix::fcntl::fcntl(file, FcntlArg::F_SETFL(flags));
    let Ok(flags) = nix::fcntl::fcntl(file, FcntlArg::F_GETFL).map(OFlag::from_bits_retain) else {
        return false;
    };
    // The kernel checks who sets the flag only where it is not set yet.
    if flags.contains(OFlag::O_NOATIME) && set(flags - OFlag::O_NOATIME).is_err() {
        return false;
    }
    let is_own = set(flags | OFlag::O_NOATIME).is_ok();
    is_own && set(flags).is_ok()
}

/// Opens an existing file. It never waits, never follows a symbolic link, and never gives this process a
/// controlling terminal.
pub(crate) fn open(path: &CStr, writable: bool) -> Result<OwnedFd, Errno> {
    let access = if writable {
        OFlag::O_RDWR
    } else {
        OFlag::O_RDONLY
    };
    let flags = access | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    retrying(|| fd::open(path, flags, Mode::empty()))
}

/// Makes a file without a name in `directory`, which only its owner can read and write. The kernel removes
/// it with its last descriptor, however the process ends.
pub(crate) fn create_unnamed(directory: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    retrying(|| fd::open(directory, flags, mode))
}

/// Reserves `size` bytes, so that no later write can fail for lack of space.
///
/// If a signal interrupts the kernel, the kernel undoes what it has reserved (kernels differ in whether
/// every signal does this). Under a profiler's timer a large reservation would then never succeed. So the
/// function tries again in pieces, which stay reserved.
///
/// `EFBIG` and no SIGXFSZ if the size is more than RLIMIT_FSIZE allows.
pub(crate) fn allocate(file: BorrowedFd<'_>, size: u64) -> Result<(), Errno> {
    super::signal::without_sigxfsz(|| reserve(file, size))
}

/// Whether this process may not make a file so large (RLIMIT_FSIZE).
pub(crate) fn is_above_size_limit(size: u64) -> bool {
    use nix::sys::resource::{Resource, getrlimit};
    // "No limit" is the largest number of the type, which has 32 bits on some machines.
    getrlimit(Resource::RLIMIT_FSIZE)
        .is_ok_and(|(limit, _)| limit != libc::RLIM_INFINITY && widen(limit) < size)
}

fn reserve(file: BorrowedFd<'_>, size: u64) -> Result<(), Errno> {
    const PIECE: Offset = 1 << 20;
    let size = large::to_offset(size)?;
    match large::posix_fallocate(file, 0, size) {
        Err(Errno::EINTR) => {}
        outcome => return outcome,
    }
    let mut done = 0;
    while done < size {
        let piece = PIECE.min(size - done);
        retrying(|| large::posix_fallocate(file, done, piece))?;
        done += piece;
    }
    Ok(())
}

/// Reserves the space of a file that has its size already: holes, and blocks that it shares with a copy of it
/// (xfs). `ENOSPC` or `EDQUOT` if there is not enough. Does nothing on a file system without the call, and
/// leaves a file of btrfs that is copied on every write as it is.
pub(crate) fn reserve_again(file: BorrowedFd<'_>, size: u64) -> Result<(), Errno> {
    let size = large::to_offset(size)?;
    // Not posix_fallocate, which on such a file system writes to a file that others use.
    let reserve = |mode| retrying(|| large::fallocate(file, mode, size));
    match reserve(libc::FALLOC_FL_UNSHARE_RANGE).or_else(|_| reserve(0)) {
        Err(errno @ (Errno::ENOSPC | Errno::EDQUOT)) => Err(errno),
        _ => Ok(()),
    }
}

/// Makes btrfs write an empty file's blocks in place. Otherwise each write to a block takes a new one, also
/// where space is reserved, and a mapped file on a full file system causes SIGBUS. If there is no such
/// attribute, nothing happens.
pub(crate) fn avoid_copy_on_write(file: BorrowedFd<'_>) {
    // FS_NOCOW_FL of <linux/fs.h>.
    const IN_PLACE: libc::c_int = 0x0080_0000;
    if nix::sys::statfs::fstatfs(file).map(|found| found.filesystem_type())
        != Ok(nix::sys::statfs::BTRFS_SUPER_MAGIC)
    {
        return;
    }
    let mut flags: libc::c_int = 0;
    // SAFETY: both calls access one int, although their numbers are made for a long.
    unsafe {
        if libc::ioctl(file.as_raw_fd(), libc::FS_IOC_GETFLAGS, &raw mut flags) == 0 {
            flags |= IN_PLACE;
            libc::ioctl(file.as_raw_fd(), libc::FS_IOC_SETFLAGS, &raw const flags);
        }
    }
}

/// Whether a file lies in memory (tmpfs) and has parts without memory.
pub(crate) fn has_holes_in_memory(file: BorrowedFd<'_>) -> bool {
    const BLOCK: u64 = 512;
    let has_holes = status(file).is_ok_and(|found| {
        u64::try_from(found.0.st_blocks).is_ok_and(|blocks| blocks * BLOCK < found.size())
    });
    has_holes
        && nix::sys::statfs::fstatfs(file)
            .is_ok_and(|found| found.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC)
}

/// Opens a file once more, for reading and writing.
pub(crate) fn open_again(file: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let path = super::path::through_proc(file);
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    retrying(|| fd::open(path.as_c_str(), flags, Mode::empty()))
}

/// Sets exactly these permissions. The umask has no effect.
pub(crate) fn set_permissions(file: BorrowedFd<'_>, mode: libc::mode_t) -> Result<(), Errno> {
    nix::sys::stat::fchmod(file, Mode::from_bits_truncate(mode))
}

/// Gives an unnamed file its name, in one step. `EEXIST` if the name is taken.
pub(crate) fn publish(file: BorrowedFd<'_>, path: &CStr) -> Result<(), Errno> {
    match nix::unistd::linkat(file, c"", AT_FDCWD, path, LinkatFlags::AT_EMPTY_PATH) {
        // Before Linux 6.10 the direct way needs CAP_DAC_READ_SEARCH. The way through /proc does not.
        Err(Errno::ENOENT) => {
            let source = super::path::through_proc(file);
            let follow = LinkatFlags::AT_SYMLINK_FOLLOW;
            nix::unistd::linkat(AT_FDCWD, source.as_c_str(), AT_FDCWD, path, follow)
        }
        linked => linked,
    }
}

pub(crate) fn unlink(path: &CStr) -> Result<(), Errno> {
    nix::unistd::unlinkat(AT_FDCWD, path, UnlinkatFlags::NoRemoveDir)
}

pub(crate) fn status(file: BorrowedFd<'_>) -> Result<Status, Errno> {
    large::fstat(file.as_raw_fd()).map(Status)
}

/// The status of the file at `path`. Of a symbolic link it is the status of the link itself.
pub(crate) fn status_of(path: &CStr) -> Result<Status, Errno> {
    large::fstatat(AT_FDCWD, path, AtFlags::AT_SYMLINK_NOFOLLOW).map(Status)
}

/// Fills `buffer` from `offset` on. Returns false if the file ends before the buffer is full.
pub(crate) fn read_at(file: BorrowedFd<'_>, buffer: &mut [u8], offset: u64) -> Result<bool, Errno> {
    let mut done = 0;
    while done < buffer.len() {
        let position = to_offset(offset, done)?;
        match retrying(|| large::pread(file, &mut buffer[done..], position))? {
            0 => return Ok(false),
            count => done += count,
        }
    }
    Ok(true)
}

pub(crate) fn write_at(file: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> Result<(), Errno> {
    let mut done = 0;
    while done < bytes.len() {
        let position = to_offset(offset, done)?;
        done += retrying(|| large::pwrite(file, &bytes[done..], position))?;
    }
    Ok(())
}

/// Writes inside a file of this size. `EFBIG` and no SIGXFSZ if it does not allow this offset.
pub(crate) fn overwrite(file: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> Result<(), Errno> {
    super::signal::without_sigxfsz(|| write_at(file, bytes, offset))
}

fn to_offset(offset: u64, done: usize) -> Result<Offset, Errno> {
    large::to_offset(offset + done as u64)
}

/// A number of the C library whose type has 32 bits on some machines and 64 on others.
pub(super) fn widen(number: impl Into<u64>) -> u64 {
    number.into()
}

/// Whether the descriptor was opened for reading and writing.
pub(crate) fn is_writable(file: BorrowedFd<'_>) -> Result<bool, Errno> {
    let flags = nix::fcntl::fcntl(file, FcntlArg::F_GETFL)?;
    Ok(flags & libc::O_ACCMODE == libc::O_RDWR)
}

/// A memory file whose size can be sealed.
pub(crate) fn create_sealable(name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    match fd::memory_file(name, flags | libc::MFD_NOEXEC_SEAL) {
        // Before Linux 6.3 the kernel does not know MFD_NOEXEC_SEAL.
        Err(Errno::EINVAL) => fd::memory_file(name, flags),
        other => other,
    }
}

pub(crate) fn seals(file: BorrowedFd<'_>) -> Result<SealFlag, Errno> {
    let bits = nix::fcntl::fcntl(file, FcntlArg::F_GET_SEALS)?;
    Ok(SealFlag::from_bits_retain(bits))
}

pub(crate) fn add_seals(file: BorrowedFd<'_>, seals: SealFlag) -> Result<(), Errno> {
    nix::fcntl::fcntl(file.as_fd(), FcntlArg::F_ADD_SEALS(seals)).map(drop)
}

/// How a byte of a file is locked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteLock {
    Shared,
    Exclusive,
}

/// Locks a byte of a file for this open file, until its last descriptor is closed. `EAGAIN` if another
/// open file has a lock that stands against it.
pub(crate) fn lock_byte(file: BorrowedFd<'_>, offset: u64, lock: ByteLock) -> Result<(), Errno> {
    let kind = match lock {
        ByteLock::Shared => libc::F_RDLCK,
        ByteLock::Exclusive => libc::F_WRLCK,
    };
    large::lock_byte(&file, libc::F_OFD_SETLK, kind, large::to_offset(offset)?).map(drop)
}

/// Whether another open file has an exclusive lock on the byte.
pub(crate) fn is_byte_locked_exclusively(file: BorrowedFd<'_>, offset: u64) -> bool {
    let found = large::to_offset(offset)
        .and_then(|byte| large::lock_byte(&file, libc::F_OFD_GETLK, libc::F_RDLCK, byte));
    found == Ok(libc::F_WRLCK)
}

/// An open file that can be locked against other processes (flock(2)). Dropping this unlocks the file.
pub(crate) struct LockFile(pub(crate) OwnedFd);

impl LockFile {
    /// `EAGAIN` if another process holds the lock.
    pub(crate) fn attempt(&self) -> Result<(), Errno> {
        self.flock(libc::LOCK_EX | libc::LOCK_NB)
    }

    fn flock(&self, operation: libc::c_int) -> Result<(), Errno> {
        // SAFETY: the call takes numbers only.
        Errno::result(unsafe { libc::flock(self.0.as_raw_fd(), operation) }).map(drop)
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has just forked has the file open too.
        let _ = self.flock(libc::LOCK_UN);
    }
}

/// Repeats a call that a signal handler interrupted. Opening and sizing a file do not count as waits.
fn retrying<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            outcome => return outcome,
        }
    }
}

/// Gives a file to the user and the group that own the file `like`.
pub(crate) fn set_owner(file: BorrowedFd<'_>, like: &Status) -> Result<(), Errno> {
    let (user, group) = (like.0.st_uid.into(), like.0.st_gid.into());
    nix::unistd::fchown(file, Some(user), Some(group))
}
