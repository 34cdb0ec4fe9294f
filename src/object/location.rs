//! A named object's place in a file system, and its name in messages.

use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::name::Name;
use crate::base::text::Escaped;
use crate::sys::file;
use core::ffi::CStr;
use core::fmt;
use std::ffi::CString;

/// The directory in which `shm_open` and `sem_open` keep their files.
pub(crate) const SHM_DIRECTORY: &CStr = c"/dev/shm";

/// How the file name of a semaphore of the C library begins.
pub(crate) const SEM_PREFIX: &[u8] = b"sem.";

/// The place of an object, and how messages name it.
pub(crate) struct Location {
    /// The path of the object's file. If the object has no file name, this is what messages show.
    path: CString,
    /// Messages show the path from this byte on.
    shown: usize,
}

impl Location {
    /// The place where `shm_open` keeps an object of this name.
    pub(crate) fn of_name(name: &Name) -> Location {
        Location::in_shm(b"", name)
    }

    /// The place where `sem_open` keeps the semaphore of this name.
    pub(crate) fn of_libc_semaphore(name: &Name) -> Location {
        Location::in_shm(SEM_PREFIX, name)
    }

    fn in_shm(prefix: &[u8], name: &Name) -> Location {
        let mut path = SHM_DIRECTORY.to_bytes().to_vec();
        path.push(b'/');
        path.extend_from_slice(prefix);
        path.extend_from_slice(name.file_name().to_bytes());
        Location {
            path: CString::new(path).unwrap_or_default(),
            shown: SHM_DIRECTORY.count_bytes(),
        }
    }

    /// A path in any file system.
    pub(crate) fn of_path(path: &CStr) -> Result<Location> {
        let location = Location::unnamed(path);
        match path.to_bytes() {
            [] => Err(fail!(EINVAL, "the path is empty")),
            [.., b'/'] => Err(fail!(EINVAL, "the path \"{location}\" names a directory")),
            _ => Ok(location),
        }
    }

    /// No place: only what messages call an object without a name.
    pub(super) fn unnamed(shown: &CStr) -> Location {
        Location {
            path: shown.to_owned(),
            shown: 0,
        }
    }

    /// Whether the object is a file in a directory of the caller's choice.
    pub(super) fn is_file_of_users(&self) -> bool {
        self.shown == 0
    }

    pub(crate) fn into_path(self) -> CString {
        self.path
    }

    pub(super) fn path(&self) -> &CStr {
        &self.path
    }

    /// The last part of the path.
    pub(super) fn file_name(&self) -> &[u8] {
        let path = self.path.to_bytes();
        path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
    }

    /// The directory that holds the file.
    pub(super) fn directory(&self) -> CString {
        let path = self.path.to_bytes();
        let length = match path.iter().rposition(|&byte| byte == b'/') {
            None => return c".".to_owned(),
            Some(0) => 1,
            Some(slash) => slash,
        };
        CString::new(&path[..length]).unwrap_or_default()
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
        let directory = self.directory();
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

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.path.to_bytes()[self.shown..]).fmt(f)
    }
}
