//! System V shared memory, message queues and semaphore sets. The calls are in the modules below;
//! the keys are here.

use super::handle::{self, Table};
use super::*;
use crate::ipc::sysv;
use crate::sys::sysv as system;
use core::ffi::{c_char, c_uint};

// The generated header has the order of these modules. The blank lines keep rustfmt from sorting
// them.
pub mod shm;

pub mod msg;

pub mod sem;

/// Use it in place of a key for a new object that no key leads to. Children inherit the handle.
/// Other processes open the object by its id.
pub const IPC_SYSV_PRIVATE: c_int = 0;

const _: () = assert!(IPC_SYSV_PRIVATE == system::PRIVATE);

/// Computes the System V key for a path and a project number. It is the key that ftok() gives, so
/// programs with and without this library get the same key. Two paths can have the same key: a key
/// holds 16 bits of the inode number and 8 bits of the device number.
///
/// out: receives the key (a key_t is an int), on success only. The key is not the result, because
/// -1 is a valid key.
/// path: an existing file. A symbolic link is followed. If the file is removed and re-created, its
/// key changes.
/// project: 1 to 255, for example a letter.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned, or project is out of range; -ENOENT there is no
/// such file; -ENOTDIR a part of the path is not a directory; -EACCES a directory on the path may
/// not be searched; -ELOOP the path has too many symbolic links; -ENAMETOOLONG the path is too
/// long; -ENOMEM the kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_key(
    out: *mut c_int,
    path: *const c_char,
    project: c_int,
) -> c_int {
    guard(c"ipc_sysv_key", move || {
        let out = checked(out, "out")?;
        // SAFETY: by the contract of this call.
        let path = unsafe { path_from_c(path) }?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, sysv::key(path, project)?) }
    })
}

/// The owner, group and mode that a C caller asks for; -1 keeps each of them.
fn wanted(owner: libc::uid_t, group: libc::gid_t, mode: libc::mode_t) -> Result<sysv::Wanted> {
    let mode = (mode != libc::mode_t::MAX).then_some(mode);
    if let Some(mode) = mode {
        check_mode(mode)?;
    }
    Ok(sysv::Wanted {
        owner: (owner != libc::uid_t::MAX).then_some(owner),
        group: (group != libc::gid_t::MAX).then_some(group),
        mode,
    })
}

/// The flags of the calls that open by key.
const KEY_FLAGS: c_int = IPC_CREATE | IPC_EXCLUSIVE | IPC_CHECK_OWNER;

/// A count from the kernel as a C size.
fn to_size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
