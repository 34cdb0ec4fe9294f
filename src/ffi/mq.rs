//! Message queues.

use super::handle::Table;
use super::*;
use crate::base::error::Errno;
use crate::ipc::mq::{self, Action, Attributes, Direction, Queue, SignalValue, Source, Target};

use crate::base::name::Name;
use crate::sys::{file, mqueue, signal};
use core::ffi::{c_char, c_int, c_uint, c_void};
use core::mem::MaybeUninit;
use core::slice;
use core::time::Duration;
use std::os::fd::AsFd;

/// An open message queue. Made by ipc_mq_open(), ended by ipc_mq_close().
pub struct ipc_mq_t {
    _private: [u8; 0],
}

static QUEUES: Table<Queue, { handle::MQ }> = Table::new();

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
    /// How the handle was opened: IPC_KERNEL, IPC_READ_ONLY, IPC_WRITE_ONLY, IPC_NONBLOCK,
    /// IPC_MQ_OVERWRITE. From ipc_mq_getattr(); on opening unused.
    pub flags: c_int,
    /// For how many nanoseconds who has to wait looks before it sleeps, where there is more than
    /// one processor. On creating: 0 is 50000, IPC_MQ_NO_SPIN none. Unused by IPC_KERNEL.
    pub spin_ns: c_int,
    /// All 0: room for what comes later.
    pub reserved: [c_int; 4],
}

/// For ipc_mq_attr_t's spin_ns: sleep at once.
pub const IPC_MQ_NO_SPIN: c_int = -1;

/// Flag of ipc_mq_open(): what this handle sends into a full queue displaces the oldest message of
/// the lowest priority there. A message whose own priority is lower than all is dropped itself,
/// and sending it succeeds. ipc_mq_stat() counts both. Not with IPC_KERNEL.
pub const IPC_MQ_OVERWRITE: c_int = 0x10000;

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
/// The queue is in shared memory: it needs no privileges, has no limits but memory, makes no
/// system call while nobody sleeps, and outlives its processes until ipc_mq_unlink(). With
/// IPC_KERNEL it is the kernel's queue, the same that mq_open() gives other programs.
///
/// out: receives the handle, on success only. End it with ipc_mq_close().
/// name: "/" and 1 to 250 bytes without a slash.
/// attr: the sizes of a queue created by this call, and what an existing one must have; NULL: 10
/// messages of 8192 bytes (with IPC_KERNEL the system's default), and any. Not kept: it may go
/// away after the call.
/// flags: any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY (receive only), IPC_WRITE_ONLY (send
/// only), IPC_NONBLOCK (calls that would wait return -EAGAIN, whatever their timeout),
/// IPC_CHECK_OWNER, IPC_MQ_OVERWRITE, IPC_KERNEL.
/// mode: the permissions of a queue created by this call, exactly (the umask does not count);
/// else unused. Who sends or receives needs both read and write permission, because both change
/// the queue; with IPC_KERNEL only that for its direction.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL a NULL, a malformed name, flag or mode, reserved not 0, sizes that are 0 or too
/// large (with IPC_KERNEL: over the limits fs.mqueue.msg_max and msgsize_max); -ENAMETOOLONG the
/// name; -ENOENT no such queue and no IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EACCES
/// permissions, or IPC_CHECK_OWNER; -EPROTO the existing queue has other sizes than attr, or
/// belongs to another version, word size, libc or PID namespace (ipc_last_error() tells both
/// sides); -EMEDIUMTYPE the name is another kind of object's; -EUCLEAN the queue is damaged; -ELOOP
/// the name is a symbolic link; -ENOSPC no room in /dev/shm (IPC_KERNEL: more queues than
/// fs.mqueue.queues_max); -EMFILE too many descriptors or handles (IPC_KERNEL: or this user's
/// queues would take more than RLIMIT_MSGQUEUE bytes; ipc_last_error() tells which, and the
/// numbers); -ENFILE too many open files in the system; -ENOMEM; -ENOTSUP no robust lock is
/// possible with this libc; -ENOSYS with IPC_KERNEL: the kernel has no message queues; -EPERM or
/// -EROFS the system does not let this process set the mode of what it creates.
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
        let (attributes, spin) = unsafe { attributes(attr) }?;
        let allowed = IPC_CREATE | IPC_EXCLUSIVE | IPC_CHECK_OWNER | IPC_KERNEL | USE;
        let options = mq::Options {
            spin,
            ..mq_options(flags, allowed, mode)?
        };
        let (queue, outcome) = Queue::open(&name, attributes, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, QUEUES.insert(queue)?) }?;
        Ok(opened(outcome))
    })
}

