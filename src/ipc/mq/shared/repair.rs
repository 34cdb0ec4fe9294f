//! Making the index anew from the slots, after a death in a section.
//!
//! It can be killed and begun again at any point: it changes slots only from "claimed by a dead"
//! to what that means, and what it builds nobody uses before it is done. It allocates nothing:
//! the messages are sorted as a linked list, through the array that will hold their lists.

use super::claims::{Claims, is_orphaned};
use super::memory::{Memory, PRIORITY_MAX, damaged};
use super::receive_section::ReceiveSection;
use super::send_section::SendSection;
use crate::base::error::Result;
use crate::object::layout::{BORROWED, FREE, MessageSlot, NONE, QUEUED, RESERVED};
use core::cmp::Ordering as Order;
use core::sync::atomic::Ordering::Relaxed;

/// Makes the index anew. Holding both latches is what makes it alone.
pub(super) fn rebuild(sending: &SendSection<'_>, receiving: &ReceiveSection<'_>) -> Result<()> {
    let memory = sending.memory;
    let header = memory.header();
    let here = sending.latched.thread().pid_namespace();
    let (reserved, borrowed) = (Claims::reserved(memory), Claims::borrowed(memory));
    header.sending.reserved.store(NONE, Relaxed);
    header.receiving.borrowed.store(NONE, Relaxed);

    // Slots that were never taken need not be looked at: `fresh` goes up before a slot is used.
    let used = header.sending.fresh.load(Relaxed);
    let used = used.min(memory.sizes().max_messages);
    let mut queued = Sorter::new(memory);
    let (mut count, mut freed) = (0u64, 0);
    // A message can be drained, and received, before it is counted as sent.
    let (sent, drained) = (&header.sent.count, &header.receiving.drained);
    let mut next_sequence = sent.load(Relaxed).max(drained.load(Relaxed));
    for number in 0..used {
        let slot = memory.slot(number)?;
        match slot.state.load(Relaxed) {
            RESERVED if is_orphaned(slot, here) => {
                slot.state.store(FREE, Relaxed);
                header.statistics.abandoned.fetch_add(1, Relaxed);
            }
            BORROWED if is_orphaned(slot, here) => {
                slot.redeliveries.fetch_add(1, Relaxed);
                slot.state.store(QUEUED, Relaxed);
                header.statistics.redelivered.fetch_add(1, Relaxed);
            }
            _ => {}
        }
        match slot.state.load(Relaxed) {
            FREE => {
                slot.holder.store(0, Relaxed);
                memory.free(freed).store(number, Relaxed);
                freed += 1;
            }
            QUEUED => {
                if slot.priority.load(Relaxed) > PRIORITY_MAX {
                    return Err(damaged("a message has an impossible priority"));
                }
                slot.holder.store(0, Relaxed);
                next_sequence = next_sequence.max(slot.sequence.load(Relaxed).wrapping_add(1));
                queued.add(number)?;
                count += 1;
            }
            RESERVED => reserved.enter((number, slot))?,
            BORROWED => borrowed.enter((number, slot))?,
            _ => return Err(damaged("a slot has an impossible state")),
        }
    }
    // What stands in the inbox is in the lists now, or is nothing.
    for position in 0..memory.ring_size() {
        memory.inbox(position).store(0, Relaxed);
    }
    fill_levels(receiving, queued.finish()?, count)?;
    header.sending.fresh.store(used, Relaxed);
    header.sending.cold_slots.store(NONE, Relaxed);
    header.sending.reused.store(0, Relaxed);
    header.sending.seen_freed.store(freed as u32, Relaxed);
    header.received.freed.store(freed, Relaxed);
    // So that the first message from here on is looked at in the inbox, whatever it is.
    header.sending.last_priority.store(0, Relaxed);
    header.receiving.last_priority.store(u32::MAX, Relaxed);
    header.waiting.rise.store(next_sequence, Relaxed);
    header.receiving.drained.store(next_sequence, Relaxed);
    let removed = next_sequence.wrapping_sub(count);
    header.received.removed.store(removed, Relaxed);
    header.sent.count.store(next_sequence, Relaxed);
    Ok(())
}

/// Cuts the sorted list of messages into levels.
fn fill_levels(receiving: &ReceiveSection<'_>, mut number: u32, count: u64) -> Result<()> {
    receiving.set_level_count(0);
    for _ in 0..count {
        let slot = receiving.memory.slot(number)?;
        // Before append, which makes it the last of its level.
        let next = receiving.memory.next(number)?.load(Relaxed);
        receiving.append(number, slot.priority.load(Relaxed))?;
        number = next;
    }
    Ok(())
}

/// Sorts slots by priority and sequence number, the lowest first: a merge sort of a linked list
/// from the bottom up (Knuth, The Art of Computer Programming, vol. 3, 5.2.4). It takes
/// ascending runs as they come: slots are given out in turn, so there are few.
struct Sorter<'q> {
    memory: &'q Memory,
    /// The run that is being collected: first and last.
    run: (u32, u32),
    /// List k is empty, or 2^k runs merged.
    lists: [u32; 32],
}

impl<'q> Sorter<'q> {
    fn new(memory: &'q Memory) -> Sorter<'q> {
        Sorter {
            memory,
            run: (NONE, NONE),
            lists: [NONE; 32],
        }
    }

    fn compare(&self, one: u32, other: u32) -> Result<Order> {
        let key = |slot: &MessageSlot| (slot.priority.load(Relaxed), slot.sequence.load(Relaxed));
        Ok(key(self.memory.slot(one)?).cmp(&key(self.memory.slot(other)?)))
    }

    fn add(&mut self, number: u32) -> Result<()> {
        let (first, last) = self.run;
        self.memory.next(number)?.store(NONE, Relaxed);
        if last != NONE && self.compare(last, number)? == Order::Less {
            self.memory.next(last)?.store(number, Relaxed);
            self.run = (first, number);
            return Ok(());
        }
        self.end_run()?;
        self.run = (number, number);
        Ok(())
    }

    fn end_run(&mut self) -> Result<()> {
        let (mut list, _) = self.run;
        for position in 0..self.lists.len() {
            let other = core::mem::replace(&mut self.lists[position], NONE);
            if other == NONE || position + 1 == self.lists.len() {
                self.lists[position] = self.merge(other, list)?;
                break;
            }
            list = self.merge(other, list)?;
        }
        Ok(())
    }

    /// All that was added, as one list.
    fn finish(mut self) -> Result<u32> {
        self.end_run()?;
        let mut all = NONE;
        for position in 0..self.lists.len() {
            all = self.merge(self.lists[position], all)?;
        }
        Ok(all)
    }

    fn merge(&self, mut one: u32, mut other: u32) -> Result<u32> {
        let (mut first, mut last) = (NONE, NONE);
        let mut left = self.memory.sizes().max_messages;
        while one != NONE || other != NONE {
            // Nobody but a wild pointer changes the lists meanwhile.
            left = left
                .checked_sub(1)
                .ok_or_else(|| damaged("a list of messages has no end"))?;
            let takes_one =
                other == NONE || one != NONE && self.compare(one, other)? == Order::Less;
            let taken = if takes_one { &mut one } else { &mut other };
            let number = *taken;
            *taken = self.memory.next(number)?.load(Relaxed);
            match last {
                NONE => first = number,
                last => self.memory.next(last)?.store(number, Relaxed),
            }
            last = number;
        }
        if last != NONE {
            self.memory.next(last)?.store(NONE, Relaxed);
        }
        Ok(first)
    }
}
