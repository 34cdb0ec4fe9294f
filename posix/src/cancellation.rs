//! Cancellation of threads.
//!
//! The calls that wait are cancellation points, as POSIX wants it ([`wait`](crate::wait)). The calls that
//! open, close and remove are none: a thread that is cancelled in the middle of one would keep a lock or a
//! descriptor, and librobustipc.so is not made to be unwound.

use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

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

/// libc's `__libc_single_threaded`. A libc that has none (before glibc 2.32, musl) leaves a 0 here.
static SINGLE_THREADED: AtomicPtr<u8> = AtomicPtr::new(ptr::from_ref(&0u8).cast_mut());

/// Whether this process certainly has only one thread.
#[inline(always)]
pub(crate) fn is_single_threaded() -> bool {
    // SAFETY: the pointer leads to libc's char or to our 0, and both live as long as the process. libc
    // changes its char only in a call that starts a thread, so no other thread writes while this reads.
    unsafe { SINGLE_THREADED.load(Relaxed).read_volatile() != 0 }
}

/// Looks up libc's `__libc_single_threaded`, when this library is loaded.
pub(crate) fn find_single_threaded() {
    // SAFETY: the name is a C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
    if !found.is_null() {
        SINGLE_THREADED.store(found.cast(), Relaxed);
    }
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
