//! Initialisation that runs once.

use super::*;
use crate::base::time::Deadline;
use crate::object::layout;
use core::ffi::{c_int, c_void};

/// An initialisation in shared memory that runs once, 96 bytes aligned to 8. All zeros is one
/// that has not run: fresh shared memory needs no call to begin with. Never copied or moved.
#[repr(C)]
pub struct ipc_once_t {
    opaque: [u64; 12],
}

const _: () = assert!(size_of::<ipc_once_t>() == size_of::<layout::Once>());
const _: () = assert!(align_of::<ipc_once_t>() == align_of::<layout::Once>());

/// Result of ipc_once(): this call ran the initialisation.
pub const IPC_ONCE_RAN: c_int = 4;

const _: () = assert!(IPC_ONCE_RAN == error::ONCE_RAN);

/// Runs an initialisation, run(context), if no process has done so yet, and waits for one that is
/// running it. When this returns 0 or more, it has been run to its end, and all that it did is
/// seen here.
///
/// once: 96 bytes, aligned to 8, all zeros at first.
/// run: called at most once by this call. It has to return: no longjmp out of it, no end of
/// the thread in it, by pthread_exit() or cancellation. If its process dies in it, another
/// runs it again, so it has to cope with what a run that was cut off left behind.
/// context: passed to run as it is.
/// timeout_ns: for waiting, not for running; nanoseconds on the monotonic clock; IPC_FOREVER
/// waits, 0 does not wait for another's run.
///
/// Returns: IPC_ONCE_RAN (4) this call ran it; 0 another did; or a negative error.
/// Errors: -EAGAIN another is running it and timeout_ns is 0; -ETIMEDOUT; -EDEADLK called by
/// run itself; -EINVAL a NULL, misaligned, or a timeout below -1; -EPROTO neither zeros nor a
/// once of this library's version and libc, or one that runs in another PID namespace; -ENOTSUP
/// a libc without robust lists of a known form.
/// Threads: safe. In signal handlers: not safe.
/// Owner death: when the runner dies, or calls exec, a waiter or the next caller runs it. Waiter
/// death: nothing happens to others.
/// Fork: in run, the child is not the runner; it must not return from run. Exec: as death.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_once(
    once: *mut ipc_once_t,
    run: Option<unsafe extern "C" fn(context: *mut c_void)>,
    context: *mut c_void,
    timeout_ns: i64,
) -> c_int {
    guard_fast(
        c"ipc_once",
        || {
            // SAFETY: by the contract of this call.
            let once: &layout::Once = unsafe { placed_fast(once.cast_const().cast()) }?;
            (timeout_ns >= IPC_FOREVER && run.is_some() && once.is_done()).then_some(0)
        },
        move || {
            let Some(run) = run else {
                return Err(fail!(EINVAL, "run is NULL"));
            };
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call; any bytes are a layout::Once, whose tags are
            // checked.
            let once: &layout::Once = unsafe { placed(once.cast_const().cast(), "the once") }?;
            // SAFETY: the caller's function with the caller's context.
            let ran = once.run(deadline, || unsafe { run(context) })?;
            Ok(if ran { IPC_ONCE_RAN } else { 0 })
        },
    )
}
