//! Unlinking a topic, and with it its subscribers' file.
//!
//! The topic's name goes first, then the hidden name of the second file. A process killed in between leaves
//! that file. The next creation or unlinking of a topic removes it.

use crate::base::alloc::List;
use crate::base::error::{Errno, Result};
use crate::base::name::Name;
use crate::base::text::Text;
use crate::object::layout::TopicHeader;
use crate::object::{self, Location, Removable, SHM_DIRECTORY};
use crate::sys::path::open_directory;
use crate::sys::{file, listing};
use core::ffi::CStr;
use core::mem::offset_of;
use std::os::fd::AsFd;

/// The beginning of the hidden names.
const PREFIX: &str = ".robustipc-topic-";

/// The bits of a topic's identity that are its inode's.
const INODE: u64 = 0xffff_ffff;

/// The name of the subscribers' file of the topic with this identity.
pub(super) fn hidden_name(identity: u64) -> Text<64> {
    Text::of(format_args!("/{PREFIX}{identity:016x}"))
}

/// Whether a file in /dev/shm is part of a topic and no object of its own.
pub(crate) fn is_hidden(file_name: &[u8]) -> bool {
    file_name.starts_with(PREFIX.as_bytes())
}

pub(crate) fn unlink(name: &Name) -> Result<()> {
    let location = Location::of_name(name);
    let identity = object::read_number(&location, offset_of!(TopicHeader, identity) as u64);
    let unlinked = object::unlink(&location, Removable::Topic);
    if let (Ok(()), Some(identity)) = (&unlinked, identity) {
        remove_hidden(identity);
    }
    remove_leftovers();
    unlinked
}

fn remove_hidden(identity: u64) {
    if let Ok(name) = Name::new(hidden_name(identity).as_c_str().to_bytes()) {
        // The identity comes from shared memory, and may be anything: then there is no such file.
        let _ = file::unlink(Location::of_name(&name).path());
    }
}

/// Removes the subscribers' files whose topics are gone.
pub(super) fn remove_leftovers() {
    let mut hidden: List<u64> = List::new();
    let mut inodes: List<u64> = List::new();
    for_each_file(&mut |name, _| {
        let number = name.to_bytes().strip_prefix(PREFIX.as_bytes());
        match number.and_then(|number| listing::number(number, 16)) {
            Some(identity) => hidden.push(identity),
            None => Ok(()),
        }
    });
    if hidden.is_empty() {
        return;
    }
    // A topic exists before its second file does. So a file whose topic is not listed now has lost it.
    let is_whole_list = for_each_file(&mut |name, inode| match is_hidden(name.to_bytes()) {
        true => Ok(()),
        false => inodes.push(inode),
    });
    let is_lost = |identity: u64| inodes.iter().all(|inode| (inode ^ identity) & INODE != 0);
    for &identity in hidden.iter().filter(|_| is_whole_list) {
        if is_lost(identity) {
            remove_hidden(identity);
        }
    }
}

/// Calls `found` with the name and the inode of each file beside the topics; whether that were all.
fn for_each_file(found: &mut dyn FnMut(&CStr, u64) -> Result<(), Errno>) -> bool {
    let directory = open_directory(SHM_DIRECTORY);
    directory.is_ok_and(|directory| listing::each_name(directory.as_fd(), found).is_ok())
}
