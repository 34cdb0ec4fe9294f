//! Initialisation that runs once.

use super::callback::{Step, guard_around, outcome_of_callback};
use super::*;
use crate::base::time::{Deadline, is_timeout};
use crate::object::layout;
use crate::sync::once::Running;
use core::ffi::{c_int, c_void};

/// An initialisation in shared memory that runs once, 96 bytes aligned to 8. All zeros means that
/// it has not run, so fresh shared memory needs no call to prepare it. Never copy or move it.
#[repr(C, align(8))]
pub struct ipc_once_t {
    opaque: [u64; 12],
}

const _: () = assert!(size_of::<ipc_once_t>() == size_of::<layout::Once>());
const _: () = assert!(align_of::<ipc_once_t>() == align_of::<layout::Once>());

/// Result of ipc_once(): this call ran the initialisation.
pub const IPC_ONCE_RAN: c_int = 4;

const _: () = assert!(IPC_ONCE_RAN == error::ONCE_RAN);

/// Calls run(context), unless a process has run the initialisation to its end. If another thread
/// is running it, this call waits for that thread. When this call returns 0 or more, the
/// initialisation is complete and the caller sees all its effects.
///
/// once: 96 bytes, aligned to 8, all zeros at first.
/// run: the function to call; this call runs it at most once. If a C++ exception or pthread_exit()
/// leaves it, the initialisation has not run: the exception reaches the caller of this call, and
/// the next caller, or a waiter, runs it again. It must not be left by longjmp(). While it runs, its
/// thread is not cancelled. If its process dies in it, another thread runs it again, so it has to
/// cope with the state that an interrupted run left.
/// context: passed to run unchanged.
/// timeout_ns: how long to wait for another thread's run at most, in nanoseconds on the monotonic
/// clock; IPC_FOREVER waits without limit, 0 does not wait. The timeout does not limit run itself.
///
/// Returns: IPC_ONCE_RAN (4) if this call ran the initialisation; 0 if another call did; or a
/// negative error.
/// Errors: -EACCES if the once lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
/// another thread is running it and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EDEADLK if
/// run itself made this call; -EINVAL if once or run is NULL, once is misaligned, or timeout_ns is
/// invalid; -EPROTO if the memory holds neither zeros nor an initialisation of this library's
/// version and C library, or an initialisation that began in another PID namespace; -ENOTSUP if the
/// C library's robust lists have a form that this library does not know; -ENOSYS if a sandbox
/// (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. In signal handlers: not safe.
/// Fork: a child that is forked in run does not run the initialisation and must not return from
/// run.
/// Owner death: if the thread that runs the initialisation dies or its process calls exec, a
/// waiter or the next caller runs it again.
/// Waiter death: a dead waiter does not affect the others.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ipc_once(
    once: *mut ipc_once_t,
    run: Option<unsafe extern "C-unwind" fn(context: *mut c_void)>,
    context: *mut c_void,
    timeout_ns: i64,
) -> c_int {
    guard_around(
        c"ipc_once",
        // SAFETY: by the contract of this call.
        || unsafe { fast(once, run.is_some(), timeout_ns) },
        move |ran: Option<((Running<'_>, Run), ())>| {
            if let Some(((running, _), ())) = ran {
                running.finish()?;
                return Ok(Step::Return(IPC_ONCE_RAN));
            }
            // SAFETY: by the contract of this call.
            unsafe { begin(once, run, timeout_ns) }
        },
        // SAFETY: the caller's function with the caller's context.
        |(_, run)| unsafe { run(context) },
    )
}

/// Calls run(context), unless a process has run the initialisation to its end. It differs from
/// ipc_once() in one thing: run may fail. Then this call returns run's error, and the initialisation
/// has not run: a waiter or the next caller runs it. Calls of both kinds may be mixed on one once.
///
/// once: 96 bytes, aligned to 8, all zeros at first.
/// run: the function to call; this call runs it at most once. It returns 0 or more for success, or a
/// negative error number. If a C++ exception or pthread_exit() leaves it, the initialisation has not
/// run: the exception reaches the caller of this call. It must not be left by longjmp(). While it runs,
/// its thread is not cancelled. If it fails, or its process dies in it, another thread runs it again, so
/// it has to cope with the state that an earlier run left.
/// context: passed to run unchanged.
/// timeout_ns: how long to wait for another thread's run at most, in nanoseconds on the monotonic
/// clock; IPC_FOREVER waits without limit, 0 does not wait. The timeout does not limit run itself.
///
/// Returns: IPC_ONCE_RAN (4) if this call ran the initialisation; 0 if another call did; or a
/// negative error.
/// Errors: the negative number that run returned, or -EINVAL if that is no error number; -EACCES if
/// the once lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if another thread is running it
/// and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EDEADLK if run itself made this call;
/// -EINVAL if once or run is NULL, once is misaligned, or timeout_ns is invalid; -EPROTO if the memory
/// holds neither zeros nor an initialisation of this library's version and C library, or an
/// initialisation that began in another PID namespace; -ENOTSUP if the C library's robust lists have a
/// form that this library does not know; -ENOSYS if a sandbox (seccomp) forbids this process to sleep
/// on a futex.
/// Threads: safe. In signal handlers: not safe.
/// Fork: a child that is forked in run does not run the initialisation and must not return from
/// run.
/// Owner death: if the thread that runs the initialisation dies or its process calls exec, a
/// waiter or the next caller runs it again.
/// Waiter death: a dead waiter does not affect the others.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ipc_once_try(
    once: *mut ipc_once_t,
    run: Option<unsafe extern "C-unwind" fn(context: *mut c_void) -> c_int>,
    context: *mut c_void,
    timeout_ns: i64,
) -> c_int {
    guard_around(
        c"ipc_once_try",
        // SAFETY: by the contract of this call.
        || unsafe { fast(once, run.is_some(), timeout_ns) },
        move |ran: Option<((Running<'_>, TryRun), c_int)>| {
            if let Some(((running, _), result)) = ran {
                // On a failure `running` is dropped.
                outcome_of_callback("run", "the initialisation has not run", result)?;
                running.finish()?;
                return Ok(Step::Return(IPC_ONCE_RAN));
            }
            // SAFETY: by the contract of this call.
            unsafe { begin(once, run, timeout_ns) }
        },
        // SAFETY: the caller's function with the caller's context.
        |(_, run)| unsafe { run(context) },
    )
}

/// The result if the initialisation has run and the arguments are valid.
///
/// # Safety
///
/// `once` is NULL, misaligned, or points to 96 bytes that stay mapped during the call.
#[inline(always)]
unsafe fn fast(once: *mut ipc_once_t, has_run: bool, timeout_ns: i64) -> Option<c_int> {
    // SAFETY: by this function's contract.
    let once: &layout::Once = unsafe { placed_fast(once.cast_const().cast()) }?;
    (is_timeout(timeout_ns) && has_run && once.is_done()).then_some(0)
}

/// The first step of a call: to call `run`, or to return.
///
/// # Safety
///
/// As for [`fast`].
unsafe fn begin<'a, F>(
    once: *mut ipc_once_t,
    run: Option<F>,
    timeout_ns: i64,
) -> Result<Step<(Running<'a>, F), c_int>> {
    let Some(run) = run else {
        return Err(fail!(EINVAL, "run is NULL; expected a function"));
    };
    let deadline = Deadline::after(timeout_ns)?;
    // SAFETY: by this function's contract; any bytes are a valid layout::Once, and its begin checks the
    // tags.
    let once: &layout::Once = unsafe { placed(once.cast_const().cast(), "the once") }?;
    Ok(match once.begin(deadline)? {
        Some(running) => Step::CallBack((running, run)),
        None => Step::Return(0),
    })
}

/// The function of the caller, as it is called.
type Run = unsafe extern "C-unwind" fn(context: *mut c_void);

/// The function of a caller of ipc_once_try().
type TryRun = unsafe extern "C-unwind" fn(context: *mut c_void) -> c_int;
