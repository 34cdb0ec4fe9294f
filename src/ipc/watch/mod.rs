//! Watches: an eventfd of this process that becomes ready when words in shared memory are woken.
//!
//! Other processes wake a watched word as they wake a sleeping thread: they see in the object that somebody may
//! be asleep. They do not know of the eventfd, and nothing of it is in shared memory. So no call of theirs can
//! fail because of it, and it depends on no file, user or namespace.
//!
//! Two *lanes* lead from the word to the eventfd:
//!
//! | lane | who adds to the eventfd | used |
//! |---|---|---|
//! | [`Ring`] | the waker, in its own system call | where the kernel permits io_uring, for the thread that arms the watch |
//! | [`watcher`] | a thread of this process | elsewhere, and for the state in which nothing more fits in the eventfd |
//!
//! A lane reports each arming at most once. Then its slot is *fired*, and the program's next call on the object
//! checks the object and arms the slot again. Until then the eventfd stays ready. So a wake-up is never lost, and
//! between two calls of the program at most one wake-up costs anything.
//!
//! A watch is used by one thread at a time. Its user sees to that.

pub(crate) mod descriptor;
pub(crate) mod placed;
mod target;
mod watcher;

use crate::base::alloc::{List, Shared, try_box};
use crate::base::error::{Result, fail};
use crate::ipc::waitable::{Passing, SharedExamined};
use crate::sys::thread::generation;
use crate::sys::watch_ring::Ring;
use crate::sys::watch_words::Word;
use core::sync::atomic::{AtomicU32, Ordering};
use std::os::fd::RawFd;
use target::Target;
pub(crate) use target::{EMPTY, FULL, READY};
use watcher::Place;

/// How often a ring may go from one thread to another before the watch keeps to the watcher: a new ring costs as
/// much as several wake-ups.
const RING_MOVES_MAX: u32 = 8;

/// How many rings a process has at most. Each takes a descriptor and some pages of the kernel's memory.
const RINGS_MAX: u32 = 64;

/// How many rings this process has.
static RINGS: AtomicU32 = AtomicU32::new(0);

/// A wait for one word.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// Tells one arming from the next, so that a late report of an earlier one does not count.
    serial: u32,
    is_armed: bool,
    has_fired: bool,
    /// Whether it has fired because of a death.
    is_death: bool,
    passing: Passing,
    /// The word of the last arming.
    address: usize,
}

enum Lane {
    /// Not known yet.
    None,
    Ring(Box<CountedRing>),
    Watcher,
}

/// The ended requests that were collected from a ring.
#[derive(Default)]
struct Collected {
    /// How many requests have ended, for whatever reason.
    count: usize,
    /// Whether an armed slot has fired.
    has_fired: bool,
}

/// A ring that counts in [`RINGS`].
struct CountedRing(Ring);

