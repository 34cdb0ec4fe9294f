//! The functions that programs with times of 64 bits call on machines with 32 bits.
//!
//! With _TIME_BITS=64 glibc's headers give some functions other names. Each of them does here what its
//! namesake does. The times differ, and libc's own function is the one of the same name.

use crate::closing::{self, after_ioctl};
use crate::polling::{Sets, check_fortified, poll_until, select_queues, select_until};
use crate::time::Time;
use crate::wait::Until;
use crate::{calls, epoll, kernel, passing};
use core::ffi::{c_char, c_int, c_uint, c_ulong};

/// A struct timeval of 64 bits.
#[repr(C)]
pub(crate) struct Timeval {
    seconds: i64,
    microseconds: i64,
}

/// NULL: without an end.
fn until(time: *const Time) -> Until {
    match time.is_null() {
        true => Until::Never,
        false => Until::AtWide(time),
    }
}

/// # Safety
///
/// As for libc's function of that name. This holds for every function below.
#[unsafe(export_name = "__mq_timedsend_time64")]
pub(crate) unsafe extern "C" fn mq_timedsend(
    mq: c_int,
    message: *const c_char,
    length: usize,
    priority: c_uint,
    time: *const Time,
) -> c_int {
    // SAFETY: by the contract of this call.
    unsafe { calls::send(mq, message, length, priority, until(time)) }
}

#[unsafe(export_name = "__mq_timedreceive_time64")]
pub(crate) unsafe extern "C" fn mq_timedreceive(
    mq: c_int,
    buffer: *mut c_char,
    capacity: usize,
    priority: *mut c_uint,
    time: *const Time,
) -> isize {
    // SAFETY: by the contract of this call.
    unsafe { calls::receive(mq, buffer, capacity, priority, until(time)) }
}

#[unsafe(export_name = "__ppoll64")]
unsafe extern "C" fn ppoll(
    entries: *mut libc::pollfd,
    count: libc::nfds_t,
    timeout: *const Time,
    mask: *const libc::sigset_t,
) -> c_int {
    // SAFETY: by the contract of this call.
    unsafe {
        poll_until(entries, count, timeout, mask, || {
            kernel::ppoll_wide(entries, count, timeout, mask)
        })
    }
}

/// Programs compiled with _FORTIFY_SOURCE call this.
#[unsafe(export_name = "__ppoll64_chk")]
unsafe extern "C" fn ppoll_chk(
    entries: *mut libc::pollfd,
    count: libc::nfds_t,
    timeout: *const Time,
    mask: *const libc::sigset_t,
    size: usize,
) -> c_int {
    check_fortified(count, size);
    // SAFETY: by the contract of this call.
    unsafe { ppoll(entries, count, timeout, mask) }
}

#[unsafe(export_name = "__select64")]
unsafe extern "C" fn select(
    count: c_int,
    read: *mut libc::fd_set,
    write: *mut libc::fd_set,
    except: *mut libc::fd_set,
    timeout: *mut Timeval,
) -> c_int {
    // libc's call counts the time down.
    // SAFETY: by the contract of this call.
    let is_over = || {
        unsafe { timeout.as_ref() }.is_some_and(|time| time.seconds == 0 && time.microseconds == 0)
    };
    // SAFETY: by the contract of this call.
    unsafe {
        select_queues(count, Sets([read, write, except]), is_over, || {
            kernel::select_wide(count, read, write, except, timeout)
        })
    }
}

#[unsafe(export_name = "__pselect64")]
unsafe extern "C" fn pselect(
    count: c_int,
    read: *mut libc::fd_set,
    write: *mut libc::fd_set,
    except: *mut libc::fd_set,
    timeout: *const Time,
    mask: *const libc::sigset_t,
) -> c_int {
    let sets = Sets([read, write, except]);
    // SAFETY: by the contract of this call.
    unsafe {
        select_until(count, sets, timeout, mask, || {
            kernel::pselect_wide(count, read, write, except, timeout, mask)
        })
    }
}

#[unsafe(export_name = "__epoll_pwait2_time64")]
unsafe extern "C" fn epoll_pwait2(
    set: c_int,
    events: *mut libc::epoll_event,
    count: c_int,
    timeout: *const Time,
    mask: *const libc::sigset_t,
) -> c_int {
    // SAFETY: by the contract of this call.
    let call = |time| unsafe { kernel::epoll_pwait2(set, events, count, time, mask) };
    // SAFETY: by the contract of this call.
    let as_usual = || unsafe { kernel::epoll_pwait2_wide(set, events, count, timeout, mask) };
    epoll::wait_until(set, events, timeout, call, as_usual)
}

#[unsafe(export_name = "__fcntl_time64")]
unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
    // SAFETY: by the contract of this call. libc has one function of both names.
    unsafe { closing::fcntl64(fd, command, argument) }
}

#[unsafe(export_name = "__ioctl_time64")]
unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: c_ulong) -> c_int {
    // SAFETY: by the contract of this call.
    let result = unsafe { kernel::ioctl_wide(fd, request, argument) };
    after_ioctl(fd, request, result)
}

#[unsafe(export_name = "__sendmsg64")]
unsafe extern "C" fn sendmsg(socket: c_int, message: *const libc::msghdr, flags: c_int) -> isize {
    passing::note(message);
    // SAFETY: by the contract of this call.
    unsafe { kernel::sendmsg_wide(socket, message, flags) }
}

#[unsafe(export_name = "__sendmmsg64")]
unsafe extern "C" fn sendmmsg(
    socket: c_int,
    messages: *mut libc::mmsghdr,
    count: c_uint,
    flags: c_int,
) -> c_int {
    passing::note_all(messages, count);
    // SAFETY: by the contract of this call.
    unsafe { kernel::sendmmsg_wide(socket, messages, count, flags) }
}
