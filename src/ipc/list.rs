//! Every named and System V object that the caller can see, who uses it, and its removal.
//!
//! What is listed belongs to others and may be anything: names of any bytes, files cut short,
//! records overwritten, objects that vanish meanwhile. So everything is looked at through a
//! descriptor, copied once and checked, and what cannot be read is listed as such.

use crate::base::error::{Errno, Result, fail, failed};
use crate::base::name::Name;
use crate::ipc::mq;
use crate::ipc::sysv::{msg, sem, shm};
use crate::object;
use crate::object::layout::{Kind as RecordKind, TYPE_NAME_MAX};
use crate::sys::listing::{self, Entry, FileId, Use};
use crate::sys::sysv::{self as system, Permissions, Which};
use crate::sys::{file, path};
use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};

const SHM_DIRECTORY: &CStr = c"/dev/shm";
/// What libc puts before the name of a semaphore.
const SEM_PREFIX: &[u8] = b"sem.";

/// What an object is. Each is one bit, so that a set of kinds is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum ListedKind {
    /// POSIX shared memory: a region of this library, or a foreign one.
    Shm = 0x1,
    /// A named semaphore of this library.
    Sem = 0x2,
    /// Another kind of object of this library, from a version that may be newer.
    Other = 0x4,
    /// A named semaphore of the C library.
    PosixSem = 0x8,
    /// A message queue of the kernel.
    KernelMq = 0x10,
    SysvShm = 0x20,
    SysvMsg = 0x40,
    SysvSem = 0x80,
    /// A message queue of this library.
    Mq = 0x100,
}

impl ListedKind {
    const EVERY: [ListedKind; 9] = [
        ListedKind::Shm,
        ListedKind::Sem,
        ListedKind::Other,
        ListedKind::PosixSem,
        ListedKind::KernelMq,
        ListedKind::SysvShm,
        ListedKind::SysvMsg,
        ListedKind::SysvSem,
        ListedKind::Mq,
    ];

    /// The kind with exactly this number.
    pub(crate) fn from_number(number: c_int) -> Option<ListedKind> {
        ListedKind::EVERY
            .into_iter()
            .find(|&kind| kind as c_int == number)
    }

    /// A kind that stands in /dev/shm under its own name.
    const IN_SHM: c_int = ListedKind::Shm as c_int
        | ListedKind::Sem as c_int
        | ListedKind::Mq as c_int
        | ListedKind::Other as c_int;

    fn name(self) -> &'static str {
        match self {
            ListedKind::Shm => "shared memory object",
            ListedKind::Sem => "named semaphore of this library",
            ListedKind::Mq => "message queue of this library",
            ListedKind::Other => "object of another kind of this library",
            ListedKind::PosixSem => "named semaphore of the C library",
            ListedKind::KernelMq => "message queue of the kernel",
            ListedKind::SysvShm => "System V shared memory segment",
            ListedKind::SysvMsg => "System V message queue",
            ListedKind::SysvSem => "System V semaphore set",
        }
    }
}

/// What is known of this library's record at the end of an object in /dev/shm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// There is none: made without this library.
    No,
    Yes,
    Damaged,
    /// The caller may not read the object.
    Unreadable,
}

/// One object found.
pub(crate) struct Listed {
    pub(crate) kind: ListedKind,
    pub(crate) recorded: Recorded,
    /// As it is opened by, with its slash; empty for System V.
    pub(crate) name: Vec<u8>,
    /// System V only: else -1 and 0.
    pub(crate) id: c_int,
    pub(crate) key: libc::key_t,
    pub(crate) owner: libc::uid_t,
    pub(crate) group: libc::gid_t,
    pub(crate) mode: libc::mode_t,
    /// In bytes; of a semaphore set, how many semaphores.
    pub(crate) size: u64,
    pub(crate) type_name: Vec<u8>,
    pub(crate) type_version: u32,
    file: Option<FileId>,
    /// Without doubles, in ascending order.
    pub(crate) users: Vec<libc::pid_t>,
    /// Whether `users` are all there are: for queues and semaphores of System V nobody knows.
    pub(crate) users_complete: bool,
}

