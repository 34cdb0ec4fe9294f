//! The receive section: the steps that are allowed while this thread holds the receiving latch.
//!
//! It sorts the inbox into levels, takes messages out of them, and gives slots back through the
//! free ring. The calls that use it are in `receive_calls`. The models compile this file too, so it
//! knows neither deadlines nor descriptors.

use super::memory::{Memory, NumberedSlot, damaged};
use crate::base::error::Result;
use crate::object::layout::{FREE, MessageSlot, NONE, QUEUED};
use crate::sync::latch::Latched;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A queue whose receiving latch this thread holds. Dropping it releases the latch.
pub(super) struct ReceiveSection<'q> {
    pub(super) memory: &'q Memory,
    pub(super) latched: Latched<'q>,
    /// The sending latch, in a queue with a descriptor. It was taken first, so it is dropped
    /// second.
    pub(super) _other_latch: Option<Latched<'q>>,
}

/// The message that is the next to be received.
pub(super) struct First<'q> {
    pub(super) number: u32,
    pub(super) slot: &'q MessageSlot,
    pub(super) priority: u32,
    /// In bytes, checked.
    pub(super) length: usize,
}

impl<'q> ReceiveSection<'q> {
    // ---- messages ----

    /// The first message of the highest priority.
    #[inline(always)]
    pub(super) fn first(&self) -> Result<Option<First<'q>>> {
        if !self.is_highest_known()? {
            self.sort_inbox()?;
        }
        match self.level_count()? {
            0 => Ok(None),
            count => self.first_of_level(count - 1).map(Some),
        }
    }

    /// Whether no message in the inbox comes before those in the levels. If so, the receiver need
    /// not read the inbox, which senders write to.
    ///
    /// It is so if two things hold: the highest level is not below the message that was drained
    /// last, and priorities have not risen since. Then no message that followed is above that one.
    #[inline(always)]
    fn is_highest_known(&self) -> Result<bool> {
        let level_count = self.level_count()?;
        if level_count == 0 {
            return Ok(false);
        }
        let header = self.memory.header();
        let receiving = &header.receiving;
        let highest = self.memory.level(level_count - 1)?.priority.load(Relaxed);
        Ok(highest >= receiving.last_priority.load(Relaxed)
            && header.waiting.rise.load(Relaxed) <= receiving.drained.load(Relaxed))
    }

    /// Moves all messages that are in the inbox into the levels.
    #[inline(always)]
    fn sort_inbox(&self) -> Result<()> {
        let receiving = &self.memory.header().receiving;
        let mut drained = receiving.drained.load(Relaxed);
        // Each message has a slot, so there are never more.
        for _ in 0..self.memory.capacity() {
            let Some((priority, number)) = self.memory.read_inbox(drained) else {
                break;
            };
            self.append(number, priority)?;
            receiving.last_priority.store(priority, Relaxed);
            drained = drained.wrapping_add(1);
            receiving.drained.store(drained, Relaxed);
        }
        Ok(())
    }

    #[inline(always)]
    fn first_of_level(&self, position: u32) -> Result<First<'q>> {
        let level = self.memory.level(position)?;
        let number = level.first.load(Relaxed);
        let slot = self.memory.slot(number)?;
        if slot.state.load(Relaxed) != QUEUED {
            return Err(damaged("a listed message is not queued"));
        }
        let priority = level.priority.load(Relaxed);
        if slot.priority.load(Relaxed) != priority {
            return Err(damaged("a message is in the list of another priority"));
        }
        let length = slot.length.load(Relaxed);
        if length > self.memory.sizes().message_size {
            return Err(damaged("a message is longer than a slot"));
        }
        Ok(First {
            number,
            slot,
            priority,
            length: length as usize,
        })
    }

    /// Unlinks the message that [`first`](ReceiveSection::first) found from its level. Its slot's
    /// state changes next, under the same latch.
    #[inline(always)]
    pub(super) fn take_first(&self, number: u32) -> Result<()> {
        self.take_from_level(self.level_count()?.wrapping_sub(1), number)
    }

    #[inline(always)]
    fn take_from_level(&self, position: u32, number: u32) -> Result<()> {
        let level = self.memory.level(position)?;
        if number == level.last.load(Relaxed) {
            self.remove_level(position)?;
        } else {
            let next = self.memory.next(number)?.load(Relaxed);
            level.first.store(next, Relaxed);
        }
        self.count_removed(1);
        Ok(())
    }

    /// Refuses an empty queue whose counters say that it has messages. Otherwise such a queue would
    /// report messages, and its descriptor would stay readable, for ever.
    pub(super) fn check_empty(&self) -> Result<()> {
        let header = self.memory.header();
        if header.receiving.drained.load(Relaxed) != header.received.removed.load(Relaxed) {
            return Err(damaged("it is empty, and its counts say otherwise"));
        }
        Ok(())
    }

    /// The lowest priority of a message.
    pub(super) fn lowest_priority(&self) -> Result<Option<u32>> {
        self.sort_inbox()?;
        match self.level_count()? {
            0 => Ok(None),
            _ => Ok(Some(self.memory.level(0)?.priority.load(Relaxed))),
        }
    }

    /// Unlinks the oldest message of the priority that
    /// [`lowest_priority`](ReceiveSection::lowest_priority) found. Its slot's state changes next,
    /// under the same latch.
    pub(super) fn take_lowest(&self) -> Result<First<'q>> {
        let lowest = self.first_of_level(0)?;
        self.take_from_level(0, lowest.number)?;
        Ok(lowest)
    }

    /// Relinks a message whose slot was borrowed, at its old place in its level.
    pub(super) fn put_back(&self, (number, slot): NumberedSlot<'q>) -> Result<()> {
        let priority = slot.priority.load(Relaxed);
        let sequence = slot.sequence.load(Relaxed);
        // Release: as in `SendSection::set_queued`.
        slot.state.store(QUEUED, Release);
        self.count_removed(-1);
        let (position, found) = self.find_level(priority)?;
        if !found {
            return self.insert_level(position, priority, number);
        }
        let level = self.memory.level(position)?;
        let mut before = NONE;
        let mut after = level.first.load(Relaxed);
        // The message is older than most: only others that were put back can be before it.
        for _ in 0..self.memory.sizes().max_messages {
            if self.memory.slot(after)?.sequence.load(Relaxed) > sequence {
                self.memory.next(number)?.store(after, Relaxed);
                match before {
                    NONE => level.first.store(number, Relaxed),
                    before => self.memory.next(before)?.store(number, Relaxed),
                }
                return Ok(());
            }
            if after == level.last.load(Relaxed) {
                self.memory.next(after)?.store(number, Relaxed);
                level.last.store(number, Relaxed);
                return Ok(());
            }
            before = after;
            after = self.memory.next(after)?.load(Relaxed);
        }
        Err(damaged("a list of messages has no end"))
    }

    /// Counts messages that have left the queue, or (if negative) come back into it.
    #[inline(always)]
    fn count_removed(&self, by: i64) {
        let removed = &self.memory.header().received.removed;
        removed.store(removed.load(Relaxed).wrapping_add_signed(by), Relaxed);
    }

    // ---- slots ----

    /// Frees a slot that is in no list, and gives it to the senders.
    #[inline(always)]
    pub(super) fn free_slot(&self, (number, slot): NumberedSlot<'q>) {
        self.set_free(slot);
        self.give_to_senders(number);
    }

    /// The first half of [`free_slot`](ReceiveSection::free_slot).
    #[inline(always)]
    pub(super) fn set_free(&self, slot: &MessageSlot) {
        // For a queued or borrowed message, this store is the moment of receiving. Release: the
        // payload was read before. With less, a sender could overwrite it while it is read.
        slot.state.store(FREE, Release);
    }

    /// The second half of [`free_slot`](ReceiveSection::free_slot). From here on the slot is the
    /// senders'.
    #[inline(always)]
    pub(super) fn give_to_senders(&self, number: u32) {
        let received = &self.memory.header().received;
        let count = received.freed.load(Relaxed);
        self.memory.free_ring_place(count).store(number, Relaxed);
        // Release pairs with the Acquire in `SendSection::count_freed_now`.
        received.freed.store(count.wrapping_add(1), Release);
        self.latched.thread().leave_processor(&received.processor);
    }

    // ---- levels ----

    /// Puts a slot at the end of its priority's list.
    #[inline(always)]
    pub(super) fn append(&self, number: u32, priority: u32) -> Result<()> {
        let (position, found) = self.find_level(priority)?;
        if !found {
            return self.insert_level(position, priority, number);
        }
        let level = self.memory.level(position)?;
        let last = level.last.load(Relaxed);
        self.memory.next(last)?.store(number, Relaxed);
        level.last.store(number, Relaxed);
        Ok(())
    }

    #[inline(always)]
    fn level_count(&self) -> Result<u32> {
        let count = self.memory.header().receiving.level_count.load(Relaxed);
        if count > self.memory.level_capacity() {
            return Err(damaged("it has more priorities than room for them"));
        }
        Ok(count)
    }

    /// The position of a priority's level and true; or the position where it would go and false.
    #[inline(always)]
    fn find_level(&self, priority: u32) -> Result<(u32, bool)> {
        let (mut low, mut high) = (0, self.level_count()?);
        // The last level first: mostly there is only one, or the message is an urgent one.
        let mut middle = high.saturating_sub(1);
        while low < high {
            match self.memory.level(middle)?.priority.load(Relaxed) {
                found if found == priority => return Ok((middle, true)),
                found if found < priority => low = middle + 1,
                _ => high = middle,
            }
            middle = low + (high - low) / 2;
        }
        Ok((low, false))
    }

    /// Makes a level with one message. The levels above move up, which costs a copy of 12 bytes for
    /// each of them.
    #[inline(always)]
    fn insert_level(&self, position: u32, priority: u32, number: u32) -> Result<()> {
        let count = self.level_count()?;
        if position < count {
            self.memory
                .move_levels(position, position + 1, count - position)?;
        }
        let level = self.memory.level(position)?;
        level.priority.store(priority, Relaxed);
        level.first.store(number, Relaxed);
        level.last.store(number, Relaxed);
        self.set_level_count(count + 1);
        Ok(())
    }

    #[inline(always)]
    fn remove_level(&self, position: u32) -> Result<()> {
        let above = self.level_count()?.wrapping_sub(1);
        if position < above {
            self.memory
                .move_levels(position + 1, position, above - position)?;
        }
        self.set_level_count(above);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn set_level_count(&self, count: u32) {
        let level_count = &self.memory.header().receiving.level_count;
        level_count.store(count, Relaxed);
    }

    // ---- queries ----

    /// The PID namespace of this thread.
    pub(super) fn pid_namespace(&self) -> u32 {
        self.latched.thread().pid_namespace()
    }

    /// How many messages there are. Certain only for a thread that holds both latches. Acquire is
    /// for threads that hold none: with less, the count sent could be older than the count removed,
    /// and the result too small.
    pub(super) fn count(memory: &Memory) -> u64 {
        let header = memory.header();
        let removed = header.received.removed.load(Acquire);
        let count = header.sent.count.load(Relaxed).wrapping_sub(removed);
        // A message can be received before it is counted as sent.
        if count > memory.capacity() { 0 } else { count }
    }

    /// Whether there may be a message, for a thread that waits without the latch.
    #[inline(always)]
    pub(super) fn may_have_message(memory: &Memory) -> bool {
        let receiving = &memory.header().receiving;
        receiving.level_count.load(Relaxed) != 0
            || memory.read_inbox(receiving.drained.load(Relaxed)).is_some()
    }
}
