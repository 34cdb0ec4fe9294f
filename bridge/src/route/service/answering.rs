//! The servers' machine: calls for other bridges.

use super::callers::{Callers, Job};
use super::{FOREVER, LOOK};
use crate::frame::{Frame, What};
use crate::library::{Client, Result};
use crate::log;
use crate::network::Answer;
use crate::route::{Common, Context, Description, Sizes};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// A service that leaves.
pub(super) struct Answering {
    client: Arc<Client>,
    request_size: usize,
    description: Vec<u8>,
    takers: Vec<String>,
    has_server: bool,
    /// When to find out again whether a process serves.
    look_at: Instant,
    callers: Callers,
}

impl Answering {
    pub(super) fn open(common: &mut Common, cx: &Context) -> Result<Answering> {
        let client = Arc::new(Client::open(&common.local)?);
        common.ledger.adopt()?;
        let shape = client.shape()?;
        let inbox = cx.network.inbox().clone();
        let object = common.object.clone();
        Ok(Answering {
            callers: Callers::new(client.clone(), shape.reply_size, object, inbox),
            client,
            request_size: shape.request_size,
            description: Description::new(Sizes::Service(shape), None).to_bytes(),
            takers: Vec::new(),
            has_server: false,
            look_at: Instant::now(),
        })
    }

    pub(super) fn offer(&self, common: &Common) -> Option<(u64, Vec<u8>)> {
        let stream = common.ledger.memory().stream.load(SeqCst);
        Some((stream, self.description.clone()))
    }

    pub(super) fn add_taker(&mut self, common: &mut Common, cx: &Context, want: &Frame) {
        if !self.takers.contains(&want.from) {
            self.takers.push(want.from.clone());
            common.counts.takers = self.takers.len() as u64;
            self.examine(common, cx);
        }
        self.tell(common, cx, &want.from, want.number);
    }

    pub(super) fn remove_taker(&mut self, common: &mut Common, peer: &str) {
        self.takers.retain(|known| known != peer);
        common.counts.takers = self.takers.len() as u64;
        self.callers.cancel(&|owner| owner == peer);
    }

    fn tell(&self, common: &Common, cx: &Context, peer: &str, want: u64) {
        let frame = common.frame(What::Serves);
        let frame = frame.numbers(0, u64::from(self.has_server), want);
        cx.network.send(peer, &frame);
    }

    /// Finds out whether a process serves, and says so to the bridges if that has changed.
    fn examine(&mut self, common: &Common, cx: &Context) {
        let has_server = self.client.has_server().unwrap_or_else(|error| {
            log!("{}: {error}", common.object);
            false
        });
        if self.has_server != has_server {
            self.has_server = has_server;
            for peer in &self.takers {
                self.tell(common, cx, peer, 0);
            }
        }
        if !has_server {
            // Nobody here has these requests. The other bridges may know further servers.
            self.callers.cancel(&|_| true);
        }
    }

    /// Looks for servers if that is due, and says when the next time is.
    pub(super) fn look(&mut self, common: &Common, cx: &Context, now: Instant) -> Option<Instant> {
        if self.takers.is_empty() {
            return None;
        }
        if self.look_at <= now {
            self.look_at = now + LOOK;
            self.examine(common, cx);
        }
        Some(self.look_at)
    }

    pub(super) fn call(&mut self, common: &mut Common, cx: &Context, frame: &Frame) {
        let refusal = |errno: i32| {
            let reply = common.frame(What::Reply);
            let reply = reply.numbers(0, frame.number, u64::from(errno.unsigned_abs()));
            cx.network.send(&frame.from, &reply);
        };
        let Some((left, request)) = frame.bytes.split_first_chunk() else {
            return refusal(libc::EPROTO);
        };
        if !self.takers.contains(&frame.from) {
            return refusal(libc::ENOENT);
        }
        if request.len() > self.request_size {
            return refusal(libc::EMSGSIZE);
        }
        let left = u64::from_le_bytes(*left);
        // A time beyond what the clock can express is no limit.
        let until = Instant::now().checked_add(Duration::from_nanos(left));
        common.counts.arrived += 1;
        self.callers.add(Job {
            peer: frame.from.clone(),
            number: frame.number,
            priority: frame.extra as u32,
            until: until.filter(|_| left != FOREVER),
            bytes: request.to_vec(),
        });
        common.counts.waiting = self.callers.count() as u64;
    }

    /// A call has ended.
    pub(super) fn answered(&mut self, common: &mut Common, cx: &Context, answer: Answer) {
        common.counts.waiting = self.callers.count() as u64;
        if !self.takers.contains(&answer.peer) {
            return;
        }
        let reply = common.frame(What::Reply);
        match answer.outcome {
            Ok(bytes) => {
                common.counts.out += 1;
                let reply = reply.numbers(0, answer.number, 0).bytes(&bytes);
                cx.network.send(&answer.peer, &reply);
            }
            Err(errno) => {
                let errno = u64::from(errno.unsigned_abs());
                cx.network
                    .send(&answer.peer, &reply.numbers(0, answer.number, errno));
                // The other bridge sends nothing more until it hears that a process serves.
                self.examine(common, cx);
                self.tell(common, cx, &answer.peer, 0);
            }
        }
    }
}
