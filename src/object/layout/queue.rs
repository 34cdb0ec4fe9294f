//! The message queue in shared memory: its header, its rings, its index, its slots.
//!
//! ```text
//! offset 0        QueueHeader
//!                 inbox      u64 x ring size   lap, priority and slot of each message sent
//!                 free ring  u32 x ring size   slots that receivers gave back
//!                 next       u32 x messages    lists of messages, by slot
//!                 levels     Level x min(messages, priorities), the highest priority last
//!                 slots      MessageSlot + payload, x messages, each a multiple of 64 bytes
//! ```
//!
//! The ring size is the number of messages rounded up to a power of two. The slots hold the truth, and
//! everything else is an index, which a repair rebuilds from the slots. The head of `ipc::mq::shared`
//! describes the algorithm.
//!
//! Words that different processes write stand in different cache lines of 64 bytes.

use crate::sys::atomic::{AtomicU32, AtomicU64};
use crate::sys::liveness::BirthCell;
use crate::sys::robust::{Links, LockKind};

pub(crate) const QUEUE_VERSION: u32 = 3;

/// The alignment of a slot and of its payload.
pub(crate) const QUEUE_ALIGNMENT: usize = 64;

/// The number that stands for no slot.
pub(crate) const NONE: u32 = u32::MAX;

/// The first 64 bytes never change after the creation of the queue.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct QueueHeader {
    pub(crate) max_messages: AtomicU32,
    pub(crate) message_size: AtomicU32,
    /// The PID namespace of the thread ids in the lock words.
    pub(crate) pid_namespace: AtomicU32,
    /// How long a waiter spins before it sleeps, in nanoseconds.
    pub(crate) spin_ns: AtomicU32,
    /// A number that no other queue has, not even an earlier queue of the same name. Its lower half is the
    /// lower half of the file's inode number.
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

/// A robust lock word like a mutex's, with the list entry at the place that the kernel expects.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Latch {
    pub(crate) kind: LockKind,
    pub(crate) word: AtomicU32,
    pub(crate) sleepers: Sleepers,
    /// The holder's birth, as in a mutex.
    #[cfg(not(target_env = "musl"))]
    pub(crate) birth: BirthCell,
    #[cfg(not(target_env = "musl"))]
    reserved: u32,
    pub(crate) links: Links,
    #[cfg(target_env = "musl")]
    pub(crate) birth: BirthCell,
}

/// The word on which threads sleep. Its lowest bit says that somebody may be asleep, and the other bits
/// count the wake-ups.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Sleepers {
    pub(crate) word: AtomicU32,
}

/// Data that only the holder of the sending latch touches.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Sending {
    pub(crate) latch: Latch,
    /// How many slots have been taken out of the free ring: the lower half of that number.
    pub(crate) reused: AtomicU32,
    /// The lower half of `Received::freed`, as a sender last read it.
    pub(crate) seen_freed: AtomicU32,
    /// How many slots have ever been used. Senders take new slots in the order of their numbers.
    pub(crate) fresh: AtomicU32,
    /// The free slots that senders have taken out of the free ring and use only when that ring is empty: a
    /// list through the `next` array. Only a queue of large messages has them.
    pub(crate) cold_slots: AtomicU32,
    /// The priority of the message that was sent last.
    pub(crate) last_priority: AtomicU32,
    /// The reserved slots: a list through `MessageSlot::claimed_next`.
    pub(crate) reserved: AtomicU32,
}

/// Data that the holder of the sending latch writes and the receivers read.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Sent {
    /// How many messages have been put into the inbox.
    pub(crate) count: AtomicU64,
    /// The processor of the last sender (`sys::processor`).
    pub(crate) processor: AtomicU32,
}

/// Data that only the holder of the receiving latch touches.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Receiving {
    pub(crate) latch: Latch,
    /// How many messages have been taken out of the inbox into the levels.
    pub(crate) drained: AtomicU64,
    pub(crate) level_count: AtomicU32,
    /// The priority of the message that was taken out of the inbox last.
    pub(crate) last_priority: AtomicU32,
    /// The borrowed slots: a list through `MessageSlot::claimed_next`.
    pub(crate) borrowed: AtomicU32,
}

/// Data that the holder of the receiving latch writes and the senders read.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Received {
    /// How many slots have been given back through the free ring.
    pub(crate) freed: AtomicU64,
    /// How many messages have left the queue.
    pub(crate) removed: AtomicU64,
    /// The processor of the last receiver (`sys::processor`).
    pub(crate) processor: AtomicU32,
}

/// Data that every send and receive reads and that seldom change.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Waiting {
    /// The flag of `arrivals_bell`.
    pub(crate) arrivals: Sleepers,
    /// The flag of `departures_bell`.
    pub(crate) departures: Sleepers,
    /// Threads and watches that sleep until a message is sent, and do not receive it.
    pub(crate) observers: Sleepers,
    /// Not 0 if some process could not have the kernel execute fences on other processors. Then every process
    /// executes real fences (see sys::fence).
    pub(crate) needs_fence: AtomicU32,
    /// Not 0 if there is a descriptor that has to become ready with the queue's next change.
    pub(crate) fd_state: AtomicU32,
    /// Threads and watches that sleep until there is room, and do not use it.
    pub(crate) room_observers: Sleepers,
    /// The number of messages sent, up to and including the last message whose priority was higher than
    /// that of the message before it.
    pub(crate) rise: AtomicU64,
    /// Not 0 if the kernel twin, if there is one, has to be exact at any time: for a notification, or for good.
    pub(crate) keeps_twin: AtomicU32,
    /// How often a program may have changed O_NONBLOCK of a descriptor of the kernel twin.
    pub(crate) flag_changes: AtomicU32,
    /// Receivers sleep on it (`sync::bell`).
    pub(crate) arrivals_bell: AtomicU32,
    /// Senders sleep on it.
    pub(crate) departures_bell: AtomicU32,
}

