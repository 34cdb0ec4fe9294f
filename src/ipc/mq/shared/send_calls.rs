//! The calls that send. Each checks its arguments, takes the sending latch, waits for room and
//! wakes receivers; its steps under the latch are in `send_section`.

use super::claims::{Claims, Proof};
use super::memory::{NumberedSlot, PRIORITY_MAX, copy_in_pieces};
use super::readiness::{EMPTY, FULL};
use super::receive_section::{First, ReceiveSection};
use super::send_section::SendSection;
use super::{BATCH, COPY_UNDER_LATCH, SharedQueue, deadline_after_copy};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::ipc::mq::{Direction, Source};
use crate::object::layout::MessageSlot;
use crate::sync::bell::Waiter;
use crate::sys::fence;
use crate::sys::robust::Announced;
use crate::sys::thread::Thread;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

/// The message that a full queue that overwrites has dropped.
enum Dropped {
    Queued,
    New,
    Nothing,
}

impl SharedQueue {
    /// Sends one message if there is room. With `may_wait`, `EAGAIN` means only that the message
    /// cannot be sent at once: the caller goes on to `send`, whose deadline counts.
    #[inline(always)]
    pub(crate) fn try_send(&self, message: &[u8], priority: u32, may_wait: bool) -> Result<()> {
        let _settles = self.settles();
        if self.send_alone(message, priority)? {
            return Ok(());
        }
        if may_wait {
            return Err(Errno::EAGAIN.into());
        }
        self.send_until(&[Source { message, priority }], Deadline::Now, &mut None)
            .map(drop)
    }

    /// As [`try_send`](SharedQueue::try_send), after a sleep of [`begin_wait`](SharedQueue::begin_wait), which it ends.
    /// `is_last`: the caller does not wait again.
    pub(crate) fn send_after_wait(
        &self,
        message: &[u8],
        priority: u32,
        outer: Announced,
        is_last: bool,
    ) -> Result<()> {
        let _settles = self.settles();
        let mut waiter = Some(self.waited(Direction::Send, outer)?);
        let source = [Source { message, priority }];
        let outcome = self.send_until(&source, Deadline::Now, &mut waiter);
        if outcome.is_err() && is_last {
            self.pass_wake_up_on(Direction::Send, &waiter);
        }
        outcome.map(drop)
    }

    /// Sends one message in the common case, in which the sending latch alone is enough. False: the
    /// case is another one, and nothing was sent.
    #[inline(always)]
    fn send_alone(&self, message: &[u8], priority: u32) -> Result<bool> {
        let header = self.header();
        let limit = COPY_UNDER_LATCH.min(self.memory.sizes().message_size as usize);
        if message.len() > limit
            || priority > PRIORITY_MAX
            || self.direction == Direction::Receive
            || self.has_descriptor()
        {
            return Ok(false);
        }
        let needs_fence = &header.waiting.needs_fence;
        let Some(latched) = header
            .sending
            .latch
            .take_fast(needs_fence, self.pid_namespace)
        else {
            return Ok(false);
        };
        let sending = SendSection {
            memory: &self.memory,
            _other_latch: None,
            latched,
        };
        // Asked again: only the answer under the latch is certain.
        if self.has_descriptor() || self.may_receivers_sleep() {
            return Ok(false);
        }
        if let Some(slot) = sending.take_free_slot()? {
            self.copy_in(slot.1, message);
            sending.enqueue(slot, message.len() as u32, priority);
            self.wake_observers();
            sending.latched.release();
            self.wake_receivers(1);
            return Ok(true);
        }
        // The queue is full. `wait_for_room` could get room in these cases only.
        let may_get_room = self.overwrites
            || !Claims::reserved(&self.memory).is_empty()
            || header.receiving.latch.is_orphaned();
        match may_get_room {
            true => Ok(false),
            false => Err(Errno::EAGAIN.into()),
        }
    }

