//! The robust mutex.
//!
//! The lock word follows the kernel's robust futex protocol: it holds the owner's thread id,
//! and the owner keeps the lock in its robust list ([`robust`](crate::sys::robust)), so that
//! the kernel itself marks the word when the owner dies. It is the protocol of glibc's robust
//! mutex (see "A futex overview and update" by Hart, and "Robust futexes" in the kernel's
//! documentation), done here and not by calling libc, because a wrapper costs two calls where
//! one does (measured: a wrapper 1.07 times libc, this 0.97 times), because libc aborts the
//! process for some states of a foreign word, and because every instruction between two steps
//! must be ours to prove.
//!
//! What each step leaves when the thread is killed right after it:
//!
//! | step of lock | left behind |
//! |---|---|
//! | announce (`begin`) | a word without owner: the kernel passes on the wake-up that came to us |
//! | | a word of somebody else: the kernel leaves it, and other sleepers look again by themselves |
//! | word: 0 -> thread id | the kernel finds the id through the announcement: owner died |
//! | link, finish | the same through the list |
//!
//! | step of unlock | left behind |
//! |---|---|
//! | announce, unlink | the id is still in the word: owner died, through the announcement |
//! | word -> 0 | free; the kernel sees a word without owner and wakes a sleeper for us |
//! | wake, finish | free |
//!
//! In one case the kernel cannot help: an unlocker, or a waiter just woken, is killed, and
//! before the kernel looks at the word a third thread has taken it, without the waiters bit.
//! The kernel leaves a word that is somebody's alone, and the third wakes nobody. So a sleeper
//! looks again by itself, and sets the bit again.

use crate::base::error::{Errno, Result, fail, meaning, preserving_errno};
use crate::base::time::Deadline;
use crate::object::layout::{MUTEX_PRIORITY_INHERIT, MUTEX_RECURSIVE, MUTEX_TAG, Mutex};
use crate::sys::futex::{self, Awoken, OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::process;
use crate::sys::robust::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// How a lock was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Locked {
    /// Free before, or released by its owner.
    Clean,
    /// The last owner died holding it, or nobody has declared the data consistent since.
    OwnerDied,
}

impl Mutex {
    /// Initialises memory that nobody uses yet.
    pub(crate) fn initialise(&self, flags: u32) -> Result<()> {
        let thread = Thread::current()?;
        if self.tag.load(Acquire) == MUTEX_TAG | u64::from(thread.pid_namespace())
            && self.word.load(Relaxed) != 0
        {
            return Err(fail!(
                EBUSY,
                "the mutex is initialised already and locked; only its creator initialises it, before others see it"
            ));
        }
        self.tag.store(0, Relaxed);
        self.word.store(0, Relaxed);
        self.depth.set(0);
        self.flags.set(flags);
        self.condemned.store(0, Relaxed);
        // Release: whoever sees the tag sees the rest.
        self.tag
            .store(MUTEX_TAG | u64::from(thread.pid_namespace()), Release);
        Ok(())
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check(Thread::current()?)?;
        let word = self.word.load(Relaxed);
        if word & TID_MASK != 0 {
            return Err(fail!(
                EBUSY,
                "the mutex is locked by thread {}",
                word & TID_MASK
            ));
        }
        self.check_reported()?;
        self.end();
        Ok(())
    }

    /// Refuses a mutex whose owner's death no locker has been told of. One that was given up has nothing left to report.
    pub(super) fn check_reported(&self) -> Result<()> {
        if self.word.load(Relaxed) & OWNER_DIED == 0 || self.condemned.load(Relaxed) != 0 {
            return Ok(());
        }
        Err(fail!(
            EBUSY,
            "the owner of the lock died holding it, and no locker has been told: lock it first"
        ))
    }

    /// The last part of `destroy`.
    pub(super) fn end(&self) {
        self.tag.store(0, Relaxed);
    }

