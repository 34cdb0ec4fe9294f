//! The system under the models: loom's words in place of the processor's, and a kernel that keeps sleepers
//! and robust locks.
//!
//! What it leaves out: a sleep never ends by itself, neither after 100 ms nor by a signal, so that a wake-up
//! which is lost shows as a deadlock; nobody's thread id is gone; there is no priority inheritance, whose
//! protocol is the kernel's. One lock stands for all the kernel's buckets of sleepers.

pub(crate) mod atomic {
    pub(crate) use loom::cell::Cell;
    use loom::sync::atomic::Ordering::{self, AcqRel, Acquire, Release, SeqCst};
    pub(crate) use loom::sync::atomic::fence;

    #[derive(Default)]
    pub(crate) struct AtomicU32(pub(super) loom::sync::atomic::AtomicU32);

    #[derive(Default)]
    pub(crate) struct AtomicU64(loom::sync::atomic::AtomicU64);

    /// Loom takes SeqCst on an operation for AcqRel and knows the order of SeqCst fences, so a
    /// sequentially consistent operation is one beside a fence. What that order gives is kept, and a
    /// little is given beyond it: the fence also orders weaker operations before a load or after a
    /// store, so the models do not notice if one of those should have been SeqCst too. (The fence
    /// in the readers-writer lock's `write_lock` is such a case: without it the models pass.)
    fn sequentially<T>(order: Ordering, operation: impl FnOnce(Ordering) -> T) -> T {
        if order != SeqCst {
            return operation(order);
        }
        fence(SeqCst);
        let outcome = operation(AcqRel);
        fence(SeqCst);
        outcome
    }

    macro_rules! operations {
        ($atomic:ty, $value:ty) => {
            impl $atomic {
                pub(crate) fn load(&self, order: Ordering) -> $value {
                    if order == SeqCst {
                        fence(SeqCst);
                        return self.0.load(Acquire);
                    }
                    self.0.load(order)
                }

                pub(crate) fn store(&self, value: $value, order: Ordering) {
                    if order == SeqCst {
                        self.0.store(value, Release);
                        return fence(SeqCst);
                    }
                    self.0.store(value, order);
                }

                pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                    sequentially(order, |order| self.0.swap(value, order))
                }

                pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                    sequentially(order, |order| self.0.fetch_add(value, order))
                }

                pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                    sequentially(order, |order| self.0.fetch_sub(value, order))
                }

                pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                    sequentially(order, |order| self.0.fetch_or(value, order))
                }

                pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                    sequentially(order, |order| self.0.fetch_and(value, order))
                }

                pub(crate) fn compare_exchange(
                    &self,
                    from: $value,
                    to: $value,
                    order: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    let failure = if failure == SeqCst { Acquire } else { failure };
                    sequentially(order, |order| {
                        self.0.compare_exchange(from, to, order, failure)
                    })
                }

                pub(crate) fn compare_exchange_weak(
                    &self,
                    from: $value,
                    to: $value,
                    order: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    self.compare_exchange(from, to, order, failure)
                }
            }
        };
    }
    operations!(AtomicU32, u32);
    operations!(AtomicU64, u64);
}

pub(crate) mod futex {
    use super::atomic::AtomicU32;
    use crate::time::Deadline;
    use loom::sync::atomic::Ordering::Relaxed;
    use loom::sync::{Condvar, Mutex};
    use nix::errno::Errno;
    use std::sync::Arc;

    pub(crate) const WAITERS: u32 = libc::FUTEX_WAITERS;
    pub(crate) const OWNER_DIED: u32 = libc::FUTEX_OWNER_DIED;
    pub(crate) const TID_MASK: u32 = libc::FUTEX_TID_MASK;
    pub(crate) const ANY_MAX: usize = 32;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Awoken {
        Look,
        TimedOut,
        Interrupted,
    }

    struct Sleeper {
        words: Vec<usize>,
        bed: Arc<Condvar>,
    }

    loom::lazy_static! {
        static ref SLEEPERS: Mutex<Vec<Sleeper>> = Mutex::new(Vec::new());
    }

    fn address(word: &AtomicU32) -> usize {
        std::ptr::from_ref(word).addr()
    }

    pub(crate) fn wait(
        word: &AtomicU32,
        expected: u32,
        deadline: Deadline,
    ) -> Result<Awoken, Errno> {
        wait_any(&[(word, expected)], deadline)
    }

