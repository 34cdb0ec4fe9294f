//! Owners that died: marking those that the kernel has not marked, and what such a mutex still has to report.

use crate::base::error::{Result, fail};
use crate::object::layout::Mutex;
use crate::sys::futex::{OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::liveness;
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::Relaxed;

impl Mutex {
    /// Refuses a mutex whose owner's death has been reported to no locker. A mutex that was given up has
    /// nothing left to report.
    pub(in crate::sync) fn check_reported(&self) -> Result<()> {
        if self.word.load(Relaxed) & OWNER_DIED == 0 || self.condemned.load(Relaxed) != 0 {
            return Ok(());
        }
        Err(fail!(
            EBUSY,
            "the owner of the lock died holding it, and no locker has been told: lock it first"
        ))
    }

    /// If the owner is gone and the kernel has not marked the word, marks it as the kernel would.
    /// Returns whether the caller has to read the word again.
    ///
    /// The kernel misses a lock in four cases. It reads at most 2048 locks of a thread. It stops at the
    /// first lock whose memory is gone, because a peer has truncated another object. If a thread other
    /// than the main thread calls exec, it gets the main thread's id first, so the id in its locks' words
    /// is no thread's. And another library may have registered a list of its own.
    ///
    /// An owner is dead if no living thread has its id, or if the thread that has the id was born later
    /// ([`liveness`]). If neither can be proved, the lock stays as it is.
    #[cold]
    pub(super) fn bury_owner(&self, thread: Thread, word: u32) -> bool {
        // Read after the word, and both before the proof: an owner that took the word later has not yet
        // written its birth, or is alive.
        let birth = self.birth.load(Relaxed);
        // If the PID namespace is unknown, the id may belong to another namespace, where its thread
        // may be alive.
        if thread.pid_namespace() == 0 || !liveness::is_gone(word & TID_MASK, birth) {
            return false;
        }
        // It fails if the word has changed since: the owner unlocked the mutex and then ended, or
        // another waiter was faster. It would be wrong only if another waiter was faster, a new thread
        // with the dead one's id has taken the lock since, and the word is what it was.
        let _ = self
            .word
            .compare_exchange(word, OWNER_DIED | (word & WAITERS), Relaxed, Relaxed);
        true
    }

    /// Call before this thread takes the word of a dead owner. If that owner had this thread's id, its
    /// birth is cleared. Otherwise a waiter could read this thread's word and that birth, before this
    /// thread has written its own, and bury this thread.
    #[cold]
    pub(super) fn forget_predecessor(&self, thread: Thread) {
        let birth = self.birth.load(Relaxed);
        if liveness::is_predecessor(birth, thread.birth()) {
            // It fails if another thread has taken the word meanwhile and written its own birth.
            let _ = self.birth.compare_exchange(birth, 0, Relaxed, Relaxed);
        }
    }

    /// Marks the word if it names a dead thread that had this thread's id. Returns whether it did.
    #[cold]
    pub(super) fn bury_predecessor(&self, thread: Thread) -> bool {
        let word = self.word.load(Relaxed);
        word & TID_MASK == thread.id()
            && !self.is_held_by(thread, word)
            && self.bury_owner(thread, word)
    }

    /// Whether the last owner died, or unlocked without declaring the data consistent. Then nobody may
    /// ever signal again. With `examine` it also finds a death that the kernel has not marked.
    pub(in crate::sync) fn is_orphaned(&self, examine: bool) -> bool {
        let mut word = self.word.load(Relaxed);
        if examine
            && word & TID_MASK != 0
            && Thread::current().is_ok_and(|thread| self.bury_owner(thread, word))
        {
            word = OWNER_DIED;
        }
        // The kernel removes its mark from a priority-inheritance word when the lock is released. For
        // such a lock only `condemned` stays.
        word & TID_MASK == 0 && (word & OWNER_DIED != 0 || self.condemned.load(Relaxed) != 0)
    }
}
