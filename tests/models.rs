//! Models of the algorithms in src/sync: loom tries every order of steps that the memory orderings allow.
//!
//! The models run the library's own source: the mutex, the condition variable, the readers-writer lock, the
//! semaphore, the pool of permits, the barrier, the event and the once. They compile it once more, above the
//! words and the kernel of models/sys.rs. A lost wake-up shows as a deadlock. Data that a lock orders too
//! little show as a race, which loom reports.
//!
//! The models leave out the spins before a sleep (src/sync/spinning.rs), which are attempts like any other.
//! They also leave out a death between two instructions, which tests/kill_every_instruction.rs covers; threads
//! here die between calls. Run them with
//! RUSTFLAGS="--cfg loom" cargo test --release --test models
#![cfg(loom)]

#[path = "models/base.rs"]
#[allow(dead_code)]
mod base;
#[path = "."]
mod object {
    #[path = "../src/object/layout/mod.rs"]
    #[allow(dead_code, unused_imports)]
    pub(crate) mod layout;
}
#[path = "models/run.rs"]
mod run;
#[path = "../src/sync/mod.rs"]
#[allow(dead_code, unused_imports)]
mod sync;
#[path = "models/sys.rs"]
#[allow(dead_code)]
mod sys;
#[path = "models/versions.rs"]
mod versions;

use base::error::Errno;
use base::time::Deadline::{Never, Now};
use loom::cell::Cell;
use loom::sync::atomic::Ordering::Relaxed;
use object::layout::{Barrier, Cond, Event, Mutex, Once, Permits, Rwlock, Sem};
use run::{add_one, model};
use sync::mutex::Locked;
use sys::fence::Kernel;
use sys::thread::Thread;

/// No algorithm here has the kernel execute fences.
const KERNEL: Kernel = Kernel::Cannot;

fn lock(mutex: &Mutex) {
    if !mutex.lock_fast() {
        assert_eq!(mutex.lock(Never), Ok(Locked::Clean));
    }
}

fn unlock(mutex: &Mutex) {
    if !mutex.unlock_fast() {
        mutex.unlock().unwrap();
    }
}

mod mutex {
    use super::*;

    type Counted = (Mutex, Cell<u32>);

    fn prepare(shared: &Counted) {
        shared.0.initialise(0).unwrap();
    }

    fn count(shared: &Counted) {
        lock(&shared.0);
        add_one(&shared.1);
        unlock(&shared.0);
    }

    #[test]
    fn one_thread_at_a_time_holds_the_mutex_and_each_gets_it() {
        model::<Counted>(2, prepare, &[count, count, count], |shared| {
            assert_eq!(shared.1.get(), 3);
        });
    }

    #[test]
    fn the_next_owner_learns_of_a_death() {
        fn die(shared: &Counted) {
            lock(&shared.0);
            add_one(&shared.1);
            Thread::die_holding(&shared.0.word);
        }
        fn repair(shared: &Counted) {
            if shared.0.lock(Never) == Ok(Locked::OwnerDied) {
                assert_eq!(shared.1.get(), 1);
                shared.0.make_consistent().unwrap();
            }
            unlock(&shared.0);
        }
        model::<Counted>(3, prepare, &[repair, die], |shared| {
            repair(shared);
            lock(&shared.0);
        });
    }

    #[test]
    fn a_mutex_whose_data_were_given_up_is_granted_to_nobody() {
        type Granted = (Mutex, loom::sync::atomic::AtomicU32);

        fn give_up(shared: &Granted) {
            match shared.0.lock(Never) {
                Ok(Locked::OwnerDied) => {
                    shared.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    shared.0.unlock().unwrap();
                }
                outcome => assert_eq!(outcome, Err(Errno::ENOTRECOVERABLE.into())),
            }
        }
        fn prepare_dead(shared: &Granted) {
            shared.0.initialise(0).unwrap();
            lock(&shared.0);
            Thread::die_holding(&shared.0.word);
        }
        model::<Granted>(3, prepare_dead, &[give_up, give_up], |shared| {
            assert_eq!(shared.1.load(std::sync::atomic::Ordering::Relaxed), 1);
        });
    }