    /// The whole of locking a plain mutex that is free; false, with nothing changed, in every
    /// other case.
    #[inline(always)]
    pub(crate) fn lock_fast(&self) -> bool {
        let Some(thread) = Thread::known() else {
            return false;
        };
        if !self.is_plain_for(thread) {
            return false;
        }
        let outer = thread.begin(&self.links, false);
        let free = self
            .word
            .compare_exchange(0, thread.id(), Acquire, Relaxed)
            .is_ok();
        if free {
            // SAFETY: announced and just taken, so it is in no list; the caller keeps it mapped
            // while it is locked, as with every lock.
            unsafe { thread.link(&self.links, false) };
        }
        thread.finish(outer);
        free
    }

    /// The whole of unlocking a plain mutex that this thread holds in a consistent state; false,
    /// with nothing changed, in every other case.
    #[inline(always)]
    pub(crate) fn unlock_fast(&self) -> bool {
        let Some(thread) = Thread::known() else {
            return false;
        };
        // Relaxed: if the word holds our id, we put it there.
        if !self.is_plain_for(thread) || self.word.load(Relaxed) & !WAITERS != thread.id() {
            return false;
        }
        self.release(thread, 0);
        true
    }

    #[inline(always)]
    fn is_plain_for(&self, thread: Thread) -> bool {
        // Acquire pairs with initialise. Flags never change after it.
        self.tag.load(Acquire) == MUTEX_TAG | u64::from(thread.pid_namespace())
            && self.flags.get() == 0
    }

    pub(crate) fn lock(&self, deadline: Deadline) -> Result<Locked> {
        let thread = Thread::current()?;
        self.check(thread)?;
        if self.word.load(Relaxed) & TID_MASK == thread.id() {
            return self.lock_again();
        }
        let priority_inheritance = self.inherits_priority();
        let outer = thread.begin(&self.links, priority_inheritance);
        let outcome = if priority_inheritance {
            self.acquire_in_kernel(thread, deadline)
        } else {
            self.acquire(thread, deadline)
        };
        if let Ok(locked) = outcome {
            if locked == Locked::OwnerDied {
                // The dead owner of a recursive mutex may have been deeper in it: without this our
                // unlock would only go up one of its levels, and keep the lock for ever.
                self.depth.set(0);
            }
            // SAFETY: announced and just taken, so it is in no list; the caller keeps it mapped
            // while it is locked.
            unsafe { thread.link(&self.links, priority_inheritance) };
        }
        thread.finish(outer);
        outcome
    }

    fn lock_again(&self) -> Result<Locked> {
        if self.flags.get() & MUTEX_RECURSIVE == 0 {
            return Err(fail!(
                EDEADLK,
                "this thread holds the mutex already, and it is not a recursive one"
            ));
        }
        let Some(depth) = self.depth.get().checked_add(1) else {
            return Err(fail!(EOVERFLOW, "the mutex is locked too many times"));
        };
        self.depth.set(depth);
        Ok(Locked::Clean)
    }

