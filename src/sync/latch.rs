//! A latch: a robust lock for the library's own short critical sections, in which no user code runs.
//!
//! A latch's word is like a mutex's: it holds the holder's thread id. If the holder dies, the kernel
//! replaces the id by a mark. Two things make a latch cheaper than a mutex:
//!
//! - It is not linked into the thread's robust list. The mutex announces itself only while it takes
//!   and releases its word. A latch stays announced for the whole section, and the kernel finds its
//!   word through the announcement.
//! - It is released by a plain store, because its waiters use [`Sleepers`], whose waker needs no
//!   fence. So a section costs one atomic operation.
//!
//! Nobody sleeps on a latch's word to take the latch. Those that poll (descriptors, waitsets) sleep there, because the
//! holder's death may leave what they wait for without a wake-up. So every holder sets the bit with which the kernel wakes
//! a sleeper at the holder's death. The bit costs nothing: the release does not look at it.
//!
//! A thread has one announcement. A thread that needs a second latch calls [`keep`](Latched::keep) on
//! the first, which links the first into the list.
//!
//! [`Sleepers`]: crate::object::layout::Sleepers

use super::NextExamination;
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::Latch;
use crate::sys::atomic::AtomicU32;
use crate::sys::fence;
use crate::sys::futex::{Awoken, OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::liveness::{self, Birth};
use crate::sys::process;
use crate::sys::robust::Announced;
use crate::sys::scheduling::let_others_run;
use crate::sys::thread::Thread;
use core::fmt;
use core::mem::ManuallyDrop;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How often a waiter reads the word before it sleeps. A section takes well under a microsecond, unless
/// the holder has lost its processor. The holder may be waiting for the processor of this waiter, so the
/// waiter yields before the last read.
const SPIN_CHECKS: u32 = if cfg!(all(test, loom)) { 1 } else { 200 };

/// A held latch. Released when dropped.
pub(crate) struct Latched<'a> {
    latch: &'a Latch,
    /// See [`fence`].
    needs_fence: &'a AtomicU32,
    thread: Thread,
    /// The announcement before this latch's: the result of `begin`.
    outer: Announced,
    /// The word after the release. OWNER_DIED while the work of a dead holder is not repaired, so that
    /// the next holder repairs it; otherwise 0.
    rest: u32,
    /// 1 if the latch is linked into the thread's robust list. (It is not a bool. The compiler would use
    /// the bool's byte to mark an absent latch, and would have to move the struct in odd pieces.)
    kept: u32,
}

