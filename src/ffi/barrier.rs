//! The barrier.

use super::*;
use crate::base::time::Deadline;
use crate::object::layout;
use core::ffi::{c_int, c_uint};

/// A barrier to place in a shared struct, 2048 bytes aligned to 8: threads of any processes
/// wait at it for each other. Initialised by ipc_barrier_init(); never copied or moved.
#[repr(C)]
pub struct ipc_barrier_t {
    opaque: [u64; 256],
}

const _: () = assert!(size_of::<ipc_barrier_t>() == size_of::<layout::Barrier>());
const _: () = assert!(align_of::<ipc_barrier_t>() == align_of::<layout::Barrier>());

/// How many participants a barrier can have.
pub const IPC_BARRIER_COUNT_MAX: c_uint = 31;

/// Result of ipc_barrier_wait(), for one participant in each round: all have arrived.
pub const IPC_BARRIER_SERIAL: c_int = 3;

const _: () = assert!(IPC_BARRIER_COUNT_MAX as usize == layout::BARRIER_MAX);
const _: () = assert!(IPC_BARRIER_SERIAL == error::BARRIER_SERIAL);

/// # Safety
///
/// `barrier` is NULL, misaligned, or points to 2048 bytes that stay mapped and writable during the
/// call.
unsafe fn place<'a>(barrier: *const ipc_barrier_t) -> Result<&'a layout::Barrier> {
    // SAFETY: by this function's contract; any bytes are a layout::Barrier, whose tag is checked
    // by every use.
    unsafe { placed(barrier.cast(), "the barrier") }
}

/// Makes a barrier out of memory that nobody else uses yet.
///
/// barrier: 2048 bytes, aligned to 8.
/// count: for how many participants, 1 to IPC_BARRIER_COUNT_MAX.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL, misaligned, or a count out of range; -EBUSY an initialised barrier with
/// participants; -ENOTSUP a libc without robust lists of a known form.
/// Threads: one thread initialises, before others use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_init(barrier: *mut ipc_barrier_t, count: c_uint) -> c_int {
    guard(c"ipc_barrier_init", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.initialise(count)?;
        Ok(0)
    })
}

/// Makes this thread a participant, as its first ipc_barrier_wait() would: from here on the
/// others learn of its death. A participant already stays one.
///
/// Returns: 0, or a negative error.
/// Errors: -EOWNERDEAD a participant died (see ipc_barrier_wait()); -EBUSY the barrier has all
/// its participants; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
/// ipc_barrier_wait().
/// Threads: safe. In signal handlers: not safe.
/// Owner death, fork, exec: as in ipc_barrier_wait().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_join(barrier: *mut ipc_barrier_t) -> c_int {
    guard(c"ipc_barrier_join", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.join()?;
        Ok(0)
    })
}

/// Waits until all participants have arrived; then the next round begins. A thread becomes a
/// participant with its first wait or with ipc_barrier_join(), and stays one until
/// ipc_barrier_leave(), which it has to call before it ends and before the memory is unmapped.
///
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only looks whether this
/// thread was the last to come. Who fails has not arrived; it stays a participant, but a thread
/// whose first wait finds that a participant has died before does not become one.
///
/// Returns: IPC_BARRIER_SERIAL (3) for one participant and 0 for the others, when all have
/// arrived; or a negative error.
/// Errors: -EOWNERDEAD a participant died before all had arrived: the round is broken for all, and
/// so is each wait until ipc_barrier_reset(); -EAGAIN others are missing and timeout_ns is
/// 0; -ETIMEDOUT; -EINTR a signal handler ran while waiting; -EBUSY the barrier has all its
/// participants and this thread is none of them; -EINVAL NULL, misaligned, not initialised, or a
/// timeout below -1; -EPROTO not a barrier of this library's version and libc, one of another PID
/// namespace, or a damaged one.
/// Threads: safe. In signal handlers: not safe.
/// Owner death: a participant's, waiting or not, is told as above; at once on Linux 5.16 and
/// newer, else 100 ms later at most. So is its end without ipc_barrier_leave(), and exec. A
/// process that dies before it is a participant is not known here; use a timeout. Waiter death:
/// the same.
/// Fork: the child is no participant. Exec: as death.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_wait(barrier: *mut ipc_barrier_t, timeout_ns: i64) -> c_int {
    guard(c"ipc_barrier_wait", move || {
        let deadline = Deadline::after(timeout_ns)?;
        // SAFETY: by the contract of this call.
        let is_serial = unsafe { place(barrier) }?.wait(deadline)?;
        Ok(if is_serial { IPC_BARRIER_SERIAL } else { 0 })
    })
}

/// Ends this thread's part in the barrier. The others then wait for another thread to take its
/// place.
///
/// Returns: 0, or a negative error.
/// Errors: -EPERM this thread is no participant; -EINVAL NULL, misaligned or not initialised;
/// -EPROTO as in ipc_barrier_wait().
/// Threads: safe.
/// Owner death: one that dies in here has left, or dies as a participant. Fork: the child is no
/// participant and gets -EPERM. Exec: as death.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_leave(barrier: *mut ipc_barrier_t) -> c_int {
    guard(c"ipc_barrier_leave", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.leave()?;
        Ok(0)
    })
}

/// Makes a barrier usable again after a participant's death: the dead one's place is free for
/// another thread, the living ones stay participants. Does nothing if none died.
///
/// Returns: 0, or a negative error.
/// Errors: -EBUSY a participant has not yet returned from the broken wait: it will, 100 ms later
/// at most; -EINVAL NULL, misaligned or not initialised; -EPROTO as in ipc_barrier_wait().
/// Threads: safe.
/// Owner death: one that dies in here leaves the barrier broken or reset. Fork, exec: nothing to do
/// with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_reset(barrier: *mut ipc_barrier_t) -> c_int {
    guard(c"ipc_barrier_reset", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.reset()?;
        Ok(0)
    })
}

/// Ends a barrier without participants. Not needed before unmapping.
///
/// Returns: 0, or a negative error.
/// Errors: -EBUSY it has participants; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
/// ipc_barrier_wait().
/// Threads: the last one destroys.
/// Owner death: who died is no participant. Fork, exec: nothing to do with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_destroy(barrier: *mut ipc_barrier_t) -> c_int {
    guard(c"ipc_barrier_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.destroy()?;
        Ok(0)
    })
}
