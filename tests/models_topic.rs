//! Models of topics: a publisher that dies before each of its steps, the publisher after it, and a subscriber, in every order
//! of steps that the memory orderings allow.
//!
//! The models run the library's own source: src/sync/latch.rs, and publish_section.rs, repair.rs and ring.rs of
//! src/ipc/topic. They are compiled once more on the words and the kernel of models/sys.rs, with a memory of three slots.
//! Each model with a mortal thread runs once for each operation of that thread. Run them with
//! RUSTFLAGS="--cfg loom" cargo test --release --test models_topic
#![cfg(loom)]

#[path = "models/base.rs"]
#[allow(dead_code)]
mod base;
#[path = "models/parts.rs"]
mod parts;
#[path = "models/run.rs"]
#[allow(dead_code)]
mod run;
#[path = "models/small_topic.rs"]
mod small_topic;
#[path = "models/sys.rs"]
#[allow(dead_code, unused_imports)]
mod sys;

use parts::sync;
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

use run::model;
use small_topic::Topic;
use sys::death;
use sys::fence::Kernel;

/// The models of deaths have enough steps without the kernel's fences.
const KERNEL: Kernel = Kernel::Cannot;

fn prepare(topic: &Topic) {
    topic.prepare();
    topic.send(1);
}

fn send_two(topic: &Topic) {
    topic.send(2);
    topic.send(3);
}

#[test]
fn a_borrowed_sample_stays_whole() {
    fn borrow_twice(topic: &Topic) {
        topic.borrow();
        topic.borrow();
    }
    fn send_three(topic: &Topic) {
        send_two(topic);
        topic.send(4);
    }
    model::<Topic>(3, prepare, &[borrow_twice, send_three], |topic| {
        topic.check_sound(4)
    });
}

#[test]
fn a_copy_that_counts_is_whole() {
    fn send_three(topic: &Topic) {
        send_two(topic);
        topic.send(4);
    }
    model::<Topic>(3, prepare, &[Topic::receive, send_three], |topic| {
        topic.check_sound(4)
    });
}

#[test]
fn a_publisher_may_die_before_each_step_of_a_send() {
    fn send_mortally(topic: &Topic) {
        if death::may_interrupt(|| send_two(topic)) {
            topic.bury_publisher();
        }
    }
    let steps = death::before_each_step(|| {
        model::<Topic>(2, prepare, &[Topic::borrow, send_mortally], |topic| {
            topic.check_sound(3)
        });
    });
    assert!(steps > 30, "{steps} steps");
}

#[test]
fn a_publisher_may_die_before_each_step_of_a_commit() {
    fn commit_mortally(topic: &Topic) {
        if death::may_interrupt(|| topic.reserve_and_commit(2)) {
            topic.bury_publisher();
            topic.free_reserved();
        }
    }
    let steps = death::before_each_step(|| {
        model::<Topic>(2, prepare, &[Topic::receive, commit_mortally], |topic| {
            topic.check_sound(2)
        });
    });
    assert!(steps > 30, "{steps} steps");
}

#[test]
fn a_publisher_may_die_before_each_step_of_a_repair() {
    fn repair_mortally(topic: &Topic) {
        if death::may_interrupt(|| topic.send(3)) {
            topic.bury_publisher();
        }
    }
    fn prepare_repair(topic: &Topic) {
        prepare(topic);
        topic.die_before_ring(2);
    }
    let steps = death::before_each_step(|| {
        model::<Topic>(
            2,
            prepare_repair,
            &[Topic::borrow, repair_mortally],
            |topic| topic.check_sound(3),
        );
    });
    assert!(steps > 40, "{steps} steps");
}

#[test]
fn a_subscriber_may_die_before_each_step_of_a_borrow() {
    fn borrow_mortally(topic: &Topic) {
        death::may_interrupt(|| topic.borrow());
    }
    fn send_three(topic: &Topic) {
        send_two(topic);
        topic.send(4);
    }
    let steps = death::before_each_step(|| {
        model::<Topic>(2, prepare, &[borrow_mortally, send_three], |topic| {
            topic.check_sound(4)
        });
    });
    assert!(steps > 5, "{steps} steps");
}

/// Shows that the model finds a sample that is overwritten while it is read.
#[test]
#[should_panic(expected = "the sample was overwritten")]
fn without_an_announcement_the_sample_is_overwritten() {
    fn send_three(topic: &Topic) {
        send_two(topic);
        topic.send(4);
    }
    model::<Topic>(3, prepare, &[Topic::read_unannounced, send_three], |_| {});
}