impl Latch {
    /// Takes the latch if it is free and not orphaned, and this thread is known and belongs to the PID
    /// namespace of the ids in the word. In every other case it changes nothing.
    #[inline(always)]
    pub(crate) fn take_fast<'a>(
        &'a self,
        needs_fence: &'a AtomicU32,
        pid_namespace: u32,
    ) -> Option<Latched<'a>> {
        let thread = Thread::known().filter(|thread| thread.pid_namespace() == pid_namespace)?;
        let outer = thread.robust_list().begin(&self.links, false);
        // Acquire: without it this thread might not see what the last holder wrote.
        let taken = self
            .word
            .compare_exchange(0, thread.id() | WAITERS, Acquire, Relaxed)
            .is_ok();
        if !taken {
            thread.robust_list().finish(outer);
            return None;
        }
        self.birth.store(thread.birth(), Relaxed);
        Some(Latched {
            latch: self,
            needs_fence,
            thread,
            outer,
            rest: 0,
            kept: 0,
        })
    }

    /// Takes the latch, waiting for it. Refuses a thread of another PID namespace than that of the ids in
    /// the word: its id would be taken for another thread's. A child that was forked into a new namespace is
    /// such a thread.
    pub(crate) fn take<'a>(
        &'a self,
        needs_fence: &'a AtomicU32,
        pid_namespace: u32,
        deadline: Deadline,
    ) -> Result<Latched<'a>> {
        let thread = Thread::current()?;
        check_namespace(&"the queue", thread, pid_namespace)?;
        let outer = thread.robust_list().begin(&self.links, false);
        let outcome = self.acquire(thread, needs_fence, deadline);
        match outcome {
            Ok(_) => self.birth.store(thread.birth(), Relaxed),
            Err(_) => thread.robust_list().finish(outer),
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

    /// As [`take`](Latch::take), for a thread that has to keep its announcement: a waiter that was woken. The
    /// latch is linked at once. A thread that dies before that leaves its id in the word; the next thread that
    /// waits for the latch finds that no thread has the id.
    pub(crate) fn take_linked<'a>(
        &'a self,
        needs_fence: &'a AtomicU32,
        pid_namespace: u32,
        deadline: Deadline,
    ) -> Result<Latched<'a>> {
        let thread = Thread::current()?;
        check_namespace(&"the queue", thread, pid_namespace)?;
        let rest = self.acquire(thread, needs_fence, deadline)?;
        self.birth.store(thread.birth(), Relaxed);
        // SAFETY: this thread holds the latch, which is in no list. Its memory is mapped as long as the result
        // lives. An announcement is not needed: see above.
        unsafe { thread.robust_list().link(&self.links, false) };
        Ok(Latched {
            latch: self,
            needs_fence,
            thread,
            outer: thread.robust_list().announced(),
            rest,
            kept: 1,
        })
    }

    /// As [`is_orphaned`](Self::is_orphaned), also if the kernel has missed the death. Costs one load, and a system call
    /// if the latch is held.
    #[inline(always)]
    pub(crate) fn is_left_by_dead(&self) -> bool {
        match self.word.load(Relaxed) {
            0 => false,
            word => word & TID_MASK == 0 || liveness::has_no_thread(word & TID_MASK),
        }
    }

    /// Whether the last holder died in its section, and nobody holds the latch to repair its work.
    pub(crate) fn is_orphaned(&self) -> bool {
        let word = self.word.load(Relaxed);
        word & TID_MASK == 0 && word & OWNER_DIED != 0
    }

    /// The id of the thread that holds the latch; 0 if it is free.
    pub(crate) fn holder(&self) -> u32 {
        self.word.load(Relaxed) & TID_MASK
    }

    /// Takes the word, waiting for it. Returns OWNER_DIED if the last holder died in its section and
    /// nobody has repaired its work, otherwise 0.
    fn acquire(&self, thread: Thread, needs_fence: &AtomicU32, deadline: Deadline) -> Result<u32> {
        let mut left = SPIN_CHECKS;
        let mut examination = NextExamination::of_new_wait(deadline);
        loop {
            let word = self.word.load(Relaxed);
            if word & TID_MASK == 0 {
                let died = word & OWNER_DIED;
                let birth = self.birth.load(Relaxed);
                if died != 0 && liveness::is_predecessor(birth, thread.birth()) {
                    // For the reason given at the mutex's `forget_predecessor`.
                    let _ = self.birth.compare_exchange(birth, 0, Relaxed, Relaxed);
                }
                // Acquire: as in take_fast, also if the kernel released the word of a dead holder. Release:
                // without it a waiter that sees the word might not see the birth that was just cleared.
                if self
                    .word
                    .compare_exchange(word, thread.id() | WAITERS | died, AcqRel, Relaxed)
                    .is_ok()
                {
                    return Ok(died);
                }
                continue;
            }
            if word & TID_MASK == thread.id()
                && !liveness::is_predecessor(self.birth.load(Relaxed), thread.birth())
            {
                return Err(fail!(
                    EDEADLK,
                    "this thread is inside another call on the same queue (is this a signal handler?)"
                ));
            }
            left -= 1;
            match left {
                1 => let_others_run(),
                2.. => core::hint::spin_loop(),
                0 => {}
            }
            if left != 0 {
                continue;
            }
            left = SPIN_CHECKS;
            // The kernel may have missed the holder's death. Without this check the waiter would notice
            // only after its first sleep.
            let is_gone: fn(u32, Birth) -> bool = match examination.is_due(Awoken::Recheck) {
                true => liveness::is_gone,
                false => |id, _| liveness::has_no_thread(id),
            };
            if self.bury_holder(thread, word, is_gone) {
                continue;
            }
            let is_taken = || self.word.load(Relaxed) & TID_MASK != 0;
            match self
                .sleepers
                .sleep_unless(needs_fence, deadline, &|| !is_taken())?
            {
                Awoken::Recheck | Awoken::Interrupted => {}
                Awoken::TimedOut if self.bury_holder(thread, word, liveness::is_gone) => continue,
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
    }

    /// If the holder is gone and the kernel has not marked the word, marks it as the kernel would, for
    /// the reasons given at the mutex's `bury_owner`. Returns whether the caller has to read the word
    /// again.
    #[cold]
    fn bury_holder(&self, thread: Thread, word: u32, is_gone: fn(u32, Birth) -> bool) -> bool {
        let word_now = self.word.load(Relaxed);
        if word_now & TID_MASK != word & TID_MASK {
            return true;
        }
        let birth = self.birth.load(Relaxed);
        if thread.pid_namespace() == 0 || !is_gone(word & TID_MASK, birth) {
            return false;
        }
        let _ = self
            .word
            .compare_exchange(word_now, OWNER_DIED, Relaxed, Relaxed);
        true
    }
}

/// Refuses a thread whose id means another thread in a queue of the namespace given.
pub(crate) fn check_namespace(
    shown: &dyn fmt::Display,
    thread: Thread,
    pid_namespace: u32,
) -> Result<()> {
    if thread.pid_namespace() == pid_namespace {
        return Ok(());
    }
    Err(fail!(
        EPROTO,
        "{shown} belongs to {}, this process to {}: thread ids in the queue would be taken for others",
        process::ShownNamespace(pid_namespace),
        process::ShownNamespace(thread.pid_namespace())
    ))
}

impl Latched<'_> {
    #[inline(always)]
    pub(crate) fn thread(&self) -> Thread {
        self.thread
    }

    /// Whether a holder died in its section, and nobody has repaired its work.
    #[inline(always)]
    pub(crate) fn is_orphaned(&self) -> bool {
        self.rest != 0
    }

    /// Makes the next holder repair the work of this holder, even if this holder lives and only gives up.
    pub(crate) fn make_orphaned(&mut self) {
        self.rest = OWNER_DIED;
    }

    /// Notes that the work of the dead holder is repaired.
    pub(crate) fn make_sound(&mut self) {
        self.rest = 0;
        self.latch.word.store(self.thread.id() | WAITERS, Relaxed);
    }

    /// Links the latch into the robust list, which frees this thread's announcement for another word.
    pub(crate) fn keep(&mut self) {
        if self.kept != 0 {
            return;
        }
        self.latch.kind.set();
        // SAFETY: this thread holds the latch and announces it. A latch is linked only here, and only
        // once, since `kept` is set once. Its memory is mapped as long as self lives.
        unsafe { self.thread.robust_list().link(&self.latch.links, false) };
        self.thread.robust_list().finish(self.outer);
        self.kept = 1;
    }
}

