//! Cells. Each value has a *stamp*: the time of its writing, and the bridge of the machine on which it was written. A value replaces one
//! with an older stamp, so all machines end with the same value, also if several write at the same time. A value that arrived is not
//! sent on.

use super::{Common, Context, Description, Offer, Route, Sizes};
use crate::config::{Arrive, Leave};
use crate::digest;
use crate::frame::{Frame, What};
use crate::library::{Cell, Error, Object, Result, Type};
use std::collections::HashSet;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const CHANGE: usize = 0;

struct Leaving {
    rule: Leave,
    description: Vec<u8>,
    wanted_by: Vec<String>,
    last_sent: Option<Instant>,
    /// The latest value was not sent yet: the rate limit or the network did not allow it.
    is_unsent: bool,
}

/// A cell.
pub(crate) struct CellRoute {
    common: Common,
    cell: Option<Cell>,
    leaving: Option<Leaving>,
    offered_by: HashSet<String>,
}

impl CellRoute {
    pub(crate) fn new(common: Common) -> CellRoute {
        CellRoute {
            common,
            cell: None,
            leaving: None,
            offered_by: HashSet::new(),
        }
    }

    fn check(&mut self, cx: &Context, doing: &str, result: Result<()>) {
        if let Err(error) = result {
            self.common.failed(doing, &error);
            cx.waitset.remove(self.common.tag + CHANGE);
        }
    }

    fn open(&mut self, cx: &Context, declared: &Type, create: Option<u32>) -> Result<()> {
        let cell = Cell::open(&self.common.local, declared, create)?;
        if self.cell.is_none() {
            self.common.ledger.adopt()?;
            cx.waitset
                .add_descriptor(cell.descriptor()?, self.common.tag + CHANGE)?;
            self.cell = Some(cell);
        }
        Ok(())
    }

    fn close_unused(&mut self, cx: &Context) {
        if !self.is_used() {
            cx.waitset.remove(self.common.tag + CHANGE);
            self.cell = None;
        }
    }

    /// The latest value. If a program of this machine has written it, it gets a stamp now.
    fn latest(&mut self, cx: &Context) -> Result<Option<Vec<u8>>> {
        let Some(cell) = &self.cell else {
            return Ok(None);
        };
        let (value, info) = match cell.read() {
            Ok(found) => found,
            Err(error) if error.errno == libc::ENODATA => return Ok(None),
            Err(error) => return Err(error),
        };
        let memory = self.common.ledger.memory();
        if info.number != memory.position.load(SeqCst) {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let stamp = (now.as_nanos() as u64).max(memory.stamp.load(SeqCst) + 1);
            memory.stamp.store(stamp, SeqCst);
            memory
                .stamped_by
                .store(digest::of_name(&cx.config.name), SeqCst);
            // Last: after a kill before this, the value gets a newer stamp, and the others the same value again.
            memory.position.store(info.number, SeqCst);
            if let Some(leaving) = &mut self.leaving {
                leaving.is_unsent = true;
            }
        }
        Ok(Some(value))
    }

    fn value_frame(&self, value: &[u8]) -> Frame {
        let memory = self.common.ledger.memory();
        let [stream, stamp, by] =
            [&memory.stream, &memory.stamp, &memory.stamped_by].map(|number| number.load(SeqCst));
        self.common
            .frame(What::Value)
            .numbers(stream, stamp, by)
            .bytes(value)
    }

    fn change(&mut self, cx: &Context) -> Result<()> {
        let was_unsent = self
            .leaving
            .as_ref()
            .is_some_and(|leaving| leaving.is_unsent);
        let before = self.common.ledger.memory().position.load(SeqCst);
        let Some(value) = self.latest(cx)? else {
            return Ok(());
        };
        let frame = self.value_frame(&value);
        let Some(leaving) = &mut self.leaving else {
            return Ok(());
        };
        if was_unsent && self.common.ledger.memory().position.load(SeqCst) != before {
            self.common.counts.limited += 1;
        }
        let is_early = leaving.due().is_some_and(|due| due > Instant::now());
        if !leaving.is_unsent || is_early || !cx.network.has_room() {
            return Ok(());
        }
        leaving.is_unsent = false;
        leaving.last_sent = Some(Instant::now());
        for peer in &leaving.wanted_by {
            cx.network.send(peer, &frame);
            self.common.counts.out += 1;
        }
        Ok(())
    }

    fn want(&mut self, cx: &Context, peer: &str) -> Result<()> {
        self.change(cx)?;
        let value = self.latest(cx)?;
        if let Some(value) = value {
            cx.network.send(peer, &self.value_frame(&value));
            self.common.counts.out += 1;
        }
        if let Some(leaving) = &mut self.leaving {
            if !leaving.wanted_by.iter().any(|known| known == peer) {
                leaving.wanted_by.push(peer.to_owned());
            }
            self.common.counts.takers = leaving.wanted_by.len() as u64;
        }
        Ok(())
    }

