//! Waiting until a descriptor is ready (poll(2), ppoll(2)), and whether calls on the descriptor wait.
//!
//! A descriptor here is a number from a C program. If it is not open, the kernel says `EBADF`.

use super::direct::system_call;
use super::large::{Time, call};
use crate::base::alloc::List;
use crate::base::time::{Deadline, now};
use core::ffi::{c_int, c_short};
use core::time::Duration;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use std::os::fd::{BorrowedFd, RawFd};

/// Ready if there is something to read, or if nothing will ever come.
pub(crate) const READABLE: c_short = libc::POLLIN;
/// Ready if there is room to write, or if a write would fail.
pub(crate) const WRITABLE: c_short = libc::POLLOUT;

/// One entry of a list to wait for. The kernel skips a negative number.
pub(crate) fn watch(descriptor: RawFd, events: c_short) -> libc::pollfd {
    libc::pollfd {
        fd: descriptor,
        events,
        revents: 0,
    }
}

/// Waits until one of the descriptors is ready, has failed or was hung up. Returns false if the deadline
/// passes first. `EINTR` if a signal handler ran, also one with SA_RESTART.
pub(crate) fn wait_any(list: &mut [libc::pollfd], deadline: Deadline) -> Result<bool, Errno> {
    let count = poll(list, deadline.remaining())?;
    if list.iter().any(|entry| entry.revents & libc::POLLNVAL != 0) {
        return Err(Errno::EBADF);
    }
    Ok(count > 0)
}

/// Waits until one descriptor is ready, has failed or was hung up. `ETIMEDOUT` at the deadline, `EAGAIN` if
/// the deadline is now, `EINTR` if a signal handler ran.
pub(crate) fn wait(descriptor: RawFd, events: c_short, deadline: Deadline) -> Result<(), Errno> {
    match wait_any(&mut [watch(descriptor, events)], deadline)? {
        true => Ok(()),
        false if deadline == Deadline::Now => Err(Errno::EAGAIN),
        false => Err(Errno::ETIMEDOUT),
    }
}

/// Waits for `length` without any descriptor. `EINTR` if a signal handler ran.
pub(crate) fn pause(length: Duration) -> Result<(), Errno> {
    poll(&mut [], Some(length)).map(drop)
}

/// Waits for at most `limit`. A process that is stopped and continued (SIGSTOP, a frozen container)
/// loses that time from its limit, as it should. So the wait goes step by step, and each step takes what is
/// left until the end.
fn poll(list: &mut [libc::pollfd], limit: Option<Duration>) -> Result<c_int, Errno> {
    let Some(limit) = limit else {
        return poll_precisely(list, None);
    };
    let end = now().saturating_add(limit);
    let mut left = limit;
    loop {
        let (count, is_last) = step(list, left)?;
        if count != 0 || is_last {
            return Ok(count);
        }
        left = end.saturating_sub(now());
        if left.is_zero() {
            return Ok(0);
        }
    }
}

/// One step of a wait: how many entries are ready, and whether no step is left.
///
/// After a stop the kernel resumes poll(2) with the end that it had computed first. It would resume ppoll(2)
/// with what was left of the limit when the process was stopped. So ppoll waits only for the part below a
/// millisecond, which poll does not know.
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "x86",
    target_arch = "arm",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "s390x"
))]
fn step(list: &mut [libc::pollfd], left: Duration) -> Result<(c_int, bool), Errno> {
    let milliseconds = c_int::try_from(left.as_millis()).unwrap_or(c_int::MAX);
    if milliseconds == 0 {
        return Ok((poll_precisely(list, Some(left))?, true));
    }
    // SAFETY: the list has as many entries as the call is told.
    let outcome = Errno::result(unsafe {
        libc::syscall(libc::SYS_poll, list.as_mut_ptr(), list.len(), milliseconds)
    });
    match outcome {
        // RLIMIT_NOFILE allows fewer descriptors than the list has entries: see poll_precisely.
        Err(Errno::EINVAL) => Ok((poll_precisely(list, Some(left))?, true)),
        outcome => Ok((c_int::try_from(outcome?).unwrap_or(c_int::MAX), false)),
    }
}

/// As above. The kernel of this processor has no poll(2). After a stop, ppoll(2) goes on for what was left of
/// the step, so a step takes a second at most: that is all by which stops lengthen a wait.
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "x86",
    target_arch = "arm",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "s390x"
)))]
fn step(list: &mut [libc::pollfd], left: Duration) -> Result<(c_int, bool), Errno> {
    const LONGEST: Duration = Duration::from_secs(1);
    let count = poll_precisely(list, Some(left.min(LONGEST)))?;
    Ok((count, left <= LONGEST))
}

