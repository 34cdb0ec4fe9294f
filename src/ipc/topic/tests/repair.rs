//! A broken index behind an orphaned latch is rebuilt, whatever it says, and the samples stay.

use super::*;
use crate::sys::futex::OWNER_DIED;
use core::ptr::NonNull;

const SIZES: Sizes = Sizes {
    sample_size: 64,
    alignment: 64,
    capacity: 6,
    history: 6,
    max_subscribers: 2,
    max_publishers: 2,
    max_borrowed: 2,
    waits: false,
};

/// Overwrites the index as no publisher would leave it, except for the number of the newest sample, of which at most
/// the last step is missing.
fn break_index(topic: &Topic, random: &mut Random, newest: u64) {
    let memory = &topic.memory;
    let publishing = &memory.header().publishing;
    publishing.newest.store(newest, Relaxed);
    publishing.free.store(random.below(1000) as u32, Relaxed);
    publishing.retired.store(random.below(1000) as u32, Relaxed);
    publishing
        .reserved
        .store(random.below(1000) as u32, Relaxed);
    for index in 0..memory.slot_count() {
        let wrong = random.below(1 << 20) as u32;
        memory.free_entry(index).ok().unwrap().store(wrong, Relaxed);
        memory
            .retired_entry(index)
            .ok()
            .unwrap()
            .store(wrong, Relaxed);
    }
    for number in 0..memory.capacity() {
        memory
            .ring_place(number)
            .store(random.below(1 << 40) as u64, Relaxed);
    }
    publishing.latch.word.store(OWNER_DIED, Relaxed);
}

#[test]
fn the_index_is_rebuilt_from_the_slots() {
    let mut random = Random::new();
    for round in 0..200 {
        let name = TestName::new("repair");
        let publisher = name.open(SIZES, true);
        let taker = name.open(SIZES, false);
        let held = publisher.reserve(8, 0).ok().unwrap();
        let published = 1 + round % 20;
        for value in 1..=published {
            publisher.send(&content(value, 8), 0).ok().unwrap();
        }
        let borrowed = taker.try_borrow(Place::Ring).ok().unwrap().unwrap();
        verify(&publisher);
        // The last publisher may have died between the slot's word and the rest.
        break_index(&publisher, &mut random, published - round % 2);
        publisher.send(&content(published + 1, 8), 0).ok().unwrap();
        verify(&publisher);
        let mut number = borrowed.number + 1;
        let mut buffer = content(0, 8);
        while let Some(received) = taker.try_receive(&mut buffer, Place::Ring).ok().unwrap() {
            assert_eq!(received.number, number + received.missed);
            assert_eq!(value_in(&buffer), received.number);
            number = received.number + 1;
        }
        assert_eq!(number, published + 2);
        publisher.commit(held, 8).ok().unwrap();
        for value in 0..100 {
            publisher.send(&content(value, 8), 0).ok().unwrap();
        }
        // SAFETY: the sample is still borrowed.
        let kept = unsafe { borrowed.payload.cast::<u64>().read() };
        assert_eq!(kept, borrowed.number);
        assert!(taker.give_back(borrowed.payload.as_ptr()).is_ok());
        verify(&publisher);
    }
}

#[test]
fn a_number_that_was_never_given_is_damage() {
    let mut random = Random::new();
    let name = TestName::new("never-given");
    let publisher = name.open(SIZES, true);
    for value in 1..=3 {
        publisher.send(&content(value, 8), 0).ok().unwrap();
    }
    break_index(&publisher, &mut random, 1);
    let sent = publisher.send(&content(4, 8), 0);
    assert_eq!(errno(sent), Some(Errno::EUCLEAN));
    // It stays so: no call uses a broken index.
    assert_eq!(errno(publisher.reserve(8, 0)), Some(Errno::EUCLEAN));
}

#[test]
fn a_subscriber_far_behind_gets_a_sample_whose_publisher_died_before_it_counted_it() {
    let name = TestName::new("not-counted");
    let publisher = name.open(SIZES, true);
    let taker = name.open(SIZES, false);
    let published = 20;
    for value in 1..=published {
        publisher.send(&content(value, 8), 0).ok().unwrap();
    }
    let newest = &publisher.memory.header().publishing.newest;
    newest.store(published - 1, Relaxed);
    let mut buffer = content(0, 8);
    let received = taker
        .try_receive(&mut buffer, Place::Ring)
        .ok()
        .unwrap()
        .unwrap();
    assert_eq!(received.number, published + 1 - u64::from(SIZES.capacity));
    assert_eq!(received.missed, received.number - 1);
}

/// Leaves a topic as a publisher does that dies between the word of a sample's slot and the ring.
fn die_before_ring(publisher: &Topic, number: u64) {
    let memory = &publisher.memory;
    let publishing = &memory.header().publishing;
    // The ring's entry there before: the sample that this one replaces, or nothing.
    let replaced = number.saturating_sub(memory.capacity());
    let entry = match replaced {
        0 => 0,
        _ => ring::entry_of(replaced, 0),
    };
    memory.ring_place(number).store(entry, Relaxed);
    publishing.newest.store(number - 1, Relaxed);
    publishing.latch.word.store(OWNER_DIED, Relaxed);
}

#[test]
fn a_sample_whose_publisher_died_before_the_ring_is_found_by_all() {
    for published in [1, 4, 20] {
        let name = TestName::new("before-ring");
        let publisher = name.open(SIZES, true);
        let copies = name.open(SIZES, false);
        let borrows = name.open(SIZES, false);
        let mut buffer = content(0, 8);
        for value in 1..published {
            publisher.send(&content(value, 8), 0).ok().unwrap();
            copies.receive(&mut buffer, 0).ok().unwrap();
            let borrowed = borrows.borrow(0).ok().unwrap();
            assert!(borrows.give_back(borrowed.payload.as_ptr()).is_ok());
        }
        // A reserved slot is not the one that subscribers expect.
        let held = publisher.reserve(64, 0).ok().unwrap();
        let mut place = content(published, 8);
        // SAFETY: the slot is reserved and has room for 64 bytes.
        unsafe {
            held.cast::<MaybeUninit<u8>>()
                .copy_from_nonoverlapping(NonNull::from(&mut place[..]).cast(), 64);
        }
        publisher.commit(held, 64).ok().unwrap();
        die_before_ring(&publisher, published);

        let wait = copies.sample_wait().ok().unwrap();
        assert!(crate::ipc::waitable::Waitable::is_ready(&wait));
        assert!(copies.is_orphaned());
        let received = copies.receive(&mut buffer, 0).ok().unwrap();
        assert_eq!((received.number, received.missed), (published, 0));
        assert_eq!(value_in(&buffer), published);
        assert!(!crate::ipc::waitable::Waitable::is_ready(&wait));
        assert_eq!(errno(copies.receive(&mut buffer, 0)), Some(Errno::EAGAIN));
        let borrowed = borrows.borrow(0).ok().unwrap();
        assert_eq!((borrowed.number, borrowed.missed), (published, 0));

        // The next publisher repairs the topic, and nobody gets the sample twice.
        publisher.send(&content(published + 1, 8), 0).ok().unwrap();
        verify(&publisher);
        for taker in [&copies, &borrows] {
            let received = taker.receive(&mut buffer, 0).ok().unwrap();
            assert_eq!((received.number, received.missed), (published + 1, 0));
            assert_eq!(value_in(&buffer), published + 1);
        }
        assert!(borrows.give_back(borrowed.payload.as_ptr()).is_ok());
    }
}
