//! System V shared memory segments.

use super::*;
use core::ffi::c_void;

/// Flag of ipc_sysv_shm_open(), with IPC_CREATE: a new segment consists of huge pages of the system's
/// default size (Hugepagesize in /proc/meminfo). Pages of 2 to the power of N bytes:
/// IPC_SYSV_HUGE | N << IPC_SYSV_HUGE_SHIFT.
pub const IPC_SYSV_HUGE: c_int = 0x10000;
/// The place of N, the logarithm of the size of huge pages, in the flags of ipc_sysv_shm_open().
pub const IPC_SYSV_HUGE_SHIFT: c_int = 20;
/// As IPC_SYSV_HUGE, with pages of 2 MiB.
pub const IPC_SYSV_HUGE_2MB: c_int = 0x1510000;
/// As IPC_SYSV_HUGE, with pages of 1 GiB.
pub const IPC_SYSV_HUGE_1GB: c_int = 0x1e10000;

/// The bits of the flags above.
const HUGE_FLAGS: c_int = IPC_SYSV_HUGE | 0x3f << IPC_SYSV_HUGE_SHIFT;

const _: () = assert!(IPC_SYSV_HUGE_2MB == IPC_SYSV_HUGE | 21 << IPC_SYSV_HUGE_SHIFT);
const _: () = assert!(IPC_SYSV_HUGE_1GB == IPC_SYSV_HUGE | 30 << IPC_SYSV_HUGE_SHIFT);

/// The huge pages that the flags of a C caller ask for.
fn huge(flags: c_int) -> Result<Option<sysv::shm::Huge>> {
    let log = (flags >> IPC_SYSV_HUGE_SHIFT) & 0x3f;
    match (flags & IPC_SYSV_HUGE, flags & IPC_CREATE) {
        (0, _) if log == 0 => Ok(None),
        (0, _) => Err(fail!(
            EINVAL,
            "flags {flags:#x}: a size of huge pages needs IPC_SYSV_HUGE"
        )),
        (_, 0) => Err(fail!(EINVAL, "IPC_SYSV_HUGE needs IPC_CREATE")),
        // 6 bits.
        _ => Ok(Some(sysv::shm::Huge(log as u8))),
    }
}

/// An attached System V shared memory segment. ipc_sysv_shm_open() and ipc_sysv_shm_open_id() make
/// it, ipc_sysv_shm_close() ends it.
pub struct ipc_sysv_shm_t {
    _private: [u8; 0],
}

/// The kernel's data about a System V shared memory segment, from ipc_sysv_shm_stat().
#[repr(C)]
pub struct ipc_sysv_shm_stat_t {
    /// The key. 0 for a private segment, and for a removed one.
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
    /// 1 if the segment was removed and only waits for its last process to detach it; otherwise 0.
    pub removed: c_int,
    /// The size in bytes that the creator asked for.
    pub size: usize,
    /// How often the segment is attached.
    pub attached: usize,
    /// The process that created the segment; 0 if that process is not visible here.
    pub creator_pid: libc::pid_t,
    /// The process that last attached or detached the segment; 0 if there is none, or if that
    /// process is not visible here.
    pub last_pid: libc::pid_t,
    /// When the segment was last attached, in seconds since 1970; 0 if never.
    pub attach_time: i64,
    /// When the segment was last detached, in seconds since 1970; 0 if never.
    pub detach_time: i64,
    /// When the segment was created, or its owner or mode last changed, in seconds since 1970.
    pub change_time: i64,
}

static SEGMENTS: Table<sysv::shm::Segment, { handle::SYSV_SHM }> = Table::new();

