//! An epoll instance and timers for it (epoll(7), timerfd_create(2)).

use super::direct::system_call;
use super::{fd, timespec};
use crate::base::time::Deadline;
use core::time::Duration;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A report of epoll: the events, and the number that was given with the descriptor.
pub(crate) type Event = libc::epoll_event;

/// An event to be filled in.
pub(crate) const NO_EVENT: Event = Event { events: 0, u64: 0 };

pub(crate) fn create() -> Result<OwnedFd, Errno> {
    fd::epoll().map(|epoll| epoll.0)
}

/// Reports `events` of a descriptor with `number` from now on.
pub(crate) fn add(
    epoll: BorrowedFd<'_>,
    descriptor: RawFd,
    events: u32,
    number: u64,
) -> Result<(), Errno> {
    let mut event = Event {
        events,
        u64: number,
    };
    control(epoll, libc::EPOLL_CTL_ADD, descriptor, &mut event)
}

/// Reports a descriptor no more.
pub(crate) fn remove(epoll: BorrowedFd<'_>, descriptor: RawFd) -> Result<(), Errno> {
    let mut unused = NO_EVENT;
    control(epoll, libc::EPOLL_CTL_DEL, descriptor, &mut unused)
}

fn control(
    epoll: BorrowedFd<'_>,
    operation: libc::c_int,
    descriptor: RawFd,
    event: &mut Event,
) -> Result<(), Errno> {
    let arguments = [
        epoll.as_raw_fd() as usize,
        operation as usize,
        descriptor as usize,
        core::ptr::from_mut(event).addr(),
        0,
        0,
    ];
    // SAFETY: the kernel reads the event.
    unsafe { system_call(libc::SYS_epoll_ctl, arguments) }.map(drop)
}

/// Writes the events of all descriptors that are ready now, and returns their number.
pub(crate) fn ready(epoll: RawFd, events: &mut [Event]) -> Result<usize, Errno> {
    let arguments = [
        epoll as usize,
        events.as_mut_ptr().addr(),
        events.len().min(i32::MAX as usize),
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes at most that many events. There is no signal mask.
    unsafe { system_call(libc::SYS_epoll_pwait, arguments) }
}

/// A timer that is readable from `first` on, and again after each `period`, unless that is 0.
pub(crate) fn timer(first: Deadline, period: Duration) -> Result<OwnedFd, Errno> {
    let timer = fd::timer()?;
    // A time of 0 would stop the timer.
    let first = match first {
        Deadline::At(point) => point.max(Duration::from_nanos(1)),
        _ => Duration::from_nanos(1),
    };
    let times = libc::itimerspec {
        it_interval: timespec(period),
        it_value: timespec(first),
    };
    // SAFETY: the times live during the call, and NULL means that the old ones are not wanted.
    Errno::result(unsafe {
        libc::timerfd_settime(
            timer.as_raw_fd(),
            libc::TFD_TIMER_ABSTIME,
            &raw const times,
            core::ptr::null_mut(),
        )
    })?;
    Ok(timer)
}

/// Takes a timer's expiry; whether there was one.
pub(crate) fn take_expiry(timer: BorrowedFd<'_>) -> bool {
    let mut count = 0u64;
    let arguments = [
        timer.as_raw_fd() as usize,
        (&raw mut count).addr(),
        8,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes 8 bytes. The timer is non-blocking.
    unsafe { system_call(libc::SYS_read, arguments) }.is_ok()
}

/// How long it takes until a timer expires next; `None` if it never does.
pub(crate) fn remaining(timer: BorrowedFd<'_>) -> Option<Duration> {
    let mut times = core::mem::MaybeUninit::<libc::itimerspec>::zeroed();
    // SAFETY: the kernel writes the times, and zeros are times too.
    let left = unsafe {
        libc::timerfd_gettime(timer.as_raw_fd(), times.as_mut_ptr());
        times.assume_init().it_value
    };
    let left = Duration::new(left.tv_sec as u64, left.tv_nsec as u32);
    (!left.is_zero()).then_some(left)
}
