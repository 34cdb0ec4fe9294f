//! Cancellation of threads.
//!
//! The calls that wait are cancellation points, as POSIX wants it ([`wait`](crate::wait)). The calls that
//! open, close and remove are none: a thread that is cancelled in the middle of one would keep a lock or a
//! descriptor, and librobustipc.so is not made to be unwound.

use core::ffi::c_int;
use core::ptr;

unsafe extern "C" {
    fn pthread_testcancel();
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// Ends the thread if a cancellation is pending.
#[inline(always)]
pub(crate) fn cancellation_point() {
    // SAFETY: pthread_testcancel() has no preconditions. A thread that ends here owns nothing of this
    // library.
    unsafe { pthread_testcancel() }
}

/// As long as this value lives, the thread cannot be cancelled.
pub(crate) struct Uncancelable {
    /// The thread's cancelability before.
    before: c_int,
}

impl Uncancelable {
    pub(crate) fn begin() -> Uncancelable {
        let mut before = 0;
        // SAFETY: the pointer leads to room for the answer.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
        Uncancelable { before }
    }
}

impl Drop for Uncancelable {
    fn drop(&mut self) {
        // SAFETY: the same call has returned the value; NULL means that no answer is wanted.
        unsafe { pthread_setcancelstate(self.before, ptr::null_mut()) };
    }
}
