//! The functions that stand behind ours: libc's, on the kernel's queues.

use crate::Result;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

/// A function of the libraries after this one, found at the first use.
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
        // SAFETY: a name; the libraries after this one.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        if found.is_null() {
            // A libc without message queues, whose programs cannot have been linked to them.
            // SAFETY: takes nothing.
            unsafe { libc::abort() };
        }
        self.found.store(found, Relaxed);
        found
    }
}

macro_rules! next {
    ($name:ident, $symbol:literal, fn($($argument:ident: $type:ty),* $(,)?) -> $result:ty) => {
        pub(crate) unsafe fn $name($($argument: $type),*) -> $result {
            static NEXT: Next = Next::new($symbol);
            // SAFETY: libc's function of that name has this type.
            let function: unsafe extern "C" fn($($type),*) -> $result = unsafe { mem::transmute(NEXT.get()) };
            // SAFETY: by the contract of the function.
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

pub(crate) unsafe fn open(
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    attr: *const libc::mq_attr,
) -> c_int {
    static NEXT: Next = Next::new(c"mq_open");
    type Open = unsafe extern "C" fn(*const c_char, c_int, ...) -> c_int;
    // SAFETY: libc's function has this type.
    let function: Open = unsafe { mem::transmute(NEXT.get()) };
    // SAFETY: by the contract of the function; what it does not use it does not look at.
    unsafe { function(name, flags, mode, attr) }
}

/// Whether memory of 8 bytes can be read: `EFAULT` instead of a crash. (The kernel reads the set before
/// it finds that 99 is no way to use it, and changes nothing.)
pub(crate) fn check_readable(address: *const c_void) -> Result<()> {
    const NO_SUCH_WAY: c_int = 99;
    // SAFETY: the kernel checks the address.
    let result = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            NO_SUCH_WAY,
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

unsafe extern "C" {
    fn secure_getenv(name: *const c_char) -> *mut c_char;
}

/// What ROBUSTIPC_POSIX says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Shared,
    /// The same, and whatever the process imports, it polls no queue.
    NeverPolls,
    /// The kernel's queue where there is one of the name.
    PreferKernel,
    Kernel,
}

pub(crate) fn choice() -> Choice {
    use core::sync::atomic::AtomicU8;
    static CHOICE: AtomicU8 = AtomicU8::new(0);
    match CHOICE.load(Relaxed) {
        1 => return Choice::Shared,
        2 => return Choice::PreferKernel,
        3 => return Choice::Kernel,
        4 => return Choice::NeverPolls,
        _ => {}
    }
    // SAFETY: a name; the environment is the program's, which must not change it meanwhile.
    let found = unsafe { secure_getenv(c"ROBUSTIPC_POSIX".as_ptr()) };
    let value = if found.is_null() {
        c""
    } else {
        // SAFETY: a string of the environment.
        unsafe { CStr::from_ptr(found) }
    };
    let (choice, number) = match value.to_bytes() {
        b"kernel" => (Choice::Kernel, 3),
        b"prefer-kernel" => (Choice::PreferKernel, 2),
        b"never-polls" => (Choice::NeverPolls, 4),
        _ => (Choice::Shared, 1),
    };
    CHOICE.store(number, Relaxed);
    choice
}
