//! An order between two processes of which one pays for both.
//!
//! Two sides that each write one word and then read the other's, and must not both read the old
//! value, need a full fence between the write and the read, on both sides. Where one side is
//! fast and the other is about to sleep, the kernel can do both fences for the sleeper:
//! membarrier(2) makes every processor that runs a registered process execute one. Then the
//! fast side needs none: its write and its read need only stand in this order in the program.
//! The idea is that of asymmetric Dekker locks (Dice, Huang, Yang, 2001) and of Linux's RCU in
//! user space (Desnoyers and others, 2012).
//!
//! A process that cannot have this (an old kernel, a sandbox) is found out by [`register`]; then
//! both sides must use real fences.

use core::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

/// From <linux/membarrier.h>.
const GLOBAL_EXPEDITED: libc::c_int = 1 << 1;
const REGISTER_GLOBAL_EXPEDITED: libc::c_int = 1 << 2;

/// Lets other processes' [`heavy`] reach this one, and its children made by fork; whether the
/// kernel can.
pub(crate) fn register() -> bool {
    // Once is enough: like this, what was registered lasts until exec, and children have both.
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.load(Ordering::Relaxed) {
        DONE.store(membarrier(REGISTER_GLOBAL_EXPEDITED), Ordering::Relaxed);
    }
    DONE.load(Ordering::Relaxed)
}

/// The fast side's fence. With `needs_fence` a real one.
#[inline(always)]
pub(crate) fn light(needs_fence: bool) {
    if needs_fence {
        fence(Ordering::SeqCst);
    } else {
        compiler_fence(Ordering::SeqCst);
    }
}

/// The slow side's fence; whether it has reached the registered processes.
pub(crate) fn heavy() -> bool {
    // SeqCst, before and after, for a kernel that cannot do it: then the fast side's real fence
    // needs a real one here, or both sides could read old values.
    fence(Ordering::SeqCst);
    let reached = membarrier(GLOBAL_EXPEDITED);
    fence(Ordering::SeqCst);
    reached
}

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: these commands take no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}
