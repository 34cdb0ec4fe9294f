//! Calls for the drop-in replacement of <mqueue.h>, in posix/. They are exported, and declared in
//! src/ffi/private.h, which is generated from this file and not installed.

use super::receive::buffer_from_c;
use super::send::message_from_c;
use super::*;
use crate::base::time::Deadline;
use crate::sys::fd as descriptors;
use crate::sys::robust::Announced;
use crate::sys::thread::Thread;

/// Makes a message queue of the kernel, the kernel twin, the descriptor of a queue in shared memory.
/// It replaces the FIFO that ipc_mq_fd() otherwise makes. The twin shows the queue's state after
/// ipc_mq_twin() with IPC_MQ_TWIN_ARM or IPC_MQ_TWIN_KEEP.
///
/// All processes that have the queue in shared memory open must bring the same kernel queue.
///
/// fd: from mq_open(), with mq_maxmsg 2 and mq_msgsize 1. The library owns it from now on, also if
/// the call fails, and closes it with the handle, or when the next descriptor is brought.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL mq is NULL; -EBADF the handle is closed, or fd is negative; -EBUSY the handle
/// has a FIFO already; -EUCLEAN the queue is damaged; -EPROTO this process was forked into
/// another PID namespace after the handle was opened; -EDEADLK a signal handler makes this call,
/// and it interrupted a call on the same queue; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_bring_fd(mq: *mut ipc_mq_t, fd: c_int) -> c_int {
    guard(c"ipc_mq_bring_fd", move || {
        let queue = QUEUES.get(mq)?;
        // SAFETY: by the contract of this call, the caller gives the descriptor up.
        queue.bring_descriptor(unsafe { descriptors::take_over(fd) }?)?;
        Ok(0)
    })
}

/// The facts about a queue that a program can see through its kernel twin: a result of ipc_mq_twin().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_look_t {
    /// How many messages were ever sent to the queue: a number that changes with each message.
    pub sent: u64,
    /// How many messages are in the queue.
    pub current_messages: usize,
    /// 1 if there is room for a message, otherwise 0.
    pub has_room: u32,
    /// A number that changes with each IPC_MQ_TWIN_FLAGS.
    pub flag_changes: u32,
}

/// For ipc_mq_twin(): only looks.
pub const IPC_MQ_TWIN_LOOK: c_int = 0;
/// For ipc_mq_twin(): brings the twin into the queue's state. The next call that ends a state in which
/// the queue is empty or full makes the twin ready.
pub const IPC_MQ_TWIN_ARM: c_int = 1;
/// For ipc_mq_twin(): as IPC_MQ_TWIN_ARM. If the twin is ready, an edge-triggered epoll reports it again.
pub const IPC_MQ_TWIN_REPEAT: c_int = 2;
/// For ipc_mq_twin(): keeps the twin in the queue's state for good, whichever process changes it.
pub const IPC_MQ_TWIN_KEEP: c_int = 3;
/// For ipc_mq_twin(): notes that O_NONBLOCK of a descriptor of the twin may have changed.
pub const IPC_MQ_TWIN_FLAGS: c_int = 4;
/// For ipc_mq_twin(): spins for the queue's spin_ns, or until there is a message.
pub const IPC_MQ_TWIN_AWAIT_MESSAGE: c_int = 5;
/// For ipc_mq_twin(): spins for the queue's spin_ns, or until there is room.
pub const IPC_MQ_TWIN_AWAIT_ROOM: c_int = 6;
/// For ipc_mq_twin(): keeps the twin in the queue's state until the kernel's mq_notify() has notified.
pub const IPC_MQ_TWIN_NOTIFY: c_int = 7;

