//! The main thread: it sleeps in one waitset, and does everything that concerns this machine's objects.

mod peers;
mod scan;

use crate::config::Config;
use crate::kind::{Kind, ObjectId};
use crate::ledger::{Ledger, random};
use crate::library::{Result as LibraryResult, Waitset};
use crate::log;
use crate::network::{Event, Inbox, Network};
use crate::route::cell::CellRoute;
use crate::route::queue::QueueRoute;
use crate::route::service::ServiceRoute;
use crate::route::topic::TopicRoute;
use crate::route::{Common, Context, Counts, Route};
use crate::signals::{Request, Signals};
use crate::status::Status;
use peers::Peer;
use scan::Folder;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, String>;

const TAG_INBOX: usize = 0;
const TAG_SIGNALS: usize = 1;
const TAG_FOLDER: usize = 2;
/// Each route has eight tags.
const TAGS: usize = 8;

/// The bridge.
pub(crate) struct Engine {
    cx: Context,
    path: PathBuf,
    epoch: u64,
    inbox: Arc<Inbox>,
    signals: Signals,
    folder: Folder,
    routes: BTreeMap<ObjectId, Box<dyn Route>>,
    by_tag: HashMap<usize, ObjectId>,
    /// The ledgers of objects that another bridge of this machine connects.
    standby: HashMap<ObjectId, Ledger>,
    peers: HashMap<String, Peer>,
    /// The counts of objects that are not connected now, and the bridges that had them.
    past: HashMap<ObjectId, (Counts, HashSet<String>)>,
    next_tag: usize,
    scan_at: Option<Instant>,
    status: Status,
}

impl Engine {
    pub(crate) fn open(path: PathBuf, signals: Signals) -> Result<Engine> {
        let config = Config::read(&path)?;
        let (inbox, epoch) = (
            Inbox::new(config.memory).map_err(|error| error.text)?,
            random(),
        );
        let waitset = Waitset::open().map_err(|error| error.text)?;
        let folder = Folder::watch().map_err(|error| format!("/dev/shm: {error}"))?;
        let descriptors = [
            (inbox.descriptor(), TAG_INBOX),
            (signals.descriptor(), TAG_SIGNALS),
            (folder.descriptor(), TAG_FOLDER),
        ];
        for (descriptor, tag) in descriptors {
            waitset
                .add_descriptor(descriptor, tag)
                .map_err(|error| error.text)?;
        }
        warn_of_insecure(&config);
        let network = Network::open(&config, epoch, &inbox)?;
        let status = Status::new(&config);
        Ok(Engine {
            cx: Context {
                config,
                network,
                waitset,
            },
            path,
            epoch,
            inbox,
            signals,
            folder,
            routes: BTreeMap::new(),
            by_tag: HashMap::new(),
            standby: HashMap::new(),
            peers: HashMap::new(),
            past: HashMap::new(),
            next_tag: 1,
            scan_at: None,
            status,
        })
    }

    /// Runs until SIGTERM or SIGINT.
    pub(crate) fn run(&mut self) -> Result<()> {
        self.scan();
        self.status
            .write(&self.cx, &self.routes, &self.peer_names());
        crate::notify::tell("READY=1");
        log!("\"{}\" is ready", self.cx.network.me);
        loop {
            let timeout_ns = self.timers();
            let ready = self
                .cx
                .waitset
                .wait(timeout_ns)
                .map_err(|error| error.text)?;
            if !ready.is_empty() {
                self.status.note_change();
            }
            for tag in ready {
                match tag {
                    TAG_INBOX => self.take_events(),
                    TAG_SIGNALS => match self.signals.take() {
                        Some(Request::Stop) => return Ok(()),
                        Some(Request::Reload) => self.reload(),
                        None => {}
                    },
                    TAG_FOLDER => self.folder_changed(),
                    _ => self.route_ready(tag),
                }
            }
        }
    }

    /// Ends: nothing is taken any more, and what waits for the network is sent.
    pub(crate) fn stop(mut self) {
        crate::notify::tell("STOPPING=1");
        self.routes.clear();
        self.status.remove();
    }

    fn route_ready(&mut self, tag: usize) {
        // A route may have ended since the wait.
        let Some(object) = self.by_tag.get(&(tag / TAGS)) else {
            return;
        };
        if let Some(route) = self.routes.get_mut(object) {
            route.ready(&self.cx, tag % TAGS);
        }
    }

    /// Does what is due. The result is how long to wait, in nanoseconds; -1 without a limit.
    fn timers(&mut self) -> i64 {
        let now = Instant::now();
        if self.scan_at.is_some_and(|at| at <= now) {
            self.scan_at = None;
            self.scan();
        }
        let mut next = self.scan_at;
        let mut earlier = |at: Option<Instant>| {
            if let Some(at) = at {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        };
        for route in self.routes.values_mut() {
            earlier(route.timer(&self.cx, now));
        }
        let names = self.peer_names();
        earlier(self.greet(now));
        earlier(self.status.timer(&self.cx, &self.routes, &names, now));
        next.map_or(-1, |next| {
            let wait = next.saturating_duration_since(now) + Duration::from_micros(1);
            i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX)
        })
    }