impl Drop for CountedRing {
    fn drop(&mut self) {
        RINGS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An eventfd with the words that make it ready. The words have slots, numbered from 0.
pub(crate) struct Watch {
    target: Shared<Target>,
    /// The process that has the watch.
    generation: u32,
    slots: List<Slot>,
    /// The watcher keeps a place for each slot whose number is a multiple of this. Others get a place when they are
    /// armed for the first time.
    stride: usize,
    /// The watcher's places for the slots, as far as they have been needed.
    places: List<Option<Place>>,
    lane: Lane,
    ring_moves: u32,
    /// Whether the counter is certainly not 0.
    is_raised: bool,
    /// Whether a slot has fired since this was last asked.
    has_fired: bool,
    /// Whether the ring has a request that ends another one.
    has_cancelled: bool,
}

impl Watch {
    /// A watch with this many slots. Its eventfd is ready. It starts what it needs, so later calls need nothing.
    pub(crate) fn new(slots: usize, stride: usize) -> Result<Watch> {
        let mut watch = Watch {
            target: Shared::new(Target::new()?)?,
            generation: generation(),
            slots: List::new(),
            stride,
            places: List::new(),
            lane: Lane::None,
            ring_moves: 0,
            is_raised: true,
            has_cancelled: false,
            has_fired: false,
        };
        watch.grow(slots)?;
        Ok(watch)
    }

    /// Makes room for more slots.
    pub(crate) fn grow(&mut self, slots: usize) -> Result<()> {
        let before = self.slots.len();
        if slots <= before {
            return Ok(());
        }
        self.places.resize(slots, None)?;
        self.slots.resize(slots, Slot::default())?;
        match self.lane {
            // A ring has room for a certain number of requests.
            Lane::Ring(_) => self.leave_lane(),
            Lane::Watcher => self.claim_places()?,
            Lane::None => {}
        }
        self.enter_lane()
    }

    /// The eventfd's number, and whether it is a new eventfd: because the program has closed the one before, or
    /// because this process was forked since. Then nothing is armed.
    pub(crate) fn descriptor(&mut self) -> Result<(RawFd, bool)> {
        if let (true, Some(number)) = (self.is_of_this_process(), self.target.number()) {
            return Ok((number, false));
        }
        self.start_again()?;
        let number = self.target.number();
        number
            .map(|number| (number, true))
            .ok_or_else(|| fail!(EBADF, "the descriptor was closed outside the library"))
    }

    /// Whether this process has made the watch, and not a parent of it.
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.generation == generation()
    }

    fn start_again(&mut self) -> Result<()> {
        let target = Shared::new(Target::new()?)?;
        self.leave_lane();
        if self.is_of_this_process() {
            self.give_places_back();
        }
        // The places of a parent are in the parent's table.
        self.places.fill(None);
        self.generation = generation();
        self.target = target;
        self.ring_moves = 0;
        self.is_raised = true;
        self.enter_lane()
    }

    fn give_places_back(&mut self) {
        let mut places = self.places.iter_mut().filter_map(Option::take);
        watcher::give_back(&mut places);
    }

    /// Ends the use of the lane. Nothing is armed then.
    fn leave_lane(&mut self) {
        self.has_cancelled = false;
        if matches!(self.lane, Lane::Watcher) && self.is_of_this_process() {
            self.places
                .iter()
                .flatten()
                .for_each(|&place| watcher::disarm(place));
        }
        self.lane = Lane::None;
        for slot in self.slots.iter_mut() {
            slot.is_armed = false;
            slot.has_fired = false;
        }
    }

    /// Finds the lane for the calling thread. If that is another one than before, nothing is armed.
    pub(crate) fn enter_lane(&mut self) -> Result<()> {
        match &self.lane {
            Lane::Ring(ring) if ring.0.is_own() => return Ok(()),
            Lane::Watcher => return Ok(()),
            Lane::Ring(_) => {
                self.ring_moves += 1;
                self.leave_lane();
            }
            Lane::None => {}
        }
        if self.ring_moves <= RING_MOVES_MAX {
            if let Some(ring) = self.make_ring() {
                self.lane = Lane::Ring(ring);
                return Ok(());
            }
        }
        self.claim_places()?;
        self.lane = Lane::Watcher;
        Ok(())
    }

    /// Makes sure that arming a slot needs no memory, as long as the lane stays the same.
    pub(crate) fn reserve(&mut self, number: usize) -> Result<()> {
        match self.lane {
            Lane::Watcher => {
                watcher::claim(&mut self.places[number..=number].iter_mut(), &self.target)
            }
            _ => Ok(()),
        }
    }

    fn claim_places(&mut self) -> Result<()> {
        let mut wanted = self.places.iter_mut().step_by(self.stride);
        watcher::claim(&mut wanted, &self.target)
    }

    fn make_ring(&self) -> Option<Box<CountedRing>> {
        let eventfd = self.target.eventfd().get().ok()?;
        if RINGS.fetch_add(1, Ordering::Relaxed) >= RINGS_MAX {
            RINGS.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        match Ring::new(eventfd, (self.slots.len() / self.stride * 4) as u32) {
            Ok(ring) => try_box(CountedRing(ring)).ok(),
            Err(_) => {
                RINGS.fetch_sub(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// Notes which slots have fired: they are not armed any more.
    pub(crate) fn harvest(&mut self) {
        if self.has_ended_requests() {
            match self.collect_from_ring() {
                // Each completion has made the eventfd ready.
                Some(ended) => self.is_raised |= ended.count != 0,
                None => {
                    // The ring belongs to another thread, or its descriptor was closed.
                    self.ring_moves += 1;
                    self.leave_lane();
                    self.raise(READY);
                }
            }
        }
        if self.target.take_fired() {
            self.is_raised = true;
            let slots = &mut self.slots;
            let has_fired = &mut self.has_fired;
            watcher::take_fired(&self.places, &mut |number, is_death| {
                slots[number].is_armed = false;
                slots[number].has_fired = true;
                slots[number].is_death = is_death;
                *has_fired = true;
            });
        }
    }

    fn has_ended_requests(&self) -> bool {
        matches!(&self.lane, Lane::Ring(ring) if ring.0.has_ended_requests())
    }

    /// Whether a slot has fired since the last call.
    pub(crate) fn has_fired(&mut self) -> bool {
        core::mem::take(&mut self.has_fired)
    }

    /// The next result of [`has_fired`](Self::has_fired).
    pub(crate) fn has_news(&self) -> bool {
        self.has_fired
    }

    /// Whether this slot has fired since it was last armed or disarmed.
    pub(crate) fn has_slot_fired(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(|slot| slot.has_fired)
    }

    /// Whether this slot has fired because of a death.
    pub(crate) fn has_slot_death(&self, slot: usize) -> bool {
        let slot = self.slots.get(slot);
        slot.is_some_and(|slot| slot.has_fired && slot.is_death)
    }

    /// Whether the eventfd is certainly ready.
    pub(crate) fn is_raised(&self) -> bool {
        self.is_raised
    }

    pub(crate) fn is_armed(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(|slot| slot.is_armed)
    }

    /// Watches a word, from the next [`commit`](Watch::commit) on.
    pub(crate) fn arm(&mut self, number: usize, word: Word, passing: Passing) {
        self.disarm(number);
        let slot = &mut self.slots[number];
        slot.serial = slot.serial.wrapping_add(1);
        slot.is_armed = true;
        slot.passing = passing;
        slot.address = word.address;
        match (&mut self.lane, self.places[number]) {
            (Lane::Ring(ring), _) => {
                ring.0
                    .wait_for(word, u64::from(slot.serial) << 32 | number as u64);
            }
            (_, Some(place)) => watcher::arm(place, word, passing),
            (_, None) => {
                slot.is_armed = false;
                // If it cannot, the watch goes without this word, which is one of a death.
                let _ = self.arm_by_watcher(number, word, passing);
            }
        }
    }

    /// As `arm`, by the watcher whatever the lane is. It may have to start the watcher.
    pub(crate) fn arm_by_watcher(
        &mut self,
        number: usize,
        word: Word,
        passing: Passing,
    ) -> Result<()> {
        self.disarm(number);
        watcher::claim(&mut self.places[number..=number].iter_mut(), &self.target)?;
        if let Some(place) = self.places[number] {
            watcher::arm(place, word, passing);
            self.slots[number].is_armed = true;
        }
        Ok(())
    }

    /// Has the watcher examine something from time to time, until the slot is disarmed.
    pub(crate) fn arm_examined(&mut self, number: usize, examined: &SharedExamined) -> Result<()> {
        self.disarm(number);
        watcher::claim(&mut self.places[number..=number].iter_mut(), &self.target)?;
        if let Some(place) = self.places[number] {
            watcher::arm_examined(place, examined);
            self.slots[number].is_armed = true;
        }
        Ok(())
    }

    /// Watches a slot's word no more. What it had to report already may still make the eventfd ready.
    pub(crate) fn disarm(&mut self, number: usize) {
        let slot = &mut self.slots[number];
        slot.has_fired = false;
        if !slot.is_armed {
            return;
        }
        slot.is_armed = false;
        if let Some(place) = self.places[number] {
            watcher::disarm(place);
        }
        if let Lane::Ring(ring) = &mut self.lane {
            ring.0.cancel(u64::from(slot.serial) << 32 | number as u64);
            self.has_cancelled = true;
        }
    }

    /// Forgets what has fired. Call when nothing is armed: it would otherwise be told of once more.
    pub(crate) fn forget_fired(&mut self) {
        self.target.take_fired();
    }

    /// Sets the counter to 0. Call after [`disarm`](Watch::disarm), whose end the ring tells of as of a wake-up,
    /// and before [`arm`](Watch::arm), so that a later wake-up is not lost.
    pub(crate) fn lower(&mut self) {
        if self.has_cancelled {
            self.has_cancelled = false;
            self.is_raised = true;
            let _ = self.collect_from_ring();
        }
        match &mut self.lane {
            Lane::Ring(ring) if self.is_raised => ring.0.clear_counter(),
            Lane::Ring(ring) => {
                let outcome = ring.0.clear_any_counter();
                // A wake-up that came meanwhile has not reached the counter.
                let ended = self.collect_from_ring();
                if outcome.is_err() || ended.is_none_or(|ended| ended.has_fired) {
                    self.raise(READY);
                }
                return;
            }
            _ => self.target.set(EMPTY),
        }
        self.is_raised = false;
    }

    /// Collects what has ended in the ring. `None` if the calling thread cannot use the ring.
    fn collect_from_ring(&mut self) -> Option<Collected> {
        let Lane::Ring(ring) = &mut self.lane else {
            return Some(Collected::default());
        };
        let slots = &mut self.slots;
        let mut has_fired = false;
        let outcome = ring.0.submit_and_collect(&mut |key, _| {
            let (number, serial) = (key as u32 as usize, (key >> 32) as u32);
            let slot = slots.get_mut(number).filter(|slot| slot.serial == serial);
            if let Some(slot) = slot {
                has_fired |= slot.is_armed;
                slot.has_fired |= slot.is_armed;
                if core::mem::take(&mut slot.is_armed) {
                    slot.is_death = slot.passing.pass_on(Word {
                        address: slot.address,
                        expected: 0,
                    });
                }
            }
        });
        self.has_fired |= has_fired;
        let count = outcome.ok()?;
        Some(Collected { count, has_fired })
    }

    /// Sets the counter.
    pub(crate) fn raise(&mut self, counter: u64) {
        if let Lane::Ring(ring) = &mut self.lane {
            // Otherwise a request to set the counter to 0 could come later than this.
            let _ = ring.0.submit();
        }
        self.target.set(counter);
        self.is_raised = true;
    }

    /// Call after [`lower`](Watch::lower) and [`arm`](Watch::arm): makes the kernel watch what was armed. If that fails, the eventfd stays ready.
    pub(crate) fn commit(&mut self) {
        let outcome = match &mut self.lane {
            Lane::Ring(ring) => ring.0.submit(),
            _ => Ok(()),
        };
        if outcome.is_err() {
            // A sandbox forbids the call from now on, or the ring's descriptor was closed.
            self.ring_moves = RING_MOVES_MAX + 1;
            self.leave_lane();
            self.raise(READY);
        }
        // A slot that has fired by now may have made the eventfd ready just before it was lowered. The watcher's firing is
        // told of by a mark. A request of the ring waits to be collected, and as long as it waits the kernel tells of no
        // other one: the eventfd would stay as it is for ever.
        if !self.is_raised && (self.target.has_fired() || self.has_ended_requests()) {
            self.raise(READY);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.lane = Lane::None;
        if self.is_of_this_process() {
            self.give_places_back();
        }
    }
}
