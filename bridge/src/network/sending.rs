//! The sending thread.
//!
//! Zenoh lets a thread wait inside it while a link takes nothing, and keeps its tables locked for that time: nothing of any other link
//! is read or sent meanwhile. So this thread gives Zenoh no more for one bridge than Zenoh's buffers hold, the *window*. After each
//! quarter of it the bridge gets a mark, which it sends back. Parcels over the window are held here, and other bridges get theirs.

use super::Inbox;
use crate::frame::{Frame, What};
use crate::ledger::random;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use zenoh::pubsub::Publisher;
use zenoh::qos::CongestionControl;
use zenoh::{Session, Wait};

/// A parcel of frames gets no further frame when it has this many bytes.
const PARCEL: usize = 32 * 1024;
/// How many bytes may be on their way to a bridge before a further parcel is held. Zenoh's buffers of one link ([`BATCHES`] of 64 KiB,
/// each at least half full) take this and one more parcel.
const WINDOW: u64 = 256 * 1024;
const MARK: u64 = WINDOW / 4;
pub(super) const BATCHES: u64 = 16;

pub(super) enum Order {
    Send {
        peer: String,
        bytes: Vec<u8>,
        best_effort: bool,
    },
    /// A mark has arrived, which is sent back.
    Answer(Frame),
    /// A mark has come back.
    Marked(Frame),
    Forget(String),
    /// The last order.
    Stop,
}

/// The frames that wait for the sending thread.
pub(super) struct Backlog {
    pub(super) bytes: AtomicUsize,
    /// The main thread wants to know when half of the limit is free.
    pub(super) wanted: AtomicBool,
}

/// The parcels on their way to a bridge, and those that wait for it.
struct Way {
    /// Tells the marks of this window from those of an earlier one.
    round: u64,
    sent: u64,
    marked: u64,
    received: u64,
    /// When the last mark came back while something was held.
    progress: Instant,
    held: VecDeque<Vec<u8>>,
}

impl Way {
    fn new() -> Way {
        Way {
            round: random(),
            sent: 0,
            marked: 0,
            received: 0,
            progress: Instant::now(),
            held: VecDeque::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.sent - self.received >= WINDOW
    }

    fn hold(&mut self, parcel: Vec<u8>) {
        if self.held.is_empty() {
            self.progress = Instant::now();
        }
        self.held.push_back(parcel);
    }

    /// Notes that a parcel is on its way. The result is a mark that has to follow it.
    fn note(&mut self, length: usize) -> Option<Frame> {
        self.sent += length as u64;
        (self.sent - self.marked >= MARK).then(|| {
            self.marked = self.sent;
            Frame::of_bridge(What::Mark).numbers(self.round, self.sent, 0)
        })
    }

    fn mark_is_back(&mut self, mark: &Frame) {
        if mark.stream == self.round && mark.number <= self.sent {
            self.received = self.received.max(mark.number);
            self.progress = Instant::now();
        }
    }

    /// Forgets what is on its way: it was lost, or it has arrived and the marks were lost.
    fn begin_again(&mut self) {
        *self = Way {
            held: std::mem::take(&mut self.held),
            ..Way::new()
        };
    }
}

/// The thread's state.
pub(super) struct Sending<'a> {
    pub(super) session: &'a Session,
    pub(super) prefix: &'a str,
    pub(super) me: &'a str,
    pub(super) backlog: &'a Backlog,
    pub(super) inbox: &'a Arc<Inbox>,
    pub(super) limit: usize,
    /// After this time without a mark, a window begins again. Longer than a lease: a link that is dead has ended then.
    pub(super) patience: Duration,
}

