//! Several processes, whose calls are judged afterwards.
//!
//! Every process takes two numbers from a clock that all share, one before each call and one
//! after, so that a call which returned before another began has the lower numbers. From these
//! intervals follows when a message was certainly in the queue and when it may have been, and
//! with that what each call might find: see [`History`].

use super::*;
use crate::object::map::Mapping;
use core::sync::atomic::AtomicU64;
use std::collections::BTreeMap;
use std::os::fd::AsFd;

const VARIABLE: &str = "ROBUSTIPC_TEST_WORKER";

/// When a call began and returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval {
    begin: u64,
    end: u64,
}

/// What a process did.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// Sent, with its slot taken from `from` on, which is earlier if it was reserved.
    Sent {
        id: u64,
        priority: u32,
        from: u64,
    },
    /// Received, with its slot given back before `until`, which is later if it was borrowed.
    Received {
        id: u64,
        priority: u32,
        until: u64,
    },
    /// A slot was reserved and given back.
    Abandoned,
    /// No room was found.
    Full,
    /// No message was found.
    Empty,
    Peeked {
        priority: u32,
    },
    Counted {
        messages: u64,
    },
}

type Log = Vec<(Interval, Event)>;

/// A message and what was done with it. Times that never came are after all others.
#[derive(Clone, Copy)]
struct Story {
    priority: u32,
    sent: Interval,
    received: Interval,
    /// From when and until when it may have had a slot.
    slot: Interval,
}

const NEVER: u64 = u64::MAX;

/// All that happened, in order of nothing.
struct History {
    stories: BTreeMap<u64, Story>,
    /// Slots without messages.
    abandoned: Vec<Interval>,
    others: Log,
    /// Messages that were dropped are missing, and full queues are not found.
    overwrites: bool,
    capacity: u64,
}

impl History {
    /// Each message received was sent, once each.
    fn of(logs: &[Log], capacity: u64, overwrites: bool) -> Result<History, String> {
        let mut history = History {
            stories: BTreeMap::new(),
            abandoned: Vec::new(),
            others: Log::new(),
            overwrites,
            capacity,
        };
        let all = || logs.iter().flatten();
        for &(interval, event) in all() {
            match event {
                Event::Sent { id, priority, from } => {
                    let never = Interval {
                        begin: NEVER,
                        end: NEVER,
                    };
                    let story = Story {
                        priority,
                        sent: interval,
                        received: never,
                        slot: Interval {
                            begin: from,
                            end: NEVER,
                        },
                    };
                    if history.stories.insert(id, story).is_some() {
                        return Err(format!("{id:#x} was sent twice: a fault of this test"));
                    }
                }
                Event::Received { .. } => {}
                Event::Abandoned => history.abandoned.push(interval),
                _ => history.others.push((interval, event)),
            }
        }
        for &(interval, event) in all() {
            let Event::Received {
                id,
                priority,
                until,
            } = event
            else {
                continue;
            };
            let Some(story) = history.stories.get_mut(&id) else {
                return Err(format!("{id:#x} was received and never sent"));
            };
            if story.received.begin != NEVER {
                return Err(format!("{id:#x} was received twice"));
            }
            if story.priority != priority {
                return Err(format!("{id:#x} came with another priority"));
            }
            if story.sent.begin > interval.end {
                return Err(format!("{id:#x} was received before it was sent"));
            }
            story.received = interval;
            story.slot.end = until;
        }
        Ok(history)
    }

    fn missing(&self) -> u64 {
        let is_missing = |story: &&Story| story.received.begin == NEVER;
        self.stories.values().filter(is_missing).count() as u64
    }

