//! The server's side: a socket gets its name, takes connections, and its file is removed.
//!
//! The bind decides: the kernel makes the file, or says that there is one. Only the removal of a
//! dead socket's file needs a lock. Without the lock, of two starters that found the socket dead,
//! the slower one would remove the file that the faster one had bound. The lock is flock(2) on the
//! directory: it needs no file of its own, it holds between containers that share the directory,
//! and the kernel releases it when its holder dies. A starter killed at any point leaves nothing,
//! or a dead socket's file, which the next starter replaces.

use super::endpoint::Endpoint;
use super::socket_file::SocketFile;
use super::{Mode, SocketType, socket_failed};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::{Deadline, now};
use crate::object;
use crate::sys::datagram;
use crate::sys::fd;
use crate::sys::file::{self, LockFile};
use crate::sys::new_owner::NewOwner;
use crate::sys::path;
use crate::sys::ready::{self, READABLE};
use crate::sys::socket;
use core::ffi::c_int;
use core::time::Duration;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// How many connections may wait to be accepted.
const BACKLOG: c_int = 128;

/// How long a starter waits for another one that replaces a dead socket's file. That takes a few
/// system calls, unless the other process is stopped in between.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How long a starter without a deadline waits for a name that is in use to become free.
const DEAD_SERVER_PATIENCE: Duration = Duration::from_millis(200);

/// The longest pause between two attempts to take the name. The kernel reports nothing when it becomes free.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The pause between two attempts to take the lock, or the name.
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// Makes a socket that clients find under the endpoint's name.
pub(crate) fn listen(
    endpoint: &Endpoint,
    kind: SocketType,
    mode: Mode,
    permissions: libc::mode_t,
    owner: NewOwner,
    deadline: Option<Deadline>,
) -> Result<OwnedFd> {
    // A listener never waits inside accept. Otherwise a deadline would not hold when another
    // process takes the connection that poll has announced.
    let nonblocking = mode.nonblocking || kind != SocketType::Datagram;
    let socket = socket::create(
        kind.raw()
            | Mode {
                nonblocking,
                ..mode
            }
            .raw(),
    )?;
    if kind == SocketType::Datagram {
        // Before there is a name, so that the first message has a sender too.
        datagram::note_senders(socket.as_raw_fd())?;
    }
    if endpoint.is_abstract {
        unless_in_use(deadline, || {
            match socket::bind(socket.as_fd(), &endpoint.address) {
                Ok(()) => Ok(()),
                Err(Errno::EADDRINUSE) => Err(endpoint.in_use()),
                Err(errno) => Err(endpoint.failed("cannot be bound", errno)),
            }
        })?;
        start_listening(endpoint, socket.as_fd(), kind)?;
        return Ok(socket);
    }
    // The kernel gives the file the socket's own mode less the umask, so never more than asked.
    file::set_permissions(socket.as_fd(), permissions)
        .map_err(|errno| endpoint.failed("its mode cannot be set", errno))?;
    unless_in_use(deadline, || bind(endpoint, socket.as_fd()))?;
    start_listening(endpoint, socket.as_fd(), kind)?;
    // This restores what the umask took away. It is also the event that wakes clients that wait for
    // this server, so it comes last, and it happens even if the mode is right already.
    match SocketFile::at(endpoint)? {
        Some(found) => {
            // Before the mode: that change wakes clients, which may be the new owner's.
            object::give(endpoint, found.file.as_fd(), owner).inspect_err(|_| {
                let _ = found.remove(endpoint);
            })?;
            path::set_permissions(found.file.as_fd(), permissions)
                .map_err(|errno| endpoint.failed("its mode cannot be set", errno))?;
        }
        None => {
            return Err(fail!(
                ESTALE,
                "{endpoint}: removed while it was being created"
            ));
        }
    }
    Ok(socket)
}

