//! UNIX sockets with a name: listening, accepting, connecting, removing.

use super::*;
use crate::base::time::Deadline;
use crate::ipc::sock::Endpoint;
use crate::sys::new_owner::NewOwner;
use core::ffi::c_char;

/// # Safety
///
/// `path` is NULL or points to a NUL-terminated string.
unsafe fn endpoint(path: *const c_char) -> Result<Endpoint> {
    // SAFETY: by this function's contract.
    Endpoint::new(unsafe { path_from_c(path) }?)
}

/// Makes the socket that clients find under a path. With IPC_SOCK_STREAM and
/// IPC_SOCK_SEQPACKET, ipc_sock_accept() accepts its connections. With IPC_SOCK_DATAGRAM,
/// ipc_sock_recv() receives its messages.
///
/// A living socket is never displaced, whoever owns it. The file of a dead socket (all
/// processes that had it open have ended) is replaced. If two processes replace it at once,
/// one of them succeeds. The permissions are never wider than mode.
///
/// path: 1 to 107 bytes. Closing the socket does not remove the file; ipc_sock_unlink() does.
/// A path that begins with "@" is an abstract name. An abstract name has no file and ends with
/// its socket. It has no permissions: every process in the same network namespace may connect
/// to it, or take it first, so ask ipc_sock_peer() who the peer is.
/// type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
/// flags: 0 or any of IPC_INHERIT (exec does not close the descriptor) and IPC_NONBLOCK (plain
/// read(2) and write(2) do not wait). Plain accept(2) on the socket never waits, with or
/// without IPC_NONBLOCK.
/// mode: the exact permissions of the file; the umask has no effect. Clients need write
/// permission. Unused for an abstract name.
///
/// Returns: a descriptor that the caller closes with close(2), or a negative error. Up to 128
/// connections wait to be accepted; listen(2) on the descriptor sets another number.
/// Errors: -EADDRINUSE a living socket has the name, and has had it for 200 ms: a killed server's
/// child keeps the socket until it executes its program; -EMEDIUMTYPE a file that is not a socket
/// is at the path; -EINVAL path is NULL or empty, the type is unknown, flags has an unknown
/// bit, or mode has bits outside 0777; -ENAMETOOLONG the path has more than 107 bytes; -ENOENT
/// or -ENOTDIR the directory does not exist; -EACCES or -EPERM the permissions forbid to make
/// the file, to ask whether the old socket lives, to read the directory, or to remove the old
/// file; -EBUSY a dead socket's file has to be replaced, and another process has locked the
/// directory for 2 seconds; -ESTALE another process removed the file during this call; -EROFS
/// the file system is read-only; -ENOSPC the file system is full; -ELOOP the path has too many
/// symbolic links; -EMFILE this process has too many open descriptors; -ENFILE the system has
/// too many open files; -ENOMEM the kernel has no memory.
/// Threads: safe.
/// Fork: the child has the socket too. The socket lives until all processes that have it have
/// closed it.
/// Death: a process that is killed in this call leaves nothing, or the file of a dead socket,
/// which the next server replaces.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_listen(
    path: *const c_char,
    r#type: c_int,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sock_listen", move || {
        // SAFETY: by the contract of this call.
        let endpoint = unsafe { endpoint(path) }?;
        let socket_type = socket_type(r#type)?;
        let descriptor = descriptor_mode(flags, 0)?;
        check_mode(mode)?;
        Ok(sock::listen(
            &endpoint,
            socket_type,
            descriptor,
            mode,
            NewOwner::current(),
            None,
        )?
        .into_raw_fd())
    })
}

