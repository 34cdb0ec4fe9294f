//! The condition variable.

use super::mutex::{ipc_mutex_t, locked};
use super::*;
use crate::base::time::Deadline;
use crate::object::layout;
use core::ffi::c_int;

/// A condition variable to place in a shared struct, 32 bytes aligned to 8. Used with an
/// ipc_mutex_t. Initialised by ipc_cond_init(); never copied or moved.
#[repr(C)]
pub struct ipc_cond_t {
    opaque: [u64; 4],
}

const _: () = assert!(size_of::<ipc_cond_t>() == size_of::<layout::Cond>());
const _: () = assert!(align_of::<ipc_cond_t>() == align_of::<layout::Cond>());

/// # Safety
///
/// `cond` is NULL, misaligned, or points to 32 bytes that stay mapped and writable during the call.
unsafe fn place<'a>(cond: *const ipc_cond_t) -> Result<&'a layout::Cond> {
    // SAFETY: by this function's contract; any bytes are a layout::Cond, whose tag is checked
    // by every use.
    unsafe { placed(cond.cast(), "the condition variable") }
}

/// Makes a condition variable out of memory that nobody else uses yet.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL or misaligned.
/// Threads: one thread initialises, before others use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cond_init(cond: *mut ipc_cond_t) -> c_int {
    guard(c"ipc_cond_init", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(cond) }?.initialise();
        Ok(0)
    })
}

/// Unlocks the mutex, waits for a signal, and locks the mutex again. As with every condition
/// variable the wait can end without a signal: test what you wait for in a loop.
///
/// mutex: held by this thread. A recursive one is unlocked completely and locked as often
/// again.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only gives way to
/// others once.
///
/// Returns: 0, or IPC_OWNER_DIED (2) as from ipc_mutex_lock(): both with the mutex held; or a
/// negative error.
/// Errors, with the mutex held: -ETIMEDOUT; -EAGAIN timeout_ns is 0 and there was no signal;
/// -EINTR a signal handler ran; -EPERM this thread does not hold the mutex (it holds nothing
/// then); -EINVAL NULL, misaligned, not initialised, a timeout below -1, or a mutex whose owner
/// died and that was not made consistent; -EPROTO as in ipc_mutex_lock().
/// Errors, with the mutex not held: -ENOTRECOVERABLE the mutex was given up meanwhile.
/// Threads: safe.
/// Owner death: when the mutex's owner dies, a waiter returns with IPC_OWNER_DIED, 100 ms later
/// at most. Waiter and signaller death: a signal that a dying process took or did not finish
/// reaches another waiter, 100 ms later at most.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cond_wait(
    cond: *mut ipc_cond_t,
    mutex: *mut ipc_mutex_t,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_cond_wait", move || {
        let deadline = Deadline::after(timeout_ns)?;
        // SAFETY: by the contract of this call.
        let (cond, mutex) = unsafe {
            (
                place(cond)?,
                placed(mutex.cast_const().cast(), "the mutex")?,
            )
        };
        cond.wait(mutex, deadline).map(locked)
    })
}

/// Wakes at least one waiter, if there is one. Usually called with the mutex held.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not a condition variable of
/// this library and version.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cond_signal(cond: *mut ipc_cond_t) -> c_int {
    guard(c"ipc_cond_signal", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(cond) }?.signal()?;
        Ok(0)
    })
}

/// Wakes all waiters.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not a condition variable of
/// this library and version.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cond_broadcast(cond: *mut ipc_cond_t) -> c_int {
    guard(c"ipc_cond_broadcast", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(cond) }?.broadcast()?;
        Ok(0)
    })
}

/// Ends a condition variable that nobody will use again. Not needed before unmapping.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not a condition variable of
/// this library and version.
/// Threads: the last one destroys.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cond_destroy(cond: *mut ipc_cond_t) -> c_int {
    guard(c"ipc_cond_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(cond) }?.destroy()?;
        Ok(0)
    })
}
