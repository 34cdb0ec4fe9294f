//! The server's side: receiving requests and replying.

use super::holder;
use super::memory::Numbered;
use super::section::{Party, Section, id_of, slot_of, state_of, with_state};
use super::{LOOK, SPIN, Service, Statistics};
use crate::base::alloc::Shared;
use crate::base::error::{Error, Result, fail};
use crate::base::time::{Deadline, now};
use crate::ipc::topic::member::Member;
use crate::ipc::watch::descriptor::Descriptor;
use crate::object::layout::{CALL_ANSWERED, CALL_PENDING, CALL_TAKEN, CALL_WITHDRAWN, CallSlot};
use crate::sync;
use crate::sys::liveness::{self, is_process_gone};
use crate::sys::thread::Thread;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::time::Duration;

/// A request that has waited for longer than this may be that of a client that has died meanwhile.
const FRESH: Duration = Duration::from_millis(1);

/// A handle that serves.
pub(crate) struct Server {
    pub(super) service: Service,
    pub(super) member: Shared<Member>,
    pub(super) descriptor: Descriptor,
    /// How many slots are in the robust lists of threads that received a request, to which other threads replied.
    pub(super) strays: AtomicU32,
}

/// The facts about a request, beside its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) id: u64,
    /// In bytes.
    pub(crate) length: usize,
    pub(crate) priority: u32,
    pub(crate) redeliveries: u32,
    pub(crate) deadline_ns: u64,
    pub(crate) process: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Server {
    /// Joins the servers.
    pub(super) fn begin(&self) -> Result<()> {
        self.party().map(drop)
    }

    #[inline(always)]
    fn party(&self) -> Result<Party> {
        self.service.party(&self.member, Service::join_as_server)
    }

    /// Receives the request that is the next. It belongs to this process until it is answered.
    pub(crate) fn receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        deadline: Deadline,
    ) -> Result<Request> {
        let request = self.receive_next(buffer, deadline);
        if self.descriptor.is_open() {
            self.descriptor.settle();
        }
        request
    }

    fn receive_next(&self, buffer: &mut [MaybeUninit<u8>], deadline: Deadline) -> Result<Request> {
        let service = &self.service;
        let party = self.party()?;
        let mut next_look = None;
        loop {
            let section = service.enter(deadline)?;
            if let Some((call, request)) = self.take(&section, party, buffer.len())? {
                drop(section);
                let from = service.memory.request(call);
                // SAFETY: the request is this process's, so nobody writes it. Its length was compared with both sizes.
                unsafe {
                    from.cast::<MaybeUninit<u8>>().copy_to_nonoverlapping(
                        core::ptr::NonNull::from(buffer).cast(),
                        request.length,
                    );
                }
                return Ok(request);
            }
            drop(section);
            self.wait(deadline, party, &mut next_look)?;
        }
    }

    /// Takes the first request of a living client.
    #[inline(always)]
    fn take<'s>(
        &'s self,
        section: &Section<'s>,
        party: Party,
        capacity: usize,
    ) -> Result<Option<(Numbered<'s>, Request)>> {
        let service = &self.service;
        // Each round removes a request.
        for _ in 0..=service.memory.sizes().max_requests {
            let Some(call) = section.first()? else {
                return Ok(None);
            };
            let slot = call.1;
            let time = now().as_nanos() as u64;
            if self.is_of_nobody(slot, time) {
                section.withdraw_pending(call)?;
                service.wake(&service.header().waiting.departures, 1);
                continue;
            }
            let length = slot.request_length.load(Relaxed) as usize;
            if length > capacity {
                return Err(fail!(
                    EMSGSIZE,
                    "{}: the request has {length} bytes, and the buffer {capacity}; the request stays",
                    service.name
                ));
            }
            if slot.is_asynchronous.load(Relaxed) == 0 {
                self.sweep_strays(section.latched.thread());
                holder::hold(slot, section.latched.thread(), party.place);
            }
            section.take_first(slot, party)?;
            let client = service.memory.client(slot.client.load(Relaxed))?;
            let word = slot.word.load(Relaxed);
            let request = Request {
                id: id_of(call.0, word),
                length,
                priority: slot.priority.load(Relaxed),
                redeliveries: slot.redeliveries.load(Relaxed),
                deadline_ns: slot.deadline_ns.load(Relaxed),
                process: liveness::id_of(slot.client_birth.load(Relaxed)),
                user: client.user.load(Relaxed),
                group: client.group.load(Relaxed),
            };
            return Ok(Some((call, request)));
        }
        Ok(None)
    }

    /// Removes the slots from this thread's list whose requests other threads have answered.
    #[inline(always)]
    fn sweep_strays(&self, thread: Thread) {
        if self.strays.load(Relaxed) != 0 && thread.robust_list().has_entries() {
            self.sweep_strays_of(thread);
        }
    }

    #[cold]
    fn sweep_strays_of(&self, thread: Thread) {
        for (_, slot) in self.service.memory.slots() {
            if holder::sweep(slot, thread) {
                self.forget_stray();
            }
        }
    }

    fn forget_stray(&self) {
        let _ = self
            .strays
            .fetch_update(Relaxed, Relaxed, |strays| strays.checked_sub(1));
    }

    /// Ends the hold of a request whose call has ended, and wakes its client.
    #[inline(always)]
    fn release(&self, slot: &CallSlot, held_as: u32) -> Result<()> {
        if holder::release(slot, Thread::current()?, held_as) {
            self.strays.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    /// Whether the client of a request has given up or died.
    #[inline(always)]
    fn is_of_nobody(&self, slot: &CallSlot, time: u64) -> bool {
        let deadline = slot.deadline_ns.load(Relaxed);
        if deadline != 0 && deadline <= time {
            return true;
        }
        let age = time.saturating_sub(slot.sent_ns.load(Relaxed));
        age > FRESH.as_nanos() as u64 && is_process_gone(slot.client_birth.load(Relaxed))
    }

    fn wait(
        &self,
        deadline: Deadline,
        party: Party,
        next_look: &mut Option<Duration>,
    ) -> Result<()> {
        let service = &self.service;
        let header = service.header();
        let peer = &header.waiting.client_processor;
        let is_ready = || header.index.pending.load(Relaxed) != 0;
        if deadline != Deadline::Now && sync::spin_for(SPIN, peer, &mut || is_ready()) {
            return Ok(());
        }
        let mut owners = header.servers.owners.iter().enumerate();
        let has_colleague =
            owners.any(|(index, owner)| index != party.place as usize && owner.load(Relaxed) != 0);
        if has_colleague {
            let time = now();
            if deadline == Deadline::Now || next_look.is_none_or(|next| next <= time) {
                *next_look = Some(time + LOOK);
                let section = service.enter(deadline)?;
                service.take_back_all(&section)?;
                drop(section);
                if is_ready() {
                    return Ok(());
                }
            }
        }
        // Without other servers there is nobody whose requests could come back.
        let limit = has_colleague.then_some(LOOK);
        service.sleep(&header.waiting.arrivals, deadline, limit, &is_ready)
    }

    /// Answers a request.
    pub(crate) fn reply(&self, id: u64, reply: &[MaybeUninit<u8>]) -> Result<()> {
        let service = &self.service;
        let party = self.party()?;
        let limit = service.memory.sizes().reply_size;
        if reply.len() > limit as usize {
            return Err(fail!(
                EMSGSIZE,
                "{}: its replies have up to {limit} bytes, this one has {}",
                service.name,
                reply.len()
            ));
        }
        let call = self.held(id, party)?;
        let (number, slot) = call;
        let to = service.memory.reply(call);
        // SAFETY: the reply has room for reply_size bytes. The request is this process's, so no other one writes there.
        unsafe {
            to.cast::<MaybeUninit<u8>>()
                .copy_from_nonoverlapping(core::ptr::NonNull::from(reply).cast(), reply.len());
        }
        slot.reply_length.store(reply.len() as u32, Relaxed);
        if slot.is_asynchronous.load(Relaxed) != 0 {
            return self.reply_in_section(id, party);
        }
        if let Some(thread) = Thread::known() {
            thread.leave_processor(&slot.holder.processor);
        }
        let held_as = holder::held_as(slot);
        let word = slot.word.load(Relaxed);
        // AcqRel: a client that finds the call answered must find the reply.
        let answered = state_of(word) == CALL_TAKEN
            && id_of(number, word) == id
            && slot
                .word
                .compare_exchange(word, with_state(word, CALL_ANSWERED), AcqRel, Relaxed)
                .is_ok();
        if !answered {
            return self.reply_in_section(id, party);
        }
        service.header().statistics.answered.fetch_add(1, Relaxed);
        self.release(slot, held_as)
    }

    /// The second half of [`reply`](Server::reply), for a call whose end changes the index.
    #[cold]
    fn reply_in_section(&self, id: u64, party: Party) -> Result<()> {
        let service = &self.service;
        let section = service.enter(Deadline::Now)?;
        let thread = section.latched.thread();
        let call = self.held(id, party)?;
        let slot = call.1;
        let held_as = holder::held_as(slot);
        loop {
            let word = slot.word.load(Acquire);
            match state_of(word) {
                CALL_WITHDRAWN => {
                    section.give_free(call)?;
                    drop(section);
                    self.release(slot, held_as)?;
                    service.wake(&service.header().waiting.departures, 1);
                    return Ok(());
                }
                CALL_TAKEN => {
                    let answered = with_state(word, CALL_ANSWERED);
                    if slot
                        .word
                        .compare_exchange(word, answered, AcqRel, Relaxed)
                        .is_err()
                    {
                        continue;
                    }
                    service.header().statistics.answered.fetch_add(1, Relaxed);
                    if slot.is_asynchronous.load(Relaxed) != 0 {
                        let client = service.memory.client(slot.client.load(Relaxed))?;
                        section.push_done(call)?;
                        thread.leave_processor(&client.processor);
                        // Before the latch is released: as in `wake_observers`.
                        service.wake(&client.replies, u32::MAX);
                    } else {
                        drop(section);
                        self.release(slot, held_as)?;
                    }
                    return Ok(());
                }
                _ => return Err(self.not_held(id)),
            }
        }
    }

    /// The slot of a request that this server has.
    #[inline(always)]
    fn held(&self, id: u64, party: Party) -> Result<Numbered<'_>> {
        let number = slot_of(id);
        let Ok(slot) = self.service.memory.slot(number) else {
            return Err(self.not_held(id));
        };
        let word = slot.word.load(Acquire);
        let is_held = matches!(state_of(word), CALL_TAKEN | CALL_WITHDRAWN)
            && id_of(number, word) == id
            && slot.server.load(Relaxed) == party.place
            && slot.server_birth.load(Relaxed) == party.birth;
        match is_held {
            true => Ok((number, slot)),
            false => Err(self.not_held(id)),
        }
    }

    #[cold]
    fn not_held(&self, id: u64) -> Error {
        let shown = &self.service.name;
        let state = self.service.memory.slot(slot_of(id)).map_or(0, |slot| {
            let word = slot.word.load(Relaxed);
            match id_of(slot_of(id), word) == id {
                true => state_of(word),
                false => 0,
            }
        });
        match state {
            CALL_TAKEN | CALL_WITHDRAWN => {
                fail!(EPERM, "{shown}: another server has request {id:#x}")
            }
            CALL_PENDING => fail!(EINVAL, "{shown}: no server has received request {id:#x}"),
            _ => fail!(
                EINVAL,
                "{shown}: this server has no request {id:#x} to answer"
            ),
        }
    }

    /// Removes all slots from this thread's list. Returns whether slots may be in the list of another living thread of
    /// this process.
    fn let_go_of_all(&self, place: u32) -> bool {
        let thread = Thread::current().ok();
        let own = thread.map_or(0, Thread::birth);
        let mut is_listed_by_other = false;
        for (_, slot) in self.service.memory.slots() {
            if let Some(thread) = thread {
                holder::let_go(slot, thread);
            }
            is_listed_by_other |= holder::is_listed_by_other(slot, own, place);
        }
        is_listed_by_other
    }

    pub(crate) fn statistics(&self) -> Result<Statistics> {
        self.service.statistics()
    }

    pub(crate) fn is_stale(&self) -> Result<bool> {
        self.service.object.is_stale()
    }
}

impl Drop for Server {
    /// Gives back what this process has not answered. A forked child that has not used the handle has nothing.
    fn drop(&mut self) {
        let Some(place) = self.member.place() else {
            return;
        };
        let birth = self.member.birth();
        let is_listed_by_other = self.let_go_of_all(place);
        if let Ok(section) = self.service.enter(Deadline::Now) {
            let _ = self.service.end_server(&section, Party { place, birth });
        }
        if is_listed_by_other {
            // The list of that thread leads into this memory until the thread ends.
            core::mem::forget(self.service.object.clone());
        }
    }
}