fn poll_precisely(list: &mut [libc::pollfd], limit: Option<Duration>) -> Result<c_int, Errno> {
    let mut limit = limit.map(Time::from);
    let limit = limit
        .as_mut()
        .map_or(core::ptr::null_mut(), core::ptr::from_mut);
    // SAFETY: the list has as many entries as the call is told. `limit` is NULL or a time that outlives the
    // call, which writes to it. There is no signal mask.
    let outcome = Errno::result(unsafe {
        libc::syscall(
            call::PPOLL,
            list.as_mut_ptr(),
            list.len(),
            limit,
            core::ptr::null::<libc::sigset_t>(),
            0,
        )
    });
    match outcome {
        // RLIMIT_NOFILE allows fewer descriptors than the list has entries. The descriptors are open all the same.
        Err(Errno::EINVAL) if !list.is_empty() => select(list, limit),
        // At most as many as the list has entries.
        outcome => outcome.map(|count| count as c_int),
    }
}

/// As poll, but the kernel does not compare the list with RLIMIT_NOFILE. It reports what is readable or writable,
/// and a failed or hung up descriptor as both.
///
/// `limit` is NULL or points to a time.
#[cold]
pub(super) fn select(list: &mut [libc::pollfd], limit: *const Time) -> Result<c_int, Errno> {
    const BITS: usize = usize::BITS as usize;
    let highest = list.iter().map(|entry| entry.fd).max().unwrap_or(-1);
    let words = usize::try_from(highest + 1).unwrap_or(0).div_ceil(BITS);
    let mut sets = List::with_room(2 * words)?;
    sets.resize(2 * words, 0usize)?;
    let (reading, writing) = sets.split_at_mut(words);
    let place = |descriptor: RawFd| {
        (
            descriptor as usize / BITS,
            1 << (descriptor as usize % BITS),
        )
    };
    for entry in list.iter().filter(|entry| entry.fd >= 0) {
        let (word, bit) = place(entry.fd);
        if entry.events & READABLE != 0 {
            reading[word] |= bit;
        }
        if entry.events & WRITABLE != 0 {
            writing[word] |= bit;
        }
    }
    // The kernel writes the time that is left.
    // SAFETY: by this function's contract.
    let mut limit = unsafe { limit.as_ref() }.copied();
    let arguments = [
        (highest + 1) as usize,
        reading.as_mut_ptr().addr(),
        writing.as_mut_ptr().addr(),
        0,
        limit
            .as_mut()
            .map_or(0, |limit| core::ptr::from_mut(limit).addr()),
        0,
    ];
    // SAFETY: both sets have a bit for every number below the first argument. The time lives during the call, and
    // there is no signal mask.
    unsafe { system_call(call::PSELECT6, arguments) }?;
    let mut count = 0;
    for entry in list {
        entry.revents = 0;
        if entry.fd < 0 {
            continue;
        }
        let (word, bit) = place(entry.fd);
        if reading[word] & bit != 0 {
            entry.revents |= entry.events & READABLE;
        }
        if writing[word] & bit != 0 {
            entry.revents |= entry.events & WRITABLE;
        }
        count += c_int::from(entry.revents != 0);
    }
    Ok(count)
}

/// How the descriptor was opened, and O_NONBLOCK. `EBADF` if nothing is open there.
pub(crate) fn status_flags(descriptor: RawFd) -> Result<c_int, Errno> {
    // SAFETY: F_GETFL takes no argument and accesses no memory.
    Errno::result(unsafe { libc::fcntl(descriptor, libc::F_GETFL) })
}

/// Whether calls on the descriptor do not wait.
pub(crate) fn is_nonblocking(descriptor: RawFd) -> Result<bool, Errno> {
    status_flags(descriptor).map(|flags| flags & libc::O_NONBLOCK != 0)
}

/// Only for a descriptor that nobody else has yet, because all processes that share an open file share its
/// mode.
pub(crate) fn set_nonblocking(
    descriptor: BorrowedFd<'_>,
    is_nonblocking: bool,
) -> Result<(), Errno> {
    let mut flags = OFlag::from_bits_retain(nix::fcntl::fcntl(descriptor, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, is_nonblocking);
    nix::fcntl::fcntl(descriptor, FcntlArg::F_SETFL(flags)).map(drop)
}
