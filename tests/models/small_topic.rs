//! A topic for the models: the publisher's section and the repair of src/ipc/topic, on a memory of loom's words. It keeps one
//! sample, and has one publisher and one subscriber, which borrows one sample at a time.

#[path = "../../src/ipc/topic/publish_section.rs"]
#[allow(dead_code)]
mod publish_section;
#[path = "../../src/ipc/topic/repair.rs"]
mod repair;
#[path = "../../src/ipc/topic/ring.rs"]
#[allow(dead_code)]
mod ring;

use crate::base::time::Deadline::Never;
use crate::object::layout::RESERVED_SLOT;
use crate::sys::atomic::AtomicU64;
use crate::sys::futex;
use crate::sys::thread::Thread;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use memory::Memory;
use publish_section::{PublishSection, Sample};
use ring::{Found, is_number, still_holds};
use std::collections::BTreeSet;
use subscribers::Subscribers;

/// The ring has room for one sample, the publisher writes one, and the subscriber reads one.
const SLOTS: usize = 3;
/// The index of the publisher's place.
const PUBLISHER: u32 = 0;

/// Replaces src/ipc/topic/memory.rs, which turns numbers into addresses.
mod memory {
    use super::SLOTS;
    use crate::base::error::{Error, Result};
    use crate::object::layout::{PublisherPlace, SampleSlot, TopicHeader};
    use crate::sys::atomic::{AtomicU32, AtomicU64};

    #[derive(Default)]
    pub(super) struct Memory {
        header: TopicHeader,
        place: PublisherPlace,
        ring: AtomicU64,
        free: [AtomicU32; SLOTS],
        retired: [AtomicU32; SLOTS],
        marks: [AtomicU32; SLOTS],
        slots: [SampleSlot; SLOTS],
        pub(super) payloads: [[AtomicU64; 2]; SLOTS],
    }

    pub(super) struct Sizes {
        pub(super) max_publishers: u32,
    }

    pub(super) fn damaged(what: &str) -> Error {
        panic!("the topic is damaged: {what}")
    }

    impl Memory {
        pub(super) fn sizes(&self) -> Sizes {
            Sizes { max_publishers: 1 }
        }

        pub(super) fn capacity(&self) -> u64 {
            1
        }

        pub(super) fn header(&self) -> &TopicHeader {
            &self.header
        }

        pub(super) fn slot_count(&self) -> u32 {
            SLOTS as u32
        }

        /// One retired slot is worth a search.
        pub(super) fn search_batch(&self) -> u32 {
            1
        }

        pub(super) fn publisher_place(&self, _: u32) -> Result<&PublisherPlace> {
            Ok(&self.place)
        }

        pub(super) fn ring_place(&self, _: u64) -> &AtomicU64 {
            &self.ring
        }

        pub(super) fn free_entry(&self, index: u32) -> Result<&AtomicU32> {
            Ok(&self.free[index as usize])
        }

        pub(super) fn retired_entry(&self, index: u32) -> Result<&AtomicU32> {
            Ok(&self.retired[index as usize])
        }

        pub(super) fn mark(&self, index: u32) -> Result<&AtomicU32> {
            Ok(&self.marks[index as usize])
        }

        pub(super) fn slot(&self, index: u32) -> Result<&SampleSlot> {
            Ok(&self.slots[index as usize])
        }
    }
}

/// Replaces src/ipc/topic/subscribers.rs.
mod subscribers {
    use crate::object::layout::SubscribersHeader;
    use crate::sys::atomic::AtomicU32;
    use loom::sync::atomic::Ordering::SeqCst;

    #[derive(Default)]
    pub(super) struct Subscribers {
        header: SubscribersHeader,
        pub(super) cell: AtomicU32,
    }

    #[derive(Clone, Copy)]
    pub(super) struct Slowest {
        pub(super) position: u64,
    }

    impl Subscribers {
        pub(super) fn header(&self) -> &SubscribersHeader {
            &self.header
        }

        pub(super) fn each_borrowed(&self, found: &mut dyn FnMut(u32)) {
            let announced = self.cell.load(SeqCst);
            if announced != 0 {
                found(announced - 1);
            }
        }

        pub(super) fn slowest(&self) -> Option<Slowest> {
            None
        }
    }
}

#[derive(Default)]
pub(crate) struct Topic {
    memory: Memory,
    subscribers: Subscribers,
    /// The number up to which the subscriber has taken samples.
    taken: AtomicU64,
}

impl Topic {
    pub(crate) fn prepare(&self) {
        self.memory
            .publisher_place(PUBLISHER)
            .unwrap()
            .owner
            .store(1, Relaxed);
    }

