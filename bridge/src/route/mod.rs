//! A route connects one object of this machine with those of its name elsewhere. There is a file for each kind of object.

pub(crate) mod cell;
pub(crate) mod queue;
pub(crate) mod service;
pub(crate) mod topic;

use crate::config::{Arrive, Config, Leave};
use crate::frame::{Frame, What};
use crate::kind::ObjectId;
use crate::ledger::Ledger;
use crate::library::{Error, Object, Result, Shape, Type, Waitset};
use crate::log;
use crate::network::{Answer, Network};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::Instant;

/// The parts of the bridge that every route uses.
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) network: Network,
    pub(crate) waitset: Waitset,
}

/// A bridge's description of an object that leaves its machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) byte_order: String,
    pub(crate) sizes: Sizes,
    pub(crate) declared: Option<Type>,
}

/// The sizes of an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sizes {
    Topic {
        sample_size: usize,
        capacity: usize,
        history: usize,
        max_subscribers: usize,
        max_publishers: usize,
        max_borrowed: usize,
        flags: i32,
    },
    Cell,
    Queue {
        max_messages: usize,
        message_size: usize,
    },
    Service(Shape),
}

pub(crate) const BYTE_ORDER: &str = if cfg!(target_endian = "little") {
    "little"
} else {
    "big"
};

impl Description {
    pub(crate) fn new(sizes: Sizes, declared: Option<Type>) -> Description {
        Description {
            byte_order: BYTE_ORDER.into(),
            sizes,
            declared,
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Another bridge's object that this machine takes.
pub(crate) struct Offer {
    pub(crate) peer: String,
    pub(crate) stream: u64,
    pub(crate) description: Description,
}

/// Counts of an object's events since the bridge started.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Counts {
    /// Values and messages that were sent, for each bridge that takes them.
    pub(crate) out: u64,
    /// Values and messages that have arrived and were put into the object.
    #[serde(rename = "in")]
    pub(crate) arrived: u64,
    /// Values that were lost here: the network or the local object had no room. Requests of a service that went back.
    pub(crate) dropped: u64,
    /// Values that were lost before they arrived.
    pub(crate) missed: u64,
    /// Values that the rate limit left out.
    pub(crate) limited: u64,
    /// Arrivals that came a second time and were discarded.
    pub(crate) duplicates: u64,
    /// How many bridges take the object.
    pub(crate) takers: u64,
    /// Messages and calls that are on their way.
    pub(crate) waiting: u64,
    /// How often a bridge came back that had this object.
    pub(crate) reconnects: u64,
    /// Why another bridge, or this one, does not connect the object.
    pub(crate) refused: Option<String>,
}

/// The state that all kinds of routes have.
pub(crate) struct Common {
    pub(crate) object: ObjectId,
    /// The object's name on this machine.
    pub(crate) local: String,
    /// The first of eight tags in the waitset.
    pub(crate) tag: usize,
    pub(crate) ledger: Ledger,
    pub(crate) counts: Counts,
    /// The names of the bridges that had the object and are not connected now.
    pub(crate) gone: HashSet<String>,
}

impl Common {
    /// Notes that a bridge has the object (again).
    pub(crate) fn meet(&mut self, name: &str) {
        self.counts.reconnects += u64::from(self.gone.remove(name));
    }

    pub(crate) fn frame(&self, what: What) -> Frame {
        Frame::new(what, &self.object)
    }

    /// Notes a failure of a call on the local object.
    pub(crate) fn failed(&mut self, doing: &str, error: &Error) {
        self.counts.refused = Some(format!("{doing}: {error}"));
        log!("{}: {doing}: {error}", self.object);
    }
}

/// One object.
pub(crate) trait Route {
    fn common(&self) -> &Common;

    fn common_mut(&mut self) -> &mut Common;

    /// The object exists here, and leaves by this rule.
    fn leave(&mut self, cx: &Context, rule: &Leave, object: &Object) -> Result<()>;

    /// The object is gone here, or does not leave any more.
    fn stay(&mut self, cx: &Context);

    /// The offer to other bridges, while the object leaves: its stream and its description.
    fn offer(&self) -> Option<(u64, Vec<u8>)>;

    /// Another bridge offers the object, and it arrives by this rule.
    fn arrive(&mut self, cx: &Context, rule: &Arrive, offer: Offer) -> Result<()>;

    /// The bridge does not offer the object any more, or is gone.
    fn depart(&mut self, cx: &Context, peer: &str);

    /// The bridge does not take the object any more, or is gone.
    fn unwant(&mut self, cx: &Context, peer: &str);

    /// Whether any bridge offers or takes the object, or it leaves.
    fn is_used(&self) -> bool;

    /// A frame for the object has arrived: one of Want, Value, Message, Confirm, Serves, Call and Reply.
    fn frame(&mut self, cx: &Context, frame: Frame);

    /// Handles a condition of the route that has become ready. `purpose` is 0 to 7.
    fn ready(&mut self, cx: &Context, purpose: usize);

    /// A call that the route has made has ended.
    fn answered(&mut self, _cx: &Context, _answer: Answer) {}

    /// The network has room again.
    fn room(&mut self, cx: &Context);

    /// Does what is due, and says when the next is.
    fn timer(&mut self, _cx: &Context, _now: Instant) -> Option<Instant> {
        None
    }
}
