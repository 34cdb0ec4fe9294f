//! The calls that send.

use super::memory::copy_in_pieces;
use super::*;

impl SharedQueue {
    /// Sends one message if there is room. With `may_wait`, `EAGAIN` says only that it is not to be
    /// had at once: the caller goes on to `send`, whose deadline counts.
    #[inline(always)]
    pub(crate) fn try_send(&self, message: &[u8], priority: u32, may_wait: bool) -> Result<()> {
        let header = self.header();
        let limit = COPY_UNDER_LATCH.min(self.memory.sizes().message_size as usize);
        if message.len() <= limit
            && priority <= PRIORITY_MAX
            && self.direction != Direction::Receive
            && !self.is_watched()
        {
            if let Some(latched) = header.sending.latch.take_fast(&header.waiting.needs_fence) {
                let sending = SendSection {
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
                    if !self.overwrites
                        && Claims::reserved(&self.memory).is_empty()
                        && !header.receiving.latch.is_orphaned()
                    {
                        // As `wait_for_room` finds it, and does not wait.
                        return Err(Errno::EAGAIN.into());
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
            match self.reserve_until(Some(deadline), Some(first.priority))? {
                None => {}
                Some(slot) => {
                    self.fill_large(slot.1, first.message);
                    self.commit_slot(slot, first.message.len() as u32, first.priority, false)?;
                }
            }
            return Ok(1);
        }
        loop {
            let sending = self.sending(Some(deadline))?;
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

    /// Gets a slot to write a message in, which this thread then commits or abandons. The deadline as in
    /// `sending`. `None`: the queue overwrites, and a message of this priority would be the one to
    /// drop.
    fn reserve_until(
        &self,
        deadline: Option<Deadline>,
        priority: Option<u32>,
    ) -> Result<Option<Numbered<'_>>> {
        loop {
            let held = self.sending(deadline);
            let sending = held.as_ref().map_err(|error| *error)?;
            if let Some(slot) = sending.take_free()? {
                Claims::reserved(&self.memory).claim(&sending.latched, slot)?;
                return Ok(Some(slot));
            }
            let deadline = deadline.ok_or(Errno::EAGAIN)?;
            if !self.wait_for_room(held?, deadline, priority)? {
                return Ok(None);
            }
        }
    }

    /// After a full queue was found: gets room, or waits until there may be some. False: a message
    /// of this priority is the one to drop.
    #[inline(never)]
    fn wait_for_room(
        &self,
        sending: SendSection<'_>,
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
        self.side(Direction::Send).wait(deadline, self.spin)?;
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
        if SendSection::may_have_room(&self.memory) {
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

    /// Gives a place of message_size bytes to write a message in. `at_once` as in `Queue::reserve`.
    pub(crate) fn reserve(&self, timeout_ns: i64, at_once: bool) -> Result<NonNull<u8>> {
        self.check_message(0, 0)?;
        let deadline = self.deadline_unless(at_once, timeout_ns)?;
        // Without a priority, nothing is dropped that is above it.
        match self.reserve_until(deadline, None)? {
            Some((_, slot)) => Ok(self.memory.payload(slot)),
            None => Err(Errno::EAGAIN.into()),
        }
    }

    /// Sends the message that was written where `reserve` said.
    pub(crate) fn commit(
        &self,
        payload: *const u8,
        length: usize,
        priority: u32,
        at_once: bool,
    ) -> Result<()> {
        self.check_message(length, priority)?;
        let slot = self.memory.slot_of_payload(payload)?;
        self.commit_slot(slot, length as u32, priority, at_once)
    }

    #[inline(never)]
    fn commit_slot(
        &self,
        (number, slot): Numbered<'_>,
        length: u32,
        priority: u32,
        at_once: bool,
    ) -> Result<()> {
        let reserved = Claims::reserved(&self.memory);
        let held = self.sending((!at_once).then_some(Deadline::Never));
        let sending = held.as_ref().map_err(|error| *error)?;
        reserved.check(&sending.latched, slot)?;
        self.make_ready(EMPTY)?;
        let count = sending.set_queued(slot, length, priority);
        reserved.release(&sending.latched, slot)?;
        sending.publish(number, priority, count);
        self.settle()?;
        drop(held);
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
        sending: &SendSection<'_>,
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

    /// The same for more than COPY_UNDER_LATCH bytes.
    fn fill_large(&self, slot: &MessageSlot, message: &[u8]) {
        let source = NonNull::from(message).cast::<u8>();
        // SAFETY: as in fill.
        unsafe { copy_in_pieces(source, self.memory.payload(slot), message.len()) };
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
