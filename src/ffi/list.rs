//! Listing and removing objects of every kind.

use super::handle::{Pinned, Table};
use super::*;
use crate::base::name::Name;
use crate::ipc::list::{self, Listed, ListedKind, Listing, Recorded, Target};
use core::ffi::{c_char, c_uint};

/// Kind: POSIX shared memory, made by this library or by another program.
pub const IPC_KIND_SHM: c_int = 0x1;
/// Kind: a named semaphore of this library.
pub const IPC_KIND_SEM: c_int = 0x2;
/// Kind: another named object of this library.
pub const IPC_KIND_OTHER: c_int = 0x4;
/// Kind: a named semaphore of the C library, from sem_open().
pub const IPC_KIND_POSIX_SEM: c_int = 0x8;
/// Kind: a message queue of the kernel, from mq_open().
pub const IPC_KIND_KERNEL_MQ: c_int = 0x10;
/// Kind: a System V shared memory segment.
pub const IPC_KIND_SYSV_SHM: c_int = 0x20;
/// Kind: a System V message queue.
pub const IPC_KIND_SYSV_MSG: c_int = 0x40;
/// Kind: a System V semaphore set.
pub const IPC_KIND_SYSV_SEM: c_int = 0x80;
/// Kind: a message queue of this library.
pub const IPC_KIND_MQ: c_int = 0x100;
/// All the kinds there are.
pub const IPC_KIND_ALL: c_int = 0x1ff;

const _: () = assert!(
    IPC_KIND_SHM == ListedKind::Shm as c_int
        && IPC_KIND_SEM == ListedKind::Sem as c_int
        && IPC_KIND_OTHER == ListedKind::Other as c_int
        && IPC_KIND_POSIX_SEM == ListedKind::PosixSem as c_int
        && IPC_KIND_KERNEL_MQ == ListedKind::KernelMq as c_int
        && IPC_KIND_SYSV_SHM == ListedKind::SysvShm as c_int
        && IPC_KIND_SYSV_MSG == ListedKind::SysvMsg as c_int
        && IPC_KIND_SYSV_SEM == ListedKind::SysvSem as c_int
        && IPC_KIND_MQ == ListedKind::Mq as c_int
);

/// Record: none; the object was made without this library.
pub const IPC_RECORD_NONE: c_int = 0;
/// Record: good.
pub const IPC_RECORD_GOOD: c_int = 1;
/// Record: damaged, of another version, or not about this object.
pub const IPC_RECORD_DAMAGED: c_int = 2;
/// Record: the caller may not read the object.
pub const IPC_RECORD_UNREADABLE: c_int = 3;

/// A list of objects as they were when ipc_list() was called. Ended by ipc_list_close().
pub struct ipc_list_t {
    _private: [u8; 0],
}

/// One object, as ipc_list_next() tells of it.
#[repr(C)]
pub struct ipc_object_t {
    /// One of the IPC_KIND_ constants.
    pub kind: c_int,
    /// One of the IPC_RECORD_ constants; IPC_RECORD_NONE for kinds that have no record.
    pub record: c_int,
    /// System V: the id. Else -1.
    pub id: c_int,
    /// System V: the key, 0 for a private object. Else 0.
    pub key: c_int,
    /// Who owns it.
    pub owner: libc::uid_t,
    /// Its group.
    pub group: libc::gid_t,
    /// The permissions.
    pub mode: libc::mode_t,
    /// With a good record: the version of the declared type.
    pub type_version: c_uint,
    /// Shared memory and this library's queues: the bytes of their data. Other queues: the bytes
    /// in them now (0 too where the caller may not read a queue of the kernel). System V semaphore
    /// sets: how many semaphores. Others: the bytes of their file.
    pub size: u64,
    /// How many processes are known to have it mapped or open: ipc_list_users() tells which.
    pub users: usize,
    /// 1 if those are all; 0 if there may be more, because /proc did not tell of every process, or
    /// because nobody knows, as with System V queues and semaphores.
    pub users_complete: c_int,
    /// The object's place in its list.
    pub index: c_uint,
    /// The name to open it by, with its slash, any bytes but a slash behind it; empty for System V.
    pub name: [c_char; 264],
    /// With a good record: the name of the declared type; empty for untyped memory.
    pub type_name: [c_char; 64],
}

static LISTINGS: Table<Listing, { handle::LIST }> = Table::new();

// Not inlined: once in the library, not once per export.
#[inline(never)]
fn listing_of(handle: *const ipc_list_t) -> Result<Pinned<'static, Listing>> {
    LISTINGS.get(handle)
}

/// Lists the objects of these kinds that the caller can see: names, owners, sizes, and who uses
/// them.
///
/// Seen are all objects of the caller's IPC namespace and /dev/shm, whoever owns them. Queues
/// of the kernel need CAP_SYS_ADMIN or a mounted file system of type mqueue (nothing is mounted
/// by this call); without them the queues are left out, and ipc_list_unlisted() says so. Users
/// are looked for in /proc: of other users' processes only privileged callers see them.
///
/// out: receives the list, on success only. End it with ipc_list_close().
/// kinds: any of the IPC_KIND_ constants, added up; IPC_KIND_ALL for all.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL, or kinds is 0 or has unknown bits; -EMFILE too many handles.
/// Threads: safe. Fork: the child has the list too, with a place of its own in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_list(out: *mut *mut ipc_list_t, kinds: c_int) -> c_int {
    guard(c"ipc_list", move || {
        let out = checked(out, "out")?;
        if kinds == 0 || kinds & !IPC_KIND_ALL != 0 {
            return Err(fail!(
                EINVAL,
                "kinds {kinds:#x}: expected any of {IPC_KIND_ALL:#x}"
            ));
        }
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, LISTINGS.insert(Listing::new(kinds))?) }
    })
}