    #[test]
    fn everybody_learns_that_the_data_were_given_up() {
        fn give_up(shared: &Counted) {
            match shared.0.lock(Never) {
                Ok(Locked::OwnerDied) => shared.0.unlock().unwrap(),
                outcome => assert_eq!(outcome, Err(Errno::ENOTRECOVERABLE.into())),
            }
        }
        fn prepare_dead(shared: &Counted) {
            prepare(shared);
            lock(&shared.0);
            Thread::die_holding(&shared.0.word);
        }
        model::<Counted>(2, prepare_dead, &[give_up, give_up, give_up], |_| {});
    }
}

mod cond {
    use super::*;

    #[derive(Default)]
    struct Gate {
        mutex: Mutex,
        cond: Cond,
        open: Cell<u32>,
    }

    fn prepare(gate: &Gate) {
        gate.mutex.initialise(0).unwrap();
        gate.cond.initialise();
    }

    fn pass(gate: &Gate) {
        lock(&gate.mutex);
        while gate.open.get() == 0 {
            assert_eq!(gate.cond.wait(&gate.mutex, Never), Ok(Locked::Clean));
        }
        gate.open.set(gate.open.get() - 1);
        unlock(&gate.mutex);
    }

    #[test]
    fn a_signal_reaches_a_waiter() {
        fn open(gate: &Gate) {
            lock(&gate.mutex);
            add_one(&gate.open);
            gate.cond.signal().unwrap();
            unlock(&gate.mutex);
        }
        model::<Gate>(3, prepare, &[pass, open], |_| {});
    }

    #[test]
    fn a_signal_after_unlocking_reaches_a_waiter() {
        fn open(gate: &Gate) {
            lock(&gate.mutex);
            add_one(&gate.open);
            unlock(&gate.mutex);
            gate.cond.signal().unwrap();
        }
        model::<Gate>(3, prepare, &[pass, open], |_| {});
    }

    #[test]
    fn a_broadcast_reaches_all_waiters() {
        fn open(gate: &Gate) {
            lock(&gate.mutex);
            gate.open.set(2);
            gate.cond.broadcast().unwrap();
            unlock(&gate.mutex);
        }
        model::<Gate>(1, prepare, &[pass, pass, open], |_| {});
    }

    #[test]
    fn a_waiter_takes_over_from_a_signaller_that_dies_with_the_mutex() {
        fn open_and_die(gate: &Gate) {
            lock(&gate.mutex);
            gate.open.set(1);
            gate.cond.signal().unwrap();
            Thread::die_holding(&gate.mutex.word);
        }
        fn pass_or_repair(gate: &Gate) {
            let mut locked = gate.mutex.lock(Never);
            while locked == Ok(Locked::Clean) && gate.open.get() == 0 {
                locked = gate.cond.wait(&gate.mutex, Never);
            }
            assert_eq!(locked, Ok(Locked::OwnerDied));
            assert_eq!(gate.open.get(), 1);
        }
        model::<Gate>(3, prepare, &[pass_or_repair, open_and_die], |_| {});
    }
}

mod sem {
    use super::*;

    type Posted = (Sem, Cell<u32>);

    fn prepare(shared: &Posted) {
        shared.0.initialise(0).unwrap();
    }

    fn wait(sem: &Sem) {
        if !sem.take_fast() {
            sem.wait(Never).unwrap();
        }
    }

    fn post(sem: &Sem) {
        if !sem.post_fast() {
            sem.post().unwrap();
        }
    }

    #[test]
    fn each_permit_reaches_a_waiter_and_brings_what_was_written() {
        fn post_twice(shared: &Posted) {
            shared.1.set(1);
            post(&shared.0);
            post(&shared.0);
        }
        fn wait_twice(shared: &Posted) {
            wait(&shared.0);
            assert_eq!(shared.1.get(), 1);
            wait(&shared.0);
        }
        model::<Posted>(3, prepare, &[wait_twice, post_twice], |shared| {
            assert_eq!(shared.0.value(), Ok(0));
        });
    }

    #[test]
    fn two_waiters_get_a_permit_each() {
        fn wait_once(shared: &Posted) {
            wait(&shared.0);
        }
        fn post_twice(shared: &Posted) {
            post(&shared.0);
            post(&shared.0);
        }
        model::<Posted>(2, prepare, &[wait_once, wait_once, post_twice], |_| {});
    }
}

