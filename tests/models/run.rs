//! Runs a model: threads that share data, in every order of their steps.

use crate::sys::fence;
use crate::sys::thread::Thread;
use loom::cell::Cell;
use loom::thread;
use std::sync::Arc;

/// The data that the threads of a model share.
struct Shared<T>(T);

// SAFETY: only the cells in it are not made for several threads. They are loom's cells, and loom reports each
// access that the words around them do not order.
unsafe impl<T> Sync for Shared<T> {}
// SAFETY: as for Sync.
unsafe impl<T> Send for Shared<T> {}

/// Runs `bodies` side by side, the first of them in this thread, and then `last`. Loom tries up to
/// `preemptions` switches of threads in addition to those at which a thread sleeps or ends.
pub(crate) fn model<T: Default + 'static>(
    preemptions: usize,
    prepare: fn(&T),
    bodies: &'static [fn(&T)],
    last: fn(&T),
) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    builder.check(move || {
        let shared = Arc::new(Shared(T::default()));
        prepare(&shared.0);
        let kernel = fence::kernel();
        let others: Vec<_> = (2..)
            .zip(&bodies[1..])
            .map(|(id, body)| {
                let shared = shared.clone();
                thread::spawn(move || {
                    Thread::become_number(id);
                    fence::set_kernel(kernel);
                    fence::come_back();
                    body(&shared.0);
                    fence::go_away();
                })
            })
            .collect();
        fence::come_back();
        bodies[0](&shared.0);
        fence::go_away();
        for other in others {
            other.join().unwrap();
        }
        last(&shared.0);
    });
}

pub(crate) fn add_one(count: &Cell<u32>) {
    count.set(count.get() + 1);
}
