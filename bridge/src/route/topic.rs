//! Topics. Samples are read in place and copied once, into the frame. The number of a sample is the one that it has in its topic, so the
//! other side counts exactly what is missing, and recognises what it has.

use super::{Common, Context, Description, Offer, Route, Sizes};
use crate::config::{Arrive, Leave};
use crate::frame::{Frame, What};
use crate::library::{Error, Object, Result, Topic, TopicAttributes};
use std::collections::HashMap;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

/// How many samples are sent before other objects have their turn.
const TURN: usize = 256;
const SAMPLE: usize = 0;

struct Leaving {
    rule: Leave,
    description: Vec<u8>,
    /// The bridges that take the topic.
    wanted_by: Vec<String>,
    subscriber: Option<Topic>,
    /// The number of the last sample that was read.
    position: u64,
    last_sent: Option<Instant>,
    /// How many samples the rate limit has left out since the last one that was sent.
    left_out: u64,
    /// The network has no room.
    is_paused: bool,
    /// The history was read. What follows was published while this bridge has had the topic.
    is_live: bool,
}

/// A topic.
pub(crate) struct TopicRoute {
    common: Common,
    leaving: Option<Leaving>,
    publisher: Option<Topic>,
    /// The stream of each bridge that offers the topic.
    offered_by: HashMap<String, u64>,
}

impl TopicRoute {
    pub(crate) fn new(common: Common) -> TopicRoute {
        TopicRoute {
            common,
            leaving: None,
            publisher: None,
            offered_by: HashMap::new(),
        }
    }

