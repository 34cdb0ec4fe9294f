//! Message queues.

use super::handle::Table;
use super::*;
use crate::error::Errno;
use crate::mq::{self, Action, Attributes, Direction, Queue, SignalValue};
use crate::name::Name;
use crate::sys::{file, mqueue, signal};
use core::ffi::{c_char, c_int, c_uint, c_void};
use core::mem::MaybeUninit;
use std::os::fd::AsFd;

/// An open message queue. Made by ipc_mq_open(), ended by ipc_mq_close().
pub struct ipc_mq_t {
    _private: [u8; 0],
}

static QUEUES: Table<Queue> = Table::new(8, "message queue handle");

/// How large a message queue is. Zero what is not named here: { .max_messages = 10,
/// .message_size = 128 }.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_attr_t {
    /// How many messages the queue holds before it is full.
    pub max_messages: usize,
    /// How many bytes a message has at most.
    pub message_size: usize,
    /// How many messages are in the queue now. From ipc_mq_getattr(); on opening unused.
    pub current_messages: usize,
    /// How the handle was opened: IPC_KERNEL, IPC_READ_ONLY, IPC_WRITE_ONLY, IPC_NONBLOCK. From
    /// ipc_mq_getattr(); on opening unused.
    pub flags: c_int,
    /// All 0: room for what comes later.
    pub reserved: [c_int; 5],
}

/// The highest priority of a message; the lowest is 0.
pub const IPC_MQ_PRIORITY_MAX: c_uint = 32767;

const _: () = assert!(IPC_MQ_PRIORITY_MAX == mqueue::PRIORITIES - 1);

/// Notification of messages: queue a signal to the process.
pub const IPC_NOTIFY_SIGNAL: c_int = 1;
/// Notification of messages: call a function.
pub const IPC_NOTIFY_CALLBACK: c_int = 2;
/// Notification of messages: add 1 to an eventfd.
pub const IPC_NOTIFY_EVENTFD: c_int = 3;

/// What ipc_mq_notify() does when messages come. Zero what is not used.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_notify_t {
    /// IPC_NOTIFY_SIGNAL, IPC_NOTIFY_CALLBACK or IPC_NOTIFY_EVENTFD.
    pub kind: c_int,
    /// The signal, for IPC_NOTIFY_SIGNAL; else 0.
    pub signal: c_int,
    /// An eventfd, for IPC_NOTIFY_EVENTFD; else 0. It stays the caller's, who may close it.
    pub eventfd: c_int,
    /// All 0: room for what comes later.
    pub reserved: c_int,
    /// The function, for IPC_NOTIFY_CALLBACK; else NULL.
    pub callback: Option<unsafe extern "C" fn(mq: *mut ipc_mq_t, context: *mut c_void)>,
    /// Passed to the function as it is; for IPC_NOTIFY_SIGNAL, the signal's si_value.sival_ptr.
    pub context: *mut c_void,
}

/// A callback with its arguments, which go to the notification's thread.
struct Callback {
    function: unsafe extern "C" fn(*mut ipc_mq_t, *mut c_void),
    queue: *mut ipc_mq_t,
    context: *mut c_void,
}

// SAFETY: the handle is a number; the context is only passed on to a function that, by the
// contract of ipc_mq_notify, expects it in another thread.
unsafe impl Send for Callback {}

impl Callback {
    fn call(&self) {
        // SAFETY: the caller of ipc_mq_notify gave the function for these arguments.
        unsafe { (self.function)(self.queue, self.context) }
    }
}

/// Opens the message queue of that name, or creates it with IPC_CREATE.
///
/// With IPC_KERNEL it is the kernel's queue, the same that mq_open() gives other programs. The
/// queue in shared memory, without that flag, is not in this version.
///
/// out: receives the handle, on success only. End it with ipc_mq_close().
/// name: "/" and 1 to 250 bytes without a slash.
/// attr: the size of a queue created by this call, and what an existing one must have; NULL: the
/// system's default, and any. Not kept: it may go away after the call.
/// flags: IPC_KERNEL, and any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY (receive only),
/// IPC_WRITE_ONLY (send only), IPC_NONBLOCK (calls that would wait return -EAGAIN, whatever
/// their timeout), IPC_CHECK_OWNER.
/// mode: the permissions of a queue created by this call, exactly (the umask does not count);
/// else unused.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL a NULL, a malformed name, flag or mode, reserved not 0, a size of 0, or sizes
/// over the limits fs.mqueue.msg_max and msgsize_max; -ENAMETOOLONG the name; -ENOENT no such
/// queue and no IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EACCES permissions, or
/// IPC_CHECK_OWNER; -EPROTO the existing queue has other sizes than attr (ipc_last_error() tells
/// both sides); -EMFILE this user's queues would take more than RLIMIT_MSGQUEUE bytes, or too many
/// descriptors or handles (ipc_last_error() tells which, and the numbers); -ENFILE too many open
/// files in the system; -ENOSPC more queues than fs.mqueue.queues_max; -ENOMEM; -ENOTSUP
/// without IPC_KERNEL; -ENOSYS the kernel has no message queues.
/// Threads: safe. Fork: the handle is the child's too.
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
        let attributes = unsafe { attributes(attr) }?;
        let (queue, outcome) = Queue::open(&name, attributes, mq_options(flags, mode)?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, QUEUES.insert(queue)?) }?;
        Ok(opened(outcome))
    })
}

