//! An initialisation that runs once among processes: a robust mutex, and a word that says done.
//!
//! Who comes first runs it holding the mutex. If that one dies, the mutex goes to the next, who
//! finds the word not set and runs it again. All zeros is a good beginning: the mutex is
//! initialised by its tag alone, and that by one operation of whoever comes first.

use super::mutex::Locked;
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::{MUTEX_TAG, ONCE_DONE, Once};
use crate::sys::robust::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

impl Once {
    #[inline(always)]
    pub(crate) fn is_done(&self) -> bool {
        // Acquire: who sees it done sees what the runner did.
        self.done.load(Acquire) == ONCE_DONE
    }

    /// Runs `body` unless that was done; whether this call did. In `body` this thread holds a
    /// lock, which it gives up by ending.
    pub(crate) fn run(&self, deadline: Deadline, body: impl FnOnce()) -> Result<bool> {
        if self.is_done() {
            return Ok(false);
        }
        let thread = Thread::current()?;
        let found = self.done.load(Acquire);
        if (found != 0 && found != ONCE_DONE) || self.zeros != [0; 3] {
            return Err(fail!(
                EPROTO,
                "neither zeros nor a once of this library and version"
            ));
        }
        let tag = MUTEX_TAG | u64::from(thread.pid_namespace());
        // Relaxed: nothing but zeros stands behind the tag yet, and those were there before.
        let set = self.runner.tag.compare_exchange(0, tag, Relaxed, Relaxed);
        let found = set.map_or_else(|found| found, |_| tag);
        super::check_tag_here("once", found, MUTEX_TAG, 0, thread)?;
        let locked = match self.runner.lock(deadline) {
            Err(error) if error.errno() == Errno::EDEADLK => {
                return Err(fail!(EDEADLK, "this thread is running it just now"));
            }
            locked => locked?,
        };
        if locked == Locked::OwnerDied {
            self.runner.make_consistent()?;
        }
        let runs = !self.is_done();
        if runs {
            body();
            // Release pairs with is_done.
            self.done.store(ONCE_DONE, Release);
        }
        self.runner.unlock()?;
        Ok(runs)
    }
}
