//! Handles: what C holds instead of pointers to our memory.
//!
//! A handle looks like a pointer and points nowhere (on 64-bit machines no address has such a
//! form). It holds the index of a slot and the slot's generation, so a handle that was closed,
//! that belongs to another kind of object, or that never was one, is told from a good one
//! without touching any memory it might point to.
//!
//! A call pins the slot while it uses the object. Closing makes the handle invalid at once;
//! calls that are under way in other threads finish first, and the last of them releases the
//! object. (In a process with one thread nobody can close while another call is under way, so
//! there the pins of short calls are left out: two atomic operations of the few that they
//! take.) There is no lock, so a child may use handles whatever its parent's other threads
//! were doing when it forked. (What such a thread had pinned stays so in the child: there,
//! closing that handle releases nothing.)
//!
//! The slots and their states do not depend on what the handles stand for: [`Slots`] is one piece of code for all kinds, and
//! [`Table`] only adds the type.

use crate::base::error::{Error, Result, fail};
use crate::sys::process;
use core::marker::PhantomData;
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
/// | 33 | BUSY: the object is being put in, or shall be dropped when nobody uses it |
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

struct Slot {
    state: AtomicU64,
    /// The boxed object, while the slot is not free.
    object: AtomicPtr<()>,
}

/// What a handle stands for: a number that is part of it, and what messages call it.
pub(super) const SHM: u8 = 1;
pub(super) const SEM: u8 = 2;
pub(super) const CHILD: u8 = 3;
pub(super) const SYSV_SHM: u8 = 4;
pub(super) const SYSV_MSG: u8 = 5;
pub(super) const SYSV_SEM: u8 = 6;
pub(super) const LIST: u8 = 7;
pub(super) const MQ: u8 = 8;
pub(super) const LIBC_SEM: u8 = 9;

fn name_of(kind: u8) -> &'static str {
    match kind {
        SHM => "shared memory handle",
        SEM => "named semaphore",
        CHILD => "child process handle",
        SYSV_SHM => "System V shared memory handle",
        SYSV_MSG => "System V message queue handle",
        SYSV_SEM => "System V semaphore set handle",
        LIST => "list",
        MQ => "message queue handle",
        LIBC_SEM => "named semaphore of libc",
        _ => "handle",
    }
}

/// The slots of one kind of handle. Grows, never shrinks: that is what makes a stale handle safe to
/// look at. All zeros at first, and so without room in the library's file: the kind is not in it.
#[repr(C, align(64))]
struct Slots {
    // In one cache line with the first chunks: after a system call, each further line is a miss.
    /// Where the search for a free slot begins: a slot just freed is the last to be used again.
    next: AtomicU32,
    chunks: [AtomicPtr<Slot>; CHUNKS],
}

/// A slot with what its handle says that its generation is.
type SlotState<'a> = (&'a Slot, u64);

impl Slots {
    /// Puts an object in and returns its handle's number.
    fn insert(&self, kind: u8, object: *mut ()) -> Result<u64> {
        let capacity = self.capacity();
        // Relaxed: only a hint where to begin.
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let existing = (0..capacity).map(|step| start.wrapping_add(step) % capacity);
        // Past the existing slots, a new chunk: its slots are free, but others may be faster.
        for index in existing.chain(capacity..SLOTS_MAX) {
            let Some(slot) = self.slot_or_make(index) else {
                break;
            };
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
            if claimed.is_ok() {
                slot.object.store(object, Ordering::Relaxed);
                // Release: who pins the slot sees the object.
                slot.state.store(state | OPEN, Ordering::Release);
                return Ok(number(kind, index, state));
            }
        }
        Err(fail!(EMFILE, "{SLOTS_MAX} handles are open"))
    }

    /// Pins a slot if the number is that of an open handle of this kind; whether it had to.
    #[inline(always)]
    fn pin_fast(&self, kind: u8, number: u64) -> Option<(&Slot, bool)> {
        const FIXED: u64 = MARK_BITS | 0xfff;
        if number & FIXED != (MARK << 48) | (u64::from(kind) << 4) {
            return None;
        }
        let slot = self.slot((number >> 12) as u32 & 0xf_ffff)?;
        let state = slot.state.load(Ordering::Relaxed);
        if state & OPEN == 0 || state & GENERATION != (number << 16) & GENERATION {
            return None;
        }
        if process::is_single_threaded() {
            return Some((slot, false));
        }
        // Acquire pairs with insert's Release. A state that changes meanwhile is pin's to follow.
        slot.state
            .compare_exchange(state, state + 1, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        Some((slot, true))
    }

    fn pin(&self, kind: u8, number: u64) -> Result<&Slot> {
        let (slot, _) = self.change_open(kind, number, |state| state + 1)?;
        Ok(slot)
    }

    /// Makes a handle invalid; returns its slot if nobody uses it, so that the object can go.
    fn close(&self, kind: u8, number: u64) -> Result<Option<SlotState<'_>>> {
        let unused = |state| state & USERS == 0;
        let (slot, before) = self.change_open(kind, number, |state| (state & !OPEN) | BUSY)?;
        Ok(unused(before).then_some((slot, before & GENERATION)))
    }

