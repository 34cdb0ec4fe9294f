//! Invariants of a topic that hold while nobody is inside a call.

use super::super::ring::{self, is_number};
use super::*;
use crate::object::layout::RESERVED_SLOT;

/// The place of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    Retired,
    Reserved,
    Published,
}

/// Fails unless every slot that was ever used is in exactly one place, the ring leads to the latest samples, and the
/// counts are right.
pub(super) fn verify(topic: &Topic) {
    let memory = &topic.memory;
    let publishing = &memory.header().publishing;
    let used = publishing.used.load(Relaxed);
    let newest = publishing.newest.load(Relaxed);
    let mut places: Vec<Option<Place>> = vec![None; used as usize];
    let mut put = |slot: u32, place: Place| {
        let before = places[slot as usize].replace(place);
        assert_eq!(before, None, "slot {slot} is in two places: {place:?} too");
    };
    for index in 0..publishing.free.load(Relaxed) {
        let slot = memory.free_entry(index).ok().unwrap().load(Relaxed);
        assert_eq!(memory.slot(slot).ok().unwrap().truth.load(Relaxed), 0);
        put(slot, Place::Free);
    }
    for index in 0..publishing.retired.load(Relaxed) {
        let slot = memory.retired_entry(index).ok().unwrap().load(Relaxed);
        put(slot, Place::Retired);
    }
    let oldest = (newest + 1).saturating_sub(memory.capacity()).max(1);
    for number in oldest..=newest {
        let entry = memory.ring_place(number).load(Relaxed);
        let slot = ring::slot_in(entry);
        assert_eq!(entry, ring::entry_of(number, slot));
        assert_eq!(memory.slot(slot).ok().unwrap().truth.load(Relaxed), number);
        put(slot, Place::Published);
    }
    let mut reserved = 0;
    for slot in 0..used {
        let truth = memory.slot(slot).ok().unwrap().truth.load(Relaxed);
        if truth & RESERVED_SLOT != 0 {
            put(slot, Place::Reserved);
            reserved += 1;
        }
        assert!(!is_number(truth) || truth <= newest);
    }
    assert!(
        places.iter().all(Option::is_some),
        "a slot is lost: {places:?}"
    );
    assert_eq!(publishing.reserved.load(Relaxed), reserved);
    let by_place: u32 = (0..memory.sizes().max_publishers)
        .map(|index| {
            memory
                .publisher_place(index)
                .ok()
                .unwrap()
                .reserved
                .load(Relaxed)
        })
        .sum();
    assert_eq!(by_place, reserved);
    assert_eq!(topic.publishing_latch_holder(), 0);
}

impl Topic {
    fn publishing_latch_holder(&self) -> u32 {
        self.memory.header().publishing.latch.holder()
    }
}
