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
//! borrowed. Sending has happened when the word becomes "queued", receiving when it stops being
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
//!    (where messages are large) in the list of spare ones; queued, and in the inbox or in the list
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
//! | take a slot (`reused`, `spare` or `fresh`), write payload, priority, sequence | slot free: nothing was sent |
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
//! [`memory`] knows where things are; [`sending`] and [`receiving`] are what may be done while
//! the one or the other latch is held; [`claims`] are slots in use without one; [`waiting`] is how
//! both sides sleep and wake. Who needs both latches takes the sending one first.

mod claims;
mod memory;
mod observer;
mod receiving;
mod repair;
mod sending;
#[cfg(test)]
mod tests;
mod token;
mod waiting;

use super::notify::{Action, Arrivals, Notifier};
use super::{Attributes, Direction, Source, Statistics, Target};
use crate::error::{Errno, Result, fail};
use crate::layout::{
    Kind, Latch, MessageSlot, NONE, QUEUE_ALIGNMENT, QUEUE_VERSION, QueueHeader, Type,
};
use crate::map::{Access, Mapping};
use crate::name::Name;
use crate::object::{self, Location, Object, Outcome};
use crate::sync::latch::Latched;
use crate::sys::robust::Thread;
use crate::sys::{fence, process};
use crate::time::{Deadline, now};
use claims::Claims;
use core::cell::Cell;
use core::mem::{MaybeUninit, offset_of};
use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;
use memory::{Memory, Numbered, PRIORITY_MAX, Sizes};
use observer::Observer;
use receiving::{First, Receiving};
use sending::Sending;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use token::{EMPTY, FULL, READY, Token, UNKNOWN};
use waiting::Side;

/// Payloads up to this many bytes are copied while the latch is held: taking it twice costs more.
const COPY_UNDER_LATCH: usize = 4096;

/// What a queue has that is made without attributes: what the kernel's has.
const DEFAULT_SIZES: Sizes = Sizes {
    max_messages: 10,
    message_size: 8192,
};

/// How long a waiter looks before it sleeps, where the maker of the queue does not say.
const DEFAULT_SPIN: Duration = Duration::from_micros(50);

/// How long a call that must not wait waits for a section of another call: sections take less than
/// microseconds, so only one whose thread is stopped takes longer.
const STOPPED: Duration = Duration::from_secs(1);

/// How often a receive looks before it begins to wait.
const BRIEF_LOOKS: u32 = 32;