mod event {
    use super::*;

    type Announced = (Event, Cell<u32>);

    fn wait(shared: &Announced) {
        if !shared.0.wait_fast() {
            shared.0.wait(Never).unwrap();
        }
    }

    fn wait_and_read(shared: &Announced) {
        wait(shared);
        assert_eq!(shared.1.get(), 1);
    }

    fn write_and_set(shared: &Announced) {
        shared.1.set(1);
        assert!(shared.0.set_fast());
    }

    #[test]
    fn a_manual_event_releases_all_waiters() {
        let prepare = |shared: &Announced| shared.0.initialise(false, false);
        let bodies = &[
            wait_and_read as fn(&Announced),
            wait_and_read,
            write_and_set,
        ];
        model(2, prepare, bodies, |_| {});
    }

    #[test]
    fn an_automatic_event_releases_one_waiter_for_each_set() {
        fn wait_and_set(shared: &Announced) {
            wait(shared);
            add_one(&shared.1);
            shared.0.set().unwrap();
        }
        let prepare = |shared: &Announced| shared.0.initialise(true, false);
        let bodies = &[wait_and_set as fn(&Announced), wait_and_set, |shared| {
            shared.0.set().unwrap();
        }];
        model(2, prepare, bodies, |shared| assert_eq!(shared.1.get(), 2));
    }
}

mod rwlock {
    use super::*;

    type Written = (Rwlock, [Cell<u32>; 2]);

    fn prepare(shared: &Written) {
        shared.0.initialise().unwrap();
    }

    fn read(shared: &Written) {
        if !shared.0.read_lock_fast() {
            assert_eq!(shared.0.read_lock(Never), Ok(Locked::Clean));
        }
        assert_eq!(shared.1[0].get(), shared.1[1].get());
        unlock(shared);
    }

    fn write(shared: &Written) {
        assert_eq!(shared.0.write_lock(Never), Ok(Locked::Clean));
        shared.1.iter().for_each(add_one);
        unlock(shared);
    }

    fn unlock(shared: &Written) {
        if !shared.0.unlock_fast() {
            shared.0.unlock().unwrap();
        }
    }

    #[test]
    fn a_reader_and_a_writer_never_hold_the_lock_together() {
        model::<Written>(3, prepare, &[write, read], |_| {});
    }

    #[test]
    fn a_writer_waits_for_each_reader() {
        model::<Written>(1, prepare, &[write, read, read], |_| {});
    }

    #[test]
    fn two_writers_write_after_each_other() {
        model::<Written>(2, prepare, &[write, write], |shared| {
            assert_eq!(shared.1[0].get(), 2);
        });
    }

    #[test]
    fn a_reader_that_finds_all_slots_taken_gets_one_that_becomes_free() {
        // There are two slots in a model.
        model::<Written>(1, prepare, &[read, read, read], |_| {});
    }

    #[test]
    fn a_reader_that_dies_lets_the_writer_in() {
        fn die_reading(shared: &Written) {
            assert_eq!(shared.0.read_lock(Never), Ok(Locked::Clean));
            shared
                .0
                .readers
                .iter()
                .for_each(|slot| Thread::die_holding(&slot.word));
        }
        model::<Written>(2, prepare, &[write, die_reading], |_| {});
    }

    #[test]
    fn the_next_thread_learns_of_a_writer_that_died() {
        fn die_writing(shared: &Written) {
            assert_eq!(shared.0.write_lock(Never), Ok(Locked::Clean));
            add_one(&shared.1[0]);
            Thread::die_holding(&shared.0.writer.word);
        }
        fn read_or_repair(shared: &Written) {
            if shared.0.read_lock(Never) == Ok(Locked::OwnerDied) {
                shared.1[1].set(shared.1[0].get());
                shared.0.make_consistent().unwrap();
            }
            assert_eq!(shared.1[0].get(), shared.1[1].get());
            shared.0.unlock().unwrap();
        }
        model::<Written>(2, prepare, &[read_or_repair, die_writing], read_or_repair);
    }
}

