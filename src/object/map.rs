//! One mapping of memory: its bounds, its lifetime, and whether it may be written.

use crate::base::error::{Error, Result, fail, failed};
use crate::sys::memory;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use nix::errno::Errno;
use std::os::fd::BorrowedFd;

/// Whether a mapping may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
}

impl Access {
    pub(crate) fn is_writable(self) -> bool {
        self == Access::ReadWrite
    }
}

/// A mapping. Dropping it removes it from the address space.
pub(crate) struct Mapping {
    base: NonNull<u8>,
    length: NonZeroUsize,
}

// SAFETY: a Mapping owns an address range and gives out raw pointers only. Code that uses the pointers
// from several threads has to order its accesses, as with all shared memory.
unsafe impl Send for Mapping {}
// SAFETY: as for Send, and no method changes the mapping.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `size` bytes of a file.
    pub(crate) fn of_file(file: BorrowedFd<'_>, size: u64, access: Access) -> Result<Mapping> {
        let length = length_of(size)?;
        memory::map_file(file, length, access.is_writable())
            .map(|base| Mapping { base, length })
            .map_err(|errno| not_mapped(size, errno))
    }

    /// Maps zeroed pages that only this process and the children that it forks see.
    pub(crate) fn anonymous(size: u64) -> Result<Mapping> {
        let length = length_of(size)?;
        memory::map_anonymous(length)
            .map(|base| Mapping { base, length })
            .map_err(|errno| not_mapped(size, errno))
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(crate) fn size(&self) -> usize {
        self.length.get()
    }

    /// Makes all pages present. See [`memory::populate_for_reading`].
    pub(crate) fn populate_for_reading(&self) -> Result<(), Errno> {
        // SAFETY: the mapping is alive as long as self.
        unsafe { memory::populate_for_reading(self.base, self.length.get()) }
    }

    /// Writes the mapped pages of a file to its disk.
    pub(crate) fn synchronize(&self) -> Result<(), Errno> {
        // SAFETY: the mapping is alive as long as self.
        unsafe { memory::synchronize(self.base, self.length.get()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: base and length are the mapping's own. Its owner is being dropped, so nobody uses the
        // memory any more.
        unsafe { memory::unmap(self.base, self.length.get()) };
    }
}

#[cold]
fn not_mapped(size: u64, errno: Errno) -> Error {
    match errno {
        // Elsewhere EAGAIN says that something is possible later.
        Errno::EAGAIN => fail!(
            ENOMEM,
            "mapping {size} bytes: the process locks all its memory (mlockall), and RLIMIT_MEMLOCK allows no more"
        ),
        errno => failed!(errno, "mapping {size} bytes"),
    }
}

fn length_of(size: u64) -> Result<NonZeroUsize> {
    usize::try_from(size)
        .ok()
        .and_then(NonZeroUsize::new)
        .ok_or_else(|| fail!(EINVAL, "a mapping of {size} bytes is not possible"))
}