/// Opens a queue in shared memory by a descriptor of its memory, also one that has lost its name:
/// of its file in /dev/shm, as it is got from open() or passed on by a process that has it open.
///
/// out: receives the handle, on success only. End it with ipc_mq_close().
/// fd: open for reading and writing. It stays the caller's, who may close it after the call.
/// flags: any of IPC_READ_ONLY, IPC_WRITE_ONLY, IPC_NONBLOCK, IPC_MQ_OVERWRITE, as in ipc_mq_open().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL or a malformed flag; -EBADF fd is not open; -EACCES it is not open for
/// both; -EMEDIUMTYPE it is something else's; -EPROTO, -EUCLEAN, -EMFILE, -ENFILE, -ENOMEM and
/// -ENOTSUP as in ipc_mq_open().
/// Threads: safe. Fork: the handle is the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_open_fd(out: *mut *mut ipc_mq_t, fd: c_int, flags: c_int) -> c_int {
    guard(c"ipc_mq_open_fd", move || {
        let out = checked(out, "out")?;
        let options = mq::Options {
            descriptor: Some(fd),
            ..mq_options(flags, USE, 0)?
        };
        let (queue, _) = Queue::open(&Name::new(b"/(a descriptor's)")?, None, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, QUEUES.insert(queue)?) }?;
        Ok(0)
    })
}

/// What says how a handle is used.
const USE: c_int = IPC_READ_ONLY | IPC_WRITE_ONLY | IPC_NONBLOCK | IPC_MQ_OVERWRITE;

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
        descriptor: None,
    })
}

/// # Safety
///
/// `attr` is NULL, misaligned, or points to an ipc_mq_attr_t.
unsafe fn attributes(attr: *const ipc_mq_attr_t) -> Result<(Option<Attributes>, Option<Duration>)> {
    if attr.is_null() {
        return Ok((None, None));
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
    let sizes = Attributes {
        max_messages: attr.max_messages,
        message_size: attr.message_size,
        current_messages: 0,
    };
    Ok((Some(sizes), spin))
}

/// Sends one message, waiting while the queue is full.
///
/// msg: the message; NULL only with len 0.
/// len: in bytes, 0 or more, up to the queue's message_size.
/// priority: 0 to IPC_MQ_PRIORITY_MAX; higher ones are received first.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the queue is full, and timeout_ns is 0 or the handle IPC_NONBLOCK; -ETIMEDOUT;
/// -EINTR a signal handler ran while waiting; -EMSGSIZE the message is longer than the queue's
/// message_size; -EINVAL a NULL, a priority too high, or a timeout below -1; -EBADF the handle is
/// closed, or IPC_READ_ONLY; -EUCLEAN the queue is damaged; -EDEADLK called from a signal handler
/// that interrupted a call on the same queue; -EMFILE, -ENFILE, -EACCES the queue has a descriptor,
/// see ipc_mq_fd(), and this process cannot open it: nothing has changed; with IPC_KERNEL: -EFAULT
/// msg leads to no memory; -ENOMEM; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on
/// a futex.
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
            let message = unsafe { slice::from_raw_parts(msg.cast(), len) };
            let queue = QUEUES.get_fast(mq)?;
            match queue.try_send(message, priority, timeout_ns != 0) {
                Ok(()) => {
                    queue.release();
                    Some(0)
                }
                Err(error) if timeout_ns != 0 && error.errno() == Errno::EAGAIN => None,
                Err(error) => Some(guard(c"ipc_mq_send", move || {
                    Err(queue.send_failed(message, priority, error))
                })),
            }
        },
        move || {
            // SAFETY: by the contract of this call.
            let message = unsafe { message(msg, len) }?;
            let message = Source { message, priority };
            QUEUES.get(mq)?.send(&[message], timeout_ns)?;
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
    Ok(unsafe { slice::from_raw_parts(start.as_ptr(), length) })
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
    Ok(unsafe { slice::from_raw_parts_mut(start.as_ptr(), length) })
}

