//! Cancellation of threads: libc's functions that wait, read, write, open or close are cancellation points, and a
//! thread that is cancelled in one would be unwound through this library's frames, which ends the process.

use core::ffi::c_int;
use core::ptr;

// The libc crate lacks this function.
// SAFETY: declared as <pthread.h> does on Linux.
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// As long as this value lives, its thread is not cancelled. A cancellation that comes meanwhile stays pending.
pub(crate) struct NotCancelled {
    /// The thread's cancelability before.
    before: c_int,
}

impl NotCancelled {
    #[inline]
    pub(crate) fn begin() -> NotCancelled {
        let mut before = 0;
        // SAFETY: `before` is writable.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
        NotCancelled { before }
    }
}

impl Drop for NotCancelled {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the first call returned this state. NULL means that no answer is wanted.
        unsafe { pthread_setcancelstate(self.before, ptr::null_mut()) };
    }
}
