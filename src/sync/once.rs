//! An initialisation that runs once among processes: a robust mutex, and a word that says done.
//!
//! The first thread that comes runs the initialisation and holds the mutex meanwhile. If that thread
//! dies, the next one gets the mutex, finds the word not set and runs the initialisation again. Memory
//! that is all zeros is ready for use: the mutex needs only its tag, and the first thread that comes
//! sets it with one operation. If an exception leaves the initialisation, its thread releases the mutex without setting
//! the word, so the next caller runs it.

use super::mutex::Locked;
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::{MUTEX_TAG, ONCE_DONE, Once};
use crate::sys::thread::Thread;
use core::mem::ManuallyDrop;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

impl Once {
    #[inline(always)]
    pub(crate) fn is_done(&self) -> bool {
        // Acquire: without it a thread that sees the word set might not see what the runner did.
        self.done.load(Acquire) == ONCE_DONE
    }

    /// Begins the initialisation, unless it has run already: then `None`. Until the result is finished or dropped, this
    /// thread holds a lock. If the thread ends before that, the next caller gets that lock.
    pub(crate) fn begin(&self, deadline: Deadline) -> Result<Option<Running<'_>>> {
        if self.is_done() {
            return Ok(None);
        }
        let thread = Thread::current()?;
        let found = self.done.load(Acquire);
        if (found != 0 && found != ONCE_DONE) || self.zeros != [0; 3] {
            return Err(fail!(
                EPROTO,
                "the memory is neither zeros nor a once of this library and version"
            ));
        }
        let tag = MUTEX_TAG | u64::from(thread.pid_namespace());
        // Relaxed: the tag publishes nothing, because the rest of the mutex is zeros from the beginning.
        let set = self.runner.tag.compare_exchange(0, tag, Relaxed, Relaxed);
        let found = set.map_or_else(|found| found, |_| tag);
        super::check_tag_in_namespace("once", found, MUTEX_TAG, || 0, thread)?;
        let locked = match self.runner.lock(deadline) {
            Err(error) if error.errno() == Errno::EDEADLK => {
                return Err(fail!(
                    EDEADLK,
                    "this thread is running this initialisation just now"
                ));
            }
            locked => locked?,
        };
        if locked == Locked::OwnerDied {
            self.runner.make_consistent()?;
        }
        if self.is_done() {
            self.runner.unlock()?;
            return Ok(None);
        }
        Ok(Some(Running { once: self }))
    }
}

/// An initialisation under way. If this value is dropped, the initialisation has not run: the next caller runs it.
pub(crate) struct Running<'a> {
    once: &'a Once,
}

impl Running<'_> {
    /// Marks the initialisation as run.
    pub(crate) fn finish(self) -> Result<()> {
        let once = ManuallyDrop::new(self).once;
        // Release pairs with the Acquire in `is_done`.
        once.done.store(ONCE_DONE, Release);
        once.runner.unlock()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // It fails only if the program has overwritten the lock.
        let _ = self.once.runner.unlock();
    }
}