const WAITING_MAX: usize = if cfg!(all(test, loom)) { 1 } else { 48 };

/// The births of waiting receivers, or of waiting senders, as far as there is room. An unused place holds 0.
/// They only serve to count the waiting threads.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct WaitingThreads {
    pub(crate) births: [BirthCell; WAITING_MAX],
}

#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Statistics {
    /// How often the work of a dead process was repaired.
    pub(crate) repairs: AtomicU64,
    /// How many messages came back to the queue because their borrowers died.
    pub(crate) redelivered: AtomicU64,
    /// How many reserved slots came back because their holders died.
    pub(crate) abandoned: AtomicU64,
    /// How many messages were discarded to make room.
    pub(crate) dropped: AtomicU64,
}

/// The messages of one priority: a first-in-first-out list through the `next` array.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct Level {
    pub(crate) priority: AtomicU32,
    pub(crate) first: AtomicU32,
    pub(crate) last: AtomicU32,
}

/// The header of a slot for one message. The payload follows it.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct MessageSlot {
    pub(crate) kind: LockKind,
    /// The thread that has reserved or borrowed the slot: a robust lock word in that thread's list. Or the id of the
    /// receiver of a handed slot.
    pub(crate) holder: AtomicU32,
    /// FREE, QUEUED, RESERVED, BORROWED or HANDED: the truth about the message.
    pub(crate) state: AtomicU32,
    /// The message's number in the order of sending.
    #[cfg(not(target_env = "musl"))]
    pub(crate) sequence: AtomicU64,
    #[cfg(not(target_env = "musl"))]
    pub(crate) priority: AtomicU32,
    pub(crate) links: Links,
    #[cfg(target_env = "musl")]
    pub(crate) sequence: AtomicU64,
    #[cfg(target_env = "musl")]
    pub(crate) priority: AtomicU32,
    /// How often the message came back to the queue because its borrower died.
    pub(crate) redeliveries: AtomicU32,
    pub(crate) claimed_next: AtomicU32,
    pub(crate) claimed_previous: AtomicU32,
    pub(crate) length: AtomicU32,
    /// The holder's birth, as in a mutex. Only the holder of the latch that guards the claim writes it.
    pub(crate) birth: BirthCell,
}

/// The states of a slot. Each change of the state is one store. With that store the operation has
/// happened.
pub(crate) const FREE: u32 = 0;
pub(crate) const QUEUED: u32 = 1;
pub(crate) const RESERVED: u32 = 2;
pub(crate) const BORROWED: u32 = 3;
/// Borrowed, and given to the thread or process that `holder` names, which has not taken it yet.
pub(crate) const HANDED: u32 = 4;

// (A model's words are larger.)
#[cfg(not(all(test, loom)))]
const _: () = {
    use crate::sys::robust::is_lock_form;
    use core::mem::offset_of;

    const IS_MUSL: bool = cfg!(target_env = "musl");
    /// How many cache lines more each latch and its neighbours take with musl.
    const MORE: usize = if IS_MUSL { 64 } else { 0 };

    assert!(size_of::<QueueHeader>() == 19 * 64 + 2 * MORE);
    assert!(offset_of!(QueueHeader, sending) == 64);
    assert!(offset_of!(QueueHeader, sent) == 128 + MORE);
    assert!(offset_of!(QueueHeader, receiving) == 192 + MORE);
    assert!(offset_of!(QueueHeader, received) == 256 + 2 * MORE);
    assert!(offset_of!(QueueHeader, waiting) == 320 + 2 * MORE);
    assert!(offset_of!(QueueHeader, statistics) == 384 + 2 * MORE);
    assert!(size_of::<Latch>() == if IS_MUSL { 48 } else { 40 });
    assert!(is_lock_form(
        offset_of!(Latch, word),
        offset_of!(Latch, links)
    ));
    assert!(offset_of!(Latch, birth) == if IS_MUSL { 40 } else { 8 });
    assert!(offset_of!(Sending, reused) == size_of::<Latch>());
    assert!(offset_of!(Sending, reserved) == size_of::<Latch>() + 20);
    assert!(offset_of!(Receiving, drained) == size_of::<Latch>());
    assert!(offset_of!(Receiving, borrowed) == size_of::<Latch>() + 16);
    assert!(offset_of!(Waiting, rise) == 24);
    assert!(size_of::<Level>() == 12);
    assert!(size_of::<MessageSlot>() == if IS_MUSL { 128 } else { 64 });
    assert!(offset_of!(MessageSlot, holder) == size_of::<LockKind>());
    assert!(is_lock_form(
        offset_of!(MessageSlot, holder),
        offset_of!(MessageSlot, links)
    ));
    assert!(offset_of!(MessageSlot, sequence) == if IS_MUSL { 40 } else { 8 });
    assert!(offset_of!(MessageSlot, priority) == if IS_MUSL { 48 } else { 16 });
    assert!(offset_of!(MessageSlot, redeliveries) == if IS_MUSL { 52 } else { 40 });
    assert!(offset_of!(MessageSlot, length) == if IS_MUSL { 64 } else { 52 });
    assert!(offset_of!(MessageSlot, birth) == if IS_MUSL { 72 } else { 56 });
};
