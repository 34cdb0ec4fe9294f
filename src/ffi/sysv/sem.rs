//! System V semaphore sets.

use super::*;
use crate::base::alloc::List;
use crate::base::time::Deadline;
use core::ffi::{c_short, c_ushort};

/// Flag of an operation in ipc_sysv_sem_op(): the kernel undoes the change when the process ends,
/// however it ends.
pub const IPC_SYSV_UNDO: c_int = 0x1;

/// The largest value of a semaphore in a System V semaphore set.
pub const IPC_SYSV_SEM_VALUE_MAX: c_uint = 32767;

const _: () = assert!(IPC_SYSV_SEM_VALUE_MAX == system::VALUE_MAX as c_uint);

/// An open System V semaphore set. ipc_sysv_sem_open() and ipc_sysv_sem_open_id() make it,
/// ipc_sysv_sem_close() ends it.
pub struct ipc_sysv_sem_t {
    _private: [u8; 0],
}

/// The kernel's data about a System V semaphore set, from ipc_sysv_sem_stat().
#[repr(C)]
pub struct ipc_sysv_sem_stat_t {
    /// The key. 0 for a private set.
    pub key: c_int,
    /// The id, as ipcs shows it.
    pub id: c_int,
    /// The user id of the owner.
    pub owner: libc::uid_t,
    /// The group id of the owner.
    pub group: libc::gid_t,
    /// The user id of the creator.
    pub creator: libc::uid_t,
    /// The group id of the creator.
    pub creator_group: libc::gid_t,
    /// The permissions, at most 0777.
    pub mode: libc::mode_t,
    /// How many semaphores the set has.
    pub count: c_int,
    /// When an operation was last done, in seconds since 1970; 0 if never.
    pub operation_time: i64,
    /// When the set was created, or its owner or mode last changed, in seconds since 1970.
    pub change_time: i64,
}

/// One operation of ipc_sysv_sem_op().
#[repr(C)]
pub struct ipc_sysv_sem_op_t {
    /// Which semaphore of the set, counted from 0.
    pub index: c_ushort,
    /// Below 0: takes that many, and waits until the value is large enough (P). Above 0: gives
    /// that many (V). 0: waits until the value is 0.
    pub change: c_short,
    /// 0 or IPC_SYSV_UNDO.
    pub flags: c_int,
}

static SETS: Table<sysv::sem::Set, { handle::SYSV_SEM }> = Table::new();

/// Opens the System V semaphore set with this key, or creates it with IPC_CREATE.
///
/// The kernel creates a set and sets its values in two steps. No opener through this library sees
/// the time between the steps: an opener waits for a set that another process is creating. If the
/// creator is killed between the steps, the next opener with IPC_CREATE completes the set and gets
/// IPC_CREATED.
///
/// out: receives the handle, on success only. End it with ipc_sysv_sem_close().
/// key: from ipc_sysv_key(), a number that the programs agree on, or IPC_SYSV_PRIVATE with
/// IPC_CREATE.
/// count: how many semaphores the set has. An existing set must have exactly this many. Without
/// IPC_CREATE, 0 opens a set of any size.
/// values: the first values of a new set: count numbers, each up to IPC_SYSV_SEM_VALUE_MAX. NULL
/// means that all are 0. Unused for an existing set.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER.
/// mode: the exact permissions of a new set; the umask does not count. Unused for an existing one.
/// The use of a set needs read and write permission.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL out is NULL or misaligned, count is out of range, flags or mode is malformed,
/// or key is IPC_SYSV_PRIVATE without IPC_CREATE; -ERANGE a value is too large; -ENOENT there is
/// no such set, and IPC_CREATE is not set; -EEXIST the set exists, and IPC_EXCLUSIVE is set;
/// -EPROTO the set has another count (ipc_last_error() shows both counts); -EAGAIN the set was
/// created but never given values, and IPC_CREATE is not set; or the set's creator has been
/// stopped for 2 s between the two steps; -EACCES the permissions do not allow it, or
/// IPC_CHECK_OWNER refuses it; -ENOSPC a limit of the system is reached (kernel.sem); -ENOMEM
/// there is no memory; -EIDRM the set was removed during the call; -EMFILE this process has too
/// many descriptors or handles; -ENFILE the system has too many open files.
/// Threads: safe. Fork: the child has the handle too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_open(
    out: *mut *mut ipc_sysv_sem_t,
    key: c_int,
    count: c_int,
    values: *const c_ushort,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sysv_sem_open", move || {
        let out = checked(out, "out")?;
        let options = options(flags, KEY_FLAGS, mode)?;
        let number = match c_ushort::try_from(count) {
            Ok(number) if options.create => usize::from(number),
            _ => 0,
        };
        let mut initial = List::new();
        if values.is_null() || number == 0 {
            initial.resize(number, 0)?;
        } else {
            let start = checked(values.cast_mut(), "values")?;
            // SAFETY: checked for NULL and alignment; count numbers by the contract of this call.
            initial.extend(unsafe { core::slice::from_raw_parts(start.as_ptr(), number) })?;
        }
        let room = SETS.room()?;
        let (set, outcome) = sysv::sem::Set::open(key, count, &initial, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(set)) }?;
        Ok(opened(outcome))
    })
}

