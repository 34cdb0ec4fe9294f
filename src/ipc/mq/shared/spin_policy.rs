//! How a receive looks for a message before it begins to wait.
//!
//! Each look in vain takes the cache line of the next message away from its sender, which then waits
//! for it. Where messages come in a stream, a receiver that is faster than its sender had better pause
//! between its looks: it finds several at a time, and the sender is not held up. Where they come one
//! at a time, as answers do, a pause only makes the answer late. Between two processors
//! without a common cache, by pauses between two looks:
//!
//! | pauses | messages in a stream | one way, to and fro |
//! |---|---|---|
//! | 1 | 5.7 M/s | 520 ns |
//! | 32 | 9.7 M/s | 630 ns |
//! | 64 | 11.5 M/s | 980 ns |
//!
//! Which it is, the last receives tell: whether one that had to look was followed by one that had
//! not. Without pauses a stream looks like single messages, because each is taken when it comes, so
//! now and then a receive pauses to find out.

use core::hint::spin_loop;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

/// Between two looks, in a stream.
const PAUSES: u32 = 32;
/// In all: a few microseconds, longer than an answer takes. What comes later is waited for.
const PAUSES_IN_ALL: u32 = 128;
/// A stream has ended when so many messages have come alone.
const ALONE: u32 = 16;
/// Where messages come alone, so many receives look without pauses for one with them.
const TRIALS: u32 = 64;

/// What one handle's receives have found. (Threads that share one disturb each other's experience, and
/// nothing else.)
#[derive(Default)]
pub(super) struct SpinPolicy {
    /// 1: the last receive had to look.
    has_looked: AtomicU32,
    /// How many messages in a row have come alone.
    alone: AtomicU32,
}

impl SpinPolicy {
    /// SpinPolicy for a while whether there is a message.
    #[inline(always)]
    pub(super) fn look(&self, is_there: impl Fn() -> bool) {
        if !is_there() {
            self.look_on(is_there);
        } else if self.has_looked.load(Relaxed) != 0 {
            self.has_looked.store(0, Relaxed);
            self.alone.store(0, Relaxed);
        }
    }

    #[inline(never)]
    fn look_on(&self, is_there: impl Fn() -> bool) {
        let alone = self.alone.load(Relaxed);
        if self.has_looked.load(Relaxed) != 0 {
            // The one before this came alone.
            let next = if alone < ALONE + TRIALS {
                alone + 1
            } else {
                ALONE
            };
            self.alone.store(next, Relaxed);
        }
        self.has_looked.store(1, Relaxed);
        let pauses = if (ALONE..ALONE + TRIALS).contains(&alone) {
            1
        } else {
            PAUSES
        };
        for _ in 0..PAUSES_IN_ALL / pauses {
            for _ in 0..pauses {
                spin_loop();
            }
            if is_there() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    /// How often a receive looks that finds nothing, after its first look.
    fn looks_in_vain(looks: &SpinPolicy) -> u32 {
        let count = Cell::new(0);
        looks.look(|| {
            count.set(count.get() + 1);
            false
        });
        count.get() - 1
    }

    const WITH_PAUSES: u32 = PAUSES_IN_ALL / PAUSES;
    const WITHOUT: u32 = PAUSES_IN_ALL;

    #[test]
    fn messages_that_come_alone_are_looked_for_without_pauses_but_for_a_trial() {
        let looks = SpinPolicy::default();
        for _ in 0..=ALONE {
            assert_eq!(looks_in_vain(&looks), WITH_PAUSES);
        }
        for _ in 0..3 {
            for _ in 0..TRIALS {
                assert_eq!(looks_in_vain(&looks), WITHOUT);
            }
            assert_eq!(looks_in_vain(&looks), WITH_PAUSES);
        }
    }

    #[test]
    fn a_message_with_another_behind_it_begins_a_stream() {
        let looks = SpinPolicy::default();
        while looks_in_vain(&looks) != WITHOUT {}
        looks.look(|| true);
        assert_eq!(looks_in_vain(&looks), WITH_PAUSES);
        // Those that need no look say nothing of how to look.
        for _ in 0..2 * ALONE {
            looks.look(|| true);
        }
        assert_eq!(looks_in_vain(&looks), WITH_PAUSES);
    }
}
