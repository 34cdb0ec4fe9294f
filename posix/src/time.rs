//! Times: until when a call waits, on the monotonic clock.

use crate::addresses::{self, Use};
use core::ffi::c_int;
use core::mem::MaybeUninit;

const SECOND_NS: i64 = 1_000_000_000;

/// Until when a call waits.
#[derive(Clone, Copy)]
pub(crate) enum Deadline {
    Never,
    Now,
    At(libc::timespec),
}

pub(crate) fn now(clock: libc::clockid_t) -> libc::timespec {
    let mut time = MaybeUninit::uninit();
    // SAFETY: the pointer leads to room for the answer, and these clocks always give one.
    unsafe {
        libc::clock_gettime(clock, time.as_mut_ptr());
        time.assume_init()
    }
}

#[allow(clippy::useless_conversion)] // the fields of a timespec have 32 bits on some machines
impl Deadline {
    /// Negative: never.
    pub(crate) fn after_ms(milliseconds: c_int) -> Deadline {
        match milliseconds {
            ..0 => Deadline::Never,
            0 => Deadline::Now,
            _ => Deadline::later(libc::timespec {
                tv_sec: (milliseconds / 1000).into(),
                tv_nsec: libc::c_long::from(milliseconds % 1000) * 1_000_000,
            }),
        }
    }

    /// NULL: never. `None` if the time is invalid or cannot be read.
    ///
    /// # Safety
    ///
    /// `time` is NULL, or leads to memory that holds a time, or to none.
    pub(crate) unsafe fn after(time: *const libc::timespec) -> Option<Deadline> {
        if time.is_null() {
            return Some(Deadline::Never);
        }
        addresses::check(time.addr(), size_of::<libc::timespec>(), Use::Read).ok()?;
        // SAFETY: the memory has just been checked.
        let time = unsafe { time.read_unaligned() };
        match (time.tv_sec, i64::from(time.tv_nsec)) {
            (..0, _) => None,
            (0, 0) => Some(Deadline::Now),
            (_, 0..SECOND_NS) => Some(Deadline::later(time)),
            _ => None,
        }
    }

    fn later(time: libc::timespec) -> Deadline {
        let now = now(libc::CLOCK_MONOTONIC);
        let nanoseconds = i64::from(now.tv_nsec) + i64::from(time.tv_nsec);
        let carry = nanoseconds / SECOND_NS;
        match now
            .tv_sec
            .checked_add(time.tv_sec)
            .and_then(|sum| sum.checked_add(carry as _))
        {
            None => Deadline::Never,
            Some(seconds) => Deadline::At(libc::timespec {
                tv_sec: seconds,
                tv_nsec: (nanoseconds % SECOND_NS) as _,
            }),
        }
    }

    pub(crate) fn is_now(&self) -> bool {
        matches!(self, Deadline::Now)
    }

    /// Whether no time is left.
    pub(crate) fn is_over(&self) -> bool {
        self.left()
            .is_some_and(|left| left.tv_sec == 0 && left.tv_nsec == 0)
    }

    /// How much time is left. `None`: no limit.
    pub(crate) fn left(&self) -> Option<libc::timespec> {
        let zero = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let until = match self {
            Deadline::Never => return None,
            Deadline::Now => return Some(zero),
            Deadline::At(until) => until,
        };
        let now = now(libc::CLOCK_MONOTONIC);
        let (mut seconds, mut nanoseconds) = (
            until.tv_sec - now.tv_sec,
            i64::from(until.tv_nsec) - i64::from(now.tv_nsec),
        );
        if nanoseconds < 0 {
            seconds -= 1;
            nanoseconds += SECOND_NS;
        }
        Some(match seconds {
            ..0 => zero,
            _ => libc::timespec {
                tv_sec: seconds,
                tv_nsec: nanoseconds as _,
            },
        })
    }

    /// How much time is left, in milliseconds, rounded up. -1: no limit.
    pub(crate) fn left_ms(&self) -> c_int {
        let Some(left) = self.left() else { return -1 };
        let milliseconds =
            (i64::from(left.tv_nsec) + 999_999) / 1_000_000 + left.tv_sec.saturating_mul(1000);
        milliseconds.min(c_int::MAX.into()) as c_int
    }
}
