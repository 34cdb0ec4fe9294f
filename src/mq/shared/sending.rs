//! What may be done while the sending latch is held: take slots, and publish messages.

use super::memory::{Memory, Numbered, damaged};
use crate::error::Result;
use crate::layout::{FREE, MessageSlot, QUEUED};
use crate::sync::latch::Latched;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A queue whose sending latch this thread holds. Dropping it releases the latch.
pub(super) struct Sending<'q> {
    pub(super) memory: &'q Memory,
    /// The receiving latch, while the queue is watched. Taken second, so released first.
    pub(super) _other: Option<Latched<'q>>,
    pub(super) latched: Latched<'q>,
}

impl<'q> Sending<'q> {
    /// Takes a free slot, if there is one. Its state stays: until it is queued or claimed, a
    /// repair finds it free.
    #[inline(always)]
    pub(super) fn take_free(&self) -> Result<Option<Numbered<'q>>> {
        let memory = self.memory;
        let (header, capacity) = (memory.header(), memory.capacity());
        let sending = &header.sending;
        let taken = sending.taken.load(Relaxed);
        let free = |freed: u64| capacity.wrapping_add(freed).wrapping_sub(taken);
        let mut count = free(sending.seen_freed.load(Relaxed));
        if count == 0 {
            // Acquire pairs with the Release of who freed a slot: the ring's entry and the slot's
            // state are seen.
            let freed = header.received.freed.load(Acquire);
            sending.seen_freed.store(freed, Relaxed);
            count = free(freed);
            if count == 0 {
                return Ok(None);
            }
        }
        if count > capacity {
            return Err(damaged("more slots are free than there are"));
        }
        // The first time round no slot has been given back: the slots go by their numbers.
        let number = match taken.checked_sub(capacity) {
            None => taken as u32,
            Some(given_back) => memory.free(given_back).load(Relaxed),
        };
        let slot = memory.slot(number)?;
        if slot.state.load(Relaxed) != FREE {
            return Err(damaged("a slot in the free ring is not free"));
        }
        sending.taken.store(taken.wrapping_add(1), Relaxed);
        Ok(Some((number, slot)))
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
        header.sent.count.store(after, Release);
    }

    /// Whether a slot may be free, for who waits without the latch.
    pub(super) fn may_have_room(memory: &Memory) -> bool {
        let header = memory.header();
        let free = memory
            .capacity()
            .wrapping_add(header.received.freed.load(Acquire))
            .wrapping_sub(header.sending.taken.load(Relaxed));
        free != 0
    }
}
