//! One mapping of memory: its bounds, its lifetime, and whether it may be written.

use crate::base::error::{Error, Result, fail, failed};
use crate::sys::memory;
use core::num::NonZeroUsize;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};
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

/// Called before a mapping ends, with its memory. NULL if there is nothing to call.
static BEFORE_UNMAP: [AtomicPtr<()>; 2] = [const { AtomicPtr::new(core::ptr::null_mut()) }; 2];

/// The users of [`set_before_unmap`].
#[derive(Clone, Copy)]
pub(crate) enum UserOfMemory {
    Descriptors,
    Waitsets,
}

/// Has `call` called before each mapping of this process ends.
pub(crate) fn set_before_unmap(user: UserOfMemory, call: fn(Range<usize>)) {
    BEFORE_UNMAP[user as usize].store(call as *mut (), Ordering::Release);
}

fn before_unmap(memory: &Range<usize>) {
    for call in &BEFORE_UNMAP {
        let call = call.load(Ordering::Acquire);
        if !call.is_null() {
            // SAFETY: only `set_before_unmap` stores there, and a function's pointer has the size of a pointer.
            let call = unsafe { core::mem::transmute::<*mut (), fn(Range<usize>)>(call) };
            call(memory.clone());
        }
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
            .map(|base| {
                if !access.is_writable() {
                    read_only::note(base.addr().get(), length.get());
                }
                Mapping { base, length }
            })
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
        let start = self.base.addr().get();
        before_unmap(&(start..start.saturating_add(self.length.get())));
        read_only::forget(self.base.addr().get());
        // SAFETY: base and length are the mapping's own. Its owner is being dropped, so nobody uses the
        // memory any more.
        unsafe { memory::unmap(self.base, self.length.get()) };
    }
}

/// Whether an address lies in a mapping that this library made and that may not be written. A write there
/// would end the process.
#[inline(always)]
pub(crate) fn is_read_only(address: usize) -> bool {
    read_only::any() && read_only::contains(address)
}

/// The read-only mappings of this process. The look-up takes no lock: a signal handler or a forked child may
/// need it at any moment.
mod read_only {
    use core::sync::atomic::AtomicUsize;
    use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

    /// How many mappings can be noted. Memory of further ones counts as writable.
    const NOTED_MAX: usize = 1024;

    /// A free entry's `start` is 0. While an entry is being filled, its `start` is `RESERVED`.
    struct Entry {
        start: AtomicUsize,
        end: AtomicUsize,
    }

    const RESERVED: usize = 1;

    static ENTRIES: [Entry; NOTED_MAX] = [const {
        Entry {
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
        }
    }; NOTED_MAX];
    /// How many entries were ever in use: the search ends there.
    static USED: AtomicUsize = AtomicUsize::new(0);

    pub(super) fn note(start: usize, length: usize) {
        for (number, entry) in ENTRIES.iter().enumerate() {
            // Acquire, here and in `contains`: without it the `end` of another use of the entry could be
            // read with this `start`.
            let taken = entry
                .start
                .compare_exchange(0, RESERVED, Acquire, Relaxed)
                .is_ok();
            if taken {
                entry.end.store(start.saturating_add(length), Relaxed);
                entry.start.store(start, Release);
                USED.fetch_max(number + 1, Release);
                return;
            }
        }
    }

    pub(super) fn forget(start: usize) {
        if any() {
            let used = ENTRIES.iter().take(USED.load(Acquire));
            for entry in used.filter(|entry| entry.start.load(Relaxed) == start) {
                entry.start.store(0, Release);
            }
        }
    }

    /// Relaxed: a thread that uses a mapping has got it from the thread that noted it.
    #[inline(always)]
    pub(super) fn any() -> bool {
        USED.load(Relaxed) != 0
    }

    #[cold]
    pub(super) fn contains(address: usize) -> bool {
        let mut used = ENTRIES.iter().take(USED.load(Acquire));
        used.any(|entry| {
            let start = entry.start.load(Acquire);
            start > RESERVED && (start..entry.end.load(Relaxed)).contains(&address)
        })
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
        Errno::ENOMEM => fail!(
            ENOMEM,
            "mapping {size} bytes: the process has no address space left (RLIMIT_AS), or as many mappings as vm.max_map_count allows, or the system commits no more memory (vm.overcommit_memory)"
        ),
        errno => failed!(errno, "mapping {size} bytes"),
    }
}

/// Fails if no mapping in this process can have so many bytes. Half of the addresses are the most that one can have.
pub(crate) fn check_size(size: u64) -> Result<()> {
    length_of(size).map(drop)
}

fn length_of(size: u64) -> Result<NonZeroUsize> {
    let fitting = usize::try_from(size)
        .ok()
        .filter(|&size| isize::try_from(size).is_ok());
    let length = fitting.ok_or_else(|| {
        fail!(
            ENOMEM,
            "{size} bytes do not fit into the address space of this process, which has {} bits",
            usize::BITS
        )
    })?;
    NonZeroUsize::new(length).ok_or_else(|| fail!(EINVAL, "a mapping of 0 bytes is not possible"))
}