    /// Sends messages, waiting until there is room for one. Returns how many were sent.
    pub(crate) fn send(&self, messages: &[Source<'_>], timeout_ns: i64) -> Result<usize> {
        let _settles = self.settles();
        self.send_until(messages, self.deadline(timeout_ns)?, &mut None)
    }

    /// Not inlined: it would slow `send_alone`.
    #[inline(never)]
    fn send_until<'q>(
        &'q self,
        messages: &[Source<'_>],
        deadline: Deadline,
        waiter: &mut Option<Waiter<'q>>,
    ) -> Result<usize> {
        let Some(first) = messages.first() else {
            return Ok(0);
        };
        self.check_message(first.message.len(), first.priority)?;
        if first.message.len() > COPY_UNDER_LATCH {
            self.send_large(first, deadline, waiter)?;
            return Ok(1);
        }
        loop {
            let mut sending = self.enter_send_section_again(waiter, Some(deadline))?;
            let ring = self.ring_for_receivers(&mut sending.latched);
            let has_rung = ring.is_some();
            let sent = self.send_batch(&sending, messages)?;
            if sent != 0 {
                self.wake_observers();
                match ring {
                    Some(ring) => {
                        ring.end_without(sending.latched, sending._other_latch, sent as u32)
                    }
                    None => drop(sending),
                }
                self.wake_receivers_or_announce(sent as u32, has_rung);
                self.wake_next_sender(waiter);
                return Ok(sent);
            }
            drop(ring);
            if !self.wait_for_room(waiter, sending, deadline, Some(first.priority))? {
                return Ok(1);
            }
        }
    }

    /// Sends as many messages in one section as there is room for, up to the first one that is too
    /// large for it or invalid. Returns how many.
    #[inline(always)]
    fn send_batch(&self, sending: &SendSection<'_>, messages: &[Source<'_>]) -> Result<usize> {
        let mut sent = 0;
        for Source { message, priority } in messages.iter().take(BATCH) {
            if message.len() > COPY_UNDER_LATCH
                || self.check_message(message.len(), *priority).is_err()
            {
                break;
            }
            let Some(slot) = sending.take_free_slot()? else {
                break;
            };
            self.copy_in(slot.1, message);
            self.make_ready_if(EMPTY)?;
            sending.enqueue(slot, message.len() as u32, *priority);
            self.settle_descriptor()?;
            sent += 1;
        }
        Ok(sent)
    }

