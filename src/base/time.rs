//! Deadlines. C callers give relative nanoseconds; inside, a deadline is an absolute time on the
//! monotonic clock.
//!
//! A deadline is computed once, when the call begins. So a wait that is interrupted and resumed
//! still ends when the caller asked. The monotonic clock does not step when somebody sets the time
//! of day.

use crate::base::error::{Result, fail};
use core::time::Duration;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

/// The `timeout_ns` that waits without limit.
pub(crate) const FOREVER: i64 = -1;

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
    /// From a C caller's relative timeout in nanoseconds: -1 never, 0 now.
    pub(crate) fn after(timeout_ns: i64) -> Result<Deadline> {
        match timeout_ns {
            FOREVER => Ok(Deadline::Never),
            0 => Ok(Deadline::Now),
            1.. => Ok(Deadline::At(
                now().saturating_add(Duration::from_nanos(timeout_ns.unsigned_abs())),
            )),
            _ => Err(fail!(
                EINVAL,
                "timeout_ns is {timeout_ns}; expected IPC_FOREVER (-1), 0, or more"
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