/// Does one of the things IPC_MQ_TWIN_* with a queue that has a kernel twin.
///
/// look: receives the facts about the queue after that. NULL: not wanted.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL mq is NULL, look is misaligned, or action is unknown; -EBADF the handle is closed;
/// -EAGAIN a process that is stopped is in a call on the queue (ARM, REPEAT, KEEP, NOTIFY); -EUCLEAN the queue
/// is damaged; -EPROTO this process was forked into another PID namespace after the handle was opened;
/// -EDEADLK a signal handler makes this call, and it interrupted a call on the same queue; -ENOTSUP
/// the queue is the kernel's (IPC_KERNEL).
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_twin(
    mq: *mut ipc_mq_t,
    action: c_int,
    look: *mut ipc_mq_look_t,
) -> c_int {
    guard_fast(
        c"ipc_mq_twin",
        move || {
            if action != IPC_MQ_TWIN_LOOK {
                return None;
            }
            let queue = QUEUES.get(mq).ok()?;
            let found = queue.in_shared_memory().ok()?.look();
            // SAFETY: by the contract of this call.
            unsafe { put_look(look, &found) }.ok().map(|()| 0)
        },
        move || {
            let handle = QUEUES.get(mq)?;
            let queue = handle.in_shared_memory()?;
            match action {
                IPC_MQ_TWIN_LOOK => {}
                IPC_MQ_TWIN_ARM => queue.arm_twin(false)?,
                IPC_MQ_TWIN_REPEAT => queue.arm_twin(true)?,
                IPC_MQ_TWIN_KEEP => queue.keep_twin(true)?,
                IPC_MQ_TWIN_NOTIFY => queue.keep_twin(false)?,
                IPC_MQ_TWIN_FLAGS => queue.note_flag_change(),
                IPC_MQ_TWIN_AWAIT_MESSAGE => {
                    queue.spin_until_ready(Direction::Receive);
                }
                IPC_MQ_TWIN_AWAIT_ROOM => {
                    queue.spin_until_ready(Direction::Send);
                }
                _ => return Err(Errno::EINVAL.into()),
            }
            // SAFETY: by the contract of this call.
            unsafe { put_look(look, &queue.look()) }?;
            Ok(0)
        },
    )
}

/// Writes the facts if they are wanted.
///
/// # Safety
///
/// `look` is NULL, or leads to room for the struct.
unsafe fn put_look(look: *mut ipc_mq_look_t, found: &mq::Look) -> Result<()> {
    if look.is_null() {
        return Ok(());
    }
    let facts = ipc_mq_look_t {
        sent: found.sent,
        current_messages: found.current_messages,
        has_room: found.has_room.into(),
        flag_changes: found.flag_changes,
    };
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    unsafe { put(checked(look, "look")?, facts) }.map(drop)
}

/// A wait in which the caller sleeps by its own means. It belongs to the thread that began it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_wait_t {
    /// The word to sleep on. It is valid until ipc_mq_close(). Do not write to it.
    pub word: *const u32,
    /// The word's value as long as nothing has happened that ends the wait.
    pub expected: u32,
    /// IPC_READ_ONLY or IPC_WRITE_ONLY, as given to ipc_mq_wait_begin().
    pub direction: c_int,
    /// When the sleep must end at the latest, in nanoseconds of CLOCK_MONOTONIC; -1: never.
    pub until_ns: i64,
    /// The library's own.
    pub announced: usize,
}

/// Begins a wait in which the caller sleeps by its own means, for instance in a system call that can be cancelled,
/// and not in ipc_mq_send() or ipc_mq_receive().
///
/// The order of calls: ipc_mq_send() or ipc_mq_receive() returns -EAGAIN with timeout 0. Then call
/// ipc_mq_wait_begin(). If it returns 0, sleep on the word with FUTEX_WAIT of futex(2) while it has the expected value,
/// without FUTEX_PRIVATE_FLAG, and until until_ns at most. Then end the wait with ipc_mq_send_waited(),
/// ipc_mq_receive_waited() or ipc_mq_wait_end(). In between, the thread makes no other call on a queue, and uses no
/// robust mutex. If it ends in between, the kernel wakes another waiter in its place.
///
/// direction: IPC_READ_ONLY to wait for a message, IPC_WRITE_ONLY to wait for room. Without IPC_NONBLOCK besides, the call
/// spins first, for the queue's spin_ns.
/// wait: receives the wait, when the call returns 0.
///
/// Returns: 0 the caller must sleep and then end the wait; 1 the caller must try again at once; or a negative error.
/// Errors: -EINVAL mq or wait is NULL, wait is misaligned, or direction has another value; -EBADF the
/// handle is closed; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_wait_begin(
    mq: *const ipc_mq_t,
    direction: c_int,
    wait: *mut ipc_mq_wait_t,
) -> c_int {
    guard(c"ipc_mq_wait_begin", move || {
        let spins = direction & IPC_NONBLOCK == 0;
        let direction = direction & !IPC_NONBLOCK;
        let place = checked(wait, "wait")?;
        let queue = QUEUES.get(mq)?;
        let queue = queue.in_shared_memory()?;
        let Some(sleep) = queue.begin_wait(waiting_direction(direction)?, spins)? else {
            return Ok(1);
        };
        let until_ns = match sleep.until {
            Deadline::Never => -1,
            Deadline::At(time) => i64::try_from(time.as_nanos()).unwrap_or(i64::MAX),
            Deadline::Now => 0,
        };
        let wait = ipc_mq_wait_t {
            word: sleep.word.as_ptr(),
            expected: sleep.expected,
            direction,
            until_ns,
            announced: sleep.outer.into_address(),
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(place, wait) }
    })
}

