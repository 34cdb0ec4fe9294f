//! The history of several processes' calls, and whether it is possible.
//!
//! Every process takes two numbers from a clock that all share: one before each call and one after
//! it. So a call that returned before another call began has the lower numbers. From these
//! intervals follows when a message was certainly in the queue, and when it may have been. From
//! that follows which results each call may have.

use std::collections::BTreeMap;

/// When a call began and returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) begin: u64,
    pub(super) end: u64,
}

/// The effect of a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The message was sent. Its slot was taken at `from`: earlier than the call if it was
    /// reserved.
    Sent {
        id: u64,
        priority: u32,
        from: u64,
    },
    /// The message was received. Its slot was given back before `until`: later than the call if it
    /// was borrowed.
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

pub(super) type Log = Vec<(Interval, Event)>;

/// A message and what was done with it. A time that never came is [`NEVER`], after all others.
#[derive(Clone, Copy)]
struct Story {
    priority: u32,
    sent: Interval,
    received: Interval,
    /// While it may have had a slot.
    slot: Interval,
}

pub(super) const NEVER: u64 = u64::MAX;
const NEVER_CALLED: Interval = Interval {
    begin: NEVER,
    end: NEVER,
};

/// All calls of all processes. Their order follows from the intervals only.
pub(super) struct History {
    stories: BTreeMap<u64, Story>,
    /// Slots that were reserved and got no message.
    abandoned: Vec<Interval>,
    others: Log,
    /// Dropped messages are missing from the history, and no call finds the queue full.
    overwrites: bool,
    capacity: u64,
}

impl History {
    /// The history in these logs, if each message that was received was sent, and each once.
    pub(super) fn of(logs: &[Log], capacity: u64, overwrites: bool) -> Result<History, String> {
        let mut history = History {
            stories: BTreeMap::new(),
            abandoned: Vec::new(),
            others: Log::new(),
            overwrites,
            capacity,
        };
        // A log's messages may have been sent by a process whose log comes later.
        for &(interval, event) in logs.iter().flatten() {
            match event {
                Event::Sent { id, priority, from } => {
                    history.note_sent(interval, id, priority, from)?;
                }
                Event::Received { .. } => {}
                Event::Abandoned => history.abandoned.push(interval),
                _ => history.others.push((interval, event)),
            }
        }
        for &(interval, event) in logs.iter().flatten() {
            if let Event::Received {
                id,
                priority,
                until,
            } = event
            {
                history.note_received(interval, id, priority, until)?;
            }
        }
        Ok(history)
    }

    fn note_sent(
        &mut self,
        sent: Interval,
        id: u64,
        priority: u32,
        from: u64,
    ) -> Result<(), String> {
        let story = Story {
            priority,
            sent,
            received: NEVER_CALLED,
            slot: Interval {
                begin: from,
                end: NEVER,
            },
        };
        match self.stories.insert(id, story) {
            None => Ok(()),
            Some(_) => Err(format!("{id:#x} was sent twice: a fault of this test")),
        }
    }

    fn note_received(
        &mut self,
        received: Interval,
        id: u64,
        priority: u32,
        until: u64,
    ) -> Result<(), String> {
        let Some(story) = self.stories.get_mut(&id) else {
            return Err(format!("{id:#x} was received and never sent"));
        };
        if story.received.begin != NEVER {
            return Err(format!("{id:#x} was received twice"));
        }
        if story.priority != priority {
            return Err(format!("{id:#x} came with another priority"));
        }
        if story.sent.begin > received.end {
            return Err(format!("{id:#x} was received before it was sent"));
        }
        story.received = received;
        story.slot.end = until;
        Ok(())
    }

    /// How many messages were sent.
    pub(super) fn sent(&self) -> usize {
        self.stories.len()
    }

    /// How many messages were never received.
    pub(super) fn missing(&self) -> u64 {
        let is_missing = |story: &&Story| story.received.begin == NEVER;
        self.stories.values().filter(is_missing).count() as u64
    }

    /// Whether all results are possible.
    pub(super) fn check(&self) -> Result<(), String> {
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

    /// Checks the order of messages. A call that took or saw a message must not have left a better
    /// one that was in the queue all the time: one sent before the call began, and received by a
    /// call that began after it had returned. A message of a higher priority is better. Among
    /// messages of one priority, a message is better if its sending ended before that of the other
    /// began.
    fn check_order(&self) -> Result<(), String> {
        let order = Order::of(self);
        for (id, story) in &self.stories {
            let call = story.received;
            if call.begin == NEVER {
                continue;
            }
            if let Some(better) = order.left_above(story.priority, call) {
                return Err(format!(
                    "{id:#x} of priority {} was received in {call:?} though one of {better} was there",
                    story.priority
                ));
            }
            if order.latest_receive(story.priority, story.sent.begin) > call.end {
                return Err(format!("{id:#x} was received before an older one"));
            }
        }
        for &(interval, event) in &self.others {
            if let Event::Peeked { priority } = event {
                if let Some(better) = order.left_above(priority, interval) {
                    return Err(format!("{priority} was seen though {better} was there"));
                }
            }
        }
        Ok(())
    }
}

/// By priority, sorted: when a message was sent, and when the last of the messages sent until then
/// was received.
struct Order(BTreeMap<u32, Vec<(u64, u64)>>);

impl Order {
    fn of(history: &History) -> Order {
        let mut levels: BTreeMap<u32, Vec<(u64, u64)>> = BTreeMap::new();
        for story in history.stories.values() {
            if story.received.begin != NEVER {
                let level = levels.entry(story.priority).or_default();
                level.push((story.sent.end, story.received.begin));
            }
        }
        for level in levels.values_mut() {
            level.sort_unstable();
            let mut latest = 0;
            for (_, received) in level {
                latest = latest.max(*received);
                *received = latest;
            }
        }
        Order(levels)
    }

