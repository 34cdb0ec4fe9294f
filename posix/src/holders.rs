//! The memory of a queue that has lost its name.
//!
//! Such memory can be reached only through a process that has it open. The process's descriptor in
//! /proc/PID/fd shows the name that the file had. A process that receives a queue's mqd_t over a socket
//! or through execve() usually has it from a process that goes on using the queue.

use crate::close;
use crate::name::Path;
use core::ffi::{CStr, c_char, c_int};

/// An open directory, closed when it is dropped.
struct Directory(*mut libc::DIR);

impl Directory {
    /// # Safety
    ///
    /// The caller owns the descriptor and gives it away, or it is negative.
    unsafe fn of(fd: c_int) -> Option<Directory> {
        // SAFETY: by this function's contract. libc refuses a number that is no directory's.
        let directory = unsafe { libc::fdopendir(fd) };
        if directory.is_null() {
            // After a failure the descriptor still belongs to this function.
            close(fd);
            return None;
        }
        Some(Directory(directory))
    }

    fn fd(&self) -> c_int {
        // SAFETY: the directory is open until the value is dropped.
        unsafe { libc::dirfd(self.0) }
    }

    fn open(&self, name: &CStr, flags: c_int) -> c_int {
        // SAFETY: the name is a C string.
        unsafe { libc::openat(self.fd(), name.as_ptr(), flags) }
    }

    /// The next name that is a number. `None` at the end.
    fn next(&mut self) -> Option<&CStr> {
        loop {
            // SAFETY: the directory is open, and only this thread reads it.
            let entry = unsafe { libc::readdir(self.0).as_ref() }?;
            // SAFETY: libc ends the name with a 0, and keeps it until the next readdir(). The borrow of
            // self prevents that call as long as the name is used.
            let name = unsafe { CStr::from_ptr(entry.d_name.as_ptr()) };
            if name.to_bytes().iter().all(u8::is_ascii_digit) {
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

/// Opens the memory that had this name through any process that has it open.
pub(crate) fn open_memory(queue: &Path) -> Option<c_int> {
    const DIRECTORY: c_int = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the path is a C string, and the descriptor is given away.
    let mut processes = unsafe { Directory::of(libc::open(c"/proc".as_ptr(), DIRECTORY)) }?;
    while let Some(process) = processes.next() {
        let mut path = [0u8; 32];
        let length = process.to_bytes().len().min(16);
        path[..length].copy_from_slice(&process.to_bytes()[..length]);
        path[length..length + 3].copy_from_slice(b"/fd");
        let path = CStr::from_bytes_until_nul(&path).unwrap_or(c"");
        // Fails for a process of another user, unless this one is privileged.
        // SAFETY: the descriptor is given away.
        let descriptors = unsafe { Directory::of(processes.open(path, DIRECTORY)) };
        let memory = descriptors.and_then(|descriptors| open_among(descriptors, queue));
        if memory.is_some() {
            return memory;
        }
    }
    None
}

/// Opens the memory if one of these descriptors leads to it.
fn open_among(mut descriptors: Directory, queue: &Path) -> Option<c_int> {
    let fd = descriptors.fd();
    while let Some(number) = descriptors.next() {
        let mut link = [0u8; 128];
        // SAFETY: the name is a C string, and the buffer has the length that is given.
        let length = unsafe {
            libc::readlinkat(
                fd,
                number.as_ptr(),
                link.as_mut_ptr().cast::<c_char>(),
                link.len(),
            )
        };
        let link = link.get(..length.max(0) as usize).unwrap_or(&[]);
        if !is_removed_memory(link, queue) {
            continue;
        }
        // SAFETY: the name is a C string.
        let memory = unsafe { libc::openat(fd, number.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        if memory >= 0 {
            return Some(memory);
        }
    }
    None
}

/// Whether the kernel shows the file as the memory of that name, removed.
fn is_removed_memory(link: &[u8], queue: &Path) -> bool {
    let name = link.strip_prefix(b"/dev/shm");
    name.and_then(|name| name.strip_suffix(b" (deleted)")) == Some(queue.as_bytes())
}