impl Latched<'_> {
    /// Does what `drop` does. For a latch that was not kept it is inlined.
    #[inline(always)]
    pub(crate) fn release(self) {
        if self.kept == 0 {
            ManuallyDrop::new(self).let_go();
        }
    }

    /// Releases a kept latch, without announcing it: the thread's announcement is another word's, and has to stay.
    /// A thread that dies just here may leave its id in the word. Then the next thread that waits for the latch
    /// finds that no thread has the id.
    pub(crate) fn release_kept(self) {
        let latched = ManuallyDrop::new(self);
        // SAFETY: `keep` has linked the latch, which is held. The list stays whole at every step.
        unsafe { latched.thread.robust_list().unlink(&latched.latch.links) };
        latched.free();
    }

    #[inline(always)]
    fn let_go(&mut self) {
        self.free();
        self.thread.robust_list().finish(self.outer);
    }

    #[inline(always)]
    fn free(&self) {
        self.latch.birth.store(0, Relaxed);
        // Release: without it the next holder might not see what this one wrote.
        self.latch.word.store(self.rest, Release);
        // Without this fence the read of the sleepers' word could come before the store, and miss a
        // waiter that has seen the latch taken.
        fence::light(self.needs_fence.load(Relaxed) != 0);
        if self.latch.sleepers.are_asleep() {
            self.latch.sleepers.wake(1);
        }
    }
}

