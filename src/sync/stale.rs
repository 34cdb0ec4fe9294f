//! Locks in a file that were held when the machine went down, or when the file was copied.
//!
//! Nobody alive holds them, and the kernel has not marked them. Here each gets the mark that the kernel
//! would have left. The locks are found by their tags: 64 bits of which 32 say what kind of lock of which
//! version stands there, and 32 are the number of a PID namespace.

use crate::object::layout::{
    BARRIER_TAG, Barrier, MUTEX_TAG, Mutex, PERMITS_TAG, Permits, RWLOCK_TAG, Rwlock, Slot,
};
use crate::object::map::Mapping;
use crate::sys::atomic::AtomicU64;
use crate::sys::futex::{OWNER_DIED, TID_MASK};
use core::mem::offset_of;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

/// Marks every held lock in memory that nobody else uses. The locks' tags hold the PID namespace `before`
/// or `now`, and hold `now` afterwards.
pub(crate) fn mark_all(data: &Mapping, before: u32, now: u32) {
    let find = |offset: usize| {
        let tag: &AtomicU64 = place(data, offset)?;
        let found = tag.load(Relaxed);
        let namespace = found as u32;
        if namespace != now && (namespace != before || before == 0) {
            return None;
        }
        let kind = found & !u64::from(u32::MAX);
        let is_marked = match kind {
            MUTEX_TAG => mark_mutex(place(data, offset.checked_sub(offset_of!(Mutex, tag))?)?),
            RWLOCK_TAG => {
                let lock: &Rwlock = place(data, offset.checked_sub(offset_of!(Rwlock, tag))?)?;
                lock.wanted.store(0, Relaxed);
                // Its mutex has a tag of its own.
                mark_slots(&lock.readers)
            }
            PERMITS_TAG => {
                let pool: &Permits = place(data, offset)?;
                pool.wanted.store(0, Relaxed);
                mark_slots(&pool.slots)
            }
            BARRIER_TAG => {
                let barrier: &Barrier = place(data, offset)?;
                mark_slots(&barrier.slots)
            }
            _ => return None,
        };
        tag.store(kind | u64::from(now), Relaxed);
        Some(is_marked)
    };
    for offset in (0..data.size()).step_by(align_of::<AtomicU64>()) {
        let _ = find(offset);
    }
}

fn mark_mutex(mutex: &Mutex) {
    let word = mutex.word.load(Relaxed);
    if word & TID_MASK != 0 {
        mutex.word.store(OWNER_DIED, Relaxed);
    }
    mutex.birth.store(0, Relaxed);
}

fn mark_slots(slots: &[Slot]) {
    for slot in slots {
        if slot.word.load(Relaxed) & TID_MASK != 0 {
            slot.word.store(OWNER_DIED, Relaxed);
        }
        slot.birth.store(0, Relaxed);
    }
}

/// The object at this offset, if it lies in the memory.
fn place<T>(data: &Mapping, offset: usize) -> Option<&T> {
    let end = offset.checked_add(size_of::<T>())?;
    if end > data.size() {
        return None;
    }
    // SAFETY: the range lies in the mapping, which lives as long as the reference. The offset is a multiple
    // of 8, which is the alignment of every type here. The types consist of atomics and cells that hold
    // every pattern of bits, and nobody else uses the memory.
    let found: NonNull<T> = unsafe { data.base().add(offset) }.cast();
    // SAFETY: as above.
    Some(unsafe { found.as_ref() })
}
