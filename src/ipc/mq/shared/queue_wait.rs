//! A wait for a message or for room, without taking it.
//!
//! They sleep on words of their own (`observers`, `room_observers`), of which a wake-up wakes all. So they keep
//! no wake-up from a thread that waits to receive or to send.

use super::SharedQueue;
use super::claims::{Claims, Proof, is_orphaned};
use super::memory::Memory;
use super::receive_section::ReceiveSection;
use super::send_section::SendSection;
use crate::base::alloc::{Shared, try_box};
use crate::base::error::Result;
use crate::ipc::mq::Direction;
use crate::ipc::waitable::{DeathWords, Passing, Waitable};
use crate::ipc::watch::descriptor::Polled;
use crate::ipc::watch::{EMPTY, FULL, READY};
use crate::object::Object;
use crate::object::layout::{HANDED, MessageSlot};
use crate::sync::latch::check_namespace;
use crate::sys::futex::{TID_MASK, WAITERS};
use crate::sys::thread::Thread;
use crate::sys::watch_words::Word;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

/// A wait for a message, or for room. It keeps the queue's memory mapped.
pub(crate) struct QueueWait {
    memory: Memory,
    pid_namespace: u32,
    /// `Receive`: for a message.
    direction: Direction,
    _object: Shared<Object>,
}

impl SharedQueue {
    /// As [`queue_wait`](SharedQueue::queue_wait), for a waitset.
    pub(crate) fn waitable(&self, direction: Direction) -> Result<Box<dyn Waitable>> {
        let thread = Thread::current()?;
        check_namespace(
            &format_args!("{}: the queue", self.name),
            thread,
            self.pid_namespace,
        )?;
        Ok(try_box(self.queue_wait(direction)?)?)
    }

    /// The condition of a program that is about to receive, or to send.
    pub(super) fn queue_wait(&self, direction: Direction) -> Result<QueueWait> {
        Ok(QueueWait {
            memory: Memory::in_mapping(self.object.data(), self.memory.sizes())?,
            pid_namespace: self.pid_namespace,
            direction,
            _object: self.object.clone(),
        })
    }
}

/// How often a claim's latch is tried. A section takes less than a microsecond.
const LATCH_ATTEMPTS: u32 = 1000;

impl QueueWait {
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    fn is_for_message(&self) -> bool {
        self.direction == Direction::Receive
    }

    /// The claims that this may become ready by.
    fn claims(&self) -> Claims<'_> {
        match self.is_for_message() {
            true => Claims::borrowed(&self.memory),
            false => Claims::reserved(&self.memory),
        }
    }

    /// Adds a word for each thread that has claimed a slot. False if one is dead, or if a thread is stopped in a
    /// call on the queue.
    #[cold]
    fn add_holders(&self, words: &mut DeathWords) -> bool {
        let header = self.memory.header();
        let latch = match self.is_for_message() {
            true => &header.receiving.latch,
            false => &header.sending.latch,
        };
        let take = |_| latch.take_fast(&header.waiting.needs_fence, self.pid_namespace);
        let Some(latched) = (0..LATCH_ATTEMPTS).find_map(take) else {
            return false;
        };
        let mut threads = [0u32; 8];
        let mut is_ready = false;
        let is_whole = self.claims().for_each(&mut |slot| {
            is_ready |= is_orphaned(slot, Proof::Mark);
            // The kernel never marks the word of a handed slot.
            if slot.state.load(Relaxed) == HANDED {
                is_ready |= is_orphaned(slot, Proof::Life);
                return;
            }
            let thread = slot.holder.load(Relaxed) & TID_MASK;
            // One word for each thread is enough: the kernel marks them all.
            if threads.contains(&thread) {
                return;
            }
            if let Some(place) = threads.iter_mut().find(|place| **place == 0) {
                *place = thread;
                is_ready |= !add_holder(slot, words);
            }
        });
        latched.release();
        is_whole && !is_ready
    }
}

/// Adds the word of a slot's holder. False if the holder has changed.
fn add_holder(slot: &MessageSlot, words: &mut DeathWords) -> bool {
    // The kernel wakes a waiter at the holder's death only if this bit is set.
    let holder = slot.holder.fetch_or(WAITERS, Relaxed) | WAITERS;
    words.add(Word::new(&slot.holder, holder), Passing::AtOnce);
    holder & TID_MASK != 0
}

impl Waitable for QueueWait {
    fn is_ready(&self) -> bool {
        let header = self.memory.header();
        let may_be_ready = match self.is_for_message() {
            true => ReceiveSection::count(&self.memory) != 0,
            false => SendSection::may_have_room(&self.memory),
        };
        // A call on the queue repairs what the dead holder of a latch left. It may have been about to make
        // this ready.
        may_be_ready || header.sending.latch.is_orphaned() || header.receiving.latch.is_orphaned()
    }

    fn prepare(&self) -> Option<(&AtomicU32, u32)> {
        let waiting = &self.memory.header().waiting;
        let sleepers = match self.is_for_message() {
            true => &waiting.observers,
            false => &waiting.room_observers,
        };
        let seen = sleepers.prepare_unless(&waiting.needs_fence, &|| self.is_ready())?;
        Some((&sleepers.word, seen))
    }

    fn prepare_for_deaths(&self, words: &mut DeathWords) -> bool {
        let header = self.memory.header();
        // A call of either direction may have made this ready: a receiver that dies puts messages back.
        let are_whole =
            words.add_latch(&header.sending.latch) && words.add_latch(&header.receiving.latch);
        are_whole && (self.claims().is_empty() || self.add_holders(words))
    }
}

/// A queue whose descriptor is kept up to date.
pub(super) struct PolledQueue {
    message: QueueWait,
    room: QueueWait,
    /// A handle that overwrites can always send.
    overwrites: bool,
}

impl PolledQueue {
    pub(super) fn of(queue: &SharedQueue) -> Result<Box<dyn Polled>> {
        Ok(try_box(PolledQueue {
            message: queue.queue_wait(Direction::Receive)?,
            room: queue.queue_wait(Direction::Send)?,
            overwrites: queue.overwrites,
        })?)
    }
}

impl Polled for PolledQueue {
    fn level(&self) -> u64 {
        if !self.message.is_ready() {
            EMPTY
        } else if self.overwrites || self.room.is_ready() {
            READY
        } else {
            FULL
        }
    }

    fn message(&self) -> &dyn Waitable {
        &self.message
    }

    fn room(&self) -> &dyn Waitable {
        &self.room
    }
}
