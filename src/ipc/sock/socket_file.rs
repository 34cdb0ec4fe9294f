//! The file of a socket, and the question whether any process still has the socket.
//!
//! The kernel is asked; nothing is guessed. A datagram socket that connects to the file is refused
//! with `ECONNREFUSED` exactly when no socket in any process is bound to the file. A living socket
//! of another type refuses with `EPROTOTYPE`, also between its bind and its listen, and its owner
//! notices nothing.

use super::endpoint::Endpoint;
use crate::base::error::{Errno, Result, fail};
use crate::sys::file;
use crate::sys::path;
use crate::sys::process;
use crate::sys::socket::{self, Address};
use std::os::fd::{AsFd, OwnedFd};

/// The socket file at an endpoint's path. It is held open, so no other file gets its inode number.
pub(super) struct SocketFile {
    pub(super) file: OwnedFd,
    status: file::Status,
}

impl SocketFile {
    /// `None` if there is no file; an error if the file is not a socket.
    pub(super) fn at(endpoint: &Endpoint) -> Result<Option<SocketFile>> {
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
    pub(super) fn check_dead(&self, endpoint: &Endpoint) -> Result<()> {
        let probe = socket::create(libc::SOCK_DGRAM | libc::SOCK_CLOEXEC)?;
        let through_proc = path::through_proc(self.file.as_fd());
        let itself = Address::of_path(through_proc.as_c_str()).ok_or(Errno::ENAMETOOLONG)?;
        let outcome = match socket::connect(probe.as_fd(), &itself) {
            // Without /proc the path is asked. Another socket may stand there by now.
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
            // The probe was connected, or refused in a way in which only a living socket refuses.
            _ => Err(endpoint.in_use()),
        }
    }

    /// Removes the file if it is still the one that was examined. A process that removes sockets
    /// without the lock may have made room for a new one.
    pub(super) fn remove(&self, endpoint: &Endpoint) -> Result<()> {
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
