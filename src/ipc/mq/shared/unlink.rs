//! Unlinking a queue, and with it the FIFO behind its descriptor.
//!
//! The queue's name goes first, then the FIFO's. A process killed in between leaves an empty FIFO.
//! The next unlinking of a queue that has a FIFO removes that one too.

use super::readiness;
use crate::base::error::{Errno, Result};
use crate::base::name::Name;
use crate::object::layout::QueueHeader;
use crate::object::{self, Location, Removable, SHM_DIRECTORY};
use crate::sys::path::open_directory;
use crate::sys::{file, listing};
use core::ffi::CStr;
use core::mem::offset_of;
use std::os::fd::AsFd;

pub(crate) fn unlink(name: &Name) -> Result<()> {
    let location = Location::of_name(name);
    let identity = object::read_number(&location, offset_of!(QueueHeader, identity) as u64);
    object::unlink(&location, Removable::Queue)?;
    if identity.is_some_and(remove_fifo) {
        remove_leftover_fifos();
    }
    Ok(())
}

/// Removes the FIFO of the queue with this identity; whether there was one.
fn remove_fifo(identity: u64) -> bool {
    let path = readiness::fifo_path(identity);
    // The identity comes from shared memory, and may be anything.
    let is_fifo = file::status_of(path.as_c_str()).is_ok_and(|status| status.is_fifo());
    is_fifo && file::unlink(path.as_c_str()).is_ok()
}

/// Removes the FIFOs whose queues are gone.
fn remove_leftover_fifos() {
    for_each_file(&mut |name, _| {
        let Some(identity) = readiness::identity_in(name) else {
            return Ok(());
        };
        // A queue exists before its FIFO does. So a FIFO whose queue is not listed now has lost it.
        let mut exists = false;
        let is_its_queue = |inode| (inode ^ identity) & readiness::INODE == 0;
        let is_whole_list = for_each_file(&mut |_, inode| {
            exists |= is_its_queue(inode);
            Ok(())
        });
        if is_whole_list && !exists {
            remove_fifo(identity);
        }
        Ok(())
    });
}

/// Calls `found` with the name and the inode of each file beside the queues; whether that were all.
fn for_each_file(found: &mut dyn FnMut(&CStr, u64) -> Result<(), Errno>) -> bool {
    let directory = open_directory(SHM_DIRECTORY);
    directory.is_ok_and(|directory| listing::each_name(directory.as_fd(), found).is_ok())
}
