//! poll() and select(): libc's functions that wait for descriptors, for descriptors of queues.
//!
//! Each looks for queues among its descriptors, with one look into the table for each. Without a queue
//! the call goes to libc at once. Otherwise the queue's memory says what is ready, which takes no system
//! call. Only a call that is about to sleep brings the kernel twins into the queues' states: from then on
//! the next message, or the next room, makes the twin ready and wakes the kernel's poll.

use crate::addresses::{self, Use};
use crate::cancellation::cancellation_point;
use crate::choice::{Choice, choice};
use crate::descriptors::{Lookup, find_polled};
use crate::epoll;
use crate::ipc::*;
use crate::kernel;
use crate::time::{Deadline, Time, Timespec};
use crate::wait::may_spin;
use core::ffi::{c_int, c_short};
use core::ptr;

pub(crate) const READABLE: c_short = libc::POLLIN | libc::POLLRDNORM;
pub(crate) const WRITABLE: c_short = libc::POLLOUT | libc::POLLWRNORM;

/// The events of poll() that are true for a queue now. `None` if the queue is gone.
pub(crate) fn events(lookup: &Lookup, fd: c_int) -> Option<c_short> {
    let look = lookup.with_twin(fd, IPC_MQ_TWIN_LOOK).ok()?;
    let readable = if look.current_messages != 0 {
        READABLE
    } else {
        0
    };
    let writable = if look.has_room != 0 { WRITABLE } else { 0 };
    Some(readable | writable)
}

/// Brings a queue's twin into the queue's state, unless one of the wanted events is true anyway.
pub(crate) fn arm(lookup: &Lookup, fd: c_int, wanted: c_short) {
    if events(lookup, fd).is_some_and(|events| events & wanted == 0) {
        // If this fails, the twin is ready, and the caller tries in vain.
        let _ = lookup.with_twin(fd, IPC_MQ_TWIN_ARM);
    }
}

/// Whether a call with these descriptors concerns a queue.
#[inline(always)]
fn concerns_queues(entries: &[libc::pollfd]) -> bool {
    entries.iter().any(|entry| {
        entry.fd >= 0 && (find_polled(entry.fd).is_some() || epoll::has_queues(entry.fd))
    })
}

/// The entries, if they can be read and written and concern a queue.
///
/// # Safety
///
/// As for poll().
#[inline(always)]
unsafe fn entries_with_queues<'a>(
    entries: *mut libc::pollfd,
    count: libc::nfds_t,
) -> Option<&'a mut [libc::pollfd]> {
    let length = usize::try_from(count).ok()?;
    let size = length.checked_mul(size_of::<libc::pollfd>())?;
    if length == 0 || choice() == Choice::Kernel || !entries.is_aligned() {
        return None;
    }
    addresses::check(entries.addr(), size, Use::Write).ok()?;
    // SAFETY: by this function's contract, and the memory has just been checked.
    let entries = unsafe { core::slice::from_raw_parts_mut(entries, length) };
    concerns_queues(entries).then_some(entries)
}

/// Fills in the results of descriptors that all are queues'. `None` if others are among them.
fn results_of_queues(entries: &mut [libc::pollfd]) -> Option<c_int> {
    let mut ready = 0;
    for entry in entries {
        entry.revents = 0;
        if entry.fd < 0 {
            continue;
        }
        entry.revents = entry.events & events(&find_polled(entry.fd)?, entry.fd)?;
        ready += c_int::from(entry.revents != 0);
    }
    Some(ready)
}

/// Takes out of the kernel's results what is not true of a queue any more. Returns how many are left.
fn verified(entries: &mut [libc::pollfd]) -> c_int {
    let mut ready = 0;
    for entry in entries {
        if entry.revents & (READABLE | WRITABLE) != 0 {
            let lookup = find_polled(entry.fd);
            if let Some(true_now) = lookup.and_then(|lookup| events(&lookup, entry.fd)) {
                entry.revents &= true_now | !(READABLE | WRITABLE);
            }
        }
        ready += c_int::from(entry.revents != 0);
    }
    ready
}

