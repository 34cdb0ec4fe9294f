//! The calls that subscribe. They take no latch and write nothing but the subscriber's own place.

use super::memory::damaged;
use super::ring::{Found, still_holds};
use super::{COPY_AT_ONCE, SPIN, Topic};
use crate::base::error::{Errno, Error, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::SampleSlot;
use crate::sync;
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::Awoken;
use crate::sys::liveness::Birth;
use crate::sys::thread::Thread;
use core::hint::spin_loop;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::time::Duration;

/// How often a call tries to take a sample before it waits or gives up: publishers may replace each one that it
/// finds.
const ATTEMPTS: u32 = 1000;
/// How often a call that may wait looks for a sample before it reads the clock.
const FIRST_CHECKS: u32 = 400;
/// Of these, every one of so many looks into the ring too.
const RING_CHECKS: u32 = 16;

/// A sample that a subscriber has taken.
#[derive(Clone, Copy)]
pub(crate) struct Received {
    pub(crate) payload: NonNull<u8>,
    /// In bytes.
    pub(crate) length: usize,
    pub(crate) number: u64,
    /// How many samples the subscriber has missed right before this one.
    pub(crate) missed: u64,
    pub(crate) time_ns: i64,
    pub(crate) publisher: u32,
}

/// A sample that was found and is not taken yet.
struct Candidate<'t> {
    /// The number that the subscriber waits for.
    next: u64,
    slot_number: u32,
    slot: &'t SampleSlot,
    received: Received,
}

/// The first place where a call looks for the next sample.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the ring, as at the beginning of each call.
    Ring,
    /// In the slot that it will probably be in: only after the ring has said that it is still to come.
    /// Otherwise a subscriber could get a sample that the ring has lost already. It saves one transfer of a
    /// cache line between two processors.
    NextSlot,
    /// In the ring, and if it is still to come there, in all slots: for a topic whose publisher died after it had
    /// published a sample and before it had written the ring. Only the next publisher may repair that.
    Slots,
}

