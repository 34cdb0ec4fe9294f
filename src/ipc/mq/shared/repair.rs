//! Rebuilding the index from the slots, after a death in a section.
//!
//! A rebuild can be killed and begun again at any point. It changes only slots that a dead thread
//! has claimed, to the state that the death means. No call uses the index before the rebuild is
//! over. It allocates nothing, because a send or a receive runs it. So it sorts the messages as a
//! linked list, in the array that holds the levels' lists.

use super::claims::{Claims, Proof, is_orphaned};
use super::memory::{Memory, PRIORITY_MAX, damaged};
use super::receive_section::ReceiveSection;
use super::send_section::SendSection;
use crate::base::error::Result;
use crate::object::layout::{BORROWED, FREE, HANDED, MessageSlot, NONE, QUEUED, RESERVED};
use core::cmp::Ordering as Order;
use core::sync::atomic::Ordering::Relaxed;

/// Rebuilds the index. The two sections show that this thread holds both latches.
pub(super) fn rebuild(sending: &SendSection<'_>, receiving: &ReceiveSection<'_>) -> Result<()> {
    let memory = sending.memory;
    let header = memory.header();
    let found = visit_slots(
        memory,
        Proof::best(sending.latched.thread().pid_namespace()),
    )?;
    // Each message in the inbox is in the sorted list now.
    for position in 0..memory.ring_size() {
        memory.inbox_place(position).store(0, Relaxed);
    }
    fill_levels(receiving, found.queued.finish()?, found.queued_count)?;
    header.sending.fresh.store(found.used, Relaxed);
    header.sending.cold_slots.store(NONE, Relaxed);
    header.sending.reused.store(0, Relaxed);
    header.sending.seen_freed.store(found.freed as u32, Relaxed);
    header.received.freed.store(found.freed, Relaxed);
    // Whatever the next message's priority is, the next receive reads the inbox.
    header.sending.last_priority.store(0, Relaxed);
    header.receiving.last_priority.store(u32::MAX, Relaxed);
    let sequence = found.next_sequence;
    header.waiting.rise.store(sequence, Relaxed);
    header.receiving.drained.store(sequence, Relaxed);
    let removed = sequence.wrapping_sub(found.queued_count);
    header.received.removed.store(removed, Relaxed);
    header.sent.count.store(sequence, Relaxed);
    Ok(())
}

/// The slots by their states. The free ones are already in the free ring, the claimed ones in their
/// lists.
struct Found<'q> {
    /// Slots from this number on were never taken.
    used: u32,
    freed: u64,
    queued: Sorter<'q>,
    queued_count: u64,
    /// The sequence number of the next message.
    next_sequence: u64,
}

fn visit_slots(memory: &Memory, proof: Proof) -> Result<Found<'_>> {
    let header = memory.header();
    let (reserved, borrowed) = (Claims::reserved(memory), Claims::borrowed(memory));
    header.sending.reserved.store(NONE, Relaxed);
    header.receiving.borrowed.store(NONE, Relaxed);
    // `fresh` goes up before a slot is used, so slots from there on need no visit.
    let fresh = header.sending.fresh.load(Relaxed);
    // A message can be drained, and received, before it is counted as sent.
    let sent = header.sent.count.load(Relaxed);
    let drained = header.receiving.drained.load(Relaxed);
    let mut found = Found {
        used: fresh.min(memory.sizes().max_messages),
        freed: 0,
        queued: Sorter::new(memory),
        queued_count: 0,
        next_sequence: sent.max(drained),
    };
    for number in 0..found.used {
        let slot = memory.slot(number)?;
        end_claim_of_dead(memory, slot, proof);
        match slot.state.load(Relaxed) {
            FREE => {
                slot.holder.store(0, Relaxed);
                memory.free_ring_place(found.freed).store(number, Relaxed);
                found.freed += 1;
            }
            QUEUED => {
                if slot.priority.load(Relaxed) > PRIORITY_MAX {
                    return Err(damaged("a message has an impossible priority"));
                }
                slot.holder.store(0, Relaxed);
                let after = slot.sequence.load(Relaxed).wrapping_add(1);
                found.next_sequence = found.next_sequence.max(after);
                found.queued.add(number)?;
                found.queued_count += 1;
            }
            RESERVED => reserved.insert((number, slot))?,
            BORROWED | HANDED => borrowed.insert((number, slot))?,
            _ => return Err(damaged("a slot has an impossible state")),
        }
    }
    Ok(found)
}

/// Gives a claimed slot whose holder died the state that the death means.
fn end_claim_of_dead(memory: &Memory, slot: &MessageSlot, proof: Proof) {
    let statistics = &memory.header().statistics;
    match slot.state.load(Relaxed) {
        RESERVED if is_orphaned(slot, proof) => {
            slot.state.store(FREE, Relaxed);
            statistics.abandoned.fetch_add(1, Relaxed);
        }
        BORROWED | HANDED if is_orphaned(slot, proof) => {
            slot.redeliveries.fetch_add(1, Relaxed);
            slot.state.store(QUEUED, Relaxed);
            statistics.redelivered.fetch_add(1, Relaxed);
        }
        _ => {}
    }
}

/// Cuts the sorted list of messages into levels.
fn fill_levels(receiving: &ReceiveSection<'_>, mut number: u32, count: u64) -> Result<()> {
    receiving.set_level_count(0);
    for _ in 0..count {
        let slot = receiving.memory.slot(number)?;
        // Read before `append`, which makes the message the last of its level.
        let next = receiving.memory.next(number)?.load(Relaxed);
        receiving.append(number, slot.priority.load(Relaxed))?;
        number = next;
    }
    Ok(())
}

/// Sorts slots by priority and sequence number, the lowest first. It is a bottom-up merge sort of a
/// linked list (Knuth, The Art of Computer Programming, vol. 3, 5.2.4). The standard library's
/// sorts need a slice, for which there is no memory. It uses the ascending runs that it finds:
/// slots are taken in turn, so there are few runs.
struct Sorter<'q> {
    memory: &'q Memory,
    /// The first and the last slot of the run that is being collected.
    run: (u32, u32),
    /// List k is empty, or holds 2^k runs merged.
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

    /// Moves the collected run into the lists.
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

    /// All slots that were added, as one list.
    fn finish(mut self) -> Result<u32> {
        self.end_run()?;
        let mut all = NONE;
        for &list in &self.lists {
            all = self.merge(list, all)?;
        }
        Ok(all)
    }

    fn merge(&self, mut one: u32, mut other: u32) -> Result<u32> {
        let (mut first, mut last) = (NONE, NONE);
        let mut left = self.memory.sizes().max_messages;
        while one != NONE || other != NONE {
            // Only a wild pointer changes the lists meanwhile, and could make them endless.
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