fn mq_options(flags: c_int, mode: libc::mode_t) -> Result<mq::Options> {
    let allowed = IPC_CREATE
        | IPC_EXCLUSIVE
        | IPC_READ_ONLY
        | IPC_WRITE_ONLY
        | IPC_NONBLOCK
        | IPC_CHECK_OWNER
        | IPC_KERNEL;
    let options = options(flags, allowed, mode)?;
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
        mode,
    })
}

/// # Safety
///
/// `attr` is NULL, misaligned, or points to an ipc_mq_attr_t.
unsafe fn attributes(attr: *const ipc_mq_attr_t) -> Result<Option<Attributes>> {
    if attr.is_null() {
        return Ok(None);
    }
    // SAFETY: checked for alignment; the rest by this function's contract.
    let attr = unsafe { checked(attr.cast_mut(), "attr")?.read() };
    if attr.reserved.iter().any(|&reserved| reserved != 0) {
        return Err(fail!(EINVAL, "attr->reserved is not 0"));
    }
    Ok(Some(Attributes {
        max_messages: attr.max_messages,
        message_size: attr.message_size,
        current_messages: 0,
    }))
}

/// Sends one message, waiting while the queue is full.
///
/// msg: the message; NULL only with len 0.
/// len: in bytes, 0 or more, up to the queue's message_size.
/// priority: 0 to IPC_MQ_PRIORITY_MAX; higher ones are received first.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the queue is full, and timeout_ns is 0 or the handle IPC_NONBLOCK;
/// -ETIMEDOUT; -EINTR a signal handler ran while waiting; -EMSGSIZE the message is longer than
/// the queue's message_size; -EINVAL a NULL, a priority too high, or a timeout below -1; -EBADF
/// the handle is closed, or IPC_READ_ONLY; -EFAULT msg leads to no memory; -ENOMEM.
/// Threads: safe.
/// Death: a message is in the queue whole or not at all; it stays when its sender dies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_send(
    mq: *mut ipc_mq_t,
    msg: *const c_void,
    len: usize,
    priority: c_uint,
    timeout_ns: i64,
) -> c_int {
    guard_fast(
        c"ipc_mq_send",
        move || {
            if timeout_ns < IPC_FOREVER || !is_plain_buffer(msg, len) {
                return None;
            }
            // SAFETY: checked for NULL and length; the rest by the contract of this call.
            let message = unsafe { core::slice::from_raw_parts(msg.cast(), len) };
            let queue = QUEUES.get_fast(mq)?;
            match queue.try_send(message, priority) {
                Ok(()) => {
                    queue.release();
                    Some(0)
                }
                Err(Errno::EAGAIN) if timeout_ns != 0 => None,
                Err(errno) => Some(guard(c"ipc_mq_send", move || {
                    Err(queue.send_failed(message, priority, errno))
                })),
            }
        },
        move || {
            // SAFETY: by the contract of this call.
            let message = unsafe { message(msg, len) }?;
            QUEUES.get(mq)?.send(message, priority, timeout_ns)?;
            Ok(0)
        },
    )
}

/// # Safety
///
/// `msg` is NULL or points to `len` bytes that stay readable and unchanged during the call.
unsafe fn message<'a>(msg: *const c_void, len: usize) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    let start = checked(msg.cast::<u8>().cast_mut(), "msg")?;
    // No object has more than isize::MAX bytes.
    let length = len.min(isize::MAX as usize);
    // SAFETY: checked for NULL; the rest by this function's contract.
    Ok(unsafe { core::slice::from_raw_parts(start.as_ptr(), length) })
}

