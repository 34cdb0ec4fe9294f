//! The message queue in shared memory.
//!
//! # The idea
//!
//! Senders and receivers have a latch each ([`latch`](crate::sync::latch), a robust lock), and
//! meet in two rings, as in Michael and Scott's two-lock queue ("Simple, fast, and practical
//! non-blocking and blocking concurrent queue algorithms", 1996): the *inbox* brings the numbers
//! of filled slots to the receivers, the *free ring* brings those of empty ones back. Each ring
//! has one writer and one reader at a time, the holders of the latches, so that its two ends are
//! a counter each, as in Lamport's ring ("Proving the correctness of multiprocess programs",
//! 1977). Receivers move what is in the inbox into the *levels*, one list per priority, and take
//! the first of the highest.
//!
//! The truth about a message stands in its slot, in one word: free, queued, reserved or
//! borrowed. SendSection has happened when the word becomes "queued", receiving when it stops being
//! that: one store each. Rings, levels and counters are an index, for speed. A process killed
//! in a section leaves an index that may be wrong and slots that are right, and who comes next
//! makes the index anew from the slots ([`repair`]). It is the way of LMDB (Chu, "MDB: a
//! memory-mapped database and backend for OpenLDAP", 2011): what was committed is the truth, and
//! recovery comes before anybody may go on. A holder that is stopped and alive keeps its latch:
//! nobody is robbed.
//!
//! # Invariants, while nobody holds a latch and none is orphaned
//!
//! Counts only go up, so each is compared by difference. With capacity the number of slots:
//!
//! 1. Every slot is exactly one of: never taken yet, from `fresh` on; free, and in the free ring or
//!    (where messages are large) in the list of cold_slots ones; queued, and in the inbox or in the list
//!    of its priority; reserved; borrowed.
//! 2. `reused <= freed <= reused + capacity`: what lies between is in the free ring.
//! 3. `drained <= sent <= drained + capacity`: what lies between is in the inbox.
//! 4. `sent - removed` is the number of queued messages.
//! 5. Levels are sorted by priority, none is empty, and a level's list goes by rising sequence
//!    numbers.
//! 6. If `rise <= drained`, no message in the inbox has a higher priority than the one drained
//!    last. So a receiver that has one of at least that priority need not look at the inbox, a
//!    cache line that senders write to for each message.
//! 7. A reserved or borrowed slot's `holder` word is in its holder's robust list. The holder word
//!    of every other slot is 0.
//!
//! # Steps and deaths
//!
//! | send | killed right after it |
//! |---|---|
//! | take a slot (`reused`, `cold_slots` or `fresh`), write payload, priority, sequence | slot free: nothing was sent |
//! | slot: free -> queued | sent |
//! | inbox, `sent` | sent |
//! | release the latch, wake | sent; a sleeper looks by itself |
//!
//! | receive | killed right after it |
//! |---|---|
//! | move the inbox into levels; copy the payload; take it out of its list | still queued |
//! | slot: queued -> free | received, by one who is dead |
//! | free ring, `freed` | the same |
//!
//! Payloads of more than [`COPY_UNDER_LATCH`] bytes are copied outside the latch, in a slot
//! that is reserved or borrowed meanwhile, as those are that the user fills or reads in place: a
//! dead sender's slot becomes free, a dead receiver's message is queued again in its old place.
//!
//! # Corruption
//!
//! Whatever is read from shared memory is checked where it is used: a number before it becomes an
//! address, a count before it limits a loop. What cannot be right is `EUCLEAN`. One thing cannot be
//! told: a latch's word overwritten with the id of a living thread looks as if that thread held
//! it.
//!
//! # The parts
//!
//! [`send`] and [`receive`] are the calls; [`send_section`] and [`receive_section`] are what may be done while
//! the one or the other latch is held. [`memory`] knows where things are, [`claims`] are slots in use
//! without a latch, [`wait_point`] is how both sides sleep and wake, [`repair`] makes the index anew,
//! [`readiness`] is the descriptor and [`observer`] the notification. Who needs both latches takes the
//! sending one first.

mod claims;
mod memory;
mod observer;
mod readiness;
mod receive;
mod receive_section;
mod repair;
mod send;
mod send_section;
mod spin_policy;
#[cfg(test)]
mod tests;
mod wait_point;

