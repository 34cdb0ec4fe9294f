//! A latch: a robust lock for short critical sections of the library's own, in which no code of
//! the user's runs.
//!
//! Its word is the mutex's: the owner's thread id, which the kernel takes out, leaving a mark,
//! when the owner dies. Two things make it cheaper. It is not linked into the thread's robust
//! list: the announcement that the mutex makes while it takes and releases its word stays up
//! for the whole section, and the kernel finds the word through that. And it is released by a
//! plain store, because who waits for it does so by [`Sleepers`], whose waker needs no
//! fence. So a section costs one atomic operation.
//!
//! A thread has one announcement. Who needs a second latch [`keep`](Latched::keep)s the first,
//! which links it into the list after all.

use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::Latch;
use crate::sys::atomic::AtomicU32;
use crate::sys::fence;
use crate::sys::futex::{Awoken, OWNER_DIED, TID_MASK};
use crate::sys::process;
use crate::sys::robust::Announced;
use crate::sys::thread::Thread;
use core::mem::ManuallyDrop;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// How often a waiter looks before it sleeps: sections are over in well under a microsecond, unless
/// their thread has lost its processor. It may be this one, so the last look is after a yield.
const LOOKS: u32 = if cfg!(all(test, loom)) { 1 } else { 200 };

/// A held latch. Released when dropped.
pub(crate) struct Latched<'a> {
    latch: &'a Latch,
    /// See [`fence`].
    needs_fence: &'a AtomicU32,
    thread: Thread,
    /// What `begin` returned.
    outer: Announced,
    /// What the word gets on release: OWNER_DIED as long as what a dead holder left is not
    /// repaired, so that the next holder tries and fails as this one did; else 0.
    rest: u32,
    /// 1 when it is linked into the thread's robust list. (With a bool the compiler marks in that byte
    /// where there is no latch, and has to move all of it in odd pieces.)
    kept: u32,
}

impl Latch {
    /// Takes the latch if it is free and sound, and this thread is known; with nothing changed
    /// else.
    #[inline(always)]
    pub(crate) fn take_fast<'a>(&'a self, needs_fence: &'a AtomicU32) -> Option<Latched<'a>> {
        let thread = Thread::known()?;
        let outer = thread.robust_list().begin(&self.links, false);
        // Acquire: what the last holder wrote is seen.
        let taken = self
            .word
            .compare_exchange(0, thread.id(), Acquire, Relaxed)
            .is_ok();
        if !taken {
            thread.robust_list().finish(outer);
            return None;
        }
        Some(Latched {
            latch: self,
            needs_fence,
            thread,
            outer,
            rest: 0,
            kept: 0,
        })
    }

    /// Takes the latch, waiting for it.
    pub(crate) fn take<'a>(
        &'a self,
        needs_fence: &'a AtomicU32,
        deadline: Deadline,
    ) -> Result<Latched<'a>> {
        let thread = Thread::current()?;
        let outer = thread.robust_list().begin(&self.links, false);
        let outcome = self.acquire(thread, needs_fence, deadline);
        if outcome.is_err() {
            thread.robust_list().finish(outer);
        }
        Ok(Latched {
            latch: self,
            needs_fence,
            thread,
            outer,
            rest: outcome?,
            kept: 0,
        })
    }

    /// Whether its last holder died in its section, and nobody holds it to repair that.
    pub(crate) fn is_orphaned(&self) -> bool {
        let word = self.word.load(Relaxed);
        word & TID_MASK == 0 && word & OWNER_DIED != 0
    }

    /// The id of the thread that holds it, 0 for none.
    pub(crate) fn holder(&self) -> u32 {
        self.word.load(Relaxed) & TID_MASK
    }

    /// Takes the word; the mark that it had if its last holder died in its section, and nobody has
    /// repaired what it left.
    fn acquire(&self, thread: Thread, needs_fence: &AtomicU32, deadline: Deadline) -> Result<u32> {
        let mut left = LOOKS;
        loop {
            let word = self.word.load(Relaxed);
            if word & TID_MASK == 0 {
                let died = word & OWNER_DIED;
                // Acquire: as in take_fast, also when the kernel released it for a dead holder.
                if self
                    .word
                    .compare_exchange(word, thread.id() | died, Acquire, Relaxed)
                    .is_ok()
                {
                    return Ok(died);
                }
                continue;
            }
            if word & TID_MASK == thread.id() {
                return Err(fail!(
                    EDEADLK,
                    "this thread is inside another call on the same queue (is this a signal handler?)"
                ));
            }
            left -= 1;
            match left {
                1 => process::let_others_run(),
                2.. => core::hint::spin_loop(),
                0 => {}
            }
            if left != 0 {
                continue;
            }
            left = LOOKS;
            // A death that the kernel missed: without this it would be found after the first sleep.
            if self.bury_holder(thread, word) {
                continue;
            }
            let is_taken = || self.word.load(Relaxed) & TID_MASK != 0;
            match self
                .sleepers
                .sleep_unless(needs_fence, deadline, &|| !is_taken())?
            {
                Awoken::Look | Awoken::Interrupted => {}
                Awoken::TimedOut if self.bury_holder(thread, word) => continue,
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// Does what the kernel does to the word of a holder that died, if the holder is gone and the
    /// kernel has not done it, as `bury_owner` of the mutex. Whether the word is to be looked
    /// at again.
    #[cold]
    fn bury_holder(&self, thread: Thread, word: u32) -> bool {
        let word_now = self.word.load(Relaxed);
        if word_now & TID_MASK != word & TID_MASK {
            return true;
        }
        if thread.pid_namespace() == 0 || !process::is_gone(word & TID_MASK) {
            return false;
        }
        let _ = self
            .word
            .compare_exchange(word_now, OWNER_DIED, Relaxed, Relaxed);
        true
    }
}

impl Latched<'_> {
    #[inline(always)]
    pub(crate) fn thread(&self) -> Thread {
        self.thread
    }

    /// Whether the last holder died in its section, and nobody has repaired what it left.
    #[inline(always)]
    pub(crate) fn is_orphaned(&self) -> bool {
        self.rest != 0
    }

    /// What this holder leaves is to be repaired, also if it gives up and lives.
    pub(crate) fn make_orphaned(&mut self) {
        self.rest = OWNER_DIED;
    }

    /// What the dead holder left is repaired.
    pub(crate) fn make_sound(&mut self) {
        self.rest = 0;
        self.latch.word.store(self.thread.id(), Relaxed);
    }

    /// Frees this thread's announcement, for another latch.
    pub(crate) fn keep(&mut self) {
        // SAFETY: this thread holds the latch and announces it; a latch is linked here only, and
        // once, since `kept` is set once. Its memory is mapped as long as self lives.
        unsafe { self.thread.robust_list().link(&self.latch.links, false) };
        self.thread.robust_list().finish(self.outer);
        self.kept = 1;
    }
}

impl Latched<'_> {
    /// Dropping, inlined, for a latch that was not kept.
    #[inline(always)]
    pub(crate) fn release(self) {
        ManuallyDrop::new(self).let_go();
    }

    #[inline(always)]
    fn let_go(&mut self) {
        // Release: the next holder sees what this one wrote.
        self.latch.word.store(self.rest, Release);
        fence::light(self.needs_fence.load(Relaxed) != 0);
        if self.latch.sleepers.are_asleep() {
            self.latch.sleepers.wake(1);
        }
        self.thread.robust_list().finish(self.outer);
    }
}

