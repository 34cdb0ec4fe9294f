//! Queues. A message is borrowed here, sent with a number, and returned only after the other side has confirmed that it is in its queue.
//!
//! The ledgers at both sides make each message arrive once, whichever bridge is killed when:
//!
//! | a kill of the sender after it has | leaves |
//! |---|---|
//! | borrowed the message | the message in the queue, and nothing else |
//! | written the entry, state SENT | the message in the queue, marked as redelivered. It is found by its digest and gets the same number |
//! | stored CONFIRMED | the same, but nothing is sent: the message is returned |
//! | returned the message | an entry without a message, which is freed |
//!
//! `arrivals` has the receiver's half.

mod arrivals;
mod departures;

use super::{Common, Context, Offer, Route};
use crate::config::{Arrive, Leave};
use crate::frame::{Frame, What};
use crate::library::{Error, Object, Result};
use arrivals::Arrivals;
use departures::Departures;
use std::time::Instant;

const MESSAGE: usize = 0;
const ROOM: usize = 1;
/// The flags of a message, above its priority.
const SKIPPED: u64 = 1 << 33;

/// A queue. It leaves or arrives, and never both: messages would go in a circle.
pub(crate) struct QueueRoute {
    common: Common,
    departures: Option<Departures>,
    arrivals: Option<Arrivals>,
}

impl QueueRoute {
    pub(crate) fn new(common: Common) -> QueueRoute {
        QueueRoute {
            common,
            departures: None,
            arrivals: None,
        }
    }

    fn check(&mut self, cx: &Context, doing: &str, result: Result<()>) {
        if let Err(error) = result {
            self.common.failed(doing, &error);
            cx.waitset.remove(self.common.tag + MESSAGE);
            cx.waitset.remove(self.common.tag + ROOM);
        }
    }

    fn pump(&mut self, cx: &Context) {
        if let Some(departures) = &mut self.departures {
            let result = departures.pump(&mut self.common, cx);
            self.check(cx, "reading the queue", result);
        }
    }

    fn deliver(&mut self, cx: &Context) {
        if let Some(arrivals) = &mut self.arrivals {
            let result = arrivals.deliver(&mut self.common, cx);
            arrivals.confirm(&self.common, cx);
            self.check(cx, "writing to the queue", result);
        }
    }
}

impl Route for QueueRoute {
    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn leave(&mut self, cx: &Context, _rule: &Leave, object: &Object) -> Result<()> {
        if let Some(departures) = &mut self.departures {
            departures.begin_again();
            return Ok(());
        }
        // A queue into which messages arrive stays here.
        if self.arrivals.is_some() {
            return Ok(());
        }
        self.departures = Some(Departures::open(&mut self.common, cx, object)?);
        Ok(())
    }

    fn stay(&mut self, cx: &Context) {
        if let Some(departures) = &mut self.departures {
            departures.end();
        }
        cx.waitset.remove(self.common.tag + MESSAGE);
    }

    fn offer(&self) -> Option<(u64, Vec<u8>)> {
        self.departures.as_ref()?.offer(&self.common)
    }

    fn arrive(&mut self, cx: &Context, rule: &Arrive, offer: Offer) -> Result<()> {
        if self.departures.is_some() {
            return Err(Error::new(
                libc::ELOOP,
                "the queue leaves this machine too, and messages would go in a circle",
            ));
        }
        if self.arrivals.is_none() {
            self.arrivals = Some(Arrivals::open(&mut self.common, rule, &offer)?);
        } else {
            Arrivals::compare(&self.common, rule, &offer)?;
        }
        let own = self
            .common
            .ledger
            .memory()
            .stream
            .load(std::sync::atomic::Ordering::SeqCst);
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.add_source(&offer);
        }
        let want = self.common.frame(What::Want).numbers(own, 0, 0);
        cx.network.send(&offer.peer, &want);
        Ok(())
    }

    fn depart(&mut self, cx: &Context, peer: &str) {
        if let Some(arrivals) = &mut self.arrivals {
            if arrivals.remove_source(peer) {
                cx.waitset.remove(self.common.tag + ROOM);
                self.arrivals = None;
            }
        }
    }

    fn unwant(&mut self, cx: &Context, peer: &str) {
        if let Some(departures) = &mut self.departures {
            departures.remove_taker(&mut self.common, peer);
        }
        self.pump(cx);
    }

    fn is_used(&self) -> bool {
        self.departures.as_ref().is_some_and(Departures::is_used) || self.arrivals.is_some()
    }

    fn frame(&mut self, cx: &Context, frame: Frame) {
        match frame.what {
            What::Want => {
                if let Some(departures) = &mut self.departures {
                    departures.add_taker(&mut self.common, cx, &frame);
                }
                self.pump(cx);
            }
            What::Message => {
                if let Some(arrivals) = &mut self.arrivals {
                    arrivals.take(&mut self.common, frame);
                }
            }
            What::Confirm => {
                if let Some(departures) = &mut self.departures {
                    let result = departures.confirmed(&mut self.common, &frame);
                    self.check(cx, "returning messages to the queue", result);
                }
                self.pump(cx);
            }
            _ => {}
        }
    }

    fn ready(&mut self, cx: &Context, purpose: usize) {
        match purpose {
            MESSAGE => self.pump(cx),
            _ => self.deliver(cx),
        }
    }

    /// The end of a turn of events: what has arrived is put into the queue at once, by priority.
    fn room(&mut self, cx: &Context) {
        self.pump(cx);
        self.deliver(cx);
    }

    fn timer(&mut self, cx: &Context, now: Instant) -> Option<Instant> {
        self.departures.as_mut()?.repeat(&self.common, cx, now)
    }
}
