//! The functions of <mqueue.h>. Each returns -1 and sets errno on failure. See robustipc-posix(7).
//!
//! A send and a receive have two parts. The first is inlined into the exported function, and ends there
//! if the call need not wait. Everything else is in the second part: errors, the kernel's queues, waits.

use crate::addresses::{self, Use};
use crate::cancellation::cancellation_point;
use crate::choice::{Choice, choice};
use crate::closing::close_queue;
use crate::descriptors::{Lookup, find};
use crate::ipc::*;
use crate::time::Time;
use crate::wait::{Until, Waited, wait};
use crate::{Result, answer, check, check_libc, fail, flags, kernel, open, remove};
use core::ffi::{c_char, c_int, c_uint};

/// A C caller passes the last two arguments only with O_CREAT, and as variable arguments. On every machine
/// of this library these arrive in the same registers as named ones.
///
/// # Safety
///
/// As for the function of <mqueue.h>. This holds for every function below.
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
    unsafe { open_chosen(name, flags, mode, attr) }
}

/// Programs compiled with _FORTIFY_SOURCE call this when they pass mq_open() two arguments.
#[unsafe(no_mangle)]
unsafe extern "C" fn __mq_open_2(name: *const c_char, flags: c_int) -> c_int {
    if flags & libc::O_CREAT != 0 {
        // libc's function prints what is wrong, and ends the process.
        // SAFETY: by the contract of this call.
        return unsafe { kernel::open_fortified(name, flags) };
    }
    // SAFETY: by the contract of this call.
    unsafe { open_chosen(name, flags, 0, core::ptr::null()) }
}

