//! The slots behind the handles of one kind, and the numbers that handles are.
//!
//! Nothing here depends on the type of the objects.

use super::address::{CHUNKS, GENERATION_BITS, prepare};
use super::name_of;
use crate::base::alloc::zeroed_slice;
use crate::base::error::{Error, Result, fail};
use crate::sys::{alone, process};
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

// A handle is a number:
//
// | bits | |
// |---|---|
// | 0 to 2 | 0: a handle given in the place of a pointer is recognised, not taken for a misaligned one |
// | 3 to 6 | kind |
// | 7 to 26 | index of the slot |
// | 27 to 42 | generation of the slot |
// | 43 to 55 | copy: which copy of this library in the process has made it |
// | 56 to 63 | MARK |

/// In the top bits of every handle.
pub(super) const MARK: u64 = 0x5E;

/// The upper 21 bits of all handles that this copy of the library makes.
///
/// A program and its plugin may each contain the library. A handle of one copy must not be another object
/// of the other. So it carries the copy's place in memory, in pages. The places of two copies that are less
/// than 32 MiB apart always differ in these bits; those of others agree once in 8192 times.
fn prefix() -> u32 {
    static HERE: u8 = 0;
    let page = (ptr::from_ref(&HERE).addr() >> 12) as u32;
    (MARK as u32) << 13 | page & 0x1fff
}

/// The number of the handle of a slot in state `state`.
pub(super) fn number(kind: u8, index: u32, state: u64) -> u64 {
    number_of(kind, index, (state & GENERATION) >> GENERATION_SHIFT)
}

/// The number of the handle of a slot in this generation.
pub(super) fn number_of(kind: u8, index: u32, generation: u64) -> u64 {
    u64::from(prefix()) << 43 | generation << 27 | u64::from(index) << 7 | u64::from(kind) << 3
}

#[inline(always)]
fn prefix_of(number: u64) -> u32 {
    (number >> 43) as u32
}

#[inline(always)]
fn kind_of(number: u64) -> u8 {
    // Together with the three bits that must be 0: if they are not, the result is no kind.
    (number as u8 & 0x7f).rotate_right(3)
}

#[inline(always)]
fn index_of(number: u64) -> u32 {
    (number >> 7) as u32 & 0xf_ffff
}

/// The generation in a handle, at its place in a slot's state.
#[inline(always)]
fn generation_of(number: u64) -> u64 {
    (number << 21) & GENERATION
}

/// The number of slots in the first chunk. Each further chunk has twice as many as the one before.
pub(super) const FIRST_CHUNK: usize = 64;
const SLOTS_MAX: u32 = (FIRST_CHUNK * ((1 << CHUNKS) - 1)) as u32;

pub(super) struct Slot {
    /// One word, so that it changes in one step:
    ///
    /// | bits | |
    /// |---|---|
    /// | 0 to 31 | USERS: how many calls use the object now |
    /// | 32 | OPEN: the handle is valid |
    /// | 33 | BUSY: the object is being put in, or is dropped as soon as nobody uses it |
    /// | 48 to 63 | GENERATION: one higher each time that the slot becomes free. With 32-bit pointers 48 to 55 |
    ///
    /// If everything except the generation is 0, the slot is free.
    state: AtomicU64,
    /// The boxed object, while the slot is not free.
    object: AtomicPtr<()>,
}

const USERS: u64 = 0xffff_ffff;
const OPEN: u64 = 1 << 32;
const BUSY: u64 = 1 << 33;
const GENERATION_SHIFT: u32 = 48;
const GENERATION: u64 = ((1 << GENERATION_BITS) - 1) << GENERATION_SHIFT;

impl Slot {
    pub(super) fn state(&self) -> u64 {
        // Relaxed: whoever relies on the state checks it again when pinning the slot.
        self.state.load(Ordering::Relaxed)
    }

    pub(super) fn has_open_handle(&self) -> bool {
        self.state() & OPEN != 0
    }

    #[inline(always)]
    pub(super) fn object(&self) -> *mut () {
        // Relaxed: the Acquire that pinned or closed the slot orders this load after insert's
        // store.
        self.object.load(Ordering::Relaxed)
    }

    /// Whether the slot is that of the open handle with this number.
    #[inline(always)]
    pub(super) fn is_open(&self, number: u64) -> bool {
        let state = self.state();
        state & OPEN != 0 && state & GENERATION == generation_of(number)
    }

