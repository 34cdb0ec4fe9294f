//! The steps that are allowed while this thread holds the service's latch.
//!
//! A request that waits for a server is in a binary heap: the highest priority comes first, and among requests of one
//! priority the oldest. The free slots are a stack. The ended calls of `ipc_client_send` are a list for each client. All of
//! them are an index, which [`rebuild`](Section::rebuild) makes again from the slots' words.

use super::memory::{Memory, Numbered, damaged};
use crate::base::error::Result;
use crate::object::layout::{
    CALL_ANSWERED, CALL_FILLING, CALL_FREE, CALL_LOST, CALL_PENDING, CALL_TAKEN, CALL_WITHDRAWN,
    CallSlot, NONE, SERVES_ONCE, ServiceHeader, ServiceIndex,
};
use crate::sync::latch::Latched;
use crate::sys::liveness::{Birth, is_process_gone};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How many bits of a slot's word hold the state.
const STATE_BITS: u32 = 8;
const STATE: u64 = (1 << STATE_BITS) - 1;
/// How many bits of a call's id hold the number of the slot. The use of the slot is above them.
const SLOT_BITS: u32 = 24;
const USE: u64 = u64::MAX >> SLOT_BITS;

/// The state in a slot's word.
#[inline(always)]
pub(super) fn state_of(word: u64) -> u64 {
    word & STATE
}

/// The same use of a slot in another state.
#[inline(always)]
pub(super) fn with_state(word: u64, state: u64) -> u64 {
    (word & !STATE) | state
}

/// The id of the call in a slot. No other call of the service has it, unless the slot was used a million million times.
/// It is not 0, so a program can mark with 0 that it has no call.
#[inline(always)]
pub(super) fn id_of(number: u32, word: u64) -> u64 {
    (((word >> STATE_BITS) + 1) & USE) << SLOT_BITS | u64::from(number)
}

/// The number of the slot of the call with this id.
#[inline(always)]
pub(super) fn slot_of(id: u64) -> u32 {
    (id & ((1 << SLOT_BITS) - 1)) as u32
}

/// A service whose latch this thread holds. Dropping it releases the latch.
pub(super) struct Section<'s> {
    pub(super) memory: &'s Memory,
    pub(super) latched: Latched<'s>,
}

/// A process and the index of its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Party {
    pub(super) place: u32,
    pub(super) birth: Birth,
}

/// The fate of the request of a server that is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovered {
    /// Another server gets it.
    Pending,
    /// Its client learns of the death.
    Lost,
    /// Its client did not wait for the reply any more.
    Freed,
}

