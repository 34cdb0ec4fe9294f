//! Opening queues.

use super::*;
use crate::ffi::types::type_from_c;
use crate::ipc::mq::Attributes;
use crate::object::layout::Type;
use core::time::Duration;

/// Opens the message queue with this name, or creates it with IPC_CREATE.
///
/// The queue is in shared memory. It needs no privileges, and only memory limits it. It makes no
/// system call while nobody sleeps. It outlives its processes until ipc_mq_unlink(). With
/// IPC_KERNEL, this call opens the kernel's queue, which mq_open() opens in other programs.
///
/// out: receives the handle, on success only. End it with ipc_mq_close().
/// name: "/" and 1 to 250 bytes without a slash.
/// attr: the sizes of a new queue, and the type of its messages. An existing queue must have these sizes and, if
/// attr->type is not NULL, this type. NULL means: a new
/// queue has 10 messages of 8192 bytes (with IPC_KERNEL: the system's default) of no type, and an existing
/// queue may have any size and type. The struct and the type may be freed after the call.
/// flags: any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY (receive only), IPC_WRITE_ONLY (send
/// only), IPC_NONBLOCK (calls that would wait return -EAGAIN, whatever their timeout),
/// IPC_CHECK_OWNER, IPC_MQ_OVERWRITE, IPC_KERNEL.
/// mode: the exact permissions of a new queue; the umask does not count. Unused for an existing
/// queue. Sending and receiving both need read and write permission, because both change the
/// queue. With IPC_KERNEL, sending needs write permission and receiving needs read permission.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL an argument is NULL or misaligned, the name, flags, type or mode is malformed, a
/// reserved field is not 0, a size is 0, too large, or smaller than the type, or attr->type is not NULL with IPC_KERNEL (with IPC_KERNEL: above fs.mqueue.msg_max
/// or fs.mqueue.msgsize_max); -ENAMETOOLONG the name has more than 251 bytes; -ENOENT there is no
/// such queue, and IPC_CREATE is not set; -EEXIST the queue exists, and IPC_EXCLUSIVE is set;
/// -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -EPROTO the existing
/// queue has other sizes or another type than attr, or no type, or belongs to another version, word size, libc or PID namespace
/// (ipc_last_error() shows both sides); -EMEDIUMTYPE the name belongs to another kind of object;
/// -EUCLEAN the queue is damaged; -ELOOP the name is a symbolic link; -EFBIG the queue would be
/// larger than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC /dev/shm is full
/// (with IPC_KERNEL: there are fs.mqueue.queues_max queues); -EMFILE this process has too many
/// descriptors or handles (with IPC_KERNEL also: this user's queues would take more than
/// RLIMIT_MSGQUEUE bytes; ipc_last_error() shows which, and the numbers); -ENFILE the system has
/// too many open files; -ENOMEM there is no memory or no address space; -ENOTSUP this libc allows
/// no robust locks; -ENOSYS with IPC_KERNEL: the kernel has no message queues; -EPERM or -EROFS the
/// system does not let this process set the mode of what it creates.
/// Threads: safe. Fork: the child has the handle too.
/// Owner death: if a process is killed while it creates the queue, nothing is left. With
/// IPC_KERNEL, an empty queue may be left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_open(
    out: *mut *mut ipc_mq_t,
    name: *const c_char,
    attr: *const ipc_mq_attr_t,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_mq_open", move || {
        let out = checked(out, "out")?;
        // SAFETY: by the contract of this call.
        let name = unsafe { Name::from_c(name) }?;
        // SAFETY: by the contract of this call.
        let wishes = unsafe { wishes_from_c(attr) }?;
        let allowed = IPC_CREATE | IPC_EXCLUSIVE | IPC_CHECK_OWNER | IPC_KERNEL | HANDLE_FLAGS;
        let options = mq::Options {
            spin: wishes.spin,
            ..mq_options(flags, allowed, mode)?
        };
        let room = QUEUES.room()?;
        let (queue, outcome) =
            Queue::open(&name, wishes.sizes, wishes.message_type.as_deref(), options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(queue)) }?;
        Ok(opened(outcome))
    })
}

