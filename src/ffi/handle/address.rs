//! Handles as C has them: in the form of pointers.
//!
//! With 64-bit pointers a handle's number is the pointer: no address has such a number. With 32 bits every
//! number can be an address. So the library reserves a range of addresses that are never mapped to memory, and
//! a handle is an address in it. The number's parts are fewer bits wide there.

#[cfg(target_pointer_width = "64")]
mod form {
    use super::super::slots::MARK;
    use crate::base::error::Result;

    /// How many chunks of slots there are at most.
    pub(in crate::ffi::handle) const CHUNKS: usize = 14;
    /// How many bits of a generation a handle holds.
    pub(in crate::ffi::handle) const GENERATION_BITS: u32 = 16;

    /// Call before the first handle is made.
    #[inline(always)]
    pub(in crate::ffi::handle) fn prepare() -> Result<()> {
        Ok(())
    }

    #[inline(always)]
    pub(in crate::ffi::handle) fn to_address(number: u64) -> usize {
        number as usize
    }

    #[inline(always)]
    pub(in crate::ffi::handle) fn from_address(address: usize) -> u64 {
        address as u64
    }

    /// Whether an address has the form of a handle.
    #[inline(always)]
    pub(in crate::ffi::handle) fn is_handle(address: usize) -> bool {
        address as u64 >> 56 == MARK
    }
}

/// A handle's distance from the beginning of the range:
///
/// | bits | |
/// |---|---|
/// | 0 to 3 | kind |
/// | 4 to 17 | index of the slot |
/// | 18 to 25 | generation of the slot |
#[cfg(target_pointer_width = "32")]
mod form {
    use super::super::slots::number_of;
    use crate::base::error::{Result, failed};
    use crate::sys::memory;
    use core::sync::atomic::{AtomicUsize, Ordering};

    pub(in crate::ffi::handle) const CHUNKS: usize = 8;
    pub(in crate::ffi::handle) const GENERATION_BITS: u32 = 8;

    const LENGTH: usize = 1 << 26;
    /// No handle begins here, so an address is none until the range is reserved.
    const NOWHERE: usize = usize::MAX - LENGTH + 1;

    /// The first address of the range.
    static BASE: AtomicUsize = AtomicUsize::new(NOWHERE);

    #[inline(always)]
    fn base() -> usize {
        // Relaxed: the number stands for itself, and nobody reads the memory behind it.
        BASE.load(Ordering::Relaxed)
    }

    pub(in crate::ffi::handle) fn prepare() -> Result<()> {
        if base() != NOWHERE {
            return Ok(());
        }
        let range = memory::reserve_addresses(LENGTH)
            .map_err(|errno| failed!(errno, "{LENGTH} addresses for handles"))?;
        let address = range.addr().get();
        let set = BASE.compare_exchange(NOWHERE, address, Ordering::Relaxed, Ordering::Relaxed);
        if set.is_err() {
            // SAFETY: another thread was faster, and nobody knows this range.
            unsafe { memory::unmap(range, LENGTH) };
        }
        Ok(())
    }

    pub(in crate::ffi::handle) fn to_address(number: u64) -> usize {
        let (kind, index, generation) =
            (number >> 3 & 0xf, number >> 7 & 0x3fff, number >> 27 & 0xff);
        base() + (generation << 18 | index << 4 | kind) as usize
    }

    /// A number that is no handle's if the address is not in the range.
    #[inline(always)]
    pub(in crate::ffi::handle) fn from_address(address: usize) -> u64 {
        if !is_handle(address) {
            return address as u64;
        }
        let offset = (address - base()) as u64;
        number_of(
            (offset & 0xf) as u8,
            (offset >> 4 & 0x3fff) as u32,
            offset >> 18,
        )
    }

    #[inline(always)]
    pub(in crate::ffi::handle) fn is_handle(address: usize) -> bool {
        // NOWHERE is above every address of a process but the last ones, which the kernel's errors have.
        address.wrapping_sub(base()) < LENGTH && base() != NOWHERE
    }
}

pub(super) use form::{CHUNKS, GENERATION_BITS, from_address, prepare, to_address};

/// Whether a pointer has the form of a handle, which no address of memory has.
#[inline(always)]
pub(crate) fn is_handle<H>(pointer: *const H) -> bool {
    form::is_handle(pointer.addr())
}
