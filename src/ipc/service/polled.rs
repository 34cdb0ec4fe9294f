//! The waits of both sides, which take nothing: a server for a request, a client for a reply. The descriptors and the
//! waitsets use it.
//!
//! The death of a server makes something ready: its requests go to the other servers, or, in a service that delivers
//! once, its clients get an error. Requests belong to processes, and the kernel tells of the deaths of threads only. A client
//! that sleeps in its call learns of them ([`holder`](super::holder)) and passes them on. While the death of a server
//! with another request matters, the watcher examines the processes that have such requests.

use super::client::Client;
use super::deaths::has_dead_server;
use super::memory::Memory;
use super::section::state_of;
use super::server::Server;
use super::{Service, has_done};
use crate::base::alloc::{Shared, try_box};
use crate::base::error::Result;
use crate::ipc::topic::member::Member;
use crate::ipc::waitable::{DeathWords, Examined, SharedExamined, Waitable};
use crate::ipc::watch::descriptor::Polled;
use crate::ipc::watch::{EMPTY, READY};
use crate::object::Object;
use crate::object::layout::{CALL_TAKEN, CallSlot, SERVES_ONCE};
use crate::sync::latch::check_namespace;
use crate::sys::thread::{Process, Thread};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed};
use std::os::fd::RawFd;

/// A wait for a request or for a reply.
pub(crate) struct ServiceWait {
    side: Side,
    examined: SharedExamined,
}

/// The side that waits.
#[derive(Clone)]
struct Side {
    memory: Memory,
    /// A client's place, for a reply. `None` waits for a request.
    client: Option<Shared<Member>>,
    /// Keeps the memory mapped.
    _object: Shared<Object>,
}

impl ServiceWait {
    fn new(service: &Service, client: Option<Shared<Member>>) -> Result<ServiceWait> {
        let side = Side {
            memory: service.memory,
            client,
            _object: service.object.clone(),
        };
        Ok(ServiceWait {
            examined: Shared::new(try_box(side.clone())? as Box<dyn Examined>)?,
            side,
        })
    }
}

impl Server {
    /// A wait for a request.
    pub(crate) fn request_wait(&self) -> Result<ServiceWait> {
        let service = &self.service;
        check_namespace(
            &format_args!("{}: the service", service.name),
            Thread::current()?,
            service.pid_namespace,
        )?;
        ServiceWait::new(&self.service, None)
    }

    /// A descriptor that is readable while a request waits for a server.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        self.descriptor
            .get(false, &|| Ok(try_box(self.request_wait()?)?))
    }
}

impl Client {
    /// A wait for a reply of a call of [`send`](Client::send).
    pub(crate) fn reply_wait(&self) -> Result<ServiceWait> {
        // A forked child gets a place of its own.
        self.party()?;
        ServiceWait::new(&self.service, Some(self.member.clone()))
    }

    /// A descriptor that is readable while a reply waits for `receive`.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        self.party()?;
        self.descriptor
            .get(false, &|| Ok(try_box(self.reply_wait()?)?))
    }
}

impl Side {
    /// Whether there is something to receive.
    fn has_one(&self) -> bool {
        let Some(member) = &self.client else {
            return self.memory.header().index.pending.load(Relaxed) != 0;
        };
        // A forked child that has not called yet has no place. Its next call takes one.
        let place = member.place().map(|place| self.memory.client(place));
        place.is_none_or(|place| place.map_or(true, |client| has_done(&client.first_done)))
    }

    /// Whether the death of a server may make something ready.
    fn needs_examination(&self) -> bool {
        if self.client.is_some() {
            // A call may begin at any time, and does not wake this wait.
            return self.memory.header().flags.load(Relaxed) & SERVES_ONCE != 0;
        }
        let own = Process::current().birth;
        let mut slots = self.memory.slots();
        slots.any(|(_, slot)| {
            // A client in `call` learns of the death from the kernel, and gives its request to the next server.
            is_taken(slot)
                && slot.is_asynchronous.load(Relaxed) != 0
                && slot.server_birth.load(Relaxed) != own
        })
    }

    /// Whether a call in this slot is one whose end this side waits for.
    fn concerns(&self, slot: &CallSlot) -> bool {
        let Some(member) = &self.client else {
            return true;
        };
        slot.is_asynchronous.load(Relaxed) != 0
            && member.place() == Some(slot.client.load(Relaxed))
            && member.birth() == slot.client_birth.load(Relaxed)
    }
}

fn is_taken(slot: &CallSlot) -> bool {
    state_of(slot.word.load(Acquire)) == CALL_TAKEN
}

impl Examined for Side {
    fn has_death(&self) -> bool {
        let mut slots = self.memory.slots();
        let mut alive = 0;
        slots.any(|(_, slot)| {
            let birth = slot.server_birth.load(Relaxed);
            if !is_taken(slot) || birth == alive || !self.concerns(slot) {
                return false;
            }
            let is_dead = has_dead_server(slot);
            alive = birth;
            is_dead
        })
    }
}

impl Waitable for ServiceWait {
    fn is_ready(&self) -> bool {
        // A call repairs what the dead holder of the latch left. It may have been about to make this ready.
        self.side.has_one() || self.side.memory.header().index.latch.is_orphaned()
    }

    fn prepare(&self) -> Option<(&AtomicU32, u32)> {
        let waiting = &self.side.memory.header().waiting;
        let sleepers = match &self.side.client {
            None => &waiting.observers,
            Some(member) => &self.side.memory.client(member.place()?).ok()?.replies,
        };
        let seen = sleepers.prepare_unless(&waiting.needs_fence, &|| self.is_ready())?;
        Some((&sleepers.word, seen))
    }

    fn prepare_for_deaths(&self, words: &mut DeathWords) -> bool {
        words.add_latch(&self.side.memory.header().index.latch)
    }

    fn examined(&self) -> Option<&SharedExamined> {
        self.side.needs_examination().then_some(&self.examined)
    }
}

impl Polled for ServiceWait {
    fn level(&self) -> u64 {
        if self.is_ready() { READY } else { EMPTY }
    }

    fn message(&self) -> &dyn Waitable {
        self
    }

    fn room(&self) -> &dyn Waitable {
        self
    }
}
