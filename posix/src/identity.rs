//! Which file a descriptor means.
//!
//! A number says nothing about its file: another thread may close it, and the kernel gives it out
//! again. The file's device and inode do say it, and they are the same in every process.

#[cfg(target_arch = "x86_64")]
use crate::kernel;
use crate::{Result, check_libc};
use core::ffi::{CStr, c_int};
use core::mem::MaybeUninit;

/// The facts about a file that decide which queue it belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) owner: libc::uid_t,
    pub(crate) permissions: libc::mode_t,
    /// How many names the file has.
    pub(crate) links: u64,
    is_regular: bool,
}

impl Identity {
    /// Asks the kernel about a descriptor. `EBADF` if the number is not open.
    pub(crate) fn of(fd: c_int) -> Result<Identity> {
        let mut status = MaybeUninit::<libc::stat64>::uninit();
        // SAFETY: the pointer leads to room for the whole struct.
        check_libc(unsafe { fstat(fd, status.as_mut_ptr()) })?;
        // SAFETY: the call succeeded, so the kernel has filled in the struct.
        Ok(Identity::from(unsafe { status.assume_init() }))
    }

    /// Asks the kernel about a name, of a symbolic link too. `directory` is an open directory, or AT_FDCWD
    /// for an absolute path. `ENOENT` if there is no such name.
    pub(crate) fn at(directory: c_int, path: &CStr) -> Result<Identity> {
        let mut status = MaybeUninit::<libc::stat64>::uninit();
        let flags = libc::AT_SYMLINK_NOFOLLOW;
        // SAFETY: the path is a C string, and the pointer leads to room for the whole struct.
        check_libc(unsafe {
            libc::fstatat64(directory, path.as_ptr(), status.as_mut_ptr(), flags)
        })?;
        // SAFETY: the call succeeded, so the kernel has filled in the struct.
        Ok(Identity::from(unsafe { status.assume_init() }))
    }

    #[allow(clippy::unnecessary_cast)] // the number of links has 32 bits on some machines
    fn from(status: libc::stat64) -> Identity {
        Identity {
            device: status.st_dev,
            inode: status.st_ino,
            owner: status.st_uid,
            permissions: status.st_mode & 0o777,
            links: status.st_nlink as u64,
            is_regular: status.st_mode & libc::S_IFMT == libc::S_IFREG,
        }
    }

    /// Whether the file still has a name.
    pub(crate) fn is_named(&self) -> bool {
        self.links != 0
    }

    pub(crate) fn is_same_file(&self, other: &Identity) -> bool {
        self.inode == other.inode && self.device == other.device
    }

    /// Whether this file of /dev/shm, which has the right name, can be the memory of a twin. A stranger
    /// can take the name, but cannot create a file of the twin's owner.
    pub(crate) fn may_be_memory_of(&self, twin: &Identity) -> bool {
        self.is_regular && self.owner == twin.owner
    }
}

/// glibc's fstat() calls newfstatat() with an empty path, and the kernel needs longer for that.
///
/// # Safety
///
/// As for fstat().
#[cfg(target_arch = "x86_64")]
unsafe fn fstat(fd: c_int, status: *mut libc::stat64) -> c_int {
    // SAFETY: by this function's contract; on x86_64 libc's struct stat is the kernel's.
    unsafe {
        kernel::system_call(libc::SYS_fstat, [fd as usize, status.addr(), 0, 0, 0, 0]) as c_int
    }
}
#[cfg(not(target_arch = "x86_64"))]
use libc::fstat64 as fstat;

/// Whether a descriptor belongs to a message queue of the kernel, a twin or another.
pub(crate) fn is_kernel_queue(fd: c_int) -> bool {
    const MQUEUE_MAGIC: i64 = 0x1980_0202;
    let mut status = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the pointer leads to room for the whole struct.
    if unsafe { libc::fstatfs(fd, status.as_mut_ptr()) } != 0 {
        return false;
    }
    #[allow(clippy::unnecessary_cast)] // the field has 32 bits on some machines
    // SAFETY: the call succeeded, so the kernel has filled in the struct.
    let kind = unsafe { status.assume_init() }.f_type as i64;
    kind == MQUEUE_MAGIC
}

/// The path of a descriptor in /proc, ended by a 0. A negative number has none.
pub(crate) fn proc_path(fd: c_int) -> [u8; 32] {
    let mut path = [0; 32];
    let directory = b"/proc/self/fd/";
    path[..directory.len()].copy_from_slice(directory);
    let digits = fd.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut number = fd;
    for place in path[directory.len()..][..digits].iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
    path
}
