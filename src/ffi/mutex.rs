//! The robust mutex.

use super::*;
use crate::base::time::{Deadline, is_timeout};
use crate::object::layout::{self, MUTEX_PRIORITY_INHERIT, MUTEX_RECURSIVE};
use crate::sync::mutex::Locked;
use core::ffi::c_int;

/// A mutex to place in a shared struct, as a program places a pthread_mutex_t. It is
/// process-shared and robust, and takes 64 bytes aligned to 8. ipc_mutex_init() initialises it.
/// Never copy or move it.
#[repr(C, align(8))]
pub struct ipc_mutex_t {
    opaque: [u64; 8],
}

const _: () = assert!(size_of::<ipc_mutex_t>() == size_of::<layout::Mutex>());
const _: () = assert!(align_of::<ipc_mutex_t>() == align_of::<layout::Mutex>());

/// Mutex flag: the owner may lock the mutex again. The mutex is free after as many unlocks as
/// locks.
pub const IPC_MUTEX_RECURSIVE: c_int = 0x1;
/// Mutex flag: a waiter lends the owner its priority, against priority inversion. The kernel keeps
/// the queue of waiters. An uncontended lock is as fast as without this flag.
pub const IPC_MUTEX_PRIORITY_INHERIT: c_int = 0x2;
/// Mutex flag: a second lock by the owner fails with -EDEADLK, and an unlock by another thread
/// fails with -EPERM. Every mutex that is not recursive behaves so: the flag only states it.
pub const IPC_MUTEX_ERROR_CHECK: c_int = 0x4;

/// The attributes of a new mutex. All zeros is the default: robust, process-shared,
/// error-checking.
#[repr(C)]
pub struct ipc_mutex_attr_t {
    /// 0, or IPC_MUTEX_PRIORITY_INHERIT combined with at most one of IPC_MUTEX_RECURSIVE and
    /// IPC_MUTEX_ERROR_CHECK.
    pub flags: c_int,
    /// All 0. These fields are reserved for later versions.
    pub reserved: [c_int; 7],
}

/// # Safety
///
/// `mutex` is NULL, misaligned, or points to 64 bytes that stay mapped and writable during the
/// call.
unsafe fn place<'a>(mutex: *const ipc_mutex_t) -> Result<&'a layout::Mutex> {
    // SAFETY: by this function's contract; any bytes are a valid layout::Mutex, and every use
    // checks its tag.
    unsafe { placed(mutex.cast(), "the mutex") }
}

/// `place` for the fast path: `None` for a pointer that `place` refuses.
///
/// # Safety
///
/// As `place`.
#[inline(always)]
unsafe fn place_fast<'a>(mutex: *const ipc_mutex_t) -> Option<&'a layout::Mutex> {
    // SAFETY: by this function's contract.
    unsafe { placed_fast(mutex.cast()) }
}

/// Initialises a mutex in memory that no other thread uses yet. Call it in the init function of
/// ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().
///
/// mutex: 64 bytes, aligned to 8.
/// attr: the attributes; NULL for the default. The library keeps no reference to it.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EINVAL if mutex
/// is NULL, if mutex or attr is misaligned, if attr has an unknown flag, both IPC_MUTEX_RECURSIVE
/// and IPC_MUTEX_ERROR_CHECK, or a reserved field that is not 0; -EBUSY if the memory holds an
/// initialised mutex that is locked or whose owner died holding it; -ENOTSUP if the C library's
/// robust lists have a form that this library does not know.
/// Threads: one thread initialises the mutex before other threads use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mutex_init(
    mutex: *mut ipc_mutex_t,
    attr: *const ipc_mutex_attr_t,
) -> c_int {
    guard(c"ipc_mutex_init", move || {
        // SAFETY: by the contract of this call.
        let mutex = unsafe { place(mutex) }?;
        let mut flags = 0;
        if !attr.is_null() {
            // SAFETY: by the contract of this call.
            let attr = unsafe { placed_to_read(attr, "attr") }?;
            let known = IPC_MUTEX_RECURSIVE | IPC_MUTEX_PRIORITY_INHERIT | IPC_MUTEX_ERROR_CHECK;
            if attr.flags & !known != 0 || attr.reserved != [0; 7] {
                return Err(fail!(
                    EINVAL,
                    "attr: flags {:#x}; expected any of {known:#x}, and all reserved fields 0",
                    attr.flags
                ));
            }
            if attr.flags & IPC_MUTEX_RECURSIVE != 0 && attr.flags & IPC_MUTEX_ERROR_CHECK != 0 {
                return Err(fail!(
                    EINVAL,
                    "attr: IPC_MUTEX_RECURSIVE and IPC_MUTEX_ERROR_CHECK exclude each other"
                ));
            }
            if attr.flags & IPC_MUTEX_RECURSIVE != 0 {
                flags |= MUTEX_RECURSIVE;
            }
            if attr.flags & IPC_MUTEX_PRIORITY_INHERIT != 0 {
                flags |= MUTEX_PRIORITY_INHERIT;
            }
        }
        mutex.initialise(flags)?;
        Ok(0)
    })
}

