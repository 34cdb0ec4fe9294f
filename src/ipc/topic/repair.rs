//! Rebuilding the index of a topic from its slots, after a publisher died while it held the latch.
//!
//! A repair may be killed too: it changes no slot that holds a sample in the ring, so it can begin again at
//! any point.

use super::memory::{Memory, damaged};
use super::publish_section::PublishSection;
use super::ring::{self, is_number};
use crate::base::error::Result;
use crate::object::layout::RESERVED_SLOT;
use core::sync::atomic::Ordering::{Relaxed, Release};

/// Rebuilds the ring, the lists and the counts.
#[cold]
pub(super) fn rebuild(section: &PublishSection<'_>) -> Result<()> {
    let memory = section.memory;
    let publishing = &memory.header().publishing;
    let newest = find_newest(section)?;
    publishing.free.store(0, Relaxed);
    publishing.retired.store(0, Relaxed);
    publishing.reserved.store(0, Relaxed);
    for publisher in 0..memory.sizes().max_publishers {
        memory
            .publisher_place(publisher)?
            .reserved
            .store(0, Relaxed);
    }
    for number in 0..section.used_slots() {
        let truth = memory.slot(number)?.truth.load(Relaxed);
        if is_number(truth) && newest - truth < memory.capacity() {
            memory
                .ring_place(truth)
                .store(ring::entry_of(truth, number), Release);
        } else if truth & RESERVED_SLOT != 0 && has_owner(memory, truth) {
            section.reserve(number, (truth & !RESERVED_SLOT) as u32)?;
        } else {
            // A subscriber may still read it, also if its word is 0.
            section.retire(number)?;
        }
    }
    clear_wrong_entries(memory, newest)?;
    // Release: as in `publish`.
    publishing.newest.store(newest, Release);
    // The positions of subscribers are read again.
    memory.header().backlog.taken.store(0, Relaxed);
    Ok(())
}

/// The number of the sample that was published last. The dead publisher held the latch, so it can have
/// published one sample after those that are counted.
fn find_newest(section: &PublishSection<'_>) -> Result<u64> {
    let counted = section.memory.header().publishing.newest.load(Relaxed);
    let mut newest = counted;
    for number in 0..section.used_slots() {
        let truth = section.memory.slot(number)?.truth.load(Relaxed);
        if is_number(truth) {
            newest = newest.max(truth);
        }
    }
    match newest - counted {
        0 | 1 => Ok(newest),
        _ => Err(damaged("a sample has a number that was never given")),
    }
}

/// Whether the publisher for which a slot is reserved may be alive.
fn has_owner(memory: &Memory, truth: u64) -> bool {
    let publisher = (truth & !RESERVED_SLOT).try_into().unwrap_or(u32::MAX);
    memory
        .publisher_place(publisher)
        .is_ok_and(|place| place.owner.load(Relaxed) != 0)
}

/// Removes the ring's entries whose slots do not hold their samples. In an undamaged topic there are none.
fn clear_wrong_entries(memory: &Memory, newest: u64) -> Result<()> {
    let oldest = (newest + 1).saturating_sub(memory.capacity()).max(1);
    for number in oldest..=newest {
        let place = memory.ring_place(number);
        let slot = ring::slot_in(place.load(Relaxed));
        let is_right = memory
            .slot(slot)
            .is_ok_and(|slot| slot.truth.load(Relaxed) == number);
        if !is_right {
            place.store(0, Release);
        }
    }
    // Before the ring was full, the other places were never written.
    for number in newest + 1..oldest + memory.capacity() {
        memory.ring_place(number).store(0, Release);
    }
    Ok(())
}