    fn write(&mut self, cx: &Context, frame: &Frame) -> Result<()> {
        // A program's value that was not seen yet gets its stamp before the two are compared.
        self.change(cx)?;
        let Some(cell) = &self.cell else {
            return Ok(());
        };
        let memory = self.common.ledger.memory();
        let own = (memory.stamp.load(SeqCst), memory.stamped_by.load(SeqCst));
        if (frame.number, frame.extra) <= own {
            self.common.counts.duplicates += u64::from((frame.number, frame.extra) == own);
            return Ok(());
        }
        cell.write(&frame.bytes)?;
        self.common.counts.arrived += 1;
        let (value, info) = cell.read()?;
        if value == frame.bytes {
            memory.stamp.store(frame.number, SeqCst);
            memory.stamped_by.store(frame.extra, SeqCst);
            memory.position.store(info.number, SeqCst);
        }
        Ok(())
    }
}

impl Leaving {
    /// When the next value may be sent.
    fn due(&self) -> Option<Instant> {
        Some(self.last_sent? + self.rule.interval?)
    }
}

impl Route for CellRoute {
    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn leave(&mut self, cx: &Context, rule: &Leave, object: &Object) -> Result<()> {
        if let Some(leaving) = &mut self.leaving {
            leaving.rule = rule.clone();
            return Ok(());
        }
        let Some(declared) = &object.declared else {
            return Err(Error::new(libc::ENODATA, "the cell declares no type"));
        };
        self.open(cx, declared, None)?;
        self.leaving = Some(Leaving {
            rule: rule.clone(),
            description: Description::new(Sizes::Cell, Some(declared.clone())).to_bytes(),
            wanted_by: Vec::new(),
            last_sent: None,
            is_unsent: false,
        });
        Ok(())
    }

    fn stay(&mut self, cx: &Context) {
        self.leaving = None;
        self.common.counts.takers = 0;
        self.close_unused(cx);
    }

    fn offer(&self) -> Option<(u64, Vec<u8>)> {
        let leaving = self.leaving.as_ref()?;
        let stream = self.common.ledger.memory().stream.load(SeqCst);
        Some((stream, leaving.description.clone()))
    }

    fn arrive(&mut self, cx: &Context, rule: &Arrive, offer: Offer) -> Result<()> {
        let (Sizes::Cell, Some(declared)) = (&offer.description.sizes, &offer.description.declared)
        else {
            return Err(Error::new(libc::EPROTO, "the offer is not of a cell"));
        };
        self.open(cx, declared, Some(rule.mode))?;
        cx.network.send(&offer.peer, &self.common.frame(What::Want));
        self.offered_by.insert(offer.peer);
        Ok(())
    }

    fn depart(&mut self, cx: &Context, peer: &str) {
        self.offered_by.remove(peer);
        self.close_unused(cx);
    }

    fn unwant(&mut self, _cx: &Context, peer: &str) {
        if let Some(leaving) = &mut self.leaving {
            leaving.wanted_by.retain(|known| known != peer);
            self.common.counts.takers = leaving.wanted_by.len() as u64;
        }
    }

    fn is_used(&self) -> bool {
        self.leaving.is_some() || !self.offered_by.is_empty()
    }

    fn frame(&mut self, cx: &Context, frame: Frame) {
        let result = match frame.what {
            What::Want if self.leaving.is_some() => self.want(cx, &frame.from),
            What::Value if self.offered_by.contains(&frame.from) => self.write(cx, &frame),
            _ => Ok(()),
        };
        self.check(cx, "reading or writing the cell", result);
    }

    fn ready(&mut self, cx: &Context, _purpose: usize) {
        let result = self.change(cx);
        self.check(cx, "reading the cell", result);
    }

    fn room(&mut self, cx: &Context) {
        if self
            .leaving
            .as_ref()
            .is_some_and(|leaving| leaving.is_unsent)
        {
            self.ready(cx, CHANGE);
        }
    }

    fn timer(&mut self, cx: &Context, now: Instant) -> Option<Instant> {
        let due = |leaving: &Leaving| leaving.due().filter(|_| leaving.is_unsent);
        if self
            .leaving
            .as_ref()
            .and_then(due)
            .is_some_and(|due| due <= now)
        {
            self.ready(cx, CHANGE);
        }
        // If only the network is in the way, it says when it has room.
        self.leaving.as_ref().and_then(due).filter(|due| *due > now)
    }
}
