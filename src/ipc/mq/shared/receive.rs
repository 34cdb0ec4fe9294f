//! The calls that receive.

use super::memory::copy_in_pieces;
use super::*;

impl SharedQueue {
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
            // A descriptor that says already that the queue is empty needs no change if it is.
            let fd_state = &header.waiting.fd_state;
            let latched = match fd_state.load(Relaxed) <= EMPTY + 1 {
                true => header
                    .receiving
                    .latch
                    .take_fast(&header.waiting.needs_fence),
                false => None,
            };
            if let Some(latched) = latched {
                let receiving = ReceiveSection {
                    memory: &self.memory,
                    latched,
                    _other: None,
                };
                if fd_state.load(Relaxed) <= EMPTY + 1 && Claims::borrowed(&self.memory).is_empty()
                {
                    if let Some(first) = receiving.first_inlined()? {
                        if let Some(target) = buffer.get_mut(..first.length) {
                            if first.length <= COPY_UNDER_LATCH && !self.is_watched() {
                                self.take(&receiving, &first, target)?;
                                receiving.latched.release();
                                self.notifier.note_received();
                                self.tell_senders(1);
                                return Ok((first.length, first.priority));
                            }
                        }
                    } else if !header.sending.latch.is_orphaned() {
                        // As `wait_for_message` finds it, and does not wait.
                        receiving.check_empty()?;
                        return Err(Errno::EAGAIN.into());
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

    /// Before a receive that may wait: one that comes soon need not go the way into the wait.
    #[inline(always)]
    fn look_briefly(&self) {
        if self.spin > BRIEF && !self.nonblocking {
            self.spin_policy
                .look(|| ReceiveSection::may_have_message(&self.memory));
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
            let receiving = self.receiving(Some(deadline))?;
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
    fn wait_for_message(&self, receiving: ReceiveSection<'_>, deadline: Deadline) -> Result<()> {
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
        self.side(Direction::Receive).wait(deadline, self.spin)
    }

    /// Frees a slot that is in no list.
    #[inline(never)]
    pub(super) fn free(
        &self,
        receiving: &ReceiveSection<'_>,
        (number, slot): Numbered<'_>,
    ) -> Result<()> {
        self.make_ready(FULL)?;
        receiving.free(number, slot);
        self.settle()
    }

    /// Copies a message out and takes it.
    #[inline(always)]
    fn take(
        &self,
        receiving: &ReceiveSection<'_>,
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
        receiving: ReceiveSection<'_>,
        first: &First<'_>,
        target: &mut [MaybeUninit<u8>],
    ) -> Result<()> {
        self.take_borrowed(&receiving, first)?;
        drop(receiving);
        let length = target.len();
        let (payload, target) = (self.memory.payload(first.slot), NonNull::from(target));
        // SAFETY: as in drain; the message is borrowed by this thread.
        unsafe { copy_in_pieces(payload, target.cast(), length) };
        self.give_back_slot((first.number, first.slot), false)
    }

    /// Takes the first message out of its list, for this thread.
    fn take_borrowed(&self, receiving: &ReceiveSection<'_>, first: &First<'_>) -> Result<()> {
        receiving.take_first(first.number)?;
        Claims::borrowed(&self.memory).claim(&receiving.latched, (first.number, first.slot))?;
        self.settle()
    }

    /// Takes a message to be read in place until it is given back.
    pub(crate) fn borrow(&self, timeout_ns: i64, at_once: bool) -> Result<Borrowed> {
        self.check_receives()?;
        let deadline = self.deadline_unless(at_once, timeout_ns)?;
        if at_once && timeout_ns != 0 {
            self.look_briefly();
        }
        loop {
            let held = self.receiving(deadline);
            let receiving = held.as_ref().map_err(|error| *error)?;
            self.take_back_borrowed(receiving, 0)?;
            let found = receiving.first();
            if let Some(first) = found.as_ref().map_err(|error| *error)? {
                self.take_borrowed(receiving, first)?;
                self.notifier.note_received();
                return Ok(Borrowed {
                    payload: self.memory.payload(first.slot),
                    length: first.length,
                    priority: first.priority,
                    redeliveries: first.slot.redeliveries.load(Relaxed),
                });
            }
            self.wait_for_message(held?, deadline.ok_or(Errno::EAGAIN)?)?;
        }
    }

    /// Ends what `borrow` began: the message is received.
    pub(crate) fn give_back(&self, payload: *const u8, at_once: bool) -> Result<()> {
        self.give_back_slot(self.memory.slot_of_payload(payload)?, at_once)
    }

    #[inline(never)]
    fn give_back_slot(&self, (number, slot): Numbered<'_>, at_once: bool) -> Result<()> {
        let borrowed = Claims::borrowed(&self.memory);
        let held = self.receiving((!at_once).then_some(Deadline::Never));
        let receiving = held.as_ref().map_err(|error| *error)?;
        borrowed.check(&receiving.latched, slot)?;
        self.make_ready(FULL)?;
        receiving.set_free(slot);
        borrowed.release(&receiving.latched, slot)?;
        receiving.give_to_senders(number);
        self.settle()?;
        drop(held);
        self.tell_senders(1);
        Ok(())
    }

    /// Queues again the borrowed messages whose borrowers died; whether there were any. `here`
    /// as in `is_orphaned`.
    #[inline(always)]
    pub(super) fn take_back_borrowed(
        &self,
        receiving: &ReceiveSection<'_>,
        here: u32,
    ) -> Result<bool> {
        if Claims::borrowed(&self.memory).is_empty() {
            return Ok(false);
        }
        self.take_back_claimed(receiving, here)
    }

    #[inline(never)]
    fn take_back_claimed(&self, receiving: &ReceiveSection<'_>, here: u32) -> Result<bool> {
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
        let receiving = self.receiving(Some(Deadline::Now))?;
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
}