/// Spins until the only queue among the descriptors, if there are no others, may be ready.
fn spin(entries: &[libc::pollfd]) {
    let [entry] = entries else { return };
    if !may_spin() {
        return;
    }
    let Some(lookup) = find_polled(entry.fd) else {
        return;
    };
    let action = match entry.events & (READABLE | WRITABLE) {
        0 => return,
        events if events & READABLE == 0 => IPC_MQ_TWIN_AWAIT_ROOM,
        _ => IPC_MQ_TWIN_AWAIT_MESSAGE,
    };
    let _ = lookup.with_twin(entry.fd, action);
}

/// Does what ppoll() does, with descriptors of queues among others.
///
/// # Safety
///
/// `mask` is NULL or as for ppoll().
#[inline(never)]
unsafe fn poll_queues(
    entries: &mut [libc::pollfd],
    deadline: Deadline,
    mask: *const libc::sigset_t,
) -> c_int {
    cancellation_point();
    let is_done = |ready: Option<c_int>| ready.filter(|&ready| ready != 0 || deadline.is_now());
    if mask.is_null() {
        if let Some(ready) = is_done(results_of_queues(entries)) {
            return ready;
        }
        spin(entries);
        if let Some(ready) = is_done(results_of_queues(entries)) {
            return ready;
        }
    }
    loop {
        for entry in entries.iter().filter(|entry| entry.fd >= 0) {
            match find_polled(entry.fd) {
                Some(lookup) => arm(&lookup, entry.fd, entry.events),
                None => epoll::arm(entry.fd),
            }
        }
        let left = deadline.left().map(Time::to_libc);
        let time = left.as_ref().map_or(ptr::null(), ptr::from_ref);
        let count = entries.len() as libc::nfds_t;
        // SAFETY: by this function's contract, and the entries are valid.
        let result = unsafe { kernel::ppoll(entries.as_mut_ptr(), count, time, mask) };
        if result <= 0 {
            return result;
        }
        let ready = verified(entries);
        if ready != 0 || deadline.is_over() {
            return ready;
        }
    }
}

