//! System V message queues.

use super::*;
use crate::base::time::Deadline;
use core::ffi::{c_long, c_void};
use core::mem::MaybeUninit;

/// For select of ipc_sysv_msg_receive(): take the oldest message, whatever its type.
pub const IPC_MSG_ANY: c_int = 0;
/// For select of ipc_sysv_msg_receive(): take the oldest message whose type equals wanted.
pub const IPC_MSG_TYPE: c_int = 1;
/// For select of ipc_sysv_msg_receive(): find the lowest type in the queue that is not above
/// wanted, and take the oldest message of that type.
pub const IPC_MSG_UP_TO: c_int = 2;
/// For select of ipc_sysv_msg_receive(): take the oldest message whose type differs from wanted.
pub const IPC_MSG_EXCEPT: c_int = 3;

/// An open System V message queue. ipc_sysv_msg_open() and ipc_sysv_msg_open_id() make it,
/// ipc_sysv_msg_close() ends it.
pub struct ipc_sysv_msg_t {
    _private: [u8; 0],
}

/// The kernel's data about a System V message queue, from ipc_sysv_msg_stat().
#[repr(C)]
pub struct ipc_sysv_msg_stat_t {
    /// The key. 0 for a private queue.
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
    /// The process that last sent; 0 if none has sent, or if that process is not visible here.
    pub last_sender: libc::pid_t,
    /// The process that last received; 0 if none has received, or if that process is not visible
    /// here.
    pub last_receiver: libc::pid_t,
    /// How many messages are in the queue.
    pub messages: usize,
    /// How many bytes the messages in the queue have together.
    pub bytes: usize,
    /// How many bytes the messages in the queue may have together.
    pub bytes_max: usize,
    /// When a message was last sent, in seconds since 1970; 0 if never.
    pub send_time: i64,
    /// When a message was last received, in seconds since 1970; 0 if never.
    pub receive_time: i64,
    /// When the queue was created, or its owner or mode last changed, in seconds since 1970.
    pub change_time: i64,
}

static QUEUES: Table<sysv::msg::SysvQueue, { handle::SYSV_MSG }> = Table::new();

/// Opens the System V message queue with this key, or creates it with IPC_CREATE.
///
/// out: receives the handle, on success only. End it with ipc_sysv_msg_close().
/// key: from ipc_sysv_key(), a number that the programs agree on, or IPC_SYSV_PRIVATE with
/// IPC_CREATE.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER, IPC_READ_ONLY, IPC_WRITE_ONLY.
/// IPC_READ_ONLY asks only for the permission to receive, IPC_WRITE_ONLY only for the permission
/// to send.
/// mode: the exact permissions of a new queue; the umask does not count. Unused for an existing
/// one.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL out is NULL or misaligned, flags or mode is malformed, or key is
/// IPC_SYSV_PRIVATE without IPC_CREATE; -ENOENT there is no such queue, and IPC_CREATE is not set;
/// -EEXIST the queue exists, and IPC_EXCLUSIVE is set; -EACCES the permissions do not allow it, or
/// IPC_CHECK_OWNER refuses it; -ENOSPC there are too many queues (kernel.msgmni); -ENOMEM there is
/// no memory; -EIDRM the queue was removed during the call; -EMFILE this process has too many
/// handles.
/// Threads: safe. Fork: the child has the handle too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_open(
    out: *mut *mut ipc_sysv_msg_t,
    key: c_int,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sysv_msg_open", move || {
        let out = checked(out, "out")?;
        let options = options(flags, KEY_FLAGS | IPC_READ_ONLY | IPC_WRITE_ONLY, mode)?;
        let access = match flags & (IPC_READ_ONLY | IPC_WRITE_ONLY) {
            IPC_READ_ONLY => 0o400,
            IPC_WRITE_ONLY => 0o200,
            _ => 0o600,
        };
        let room = QUEUES.room()?;
        let (queue, outcome) = sysv::msg::SysvQueue::open(key, access, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(queue)) }?;
        Ok(opened(outcome))
    })
}

/// Opens the System V message queue with this id. Use it for a private queue whose id another
/// process has told. The caller needs read permission.
///
/// out: receives the handle, on success only. End it with ipc_sysv_msg_close().
/// id: from ipc_sysv_msg_id(), or as ipcs shows it.
/// flags: 0 or IPC_CHECK_OWNER.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL or misaligned, or flags is malformed; -ENOENT there is no such
/// queue; -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -EIDRM the queue
/// was removed during the call; -EMFILE this process has too many handles; -ENOMEM there is no
/// memory.
/// Threads: safe. Fork: the child has the handle too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_open_id(
    out: *mut *mut ipc_sysv_msg_t,
    id: c_int,
    flags: c_int,
) -> c_int {
    guard(c"ipc_sysv_msg_open_id", move || {
        let out = checked(out, "out")?;
        let room = QUEUES.room()?;
        let queue = sysv::msg::SysvQueue::open_id(id, options(flags, IPC_CHECK_OWNER, 0)?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(queue)) }
    })
}

