//! System V shared memory, message queues and semaphore sets.

use super::handle::{Pinned, Table};
use super::*;
use crate::base::time::Deadline;
use crate::ipc::sysv::{self, msg, sem, shm};
use crate::object::path_from_c;
use crate::sys::sysv as system;
use core::ffi::{c_char, c_long, c_short, c_uint, c_ushort, c_void};
use core::mem::MaybeUninit;

/// In place of a key: a new object that no key leads to. Children inherit its handle, and others
/// open it by its id.
pub const IPC_SYSV_PRIVATE: c_int = 0;

/// For ipc_sysv_msg_receive(): the oldest message, whatever its type.
pub const IPC_MSG_ANY: c_int = 0;
/// For ipc_sysv_msg_receive(): the oldest message whose type equals wanted.
pub const IPC_MSG_TYPE: c_int = 1;
/// For ipc_sysv_msg_receive(): of the types in the queue that are not above wanted the lowest,
/// and of its messages the oldest.
pub const IPC_MSG_UP_TO: c_int = 2;
/// For ipc_sysv_msg_receive(): the oldest message whose type is another than wanted.
pub const IPC_MSG_EXCEPT: c_int = 3;

/// Flag of an operation on a semaphore: the kernel takes the change back when the process ends,
/// however it ends.
pub const IPC_SYSV_UNDO: c_int = 0x1;

/// The largest value of a semaphore in a set.
pub const IPC_SYSV_SEM_VALUE_MAX: c_uint = 32767;

const _: () = assert!(IPC_SYSV_PRIVATE == system::PRIVATE);
const _: () = assert!(IPC_SYSV_SEM_VALUE_MAX == system::VALUE_MAX as c_uint);

/// An attached System V shared memory segment. Ended by ipc_sysv_shm_close().
pub struct ipc_sysv_shm_t {
    _private: [u8; 0],
}

/// An open System V message queue. Ended by ipc_sysv_msg_close().
pub struct ipc_sysv_msg_t {
    _private: [u8; 0],
}

/// An open System V semaphore set. Ended by ipc_sysv_sem_close().
pub struct ipc_sysv_sem_t {
    _private: [u8; 0],
}

/// What the kernel knows of a segment.
#[repr(C)]
pub struct ipc_sysv_shm_stat_t {
    /// The key; 0 for a private or removed segment.
    pub key: c_int,
    /// The id, as ipcs shows it.
    pub id: c_int,
    /// Who owns it.
    pub owner: libc::uid_t,
    /// Its group.
    pub group: libc::gid_t,
    /// Who created it.
    pub creator: libc::uid_t,
    /// The creator's group.
    pub creator_group: libc::gid_t,
    /// The permissions, 0777 at most.
    pub mode: libc::mode_t,
    /// 1 if it was removed and only awaits its last detaching, else 0.
    pub removed: c_int,
    /// In bytes, as its creator asked for it.
    pub size: usize,
    /// How often it is attached.
    pub attached: usize,
    /// The process that created it. All processes: 0 for one not visible here.
    pub creator_pid: libc::pid_t,
    /// Who last attached or detached it.
    pub last_pid: libc::pid_t,
    /// When it was last attached. All times: seconds since 1970; 0 for never.
    pub attach_time: i64,
    /// When it was last detached.
    pub detach_time: i64,
    /// When it was created or its owner or mode last changed.
    pub change_time: i64,
}

/// What the kernel knows of a queue.
#[repr(C)]
pub struct ipc_sysv_msg_stat_t {
    /// The key; 0 for a private queue.
    pub key: c_int,
    /// The id, as ipcs shows it.
    pub id: c_int,
    /// Who owns it.
    pub owner: libc::uid_t,
    /// Its group.
    pub group: libc::gid_t,
    /// Who created it.
    pub creator: libc::uid_t,
    /// The creator's group.
    pub creator_group: libc::gid_t,
    /// The permissions, 0777 at most.
    pub mode: libc::mode_t,
    /// Who last sent; 0 for nobody, or a process not visible here.
    pub last_sender: libc::pid_t,
    /// Who last received.
    pub last_receiver: libc::pid_t,
    /// Messages in the queue.
    pub messages: usize,
    /// Their bytes in all.
    pub bytes: usize,
    /// How many bytes there may be.
    pub bytes_max: usize,
    /// When a message was last sent. All times: seconds since 1970; 0 for never.
    pub send_time: i64,
    /// When a message was last received.
    pub receive_time: i64,
    /// When it was created or its owner or mode last changed.
    pub change_time: i64,
}

