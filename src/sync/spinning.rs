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
//! shared-memory multiprocessor", SOSP 1991, who also let the last waits decide how the next one
//! begins). Where answers are slow it is a waste, so after a look in vain the thread rests from
//! looking for [`REST`] times as long as that took. So it wastes a thirty-third of a processor at
//! most, whatever its peers do, and mostly finds out within milliseconds that they have become quick.
//!
//! A peer that waits for this same processor can't answer before it gets it. Where either runs
//! cannot be seen from here (who may run on one processor only may have a peer on another), so it
//! is tried: a look in vain ends by yielding the processor, and if that brought the answer, the next
//! looks yield from the beginning, which costs less than sleeping and being woken. Beside a thread
//! that only computes, a yield may come back after milliseconds. If this thread was awake for long
//! enough before, that is the other's fair share; if not, it is the price of yielding, which counts as
//! a look in vain, and the next look does not begin with a yield again.

use crate::base::time::now;
use crate::sys::process;
use core::cell::Cell;
use core::time::Duration;

/// As long as a wake-up takes on a slow or busy machine.
const LONG: Duration = Duration::from_micros(100);
/// The rest after a look in vain, by what the look took.
const REST: u32 = 32;
/// What a look takes for the rest after it, at most: a thread can be stopped in one for hours.
const LOOK_MAX: Duration = Duration::from_millis(10);
/// Who has had the processor for a while is away for so many times as long, when others take their
/// fair share: that is no price of yielding.
const SHARERS: u32 = 4;
/// Pauses between two looks at the word, at most: each takes its cache line from its owner.
const PAUSES_MAX: u32 = 32;

/// What this thread's last looks have taught it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Experience {
    /// Whether the last answer that pausing did not bring came from yielding.
    yields: bool,
    /// When it goes on looking; or when it last came back from a long absence.
    rests_until: Duration,
}

impl Experience {
    const NONE: Experience = Experience {
        yields: false,
        rests_until: Duration::ZERO,
    };

    /// With a look added that came to yielding.
    fn and(self, answered: bool, start: Duration, end: Duration) -> Experience {
        let took = end.saturating_sub(start).min(LOOK_MAX);
        let is_dear = took > 2 * LONG;
        if answered && !is_dear {
            return Experience {
                yields: true,
                ..self
            };
        }
        if self.yields && is_dear && start.saturating_sub(self.rests_until) * SHARERS > took {
            return Experience {
                rests_until: end,
                ..self
            };
        }
        // An answer after a dear yield may have come from this processor or from another: the next
        // look finds out by beginning with a yield, and the one after that does not, if that was dear.
        let yields = if is_dear {
            answered && !self.yields
        } else {
            self.yields
        };
        Experience {
            yields,
            rests_until: end + took * REST,
        }
    }
}

thread_local! {
    static EXPERIENCE: Cell<Experience> = const { Cell::new(Experience::NONE) };
}

/// Calls `attempt` until it succeeds, at most for about as long as a sleep and a wake-up take; not at
/// all while this thread rests.
pub(super) fn spin<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let mut outcome = None;
    spin_for(LONG, &mut || {
        outcome = attempt();
        outcome.is_some()
    });
    outcome
}

/// The same, at most for `limit`; whether it succeeded.
pub(crate) fn spin_for(limit: Duration, attempt: &mut dyn FnMut() -> bool) -> bool {
    // The models try every order of steps: to them one look is as good as many.
    if cfg!(loom) {
        return attempt();
    }
    let experience = EXPERIENCE.get();
    let start = now();
    if start < experience.rests_until {
        return false;
    }
    let until = start + limit;
    // An answer to pausing is no news: either that was the habit, or nothing is known yet.
    if !experience.yields && pause_until(until, attempt) {
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
    EXPERIENCE.set(experience.and(answered, start, end));
    answered
}

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
    fn a_look_in_vain_is_followed_by_a_rest_in_proportion() {
        for looked in [LONG, 2 * LONG, 50 * LONG] {
            let end = START + looked;
            let after = Experience::NONE.and(false, START, end);
            assert_eq!(after.rests_until, end + looked * REST);
        }
    }

    #[test]
    fn a_thread_stopped_in_a_look_for_hours_rests_for_less_than_a_second() {
        let end = START + Duration::from_secs(10_000);
        let after = Experience::NONE.and(false, START, end);
        assert!(after.rests_until < end + Duration::from_secs(1));
    }

    #[test]
    fn yielding_is_begun_with_while_it_brings_answers_soon() {
        let habit = Experience::NONE.and(true, START, START + LONG);
        assert!(habit.yields);
        assert_eq!(habit.rests_until, Duration::ZERO);
        assert!(habit.and(false, START, START + LONG).yields);
        let absent = 40 * LONG;
        let shared = habit.and(true, START, START + absent);
        assert!(shared.yields);
        assert_eq!(shared.rests_until, START + absent);
        let dear = shared.and(true, shared.rests_until + LONG, shared.rests_until + absent);
        assert!(!dear.yields);
        let tried_anew = dear.and(true, dear.rests_until, dear.rests_until + absent);
        assert!(tried_anew.yields);
        assert!(tried_anew.rests_until > dear.rests_until + 3 * absent);
        assert!(dear.rests_until > START + 3 * absent);
    }

    #[test]
    fn an_answer_ends_the_look_and_brings_no_rest() {
        // A thread of its own has no experience.
        std::thread::spawn(|| {
            for _ in 0..3 {
                assert_eq!(spin(|| Some(7)), Some(7));
            }
            assert_eq!(EXPERIENCE.get().rests_until, Duration::ZERO);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_look_in_vain_ends() {
        std::thread::spawn(|| {
            assert_eq!(spin(|| None::<()>), None);
            assert_ne!(EXPERIENCE.get().rests_until, Duration::ZERO);
        })
        .join()
        .unwrap();
    }
}