/// Sends a message. Waits while the queue is full. The message arrives whole or not at all.
///
/// type: 1 or more. Receivers select messages by their type.
/// msg: the message; may be NULL if len is 0.
/// len: the message's length in bytes.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries. The kernel has no wait with a limit for these queues. So a wait
/// with a limit tries again and again, with pauses, and may notice room up to 2 ms late.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the queue is full, and timeout_ns is 0; -ETIMEDOUT timeout_ns has passed;
/// -EINTR a signal handler ran while the call waited, also one with SA_RESTART; -EMSGSIZE the
/// message is longer than kernel.msgmax (8192 bytes by default) or than the whole queue; -EIDRM
/// the queue was removed, before or during the call; -EACCES the caller has no write permission;
/// -EINVAL a pointer is NULL, type is below 1, or the timeout is invalid; -EBADF the handle is
/// closed or of another kind; -ENOMEM the kernel has no memory.
/// Threads: safe. The call needs 9 KiB of stack. It allocates memory only for a message above 8192
/// bytes while another thread waits with such a message on this handle.
/// Death: a sender that is killed has sent the whole message or nothing.
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
        let queue = QUEUES.get(queue)?;
        if len > sysv::msg::LENGTH_MAX {
            return Err(fail!(
                EMSGSIZE,
                "a message of {len} bytes; none can have more than {}",
                sysv::msg::LENGTH_MAX
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

/// Takes one message out of the queue. Waits until the queue has a message that select admits. A
/// message that does not fit in the buffer stays in the queue.
///
/// type: receives the message's type, on success only; NULL if it is not wanted.
/// buf: receives the message, on success only; may be NULL if capacity is 0.
/// capacity: the size of buf in bytes.
/// select: IPC_MSG_ANY takes the oldest message. IPC_MSG_TYPE takes the oldest message whose type
/// equals wanted. IPC_MSG_UP_TO finds the lowest type that is not above wanted, and takes the
/// oldest message of that type. IPC_MSG_EXCEPT takes the oldest message whose type differs from
/// wanted.
/// wanted: a type, 1 or more; unused with IPC_MSG_ANY.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
/// without a limit; 0 only tries. The kernel has no wait with a limit for these queues. So a wait
/// with a limit tries again and again, with pauses, and may notice a message up to 2 ms late.
///
/// Returns: the message's length in bytes, 0 or more, or a negative error.
/// Errors: -EAGAIN there is no such message, and timeout_ns is 0; -ETIMEDOUT timeout_ns has
/// passed; -EINTR a signal handler ran while the call waited, also one with SA_RESTART; -EMSGSIZE
/// the message has more than capacity bytes (ipc_last_error() shows how many, if the kernel
/// tells); -EIDRM the queue was removed, before or during the call; -EACCES the caller has no read
/// permission; -EINVAL a pointer is NULL or misaligned, select or wanted is malformed, or the
/// timeout is invalid; -EBADF the handle is closed or of another kind; -ENOMEM there is no memory
/// for a message above 8192 bytes.
/// Threads: safe. The call needs 9 KiB of stack. It allocates memory only for a message above 8192
/// bytes while another thread waits with such a message on this handle.
/// Death: a receiver that is killed has taken a whole message or none.
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
        let queue = QUEUES.get(queue)?;
        let selection = selection(select, wanted)?;
        if !r#type.is_null() {
            checked(r#type, "type")?;
        }
        let buffer = match capacity.min(sysv::msg::LENGTH_MAX) {
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

/// Checks what a C caller wants to receive.
fn selection(select: c_int, wanted: c_long) -> Result<sysv::msg::Selection> {
    if select != IPC_MSG_ANY && wanted < 1 {
        return Err(fail!(
            EINVAL,
            "the wanted message type is {wanted}; expected 1 or more"
        ));
    }
    match select {
        IPC_MSG_ANY => Ok(sysv::msg::Selection::Any),
        IPC_MSG_TYPE => Ok(sysv::msg::Selection::Type(wanted)),
        IPC_MSG_UP_TO => Ok(sysv::msg::Selection::UpTo(wanted)),
        IPC_MSG_EXCEPT => Ok(sysv::msg::Selection::Except(wanted)),
        _ => Err(fail!(
            EINVAL,
            "select is {select}; expected IPC_MSG_ANY, IPC_MSG_TYPE, IPC_MSG_UP_TO or IPC_MSG_EXCEPT"
        )),
    }
}

/// Gives the id of the queue, which ipcs and ipcrm use.
///
/// Returns: the id, 0 or more, or a negative error.
/// Errors: -EINVAL queue is NULL; -EBADF the handle is closed or of another kind.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_id(queue: *const ipc_sysv_msg_t) -> c_int {
    guard(c"ipc_sysv_msg_id", move || Ok(QUEUES.get(queue)?.id()))
}

/// Reads what the kernel knows about the queue.
///
/// out: receives it, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed or of another
/// kind; -EACCES the caller has no read permission; -EIDRM the queue was removed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_stat(
    queue: *const ipc_sysv_msg_t,
    out: *mut ipc_sysv_msg_stat_t,
) -> c_int {
    guard(c"ipc_sysv_msg_stat", move || {
        let out = checked(out, "out")?;
        let status = QUEUES.get(queue)?.status()?;
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

/// Sets the owner, the group and the mode of the queue, in one step (IPC_SET). Only the owner,
/// the creator and root may do this. The creator keeps these rights when the owner changes. Receivers
/// that wait and may no longer receive return -EACCES.
///
/// owner: a user's id, or (uid_t)-1 to keep the owner.
/// group: a group's id, or (gid_t)-1 to keep the group.
/// mode: the new permissions, at most 0777, or (mode_t)-1 to keep them. They apply to calls that
/// begin later, also with handles that are open.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL queue is NULL, mode is malformed, or the user or group does not exist in this
/// user namespace; -EBADF the handle is closed or of another kind; -EPERM the caller is neither
/// owner nor creator, or the queue holds more than kernel.msgmnb bytes and the caller lacks
/// CAP_SYS_RESOURCE; -EACCES the caller has no read permission, or a security module forbids it;
/// -EIDRM the queue was removed.
/// Threads: safe. A value that is kept is read first. So if two processes change the same queue at
/// once, the later one may set again what the earlier one replaced.
/// Death: a process that is killed in this call has changed everything or nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_set_permissions(
    queue: *mut ipc_sysv_msg_t,
    owner: libc::uid_t,
    group: libc::gid_t,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sysv_msg_set_permissions", move || {
        let queue = QUEUES.get(queue)?;
        queue.set(wanted(owner, group, mode)?, None)?;
        Ok(0)
    })
}

/// Sets how many bytes the messages in the queue may have together (msg_qbytes). Senders that wait
/// for room go on if it is enough. Messages that are in the queue stay.
///
/// bytes: 1 or more. Above kernel.msgmnb, 16384 by default, the caller needs CAP_SYS_RESOURCE.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL queue is NULL, bytes is 0, or the queue's user or group does not exist in this
/// user namespace; -EBADF the handle is closed or of another kind; -EPERM the caller is neither owner
/// nor creator, or bytes is above kernel.msgmnb and the caller lacks CAP_SYS_RESOURCE; -EACCES the
/// caller has no read permission, or a security module forbids it; -EIDRM the queue was removed.
/// Threads: safe. The kernel sets owner, group and mode in the same step, and this call reads them
/// first. So if two processes change the same queue at once, the later one may set again what the
/// earlier one replaced.
/// Death: a process that is killed in this call has changed everything or nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_set_bytes_max(
    queue: *mut ipc_sysv_msg_t,
    bytes: usize,
) -> c_int {
    guard(c"ipc_sysv_msg_set_bytes_max", move || {
        QUEUES.get(queue)?.set_bytes_max(bytes)?;
        Ok(0)
    })
}

/// Closes a handle. The queue and its messages stay until the queue is removed.
///
/// queue: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF the handle is closed or of another kind.
/// Threads: safe. Calls with this handle in other threads go on to their end.
/// Fork: closes the handle of the calling process only.
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

/// Removes the queue. Its messages are gone at once, and calls that wait on it return -EIDRM. The
/// handle stays open until it is closed.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL queue is NULL; -EBADF the handle is closed or of another kind; -EIDRM the queue
/// was removed already; -EPERM the caller is neither owner nor creator; -EACCES a security module
/// forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_remove(queue: *mut ipc_sysv_msg_t) -> c_int {
    guard(c"ipc_sysv_msg_remove", move || {
        QUEUES.get(queue)?.remove()?;
        Ok(0)
    })
}

/// Removes the System V message queue with this id, as ipcrm does. Its messages are gone at once,
/// and calls that wait on it return -EIDRM.
///
/// id: from ipc_sysv_msg_id(), or as ipcs shows it.
///
/// Returns: 0, or a negative error.
/// Errors: -ENOENT there is no such queue; -EPERM the caller is neither owner nor creator; -EACCES
/// a security module forbids it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sysv_msg_remove_id(id: c_int) -> c_int {
    guard(c"ipc_sysv_msg_remove_id", move || {
        sysv::msg::remove(id)?;
        Ok(0)
    })
}
