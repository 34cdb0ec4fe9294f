//! The objects in /dev/shm: regions, semaphores and queues of this library, semaphores of the C
//! library, and shared memory that was made without this library.

use super::{Listed, ListedKind, Recorded};
use crate::base::alloc::List;
use crate::base::error::Errno;
use crate::base::text::CText;
use crate::ipc::topic;
use crate::object::layout::{Kind, TYPE_NAME_MAX};
use crate::object::{self, SEM_PREFIX};
use crate::sys::listing::{self, Entry};
use crate::sys::path;
use core::ffi::{CStr, c_int};
use std::os::fd::{AsFd, BorrowedFd};

pub(super) const DIRECTORY: &CStr = c"/dev/shm";

/// Adds the objects there that are of one of these kinds.
pub(super) fn list(kinds: c_int, objects: &mut List<Listed>) -> Result<(), Errno> {
    let directory = match path::open_directory(DIRECTORY) {
        // No such directory, no such objects.
        Err(Errno::ENOENT) => return Ok(()),
        opened => opened?,
    };
    for entry in listing::regular_files(directory.as_fd())? {
        if topic::is_hidden(entry.name.to_bytes()) {
            continue;
        }
        let found = examine(directory.as_fd(), &entry);
        if found.kind.is_in(kinds) {
            objects.push(found)?;
        }
    }
    Ok(())
}

/// The kind of a file in /dev/shm. Its record decides; without a record its name does.
pub(super) fn examine(directory: BorrowedFd<'_>, entry: &Entry) -> Listed {
    let name = entry.name.to_bytes();
    let record = listing::open_entry(directory, entry)
        .and_then(|file| object::inspect(file.as_fd(), entry.size));
    let record = match record {
        Ok(Some(record)) => record,
        Ok(None) => return without_record(name, entry, Recorded::No),
        Err(_) => return without_record(name, entry, Recorded::Unreadable),
    };
    let mut found = Listed::in_directory(ListedKind::Shm, name, entry);
    let Some(description) = record.describe(entry.size) else {
        found.recorded = Recorded::Damaged;
        return found;
    };
    found.recorded = Recorded::Yes;
    found.kind = kind_of(description.kind);
    found.size = description.data_size;
    found.type_version = description.type_version;
    let length = description.type_name.len().min(TYPE_NAME_MAX);
    let type_name = CText::of(&[&description.type_name[..length]]);
    found.type_name = type_name.unwrap_or(CText::EMPTY);
    found
}

fn without_record(name: &[u8], entry: &Entry, recorded: Recorded) -> Listed {
    let found = match name.strip_prefix(SEM_PREFIX) {
        Some(rest) if object::is_libc_semaphore(name, entry.size) => {
            Listed::in_directory(ListedKind::PosixSem, rest, entry)
        }
        _ => Listed::in_directory(ListedKind::Shm, name, entry),
    };
    Listed { recorded, ..found }
}

/// The kind that a record's number stands for. Newer versions may have further ones.
fn kind_of(recorded: u32) -> ListedKind {
    const REGION: u32 = Kind::Region as u32;
    const SEMAPHORE: u32 = Kind::Semaphore as u32;
    const QUEUE: u32 = Kind::Queue as u32;
    const TOPIC: u32 = Kind::Topic as u32;
    const CELL: u32 = Kind::Cell as u32;
    const SERVICE: u32 = Kind::Service as u32;
    match recorded {
        REGION => ListedKind::Shm,
        SEMAPHORE => ListedKind::Sem,
        QUEUE => ListedKind::Mq,
        TOPIC => ListedKind::Topic,
        CELL => ListedKind::Cell,
        SERVICE => ListedKind::Service,
        _ => ListedKind::Other,
    }
}
