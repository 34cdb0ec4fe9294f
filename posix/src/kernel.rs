//! libc's functions of the names that this library has too.
//!
//! A program's calls reach this library's functions, and so do its own: a call of libc::close() in here
//! would be a call of the function in [`closing`](crate::closing). libc's are found as the next ones
//! after this library.

#[cfg(target_pointer_width = "32")]
use crate::time::Time;
use core::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};
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

    /// NULL if this libc has no such function.
    #[inline(always)]
    fn get(&self) -> *mut c_void {
        match self.found.load(Relaxed) {
            found if found.is_null() => self.search(),
            found => found,
        }
    }

    #[cold]
    fn search(&self) -> *mut c_void {
        // SAFETY: the name is a C string.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.found.store(found, Relaxed);
        found
    }
}

/// Defines functions of this module, each of which calls the function of that symbol in libc. If libc has
/// none, the call fails with ENOSYS. `resolve` looks all of them up.
macro_rules! next {
    ($($(#[$meta:meta])* $name:ident, $symbol:literal, fn($($argument:ident: $type:ty),* $(,)?) -> $result:ty;)*) => {
        $(
            $(#[$meta])*
            /// # Safety
            ///
            /// As for libc's function.
            #[inline(always)]
            pub(crate) unsafe fn $name($($argument: $type),*) -> $result {
                let function = next::$name.get();
                if function.is_null() {
                    return crate::fail(libc::ENOSYS) as $result;
                }
                // SAFETY: libc's function of that name has this type.
                let function: unsafe extern "C" fn($($type),*) -> $result = unsafe { mem::transmute(function) };
                // SAFETY: by this function's contract.
                unsafe { function($($argument),*) }
            }
        )*

        #[allow(non_upper_case_globals)]
        mod next {
            use super::Next;
            $($(#[$meta])* pub(super) static $name: Next = Next::new($symbol);)*
        }

        /// Looks up every function, so that no signal handler has to: dlsym() takes locks.
        pub(crate) fn resolve() {
            $($(#[$meta])* next::$name.get();)*
            OPEN.get();
            FCNTL.get();
            FCNTL64.get();
            IOCTL.get();
            #[cfg(target_pointer_width = "32")]
            IOCTL_WIDE.get();
            SYSCALL.get();
        }
    };
}

next! {
    mq_close, c"mq_close", fn(mq: c_int) -> c_int;
    unlink, c"mq_unlink", fn(name: *const c_char) -> c_int;
    send, c"mq_send", fn(mq: c_int, message: *const c_char, length: usize, priority: c_uint) -> c_int;
    timed_send, c"mq_timedsend", fn(
        mq: c_int,
        message: *const c_char,
        length: usize,
        priority: c_uint,
        until: *const libc::timespec,
    ) -> c_int;
    receive, c"mq_receive", fn(mq: c_int, buffer: *mut c_char, length: usize, priority: *mut c_uint) -> isize;
    timed_receive, c"mq_timedreceive", fn(
        mq: c_int,
        buffer: *mut c_char,
        length: usize,
        priority: *mut c_uint,
        until: *const libc::timespec,
    ) -> isize;
    notify, c"mq_notify", fn(mq: c_int, event: *const libc::sigevent) -> c_int;
    get_attributes, c"mq_getattr", fn(mq: c_int, attr: *mut libc::mq_attr) -> c_int;
    set_attributes, c"mq_setattr", fn(mq: c_int, new: *const libc::mq_attr, old: *mut libc::mq_attr) -> c_int;
    open_fortified, c"__mq_open_2", fn(name: *const c_char, flags: c_int) -> c_int;
    close, c"close", fn(fd: c_int) -> c_int;
    close_range, c"close_range", fn(first: c_uint, last: c_uint, flags: c_int) -> c_int;
    close_from, c"closefrom", fn(first: c_int) -> c_int;
    dup, c"dup", fn(fd: c_int) -> c_int;
    dup2, c"dup2", fn(fd: c_int, number: c_int) -> c_int;
    dup3, c"dup3", fn(fd: c_int, number: c_int, flags: c_int) -> c_int;
    sendmsg, c"sendmsg", fn(socket: c_int, message: *const libc::msghdr, flags: c_int) -> isize;
    sendmmsg, c"sendmmsg", fn(
        socket: c_int,
        messages: *mut libc::mmsghdr,
        count: c_uint,
        flags: c_int,
    ) -> c_int;
    unshare, c"unshare", fn(flags: c_int) -> c_int;
    poll, c"poll", fn(entries: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int) -> c_int;
    ppoll, c"ppoll", fn(
        entries: *mut libc::pollfd,
        count: libc::nfds_t,
        timeout: *const libc::timespec,
        mask: *const libc::sigset_t,
    ) -> c_int;
    select, c"select", fn(
        count: c_int,
        read: *mut libc::fd_set,
        write: *mut libc::fd_set,
        except: *mut libc::fd_set,
        timeout: *mut libc::timeval,
    ) -> c_int;
    pselect, c"pselect", fn(
        count: c_int,
        read: *mut libc::fd_set,
        write: *mut libc::fd_set,
        except: *mut libc::fd_set,
        timeout: *const libc::timespec,
        mask: *const libc::sigset_t,
    ) -> c_int;
    epoll_ctl, c"epoll_ctl", fn(epoll: c_int, action: c_int, fd: c_int, event: *mut libc::epoll_event) -> c_int;
    epoll_wait, c"epoll_wait", fn(
        epoll: c_int,
        events: *mut libc::epoll_event,
        count: c_int,
        timeout: c_int,
    ) -> c_int;
    epoll_pwait, c"epoll_pwait", fn(
        epoll: c_int,
        events: *mut libc::epoll_event,
        count: c_int,
        timeout: c_int,
        mask: *const libc::sigset_t,
    ) -> c_int;
    epoll_pwait2, c"epoll_pwait2", fn(
        epoll: c_int,
        events: *mut libc::epoll_event,
        count: c_int,
        timeout: *const libc::timespec,
        mask: *const libc::sigset_t,
    ) -> c_int;

    #[cfg(target_pointer_width = "32")]
    timed_send_wide, c"__mq_timedsend_time64", fn(
        mq: c_int,
        message: *const c_char,
        length: usize,
        priority: c_uint,
        until: *const Time,
    ) -> c_int;
    #[cfg(target_pointer_width = "32")]
    timed_receive_wide, c"__mq_timedreceive_time64", fn(
        mq: c_int,
        buffer: *mut c_char,
        length: usize,
        priority: *mut c_uint,
        until: *const Time,
    ) -> isize;
    #[cfg(target_pointer_width = "32")]
    ppoll_wide, c"__ppoll64", fn(
        entries: *mut libc::pollfd,
        count: libc::nfds_t,
        timeout: *const Time,
        mask: *const libc::sigset_t,
    ) -> c_int;
    #[cfg(target_pointer_width = "32")]
    select_wide, c"__select64", fn(
        count: c_int,
        read: *mut libc::fd_set,
        write: *mut libc::fd_set,
        except: *mut libc::fd_set,
        timeout: *mut crate::wide::Timeval,
    ) -> c_int;
    #[cfg(target_pointer_width = "32")]
    pselect_wide, c"__pselect64", fn(
        count: c_int,
        read: *mut libc::fd_set,
        write: *mut libc::fd_set,
        except: *mut libc::fd_set,
        timeout: *const Time,
        mask: *const libc::sigset_t,
    ) -> c_int;
    #[cfg(target_pointer_width = "32")]
    epoll_pwait2_wide, c"__epoll_pwait2_time64", fn(
        epoll: c_int,
        events: *mut libc::epoll_event,
        count: c_int,
        timeout: *const Time,
        mask: *const libc::sigset_t,
    ) -> c_int;
    #[cfg(target_pointer_width = "32")]
    sendmsg_wide, c"__sendmsg64", fn(socket: c_int, message: *const libc::msghdr, flags: c_int) -> isize;
    #[cfg(target_pointer_width = "32")]
    sendmmsg_wide, c"__sendmmsg64", fn(
        socket: c_int,
        messages: *mut libc::mmsghdr,
        count: c_uint,
        flags: c_int,
    ) -> c_int;
}

static OPEN: Next = Next::new(c"mq_open");
static FCNTL: Next = Next::new(c"fcntl");
static FCNTL64: Next = Next::new(c"fcntl64");
static IOCTL: Next = Next::new(c"ioctl");
#[cfg(target_pointer_width = "32")]
static IOCTL_WIDE: Next = Next::new(c"__ioctl_time64");
static SYSCALL: Next = Next::new(c"syscall");

/// libc's fcntl(). On every machine of this library, an argument that the command does not use does no harm.
///
/// # Safety
///
/// As for fcntl().
pub(crate) unsafe fn fcntl(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
    type Function = unsafe extern "C" fn(c_int, c_int, ...) -> c_int;
    // SAFETY: libc's function has this type, as <fcntl.h> declares it.
    let function: Function = unsafe { mem::transmute(FCNTL.get()) };
    // SAFETY: by this function's contract.
    unsafe { function(fd, command, argument) }
}

/// libc's fcntl64().
///
/// # Safety
///
/// As for fcntl64().
pub(crate) unsafe fn fcntl64(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
    type Function = unsafe extern "C" fn(c_int, c_int, ...) -> c_int;
    let found = FCNTL64.get();
    if found.is_null() {
        // SAFETY: by this function's contract. A libc without the one has offsets of 64 bits in the other.
        return unsafe { fcntl(fd, command, argument) };
    }
    // SAFETY: libc's function has this type, as <fcntl.h> declares it.
    let function: Function = unsafe { mem::transmute(found) };
    // SAFETY: by this function's contract.
    unsafe { function(fd, command, argument) }
}

/// libc's ioctl().
///
/// # Safety
///
/// As for ioctl().
pub(crate) unsafe fn ioctl(fd: c_int, request: c_ulong, argument: c_ulong) -> c_int {
    type Function = unsafe extern "C" fn(c_int, c_ulong, ...) -> c_int;
    // SAFETY: libc's function has this type, as <sys/ioctl.h> declares it.
    let function: Function = unsafe { mem::transmute(IOCTL.get()) };
    // SAFETY: by this function's contract.
    unsafe { function(fd, request, argument) }
}

/// libc's ioctl() for programs with times of 64 bits.
///
/// # Safety
///
/// As for ioctl().
#[cfg(target_pointer_width = "32")]
pub(crate) unsafe fn ioctl_wide(fd: c_int, request: c_ulong, argument: c_ulong) -> c_int {
    type Function = unsafe extern "C" fn(c_int, c_ulong, ...) -> c_int;
    // SAFETY: libc's function has this type, as <sys/ioctl.h> declares it. Only a program that was linked to it gets here.
    let function: Function = unsafe { mem::transmute(IOCTL_WIDE.get()) };
    // SAFETY: by this function's contract.
    unsafe { function(fd, request, argument) }
}

/// libc's syscall(), with all arguments that a system call can have.
///
/// # Safety
///
/// As for that system call.
pub(crate) unsafe fn system_call(number: c_long, [a, b, c, d, e, f]: [usize; 6]) -> c_long {
    type Function = unsafe extern "C" fn(c_long, ...) -> c_long;
    // SAFETY: libc's function has this type, as <unistd.h> declares it.
    let function: Function = unsafe { mem::transmute(SYSCALL.get()) };
    // SAFETY: by this function's contract.
    unsafe { function(number, a, b, c, d, e, f) }
}

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
    type Open = unsafe extern "C" fn(*const c_char, c_int, ...) -> c_int;
    // SAFETY: libc's function has this type, as <mqueue.h> declares it.
    let function: Open = unsafe { mem::transmute(OPEN.get()) };
    // SAFETY: by this function's contract. Without O_CREAT libc ignores the last two arguments.
    unsafe { function(name, flags, mode, attr) }
}
