//! Events.

use super::*;
use crate::base::time::{Deadline, is_timeout};
use crate::ffi::waitset::object_closed;
use crate::ipc::watch::placed;
use crate::object::layout;
use core::ffi::c_int;

/// An event to place in a shared struct, 32 bytes aligned to 8. An event is set or not set, and
/// threads of any processes can wait until it is set. ipc_event_init() initialises it. Never copy
/// or move it.
#[repr(C, align(8))]
pub struct ipc_event_t {
    opaque: [u64; 4],
}

const _: () = assert!(size_of::<ipc_event_t>() == size_of::<layout::Event>());
const _: () = assert!(align_of::<ipc_event_t>() == align_of::<layout::Event>());

/// Event flag: each time the event is set, it releases one waiter, and that waiter resets it.
/// Without this flag an event stays set until ipc_event_reset() and releases all waiters.
pub const IPC_EVENT_AUTO_RESET: c_int = 0x1;
/// Event flag: the event is set from the beginning.
pub const IPC_EVENT_SET: c_int = 0x2;

/// # Safety
///
/// `event` is NULL, misaligned, or points to 32 bytes that stay mapped and writable during the
/// call.
unsafe fn place<'a>(event: *const ipc_event_t) -> Result<&'a layout::Event> {
    // SAFETY: by this function's contract; any bytes are a valid layout::Event, and every use
    // checks its tag.
    unsafe { placed(event.cast(), "the event") }
}

/// `place` for the fast path: `None` for a pointer that `place` refuses.
///
/// # Safety
///
/// As `place`.
#[inline(always)]
unsafe fn place_fast<'a>(event: *const ipc_event_t) -> Option<&'a layout::Event> {
    // SAFETY: by this function's contract.
    unsafe { placed_fast(event.cast()) }
}

/// Initialises an event in memory that no other thread uses yet. Call it in the init function of
/// ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().
///
/// event: 32 bytes, aligned to 8.
/// flags: 0 or any of IPC_EVENT_AUTO_RESET, IPC_EVENT_SET.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
/// is NULL or misaligned, or flags has an unknown flag.
/// Threads: one thread initialises the event before other threads use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_init(event: *mut ipc_event_t, flags: c_int) -> c_int {
    guard(c"ipc_event_init", move || {
        let known = IPC_EVENT_AUTO_RESET | IPC_EVENT_SET;
        if flags & !known != 0 {
            return Err(fail!(
                EINVAL,
                "flags {flags:#x}; expected any of {known:#x}"
            ));
        }
        let is_set = |flag| flags & flag != 0;
        // SAFETY: by the contract of this call.
        let event = unsafe { place(event) }?;
        placed::forget_object(event);
        event.initialise(is_set(IPC_EVENT_AUTO_RESET), is_set(IPC_EVENT_SET));
        Ok(0)
    })
}

/// Sets an event. All waiters are released, or one waiter if the event has IPC_EVENT_AUTO_RESET.
/// Setting an event that is set already changes nothing: an event does not count (a semaphore
/// does). A signal handler may call this.
///
/// event: an initialised event.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
/// is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than an
/// event of this library's version.
/// Threads: safe. In signal handlers: safe.
/// Owner death: an event has no owner. If the setter dies inside this call, the event is set or
/// not. If the setter dies before it wakes the waiters of a set event, they notice at once (before Linux
/// 6.2: within 1 s).
/// Waiter death: a dead waiter does not affect the others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_set(event: *mut ipc_event_t) -> c_int {
    guard_fast(
        c"ipc_event_set",
        // SAFETY: by the contract of this call.
        || unsafe { place_fast(event) }?.set_fast().then_some(0),
        move || {
            // SAFETY: by the contract of this call.
            unsafe { place(event) }?.set()?;
            Ok(0)
        },
    )
}

/// Resets an event: a thread that waits from now on waits until the event is set again. Threads
/// that already waited when a manual event was set are released even if they have not woken yet.
///
/// event: an initialised event.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
/// is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than an
/// event of this library's version.
/// Threads: safe.
/// Owner death: an event has no owner. If the caller dies inside this call, the event is reset or
/// not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_reset(event: *mut ipc_event_t) -> c_int {
    guard(c"ipc_event_reset", move || {
        // SAFETY: by the contract of this call.
        let event = unsafe { place(event) }?;
        event.reset()?;
        placed::settle(event);
        Ok(0)
    })
}

