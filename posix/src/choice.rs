//! The user's choice between the kernel's queues and those in shared memory: the environment variable
//! ROBUSTIPC_POSIX.
//!
//! The variable is read once. A program that runs with privileges of its file ignores it, because the
//! environment belongs to a less privileged user.

use core::ffi::{CStr, c_char};
use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::Relaxed;

unsafe extern "C" {
    fn secure_getenv(name: *const c_char) -> *mut c_char;
}

/// The choice that ROBUSTIPC_POSIX makes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Queues in shared memory. The default.
    Shared,
    /// Queues in shared memory, and the kernel is asked at each call what a descriptor means. For programs
    /// that change or poll descriptors by system calls of their own.
    Strict,
    /// A queue of the kernel if one of that name exists, otherwise a queue in shared memory.
    PreferKernel,
    /// Queues of the kernel, as if this library were not there.
    Kernel,
}

/// The user's choice.
pub(crate) fn choice() -> Choice {
    // Relaxed suffices: every thread that reads the environment finds the same value.
    static CHOICE: AtomicU8 = AtomicU8::new(0);
    match CHOICE.load(Relaxed) {
        1 => return Choice::Shared,
        2 => return Choice::PreferKernel,
        3 => return Choice::Kernel,
        4 => return Choice::Strict,
        _ => {}
    }
    // SAFETY: the name is a C string. A program that changes its environment in another thread
    // meanwhile breaks the contract of getenv() for every library.
    let found = unsafe { secure_getenv(c"ROBUSTIPC_POSIX".as_ptr()) };
    let value = if found.is_null() {
        c""
    } else {
        // SAFETY: a value in the environment is a C string.
        unsafe { CStr::from_ptr(found) }
    };
    let (choice, number) = match value.to_bytes() {
        b"kernel" => (Choice::Kernel, 3),
        b"prefer-kernel" => (Choice::PreferKernel, 2),
        b"strict" => (Choice::Strict, 4),
        _ => (Choice::Shared, 1),
    };
    CHOICE.store(number, Relaxed);
    choice
}