    /// Gives a pin up. If the handle was closed and this pin was the last, returns the generation,
    /// and the caller must drop the object.
    #[inline(always)]
    pub(super) fn unpin(&self) -> Option<u64> {
        if process::is_single_threaded() {
            // Only a signal handler may come between the two steps. If it closes the handle there, it
            // finds no pin, drops the object itself and leaves the slot free or in use again: then
            // this slot is not BUSY without users.
            alone::add(&self.state, u64::MAX);
            let state = self.state();
            return (state & !GENERATION == BUSY).then_some(state & GENERATION);
        }
        // Release orders this thread's use of the object before the drop in another thread.
        // Acquire orders the other threads' uses before the drop in this one.
        let before = self.state.fetch_sub(1, Ordering::AcqRel);
        (before & !GENERATION == BUSY | 1).then_some(before & GENERATION)
    }

    /// Puts an object into a slot that `claim` has taken.
    pub(super) fn fill(&self, object: *mut (), generation: u64) {
        self.object.store(object, Ordering::Relaxed);
        // Release: a thread that pins the slot sees the object.
        self.state.store(generation | OPEN, Ordering::Release);
    }

    /// Gives a slot back that `claim` has taken.
    pub(super) fn give_back(&self, generation: u64) {
        // Relaxed: there was no object.
        self.state.store(generation, Ordering::Relaxed);
    }

    /// Makes a slot free, whose object was dropped. A generation that wraps starts at 0 again.
    pub(super) fn set_free(&self, generation: u64) {
        // Release: the thread that takes the slot next must not store its object before the drop.
        self.state.store(
            generation.wrapping_add(1 << GENERATION_SHIFT) & GENERATION,
            Ordering::Release,
        );
    }
}

/// The slots of one kind of handle. Their number grows and never shrinks, so a stale handle always
/// leads to memory that is a slot.
#[repr(C, align(64))]
pub(super) struct Slots {
    // Together with the first chunks in one cache line: after a system call, each further line is
    // likely a cache miss.
    /// The index at which the search for a free slot starts. It moves on with each search, so a slot that was
    /// just freed is used again as late as possible.
    next: AtomicU32,
    /// `prefix()`, or 0 before the first handle is made.
    prefix: AtomicU32,
    chunks: [AtomicPtr<Slot>; CHUNKS],
}

impl Slots {
    pub(super) const fn new() -> Slots {
        Slots {
            next: AtomicU32::new(0),
            prefix: AtomicU32::new(0),
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
        }
    }