/// Attaches the System V shared memory segment with this key, or creates it, filled with zeros,
/// with IPC_CREATE. A segment is created and sized in one step, so no process sees an incomplete
/// one. The segment outlives all processes until it is removed: detaching does not delete it.
///
/// out: receives the handle, on success only. End it with ipc_sysv_shm_close().
/// key: from ipc_sysv_key(), a number that the programs agree on, or IPC_SYSV_PRIVATE with
/// IPC_CREATE.
/// size: the size in bytes, at least 1. An existing segment must have exactly this size, so that
/// two programs that disagree about a struct find out here.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY, IPC_CHECK_OWNER, and with IPC_CREATE
/// one of IPC_SYSV_HUGE, IPC_SYSV_HUGE_2MB and IPC_SYSV_HUGE_1GB. A new segment then consists of huge
/// pages, which the kernel reserves at once. For an existing segment they are unused.
/// mode: the exact permissions of a new segment; the umask does not count. Unused for an existing
/// one.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL out is NULL or misaligned, size is 0 or above kernel.shmmax, flags or mode is
/// malformed, this system has no huge pages of the wanted size, or key is IPC_SYSV_PRIVATE without
/// IPC_CREATE; -ENOENT there is no such segment, and IPC_CREATE is not set; -EEXIST the segment
/// exists, and IPC_EXCLUSIVE is set; -EPROTO the segment has another size (ipc_last_error() shows
/// both sizes); -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -ENOSPC a
/// limit of the system is reached (kernel.shmmni, kernel.shmall); -ENOMEM there is no memory or no
/// address space, or too few huge pages are free (vm.nr_hugepages); -EPERM the caller may not use
/// huge pages: this needs CAP_IPC_LOCK, the group in vm.hugetlb_shm_group, or room in
/// RLIMIT_MEMLOCK; -EOPNOTSUPP the kernel has no huge pages; -EIDRM the segment was removed during
/// the call; -EMFILE this process has too many handles.
/// Threads: safe. Fork: the child has the handle and the memory too. exec detaches the memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_open(
    out: *mut *mut ipc_sysv_shm_t,
    key: c_int,
    size: usize,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sysv_shm_open", move || {
        let out = checked(out, "out")?;
        let huge = huge(flags)?;
        let flags = flags & !HUGE_FLAGS;
        let options = options(flags, KEY_FLAGS | IPC_READ_ONLY, mode)?;
        let room = SEGMENTS.room()?;
        let (segment, outcome) = sysv::shm::Segment::open(key, size, huge, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(segment)) }?;
        Ok(opened(outcome))
    })
}

/// Attaches the System V shared memory segment with this id. Use it for a private segment whose id
/// another process has told.
///
/// out: receives the handle, on success only. End it with ipc_sysv_shm_close().
/// id: from ipc_sysv_shm_id(), or as ipcs shows it.
/// size: the size in bytes. It must be the segment's size.
/// flags: 0 or any of IPC_READ_ONLY, IPC_CHECK_OWNER.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL or misaligned, size is 0, or flags is malformed; -ENOENT there is
/// no such segment; -EPROTO the segment has another size (ipc_last_error() shows both sizes);
/// -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -EIDRM the segment was
/// removed during the call; -ENOMEM there is no memory or no address space; -EMFILE this process
/// has too many handles.
/// Threads: safe. Fork: the child has the handle and the memory too. exec detaches the memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_open_id(
    out: *mut *mut ipc_sysv_shm_t,
    id: c_int,
    size: usize,
    flags: c_int,
) -> c_int {
    guard(c"ipc_sysv_shm_open_id", move || {
        let out = checked(out, "out")?;
        let options = options(flags, IPC_READ_ONLY | IPC_CHECK_OWNER, 0)?;
        let room = SEGMENTS.room()?;
        let segment = sysv::shm::Segment::open_id(id, size, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(segment)) }
    })
}

/// Gives the address of the attached memory. Writing to memory attached with IPC_READ_ONLY raises
/// SIGSEGV.
///
/// Returns: the address, aligned to pages and valid until ipc_sysv_shm_close(); NULL for a handle
/// that is NULL, closed or of another kind.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_data(shm: *const ipc_sysv_shm_t) -> *mut c_void {
    guard(c"ipc_sysv_shm_data", move || {
        Ok(SEGMENTS.get(shm)?.data().as_ptr().cast::<c_void>())
    })
}

/// Gives the size of the segment.
///
/// Returns: the size in bytes, as given when the segment was opened; 0 for a handle that is NULL,
/// closed or of another kind.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_size(shm: *const ipc_sysv_shm_t) -> usize {
    guard(c"ipc_sysv_shm_size", move || Ok(SEGMENTS.get(shm)?.size()))
}

/// Gives the id of the segment, which ipcs and ipcrm use.
///
/// Returns: the id, 0 or more, or a negative error.
/// Errors: -EINVAL shm is NULL; -EBADF the handle is closed or of another kind.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_id(shm: *const ipc_sysv_shm_t) -> c_int {
    guard(c"ipc_sysv_shm_id", move || Ok(SEGMENTS.get(shm)?.id()))
}

