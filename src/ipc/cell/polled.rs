//! Waiting for a value that a handle has not read, without reading it: for the cell's descriptor and for waitsets.

use super::memory::Memory;
use super::wait::mark;
use super::{ValueCell, Writing};
use crate::base::alloc::{Shared, try_box};
use crate::base::error::{Result, fail};
use crate::ipc::waitable::{DeathWords, Waitable};
use crate::ipc::watch::descriptor::Polled;
use crate::ipc::watch::{EMPTY, READY};
use crate::object::Object;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::sync::atomic::{AtomicU32, AtomicU64};
use std::os::fd::RawFd;

/// A wait for a value that a handle has not read.
pub(crate) struct CellWait {
    memory: Memory,
    access: Writing,
    seen: Shared<AtomicU64>,
    /// Keeps the memory mapped.
    _object: Shared<Object>,
}

impl ValueCell {
    /// A wait for a value that this handle has not read.
    pub(crate) fn change_wait(&self) -> Result<CellWait> {
        if let Writing::Nothing = self.access {
            return Err(fail!(
                EACCES,
                "{}: this process may not write to the cell, so it cannot mark that it waits; ipc_cell_wait() can",
                self.name
            ));
        }
        Ok(CellWait {
            memory: self.memory,
            access: self.access.clone(),
            seen: self.seen.clone(),
            _object: self.object.clone(),
        })
    }

    /// A descriptor that is readable while there is a value that this handle has not read.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        self.descriptor
            .get(false, &|| Ok(try_box(self.change_wait()?)?))
    }
}

impl Waitable for CellWait {
    fn is_ready(&self) -> bool {
        // Acquire: as in `versions::read`.
        self.memory.header().latest.load(Acquire) > self.seen.load(Relaxed)
    }

    fn prepare(&self) -> Option<(&AtomicU32, u32)> {
        // Before the mark: as in `prepare_to_sleep`.
        let seen = self.memory.header().latest.load(SeqCst);
        // Without a mark nobody may wake this thread, so it counts as ready.
        let is_marked = mark(&self.memory, &self.access);
        (is_marked && !self.is_ready()).then_some((self.memory.latest_word(), seen as u32))
    }

    fn prepare_for_deaths(&self, words: &mut DeathWords) -> bool {
        // A writer that has missed the mark, and dies after its change, wakes nobody. Once it has died, there is nothing
        // more to come from it.
        words.add_latch(&self.memory.header().writing.latch);
        !self.is_ready()
    }
}

impl Polled for CellWait {
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
