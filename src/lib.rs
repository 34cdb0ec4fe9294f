//! robustipc: every way two Linux processes share data, behind one C interface, with one
//! promise: a process may be killed at any instruction, and the others carry on with nothing
//! lost, nothing torn and nobody stuck.
//!
//! # The map
//!
//! A C call enters [`ffi`], is checked there and turned into Rust types, goes straight down to
//! its mechanism, and its result comes back up through one conversion. Imports go one way, and
//! a test keeps it so:
//!
//! | layer | modules | what they are |
//! |---|---|---|
//! | C face | [`ffi`] | one thin file per mechanism: pointers, flags, handles, docs; no logic |
//! | mechanisms | `shm` | regions of shared memory |
//! | | `semaphore`, `libc_semaphore` | named semaphores: this library's, and those of sem_open |
//! | | `mq` | message queues: in shared memory (`mq::shared`), and the kernel's behind the same face |
//! | | `pipe`, `fifo`, `transfer` | pipes without and with a name, and whole transfers over any descriptor |
//! | | `spawn` | child processes |
//! | | `sock`, `pty` | UNIX sockets and pseudoterminals |
//! | | `sysv` | System V shared memory, message queues and semaphores |
//! | | `list` | what objects there are on the machine, and who uses them |
//! | sync | `sync` | algorithms on words in shared memory: mutex, condition variable, semaphore, latch, ... |
//! | objects | `object`, `map`, `layout` | named objects published whole; one mapping's owner; what other processes see |
//! | system | `sys` | the raw system calls, and libc's robust list |
//! | for all | `error`, `errno`, `name`, `text`, `time` | results, names of errors and of objects, short texts, deadlines |
//!
//! # What the library does not do
//!
//! It starts no thread unless a call asks for one by name, installs no signal handler, prints
//! nothing, and allocates nothing on any send, receive, lock or wait. It does not reach other
//! machines, does not guess from time that a process is dead, and does not make plain memory
//! safe to share: data in a region is ordered by the locks that its users take. It supports
//! 64-bit Linux (5.4 or newer) with glibc.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test is a program of its own, which may start threads and end"
    )
)]

pub mod ffi;

mod base;
mod ipc;
mod object;
mod sync;
mod sys;
