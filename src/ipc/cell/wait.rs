//! Waiting for a newer value, and waking those who wait.
//!
//! A thread that waits sets a mark and sleeps on the count of wake-ups. A writer that finds the mark clears it, raises
//! the count and wakes all. The two cannot miss each other: see `sync::sleepers`, whose word is split here into the mark
//! and the count, since a handle that was opened for reading only maps both read-only and writes the mark through a
//! descriptor.
//!
//! A process that may not write to the cell cannot set the mark. If the cell's mode allows such readers, its writers wake
//! without a mark too, but not more often than once in [`WAKE_INTERVAL`], so that frequent writes stay cheap. A reader
//! without a mark therefore first sleeps for no longer than that. After that no wake-up can be left out that the reader
//! needs: the last wake-up came after the reader had begun, and found it asleep or made it look again.

use super::memory::Memory;
use super::{ValueCell, Version, Writing};
use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Result};
use crate::base::time::{Deadline, now};
use crate::object::layout::CellHeader;
use crate::sync;
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::Awoken;
use crate::sys::{fence, file, futex};
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::time::Duration;

/// The shortest time between two wake-ups without a mark.
const WAKE_INTERVAL: Duration = Duration::from_micros(100);

/// How long a reader sleeps that can set no mark in a cell whose mode does not allow for such readers. (Its file system
/// may be mounted read-only for this process.)
const SLEEP_UNNOTICED: Duration = Duration::from_millis(10);

/// How long a waiter spins before it sleeps.
const SPIN: Duration = Duration::from_micros(50);

impl ValueCell {
    /// Waits until there is a value with a number above `after`, and copies the latest.
    ///
    /// # Safety
    ///
    /// `to` has room for a value.
    pub(crate) unsafe fn wait(&self, to: *mut u8, after: u64, timeout_ns: i64) -> Result<Version> {
        let deadline = Deadline::after(timeout_ns)?;
        self.wait_for_number_above(after, deadline)?;
        // SAFETY: by this function's contract. The number was there a moment ago.
        unsafe { self.read(to) }?.ok_or_else(|| self.damaged())
    }

    #[inline(always)]
    fn is_newer(&self, after: u64) -> bool {
        // Acquire: as in `versions::read`.
        self.memory.header().latest.load(Acquire) > after
    }

    fn wait_for_number_above(&self, after: u64, deadline: Deadline) -> Result<()> {
        if self.is_newer(after) {
            return Ok(());
        }
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        let peer = &self.memory.header().processor;
        if sync::spin_for(SPIN, peer, &mut || self.is_newer(after)) {
            return Ok(());
        }
        let mut first_sleep_ends = Some(now() + WAKE_INTERVAL);
        loop {
            let Some((word, seen, is_marked)) = self.prepare_to_sleep(after) else {
                return Ok(());
            };
            let until = match is_marked {
                true => deadline,
                false => self.sleep_without_mark(deadline, &mut first_sleep_ends),
            };
            match sync::sleep(word, seen, until)? {
                Awoken::Interrupted if self.is_newer(after) => return Ok(()),
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::Recheck => {}
                Awoken::TimedOut if self.is_newer(after) => return Ok(()),
                Awoken::TimedOut if deadline.has_passed() => return Err(Errno::ETIMEDOUT.into()),
                Awoken::TimedOut => {}
            }
        }
    }

    /// Marks that a thread is about to sleep. Returns the word and the value to sleep on, and whether there is a mark;
    /// `None` if there is a value above `after`.
    fn prepare_to_sleep(&self, after: u64) -> Option<(&AtomicU32, u32, bool)> {
        let waiting = &self.memory.header().waiting;
        // Before the mark: a writer that clears the mark raises the count afterwards, and then this value is outdated.
        let seen = waiting.wakes.load(SeqCst);
        let is_marked = mark(&self.memory, &self.access);
        (!self.is_newer(after)).then_some((&waiting.wakes, seen, is_marked))
    }

    /// When a sleep without a mark has to end.
    fn sleep_without_mark(&self, deadline: Deadline, first: &mut Option<Duration>) -> Deadline {
        let has_silent_readers = &self.memory.header().waiting.has_silent_readers;
        if has_silent_readers.load(Relaxed) == 0 {
            return deadline.earlier(now() + SLEEP_UNNOTICED);
        }
        match *first {
            Some(end) if now() < end => deadline.earlier(end),
            _ => {
                *first = None;
                deadline
            }
        }
    }

    /// Wakes all that wait, after a value was published at `time_ns`.
    #[inline(always)]
    pub(super) fn wake_if_asleep(&self, time_ns: u64) {
        let waiting = &self.memory.header().waiting;
        // Without this fence the mark could be read before the value is visible to the thread that has set the mark.
        fence::light(waiting.needs_fence.load(Relaxed) != 0);
        if waiting.marked.load(Relaxed) != 0 {
            self.wake_all(time_ns);
        } else if waiting.has_silent_readers.load(Relaxed) != 0 {
            let since = time_ns.wrapping_sub(waiting.last_wake_ns.load(Relaxed));
            if since >= WAKE_INTERVAL.as_nanos() as u64 {
                self.wake_all(time_ns);
            }
        }
    }

    /// Wakes all that wait. The caller holds the latch: if it dies here, the next writer wakes them.
    #[cold]
    #[inline(never)]
    pub(super) fn wake_all(&self, time_ns: u64) {
        let waiting = &self.memory.header().waiting;
        waiting.last_wake_ns.store(time_ns, Relaxed);
        // SeqCst, here and in `prepare_to_sleep`: all threads see the mark and the count change in one order.
        waiting.marked.swap(0, SeqCst);
        waiting.wakes.fetch_add(1, SeqCst);
        preserving_errno(|| futex::wake(&waiting.wakes, u32::MAX));
    }
}

/// Sets the mark, if this handle can. After this a writer sees the mark, or this thread sees what it has written.
pub(super) fn mark(memory: &Memory, access: &Writing) -> bool {
    let waiting = &memory.header().waiting;
    match access {
        Writing::Values => {
            waiting.marked.store(1, SeqCst);
            if !fence::heavy() {
                waiting.needs_fence.store(1, SeqCst);
            }
            true
        }
        Writing::Marks(file) => {
            let set = |offset| match file.get() {
                Ok(file) => file::overwrite(file, &1u32.to_ne_bytes(), offset).is_ok(),
                Err(_) => false,
            };
            let marked = offset_of!(CellHeader, waiting.marked) as u64;
            let needs_fence = offset_of!(CellHeader, waiting.needs_fence) as u64;
            set(marked) && (fence::heavy() || set(needs_fence))
        }
        Writing::Nothing => false,
    }
}