/// Opens a queue in shared memory by a descriptor of its memory. This also opens a queue that has
/// lost its name.
///
/// out: receives the handle, on success only. End it with ipc_mq_close().
/// fd: a descriptor of the queue's file in /dev/shm, open for reading and writing. It comes from
/// open(), or from a process that has the file open and passed the descriptor on. It stays the
/// caller's, who may close it after the call.
/// flags: any of IPC_READ_ONLY (receive only), IPC_WRITE_ONLY (send only), IPC_NONBLOCK (calls
/// that would wait return -EAGAIN, whatever their timeout), IPC_MQ_OVERWRITE.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL or misaligned, or a flag is malformed; -EBADF fd is not open;
/// -EACCES fd is not open for both reading and writing; -EMEDIUMTYPE fd belongs to something else;
/// -EPROTO the queue belongs to another version, word size, libc or PID namespace
/// (ipc_last_error() shows both sides); -EUCLEAN the queue is damaged; -EMFILE this process has
/// too many descriptors or handles; -ENFILE the system has too many open files; -ENOMEM there is
/// no memory or no address space; -ENOTSUP this libc allows no robust locks.
/// Threads: safe. Fork: the child has the handle too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_open_fd(out: *mut *mut ipc_mq_t, fd: c_int, flags: c_int) -> c_int {
    guard(c"ipc_mq_open_fd", move || {
        let out = checked(out, "out")?;
        let options = mq::Options {
            descriptor: Some(fd),
            ..mq_options(flags, HANDLE_FLAGS, 0)?
        };
        let room = QUEUES.room()?;
        let (queue, _) = Queue::open(&Name::new(b"/(a descriptor's)")?, None, None, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(queue)) }?;
        Ok(0)
    })
}

/// The flags that say how a handle is used.
const HANDLE_FLAGS: c_int = IPC_READ_ONLY | IPC_WRITE_ONLY | IPC_NONBLOCK | IPC_MQ_OVERWRITE;

fn mq_options(flags: c_int, allowed: c_int, mode: libc::mode_t) -> Result<mq::Options> {
    let options = options(flags, allowed, mode)?;
    if flags & IPC_KERNEL != 0 && flags & IPC_MQ_OVERWRITE != 0 {
        return Err(fail!(
            EINVAL,
            "IPC_MQ_OVERWRITE and IPC_KERNEL: the kernel's queue overwrites nothing"
        ));
    }
    Ok(mq::Options {
        create: options.create,
        exclusive: options.exclusive,
        direction: match flags & (IPC_READ_ONLY | IPC_WRITE_ONLY) {
            IPC_READ_ONLY => Direction::Receive,
            IPC_WRITE_ONLY => Direction::Send,
            _ => Direction::Both,
        },
        nonblocking: flags & IPC_NONBLOCK != 0,
        check_owner: options.check_owner,
        kernel: flags & IPC_KERNEL != 0,
        overwrites: flags & IPC_MQ_OVERWRITE != 0,
        spin: None,
        mode,
        owner: options.owner,
        descriptor: None,
    })
}

/// A C caller's attributes. A field that the caller has left out is `None`.
#[derive(Default)]
struct Wishes {
    sizes: Option<Attributes>,
    message_type: Option<Box<Type>>,
    spin: Option<Duration>,
}

/// # Safety
///
/// `attr` is NULL, misaligned, or points to an ipc_mq_attr_t, whose type is NULL or as for `type_from_c`.
unsafe fn wishes_from_c(attr: *const ipc_mq_attr_t) -> Result<Wishes> {
    if attr.is_null() {
        return Ok(Wishes::default());
    }
    // SAFETY: checked for alignment; the rest by this function's contract.
    let attr = unsafe { checked(attr.cast_mut(), "attr")?.read() };
    if attr.reserved.iter().any(|&reserved| reserved != 0) {
        return Err(fail!(EINVAL, "attr->reserved is not 0"));
    }
    let spin = match attr.spin_ns {
        0 => None,
        IPC_MQ_NO_SPIN => Some(Duration::ZERO),
        nanoseconds @ 1.. => Some(Duration::from_nanos(nanoseconds.unsigned_abs().into())),
        other => {
            return Err(fail!(
                EINVAL,
                "attr->spin_ns is {other}; expected IPC_MQ_NO_SPIN (-1), 0, or more"
            ));
        }
    };
    let message_type = match attr.r#type.is_null() {
        true => None,
        // SAFETY: by this function's contract.
        false => Some(unsafe { type_from_c(attr.r#type) }?),
    };
    // A size that does not fit is refused below, or by the queue.
    let type_size =
        |message_type: &Type| usize::try_from(message_type.size()).unwrap_or(usize::MAX);
    let message_size = match (attr.message_size, message_type.as_deref()) {
        (0, Some(message_type)) => type_size(message_type),
        (size, Some(message_type)) if size < type_size(message_type) => {
            return Err(fail!(
                EINVAL,
                "attr->message_size is {size}; expected 0, or at least the {} bytes of type {message_type}",
                message_type.size()
            ));
        }
        (size, _) => size,
    };
    let sizes = Attributes {
        max_messages: attr.max_messages,
        message_size,
        current_messages: 0,
    };
    Ok(Wishes {
        sizes: Some(sizes),
        message_type,
        spin,
    })
}
