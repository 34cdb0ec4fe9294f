//! Pools of permits.

use super::mutex::locked;
use super::*;
use crate::base::time::Deadline;
use crate::object::layout;
use core::ffi::{c_int, c_uint};

/// A pool of permits to place in a shared struct, 2048 bytes aligned to 8: like a counting
/// semaphore, but a permit has an owner, and comes back when that dies. Initialised by
/// ipc_permits_init(); never copied or moved.
#[repr(C)]
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
    // SAFETY: by this function's contract; any bytes are a layout::Permits, whose tag is checked
    // by every use.
    unsafe { placed(permits.cast(), "the pool of permits") }
}

/// Makes a pool of permits out of memory that nobody else uses yet.
///
/// permits: 2048 bytes, aligned to 8.
/// count: how many permits there are, 1 to IPC_PERMITS_MAX. All are free.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL, misaligned, or a count out of range; -EBUSY an initialised pool of
/// which a permit is held; -ENOTSUP a libc without robust lists of a known form.
/// Threads: one thread initialises, before others use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_permits_init(permits: *mut ipc_permits_t, count: c_uint) -> c_int {
    guard(c"ipc_permits_init", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(permits) }?.initialise(count)?;
        Ok(0)
    })
}

/// Takes a permit, waiting until one is free. A thread can hold several. One whose last holder
/// died is taken before others.
///
/// permit: receives the permit's number, 0 to count - 1, on success only; for
/// ipc_permits_give(), and for knowing which of count resources is this thread's now.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: 0, the permit is held; IPC_OWNER_DIED (2), the permit is held and its last holder
/// died with it: what it stands for may have to be repaired; or a negative error.
/// Errors: -EAGAIN none is free and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
/// while waiting; -EINVAL a NULL, misaligned, not initialised, or a timeout below -1; -EPROTO
/// not a pool of permits of this library's version and libc, one of another PID namespace, or a
/// damaged one.
/// Threads: safe. In signal handlers: not safe.
/// Owner death: the permit is free at once; also when the thread ends, or the process calls
/// exec, holding it. A waiter notices at once on Linux 5.16 and newer, else 100 ms later at most.
/// If the one who was told dies too, the next is told. Waiter death: a wake-up that a dying
/// process took or did not send is made up for 100 ms later at most.
/// Fork: a permit held belongs to the parent. Exec: gives it back as death does.
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

/// Gives a permit back that this thread holds.
///
/// permit: its number, from ipc_permits_take().
///
/// Returns: 0, or a negative error.
/// Errors: -EPERM this thread does not hold that permit; -EINVAL no such permit, or NULL,
/// misaligned or not initialised; -EPROTO as in ipc_permits_take().
/// Threads: safe; only the thread that took it can give it.
/// Owner death: one that dies in here has given it back, or dies as its holder. Waiter death:
/// as in ipc_permits_take(). Fork: the child holds nothing and gets -EPERM. Exec: as death.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_permits_give(permits: *mut ipc_permits_t, permit: c_uint) -> c_int {
    guard(c"ipc_permits_give", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(permits) }?.give(permit)?;
        Ok(0)
    })
}

/// How many permits are free. Others may take and give some during the call.
///
/// free: receives the number, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL, misaligned or not initialised; -EPROTO as in ipc_permits_take().
/// Threads: safe.
/// Owner death: a dead holder's permit counts as free. Fork, exec: nothing to do with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_permits_free(
    permits: *const ipc_permits_t,
    free: *mut c_uint,
) -> c_int {
    guard(c"ipc_permits_free", move || {
        let free = checked(free, "free")?;
        // SAFETY: by the contract of this call.
        let count = unsafe { place(permits) }?.free_count()?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call. The count
        // is at most IPC_PERMITS_MAX.
        unsafe { put(free, count as c_uint) }
    })
}

/// Ends a pool of which nobody holds or will take a permit. Not needed before unmapping.
///
/// Returns: 0, or a negative error.
/// Errors: -EBUSY a permit is held; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
/// ipc_permits_take().
/// Threads: the last one destroys.
/// Owner death: who died holding a permit does not hold it. Fork, exec: nothing to do with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_permits_destroy(permits: *mut ipc_permits_t) -> c_int {
    guard(c"ipc_permits_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(permits) }?.destroy()?;
        Ok(0)
    })
}