/// How long it pauses between two looks. Each takes the cache line away from a sender, which then
/// waits for it: without pauses a receiver that is faster than its sender makes it slower still
/// (measured between two processors without a common cache: 5.7 million messages a second with no
/// pauses, 9.7 with 32, 11.5 with 64; one way 520, 630 and 980 ns).
const PAUSES: u32 = 32;

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
    brief_looks: u32,
    token: Token,
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
    receiving: Receiving<'q>,
    sending: Sending<'q>,
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
            // Receiving changes the queue too.
            access: Access::ReadWrite,
            adopt: false,
            check_owner: options.check_owner,
            unsealed: false,
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
            memory.header().waiting.strong.store(1, SeqCst);
        }
        Ok(SharedQueue {
            spin: Duration::from_nanos(memory.header().spin_ns.load(Relaxed).into()),
            brief_looks: match memory.header().spin_ns.load(Relaxed) {
                0 => 0,
                _ => BRIEF_LOOKS,
            },
            token: Token::new(memory.header().identity.load(Relaxed)),
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
            current_messages: Receiving::count(&self.memory).min(self.memory.capacity()) as usize,
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let header = self.header();
        let statistics = &header.statistics;
        Statistics {
            spin: self.spin,
            waiting_receivers: header.waiting_receivers.count(),
            waiting_senders: header.waiting_senders.count(),
            dropped: statistics.dropped.load(Relaxed),
            repairs: statistics.repairs.load(Relaxed),
            redelivered: statistics.redelivered.load(Relaxed),
            abandoned: statistics.abandoned.load(Relaxed),
        }
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

    fn deadline(&self, timeout_ns: i64) -> Result<Deadline> {
        let deadline = Deadline::after(timeout_ns)?;
        Ok(if self.nonblocking {
            Deadline::Now
        } else {
            deadline
        })
    }

    // ---- sending ----

    /// Sends one message if there is room. With `may_wait`, `EAGAIN` says only that it is not to be
    /// had at once: the caller goes on to `send`, whose deadline counts.
    #[inline(always)]
    pub(crate) fn try_send(&self, message: &[u8], priority: u32, may_wait: bool) -> Result<()> {
        let header = self.header();
        let limit = COPY_UNDER_LATCH.min(self.memory.sizes().message_size as usize);
        if message.len() <= limit
            && priority <= PRIORITY_MAX
            && self.direction != Direction::Receive
        {
            if let Some(latched) = header.sending.latch.take_fast(&header.waiting.strong) {
                let sending = Sending {
                    memory: &self.memory,
                    _other: None,
                    latched,
                };
                if !self.is_watched() {
                    if let Some(slot) = sending.take_free()? {
                        self.fill(slot.1, message);
                        sending.enqueue(slot, message.len() as u32, priority);
                        sending.latched.release();
                        self.tell_receivers(1);
                        return Ok(());
                    }
                }
            }
        }
        if may_wait {
            return Err(Errno::EAGAIN.into());
        }
        self.send_until(&[Source { message, priority }], Deadline::Now)
            .map(drop)
    }

    /// Sends messages, waiting until there is room for one; how many.
    pub(crate) fn send(&self, messages: &[Source<'_>], timeout_ns: i64) -> Result<usize> {
        self.send_until(messages, self.deadline(timeout_ns)?)
    }

    #[inline(never)]
    fn send_until(&self, messages: &[Source<'_>], deadline: Deadline) -> Result<usize> {
        let Some(first) = messages.first() else {
            return Ok(0);
        };
        self.check_message(first.message.len(), first.priority)?;
        if first.message.len() > COPY_UNDER_LATCH {
            match self.reserve_until(deadline, Some(first.priority))? {
                None => {}
                Some(slot) => {
                    self.fill(slot.1, first.message);
                    self.commit_slot(slot, first.message.len() as u32, first.priority)?;
                }
            }
            return Ok(1);
        }
        loop {
            let sending = self.sending(deadline)?;
            let mut sent = 0;
            for Source { message, priority } in messages.iter().take(BATCH) {
                if message.len() > COPY_UNDER_LATCH
                    || self.check_message(message.len(), *priority).is_err()
                {
                    break;
                }
                let Some(slot) = sending.take_free()? else {
                    break;
                };
                self.fill(slot.1, message);
                self.enqueue(&sending, slot, message.len() as u32, *priority)?;
                sent += 1;
            }
            if sent != 0 {
                drop(sending);
                self.tell_receivers(sent as u32);
                return Ok(sent);
            }
            if !self.wait_for_room(sending, deadline, Some(first.priority))? {
                return Ok(1);
            }
        }
    }

    /// Gets a slot to write a message in, which this thread then commits or abandons. `None`: the
    /// queue overwrites, and a message of this priority would be the one to drop.
    fn reserve_until(
        &self,
        deadline: Deadline,
        priority: Option<u32>,
    ) -> Result<Option<Numbered<'_>>> {
        loop {
            let sending = self.sending(deadline)?;
            if let Some(slot) = sending.take_free()? {
                Claims::reserved(&self.memory).claim(&sending.latched, slot)?;
                return Ok(Some(slot));
            }
            if !self.wait_for_room(sending, deadline, priority)? {
                return Ok(None);
            }
        }
    }

    /// After a full queue was found: gets room, or waits until there may be some. False: a message
    /// of this priority is the one to drop.
    #[inline(never)]
    fn wait_for_room(
        &self,
        sending: Sending<'_>,
        deadline: Deadline,
        priority: Option<u32>,
    ) -> Result<bool> {
        let has_claims = !Claims::reserved(&self.memory).is_empty();
        self.settle()?;
        drop(sending);
        if self.header().receiving.latch.is_orphaned() {
            // A receiver died, perhaps with a slot that it had freed.
            drop(self.both(deadline)?);
            return Ok(true);
        }
        if has_claims && self.take_back_reserved(deadline)? {
            return Ok(true);
        }
        if self.overwrites {
            match self.drop_lowest(deadline, priority)? {
                Dropped::Queued => return Ok(true),
                Dropped::New => return Ok(false),
                Dropped::Nothing => {}
            }
        }
        let departures = self.side(Direction::Send);
        departures.wait(deadline, self.spin, &|| {
            Sending::may_have_room(&self.memory)
        })?;
        Ok(true)
    }

    /// Frees the reserved slots whose holders died; whether there were any.
    fn take_back_reserved(&self, deadline: Deadline) -> Result<bool> {
        let both = self.both(deadline)?;
        let reserved = Claims::reserved(&self.memory);
        let mut found = false;
        while let Some((number, slot)) = reserved.take_orphan(both.here())? {
            self.free(&both.receiving, (number, slot))?;
            self.header().statistics.abandoned.fetch_add(1, Relaxed);
            found = true;
        }
        Ok(found)
    }

    /// Drops the oldest message of the lowest priority, the new one's included.
    fn drop_lowest(&self, deadline: Deadline, priority: Option<u32>) -> Result<Dropped> {
        let both = self.both(deadline)?;
        if Sending::may_have_room(&self.memory) {
            return Ok(Dropped::Queued);
        }
        let receiving = &both.receiving;
        self.take_back_borrowed(receiving, receiving.here())?;
        let dropped = match (receiving.lowest()?, priority) {
            // The living have all slots reserved or borrowed.
            (None, _) => return Ok(Dropped::Nothing),
            (Some(lowest), Some(new)) if new < lowest => Dropped::New,
            _ => {
                let First { number, slot, .. } = receiving.take_lowest()?;
                self.free(receiving, (number, slot))?;
                Dropped::Queued
            }
        };
        self.header().statistics.dropped.fetch_add(1, Relaxed);
        Ok(dropped)
    }

    /// Gives a place of message_size bytes to write a message in.
    pub(crate) fn reserve(&self, timeout_ns: i64) -> Result<NonNull<u8>> {
        self.check_message(0, 0)?;
        // Without a priority, nothing is dropped that is above it.
        match self.reserve_until(self.deadline(timeout_ns)?, None)? {
            Some((_, slot)) => Ok(self.memory.payload(slot)),
            None => Err(Errno::EAGAIN.into()),
        }
    }

    /// Sends the message that was written where `reserve` said.
    pub(crate) fn commit(&self, payload: *const u8, length: usize, priority: u32) -> Result<()> {
        self.check_message(length, priority)?;
        self.commit_slot(
            self.memory.slot_of_payload(payload)?,
            length as u32,
            priority,
        )
    }

    fn commit_slot(&self, slot: Numbered<'_>, length: u32, priority: u32) -> Result<()> {
        let reserved = Claims::reserved(&self.memory);
        let sending = self.sending(Deadline::Never)?;
        reserved.check(&sending.latched, slot.1)?;
        self.make_ready(EMPTY)?;
        let count = sending.set_queued(slot.1, length, priority);
        reserved.release(&sending.latched, slot.1)?;
        sending.publish(slot.0, priority, count);
        self.settle()?;
        drop(sending);
        self.tell_receivers(1);
        Ok(())
    }

    /// Gives back what `reserve` gave.
    pub(crate) fn abandon(&self, payload: *const u8) -> Result<()> {
        let (number, slot) = self.memory.slot_of_payload(payload)?;
        let reserved = Claims::reserved(&self.memory);
        let both = self.both(Deadline::Never)?;
        // The announcement is the receiving latch's now, which is as good.
        let latched = &both.receiving.latched;
        reserved.check(latched, slot)?;
        self.make_ready(FULL)?;
        both.receiving.set_free(slot);
        reserved.release(latched, slot)?;
        both.receiving.give_to_senders(number);
        self.settle()?;
        drop(both);
        self.tell_senders(1);
        Ok(())
    }

    /// Makes a filled slot a message.
    fn enqueue(
        &self,
        sending: &Sending<'_>,
        slot: Numbered<'_>,
        length: u32,
        priority: u32,
    ) -> Result<()> {
        self.make_ready(EMPTY)?;
        sending.enqueue(slot, length, priority);
        self.settle()
    }

    #[inline(always)]
    fn fill(&self, slot: &MessageSlot, message: &[u8]) {
        let source = NonNull::from(message).cast::<u8>();
        // SAFETY: the payload has message_size bytes, which was compared, and the slot is this
        // thread's: free under the latch, or reserved.
        unsafe {
            self.memory
                .payload(slot)
                .copy_from_nonoverlapping(source, message.len())
        };
    }

    fn check_message(&self, length: usize, priority: u32) -> Result<()> {
        let (name, limit) = (&self.name, self.memory.sizes().message_size);
        if self.direction == Direction::Receive {
            return Err(fail!(
                EBADF,
                "{name}: opened with IPC_READ_ONLY, so it cannot send"
            ));
        }
        if length > limit as usize {
            return Err(fail!(
                EMSGSIZE,
                "{name}: its messages have up to {limit} bytes, this one has {length}"
            ));
        }
        if priority > PRIORITY_MAX {
            return Err(fail!(
                EINVAL,
                "{name}: the priority is {priority}; expected at most {PRIORITY_MAX}"
            ));
        }
        Ok(())
    }

    // ---- receiving ----

    /// Takes one message if there is one: its length and its priority. `may_wait` as in `try_send`.
    #[inline(always)]
    pub(crate) fn try_receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        may_wait: bool,
    ) -> Result<(usize, u32)> {
        let header = self.header();
        if self.direction != Direction::Send {
            if may_wait {
                self.look_briefly();
            }
            if let Some(latched) = header.receiving.latch.take_fast(&header.waiting.strong) {
                let receiving = Receiving {
                    memory: &self.memory,
                    latched,
                    _other: None,
                };
                if !self.is_watched() && Claims::borrowed(&self.memory).is_empty() {
                    if let Some(first) = receiving.first_inlined()? {
                        if let Some(target) = buffer.get_mut(..first.length) {
                            if first.length <= COPY_UNDER_LATCH {
                                self.take(&receiving, &first, target)?;
                                receiving.latched.release();
                                self.notifier.note_received();
                                self.tell_senders(1);
                                return Ok((first.length, first.priority));
                            }
                        }
                    }
                }
            }
        }
        if may_wait {
            return Err(Errno::EAGAIN.into());
        }
        let mut target = [Target::of(buffer)];
        self.receive_until(&mut target, Deadline::Now)?;
        self.notifier.note_received();
        Ok((target[0].length, target[0].priority))
    }

    /// Before a receive that may wait: looks whether there is a message, for about as long as the
    /// way into the wait would take. One that comes meanwhile need not go that way.
    #[inline(always)]
    fn look_briefly(&self) {
        for _ in 0..self.brief_looks {
            if Receiving::may_have_message(&self.memory) {
                return;
            }
            for _ in 0..PAUSES {
                core::hint::spin_loop();
            }
        }
    }

    /// Takes messages, waiting for one; how many.
    pub(crate) fn receive(&self, targets: &mut [Target<'_>], timeout_ns: i64) -> Result<usize> {
        self.receive_until(targets, self.deadline(timeout_ns)?)
            .inspect(|_| self.notifier.note_received())
    }

    #[inline(never)]
    fn receive_until(&self, targets: &mut [Target<'_>], deadline: Deadline) -> Result<usize> {
        self.check_receives()?;
        loop {
            let receiving = self.receiving(deadline)?;
            self.take_back_borrowed(&receiving, 0)?;
            let mut received = 0;
            for target in targets.iter_mut().take(BATCH) {
                let Some(first) = receiving.first()? else {
                    break;
                };
                let Some(buffer) = target.buffer.get_mut(..first.length) else {
                    if received != 0 {
                        break;
                    }
                    return Err(fail!(
                        EMSGSIZE,
                        "{}: the message has {} bytes, the buffer {}; the message stays",
                        self.name,
                        first.length,
                        target.buffer.len()
                    ));
                };
                target.length = first.length;
                target.priority = first.priority;
                target.redeliveries = first.slot.redeliveries.load(Relaxed);
                if first.length > COPY_UNDER_LATCH {
                    if received == 0 {
                        self.receive_large(receiving, &first, buffer)?;
                        return Ok(1);
                    }
                    break;
                }
                self.drain(first.slot, buffer);
                receiving.take_first(first.number)?;
                self.free(&receiving, (first.number, first.slot))?;
                received += 1;
            }
            if received != 0 || targets.is_empty() {
                drop(receiving);
                self.tell_senders(received as u32);
                return Ok(received);
            }
            self.wait_for_message(receiving, deadline)?;
        }
    }

    /// After an empty queue was found: waits until there may be a message.
    #[inline(never)]
    fn wait_for_message(&self, receiving: Receiving<'_>, deadline: Deadline) -> Result<()> {
        if self.take_back_borrowed(&receiving, receiving.here())? {
            return Ok(());
        }
        receiving.check_empty()?;
        self.settle()?;
        drop(receiving);
        if self.header().sending.latch.is_orphaned() {
            // A sender died, perhaps with a message that it had sent.
            drop(self.both(deadline)?);
            return Ok(());
        }
        let arrivals = self.side(Direction::Receive);
        arrivals.wait(deadline, self.spin, &|| {
            Receiving::may_have_message(&self.memory)
        })
    }

    /// Frees a slot that is in no list.
    #[inline(never)]
    fn free(&self, receiving: &Receiving<'_>, (number, slot): Numbered<'_>) -> Result<()> {
        self.make_ready(FULL)?;
        receiving.free(number, slot);
        self.settle()
    }

    /// Copies a message out and takes it.
    #[inline(always)]
    fn take(
        &self,
        receiving: &Receiving<'_>,
        first: &First<'_>,
        target: &mut [MaybeUninit<u8>],
    ) -> Result<()> {
        self.drain(first.slot, target);
        receiving.take_first(first.number)?;
        receiving.free(first.number, first.slot);
        Ok(())
    }

    /// Receives with the payload copied while the latch is free.
    fn receive_large(
        &self,
        receiving: Receiving<'_>,
        first: &First<'_>,
        target: &mut [MaybeUninit<u8>],
    ) -> Result<()> {
        receiving.take_first(first.number)?;
        Claims::borrowed(&self.memory).claim(&receiving.latched, (first.number, first.slot))?;
        self.settle()?;
        drop(receiving);
        self.drain(first.slot, target);
        self.give_back_slot((first.number, first.slot))
    }

    /// Takes a message to be read in place until it is given back.
    pub(crate) fn borrow(&self, timeout_ns: i64) -> Result<Borrowed> {
        self.check_receives()?;
        let deadline = self.deadline(timeout_ns)?;
        loop {
            let receiving = self.receiving(deadline)?;
            self.take_back_borrowed(&receiving, 0)?;
            if let Some(first) = receiving.first()? {
                receiving.take_first(first.number)?;
                Claims::borrowed(&self.memory)
                    .claim(&receiving.latched, (first.number, first.slot))?;
                self.settle()?;
                return Ok(Borrowed {
                    payload: self.memory.payload(first.slot),
                    length: first.length,
                    priority: first.priority,
                    redeliveries: first.slot.redeliveries.load(Relaxed),
                });
            }
            self.wait_for_message(receiving, deadline)?;
        }
    }

    /// Ends what `borrow` began: the message is received.
    pub(crate) fn give_back(&self, payload: *const u8) -> Result<()> {
        self.give_back_slot(self.memory.slot_of_payload(payload)?)
    }

    fn give_back_slot(&self, (number, slot): Numbered<'_>) -> Result<()> {
        let borrowed = Claims::borrowed(&self.memory);
        let receiving = self.receiving(Deadline::Never)?;
        borrowed.check(&receiving.latched, slot)?;
        self.make_ready(FULL)?;
        receiving.set_free(slot);
        borrowed.release(&receiving.latched, slot)?;
        receiving.give_to_senders(number);
        self.settle()?;
        drop(receiving);
        self.tell_senders(1);
        Ok(())
    }

    /// Queues again the borrowed messages whose borrowers died; whether there were any. `here`
    /// as in `is_orphaned`.
    #[inline(always)]
    fn take_back_borrowed(&self, receiving: &Receiving<'_>, here: u32) -> Result<bool> {
        if Claims::borrowed(&self.memory).is_empty() {
            return Ok(false);
        }
        self.take_back_claimed(receiving, here)
    }

    #[inline(never)]
    fn take_back_claimed(&self, receiving: &Receiving<'_>, here: u32) -> Result<bool> {
        let borrowed = Claims::borrowed(&self.memory);
        let mut found = false;
        while let Some((number, slot)) = borrowed.take_orphan(here)? {
            slot.redeliveries.fetch_add(1, Relaxed);
            self.header().statistics.redelivered.fetch_add(1, Relaxed);
            self.make_ready(EMPTY)?;
            receiving.put_back((number, slot))?;
            found = true;
        }
        self.settle()?;
        Ok(found)
    }

    /// The priority of the message that is the next to be received.
    pub(crate) fn peek_priority(&self) -> Result<u32> {
        self.check_receives()?;
        let receiving = self.receiving(Deadline::Now)?;
        self.take_back_borrowed(&receiving, receiving.here())?;
        match receiving.first()? {
            Some(first) => Ok(first.priority),
            None => Err(Errno::EAGAIN.into()),
        }
    }

    #[inline(always)]
    fn drain(&self, slot: &MessageSlot, target: &mut [MaybeUninit<u8>]) {
        let payload = self.memory.payload(slot);
        let (target, length) = (NonNull::from(&mut *target).cast::<u8>(), target.len());
        // SAFETY: the payload has message_size bytes, with which the length was compared, and nobody
        // writes to it: queued under the latch, or borrowed by this thread.
        unsafe { target.copy_from_nonoverlapping(payload, length) };
    }

    fn check_receives(&self) -> Result<()> {
        if self.direction == Direction::Send {
            return Err(fail!(
                EBADF,
                "{}: opened with IPC_WRITE_ONLY, so it cannot receive",
                self.name
            ));
        }
        Ok(())
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
        let until = match deadline {
            Deadline::Now => Deadline::At(now().saturating_add(STOPPED)),
            deadline => deadline,
        };
        let strong = &self.header().waiting.strong;
        latch
            .take(strong, until)
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

    /// Takes the sending latch, and repairs what a dead holder left.
    fn sending(&self, deadline: Deadline) -> Result<Sending<'_>> {
        let latched = self.latch(&self.header().sending.latch, deadline)?;
        if !latched.is_orphaned() && !self.is_watched() {
            return Ok(Sending {
                memory: &self.memory,
                _other: None,
                latched,
            });
        }
        drop(latched);
        let both = self.both(deadline)?;
        Ok(Sending {
            _other: Some(both.receiving.latched),
            ..both.sending
        })
    }

    /// The same with the receiving latch.
    fn receiving(&self, deadline: Deadline) -> Result<Receiving<'_>> {
        let latched = self.latch(&self.header().receiving.latch, deadline)?;
        if !latched.is_orphaned() && !self.is_watched() {
            return Ok(Receiving {
                memory: &self.memory,
                latched,
                _other: None,
            });
        }
        drop(latched);
        let both = self.both(deadline)?;
        Ok(Receiving {
            _other: Some(both.sending.latched),
            ..both.receiving
        })
    }

    /// Takes both latches, and repairs what a dead holder of one of them left.
    #[inline(never)]
    fn both(&self, deadline: Deadline) -> Result<Both<'_>> {
        let memory = &self.memory;
        let mut latched = self.latch(&self.header().sending.latch, deadline)?;
        latched.keep();
        let sending = Sending {
            memory,
            _other: None,
            latched,
        };
        let latched = self.latch(&self.header().receiving.latch, deadline)?;
        let receiving = Receiving {
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
                header.waiting.watched.store(UNKNOWN, Relaxed);
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
            self.token.prepare()?;
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
        let descriptor = self.token.make(&self.object)?;
        // Calls that hold one latch only are over; those that come take both.
        if !self.is_watched() {
            self.header().waiting.watched.store(UNKNOWN, Relaxed);
        }
        self.settle()?;
        drop(both);
        Ok(descriptor)
    }

    /// Whether somebody has asked for the descriptor. Certain for who holds a latch.
    #[inline(always)]
    fn is_watched(&self) -> bool {
        self.header().waiting.watched.load(Relaxed) != 0
    }

    /// Before a change that ends a state of the descriptor's FIFO in which it is not ready.
    #[inline(never)]
    fn make_ready(&self, packets: u32) -> Result<()> {
        let watched = &self.header().waiting.watched;
        if watched.load(Relaxed) == packets + 1 && !self.is_for_a_waiter() {
            self.token.set(watched, READY)?;
        }
        Ok(())
    }

    /// After a change: makes the descriptor's FIFO right, if there is one. Then this thread holds
    /// both latches.
    #[inline(never)]
    fn settle(&self) -> Result<()> {
        if !self.is_watched() {
            return Ok(());
        }
        let packets = if Receiving::count(&self.memory) == 0 {
            EMPTY
        } else if Sending::may_have_room(&self.memory) {
            READY
        } else {
            FULL
        };
        if packets != EMPTY && self.is_for_a_waiter() {
            return Ok(());
        }
        self.token.set(&self.header().waiting.watched, packets)
    }

    /// Whether what comes now is a waiting receiver's, and so not to be told of: the token says that
    /// the queue is empty, and a receiver waits, which sets it right when it has looked.
    fn is_for_a_waiter(&self) -> bool {
        let header = self.header();
        self.token.is_bell()
            && header.waiting.watched.load(Relaxed) == EMPTY + 1
            && header.waiting_receivers.count() != 0
    }

    /// Uses a queue of the kernel's as the descriptor.
    pub(crate) fn bring_descriptor(&self, bell: OwnedFd) -> Result<()> {
        let _both = self.both(Deadline::Never)?;
        self.token.bring(bell)
    }

    // ---- waiting by other means ----

    fn side(&self, direction: Direction) -> Side<'_> {
        let header = self.header();
        let (sleepers, threads) = match direction {
            Direction::Receive => (&header.waiting.arrivals, &header.waiting_receivers),
            _ => (&header.waiting.departures, &header.waiting_senders),
        };
        Side {
            sleepers,
            threads,
            strong: &header.waiting.strong,
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
        let thread = Thread::current()?;
        if !begins {
            side.threads.leave(thread);
            return Ok(None);
        }
        let ready = || match direction {
            Direction::Receive => Receiving::may_have_message(&self.memory),
            _ => Sending::may_have_room(&self.memory),
        };
        Ok(side.begin(thread, self.spin, &ready))
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
        &mut |data| initialise(data, sizes, spin),
    )?;
    Ok(object)
}

/// Fills in the header of a new queue, in zeroed memory that nobody else sees yet.
fn initialise(data: &Mapping, sizes: Sizes, spin: Duration) -> Result<()> {
    let memory = Memory::of(data, sizes)?;
    let header = memory.header();
    header.max_messages.store(sizes.max_messages, Relaxed);
    header.message_size.store(sizes.message_size, Relaxed);
    let here = Thread::current()?.pid_namespace();
    header.pid_namespace.store(here, Relaxed);
    let spin = spin.as_nanos().min(u128::from(u32::MAX)) as u32;
    header.spin_ns.store(spin, Relaxed);
    let now = now().as_nanos() as u64;
    header
        .identity
        .store(now ^ u64::from(process::id()) << 40, Relaxed);
    header.sending.reserved.store(NONE, Relaxed);
    header.sending.spare.store(NONE, Relaxed);
    header.receiving.borrowed.store(NONE, Relaxed);
    Ok(())
}

pub(crate) fn unlink(name: &Name) -> Result<()> {
    let location = Location::of_name(name);
    let identity = object::read_number(&location, offset_of!(QueueHeader, identity) as u64);
    object::unlink(&location, Kind::Queue)?;
    if let Some(identity) = identity {
        token::unlink(identity);
    }
    Ok(())
}