mod permits {
    use super::*;

    type Resource = (Permits, [Cell<u32>; 2]);

    fn take_and_give(shared: &Resource) {
        let (number, _) = shared.0.take(Never).unwrap();
        add_one(&shared.1[number]);
        shared.0.give(number as u32).unwrap();
    }

    #[test]
    fn a_permit_has_one_holder_at_a_time() {
        let prepare = |shared: &Resource| shared.0.initialise(1).unwrap();
        let bodies = &[take_and_give as fn(&Resource), take_and_give];
        model(3, prepare, bodies, |shared| {
            assert_eq!(shared.1[0].get(), 2)
        });
    }

    #[test]
    fn a_sleeper_gets_a_permit_that_is_given_back() {
        let prepare = |shared: &Resource| shared.0.initialise(2).unwrap();
        let bodies = &[take_and_give as fn(&Resource), take_and_give, take_and_give];
        model(1, prepare, bodies, |_| {});
    }

    #[test]
    fn a_sleeper_gets_the_permit_of_a_dead_holder() {
        fn die_holding_one(shared: &Resource) {
            let (number, _) = shared.0.take(Never).unwrap();
            add_one(&shared.1[number]);
            Thread::die_holding(&shared.0.slots[number].word);
        }
        let prepare = |shared: &Resource| shared.0.initialise(1).unwrap();
        let bodies = &[take_and_give as fn(&Resource), die_holding_one];
        model(3, prepare, bodies, |shared| {
            assert_eq!(shared.1[0].get(), 2)
        });
    }
}

/// Deaths that the kernel does not notice: a waiter marks the word in its place.
mod unnoticed {
    use super::*;
    use sys::liveness::end_unnoticed;
    use sys::thread::look_for_deaths;

    type Pool = (Permits, [Cell<u32>; 2]);

    fn take_one(shared: &Pool) -> Locked {
        let (number, locked) = shared.0.take(Never).unwrap();
        assert_eq!(number, 0);
        add_one(&shared.1[usize::from(locked == Locked::OwnerDied)]);
        shared.0.give(0).unwrap();
        locked
    }

    #[test]
    fn one_waiter_learns_of_a_dead_holder_of_a_permit() {
        fn take(shared: &Pool) {
            let _ = take_one(shared);
        }
        fn take_and_end(shared: &Pool) {
            let _ = shared.0.take(Never).unwrap();
            end_unnoticed();
        }
        let prepare = |shared: &Pool| {
            look_for_deaths();
            shared.0.initialise(1).unwrap();
        };
        model(2, prepare, &[take, take, take_and_end], |shared| {
            // The mark of the death is given to the first who takes the permit after it, if any did.
            let told = shared.1[1].get() + u32::from(shared.0.slots[0].word.load(Relaxed) != 0);
            assert_eq!(told, 1);
            assert_eq!(shared.1[0].get() + shared.1[1].get(), 2);
        });
    }

    #[test]
    fn a_writer_does_not_wait_for_a_dead_reader() {
        fn write(shared: &Rwlock) {
            assert_eq!(shared.write_lock(Never), Ok(Locked::Clean));
            shared.unlock().unwrap();
        }
        fn read_and_end(shared: &Rwlock) {
            assert_eq!(shared.read_lock(Never), Ok(Locked::Clean));
            end_unnoticed();
        }
        let prepare = |shared: &Rwlock| {
            look_for_deaths();
            shared.initialise().unwrap();
        };
        model(2, prepare, &[write, read_and_end], |_| {});
    }

    #[test]
    fn a_dead_participant_breaks_the_round() {
        fn wait(shared: &Barrier) {
            let error = shared.wait(Never).unwrap_err();
            assert_eq!(error.errno(), Errno::EOWNERDEAD);
        }
        fn join_and_end(shared: &Barrier) {
            // The other may have broken nothing yet, since this thread is not dead.
            shared.join().unwrap();
            end_unnoticed();
        }
        let prepare = |shared: &Barrier| {
            look_for_deaths();
            shared.initialise(2).unwrap();
        };
        model(2, prepare, &[wait, join_and_end], |_| {});
    }

