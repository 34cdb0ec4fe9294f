//! Message queues. The calls are in the modules below, by topic; their common types are here.

use super::handle::{self, Table};
use super::types::ipc_type_t;
use super::*;
use crate::base::errno::Errno;
use crate::base::name::Name;
use crate::ipc::mq::{self, Direction, Queue};
use crate::sys::mqueue;
use core::ffi::{CStr, c_char, c_uint, c_void};

// The generated header has the order of these modules. The blank lines keep rustfmt from sorting
// them.
pub mod open;

pub mod send;

pub mod receive;

pub mod in_place;

pub mod status;

pub mod notify;

pub mod close;

pub mod drop_in;

/// An open message queue. ipc_mq_open() and ipc_mq_open_fd() make it, ipc_mq_close() ends it.
pub struct ipc_mq_t {
    _private: [u8; 0],
}

pub(super) static QUEUES: Table<Queue, { handle::MQ }> = Table::new();

/// The size of a message queue. Set fields that you do not use to 0, for example with the
/// initialiser { .max_messages = 10, .message_size = 128 }.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_mq_attr_t {
    /// How many messages the queue holds before it is full.
    pub max_messages: usize,
    /// The largest length of a message, in bytes. 0, if there is a type: the type's size.
    pub message_size: usize,
    /// How many messages are in the queue. ipc_mq_getattr() sets it; ipc_mq_open() ignores it.
    pub current_messages: usize,
    /// How the handle was opened: any of IPC_KERNEL, IPC_READ_ONLY, IPC_WRITE_ONLY, IPC_NONBLOCK
    /// and IPC_MQ_OVERWRITE. ipc_mq_getattr() sets it; ipc_mq_open() ignores it.
    pub flags: c_int,
    /// How long a waiter spins before it sleeps, in nanoseconds, if there is more than one
    /// processor. For a new queue, 0 means 50000 and IPC_MQ_NO_SPIN means not at all. An existing
    /// queue keeps its own value. IPC_KERNEL ignores it.
    pub spin_ns: c_int,
    /// The type of a message, from IPC_TYPE or IPC_TYPE_FIELDS; or NULL: bytes. A queue keeps the type that its creator
    /// gives. A program that opens the queue with another type is refused; one that gives NULL is not. The library
    /// keeps no reference to it. ipc_mq_getattr() sets it to NULL. IPC_KERNEL allows NULL only. With a type,
    /// message_size 0 means the type's size, and a larger message_size is allowed: the length of each message is the
    /// sender's choice as without a type.
    pub r#type: *const ipc_type_t,
    /// All 0: reserved for later versions.
    pub reserved: [c_int; 4],
}

/// For spin_ns of ipc_mq_attr_t: a waiter sleeps at once.
pub const IPC_MQ_NO_SPIN: c_int = -1;

/// Flag of ipc_mq_open() and ipc_mq_open_fd(): a message that this handle sends into a full queue
/// displaces the oldest message of the lowest priority in the queue. If the new message has a
/// lower priority than all others, it is dropped itself, and sending it succeeds. ipc_mq_stat()
/// counts both cases. Not possible with IPC_KERNEL.
pub const IPC_MQ_OVERWRITE: c_int = 0x10000;

/// The highest priority of a message. The lowest is 0.
pub const IPC_MQ_PRIORITY_MAX: c_uint = 32767;

const _: () = assert!(IPC_MQ_PRIORITY_MAX == mqueue::PRIORITIES - 1);

/// Checks an output of one number, which may be NULL.
fn checked_if_any(number: *mut c_uint, what: &str) -> Result<()> {
    if number.is_null() {
        return Ok(());
    }
    checked(number, what).map(drop)
}

/// Writes a number, if the C caller wants it.
///
/// # Safety
///
/// `place` is NULL, or aligned and points to writable memory for one number.
#[inline(always)]
unsafe fn put_if_any(place: *mut c_uint, number: c_uint) {
    if !place.is_null() {
        // SAFETY: by this function's contract.
        unsafe { place.write(number) };
    }
}
