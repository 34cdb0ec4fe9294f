//! What may be done while the receiving latch is held: order the messages, take them, and give
//! slots back.

use super::memory::{Memory, Numbered, damaged};
use crate::base::error::Result;
use crate::object::layout::{FREE, MessageSlot, NONE, QUEUED};
use crate::sync::latch::Latched;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A queue whose receiving latch this thread holds. Dropping it releases the latch.
pub(super) struct ReceiveSection<'q> {
    pub(super) memory: &'q Memory,
    pub(super) latched: Latched<'q>,
    /// The sending latch, while the queue is fd_state. Taken first, so released second.
    pub(super) _other: Option<Latched<'q>>,
}

/// A message that is the next to be received.
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
    #[inline(never)]
    pub(super) fn first(&self) -> Result<Option<First<'q>>> {
        if !self.is_highest_known()? {
            self.drain()?;
        }
        self.first_drained()
    }

    /// The same, for the one path on which a call is too much.
    #[inline(always)]
    pub(super) fn first_inlined(&self) -> Result<Option<First<'q>>> {
        if !self.is_highest_known()? {
            self.drain_inlined()?;
        }
        self.first_drained()
    }

    #[inline(always)]
    fn first_drained(&self) -> Result<Option<First<'q>>> {
        match self.level_count()? {
            0 => Ok(None),
            count => self.first_of(count - 1).map(Some),
        }
    }

    /// Whether nothing in the inbox comes before what is in the levels, so that the inbox, which
    /// senders write to, need not be looked at.
    ///
    /// It is so if the highest level is not below the message that was taken out of the inbox
    /// last, and priorities have not risen since: then those that follow are not above it.
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

    /// Takes all that is in the inbox into the levels.
    #[inline(always)]
    fn drain_inlined(&self) -> Result<()> {
        let header = self.memory.header();
        let receiving = &header.receiving;
        let mut drained = receiving.drained.load(Relaxed);
        // There are never more: each has a slot.
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

    #[inline(never)]
    fn drain(&self) -> Result<()> {
        self.drain_inlined()
    }

    #[inline(always)]
    fn first_of(&self, position: u32) -> Result<First<'q>> {
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

    /// Takes the message that `first` found out of its list. Its state changes next, under the
    /// same latch.
    #[inline(always)]
    pub(super) fn take_first(&self, number: u32) -> Result<()> {
        self.take_from(self.level_count()?.wrapping_sub(1), number)
    }

    #[inline(always)]
    fn take_from(&self, position: u32, number: u32) -> Result<()> {
        let level = self.memory.level(position)?;
        if number == level.last.load(Relaxed) {
            self.remove_level(position)?;
        } else {
            let next = self.memory.next(number)?.load(Relaxed);
            level.first.store(next, Relaxed);
        }
        self.removed(1);
        Ok(())
    }

    /// Refuses an empty queue whose counts say that it has messages: who counts them would be told so,
    /// and its descriptor stay readable for ever.
    pub(super) fn check_empty(&self) -> Result<()> {
        let header = self.memory.header();
        if header.receiving.drained.load(Relaxed) != header.received.removed.load(Relaxed) {
            return Err(damaged("it is empty, and its counts say otherwise"));
        }
        Ok(())
    }

    /// The lowest priority of a message.
    pub(super) fn lowest(&self) -> Result<Option<u32>> {
        self.drain()?;
        match self.level_count()? {
            0 => Ok(None),
            _ => Ok(Some(self.memory.level(0)?.priority.load(Relaxed))),
        }
    }

    /// Takes the oldest message of the priority that `lowest` found out of its list, as
    /// `take_first`.
    pub(super) fn take_lowest(&self) -> Result<First<'q>> {
        let lowest = self.first_of(0)?;
        self.take_from(0, lowest.number)?;
        Ok(lowest)
    }

    /// The PID namespace of this thread.
    pub(super) fn here(&self) -> u32 {
        self.latched.thread().pid_namespace()
    }

    /// Counts messages that have left the queue, or (negative) come back into it.
    #[inline(always)]
    pub(super) fn removed(&self, by: i64) {
        let removed = &self.memory.header().received.removed;
        removed.store(removed.load(Relaxed).wrapping_add_signed(by), Relaxed);
    }

    // ---- slots ----

    /// Frees a slot that is in no list, and gives it to the senders.
    #[inline(always)]
    pub(super) fn free(&self, number: u32, slot: &MessageSlot) {
        self.set_free(slot);
        self.give_to_senders(number);
    }

    /// The first half of that.
    #[inline(always)]
    pub(super) fn set_free(&self, slot: &MessageSlot) {
        // For a received message this is the moment of having received it. Release: its payload was
        // read before.
        slot.state.store(FREE, Release);
    }

    /// The second half. From here on the slot is the senders'.
    #[inline(always)]
    pub(super) fn give_to_senders(&self, number: u32) {
        let freed = &self.memory.header().received.freed;
        let count = freed.load(Relaxed);
        self.memory.free(count).store(number, Relaxed);
        // Release pairs with take_free.
        freed.store(count.wrapping_add(1), Release);
    }

    /// Puts a slot, whose message was taken out of its list, back into its place there.
    pub(super) fn put_back(&self, (number, slot): Numbered<'q>) -> Result<()> {
        let priority = slot.priority.load(Relaxed);
        let sequence = slot.sequence.load(Relaxed);
        // Release: as in enqueue.
        slot.state.store(QUEUED, Release);
        self.removed(-1);
        let (position, found) = self.find_level(priority)?;
        if !found {
            return self.insert_level(position, priority, number);
        }
        let level = self.memory.level(position)?;
        let mut before = NONE;
        let mut after = level.first.load(Relaxed);
        // It is older than most: only others that came back can be before it.
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

    /// Where the level of a priority is, or would go.
    #[inline(always)]
    fn find_level(&self, priority: u32) -> Result<(u32, bool)> {
        let (mut low, mut high) = (0, self.level_count()?);
        // The last first: mostly there is one level, or the message is an urgent one.
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

    /// Makes a level with one message. Levels above move up: that costs as much as there are
    /// priorities above, 12 bytes each.
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

    /// How many messages there are; certain only for who holds both latches. Acquire, for who holds
    /// none: with less, the count sent could be from before the count removed, and too small.
    pub(super) fn count(memory: &Memory) -> u64 {
        let header = memory.header();
        let removed = header.received.removed.load(Acquire);
        let count = header.sent.count.load(Relaxed).wrapping_sub(removed);
        // A message can be received before it is counted as sent.
        if count > memory.capacity() { 0 } else { count }
    }

    /// Whether there may be a message, for who waits without the latch.
    #[inline(always)]
    pub(super) fn may_have_message(memory: &Memory) -> bool {
        let receiving = &memory.header().receiving;
        receiving.level_count.load(Relaxed) != 0
            || memory.read_inbox(receiving.drained.load(Relaxed)).is_some()
    }
}