/// Opens the System V semaphore set with this id. Use it for a private set whose id another
/// process has told.
///
/// out: receives the handle, on success only. End it with ipc_sysv_sem_close().
/// id: from ipc_sysv_sem_id(), or as ipcs shows it.
/// count: how many semaphores the set must have; 0 for any number.
/// flags: 0 or IPC_CHECK_OWNER.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL or misaligned, count is negative, or flags is malformed; -ENOENT
/// there is no such set; -EPROTO the set has another count (ipc_last_error() shows both counts);
/// -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -EIDRM the set was
/// removed during the call; -EMFILE this process has too many handles; -ENOMEM there is no memory.
/// Threads: safe. Fork: the child has the handle too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_open_id(
    out: *mut *mut ipc_sysv_sem_t,
    id: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    guard(c"ipc_sysv_sem_open_id", move || {
        let out = checked(out, "out")?;
        let room = SETS.room()?;
        let set = sysv::sem::Set::open_id(id, count, options(flags, IPC_CHECK_OWNER, 0)?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(set)) }
    })
}

/// Does several operations on a set at once: all of them or none. Waits until all are possible.
///
/// ops: the operations, in the order in which they are done. With IPC_SYSV_UNDO, the kernel undoes
/// an operation when the process ends, also by kill -9. Use it for a permit that must not be lost
/// with its holder.
/// count: how many operations there are, 1 to 500.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the operations are not possible now, and timeout_ns is 0; -ETIMEDOUT timeout_ns
/// has passed; -EINTR a signal handler ran while the call waited, also one with SA_RESTART; -EIDRM
/// the set was removed, before or during the call; -ERANGE a value would exceed
/// IPC_SYSV_SEM_VALUE_MAX; -E2BIG count is 0 or above 500; -EACCES the permissions do not allow
/// it; -ENOSPC or -ENOMEM the kernel has no room to record what is to be undone; -EINVAL a pointer
/// is NULL or misaligned, an index is beyond the set, flags of an operation is malformed, or the
/// timeout is invalid; -EBADF the handle is closed or of another kind.
/// Threads: safe. An operation to be undone belongs to the process. It is undone when the last
/// thread of the process ends. Fork: the child undoes only its own operations. exec keeps what is
/// to be undone.
/// Death: a process that is killed in this call has done all of its operations or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_op(
    set: *mut ipc_sysv_sem_t,
    ops: *const ipc_sysv_sem_op_t,
    count: usize,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_sysv_sem_op", move || {
        let deadline = Deadline::after(timeout_ns)?;
        let set = SETS.get(set)?;
        let start = checked(ops.cast_mut(), "ops")?;
        if count > system::OPERATIONS_MAX {
            return Err(fail!(
                E2BIG,
                "{count} operations; expected 1 to {}",
                system::OPERATIONS_MAX
            ));
        }
        // SAFETY: checked for NULL and alignment; count operations by the contract of this call.
        let ops = unsafe { core::slice::from_raw_parts(start.as_ptr(), count) };
        if let Some(op) = ops.iter().find(|op| op.flags & !IPC_SYSV_UNDO != 0) {
            return Err(fail!(
                EINVAL,
                "flags {:#x} of an operation: expected 0 or IPC_SYSV_UNDO",
                op.flags
            ));
        }
        let operation = |number: usize| sysv::sem::Operation {
            index: ops[number].index,
            change: ops[number].change,
            undo: ops[number].flags & IPC_SYSV_UNDO != 0,
        };
        set.operate(count, operation, deadline)?;
        Ok(0)
    })
}

