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
/// A queue in shared memory has a descriptor from the first such call on, by any process. It is a
/// hidden FIFO in /dev/shm, which ipc_mq_unlink() removes with the queue. From then on, a call
/// that finds or leaves the queue empty or full makes a system call for the FIFO, in all
/// processes.
///
/// If a process dies in a call, the descriptor may be ready although nothing can be sent or
/// received, until the next call on the queue. So send and receive with timeout 0. If a borrowed
/// message comes back because its borrower died, the descriptor becomes readable when the next
/// call on the queue finds the death. If all room is reserved or borrowed, the descriptor is
/// writable.
///
/// With IPC_KERNEL, it is the queue's own descriptor, an mqd_t. It has O_NONBLOCK and must keep
/// it: the library does the waiting.
///
/// Returns: the descriptor, or a negative error. The descriptor belongs to the handle. It is valid
/// until ipc_mq_close(), and the caller must not close it. If the program has closed it all the same,
/// for example all descriptors from 3 on, the library neither writes to its number nor closes it any
/// more, messages go on, and this call gives a new descriptor.
/// Errors: -EAGAIN a thread has been stopped inside a call on the queue for a second (call again
/// later); -EINVAL mq is NULL; -EBADF the handle is closed, or the program has closed the queue's
/// own descriptor and no process has asked for this one before; -EACCES or -EPERM another user owns the
/// queue and must ask for its descriptor first; -ESTALE the queue has lost its name, and this
/// handle had no descriptor before; -EMFILE this process has too many descriptors; -ENFILE the
/// system has too many open files; -ENOSPC /dev/shm is full; -ENOMEM there is no memory; -EUCLEAN
/// the queue is damaged; -EPROTO this process was forked into another PID namespace after the
/// handle was opened; -EDEADLK a signal handler makes this call, and it interrupted a call on the
/// same queue.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_fd(mq: *const ipc_mq_t) -> c_int {
    guard(c"ipc_mq_fd", move || QUEUES.get(mq)?.descriptor())
}
