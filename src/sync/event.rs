//! The event: a bit, and a number that goes up each time the bit is set.
//!
//! Nobody owns an event, so no death leaves it half-changed. Waiters of a manual event go on if
//! the bit is set or if the number differs from what it was when they came: one that sleeps
//! while the event is set and at once reset is released all the same. An automatic one is
//! taken back by the one waiter that it releases.
//!
//! There is no pulse (releasing who waits just now and nobody else): whether somebody waits
//! already or is one instruction away from it cannot be seen from outside, so nobody could rely on
//! its result. Set and reset release at least those who wait.

use super::{check_tag_anywhere, spin};
use crate::base::error::{Errno, Result, preserving_errno};
use crate::base::time::Deadline;
use crate::object::layout::{EVENT_AUTO_RESET, EVENT_TAG, Event};
use crate::sys::futex::{self, Awoken};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

const SET: u32 = 1;
/// One in the number above the bit.
const ONE: u32 = 2;

impl Event {
    /// Initialises memory that nobody uses yet.
    pub(crate) fn initialise(&self, auto_reset: bool, is_set: bool) {
        self.tag.store(0, Relaxed);
        self.word.store(u32::from(is_set) * SET, Relaxed);
        self.waiters.store(0, Relaxed);
        self.flags.set(u32::from(auto_reset) * EVENT_AUTO_RESET);
        // Release: whoever sees the tag sees the rest.
        self.tag.store(EVENT_TAG, Release);
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check()?;
        self.tag.store(0, Relaxed);
        Ok(())
    }

    /// The whole of a wait that need not wait; false, with nothing changed, in every other case.
    #[inline(always)]
    pub(crate) fn wait_fast(&self) -> bool {
        self.is_event() && self.pass(self.word.load(Relaxed))
    }

    /// Whether a waiter who came when the word was `seen` may go on. Takes an automatic event back.
    #[inline(always)]
    fn pass(&self, seen: u32) -> bool {
        // Acquire, here and below: what was done before setting is seen.
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
        // SeqCst, here and in `become_set`: either the setter sees this waiter counted, or the
        // waiter sees the event set. With less, both could miss the other.
        self.waiters.fetch_add(1, SeqCst);
        let outcome = self.wait_asleep(seen, deadline);
        // Relaxed: the count is a hint for setters.
        self.waiters.fetch_sub(1, Relaxed);
        outcome
    }

    fn wait_asleep(&self, seen: u32, deadline: Deadline) -> Result<()> {
        loop {
            let word = self.word.load(SeqCst);
            if self.pass(seen) {
                return Ok(());
            }
            // If it was set and reset since the load, the word is another, and there is no sleep.
            match super::sleep(&self.word, word & !SET, deadline)? {
                Awoken::Look => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut if self.pass(seen) => return Ok(()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// The whole of setting; false, with nothing changed, where `set` has to say why not.
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
            // Also where it is set already: who waits next sees what this setter did before.
            let set = if word & SET == 0 {
                word.wrapping_add(ONE) | SET
            } else {
                word
            };
            // SeqCst includes Release.
            match self.word.compare_exchange_weak(word, set, SeqCst, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word & SET == 0 && self.waiters.load(SeqCst) != 0 {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        let is_automatic = self.flags.get() & EVENT_AUTO_RESET != 0;
        let count = if is_automatic { 1 } else { u32::MAX };
        preserving_errno(|| futex::wake(&self.word, count));
    }

    pub(crate) fn set(&self) -> Result<()> {
        self.check()?;
        self.become_set();
        Ok(())
    }

    pub(crate) fn reset(&self) -> Result<()> {
        self.check()?;
        // Release: a setter that comes after it comes after what was done before it.
        self.word.fetch_and(!SET, Release);
        Ok(())
    }

    /// Whether it is set now; does not take an automatic one back.
    pub(crate) fn is_set(&self) -> Result<bool> {
        self.check()?;
        Ok(self.word.load(Acquire) & SET != 0)
    }

    #[inline(always)]
    fn is_event(&self) -> bool {
        // Acquire pairs with initialise.
        self.tag.load(Acquire) == EVENT_TAG
    }

    fn check(&self) -> Result<()> {
        let other_word = super::joined(self.word.load(Relaxed), self.waiters.load(Relaxed));
        check_tag_anywhere(
            "placed event",
            self.tag.load(Acquire),
            EVENT_TAG,
            other_word,
        )
    }
}