impl Drop for Latched<'_> {
    #[inline(never)]
    fn drop(&mut self) {
        if self.kept != 0 {
            self.outer = self.thread.robust_list().begin(&self.latch.links, false);
            // SAFETY: the latch is held and was just announced.
            unsafe { self.thread.robust_list().unlink(&self.latch.links) };
        }
        self.let_go();
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::object::layout::Mutex;

    fn here() -> u32 {
        Thread::current().ok().unwrap().pid_namespace()
    }

    /// A free latch, or a mutex's memory before it is initialised.
    fn zeroed<T>() -> T {
        // SAFETY: used for structs of integers and pointers only.
        unsafe { core::mem::zeroed() }
    }

    /// Runs `body` in a thread. On return that thread has ended, and the kernel has walked its list.
    fn in_a_thread_that_ends<T: Send>(body: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(body).join().unwrap())
    }

    struct Shared {
        latch: Latch,
        mutex: Mutex,
        needs_fence: AtomicU32,
    }

    // SAFETY: one thread at a time uses the cells in it.
    unsafe impl Sync for Shared {}

    fn shared() -> Shared {
        let shared: Shared = zeroed();
        assert!(shared.mutex.initialise(0).is_ok());
        shared
    }

    #[test]
    fn a_mutex_locked_in_a_signal_handler_does_not_hide_the_interrupted_section() {
        let shared = &shared();
        in_a_thread_that_ends(|| {
            let latched = shared
                .latch
                .take(&shared.needs_fence, here(), Deadline::Never);
            for _ in 0..2 {
                assert!(shared.mutex.lock(Deadline::Never).is_ok());
                assert!(shared.mutex.unlock().is_ok());
            }
            core::mem::forget(latched);
        });
        assert!(shared.latch.is_orphaned());
    }

    #[test]
    fn a_section_within_a_kept_one_does_not_hide_it() {
        let (first, second) = (&shared(), &shared());
        in_a_thread_that_ends(|| {
            let mut kept = first
                .latch
                .take(&first.needs_fence, here(), Deadline::Never);
            if let Ok(kept) = &mut kept {
                kept.keep();
            }
            drop(
                second
                    .latch
                    .take(&second.needs_fence, here(), Deadline::Never),
            );
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
        let latched = shared
            .latch
            .take(&shared.needs_fence, here(), Deadline::Never);
        assert!(latched.is_ok_and(|latched| latched.is_orphaned()));
        assert!(!shared.latch.sleepers.are_asleep());
    }

    #[test]
    fn a_thread_of_another_pid_namespace_is_refused() {
        let shared = shared();
        let another = here() ^ 1;
        assert!(
            shared
                .latch
                .take_fast(&shared.needs_fence, another)
                .is_none()
        );
        let taken = shared
            .latch
            .take(&shared.needs_fence, another, Deadline::Never);
        assert_eq!(taken.err().map(|error| error.errno()), Some(Errno::EPROTO));
        assert_eq!(shared.latch.holder(), 0);
    }
}
