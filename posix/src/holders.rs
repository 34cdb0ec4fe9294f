//! The memory of a queue that has lost its name.
//!
//! Such memory can be reached only through a process that has it open. The process's descriptor in
//! /proc/PID/fd shows the name that the file had. A process that receives a queue's mqd_t over a socket
//! or through execve() usually has it from a process that goes on using the queue.

use crate::directory::Directory;
use crate::identity::Identity;
use crate::name::Path;
use crate::{check_libc, close, lifted};
use core::ffi::{CStr, c_char, c_int};

/// Opens the memory of a twin through any process that has the memory open.
pub(crate) fn open_memory(twin: &Identity) -> Option<c_int> {
    let is_number = |name: &[u8]| name.iter().all(u8::is_ascii_digit);
    let plain = Path::of_memory(twin.device, twin.inode);
    let mut processes = Directory::open(libc::AT_FDCWD, c"/proc").ok()?;
    let proc = processes.fd();
    while let Some(process) = processes.next_where(is_number) {
        let mut path = [0u8; 32];
        let length = process.to_bytes().len().min(16);
        path[..length].copy_from_slice(&process.to_bytes()[..length]);
        path[length..length + 3].copy_from_slice(b"/fd");
        let path = CStr::from_bytes_until_nul(&path).unwrap_or(c"");
        // Fails for a process of another user, unless this one is privileged.
        let Ok(mut descriptors) = Directory::open(proc, path) else {
            continue;
        };
        let fd = descriptors.fd();
        while let Some(number) = descriptors.next_where(is_number) {
            if let Some(memory) = open_if_memory(fd, number, &plain, twin) {
                return Some(memory);
            }
        }
    }
    None
}

/// Opens the file of another process's descriptor if it is the memory of the twin.
fn open_if_memory(
    descriptors: c_int,
    number: &CStr,
    plain: &Path,
    twin: &Identity,
) -> Option<c_int> {
    let mut link = [0u8; 128];
    // SAFETY: the name is a C string, and the buffer has the length that is given.
    let length = unsafe {
        libc::readlinkat(
            descriptors,
            number.as_ptr(),
            link.as_mut_ptr().cast::<c_char>(),
            link.len(),
        )
    };
    // The kernel shows the name that the file had, and says that it was removed.
    let name = link
        .get(..usize::try_from(length).ok()?)?
        .strip_prefix(b"/dev/shm/")?
        .strip_suffix(b" (deleted)")?;
    if !plain.is_memory_name(name) {
        return None;
    }
    let flags = libc::O_RDWR | libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: the name is a C string.
    let memory = check_libc(unsafe { libc::openat(descriptors, number.as_ptr(), flags) });
    let memory = memory.and_then(lifted).ok()?;
    // A privileged process also sees the descriptors of others. These may show any name, but not any
    // owner.
    if Identity::of(memory).is_ok_and(|found| found.may_be_memory_of(twin)) {
        return Some(memory);
    }
    close(memory);
    None
}