/// Takes the message of the highest priority, of several the oldest, waiting for one.
///
/// buf: receives the message, on success only.
/// capacity: in bytes, enough for the message that waits; with IPC_KERNEL at least the queue's
/// message_size, also when that message is shorter: the kernel has it so.
/// priority: receives the message's priority, on success only; NULL if it is not wanted.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: the message's length in bytes, which may be 0, or a negative error.
/// Errors: -EAGAIN there is no message, and timeout_ns is 0 or the handle IPC_NONBLOCK; -ETIMEDOUT;
/// -EINTR a signal handler ran while waiting; -EMSGSIZE capacity is too small: the message stays in
/// the queue, and ipc_last_error() tells the size needed; -EINVAL buf is NULL, priority misaligned,
/// or a timeout below -1; -EBADF the handle is closed, or IPC_WRITE_ONLY; -EUCLEAN, -EDEADLK,
/// -EMFILE, -ENFILE and -EACCES as in ipc_mq_send(); with IPC_KERNEL: -EFAULT buf leads to no
/// memory, and the message is lost; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on
/// a futex.
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
            let buffer = unsafe { slice::from_raw_parts_mut(buf.cast(), capacity) };
            let queue = QUEUES.get_fast(mq)?;
            match queue.try_receive(buffer, timeout_ns != 0) {
                Ok(received) => {
                    queue.release();
                    // SAFETY: checked for alignment; the rest by the contract of this call.
                    Some(unsafe { hand_over(received, priority) })
                }
                Err(error) if timeout_ns != 0 && error.errno() == Errno::EAGAIN => None,
                Err(error) => Some(guard(c"ipc_mq_receive", move || {
                    Err(queue.receive_failed(buffer, error))
                })),
            }
        },
        move || {
            checked_if_any(priority, "priority")?;
            // SAFETY: by the contract of this call.
            let buffer = unsafe { buffer(buf, capacity) }?;
            let mut target = [Target::of(buffer)];
            QUEUES.get(mq)?.receive(&mut target, timeout_ns)?;
            let [received] = target;
            // SAFETY: checked for alignment; the rest by the contract of this call.
            Ok(unsafe { hand_over((received.length, received.priority), priority) })
        },
    )
}

/// Checks an address that may be NULL.
fn checked_if_any(number: *mut c_uint, what: &str) -> Result<()> {
    if number.is_aligned() {
        return Ok(());
    }
    checked(number, what).map(drop)
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

/// A message of ipc_mq_send_many() or ipc_mq_receive_many().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_message_t {
    /// The message; for receiving, where it goes to. Not changed when sending.
    pub data: *mut c_void,
    /// Its length in bytes; before receiving, how many bytes there is room for.
    pub len: usize,
    /// Its priority.
    pub priority: c_uint,
    /// When received: how often it was given back to the queue because a process that had borrowed
    /// it died. When sent: unused.
    pub redeliveries: c_uint,
}

/// How many messages go through one section: their descriptions stand on the stack meanwhile.
const MANY: usize = 32;

