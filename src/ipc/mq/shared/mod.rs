//! The message queue in shared memory: its design, its handle, and the map of its parts. Section 7 of
//! docs/design.md is an introduction.
//!
//! # The idea
//!
//! A queue has two [`latch`](crate::sync::latch)es, which are robust locks: one for senders, one
//! for receivers. Senders and receivers meet in two rings, as in the two-lock queue of Michael and
//! Scott ("Simple, fast, and practical non-blocking and blocking concurrent queue algorithms",
//! 1996). The *inbox* carries the numbers of filled slots to the receivers. The *free ring* carries
//! the numbers of emptied slots back to the senders. At any time, each ring has one writer and one
//! reader: the holders of the two latches. So a ring's two ends are one counter each, as in
//! Lamport's ring ("Proving the correctness of multiprocess programs", 1977). Receivers sort the
//! inbox into *levels*, one list per priority, and take the first message of the highest level.
//!
//! The truth about a message stands in one word of its slot: free, queued, reserved, borrowed or handed. A
//! message is sent when that word becomes "queued", and received when it becomes "free" again. Each
//! is one store. Rings, levels and counters are only an index, for speed. A process killed in a
//! section leaves slots that are right and an index that may be wrong. The next process that takes
//! a latch rebuilds the index from the slots ([`repair`]). LMDB works the same way (Chu, "MDB: a
//! memory-mapped database and backend for OpenLDAP", 2011): committed data is the truth, and
//! recovery comes before anybody may go on. A holder that is stopped but alive keeps its latch.
//!
//! # Invariants
//!
//! They hold while nobody holds a latch and no latch is orphaned. The counters of the rings only go
//! up, so two of them are compared by their difference. The capacity is the number of slots.
//!
//! 1. Every slot is in exactly one place:
//!    - never taken yet: its number is `fresh` or higher;
//!    - free, and in the free ring or (only in a queue of large messages) in the list `cold_slots`;
//!    - queued, and in the inbox or in the level of its priority;
//!    - reserved;
//!    - borrowed, or handed over by its borrower and not yet taken over.
//! 2. `reused <= freed <= reused + capacity`. The entries between `reused` and `freed` are the free
//!    ring.
//! 3. `drained <= sent <= drained + capacity`. The entries between `drained` and `sent` are the
//!    inbox. (A message is drained when a receiver moves it from the inbox into a level.)
//! 4. `sent - removed` is the number of queued messages.
//! 5. Levels are sorted by priority. No level is empty. A level's list goes by rising sequence
//!    numbers.
//! 6. If `rise <= drained`, no message in the inbox has a higher priority than the message that was
//!    drained last. So a receiver that knows a message of at least that priority need not read the
//!    inbox, whose cache line senders write for each message.
//! 7. The `holder` word of a reserved or borrowed slot is in its holder's robust list, as long as
//!    the holder lives. That of a handed slot names its receiver and is in no robust list. The
//!    `holder` word of every other slot is 0.
//!
//! # Steps and deaths
//!
//! | step of a send | if the sender is killed right after it |
//! |---|---|
//! | take a slot (from `reused`, `cold_slots` or `fresh`); write payload, priority and sequence number | the slot is free: nothing was sent |
//! | slot: free -> queued | the message is sent |
//! | write the inbox entry, then `sent` | the message is sent |
//! | wake a receiver, release the latch | the message is sent; the kernel wakes a sleeping receiver |
//!
//! | step of a receive | if the receiver is killed right after it |
//! |---|---|
//! | sort the inbox into levels; copy the payload; unlink the message from its level | the message is still queued |
//! | slot: queued -> free | the message is received, and lost with its receiver |
//! | write the free ring's entry, then `freed` | the message is received, and lost with its receiver |
//!
//! Payloads of more than [`COPY_UNDER_LATCH`] bytes are copied while no latch is held. Users write
//! and read messages in place while no latch is held. Meanwhile the slot is claimed: reserved or
//! borrowed.
//!
//! | step of a call in place | if the thread is killed right after it |
//! |---|---|
//! | reserve: take a slot, set `holder`, link it into the robust list | the slot is free |
//! | slot: free -> reserved | the slot becomes free, and is counted as abandoned |
//! | commit, slot: reserved -> queued | the message is sent |
//! | borrow: unlink the message from its level, set `holder`, link it into the robust list | the message is still queued |
//! | slot: queued -> borrowed | the message is queued again in its old place, and counted as redelivered |
//! | return, slot: borrowed -> free | the message is received |
//! | hand over, slot: borrowed -> handed | the message is queued again in its old place |
//! | `holder`: the receiver's id; unlink it from the giver's robust list | the message is the receiver's |
//! | take over, `holder`: the taker's id; link it into the taker's robust list | the message is queued again, if the taker died |
//! | slot: handed -> borrowed | the message is queued again |
//!
//! # Corruption
//!
//! Every value read from shared memory is checked where it is used: a number before it becomes an
//! address, a count before it limits a loop. An impossible value gives `EUCLEAN`. One corruption
//! cannot be detected: a latch's word that was overwritten with the id of a living thread means
//! that this thread holds the latch.
//!
//! # The parts
//!
//! | part | its one job |
//! |---|---|
//! | [`open`], [`unlink`] | a queue's beginning and end |
//! | [`send_calls`], [`receive_calls`] | the calls: they check, take a latch, wait and wake |
//! | [`send_section`], [`receive_section`] | the steps that are allowed while that latch is held |
//! | [`latches`] | taking one latch or both, and repairing what a dead holder left |
//! | [`repair`] | rebuilding the index from the slots |
//! | [`claims`] | slots in use while no latch is held |
//! | [`hand_over`] | borrowed messages that pass to another thread or process |
//! | [`wait_point`], [`spin_policy`] | how senders and receivers wait and are woken; how a receive spins first |
//! | [`polled`], [`queue_wait`] | the descriptor to poll; what others wait for without taking it |
//! | [`descriptor`], [`readiness`] | the drop-in's queue of the kernel: when its state changes; its states |
//! | [`observer`] | notification of messages |
//! | [`memory`] | where everything is |
//!
//! A call that needs both latches takes the sending one first.