/// As ipc_sock_listen(), with a limit of the caller's for the wait for a name that is in use. A server
/// that was killed while it started a program leaves a child that has the socket until it executes the
/// program; and a server that shuts down needs a moment too. This call waits until the name is free.
///
/// path: 1 to 107 bytes; or "@" and 1 to 106 bytes, an abstract name, which has no file.
/// type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
/// flags: 0 or any of IPC_INHERIT and IPC_NONBLOCK, as for ipc_sock_listen().
/// mode: the exact permissions of the file; the umask has no effect. Unused for an abstract name.
/// timeout_ns: how long to wait for the name at most, in nanoseconds on the monotonic clock. IPC_FOREVER
/// waits without a limit; 0 tries once.
///
/// Returns: a descriptor that the caller closes with close(2), or a negative error.
/// Errors: -EADDRINUSE a living socket has the name, and timeout_ns is 0 or has passed; -EINTR a signal
/// handler ran while the call waited; -EMEDIUMTYPE a file that is not a socket is at the path; -EINVAL
/// path is NULL or empty, the type is unknown, flags has an unknown bit, mode has bits outside 0777, or
/// timeout_ns is invalid; -ENAMETOOLONG the path has more than 107 bytes; -ENOENT or -ENOTDIR the
/// directory does not exist; -EACCES or -EPERM the permissions forbid to make the file, to ask whether
/// the old socket lives, to read the directory, or to remove the old file; -EBUSY a dead socket's file
/// has to be replaced, and another process has locked the directory for 2 seconds; -ESTALE another
/// process removed the file during this call; -EROFS the file system is read-only; -ENOSPC the file
/// system is full; -ELOOP the path has too many symbolic links; -EMFILE this process has too many open
/// descriptors; -ENFILE the system has too many open files; -ENOMEM the kernel has no memory.
/// Threads: safe.
/// Fork: the child has the socket too. The socket lives until all processes that have it have closed it.
/// Death: a process that is killed in this call leaves nothing, or the file of a dead socket, which the
/// next server replaces.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_listen_within(
    path: *const c_char,
    r#type: c_int,
    flags: c_int,
    mode: libc::mode_t,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_sock_listen_within", move || {
        // SAFETY: by the contract of this call.
        let endpoint = unsafe { endpoint(path) }?;
        let socket_type = socket_type(r#type)?;
        let descriptor = descriptor_mode(flags, 0)?;
        check_mode(mode)?;
        let listener = sock::listen(
            &endpoint,
            socket_type,
            descriptor,
            mode,
            NewOwner::current(),
            Some(Deadline::after(timeout_ns)?),
        )?;
        Ok(listener.into_raw_fd())
    })
}

/// Accepts the next connection, and waits until there is one.
///
/// listener: a descriptor from ipc_sock_listen(), or any other listening UNIX socket.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
/// wait. There is one exception to the limit. If the listener is another program's and blocks,
/// and a third process accepts the connection that this call was woken for, this call waits
/// for the next one.
///
/// Returns: a descriptor that exec closes and that the caller closes with close(2), or a
/// negative error.
/// Errors: -EAGAIN there is no connection and timeout_ns is 0; -ETIMEDOUT the time has passed;
/// -EINTR a signal handler ran while the call waited; -EINVAL the socket does not listen, or
/// timeout_ns is invalid; -EBADF listener is not open; -ENOTSOCK listener is not a socket;
/// -EMFILE this process has too many open descriptors; -ENFILE the system has too many open
/// files; -ENOMEM the kernel has no memory. After -EMFILE and -ENFILE the connection still
/// waits to be accepted.
/// Threads: safe; each connection goes to one caller.
/// Death: the connection of a client that has died is accepted too. Receiving from it gives
/// what the client sent, and then 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_accept(listener: c_int, timeout_ns: i64) -> c_int {
    guard(c"ipc_sock_accept", move || {
        Ok(sock::accept(listener, Deadline::after(timeout_ns)?)?.into_raw_fd())
    })
}