    /// Takes a free slot: it is BUSY for this thread. Returns the slot, its index and its generation.
    pub(super) fn claim(&self) -> Result<(&Slot, u32, u64)> {
        prepare()?;
        // Relaxed: a thread that gets a handle from this one sees the prefix too. Without it `pin_fast`
        // would only leave the work to `pin`.
        self.prefix.store(prefix(), Ordering::Relaxed);
        let capacity = self.capacity();
        // Relaxed: this is only a hint where to start.
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let existing = (0..capacity).map(|step| start.wrapping_add(step) % capacity);
        // Behind the existing slots is a new chunk. Its slots are free, unless other threads take
        // them first.
        for index in existing.chain(capacity..SLOTS_MAX) {
            let slot = match self.slot_or_make(index)? {
                Some(slot) => slot,
                None => break,
            };
            let state = slot.state();
            if state & !GENERATION != 0 {
                continue;
            }
            // Acquire pairs with set_free's Release: the drop of the previous object is over.
            let claimed = slot.state.compare_exchange(
                state,
                state | BUSY,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if claimed.is_ok() {
                return Ok((slot, index, state));
            }
        }
        Err(fail!(EMFILE, "{SLOTS_MAX} handles are open"))
    }

    /// Pins the slot of an open handle of this kind. Returns the slot, and whether the pin is certain: in
    /// a process with one thread, a signal handler may have closed the handle just before the pin, and
    /// the caller has to ask `is_open`.
    ///
    /// `None`: the number is no such handle, or another thread changed the slot's state meanwhile.
    /// `pin` finds out which.
    #[inline(always)]
    pub(super) fn pin_fast(&self, kind: u8, number: u64) -> Option<(&Slot, bool)> {
        let prefix = self.prefix.load(Ordering::Relaxed);
        if prefix_of(number) != prefix || kind_of(number) != kind {
            return None;
        }
        let slot = self.slot(index_of(number))?;
        let state = slot.state();
        if state & OPEN == 0 || state & GENERATION != generation_of(number) {
            return None;
        }
        if process::is_single_threaded() {
            alone::add(&slot.state, 1);
            return Some((slot, false));
        }
        // Acquire pairs with insert's Release: this thread sees the object.
        slot.state
            .compare_exchange(state, state + 1, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        Some((slot, true))
    }

    /// Pins the slot of an open handle of this kind.
    pub(super) fn pin(&self, kind: u8, number: u64) -> Result<&Slot> {
        let (slot, _) = self.change_open(kind, number, |state| state + 1)?;
        Ok(slot)
    }

    /// Makes a handle invalid. If nobody uses the object, returns the slot and its generation, and
    /// the caller must drop the object.
    pub(super) fn close(&self, kind: u8, number: u64) -> Result<Option<(&Slot, u64)>> {
        let (slot, before) = self.change_open(kind, number, |state| (state & !OPEN) | BUSY)?;
        let is_unused = before & USERS == 0;
        Ok(is_unused.then_some((slot, before & GENERATION)))
    }

    /// Changes the state of the slot of an open handle. Returns the slot and its state before.
    fn change_open(
        &self,
        kind: u8,
        number: u64,
        change: impl Fn(u64) -> u64,
    ) -> Result<(&Slot, u64)> {
        let slot = self.find(kind, number)?;
        let mut state = slot.state();
        loop {
            if state & OPEN == 0 || state & GENERATION != generation_of(number) {
                return Err(closed(kind, number));
            }
            // Acquire pairs with insert's Release, so this thread sees the object, also for
            // dropping it. Release orders this thread's earlier uses before a drop in another
            // thread.
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

    /// The slot of a number that has the form of a handle of this kind.
    fn find(&self, kind: u8, number: u64) -> Result<&Slot> {
        let what = name_of(kind);
        if number == 0 {
            return Err(fail!(EINVAL, "the {what} is NULL"));
        }
        if number >> 56 != MARK {
            return Err(fail!(EBADF, "{number:#x} is not a handle of this library"));
        }
        if prefix_of(number) != prefix() {
            return Err(fail!(
                EBADF,
                "{number:#x} is not a handle of this copy of the library; another copy in this process may have made it"
            ));
        }
        if kind_of(number) != kind {
            return Err(fail!(
                EBADF,
                "{number:#x} is not a {what} but another handle"
            ));
        }
        self.slot(index_of(number))
            .ok_or_else(|| closed(kind, number))
    }

    /// How many slots there are. The first chunk counts always; insert makes it when it is needed.
    pub(super) fn capacity(&self) -> u32 {
        let chunks = self
            .chunks
            .iter()
            .take_while(|chunk| !chunk.load(Ordering::Relaxed).is_null())
            .count();
        (FIRST_CHUNK * ((1 << chunks.max(1)) - 1)) as u32
    }

    /// An existing slot.
    #[inline(always)]
    pub(super) fn slot(&self, index: u32) -> Option<&Slot> {
        let (chunk, offset) = place_of(index);
        // Acquire pairs with the publication in slot_or_make: the chunk's slots are initialised.
        let base = self.chunks.get(chunk)?.load(Ordering::Acquire);
        // SAFETY: a published chunk has FIRST_CHUNK << chunk slots, more than offset, and is never
        // freed. NULL becomes None.
        (!base.is_null()).then(|| unsafe { &*base.add(offset) })
    }

    /// An existing slot, or one of a new chunk; `None` if the index is too high.
    fn slot_or_make(&self, index: u32) -> Result<Option<&Slot>> {
        if let Some(slot) = self.slot(index) {
            return Ok(Some(slot));
        }
        let (chunk, _) = place_of(index);
        let Some(place) = self.chunks.get(chunk) else {
            return Ok(None);
        };
        // SAFETY: a slot of zeros is a free slot without an object.
        let slots: Box<[Slot]> = unsafe { zeroed_slice(FIRST_CHUNK << chunk) }?;
        let fresh = Box::into_raw(slots);
        // Release: a thread that finds the chunk sees its slots initialised.
        let published = place.compare_exchange(
            ptr::null_mut(),
            fresh.cast(),
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        if published.is_err() {
            // SAFETY: another thread published its chunk first, so nobody else has seen this box.
            drop(unsafe { Box::from_raw(fresh) });
        }
        Ok(self.slot(index))
    }
}

#[cold]
fn closed(kind: u8, number: u64) -> Error {
    fail!(EBADF, "the {} {number:#x} is closed", name_of(kind))
}

/// The chunk of a slot, and its place there. Chunk k begins at index FIRST_CHUNK * (2^k - 1).
#[inline(always)]
fn place_of(index: u32) -> (usize, usize) {
    let chunk = (index as usize / FIRST_CHUNK + 1).ilog2() as usize;
    (chunk, index as usize - FIRST_CHUNK * ((1 << chunk) - 1))
}
