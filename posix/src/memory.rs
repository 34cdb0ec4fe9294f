//! The memory of a queue: the queue of librobustipc.so that carries a twin's messages.
//!
//! Its name in /dev/shm is made of the twin's device and inode ([`Path::of_memory`]).

use crate::identity::Identity;
use crate::ipc::{IPC_CREATE, IPC_EXCLUSIVE, ipc_mq_attr_t, ipc_mq_open, ipc_mq_open_fd, ipc_mq_t};
use crate::kernel_twin::detach;
use crate::name::Path;
use crate::{Result, check, check_libc, close, holders};
use core::ptr;

/// Opens the memory of a twin by its name. `ENOENT` if there is none, `ESTALE` if it loses its name
/// meanwhile.
pub(crate) fn open(twin: &Identity) -> Result<*mut ipc_mq_t> {
    open_path(&Path::of_memory(twin.device, twin.inode))
}

fn open_path(path: &Path) -> Result<*mut ipc_mq_t> {
    let mut handle = ptr::null_mut();
    // SAFETY: the path is a C string, the pointer leads to room for the answer, and NULL means that the
    // sizes are not known.
    check(unsafe { ipc_mq_open(&mut handle, path.as_ptr(), ptr::null(), 0, 0) })?;
    Ok(handle)
}

/// Opens the memory of a twin that has lost its name, through a process that has it open. `ENOENT` if no
/// process has.
pub(crate) fn open_nameless(twin: &Identity) -> Result<*mut ipc_mq_t> {
    let path = Path::of_memory(twin.device, twin.inode);
    let file = holders::open_memory(&path).ok_or(libc::ENOENT)?;
    let mut handle = ptr::null_mut();
    // SAFETY: the pointer leads to room for the answer, and the descriptor is open.
    let opened = check(unsafe { ipc_mq_open_fd(&mut handle, file, 0) });
    close(file);
    opened.map(|_| handle)
}

/// Whether a twin certainly has no memory.
pub(crate) fn is_missing(twin: &Identity) -> bool {
    match open(twin) {
        Ok(handle) => {
            detach(handle);
            false
        }
        Err(number) => number == libc::ENOENT,
    }
}

/// Creates the memory of a twin. The caller has the twin's lock.
pub(crate) fn create(twin: &Identity, sizes: &ipc_mq_attr_t) -> Result<*mut ipc_mq_t> {
    let path = Path::of_memory(twin.device, twin.inode);
    let mode = mode_for(twin.permissions);
    let mut handle = ptr::null_mut();
    loop {
        // SAFETY: the path is a C string, and the pointers lead to the sizes and to room for the answer.
        let made = check(unsafe {
            ipc_mq_open(
                &mut handle,
                path.as_ptr(),
                sizes,
                IPC_CREATE | IPC_EXCLUSIVE,
                mode,
            )
        });
        match made {
            // The memory of a twin that is gone: the kernel has given its inode number to the new twin.
            Err(libc::EEXIST) => drop(unlink(twin)),
            made => return made.map(|_| reopen_by_name(&path, handle)),
        }
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

/// Exchanges a handle of new memory for one that was opened by name. Memory is created without a name,
/// and a descriptor from then shows none in /proc. A descriptor that was opened by name shows it, also
/// after the name is gone, and [`holders`] searches for it.
fn reopen_by_name(path: &Path, made: *mut ipc_mq_t) -> *mut ipc_mq_t {
    match open_path(path) {
        Ok(handle) => {
            detach(made);
            handle
        }
        // For example because the mode denies access to its own maker.
        Err(_) => made,
    }
}

/// Removes the name of a twin's memory.
pub(crate) fn unlink(twin: &Identity) -> Result<()> {
    let path = Path::of_memory(twin.device, twin.inode);
    // ipc_mq_unlink() would look for a FIFO besides, and this queue has none: its descriptor is the twin.
    // SAFETY: the path is a C string.
    check_libc(unsafe { libc::shm_unlink(path.as_ptr()) }).map(drop)
}