use super::notify::{Action, Arrivals, Notifier};
use super::{Attributes, Direction, Source, Statistics, Target};
use crate::base::error::{Errno, Result, fail};
use crate::base::name::Name;
use crate::base::time::{Deadline, FOREVER, now};
use crate::object::layout::{
    Kind, Latch, MessageSlot, NONE, QUEUE_ALIGNMENT, QUEUE_VERSION, QueueHeader, Type,
};
use crate::object::map::{Access, Mapping};
use crate::object::{self, Location, Object, Outcome};
use crate::sync::latch::Latched;
use crate::sys::thread::Thread;
use crate::sys::{fence, file, process};
use claims::Claims;
use core::cell::Cell;
use core::mem::{MaybeUninit, offset_of};
use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;
use memory::{Memory, Numbered, PRIORITY_MAX, Sizes};
use observer::Observer;
use readiness::{EMPTY, FULL, READY, Readiness, UNKNOWN};
use receive_section::{First, ReceiveSection};
use send_section::SendSection;
use spin_policy::SpinPolicy;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use wait_point::WaitPoint;

/// Payloads up to this many bytes are copied while the latch is held: taking it twice, with a claim
/// in between, costs more (8 KiB between two processors: 1.2 million messages a second copied in a
/// claimed slot, 1.5 under the latch). Of longer ones several can be copied at once.
const COPY_UNDER_LATCH: usize = 8192;

/// What a queue has that is made without attributes: what the kernel's has.
const DEFAULT_SIZES: Sizes = Sizes {
    max_messages: 10,
    message_size: 8192,
};

/// How long a waiter looks before it sleeps, where the maker of the queue does not say.
const DEFAULT_SPIN: Duration = Duration::from_micros(50);

/// Who has to wait, and may look for longer than this, begins with a short look, before it knows what
/// time it is.
const BRIEF: Duration = Duration::from_micros(5);

/// How long a call that must not wait waits for a section of another call: sections take less than
/// microseconds, so only one whose thread is stopped takes longer.
const STOPPED: Duration = Duration::from_secs(1);

/// How many messages a call sends or receives while it holds a latch.
const BATCH: usize = 64;

/// An open queue.
pub(crate) struct SharedQueue {
    memory: Memory,
    direction: Direction,
    nonblocking: bool,
    /// A full queue drops its lowest message.
    overwrites: bool,
    spin: Duration,
    spin_policy: SpinPolicy,
    readiness: Readiness,
    name: Name,
    /// Keeps the memory mapped.
    object: Arc<Object>,
    notifier: Notifier,
}

/// A message that its receiver reads in place.
pub(crate) struct Borrowed {
    pub(crate) payload: NonNull<u8>,
    pub(crate) length: usize,
    pub(crate) priority: u32,
    pub(crate) redeliveries: u32,
}

/// Both latches; the one taken second is released first.
struct Both<'q> {
    receiving: ReceiveSection<'q>,
    sending: SendSection<'q>,
}

impl Both<'_> {
    fn here(&self) -> u32 {
        self.receiving.here()
    }
}

/// What a full queue that overwrites has dropped.
enum Dropped {
    Queued,
    New,
    Nothing,
}

