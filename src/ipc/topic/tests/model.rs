//! Random calls of several publishers and subscribers in one process, compared with a reference.

use super::*;
use std::collections::VecDeque;

/// A subscriber, what the reference says about it, and what it has borrowed.
struct Taker {
    topic: Topic,
    next: u64,
    borrowed: Vec<(Received, u64)>,
}

/// Publishers, subscribers, and the samples that the topic keeps by the reference.
struct World {
    name: TestName,
    sizes: Sizes,
    publishers: Vec<(Topic, Vec<core::ptr::NonNull<u8>>)>,
    takers: Vec<Taker>,
    kept: VecDeque<(u64, u64)>,
    newest: u64,
}

impl World {
    fn publish(&mut self, value: u64) {
        self.newest += 1;
        self.kept.push_back((self.newest, value));
        if self.kept.len() > self.sizes.capacity as usize {
            self.kept.pop_front();
        }
    }

    /// Whether the reference says that a publisher would wait.
    fn is_full(&self) -> bool {
        let reserved: usize = self.publishers.iter().map(|(_, held)| held.len()).sum();
        let coming = self.newest + reserved as u64 + 1;
        let slowest = self.takers.iter().map(|taker| taker.next).min();
        let capacity = u64::from(self.sizes.capacity);
        self.sizes.waits
            && slowest.is_some_and(|next| coming > capacity && coming - capacity >= next)
    }

    fn oldest_for(&self, taker: usize) -> Option<(u64, u64)> {
        let next = self.takers[taker].next;
        self.kept
            .iter()
            .find(|(number, _)| *number >= next)
            .copied()
    }

    fn send(&mut self, publisher: usize, value: u64, words: usize) {
        let is_full = self.is_full();
        let data = content(value, words);
        let topic = &self.publishers[publisher].0;
        let is_sent = match value % 2 {
            0 if topic.send_fast(&data) => true,
            _ => match topic.send(&data, 0) {
                Ok(()) => true,
                Err(error) => {
                    assert_eq!(error.errno(), Errno::EAGAIN);
                    false
                }
            },
        };
        assert_eq!(is_sent, !is_full);
        if is_sent {
            self.publish(value);
        }
    }

    fn reserve(&mut self, publisher: usize) {
        let is_full = self.is_full();
        let (topic, held) = &mut self.publishers[publisher];
        match topic.reserve(8, 0) {
            Ok(place) => {
                assert!(!is_full && held.len() < self.sizes.max_borrowed as usize);
                held.push(place);
            }
            Err(error) if is_full => assert_eq!(error.errno(), Errno::EAGAIN),
            Err(error) => {
                assert_eq!(error.errno(), Errno::ENOBUFS);
                assert_eq!(held.len(), self.sizes.max_borrowed as usize);
            }
        }
    }

    fn end_reservation(&mut self, publisher: usize, which: usize, value: u64, commits: bool) {
        let (topic, held) = &mut self.publishers[publisher];
        if held.is_empty() {
            return;
        }
        let place = held.swap_remove(which % held.len());
        if commits {
            // SAFETY: the sample is reserved and has room for 8 bytes.
            unsafe { place.cast::<u64>().write(value) };
            topic.commit(place, 8).ok().unwrap();
            self.publish(value);
        } else {
            topic.abandon(place.as_ptr()).ok().unwrap();
        }
        assert_eq!(
            errno(self.publishers[publisher].0.abandon(place.as_ptr())),
            Some(Errno::EINVAL)
        );
    }

    fn check(&mut self, taker: usize, received: Option<Received>) -> Option<u64> {
        let expected = self.oldest_for(taker);
        let Some(received) = received else {
            assert_eq!(expected, None);
            return None;
        };
        let (number, value) = expected.unwrap();
        assert_eq!(received.number, number);
        assert_eq!(received.missed, number - self.takers[taker].next);
        self.takers[taker].next = number + 1;
        Some(value)
    }

    fn receive(&mut self, taker: usize) {
        let mut buffer = content(0, self.sizes.sample_size as usize / 8);
        let received = self.takers[taker]
            .topic
            .try_receive(&mut buffer, Place::Ring)
            .ok()
            .unwrap();
        if let Some(value) = self.check(taker, received) {
            assert_eq!(value_in(&buffer[..received.unwrap().length]), value);
        }
    }

    fn borrow(&mut self, taker: usize) {
        let holder = &self.takers[taker];
        let is_at_limit = holder.borrowed.len() == self.sizes.max_borrowed as usize;
        let received = match holder.topic.try_borrow(Place::Ring) {
            Ok(received) => received,
            Err(error) => {
                assert_eq!(error.errno(), Errno::ENOBUFS);
                assert!(is_at_limit);
                return;
            }
        };
        assert!(received.is_none() || !is_at_limit);
        if let Some(value) = self.check(taker, received) {
            self.takers[taker].borrowed.push((received.unwrap(), value));
        }
    }

    /// Every borrowed sample is still what it was.
    fn check_borrowed(&self) {
        for (received, value) in self.takers.iter().flat_map(|taker| &taker.borrowed) {
            let bytes: *const MaybeUninit<u8> = received.payload.as_ptr().cast();
            // SAFETY: the sample is borrowed, so it stays, and the mapping lives as long as the handle.
            let bytes = unsafe { core::slice::from_raw_parts(bytes, received.length) };
            assert_eq!(value_in(bytes), *value);
        }
    }

