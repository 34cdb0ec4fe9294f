//! The readers-writer lock.

use super::mutex::locked;
use super::*;
use crate::base::time::{Deadline, is_timeout};
use crate::object::layout;
use core::ffi::{c_int, c_uint};

/// A readers-writer lock to place in a shared struct. It is process-shared and robust, and takes
/// 2048 bytes aligned to 8. ipc_rwlock_init() initialises it. Never copy or move it.
#[repr(C, align(8))]
pub struct ipc_rwlock_t {
    opaque: [u64; 256],
}

const _: () = assert!(size_of::<ipc_rwlock_t>() == size_of::<layout::Rwlock>());
const _: () = assert!(align_of::<ipc_rwlock_t>() == align_of::<layout::Rwlock>());

/// How many threads can hold a readers-writer lock for reading at the same time. One more reader
/// waits until one of them unlocks.
pub const IPC_RWLOCK_READERS_MAX: c_uint = 30;

const _: () = assert!(IPC_RWLOCK_READERS_MAX as usize == layout::RWLOCK_READERS);

/// # Safety
///
/// `rwlock` is NULL, misaligned, or points to 2048 bytes that stay mapped and writable during the
/// call.
unsafe fn place<'a>(rwlock: *const ipc_rwlock_t) -> Result<&'a layout::Rwlock> {
    // SAFETY: by this function's contract; any bytes are a valid layout::Rwlock, and every use
    // checks its tag.
    unsafe { placed(rwlock.cast(), "the readers-writer lock") }
}

/// `place` for the fast path: `None` for a pointer that `place` refuses.
///
/// # Safety
///
/// As `place`.
#[inline(always)]
unsafe fn place_fast<'a>(rwlock: *const ipc_rwlock_t) -> Option<&'a layout::Rwlock> {
    // SAFETY: by this function's contract.
    unsafe { placed_fast(rwlock.cast()) }
}

/// Initialises a readers-writer lock in memory that no other thread uses yet. Call it in the init
/// function of ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().
///
/// rwlock: 2048 bytes, aligned to 8.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EINVAL if rwlock
/// is NULL or misaligned; -EBUSY if the memory holds an initialised lock that a thread holds;
/// -ENOTSUP if the C library's robust lists have a form that this library does not know.
/// Threads: one thread initialises the lock before other threads use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_init(rwlock: *mut ipc_rwlock_t) -> c_int {
    guard(c"ipc_rwlock_init", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(rwlock) }?.initialise()?;
        Ok(0)
    })
}

/// Locks for reading, together with other readers. The wait resumes after a signal handler.
///
/// A thread that holds the lock for reading may lock it for reading again, also while a writer
/// waits. It unlocks as often as it has locked. Readers that come while a writer waits let the
/// writer go first.
///
/// rwlock: an initialised readers-writer lock.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
/// without limit, 0 does not wait.
///
/// Returns: 0 if the lock is held for reading; IPC_OWNER_DIED (2) if a writer died while it wrote:
/// this thread then holds the lock alone, as a writer does, and has to repair the data, call
/// ipc_rwlock_consistent() and unlock; or a negative error, and this call has not taken the lock.
/// Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
/// timeout_ns is 0 and a writer holds the lock or waits for it, readers that queued behind a writer
/// are just entering, or all places for readers are taken; -ETIMEDOUT if the time has passed;
/// -EDEADLK if this thread holds the lock for writing; -ENOTRECOVERABLE if a thread unlocked after
/// IPC_OWNER_DIED without calling ipc_rwlock_consistent(); -EINVAL if rwlock is NULL, misaligned or
/// not initialised, or if timeout_ns is invalid; -EPROTO if the memory holds something other than
/// a readers-writer lock of this library's version and C library, or a lock initialised in another
/// PID namespace; -EOVERFLOW if this thread holds the lock for reading 4294967295 times already;
/// -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. In signal handlers: safe on a lock that the interrupted
/// code does not use. The handler unlocks it before it returns.
/// Fork: a held lock belongs to the parent's thread. The child does not hold the lock and cannot
/// unlock it.
/// Owner death: a reader's death frees its place; no other thread is informed, because a reader
/// changes nothing. If a writer dies while it writes, the next locker gets IPC_OWNER_DIED. The end
/// of the owning thread and its process's exec count as death too.
/// Waiter death: a dead waiter does not affect the others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_read_lock(rwlock: *mut ipc_rwlock_t, timeout_ns: i64) -> c_int {
    guard_fast(
        c"ipc_rwlock_read_lock",
        || {
            // SAFETY: by the contract of this call.
            let inside = is_timeout(timeout_ns) && unsafe { place_fast(rwlock) }?.read_lock_fast();
            inside.then_some(0)
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            unsafe { place(rwlock) }?.read_lock(deadline).map(locked)
        },
    )
}