/// Sends several messages, at the cost of little more than one; each has its own priority.
/// Waits until there is room for the first, then sends as many as there is room for.
///
/// messages: count of them, in the order of sending.
/// timeout_ns: as in ipc_mq_send().
///
/// Returns: how many were sent, the first ones, 1 or more (0 only for count 0); or a negative
/// error, and then none was.
/// Errors: -EAGAIN, -ETIMEDOUT, -EINTR, -EMSGSIZE, -EINVAL, -EBADF, -EUCLEAN, -EDEADLK, -EFAULT,
/// -ENOMEM as ipc_mq_send(), for the first message: a later one that is wrong ends the batch before
/// it; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. Others' messages may come between.
/// Death: each message is in the queue whole or not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_send_many(
    mq: *mut ipc_mq_t,
    messages: *const ipc_mq_message_t,
    count: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_mq_send_many", move || {
        let queue = QUEUES.get(mq)?;
        if count == 0 {
            return Ok(0);
        }
        let messages = checked(messages.cast_mut(), "messages")?;
        let mut sent = 0;
        while sent < count {
            let mut sources = [const { EMPTY }; MANY];
            let mut chunk = MANY.min(count - sent);
            let mut good = 0;
            let described = sources[..chunk].iter_mut().try_for_each(|source| {
                // SAFETY: below count; by the contract of this call.
                let described = unsafe { messages.add(sent + good).read() };
                *source = Source {
                    // SAFETY: by the contract of this call.
                    message: unsafe { message(described.data, described.len) }?,
                    priority: described.priority,
                };
                good += 1;
                Ok(())
            });
            if good != 0 {
                chunk = good;
            } else if let Err(error) = described {
                return if sent != 0 {
                    Ok(sent as isize)
                } else {
                    Err(error)
                };
            }
            let timeout_ns = if sent == 0 { timeout_ns } else { 0 };
            match queue.send(&sources[..chunk], timeout_ns) {
                Ok(some) => sent += some,
                Err(_) if sent != 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent as isize)
    })
}

const EMPTY: Source<'static> = Source {
    message: &[],
    priority: 0,
};

/// Receives several messages, at the cost of little more than one. Waits for the first, then takes
/// as many as there are.
///
/// messages: count descriptions of where each goes to; of those received, len, priority and
/// redeliveries are filled in. A message that is too long for its place ends the batch before it.
/// timeout_ns: as in ipc_mq_receive().
///
/// Returns: how many were received, 1 or more (0 only for count 0); or a negative error, and then
/// none was.
/// Errors: -EAGAIN, -ETIMEDOUT, -EINTR, -EMSGSIZE, -EINVAL, -EBADF, -EUCLEAN, -EDEADLK, -EFAULT as
/// ipc_mq_receive(); -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe; each message goes to one receiver.
/// Death: a receiver that dies takes with it at most the messages of this call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_receive_many(
    mq: *mut ipc_mq_t,
    messages: *mut ipc_mq_message_t,
    count: usize,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard(c"ipc_mq_receive_many", move || {
        let queue = QUEUES.get(mq)?;
        if count == 0 {
            return Ok(0);
        }
        let messages = checked(messages, "messages")?;
        let mut received = 0;
        while received < count {
            let mut targets: [Target<'_>; MANY] = core::array::from_fn(|_| Target::of(&mut []));
            let mut chunk = MANY.min(count - received);
            let mut good = 0;
            let described = targets[..chunk].iter_mut().try_for_each(|target| {
                // SAFETY: below count; by the contract of this call.
                let described = unsafe { messages.add(received + good).read() };
                // SAFETY: by the contract of this call.
                *target = Target::of(unsafe { buffer(described.data, described.len) }?);
                good += 1;
                Ok(())
            });
            if good != 0 {
                chunk = good;
            } else if let Err(error) = described {
                return if received != 0 {
                    Ok(received as isize)
                } else {
                    Err(error)
                };
            }
            let timeout_ns = if received == 0 { timeout_ns } else { 0 };
            let some = match queue.receive(&mut targets[..chunk], timeout_ns) {
                Ok(0) => break,
                Ok(some) => some,
                Err(_) if received != 0 => break,
                Err(error) => return Err(error),
            };
            for target in &targets[..some] {
                // SAFETY: below count; by the contract of this call.
                let described = unsafe { messages.add(received).as_mut() };
                described.len = target.length;
                described.priority = target.priority;
                described.redeliveries = target.redeliveries;
                received += 1;
            }
        }
        Ok(received as isize)
    })
}

