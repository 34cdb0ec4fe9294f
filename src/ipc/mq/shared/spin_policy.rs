//! How a receive spins for a message before it begins to wait.
//!
//! Each vain check takes the cache line of the next message away from the sender, which then waits
//! for it. So the best spinning depends on how messages come:
//!
//! - In a stream, a receiver that is faster than its sender should pause between two checks. It
//!   then finds several messages at a time, and does not slow the sender.
//! - If messages come singly, as answers do, pauses only delay the answer.
//!
//! Measured between two processors without a common cache:
//!
//! | pauses between two checks | messages in a stream | one way of a ping-pong |
//! |---|---|---|
//! | 1 | 5.7 M/s | 520 ns |
//! | 32 | 9.7 M/s | 630 ns |
//! | 64 | 11.5 M/s | 980 ns |
//!
//! The last receives show which case it is. If a receive that had to spin was followed by one that
//! found its message at once, messages come in a stream. Without pauses, a stream cannot be told
//! from single messages, because the receiver takes each one as it comes. So now and then a receive
//! pauses to find out.

use crate::sync::may_spin_briefly;
use core::hint::spin_loop;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

/// Pauses between two checks, in a stream.
const STREAM_PAUSES: u32 = 32;
/// Pauses of one receive in all: a few microseconds, longer than an answer takes. A receive waits
/// for a message that comes later.
const PAUSES_IN_ALL: u32 = 128;
/// After this many single messages in a row, a stream has ended.
const STREAM_END: u32 = 16;
/// While messages come singly: how many receives go without long pauses for each one that pauses.
const RECEIVES_PER_TRIAL: u32 = 64;

/// The experience of the receives through one handle. Threads that share a handle spoil each
/// other's statistics, and nothing else.
#[derive(Default)]
pub(super) struct SpinPolicy {
    /// 1 if the last receive had to spin.
    had_to_spin: AtomicU32,
    /// How many single messages have come in a row.
    singles: AtomicU32,
}

impl SpinPolicy {
    /// Spins for a while until `has_message`. Makes one check if the sender was last on this thread's
    /// processor, whose number it has left in `sender`.
    #[inline(always)]
    pub(super) fn spin(&self, sender: &AtomicU32, has_message: impl Fn() -> bool) {
        if !has_message() {
            self.spin_on(sender, has_message);
        } else if self.had_to_spin.load(Relaxed) != 0 {
            // The second message was there already: a stream.
            self.had_to_spin.store(0, Relaxed);
            self.singles.store(0, Relaxed);
        }
    }

    /// Spins after the first check was in vain. Not inlined: it would slow the receive that finds
    /// its message at once.
    #[inline(never)]
    fn spin_on(&self, sender: &AtomicU32, has_message: impl Fn() -> bool) {
        if !may_spin_briefly(sender) {
            return;
        }
        let singles = self.singles.load(Relaxed);
        if self.had_to_spin.load(Relaxed) != 0 {
            // The message before this one came singly.
            let next = if singles < STREAM_END + RECEIVES_PER_TRIAL {
                singles + 1
            } else {
                STREAM_END
            };
            self.singles.store(next, Relaxed);
        }
        self.had_to_spin.store(1, Relaxed);
        let come_singly = (STREAM_END..STREAM_END + RECEIVES_PER_TRIAL).contains(&singles);
        let pauses = if come_singly { 1 } else { STREAM_PAUSES };
        for _ in 0..PAUSES_IN_ALL / pauses {
            for _ in 0..pauses {
                spin_loop();
            }
            if has_message() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    static UNKNOWN: AtomicU32 = AtomicU32::new(0);

    /// How many further checks a receive makes that finds no message.
    fn vain_checks(policy: &SpinPolicy) -> u32 {
        let count = Cell::new(0);
        policy.spin(&UNKNOWN, || {
            count.set(count.get() + 1);
            false
        });
        count.get() - 1
    }

    const WITH_PAUSES: u32 = PAUSES_IN_ALL / STREAM_PAUSES;
    const WITHOUT_PAUSES: u32 = PAUSES_IN_ALL;

    #[test]
    fn a_receive_of_single_messages_spins_without_pauses_except_for_a_trial() {
        let policy = SpinPolicy::default();
        for _ in 0..=STREAM_END {
            assert_eq!(vain_checks(&policy), WITH_PAUSES);
        }
        for _ in 0..3 {
            for _ in 0..RECEIVES_PER_TRIAL {
                assert_eq!(vain_checks(&policy), WITHOUT_PAUSES);
            }
            assert_eq!(vain_checks(&policy), WITH_PAUSES);
        }
    }

    #[test]
    fn a_message_right_behind_another_begins_a_stream() {
        let policy = SpinPolicy::default();
        while vain_checks(&policy) != WITHOUT_PAUSES {}
        policy.spin(&UNKNOWN, || true);
        assert_eq!(vain_checks(&policy), WITH_PAUSES);
        // Receives that need not spin change nothing.
        for _ in 0..2 * STREAM_END {
            policy.spin(&UNKNOWN, || true);
        }
        assert_eq!(vain_checks(&policy), WITH_PAUSES);
    }
}
