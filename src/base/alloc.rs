//! Memory from the allocator, which may refuse it: then the call fails with `ENOMEM`.
//!
//! std's own collections end the process if the allocator refuses. So the library uses only what is here, and a
//! test (`tests/source_rules/allocation.rs`) refuses everything else. Text of a bounded length is better
//! kept in place: see [`text`](super::text).

use super::errno::Errno;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::alloc::{Layout, alloc, alloc_zeroed};

/// `Box::new` that may fail.
pub(crate) fn try_box<T>(value: T) -> Result<Box<T>, Errno> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        // A box of nothing takes no memory.
        return Ok(Box::new(value));
    }
    // SAFETY: the layout's size is not 0.
    let place = unsafe { alloc(layout) }.cast::<T>();
    if place.is_null() {
        return Err(Errno::ENOMEM);
    }
    // SAFETY: the memory is fresh and has T's layout, so a box may own it once the value is in it.
    unsafe {
        place.write(value);
        Ok(Box::from_raw(place))
    }
}

/// A box of zeros, for a value that is too large for the stack of a small thread.
///
/// # Safety
///
/// All zeros is a value of T, and T takes memory.
pub(crate) unsafe fn zeroed_box<T>() -> Result<Box<T>, Errno> {
    const { assert!(size_of::<T>() != 0) };
    // SAFETY: the layout's size is not 0.
    let place = unsafe { alloc_zeroed(Layout::new::<T>()) }.cast::<T>();
    match place.is_null() {
        true => Err(Errno::ENOMEM),
        // SAFETY: the memory is fresh, has T's layout and is a T by this function's contract.
        false => Ok(unsafe { Box::from_raw(place) }),
    }
}

/// A boxed slice whose items are not initialised.
pub(crate) fn uninit_slice<T>(length: usize) -> Result<Box<[MaybeUninit<T>]>, Errno> {
    // SAFETY: `alloc` is called with a layout whose size is not 0. MaybeUninit needs no initialisation.
    unsafe { slice(length, |layout| alloc(layout)) }
}

/// A boxed slice whose items are all zeros.
///
/// # Safety
///
/// All zeros is a value of T.
pub(crate) unsafe fn zeroed_slice<T>(length: usize) -> Result<Box<[T]>, Errno> {
    // SAFETY: as in `uninit_slice`; the bytes are zeros, which is a value by this function's contract.
    unsafe { slice(length, |layout| alloc_zeroed(layout)) }
}

/// # Safety
///
/// `make` returns NULL, or fresh memory of its layout from the global allocator, whose bytes are values of T.
unsafe fn slice<T>(length: usize, make: impl FnOnce(Layout) -> *mut u8) -> Result<Box<[T]>, Errno> {
    let layout = Layout::array::<T>(length).map_err(|_| Errno::ENOMEM)?;
    let start = match layout.size() {
        0 => NonNull::<T>::dangling().as_ptr(),
        _ => make(layout).cast::<T>(),
    };
    if start.is_null() {
        return Err(Errno::ENOMEM);
    }
    // SAFETY: by this function's contract the memory has the layout of a slice of that length, and its bytes
    // are values. A slice of size 0 takes no memory.
    Ok(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(start, length)) })
}

/// A `Vec` that grows only where that may fail.
pub(crate) struct List<T>(Vec<T>);

impl<T> List<T> {
    pub(crate) const fn new() -> List<T> {
        List(Vec::new())
    }

    /// A list that has room for this many items.
    pub(crate) fn with_room(count: usize) -> Result<List<T>, Errno> {
        let mut items = Vec::new();
        items.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        Ok(List(items))
    }

    pub(crate) fn push(&mut self, item: T) -> Result<(), Errno> {
        self.0.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.0.push(item);
        Ok(())
    }

    /// Keeps one of several equal items in a row.
    pub(crate) fn dedup(&mut self)
    where
        T: PartialEq,
    {
        self.0.dedup();
    }
}

impl<T: Copy> List<T> {
    pub(crate) fn extend(&mut self, items: &[T]) -> Result<(), Errno> {
        self.0.try_reserve(items.len()).map_err(|_| Errno::ENOMEM)?;
        self.0.extend_from_slice(items);
        Ok(())
    }

