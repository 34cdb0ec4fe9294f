//! The calls that publish. Each checks its arguments, takes the latch, waits for subscribers if the topic
//! does, and wakes them; its steps under the latch are in `publish_section`.

use super::member::{self, process_of};
use super::publish_section::{PublishSection, Sample};
use super::repair;
use super::subscribers::Slowest;
use super::{COPY_AT_ONCE, LOOK, SPIN, Topic};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::{Deadline, now};
use crate::sync;
use crate::sync::latch::check_namespace;
use crate::sync::turn_bell::Ring;
use crate::sys::futex::Awoken;
use crate::sys::liveness::Birth;
use crate::sys::thread::Thread;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Relaxed, Release};
use core::time::Duration;

/// How long a call that does not wait waits for the latch. A section takes microseconds at most, so a
/// holder that needs longer is a thread that is stopped.
const HOLDER_PATIENCE: Duration = Duration::from_secs(1);

impl Topic {
    /// Publishes a copy in the common case. False: the case is another one, and nothing was published.
    #[inline(always)]
    pub(crate) fn send_fast(&self, data: &[MaybeUninit<u8>]) -> bool {
        let limit = COPY_AT_ONCE.min(self.memory.sizes().sample_size as usize);
        if !self.publishes || data.len() > limit || self.member.place().is_none() {
            return false;
        }
        let time_ns = now().as_nanos() as i64;
        let Some(section) = self.enter_fast() else {
            return false;
        };
        if self.memory.sizes().waits && section.find_blocking().is_some() {
            return false;
        }
        self.publish_copy(section, data, time_ns).is_ok()
    }

    /// Publishes a copy. In a topic that waits, it waits for living subscribers.
    pub(crate) fn send(&self, data: &[MaybeUninit<u8>], timeout_ns: i64) -> Result<()> {
        self.check_publisher()?;
        self.check_length(data.len())?;
        let deadline = self.deadline(timeout_ns)?;
        let (publisher, _) = self.settle()?;
        if data.len() > COPY_AT_ONCE {
            if let Some(payload) = self.reserve_slot(publisher, deadline, 1)? {
                // SAFETY: the slot is reserved for this call and has room for sample_size bytes, which the
                // length does not exceed.
                unsafe { copy_in(data, payload) };
                return self.commit_slot(payload, data.len());
            }
        }
        let section = self.enter_with_room(deadline)?;
        self.publish_copy(section, data, now().as_nanos() as i64)
    }

    #[inline(always)]
    fn publish_copy(
        &self,
        section: PublishSection<'_>,
        data: &[MaybeUninit<u8>],
        time_ns: i64,
    ) -> Result<()> {
        let slot = section.take_slot()?;
        let payload = self.memory.payload(self.memory.slot(slot)?);
        // SAFETY: nobody else uses the slot, and the length was checked against the sample size.
        unsafe { copy_in(data, payload) };
        let sample = Sample {
            length: data.len(),
            time_ns,
            publisher: self.process.load(Relaxed),
        };
        self.publish(section, slot, &sample)
    }