impl SharedQueue {
    /// Opens or makes a queue. `attributes` are those of a new one, and what an existing one must
    /// have; without them any is opened.
    pub(crate) fn open(
        name: &Name,
        attributes: Option<Attributes>,
        options: super::Options,
    ) -> Result<(SharedQueue, Outcome)> {
        let location = Location::of_name(name);
        let sizes = match attributes {
            Some(wanted) => Some(Sizes::new(wanted.max_messages, wanted.message_size)?),
            None => None,
        };
        let of_object = object::Options {
            create: options.create,
            exclusive: options.exclusive,
            // ReceiveSection changes the queue too.
            access: Access::ReadWrite,
            adopt: false,
            check_owner: options.check_owner,
            unsealed: false,
            descriptor: options.descriptor,
            mode: options.mode,
        };
        let is_gone = |errno| matches!(errno, Errno::ENOENT | Errno::ESTALE);
        // Each further round means that another process removed the name or took it just now.
        loop {
            if !options.exclusive {
                let recorded = Cell::new(0);
                let type_of = |size| {
                    recorded.set(size);
                    queue_type(size)
                };
                match Object::open_as_found(&location, Kind::Queue, &type_of, of_object) {
                    Ok(object) => {
                        let object = (object, recorded.get());
                        let queue = SharedQueue::of_existing(name, sizes, object, options)?;
                        return Ok((queue, Outcome::Opened));
                    }
                    Err(error) if options.create && is_gone(error.errno()) => {}
                    Err(error) => return Err(error),
                }
            }
            let sizes = sizes.unwrap_or(DEFAULT_SIZES);
            match make(
                &location,
                sizes,
                options.spin.unwrap_or(DEFAULT_SPIN),
                of_object,
            ) {
                Err(error) if error.errno() == Errno::EEXIST && !options.exclusive => {}
                made => {
                    let queue = SharedQueue::of(name, sizes, made?, options)?;
                    return Ok((queue, Outcome::Created));
                }
            }
        }
    }

    fn of_existing(
        name: &Name,
        wanted: Option<Sizes>,
        (object, recorded): (Object, u64),
        options: super::Options,
    ) -> Result<SharedQueue> {
        let found = Memory::sizes_of(object.data(), recorded)?;
        if wanted.is_some_and(|wanted| wanted != found) {
            let wanted = wanted.unwrap_or(found);
            return Err(fail!(EPROTO, "{name}: expected {wanted}, found {found}"));
        }
        let queue = SharedQueue::of(name, found, object, options)?;
        let (theirs, ours) = (
            queue.header().pid_namespace.load(Relaxed),
            Thread::current()?.pid_namespace(),
        );
        if theirs != ours {
            return Err(fail!(
                EPROTO,
                "{name}: it belongs to PID namespace {theirs}, this process to {ours}: thread ids in it would be taken for others"
            ));
        }
        Ok(queue)
    }

    fn of(
        name: &Name,
        sizes: Sizes,
        object: Object,
        options: super::Options,
    ) -> Result<SharedQueue> {
        let memory = Memory::of(object.data(), sizes)?;
        if !fence::register() {
            memory.header().waiting.needs_fence.store(1, SeqCst);
        }
        Ok(SharedQueue {
            spin: Duration::from_nanos(memory.header().spin_ns.load(Relaxed).into()),
            spin_policy: SpinPolicy::default(),
            readiness: Readiness::new(memory.header().identity.load(Relaxed)),
            memory,
            direction: options.direction,
            nonblocking: options.nonblocking,
            overwrites: options.overwrites,
            name: *name,
            object: Arc::new(object),
            notifier: Notifier::default(),
        })
    }

    #[inline(always)]
    fn header(&self) -> &QueueHeader {
        self.memory.header()
    }

