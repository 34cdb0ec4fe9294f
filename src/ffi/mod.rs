//! The C interface: one thin file or folder per mechanism, without logic.
//!
//! Every export has the same form. Its doc comment is for C readers and becomes the header's. Its
//! body is one call of a guard: [`guard`], [`guard_fast`], [`guard_around`](guard::guard_around) for calls that call
//! a function of the program's back, or the message queue's guard for messages in place. A test reads these files and fails for an export without a guard.
//!
//! One safety rule holds for every export: each pointer is NULL or points to what the export's
//! comment says. The exports check for NULL and misalignment. No check can see freed memory or a
//! string without an end: the C caller answers for those.

#![allow(non_camel_case_types, reason = "the C names are part of the interface")]
#![allow(
    clippy::missing_safety_doc,
    reason = "one safety rule holds for all exports, above"
)]

// The generated header has the order of these modules, from the general to the special. The blank
// lines keep rustfmt from sorting them.

// Texts and types.
pub mod text;

pub mod types;

pub mod deadline;

pub mod new_owner;

// Shared memory, and what is placed in it.
pub mod shm;

pub mod mutex;

pub mod cond;

pub mod sem;

pub mod rwlock;

pub mod permits;

pub mod barrier;

pub mod once;

pub mod event;

// Messages, bytes and processes.
pub mod mq;

pub mod sample;

pub mod topic;

pub mod cell;

pub mod service;

pub mod client;

pub mod pipe;

pub mod lines;

pub mod spawn;

pub mod fifo;

pub mod sock;

pub mod pty;

// One wait over many objects.
pub mod waitset;

// System V.
pub mod sysv;

// The list of existing objects.
pub mod list;

// These have no exports.
mod arguments;
mod callback;
mod guard;
mod handle;

// For the modules above, which import all of this with `use super::*`.
use crate::base::error::{self, Result, fail};
use crate::object::Outcome;
use arguments::{
    check_flags, check_mode, checked, is_plain_buffer, options, path_from_c, placed, placed_fast,
    placed_to_read, put, put_two, readable, writable,
};
use core::ffi::c_int;
use guard::{guard, guard_fast};
use handle::is_handle;

/// Result of an open call: the object existed already.
pub const IPC_OPENED: c_int = 0;
/// Result of an open call: this call created the object.
pub const IPC_CREATED: c_int = 1;
/// Result of a lock call: the lock is held, and its last owner died holding it, so the data may be
/// half-changed. Repair the data, then call ipc_mutex_consistent() or ipc_rwlock_consistent(). For
/// a permit, there is nothing to call.
pub const IPC_OWNER_DIED: c_int = 2;

/// For timeout_ns: wait without a limit. (In the header it is written out, with parentheses.)
pub const IPC_FOREVER: i64 = -1;

/// Open flag: create the object if it does not exist.
pub const IPC_CREATE: c_int = 0x1;
/// Open flag, together with IPC_CREATE: fail with -EEXIST if the object exists.
pub const IPC_EXCLUSIVE: c_int = 0x2;
/// Open flag: open for reading only. On a queue: for receiving only.
pub const IPC_READ_ONLY: c_int = 0x4;
/// Open flag: open for writing only. On a queue: for sending only.
pub const IPC_WRITE_ONLY: c_int = 0x8;
/// Open flag. On a queue: calls that would wait return -EAGAIN, whatever their timeout. On a
/// descriptor: plain read() and write() do not wait; calls of this library follow their timeout.
pub const IPC_NONBLOCK: c_int = 0x10;
/// Open flag: accept an object that a program created without this library, if its size matches.
pub const IPC_ADOPT: c_int = 0x20;
/// Flag of ipc_mq_open() and ipc_mq_unlink(): use the kernel's message queue, which mq_open()
/// opens, instead of this library's queue in shared memory.
pub const IPC_KERNEL: c_int = 0x40;
/// Flag of ipc_sem_open(): use the C library's semaphore, which sem_open() opens, instead of this
/// library's semaphore.
pub const IPC_POSIX: c_int = 0x80;
/// Open flag: refuse, with -EACCES, an object that another user owns or that others may write to.
pub const IPC_CHECK_OWNER: c_int = 0x100;
/// Flag of ipc_shm_from_fd(): accept memory whose size is not sealed, from a trusted peer.
pub const IPC_UNSEALED: c_int = 0x200;
/// Flag of calls that create a descriptor: exec does not close it, so that children inherit it.
pub const IPC_INHERIT: c_int = 0x400;

// The bits from 0x10000 up belong to single calls: the same bit may mean different things to two
// calls, and each call refuses the bits that it does not know. The flags of initialisers, such as
// ipc_event_init(), and those in attributes start at 0x1: no open flag is accepted there.

const _: () = assert!(IPC_CREATED == error::CREATED && IPC_OWNER_DIED == error::OWNER_DIED);
const _: () = assert!(IPC_FOREVER == crate::base::time::FOREVER);

fn opened(outcome: Outcome) -> c_int {
    match outcome {
        Outcome::Opened => IPC_OPENED,
        Outcome::Created => IPC_CREATED,
    }
}

/// The result of closing NULL, which is allowed and does nothing.
const NOTHING_TO_CLOSE: c_int = 0;
