//! The counting semaphore: a count, and in the same word whether somebody may be asleep.
//!
//! A flag and not a number of sleepers: a killed sleeper would stay counted, and every post
//! would call the kernel for it ever after. Sleepers set the flag, and the kernel lets them sleep
//! only while it is set; a poster that found nobody asleep takes it back if the word is as it
//! left it. Should others have taken and posted in between, and one sleep again, that
//! one sets the flag again when it looks by itself, [`RECHECK`](super::RECHECK) later at most.
//!
//! Nobody owns a permit, so a killed process leaves the count as it is: right, because a permit may
//! be posted by another than who took it. A permit that has to come back when its holder dies
//! is a robust lock, not this.

use super::{check_tag, joined, spin};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::{SEM_TAG, Sem};
use crate::sys::futex::{self, Awoken};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The largest count, as <semaphore.h> has it.
pub(crate) const VALUE_MAX: u32 = i32::MAX as u32;

/// In `Sem::state`: somebody may be asleep.
const ASLEEP: u32 = 1 << 31;

impl Sem {
    pub(crate) fn initialise(&self, value: u32) -> Result<()> {
        if value > VALUE_MAX {
            return Err(fail!(
                EINVAL,
                "the value is {value}; expected at most {VALUE_MAX}"
            ));
        }
        self.tag.store(0, Relaxed);
        self.state.store(value, Relaxed);
        // Release: whoever sees the tag sees the rest.
        self.tag.store(SEM_TAG, Release);
        Ok(())
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check()?;
        self.tag.store(0, Relaxed);
        Ok(())
    }

    /// Takes a permit if one is free: the whole of a wait that need not wait.
    #[inline(always)]
    pub(crate) fn take_fast(&self) -> bool {
        self.is_sem() && self.take()
    }

    #[inline(always)]
    fn take(&self) -> bool {
        let mut state = self.state.load(Relaxed);
        while state & VALUE_MAX != 0 {
            // Acquire: what the poster wrote before posting is seen.
            match self
                .state
                .compare_exchange_weak(state, state - 1, Acquire, Relaxed)
            {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    pub(crate) fn wait(&self, deadline: Deadline) -> Result<()> {
        self.check()?;
        if self.take() {
            return Ok(());
        }
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        if spin(|| self.take().then_some(())).is_some() {
            return Ok(());
        }
        loop {
            // Relaxed: the flag and the count are one word. Either the poster's addition finds the
            // flag, or it comes first and this finds the permit.
            let state = self.state.fetch_or(ASLEEP, Relaxed);
            if state & VALUE_MAX != 0 {
                if self.take() {
                    return Ok(());
                }
                continue;
            }
            match super::sleep(&self.state, ASLEEP, deadline)? {
                Awoken::Look => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut if self.take() => return Ok(()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
            if self.take() {
                return Ok(());
            }
        }
    }

    /// The whole of adding a permit where nobody sleeps; false, with nothing changed, in every
    /// other case.
    #[inline(always)]
    pub(crate) fn post_fast(&self) -> bool {
        let mut state = self.state.load(Relaxed);
        // With the flag the state is larger than any value.
        while self.is_sem() && state < VALUE_MAX {
            // Release: what was written before is seen by the one who takes the permit.
            match self
                .state
                .compare_exchange_weak(state, state + 1, Release, Relaxed)
            {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Adds a permit and wakes a sleeper.
    pub(crate) fn post(&self) -> Result<()> {
        self.check()?;
        let mut state = self.state.load(Relaxed);
        loop {
            if state & VALUE_MAX == VALUE_MAX {
                return Err(fail!(
                    EOVERFLOW,
                    "the value is {VALUE_MAX} and cannot become larger"
                ));
            }
            // Release: as in post_fast.
            match self
                .state
                .compare_exchange_weak(state, state + 1, Release, Relaxed)
            {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        if state & ASLEEP != 0 && futex::wake(&self.state, 1) == 0 {
            // Nobody slept. If the word has changed, others have come, and the next poster will see.
            let posted = state + 1;
            let _ = self
                .state
                .compare_exchange(posted, posted & !ASLEEP, Relaxed, Relaxed);
        }
        Ok(())
    }

    /// How many permits are free now.
    pub(crate) fn value(&self) -> Result<u32> {
        self.check()?;
        Ok(self.state.load(Relaxed) & VALUE_MAX)
    }

    #[inline(always)]
    fn is_sem(&self) -> bool {
        // Acquire pairs with initialise.
        self.tag.load(Acquire) == SEM_TAG
    }

    fn check(&self) -> Result<()> {
        match self.tag.load(Acquire) {
            SEM_TAG => Ok(()),
            tag => {
                let other_word = joined(self.state.load(Relaxed), self.reserved[0]);
                Err(check_tag("semaphore", tag, SEM_TAG, other_word)
                    .err()
                    .unwrap_or_else(|| fail!(EPROTO, "the semaphore's tag is damaged")))
            }
        }
    }
}