    pub(crate) fn attributes(&self) -> Attributes {
        let sizes = self.memory.sizes();
        Attributes {
            max_messages: sizes.max_messages as usize,
            message_size: sizes.message_size as usize,
            // The two are not read at once: more may have been sent meanwhile.
            current_messages: ReceiveSection::count(&self.memory).min(self.memory.capacity())
                as usize,
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let header = self.header();
        let statistics = &header.statistics;
        Statistics {
            waiting_receivers: header.waiting_receivers.count(),
            waiting_senders: header.waiting_senders.count(),
            dropped: statistics.dropped.load(Relaxed),
            repairs: statistics.repairs.load(Relaxed),
            redelivered: statistics.redelivered.load(Relaxed),
            abandoned: statistics.abandoned.load(Relaxed),
        }
    }

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

    /// Refuses while this thread has a message of the queue reserved or borrowed.
    pub(crate) fn check_unused(&self) -> Result<()> {
        let mapping = self.object.data();
        if Thread::current()?.holds_within(mapping.base(), mapping.size()) {
            return Err(fail!(
                EBUSY,
                "{}: this thread has a message of it reserved or borrowed",
                self.name
            ));
        }
        Ok(())
    }

    /// The deadline of a call; `None` for one that is to be over `at_once` or not done at all.
    #[inline(always)]
    fn deadline_unless(&self, at_once: bool, timeout_ns: i64) -> Result<Option<Deadline>> {
        match at_once {
            // What is wrong with it is said the second time.
            true if timeout_ns < FOREVER => Err(Errno::EAGAIN.into()),
            true => Ok(None),
            false => self.deadline(timeout_ns).map(Some),
        }
    }

    fn deadline(&self, timeout_ns: i64) -> Result<Deadline> {
        let deadline = Deadline::after(timeout_ns)?;
        Ok(if self.nonblocking {
            Deadline::Now
        } else {
            deadline
        })
    }

    // ---- waking ----

    /// After sending, when the latch is released.
    #[inline(always)]
    fn tell_receivers(&self, count: u32) {
        let waiting = &self.header().waiting;
        if waiting.arrivals.are_asleep() {
            waiting.arrivals.wake(count);
        }
        if waiting.observers.are_asleep() {
            waiting.observers.wake(u32::MAX);
        }
    }

    /// After receiving, when the latch is released.
    #[inline(always)]
    fn tell_senders(&self, count: u32) {
        let waiting = &self.header().waiting;
        if waiting.departures.are_asleep() {
            waiting.departures.wake(count);
        }
    }

    // ---- the latches ----

    fn latch<'q>(&'q self, latch: &'q Latch, deadline: Deadline) -> Result<Latched<'q>> {
        let needs_fence = &self.header().waiting.needs_fence;
        // Mostly it is free, and what time it is need not be asked.
        if let Some(latched) = latch.take_fast(needs_fence) {
            return Ok(latched);
        }
        let until = match deadline {
            Deadline::Now => Deadline::At(now().saturating_add(STOPPED)),
            deadline => deadline,
        };
        latch
            .take(needs_fence, until)
            .map_err(|error| match error.errno() {
                Errno::ETIMEDOUT if deadline == Deadline::Now => fail!(
                    EAGAIN,
                    "{}: thread {} is in a call on the queue and does not run",
                    self.name,
                    latch.holder()
                ),
                _ => error,
            })
    }

    /// Takes the sending latch, and repairs what a dead holder left. Without a deadline it waits for
    /// nobody: where that takes more than a latch that is free and sound, it is `EAGAIN`.
    ///
    /// Who is in a hurry uses the result where it was put: moved in wide words right after it was
    /// written in narrow ones, it makes the processor wait for its own stores.
    #[inline(never)]
    fn sending(&self, deadline: Option<Deadline>) -> Result<SendSection<'_>> {
        let header = self.header();
        if let Some(latched) = header.sending.latch.take_fast(&header.waiting.needs_fence) {
            if !self.is_watched() {
                return Ok(SendSection {
                    memory: &self.memory,
                    _other: None,
                    latched,
                });
            }
            latched.release();
        }
        let deadline = deadline.ok_or(Errno::EAGAIN)?;
        let (latched, other) = self.hold(&header.sending.latch, deadline)?;
        Ok(SendSection {
            memory: &self.memory,
            _other: other,
            latched,
        })
    }