    fn check(&self) -> Result<(), String> {
        self.check_order()?;
        let counts = Counts::of(self);
        for &(interval, event) in &self.others {
            let wrong = |what: &str| Err(format!("{what}: {event:?} in {interval:?}"));
            match event {
                Event::Empty if counts.least_certain(interval) != 0 => {
                    return wrong("there was always a message");
                }
                Event::Full if !self.overwrites && counts.most_slots(interval) < self.capacity => {
                    return wrong("there was always room");
                }
                Event::Counted { messages } => {
                    let least = counts.least_certain(interval);
                    let most = counts.ever_possible(interval).min(self.capacity);
                    if messages < least || !self.overwrites && messages > most {
                        return wrong(&format!("expected {least} to {most} messages"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A call that took, or saw, a message of some priority must not have left a better one that
    /// was in the queue all the time: sent before the call began, received by a call that began
    /// after it had returned. Of the same priority, better is what was sent before the message
    /// that was taken was begun to be sent.
    fn check_order(&self) -> Result<(), String> {
        // By priority: when they were sent, and how late those sent until then were received.
        let mut levels: BTreeMap<u32, Vec<(u64, u64)>> = BTreeMap::new();
        for story in self
            .stories
            .values()
            .filter(|story| story.received.begin != NEVER)
        {
            let level = levels.entry(story.priority).or_default();
            level.push((story.sent.end, story.received.begin));
        }
        for level in levels.values_mut() {
            level.sort_unstable();
            let mut latest = 0;
            for (_, received) in level {
                latest = latest.max(*received);
                *received = latest;
            }
        }
        // How late a message was received that was sent before `time`.
        let latest = |level: &[(u64, u64)], time: u64| {
            let before = level.partition_point(|(sent, _)| *sent < time);
            before.checked_sub(1).map_or(0, |last| level[last].1)
        };
        let above = |priority: u32, call: Interval| {
            levels
                .range(priority + 1..)
                .find(|(_, level)| latest(level, call.begin) > call.end)
                .map(|(better, _)| *better)
        };
        for (id, story) in &self.stories {
            let call = story.received;
            if call.begin == NEVER {
                continue;
            }
            if let Some(better) = above(story.priority, call) {
                return Err(format!(
                    "{id:#x} of priority {} was received in {call:?} though one of {better} was there",
                    story.priority
                ));
            }
            if latest(&levels[&story.priority], story.sent.begin) > call.end {
                return Err(format!("{id:#x} was received before an older one"));
            }
        }
        for &(interval, event) in &self.others {
            if let Event::Peeked { priority } = event {
                if let Some(better) = above(priority, interval) {
                    return Err(format!("{priority} was seen though {better} was there"));
                }
            }
        }
        Ok(())
    }
}

/// How many messages and slots there were at each tick of the clock.
struct Counts {
    /// Messages that certainly were in the queue.
    certain: Vec<u64>,
    /// Slots that may have been in use.
    slots: Vec<u64>,
    /// When messages came at the earliest, and left at the latest.
    first_sent: Vec<u64>,
    last_received: Vec<u64>,
}

impl Counts {
    fn of(history: &History) -> Counts {
        let stories = || history.stories.values();
        let last = stories().map(|story| story.sent.end);
        let others = history.others.iter().map(|(interval, _)| interval.end);
        let known = |time: &u64| *time != NEVER;
        let received = stories().map(|story| story.slot.end).filter(known);
        let abandoned = history.abandoned.iter().map(|interval| interval.end);
        let all = last.chain(others).chain(received).chain(abandoned);
        let end = all.max().unwrap_or(0) as usize + 2;
        let sum = |changes: &mut dyn Iterator<Item = (u64, i64)>| {
            let mut sums = vec![0i64; end];
            for (time, change) in changes.filter(|(time, _)| *time != NEVER) {
                sums[time as usize] += change;
            }
            let mut total = 0;
            sums.iter()
                .map(|change| {
                    total += change;
                    u64::try_from(total).unwrap_or(0)
                })
                .collect()
        };
        // What was never received was dropped, at any time after sending began.
        let stays =
            |story: &&Story| story.received.begin > story.sent.end && story.received.begin != NEVER;
        let slots = stories().map(|story| story.slot);
        let slots = || slots.clone().chain(history.abandoned.iter().copied());
        let mut first_sent: Vec<_> = stories().map(|story| story.sent.begin).collect();
        let mut last_received: Vec<_> = stories().map(|story| story.received.end).collect();
        first_sent.sort_unstable();
        last_received.sort_unstable();
        Counts {
            certain: sum(&mut stories()
                .filter(stays)
                .flat_map(|story| [(story.sent.end, 1), (story.received.begin, -1)])),
            slots: sum(&mut slots().flat_map(|slot| [(slot.begin, 1), (slot.end, -1)])),
            first_sent,
            last_received,
        }
    }

    fn during(counts: &[u64], interval: Interval) -> impl Iterator<Item = u64> {
        let end = (interval.end as usize + 1).min(counts.len());
        counts[interval.begin as usize..end].iter().copied()
    }

    fn least_certain(&self, interval: Interval) -> u64 {
        Counts::during(&self.certain, interval).min().unwrap_or(0)
    }

    fn most_slots(&self, interval: Interval) -> u64 {
        Counts::during(&self.slots, interval).max().unwrap_or(0)
    }

    /// How many messages may have been there at some time in the interval, not all at once.
    fn ever_possible(&self, interval: Interval) -> u64 {
        let sent = self.first_sent.partition_point(|time| *time < interval.end);
        let gone = self
            .last_received
            .partition_point(|time| *time < interval.begin);
        (sent - gone) as u64
    }
}

/// A file with the clock, which all processes map.
struct Clock {
    memory: Mapping,
}

impl Clock {
    fn of(name: &str) -> Clock {
        let path = format!("/dev/shm/{name}");
        let mut options = std::fs::File::options();
        let file = options.read(true).write(true).create(true).truncate(false);
        let file = file.open(path).unwrap();
        file.set_len(4096).unwrap();
        let memory = Mapping::of_file(file.as_fd(), 4096, Access::ReadWrite).unwrap();
        Clock { memory }
    }

    fn tick(&self) -> u64 {
        // SAFETY: the file has that size, and nobody shrinks it; all accesses are atomic.
        let ticks = unsafe { self.memory.base().cast::<AtomicU64>().as_ref() };
        ticks.fetch_add(1, SeqCst)
    }
}

/// One process's part.
struct Worker<'q> {
    queue: &'q SharedQueue,
    clock: &'q Clock,
    random: Random,
    priorities: u64,
    size: usize,
    next_id: u64,
    log: Log,
    reserved: Vec<(NonNull<u8>, u64)>,
    /// With the place in the log where its end is to be filled in.
    borrowed: Vec<(NonNull<u8>, usize)>,
}

/// A message is its id and bytes that follow from it.
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

impl Worker<'_> {
    fn timeout_ns(&mut self) -> i64 {
        self.random.one_of(&[0, 0, 200_000, 3_000_000])
    }

    fn new_message(&mut self) -> (u64, Vec<u8>, u32) {
        let id = self.next_id;
        self.next_id += 1;
        let priority = self.random.below(self.priorities) as u32;
        (id, payload(id, self.size), priority)
    }

    /// Calls, and notes when; an error is one of those that a wait may end with.
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

    /// Notes that nothing was found by a call that did not wait.
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

    fn receive(&mut self, count: usize) {
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
                    // SAFETY: the queue has written them.
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
        // SAFETY: reserved for a message of any length.
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
                // SAFETY: borrowed, and so long.
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

    fn step(&mut self) {
        // Who holds one of few slots for long leaves the others nothing to do.
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

    fn finish(&mut self) {
        while !self.reserved.is_empty() {
            self.abandon();
        }
        while !self.borrowed.is_empty() {
            self.give_back();
        }
    }
}

/// How a process is told what to do, and how it tells what it did: numbers in a line.
fn line_of((interval, event): &(Interval, Event)) -> String {
    let Interval { begin, end } = interval;
    let (kind, numbers) = match *event {
        Event::Sent { id, priority, from } => (0, [id, priority.into(), from]),
        Event::Received {
            id,
            priority,
            until,
        } => (1, [id, priority.into(), until]),
        Event::Abandoned => (2, [0; 3]),
        Event::Full => (3, [0; 3]),
        Event::Empty => (4, [0; 3]),
        Event::Peeked { priority } => (5, [priority.into(), 0, 0]),
        Event::Counted { messages } => (6, [messages, 0, 0]),
    };
    let [one, two, three] = numbers;
    format!("event {begin} {end} {kind} {one} {two} {three}")
}

fn event_of(line: &str) -> Option<(Interval, Event)> {
    let numbers = line.strip_prefix("event ")?;
    let numbers: Vec<u64> = numbers
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    let [begin, end, kind, one, two, three] = numbers[..] else {
        return None;
    };
    let event = match kind {
        0 => Event::Sent {
            id: one,
            priority: two as u32,
            from: three,
        },
        1 => Event::Received {
            id: one,
            priority: two as u32,
            until: three,
        },
        2 => Event::Abandoned,
        3 => Event::Full,
        4 => Event::Empty,
        5 => Event::Peeked {
            priority: one as u32,
        },
        _ => Event::Counted { messages: one },
    };
    Some((Interval { begin, end }, event))
}

/// The process that `their_calls_fit_into_one_order` starts several times.
#[test]
fn worker_in_a_process() {
    let Ok(arguments) = std::env::var(VARIABLE) else {
        return;
    };
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let [name, clock, numbers @ ..] = &arguments[..] else {
        panic!("{arguments:?}");
    };
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|number| number.parse().unwrap())
        .collect();
    let [seed, number, steps, priorities, overwrites] = numbers[..] else {
        panic!("{numbers:?}");
    };
    let name = Name::new(name.as_bytes()).ok().unwrap();
    let options = Options {
        create: false,
        overwrites: overwrites != 0,
        ..OPTIONS
    };
    let (queue, _) = SharedQueue::open(&name, None, options).unwrap();
    let mut worker = Worker {
        size: queue.memory.sizes().message_size as usize,
        queue: &queue,
        clock: &Clock::of(clock),
        random: Random::new(seed + number),
        priorities,
        next_id: number << 32,
        log: Log::new(),
        reserved: Vec::new(),
        borrowed: Vec::new(),
    };
    for _ in 0..steps {
        worker.step();
    }
    worker.finish();
    // The test's name stands in the line.
    println!();
    for entry in &worker.log {
        println!("{}", line_of(entry));
    }
}

const WORKERS: u64 = 4;

#[test]
fn their_calls_fit_into_one_order() {
    let seed = seed();
    for round in 0..4 * rounds() {
        let mut random = Random::new(seed + round);
        let capacity = random.one_of(&[1, 2, 5, 20, 100]);
        let size = random.one_of(&[64, 8192, 9000]);
        let priorities = random.one_of(&[1, 2, 5, 1000]);
        let overwrites = random.one_in(4);
        println!(
            "seed {seed}, round {round}: {capacity} x {size}, {priorities} priorities, overwrites: {overwrites}"
        );
        let fresh = fresh("processes", capacity, size, overwrites);
        let clock_name = format!("ripc-test-{}-clock", std::process::id());
        let clock = Clock::of(&clock_name);
        let arguments = |number: u64| {
            let name = format!("/ripc-test-{}-processes", std::process::id());
            let (seed, steps) = (seed + round * 100, 2000);
            let overwrites = u8::from(overwrites);
            format!("{name} {clock_name} {seed} {number} {steps} {priorities} {overwrites}")
        };
        let processes: Vec<_> = (1..=WORKERS)
            .map(|number| {
                process(
                    "processes::worker_in_a_process",
                    VARIABLE,
                    &arguments(number),
                )
                .spawn()
                .unwrap()
            })
            .collect();
        // Read side by side: a pipe that fills up would stop its process, which holds slots.
        let readers = processes
            .into_iter()
            .map(|process| std::thread::spawn(move || process.wait_with_output().unwrap()));
        let readers: Vec<_> = readers.collect();
        let outputs = readers.into_iter().map(|reader| reader.join().unwrap());
        let outputs: Vec<_> = outputs.collect();
        std::fs::remove_file(format!("/dev/shm/{clock_name}")).unwrap();
        let mut logs: Vec<Log> = Vec::new();
        for output in outputs {
            let text = String::from_utf8_lossy(&output.stdout);
            if !output.status.success() {
                let errors = String::from_utf8_lossy(&output.stderr);
                panic!("a process ended with {}:\n{errors}", output.status);
            }
            logs.push(text.lines().filter_map(event_of).collect());
        }
        let mut rest = Worker {
            queue: &fresh.queue,
            clock: &clock,
            random,
            priorities,
            size,
            next_id: 0,
            log: Log::new(),
            reserved: Vec::new(),
            borrowed: Vec::new(),
        };
        verify(&fresh.queue);
        while fresh.queue.attributes().current_messages != 0 {
            rest.receive(1);
        }
        logs.push(rest.log);
        verify(&fresh.queue);
        let history = History::of(&logs, capacity as u64, overwrites).unwrap();
        history.check().unwrap();
        assert_eq!(history.missing(), fresh.queue.statistics().dropped);
        // The test has tested something.
        assert!(history.stories.len() > 100);
    }
}

/// What a history says that was made up.
fn judgement(events: &[(u64, u64, Event)], capacity: u64) -> Result<(), String> {
    let log = events
        .iter()
        .map(|&(begin, end, event)| (Interval { begin, end }, event));
    History::of(&[log.collect()], capacity, false)?.check()
}

fn sent(begin: u64, end: u64, id: u64, priority: u32) -> (u64, u64, Event) {
    (
        begin,
        end,
        Event::Sent {
            id,
            priority,
            from: begin,
        },
    )
}

fn received(begin: u64, end: u64, id: u64, priority: u32) -> (u64, u64, Event) {
    (
        begin,
        end,
        Event::Received {
            id,
            priority,
            until: end,
        },
    )
}

#[test]
fn right_histories_are_accepted() {
    for events in [
        // The better one was not certainly sent, or perhaps taken already.
        [
            sent(0, 1, 1, 0),
            sent(2, 6, 2, 5),
            received(4, 5, 1, 0),
            received(7, 8, 2, 5),
        ],
        [
            sent(0, 1, 1, 0),
            sent(2, 3, 2, 5),
            received(4, 6, 1, 0),
            received(5, 7, 2, 5),
        ],
        // Sent at the same time.
        [
            sent(0, 3, 1, 0),
            sent(1, 2, 2, 0),
            received(4, 5, 1, 0),
            received(6, 7, 2, 0),
        ],
        [
            sent(0, 1, 1, 0),
            sent(2, 3, 2, 1),
            (4, 5, Event::Peeked { priority: 1 }),
            received(6, 7, 2, 1),
        ],
        [
            sent(0, 1, 1, 0),
            received(2, 4, 1, 0),
            (3, 5, Event::Empty),
            (6, 7, Event::Counted { messages: 0 }),
        ],
        [
            sent(0, 3, 1, 0),
            (1, 2, Event::Full),
            (4, 5, Event::Counted { messages: 1 }),
            received(6, 7, 1, 0),
        ],
    ] {
        assert_eq!(judgement(&events, 1), Ok(()));
    }
}

#[test]
fn wrong_histories_are_refused() {
    for (events, part) in [
        (
            [sent(0, 1, 1, 0), received(2, 3, 1, 0), received(4, 5, 1, 0)],
            "twice",
        ),
        (
            [sent(0, 1, 1, 0), received(2, 3, 2, 0), received(4, 5, 1, 0)],
            "never sent",
        ),
        (
            [sent(0, 1, 1, 0), received(2, 3, 1, 1), sent(4, 5, 2, 0)],
            "another priority",
        ),
        (
            [received(0, 1, 1, 0), sent(2, 3, 1, 0), sent(4, 5, 2, 0)],
            "before it was sent",
        ),
        (
            [sent(0, 1, 1, 0), (2, 3, Event::Empty), received(4, 5, 1, 0)],
            "always a message",
        ),
        (
            [sent(0, 1, 1, 0), received(2, 3, 1, 0), (4, 5, Event::Full)],
            "always room",
        ),
        (
            [
                sent(0, 1, 1, 0),
                received(2, 3, 1, 0),
                (4, 5, Event::Counted { messages: 1 }),
            ],
            "expected 0 to 0",
        ),
        (
            [
                sent(0, 1, 1, 0),
                (2, 3, Event::Counted { messages: 0 }),
                received(4, 5, 1, 0),
            ],
            "expected 1 to 1",
        ),
    ] {
        let judgement = judgement(&events, 1).unwrap_err();
        assert!(judgement.contains(part), "{judgement}");
    }
    for (events, part) in [
        (
            [
                sent(0, 1, 1, 0),
                sent(2, 3, 2, 5),
                received(4, 5, 1, 0),
                received(6, 7, 2, 5),
            ],
            "was there",
        ),
        (
            [
                sent(0, 1, 1, 0),
                sent(2, 3, 2, 0),
                received(4, 5, 2, 0),
                received(6, 7, 1, 0),
            ],
            "older",
        ),
        (
            [
                sent(0, 1, 1, 0),
                sent(2, 3, 2, 1),
                (4, 5, Event::Peeked { priority: 0 }),
                received(6, 7, 2, 1),
            ],
            "was seen",
        ),
    ] {
        let judgement = judgement(&events, 9).unwrap_err();
        assert!(judgement.contains(part), "{judgement}");
    }
}
