//! Writes as by a wild pointer: anywhere in a queue's memory except in the payloads.

use super::*;
use crate::object::layout::{MessageSlot, QueueHeader};
use crate::sys::futex::{OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::liveness;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicU64};

/// A pointer that is wrong, and what it may hit.
pub(super) struct WildPointer {
    base: NonNull<u8>,
    /// The ranges that may be hit, in bytes from the base: the header, the rings with the levels, and each
    /// slot without its payload.
    parts: Vec<Range<usize>>,
    latches: [usize; 2],
    capacity: u64,
}

impl WildPointer {
    pub(super) fn new(queue: &SharedQueue) -> WildPointer {
        let memory = &queue.memory;
        let base = queue.object.data().base();
        let offset = |address: usize| address - base.addr().get();
        let slot = |number| offset(core::ptr::from_ref(memory.slot(number).unwrap()).addr());
        let rings = size_of::<QueueHeader>()..slot(0);
        let mut parts = vec![0..size_of::<QueueHeader>(), rings];
        parts.extend((0..memory.sizes().max_messages).map(|number| {
            let start = slot(number);
            start..start + size_of::<MessageSlot>()
        }));
        let header = memory.header();
        let latch = |latch: &Latch| offset(core::ptr::from_ref(&latch.word).addr());
        WildPointer {
            base,
            parts,
            latches: [latch(&header.sending.latch), latch(&header.receiving.latch)],
            capacity: memory.capacity(),
        }
    }

    /// A value that does harm: at random, or near to one that is valid.
    fn value(&self, random: &mut Random, position: usize) -> u64 {
        // SAFETY: the position is inside the mapping, and aligned. All threads access it
        // atomically, or by writes that are meant to race.
        let found = unsafe { self.base.add(position & !7).cast::<AtomicU64>().as_ref() };
        let found = found.load(Relaxed);
        match random.below(16) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => u64::MAX - random.below(self.capacity + 2),
            4 => self.capacity,
            5 => self.capacity.wrapping_sub(1),
            6 => u64::from(std::process::id()),
            7 => u64::from(OWNER_DIED | if random.one_in(2) { WAITERS } else { 0 }),
            8 => found.wrapping_add(1 + random.below(3)),
            9 => found.wrapping_sub(1 + random.below(3)),
            10 => random.below(self.capacity),
            // Pointers into the queue and to the stack, and a small number.
            11 => self.base.addr().get() as u64 + random.below(4096) * 8,
            12 => core::ptr::from_ref(&found).addr() as u64,
            13 => random.below(100) * 8,
            14 => random.below(8) | random.below(self.capacity) << 32,
            _ => random.next(),
        }
    }

    /// Overwrites one of the rings or levels.
    pub(super) fn hit_rings(&self, random: &mut Random) {
        let rings = &self.parts[1];
        let position = rings.start + random.below(rings.len() as u64) as usize;
        let value = self.value(random, position);
        // SAFETY: the position is inside the rings and levels, which are whole double words.
        unsafe { self.base.add(position & !7).cast().write_volatile(value) };
    }

    /// A value for a word that the test overwrites itself.
    pub(super) fn any_value(&self, random: &mut Random) -> u64 {
        self.value(random, self.parts[1].start)
    }

    /// Overwrites a byte, a word or a double word. A latch's word gets no living thread's id.
    pub(super) fn hit(&self, random: &mut Random) {
        let mut part = &self.parts[random.below(self.parts.len() as u64) as usize];
        if random.one_in(3) {
            part = &self.parts[random.below(2) as usize];
        }
        let position = part.start + random.below(part.len() as u64) as usize;
        let value = self.value(random, position);
        if self
            .latches
            .iter()
            .any(|latch| (*latch..latch + 8).contains(&position))
        {
            let word = value as u32;
            let is_living = word & TID_MASK != 0 && !liveness::has_no_thread(word & TID_MASK);
            let word = if is_living { OWNER_DIED } else { word };
            let latch = self.latches[usize::from(position > self.latches[1] - 8)];
            // SAFETY: the latch is inside the mapping, and aligned.
            unsafe { self.base.add(latch).cast::<AtomicU32>().as_ref() }.store(word, Relaxed);
            return;
        }
        // SAFETY: the position is inside a part, and parts are whole double words. So a byte, an
        // aligned word and an aligned double word around it are inside the part too.
        unsafe {
            match random.below(3) {
                0 => self.base.add(position).write_volatile(value as u8),
                1 => self
                    .base
                    .add(position & !3)
                    .cast()
                    .write_volatile(value as u32),
                _ => self.base.add(position & !7).cast().write_volatile(value),
            }
        }
    }
}

// SAFETY: its base points into a mapping that threads share, and its writes are meant to race.
unsafe impl Sync for WildPointer {}
// SAFETY: as for Sync.
unsafe impl Send for WildPointer {}
