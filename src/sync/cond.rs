//! The condition variable: a sequence number that signals raise and waiters sleep on.
//!
//! A process-shared pthread condition variable keeps its waiters in two groups and counts the
//! waiters that have left. A waiter that is killed inside never leaves, and the next signaller waits
//! for it for ever. Here a waiter only remembers the number that it saw while it held the mutex, and
//! sleeps until the number differs. Nothing depends on a waiter that stays alive. (The scheme is that
//! of "Futexes are tricky" by Drepper, section 6. A count of sleepers is added, so that a signal
//! without sleepers is one addition.)
//!
//! A sleeper has to learn of a death of which no word that it could sleep on tells: the mutex's owner may die
//! holding the mutex, and then nobody may ever signal. The kernel wakes waiters for the mutex then, and not those
//! at the condition variable. So a sleeper checks two things once a second ([`sleep`](super::sleep)). The first is whether the number has gone up: a signaller may have died
//! after it raised the number and before it woke anybody, or a wake-up may have gone to a waiter
//! that was killed. The second is whether the mutex's owner has died: then nobody may ever signal.

use super::mutex::Locked;
use super::{check_tag_of_any_namespace, joined, spin};
use crate::base::error::{Errno, Result};
use crate::base::time::Deadline;
use crate::object::layout::{COND_TAG, Cond, Mutex};
use crate::sys::futex::{self, Awoken};
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

impl Cond {
    pub(crate) fn initialise(&self) {
        self.tag.store(0, Relaxed);
        self.sequence.store(0, Relaxed);
        self.waiters.store(0, Relaxed);
        self.processor.store(0, Relaxed);
        // Release: without it a thread that sees the tag might not see the rest.
        self.tag.store(COND_TAG, Release);
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check()?;
        self.tag.store(0, Relaxed);
        Ok(())
    }

    /// Unlocks the mutex, waits for a signal, and locks the mutex again.
    pub(crate) fn wait(&self, mutex: &Mutex, deadline: Deadline) -> Result<Locked> {
        self.check()?;
        // Relaxed: a thread that signals from here on, and holds the mutex, raises the number beyond
        // this one, because the mutex orders the two.
        let seen = self.sequence.load(Relaxed);
        let depth = mutex.unlock_for_wait()?;
        let awoken = self.await_number_after(seen, mutex, deadline);
        // An owner's death matters more than the reason why the sleep ended: the data may be broken.
        match mutex.relock_after_wait(depth)? {
            Locked::OwnerDied => Ok(Locked::OwnerDied),
            Locked::Clean => awoken.map(|()| Locked::Clean),
        }
    }

    /// Waits until the number differs from `seen`.
    fn await_number_after(&self, seen: u32, mutex: &Mutex, deadline: Deadline) -> Result<()> {
        // Relaxed: the mutex, which this thread locks next, orders the data.
        let is_signalled = || (self.sequence.load(Relaxed) != seen).then_some(());
        if deadline != Deadline::Now && spin(&self.processor, is_signalled).is_some() {
            return Ok(());
        }
        // SeqCst, here and in `raise`: either the signaller sees that this waiter is counted, or the
        // waiter sees the raised number. With less, both could miss the other's change, and the
        // waiter would sleep.
        self.waiters.fetch_add(1, SeqCst);
        let awoken = self.sleep(seen, mutex, deadline);
        // Relaxed: a count that is too high only costs a signaller a needless wake-up.
        self.waiters.fetch_sub(1, Relaxed);
        awoken
    }

    fn sleep(&self, seen: u32, mutex: &Mutex, deadline: Deadline) -> Result<()> {
        let mut examines = false;
        loop {
            if self.sequence.load(SeqCst) != seen || mutex.is_orphaned(examines) {
                return Ok(());
            }
            examines = true;
            match super::sleep(&self.sequence, seen, deadline)? {
                Awoken::Recheck => {}
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
        Thread::current()?.leave_processor(&self.processor);
        self.sequence.fetch_add(1, SeqCst);
        if self.waiters.load(SeqCst) != 0 {
            futex::wake(&self.sequence, count);
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        // Acquire pairs with the Release in `initialise`.
        let other_word = || joined(self.sequence.load(Relaxed), self.waiters.load(Relaxed));
        let tag = self.tag.load(Acquire);
        check_tag_of_any_namespace("condition variable", tag, COND_TAG, other_word)
    }
}
