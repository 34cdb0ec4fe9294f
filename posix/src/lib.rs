//! librobustipc-posix.so: the ten functions of <mqueue.h> on the queue in shared memory, for programs
//! that know nothing of it.
//!
//! # The idea
//!
//! Each queue is two. The *bell* is a queue of the kernel's, of a name of our own, with room for two
//! messages of 1 byte; the mqd_t is its descriptor. So names, permissions, umask, access modes,
//! O_NONBLOCK, close, fork, exec, and the end of a process are the kernel's, to the letter. The
//! *queue* is this library's, in shared memory, and carries the messages; its name is made of
//! the bell's device and inode, so that a descriptor leads to it wherever it came from.
//!
//! Whoever may poll, or asks to be notified, has the bell kept (ipc_mq_bring_fd()): it holds 0, 1 or
//! 2 messages as the queue is empty, neither, or full. So poll(), select() and epoll are right, and
//! the kernel's own mq_notify() on the bell does the rest. Keeping it costs a system call where
//! the queue becomes empty or full, so a program that cannot poll does not ask for it ([`may_poll`]).
//!
//! # Deaths
//!
//! The kernel's queues cannot be renamed, so bell and queue are not there at once. Making is: the bell,
//! its lock (flock(2), which ends with its holder), the queue. Removing: the lock, the queue, the bell's
//! name. So a bell without a queue whose lock can be had was left by somebody dead, and whoever finds
//! it removes its name; under the lock that cannot be another bell's. A holder that is stopped is
//! passed over after a second, and looks before it goes on whether that has happened.
//!
//! # Frames
//!
//! A thread that is cancelled is unwound through these functions' frames. Where that can be, nothing
//! has anything to drop, nothing panics across them (panic is abort), and the sleep is in this
//! library, where no frame of librobustipc.so is on the stack ([`sleep`]).

#![no_std]
#![allow(non_camel_case_types)]
#![allow(
    clippy::missing_safety_doc,
    reason = "what the calls ask of C is what POSIX asks, and they pass it on"
)]

mod bell;
mod calls;
mod holders;
mod imports;
mod ipc;
mod kernel;
mod name;
mod table;
mod wait;

use core::ffi::c_int;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: takes nothing.
    unsafe { libc::abort() }
}

/// What a call of the kernel's interface gives on failure: an error's number, which becomes errno.
type Result<T> = core::result::Result<T, c_int>;

fn errno() -> c_int {
    // SAFETY: libc's place for this thread's errno.
    unsafe { *libc::__errno_location() }
}

#[cold]
fn fail(number: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = number };
    -1
}

/// A result as C has it: -1 and errno.
#[inline(always)]
fn answer(result: Result<c_int>) -> c_int {
    match result {
        Ok(value) => value,
        Err(number) => fail(number),
    }
}

/// The number of a call of this library's that failed, which is negative.
#[inline(always)]
fn check(result: c_int) -> Result<c_int> {
    if result < 0 { Err(-result) } else { Ok(result) }
}

/// The same of a call of libc's.
fn check_libc(result: c_int) -> Result<c_int> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}