/// What was found, and how far it has been handed out.
pub(crate) struct Listing {
    objects: Vec<Listed>,
    /// Of the kinds asked for, those that could not be listed.
    pub(crate) unlisted: c_int,
    next: AtomicUsize,
}

impl Listing {
    /// Lists the objects of `kinds`, a sum of [`ListedKind`]s, as they are now.
    pub(crate) fn new(kinds: c_int) -> Listing {
        let mut listing = Listing {
            objects: Vec::new(),
            unlisted: 0,
            next: AtomicUsize::new(0),
        };
        let in_shm = kinds & (ListedKind::IN_SHM | ListedKind::PosixSem as c_int);
        if in_shm != 0 {
            listing.add(in_shm, |objects| list_shm(in_shm, objects));
        }
        let mut list = |kind: ListedKind, lister: fn(&mut Vec<Listed>) -> Result<(), Errno>| {
            if kinds & kind as c_int != 0 {
                listing.add(kind as c_int, lister);
            }
        };
        list(ListedKind::KernelMq, list_queues);
        list(ListedKind::SysvShm, list_segments);
        list(ListedKind::SysvMsg, list_sysv_queues);
        list(ListedKind::SysvSem, list_sets);
        listing.find_users();
        listing
    }

    fn add(&mut self, kinds: c_int, list: impl FnOnce(&mut Vec<Listed>) -> Result<(), Errno>) {
        if list(&mut self.objects).is_err() {
            self.unlisted |= kinds;
        }
    }

    fn find_users(&mut self) {
        let objects = &mut self.objects;
        // In order from the start: a library's sort is larger than all of this.
        let mut by_file: Vec<(FileId, usize)> = Vec::new();
        let mut by_id: Vec<(c_int, usize)> = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            match (object.file, object.kind) {
                (Some(file), _) => {
                    let place = by_file.partition_point(|(other, _)| *other < file);
                    by_file.insert(place, (file, index));
                }
                (None, ListedKind::SysvShm) => {
                    let place = by_id.partition_point(|(other, _)| *other < object.id);
                    by_id.insert(place, (object.id, index));
                }
                _ => {}
            }
        }
        if by_file.is_empty() && by_id.is_empty() {
            return;
        }
        let complete = listing::each_use(&mut |pid, used| match used {
            // A file with two names is two objects here; both have its users.
            Use::File(file) => {
                let start = by_file.partition_point(|(other, _)| *other < file);
                for (_, index) in by_file[start..]
                    .iter()
                    .take_while(|(other, _)| *other == file)
                {
                    objects[*index].add_user(pid);
                }
            }
            Use::Segment(id) => {
                let place = by_id.partition_point(|(other, _)| *other < id);
                if let Some((_, index)) = by_id.get(place).filter(|(other, _)| *other == id) {
                    objects[*index].add_user(pid);
                }
            }
        });
        for object in objects {
            object.users_complete =
                complete && (object.file.is_some() || object.kind == ListedKind::SysvShm);
        }
    }

    /// The next object and its number, until all have been handed out.
    pub(crate) fn next(&self) -> Option<(usize, &Listed)> {
        // Relaxed: each number is given once, and the objects do not change.
        let index = self
            .next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |index| {
                (index < self.objects.len()).then_some(index + 1)
            })
            .ok()?;
        Some((index, &self.objects[index]))
    }

    /// The users of the object with that number.
    pub(crate) fn users(&self, index: usize) -> Result<&[libc::pid_t]> {
        match self.objects.get(index) {
            Some(object) => Ok(&object.users),
            None => Err(fail!(
                EINVAL,
                "the object's index is {index}, and this list has {}: it is from another list",
                self.objects.len()
            )),
        }
    }
}

impl Listed {
    fn add_user(&mut self, pid: libc::pid_t) {
        if let Err(place) = self.users.binary_search(&pid) {
            self.users.insert(place, pid);
        }
    }

    fn in_directory(kind: ListedKind, name: &[u8], entry: &Entry) -> Listed {
        Listed {
            kind,
            recorded: Recorded::No,
            name: [b"/", name].concat(),
            id: -1,
            key: 0,
            owner: entry.owner,
            group: entry.group,
            mode: entry.mode,
            size: entry.size,
            type_name: Vec::new(),
            type_version: 0,
            file: Some(entry.file),
            users: Vec::new(),
            users_complete: false,
        }
    }

