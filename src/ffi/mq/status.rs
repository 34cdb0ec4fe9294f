//! The calls that report about a queue: its sizes, its statistics, its name, and a descriptor to
//! poll.

use super::*;

/// Statistics of a queue in shared memory, from ipc_mq_stat(). The counts cover all processes
/// since the queue was created.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_stat_t {
    /// How many threads wait now, spinning or asleep, because the queue is full, up to 48.
    pub waiting_senders: usize,
    /// How many threads wait now, spinning or asleep, because the queue is empty, up to 48.
    pub waiting_receivers: usize,
    /// How many messages IPC_MQ_OVERWRITE has dropped.
    pub dropped: u64,
    /// How often a thread died inside a call on the queue and the queue was repaired.
    pub repairs: u64,
    /// How many messages were queued again because their borrowers died. A receive, a borrow, a peek,
    /// ipc_mq_getattr() and ipc_mq_stat() notice such a death.
    pub redelivered: u64,
    /// How many reserved messages vanished because their senders died. A send that finds the queue full,
    /// ipc_mq_getattr() and ipc_mq_stat() notice such a death.
    pub abandoned: u64,
    /// All 0: reserved for later versions.
    pub reserved: [u64; 6],
}

/// Reads a queue's statistics. With IPC_KERNEL, all are 0.
///
/// stat: receives the statistics, on success only.
///
/// The call queues again what dead threads had borrowed, and frees what they had reserved, unless a
/// stopped process is in the middle of a call on the queue.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed; -EPROTO this
/// process was forked into another PID namespace after the handle was opened.
/// Threads: safe. The numbers are read one after the other, while other threads use the queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_stat(mq: *const ipc_mq_t, stat: *mut ipc_mq_stat_t) -> c_int {
    guard(c"ipc_mq_stat", move || {
        let stat = checked(stat, "stat")?;
        let found = QUEUES.get(mq)?.statistics()?;
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

/// Reads a queue's sizes, how many messages it holds, and how the handle was opened.
///
/// attr: receives them, on success only. current_messages was true at some moment during the call.
/// The result may be given to ipc_mq_open().
///
/// The call queues again what dead threads had borrowed, and frees what they had reserved, unless a
/// stopped process is in the middle of a call on the queue.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_getattr(mq: *const ipc_mq_t, attr: *mut ipc_mq_attr_t) -> c_int {
    guard(c"ipc_mq_getattr", move || {
        let attr = checked(attr, "attr")?;
        let queue = QUEUES.get(mq)?;
        let found = queue.attributes()?;
        let spin_ns = match queue.spin().as_nanos() as c_int {
            0 if !queue.is_kernel() => IPC_MQ_NO_SPIN,
            spin_ns => spin_ns,
        };
        let answer = ipc_mq_attr_t {
            max_messages: found.max_messages,
            message_size: found.message_size,
            current_messages: found.current_messages,
            flags: flags_of(&queue),
            spin_ns,
            r#type: core::ptr::null(),
            reserved: [0; 4],
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(attr, answer) }
    })
}

/// The flags with which a handle was opened.
fn flags_of(queue: &Queue) -> c_int {
    let mut flags = match queue.direction() {
        Direction::Receive => IPC_READ_ONLY,
        Direction::Send => IPC_WRITE_ONLY,
        Direction::Both => 0,
    };
    if queue.is_nonblocking() {
        flags |= IPC_NONBLOCK;
    }
    if queue.is_kernel() {
        flags |= IPC_KERNEL;
    }
    if queue.overwrites() {
        flags |= IPC_MQ_OVERWRITE;
    }
    flags
}

/// Tells whether a queue's name is gone or belongs to another queue now. Then a process that opens
/// the name does not get this queue.
///
/// Returns: 1 if so, 0 if not, or a negative error.
/// Errors: -EINVAL mq is NULL; -EBADF the handle is closed; -EACCES if the system does not let this
/// process examine the object; -ENOMEM if the kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_stale(mq: *const ipc_mq_t) -> c_int {
    guard(c"ipc_mq_stale", move || {
        Ok(c_int::from(QUEUES.get(mq)?.is_stale()?))
    })
}

/// Gives a descriptor for poll(), select() and epoll. It is readable while the queue has a
/// message, and writable while the queue has room, whoever sends and receives. Do not read from it
/// or write to it.
///
/// For a queue in shared memory, it is an eventfd that belongs to this handle in this process. No file is made for
/// it, no other process knows of it, and it costs other processes no more than a thread that sleeps in
/// ipc_mq_receive(). It works in a chroot, with other privileges than before, and without /proc and /dev/shm.
///
/// The descriptor may be ready although nothing can be sent or received, because another thread or process was
/// faster, or because a process died in a call. So send and receive with timeout 0. A call of this handle that
/// finds nothing to do makes the descriptor right. With EPOLLET, receive or send until -EAGAIN: then every change
/// from "not ready" to "ready" is reported. When a full queue gets room, the descriptor is readable again a moment
/// after it is writable. With IPC_MQ_OVERWRITE it is always writable. If all room is reserved or borrowed and no
/// message is queued, it is writable.
///
/// If a borrowed message comes back, or reserved room is free again, because its holder died, the descriptor becomes
/// ready at once, without any call. The kernel must report the death: robustipc(7) says when it cannot. Six
/// threads that hold messages are watched at once.
///
/// Where the kernel has io_uring with IORING_OP_FUTEX_WAIT (Linux 6.7) and permits it, the descriptor needs one more
/// descriptor, of an io_uring, and mostly no thread. Elsewhere the first such call of a process starts a thread,
/// which stays. It is named "ipc_watch", blocks all signals, and sleeps until something happens. With
/// io_uring too, a process needs this thread once a queue is full, or while other threads hold messages in place.
/// Where the kernel has no futex_waitv() either (before Linux 5.16, or in a sandbox), that thread checks the queues
/// every 10 ms.
///
/// With IPC_KERNEL, it is the queue's own descriptor, an mqd_t. It has O_NONBLOCK and must keep
/// it: the library does the waiting.
///
/// Returns: the descriptor, or a negative error. The descriptor belongs to the handle. It is valid
/// until ipc_mq_close(), and the caller must not close it. If the program has closed it all the same,
/// for example all descriptors from 3 on, the library neither writes to its number nor closes it any
/// more, messages go on, and this call gives a new descriptor.
/// Errors: -EAGAIN no thread can be started, or another thread is inside this call (or a signal handler makes it
/// that has interrupted it); -EINVAL mq is NULL; -EBADF the handle is closed, or with IPC_KERNEL the program has
/// closed the queue's own descriptor; -EMFILE this process has too many descriptors; -ENFILE the
/// system has too many open files; -ENOMEM there is no memory; -EPROTO this process was forked into another PID
/// namespace after the handle was opened.
/// Threads: safe.
/// Fork: the descriptor stays the parent's. The child calls ipc_mq_fd() itself and gets its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_fd(mq: *const ipc_mq_t) -> c_int {
    guard(c"ipc_mq_fd", move || QUEUES.get(mq)?.descriptor())
}
