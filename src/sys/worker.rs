//! A thread that the library starts. libc makes it, because std's threads bring names, hooks and handles that
//! the library does not need.

use super::cancellation::NotCancelled;
use super::sanitizer;
use crate::base::alloc::{try_box, uninit_slice};
use core::ffi::{CStr, c_void};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr;
use nix::errno::Errno;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The stack size that std gives its threads. It is enough for a callback, also where the C library's default
/// is small.
const STACK_SIZE: usize = 2 << 20;

/// A thread that was started and not yet joined.
pub(crate) struct Worker(libc::pthread_t);

// SAFETY: any thread may use a pthread_t (with some C libraries a pointer), and only the thread that takes
// this value uses it.
unsafe impl Send for Worker {}
// SAFETY: as for Send.
unsafe impl Sync for Worker {}

/// About as much memory as libc allocates for a thread, besides the stack.
const THREAD_MEMORY: usize = 1 << 10;

struct Start {
    name: &'static CStr,
    run: Box<dyn FnOnce() + Send>,
}

impl Worker {
    /// Starts a thread with this name of at most 15 bytes. It may run callbacks of the program.
    pub(crate) fn start(
        name: &'static CStr,
        run: Box<dyn FnOnce() + Send>,
    ) -> Result<Worker, Errno> {
        Worker::start_with_stack(name, STACK_SIZE, run)
    }

    /// Starts a thread that runs only this library's code, and needs a stack of this many bytes.
    pub(crate) fn start_with_stack(
        name: &'static CStr,
        stack_size: usize,
        run: Box<dyn FnOnce() + Send>,
    ) -> Result<Worker, Errno> {
        let start = Box::into_raw(try_box(Start { name, run })?);
        let mut attributes = MaybeUninit::uninit();
        let mut thread = MaybeUninit::uninit();
        // SAFETY: the attributes are initialised, which cannot fail on Linux, before they are used and
        // destroyed. `main` gets the box that it expects, and owns it from then on.
        let failure = unsafe {
            libc::pthread_attr_init(attributes.as_mut_ptr());
            let mut create = |stack_size| {
                libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack_size);
                libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), main, start.cast())
            };
            let failure = match create(stack_size) {
                // libc reports EAGAIN, as for too many threads, if its allocator refuses memory. If memory was
                // short for a moment only, the second attempt succeeds.
                libc::EAGAIN => create(stack_size),
                // libc puts the program's thread-local variables on the stack, and they do not fit on it.
                libc::EINVAL => create(STACK_SIZE),
                outcome => outcome,
            };
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            failure
        };
        if failure != 0 {
            // SAFETY: no thread was made, so this function still owns the box.
            drop(unsafe { Box::from_raw(start) });
            // (black_box: the compiler may leave out an allocation that nobody uses.)
            let has_memory = black_box(uninit_slice::<u8>(THREAD_MEMORY)).is_ok();
            return Err(if has_memory {
                Errno::from_raw(failure)
            } else {
                Errno::ENOMEM
            });
        }
        // SAFETY: pthread_create has succeeded, so it has written `thread`.
        Ok(Worker(unsafe { thread.assume_init() }))
    }

    pub(crate) fn is_this_thread(&self) -> bool {
        // SAFETY: pthread_self cannot fail.
        self.0 == unsafe { libc::pthread_self() }
    }

    /// Lets the thread end by itself.
    pub(crate) fn detach(self) {
        // SAFETY: `self` is taken by value, so the thread was neither joined nor detached before.
        unsafe { libc::pthread_detach(self.0) };
    }

    /// Waits until the thread has ended. If the thread itself calls this, the thread is detached instead.
    pub(crate) fn join(self) {
        // SAFETY: `self` is taken by value, so the thread was neither joined nor detached before.
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
    // The program's callback may give this thread's id away. It ends with its start routine, not before.
    let _not_cancelled = NotCancelled::begin();
    // All that this thread does is the library's, but for callbacks.
    let _call = sanitizer::Call::begin();
    // SAFETY: the name is NUL-terminated, and the kernel copies at most 16 bytes of it.
    unsafe { libc::prctl(libc::PR_SET_NAME, start.name.as_ptr()) };
    // A panic must not leave this function.
    let _ = catch_unwind(AssertUnwindSafe(start.run));
    ptr::null_mut()
}
