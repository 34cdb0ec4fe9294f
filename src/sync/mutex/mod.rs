//! The robust mutex.
//!
//! The lock word follows the kernel's robust futex protocol: it holds the owner's thread id,
//! and the owner keeps the lock in its robust list ([`robust`](crate::sys::robust)). So the kernel
//! marks the word when the owner dies. This is the protocol of glibc's robust mutex (see "A futex
//! overview and update" by Hart, and "Robust futexes" in the kernel's documentation).
//!
//! This file does not call libc's mutex, for three reasons. A wrapper costs two calls instead of one
//! (measured: a wrapper takes 1.07 times as long as libc alone, this code 0.97 times). libc aborts the
//! process for some states of a foreign word. And the promise covers every instruction between two
//! steps, so these instructions must be our own.
//!
//! The state after a death, if the thread is killed right after a step:
//!
//! | step of lock | state after the death |
//! |---|---|
//! | announce (`begin`) | if the word has no owner: the kernel wakes another sleeper in this thread's place |
//! | | if the word has another owner: unchanged; the waiters bit is still set, so that owner's unlock wakes a sleeper |
//! | word: 0 -> thread id | owner died: the kernel finds the id through the announcement |
//! | link, finish | owner died: the kernel finds the id through the list |
//!
//! | step of unlock | state after the death |
//! |---|---|
//! | announce, unlink | owner died: the id is still in the word, and the kernel finds it through the announcement |
//! | word -> 0, or -> WAITERS if that bit is set | free; the kernel sees a word without an owner and wakes a sleeper in this thread's place |
//! | wake, clear the waiters bit if nobody slept, finish | free |
//!
//! The unlock leaves the waiters bit set, and so does every owner that finds it. Otherwise a third thread could
//! take the word between a death and the kernel's look at it: the kernel does not change a word that has an
//! owner, and that owner would wake nobody. Only an unlock that found nobody asleep clears the bit. After that it
//! wakes all, because some may have fallen asleep in between; they set the bit again.

mod deaths;

