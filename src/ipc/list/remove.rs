//! Removes one object of any kind.

use super::ListedKind;
use super::dev_shm;
use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::name::Name;
use crate::ipc::mq;
use crate::ipc::sysv::{msg, sem, shm};
use crate::ipc::topic;
use crate::object::SEM_PREFIX;
use crate::sys::listing::FileName;
use crate::sys::{listing, path};
use core::ffi::c_int;
use std::os::fd::AsFd;

/// The object to be removed.
pub(crate) enum Target<'a> {
    Named(&'a Name),
    Id(c_int),
}

/// Whether objects of this kind have names. The others have ids.
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
            listing::queue_unlink(name.file_name()).map_err(|errno| refused(kind, name, errno))
        }
        (ListedKind::Mq, Target::Named(name)) => mq::unlink(name, false),
        // Through its mechanism: a topic has a second file.
        (ListedKind::Topic, Target::Named(name)) => topic::unlink(name),
        (ListedKind::PosixSem, Target::Named(name)) => remove_file(kind, name, SEM_PREFIX),
        (
            ListedKind::Shm
            | ListedKind::Sem
            | ListedKind::Cell
            | ListedKind::Service
            | ListedKind::Other,
            Target::Named(name),
        ) => remove_file(kind, name, b""),
        (_, Target::Id(_)) => Err(fail!(EINVAL, "{} has a name, not an id", kind.name())),
        (_, Target::Named(_)) => Err(fail!(EINVAL, "{} has an id, not a name", kind.name())),
    }
}

/// Removes a file in /dev/shm, after checking that it is an object of that kind.
fn remove_file(kind: ListedKind, name: &Name, prefix: &[u8]) -> Result<()> {
    let refused = |errno| refused(kind, name, errno);
    // A name has at most 250 bytes behind its slash.
    let file_name = FileName::of(&[prefix, name.file_name().to_bytes()]);
    let file_name = file_name.ok_or_else(|| refused(Errno::ENAMETOOLONG))?;
    let directory = path::open_directory(dev_shm::DIRECTORY).map_err(refused)?;
    let Some(entry) = listing::regular_file(directory.as_fd(), &file_name).map_err(refused)? else {
        return Err(fail!(
            EMEDIUMTYPE,
            "{name}: expected {}, found something that is not a regular file",
            kind.name()
        ));
    };
    let found = dev_shm::examine(directory.as_fd(), &entry)?;
    if found.kind != kind {
        return Err(fail!(
            EMEDIUMTYPE,
            "{name}: expected {}, found {}; it is unchanged",
            kind.name(),
            found.kind.name()
        ));
    }
    listing::unlink_entry(directory.as_fd(), &entry).map_err(refused)
}

fn refused(kind: ListedKind, name: &Name, errno: Errno) -> Error {
    match errno {
        Errno::ENOENT => fail!(ENOENT, "{name}: expected {}, found nothing", kind.name()),
        errno => failed!(errno, "{name}: cannot be removed"),
    }
}
