//! The ring's entries, and what they and a slot's word say about a sample. tests/models_topic.rs runs this file too.

use crate::object::layout::{RESERVED_SLOT, SampleSlot};
use crate::sys::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, SeqCst};

/// How many bits of a ring's entry hold the index of a slot. The others hold the lower bits of the
/// sample's number.
pub(super) const SLOT_BITS: u32 = 28;
const NUMBER_BITS: u32 = 64 - SLOT_BITS;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;

/// An answer of the ring about the sample with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is in this slot, which has to be checked.
    Slot(u32),
    /// It is not published yet.
    NotYet,
    /// A later sample, at least this one, has its place.
    Replaced(u64),
}

#[inline(always)]
pub(super) fn entry_of(number: u64, slot: u32) -> u64 {
    (number & NUMBER_MASK) << SLOT_BITS | u64::from(slot)
}

#[inline(always)]
pub(super) fn slot_in(entry: u64) -> u32 {
    entry as u32 & ((1 << SLOT_BITS) - 1)
}

/// The answer of the ring's entry at the place of the sample with this number.
#[inline(always)]
pub(super) fn find(place: &AtomicU64, number: u64) -> Found {
    // Acquire pairs with the Release in `publish`: without it this thread might not see the slot as
    // it was filled.
    let entry = place.load(Acquire);
    let ahead = (entry >> SLOT_BITS).wrapping_sub(number) & NUMBER_MASK;
    match ahead {
        0 => Found::Slot(slot_in(entry)),
        ahead if ahead <= NUMBER_MASK / 2 => Found::Replaced(number.wrapping_add(ahead)),
        _ => Found::NotYet,
    }
}

/// Whether a slot's word says that there is a sample in it.
#[inline(always)]
pub(super) fn is_number(truth: u64) -> bool {
    truth != 0 && truth & RESERVED_SLOT == 0
}

/// Whether the slot still holds the sample, for a thread that has just announced that it borrows it.
///
/// SeqCst, and SeqCst for the announcement: with less, this thread could read the old word, and a publisher
/// that has overwritten the word could miss the announcement. See `reclaim`.
#[inline(always)]
pub(super) fn still_holds(slot: &SampleSlot, number: u64) -> bool {
    slot.truth.load(SeqCst) == number
}