/// # Safety
///
/// `buf` is NULL or points to `capacity` bytes that stay writable during the call and are nobody
/// else's.
unsafe fn buffer<'a>(buf: *mut c_void, capacity: usize) -> Result<&'a mut [MaybeUninit<u8>]> {
    let start = checked(buf.cast::<MaybeUninit<u8>>(), "buf")?;
    // As in `message`.
    let length = capacity.min(isize::MAX as usize);
    // SAFETY: checked for NULL; the rest by this function's contract.
    Ok(unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), length) })
}

/// Takes the message of the highest priority, of several the oldest, waiting for one.
///
/// buf: receives the message, on success only.
/// capacity: in bytes, at least the queue's message_size, also when the message that waits is
/// shorter: the kernel has it so.
/// priority: receives the message's priority, on success only; NULL if it is not wanted.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: the message's length in bytes, which may be 0, or a negative error.
/// Errors: -EAGAIN there is no message, and timeout_ns is 0 or the handle IPC_NONBLOCK;
/// -ETIMEDOUT; -EINTR a signal handler ran while waiting; -EMSGSIZE capacity is too small: the
/// message stays in the queue, and ipc_last_error() tells the size needed; -EINVAL buf is NULL,
/// priority misaligned, or a timeout below -1; -EBADF the handle is closed, or IPC_WRITE_ONLY;
/// -EFAULT buf leads to no memory: the message is lost.
/// Threads: safe; each message goes to one receiver.
/// Death: a receiver that dies takes with it at most the one message that it had just received.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_receive(
    mq: *mut ipc_mq_t,
    buf: *mut c_void,
    capacity: usize,
    priority: *mut c_uint,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_fast(
        c"ipc_mq_receive",
        move || {
            if timeout_ns < IPC_FOREVER || !is_plain_buffer(buf, capacity) || !priority.is_aligned()
            {
                return None;
            }
            // SAFETY: checked for NULL and length; the rest by the contract of this call.
            let buffer = unsafe { core::slice::from_raw_parts_mut(buf.cast(), capacity) };
            let queue = QUEUES.get_fast(mq)?;
            match queue.try_receive(buffer) {
                Ok(received) => {
                    queue.release();
                    // SAFETY: checked for alignment; the rest by the contract of this call.
                    Some(unsafe { hand_over(received, priority) })
                }
                Err(Errno::EAGAIN) if timeout_ns != 0 => None,
                Err(errno) => Some(guard(c"ipc_mq_receive", move || {
                    Err(queue.receive_failed(buffer, errno))
                })),
            }
        },
        move || {
            if !priority.is_aligned() {
                checked(priority, "priority")?;
            }
            // SAFETY: by the contract of this call.
            let buffer = unsafe { buffer(buf, capacity) }?;
            let received = QUEUES.get(mq)?.receive(buffer, timeout_ns)?;
            // SAFETY: checked for alignment; the rest by the contract of this call.
            Ok(unsafe { hand_over(received, priority) })
        },
    )
}

/// Writes a message's priority where it is wanted and returns its length.
///
/// # Safety
///
/// `priority` is NULL, or aligned and points to writable memory for one number.
#[inline(always)]
unsafe fn hand_over((length, found): (usize, c_uint), priority: *mut c_uint) -> isize {
    if !priority.is_null() {
        // SAFETY: by this function's contract.
        unsafe { priority.write(found) };
    }
    length as isize
}

/// Tells a queue's sizes, how many messages it holds at some moment during the call, and how the
/// handle was opened.
///
/// attr: receives them, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL or misaligned; -EBADF the handle is closed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_getattr(mq: *const ipc_mq_t, attr: *mut ipc_mq_attr_t) -> c_int {
    guard(c"ipc_mq_getattr", move || {
        let attr = checked(attr, "attr")?;
        let queue = QUEUES.get(mq)?;
        let found = queue.attributes()?;
        let direction = match queue.direction() {
            Direction::Receive => IPC_READ_ONLY,
            Direction::Send => IPC_WRITE_ONLY,
            Direction::Both => 0,
        };
        let nonblocking = if queue.is_nonblocking() {
            IPC_NONBLOCK
        } else {
            0
        };
        let answer = ipc_mq_attr_t {
            max_messages: found.max_messages,
            message_size: found.message_size,
            current_messages: found.current_messages,
            flags: IPC_KERNEL | direction | nonblocking,
            reserved: [0; 5],
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(attr, answer) }
    })
}

/// The queue's descriptor, for poll() and its like: readable when there is a message, writable
/// when there is room. It is an mqd_t. It has O_NONBLOCK, which must stay so: waiting is the
/// library's.
///
/// Returns: the descriptor, which stays the handle's: it is good until ipc_mq_close() and must
/// not be closed; or a negative error.
/// Errors: -EINVAL NULL; -EBADF the handle is closed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_fd(mq: *const ipc_mq_t) -> c_int {
    guard(c"ipc_mq_fd", move || Ok(QUEUES.get(mq)?.descriptor()))
}

