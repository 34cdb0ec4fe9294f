//! Functions of the program that a call calls back, and their results.

use super::{Result, fail};
use crate::base::errno::Errno;
pub(super) use crate::ffi::guard::{Step, guard_around};
use core::ffi::{c_int, c_void};

/// A function that works on data in shared memory, as it is called.
pub(super) type Callback =
    unsafe extern "C-unwind" fn(data: *mut c_void, context: *mut c_void) -> c_int;

/// The result of such a function, called `name`. A negative number is an errno, as in every result of this library.
/// `consequence` says what a failure means.
pub(super) fn outcome_of_callback(name: &str, consequence: &str, result: c_int) -> Result<()> {
    match result {
        0.. => Ok(()),
        // The kernel has no larger numbers.
        -4095..=-1 => {
            let errno = Errno::from_raw(-result);
            Err(fail!((errno), "{name} returned {result}; {consequence}"))
        }
        _ => Err(fail!(
            EINVAL,
            "{name} returned {result}; expected 0 or a negative errno; {consequence}"
        )),
    }
}
