//! One process's part in a test with several: it calls at random, and notes each call with its
//! times.

use super::history::{Event, Interval, Log, NEVER};
use super::*;
use crate::object::map::{Access, Mapping};
use core::sync::atomic::AtomicU64;
use std::os::fd::AsFd;

/// A counter in a file that all processes map.
pub(super) struct Clock {
    memory: Mapping,
}

impl Clock {
    pub(super) fn of(name: &str) -> Clock {
        let path = format!("/dev/shm/{name}");
        let mut options = std::fs::File::options();
        let file = options.read(true).write(true).create(true).truncate(false);
        let file = file.open(path).unwrap();
        file.set_len(4096).unwrap();
        let memory = Mapping::of_file(file.as_fd(), 4096, Access::ReadWrite).unwrap();
        Clock { memory }
    }

    fn tick(&self) -> u64 {
        // SAFETY: the file has 4096 bytes, and no process shrinks it. All accesses are atomic.
        let ticks = unsafe { self.memory.base().cast::<AtomicU64>().as_ref() };
        ticks.fetch_add(1, SeqCst)
    }
}

/// One process's calls and what it holds.
pub(super) struct Worker<'q> {
    queue: &'q SharedQueue,
    clock: &'q Clock,
    random: Random,
    priorities: u64,
    size: usize,
    next_id: u64,
    pub(super) log: Log,
    reserved: Vec<(NonNull<u8>, u64)>,
    /// With the place in the log where the end of the borrowing is filled in.
    borrowed: Vec<(NonNull<u8>, usize)>,
}

/// A message: its id, and bytes that follow from the id.
fn payload(id: u64, size: usize) -> Vec<u8> {
    let mut random = Random::new(id);
    let longest = size - 8;
    let length = match random.below(20) {
        0 => longest,
        1 => random.below(longest as u64 + 1) as usize,
        _ => random.below(40).min(longest as u64) as usize,
    };
    let mut bytes = id.to_ne_bytes().to_vec();
    bytes.resize(8 + length, random.next() as u8);
    bytes
}

fn id_of(bytes: &[u8], size: usize) -> u64 {
    let id = u64::from_ne_bytes(bytes[..8].try_into().unwrap());
    assert!(bytes == payload(id, size), "message {id:#x} is torn");
    id
}

