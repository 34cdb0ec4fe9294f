//! Models of the algorithms in src/sync, tried in every order of steps that the memory orderings allow.
//!
//! They repeat each algorithm's operations on shared words, with their orderings, and leave the
//! rest out: a kernel's wait is a look under a lock that wakers take too, a recheck after 100 ms is left out, so
//! that a wake-up which is lost shows as a deadlock. Run them with
//! RUSTFLAGS="--cfg loom" cargo test --release --test models
#![cfg(loom)]

use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// A place to sleep: what the kernel keeps for one futex word.
struct Bed {
    sleepers: Mutex<u32>,
    woken: Condvar,
}

impl Bed {
    fn new() -> Bed {
        Bed {
            sleepers: Mutex::new(0),
            woken: Condvar::new(),
        }
    }

    /// Sleeps if `may_sleep`, which the kernel looks at under its lock.
    fn wait(&self, may_sleep: impl Fn() -> bool) {
        let mut sleepers = self.sleepers.lock().unwrap();
        if may_sleep() {
            *sleepers += 1;
            drop(self.woken.wait(sleepers).unwrap());
        }
    }

    fn wake_all(&self) -> u32 {
        let mut sleepers = self.sleepers.lock().unwrap();
        self.woken.notify_all();
        std::mem::take(&mut *sleepers)
    }
}

/// Sequentially consistent operations. Loom takes SeqCst on an operation for AcqRel and knows the
/// order of SeqCst fences, so each is an operation beside a fence: what that order gives is kept.
trait Sequential<T> {
    fn get(&self) -> T;
    fn set(&self, value: T);
    fn replace(&self, value: T) -> T;
    fn exchange(&self, from: T, to: T) -> Result<T, T>;
}

macro_rules! sequential {
    ($atomic:ty, $value:ty) => {
        impl Sequential<$value> for $atomic {
            fn get(&self) -> $value {
                fence(SeqCst);
                self.load(Acquire)
            }
            fn set(&self, value: $value) {
                self.store(value, Release);
                fence(SeqCst);
            }
            fn replace(&self, value: $value) -> $value {
                fence(SeqCst);
                let before = self.swap(value, AcqRel);
                fence(SeqCst);
                before
            }
            fn exchange(&self, from: $value, to: $value) -> Result<$value, $value> {
                fence(SeqCst);
                let outcome = self.compare_exchange(from, to, AcqRel, Acquire);
                fence(SeqCst);
                outcome
            }
        }
    };
}
sequential!(AtomicU32, u32);
sequential!(AtomicU64, u64);

fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

/// sync/sem.rs: a count and a flag in one word.
mod sem {
    use super::*;

    const ASLEEP: u64 = 1 << 32;

    struct Sem {
        state: AtomicU64,
        bed: Bed,
    }

    impl Sem {
        fn take(&self) -> bool {
            let mut state = self.state.load(Relaxed);
            while state as u32 != 0 {
                match self
                    .state
                    .compare_exchange(state, state - 1, Acquire, Relaxed)
                {
                    Ok(_) => return true,
                    Err(now) => state = now,
                }
            }
            false
        }

        fn wait(&self) {
            while !self.take() {
                let state = self.state.fetch_or(ASLEEP, Relaxed);
                if state as u32 == 0 {
                    self.bed.wait(|| self.state.load(Relaxed) as u32 == 0);
                }
            }
        }

        fn post(&self) {
            let before = self.state.fetch_add(1, Release);
            if before & ASLEEP != 0 && self.bed.wake_all() == 0 {
                let posted = before + 1;
                let _ = self
                    .state
                    .compare_exchange(posted, posted & !ASLEEP, Relaxed, Relaxed);
            }
        }
    }

    #[test]
    fn each_permit_reaches_a_waiter_and_brings_what_was_written() {
        model(|| {
            let shared = Arc::new((
                Sem {
                    state: AtomicU64::new(0),
                    bed: Bed::new(),
                },
                AtomicU32::new(0),
            ));
            let poster = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.1.store(1, Relaxed);
                    shared.0.post();
                    shared.0.post();
                })
            };
            shared.0.wait();
            assert_eq!(shared.1.load(Relaxed), 1);
            shared.0.wait();
            poster.join().unwrap();
            assert_eq!(shared.0.state.load(Relaxed) as u32, 0);
        });
    }
}

/// sync/rwlock.rs: a reader's claim and a writer's word.
mod rwlock {
    use super::*;

    const WAITERS: u32 = 1 << 31;

    struct Rwlock {
        writer: AtomicU32,
        slot: AtomicU32,
        bed: Bed,
        data: [AtomicU32; 2],
    }

    impl Rwlock {
        /// False: stepped back.
        fn try_read(&self, thread: u32) -> bool {
            if self.slot.exchange(0, thread).is_err() {
                return false;
            }
            if self.writer.get() == 0 {
                return true;
            }
            self.leave();
            false
        }

        fn leave(&self) {
            if self.slot.replace(0) & WAITERS != 0 {
                self.bed.wake_all();
            }
        }

        fn try_write(&self, thread: u32) -> bool {
            // The mutex's own orderings.
            if self
                .writer
                .compare_exchange(0, thread, Acquire, Relaxed)
                .is_err()
            {
                return false;
            }
            fence(SeqCst);
            let mut word = self.slot.load(Acquire);
            while word & !WAITERS != 0 {
                let marked = word | WAITERS;
                match self.slot.exchange(word, marked) {
                    Ok(_) => {
                        self.bed.wait(|| self.slot.get() == marked);
                        word = self.slot.get();
                    }
                    Err(now) => word = now,
                }
            }
            true
        }
    }

