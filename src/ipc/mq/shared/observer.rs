//! How a notification's thread learns of messages in a queue, without taking them.

use super::memory::Memory;
use super::receive_section::ReceiveSection;
use crate::base::error::Errno;
use crate::base::time::Deadline;
use crate::ipc::mq::notify::Arrivals;
use crate::object::Object;
use crate::sys::mqueue::Event;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::Arc;

/// Sleeps with the queue's observers, whom each sender wakes that sees them asleep.
pub(super) struct Observer {
    memory: Memory,
    state: AtomicU32,
    /// How many messages had been sent when it last told of some.
    seen: AtomicU64,
    /// Keeps the memory mapped: the handle may be closed in a callback.
    _object: Arc<Object>,
}

const NOT_BEGUN: u32 = 0;
const BEGUN: u32 = 1;
const STOPPED: u32 = 2;

impl Observer {
    pub(super) fn new(memory: Memory, object: &Arc<Object>) -> Observer {
        Observer {
            memory,
            state: AtomicU32::new(NOT_BEGUN),
            seen: AtomicU64::new(0),
            _object: Arc::clone(object),
        }
    }

    fn sent(&self) -> u64 {
        self.memory.header().sent.count.load(Acquire)
    }

    /// What there is to tell, if there is anything.
    fn event(&self) -> Option<Event> {
        match self.state.load(SeqCst) {
            STOPPED => Some(Event::Stop),
            BEGUN if self.sent() != self.seen.load(Relaxed) => Some(Event::Message),
            _ => None,
        }
    }

    /// The observers are all processes': those that are woken for nothing sleep again.
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

    fn stop(&self) {
        self.set_state(STOPPED);
    }

    fn is_empty(&self) -> bool {
        ReceiveSection::count(&self.memory) == 0
    }
}