    /// Sends a message whose payload is copied while no latch is held.
    fn send_large<'q>(
        &'q self,
        source: &Source<'_>,
        deadline: Deadline,
        waiter: &mut Option<Waiter<'q>>,
    ) -> Result<()> {
        let Source { message, priority } = *source;
        if let Some(slot) = self.reserve_until(Some(deadline), Some(priority), waiter)? {
            self.copy_in_large(slot.1, message);
            let held = self.enter_send_section(Some(deadline_after_copy(deadline)));
            if held.is_err() {
                // Another thread is stopped in a call. Nothing was sent, and the slot becomes free.
                Claims::reserved(&self.memory).give_up(Thread::current()?, slot.1);
            }
            self.commit_in(held, slot, message.len() as u32, priority)?;
        }
        Ok(())
    }

    /// Reserves a slot, which this thread then commits or abandons. The deadline is as in
    /// [`enter_send_section`](SharedQueue::enter_send_section). `None`: the queue overwrites, and a
    /// message of this priority would be the one to drop.
    fn reserve_until<'q>(
        &'q self,
        deadline: Option<Deadline>,
        priority: Option<u32>,
        waiter: &mut Option<Waiter<'q>>,
    ) -> Result<Option<NumberedSlot<'q>>> {
        loop {
            let held = self.enter_send_section_again(waiter, deadline);
            let sending = held.as_ref().map_err(|error| *error)?;
            if let Some(slot) = sending.take_free_slot()? {
                Claims::reserved(&self.memory).claim(&sending.latched, slot)?;
                drop(held);
                self.have_reserver_watched();
                self.wake_next_sender(waiter);
                return Ok(Some(slot));
            }
            let deadline = deadline.ok_or(Errno::EAGAIN)?;
            if !self.wait_for_room(waiter, held?, deadline, priority)? {
                return Ok(None);
            }
        }
    }

    /// Call after a full queue was found: gets room, or waits until there may be room. False: a
    /// message of this priority is the one to drop.
    #[inline(never)]
    fn wait_for_room<'q>(
        &'q self,
        waiter: &mut Option<Waiter<'q>>,
        sending: SendSection<'_>,
        deadline: Deadline,
        priority: Option<u32>,
    ) -> Result<bool> {
        let has_claims = !Claims::reserved(&self.memory).is_empty();
        self.settle_descriptor()?;
        drop(sending);
        if self.header().receiving.latch.is_orphaned() {
            // A receiver died, perhaps with a slot that it had freed.
            drop(self.enter_both_sections(deadline)?);
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
        self.wait_point(Direction::Send)
            .wait(waiter, deadline, self.spin)?;
        Ok(true)
    }

    /// Frees the reserved slots whose holders died; whether there were any.
    fn take_back_reserved(&self, deadline: Deadline) -> Result<bool> {
        let both = self.enter_both_sections(deadline)?;
        let proof = self.affordable_proof(both.receiving.pid_namespace());
        let is_any_back = self.take_back_reserved_of_dead(&both.receiving, proof)?;
        drop(both);
        if is_any_back {
            // There may be more of them than this thread takes.
            self.wake_senders(u32::MAX);
        }
        Ok(is_any_back)
    }

    /// As [`take_back_reserved`](SharedQueue::take_back_reserved). This thread holds both latches.
    pub(super) fn take_back_reserved_of_dead(
        &self,
        receiving: &ReceiveSection<'_>,
        proof: Proof,
    ) -> Result<bool> {
        let reserved = Claims::reserved(&self.memory);
        let mut found = false;
        while let Some(slot) = reserved.take_orphan(proof)? {
            self.free_slot(receiving, slot)?;
            self.header().statistics.abandoned.fetch_add(1, Relaxed);
            found = true;
        }
        if found {
            // For the reason given at `take_back_orphans`.
            fence::full();
            self.wake_senders(u32::MAX);
            self.wake_room_observers();
        }
        Ok(found)
    }

    /// Drops the oldest message of the lowest priority. The new message, if it has a priority, is
    /// one of those compared.
    fn drop_lowest(&self, deadline: Deadline, priority: Option<u32>) -> Result<Dropped> {
        let both = self.enter_both_sections(deadline)?;
        if SendSection::may_have_room(&self.memory) {
            return Ok(Dropped::Queued);
        }
        let receiving = &both.receiving;
        self.take_back_borrowed(receiving, Proof::best(receiving.pid_namespace()))?;
        let dropped = match (receiving.lowest_priority()?, priority) {
            // Living threads have all slots reserved or borrowed.
            (None, _) => return Ok(Dropped::Nothing),
            (Some(lowest), Some(new)) if new < lowest => Dropped::New,
            _ => {
                let First { number, slot, .. } = receiving.take_lowest()?;
                self.free_slot(receiving, (number, slot))?;
                Dropped::Queued
            }
        };
        self.header().statistics.dropped.fetch_add(1, Relaxed);
        Ok(dropped)
    }

    /// Reserves a place of message_size bytes to write a message in. `at_once` is as in
    /// [`Queue::reserve`](crate::ipc::mq::Queue::reserve).
    pub(crate) fn reserve(&self, timeout_ns: i64, at_once: bool) -> Result<NonNull<u8>> {
        let _settles = self.settles();
        self.check_message(0, 0)?;
        let deadline = self.deadline_unless(at_once, timeout_ns)?;
        // The new message has no priority yet, so every queued message may be dropped for it.
        match self.reserve_until(deadline, None, &mut None)? {
            Some((_, slot)) => Ok(self.memory.payload(slot)),
            None => Err(Errno::EAGAIN.into()),
        }
    }

    /// Sends the message that was written to the place from `reserve`.
    pub(crate) fn commit(
        &self,
        payload: *const u8,
        length: usize,
        priority: u32,
        at_once: bool,
    ) -> Result<()> {
        let _settles = self.settles();
        self.check_message(length, priority)?;
        let slot = self.memory.slot_of_payload(payload)?;
        // With `Deadline::Now` it waits for a stopped thread for a limited time.
        let held = self.enter_send_section((!at_once).then_some(Deadline::Now));
        self.commit_in(held, slot, length as u32, priority)
    }

    /// Sends a reserved message, if the send section was entered. `held` is used in place, for speed.
    #[inline(always)]
    fn commit_in(
        &self,
        held: Result<SendSection<'_>>,
        slot: NumberedSlot<'_>,
        length: u32,
        priority: u32,
    ) -> Result<()> {
        let outcome = self.commit_claimed(held, slot, length, priority);
        Claims::reserved(&self.memory).unless_damaged(slot.1, outcome)
    }

    #[inline(always)]
    fn commit_claimed(
        &self,
        mut held: Result<SendSection<'_>>,
        (number, slot): NumberedSlot<'_>,
        length: u32,
        priority: u32,
    ) -> Result<()> {
        let reserved = Claims::reserved(&self.memory);
        let sending = held.as_mut().map_err(|error| *error)?;
        reserved.check(&sending.latched, slot)?;
        self.make_ready_if(EMPTY)?;
        let ring = self.ring_for_receivers(&mut sending.latched);
        let has_rung = ring.is_some();
        let count = sending.set_queued(slot, length, priority);
        reserved.unclaim(&sending.latched, slot)?;
        sending.publish(number, priority, count);
        self.settle_descriptor()?;
        self.wake_observers();
        match (ring, held) {
            (Some(ring), Ok(sending)) => ring.end_without(sending.latched, sending._other_latch, 1),
            (_, held) => drop(held),
        }
        self.wake_receivers_or_announce(1, has_rung);
        Ok(())
    }

    /// Gives back the place from `reserve`, with nothing sent.
    pub(crate) fn abandon(&self, payload: *const u8) -> Result<()> {
        let _settles = self.settles();
        let slot = self.memory.slot_of_payload(payload)?;
        let outcome = self.abandon_claimed(slot);
        Claims::reserved(&self.memory).unless_damaged(slot.1, outcome)
    }

    fn abandon_claimed(&self, (number, slot): NumberedSlot<'_>) -> Result<()> {
        let reserved = Claims::reserved(&self.memory);
        let mut both = self.enter_both_sections(Deadline::Now)?;
        let ring = self.ring_for_senders(&mut both.receiving.latched);
        // This thread announces the receiving latch now, which it took second. A death is found by
        // either latch.
        let latched = &both.receiving.latched;
        reserved.check(latched, slot)?;
        self.make_ready_if(FULL)?;
        both.receiving.set_free(slot);
        reserved.unclaim(latched, slot)?;
        both.receiving.give_to_senders(number);
        self.settle_descriptor()?;
        drop(ring);
        self.wake_room_observers();
        drop(both);
        self.wake_senders(1);
        Ok(())
    }

    /// Copies a message into a slot.
    #[inline(always)]
    fn copy_in(&self, slot: &MessageSlot, message: &[u8]) {
        let source = NonNull::from(message).cast::<u8>();
        let payload = self.memory.payload(slot);
        // SAFETY: the payload has message_size bytes, and the callers have compared the length with
        // that. No other thread uses it: the slot is free under the latch that this thread holds.
        unsafe { payload.copy_from_nonoverlapping(source, message.len()) };
    }

    /// Copies a message of more than [`COPY_UNDER_LATCH`] bytes into a slot.
    fn copy_in_large(&self, slot: &MessageSlot, message: &[u8]) {
        let source = NonNull::from(message).cast::<u8>();
        let payload = self.memory.payload(slot);
        // SAFETY: the payload has message_size bytes, and `send_until` has compared the length with
        // that. No other thread uses it: this thread has reserved the slot.
        unsafe { copy_in_pieces(source, payload, message.len()) };
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
}
