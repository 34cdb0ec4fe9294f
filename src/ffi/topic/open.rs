//! Opening, closing and removing topics.

use super::*;
use crate::ffi::types::type_from_c;
use crate::ffi::waitset::object_closed;
use crate::ipc::topic::{Options, Sizes, Wanted};
use crate::object::map::Access;

/// Opens the topic with this name, or creates it with IPC_CREATE. Every subscriber of a topic gets
/// every sample that is published.
///
/// A handle publishes (IPC_WRITE_ONLY) or subscribes (IPC_READ_ONLY). A new subscriber first gets up
/// to attr->history of the samples that were published before. The topic outlives its processes until
/// ipc_topic_unlink().
///
/// out: receives the handle, on success only. End it with ipc_topic_close().
/// name: "/" and 1 to 250 bytes without a slash.
/// attr: the sizes and the type of a new topic. An existing topic must have the same. NULL opens an
/// existing topic of any sizes and type. The struct may be freed after the call.
/// flags: exactly one of IPC_READ_ONLY and IPC_WRITE_ONLY, and any of IPC_CREATE, IPC_EXCLUSIVE,
/// IPC_NONBLOCK (calls that would wait return -EAGAIN, whatever their timeout) and IPC_CHECK_OWNER.
/// mode: the exact permissions of a new topic; the umask does not count. Unused for an existing
/// topic. A subscriber needs read permission, a publisher needs read and write permission.
///
/// The topic is a file in /dev/shm. A second file there, with a hidden name, is for what subscribers
/// write. Everybody who may read the first file may write the second one.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL an argument is NULL or misaligned, the name, flags, mode or type is malformed,
/// neither or both of IPC_READ_ONLY and IPC_WRITE_ONLY are set, a reserved field is not 0, a size is
/// out of range, sample_size is smaller than the type, or a topic has to be created and attr is NULL;
/// -ENAMETOOLONG the name has more than 251 bytes; -ENOENT there is no such topic, and IPC_CREATE is
/// not set; -EEXIST the topic exists, and IPC_EXCLUSIVE is set; -EACCES the permissions do not allow
/// it, IPC_CHECK_OWNER refuses it, or the second file belongs to another user than the topic;
/// -EPROTO the existing topic has other sizes or another type than attr, or belongs to another
/// version, word size, libc or PID namespace (ipc_last_error() shows both sides); -EMEDIUMTYPE the
/// name belongs to another kind of object; -EUCLEAN the topic is damaged; -EUSERS the topic has
/// max_subscribers subscribers or max_publishers publishers, and all their processes are alive;
/// -EAGAIN the creator was killed before the second file had its name, and this process does not belong
/// to the topic's owner (any open by the owner helps); -ELOOP the name is a symbolic link; -EFBIG the
/// topic would be larger than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC /dev/shm is full;
/// -EMFILE this process has too many descriptors or handles; -ENFILE the system has too many open
/// files; -ENOMEM there is no memory or no address space; -ENOTSUP this libc allows no robust locks;
/// -EDEADLK a signal handler makes this call, and it interrupted a call on the same topic; -EPERM or
/// -EROFS the system does not let this process set the mode of what it creates; -ENOSYS if a sandbox
/// (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. Fork: the child has the handle too, and its first call with it makes it one more
/// subscriber or publisher. A child that subscribes goes on at its parent's position.
/// Owner death: if a process is killed while it creates the topic, nothing is left, or the topic is
/// complete, or its owner's next open completes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_open(
    out: *mut *mut ipc_topic_t,
    name: *const c_char,
    attr: *const ipc_topic_attr_t,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_topic_open", move || {
        let out = checked(out, "out")?;
        // SAFETY: by the contract of this call.
        let name = unsafe { Name::from_c(name) }?;
        // SAFETY: by the contract of this call.
        let wanted = unsafe { wanted_from_c(attr) }?;
        let options = topic_options(flags, mode)?;
        let room = TOPICS.room()?;
        let (topic, outcome) = Topic::open(&name, wanted.as_ref(), options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(topic)) }?;
        Ok(opened(outcome))
    })
}

fn topic_options(flags: c_int, mode: libc::mode_t) -> Result<Options> {
    let allowed = IPC_CREATE
        | IPC_EXCLUSIVE
        | IPC_READ_ONLY
        | IPC_WRITE_ONLY
        | IPC_NONBLOCK
        | IPC_CHECK_OWNER;
    let object = options(flags, allowed, mode)?;
    if flags & (IPC_READ_ONLY | IPC_WRITE_ONLY) == 0 {
        return Err(fail!(
            EINVAL,
            "flags {flags:#x}: expected IPC_READ_ONLY to subscribe or IPC_WRITE_ONLY to publish"
        ));
    }
    Ok(Options {
        object,
        publishes: object.access == Access::ReadWrite,
        nonblocking: flags & IPC_NONBLOCK != 0,
    })
}