    pub(crate) fn wait_any(
        words: &[(&AtomicU32, u32)],
        deadline: Deadline,
    ) -> Result<Awoken, Errno> {
        if deadline == Deadline::Now {
            return Ok(Awoken::TimedOut);
        }
        let bed = Arc::new(Condvar::new());
        let mut sleepers = SLEEPERS.lock().unwrap();
        if words
            .iter()
            .any(|(word, expected)| word.0.load(Relaxed) != *expected)
        {
            return Ok(Awoken::Look);
        }
        sleepers.push(Sleeper {
            words: words.iter().map(|(word, _)| address(word)).collect(),
            bed: bed.clone(),
        });
        while sleepers
            .iter()
            .any(|sleeper| Arc::ptr_eq(&sleeper.bed, &bed))
        {
            sleepers = bed.wait(sleepers).unwrap();
        }
        Ok(Awoken::Look)
    }

    pub(crate) fn wake(word: &AtomicU32, count: u32) -> usize {
        let mut sleepers = SLEEPERS.lock().unwrap();
        let mut woken = 0;
        while woken < count as usize {
            let found = sleepers
                .iter()
                .position(|sleeper| sleeper.words.contains(&address(word)));
            let Some(index) = found else { break };
            sleepers.remove(index).bed.notify_one();
            woken += 1;
        }
        woken
    }

    pub(crate) fn lock_pi(_: &AtomicU32, _: Deadline) -> Result<(), Errno> {
        Err(Errno::ENOSYS)
    }

    pub(crate) fn unlock_pi(_: &AtomicU32) -> Result<(), Errno> {
        Err(Errno::ENOSYS)
    }
}

pub(crate) mod robust {
    use super::atomic::AtomicU32;
    use super::futex::{self, OWNER_DIED, TID_MASK, WAITERS};
    use crate::error::Result;
    use loom::sync::atomic::Ordering::{AcqRel, Relaxed};
    use std::cell::Cell;

    #[derive(Default)]
    pub(crate) struct Links;

    loom::thread_local! {
        static ID: Cell<u32> = Cell::new(1);
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Announced;

    /// A thread of the model. It announces and lists nothing: its deaths are between its calls.
    #[derive(Clone, Copy)]
    pub(crate) struct Thread {
        id: u32,
    }

    impl Thread {
        /// Gives the calling thread its id; the first is 1 by itself.
        pub(crate) fn become_number(id: u32) {
            ID.with(|own| own.set(id));
        }

        pub(crate) fn known() -> Option<Thread> {
            Some(ID.with(|id| Thread { id: id.get() }))
        }

        pub(crate) fn current() -> Result<Thread> {
            Ok(ID.with(|id| Thread { id: id.get() }))
        }

        pub(crate) fn id(self) -> u32 {
            self.id
        }

        pub(crate) fn pid_namespace(self) -> u32 {
            0
        }

        pub(crate) fn begin(self, _: &Links, _: bool) -> Announced {
            Announced
        }
        pub(crate) fn finish(self, _: Announced) {}

        /// # Safety
        ///
        /// None is needed: it does nothing.
        pub(crate) unsafe fn link(self, _: &Links, _: bool) {}

        /// # Safety
        ///
        /// None is needed: it does nothing.
        pub(crate) unsafe fn unlink(self, _: &Links) {}

        /// # Safety
        ///
        /// None is needed: it does nothing.
        pub(crate) unsafe fn unlink_if_sound(self, _: &Links, _: &core::ops::Range<usize>) -> bool {
            true
        }

        /// What the kernel does to a listed lock's word when its owner dies.
        pub(crate) fn die_holding(word: &AtomicU32) {
            let mut seen = word.load(Relaxed);
            while ID.with(Cell::get) == seen & TID_MASK {
                let marked = (seen & WAITERS) | OWNER_DIED;
                match word.compare_exchange(seen, marked, AcqRel, Relaxed) {
                    Ok(_) if seen & WAITERS != 0 => {
                        futex::wake(word, 1);
                        return;
                    }
                    Ok(_) => return,
                    Err(now) => seen = now,
                }
            }
        }
    }
}

/// The message queue's, which models_queue.rs models.
pub(crate) mod fence {
    pub(crate) fn light(_: bool) {
        loom::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) fn heavy() -> bool {
        false
    }
}

pub(crate) mod process {
    pub(crate) fn is_gone(_: u32) -> bool {
        false
    }

    pub(crate) fn let_others_run() {
        loom::thread::yield_now();
    }
}

pub(crate) mod memory {
    pub(crate) fn page_size() -> usize {
        4096
    }
}
