//! The message queue in shared memory: its header, its rings, its index, its slots.
//!
//! ```text
//! offset 0        QueueHeader
//!                 inbox      u64 x ring size   lap, priority and slot of each message sent
//!                 free ring  u32 x ring size   slots given back
//!                 next       u32 x messages    lists of messages, by slot
//!                 levels     Level x min(messages, priorities), the highest priority last
//!                 slots      MessageSlot + payload, x messages, each a multiple of 64 bytes
//! ```
//!
//! The ring size is the number of messages rounded up to a power of two. What is true stands in
//! the slots; everything else is an index, which a repair makes anew from them. The algorithm is
//! described in `mq::shared`.
//!
//! Words that different processes write stand in different cache lines of 64 bytes.

use crate::sys::atomic::{AtomicU32, AtomicU64};
use crate::sys::robust::Links;

pub(crate) const QUEUE_VERSION: u32 = 1;

/// The alignment of a slot and of its payload.
pub(crate) const QUEUE_ALIGNMENT: usize = 64;

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// The first 64 bytes never change after the queue is made.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct QueueHeader {
    pub(crate) max_messages: AtomicU32,
    pub(crate) message_size: AtomicU32,
    /// Whose thread ids stand in the lock words.
    pub(crate) pid_namespace: AtomicU32,
    /// For how many nanoseconds who has to wait looks before it sleeps.
    pub(crate) spin_ns: AtomicU32,
    /// Tells this queue from all others, also from those that had its name before. The lower half is
    /// that of its inode.
    pub(crate) identity: AtomicU64,
    pub(crate) sending: Sending,
    pub(crate) sent: Sent,
    pub(crate) receiving: Receiving,
    pub(crate) received: Received,
    pub(crate) waiting: Waiting,
    pub(crate) statistics: Statistics,
    pub(crate) waiting_receivers: WaitingThreads,
    pub(crate) waiting_senders: WaitingThreads,
}

/// A robust lock word as the mutex's, with a list entry in the place that the kernel expects.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Latch {
    pub(crate) word: AtomicU32,
    pub(crate) sleepers: Sleepers,
    reserved: [u32; 4],
    pub(crate) links: Links,
}

/// What sleepers sleep on: the lowest bit says that somebody may be asleep, and the others count
/// the wake-ups.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Sleepers {
    pub(crate) word: AtomicU32,
}

/// What only the holder of the sending latch touches.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Sending {
    pub(crate) latch: Latch,
    /// The lower half of how many slots have been taken out of the free ring.
    pub(crate) reused: AtomicU32,
    /// The lower half of `Received::freed`, as it was seen last.
    pub(crate) seen_freed: AtomicU32,
    /// How many slots have been taken that never were before, the first ones.
    pub(crate) fresh: AtomicU32,
    /// Slots out of the free ring that are taken when it is empty: a list through the `next` array. Only
    /// in a queue of large messages.
    pub(crate) cold_slots: AtomicU32,
    /// Of the message sent last.
    pub(crate) last_priority: AtomicU32,
    /// The slots that are reserved: a list through `MessageSlot::claimed_next`.
    pub(crate) reserved: AtomicU32,
}

/// What the holder of the sending latch tells the receivers.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Sent {
    /// How many messages have been put into the inbox.
    pub(crate) count: AtomicU64,
}

/// What only the holder of the receiving latch touches.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Receiving {
    pub(crate) latch: Latch,
    /// How many messages have been taken out of the inbox into the levels.
    pub(crate) drained: AtomicU64,
    pub(crate) level_count: AtomicU32,
    /// Of the message taken out of the inbox last.
    pub(crate) last_priority: AtomicU32,
    /// The slots that are borrowed: a list through `MessageSlot::claimed_next`.
    pub(crate) borrowed: AtomicU32,
}