/// What the kernel knows of a semaphore set.
#[repr(C)]
pub struct ipc_sysv_sem_stat_t {
    /// The key; 0 for a private set.
    pub key: c_int,
    /// The id, as ipcs shows it.
    pub id: c_int,
    /// Who owns it.
    pub owner: libc::uid_t,
    /// Its group.
    pub group: libc::gid_t,
    /// Who created it.
    pub creator: libc::uid_t,
    /// The creator's group.
    pub creator_group: libc::gid_t,
    /// The permissions, 0777 at most.
    pub mode: libc::mode_t,
    /// How many semaphores it has.
    pub count: c_int,
    /// When an operation last took place. All times: seconds since 1970; 0 for never.
    pub operation_time: i64,
    /// When it was created or its owner or mode last changed.
    pub change_time: i64,
}

/// One operation of ipc_sysv_sem_op().
#[repr(C)]
pub struct ipc_sysv_sem_op_t {
    /// Which semaphore of the set, counted from 0.
    pub index: c_ushort,
    /// Below 0: takes so many, waiting until they are there (P). Above 0: gives so many (V). 0:
    /// waits until the value is 0.
    pub change: c_short,
    /// 0 or IPC_SYSV_UNDO.
    pub flags: c_int,
}

static SEGMENTS: Table<shm::Segment, { handle::SYSV_SHM }> = Table::new();
static QUEUES: Table<msg::SysvQueue, { handle::SYSV_MSG }> = Table::new();
static SETS: Table<sem::Set, { handle::SYSV_SEM }> = Table::new();

// Not inlined: once in the library, not once per export.
#[inline(never)]
fn segment_of(handle: *const ipc_sysv_shm_t) -> Result<Pinned<'static, shm::Segment>> {
    SEGMENTS.get(handle)
}

#[inline(never)]
fn queue_of(handle: *const ipc_sysv_msg_t) -> Result<Pinned<'static, msg::SysvQueue>> {
    QUEUES.get(handle)
}

#[inline(never)]
fn set_of(handle: *const ipc_sysv_sem_t) -> Result<Pinned<'static, sem::Set>> {
    SETS.get(handle)
}

/// Computes the System V key for a path and a project number: the one that ftok() gives, so that
/// programs with and without this library meet. Two paths can have the same key: a key holds
/// 16 bits of the inode number and 8 of the device.
///
/// out: receives the key (a key_t is an int), on success only. Apart from the result because
/// one good key in four thousand millions is -1.
/// path: of an existing file; a symbolic link is followed. A file that is removed and made anew
/// gives another key.
/// project: 1 to 255, a letter for example.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL, or a project out of range; -ENOENT or -ENOTDIR no such file; -EACCES a
/// directory on the way may not be searched; -ELOOP too many symbolic links; -ENAMETOOLONG the
/// path; -ENOMEM the kernel has no memory.
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

const BY_KEY: c_int = IPC_CREATE | IPC_EXCLUSIVE | IPC_CHECK_OWNER;

/// Attaches the System V shared memory segment with that key, or creates it, zeroed, with
/// IPC_CREATE. A segment is created and sized in one step: nobody sees it half-made. It
/// outlives all processes until it is removed: detaching is not deleting.
///
/// out: receives the handle, on success only. End it with ipc_sysv_shm_close().
/// key: from ipc_sysv_key() or agreed on, or IPC_SYSV_PRIVATE with IPC_CREATE.
/// size: in bytes, at least 1. An existing segment must have exactly this size, so that two
/// builds that disagree about a struct find out here.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY, IPC_CHECK_OWNER.
/// mode: the permissions of a segment created by this call, exactly; else unused.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL out is NULL, size is 0 or above kernel.shmmax, a malformed flag or mode,
/// IPC_SYSV_PRIVATE without IPC_CREATE; -ENOENT no such segment and no IPC_CREATE; -EEXIST it
/// exists and IPC_EXCLUSIVE; -EPROTO it has another size (ipc_last_error() tells both);
/// -EACCES permissions, or IPC_CHECK_OWNER; -ENOSPC a limit of the system; -ENOMEM no memory
/// or address space; -EIDRM removed meanwhile; -EMFILE too many handles.
/// Threads: safe. Fork: the handle and the memory are the child's too; exec detaches.
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
        let options = options(flags, BY_KEY | IPC_READ_ONLY, mode)?;
        let (segment, outcome) = shm::Segment::open(key, size, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, SEGMENTS.insert(segment)?) }?;
        Ok(opened(outcome))
    })
}