    /// Changes the state of an open handle's slot; returns the slot and the state before.
    fn change_open(
        &self,
        kind: u8,
        number: u64,
        change: impl Fn(u64) -> u64,
    ) -> Result<SlotState<'_>> {
        let (slot, generation) = self.find(kind, number)?;
        let mut state = slot.state.load(Ordering::Relaxed);
        loop {
            if state & OPEN == 0 || state & GENERATION != generation {
                return Err(closed(kind, number));
            }
            // AcqRel: Acquire pairs with insert's Release, for the use and for the drop; Release
            // orders this thread's use before the drop, if another thread does that.
            match slot.state.compare_exchange_weak(
                state,
                change(state),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok((slot, state)),
                Err(now) => state = now,
            }
        }
    }

    fn find(&self, kind: u8, number: u64) -> Result<SlotState<'_>> {
        let what = name_of(kind);
        if number == 0 {
            return Err(fail!(EINVAL, "the {what} is NULL"));
        }
        if number >> 48 != MARK || number & 0xf != 0 {
            return Err(fail!(EBADF, "{number:#x} is not a handle of this library"));
        }
        if (number >> 4) as u8 != kind {
            return Err(fail!(
                EBADF,
                "{number:#x} is not a {what} but another handle"
            ));
        }
        match self.slot((number >> 12) as u32 & 0xf_ffff) {
            Some(slot) => Ok((slot, (number << 16) & GENERATION)),
            None => Err(closed(kind, number)),
        }
    }

    /// How many slots there are: of one chunk at least, which insert makes.
    fn capacity(&self) -> u32 {
        let chunks = self
            .chunks
            .iter()
            .take_while(|chunk| !chunk.load(Ordering::Relaxed).is_null())
            .count();
        (FIRST_CHUNK * ((1 << chunks.max(1)) - 1)) as u32
    }

    /// An existing slot.
    #[inline(always)]
    fn slot(&self, index: u32) -> Option<&Slot> {
        let (chunk, offset) = place_of(index);
        // Acquire pairs with the publication in slot_or_make.
        let base = self.chunks.get(chunk)?.load(Ordering::Acquire);
        // SAFETY: a published chunk has FIRST_CHUNK << chunk slots, more than offset, and is
        // never freed; NULL becomes None.
        (!base.is_null()).then(|| unsafe { &*base.add(offset) })
    }

    fn slot_or_make(&self, index: u32) -> Option<&Slot> {
        if let Some(slot) = self.slot(index) {
            return Some(slot);
        }
        let (chunk, _) = place_of(index);
        let slots: Box<[Slot]> = (0..FIRST_CHUNK << chunk)
            .map(|_| Slot {
                state: AtomicU64::new(0),
                object: AtomicPtr::new(ptr::null_mut()),
            })
            .collect();
        let fresh = Box::into_raw(slots);
        let published = self.chunks.get(chunk)?.compare_exchange(
            ptr::null_mut(),
            fresh.cast(),
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        if published.is_err() {
            // SAFETY: another thread was faster, and this box was never shared.
            drop(unsafe { Box::from_raw(fresh) });
        }
        self.slot(index)
    }
}

fn closed(kind: u8, number: u64) -> Error {
    fail!(EBADF, "the {} {number:#x} is closed", name_of(kind))
}

/// The number of the handle of a slot in that state.
fn number(kind: u8, index: u32, state: u64) -> u64 {
    (MARK << 48) | ((state & GENERATION) >> 16) | (u64::from(index) << 12) | (u64::from(kind) << 4)
}

/// Chunk k begins at FIRST_CHUNK * (2^k - 1).
#[inline(always)]
fn place_of(index: u32) -> (usize, usize) {
    let chunk = (index as usize / FIRST_CHUNK + 1).ilog2() as usize;
    (chunk, index as usize - FIRST_CHUNK * ((1 << chunk) - 1))
}

impl Slot {
    /// Gives a pin up; returns the generation if the handle was closed and this pin was the last.
    #[inline(always)]
    fn unpin(&self) -> Option<u64> {
        // AcqRel: as in change_open.
        let before = self.state.fetch_sub(1, Ordering::AcqRel);
        (before & !GENERATION == BUSY | 1).then_some(before & GENERATION)
    }
}

