//! Handles: what C holds instead of pointers to our memory.
//!
//! A handle looks like a pointer and points nowhere (on 64-bit machines no address has such a
//! form). It holds the index of a slot and the slot's generation, so a handle that was closed,
//! that belongs to another kind of object, or that never was one, is told from a good one
//! without touching any memory it might point to.
//!
//! A call pins the slot while it uses the object. Closing makes the handle invalid at once;
//! calls that are under way in other threads finish first, and the last of them releases the
//! object. There is no lock, so a child may use handles whatever its parent's other threads
//! were doing when it forked. (What such a thread had pinned stays so in the child: there,
//! closing that handle releases nothing.)

use crate::error::{Result, fail};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// In the top bits of every handle.
const MARK: u64 = 0x5E7A;
const MARK_BITS: u64 = 0xffff << 48;

/// Slots in the first chunk; each further chunk has twice as many as the one before.
const FIRST_CHUNK: usize = 64;
const CHUNKS: usize = 14;
const SLOTS_MAX: u32 = (FIRST_CHUNK * ((1 << CHUNKS) - 1)) as u32;

/// The state of a slot: in one word, so that it changes in one step.
///
/// | bits | |
/// |---|---|
/// | 0 to 31 | calls that use the object now |
/// | 32 | OPEN: the handle is good |
/// | 33 | BUSY: the value is being written or dropped |
/// | 48 to 63 | generation, raised when a slot becomes free again |
///
/// A slot is free when all but the generation is 0.
const USERS: u64 = 0xffff_ffff;
const OPEN: u64 = 1 << 32;
const BUSY: u64 = 1 << 33;
const GENERATION: u64 = 0xffff << 48;

/// Whether a pointer has a handle's form, which no address has.
#[inline(always)]
pub(crate) fn is_handle<H>(pointer: *const H) -> bool {
    pointer.addr() as u64 >> 48 == MARK
}

struct Slot<T> {
    state: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// All the handles of one kind. Grows, never shrinks: that is what makes a stale handle safe to
/// look at.
pub(crate) struct Table<T> {
    kind: u8,
    what: &'static str,
    chunks: [AtomicPtr<Slot<T>>; CHUNKS],
    /// Where the search for a free slot begins: a slot just freed is the last to be used again.
    next: AtomicU32,
}

// SAFETY: a value is written while its slot is BUSY and read only while it is pinned OPEN or
// after; the state's Release and Acquire order the two. Values go from thread to thread, so
// they must be Send, and are shared, so they must be Sync.
unsafe impl<T: Send + Sync> Sync for Table<T> {}

/// An object in use: it stays whole as long as this lives.
pub(crate) struct Pinned<'a, T> {
    slot: &'a Slot<T>,
}

impl<T: Send + Sync> Table<T> {
    /// `kind` differs from table to table; `what` names it in messages.
    pub(crate) const fn new(kind: u8, what: &'static str) -> Table<T> {
        Table {
            kind,
            what,
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            next: AtomicU32::new(0),
        }
    }

    /// Takes in an object and returns its handle.
    pub(crate) fn insert<H>(&self, value: T) -> Result<*mut H> {
        let capacity = self.capacity();
        // Relaxed: only a hint where to begin.
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let existing = (0..capacity).map(|step| (start.wrapping_add(step)) % capacity);
        // Past the existing slots, a new chunk: its slots are free, but others may be faster.
        for index in existing.chain(capacity..SLOTS_MAX) {
            let slot = self.slot(index, true);
            let Some(slot) = slot else { break };
            let state = slot.state.load(Ordering::Relaxed);
            if state & !GENERATION != 0 {
                continue;
            }
            // Acquire pairs with the Release of who freed it: its drop is over.
            let claimed = slot.state.compare_exchange(
                state,
                state | BUSY,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if claimed.is_err() {
                continue;
            }
            // SAFETY: BUSY makes this thread the only one that touches the value.
            unsafe { (*slot.value.get()).write(value) };
            // Release: who pins the slot sees the value.
            slot.state.store(state | OPEN, Ordering::Release);
            let number = (MARK << 48)
                | ((state & GENERATION) >> 16)
                | (u64::from(index) << 12)
                | (u64::from(self.kind) << 4);
            return Ok(ptr::without_provenance_mut(number as usize));
        }
        Err(fail!(EMFILE, "{SLOTS_MAX} handles are open"))
    }

    /// The same where a good handle is likely: `None` for one that `get` refuses.
    #[inline(always)]
    pub(crate) fn get_fast<H>(&self, handle: *const H) -> Option<Pinned<'_, T>> {
        const FIXED: u64 = MARK_BITS | 0xfff;
        let number = handle.addr() as u64;
        if number & FIXED != (MARK << 48) | (u64::from(self.kind) << 4) {
            return None;
        }
        let slot = self.slot_fast((number >> 12) as u32 & 0xf_ffff)?;
        let state = slot.state.load(Ordering::Relaxed);
        if state & OPEN == 0 || state & GENERATION != (number << 16) & GENERATION {
            return None;
        }
        // Acquire pairs with insert's Release. A state that changes meanwhile is get's to follow.
        slot.state
            .compare_exchange(state, state + 1, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        Some(Pinned { slot })
    }

    /// The object behind a handle, kept alive while the result lives.
    pub(crate) fn get<H>(&self, handle: *const H) -> Result<Pinned<'_, T>> {
        let (slot, generation) = self.find(handle)?;
        let mut state = slot.state.load(Ordering::Relaxed);
        loop {
            if state & OPEN == 0 || state & GENERATION != generation {
                return Err(self.closed(handle));
            }
            // Acquire pairs with insert's Release.
            match slot.state.compare_exchange_weak(
                state,
                state + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(Pinned { slot }),
                Err(now) => state = now,
            }
        }
    }