impl Drop for Latched<'_> {
    #[inline(never)]
    fn drop(&mut self) {
        if self.kept != 0 {
            self.outer = self.thread.robust_list().begin(&self.latch.links, false);
            // SAFETY: held, just announced, and linked by keep. If a wild pointer has overwritten
            // the entry it stays, and the object is not unmapped by this thread.
            unsafe {
                self.thread
                    .robust_list()
                    .unlink_if_sound(&self.latch.links, &(0..0))
            };
        }
        self.let_go();
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::object::layout::Mutex;

    /// A free one; a mutex's memory before it is initialised.
    fn zeroed<T>() -> T {
        // SAFETY: used for structs of integers and pointers only.
        unsafe { core::mem::zeroed() }
    }

    /// Runs `body` in a thread that is gone on return, with its robust list.
    fn in_a_thread_that_ends<T: Send>(body: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(body).join().unwrap())
    }

    struct Shared {
        latch: Latch,
        mutex: Mutex,
        needs_fence: AtomicU32,
    }

    // SAFETY: the cells in it are used by one thread at a time.
    unsafe impl Sync for Shared {}

    fn shared() -> Shared {
        let shared: Shared = zeroed();
        assert!(shared.mutex.initialise(0).is_ok());
        shared
    }

    #[test]
    fn a_mutex_used_by_a_signal_handler_hides_no_section_that_it_interrupts() {
        let shared = &shared();
        in_a_thread_that_ends(|| {
            let latched = shared.latch.take(&shared.needs_fence, Deadline::Never);
            for _ in 0..2 {
                assert!(shared.mutex.lock(Deadline::Never).is_ok());
                assert!(shared.mutex.unlock().is_ok());
            }
            core::mem::forget(latched);
        });
        assert!(shared.latch.is_orphaned());
    }

    #[test]
    fn a_section_over_a_kept_one_hides_none() {
        let (first, second) = (&shared(), &shared());
        in_a_thread_that_ends(|| {
            let mut kept = first.latch.take(&first.needs_fence, Deadline::Never);
            if let Ok(kept) = &mut kept {
                kept.keep();
            }
            drop(second.latch.take(&second.needs_fence, Deadline::Never));
            core::mem::forget(kept);
        });
        assert!(first.latch.is_orphaned());
        assert!(!second.latch.is_orphaned());
        assert_eq!(second.latch.holder(), 0);
    }

    #[test]
    fn a_holder_whose_death_the_kernel_missed_is_found_before_the_first_sleep() {
        let shared = &shared();
        let gone = in_a_thread_that_ends(|| Thread::current().ok().unwrap().id());
        shared.latch.word.store(gone, Relaxed);
        let latched = shared.latch.take(&shared.needs_fence, Deadline::Never);
        assert!(latched.is_ok_and(|latched| latched.is_orphaned()));
        assert!(!shared.latch.sleepers.are_asleep());
    }
}
