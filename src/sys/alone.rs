//! Arithmetic for a process with one thread. There only a signal handler may come between two instructions, so
//! one instruction is enough, without the cost of an atomic operation between processors.

use core::sync::atomic::AtomicU64;

/// Adds to a word in one instruction, which no signal handler can divide. Wraps around.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn add(word: &AtomicU64, number: u64) {
    // SAFETY: the reference leads to 8 writable bytes. No `nomem`: the compiler keeps other accesses to memory on
    // their side of the instruction, as a handler that comes in between has to find them.
    unsafe {
        core::arch::asm!(
            "add qword ptr [{word}], {number}",
            word = in(reg) word.as_ptr(),
            number = in(reg) number,
            options(nostack),
        );
    }
}

/// Adds to a word in one step, which no signal handler can divide. Wraps around.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn add(word: &AtomicU64, number: u64) {
    // Relaxed: no other thread exists.
    word.fetch_add(number, core::sync::atomic::Ordering::Relaxed);
}
