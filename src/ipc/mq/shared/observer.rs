//! Notification: how its thread learns of messages in a queue without taking any.
//!
//! The thread sleeps on the word `observers`. Each sender that sees an observer asleep wakes them
//! all.

use super::SharedQueue;
use super::memory::Memory;
use super::receive_section::ReceiveSection;
use crate::base::alloc::{Shared, try_box};
use crate::base::error::{Errno, Result};
use crate::base::time::Deadline;
use crate::ipc::mq::notify::{Action, Arrivals};
use crate::object::Object;
use crate::sys::mqueue::Event;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::sync::atomic::{AtomicU32, AtomicU64};

impl SharedQueue {
    /// Has `action` done for the messages that are in the queue and for each that comes.
    pub(crate) fn notify(&self, action: Action) -> Result<()> {
        let arrivals = || -> Result<Box<dyn Arrivals>> {
            let memory = Memory::in_mapping(self.object.data(), self.memory.sizes())?;
            Ok(try_box(Observer::new(memory, &self.object))?)
        };
        self.notifier.begin(&self.name, &arrivals, action)
    }

    /// Ends the notification. When this returns, the action is over, unless the action itself
    /// called.
    pub(crate) fn end_notification(&self) -> Result<()> {
        self.notifier.end(&self.name)
    }
}

struct Observer {
    memory: Memory,
    /// `NOT_BEGUN`, `BEGUN` or `STOPPED`.
    state: AtomicU32,
    /// How many messages had been sent when it last reported some.
    seen: AtomicU64,
    /// Keeps the memory mapped: a callback may close the handle.
    _object: Shared<Object>,
}

const NOT_BEGUN: u32 = 0;
const BEGUN: u32 = 1;
const STOPPED: u32 = 2;

impl Observer {
    fn new(memory: Memory, object: &Shared<Object>) -> Observer {
        Observer {
            memory,
            state: AtomicU32::new(NOT_BEGUN),
            seen: AtomicU64::new(0),
            _object: object.clone(),
        }
    }

    fn sent(&self) -> u64 {
        self.memory.header().sent.count.load(Acquire)
    }

    /// The event to report, if there is one.
    fn event(&self) -> Option<Event> {
        match self.state.load(SeqCst) {
            STOPPED => Some(Event::Stop),
            BEGUN if self.sent() != self.seen.load(Relaxed) => Some(Event::Message),
            _ => None,
        }
    }

    /// Changes the state and wakes the observers of all processes. Those with nothing to report
    /// sleep again.
    fn set_state(&self, state: u32) {
        self.state.store(state, SeqCst);
        self.memory.header().waiting.observers.wake(u32::MAX);
    }
}

impl Arrivals for Observer {
    fn begin(&self) -> Result<(), Errno> {
        let present = ReceiveSection::count(&self.memory);
        self.seen.store(self.sent().wrapping_sub(present), Relaxed);
        self.set_state(BEGUN);
        Ok(())
    }

    fn wait(&self) -> Result<Event, Errno> {
        let waiting = &self.memory.header().waiting;
        loop {
            if let Some(event) = self.event() {
                self.seen.store(self.sent(), Relaxed);
                return Ok(event);
            }
            waiting
                .observers
                .sleep_unless(&waiting.needs_fence, Deadline::Never, &|| {
                    self.event().is_some()
                })
                .map_err(|error| error.errno())?;
        }
    }

    fn stop(&self) -> bool {
        self.set_state(STOPPED);
        true
    }

    fn is_empty(&self) -> bool {
        ReceiveSection::count(&self.memory) == 0
    }
}