/// Attaches the System V shared memory segment with that id: a private one, of which another
/// process has told the id.
///
/// out: receives the handle, on success only. End it with ipc_sysv_shm_close().
/// id: from ipc_sysv_shm_id(), or as ipcs shows it.
/// size: in bytes; must be the segment's.
/// flags: 0 or any of IPC_READ_ONLY, IPC_CHECK_OWNER.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL, size is 0, a malformed flag; -ENOENT no such segment; -EPROTO it
/// has another size; -EACCES permissions, or IPC_CHECK_OWNER; -EIDRM removed meanwhile; -ENOMEM
/// no memory or address space; -EMFILE too many handles.
/// Threads: safe. Fork: the handle and the memory are the child's too; exec detaches.
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
        let segment = shm::Segment::open_id(id, size, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, SEGMENTS.insert(segment)?) }
    })
}

/// The attached memory.
///
/// Returns: its address, page-aligned, valid until ipc_sysv_shm_close(); NULL for a NULL, closed
/// or foreign handle. With IPC_READ_ONLY writing there is SIGSEGV.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_data(shm: *const ipc_sysv_shm_t) -> *mut c_void {
    guard(c"ipc_sysv_shm_data", move || {
        Ok(segment_of(shm)?.data().as_ptr().cast::<c_void>())
    })
}

/// The size of the segment.
///
/// Returns: bytes, as given when it was opened; 0 for a NULL, closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_size(shm: *const ipc_sysv_shm_t) -> usize {
    guard(c"ipc_sysv_shm_size", move || Ok(segment_of(shm)?.size()))
}

/// The id of the segment, as ipcs and ipcrm know it.
///
/// Returns: the id, 0 or more, or a negative error.
/// Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_id(shm: *const ipc_sysv_shm_t) -> c_int {
    guard(c"ipc_sysv_shm_id", move || Ok(segment_of(shm)?.id()))
}

/// What the kernel knows of the segment.
///
/// out: receives it, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL; -EBADF a closed or foreign handle; -EACCES no read permission; -EIDRM
/// the segment was removed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_stat(
    shm: *const ipc_sysv_shm_t,
    out: *mut ipc_sysv_shm_stat_t,
) -> c_int {
    guard(c"ipc_sysv_shm_stat", move || {
        let out = checked(out, "out")?;
        let status = segment_of(shm)?.status()?;
        let permissions = status.permissions;
        let stat = ipc_sysv_shm_stat_t {
            key: permissions.key,
            id: permissions.id,
            owner: permissions.owner,
            group: permissions.group,
            creator: permissions.creator,
            creator_group: permissions.creator_group,
            mode: permissions.mode & 0o777,
            removed: status.is_removed.into(),
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

fn to_size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Ends a handle and detaches its memory. The segment and its data stay until it is removed:
/// detaching is not deleting.
///
/// shm: NULL does nothing. No thread may use the memory any more, or hold a lock in it.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF a closed or foreign handle; -EBUSY this thread holds a lock that lies in the
/// memory (the handle stays open).
/// Threads: safe; calls with this handle that are under way in other threads finish first.
/// Fork: detaches the calling process only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_close(shm: *mut ipc_sysv_shm_t) -> c_int {
    guard(c"ipc_sysv_shm_close", move || {
        if shm.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        segment_of(shm)?.check_closable()?;
        SEGMENTS.close(shm)?;
        Ok(0)
    })
}

/// Removes the segment. From now on no key leads to it; processes that have it attached keep
/// it, and it is gone when the last of them has detached it. The handle stays open until it is
/// closed.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle; -EIDRM removed already; -EPERM
/// neither owner nor creator; -EACCES a security module forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_remove(shm: *mut ipc_sysv_shm_t) -> c_int {
    guard(c"ipc_sysv_shm_remove", move || {
        segment_of(shm)?.remove()?;
        Ok(0)
    })
}

/// Removes the segment with that id, as ipcrm does; otherwise as ipc_sysv_shm_remove().
///
/// Returns: 0, or a negative error.
/// Errors: -ENOENT there is none; -EPERM neither owner nor creator; -EACCES a security module
/// forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_shm_remove_id(id: c_int) -> c_int {
    guard(c"ipc_sysv_shm_remove_id", move || {
        shm::remove(id)?;
        Ok(0)
    })
}

/// Opens the System V message queue with that key, or creates it with IPC_CREATE.
///
/// out: receives the handle, on success only. End it with ipc_sysv_msg_close().
/// key: from ipc_sysv_key() or agreed on, or IPC_SYSV_PRIVATE with IPC_CREATE.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER, and IPC_READ_ONLY or
/// IPC_WRITE_ONLY, which ask for no more than the permission to receive or to send.
/// mode: the permissions of a queue created by this call, exactly; else unused.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL out is NULL, a malformed flag or mode, IPC_SYSV_PRIVATE without IPC_CREATE;
/// -ENOENT no such queue and no IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EACCES
/// permissions, or IPC_CHECK_OWNER; -ENOSPC too many queues (kernel.msgmni); -ENOMEM no memory;
/// -EIDRM removed meanwhile; -EMFILE too many handles.
/// Threads: safe. Fork: the handle is the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_open(
    out: *mut *mut ipc_sysv_msg_t,
    key: c_int,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sysv_msg_open", move || {
        let out = checked(out, "out")?;
        let options = options(flags, BY_KEY | IPC_READ_ONLY | IPC_WRITE_ONLY, mode)?;
        let access = match flags & (IPC_READ_ONLY | IPC_WRITE_ONLY) {
            IPC_READ_ONLY => 0o400,
            IPC_WRITE_ONLY => 0o200,
            _ => 0o600,
        };
        let (queue, outcome) = msg::SysvQueue::open(key, access, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, QUEUES.insert(queue)?) }?;
        Ok(opened(outcome))
    })
}

