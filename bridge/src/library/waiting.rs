//! One wait over everything.

use super::raw::*;
use super::{Handle, Queue, Result, Server, checked};
use std::ffi::c_int;

/// The condition to wait for in a queue.
#[derive(Clone, Copy)]
pub(crate) enum What {
    Message,
    Room,
}

/// A set of objects and descriptors to wait for. Each entry has a tag.
pub(crate) struct Waitset(Handle);

impl Waitset {
    pub(crate) fn open() -> Result<Waitset> {
        // SAFETY: the call writes one handle.
        Handle::open(ipc_waitset_close, |out| unsafe { ipc_waitset_open(out, 0) }).map(Waitset)
    }

    pub(crate) fn add_queue(&self, queue: &Queue, what: What, tag: usize) -> Result<()> {
        let what = match what {
            What::Message => 1,
            What::Room => 2,
        };
        // SAFETY: both handles are open; the set never dereferences the tag.
        let result = unsafe { ipc_waitset_add(self.0.raw, what, queue.0.raw.cast(), tag) };
        checked(result as isize).map(drop)
    }

    /// Waits for a request.
    pub(crate) fn add_server(&self, server: &Server, tag: usize) -> Result<()> {
        const REQUEST: c_int = 8;
        // SAFETY: both handles are open; the set never dereferences the tag.
        let result = unsafe { ipc_waitset_add(self.0.raw, REQUEST, server.handle.raw.cast(), tag) };
        checked(result as isize).map(drop)
    }

    /// Waits until the descriptor can be read.
    pub(crate) fn add_descriptor(&self, descriptor: c_int, tag: usize) -> Result<()> {
        let events = c_int::from(libc::POLLIN);
        // SAFETY: the set is open; it never dereferences the tag.
        checked(unsafe { ipc_waitset_add_fd(self.0.raw, descriptor, events, tag) } as isize)
            .map(drop)
    }

    /// Removes the entries with a tag, if there are any.
    pub(crate) fn remove(&self, tag: usize) {
        // SAFETY: the set is open.
        unsafe { ipc_waitset_remove(self.0.raw, tag) };
    }

    /// The tags of what is ready. None if nothing was ready in time.
    pub(crate) fn wait(&self, timeout_ns: i64) -> Result<Vec<usize>> {
        let mut ready = [RawReady::NONE; 64];
        // SAFETY: the set is open; there is room for as many entries as the call is told.
        let count = checked(unsafe {
            ipc_waitset_wait(self.0.raw, ready.as_mut_ptr(), ready.len(), timeout_ns)
        } as isize);
        match count {
            Ok(count) => Ok(ready[..count].iter().map(|entry| entry.tag).collect()),
            Err(error) if matches!(error.errno, libc::EAGAIN | libc::ETIMEDOUT | libc::EINTR) => {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}
