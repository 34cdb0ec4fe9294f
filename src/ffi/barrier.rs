//! The barrier.

use super::*;
use crate::base::time::Deadline;
use crate::object::layout;
use core::ffi::{c_int, c_uint};

/// A barrier to place in a shared struct, 2048 bytes aligned to 8, at which threads of any
/// processes wait for each other. ipc_barrier_init() initialises it. Never copy or move it.
#[repr(C, align(8))]
pub struct ipc_barrier_t {
    opaque: [u64; 256],
}

const _: () = assert!(size_of::<ipc_barrier_t>() == size_of::<layout::Barrier>());
const _: () = assert!(align_of::<ipc_barrier_t>() == align_of::<layout::Barrier>());

/// How many participants a barrier can have.
pub const IPC_BARRIER_COUNT_MAX: c_uint = 31;

/// Result of ipc_barrier_wait() for exactly one participant in each completed round.
pub const IPC_BARRIER_SERIAL: c_int = 3;

const _: () = assert!(IPC_BARRIER_COUNT_MAX as usize == layout::BARRIER_MAX);
const _: () = assert!(IPC_BARRIER_SERIAL == error::BARRIER_SERIAL);

/// # Safety
///
/// `barrier` is NULL, misaligned, or points to 2048 bytes that stay mapped and writable during the
/// call.
unsafe fn place<'a>(barrier: *const ipc_barrier_t) -> Result<&'a layout::Barrier> {
    // SAFETY: by this function's contract; any bytes are a valid layout::Barrier, and every use
    // checks its tag.
    unsafe { placed(barrier.cast(), "the barrier") }
}

/// Initialises a barrier in memory that no other thread uses yet. Call it in the init function of
/// ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().
///
/// barrier: 2048 bytes, aligned to 8.
/// count: how many participants each round waits for, 1 to IPC_BARRIER_COUNT_MAX.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EINVAL if
/// barrier is NULL or misaligned, or count is out of range; -EBUSY if the memory holds an
/// initialised barrier with participants; -ENOTSUP if the C library's robust lists have a form that
/// this library does not know.
/// Threads: one thread initialises the barrier before other threads use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_init(barrier: *mut ipc_barrier_t, count: c_uint) -> c_int {
    guard(c"ipc_barrier_init", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.initialise(count)?;
        Ok(0)
    })
}

/// Makes this thread a participant, without waiting. From then on the others learn of its death.
/// If the thread is a participant already, the call changes nothing.
///
/// barrier: an initialised barrier.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EOWNERDEAD if
/// a participant died and ipc_barrier_reset() was not called since; -EBUSY if the barrier has all
/// its participants and this thread is none of them; -EINVAL if barrier is NULL, misaligned or not
/// initialised; -EPROTO if the memory holds something other than a barrier of this library's
/// version and C library, a barrier initialised in another PID namespace, or a damaged barrier.
/// Threads: safe. In signal handlers: safe on a barrier that the interrupted
/// code does not use.
/// Fork: the child is not a participant.
/// Owner death: a participant's death breaks the round for all participants. The end of its thread
/// without ipc_barrier_leave() and its process's exec count as death too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_join(barrier: *mut ipc_barrier_t) -> c_int {
    guard(c"ipc_barrier_join", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.join()?;
        Ok(0)
    })
}