/// What the holder of the receiving latch tells the senders.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Received {
    /// How many slots have been given back through the free ring.
    pub(crate) freed: AtomicU64,
    /// How many messages have left the queue.
    pub(crate) removed: AtomicU64,
}

/// What is read on every send and receive and seldom written.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Waiting {
    /// Receivers that sleep.
    pub(crate) arrivals: Sleepers,
    /// Senders that sleep.
    pub(crate) departures: Sleepers,
    /// Those who sleep until something is sent, and take nothing.
    pub(crate) observers: Sleepers,
    /// Not 0: a process that cannot make others' processors order their accesses (see sys::fence).
    pub(crate) needs_fence: AtomicU32,
    /// Not 0: there is a descriptor to be kept readable while the queue is not empty.
    pub(crate) fd_state: AtomicU32,
    /// How many messages had been sent with the last whose priority was higher than that of the one
    /// before it.
    pub(crate) rise: AtomicU64,
}

const WAITING_MAX: usize = if cfg!(all(test, loom)) { 1 } else { 48 };

/// The ids of the threads of one side that wait, as far as there is room; else 0. Only for
/// counting: the dead among them are told by their ids.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct WaitingThreads {
    pub(crate) ids: [AtomicU32; WAITING_MAX],
}

#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Statistics {
    /// How often a dead process's work was repaired.
    pub(crate) repairs: AtomicU64,
    /// How many messages were given back to the queue because their borrowers died.
    pub(crate) redelivered: AtomicU64,
    /// How many reserved slots came back because their holders died.
    pub(crate) abandoned: AtomicU64,
    /// How many messages were dropped to make room.
    pub(crate) dropped: AtomicU64,
}

/// The messages of one priority, first in first out through the `next` array.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Level {
    pub(crate) priority: AtomicU32,
    pub(crate) first: AtomicU32,
    pub(crate) last: AtomicU32,
}

/// A place for one message; its payload follows.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct MessageSlot {
    /// Who has reserved or borrowed it: a robust lock word in its holder's list.
    pub(crate) holder: AtomicU32,
    /// FREE, QUEUED, RESERVED or BORROWED: what is true about the message.
    pub(crate) state: AtomicU32,
    /// Which message of the queue it is.
    pub(crate) sequence: AtomicU64,
    pub(crate) priority: AtomicU32,
    pub(crate) length: AtomicU32,
    pub(crate) links: Links,
    /// How often it was given back to the queue because its borrower died.
    pub(crate) redeliveries: AtomicU32,
    pub(crate) claimed_next: AtomicU32,
    pub(crate) claimed_previous: AtomicU32,
    reserved: u32,
}

/// States of a slot. Each change between them is one store, the moment when the operation has
/// happened.
pub(crate) const FREE: u32 = 0;
pub(crate) const QUEUED: u32 = 1;
pub(crate) const RESERVED: u32 = 2;
pub(crate) const BORROWED: u32 = 3;

// (A model's words are larger.)
#[cfg(not(all(test, loom)))]
const _: () = {
    use crate::sys::robust::WORD_TO_NODE;
    use core::mem::offset_of;

    assert!(size_of::<QueueHeader>() == 13 * 64);
    assert!(offset_of!(QueueHeader, sending) == 64);
    assert!(offset_of!(QueueHeader, sent) == 128);
    assert!(offset_of!(QueueHeader, receiving) == 192);
    assert!(offset_of!(QueueHeader, received) == 256);
    assert!(offset_of!(QueueHeader, waiting) == 320);
    assert!(offset_of!(QueueHeader, statistics) == 384);
    assert!(size_of::<Latch>() == 40);
    assert!(offset_of!(Latch, links) == WORD_TO_NODE - size_of::<usize>());
    assert!(size_of::<Level>() == 12);
    assert!(size_of::<MessageSlot>() == 64);
    assert!(offset_of!(MessageSlot, holder) == 0);
    assert!(offset_of!(MessageSlot, links) == WORD_TO_NODE - size_of::<usize>());
};
