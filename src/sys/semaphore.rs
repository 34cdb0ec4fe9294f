//! libc's semaphores (sem_overview(7)), in memory that the caller has mapped.

use super::timespec;
use core::ptr::NonNull;
use core::time::Duration;
use nix::errno::Errno;

pub(crate) const SIZE: usize = size_of::<libc::sem_t>();

// The libc crate lacks this function.
#[cfg(not(target_env = "musl"))]
// SAFETY: declared as <semaphore.h> does on Linux.
unsafe extern "C" {
    fn sem_clockwait(
        sem: *mut libc::sem_t,
        clock: libc::clockid_t,
        until: *const libc::timespec,
    ) -> libc::c_int;
}

/// The bytes of a new semaphore that processes share. sem_open puts these bytes into a new file.
pub(crate) fn initial(value: u32) -> Result<[u8; SIZE], Errno> {
    // SAFETY: sem_t is a union of integers, for which all zeros is a value.
    let mut sem: libc::sem_t = unsafe { core::mem::zeroed() };
    // SAFETY: `sem` is a local variable.
    Errno::result(unsafe { libc::sem_init(&mut sem, 1, value) })?;
    // SAFETY: the two have the same size, and every byte is written: zeroed, then set by sem_init.
    Ok(unsafe { core::mem::transmute::<libc::sem_t, [u8; SIZE]>(sem) })
}

/// Takes a permit if one is free; `EAGAIN` if none is.
///
/// # Safety
///
/// `sem` points to a semaphore that stays mapped and writable during the call.
pub(crate) unsafe fn try_wait(sem: NonNull<libc::sem_t>) -> Result<(), Errno> {
    loop {
        // SAFETY: by this function's contract.
        match Errno::result(unsafe { libc::sem_trywait(sem.as_ptr()) }) {
            Err(Errno::EINTR) => {}
            outcome => return outcome.map(drop),
        }
    }
}

/// Takes a permit, and waits for one until this point of the monotonic clock. `EINTR` after any signal
/// handler: the kernel restarts a futex wait only if it has no deadline.
///
/// # Safety
///
/// As in `try_wait`.
pub(crate) unsafe fn wait_until(sem: NonNull<libc::sem_t>, point: Duration) -> Result<(), Errno> {
    // SAFETY: by this function's contract.
    unsafe { wait_on_monotonic_clock(sem, point) }
}

/// # Safety
///
/// As in `try_wait`.
#[cfg(not(target_env = "musl"))]
unsafe fn wait_on_monotonic_clock(sem: NonNull<libc::sem_t>, point: Duration) -> Result<(), Errno> {
    let until = timespec(point);
    // SAFETY: by this function's contract; the time outlives the call.
    Errno::result(unsafe { sem_clockwait(sem.as_ptr(), libc::CLOCK_MONOTONIC, &until) }).map(drop)
}

/// As above. musl waits by the time of day only, and somebody may set that meanwhile. So the wait is made of parts
/// of a second at most, and the monotonic clock says when it is over.
///
/// # Safety
///
/// As in `try_wait`.
#[cfg(target_env = "musl")]
unsafe fn wait_on_monotonic_clock(sem: NonNull<libc::sem_t>, point: Duration) -> Result<(), Errno> {
    const LONGEST: Duration = Duration::from_secs(1);
    loop {
        let left = point.saturating_sub(crate::base::time::now());
        let until = timespec(super::large::time_of_day()? + left.min(LONGEST));
        // SAFETY: by this function's contract; the time outlives the call.
        match Errno::result(unsafe { libc::sem_timedwait(sem.as_ptr(), &until) }) {
            Err(Errno::ETIMEDOUT) if !left.is_zero() => {}
            outcome => return outcome.map(drop),
        }
    }
}

/// Adds a permit.
///
/// # Safety
///
/// As in `try_wait`.
pub(crate) unsafe fn post(sem: NonNull<libc::sem_t>) -> Result<(), Errno> {
    // SAFETY: by this function's contract.
    Errno::result(unsafe { libc::sem_post(sem.as_ptr()) }).map(drop)
}

/// How many permits are free.
///
/// # Safety
///
/// As in `try_wait`.
pub(crate) unsafe fn value(sem: NonNull<libc::sem_t>) -> Result<u32, Errno> {
    let mut value = 0;
    // SAFETY: by this function's contract; `value` is writable.
    Errno::result(unsafe { libc::sem_getvalue(sem.as_ptr(), &mut value) })?;
    // Linux shows waiters as 0, never as a negative number.
    Ok(value.max(0) as u32)
}
