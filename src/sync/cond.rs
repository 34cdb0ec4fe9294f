//! The condition variable: a sequence number that signals raise and waiters sleep on.
//!
//! A process-shared pthread condition variable keeps its waiters in two groups and counts the
//! waiters that have left. A waiter that is killed inside never leaves, and the next signaller waits
//! for it for ever. Here a waiter only remembers the number that it saw while it held the mutex, and
//! sleeps until the number differs. Nothing depends on a waiter that stays alive. (The scheme is that
//! of "Futexes are tricky" by Drepper, section 6. A count of sleepers is added, so that a signal
//! without sleepers is one addition.)
//!
//! Waiters sleep at a [`bell`], which makes up for signallers and waiters that die. One death it cannot see:
//! that of the mutex's owner, after which nobody may ever signal. So a waiter checks the mutex once a second
//! ([`CHECK_OF_MUTEX`]).

use super::bell::{self, Waiter};
use super::mutex::Locked;
use super::{check_tag_of_any_namespace, joined, spin};
use crate::base::error::{Errno, Result};
use crate::base::time::{Deadline, now};
use crate::object::layout::{COND_TAG, Cond, Mutex};
use crate::sys::futex::Awoken;
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::time::Duration;

/// How often a waiter checks whether the mutex's owner has died.
const CHECK_OF_MUTEX: Duration = Duration::from_secs(1);

impl Cond {
    pub(crate) fn initialise(&self) {
        self.tag.store(0, Relaxed);
        self.sequence.store(0, Relaxed);
        self.bell.store(0, Relaxed);
        self.flag.store(0, Relaxed);
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
        if deadline != Deadline::Now && spin(is_signalled).is_some() {
            return Ok(());
        }
        let waiter = Waiter::at(&self.bell, Thread::current()?);
        let outcome = self.sleep(&waiter, seen, mutex, deadline);
        if outcome.is_err() {
            // A signal may have found this thread asleep while it gave up.
            waiter.wake_next();
        }
        outcome
    }

    fn sleep(
        &self,
        waiter: &Waiter<'_>,
        seen: u32,
        mutex: &Mutex,
        deadline: Deadline,
    ) -> Result<()> {
        let mut examines = false;
        loop {
            let bell = waiter.read();
            // SeqCst: see `Waiter::read`.
            self.flag.store(1, SeqCst);
            if self.sequence.load(SeqCst) != seen || mutex.is_orphaned(examines) {
                return Ok(());
            }
            let until = match deadline {
                Deadline::Now => deadline,
                deadline => deadline.earlier(now() + CHECK_OF_MUTEX),
            };
            let awoken = waiter.sleep(bell, until)?;
            // A signal counts even if it comes together with the deadline.
            if self.sequence.load(SeqCst) != seen {
                return Ok(());
            }
            examines = awoken == Awoken::TimedOut;
            match awoken {
                Awoken::Recheck => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut if deadline == Deadline::Now => return Err(Errno::EAGAIN.into()),
                Awoken::TimedOut if !deadline.has_passed() => {}
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
        let thread = Thread::current()?;
        // A waiter may come between the look at the flag and the change. If this thread dies after the change,
        // the kernel wakes that waiter because of this announcement.
        let outer = thread.robust_list().begin_word(&self.bell);
        let mut raise = || {
            self.sequence.fetch_add(1, SeqCst);
        };
        let mut clear_flag = || self.flag.store(0, SeqCst);
        if self.flag.load(SeqCst) != 0 {
            bell::ring(&self.bell, thread, count, &mut raise, &mut clear_flag);
        } else {
            raise();
            if self.flag.load(SeqCst) != 0 {
                bell::ring(&self.bell, thread, count, &mut || {}, &mut clear_flag);
            }
        }
        thread.robust_list().finish(outer);
        Ok(())
    }

    fn check(&self) -> Result<()> {
        // Acquire pairs with the Release in `initialise`.
        let other_word = || joined(self.sequence.load(Relaxed), self.bell.load(Relaxed));
        let tag = self.tag.load(Acquire);
        check_tag_of_any_namespace("condition variable", tag, COND_TAG, other_word)
    }
}