/// Tells the priority of the message that the next ipc_mq_receive() would take, without taking it.
/// Another receiver may take it first.
///
/// priority: receives it, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN the queue is empty; -EINVAL a NULL; -EBADF the handle is closed, or
/// IPC_WRITE_ONLY; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP with IPC_KERNEL.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_peek_priority(mq: *mut ipc_mq_t, priority: *mut c_uint) -> c_int {
    guard(c"ipc_mq_peek_priority", move || {
        let priority = checked(priority, "priority")?;
        let found = QUEUES.get(mq)?.peek_priority()?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { priority.write(found) };
        Ok(0)
    })
}

/// The guard of the calls that use a message in place, which are mostly over in a few nanoseconds:
/// `act` is told to do it at once, as the fast half of `guard_fast`, and if that is `EAGAIN`, called
/// again without that. One piece of code for all of them.
fn guard_in_place<R: Returned>(
    call: &'static CStr,
    mq: *mut ipc_mq_t,
    act: &mut dyn FnMut(&Queue, bool) -> Result<isize>,
) -> R {
    R::from_word(guard_twice(call, mq, act))
}

#[inline(never)]
fn guard_twice(
    call: &'static CStr,
    mq: *mut ipc_mq_t,
    act: &mut dyn FnMut(&Queue, bool) -> Result<isize>,
) -> isize {
    let mut failure = None;
    let at_once = || {
        let queue = QUEUES.get_fast(mq)?;
        match act(&queue, true) {
            Ok(result) => {
                queue.release();
                return Some(result);
            }
            Err(error) if error.errno() == Errno::EAGAIN => {}
            Err(error) => failure = Some(error),
        }
        None
    };
    match catch_unwind(AssertUnwindSafe(at_once)) {
        Ok(Some(result)) => result,
        _ => guard(call, || match failure {
            Some(error) => Err(error),
            None => act(&*QUEUES.get(mq)?, false),
        }),
    }
}

/// Reserves room for a message, which is written there and then sent by ipc_mq_commit(), or given
/// up by ipc_mq_abandon(): so a large message is not copied. Waits while the queue is full.
///
/// Several messages may be reserved at once; each takes the room of one. They are sent in the order
/// of committing. A queue opened with IPC_MQ_OVERWRITE drops a message to make room, whatever
/// its priority.
///
/// out: receives the address of message_size bytes, aligned to 64, on success only. What stands in
/// them is not defined.
/// timeout_ns: as in ipc_mq_send().
///
/// Returns: 0, or a negative error.
/// Errors: as ipc_mq_send(); -ENOTSUP with IPC_KERNEL; -ENOSYS if a sandbox (seccomp) forbids this
/// process to sleep on a futex.
/// Threads: safe. The thread that reserves is the one that commits or abandons: to another it is
/// -EPERM.
/// Death: the room of a thread that has ended goes back to the queue; the message vanishes.
/// Fork: the message is the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_reserve(
    mq: *mut ipc_mq_t,
    out: *mut *mut c_void,
    timeout_ns: i64,
) -> c_int {
    guard_in_place(c"ipc_mq_reserve", mq, &mut |queue, at_once| {
        let out = checked(out, "out")?;
        let payload = queue.reserve(timeout_ns, at_once)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { out.write(payload.as_ptr().cast()) };
        Ok(0)
    })
}

/// Sends a message that was written in place.
///
/// message: what ipc_mq_reserve() gave. It is not this thread's any more when the call succeeds.
/// len: in bytes, up to the queue's message_size.
/// priority: as in ipc_mq_send().
///
/// Returns: 0, or a negative error, and then the message is still reserved.
/// Errors: -EINVAL message is not reserved, or no message of this queue, or the priority is too
/// high; -EPERM another thread has reserved it; -EMSGSIZE len; -EBADF the handle is closed, or
/// IPC_READ_ONLY; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP with IPC_KERNEL.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_commit(
    mq: *mut ipc_mq_t,
    message: *mut c_void,
    len: usize,
    priority: c_uint,
) -> c_int {
    guard_in_place(c"ipc_mq_commit", mq, &mut |queue, at_once| {
        queue.commit(message.cast(), len, priority, at_once)?;
        Ok(0)
    })
}