    /// Sends what the topic has.
    fn pump(&mut self, cx: &Context) {
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        let Some(subscriber) = leaving.subscriber.take() else {
            return;
        };
        let mut turns = 0;
        let result = loop {
            if !cx.network.has_room() {
                leaving.is_paused = true;
                cx.waitset.remove(self.common.tag + SAMPLE);
                break Ok(());
            }
            if turns == TURN {
                break Ok(());
            }
            turns += 1;
            match send_one(&mut self.common, leaving, &subscriber, cx) {
                Ok(()) => {}
                Err(error) if error.is_empty() => {
                    leaving.is_live = true;
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
        };
        leaving.subscriber = Some(subscriber);
        if let Err(error) = result {
            self.common.failed("reading the topic", &error);
            self.stay(cx);
        }
    }

    /// Begins to read the topic. The first samples are the history.
    fn subscribe(&mut self, cx: &Context) -> Result<()> {
        let Some(leaving) = &mut self.leaving else {
            return Ok(());
        };
        let subscriber = Topic::subscribe(&self.common.local)?;
        cx.waitset
            .add_descriptor(subscriber.descriptor()?, self.common.tag + SAMPLE)?;
        leaving.subscriber = Some(subscriber);
        (leaving.is_paused, leaving.is_live) = (false, false);
        Ok(())
    }

    /// Sends the history to a bridge that takes the topic later than another one: up to the sample that was read last.
    fn send_history(&mut self, cx: &Context, peer: &str) -> Result<()> {
        let Some(leaving) = &self.leaving else {
            return Ok(());
        };
        let (position, stream) = (
            leaving.position,
            self.common.ledger.memory().stream.load(SeqCst),
        );
        let subscriber = Topic::subscribe(&self.common.local)?;
        loop {
            let read = subscriber.read(|bytes, info| {
                if info.number <= position && !self.common.ledger.has_published(info.publisher) {
                    let frame = self
                        .common
                        .frame(What::Value)
                        .numbers(stream, info.number, 0);
                    cx.network.send(peer, &frame.bytes(bytes));
                }
                info.number >= position
            });
            match read {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.is_empty() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn want(&mut self, cx: &Context, peer: &str) {
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        if leaving.wanted_by.iter().any(|known| known == peer) {
            return;
        }
        let is_first = leaving.subscriber.is_none();
        let result = match is_first {
            true => self.subscribe(cx),
            false => self.send_history(cx, peer),
        };
        if let Some(leaving) = &mut self.leaving {
            leaving.wanted_by.push(peer.to_owned());
            self.common.counts.takers = leaving.wanted_by.len() as u64;
        }
        match result {
            Ok(()) => self.pump(cx),
            Err(error) => self.common.failed("reading the topic", &error),
        }
    }

    fn publish(&mut self, frame: &Frame) {
        let stream = self.common.ledger.stream(frame.stream);
        let last = stream.base.load(SeqCst);
        let counts = &mut self.common.counts;
        if frame.number <= last {
            counts.duplicates += 1;
            return;
        }
        let Some(publisher) = &self.publisher else {
            return;
        };
        if last != 0 {
            counts.missed += (frame.number - last - 1).saturating_sub(frame.extra);
        }
        let result = publisher.send(&frame.bytes, 0);
        stream.base.store(frame.number, SeqCst);
        match result {
            Ok(()) => counts.arrived += 1,
            Err(error) => {
                counts.dropped += 1;
                if !error.is_empty() {
                    self.common.failed("publishing", &error);
                }
            }
        }
    }
}

fn send_one(
    common: &mut Common,
    leaving: &mut Leaving,
    subscriber: &Topic,
    cx: &Context,
) -> Result<()> {
    let Common { counts, ledger, .. } = common;
    let stream = ledger.memory().stream.load(SeqCst);
    subscriber.read(|bytes, info| {
        leaving.position = info.number;
        counts.dropped += info.missed;
        // The samples that arrived from other machines stay here. In the history, a bridge that is dead may have published them.
        let is_own = info.publisher == std::process::id();
        if is_own || !leaving.is_live && ledger.has_published(info.publisher) {
            leaving.left_out += 1;
            return;
        }
        if let (Some(interval), Some(last)) = (leaving.rule.interval, leaving.last_sent) {
            if last.elapsed() < interval {
                leaving.left_out += 1;
                counts.limited += 1;
                return;
            }
        }
        leaving.last_sent = Some(Instant::now());
        let left_out = std::mem::take(&mut leaving.left_out);
        let frame = Frame::new(What::Value, &common.object)
            .numbers(stream, info.number, left_out)
            .bytes(bytes);
        for peer in &leaving.wanted_by {
            cx.network.send_with(peer, &frame, leaving.rule.best_effort);
            counts.out += 1;
        }
    })
}

impl Route for TopicRoute {
    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn leave(&mut self, _cx: &Context, rule: &Leave, object: &Object) -> Result<()> {
        if let Some(leaving) = &mut self.leaving {
            leaving.rule = rule.clone();
            return Ok(());
        }
        let attributes = Topic::subscribe(&self.common.local)?.attributes()?;
        self.common.ledger.adopt()?;
        let sizes = Sizes::Topic {
            sample_size: attributes.sample_size,
            capacity: attributes.capacity,
            history: attributes.history,
            max_subscribers: attributes.max_subscribers,
            max_publishers: attributes.max_publishers,
            max_borrowed: attributes.max_borrowed,
            flags: attributes.flags & 1,
        };
        self.leaving = Some(Leaving {
            rule: rule.clone(),
            description: Description::new(sizes, object.declared.clone()).to_bytes(),
            wanted_by: Vec::new(),
            subscriber: None,
            position: 0,
            last_sent: None,
            left_out: 0,
            is_paused: false,
            is_live: false,
        });
        Ok(())
    }

    fn stay(&mut self, cx: &Context) {
        self.leaving = None;
        self.common.counts.takers = 0;
        cx.waitset.remove(self.common.tag + SAMPLE);
    }

    fn offer(&self) -> Option<(u64, Vec<u8>)> {
        let leaving = self.leaving.as_ref()?;
        let stream = self.common.ledger.memory().stream.load(SeqCst);
        Some((stream, leaving.description.clone()))
    }

    fn arrive(&mut self, cx: &Context, rule: &Arrive, offer: Offer) -> Result<()> {
        let Sizes::Topic {
            sample_size,
            capacity,
            history,
            max_subscribers,
            max_publishers,
            max_borrowed,
            flags,
        } = offer.description.sizes
        else {
            return Err(Error::new(libc::EPROTO, "the offer is not of a topic"));
        };
        let attributes = TopicAttributes {
            sample_size,
            capacity,
            history,
            max_subscribers,
            max_publishers,
            max_borrowed,
            flags,
            ..TopicAttributes::default()
        };
        let declared = offer.description.declared.as_ref();
        let opened = Topic::publish(&self.common.local, Some(&attributes), declared, rule.mode)?;
        if self.publisher.as_ref().is_none_or(Topic::is_stale) {
            self.publisher = Some(opened);
        }
        self.common.ledger.adopt()?;
        self.common.ledger.publishes();
        let last = self.common.ledger.stream(offer.stream).base.load(SeqCst);
        cx.network.send(
            &offer.peer,
            &self.common.frame(What::Want).numbers(0, last, 0),
        );
        self.offered_by.insert(offer.peer, offer.stream);
        Ok(())
    }

    fn depart(&mut self, _cx: &Context, peer: &str) {
        self.offered_by.remove(peer);
        if self.offered_by.is_empty() {
            self.publisher = None;
        }
    }

    fn unwant(&mut self, cx: &Context, peer: &str) {
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        leaving.wanted_by.retain(|known| known != peer);
        self.common.counts.takers = leaving.wanted_by.len() as u64;
        if leaving.wanted_by.is_empty() {
            leaving.subscriber = None;
            cx.waitset.remove(self.common.tag + SAMPLE);
        }
    }

    fn is_used(&self) -> bool {
        self.leaving.is_some() || !self.offered_by.is_empty()
    }

    fn frame(&mut self, cx: &Context, frame: Frame) {
        match frame.what {
            What::Want => self.want(cx, &frame.from),
            What::Value if self.offered_by.get(&frame.from) == Some(&frame.stream) => {
                self.publish(&frame);
            }
            _ => {}
        }
    }

    fn ready(&mut self, cx: &Context, _purpose: usize) {
        self.pump(cx);
    }

    fn room(&mut self, cx: &Context) {
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        if !leaving.is_paused || !cx.network.has_room() {
            return;
        }
        leaving.is_paused = false;
        if let Some(subscriber) = &leaving.subscriber {
            let watched = subscriber.descriptor().and_then(|descriptor| {
                cx.waitset
                    .add_descriptor(descriptor, self.common.tag + SAMPLE)
            });
            if let Err(error) = watched {
                self.common.failed("waiting for the topic", &error);
            }
        }
        self.pump(cx);
    }
}
