//! The guards: the one place where Rust's failures become C's.
//!
//! A guard runs the body of an export. It catches panics, leaves errno alone, and turns a `Result`
//! into the C result. A panic never unwinds into C: it becomes -EIO, with the panic's text as the
//! description of the failure.

use crate::base::errno::preserving_errno;
use crate::base::error::{self, Error, Result, fail};
use core::any::Any;
use core::cell::Cell;
use core::ffi::{CStr, c_int};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A type that an export returns to C.
pub(super) trait CResult {
    /// The value that tells C that the call failed. `negative_errno` is below 0.
    fn failure(negative_errno: c_int) -> Self;
}

impl CResult for c_int {
    fn failure(negative_errno: c_int) -> c_int {
        negative_errno
    }
}

/// `ssize_t` in C.
impl CResult for isize {
    fn failure(negative_errno: c_int) -> isize {
        negative_errno as isize
    }
}

/// A size cannot be negative, so a failure is 0.
impl CResult for usize {
    fn failure(_: c_int) -> usize {
        0
    }
}

impl<T> CResult for *const T {
    fn failure(_: c_int) -> *const T {
        ptr::null()
    }
}

impl<T> CResult for *mut T {
    fn failure(_: c_int) -> *mut T {
        ptr::null_mut()
    }
}

/// Runs the body of the export `call`.
pub(super) fn guard<R: CResult>(call: &'static CStr, body: impl FnOnce() -> Result<R>) -> R {
    preserving_errno(|| match catch_panics(body) {
        Ok(value) => value,
        Err(error) => R::failure(error::record(call, error)),
    })
}

/// A guard for calls that usually take a few nanoseconds. `fast` does the whole job, or returns
/// `None` with nothing changed. `slow` does everything else, failures included.
///
/// `fast` must leave errno alone: this guard does not restore it on the fast path.
#[inline(always)]
pub(super) fn guard_fast<R: CResult>(
    call: &'static CStr,
    fast: impl FnOnce() -> Option<R>,
    slow: impl FnOnce() -> Result<R>,
) -> R {
    match catch_unwind(AssertUnwindSafe(fast)) {
        Ok(Some(returned)) => returned,
        _ => guard_slow(call, slow),
    }
}

/// Keeps the slow path's code out of line.
#[cold]
#[inline(never)]
fn guard_slow<R: CResult>(call: &'static CStr, slow: impl FnOnce() -> Result<R>) -> R {
    guard(call, slow)
}

thread_local! {
    /// Whether this thread is inside a guard. A panic there is ours: it is reported as a result.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`; a panic becomes `EIO` with the panic's text.
fn catch_panics<R>(body: impl FnOnce() -> Result<R>) -> Result<R> {
    silence_own_panics();
    // A callback may call the library again, so the value from before is restored, not cleared.
    let before = IS_GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    IS_GUARDED.set(before);
    outcome.unwrap_or_else(|payload| Err(panic_error(&*payload)))
}

#[cold]
#[inline(never)]
fn panic_error(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    fail!(EIO, "internal error: {text}")
}

/// Keeps std from reporting panics inside a guard on standard error: the library prints nothing.
/// Other panics, in a Rust program that uses this crate, are reported as before.
fn silence_own_panics() {
    static IS_DONE: AtomicBool = AtomicBool::new(false);
    // This is not a Once. If one thread forked while another was inside the Once, the child would
    // wait for ever.
    if IS_DONE.load(Ordering::Relaxed) || IS_DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !IS_GUARDED.get() {
            report(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Errno;

    fn last_error() -> String {
        // SAFETY: last_failure returns a NUL-terminated buffer of this thread.
        unsafe { CStr::from_ptr(error::last_failure()) }
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn a_panic_becomes_eio_with_its_text() {
        let result: c_int = guard(c"ipc_test", move || panic!("index {} too large", 7));
        assert_eq!(result, -libc::EIO);
        assert_eq!(
            last_error(),
            "ipc_test: -EIO: internal error: index 7 too large"
        );
    }

    #[test]
    fn a_failure_is_a_negative_number_or_nothing() {
        fn failed<R: CResult>() -> R {
            guard(c"ipc_test", || Err(Error::from(Errno::EPERM)))
        }
        assert_eq!(failed::<c_int>(), -libc::EPERM);
        assert_eq!(failed::<isize>(), -libc::EPERM as isize);
        assert_eq!(failed::<usize>(), 0);
        assert!(failed::<*mut u8>().is_null());
    }

    #[test]
    fn a_panic_in_the_fast_path_is_left_to_the_slow_one() {
        let result: c_int = guard_fast(c"ipc_test", || panic!(), || Ok(3));
        assert_eq!(result, 3);
    }

    #[test]
    fn the_guard_leaves_errno_alone() {
        Errno::set_raw(33);
        let _: c_int = guard(c"ipc_test", move || {
            Errno::set_raw(1);
            Err(Error::from(Errno::EPERM))
        });
        assert_eq!(Errno::last_raw(), 33);
    }
}
