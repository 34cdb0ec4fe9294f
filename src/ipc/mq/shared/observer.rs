//! Notification: how its thread learns of messages in a queue without taking any.
//!
//! The thread sleeps on the word `observers`, and on those of threads whose deaths matter. Each sender that sees an
//! observer asleep wakes them all. A message that comes back because its borrower died is reported too: at the
//! borrower's death, and again when a call has queued it.

use super::SharedQueue;
use super::queue_wait::QueueWait;
use super::receive_section::ReceiveSection;
use crate::base::alloc::try_box;
use crate::base::error::{Errno, Result};
use crate::base::time::Deadline;
use crate::ipc::mq::Direction;
use crate::ipc::mq::notify::{Action, Arrivals};
use crate::ipc::waitable::{DEATH_WORDS, DeathWords, Waitable};
use crate::object::layout::QueueHeader;
use crate::sys::mqueue::Event;
use crate::sys::watch_words::{self, Ended, Found, Word};
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

impl SharedQueue {
    /// Has `action` done for the messages that are in the queue and for each that comes.
    pub(crate) fn notify(&self, action: Action) -> Result<()> {
        let arrivals = || -> Result<Box<dyn Arrivals>> {
            let wait = self.queue_wait(Direction::Receive)?;
            Ok(try_box(Observer::new(wait))?)
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
    wait: QueueWait,
    /// `NOT_BEGUN`, `BEGUN` or `STOPPED`.
    state: AtomicU32,
    /// How many messages had been sent, and how many had come back, when it last reported some.
    seen: AtomicU64,
    seen_back: AtomicU64,
    /// Whether a death was reported after which nothing has changed yet.
    has_told_of_death: AtomicBool,
}

const NOT_BEGUN: u32 = 0;
const BEGUN: u32 = 1;
const STOPPED: u32 = 2;

impl Observer {
    fn new(wait: QueueWait) -> Observer {
        Observer {
            wait,
            state: AtomicU32::new(NOT_BEGUN),
            seen: AtomicU64::new(0),
            seen_back: AtomicU64::new(0),
            has_told_of_death: AtomicBool::new(false),
        }
    }

    fn header(&self) -> &QueueHeader {
        self.wait.memory().header()
    }

    fn sent(&self) -> u64 {
        self.header().sent.count.load(Acquire)
    }

    fn came_back(&self) -> u64 {
        self.header().statistics.redelivered.load(Acquire)
    }

    /// The event to report, if there is one.
    fn event(&self) -> Option<Event> {
        match self.state.load(SeqCst) {
            STOPPED => Some(Event::Stop),
            BEGUN if self.has_news() => Some(Event::Message),
            _ => None,
        }
    }

    fn has_news(&self) -> bool {
        self.sent() != self.seen.load(Relaxed) || self.came_back() != self.seen_back.load(Relaxed)
    }

    /// Changes the state and wakes the observers of all processes. Those with nothing to report
    /// sleep again.
    fn set_state(&self, state: u32) {
        self.state.store(state, SeqCst);
        self.header().waiting.observers.wake(u32::MAX);
    }

    /// Sleeps until there may be an event. True if a thread has died whose message is then to be reported: the
    /// receive that follows finds the message.
    fn sleep(&self) -> Result<bool, Errno> {
        let mut deaths = DeathWords::default();
        let waiting = &self.header().waiting;
        let is_awaited = || self.event().is_some();
        let Some(seen) = waiting
            .observers
            .prepare_unless(&waiting.needs_fence, &is_awaited)
        else {
            return Ok(false);
        };
        // A death is reported once. It may stay as it is until somebody receives.
        let heeds_deaths =
            self.state.load(SeqCst) == BEGUN && !self.has_told_of_death.load(Relaxed);
        if heeds_deaths && !self.wait.prepare_for_deaths(&mut deaths) {
            return Ok(true);
        }
        let mut words = [Word::new(&waiting.observers.word, seen); 1 + DEATH_WORDS];
        let mut count = 1;
        for death in deaths.iter() {
            words[count] = death.word;
            count += 1;
        }
        if count == 1 || watch_words::wait(&words[..count], Deadline::Never) == Ended::NotSupported
        {
            let asleep = waiting.observers.sleep(seen, Deadline::Never);
            asleep.map_err(|error| error.errno())?;
        }
        let mut has_died = false;
        for death in deaths.iter() {
            if watch_words::state(death.word) != Found::AsExpected {
                // The kernel wakes one waiter of the word, and others may wait for the same death.
                has_died |= death.passing.pass_on(death.word);
            }
        }
        Ok(has_died)
    }
}

impl Arrivals for Observer {
    fn begin(&self) -> Result<(), Errno> {
        // Each counter is read once. A message that is sent between the two counts as one to report.
        let removed = self.header().received.removed.load(Acquire);
        self.seen.store(removed, Relaxed);
        self.seen_back.store(self.came_back(), Relaxed);
        self.set_state(BEGUN);
        Ok(())
    }

    fn wait(&self) -> Result<Event, Errno> {
        let mut has_death = false;
        loop {
            let event = self.event();
            if event.is_some() || has_death {
                self.seen.store(self.sent(), Relaxed);
                self.seen_back.store(self.came_back(), Relaxed);
                self.has_told_of_death.store(has_death, Relaxed);
                return Ok(event.unwrap_or(Event::Message));
            }
            has_death = self.sleep()?;
        }
    }

    fn stop(&self) -> bool {
        self.set_state(STOPPED);
        true
    }

    fn is_empty(&self) -> bool {
        ReceiveSection::count(self.wait.memory()) == 0
    }
}
