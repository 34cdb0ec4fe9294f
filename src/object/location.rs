//! A named object's place in a file system, and its name in messages.

use crate::base::alloc::LongCText;
use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::name::Name;
use crate::base::text::{CText, Escaped};
use crate::sys::file;
use core::ffi::CStr;
use core::fmt;

/// The directory in which `shm_open` and `sem_open` keep their files.
pub(crate) const SHM_DIRECTORY: &CStr = c"/dev/shm";

/// How the file name of a semaphore of the C library begins.
pub(crate) const SEM_PREFIX: &[u8] = b"sem.";

/// The place of an object, and how messages name it.
pub(crate) struct Location<'a>(Place<'a>);

#[expect(
    clippy::large_enum_variant,
    reason = "a box would be an allocation, and a location lives on the stack of one call"
)]
enum Place<'a> {
    /// The path of a file in [`SHM_DIRECTORY`]. Messages leave the directory out.
    InShm(CText<280>),
    /// A path in any file system. If the object has no file name, this is what messages show.
    Path(&'a CStr),
}

impl<'a> Location<'a> {
    /// The place where `shm_open` keeps an object of this name.
    pub(crate) fn of_name(name: &Name) -> Location<'a> {
        Location::in_shm(b"", name)
    }

    /// The place where `sem_open` keeps the semaphore of this name.
    pub(crate) fn of_libc_semaphore(name: &Name) -> Location<'a> {
        Location::in_shm(SEM_PREFIX, name)
    }

    fn in_shm(prefix: &[u8], name: &Name) -> Location<'a> {
        // A name has at most 250 bytes behind its slash.
        let parts = [
            SHM_DIRECTORY.to_bytes(),
            b"/",
            prefix,
            name.file_name().to_bytes(),
        ];
        Location(Place::InShm(CText::of(&parts).unwrap_or(CText::EMPTY)))
    }

    /// A path in any file system.
    pub(crate) fn of_path(path: &'a CStr) -> Result<Location<'a>> {
        let location = Location::unnamed(path);
        match path.to_bytes() {
            [] => Err(fail!(EINVAL, "the path is empty")),
            [.., b'/'] => Err(fail!(EINVAL, "the path \"{location}\" names a directory")),
            _ => Ok(location),
        }
    }

    /// No place: only what messages call an object without a name.
    pub(super) fn unnamed(shown: &'a CStr) -> Location<'a> {
        Location(Place::Path(shown))
    }

    pub(crate) fn path(&self) -> &CStr {
        match &self.0 {
            Place::InShm(path) => path,
            Place::Path(path) => path,
        }
    }

    /// Whether the object is a file in a directory of the caller's choice.
    pub(super) fn is_file_of_users(&self) -> bool {
        matches!(self.0, Place::Path(_))
    }

    /// The last part of the path.
    pub(super) fn file_name(&self) -> &[u8] {
        let path = self.path().to_bytes();
        path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
    }

    /// The directory that holds the file.
    pub(super) fn directory(&self) -> Result<LongCText, Errno> {
        let path = self.path().to_bytes();
        let directory = match path.iter().rposition(|&byte| byte == b'/') {
            None => b".",
            Some(0) => b"/",
            Some(slash) => &path[..slash],
        };
        LongCText::of(&[directory])
    }

    /// The error of a system call on this object. `what` says what could not be done.
    pub(super) fn failed(&self, what: &str, errno: Errno) -> Error {
        match errno {
            Errno::ENOENT | Errno::EROFS => self.directory_failed(what, errno),
            errno => failed!(errno, "{self}: {what}"),
        }
    }

    /// The error of a system call whose reason may be the directory and not the object.
    #[cold]
    fn directory_failed(&self, what: &str, errno: Errno) -> Error {
        let Ok(directory) = self.directory() else {
            return failed!(errno, "{self}: {what}");
        };
        let shown = Escaped(directory.to_bytes());
        match errno {
            Errno::EROFS => fail!(
                EROFS,
                "{self}: {what}: the file system of the directory {shown} is read-only"
            ),
            errno if file::status_of(&directory).is_err() => fail!(
                (errno),
                "{self}: {what}: the directory {shown} does not exist"
            ),
            errno => failed!(errno, "{self}: {what}"),
        }
    }
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().to_bytes();
        let shown = match self.0 {
            Place::InShm(_) => path.strip_prefix(SHM_DIRECTORY.to_bytes()).unwrap_or(path),
            Place::Path(_) => path,
        };
        Escaped(shown).fmt(f)
    }
}
