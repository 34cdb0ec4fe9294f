//! Clients: calling services.

use super::handle::Table;
use super::service::{IPC_SERVICE_ONCE, ipc_service_attr_t, type_if_any};
use super::types::{ipc_type_t, type_to_c};
use super::waitset::object_closed;
use super::*;
use crate::base::name::Name;
use crate::base::time::Deadline;
use crate::ipc::service::Client;
use crate::object::layout::Type;
use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr;

/// A handle that calls a service. ipc_client_open() creates it, and ipc_client_close() ends it.
pub struct ipc_client_t {
    _private: [u8; 0],
}

pub(super) static CLIENTS: Table<Client, { handle::CLIENT }> = Table::new();

/// Flag of ipc_client_open(): a call waits if no process serves. Without the flag, it fails with -ENOENT.
pub const IPC_CLIENT_WAIT: c_int = 0x10000;

/// Opens the service with this name to call it.
///
/// out: receives the handle, on success only. End it with ipc_client_close().
/// name: "/" followed by 1 to 250 bytes that contain no slash.
/// flags: 0 or any of IPC_CHECK_OWNER, and IPC_CLIENT_WAIT: calls wait if no process serves, instead of failing with
/// -ENOENT at once.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, the name is malformed, or a flag is not allowed here;
/// -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if no such service exists; -EACCES if the permissions do not
/// allow it, or if with IPC_CHECK_OWNER another user owns the service or others may write to it; -EUSERS if as many
/// handles call as the service allows; -EPROTO if the service belongs to another version, word size, C library or PID
/// namespace, or if the object has no record of this library (ipc_last_error() reports both sides); -EMEDIUMTYPE if the
/// name belongs to another kind of object; -EUCLEAN if the service is damaged; -ESTALE if the service was removed during
/// the call; -EAGAIN if a thread has been stopped inside a call on the service for a second; -EBUSY if the name leads to
/// a removed file that a mount keeps; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many descriptors
/// or handles are open; -ENOMEM if no memory or address space is left; -ENOTSUP if this libc allows no robust locks.
/// Threads: safe.
/// Fork: the child has the handle too. If it uses the handle, it calls as a process of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_client_open(
    out: *mut *mut ipc_client_t,
    name: *const c_char,
    flags: c_int,
) -> c_int {
    guard(c"ipc_client_open", move || {
        // SAFETY: by the contract of this call.
        unsafe { open(out, name, [ptr::null(); 2], flags) }
    })
}

/// Opens the service with this name to call it, and compares the types that the service declares.
///
/// out: receives the handle, on success only. End it with ipc_client_close().
/// name: "/" followed by 1 to 250 bytes that contain no slash.
/// request_type: what a request is, from IPC_TYPE or IPC_TYPE_FIELDS; or NULL: any type.
/// reply_type: what a reply is, or NULL: any type. The library keeps no reference to the types.
/// flags: 0 or any of IPC_CHECK_OWNER, and IPC_CLIENT_WAIT: calls wait if no process serves, instead of failing with
/// -ENOENT at once.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, the name or a type is malformed, or a flag is not allowed here;
/// -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if no such service exists; -EACCES if the permissions do not
/// allow it, or if with IPC_CHECK_OWNER another user owns the service or others may write to it; -EUSERS if as many
/// handles call as the service allows; -EPROTO if the service has another type for requests or replies, or none, or
/// belongs to another version, word size, C library or PID namespace, or if the object has no record of this library
/// (ipc_last_error() reports both sides); -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the
/// service is damaged; -ESTALE if the service was removed during the call; -EAGAIN if a thread has been stopped inside a
/// call on the service for a second; -EBUSY if the name leads to a removed file that a mount keeps; -ELOOP if the name
/// is a symbolic link; -EMFILE or -ENFILE if too many descriptors or handles are open; -ENOMEM if no memory or address
/// space is left; -ENOTSUP if this libc allows no robust locks.
/// Threads: safe.
/// Fork: the child has the handle too. If it uses the handle, it calls as a process of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_client_open_typed(
    out: *mut *mut ipc_client_t,
    name: *const c_char,
    request_type: *const ipc_type_t,
    reply_type: *const ipc_type_t,
    flags: c_int,
) -> c_int {
    guard(c"ipc_client_open_typed", move || {
        // SAFETY: by the contract of this call.
        unsafe { open(out, name, [request_type, reply_type], flags) }
    })
}

