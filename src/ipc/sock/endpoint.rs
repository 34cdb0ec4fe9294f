//! Sockets with a name: listening, accepting, connecting, removing.
//!
//! Whether somebody owns a socket file is asked of the kernel and never guessed. A
//! datagram socket that connects to it is refused with `ECONNREFUSED` exactly when no socket in
//! any process is bound to the file; a living one of another kind gives `EPROTOTYPE`, also
//! between its bind and its listen, and notices nothing. To bind is to win: the kernel makes
//! the file or says that there is one. Only to remove a dead one takes a lock, or of two
//! starters that found it dead the slower would remove what the faster had bound. The lock is
//! flock(2) on the directory: it needs no file of its own, it holds between containers that
//! share the directory, and the kernel gives it back when its holder dies. A starter killed at
//! any point leaves nothing or a dead socket file, which the next one replaces.

use super::{Mode, SocketType, socket_failed};
use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::time::{Deadline, now};
use crate::sys::file::{self, LockFile};
use crate::sys::ready::{self, READABLE};
use crate::sys::socket::{self, ADDRESS_MAX, Address};
use crate::sys::{notices, path, process};
use core::ffi::{CStr, c_int};
use core::fmt;
use core::time::Duration;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// How many connections may wait to be accepted.
pub(crate) const BACKLOG: c_int = 128;

/// How long a starter waits for another one that is replacing a dead socket file: that takes
/// a few system calls, unless the other is stopped in between.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// The first and the longest pause between two looks at a server that is not there yet.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// A name that a server has and clients look for.
pub(crate) struct Endpoint {
    path: CString,
    address: Address,
    is_abstract: bool,
}

impl Endpoint {
    pub(crate) fn new(path: &CStr) -> Result<Endpoint> {
        let bytes = path.to_bytes();
        if bytes.len() > ADDRESS_MAX {
            return Err(fail!(
                ENAMETOOLONG,
                "\"{}...\" has {} bytes; a socket's path has at most {ADDRESS_MAX}",
                bytes[..48].escape_ascii(),
                bytes.len()
            ));
        }
        let (address, is_abstract) = match bytes {
            [] | [b'@'] => {
                return Err(fail!(
                    EINVAL,
                    "the path \"{}\" names nothing",
                    bytes.escape_ascii()
                ));
            }
            [b'@', name @ ..] => (Address::of_abstract(name), true),
            _ => (Address::of_path(path), false),
        };
        // The length was checked above.
        let address = address.ok_or(Errno::ENAMETOOLONG)?;
        Ok(Endpoint {
            path: path.to_owned(),
            address,
            is_abstract,
        })
    }

    /// The directory that holds the socket file, and the file's name in it.
    fn split(&self) -> (CString, &[u8]) {
        let bytes = self.path.to_bytes();
        match bytes.iter().rposition(|&byte| byte == b'/') {
            None => (c".".to_owned(), bytes),
            Some(0) => (c"/".to_owned(), &bytes[1..]),
            Some(slash) => (
                CString::new(&bytes[..slash]).unwrap_or_default(),
                &bytes[slash + 1..],
            ),
        }
    }

    fn failed(&self, what: &str, errno: Errno) -> Error {
        failed!(errno, "{self}: {what}")
    }

    fn not_a_socket(&self) -> Error {
        fail!(
            EMEDIUMTYPE,
            "{self}: expected a socket, found a file of another kind"
        )
    }

    fn in_use(&self) -> Error {
        fail!(EADDRINUSE, "{self}: a living socket has this name")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.to_bytes().escape_ascii())
    }
}

