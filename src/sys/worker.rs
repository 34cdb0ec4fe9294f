//! A thread of this library, made by libc: std's threads bring names, hooks and handles with
//! them that nobody here asks for.

use core::ffi::{CStr, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use nix::errno::Errno;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What std gives its threads: enough for a callback wherever the C library's own default is small.
const STACK_SIZE: usize = 2 << 20;

/// A thread that was started and not yet waited for.
pub(crate) struct Worker(libc::pthread_t);

// SAFETY: a pthread_t (a pointer with some C libraries) may be used by any thread, and is only
// used by who takes it.
unsafe impl Send for Worker {}
// SAFETY: as for Send.
unsafe impl Sync for Worker {}

struct Start {
    name: &'static CStr,
    run: Box<dyn FnOnce() + Send>,
}

impl Worker {
    /// Starts a thread of that name, of at most 15 bytes.
    pub(crate) fn start(
        name: &'static CStr,
        run: Box<dyn FnOnce() + Send>,
    ) -> Result<Worker, Errno> {
        let start = Box::into_raw(Box::new(Start { name, run }));
        let mut attributes = MaybeUninit::uninit();
        let mut thread = MaybeUninit::uninit();
        // SAFETY: the attributes are initialised first, and used and destroyed only when that
        // has worked (it cannot fail on Linux). `main` gets the box that it expects; it owns it
        // from then on.
        let failure = unsafe {
            libc::pthread_attr_init(attributes.as_mut_ptr());
            libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK_SIZE);
            let failure =
                libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), main, start.cast());
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            failure
        };
        if failure != 0 {
            // SAFETY: there is no thread, so the box is still this function's.
            drop(unsafe { Box::from_raw(start) });
            return Err(Errno::from_raw(failure));
        }
        // SAFETY: pthread_create has succeeded, so it has written the thread.
        Ok(Worker(unsafe { thread.assume_init() }))
    }

    /// Waits until the thread has ended. A thread that would wait for itself is let go instead.
    pub(crate) fn join(self) {
        // SAFETY: the thread was neither joined nor detached before, because this takes it.
        unsafe {
            if self.0 == libc::pthread_self() {
                libc::pthread_detach(self.0);
            } else {
                libc::pthread_join(self.0, ptr::null_mut());
            }
        }
    }
}

extern "C" fn main(start: *mut c_void) -> *mut c_void {
    // SAFETY: `start` is the box that Worker::start made for this thread alone.
    let start = unsafe { Box::from_raw(start.cast::<Start>()) };
    // SAFETY: the name is NUL-terminated; the kernel copies at most 16 bytes of it.
    unsafe { libc::prctl(libc::PR_SET_NAME, start.name.as_ptr()) };
    // A panic has been reported by then, and must not leave this function.
    let _ = catch_unwind(AssertUnwindSafe(start.run));
    ptr::null_mut()
}
