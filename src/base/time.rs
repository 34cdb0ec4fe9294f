//! Deadlines. C callers give relative nanoseconds, or an absolute time that `ipc_deadline` has encoded;
//! inside, a deadline is an absolute time on the monotonic clock.
//!
//! A relative timeout becomes a deadline once, when the call begins. So a wait that is interrupted and
//! resumed still ends when the caller asked. The monotonic clock does not step when somebody sets the
//! time of day.
//!
//! This file alone knows what the values of `timeout_ns` mean (tests/source_rules/timeouts.rs):
//!
//! | value | meaning |
//! |---|---|
//! | 0 and more | relative, in nanoseconds |
//! | -1 | no limit |
//! | -2 down to -2^62 | refused: programs compute such numbers by mistake, as a deadline minus the time of day |
//! | -2^63 + n, for n from 1 to 2^62 - 1 | an absolute time: n nanoseconds on the monotonic clock |
//! | -2^63 | refused |

use crate::base::error::{Result, fail};
use core::time::Duration;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

/// The `timeout_ns` that waits without limit.
pub(crate) const FOREVER: i64 = -1;

/// The encoded absolute times are below this.
const ABSOLUTE_END: i64 = -(1 << 62);
/// The largest absolute time that can be encoded, in nanoseconds: 146 years after the machine started.
const ABSOLUTE_MAX: i64 = (1 << 62) - 1;

/// Whether [`Deadline::after`] accepts a `timeout_ns`.
#[inline(always)]
pub(crate) fn is_timeout(timeout_ns: i64) -> bool {
    timeout_ns >= FOREVER || (timeout_ns < ABSOLUTE_END && timeout_ns != i64::MIN)
}

/// The absolute time, encoded as a `timeout_ns`, at which a relative timeout that begins now ends. Every
/// other value, among them an absolute time, stays as it is: it means the same at any time.
pub(crate) fn absolute(timeout_ns: i64) -> i64 {
    if timeout_ns <= 0 {
        return timeout_ns;
    }
    let started = i64::try_from(now().as_nanos()).unwrap_or(ABSOLUTE_MAX);
    let end = started.saturating_add(timeout_ns).min(ABSOLUTE_MAX);
    i64::MIN + end
}

/// When a call gives up waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// Do not wait at all.
    Now,
    /// Wait until this point of time on the monotonic clock.
    At(Duration),
    /// Wait as long as it takes.
    Never,
}

impl Deadline {
    /// From a C caller's `timeout_ns`.
    pub(crate) fn after(timeout_ns: i64) -> Result<Deadline> {
        match timeout_ns {
            FOREVER => Ok(Deadline::Never),
            0 => Ok(Deadline::Now),
            1.. => Ok(Deadline::At(
                now().saturating_add(Duration::from_nanos(timeout_ns.unsigned_abs())),
            )),
            _ if is_timeout(timeout_ns) => Ok(Deadline::At(Duration::from_nanos(
                (timeout_ns - i64::MIN).unsigned_abs(),
            ))),
            _ => Err(fail!(
                EINVAL,
                "timeout_ns is {timeout_ns}; expected IPC_FOREVER (-1), 0, more, or a result of ipc_deadline()"
            )),
        }
    }

    /// The time left until the deadline: `None` if there is no limit, zero if it has passed.
    pub(crate) fn remaining(self) -> Option<Duration> {
        match self {
            Deadline::Now => Some(Duration::ZERO),
            Deadline::At(point) => Some(point.saturating_sub(now())),
            Deadline::Never => None,
        }
    }

    pub(crate) fn has_passed(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// This deadline or `other`, whichever comes first.
    pub(crate) fn earlier(self, other: Duration) -> Deadline {
        match self {
            Deadline::Now => Deadline::Now,
            Deadline::At(point) => Deadline::At(point.min(other)),
            Deadline::Never => Deadline::At(other),
        }
    }
}

/// The time on the monotonic clock.
pub(crate) fn now() -> Duration {
    // The call cannot fail: CLOCK_MONOTONIC exists on every Linux, and the result is on our stack.
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .unwrap_or(TimeSpec::new(0, 0))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_documented() {
        assert_eq!(Deadline::after(-1).ok(), Some(Deadline::Never));
        assert_eq!(Deadline::after(0).ok(), Some(Deadline::Now));
        assert!(matches!(Deadline::after(1), Ok(Deadline::At(_))));
        assert!(Deadline::after(-2).is_err());
        assert!(Deadline::after(i64::MIN).is_err());
    }

    #[test]
    fn an_absolute_time_is_decoded_as_it_was_encoded() {
        let before = now();
        let encoded = absolute(1_000_000_000);
        assert!(encoded < ABSOLUTE_END && is_timeout(encoded));
        match Deadline::after(encoded) {
            Ok(Deadline::At(point)) => {
                assert!(point >= before + Duration::from_secs(1));
                assert!(point <= now() + Duration::from_secs(1));
            }
            _ => panic!(),
        }
        assert_eq!(absolute(encoded), encoded);
        for same in [0, -1, -2, ABSOLUTE_END, i64::MIN] {
            assert_eq!(absolute(same), same);
        }
        let furthest = absolute(i64::MAX);
        assert_eq!(furthest, i64::MIN + ABSOLUTE_MAX);
        assert!(!Deadline::after(furthest).ok().unwrap().has_passed());
        assert!(Deadline::after(ABSOLUTE_END).is_err());
        assert!(Deadline::after(ABSOLUTE_END - 1).is_ok());
        // One nanosecond after the machine started.
        assert!(Deadline::after(i64::MIN + 1).ok().unwrap().has_passed());
    }

    #[test]
    fn the_longest_timeout_does_not_overflow() {
        let deadline = Deadline::after(i64::MAX).ok().unwrap();
        assert!(!deadline.has_passed());
        assert!(deadline.remaining().unwrap() > Duration::from_secs(1 << 32));
    }

    #[test]
    fn a_deadline_passes() {
        assert!(Deadline::Now.has_passed());
        assert!(Deadline::At(Duration::from_nanos(1)).has_passed());
        assert!(!Deadline::Never.has_passed());
    }
}
