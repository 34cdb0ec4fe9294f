//! The event: a bit, and a number that goes up each time the bit is cleared.
//!
//! An event has no owner, so no death leaves it half-changed. A waiter on a manual event continues if
//! the bit is set, or if the number differs from the number that it found when it came. So a waiter
//! that sleeps while the event is set and at once reset is released nevertheless. An automatic event
//! releases one waiter, and that waiter resets it.
//!
//! There is no pulse, which would release the threads that wait just now and nobody else. Nobody can
//! see from outside whether a thread waits already or is one instruction away from it, so nobody
//! could rely on a pulse's result. Set and then reset release at least the threads that wait.

use super::bell::{self, Armed, Waiter};
use super::{check_tag_of_any_namespace, joined, spin};
use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Result};
use crate::base::time::Deadline;
use crate::object::layout::{EVENT_AUTO_RESET, EVENT_TAG, Event};
use crate::sys::atomic::{AtomicU32, fence};
use crate::sys::futex::{self, Awoken, Change};
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

const SET: u32 = 1;
/// One in the number, which stands above the bit. A set bit plus SET is a clear bit and the next number.
const ONE: u32 = 2;

impl Event {
    /// Initialises memory that nobody uses yet.
    pub(crate) fn initialise(&self, auto_reset: bool, is_set: bool) {
        self.tag.store(0, Relaxed);
        self.word.store(u32::from(is_set) * SET, Relaxed);
        self.bell.store(0, Relaxed);
        self.flag.store(0, Relaxed);
        self.processor.store(0, Relaxed);
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
            return word & SET != 0 || word / ONE != seen / ONE;
        }
        while word & SET != 0 {
            match self
                .word
                .compare_exchange_weak(word, word.wrapping_add(SET), Acquire, Acquire)
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
        if spin(&self.processor, || self.pass(seen).then_some(())).is_some() {
            return Ok(());
        }
        let waiter = Waiter::at(&self.bell, Thread::current()?);
        let outcome = self.wait_asleep(&waiter, seen, deadline);
        // Another set may have found this thread asleep while an earlier one released it, or while it gave up.
        // And a setter that died was made up for by one wake-up: this thread passes it on.
        if self.word.load(SeqCst) & SET != 0 {
            waiter.wake_next();
        }
        outcome
    }

    fn wait_asleep(&self, waiter: &Waiter<'_>, seen: u32, deadline: Deadline) -> Result<()> {
        loop {
            let armed = waiter.arm(Armed::with(seen / ONE));
            // SeqCst: see `Waiter::arm`.
            self.flag.swap(1, SeqCst);
            if self.pass(seen) {
                return Ok(());
            }
            let awoken = waiter.sleep(armed, deadline)?;
            if self.pass(seen) {
                return Ok(());
            }
            match awoken {
                Awoken::Recheck => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// Sets the event. If the memory is not an event, or this thread is not known, it changes nothing and returns
    /// false, and `set` does the rest.
    #[inline(always)]
    pub(crate) fn set_fast(&self) -> bool {
        let Some(thread) = Thread::known() else {
            return false;
        };
        self.is_event() && {
            self.set_and_wake(thread);
            true
        }
    }

    /// Sets the event and wakes those that sleep.
    #[inline(always)]
    fn set_and_wake(&self, thread: Thread) {
        // A waiter may set the flag between this look at it and the change. If this thread dies after the change,
        // the kernel wakes that waiter because of this announcement.
        let outer = thread.robust_list().begin_word(&self.bell);
        thread.leave_processor(&self.processor);
        if self.flag.load(SeqCst) != 0 {
            self.ring(thread, &mut || {
                self.become_set();
            });
        } else if self.become_set() && self.flag.load(SeqCst) != 0 {
            self.ring(thread, &mut || {});
        }
        thread.robust_list().finish(outer);
    }

    /// Returns whether the event was not set before.
    #[inline(always)]
    fn become_set(&self) -> bool {
        if self.watches.are_asleep_ordered() && self.become_set_watched() {
            return true;
        }
        // It writes the word also if the event is set already: the next waiter then sees what this thread did
        // before. SeqCst includes Release, which pairs with the Acquire in `pass`.
        let before = self.word.fetch_or(SET, SeqCst);
        if before & SET == 0 && self.watches.are_asleep_ordered() {
            self.watches.wake(u32::MAX);
        }
        before & SET == 0
    }

    /// Sets the event and wakes the watches in one step, so that they learn of it also if this thread dies next: they
    /// sleep on the word too. (If a watch begins just before the step, and the thread dies just after it, the watch has
    /// found the event set.) False if nothing has changed.
    #[cold]
    #[inline(never)]
    fn become_set_watched(&self) -> bool {
        if self.word.load(Relaxed) & SET != 0 {
            return false;
        }
        let is_set = preserving_errno(|| futex::change_and_wake_all(&self.word, Change::Or(SET)));
        if is_set {
            // The kernel's change orders nothing here. Without this fence the flag of a waiter could be missed.
            fence(SeqCst);
            self.watches.wake(u32::MAX);
        }
        is_set
    }

    #[cold]
    #[inline(never)]
    fn ring(&self, thread: Thread, change: &mut dyn FnMut()) {
        let is_automatic = self.flags.get() & EVENT_AUTO_RESET != 0;
        let count = if is_automatic { 1 } else { u32::MAX };
        let mut clear_flag = || {
            self.flag.swap(0, SeqCst);
        };
        preserving_errno(|| bell::ring(&self.bell, thread, count, change, &mut clear_flag));
    }

    /// Announces a watch and returns the word to sleep on and its value; `None` if the event is set.
    pub(crate) fn prepare_to_watch(&self) -> Option<(&AtomicU32, u32)> {
        let seen = self.watches.announce();
        // SeqCst: see `are_asleep_ordered`.
        let is_set = self.word.load(SeqCst) & SET != 0;
        (!is_set && self.is_event()).then_some((&self.watches.word, seen))
    }

    /// The word that is woken together with the change if a thread sets the event, and its value. `None` if the event is
    /// set. Call it after [`prepare_to_watch`](Self::prepare_to_watch).
    pub(crate) fn changed_when_set(&self) -> Option<(&AtomicU32, u32)> {
        let word = self.word.load(SeqCst);
        (word & SET == 0).then_some((&self.word, word))
    }

    pub(crate) fn set(&self) -> Result<()> {
        self.check()?;
        self.set_and_wake(Thread::current()?);
        Ok(())
    }

    pub(crate) fn reset(&self) -> Result<()> {
        self.check()?;
        let mut word = self.word.load(Relaxed);
        loop {
            // It writes the word also if the event is not set. Release: without it a thread that sets the event after
            // this reset might not see what was done before it.
            let reset = word.wrapping_add(word & SET);
            match self
                .word
                .compare_exchange_weak(word, reset, Release, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
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
        let other_word = || joined(self.word.load(Relaxed), self.bell.load(Relaxed));
        let tag = self.tag.load(Acquire);
        check_tag_of_any_namespace("placed event", tag, EVENT_TAG, other_word)
    }
}