    /// Ends a handle. The object is dropped now, or by the last call that still uses it.
    pub(crate) fn close<H>(&self, handle: *const H) -> Result<()> {
        let (slot, generation) = self.find(handle)?;
        let mut state = slot.state.load(Ordering::Relaxed);
        loop {
            if state & OPEN == 0 || state & GENERATION != generation {
                return Err(self.closed(handle));
            }
            let unused = state & USERS == 0;
            let closed = (state & !OPEN) | if unused { BUSY } else { 0 };
            // AcqRel: Acquire pairs with insert's Release, for the drop; Release orders this
            // thread's use before the drop, if another thread does that.
            match slot.state.compare_exchange_weak(
                state,
                closed,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) if unused => {
                    slot.empty(generation);
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    /// The first open object that `matches`, with its handle.
    pub(crate) fn search<H>(&self, matches: impl Fn(&T) -> bool) -> Option<*mut H> {
        for index in 0..self.capacity() {
            let Some(slot) = self.slot(index, false) else {
                continue;
            };
            let generation = slot.state.load(Ordering::Relaxed) & GENERATION;
            let number = (MARK << 48)
                | (generation >> 16)
                | (u64::from(index) << 12)
                | (u64::from(self.kind) << 4);
            let handle: *mut H = ptr::without_provenance_mut(number as usize);
            if slot.state.load(Ordering::Relaxed) & OPEN != 0
                && self.get(handle).is_ok_and(|object| matches(&object))
            {
                return Some(handle);
            }
        }
        None
    }

    fn find<H>(&self, handle: *const H) -> Result<(&Slot<T>, u64)> {
        let number = handle.addr() as u64;
        let what = self.what;
        if number == 0 {
            return Err(fail!(EINVAL, "the {what} is NULL"));
        }
        if number >> 48 != MARK || number & 0xf != 0 {
            return Err(fail!(EBADF, "{handle:p} is not a handle of this library"));
        }
        if (number >> 4) as u8 != self.kind {
            return Err(fail!(
                EBADF,
                "{handle:p} is not a {what} but another handle"
            ));
        }
        let index = (number >> 12) as u32 & 0xf_ffff;
        match self.slot(index, false) {
            Some(slot) => Ok((slot, (number << 16) & GENERATION)),
            None => Err(self.closed(handle)),
        }
    }

    fn closed<H>(&self, handle: *const H) -> crate::error::Error {
        fail!(EBADF, "the {} {handle:p} is closed", self.what)
    }

    /// How many slots there are.
    fn capacity(&self) -> u32 {
        let chunks = self
            .chunks
            .iter()
            .take_while(|chunk| !chunk.load(Ordering::Relaxed).is_null())
            .count();
        // One chunk at least: insert makes it.
        (FIRST_CHUNK * ((1 << chunks.max(1)) - 1)) as u32
    }

    /// An existing slot.
    #[inline(always)]
    fn slot_fast(&self, index: u32) -> Option<&Slot<T>> {
        // As in slot.
        let position = index as usize / FIRST_CHUNK + 1;
        let chunk = position.ilog2() as usize;
        let offset = index as usize - FIRST_CHUNK * ((1 << chunk) - 1);
        let base = self.chunks.get(chunk)?.load(Ordering::Acquire);
        // SAFETY: as in slot; NULL becomes None.
        (!base.is_null()).then(|| unsafe { &*base.add(offset) })
    }

    fn slot(&self, index: u32, make: bool) -> Option<&Slot<T>> {
        // Chunk k begins at FIRST_CHUNK * (2^k - 1).
        let position = index as usize / FIRST_CHUNK + 1;
        let chunk = position.ilog2() as usize;
        let offset = index as usize - FIRST_CHUNK * ((1 << chunk) - 1);
        let place = self.chunks.get(chunk)?;
        // Acquire pairs with the publication below.
        let mut base = place.load(Ordering::Acquire);
        if base.is_null() {
            if !make {
                return None;
            }
            let slots: Box<[Slot<T>]> = (0..FIRST_CHUNK << chunk).map(|_| Slot::free()).collect();
            let fresh = Box::into_raw(slots);
            base = match place.compare_exchange(
                ptr::null_mut(),
                fresh.cast(),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => fresh.cast(),
                Err(another_threads) => {
                    // SAFETY: the box was never shared.
                    drop(unsafe { Box::from_raw(fresh) });
                    another_threads
                }
            };
        }
        // SAFETY: a published chunk has FIRST_CHUNK << chunk slots, more than offset, and is
        // never freed.
        Some(unsafe { &*base.add(offset) })
    }
}

impl<T> Slot<T> {
    fn free() -> Slot<T> {
        Slot {
            state: AtomicU64::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Drops the value and frees the slot. The caller has just set BUSY. Not inlined: it would stand
    /// in every export.
    #[cold]
    #[inline(never)]
    fn empty(&self, generation: u64) {
        // SAFETY: BUSY makes this thread the only one that touches the value, which insert wrote.
        unsafe { (*self.value.get()).assume_init_drop() };
        // Release: who takes the slot next comes after the drop. A wrapped generation is 0 again.
        self.state
            .store(generation.wrapping_add(1 << 48), Ordering::Release);
    }
}

impl<T> Deref for Pinned<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the slot was OPEN when it was pinned, so the value is written; it is not dropped
        // before the pin goes.
        unsafe { (*self.slot.value.get()).assume_init_ref() }
    }
}

impl<T> Drop for Pinned<'_, T> {
    fn drop(&mut self) {
        let mut state = self.slot.state.load(Ordering::Relaxed);
        loop {
            let last = state & USERS == 1 && state & OPEN == 0;
            let left = (state - 1) | if last { BUSY } else { 0 };
            // AcqRel: as in close.
            match self.slot.state.compare_exchange_weak(
                state,
                left,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) if last => return self.slot.empty(state & GENERATION),
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    enum Opaque {}

    fn errno<V>(result: Result<V>) -> nix::errno::Errno {
        result.err().expect("must fail").errno()
    }

    #[test]
    fn a_closed_handle_stays_closed_when_its_slot_is_used_again() {
        let table: Table<u32> = Table::new(1, "thing");
        let first: *mut Opaque = table.insert(10).ok().unwrap();
        assert_eq!(*table.get(first).ok().unwrap(), 10);
        assert!(table.close(first).is_ok());
        for _ in 0..3 * FIRST_CHUNK {
            let other: *mut Opaque = table.insert(11).ok().unwrap();
            assert_eq!(errno(table.get(first)), nix::errno::Errno::EBADF);
            assert_eq!(errno(table.close(first)), nix::errno::Errno::EBADF);
            assert!(table.close(other).is_ok());
        }
    }

    #[test]
    fn foreign_pointers_are_refused() {
        let table: Table<u32> = Table::new(1, "thing");
        let other: Table<u32> = Table::new(2, "other thing");
        let handle: *mut Opaque = other.insert(1).ok().unwrap();
        assert_eq!(errno(table.get(handle)), nix::errno::Errno::EBADF);
        let local = 0u64;
        assert_eq!(errno(table.get(&raw const local)), nix::errno::Errno::EBADF);
        assert_eq!(
            errno(table.get(ptr::null::<Opaque>())),
            nix::errno::Errno::EINVAL
        );
        let never: *const Opaque =
            ptr::without_provenance((MARK as usize) << 48 | 0xfffff << 12 | 1 << 4);
        assert_eq!(errno(table.get(never)), nix::errno::Errno::EBADF);
    }

    #[test]
    fn a_closed_object_lives_until_its_last_user_ends() {
        let table: Table<Arc<u32>> = Table::new(1, "thing");
        let witness = Arc::new(5);
        let handle: *mut Opaque = table.insert(Arc::clone(&witness)).ok().unwrap();
        let pinned = table.get(handle).ok().unwrap();
        assert!(table.close(handle).is_ok());
        assert_eq!(errno(table.get(handle)), nix::errno::Errno::EBADF);
        assert_eq!((**pinned, Arc::strong_count(&witness)), (5, 2));
        drop(pinned);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn many_threads_get_each_their_own_slot_and_leave_nothing() {
        let table: Table<Arc<u32>> = Table::new(1, "thing");
        let witness = Arc::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let handles: Vec<*mut Opaque> = (0..50)
                            .map(|_| table.insert(Arc::clone(&witness)).ok().unwrap())
                            .collect();
                        for handle in handles {
                            assert!(table.get(handle).is_ok());
                            assert!(table.close(handle).is_ok());
                        }
                    }
                });
            }
        });
        assert_eq!(Arc::strong_count(&witness), 1);
    }
}
