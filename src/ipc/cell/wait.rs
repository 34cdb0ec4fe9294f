//! Waiting for a newer value, and waking those who wait.
//!
//! A thread that waits sets a mark and sleeps on the lower half of the latest value's number. A writer that finds the mark
//! clears it, and then has the kernel raise the number and wake all in one step. So a writer that dies has published its
//! value and woken all, or neither. A handle that was opened for reading only maps both words read-only, and writes the
//! mark through a descriptor.
//!
//! | reader | writer, which holds the latch |
//! |---|---|
//! | reads the number | light fence |
//! | sets the mark | reads the mark |
//! | heavy fence | if it is set: clears it, and raises the number and wakes all in one step |
//! | checks the number, and whether a writer holds the latch | if not: raises the number, light fence, reads the mark again, and wakes all if it is set now |
//! | sleeps while the number is what it was at first | |
//!
//! If nobody holds the latch, every later writer finds the mark, or another writer has cleared it. That writer then
//! changes the number on which this reader sleeps. If it dies before that, the next writer sets the mark again. If a
//! writer holds the latch, it may have missed the mark, and may die before it reads the mark again. So for that case the
//! sleep is limited to [`WRITER_LOOK`].
//!
//! A process that may not write to the cell cannot set the mark. If the cell's mode allows such readers, its writers wake
//! without a mark too, but not more often than once in [`WAKE_INTERVAL`], so that frequent writes stay cheap. A reader
//! without a mark therefore first sleeps for longer than that, but not without limit. If no value has come in that time,
//! every later writer finds that the last wake-up is longer ago, and wakes.

use super::memory::Memory;
use super::{ValueCell, Version, Writing};
use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Result};
use crate::base::time::{Deadline, now};
use crate::object::layout::CellHeader;
use crate::sync::{self, versions};
use crate::sys::futex::{Awoken, Change};
use crate::sys::{fence, file, futex};
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::time::Duration;

/// The shortest time between two wake-ups without a mark.
const WAKE_INTERVAL: Duration = Duration::from_micros(100);

/// How long a reader without a mark sleeps at first.
const FIRST_SLEEP: Duration = Duration::from_micros(200);

/// How long a reader sleeps that has found a writer at work.
const WRITER_LOOK: Duration = Duration::from_millis(100);

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
        let mut first_sleep = FirstSleep::default();
        loop {
            let Some((seen, is_marked)) = self.prepare_to_sleep(after) else {
                return Ok(());
            };
            let until = match is_marked {
                true => deadline,
                false => self.sleep_without_mark(deadline, seen, &mut first_sleep),
            };
            let until = match self.memory.header().writing.latch.holder() {
                0 => until,
                _ => until.earlier(now() + WRITER_LOOK),
            };
            match sync::sleep_undisturbed(self.memory.latest_word(), seen as u32, until)? {
                Awoken::Interrupted if self.is_newer(after) => return Ok(()),
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::Recheck => {}
                Awoken::TimedOut if self.is_newer(after) => return Ok(()),
                Awoken::TimedOut if deadline.has_passed() => return Err(Errno::ETIMEDOUT.into()),
                Awoken::TimedOut => {}
            }
        }
    }

    /// Marks that a thread is about to sleep. Returns the number of the latest value, on which to sleep, and whether
    /// there is a mark; `None` if there is a value above `after`.
    fn prepare_to_sleep(&self, after: u64) -> Option<(u64, bool)> {
        // Before the mark: a writer that clears the mark changes the number afterwards, and then this one is outdated.
        let seen = self.memory.header().latest.load(SeqCst);
        let is_marked = mark(&self.memory, &self.access);
        (!self.is_newer(after)).then_some((seen, is_marked))
    }

    /// When a sleep without a mark has to end.
    fn sleep_without_mark(
        &self,
        deadline: Deadline,
        seen: u64,
        first: &mut FirstSleep,
    ) -> Deadline {
        let now = now();
        let has_silent_readers = &self.memory.header().waiting.has_silent_readers;
        if has_silent_readers.load(Relaxed) == 0 {
            return deadline.earlier(now + SLEEP_UNNOTICED);
        }
        if first.number != Some(seen) {
            *first = FirstSleep {
                number: Some(seen),
                end: now + FIRST_SLEEP,
            };
        }
        match now < first.end {
            true => deadline.earlier(first.end),
            false => deadline,
        }
    }

    /// Makes the value with this number, which was written at `time_ns`, the latest, and wakes all that wait.
    #[inline(always)]
    pub(super) fn publish_and_wake(&self, number: u64, time_ns: u64) {
        let waiting = &self.memory.header().waiting;
        let needs_fence = waiting.needs_fence.load(Relaxed) != 0;
        // Without this fence the mark could be read before the latch is visibly taken.
        fence::light(needs_fence);
        if self.must_wake(time_ns) {
            return self.publish_waking(number, time_ns);
        }
        versions::publish(&self.memory, number);
        // Without this fence the mark could be read before the value is visible to the thread that has set the mark.
        fence::light(needs_fence);
        if waiting.marked.load(Relaxed) != 0 {
            self.wake_late();
        }
    }

    #[inline(always)]
    fn must_wake(&self, time_ns: u64) -> bool {
        let waiting = &self.memory.header().waiting;
        if waiting.marked.load(Relaxed) != 0 {
            return true;
        }
        if waiting.has_silent_readers.load(Relaxed) == 0 {
            return false;
        }
        let since = time_ns.wrapping_sub(waiting.last_wake_ns.load(Relaxed));
        since >= WAKE_INTERVAL.as_nanos() as u64
    }

    #[cold]
    #[inline(never)]
    fn publish_waking(&self, number: u64, time_ns: u64) {
        let waiting = &self.memory.header().waiting;
        waiting.last_wake_ns.store(time_ns, Relaxed);
        // Before the number changes: see `prepare_to_sleep`. If this thread dies in between, the next writer sets the
        // mark again. SeqCst: also, what this thread has written is visible before the kernel changes the number.
        waiting.marked.swap(0, SeqCst);
        let word = self.memory.latest_word();
        preserving_errno(|| {
            // The kernel changes the lower half only. Once in 2^32 values, and where the kernel does not permit the
            // call, a death between the two steps makes the readers wait for the next value.
            let is_carried = number as u32 == 0;
            if is_carried || !futex::change_and_wake_all(word, Change::Add(1)) {
                versions::publish(&self.memory, number);
                futex::wake(word, u32::MAX);
            }
        });
    }

    /// Wakes those that have set the mark while the value was published. It leaves the mark for the next writer: a
    /// thread that has set it may sleep on the new number already.
    #[cold]
    #[inline(never)]
    fn wake_late(&self) {
        preserving_errno(|| futex::wake(self.memory.latest_word(), u32::MAX));
    }

    /// Call after a writer has died while it held the latch. It may have cleared the mark and published nothing, or
    /// published its value and woken nobody.
    #[cold]
    pub(super) fn wake_after_death(&self) {
        self.memory.header().waiting.marked.store(1, SeqCst);
        self.wake_late();
    }
}

/// The first sleep of a reader without a mark, while the latest value has one number.
#[derive(Default)]
struct FirstSleep {
    number: Option<u64>,
    end: Duration,
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
