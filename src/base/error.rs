//! The one place where errno, `Result` and the negative C result meet.
//!
//! A failure has two parts: an errno, which travels in [`Error`] and becomes the call's negative
//! result, and a description for people, which is written where the failure is found (there
//! both sides of a mismatch are known) into a buffer of this thread. The C boundary adds the
//! call's name, and keeps the description of what is really returned. `ipc_last_error` joins the
//! three. The buffers are fixed, so that failing
//! allocates nothing, and they are filled only on failure, so that succeeding costs nothing.

use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_char, c_int};
use core::fmt::{self, Write};
use core::num::NonZero;

use crate::base::errno;
use crate::base::text::Text;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use nix::errno::Errno;

/// A failed call: the errno that C will see, and whether this thread's description belongs to
/// it. In one register, because every fallible function hands it on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Error(NonZero<i32>);

/// Beside the errno, which is below 4096.
const DESCRIBED: i32 = 1 << 16;

const UNKNOWN: NonZero<i32> = NonZero::new(libc::EIO).expect("EIO is not 0");

pub(crate) type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    fn new(errno: Errno, described: bool) -> Error {
        let flag = if described { DESCRIBED } else { 0 };
        // 0 would be an errno that nobody knows.
        Error(NonZero::new(errno as i32 | flag).unwrap_or(UNKNOWN))
    }

    pub(crate) fn errno(self) -> Errno {
        Errno::from_raw(self.0.get() & !DESCRIBED)
    }

    fn is_described(self) -> bool {
        self.0.get() & DESCRIBED != 0
    }

    /// As a negative number, for the way through the guard.
    pub(crate) fn to_word(self) -> isize {
        -(self.0.get() as isize)
    }

    /// Back from a negative number.
    pub(crate) fn from_word(word: isize) -> Option<Error> {
        if word < 0 {
            NonZero::new(-word as i32).map(Error)
        } else {
            None
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(errno::name(self.errno()))
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Error::new(errno, false)
    }
}

/// Makes an [`Error`] with a description: `fail!(EPROTO, "{name}: expected {a}, found {b}")`.
///
/// The errno is a bare name or, in parentheses, an expression.
macro_rules! fail {
    (($errno:expr), $($text:tt)+) => {
        $crate::base::error::describe($errno, format_args!($($text)+))
    };
    ($errno:ident, $($text:tt)+) => {
        $crate::base::error::describe($crate::base::error::Errno::$errno, format_args!($($text)+))
    };
}
pub(crate) use fail;

/// Makes an [`Error`] of a failed system call: the text says what failed, and what the errno
/// means is put behind it: `failed!(errno, "{name}: cannot be opened")`.
macro_rules! failed {
    ($errno:expr, $($text:tt)+) => {
        $crate::base::error::describe_failed($errno, format_args!($($text)+))
    };
}
pub(crate) use failed;

type Line = Text<1280>;

thread_local! {
    /// Of the error made last. It may have been overcome since, and then nobody hears of it.
    static DESCRIPTION: RefCell<Line> = const { RefCell::new(Text::EMPTY) };
    /// Of the last failure that a call has returned, if it has one.
    static RECORDED: RefCell<Line> = const { RefCell::new(Text::EMPTY) };
    static RENDERED: RefCell<Line> = const { RefCell::new(Text::EMPTY) };
    static FAILURE: Cell<Option<(&'static CStr, Error)>> = const { Cell::new(None) };
}

/// Writes the description of a failure and returns the error that carries it. Use [`fail!`].
///
/// Being a C function it cannot unwind, so that those who fail have no code for that: what panics
/// in a description leaves the failure without one.
#[cold]
#[inline(never)]
#[allow(improper_ctypes_definitions, reason = "only Rust calls it")]
pub(crate) extern "C" fn describe(errno: Errno, text: fmt::Arguments<'_>) -> Error {
    // It is borrowed already only when a signal handler came in between and fails too: then the
    // interrupted call keeps the text.
    let write = || {
        DESCRIPTION.with(|description| match description.try_borrow_mut() {
            Ok(mut description) => {
                description.clear();
                description.add(text);
                true
            }
            Err(_) => false,
        })
    };
    let described = catch_unwind(AssertUnwindSafe(write)).unwrap_or(false);
    Error::new(errno, described)
}

/// The same with the meaning of the errno behind the text. Use [`failed!`].
#[cold]
#[inline(never)]
#[allow(improper_ctypes_definitions, reason = "only Rust calls it")]
pub(crate) extern "C" fn describe_failed(errno: Errno, text: fmt::Arguments<'_>) -> Error {
    describe(errno, format_args!("{text}: {}", meaning(errno)))
}

/// What the C library says of an errno. nix has such texts too, which would be in the library a
/// second time.
pub(crate) fn meaning(errno: Errno) -> &'static str {
    known_text(errno).to_str().unwrap_or("")
}