/// Gives the room of a reserved message back without sending it.
///
/// message: what ipc_mq_reserve() gave.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL message is not reserved, or no message of this queue; -EPERM another thread has
/// reserved it; -EBADF the handle is closed; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP
/// with IPC_KERNEL.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_abandon(mq: *mut ipc_mq_t, message: *mut c_void) -> c_int {
    guard(c"ipc_mq_abandon", move || {
        QUEUES.get(mq)?.abandon(message.cast())?;
        Ok(0)
    })
}

/// Takes a message as ipc_mq_receive() does, to be read in place: so a large message is not
/// copied. It takes its room in the queue until ipc_mq_return().
///
/// out: receives the message's address, aligned to 64, on success only.
/// priority: receives its priority, on success only; NULL if it is not wanted.
/// redeliveries: receives how often the message was borrowed before by a thread that died before
/// it returned it, on success only: not 0 means that some of its work may have been done. NULL if
/// it is not wanted.
/// timeout_ns: as in ipc_mq_receive().
///
/// Returns: the message's length in bytes, or a negative error.
/// Errors: as ipc_mq_receive(), but no -EMSGSIZE; -ENOTSUP with IPC_KERNEL; -ENOSYS if a sandbox
/// (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. The thread that borrows is the one that returns: to another it is -EPERM.
/// Death: a message that its borrower had not returned is queued again in its old place.
/// Fork: the message is the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_borrow(
    mq: *mut ipc_mq_t,
    out: *mut *const c_void,
    priority: *mut c_uint,
    redeliveries: *mut c_uint,
    timeout_ns: i64,
) -> libc::ssize_t {
    guard_in_place(c"ipc_mq_borrow", mq, &mut |queue, at_once| {
        let out = checked(out, "out")?;
        checked_if_any(priority, "priority")?;
        checked_if_any(redeliveries, "redeliveries")?;
        let borrowed = queue.borrow(timeout_ns, at_once)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { out.write(borrowed.payload.as_ptr().cast_const().cast()) };
        // SAFETY: checked for alignment; the rest by the contract of this call.
        unsafe { hand_over((0, borrowed.redeliveries), redeliveries) };
        // SAFETY: as above.
        Ok(unsafe { hand_over((borrowed.length, borrowed.priority), priority) })
    })
}

/// Ends the use of a borrowed message: it is received, and its room is the queue's again.
///
/// message: what ipc_mq_borrow() gave.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL message is not borrowed, or no message of this queue; -EPERM another thread has
/// borrowed it; -EBADF the handle is closed; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP
/// with IPC_KERNEL.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_return(mq: *mut ipc_mq_t, message: *const c_void) -> c_int {
    guard_in_place(c"ipc_mq_return", mq, &mut |queue, at_once| {
        queue.give_back(message.cast(), at_once)?;
        Ok(0)
    })
}

/// What has happened to a queue in shared memory since it was made, and who waits now.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_stat_t {
    /// How many threads sleep in ipc_mq_send() and its like, up to 48.
    pub waiting_senders: usize,
    /// How many threads sleep in ipc_mq_receive() and its like, up to 48.
    pub waiting_receivers: usize,
    /// How many messages IPC_MQ_OVERWRITE has dropped.
    pub dropped: u64,
    /// How often a thread died inside a call and what it left was repaired.
    pub repairs: u64,
    /// How many messages were queued again because their borrowers died.
    pub redelivered: u64,
    /// How many reserved messages vanished because their senders died.
    pub abandoned: u64,
    /// All 0: room for what comes later.
    pub reserved: [u64; 6],
}

