//! What may be done while the sending latch is held: take slots, and publish messages.

use super::memory::{Memory, Numbered, damaged};
use crate::base::error::Result;
use crate::object::layout::{FREE, MessageSlot, NONE, QUEUED};
use crate::sync::latch::Latched;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A queue whose sending latch this thread holds. Dropping it releases the latch.
pub(super) struct SendSection<'q> {
    pub(super) memory: &'q Memory,
    /// The receiving latch, while the queue is fd_state. Taken second, so released first.
    pub(super) _other: Option<Latched<'q>>,
    pub(super) latched: Latched<'q>,
}

impl<'q> SendSection<'q> {
    /// Takes a free slot, if there is one. Its state stays: until it is queued or claimed, a
    /// repair finds it free.
    #[inline(always)]
    pub(super) fn take_free(&self) -> Result<Option<Numbered<'q>>> {
        let memory = self.memory;
        let sending = &memory.header().sending;
        let reused = sending.reused.load(Relaxed);
        let number = if memory.has_large_messages() {
            self.take_of_few(reused)?
        } else if self.count_freed(reused, reused == sending.seen_freed.load(Relaxed))? != 0 {
            sending.reused.store(reused.wrapping_add(1), Relaxed);
            memory.free(reused.into()).load(Relaxed)
        } else {
            self.take_fresh()
        };
        if number == NONE {
            return Ok(None);
        }
        let slot = memory.slot(number)?;
        if slot.state.load(Relaxed) != FREE {
            return Err(damaged("a slot in the free ring is not free"));
        }
        Ok(Some((number, slot)))
    }

    /// How many slots are in the free ring, as it was seen last or as it is now.
    #[inline(always)]
    fn count_freed(&self, reused: u32, looks: bool) -> Result<u32> {
        let header = self.memory.header();
        let seen = &header.sending.seen_freed;
        if looks {
            // Acquire pairs with the Release of who freed a slot: the ring's entry and the slot's
            // state are seen.
            seen.store(header.received.freed.load(Acquire) as u32, Relaxed);
        }
        let count = seen.load(Relaxed).wrapping_sub(reused);
        if u64::from(count) > self.memory.capacity() {
            return Err(damaged("more slots are free than there are"));
        }
        Ok(count)
    }

    /// A slot that was never taken before.
    #[inline(always)]
    fn take_fresh(&self) -> u32 {
        let fresh = &self.memory.header().sending.fresh;
        let number = fresh.load(Relaxed);
        if u64::from(number) >= self.memory.capacity() {
            return NONE;
        }
        fresh.store(number + 1, Relaxed);
        number
    }

    /// Of the few slots that were freed last the first: large messages then go through little memory,
    /// which stays in the caches. Those freed before them are cold_slots.
    #[inline(never)]
    fn take_of_few(&self, mut reused: u32) -> Result<u32> {
        let memory = self.memory;
        let sending = &memory.header().sending;
        let mut cold_slots = sending.cold_slots.load(Relaxed);
        let mut count = self.count_freed(reused, true)?;
        while count > memory.few() {
            let number = memory.free(reused.into()).load(Relaxed);
            memory.next(number)?.store(cold_slots, Relaxed);
            cold_slots = number;
            reused = reused.wrapping_add(1);
            count -= 1;
        }
        let number = if count != 0 {
            let first = memory.free(reused.into()).load(Relaxed);
            reused = reused.wrapping_add(1);
            first
        } else if cold_slots != NONE {
            let number = cold_slots;
            cold_slots = memory.next(number)?.load(Relaxed);
            number
        } else {
            self.take_fresh()
        };
        sending.cold_slots.store(cold_slots, Relaxed);
        sending.reused.store(reused, Relaxed);
        Ok(number)
    }

    /// Makes a filled slot the last message of its priority.
    #[inline(always)]
    pub(super) fn enqueue(&self, (number, slot): Numbered<'q>, length: u32, priority: u32) {
        let count = self.set_queued(slot, length, priority);
        self.publish(number, priority, count);
    }

    /// The first half of that: sends the message, which the receivers don't see before `publish`.
    /// How many were sent before it.
    #[inline(always)]
    pub(super) fn set_queued(&self, slot: &MessageSlot, length: u32, priority: u32) -> u64 {
        let sent = &self.memory.header().sent;
        let count = sent.count.load(Relaxed);
        slot.sequence.store(count, Relaxed);
        slot.priority.store(priority, Relaxed);
        slot.length.store(length, Relaxed);
        slot.redeliveries.store(0, Relaxed);
        // The moment of sending. Release: a repair that finds it queued finds all of it.
        slot.state.store(QUEUED, Release);
        count
    }

    /// The second half. From here on the slot is the receivers'.
    #[inline(always)]
    pub(super) fn publish(&self, number: u32, priority: u32, count: u64) {
        let header = self.memory.header();
        let after = count.wrapping_add(1);
        let last = &header.sending.last_priority;
        if priority != last.load(Relaxed) {
            if priority > last.load(Relaxed) {
                header.waiting.rise.store(after, Relaxed);
            }
            last.store(priority, Relaxed);
        }
        // Release: who sees the entry sees the slot, and the rise.
        let entry = self.memory.entry(count, priority, number);
        self.memory.inbox(count).store(entry, Release);
        // Release: who is told of the count finds the entry.
        header.sent.count.store(after, Release);
    }

    /// Whether a slot may be free, for who waits without the latch. As `take_free` finds it: else who
    /// waits would try again and again. It takes nothing, so nothing is ordered by it.
    pub(super) fn may_have_room(memory: &Memory) -> bool {
        let header = memory.header();
        let sending = &header.sending;
        header.received.freed.load(Relaxed) as u32 != sending.reused.load(Relaxed)
            || memory.has_large_messages() && sending.cold_slots.load(Relaxed) != NONE
            || u64::from(sending.fresh.load(Relaxed)) < memory.capacity()
    }
}