/// Has something done when messages come: at once for those that are in the queue already, then for
/// each that comes, until it is ended. It needs no arming anew.
///
/// Several messages that come close together may be told of once, and what is told of may have
/// been taken by another receiver. So receive with timeout 0 until -EAGAIN; who does so when told
/// never misses a message. Any number of handles and processes may have a notification of the same
/// queue.
///
/// This is the one call that starts a thread: it is named "ipc_mq_notify", blocks all signals, has
/// three descriptors (four for an eventfd), and ends with the notification. Without a thread, poll
/// ipc_mq_fd().
///
/// A signal is queued with sigqueue() to the process: its si_code is SI_QUEUE. When the limit of
/// queued real-time signals is reached, it comes without its value.
///
/// A function is called in the thread, with this handle. It may receive one message or all: it is
/// called again as long as it takes some and some are left. It must return, must not wait, and may
/// end the notification or close the handle. No longjmp, no C++ exception, no pthread_exit().
///
/// how: what to do; not kept. NULL ends the notification: when the call returns, the function is
/// not running any more, unless it is the function that calls.
///
/// Returns: 0, also when there was no notification to end; or a negative error.
/// Errors: -EINVAL mq is NULL, or how has an unknown kind, no valid signal, no function,
/// something that its kind does not use, or reserved not 0; -EBADF the handle is closed, or the
/// descriptor is not an eventfd; -EBUSY the handle has a notification already, or another thread is
/// just changing it; -EMFILE or -ENFILE too many descriptors; -EAGAIN no thread can be started;
/// -ENOSPC too many descriptors are watched (fs.epoll.max_user_watches); -ENOMEM.
/// Threads: safe. Fork: the notification is the parent's; the child has none and may begin its own.
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

fn action(queue: *mut ipc_mq_t, how: &ipc_mq_notify_t) -> Result<Action> {
    let unused = |is_zero: bool, what: &str| match is_zero {
        true => Ok(()),
        false => Err(fail!(
            EINVAL,
            "how->{what} is set, which kind {} does not use",
            how.kind
        )),
    };
    unused(how.reserved == 0, "reserved")?;
    if how.kind != IPC_NOTIFY_SIGNAL {
        unused(how.signal == 0, "signal")?;
    }
    if how.kind != IPC_NOTIFY_CALLBACK {
        unused(how.callback.is_none(), "callback")?;
    }
    if how.kind != IPC_NOTIFY_EVENTFD {
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
            Ok(Action::Callback(Box::new(move || callback.call())))
        }
        IPC_NOTIFY_EVENTFD => {
            let descriptor = file::borrow(how.eventfd)
                .map_err(|errno| fail!((errno), "how->eventfd is {}", how.eventfd))?;
            if !mqueue::is_eventfd(descriptor.as_fd()) {
                return Err(fail!(
                    EBADF,
                    "how->eventfd is {}, which is not an eventfd",
                    how.eventfd
                ));
            }
            Ok(Action::Eventfd(descriptor))
        }
        kind => Err(fail!(
            EINVAL,
            "how->kind is {kind}; expected IPC_NOTIFY_SIGNAL, IPC_NOTIFY_CALLBACK or IPC_NOTIFY_EVENTFD"
        )),
    }
}

/// Ends the use of a queue, and its notification as ipc_mq_notify() with NULL does. The queue and
/// its messages stay until ipc_mq_unlink() and the last closing.
///
/// mq: NULL does nothing. Calls that use the handle in other threads finish first.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF the handle is closed already, or not a message queue's.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_close(mq: *mut ipc_mq_t) -> c_int {
    guard(c"ipc_mq_close", move || {
        if mq.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        // While the handle is good: the function may be in a call with it. When another thread
        // is just changing the notification, it ends with the last call that uses the handle.
        let _ = QUEUES.get(mq)?.end_notification();
        QUEUES.close(mq)?;
        Ok(0)
    })
}

/// Removes a queue's name. Processes that have it open keep it, with its messages.
///
/// name: as in ipc_mq_open().
/// flags: IPC_KERNEL.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL name is NULL or malformed, or an unknown flag; -ENAMETOOLONG the name; -ENOENT
/// no such queue; -EACCES or -EPERM not permitted; -ENOTSUP without IPC_KERNEL; -ENOSYS the
/// kernel has no message queues.
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
