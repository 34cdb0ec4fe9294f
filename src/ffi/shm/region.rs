//! Using, closing and removing regions.

use super::*;
use crate::base::name::Name;
use crate::ipc::shm;

/// Returns the address of the shared memory.
///
/// shm: an open handle.
///
/// Returns: the address, page-aligned, valid until ipc_shm_close(); NULL if the handle is NULL,
/// closed or foreign (ipc_last_error() says which). If the handle was opened with IPC_READ_ONLY,
/// writing there causes SIGSEGV.
/// Threads: safe.
/// Fork: the address is valid in the child too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_data(shm: *const ipc_shm_t) -> *mut c_void {
    guard(c"ipc_shm_data", move || {
        Ok(REGIONS.get(shm)?.data().as_ptr().cast::<c_void>())
    })
}

/// Returns the size of the shared memory.
///
/// shm: an open handle.
///
/// Returns: the size in bytes, as given when the handle was opened; 0 if the handle is NULL,
/// closed or foreign.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_size(shm: *const ipc_shm_t) -> usize {
    guard(c"ipc_shm_size", move || Ok(REGIONS.get(shm)?.size()))
}

/// Returns the descriptor of the memory, for sending to another process or for fstat().
///
/// shm: an open handle.
///
/// Returns: a close-on-exec descriptor that belongs to the handle: do not close it; or a negative
/// error.
/// Errors: -EINVAL if shm is NULL; -EBADF if the handle is closed or foreign; -ENOTSUP if the
/// memory is anonymous and so has no descriptor.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_fd(shm: *const ipc_shm_t) -> c_int {
    guard(c"ipc_shm_fd", move || REGIONS.get(shm)?.descriptor())
}

/// Tells whether the object's name was removed, or given to another object, since the object was
/// opened. Processes that have the object open can still use it, but a process that opens the name
/// finds another object or none.
///
/// shm: an open handle.
///
/// Returns: 1 if the name was removed or given to another object, 0 if not, or a negative error.
/// Anonymous and sealed memory never had a name: 0.
/// Errors: -EINVAL if shm is NULL; -EBADF if the handle is closed or foreign; -EACCES if the system
/// does not let this process examine the object; -ENOMEM if the kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_stale(shm: *const ipc_shm_t) -> c_int {
    guard(c"ipc_shm_stale", move || {
        Ok(c_int::from(REGIONS.get(shm)?.is_stale()?))
    })
}

/// Writes the data of a memory-mapped file to its disk and waits until it is there. Other
/// processes see changes at once, without this call. A handle opened with IPC_READ_ONLY has
/// nothing to write: 0.
///
/// shm: an open handle.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if shm is NULL; -EBADF if the handle is closed or foreign; -ENOTSUP if the
/// memory is anonymous; -EIO if the disk failed; -ENOSPC if the file system has no room for the
/// data; -EIO if an earlier call on this handle failed. The data that it should have written may be
/// lost: open the region again, write all data again, and sync that handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_sync(shm: *mut ipc_shm_t) -> c_int {
    guard(c"ipc_shm_sync", move || {
        REGIONS.get(shm)?.synchronize()?;
        Ok(0)
    })
}

/// Ends a handle and unmaps its memory. A named object exists until its name is removed with
/// ipc_shm_unlink() and the last process has closed it. A file exists until its path is removed
/// with unlink().
///
/// shm: an open handle; NULL does nothing. No thread may use the memory any more or hold a lock in
/// it.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF if the handle is closed or foreign; -EBUSY if this thread holds a lock that lies
/// in the memory: the handle stays open.
/// Threads: safe. Calls with this handle that other threads have begun go on: this call does not wait
/// for them, and the last of them releases what the handle stands for.
/// Fork: closes the calling process's handle only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_close(shm: *mut ipc_shm_t) -> c_int {
    guard(c"ipc_shm_close", move || {
        if shm.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        REGIONS.get(shm)?.check_closable()?;
        REGIONS.close(shm)?;
        Ok(0)
    })
}

/// Removes the name of a region of shared memory, or of shared memory that a program created without
/// this library. Every other object or file with that name is left unchanged: semaphores and queues,
/// the C library's semaphores, FIFOs, sockets, symbolic links and directories. Processes that have the object open can still use it, and ipc_shm_stale() then
/// returns 1.
///
/// name: "/" followed by 1 to 250 bytes that contain no slash.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes;
/// -ENOENT if no such object exists; -EMEDIUMTYPE if the name belongs to another kind of object;
/// -EACCES or -EPERM if the permissions do not allow it; -EMFILE or -ENFILE if too many descriptors
/// are open to examine the object; -ENOMEM if the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
/// if another file system is mounted on the file.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_unlink(name: *const c_char) -> c_int {
    guard(c"ipc_shm_unlink", move || {
        // SAFETY: by the contract of this call.
        shm::unlink(&unsafe { Name::from_c(name) }?)?;
        Ok(0)
    })
}
