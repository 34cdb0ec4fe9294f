//! A lock of this process's threads that is tried and never waited for.

use core::sync::atomic::{AtomicBool, Ordering};
use parking_lot::lock_api::{GuardNoSend, Mutex, MutexGuard, RawMutex};

/// parking_lot's mutex without what makes its threads wait and wakes them: that is far larger
/// than all else in it, and here nobody waits.
pub(super) type TryLock<T> = Mutex<IsTaken, T>;
pub(super) type TryLockGuard<'a, T> = MutexGuard<'a, IsTaken, T>;

pub(super) struct IsTaken(AtomicBool);

// SAFETY: only one thread can turn false into true, until unlock turns it back.
unsafe impl RawMutex for IsTaken {
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "the trait has it so: every mutex gets its own"
    )]
    const INIT: IsTaken = IsTaken(AtomicBool::new(false));

    type GuardMarker = GuardNoSend;

    /// The trait demands it; nobody calls it.
    fn lock(&self) {
        while !self.try_lock() {
            std::thread::yield_now();
        }
    }

    fn try_lock(&self) -> bool {
        // Acquire: what the last holder wrote is seen.
        !self.0.swap(true, Ordering::Acquire)
    }

    /// # Safety
    ///
    /// The caller has taken the lock.
    unsafe fn unlock(&self) {
        // Release: what was written here is seen by the next holder.
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_taken_until_its_guard_ends() {
        let lock = TryLock::new(7);
        let mut guard = lock.try_lock().unwrap();
        assert!(lock.try_lock().is_none());
        *guard += 1;
        drop(guard);
        assert_eq!(lock.try_lock().as_deref(), Some(&8));
    }
}