/// All the handles of one kind, which stand for objects of type `T`.
pub(crate) struct Table<T, const KIND: u8> {
    slots: Slots,
    objects: PhantomData<T>,
}

// SAFETY: an object is put in while its slot is BUSY and used only while it is pinned; the state's
// Release and Acquire order the two. Objects go from thread to thread, so they must be Send,
// and are shared, so they must be Sync.
unsafe impl<T: Send + Sync, const KIND: u8> Sync for Table<T, KIND> {}

/// An object in use: it stays whole as long as this lives.
pub(crate) struct Pinned<'a, T> {
    slot: &'a Slot,
    /// Whether `slot` counts this use.
    is_counted: bool,
    object: PhantomData<&'a T>,
}

impl<T: Send + Sync, const KIND: u8> Table<T, KIND> {
    pub(crate) const fn new() -> Table<T, KIND> {
        Table {
            slots: Slots {
                chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
                next: AtomicU32::new(0),
            },
            objects: PhantomData,
        }
    }

    /// Takes in an object and returns its handle.
    pub(crate) fn insert<H>(&self, object: T) -> Result<*mut H> {
        process::find_single_threaded();
        let object = Box::into_raw(Box::new(object));
        match self.slots.insert(KIND, object.cast()) {
            Ok(number) => Ok(ptr::without_provenance_mut(number as usize)),
            Err(error) => {
                // SAFETY: it comes from the box above, and no slot has taken it.
                drop(unsafe { Box::from_raw(object) });
                Err(error)
            }
        }
    }

    /// The same as `get` where a good handle is likely: `None` for one that `get` refuses. For a
    /// call that neither waits nor calls back, where a closing could come in between.
    #[inline(always)]
    pub(crate) fn get_fast<H>(&self, handle: *const H) -> Option<Pinned<'_, T>> {
        let (slot, is_counted) = self.slots.pin_fast(KIND, handle.addr() as u64)?;
        Some(Pinned {
            slot,
            is_counted,
            object: PhantomData,
        })
    }

    /// The object behind a handle, kept alive while the result lives.
    pub(crate) fn get<H>(&self, handle: *const H) -> Result<Pinned<'_, T>> {
        Ok(Pinned {
            slot: self.slots.pin(KIND, handle.addr() as u64)?,
            is_counted: true,
            object: PhantomData,
        })
    }

    /// Ends a handle. The object is dropped now, or by the last call that still uses it.
    pub(crate) fn close<H>(&self, handle: *const H) -> Result<()> {
        if let Some((slot, generation)) = self.slots.close(KIND, handle.addr() as u64)? {
            // SAFETY: close has just set BUSY for us, and the slots of this table hold boxes of T.
            unsafe { empty::<T>(slot, generation) };
        }
        Ok(())
    }

    /// The handle of the first open object that `matches`.
    pub(crate) fn search<H>(&self, matches: impl Fn(&T) -> bool) -> Option<*mut H> {
        (0..self.slots.capacity()).find_map(|index| {
            let state = self.slots.slot(index)?.state.load(Ordering::Relaxed);
            let number = number(KIND, index, state);
            let handle: *mut H = ptr::without_provenance_mut(number as usize);
            let object: Pinned<'_, T> = self.get_fast(handle)?;
            matches(&object).then_some(handle)
        })
    }
}

/// Drops the object in a slot and frees the slot.
///
/// # Safety
///
/// The caller has just set BUSY, and the slot holds a boxed T.
#[cold]
#[inline(never)]
unsafe fn empty<T>(slot: &Slot, generation: u64) {
    let object = slot.object.load(Ordering::Relaxed).cast::<T>();
    // SAFETY: BUSY makes this thread the only one that touches the object, which insert boxed.
    drop(unsafe { Box::from_raw(object) });
    // Release: who takes the slot next comes after the drop. A wrapped generation is 0 again.
    slot.state
        .store(generation.wrapping_add(1 << 48), Ordering::Release);
}

impl<T> Deref for Pinned<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the slot was OPEN when it was pinned, so it holds a boxed T, which is not dropped
        // before the pin goes.
        unsafe { &*self.slot.object.load(Ordering::Relaxed).cast() }
    }
}

impl<T> Drop for Pinned<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.is_counted {
            return;
        }
        if let Some(generation) = self.slot.unpin() {
            // SAFETY: unpin has found this pin to be the last one of a closed handle, and the slot
            // holds a boxed T.
            unsafe { empty::<T>(self.slot, generation) };
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
        let table: Table<u32, 1> = Table::new();
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
        let table: Table<u32, 1> = Table::new();
        let other: Table<u32, 2> = Table::new();
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
        let table: Table<Arc<u32>, 1> = Table::new();
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
        let table: Table<Arc<u32>, 1> = Table::new();
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
