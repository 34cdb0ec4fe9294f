//! The client's side: connecting to a server, also to one that comes later.

use super::endpoint::Endpoint;
use super::socket_file::SocketFile;
use super::{Mode, SocketType};
use crate::base::error::{Errno, Error, Result, fail};
use crate::base::time::{Deadline, now};
use crate::sys::datagram;
use crate::sys::fd;
use crate::sys::notices;
use crate::sys::ready::{self, READABLE};
use crate::sys::socket;
use core::time::Duration;
use nix::sys::inotify::{AddWatchFlags, Inotify};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The pauses between two attempts to reach a server that is not there yet: each is twice the one
/// before.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Connects to the server at the endpoint. With `wait`, waits for a server that is not there yet.
pub(crate) fn connect(
    endpoint: &Endpoint,
    kind: SocketType,
    mode: Mode,
    (wait, named): (bool, bool),
    deadline: Deadline,
) -> Result<OwnedFd> {
    let mut watch = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match connect_once(endpoint, (kind, named), mode, deadline) {
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
        // Try again after the watch has begun: it does not report what happened before.
        if watch.is_none() {
            watch = Some(Watch::over(endpoint));
            continue;
        }
        let Some(watch) = &watch else { continue };
        // The file appears before its server listens, an abstract name appears without any event,
        // and the directory may be missing. So the next attempt comes after a pause in any case.
        if watch.wait(deadline.earlier(now() + pause))? {
            pause = FIRST_PAUSE;
        } else {
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn connect_once(
    endpoint: &Endpoint,
    (kind, named): (SocketType, bool),
    mode: Mode,
    deadline: Deadline,
) -> Result<OwnedFd> {
    let nonblocking = Mode {
        nonblocking: true,
        ..mode
    };
    let socket = socket::create(kind.raw() | nonblocking.raw())?;
    if named {
        datagram::name_by_kernel(socket.as_fd())?;
    }
    let mut outcome = socket::connect(socket.as_fd(), &endpoint.address);
    if outcome == Err(Errno::EAGAIN) && deadline != Deadline::Now {
        outcome = wait_for_backlog(endpoint, socket.as_fd(), deadline)?;
        ready::set_nonblocking(socket.as_fd(), mode.nonblocking)?;
    } else if !mode.nonblocking {
        ready::set_nonblocking(socket.as_fd(), false)?;
    }
    match outcome {
        Ok(()) => Ok(socket),
        Err(errno) => Err(refused(endpoint, errno)),
    }
}

/// Connects when the server's backlog has room. Leaves the socket blocking.
///
/// Only a blocking connect waits for room, and its timeout is the socket's. IPC_FOREVER gets a day
/// at a time: without any timeout the kernel would resume the wait after some signal handlers.
fn wait_for_backlog(
    endpoint: &Endpoint,
    socket: BorrowedFd<'_>,
    deadline: Deadline,
) -> Result<Result<(), Errno>> {
    ready::set_nonblocking(socket, false)?;
    let mut outcome = Err(Errno::EAGAIN);
    while outcome == Err(Errno::EAGAIN) {
        let left = deadline.remaining().map_or(DAY, |left| left.min(DAY));
        if left.is_zero() {
            return Err(fail!(
                ETIMEDOUT,
                "{endpoint}: the server has not accepted in time; its backlog is full"
            ));
        }
        // The kernel counts in microseconds, and takes 0 for no timeout.
        let left = left.max(Duration::from_micros(1));
        socket::set_connect_timeout(socket, Some(left))?;
        outcome = socket::connect(socket, &endpoint.address);
    }
    socket::set_connect_timeout(socket, None)?;
    Ok(outcome)
}

fn refused(endpoint: &Endpoint, errno: Errno) -> Error {
    match errno {
        Errno::EAGAIN | Errno::EINTR => errno.into(),
        Errno::ECONNREFUSED if endpoint.is_abstract => fail!(
            ECONNREFUSED,
            "{endpoint}: no socket in this network namespace has this name"
        ),
        Errno::ECONNREFUSED => match SocketFile::at(endpoint) {
            Err(error) if error.errno() == Errno::EMEDIUMTYPE => error,
            _ => fail!(
                ECONNREFUSED,
                "{endpoint}: the socket has no server, or it does not listen yet"
            ),
        },
        Errno::EPROTOTYPE => fail!(
            EPROTOTYPE,
            "{endpoint}: the server's socket is of another type"
        ),
        errno => endpoint.failed("cannot be connected to", errno),
    }
}

/// Reports changes of an endpoint's file, where the kernel can.
struct Watch<'a> {
    notices: Option<Inotify>,
    file_name: &'a [u8],
}

impl<'a> Watch<'a> {
    fn over(endpoint: &'a Endpoint) -> Watch<'a> {
        let (directory, file_name) = endpoint.split();
        let start = || {
            let notices = fd::inotify()?;
            let events =
                AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ATTRIB;
            notices.add_watch(&*directory, events)?;
            Ok::<_, Errno>(notices)
        };
        // A user may have few inotify instances. Without one, the attempts after each pause find the
        // server.
        let notices = if endpoint.is_abstract {
            None
        } else {
            start().ok()
        };
        Watch { notices, file_name }
    }

    /// Waits for a change of the file. False if there was none by `until`.
    fn wait(&self, until: Deadline) -> Result<bool> {
        let Some(notices) = &self.notices else {
            let left = until.remaining().unwrap_or(LONGEST_PAUSE);
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
