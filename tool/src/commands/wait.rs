//! `ripc wait`: until an object exists or is gone, or until a semaphore has a permit.

use super::{ALL_KINDS, find, with_slash};
use crate::cli::Wait;
use crate::library::{Error, FOREVER, Result, Semaphore};
use std::ffi::CString;
use std::time::{Duration, Instant};

/// `ripc wait`
pub(super) fn wait(wait: &Wait) -> Result<()> {
    let timeout_ns = wait.timeout.unwrap_or(FOREVER);
    if wait.permit {
        return Semaphore::open(&with_slash(&wait.name))?.wait(timeout_ns);
    }
    let end = wait
        .timeout
        .map(|ns| Instant::now() + Duration::from_nanos(ns.unsigned_abs()));
    // The watch stands before the first look, so that no change is missed.
    let changes = Changes::watch(c"/dev/shm")?;
    loop {
        let exists = match find(&wait.name, ALL_KINDS) {
            Ok(_) => true,
            Err(error) if error.errno == libc::ENOENT => false,
            Err(error) => return Err(error),
        };
        if exists != wait.gone {
            return Ok(());
        }
        if !changes.next(end)? {
            let what = if wait.gone {
                "still exists"
            } else {
                "does not exist yet"
            };
            return Err(Error::new(
                libc::ETIMEDOUT,
                format!("{}: {what}", with_slash(&wait.name)),
            ));
        }
    }
}

/// The kernel's messages about names that come and go in a directory.
struct Changes(i32);

impl Changes {
    fn watch(directory: &std::ffi::CStr) -> Result<Changes> {
        let directory = CString::from(directory);
        // SAFETY: both calls take numbers and a C string.
        unsafe {
            let fd = libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK);
            if fd < 0 {
                return Err(std::io::Error::last_os_error().into());
            }
            let changes = Changes(fd);
            let mask = libc::IN_CREATE | libc::IN_DELETE | libc::IN_MOVE;
            if libc::inotify_add_watch(fd, directory.as_ptr(), mask) < 0 {
                return Err(std::io::Error::last_os_error().into());
            }
            Ok(changes)
        }
    }

    /// Waits for a change. Returns false if the time is over. Objects that are not in /dev/shm (the kernel's queues, System V) change
    /// without a message, so a second is the longest time between two looks.
    fn next(&self, end: Option<Instant>) -> Result<bool> {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(false);
        }
        let longest = Duration::from_secs(1);
        let wait = left.map_or(longest, |left| left.min(longest));
        let mut poll = libc::pollfd {
            fd: self.0,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut events = [0_u8; 4096];
        // SAFETY: the array has one entry, and the buffer has the length given.
        unsafe {
            libc::poll(&raw mut poll, 1, wait.as_millis().max(1) as i32);
            while libc::read(self.0, events.as_mut_ptr().cast(), events.len()) > 0 {}
        }
        Ok(true)
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        // SAFETY: this value owns the descriptor.
        unsafe { libc::close(self.0) };
    }
}
