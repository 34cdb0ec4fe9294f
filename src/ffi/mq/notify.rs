//! Notification of messages.

use super::*;
use crate::base::alloc::try_box;
use crate::ffi::guard::call_back_in_own_thread;
use crate::ipc::mq::{Action, SignalValue};
use crate::sys::fd::{self, Kept};
use crate::sys::signal;
use std::os::fd::AsFd;

/// For kind of ipc_mq_notify_t: queue a signal to the process.
pub const IPC_NOTIFY_SIGNAL: c_int = 1;
/// For kind of ipc_mq_notify_t: call a function.
pub const IPC_NOTIFY_CALLBACK: c_int = 2;
/// For kind of ipc_mq_notify_t: add 1 to an eventfd.
pub const IPC_NOTIFY_EVENTFD: c_int = 3;

/// A request to ipc_mq_notify(): the thing to do when messages arrive. Set fields that you do not use to 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_notify_t {
    /// IPC_NOTIFY_SIGNAL, IPC_NOTIFY_CALLBACK or IPC_NOTIFY_EVENTFD.
    pub kind: c_int,
    /// For IPC_NOTIFY_SIGNAL: the signal's number. Otherwise 0.
    pub signal: c_int,
    /// For IPC_NOTIFY_EVENTFD: an eventfd. It stays the caller's, who may close it after the call.
    /// Otherwise 0.
    pub eventfd: c_int,
    /// 0: reserved for later versions.
    pub reserved: c_int,
    /// For IPC_NOTIFY_CALLBACK: the function. Otherwise NULL.
    pub callback: Option<unsafe extern "C-unwind" fn(mq: *mut ipc_mq_t, context: *mut c_void)>,
    /// For IPC_NOTIFY_CALLBACK: passed to the function unchanged. For IPC_NOTIFY_SIGNAL: the
    /// signal's si_value.sival_ptr. For IPC_NOTIFY_EVENTFD: NULL.
    pub context: *mut c_void,
}

/// A callback with its arguments, for the notification's thread.
struct Callback {
    function: unsafe extern "C-unwind" fn(*mut ipc_mq_t, *mut c_void),
    queue: *mut ipc_mq_t,
    context: *mut c_void,
}

// SAFETY: the handle is a number. The context is only passed to the function, and the contract of
// ipc_mq_notify says that the function runs in another thread.
unsafe impl Send for Callback {}

impl Callback {
    fn call(&self) {
        // SAFETY: the caller of ipc_mq_notify gave the function together with these arguments.
        call_back_in_own_thread(|| unsafe { (self.function)(self.queue, self.context) });
    }
}

/// Begins a notification: something is done at once for the messages that are in the queue
/// already, and then for each message that arrives, until the notification is ended. A
/// notification stays armed; it need not be renewed.
///
/// One notification may stand for several messages that arrive close together. By the time of the
/// notification, another receiver may have taken the messages. So at each notification, receive
/// with timeout 0 until -EAGAIN: then no message is missed. Any number of handles and processes
/// may have a notification of the same queue.
///
/// The call starts a thread. The thread is named "ipc_mq_notify", blocks all
/// signals, and ends with the notification. With IPC_KERNEL it has three descriptors. For an
/// eventfd it has one more. To do without a thread, poll ipc_mq_fd().
///
/// IPC_NOTIFY_SIGNAL queues a signal to the process, as sigqueue() does; its si_code is SI_QUEUE.
/// If the limit of queued real-time signals is reached, the signal arrives without its value.
///
/// IPC_NOTIFY_CALLBACK calls a function in the thread, with this handle. The function may receive
/// one message or all: as long as it receives some and some are left, it is called again. It must
/// return and must not wait. It may end the notification or close the handle. It must not be left by
/// longjmp(), and pthread_exit() or a C++ exception that leaves it ends the process (SIGABRT). Its
/// thread is never cancelled.
///
/// IPC_NOTIFY_EVENTFD adds 1 to an eventfd.
///
/// how: what to do. The struct may be freed after the call. NULL ends the notification: when the
/// call returns, the function is not running any more, unless the function itself is the caller.
///
/// Returns: 0, also if there was no notification to end; or a negative error.
/// Errors: -EINVAL mq is NULL, or how has an unknown kind, no valid signal, no function, a value
/// that its kind does not use, or a reserved field that is not 0; -EBADF the handle is closed, or
/// eventfd is not an eventfd; -EBUSY the handle has a notification already, or another thread is
/// just changing it; -EMFILE this process has too many descriptors; -ENFILE the system has too
/// many open files; -EAGAIN no thread can be started; -ENOSPC too many descriptors are watched
/// (fs.epoll.max_user_watches); -ENOMEM there is no memory.
/// Threads: safe. Fork: the notification stays the parent's. The child has none and may begin its
/// own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_notify(mq: *mut ipc_mq_t, how: *const ipc_mq_notify_t) -> c_int {
    guard(c"ipc_mq_notify", move || {
        let queue = QUEUES.get(mq)?;
        if how.is_null() {
            queue.end_notification()?;
            return Ok(0);
        }
        // SAFETY: checked for alignment; the rest by the contract of this call.
        let how = unsafe { checked(how.cast_mut(), "how")?.read() };
        queue.notify(action(mq, &how)?)?;
        Ok(0)
    })
}

/// Checks what a C caller asked for, and turns it into an action.
fn action(queue: *mut ipc_mq_t, how: &ipc_mq_notify_t) -> Result<Action> {
    let unused = |is_zero: bool, what: &str| {
        if is_zero {
            return Ok(());
        }
        Err(fail!(
            EINVAL,
            "how->{what} is set, which kind {} does not use",
            how.kind
        ))
    };
    unused(how.reserved == 0, "reserved")?;
    if how.kind != IPC_NOTIFY_SIGNAL {
        unused(how.signal == 0, "signal")?;
    }
    if how.kind != IPC_NOTIFY_CALLBACK {
        unused(how.callback.is_none(), "callback")?;
    }
    if how.kind == IPC_NOTIFY_EVENTFD {
        unused(how.context.is_null(), "context")?;
    } else {
        unused(how.eventfd == 0, "eventfd")?;
    }
    match how.kind {
        IPC_NOTIFY_SIGNAL if signal::is_usable(how.signal) => Ok(Action::Signal {
            number: how.signal,
            value: SignalValue(how.context),
        }),
        IPC_NOTIFY_SIGNAL => Err(fail!(
            EINVAL,
            "how->signal is {}, which is not a signal's number",
            how.signal
        )),
        IPC_NOTIFY_CALLBACK => {
            let function = how
                .callback
                .ok_or_else(|| fail!(EINVAL, "how->callback is NULL"))?;
            let callback = Callback {
                function,
                queue,
                context: how.context,
            };
            Ok(Action::Callback(try_box(move || callback.call())?))
        }
        IPC_NOTIFY_EVENTFD => {
            let descriptor = fd::borrow(how.eventfd)
                .map_err(|errno| fail!((errno), "how->eventfd is {}", how.eventfd))?;
            if !mqueue::is_eventfd(descriptor.as_fd()) {
                return Err(fail!(
                    EBADF,
                    "how->eventfd is {}, which is not an eventfd",
                    how.eventfd
                ));
            }
            Ok(Action::Eventfd(Kept::new(descriptor)?))
        }
        kind => Err(fail!(
            EINVAL,
            "how->kind is {kind}; expected IPC_NOTIFY_SIGNAL, IPC_NOTIFY_CALLBACK or IPC_NOTIFY_EVENTFD"
        )),
    }
}
