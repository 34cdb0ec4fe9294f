//! A queue of two slots for the models: the sections of src/ipc/mq/shared on a memory of loom's
//! words.

#[path = "../../src/ipc/mq/shared/receive_section.rs"]
#[allow(dead_code)]
mod receive_section;
#[path = "../../src/ipc/mq/shared/send_section.rs"]
#[allow(dead_code)]
mod send_section;

use crate::base::time::Deadline::Never;
use crate::object::layout::{Latch, NONE};
use crate::sync::latch::Latched;
use crate::sys::atomic::AtomicU32;
use loom::sync::atomic::Ordering::Relaxed;
use memory::Memory;
use receive_section::ReceiveSection;
use send_section::SendSection;

/// Replaces src/ipc/mq/shared/memory.rs, which turns numbers into addresses.
mod memory {
    use crate::base::error::{Error, Result};
    use crate::object::layout::{Level, MessageSlot, QueueHeader};
    use crate::sys::atomic::{AtomicU32, AtomicU64};
    use loom::cell::Cell;
    use loom::sync::atomic::Ordering::{Acquire, Relaxed};

    const CAPACITY: usize = 2;

    #[derive(Default)]
    pub(super) struct Memory {
        header: QueueHeader,
        inbox: [AtomicU64; CAPACITY],
        free: [AtomicU32; CAPACITY],
        next: [AtomicU32; CAPACITY],
        levels: [Level; CAPACITY],
        slots: [MessageSlot; CAPACITY],
        /// loom reports a race on one of these, which stands for a race on a payload.
        pub(super) payloads: [Cell<u32>; CAPACITY],
        pub(super) has_large_messages: bool,
    }

    pub(super) type NumberedSlot<'q> = (u32, &'q MessageSlot);

    pub(super) struct Sizes {
        pub(super) max_messages: u32,
        pub(super) message_size: u32,
    }

    pub(super) fn damaged(what: &str) -> Error {
        panic!("the queue is damaged: {what}")
    }

    impl Memory {
        pub(super) fn sizes(&self) -> Sizes {
            Sizes {
                max_messages: CAPACITY as u32,
                message_size: 4,
            }
        }

        pub(super) fn capacity(&self) -> u64 {
            CAPACITY as u64
        }

        pub(super) fn has_large_messages(&self) -> bool {
            self.has_large_messages
        }

        /// One warm slot, so that the other slot becomes a cold one.
        pub(super) fn warm_slots(&self) -> u32 {
            1
        }

        pub(super) fn level_capacity(&self) -> u32 {
            CAPACITY as u32
        }

        pub(super) fn header(&self) -> &QueueHeader {
            &self.header
        }

        pub(super) fn inbox_place(&self, count: u64) -> &AtomicU64 {
            &self.inbox[count as usize % CAPACITY]
        }

        /// Lap, priority and slot number, as in the library's entry.
        pub(super) fn inbox_entry(&self, count: u64, priority: u32, number: u32) -> u64 {
            let round = count / CAPACITY as u64 + 1;
            round << 47 | u64::from(priority) << 32 | u64::from(number)
        }

        pub(super) fn read_inbox(&self, count: u64) -> Option<(u32, u32)> {
            let entry = self.inbox_place(count).load(Acquire);
            let priority = (entry >> 32) as u32 & 0x7fff;
            let expected = self.inbox_entry(count, priority, entry as u32);
            (entry == expected).then_some((priority, entry as u32))
        }

        pub(super) fn free_ring_place(&self, count: u64) -> &AtomicU32 {
            &self.free[count as usize % CAPACITY]
        }

        pub(super) fn next(&self, number: u32) -> Result<&AtomicU32> {
            Ok(&self.next[number as usize])
        }

        pub(super) fn level(&self, position: u32) -> Result<&Level> {
            Ok(&self.levels[position as usize])
        }

        pub(super) fn move_levels(&self, from: u32, to: u32, count: u32) -> Result<()> {
            let copy = |offset: u32| {
                let (from, to) = (self.level(from + offset)?, self.level(to + offset)?);
                to.priority.store(from.priority.load(Relaxed), Relaxed);
                to.first.store(from.first.load(Relaxed), Relaxed);
                to.last.store(from.last.load(Relaxed), Relaxed);
                Ok(())
            };
            if from < to {
                (0..count).rev().try_for_each(copy)
            } else {
                (0..count).try_for_each(copy)
            }
        }

        pub(super) fn slot(&self, number: u32) -> Result<&MessageSlot> {
            Ok(&self.slots[number as usize])
        }
    }
}