mod claims;
mod descriptor;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod hand_over;
mod latches;
mod memory;
mod observer;
mod open;
mod polled;
mod queue_wait;
mod readiness;
mod receive_calls;
mod receive_section;
mod repair;
mod ring;
mod send_calls;
mod send_section;
mod spin_policy;
#[cfg(test)]
mod tests;
mod unlink;
mod wait_point;

pub(crate) use unlink::unlink;

use super::notify::Notifier;
use super::{Attributes, Direction, Statistics};
use crate::base::alloc::Shared;
use crate::base::error::{Errno, Result, fail};
use crate::base::name::Name;
use crate::base::time::{Deadline, is_timeout, now};
use crate::ipc::watch::descriptor::Descriptor;
use crate::object::Object;
use crate::object::layout::QueueHeader;
use crate::sync::latch::check_namespace;
use crate::sys::thread::Thread;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64};
use core::time::Duration;
use memory::Memory;
use readiness::Readiness;
use receive_section::ReceiveSection;
use spin_policy::SpinPolicy;

/// Payloads up to this many bytes are copied while the latch is held. To claim a slot instead, a
/// call takes the latch twice, which costs more: with 8 KiB between two processors, 1.2 million
/// messages a second are copied in claimed slots, and 1.5 million under the latch. Several longer
/// payloads can be copied at once.
const COPY_UNDER_LATCH: usize = 8192;

/// How long a call that has copied a large message waits for the latch, even if its deadline passes
/// first. A latch that is only contended is free long before that.
const GRACE_AFTER_COPY: Duration = Duration::from_millis(50);

/// How many messages a call sends or receives while it holds a latch.
const BATCH: usize = 64;

