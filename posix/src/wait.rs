//! A wait that ends as the kernel's waits do: at an absolute time of the real-time clock, by a handler
//! without SA_RESTART, or by cancellation.
//!
//! ipc_mq_wait_word() announces the waiter and gives the word to sleep on. The sleep itself is here, not
//! in librobustipc.so, because a thread that is cancelled while it sleeps unwinds its stack.

use crate::addresses::{self, Use};
use crate::cancellation::{cancellation_point, is_single_threaded};
use crate::descriptors::{Lookup, find_by_asking};
use crate::ipc::*;
use crate::time::now;
use crate::{Result, check, errno, flags, kernel};
use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

unsafe extern "C" {
    fn pthread_setcanceltype(kind: c_int, before: *mut c_int) -> c_int;
}

const PTHREAD_CANCEL_ASYNCHRONOUS: c_int = 1;

/// When a wait ends with ETIMEDOUT.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Never,
    /// At that time of CLOCK_REALTIME. The program's pointer may be invalid.
    At(*const libc::timespec),
}

impl Until {
    /// The time, checked as the kernel checks it before anything else. `EFAULT` if it cannot be read,
    /// `EINVAL` if it is no time.
    #[inline(always)]
    pub(crate) fn checked(self) -> Result<Option<libc::timespec>> {
        let Until::At(time) = self else {
            return Ok(None);
        };
        addresses::check(time.addr(), size_of::<libc::timespec>(), Use::Read)?;
        // SAFETY: the memory has just been checked.
        let time = unsafe { time.read_unaligned() };
        match time.tv_sec < 0 || !(0..1_000_000_000).contains(&time.tv_nsec) {
            true => Err(libc::EINVAL),
            false => Ok(Some(time)),
        }
    }
}

/// Waits after an attempt that found the queue empty or full, until another attempt may succeed.
///
/// Returns 0, or the error with which the wait has ended. The caller tries once more even then, because a
/// sender that finds a waiter leaves the update of the twin to it.
pub(crate) fn wait(
    lookup: &Lookup,
    fd: c_int,
    handle: *mut ipc_mq_t,
    direction: c_int,
    deadline: Option<libc::timespec>,
) -> Result<c_int> {
    let changes = lookup.with_twin(fd, IPC_MQ_TWIN_LOOK)?.flag_changes;
    // The remembered flag decides at once only that the call does not wait. Before a sleep, the kernel is
    // asked.
    if flags::known(lookup, changes) == Some(true) {
        return Err(libc::EAGAIN);
    }
    if deadline.is_some() && flags::is_nonblocking(lookup, fd)? {
        return Err(libc::EAGAIN);
    }
    if deadline.is_some_and(|deadline| is_past(&deadline)) {
        return Err(libc::ETIMEDOUT);
    }
    let mut wait = ipc_mq_wait_t {
        word: ptr::null(),
        expected: 0,
    };
    let spins = match may_spin() {
        true => 0,
        false => IPC_NONBLOCK,
    };
    // SAFETY: librobustipc.so checks the handle, and the pointer leads to room for the answer. The call
    // spins first.
    if check(unsafe { ipc_mq_wait_word(handle, direction | spins, &mut wait) })? != 0 {
        return Ok(0);
    }
    let ended = match may_sleep(lookup, fd) {
        Ok(()) => match sleep(wait.word, wait.expected, deadline) {
            libc::EINTR => libc::EINTR,
            // A wake-up, or time to check the queue and the clock again.
            _ => 0,
        },
        Err(number) => number,
    };
    // SAFETY: librobustipc.so checks the handle; NULL ends the wait.
    unsafe { ipc_mq_wait_word(handle, direction, ptr::null_mut()) };
    Ok(ended)
}

/// Whether a thread may spin before it sleeps. A real-time thread that is bound to one processor may keep
/// that from a thread of a lower or the same priority, which could send what it waits for.
pub(crate) fn may_spin() -> bool {
    // SAFETY: the call takes a number alone; 0 is this thread.
    let policy = unsafe { libc::sched_getscheduler(0) } & !libc::SCHED_RESET_ON_FORK;
    if policy != libc::SCHED_FIFO && policy != libc::SCHED_RR {
        return true;
    }
    // SAFETY: a set consists of integers, for which all zeros is a valid value.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: the pointer leads to a set of the size that is given. With more processors than it has bits,
    // the call fails.
    unsafe {
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) < 0
            || libc::CPU_COUNT(&set) > 1
    }
}

