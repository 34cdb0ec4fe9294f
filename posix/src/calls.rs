//! The functions, as <mqueue.h> has them: -1 and errno on failure. See robustipc-posix(7).

use crate::ipc::*;
use crate::kernel::{self, Choice, choice};
use crate::table::{self, Found, find};
use crate::wait::{Until, cancellation_point, wait};
use crate::{Result, answer, bell, check, check_libc, fail};
use core::ffi::{c_char, c_int, c_uint};

const SENDS: c_int = IPC_WRITE_ONLY;
const RECEIVES: c_int = IPC_READ_ONLY;

/// C has the last two parameters only with O_CREAT, as variable arguments; all of these are passed
/// where those of a function without such are.
#[unsafe(no_mangle)]
unsafe extern "C" fn mq_open(
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    attr: *const libc::mq_attr,
) -> c_int {
    let (mode, attr) = match flags & libc::O_CREAT {
        0 => (0, core::ptr::null()),
        _ => (mode, attr),
    };
    // SAFETY: by the contract of this call.
    unsafe { open(name, flags, mode, attr) }
}

/// What fortified programs call with two arguments.
#[unsafe(no_mangle)]
unsafe extern "C" fn __mq_open_2(name: *const c_char, flags: c_int) -> c_int {
    if flags & libc::O_CREAT != 0 {
        // Says what is wrong, and ends the process.
        // SAFETY: by the contract of this call.
        return unsafe { kernel::open_fortified(name, flags) };
    }
    // SAFETY: by the contract of this call.
    unsafe { open(name, flags, 0, core::ptr::null()) }
}

