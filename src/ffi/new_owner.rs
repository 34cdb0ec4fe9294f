//! `ipc_new_owner`.

use super::*;
use crate::sys::new_owner::NewOwner;

/// Sets the user and the group that own the objects which this thread creates from now on: named
/// memory and files of memory, queues (also the kernel's), topics, cells, services, semaphores (also the
/// C library's), FIFOs and sockets. A call that creates such an object gives it to them before the object
/// gets its name. (A queue of the kernel and a socket get their name first: for a moment they belong to
/// the caller, with no more permissions than mode.) If that is not permitted, the call returns -EPERM
/// and creates nothing. It does not apply to System V objects, which have
/// ipc_sysv_shm_set_permissions() and two calls like it.
///
/// user: a user's id, or (uid_t)-1 for the usual one: the caller's effective user.
/// group: a group's id, or (gid_t)-1 for the usual one: the caller's effective group, or that of the
/// directory if the directory's set-group-id bit is set.
///
/// Returns: 0. The values are not checked here: the call that creates an object reports what is wrong.
/// Errors: none.
/// Threads: safe; it applies to the calling thread only. Threads begin with the usual user and group.
/// Fork: the child's thread has its parent's setting. exec ends it.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_new_owner(user: libc::uid_t, group: libc::gid_t) -> c_int {
    guard(c"ipc_new_owner", move || {
        NewOwner::set(user, group);
        Ok(0)
    })
}
