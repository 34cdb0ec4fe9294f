//! The descriptors of both sides: a server's is readable while a request waits, a client's while a reply does.

use super::client::Client;
use super::has_done;
use super::memory::Memory;
use super::server::Server;
use crate::base::alloc::{Shared, try_box};
use crate::base::error::Result;
use crate::ipc::waitable::{DeathWords, Waitable};
use crate::ipc::watch::descriptor::Polled;
use crate::ipc::watch::{EMPTY, READY};
use crate::object::Object;
use crate::sys::watch_words::Word;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use std::os::fd::RawFd;

/// What a descriptor waits for.
struct ServiceWait {
    memory: Memory,
    /// The client's place, for a reply. `None` waits for a request.
    client: Option<u32>,
    /// Keeps the memory mapped.
    _object: Shared<Object>,
}

impl Server {
    /// A descriptor that is readable while a request waits for a server.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        self.descriptor.get(false, &|| {
            Ok(try_box(ServiceWait {
                memory: self.service.memory,
                client: None,
                _object: self.service.object.clone(),
            })?)
        })
    }
}

impl Client {
    /// A descriptor that is readable while a reply waits for `receive`.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        let party = self.party()?;
        self.descriptor.get(false, &|| {
            Ok(try_box(ServiceWait {
                memory: self.service.memory,
                client: Some(party.place),
                _object: self.service.object.clone(),
            })?)
        })
    }
}

impl Waitable for ServiceWait {
    fn is_ready(&self) -> bool {
        let header = self.memory.header();
        let has_one = match self.client {
            None => header.index.pending.load(Relaxed) != 0,
            Some(client) => match self.memory.client(client) {
                Ok(client) => has_done(&client.first_done),
                Err(_) => true,
            },
        };
        // A call repairs what the dead holder of the latch left. It may have been about to make this ready.
        has_one || header.index.latch.is_orphaned()
    }

    fn prepare(&self) -> Option<(&AtomicU32, u32)> {
        let waiting = &self.memory.header().waiting;
        let sleepers = match self.client {
            None => &waiting.observers,
            Some(client) => &self.memory.client(client).ok()?.replies,
        };
        let seen = sleepers.prepare_unless(&waiting.needs_fence, &|| self.is_ready())?;
        Some((&sleepers.word, seen))
    }

    fn prepare_for_deaths(&self, words: &mut DeathWords) -> bool {
        let latch = &self.memory.header().index.latch.word;
        // The one who learns of this death repairs the service, and so wakes the others.
        words.add(Word::new(latch, latch.load(Relaxed)), false);
        true
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
