//! Times: until when a call waits, on the monotonic clock.
//!
//! A time of libc has 32 bits for the seconds on some machines. A program may be compiled for 64 bits there
//! too, and then calls other functions ([`wide`](crate::wide)). This library computes with 64 bits
//! everywhere.

use crate::Result;
use crate::addresses::{self, Use};
#[cfg(target_pointer_width = "32")]
use crate::kernel;
use core::ffi::c_int;
use core::mem::MaybeUninit;

const SECOND_NS: i64 = 1_000_000_000;

/// A time in seconds and nanoseconds. This is the kernel's struct __kernel_timespec, and on little-endian
/// machines also a struct timespec of 64 bits.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: i64,
}

/// A struct timespec in the program's memory.
pub(crate) trait Timespec: Copy {
    fn time(self) -> Time;
}

impl Timespec for libc::timespec {
    #[allow(clippy::useless_conversion)] // the fields have 32 bits on some machines
    fn time(self) -> Time {
        Time {
            seconds: self.tv_sec.into(),
            nanoseconds: self.tv_nsec.into(),
        }
    }
}

#[cfg(target_pointer_width = "32")]
impl Timespec for Time {
    /// The upper half of the nanoseconds is padding, in which the program may have left anything.
    fn time(self) -> Time {
        Time {
            nanoseconds: (self.nanoseconds as i32).into(),
            ..self
        }
    }
}

impl Time {
    /// Reads a time of the program's. `EFAULT` if it cannot be read.
    #[inline(always)]
    pub(crate) fn read<T: Timespec>(time: *const T) -> Result<Time> {
        addresses::check(time.addr(), size_of::<T>(), Use::Read)?;
        // SAFETY: the memory has just been checked.
        Ok(unsafe { time.read_unaligned() }.time())
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.seconds >= 0 && (0..SECOND_NS).contains(&self.nanoseconds)
    }

    /// The time for a function of libc that waits so long. The longest such time is 68 years on some
    /// machines.
    #[allow(clippy::useless_conversion)] // the fields have 32 bits on some machines
    pub(crate) fn to_libc(self) -> libc::timespec {
        libc::timespec {
            tv_sec: self.seconds.try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: self.nanoseconds as _,
        }
    }

    /// A time so much later. `None` if no number is large enough. (A division of 64 bits would be a call on
    /// machines with 32.)
    pub(crate) fn later(self, seconds: i64, nanoseconds: i64) -> Option<Time> {
        let sum = self.nanoseconds + nanoseconds;
        let (carry, nanoseconds) = match sum < SECOND_NS {
            true => (0, sum),
            false => (1, sum - SECOND_NS),
        };
        Some(Time {
            seconds: self.seconds.checked_add(seconds)?.checked_add(carry)?,
            nanoseconds,
        })
    }

    /// How long after `earlier` this time is. Negative if it is before.
    pub(crate) fn since(&self, earlier: &Time) -> Time {
        let seconds = self.seconds.saturating_sub(earlier.seconds);
        let nanoseconds = self.nanoseconds - earlier.nanoseconds;
        match nanoseconds < 0 {
            true => Time {
                seconds: seconds.saturating_sub(1),
                nanoseconds: nanoseconds + SECOND_NS,
            },
            false => Time {
                seconds,
                nanoseconds,
            },
        }
    }

    /// A time in nanoseconds, divided by hand where a division of 64 bits is a call.
    pub(crate) fn of_ns(nanoseconds: u64) -> Time {
        const SECOND: u64 = SECOND_NS as u64;
        let (mut seconds, mut rest) = (0, nanoseconds);
        if cfg!(target_pointer_width = "64") {
            (seconds, rest) = (nanoseconds / SECOND, nanoseconds % SECOND);
        } else {
            for bit in (0..=SECOND.leading_zeros()).rev() {
                if rest >= SECOND << bit {
                    rest -= SECOND << bit;
                    seconds |= 1 << bit;
                }
            }
        }
        Time {
            seconds: seconds as i64,
            nanoseconds: rest as i64,
        }
    }
}

/// Until when a call waits.
#[derive(Clone, Copy)]
pub(crate) enum Deadline {
    Never,
    Now,
    At(Time),
}

#[cfg(target_pointer_width = "64")]
pub(crate) fn now(clock: libc::clockid_t) -> Time {
    let mut time = MaybeUninit::uninit();
    // SAFETY: the pointer leads to room for the answer, and these clocks always give one.
    unsafe {
        libc::clock_gettime(clock, time.as_mut_ptr());
        time.assume_init().time()
    }
}

/// libc's function fails from the year 2038 on.
#[cfg(target_pointer_width = "32")]
pub(crate) fn now(clock: libc::clockid_t) -> Time {
    const CLOCK_GETTIME64: core::ffi::c_long = 403;
    let mut time = MaybeUninit::<Time>::uninit();
    // SAFETY: the pointer leads to room for the answer, and these clocks always give one.
    unsafe {
        kernel::system_call(
            CLOCK_GETTIME64,
            [clock as usize, time.as_mut_ptr().addr(), 0, 0, 0, 0],
        );
        time.assume_init()
    }
}

impl Deadline {
    /// Negative: never.
    pub(crate) fn after_ms(milliseconds: c_int) -> Deadline {
        match milliseconds {
            ..0 => Deadline::Never,
            0 => Deadline::Now,
            _ => Deadline::later(Time {
                seconds: (milliseconds / 1000).into(),
                nanoseconds: i64::from(milliseconds % 1000) * 1_000_000,
            }),
        }
    }

    /// NULL: never. `None` if the time is invalid or cannot be read.
    pub(crate) fn after<T: Timespec>(time: *const T) -> Option<Deadline> {
        if time.is_null() {
            return Some(Deadline::Never);
        }
        match Time::read(time).ok()? {
            time if !time.is_valid() => None,
            Time {
                seconds: 0,
                nanoseconds: 0,
            } => Some(Deadline::Now),
            time => Some(Deadline::later(time)),
        }
    }

    fn later(time: Time) -> Deadline {
        now(libc::CLOCK_MONOTONIC)
            .later(time.seconds, time.nanoseconds)
            .map_or(Deadline::Never, Deadline::At)
    }

    pub(crate) fn is_now(&self) -> bool {
        matches!(self, Deadline::Now)
    }

    /// Whether no time is left.
    pub(crate) fn is_over(&self) -> bool {
        self.left()
            .is_some_and(|left| left.seconds == 0 && left.nanoseconds == 0)
    }

    /// How much time is left. `None`: no limit.
    pub(crate) fn left(&self) -> Option<Time> {
        let zero = Time {
            seconds: 0,
            nanoseconds: 0,
        };
        let until = match self {
            Deadline::Never => return None,
            Deadline::Now => return Some(zero),
            Deadline::At(until) => until,
        };
        let now = now(libc::CLOCK_MONOTONIC);
        Some(until.since(&now).max(zero))
    }

    /// How much time is left, in milliseconds, rounded up. -1: no limit.
    pub(crate) fn left_ms(&self) -> c_int {
        let Some(left) = self.left() else { return -1 };
        let part = (left.nanoseconds as u32).div_ceil(1_000_000);
        let milliseconds = left
            .seconds
            .saturating_mul(1000)
            .saturating_add(part.into());
        milliseconds.min(c_int::MAX.into()) as c_int
    }
}