    /// Publishes the sample in a slot, wakes the subscribers, and releases the latch.
    #[inline(always)]
    fn publish(&self, section: PublishSection<'_>, slot: u32, sample: &Sample) -> Result<()> {
        let header = self.subscribers.header();
        // Without this fence the flag could be read before the latch is visibly taken.
        self.light_fence();
        if header.arrivals.are_asleep() {
            return self.publish_ringing(section, slot, sample);
        }
        section.publish(slot, sample)?;
        self.light_fence();
        if header.arrivals.are_asleep() || header.watches.are_asleep() {
            self.wake_subscribers(section);
        } else {
            section.latched.release();
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn publish_ringing(
        &self,
        mut section: PublishSection<'_>,
        slot: u32,
        sample: &Sample,
    ) -> Result<()> {
        let ring = Ring::begin(&self.subscribers.header().arrivals, &mut section.latched);
        section.publish(slot, sample)?;
        drop(ring);
        self.light_fence();
        self.wake_watches();
        Ok(())
    }

    /// Wakes those that fell asleep while a sample was published.
    #[cold]
    #[inline(never)]
    fn wake_subscribers(&self, mut section: PublishSection<'_>) {
        let arrivals = &self.subscribers.header().arrivals;
        if arrivals.are_asleep() {
            drop(Ring::begin(arrivals, &mut section.latched));
        }
        self.wake_watches();
    }

    /// Call before the latch is released: if this thread dies in between, the kernel wakes a watch, which sleeps on the
    /// latch's word too.
    fn wake_watches(&self) {
        let watches = &self.subscribers.header().watches;
        if watches.are_asleep() {
            watches.wake(u32::MAX);
        }
    }

    /// Reserves room for a sample in the common case. `None`: the case is another one, and nothing was reserved.
    #[inline(always)]
    pub(crate) fn reserve_fast(&self, length: usize) -> Result<Option<NonNull<u8>>> {
        let sizes = self.memory.sizes();
        let (Some(publisher), true) = (self.member.place(), self.publishes) else {
            return Ok(None);
        };
        if length as u64 > sizes.sample_size {
            return Ok(None);
        }
        let Some(section) = self.enter_fast() else {
            return Ok(None);
        };
        let reserved = &self.memory.publisher_place(publisher)?.reserved;
        if reserved.load(Relaxed) >= sizes.max_borrowed
            || sizes.waits && section.find_blocking().is_some()
        {
            return Ok(None);
        }
        let slot = section.take_slot()?;
        section.reserve(slot, publisher)?;
        section.latched.release();
        self.reserved.fetch_add(1, Relaxed);
        Ok(Some(self.memory.payload(self.memory.slot(slot)?)))
    }

    /// Publishes a sample that was reserved, in the common case. False: the case is another one, and nothing was
    /// published.
    #[inline(always)]
    pub(crate) fn commit_fast(&self, payload: NonNull<u8>, length: usize) -> Result<bool> {
        let (Some(publisher), true) = (self.member.place(), self.publishes) else {
            return Ok(false);
        };
        if length as u64 > self.memory.sizes().sample_size {
            return Ok(false);
        }
        let slot = self.memory.slot_of_payload(payload.as_ptr())?;
        let time_ns = now().as_nanos() as i64;
        let Some(section) = self.enter_fast() else {
            return Ok(false);
        };
        self.commit_in(section, slot, publisher, length, time_ns)?;
        self.forget_reserved();
        Ok(true)
    }

    #[inline(always)]
    fn commit_in(
        &self,
        section: PublishSection<'_>,
        slot: u32,
        publisher: u32,
        length: usize,
        time_ns: i64,
    ) -> Result<()> {
        section.check_reserved(slot, publisher)?;
        section.end_reservation(publisher)?;
        let sample = Sample {
            length,
            time_ns,
            publisher: self.process.load(Relaxed),
        };
        self.publish(section, slot, &sample)
    }

    /// Reserves room for a sample. In a topic that waits, it waits for living subscribers.
    pub(crate) fn reserve(&self, length: usize, timeout_ns: i64) -> Result<NonNull<u8>> {
        self.check_publisher()?;
        self.check_length(length)?;
        let deadline = self.deadline(timeout_ns)?;
        let (publisher, _) = self.settle()?;
        let Some(payload) = self.reserve_slot(publisher, deadline, 0)? else {
            return Err(fail!(
                ENOBUFS,
                "{}: this handle has {} samples reserved, and max_borrowed allows no more",
                self.name,
                self.sizes().max_borrowed
            ));
        };
        self.reserved.fetch_add(1, Relaxed);
        Ok(payload)
    }

    /// Reserves a slot, unless the publisher has `extra` more than max_borrowed already.
    fn reserve_slot(
        &self,
        publisher: u32,
        deadline: Deadline,
        extra: u32,
    ) -> Result<Option<NonNull<u8>>> {
        let section = self.enter_with_room(deadline)?;
        let reserved = &self.memory.publisher_place(publisher)?.reserved;
        if reserved.load(Relaxed) >= self.sizes().max_borrowed + extra {
            return Ok(None);
        }
        let slot = section.take_slot()?;
        section.reserve(slot, publisher)?;
        Ok(Some(self.memory.payload(self.memory.slot(slot)?)))
    }

    /// Publishes a sample that was reserved.
    pub(crate) fn commit(&self, payload: NonNull<u8>, length: usize) -> Result<()> {
        self.check_publisher()?;
        self.check_length(length)?;
        self.commit_slot(payload, length)?;
        self.forget_reserved();
        Ok(())
    }

    fn commit_slot(&self, payload: NonNull<u8>, length: usize) -> Result<()> {
        let slot = self.memory.slot_of_payload(payload.as_ptr())?;
        let (publisher, _) = self.settle()?;
        let time_ns = now().as_nanos() as i64;
        let section = self.enter(Deadline::Now)?;
        self.commit_in(section, slot, publisher, length, time_ns)
    }

    /// Gives a reserved slot back.
    pub(crate) fn abandon(&self, payload: *const u8) -> Result<()> {
        self.check_publisher()?;
        let slot = self.memory.slot_of_payload(payload)?;
        let (publisher, _) = self.settle()?;
        let section = self.enter(Deadline::Now)?;
        let words = section.check_reserved(slot, publisher)?;
        words.truth.store(0, Relaxed);
        section.free(slot)?;
        section.end_reservation(publisher)?;
        drop(section);
        self.forget_reserved();
        self.wake_publishers();
        Ok(())
    }

    fn forget_reserved(&self) {
        let less = |count: usize| Some(count.saturating_sub(1));
        let _ = self.reserved.fetch_update(Relaxed, Relaxed, less);
    }

    fn check_publisher(&self) -> Result<()> {
        match self.publishes {
            true => Ok(()),
            false => Err(fail!(
                EBADF,
                "{}: this handle subscribes (IPC_READ_ONLY)",
                self.name
            )),
        }
    }

    fn check_length(&self, length: usize) -> Result<()> {
        let sample_size = self.sizes().sample_size;
        match length as u64 <= sample_size {
            true => Ok(()),
            false => Err(fail!(
                EMSGSIZE,
                "{}: {length} bytes; the topic's sample_size is {sample_size}",
                self.name
            )),
        }
    }

    /// Takes the latch if it is free and nobody has died with it.
    #[inline(always)]
    fn enter_fast(&self) -> Option<PublishSection<'_>> {
        let header = self.memory.header();
        let latched = header
            .publishing
            .latch
            .take_fast(&header.needs_fence, self.pid_namespace)?;
        Some(PublishSection {
            memory: &self.memory,
            subscribers: &self.subscribers,
            latched,
        })
    }

    /// Takes the latch, and repairs what a dead holder left.
    #[inline(always)]
    fn enter(&self, deadline: Deadline) -> Result<PublishSection<'_>> {
        match self.enter_fast() {
            Some(section) => Ok(section),
            None => self.enter_slowly(deadline),
        }
    }

