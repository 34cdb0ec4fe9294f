//! The places of a cell's parts, and how a value is copied.
//!
//! The places are computed once, from the type that the caller gives, and compared with the size of the mapping.
//! No later access depends on a number from shared memory, except for a version's number, which is reduced to a
//! place.

use crate::base::error::{Result, fail};
use crate::object::layout::{CELL_ALIGNMENT, CELL_TYPE, CELL_TYPE_END, CellHeader, Stamp, Type};
use crate::object::map::Mapping;
use crate::sync::versions::Versions;
use crate::sys::atomic::AtomicU32;
use crate::sys::memory;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU8, AtomicU64};

/// How many values a cell of small values holds. While a reader copies one value, writers can write all the
/// others without disturbing it.
const PLACES: u64 = 8;
/// Slots of more bytes than this are large.
const LARGE: u64 = 4096;
const PLACES_IF_LARGE: u64 = 4;

/// Values up to this many bytes are copied word by word. The C library copies longer ones faster, in wide words.
const WORD_BY_WORD: usize = 16;

/// Offsets from the cell's start, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    first: u64,
    stride: u64,
    /// The offset of the value in its slot.
    value: u64,
    places: u64,
    pub(super) total: u64,
}

impl Geometry {
    /// `None`: more bytes than a file can have.
    pub(super) fn of(kind_type: &Type) -> Option<Geometry> {
        let alignment = kind_type.alignment().max(CELL_ALIGNMENT);
        let value = kind_type.alignment().max(size_of::<Stamp>() as u64);
        let stride = value
            .checked_add(kind_type.size())?
            .checked_next_multiple_of(alignment)?;
        let places = match stride > LARGE {
            true => PLACES_IF_LARGE,
            false => PLACES,
        };
        let first = CELL_TYPE_END.next_multiple_of(alignment);
        let total = stride.checked_mul(places)?.checked_add(first)?;
        i64::try_from(total).ok()?;
        Some(Geometry {
            first,
            stride,
            value,
            places,
            total,
        })
    }
}

/// The mapped memory of a cell. Its pages may be read-only.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    header: NonNull<CellHeader>,
    first: NonNull<u8>,
    stride: usize,
    value: usize,
    places: u64,
    /// Of a value, in bytes.
    size: usize,
}

// SAFETY: every access is atomic, or to the value of a slot that the holder of the latch is filling, or a copy that
// counts only if no writer was there meanwhile. Threads of other processes share the memory in the same way.
unsafe impl Send for Memory {}
// SAFETY: as for Send.
unsafe impl Sync for Memory {}

impl Memory {
    /// The cell of a type in a mapping. The object's record says that the cell has `recorded` bytes.
    pub(super) fn in_mapping(
        data: &Mapping,
        recorded: u64,
        kind_type: &Type,
        shown: &dyn fmt::Display,
    ) -> Result<Memory> {
        let damaged = || {
            fail!(
                EUCLEAN,
                "{shown}: the cell is damaged: it has {recorded} bytes"
            )
        };
        let geometry = Geometry::of(kind_type)
            .filter(|geometry| geometry.total == recorded && recorded <= data.size() as u64)
            .ok_or_else(damaged)?;
        let base = data.base();
        // The mapping is at least as large as each of the numbers, so the conversions lose nothing.
        // SAFETY: the offset is below the total, and so inside the mapping.
        let first = unsafe { base.add(geometry.first as usize) };
        Ok(Memory {
            header: base.cast(),
            first,
            stride: geometry.stride as usize,
            value: geometry.value as usize,
            places: geometry.places,
            size: kind_type.size() as usize,
        })
    }

    /// The type in a mapping that may be any cell's.
    pub(super) fn type_in(
        data: &Mapping,
        recorded: u64,
        shown: &dyn fmt::Display,
    ) -> Result<Box<Type>> {
        if recorded.min(data.size() as u64) < CELL_TYPE_END {
            return Err(fail!(
                EUCLEAN,
                "{shown}: the cell is damaged: it has {recorded} bytes"
            ));
        }
        // SAFETY: the range lies in the mapping, as was just found.
        unsafe { Type::read_from(data.base().add(CELL_TYPE as usize), shown) }
    }

    /// Writes the type into a new cell.
    pub(super) fn set_type(data: &Mapping, kind_type: &Type) {
        // SAFETY: a new cell's mapping has the geometry's total size, which is above this range's end.
        unsafe { kind_type.write_to(data.base().add(CELL_TYPE as usize)) }
    }

