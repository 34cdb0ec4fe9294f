//! Services: receiving requests and replying to them.

use super::handle::Table;
use super::types::{ipc_type_t, type_from_c};
use super::waitset::object_closed;
use super::*;
use crate::base::name::Name;
use crate::base::time::Deadline;
use crate::ipc::service::{self, Server, Sizes, Wanted};
use crate::object::layout::Type;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// A handle that serves: it receives requests and replies to them. ipc_service_open() creates it, and
/// ipc_service_close() ends it.
pub struct ipc_service_t {
    _private: [u8; 0],
}

pub(super) static SERVERS: Table<Server, { handle::SERVICE }> = Table::new();

/// Flag in ipc_service_attr_t: a request is delivered at most once. If its server dies, its client gets -EOWNERDEAD.
/// Without the flag, the next server gets the request, with a number of redeliveries above 0.
pub const IPC_SERVICE_ONCE: c_int = 0x1;

/// The sizes and the types of a service. Set fields that you do not use to 0, for example with the initialiser
/// { .request_size = 64, .reply_size = 256 }.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_service_attr_t {
    /// The type of a request, from IPC_TYPE or IPC_TYPE_FIELDS; or NULL: bytes. A service keeps the type that its creator
    /// gives.
    pub request_type: *const ipc_type_t,
    /// The type of a reply, or NULL: bytes.
    pub reply_type: *const ipc_type_t,
    /// The largest length of a request, in bytes. 0: the size of the type; without a type 8192.
    pub request_size: usize,
    /// The largest length of a reply, in bytes. 0: the size of the type; without a type 8192.
    pub reply_size: usize,
    /// How many calls may be under way at once, up to 1048576. 0: 64.
    pub max_requests: usize,
    /// How many client handles may be open at once, up to 1048576. 0: 64.
    pub max_clients: usize,
    /// 0, or IPC_SERVICE_ONCE.
    pub flags: c_int,
    /// All 0: reserved for later versions.
    pub reserved: [c_int; 7],
}

/// The facts about a request, beside its bytes. ipc_service_receive() fills them in.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_request_t {
    /// Tells the request from all other requests of the service; never 0. ipc_service_reply() uses nothing else of the struct.
    pub id: u64,
    /// The priority that the client gave.
    pub priority: c_uint,
    /// How many servers have died or closed with the request before. If it is not 0, some of the work may have been
    /// done.
    pub redeliveries: c_uint,
    /// When the client stops waiting for the reply, in nanoseconds on the monotonic clock; 0 if it sets no limit.
    pub deadline_ns: i64,
    /// The process id of the client, as the client's process gave it. It is no proof.
    pub pid: libc::pid_t,
    /// The effective user id of the client, as the client's process gave it. It is no proof.
    pub uid: libc::uid_t,
    /// The effective group id of the client, as the client's process gave it. It is no proof.
    pub gid: libc::gid_t,
    /// 0.
    pub reserved: [u64; 4],
}

/// The counts of a service. ipc_service_stat() fills it in.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_service_stat_t {
    /// Handles that serve.
    pub servers: u32,
    /// Handles that call.
    pub clients: u32,
    /// Requests that wait for a server.
    pub pending: u32,
    /// Requests that a server has received and not answered.
    pub taken: u32,
    /// Requests that were answered, since the creation of the service.
    pub answered: u64,
    /// How often a request went back because its server died or closed.
    pub redelivered: u64,
    /// Requests that failed with -EOWNERDEAD because their servers died or closed.
    pub lost: u64,
    /// Requests whose clients gave up or died before the reply.
    pub withdrawn: u64,
    /// Deaths inside a call on the service, after which it was repaired.
    pub repairs: u64,
    /// 0.
    pub reserved: [u64; 4],
}

