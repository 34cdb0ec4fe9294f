//! The client's side: calling, and sending requests whose replies are received later.

use super::deaths::has_dead_server;
use super::holder;
use super::memory::{Numbered, Sizes, damaged};
use super::section::{Party, Section, id_of, state_of, with_state};
use super::{COPY_UNDER_LATCH, LOOK, PRIORITY_MAX, SPIN, Service, has_done};
use crate::base::alloc::Shared;
use crate::base::error::{Errno, Result, fail};
use crate::base::time::{Deadline, now};
use crate::ipc::topic::member::Member;
use crate::ipc::watch::descriptor::Descriptor;
use crate::object::layout::{
    CALL_ANSWERED, CALL_LOST, CALL_PENDING, CALL_TAKEN, CALL_WITHDRAWN, CallSlot, SERVES_ONCE, Type,
};
use crate::sync::{self, OFTEN, RARELY};
use crate::sys::futex::Awoken;
use crate::sys::liveness::id_of as id_of_process;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::time::Duration;

/// When a client first examines its server again, after the kernel has reported the death of the thread that had the
/// request. Each further time it waits twice as long, up to [`LOOK`].
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// How long a proof that a process serves counts for requests whose replies are received later.
const PROOF_COUNTS: Duration = Duration::from_millis(1);

/// A handle that calls.
pub(crate) struct Client {
    pub(super) service: Service,
    /// The types of a request and of a reply that the service declares.
    pub(super) types: [Option<Box<Type>>; 2],
    pub(super) member: Shared<Member>,
    /// Calls wait for a server instead of failing if there is none.
    pub(super) waits_for_server: bool,
    /// How many requests were answered when this handle last had a proof that a process serves, and when that was, in
    /// nanoseconds.
    pub(super) answered_then: AtomicU64,
    pub(super) proved_ns: AtomicU64,
    pub(super) descriptor: Descriptor,
}

/// A call that has ended.
pub(crate) struct Ended {
    pub(crate) id: u64,
    /// The length of the reply in bytes, or the error.
    pub(crate) outcome: Result<usize>,
}

impl Client {
    /// Joins the clients.
    pub(super) fn begin(&self) -> Result<()> {
        self.party().map(drop)
    }

    #[inline(always)]
    pub(super) fn party(&self) -> Result<Party> {
        self.service.party(&self.member, Service::join_as_client)
    }

    /// Sends a request and waits for its reply. Returns the reply's length.
    pub(crate) fn call(
        &self,
        request: &[MaybeUninit<u8>],
        priority: u32,
        reply: &mut [MaybeUninit<u8>],
        deadline: Deadline,
    ) -> Result<usize> {
        self.check(request, priority)?;
        let party = self.party()?;
        if !self.waits_for_server && !self.service.may_have_server() {
            return Err(self.service.no_server());
        }
        if deadline == Deadline::Now {
            // A killed server may not count here: a program learns from this call whether a process serves.
            if !self.waits_for_server && !self.service.has_server() {
                return Err(self.service.no_server());
            }
            return Err(fail!(
                EAGAIN,
                "{}: timeout_ns is 0, and no server can reply at once",
                self.service.name
            ));
        }
        let (call, id) = self.send_request(party, request, priority, deadline, false)?;
        self.wait_for_end(call, id, deadline)?;
        self.finish(call, id, reply)
    }

    /// Sends a request. Returns the id of the call, whose reply [`receive`](Client::receive) returns.
    pub(crate) fn send(
        &self,
        request: &[MaybeUninit<u8>],
        priority: u32,
        deadline: Deadline,
    ) -> Result<u64> {
        self.check(request, priority)?;
        let party = self.party()?;
        if !self.waits_for_server && !self.proves_server() {
            return Err(self.service.no_server());
        }
        let (_, id) = self.send_request(party, request, priority, deadline, true)?;
        Ok(id)
    }