    #[inline(always)]
    pub(super) fn header(&self) -> &CellHeader {
        // SAFETY: the mapping begins with the header and lives as long as the handle that holds self. The header
        // consists of atomics and of a latch, which hold every pattern of bits.
        unsafe { self.header.as_ref() }
    }

    /// The lower half of the latest value's number, for the kernel. Only the kernel reads and changes it as a word
    /// of 32 bits.
    pub(super) fn latest_word(&self) -> &AtomicU32 {
        let latest = NonNull::from(&self.header().latest).cast::<AtomicU32>();
        let half = if cfg!(target_endian = "big") { 1 } else { 0 };
        // SAFETY: both halves lie in the number, which lives as long as self and is aligned to 8 bytes.
        unsafe { latest.add(half).as_ref() }
    }

    /// The size of a value in bytes.
    #[inline(always)]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    #[inline(always)]
    fn slot(&self, place: u64) -> NonNull<u8> {
        let index = (place % self.places) as usize;
        // SAFETY: the index is below the number of slots, all of which lie in the mapping.
        unsafe { self.first.add(index * self.stride) }
    }

    /// The value's address in a slot.
    #[inline(always)]
    pub(super) fn value(&self, place: u64) -> NonNull<u8> {
        // SAFETY: a slot has this many bytes before its value.
        unsafe { self.slot(place).add(self.value) }
    }

    /// Copies the value out of a slot that a writer may be filling at the same time.
    ///
    /// # Safety
    ///
    /// `to` has room for a value.
    #[inline(always)]
    pub(super) unsafe fn copy_out(&self, place: u64, to: *mut u8) {
        let from = self.value(place).as_ptr();
        if self.size > WORD_BY_WORD {
            // SAFETY: both have a value's size, by this function's contract.
            unsafe { memory::copy_racing(from, to, self.size) };
            return;
        }
        let words = self.size / 8;
        for index in 0..words {
            // SAFETY: a value is aligned to 8 bytes at least, since a slot is and 16 or more bytes precede the value.
            // The word lies in the value. Atomic, because a writer may overwrite it.
            let word = unsafe { &*from.cast::<AtomicU64>().add(index) }.load(Relaxed);
            // SAFETY: by this function's contract.
            unsafe { to.cast::<u64>().add(index).write_unaligned(word) };
        }
        for index in words * 8..self.size {
            // SAFETY: as above, for a byte.
            let byte = unsafe { &*from.add(index).cast::<AtomicU8>() }.load(Relaxed);
            // SAFETY: by this function's contract.
            unsafe { to.add(index).write(byte) };
        }
    }

    /// Copies a value into a slot that the holder of the latch fills, while readers may still be copying it.
    ///
    /// # Safety
    ///
    /// `from` has a value's size.
    #[inline(always)]
    pub(super) unsafe fn copy_in(&self, from: *const u8, place: u64) {
        let to = self.value(place).as_ptr();
        if self.size > WORD_BY_WORD {
            // SAFETY: as in copy_out.
            unsafe { memory::copy_racing(from, to, self.size) };
            return;
        }
        let words = self.size / 8;
        for index in 0..words {
            // SAFETY: by this function's contract.
            let word = unsafe { from.cast::<u64>().add(index).read_unaligned() };
            // SAFETY: as in copy_out. Atomic, because a reader may be copying it.
            unsafe { &*to.cast::<AtomicU64>().add(index) }.store(word, Relaxed);
        }
        for index in words * 8..self.size {
            // SAFETY: by this function's contract.
            let byte = unsafe { from.add(index).read() };
            // SAFETY: as above, for a byte.
            unsafe { &*to.add(index).cast::<AtomicU8>() }.store(byte, Relaxed);
        }
    }
}

impl Versions for Memory {
    #[inline(always)]
    fn latest(&self) -> &AtomicU64 {
        &self.header().latest
    }

    #[inline(always)]
    fn places(&self) -> u64 {
        self.places
    }

    #[inline(always)]
    fn stamp(&self, place: u64) -> &Stamp {
        // SAFETY: a slot begins with its stamp and is aligned to 64 bytes. A stamp consists of atomics.
        unsafe { self.slot(place).cast().as_ref() }
    }
}