/// A queue whose slots are taken as in a queue of large messages: warm ones first.
pub(crate) struct LargeQueue(Queue);

impl Default for LargeQueue {
    fn default() -> LargeQueue {
        let mut queue = Queue::default();
        queue.memory.has_large_messages = true;
        queue
            .memory
            .header()
            .sending
            .cold_slots
            .store(NONE, Relaxed);
        LargeQueue(queue)
    }
}

impl core::ops::Deref for LargeQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.0
    }
}

#[derive(Default)]
pub(crate) struct Queue {
    memory: Memory,
    pub(crate) returned: AtomicU32,
    got: AtomicU32,
}

impl Queue {
    fn take<'q>(&'q self, latch: &'q Latch) -> Latched<'q> {
        crate::take(latch, &self.memory.header().waiting.needs_fence)
    }

    /// Does what `SharedQueue::try_send` does.
    fn try_send(&self, payload: u32, priority: u32) -> bool {
        let header = self.memory.header();
        let sending = SendSection {
            memory: &self.memory,
            _other_latch: None,
            latched: self.take(&header.sending.latch),
        };
        let Some(slot) = sending.take_free_slot().unwrap() else {
            return false;
        };
        self.memory.payloads[slot.0 as usize].set(payload);
        sending.enqueue(slot, 4, priority);
        sending.latched.release();
        if header.waiting.arrivals.are_asleep() {
            header.waiting.arrivals.wake(1);
        }
        true
    }

    pub(crate) fn send(&self, payload: u32, priority: u32) {
        assert!(self.try_send(payload, priority));
    }

    pub(crate) fn wait_and_send(&self, payload: u32, priority: u32) {
        let waiting = &self.memory.header().waiting;
        while !self.try_send(payload, priority) {
            let ready = || SendSection::may_have_room(&self.memory);
            waiting
                .departures
                .sleep_unless(&waiting.needs_fence, Never, &ready)
                .unwrap();
        }
    }

    fn receiving(&self) -> ReceiveSection<'_> {
        ReceiveSection {
            memory: &self.memory,
            _other_latch: None,
            latched: self.take(&self.memory.header().receiving.latch),
        }
    }

    /// Does what `SharedQueue::try_receive` does. Returns payload and priority.
    pub(crate) fn receive(&self) -> Option<(u32, u32)> {
        let receiving = self.receiving();
        let first = receiving.first().unwrap()?;
        let payload = self.memory.payloads[first.number as usize].get();
        receiving.take_first(first.number).unwrap();
        receiving.set_free(first.slot);
        receiving.give_to_senders(first.number);
        receiving.latched.release();
        let waiting = &self.memory.header().waiting;
        if waiting.departures.are_asleep() {
            waiting.departures.wake(1);
        }
        Some((payload, first.priority))
    }

    pub(crate) fn wait_and_receive(&self) -> (u32, u32) {
        let waiting = &self.memory.header().waiting;
        loop {
            if let Some(received) = self.receive() {
                return received;
            }
            let ready = || ReceiveSection::may_have_message(&self.memory);
            waiting
                .arrivals
                .sleep_unless(&waiting.needs_fence, Never, &ready)
                .unwrap();
        }
    }

    pub(crate) fn peek(&self) -> Option<u32> {
        let first = self.receiving().first().unwrap();
        first.map(|first| first.priority)
    }

    /// Notes that a payload was received. Each payload is one bit.
    pub(crate) fn got(&self, payload: u32) {
        let before = self.got.fetch_or(payload, Relaxed);
        assert_eq!(before & payload, 0, "{payload} was received twice");
    }

    pub(crate) fn all_got(&self) -> u32 {
        self.got.load(Relaxed)
    }
}
