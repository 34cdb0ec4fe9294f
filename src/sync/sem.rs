//! The counting semaphore: a count, and in the same word a flag that somebody may sleep at the [`bell`].
//!
//! It is a flag and not a number of sleepers. A killed sleeper would stay counted, and every later post
//! would call the kernel for it. A post that finds the flag rings.
//!
//! A permit has no owner, so a killed process leaves the count as it is. That is right, because a
//! process may post a permit that another one took. If a permit has to come back when its holder
//! dies, use a pool of permits ([`permits`](super::permits)).

use super::bell::{self, Armed, Waiter};
use super::{check_tag_of_any_namespace, joined, spin};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::{SEM_TAG, Sem};
use crate::sys::atomic::{AtomicU32, fence};
use crate::sys::futex::{self, Awoken, Change};
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

/// The largest count, as <semaphore.h> has it.
pub(crate) const VALUE_MAX: u32 = i32::MAX as u32;

/// In `Sem::state`: somebody may sleep.
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
        self.bell.store(0, Relaxed);
        self.watches.word.store(0, Relaxed);
        self.processor.store(0, Relaxed);
        // Release: without it a thread that sees the tag might not see the rest.
        self.tag.store(SEM_TAG, Release);
        Ok(())
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check()?;
        self.tag.store(0, Relaxed);
        Ok(())
    }

    /// Takes a permit if one is free. In every other case it changes nothing and returns false.
    #[inline(always)]
    pub(crate) fn take_fast(&self) -> bool {
        self.is_sem() && self.take()
    }

    #[inline(always)]
    fn take(&self) -> bool {
        let mut state = self.state.load(Relaxed);
        while state & VALUE_MAX != 0 {
            // Acquire: without it this thread might not see what was written before the post.
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
        if spin(&self.processor, || self.take().then_some(())).is_some() {
            return Ok(());
        }
        let waiter = Waiter::at(&self.bell, Thread::current()?);
        let outcome = self.wait_asleep(&waiter, deadline);
        // Another post may have found this thread asleep while it took an earlier post's permit, or gave up.
        if self.state.load(SeqCst) & VALUE_MAX != 0 {
            waiter.wake_next();
        }
        outcome
    }

    fn wait_asleep(&self, waiter: &Waiter<'_>, deadline: Deadline) -> Result<()> {
        loop {
            let armed = waiter.arm(Armed::PLAINLY);
            // SeqCst: see `Waiter::arm`.
            self.state.fetch_or(ASLEEP, SeqCst);
            if self.take() {
                return Ok(());
            }
            let awoken = waiter.sleep(armed, deadline)?;
            if self.take() {
                return Ok(());
            }
            match awoken {
                Awoken::Recheck => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// Adds a permit if nobody sleeps. In every other case it changes nothing and returns false.
    #[inline(always)]
    pub(crate) fn post_fast(&self) -> bool {
        let mut state = self.state.load(Relaxed);
        if !self.is_sem() {
            return false;
        }
        // Before the permit, with which another thread may destroy the semaphore.
        if let Some(thread) = Thread::known() {
            thread.leave_processor(&self.processor);
        }
        // If the flag is set, the state is larger than every value.
        while state < VALUE_MAX {
            // Release: without it the thread that takes the permit might not see what was written before.
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
        if self.post_fast() {
            return Ok(());
        }
        let mut is_full = false;
        let mut add = || {
            if self.watches.are_asleep_ordered() && self.add_watched() {
                return;
            }
            let mut state = self.state.load(Relaxed);
            loop {
                if state & VALUE_MAX == VALUE_MAX {
                    is_full = true;
                    return;
                }
                // Release: as in post_fast.
                match self
                    .state
                    .compare_exchange_weak(state, state + 1, SeqCst, Relaxed)
                {
                    Ok(_) => return,
                    Err(now) => state = now,
                }
            }
        };
        let thread = Thread::current()?;
        let mut clear_flag = || {
            self.state.fetch_and(!ASLEEP, SeqCst);
        };
        bell::ring(&self.bell, thread, 1, &mut add, &mut clear_flag);
        // Pairs with the fence of `prepare_to_watch`, whose flag was found: without the two the watch could be
        // missed.
        fence(SeqCst);
        if self.watches.are_asleep_ordered() {
            self.watches.wake(u32::MAX);
        }
        if is_full {
            return Err(fail!(
                EOVERFLOW,
                "the value is {VALUE_MAX} and cannot become larger"
            ));
        }
        Ok(())
    }

    /// Adds a permit and wakes the watches in one step, so that they learn of it also if this thread dies next: they
    /// sleep on the state too. False if nothing has changed.
    fn add_watched(&self) -> bool {
        // The kernel's addition has no limit. Near the largest count it could go into the flag.
        let is_small = self.state.load(Relaxed) & VALUE_MAX < VALUE_MAX / 2;
        is_small && futex::change_and_wake_all(&self.state, Change::Add(1))
    }

    /// The word that is woken together with the change if a thread posts, and its value. `None` if a permit is free. Call
    /// it after [`prepare_to_watch`](Self::prepare_to_watch).
    pub(crate) fn changed_when_posted(&self) -> Option<(&AtomicU32, u32)> {
        let state = self.state.load(Relaxed);
        (state & VALUE_MAX == 0).then_some((&self.state, state))
    }

    /// Announces a watch and returns the word to sleep on and its value; `None` if a permit is free.
    pub(crate) fn prepare_to_watch(&self) -> Option<(&AtomicU32, u32)> {
        let seen = self.watches.announce();
        fence(SeqCst);
        // Relaxed, as in `wait`: a post that comes later finds the flag, and then the watch.
        let state = self.state.fetch_or(ASLEEP, Relaxed);
        (state & VALUE_MAX == 0 && self.is_sem()).then_some((&self.watches.word, seen))
    }

    /// How many permits are free now.
    pub(crate) fn value(&self) -> Result<u32> {
        self.check()?;
        Ok(self.state.load(Relaxed) & VALUE_MAX)
    }

    #[inline(always)]
    fn is_sem(&self) -> bool {
        // Acquire pairs with the Release in `initialise`.
        self.tag.load(Acquire) == SEM_TAG
    }

    fn check(&self) -> Result<()> {
        let other_word = || joined(self.state.load(Relaxed), self.bell.load(Relaxed));
        check_tag_of_any_namespace("semaphore", self.tag.load(Acquire), SEM_TAG, other_word)
    }
}
