//! The declarations of include/robustipc.h that the bridge uses.

use std::ffi::{c_char, c_int, c_uint, c_void};

pub(super) const FIELDS_MAX: usize = 32;

/// A handle of the library's; it points nowhere.
#[repr(C)]
pub(super) struct Opaque {
    _private: [u8; 0],
}

/// ipc_object_t
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawObject {
    pub(super) kind: c_int,
    pub(super) record: c_int,
    pub(super) id: c_int,
    pub(super) key: c_int,
    pub(super) owner: libc::uid_t,
    pub(super) group: libc::gid_t,
    pub(super) mode: libc::mode_t,
    pub(super) type_version: c_uint,
    pub(super) size: u64,
    pub(super) users: usize,
    pub(super) users_complete: c_int,
    pub(super) index: c_uint,
    pub(super) name: [c_char; 264],
    pub(super) type_name: [c_char; 64],
    pub(super) count: u64,
    pub(super) capacity: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawField {
    pub(super) name: *const c_char,
    pub(super) offset: usize,
    pub(super) size: usize,
}

/// ipc_type_t
#[repr(C)]
pub(super) struct RawType {
    pub(super) name: *const c_char,
    pub(super) version: u32,
    pub(super) field_count: u32,
    pub(super) size: usize,
    pub(super) alignment: usize,
    pub(super) fields: [RawField; FIELDS_MAX],
}

/// ipc_mq_attr_t
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct QueueAttributes {
    pub(crate) max_messages: usize,
    pub(crate) message_size: usize,
    pub(crate) current_messages: usize,
    pub(crate) flags: c_int,
    pub(crate) spin_ns: c_int,
    pub(crate) declared: usize,
    pub(crate) reserved: [c_int; 4],
}

/// ipc_mq_stat_t
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct QueueStatistics {
    waiting_senders: usize,
    waiting_receivers: usize,
    dropped: u64,
    repairs: u64,
    redelivered: u64,
    pub(super) abandoned: u64,
    reserved: [u64; 6],
}

/// ipc_topic_attr_t
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct TopicAttributes {
    pub(crate) declared: usize,
    pub(crate) sample_size: usize,
    pub(crate) capacity: usize,
    pub(crate) history: usize,
    pub(crate) max_subscribers: usize,
    pub(crate) max_publishers: usize,
    pub(crate) max_borrowed: usize,
    pub(crate) flags: c_int,
    pub(crate) reserved: [c_int; 7],
}

/// ipc_sample_t: the library's description of a sample or a value.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) number: u64,
    pub(crate) missed: u64,
    pub(crate) time_ns: i64,
    pub(crate) publisher: u32,
    flags: u32,
    reserved: [u64; 4],
}

/// ipc_service_attr_t
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawServiceAttributes {
    pub(super) request_type: *const RawType,
    pub(super) reply_type: *const RawType,
    pub(super) request_size: usize,
    pub(super) reply_size: usize,
    pub(super) max_requests: usize,
    pub(super) max_clients: usize,
    pub(super) flags: c_int,
    pub(super) reserved: [c_int; 7],
}

/// ipc_request_t
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct RawRequest {
    pub(super) id: u64,
    pub(super) priority: c_uint,
    pub(super) redeliveries: c_uint,
    pub(super) deadline_ns: i64,
    pub(super) pid: libc::pid_t,
    pub(super) uid: libc::uid_t,
    pub(super) gid: libc::gid_t,
    pub(super) reserved: [u64; 4],
}

/// ipc_service_stat_t
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct ServiceStatistics {
    pub(super) servers: u32,
    clients: u32,
    pending: u32,
    taken: u32,
    counts: [u64; 5],
    reserved: [u64; 4],
}

/// ipc_ready_t
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawReady {
    pub(super) tag: usize,
    pub(super) what: c_int,
    reserved: c_int,
}

impl RawReady {
    pub(super) const NONE: RawReady = RawReady {
        tag: 0,
        what: 0,
        reserved: 0,
    };
}

type Out = *mut *mut Opaque;
type Object = *mut Opaque;
type Text = *const c_char;
type Data = *const c_void;
type Buffer = *mut c_void;
type Mode = libc::mode_t;