/// Ends a wait without a further attempt.
///
/// Returns: 0, or a negative error. The wait is over in either case.
/// Errors: -EINVAL mq or wait is NULL, or wait is misaligned; -EBADF the handle is closed.
/// Threads: the thread that began the wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_wait_end(mq: *const ipc_mq_t, wait: *const ipc_mq_wait_t) -> c_int {
    guard(c"ipc_mq_wait_end", move || {
        // SAFETY: by the contract of this call.
        let waited = unsafe { Waited::from_c(wait) }?;
        let queue = QUEUES.get(mq)?;
        queue
            .in_shared_memory()?
            .give_up_wait(waiting_direction(waited.direction)?, waited.outer)?;
        Ok(0)
    })
}

/// As ipc_mq_send() with timeout 0, after a sleep; ends the wait.
///
/// is_last: not 0 if the caller does not wait again. If this attempt fails, the next waiter is woken, in case this one was
/// woken for a message or for room.
///
/// Returns: 0, or a negative error. The wait is over in either case.
/// Errors: those of ipc_mq_send(), and -EINVAL if wait is NULL or misaligned.
/// Threads: the thread that began the wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_send_waited(
    mq: *mut ipc_mq_t,
    msg: *const c_void,
    len: usize,
    priority: c_uint,
    wait: *const ipc_mq_wait_t,
    is_last: c_int,
) -> c_int {
    guard(c"ipc_mq_send_waited", move || {
        // SAFETY: by the contract of this call.
        let waited = unsafe { Waited::from_c(wait) }?;
        let queue = QUEUES.get(mq)?;
        // SAFETY: by the contract of this call.
        let message = unsafe { message_from_c(msg, len) }?;
        let queue = queue.in_shared_memory()?;
        queue.send_after_wait(message, priority, waited.outer, is_last != 0)?;
        Ok(0)
    })
}

/// As ipc_mq_receive() with timeout 0, after a sleep; ends the wait. is_last is as in ipc_mq_send_waited().
///
/// Returns: the message's length, or a negative error. The wait is over in either case.
/// Errors: those of ipc_mq_receive(), and -EINVAL if wait is NULL or misaligned.
/// Threads: the thread that began the wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_receive_waited(
    mq: *mut ipc_mq_t,
    buf: *mut c_void,
    capacity: usize,
    priority: *mut c_uint,
    wait: *const ipc_mq_wait_t,
    is_last: c_int,
) -> libc::ssize_t {
    guard(c"ipc_mq_receive_waited", move || {
        // SAFETY: by the contract of this call.
        let waited = unsafe { Waited::from_c(wait) }?;
        let queue = QUEUES.get(mq)?;
        checked_if_any(priority, "priority")?;
        // SAFETY: by the contract of this call.
        let buffer = unsafe { buffer_from_c(buf, capacity) }?;
        let queue = queue.in_shared_memory()?;
        let (length, found) = queue.receive_after_wait(buffer, waited.outer, is_last != 0)?;
        // SAFETY: checked for alignment; the rest by the contract of this call.
        unsafe { put_if_any(priority, found) };
        Ok(length as isize)
    })
}

/// The direction of a wait.
fn waiting_direction(direction: c_int) -> Result<Direction> {
    match direction {
        IPC_READ_ONLY => Ok(Direction::Receive),
        IPC_WRITE_ONLY => Ok(Direction::Send),
        _ => Err(Errno::EINVAL.into()),
    }
}

/// A C caller's wait after its sleep. When this value is gone, nothing of the wait is announced any more, also if the
/// handle was closed meanwhile.
struct Waited {
    thread: Thread,
    direction: c_int,
    outer: Announced,
}

impl Waited {
    /// # Safety
    ///
    /// `wait` is NULL, or comes from ipc_mq_wait_begin() in this thread.
    unsafe fn from_c(wait: *const ipc_mq_wait_t) -> Result<Waited> {
        let place = checked(wait.cast_mut(), "wait")?;
        // SAFETY: checked for NULL and alignment; the rest by this function's contract.
        let wait = unsafe { place.read() };
        Ok(Waited {
            thread: Thread::current()?,
            direction: wait.direction,
            outer: Announced::from_address(wait.announced),
        })
    }
}

impl Drop for Waited {
    fn drop(&mut self) {
        self.thread.robust_list().finish(self.outer);
    }
}

#[cfg(all(test, feature = "header"))]
mod tests {
    #[test]
    fn the_committed_private_header_is_the_generated_one() {
        let generated = include_str!(env!("ROBUSTIPC_PRIVATE_HEADER"));
        assert!(
            include_str!("../private.h") == generated,
            "src/ffi/private.h is stale: run `make header` and commit it"
        );
    }
}