    fn give_back(&mut self, taker: usize, which: usize) {
        let holder = &mut self.takers[taker];
        if holder.borrowed.is_empty() {
            return;
        }
        let (received, _) = holder.borrowed.swap_remove(which % holder.borrowed.len());
        let payload = received.payload.as_ptr();
        holder.topic.give_back(payload).ok().unwrap();
        assert_eq!(errno(holder.topic.give_back(payload)), Some(Errno::EINVAL));
    }

    /// Replaces a subscriber by a new one, which begins with the history.
    fn renew(&mut self, taker: usize) {
        while !self.takers[taker].borrowed.is_empty() {
            self.give_back(taker, 0);
        }
        drop(self.takers.remove(taker));
        let topic = self.name.open(self.sizes, false);
        let reserved: usize = self.publishers.iter().map(|(_, held)| held.len()).sum();
        let mut next = (self.newest + 1)
            .saturating_sub(self.sizes.history.into())
            .max(1);
        if self.sizes.waits {
            let kept = self.newest + reserved as u64 + 1;
            next = next.max(kept.saturating_sub(self.sizes.capacity.into()));
        }
        self.takers.insert(
            taker,
            Taker {
                topic,
                next,
                borrowed: Vec::new(),
            },
        );
    }
}

fn run(sizes: Sizes, test: &str, steps: usize) {
    let mut random = Random::new();
    let name = TestName::new(test);
    let publishers = (0..sizes.max_publishers)
        .map(|_| (name.open(sizes, true), Vec::new()))
        .collect();
    let takers = (0..sizes.max_subscribers)
        .map(|_| Taker {
            topic: name.open(sizes, false),
            next: 1,
            borrowed: Vec::new(),
        })
        .collect();
    let (kept, newest) = (VecDeque::new(), 0);
    let mut world = World {
        name,
        sizes,
        publishers,
        takers,
        kept,
        newest,
    };
    for step in 0..steps {
        let publisher = random.below(sizes.max_publishers as usize);
        let taker = random.below(sizes.max_subscribers as usize);
        let (which, value) = (random.below(100), random.below(1 << 40) as u64);
        match random.below(20) {
            0..6 => {
                let words = 1 + random.below(sizes.sample_size as usize / 8);
                world.send(publisher, value, words);
            }
            6..8 => world.reserve(publisher),
            8 => world.end_reservation(publisher, which, value, true),
            9 => world.end_reservation(publisher, which, value, which % 2 == 0),
            10..14 => world.receive(taker),
            14..17 => world.borrow(taker),
            17..19 => world.give_back(taker, which),
            _ if which < 20 => world.renew(taker),
            _ => {}
        }
        world.check_borrowed();
        if step % 16 == 0 {
            verify(&world.publishers[0].0);
        }
    }
}

const SIZES: Sizes = Sizes {
    sample_size: 64,
    alignment: 64,
    capacity: 5,
    history: 3,
    max_subscribers: 3,
    max_publishers: 2,
    max_borrowed: 2,
    waits: false,
};

#[test]
fn a_topic_behaves_like_its_reference() {
    run(SIZES, "model", 20_000);
}

#[test]
fn a_topic_of_one_sample_behaves_like_its_reference() {
    let sizes = Sizes {
        capacity: 1,
        history: 1,
        max_borrowed: 1,
        ..SIZES
    };
    run(sizes, "model-one", 20_000);
}

#[test]
fn a_topic_that_waits_behaves_like_its_reference() {
    run(
        Sizes {
            waits: true,
            capacity: 8,
            ..SIZES
        },
        "model-waits",
        20_000,
    );
}

#[test]
fn a_topic_of_large_samples_behaves_like_its_reference() {
    let sizes = Sizes {
        sample_size: 16_000,
        capacity: 4,
        ..SIZES
    };
    run(sizes, "model-large", 1_500);
}

#[test]
fn a_thread_that_announces_a_slot_in_vain_keeps_its_cell_when_another_returns_the_sample() {
    let name = TestName::new("announced-twice");
    let sizes = Sizes {
        sample_size: 8,
        alignment: 64,
        capacity: 2,
        history: 0,
        max_subscribers: 1,
        max_publishers: 1,
        max_borrowed: 2,
        waits: false,
    };
    let publisher = name.open(sizes, true);
    let taker = name.open(sizes, false);
    publisher.send(&content(1, 1), 0).ok().unwrap();
    let ring::Found::Slot(slot) = taker.memory.find(1) else {
        panic!("the sample is not there");
    };
    // One thread has announced the slot, and another one gets the sample and returns it.
    let first = taker.announce(slot).ok().unwrap().unwrap();
    let borrowed = taker.try_borrow(Place::Ring).ok().unwrap().unwrap();
    assert!(taker.give_back(borrowed.payload.as_ptr()).is_ok());
    assert_eq!(taker.subscribers.count(), (1, 1));
    taker.retract(first);
    assert_eq!(taker.subscribers.count(), (1, 0));
}
