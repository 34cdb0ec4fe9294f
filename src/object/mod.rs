//! Named objects: files in shared memory that processes create, open, check and unlink.
//!
//! An object is published as a whole. Its creator makes a file without a name, reserves all its space,
//! writes the data and the record, sets the mode, and only then links the file to its name. If the
//! creator is killed at any instruction before the link, nothing is left, because the kernel removes
//! an unnamed file with its last descriptor. After the link the object is complete.
//!
//! So an opener never waits for a creator and never sees a half-made object. If two processes create
//! one object at the same time, the kernel's `EEXIST` decides which one succeeds, and the other opens
//! the object. Section 4 of docs/design.md follows an object through its life.
//!
//! | file | its job |
//! |---|---|
//! | [`location`] | an object's path, and its name in messages |
//! | [`publish`] | making an object |
//! | [`open`] | opening an object and checking it |
//! | [`home`] | locks in a file that were taken before a restart, or in another copy of the file |
//! | [`inspect`] | reading the record of a file that may be any file |
//! | [`unlink`](mod@unlink) | removing a name |
//! | [`map`] | one mapping and its lifetime |
//! | [`layout`] | the structs in shared memory that other processes see |

pub(crate) mod layout;
pub(crate) mod map;

mod home;
mod inspect;
mod location;
mod open;
mod publish;
mod unlink;

pub(crate) use inspect::{check_owner, inspect, read_number, read_type};
pub(crate) use location::{Location, SEM_PREFIX, SHM_DIRECTORY};
pub(crate) use open::Opening;
pub(crate) use publish::{NewObject, give};
pub(crate) use unlink::{Removable, is_libc_semaphore, unlink};

use crate::base::error::{Errno, Result, fail, failed};
use crate::object::map::{Access, Mapping};
use crate::sys::fd::Kept;
use crate::sys::file;
use crate::sys::new_owner::NewOwner;
use crate::sys::thread::{self, Thread};
use nix::fcntl::SealFlag;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

/// The seals without which a peer could shrink the file, so that SIGBUS would kill this process.
const SIZE_SEALS: SealFlag = SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW);

/// How to open an object.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// Make the object if it does not exist.
    pub(crate) create: bool,
    /// Refuse an object that exists.
    pub(crate) exclusive: bool,
    pub(crate) access: Access,
    /// Accept an object without a record of this library, by its size.
    pub(crate) adopt: bool,
    /// Whether the call takes the flag that says so.
    pub(crate) may_adopt: bool,
    /// Refuse an object that another user owns or may write to.
    pub(crate) check_owner: bool,
    /// Accept a descriptor whose size is not sealed.
    pub(crate) unsealed: bool,
    /// Open the file behind this descriptor, even if it has no name any more.
    pub(crate) descriptor: Option<RawFd>,
    /// The exact permissions of an object that this call makes.
    pub(crate) mode: libc::mode_t,
    /// The owner of an object that this call makes.
    pub(crate) owner: NewOwner,
}

/// Whether the object existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Opened,
    Created,
}

/// Initialises the zeroed data of a new object before any other process can see it.
pub(crate) type Initialise<'a> = &'a mut dyn FnMut(&Mapping, BorrowedFd<'_>) -> Result<()>;

/// An open object: its file and its mapped data.
pub(crate) struct Object {
    file: Kept,
    data: Mapping,
    access: Access,
}

impl Object {
    pub(crate) fn data(&self) -> &Mapping {
        &self.data
    }

    fn new(file: OwnedFd, data: Mapping, access: Access) -> Result<Object> {
        Ok(Object {
            file: Kept::new(file)?,
            data,
            access,
        })
    }

    /// The object's file. `EBADF` if the program has closed the descriptor behind the library.
    pub(crate) fn file(&self) -> Result<BorrowedFd<'_>> {
        self.file.get().map_err(|errno| match errno {
            Errno::EBADF => fail!(
                EBADF,
                "the object's descriptor {} was closed outside the library; the memory stays usable",
                self.file.number()
            ),
            errno => errno.into(),
        })
    }

    /// The mapped data alone. The file is closed.
    pub(crate) fn into_data(self) -> Mapping {
        self.data
    }

    pub(crate) fn access(&self) -> Access {
        self.access
    }

    /// Forbids new writable mappings and hole punching, for all processes. This object's own mapping
    /// stays writable.
    pub(crate) fn seal_writing(&self) -> Result<()> {
        let seals = SealFlag::from_bits_retain(libc::F_SEAL_FUTURE_WRITE) | SealFlag::F_SEAL_SEAL;
        file::add_seals(self.file()?, seals).map_err(|errno| {
            failed!(
                errno,
                "cannot be sealed against writing (only memory from ipc_shm_sealed can)"
            )
        })
    }

    /// Whether the object's name was removed, or belongs to another object now.
    pub(crate) fn is_stale(&self) -> Result<bool> {
        // Only memory files can have these seals, and they never have a name.
        let file = self.file()?;
        let seals = file::seals(file).unwrap_or(SealFlag::empty());
        if seals.contains(SIZE_SEALS) {
            return Ok(false);
        }
        match file::status(file) {
            Ok(status) => Ok(status.is_unlinked()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// This process's PID namespace: from the thread's kept identity, or from the kernel.
fn pid_namespace() -> u32 {
    Thread::current().map_or_else(|_| thread::pid_namespace(), Thread::pid_namespace)
}
