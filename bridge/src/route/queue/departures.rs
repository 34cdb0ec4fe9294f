//! The sender's half: messages that leave.

use super::{MESSAGE, SKIPPED};
use crate::digest;
use crate::frame::{Frame, What};
use crate::ledger::{Entry, WINDOW};
use crate::library::{Borrowed, Object, Queue, Result, What as Wait};
use crate::log;
use crate::route::{Common, Context, Description, Sizes};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// After this time without a confirmation, what is on its way is sent again.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bridge that takes the queue, and the number of the object into which it puts the messages.
struct Taker {
    peer: String,
    sink: u64,
}

/// A message on its way.
struct OnItsWay {
    number: u64,
    /// None: the message is gone. The other side has to know that the number is void.
    message: Option<Borrowed>,
}

/// A queue that leaves.
pub(super) struct Departures {
    queue: Queue,
    description: Vec<u8>,
    takers: Vec<Taker>,
    on_their_way: VecDeque<OnItsWay>,
    bytes: usize,
    /// Messages that were borrowed while the ledger was compared with the queue, and have no number yet.
    held: VecDeque<Borrowed>,
    is_watched: bool,
    /// The queue does not leave any more. What is on its way is still to be confirmed.
    is_ending: bool,
    repeat_at: Option<Instant>,
}

fn digest(message: &Borrowed) -> [u64; 2] {
    digest::of_message(message.priority, message.bytes())
}

/// The number that stands for a bridge's name.
fn hash_of(peer: &str) -> u64 {
    digest::of_name(peer.split('/').next().unwrap_or(peer))
}

impl Departures {
    pub(super) fn open(common: &mut Common, _cx: &Context, object: &Object) -> Result<Departures> {
        let queue = Queue::open(&common.local, None, None, 0)?;
        let attributes = queue.attributes()?;
        common.ledger.adopt()?;
        let sizes = Sizes::Queue {
            max_messages: attributes.max_messages,
            message_size: attributes.message_size,
        };
        let mut departures = Departures {
            queue,
            description: Description::new(sizes, object.declared.clone()).to_bytes(),
            takers: Vec::new(),
            on_their_way: VecDeque::new(),
            bytes: 0,
            held: VecDeque::new(),
            is_watched: false,
            is_ending: false,
            repeat_at: None,
        };
        departures.recover(common)?;
        Ok(departures)
    }

    /// Finds the messages that a killed bridge had on their way, and gives them their numbers again.
    fn recover(&mut self, common: &mut Common) -> Result<()> {
        let memory = common.ledger.memory();
        let used = memory
            .entries
            .iter()
            .filter(|entry| entry.state.load(SeqCst) != Entry::FREE);
        let mut left: Vec<&Entry> = used.collect();
        // The bridge may have been killed before it stored the next number.
        let highest = left.iter().map(|entry| entry.number.load(SeqCst)).max();
        if let Some(highest) = highest {
            memory.next.fetch_max(highest + 1, SeqCst);
        }
        // Of two messages with the same content, the one that was not confirmed is found first: if the other one was returned, only
        // one is left, and if not, the second one finds the entry that was confirmed.
        left.sort_by_key(|entry| (entry.state.load(SeqCst), entry.number.load(SeqCst)));
        let mut found = Vec::new();
        while !left.is_empty() {
            let message = match self.queue.borrow() {
                Ok(message) => message,
                Err(error) if error.is_empty() => break,
                Err(error) => return Err(error),
            };
            let digest = digest(&message);
            let place = left.iter().position(|entry| {
                message.redeliveries > 0 && [0, 1].map(|at| entry.digest[at].load(SeqCst)) == digest
            });
            match place.map(|place| left.remove(place)) {
                None => self.held.push_back(message),
                Some(entry) if entry.state.load(SeqCst) == Entry::CONFIRMED => {
                    self.queue.give_back(message)?;
                    entry.state.store(Entry::FREE, SeqCst);
                }
                Some(entry) => found.push(OnItsWay {
                    number: entry.number.load(SeqCst),
                    message: Some(message),
                }),
            }
        }
        for entry in left {
            match entry.state.load(SeqCst) {
                Entry::CONFIRMED => entry.state.store(Entry::FREE, SeqCst),
                _ => found.push(OnItsWay {
                    number: entry.number.load(SeqCst),
                    message: None,
                }),
            }
        }
        found.sort_by_key(|found| found.number);
        self.bytes = found.iter().map(OnItsWay::size).sum();
        self.on_their_way = found.into();
        common.counts.waiting = self.on_their_way.len() as u64;
        Ok(())
    }

