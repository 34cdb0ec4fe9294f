//! The calls that subscribe. They take no latch and write nothing but the subscriber's own place.

use super::memory::{Found, Memory, damaged, still_holds};
use super::{COPY_AT_ONCE, SPIN, Topic};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::SampleSlot;
use crate::sync;
use crate::sys::futex::Awoken;
use crate::sys::liveness::Birth;
use core::hint::spin_loop;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::time::Duration;

/// How often a call tries to take a sample before it waits or gives up: publishers may replace each one that it
/// finds.
const ATTEMPTS: u32 = 1000;
/// How often a call that may wait looks for a sample before it reads the clock.
const FIRST_CHECKS: u32 = 100;

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
    number: u64,
    slot_number: u32,
    slot: &'t SampleSlot,
    received: Received,
}

impl Topic {
    /// Copies the next sample, if there is one. Waits for nothing.
    #[inline(always)]
    pub(crate) fn try_receive(&self, buffer: &mut [MaybeUninit<u8>]) -> Result<Option<Received>> {
        for _ in 0..ATTEMPTS {
            let Some(candidate) = self.find()? else {
                return Ok(None);
            };
            let length = candidate.received.length;
            if length > buffer.len() {
                if candidate.slot.truth.load(Relaxed) != candidate.number {
                    continue;
                }
                return Err(self.too_long(&candidate, buffer.len()));
            }
            let to = NonNull::from(&mut *buffer).cast();
            let cell = match length > COPY_AT_ONCE {
                true => self.announce(&candidate)?,
                false => None,
            };
            // SAFETY: the buffer has room for the sample, as just checked.
            let is_whole = unsafe {
                self.memory
                    .copy_out(candidate.slot, candidate.number, to, length)
            };
            if let Some(cell) = cell {
                self.withdraw(cell);
            }
            if is_whole && self.take(&candidate) {
                return Ok(Some(candidate.received));
            }
        }
        Ok(None)
    }

    /// Takes the next sample and keeps it from being overwritten, if there is one. Waits for nothing.
    #[inline(always)]
    pub(crate) fn try_borrow(&self) -> Result<Option<Received>> {
        for _ in 0..ATTEMPTS {
            let Some(candidate) = self.find()? else {
                return Ok(None);
            };
            let Some(cell) = self.announce(&candidate)? else {
                return Err(fail!(
                    ENOBUFS,
                    "{}: this handle has {} samples borrowed, and max_borrowed allows no more",
                    self.name,
                    self.sizes().max_borrowed
                ));
            };
            if still_holds(candidate.slot, candidate.number) && self.take(&candidate) {
                return Ok(Some(candidate.received));
            }
            self.withdraw(cell);
        }
        Ok(None)
    }