impl Topic {
    /// Copies the next sample, if there is one. Waits for nothing.
    #[inline(always)]
    pub(crate) fn try_receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        place: Place,
    ) -> Result<Option<Received>> {
        let next = self.next.load(Relaxed);
        if let Some((_, slot)) = self.find_next(next, place) {
            let received = self.describe(slot, next, next);
            if received.length <= buffer.len().min(COPY_AT_ONCE) {
                let to = NonNull::from(&mut *buffer).cast();
                let next_slot = slot.next_slot.load(Relaxed);
                let is_possible = received.length as u64 <= self.memory.sizes().sample_size;
                let is_whole = is_possible
                    // SAFETY: the buffer has room for the sample and the slot has so many bytes, as just checked.
                    && unsafe { self.memory.copy_out(slot, next, to, received.length) };
                if is_whole && self.take(next, next) {
                    self.next_slot.store(next_slot, Relaxed);
                    return Ok(Some(received));
                }
            }
        }
        self.try_receive_slowly(buffer, place)
    }

    #[inline(never)]
    fn try_receive_slowly(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        place: Place,
    ) -> Result<Option<Received>> {
        for _ in 0..ATTEMPTS {
            let Some(candidate) = self.find_slowly(place)? else {
                return Ok(None);
            };
            let length = candidate.received.length;
            if length > buffer.len() {
                if candidate.slot.truth.load(Relaxed) != candidate.received.number {
                    continue;
                }
                return Err(self.too_long(&candidate, buffer.len()));
            }
            let to = NonNull::from(&mut *buffer).cast();
            let number = candidate.received.number;
            let cell = match length > COPY_AT_ONCE {
                true => self.announce(candidate.slot_number)?,
                false => None,
            };
            // SAFETY: the buffer has room for the sample, as just checked.
            let is_whole = unsafe { self.memory.copy_out(candidate.slot, number, to, length) };
            if let Some(cell) = cell {
                self.retract(cell);
            }
            if is_whole && self.take(candidate.next, number) {
                self.next_slot
                    .store(candidate.slot.next_slot.load(Relaxed), Relaxed);
                return Ok(Some(candidate.received));
            }
        }
        Ok(None)
    }

    /// Takes the next sample and keeps it from being overwritten, if there is one. Waits for nothing.
    #[inline(always)]
    pub(crate) fn try_borrow(&self, place: Place) -> Result<Option<Received>> {
        let next = self.next.load(Relaxed);
        if let Some((slot_number, slot)) = self.find_next(next, place) {
            let Some(cell) = self.announce(slot_number)? else {
                return Err(self.no_cell());
            };
            if still_holds(slot, next) {
                let received = self.describe(slot, next, next);
                let next_slot = slot.next_slot.load(Relaxed);
                let is_possible = received.length as u64 <= self.memory.sizes().sample_size;
                if is_possible && self.take(next, next) {
                    self.keep(cell, next, slot_number);
                    self.next_slot.store(next_slot, Relaxed);
                    return Ok(Some(received));
                }
            }
            self.retract(cell);
        }
        self.try_borrow_slowly(place)
    }

    #[inline(never)]
    fn try_borrow_slowly(&self, place: Place) -> Result<Option<Received>> {
        for _ in 0..ATTEMPTS {
            let Some(candidate) = self.find_slowly(place)? else {
                return Ok(None);
            };
            let number = candidate.received.number;
            let Some(cell) = self.announce(candidate.slot_number)? else {
                return Err(self.no_cell());
            };
            if still_holds(candidate.slot, number) && self.take(candidate.next, number) {
                self.keep(cell, number, candidate.slot_number);
                self.next_slot
                    .store(candidate.slot.next_slot.load(Relaxed), Relaxed);
                return Ok(Some(candidate.received));
            }
            self.retract(cell);
        }
        Ok(None)
    }

    /// Copies the next sample, waiting for it.
    pub(crate) fn receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        timeout_ns: i64,
    ) -> Result<Received> {
        self.wait_until_taken(timeout_ns, &mut |place| self.try_receive(buffer, place))
    }

    /// Takes the next sample, waiting for it.
    pub(crate) fn borrow(&self, timeout_ns: i64) -> Result<Received> {
        self.wait_until_taken(timeout_ns, &mut |place| self.try_borrow(place))
    }

    fn wait_until_taken(
        &self,
        timeout_ns: i64,
        attempt: &mut dyn FnMut(Place) -> Result<Option<Received>>,
    ) -> Result<Received> {
        self.check_subscriber()?;
        let deadline = self.deadline(timeout_ns)?;
        self.settle()?;
        loop {
            let outcome = match self.memory.is_left_by_dead() {
                false => attempt(Place::Ring),
                true => attempt(Place::Slots),
            };
            self.settle_descriptor();
            if let Some(received) = outcome? {
                return Ok(received);
            }
            self.wait_for_sample(deadline)?;
        }
    }

    /// Whether a call may take a sample at once: the handle subscribes and has no descriptor, and this process has
    /// a place.
    #[inline(always)]
    pub(crate) fn may_take_at_once(&self) -> bool {
        !self.publishes && !self.descriptor.is_open() && self.member.place().is_some()
    }

    /// Whether the kernel has noticed that a publisher died in a call, and no other one has repaired the topic. Then
    /// [`Place::Slots`] may have a sample that the ring has not.
    #[inline(always)]
    pub(crate) fn is_orphaned(&self) -> bool {
        self.memory.header().publishing.latch.is_orphaned()
    }

    /// Whether there may be a sample for this subscriber.
    #[inline(always)]
    pub(crate) fn may_have_sample(&self) -> bool {
        self.memory.find(self.next.load(Relaxed)) != Found::NotYet
    }

    /// Whether a publisher has died after it had published the next sample and before it had written the ring.
    #[cold]
    fn has_unlisted_sample(&self) -> bool {
        let next = self.next.load(Relaxed);
        self.memory.is_left_by_dead() && self.memory.find_unlisted(next).is_some()
    }

    /// The word in which the last publisher has left the number of its processor.
    #[inline(always)]
    fn publisher_processor(&self) -> &AtomicU32 {
        &self.memory.header().statistics.processor
    }

    /// Looks for a sample for a moment, without reading the clock. Call after the ring had none. Returns where
    /// there may be one.
    #[inline(always)]
    pub(crate) fn spin_for_sample(&self) -> Option<Place> {
        if !sync::may_spin_briefly(self.publisher_processor()) {
            return None;
        }
        let next = self.next.load(Relaxed);
        for check in 0..FIRST_CHECKS {
            if self.find_in_next_slot(next).is_some() {
                return Some(Place::NextSlot);
            }
            if check % RING_CHECKS == RING_CHECKS - 1 {
                if self.may_have_sample() {
                    return Some(Place::Ring);
                }
                spin_loop();
            }
        }
        None
    }

    fn wait_for_sample(&self, deadline: Deadline) -> Result<()> {
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        let left = deadline.remaining();
        if left == Some(Duration::ZERO) {
            return Err(Errno::ETIMEDOUT.into());
        }
        let spin = left.map_or(SPIN, |left| left.min(SPIN));
        if sync::spin_for(spin, self.publisher_processor(), &mut || {
            self.may_have_sample()
        }) {
            return Ok(());
        }
        let header = self.subscribers.header();
        let latch = &self.memory.header().publishing.latch;
        let is_ready = || self.may_have_sample() || self.has_unlisted_sample();
        let awoken =
            header
                .arrivals
                .sleep_unless(&header.needs_fence, latch, deadline, &is_ready)?;
        match awoken {
            Awoken::Recheck => Ok(()),
            Awoken::Interrupted => Err(Errno::EINTR.into()),
            Awoken::TimedOut => Err(Errno::ETIMEDOUT.into()),
        }
    }

    /// The slot of the sample with this number, if it is there and the ring has not lost it.
    #[inline(always)]
    fn find_next(&self, next: u64, place: Place) -> Option<(u32, &SampleSlot)> {
        if place == Place::NextSlot {
            return self.find_in_next_slot(next);
        }
        let Found::Slot(number) = self.memory.find(next) else {
            return None;
        };
        self.slot_with(number, next)
    }

    #[inline(always)]
    fn find_in_next_slot(&self, next: u64) -> Option<(u32, &SampleSlot)> {
        self.slot_with(self.next_slot.load(Relaxed), next)
    }

    /// The slot, if it holds this sample.
    #[inline(always)]
    fn slot_with(&self, number: u32, next: u64) -> Option<(u32, &SampleSlot)> {
        let slot = self.memory.slot_if_any(number)?;
        // Acquire: without it the slot's other words could be those of an earlier sample.
        (slot.truth.load(Acquire) == next).then_some((number, slot))
    }

    #[inline(never)]
    fn find_slowly(&self, place: Place) -> Result<Option<Candidate<'_>>> {
        let capacity = self.memory.capacity();
        let mut is_missing = false;
        for _ in 0..ATTEMPTS {
            let next = self.next.load(Relaxed);
            let mut number = next;
            let mut found = self.memory.find(next);
            if found == Found::NotYet && place != Place::Slots {
                return Ok(None);
            }
            if found == Found::NotYet {
                let unlisted = self.memory.find_unlisted(next);
                return unlisted
                    .map(|(number, slot)| self.candidate(next, next, number, slot))
                    .transpose();
            }
            if let Found::Replaced(later) = found {
                let newest = self.memory.header().publishing.newest.load(Acquire);
                number = (newest.max(later) + 1).saturating_sub(capacity);
                found = self.memory.find(number);
            }
            // A publisher may have died after it wrote into the ring and before it wrote `newest`.
            if let Found::Replaced(later) = found {
                number = (later + 1).saturating_sub(capacity);
                found = self.memory.find(number);
            }
            is_missing = found == Found::NotYet || number < next;
            let Found::Slot(slot_number) = found else {
                continue;
            };
            let slot = self.memory.slot(slot_number)?;
            // Acquire: as in `find`.
            if !is_missing && slot.truth.load(Acquire) == number {
                return self.candidate(next, number, slot_number, slot).map(Some);
            }
        }
        match is_missing {
            true => Err(damaged("its ring leads to samples that are not there")),
            false => Ok(None),
        }
    }

    fn candidate<'t>(
        &self,
        next: u64,
        number: u64,
        slot_number: u32,
        slot: &'t SampleSlot,
    ) -> Result<Candidate<'t>> {
        self.memory.length_of(slot)?;
        Ok(Candidate {
            next,
            slot_number,
            slot,
            received: self.describe(slot, next, number),
        })
    }

    #[inline(always)]
    fn describe(&self, slot: &SampleSlot, next: u64, number: u64) -> Received {
        Received {
            payload: self.memory.payload(slot),
            length: slot.length.load(Relaxed) as usize,
            number,
            missed: number - next,
            time_ns: slot.time_ns.load(Relaxed) as i64,
            publisher: slot.publisher.load(Relaxed),
        }
    }

    /// Makes the sample this call's. False: another thread has taken it through this handle.
    #[inline(always)]
    fn take(&self, next: u64, number: u64) -> bool {
        let is_taken = self
            .next
            .compare_exchange(next, number + 1, Relaxed, Relaxed)
            .is_ok();
        if is_taken && self.memory.sizes().waits {
            self.announce_position(number + 1);
        }
        is_taken
    }

    /// Says how far this subscriber is, and wakes the publishers that wait for it.
    fn announce_position(&self, position: u64) {
        let Some(place) = self.member.place() else {
            return;
        };
        let (place, _) = self.subscribers.place(place);
        // Other threads may have come further. Release: the sample is read before a publisher replaces it.
        if let Some(thread) = Thread::known() {
            thread.leave_processor(&place.processor);
        }
        place.position.fetch_max(position, Release);
        self.wake_publishers();
    }

    /// Call after a change for which a publisher may wait.
    #[inline(always)]
    pub(super) fn wake_publishers(&self) {
        self.light_fence();
        let header = self.subscribers.header();
        if header.departures.are_asleep() {
            header.departures.wake(u32::MAX);
        }
    }

    pub(super) fn check_subscriber(&self) -> Result<()> {
        match self.publishes {
            false => Ok(()),
            true => Err(fail!(
                EBADF,
                "{}: this handle publishes (IPC_WRITE_ONLY)",
                self.name
            )),
        }
    }

    #[cold]
    fn too_long(&self, candidate: &Candidate<'_>, capacity: usize) -> Error {
        fail!(
            EMSGSIZE,
            "{}: sample {} has {} bytes, the buffer {capacity}",
            self.name,
            candidate.received.number,
            candidate.received.length
        )
    }

    /// Takes a place for a subscriber. `EUSERS` if living processes have all of them.
    pub(super) fn join_subscribers(&self, birth: Birth) -> Result<u32> {
        // Samples that a forked child's parent has borrowed stay the parent's.
        for own in &self.borrowed {
            own.store(0, Relaxed);
        }
        let index = self.subscribers.join(birth)?;
        let (place, _) = self.subscribers.place(index);
        let publishing = &self.memory.header().publishing;
        let start = match self.next.load(Relaxed) {
            0 => {
                let newest = publishing.newest.load(Acquire);
                let history = u64::from(self.sizes().history);
                (newest + 1).saturating_sub(history).max(1)
            }
            // A forked child goes on where its parent was.
            next => next,
        };
        if !self.sizes().waits {
            self.next.store(start, Relaxed);
            return Ok(index);
        }
        // SeqCst throughout: a publisher counts its reservation and then reads the joins and positions. So
        // either it sees this subscriber, or this one sees what it has reserved.
        place.position.store(start, SeqCst);
        self.subscribers.header().joins.fetch_add(1, SeqCst);
        let coming = publishing.newest.load(SeqCst) + u64::from(publishing.reserved.load(SeqCst));
        let kept = (coming + 1).saturating_sub(self.memory.capacity());
        let start = start.max(kept);
        place.position.store(start, SeqCst);
        self.next.store(start, Relaxed);
        self.wake_publishers();
        Ok(index)
    }
}