/// Waits until all participants have arrived; then the next round begins.
///
/// A thread becomes a participant with its first wait or with ipc_barrier_join(). It stays a
/// participant until ipc_barrier_leave(), which it has to call before it ends and before the
/// memory is unmapped. A participant whose wait fails has not arrived, and stays a participant. If
/// the first wait of a thread finds that a participant died before, the thread does not become a
/// participant.
///
/// barrier: an initialised barrier.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
/// without limit, 0 only checks whether this thread is the last to arrive.
///
/// Returns: IPC_BARRIER_SERIAL (3) for one participant and 0 for the others, if all have arrived;
/// or a negative error.
/// Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EOWNERDEAD if
/// a participant died before all had arrived: the round is broken for all participants, and each
/// later wait fails until ipc_barrier_reset(); -EAGAIN if others are missing and timeout_ns is 0;
/// -ETIMEDOUT if the time has passed; -EINTR if a signal handler ran during the wait; -EBUSY if the
/// barrier has all its participants and this thread is none of them; -EINVAL if barrier is NULL,
/// misaligned or not initialised, or timeout_ns is invalid; -EPROTO if the memory holds something
/// other than a barrier of this library's version and C library, a barrier initialised in another
/// PID namespace, or a damaged barrier; -ENOSYS if a sandbox (seccomp) forbids this process to
/// sleep on a futex.
/// Threads: safe. In signal handlers: safe on a barrier that the interrupted
/// code does not use.
/// Fork: the child is not a participant.
/// Owner death: a participant's death breaks the round, whether the participant was waiting or
/// not. Waiters notice at once on Linux 6.2 and newer, otherwise within 1 s. The end of a
/// participant's thread without ipc_barrier_leave() and its process's exec count as death too. The
/// death of a process that is not yet a participant is not noticed: use a timeout.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_wait(barrier: *mut ipc_barrier_t, timeout_ns: i64) -> c_int {
    guard(c"ipc_barrier_wait", move || {
        let deadline = Deadline::after(timeout_ns)?;
        // SAFETY: by the contract of this call.
        let is_serial = unsafe { place(barrier) }?.wait(deadline)?;
        Ok(if is_serial { IPC_BARRIER_SERIAL } else { 0 })
    })
}

/// Ends this thread's part in a barrier. The others then wait for another thread to take its
/// place.
///
/// barrier: an initialised barrier of which this thread is a participant.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EPERM if this
/// thread is not a participant; -EINVAL if barrier is NULL, misaligned or not initialised; -EPROTO
/// if the memory holds something other than a barrier of this library's version and C library, a
/// barrier initialised in another PID namespace, or a damaged barrier.
/// Threads: safe. In signal handlers: safe on a barrier that the interrupted
/// code does not use.
/// Fork: the child is not a participant and gets -EPERM.
/// Owner death: if the thread dies inside this call, it has left or counts as a participant that
/// died.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_leave(barrier: *mut ipc_barrier_t) -> c_int {
    guard(c"ipc_barrier_leave", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.leave()?;
        Ok(0)
    })
}

/// Makes a barrier usable again after a participant's death. The place of the dead participant is
/// free for another thread, and the living participants stay participants. If no participant died,
/// the call changes nothing.
///
/// barrier: an initialised barrier.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EBUSY if a
/// participant has not yet returned from the broken wait: it returns at once; -EINVAL if
/// barrier is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than
/// a barrier of this library's version and C library, a barrier initialised in another PID
/// namespace, or a damaged barrier.
/// Threads: safe. In signal handlers: safe on a barrier that the interrupted
/// code does not use.
/// Owner death: if the caller dies inside this call, the barrier is still broken or is reset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_reset(barrier: *mut ipc_barrier_t) -> c_int {
    guard(c"ipc_barrier_reset", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.reset()?;
        Ok(0)
    })
}

/// Ends a barrier that has no participants and that no thread will use again. This call is not
/// needed before the memory is unmapped.
///
/// barrier: an initialised barrier.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EBUSY if the
/// barrier has participants; -EINVAL if barrier is NULL, misaligned or not initialised; -EPROTO if
/// the memory holds something other than a barrier of this library's version and C library, a
/// barrier initialised in another PID namespace, or a damaged barrier.
/// Threads: one thread destroys the barrier, after all others have used it for the last time. Do
/// not use the memory for other data at once: if a thread is killed in its last call, the kernel
/// may set a bit in it.
/// Owner death: a thread that died is not a participant any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_barrier_destroy(barrier: *mut ipc_barrier_t) -> c_int {
    guard(c"ipc_barrier_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(barrier) }?.destroy()?;
        Ok(0)
    })
}
