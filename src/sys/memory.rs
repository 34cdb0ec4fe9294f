//! Mapping files and anonymous pages.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, MsFlags, ProtFlags};
use std::os::fd::BorrowedFd;

fn protection(writable: bool) -> ProtFlags {
    if writable {
        ProtFlags::PROT_READ | ProtFlags::PROT_WRITE
    } else {
        ProtFlags::PROT_READ
    }
}

/// Maps the first `length` bytes of a file, shared.
pub(crate) fn map_file(
    file: BorrowedFd<'_>,
    length: NonZeroUsize,
    writable: bool,
) -> Result<NonNull<u8>, Errno> {
    let flags = MapFlags::MAP_SHARED;
    // SAFETY: without MAP_FIXED the kernel picks free addresses, so no existing memory is touched.
    unsafe { nix::sys::mman::mmap(None, length, protection(writable), flags, file, 0) }
        .map(NonNull::cast)
}

/// Maps zeroed pages that the process shares with the children that it forks.
pub(crate) fn map_anonymous(length: NonZeroUsize) -> Result<NonNull<u8>, Errno> {
    let flags = MapFlags::MAP_SHARED;
    // SAFETY: as in map_file.
    unsafe { nix::sys::mman::mmap_anonymous(None, length, protection(true), flags) }
        .map(NonNull::cast)
}

/// Removes a mapping.
///
/// # Safety
///
/// `base` and `length` are those of a mapping made in this file, and nothing uses it any more.
pub(crate) unsafe fn unmap(base: NonNull<u8>, length: usize) {
    // SAFETY: by this function's contract. munmap fails only for arguments that no mapping has.
    let _ = unsafe { nix::sys::mman::munmap(base.cast(), length) };
}

/// Writes a file's mapped pages to its disk and waits until they are there.
///
/// # Safety
///
/// `base` and `length` are those of a live mapping made in this file.
pub(crate) unsafe fn synchronize(base: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: by this function's contract; msync reads the pages and changes nothing.
    unsafe { nix::sys::mman::msync(base.cast(), length, MsFlags::MS_SYNC) }
}

pub(crate) fn page_size() -> usize {
    // SAFETY: sysconf only looks up a number; this one exists on every Linux.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// Whether these bytes of this process can be read. True if the kernel does not say, as in a sandbox.
#[cold]
pub(crate) fn is_readable(start: usize, size: usize) -> bool {
    use nix::sys::uio::{RemoteIoVec, process_vm_readv};
    let mut bytes = [0; 16];
    let wanted = size.min(bytes.len());
    let source = [RemoteIoVec {
        base: start,
        len: wanted,
    }];
    let mut target = [std::io::IoSliceMut::new(&mut bytes[..wanted])];
    match process_vm_readv(nix::unistd::getpid(), &mut target, &source) {
        Ok(read) => read == wanted,
        Err(errno) => errno != Errno::EFAULT,
    }
}