/// Opens the System V message queue with that id: a private one, of which another process has told
/// the id. Needs read permission.
///
/// out: receives the handle, on success only. End it with ipc_sysv_msg_close().
/// id: from ipc_sysv_msg_id(), or as ipcs shows it.
/// flags: 0 or IPC_CHECK_OWNER.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL or a malformed flag; -ENOENT no such queue; -EACCES permissions,
/// or IPC_CHECK_OWNER; -EIDRM removed meanwhile; -EMFILE too many handles.
/// Threads: safe. Fork: the handle is the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_open_id(
    out: *mut *mut ipc_sysv_msg_t,
    id: c_int,
    flags: c_int,
) -> c_int {
    guard(c"ipc_sysv_msg_open_id", move || {
        let out = checked(out, "out")?;
        let queue = msg::SysvQueue::open_id(id, options(flags, IPC_CHECK_OWNER, 0)?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, QUEUES.insert(queue)?) }
    })
}

/// Sends a message, waiting while the queue is full. Either all of it arrives or nothing.
///
/// type: 1 or more; receivers select by it.
/// msg: len bytes; may be NULL if len is 0.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries. The kernel
/// knows no limited wait here: one is made of tries with pauses, so that room in the
/// queue can be seen up to 2 ms late.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the queue is full and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
/// while waiting, whatever its flags; -EMSGSIZE longer than kernel.msgmax (8192 at first) or
/// than the whole queue; -EIDRM the queue was removed, before or during the call; -EACCES no
/// write permission; -EINVAL a NULL, a type below 1, or a timeout below -1; -EBADF a closed or
/// foreign handle; -ENOMEM no memory in the kernel.
/// Threads: safe. Needs 9 KiB of stack. Allocates nothing, except that a message above 8192
/// bytes, while another thread waits with such a one on the same handle, takes memory for the
/// call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_send(
    queue: *mut ipc_sysv_msg_t,
    r#type: c_long,
    msg: *const c_void,
    len: usize,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_sysv_msg_send", move || {
        let deadline = Deadline::after(timeout_ns)?;
        let queue = queue_of(queue)?;
        if len > msg::LENGTH_MAX {
            return Err(fail!(
                EMSGSIZE,
                "a message of {len} bytes; none can have more than {}",
                msg::LENGTH_MAX
            ));
        }
        let data = match len {
            0 => &[],
            _ => {
                let start = checked(msg.cast::<u8>().cast_mut(), "msg")?;
                // SAFETY: not NULL; len bytes by the contract of this call, and no more than any
                // object can have.
                unsafe { core::slice::from_raw_parts(start.as_ptr(), len) }
            }
        };
        queue.send(r#type, data, deadline)?;
        Ok(0)
    })
}

