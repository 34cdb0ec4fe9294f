//! An entry of a waitset: what it waits for, and how it is found ready.

use crate::base::error::{Result, fail, failed};
use crate::base::time::{Deadline, now};
use crate::ipc::waitable::Waitable;
use crate::sys::epoll;
use crate::sys::fd::{self, Kept};
use core::ffi::c_void;
use core::ops::Range;
use core::time::Duration;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// A C program's mark for an entry. It may be a pointer, and is only passed on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) *mut c_void);

// SAFETY: the pointer is never dereferenced here.
unsafe impl Send for Tag {}
// SAFETY: as for Send.
unsafe impl Sync for Tag {}

/// Whether an object's handle is still open, by the handle's number.
pub(crate) type IsOpen = fn(usize) -> bool;

/// An object in shared memory.
pub(crate) struct Object {
    pub(crate) waitable: Box<dyn Waitable>,
    /// The number of its handle, or its address if it has none.
    pub(crate) number: usize,
    /// `None` for an object at an address, which is there until its memory is unmapped.
    pub(crate) is_open: Option<IsOpen>,
}

/// The condition for which an entry waits.
pub(super) enum Source {
    Object(Object),
    /// An object whose handle was closed, or whose memory was unmapped. It stays ready: the next call says why.
    Gone,
    /// A descriptor of the program's.
    Descriptor {
        number: RawFd,
        events: u32,
    },
    /// A descriptor of a handle, of which this is a copy.
    Copy {
        file: Kept,
        events: u32,
        number: usize,
        is_open: IsOpen,
    },
    Timer {
        file: Kept,
        period: Duration,
    },
}

pub(super) struct Entry {
    pub(super) tag: Tag,
    pub(super) what: i32,
    pub(super) source: Source,
    /// Whether epoll has just reported the entry.
    pub(super) is_reported: bool,
}

impl Source {
    /// The descriptor that epoll watches, and for which events.
    pub(super) fn descriptor(&self) -> Option<(RawFd, u32)> {
        let readable = libc::EPOLLIN as u32;
        match self {
            Source::Object(_) | Source::Gone => None,
            Source::Descriptor { number, events } => Some((*number, *events)),
            Source::Copy { file, events, .. } => {
                file.get().ok().map(|file| (file.as_raw_fd(), *events))
            }
            Source::Timer { file, .. } => file.get().ok().map(|file| (file.as_raw_fd(), readable)),
        }
    }

    /// A timer that expires first at `first` and then after each period.
    pub(super) fn timer(first: Deadline, period: Duration) -> Result<Source> {
        let timer = epoll::timer(first, period)
            .map_err(|errno| failed!(errno, "a timer cannot be made"))?;
        Ok(Source::Timer {
            file: Kept::new(timer)?,
            period,
        })
    }

    /// Makes a timer of this process's own from one that a parent made, with the time that was left of it.
    pub(super) fn make_own(&mut self) -> Result<()> {
        if let Source::Timer { file, period } = self {
            let left = file.get().ok().and_then(|timer| epoll::remaining(timer));
            // A timer that has expired for good, or whose descriptor the program has closed, never expires.
            let first = match left {
                Some(left) => Deadline::At(now().saturating_add(left)),
                None => return Ok(()),
            };
            *self = Source::timer(first, *period)?;
        }
        Ok(())
    }

    /// Notes that the memory of a placed object is about to be unmapped; whether it is this one's.
    pub(super) fn forget_memory(&mut self, memory: &Range<usize>) -> bool {
        let is_there = matches!(self, Source::Object(object)
            if object.is_open.is_none() && memory.contains(&object.number));
        if is_there {
            *self = Source::Gone;
        }
        is_there
    }

    /// Notes that the object's handle was closed, if it was.
    pub(super) fn check_open(&mut self) {
        let is_closed = match self {
            Source::Object(object) => object
                .is_open
                .is_some_and(|is_open| !is_open(object.number)),
            Source::Copy {
                number, is_open, ..
            } => !is_open(*number),
            _ => false,
        };
        if is_closed {
            *self = Source::Gone;
        }
    }
}

impl Entry {
    /// Whether epoll has reported the entry. Takes a timer's expiry.
    pub(super) fn take_report(&mut self) -> bool {
        if !core::mem::take(&mut self.is_reported) {
            return false;
        }
        match &self.source {
            Source::Timer { file, .. } => file.get().is_ok_and(epoll::take_expiry),
            _ => true,
        }
    }
}

/// A source for a descriptor that belongs to a handle.
pub(crate) struct HandleDescriptor {
    pub(crate) descriptor: RawFd,
    pub(crate) events: u32,
    pub(crate) number: usize,
    pub(crate) is_open: IsOpen,
}

impl HandleDescriptor {
    pub(super) fn source(self) -> Result<Source> {
        let copy = fd::borrow(self.descriptor)
            .map_err(|errno| fail!((errno), "the object's descriptor cannot be copied"))?;
        Ok(Source::Copy {
            file: Kept::new(copy)?,
            events: self.events,
            number: self.number,
            is_open: self.is_open,
        })
    }
}

/// Adds an entry's descriptor to an epoll instance, with the entry's number.
pub(super) fn register(epoll: BorrowedFd<'_>, source: &Source, number: usize) -> Result<()> {
    let Some((descriptor, events)) = source.descriptor() else {
        return Ok(());
    };
    epoll::add(epoll, descriptor, events, number as u64).map_err(|errno| {
        failed!(
            errno,
            "descriptor {descriptor} cannot be added to the waitset"
        )
    })
}

/// Removes it again. A descriptor that the program has closed is gone from there already.
pub(super) fn unregister(epoll: BorrowedFd<'_>, source: &Source) {
    if let Some((descriptor, _)) = source.descriptor() {
        let _ = epoll::remove(epoll, descriptor);
    }
}
