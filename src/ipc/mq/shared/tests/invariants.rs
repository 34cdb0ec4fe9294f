//! Checks the invariants that the head of `mq::shared` lists.

use super::*;
use crate::object::layout::{BORROWED, FREE, QUEUED, RESERVED};
use crate::sys::futex::{OWNER_DIED, TID_MASK};
use core::sync::atomic::AtomicU32;

/// Takes both latches, which repairs an orphaned one, and checks all invariants.
pub(super) fn verify(queue: &SharedQueue) {
    let both = queue.enter_both_sections(Deadline::Never).unwrap();
    let memory = &queue.memory;
    let capacity = memory.capacity();
    let mut index = Index {
        memory,
        found_in: vec![None; capacity as usize],
    };
    index.check_free_ring();
    let in_inbox = index.check_inbox();
    let in_levels = index.check_levels();
    let header = memory.header();
    index.check_claims(&header.sending.reserved, RESERVED, "the reserved");
    index.check_claims(&header.receiving.borrowed, BORROWED, "the borrowed");

    // Invariant 1, together with what `find` has checked.
    for (number, place) in index.found_in.iter().enumerate() {
        let state = memory.slot(number as u32).unwrap().state.load(Relaxed);
        assert!(place.is_some(), "slot {number}, in state {state}, is lost");
    }
    // Invariant 4.
    let (sent, removed) = (&header.sent.count, &header.received.removed);
    let queued = sent.load(Relaxed).wrapping_sub(removed.load(Relaxed));
    assert_eq!(queued, in_inbox + in_levels, "messages, by their counts");
    drop(both);
}

struct Index<'q> {
    memory: &'q Memory,
    found_in: Vec<Option<&'static str>>,
}

impl Index<'_> {
    /// Notes that a slot was found in a place, which has to be its only one. Checks its state and
    /// holder.
    fn find(&mut self, number: u32, state: u32, place: &'static str) {
        let slot = self.memory.slot(number).unwrap();
        let before = self.found_in[number as usize].replace(place);
        assert_eq!(before, None, "slot {number} is in {place} and elsewhere");
        let found = slot.state.load(Relaxed);
        assert_eq!(found, state, "the state of slot {number} in {place}");
        // Invariant 7.
        let holder = slot.holder.load(Relaxed);
        let is_claimed = matches!(state, RESERVED | BORROWED);
        assert_eq!(is_claimed, holder != 0, "slot {number} in {place}: holder");
        let thread = Thread::current().unwrap();
        if is_claimed && holder & OWNER_DIED == 0 {
            let is_mine = holder & TID_MASK == thread.id();
            let is_listed = thread.holds_within(NonNull::from(slot).cast(), size_of_val(slot));
            assert_eq!(is_listed, is_mine, "slot {number} in the robust list");
        }
    }

    /// Invariant 2, and the free slots that are elsewhere.
    fn check_free_ring(&mut self) {
        let sending = &self.memory.header().sending;
        let freed = self.memory.header().received.freed.load(Relaxed) as u32;
        let reused = sending.reused.load(Relaxed);
        let in_ring = freed.wrapping_sub(reused);
        assert!(u64::from(in_ring) <= self.memory.capacity());
        assert!(sending.seen_freed.load(Relaxed).wrapping_sub(reused) <= in_ring);
        for count in 0..in_ring {
            let place = self
                .memory
                .free_ring_place(reused.wrapping_add(count).into());
            self.find(place.load(Relaxed), FREE, "the free ring");
        }
        let mut cold_slots = sending.cold_slots.load(Relaxed);
        while cold_slots != NONE {
            self.find(cold_slots, FREE, "the cold_slots list");
            cold_slots = self.memory.next(cold_slots).unwrap().load(Relaxed);
        }
        for number in sending.fresh.load(Relaxed)..self.memory.sizes().max_messages {
            self.find(number, FREE, "the fresh slots");
        }
    }

    /// Invariants 3 and 6. Returns how many messages the inbox has.
    fn check_inbox(&mut self) -> u64 {
        let header = self.memory.header();
        let sent = header.sent.count.load(Relaxed);
        let drained = header.receiving.drained.load(Relaxed);
        let last = header.receiving.last_priority.load(Relaxed);
        let rise = header.waiting.rise.load(Relaxed);
        assert!(drained <= sent && sent - drained <= self.memory.capacity());
        for count in drained..sent {
            let (priority, number) = self.memory.read_inbox(count).unwrap();
            self.find(number, QUEUED, "the inbox");
            let slot = self.memory.slot(number).unwrap();
            assert_eq!(slot.priority.load(Relaxed), priority);
            assert_eq!(slot.sequence.load(Relaxed), count);
            assert!(
                rise > drained || priority <= last,
                "a rise was not published"
            );
        }
        assert_eq!(self.memory.read_inbox(sent), None, "more than was sent");
        sent - drained
    }

    /// Invariant 5. Returns how many messages the levels have.
    fn check_levels(&mut self) -> u64 {
        let mut count = 0;
        let mut below = None;
        let header = self.memory.header();
        for position in 0..header.receiving.level_count.load(Relaxed) {
            let level = self.memory.level(position).unwrap();
            let priority = level.priority.load(Relaxed);
            assert!(
                below.is_none_or(|below| below < priority),
                "levels by priority"
            );
            below = Some(priority);
            let mut number = level.first.load(Relaxed);
            let mut before = None;
            loop {
                self.find(number, QUEUED, "a level");
                count += 1;
                let slot = self.memory.slot(number).unwrap();
                assert_eq!(slot.priority.load(Relaxed), priority);
                let sequence = slot.sequence.load(Relaxed);
                assert!(before.is_none_or(|before| before < sequence), "by age");
                assert!(sequence < header.receiving.drained.load(Relaxed));
                before = Some(sequence);
                if number == level.last.load(Relaxed) {
                    break;
                }
                number = self.memory.next(number).unwrap().load(Relaxed);
            }
        }
        count
    }

    fn check_claims(&mut self, first: &AtomicU32, state: u32, place: &'static str) {
        let (mut previous, mut number) = (NONE, first.load(Relaxed));
        while number != NONE {
            self.find(number, state, place);
            let slot = self.memory.slot(number).unwrap();
            assert_eq!(slot.claimed_previous.load(Relaxed), previous);
            previous = number;
            number = slot.claimed_next.load(Relaxed);
        }
    }
}
