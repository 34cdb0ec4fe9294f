//! Queues that have lost their names.
//!
//! The memory of such a queue is reached only through a process that has it open: its descriptor, in
//! /proc/PID/fd, tells the name that the file had. Who gets a queue's mqd_t over a socket or through
//! execve() mostly has it from one that goes on using it.

use crate::name::Path;
use core::ffi::{CStr, c_char, c_int};

/// A directory, read until it is dropped.
struct Directory(*mut libc::DIR);

impl Directory {
    /// # Safety
    ///
    /// The descriptor is the caller's own, or negative.
    unsafe fn of(fd: c_int) -> Option<Directory> {
        // SAFETY: by this function's contract; libc refuses what is no directory.
        let directory = unsafe { libc::fdopendir(fd) };
        if directory.is_null() {
            // SAFETY: as above.
            unsafe { libc::close(fd) };
            return None;
        }
        Some(Directory(directory))
    }

    fn fd(&self) -> c_int {
        // SAFETY: open.
        unsafe { libc::dirfd(self.0) }
    }

    fn open(&self, name: &CStr, flags: c_int) -> c_int {
        // SAFETY: a name.
        unsafe { libc::openat(self.fd(), name.as_ptr(), flags | libc::O_CLOEXEC) }
    }

    /// The next name that is a number.
    fn next(&mut self) -> Option<&CStr> {
        loop {
            // SAFETY: open, and read by this thread alone.
            let entry = unsafe { libc::readdir(self.0).as_ref() }?;
            // SAFETY: libc ends the name with 0; it stays until the next call.
            let name = unsafe { CStr::from_ptr(entry.d_name.as_ptr()) };
            if name.to_bytes().iter().all(u8::is_ascii_digit) {
                return Some(name);
            }
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // SAFETY: open.
        unsafe { libc::closedir(self.0) };
    }
}

/// The memory of a queue of that name in some process, opened.
pub(crate) fn open_memory(queue: &Path) -> Option<c_int> {
    const DIRECTORY: c_int = libc::O_RDONLY | libc::O_DIRECTORY;
    let is_it = |link: &[u8]| {
        let name = link.strip_prefix(b"/dev/shm");
        name.and_then(|name| name.strip_suffix(b" (deleted)")) == Some(queue.as_bytes())
    };
    // SAFETY: a name; the descriptor is given away.
    let mut processes =
        unsafe { Directory::of(libc::open(c"/proc".as_ptr(), DIRECTORY | libc::O_CLOEXEC)) }?;
    while let Some(process) = processes.next() {
        let mut path = [0u8; 32];
        let length = process.to_bytes().len().min(16);
        path[..length].copy_from_slice(&process.to_bytes()[..length]);
        path[length..length + 3].copy_from_slice(b"/fd");
        let path = CStr::from_bytes_until_nul(&path).unwrap_or(c"");
        // Those of other users cannot be looked at.
        // SAFETY: the descriptor is given away.
        let Some(mut descriptors) = (unsafe { Directory::of(processes.open(path, DIRECTORY)) })
        else {
            continue;
        };
        let fd = descriptors.fd();
        while let Some(number) = descriptors.next() {
            let mut link = [0u8; 128];
            // SAFETY: a name, and a buffer.
            let length = unsafe {
                libc::readlinkat(
                    fd,
                    number.as_ptr(),
                    link.as_mut_ptr().cast::<c_char>(),
                    link.len(),
                )
            };
            if !is_it(link.get(..length.max(0) as usize).unwrap_or(&[])) {
                continue;
            }
            // SAFETY: a name.
            let memory =
                unsafe { libc::openat(fd, number.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
            if memory >= 0 {
                return Some(memory);
            }
        }
    }
    None
}