    /// Does what `Topic::enter` does.
    fn enter(&self) -> PublishSection<'_> {
        let header = self.memory.header();
        let latch = &header.publishing.latch;
        let latched = latch
            .take_fast(&header.needs_fence, 0)
            .unwrap_or_else(|| latch.take(&header.needs_fence, 0, Never).unwrap());
        let mut section = PublishSection {
            memory: &self.memory,
            subscribers: &self.subscribers,
            latched,
        };
        if section.latched.is_orphaned() {
            repair::rebuild(&section).unwrap();
            section.latched.make_sound();
        }
        section
    }

    fn write(&self, slot: u32, value: u64) -> Sample {
        for word in &self.memory.payloads[slot as usize] {
            word.store(value, Relaxed);
        }
        Sample {
            length: 16,
            time_ns: value as i64,
            publisher: PUBLISHER,
        }
    }

    /// Does what `Topic::send` does, without waking anybody.
    pub(crate) fn send(&self, value: u64) {
        let section = self.enter();
        let slot = section.take_slot().unwrap();
        let sample = self.write(slot, value);
        section.publish(slot, &sample).unwrap();
        section.latched.release();
    }

    /// Does what `Topic::reserve` and `Topic::commit` do.
    pub(crate) fn reserve_and_commit(&self, value: u64) {
        let section = self.enter();
        let slot = section.take_slot().unwrap();
        section.reserve(slot, PUBLISHER).unwrap();
        section.latched.release();
        let sample = self.write(slot, value);
        let section = self.enter();
        section.check_reserved(slot, PUBLISHER).ok().unwrap();
        section.end_reservation(PUBLISHER).unwrap();
        section.publish(slot, &sample).unwrap();
        section.latched.release();
    }

    /// The kernel marks the latch of a dead publisher. Nobody sleeps from now on.
    pub(crate) fn bury_publisher(&self) {
        Thread::die_holding(&self.memory.header().publishing.latch.word);
        futex::let_nobody_sleep();
    }

    /// Leaves the topic as a publisher does that dies when it has published a sample and has not written the ring.
    pub(crate) fn die_before_ring(&self, value: u64) {
        let section = self.enter();
        let slot = section.take_slot().unwrap();
        let sample = self.write(slot, value);
        let words = self.memory.slot(slot).unwrap();
        words.time_ns.store(sample.time_ns as u64, Relaxed);
        words.truth.store(
            self.memory.header().publishing.newest.load(Relaxed) + 1,
            Release,
        );
        std::mem::forget(section);
        self.bury_publisher();
    }

    /// Reads a sample in place without an announcement, which is wrong.
    pub(crate) fn read_unannounced(&self) {
        let Some((number, slot_number)) = self.find() else {
            return;
        };
        let slot = self.memory.slot(slot_number).unwrap();
        if still_holds(slot, number) {
            self.check_whole(slot_number, slot.time_ns.load(Relaxed));
        }
    }

    /// Frees what a dead publisher had reserved, as `Topic::bury_publishers` does.
    pub(crate) fn free_reserved(&self) {
        let section = self.enter();
        section.free_reserved(PUBLISHER).unwrap();
        section.latched.release();
    }

    /// The slot of the newest sample that this subscriber has not taken.
    fn find(&self) -> Option<(u64, u32)> {
        let mut number = self.taken.load(Relaxed) + 1;
        for _ in 0..3 {
            match ring::find(self.memory.ring_place(number), number) {
                Found::Slot(slot) => return Some((number, slot)),
                Found::Replaced(later) => number = later,
                Found::NotYet => return None,
            }
        }
        None
    }

    /// Does what `Topic::try_borrow` and `Topic::give_back` do. The sample stays whole for as long as it is borrowed.
    pub(crate) fn borrow(&self) {
        let Some((number, slot_number)) = self.find() else {
            return;
        };
        let slot = self.memory.slot(slot_number).unwrap();
        let cell = &self.subscribers.cell;
        assert!(
            cell.compare_exchange(0, slot_number + 1, SeqCst, Relaxed)
                .is_ok()
        );
        if still_holds(slot, number) {
            self.check_whole(slot_number, slot.time_ns.load(Relaxed));
            self.taken.store(number, Relaxed);
        }
        cell.store(0, Release);
    }

    /// Does what `Topic::try_receive` does. A copy that counts is whole.
    pub(crate) fn receive(&self) {
        let Some((number, slot_number)) = self.find() else {
            return;
        };
        let slot = self.memory.slot(slot_number).unwrap();
        if slot.truth.load(Acquire) != number {
            return;
        }
        let time = slot.time_ns.load(Relaxed);
        let words = &self.memory.payloads[slot_number as usize];
        let copy = [words[0].load(Relaxed), words[1].load(Relaxed)];
        crate::sys::atomic::fence(Acquire);
        if slot.truth.load(Relaxed) == number {
            assert_eq!(copy, [time; 2], "the copy is torn");
            self.taken.store(number, Relaxed);
        }
    }

    fn check_whole(&self, slot_number: u32, value: u64) {
        for word in &self.memory.payloads[slot_number as usize] {
            assert_eq!(word.load(Relaxed), value, "the sample was overwritten");
        }
    }

    /// After everything: each sample was published once and in order, each slot is in one place, and publishing goes on.
    pub(crate) fn check_sound(&self, sends: u64) {
        self.send(99);
        let publishing = &self.memory.header().publishing;
        let newest = publishing.newest.load(Relaxed);
        assert!(
            (1..=sends + 1).contains(&newest),
            "sample {newest} of {sends} + 1"
        );
        assert!(self.taken.load(Relaxed) < newest);
        let Some((number, in_ring)) = self.find() else {
            panic!("the newest sample is not there")
        };
        assert_eq!(number, newest);
        self.check_whole(in_ring, 99);
        let mut places = vec![in_ring];
        for index in 0..publishing.free.load(Relaxed) {
            places.push(self.memory.free_entry(index).unwrap().load(Relaxed));
        }
        for index in 0..publishing.retired.load(Relaxed) {
            places.push(self.memory.retired_entry(index).unwrap().load(Relaxed));
        }
        let used = publishing.used.load(Relaxed);
        for index in 0..used {
            let truth = self.memory.slot(index).unwrap().truth.load(Relaxed);
            assert!(!is_number(truth) || truth <= newest);
            if truth & RESERVED_SLOT != 0 {
                places.push(index);
            }
        }
        let reserved = publishing.reserved.load(Relaxed);
        assert_eq!(reserved, 0, "a reservation is left");
        assert_eq!(
            places.len(),
            used as usize,
            "a slot is lost: {places:?} of {used}"
        );
        assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len());
    }
}