    fn take_events(&mut self) {
        for event in self.inbox.take() {
            match event {
                Event::Frame(frame) => self.frame(frame),
                Event::PeerUp(peer) => self.peer_up(&peer),
                Event::PeerDown(peer) => self.peer_down(&peer),
                Event::Claimed(object) => self.claimed(&object),
                Event::Answered(answer) => {
                    if let Some(route) = self.routes.get_mut(&answer.object) {
                        route.answered(&self.cx, answer);
                    }
                }
            }
        }
        for route in self.routes.values_mut() {
            route.room(&self.cx);
        }
    }

    fn local_name(&self, object: &ObjectId) -> String {
        format!("/{}{}", self.cx.config.local_prefix, &object.name[1..])
    }

    /// The route of an object, which is made if this bridge may have it.
    fn route(&mut self, object: &ObjectId) -> LibraryResult<Option<&mut Box<dyn Route>>> {
        if !self.routes.contains_key(object) {
            if self.standby.contains_key(object) {
                return Ok(None);
            }
            let ledger = Ledger::open(object.kind, &self.local_name(object))?;
            if !ledger.claim(object, &self.inbox)? {
                log!("{object}: another bridge of this machine connects it; this one stands by");
                self.standby.insert(object.clone(), ledger);
                return Ok(None);
            }
            self.make(object, ledger);
        }
        Ok(self.routes.get_mut(object))
    }

    fn make(&mut self, object: &ObjectId, ledger: Ledger) {
        let mut common = Common {
            object: object.clone(),
            local: self.local_name(object),
            tag: self.next_tag * TAGS,
            ledger,
            counts: Counts::default(),
            gone: HashSet::new(),
        };
        if let Some((counts, gone)) = self.past.remove(object) {
            (common.counts, common.gone) = (counts, gone);
        }
        let route: Box<dyn Route> = match object.kind {
            Kind::Topic => Box::new(TopicRoute::new(common)),
            Kind::Cell => Box::new(CellRoute::new(common)),
            Kind::Queue => Box::new(QueueRoute::new(common)),
            Kind::Service => Box::new(ServiceRoute::new(common)),
        };
        self.by_tag.insert(self.next_tag, object.clone());
        self.next_tag += 1;
        self.routes.insert(object.clone(), route);
    }

    /// Another bridge of this machine has ended, and this one has its object now.
    fn claimed(&mut self, object: &ObjectId) {
        if let Some(ledger) = self.standby.remove(object) {
            log!("{object}: this bridge connects it now");
            self.make(object, ledger);
            self.scan();
            self.take_offers(object);
            self.drop_unused();
        }
    }

    /// Ends the routes that nobody uses.
    fn drop_unused(&mut self) {
        // A route that was refused stays for the status.
        let is_unused =
            |route: &dyn Route| !route.is_used() && route.common().counts.refused.is_none();
        let unused = self.routes.iter().filter(|(_, route)| is_unused(&***route));
        for id in unused.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.end(&id);
        }
    }

    /// Ends a route. Its counts go on when the object is connected again.
    fn end(&mut self, id: &ObjectId) {
        if let Some(mut route) = self.routes.remove(id) {
            let common = route.common_mut();
            let counts = Counts {
                takers: 0,
                waiting: 0,
                refused: None,
                ..std::mem::take(&mut common.counts)
            };
            let past = (counts, std::mem::take(&mut common.gone));
            self.past.insert(id.clone(), past);
        }
        let routes = &self.routes;
        self.by_tag.retain(|_, object| routes.contains_key(object));
    }

    fn reload(&mut self) {
        crate::notify::tell("RELOADING=1");
        match Config::read(&self.path) {
            Ok(config) => self.change(config),
            Err(problem) => log!("the old configuration stays: {problem}"),
        }
        crate::notify::tell("READY=1");
    }

    fn change(&mut self, config: Config) {
        let old = &self.cx.config;
        if (
            &old.name,
            &old.prefix,
            &old.local_prefix,
            &old.status,
            old.memory,
        ) != (
            &config.name,
            &config.prefix,
            &config.local_prefix,
            &config.status,
            config.memory,
        ) {
            log!("the old configuration stays: a change of [bridge] needs a restart");
            return;
        }
        let is_same_network = old.network == config.network;
        self.cx.config = config;
        if !is_same_network {
            warn_of_insecure(&self.cx.config);
            for peer in self.peer_names() {
                self.peer_down(&peer);
            }
            // A bridge has one session at a time, because sessions may listen on the same port.
            self.epoch = random();
            match self.cx.network.reopen(&self.cx.config, self.epoch) {
                Ok(()) => {}
                Err(problem) => {
                    log!("{problem}; no other bridge is connected until the next reload")
                }
            }
        }
        self.scan();
        self.offers_again();
        log!("the new configuration is in use");
    }
}

fn warn_of_insecure(config: &Config) {
    for endpoint in &config.network.insecure {
        log!("warning: {endpoint} is not encrypted (insecure = true)");
    }
}
