//! The calls that report about a topic: its sizes, its state, its name.

use super::*;
use core::ptr;

/// Reads a topic's sizes, and how the handle was opened.
///
/// attr: receives them, on success only. Its type is NULL. The result may be given to
/// ipc_topic_open().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_getattr(
    topic: *const ipc_topic_t,
    attr: *mut ipc_topic_attr_t,
) -> c_int {
    guard(c"ipc_topic_getattr", move || {
        let attr = checked(attr, "attr")?;
        let topic = topic_of(topic)?;
        let sizes = topic.sizes();
        let set = |flag: c_int, is_set: bool| if is_set { flag } else { 0 };
        let answer = ipc_topic_attr_t {
            r#type: ptr::null(),
            sample_size: sizes.sample_size as usize,
            capacity: sizes.capacity as usize,
            history: sizes.history as usize,
            max_subscribers: sizes.max_subscribers as usize,
            max_publishers: sizes.max_publishers as usize,
            max_borrowed: sizes.max_borrowed as usize,
            flags: set(IPC_TOPIC_WAIT, sizes.waits)
                | set(IPC_WRITE_ONLY, topic.publishes())
                | set(IPC_READ_ONLY, !topic.publishes())
                | set(IPC_NONBLOCK, topic.is_nonblocking()),
            reserved: [0; 7],
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(attr, answer) }
    })
}

/// The state of a topic, from ipc_topic_stat().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_topic_stat_t {
    /// How many samples were published since the topic was created. This is the newest one's number.
    pub published: u64,
    /// How many handles of living processes publish.
    pub publishers: usize,
    /// How many handles of living processes subscribe.
    pub subscribers: usize,
    /// How many samples are reserved now.
    pub reserved_samples: usize,
    /// How many times samples are borrowed now: a sample that two subscribers have borrowed counts twice.
    pub borrowed_samples: usize,
    /// How often a publisher died inside a call on the topic and the topic was repaired.
    pub repairs: u64,
    /// How many reserved samples became free because their publishers died.
    pub abandoned: u64,
    /// For how many samples the topic has memory.
    pub slots: usize,
    /// How many of these hold neither one of the latest capacity samples nor a reserved one. While nobody
    /// is inside a call, slots is free_slots, plus reserved_samples, plus published or capacity, whichever is
    /// less.
    pub free_slots: usize,
    /// All 0: reserved for later versions.
    pub reserved: [u64; 6],
}

/// Reads the state of a topic.
///
/// stat: receives the state, on success only.
///
/// The call frees the places of dead subscribers, and what they had borrowed. On a handle that
/// publishes, it also frees the places of dead publishers, and what they had reserved.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed; -EAGAIN a thread has
/// been stopped inside a call on the topic for a second; -EUCLEAN the topic is damaged; -EPROTO this
/// process was forked into another PID namespace after the handle was opened; -EUSERS this process was
/// forked, and the topic has no room for one more handle; -EDEADLK a signal handler makes this call,
/// and it interrupted a call on the same topic; -ENOTSUP this libc allows no robust locks; -ENOSYS if a
/// sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. The numbers are read one after the other, while other threads use the topic.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_stat(
    topic: *const ipc_topic_t,
    stat: *mut ipc_topic_stat_t,
) -> c_int {
    guard(c"ipc_topic_stat", move || {
        let stat = checked(stat, "stat")?;
        let found = topic_of(topic)?.statistics()?;
        let answer = ipc_topic_stat_t {
            published: found.published,
            publishers: found.publishers,
            subscribers: found.subscribers,
            reserved_samples: found.reserved,
            borrowed_samples: found.borrowed,
            repairs: found.repairs,
            abandoned: found.abandoned,
            slots: found.slots,
            free_slots: found.free_slots,
            reserved: [0; 6],
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(stat, answer) }
    })
}

/// Gives a descriptor for poll(), select() and epoll. It is readable while the handle has a sample to take,
/// whoever publishes. Do not read from it or write to it.
///
/// topic: a handle that subscribes.
///
/// The descriptor may be readable although there is no sample, because another thread was faster. So receive
/// with timeout 0: a call of this handle that finds nothing makes the descriptor right. With EPOLLET, receive
/// until -EAGAIN. If a publisher dies between its change and its wake-up, the kernel makes the descriptor
/// readable. Of several processes that poll at that moment it tells one, and the next call of that process on the
/// topic tells the others.
///
/// As with ipc_mq_fd(), the descriptor may need an io_uring or a thread of this process, named "ipc_watch".
/// From then on, a call that takes a sample may make system calls.
///
/// Returns: the descriptor, or a negative error. The descriptor belongs to the handle. It is valid until
/// ipc_topic_close(), and the caller must not close it. If the program has closed it all the same, the library
/// neither writes to its number nor closes it any more, and this call gives a new descriptor.
/// Errors: -EAGAIN no thread can be started, or another thread is inside this call (or a signal handler makes it
/// that has interrupted it); -EINVAL topic is NULL; -EBADF the handle is closed, or publishes; -EMFILE this
/// process has too many descriptors; -ENFILE the system has too many open files; -ENOMEM there is no memory;
/// -EUSERS this process was forked, and the topic has no room for one more subscriber.
/// Threads: safe.
/// Fork: the descriptor stays the parent's. The child calls ipc_topic_fd() itself and gets its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_fd(topic: *const ipc_topic_t) -> c_int {
    guard(c"ipc_topic_fd", move || topic_of(topic)?.descriptor())
}

/// Tells whether a topic's name is gone or belongs to another object now. Then a process that opens
/// the name does not get this topic.
///
/// Returns: 1 if so, 0 if not, or a negative error.
/// Errors: -EINVAL topic is NULL; -EBADF the handle is closed; -EACCES if the system does not let this
/// process examine the object; -ENOMEM if the kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_topic_stale(topic: *const ipc_topic_t) -> c_int {
    guard(c"ipc_topic_stale", move || {
        Ok(c_int::from(topic_of(topic)?.is_stale()?))
    })
}
