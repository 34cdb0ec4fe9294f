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
//! A peer that waits for this thread's processor can't answer before it gets it. So each thread leaves
//! the number of its processor beside the word that it changes ([`processor`](crate::sys::processor)).
//! A thread whose peer was last on its own processor does not spin. It sleeps, and its next answer comes
//! with the next change of threads.
//!
//! A thread that must not keep a processor busy in vain spins only if its peer was last on another one: a
//! thread with a real-time policy, whose peer might never run, and one that may run on one processor only.
//! A thread in SCHED_DEADLINE never spins, because all time that it uses counts.
//!
//! As long as no peer has left a number, the thread tries. A spin without an answer ends by yielding the
//! processor. If the yield brought the answer, the next spins begin with a yield.
//!
//! If another thread on this processor only computes, a yield may return after milliseconds. If this
//! thread ran for long enough before, that time is the other thread's fair share. Otherwise it is the
//! price of yielding: it counts as a spin without an answer, and the next spin does not begin with a
//! yield.

use crate::base::time::now;
use crate::sys::atomic::AtomicU32;
use crate::sys::scheduling::{Scheduling, let_others_run};
use crate::sys::thread::Thread;
use core::cell::Cell;
use core::sync::atomic::Ordering::Relaxed;
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

/// For how long the answer of [`Scheduling::now`] serves.
const SCHEDULING_SERVES: Duration = Duration::from_millis(100);

thread_local! {
    static HISTORY: Cell<SpinHistory> = const { Cell::new(SpinHistory::NONE) };
    /// How this thread is scheduled, as far as it knows, and until when that serves.
    static SCHEDULING: Cell<(Scheduling, Duration)> =
        const { Cell::new((Scheduling::Shared, Duration::ZERO)) };
}

/// The scheduling of the calling thread, at most [`SCHEDULING_SERVES`] ago.
fn scheduling(time: Duration) -> Scheduling {
    let (known, until) = SCHEDULING.get();
    if time < until {
        return known;
    }
    let found = Scheduling::now();
    SCHEDULING.set((found, time + SCHEDULING_SERVES));
    found
}

/// Whether a thread on the processor `own` may spin for a peer that was last on the processor `peer`. 0 is an
/// unknown one.
#[inline(always)]
fn may_spin(scheduling: Scheduling, own: u32, peer: u32) -> bool {
    let is_known = own != 0 && peer != 0;
    match scheduling {
        Scheduling::Shared => !is_known || own != peer,
        Scheduling::Exclusive => is_known && own != peer,
        Scheduling::Budgeted => false,
    }
}

/// Whether the calling thread may spin for a moment, without reading the clock, for a peer that has left its
/// processor's number in `peer`.
#[inline(always)]
pub(crate) fn may_spin_briefly(peer: &AtomicU32) -> bool {
    let own = Thread::known().map_or(0, |thread| thread.processor().read());
    may_spin(SCHEDULING.get().0, own, peer.load(Relaxed))
}

/// Calls `attempt` until it succeeds, for about [`SPIN_LIMIT`]. Otherwise as [`spin_for`].
pub(super) fn spin<T>(peer: &AtomicU32, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let mut outcome = None;
    spin_for(SPIN_LIMIT, peer, &mut || {
        outcome = attempt();
        outcome.is_some()
    });
    outcome
}

/// Calls `attempt` until it returns true, for about `limit`, and returns whether it did. While this
/// thread rests from spinning, or if the peer that has left its processor's number in `peer` was on this
/// thread's processor, it does not call `attempt` and returns false.
pub(crate) fn spin_for(
    limit: Duration,
    peer: &AtomicU32,
    attempt: &mut dyn FnMut() -> bool,
) -> bool {
    // The models try every order of steps, so one attempt shows them as much as many do.
    if cfg!(loom) {
        return attempt();
    }
    let own = || Thread::known().map_or(0, |thread| thread.processor().read());
    if let Some(thread) = Thread::known() {
        thread.processor().refresh();
    }
    if !may_spin(Scheduling::Shared, own(), peer.load(Relaxed)) {
        return false;
    }
    let start = now();
    let scheduling = scheduling(start);
    let may_spin = || may_spin(scheduling, own(), peer.load(Relaxed));
    let history = HISTORY.get();
    if !may_spin() || start < history.rests_until {
        return false;
    }
    let is_known = peer.load(Relaxed) != 0 && own() != 0;
    let until = start + limit;
    // An answer to pauses changes nothing: either the thread began with pauses before, or it knows
    // nothing yet.
    if (is_known || !history.begins_with_yield) && pause_until(until, &may_spin, attempt) {
        return true;
    }
    let (answered, end) = loop {
        if is_known {
            break (false, now());
        }
        let_others_run();
        let answered = attempt();
        let end = now();
        if answered || end > until {
            break (answered, end);
        }
    };
    HISTORY.set(history.after_spin(answered, start, end));
    answered
}

/// Spins without yielding, while `may_spin`. The number of pauses before an attempt doubles up to [`PAUSES_MAX`].
fn pause_until(
    end: Duration,
    may_spin: &dyn Fn() -> bool,
    attempt: &mut dyn FnMut() -> bool,
) -> bool {
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
        } else if now() > end || !may_spin() {
            return false;
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1000);
    static UNKNOWN: AtomicU32 = AtomicU32::new(0);

    #[test]
    fn a_thread_spins_only_while_its_peer_can_run_on_another_processor() {
        use Scheduling::{Budgeted, Exclusive, Shared};
        for (own, peer) in [(1, 2), (2, 1)] {
            assert!(may_spin(Shared, own, peer));
            assert!(may_spin(Exclusive, own, peer));
            assert!(!may_spin(Budgeted, own, peer));
        }
        for scheduling in [Shared, Exclusive, Budgeted] {
            assert!(!may_spin(scheduling, 2, 2));
            for (own, peer) in [(0, 0), (0, 1), (1, 0)] {
                assert_eq!(may_spin(scheduling, own, peer), scheduling == Shared);
            }
        }
    }

    #[test]
    fn a_thread_whose_peer_was_on_its_own_processor_makes_no_attempt() {
        std::thread::spawn(|| {
            let thread = Thread::current().ok().unwrap();
            let mut attempts = 0;
            // The thread may be moved at any time.
            for _ in 0..1000 {
                thread.processor().refresh();
                let own = thread.processor().read();
                let peer = AtomicU32::new(own);
                attempts = 0;
                spin(&peer, || {
                    attempts += 1;
                    None::<()>
                });
                if attempts == 0 {
                    break;
                }
            }
            assert_eq!(attempts, 0);
            assert_eq!(HISTORY.get(), SpinHistory::NONE);
        })
        .join()
        .unwrap();
    }

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
                assert_eq!(spin(&UNKNOWN, || Some(7)), Some(7));
            }
            assert_eq!(HISTORY.get().rests_until, Duration::ZERO);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_spin_without_an_answer_ends() {
        std::thread::spawn(|| {
            assert_eq!(spin(&UNKNOWN, || None::<()>), None);
            assert_ne!(HISTORY.get().rests_until, Duration::ZERO);
        })
        .join()
        .unwrap();
    }
}
