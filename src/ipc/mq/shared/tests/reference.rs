//! A simple queue that is right, for comparison.

use core::cmp::Reverse;
use core::ops::Range;
use std::collections::BTreeMap;

/// Sorts the highest priority first, and the oldest message first among equals.
pub(super) type Key = (Reverse<u32>, u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    pub(super) redeliveries: u32,
}

/// The right content and the right counters of the queue.
#[derive(Default)]
pub(super) struct Reference {
    pub(super) capacity: usize,
    pub(super) overwrites: bool,
    pub(super) messages: BTreeMap<Key, Message>,
    pub(super) sent: u64,
    /// Slot numbers.
    pub(super) reserved: Vec<u32>,
    pub(super) borrowed: Vec<(u32, Key, Message)>,
    /// How many slots are reserved by threads that ended.
    pub(super) reserved_by_dead: usize,
    pub(super) borrowed_by_dead: Vec<(Key, Message)>,
    pub(super) dropped: u64,
    pub(super) repairs: u64,
    pub(super) redelivered: u64,
    pub(super) abandoned: u64,
}

impl Reference {
    pub(super) fn room(&self) -> usize {
        let claimed = self.reserved.len() + self.borrowed.len();
        let by_dead = self.reserved_by_dead + self.borrowed_by_dead.len();
        self.capacity - self.messages.len() - claimed - by_dead
    }

    pub(super) fn push(&mut self, bytes: Vec<u8>, priority: u32) {
        let message = Message {
            bytes,
            redeliveries: 0,
        };
        self.messages
            .insert((Reverse(priority), self.sent), message);
        self.sent += 1;
    }

    /// Does what a full queue does before a slot is taken. Returns whether there is a slot then.
    /// `None`: the new message is dropped.
    pub(super) fn make_room(&mut self, priority: Option<u32>) -> Option<bool> {
        if self.room() != 0 {
            return Some(true);
        }
        self.abandon_reserved_by_dead();
        if self.room() != 0 {
            return Some(true);
        }
        if !self.overwrites {
            return Some(false);
        }
        // A message that comes back can be the one that is dropped.
        self.redeliver_borrowed_by_dead();
        let Some((&(Reverse(lowest), _), _)) = self.messages.last_key_value() else {
            return Some(false);
        };
        self.dropped += 1;
        if priority.is_some_and(|new| new < lowest) {
            return None;
        }
        let of_lowest: Range<Key> = (Reverse(lowest), 0)..(Reverse(lowest), u64::MAX);
        let oldest = *self.messages.range(of_lowest).next().unwrap().0;
        self.messages.remove(&oldest);
        Some(true)
    }

    pub(super) fn abandon_reserved_by_dead(&mut self) {
        self.abandoned += self.reserved_by_dead as u64;
        self.reserved_by_dead = 0;
    }

    pub(super) fn redeliver_borrowed_by_dead(&mut self) {
        for (key, mut message) in self.borrowed_by_dead.drain(..) {
            message.redeliveries += 1;
            self.redelivered += 1;
            self.messages.insert(key, message);
        }
    }

    pub(super) fn first(&self) -> Option<(u32, &Message)> {
        let ((Reverse(priority), _), message) = self.messages.first_key_value()?;
        Some((*priority, message))
    }
}
