//! Removing an object's name.

use super::inspect::inspect;
use super::layout::Kind;
use super::location::Location;
use crate::base::error::Result;
use crate::sys::file;
use std::os::fd::AsFd;

/// Removes a name, unless it is the name of another kind of object of this library. Processes that have
/// the object open keep it.
pub(crate) fn unlink(location: &Location, kind: Kind) -> Result<()> {
    // A process may be allowed to remove a name and not to read the file. Then the kernel decides.
    if let Ok(file) = file::open(location.path(), false) {
        let size = file::status(file.as_fd()).map_or(0, |status| status.size());
        if let Ok(Some(found)) = inspect(file.as_fd(), size) {
            found.check_kind(location, kind as u32)?;
        }
    }
    file::unlink(location.path()).map_err(|errno| location.failed("cannot be removed", errno))
}