impl<'s> Section<'s> {
    #[inline(always)]
    fn header(&self) -> &'s ServiceHeader {
        self.memory.header()
    }

    #[inline(always)]
    fn index(&self) -> &'s ServiceIndex {
        &self.header().index
    }

    // ---- free slots ----

    /// A free slot, which becomes the client's to write its request.
    #[inline(always)]
    pub(super) fn take_free(&self, client: Party) -> Result<Option<Numbered<'s>>> {
        let count = self.index().free.load(Relaxed);
        let Some(last) = count.checked_sub(1) else {
            return Ok(None);
        };
        let number = self.memory.free_entry(last)?.load(Relaxed);
        let slot = self.memory.slot(number)?;
        let word = slot.word.load(Relaxed);
        if state_of(word) != CALL_FREE {
            return Err(damaged("a slot in the list of free slots is in use"));
        }
        slot.client.store(client.place, Relaxed);
        slot.client_birth.store(client.birth, Relaxed);
        // Release: a repair that finds the slot in use must find its client.
        slot.word.store(with_state(word, CALL_FILLING), Release);
        self.index().free.store(last, Relaxed);
        Ok(Some((number, slot)))
    }

    /// Ends the call in a slot that is in no list.
    #[inline(always)]
    pub(super) fn give_free(&self, (number, slot): Numbered<'s>) -> Result<()> {
        let word = slot.word.load(Relaxed);
        let next_use = (word & !STATE).wrapping_add(STATE + 1);
        let count = self.index().free.load(Relaxed);
        let entry = self.memory.free_entry(count)?;
        // Release: what this thread has read of the slot, it has read before another one may overwrite it.
        slot.word.store(with_state(next_use, CALL_FREE), Release);
        entry.store(number, Relaxed);
        self.index().free.store(count + 1, Relaxed);
        let waiting = &self.memory.header().waiting;
        self.latched
            .thread()
            .leave_processor(&waiting.room_processor);
        Ok(())
    }

    // ---- requests that wait for a server ----

    /// Sends the request in a slot: from here on the slot is the servers'.
    #[inline(always)]
    pub(super) fn send(&self, (number, slot): Numbered<'s>) -> Result<()> {
        let sequence = self.index().sequence.load(Relaxed).wrapping_add(1);
        self.index().sequence.store(sequence, Relaxed);
        slot.sequence.store(sequence, Relaxed);
        let word = slot.word.load(Relaxed);
        // This store is the moment of sending. Release: a repair that finds the request must find all of it.
        slot.word.store(with_state(word, CALL_PENDING), Release);
        self.insert(number)
    }

    /// Whether the request of slot `a` comes before that of slot `b`.
    #[inline(always)]
    fn is_before(&self, a: u32, b: u32) -> Result<bool> {
        let key = |number| -> Result<_> {
            let slot = self.memory.slot(number)?;
            Ok((
                u32::MAX - slot.priority.load(Relaxed),
                slot.sequence.load(Relaxed),
            ))
        };
        Ok(key(a)? < key(b)?)
    }

    #[inline(always)]
    fn insert(&self, number: u32) -> Result<()> {
        let pending = &self.index().pending;
        let count = pending.load(Relaxed);
        self.rise(count, number)?;
        pending.store(count + 1, Relaxed);
        Ok(())
    }

    /// Moves `number` from `position` towards the heap's root, to where it belongs.
    #[inline(always)]
    fn rise(&self, mut position: u32, number: u32) -> Result<()> {
        let mut entry = self.memory.heap_entry(position)?;
        while position != 0 {
            let above = (position - 1) / 2;
            let above_entry = self.memory.heap_entry(above)?;
            let other = above_entry.load(Relaxed);
            if !self.is_before(number, other)? {
                break;
            }
            entry.store(other, Relaxed);
            (position, entry) = (above, above_entry);
        }
        entry.store(number, Relaxed);
        Ok(())
    }

    /// Moves `number` from `position` away from the root of a heap of `count` entries, to where it belongs.
    #[inline(always)]
    fn sink(&self, mut position: u32, number: u32, count: u32) -> Result<()> {
        loop {
            let mut below = 2 * position + 1;
            if below >= count {
                break;
            }
            let mut other = self.memory.heap_entry(below)?.load(Relaxed);
            if below + 1 < count {
                let right = self.memory.heap_entry(below + 1)?.load(Relaxed);
                if self.is_before(right, other)? {
                    (below, other) = (below + 1, right);
                }
            }
            if !self.is_before(other, number)? {
                break;
            }
            self.memory.heap_entry(position)?.store(other, Relaxed);
            position = below;
        }
        self.memory.heap_entry(position)?.store(number, Relaxed);
        Ok(())
    }

    /// The request that is the next to be received.
    #[inline(always)]
    pub(super) fn first(&self) -> Result<Option<Numbered<'s>>> {
        if self.index().pending.load(Relaxed) == 0 {
            return Ok(None);
        }
        let number = self.memory.heap_entry(0)?.load(Relaxed);
        let slot = self.memory.slot(number)?;
        if state_of(slot.word.load(Relaxed)) != CALL_PENDING {
            return Err(damaged("a request in the heap does not wait for a server"));
        }
        if slot.request_length.load(Relaxed) > self.memory.sizes().request_size {
            return Err(damaged("a request is longer than a slot"));
        }
        Ok(Some((number, slot)))
    }

    /// Removes the entry at `position` of the heap.
    #[inline(always)]
    fn remove_at(&self, position: u32) -> Result<()> {
        let pending = &self.index().pending;
        let Some(last) = pending.load(Relaxed).checked_sub(1) else {
            return Err(damaged("its heap is empty, and a request is in it"));
        };
        let moved = self.memory.heap_entry(last)?.load(Relaxed);
        pending.store(last, Relaxed);
        if position < last {
            // The moved request belongs somewhere between the root and the leaves below `position`.
            let above = position.saturating_sub(1) / 2;
            let above = self.memory.heap_entry(above)?.load(Relaxed);
            match position != 0 && self.is_before(moved, above)? {
                true => self.rise(position, moved)?,
                false => self.sink(position, moved, last)?,
            }
        }
        Ok(())
    }

    /// Gives the request that [`first`](Section::first) found to a server.
    #[inline(always)]
    pub(super) fn take_first(&self, slot: &CallSlot, server: Party) -> Result<()> {
        slot.server.store(server.place, Relaxed);
        slot.server_birth.store(server.birth, Relaxed);
        let word = slot.word.load(Relaxed);
        // Release: a thread that finds the request taken must find its server.
        slot.word.store(with_state(word, CALL_TAKEN), Release);
        self.remove_at(0)
    }

    /// Removes a request from the heap, and ends its call.
    pub(super) fn withdraw_pending(&self, (number, slot): Numbered<'s>) -> Result<()> {
        for position in 0..self.index().pending.load(Relaxed) {
            if self.memory.heap_entry(position)?.load(Relaxed) == number {
                self.remove_at(position)?;
                self.header().statistics.withdrawn.fetch_add(1, Relaxed);
                return self.give_free((number, slot));
            }
        }
        Err(damaged(
            "a request waits for a server and is not in the heap",
        ))
    }

    // ---- calls that have ended ----

    /// Puts an ended call of `ipc_client_send` at the end of its client's list.
    pub(super) fn push_done(&self, (number, slot): Numbered<'s>) -> Result<()> {
        let client = self.memory.client(slot.client.load(Relaxed))?;
        slot.next.store(NONE, Relaxed);
        match client.first_done.load(Relaxed) {
            NONE => client.first_done.store(number, Relaxed),
            _ => {
                let last = client.last_done.load(Relaxed);
                self.memory.slot(last)?.next.store(number, Relaxed);
            }
        }
        // Release: a thread that waits without the latch must find the call.
        client.last_done.store(number, Release);
        Ok(())
    }

    /// The ended call of `ipc_client_send` that is the next to be received.
    pub(super) fn first_done(&self, party: Party) -> Result<Option<Numbered<'s>>> {
        let client = self.memory.client(party.place)?;
        match client.first_done.load(Relaxed) {
            NONE => Ok(None),
            number => {
                let slot = self.memory.slot(number)?;
                let state = state_of(slot.word.load(Acquire));
                let is_done = state == CALL_ANSWERED || state == CALL_LOST;
                match is_done && slot.client_birth.load(Relaxed) == party.birth {
                    true => Ok(Some((number, slot))),
                    false => Err(damaged("a call in the list of ended calls has not ended")),
                }
            }
        }
    }

    /// Removes the call that [`first_done`](Section::first_done) found from the list.
    pub(super) fn remove_first_done(&self, party: Party, slot: &CallSlot) -> Result<()> {
        let client = self.memory.client(party.place)?;
        let next = slot.next.load(Relaxed);
        client.first_done.store(next, Relaxed);
        Ok(())
    }

    // ---- parties that are gone ----

    /// Takes the request in a slot back from a server that is gone. `None`: no server has it.
    pub(super) fn take_back(&self, call: Numbered<'s>) -> Result<Option<Recovered>> {
        let (number, slot) = call;
        let statistics = &self.header().statistics;
        loop {
            let word = slot.word.load(Acquire);
            match state_of(word) {
                CALL_TAKEN => {
                    let once = self.header().flags.load(Relaxed) & SERVES_ONCE != 0;
                    let state = if once { CALL_LOST } else { CALL_PENDING };
                    // The client may withdraw the call just now, without the latch.
                    if slot
                        .word
                        .compare_exchange(word, with_state(word, state), AcqRel, Relaxed)
                        .is_err()
                    {
                        continue;
                    }
                    if once {
                        statistics.lost.fetch_add(1, Relaxed);
                        if slot.is_asynchronous.load(Relaxed) != 0 {
                            self.push_done(call)?;
                        }
                        return Ok(Some(Recovered::Lost));
                    }
                    statistics.redelivered.fetch_add(1, Relaxed);
                    slot.redeliveries.fetch_add(1, Relaxed);
                    self.insert(number)?;
                    return Ok(Some(Recovered::Pending));
                }
                CALL_WITHDRAWN => {
                    self.give_free(call)?;
                    return Ok(Some(Recovered::Freed));
                }
                _ => return Ok(None),
            }
        }
    }

    /// Ends a call whose client is gone. `false`: the server does that, when it replies.
    pub(super) fn abandon(&self, call: Numbered<'s>) -> Result<bool> {
        let (_, slot) = call;
        loop {
            let word = slot.word.load(Acquire);
            match state_of(word) {
                CALL_FILLING => self.give_free(call)?,
                CALL_PENDING => self.withdraw_pending(call)?,
                CALL_TAKEN => {
                    // A server may answer just now, without the latch.
                    let withdrawn = with_state(word, CALL_WITHDRAWN);
                    if slot
                        .word
                        .compare_exchange(word, withdrawn, AcqRel, Relaxed)
                        .is_err()
                    {
                        continue;
                    }
                    self.header().statistics.withdrawn.fetch_add(1, Relaxed);
                    return Ok(false);
                }
                CALL_ANSWERED | CALL_LOST => self.give_free(call)?,
                _ => return Ok(false),
            }
            return Ok(true);
        }
    }

    // ---- repair ----

    /// Makes the index again from the slots, after a death in a section.
    pub(super) fn rebuild(&self) -> Result<()> {
        self.index().free.store(0, Relaxed);
        self.index().pending.store(0, Relaxed);
        for index in 0..self.memory.sizes().max_clients {
            self.memory.client(index)?.first_done.store(NONE, Relaxed);
        }
        let mut sequence = 0;
        for call in self.memory.slots() {
            let (number, slot) = call;
            sequence = sequence.max(slot.sequence.load(Relaxed));
            let word = slot.word.load(Acquire);
            let is_done = matches!(state_of(word), CALL_ANSWERED | CALL_LOST);
            match state_of(word) {
                CALL_FREE => self.give_free(call)?,
                CALL_FILLING if is_process_gone(slot.client_birth.load(Relaxed)) => {
                    self.give_free(call)?;
                }
                CALL_PENDING => self.insert(number)?,
                _ if is_done && slot.is_asynchronous.load(Relaxed) != 0 => self.push_done(call)?,
                CALL_FILLING | CALL_TAKEN | CALL_WITHDRAWN | CALL_ANSWERED | CALL_LOST => {}
                _ => return Err(damaged("a slot is in an impossible state")),
            }
        }
        self.index().sequence.store(sequence, Relaxed);
        Ok(())
    }
}