impl<'q> Worker<'q> {
    pub(super) fn new(
        queue: &'q SharedQueue,
        clock: &'q Clock,
        random: Random,
        priorities: u64,
        next_id: u64,
    ) -> Worker<'q> {
        Worker {
            queue,
            clock,
            random,
            priorities,
            size: queue.memory.sizes().message_size as usize,
            next_id,
            log: Log::new(),
            reserved: Vec::new(),
            borrowed: Vec::new(),
        }
    }

    fn timeout_ns(&mut self) -> i64 {
        self.random.one_of(&[0, 0, 200_000, 3_000_000])
    }

    fn new_message(&mut self) -> (u64, Vec<u8>, u32) {
        let id = self.next_id;
        self.next_id += 1;
        let priority = self.random.below(self.priorities) as u32;
        (id, payload(id, self.size), priority)
    }

    /// Makes a call and takes the time. An error has to be one that a wait may end with.
    fn timed<T>(
        &mut self,
        call: impl FnOnce(&SharedQueue) -> Result<T>,
    ) -> (Interval, Result<T, Errno>) {
        let begin = self.clock.tick();
        let result = call(self.queue).plain();
        let end = self.clock.tick();
        if let Err(errno) = &result {
            assert!(matches!(errno, Errno::EAGAIN | Errno::ETIMEDOUT), "{errno}");
        }
        (Interval { begin, end }, result)
    }

    fn note(&mut self, interval: Interval, event: Event) {
        self.log.push((interval, event));
    }

    /// Notes that a call found nothing, if it did not wait.
    fn note_failure(&mut self, interval: Interval, errno: Errno, event: Event) {
        if errno == Errno::EAGAIN {
            self.note(interval, event);
        }
    }

    fn send(&mut self, count: u64) {
        let messages: Vec<_> = (0..count).map(|_| self.new_message()).collect();
        let sources: Vec<_> = messages
            .iter()
            .map(|(_, bytes, priority)| Source {
                message: bytes,
                priority: *priority,
            })
            .collect();
        let timeout_ns = self.timeout_ns();
        let is_fast = count == 1 && self.random.one_in(2);
        let (interval, result) = self.timed(|queue| {
            if is_fast {
                return queue
                    .try_send(sources[0].message, sources[0].priority, false)
                    .map(|()| 1);
            }
            queue.send(&sources, timeout_ns)
        });
        match result {
            Err(errno) => self.note_failure(interval, errno, Event::Full),
            Ok(sent) => {
                for &(id, _, priority) in &messages[..sent] {
                    let from = interval.begin;
                    self.note(interval, Event::Sent { id, priority, from });
                }
            }
        }
    }

    pub(super) fn receive(&mut self, count: usize) {
        let mut buffers = vec![vec![MaybeUninit::uninit(); self.size]; count];
        let mut targets: Vec<_> = buffers
            .iter_mut()
            .map(|buffer| Target::of(buffer))
            .collect();
        let timeout_ns = self.timeout_ns();
        let is_fast = count == 1 && self.random.one_in(2);
        let (interval, result) = self.timed(|queue| {
            if is_fast {
                let target = &mut targets[0];
                (target.length, target.priority) = queue.try_receive(target.buffer, false)?;
                return Ok(1);
            }
            queue.receive(&mut targets, timeout_ns)
        });
        let found: Vec<_> = targets
            .iter()
            .map(|target| (target.length, target.priority))
            .collect();
        match result {
            Err(errno) => self.note_failure(interval, errno, Event::Empty),
            Ok(received) => {
                for (buffer, &(length, priority)) in buffers.iter().zip(&found).take(received) {
                    let bytes = buffer[..length].iter();
                    // SAFETY: the queue has written so many bytes, as it says.
                    let bytes: Vec<u8> = bytes.map(|byte| unsafe { byte.assume_init() }).collect();
                    let (id, until) = (id_of(&bytes, self.size), interval.end);
                    self.note(
                        interval,
                        Event::Received {
                            id,
                            priority,
                            until,
                        },
                    );
                }
            }
        }
    }

    fn reserve(&mut self) {
        let timeout_ns = self.timeout_ns();
        let (interval, result) =
            self.timed(|queue| in_two_steps(|at_once| queue.reserve(timeout_ns, at_once)));
        match result {
            Err(errno) => self.note_failure(interval, errno, Event::Full),
            Ok(place) => self.reserved.push((place, interval.begin)),
        }
    }

    fn commit(&mut self) {
        let Some((place, from)) = self.reserved.pop() else {
            return;
        };
        let (id, bytes, priority) = self.new_message();
        // SAFETY: the place is reserved, and has room for a message of any length.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(&bytes[..]).cast(), bytes.len()) };
        let (interval, result) = self.timed(|queue| {
            in_two_steps(|at_once| queue.commit(place.as_ptr(), bytes.len(), priority, at_once))
        });
        result.unwrap();
        self.note(interval, Event::Sent { id, priority, from });
    }

    fn abandon(&mut self) {
        let Some((place, from)) = self.reserved.pop() else {
            return;
        };
        let (interval, result) = self.timed(|queue| queue.abandon(place.as_ptr()));
        result.unwrap();
        let interval = Interval {
            begin: from,
            ..interval
        };
        self.note(interval, Event::Abandoned);
    }

    fn borrow(&mut self) {
        let timeout_ns = self.timeout_ns();
        let (interval, result) =
            self.timed(|queue| in_two_steps(|at_once| queue.borrow(timeout_ns, at_once)));
        match result {
            Err(errno) => self.note_failure(interval, errno, Event::Empty),
            Ok(found) => {
                // SAFETY: the message is borrowed, and has this length.
                let bytes =
                    unsafe { core::slice::from_raw_parts(found.payload.as_ptr(), found.length) };
                assert_eq!(found.redeliveries, 0);
                let (id, priority) = (id_of(bytes, self.size), found.priority);
                let until = NEVER;
                self.borrowed.push((found.payload, self.log.len()));
                self.note(
                    interval,
                    Event::Received {
                        id,
                        priority,
                        until,
                    },
                );
            }
        }
    }

    fn give_back(&mut self) {
        let Some((place, at)) = self.borrowed.pop() else {
            return;
        };
        let (interval, result) =
            self.timed(|queue| in_two_steps(|at_once| queue.give_back(place.as_ptr(), at_once)));
        result.unwrap();
        if let Event::Received { until, .. } = &mut self.log[at].1 {
            *until = interval.end;
        }
    }

    fn peek(&mut self) {
        let (interval, result) = self.timed(SharedQueue::peek_priority);
        match result {
            Err(errno) => self.note_failure(interval, errno, Event::Empty),
            Ok(priority) => self.note(interval, Event::Peeked { priority }),
        }
    }

    fn count(&mut self) {
        let (interval, result) = self.timed(|queue| Ok(queue.attributes().current_messages));
        let messages = result.unwrap() as u64;
        self.note(interval, Event::Counted { messages });
    }

    pub(super) fn step(&mut self) {
        // A worker that holds one of few slots for long leaves nothing to do for the others.
        if self.queue.memory.capacity() < 10 && self.random.one_in(2) {
            self.commit();
            self.give_back();
        }
        match self.random.below(22) {
            0..5 => self.send(1),
            5 => {
                let count = 1 + self.random.below(20);
                self.send(count);
            }
            6..11 => self.receive(1),
            11 => {
                let count = 1 + self.random.below(20) as usize;
                self.receive(count);
            }
            12 | 13 if self.reserved.len() < 3 => self.reserve(),
            14 | 15 => self.commit(),
            16 => self.abandon(),
            17 | 18 if self.borrowed.len() < 3 => self.borrow(),
            12..19 => self.give_back(),
            19 => self.peek(),
            20 => self.count(),
            _ if self.random.one_in(8) => {
                let header = self.queue.header();
                orphan(
                    self.random
                        .one_of(&[&header.sending.latch, &header.receiving.latch]),
                );
            }
            _ if self.random.one_in(4) => verify(self.queue),
            _ => {}
        }
    }

    pub(super) fn finish(&mut self) {
        while !self.reserved.is_empty() {
            self.abandon();
        }
        while !self.borrowed.is_empty() {
            self.give_back();
        }
    }
}
