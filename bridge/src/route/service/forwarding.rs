//! The clients' machine: requests that go to other bridges.

use super::{FOREVER, LOOK, REQUEST};
use crate::config::Arrive;
use crate::frame::{Frame, What};
use crate::ledger::random;
use crate::library::{Client, Error, Request, Result, Server, Shape};
use crate::route::{Common, Context, Offer, Sizes};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How many calls of a service are under way at once. Each has one of the service's 64 places for servers.
const CALLS: usize = 32;
/// How often the way to another bridge is measured.
const MEASUREMENTS: u32 = 3;
/// How long after its deadline a call is given up whose end the other bridge has not told.
const GRACE: Duration = Duration::from_secs(1);

/// A bridge that offers the service.
struct Peer {
    /// Whether a process serves there.
    serves: bool,
    /// The shortest time from a question to its answer.
    distance: Option<Duration>,
    measured: u32,
    /// The number of the last question, and when it was sent. An answer to an earlier one says nothing about the distance, so a number
    /// is used once.
    asked: Option<(u64, Instant)>,
}

/// A call under way.
struct UnderWay {
    /// The handle that has received the request, and nothing else.
    server: Server,
    id: u64,
    peer: String,
    give_up_at: Option<Instant>,
    /// The reply, if it has come and could not be given yet: a thread is stopped inside a call on the service.
    reply: Option<Vec<u8>>,
}

/// A service that arrives.
pub(super) struct Forwarding {
    local: String,
    shape: Shape,
    peers: HashMap<String, Peer>,
    /// Waits for requests, and receives none. It is there while a process serves on another machine.
    watch: Option<Server>,
    is_watched: bool,
    /// Handles that have no request.
    idle: Vec<Server>,
    calls: HashMap<u64, UnderWay>,
    next: u64,
    /// Other processes serve here, and are nearer. They are looked for again then.
    pause_until: Option<Instant>,
}

fn shape_of(offer: &Offer) -> Result<&Shape> {
    match &offer.description.sizes {
        Sizes::Service(shape) => Ok(shape),
        _ => Err(Error::new(libc::EPROTO, "the offer is not of a service")),
    }
}

fn check(expected: &Shape, found: &Shape) -> Result<()> {
    match expected == found {
        true => Ok(()),
        false => Err(Error::new(
            libc::EPROTO,
            format!("expected {expected}, found {found}"),
        )),
    }
}

/// Whether a failure is one that a later call may not have: a thread is stopped inside a call on the service, or all places for servers
/// are taken, by processes that serve.
fn is_passing(error: &Error) -> bool {
    error.is_empty() || error.errno == libc::EUSERS
}

impl Peer {
    /// Asks whether a process serves there.
    fn ask(&mut self, common: &Common, cx: &Context, name: &str) {
        let number = random();
        let want = common.frame(What::Want).numbers(0, number, 0);
        self.asked = Some((number, Instant::now()));
        cx.network.send(name, &want);
    }
}

impl Forwarding {
    pub(super) fn open(common: &mut Common, rule: &Arrive, offer: &Offer) -> Result<Forwarding> {
        let shape = shape_of(offer)?.clone();
        // An existing service is opened as a client, so that no call finds a server that does not stay.
        match Client::open(&common.local) {
            Ok(client) => check(&client.shape()?, &shape)?,
            Err(error) if error.errno == libc::ENOENT => {
                drop(Server::open(&common.local, &shape, Some(rule.mode))?);
            }
            Err(error) => return Err(error),
        }
        common.ledger.adopt()?;
        Ok(Forwarding {
            local: common.local.clone(),
            shape,
            peers: HashMap::new(),
            watch: None,
            is_watched: false,
            idle: Vec::new(),
            calls: HashMap::new(),
            // A late reply to a call of an earlier route finds no call.
            next: random(),
            pause_until: None,
        })
    }

    /// Whether another bridge's service has the same sizes and types.
    pub(super) fn compare(&self, offer: &Offer) -> Result<()> {
        check(&self.shape, shape_of(offer)?)
    }

