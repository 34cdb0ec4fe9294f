//! Models of the queue in shared memory: its latches, its sleepers and its two rings, in every
//! order of steps that the memory orderings allow.
//!
//! The models run the library's own source: src/sync/latch.rs and sleepers.rs, and send_section.rs
//! and receive_section.rs in src/ipc/mq/shared. It is compiled once more on the words and the
//! kernel of models/sys.rs, with a memory of two slots. A lost wake-up is a deadlock here. If the
//! rings order a payload too little, loom reports a race.
//!
//! Two things are left out: spinning before a sleep, whose attempts are like all others, and deaths
//! between two instructions. Run the models with
//! RUSTFLAGS="--cfg loom" cargo test --release --test models_queue
#![cfg(loom)]

#[path = "models/base.rs"]
#[allow(dead_code)]
mod base;
#[path = "models/run.rs"]
mod run;
#[path = "models/small_queue.rs"]
mod small_queue;
#[path = "models/sys.rs"]
#[allow(dead_code, unused_imports)]
mod sys;

#[path = "."]
mod object {
    #[path = "."]
    pub(crate) mod layout {
        #[path = "../src/object/layout/queue.rs"]
        #[allow(dead_code)]
        mod queue;
        #[allow(unused_imports)]
        pub(crate) use queue::*;
    }
}

#[path = "."]
mod sync {
    #[path = "../src/sync/latch.rs"]
    #[allow(dead_code)]
    pub(crate) mod latch;
    #[path = "../src/sync/sleepers.rs"]
    #[allow(dead_code)]
    mod sleepers;

    use crate::base::error::Result;
    use crate::base::time::Deadline;
    use crate::sys::atomic::AtomicU32;
    use crate::sys::futex::{self, Awoken};

    /// No holder dies unnoticed in these models.
    struct NextExamination;

    impl NextExamination {
        fn of_new_wait(_: Deadline) -> NextExamination {
            NextExamination
        }

        fn is_due(&mut self, _: Awoken) -> bool {
            false
        }
    }

    fn sleep(word: &AtomicU32, expected: u32, deadline: Deadline) -> Result<Awoken> {
        Ok(futex::wait(word, expected, deadline)?)
    }
}

use base::time::Deadline::Never;
use loom::cell::Cell;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use object::layout::{Latch, Sleepers};
use run::{add_one, model};
use small_queue::{LargeQueue, Queue};
use sync::latch::Latched;
use sys::atomic::AtomicU32;
use sys::fence::{self, Kernel};
use sys::futex;
use sys::thread::Thread;

const KERNEL: Kernel = Kernel::Interrupts;

fn take<'a>(latch: &'a Latch, needs_fence: &'a AtomicU32) -> Latched<'a> {
    let fast = latch.take_fast(needs_fence, 0);
    fast.unwrap_or_else(|| latch.take(needs_fence, 0, Never).unwrap())
}

mod latch {
    use super::*;

    #[derive(Default)]
    struct Counted {
        latch: Latch,
        needs_fence: AtomicU32,
        count: Cell<u32>,
    }

    fn count(shared: &Counted) {
        let latched = take(&shared.latch, &shared.needs_fence);
        assert!(!latched.is_orphaned());
        add_one(&shared.count);
        latched.release();
    }

    #[test]
    fn one_thread_at_a_time_holds_it_and_each_gets_its_turn() {
        model::<Counted>(
            4,
            |_| {},
            &[count, count],
            |shared| {
                assert_eq!(shared.count.get(), 2);
            },
        );
    }

    #[test]
    fn three_threads_get_their_turns() {
        model::<Counted>(
            1,
            |_| {},
            &[count, count, count],
            |shared| {
                assert_eq!(shared.count.get(), 3);
            },
        );
    }

    #[test]
    fn real_fences_replace_the_kernels_fence() {
        let needs_fence = |shared: &Counted| {
            fence::set_kernel(Kernel::Cannot);
            shared.needs_fence.store(1, Relaxed);
        };
        model::<Counted>(4, needs_fence, &[count, count], |shared| {
            assert_eq!(shared.count.get(), 2);
        });
    }

    /// Shows that the model finds a lost wake-up.
    #[test]
    #[should_panic(expected = "deadlock")]
    fn without_any_fence_a_wake_up_is_lost() {
        model::<Counted>(
            4,
            |_| fence::set_kernel(Kernel::LeavesOut),
            &[count, count],
            |_| {},
        );
    }