/// # Safety
///
/// The arguments are those of a C caller of ipc_client_open_typed().
unsafe fn open(
    out: *mut *mut ipc_client_t,
    name: *const c_char,
    types: [*const ipc_type_t; 2],
    flags: c_int,
) -> Result<c_int> {
    let out = checked(out, "out")?;
    // SAFETY: by this function's contract.
    let name = unsafe { Name::from_c(name) }?;
    // SAFETY: by this function's contract.
    let types: [Option<Box<Type>>; 2] = unsafe { [type_if_any(types[0])?, type_if_any(types[1])?] };
    let options = options(flags, IPC_CHECK_OWNER | IPC_CLIENT_WAIT, 0)?;
    let room = CLIENTS.room()?;
    let client = Client::open(&name, types, flags & IPC_CLIENT_WAIT != 0, options)?;
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    unsafe { put(out, room.fill(client)) }
}

/// Reads the sizes, the flags and the types of the service that a handle calls.
///
/// The result may be given to ipc_service_open(), for example to create the same service under another name.
///
/// attr: receives the sizes and the flags, on success only. Its request_type and reply_type point to the two structs below; they
/// are NULL if the service declares no such type or the struct is NULL.
/// request_type: NULL, or receives the type of a request, if the service declares one. The type's strings belong to the handle
/// and are valid until ipc_client_close().
/// reply_type: NULL, or receives the type of a reply, in the same way.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if client or attr is NULL, or a pointer is misaligned; -EBADF if the handle is closed; -EOVERFLOW if a size of
/// a type is larger than this process can address.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_client_getattr(
    client: *const ipc_client_t,
    attr: *mut ipc_service_attr_t,
    request_type: *mut ipc_type_t,
    reply_type: *mut ipc_type_t,
) -> c_int {
    guard(c"ipc_client_getattr", move || {
        let client = CLIENTS.get(client)?;
        let attr = checked(attr, "attr")?;
        let mut types = [ptr::null(); 2];
        let places = [(request_type, "request_type"), (reply_type, "reply_type")];
        for (place, what) in places {
            if !place.is_null() {
                checked(place, what)?;
            }
        }
        for ((to, (place, what)), known) in types.iter_mut().zip(places).zip(client.types()) {
            if let (false, Some(known)) = (place.is_null(), known) {
                // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
                unsafe { put(checked(place, what)?, type_to_c(known)?) }?;
                *to = place.cast_const();
            }
        }
        let sizes = client.sizes();
        let found = ipc_service_attr_t {
            request_type: types[0],
            reply_type: types[1],
            request_size: sizes.request_size as usize,
            reply_size: sizes.reply_size as usize,
            max_requests: sizes.max_requests as usize,
            max_clients: sizes.max_clients as usize,
            flags: if client.delivers_once() {
                IPC_SERVICE_ONCE
            } else {
                0
            },
            reserved: [0; 7],
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(attr, found) }
    })
}

