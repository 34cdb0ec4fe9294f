//! Services. On the clients' machine the bridge serves: it receives requests and sends them to a bridge on whose machine a process
//! serves. On the servers' machine it calls.
//!
//! The library's own rules for servers that die apply to bridges and links, because the bridge on the clients' machine is a server:
//!
//! | if | then on the clients' machine |
//! |---|---|
//! | no process serves on any other machine | the bridge does not serve either, so a call fails with -ENOENT at once |
//! | a bridge, a link or the other machine ends with a request | the bridge gives the request back: it closes the handle that has received it |
//! | the server ends with a request, and the service delivers once | the same: the client gets -EOWNERDEAD |
//! | the bridge there is killed | the same, because its handles end with it |
//!
//! Each request under way has a handle of its own, because a handle that is closed gives back all that it has received.
//!
//! A service leaves or arrives, and never both. So a request that came over a bridge is never sent on, and nothing goes in a circle.
//!
//! `forwarding` has the clients' machine, and `answering` that of the servers.

mod answering;
mod callers;
mod forwarding;

use super::{Common, Context, Offer, Route};
use crate::config::{Arrive, Leave};
use crate::frame::{Frame, What};
use crate::library::{Error, Object, Result};
use crate::network::Answer;
use answering::Answering;
use forwarding::Forwarding;
use std::time::{Duration, Instant};

const REQUEST: usize = 0;

/// How often the bridge finds out whether other processes serve, while that matters.
const LOOK: Duration = Duration::from_millis(50);

/// Stands for the time that a client without a limit still waits.
const FOREVER: u64 = u64::MAX;

/// A service.
pub(crate) struct ServiceRoute {
    common: Common,
    answering: Option<Answering>,
    forwarding: Option<Forwarding>,
}

impl ServiceRoute {
    pub(crate) fn new(common: Common) -> ServiceRoute {
        ServiceRoute {
            common,
            answering: None,
            forwarding: None,
        }
    }

    /// Handles a request that may wait, and everything that decides whether one may be received.
    fn pump(&mut self, cx: &Context, is_ready: bool) {
        if let Some(forwarding) = &mut self.forwarding {
            if let Err(error) = forwarding.pump(&mut self.common, cx, is_ready) {
                self.common.failed("receiving requests", &error);
                forwarding.fail(&self.common, cx);
            }
        }
    }
}

impl Route for ServiceRoute {
    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn leave(&mut self, cx: &Context, _rule: &Leave, _object: &Object) -> Result<()> {
        // A service whose requests go to other machines stays here.
        if self.answering.is_none() && self.forwarding.is_none() {
            self.answering = Some(Answering::open(&mut self.common, cx)?);
        }
        Ok(())
    }

    fn stay(&mut self, _cx: &Context) {
        if self.answering.take().is_some() {
            (self.common.counts.takers, self.common.counts.waiting) = (0, 0);
        }
    }

    fn offer(&self) -> Option<(u64, Vec<u8>)> {
        self.answering.as_ref()?.offer(&self.common)
    }

    fn arrive(&mut self, cx: &Context, rule: &Arrive, offer: Offer) -> Result<()> {
        if self.answering.is_some() {
            return Err(Error::new(
                libc::ELOOP,
                "the service leaves this machine too, and requests would go in a circle",
            ));
        }
        match &mut self.forwarding {
            Some(forwarding) => forwarding.compare(&offer)?,
            None => self.forwarding = Some(Forwarding::open(&mut self.common, rule, &offer)?),
        }
        if let Some(forwarding) = &mut self.forwarding {
            forwarding.add_peer(&self.common, cx, offer.peer);
        }
        Ok(())
    }

    fn depart(&mut self, cx: &Context, peer: &str) {
        if let Some(forwarding) = &mut self.forwarding {
            if forwarding.remove_peer(&mut self.common, peer) {
                forwarding.stop(&self.common, cx);
                self.forwarding = None;
            }
        }
        self.pump(cx, false);
    }

    fn unwant(&mut self, _cx: &Context, peer: &str) {
        if let Some(answering) = &mut self.answering {
            answering.remove_taker(&mut self.common, peer);
        }
    }

    fn is_used(&self) -> bool {
        self.answering.is_some() || self.forwarding.is_some()
    }

    fn frame(&mut self, cx: &Context, frame: Frame) {
        match (frame.what, &mut self.answering, &mut self.forwarding) {
            (What::Want, Some(answering), _) => answering.add_taker(&mut self.common, cx, &frame),
            (What::Call, Some(answering), _) => answering.call(&mut self.common, cx, &frame),
            (What::Call, None, _) => {
                let reply = self.common.frame(What::Reply);
                let reply = reply.numbers(0, frame.number, libc::ENOENT as u64);
                cx.network.send(&frame.from, &reply);
            }
            (What::Serves, _, Some(forwarding)) => {
                forwarding.heard(&self.common, cx, &frame);
                self.pump(cx, false);
            }
            (What::Reply, _, Some(forwarding)) => {
                forwarding.reply(&mut self.common, &frame);
                self.pump(cx, false);
            }
            _ => {}
        }
    }

    fn answered(&mut self, cx: &Context, answer: Answer) {
        if let Some(answering) = &mut self.answering {
            answering.answered(&mut self.common, cx, answer);
        }
    }

    fn ready(&mut self, cx: &Context, _purpose: usize) {
        self.pump(cx, true);
    }

    fn room(&mut self, cx: &Context) {
        self.pump(cx, false);
    }

    fn timer(&mut self, cx: &Context, now: Instant) -> Option<Instant> {
        if self
            .forwarding
            .as_mut()
            .is_some_and(|forwarding| forwarding.is_due(&mut self.common, now))
        {
            self.pump(cx, false);
        }
        let looks = self
            .answering
            .as_mut()
            .and_then(|answering| answering.look(&self.common, cx, now));
        let waits = self.forwarding.as_ref().and_then(Forwarding::due);
        looks.into_iter().chain(waits).min()
    }
}
