//! The network: one Zenoh session, a thread that sends, and a box for what arrives.
//!
//! The bridge's main thread never waits for the network. It hands frames to the sending thread, and asks before that how many bytes are
//! still there. Zenoh's threads put what arrives into the box, and wait while the box is full: then TCP slows the other side.
//! `sending` has the sending thread.

mod sending;

use crate::config::{self, Config};
use crate::frame::{Frame, What};
use crate::kind::ObjectId;
use crate::library::Error;
use sending::{BATCHES, Backlog, Order, Sending};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use zenoh::sample::SampleKind;
use zenoh::{Session, Wait};

type Result<T> = std::result::Result<T, String>;

/// An event outside of the main thread.
#[derive(Debug)]
pub(crate) enum Event {
    Frame(Frame),
    PeerUp(String),
    PeerDown(String),
    /// This bridge has an object now that another bridge of this machine had before.
    Claimed(ObjectId),
    /// A call on a service of this machine has ended.
    Answered(Answer),
}

/// The end of a call that this bridge has made for another one.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) object: ObjectId,
    pub(crate) peer: String,
    pub(crate) number: u64,
    /// The reply, or the errno.
    pub(crate) outcome: std::result::Result<Vec<u8>, i32>,
}

/// The box for events. Its descriptor is readable while there are any.
pub(crate) struct Inbox {
    events: Mutex<(VecDeque<Event>, usize)>,
    room: Condvar,
    limit: usize,
    closed: AtomicBool,
    wake: OwnedFd,
}

/// The events, and how many bytes they have.
type Events<'a> = MutexGuard<'a, (VecDeque<Event>, usize)>;

impl Inbox {
    pub(crate) fn new(limit: usize) -> std::result::Result<Arc<Inbox>, Error> {
        // SAFETY: the call takes no pointer.
        let wake = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if wake < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        Ok(Arc::new(Inbox {
            events: Mutex::new((VecDeque::new(), 0)),
            room: Condvar::new(),
            limit,
            closed: AtomicBool::new(false),
            // SAFETY: the descriptor is new, and nobody else closes it.
            wake: unsafe { OwnedFd::from_raw_fd(wake) },
        }))
    }

    pub(crate) fn descriptor(&self) -> i32 {
        self.wake.as_raw_fd()
    }

    /// Puts an event in. Waits while the box is full.
    pub(crate) fn put(&self, event: Event) {
        let size = size_of::<Event>()
            + match &event {
                Event::Frame(frame) => frame.bytes.len(),
                Event::Answered(answer) => answer.outcome.as_ref().map_or(0, Vec::len),
                _ => 0,
            };
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        while events.1 > self.limit && !self.closed.load(Ordering::Relaxed) {
            events = self
                .room
                .wait(events)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.push(events, event, size);
    }

    /// Puts an event in, also into a full box: for the thread that empties it.
    pub(crate) fn put_at_once(&self, event: Event) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        self.push(events, event, size_of::<Event>());
    }

    fn push(&self, mut events: Events<'_>, event: Event, size: usize) {
        let was_empty = events.0.is_empty();
        events.0.push_back(event);
        events.1 += size;
        drop(events);
        if was_empty {
            self.wake();
        }
    }

