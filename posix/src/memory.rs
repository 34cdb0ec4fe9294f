//! The memory of a queue: the queue of librobustipc.so that carries a twin's messages.
//!
//! Its file in /dev/shm is named after the twin's device and inode, so every process finds it. But any
//! user may create files in /dev/shm, and the kernel gives out inode numbers in an order that can be
//! predicted. So a name proves nothing. A file is the memory of a twin only if both have the same owner:
//! no user can create a file that belongs to another user. If a stranger has taken the plain name, the
//! maker adds a random number to it, which nobody can predict. Openers then search the directory.
//!
//! A stranger who can write to the memory of one queue can also create a hard link to it, under a name of
//! another queue's memory. The link has the owner of the first. So memory with more than one link is
//! refused, and among the names with a random number, memory with more permissions than the twin's.

use crate::directory::Directory;
use crate::identity::Identity;
use crate::ipc::{
    IPC_CREATE, IPC_EXCLUSIVE, ipc_mq_attr_t, ipc_mq_close, ipc_mq_open, ipc_mq_open_fd, ipc_mq_t,
};
use crate::name::Path;
use crate::{Result, check, check_libc, close, holders, lifted};
use core::ffi::{CStr, c_int};
use core::mem::MaybeUninit;
use core::ptr;

const DIRECTORY: &CStr = c"/dev/shm";

const ROOT: libc::uid_t = 0;

/// Opens the memory of a twin by its name. `ENOENT` if there is none.
pub(crate) fn open(twin: &Identity) -> Result<*mut ipc_mq_t> {
    open_handle(open_file(twin)?)
}

/// Opens the memory of a twin that has lost its name, through a process that has it open. `ENOENT` if no
/// process has.
pub(crate) fn open_nameless(twin: &Identity) -> Result<*mut ipc_mq_t> {
    open_handle(holders::open_memory(twin).ok_or(libc::ENOENT)?)
}

/// Opens a queue by its file, and closes the file. (The handle has a descriptor of its own.)
fn open_handle(file: c_int) -> Result<*mut ipc_mq_t> {
    let mut handle = ptr::null_mut();
    // SAFETY: the pointer leads to room for the answer, and the descriptor is open.
    let opened = check(unsafe { ipc_mq_open_fd(&mut handle, file, 0) });
    close(file);
    opened.map(|_| handle)
}

/// Whether a twin certainly has no memory.
pub(crate) fn is_missing(twin: &Identity) -> bool {
    match open_file(twin) {
        Ok(file) => {
            close(file);
            false
        }
        Err(number) => number == libc::ENOENT,
    }
}

/// Opens the file of a twin's memory. `ENOENT` if there is none.
fn open_file(twin: &Identity) -> Result<c_int> {
    let plain = Path::of_memory(twin.device, twin.inode);
    let mut error = match Identity::at(libc::AT_FDCWD, &plain.in_shm()) {
        Ok(found) if found.may_be_memory_of(twin) => {
            return open_file_at(libc::AT_FDCWD, &plain.in_shm(), twin);
        }
        // Root has probably given the twin to another user by fchown(). The queue is not to be used, because
        // a stranger can make a hard link to a file of root's. But the twin is not void either.
        Ok(found) if found.owner == ROOT => libc::EACCES,
        _ => libc::ENOENT,
    };
    let mut directory = Directory::open(libc::AT_FDCWD, DIRECTORY)?;
    let fd = directory.fd();
    while let Some(name) = directory.next_where(|name| plain.is_memory_name(name)) {
        let Ok(found) = Identity::at(fd, name) else {
            continue;
        };
        if !found.may_be_memory_of(twin) {
            continue;
        }
        if found.permissions & !mode_for(twin.permissions) != 0 {
            error = libc::EACCES;
            continue;
        }
        match open_file_at(fd, name, twin) {
            Err(libc::ENOENT) => {}
            Err(number) => error = number,
            opened => return opened,
        }
    }
    Err(error)
}

/// Opens a file that was found to be the memory of a twin.
fn open_file_at(directory: c_int, path: &CStr, twin: &Identity) -> Result<c_int> {
    let flags = libc::O_RDWR | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    // SAFETY: the path is a C string.
    let file = lifted(check_libc(unsafe {
        libc::openat(directory, path.as_ptr(), flags)
    })?)?;
    // The name may have passed to another file since it was examined.
    let checked = Identity::of(file).and_then(|found| match found.links {
        _ if !found.may_be_memory_of(twin) => Err(libc::ENOENT),
        0 => Err(libc::ENOENT),
        1 => Ok(found),
        _ => Err(libc::EACCES),
    });
    match checked {
        Ok(found) => {
            narrow(file, &found, twin);
            Ok(file)
        }
        Err(number) => {
            close(file);
            Err(number)
        }
    }
}