#[link(name = "robustipc")]
unsafe extern "C" {
    pub(super) fn ipc_last_error() -> Text;

    pub(super) fn ipc_list(out: Out, kinds: c_int) -> c_int;
    pub(super) fn ipc_list_next(list: Object, object: *mut RawObject) -> c_int;
    pub(super) fn ipc_list_type(l: Object, object: *const RawObject, out: *mut RawType) -> c_int;
    pub(super) fn ipc_list_close(list: Object) -> c_int;
    pub(super) fn ipc_remove(kind: c_int, name: Text, id: c_int) -> c_int;

    pub(super) fn ipc_shm_open(out: Out, name: Text, size: usize, flags: c_int, m: Mode) -> c_int;
    pub(super) fn ipc_shm_data(region: Object) -> Buffer;
    pub(super) fn ipc_shm_size(region: Object) -> usize;
    pub(super) fn ipc_shm_fd(region: Object) -> c_int;
    pub(super) fn ipc_shm_close(region: Object) -> c_int;

    pub(super) fn ipc_mq_open(
        out: Out,
        name: Text,
        attr: *const QueueAttributes,
        flags: c_int,
        mode: Mode,
    ) -> c_int;
    pub(super) fn ipc_mq_close(queue: Object) -> c_int;
    pub(super) fn ipc_mq_getattr(queue: Object, attr: *mut QueueAttributes) -> c_int;
    pub(super) fn ipc_mq_stat(queue: Object, stat: *mut QueueStatistics) -> c_int;
    pub(super) fn ipc_mq_reserve(queue: Object, out: *mut Buffer, timeout_ns: i64) -> c_int;
    pub(super) fn ipc_mq_commit(q: Object, message: Buffer, len: usize, prio: c_uint) -> c_int;
    pub(super) fn ipc_mq_abandon(queue: Object, message: Buffer) -> c_int;
    pub(super) fn ipc_mq_borrow(
        queue: Object,
        out: *mut Data,
        priority: *mut c_uint,
        redeliveries: *mut c_uint,
        timeout_ns: i64,
    ) -> isize;
    pub(super) fn ipc_mq_return(queue: Object, message: Data) -> c_int;

    pub(super) fn ipc_topic_open(
        out: Out,
        name: Text,
        attr: *const TopicAttributes,
        flags: c_int,
        mode: Mode,
    ) -> c_int;
    pub(super) fn ipc_topic_close(topic: Object) -> c_int;
    pub(super) fn ipc_topic_getattr(topic: Object, attr: *mut TopicAttributes) -> c_int;
    pub(super) fn ipc_topic_send(topic: Object, data: Data, len: usize, timeout_ns: i64) -> c_int;
    pub(super) fn ipc_topic_borrow(t: Object, out: *mut Data, info: *mut Sample, ns: i64) -> isize;
    pub(super) fn ipc_topic_return(topic: Object, sample: Data) -> c_int;
    pub(super) fn ipc_topic_fd(topic: Object) -> c_int;
    pub(super) fn ipc_topic_stale(topic: Object) -> c_int;

    pub(super) fn ipc_cell_open(
        out: Out,
        name: Text,
        declared: *const RawType,
        flags: c_int,
        mode: Mode,
    ) -> c_int;
    pub(super) fn ipc_cell_read(cell: Object, value: Buffer, info: *mut Sample) -> c_int;
    pub(super) fn ipc_cell_write(cell: Object, value: Data) -> c_int;
    pub(super) fn ipc_cell_fd(cell: Object) -> c_int;
    pub(super) fn ipc_cell_close(cell: Object) -> c_int;

    pub(super) fn ipc_service_open(
        out: Out,
        name: Text,
        attr: *const RawServiceAttributes,
        flags: c_int,
        mode: Mode,
    ) -> c_int;
    pub(super) fn ipc_service_receive(
        service: Object,
        buffer: Buffer,
        capacity: usize,
        request: *mut RawRequest,
        timeout_ns: i64,
    ) -> isize;
    pub(super) fn ipc_service_reply(
        service: Object,
        request: *const RawRequest,
        data: Data,
        len: usize,
    ) -> c_int;
    pub(super) fn ipc_service_stat(service: Object, stat: *mut ServiceStatistics) -> c_int;
    pub(super) fn ipc_service_close(service: Object) -> c_int;
    pub(super) fn ipc_client_open(out: Out, name: Text, flags: c_int) -> c_int;
    pub(super) fn ipc_client_getattr(
        client: Object,
        attr: *mut RawServiceAttributes,
        request_type: *mut RawType,
        reply_type: *mut RawType,
    ) -> c_int;
    pub(super) fn ipc_client_call(
        client: Object,
        data: Data,
        len: usize,
        priority: c_uint,
        reply: Buffer,
        capacity: usize,
        timeout_ns: i64,
    ) -> isize;
    pub(super) fn ipc_client_close(client: Object) -> c_int;

    pub(super) fn ipc_waitset_open(out: Out, flags: c_int) -> c_int;
    pub(super) fn ipc_waitset_add(set: Object, what: c_int, object: Buffer, tag: usize) -> c_int;
    pub(super) fn ipc_waitset_add_fd(set: Object, fd: c_int, events: c_int, tag: usize) -> c_int;
    pub(super) fn ipc_waitset_remove(set: Object, tag: usize) -> c_int;
    pub(super) fn ipc_waitset_wait(set: Object, ready: *mut RawReady, n: usize, ns: i64) -> c_int;
    pub(super) fn ipc_waitset_close(set: Object) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes that C gives these structs on machines of 64 bits; tests/structs.rs compares them with the header.
    #[test]
    fn the_structs_have_cs_sizes() {
        assert_eq!(size_of::<RawObject>(), 400);
        assert_eq!(size_of::<RawType>(), 24 + 8 + 24 * FIELDS_MAX);
        assert_eq!(size_of::<QueueAttributes>(), 56);
        assert_eq!(size_of::<QueueStatistics>(), 96);
        assert_eq!(size_of::<Sample>(), 64);
        assert_eq!(size_of::<TopicAttributes>(), 88);
        assert_eq!(size_of::<RawServiceAttributes>(), 80);
        assert_eq!(size_of::<RawRequest>(), 72);
        assert_eq!(size_of::<ServiceStatistics>(), 88);
        assert_eq!(size_of::<RawReady>(), 16);
    }
}