    /// The same with the receiving latch.
    #[inline(never)]
    fn receiving(&self, deadline: Option<Deadline>) -> Result<ReceiveSection<'_>> {
        let header = self.header();
        if let Some(latched) = header
            .receiving
            .latch
            .take_fast(&header.waiting.needs_fence)
        {
            if !self.is_watched() {
                return Ok(ReceiveSection {
                    memory: &self.memory,
                    _other: None,
                    latched,
                });
            }
            latched.release();
        }
        let deadline = deadline.ok_or(Errno::EAGAIN)?;
        let (latched, other) = self.hold(&header.receiving.latch, deadline)?;
        Ok(ReceiveSection {
            memory: &self.memory,
            _other: other,
            latched,
        })
    }

    /// Takes a latch, and the other one where both are needed.
    #[cold]
    #[inline(never)]
    fn hold<'q>(
        &'q self,
        latch: &'q Latch,
        deadline: Deadline,
    ) -> Result<(Latched<'q>, Option<Latched<'q>>)> {
        if !self.is_watched() {
            let latched = self.latch(latch, deadline)?;
            if !latched.is_orphaned() && !self.is_watched() {
                return Ok((latched, None));
            }
        }
        let both = self.both(deadline)?;
        let (sending, receiving) = (both.sending.latched, both.receiving.latched);
        Ok(if core::ptr::eq(latch, &self.header().sending.latch) {
            (sending, Some(receiving))
        } else {
            (receiving, Some(sending))
        })
    }

    /// Takes both latches, and repairs what a dead holder of one of them left.
    #[inline(never)]
    fn both(&self, deadline: Deadline) -> Result<Both<'_>> {
        let memory = &self.memory;
        let mut latched = self.latch(&self.header().sending.latch, deadline)?;
        latched.keep();
        let sending = SendSection {
            memory,
            _other: None,
            latched,
        };
        let latched = self.latch(&self.header().receiving.latch, deadline)?;
        let receiving = ReceiveSection {
            memory,
            latched,
            _other: None,
        };
        let mut both = Both { receiving, sending };
        if both.sending.latched.is_orphaned() || both.receiving.latched.is_orphaned() {
            // Until it is done, nobody may go on with either half of the index.
            both.sending.latched.make_orphaned();
            both.receiving.latched.make_orphaned();
            repair::rebuild(&both.sending, &both.receiving)?;
            let header = self.header();
            if self.is_watched() {
                header.waiting.fd_state.store(UNKNOWN, Relaxed);
                self.settle()?;
            }
            header.statistics.repairs.fetch_add(1, Relaxed);
            both.receiving.latched.make_sound();
            both.sending.latched.make_sound();
            // The dead may have changed what others sleep for without waking them.
            header.waiting.arrivals.wake(u32::MAX);
            header.waiting.departures.wake(u32::MAX);
            header.waiting.observers.wake(u32::MAX);
        }
        if self.is_watched() {
            self.readiness.prepare()?;
        }
        Ok(both)
    }

    // ---- telling others ----

    /// Has `action` done for the messages that wait and for each that comes.
    pub(crate) fn notify(&self, action: Action) -> Result<()> {
        let arrivals = || -> Result<Box<dyn Arrivals>> {
            let memory = Memory::of(self.object.data(), self.memory.sizes())?;
            Ok(Box::new(Observer::new(memory, &self.object)))
        };
        self.notifier.begin(&self.name, &arrivals, action)
    }

    /// Ends that: when this returns, the action is over, unless the action itself called.
    pub(crate) fn end_notification(&self) -> Result<()> {
        self.notifier.end(&self.name)
    }

    /// A descriptor that is readable while there is a message.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        let both = self.both(Deadline::Never)?;
        let descriptor = self.readiness.make(&self.object)?;
        // Calls that hold one latch only are over; those that come take both. (What was in a FIFO that
        // nobody had open any more is gone.)
        if !self.is_watched() || !self.readiness.is_bell() {
            self.header().waiting.fd_state.store(UNKNOWN, Relaxed);
        }
        self.settle()?;
        drop(both);
        Ok(descriptor)
    }

    /// Whether somebody has asked for the descriptor. Certain for who holds a latch.
    #[inline(always)]
    fn is_watched(&self) -> bool {
        self.header().waiting.fd_state.load(Relaxed) != 0
    }

    /// Before a change that ends a state of the descriptor's FIFO in which it is not ready.
    #[inline(always)]
    fn make_ready(&self, packets: u32) -> Result<()> {
        match self.is_watched() {
            true => self.make_watched_ready(packets),
            false => Ok(()),
        }
    }

    #[cold]
    #[inline(never)]
    fn make_watched_ready(&self, packets: u32) -> Result<()> {
        let fd_state = &self.header().waiting.fd_state;
        if fd_state.load(Relaxed) == packets + 1 && !self.is_for_a_waiter() {
            self.readiness.set(fd_state, READY)?;
        }
        Ok(())
    }

    /// After a change: makes the descriptor's FIFO right, if there is one. Then this thread holds
    /// both latches.
    #[inline(always)]
    fn settle(&self) -> Result<()> {
        match self.is_watched() {
            true => self.settle_watched(),
            false => Ok(()),
        }
    }

    #[cold]
    #[inline(never)]
    fn settle_watched(&self) -> Result<()> {
        let packets = if ReceiveSection::count(&self.memory) == 0 {
            EMPTY
        } else if SendSection::may_have_room(&self.memory) {
            READY
        } else {
            FULL
        };
        if packets != EMPTY && self.is_for_a_waiter() {
            return Ok(());
        }
        self.readiness.set(&self.header().waiting.fd_state, packets)
    }

    /// Whether what comes now is a waiting receiver's, and so not to be told of: the readiness says that
    /// the queue is empty, and a receiver waits, which sets it right when it has looked.
    #[inline(never)]
    fn is_for_a_waiter(&self) -> bool {
        let header = self.header();
        self.readiness.is_bell()
            && header.waiting.fd_state.load(Relaxed) == EMPTY + 1
            && header.waiting_receivers.count() != 0
    }

    /// Uses a queue of the kernel's as the descriptor.
    pub(crate) fn bring_descriptor(&self, bell: OwnedFd) -> Result<()> {
        let _both = self.both(Deadline::Never)?;
        self.readiness.bring(bell)
    }

    // ---- waiting by other means ----

    fn side(&self, direction: Direction) -> WaitPoint<'_> {
        let header = self.header();
        let waiting = &header.waiting;
        let (sleepers, threads, is_ready): (_, _, fn(&Memory) -> bool) = match direction {
            Direction::Receive => (
                &waiting.arrivals,
                &header.waiting_receivers,
                ReceiveSection::may_have_message,
            ),
            _ => (
                &waiting.departures,
                &header.waiting_senders,
                SendSection::may_have_room,
            ),
        };
        WaitPoint {
            sleepers,
            threads,
            needs_fence: &waiting.needs_fence,
            memory: &self.memory,
            is_ready,
        }
    }

    /// For a caller that sleeps by itself: the word to sleep on, and the value that it has while
    /// there is nothing to wake for. `None`: there may be something now. Or ends that.
    pub(crate) fn wait_word(
        &self,
        direction: Direction,
        begins: bool,
    ) -> Result<Option<(&AtomicU32, u32)>> {
        let side = self.side(direction);
        if !begins {
            side.end()?;
            return Ok(None);
        }
        let seen = side.begin(self.spin)?;
        Ok(seen.map(|seen| (&side.sleepers.word, seen)))
    }
}

