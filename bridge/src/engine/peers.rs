//! The other bridges: who is there, what they offer, and what they take.
//!
//! A bridge that sees another one says "Hello" with the wish for an answer. The other one forgets what it knew of the first, answers,
//! and both offer their objects. So both know the same after a link was cut, whichever of them has noticed the cut.

use super::Engine;
use super::scan::AGAIN;
use crate::frame::{Frame, What};
use crate::kind::ObjectId;
use crate::library::Error;
use crate::log;
use crate::route::{BYTE_ORDER, Description, Offer};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

const GREETING: Duration = Duration::from_millis(500);

/// Another bridge.
pub(super) struct Peer {
    /// When to greet again. None: it has answered.
    greet_at: Option<Instant>,
    offers: HashMap<ObjectId, (u64, Vec<u8>)>,
    wants: HashSet<ObjectId>,
}

fn hello(wants_answer: bool) -> Frame {
    Frame::of_bridge(What::Hello).numbers(0, u64::from(wants_answer), 0)
}

/// The name that stands in a bridge's configuration.
fn name_of(peer: &str) -> &str {
    peer.split('/').next().unwrap_or(peer)
}

impl Engine {
    pub(super) fn peer_names(&self) -> Vec<String> {
        self.peers.keys().cloned().collect()
    }

    pub(super) fn peer_up(&mut self, peer: &str) {
        log!("\"{peer}\" is connected");
        self.know(peer, Some(Instant::now()));
        self.greet(Instant::now());
    }

    fn know(&mut self, peer: &str, greet_at: Option<Instant>) {
        let new = || Peer {
            greet_at: None,
            offers: HashMap::new(),
            wants: HashSet::new(),
        };
        let known = self.peers.entry(peer.to_owned()).or_insert_with(new);
        known.greet_at = greet_at;
    }

    /// Greets the bridges that have not answered. The result is when to do so again.
    pub(super) fn greet(&mut self, now: Instant) -> Option<Instant> {
        for (name, peer) in &mut self.peers {
            if peer.greet_at.is_some_and(|at| at <= now) {
                peer.greet_at = Some(now + GREETING);
                self.cx.network.send(name, &hello(true));
            }
        }
        self.peers.values().filter_map(|peer| peer.greet_at).min()
    }

    pub(super) fn peer_down(&mut self, peer: &str) {
        if let Some(known) = self.peers.remove(peer) {
            for (id, route) in &mut self.routes {
                if known.offers.contains_key(id) || known.wants.contains(id) {
                    route.common_mut().gone.insert(name_of(peer).to_owned());
                }
            }
            log!("\"{peer}\" is not connected any more");
            self.forget(peer);
            self.cx.network.forget(peer);
        }
    }

    /// Ends what this bridge does for another one.
    fn forget(&mut self, peer: &str) {
        for route in self.routes.values_mut() {
            route.depart(&self.cx, peer);
            route.unwant(&self.cx, peer);
        }
        self.drop_unused();
    }