    fn in_table(kind: ListedKind, permissions: &Permissions, size: u64) -> Listed {
        Listed {
            kind,
            recorded: Recorded::No,
            name: Vec::new(),
            id: permissions.id,
            key: permissions.key,
            owner: permissions.owner,
            group: permissions.group,
            mode: permissions.mode & 0o777,
            size,
            type_name: Vec::new(),
            type_version: 0,
            file: None,
            users: Vec::new(),
            users_complete: false,
        }
    }
}

fn list_shm(kinds: c_int, objects: &mut Vec<Listed>) -> Result<(), Errno> {
    let directory = match path::open_directory(SHM_DIRECTORY) {
        // No such directory, no such objects.
        Err(Errno::ENOENT) => return Ok(()),
        other => other?,
    };
    for entry in listing::regular_files(directory.as_fd())? {
        let found = examine(directory.as_fd(), &entry);
        if kinds & found.kind as c_int != 0 {
            objects.push(found);
        }
    }
    Ok(())
}

/// What a file in /dev/shm is: told by its record, and without one by its name.
fn examine(directory: BorrowedFd<'_>, entry: &Entry) -> Listed {
    let name = entry.name.to_bytes();
    let record = listing::open_entry(directory, entry)
        .and_then(|file| object::inspect(file.as_fd(), entry.size));
    let record = match record {
        Ok(Some(record)) => record,
        not_found => {
            let mut found = match name.strip_prefix(SEM_PREFIX) {
                Some(name) if !name.is_empty() => {
                    Listed::in_directory(ListedKind::PosixSem, name, entry)
                }
                _ => Listed::in_directory(ListedKind::Shm, name, entry),
            };
            if not_found.is_err() {
                found.recorded = Recorded::Unreadable;
            }
            return found;
        }
    };
    let mut found = Listed::in_directory(ListedKind::Shm, name, entry);
    match record.describe(entry.size) {
        None => found.recorded = Recorded::Damaged,
        Some(description) => {
            const REGION: u32 = RecordKind::Region as u32;
            const SEMAPHORE: u32 = RecordKind::Semaphore as u32;
            const QUEUE: u32 = RecordKind::Queue as u32;
            found.kind = match description.kind {
                REGION => ListedKind::Shm,
                SEMAPHORE => ListedKind::Sem,
                QUEUE => ListedKind::Mq,
                _ => ListedKind::Other,
            };
            found.recorded = Recorded::Yes;
            found.size = description.data_size;
            found.type_version = description.type_version;
            let length = description.type_name.len().min(TYPE_NAME_MAX);
            found.type_name = description.type_name[..length].to_vec();
        }
    }
    found
}

fn list_queues(objects: &mut Vec<Listed>) -> Result<(), Errno> {
    let directory = match listing::queue_directory() {
        Ok(directory) => directory,
        // A kernel without message queues has none.
        Err(Errno::ENODEV) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    for entry in listing::regular_files(directory.as_fd())? {
        let mut found = Listed::in_directory(ListedKind::KernelMq, entry.name.to_bytes(), &entry);
        found.size = queued_bytes(directory.as_fd(), &entry);
        objects.push(found);
    }
    Ok(())
}

/// The bytes in a queue: what its file says behind "QSIZE:". 0 when the caller may not read it.
fn queued_bytes(directory: BorrowedFd<'_>, entry: &Entry) -> u64 {
    let mut text = [0; 16];
    let read = listing::open_entry(directory, entry)
        .and_then(|file| file::read_at(file.as_fd(), &mut text, 0));
    if read != Ok(true) {
        return 0;
    }
    let digits = text.strip_prefix(b"QSIZE:").unwrap_or(b"");
    digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |size, byte| size * 10 + u64::from(byte - b'0'))
}

