//! A wait that ends as the kernel's waits do: at an absolute time of the real-time clock, by a handler
//! without SA_RESTART, or by cancellation.
//!
//! ipc_mq_wait_begin() announces the waiter and gives the word to sleep on. The sleep itself is here, not
//! in librobustipc.so, because a thread that is cancelled while it sleeps unwinds its stack. The waiter stays
//! announced until its next attempt has ended: if it ends before that, the kernel wakes another waiter.

use crate::cancellation::{cancellation_point, is_single_threaded};
use crate::descriptors::{Lookup, find_by_asking};
use crate::ipc::*;
use crate::time::{Time, now};
use crate::{Result, check, errno, flags, kernel};
use core::ffi::{c_int, c_uint, c_void};
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
    /// The same in a program that is compiled for times of 64 bits.
    #[cfg(target_pointer_width = "32")]
    AtWide(*const Time),
}

impl Until {
    /// The time, checked as the kernel checks it before anything else. `EFAULT` if it cannot be read,
    /// `EINVAL` if it is no time.
    #[inline(always)]
    pub(crate) fn checked(self) -> Result<Option<Time>> {
        let time = match self {
            Until::Never => return Ok(None),
            Until::At(time) => Time::read(time)?,
            #[cfg(target_pointer_width = "32")]
            Until::AtWide(time) => Time::read(time)?,
        };
        match time.is_valid() {
            true => Ok(Some(time)),
            false => Err(libc::EINVAL),
        }
    }
}

/// A wait after which the caller makes another attempt.
pub(crate) struct Waited {
    /// 0, or the error with which the wait has ended. The caller tries once more even then, because a sender that
    /// finds a waiter leaves the update of the twin to it.
    pub(crate) ended: c_int,
    /// The sleep, which the attempt ends: see [`try_receive`](Waited::try_receive) and [`try_send`](Waited::try_send).
    sleep: Option<ipc_mq_wait_t>,
}

impl Waited {
    /// Before the first wait.
    pub(crate) const NOT_YET: Waited = Waited {
        ended: 0,
        sleep: None,
    };

    /// Tries to receive a message, without a wait.
    ///
    /// # Safety
    ///
    /// As for ipc_mq_receive().
    pub(crate) unsafe fn try_receive(
        &mut self,
        handle: *mut ipc_mq_t,
        buffer: *mut c_void,
        capacity: usize,
        priority: *mut c_uint,
    ) -> isize {
        let is_last = (self.ended != 0).into();
        // SAFETY: by this function's contract. The wait is this thread's, and has not ended yet.
        unsafe {
            match self.sleep.take() {
                Some(wait) => {
                    ipc_mq_receive_waited(handle, buffer, capacity, priority, &wait, is_last)
                }
                None => ipc_mq_receive(handle, buffer, capacity, priority, 0),
            }
        }
    }

    /// Tries to send a message, without a wait.
    ///
    /// # Safety
    ///
    /// As for ipc_mq_send().
    pub(crate) unsafe fn try_send(
        &mut self,
        handle: *mut ipc_mq_t,
        message: *const c_void,
        length: usize,
        priority: c_uint,
    ) -> c_int {
        let is_last = (self.ended != 0).into();
        // SAFETY: as in `try_receive`.
        unsafe {
            match self.sleep.take() {
                Some(wait) => ipc_mq_send_waited(handle, message, length, priority, &wait, is_last),
                None => ipc_mq_send(handle, message, length, priority, 0),
            }
        }
    }

    /// Makes no attempt.
    pub(crate) fn give_up(&mut self, handle: *mut ipc_mq_t) {
        if let Some(wait) = self.sleep.take() {
            // SAFETY: librobustipc.so checks the handle. The wait is this thread's, and has not ended yet.
            unsafe { ipc_mq_wait_end(handle, &wait) };
        }
    }
}

