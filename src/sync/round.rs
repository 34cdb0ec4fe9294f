//! A barrier's round: its number, how it ended, and how that is told later.

use crate::base::error::{Error, Result, fail};

/// The upper half of `state`: bit 0 says broken, bits 1 to 23 count the rounds, bits 24 to 31 the
/// resets, so that who waited in a broken round knows it even after a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round(u32);

const BROKEN: u32 = 1;
const NUMBER: u32 = 0x00ff_fffe;
const RESETS: u32 = 0xff00_0000;

impl Round {
    pub(super) fn of(state: u64) -> Round {
        Round((state >> 32) as u32)
    }

    /// The state in which it begins.
    pub(super) fn begun(self) -> u64 {
        u64::from(self.0) << 32
    }

    pub(super) fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    pub(super) fn broken(self) -> Round {
        Round(self.0 | BROKEN)
    }

    pub(super) fn next(self) -> Round {
        Round((self.0 & RESETS) | (self.0.wrapping_add(2) & NUMBER))
    }

    pub(super) fn reset(self) -> Round {
        Round((self.0 & RESETS).wrapping_add(RESETS & RESETS.wrapping_neg()))
    }

    /// What a participant's slot holds once it has arrived: never 0.
    pub(super) fn arrival(self) -> u32 {
        self.0 | BROKEN
    }

    /// How this round ended, seen from a later one.
    pub(super) fn outcome(self, now: Round) -> Result<bool> {
        // `Barrier::reset` waits for who was in the broken round, except for one just arriving.
        if now == self.broken() || now.0 & RESETS != self.0 & RESETS {
            return Err(died());
        }
        Ok(false)
    }
}

pub(super) fn died() -> Error {
    fail!(
        EOWNERDEAD,
        "a participant died; the barrier is of use again after ipc_barrier_reset"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_told_from_the_next_a_broken_one_and_one_after_a_reset() {
        let mut round = Round(0);
        for _ in 0..5 {
            assert!(!round.is_broken());
            assert!(matches!(round.outcome(round.next()), Ok(false)));
            assert!(round.outcome(round.broken()).is_err());
            assert!(round.outcome(round.broken().reset()).is_err());
            assert!(matches!(round.outcome(round.next().broken()), Ok(false)));
            assert_ne!(round.arrival(), round.next().arrival());
            assert_ne!(round.arrival(), 0);
            round = round.next().broken().reset().next();
        }
    }

    #[test]
    fn counters_wrap_within_their_bits() {
        assert_eq!(Round(RESETS | NUMBER).next(), Round(RESETS));
        assert_eq!(Round(RESETS | NUMBER | BROKEN).reset(), Round(0));
        assert_eq!(Round::of(Round(0x8000_0002).begun()), Round(0x8000_0002));
    }
}