    /// Copies the next sample, waiting for it.
    pub(crate) fn receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        timeout_ns: i64,
    ) -> Result<Received> {
        self.wait_until_taken(timeout_ns, &mut || self.try_receive(buffer))
    }

    /// Takes the next sample, waiting for it.
    pub(crate) fn borrow(&self, timeout_ns: i64) -> Result<Received> {
        self.wait_until_taken(timeout_ns, &mut || self.try_borrow())
    }

    fn wait_until_taken(
        &self,
        timeout_ns: i64,
        attempt: &mut dyn FnMut() -> Result<Option<Received>>,
    ) -> Result<Received> {
        self.check_subscriber()?;
        let deadline = self.deadline(timeout_ns)?;
        self.settle()?;
        loop {
            if let Some(received) = attempt()? {
                return Ok(received);
            }
            self.wait_for_sample(deadline)?;
        }
    }

    /// Whether a call may take a sample at once: the handle subscribes, and this process has a place.
    #[inline(always)]
    pub(crate) fn may_take_at_once(&self) -> bool {
        !self.publishes && self.member.place().is_some()
    }

    /// Whether there may be a sample for this subscriber.
    #[inline(always)]
    pub(crate) fn may_have_sample(&self) -> bool {
        self.memory.find(self.next.load(Relaxed)) != Found::NotYet
    }

    /// Looks for a sample for a moment, without reading the clock. Whether there may be one.
    #[inline(always)]
    pub(crate) fn spin_for_sample(&self) -> bool {
        for _ in 0..FIRST_CHECKS {
            if self.may_have_sample() {
                return true;
            }
            spin_loop();
        }
        false
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
        if sync::spin_for(spin, &mut || self.may_have_sample()) {
            return Ok(());
        }
        let header = self.subscribers.header();
        let awoken = header
            .arrivals
            .sleep_unless(&header.needs_fence, deadline, &|| self.may_have_sample())?;
        match awoken {
            Awoken::Recheck => Ok(()),
            Awoken::Interrupted => Err(Errno::EINTR.into()),
            Awoken::TimedOut => Err(Errno::ETIMEDOUT.into()),
        }
    }

    /// The oldest sample that the topic has for this subscriber.
    #[inline(always)]
    fn find(&self) -> Result<Option<Candidate<'_>>> {
        let next = self.next.load(Relaxed);
        if let Found::Slot(slot_number) = self.memory.find(next) {
            let slot = self.memory.slot(slot_number)?;
            // Acquire: without it the slot's other words could be those of an earlier sample.
            if slot.truth.load(Acquire) == next {
                return self.candidate(next, next, slot_number, slot).map(Some);
            }
        }
        self.find_slowly()
    }

    #[inline(never)]
    fn find_slowly(&self) -> Result<Option<Candidate<'_>>> {
        let capacity = self.memory.capacity();
        let mut is_missing = false;
        for _ in 0..ATTEMPTS {
            let next = self.next.load(Relaxed);
            let mut number = next;
            let mut found = self.memory.find(next);
            if found == Found::NotYet {
                return Ok(None);
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

    #[inline(always)]
    fn candidate<'t>(
        &self,
        next: u64,
        number: u64,
        slot_number: u32,
        slot: &'t SampleSlot,
    ) -> Result<Candidate<'t>> {
        let received = Received {
            payload: self.memory.payload(slot),
            length: self.memory.length_of(slot)?,
            number,
            missed: number - next,
            time_ns: slot.time_ns.load(Relaxed) as i64,
            publisher: slot.publisher.load(Relaxed),
        };
        Ok(Candidate {
            next,
            number,
            slot_number,
            slot,
            received,
        })
    }

    /// Makes the sample this call's. False: another thread has taken it through this handle.
    #[inline(always)]
    fn take(&self, candidate: &Candidate<'_>) -> bool {
        let after = candidate.number + 1;
        let is_taken = self
            .next
            .compare_exchange(candidate.next, after, Relaxed, Relaxed)
            .is_ok();
        if is_taken && self.memory.sizes().waits {
            self.announce_position(after);
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

    /// Announces a slot in a free cell of this subscriber, and returns the cell's index. `None`: no cell is
    /// free.
    #[inline(always)]
    fn announce(&self, candidate: &Candidate<'_>) -> Result<Option<usize>> {
        let (place, _) = self.settle()?;
        let (_, cells) = self.subscribers.place(place);
        for (index, (cell, own)) in cells.iter().zip(&self.borrowed).enumerate() {
            if cell.load(Relaxed) != 0 || own.load(Relaxed) != 0 {
                continue;
            }
            // SeqCst: see `still_holds`.
            let is_announced = cell
                .compare_exchange(0, candidate.slot_number + 1, SeqCst, Relaxed)
                .is_ok();
            if is_announced {
                let entry = Memory::ring_entry(candidate.number, candidate.slot_number);
                own.store(entry, Relaxed);
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Removes an announcement. Returns whether it was as this subscriber had made it.
    #[inline(always)]
    fn withdraw(&self, index: usize) -> bool {
        let (Some(place), Some(own)) = (self.member.place(), self.borrowed.get(index)) else {
            return false;
        };
        let (_, cells) = self.subscribers.place(place);
        let slot = Memory::slot_in_entry(own.load(Relaxed));
        let is_intact = cells[index].load(Relaxed) == slot + 1;
        // The private word first: whoever finds the cell free finds it free too.
        own.store(0, Release);
        // Release: the sample is read before a publisher finds the slot free.
        cells[index].store(0, Release);
        is_intact
    }

    /// Ends the use of a borrowed sample.
    pub(crate) fn give_back(&self, payload: *const u8) -> Result<()> {
        self.check_subscriber()?;
        let slot_number = self.memory.slot_of_payload(payload)?;
        let slot = self.memory.slot(slot_number)?;
        let is_here = |entry: u64| entry != 0 && Memory::slot_in_entry(entry) == slot_number;
        // A forked child has a copy of what its parent has borrowed.
        let own = match self.member.place() {
            Some(_) => self
                .borrowed
                .iter()
                .position(|own| is_here(own.load(Relaxed))),
            None => None,
        };
        let Some(index) = own else {
            return Err(fail!(
                EINVAL,
                "the sample is not borrowed by this handle now"
            ));
        };
        let truth = slot.truth.load(Relaxed);
        let entry = self.borrowed[index].load(Relaxed);
        let is_unchanged = truth == 0 || Memory::ring_entry(truth, slot_number) == entry;
        if self.withdraw(index) && is_unchanged {
            return Ok(());
        }
        Err(damaged(
            "another process has removed this subscriber's announcement, so the sample may have been overwritten",
        ))
    }

    fn check_subscriber(&self) -> Result<()> {
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
    fn too_long(&self, candidate: &Candidate<'_>, capacity: usize) -> crate::base::error::Error {
        fail!(
            EMSGSIZE,
            "{}: sample {} has {} bytes, the buffer {capacity}",
            self.name,
            candidate.number,
            candidate.received.length
        )
    }

    /// Takes a place for a subscriber. `EUSERS` if living processes have all of them.
    pub(super) fn join_subscribers(&self, birth: Birth) -> Result<u32> {
        // What a forked child's parent has borrowed stays the parent's.
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
