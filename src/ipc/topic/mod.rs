//! Topics: every subscriber sees every sample, without copies.
//!
//! # The idea
//!
//! Publishers write samples into slots of the topic's file, which subscribers map for reading only. A
//! publisher *reserves* a slot, writes the sample and *commits* it. The commit gives the sample the next
//! number and writes the slot's index into a ring of `capacity` entries. So samples are ordered at the
//! commit, and a publisher that dies before it blocks nobody. A sample leaves the topic when the ring is
//! full and another one gets its place.
//!
//! A subscriber reads the ring's entry for the number that it wants next. That entry alone says whether the
//! sample is there, is still to come, or was replaced. So subscribers take no latch, and publishing costs
//! the same however many of them there are.
//!
//! A slot whose sample has left the ring may still be read. A subscriber that *borrows* a sample announces
//! the slot in a *cell* of its own place, in a second file, and then checks that the slot still holds the
//! sample. A publisher that needs a slot overwrites the slots' words and then reads all cells. These are
//! hazard pointers (Michael, "Hazard pointers: safe memory reclamation for lock-free objects", 2004): one
//! search for announcements serves many slots. There are so many slots that a search always finds a
//! free one. A call that copies a sample announces nothing: it checks after the copy that the slot still
//! holds the sample.
//!
//! The truth about a sample stands in one word of its slot: free, reserved, or the number of the sample. A
//! sample is published when that word becomes its number. Ring, lists and counts are an index. If a publisher
//! dies while it holds the [`latch`](crate::sync::latch), the next one rebuilds the index from the slots
//! ([`repair`]).
//!
//! # Who may write what
//!
//! The topic's file has the mode that its creator gave. A process that may read it may subscribe. The
//! subscribers' file gives write permission to everybody who may read the topic's. So a hostile subscriber can
//! write anything there, but no sample and no word that leads a publisher anywhere: cells and positions are
//! only compared with numbers of slots and samples. If it removes another subscriber's announcement, that one
//! finds out when it returns the sample, and gets `EUCLEAN`.
//!
//! # Steps and deaths
//!
//! | step | if the process is killed right after it |
//! |---|---|
//! | reserve: take a slot from a list | the latch is orphaned, and the repair finds the slot free |
//! | slot: free -> reserved | the slot is free once the publisher's place is taken back |
//! | commit, slot: reserved -> number | the sample is published; subscribers search all slots for it, and the next publisher puts it into the ring |
//! | write the ring's entry, then `newest` | the sample is published |
//! | wake subscribers, release the latch | the sample is published; the kernel wakes those that poll, and a sleeping subscriber wakes by itself within a second |
//! | borrow: announce the slot | the announcement counts until the place is taken back |
//! | return: remove the announcement | the slot is free at the next search |
//!
//! A place belongs to a process ([`member`]). It is taken back as soon as somebody needs it and finds that
//! the process has ended or has executed another program: a publisher that waits, an opener that finds no free place, and `ipc_topic_stat`.
//!
//! # Waiting for subscribers
//!
//! With `IPC_TOPIC_WAIT`, subscribers also write their positions. A publisher counts its reservation, and then
//! waits while the sample that it could replace is one that a living subscriber has not taken. What all have
//! taken is remembered until another subscriber joins, so most reservations read no positions.

mod borrowing;
pub(in crate::ipc) mod member;
mod memory;
mod open;
mod publish_calls;
mod publish_section;
mod repair;
mod ring;
mod sample_wait;
mod sizes;
mod subscribe_calls;
mod subscribers;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
mod unlink;

pub(crate) use open::{Options, Wanted};
pub(crate) use sizes::Sizes;
pub(crate) use subscribe_calls::{Place, Received};
pub(crate) use unlink::{is_hidden, unlink};

use crate::base::alloc::Shared;
use crate::base::error::{Result, fail};
use crate::base::name::Name;
use crate::base::time::Deadline;
use crate::ipc::watch::descriptor::Descriptor;
use crate::object::Object;
use crate::object::map::Mapping;
use crate::sys::fence;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::sync::atomic::{AtomicU32, AtomicUsize};
use core::time::Duration;
use member::Member;
use memory::Memory;
use subscribers::Subscribers;

/// Samples up to this many bytes are copied while the latch is held, and are copied out without an
/// announcement.
const COPY_AT_ONCE: usize = 8192;

/// How often a publisher that waits looks whether the subscriber is alive that it waits for. The kernel tells of the deaths
/// of threads, and a place belongs to a process.
const LOOK: Duration = Duration::from_millis(50);

/// How long a waiter spins before it sleeps.
const SPIN: Duration = Duration::from_micros(50);