/// The ids of System V objects are in places of a table, some of which are empty.
fn list_table(
    kind: ListedKind,
    last: Result<c_int, Errno>,
    status: &dyn Fn(Which) -> Result<(Permissions, u64), Errno>,
    objects: &mut Vec<Listed>,
) -> Result<(), Errno> {
    let last = match last {
        // A kernel without System V IPC has no such objects.
        Err(Errno::ENOSYS) => return Ok(()),
        other => other?,
    };
    for place in 0..=last {
        match status(Which::Place(place)) {
            Ok((permissions, size)) => objects.push(Listed::in_table(kind, &permissions, size)),
            // Empty, or emptied just now.
            Err(Errno::EINVAL | Errno::EIDRM) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn list_segments(objects: &mut Vec<Listed>) -> Result<(), Errno> {
    let status = |which| {
        let status = system::shm_status(which)?;
        Ok((status.permissions, status.size as u64))
    };
    list_table(
        ListedKind::SysvShm,
        system::shm_last_place(),
        &status,
        objects,
    )
}

fn list_sysv_queues(objects: &mut Vec<Listed>) -> Result<(), Errno> {
    let status = |which| {
        let status = system::msg_status(which)?;
        Ok((status.permissions, status.bytes))
    };
    list_table(
        ListedKind::SysvMsg,
        system::msg_last_place(),
        &status,
        objects,
    )
}

fn list_sets(objects: &mut Vec<Listed>) -> Result<(), Errno> {
    let status = |which| {
        let status = system::sem_status(which)?;
        Ok((status.permissions, status.count))
    };
    list_table(
        ListedKind::SysvSem,
        system::sem_last_place(),
        &status,
        objects,
    )
}

/// An object to be removed.
pub(crate) enum Target<'a> {
    Named(&'a Name),
    Id(c_int),
}

/// Whether objects of this kind have names, not ids.
pub(crate) fn has_name(kind: ListedKind) -> bool {
    !matches!(
        kind,
        ListedKind::SysvShm | ListedKind::SysvMsg | ListedKind::SysvSem
    )
}

/// Removes one object, if it is of that kind.
pub(crate) fn remove(kind: ListedKind, target: Target<'_>) -> Result<()> {
    match (kind, target) {
        (ListedKind::SysvShm, Target::Id(id)) => shm::remove(id),
        (ListedKind::SysvMsg, Target::Id(id)) => msg::remove(id),
        (ListedKind::SysvSem, Target::Id(id)) => sem::remove(id),
        (ListedKind::KernelMq, Target::Named(name)) => {
            failing(kind, name, listing::queue_unlink(name.file_name()))
        }
        // It may have a FIFO beside it.
        (ListedKind::Mq, Target::Named(name)) => mq::unlink(name, false),
        (ListedKind::PosixSem, Target::Named(name)) => remove_file(kind, name, SEM_PREFIX),
        (ListedKind::Shm | ListedKind::Sem | ListedKind::Other, Target::Named(name)) => {
            remove_file(kind, name, b"")
        }
        _ => Err(fail!(EINVAL, "a {} has no such address", kind.name())),
    }
}

fn failing(kind: ListedKind, name: &Name, removed: Result<(), Errno>) -> Result<()> {
    removed.map_err(|errno| match errno {
        Errno::ENOENT => fail!(ENOENT, "{name}: there is no {} of that name", kind.name()),
        errno => failed!(errno, "{name}: cannot be removed"),
    })
}

fn remove_file(kind: ListedKind, name: &Name, prefix: &[u8]) -> Result<()> {
    let file_name = [prefix, name.file_name().to_bytes()].concat();
    let found = path::open_directory(SHM_DIRECTORY).and_then(|directory| {
        let entry = listing::regular_file(directory.as_fd(), c_string(file_name))?;
        Ok((directory, entry))
    });
    let (directory, entry) = match found {
        Ok((directory, Some(entry))) => (directory, entry),
        Ok((_, None)) => {
            return Err(fail!(
                EMEDIUMTYPE,
                "{name}: expected a {}, found something that is not a regular file",
                kind.name()
            ));
        }
        Err(errno) => return failing(kind, name, Err(errno)),
    };
    let found = examine(directory.as_fd(), &entry);
    if found.kind != kind {
        return Err(fail!(
            EMEDIUMTYPE,
            "{name}: expected a {}, found a {}",
            kind.name(),
            found.kind.name()
        ));
    }
    failing(kind, name, listing::unlink_entry(directory.as_fd(), &entry))
}

/// A checked name holds no NUL.
fn c_string(bytes: Vec<u8>) -> CString {
    CString::new(bytes).unwrap_or_default()
}