    #[cold]
    #[inline(never)]
    fn enter_slowly(&self, deadline: Deadline) -> Result<PublishSection<'_>> {
        let header = self.memory.header();
        let latch = &header.publishing.latch;
        let thread = Thread::current()?;
        let name = &self.name;
        check_namespace(
            &format_args!("{name}: the topic"),
            thread,
            self.pid_namespace,
        )?;
        let until = match deadline {
            Deadline::Now => Deadline::At(now().saturating_add(HOLDER_PATIENCE)),
            deadline => deadline,
        };
        let latched = latch
            .take(&header.needs_fence, self.pid_namespace, until)
            .map_err(|error| match error.errno() {
                Errno::ETIMEDOUT if deadline == Deadline::Now => fail!(
                    EAGAIN,
                    "{}: thread {} is in a call on the topic and does not run",
                    self.name,
                    latch.holder()
                ),
                _ => error,
            })?;
        let mut section = PublishSection {
            memory: &self.memory,
            subscribers: &self.subscribers,
            latched,
        };
        if section.latched.is_orphaned() {
            repair::rebuild(&section)?;
            let repairs = &header.statistics.repairs;
            repairs.store(repairs.load(Relaxed) + 1, Relaxed);
            section.latched.make_sound();
            // The dead publisher may have published without waking anybody.
            let subscribers = self.subscribers.header();
            drop(Ring::begin(&subscribers.arrivals, &mut section.latched));
            subscribers.watches.wake(u32::MAX);
            subscribers.departures.wake(u32::MAX);
        }
        Ok(section)
    }

    /// Takes the latch when there is room for one more sample.
    fn enter_with_room(&self, deadline: Deadline) -> Result<PublishSection<'_>> {
        loop {
            let section = self.enter(deadline)?;
            if !self.memory.sizes().waits {
                return Ok(section);
            }
            let Some(blocking) = section.find_blocking() else {
                return Ok(section);
            };
            drop(section);
            self.wait_for(blocking, deadline)?;
        }
    }

    /// Waits until a subscriber has taken a sample, or is found dead. On return there may be room.
    #[cold]
    fn wait_for(&self, blocking: Slowest, deadline: Deadline) -> Result<()> {
        let has_moved = || {
            let (place, _) = self.subscribers.place(blocking.place);
            place.position.load(Relaxed) != blocking.position
                || place.owner.load(Relaxed) != blocking.owner
        };
        let left = deadline.remaining();
        if left.is_none_or(|left| !left.is_zero()) {
            let spin = left.map_or(SPIN, |left| left.min(SPIN));
            let peer = &self.subscribers.place(blocking.place).0.processor;
            if sync::spin_for(spin, peer, &mut || has_moved()) {
                return Ok(());
            }
        }
        if self.subscribers.bury(blocking.place) || self.bury_publishers(deadline)? {
            return Ok(());
        }
        if deadline.has_passed() {
            return Err(self.not_taken(blocking, deadline));
        }
        let header = self.subscribers.header();
        let until = deadline.earlier(now().saturating_add(LOOK));
        let awoken = header
            .departures
            .sleep_unless(&header.needs_fence, until, &has_moved)?;
        match awoken {
            Awoken::Recheck => Ok(()),
            Awoken::Interrupted => Err(Errno::EINTR.into()),
            // If the deadline has passed, the next round finds that, and says for whom this call has waited.
            Awoken::TimedOut => Ok(()),
        }
    }

    #[cold]
    fn not_taken(&self, blocking: Slowest, deadline: Deadline) -> crate::base::error::Error {
        let errno = match deadline {
            Deadline::Now => Errno::EAGAIN,
            _ => Errno::ETIMEDOUT,
        };
        fail!(
            (errno),
            "{}: full: process {} has not taken sample {} yet",
            self.name,
            process_of(blocking.owner),
            blocking.position
        )
    }

    /// Takes a place for a publisher. `EUSERS` if living processes have all of them.
    pub(super) fn join_publishers(&self, birth: Birth) -> Result<u32> {
        self.process.store(process_of(birth), Relaxed);
        self.reserved.store(0, Relaxed);
        let owner_of = |index| Ok(&self.memory.publisher_place(index)?.owner);
        let taken = member::join(
            self.sizes().max_publishers,
            &owner_of,
            &mut |index, dead| {
                self.bury_publisher(index, dead, Deadline::Now)?;
                Ok(member::take(owner_of(index)?, birth).then_some(index))
            },
            birth,
        )?;
        if let Some(index) = taken {
            return Ok(index);
        }
        Err(fail!(
            EUSERS,
            "{}: the topic has its {} publishers (max_publishers), and all their processes are alive",
            self.name,
            self.sizes().max_publishers
        ))
    }

    /// Frees the places of publishers that have ended, and what they had reserved. Returns whether there
    /// were any.
    #[cold]
    pub(super) fn bury_publishers(&self, deadline: Deadline) -> Result<bool> {
        let mut any = false;
        for index in 0..self.sizes().max_publishers {
            let place = self.memory.publisher_place(index)?;
            let Some(dead) = member::dead_owner(&place.owner) else {
                continue;
            };
            any |= self.bury_publisher(index, dead, deadline)?;
        }
        Ok(any)
    }

    /// Frees a place and what was reserved for it, if it still belongs to this dead process.
    #[cold]
    fn bury_publisher(&self, index: u32, dead: Birth, deadline: Deadline) -> Result<bool> {
        let owner = &self.memory.publisher_place(index)?.owner;
        let section = self.enter(deadline)?;
        // Under the latch, so only one thread does this. The place is freed last: if this thread dies, the next one
        // finds the same dead owner.
        if owner.load(Relaxed) != dead {
            return Ok(false);
        }
        section.free_reserved(index)?;
        owner.store(0, Release);
        Ok(true)
    }

    /// Gives the publisher's place back.
    pub(super) fn leave_publishers(&self, index: u32) {
        let Ok(place) = self.memory.publisher_place(index) else {
            return;
        };
        // A thread that a handler has taken out of a call with siglongjmp() may have left a reservation.
        if place.reserved.load(Relaxed) != 0 {
            match self.enter(Deadline::Now) {
                Ok(section) if section.free_reserved(index).is_ok() => {}
                // The place stays taken until the process ends, and its slots with it.
                _ => return,
            }
        }
        let _ = member::replace(&place.owner, self.member.birth(), 0);
    }
}

/// Copies a sample into a slot.
///
/// # Safety
///
/// `to` has room for as many bytes, and nobody else uses them.
#[inline(always)]
unsafe fn copy_in(data: &[MaybeUninit<u8>], to: NonNull<u8>) {
    // SAFETY: by this function's contract.
    unsafe {
        to.cast::<MaybeUninit<u8>>()
            .as_ptr()
            .copy_from_nonoverlapping(data.as_ptr(), data.len());
    }
}
