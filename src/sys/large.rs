//! Calls and structs with 64-bit numbers on every machine: offsets, sizes, inode numbers and times.
//!
//! With 32-bit glibc the plain names have 32 bits: a call fails with `EOVERFLOW` for a file whose inode number,
//! size or time has more. musl has 64 bits under the plain names.

use core::ffi::{CStr, c_int, c_long};
use core::mem::MaybeUninit;
use core::time::Duration;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

#[cfg(not(target_env = "musl"))]
mod names {
    pub(in crate::sys) use libc::{
        fallocate64 as fallocate, flock64 as Flock, fstat64 as fstat, fstatat64 as fstatat,
        fstatfs64 as fstatfs, off64_t as Offset, posix_fallocate64 as posix_fallocate,
        pread64 as pread, pwrite64 as pwrite, stat64 as FileStat, statfs64 as FileSystem,
    };
}
#[cfg(target_env = "musl")]
mod names {
    pub(in crate::sys) use libc::{
        fallocate, flock as Flock, fstat, fstatat, fstatfs, off_t as Offset, posix_fallocate,
        pread, pwrite, stat as FileStat, statfs as FileSystem,
    };
}
pub(super) use names::{FileStat, Offset};

/// The status of an open file. No cancellation point.
pub(super) fn fstat(file: RawFd) -> Result<FileStat, Errno> {
    let mut status = MaybeUninit::uninit();
    // SAFETY: the struct is read only if the call has succeeded, and then the call has filled it.
    unsafe {
        Errno::result(names::fstat(file, status.as_mut_ptr()))?;
        Ok(status.assume_init())
    }
}

/// The status of the file at a path.
pub(super) fn fstatat(
    directory: BorrowedFd<'_>,
    path: &CStr,
    flags: AtFlags,
) -> Result<FileStat, Errno> {
    let mut status = MaybeUninit::uninit();
    let directory = directory.as_raw_fd();
    // SAFETY: the path is a C string; the rest as in fstat.
    unsafe {
        let place = status.as_mut_ptr();
        Errno::result(names::fstatat(
            directory,
            path.as_ptr(),
            place,
            flags.bits(),
        ))?;
        Ok(status.assume_init())
    }
}

/// The status of the file at a path, through symbolic links.
pub(super) fn stat(path: &CStr) -> Result<FileStat, Errno> {
    fstatat(nix::fcntl::AT_FDCWD, path, AtFlags::empty())
}

/// The kind of file system on which an open file is: one of the magic numbers of statfs(2). No cancellation point.
pub(super) fn file_system(file: RawFd) -> Result<u32, Errno> {
    let mut found = MaybeUninit::<names::FileSystem>::uninit();
    // SAFETY: as in fstat.
    let found = unsafe {
        Errno::result(names::fstatfs(file, found.as_mut_ptr()))?;
        found.assume_init()
    };
    // The magic numbers have 32 bits; the field's type differs, and may extend their sign.
    Ok(found.f_type as u32)
}

pub(super) fn to_offset(number: u64) -> Result<Offset, Errno> {
    Offset::try_from(number).map_err(|_| Errno::EFBIG)
}

pub(super) fn fallocate(file: BorrowedFd<'_>, mode: c_int, size: Offset) -> Result<(), Errno> {
    // SAFETY: the call accesses no memory.
    Errno::result(unsafe { names::fallocate(file.as_raw_fd(), mode, 0, size) }).map(drop)
}

pub(super) fn posix_fallocate(
    file: BorrowedFd<'_>,
    offset: Offset,
    length: Offset,
) -> Result<(), Errno> {
    // SAFETY: the call accesses no memory. It returns the error's number.
    match unsafe { names::posix_fallocate(file.as_raw_fd(), offset, length) } {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}

pub(super) fn pread(file: BorrowedFd<'_>, room: &mut [u8], from: Offset) -> Result<usize, Errno> {
    let place = room.as_mut_ptr().cast();
    // SAFETY: the call writes at most the slice's length into it.
    let count = unsafe { names::pread(file.as_raw_fd(), place, room.len(), from) };
    Errno::result(count).map(isize::unsigned_abs)
}

pub(super) fn pwrite(file: BorrowedFd<'_>, bytes: &[u8], to: Offset) -> Result<usize, Errno> {
    let place = bytes.as_ptr().cast();
    // SAFETY: the call reads at most the slice's length from it.
    let count = unsafe { names::pwrite(file.as_raw_fd(), place, bytes.len(), to) };
    Errno::result(count).map(isize::unsigned_abs)
}

/// A lock on one byte of a file, which belongs to the open file (F_OFD_SETLK) or is searched for
/// (F_OFD_GETLK). Returns the type of the lock that the kernel reports back.
pub(super) fn lock_byte(
    file: &impl AsFd,
    command: c_int,
    lock_type: c_int,
    byte: Offset,
) -> Result<c_int, Errno> {
    #[cfg(target_pointer_width = "64")]
    const FCNTL: c_long = libc::SYS_fcntl;
    #[cfg(target_pointer_width = "32")]
    const FCNTL: c_long = libc::SYS_fcntl64;
    // SAFETY: flock is integers, for which all zeros is a value. l_pid must be 0 for these commands.
    let mut lock: names::Flock = unsafe { core::mem::zeroed() };
    lock.l_type = lock_type as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = byte;
    lock.l_len = 1;
    let file = file.as_fd().as_raw_fd();
    // SAFETY: the kernel reads and writes the struct, which lives during the call.
    Errno::result(unsafe { libc::syscall(FCNTL, file, command, &raw mut lock) })?;
    Ok(lock.l_type.into())
}

/// The kernel's `struct __kernel_timespec`: what the calls in [`call`] take.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Time {
    seconds: i64,
    nanoseconds: i64,
}