/// Locks a mutex, waiting until it is free. The wait resumes after a signal handler.
///
/// mutex: an initialised mutex.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
/// without limit, 0 does not wait.
///
/// Returns: 0 if the lock is held; IPC_OWNER_DIED (2) if the lock is held and its last owner died
/// holding it: repair the data and call ipc_mutex_consistent() before you unlock; or a negative
/// error, and this call has not taken the lock.
/// Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
/// another thread holds the mutex and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EDEADLK
/// if this thread holds the mutex already and the mutex is not recursive, or if, with priority
/// inheritance, the owners wait for each other in a circle; -ENOTRECOVERABLE if an owner unlocked
/// the mutex after IPC_OWNER_DIED without calling ipc_mutex_consistent(), or if, with priority
/// inheritance, the kernel refuses the lock word; -EINVAL if mutex is NULL, misaligned or not
/// initialised, or if timeout_ns is invalid; -EPROTO if the memory holds something other than a
/// mutex of this library's version and C library, or a mutex initialised in another PID namespace;
/// -EOVERFLOW if a recursive mutex is locked 4294967295 times already; -ENOSYS if a sandbox
/// (seccomp) forbids this process to sleep on a futex.
/// Threads: safe. In signal handlers: safe on a mutex that the interrupted code neither holds nor
/// locks. The handler unlocks it before it returns.
/// Fork: a held lock belongs to the parent's thread. The child does not hold the lock and cannot
/// unlock it.
/// Owner death: the lock is granted to the next locker with IPC_OWNER_DIED. The end of the owning
/// thread and its process's exec count as death too. If the kernel does not report the death
/// (it checks at most 2048 locks of a thread), sleeping waiters notice it within 15 s.
/// Waiter death: if a dying waiter had received a wake-up, another waiter wakes at once
/// (before Linux 6.2: within 1 s).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mutex_lock(mutex: *mut ipc_mutex_t, timeout_ns: i64) -> c_int {
    guard_fast(
        c"ipc_mutex_lock",
        || {
            // SAFETY: by the contract of this call.
            let taken = is_timeout(timeout_ns) && unsafe { place_fast(mutex) }?.lock_fast();
            taken.then_some(0)
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            unsafe { place(mutex) }?.lock(deadline).map(locked)
        },
    )
}

/// The result of a lock call whose lock is held.
pub(super) fn locked(locked: Locked) -> c_int {
    match locked {
        Locked::Clean => 0,
        Locked::OwnerDied => IPC_OWNER_DIED,
    }
}

/// Unlocks a mutex that this thread holds.
///
/// If the lock was granted with IPC_OWNER_DIED and ipc_mutex_consistent() was not called,
/// unlocking gives the data up. From then on every lock of this mutex fails with -ENOTRECOVERABLE,
/// and the threads that wait for it wake with that error.
///
/// mutex: an initialised mutex that this thread holds.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EPERM if this
/// thread does not hold the mutex; -EINVAL if mutex is NULL, misaligned or not initialised; -EPROTO
/// if the memory holds something other than a mutex of this library's version and C library, or a
/// mutex initialised in another PID namespace.
/// Threads: safe; only the owner can unlock.
/// Fork: the child does not hold its parent's locks and gets -EPERM.
/// Owner death: if the owner dies inside this call, the mutex is free, or the next locker gets
/// IPC_OWNER_DIED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mutex_unlock(mutex: *mut ipc_mutex_t) -> c_int {
    guard_fast(
        c"ipc_mutex_unlock",
        // SAFETY: by the contract of this call.
        || unsafe { place_fast(mutex) }?.unlock_fast().then_some(0),
        move || {
            // SAFETY: by the contract of this call.
            unsafe { place(mutex) }?.unlock()?;
            Ok(0)
        },
    )
}

/// Declares that the data under a mutex is sound again, after a lock that returned IPC_OWNER_DIED.
/// The mutex stays locked.
///
/// mutex: an initialised mutex that this thread holds.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EINVAL if the
/// last owner did not die holding the mutex, or if mutex is NULL, misaligned or not initialised;
/// -EPERM if this thread does not hold the mutex; -EPROTO if the memory holds something other than
/// a mutex of this library's version and C library, or a mutex initialised in another PID
/// namespace.
/// Threads: safe; only the owner can call it.
/// Fork: the child does not hold its parent's locks and gets -EPERM.
/// Owner death: if the owner dies before this call, the next locker gets IPC_OWNER_DIED too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mutex_consistent(mutex: *mut ipc_mutex_t) -> c_int {
    guard(c"ipc_mutex_consistent", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(mutex) }?.make_consistent()?;
        Ok(0)
    })
}

/// Ends a mutex that no thread holds or will use again. This call is not needed before the memory
/// is unmapped.
///
/// mutex: an initialised mutex.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EBUSY if the
/// mutex is locked, or if its owner died holding it and no locker has been told: lock it first;
/// -EINVAL if mutex is NULL, misaligned or not initialised; -EPROTO if the memory holds something
/// other than a mutex of this library's version and C library, or a mutex initialised in another
/// PID namespace.
/// Threads: one thread destroys the mutex, after all others have used it for the last time. Do not
/// use the memory for other data at once: if a thread is killed in its last unlock, the kernel may
/// set a bit in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mutex_destroy(mutex: *mut ipc_mutex_t) -> c_int {
    guard(c"ipc_mutex_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(mutex) }?.destroy()?;
        Ok(0)
    })
}