/// Waits until an event is set. If the event has IPC_EVENT_AUTO_RESET, the released waiter resets
/// it.
///
/// event: an initialised event.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
/// without limit, 0 only checks.
///
/// Returns: 0 if the event was set, or a negative error.
/// Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if the
/// event is not set and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EINTR if a signal
/// handler ran during the wait; -EINVAL if event is NULL, misaligned or not initialised, or
/// timeout_ns is invalid; -EPROTO if the memory holds something other than an event of this
/// library's version; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
/// Threads: safe.
/// Owner death: an event has no owner. If the setter dies before it wakes the waiters, they notice
/// at once (before Linux 6.2: within 1 s).
/// Waiter death: if a waiter that was woken dies before it resets an automatic event, another
/// waiter is released at once (before Linux 6.2: within 1 s). If the waiter dies after that, the setting is used up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_wait(event: *mut ipc_event_t, timeout_ns: i64) -> c_int {
    guard_fast(
        c"ipc_event_wait",
        || {
            // SAFETY: by the contract of this call.
            let passed = !placed::any()
                && is_timeout(timeout_ns)
                && unsafe { place_fast(event) }?.wait_fast();
            passed.then_some(0)
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            let event = unsafe { place(event) }?;
            let outcome = event.wait(deadline);
            placed::settle(event);
            outcome?;
            Ok(0)
        },
    )
}

/// Tells whether an event is set at some moment during the call. The call does not reset an event
/// with IPC_EVENT_AUTO_RESET.
///
/// event: an initialised event.
///
/// Returns: 1 if the event is set, 0 if it is not set, or a negative error.
/// Errors: -EINVAL if event is NULL, misaligned or not initialised; -EPROTO if the memory holds
/// something other than an event of this library's version.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_is_set(event: *const ipc_event_t) -> c_int {
    guard(c"ipc_event_is_set", move || {
        // SAFETY: by the contract of this call.
        let is_set =
            unsafe { placed_to_read::<layout::Event>(event.cast(), "the event") }?.is_set()?;
        Ok(c_int::from(is_set))
    })
}

/// Ends an event that no thread will use again. This call is not needed before the memory is
/// unmapped.
///
/// event: an initialised event.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
/// is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than an
/// event of this library's version.
/// Threads: one thread destroys the event, after all others have used it for the last time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_destroy(event: *mut ipc_event_t) -> c_int {
    guard(c"ipc_event_destroy", move || {
        // SAFETY: by the contract of this call.
        let event = unsafe { place(event) }?;
        event.destroy()?;
        placed::forget_object(event);
        object_closed();
        Ok(0)
    })
}

/// Gives a descriptor for poll(), select() and epoll, which is readable while an event is set. It is an eventfd
/// that belongs to this process. Do not read from it or write to it. It is always writable.
///
/// Whichever process sets the event makes the descriptor readable. The descriptor may be readable although the event
/// is not set any more, because another process reset it: then ipc_event_wait() with timeout 0 gives -EAGAIN, and
/// the descriptor is not readable any more. With EPOLLET, wait with timeout 0 until -EAGAIN, or reset the event.
/// Then every setting is reported.
///
/// Where the kernel has io_uring with IORING_OP_FUTEX_WAIT (Linux 6.7) and permits it, the descriptor needs one more
/// descriptor, of an io_uring, and no thread. Elsewhere the first such call of a process starts a thread, which
/// stays. It is named "ipc_watch", blocks all signals, and sleeps until something happens. Where the kernel
/// has no futex_waitv() either (before Linux 5.16, or in a sandbox), that thread checks all events every 10 ms.
///
/// event: an initialised event. If it lies in memory that the program maps itself, and the memory is to be unmapped,
/// call ipc_event_destroy() or close the descriptor before.
///
/// Returns: the descriptor, or a negative error. Every call with this event gives the same descriptor. It
/// belongs to the library and lasts until ipc_event_destroy(), until the region with the event is closed, or until
/// the program closes it.
/// Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
/// is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than an
/// event of this library's version; -EMFILE if this process has too many descriptors; -ENFILE if the system has too
/// many open files; -EAGAIN if no thread can be started, or if a signal handler makes this call and interrupted a
/// call on the same event; -ENOMEM if there is no memory.
/// Threads: safe.
/// Fork: the descriptor stays the parent's. The child calls ipc_event_fd() itself and gets its own.
/// Owner death: an event has no owner. A setter that dies has set the event and made the descriptor readable,
/// or neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_fd(event: *mut ipc_event_t) -> c_int {
    guard(c"ipc_event_fd", move || {
        // SAFETY: by the contract of this call.
        placed::event_descriptor(unsafe { place(event) }?)
    })
}
