//! Listing and removing the objects of every kind that exist on this machine.

use super::handle::{Pinned, Table};
use super::types::{ipc_type_t, type_to_c};
use super::*;
use crate::base::name::Name;
use crate::ipc::list::{self, Listed, ListedKind, Listing, Recorded, Target};
use core::ffi::{c_char, c_uint};

/// Kind of object: POSIX shared memory, made by this library or by another program.
pub const IPC_KIND_SHM: c_int = 0x1;
/// Kind of object: a named semaphore of this library.
pub const IPC_KIND_SEM: c_int = 0x2;
/// Kind of object: a named object of this library whose kind this version does not know.
pub const IPC_KIND_OTHER: c_int = 0x4;
/// Kind of object: a named semaphore of the C library, made by sem_open(), or by
/// ipc_sem_open() with IPC_POSIX.
pub const IPC_KIND_POSIX_SEM: c_int = 0x8;
/// Kind of object: a message queue of the kernel, made by mq_open(), or by
/// ipc_mq_open() with IPC_KERNEL.
pub const IPC_KIND_KERNEL_MQ: c_int = 0x10;
/// Kind of object: a System V shared memory segment.
pub const IPC_KIND_SYSV_SHM: c_int = 0x20;
/// Kind of object: a System V message queue.
pub const IPC_KIND_SYSV_MSG: c_int = 0x40;
/// Kind of object: a System V semaphore set.
pub const IPC_KIND_SYSV_SEM: c_int = 0x80;
/// Kind of object: a message queue of this library, in shared memory.
pub const IPC_KIND_MQ: c_int = 0x100;
/// Kind of object: a topic.
pub const IPC_KIND_TOPIC: c_int = 0x200;
/// Kind of object: a cell.
pub const IPC_KIND_CELL: c_int = 0x400;
/// Kind of object: a service.
pub const IPC_KIND_SERVICE: c_int = 0x800;
/// All the kinds of objects that ipc_list() knows.
pub const IPC_KIND_ALL: c_int = 0xfff;

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
        && IPC_KIND_TOPIC == ListedKind::Topic as c_int
        && IPC_KIND_CELL == ListedKind::Cell as c_int
        && IPC_KIND_SERVICE == ListedKind::Service as c_int
);

/// The object has no record of this library: it was made without this library, or its kind has
/// no record.
pub const IPC_RECORD_NONE: c_int = 0;
/// The object has an intact record of this library.
pub const IPC_RECORD_GOOD: c_int = 1;
/// The object's record is damaged, has another version, or does not fit the object.
pub const IPC_RECORD_DAMAGED: c_int = 2;
/// The caller may not read the object, so it is unknown whether the object has a record.
pub const IPC_RECORD_UNREADABLE: c_int = 3;

/// A list of objects as they were when ipc_list() was called. Ended by ipc_list_close().
pub struct ipc_list_t {
    _private: [u8; 0],
}

/// One object in a list, from ipc_list_next().
#[repr(C)]
pub struct ipc_object_t {
    /// One of the IPC_KIND_ constants.
    pub kind: c_int,
    /// One of the IPC_RECORD_ constants; IPC_RECORD_NONE for kinds that have no record.
    pub record: c_int,
    /// The id of a System V object; otherwise -1.
    pub id: c_int,
    /// The key of a System V object, or 0 for a private one; otherwise 0.
    pub key: c_int,
    /// The user id of the owner.
    pub owner: libc::uid_t,
    /// The group id.
    pub group: libc::gid_t,
    /// The permission bits.
    pub mode: libc::mode_t,
    /// The version of the declared type if the record is good; otherwise 0.
    pub type_version: c_uint,
    /// The object's size. An object in /dev/shm: the bytes of its data if the record is good,
    /// otherwise the bytes of its file. A queue of the kernel or of System V: the bytes that
    /// wait in it now (0 if the caller may not read a kernel queue). A System V shared memory
    /// segment: its bytes. A System V semaphore set: the number of its semaphores.
    pub size: u64,
    /// The number of processes that are known to have the object mapped or open.
    /// ipc_list_users() returns their ids.
    pub users: usize,
    /// 1 if users counts all of them. 0 if there may be more: /proc did not show every
    /// process, or the object is a System V queue or semaphore set, whose users the kernel
    /// does not report.
    pub users_complete: c_int,
    /// The object's index in its list, for ipc_list_users().
    pub index: c_uint,
    /// The name that the object is opened by: a slash, then bytes that may have any value
    /// except a slash and NUL. Empty for System V objects.
    pub name: [c_char; 264],
    /// The name of the declared type if the record is good; empty for untyped memory and
    /// without a good record.
    pub type_name: [c_char; 64],
    /// How much is in the object now: the messages in a queue of this library or of System V, the samples
    /// that a topic keeps, the requests that wait in a service, or the value of a semaphore of this
    /// library. 0 for other objects, and if the caller may not read the object.
    pub count: u64,
    /// How many messages a queue, samples a topic, or requests a service of this library can hold. 0 for
    /// other objects, and if the caller may not read the object.
    pub capacity: u64,
}

static LISTINGS: Table<Listing, { handle::LIST }> = Table::new();

fn listing_of(handle: *const ipc_list_t) -> Result<Pinned<'static, Listing>> {
    LISTINGS.get(handle)
}