/// The sizes and the type in a C caller's attributes.
///
/// # Safety
///
/// `attr` is NULL, misaligned, or points to an ipc_topic_attr_t whose type is NULL, misaligned or an
/// ipc_type_t.
unsafe fn wanted_from_c(attr: *const ipc_topic_attr_t) -> Result<Option<Wanted>> {
    if attr.is_null() {
        return Ok(None);
    }
    // SAFETY: checked for alignment; the rest by this function's contract.
    let attr = unsafe { checked(attr.cast_mut(), "attr")?.as_ref() };
    if attr.reserved.iter().any(|&reserved| reserved != 0) {
        return Err(fail!(EINVAL, "attr->reserved is not 0"));
    }
    let ignored = IPC_READ_ONLY | IPC_WRITE_ONLY | IPC_NONBLOCK;
    check_flags(attr.flags & !ignored, IPC_TOPIC_WAIT)?;
    let user_type = match attr.r#type.is_null() {
        true => None,
        // SAFETY: by this function's contract.
        false => Some(unsafe { type_from_c(attr.r#type) }?),
    };
    let least = user_type.as_ref().map_or(0, |user_type| user_type.size());
    let sample_size = match attr.sample_size {
        0 => least,
        size => size as u64,
    };
    if sample_size < least {
        return Err(fail!(
            EINVAL,
            "attr->sample_size is {sample_size}; expected at least the {least} bytes of the type"
        ));
    }
    let alignment = user_type
        .as_ref()
        .map_or(0, |user_type| user_type.alignment() as u32);
    let or = |value: usize, default: usize| if value == 0 { default } else { value };
    let sizes = Sizes {
        sample_size,
        alignment: alignment.max(64),
        capacity: to_u32(attr.capacity, "capacity")?,
        history: to_u32(attr.history, "history")?,
        max_subscribers: to_u32(or(attr.max_subscribers, 64), "max_subscribers")?,
        max_publishers: to_u32(or(attr.max_publishers, 8), "max_publishers")?,
        max_borrowed: to_u32(or(attr.max_borrowed, 4), "max_borrowed")?,
        waits: attr.flags & IPC_TOPIC_WAIT != 0,
    };
    Ok(Some(Wanted {
        sizes: sizes.check()?,
        user_type,
    }))
}

fn to_u32(value: usize, what: &str) -> Result<u32> {
    let too_large = |_| -> Error { fail!(EINVAL, "attr->{what} is {value}, which is too large") };
    u32::try_from(value).map_err(too_large)
}

/// Closes a topic's handle. A subscriber's place becomes free. The topic and its samples stay until
/// ipc_topic_unlink() has removed the name and the last handle is closed.
///
/// topic: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF the handle is closed already, or does not belong to a topic; -EBUSY this process has
/// a sample of the handle reserved or borrowed.
/// Threads: safe. Calls with this handle that other threads have begun go on, and this call does not
/// wait for them: their buffers must stay valid until they return.
/// Fork: closes the handle of the calling process only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_close(topic: *mut ipc_topic_t) -> c_int {
    guard(c"ipc_topic_close", move || {
        if topic.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        topic_of(topic)?.check_unused()?;
        TOPICS.close(topic)?;
        object_closed();
        Ok(0)
    })
}

/// Removes a topic's name. Processes that have the topic open keep it, with its samples. Another
/// object or file with that name is left unchanged.
///
/// name: "/" and 1 to 250 bytes without a slash.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name has more than 251 bytes; -ENOENT
/// there is no such topic; -EMEDIUMTYPE the name belongs to another kind of object; -EACCES or -EPERM
/// the permissions do not allow it; -EMFILE or -ENFILE if too many descriptors are open to examine
/// the object; -ENOMEM if the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
/// if another file system is mounted on the file.
/// Threads: safe.
/// Death: if the process is killed in the call, the topic is removed or not. A file with a hidden name
/// may be left, which the next ipc_topic_unlink() of any topic removes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_unlink(name: *const c_char) -> c_int {
    guard(c"ipc_topic_unlink", move || {
        // SAFETY: by the contract of this call.
        let name = unsafe { Name::from_c(name) }?;
        topic::unlink(&name)?;
        Ok(0)
    })
}
