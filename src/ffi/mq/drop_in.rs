//! Calls for the drop-in replacement of <mqueue.h>, in posix/. They are exported, and declared in
//! src/ffi/private.h, which is generated from this file and not installed.

use super::*;
use crate::sys::fd as descriptors;

/// Makes a message queue of the kernel the descriptor of a queue in shared memory. It replaces the
/// FIFO that ipc_mq_fd() otherwise makes. Afterwards, ipc_mq_fd() returns this descriptor, poll()
/// on it is right from this call on, and the kernel's mq_notify() on it reports messages.
///
/// All processes that have the queue in shared memory open must bring the same kernel queue.
///
/// fd: from mq_open(), with mq_maxmsg 2 and mq_msgsize 1. The library owns it from now on, also if
/// the call fails, and closes it with the handle.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL mq is NULL; -EBADF the handle is closed, or fd is negative; -EBUSY the handle
/// has a descriptor already; -EUCLEAN the queue is damaged; -EPROTO this process was forked into
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
/// direction: IPC_READ_ONLY to wait for a message, IPC_WRITE_ONLY to wait for room.
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
