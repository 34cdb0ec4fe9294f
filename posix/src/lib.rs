//! librobustipc-posix.so: the functions of <mqueue.h> on this library's queue in shared memory,
//! for programs that were written for the kernel's queues. docs/design.md describes the library behind
//! it.
//!
//! # The idea
//!
//! Each queue consists of two parts:
//!
//! - The *kernel twin* is a small queue of the kernel, under a name of our own, with room for two
//!   messages of 1 byte. The program's mqd_t is a descriptor of the twin. So the kernel itself
//!   provides names, permissions, umask, access modes, O_NONBLOCK, close, fork, exec, and the cleanup
//!   at the end of a process.
//! - The *memory* is a queue of librobustipc.so in /dev/shm. It carries the messages. Its name
//!   contains the twin's device and inode, so any descriptor of the twin leads to the memory, however
//!   the process came by that descriptor.
//!
//! While nobody is about to sleep in poll(), select() or epoll_wait(), the twin holds one message, and so
//! is ready for everything. A call that is about to sleep in one of them *arms* the twin: it brings the
//! twin into the queue's state. The call that then ends a state in which the queue is empty or full puts
//! the twin's message back, and so wakes the kernel's poll. So a program that does not poll pays nothing,
//! and one that does pays only when it is about to sleep ([`polling`], [`epoll`]). mq_notify() keeps the
//! twin exact for good, and then the kernel's own mq_notify() on the twin does the rest.
//!
//! # Descriptors
//!
//! A table says which queue each number leads to, so a send makes no system call ([`table`],
//! [`descriptors`]). This library sees the calls of libc that close, replace and duplicate descriptors, and
//! keeps the table right ([`closing`]). A program may go around libc, by system calls of its own or by
//! io_uring. Every 64th call on a descriptor, and every call that is about to sleep, asks the kernel
//! whether the number still belongs to the twin. From the first contradiction on, every call asks.
//!
//! # Deaths
//!
//! The kernel's queues cannot be renamed, so twin and memory cannot appear at once. A maker creates
//! the twin, takes the twin's lock (flock(2), which ends with its holder), and creates the memory. A
//! remover takes the lock, then removes the memory's name, then the twin's name. So a twin that has no
//! memory, and whose lock is free, is *void*: its maker or remover has died. Any process that finds a
//! void twin removes its name. While that process holds the lock, the name cannot pass to another
//! twin. If a lock's holder is stopped, others go on without the lock after one second. The holder
//! checks for that before it goes on.
//!
//! # Frames
//!
//! A thread that is cancelled unwinds through the frames of these functions. A frame that this can
//! happen to owns nothing that has to be dropped, and nothing panics across it (panic is abort). The
//! sleep is in this library, so that no frame of librobustipc.so is on the stack then ([`wait`]).
//!
//! # The parts
//!
//! Each imports mostly from those below it:
//!
//! | module | its job |
//! |---|---|
//! | [`calls`] | the functions of <mqueue.h> |
//! | `wide` | on machines with 32 bits: these and others, for programs with times of 64 bits |
//! | [`wait`] | a wait that ends as the kernel's waits do |
//! | [`open`], [`remove`] | mq_open() and mq_unlink() |
//! | [`system_calls`] | syscall(), which reaches the calls below by their numbers |
//! | [`closing`] | the calls that close, replace, duplicate and change descriptors |
//! | [`polling`], [`epoll`] | the calls that wait for descriptors |
//! | [`passing`] | the calls that pass descriptors to other processes |
//! | [`descriptors`], [`flags`] | which queue each descriptor of this process leads to; its O_NONBLOCK |
//! | [`table`], [`table_lock`] | the table that answers this, and its lock |
//! | [`pool`] | the queues that this process has open |
//! | [`kernel_twin`] | the twin: its lock, its descriptors, and how it is attached to its memory |
//! | [`memory`], [`holders`] | the memory by its name, and through another process when the name is gone |
//! | [`identity`], [`name`], [`directory`] | which file a descriptor means; the names of both parts; the names in a directory |
//! | [`addresses`], [`time`] | whether a program's pointers are valid; until when a call waits |
//! | [`cancellation`] | cancellation points, and their opposite |
//! | [`choice`], [`kernel`], [`ipc`] | the user's choice; libc's functions; those of librobustipc.so |

#![no_std]
#![allow(non_camel_case_types)]
#![allow(
    clippy::missing_safety_doc,
    reason = "what the calls ask of C is what POSIX asks, and they pass it on"
)]

mod addresses;
mod calls;
mod cancellation;
mod choice;
mod closing;
mod descriptors;
mod directory;
mod epoll;
mod flags;
mod holders;
mod identity;
mod ipc;
mod kernel;
mod kernel_twin;
mod memory;
mod name;
mod open;
mod passing;
mod polling;
mod pool;
mod remove;
mod system_calls;
mod table;
mod table_lock;
mod time;
mod wait;
#[cfg(target_pointer_width = "32")]
mod wide;

use core::ffi::c_int;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: abort() has no preconditions.
    unsafe { libc::abort() }
}

/// The result of a call. The error is a positive errno number.
type Result<T> = core::result::Result<T, c_int>;

/// This thread's errno.
fn errno() -> c_int {
    // SAFETY: libc gives a valid pointer to this thread's errno.
    unsafe { *libc::__errno_location() }
}

fn set_errno(number: c_int) {
    // SAFETY: libc gives a valid pointer to this thread's errno.
    unsafe { *libc::__errno_location() = number };
}

/// Sets errno. Returns -1, which is what a failed call returns.
#[cold]
fn fail(number: c_int) -> c_int {
    set_errno(number);
    -1
}

/// Turns a result into what C expects: the value, or -1 and errno.
#[inline(always)]
fn answer(result: Result<c_int>) -> c_int {
    match result {
        Ok(value) => value,
        Err(number) => fail(number),
    }
}

/// Checks the result of a call of librobustipc.so: a negative one is an errno number, negated.
#[inline(always)]
fn check(result: c_int) -> Result<c_int> {
    if result < 0 { Err(-result) } else { Ok(result) }
}

/// Checks the result of a call of libc: after a negative one, errno has the reason.
fn check_libc(result: c_int) -> Result<c_int> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

/// Closes a descriptor that the caller owns and does not use again.
fn close(fd: c_int) {
    // SAFETY: the caller owns the descriptor, so no other part of the program depends on it.
    unsafe { kernel::close(fd) };
}

/// Moves a descriptor that has just been made, and has the number of a standard stream, to 3 or above. A
/// thread that prints meanwhile must not print into it.
fn lifted(fd: c_int) -> Result<c_int> {
    if !(0..3).contains(&fd) {
        return Ok(fd);
    }
    // SAFETY: the call takes numbers alone.
    let moved = check_libc(unsafe { kernel::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) });
    close(fd);
    moved
}
