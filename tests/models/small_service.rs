//! A service for the models: the sections of src/ipc/service on a memory of loom's words. It has one slot for calls.

#[path = "../../src/ipc/service/section.rs"]
#[allow(dead_code)]
mod section;

#[path = "../../src/ipc/service/holder.rs"]
#[allow(dead_code)]
mod holder;

use crate::base::time::Deadline::Never;
use crate::object::layout::{
    CALL_ANSWERED, CALL_FREE, CALL_LOST, CALL_PENDING, CALL_TAKEN, CALL_WITHDRAWN, CallSlot,
    Sleepers,
};
use crate::sys::atomic::AtomicU32;
use crate::sys::fence;
use crate::sys::futex;
use crate::sys::liveness::{self, is_process_gone};
use crate::sys::thread::Thread;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use memory::Memory;
use section::{Party, Recovered, Section, id_of, state_of, with_state};
use std::sync::atomic::AtomicBool;

/// Replaces src/ipc/service/memory.rs, which turns numbers into addresses.
mod memory {
    use crate::base::error::{Error, Result};
    use crate::object::layout::{CallSlot, ClientPlace, ServiceHeader};
    use crate::sys::atomic::AtomicU32;
    use loom::cell::Cell;

    #[derive(Default)]
    pub(super) struct Memory {
        header: ServiceHeader,
        client: ClientPlace,
        free: AtomicU32,
        heap: AtomicU32,
        slot: CallSlot,
        /// loom reports a race on these, which stands for a race on a request or a reply.
        pub(super) request: Cell<u32>,
        pub(super) reply: Cell<u32>,
    }

    pub(super) type Numbered<'s> = (u32, &'s CallSlot);

    pub(super) struct Sizes {
        pub(super) max_clients: u32,
        pub(super) request_size: u32,
    }

    pub(super) fn damaged(what: &str) -> Error {
        panic!("the service is damaged: {what}")
    }

    impl Memory {
        pub(super) fn sizes(&self) -> Sizes {
            Sizes {
                max_clients: 1,
                request_size: 4,
            }
        }

        pub(super) fn header(&self) -> &ServiceHeader {
            &self.header
        }

        pub(super) fn client(&self, _: u32) -> Result<&ClientPlace> {
            Ok(&self.client)
        }

        pub(super) fn slot(&self, _: u32) -> Result<&CallSlot> {
            Ok(&self.slot)
        }

        pub(super) fn slots(&self) -> impl Iterator<Item = Numbered<'_>> {
            core::iter::once((0, &self.slot))
        }

        pub(super) fn free_entry(&self, _: u32) -> Result<&AtomicU32> {
            Ok(&self.free)
        }

        pub(super) fn heap_entry(&self, _: u32) -> Result<&AtomicU32> {
            Ok(&self.heap)
        }
    }
}

#[derive(Default)]
pub(crate) struct Service {
    memory: Memory,
    /// The answers that the client has got.
    pub(crate) answers: AtomicU32,
    /// Whether a server has answered. It is no word of the model's, so that a death leaves it right.
    pub(crate) is_answered: AtomicBool,
}

/// A call that was sent.
pub(crate) struct Call<'s> {
    slot: &'s CallSlot,
    id: u64,
}

/// A thread of the model is a process of its own.
fn party() -> Party {
    Party {
        place: 0,
        birth: Thread::number().into(),
    }
}

impl Service {
    pub(crate) fn prepare(&self) {
        let header = self.memory.header();
        // The kernel of these models cannot have fences executed, as every process has said when it opened the service.
        header.waiting.needs_fence.store(1, Relaxed);
        header.index.free.store(1, Relaxed);
        let client = self.memory.client(0).unwrap();
        client
            .first_done
            .store(crate::object::layout::NONE, Relaxed);
    }