    pub(super) fn add_peer(&mut self, common: &Common, cx: &Context, name: String) {
        let peer = self.peers.entry(name.clone()).or_insert(Peer {
            serves: false,
            distance: None,
            measured: 0,
            asked: None,
        });
        peer.ask(common, cx, &name);
    }

    /// Gives back what the bridge has. Returns whether no bridge is left.
    pub(super) fn remove_peer(&mut self, common: &mut Common, name: &str) -> bool {
        self.peers.remove(name);
        let before = self.calls.len();
        self.calls.retain(|_, call| call.peer != name);
        common.counts.dropped += (before - self.calls.len()) as u64;
        common.counts.waiting = self.calls.len() as u64;
        self.peers.is_empty()
    }

    /// A bridge says whether a process serves there.
    pub(super) fn heard(&mut self, common: &Common, cx: &Context, frame: &Frame) {
        let Some(peer) = self.peers.get_mut(&frame.from) else {
            return;
        };
        peer.serves = frame.number == 1;
        if let Some((_, at)) = peer.asked.take_if(|asked| asked.0 == frame.extra) {
            let time = at.elapsed();
            peer.distance = Some(peer.distance.map_or(time, |known| known.min(time)));
            peer.measured += 1;
            if peer.measured < MEASUREMENTS {
                peer.ask(common, cx, &frame.from);
            }
        }
    }

    /// The nearest bridge on whose machine a process serves.
    fn nearest(&self) -> Option<String> {
        let far = Duration::MAX;
        let serving = self.peers.iter().filter(|(_, peer)| peer.serves);
        serving
            .min_by_key(|(name, peer)| (peer.distance.unwrap_or(far), (*name).clone()))
            .map(|(name, _)| name.clone())
    }

    /// Serves while a process serves elsewhere, and receives requests if `is_ready`.
    pub(super) fn pump(&mut self, common: &mut Common, cx: &Context, is_ready: bool) -> Result<()> {
        match (self.nearest().is_some(), &self.watch) {
            (true, None) if self.pause_until.is_none() => match self.another() {
                Ok(server) => self.watch = Some(server),
                Err(error) if is_passing(&error) => self.pause(),
                Err(error) => return Err(error),
            },
            (false, Some(_)) => self.stop(common, cx),
            _ => {}
        }
        if is_ready && self.may_receive(cx) {
            self.receive(common, cx)?;
        }
        let is_wanted = self.may_receive(cx);
        self.watch(common, cx, is_wanted)
    }

    fn may_receive(&self, cx: &Context) -> bool {
        self.watch.is_some()
            && self.pause_until.is_none()
            && self.calls.len() < CALLS
            && cx.network.has_room()
    }

    fn watch(&mut self, common: &Common, cx: &Context, is_wanted: bool) -> Result<()> {
        if let (Some(server), true) = (&self.watch, self.is_watched != is_wanted) {
            match is_wanted {
                true => cx.waitset.add_server(server, common.tag + REQUEST)?,
                false => cx.waitset.remove(common.tag + REQUEST),
            }
            self.is_watched = is_wanted;
        }
        Ok(())
    }

    /// Stops serving. Calls that are under way go on.
    pub(super) fn stop(&mut self, common: &Common, cx: &Context) {
        cx.waitset.remove(common.tag + REQUEST);
        self.is_watched = false;
        self.watch = None;
        self.idle.clear();
    }

    /// Stops serving until another bridge says again that a process serves there.
    pub(super) fn fail(&mut self, common: &Common, cx: &Context) {
        for peer in self.peers.values_mut() {
            peer.serves = false;
        }
        self.stop(common, cx);
    }