/// Takes permissions from the memory that the twin does not grant any more: the program may have called
/// fchmod() on its mqd_t. Only the owner's calls succeed here, and those of a privileged process.
fn narrow(file: c_int, found: &Identity, twin: &Identity) {
    let granted = mode_for(twin.permissions);
    if found.permissions & !granted != 0 {
        // SAFETY: the call takes numbers alone.
        unsafe { libc::fchmod(file, found.permissions & granted) };
    }
}

/// The mode of the memory. Senders and receivers both write to the memory, so whoever may do either gets
/// both rights. The twin's mode keeps senders and receivers apart.
fn mode_for(permissions: libc::mode_t) -> libc::mode_t {
    (0..3).fold(0, |mode, class| {
        let granted = permissions >> (3 * class) & 0o6;
        mode | if granted != 0 { 0o6 << (3 * class) } else { 0 }
    })
}

/// Creates the memory of a twin. The caller has the twin's lock.
pub(crate) fn create(twin: &Identity, sizes: &ipc_mq_attr_t) -> Result<*mut ipc_mq_t> {
    let plain = Path::of_memory(twin.device, twin.inode);
    match create_at(&plain, twin, sizes) {
        Err(libc::EEXIST) => {}
        created => return created,
    }
    // Usually this is the memory of a twin that is gone, and whose inode number the kernel has given out
    // again.
    let _ = unlink(twin);
    match create_at(&plain, twin, sizes) {
        Err(libc::EEXIST) => {}
        created => return created,
    }
    // It belongs to another user, who may have put it there on purpose.
    let number = random_number()?;
    let random = Path::of_memory_with(twin.device, twin.inode, number);
    create_at(&random, twin, sizes).map_err(|number| match number {
        libc::EEXIST => libc::EACCES,
        number => number,
    })
}

fn create_at(path: &Path, twin: &Identity, sizes: &ipc_mq_attr_t) -> Result<*mut ipc_mq_t> {
    let mut handle = ptr::null_mut();
    let (flags, mode) = (IPC_CREATE | IPC_EXCLUSIVE, mode_for(twin.permissions));
    // SAFETY: the path is a C string, and the pointers lead to the sizes and to room for the answer.
    check(unsafe { ipc_mq_open(&mut handle, path.as_ptr(), sizes, flags, mode) })?;
    // The handle's file was created without a name, and its descriptor shows none in /proc. A descriptor
    // that was opened by name shows it, also after the name is gone, and `holders` searches for it.
    match open(twin) {
        Ok(named) => {
            detach(handle);
            Ok(named)
        }
        // For example because the mode denies access to its own maker.
        Err(_) => Ok(handle),
    }
}

fn random_number() -> Result<u64> {
    let mut number = MaybeUninit::<u64>::uninit();
    // SAFETY: the pointer leads to room for 8 bytes.
    let length = unsafe { libc::getrandom(number.as_mut_ptr().cast(), 8, libc::GRND_NONBLOCK) };
    if length != 8 {
        return Err(libc::EACCES);
    }
    // SAFETY: the kernel has filled in all 8 bytes.
    Ok(unsafe { number.assume_init() })
}

/// Removes the names of a twin's memory. `ENOENT` if there is none, `EPERM` or `EACCES` if this process
/// may not remove it.
pub(crate) fn unlink(twin: &Identity) -> Result<()> {
    let plain = Path::of_memory(twin.device, twin.inode);
    if let Ok(found) = Identity::at(libc::AT_FDCWD, &plain.in_shm()) {
        // ipc_mq_unlink() would look for a FIFO besides, and this queue has none: its descriptor is the
        // twin. A stranger's file goes too if this process may remove it.
        // SAFETY: the path is a C string.
        let removed = check_libc(unsafe { libc::shm_unlink(plain.as_ptr()) });
        if found.may_be_memory_of(twin) {
            return removed.map(drop);
        }
    }
    let mut directory = Directory::open(libc::AT_FDCWD, DIRECTORY)?;
    let fd = directory.fd();
    let mut result = Err(libc::ENOENT);
    while let Some(name) = directory.next_where(|name| plain.is_memory_name(name)) {
        let found = Identity::at(fd, name);
        if found.is_ok_and(|found| found.may_be_memory_of(twin)) {
            // SAFETY: the name is a C string.
            result = check_libc(unsafe { libc::unlinkat(fd, name.as_ptr(), 0) }).map(drop);
        }
    }
    result
}

/// Closes a queue.
pub(crate) fn detach(handle: *mut ipc_mq_t) {
    // SAFETY: librobustipc.so checks the handle, and refuses it from now on.
    unsafe { ipc_mq_close(handle) };
}