    #[test]
    fn a_reader_and_a_writer_are_never_both_inside_and_the_writer_wakes() {
        model(|| {
            let lock = Arc::new(Rwlock {
                writer: AtomicU32::new(0),
                slot: AtomicU32::new(0),
                bed: Bed::new(),
                data: [AtomicU32::new(0), AtomicU32::new(0)],
            });
            let reader = {
                let lock = lock.clone();
                thread::spawn(move || {
                    if lock.try_read(1) {
                        let first = lock.data[0].load(Relaxed);
                        assert_eq!(first, lock.data[1].load(Relaxed));
                        lock.leave();
                    }
                })
            };
            if lock.try_write(2) {
                lock.data[0].store(1, Relaxed);
                lock.data[1].store(1, Relaxed);
                lock.writer.swap(0, Release);
            }
            reader.join().unwrap();
        });
    }
}

/// sync/slot.rs: a slot becomes free, and the flag of those who wait for any.
mod wanted {
    use super::*;

    #[test]
    fn a_sleeper_learns_of_a_slot_that_becomes_free() {
        model(|| {
            let shared = Arc::new((AtomicU32::new(1), AtomicU32::new(0), Bed::new()));
            let holder = {
                let shared = shared.clone();
                thread::spawn(move || {
                    let (slot, wanted, bed) = &*shared;
                    slot.replace(0);
                    if wanted.get() != 0 && wanted.replace(0) != 0 {
                        bed.wake_all();
                    }
                })
            };
            let (slot, wanted, bed) = &*shared;
            while slot.exchange(0, 2).is_err() {
                wanted.set(1);
                if slot.get() != 0 {
                    bed.wait(|| wanted.get() == 1);
                }
            }
            holder.join().unwrap();
        });
    }
}

/// sync/event.rs: a bit, and a number above it.
mod event {
    use super::*;

    struct Event {
        word: AtomicU32,
        waiters: AtomicU32,
        bed: Bed,
    }

    impl Event {
        fn wait(&self, seen: u32) {
            let pass = || {
                let word = self.word.load(Acquire);
                word & 1 != 0 || word & !1 != seen & !1
            };
            if pass() {
                return;
            }
            self.waiters.fetch_add(1, AcqRel);
            fence(SeqCst);
            loop {
                let word = self.word.get();
                if pass() {
                    break;
                }
                self.bed.wait(|| self.word.get() == word & !1);
            }
            self.waiters.fetch_sub(1, Relaxed);
        }

        fn set(&self) {
            let word = self.word.load(Relaxed);
            let set = word.wrapping_add(2) | 1;
            // One setter here.
            self.word.exchange(word, set).unwrap();
            if self.waiters.get() != 0 {
                self.bed.wake_all();
            }
        }
    }

    #[test]
    fn who_waited_is_released_even_if_the_event_is_reset_at_once() {
        model(|| {
            let shared = Arc::new((
                Event {
                    word: AtomicU32::new(0),
                    waiters: AtomicU32::new(0),
                    bed: Bed::new(),
                },
                AtomicU32::new(0),
            ));
            let seen = shared.0.word.load(Relaxed);
            let setter = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.1.store(1, Relaxed);
                    shared.0.set();
                    shared.0.word.fetch_and(!1, Release);
                })
            };
            shared.0.wait(seen);
            assert_eq!(shared.1.load(Relaxed), 1);
            setter.join().unwrap();
        });
    }
}

/// sync/barrier.rs: a round is decided in one word, and an arrival can be withdrawn.
mod barrier {
    use super::*;

    struct Barrier {
        state: AtomicU64,
        arrived: [AtomicU32; 2],
    }

    fn round(state: u64) -> u32 {
        (state >> 32) as u32
    }

    impl Barrier {
        /// One look, then giving up: whether the round was completed.
        fn try_once(&self, me: usize) -> bool {
            let now = round(self.state.get());
            self.arrived[me].set(now | 1);
            let completed = self.look(now) || self.withdraw(me, now);
            self.arrived[me].set(0);
            completed
        }

        fn look(&self, now: u32) -> bool {
            loop {
                let state = self.state.get();
                if round(state) != now {
                    return true;
                }
                if !self.arrived.iter().all(|slot| slot.get() == now | 1) {
                    return false;
                }
                let next = u64::from(now + 2) << 32;
                if self.state.exchange(state, next).is_ok() {
                    return true;
                }
            }
        }

        fn withdraw(&self, me: usize, now: u32) -> bool {
            self.arrived[me].set(0);
            let mut state = self.state.get();
            while round(state) == now {
                match self.state.exchange(state, state + 1) {
                    Ok(_) => return false,
                    Err(found) => state = found,
                }
            }
            true
        }
    }

    #[test]
    fn a_round_is_completed_for_both_or_for_neither() {
        model(|| {
            let barrier = Arc::new(Barrier {
                state: AtomicU64::new(0),
                arrived: [AtomicU32::new(0), AtomicU32::new(0)],
            });
            let other = {
                let barrier = barrier.clone();
                thread::spawn(move || barrier.try_once(1))
            };
            let mine = barrier.try_once(0);
            assert_eq!(mine, other.join().unwrap());
        });
    }

    #[test]
    fn of_two_who_arrive_last_one_completes_the_round() {
        model(|| {
            let barrier = Arc::new(Barrier {
                state: AtomicU64::new(0),
                arrived: [AtomicU32::new(0), AtomicU32::new(0)],
            });
            let arrive = |barrier: &Barrier, me: usize| {
                barrier.arrived[me].set(1);
                barrier.look(0)
            };
            let other = {
                let barrier = barrier.clone();
                thread::spawn(move || arrive(&barrier, 1))
            };
            let mine = arrive(&barrier, 0);
            let others = other.join().unwrap();
            assert!(mine || others);
            assert_eq!(round(barrier.state.get()), 2);
        });
    }
}