/// Tells what has happened to a queue. With IPC_KERNEL all is 0.
///
/// stat: receives it, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL or misaligned; -EBADF the handle is closed.
/// Threads: safe. The numbers are read one after the other while others work.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_stat(mq: *const ipc_mq_t, stat: *mut ipc_mq_stat_t) -> c_int {
    guard(c"ipc_mq_stat", move || {
        let stat = checked(stat, "stat")?;
        let found = QUEUES.get(mq)?.statistics();
        let answer = ipc_mq_stat_t {
            waiting_senders: found.waiting_senders,
            waiting_receivers: found.waiting_receivers,
            dropped: found.dropped,
            repairs: found.repairs,
            redelivered: found.redelivered,
            abandoned: found.abandoned,
            reserved: [0; 6],
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(stat, answer) }
    })
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
        let kernel = if queue.is_kernel() { IPC_KERNEL } else { 0 };
        let overwrites = if queue.overwrites() {
            IPC_MQ_OVERWRITE
        } else {
            0
        };
        let spin_ns = match queue.spin().as_nanos() as c_int {
            0 if !queue.is_kernel() => IPC_MQ_NO_SPIN,
            spin_ns => spin_ns,
        };
        let answer = ipc_mq_attr_t {
            max_messages: found.max_messages,
            message_size: found.message_size,
            current_messages: found.current_messages,
            flags: kernel | direction | nonblocking | overwrites,
            spin_ns,
            reserved: [0; 4],
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(attr, answer) }
    })
}

/// A descriptor for poll(), select() and epoll: readable as long as there is a message,
/// writable as long as there is room, whoever sends and receives. Nothing is to be read from it
/// or written to it.
///
/// The queue in shared memory has one from the first such call on, of whatever process: a
/// hidden FIFO in /dev/shm, which ipc_mq_unlink() removes with the queue. From then on a call
/// that finds or leaves the queue empty or full makes a system call for it, in all processes.
/// When a process dies in a call, the descriptor may be ready for nothing until the next call:
/// so send and receive with timeout 0. (A message that comes back because its borrower died
/// makes it readable when the next call on the queue finds that out. In a queue whose room is
/// all reserved or borrowed it is writable.)
///
/// With IPC_KERNEL it is the queue's own, an mqd_t. It has O_NONBLOCK, which must stay so:
/// waiting is the library's.
///
/// Returns: the descriptor, which stays the handle's: it is good until ipc_mq_close() and must
/// not be closed; or a negative error.
/// Errors: -EINVAL NULL; -EBADF the handle is closed; -EACCES, -EPERM another user owns the
/// queue, and has to ask for its descriptor first; -ESTALE the queue has lost its name, and
/// this handle had no descriptor; -EMFILE, -ENFILE too many descriptors; -ENOSPC, -ENOMEM;
/// -EUCLEAN and -EDEADLK as in ipc_mq_send().
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_fd(mq: *const ipc_mq_t) -> c_int {
    guard(c"ipc_mq_fd", move || QUEUES.get(mq)?.descriptor())
}

/// Gives the queue a queue of the kernel's, opened with mq_open(), as its descriptor, instead
/// of the FIFO that ipc_mq_fd() makes: for those who give <mqueue.h> programs this library's
/// queue. Its mq_maxmsg has to be 2 and its mq_msgsize 1, and all processes that have the queue
/// open have to bring the same. ipc_mq_fd() gives it then, with poll() right from that call on,
/// and the kernel's mq_notify() on it tells of messages.
///
/// fd: the library's from now on, also when the call fails; closed with the handle.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL; -EBADF the handle is closed, or fd negative; -EBUSY it has one
/// already; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP with IPC_KERNEL.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_bring_fd(mq: *mut ipc_mq_t, fd: c_int) -> c_int {
    guard(c"ipc_mq_bring_fd", move || {
        let queue = QUEUES.get(mq)?;
        // SAFETY: by the contract of this call, the caller gives it up.
        queue.bring_descriptor(unsafe { file::take_over(fd) }?)?;
        Ok(0)
    })
}

