//! Spinning for a moment before sleeping.
//!
//! A wake-up costs the waker a system call and the sleeper tens of microseconds. A peer on another
//! processor answers in a fraction of one microsecond. If two threads hand something to and fro,
//! either both sleep each time or neither does. To leave the first state, one of them has to spin
//! once for as long as the other's wake-up takes. After that each is awake when the other answers.
//!
//! So a wait first spins for as long as a sleep and a wake-up would take. This costs at most twice the
//! better of spinning and sleeping, and where answers are quick, spinning is the better one (Karlin,
//! Li, Manasse and Owicki, "Empirical studies of competitive spinning for a shared-memory
//! multiprocessor", SOSP 1991, who also let the last waits decide how the next one begins). Where
//! answers are slow, spinning is a waste. So after a spin without an answer the thread does not spin
//! for [`REST_FACTOR`] times the spin's duration. Spinning therefore wastes at most 1/33 of a
//! processor, whatever the peers do, and if the peers become quick, the thread mostly notices within
//! milliseconds.
//!
//! A peer that waits for this thread's processor can't answer before it gets it. A thread cannot see
//! where its peer runs: a thread that may run on one processor only may have a peer on another. So
//! the thread tries. A spin without an answer ends by yielding the processor. If the yield brought
//! the answer, the next spins begin with a yield, which costs less than a sleep and a wake-up.
//!
//! If another thread on this processor only computes, a yield may return after milliseconds. If this
//! thread ran for long enough before, that time is the other thread's fair share. Otherwise it is the
//! price of yielding: it counts as a spin without an answer, and the next spin does not begin with a
//! yield.

use crate::base::time::now;
use crate::sys::process;
use core::cell::Cell;
use core::time::Duration;

/// How long a spin lasts: as long as a sleep and a wake-up on a slow or busy machine.
const SPIN_LIMIT: Duration = Duration::from_micros(100);
/// After a spin without an answer, the thread does not spin for this many times the spin's duration.
const REST_FACTOR: u32 = 32;
/// The longest duration that counts for the rest. A thread can be stopped during a spin for hours.
const COUNTED_MAX: Duration = Duration::from_millis(10);
/// An absence of at most this many times the time that the thread ran before is the fair share of
/// the other threads, not the price of a yield.
const FAIR_SHARE_FACTOR: u32 = 4;
/// The largest number of pauses between two attempts. Each attempt takes the word's cache line from
/// the processor that writes to it.
const PAUSES_MAX: u32 = 32;

/// The results of this thread's last spins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SpinHistory {
    /// Whether the next spin begins with a yield: a yield brought the last answer that pauses did
    /// not bring.
    begins_with_yield: bool,
    /// The thread does not spin before this time. After a long absence that was another thread's
    /// fair share, it is the time when the thread ran again.
    rests_until: Duration,
}

impl SpinHistory {
    const NONE: SpinHistory = SpinHistory {
        begins_with_yield: false,
        rests_until: Duration::ZERO,
    };

    /// The history after one more spin that yielded.
    fn after_spin(self, answered: bool, start: Duration, end: Duration) -> SpinHistory {
        let took = end.saturating_sub(start).min(COUNTED_MAX);
        let is_expensive = took > 2 * SPIN_LIMIT;
        if answered && !is_expensive {
            return SpinHistory {
                begins_with_yield: true,
                ..self
            };
        }
        let ran_before = start.saturating_sub(self.rests_until);
        if self.begins_with_yield && is_expensive && ran_before * FAIR_SHARE_FACTOR > took {
            return SpinHistory {
                rests_until: end,
                ..self
            };
        }
        // An answer after an expensive yield may have come from this processor or from another one. To
        // find out, the next spin begins with a yield. If that yield is expensive too, the spin after
        // it does not.
        let begins_with_yield = if is_expensive {
            answered && !self.begins_with_yield
        } else {
            self.begins_with_yield
        };
        SpinHistory {
            begins_with_yield,
            rests_until: end + took * REST_FACTOR,
        }
    }
}

thread_local! {
    static HISTORY: Cell<SpinHistory> = const { Cell::new(SpinHistory::NONE) };
}

