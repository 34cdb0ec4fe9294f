//! robustipc: every way in which two Linux processes share data, behind one C interface, with one promise. A
//! process may be killed at any instruction, and the others carry on with nothing lost, nothing torn and
//! nobody stuck. docs/design.md explains how it works and why.
//!
//! # The map
//!
//! Each layer is a folder. A C call enters [`ffi`], which checks it and turns it into Rust types. The call goes
//! straight down to its mechanism, and its result comes back up through one conversion. A layer imports from
//! the layers below it in this table and never from one above. A test enforces this.
//!
//! | layer | contents |
//! |---|---|
//! | [`ffi`] | the C face, one thin file per mechanism: pointers, flags, handles and their documentation; no logic |
//! | `ipc` | the mechanisms, see the next table |
//! | `sync` | algorithms on words in shared memory: mutex, condition variable, readers-writer lock, semaphore, permits, barrier, event, once, latch |
//! | `object` | named objects, which are published as a whole; mappings; `layout`, the structs that other processes see |
//! | `sys` | the raw system calls; a thread's identity and its robust list |
//! | `base` | used by all layers, imports from none: errors, errno names, object names, short texts, deadlines |
//!
//! The mechanisms in `ipc`:
//!
//! | module | contents |
//! |---|---|
//! | `shm` | regions of shared memory |
//! | `sem` | named semaphores: this library's, and those of sem_open |
//! | `mq` | message queues: in shared memory (`mq::shared`) and the kernel's (`mq::kernel`), behind one interface |
//! | `pipe`, `fifo` | pipes without a name and with one |
//! | `transfer` | complete transfers over any descriptor |
//! | `spawn` | child processes |
//! | `sock`, `pty` | UNIX sockets and pseudoterminals |
//! | `sysv` | System V shared memory, message queues and semaphores |
//! | `list` | the objects that exist on the machine, and the processes that use them |
//!
//! # What the library does not do
//!
//! - It starts no thread unless a call asks for one by name.
//! - It installs no signal handler and prints nothing.
//! - It allocates no memory on any send, receive, lock or wait.
//! - It does not reach other machines.
//! - It never concludes from elapsed time that a process is dead.
//! - It does not make plain memory safe to share: the locks that users take order the data in a region.
//! - It supports Linux 5.4 or newer on x86-64 with glibc. Other machines and musl build, and are tested in part.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test is a program of its own, which may start threads and end"
    )
)]

pub mod ffi;

/// Functions that fuzz/ calls with arbitrary bytes. They exist only there.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Checks a record that consists of these bytes.
    pub fn record(bytes: &[u8]) {
        crate::object::layout::fuzz_record(bytes);
    }

    /// Overwrites a queue and makes calls on it, as these bytes say.
    pub fn queue(bytes: &[u8]) {
        crate::ipc::mq::fuzz_queue(bytes);
    }
}

mod base;
mod ipc;
mod object;
mod sync;
mod sys;