    /// Whether a process serves, or did a moment ago.
    fn proves_server(&self) -> bool {
        if !self.service.may_have_server() {
            return false;
        }
        let answered = self.service.header().statistics.answered.load(Relaxed);
        let time = now().as_nanos() as u64;
        let age = time.saturating_sub(self.proved_ns.load(Relaxed));
        if age < PROOF_COUNTS.as_nanos() as u64 {
            return true;
        }
        if self.answered_then.swap(answered, Relaxed) == answered && !self.service.has_server() {
            return false;
        }
        self.proved_ns.store(time, Relaxed);
        true
    }

    fn check(&self, request: &[MaybeUninit<u8>], priority: u32) -> Result<()> {
        let (name, limit) = (&self.service.name, self.service.memory.sizes().request_size);
        if request.len() > limit as usize {
            return Err(fail!(
                EMSGSIZE,
                "{name}: its requests have up to {limit} bytes, this one has {}",
                request.len()
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

    /// Puts a request into a free slot, waiting for one, and sends it.
    fn send_request(
        &self,
        party: Party,
        request: &[MaybeUninit<u8>],
        priority: u32,
        deadline: Deadline,
        is_asynchronous: bool,
    ) -> Result<(Numbered<'_>, u64)> {
        let service = &self.service;
        let mut next_look = None;
        let (section, call) = loop {
            let section = service.enter(deadline)?;
            if let Some(call) = section.take_free(party)? {
                break (section, call);
            }
            self.wait_for_room(section, deadline, &mut next_look)?;
        };
        let (number, slot) = call;
        let id = id_of(number, slot.word.load(Relaxed));
        slot.priority.store(priority, Relaxed);
        slot.redeliveries.store(0, Relaxed);
        slot.request_length.store(request.len() as u32, Relaxed);
        slot.is_asynchronous.store(is_asynchronous.into(), Relaxed);
        slot.sent_ns.store(now().as_nanos() as u64, Relaxed);
        let limit = match deadline {
            // The deadline of a call without a wait is that of its sending.
            Deadline::At(point) if !is_asynchronous => point.as_nanos() as u64,
            _ => 0,
        };
        slot.deadline_ns.store(limit, Relaxed);
        let section = match request.len() {
            ..=COPY_UNDER_LATCH => section,
            _ => {
                // The slot is this client's.
                drop(section);
                self.copy_in(call, request);
                self.service.enter(Deadline::Now)?
            }
        };
        if request.len() <= COPY_UNDER_LATCH {
            self.copy_in(call, request);
        }
        section.send(call)?;
        service.wake_observers();
        let waiting = &service.header().waiting;
        section
            .latched
            .thread()
            .leave_processor(&waiting.client_processor);
        section.latched.release();
        service.wake_server();
        Ok((call, id))
    }

    #[inline(always)]
    fn copy_in(&self, call: Numbered<'_>, request: &[MaybeUninit<u8>]) {
        let to = self.service.memory.request(call).cast::<MaybeUninit<u8>>();
        // SAFETY: `check` has compared the length with the room. The slot is this client's to fill.
        unsafe { to.copy_from_nonoverlapping(NonNull::from(request).cast(), request.len()) };
    }

    /// Waits until there may be a free slot.
    #[cold]
    fn wait_for_room(
        &self,
        section: Section<'_>,
        deadline: Deadline,
        next_look: &mut Option<Duration>,
    ) -> Result<()> {
        let service = &self.service;
        let time = now();
        if next_look.is_none_or(|next| next <= time) {
            *next_look = Some(time + LOOK);
            if service.remove_dead(&section)? {
                return Ok(());
            }
        }
        drop(section);
        let header = service.header();
        let peer = &header.waiting.room_processor;
        let has_room = || header.index.free.load(Relaxed) != 0;
        if deadline != Deadline::Now && sync::spin_for(SPIN, peer, &mut || has_room()) {
            return Ok(());
        }
        service.sleep(&header.waiting.departures, deadline, Some(LOOK), &has_room)
    }

    /// Waits until the reply is there, or the call has ended otherwise.
    fn wait_for_end(&self, call: Numbered<'_>, id: u64, deadline: Deadline) -> Result<()> {
        let service = &self.service;
        let (_, slot) = call;
        let is_over = || has_ended(call, id);
        if sync::spin_for(SPIN, &slot.holder.processor, &mut || is_over()) {
            return Ok(());
        }
        if !self.waits_for_server
            && state_of(slot.word.load(Relaxed)) == CALL_PENDING
            && !service.has_server()
            && self.withdraw(call, id)?
        {
            return Err(service.no_server());
        }
        let mut next_look = FIRST_LOOK;
        while !is_over() {
            if has_dead_server(slot) {
                let section = service.enter(Deadline::Now)?;
                service.take_back_all(&section)?;
                continue;
            }
            let slept = sleep_until_end(slot, deadline, &mut next_look, &is_over);
            match slept {
                Err(error) if self.withdraw(call, id)? => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends the wait for a reply. False: it has come meanwhile.
    #[cold]
    fn withdraw(&self, call: Numbered<'_>, id: u64) -> Result<bool> {
        let service = &self.service;
        let (number, slot) = call;
        loop {
            let word = slot.word.load(Acquire);
            if has_ended(call, id) {
                return Ok(false);
            }
            if state_of(word) == CALL_TAKEN {
                // Without the latch: the server replies without it too.
                let withdrawn = with_state(word, CALL_WITHDRAWN);
                if slot
                    .word
                    .compare_exchange(word, withdrawn, AcqRel, Relaxed)
                    .is_ok()
                {
                    service.header().statistics.withdrawn.fetch_add(1, Relaxed);
                    return Ok(true);
                }
                continue;
            }
            let section = service.enter(Deadline::Now)?;
            let word = slot.word.load(Acquire);
            if id_of(number, word) == id && state_of(word) == CALL_PENDING {
                section.withdraw_pending(call)?;
                drop(section);
                service.wake(&service.header().waiting.departures, 1);
                return Ok(true);
            }
        }
    }

    /// The result of a call that has ended.
    fn finish(&self, call: Numbered<'_>, id: u64, reply: &mut [MaybeUninit<u8>]) -> Result<usize> {
        let (number, slot) = call;
        let word = slot.word.load(Acquire);
        if id_of(number, word) != id {
            // A server has found that the deadline has passed.
            return Err(Errno::ETIMEDOUT.into());
        }
        let outcome = self.copy_out(call, word, reply);
        let section = self.service.enter(Deadline::Now)?;
        section.give_free(call)?;
        section.latched.release();
        let service = &self.service;
        service.wake(&service.header().waiting.departures, 1);
        outcome
    }

    /// Copies a reply. Returns its length.
    fn copy_out(
        &self,
        call: Numbered<'_>,
        word: u64,
        reply: &mut [MaybeUninit<u8>],
    ) -> Result<usize> {
        let name = &self.service.name;
        if state_of(word) == CALL_LOST {
            return Err(fail!(
                EOWNERDEAD,
                "{name}: the server died with the request, and the service delivers once"
            ));
        }
        let length = call.1.reply_length.load(Relaxed);
        if length > self.service.memory.sizes().reply_size {
            return Err(damaged("a reply is longer than a slot"));
        }
        let (length, capacity) = (length as usize, reply.len());
        if length > capacity {
            return Err(fail!(
                EMSGSIZE,
                "{name}: the reply has {length} bytes, and the buffer {capacity}"
            ));
        }
        let from = self.service.memory.reply(call).cast::<MaybeUninit<u8>>();
        // SAFETY: the length was compared with both sizes. The reply is there, so no server writes it any more.
        unsafe { from.copy_to_nonoverlapping(NonNull::from(reply).cast(), length) };
        Ok(length)
    }

    /// Returns the next call of [`send`](Client::send) that has ended, waiting for one. If its reply is too long for the
    /// buffer, it stays.
    pub(crate) fn receive(
        &self,
        reply: &mut [MaybeUninit<u8>],
        deadline: Deadline,
    ) -> Result<Ended> {
        let ended = self.receive_next(reply, deadline);
        if self.descriptor.is_open() {
            self.descriptor.settle();
        }
        ended
    }

    fn receive_next(&self, reply: &mut [MaybeUninit<u8>], deadline: Deadline) -> Result<Ended> {
        let service = &self.service;
        let party = self.party()?;
        loop {
            let section = service.enter(deadline)?;
            let Some(call) = section.first_done(party)? else {
                drop(section);
                self.wait_for_any(party, deadline)?;
                continue;
            };
            let (number, slot) = call;
            let word = slot.word.load(Acquire);
            let outcome = self.copy_out(call, word, reply);
            if outcome
                .as_ref()
                .is_err_and(|error| error.errno() == Errno::EMSGSIZE)
            {
                return outcome.map(|_| Ended { id: 0, outcome });
            }
            section.remove_first_done(party, slot)?;
            section.give_free(call)?;
            section.latched.release();
            service.wake(&service.header().waiting.departures, 1);
            return Ok(Ended {
                id: id_of(number, word),
                outcome,
            });
        }
    }

    /// Waits until one of this client's calls of [`send`](Client::send) may have ended.
    fn wait_for_any(&self, party: Party, deadline: Deadline) -> Result<()> {
        let service = &self.service;
        let place = service.memory.client(party.place)?;
        let is_ready = || has_done(&place.first_done);
        if deadline != Deadline::Now && sync::spin_for(SPIN, &place.processor, &mut || is_ready()) {
            return Ok(());
        }
        let mut is_with_server = false;
        for (_, slot) in service.memory.slots() {
            let is_own = slot.client.load(Relaxed) == party.place
                && slot.client_birth.load(Relaxed) == party.birth;
            if !is_own {
                continue;
            }
            let state = state_of(slot.word.load(Acquire));
            is_with_server |= state == CALL_TAKEN || state == CALL_PENDING;
            if has_dead_server(slot) {
                let section = service.enter(Deadline::Now)?;
                service.take_back_all(&section)?;
            }
        }
        if is_ready() {
            return Ok(());
        }
        let limit = is_with_server.then_some(LOOK);
        service.sleep(&place.replies, deadline, limit, &is_ready)
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.service.memory.sizes()
    }

    /// The types of a request and of a reply.
    pub(crate) fn types(&self) -> &[Option<Box<Type>>; 2] {
        &self.types
    }

    /// Whether a request whose server died fails.
    pub(crate) fn delivers_once(&self) -> bool {
        self.service.header().flags.load(Relaxed) & SERVES_ONCE != 0
    }

    pub(crate) fn is_stale(&self) -> Result<bool> {
        self.service.object.is_stale()
    }
}

impl Drop for Client {
    /// Ends the calls that nobody waits for any more. A forked child that has not used the handle has none.
    fn drop(&mut self) {
        if let (Some(place), Ok(section)) = (self.member.place(), self.service.enter(Deadline::Now))
        {
            let birth = self.member.birth();
            let _ = self.service.end_client(&section, Party { place, birth });
        }
    }
}

/// Sleeps until the call in a slot may have ended, or its server may have died.
fn sleep_until_end(
    slot: &CallSlot,
    deadline: Deadline,
    next_look: &mut Duration,
    is_over: &dyn Fn() -> bool,
) -> Result<()> {
    if deadline.has_passed() {
        return Err(Errno::ETIMEDOUT.into());
    }
    let expected = holder::announce_sleep(slot);
    if is_over() {
        return Ok(());
    }
    let limit = match holder::reported(expected) {
        // The thread that received the request has ended, and so perhaps the server, which needs a moment to end.
        0 if state_of(slot.word.load(Acquire)) != CALL_PENDING => {
            let look = *next_look;
            *next_look = (look * 2).min(LOOK);
            look
        }
        0 => RARELY,
        main_thread if main_thread == id_of_process(slot.server_birth.load(Relaxed)) => RARELY,
        // It may execute another program unnoticed.
        _ => OFTEN,
    };
    let until = deadline.earlier(now().saturating_add(limit));
    match sync::sleep_until_death(&slot.holder.word, expected, until)? {
        Awoken::Interrupted if !is_over() => Err(Errno::EINTR.into()),
        _ => Ok(()),
    }
}

/// Whether the call with this id has ended.
#[inline(always)]
fn has_ended((number, slot): (u32, &CallSlot), id: u64) -> bool {
    // Acquire: a thread that finds the call answered must find the reply.
    let word = slot.word.load(Acquire);
    id_of(number, word) != id || matches!(state_of(word), CALL_ANSWERED | CALL_LOST)
}