/// Receives and removes one message, waiting until there is one that is selected. A message that
/// does not fit stays in the queue.
///
/// type: receives the message's type, on success only; may be NULL.
/// buf: for capacity bytes; may be NULL if capacity is 0.
/// select: IPC_MSG_ANY takes the oldest message; IPC_MSG_TYPE the oldest whose type equals
/// wanted; IPC_MSG_UP_TO the oldest of the lowest type that is not above wanted; IPC_MSG_EXCEPT
/// the oldest whose type is another than wanted.
/// wanted: a type, 1 or more; unused with IPC_MSG_ANY.
/// timeout_ns: as in ipc_sysv_msg_send().
///
/// Returns: the message's length, 0 or more, or a negative error.
/// Errors: -EAGAIN no such message and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
/// while waiting, whatever its flags; -EMSGSIZE the message has more than capacity bytes
/// (ipc_last_error() tells how many, if the kernel does); -EIDRM the queue was removed,
/// before or during the call; -EACCES no read permission; -EINVAL a NULL, a malformed select
/// or wanted, or a timeout below -1; -EBADF a closed or foreign handle; -ENOMEM no memory for
/// a message above 8192 bytes.
/// Threads: safe. Needs 9 KiB of stack. Allocates as ipc_sysv_msg_send() does.
/// Death: a receiver that is killed has either taken a whole message or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_receive(
    queue: *mut ipc_sysv_msg_t,
    r#type: *mut c_long,
    buf: *mut c_void,
    capacity: usize,
    select: c_int,
    wanted: c_long,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_sysv_msg_receive", move || {
        let deadline = Deadline::after(timeout_ns)?;
        let queue = queue_of(queue)?;
        let selection = selection(select, wanted)?;
        if !r#type.is_null() {
            checked(r#type, "type")?;
        }
        let buffer = match capacity.min(msg::LENGTH_MAX) {
            0 => &mut [],
            capacity => {
                let start = checked(buf.cast::<MaybeUninit<u8>>(), "buf")?;
                // SAFETY: not NULL; capacity bytes by the contract of this call, and no more than
                // any object can have.
                unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), capacity) }
            }
        };
        let (length, found) = queue.receive(buffer, selection, deadline)?;
        if !r#type.is_null() {
            // SAFETY: checked for alignment; the rest by the contract of this call.
            unsafe { r#type.write(found) };
        }
        // At most LENGTH_MAX.
        Ok(length as isize)
    })
}

fn selection(select: c_int, wanted: c_long) -> Result<msg::Selection> {
    if select != IPC_MSG_ANY && wanted < 1 {
        return Err(fail!(
            EINVAL,
            "the wanted message type is {wanted}; expected 1 or more"
        ));
    }
    match select {
        IPC_MSG_ANY => Ok(msg::Selection::Any),
        IPC_MSG_TYPE => Ok(msg::Selection::Type(wanted)),
        IPC_MSG_UP_TO => Ok(msg::Selection::UpTo(wanted)),
        IPC_MSG_EXCEPT => Ok(msg::Selection::Except(wanted)),
        _ => Err(fail!(
            EINVAL,
            "select is {select}; expected IPC_MSG_ANY, IPC_MSG_TYPE, IPC_MSG_UP_TO or IPC_MSG_EXCEPT"
        )),
    }
}

/// The id of the queue, as ipcs and ipcrm know it.
///
/// Returns: the id, 0 or more, or a negative error.
/// Errors: -EINVAL queue is NULL; -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_id(queue: *const ipc_sysv_msg_t) -> c_int {
    guard(c"ipc_sysv_msg_id", move || Ok(queue_of(queue)?.id()))
}

/// What the kernel knows of the queue.
///
/// out: receives it, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL; -EBADF a closed or foreign handle; -EACCES no read permission; -EIDRM
/// the queue was removed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_stat(
    queue: *const ipc_sysv_msg_t,
    out: *mut ipc_sysv_msg_stat_t,
) -> c_int {
    guard(c"ipc_sysv_msg_stat", move || {
        let out = checked(out, "out")?;
        let status = queue_of(queue)?.status()?;
        let permissions = status.permissions;
        let stat = ipc_sysv_msg_stat_t {
            key: permissions.key,
            id: permissions.id,
            owner: permissions.owner,
            group: permissions.group,
            creator: permissions.creator,
            creator_group: permissions.creator_group,
            mode: permissions.mode & 0o777,
            last_sender: status.last_sender,
            last_receiver: status.last_receiver,
            messages: to_size(status.messages),
            bytes: to_size(status.bytes),
            bytes_max: to_size(status.bytes_max),
            send_time: status.send_time,
            receive_time: status.receive_time,
            change_time: status.change_time,
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, stat) }
    })
}

