//! The steps of publishers that are allowed while the topic's latch is held.
//!
//! Every slot is in one place: never used; in the list `free`; in the list `retired`; reserved; or
//! published, and then the ring leads to it. A slot becomes retired when its sample leaves the ring. A
//! subscriber may still read it, so it becomes free only after a search has shown that nobody has announced
//! it. One search serves many slots.

use super::memory::{Memory, damaged};
use super::ring::{self, is_number};
use super::subscribers::{Slowest, Subscribers};
use crate::base::error::{Result, fail};
use crate::object::layout::{Publishing, RESERVED_SLOT, SampleSlot};
use crate::sync::latch::Latched;
use crate::sys::atomic::fence;
use core::sync::atomic::Ordering::{Relaxed, Release, SeqCst};

/// The latch of a topic, held.
pub(super) struct PublishSection<'t> {
    pub(super) memory: &'t Memory,
    pub(super) subscribers: &'t Subscribers,
    pub(super) latched: Latched<'t>,
}

impl<'t> PublishSection<'t> {
    #[inline(always)]
    fn publishing(&self) -> &'t Publishing {
        &self.memory.header().publishing
    }

    /// A slot that nobody uses. It stays in no list, so the caller has to publish, reserve or free it.
    #[inline(always)]
    pub(super) fn take_slot(&self) -> Result<u32> {
        match self.pop_free()? {
            Some(slot) => Ok(slot),
            None => self.find_slot(),
        }
    }

    #[inline(always)]
    fn pop_free(&self) -> Result<Option<u32>> {
        let count = self.publishing().free.load(Relaxed);
        if count == 0 {
            return Ok(None);
        }
        let slot = self.memory.free_entry(count - 1)?.load(Relaxed);
        self.publishing().free.store(count - 1, Relaxed);
        Ok(Some(slot))
    }

    #[inline(never)]
    fn find_slot(&self) -> Result<u32> {
        let (retired, used) = (&self.publishing().retired, &self.publishing().used);
        let slots = self.memory.slot_count();
        for searched in [false, true] {
            let first_unused = used.load(Relaxed);
            if first_unused < slots
                && (searched || retired.load(Relaxed) < self.memory.search_batch())
            {
                used.store(first_unused + 1, Relaxed);
                return Ok(first_unused);
            }
            if searched {
                break;
            }
            self.reclaim()?;
            if let Some(slot) = self.pop_free()? {
                return Ok(slot);
            }
        }
        Err(damaged("it has fewer slots than its users can have in use"))
    }

    /// Searches for the retired slots that no subscriber has announced, and frees them.
    ///
    /// A subscriber announces a slot and then reads its word. This thread overwrites the word and then reads
    /// the announcements. All four are SeqCst, so either the subscriber sees that the sample is gone, or
    /// this thread sees the announcement.
    fn reclaim(&self) -> Result<()> {
        let (memory, publishing) = (self.memory, self.publishing());
        let retired = publishing.retired.load(Relaxed);
        for index in 0..retired {
            let slot = memory.retired_entry(index)?.load(Relaxed);
            memory.slot(slot)?.truth.store(0, SeqCst);
        }
        // For weakly ordered processors, on which a SeqCst store and a SeqCst load do not order all else.
        fence(SeqCst);
        let search = &memory.header().statistics.search;
        let round = search.load(Relaxed).wrapping_add(1);
        search.store(round, Relaxed);
        self.subscribers.each_borrowed(&mut |slot| {
            // A number that is out of range is a subscriber's fault and nobody's slot.
            if let Ok(mark) = memory.mark(slot) {
                mark.store(round, Relaxed);
            }
        });
        let mut free = publishing.free.load(Relaxed);
        let mut kept = 0;
        for index in 0..retired {
            let slot = memory.retired_entry(index)?.load(Relaxed);
            if memory.mark(slot)?.load(Relaxed) == round {
                memory.retired_entry(kept)?.store(slot, Relaxed);
                kept += 1;
            } else {
                memory.free_entry(free)?.store(slot, Relaxed);
                free += 1;
            }
        }
        publishing.retired.store(kept, Relaxed);
        publishing.free.store(free, Relaxed);
        Ok(())
    }

    /// Puts a slot that nobody can be reading into the list of free slots.
    pub(super) fn free(&self, slot: u32) -> Result<()> {
        let count = self.publishing().free.load(Relaxed);
        self.memory.free_entry(count)?.store(slot, Relaxed);
        self.publishing().free.store(count + 1, Relaxed);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn retire(&self, slot: u32) -> Result<()> {
        let count = self.publishing().retired.load(Relaxed);
        self.memory.retired_entry(count)?.store(slot, Relaxed);
        self.publishing().retired.store(count + 1, Relaxed);
        Ok(())
    }

    /// Publishes the sample in a slot, and retires the one whose place in the ring it gets.
    #[inline(always)]
    pub(super) fn publish(&self, slot: u32, sample: &Sample) -> Result<()> {
        let publishing = self.publishing();
        let number = publishing.newest.load(Relaxed) + 1;
        if !is_number(number) {
            return Err(damaged("it has no numbers left"));
        }
        let place = self.memory.ring_place(number);
        let replaced = place.load(Relaxed);
        let words = self.memory.slot(slot)?;
        words.length.store(sample.length as u64, Relaxed);
        words.time_ns.store(sample.time_ns as u64, Relaxed);
        words.publisher.store(sample.publisher, Relaxed);
        words.next_slot.store(self.guess_next_slot(), Relaxed);
        // Release: a subscriber that sees the number must see the sample. With this store it is published.
        words.truth.store(number, Release);
        // Release: as above, for a subscriber that comes through the ring.
        place.store(ring::entry_of(number, slot), Release);
        publishing.newest.store(number, Release);
        let processor = &self.memory.header().statistics.processor;
        self.latched.thread().leave_processor(processor);
        if replaced != 0 {
            self.retire(ring::slot_in(replaced))?;
        }
        Ok(())
    }

    /// The slot that the next publisher takes, unless somebody reserves it before or there is none yet.
    #[inline(always)]
    fn guess_next_slot(&self) -> u32 {
        let publishing = self.publishing();
        match publishing.free.load(Relaxed) {
            0 => publishing.used.load(Relaxed),
            count => self
                .memory
                .free_entry(count - 1)
                .map_or(0, |entry| entry.load(Relaxed)),
        }
    }

    /// Reserves a slot for the publisher at a place.
    pub(super) fn reserve(&self, slot: u32, publisher: u32) -> Result<()> {
        let place = self.memory.publisher_place(publisher)?;
        let words = self.memory.slot(slot)?;
        words
            .truth
            .store(RESERVED_SLOT | u64::from(publisher), Relaxed);
        place
            .reserved
            .store(place.reserved.load(Relaxed) + 1, Relaxed);
        self.count_reserved(1);
        Ok(())
    }

    /// Ends the reservation of a slot. The caller publishes or frees the slot next.
    pub(super) fn end_reservation(&self, publisher: u32) -> Result<()> {
        let place = self.memory.publisher_place(publisher)?;
        let reserved = place.reserved.load(Relaxed).saturating_sub(1);
        place.reserved.store(reserved, Relaxed);
        self.count_reserved(-1);
        Ok(())
    }

    fn count_reserved(&self, change: i32) {
        let reserved = &self.publishing().reserved;
        let now = reserved.load(Relaxed).saturating_add_signed(change);
        reserved.store(now, Relaxed);
    }

    /// Refuses a slot that the publisher at this place has not reserved.
    pub(super) fn check_reserved(&self, slot: u32, publisher: u32) -> Result<&'t SampleSlot> {
        let words = self.memory.slot(slot)?;
        match words.truth.load(Relaxed) == RESERVED_SLOT | u64::from(publisher) {
            true => Ok(words),
            false => Err(fail!(
                EINVAL,
                "the sample is not reserved by this handle now"
            )),
        }
    }

    /// Frees the slots that are reserved for a place whose publisher has ended.
    #[cold]
    pub(super) fn free_reserved(&self, publisher: u32) -> Result<()> {
        for slot in 0..self.used_slots() {
            let truth = &self.memory.slot(slot)?.truth;
            if truth.load(Relaxed) == RESERVED_SLOT | u64::from(publisher) {
                truth.store(0, Relaxed);
                self.free(slot)?;
                self.count_reserved(-1);
                let abandoned = &self.memory.header().statistics.abandoned;
                abandoned.store(abandoned.load(Relaxed) + 1, Relaxed);
            }
        }
        self.memory
            .publisher_place(publisher)?
            .reserved
            .store(0, Relaxed);
        Ok(())
    }

    pub(super) fn used_slots(&self) -> u32 {
        let used = self.publishing().used.load(Relaxed);
        used.min(self.memory.slot_count())
    }

    /// In a topic that waits: the subscriber that has not taken a sample which one more reservation could
    /// replace. `None` if there is room for one more.
    pub(super) fn find_blocking(&self) -> Option<Slowest> {
        let publishing = self.publishing();
        let reserved = &publishing.reserved;
        // This thread's reservation counts before it reads the positions. See `Subscribers::slowest`.
        let before = reserved.load(Relaxed);
        reserved.store(before.saturating_add(1), SeqCst);
        fence(SeqCst);
        let blocking = self.find_untaken(before);
        reserved.store(before, Relaxed);
        blocking
    }

    fn find_untaken(&self, reserved: u32) -> Option<Slowest> {
        let newest = self.publishing().newest.load(Relaxed);
        let replaced = (newest + u64::from(reserved) + 1).checked_sub(self.memory.capacity())?;
        let backlog = &self.memory.header().backlog;
        let joins = self.subscribers.header().joins.load(SeqCst);
        let is_known = backlog.joins.load(Relaxed) == joins;
        if replaced == 0 || is_known && replaced < backlog.taken.load(Relaxed) {
            return None;
        }
        let slowest = self.subscribers.slowest();
        // Nobody has taken a sample that is not published yet, whatever the positions say.
        let taken = slowest.map_or(newest + 1, |slowest| slowest.position.min(newest + 1));
        backlog.taken.store(taken, Relaxed);
        backlog.joins.store(joins, Relaxed);
        slowest.filter(|_| replaced >= taken)
    }
}

/// A publisher's statements about a sample.
pub(super) struct Sample {
    /// In bytes.
    pub(super) length: usize,
    pub(super) time_ns: i64,
    pub(super) publisher: u32,
}
