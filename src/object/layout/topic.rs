//! A topic in shared memory: two files. Publishers write the first one, and subscribers map it for
//! reading only. Subscribers and publishers write the second one.
//!
//! ```text
//! the topic       offset 0   TopicHeader
//!                            Type, the user's
//!                            places     PublisherPlace x max_publishers
//!                            ring       u64 x capacity     where the sample with a number is
//!                            free       u32 x slots        slots that may be written
//!                            retired    u32 x slots        slots that somebody may still read
//!                            marks      u32 x slots        slots that a search has found borrowed
//!                            slots      SampleSlot + payload, x slots
//!
//! its subscribers offset 0   SubscribersHeader
//!                            places     SubscriberPlace + cells, x max_subscribers
//! ```
//!
//! Each array begins at a multiple of 64 bytes. A slot's word `truth` holds the truth about its sample,
//! and everything else in the first file is an index, which a repair rebuilds from the slots. The head of
//! `ipc::topic` describes the algorithm.
//!
//! Every field has the same size and place on 32-bit and 64-bit machines.

use super::queue::{Latch, Sleepers};
use crate::sys::atomic::{AtomicU32, AtomicU64};
use crate::sys::liveness::BirthCell;

pub(crate) const TOPIC_VERSION: u32 = 2;

/// The alignment of the arrays, and the least alignment of a payload.
pub(crate) const TOPIC_ALIGNMENT: u64 = 64;

/// The first 64 bytes, without `needs_fence`, never change after the creation of the topic.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct TopicHeader {
    /// The largest length of a sample, in bytes.
    pub(crate) sample_size: AtomicU64,
    /// A number that no other topic has, not even an earlier topic of the same name. Its lower half is
    /// the lower half of the file's inode number.
    pub(crate) identity: AtomicU64,
    /// The alignment of a sample in memory.
    pub(crate) alignment: AtomicU32,
    pub(crate) capacity: AtomicU32,
    pub(crate) history: AtomicU32,
    pub(crate) max_subscribers: AtomicU32,
    pub(crate) max_publishers: AtomicU32,
    pub(crate) max_borrowed: AtomicU32,
    pub(crate) flags: AtomicU32,
    /// The PID namespace of the process ids in the topic.
    pub(crate) pid_namespace: AtomicU32,
    /// Not 0 if some publisher could not have the kernel execute fences on other processors.
    pub(crate) needs_fence: AtomicU32,
    reserved: AtomicU32,
    pub(crate) publishing: Publishing,
    pub(crate) backlog: Backlog,
    pub(crate) statistics: TopicStatistics,
}

/// Data that the holder of the latch writes. Subscribers read only `newest`.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Publishing {
    pub(crate) latch: Latch,
    /// The number of the sample that was published last; 0 before the first one.
    pub(crate) newest: AtomicU64,
    /// How many entries `free` has.
    pub(crate) free: AtomicU32,
    /// How many entries `retired` has.
    pub(crate) retired: AtomicU32,
    /// How many slots have ever been used.
    pub(crate) used: AtomicU32,
    /// How many slots are reserved.
    pub(crate) reserved: AtomicU32,
}

/// Data of a topic that waits for its subscribers. Only the holder of the latch uses it.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Backlog {
    /// Every subscriber that had joined by then has taken all samples below this number.
    pub(crate) taken: AtomicU64,
    /// The number of joins for which `taken` holds.
    pub(crate) joins: AtomicU32,
    reserved: AtomicU32,
}

#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct TopicStatistics {
    /// How often the work of a dead publisher was repaired.
    pub(crate) repairs: AtomicU64,
    /// How many reserved samples became free because their publishers died.
    pub(crate) abandoned: AtomicU64,
    /// The round of the last search for borrowed slots.
    pub(crate) search: AtomicU32,
    /// The processor of the last publisher (`sys::processor`).
    pub(crate) processor: AtomicU32,
}

/// The place of one handle that publishes.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct PublisherPlace {
    /// The birth of the process; 0 in a free place.
    pub(crate) owner: BirthCell,
    /// How many slots the handle has reserved. Only the holder of the latch writes it.
    pub(crate) reserved: AtomicU32,
    unused: AtomicU32,
}