/// Waits after an attempt that found the queue empty or full, until another attempt may succeed.
pub(crate) fn wait(
    lookup: &Lookup,
    fd: c_int,
    handle: *mut ipc_mq_t,
    direction: c_int,
    deadline: Option<Time>,
) -> Result<Waited> {
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
    let mut wait = ipc_mq_wait_t::NONE;
    let spins = match may_spin() {
        true => 0,
        false => IPC_NONBLOCK,
    };
    // SAFETY: librobustipc.so checks the handle, and the pointer leads to room for the answer. The call
    // spins first.
    if check(unsafe { ipc_mq_wait_begin(handle, direction | spins, &mut wait) })? != 0 {
        return Ok(Waited::NOT_YET);
    }
    let ended = match may_sleep(lookup, fd) {
        Ok(()) => match sleep(&wait, deadline) {
            libc::EINTR => libc::EINTR,
            _ if deadline.is_some_and(|deadline| is_past(&deadline)) => libc::ETIMEDOUT,
            // A wake-up, or the wait's own limit.
            _ => 0,
        },
        Err(number) => number,
    };
    Ok(Waited {
        ended,
        sleep: Some(wait),
    })
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

fn is_past(time: &Time) -> bool {
    now(libc::CLOCK_REALTIME) >= *time
}

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

/// futex() with times of 64 bits.
#[cfg(target_pointer_width = "64")]
const FUTEX: libc::c_long = libc::SYS_futex;
#[cfg(target_pointer_width = "32")]
const FUTEX: libc::c_long = 422;

/// Whether a deadline of CLOCK_REALTIME comes before `limit`, a time of CLOCK_MONOTONIC.
fn comes_before(deadline: &Time, limit: &Time) -> bool {
    deadline.since(&now(libc::CLOCK_REALTIME)) < limit.since(&now(libc::CLOCK_MONOTONIC))
}

/// The time at which the sleep ends at the latest, if there is one, and its clock.
fn end_of_sleep(wait: &ipc_mq_wait_t, deadline: Option<Time>) -> (libc::clockid_t, Option<Time>) {
    let limit = (wait.until_ns >= 0).then(|| Time::of_ns(wait.until_ns.unsigned_abs()));
    match (deadline, limit) {
        (Some(deadline), Some(limit)) if !comes_before(&deadline, &limit) => {
            (libc::CLOCK_MONOTONIC, Some(limit))
        }
        (Some(deadline), _) => (libc::CLOCK_REALTIME, Some(deadline)),
        (None, limit) => (libc::CLOCK_MONOTONIC, limit),
    }
}

/// Sleeps as long as the word has the expected value, until the deadline or the wait's own limit. Returns 0
/// or the errno with which the sleep ended. If the thread is cancelled, it ends in here.
fn sleep(wait: &ipc_mq_wait_t, deadline: Option<Time>) -> c_int {
    let (clock, until) = end_of_sleep(wait, deadline);
    let time = until.as_ref().map_or(ptr::null(), ptr::from_ref);
    let waiter = Waiter {
        expected: wait.expected.into(),
        word: wait.word.addr() as u64,
        flags: SHARED_32_BITS,
        reserved: 0,
    };
    static IS_MISSING: AtomicBool = AtomicBool::new(false);
    if !IS_MISSING.load(Relaxed) {
        let arguments = [
            ptr::from_ref(&waiter).addr(),
            1,
            0,
            time.addr(),
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
    let time = if deadline.is_some() {
        time
    } else {
        ptr::null()
    };
    let clock_flag = match clock {
        libc::CLOCK_REALTIME => libc::FUTEX_CLOCK_REALTIME,
        _ => 0,
    };
    let operation = libc::FUTEX_WAIT_BITSET | clock_flag;
    let arguments = [
        wait.word.addr(),
        operation as usize,
        wait.expected as usize,
        time.addr(),
        0,
        u32::MAX as usize,
    ];
    cancellable(FUTEX, arguments)
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