/// Calls `attempt` until it succeeds, for about [`SPIN_LIMIT`]. While this thread rests from spinning,
/// it does not call `attempt`.
pub(super) fn spin<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let mut outcome = None;
    spin_for(SPIN_LIMIT, &mut || {
        outcome = attempt();
        outcome.is_some()
    });
    outcome
}

/// Calls `attempt` until it returns true, for about `limit`, and returns whether it did. While this
/// thread rests from spinning, it does not call `attempt` and returns false.
pub(crate) fn spin_for(limit: Duration, attempt: &mut dyn FnMut() -> bool) -> bool {
    // The models try every order of steps, so one attempt shows them as much as many do.
    if cfg!(loom) {
        return attempt();
    }
    let history = HISTORY.get();
    let start = now();
    if start < history.rests_until {
        return false;
    }
    let until = start + limit;
    // An answer to pauses changes nothing: either the thread began with pauses before, or it knows
    // nothing yet.
    if !history.begins_with_yield && pause_until(until, attempt) {
        return true;
    }
    let (answered, end) = loop {
        process::let_others_run();
        let answered = attempt();
        let end = now();
        if answered || end > until {
            break (answered, end);
        }
    };
    HISTORY.set(history.after_spin(answered, start, end));
    answered
}

/// Spins without yielding. The number of pauses before an attempt doubles up to [`PAUSES_MAX`].
fn pause_until(end: Duration, attempt: &mut dyn FnMut() -> bool) -> bool {
    let mut pauses = 1;
    loop {
        for _ in 0..pauses {
            core::hint::spin_loop();
        }
        if attempt() {
            return true;
        }
        if pauses < PAUSES_MAX {
            pauses *= 2;
        } else if now() > end {
            return false;
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1000);

    #[test]
    fn the_rest_after_a_spin_without_an_answer_is_proportional_to_it() {
        for took in [SPIN_LIMIT, 2 * SPIN_LIMIT, 50 * SPIN_LIMIT] {
            let end = START + took;
            let after = SpinHistory::NONE.after_spin(false, START, end);
            assert_eq!(after.rests_until, end + took * REST_FACTOR);
        }
    }

    #[test]
    fn a_thread_stopped_in_a_spin_for_hours_rests_for_less_than_a_second() {
        let end = START + Duration::from_secs(10_000);
        let after = SpinHistory::NONE.after_spin(false, START, end);
        assert!(after.rests_until < end + Duration::from_secs(1));
    }

    #[test]
    fn spins_begin_with_a_yield_while_yields_bring_answers_soon() {
        let yielding = SpinHistory::NONE.after_spin(true, START, START + SPIN_LIMIT);
        assert!(yielding.begins_with_yield);
        assert_eq!(yielding.rests_until, Duration::ZERO);
        let unanswered = yielding.after_spin(false, START, START + SPIN_LIMIT);
        assert!(unanswered.begins_with_yield);
        let absence = 40 * SPIN_LIMIT;
        let shared = yielding.after_spin(true, START, START + absence);
        assert!(shared.begins_with_yield);
        assert_eq!(shared.rests_until, START + absence);
        let expensive = shared.after_spin(
            true,
            shared.rests_until + SPIN_LIMIT,
            shared.rests_until + absence,
        );
        assert!(!expensive.begins_with_yield);
        assert!(expensive.rests_until > START + 3 * absence);
        let tried_again =
            expensive.after_spin(true, expensive.rests_until, expensive.rests_until + absence);
        assert!(tried_again.begins_with_yield);
        assert!(tried_again.rests_until > expensive.rests_until + 3 * absence);
    }

    #[test]
    fn an_answer_ends_the_spin_and_causes_no_rest() {
        // A new thread has no history.
        std::thread::spawn(|| {
            for _ in 0..3 {
                assert_eq!(spin(|| Some(7)), Some(7));
            }
            assert_eq!(HISTORY.get().rests_until, Duration::ZERO);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_spin_without_an_answer_ends() {
        std::thread::spawn(|| {
            assert_eq!(spin(|| None::<()>), None);
            assert_ne!(HISTORY.get().rests_until, Duration::ZERO);
        })
        .join()
        .unwrap();
    }
}
