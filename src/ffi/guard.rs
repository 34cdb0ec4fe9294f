//! The guards: the one place where Rust's failures become C's.
//!
//! A guard runs the body of an export. It catches panics, leaves errno alone, keeps the thread from being
//! cancelled, and turns a `Result` into the C result. A panic never unwinds into C: it becomes -EIO,
//! with the panic's text as the description of the failure.
//!
//! Many functions of libc are cancellation points, and a cancelled thread would be unwound through this
//! library's frames, which ends the process. So no call is a cancellation point: every body runs with
//! cancellation disabled, and so do the functions that it calls back. The fast halves of
//! [`guard_fast`] save that cost. They call no function of libc that is a cancellation point, and a
//! test cancels a thread in every call.
//!
//! The guards also tell a thread sanitizer that a call is under way ([`sanitizer`]).

use crate::base::errno::preserving_errno;
use crate::base::error::{self, Error, Result, fail};
use crate::sys::cancellation::NotCancelled;
use crate::sys::sanitizer;
use core::any::Any;
use core::cell::Cell;
use core::ffi::{CStr, c_int};
use core::panic::Location;
use core::ptr;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::OnceLock;

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

/// `int64_t` in C.
impl CResult for i64 {
    fn failure(negative_errno: c_int) -> i64 {
        negative_errno.into()
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
    let _call = sanitizer::Call::begin();
    let _not_cancelled = NotCancelled::begin();
    preserving_errno(|| match catch_panics(body) {
        Ok(value) => value,
        Err(error) => R::failure(error::record(call, error)),
    })
}

/// A guard for calls that usually take a few nanoseconds. `fast` does the whole job, or returns
/// `None` with nothing changed. `slow` does everything else, failures included.
///
/// `fast` must leave errno alone, and must not be cancelled: this guard does nothing about either on the
/// fast path. So `fast` makes its system calls through [`direct`](crate::sys::direct), if any.
#[inline(always)]
pub(super) fn guard_fast<R: CResult>(
    call: &'static CStr,
    fast: impl FnOnce() -> Option<R>,
    slow: impl FnOnce() -> Result<R>,
) -> R {
    match run_fast(fast) {
        Some(returned) => returned,
        None => guard_slow(call, slow),
    }
}

#[inline(always)]
fn run_fast<R>(fast: impl FnOnce() -> Option<R>) -> Option<R> {
    // A thread sanitizer needs to know of the call, which the slow half tells it.
    let fast = || match sanitizer::is_watching() {
        true => None,
        false => fast(),
    };
    catch_unwind(AssertUnwindSafe(fast)).unwrap_or_default()
}

/// The result of a fast half that has failed, for good. `describe` is part of the fast half: it calls no function of
/// libc that is a cancellation point.
pub(super) fn failure<R: CResult>(call: &'static CStr, describe: impl FnOnce() -> Error) -> R {
    preserving_errno(|| {
        let (Ok(error) | Err(error)) = catch_panics(|| Ok(describe()));
        R::failure(error::record(call, error))
    })
}

/// The next step of a call with a callback.
pub(super) enum Step<T, R> {
    /// Ends with this result.
    Return(R),
    /// Calls the program's function, and goes on from this state with the function's result.
    CallBack(T),
}

/// A guard for calls that call a function of the program's back in the caller's thread.
///
/// An exception or pthread_exit() may leave that function and pass through this frame to the caller. Rust ends the
/// process if `catch_unwind` meets an exception of another language. So no frame that catches panics is between the
/// function and the caller: the body is cut into steps at the place where it calls back, and each step alone is
/// guarded. When the function is left, this frame drops the state `T`, which gives back what the call has taken.
/// (With musl, pthread_exit() drops nothing. The kernel then reports the thread's death for the locks in `T`.)
///
/// `fast` is as in [`guard_fast`]. `step` begins with `None`, and goes on with the state and the function's result.
/// `call_back` calls the function by the ABI "C-unwind": otherwise the compiler takes for granted that it returns.
pub(super) fn guard_around<T, U, R: CResult>(
    call: &'static CStr,
    fast: impl FnOnce() -> Option<R>,
    mut step: impl FnMut(Option<(T, U)>) -> Result<Step<T, R>>,
    call_back: impl Fn(&T) -> U,
) -> R {
    if let Some(returned) = run_fast(fast) {
        return returned;
    }
    let _call = sanitizer::Call::begin();
    let _not_cancelled = NotCancelled::begin();
    let mut called = None;
    loop {
        let next = preserving_errno(|| match catch_panics(|| step(called.take())) {
            Ok(next) => next,
            Err(error) => Step::Return(R::failure(error::record(call, error))),
        });
        match next {
            Step::Return(value) => return value,
            Step::CallBack(state) => {
                let program_runs = sanitizer::CallBack::begin();
                let result = call_back(&state);
                drop(program_runs);
                called = Some((state, result));
            }
        }
    }
}

/// Calls a function of the program's back in a thread of the library's. The function must return. If its thread leaves
/// it by an exception or by pthread_exit(), this ends the process: no caller is there to receive the exception.
///
/// `call` calls by the ABI "C-unwind": otherwise the compiler would take for granted that the function returns.
pub(super) fn call_back_in_own_thread<R>(call: impl FnOnce() -> R) -> R {
    struct MustReturn;
    impl Drop for MustReturn {
        #[expect(
            clippy::disallowed_methods,
            reason = "the alternative is undefined behaviour, and the manual says so"
        )]
        fn drop(&mut self) {
            std::process::abort();
        }
    }
    let must_return = MustReturn;
    let call_back = sanitizer::CallBack::begin();
    let result = call();
    drop(call_back);
    core::mem::forget(must_return);
    result
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

/// Runs [`prepare`] when the library is loaded: before any call, so that a panic in a fast half finds it done too, and a
/// call has nothing left to do.
#[used]
// SAFETY: the section holds pointers to functions with C's calling convention, which are called once each.
#[unsafe(link_section = ".init_array")]
static PREPARE: extern "C" fn() = prepare;

/// The report of panics from before, if a Rust program that has this library linked in has set one.
static REPORT: OnceLock<PanicHook> = OnceLock::new();

type PanicHook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// Looks for a thread sanitizer. Keeps std from reporting this library's panics on standard error: the library prints
/// nothing. Other panics, in a Rust program that uses this library, are reported as before.
///
/// This allocates nothing: neither hook has a state, and a box without content takes no memory.
extern "C" fn prepare() {
    sanitizer::find();
    // The loader calls this once, and nothing else calls it.
    let _ = REPORT.set(std::panic::take_hook());
    std::panic::set_hook(Box::new(report_unless_own));
}

fn report_unless_own(panic: &PanicHookInfo<'_>) {
    // A panic in a fast half is not in a guard yet, but it comes from one of this crate's files.
    let is_own = IS_GUARDED.get() || panic.location().is_some_and(is_in_this_crate);
    if let (false, Some(report)) = (is_own, REPORT.get()) {
        report(panic);
    }
}

/// Whether a place in the source is in this crate. (In a test every place is, and the tests want their reports.)
fn is_in_this_crate(location: &Location<'_>) -> bool {
    !cfg!(test)
        && OWN_FOLDERS
            .iter()
            .any(|folder| location.file().starts_with(folder))
}

/// The folders of the layers, as the compiler writes them into the places of panics.
const OWN_FOLDERS: [&str; 6] = [
    "src/ffi/",
    "src/ipc/",
    "src/sync/",
    "src/object/",
    "src/sys/",
    "src/base/",
];

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
