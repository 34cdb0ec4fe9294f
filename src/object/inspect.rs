//! Reading from a file what it says about the object in it.

use super::layout::{RECORD_SPAN, Record, Type};
use super::location::Location;
use crate::base::error::{Errno, Error, Result, fail};
use crate::sys::{file, process};
use core::fmt;
use std::os::fd::{AsFd, BorrowedFd};

/// Reads the record of a file that may be any file; `None` if it has no record.
pub(crate) fn inspect(file: BorrowedFd<'_>, file_size: u64) -> Result<Option<Box<Record>>, Errno> {
    let mut found = Record::blank()?;
    let offset = file_size.saturating_sub(RECORD_SPAN);
    let is_complete = file::read_at(file, found.as_bytes_mut(), offset)?;
    Ok((is_complete && found.is_present()).then_some(found))
}

/// Reads a user's type that an object keeps in its data; `None` if there is no sound one.
pub(crate) fn read_type(file: BorrowedFd<'_>, offset: u64) -> Option<Box<Type>> {
    let mut found = Type::blank().ok()?;
    let is_complete = file::read_at(file, found.as_bytes_mut(), offset).ok()?;
    (is_complete && found.is_sound()).then_some(found)
}

/// Refuses a file that another user owns or that others may write to.
pub(crate) fn check_owner(
    shown: &dyn fmt::Display,
    file: BorrowedFd<'_>,
    status: &file::Status,
) -> Result<()> {
    let (user, owner) = (process::effective_user(), status.owner());
    let permissions = status.permissions();
    if owner == user && permissions & 0o022 == 0 {
        if !process::is_ambiguous_user(user) || file::is_own(file) {
            return Ok(());
        }
        return Err(fail!(
            EACCES,
            "{shown}: expected this process's user as its owner, found another one; both have no number in this user namespace and are shown as {owner}"
        ));
    }
    Err(fail!(
        EACCES,
        "{shown}: expected owner {user} and nobody else with write permission, found owner {owner} and mode {permissions:04o}"
    ))
}

pub(super) fn check_regular(location: &Location, status: &file::Status) -> Result<()> {
    if status.is_regular() {
        return Ok(());
    }
    Err(not_regular(location))
}

pub(super) fn not_regular(location: &Location) -> Error {
    fail!(
        EMEDIUMTYPE,
        "{location}: expected a shared memory object, found something that is not a regular file"
    )
}

/// Reads a number from the data of the object at `location`; `None` if that is not possible.
pub(crate) fn read_number(location: &Location, offset: u64) -> Option<u64> {
    let file = file::open(location.path(), false).ok()?;
    let mut bytes = [0; 8];
    let is_complete = file::read_at(file.as_fd(), &mut bytes, offset).ok()?;
    is_complete.then(|| u64::from_ne_bytes(bytes))
}