    /// Makes the descriptor readable.
    pub(crate) fn wake(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the descriptor is open, and the buffer has 8 bytes. A full counter is readable already.
        unsafe { libc::write(self.wake.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Takes all events.
    pub(crate) fn take(&self) -> VecDeque<Event> {
        let mut counter = [0_u8; 8];
        // SAFETY: as above. The counter is cleared before the events are taken, so no later event is missed.
        unsafe {
            libc::read(
                self.wake.as_raw_fd(),
                counter.as_mut_ptr().cast(),
                counter.len(),
            )
        };
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.1 = 0;
        let taken = std::mem::take(&mut events.0);
        drop(events);
        self.room.notify_all();
        taken
    }

    /// Lets those go on who wait for room.
    fn close(&self) {
        let guard = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        self.closed.store(true, Ordering::Relaxed);
        drop(guard);
        self.room.notify_all();
    }
}

/// The session.
pub(crate) struct Network {
    pub(crate) me: String,
    session: Option<Session>,
    orders: Option<mpsc::Sender<Order>>,
    sender: Option<std::thread::JoinHandle<()>>,
    backlog: Arc<Backlog>,
    limit: usize,
    inbox: Arc<Inbox>,
}

impl Network {
    /// Joins the network. `epoch` tells this run of the bridge from others.
    pub(crate) fn open(config: &Config, epoch: u64, inbox: &Arc<Inbox>) -> Result<Network> {
        let me = format!("{}/{epoch:016x}", config.name);
        let session = zenoh::open(zenoh_config(&config.network)?)
            .wait()
            .map_err(|error| format!("the network: {error}"))?;
        let (orders, receiver) = mpsc::channel();
        declare(&session, config, &me, inbox, &orders)
            .map_err(|error| format!("the network: {error}"))?;
        let backlog = Arc::new(Backlog {
            bytes: AtomicUsize::new(0),
            wanted: AtomicBool::new(false),
        });
        let sender = {
            let (session, prefix, name) = (session.clone(), config.prefix.clone(), me.clone());
            let (backlog, inbox, limit) = (backlog.clone(), inbox.clone(), config.memory);
            let patience = 2 * config.network.lease;
            std::thread::Builder::new()
                .name("bridge_send".into())
                .spawn(move || {
                    let sending = Sending {
                        session: &session,
                        prefix: &prefix,
                        me: &name,
                        backlog: &backlog,
                        inbox: &inbox,
                        limit,
                        patience,
                    };
                    sending.run(&receiver);
                })
                .map_err(|error| format!("no thread can be started: {error}"))?
        };
        Ok(Network {
            me,
            session: Some(session),
            orders: Some(orders),
            sender: Some(sender),
            backlog,
            limit: config.memory,
            inbox: inbox.clone(),
        })
    }

    /// Sends a frame to another bridge. Frames to one bridge arrive in their order, or not at all.
    pub(crate) fn send(&self, peer: &str, frame: &Frame) {
        self.send_with(peer, frame, false);
    }

    pub(crate) fn send_with(&self, peer: &str, frame: &Frame, best_effort: bool) {
        let bytes = frame.encode(&self.me);
        self.backlog.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        let order = Order::Send {
            peer: peer.to_owned(),
            bytes,
            best_effort,
        };
        if let Some(orders) = &self.orders {
            // The thread ends only after the channel.
            let _ = orders.send(order);
        }
    }

    /// Whether there is room for more. If not, the box's descriptor becomes readable when there is.
    pub(crate) fn has_room(&self) -> bool {
        if self.backlog.bytes.load(Ordering::SeqCst) < self.limit {
            return true;
        }
        // SeqCst: the sending thread subtracts and then reads `wanted`; this thread sets it and then reads the bytes again. One of
        // the two sees the other's change, so no wake-up is lost.
        self.backlog.wanted.store(true, Ordering::SeqCst);
        self.backlog.bytes.load(Ordering::SeqCst) < self.limit / 2
    }

    /// The box in which other threads put their events.
    pub(crate) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// How many bytes wait for the network.
    pub(crate) fn bytes_waiting(&self) -> usize {
        self.backlog.bytes.load(Ordering::Relaxed)
    }

    /// Frees what is kept for a bridge that has gone.
    pub(crate) fn forget(&self, peer: &str) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(Order::Forget(peer.to_owned()));
        }
    }
}

impl Network {
    /// Leaves the network and joins it again, by another configuration. If that fails, nothing is sent any more.
    pub(crate) fn reopen(&mut self, config: &Config, epoch: u64) -> Result<()> {
        self.leave();
        // All that belongs to the old session is void.
        for event in self.inbox.take() {
            if let Event::Claimed(_) = event {
                self.inbox.put_at_once(event);
            }
        }
        *self = Network::open(config, epoch, &self.inbox.clone())?;
        Ok(())
    }