/// Reads what the kernel knows about the segment.
///
/// out: receives it, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed or of another
/// kind; -EACCES the caller has no read permission; -EIDRM the segment was removed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_stat(
    shm: *const ipc_sysv_shm_t,
    out: *mut ipc_sysv_shm_stat_t,
) -> c_int {
    guard(c"ipc_sysv_shm_stat", move || {
        let out = checked(out, "out")?;
        let status = SEGMENTS.get(shm)?.status()?;
        let permissions = status.permissions;
        let stat = ipc_sysv_shm_stat_t {
            key: permissions.key,
            id: permissions.id,
            owner: permissions.owner,
            group: permissions.group,
            creator: permissions.creator,
            creator_group: permissions.creator_group,
            mode: permissions.mode & 0o777,
            removed: c_int::from(status.is_removed),
            size: status.size,
            attached: to_size(status.attached),
            creator_pid: status.creator_pid,
            last_pid: status.last_pid,
            attach_time: status.attach_time,
            detach_time: status.detach_time,
            change_time: status.change_time,
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, stat) }
    })
}

/// Sets the owner, the group and the mode of the segment, in one step (IPC_SET). Only the owner,
/// the creator and root may do this. The creator keeps these rights when the owner changes. A
/// removed segment that is still attached can be changed too. Memory that is attached stays
/// attached, whatever the mode.
///
/// owner: a user's id, or (uid_t)-1 to keep the owner.
/// group: a group's id, or (gid_t)-1 to keep the group.
/// mode: the new permissions, at most 0777, or (mode_t)-1 to keep them. They apply to calls that
/// begin later, also with handles that are open.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL shm is NULL, mode is malformed, or the user or group does not exist in this
/// user namespace; -EBADF the handle is closed or of another kind; -EPERM the caller is neither
/// owner nor creator; -EACCES a value is to be kept, and the caller has no read permission, or a
/// security module forbids it; -EIDRM the segment was removed.
/// Threads: safe. A value that is kept is read first. So if two processes change the same segment at
/// once, the later one may set again what the earlier one replaced.
/// Death: a process that is killed in this call has changed everything or nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_set_permissions(
    shm: *mut ipc_sysv_shm_t,
    owner: libc::uid_t,
    group: libc::gid_t,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sysv_shm_set_permissions", move || {
        let shm = SEGMENTS.get(shm)?;
        shm.set(wanted(owner, group, mode)?)?;
        Ok(0)
    })
}

/// Closes a handle and detaches its memory. The segment and its data stay until the segment is
/// removed.
///
/// shm: NULL does nothing. No thread may use the memory any more, and none may hold a lock in it.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF the handle is closed or of another kind; -EBUSY this thread holds a lock in the
/// memory, and the handle stays open.
/// Threads: safe. Calls with this handle that other threads have begun go on: this call does not wait
/// for them, and the last of them releases what the handle stands for.
/// Fork: detaches the memory from the calling process only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_close(shm: *mut ipc_sysv_shm_t) -> c_int {
    guard(c"ipc_sysv_shm_close", move || {
        if shm.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        SEGMENTS.get(shm)?.check_closable()?;
        SEGMENTS.close(shm)?;
        Ok(0)
    })
}

/// Removes the segment. Afterwards no key leads to it. Processes that have it attached keep it,
/// and it is gone when the last of them has detached it. The handle stays open until it is closed.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL shm is NULL; -EBADF the handle is closed or of another kind; -EIDRM the segment
/// was removed already; -EPERM the caller is neither owner nor creator; -EACCES a security module
/// forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_remove(shm: *mut ipc_sysv_shm_t) -> c_int {
    guard(c"ipc_sysv_shm_remove", move || {
        SEGMENTS.get(shm)?.remove()?;
        Ok(0)
    })
}

/// Removes the System V shared memory segment with this id, as ipcrm does. Afterwards no key leads
/// to it. Processes that have it attached keep it, and it is gone when the last of them has
/// detached it.
///
/// id: from ipc_sysv_shm_id(), or as ipcs shows it.
///
/// Returns: 0, or a negative error.
/// Errors: -ENOENT there is no such segment; -EPERM the caller is neither owner nor creator;
/// -EACCES a security module forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_remove_id(id: c_int) -> c_int {
    guard(c"ipc_sysv_shm_remove_id", move || {
        sysv::shm::remove(id)?;
        Ok(0)
    })
}