/// An open queue.
pub(crate) struct SharedQueue {
    memory: Memory,
    direction: Direction,
    nonblocking: bool,
    /// A full queue drops its lowest message.
    overwrites: bool,
    /// How long a waiter spins before it sleeps.
    spin: Duration,
    spin_policy: SpinPolicy,
    /// When this handle last found out whether holders of claims are alive, in milliseconds.
    last_examination: AtomicU64,
    readiness: Readiness,
    descriptor: Descriptor,
    /// The PID namespace of the thread ids in the queue, which was this process's when it opened the
    /// queue. A child that was forked into another namespace has the handle too, and may not use it.
    pid_namespace: u32,
    name: Name,
    /// Keeps the memory mapped.
    object: Shared<Object>,
    notifier: Notifier,
}

/// A message that its receiver reads in place.
pub(crate) struct Borrowed {
    pub(crate) payload: NonNull<u8>,
    /// In bytes.
    pub(crate) length: usize,
    pub(crate) priority: u32,
    pub(crate) redeliveries: u32,
}

impl SharedQueue {
    #[inline(always)]
    fn header(&self) -> &QueueHeader {
        self.memory.header()
    }

    pub(crate) fn attributes(&self) -> Attributes {
        self.settle_claims();
        let sizes = self.memory.sizes();
        // The two counters behind the count are read one after the other. Messages sent in between
        // can make it too large.
        let count = ReceiveSection::count(&self.memory).min(self.memory.capacity());
        Attributes {
            max_messages: sizes.max_messages as usize,
            message_size: sizes.message_size as usize,
            current_messages: count as usize,
        }
    }

    pub(crate) fn statistics(&self) -> Result<Statistics> {
        // Living waiters are told by their ids.
        let thread = Thread::current()?;
        check_namespace(
            &format_args!("{}: the queue", self.name),
            thread,
            self.pid_namespace,
        )?;
        self.settle_claims();
        let header = self.header();
        let statistics = &header.statistics;
        Ok(Statistics {
            waiting_receivers: header.waiting_receivers.count(),
            waiting_senders: header.waiting_senders.count(),
            dropped: statistics.dropped.load(Relaxed),
            repairs: statistics.repairs.load(Relaxed),
            redelivered: statistics.redelivered.load(Relaxed),
            abandoned: statistics.abandoned.load(Relaxed),
        })
    }

    /// How long a waiter spins before it sleeps.
    pub(crate) fn spin(&self) -> Duration {
        self.spin
    }

    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking
    }

    pub(crate) fn overwrites(&self) -> bool {
        self.overwrites
    }

    pub(crate) fn is_stale(&self) -> Result<bool> {
        self.object.is_stale()
    }

    /// Refuses while this thread has a message of the queue reserved or borrowed. A claim
    /// that an overwritten queue has lost does not count.
    pub(crate) fn check_unused(&self) -> Result<()> {
        let (mapping, thread) = (self.object.data(), Thread::current()?);
        let is_held = |word: *const AtomicU32| thread.is_owner(word) && self.memory.is_claim(word);
        if thread
            .robust_list()
            .has_entry_within(mapping.base(), mapping.size(), &is_held)
        {
            return Err(fail!(
                EBUSY,
                "{}: this thread has a message of the queue reserved or borrowed",
                self.name
            ));
        }
        Ok(())
    }

    fn deadline(&self, timeout_ns: i64) -> Result<Deadline> {
        let deadline = Deadline::after(timeout_ns)?;
        Ok(if self.nonblocking {
            Deadline::Now
        } else {
            deadline
        })
    }

    /// The deadline of a call in place. `None` for the first attempt, `at_once`, which waits for
    /// nothing.
    #[inline(always)]
    fn deadline_unless(&self, at_once: bool, timeout_ns: i64) -> Result<Option<Deadline>> {
        match at_once {
            // The second attempt describes the invalid timeout.
            true if !is_timeout(timeout_ns) => Err(Errno::EAGAIN.into()),
            true => Ok(None),
            false => self.deadline(timeout_ns).map(Some),
        }
    }
}

/// The deadline for the second half of a call that copies a large message while no latch is held.
fn deadline_after_copy(deadline: Deadline) -> Deadline {
    match deadline {
        Deadline::At(point) => Deadline::At(point.max(now() + GRACE_AFTER_COPY)),
        deadline => deadline,
    }
}
