//! Writing a cell: writers take turns by a latch.

use super::{ValueCell, Writing};
use crate::base::error::{Errno, Error, Result, fail};
use crate::base::time::{Deadline, now};
use crate::sync::latch::Latched;
use crate::sync::versions::{self, Attempt};
use core::ptr::NonNull;
use core::time::Duration;

/// How long a writer waits for the others. A write takes microseconds, so a writer that needs longer is stopped, or
/// hangs in the function of an update.
const WRITER_PATIENCE: Duration = Duration::from_secs(1);

/// A change of the latest value under way. If it is dropped, the value stays as it was.
pub(crate) struct Update<'a> {
    _latched: Latched<'a>,
    version: (u64, u64),
    value: NonNull<u8>,
}

impl Update<'_> {
    /// The copy that is to be changed.
    pub(crate) fn value(&self) -> NonNull<u8> {
        self.value
    }
}

impl ValueCell {
    /// Writes a value if no other writer is at it. False: nothing was written.
    ///
    /// # Safety
    ///
    /// `value` has a value's size.
    #[inline(always)]
    pub(crate) unsafe fn try_write(&self, value: *const u8) -> bool {
        if !matches!(self.access, Writing::Values) {
            return false;
        }
        let header = self.memory.header();
        let needs_fence = &header.waiting.needs_fence;
        let latch = &header.writing.latch;
        let Some(latched) = latch.take_fast(needs_fence, self.pid_namespace) else {
            return false;
        };
        // SAFETY: by this function's contract.
        unsafe { self.write_under(&latched, value) };
        latched.release();
        true
    }

    /// Writes a value, waiting for other writers.
    ///
    /// # Safety
    ///
    /// `value` has a value's size.
    pub(crate) unsafe fn write(&self, value: *const u8) -> Result<()> {
        let latched = self.take_latch()?;
        // SAFETY: by this function's contract.
        unsafe { self.write_under(&latched, value) };
        Ok(())
    }

    /// # Safety
    ///
    /// `value` has a value's size.
    #[inline(always)]
    unsafe fn write_under(&self, latched: &Latched<'_>, value: *const u8) {
        latched
            .thread()
            .leave_processor(&self.memory.header().processor);
        let version = versions::begin(&self.memory);
        // SAFETY: by this function's contract.
        unsafe { self.memory.copy_in(value, version.1) };
        self.publish(version);
    }

    #[inline(always)]
    fn publish(&self, version: (u64, u64)) {
        // There are 584 years in 64 bits of nanoseconds.
        let time_ns = now().as_nanos() as u64;
        versions::stamp(&self.memory, version, time_ns);
        self.publish_and_wake(version.0, time_ns);
    }

    /// Begins a change of the latest value: the result holds a copy of it, or zeros if there is none yet. No other writer
    /// comes in between, until the result is published or dropped.
    pub(crate) fn begin_update(&self) -> Result<Update<'_>> {
        let mut latched = self.take_latch()?;
        // The change may take locks, which needs this thread's announcement.
        latched.keep();
        let version = versions::begin(&self.memory);
        let value = self.memory.value(version.1);
        // SAFETY: the place has room for a value. It is not the latest value's place, and it is this thread's.
        match unsafe { self.attempt(value.as_ptr()) } {
            Attempt::Read(_) => {}
            // SAFETY: as above.
            Attempt::Nothing => unsafe { value.write_bytes(0, self.memory.size()) },
            Attempt::Overwritten | Attempt::Damaged => return Err(self.damaged()),
        }
        Ok(Update {
            _latched: latched,
            version,
            value,
        })
    }

    /// Makes the copy of an update of this cell the latest value.
    pub(crate) fn end_update(&self, update: Update<'_>) {
        self.publish(update.version);
        // Now, after the value: this releases the latch, which is linked.
        drop(update);
    }

    fn take_latch(&self) -> Result<Latched<'_>> {
        if !matches!(self.access, Writing::Values) {
            return Err(self.not_for_writing());
        }
        let header = self.memory.header();
        let needs_fence = &header.waiting.needs_fence;
        let latch = &header.writing.latch;
        let until = Deadline::At(now().saturating_add(WRITER_PATIENCE));
        let mut latched = latch
            .take(needs_fence, self.pid_namespace, until)
            .map_err(|error| match error.errno() {
                Errno::ETIMEDOUT => fail!(
                    EAGAIN,
                    "{}: thread {} is writing the cell and does not get on",
                    self.name,
                    latch.holder()
                ),
                Errno::EDEADLK => fail!(
                    EDEADLK,
                    "{}: this thread is writing the cell already, in the code that made this call",
                    self.name
                ),
                _ => error,
            })?;
        if latched.is_orphaned() {
            // The dead writer's slot is written again.
            latched.make_sound();
            self.wake_after_death();
        }
        Ok(latched)
    }

    #[cold]
    fn not_for_writing(&self) -> Error {
        fail!(
            EBADF,
            "{}: opened with IPC_READ_ONLY, so it cannot be written",
            self.name
        )
    }
}