    /// Does what `Service::enter` does.
    fn enter(&self) -> Section<'_> {
        let header = self.memory.header();
        let (latch, needs_fence) = (&header.index.latch, &header.waiting.needs_fence);
        let latched = latch
            .take_fast(needs_fence, 0)
            .unwrap_or_else(|| latch.take(needs_fence, 0, Never).unwrap());
        let mut section = Section {
            memory: &self.memory,
            latched,
        };
        if section.latched.is_orphaned() {
            section.rebuild().unwrap();
            section.latched.make_sound();
        }
        section
    }

    /// Does what `Service::wake` does.
    fn wake(&self, sleepers: &Sleepers) {
        fence::light(self.memory.header().waiting.needs_fence.load(Relaxed) != 0);
        if sleepers.are_asleep() {
            sleepers.wake(1);
        }
    }

    /// Does what `Client::send_request` does. `None`: no slot is free.
    pub(crate) fn send(&self, request: u32) -> Option<Call<'_>> {
        let section = self.enter();
        let (number, slot) = section.take_free(party()).unwrap()?;
        let id = id_of(number, slot.word.load(Relaxed));
        slot.redeliveries.store(0, Relaxed);
        slot.request_length.store(4, Relaxed);
        self.memory.request.set(request);
        section.send((number, slot)).unwrap();
        section.latched.release();
        self.wake(&self.memory.header().waiting.arrivals);
        Some(Call { slot, id })
    }

    /// Does what `Client::wait_for_end` and `Client::finish` do. Returns the reply; `None` if the server died with the
    /// request and the service delivers once.
    pub(crate) fn wait(&self, call: &Call<'_>) -> Option<u32> {
        let slot = call.slot;
        let is_over = || {
            let state = state_of(slot.word.load(Acquire));
            matches!(state, CALL_ANSWERED | CALL_LOST)
        };
        while !is_over() {
            self.take_back_if_dead();
            let expected = holder::announce_sleep(slot);
            if !is_over() {
                futex::wait(&slot.holder.word, expected, Never).unwrap();
            }
        }
        let word = slot.word.load(Acquire);
        assert_eq!(id_of(0, word), call.id);
        let reply = (state_of(word) == CALL_ANSWERED).then(|| self.memory.reply.get());
        let section = self.enter();
        section.give_free((0, slot)).unwrap();
        section.latched.release();
        reply
    }

    /// Does what `Client::withdraw` does. False: the reply has come meanwhile.
    pub(crate) fn withdraw(&self, call: &Call<'_>) -> bool {
        let slot = call.slot;
        loop {
            let word = slot.word.load(Acquire);
            match state_of(word) {
                CALL_ANSWERED | CALL_LOST => return false,
                CALL_TAKEN => {
                    let withdrawn = with_state(word, CALL_WITHDRAWN);
                    if slot
                        .word
                        .compare_exchange(word, withdrawn, AcqRel, Relaxed)
                        .is_ok()
                    {
                        return true;
                    }
                }
                _ => {
                    let section = self.enter();
                    let is_pending = state_of(slot.word.load(Acquire)) == CALL_PENDING;
                    if is_pending {
                        section.withdraw_pending((0, slot)).unwrap();
                    }
                    section.latched.release();
                    if is_pending {
                        return true;
                    }
                }
            }
        }
    }

    /// Does what `Server::receive` and `Server::reply` do for one request: the answer is the request plus 1. False: there was
    /// no request.
    pub(crate) fn serve(&self) -> bool {
        self.serve_with(|slot, word, answered| {
            slot.word
                .compare_exchange(word, answered, AcqRel, Relaxed)
                .is_ok()
        })
    }

    /// Replies without a look at what the client has done meanwhile, which is wrong.
    pub(crate) fn serve_carelessly(&self) -> bool {
        self.serve_with(|slot, _, answered| {
            slot.word.store(answered, Release);
            true
        })
    }

    fn serve_with(&self, reply: fn(&CallSlot, u64, u64) -> bool) -> bool {
        let section = self.enter();
        let Some((_, slot)) = section.first().unwrap() else {
            return false;
        };
        holder::hold(slot, section.latched.thread(), 0);
        section.take_first(slot, party()).unwrap();
        let id = id_of(0, slot.word.load(Relaxed));
        section.latched.release();
        let request = self.memory.request.get();
        self.memory.reply.set(request + 1);
        let thread = Thread::current().unwrap();
        let held_as = holder::held_as(slot);
        let word = slot.word.load(Acquire);
        assert_eq!(id_of(0, word), id, "the request has left its server");
        let answered = with_state(word, CALL_ANSWERED);
        let is_answered = state_of(word) == CALL_TAKEN && reply(slot, word, answered);
        if !is_answered {
            // The client has withdrawn it.
            let section = self.enter();
            assert_eq!(state_of(slot.word.load(Acquire)), CALL_WITHDRAWN);
            section.give_free((0, slot)).unwrap();
            section.latched.release();
            holder::release(slot, thread, held_as);
            self.wake(&self.memory.header().waiting.departures);
            return true;
        }
        self.is_answered.store(true, Relaxed);
        holder::release(slot, thread, held_as);
        true
    }

    /// Sleeps until there may be a request.
    pub(crate) fn wait_for_request(&self) {
        let header = self.memory.header();
        let is_ready = || header.index.pending.load(Relaxed) != 0;
        let waiting = &header.waiting;
        let slept = waiting
            .arrivals
            .sleep_unless(&waiting.needs_fence, Never, &is_ready);
        slept.unwrap();
    }

    /// Sends a request, waiting for a free slot.
    pub(crate) fn send_in_time(&self, request: u32) -> Call<'_> {
        loop {
            if let Some(call) = self.send(request) {
                return call;
            }
            let header = self.memory.header();
            let is_ready = || header.index.free.load(Relaxed) != 0;
            let waiting = &header.waiting;
            let slept = waiting
                .departures
                .sleep_unless(&waiting.needs_fence, Never, &is_ready);
            slept.unwrap();
        }
    }

    /// Does what `Service::take_back_if_dead` does.
    pub(crate) fn take_back_if_dead(&self) {
        let slot = self.memory.slot(0).unwrap();
        let is_dead = || {
            let state = state_of(slot.word.load(Acquire));
            matches!(state, CALL_TAKEN | CALL_WITHDRAWN)
                && is_process_gone(slot.server_birth.load(Relaxed))
        };
        if !is_dead() {
            return;
        }
        let section = self.enter();
        if is_dead() {
            let recovered = section.take_back((0, slot)).unwrap();
            if recovered == Some(Recovered::Pending) {
                holder::forget_holder(slot);
            }
            assert!(recovered != Some(Recovered::Pending) || slot.redeliveries.load(Relaxed) == 1);
        }
        section.latched.release();
    }

    /// The kernel marks the latch and the call of a dead process. From now on nobody sleeps, because those who wait look for deaths.
    pub(crate) fn bury(&self) {
        Thread::die_holding(&self.memory.header().index.latch.word);
        Thread::die_holding(&self.memory.slot(0).unwrap().holder.word);
        liveness::end_process(Thread::number().into());
        futex::let_nobody_sleep();
    }

    /// Ends the calls of a dead client, as `Service::end_client` does.
    pub(crate) fn end_client(&self) {
        let section = self.enter();
        let slot = self.memory.slot(0).unwrap();
        if state_of(slot.word.load(Relaxed)) != CALL_FREE {
            section.abandon((0, slot)).unwrap();
        }
        section.latched.release();
    }

    /// After everything the slot is free and listed once, and a call works.
    pub(crate) fn check_at_rest(&self) {
        self.take_back_if_dead();
        let section = self.enter();
        section.latched.release();
        let (index, slot) = (&self.memory.header().index, self.memory.slot(0).unwrap());
        assert_eq!(state_of(slot.word.load(Relaxed)), CALL_FREE);
        assert_eq!(
            (index.free.load(Relaxed), index.pending.load(Relaxed)),
            (1, 0)
        );
        let call = self.send(40).unwrap();
        assert!(self.serve());
        assert_eq!(self.wait(&call), Some(41));
    }
}