/// Asks the kernel whether the descriptor still leads to the queue, and is to wait.
fn may_sleep(lookup: &Lookup, fd: c_int) -> Result<()> {
    let asked = find_by_asking(fd)?;
    let changes = asked.with_twin(fd, IPC_MQ_TWIN_LOOK)?.flag_changes;
    let is_nonblocking = match flags::noted(&asked, changes) {
        Some(is_nonblocking) => is_nonblocking,
        None => flags::ask(&asked, fd)?,
    };
    match ptr::eq(asked.queue, lookup.queue) {
        true if is_nonblocking => Err(libc::EAGAIN),
        true => Ok(()),
        false => Err(libc::EBADF),
    }
}

fn is_past(time: &libc::timespec) -> bool {
    let now = now(libc::CLOCK_REALTIME);
    (now.tv_sec, now.tv_nsec) >= (time.tv_sec, time.tv_nsec)
}

/// The longest sleep. A waiter that was woken may die before it takes the message. Then another waiter
/// finds the message after at most this time.
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

/// Whether a deadline comes within [`RECHECK_NS`].
fn is_near(deadline: &libc::timespec) -> bool {
    let now = now(libc::CLOCK_REALTIME);
    let seconds = deadline.tv_sec.saturating_sub(now.tv_sec);
    seconds <= 1 && seconds * 1_000_000_000 + deadline.tv_nsec - now.tv_nsec <= RECHECK_NS
}

/// The monotonic time at which a sleep that begins now ends at the latest.
fn next_recheck() -> libc::timespec {
    let mut until = now(libc::CLOCK_MONOTONIC);
    until.tv_nsec += RECHECK_NS;
    if until.tv_nsec >= 1_000_000_000 {
        until.tv_nsec -= 1_000_000_000;
        until.tv_sec += 1;
    }
    until
}

/// Sleeps as long as the word has the expected value, until the deadline or for [`RECHECK_NS`]. Returns 0
/// or the errno with which the sleep ended. If the thread is cancelled, it ends in here.
fn sleep(word: *const u32, expected: u32, deadline: Option<libc::timespec>) -> c_int {
    let (clock, until) = match deadline {
        Some(deadline) if is_near(&deadline) => (libc::CLOCK_REALTIME, deadline),
        _ => (libc::CLOCK_MONOTONIC, next_recheck()),
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
        // Unlike FUTEX_WAIT with a time, this call goes on after a handler with SA_RESTART.
        match cancellable(libc::SYS_futex_waitv, arguments) {
            libc::ENOSYS | libc::EPERM => IS_MISSING.store(true, Relaxed),
            outcome => return outcome,
        }
    }
    // Before Linux 5.16. Without a deadline the call gets no time, so that it goes on after a handler with
    // SA_RESTART.
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

/// Makes a system call that only sleeps, and ends it when the thread is cancelled, as libc's own
/// cancellation points do. Returns 0 or errno.
///
/// If a cancellation comes just before the sleep ends, its signal may still be on its way. In glibc before
/// 2.41, a signal that arrives later changes the result of a thread that has ended by then. libc's own
/// cancellation points wait for that signal before they return. So this function calls one of them that
/// does nothing else: poll() on no descriptors. In a process of one thread no other thread can cancel it.
#[inline(never)]
fn cancellable(number: libc::c_long, arguments: [usize; 6]) -> c_int {
    let mut before = 0;
    // SAFETY: the thread may be cancelled at any instruction between the two pthread_setcanceltype(). No
    // frame of it owns anything there. The pointers among the arguments lead to values in the callers'
    // frames, and the call only reads them.
    let outcome = unsafe {
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &mut before);
        let result = kernel::system_call(number, arguments);
        let outcome = if result < 0 { errno() } else { 0 };
        pthread_setcanceltype(before, &mut before);
        if !is_single_threaded() {
            kernel::poll(ptr::null_mut(), 0, 0);
        }
        outcome
    };
    cancellation_point();
    outcome
}
