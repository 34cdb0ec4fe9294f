//! The kernel's message queues, as its file system for them shows them.

use super::{Listed, ListedKind};
use crate::base::alloc::List;
use crate::base::error::Errno;
use crate::sys::file;
use crate::sys::listing::{self, Entry};
use std::os::fd::{AsFd, BorrowedFd};

pub(super) fn list(objects: &mut List<Listed>) -> Result<(), Errno> {
    let directory = match listing::queue_directory() {
        // A kernel without message queues has none.
        Err(Errno::ENODEV) => return Ok(()),
        opened => opened?,
    };
    for entry in listing::regular_files(directory.as_fd())? {
        let name = entry.name.to_bytes();
        objects.push(Listed {
            size: queued_bytes(directory.as_fd(), &entry),
            ..Listed::in_directory(ListedKind::KernelMq, name, &entry)
        })?;
    }
    Ok(())
}

/// The bytes in a queue; 0 when the caller may not read its file.
fn queued_bytes(directory: BorrowedFd<'_>, entry: &Entry) -> u64 {
    let mut text = [0; 16];
    let read = listing::open_entry(directory, entry)
        .and_then(|file| file::read_at(file.as_fd(), &mut text, 0));
    match read {
        Ok(true) => size_in(&text).unwrap_or(0),
        _ => 0,
    }
}

/// The number in the first field of a queue's file: "QSIZE:129     NOTIFY:0 ...".
fn size_in(text: &[u8]) -> Option<u64> {
    let field = text.strip_prefix(b"QSIZE:")?;
    let digits = field.split(|byte| !byte.is_ascii_digit()).next()?;
    listing::number(digits, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_the_first_field() {
        assert_eq!(size_in(b"QSIZE:129     NO"), Some(129));
        assert_eq!(size_in(b"QSIZE:0         "), Some(0));
        assert_eq!(size_in(b"QSIZE:1234567890"), Some(1234567890));
        assert_eq!(size_in(b"QSIZE:          "), None);
        assert_eq!(size_in(b"NOTIFY:0        "), None);
    }
}
