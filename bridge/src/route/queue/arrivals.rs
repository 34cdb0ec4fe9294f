//! The receiver's half: messages that arrive.
//!
//! Before a message is put into the queue, the ledger says so: the *intent*. A successor of a killed bridge finds out whether the
//! message is in the queue: if the killed bridge had reserved room and not committed it, the queue counts one more abandoned message.
//!
//! | a kill after | leaves |
//! |---|---|
//! | state 1 | no message: room was at most reserved, and is free again |
//! | state 2, before the commit | one more abandoned message in the queue's statistics: the message was not sent |
//! | state 2, after the commit | as many abandoned messages as before: the message was sent, and the successor notes its number |
//! | the number is noted | the same, and noting the number again changes nothing |

use super::{ROOM, SKIPPED};
use crate::config::Arrive;
use crate::frame::{Frame, What};
use crate::ledger::{Ledger, WINDOW};
use crate::library::{Error, Queue, QueueAttributes, Result, What as Wait};
use crate::route::{Common, Context, Offer, Sizes};
use std::collections::HashMap;
use std::sync::atomic::Ordering::SeqCst;

/// A message that has arrived, and is not in the queue yet.
struct Pending {
    stream: u64,
    number: u64,
    priority: u32,
    bytes: Vec<u8>,
}

/// A queue into which messages arrive.
pub(super) struct Arrivals {
    queue: Queue,
    /// The stream of each bridge that offers the queue.
    sources: HashMap<String, u64>,
    /// At most one window for each stream, because a sender waits for confirmations.
    pending: Vec<Pending>,
    /// The streams of which something was noted, or has arrived again.
    to_confirm: Vec<u64>,
    waits_for_room: bool,
}

fn open_queue(common: &Common, rule: &Arrive, offer: &Offer) -> Result<Queue> {
    let Sizes::Queue {
        max_messages,
        message_size,
    } = offer.description.sizes
    else {
        return Err(Error::new(libc::EPROTO, "the offer is not of a queue"));
    };
    let attributes = QueueAttributes {
        max_messages,
        message_size,
        ..QueueAttributes::default()
    };
    let declared = offer.description.declared.as_ref();
    Queue::open(&common.local, Some(&attributes), declared, rule.mode)
}

impl Arrivals {
    pub(super) fn open(common: &mut Common, rule: &Arrive, offer: &Offer) -> Result<Arrivals> {
        let queue = open_queue(common, rule, offer)?;
        common.ledger.adopt()?;
        finish_intent(&common.ledger, &queue)?;
        Ok(Arrivals {
            queue,
            sources: HashMap::new(),
            pending: Vec::new(),
            to_confirm: Vec::new(),
            waits_for_room: false,
        })
    }

    /// Whether another bridge's queue has the same sizes and type.
    pub(super) fn compare(common: &Common, rule: &Arrive, offer: &Offer) -> Result<()> {
        open_queue(common, rule, offer).map(drop)
    }

    pub(super) fn add_source(&mut self, offer: &Offer) {
        self.sources.insert(offer.peer.clone(), offer.stream);
    }

    /// Whether no source is left. What has arrived from the bridge, and was not confirmed, it sends again.
    pub(super) fn remove_source(&mut self, peer: &str) -> bool {
        if let Some(stream) = self.sources.remove(peer) {
            if !self.sources.values().any(|other| *other == stream) {
                self.pending.retain(|pending| pending.stream != stream);
            }
        }
        self.sources.is_empty()
    }

    /// Takes a message that has arrived.
    pub(super) fn take(&mut self, common: &mut Common, frame: Frame) {
        if self.sources.get(&frame.from) != Some(&frame.stream) {
            return;
        }
        let stream = common.ledger.stream(frame.stream);
        let is_known =
            |pending: &Pending| pending.stream == frame.stream && pending.number == frame.number;
        if stream.has(frame.number) {
            common.counts.duplicates += 1;
        } else if frame.number - stream.base.load(SeqCst) > WINDOW
            || self.pending.iter().any(is_known)
        {
            return;
        } else if frame.extra & SKIPPED != 0 {
            stream.note(frame.number);
        } else {
            self.pending.push(Pending {
                stream: frame.stream,
                number: frame.number,
                priority: frame.extra as u32,
                bytes: frame.bytes,
            });
            return;
        }
        self.to_confirm.push(frame.stream);
    }

    /// Puts what has arrived into the queue, the highest priority first, as far as there is room.
    pub(super) fn deliver(&mut self, common: &mut Common, cx: &Context) -> Result<()> {
        // Stable: of messages with one priority, the oldest stays the first.
        self.pending
            .sort_by_key(|pending| std::cmp::Reverse(pending.priority));
        let mut done = 0;
        let mut result = Ok(());
        for message in &self.pending {
            match put(common, &self.queue, message) {
                Ok(()) => common.counts.arrived += 1,
                Err(error) if error.is_empty() => break,
                Err(error) if error.errno == libc::EMSGSIZE || error.errno == libc::EINVAL => {
                    // No later try would succeed.
                    common.counts.dropped += 1;
                    common.failed("a message cannot be put into the queue", &error);
                    common.ledger.stream(message.stream).note(message.number);
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
            done += 1;
        }
        let streams = self.pending.drain(..done).map(|message| message.stream);
        self.to_confirm.extend(streams);
        let waits = !self.pending.is_empty() && result.is_ok();
        if waits != self.waits_for_room {
            match waits {
                true => cx
                    .waitset
                    .add_queue(&self.queue, Wait::Room, common.tag + ROOM)?,
                false => cx.waitset.remove(common.tag + ROOM),
            }
            self.waits_for_room = waits;
        }
        common.counts.waiting = self.pending.len() as u64;
        result
    }

    /// Tells the senders what is in the queue.
    pub(super) fn confirm(&mut self, common: &Common, cx: &Context) {
        self.to_confirm.sort_unstable();
        self.to_confirm.dedup();
        for id in self.to_confirm.drain(..) {
            let stream = common.ledger.stream(id);
            let (base, bits) = (stream.base.load(SeqCst), stream.bits());
            let frame = common.frame(What::Confirm).numbers(id, base, bits);
            for (peer, _) in self.sources.iter().filter(|(_, stream)| **stream == id) {
                cx.network.send(peer, &frame);
            }
        }
    }
}

fn put(common: &Common, queue: &Queue, message: &Pending) -> Result<()> {
    let intent = &common.ledger.memory().intent;
    intent.stream.store(message.stream, SeqCst);
    intent.number.store(message.number, SeqCst);
    intent.abandoned.store(queue.abandoned()?, SeqCst);
    intent.state.store(1, SeqCst);
    let sent = queue.send_in_place(&message.bytes, message.priority, || {
        intent.state.store(2, SeqCst);
    });
    if sent.is_ok() {
        common.ledger.stream(message.stream).note(message.number);
    }
    intent.state.store(0, SeqCst);
    sent
}

/// Finds out what a killed bridge has done last.
fn finish_intent(ledger: &Ledger, queue: &Queue) -> Result<()> {
    let intent = &ledger.memory().intent;
    if intent.state.load(SeqCst) == 2 && queue.abandoned()? <= intent.abandoned.load(SeqCst) {
        ledger
            .stream(intent.stream.load(SeqCst))
            .note(intent.number.load(SeqCst));
    }
    intent.state.store(0, SeqCst);
    Ok(())
}