/// Locks for writing, alone. The wait resumes after a signal handler. Once this writer is first in
/// the queue, no new reader enters. So readers that overlap each other cannot keep a writer out.
///
/// rwlock: an initialised readers-writer lock.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
/// without limit, 0 does not wait.
///
/// Returns: 0 if the lock is held for writing; IPC_OWNER_DIED (2) if the lock is held for writing
/// and the last writer died while it wrote: repair the data and call ipc_rwlock_consistent()
/// before you unlock; or a negative error, and this call has not taken the lock.
/// Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
/// timeout_ns is 0 and other threads hold the lock, wait for it or are just trying to lock it;
/// -ETIMEDOUT if the time has passed; -EDEADLK if this thread holds the lock, for reading or
/// writing; -ENOTRECOVERABLE if a thread unlocked after IPC_OWNER_DIED without calling
/// ipc_rwlock_consistent(); -EINVAL if rwlock is NULL, misaligned or not initialised, or if
/// timeout_ns is invalid; -EPROTO if the memory holds something other than a readers-writer lock
/// of this library's version and C library, or a lock initialised in another PID namespace; -ENOSYS
/// if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. In signal handlers: safe on a lock that the interrupted
/// code does not use. The handler unlocks it before it returns.
/// Fork: a held lock belongs to the parent's thread. The child does not hold the lock and cannot
/// unlock it.
/// Owner death: if a writer dies while it writes, the next locker gets IPC_OWNER_DIED. The end of
/// the owning thread and its process's exec count as death too. If a writer dies before the
/// readers have left, it has written nothing, and no other thread is informed.
/// Waiter death: a dead waiter does not affect the others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_write_lock(
    rwlock: *mut ipc_rwlock_t,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_rwlock_write_lock", move || {
        let deadline = Deadline::after(timeout_ns)?;
        // SAFETY: by the contract of this call.
        unsafe { place(rwlock) }?.write_lock(deadline).map(locked)
    })
}

/// Unlocks a readers-writer lock that this thread holds, for reading or writing.
///
/// If the lock was granted with IPC_OWNER_DIED and ipc_rwlock_consistent() was not called,
/// unlocking gives the data up. From then on every lock fails with -ENOTRECOVERABLE, and the
/// threads that wait for the lock wake with that error.
///
/// rwlock: an initialised readers-writer lock that this thread holds.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EPERM if this
/// thread does not hold the lock; -EINVAL if rwlock is NULL, misaligned or not initialised; -EPROTO
/// if the memory holds something other than a readers-writer lock of this library's version and C
/// library, or a lock initialised in another PID namespace.
/// Threads: safe; only the thread that locked can unlock. In signal handlers: safe on a lock
/// that the interrupted code does not use.
/// Fork: the child does not hold its parent's locks and gets -EPERM.
/// Owner death: if the owner dies inside this call, either the unlock has happened or the owner
/// counts as dead while it held the lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_unlock(rwlock: *mut ipc_rwlock_t) -> c_int {
    guard_fast(
        c"ipc_rwlock_unlock",
        // SAFETY: by the contract of this call.
        || unsafe { place_fast(rwlock) }?.unlock_fast().then_some(0),
        move || {
            // SAFETY: by the contract of this call.
            unsafe { place(rwlock) }?.unlock()?;
            Ok(0)
        },
    )
}

/// Declares that the data under a readers-writer lock is sound again, after a lock that returned
/// IPC_OWNER_DIED. This thread still holds the lock alone.
///
/// rwlock: an initialised readers-writer lock that this thread holds for writing.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EINVAL if no
/// writer died, or if rwlock is NULL, misaligned or not initialised; -EPERM if this thread does not
/// hold the lock for writing; -EPROTO if the memory holds something other than a readers-writer
/// lock of this library's version and C library, or a lock initialised in another PID namespace.
/// Threads: safe; only the thread that holds the lock can call it.
/// Fork: the child does not hold its parent's locks and gets -EPERM.
/// Owner death: if the owner dies before this call, the next locker gets IPC_OWNER_DIED too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_consistent(rwlock: *mut ipc_rwlock_t) -> c_int {
    guard(c"ipc_rwlock_consistent", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(rwlock) }?.make_consistent()?;
        Ok(0)
    })
}

/// Ends a readers-writer lock that no thread holds or will use again. This call is not needed
/// before the memory is unmapped.
///
/// rwlock: an initialised readers-writer lock.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EBUSY if a
/// thread holds the lock, or if a writer died holding it and no locker has been told: lock it
/// first; -EINVAL if rwlock is NULL, misaligned or not initialised; -EPROTO if the memory holds
/// something other than a readers-writer lock of this library's version and C library, or a lock
/// initialised in another PID namespace.
/// Threads: one thread destroys the lock, after all others have used it for the last time. Do not
/// use the memory for other data at once: if a thread is killed in its last unlock, the kernel may
/// set a bit in it.
/// Owner death: a thread that died holding the lock does not hold it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_destroy(rwlock: *mut ipc_rwlock_t) -> c_int {
    guard(c"ipc_rwlock_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(rwlock) }?.destroy()?;
        Ok(0)
    })
}