impl Sending<'_> {
    pub(super) fn run(&self, orders: &mpsc::Receiver<Order>) {
        let (mut publishers, mut ways) = (HashMap::new(), HashMap::<String, Way>::new());
        let mut next = None;
        loop {
            let due = ways
                .values()
                .filter(|way| !way.held.is_empty())
                .map(|way| way.progress + self.patience)
                .min();
            let order = match (next.take(), due) {
                (Some(order), _) => Ok(order),
                (None, None) => orders.recv().map_err(Into::into),
                (None, Some(due)) => {
                    orders.recv_timeout(due.saturating_duration_since(Instant::now()))
                }
            };
            match order {
                Ok(Order::Send {
                    peer,
                    mut bytes,
                    best_effort,
                }) => {
                    next = collect(orders, &peer, best_effort, &mut bytes);
                    if best_effort {
                        // Zenoh discards it if the link takes nothing.
                        self.put(&mut publishers, &peer, bytes, true);
                        continue;
                    }
                    let way = ways.entry(peer.clone()).or_insert_with(Way::new);
                    way.hold(bytes);
                    self.release(&mut publishers, &peer, way);
                }
                Ok(Order::Answer(mark)) => {
                    let answer = Frame::of_bridge(What::Marked);
                    let answer = answer.numbers(mark.stream, mark.number, 0);
                    self.put_frame(&mut publishers, &mark.from, &answer);
                }
                Ok(Order::Marked(mark)) => {
                    if let Some(way) = ways.get_mut(&mark.from) {
                        way.mark_is_back(&mark);
                        self.release(&mut publishers, &mark.from, way);
                    }
                }
                Ok(Order::Forget(peer)) => {
                    publishers.retain(|(name, _), _| *name != peer);
                    let held = ways.remove(&peer).map(|way| way.held).unwrap_or_default();
                    self.done(held.iter().map(Vec::len).sum());
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let now = Instant::now();
                    for (peer, way) in &mut ways {
                        if !way.held.is_empty() && way.progress + self.patience <= now {
                            way.begin_again();
                            self.release(&mut publishers, peer, way);
                        }
                    }
                }
                Ok(Order::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        for (peer, way) in ways {
            for parcel in way.held {
                self.put(&mut publishers, &peer, parcel, false);
            }
        }
    }

    /// Sends what is held for a bridge, as far as its window allows.
    fn release<'b>(&'b self, publishers: &mut Publishers<'b>, peer: &str, way: &mut Way) {
        while !way.is_full() {
            let Some(parcel) = way.held.pop_front() else {
                return;
            };
            let mark = way.note(parcel.len());
            self.put(publishers, peer, parcel, false);
            if let Some(mark) = mark {
                self.put_frame(publishers, peer, &mark);
            }
        }
    }

    /// Sends a frame that was not counted.
    fn put_frame<'b>(&'b self, publishers: &mut Publishers<'b>, peer: &str, frame: &Frame) {
        let bytes = frame.encode(self.me);
        self.backlog.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        self.put(publishers, peer, bytes, false);
    }

    fn put<'b>(
        &'b self,
        publishers: &mut Publishers<'b>,
        peer: &str,
        bytes: Vec<u8>,
        best_effort: bool,
    ) {
        let length = bytes.len();
        let key = (peer.to_owned(), best_effort);
        if !publishers.contains_key(&key) {
            let congestion = match best_effort {
                true => CongestionControl::Drop,
                false => CongestionControl::Block,
            };
            let publisher = self
                .session
                .declare_publisher(format!("{}/to/{peer}", self.prefix))
                .congestion_control(congestion)
                .wait();
            if let Ok(publisher) = publisher {
                publishers.insert(key.clone(), publisher);
            }
        }
        if let Some(publisher) = publishers.get(&key) {
            // A link that breaks meanwhile is reported by the other bridge's token, and all that matters is sent again.
            let _ = publisher.put(bytes).wait();
        }
        self.done(length);
    }

    /// Notes that bytes do not wait any more.
    fn done(&self, length: usize) {
        let left = self.backlog.bytes.fetch_sub(length, Ordering::SeqCst) - length;
        if left < self.limit / 2 && self.backlog.wanted.swap(false, Ordering::SeqCst) {
            self.inbox.wake();
        }
    }
}

/// For each bridge, one publisher of what must arrive and one of what may be lost.
type Publishers<'a> = HashMap<(String, bool), Publisher<'a>>;

/// Adds the frames that wait for the same bridge, up to a limit: one parcel costs Zenoh as much as one frame. Returns the order that
/// does not fit in.
fn collect(
    orders: &mpsc::Receiver<Order>,
    to: &str,
    as_best_effort: bool,
    parcel: &mut Vec<u8>,
) -> Option<Order> {
    while parcel.len() < PARCEL {
        match orders.try_recv().ok()? {
            Order::Send {
                peer,
                bytes,
                best_effort,
            } if peer == to && best_effort == as_best_effort => parcel.extend(bytes),
            other => return Some(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_full_until_a_mark_of_its_round_is_back() {
        let mut way = Way::new();
        let mut marks = Vec::new();
        while !way.is_full() {
            marks.extend(way.note(PARCEL));
        }
        assert_eq!(way.sent, WINDOW);
        assert_eq!(marks.len() as u64, WINDOW / MARK);
        way.mark_is_back(&marks[0].clone().numbers(way.round + 2, marks[0].number, 0));
        assert!(way.is_full());
        way.mark_is_back(&marks[0].clone().numbers(way.round, way.sent + 1, 0));
        assert!(way.is_full());
        way.mark_is_back(&marks[0]);
        assert!(!way.is_full());
        assert_eq!(way.received, MARK);
        // A later mark stands for the earlier ones, and an earlier one changes nothing after it.
        way.mark_is_back(&marks[3]);
        way.mark_is_back(&marks[1]);
        assert_eq!(way.received, WINDOW);
        // A small parcel after the last mark is followed by none, and leaves room.
        assert!(way.note(1).is_none() && !way.is_full());
    }

    #[test]
    fn a_window_that_begins_again_keeps_what_is_held() {
        let mut way = Way::new();
        let mark = way.note(WINDOW as usize).unwrap();
        way.hold(vec![1]);
        assert!(way.is_full());
        way.begin_again();
        assert!(!way.is_full());
        assert_eq!(way.held, [[1]]);
        way.mark_is_back(&mark);
        assert_eq!(way.received, 0);
    }
}