/// An open topic: a publisher or a subscriber.
pub(crate) struct Topic {
    memory: Memory,
    subscribers: Subscribers,
    publishes: bool,
    nonblocking: bool,
    member: Member,
    /// The process id for a publisher's samples.
    process: AtomicU32,
    /// A subscriber's: the number of the sample that it takes next.
    next: Shared<AtomicU64>,
    /// A subscriber's: the slot that its next sample will probably be in.
    next_slot: AtomicU32,
    /// A subscriber's: what it has borrowed, as the ring's entries, one for each of its cells. 0 is nothing.
    borrowed: Box<[AtomicU64]>,
    /// A publisher's: how many samples its program has reserved.
    reserved: AtomicUsize,
    /// The PID namespace of the ids in the topic, which was this process's when it opened the topic.
    pid_namespace: u32,
    name: Name,
    mapped: Shared<Mapped>,
    descriptor: Descriptor,
}

/// The two files of a topic. They keep the memory mapped.
struct Mapped {
    object: Object,
    subscribers: Mapping,
}

/// The state of a topic.
pub(crate) struct Statistics {
    /// How many samples were published since the topic was created.
    pub(crate) published: u64,
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    /// Samples that living publishers have reserved.
    pub(crate) reserved: usize,
    /// Samples that living subscribers have borrowed.
    pub(crate) borrowed: usize,
    /// How often the work of a dead publisher was repaired.
    pub(crate) repairs: u64,
    /// How many reserved samples became free because their publishers died.
    pub(crate) abandoned: u64,
    /// How many slots the topic has.
    pub(crate) slots: usize,
    /// How many slots are in a list, or were never used.
    pub(crate) free_slots: usize,
}

impl Topic {
    pub(crate) fn sizes(&self) -> Sizes {
        self.memory.sizes()
    }

    pub(crate) fn publishes(&self) -> bool {
        self.publishes
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking
    }

    pub(crate) fn is_stale(&self) -> Result<bool> {
        self.mapped.object.is_stale()
    }

    /// The state of the topic, without processes that have ended.
    pub(crate) fn statistics(&self) -> Result<Statistics> {
        self.settle()?;
        self.subscribers.bury_dead();
        if self.publishes {
            self.bury_publishers(Deadline::Now)?;
        }
        let header = self.memory.header();
        let mut publishers = 0;
        let mut reserved = 0;
        for index in 0..self.sizes().max_publishers {
            let place = self.memory.publisher_place(index)?;
            if place.owner.load(Relaxed) != 0 && member::dead_owner(&place.owner).is_none() {
                publishers += 1;
                reserved += place.reserved.load(Relaxed) as usize;
            }
        }
        let (subscribers, borrowed) = self.subscribers.count();
        Ok(Statistics {
            published: header.publishing.newest.load(Acquire),
            publishers,
            subscribers,
            reserved,
            borrowed,
            repairs: header.statistics.repairs.load(Relaxed),
            abandoned: header.statistics.abandoned.load(Relaxed),
            slots: self.memory.slot_count() as usize,
            free_slots: self.memory.free_slots(),
        })
    }

    /// Refuses while this process has samples of this handle reserved or borrowed.
    pub(crate) fn check_unused(&self) -> Result<()> {
        let is_in_use = self.member.place().is_some()
            && (self.reserved.load(Relaxed) != 0
                || self.borrowed.iter().any(|cell| cell.load(Relaxed) != 0));
        match is_in_use {
            false => Ok(()),
            true => Err(fail!(
                EBUSY,
                "{}: this handle has a sample reserved or borrowed",
                self.name
            )),
        }
    }

    fn deadline(&self, timeout_ns: i64) -> Result<Deadline> {
        let deadline = Deadline::after(timeout_ns)?;
        Ok(match self.nonblocking {
            true => Deadline::Now,
            false => deadline,
        })
    }

    /// The index of the handle's place, and the birth of this process. A forked child takes a place.
    fn settle(&self) -> Result<(u32, u64)> {
        let place = match self.member.place() {
            Some(place) => place,
            None => self.member.settle(&|birth| match self.publishes {
                true => self.join_publishers(birth),
                false => self.join_subscribers(birth),
            })?,
        };
        Ok((place, self.member.birth()))
    }

    /// The fence between a change and the look for sleepers. See [`fence`].
    #[inline(always)]
    fn light_fence(&self) {
        fence::light(self.subscribers.header().needs_fence.load(Relaxed) != 0);
    }

    /// Registers this process for the fences of sleepers, or has all others execute real ones.
    fn register_fences(&self) {
        if fence::register() {
            return;
        }
        self.subscribers.header().needs_fence.store(1, SeqCst);
        if self.publishes {
            self.memory.header().needs_fence.store(1, SeqCst);
        }
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // A forked child that has not used the handle leaves its parent's place alone.
        let Some(place) = self.member.place() else {
            return;
        };
        match self.publishes {
            true => self.leave_publishers(place),
            false => self.subscribers.leave(place, self.member.birth()),
        }
    }
}