    /// Takes the word, between `begin` and `link`.
    fn acquire(&self, thread: Thread, deadline: Deadline) -> Result<Locked> {
        // No spinning before the sleep: two processes that contend get more done when one sleeps
        // and the other has the cache line to itself (measured: 1.4 times the time with spinning).
        // One who has slept takes the lock with the waiters bit, because there may be others
        // that sleep; at worst its unlock calls the kernel for nobody.
        let mut slept = 0;
        loop {
            if let Some(outcome) = self.try_acquire(thread, slept) {
                return outcome;
            }
            let word = self.word.load(Relaxed);
            if word & TID_MASK == 0 {
                continue;
            }
            if slept != 0 || deadline == Deadline::Now {
                // It is held although somebody was woken, or there is no time to wait.
                if self.bury_owner(thread, word) {
                    continue;
                }
            }
            if deadline == Deadline::Now {
                return Err(Errno::EAGAIN.into());
            }
            let sleeping_on = word | WAITERS;
            if word != sleeping_on
                && self
                    .word
                    .compare_exchange(word, sleeping_on, Relaxed, Relaxed)
                    .is_err()
            {
                continue;
            }
            match super::sleep(&self.word, sleeping_on, deadline)? {
                Awoken::Look | Awoken::Interrupted => slept = WAITERS,
                Awoken::TimedOut if self.bury_owner(thread, sleeping_on) => {}
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// Does what the kernel does to the word of an owner that died, if the owner is gone and the
    /// kernel has not done it. Says whether the word is to be looked at again.
    ///
    /// The kernel misses a lock in three cases: it looks at no more than 2048 locks of a thread,
    /// it stops at the first whose memory is gone (a peer has truncated another object), and a
    /// thread other than the main one that calls exec gets the main one's id first, so that its
    /// locks' words are nobody's. An id that no thread has is proof that the owner is dead: an
    /// id that is in use again proves nothing, and then the lock stays as it is.
    #[cold]
    fn bury_owner(&self, thread: Thread, word: u32) -> bool {
        // Without a known PID namespace ids might be another's, where they mean living threads.
        if thread.pid_namespace() == 0 || !process::is_gone(word & TID_MASK) {
            return false;
        }
        // Fails if the word has changed since: the owner unlocked it and then ended, or another
        // waiter was faster. It would be wrong only if in this moment the kernel came round all
        // its ids to this one, and the new thread took this lock.
        let _ = self
            .word
            .compare_exchange(word, OWNER_DIED | (word & WAITERS), Relaxed, Relaxed);
        true
    }

    /// One attempt at the word; `None` while somebody alive holds it.
    fn try_acquire(&self, thread: Thread, waiters: u32) -> Option<Result<Locked>> {
        let word = self.word.load(Relaxed);
        if word & TID_MASK != 0 {
            return None;
        }
        let died = word & OWNER_DIED;
        // Acquire pairs with condemn's order: it sets `condemned` before it releases the word.
        if died != 0 && self.condemned.load(Acquire) != 0 {
            // Everybody is to learn of it, and the wake-up that came to us is theirs too.
            futex::wake(&self.word, u32::MAX);
            return Some(Err(Errno::ENOTRECOVERABLE.into()));
        }
        let taken = thread.id() | died | (word & WAITERS) | waiters;
        // Acquire: what the last owner wrote is seen, also when the kernel released the word
        // for it.
        self.word
            .compare_exchange(word, taken, Acquire, Relaxed)
            .ok()?;
        Some(Ok(if died == 0 {
            Locked::Clean
        } else {
            Locked::OwnerDied
        }))
    }

    /// Takes a priority-inheritance word, for which the kernel keeps the queue and hands the lock
    /// over itself, between `begin` and `link`.
    fn acquire_in_kernel(&self, thread: Thread, deadline: Deadline) -> Result<Locked> {
        while self
            .word
            .compare_exchange(0, thread.id(), Acquire, Relaxed)
            .is_err()
        {
            match futex::lock_pi(&self.word, deadline) {
                Ok(()) => break,
                Err(Errno::EAGAIN) if deadline == Deadline::Now => {
                    return Err(Errno::EAGAIN.into());
                }
                // EAGAIN: the owner is just dying, and the kernel has not got to this lock yet.
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(errno @ Errno::ETIMEDOUT) => return Err(errno.into()),
                // The kernel has added its waiters bit to what was seen above.
                Err(Errno::ESRCH) if self.bury_owner(thread, self.word.load(Relaxed)) => {}
                Err(Errno::EDEADLK) => {
                    return Err(fail!(EDEADLK, "waiting would close a circle of owners"));
                }
                Err(errno) => {
                    return Err(fail!(
                        ENOTRECOVERABLE,
                        "the kernel refuses the lock word {:#010x}: {}",
                        self.word.load(Relaxed),
                        meaning(errno)
                    ));
                }
            }
        }
        if self.condemned.load(Acquire) != 0 {
            self.hand_over(thread);
            return Err(Errno::ENOTRECOVERABLE.into());
        }
        // The kernel leaves its mark in the word that it hands over.
        Ok(if self.word.load(Relaxed) & OWNER_DIED == 0 {
            Locked::Clean
        } else {
            Locked::OwnerDied
        })
    }

    pub(crate) fn unlock(&self) -> Result<()> {
        let thread = Thread::current()?;
        let word = self.check_owner(thread)?;
        if let Some(depth) = self.depth.get().checked_sub(1) {
            self.depth.set(depth);
            return Ok(());
        }
        if word & OWNER_DIED == 0 {
            self.release(thread, 0);
            return Ok(());
        }
        // Unlocked without `consistent`: nobody may trust the data again.
        self.condemned.store(1, Release);
        self.release(thread, OWNER_DIED);
        Ok(())
    }

    /// Lets go of a lock that this thread holds, leaving `rest` in the word.
    #[inline(always)]
    fn release(&self, thread: Thread, rest: u32) {
        let priority_inheritance = self.inherits_priority();
        let outer = thread.begin(&self.links, priority_inheritance);
        // SAFETY: the callers have checked that this thread holds it; lock linked it.
        unsafe { thread.unlink(&self.links) };
        if priority_inheritance {
            preserving_errno(|| self.hand_over(thread));
        } else {
            // Release: the next owner sees what this one wrote.
            let before = self.word.swap(rest, Release);
            if before & WAITERS != 0 {
                preserving_errno(|| futex::wake(&self.word, 1));
            }
        }
        thread.finish(outer);
    }

    /// Releases a priority-inheritance word to whom the kernel chooses.
    fn hand_over(&self, thread: Thread) {
        if self
            .word
            .compare_exchange(thread.id(), 0, Release, Relaxed)
            .is_err()
        {
            // It fails only for a word that another process has overwritten.
            let _ = futex::unlock_pi(&self.word);
        }
    }

    /// Declares the data repaired after an owner's death.
    pub(crate) fn make_consistent(&self) -> Result<()> {
        let word = self.check_owner(Thread::current()?)?;
        if word & OWNER_DIED == 0 {
            return Err(fail!(
                EINVAL,
                "the mutex is consistent: its last owner did not die holding it"
            ));
        }
        self.word.fetch_and(!OWNER_DIED, Relaxed);
        Ok(())
    }

    /// Gives the lock up completely for a wait on a condition variable; returns how deep it was
    /// held.
    pub(super) fn unlock_for_wait(&self) -> Result<u32> {
        let word = self.check_owner(Thread::current()?)?;
        if word & OWNER_DIED != 0 {
            return Err(fail!(
                EINVAL,
                "the mutex's last owner died: repair the data and call ipc_mutex_consistent before waiting"
            ));
        }
        let depth = self.depth.replace(0);
        self.unlock()?;
        Ok(depth)
    }

    pub(super) fn relock_after_wait(&self, depth: u32) -> Result<Locked> {
        let locked = self.lock(Deadline::Never)?;
        self.depth.set(depth);
        Ok(locked)
    }

    /// Whether the last owner died or has given the data up: nobody may ever signal again.
    pub(super) fn is_orphaned(&self) -> bool {
        let mut word = self.word.load(Relaxed);
        if word & TID_MASK != 0
            && Thread::current().is_ok_and(|thread| self.bury_owner(thread, word))
        {
            word = OWNER_DIED;
        }
        // The kernel takes its mark out of a priority-inheritance word when that is released, so
        // there only `condemned` tells.
        word & TID_MASK == 0 && (word & OWNER_DIED != 0 || self.condemned.load(Relaxed) != 0)
    }

    #[inline(always)]
    fn inherits_priority(&self) -> bool {
        self.flags.get() & MUTEX_PRIORITY_INHERIT != 0
    }

    /// The lock word, if this thread holds the lock.
    fn check_owner(&self, thread: Thread) -> Result<u32> {
        self.check(thread)?;
        let word = self.word.load(Relaxed);
        match word & TID_MASK {
            owner if owner == thread.id() => Ok(word),
            0 => Err(fail!(EPERM, "the mutex is not locked")),
            owner => Err(fail!(
                EPERM,
                "the mutex is held by thread {owner}, not by this one ({})",
                thread.id()
            )),
        }
    }

    /// Refuses memory that is not a mutex of ours, or one whose thread ids mean others than here.
    fn check(&self, thread: Thread) -> Result<()> {
        // Acquire pairs with initialise.
        let tag = self.tag.load(Acquire);
        if tag == MUTEX_TAG | u64::from(thread.pid_namespace()) {
            return Ok(());
        }
        let other_word = super::joined(self.word.load(Relaxed), self.depth.get());
        super::check_tag("mutex", tag, MUTEX_TAG, other_word)?;
        Err(fail!(
            EPROTO,
            "the mutex belongs to PID namespace {}, this process to {}: thread ids in its word would be taken for others",
            tag as u32,
            thread.pid_namespace()
        ))
    }
}
