//! The calls that receive. Each takes the receiving latch, waits for a message and wakes senders;
//! its steps under the latch are in `receive_section`.

use super::claims::{Claims, Proof};
use super::memory::{NumberedSlot, copy_in_pieces};
use super::readiness::{EMPTY, FULL};
use super::receive_section::{First, ReceiveSection};
use super::{BATCH, Borrowed, COPY_UNDER_LATCH, SharedQueue, deadline_after_copy};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::{Deadline, now};
use crate::ipc::mq::{Direction, Target};
use crate::object::layout::MessageSlot;
use crate::sync::EXAMINATION_SERVES;
use crate::sync::bell::Waiter;
use crate::sys::fence;
use crate::sys::robust::Announced;
use crate::sys::thread::Thread;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

/// In a queue whose waiters spin for longer than this, a receive that may wait first spins for a
/// shorter time without reading the clock.
const BRIEF_SPIN: Duration = Duration::from_micros(5);

impl SharedQueue {
    /// Takes one message if there is one. Returns its length and its priority. `may_wait` is as in
    /// `try_send`.
    #[inline(always)]
    pub(crate) fn try_receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        may_wait: bool,
    ) -> Result<(usize, u32)> {
        let _settles = self.settles();
        if self.direction != Direction::Send {
            if may_wait {
                self.spin_briefly();
            }
            if let Some(received) = self.receive_alone(buffer)? {
                return Ok(received);
            }
        }
        if may_wait {
            return Err(Errno::EAGAIN.into());
        }
        let mut target = [Target::of(buffer)];
        self.receive_until(&mut target, Deadline::Now, &mut None)?;
        self.notifier.note_received();
        Ok((target[0].length, target[0].priority))
    }

    /// As [`try_receive`](SharedQueue::try_receive), after a sleep of [`begin_wait`](SharedQueue::begin_wait), which it
    /// ends. `is_last`: the caller does not wait again.
    pub(crate) fn receive_after_wait(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        outer: Announced,
        is_last: bool,
    ) -> Result<(usize, u32)> {
        let _settles = self.settles();
        let mut waiter = Some(self.waited(Direction::Receive, outer)?);
        let mut target = [Target::of(buffer)];
        let outcome = self.receive_until(&mut target, Deadline::Now, &mut waiter);
        if outcome.is_err() && is_last {
            self.pass_wake_up_on(Direction::Receive, &waiter);
        }
        outcome?;
        self.notifier.note_received();
        Ok((target[0].length, target[0].priority))
    }

    /// Takes one message in the common case, in which the receiving latch alone is enough. `None`:
    /// the case is another one, and nothing was received.
    #[inline(always)]
    fn receive_alone(&self, buffer: &mut [MaybeUninit<u8>]) -> Result<Option<(usize, u32)>> {
        let header = self.header();
        // One latch is enough in a queue without a descriptor. With a descriptor, it is enough only
        // to find that the queue is empty, if the descriptor says so already.
        let is_one_latch_enough = || header.waiting.fd_state.load(Relaxed) <= EMPTY + 1;
        if !is_one_latch_enough() {
            return Ok(None);
        }
        let needs_fence = &header.waiting.needs_fence;
        let Some(latched) = header
            .receiving
            .latch
            .take_fast(needs_fence, self.pid_namespace)
        else {
            return Ok(None);
        };
        let receiving = ReceiveSection {
            memory: &self.memory,
            latched,
            _other_latch: None,
        };
        if !is_one_latch_enough()
            || !Claims::borrowed(&self.memory).is_empty()
            || self.may_senders_sleep()
        {
            return Ok(None);
        }
        let Some(first) = receiving.first()? else {
            if header.sending.latch.is_orphaned() {
                return Ok(None);
            }
            // The same check as in `wait_for_message`, which would wait after it.
            receiving.check_empty()?;
            receiving.latched.release();
            return Err(Errno::EAGAIN.into());
        };
        let Some(target) = buffer.get_mut(..first.length) else {
            return Ok(None);
        };
        if first.length > COPY_UNDER_LATCH || self.has_descriptor() {
            return Ok(None);
        }
        self.copy_out(first.slot, target);
        receiving.take_first(first.number)?;
        receiving.free_slot((first.number, first.slot));
        self.wake_room_observers();
        receiving.latched.release();
        self.notifier.note_received();
        self.wake_senders(1);
        Ok(Some((first.length, first.priority)))
    }

    /// Spins before a receive that may wait. If a message comes soon, the receive need not begin a
    /// wait.
    #[inline(always)]
    fn spin_briefly(&self) {
        if self.spin > BRIEF_SPIN && !self.nonblocking {
            let sender = &self.header().sent.processor;
            self.spin_policy
                .spin(sender, || ReceiveSection::may_have_message(&self.memory));
        }
    }

    /// Takes messages, waiting for one. Returns how many were received.
    pub(crate) fn receive(&self, targets: &mut [Target<'_>], timeout_ns: i64) -> Result<usize> {
        let _settles = self.settles();
        self.receive_until(targets, self.deadline(timeout_ns)?, &mut None)
            .inspect(|_| self.notifier.note_received())
    }

    /// Not inlined: it would slow `receive_alone`.
    #[inline(never)]
    fn receive_until<'q>(
        &'q self,
        targets: &mut [Target<'_>],
        deadline: Deadline,
        waiter: &mut Option<Waiter<'q>>,
    ) -> Result<usize> {
        self.check_receives()?;
        loop {
            let mut receiving = self.enter_receive_section_again(waiter, Some(deadline))?;
            let is_any_back = self.take_back_borrowed(&receiving, Proof::Mark)?;
            let ring = self.ring_for_senders(&mut receiving.latched);
            let has_rung = ring.is_some();
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
                if first.length > COPY_UNDER_LATCH && received != 0 {
                    break;
                }
                target.length = first.length;
                target.priority = first.priority;
                target.redeliveries = first.slot.redeliveries.load(Relaxed);
                if first.length > COPY_UNDER_LATCH {
                    drop(ring);
                    self.receive_large(receiving, &first, buffer, deadline)?;
                    self.wake_next_receiver(waiter);
                    return Ok(1);
                }
                self.copy_out(first.slot, buffer);
                receiving.take_first(first.number)?;
                self.free_slot(&receiving, (first.number, first.slot))?;
                received += 1;
            }
            if received != 0 || targets.is_empty() {
                self.wake_room_observers();
                match ring {
                    Some(ring) => {
                        ring.end_without(
                            receiving.latched,
                            receiving._other_latch,
                            received as u32,
                        );
                    }
                    None => drop(receiving),
                }
                if !has_rung {
                    self.wake_senders(received as u32);
                }
                if is_any_back {
                    // There may be more of them than this call took.
                    self.wake_receivers(u32::MAX);
                }
                self.wake_next_receiver(waiter);
                return Ok(received);
            }
            drop(ring);
            self.wait_for_message(waiter, receiving, deadline)?;
        }
    }

    /// Receives a message whose payload is copied while no latch is held.
    fn receive_large(
        &self,
        receiving: ReceiveSection<'_>,
        first: &First<'_>,
        target: &mut [MaybeUninit<u8>],
        deadline: Deadline,
    ) -> Result<()> {
        self.borrow_first(&receiving, first)?;
        drop(receiving);
        self.have_borrower_watched();
        self.copy_out_large(first.slot, target);
        let held = self.enter_receive_section(Some(deadline_after_copy(deadline)));
        if held.is_err() {
            // Another thread is stopped in a call. The message was not received, and is queued again.
            Claims::borrowed(&self.memory).give_up(Thread::current()?, first.slot);
        }
        self.give_back_in(held, (first.number, first.slot))
    }

    /// Call after an empty queue was found: waits until there may be a message.
    #[inline(never)]
    fn wait_for_message<'q>(
        &'q self,
        waiter: &mut Option<Waiter<'q>>,
        receiving: ReceiveSection<'_>,
        deadline: Deadline,
    ) -> Result<()> {
        if !Claims::borrowed(&self.memory).is_empty()
            && self
                .take_back_orphans(&receiving, self.affordable_proof(receiving.pid_namespace()))?
        {
            drop(receiving);
            // There may be more of them than this thread takes.
            self.wake_receivers(u32::MAX);
            return Ok(());
        }
        receiving.check_empty()?;
        self.settle_descriptor()?;
        drop(receiving);
        if self.header().sending.latch.is_orphaned() {
            // A sender died, perhaps with a message that it had sent.
            drop(self.enter_both_sections(deadline)?);
            return Ok(());
        }
        self.wait_point(Direction::Receive)
            .wait(waiter, deadline, self.spin)
    }

    /// Takes a message that is read in place until it is given back.
    pub(crate) fn borrow(&self, timeout_ns: i64, at_once: bool) -> Result<Borrowed> {
        let _settles = self.settles();
        self.check_receives()?;
        let deadline = self.deadline_unless(at_once, timeout_ns)?;
        if at_once && timeout_ns != 0 {
            self.spin_briefly();
        }
        let mut waiter = None;
        loop {
            let held = self.enter_receive_section_again(&waiter, deadline);
            let receiving = held.as_ref().map_err(|error| *error)?;
            self.take_back_borrowed(receiving, Proof::Mark)?;
            let found = receiving.first();
            if let Some(first) = found.as_ref().map_err(|error| *error)? {
                self.borrow_first(receiving, first)?;
                self.notifier.note_received();
                let borrowed = Borrowed {
                    payload: self.memory.payload(first.slot),
                    length: first.length,
                    priority: first.priority,
                    redeliveries: first.slot.redeliveries.load(Relaxed),
                };
                drop(held);
                self.have_borrower_watched();
                self.wake_next_receiver(&waiter);
                return Ok(borrowed);
            }
            let deadline = deadline.ok_or(Errno::EAGAIN)?;
            self.wait_for_message(&mut waiter, held?, deadline)?;
        }
    }

    /// Unlinks the first message from its level and claims it for this thread.
    fn borrow_first(&self, receiving: &ReceiveSection<'_>, first: &First<'_>) -> Result<()> {
        receiving.take_first(first.number)?;
        Claims::borrowed(&self.memory).claim(&receiving.latched, (first.number, first.slot))?;
        self.settle_descriptor()
    }

    /// Ends what `borrow` began: the message is received.
    pub(crate) fn give_back(&self, payload: *const u8, at_once: bool) -> Result<()> {
        let _settles = self.settles();
        let slot = self.memory.slot_of_payload(payload)?;
        // With `Deadline::Now` it waits for a stopped thread for a limited time.
        let held = self.enter_receive_section((!at_once).then_some(Deadline::Now));
        self.give_back_in(held, slot)
    }

    /// Receives a borrowed message, if the receive section was entered. `held` is used in place, for
    /// speed.
    #[inline(always)]
    fn give_back_in(&self, held: Result<ReceiveSection<'_>>, slot: NumberedSlot<'_>) -> Result<()> {
        let outcome = self.give_back_claimed(held, slot);
        Claims::borrowed(&self.memory).unless_damaged(slot.1, outcome)
    }

    #[inline(always)]
    fn give_back_claimed(
        &self,
        mut held: Result<ReceiveSection<'_>>,
        (number, slot): NumberedSlot<'_>,
    ) -> Result<()> {
        let borrowed = Claims::borrowed(&self.memory);
        let receiving = held.as_mut().map_err(|error| *error)?;
        borrowed.check(&receiving.latched, slot)?;
        self.make_ready_if(FULL)?;
        let ring = self.ring_for_senders(&mut receiving.latched);
        let has_rung = ring.is_some();
        receiving.set_free(slot);
        borrowed.unclaim(&receiving.latched, slot)?;
        receiving.give_to_senders(number);
        self.settle_descriptor()?;
        self.wake_room_observers();
        match (ring, held) {
            (Some(ring), Ok(receiving)) => {
                ring.end_without(receiving.latched, receiving._other_latch, 1);
            }
            (_, held) => drop(held),
        }
        if !has_rung {
            self.wake_senders(1);
        }
        Ok(())
    }

    /// Queues again the borrowed messages whose borrowers died; whether there were any.
    #[inline(always)]
    pub(super) fn take_back_borrowed(
        &self,
        receiving: &ReceiveSection<'_>,
        proof: Proof,
    ) -> Result<bool> {
        match Claims::borrowed(&self.memory).is_empty() {
            true => Ok(false),
            false => self.take_back_orphans(receiving, proof),
        }
    }

    /// The proof of a death that is worth its time for a call that is about to wait, and may be about to
    /// wait often: the best one once in a while.
    pub(super) fn affordable_proof(&self, pid_namespace: u32) -> Proof {
        let now = now().as_millis() as u64;
        let last = self.last_examination.load(Relaxed);
        if pid_namespace == 0 || now.wrapping_sub(last) >= EXAMINATION_SERVES.as_millis() as u64 {
            self.last_examination.store(now, Relaxed);
            return Proof::best(pid_namespace);
        }
        Proof::Id
    }

    /// Takes back the claims of dead threads, for a call that tells of the queue's state. If a peer is
    /// stopped in a call on the queue, or the queue is damaged, it changes nothing.
    pub(super) fn settle_claims(&self) {
        let _settles = self.settles();
        let is_settled =
            Claims::reserved(&self.memory).is_empty() && Claims::borrowed(&self.memory).is_empty();
        if is_settled {
            return;
        }
        // A section takes microseconds. A peer that is in one for longer does not run.
        let deadline = Deadline::At(now() + Duration::from_millis(10));
        let Ok(both) = self.enter_both_sections(deadline) else {
            return;
        };
        let proof = Proof::best(both.receiving.pid_namespace());
        // Each wakes those who wait for what it finds. A failure is for the call that needs what is damaged.
        let _ = self.take_back_borrowed(&both.receiving, proof);
        let _ = self.take_back_reserved_of_dead(&both.receiving, proof);
    }

    #[inline(never)]
    fn take_back_orphans(&self, receiving: &ReceiveSection<'_>, proof: Proof) -> Result<bool> {
        let borrowed = Claims::borrowed(&self.memory);
        let mut found = false;
        while let Some((number, slot)) = borrowed.take_orphan(proof)? {
            slot.redeliveries.fetch_add(1, Relaxed);
            self.header().statistics.redelivered.fetch_add(1, Relaxed);
            self.make_ready_if(EMPTY)?;
            receiving.put_back((number, slot))?;
            found = true;
        }
        self.settle_descriptor()?;
        if found {
            // The messages are several, and this call takes one. Without a full fence a sleeper could be missed:
            // the latch's release comes later.
            fence::full();
            self.wake_receivers(u32::MAX);
            self.wake_observers();
        }
        Ok(found)
    }

    /// The priority of the message that is the next to be received.
    pub(crate) fn peek_priority(&self) -> Result<u32> {
        let _settles = self.settles();
        self.check_receives()?;
        let receiving = self.enter_receive_section(Some(Deadline::Now))?;
        self.take_back_borrowed(&receiving, Proof::best(receiving.pid_namespace()))?;
        match receiving.first()? {
            Some(first) => Ok(first.priority),
            None => Err(Errno::EAGAIN.into()),
        }
    }

    /// Frees a slot that is in no list, and makes the descriptor right.
    pub(super) fn free_slot(
        &self,
        receiving: &ReceiveSection<'_>,
        slot: NumberedSlot<'_>,
    ) -> Result<()> {
        self.make_ready_if(FULL)?;
        receiving.free_slot(slot);
        self.settle_descriptor()
    }

    /// Copies a message out of a slot.
    #[inline(always)]
    fn copy_out(&self, slot: &MessageSlot, target: &mut [MaybeUninit<u8>]) {
        let payload = self.memory.payload(slot);
        let (target, length) = (NonNull::from(&mut *target).cast::<u8>(), target.len());
        // SAFETY: the payload has message_size bytes, and `first` has compared the length with
        // that. No thread writes to it: the message is queued, under the latch that this thread
        // holds.
        unsafe { target.copy_from_nonoverlapping(payload, length) };
    }

    /// Copies a message of more than [`COPY_UNDER_LATCH`] bytes out of a slot.
    fn copy_out_large(&self, slot: &MessageSlot, target: &mut [MaybeUninit<u8>]) {
        let payload = self.memory.payload(slot);
        let (target, length) = (NonNull::from(&mut *target).cast::<u8>(), target.len());
        // SAFETY: the payload has message_size bytes, and `first` has compared the length with
        // that. No thread writes to it: this thread has borrowed the message.
        unsafe { copy_in_pieces(payload, target, length) };
    }

    pub(super) fn check_receives(&self) -> Result<()> {
        if self.direction == Direction::Send {
            return Err(fail!(
                EBADF,
                "{}: opened with IPC_WRITE_ONLY, so it cannot receive",
                self.name
            ));
        }
        Ok(())
    }
}