    #[test]
    fn every_next_holder_learns_of_a_death_until_one_has_repaired() {
        fn die(shared: &Counted) {
            let latched = take(&shared.latch, &shared.needs_fence);
            add_one(&shared.count);
            std::mem::forget(latched);
            Thread::die_holding(&shared.latch.word);
            futex::let_nobody_sleep();
        }
        fn repair(shared: &Counted) {
            let mut latched = take(&shared.latch, &shared.needs_fence);
            match shared.count.get() {
                // This thread comes before the one that dies.
                0 => assert!(!latched.is_orphaned()),
                1 => {
                    assert!(latched.is_orphaned());
                    // Gives up once, as if the queue were damaged.
                    drop(latched);
                    latched = take(&shared.latch, &shared.needs_fence);
                    if latched.is_orphaned() {
                        latched.make_sound();
                        add_one(&shared.count);
                    }
                }
                _ => assert!(!latched.is_orphaned()),
            }
        }
        model::<Counted>(
            3,
            |_| {},
            &[repair, die],
            |shared| {
                repair(shared);
                assert!(!take(&shared.latch, &shared.needs_fence).is_orphaned());
                assert_eq!(shared.count.get(), 2);
            },
        );
    }

    #[test]
    fn two_latches_are_taken_in_one_order_and_released_in_the_other() {
        #[derive(Default)]
        struct Two {
            latches: [Latch; 2],
            needs_fence: AtomicU32,
            counts: [Cell<u32>; 2],
        }
        fn both(two: &Two) {
            let mut first = take(&two.latches[0], &two.needs_fence);
            first.keep();
            let second = take(&two.latches[1], &two.needs_fence);
            two.counts.iter().for_each(add_one);
            drop(second);
            drop(first);
        }
        fn one(two: &Two) {
            for (latch, count) in two.latches.iter().zip(&two.counts) {
                let latched = take(latch, &two.needs_fence);
                add_one(count);
                latched.release();
            }
        }
        model::<Two>(
            3,
            |_| {},
            &[both, one],
            |two| {
                two.counts
                    .iter()
                    .for_each(|count| assert_eq!(count.get(), 2));
            },
        );
    }
}

mod sleepers {
    use super::*;

    #[derive(Default)]
    struct Awaited {
        sleepers: Sleepers,
        needs_fence: AtomicU32,
        permits: AtomicU32,
    }

    fn take_permit(awaited: &Awaited) -> bool {
        let permits = awaited.permits.load(Relaxed);
        let less = permits.wrapping_sub(1);
        permits != 0
            && awaited
                .permits
                .compare_exchange(permits, less, Acquire, Relaxed)
                .is_ok()
    }

    fn wait(awaited: &Awaited) {
        while !take_permit(awaited) {
            let ready = || awaited.permits.load(Relaxed) != 0;
            awaited
                .sleepers
                .sleep_unless(&awaited.needs_fence, Never, &ready)
                .unwrap();
        }
    }

    fn tell(awaited: &Awaited) {
        // Only one thread calls this, so a store is enough, as in the queue. The fence gives the order.
        let permits = awaited.permits.load(Relaxed);
        awaited.permits.store(permits + 1, Release);
        fence::light(awaited.needs_fence.load(Relaxed) != 0);
        if awaited.sleepers.are_asleep() {
            awaited.sleepers.wake(1);
        }
    }

    #[test]
    fn a_sleeper_learns_of_the_change() {
        model::<Awaited>(4, |_| {}, &[wait, tell], |_| {});
    }

    #[test]
    fn two_sleepers_are_woken_one_after_the_other() {
        fn tell_twice(awaited: &Awaited) {
            for _ in 0..2 {
                awaited.permits.fetch_add(1, Release);
                fence::light(false);
                if awaited.sleepers.are_asleep() {
                    awaited.sleepers.wake(1);
                }
            }
        }
        model::<Awaited>(1, |_| {}, &[wait, wait, tell_twice], |_| {});
    }