fn known_text(errno: Errno) -> &'static CStr {
    // SAFETY: strerror accepts any number and returns a NUL-terminated string. For the numbers
    // that Linux defines, glibc (2.32 and newer) and musl return constant text; an unknown
    // number's text lives until the thread's next call, and from_raw has turned every unknown
    // number into UnknownErrno, which is 0, so it does not occur.
    unsafe { CStr::from_ptr(libc::strerror(errno as c_int)) }
}

/// Notes `error` as this thread's last failure, for `ipc_last_error`, and returns it as a
/// negative C result.
#[cold]
pub(crate) fn record(call: &'static CStr, error: Error) -> c_int {
    FAILURE.set(Some((call, error)));
    if error.is_described() {
        DESCRIPTION.with(|text| {
            RECORDED.with(|recorded| {
                // Both are free, but for a signal handler that fails inside a failing call.
                if let (Ok(text), Ok(mut recorded)) = (text.try_borrow(), recorded.try_borrow_mut())
                {
                    recorded.clear();
                    let _ = recorded.write_str(text.as_str());
                }
            });
        });
    }
    -(error.errno() as c_int)
}

/// This thread's last failure as one line; empty when no call has failed. Valid until the thread
/// asks again or ends.
pub(crate) fn last_failure() -> *const c_char {
    RENDERED.with(|rendered| {
        let Ok(mut rendered) = rendered.try_borrow_mut() else {
            return c"".as_ptr();
        };
        rendered.clear();
        if let Some((call, error)) = FAILURE.get() {
            let meaning = text(-(error.errno() as c_int)).to_str().unwrap_or("");
            let _ = write!(
                rendered,
                "{}: -{}: ",
                call.to_str().unwrap_or(""),
                errno::name(error.errno())
            );
            if error.is_described() {
                let _ = RECORDED.with(|recorded| match recorded.try_borrow() {
                    Ok(recorded) => rendered.write_str(recorded.as_str()),
                    Err(_) => rendered.write_str(meaning),
                });
            } else {
                let _ = rendered.write_str(meaning);
            }
        }
        rendered.as_c_str().as_ptr()
    })
}

/// Success values above 0. They are told apart by number, so that `ipc_strerror` can name them.
pub(crate) const CREATED: c_int = 1;
pub(crate) const OWNER_DIED: c_int = 2;
pub(crate) const BARRIER_SERIAL: c_int = 3;
pub(crate) const ONCE_RAN: c_int = 4;

