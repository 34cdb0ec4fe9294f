//! The C library's errno: leaving it alone, and the C library's texts for its values.
//!
//! The names of errors ("EPERM") come from `Errno`'s own `Debug`.

pub(crate) use nix::errno::Errno;

use core::ffi::{CStr, c_int};

/// Runs `call`, then restores this thread's errno to its value from before: no call of this
/// library changes errno.
pub(crate) fn preserving_errno<T>(call: impl FnOnce() -> T) -> T {
    let before = Errno::last_raw();
    let outcome = call();
    Errno::set_raw(before);
    outcome
}

/// The C library's description of an error, such as "Permission denied".
pub(crate) fn meaning(errno: Errno) -> &'static str {
    meaning_c(errno).to_str().unwrap_or("")
}

/// The C library's description of an error, as a C string.
pub(crate) fn meaning_c(errno: Errno) -> &'static CStr {
    // SAFETY: strerror accepts any number and returns a NUL-terminated string. For the numbers
    // that Linux defines, glibc (2.32 and newer) and musl return constant text. Only the text of
    // an unknown number is overwritten by the thread's next call, and no unknown number gets
    // here: Errno::from_raw turns each into UnknownErrno, which is 0.
    unsafe { CStr::from_ptr(libc::strerror(errno as c_int)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_is_put_back() {
        Errno::set_raw(77);
        preserving_errno(|| Errno::set_raw(1));
        assert_eq!(Errno::last_raw(), 77);
    }

    #[test]
    fn an_error_is_shown_by_the_name_that_c_programs_use() {
        for (number, name) in [
            (libc::EPERM, "EPERM"),
            (libc::EAGAIN, "EAGAIN"),
            (libc::EPROTO, "EPROTO"),
            (libc::EUCLEAN, "EUCLEAN"),
            (libc::EOPNOTSUPP, "EOPNOTSUPP"),
            (libc::EHWPOISON, "EHWPOISON"),
            (4095, "UnknownErrno"),
        ] {
            assert_eq!(format!("{:?}", Errno::from_raw(number)), name);
        }
    }
}