use super::NextExamination;
use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Result, fail, meaning};
use crate::base::time::Deadline;
use crate::object::layout::{MUTEX_PRIORITY_INHERIT, MUTEX_RECURSIVE, MUTEX_TAG, Mutex};
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken, OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::liveness;
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

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
                "the mutex is initialised already and locked; only its creator may initialise it, before others see it"
            ));
        }
        self.tag.store(0, Relaxed);
        self.word.store(0, Relaxed);
        self.depth.set(0);
        self.birth.store(0, Relaxed);
        self.flags.set(flags);
        self.condemned.store(0, Relaxed);
        // Release: without it a thread that sees the tag might not see the rest.
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

    /// The last part of `destroy`.
    pub(super) fn end(&self) {
        self.tag.store(0, Relaxed);
    }

    /// Locks a plain mutex that is free. In every other case it changes nothing and returns false.
    #[inline(always)]
    pub(crate) fn lock_fast(&self) -> bool {
        let Some(thread) = Thread::known() else {
            return false;
        };
        if !self.is_plain_for(thread) {
            return false;
        }
        let outer = thread.robust_list().begin(&self.links, false);
        // Acquire: without it this thread might not see what the last owner wrote.
        let is_taken = self
            .word
            .compare_exchange(0, thread.id(), Acquire, Relaxed)
            .is_ok();
        if is_taken {
            self.birth.store(thread.birth(), Relaxed);
            self.kind.set();
            // SAFETY: the mutex is announced and was just taken, so it is in no list. The caller keeps
            // it mapped while it is locked, as with every lock.
            unsafe { thread.robust_list().link(&self.links, false) };
        }
        thread.robust_list().finish(outer);
        is_taken
    }

    /// Unlocks a plain mutex that this thread holds in a consistent state. In every other case it
    /// changes nothing and returns false.
    #[inline(always)]
    pub(crate) fn unlock_fast(&self) -> bool {
        let Some(thread) = Thread::known() else {
            return false;
        };
        // Relaxed: only this thread puts its id into the word.
        if !self.is_plain_for(thread) || self.word.load(Relaxed) & !WAITERS != thread.id() {
            return false;
        }
        self.release(thread, 0);
        true
    }

    #[inline(always)]
    fn is_plain_for(&self, thread: Thread) -> bool {
        // Acquire pairs with the Release in `initialise`. The flags never change after it.
        self.tag.load(Acquire) == MUTEX_TAG | u64::from(thread.pid_namespace())
            && self.flags.get() == 0
    }

    pub(crate) fn lock(&self, deadline: Deadline) -> Result<Locked> {
        let thread = Thread::current()?;
        self.check(thread)?;
        if self.is_held_by(thread, self.word.load(Relaxed)) {
            return self.lock_again();
        }
        let priority_inheritance = self.inherits_priority();
        let outer = thread
            .robust_list()
            .begin(&self.links, priority_inheritance);
        let outcome = if priority_inheritance {
            self.acquire_in_kernel(thread, deadline)
        } else {
            self.acquire(thread, deadline)
        };
        if let Ok(locked) = outcome {
            self.birth.store(thread.birth(), Relaxed);
            if locked == Locked::OwnerDied {
                // The dead owner may have locked a recursive mutex several times. Without this, this
                // thread's unlock would only count down and keep the lock for ever.
                self.depth.set(0);
            }
            self.kind.set();
            // SAFETY: the mutex is announced and was just taken, so it is in no list. The caller keeps
            // it mapped while it is locked.
            unsafe { thread.robust_list().link(&self.links, priority_inheritance) };
        }
        thread.robust_list().finish(outer);
        outcome
    }

    /// Locks a mutex that this thread holds already, which only a recursive mutex allows.
    fn lock_again(&self) -> Result<Locked> {
        if self.flags.get() & MUTEX_RECURSIVE == 0 {
            return Err(fail!(
                EDEADLK,
                "this thread holds the mutex already, and the mutex is not recursive"
            ));
        }
        let Some(depth) = self.depth.get().checked_add(1) else {
            return Err(fail!(EOVERFLOW, "the mutex is locked too many times"));
        };
        self.depth.set(depth);
        Ok(Locked::Clean)
    }

    /// Takes the word, waiting for it. Called between `begin` and `link`.
    fn acquire(&self, thread: Thread, deadline: Deadline) -> Result<Locked> {
        // It does not spin before it sleeps. Two processes that contend get more done if one sleeps
        // and the other has the cache line to itself (measured: 1.4 times the time with spinning).
        // A thread that has slept takes the lock with the waiters bit, because others may sleep too.
        // At worst its unlock calls the kernel without need.
        let mut slept = 0;
        let mut examination = NextExamination::of_new_wait(deadline);
        loop {
            if let Some(outcome) = self.try_acquire(thread, slept) {
                return outcome;
            }
            let word = self.word.load(Relaxed);
            if word & TID_MASK == 0 {
                continue;
            }
            if deadline == Deadline::Now {
                if self.bury_owner(thread, word) {
                    continue;
                }
                return Err(Errno::EAGAIN.into());
            }
            let may_end_unnoticed = || liveness::may_end_unnoticed(word & TID_MASK);
            if examination.is_due_of(Awoken::Recheck, may_end_unnoticed)
                && self.bury_owner(thread, word)
            {
                continue;
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
            match super::sleep_on(&self.word, sleeping_on, deadline, Some(&examination))? {
                // A lock is not given up for a signal, so a handler only makes it read the word again.
                Awoken::Recheck | Awoken::Interrupted => slept = WAITERS,
                Awoken::TimedOut if self.bury_owner(thread, sleeping_on) => {}
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// Whether the word of a mutex names this thread, and not a dead one that had its id.
    fn is_held_by(&self, thread: Thread, word: u32) -> bool {
        word & TID_MASK == thread.id()
            && !liveness::is_predecessor(self.birth.load(Relaxed), thread.birth())
    }

    /// Tries once to take the word; `None` if it has an owner. `waiters` is WAITERS or 0.
    fn try_acquire(&self, thread: Thread, waiters: u32) -> Option<Result<Locked>> {
        let word = self.word.load(Relaxed);
        if word & TID_MASK != 0 {
            return None;
        }
        let died = word & OWNER_DIED;
        // Acquire pairs with the Release in `unlock`, which sets `condemned` before it releases the word.
        if died != 0 && self.condemned.load(Acquire) != 0 {
            // Every sleeper has to learn of it, and this thread may have taken another's wake-up.
            futex::wake(&self.word, u32::MAX);
            return Some(Err(Errno::ENOTRECOVERABLE.into()));
        }
        if died != 0 {
            self.forget_predecessor(thread);
        }
        let taken = thread.id() | died | (word & WAITERS) | waiters;
        // Acquire: without it this thread might not see what the last owner wrote, also if the kernel
        // released the word. Release: without it a waiter that sees the word might not see the birth that
        // was just cleared.
        self.word
            .compare_exchange(word, taken, AcqRel, Relaxed)
            .ok()?;
        if died == 0 {
            return Some(Ok(Locked::Clean));
        }
        // Between the loads and the exchange another thread may have locked the mutex and unlocked it without
        // declaring the data consistent. This leaves the word that this thread had read. The exchange's
        // Acquire makes `condemned` visible.
        if self.condemned.load(Relaxed) != 0 {
            self.word.swap(OWNER_DIED, Release);
            futex::wake(&self.word, u32::MAX);
            return Some(Err(Errno::ENOTRECOVERABLE.into()));
        }
        Some(Ok(Locked::OwnerDied))
    }

    /// Takes a priority-inheritance word. The kernel keeps the queue of such a lock and passes the lock
    /// on. Called between `begin` and `link`.
    fn acquire_in_kernel(&self, thread: Thread, deadline: Deadline) -> Result<Locked> {
        let mut examination = NextExamination::of_new_wait(deadline);
        while self
            .word
            .compare_exchange(0, thread.id(), Acquire, Relaxed)
            .is_err()
        {
            if self.word.load(Relaxed) & TID_MASK == 0 {
                self.forget_predecessor(thread);
            }
            let word = self.word.load(Relaxed);
            if word & TID_MASK != 0
                && deadline != Deadline::Now
                && examination.is_due_of(Awoken::Recheck, || {
                    liveness::may_end_unnoticed(word & TID_MASK)
                })
                && self.bury_owner(thread, word)
            {
                continue;
            }
            let until = match deadline {
                Deadline::Now => deadline,
                deadline => examination.or(deadline),
            };
            match futex::lock_pi(&self.word, until) {
                Ok(()) => break,
                Err(Errno::ETIMEDOUT) if !deadline.has_passed() => {}
                Err(Errno::EAGAIN | Errno::ETIMEDOUT)
                    if deadline.has_passed()
                        && self.bury_owner(thread, self.word.load(Relaxed)) => {}
                Err(Errno::EAGAIN) if deadline == Deadline::Now => {
                    return Err(Errno::EAGAIN.into());
                }
                // EAGAIN: the owner is just dying, and the kernel has not come to this lock yet.
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(errno @ Errno::ETIMEDOUT) => return Err(errno.into()),
                // The kernel may have added its waiters bit, so the word is read again.
                Err(Errno::ESRCH) if self.bury_owner(thread, self.word.load(Relaxed)) => {}
                // The word holds this thread's id, but this thread does not hold the lock.
                Err(Errno::EDEADLK) if self.bury_predecessor(thread) => {}
                Err(Errno::EDEADLK) => {
                    return Err(fail!(
                        EDEADLK,
                        "this thread would wait for itself: waiting would close a circle of owners"
                    ));
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
        // The kernel leaves its mark in the word that it passes on.
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
        // The caller has not declared the data consistent, so nobody may trust them again. Release
        // pairs with the Acquire in `try_acquire`.
        self.condemned.store(1, Release);
        self.release(thread, OWNER_DIED);
        Ok(())
    }

    /// Releases a lock that this thread holds. `rest`, 0 or OWNER_DIED, stays in the word.
    #[inline(always)]
    fn release(&self, thread: Thread, rest: u32) {
        let priority_inheritance = self.inherits_priority();
        let outer = thread
            .robust_list()
            .begin(&self.links, priority_inheritance);
        // SAFETY: the callers have checked that this thread holds the mutex, and `lock` linked it.
        unsafe { thread.robust_list().unlink(&self.links) };
        self.birth.store(0, Relaxed);
        if priority_inheritance {
            preserving_errno(|| self.hand_over(thread));
        } else {
            // Release: without it the next owner might not see what this one wrote.
            let is_released = self
                .word
                .compare_exchange(thread.id(), rest, Release, Relaxed)
                .is_ok();
            if !is_released {
                release_contended(&self.word, rest);
            }
        }
        thread.robust_list().finish(outer);
    }

    /// Releases a priority-inheritance word to the waiter that the kernel chooses.
    fn hand_over(&self, thread: Thread) {
        if self
            .word
            .compare_exchange(thread.id(), 0, Release, Relaxed)
            .is_err()
        {
            // The call fails only for a word that another process has overwritten.
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

    /// Unlocks the mutex completely for a wait on a condition variable. Returns how many times beyond
    /// the first it was locked.
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

    #[inline(always)]
    fn inherits_priority(&self) -> bool {
        self.flags.get() & MUTEX_PRIORITY_INHERIT != 0
    }

    /// The lock word, if this thread holds the lock.
    fn check_owner(&self, thread: Thread) -> Result<u32> {
        self.check(thread)?;
        let word = self.word.load(Relaxed);
        match word & TID_MASK {
            _ if self.is_held_by(thread, word) => Ok(word),
            0 => Err(fail!(EPERM, "the mutex is not locked")),
            owner => Err(fail!(
                EPERM,
                "the mutex is held by thread {owner}, not by this one ({})",
                thread.id()
            )),
        }
    }

    /// Refuses memory that is not a mutex of ours, or not of this PID namespace.
    fn check(&self, thread: Thread) -> Result<()> {
        // Acquire pairs with the Release in `initialise`.
        let tag = self.tag.load(Acquire);
        let other_word = || {
            let [first, second] = self.first_words();
            super::joined(first, second)
        };
        super::check_tag_in_namespace("mutex", tag, MUTEX_TAG, other_word, thread)
    }
}

/// Releases a word that is not only an id, and wakes a sleeper.
///
/// With C's calling convention because that cannot unwind, as for `wake_all` of the slots.
#[cold]
extern "C" fn release_contended(word: &AtomicU32, rest: u32) {
    let mut before = word.load(Relaxed);
    // Release: as in `release`.
    while let Err(now) = word.compare_exchange(before, rest | (before & WAITERS), Release, Relaxed)
    {
        before = now;
    }
    if before & WAITERS == 0 {
        return;
    }
    preserving_errno(|| {
        let is_anybody_asleep = futex::wake(word, 1) != 0;
        if !is_anybody_asleep
            && word
                .compare_exchange(rest | WAITERS, rest, Relaxed, Relaxed)
                .is_ok()
        {
            futex::wake(word, u32::MAX);
        }
    });
}
