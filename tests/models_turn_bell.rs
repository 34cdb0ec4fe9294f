//! Models of the bell of a topic's subscribers: a publisher that dies before each of its steps, and subscribers that wait for
//! its sample, in every order of steps that the memory orderings allow. A lost wake-up is a deadlock here.
//!
//! The models run the library's own source: src/sync/latch.rs, sleepers.rs and turn_bell.rs. Each model with a mortal thread
//! runs once for each operation of that thread. Run them with
//! RUSTFLAGS="--cfg loom" cargo test --release --test models_turn_bell
#![cfg(loom)]

#[path = "models/base.rs"]
#[allow(dead_code)]
mod base;
#[path = "models/run.rs"]
#[allow(dead_code)]
mod run;
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
        #[path = "../src/object/layout/topic.rs"]
        #[allow(dead_code)]
        mod topic;
        #[allow(unused_imports)]
        pub(crate) use {queue::*, topic::*};
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
    #[path = "../src/sync/turn_bell.rs"]
    pub(crate) mod turn_bell;

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

    /// A sleep without limit ends by a wake-up only, and one with a limit ends at once.
    fn sleep_on(
        word: &AtomicU32,
        expected: u32,
        deadline: Deadline,
        _: Option<&NextExamination>,
    ) -> Result<Awoken> {
        if deadline == Deadline::Never {
            return sleep(word, expected, deadline);
        }
        loom::thread::yield_now();
        Ok(Awoken::TimedOut)
    }

    fn recheck_before(deadline: Deadline, awoken: Awoken) -> Awoken {
        match awoken {
            Awoken::TimedOut if !deadline.has_passed() => Awoken::Recheck,
            awoken => awoken,
        }
    }
}

use base::time::Deadline::Never;
use object::layout::{Latch, TurnBell};
use run::model;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use sync::turn_bell::Ring;
use sys::atomic::AtomicU32;
use sys::fence::Kernel;
use sys::thread::Thread;
use sys::{death, fence};

/// The models of deaths have enough steps without the kernel's fences.
const KERNEL: Kernel = Kernel::Cannot;

#[derive(Default)]
struct Topic {
    latch: Latch,
    bell: TurnBell,
    needs_fence: AtomicU32,
    newest: AtomicU32,
}

fn prepare(topic: &Topic) {
    topic.needs_fence.store(1, Relaxed);
}

/// As a topic's publishers do.
fn publish(topic: &Topic) {
    let mut latched = topic.latch.take(&topic.needs_fence, 0, Never).unwrap();
    if latched.is_orphaned() {
        latched.make_sound();
        drop(Ring::begin(&topic.bell, &mut latched));
    }
    let number = topic.newest.load(Relaxed) + 1;
    fence::light(true);
    if topic.bell.are_asleep() {
        let ring = Ring::begin(&topic.bell, &mut latched);
        topic.newest.store(number, Release);
        drop(ring);
        return;
    }
    topic.newest.store(number, Release);
    fence::light(true);
    if topic.bell.are_asleep() {
        drop(Ring::begin(&topic.bell, &mut latched));
    }
}

fn publish_twice(topic: &Topic) {
    publish(topic);
    publish(topic);
}

/// If the publisher dies before its sample is published, another one publishes a sample. Otherwise nobody does anything.
fn publish_mortally(topic: &Topic) {
    if death::may_interrupt(|| publish(topic)) {
        // The kernel walks the list, in which a kept latch stands, before it looks at the announced word.
        Thread::die_holding(&topic.latch.word);
        Thread::die_holding(&topic.bell.word);
        if topic.newest.load(Acquire) == 0 {
            publish(topic);
        }
    }
}

fn wait_for(topic: &Topic, number: u32) {
    let is_there = || topic.newest.load(Acquire) >= number;
    while !is_there() {
        topic
            .bell
            .sleep_unless(&topic.needs_fence, &topic.latch, Never, &is_there)
            .unwrap();
    }
}

fn wait(topic: &Topic) {
    wait_for(topic, 1);
}

fn wait_twice(topic: &Topic) {
    wait_for(topic, 1);
    wait_for(topic, 2);
}

#[test]
fn each_sample_wakes_a_subscriber() {
    model::<Topic>(3, prepare, &[wait_twice, publish_twice], |_| {});
}

#[test]
fn two_samples_wake_two_subscribers() {
    model::<Topic>(2, prepare, &[wait, publish_twice, wait_twice], |_| {});
}

#[test]
fn a_publisher_may_die_before_each_step() {
    let steps = death::before_each_step(|| {
        model::<Topic>(2, prepare, &[wait, publish_mortally], |_| {});
    });
    assert!(steps > 10, "{steps} steps");
}

/// With more switches of threads this model takes hours.
#[test]
fn a_publisher_may_die_before_each_step_while_two_wait() {
    let steps = death::before_each_step(|| {
        model::<Topic>(1, prepare, &[wait, publish_mortally, wait], |_| {});
    });
    assert!(steps > 10, "{steps} steps");
}

/// Shows that the model finds a lost wake-up: the ring begins after the change.
#[test]
#[should_panic(expected = "deadlock")]
fn a_ring_after_the_change_is_lost_with_the_publisher() {
    fn publish_too_early(topic: &Topic) {
        let is_dead = death::may_interrupt(|| {
            let mut latched = topic.latch.take(&topic.needs_fence, 0, Never).unwrap();
            topic.newest.store(1, Release);
            drop(Ring::begin(&topic.bell, &mut latched));
        });
        if is_dead {
            Thread::die_holding(&topic.latch.word);
            Thread::die_holding(&topic.bell.word);
            if topic.newest.load(Acquire) == 0 {
                publish(topic);
            }
        }
    }
    death::before_each_step(|| {
        model::<Topic>(2, prepare, &[wait, publish_too_early], |_| {});
    });
}