/// Makes the socket that clients find under the endpoint's name.
pub(crate) fn listen(
    endpoint: &Endpoint,
    kind: SocketType,
    mode: Mode,
    permissions: libc::mode_t,
) -> Result<OwnedFd> {
    // A listener never waits in accept itself: only so can a deadline hold when another process
    // takes the connection that poll has announced.
    let nonblocking = mode.nonblocking || kind != SocketType::Datagram;
    let socket = socket::create(
        kind.raw()
            | Mode {
                nonblocking,
                ..mode
            }
            .raw(),
    )?;
    if endpoint.is_abstract {
        match socket::bind(socket.as_fd(), &endpoint.address) {
            Ok(()) => {}
            Err(Errno::EADDRINUSE) => return Err(endpoint.in_use()),
            Err(errno) => return Err(endpoint.failed("cannot be bound", errno)),
        }
        start_listening(endpoint, socket.as_fd(), kind)?;
        return Ok(socket);
    }
    // The kernel gives the file the socket's own mode less the umask: never more than asked.
    file::set_permissions(socket.as_fd(), permissions)
        .map_err(|errno| endpoint.failed("its mode cannot be set", errno))?;
    bind(endpoint, socket.as_fd())?;
    start_listening(endpoint, socket.as_fd(), kind)?;
    // Now what the umask took away, and it is also the event that clients who wait for this
    // server wake up by: so it comes last, and also when the mode is right already.
    match SocketFile::at(endpoint)? {
        Some(found) => path::set_permissions(found.file.as_fd(), permissions)
            .map_err(|errno| endpoint.failed("its mode cannot be set", errno))?,
        None => return Err(fail!(ESTALE, "{endpoint}: removed while it was being made")),
    }
    Ok(socket)
}

fn start_listening(endpoint: &Endpoint, socket: BorrowedFd<'_>, kind: SocketType) -> Result<()> {
    if kind == SocketType::Datagram {
        return Ok(());
    }
    socket::listen(socket, BACKLOG).map_err(|errno| endpoint.failed("cannot listen", errno))
}

/// Gives the socket its name; a dead socket's file is replaced.
fn bind(endpoint: &Endpoint, socket: BorrowedFd<'_>) -> Result<()> {
    let is_bound = || match socket::bind(socket, &endpoint.address) {
        Ok(()) => Ok(true),
        Err(Errno::EADDRINUSE) => Ok(false),
        Err(errno) => Err(endpoint.failed("cannot be made", errno)),
    };
    if is_bound()? {
        return Ok(());
    }
    // Who finds it living needs no lock, and no permission to take one.
    if let Some(found) = SocketFile::at(endpoint)? {
        found.check_dead(endpoint)?;
    }
    let _lock = lock_directory(endpoint)?;
    loop {
        if let Some(found) = SocketFile::at(endpoint)? {
            found.check_dead(endpoint)?;
            found.remove(endpoint)?;
        }
        // When another one was faster, the next round finds it living.
        if is_bound()? {
            return Ok(());
        }
    }
}

/// A socket file that stands at an endpoint's path. While it is held, its inode number is not
/// given to another file.
struct SocketFile {
    file: OwnedFd,
    status: file::Status,
}

impl SocketFile {
    /// `None` when nothing stands there; an error when something does that is not a socket.
    fn at(endpoint: &Endpoint) -> Result<Option<SocketFile>> {
        let file = match path::point_at(&endpoint.path) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(endpoint.failed("cannot be examined", errno)),
        };
        let status = file::status(file.as_fd())
            .map_err(|errno| endpoint.failed("cannot be examined", errno))?;
        if !status.is_socket() {
            return Err(endpoint.not_a_socket());
        }
        Ok(Some(SocketFile { file, status }))
    }

    /// Fails unless it is certain that no process has this socket any more.
    fn check_dead(&self, endpoint: &Endpoint) -> Result<()> {
        let probe = socket::create(libc::SOCK_DGRAM | libc::SOCK_CLOEXEC)?;
        let through_proc = path::through_proc(self.file.as_fd());
        let itself = Address::of_path(through_proc.as_c_str()).ok_or(Errno::ENAMETOOLONG)?;
        let outcome = match socket::connect(probe.as_fd(), &itself) {
            // Without /proc: what stands at the path, which may be another by now.
            Err(Errno::ENOENT) => socket::connect(probe.as_fd(), &endpoint.address),
            outcome => outcome,
        };
        match outcome {
            Err(Errno::ECONNREFUSED) => Ok(()),
            Err(Errno::ENOENT) => Ok(()),
            Err(Errno::EACCES) => Err(fail!(
                EACCES,
                "{endpoint}: user {} has no permission to ask whether the socket of user {} lives",
                process::effective_user(),
                self.status.owner()
            )),
            // Connected, or refused in a way that only a living socket refuses.
            _ => Err(endpoint.in_use()),
        }
    }

    /// Removes the file, if it is still the one that was examined: who removes sockets without
    /// the lock may have made room for a new one.
    fn remove(&self, endpoint: &Endpoint) -> Result<()> {
        match file::status_of(&endpoint.path) {
            Ok(status) if status.is_same_file(&self.status) => {}
            Ok(_) | Err(Errno::ENOENT) => return Ok(()),
            Err(errno) => return Err(endpoint.failed("cannot be examined", errno)),
        }
        match file::unlink(&endpoint.path) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(endpoint.failed("the dead socket's file cannot be removed", errno)),
        }
    }
}

