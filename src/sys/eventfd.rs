//! An eventfd's counter.

use super::direct::system_call;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Sets the counter of a non-blocking eventfd to 0.
pub(crate) fn take(eventfd: BorrowedFd<'_>) {
    let mut counter = 0u64;
    let arguments = [
        eventfd.as_raw_fd() as usize,
        (&raw mut counter).addr(),
        8,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes 8 bytes, for which there is room. If the counter is 0, the call fails at once.
    let _ = unsafe { system_call(libc::SYS_read, arguments) };
}

/// Adds to the counter of a non-blocking eventfd. If that does not fit in, nothing changes.
pub(crate) fn add(eventfd: BorrowedFd<'_>, number: u64) {
    let arguments = [
        eventfd.as_raw_fd() as usize,
        (&raw const number).addr(),
        8,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel reads 8 bytes.
    let _ = unsafe { system_call(libc::SYS_write, arguments) };
}
