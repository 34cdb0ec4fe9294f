//! The objects in /dev/shm: regions, semaphores and queues of this library, semaphores of the C
//! library, and shared memory that was made without this library.

use super::{Listed, ListedKind, Recorded};
use crate::base::alloc::List;
use crate::base::error::Errno;
use crate::base::text::CText;
use crate::ipc::topic;
use crate::object::layout::{
    CELL_TYPE, Kind, Publishing, QueueHeader, Received, Sem, Sent, ServiceHeader, ServiceIndex,
    TopicHeader, Type,
};
use crate::object::{self, SEM_PREFIX};
use crate::sync::sem::VALUE_MAX;
use crate::sys::listing::{self, Entry};
use crate::sys::{file, path};
use core::ffi::{CStr, c_int};
use core::mem::offset_of;
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
        let found = examine(directory.as_fd(), &entry)?;
        if found.kind.is_in(kinds) {
            objects.push(found)?;
        }
    }
    Ok(())
}

/// The kind of a file in /dev/shm. Its record decides; without a record its name does.
pub(super) fn examine(directory: BorrowedFd<'_>, entry: &Entry) -> Result<Listed, Errno> {
    let name = entry.name.to_bytes();
    let opened = listing::open_entry(directory, entry).and_then(|file| {
        let record = object::inspect(file.as_fd(), entry.size)?;
        Ok((file, record))
    });
    let (file, record) = match opened {
        Ok((file, Some(record))) => (file, record),
        Ok((_, None)) => return Ok(without_record(name, entry, Recorded::No)),
        Err(Errno::ENOMEM) => return Err(Errno::ENOMEM),
        Err(_) => return Ok(without_record(name, entry, Recorded::Unreadable)),
    };
    let mut found = Listed::in_directory(ListedKind::Shm, name, entry);
    let Some(description) = record.describe(entry.size) else {
        found.recorded = Recorded::Damaged;
        return Ok(found);
    };
    found.recorded = Recorded::Yes;
    found.kind = kind_of(description.kind);
    found.size = description.kind_type.size();
    let within = type_within(found.kind, found.size, file.as_fd());
    let is_declared = within.is_some() || found.kind == ListedKind::Shm;
    let kind_type = within
        .as_deref()
        .unwrap_or(description.kind_type)
        .terminated()?;
    found.type_version = kind_type.version();
    found.type_name = CText::of(&[kind_type.name()]).unwrap_or(CText::EMPTY);
    (found.count, found.capacity) = fill_of(found.kind, file.as_fd());
    if is_declared && !kind_type.name().is_empty() {
        found.kind_type = Some(kind_type);
    }
    Ok(found)
}

/// The user's type that an object of these kinds keeps beside its data. (A region's is in its record.)
fn type_within(kind: ListedKind, size: u64, file: BorrowedFd<'_>) -> Option<Box<Type>> {
    let offset = match kind {
        ListedKind::Cell => CELL_TYPE,
        ListedKind::Topic => size_of::<TopicHeader>() as u64,
        // A typed queue ends with its type. What stands there in an untyped one is not sound as a type.
        ListedKind::Mq => size.checked_sub(size_of::<Type>() as u64)?,
        _ => return None,
    };
    object::read_type(file, offset)
}

/// How much is in an object and how much it can hold, read from its file as it is now. Other processes change it
/// meanwhile, so the two numbers of a queue may be a few messages apart; and a damaged object may hold any number.
fn fill_of(kind: ListedKind, file: BorrowedFd<'_>) -> (u64, u64) {
    let long = |offset: usize| {
        let mut bytes = [0; 8];
        match file::read_at(file, &mut bytes, offset as u64) {
            Ok(true) => u64::from_ne_bytes(bytes),
            _ => 0,
        }
    };
    match kind {
        ListedKind::Mq => {
            // Before `sent`, so that the difference is not negative.
            let removed = long(offset_of!(QueueHeader, received) + offset_of!(Received, removed));
            let sent = long(offset_of!(QueueHeader, sent) + offset_of!(Sent, count));
            let capacity = u64::from(long(offset_of!(QueueHeader, max_messages)) as u32);
            (sent.saturating_sub(removed).min(capacity), capacity)
        }
        ListedKind::Topic => {
            let newest = long(offset_of!(TopicHeader, publishing) + offset_of!(Publishing, newest));
            let capacity = u64::from(long(offset_of!(TopicHeader, capacity)) as u32);
            (newest.min(capacity), capacity)
        }
        ListedKind::Service => {
            let pending =
                long(offset_of!(ServiceHeader, index) + offset_of!(ServiceIndex, pending));
            let capacity = u64::from(long(offset_of!(ServiceHeader, max_requests)) as u32);
            (u64::from(pending as u32).min(capacity), capacity)
        }
        ListedKind::Sem => {
            let state = long(offset_of!(Sem, state)) as u32;
            (u64::from(state & VALUE_MAX), 0)
        }
        _ => (0, 0),
    }
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
