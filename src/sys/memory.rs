//! Mapping files and anonymous pages.

use core::num::NonZeroUsize;
use core::ptr::{self, NonNull};
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

/// Reserves addresses to which no memory is ever mapped. It takes none.
#[cfg(target_pointer_width = "32")]
pub(crate) fn reserve_addresses(length: usize) -> Result<NonNull<u8>, Errno> {
    let length = NonZeroUsize::new(length).ok_or(Errno::EINVAL)?;
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
    // SAFETY: as in map_file.
    unsafe { nix::sys::mman::mmap_anonymous(None, length, ProtFlags::PROT_NONE, flags) }
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

/// Makes every page of a file's mapping present, so that reading it cannot fail later for lack of space: a
/// file in memory gets a page for a hole when the hole is read. `EFAULT` if there is no space; `EINVAL` before
/// Linux 5.14.
///
/// # Safety
///
/// `base` and `length` are those of a live mapping made in this file.
pub(crate) unsafe fn populate_for_reading(base: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: by this function's contract; the call changes nothing in the mapping.
    Errno::result(unsafe { libc::madvise(base.as_ptr().cast(), length, libc::MADV_POPULATE_READ) })
        .map(drop)
}

/// Copies bytes of which another process may overwrite some at the same time. Such a copy may be a mixture, so the
/// caller uses it only if it knows that nobody has written.
///
/// The compiler may not assume that nobody writes, so it must not see the copy: a function of the C library makes
/// it, which copies bytes whatever they are.
///
/// # Safety
///
/// Both addresses have this many bytes, which do not overlap.
pub(crate) unsafe fn copy_racing(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: by this function's contract.
    unsafe { libc::memcpy(to.cast(), from.cast(), length) };
}

pub(crate) fn page_size() -> usize {
    // SAFETY: sysconf only looks up a number; this one exists on every Linux.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// Whether the four bytes at an address that is a multiple of four can be read and written. It changes
/// nothing. False if the kernel does not say, as in a strict sandbox.
///
/// The kernel finds out by doing "or 0" to the word, which is a part of FUTEX_WAKE_OP. That wakes those who
/// sleep on either of its two words, but nobody sleeps on words that are private to the process.
#[cold]
pub(crate) fn is_writable(address: usize) -> bool {
    const OR_NOTHING: usize = (libc::FUTEX_OP_OR as usize) << 28;
    let nobody_sleeps_here = 0u32;
    let words = [ptr::from_ref(&nobody_sleeps_here).addr(), address];
    let operation = (libc::FUTEX_WAKE_OP | libc::FUTEX_PRIVATE_FLAG) as usize;
    let arguments = [words[0], operation, 0, 0, words[1], OR_NOTHING];
    // SAFETY: the call writes nothing but the unchanged value of the word at the address, atomically.
    unsafe { super::direct::system_call(libc::SYS_futex, arguments) }.is_ok()
}
