//! Waiting awake for a moment before sleeping.
//!
//! Waking a sleeper costs the waker a system call and the sleeper tens of microseconds; a peer on
//! another processor answers in a fraction of one. Two that hand something to and fro either both
//! sleep each time or neither does, and to get from the first to the second one of them
//! must stay awake for once as long as a wake-up takes. Where that does not help it is a waste, so a
//! thread does it on credit, which it earns by waits that were worth it.
//!
//! With a single processor the peer can't answer before this thread lets it run: there it is let
//! run, which costs less than sleeping and being woken.

use crate::sys::process;
use crate::time::now;
use core::cell::Cell;
use core::time::Duration;

/// As long as a wake-up takes on a slow or busy machine (measured with two
/// virtual processors: hand-overs take half of what they take with sem_t, with 50 us two thirds).
const LONG: Duration = Duration::from_micros(100);
/// What is spent without credit.
const SHORT: Duration = Duration::from_micros(3);
/// Pauses between two looks, at most: each look takes the word's cache line from its owner.
const PAUSES_MAX: u32 = 32;
/// How many long waits in vain a thread can afford in a row.
const CREDIT_MAX: u32 = 4;
/// After so many short waits in vain it may try a long one again.
const GRACE: u32 = 16;

thread_local! {
    /// How many long waits may be in vain, and how many short ones have been since the last credit.
    static CREDIT: Cell<(u32, u32)> = const { Cell::new((CREDIT_MAX, 0)) };
}

/// Calls `attempt` until it succeeds, at most for about as long as a sleep and a wake-up take.
pub(super) fn spin<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    if process::processors() == 1 {
        process::let_others_run();
        return attempt();
    }
    let (credit, grace) = CREDIT.get();
    let limit = if credit == 0 { SHORT } else { LONG };
    let start = now();
    let mut pauses = 1;
    loop {
        for _ in 0..pauses {
            core::hint::spin_loop();
        }
        if let Some(outcome) = attempt() {
            CREDIT.set(((credit + 1).min(CREDIT_MAX), 0));
            return Some(outcome);
        }
        if pauses < PAUSES_MAX {
            pauses *= 2;
        } else if now().saturating_sub(start) > limit {
            CREDIT.set(match (credit, grace) {
                (0, GRACE..) => (1, 0),
                (0, _) => (0, grace + 1),
                _ => (credit - 1, 0),
            });
            return None;
        }
    }
}
