//! Topics. The calls are in the modules below; their common types are here.

use super::handle::{self, Pinned, Table};
use super::sample::ipc_sample_t;
use super::types::ipc_type_t;
use super::*;
use crate::base::errno::Errno;
use crate::base::error::Error;
use crate::base::name::Name;
use crate::ffi::guard::CResult;
use crate::ipc::topic::{self, Place, Received, Topic};
use core::cell::Cell;
use core::ffi::{CStr, c_char, c_void};

// The generated header has the order of these modules. The blank lines keep rustfmt from sorting
// them.
pub mod open;

pub mod publish;

pub mod subscribe;

pub mod status;

/// An open topic: a handle that publishes or one that subscribes. ipc_topic_open() makes it,
/// ipc_topic_close() ends it.
pub struct ipc_topic_t {
    _private: [u8; 0],
}

pub(super) static TOPICS: Table<Topic, { handle::TOPIC }> = Table::new();

fn topic_of(handle: *const ipc_topic_t) -> Result<Pinned<'static, Topic>> {
    TOPICS.get(handle)
}

/// The guard of the calls that take and return samples, which usually take a few nanoseconds.
///
/// `act` gets the topic and whether to act at once, that is, without waiting and without touching errno. If it
/// returns `None` then, nothing has happened, and it runs a second time and may wait. A failure is the call's
/// result.
#[inline(always)]
fn guard_in_place<R: CResult>(
    call: &'static CStr,
    topic: *mut ipc_topic_t,
    act: impl Fn(&Topic, bool) -> Result<Option<R>>,
) -> R {
    let failure: Cell<Option<Error>> = Cell::new(None);
    guard_fast(
        call,
        || {
            let topic = TOPICS.get_fast(topic)?;
            let outcome = act(&topic, true);
            topic.release();
            outcome.unwrap_or_else(|error| {
                failure.set(Some(error));
                None
            })
        },
        || match failure.get() {
            Some(error) => Err(error),
            None => act(&*topic_of(topic)?, false)?.ok_or_else(|| Errno::EAGAIN.into()),
        },
    )
}

/// The sizes of a topic. Set fields that you do not use to 0, for example with the initialiser
/// { .type = &frame_type, .capacity = 8, .history = 1 }.
#[repr(C)]
pub struct ipc_topic_attr_t {
    /// The type of a sample, from IPC_TYPE or IPC_TYPE_FIELDS, or NULL: bytes. A topic keeps the type
    /// that its creator gives. A program that opens the topic with another type is refused; one that
    /// gives NULL is not. The library keeps no reference to it. ipc_topic_getattr() sets it to NULL.
    pub r#type: *const ipc_type_t,
    /// The largest length of a sample, in bytes, up to 4294967295. 0: the type's size.
    pub sample_size: usize,
    /// How many samples the topic keeps for subscribers that have not taken them, 1 to 1048576.
    pub capacity: usize,
    /// How many of the latest samples a new subscriber gets, 0 to capacity.
    pub history: usize,
    /// How many handles may subscribe at once, up to 4096. 0: 64.
    pub max_subscribers: usize,
    /// How many handles may publish at once, up to 1024. 0: 8.
    pub max_publishers: usize,
    /// How many samples one handle may have reserved or borrowed at once, up to 1024. 0: 4.
    pub max_borrowed: usize,
    /// 0, or IPC_TOPIC_WAIT. ipc_topic_getattr() adds IPC_READ_ONLY, IPC_WRITE_ONLY and
    /// IPC_NONBLOCK as the handle has them; ipc_topic_open() ignores these three.
    pub flags: c_int,
    /// All 0: reserved for later versions.
    pub reserved: [c_int; 7],
}

/// For flags of ipc_topic_attr_t: a publisher of a full topic waits until its living subscribers
/// have taken the oldest sample. Without it, the oldest sample is overwritten.
pub const IPC_TOPIC_WAIT: c_int = 0x1;

/// The description of a sample.
#[inline(always)]
fn describe(received: &Received) -> ipc_sample_t {
    ipc_sample_t {
        number: received.number,
        missed: received.missed,
        time_ns: received.time_ns,
        publisher: received.publisher,
        ..ipc_sample_t::default()
    }
}

/// Checks the output for a sample's description, which may be NULL.
#[inline(always)]
fn checked_info(info: *mut ipc_sample_t) -> Result<()> {
    if info.is_null() {
        return Ok(());
    }
    checked(info, "info").map(drop)
}

/// Describes a sample, if the C caller wants it.
///
/// # Safety
///
/// `info` is NULL, or aligned and points to writable memory for an ipc_sample_t.
#[inline(always)]
unsafe fn put_info(info: *mut ipc_sample_t, received: &Received) {
    if !info.is_null() {
        // SAFETY: by this function's contract.
        unsafe { info.write(describe(received)) };
    }
}
