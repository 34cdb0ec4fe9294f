//! Calls for the drop-in replacement of <mqueue.h>, in posix/. They are exported, and declared in
//! src/ffi/private.h, which is generated from this file and not installed.

use super::*;
use crate::sys::fd as descriptors;

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
            let found = queue.with_twin().ok()?.look();
            // SAFETY: by the contract of this call.
            unsafe { put_look(look, &found) }.ok().map(|()| 0)
        },
        move || {
            let handle = QUEUES.get(mq)?;
            let queue = handle.with_twin()?;
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

/// The word to sleep on, from ipc_mq_wait_word().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_wait_t {
    /// The word to sleep on. It is valid until ipc_mq_close(). Do not write to it.
    pub word: *const u32,
    /// The word's value as long as nothing has happened that ends the wait.
    pub expected: u32,
}

/// Begins or ends a wait in which the caller sleeps by its own means, for instance in a system
/// call that can be cancelled, and not in ipc_mq_send() or ipc_mq_receive().
///
/// The order of calls: ipc_mq_send() or ipc_mq_receive() returns -EAGAIN with timeout 0. Then call
/// ipc_mq_wait_word(). If it returns 0, sleep on the word with FUTEX_WAIT of futex(2) while it has
/// the expected value, without FUTEX_PRIVATE_FLAG and for at most 100 ms. Then call
/// ipc_mq_wait_word() with wait NULL, and try again. A call that begins a wait spins first, for
/// the queue's spin_ns.
///
/// direction: IPC_READ_ONLY to wait for a message, IPC_WRITE_ONLY to wait for room. With IPC_NONBLOCK
/// besides, the call does not spin.
/// wait: receives the word and its expected value, when the call returns 0. NULL ends the wait.
///
/// Returns: 0 the caller must sleep and then end the wait; 1 the caller must try again at once, or
/// has ended the wait; or a negative error.
/// Errors: -EINVAL mq is NULL, wait is misaligned, or direction has another value; -EBADF the
/// handle is closed; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mq_wait_word(
    mq: *const ipc_mq_t,
    direction: c_int,
    wait: *mut ipc_mq_wait_t,
) -> c_int {
    guard(c"ipc_mq_wait_word", move || {
        let spins = direction & IPC_NONBLOCK == 0;
        let direction = match direction & !IPC_NONBLOCK {
            IPC_READ_ONLY => Direction::Receive,
            IPC_WRITE_ONLY => Direction::Send,
            _ => return Err(Errno::EINVAL.into()),
        };
        match QUEUES
            .get(mq)?
            .wait_word(direction, !wait.is_null(), spins)?
        {
            // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
            Some((word, expected)) => unsafe {
                let word = word.as_ptr();
                put(checked(wait, "wait")?, ipc_mq_wait_t { word, expected })
            },
            None => Ok(1),
        }
    })
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
