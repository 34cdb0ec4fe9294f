//! The System V objects, which stand in one table of the kernel for each mechanism.

use super::{Listed, ListedKind};
use crate::base::alloc::List;
use crate::base::error::Errno;
use crate::sys::sysv::{self, Permissions, Which};
use core::ffi::c_int;

pub(super) fn list_segments(objects: &mut List<Listed>) -> Result<(), Errno> {
    let status = |place| {
        let status = sysv::shm_status(place)?;
        Ok((status.permissions, status.size as u64, 0))
    };
    list_table(ListedKind::SysvShm, sysv::shm_last_place(), status, objects)
}

pub(super) fn list_queues(objects: &mut List<Listed>) -> Result<(), Errno> {
    let status = |place| {
        let status = sysv::msg_status(place)?;
        Ok((status.permissions, status.bytes, status.messages))
    };
    list_table(ListedKind::SysvMsg, sysv::msg_last_place(), status, objects)
}

pub(super) fn list_sets(objects: &mut List<Listed>) -> Result<(), Errno> {
    let status = |place| {
        let status = sysv::sem_status(place)?;
        Ok((status.permissions, status.count, 0))
    };
    list_table(ListedKind::SysvSem, sysv::sem_last_place(), status, objects)
}

/// Adds the objects in a table whose last place in use is `last`. `status` gives an object's permissions, size and count. Places before it may be empty.
/// If a place cannot be read, those before it stay in the list.
fn list_table(
    kind: ListedKind,
    last: Result<c_int, Errno>,
    status: impl Fn(Which) -> Result<(Permissions, u64, u64), Errno>,
    objects: &mut List<Listed>,
) -> Result<(), Errno> {
    let last = match last {
        // A kernel without System V IPC has no such objects.
        Err(Errno::ENOSYS) => return Ok(()),
        last => last?,
    };
    for place in 0..=last {
        match status(Which::Place(place)) {
            Ok((permissions, size, count)) => objects.push(Listed {
                count,
                ..Listed::in_table(kind, &permissions, size)
            })?,
            // The place is empty, or was emptied just now.
            Err(Errno::EINVAL | Errno::EIDRM) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