/// Ends a handle. The queue stays until it is removed.
///
/// queue: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF a closed or foreign handle.
/// Threads: safe; calls with this handle that are under way in other threads go on to their end.
/// Fork: closes the calling process's handle only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_close(queue: *mut ipc_sysv_msg_t) -> c_int {
    guard(c"ipc_sysv_msg_close", move || {
        if queue.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        QUEUES.close(queue)?;
        Ok(0)
    })
}

/// Removes the queue. Its messages are gone at once, and who waits on it gets -EIDRM.
/// The handle stays open until it is closed.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL queue is NULL; -EBADF a closed or foreign handle; -EIDRM removed already; -EPERM
/// neither owner nor creator; -EACCES a security module forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_remove(queue: *mut ipc_sysv_msg_t) -> c_int {
    guard(c"ipc_sysv_msg_remove", move || {
        queue_of(queue)?.remove()?;
        Ok(0)
    })
}

/// Removes the queue with that id, as ipcrm does; otherwise as ipc_sysv_msg_remove().
///
/// Returns: 0, or a negative error.
/// Errors: -ENOENT there is none; -EPERM neither owner nor creator; -EACCES a security module
/// forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_remove_id(id: c_int) -> c_int {
    guard(c"ipc_sysv_msg_remove_id", move || {
        msg::remove(id)?;
        Ok(0)
    })
}

/// Opens the System V semaphore set with that key, or creates it with IPC_CREATE. The kernel
/// makes a set and gives it its values in two steps; here nobody sees the time between: who
/// finds a set that another process is creating waits for it, and if its creator was killed
/// between the two steps, the next opener with IPC_CREATE completes it and gets IPC_CREATED.
///
/// out: receives the handle, on success only. End it with ipc_sysv_sem_close().
/// key: from ipc_sysv_key() or agreed on, or IPC_SYSV_PRIVATE with IPC_CREATE.
/// count: how many semaphores. An existing set must have as many. Without IPC_CREATE, 0 opens a
/// set of any size.
/// values: count numbers up to IPC_SYSV_SEM_VALUE_MAX, the first values of a set created by
/// this call; NULL for all 0. Else unused.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER.
/// mode: the permissions of a set created by this call, exactly; else unused. Using it needs read
/// and write permission.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL out is NULL, a count out of range, a malformed flag or mode,
/// IPC_SYSV_PRIVATE without IPC_CREATE; -ERANGE a value too large; -ENOENT no such set and no
/// IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EPROTO it has another count
/// (ipc_last_error() tells both); -EAGAIN it was created but never given values, and no
/// IPC_CREATE, or its creator is stopped (found out after 2 s); -EACCES permissions, or
/// IPC_CHECK_OWNER; -ENOSPC a limit of the system (kernel.sem); -ENOMEM no memory; -EIDRM
/// removed meanwhile; -EMFILE or -ENFILE too many descriptors or handles.
/// Threads: safe. Fork: the handle is the child's too.
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
        let options = options(flags, BY_KEY, mode)?;
        let number = match c_ushort::try_from(count) {
            Ok(number) if options.create => usize::from(number),
            _ => 0,
        };
        let values = if values.is_null() || number == 0 {
            vec![0; number]
        } else {
            let start = checked(values.cast_mut(), "values")?;
            // SAFETY: checked for NULL and alignment; count numbers by the contract of this call.
            unsafe { core::slice::from_raw_parts(start.as_ptr(), number) }.to_vec()
        };
        let (set, outcome) = sem::Set::open(key, count, &values, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, SETS.insert(set)?) }?;
        Ok(opened(outcome))
    })
}

