//! The functions of librobustipc.so that this library uses. robustipc.h describes them.

use core::ffi::{c_char, c_int, c_uint, c_void};

#[repr(C)]
pub(crate) struct ipc_mq_t {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Default)]
pub(crate) struct ipc_mq_attr_t {
    pub(crate) max_messages: usize,
    pub(crate) message_size: usize,
    pub(crate) current_messages: usize,
    pub(crate) flags: c_int,
    pub(crate) spin_ns: c_int,
    /// A pointer: 0 is NULL.
    pub(crate) message_type: usize,
    pub(crate) reserved: [c_int; 4],
}

#[repr(C)]
pub(crate) struct ipc_mq_wait_t {
    pub(crate) word: *const u32,
    pub(crate) expected: u32,
    pub(crate) direction: c_int,
    pub(crate) until_ns: i64,
    pub(crate) announced: usize,
}

impl ipc_mq_wait_t {
    /// Before ipc_mq_wait_begin() fills it.
    pub(crate) const NONE: ipc_mq_wait_t = ipc_mq_wait_t {
        word: core::ptr::null(),
        expected: 0,
        direction: 0,
        until_ns: -1,
        announced: 0,
    };
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ipc_mq_look_t {
    pub(crate) sent: u64,
    pub(crate) current_messages: usize,
    pub(crate) has_room: u32,
    pub(crate) flag_changes: u32,
}

#[link(name = "robustipc")]
unsafe extern "C" {
    pub(crate) fn ipc_mq_open(
        out: *mut *mut ipc_mq_t,
        name: *const c_char,
        attr: *const ipc_mq_attr_t,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    pub(crate) fn ipc_mq_open_fd(out: *mut *mut ipc_mq_t, fd: c_int, flags: c_int) -> c_int;
    pub(crate) fn ipc_mq_close(mq: *mut ipc_mq_t) -> c_int;
    pub(crate) fn ipc_mq_send(
        mq: *mut ipc_mq_t,
        msg: *const c_void,
        len: usize,
        priority: c_uint,
        timeout_ns: i64,
    ) -> c_int;
    pub(crate) fn ipc_mq_receive(
        mq: *mut ipc_mq_t,
        buf: *mut c_void,
        capacity: usize,
        priority: *mut c_uint,
        timeout_ns: i64,
    ) -> isize;
    pub(crate) fn ipc_mq_getattr(mq: *const ipc_mq_t, attr: *mut ipc_mq_attr_t) -> c_int;
    pub(crate) fn ipc_mq_bring_fd(mq: *mut ipc_mq_t, fd: c_int) -> c_int;
    pub(crate) fn ipc_mq_twin(mq: *mut ipc_mq_t, action: c_int, look: *mut ipc_mq_look_t) -> c_int;
    pub(crate) fn ipc_mq_wait_begin(
        mq: *const ipc_mq_t,
        direction: c_int,
        wait: *mut ipc_mq_wait_t,
    ) -> c_int;
    pub(crate) fn ipc_mq_wait_end(mq: *const ipc_mq_t, wait: *const ipc_mq_wait_t) -> c_int;
    pub(crate) fn ipc_mq_send_waited(
        mq: *mut ipc_mq_t,
        msg: *const c_void,
        len: usize,
        priority: c_uint,
        wait: *const ipc_mq_wait_t,
        is_last: c_int,
    ) -> c_int;
    pub(crate) fn ipc_mq_receive_waited(
        mq: *mut ipc_mq_t,
        buf: *mut c_void,
        capacity: usize,
        priority: *mut c_uint,
        wait: *const ipc_mq_wait_t,
        is_last: c_int,
    ) -> isize;
}

pub(crate) const IPC_CREATE: c_int = 1;
pub(crate) const IPC_EXCLUSIVE: c_int = 2;
pub(crate) const IPC_READ_ONLY: c_int = 4;
pub(crate) const IPC_WRITE_ONLY: c_int = 8;
pub(crate) const IPC_NONBLOCK: c_int = 16;

pub(crate) const IPC_MQ_TWIN_LOOK: c_int = 0;
pub(crate) const IPC_MQ_TWIN_ARM: c_int = 1;
pub(crate) const IPC_MQ_TWIN_REPEAT: c_int = 2;
pub(crate) const IPC_MQ_TWIN_KEEP: c_int = 3;
pub(crate) const IPC_MQ_TWIN_FLAGS: c_int = 4;
pub(crate) const IPC_MQ_TWIN_AWAIT_MESSAGE: c_int = 5;
pub(crate) const IPC_MQ_TWIN_AWAIT_ROOM: c_int = 6;
pub(crate) const IPC_MQ_TWIN_NOTIFY: c_int = 7;