/// Connects to the socket that a server has made under a path. The call returns when the
/// connection is in the server's backlog; the server need not have accepted it.
///
/// path: 1 to 107 bytes; with a leading "@" an abstract name, as given to ipc_sock_listen().
/// type: the type of the server's socket: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or
/// IPC_SOCK_SEQPACKET.
/// flags: 0 or any of IPC_INHERIT, IPC_NONBLOCK, IPC_SOCK_WAIT and IPC_SOCK_NAMED. With IPC_INHERIT, exec does
/// not close the descriptor. With IPC_NONBLOCK, plain read(2) and write(2) on it do not wait.
/// With IPC_SOCK_WAIT, the call waits while there is no file, or no process that listens.
/// With IPC_SOCK_NAMED, for IPC_SOCK_DATAGRAM only, the socket gets an abstract name that the
/// kernel chooses, so that the server can answer it.
/// timeout_ns: the limit for the server to come and for room in its backlog, in nanoseconds on
/// the monotonic clock. IPC_FOREVER waits without limit, 0 does not wait.
///
/// Returns: a descriptor that the caller closes with close(2), or a negative error.
/// Errors: -ENOENT the path does not exist; -ECONNREFUSED no process listens there; -EAGAIN
/// timeout_ns is 0, and the backlog is full or, with IPC_SOCK_WAIT, there is no server;
/// -ETIMEDOUT the time has passed; -EINTR a signal handler ran while the call waited;
/// -EPROTOTYPE the server's socket has another type; -EMEDIUMTYPE a file that is not a socket
/// is at the path; -EACCES the caller has no write permission for the file, or no search
/// permission for a directory; -EINVAL path is NULL or empty, the type is unknown, IPC_SOCK_NAMED is
/// given with another type than IPC_SOCK_DATAGRAM, flags has
/// an unknown bit, or timeout_ns is invalid; -ENAMETOOLONG the path has more than 107 bytes;
/// -ENOTDIR a part of the path is not a directory; -ELOOP the path has too many symbolic
/// links; -EMFILE this process has too many open descriptors; -ENFILE the system has too many
/// open files; -ENOMEM the kernel has no memory.
/// Threads: safe.
/// Death: if the server dies while this call waits for room in its backlog, the call fails
/// with -ECONNREFUSED; with IPC_SOCK_WAIT it waits for the next server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_connect(
    path: *const c_char,
    r#type: c_int,
    flags: c_int,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_sock_connect", move || {
        // SAFETY: by the contract of this call.
        let endpoint = unsafe { endpoint(path) }?;
        let socket_type = socket_type(r#type)?;
        let descriptor = descriptor_mode(flags, IPC_SOCK_WAIT | IPC_SOCK_NAMED)?;
        let named = flags & IPC_SOCK_NAMED != 0;
        if named && socket_type != SocketType::Datagram {
            return Err(fail!(EINVAL, "IPC_SOCK_NAMED is for datagrams"));
        }
        let wait = flags & IPC_SOCK_WAIT != 0;
        let deadline = Deadline::after(timeout_ns)?;
        Ok(
            sock::connect(&endpoint, socket_type, descriptor, (wait, named), deadline)?
                .into_raw_fd(),
        )
    })
}

/// Removes the file of a socket, living or dead. A file that is not a socket is left
/// unchanged. A server that ends calls this before it closes its socket; afterwards the file
/// may be another server's.
///
/// path: as given to ipc_sock_listen(). A symbolic link in the last part of the path is not
/// followed.
///
/// Returns: 0, or a negative error.
/// Errors: -ENOENT the path does not exist; -EMEDIUMTYPE a file that is not a socket is at the
/// path; -EINVAL path is NULL or empty, or is an abstract name, which has no file; -ENAMETOOLONG
/// the path has more than 107 bytes; -EACCES or -EPERM the permissions forbid it; -EBUSY another
/// process has locked the directory for 2 seconds; -ENOTDIR a part of the path is not a directory;
/// -EROFS the file system is read-only; -ELOOP the path has too many symbolic links; -EMFILE this
/// process has too many open descriptors; -ENFILE the system has too many open files; -ENOMEM the
/// kernel has no memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sock_unlink(path: *const c_char) -> c_int {
    guard(c"ipc_sock_unlink", move || {
        // SAFETY: by the contract of this call.
        sock::unlink(&unsafe { endpoint(path) }?)?;
        Ok(0)
    })
}
