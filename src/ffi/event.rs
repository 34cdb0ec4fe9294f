//! Events.

use super::*;
use crate::base::time::Deadline;
use crate::object::layout;
use core::ffi::c_int;

/// An event to place in a shared struct, 32 bytes aligned to 8: something that has happened or
/// not, and that can be waited for. Initialised by ipc_event_init(); never copied or moved.
#[repr(C)]
pub struct ipc_event_t {
    opaque: [u64; 4],
}

const _: () = assert!(size_of::<ipc_event_t>() == size_of::<layout::Event>());
const _: () = assert!(align_of::<ipc_event_t>() == align_of::<layout::Event>());

/// Event kind: each setting releases one waiter, and is taken back by that. Without it an event
/// stays set, and releases all, until it is reset.
pub const IPC_EVENT_AUTO_RESET: c_int = 0x1;
/// Event kind: set from the beginning.
pub const IPC_EVENT_SET: c_int = 0x2;

/// # Safety
///
/// `event` is NULL, misaligned, or points to 32 bytes that stay mapped and writable during the
/// call.
unsafe fn place<'a>(event: *const ipc_event_t) -> Result<&'a layout::Event> {
    // SAFETY: by this function's contract; any bytes are a layout::Event, whose tag is checked
    // by every use.
    unsafe { placed(event.cast(), "the event") }
}

/// The same where a good pointer is likely.
///
/// # Safety
///
/// As `place`.
#[inline(always)]
unsafe fn place_fast<'a>(event: *const ipc_event_t) -> Option<&'a layout::Event> {
    // SAFETY: by this function's contract.
    unsafe { placed_fast(event.cast()) }
}

/// Makes an event out of memory that nobody else uses yet.
///
/// flags: 0 or any of IPC_EVENT_AUTO_RESET, IPC_EVENT_SET.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL, misaligned, or unknown flags.
/// Threads: one thread initialises, before others use it.
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
        unsafe { place(event) }?.initialise(is_set(IPC_EVENT_AUTO_RESET), is_set(IPC_EVENT_SET));
        Ok(0)
    })
}

/// Sets an event: releases all who wait for it, or one if it resets itself. Setting what is
/// set changes nothing: settings are not counted (a semaphore counts). May be called from a
/// signal handler.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not an event of this library and
/// version.
/// Threads: safe.
/// Owner death: nobody owns an event. A setter that dies in here has set it or not; if it could
/// not wake the waiters any more, they notice 100 ms later at most. Waiter death: nothing happens
/// to others. Fork, exec: nothing to do with it.
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

/// Takes a setting back: who waits from now on waits for the next. Those who waited already when
/// it was set are released all the same.
///
/// Returns: 0, or a negative error.
/// Errors: those of ipc_event_set().
/// Threads: safe.
/// Owner death, waiter death, fork, exec: nothing to do with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_reset(event: *mut ipc_event_t) -> c_int {
    guard(c"ipc_event_reset", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(event) }?.reset()?;
        Ok(0)
    })
}

/// Waits until an event is set, and takes the setting back if the event resets itself.
///
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only looks.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN it is not set and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
/// while waiting; -EINVAL NULL, misaligned, not initialised, or a timeout below -1; -EPROTO not
/// an event of this library and version.
/// Threads: safe.
/// Owner death: nobody owns an event. Waiter death: one that dies after it took an automatic
/// event's setting has had it; a wake-up that it took before that reaches another waiter, 100 ms
/// later at most. Fork, exec: nothing to do with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_wait(event: *mut ipc_event_t, timeout_ns: i64) -> c_int {
    guard_fast(
        c"ipc_event_wait",
        || {
            // SAFETY: by the contract of this call.
            let passed = timeout_ns >= IPC_FOREVER && unsafe { place_fast(event) }?.wait_fast();
            passed.then_some(0)
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            unsafe { place(event) }?.wait(deadline)?;
            Ok(0)
        },
    )
}

/// Whether an event is set, at some moment during the call. Does not take an automatic one's
/// setting back.
///
/// Returns: 1 set, 0 not set, or a negative error.
/// Errors: those of ipc_event_set().
/// Threads: safe.
/// Owner death, waiter death, fork, exec: nothing to do with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_is_set(event: *const ipc_event_t) -> c_int {
    guard(c"ipc_event_is_set", move || {
        // SAFETY: by the contract of this call.
        let is_set = unsafe { place(event) }?.is_set()?;
        Ok(c_int::from(is_set))
    })
}

/// Ends an event that nobody will use again. Not needed before unmapping.
///
/// Returns: 0, or a negative error.
/// Errors: those of ipc_event_set().
/// Threads: the last one destroys.
/// Owner death, waiter death, fork, exec: nothing to do with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_event_destroy(event: *mut ipc_event_t) -> c_int {
    guard(c"ipc_event_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(event) }?.destroy()?;
        Ok(0)
    })
}