    #[test]
    fn one_waiter_learns_of_a_dead_owner_of_a_mutex() {
        type Told = (Mutex, Cell<u32>);
        fn lock(shared: &Told) {
            if shared.0.lock(Never).unwrap() == Locked::OwnerDied {
                add_one(&shared.1);
                shared.0.make_consistent().unwrap();
            }
            shared.0.unlock().unwrap();
        }
        fn lock_and_end(shared: &Told) {
            let _ = shared.0.lock(Never).unwrap();
            end_unnoticed();
        }
        let prepare = |shared: &Told| {
            look_for_deaths();
            shared.0.initialise(0).unwrap();
        };
        model(2, prepare, &[lock, lock, lock_and_end], |shared| {
            let told = shared.1.get() + u32::from(shared.0.word.load(Relaxed) != 0);
            assert_eq!(told, 1);
        });
    }
}

mod barrier {
    use super::*;

    #[derive(Default)]
    struct Round {
        barrier: Barrier,
        serials: loom::sync::atomic::AtomicU32,
        written: [Cell<u32>; 2],
    }

    fn prepare(round: &Round) {
        round.barrier.initialise(2).unwrap();
    }

    fn count(round: &Round) {
        round
            .serials
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn serials(round: &Round) -> u32 {
        round.serials.load(std::sync::atomic::Ordering::Relaxed)
    }

    #[test]
    fn both_continue_and_one_learns_that_it_was_the_last() {
        fn arrive(round: &Round, own: usize) {
            round.written[own].set(1);
            if round.barrier.wait(Never).unwrap() {
                count(round);
            }
            assert_eq!(round.written[1 - own].get(), 1);
        }
        let bodies: &[fn(&Round)] = &[|round| arrive(round, 0), |round| arrive(round, 1)];
        model(2, prepare, bodies, |round| assert_eq!(serials(round), 1));
    }

    #[test]
    fn a_round_is_completed_for_both_or_for_neither() {
        fn try_once(round: &Round) {
            match round.barrier.wait(Now) {
                Ok(_) => count(round),
                outcome => assert_eq!(outcome, Err(Errno::EAGAIN.into())),
            }
        }
        model::<Round>(3, prepare, &[try_once, try_once], |round| {
            assert!(matches!(serials(round), 0 | 2));
        });
    }

    #[test]
    fn a_participant_that_dies_releases_the_other() {
        // Thread 2 has joined before. A waiter sees a participant that takes a free slot later only after
        // 100 ms.
        fn prepare_joined(round: &Round) {
            prepare(round);
            Thread::become_number(2);
            round.barrier.join().unwrap();
            Thread::become_number(1);
        }
        fn die(round: &Round) {
            for slot in &round.barrier.slots {
                Thread::die_holding(&slot.word);
            }
        }
        fn wait(round: &Round) {
            let error = round.barrier.wait(Never).unwrap_err();
            assert_eq!(error.errno(), Errno::EOWNERDEAD);
        }
        model::<Round>(3, prepare_joined, &[wait, die], |_| {});
    }
}

mod once {
    use super::*;

    type Made = (Once, Cell<u32>);

    #[test]
    fn the_initialisation_runs_once_and_all_see_what_it_did() {
        fn run(shared: &Made) {
            if let Some(running) = shared.0.begin(Never).unwrap() {
                add_one(&shared.1);
                running.finish().unwrap();
            }
            assert_eq!(shared.1.get(), 1);
        }
        model::<Made>(2, |_| {}, &[run, run], |_| {});
    }

    #[test]
    fn another_thread_runs_what_an_exception_has_left() {
        fn leave_or_see(shared: &Made) {
            if let Some(running) = shared.0.begin(Never).unwrap() {
                assert_eq!(shared.1.get() % 2, 0);
                add_one(&shared.1);
                add_one(&shared.1);
                drop(running);
            } else {
                assert_eq!(shared.1.get() % 2, 1);
            }
        }
        fn run(shared: &Made) {
            if let Some(running) = shared.0.begin(Never).unwrap() {
                add_one(&shared.1);
                running.finish().unwrap();
            }
            assert_eq!(shared.1.get() % 2, 1);
        }
        model::<Made>(2, |_| {}, &[leave_or_see, run], |_| {});
    }
}