/// The type in the record of a queue that has so many bytes.
fn queue_type(size: u64) -> Result<Type> {
    Type::new(b"ipc_mq", QUEUE_VERSION, size, QUEUE_ALIGNMENT as u64)
}

fn make(
    location: &Location,
    sizes: Sizes,
    spin: Duration,
    options: object::Options,
) -> Result<Object> {
    let exclusive = object::Options {
        exclusive: true,
        ..options
    };
    let (object, _) = Object::open(
        location,
        Kind::Queue,
        queue_type(sizes.total())?,
        exclusive,
        &mut |data, file| initialise(data, file, sizes, spin),
    )?;
    Ok(object)
}

/// Fills in the header of a new queue, in zeroed memory that nobody else sees yet.
fn initialise(data: &Mapping, file: BorrowedFd<'_>, sizes: Sizes, spin: Duration) -> Result<()> {
    let memory = Memory::of(data, sizes)?;
    let header = memory.header();
    header.max_messages.store(sizes.max_messages, Relaxed);
    header.message_size.store(sizes.message_size, Relaxed);
    let here = Thread::current()?.pid_namespace();
    header.pid_namespace.store(here, Relaxed);
    let spin = spin.as_nanos().min(u128::from(u32::MAX)) as u32;
    header.spin_ns.store(spin, Relaxed);
    // By the inode others tell whether the queue is there still; the rest nobody guesses.
    let unguessed = now().as_nanos() as u32 ^ process::id();
    let identity = u64::from(unguessed) << 32 | file::status(file)?.inode() & readiness::INODE;
    header.identity.store(identity, Relaxed);
    header.sending.reserved.store(NONE, Relaxed);
    header.sending.cold_slots.store(NONE, Relaxed);
    header.receiving.borrowed.store(NONE, Relaxed);
    Ok(())
}

pub(crate) fn unlink(name: &Name) -> Result<()> {
    let location = Location::of_name(name);
    let identity = object::read_number(&location, offset_of!(QueueHeader, identity) as u64);
    object::unlink(&location, Kind::Queue)?;
    if let Some(identity) = identity {
        readiness::unlink(identity);
    }
    Ok(())
}
