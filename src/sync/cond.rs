//! The condition variable: a sequence number that signals raise and waiters sleep on.
//!
//! A process-shared pthread condition variable keeps its waiters in two groups and counts who
//! has left; a waiter that is killed inside never leaves, and the next signaller waits for it
//! for ever. Here a waiter only remembers the number it saw while it held the mutex and sleeps
//! until the number is another. Nothing depends on a waiter's living on. (The scheme is that of
//! "Futexes are tricky" by Drepper, section 6, with a count of sleepers so that a signal
//! without any is one addition.)
//!
//! A sleeper cannot be told by a process that died, so it looks for itself every
//! [`RECHECK`](super::RECHECK): whether the number has gone up (a signaller may have died
//! between raising it and waking, a wake-up may have gone to a waiter that was killed), and
//! whether the mutex's owner has died, in which case nobody may ever signal again.

use super::mutex::Locked;
use super::{check_tag, joined, spin};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::{COND_TAG, Cond, Mutex};
use crate::sys::futex::{self, Awoken};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

impl Cond {
    pub(crate) fn initialise(&self) {
        self.tag.store(0, Relaxed);
        self.sequence.store(0, Relaxed);
        self.waiters.store(0, Relaxed);
        // Release: whoever sees the tag sees the rest.
        self.tag.store(COND_TAG, Release);
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check()?;
        self.tag.store(0, Relaxed);
        Ok(())
    }

    /// Gives up the mutex, waits for a signal, and takes the mutex again.
    pub(crate) fn wait(&self, mutex: &Mutex, deadline: Deadline) -> Result<Locked> {
        self.check()?;
        // Relaxed: who signals with the mutex held from here on raises a number that is as high as
        // this one at least, because the mutex orders the two.
        let seen = self.sequence.load(Relaxed);
        let depth = mutex.unlock_for_wait()?;
        let awoken = self.await_number_after(seen, mutex, deadline);
        // That the owner died outweighs why the sleep ended: the caller holds broken data.
        match mutex.relock_after_wait(depth)? {
            Locked::OwnerDied => Ok(Locked::OwnerDied),
            Locked::Clean => awoken.map(|()| Locked::Clean),
        }
    }

    fn await_number_after(&self, seen: u32, mutex: &Mutex, deadline: Deadline) -> Result<()> {
        // The mutex that is locked next orders the data; the number only says "look".
        let is_signalled = || (self.sequence.load(Relaxed) != seen).then_some(());
        if deadline != Deadline::Now && spin(is_signalled).is_some() {
            return Ok(());
        }
        // SeqCst, here and in `raise`: either the signaller sees this waiter counted, or the
        // waiter sees the number that the signaller raised. With less, both could miss the other.
        self.waiters.fetch_add(1, SeqCst);
        let awoken = self.sleep(seen, mutex, deadline);
        // Relaxed: the count is a hint for signallers.
        self.waiters.fetch_sub(1, Relaxed);
        awoken
    }

    fn sleep(&self, seen: u32, mutex: &Mutex, deadline: Deadline) -> Result<()> {
        loop {
            if self.sequence.load(SeqCst) != seen || mutex.is_orphaned() {
                return Ok(());
            }
            match super::sleep(&self.sequence, seen, deadline)? {
                Awoken::Look => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut if deadline == Deadline::Now => return Err(Errno::EAGAIN.into()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    pub(crate) fn signal(&self) -> Result<()> {
        self.raise(1)
    }

    pub(crate) fn broadcast(&self) -> Result<()> {
        self.raise(u32::MAX)
    }

    fn raise(&self, count: u32) -> Result<()> {
        self.check()?;
        self.sequence.fetch_add(1, SeqCst);
        if self.waiters.load(SeqCst) != 0 {
            futex::wake(&self.sequence, count);
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        // Acquire pairs with initialise.
        match self.tag.load(Acquire) {
            COND_TAG => Ok(()),
            tag => {
                let other_word = joined(self.sequence.load(Relaxed), self.waiters.load(Relaxed));
                Err(check_tag("condition variable", tag, COND_TAG, other_word)
                    .err()
                    .unwrap_or_else(|| fail!(EPROTO, "the condition variable's tag is damaged")))
            }
        }
    }
}