/// Opens a queue of the kind that the user has chosen.
///
/// # Safety
///
/// As for mq_open().
unsafe fn open_chosen(
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
                crate::close(fd);
                return fail(libc::EEXIST);
            }
            if fd >= 0 || crate::errno() != libc::ENOENT {
                return fd;
            }
        }
        Choice::Shared | Choice::Strict => {}
    }
    // SAFETY: by the contract of this call.
    answer(unsafe { open::open(name, flags, mode, attr) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_unlink(name: *const c_char) -> c_int {
    if choice() == Choice::Kernel {
        // SAFETY: by the contract of this call.
        return unsafe { kernel::unlink(name) };
    }
    // SAFETY: by the contract of this call.
    match unsafe { remove::unlink(name) } {
        Err(libc::ENOENT) if choice() == Choice::PreferKernel => {
            // SAFETY: by the contract of this call.
            unsafe { kernel::unlink(name) }
        }
        result => answer(result.map(|()| 0)),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_close(mq: c_int) -> c_int {
    match choice() {
        // SAFETY: by the contract of this call.
        Choice::Kernel => unsafe { kernel::mq_close(mq) },
        _ => close_queue(mq),
    }
}

/// Sends, as long as nothing unusual happens.
///
/// # Safety
///
/// As for mq_timedsend().
#[inline(always)]
pub(crate) unsafe fn send(
    mq: c_int,
    message: *const c_char,
    length: usize,
    priority: c_uint,
    until: Until,
) -> c_int {
    cancellation_point();
    let deadline = match until.checked() {
        Ok(deadline) if priority <= PRIORITY_MAX => deadline,
        Ok(_) => return fail(libc::EINVAL),
        Err(number) => return fail(number),
    };
    let mut full = None;
    if let Ok(lookup) = find(mq) {
        if let Some(handle) = lookup.handle() {
            if lookup.may_send()
                && length <= lookup.message_size()
                && addresses::check(message.addr(), length, Use::Read).is_ok()
            {
                let message = non_null(message);
                // SAFETY: by the contract of mq_send().
                let sent = unsafe { ipc_mq_send(handle, message.cast(), length, priority, 0) };
                if sent == 0 {
                    return 0;
                }
                full = (sent == -libc::EAGAIN).then_some((lookup, handle));
            }
        }
    }
    // SAFETY: by the contract of mq_send().
    unsafe { send_slowly(mq, message, length, priority, (until, deadline), full) }
}

/// MQ_PRIO_MAX - 1.
const PRIORITY_MAX: c_uint = 32767;

/// librobustipc.so refuses NULL also for an empty message.
#[inline(always)]
fn non_null(message: *const c_char) -> *const c_char {
    match message.is_null() {
        true => c"".as_ptr(),
        false => message,
    }
}

/// The end of a wait as the caller has passed it, and the time that it holds.
type End = (Until, Option<Time>);

/// Does the rest of a send. `full`: the queue has just been found full.
///
/// # Safety
///
/// As for mq_timedsend().
#[inline(never)]
unsafe fn send_slowly(
    mq: c_int,
    message: *const c_char,
    length: usize,
    priority: c_uint,
    (until, deadline): End,
    full: Option<OpenQueue>,
) -> c_int {
    let mut was_tried = full.is_some();
    let (lookup, handle) = match full.map_or_else(|| find_shared(mq), |full| Ok(Some(full))) {
        Ok(Some(open)) => open,
        Ok(None) => {
            // SAFETY: by the contract of mq_send().
            return unsafe {
                match until {
                    Until::Never => kernel::send(mq, message, length, priority),
                    Until::At(time) => kernel::timed_send(mq, message, length, priority, time),
                    #[cfg(target_pointer_width = "32")]
                    Until::AtWide(time) => {
                        kernel::timed_send_wide(mq, message, length, priority, time)
                    }
                }
            };
        }
        Err(number) => return fail(number),
    };
    if !lookup.may_send() {
        return fail(libc::EBADF);
    }
    if length > lookup.message_size() {
        return fail(libc::EMSGSIZE);
    }
    if let Err(number) = addresses::check(message.addr(), length, Use::Read) {
        return fail(number);
    }
    // If the last wait has ended by something else than a wake-up, one last attempt follows.
    let mut waited = Waited::NOT_YET;
    loop {
        if !was_tried {
            let message = non_null(message).cast();
            // SAFETY: by the contract of mq_send().
            match check(unsafe { waited.try_send(handle, message, length, priority) }) {
                Err(libc::EAGAIN) if waited.ended != 0 => return fail(waited.ended),
                Err(libc::EAGAIN) => {}
                result => return answer(result),
            }
        }
        was_tried = false;
        waited = match wait(&lookup, mq, handle, IPC_WRITE_ONLY, deadline) {
            Ok(waited) => waited,
            Err(number) => return fail(number),
        };
    }
}

/// A queue in shared memory, and its handle.
type OpenQueue = (Lookup, *mut ipc_mq_t);

/// The queue of a descriptor. `None` for a queue of the kernel. `EBADF` if the descriptor has no queue.
fn find_shared(mq: c_int) -> Result<Option<OpenQueue>> {
    if choice() == Choice::Kernel {
        return Ok(None);
    }
    let lookup = find(mq)?;
    Ok(lookup.handle().map(|handle| (lookup, handle)))
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
pub(crate) unsafe extern "C" fn mq_timedsend(
    mq: c_int,
    message: *const c_char,
    length: usize,
    priority: c_uint,
    time: *const libc::timespec,
) -> c_int {
    // SAFETY: by the contract of this call.
    unsafe { send(mq, message, length, priority, until(time)) }
}

/// NULL: without an end.
fn until(time: *const libc::timespec) -> Until {
    if time.is_null() {
        Until::Never
    } else {
        Until::At(time)
    }
}

/// Receives, as long as nothing unusual happens.
///
/// # Safety
///
/// As for mq_timedreceive().
#[inline(always)]
pub(crate) unsafe fn receive(
    mq: c_int,
    buffer: *mut c_char,
    capacity: usize,
    priority: *mut c_uint,
    until: Until,
) -> isize {
    cancellation_point();
    let deadline = match until.checked() {
        Ok(deadline) => deadline,
        Err(number) => return fail(number) as isize,
    };
    let mut empty = None;
    if let Ok(lookup) = find(mq) {
        if let Some(handle) = lookup.handle() {
            let size = lookup.message_size();
            if lookup.may_receive()
                && capacity >= size
                && check_targets(buffer, size, priority).is_ok()
            {
                // SAFETY: by the contract of mq_receive().
                let length =
                    unsafe { ipc_mq_receive(handle, buffer.cast(), capacity, priority, 0) };
                if length >= 0 {
                    return length;
                }
                empty = (length == -(libc::EAGAIN as isize)).then_some((lookup, handle));
            }
        }
    }
    // SAFETY: by the contract of mq_receive().
    unsafe { receive_slowly(mq, buffer, capacity, priority, (until, deadline), empty) }
}

/// `EFAULT` if a message, or its priority, cannot be written where the program wants it.
#[inline(always)]
fn check_targets(buffer: *mut c_char, size: usize, priority: *mut c_uint) -> Result<()> {
    addresses::check(buffer.addr(), size, Use::Write)?;
    match priority.is_null() {
        true => Ok(()),
        false => addresses::check(priority.addr(), size_of::<c_uint>(), Use::Write),
    }
}

/// Does the rest of a receive. `empty`: the queue has just been found empty.
///
/// # Safety
///
/// As for mq_timedreceive().
#[inline(never)]
unsafe fn receive_slowly(
    mq: c_int,
    buffer: *mut c_char,
    capacity: usize,
    priority: *mut c_uint,
    (until, deadline): End,
    empty: Option<OpenQueue>,
) -> isize {
    let mut was_tried = empty.is_some();
    let (lookup, handle) = match empty.map_or_else(|| find_shared(mq), |empty| Ok(Some(empty))) {
        Ok(Some(open)) => open,
        Ok(None) => {
            // SAFETY: by the contract of mq_receive().
            return unsafe {
                match until {
                    Until::Never => kernel::receive(mq, buffer, capacity, priority),
                    Until::At(time) => kernel::timed_receive(mq, buffer, capacity, priority, time),
                    #[cfg(target_pointer_width = "32")]
                    Until::AtWide(time) => {
                        kernel::timed_receive_wide(mq, buffer, capacity, priority, time)
                    }
                }
            };
        }
        Err(number) => return fail(number) as isize,
    };
    if !lookup.may_receive() {
        return fail(libc::EBADF) as isize;
    }
    if capacity < lookup.message_size() {
        return fail(libc::EMSGSIZE) as isize;
    }
    // The kernel notices this only when there is a message.
    let targets = check_targets(buffer, lookup.message_size(), priority);
    // If the last wait has ended by something else than a wake-up, one last attempt follows.
    let mut waited = Waited::NOT_YET;
    loop {
        if !was_tried {
            let length = match targets {
                // SAFETY: by the contract of mq_receive().
                Ok(()) => unsafe { waited.try_receive(handle, buffer.cast(), capacity, priority) },
                Err(number) => {
                    waited.give_up(handle);
                    match lookup.with_twin(mq, IPC_MQ_TWIN_LOOK) {
                        Ok(look) if look.current_messages != 0 => -(number as isize),
                        Ok(_) => -(libc::EAGAIN as isize),
                        Err(number) => -(number as isize),
                    }
                }
            };
            if length >= 0 {
                return length;
            }
            match -length as c_int {
                libc::EAGAIN if waited.ended == 0 => {}
                libc::EAGAIN => return fail(waited.ended) as isize,
                number => return fail(number) as isize,
            }
        }
        was_tried = false;
        waited = match wait(&lookup, mq, handle, IPC_READ_ONLY, deadline) {
            Ok(waited) => waited,
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
pub(crate) unsafe extern "C" fn mq_timedreceive(
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
    let found = find_shared(mq);
    // The kernel checks the event before the descriptor, so it reports the errors of both.
    // SAFETY: by the contract of this call.
    let result = unsafe { kernel::notify(mq, event) };
    let (Ok(Some((lookup, _))), 0, false) = (found, result, event.is_null()) else {
        return result;
    };
    // A message that comes before this has come before the registration.
    match lookup.with_twin(mq, IPC_MQ_TWIN_NOTIFY) {
        Ok(_) => 0,
        Err(number) => {
            // SAFETY: NULL ends the registration.
            unsafe { kernel::notify(mq, core::ptr::null()) };
            fail(number)
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mq_getattr(mq: c_int, attr: *mut libc::mq_attr) -> c_int {
    match find_shared(mq) {
        // SAFETY: by the contract of this call.
        Ok(None) => unsafe { kernel::get_attributes(mq, attr) },
        // SAFETY: by the contract of this call.
        Ok(Some((lookup, _))) => answer(unsafe { get_attributes(&lookup, mq, attr) }),
        Err(number) => fail(number),
    }
}

/// # Safety
///
/// As for mq_getattr().
unsafe fn get_attributes(lookup: &Lookup, mq: c_int, attr: *mut libc::mq_attr) -> Result<c_int> {
    // libc passes the call on to mq_setattr()'s, with nothing to set. The kernel accepts NULL there.
    if attr.is_null() {
        return Ok(0);
    }
    addresses::check(attr.addr(), size_of::<libc::mq_attr>(), Use::Write)?;
    let look = lookup.with_twin(mq, IPC_MQ_TWIN_LOOK)?;
    let is_nonblocking =
        flags::known(lookup, look.flag_changes).map_or_else(|| flags::ask(lookup, mq), Ok)?;
    // SAFETY: mq_attr consists of integers, for which all zeros is a valid value.
    let mut found: libc::mq_attr = unsafe { core::mem::zeroed() };
    found.mq_flags = if is_nonblocking {
        libc::O_NONBLOCK as _
    } else {
        0
    };
    fill_sizes(&mut found, lookup, &look);
    // SAFETY: the memory has just been checked.
    unsafe { attr.write(found) };
    Ok(0)
}

/// Fills in the queue's own sizes and its count, in place of the twin's.
fn fill_sizes(attr: &mut libc::mq_attr, lookup: &Lookup, look: &ipc_mq_look_t) {
    attr.mq_maxmsg = lookup.queue.max_messages() as _;
    attr.mq_msgsize = lookup.message_size() as _;
    attr.mq_curmsgs = look.current_messages as _;
}

/// Does what mq_setattr() does. The kernel does it to the twin, whose flags are the queue's, and reports
/// every error.
///
/// # Safety
///
/// As for mq_setattr().
unsafe fn set_attributes(
    mq: c_int,
    new: *const libc::mq_attr,
    old: *mut libc::mq_attr,
) -> Result<c_int> {
    // SAFETY: by this function's contract.
    let set = || check_libc(unsafe { kernel::set_attributes(mq, new, old) });
    let (lookup, _) = match find_shared(mq) {
        Ok(Some(found)) => found,
        Ok(None) => return set(),
        // The kernel checks the attributes before the descriptor, so it reports the errors of both.
        Err(number) => return set().and(Err(number)),
    };
    let look = lookup.with_twin(mq, IPC_MQ_TWIN_LOOK)?;
    let result = set();
    if !new.is_null() {
        flags::note_change(&lookup, mq);
    }
    result?;
    // SAFETY: by this function's contract; the kernel has just written there, so the memory is valid.
    if let Some(old) = unsafe { old.as_mut() } {
        fill_sizes(old, &lookup, &look);
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
    answer(unsafe { set_attributes(mq, new, old) })
}