unsafe fn open(
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    attr: *const libc::mq_attr,
) -> c_int {
    match choice() {
        Choice::Kernel => {
            // SAFETY: by the contract of this call.
            return unsafe { kernel::open(name, flags, mode, attr) };
        }
        Choice::PreferKernel => {
            let plain = flags & !(libc::O_CREAT | libc::O_EXCL);
            // SAFETY: by the contract of this call.
            let fd = unsafe { kernel::open(name, plain, 0, core::ptr::null()) };
            if fd >= 0 && flags & libc::O_CREAT != 0 && flags & libc::O_EXCL != 0 {
                // SAFETY: just opened.
                unsafe { libc::close(fd) };
                return fail(libc::EEXIST);
            }
            if fd >= 0 || crate::errno() != libc::ENOENT {
                return fd;
            }
        }
        Choice::Shared | Choice::NeverPolls => {}
    }
    // SAFETY: by the contract of this call.
    answer(unsafe { bell::open(name, flags, mode, attr) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_unlink(name: *const c_char) -> c_int {
    if choice() == Choice::Kernel {
        // SAFETY: by the contract of this call.
        return unsafe { kernel::unlink(name) };
    }
    // SAFETY: by the contract of this call.
    match unsafe { bell::unlink(name) } {
        Err(libc::ENOENT) if choice() == Choice::PreferKernel => {
            // SAFETY: by the contract of this call.
            unsafe { kernel::unlink(name) }
        }
        result => answer(result.map(|()| 0)),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_close(mq: c_int) -> c_int {
    if choice() != Choice::Kernel {
        if let Err(number) = table::forget_descriptor(mq) {
            return fail(number);
        }
    }
    // SAFETY: by the contract of this call.
    unsafe { kernel::close(mq) }
}

/// Sends, or finds that it has to wait.
#[inline(always)]
unsafe fn send(
    mq: c_int,
    message: *const c_char,
    length: usize,
    priority: c_uint,
    until: Until,
) -> c_int {
    cancellation_point();
    let mut full = None;
    if let Ok(found) = find(mq) {
        if let Some(handle) = found.handle() {
            if found.sends() && !message.is_null() {
                // SAFETY: by the contract of mq_send().
                let sent = unsafe { ipc_mq_send(handle, message.cast(), length, priority, 0) };
                if sent == 0 {
                    found.note_end();
                    return 0;
                }
                full = (sent == -libc::EAGAIN).then_some((found, handle));
            }
        }
    }
    // SAFETY: by the contract of mq_send().
    unsafe { send_slowly(mq, message, length, priority, until, full) }
}

#[inline(never)]
unsafe fn send_slowly(
    mq: c_int,
    message: *const c_char,
    length: usize,
    priority: c_uint,
    until: Until,
    full: Option<Open>,
) -> c_int {
    let attempt = |handle| {
        // SAFETY: by the contract of mq_send().
        check(unsafe { ipc_mq_send(handle, message.cast(), length, priority, 0) })
    };
    let mut tried = full.is_some();
    let (found, handle) = match full.map_or_else(|| ours(mq), |full| Ok(Some(full))) {
        Ok(Some(open)) => open,
        Ok(None) => {
            // SAFETY: by the contract of mq_send().
            return unsafe {
                match until {
                    Until::Never => kernel::send(mq, message, length, priority),
                    Until::At(time) => kernel::timed_send(mq, message, length, priority, time),
                }
            };
        }
        Err(number) => return fail(number),
    };
    if !found.sends() {
        return fail(libc::EBADF);
    }
    if message.is_null() && length != 0 {
        return fail(libc::EFAULT);
    }
    let mut ended = 0;
    loop {
        match if tried {
            Err(libc::EAGAIN)
        } else {
            attempt(handle)
        } {
            Err(libc::EAGAIN) if ended != 0 => return fail(ended),
            Err(libc::EAGAIN) => {}
            result => return answer(result),
        }
        ended = match wait(&found, mq, handle, SENDS, until) {
            Ok(ended) => ended,
            Err(number) => return fail(number),
        };
        tried = false;
    }
}

/// A queue of ours with its handle.
type Open = (Found, *mut ipc_mq_t);

/// `None`: the kernel's.
fn ours(mq: c_int) -> Result<Option<Open>> {
    if choice() == Choice::Kernel {
        return Ok(None);
    }
    let found = find(mq)?;
    Ok(found.handle().map(|handle| (found, handle)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_send(
    mq: c_int,
    message: *const c_char,
    length: usize,
    priority: c_uint,
) -> c_int {
    // SAFETY: by the contract of this call.
    unsafe { send(mq, message, length, priority, Until::Never) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_timedsend(
    mq: c_int,
    message: *const c_char,
    length: usize,
    priority: c_uint,
    time: *const libc::timespec,
) -> c_int {
    // SAFETY: by the contract of this call.
    unsafe { send(mq, message, length, priority, until(time)) }
}

fn until(time: *const libc::timespec) -> Until {
    if time.is_null() {
        Until::Never
    } else {
        Until::At(time)
    }
}

#[inline(always)]
unsafe fn receive(
    mq: c_int,
    buffer: *mut c_char,
    capacity: usize,
    priority: *mut c_uint,
    until: Until,
) -> isize {
    cancellation_point();
    let mut empty = None;
    if let Ok(found) = find(mq) {
        if let Some(handle) = found.handle() {
            if found.receives() && capacity >= found.message_size() && !buffer.is_null() {
                // SAFETY: by the contract of mq_receive().
                let length =
                    unsafe { ipc_mq_receive(handle, buffer.cast(), capacity, priority, 0) };
                if length >= 0 {
                    found.note_end();
                    return length;
                }
                empty = (length == -(libc::EAGAIN as isize)).then_some((found, handle));
            }
        }
    }
    // SAFETY: by the contract of mq_receive().
    unsafe { receive_slowly(mq, buffer, capacity, priority, until, empty) }
}

#[inline(never)]
unsafe fn receive_slowly(
    mq: c_int,
    buffer: *mut c_char,
    capacity: usize,
    priority: *mut c_uint,
    until: Until,
    empty: Option<Open>,
) -> isize {
    let mut tried = empty.is_some();
    let (found, handle) = match empty.map_or_else(|| ours(mq), |empty| Ok(Some(empty))) {
        Ok(Some(open)) => open,
        Ok(None) => {
            // SAFETY: by the contract of mq_receive().
            return unsafe {
                match until {
                    Until::Never => kernel::receive(mq, buffer, capacity, priority),
                    Until::At(time) => kernel::timed_receive(mq, buffer, capacity, priority, time),
                }
            };
        }
        Err(number) => return fail(number) as isize,
    };
    if !found.receives() {
        return fail(libc::EBADF) as isize;
    }
    if capacity < found.message_size() {
        return fail(libc::EMSGSIZE) as isize;
    }
    if buffer.is_null() {
        return fail(libc::EFAULT) as isize;
    }
    let mut ended = 0;
    loop {
        if !tried {
            // SAFETY: by the contract of mq_receive().
            let length = unsafe { ipc_mq_receive(handle, buffer.cast(), capacity, priority, 0) };
            if length >= 0 {
                return length;
            }
            match -length as c_int {
                libc::EAGAIN if ended == 0 => {}
                libc::EAGAIN => return fail(ended) as isize,
                number => return fail(number) as isize,
            }
        }
        tried = false;
        ended = match wait(&found, mq, handle, RECEIVES, until) {
            Ok(ended) => ended,
            Err(number) => return fail(number) as isize,
        };
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_receive(
    mq: c_int,
    buffer: *mut c_char,
    capacity: usize,
    priority: *mut c_uint,
) -> isize {
    // SAFETY: by the contract of this call.
    unsafe { receive(mq, buffer, capacity, priority, Until::Never) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_timedreceive(
    mq: c_int,
    buffer: *mut c_char,
    capacity: usize,
    priority: *mut c_uint,
    time: *const libc::timespec,
) -> isize {
    // SAFETY: by the contract of this call.
    unsafe { receive(mq, buffer, capacity, priority, until(time)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_notify(mq: c_int, event: *const libc::sigevent) -> c_int {
    match ours(mq) {
        Ok(Some((found, handle))) if !event.is_null() => {
            if let Err(number) = found.keep_bell(handle) {
                return fail(number);
            }
        }
        Ok(_) => {}
        Err(number) => return fail(number),
    }
    // SAFETY: by the contract of this call.
    unsafe { kernel::notify(mq, event) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_getattr(mq: c_int, attr: *mut libc::mq_attr) -> c_int {
    // SAFETY: by the contract of this call.
    answer(unsafe { attributes(mq, None, attr) })
}

/// Has the kernel do it to the bell, whose flags are the queue's, and which finds what is wrong; then tells
/// the queue's own sizes.
///
/// # Safety
///
/// As mq_setattr().
unsafe fn attributes(
    mq: c_int,
    new: Option<*const libc::mq_attr>,
    old: *mut libc::mq_attr,
) -> Result<c_int> {
    let kernel = || {
        // SAFETY: by this function's contract.
        check_libc(unsafe {
            match new {
                None => kernel::get_attributes(mq, old),
                Some(new) => kernel::set_attributes(mq, new, old),
            }
        })
    };
    let Some((found, handle)) = ours(mq)? else {
        return kernel();
    };
    let mut now = ipc_mq_attr_t::default();
    // SAFETY: a handle, and room for the answer.
    check(unsafe { ipc_mq_getattr(handle, &mut now) })?;
    if new.is_some() {
        found.forget_flags();
    }
    kernel()?;
    // SAFETY: by this function's contract; the kernel has written there.
    if let Some(old) = unsafe { old.as_mut() } {
        old.mq_maxmsg = now.max_messages as _;
        old.mq_msgsize = now.message_size as _;
        old.mq_curmsgs = now.current_messages as _;
    }
    Ok(0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_setattr(
    mq: c_int,
    new: *const libc::mq_attr,
    old: *mut libc::mq_attr,
) -> c_int {
    // SAFETY: by the contract of this call.
    answer(unsafe { attributes(mq, Some(new), old) })
}