    /// Makes the list this long. New items are copies of `item`.
    pub(crate) fn resize(&mut self, length: usize, item: T) -> Result<(), Errno> {
        let added = length.saturating_sub(self.0.len());
        self.0.try_reserve(added).map_err(|_| Errno::ENOMEM)?;
        self.0.resize(length, item);
        Ok(())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A C string of any length. One of bounded length is a [`CText`](super::text::CText).
pub(crate) struct LongCText(List<u8>);

impl LongCText {
    /// The parts in a row. They hold no NUL.
    pub(crate) fn of(parts: &[&[u8]]) -> Result<LongCText, Errno> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut bytes = List::with_room(length + 1)?;
        for part in parts {
            bytes.extend(part)?;
        }
        bytes.push(0)?;
        Ok(LongCText(bytes))
    }
}

impl Deref for LongCText {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"")
    }
}

/// A value with several owners: `Arc` that may fail. The last owner drops the value.
pub(crate) struct Shared<T>(NonNull<SharedValue<T>>);

/// Room for a [`Shared`] value.
pub(crate) struct SharedRoom<T>(Box<MaybeUninit<SharedValue<T>>>);

impl<T> SharedRoom<T> {
    pub(crate) fn fill(self, value: T) -> Shared<T> {
        let value = SharedValue {
            owners: AtomicUsize::new(1),
            value,
        };
        Shared(NonNull::from(Box::leak(self.0).write(value)))
    }
}

struct SharedValue<T> {
    owners: AtomicUsize,
    value: T,
}

// SAFETY: owners in several threads have references to the value, and any of them may drop it: so the value must
// be Sync and Send. The count is atomic.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as for Send.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Result<Shared<T>, Errno> {
        Ok(Shared::room()?.fill(value))
    }

    /// The memory for a value that is to be shared later, so that sharing it cannot fail.
    pub(crate) fn room() -> Result<SharedRoom<T>, Errno> {
        try_box(MaybeUninit::uninit()).map(SharedRoom)
    }

    fn inner(&self) -> &SharedValue<T> {
        // SAFETY: this owner is counted, so the value is not dropped yet.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn owners(&self) -> usize {
        self.inner().owners.load(Ordering::Acquire)
    }

    /// Counts one owner less.
    ///
    /// # Safety
    ///
    /// There is another owner that is never used or dropped.
    pub(crate) unsafe fn forget_other(&self) {
        // Release: as in drop.
        self.inner().owners.fetch_sub(1, Ordering::Release);
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        // Relaxed: this owner has the value already, so there is nothing to be ordered with. The count cannot
        // wrap, because each owner takes memory.
        self.inner().owners.fetch_add(1, Ordering::Relaxed);
        Shared(self.0)
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner().value
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // Release orders this owner's use before the drop in another thread. Acquire orders the other owners'
        // uses before the drop in this one.
        let before = self.inner().owners.fetch_sub(1, Ordering::AcqRel);
        if before == 1 {
            // SAFETY: this was the last owner, and `new` leaked the box.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_refused_and_not_aborted() {
        let too_many = usize::MAX / 16;
        assert_eq!(List::<u64>::with_room(too_many).err(), Some(Errno::ENOMEM));
        assert_eq!(uninit_slice::<u64>(too_many).err(), Some(Errno::ENOMEM));
        let mut list = List::new();
        assert_eq!(list.resize(usize::MAX / 2, 1u16), Err(Errno::ENOMEM));
        assert!(list.is_empty());
    }

    #[test]
    fn boxes_and_slices_hold_their_values() {
        assert_eq!(*try_box(7).ok().unwrap(), 7);
        assert!(try_box(()).is_ok());
        // SAFETY: zeros are numbers.
        assert_eq!(*unsafe { zeroed_slice::<u64>(3) }.ok().unwrap(), [0; 3]);
        assert!(uninit_slice::<u64>(0).ok().unwrap().is_empty());
    }

    #[test]
    fn the_last_owner_drops_the_value() {
        let witness = std::sync::Arc::new(());
        let first = Shared::new(std::sync::Arc::clone(&witness)).ok().unwrap();
        let second = first.clone();
        assert_eq!(first.owners(), 2);
        drop(first);
        assert_eq!(std::sync::Arc::strong_count(&witness), 2);
        drop(second);
        assert_eq!(std::sync::Arc::strong_count(&witness), 1);
    }

    #[test]
    fn a_long_text_is_its_parts() {
        let text = LongCText::of(&[b"/bin", b"/", b"ls"]).ok().unwrap();
        assert_eq!(&*text, c"/bin/ls");
        assert_eq!(&*LongCText::of(&[]).ok().unwrap(), c"");
    }
}
