//! The C library, as far as ripc uses it. The declarations follow include/robustipc.h; a test compares their sizes with C's.
//!
//! The functions below turn a negative result into an [`Error`] that carries the library's own text.

mod messages;
mod objects;
mod values;

pub(crate) use messages::{Client, Queue, Topic};
pub(crate) use objects::{Field, Object, Type, objects, remove};
pub(crate) use values::{Cell, Region, Semaphore};

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::fmt;

/// A failed call: its errno, and what the library says about it.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) errno: i32,
    pub(crate) text: String,
}

impl Error {
    pub(crate) fn new(errno: i32, text: impl Into<String>) -> Error {
        Error {
            errno,
            text: text.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::new(error.raw_os_error().unwrap_or(libc::EIO), error.to_string())
    }
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// How a wait ends: `FOREVER`, 0, or nanoseconds.
pub(crate) const FOREVER: i64 = -1;

pub(crate) const CREATE: c_int = 1;
pub(crate) const READ_ONLY: c_int = 4;
pub(crate) const WRITE_ONLY: c_int = 8;
pub(crate) const KIND_SHM: c_int = 0x1;
pub(crate) const KIND_SEM: c_int = 0x2;
pub(crate) const KIND_POSIX_SEM: c_int = 0x8;
pub(crate) const KIND_KERNEL_MQ: c_int = 0x10;
pub(crate) const KIND_SYSV_SHM: c_int = 0x20;
pub(crate) const KIND_SYSV_MSG: c_int = 0x40;
pub(crate) const KIND_SYSV_SEM: c_int = 0x80;
pub(crate) const KIND_MQ: c_int = 0x100;
pub(crate) const KIND_TOPIC: c_int = 0x200;
pub(crate) const KIND_CELL: c_int = 0x400;
pub(crate) const KIND_SERVICE: c_int = 0x800;
/// The kinds that the library knows. It refuses others.
pub(crate) const KIND_ALL: c_int = 0xfff;
const FIELDS_MAX: usize = 32;

/// A handle of the library's; it points nowhere.
#[repr(C)]
pub(crate) struct Opaque {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawObject {
    pub(crate) kind: c_int,
    pub(crate) record: c_int,
    pub(crate) id: c_int,
    pub(crate) key: c_int,
    pub(crate) owner: libc::uid_t,
    pub(crate) group: libc::gid_t,
    pub(crate) mode: libc::mode_t,
    pub(crate) type_version: c_uint,
    pub(crate) size: u64,
    pub(crate) users: usize,
    pub(crate) users_complete: c_int,
    pub(crate) index: c_uint,
    pub(crate) name: [c_char; 264],
    pub(crate) type_name: [c_char; 64],
    pub(crate) count: u64,
    pub(crate) capacity: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct RawField {
    name: *const c_char,
    offset: usize,
    size: usize,
}

#[repr(C)]
struct RawType {
    name: *const c_char,
    version: u32,
    field_count: u32,
    size: usize,
    alignment: usize,
    fields: [RawField; FIELDS_MAX],
}

#[repr(C)]
#[derive(Default)]
pub(crate) struct QueueAttributes {
    pub(crate) max_messages: usize,
    pub(crate) message_size: usize,
    pub(crate) current_messages: usize,
    pub(crate) flags: c_int,
    pub(crate) spin_ns: c_int,
    kind_type: usize,
    reserved: [c_int; 4],
}

#[repr(C)]
#[derive(Default)]
pub(crate) struct QueueStatistics {
    pub(crate) waiting_senders: usize,
    pub(crate) waiting_receivers: usize,
    pub(crate) dropped: u64,
    pub(crate) repairs: u64,
    pub(crate) redelivered: u64,
    pub(crate) abandoned: u64,
    reserved: [u64; 6],
}

/// ipc_topic_attr_t
#[repr(C)]
#[derive(Default)]
pub(crate) struct TopicAttributes {
    kind_type: usize,
    pub(crate) sample_size: usize,
    pub(crate) capacity: usize,
    pub(crate) history: usize,
    pub(crate) max_subscribers: usize,
    pub(crate) max_publishers: usize,
    pub(crate) max_borrowed: usize,
    pub(crate) flags: c_int,
    reserved: [c_int; 7],
}

#[link(name = "robustipc")]
unsafe extern "C" {
    fn ipc_last_error() -> *const c_char;
    fn ipc_version() -> *const c_char;
    fn ipc_list(out: *mut *mut Opaque, kinds: c_int) -> c_int;
    fn ipc_list_next(list: *mut Opaque, object: *mut RawObject) -> c_int;
    fn ipc_list_users(
        list: *const Opaque,
        object: *const RawObject,
        pids: *mut libc::pid_t,
        capacity: usize,
    ) -> c_int;
    fn ipc_list_type(
        list: *const Opaque,
        object: *const RawObject,
        kind_type: *mut RawType,
    ) -> c_int;
    fn ipc_list_unlisted(list: *const Opaque) -> c_int;
    fn ipc_list_close(list: *mut Opaque) -> c_int;
    fn ipc_remove(kind: c_int, name: *const c_char, id: c_int) -> c_int;
    fn ipc_mq_open(
        out: *mut *mut Opaque,
        name: *const c_char,
        attr: *const QueueAttributes,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_mq_close(queue: *mut Opaque) -> c_int;
    fn ipc_mq_send(
        queue: *mut Opaque,
        data: *const c_void,
        len: usize,
        priority: c_uint,
        timeout_ns: i64,
    ) -> c_int;
    fn ipc_mq_receive(
        queue: *mut Opaque,
        buf: *mut c_void,
        capacity: usize,
        priority: *mut c_uint,
        timeout_ns: i64,
    ) -> isize;
    fn ipc_mq_peek_priority(queue: *mut Opaque, priority: *mut c_uint) -> c_int;
    fn ipc_mq_getattr(queue: *const Opaque, attr: *mut QueueAttributes) -> c_int;
    fn ipc_mq_stat(queue: *const Opaque, stat: *mut QueueStatistics) -> c_int;
    fn ipc_shm_open_typed(
        out: *mut *mut Opaque,
        name: *const c_char,
        kind_type: *const RawType,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_shm_open(
        out: *mut *mut Opaque,
        name: *const c_char,
        size: usize,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_shm_data(region: *const Opaque) -> *mut c_void;
    fn ipc_shm_size(region: *const Opaque) -> usize;
    fn ipc_shm_close(region: *mut Opaque) -> c_int;
    fn ipc_cell_open(
        out: *mut *mut Opaque,
        name: *const c_char,
        kind_type: *const RawType,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_cell_read(cell: *const Opaque, value: *mut c_void, info: *mut Sample) -> c_int;
    fn ipc_cell_write(cell: *mut Opaque, value: *const c_void) -> c_int;
    fn ipc_cell_wait(
        cell: *mut Opaque,
        value: *mut c_void,
        after: u64,
        info: *mut Sample,
        timeout_ns: i64,
    ) -> c_int;
    fn ipc_cell_close(cell: *mut Opaque) -> c_int;
    fn ipc_sem_open(
        out: *mut *mut Opaque,
        name: *const c_char,
        value: c_uint,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_sem_wait(sem: *mut Opaque, timeout_ns: i64) -> c_int;
    fn ipc_sem_close(sem: *mut Opaque) -> c_int;
    fn ipc_topic_open(
        out: *mut *mut Opaque,
        name: *const c_char,
        attr: *const TopicAttributes,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_topic_getattr(topic: *const Opaque, attr: *mut TopicAttributes) -> c_int;
    fn ipc_topic_send(
        topic: *mut Opaque,
        data: *const c_void,
        len: usize,
        timeout_ns: i64,
    ) -> c_int;
    fn ipc_topic_receive(
        topic: *mut Opaque,
        buf: *mut c_void,
        capacity: usize,
        info: *mut Sample,
        timeout_ns: i64,
    ) -> isize;
    fn ipc_topic_close(topic: *mut Opaque) -> c_int;
    fn ipc_client_open(out: *mut *mut Opaque, name: *const c_char, flags: c_int) -> c_int;
    fn ipc_client_call(
        client: *mut Opaque,
        data: *const c_void,
        len: usize,
        priority: c_uint,
        reply: *mut c_void,
        capacity: usize,
        timeout_ns: i64,
    ) -> isize;
    fn ipc_client_close(client: *mut Opaque) -> c_int;
}

/// The library's description of a sample or a value.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) number: u64,
    pub(crate) missed: u64,
    pub(crate) time_ns: i64,
    pub(crate) publisher: u32,
    pub(crate) flags: u32,
    reserved: [u64; 4],
}

/// The result of a call, or its error with the library's text.
fn checked(result: isize) -> Result<usize> {
    if result >= 0 {
        return Ok(result.unsigned_abs());
    }
    // SAFETY: the library returns a string that stays valid until this thread's next failing call.
    let text = unsafe { CStr::from_ptr(ipc_last_error()) };
    Err(Error::new((-result) as i32, text.to_string_lossy()))
}

fn c_name(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Error::new(libc::EINVAL, "the name contains a NUL byte"))
}

/// The version of the library that this program runs with.
pub(crate) fn version() -> String {
    // SAFETY: a constant string.
    unsafe { CStr::from_ptr(ipc_version()) }
        .to_string_lossy()
        .into_owned()
}

/// A handle that is closed when the value ends.
struct Handle {
    raw: *mut Opaque,
    close: unsafe extern "C" fn(*mut Opaque) -> c_int,
}

impl Handle {
    fn open(
        close: unsafe extern "C" fn(*mut Opaque) -> c_int,
        open: impl FnOnce(*mut *mut Opaque) -> c_int,
    ) -> Result<Handle> {
        let mut raw = std::ptr::null_mut();
        checked(open(&raw mut raw) as isize)?;
        Ok(Handle { raw, close })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and this is its only close.
        unsafe { (self.close)(self.raw) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes that C gives these structs: c-tests/check/ripc.sh compares them with the header.
    #[test]
    fn the_structs_have_cs_sizes() {
        assert_eq!(size_of::<RawObject>(), 400);
        assert_eq!(size_of::<RawType>(), 24 + 8 + 24 * FIELDS_MAX);
        assert_eq!(size_of::<QueueAttributes>(), 56);
        assert_eq!(size_of::<QueueStatistics>(), 96);
        assert_eq!(size_of::<Sample>(), 64);
        assert_eq!(size_of::<TopicAttributes>(), 88);
    }
}