/// Sends a request and waits for its reply.
///
/// If no process serves when the call begins, it fails with -ENOENT at once, unless the handle has IPC_CLIENT_WAIT. If
/// the server dies with the request, the next server gets it, and this call goes on waiting, also if there is no other
/// server yet. In a service with IPC_SERVICE_ONCE, this call fails with -EOWNERDEAD instead, within 100 milliseconds of
/// the death.
///
/// data: the request. NULL is allowed only with len 0.
/// len: the request's length in bytes, up to the service's request_size.
/// priority: 0 to IPC_MQ_PRIORITY_MAX. Higher priorities are received first.
/// reply: receives the reply, on success only. NULL is allowed only with capacity 0.
/// capacity: the size of reply in bytes.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a limit. After
/// that the request is withdrawn: a server that has it may go on, and its reply is discarded.
///
/// Returns: the reply's length in bytes, which may be 0, or a negative error. After an error the server may have done the
/// work or not.
/// Errors: -ENOENT if no process serves; -EOWNERDEAD if the server died with the request, in a service with
/// IPC_SERVICE_ONCE; -EAGAIN if timeout_ns is 0 and a process serves, or the handle has IPC_CLIENT_WAIT (nothing was sent), or if a thread has been stopped inside a call on the
/// service for a second; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while the call waited: the
/// request is withdrawn; -EMSGSIZE if len is above the service's request_size, or the reply is longer than capacity: it
/// is discarded; -EINVAL if a pointer is NULL, the priority is too high, or timeout_ns is below -1; -EBADF if the handle
/// is closed; -EUCLEAN if the service is damaged; -EUSERS if this is a forked child that uses the handle for the first
/// time, and as many handles call as the service allows; -EPROTO if this process was forked into another PID namespace
/// after the handle was opened; -EDEADLK if a signal handler makes this call, and it interrupted a call on the same
/// service; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. Several threads may call with one handle at once; each gets its own reply.
/// Death: if the caller dies, its request is withdrawn.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_client_call(
    client: *mut ipc_client_t,
    data: *const c_void,
    len: usize,
    priority: c_uint,
    reply: *mut c_void,
    capacity: usize,
    timeout_ns: i64,
) -> isize {
    guard(c"ipc_client_call", move || {
        let client = CLIENTS.get(client)?;
        // SAFETY: by the contract of this call.
        let (request, reply) = unsafe {
            (
                readable(data, len, "data")?,
                writable(reply, capacity, "reply")?,
            )
        };
        let length = client.call(request, priority, reply, Deadline::after(timeout_ns)?)?;
        Ok(length as isize)
    })
}

/// Sends a request, and does not wait for its reply: ipc_client_receive() returns the reply. Many requests may be under
/// way at once. Waits while as many calls are under way as the service allows.
///
/// data: the request. NULL is allowed only with len 0.
/// len: the request's length in bytes, up to the service's request_size.
/// priority: 0 to IPC_MQ_PRIORITY_MAX. Higher priorities are received first.
/// timeout_ns: how long to wait for room at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a
/// limit; 0 only tries. It is no limit for the reply.
/// id: receives the call's id, which is never 0, on success only. ipc_client_receive() gives it with the reply.
///
/// Returns: 0, or a negative error, and then nothing was sent.
/// Errors: -ENOENT if no process serves, and the handle lacks IPC_CLIENT_WAIT (a server that died within the last
/// millisecond may still count); -EAGAIN if there is no room and timeout_ns is 0, or if a thread has been stopped inside
/// a call on the service for a second; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while the call
/// waited; -EMSGSIZE if len is above the service's request_size; -EINVAL if a pointer is NULL or misaligned, the priority
/// is too high, or timeout_ns is below -1; -EBADF if the handle is closed; -EUCLEAN if the service is damaged; -EUSERS if
/// this is a forked child that uses the handle for the first time, and as many handles call as the service allows;
/// -EPROTO if this process was forked into another PID namespace after the handle was opened; -EDEADLK if a signal
/// handler makes this call, and it interrupted a call on the same service; -ENOSYS if a sandbox (seccomp) forbids this
/// process to sleep on a futex.
/// Threads: safe.
/// Death: if the caller's process dies, its requests are withdrawn.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_client_send(
    client: *mut ipc_client_t,
    data: *const c_void,
    len: usize,
    priority: c_uint,
    timeout_ns: i64,
    id: *mut u64,
) -> c_int {
    guard(c"ipc_client_send", move || {
        let client = CLIENTS.get(client)?;
        // SAFETY: by the contract of this call.
        let request = unsafe { readable(data, len, "data") }?;
        let id = checked(id, "id")?;
        let sent = client.send(request, priority, Deadline::after(timeout_ns)?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(id, sent) }
    })
}