    pub(super) fn frame(&mut self, frame: Frame) {
        let peer = frame.from.clone();
        match frame.what {
            What::Hello => {
                if frame.number == 1 {
                    self.forget(&peer);
                    let greet_at = self.peers.get(&peer).and_then(|known| known.greet_at);
                    self.know(&peer, greet_at);
                    if let Some(known) = self.peers.get_mut(&peer) {
                        known.offers.clear();
                    }
                    self.cx.network.send(&peer, &hello(false));
                } else {
                    self.know(&peer, None);
                }
                self.offer_all(&peer);
            }
            // Frames that a bridge has sent before this one knew it, or after its end, are repeated or void.
            _ if !self.peers.contains_key(&peer) => {}
            What::Offer => {
                let offer = (frame.stream, frame.bytes);
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.offers.insert(frame.object.clone(), offer);
                }
                self.take_offer(&frame.object, &peer);
            }
            What::Withdraw => {
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.offers.remove(&frame.object);
                }
                if let Some(route) = self.routes.get_mut(&frame.object) {
                    route.depart(&self.cx, &peer);
                }
                self.drop_unused();
            }
            _ => self.frame_of_route(frame),
        }
    }

    fn frame_of_route(&mut self, frame: Frame) {
        let Some(route) = self.routes.get_mut(&frame.object) else {
            if frame.what == What::Call {
                let reply = Frame::new(What::Reply, &frame.object);
                let reply = reply.numbers(0, frame.number, libc::ENOENT as u64);
                self.cx.network.send(&frame.from, &reply);
            }
            return;
        };
        match frame.what {
            What::Unwant => route.unwant(&self.cx, &frame.from),
            What::Refuse => {
                let reason = String::from_utf8_lossy(&frame.bytes);
                let text = format!("\"{}\" does not take it: {reason}", name_of(&frame.from));
                log!("{}: {text}", frame.object);
                route.common_mut().counts.refused = Some(text);
            }
            What::Want => {
                if let Some(known) = self.peers.get_mut(&frame.from) {
                    known.wants.insert(frame.object.clone());
                }
                route.common_mut().meet(name_of(&frame.from));
                route.frame(&self.cx, frame);
            }
            _ => route.frame(&self.cx, frame),
        }
    }

    fn offer_all(&mut self, peer: &str) {
        for id in self.routes.keys() {
            self.offer_to(id, peer);
        }
    }

    pub(super) fn offer_to_all(&self, id: &ObjectId) {
        for peer in self.peers.keys() {
            self.offer_to(id, peer);
        }
    }

    fn offer_to(&self, id: &ObjectId, peer: &str) {
        let offer = self.routes.get(id).and_then(|route| route.offer());
        if let Some((stream, description)) = offer {
            let frame = Frame::new(What::Offer, id).numbers(stream, 0, 0);
            self.cx.network.send(peer, &frame.bytes(&description));
        }
    }

    /// Takes up what is offered and arrives by the configuration as it is now, and ends what does not.
    pub(super) fn offers_again(&mut self) {
        let mut offered = Vec::new();
        for (peer, known) in &self.peers {
            offered.extend(known.offers.keys().map(|id| (id.clone(), peer.clone())));
        }
        for (id, peer) in offered {
            if self
                .cx
                .config
                .arrives(id.kind, &id.name, name_of(&peer))
                .is_some()
            {
                self.take_offer(&id, &peer);
            } else if let Some(route) = self.routes.get_mut(&id) {
                route.depart(&self.cx, &peer);
                self.cx.network.send(&peer, &Frame::new(What::Unwant, &id));
            }
        }
        self.drop_unused();
    }

    /// Takes up one object from all bridges that offer it.
    pub(super) fn take_offers(&mut self, id: &ObjectId) {
        for peer in self.peer_names() {
            if self
                .peers
                .get(&peer)
                .is_some_and(|known| known.offers.contains_key(id))
            {
                self.take_offer(id, &peer);
            }
        }
    }

    fn take_offer(&mut self, id: &ObjectId, peer: &str) {
        let Some(rule) = self
            .cx
            .config
            .arrives(id.kind, &id.name, name_of(peer))
            .cloned()
        else {
            return;
        };
        let Some((stream, bytes)) = self
            .peers
            .get(peer)
            .and_then(|known| known.offers.get(id))
            .cloned()
        else {
            return;
        };
        let description = match understood(&bytes) {
            Ok(description) => description,
            Err(error) => return self.refuse(id, peer, &error),
        };
        if let Err(error) = self.route(id) {
            return self.refuse(id, peer, &error);
        }
        let Some(route) = self.routes.get_mut(id) else {
            return;
        };
        let offer = Offer {
            peer: peer.to_owned(),
            stream,
            description,
        };
        match route.arrive(&self.cx, &rule, offer) {
            Ok(()) => {
                route.common_mut().counts.refused = None;
                route.common_mut().meet(name_of(peer));
            }
            Err(error) => {
                let text = format!("what \"{}\" offers is not taken: {error}", name_of(peer));
                route.common_mut().counts.refused = Some(text);
                if error.is_empty() {
                    // A thread is stopped inside a call on the object. The next list takes up the offer again.
                    self.scan_at.get_or_insert(Instant::now() + AGAIN);
                } else {
                    self.refuse(id, peer, &error);
                }
            }
        }
    }

    /// Says to both sides why an object is not taken.
    fn refuse(&mut self, id: &ObjectId, peer: &str, error: &Error) {
        log!(
            "{id}: what \"{}\" offers is not taken: {error}",
            name_of(peer)
        );
        let frame = Frame::new(What::Refuse, id).bytes(error.text.as_bytes());
        self.cx.network.send(peer, &frame);
    }
}

fn understood(bytes: &[u8]) -> Result<Description, Error> {
    let description: Description = serde_json::from_slice(bytes)
        .map_err(|error| Error::new(libc::EPROTO, format!("the offer is malformed: {error}")))?;
    if description.byte_order != BYTE_ORDER {
        let text = format!(
            "the byte orders differ: {} there, {BYTE_ORDER} here",
            description.byte_order
        );
        return Err(Error::new(libc::EPROTO, text));
    }
    Ok(description)
}