impl Time {
    pub(crate) const ZERO: Time = Time {
        seconds: 0,
        nanoseconds: 0,
    };
}

impl From<Duration> for Time {
    fn from(time: Duration) -> Time {
        Time {
            // 292 billion years, so a saturated time never comes.
            seconds: time.as_secs().try_into().unwrap_or(i64::MAX),
            nanoseconds: time.subsec_nanos().into(),
        }
    }
}

/// The numbers of the system calls that take a [`Time`]. 32-bit machines have them since Linux 5.1, beside
/// older ones whose times have 32 bits.
#[cfg(target_pointer_width = "64")]
pub(crate) mod call {
    pub(crate) use libc::{
        SYS_clock_gettime as CLOCK_GETTIME, SYS_futex as FUTEX,
        SYS_mq_timedreceive as MQ_TIMEDRECEIVE, SYS_mq_timedsend as MQ_TIMEDSEND,
        SYS_ppoll as PPOLL, SYS_pselect6 as PSELECT6, SYS_semtimedop as SEMTIMEDOP,
    };
}
#[cfg(target_pointer_width = "32")]
pub(crate) mod call {
    use core::ffi::c_long;

    // The same numbers on all machines: see <asm-generic/unistd.h>.
    pub(crate) const CLOCK_GETTIME: c_long = 403;
    pub(crate) const PSELECT6: c_long = 413;
    pub(crate) const PPOLL: c_long = 414;
    pub(crate) const MQ_TIMEDSEND: c_long = 418;
    pub(crate) const MQ_TIMEDRECEIVE: c_long = 419;
    pub(crate) const SEMTIMEDOP: c_long = 420;
    pub(crate) const FUTEX: c_long = 422;
}

/// The time of day, on every machine also after the year 2038.
pub(super) fn time_of_day() -> Result<Duration, Errno> {
    let mut now = Time::ZERO;
    // SAFETY: the kernel writes the struct.
    Errno::result(unsafe {
        libc::syscall(call::CLOCK_GETTIME, libc::CLOCK_REALTIME, &raw mut now)
    })?;
    // The kernel lets nobody set a time before 1970.
    Ok(Duration::new(
        now.seconds.unsigned_abs(),
        now.nanoseconds as u32,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_have_64_bits() {
        let file = crate::sys::fd::memory_file(c"test", libc::MFD_CLOEXEC).unwrap();
        let status = fstat(file.as_raw_fd()).unwrap();
        assert_eq!(
            (size_of_val(&status.st_ino), size_of_val(&status.st_size)),
            (8, 8)
        );
        assert_eq!(size_of::<Offset>(), 8);
        assert_eq!(size_of::<Time>(), 16);
    }

    #[test]
    fn the_time_of_day_is_that_of_the_c_library() {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        assert!(time_of_day().unwrap() >= since);
        assert!(time_of_day().unwrap() < since + Duration::from_secs(3600));
    }

    #[test]
    fn a_locked_byte_is_found_beyond_2_gib() {
        let file = crate::sys::fd::memory_file(c"test", libc::MFD_CLOEXEC).unwrap();
        let byte = Offset::from(u32::MAX);
        lock_byte(&file, libc::F_OFD_SETLK, libc::F_WRLCK, byte).unwrap();
        let other = crate::sys::file::open_again(file.as_fd()).unwrap();
        let found = |byte| lock_byte(&other, libc::F_OFD_GETLK, libc::F_WRLCK, byte);
        assert_eq!(found(byte), Ok(libc::F_WRLCK));
        assert_eq!(found(byte - 1), Ok(libc::F_UNLCK));
    }
}