    #[test]
    fn a_sleeper_that_sleeps_again_learns_of_the_next_change() {
        fn change(awaited: &Awaited, from: u32) {
            awaited.permits.store(from + 1, Release);
            fence::light(false);
            if awaited.sleepers.are_asleep() {
                awaited.sleepers.wake(u32::MAX);
            }
        }
        fn wait_for(awaited: &Awaited, level: u32) {
            while awaited.permits.load(Relaxed) < level {
                let ready = || awaited.permits.load(Relaxed) >= level;
                awaited
                    .sleepers
                    .sleep_unless(&awaited.needs_fence, Never, &ready)
                    .unwrap();
            }
        }
        fn changes(awaited: &Awaited) {
            change(awaited, 0);
            change(awaited, 1);
        }
        fn waits(awaited: &Awaited) {
            wait_for(awaited, 1);
            wait_for(awaited, 2);
        }
        model::<Awaited>(3, |_| {}, &[waits, changes], |_| {});
        // One sleeper waits for both changes, beside one that waits for the first only.
        model::<Awaited>(
            2,
            |_| {},
            &[waits, |awaited| wait_for(awaited, 1), changes],
            |_| {},
        );
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn without_any_fence_the_change_is_missed() {
        model::<Awaited>(
            4,
            |_| fence::set_kernel(Kernel::LeavesOut),
            &[wait, tell],
            |_| {},
        );
    }
}

mod queue {
    use super::*;

    fn send_one(queue: &Queue) {
        queue.send(1, 0);
    }

    #[test]
    fn a_sleeping_receiver_gets_the_message_whole() {
        fn receive(queue: &Queue) {
            assert_eq!(queue.wait_and_receive(), (1, 0));
        }
        model::<Queue>(3, |_| {}, &[receive, send_one], |_| {});
    }

    #[test]
    fn large_messages_come_in_order_through_reused_slots() {
        fn send(queue: &LargeQueue) {
            for payload in 1..=3 {
                queue.wait_and_send(payload, 0);
            }
        }
        fn receive(queue: &LargeQueue) {
            for payload in 1..=3 {
                assert_eq!(queue.wait_and_receive(), (payload, 0));
            }
        }
        model::<LargeQueue>(
            1,
            |_| {},
            &[receive, send],
            |queue| {
                assert_eq!(queue.receive(), None);
            },
        );
    }

    #[test]
    fn messages_of_one_priority_come_in_order_through_reused_slots() {
        fn send(queue: &Queue) {
            for payload in 1..=3 {
                queue.wait_and_send(payload, 0);
            }
        }
        fn receive(queue: &Queue) {
            for payload in 1..=3 {
                assert_eq!(queue.wait_and_receive(), (payload, 0));
            }
        }
        model::<Queue>(
            1,
            |_| {},
            &[receive, send],
            |queue| {
                assert_eq!(queue.receive(), None);
            },
        );
    }

    #[test]
    fn two_senders_lose_no_message() {
        fn send_other(queue: &Queue) {
            queue.send(2, 0);
        }
        fn receive_two(queue: &Queue) {
            queue.got(queue.wait_and_receive().0);
            queue.got(queue.wait_and_receive().0);
        }
        model::<Queue>(
            2,
            |_| {},
            &[receive_two, send_one, send_other],
            |queue| {
                assert_eq!(queue.all_got(), 1 | 2);
            },
        );
    }

    /// Before the model begins, a message of priority 1 is sorted into the levels.
    fn prepare_level(queue: &Queue) {
        queue.send(1, 1);
        assert_eq!(queue.peek(), Some(1));
    }

    fn send_better(queue: &Queue) {
        queue.send(2, 5);
        // By this flag another thread sees that the call has returned.
        queue.returned.store(1, Release);
    }

    fn receive_best(queue: &Queue) {
        let has_returned = queue.returned.load(Acquire) != 0;
        let received = queue.receive().unwrap();
        assert!(received == (2, 5) || !has_returned && received == (1, 1));
    }

    #[test]
    fn a_receive_after_a_returned_send_gets_that_message_or_a_better_one() {
        model::<Queue>(4, prepare_level, &[receive_best, send_better], |queue| {
            assert!(queue.receive().is_some());
        });
    }

    #[test]
    fn it_does_so_too_if_another_receiver_has_sorted_the_inbox_meanwhile() {
        fn sort_inbox(queue: &Queue) {
            queue.peek();
        }
        model::<Queue>(
            1,
            prepare_level,
            &[receive_best, sort_inbox, send_better],
            |queue| {
                assert!(queue.receive().is_some());
            },
        );
    }
}