/// # Safety
///
/// As for libc's function of that name. This holds for every function below.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn poll(
    entries: *mut libc::pollfd,
    count: libc::nfds_t,
    timeout: c_int,
) -> c_int {
    // SAFETY: by the contract of this call.
    match unsafe { entries_with_queues(entries, count) } {
        // SAFETY: by the contract of this call.
        None => unsafe { kernel::poll(entries, count, timeout) },
        // SAFETY: NULL leaves the signal mask alone.
        Some(entries) => unsafe { poll_queues(entries, Deadline::after_ms(timeout), ptr::null()) },
    }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn ppoll(
    entries: *mut libc::pollfd,
    count: libc::nfds_t,
    timeout: *const libc::timespec,
    mask: *const libc::sigset_t,
) -> c_int {
    // SAFETY: by the contract of this call.
    unsafe {
        poll_until(entries, count, timeout, mask, || {
            kernel::ppoll(entries, count, timeout, mask)
        })
    }
}

/// Does what ppoll() does. `call` is libc's own call.
///
/// # Safety
///
/// As for ppoll().
#[inline(always)]
pub(crate) unsafe fn poll_until<T: Timespec>(
    entries: *mut libc::pollfd,
    count: libc::nfds_t,
    timeout: *const T,
    mask: *const libc::sigset_t,
    call: impl FnOnce() -> c_int,
) -> c_int {
    // SAFETY: by the contract of this call.
    let found = unsafe { entries_with_queues(entries, count) };
    match (found, Deadline::after(timeout)) {
        // SAFETY: by the contract of this call.
        (Some(entries), Some(deadline)) => unsafe { poll_queues(entries, deadline, mask) },
        // The kernel reports what is wrong with the time.
        _ => call(),
    }
}

/// Programs compiled with _FORTIFY_SOURCE call this.
#[unsafe(no_mangle)]
unsafe extern "C" fn __poll_chk(
    entries: *mut libc::pollfd,
    count: libc::nfds_t,
    timeout: c_int,
    size: usize,
) -> c_int {
    check_fortified(count, size);
    // SAFETY: by the contract of this call.
    unsafe { poll(entries, count, timeout) }
}

/// Programs compiled with _FORTIFY_SOURCE call this.
#[unsafe(no_mangle)]
unsafe extern "C" fn __ppoll_chk(
    entries: *mut libc::pollfd,
    count: libc::nfds_t,
    timeout: *const libc::timespec,
    mask: *const libc::sigset_t,
    size: usize,
) -> c_int {
    check_fortified(count, size);
    // SAFETY: by the contract of this call.
    unsafe { ppoll(entries, count, timeout, mask) }
}

pub(crate) fn check_fortified(count: libc::nfds_t, size: usize) {
    if (size / size_of::<libc::pollfd>()) < count as usize {
        // SAFETY: abort() has no preconditions. libc's function prints a message besides.
        unsafe { libc::abort() };
    }
}

/// The three sets of select().
#[derive(Clone, Copy)]
pub(crate) struct Sets(pub(crate) [*mut libc::fd_set; 3]);

/// The bits of the sets of usual size: more descriptors than a program can name by FD_SETSIZE are not
/// verified.
type Saved = [libc::fd_set; 3];

impl Sets {
    /// The descriptors of queues in the sets, with the events that are wanted of each.
    ///
    /// # Safety
    ///
    /// As for select().
    unsafe fn queues(self, count: c_int, mut each: impl FnMut(c_int, Option<Lookup>, c_short)) {
        for fd in 0..count {
            let mut wanted = 0;
            for (set, event) in self.0.iter().zip([READABLE, WRITABLE, libc::POLLPRI]) {
                // SAFETY: by this function's contract.
                if !set.is_null() && unsafe { word(*set, fd).read() } & bit(fd) != 0 {
                    wanted |= event;
                }
            }
            if wanted != 0 {
                let found = find_polled(fd);
                if found.is_some() || epoll::has_queues(fd) {
                    each(fd, found, wanted);
                }
            }
        }
    }

    /// # Safety
    ///
    /// As for select().
    unsafe fn save(self) -> Saved {
        // SAFETY: a set consists of integers, for which all zeros is a valid value. By this function's
        // contract the sets have their usual size.
        self.0.map(|set| unsafe {
            match set.is_null() {
                true => core::mem::zeroed(),
                false => set.read(),
            }
        })
    }

    /// # Safety
    ///
    /// As for select().
    unsafe fn restore(self, saved: &Saved) {
        for (set, saved) in self.0.iter().zip(saved) {
            if !set.is_null() {
                // SAFETY: by this function's contract.
                unsafe { set.write(*saved) };
            }
        }
    }
}

type Word = libc::c_ulong;

/// The word of a set that holds the bit of a descriptor.
fn word(set: *mut libc::fd_set, fd: c_int) -> *mut Word {
    set.cast::<Word>()
        .wrapping_add(fd as usize / Word::BITS as usize)
}

fn bit(fd: c_int) -> Word {
    1 << (fd as u32 % Word::BITS)
}

/// Does what select() or pselect() does. `call` makes the kernel's call with the time that is left.
///
/// # Safety
///
/// As for select().
#[inline(always)]
pub(crate) unsafe fn select_queues(
    count: c_int,
    sets: Sets,
    is_over: impl Fn() -> bool,
    call: impl Fn() -> c_int,
) -> c_int {
    let is_usual = (1..=libc::FD_SETSIZE as c_int).contains(&count);
    if choice() == Choice::Kernel || !is_usual {
        return call();
    }
    // (The kernel reads whole words, and libc's macros write whole words.)
    let size = (count as usize).div_ceil(Word::BITS as usize) * size_of::<Word>();
    for set in sets.0.iter().filter(|set| !set.is_null()) {
        if !set.is_aligned() || addresses::check(set.addr(), size, Use::Write).is_err() {
            return call();
        }
    }
    let mut has_queue = false;
    // SAFETY: by this function's contract.
    unsafe { sets.queues(count, |_, _, _| has_queue = true) };
    match has_queue {
        false => call(),
        // SAFETY: by this function's contract.
        true => unsafe { select_some_queues(count, sets, &is_over, &call) },
    }
}

/// # Safety
///
/// As for select().
#[inline(never)]
unsafe fn select_some_queues(
    count: c_int,
    sets: Sets,
    is_over: &dyn Fn() -> bool,
    call: &dyn Fn() -> c_int,
) -> c_int {
    // SAFETY: by this function's contract.
    let saved = unsafe { sets.save() };
    loop {
        let arm_one = |fd, found: Option<Lookup>, wanted| match found {
            Some(lookup) => arm(&lookup, fd, wanted),
            None => epoll::arm(fd),
        };
        // SAFETY: by this function's contract.
        unsafe { sets.queues(count, arm_one) };
        let mut ready = call();
        if ready <= 0 {
            return ready;
        }
        let verify = |fd, found: Option<Lookup>, shown| {
            let Some(true_now) = found.and_then(|lookup| events(&lookup, fd)) else {
                return;
            };
            for (set, event) in sets.0.iter().zip([READABLE, WRITABLE]) {
                if shown & event != 0 && true_now & event == 0 {
                    // SAFETY: by this function's contract.
                    unsafe { *word(*set, fd) &= !bit(fd) };
                    ready -= 1;
                }
            }
        };
        // SAFETY: by this function's contract.
        unsafe { sets.queues(count, verify) };
        if ready > 0 || is_over() {
            return ready;
        }
        // SAFETY: by this function's contract.
        unsafe { sets.restore(&saved) };
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn select(
    count: c_int,
    read: *mut libc::fd_set,
    write: *mut libc::fd_set,
    except: *mut libc::fd_set,
    timeout: *mut libc::timeval,
) -> c_int {
    // The kernel's call counts the time down.
    // SAFETY: by the contract of this call.
    let is_over =
        || unsafe { timeout.as_ref() }.is_some_and(|time| time.tv_sec == 0 && time.tv_usec == 0);
    // SAFETY: by the contract of this call.
    unsafe {
        select_queues(count, Sets([read, write, except]), is_over, || {
            kernel::select(count, read, write, except, timeout)
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pselect(
    count: c_int,
    read: *mut libc::fd_set,
    write: *mut libc::fd_set,
    except: *mut libc::fd_set,
    timeout: *const libc::timespec,
    mask: *const libc::sigset_t,
) -> c_int {
    let sets = Sets([read, write, except]);
    // SAFETY: by the contract of this call.
    unsafe {
        select_until(count, sets, timeout, mask, || {
            kernel::pselect(count, read, write, except, timeout, mask)
        })
    }
}

/// Does what pselect() does. `call` is libc's own call.
///
/// # Safety
///
/// As for pselect().
#[inline(always)]
pub(crate) unsafe fn select_until<T: Timespec>(
    count: c_int,
    sets: Sets,
    timeout: *const T,
    mask: *const libc::sigset_t,
    call: impl FnOnce() -> c_int,
) -> c_int {
    let Some(deadline) = Deadline::after(timeout) else {
        // The kernel reports what is wrong with the time.
        return call();
    };
    let call_again = || {
        let left = deadline.left().map(Time::to_libc);
        let time = left.as_ref().map_or(ptr::null(), ptr::from_ref);
        let [read, write, except] = sets.0;
        // SAFETY: by this function's contract.
        unsafe { kernel::pselect(count, read, write, except, time, mask) }
    };
    // SAFETY: by this function's contract.
    unsafe { select_queues(count, sets, || deadline.is_over(), call_again) }
}
