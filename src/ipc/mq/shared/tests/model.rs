//! One process calls at random, and each result is compared with [`Reference`].

use super::reference::{Message, Reference};
use super::*;
use core::cmp::Reverse;

fn message(random: &mut Random, size: usize) -> Vec<u8> {
    // Some lengths are around the one from which a message is copied while no latch is held.
    let length = match random.below(6) {
        0 => 0,
        1 => size,
        2 => COPY_UNDER_LATCH - 1 + random.below(3) as usize,
        3 => random.below(size as u64 + 1) as usize,
        _ => random.below(65) as usize,
    };
    let first = random.next();
    (0..length.min(size))
        .map(|index| first.wrapping_add(index as u64) as u8)
        .collect()
}

struct Test<'q> {
    queue: &'q SharedQueue,
    reference: Reference,
    random: Random,
    size: usize,
    priorities: u64,
}

impl Test<'_> {
    fn place(&self, number: u32) -> NonNull<u8> {
        let memory = &self.queue.memory;
        memory.payload(memory.slot(number).unwrap())
    }

    fn number_of(&self, place: NonNull<u8>) -> u32 {
        let slot = self.queue.memory.slot_of_payload(place.as_ptr());
        slot.unwrap().0
    }

    fn priority(&mut self) -> u32 {
        self.random.below(self.priorities) as u32
    }

    fn send(&mut self) {
        let (bytes, priority) = (message(&mut self.random, self.size), self.priority());
        let result = if self.random.one_in(2) {
            self.queue.try_send(&bytes, priority, false)
        } else {
            let source = Source {
                message: &bytes,
                priority,
            };
            let sent = self.queue.send(&[source], 0);
            sent.map(|sent| assert_eq!(sent, 1))
        };
        match self.reference.make_room(Some(priority)) {
            Some(false) => assert_eq!(result.plain(), Err(Errno::EAGAIN)),
            Some(true) => {
                assert_eq!(result.plain(), Ok(()));
                self.reference.push(bytes, priority);
            }
            None => assert_eq!(result.plain(), Ok(())),
        }
    }

    fn send_many(&mut self) {
        let count = self.random.below(90);
        let messages: Vec<_> = (0..count)
            .map(|_| (message(&mut self.random, self.size), self.priority()))
            .collect();
        let sources: Vec<_> = messages
            .iter()
            .map(|(bytes, priority)| Source {
                message: bytes,
                priority: *priority,
            })
            .collect();
        let result = self.queue.send(&sources, 0);
        let Some((first, priority)) = messages.first() else {
            assert_eq!(result.plain(), Ok(0));
            return;
        };
        match self.reference.make_room(Some(*priority)) {
            Some(false) => assert_eq!(result.plain(), Err(Errno::EAGAIN)),
            None => assert_eq!(result.plain(), Ok(1)),
            Some(true) => {
                let room = self.reference.room().min(BATCH);
                let expected = match first.len() {
                    0..=COPY_UNDER_LATCH => messages
                        .iter()
                        .take(room)
                        .take_while(|(bytes, _)| bytes.len() <= COPY_UNDER_LATCH)
                        .count(),
                    _ => 1,
                };
                assert_eq!(result.plain(), Ok(expected));
                for (bytes, priority) in messages.into_iter().take(expected) {
                    self.reference.push(bytes, priority);
                }
            }
        }
    }

    fn receive(&mut self, count: usize) {
        self.reference.redeliver_borrowed_by_dead();
        let mut buffers: Vec<Vec<MaybeUninit<u8>>> = (0..count)
            .map(|_| match self.random.below(8) {
                0 => vec![MaybeUninit::uninit(); message(&mut self.random, self.size).len()],
                _ => vec![MaybeUninit::uninit(); self.size],
            })
            .collect();
        let mut targets: Vec<_> = buffers
            .iter_mut()
            .map(|buffer| Target::of(buffer))
            .collect();
        let result = if count == 1 && self.random.one_in(2) {
            let target = &mut targets[0];
            self.queue.try_receive(target.buffer, false).map(|found| {
                (target.length, target.priority) = found;
                target.redeliveries = self
                    .reference
                    .first()
                    .map_or(0, |(_, first)| first.redeliveries);
                1
            })
        } else {
            self.queue.receive(&mut targets, 0)
        };
        let found: Vec<_> = targets
            .iter()
            .map(|target| (target.length, target.priority, target.redeliveries))
            .collect();
        let expected = self.receive_from_reference(&buffers, &found);
        assert_eq!(result.plain(), expected);
    }

    /// Takes from the reference what the queue should have received into these buffers, and
    /// compares each message. `found` has their lengths, priorities and redeliveries. Returns the
    /// result of the receive.
    fn receive_from_reference(
        &mut self,
        buffers: &[Vec<MaybeUninit<u8>>],
        found: &[(usize, u32, u32)],
    ) -> Result<usize, Errno> {
        let mut received = 0;
        for buffer in buffers.iter().take(BATCH) {
            let Some((priority, expected)) = self.reference.first() else {
                break;
            };
            let length = expected.bytes.len();
            if length > buffer.len() {
                if received == 0 {
                    return Err(Errno::EMSGSIZE);
                }
                break;
            }
            if length > COPY_UNDER_LATCH && received != 0 {
                break;
            }
            assert_eq!(found[received], (length, priority, expected.redeliveries));
            let bytes = buffer[..length].iter();
            // SAFETY: the queue has written so many bytes, as it says.
            let bytes: Vec<u8> = bytes.map(|byte| unsafe { byte.assume_init() }).collect();
            assert_eq!(bytes, expected.bytes);
            self.reference.messages.pop_first();
            received += 1;
            if length > COPY_UNDER_LATCH {
                break;
            }
        }
        match (received, buffers.len()) {
            (0, 1..) => Err(Errno::EAGAIN),
            _ => Ok(received),
        }
    }

    fn peek(&mut self) {
        self.reference.redeliver_borrowed_by_dead();
        let expected = self.reference.first().map(|(priority, _)| priority);
        let expected = expected.ok_or(Errno::EAGAIN);
        assert_eq!(self.queue.peek_priority().plain(), expected);
    }

    fn reserve(&mut self) {
        let has_room = self.reference.make_room(None).unwrap();
        match in_two_steps(|at_once| self.queue.reserve(0, at_once)) {
            Ok(place) => {
                assert!(has_room);
                // SAFETY: the place is reserved, so its message_size bytes are this thread's.
                unsafe { place.write_bytes(0xa5, self.size) };
                let number = self.number_of(place);
                assert!(!self.reference.reserved.contains(&number));
                self.reference.reserved.push(number);
            }
            Err(error) => {
                assert_eq!(error.errno(), Errno::EAGAIN);
                assert!(!has_room);
            }
        }
    }

    fn reserve_and_die(&mut self) {
        let has_room = self.reference.make_room(None).unwrap();
        let reserved = in_a_thread_that_ends(|| {
            in_two_steps(|at_once| self.queue.reserve(0, at_once)).is_ok()
        });
        assert_eq!(reserved, has_room);
        self.reference.reserved_by_dead += usize::from(reserved);
    }

    fn take_reserved(&mut self) -> Option<u32> {
        let count = self.reference.reserved.len() as u64;
        let index = self.random.below(count.max(1)) as usize;
        (count != 0).then(|| self.reference.reserved.remove(index))
    }

    fn commit(&mut self) {
        let Some(number) = self.take_reserved() else {
            return;
        };
        let place = self.place(number);
        let (bytes, priority) = (message(&mut self.random, self.size), self.priority());
        // SAFETY: the place is reserved, so its message_size bytes are this thread's. No message is
        // longer.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(&bytes[..]).cast(), bytes.len()) };
        let queue = self.queue;
        let other = in_a_thread_that_ends(move || {
            let slot = queue.memory.slot(number).unwrap();
            in_two_steps(|at_once| queue.commit(queue.memory.payload(slot).as_ptr(), 0, 0, at_once))
        });
        assert_eq!(other.plain(), Err(Errno::EPERM));
        let place = place.as_ptr();
        assert_eq!(
            in_two_steps(|at_once| self.queue.commit(place, bytes.len(), priority, at_once)),
            Ok(())
        );
        let again = in_two_steps(|at_once| self.queue.commit(place, 0, 0, at_once));
        assert_eq!(again.plain(), Err(Errno::EINVAL));
        self.reference.push(bytes, priority);
    }

    fn abandon(&mut self) {
        if let Some(number) = self.take_reserved() {
            let place = self.place(number);
            assert_eq!(self.queue.abandon(place.as_ptr()), Ok(()));
        }
    }

    fn borrow(&mut self, lives: bool) {
        self.reference.redeliver_borrowed_by_dead();
        let borrow = || {
            in_two_steps(|at_once| self.queue.borrow(0, at_once)).map(|found| {
                // SAFETY: the message is borrowed, and has this length.
                let bytes =
                    unsafe { core::slice::from_raw_parts(found.payload.as_ptr(), found.length) };
                let message = Message {
                    bytes: bytes.to_vec(),
                    redeliveries: found.redeliveries,
                };
                let slot = self.queue.memory.slot_of_payload(found.payload.as_ptr());
                (slot.unwrap().0, message, found.priority)
            })
        };
        let result = if lives {
            borrow()
        } else {
            in_a_thread_that_ends(borrow)
        };
        match self.reference.messages.pop_first() {
            None => assert_eq!(result.unwrap_err().errno(), Errno::EAGAIN),
            Some((key, expected)) => {
                let (number, message, priority) = result.unwrap();
                assert_eq!((&message, Reverse(priority)), (&expected, key.0));
                if lives {
                    self.reference.borrowed.push((number, key, message));
                } else {
                    self.reference.borrowed_by_dead.push((key, message));
                }
            }
        }
    }

    fn give_back(&mut self) {
        let count = self.reference.borrowed.len() as u64;
        if count == 0 {
            return;
        }
        let index = self.random.below(count) as usize;
        let (number, _, message) = self.reference.borrowed.remove(index);
        let place = self.place(number);
        // SAFETY: the message is still borrowed, and has this length.
        let bytes = unsafe { core::slice::from_raw_parts(place.as_ptr(), message.bytes.len()) };
        assert_eq!(bytes, message.bytes, "a borrowed message changed");
        assert_eq!(
            in_two_steps(|at_once| self.queue.give_back(place.as_ptr(), at_once)),
            Ok(())
        );
        let again = in_two_steps(|at_once| self.queue.give_back(place.as_ptr(), at_once));
        assert_eq!(again.plain(), Err(Errno::EINVAL));
    }

    /// Does as if a thread had died with a latch, so that the next call rebuilds the index.
    fn rebuild(&mut self) {
        let header = self.queue.header();
        let latch = match self.random.below(2) {
            0 => &header.sending.latch,
            _ => &header.receiving.latch,
        };
        assert!(orphan(latch));
        verify(self.queue);
        self.reference.repairs += 1;
        self.reference.abandon_reserved_by_dead();
        self.reference.redeliver_borrowed_by_dead();
    }

    fn step(&mut self, sending: u64) {
        let is_sending = self.random.below(100) < sending;
        match (self.random.below(16), is_sending) {
            (0..7, true) => self.send(),
            (0..7, false) => self.receive(1),
            (7..10, true) => self.send_many(),
            (7..10, false) => {
                let count = self.random.below(90) as usize;
                self.receive(count);
            }
            (10, true) => self.reserve(),
            (10, false) => self.borrow(true),
            (11, true) => self.commit(),
            (11 | 12, false) => self.give_back(),
            (12, true) => self.abandon(),
            (13, _) => self.peek(),
            (14, _) if self.random.one_in(4) => self.reserve_and_die(),
            (14, _) if self.random.one_in(3) => self.borrow(false),
            (15, _) if self.random.one_in(2) => self.rebuild(),
            _ => verify(self.queue),
        }
        let found = self.queue.attributes().current_messages;
        // The call takes back what dead threads had claimed.
        self.reference.redeliver_borrowed_by_dead();
        self.reference.abandon_reserved_by_dead();
        assert_eq!(found, self.reference.messages.len(), "messages");
    }

    fn run(&mut self, steps: u64) {
        for step in 0..steps {
            // Longer runs of one kind fill the queue and empty it.
            self.step(if step / 300 % 2 == 0 { 70 } else { 30 });
        }
        while !self.reference.borrowed.is_empty() {
            self.give_back();
        }
        while !self.reference.reserved.is_empty() {
            self.abandon();
        }
        self.reference.redeliver_borrowed_by_dead();
        while self.reference.first().is_some() {
            self.receive(1);
        }
        verify(self.queue);
        let found = self.queue.statistics().unwrap();
        assert_eq!(found.dropped, self.reference.dropped);
        assert_eq!(found.repairs, self.reference.repairs);
        assert_eq!(found.abandoned, self.reference.abandoned);
        assert_eq!(found.redelivered, self.reference.redelivered);
    }
}