/// The header of a slot for one sample. The payload follows it.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct SampleSlot {
    /// The truth about the slot: 0 if it is free; [`RESERVED_SLOT`] and the index of the publisher's place
    /// if it is reserved; otherwise the number of the sample in it.
    pub(crate) truth: AtomicU64,
    pub(crate) time_ns: AtomicU64,
    /// In bytes.
    pub(crate) length: AtomicU64,
    /// The process that published the sample.
    pub(crate) publisher: AtomicU32,
    /// The slot that the next sample will probably be in. A subscriber that waits looks there too.
    pub(crate) next_slot: AtomicU32,
    reserved: [AtomicU32; 8],
}

/// A bit of `truth`. Numbers of samples never reach it.
pub(crate) const RESERVED_SLOT: u64 = 1 << 63;

/// The beginning of the second file.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct SubscribersHeader {
    /// That of the topic.
    pub(crate) identity: AtomicU64,
    /// Watches that wait for a sample.
    pub(crate) watches: Sleepers,
    /// Publishers that sleep until a subscriber takes a sample.
    pub(crate) departures: Sleepers,
    /// Not 0 if some process could not have the kernel execute fences on other processors.
    pub(crate) needs_fence: AtomicU32,
    /// How many subscribers have joined.
    pub(crate) joins: AtomicU32,
    /// How many places have ever been used.
    pub(crate) used: AtomicU32,
    /// Subscribers sleep on it until a sample is published.
    pub(crate) arrivals: TurnBell,
    reserved: [AtomicU32; 6],
}

/// A word on which each thread waits for something of its own (`sync::turn_bell`).
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct TurnBell {
    /// | value | meaning |
    /// |---|---|
    /// | 0 | nobody has rung yet |
    /// | bit 29 and the number of the last ring | at rest |
    /// | a thread's id and bit 31 | this thread rings |
    /// | bits 30 and 31 | a ringer has died, and one waiter was woken |
    /// | bit 31 alone | a ringer has died, and all waiters were woken |
    pub(crate) word: AtomicU32,
    /// The number of the last ring. Only ringers use it.
    pub(crate) number: AtomicU32,
    /// Whether a thread may be asleep.
    pub(crate) flag: Sleepers,
}

/// The place of one handle that subscribes. Its cells begin at [`CELLS_OFFSET`]: one word for each sample
/// that the handle may have borrowed. A cell holds the index of the slot plus 1, or 0.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct SubscriberPlace {
    /// The birth of the process; 0 in a free place.
    pub(crate) owner: BirthCell,
    /// The number of the next sample that the subscriber takes, if publishers wait for it. [`NO_POSITION`]
    /// if they do not.
    pub(crate) position: AtomicU64,
    /// The processor of the thread that last moved the position (`sys::processor`).
    pub(crate) processor: AtomicU32,
    reserved: [AtomicU32; 3],
    first_cells: [AtomicU32; 8],
}

pub(crate) const CELLS_OFFSET: u64 = 32;
pub(crate) const NO_POSITION: u64 = u64::MAX;

// (A model's words are larger.)
#[cfg(not(all(test, loom)))]
const _: () = {
    use core::mem::offset_of;

    // With musl the latch and its neighbours take one cache line more.
    const MORE: usize = if cfg!(target_env = "musl") { 64 } else { 0 };
    assert!(size_of::<TopicHeader>() == 256 + MORE);
    assert!(offset_of!(TopicHeader, publishing) == 64);
    assert!(offset_of!(Publishing, newest) == size_of::<Latch>());
    assert!(offset_of!(TopicHeader, backlog) == 128 + MORE);
    assert!(offset_of!(TopicHeader, statistics) == 192 + MORE);
    assert!(size_of::<PublisherPlace>() == 16);
    assert!(size_of::<SampleSlot>() == 64);
    assert!(size_of::<SubscribersHeader>() == 64);
    assert!(size_of::<SubscriberPlace>() == 64);
    assert!(offset_of!(SubscriberPlace, first_cells) as u64 == CELLS_OFFSET);
};