/// What `ipc_strerror` says of a result. Errors that this library gives a meaning of its own are
/// in its words; the rest are libc's.
pub(crate) fn text(result: c_int) -> &'static CStr {
    if result >= 0 {
        return match result {
            0 => c"success",
            CREATED => c"success: the object was created by this call",
            OWNER_DIED => {
                c"the lock is held; its last owner died holding it: repair the data, then call ..._consistent"
            }
            BARRIER_SERIAL => c"success: all have arrived, and this call alone is told so",
            ONCE_RAN => c"success: the initialisation was run by this call",
            _ => c"success",
        };
    }
    match Errno::from_raw(result.saturating_neg()) {
        Errno::EAGAIN => c"not possible without waiting (or, on opening, not ready yet)",
        Errno::EBADF => c"not an open handle or descriptor of this kind",
        Errno::EBUSY => c"still in use",
        Errno::EDEADLK => c"this thread already holds the lock",
        Errno::EINTR => c"interrupted by a signal handler",
        Errno::EINVAL => c"invalid argument",
        Errno::EIO => c"internal error in robustipc",
        Errno::EMEDIUMTYPE => c"the name belongs to another kind of object",
        Errno::ENAMETOOLONG => c"name or path too long",
        Errno::ENOSPC => c"the file system (for shared memory: /dev/shm) is full",
        Errno::EOWNERDEAD => c"a participant died",
        Errno::ENOTRECOVERABLE => {
            c"the lock was unlocked with its data not declared consistent after its owner died"
        }
        Errno::ENOSYS => c"the kernel lacks, or a sandbox forbids, a system call that this needs",
        Errno::ENOTSUP => c"not supported on this system",
        Errno::EPERM => c"not permitted, or not the lock's owner",
        Errno::EPROTO => c"type, size or layout differ from the existing object's",
        Errno::ESTALE => c"the object was removed",
        Errno::ETIMEDOUT => c"the timeout expired",
        Errno::EUCLEAN => c"the object's record in shared memory is damaged",
        Errno::EOVERFLOW => c"the value would be too large",
        Errno::UnknownErrno => c"unknown error number",
        known => known_text(known),
    }
}

/// Runs `call` and puts this thread's errno back afterwards: the library leaves errno alone.
pub(crate) fn preserving_errno<T>(call: impl FnOnce() -> T) -> T {
    let before = Errno::last_raw();
    let outcome = call();
    Errno::set_raw(before);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last() -> String {
        // SAFETY: last_failure returns a NUL-terminated buffer of this thread.
        unsafe { CStr::from_ptr(last_failure()) }
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn a_failure_names_the_call_the_error_and_both_sides() {
        assert_eq!(last(), "");
        let error = fail!(EPROTO, "/a: expected size {}, found {}", 8, 16);
        assert_eq!(record(c"ipc_shm_open", error), -libc::EPROTO);
        assert_eq!(
            last(),
            "ipc_shm_open: -EPROTO: /a: expected size 8, found 16"
        );
    }

    #[test]
    fn a_failure_without_description_does_not_show_an_older_one() {
        let _ = fail!(EPROTO, "old text");
        record(c"ipc_x", Error::from(Errno::ENOSPC));
        assert_eq!(
            last(),
            "ipc_x: -ENOSPC: the file system (for shared memory: /dev/shm) is full"
        );
    }

    #[test]
    fn a_failure_that_was_overcome_leaves_the_last_one_alone() {
        record(c"ipc_x", fail!(EPROTO, "returned"));
        let _ = fail!(EEXIST, "overcome");
        assert_eq!(last(), "ipc_x: -EPROTO: returned");
    }

    #[test]
    fn text_too_long_is_cut_at_a_character() {
        let error = fail!(EINVAL, "{}", "ä".repeat(5000));
        record(c"ipc_x", error);
        assert!(last().ends_with('ä'));
        assert!(last().len() < 1280);
    }

    #[test]
    fn every_number_has_a_text() {
        for number in [0, 1, 2, 3, i32::MAX, i32::MIN, -1000]
            .into_iter()
            .chain(-140..0)
        {
            assert!(!text(number).to_bytes().is_empty(), "{number}");
        }
    }

    #[test]
    fn an_unknown_number_is_no_success() {
        for number in [-1000, -4095, i32::MIN] {
            assert_eq!(text(number), c"unknown error number");
        }
    }

    #[test]
    fn errno_is_put_back() {
        Errno::set_raw(77);
        preserving_errno(|| Errno::set_raw(1));
        assert_eq!(Errno::last_raw(), 77);
    }
}