/// Receives the reply to a request that ipc_client_send() has sent with the same handle. The replies come in the order in
/// which the servers give them. Waits while there is none.
///
/// reply: receives the reply, on success only. NULL is allowed only with capacity 0.
/// capacity: the size of reply in bytes.
/// id: receives the id that ipc_client_send() gave, on success and with -EOWNERDEAD.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a limit; 0
/// only tries.
///
/// Returns: the reply's length in bytes, which may be 0, or a negative error.
/// Errors: -EOWNERDEAD if the server died with the request of this id, in a service with IPC_SERVICE_ONCE: the call has
/// ended without a reply; -EAGAIN if there is no reply and timeout_ns is 0, or if a thread has been stopped inside a call
/// on the service for a second; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while the call
/// waited; -EMSGSIZE if the reply is longer than capacity: it stays; -EINVAL if a pointer is NULL or misaligned, or
/// timeout_ns is below -1; -EBADF if the handle is closed; -EUCLEAN if the service is damaged; -EUSERS if this is a
/// forked child that uses the handle for the first time, and as many handles call as the service allows; -EPROTO if this
/// process was forked into another PID namespace after the handle was opened; -EDEADLK if a signal handler makes this
/// call, and it interrupted a call on the same service; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a
/// futex.
/// Threads: safe. Each reply goes to one thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_client_receive(
    client: *mut ipc_client_t,
    reply: *mut c_void,
    capacity: usize,
    id: *mut u64,
    timeout_ns: i64,
) -> isize {
    guard(c"ipc_client_receive", move || {
        let client = CLIENTS.get(client)?;
        // SAFETY: by the contract of this call.
        let reply = unsafe { writable(reply, capacity, "reply") }?;
        let id = checked(id, "id")?;
        let ended = client.receive(reply, Deadline::after(timeout_ns)?)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(id, ended.id) }?;
        Ok(ended.outcome? as isize)
    })
}

/// Returns a descriptor for poll(), select() and epoll: it is readable while a reply waits for ipc_client_receive(). The
/// first call of a process makes it.
///
/// The descriptor may be readable although there is no reply: another thread was faster. So receive with timeout 0. It is
/// always writable. It belongs to the handle: do not close it, read from it or write to it. In a service
/// with IPC_SERVICE_ONCE it becomes readable within 100 milliseconds after the death of a server that has a request of this
/// client. For this a thread of this process, named "ipc_watch", examines the servers' processes every 50 milliseconds.
///
/// Returns: the descriptor, or a negative error.
/// Errors: -EINVAL if client is NULL; -EBADF if the handle is closed; -EAGAIN if another thread is changing the
/// descriptor and does not end, or if a thread has been stopped inside a call on the service for a second; -EUSERS if
/// this is a forked child that uses the handle for the first time, and as many handles call as the service allows;
/// -EUCLEAN if the service is damaged; -EPROTO if this process was forked into another PID namespace after the handle was
/// opened; -EMFILE or -ENFILE if too many descriptors are open; -ENOMEM if there is no memory.
/// Threads: safe. Fork: a child gets a descriptor of its own when it calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_client_fd(client: *const ipc_client_t) -> c_int {
    guard(c"ipc_client_fd", move || CLIENTS.get(client)?.descriptor())
}

/// Whether the service's name was removed, or belongs to another object now. Servers that open the name do not get this
/// client's requests then.
///
/// Returns: 1 if it is stale, 0 if it is not, or a negative error.
/// Errors: -EINVAL if client is NULL; -EBADF if the handle is closed, or the program has closed the service's descriptor
/// behind the library.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_client_stale(client: *const ipc_client_t) -> c_int {
    guard(c"ipc_client_stale", move || {
        Ok(CLIENTS.get(client)?.is_stale()?.into())
    })
}

/// Closes a handle that calls. Its requests are withdrawn: those that wait for a server are not received any more, and
/// replies to the others are discarded.
///
/// client: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF if the handle is closed already, or does not belong to a client.
/// Threads: safe. Calls with this handle that other threads have begun go on, and this call does not wait for them: the
/// last of them withdraws the requests.
/// Fork: closes the handle of the calling process only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_client_close(client: *mut ipc_client_t) -> c_int {
    guard(c"ipc_client_close", move || {
        if client.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        CLIENTS.close(client)?;
        object_closed();
        Ok(0)
    })
}
