//! The requests, replies and places that servers and clients leave when they are gone.

use super::Service;
use super::holder;
use super::memory::Numbered;
use super::section::{Party, Recovered, Section, state_of};
use crate::base::error::{Result, fail};
use crate::object::layout::{CALL_FREE, CALL_TAKEN, CALL_WITHDRAWN, CallSlot, NONE, SERVERS_MAX};
use crate::sys::liveness::{Birth, is_process_gone};
use crate::sys::process;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Whether a slot's request belongs to a server that is gone.
pub(super) fn has_dead_server(slot: &CallSlot) -> bool {
    let state = state_of(slot.word.load(Acquire));
    (state == CALL_TAKEN || state == CALL_WITHDRAWN)
        && is_process_gone(slot.server_birth.load(Relaxed))
}

impl Service {
    /// Takes the request in a slot back, if its server is gone. Returns whether it was.
    fn take_back_if_dead(&self, section: &Section<'_>, number: u32) -> Result<bool> {
        let slot = self.memory.slot(number)?;
        // Asked again under the latch: another thread may have taken it back.
        let is_left = has_dead_server(slot);
        if is_left {
            let recovered = section.take_back((number, slot))?;
            self.announce((number, slot), recovered)?;
        }
        Ok(is_left)
    }

    /// Wakes those who wait for what [`Section::take_back`] has done.
    fn announce(&self, (_, slot): Numbered<'_>, recovered: Option<Recovered>) -> Result<()> {
        let waiting = &self.header().waiting;
        match recovered {
            Some(Recovered::Pending) => {
                holder::forget_holder(slot);
                self.wake_server();
                self.wake_observers();
            }
            Some(Recovered::Freed) => self.wake(&waiting.departures, 1),
            Some(Recovered::Lost) if slot.is_asynchronous.load(Relaxed) != 0 => {
                let client = self.memory.client(slot.client.load(Relaxed))?;
                self.wake(&client.replies, u32::MAX);
            }
            Some(Recovered::Lost) => holder::tell_of_loss(slot),
            None => {}
        }
        Ok(())
    }

    /// Takes the requests of all servers back that are gone. All in one section: otherwise another server could get a younger
    /// request of a dead one before an older one. A server may die during the search, after some of its slots were passed:
    /// so the search is repeated until it finds nothing, at most once for each server.
    pub(super) fn take_back_all(&self, section: &Section<'_>) -> Result<()> {
        for _ in 0..=SERVERS_MAX {
            let mut is_any_left = false;
            for (number, _) in self.memory.slots() {
                is_any_left |= self.take_back_if_dead(section, number)?;
            }
            if !is_any_left {
                break;
            }
        }
        Ok(())
    }

    /// Ends all that processes have left that are gone. Returns whether there is a free slot that was not free.
    pub(super) fn remove_dead(&self, section: &Section<'_>) -> Result<bool> {
        let free = &self.header().index.free;
        let free_before = free.load(Relaxed);
        self.take_back_all(section)?;
        for (number, slot) in self.memory.slots() {
            let in_use = state_of(slot.word.load(Relaxed)) != CALL_FREE;
            if in_use && is_process_gone(slot.client_birth.load(Relaxed)) {
                // The list of ended calls goes with its client's place.
                self.forget_client(section, slot.client.load(Relaxed))?;
                if state_of(slot.word.load(Relaxed)) != CALL_FREE {
                    section.abandon((number, slot))?;
                }
            }
        }
        let header = self.header();
        for owner in &header.servers.owners {
            let birth = owner.load(Relaxed);
            if birth != 0 && is_process_gone(birth) {
                owner.store(0, Relaxed);
            }
        }
        for index in 0..self.memory.sizes().max_clients {
            self.forget_client(section, index)?;
        }
        let found = free.load(Relaxed) > free_before;
        if found {
            self.wake(&header.waiting.departures, u32::MAX);
        }
        Ok(found)
    }

    /// Ends the calls of a client, if it is gone, and frees its place.
    fn forget_client(&self, section: &Section<'_>, index: u32) -> Result<()> {
        let client = self.memory.client(index)?;
        let birth = client.owner.load(Relaxed);
        if birth != 0 && is_process_gone(birth) {
            self.end_client(
                section,
                Party {
                    place: index,
                    birth,
                },
            )?;
        }
        Ok(())
    }

    /// Ends the calls of a client, and frees its place.
    pub(super) fn end_client(&self, section: &Section<'_>, party: Party) -> Result<()> {
        let client = self.memory.client(party.place)?;
        client.first_done.store(NONE, Relaxed);
        let mut is_free = false;
        for (number, slot) in self.memory.slots() {
            if slot.client.load(Relaxed) == party.place
                && slot.client_birth.load(Relaxed) == party.birth
                && state_of(slot.word.load(Relaxed)) != CALL_FREE
            {
                is_free |= section.abandon((number, slot))?;
            }
        }
        client.owner.store(0, Release);
        if is_free {
            self.wake(&self.header().waiting.departures, u32::MAX);
        }
        Ok(())
    }

    /// Takes back the requests of a server, and frees its place.
    pub(super) fn end_server(&self, section: &Section<'_>, party: Party) -> Result<()> {
        for (number, slot) in self.memory.slots() {
            let state = state_of(slot.word.load(Acquire));
            if (state == CALL_TAKEN || state == CALL_WITHDRAWN)
                && slot.server.load(Relaxed) == party.place
                && slot.server_birth.load(Relaxed) == party.birth
            {
                let recovered = section.take_back((number, slot))?;
                self.announce((number, slot), recovered)?;
            }
        }
        if let Some(owner) = self.header().servers.owners.get(party.place as usize) {
            owner.store(0, Release);
        }
        Ok(())
    }

    /// Takes a place for a client's process.
    pub(super) fn join_as_client(&self, section: &Section<'_>, birth: Birth) -> Result<u32> {
        let (user, group) = process::effective_ids();
        for may_clean in [true, false] {
            for index in 0..self.memory.sizes().max_clients {
                let client = self.memory.client(index)?;
                if client.owner.load(Relaxed) == 0 {
                    client.first_done.store(NONE, Relaxed);
                    client.user.store(user, Relaxed);
                    client.group.store(group, Relaxed);
                    client.owner.store(birth, Release);
                    return Ok(index);
                }
            }
            if may_clean {
                self.remove_dead(section)?;
            }
        }
        Err(fail!(
            EUSERS,
            "{}: {} clients have it open, and it allows no more",
            self.name,
            self.memory.sizes().max_clients
        ))
    }

    /// Takes a place for a server's process.
    pub(super) fn join_as_server(&self, section: &Section<'_>, birth: Birth) -> Result<u32> {
        let owners = &self.header().servers.owners;
        for may_clean in [true, false] {
            if let Some(index) = owners.iter().position(|owner| owner.load(Relaxed) == 0) {
                owners[index].store(birth, Release);
                // A server that sleeps alone does not look for deaths. From now on it does.
                self.wake(&self.header().waiting.arrivals, u32::MAX);
                return Ok(index as u32);
            }
            if may_clean {
                self.remove_dead(section)?;
            }
        }
        Err(fail!(
            EUSERS,
            "{}: {} servers have it open, and it allows no more",
            self.name,
            owners.len()
        ))
    }
}
