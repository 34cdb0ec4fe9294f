//! Removing an object's name.
//!
//! Every call that removes a file in /dev/shm by its name comes through [`unlink`], except for
//! `ipc_remove`, which examines the file in the same way. So no call removes a file of a kind that it
//! does not name.

use super::inspect::inspect;
use super::layout::Kind;
use super::location::{Location, SEM_PREFIX};
use crate::base::error::{Errno, Result, fail};
use crate::sys::file;
use core::fmt;
use std::os::fd::AsFd;

/// The sizes of the C library's semaphores: of programs with 32-bit and with 64-bit words.
const LIBC_SEM_SIZES: [u64; 2] = [16, 32];

/// Whether a file in /dev/shm without a record is a semaphore of the C library, as far as its name and
/// its size tell.
pub(crate) fn is_libc_semaphore(file_name: &[u8], size: u64) -> bool {
    file_name.len() > SEM_PREFIX.len()
        && file_name.starts_with(SEM_PREFIX)
        && LIBC_SEM_SIZES.contains(&size)
}

/// The objects that a call may remove.
#[derive(Clone, Copy)]
pub(crate) enum Removable {
    /// Shared memory: a region of this library, or one that a program made without it.
    Region,
    Semaphore,
    Queue,
    Topic,
    Cell,
    Service,
    LibcSemaphore,
}

impl Removable {
    fn name(self) -> &'static str {
        match self {
            Removable::Region => Kind::name_of(Kind::Region as u32),
            Removable::Semaphore => Kind::name_of(Kind::Semaphore as u32),
            Removable::Queue => Kind::name_of(Kind::Queue as u32),
            Removable::Topic => Kind::name_of(Kind::Topic as u32),
            Removable::Cell => Kind::name_of(Kind::Cell as u32),
            Removable::Service => Kind::name_of(Kind::Service as u32),
            Removable::LibcSemaphore => "a semaphore of the C library",
        }
    }

    /// The kind in the record of such an object.
    fn recorded(self) -> Option<u32> {
        match self {
            Removable::Region => Some(Kind::Region as u32),
            Removable::Semaphore => Some(Kind::Semaphore as u32),
            Removable::Queue => Some(Kind::Queue as u32),
            Removable::Topic => Some(Kind::Topic as u32),
            Removable::Cell => Some(Kind::Cell as u32),
            Removable::Service => Some(Kind::Service as u32),
            Removable::LibcSemaphore => None,
        }
    }

    fn has_record(self) -> bool {
        !matches!(self, Removable::Region | Removable::LibcSemaphore)
    }
}

/// Removes a name, if it is the name of such an object. Processes that have the object open keep it.
pub(crate) fn unlink(location: &Location, wanted: Removable) -> Result<()> {
    let cannot = |errno| location.failed("cannot be removed", errno);
    let is_another = |found: &dyn fmt::Display| {
        fail!(
            EMEDIUMTYPE,
            "{location}: expected {}, found {found}; it is unchanged",
            wanted.name()
        )
    };
    let status = file::status_of(location.path()).map_err(cannot)?;
    if !status.is_regular() {
        return Err(is_another(&status.kind()));
    }
    let record = match file::open(location.path(), false) {
        Ok(file) => {
            let size = file::status(file.as_fd()).map_err(cannot)?.size();
            inspect(file.as_fd(), size).map_err(cannot)?
        }
        // The owner may remove a file that its mode forbids to read. No record can be seen then, and an
        // object that must have one is not removed.
        Err(Errno::EACCES) if !wanted.has_record() => None,
        // It has been replaced since it was examined.
        Err(Errno::ELOOP) => return Err(is_another(&"a symbolic link")),
        Err(errno) => return Err(cannot(errno)),
    };
    let is_libc_semaphore = is_libc_semaphore(location.file_name(), status.size());
    match (record, wanted) {
        (Some(record), _) if Some(record.kind()) == wanted.recorded() => {}
        (Some(record), _) => return Err(is_another(&Kind::name_of(record.kind()))),
        (None, Removable::LibcSemaphore) if is_libc_semaphore => {}
        (None, Removable::Region) if is_libc_semaphore => {
            return Err(is_another(&Removable::LibcSemaphore.name()));
        }
        (None, Removable::Region) => {}
        (None, _) => return Err(is_another(&"an object that was made without this library")),
    }
    file::unlink(location.path()).map_err(cannot)
}