/// Opens the System V semaphore set with that id: a private one, of which another process has told
/// the id.
///
/// out: receives the handle, on success only. End it with ipc_sysv_sem_close().
/// id: from ipc_sysv_sem_id(), or as ipcs shows it.
/// count: how many semaphores it must have; 0 for any number.
/// flags: 0 or IPC_CHECK_OWNER.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL, a negative count or a malformed flag; -ENOENT no such set;
/// -EPROTO it has another count; -EACCES permissions, or IPC_CHECK_OWNER; -EIDRM removed
/// meanwhile; -EMFILE too many handles.
/// Threads: safe. Fork: the handle is the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_open_id(
    out: *mut *mut ipc_sysv_sem_t,
    id: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    guard(c"ipc_sysv_sem_open_id", move || {
        let out = checked(out, "out")?;
        let set = sem::Set::open_id(id, count, options(flags, IPC_CHECK_OWNER, 0)?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, SETS.insert(set)?) }
    })
}

/// Does several operations on a set at once: all of them, or none, waiting until all are possible.
///
/// ops: count operations, done in this order. With IPC_SYSV_UNDO the kernel takes an operation
/// back when the process ends, by kill -9 too: for a permit that must not die with its holder.
/// count: 1 to 500.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN not possible now and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
/// while waiting, whatever its flags; -EIDRM the set was removed, before or during the call;
/// -ERANGE a value would exceed IPC_SYSV_SEM_VALUE_MAX; -E2BIG no operation, or too many;
/// -EACCES permissions; -ENOSPC or -ENOMEM no room in the kernel for what is to be undone;
/// -EINVAL a NULL, an index beyond the set, a malformed flag, or a timeout below -1; -EBADF a
/// closed or foreign handle.
/// Threads: safe. What is to be undone belongs to the process, and is undone when its last
/// thread ends. Fork: the child undoes only what it did itself; exec keeps what is to be undone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_op(
    set: *mut ipc_sysv_sem_t,
    ops: *const ipc_sysv_sem_op_t,
    count: usize,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_sysv_sem_op", move || {
        let deadline = Deadline::after(timeout_ns)?;
        let set = set_of(set)?;
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
        let operation = |number: usize| sem::Operation {
            index: ops[number].index,
            change: ops[number].change,
            undo: ops[number].flags & IPC_SYSV_UNDO != 0,
        };
        set.operate(count, operation, deadline)?;
        Ok(0)
    })
}

/// The value of one semaphore, at some moment during the call.
///
/// index: counted from 0.
///
/// Returns: the value, 0 or more, or a negative error.
/// Errors: -EINVAL set is NULL, or no such index; -EBADF a closed or foreign handle; -EIDRM the set
/// was removed; -EACCES no read permission.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_value(set: *const ipc_sysv_sem_t, index: c_int) -> c_int {
    guard(c"ipc_sysv_sem_value", move || set_of(set)?.value(index))
}

/// The id of the semaphore set, as ipcs and ipcrm know it.
///
/// Returns: the id, 0 or more, or a negative error.
/// Errors: -EINVAL set is NULL; -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_id(set: *const ipc_sysv_sem_t) -> c_int {
    guard(c"ipc_sysv_sem_id", move || Ok(set_of(set)?.id()))
}

/// What the kernel knows of the semaphore set.
///
/// out: receives it, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL; -EBADF a closed or foreign handle; -EACCES no read permission; -EIDRM
/// the semaphore set was removed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_stat(
    set: *const ipc_sysv_sem_t,
    out: *mut ipc_sysv_sem_stat_t,
) -> c_int {
    guard(c"ipc_sysv_sem_stat", move || {
        let out = checked(out, "out")?;
        let status = set_of(set)?.status()?;
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

/// Ends a handle. The semaphore set stays until it is removed.
///
/// set: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF a closed or foreign handle.
/// Threads: safe; calls with this handle that are under way in other threads go on to their end.
/// Fork: closes the calling process's handle only.
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

/// Removes the semaphore set. Who waits on it gets -EIDRM.
/// The handle stays open until it is closed.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL set is NULL; -EBADF a closed or foreign handle; -EIDRM removed already; -EPERM
/// neither owner nor creator; -EACCES a security module forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_remove(set: *mut ipc_sysv_sem_t) -> c_int {
    guard(c"ipc_sysv_sem_remove", move || {
        set_of(set)?.remove()?;
        Ok(0)
    })
}

/// Removes the semaphore set with that id, as ipcrm does; otherwise as ipc_sysv_sem_remove().
///
/// Returns: 0, or a negative error.
/// Errors: -ENOENT there is none; -EPERM neither owner nor creator; -EACCES a security module
/// forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_sem_remove_id(id: c_int) -> c_int {
    guard(c"ipc_sysv_sem_remove_id", move || {
        sem::remove(id)?;
        Ok(0)
    })
}