/// Opens the service with this name to serve it, or creates it with IPC_CREATE.
///
/// Clients send requests to a service with ipc_client_call() or ipc_client_send(). Each request goes to one server,
/// which replies. Several processes may serve, and share the requests. Serving begins with this call: from now on
/// clients find a server.
///
/// out: receives the handle, on success only. End it with ipc_service_close().
/// name: "/" followed by 1 to 250 bytes that contain no slash.
/// attr: the sizes and types of a new service. An existing service must have these sizes and flags and, where a type
/// is not NULL, this type. NULL means: a new service has the defaults that the fields name, and an existing one may
/// have any sizes and types. The struct may be freed after the call.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_CHECK_OWNER.
/// mode: the permissions of a service that this call creates, exactly: the umask is not applied. Serving and calling
/// both need read and write permission. Unused without IPC_CREATE.
///
/// Returns: IPC_CREATED (1) if this call created the service; IPC_OPENED (0) if it existed; or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, the name, a type or a size is malformed, a size is smaller than
/// its type, a reserved field is not 0, a flag is not allowed here, or mode is above 0777; -ENAMETOOLONG if name has
/// more than 251 bytes; -ENOENT if no such service exists and flags lacks IPC_CREATE; -EEXIST if the service exists and
/// flags has IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if with IPC_CHECK_OWNER another user owns the
/// service or others may write to it; -EUSERS if 64 handles serve already; -EFBIG if the service would be larger than
/// RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO if the existing service
/// has other sizes, flags or types than attr, or belongs to another version, word size, C library or PID namespace, or
/// if the object has no record of this library (ipc_last_error() reports both sides); -EMEDIUMTYPE if the name belongs
/// to another kind of object; -EUCLEAN if the service is damaged; -EAGAIN if a thread has been stopped inside a call on
/// the service for a second; -EBUSY if the name leads to a removed file that a mount keeps; -ELOOP if the name is a
/// symbolic link; -EMFILE or -ENFILE if too many descriptors or handles are open; -ENOMEM if no memory or address space
/// is left; -ENOTSUP if this libc allows no robust locks; -EPERM or -EROFS if the system does not let this process set
/// the mode of what it creates.
/// Threads: safe.
/// Fork: the child has the handle too. If it uses the handle, it serves as a process of its own.
/// Owner death: if a process is killed while it creates the service, nothing is left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_service_open(
    out: *mut *mut ipc_service_t,
    name: *const c_char,
    attr: *const ipc_service_attr_t,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_service_open", move || {
        let out = checked(out, "out")?;
        // SAFETY: by the contract of this call.
        let (name, wanted) = unsafe { (Name::from_c(name)?, wanted_from_c(attr)?) };
        let options = options(flags, IPC_CREATE | IPC_EXCLUSIVE | IPC_CHECK_OWNER, mode)?;
        let default = Wanted {
            sizes: sizes_of([0; 4], &[None, None])?,
            types: [None, None],
            once: false,
        };
        let room = SERVERS.room()?;
        let (server, outcome) = Server::open(&name, wanted.as_ref(), &default, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(server)) }?;
        Ok(opened(outcome))
    })
}

/// The wishes in a C caller's attributes.
///
/// # Safety
///
/// `attr` is NULL, misaligned, or points to an ipc_service_attr_t, whose types are NULL or as for `type_from_c`.
unsafe fn wanted_from_c(attr: *const ipc_service_attr_t) -> Result<Option<Wanted>> {
    if attr.is_null() {
        return Ok(None);
    }
    // SAFETY: checked for alignment; the rest by this function's contract.
    let attr = unsafe { checked(attr.cast_mut(), "attr")?.read() };
    if attr.reserved.iter().any(|&reserved| reserved != 0) {
        return Err(fail!(EINVAL, "attr->reserved is not 0"));
    }
    check_flags(attr.flags, IPC_SERVICE_ONCE)?;
    // SAFETY: by this function's contract.
    let types = unsafe {
        [
            type_if_any(attr.request_type)?,
            type_if_any(attr.reply_type)?,
        ]
    };
    let numbers = [
        attr.max_requests,
        attr.max_clients,
        attr.request_size,
        attr.reply_size,
    ];
    Ok(Some(Wanted {
        sizes: sizes_of(numbers, &types)?,
        types,
        once: attr.flags & IPC_SERVICE_ONCE != 0,
    }))
}

/// # Safety
///
/// `kind_type` is NULL, or as for `type_from_c`.
pub(super) unsafe fn type_if_any(kind_type: *const ipc_type_t) -> Result<Option<Box<Type>>> {
    match kind_type.is_null() {
        true => Ok(None),
        // SAFETY: by this function's contract.
        false => unsafe { type_from_c(kind_type) }.map(Some),
    }
}

