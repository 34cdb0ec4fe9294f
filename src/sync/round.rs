//! The number of a barrier's round, and what it says about the round's end.

use crate::base::error::{Error, Result, fail};

/// The upper half of a barrier's `state`:
///
/// | bits | meaning |
/// |---|---|
/// | 0 | the round is broken: a participant died |
/// | 1 to 23 | the number of rounds |
/// | 24 to 31 | the number of resets: a thread that waited in a broken round knows it even after a reset |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round(u32);

const BROKEN: u32 = 1;
const NUMBER: u32 = 0x00ff_fffe;
/// One in the number of rounds.
const ONE_ROUND: u32 = 2;
const RESETS: u32 = 0xff00_0000;
/// One in the number of resets.
const ONE_RESET: u32 = 0x0100_0000;

impl Round {
    /// The round that a barrier's `state` is in.
    pub(super) fn of(state: u64) -> Round {
        Round((state >> 32) as u32)
    }

    /// The barrier's `state` when this round begins: no arrival has been withdrawn.
    pub(super) fn initial_state(self) -> u64 {
        u64::from(self.0) << 32
    }

    pub(super) fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    /// This round, once it is broken.
    pub(super) fn broken(self) -> Round {
        Round(self.0 | BROKEN)
    }

    /// The round after this one was completed.
    pub(super) fn next(self) -> Round {
        Round((self.0 & RESETS) | (self.0.wrapping_add(ONE_ROUND) & NUMBER))
    }

    /// The first round after a reset.
    pub(super) fn after_reset(self) -> Round {
        Round((self.0 & RESETS).wrapping_add(ONE_RESET))
    }

    /// The number in a participant's slot after the participant has arrived in this round: never 0.
    pub(super) fn arrival(self) -> u32 {
        self.0 | BROKEN
    }

    /// How this round ended, when the barrier has come to round `now`. `Ok(false)`: it was completed.
    pub(super) fn outcome(self, now: Round) -> Result<bool> {
        // `Barrier::reset` waits for the threads in the broken round, except for one that is just
        // arriving. That one sees another number of resets.
        if now == self.broken() || now.0 & RESETS != self.0 & RESETS {
            return Err(participant_died());
        }
        Ok(false)
    }
}

pub(super) fn participant_died() -> Error {
    fail!(
        EOWNERDEAD,
        "a participant died; ipc_barrier_reset makes the barrier usable again"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_differs_from_the_next_a_broken_one_and_one_after_a_reset() {
        let mut round = Round(0);
        for _ in 0..5 {
            assert!(!round.is_broken());
            assert!(matches!(round.outcome(round.next()), Ok(false)));
            assert!(round.outcome(round.broken()).is_err());
            assert!(round.outcome(round.broken().after_reset()).is_err());
            assert!(matches!(round.outcome(round.next().broken()), Ok(false)));
            assert_ne!(round.arrival(), round.next().arrival());
            assert_ne!(round.arrival(), 0);
            round = round.next().broken().after_reset().next();
        }
    }

    #[test]
    fn counters_wrap_within_their_bits() {
        assert_eq!(Round(RESETS | NUMBER).next(), Round(RESETS));
        assert_eq!(Round(RESETS | NUMBER | BROKEN).after_reset(), Round(0));
        assert_eq!(
            Round::of(Round(0x8000_0002).initial_state()),
            Round(0x8000_0002)
        );
    }
}
