//! A subscriber's wait for a sample, without taking it.
//!
//! A publisher wakes all who sleep on `watches`, so a watch of that word takes no wake-up from anybody. A
//! subscriber cannot repair what a dead publisher left. It finds what that one had published, and the next publisher
//! repairs the topic and wakes all.

use super::Mapped;
use super::Topic;
use super::memory::Memory;
use super::ring::Found;
use super::subscribers::Subscribers;
use crate::base::alloc::{Shared, try_box};
use crate::base::error::Result;
use crate::ipc::waitable::{DeathWords, Waitable};
use crate::ipc::watch::descriptor::Polled;
use crate::ipc::watch::{EMPTY, READY};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64};
use std::os::fd::RawFd;

/// A wait for the next sample of one handle. It keeps the topic's memory mapped.
pub(crate) struct SampleWait {
    memory: Memory,
    subscribers: Subscribers,
    next: Shared<AtomicU64>,
    _mapped: Shared<Mapped>,
}

impl Topic {
    /// The condition of a program that is about to receive. `EBADF` for a handle that publishes.
    pub(crate) fn sample_wait(&self) -> Result<SampleWait> {
        self.check_subscriber()?;
        // A forked child gets a place of its own.
        self.settle()?;
        let sizes = self.memory.sizes();
        Ok(SampleWait {
            memory: Memory::in_mapping(self.mapped.object.data(), sizes)?,
            subscribers: Subscribers::in_mapping(&self.mapped.subscribers, sizes)?,
            next: self.next.clone(),
            _mapped: self.mapped.clone(),
        })
    }

    /// The descriptor that is readable while this handle has a sample to take.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        self.check_subscriber()?;
        self.settle()?;
        self.descriptor.get(false, &|| {
            let wait: Box<dyn Polled> = try_box(self.sample_wait()?)?;
            Ok(wait)
        })
    }

    /// Call after each attempt to take a sample.
    #[inline(always)]
    pub(super) fn settle_descriptor(&self) {
        if self.descriptor.is_open() {
            self.descriptor.settle();
        }
    }
}

impl Waitable for SampleWait {
    fn is_ready(&self) -> bool {
        let next = self.next.load(Relaxed);
        self.memory.find(next) != Found::NotYet
            || self.memory.is_left_by_dead() && self.memory.find_unlisted(next).is_some()
    }

    fn prepare(&self) -> Option<(&AtomicU32, u32)> {
        let header = self.subscribers.header();
        let watches = &header.watches;
        let seen = watches.prepare_unless(&header.needs_fence, &|| self.is_ready())?;
        Some((&watches.word, seen))
    }

    fn prepare_for_deaths(&self, words: &mut DeathWords) -> bool {
        // Once a publisher has died here, the next one wakes all.
        words.add_latch(&self.memory.header().publishing.latch);
        !self.is_ready()
    }
}

impl Polled for SampleWait {
    fn level(&self) -> u64 {
        match self.is_ready() {
            true => READY,
            false => EMPTY,
        }
    }

    fn message(&self) -> &dyn Waitable {
        self
    }

    fn room(&self) -> &dyn Waitable {
        self
    }
}
