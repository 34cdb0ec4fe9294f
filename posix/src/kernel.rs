//! libc's functions of <mqueue.h>, which work on the kernel's queues.
//!
//! This library has functions of the same names, and a program's calls reach those. libc's are found as
//! the next ones after this library.

use crate::Result;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

/// A function of a library after this one. It is looked up at its first use.
pub(crate) struct Next {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Next {
    const fn new(name: &'static CStr) -> Next {
        Next {
            name,
            found: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn get(&self) -> *mut c_void {
        let found = self.found.load(Relaxed);
        if !found.is_null() {
            return found;
        }
        // SAFETY: the name is a C string.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        if found.is_null() {
            // This libc has no message queues, so no program can have been linked to them.
            // SAFETY: abort() has no preconditions.
            unsafe { libc::abort() };
        }
        self.found.store(found, Relaxed);
        found
    }
}

/// Defines a function of this module that calls the function of that symbol in libc.
macro_rules! next {
    ($name:ident, $symbol:literal, fn($($argument:ident: $type:ty),* $(,)?) -> $result:ty) => {
        /// # Safety
        ///
        /// As for libc's function.
        pub(crate) unsafe fn $name($($argument: $type),*) -> $result {
            static NEXT: Next = Next::new($symbol);
            // SAFETY: libc's function of that name has this type, as <mqueue.h> declares it.
            let function: unsafe extern "C" fn($($type),*) -> $result = unsafe { mem::transmute(NEXT.get()) };
            // SAFETY: by this function's contract.
            unsafe { function($($argument),*) }
        }
    };
}

next!(close, c"mq_close", fn(mq: c_int) -> c_int);
next!(unlink, c"mq_unlink", fn(name: *const c_char) -> c_int);
next!(
    send,
    c"mq_send",
    fn(mq: c_int, message: *const c_char, length: usize, priority: c_uint) -> c_int
);
next!(
    timed_send,
    c"mq_timedsend",
    fn(
        mq: c_int,
        message: *const c_char,
        length: usize,
        priority: c_uint,
        until: *const libc::timespec,
    ) -> c_int
);
next!(
    receive,
    c"mq_receive",
    fn(mq: c_int, buffer: *mut c_char, length: usize, priority: *mut c_uint) -> isize
);
next!(
    timed_receive,
    c"mq_timedreceive",
    fn(
        mq: c_int,
        buffer: *mut c_char,
        length: usize,
        priority: *mut c_uint,
        until: *const libc::timespec,
    ) -> isize
);
next!(
    notify,
    c"mq_notify",
    fn(mq: c_int, event: *const libc::sigevent) -> c_int
);
next!(
    get_attributes,
    c"mq_getattr",
    fn(mq: c_int, attr: *mut libc::mq_attr) -> c_int
);
next!(
    set_attributes,
    c"mq_setattr",
    fn(mq: c_int, new: *const libc::mq_attr, old: *mut libc::mq_attr) -> c_int
);
next!(
    open_fortified,
    c"__mq_open_2",
    fn(name: *const c_char, flags: c_int) -> c_int
);

/// libc's mq_open(), with all four arguments.
///
/// # Safety
///
/// As for mq_open().
pub(crate) unsafe fn open(
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    attr: *const libc::mq_attr,
) -> c_int {
    static NEXT: Next = Next::new(c"mq_open");
    type Open = unsafe extern "C" fn(*const c_char, c_int, ...) -> c_int;
    // SAFETY: libc's function has this type, as <mqueue.h> declares it.
    let function: Open = unsafe { mem::transmute(NEXT.get()) };
    // SAFETY: by this function's contract. Without O_CREAT libc ignores the last two arguments.
    unsafe { function(name, flags, mode, attr) }
}

/// `EFAULT` if 8 bytes cannot be read at the address, where the kernel's call would say so and ours would
/// crash. The kernel copies the signal set before it finds that it knows no operation 99, so the thread's
/// signal mask does not change.
pub(crate) fn check_readable(address: *const c_void) -> Result<()> {
    const NO_SUCH_OPERATION: c_int = 99;
    // SAFETY: the kernel checks the address, and writes nothing.
    let result = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            NO_SUCH_OPERATION,
            address,
            ptr::null::<c_void>(),
            8usize,
        )
    };
    if result < 0 && crate::errno() == libc::EFAULT {
        return Err(libc::EFAULT);
    }
    Ok(())
}