    pub(super) fn offer(&self, common: &Common) -> Option<(u64, Vec<u8>)> {
        let stream = common.ledger.memory().stream.load(SeqCst);
        (!self.is_ending).then(|| (stream, self.description.clone()))
    }

    pub(super) fn begin_again(&mut self) {
        self.is_ending = false;
    }

    pub(super) fn end(&mut self) {
        (self.is_ending, self.is_watched) = (true, false);
    }

    pub(super) fn is_used(&self) -> bool {
        !self.is_ending || !self.on_their_way.is_empty() || !self.held.is_empty()
    }

    pub(super) fn add_taker(&mut self, common: &mut Common, cx: &Context, want: &Frame) {
        self.takers.retain(|taker| taker.peer != want.from);
        self.takers.push(Taker {
            peer: want.from.clone(),
            sink: want.stream,
        });
        common.counts.takers = self.takers.len() as u64;
        // All that is on its way may have been lost on the way.
        if self
            .taker(common)
            .is_some_and(|taker| taker.peer == want.from)
        {
            self.send_again(common, cx);
        }
    }

    pub(super) fn remove_taker(&mut self, common: &mut Common, peer: &str) {
        self.takers.retain(|taker| taker.peer != peer);
        common.counts.takers = self.takers.len() as u64;
    }

    /// The bridge to which messages go. While messages are on their way, it is one that puts them into the object that may have them.
    fn taker(&self, common: &Common) -> Option<&Taker> {
        let memory = common.ledger.memory();
        let sink = memory.sink.load(SeqCst);
        if let Some(taker) = self.takers.iter().rev().find(|taker| taker.sink == sink) {
            return Some(taker);
        }
        // Another object at the same bridge means that the one before is gone.
        let sink_at = memory.sink_at.load(SeqCst);
        let is_free = self.on_their_way.is_empty() || sink == 0;
        let mut candidates = self.takers.iter();
        let taker = candidates.find(|taker| is_free || hash_of(&taker.peer) == sink_at)?;
        if !is_free {
            log!(
                "{}: the queue at \"{}\" was replaced; {} messages may arrive a second time",
                common.object,
                taker.peer,
                self.on_their_way.len()
            );
        }
        memory.sink_at.store(hash_of(&taker.peer), SeqCst);
        memory.sink.store(taker.sink, SeqCst);
        Some(taker)
    }

    fn send_again(&mut self, common: &Common, cx: &Context) {
        let Some(taker) = self.taker(common) else {
            return;
        };
        for message in &self.on_their_way {
            cx.network.send(&taker.peer, &message.frame(common));
        }
        self.repeat_at = (!self.on_their_way.is_empty()).then(|| Instant::now() + PATIENCE);
    }

    /// Sends again what was not confirmed for long.
    pub(super) fn repeat(
        &mut self,
        common: &Common,
        cx: &Context,
        now: Instant,
    ) -> Option<Instant> {
        if self.repeat_at.is_some_and(|at| at <= now) {
            self.repeat_at = None;
            self.send_again(common, cx);
        }
        self.repeat_at
    }

    /// Sends what the queue has, as far as the window, the memory and the network allow.
    pub(super) fn pump(&mut self, common: &mut Common, cx: &Context) -> Result<()> {
        loop {
            let next = common.ledger.memory().next.load(SeqCst);
            let entry = &common.ledger.memory().entries[(next % WINDOW) as usize];
            let is_full = entry.state.load(SeqCst) != Entry::FREE
                || self
                    .on_their_way
                    .front()
                    .is_some_and(|first| next - first.number >= WINDOW)
                || self.bytes >= cx.config.memory;
            let Some(taker) = self.taker(common) else {
                return self.watch(common, cx, false);
            };
            let peer = taker.peer.clone();
            if is_full || self.is_ending && self.held.is_empty() || !cx.network.has_room() {
                return self.watch(common, cx, false);
            }
            let message = match self
                .held
                .pop_front()
                .map_or_else(|| self.queue.borrow(), Ok)
            {
                Ok(message) => message,
                Err(error) if error.is_empty() => return self.watch(common, cx, true),
                Err(error) => return Err(error),
            };
            self.send(common, cx, &peer, message);
        }
    }

