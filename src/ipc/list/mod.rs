//! Every named and System V object that the caller can see, the processes that use it, and its
//! removal.
//!
//! A listed object belongs to others and may be anything: its name may be any bytes, its file may
//! be cut short, its record overwritten, and it may vanish at any moment. So the listing examines
//! each object through a descriptor, copies it once and checks the copy. An object that cannot be
//! read is listed as unreadable.
//!
//! One file lists the objects of one mechanism of the kernel: [`dev_shm`], [`kernel_mq`] and
//! [`system_v`]. [`users`] finds the processes, [`remove`] removes an object.

mod dev_shm;
mod kernel_mq;
mod remove;
mod system_v;
mod users;

pub(crate) use remove::{Target, has_name, remove};

use crate::base::alloc::List;
use crate::base::error::{Errno, Result, fail};
use crate::base::text::CText;
use crate::object::layout::Type;
use crate::sys::listing::{Entry, FileId};
use crate::sys::sysv::Permissions;
use core::ffi::c_int;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The kind of an object. Each kind is one bit, so a number stands for a set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum ListedKind {
    /// POSIX shared memory: a region of this library, or an object made without it.
    Shm = 0x1,
    /// A named semaphore of this library.
    Sem = 0x2,
    /// Another kind of object of this library. The version that made it may be newer.
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
    Topic = 0x200,
    Cell = 0x400,
    Service = 0x800,
}

impl ListedKind {
    const EVERY: [ListedKind; 12] = [
        ListedKind::Shm,
        ListedKind::Sem,
        ListedKind::Other,
        ListedKind::PosixSem,
        ListedKind::KernelMq,
        ListedKind::SysvShm,
        ListedKind::SysvMsg,
        ListedKind::SysvSem,
        ListedKind::Mq,
        ListedKind::Topic,
        ListedKind::Cell,
        ListedKind::Service,
    ];

    /// The kinds whose objects are files in /dev/shm.
    const IN_DEV_SHM: c_int = ListedKind::Shm as c_int
        | ListedKind::Sem as c_int
        | ListedKind::Mq as c_int
        | ListedKind::Topic as c_int
        | ListedKind::Cell as c_int
        | ListedKind::Service as c_int
        | ListedKind::Other as c_int
        | ListedKind::PosixSem as c_int;

    /// The kind with exactly this number.
    pub(crate) fn from_number(number: c_int) -> Option<ListedKind> {
        ListedKind::EVERY
            .into_iter()
            .find(|&kind| kind as c_int == number)
    }

    fn is_in(self, kinds: c_int) -> bool {
        kinds & self as c_int != 0
    }

    /// With its article, for messages.
    fn name(self) -> &'static str {
        match self {
            ListedKind::Shm => "a shared memory object",
            ListedKind::Sem => "a named semaphore of this library",
            ListedKind::Mq => "a message queue of this library",
            ListedKind::Topic => "a topic",
            ListedKind::Cell => "a cell",
            ListedKind::Service => "a service",
            ListedKind::Other => "an object of another kind of this library",
            ListedKind::PosixSem => "a named semaphore of the C library",
            ListedKind::KernelMq => "a message queue of the kernel",
            ListedKind::SysvShm => "a System V shared memory segment",
            ListedKind::SysvMsg => "a System V message queue",
            ListedKind::SysvSem => "a System V semaphore set",
        }
    }
}