/// What ipc_mq_wait_word() tells.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_wait_t {
    /// What to sleep on. Good until ipc_mq_close(), and not to be written.
    pub word: *const u32,
    /// Its value as long as there is nothing to wake for.
    pub expected: u32,
}

/// Begins or ends a wait in which the caller sleeps by other means than ipc_mq_send() and
/// ipc_mq_receive(), for instance by a system call that can be cancelled. After those gave
/// -EAGAIN with timeout 0: call this, and if it gives 0, sleep with futex(2)'s FUTEX_WAIT on
/// wait's word while it is as expected, without FUTEX_PRIVATE_FLAG and for at most 100 ms; then
/// call this with wait NULL, and try again. Looks first as long as the queue's spin_ns says.
///
/// direction: IPC_READ_ONLY for a message, IPC_WRITE_ONLY for room.
/// wait: receives them, on success only; NULL ends the wait.
///
/// Returns: 0 sleep, and end the wait; 1 try again; or a negative error.
/// Errors: -EINVAL mq is NULL, wait misaligned, or another direction; -EBADF the handle is
/// closed; -ENOTSUP with IPC_KERNEL.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_wait_word(
    mq: *const ipc_mq_t,
    direction: c_int,
    wait: *mut ipc_mq_wait_t,
) -> c_int {
    guard(c"ipc_mq_wait_word", move || {
        let direction = match direction {
            IPC_READ_ONLY => Direction::Receive,
            IPC_WRITE_ONLY => Direction::Send,
            _ => return Err(Errno::EINVAL.into()),
        };
        match QUEUES.get(mq)?.wait_word(direction, !wait.is_null())? {
            // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
            Some((word, expected)) => unsafe {
                let word = word.as_ptr();
                put(checked(wait, "wait")?, ipc_mq_wait_t { word, expected })
            },
            None => Ok(1),
        }
    })
}

/// Has something done when messages come: at once for those that are in the queue already, then for
/// each that comes, until it is ended. It needs no arming anew.
///
/// Several messages that come close together may be told of once, and what is told of may have
/// been taken by another receiver. So receive with timeout 0 until -EAGAIN; who does so when told
/// never misses a message. Any number of handles and processes may have a notification of the same
/// queue.
///
/// This is the one call that starts a thread: it is named "ipc_mq_notify", blocks all signals, and
/// ends with the notification. With IPC_KERNEL it has three descriptors; one more for an eventfd.
/// Without a thread, poll ipc_mq_fd().
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

/// Tells whether a queue's name is gone, or leads to another queue by now: then processes that open
/// the name do not meet this one.
///
/// Returns: 1 if so, 0 if not, or a negative error.
/// Errors: -EINVAL NULL; -EBADF the handle is closed; -EACCES if the system does not let this
/// process examine the object; -ENOMEM if the kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_stale(mq: *const ipc_mq_t) -> c_int {
    guard(c"ipc_mq_stale", move || {
        Ok(c_int::from(QUEUES.get(mq)?.is_stale()?))
    })
}

/// Ends the use of a queue, and its notification as ipc_mq_notify() with NULL does. The queue and
/// its messages stay until ipc_mq_unlink() and the last closing.
///
/// mq: NULL does nothing. Calls that use the handle in other threads finish first.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF the handle is closed already, or not a message queue's; -EBUSY this thread has a
/// message reserved or borrowed.
/// Threads: safe. Messages that other threads have reserved or borrowed must be given back before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_close(mq: *mut ipc_mq_t) -> c_int {
    guard(c"ipc_mq_close", move || {
        if mq.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        // While the handle is good: the function may be in a call with it. When another thread
        // is just changing the notification, it ends with the last call that uses the handle.
        let queue = QUEUES.get(mq)?;
        queue.check_unused()?;
        let _ = queue.end_notification();
        drop(queue);
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
/// no such queue; -EMEDIUMTYPE the name is another kind of object's; -EACCES or -EPERM not
/// permitted; -ENOSYS with IPC_KERNEL: the kernel has no message queues; -EMFILE or -ENFILE if too
/// many descriptors are open to examine the object; -ENOMEM if the kernel has no memory.
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