/// The sizes of a service: requests, clients, and the sizes of a request and of a reply. A 0 stands for the default.
fn sizes_of(numbers: [usize; 4], types: &[Option<Box<Type>>; 2]) -> Result<Sizes> {
    const COUNT: usize = 64;
    const SIZE: usize = 8192;
    let or = |number, default| if number == 0 { default } else { number };
    let [requests, clients, request, reply] = numbers;
    let mut sizes = [request, reply];
    for ((size, kind_type), what) in sizes.iter_mut().zip(types).zip(["request", "reply"]) {
        let least = kind_type.as_ref().map_or(0, |kind_type| {
            usize::try_from(kind_type.size()).unwrap_or(usize::MAX)
        });
        *size = or(*size, or(least, SIZE));
        if *size < least {
            return Err(fail!(
                EINVAL,
                "attr->{what}_size is {size}; expected 0, or at least the {least} bytes of the type"
            ));
        }
    }
    Sizes::new(or(requests, COUNT), or(clients, COUNT), sizes[0], sizes[1])
}

/// Receives the request with the highest priority; of several, the oldest. Waits while there is none.
///
/// The request belongs to this process until it is answered with ipc_service_reply(). Any thread of the process may
/// answer it, with the same handle, also after later requests. If the process dies before, or closes the handle, the
/// next server gets the request; in a service with IPC_SERVICE_ONCE its client gets -EOWNERDEAD instead. Both happen
/// within 100 milliseconds. Requests of clients that have given up or died are left out.
///
/// buf: receives the request. NULL is allowed only with capacity 0.
/// capacity: the size of buf in bytes.
/// request: receives what is known of the request, on success only.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a limit; 0
/// only tries.
///
/// Returns: the request's length in bytes, which may be 0, or a negative error.
/// Errors: -EAGAIN if there is no request and timeout_ns is 0, or if timeout_ns is 0 and a thread has been stopped inside
/// a call on the service for a second; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while the
/// call waited; -EMSGSIZE if the request is longer than capacity: it stays; -EINVAL if a pointer is NULL or misaligned,
/// or timeout_ns is below -1; -EBADF if the handle is closed; -EUCLEAN if the service is damaged; -EUSERS if this is a
/// forked child that uses the handle for the first time, and 64 handles serve already; -EPROTO if this process was forked
/// into another PID namespace after the handle was opened; -EDEADLK if a signal handler makes this call, and it
/// interrupted a call on the same service; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_service_receive(
    service: *mut ipc_service_t,
    buf: *mut c_void,
    capacity: usize,
    request: *mut ipc_request_t,
    timeout_ns: i64,
) -> isize {
    guard(c"ipc_service_receive", move || {
        let server = SERVERS.get(service)?;
        // SAFETY: by the contract of this call.
        let buffer = unsafe { writable(buf, capacity, "buf") }?;
        let request = checked(request, "request")?;
        let received = server.receive(buffer, Deadline::after(timeout_ns)?)?;
        let about = ipc_request_t {
            id: received.id,
            priority: received.priority,
            redeliveries: received.redeliveries,
            deadline_ns: received.deadline_ns as i64,
            pid: received.process as libc::pid_t,
            uid: received.user,
            gid: received.group,
            reserved: [0; 4],
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(request, about) }?;
        Ok(received.length as isize)
    })
}

/// Replies to a request. The reply goes to the client that sent the request, and to no later call. If that client does not
/// wait any more, the reply is discarded, and this call succeeds.
///
/// request: what ipc_service_receive() gave. Only its id is used.
/// data: the reply. NULL is allowed only with len 0.
/// len: the reply's length in bytes, up to the service's reply_size.
///
/// Returns: 0, or a negative error, and then the request is still to be answered.
/// Errors: -EINVAL if a pointer is NULL or misaligned, or this handle has not received the request, or has answered it
/// already; -EPERM if another server has the request; -EMSGSIZE if len is above the service's reply_size; -EBADF if the
/// handle is closed; -EUCLEAN if the service is damaged; -EAGAIN if a thread has been stopped inside a call on the
/// service for a second (call again later); -EUSERS if this is a forked child that uses the handle for the first time,
/// and 64 handles serve already; -EPROTO if this process was forked into another PID namespace after the handle was
/// opened; -EDEADLK if a signal handler makes this call, and it interrupted a call on the same service.
/// Threads: safe. Any thread of the process that received the request may answer it.
/// Death: if the caller dies in this call, the client gets the reply whole, or another server gets the request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_service_reply(
    service: *mut ipc_service_t,
    request: *const ipc_request_t,
    data: *const c_void,
    len: usize,
) -> c_int {
    guard(c"ipc_service_reply", move || {
        let server = SERVERS.get(service)?;
        // SAFETY: by the contract of this call.
        let (request, reply) = unsafe {
            (
                placed_to_read(request, "request")?,
                readable(data, len, "data")?,
            )
        };
        server.reply(request.id, reply)?;
        Ok(0)
    })
}

