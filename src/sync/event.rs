//! The event: a bit, and a number that goes up each time the bit is set.
//!
//! An event has no owner, so no death leaves it half-changed. A waiter on a manual event continues if
//! the bit is set, or if the number differs from the number that it found when it came. So a waiter
//! that sleeps while the event is set and at once reset is released nevertheless. An automatic event
//! releases one waiter, and that waiter resets it.
//!
//! There is no pulse, which would release the threads that wait just now and nobody else. Nobody can
//! see from outside whether a thread waits already or is one instruction away from it, so nobody
//! could rely on a pulse's result. Set and then reset release at least the threads that wait.

use super::{check_tag_of_any_namespace, joined, spin};
use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Result};
use crate::base::time::Deadline;
use crate::object::layout::{EVENT_AUTO_RESET, EVENT_TAG, Event};
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

const SET: u32 = 1;
/// One in the number, which stands above the bit.
const ONE: u32 = 2;

impl Event {
    /// Initialises memory that nobody uses yet.
    pub(crate) fn initialise(&self, auto_reset: bool, is_set: bool) {
        self.tag.store(0, Relaxed);
        self.word.store(u32::from(is_set) * SET, Relaxed);
        self.waiters.store(0, Relaxed);
        self.watches.word.store(0, Relaxed);
        self.flags.set(u32::from(auto_reset) * EVENT_AUTO_RESET);
        // Release: without it a thread that sees the tag might not see the rest.
        self.tag.store(EVENT_TAG, Release);
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check()?;
        self.tag.store(0, Relaxed);
        Ok(())
    }

    /// Does a wait that the event releases at once. In every other case it changes nothing and returns
    /// false.
    #[inline(always)]
    pub(crate) fn wait_fast(&self) -> bool {
        self.is_event() && self.pass(self.word.load(Relaxed))
    }

    /// Whether a waiter that found the word `seen` when it came may continue. Resets an automatic event.
    #[inline(always)]
    fn pass(&self, seen: u32) -> bool {
        // Acquire, here and below: without it a waiter might not see what was done before the set.
        let mut word = self.word.load(Acquire);
        if self.flags.get() & EVENT_AUTO_RESET == 0 {
            return word & SET != 0 || word & !SET != seen & !SET;
        }
        while word & SET != 0 {
            match self
                .word
                .compare_exchange_weak(word, word & !SET, Acquire, Acquire)
            {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    pub(crate) fn wait(&self, deadline: Deadline) -> Result<()> {
        self.check()?;
        let seen = self.word.load(Relaxed);
        if self.pass(seen) {
            return Ok(());
        }
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        if spin(|| self.pass(seen).then_some(())).is_some() {
            return Ok(());
        }
        // SeqCst, here and in `become_set`: either the setter sees that this waiter is counted, or the
        // waiter sees the event set. With less, both could miss the other's change, and the waiter
        // would sleep.
        self.waiters.fetch_add(1, SeqCst);
        let outcome = self.wait_asleep(seen, deadline);
        // Relaxed: a count that is too high only costs a setter a needless wake-up.
        self.waiters.fetch_sub(1, Relaxed);
        outcome
    }

    fn wait_asleep(&self, seen: u32, deadline: Deadline) -> Result<()> {
        loop {
            let word = self.word.load(SeqCst);
            if self.pass(seen) {
                return Ok(());
            }
            // If the event was set and reset since the load, the word differs and the sleep ends at once.
            match super::sleep(&self.word, word & !SET, deadline)? {
                Awoken::Recheck => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut if self.pass(seen) => return Ok(()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// Sets the event. If the memory is not an event, it changes nothing and returns false, and `set`
    /// says why.
    #[inline(always)]
    pub(crate) fn set_fast(&self) -> bool {
        self.is_event() && {
            self.become_set();
            true
        }
    }

    #[inline(always)]
    fn become_set(&self) {
        let mut word = self.word.load(Relaxed);
        loop {
            // It writes the word also if the event is set already: the next waiter then sees what this
            // thread did before.
            let set = if word & SET == 0 {
                word.wrapping_add(ONE) | SET
            } else {
                word
            };
            // SeqCst includes Release, which pairs with the Acquire in `pass`.
            match self.word.compare_exchange_weak(word, set, SeqCst, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word & SET == 0 {
            if self.waiters.load(SeqCst) != 0 {
                self.wake();
            }
            if self.watches.are_asleep_ordered() {
                self.watches.wake(u32::MAX);
            }
        }
    }

    #[cold]
    fn wake(&self) {
        let is_automatic = self.flags.get() & EVENT_AUTO_RESET != 0;
        let count = if is_automatic { 1 } else { u32::MAX };
        preserving_errno(|| futex::wake(&self.word, count));
    }

    /// Announces a watch and returns the word to sleep on and its value; `None` if the event is set.
    pub(crate) fn prepare_to_watch(&self) -> Option<(&AtomicU32, u32)> {
        let seen = self.watches.announce();
        // SeqCst: see `are_asleep_ordered`.
        let is_set = self.word.load(SeqCst) & SET != 0;
        (!is_set && self.is_event()).then_some((&self.watches.word, seen))
    }

    pub(crate) fn set(&self) -> Result<()> {
        self.check()?;
        self.become_set();
        Ok(())
    }

    pub(crate) fn reset(&self) -> Result<()> {
        self.check()?;
        // Release: without it a thread that sets the event after this reset might not see what was
        // done before it.
        self.word.fetch_and(!SET, Release);
        Ok(())
    }

    /// Whether the event is set now. It does not reset an automatic event.
    pub(crate) fn is_set(&self) -> Result<bool> {
        self.check()?;
        Ok(self.word.load(Acquire) & SET != 0)
    }

    #[inline(always)]
    fn is_event(&self) -> bool {
        // Acquire pairs with the Release in `initialise`.
        self.tag.load(Acquire) == EVENT_TAG
    }

    fn check(&self) -> Result<()> {
        let other_word = || joined(self.word.load(Relaxed), self.waiters.load(Relaxed));
        let tag = self.tag.load(Acquire);
        check_tag_of_any_namespace("placed event", tag, EVENT_TAG, other_word)
    }
}
