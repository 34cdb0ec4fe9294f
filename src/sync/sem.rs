//! The counting semaphore: a count, and a count of those who may be asleep.
//!
//! Nobody owns a permit, so a killed process leaves the count as it is: right, because a permit may
//! be posted by another than who took it. A permit that has to come back when its holder dies
//! is a robust lock, not this.

use super::{check_tag, spin};
use crate::error::{Errno, Result, fail, preserving_errno};
use crate::layout::{SEM_TAG, Sem};
use crate::sys::futex::{self, Awoken};
use crate::time::Deadline;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

/// The largest count, as <semaphore.h> has it.
pub(crate) const VALUE_MAX: u32 = i32::MAX as u32;

impl Sem {
    pub(crate) fn initialise(&self, value: u32) -> Result<()> {
        if value > VALUE_MAX {
            return Err(fail!(
                EINVAL,
                "the value is {value}; expected at most {VALUE_MAX}"
            ));
        }
        self.tag.store(0, Relaxed);
        self.value.store(value, Relaxed);
        self.waiters.store(0, Relaxed);
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
        let mut value = self.value.load(Relaxed);
        while value != 0 {
            // Acquire: what the poster wrote before posting is seen.
            match self
                .value
                .compare_exchange_weak(value, value - 1, Acquire, Relaxed)
            {
                Ok(_) => return true,
                Err(now) => value = now,
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
        // SeqCst, here and in `give`: either the poster sees this waiter counted, or the
        // waiter sees the permit. With less, both could miss the other.
        self.waiters.fetch_add(1, SeqCst);
        let outcome = self.wait_asleep(deadline);
        self.waiters.fetch_sub(1, Relaxed);
        outcome
    }

    fn wait_asleep(&self, deadline: Deadline) -> Result<()> {
        loop {
            if self.value.load(SeqCst) != 0 && self.take() {
                return Ok(());
            }
            match super::sleep(&self.value, 0, deadline)? {
                Awoken::Look => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut if self.take() => return Ok(()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// The whole of adding a permit; false, with nothing changed, where `post` has to say why not.
    #[inline(always)]
    pub(crate) fn post_fast(&self) -> bool {
        self.is_sem() && self.give()
    }

    #[inline(always)]
    fn give(&self) -> bool {
        let mut value = self.value.load(Relaxed);
        while value < VALUE_MAX {
            // SeqCst includes the Release that hands over what the poster wrote.
            match self
                .value
                .compare_exchange_weak(value, value + 1, SeqCst, Relaxed)
            {
                Ok(_) => {
                    if self.waiters.load(SeqCst) != 0 {
                        self.wake();
                    }
                    return true;
                }
                Err(now) => value = now,
            }
        }
        false
    }

    #[cold]
    fn wake(&self) {
        preserving_errno(|| futex::wake(&self.value, 1));
    }

    /// Adds a permit.
    pub(crate) fn post(&self) -> Result<()> {
        self.check()?;
        if self.give() {
            return Ok(());
        }
        Err(fail!(
            EOVERFLOW,
            "the value is {VALUE_MAX} and cannot become larger"
        ))
    }

    /// How many permits are free now.
    pub(crate) fn value(&self) -> Result<u32> {
        self.check()?;
        Ok(self.value.load(Relaxed))
    }

    #[inline(always)]
    fn is_sem(&self) -> bool {
        // Acquire pairs with initialise.
        self.tag.load(Acquire) == SEM_TAG
    }

    fn check(&self) -> Result<()> {
        match self.tag.load(Acquire) {
            SEM_TAG => Ok(()),
            tag => Err(check_tag("semaphore", tag, SEM_TAG)
                .err()
                .unwrap_or_else(|| fail!(EPROTO, "the semaphore's tag is damaged"))),
        }
    }
}