/// Reads how many processes use a service, how many requests it has, and what has happened since its creation. It first
/// removes what dead processes have left.
///
/// stat: receives the counts, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned; -EBADF if the handle is closed; -EUCLEAN if the service is damaged;
/// -EAGAIN if a thread has been stopped inside a call on the service for a second; -EPROTO if this process was forked
/// into another PID namespace after the handle was opened; -EDEADLK if a signal handler makes this call, and it
/// interrupted a call on the same service.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_service_stat(
    service: *const ipc_service_t,
    stat: *mut ipc_service_stat_t,
) -> c_int {
    guard(c"ipc_service_stat", move || {
        let server = SERVERS.get(service)?;
        let stat = checked(stat, "stat")?;
        let found = server.statistics()?;
        let counts = ipc_service_stat_t {
            servers: found.servers,
            clients: found.clients,
            pending: found.pending,
            taken: found.taken,
            answered: found.answered,
            redelivered: found.redelivered,
            lost: found.lost,
            withdrawn: found.withdrawn,
            repairs: found.repairs,
            reserved: [0; 4],
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(stat, counts) }
    })
}

/// Returns a descriptor for poll(), select() and epoll: it is readable while a request waits for a server. The first call
/// of a process makes it.
///
/// The descriptor may be readable although there is no request: another server was faster. So receive with timeout 0. It
/// is always writable. It belongs to the handle: do not close it, read from it or write to it. If a server dies with a
/// request, the descriptors of others become readable within 100 milliseconds. For this a thread of this process, named
/// "ipc_watch", examines the servers' processes every 50 milliseconds while another one has a request of
/// ipc_client_send(). A client that waits in ipc_client_call() makes its request's next server ready itself.
///
/// Returns: the descriptor, or a negative error.
/// Errors: -EINVAL if service is NULL; -EBADF if the handle is closed; -EAGAIN if another thread is changing the
/// descriptor and does not end; -EMFILE or -ENFILE if too many descriptors are open; -ENOMEM if there is no memory.
/// Threads: safe. Fork: a child gets a descriptor of its own when it calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_service_fd(service: *const ipc_service_t) -> c_int {
    guard(c"ipc_service_fd", move || {
        SERVERS.get(service)?.descriptor()
    })
}

/// Whether the service's name was removed, or belongs to another object now. Clients that open the name do not find this
/// service then.
///
/// Returns: 1 if it is stale, 0 if it is not, or a negative error.
/// Errors: -EINVAL if service is NULL; -EBADF if the handle is closed, or the program has closed the service's descriptor
/// behind the library.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_service_stale(service: *const ipc_service_t) -> c_int {
    guard(c"ipc_service_stale", move || {
        Ok(SERVERS.get(service)?.is_stale()?.into())
    })
}

/// Closes a handle that serves. Requests that it has received and not answered go to the next server, as if the process
/// had died. The service and its requests stay until ipc_service_unlink() has removed the name and the last handle is
/// closed.
///
/// service: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF if the handle is closed already, or does not belong to a service.
/// Threads: safe. Calls with this handle that other threads have begun go on, and this call does not wait for them: the
/// last of them gives back what was not answered.
/// Fork: closes the handle of the calling process only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_service_close(service: *mut ipc_service_t) -> c_int {
    guard(c"ipc_service_close", move || {
        if service.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        SERVERS.close(service)?;
        object_closed();
        Ok(0)
    })
}

/// Removes a service's name. Processes that have the service open keep it, with its requests.
///
/// name: "/" followed by 1 to 250 bytes that contain no slash.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if there is no
/// such service; -EMEDIUMTYPE if the name belongs to another kind of object, which stays; -EACCES or -EPERM if the
/// permissions do not allow it; -EMFILE or -ENFILE if too many descriptors are open to examine the object; -ENOMEM if
/// the kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_service_unlink(name: *const c_char) -> c_int {
    guard(c"ipc_service_unlink", move || {
        // SAFETY: by the contract of this call.
        service::unlink(&unsafe { Name::from_c(name) }?)?;
        Ok(0)
    })
}
