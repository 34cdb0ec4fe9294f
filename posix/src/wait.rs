//! Waiting, as the kernel's calls wait: until an absolute time of the day, ended by a handler
//! without SA_RESTART, and a cancellation point.

use crate::ipc::*;
use crate::table::Found;
use crate::{Result, check, errno};
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

unsafe extern "C" {
    fn pthread_testcancel();
    fn pthread_setcanceltype(kind: c_int, before: *mut c_int) -> c_int;
}

const PTHREAD_CANCEL_ASYNCHRONOUS: c_int = 1;

/// Acts upon a cancellation that has been asked for.
#[inline(always)]
pub(crate) fn cancellation_point() {
    // SAFETY: takes nothing. A thread that ends here has nothing of ours.
    unsafe { pthread_testcancel() }
}

/// When a wait is over.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Never,
    /// On CLOCK_REALTIME.
    At(*const libc::timespec),
}

/// After a try that found nothing: waits until it may find something. 0, or why the wait ended otherwise:
/// then one more try is due, because who sends to a waiter leaves the bell to it.
pub(crate) fn wait(
    found: &Found,
    fd: c_int,
    handle: *mut ipc_mq_t,
    direction: c_int,
    until: Until,
) -> Result<c_int> {
    let deadline = match until {
        Until::Never => None,
        Until::At(time) => {
            found.check_blocking(fd)?;
            crate::kernel::check_readable(time.cast())?;
            // SAFETY: it can be read.
            let time = unsafe { time.read() };
            if time.tv_sec < 0 || !(0..1_000_000_000).contains(&time.tv_nsec) {
                return Err(libc::EINVAL);
            }
            if is_over(&time) {
                return Err(libc::ETIMEDOUT);
            }
            Some(time)
        }
    };
    // Asking costs more than a look that is soon rewarded, so it comes first only where the
    // descriptor was found to be nonblocking before.
    if !found.was_blocking() {
        found.check_blocking(fd)?;
    }
    let mut wait = ipc_mq_wait_t {
        word: ptr::null(),
        expected: 0,
    };
    // SAFETY: a handle, and places for the answer.
    if check(unsafe { ipc_mq_wait_word(handle, direction, &mut wait) })? != 0 {
        return Ok(0);
    }
    let ended = match found.check_blocking(fd) {
        Ok(()) => match sleep(wait.word, wait.expected, deadline) {
            libc::EINTR => libc::EINTR,
            // Woken, or time to look again, for a message or at the clock.
            _ => 0,
        },
        Err(number) => number,
    };
    // SAFETY: a handle.
    unsafe { ipc_mq_wait_word(handle, direction, ptr::null_mut()) };
    Ok(ended)
}

fn now(clock: libc::clockid_t) -> libc::timespec {
    let mut time = MaybeUninit::uninit();
    // SAFETY: room for the answer, which these clocks always give.
    unsafe {
        libc::clock_gettime(clock, time.as_mut_ptr());
        time.assume_init()
    }
}

fn is_over(time: &libc::timespec) -> bool {
    let now = now(libc::CLOCK_REALTIME);
    (now.tv_sec, now.tv_nsec) >= (time.tv_sec, time.tv_nsec)
}

/// No sleep is longer: who was woken may have been killed before it looked.
const RECHECK_NS: i64 = 100_000_000;

/// The kernel's struct futex_waitv.
#[repr(C)]
struct Waiter {
    expected: u64,
    word: u64,
    flags: u32,
    reserved: u32,
}

/// FUTEX_32 of <linux/futex.h>, without FUTEX_PRIVATE_FLAG.
const SHARED_32_BITS: u32 = 2;

/// Sleeps while the word is as expected. 0 or why it ended. If the thread is cancelled, it ends in here.
fn sleep(word: *const u32, expected: u32, deadline: Option<libc::timespec>) -> c_int {
    let nearly = |time: &libc::timespec| {
        let now = now(libc::CLOCK_REALTIME);
        let seconds = time.tv_sec.saturating_sub(now.tv_sec);
        seconds <= 1 && seconds * 1_000_000_000 + time.tv_nsec - now.tv_nsec <= RECHECK_NS
    };
    let (clock, until) = match deadline {
        Some(deadline) if nearly(&deadline) => (libc::CLOCK_REALTIME, deadline),
        _ => {
            let mut until = now(libc::CLOCK_MONOTONIC);
            until.tv_nsec += RECHECK_NS;
            if until.tv_nsec >= 1_000_000_000 {
                until.tv_nsec -= 1_000_000_000;
                until.tv_sec += 1;
            }
            (libc::CLOCK_MONOTONIC, until)
        }
    };
    let waiter = Waiter {
        expected: expected.into(),
        word: word.addr() as u64,
        flags: SHARED_32_BITS,
        reserved: 0,
    };
    static IS_MISSING: AtomicBool = AtomicBool::new(false);
    if !IS_MISSING.load(Relaxed) {
        let arguments = [
            ptr::from_ref(&waiter).addr(),
            1,
            0,
            ptr::from_ref(&until).addr(),
            clock as usize,
            0,
        ];
        // This call, unlike FUTEX_WAIT with a time, goes on after a handler with SA_RESTART.
        match cancellable(libc::SYS_futex_waitv, arguments) {
            libc::ENOSYS | libc::EPERM => IS_MISSING.store(true, Relaxed),
            outcome => return outcome,
        }
    }
    // Before Linux 5.16. Without a deadline there is no time, for the sake of SA_RESTART.
    let time = match (deadline, clock) {
        (None, _) => ptr::null(),
        _ => ptr::from_ref(&until),
    };
    let clock_flag = match clock {
        libc::CLOCK_REALTIME => libc::FUTEX_CLOCK_REALTIME,
        _ => 0,
    };
    let operation = libc::FUTEX_WAIT_BITSET | clock_flag;
    let arguments = [
        word.addr(),
        operation as usize,
        expected as usize,
        time.addr(),
        0,
        u32::MAX as usize,
    ];
    cancellable(libc::SYS_futex, arguments)
}

/// Makes a system call that only sleeps, so that it is left when the thread is cancelled: as libc does with
/// its own. 0 or errno.
///
/// A cancellation that came just before the wait ended may have its signal still under way. Delivered
/// later, it would change the result of a thread that has ended by then (glibc before 2.41). libc's own
/// cancellation points wait for it when they end, so one of them is called, which does nothing else.
#[inline(never)]
fn cancellable(number: libc::c_long, [a, b, c, d, e, f]: [usize; 6]) -> c_int {
    let mut before = 0;
    // SAFETY: cancelled at any instruction from here on, the thread has nothing of ours to end; the
    // arguments are of a call that reads what lives in the callers' frames.
    unsafe {
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &mut before);
        let result = libc::syscall(number, a, b, c, d, e, f);
        let outcome = if result < 0 { errno() } else { 0 };
        pthread_setcanceltype(before, &mut before);
        libc::poll(ptr::null_mut(), 0, 0);
        pthread_testcancel();
        outcome
    }
}
