//! Models of services: a server and a client that die before each of their steps, and calls that are withdrawn, in every order
//! of steps that the memory orderings allow.
//!
//! The models run the library's own source: src/sync/latch.rs and sleepers.rs, and src/ipc/service/section.rs. It is compiled
//! once more on the words and the kernel of models/sys.rs, with a memory of one slot. So a reply that reached the wrong call
//! would show. If a slot's word orders a request or a reply too little, loom reports a race. Each model with a mortal thread
//! runs once for each operation of that thread. Run them with
//! RUSTFLAGS="--cfg loom" cargo test --release --test models_service
#![cfg(loom)]

#[path = "models/base.rs"]
#[allow(dead_code)]
mod base;
#[path = "models/parts.rs"]
mod parts;
#[path = "models/run.rs"]
#[allow(dead_code)]
mod run;
#[path = "models/small_service.rs"]
mod small_service;
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
        #[path = "../src/object/layout/service.rs"]
        #[allow(dead_code)]
        mod service;
        /// Only its size counts, for offsets that the models do not use.
        mod user_type {
            #[allow(dead_code)]
            pub(crate) struct Type([u64; 268]);
        }
        #[allow(unused_imports)]
        pub(crate) use {queue::*, service::*};
    }
}

use loom::sync::atomic::Ordering::Relaxed;
use run::model;
use small_service::Service;
use sys::death;
use sys::fence::Kernel;
use sys::thread::Thread;

/// The models of deaths have enough steps without the kernel's fences: sleepers have real ones executed.
const KERNEL: Kernel = Kernel::Cannot;

fn call(service: &Service) {
    let call = service.send(5).unwrap();
    assert_eq!(service.wait(&call), Some(6));
    service.answers.fetch_add(1, Relaxed);
}

fn serve_one(service: &Service) {
    while !service.serve() {
        service.wait_for_request();
    }
}

fn got_one(service: &Service) {
    assert_eq!(service.answers.load(Relaxed), 1);
    service.check_at_rest();
}

#[test]
fn a_call_gets_its_reply() {
    model::<Service>(3, Service::prepare, &[call, serve_one], got_one);
}

#[test]
fn a_server_may_die_before_each_step_and_the_next_one_answers() {
    fn serve_mortally(service: &Service) {
        if !death::may_interrupt(|| serve_one(service)) {
            return;
        }
        service.bury();
        // In place of the next server.
        Thread::become_number(3);
        while !service.is_answered.load(Relaxed) {
            service.take_back_if_dead();
            if !service.serve() {
                service.wait_for_request();
            }
        }
    }
    let steps = death::before_each_step(|| {
        model::<Service>(1, Service::prepare, &[call, serve_mortally], got_one);
    });
    assert!(steps > 20, "{steps} steps");
}

#[test]
fn a_client_may_die_before_each_step_and_leaves_nothing() {
    fn call_mortally(service: &Service) {
        if !death::may_interrupt(|| call(service)) {
            return;
        }
        service.bury();
        service.end_client();
        // In place of the next client. Perhaps the server has nothing to do any more.
        Thread::become_number(3);
        let call = service.send_in_time(7);
        service.serve();
        assert_eq!(service.wait(&call), Some(8));
    }
    fn serve_if_any(service: &Service) {
        for _ in 0..3 {
            if service.serve() {
                return;
            }
            service.wait_for_request();
        }
    }
    let steps = death::before_each_step(|| {
        model::<Service>(
            1,
            Service::prepare,
            &[serve_if_any, call_mortally],
            Service::check_at_rest,
        );
    });
    assert!(steps > 20, "{steps} steps");
}

fn call_twice(service: &Service) {
    let first = service.send(5).unwrap();
    if !service.withdraw(&first) {
        assert_eq!(service.wait(&first), Some(6));
        return;
    }
    // The slot is free when the server has replied in vain.
    let second = service.send_in_time(7);
    // Perhaps the other server has come too early.
    service.serve();
    assert_eq!(service.wait(&second), Some(8));
}

#[test]
fn a_late_reply_reaches_no_later_call() {
    fn serve_what_is_there(service: &Service) {
        service.serve();
        service.serve();
    }
    model::<Service>(
        2,
        Service::prepare,
        &[call_twice, serve_what_is_there],
        Service::check_at_rest,
    );
}

/// Shows that the model finds a reply that is given although the client has withdrawn its call.
#[test]
#[should_panic(expected = "deadlock")]
fn a_reply_without_a_comparison_blocks_the_slot() {
    fn serve_carelessly(service: &Service) {
        service.serve_carelessly();
    }
    model::<Service>(2, Service::prepare, &[call_twice, serve_carelessly], |_| {});
}
