//! Closing and removing queues.

use super::*;
use crate::ffi::waitset::object_closed;

/// Closes a queue's handle. If the handle has a notification, this call ends it first: when the
/// call returns, the notification's callback is not running any more, unless the callback itself
/// is the caller. The queue and its messages stay until ipc_mq_unlink() has removed the name and
/// the last handle is closed.
///
/// mq: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF the handle is closed already, or does not belong to a message queue; -EBUSY this
/// thread has a message reserved or borrowed.
/// Threads: safe. Messages that other threads have reserved or borrowed must be given back before.
/// Calls with this handle that other threads have begun go on, and this call does not wait for them:
/// their buffers must stay valid until they return, and a message that such a call takes is taken.
/// Fork: closes the handle of the calling process only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_close(mq: *mut ipc_mq_t) -> c_int {
    guard(c"ipc_mq_close", move || {
        if mq.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        // The notification ends while the handle is still good, because the callback may be using
        // it. If another thread is just changing the notification, the notification ends with the
        // last call that uses the handle.
        let queue = QUEUES.get(mq)?;
        queue.check_unused()?;
        let _ = queue.end_notification();
        drop(queue);
        QUEUES.close(mq)?;
        object_closed();
        Ok(0)
    })
}

/// Removes a queue's name. Processes that have the queue open keep it, with its messages. Another
/// object or file with that name, which no call of this library for queues made, is left unchanged.
///
/// name: "/" and 1 to 250 bytes without a slash.
/// flags: 0, or IPC_KERNEL for the kernel's queue.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL name is NULL or malformed, or a flag is unknown; -ENAMETOOLONG the name has more
/// than 251 bytes; -ENOENT there is no such queue; -EMEDIUMTYPE the name belongs to another kind of
/// object; -EACCES or -EPERM the permissions do not allow it; -ENOSYS with IPC_KERNEL: the kernel
/// has no message queues; -EMFILE or -ENFILE if too many descriptors are open to examine the
/// object; -ENOMEM if the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
/// if another file system is mounted on the file.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_unlink(name: *const c_char, flags: c_int) -> c_int {
    guard(c"ipc_mq_unlink", move || {
        // SAFETY: by the contract of this call.
        let name = unsafe { Name::from_c(name) }?;
        options(flags, IPC_KERNEL, 0)?;
        mq::unlink(&name, flags & IPC_KERNEL != 0)?;
        Ok(0)
    })
}