    /// When the last of the messages of this priority that were sent before `time` was received; 0
    /// for none.
    fn latest_receive(&self, priority: u32, time: u64) -> u64 {
        let level = &self.0[&priority];
        let before = level.partition_point(|(sent, _)| *sent < time);
        before.checked_sub(1).map_or(0, |last| level[last].1)
    }

    /// The lowest priority above this one of which the call left a message in the queue.
    fn left_above(&self, priority: u32, call: Interval) -> Option<u32> {
        let mut above = self.0.range(priority + 1..).map(|(better, _)| *better);
        above.find(|&better| self.latest_receive(better, call.begin) > call.end)
    }
}

/// How many messages and slots there were at each tick of the clock.
struct Counts {
    /// Messages that were certainly in the queue.
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
        // A message that was never received was dropped, at any time after its sending began.
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

// ---- the judge itself, on histories that are made up ----

type Call = (u64, u64, Event);

fn judgement(calls: &[Call], capacity: u64) -> Result<(), String> {
    let log = calls
        .iter()
        .map(|&(begin, end, event)| (Interval { begin, end }, event));
    History::of(&[log.collect()], capacity, false)?.check()
}

fn sent(begin: u64, end: u64, id: u64, priority: u32) -> Call {
    let from = begin;
    (begin, end, Event::Sent { id, priority, from })
}

fn received(begin: u64, end: u64, id: u64, priority: u32) -> Call {
    let event = Event::Received {
        id,
        priority,
        until: end,
    };
    (begin, end, event)
}

fn counted(begin: u64, end: u64, messages: u64) -> Call {
    (begin, end, Event::Counted { messages })
}

fn peeked(begin: u64, end: u64, priority: u32) -> Call {
    (begin, end, Event::Peeked { priority })
}

#[track_caller]
fn assert_accepted(calls: &[Call]) {
    assert_eq!(judgement(calls, 1), Ok(()));
}

#[track_caller]
fn assert_refused(capacity: u64, calls: &[Call], part: &str) {
    let judgement = judgement(calls, capacity).unwrap_err();
    assert!(judgement.contains(part), "{judgement}");
}

#[test]
#[rustfmt::skip]
fn possible_histories_are_accepted() {
    // The better message was perhaps not sent yet, or taken already.
    assert_accepted(&[sent(0, 1, 1, 0), sent(2, 6, 2, 5), received(4, 5, 1, 0), received(7, 8, 2, 5)]);
    assert_accepted(&[sent(0, 1, 1, 0), sent(2, 3, 2, 5), received(4, 6, 1, 0), received(5, 7, 2, 5)]);
    // Sent at the same time.
    assert_accepted(&[sent(0, 3, 1, 0), sent(1, 2, 2, 0), received(4, 5, 1, 0), received(6, 7, 2, 0)]);
    assert_accepted(&[sent(0, 1, 1, 0), sent(2, 3, 2, 1), peeked(4, 5, 1), received(6, 7, 2, 1)]);
    // Found empty while the only message was received, or full while it was sent.
    assert_accepted(&[sent(0, 1, 1, 0), received(2, 4, 1, 0), (3, 5, Event::Empty), counted(6, 7, 0)]);
    assert_accepted(&[sent(0, 3, 1, 0), (1, 2, Event::Full), counted(4, 5, 1), received(6, 7, 1, 0)]);
}

#[test]
#[rustfmt::skip]
fn impossible_messages_are_refused() {
    let refused = |calls: &[Call], part| assert_refused(1, calls, part);
    refused(&[sent(0, 1, 1, 0), received(2, 3, 1, 0), received(4, 5, 1, 0)], "twice");
    refused(&[sent(0, 1, 1, 0), received(2, 3, 2, 0), received(4, 5, 1, 0)], "never sent");
    refused(&[sent(0, 1, 1, 0), received(2, 3, 1, 1), sent(4, 5, 2, 0)], "another priority");
    refused(&[received(0, 1, 1, 0), sent(2, 3, 1, 0), sent(4, 5, 2, 0)], "before it was sent");
}

#[test]
#[rustfmt::skip]
fn impossible_counts_are_refused() {
    let refused = |calls: &[Call], part| assert_refused(1, calls, part);
    refused(&[sent(0, 1, 1, 0), (2, 3, Event::Empty), received(4, 5, 1, 0)], "always a message");
    refused(&[sent(0, 1, 1, 0), received(2, 3, 1, 0), (4, 5, Event::Full)], "always room");
    refused(&[sent(0, 1, 1, 0), received(2, 3, 1, 0), counted(4, 5, 1)], "expected 0 to 0");
    refused(&[sent(0, 1, 1, 0), counted(2, 3, 0), received(4, 5, 1, 0)], "expected 1 to 1");
}

#[test]
#[rustfmt::skip]
fn impossible_orders_are_refused() {
    let refused = |calls: &[Call], part| assert_refused(9, calls, part);
    refused(&[sent(0, 1, 1, 0), sent(2, 3, 2, 5), received(4, 5, 1, 0), received(6, 7, 2, 5)], "was there");
    refused(&[sent(0, 1, 1, 0), sent(2, 3, 2, 0), received(4, 5, 2, 0), received(6, 7, 1, 0)], "older");
    refused(&[sent(0, 1, 1, 0), sent(2, 3, 2, 1), peeked(4, 5, 0), received(6, 7, 2, 1)], "was seen");
}