#[test]
fn every_result_is_that_of_the_reference() {
    let seed = seed();
    for round in 0..rounds() * 10 {
        let mut random = Random::new(seed + round);
        let capacity = match random.below(4) {
            0 => 1,
            1 => 2 + random.below(7),
            2 => 64,
            _ => 2 + random.below(99),
        };
        let size = random.one_of(&[1, 64, 8192, 8193, 10000]);
        let priorities = random.one_of(&[1, 2, 5, 1000, u64::from(PRIORITY_MAX) + 1]);
        let overwrites = random.one_in(4);
        println!(
            "seed {seed}, round {round}: {capacity} x {size}, {priorities} priorities, overwrites: {overwrites}"
        );
        let created = test_queue("model", capacity as usize, size, overwrites);
        let mut test = Test {
            queue: &created.queue,
            reference: Reference {
                capacity: capacity as usize,
                overwrites,
                ..Reference::default()
            },
            random,
            size,
            priorities,
        };
        test.run(1500);
    }
}

#[test]
fn a_claim_half_taken_back_by_a_thread_that_died_is_taken_back_by_the_next() {
    let created = test_queue("taken-back", 2, 64, false);
    let queue = &created.queue;
    assert_eq!(queue.try_send(b"message", 3, false), Ok(()));
    assert!(in_a_thread_that_ends(|| in_two_steps(
        |at_once| queue.borrow(0, at_once)
    )
    .is_ok()));
    assert!(in_a_thread_that_ends(|| in_two_steps(
        |at_once| queue.reserve(0, at_once)
    )
    .is_ok()));
    for number in 0..2 {
        // The thread that takes a slot back clears its holder first. There it died, holding a
        // latch.
        queue.memory.slot(number).unwrap().holder.store(0, Relaxed);
    }
    assert!(orphan(&queue.header().receiving.latch));
    verify(queue);
    assert_eq!(queue.peek_priority(), Ok(3));
    assert_eq!(queue.try_send(b"other", 0, false), Ok(()));
    let found = queue.statistics().unwrap();
    assert_eq!((found.redelivered, found.abandoned), (1, 1));
}

#[test]
fn a_deadline_ends_spinning_for_a_message() {
    let created = test_queue("spin", 1, 64, false);
    let mut queue = SharedQueue::open(&created.name, None, None, OPTIONS)
        .unwrap()
        .0;
    queue.spin = Duration::from_secs(1 << 20);
    let mut buffer = [MaybeUninit::uninit(); 64];
    let result = queue.receive(&mut [Target::of(&mut buffer)], 1_000_000);
    assert_eq!(result.plain(), Err(Errno::ETIMEDOUT));
}
