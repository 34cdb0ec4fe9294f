//! The readers-writer lock.

use super::mutex::locked;
use super::*;
use crate::base::time::Deadline;
use crate::object::layout;
use core::ffi::{c_int, c_uint};

/// A readers-writer lock to place in a shared struct: process-shared and robust, 2048 bytes
/// aligned to 8. Initialised by ipc_rwlock_init(); never copied or moved.
#[repr(C)]
pub struct ipc_rwlock_t {
    opaque: [u64; 256],
}

const _: () = assert!(size_of::<ipc_rwlock_t>() == size_of::<layout::Rwlock>());
const _: () = assert!(align_of::<ipc_rwlock_t>() == align_of::<layout::Rwlock>());

/// How many threads can hold a readers-writer lock for reading at once; one more waits until
/// one of them leaves.
pub const IPC_RWLOCK_READERS_MAX: c_uint = 30;

const _: () = assert!(IPC_RWLOCK_READERS_MAX as usize == layout::RWLOCK_READERS);

/// # Safety
///
/// `rwlock` is NULL, misaligned, or points to 2048 bytes that stay mapped and writable during the
/// call.
unsafe fn place<'a>(rwlock: *const ipc_rwlock_t) -> Result<&'a layout::Rwlock> {
    // SAFETY: by this function's contract; any bytes are a layout::Rwlock, whose tag is checked
    // by every use.
    unsafe { placed(rwlock.cast(), "the readers-writer lock") }
}

/// The same where a good pointer is likely.
///
/// # Safety
///
/// As `place`.
#[inline(always)]
unsafe fn place_fast<'a>(rwlock: *const ipc_rwlock_t) -> Option<&'a layout::Rwlock> {
    // SAFETY: by this function's contract.
    unsafe { placed_fast(rwlock.cast()) }
}

/// Makes a readers-writer lock out of memory that nobody else uses yet: in the init of
/// ipc_shm_open_typed_init(), or on memory made by ipc_shm_anonymous() before fork.
///
/// rwlock: 2048 bytes, aligned to 8.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL or misaligned; -EBUSY an initialised lock that is held; -ENOTSUP a libc
/// without robust lists of a known form.
/// Threads: one thread initialises, before others use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_init(rwlock: *mut ipc_rwlock_t) -> c_int {
    guard(c"ipc_rwlock_init", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(rwlock) }?.initialise()?;
        Ok(0)
    })
}

/// Locks for reading, together with other readers. Resumed after signal handlers. A thread
/// that holds it for reading may do so again, also while a writer waits; it then unlocks as
/// often.
///
/// Readers that come while a writer waits let it go first.
///
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: 0, held for reading; IPC_OWNER_DIED (2), a writer died writing and this thread now
/// holds the lock alone, as a writer: repair the data, call ipc_rwlock_consistent(), unlock; or a
/// negative error, and the lock is not held.
/// Errors: -EAGAIN a writer holds it or waits for it, readers are just being let in after one,
/// or all places for readers are taken, and timeout_ns is 0; -ETIMEDOUT; -EDEADLK this thread
/// holds it for writing; -ENOTRECOVERABLE its data was given up (see ipc_rwlock_unlock());
/// -EINVAL NULL, misaligned, not initialised, or a timeout below -1; -EPROTO something else than
/// a readers-writer lock of this library's version and libc, or one of another PID
/// namespace; -EOVERFLOW held 4294967295 times by this thread.
/// Threads: safe. In signal handlers: not safe, as with pthread locks.
/// Owner death: also when the thread ends, or the process calls exec, holding the lock. A
/// reader's death frees its place and nobody is told, as it changed nothing; a writer's is told
/// to the next locker. Waiter death: nothing happens to others.
/// Fork: a lock held belongs to the parent. Exec: frees it as death does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_read_lock(rwlock: *mut ipc_rwlock_t, timeout_ns: i64) -> c_int {
    guard_fast(
        c"ipc_rwlock_read_lock",
        || {
            // SAFETY: by the contract of this call.
            let inside =
                timeout_ns >= IPC_FOREVER && unsafe { place_fast(rwlock) }?.read_lock_fast();
            inside.then_some(0)
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            unsafe { place(rwlock) }?.read_lock(deadline).map(locked)
        },
    )
}

/// Locks for writing, alone. Resumed after signal handlers. From the moment that it is the first
/// in the queue no new reader enters, so readers that overlap each other do not keep it out.
///
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: 0, held for writing; IPC_OWNER_DIED (2), held for writing, and the last writer died
/// writing: repair the data and call ipc_rwlock_consistent() before unlocking; or a negative
/// error, and the lock is not held.
/// Errors: -EAGAIN others hold it, wait for it or are just trying to, and timeout_ns is 0;
/// -ETIMEDOUT; -EDEADLK this thread holds it, for reading or writing; -ENOTRECOVERABLE its data
/// was given up (see ipc_rwlock_unlock()); -EINVAL NULL, misaligned, not initialised, or a
/// timeout below -1; -EPROTO as in ipc_rwlock_read_lock().
/// Threads: safe. In signal handlers: not safe.
/// Owner death: as in ipc_rwlock_read_lock(). A writer that dies before the readers have left
/// has written nothing, and nobody is told. Waiter death: nothing happens to others.
/// Fork: a lock held belongs to the parent. Exec: frees it as death does.
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

/// Unlocks what this thread holds, for reading or writing.
///
/// Unlocking after IPC_OWNER_DIED without ipc_rwlock_consistent() gives the data up: from then
/// on every lock fails with -ENOTRECOVERABLE, and those that wait are woken with that.
///
/// Returns: 0, or a negative error.
/// Errors: -EPERM this thread does not hold it; -EINVAL NULL, misaligned or not initialised;
/// -EPROTO as in ipc_rwlock_read_lock().
/// Threads: safe; only the thread that locked can unlock.
/// Owner death: one that dies in here has unlocked, or dies as a holder. Waiter death: nothing
/// happens to others.
/// Fork: the child holds nothing and gets -EPERM. Exec: as death.
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

/// Declares that the data under the lock is sound again, after IPC_OWNER_DIED. The lock stays
/// held, alone.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL no writer died, or NULL, misaligned or not initialised; -EPERM this thread
/// does not hold it for writing; -EPROTO as in ipc_rwlock_read_lock().
/// Threads: safe.
/// Owner death: one that dies before this has repaired nothing: the next is told again. Waiter
/// death: nothing happens to others. Fork, exec: as in ipc_rwlock_unlock().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_consistent(rwlock: *mut ipc_rwlock_t) -> c_int {
    guard(c"ipc_rwlock_consistent", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(rwlock) }?.make_consistent()?;
        Ok(0)
    })
}

/// Ends a readers-writer lock that nobody holds or will use again. Not needed before unmapping.
///
/// Returns: 0, or a negative error.
/// Errors: -EBUSY it is held; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
/// ipc_rwlock_read_lock().
/// Threads: the last one destroys.
/// Owner death: who died holding it does not hold it. Fork, exec: nothing to do with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_rwlock_destroy(rwlock: *mut ipc_rwlock_t) -> c_int {
    guard(c"ipc_rwlock_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(rwlock) }?.destroy()?;
        Ok(0)
    })
}