    fn send(&mut self, common: &mut Common, cx: &Context, peer: &str, message: Borrowed) {
        let memory = common.ledger.memory();
        let number = memory.next.load(SeqCst);
        let entry = &memory.entries[(number % WINDOW) as usize];
        let digest = digest(&message);
        entry.number.store(number, SeqCst);
        entry.digest[0].store(digest[0], SeqCst);
        entry.digest[1].store(digest[1], SeqCst);
        // From here on a killed bridge's successor knows the message, and gives it this number again.
        entry.state.store(Entry::SENT, SeqCst);
        memory.next.store(number + 1, SeqCst);
        let message = OnItsWay {
            number,
            message: Some(message),
        };
        cx.network.send(peer, &message.frame(common));
        common.counts.out += 1;
        self.bytes += message.size();
        self.on_their_way.push_back(message);
        common.counts.waiting = self.on_their_way.len() as u64;
        self.repeat_at
            .get_or_insert_with(|| Instant::now() + PATIENCE);
    }

    /// Waits for messages, or not.
    fn watch(&mut self, common: &Common, cx: &Context, is_wanted: bool) -> Result<()> {
        let is_wanted = is_wanted && !self.is_ending;
        if self.is_watched != is_wanted {
            match is_wanted {
                true => cx
                    .waitset
                    .add_queue(&self.queue, Wait::Message, common.tag + MESSAGE)?,
                false => cx.waitset.remove(common.tag + MESSAGE),
            }
            self.is_watched = is_wanted;
        }
        Ok(())
    }

    /// Returns the messages that the other side has.
    pub(super) fn confirmed(&mut self, common: &mut Common, frame: &Frame) -> Result<()> {
        let memory = common.ledger.memory();
        let is_of_sink = self
            .takers
            .iter()
            .any(|taker| taker.peer == frame.from && taker.sink == memory.sink.load(SeqCst));
        if frame.stream != memory.stream.load(SeqCst) || !is_of_sink {
            return Ok(());
        }
        let (base, bits) = (frame.number, frame.extra);
        let has = |number: u64| {
            number <= base || number - base <= WINDOW && bits & (1 << (number - base - 1)) != 0
        };
        let (done, left): (Vec<_>, Vec<_>) = self
            .on_their_way
            .drain(..)
            .partition(|message| has(message.number));
        self.on_their_way = left.into();
        let has_progressed = !done.is_empty();
        let mut kept = Vec::new();
        for message in done {
            let (size, number) = (message.size(), message.number);
            let entry = &memory.entries[(number % WINDOW) as usize];
            entry.state.store(Entry::CONFIRMED, SeqCst);
            let left = match message.message {
                Some(message) => self.queue.try_give_back(message)?,
                None => None,
            };
            if left.is_some() {
                // It is sent again later, and returned after a further confirmation.
                let message = left;
                kept.push(OnItsWay { number, message });
                continue;
            }
            self.bytes -= size;
            entry.state.store(Entry::FREE, SeqCst);
        }
        if !kept.is_empty() {
            self.on_their_way.extend(kept);
            self.on_their_way
                .make_contiguous()
                .sort_by_key(|message| message.number);
        }
        if has_progressed {
            self.repeat_at = (!self.on_their_way.is_empty()).then(|| Instant::now() + PATIENCE);
        }
        common.counts.waiting = self.on_their_way.len() as u64;
        Ok(())
    }
}

impl OnItsWay {
    fn size(&self) -> usize {
        self.message
            .as_ref()
            .map_or(0, |message| message.bytes().len())
    }

    fn frame(&self, common: &Common) -> Frame {
        let stream = common.ledger.memory().stream.load(SeqCst);
        let frame = common.frame(What::Message);
        match &self.message {
            None => frame.numbers(stream, self.number, SKIPPED),
            Some(message) => frame
                .numbers(stream, self.number, u64::from(message.priority))
                .bytes(message.bytes()),
        }
    }
}