/// Calls `attempt` again while the name is in use, until the deadline; without one for at most [`DEAD_SERVER_PATIENCE`].
///
/// A server that was killed while it started a program leaves a child that has not executed the program yet.
/// The child has a copy of every descriptor until then, the listener too. It cannot be told from a server.
fn unless_in_use(
    deadline: Option<Deadline>,
    mut attempt: impl FnMut() -> Result<()>,
) -> Result<()> {
    let until = deadline.unwrap_or_else(|| Deadline::At(now() + DEAD_SERVER_PATIENCE));
    let mut pause = LOCK_PAUSE;
    loop {
        let is_over = until == Deadline::Now || until.has_passed();
        match attempt() {
            Err(error) if error.errno() == Errno::EADDRINUSE && !is_over => {}
            outcome => return outcome,
        }
        let left = until.remaining().unwrap_or(pause);
        match (ready::pause(pause.min(left)), deadline) {
            // Without a deadline a signal handler that cuts the pause short does no harm.
            (Err(Errno::EINTR), Some(_)) => return Err(Errno::EINTR.into()),
            _ => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

fn start_listening(endpoint: &Endpoint, socket: BorrowedFd<'_>, kind: SocketType) -> Result<()> {
    if kind == SocketType::Datagram {
        return Ok(());
    }
    socket::listen(socket, BACKLOG).map_err(|errno| endpoint.failed("cannot listen", errno))
}

/// Gives the socket its name. The file of a dead socket is replaced.
fn bind(endpoint: &Endpoint, socket: BorrowedFd<'_>) -> Result<()> {
    let is_bound = || match socket::bind(socket, &endpoint.address) {
        Ok(()) => Ok(true),
        Err(Errno::EADDRINUSE) => Ok(false),
        Err(errno) => Err(endpoint.failed("cannot be created", errno)),
    };
    if is_bound()? {
        return Ok(());
    }
    // A starter that finds a living socket needs no lock, and no permission to take one.
    if let Some(found) = SocketFile::at(endpoint)? {
        found.check_dead(endpoint)?;
    }
    let _lock = lock_directory(endpoint)?;
    loop {
        if let Some(found) = SocketFile::at(endpoint)? {
            found.check_dead(endpoint)?;
            found.remove(endpoint)?;
        }
        // If another starter was faster, the next round finds its socket living.
        if is_bound()? {
            return Ok(());
        }
    }
}

/// Takes the lock under which one starter at a time removes a dead socket's file.
fn lock_directory(endpoint: &Endpoint) -> Result<LockFile> {
    let (directory, _) = endpoint.split();
    let lock = path::open_directory(&directory)
        .map(LockFile)
        .map_err(|errno| endpoint.failed("its directory cannot be opened", errno))?;
    let limit = now() + LOCK_PATIENCE;
    loop {
        match lock.attempt() {
            Ok(()) => return Ok(lock),
            Err(Errno::EAGAIN | Errno::EINTR) if now() < limit => {}
            Err(Errno::EAGAIN | Errno::EINTR) => {
                return Err(fail!(
                    EBUSY,
                    "{endpoint}: another process has locked its directory (flock) for {} s",
                    LOCK_PATIENCE.as_secs()
                ));
            }
            Err(errno) => return Err(endpoint.failed("its directory cannot be locked", errno)),
        }
        // flock has no deadline. A signal handler that cuts the pause short does no harm.
        let _ = ready::pause(LOCK_PAUSE);
    }
}

/// Removes the file of a socket, living or dead.
pub(crate) fn unlink(endpoint: &Endpoint) -> Result<()> {
    if endpoint.is_abstract {
        return Err(fail!(
            EINVAL,
            "{endpoint}: an abstract name has no file; it ends with its socket"
        ));
    }
    // Under the lock no starter is between finding a dead socket and removing it. A user that may
    // write a directory but not read it cannot lock it, and its starters there do not either.
    let _lock = match lock_directory(endpoint) {
        Ok(lock) => Some(lock),
        Err(error) if error.errno() == Errno::EACCES => None,
        Err(error) => return Err(error),
    };
    if SocketFile::at(endpoint)?.is_none() {
        return Err(fail!(ENOENT, "{endpoint}: no such socket"));
    }
    file::unlink(&endpoint.path).map_err(|errno| endpoint.failed("cannot be removed", errno))
}

/// Takes the next connection of a listener.
pub(crate) fn accept(listener: RawFd, deadline: Deadline) -> Result<OwnedFd> {
    let is_listening =
        socket::is_listening(listener).map_err(|errno| socket_failed(listener, errno))?;
    if !is_listening {
        return Err(fail!(
            EINVAL,
            "descriptor {listener}: expected a socket that listens for connections"
        ));
    }
    // A listener of another library may be a blocking one.
    let mut is_ready = ready::is_nonblocking(listener)?;
    loop {
        if !is_ready {
            ready::wait(listener, READABLE, deadline)?;
        }
        match fd::accept(listener) {
            Ok(connection) => return Ok(connection),
            Err(Errno::EAGAIN) if deadline != Deadline::Now => is_ready = false,
            Err(errno) => return Err(socket_failed(listener, errno)),
        }
    }
}
