//! The robust mutex.

use super::*;
use crate::base::time::Deadline;
use crate::object::layout::{self, MUTEX_PRIORITY_INHERIT, MUTEX_RECURSIVE};
use crate::sync::mutex::Locked;
use core::ffi::c_int;

/// A mutex to place in a shared struct, as one places a pthread_mutex_t: process-shared and robust,
/// 64 bytes aligned to 8. Initialised by ipc_mutex_init(); never copied or moved.
#[repr(C)]
pub struct ipc_mutex_t {
    opaque: [u64; 8],
}

const _: () = assert!(size_of::<ipc_mutex_t>() == size_of::<layout::Mutex>());
const _: () = assert!(align_of::<ipc_mutex_t>() == align_of::<layout::Mutex>());

/// Mutex kind: its owner may lock it again; it is free after as many unlocks.
pub const IPC_MUTEX_RECURSIVE: c_int = 0x1;
/// Mutex kind: who waits lends the owner its priority (against priority inversion). The kernel
/// keeps the queue; an uncontended lock is not slower.
pub const IPC_MUTEX_PRIORITY_INHERIT: c_int = 0x2;
/// Mutex kind: a second lock by the owner fails with -EDEADLK, an unlock by another with
/// -EPERM. Every mutex that is not recursive does so; the flag is for saying it.
pub const IPC_MUTEX_ERROR_CHECK: c_int = 0x4;

/// How a mutex shall be. All zeros is the default: robust, process-shared, error-checking.
#[repr(C)]
pub struct ipc_mutex_attr_t {
    /// 0 or any of the IPC_MUTEX_... kinds.
    pub flags: c_int,
    /// All 0: room for what comes later.
    pub reserved: [c_int; 7],
}

/// # Safety
///
/// `mutex` is NULL, misaligned, or points to 64 bytes that stay mapped and writable during the
/// call.
unsafe fn place<'a>(mutex: *const ipc_mutex_t) -> Result<&'a layout::Mutex> {
    // SAFETY: by this function's contract; any bytes are a layout::Mutex, whose tag is checked
    // by every use.
    unsafe { placed(mutex.cast(), "the mutex") }
}

/// The same where a good pointer is likely.
///
/// # Safety
///
/// As `place`.
#[inline(always)]
unsafe fn place_fast<'a>(mutex: *const ipc_mutex_t) -> Option<&'a layout::Mutex> {
    // SAFETY: by this function's contract.
    unsafe { placed_fast(mutex.cast()) }
}

/// Makes a mutex out of memory that nobody else uses yet: in the init of
/// ipc_shm_open_typed_init(), or on memory made by ipc_shm_anonymous() before fork.
///
/// mutex: 64 bytes, aligned to 8.
/// attr: NULL for the default; not kept.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL or misaligned mutex, unknown flags, or a reserved field that is not
/// 0; -EBUSY an initialised mutex that is locked; -ENOTSUP a libc without robust lists of a
/// known form.
/// Threads: one thread initialises, before others use it.
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
            let attr = unsafe { placed(attr, "attr") }?;
            let known = IPC_MUTEX_RECURSIVE | IPC_MUTEX_PRIORITY_INHERIT | IPC_MUTEX_ERROR_CHECK;
            if attr.flags & !known != 0 || attr.reserved != [0; 7] {
                return Err(fail!(
                    EINVAL,
                    "attr: flags {:#x}; expected any of {known:#x}, and all else 0",
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

/// Locks a mutex. Resumed after signal handlers.
///
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: 0, the lock is held; IPC_OWNER_DIED (2), the lock is held and its last owner died
/// holding it: repair the data and call ipc_mutex_consistent() before unlocking; or a negative
/// error, and the lock is not held.
/// Errors: -EAGAIN held by another and timeout_ns is 0; -ETIMEDOUT; -EDEADLK this thread holds
/// it (unless recursive), or with priority inheritance a circle of owners; -ENOTRECOVERABLE its
/// data was given up (see ipc_mutex_unlock()); -EINVAL NULL, misaligned, not initialised, or a
/// timeout below -1; -EPROTO something else than a mutex of this library's version and libc, or
/// one of another PID namespace; -EOVERFLOW locked 4294967295 times.
/// Threads: safe. In signal handlers: not safe, as with pthread mutexes.
/// Fork: a lock held belongs to the parent; the child does not have it and cannot unlock it.
/// Owner death: also when the thread ends, or the process calls exec, holding the lock. Where
/// the kernel does not report it (it looks at 2048 locks of a thread), those that wait find out
/// 100 ms later at most. Waiter death: a wake-up that a dying waiter took reaches another one,
/// 100 ms later at most.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mutex_lock(mutex: *mut ipc_mutex_t, timeout_ns: i64) -> c_int {
    guard_fast(
        c"ipc_mutex_lock",
        || {
            // SAFETY: by the contract of this call.
            let taken = timeout_ns >= IPC_FOREVER && unsafe { place_fast(mutex) }?.lock_fast();
            taken.then_some(0)
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            unsafe { place(mutex) }?.lock(deadline).map(locked)
        },
    )
}

/// What a lock call returns for a lock that is held.
pub(super) fn locked(locked: Locked) -> c_int {
    match locked {
        Locked::Clean => 0,
        Locked::OwnerDied => IPC_OWNER_DIED,
    }
}

/// Unlocks a mutex that this thread holds.
///
/// Unlocking after IPC_OWNER_DIED without ipc_mutex_consistent() gives the data up: from then
/// on every lock of this mutex fails with -ENOTRECOVERABLE, and those that wait are woken with
/// that.
///
/// Returns: 0, or a negative error.
/// Errors: -EPERM this thread does not hold it; -EINVAL NULL, misaligned or not initialised;
/// -EPROTO as in ipc_mutex_lock().
/// Threads: safe; only the owner can unlock.
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

/// Declares that the data under the lock is sound again, after IPC_OWNER_DIED.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL the last owner did not die, or NULL, misaligned or not initialised; -EPERM
/// this thread does not hold it; -EPROTO as in ipc_mutex_lock().
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mutex_consistent(mutex: *mut ipc_mutex_t) -> c_int {
    guard(c"ipc_mutex_consistent", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(mutex) }?.make_consistent()?;
        Ok(0)
    })
}

/// Ends a mutex that nobody holds or will use again. Not needed before unmapping.
///
/// Returns: 0, or a negative error.
/// Errors: -EBUSY it is locked; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
/// ipc_mutex_lock().
/// Threads: the last one destroys.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_mutex_destroy(mutex: *mut ipc_mutex_t) -> c_int {
    guard(c"ipc_mutex_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(mutex) }?.destroy()?;
        Ok(0)
    })
}
