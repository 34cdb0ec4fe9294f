//! Fences between two processes of which only one pays.
//!
//! Suppose each of two threads writes one word and then reads the other's word, and at least one of them
//! must read the new value. Then both need a full fence between the write and the read. If one thread is
//! on a fast path and the other is about to sleep, the sleeper can have the kernel execute both fences:
//! membarrier(2) makes every processor that runs a registered process execute a fence. Then the fast
//! thread needs none. Its write and its read only have to stand in this order in the program. The idea is
//! that of asymmetric Dekker locks (Dice, Huang, Yang, 2001) and of Linux's RCU in user space (Desnoyers
//! and others, 2012).
//!
//! [`register`] tells whether the kernel can do this. It cannot with an old kernel or in a sandbox. Then
//! both threads must use real fences.

use core::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

/// From <linux/membarrier.h>.
const GLOBAL_EXPEDITED: libc::c_int = 1 << 1;
const REGISTER_GLOBAL_EXPEDITED: libc::c_int = 1 << 2;

/// Registers this process, so that the [`heavy`] fences of other processes reach it and the children that
/// it forks. Returns whether the kernel can do this.
pub(crate) fn register() -> bool {
    // Once is enough: the registration lasts until exec. A forked child inherits it and DONE.
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.load(Ordering::Relaxed) {
        DONE.store(membarrier(REGISTER_GLOBAL_EXPEDITED), Ordering::Relaxed);
    }
    DONE.load(Ordering::Relaxed)
}

/// The fence on the fast path: a real fence if `needs_fence`, otherwise only the order of the program.
#[inline(always)]
pub(crate) fn light(needs_fence: bool) {
    if needs_fence {
        fence(Ordering::SeqCst);
    } else {
        compiler_fence(Ordering::SeqCst);
    }
}

/// A fence of this processor, for a waker off the fast path.
pub(crate) fn full() {
    fence(Ordering::SeqCst);
}

/// The fence before a sleep. Returns whether it has reached the registered processes.
pub(crate) fn heavy() -> bool {
    // SeqCst, before and after, for a kernel that has no such call. Without them both threads could read
    // old values: the fast path's real fence needs a real fence here.
    fence(Ordering::SeqCst);
    let reached = membarrier(GLOBAL_EXPEDITED);
    fence(Ordering::SeqCst);
    reached
}

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: these commands access no memory of the caller.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}