/// Tells of the next object in a list. Objects of one kind stand together.
///
/// object: receives what is known of it, if there is one.
///
/// Returns: 1 if there was one, 0 at the end, or a negative error.
/// Errors: -EINVAL a NULL; -EBADF a closed or foreign handle.
/// Threads: safe; each object is given to one caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_list_next(list: *mut ipc_list_t, object: *mut ipc_object_t) -> c_int {
    guard(c"ipc_list_next", move || {
        let object = checked(object, "object")?;
        let listing = listing_of(list)?;
        let Some((index, found)) = listing.next() else {
            return Ok(0);
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(object, object_of(index, found)) }?;
        Ok(1)
    })
}

fn object_of(index: usize, found: &Listed) -> ipc_object_t {
    let mut object = ipc_object_t {
        kind: found.kind as c_int,
        record: match found.recorded {
            Recorded::No => IPC_RECORD_NONE,
            Recorded::Yes => IPC_RECORD_GOOD,
            Recorded::Damaged => IPC_RECORD_DAMAGED,
            Recorded::Unreadable => IPC_RECORD_UNREADABLE,
        },
        id: found.id,
        key: found.key,
        owner: found.owner,
        group: found.group,
        mode: found.mode,
        type_version: found.type_version,
        size: found.size,
        users: found.users.len(),
        users_complete: found.users_complete.into(),
        index: c_uint::try_from(index).unwrap_or(c_uint::MAX),
        name: [0; 264],
        type_name: [0; 64],
    };
    // File names have at most 255 bytes, type names 63: the last byte stays NUL.
    copy(&mut object.name, &found.name);
    copy(&mut object.type_name, &found.type_name);
    object
}

fn copy(to: &mut [c_char], from: &[u8]) {
    let space = to.len() - 1;
    for (to, from) in to[..space].iter_mut().zip(from) {
        *to = *from as c_char;
    }
}

/// The processes that have an object of the list mapped or open.
///
/// object: from ipc_list_next() on the same list.
/// pids: receives up to capacity process ids in ascending order; may be NULL if capacity is 0.
///
/// Returns: how many there are, which may be more than capacity, or a negative error.
/// Errors: -EINVAL a NULL, or an object of another list; -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_list_users(
    list: *const ipc_list_t,
    object: *const ipc_object_t,
    pids: *mut libc::pid_t,
    capacity: usize,
) -> c_int {
    guard(c"ipc_list_users", move || {
        let object = checked(object.cast_mut(), "object")?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        let index = unsafe { object.as_ref() }.index as usize;
        let listing = listing_of(list)?;
        let users = listing.users(index)?;
        let count = users.len().min(capacity);
        if count != 0 {
            let pids = checked(pids, "pids")?;
            // SAFETY: checked for NULL and alignment; capacity ids by the contract of this call.
            unsafe {
                pids.as_ptr()
                    .copy_from_nonoverlapping(users.as_ptr(), count)
            };
        }
        Ok(c_int::try_from(users.len()).unwrap_or(c_int::MAX))
    })
}

/// Which of the kinds that were asked for could not be listed.
///
/// Returns: IPC_KIND_ constants, added up; 0 if all were listed; or a negative error.
/// Errors: -EINVAL list is NULL; -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_list_unlisted(list: *const ipc_list_t) -> c_int {
    guard(c"ipc_list_unlisted", move || Ok(listing_of(list)?.unlisted))
}

/// Ends a list.
///
/// list: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_list_close(list: *mut ipc_list_t) -> c_int {
    guard(c"ipc_list_close", move || {
        if list.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        LISTINGS.close(list)?;
        Ok(0)
    })
}

/// Removes one object, as the unlink and remove call of its kind does: those who have it open
/// keep shared memory, semaphores and queues with a name; those who wait on a System V queue or
/// semaphore get -EIDRM. An object of another kind at that name is left alone.
///
/// kind: exactly one of the IPC_KIND_ constants, as ipc_list_next() gave it.
/// name: the name, with its slash; unused for System V.
/// id: the id of a System V object; else unused.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL kind is not one kind, or name is NULL or malformed; -ENAMETOOLONG the name;
/// -ENOENT there is none; -EMEDIUMTYPE the name belongs to another kind of object; -EACCES or
/// -EPERM not permitted.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_remove(kind: c_int, name: *const c_char, id: c_int) -> c_int {
    guard(c"ipc_remove", move || {
        let Some(kind) = ListedKind::from_number(kind) else {
            return Err(fail!(
                EINVAL,
                "kind {kind:#x}: expected one of the IPC_KIND_ constants"
            ));
        };
        if list::has_name(kind) {
            // SAFETY: by the contract of this call.
            let name = unsafe { Name::from_c(name) }?;
            list::remove(kind, Target::Named(&name))?;
        } else {
            list::remove(kind, Target::Id(id))?;
        }
        Ok(0)
    })
}