/// Whether an object in /dev/shm ends with this library's record, and in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// There is none: the object was made without this library.
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
    /// The name that opens the object, with its slash. Empty for System V.
    pub(crate) name: CText<260>,
    /// System V only; -1 for other objects.
    pub(crate) id: c_int,
    /// System V only; 0 for other objects.
    pub(crate) key: libc::key_t,
    pub(crate) owner: libc::uid_t,
    pub(crate) group: libc::gid_t,
    pub(crate) mode: libc::mode_t,
    /// In bytes. For a semaphore set, the number of its semaphores.
    pub(crate) size: u64,
    pub(crate) type_name: CText<64>,
    pub(crate) type_version: u32,
    /// The declared type, if there is one.
    pub(crate) kind_type: Option<Box<Type>>,
    /// The messages in a queue, or the value of a semaphore; 0 where it is not known.
    pub(crate) count: u64,
    /// How many messages a queue can hold; 0 where it is not known.
    pub(crate) capacity: u64,
    file: Option<FileId>,
    /// The processes that use the object: in ascending order, each once.
    pub(crate) users: List<libc::pid_t>,
    /// Whether `users` holds all of them. The kernel does not say who uses a queue or a semaphore
    /// set of System V.
    pub(crate) users_complete: bool,
}

impl Listed {
    /// An object that is a file in a directory.
    fn in_directory(kind: ListedKind, name: &[u8], entry: &Entry) -> Listed {
        Listed {
            kind,
            recorded: Recorded::No,
            // A file name has at most 255 bytes.
            name: CText::of(&[b"/", name]).unwrap_or(CText::EMPTY),
            id: -1,
            key: 0,
            owner: entry.owner,
            group: entry.group,
            mode: entry.mode,
            size: entry.size,
            type_name: CText::EMPTY,
            type_version: 0,
            kind_type: None,
            count: 0,
            capacity: 0,
            file: Some(entry.file),
            users: List::new(),
            users_complete: false,
        }
    }

    /// An object in one of the kernel's System V tables.
    fn in_table(kind: ListedKind, permissions: &Permissions, size: u64) -> Listed {
        Listed {
            kind,
            recorded: Recorded::No,
            name: CText::EMPTY,
            id: permissions.id,
            key: permissions.key,
            owner: permissions.owner,
            group: permissions.group,
            mode: permissions.mode & 0o777,
            size,
            type_name: CText::EMPTY,
            type_version: 0,
            kind_type: None,
            count: 0,
            capacity: 0,
            file: None,
            users: List::new(),
            users_complete: false,
        }
    }
}

/// The objects that were found, and how many of them have been handed out.
pub(crate) struct Listing {
    objects: List<Listed>,
    /// The requested kinds that could not be listed.
    pub(crate) unlisted: c_int,
    next: AtomicUsize,
}

impl Listing {
    /// Lists the objects of `kinds`, a sum of [`ListedKind`]s, as they are now.
    pub(crate) fn new(kinds: c_int) -> Result<Listing, Errno> {
        let mut listing = Listing {
            objects: List::new(),
            unlisted: 0,
            next: AtomicUsize::new(0),
        };
        let in_dev_shm = kinds & ListedKind::IN_DEV_SHM;
        listing.add(in_dev_shm, |objects| dev_shm::list(in_dev_shm, objects))?;
        listing.add(kinds & ListedKind::KernelMq as c_int, kernel_mq::list)?;
        listing.add(
            kinds & ListedKind::SysvShm as c_int,
            system_v::list_segments,
        )?;
        listing.add(kinds & ListedKind::SysvMsg as c_int, system_v::list_queues)?;
        listing.add(kinds & ListedKind::SysvSem as c_int, system_v::list_sets)?;
        users::find(&mut listing.objects)?;
        Ok(listing)
    }

    /// Adds the objects of `kinds`, which may be none, with their lister.
    fn add(
        &mut self,
        kinds: c_int,
        list: impl FnOnce(&mut List<Listed>) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        if kinds == 0 {
            return Ok(());
        }
        match list(&mut self.objects) {
            Err(Errno::ENOMEM) => return Err(Errno::ENOMEM),
            Err(_) => self.unlisted |= kinds,
            Ok(()) => {}
        }
        Ok(())
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

    /// The object with that number.
    pub(crate) fn object(&self, index: usize) -> Result<&Listed> {
        match self.objects.get(index) {
            Some(object) => Ok(object),
            None => Err(fail!(
                EINVAL,
                "the object's index is {index}, and this list has {}: it is from another list",
                self.objects.len()
            )),
        }
    }
}
