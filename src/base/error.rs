//! The one place where errno, `Result` and the negative C result meet.
//!
//! A failure has two parts. The errno travels in [`Error`] and becomes the call's negative result.
//! The description is for people: it is written where the failure is found, because both sides of
//! a mismatch are known there, into a buffer of this thread. The C boundary notes which call
//! failed, and keeps the description of the error that the call returns. `ipc_last_error` joins
//! the call's name, the errno and the description into one line.
//!
//! The buffers have a fixed size, so a failure allocates nothing. They are written only on
//! failure, so success costs nothing.

use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_char, c_int};
use core::fmt::{self, Write};
use core::num::NonZero;

use crate::base::errno::meaning_c;
use crate::base::text::Text;

pub(crate) use crate::base::errno::{Errno, meaning};

/// A failed call: its errno, and whether this thread's `DESCRIPTION` was written for it.
///
/// Both are in one number, so that an error and a `Result<(), Error>` are returned in one register.
/// The fast paths of the message queue hand such results on: with a struct of two fields, a message
/// takes 8 ns longer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Error(NonZero<i32>);

/// This bit is set beside the errno if the error is described. An errno is below 4096.
const DESCRIBED: i32 = 1 << 16;

pub(crate) type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    fn new(errno: Errno, is_described: bool) -> Error {
        let flag = if is_described { DESCRIBED } else { 0 };
        // UnknownErrno, a number that nix does not know, is 0, which C would read as success.
        let errno = NonZero::new(errno as i32).unwrap_or(EIO);
        Error(errno | flag)
    }

    /// The errno. C gets it negated, as the call's result.
    pub(crate) fn errno(self) -> Errno {
        Errno::from_raw(self.0.get() & !DESCRIBED)
    }

    pub(crate) fn is_described(self) -> bool {
        self.0.get() & DESCRIBED != 0
    }
}

const EIO: NonZero<i32> = NonZero::new(libc::EIO).expect("EIO is not 0");

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.errno(), f)
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

/// Makes an [`Error`] from a failed system call: `failed!(errno, "{name}: cannot be opened")`.
///
/// The text says what failed. The C library's meaning of the errno is appended.
macro_rules! failed {
    ($errno:expr, $($text:tt)+) => {
        $crate::base::error::describe_failed($errno, format_args!($($text)+))
    };
}
pub(crate) use failed;

type Line = Text<1280>;

thread_local! {
    /// The description of the error made last. The caller may have handled that error since; then
    /// nobody sees this text.
    static DESCRIPTION: RefCell<Line> = const { RefCell::new(Text::EMPTY) };
    /// The call that failed last, and its error.
    static FAILURE: Cell<Option<(&'static CStr, Error)>> = const { Cell::new(None) };
    /// The description of the error in `FAILURE`, if that error has one.
    static RECORDED: RefCell<Line> = const { RefCell::new(Text::EMPTY) };
    /// The line that `ipc_last_error` returned last.
    static RENDERED: RefCell<Line> = const { RefCell::new(Text::EMPTY) };
}

/// Writes the description of a failure and returns the error that carries it. Use [`fail!`].
#[cold]
#[inline(never)]
pub(crate) fn describe(errno: Errno, text: fmt::Arguments<'_>) -> Error {
    let is_described = DESCRIPTION.with(|description| {
        // The buffer is borrowed already only if a signal handler interrupted this function and
        // fails too. Then the interrupted call keeps the text.
        let Ok(mut description) = description.try_borrow_mut() else {
            return false;
        };
        description.clear();
        description.add(text);
        true
    });
    Error::new(errno, is_described)
}

/// Writes the description of a failure, with the C library's meaning of the errno behind the text,
/// and returns the error that carries it. Use [`failed!`].
#[cold]
#[inline(never)]
pub(crate) fn describe_failed(errno: Errno, text: fmt::Arguments<'_>) -> Error {
    describe(errno, format_args!("{text}: {}", meaning(errno)))
}

/// Notes `error` as this thread's last failure, for `ipc_last_error`, and returns it as a
/// negative C result.
#[cold]
pub(crate) fn record(call: &'static CStr, error: Error) -> c_int {
    FAILURE.set(Some((call, error)));
    if error.is_described() {
        DESCRIPTION.with(|text| {
            RECORDED.with(|recorded| {
                // Either borrow fails only in a signal handler that interrupted a failing call.
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

/// This thread's last failure as one line; empty if no call has failed. The text is valid until
/// this thread calls `last_failure` again or ends.
pub(crate) fn last_failure() -> *const c_char {
    RENDERED.with(|rendered| {
        let Ok(mut rendered) = rendered.try_borrow_mut() else {
            return c"".as_ptr();
        };
        rendered.clear();
        if let Some((call, error)) = FAILURE.get() {
            let call = call.to_str().unwrap_or("");
            rendered.add(format_args!("{call}: -{:?}: ", error.errno()));
            let meaning = text(-(error.errno() as c_int)).to_str().unwrap_or("");
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

/// Success values above 0. Each number means one thing in all calls, so `ipc_strerror` can name
/// it.
pub(crate) const CREATED: c_int = 1;
pub(crate) const OWNER_DIED: c_int = 2;
pub(crate) const BARRIER_SERIAL: c_int = 3;
pub(crate) const ONCE_RAN: c_int = 4;

/// The text of a result, for `ipc_strerror`. If this library gives an error a narrower meaning,
/// the text is the library's; otherwise it is the C library's.
pub(crate) fn text(result: c_int) -> &'static CStr {
    if result >= 0 {
        return match result {
            CREATED => c"success: this call created the object",
            OWNER_DIED => {
                c"the lock is held; its last owner died holding it: repair the data, then call ..._consistent"
            }
            BARRIER_SERIAL => c"success: all have arrived, and only this call gets this result",
            ONCE_RAN => c"success: this call ran the initialisation",
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
            c"the lock cannot be used again: its owner died, and it was unlocked before the data was declared consistent"
        }
        Errno::ENOSYS => c"the kernel lacks, or a sandbox forbids, a system call that this needs",
        Errno::ENOTSUP => c"not supported on this system",
        Errno::EPERM => c"not permitted, or not the lock's owner",
        Errno::EPROTO => c"type, size or layout differ from the existing object's",
        Errno::ESTALE => c"the object was removed",
        Errno::ETIMEDOUT => c"the timeout expired",
        Errno::EUSERS => c"the object has as many users as it allows, and all are alive",
        Errno::ENOBUFS => c"this handle uses as many samples at once as it may",
        Errno::EUCLEAN => c"the object's record in shared memory is damaged",
        Errno::EOVERFLOW => c"the value would be too large",
        Errno::UnknownErrno => c"unknown error number",
        known => meaning_c(known),
    }
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
    fn a_failure_that_was_handled_does_not_replace_the_last_one() {
        record(c"ipc_x", fail!(EPROTO, "returned"));
        let _ = fail!(EEXIST, "handled");
        assert_eq!(last(), "ipc_x: -EPROTO: returned");
    }

    #[test]
    fn an_unknown_errno_is_no_success() {
        for error in [
            Error::from(Errno::UnknownErrno),
            fail!((Errno::UnknownErrno), "text"),
        ] {
            assert_eq!(record(c"ipc_x", error), -libc::EIO);
        }
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
}
