//! The send section: the steps that are allowed while this thread holds the sending latch.
//!
//! It takes slots out of the free ring and publishes messages through the inbox. The calls that use
//! it are in `send_calls`. The models compile this file too, so it knows neither deadlines nor
//! descriptors.

use super::memory::{Memory, NumberedSlot, damaged};
use crate::base::error::Result;
use crate::object::layout::{FREE, MessageSlot, NONE, QUEUED};
use crate::sync::latch::Latched;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A queue whose sending latch this thread holds. Dropping it releases the latch.
pub(super) struct SendSection<'q> {
    pub(super) memory: &'q Memory,
    /// The receiving latch, in a queue with a descriptor. It was taken second, so it is dropped
    /// first.
    pub(super) _other_latch: Option<Latched<'q>>,
    pub(super) latched: Latched<'q>,
}

impl<'q> SendSection<'q> {
    // ---- slots ----

    /// Takes a free slot, if there is one. Its state stays: until the slot is queued or claimed, a
    /// repair finds it free.
    #[inline(always)]
    pub(super) fn take_free_slot(&self) -> Result<Option<NumberedSlot<'q>>> {
        let memory = self.memory;
        let sending = &memory.header().sending;
        let reused = sending.reused.load(Relaxed);
        let number = if memory.has_large_messages() {
            self.take_warm_slot(reused)?
        } else if self.count_freed(reused)? != 0 {
            sending.reused.store(reused.wrapping_add(1), Relaxed);
            memory.free_ring_place(reused.into()).load(Relaxed)
        } else {
            self.take_fresh_slot()
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

    /// How many slots are in the free ring at least. It reads the receivers' counter only if the
    /// ring was empty by its last value: their cache line then stays with them.
    #[inline(always)]
    fn count_freed(&self, reused: u32) -> Result<u32> {
        let seen_freed = &self.memory.header().sending.seen_freed;
        if seen_freed.load(Relaxed) == reused {
            return self.count_freed_now(reused);
        }
        self.check_freed(seen_freed.load(Relaxed).wrapping_sub(reused))
    }

    /// How many slots are in the free ring.
    #[inline(always)]
    fn count_freed_now(&self, reused: u32) -> Result<u32> {
        let header = self.memory.header();
        // Acquire pairs with the Release in `give_to_senders`: this thread sees the ring's entry
        // and the slot's state. With less, it could take an old entry's slot.
        let freed = header.received.freed.load(Acquire) as u32;
        header.sending.seen_freed.store(freed, Relaxed);
        self.check_freed(freed.wrapping_sub(reused))
    }

    #[inline(always)]
    fn check_freed(&self, count: u32) -> Result<u32> {
        if u64::from(count) > self.memory.capacity() {
            return Err(damaged("more slots are free than there are"));
        }
        Ok(count)
    }

    /// A slot that was never taken before, or `NONE`.
    #[inline(always)]
    fn take_fresh_slot(&self) -> u32 {
        let fresh = &self.memory.header().sending.fresh;
        let number = fresh.load(Relaxed);
        if u64::from(number) >= self.memory.capacity() {
            return NONE;
        }
        fresh.store(number + 1, Relaxed);
        number
    }

    /// Takes the first of the few slots that were freed last, or `NONE` if no slot is free. So
    /// large messages go through little memory, which stays in the caches. Slots freed before those
    /// few go to the list `cold_slots`, whose slots are used when the free ring is empty. Not
    /// inlined: queues of small messages never come here.
    #[inline(never)]
    fn take_warm_slot(&self, mut reused: u32) -> Result<u32> {
        let memory = self.memory;
        let sending = &memory.header().sending;
        let mut cold_slots = sending.cold_slots.load(Relaxed);
        let mut count = self.count_freed_now(reused)?;
        while count > memory.warm_slots() {
            let number = memory.free_ring_place(reused.into()).load(Relaxed);
            memory.next(number)?.store(cold_slots, Relaxed);
            cold_slots = number;
            reused = reused.wrapping_add(1);
            count -= 1;
        }
        let number = if count != 0 {
            let first = memory.free_ring_place(reused.into()).load(Relaxed);
            reused = reused.wrapping_add(1);
            first
        } else if cold_slots != NONE {
            let number = cold_slots;
            cold_slots = memory.next(number)?.load(Relaxed);
            number
        } else {
            self.take_fresh_slot()
        };
        sending.cold_slots.store(cold_slots, Relaxed);
        sending.reused.store(reused, Relaxed);
        Ok(number)
    }

    // ---- messages ----

    /// Makes a filled slot the last message of its priority.
    #[inline(always)]
    pub(super) fn enqueue(&self, (number, slot): NumberedSlot<'q>, length: u32, priority: u32) {
        let count = self.set_queued(slot, length, priority);
        self.publish(number, priority, count);
    }

    /// The first half of [`enqueue`](SendSection::enqueue): sends the message, but receivers do not
    /// see it before [`publish`](SendSection::publish). Returns how many messages were sent before
    /// it.
    #[inline(always)]
    pub(super) fn set_queued(&self, slot: &MessageSlot, length: u32, priority: u32) -> u64 {
        let count = self.memory.header().sent.count.load(Relaxed);
        slot.sequence.store(count, Relaxed);
        slot.priority.store(priority, Relaxed);
        slot.length.store(length, Relaxed);
        slot.redeliveries.store(0, Relaxed);
        // This store is the moment of sending. Release: a repair that finds the slot queued must
        // find the payload and the words above too.
        slot.state.store(QUEUED, Release);
        count
    }

    /// The second half of [`enqueue`](SendSection::enqueue). From here on the slot is the
    /// receivers'.
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
        // Release: a receiver that sees the entry must see the slot and the rise.
        let entry = self.memory.inbox_entry(count, priority, number);
        self.memory.inbox_place(count).store(entry, Release);
        // Release: a thread that sees the count must find the entry.
        header.sent.count.store(after, Release);
        self.latched
            .thread()
            .leave_processor(&header.sent.processor);
    }

    /// Whether there may be a free slot, for a thread that waits without the latch. It finds the
    /// same slots as `take_free_slot`: otherwise a waiter would try again and again. It takes
    /// nothing, so Relaxed is enough.
    pub(super) fn may_have_room(memory: &Memory) -> bool {
        let header = memory.header();
        let sending = &header.sending;
        header.received.freed.load(Relaxed) as u32 != sending.reused.load(Relaxed)
            || memory.has_large_messages() && sending.cold_slots.load(Relaxed) != NONE
            || u64::from(sending.fresh.load(Relaxed)) < memory.capacity()
    }
}