/// Reads the value of one semaphore, at some moment during the call.
///
/// index: which semaphore of the set, counted from 0.
///
/// Returns: the value, 0 or more, or a negative error.
/// Errors: -EINVAL set is NULL, or the set has no such index; -EBADF the handle is closed or of
/// another kind; -EIDRM the set was removed; -EACCES the caller has no read permission.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_value(set: *const ipc_sysv_sem_t, index: c_int) -> c_int {
    guard(c"ipc_sysv_sem_value", move || SETS.get(set)?.value(index))
}

/// Sets the value of one semaphore, whatever it was (SETVAL). Waiters whose operations become possible
/// go on. The kernel forgets every process's changes of this semaphore that were to be undone.
///
/// index: which semaphore of the set, counted from 0.
/// value: 0 to IPC_SYSV_SEM_VALUE_MAX.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL set is NULL, or the set has no such index; -ERANGE value is negative or above
/// IPC_SYSV_SEM_VALUE_MAX; -EBADF the handle is closed or of another kind; -EIDRM the set was removed;
/// -EACCES the caller has no write permission.
/// Threads: safe.
/// Death: a process that is killed in this call has set the value or not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_set_value(
    set: *mut ipc_sysv_sem_t,
    index: c_int,
    value: c_int,
) -> c_int {
    guard(c"ipc_sysv_sem_set_value", move || {
        SETS.get(set)?.set_value(index, value)?;
        Ok(0)
    })
}

/// Sets the values of all semaphores of a set in one step (SETALL). Waiters whose operations become
/// possible go on. The kernel forgets every process's changes of the set that were to be undone.
///
/// values: count numbers, each up to IPC_SYSV_SEM_VALUE_MAX.
/// count: how many semaphores the set has. Another number is an error.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned, or the set has another count; -ERANGE a value is
/// above IPC_SYSV_SEM_VALUE_MAX; -EBADF the handle is closed or of another kind; -EIDRM the set was
/// removed; -EACCES the caller has no write permission; -ENOMEM the kernel has no memory.
/// Threads: safe.
/// Death: a process that is killed in this call has set all values or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_set_values(
    set: *mut ipc_sysv_sem_t,
    values: *const c_ushort,
    count: c_int,
) -> c_int {
    guard(c"ipc_sysv_sem_set_values", move || {
        let start = checked(values.cast_mut(), "values")?;
        let set = SETS.get(set)?;
        let number = set.checked_count(count)?;
        // SAFETY: checked for NULL and alignment; count numbers by the contract of this call.
        set.set_values(unsafe { core::slice::from_raw_parts(start.as_ptr(), number) })?;
        Ok(0)
    })
}