    /// Sends what waits, and leaves the network.
    fn leave(&mut self) {
        self.inbox.close();
        if let Some(orders) = self.orders.take() {
            let _ = orders.send(Order::Stop);
        }
        if let Some(sender) = self.sender.take() {
            let _ = sender.join();
        }
        if let Some(session) = self.session.take() {
            let _ = session.close().wait();
        }
        self.inbox.closed.store(false, Ordering::Relaxed);
    }
}

/// Declares what this bridge is called and what it receives.
fn declare(
    session: &Session,
    config: &Config,
    me: &str,
    inbox: &Arc<Inbox>,
    orders: &mpsc::Sender<Order>,
) -> zenoh::Result<()> {
    let prefix = &config.prefix;
    let (frames, marks) = (inbox.clone(), orders.clone());
    session
        .declare_subscriber(format!("{prefix}/to/{me}"))
        .callback(move |sample| {
            for frame in Frame::decode_all(&sample.payload().to_bytes()) {
                // The sending thread ends before the session: then nobody waits for a mark.
                match frame.what {
                    What::Mark => drop(marks.send(Order::Answer(frame))),
                    What::Marked => drop(marks.send(Order::Marked(frame))),
                    _ => frames.put(Event::Frame(frame)),
                }
            }
        })
        .background()
        .wait()?;
    let (live, peers, own) = (format!("{prefix}/live/"), inbox.clone(), me.to_owned());
    session
        .liveliness()
        .declare_subscriber(format!("{prefix}/live/*/*"))
        .history(true)
        .callback(move |sample| {
            let Some(peer) = sample.key_expr().as_str().strip_prefix(&live) else {
                return;
            };
            if peer != own {
                peers.put(match sample.kind() {
                    SampleKind::Put => Event::PeerUp(peer.to_owned()),
                    SampleKind::Delete => Event::PeerDown(peer.to_owned()),
                });
            }
        })
        .background()
        .wait()?;
    let token = session
        .liveliness()
        .declare_token(format!("{prefix}/live/{me}"))
        .wait()?;
    // The token lives as long as the session.
    std::mem::forget(token);
    Ok(())
}

fn zenoh_config(network: &config::Network) -> Result<zenoh::Config> {
    let mut settings = match &network.zenoh {
        Some(path) => zenoh::Config::from_file(path).map_err(|error| error.to_string())?,
        None => zenoh::Config::default(),
    };
    let lease = network.lease.as_millis();
    let mut set = |key: &str, value: serde_json::Value| {
        settings
            .insert_json5(key, &value.to_string())
            .map_err(|error| format!("{key}: {error}"))
    };
    if network.zenoh.is_none() || !network.listen.is_empty() {
        set("listen/endpoints", network.listen.clone().into())?;
    }
    if network.zenoh.is_none() || !network.connect.is_empty() {
        set("connect/endpoints", network.connect.clone().into())?;
    }
    if network.zenoh.is_none() {
        set("mode", network.mode.clone().into())?;
        set("scouting/multicast/enabled", false.into())?;
        set("scouting/gossip/enabled", false.into())?;
        set("connect/timeout_ms", (-1).into())?;
        set("connect/exit_on_failure", false.into())?;
        set("listen/exit_on_failure", true.into())?;
        set(
            "connect/retry",
            serde_json::json!({ "period_init_ms": 500, "period_max_ms": 500, "period_increase_factor": 1 }),
        )?;
        set("transport/link/tx/lease", (lease as u64).into())?;
        set("transport/link/tx/queue/size/data", BATCHES.into())?;
        // A link that takes nothing is closed after this time. Until then the sending thread may wait inside Zenoh (`sending`), and
        // Zenoh's threads do not read the other links. So it is shorter than a lease, less the lease / 4 between two signs of life:
        // otherwise one link that is cut ends others.
        let close_us = (lease as u64 * 1000 / 2).min(5_000_000);
        set(
            "transport/link/tx/queue/congestion_control/block/wait_before_close",
            close_us.into(),
        )?;
        set("transport/unicast/open_timeout", 2000.into())?;
        set("transport/unicast/accept_timeout", 2000.into())?;
    }
    if let Some(tls) = &network.tls {
        let certificates = [
            ("root_ca_certificate", &tls.root_ca),
            ("listen_certificate", &tls.certificate),
            ("listen_private_key", &tls.key),
        ];
        for (key, path) in certificates {
            if let Some(path) = path {
                set(
                    &format!("transport/link/tls/{key}"),
                    path.to_string_lossy().into(),
                )?;
            }
        }
        if tls.mutual {
            set("transport/link/tls/enable_mtls", true.into())?;
            for (key, path) in [
                ("connect_certificate", &tls.certificate),
                ("connect_private_key", &tls.key),
            ] {
                if let Some(path) = path {
                    set(
                        &format!("transport/link/tls/{key}"),
                        path.to_string_lossy().into(),
                    )?;
                }
            }
        }
        set(
            "transport/link/tls/verify_name_on_connect",
            tls.verify_name.into(),
        )?;
    }
    if let Some(password) = &network.password {
        set("transport/auth/usrpwd/user", password.user.clone().into())?;
        set(
            "transport/auth/usrpwd/password",
            password.password.clone().into(),
        )?;
        if let Some(users) = &password.users {
            set(
                "transport/auth/usrpwd/dictionary_file",
                users.to_string_lossy().into(),
            )?;
        }
    }
    Ok(settings)
}

impl Drop for Network {
    fn drop(&mut self) {
        self.leave();
    }
}
