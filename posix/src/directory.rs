//! The names in a directory.

use crate::{Result, check_libc, close, errno, lifted};
use core::ffi::{CStr, c_int};

/// An open directory, closed when it is dropped.
pub(crate) struct Directory(*mut libc::DIR);

impl Directory {
    /// Opens a directory. `parent` is an open directory, or AT_FDCWD for an absolute path.
    pub(crate) fn open(parent: c_int, path: &CStr) -> Result<Directory> {
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
        // SAFETY: the path is a C string.
        let fd = lifted(check_libc(unsafe {
            libc::openat(parent, path.as_ptr(), flags)
        })?)?;
        // SAFETY: the descriptor is a directory's, and is given away.
        let directory = unsafe { libc::fdopendir(fd) };
        if directory.is_null() {
            let number = errno();
            // After a failure the descriptor still belongs to this function.
            close(fd);
            return Err(number);
        }
        Ok(Directory(directory))
    }

    pub(crate) fn fd(&self) -> c_int {
        // SAFETY: the directory is open until the value is dropped.
        unsafe { libc::dirfd(self.0) }
    }

    /// The next name that is wanted. `None` at the end.
    pub(crate) fn next_where(&mut self, is_wanted: impl Fn(&[u8]) -> bool) -> Option<&CStr> {
        loop {
            // SAFETY: the directory is open, and only this thread reads it.
            let entry = unsafe { libc::readdir(self.0).as_ref() }?;
            // SAFETY: libc ends the name with a 0, and keeps it until the next readdir(). The borrow of
            // self prevents that call as long as the name is used.
            let name = unsafe { CStr::from_ptr(entry.d_name.as_ptr()) };
            if is_wanted(name.to_bytes()) {
                return Some(name);
            }
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // SAFETY: the directory is open, and not used again.
        unsafe { libc::closedir(self.0) };
    }
}