/// Keeps other starters from removing a socket file at the same time.
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
        // flock knows no deadline, and a handler that runs meanwhile changes nothing.
        let _ = ready::pause(PAUSES.0);
    }
}

/// Removes a socket's file, living or dead.
pub(crate) fn unlink(endpoint: &Endpoint) -> Result<()> {
    if endpoint.is_abstract {
        return Err(fail!(
            EINVAL,
            "{endpoint}: an abstract name has no file; it ends with its socket"
        ));
    }
    // With the lock no starter is between finding a dead socket and removing it. A directory
    // that may be written and not read has no lock, and then starters in it have none either.
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

/// Takes the next connection.
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
        match socket::accept(listener) {
            Ok(connection) => return Ok(connection),
            Err(Errno::EAGAIN) if deadline != Deadline::Now => is_ready = false,
            Err(errno) => return Err(socket_failed(listener, errno)),
        }
    }
}

/// Connects to the server at the endpoint. With `wait`, one that is not there yet is waited for.
pub(crate) fn connect(
    endpoint: &Endpoint,
    kind: SocketType,
    mode: Mode,
    wait: bool,
    deadline: Deadline,
) -> Result<OwnedFd> {
    let mut watch = None;
    let mut pause = PAUSES.0;
    loop {
        let error = match connect_once(endpoint, kind, mode, deadline) {
            Ok(socket) => return Ok(socket),
            Err(error) => error,
        };
        let is_absent = matches!(error.errno(), Errno::ENOENT | Errno::ECONNREFUSED);
        if !wait || !is_absent {
            return Err(error);
        }
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        if deadline.has_passed() {
            return Err(fail!(ETIMEDOUT, "{endpoint}: no server came in time"));
        }
        // Look again behind the beginning of the watch: what came before it is not reported.
        if watch.is_none() {
            watch = Some(Watch::over(endpoint));
            continue;
        }
        let Some(watch) = &watch else { continue };
        // The file appears before its server listens, an abstract name appears without any event,
        // and a directory may be missing: so there is a next look in any case.
        if watch.wait(deadline.earlier(now() + pause))? {
            pause = PAUSES.0;
        } else {
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

fn connect_once(
    endpoint: &Endpoint,
    kind: SocketType,
    mode: Mode,
    deadline: Deadline,
) -> Result<OwnedFd> {
    let nonblocking = Mode {
        nonblocking: true,
        ..mode
    };
    let socket = socket::create(kind.raw() | nonblocking.raw())?;
    let mut outcome = socket::connect(socket.as_fd(), &endpoint.address);
    if outcome == Err(Errno::EAGAIN) && deadline != Deadline::Now {
        // The backlog is full. Only a blocking connect waits for it, and for this it has a
        // timeout of its own. The day is for IPC_FOREVER: without any timeout the kernel would
        // resume after some handlers.
        ready::set_nonblocking(socket.as_fd(), false)?;
        while outcome == Err(Errno::EAGAIN) {
            let day = Duration::from_secs(86400);
            let left = deadline.remaining().map_or(day, |left| left.min(day));
            if left.is_zero() {
                return Err(fail!(
                    ETIMEDOUT,
                    "{endpoint}: the server has not accepted in time; its backlog is full"
                ));
            }
            let left = left.max(Duration::from_micros(1));
            socket::set_connect_timeout(socket.as_fd(), Some(left))?;
            outcome = socket::connect(socket.as_fd(), &endpoint.address);
        }
        socket::set_connect_timeout(socket.as_fd(), None)?;
        ready::set_nonblocking(socket.as_fd(), mode.nonblocking)?;
    } else if !mode.nonblocking {
        ready::set_nonblocking(socket.as_fd(), false)?;
    }
    match outcome {
        Ok(()) => Ok(socket),
        Err(errno @ (Errno::EAGAIN | Errno::EINTR)) => Err(errno.into()),
        Err(Errno::ECONNREFUSED) if endpoint.is_abstract => Err(fail!(
            ECONNREFUSED,
            "{endpoint}: no socket in this network namespace has this name"
        )),
        Err(Errno::ECONNREFUSED) => match SocketFile::at(endpoint) {
            Err(error) if error.errno() == Errno::EMEDIUMTYPE => Err(error),
            _ => Err(fail!(
                ECONNREFUSED,
                "{endpoint}: the socket has no server, or it does not listen yet"
            )),
        },
        Err(Errno::EPROTOTYPE) => Err(fail!(
            EPROTOTYPE,
            "{endpoint}: the server's socket is of another type"
        )),
        Err(errno) => Err(endpoint.failed("cannot be connected to", errno)),
    }
}

/// Reports what happens to an endpoint's file, where the kernel can.
struct Watch<'a> {
    notices: Option<Inotify>,
    file_name: &'a [u8],
}

impl<'a> Watch<'a> {
    fn over(endpoint: &'a Endpoint) -> Watch<'a> {
        let (directory, file_name) = endpoint.split();
        let start = || {
            let notices = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
            let events =
                AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ATTRIB;
            notices.add_watch(directory.as_c_str(), events)?;
            Ok::<_, Errno>(notices)
        };
        // A user has few of these. Without one, the pauses alone find the server.
        let notices = if endpoint.is_abstract {
            None
        } else {
            start().ok()
        };
        Watch { notices, file_name }
    }

    /// Waits for something to happen to the file; false when nothing has by `until`.
    fn wait(&self, until: Deadline) -> Result<bool> {
        let Some(notices) = &self.notices else {
            let left = until.remaining().unwrap_or(PAUSES.1);
            ready::pause(left)?;
            return Ok(false);
        };
        loop {
            match ready::wait(notices.as_fd().as_raw_fd(), READABLE, until) {
                Err(Errno::ETIMEDOUT) => return Ok(false),
                outcome => outcome?,
            }
            if notices::any_about(notices, self.file_name) {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(path: &CStr) -> Endpoint {
        Endpoint::new(path).ok().unwrap()
    }

    #[test]
    fn a_path_is_split_into_directory_and_file() {
        for (path, directory, file_name) in [
            (c"a", c".", &b"a"[..]),
            (c"/a", c"/", b"a"),
            (c"/run/x/a", c"/run/x", b"a"),
            (c"./a", c".", b"a"),
        ] {
            assert_eq!(endpoint(path).split(), (directory.to_owned(), file_name));
        }
    }

    #[test]
    fn names_of_nothing_and_too_long_ones_are_refused() {
        let refused = |path: &CStr| Endpoint::new(path).err().unwrap().errno();
        assert_eq!(refused(c""), Errno::EINVAL);
        assert_eq!(refused(c"@"), Errno::EINVAL);
        let long = CString::new(vec![b'p'; ADDRESS_MAX + 1]).unwrap();
        assert_eq!(refused(&long), Errno::ENAMETOOLONG);
        assert!(endpoint(c"@a").is_abstract);
        assert!(!endpoint(c"./@a").is_abstract);
    }
}