/// Makes a list of all objects of some kinds as they are now: their names, owners, sizes and
/// users.
///
/// The list has the objects of the caller's IPC namespace and of /dev/shm, whoever owns them.
/// Kernel queues are visible only with CAP_SYS_ADMIN, or where a file system of type mqueue is
/// mounted (this call mounts nothing). Without that, ipc_list_unlisted() returns
/// IPC_KIND_KERNEL_MQ. Users are found in /proc, which shows other users' processes to
/// privileged callers only.
///
/// out: receives the list, on success only. End it with ipc_list_close().
/// kinds: one or more IPC_KIND_ constants combined by bitwise OR; IPC_KIND_ALL for all kinds.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL or misaligned, or kinds is 0 or has an unknown bit; -EMFILE too
/// many handles are open; -ENOMEM there is no memory.
/// Threads: safe. The call allocates memory and reads /proc of every process.
/// Fork: the child has the list too, with a position of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_list(out: *mut *mut ipc_list_t, kinds: c_int) -> c_int {
    guard(c"ipc_list", move || {
        let out = checked(out, "out")?;
        if kinds == 0 || kinds & !IPC_KIND_ALL != 0 {
            return Err(fail!(
                EINVAL,
                "kinds {kinds:#x}: expected one or more of the bits in {IPC_KIND_ALL:#x}"
            ));
        }
        let room = LISTINGS.room()?;
        let listing = Listing::new(kinds)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(listing)) }
    })
}

/// Returns the next object in a list. The order of the objects is not specified.
///
/// list: from ipc_list().
/// object: receives the description of the object, if the result is 1.
///
/// Returns: 1 if there was an object, 0 at the end of the list, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed or is not of a
/// list.
/// Threads: safe; each object goes to one caller.
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
        count: found.count,
        capacity: found.capacity,
    };
    // File names have at most 255 bytes, type names 63: the last byte stays NUL.
    copy(&mut object.name, found.name.to_bytes());
    copy(&mut object.type_name, found.type_name.to_bytes());
    object
}

fn copy(to: &mut [c_char], from: &[u8]) {
    let space = to.len() - 1;
    for (to, from) in to[..space].iter_mut().zip(from) {
        *to = *from as c_char;
    }
}

/// Returns the processes that had an object of a list mapped or open when the list was made.
///
/// list: from ipc_list().
/// object: from ipc_list_next() on the same list.
/// pids: receives up to capacity process ids in ascending order; may be NULL if capacity is 0.
/// capacity: the number of ids for which pids has room.
///
/// Returns: the number of processes, which may be above capacity; or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned, or the object is from another list; -EBADF
/// the handle is closed or is not of a list.
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
        let users = &listing.object(index)?.users;
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

/// Returns the declared type of an object of a list: its name, version, size, alignment and fields.
///
/// list: from ipc_list().
/// object: from ipc_list_next() on the same list.
/// type: receives the type, on success only. Its strings belong to the list: they stay valid until
/// ipc_list_close().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned, or the object is from another list; -EBADF the
/// handle is closed or is not of a list; -ENODATA the object declares no type; -EOVERFLOW the type is
/// larger than this process's address space.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_list_type(
    list: *const ipc_list_t,
    object: *const ipc_object_t,
    r#type: *mut ipc_type_t,
) -> c_int {
    guard(c"ipc_list_type", move || {
        let object = checked(object.cast_mut(), "object")?;
        let out = checked(r#type, "type")?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        let index = unsafe { object.as_ref() }.index as usize;
        let listing = listing_of(list)?;
        let Some(kind_type) = &listing.object(index)?.kind_type else {
            return Err(fail!(ENODATA, "the object declares no type"));
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, type_to_c(kind_type)?) }?;
        Ok(0)
    })
}

/// Returns the requested kinds whose objects could not be listed.
///
/// list: from ipc_list().
///
/// Returns: IPC_KIND_ constants combined by bitwise OR; 0 if all kinds were listed; or a negative
/// error.
/// Errors: -EINVAL list is NULL; -EBADF the handle is closed or is not of a list.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_list_unlisted(list: *const ipc_list_t) -> c_int {
    guard(c"ipc_list_unlisted", move || Ok(listing_of(list)?.unlisted))
}

/// Ends a list and frees its memory.
///
/// list: from ipc_list(); NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF the handle is closed already or is not of a list.
/// Threads: safe. Calls with this handle that other threads have begun go on: this call does not wait
/// for them, and the last of them releases what the handle stands for.
/// Fork: closes only the calling process's list.
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

/// Removes one object, as the unlink or remove call of its kind does. An object of another
/// kind with that name is left unchanged.
///
/// Processes that have named shared memory, a named semaphore or a named queue open keep it.
/// Waiters on a System V queue or semaphore set fail with -EIDRM.
///
/// kind: exactly one of the IPC_KIND_ constants, as ipc_list_next() returned it.
/// name: the name with its slash; unused for System V objects.
/// id: the id of a System V object; otherwise unused.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL kind is not exactly one kind, or name is NULL or malformed; -ENAMETOOLONG the
/// name is too long; -ENOENT there is no such object; -EMEDIUMTYPE the name belongs to an object of
/// another kind; -EACCES or -EPERM the permissions forbid it; -EMFILE or -ENFILE if too many
/// descriptors are open to examine the object; -ENOMEM if the kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_remove(kind: c_int, name: *const c_char, id: c_int) -> c_int {
    guard(c"ipc_remove", move || {
        let Some(kind) = ListedKind::from_number(kind) else {
            return Err(fail!(
                EINVAL,
                "kind {kind:#x}: expected exactly one of the IPC_KIND_ constants"
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