/// Gives the id of the semaphore set, which ipcs and ipcrm use.
///
/// Returns: the id, 0 or more, or a negative error.
/// Errors: -EINVAL set is NULL; -EBADF the handle is closed or of another kind.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_id(set: *const ipc_sysv_sem_t) -> c_int {
    guard(c"ipc_sysv_sem_id", move || Ok(SETS.get(set)?.id()))
}

/// Reads what the kernel knows about the semaphore set.
///
/// out: receives it, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed or of another
/// kind; -EACCES the caller has no read permission; -EIDRM the set was removed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_stat(
    set: *const ipc_sysv_sem_t,
    out: *mut ipc_sysv_sem_stat_t,
) -> c_int {
    guard(c"ipc_sysv_sem_stat", move || {
        let out = checked(out, "out")?;
        let status = SETS.get(set)?.status()?;
        let permissions = status.permissions;
        let stat = ipc_sysv_sem_stat_t {
            key: permissions.key,
            id: permissions.id,
            owner: permissions.owner,
            group: permissions.group,
            creator: permissions.creator,
            creator_group: permissions.creator_group,
            mode: permissions.mode & 0o777,
            count: c_int::try_from(status.count).unwrap_or(c_int::MAX),
            operation_time: status.operation_time,
            change_time: status.change_time,
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, stat) }
    })
}

/// Sets the owner, the group and the mode of the set, in one step (IPC_SET). Only the owner,
/// the creator and root may do this. The creator keeps these rights when the owner changes.
///
/// owner: a user's id, or (uid_t)-1 to keep the owner.
/// group: a group's id, or (gid_t)-1 to keep the group.
/// mode: the new permissions, at most 0777, or (mode_t)-1 to keep them. They apply to calls that
/// begin later, also with handles that are open.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL set is NULL, mode is malformed, or the user or group does not exist in this
/// user namespace; -EBADF the handle is closed or of another kind; -EPERM the caller is neither
/// owner nor creator; -EACCES a value is to be kept, and the caller has no read permission, or a
/// security module forbids it; -EIDRM the set was removed.
/// Threads: safe. A value that is kept is read first. So if two processes change the same set at
/// once, the later one may set again what the earlier one replaced.
/// Death: a process that is killed in this call has changed everything or nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_set_permissions(
    set: *mut ipc_sysv_sem_t,
    owner: libc::uid_t,
    group: libc::gid_t,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sysv_sem_set_permissions", move || {
        let set = SETS.get(set)?;
        set.set(wanted(owner, group, mode)?)?;
        Ok(0)
    })
}

/// Closes a handle. The semaphore set stays until it is removed.
///
/// set: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF the handle is closed or of another kind.
/// Threads: safe. Calls with this handle in other threads go on to their end.
/// Fork: closes the handle of the calling process only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_close(set: *mut ipc_sysv_sem_t) -> c_int {
    guard(c"ipc_sysv_sem_close", move || {
        if set.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        SETS.close(set)?;
        Ok(0)
    })
}

/// Removes the semaphore set. Calls that wait on it return -EIDRM. The handle stays open until it
/// is closed.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL set is NULL; -EBADF the handle is closed or of another kind; -EIDRM the set was
/// removed already; -EPERM the caller is neither owner nor creator; -EACCES a security module
/// forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_remove(set: *mut ipc_sysv_sem_t) -> c_int {
    guard(c"ipc_sysv_sem_remove", move || {
        SETS.get(set)?.remove()?;
        Ok(0)
    })
}

/// Removes the System V semaphore set with this id, as ipcrm does. Calls that wait on it return
/// -EIDRM.
///
/// id: from ipc_sysv_sem_id(), or as ipcs shows it.
///
/// Returns: 0, or a negative error.
/// Errors: -ENOENT there is no such set; -EPERM the caller is neither owner nor creator; -EACCES a
/// security module forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_remove_id(id: c_int) -> c_int {
    guard(c"ipc_sysv_sem_remove_id", move || {
        sysv::sem::remove(id)?;
        Ok(0)
    })
}