    fn receive(&mut self, common: &mut Common, cx: &Context) -> Result<()> {
        let own = 1 + self.idle.len() + self.calls.len();
        let Some(watch) = &self.watch else {
            return Ok(());
        };
        match watch.servers() {
            Ok(servers) if servers <= own => {}
            Err(error) if !is_passing(&error) => return Err(error),
            _ => {
                self.pause();
                return Ok(());
            }
        }
        while self.may_receive(cx) {
            let idle = self.idle.pop();
            let server = match idle.map_or_else(|| self.another(), Ok) {
                Ok(server) => server,
                Err(error) if is_passing(&error) => {
                    self.pause();
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            match server.receive() {
                Ok(request) => self.forward(common, cx, server, request),
                Err(error) if error.is_empty() => {
                    self.idle.push(server);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Receives nothing for a moment.
    fn pause(&mut self) {
        self.pause_until = Some(Instant::now() + LOOK);
    }

    fn another(&self) -> Result<Server> {
        Server::open(&self.local, &self.shape, None)
    }

    fn forward(&mut self, common: &mut Common, cx: &Context, server: Server, request: Request) {
        let left = request.left;
        // Without a bridge, or after its deadline, the request goes back with the handle.
        let (Some(peer), false) = (self.nearest(), left == Some(Duration::ZERO)) else {
            return;
        };
        let left_ns = left.map_or(FOREVER, |left| {
            u64::try_from(left.as_nanos()).unwrap_or(FOREVER)
        });
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let mut bytes = left_ns.to_le_bytes().to_vec();
        bytes.extend(&request.bytes);
        let frame = common.frame(What::Call);
        let frame = frame.numbers(0, number, u64::from(request.priority));
        cx.network.send(&peer, &frame.bytes(&bytes));
        common.counts.out += 1;
        let call = UnderWay {
            server,
            id: request.id,
            peer,
            give_up_at: left.and_then(|left| Instant::now().checked_add(left + GRACE)),
            reply: None,
        };
        self.calls.insert(number, call);
        common.counts.waiting = self.calls.len() as u64;
    }

    /// A call has ended at another bridge.
    pub(super) fn reply(&mut self, common: &mut Common, frame: &Frame) {
        let is_of_peer = |call: &UnderWay| call.peer == frame.from && call.reply.is_none();
        let is_known = self.calls.get(&frame.number).is_some_and(is_of_peer);
        let known = is_known.then(|| self.calls.remove(&frame.number)).flatten();
        let Some(call) = known else {
            common.counts.duplicates += 1;
            return;
        };
        common.counts.waiting = self.calls.len() as u64;
        let errno = i32::try_from(frame.extra).unwrap_or(libc::EIO);
        if errno == 0 {
            return self.give_reply(common, frame.number, call, frame.bytes.clone());
        }
        common.counts.dropped += 1;
        if let (Some(peer), false) = (
            self.peers.get_mut(&frame.from),
            matches!(errno, libc::ETIMEDOUT | libc::EOWNERDEAD),
        ) {
            // The bridge says next whether a process serves there.
            peer.serves = false;
        }
    }

    fn give_reply(&mut self, common: &mut Common, number: u64, call: UnderWay, bytes: Vec<u8>) {
        match call.server.reply(call.id, &bytes) {
            Ok(()) => {
                common.counts.arrived += 1;
                if self.watch.is_some() {
                    self.idle.push(call.server);
                }
            }
            Err(error) if error.is_empty() => {
                let reply = Some(bytes);
                self.calls.insert(number, UnderWay { reply, ..call });
                self.pause();
            }
            Err(error) => common.failed("replying", &error),
        }
        common.counts.waiting = self.calls.len() as u64;
    }

    /// Gives up the calls whose clients have given up long ago. Returns whether requests may be received again.
    pub(super) fn is_due(&mut self, common: &mut Common, now: Instant) -> bool {
        let before = self.calls.len();
        self.calls
            .retain(|_, call| call.give_up_at.is_none_or(|at| at > now));
        common.counts.dropped += (before - self.calls.len()) as u64;
        common.counts.waiting = self.calls.len() as u64;
        let ends = self.pause_until.is_some_and(|until| until <= now);
        if ends {
            self.pause_until = None;
            let late = self.calls.iter().filter(|(_, call)| call.reply.is_some());
            for number in late.map(|(number, _)| *number).collect::<Vec<_>>() {
                if let Some(mut call) = self.calls.remove(&number) {
                    let bytes = call.reply.take().unwrap_or_default();
                    self.give_reply(common, number, call, bytes);
                }
            }
        }
        ends || before != self.calls.len()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let calls = self.calls.values().filter_map(|call| call.give_up_at);
        calls.chain(self.pause_until).min()
    }
}
