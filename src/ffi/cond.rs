//! The condition variable.

use super::mutex::{ipc_mutex_t, locked};
use super::*;
use crate::base::time::Deadline;
use crate::object::layout;
use core::ffi::c_int;

/// A condition variable to place in a shared struct, for use with an ipc_mutex_t. It takes 32
/// bytes aligned to 8. ipc_cond_init() initialises it. Never copy or move it.
#[repr(C, align(8))]
pub struct ipc_cond_t {
    opaque: [u64; 4],
}

const _: () = assert!(size_of::<ipc_cond_t>() == size_of::<layout::Cond>());
const _: () = assert!(align_of::<ipc_cond_t>() == align_of::<layout::Cond>());

/// # Safety
///
/// `cond` is NULL, misaligned, or points to 32 bytes that stay mapped and writable during the call.
unsafe fn place<'a>(cond: *const ipc_cond_t) -> Result<&'a layout::Cond> {
    // SAFETY: by this function's contract; any bytes are a valid layout::Cond, and every use
    // checks its tag.
    unsafe { placed(cond.cast(), "the condition variable") }
}

/// Initialises a condition variable in memory that no other thread uses yet. Call it in the init
/// function of ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().
///
/// cond: 32 bytes, aligned to 8.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the condition variable lies in memory that was opened with IPC_READ_ONLY;
/// -EINVAL if cond is NULL or misaligned.
/// Threads: one thread initialises the condition variable before other threads use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cond_init(cond: *mut ipc_cond_t) -> c_int {
    guard(c"ipc_cond_init", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(cond) }?.initialise();
        Ok(0)
    })
}

/// Unlocks the mutex, waits for a signal, and locks the mutex again. As with every condition
/// variable the wait can end without a signal: test your condition in a loop.
///
/// cond: an initialised condition variable.
/// mutex: held by this thread. A recursive mutex is unlocked completely and locked again as often.
/// timeout_ns: how long to wait for the signal at most, in nanoseconds on the monotonic clock;
/// IPC_FOREVER waits without limit, 0 only unlocks the mutex and locks it again. The timeout does
/// not limit the wait for the mutex afterwards.
///
/// Returns: 0 with the mutex held; IPC_OWNER_DIED (2) with the mutex held, if its last owner died
/// holding it: repair the data and call ipc_mutex_consistent(); or a negative error.
/// Errors, with the mutex held as before the call: -ETIMEDOUT if the time has passed; -EAGAIN if
/// timeout_ns is 0 and no signal came; -EINTR if a signal handler ran; -EINVAL if a pointer is NULL
/// or misaligned, an object is not initialised, timeout_ns is invalid, or the mutex's last owner
/// died and ipc_mutex_consistent() was not called; -EPROTO if the memory holds something other than
/// a condition variable of this library's version, something other than a mutex of this library's
/// version and C library, or a mutex initialised in another PID namespace; -ENOSYS if a sandbox
/// (seccomp) forbids this process to sleep on a futex.
/// Errors, with the mutex not held: -EPERM if this thread did not hold the mutex; -ENOTRECOVERABLE
/// if, during the wait, an owner unlocked the mutex after IPC_OWNER_DIED without calling
/// ipc_mutex_consistent().
/// Threads: safe.
/// Fork: the child does not hold its parent's locks; it locks the mutex before it waits.
/// Owner death: if the mutex's owner dies, a waiter returns with IPC_OWNER_DIED within 1 s.
/// Waiter and signaller death: if a process dies that should deliver or had received a signal,
/// another waiter gets the signal within 1 s.
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

/// Wakes at least one waiter of a condition variable, if there is one. Programs usually call it
/// with the mutex held.
///
/// cond: an initialised condition variable.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the condition variable lies in memory that was opened with IPC_READ_ONLY;
/// -EINVAL if cond is NULL, misaligned or not initialised; -EPROTO if the memory holds something
/// other than a condition variable of this library's version.
/// Threads: safe.
/// Signaller death: if the signaller dies inside this call, the signal was not given, or a waiter
/// gets it within 1 s.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cond_signal(cond: *mut ipc_cond_t) -> c_int {
    guard(c"ipc_cond_signal", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(cond) }?.signal()?;
        Ok(0)
    })
}

/// Wakes all waiters of a condition variable. Programs usually call it with the mutex held.
///
/// cond: an initialised condition variable.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the condition variable lies in memory that was opened with IPC_READ_ONLY;
/// -EINVAL if cond is NULL, misaligned or not initialised; -EPROTO if the memory holds something
/// other than a condition variable of this library's version.
/// Threads: safe.
/// Signaller death: if the signaller dies inside this call, the signal was not given, or all
/// waiters get it within 1 s.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cond_broadcast(cond: *mut ipc_cond_t) -> c_int {
    guard(c"ipc_cond_broadcast", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(cond) }?.broadcast()?;
        Ok(0)
    })
}

/// Ends a condition variable that no thread will use again. This call is not needed before the
/// memory is unmapped.
///
/// cond: an initialised condition variable.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the condition variable lies in memory that was opened with IPC_READ_ONLY;
/// -EINVAL if cond is NULL, misaligned or not initialised; -EPROTO if the memory holds something
/// other than a condition variable of this library's version.
/// Threads: one thread destroys the condition variable, after all others have used it for the last
/// time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cond_destroy(cond: *mut ipc_cond_t) -> c_int {
    guard(c"ipc_cond_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(cond) }?.destroy()?;
        Ok(0)
    })
}
