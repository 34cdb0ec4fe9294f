//! Waiting awake for a moment before sleeping.
//!
//! Waking a sleeper costs the waker a system call and the sleeper tens of microseconds; a peer on
//! another processor answers in a fraction of one. Two that hand something to and fro either both
//! sleep each time or neither does. To get from the first to the second, one of them must look
//! once for as long as the other's wake-up takes; after that each is awake when the other answers.
//!
//! So a wait begins with a long look, as long as a sleep and a wake-up cost: that costs at most
//! twice what the better of looking and sleeping would have cost, and where answers are quick it is
//! the better one (Karlin, Li, Manasse and Owicki, "Empirical studies of competitive spinning for a
//! shared-memory multiprocessor", SOSP 1991, which also found that a thread's last waits tell
//! best what the next will be like). Where answers are slow it is a waste, so after a look in vain
//! the thread rests from looking for [`REST`] times as long as that took. It wastes a
//! thirty-third of its time at most, whatever its peers do, and finds out within milliseconds that
//! they have become quick.
//!
//! A peer that waits for this same processor can't answer before it gets it. Where either runs
//! cannot be seen from here (who may run on one processor only may have a peer on another), so it
//! is tried: a look in vain ends by yielding the processor, and if that brought the answer, the next
//! looks yield from the beginning, which costs less than sleeping and being woken. Beside
//! a thread that only computes, a yield comes back after milliseconds; that too is a look in vain, and
//! a yield that dear is not begun with again.

use crate::sys::process;
use crate::time::now;
use core::cell::Cell;
use core::time::Duration;

/// As long as a wake-up takes on a slow or busy machine.
const LONG: Duration = Duration::from_micros(100);
/// The rest after a look in vain, by what the look took.
const REST: u32 = 32;
/// What a look takes for the rest after it, at most: a thread can be stopped in one for hours.
const LOOK_MAX: Duration = Duration::from_millis(10);
/// Pauses between two looks at the word, at most: each takes its cache line from its owner.
const PAUSES_MAX: u32 = 32;

/// What this thread's last looks have taught it.
#[derive(Clone, Copy)]
struct Experience {
    /// Whether yielding brought the last answer that pausing did not.
    yields: bool,
    rests_until: Duration,
}

thread_local! {
    static EXPERIENCE: Cell<Experience> = const {
        Cell::new(Experience { yields: false, rests_until: Duration::ZERO })
    };
}

/// Calls `attempt` until it succeeds, at most for about as long as a sleep and a wake-up take; not at
/// all while this thread rests.
pub(super) fn spin<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let Experience {
        yields,
        rests_until,
    } = EXPERIENCE.get();
    let start = now();
    if start < rests_until {
        return None;
    }
    let end = start + LONG;
    if !yields {
        if let Some(outcome) = pause_until(end, &mut attempt) {
            return Some(outcome);
        }
    }
    let mut last;
    let outcome = loop {
        process::let_others_run();
        let outcome = attempt();
        last = now();
        if outcome.is_some() || last > end {
            break outcome;
        }
    };
    let took = last.saturating_sub(start).min(LOOK_MAX);
    let is_dear = took > 2 * LONG;
    if outcome.is_none() || is_dear {
        EXPERIENCE.set(Experience {
            yields: yields && !is_dear,
            rests_until: last + took * REST,
        });
    } else if !yields {
        EXPERIENCE.set(Experience {
            yields: true,
            rests_until,
        });
    }
    outcome
}

fn pause_until<T>(end: Duration, attempt: &mut impl FnMut() -> Option<T>) -> Option<T> {
    let mut pauses = 1;
    loop {
        for _ in 0..pauses {
            core::hint::spin_loop();
        }
        if let Some(outcome) = attempt() {
            return Some(outcome);
        }
        if pauses < PAUSES_MAX {
            pauses *= 2;
        } else if now() > end {
            return None;
        }
    }
}
