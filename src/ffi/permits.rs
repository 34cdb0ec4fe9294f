//! Pools of permits.

use super::mutex::locked;
use super::*;
use crate::base::time::Deadline;
use crate::object::layout;
use core::ffi::{c_int, c_uint};

/// A pool of permits to place in a shared struct, 2048 bytes aligned to 8. It is like a counting
/// semaphore, but each permit has an owner, a thread. If the owner dies, the permit is free again.
/// ipc_permits_init() initialises the pool. Never copy or move it.
#[repr(C, align(8))]
pub struct ipc_permits_t {
    opaque: [u64; 256],
}

const _: () = assert!(size_of::<ipc_permits_t>() == size_of::<layout::Permits>());
const _: () = assert!(align_of::<ipc_permits_t>() == align_of::<layout::Permits>());

/// How many permits a pool can have.
pub const IPC_PERMITS_MAX: c_uint = 31;

const _: () = assert!(IPC_PERMITS_MAX as usize == layout::PERMITS_MAX);

/// # Safety
///
/// `permits` is NULL, misaligned, or points to 2048 bytes that stay mapped and writable during the
/// call.
unsafe fn place<'a>(permits: *const ipc_permits_t) -> Result<&'a layout::Permits> {
    // SAFETY: by this function's contract; any bytes are a valid layout::Permits, and every use
    // checks its tag.
    unsafe { placed(permits.cast(), "the pool of permits") }
}

/// Initialises a pool of permits in memory that no other thread uses yet. Call it in the init
/// function of ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().
///
/// permits: 2048 bytes, aligned to 8.
/// count: how many permits the pool has, 1 to IPC_PERMITS_MAX. All of them are free.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the pool lies in memory that was opened with IPC_READ_ONLY; -EINVAL if
/// permits is NULL or misaligned, or count is out of range; -EBUSY if the memory holds an
/// initialised pool and a thread holds one of its permits; -ENOTSUP if the C library's robust lists
/// have a form that this library does not know.
/// Threads: one thread initialises the pool before other threads use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_permits_init(permits: *mut ipc_permits_t, count: c_uint) -> c_int {
    guard(c"ipc_permits_init", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(permits) }?.initialise(count)?;
        Ok(0)
    })
}

/// Takes a permit, waiting until one is free. A thread can hold several permits. A permit whose
/// last owner died is taken before the others.
///
/// permits: an initialised pool.
/// permit: receives the permit's number, 0 to count - 1, on success only. Pass the number to
/// ipc_permits_give(). It also says which of count equal resources belongs to this thread now.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
/// without limit, 0 does not wait.
///
/// Returns: 0 if the permit is held; IPC_OWNER_DIED (2) if the permit is held and its last owner
/// died holding it: the resource behind the permit may need repair, and there is no call to
/// declare it repaired; or a negative error.
/// Errors: -EACCES if the pool lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if no
/// permit is free and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EINTR if a signal
/// handler ran during the wait; -EINVAL if a pointer is NULL or misaligned, the pool is not
/// initialised, or timeout_ns is invalid; -EPROTO if the memory holds something other than a pool
/// of permits of this library's version and C library, a pool initialised in another PID namespace,
/// or a damaged pool; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. In signal handlers: safe on a pool that the interrupted
/// code does not use. The handler gives the permit back before it returns.
/// Fork: a held permit belongs to the parent's thread. The child does not hold it and cannot give
/// it back.
/// Owner death: the permit is free at once. The end of the owning thread and its process's exec
/// count as death too. A waiter notices at once on Linux 6.2 and newer, otherwise within 1 s.
/// If a thread that got IPC_OWNER_DIED dies with the permit too, the next owner gets
/// IPC_OWNER_DIED.
/// Waiter death: if a process dies that should deliver or had received a wake-up, another waiter
/// wakes at once (before Linux 6.2: within 1 s).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_permits_take(
    permits: *mut ipc_permits_t,
    permit: *mut c_uint,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_permits_take", move || {
        let permit = checked(permit, "permit")?;
        let deadline = Deadline::after(timeout_ns)?;
        // SAFETY: by the contract of this call.
        let (number, how) = unsafe { place(permits) }?.take(deadline)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call. A number
        // is below IPC_PERMITS_MAX.
        unsafe { put(permit, number as c_uint) }?;
        Ok(locked(how))
    })
}

/// Gives back a permit that this thread holds.
///
/// permits: an initialised pool.
/// permit: the permit's number, from ipc_permits_take().
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the pool lies in memory that was opened with IPC_READ_ONLY; -EPERM if this
/// thread does not hold the permit; -EINVAL if the pool has no such permit, or permits is NULL,
/// misaligned or not initialised; -EPROTO if the memory holds something other than a pool of
/// permits of this library's version and C library, a pool initialised in another PID namespace, or
/// a damaged pool.
/// Threads: safe; only the thread that took a permit can give it back. In signal
/// handlers: safe on a pool that the interrupted code does not use.
/// Fork: the child does not hold its parent's permits and gets -EPERM.
/// Owner death: if the owner dies inside this call, either the permit is given back or the owner
/// counts as dead while it held the permit.
/// Waiter death: if a process dies that should deliver or had received a wake-up, another waiter
/// wakes at once (before Linux 6.2: within 1 s).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_permits_give(permits: *mut ipc_permits_t, permit: c_uint) -> c_int {
    guard(c"ipc_permits_give", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(permits) }?.give(permit)?;
        Ok(0)
    })
}

/// Stores how many permits of a pool are free. Other threads may take and give back permits during
/// the call. A permit whose owner died counts as free.
///
/// permits: an initialised pool.
/// free: receives the number, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, or the pool is not initialised; -EPROTO if
/// the memory holds something other than a pool of permits of this library's version and C
/// library, a pool initialised in another PID namespace, or a damaged pool.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_permits_free(
    permits: *const ipc_permits_t,
    free: *mut c_uint,
) -> c_int {
    guard(c"ipc_permits_free", move || {
        let free = checked(free, "free")?;
        // SAFETY: by the contract of this call.
        let permits =
            unsafe { placed_to_read::<layout::Permits>(permits.cast(), "the pool of permits") }?;
        let count = permits.free_count()?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call. The count
        // is at most IPC_PERMITS_MAX.
        unsafe { put(free, count as c_uint) }
    })
}

/// Ends a pool of permits that no thread will use again. No permit may be held. This call is not
/// needed before the memory is unmapped.
///
/// permits: an initialised pool.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the pool lies in memory that was opened with IPC_READ_ONLY; -EBUSY if a
/// thread holds a permit; -EINVAL if permits is NULL, misaligned or not initialised; -EPROTO if the
/// memory holds something other than a pool of permits of this library's version and C library, a
/// pool initialised in another PID namespace, or a damaged pool.
/// Threads: one thread destroys the pool, after all others have used it for the last time. Do not
/// use the memory for other data at once: if a thread is killed in its last call, the kernel may
/// set a bit in it.
/// Owner death: a thread that died holding a permit does not hold it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_permits_destroy(permits: *mut ipc_permits_t) -> c_int {
    guard(c"ipc_permits_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(permits) }?.destroy()?;
        Ok(0)
    })
}
