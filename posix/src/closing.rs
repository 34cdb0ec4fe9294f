//! libc's functions that close, replace, duplicate or change descriptors: close(), close_range(),
//! closefrom(), dup2(), dup3(), dup(), fcntl(), ioctl(), unshare().
//!
//! Each looks into the table once. If the call has nothing to do with a queue, it goes to libc at once.
//! Otherwise the entry becomes uncertain before the kernel is called, and is ended afterwards.
//!
//! The library's own descriptors are no descriptors of the program: close() fails for them with EBADF, the
//! calls that close ranges leave them out, and a dup2() to such a number moves the library's descriptor
//! first.

use crate::cancellation::find_single_threaded;
use crate::choice::{Choice, choice};
use crate::descriptors::{Lookup, find, forget_closed, go_strict, note_duplicate};
use crate::epoll;
use crate::flags;
use crate::identity::Identity;
use crate::kernel_twin::KernelTwin;
use crate::table::{Entry, State, known, known_within};
use crate::table_lock::is_memory_borrowed;
use crate::{fail, kernel};
use core::ffi::{c_int, c_uint, c_ulong};

/// A change of a number that the table knows, under way.
struct Change {
    entry: &'static Entry,
    begun: State,
}

impl Change {
    /// `None` if the change does not concern this process's table.
    fn begin(entry: &'static Entry) -> Option<Change> {
        if entry.has_queue() && is_memory_borrowed() {
            return None;
        }
        let begun = entry.begin();
        Some(Change { entry, begun })
    }

    /// Ends the change. `is_gone`: the number does not lead to the queue any more.
    fn end(self, is_gone: bool) {
        self.entry.end();
        if is_gone && self.entry.has_queue() {
            let before = crate::errno();
            forget_closed(self.entry, self.begun);
            crate::set_errno(before);
        }
    }
}

/// Whether a number is still the library's own descriptor. The program may have closed it by a system call
/// of its own, and opened another file.
fn is_librarys_own(fd: c_int, entry: &Entry) -> bool {
    let Some(queue) = entry.owner() else {
        return false;
    };
    let is_own = Identity::of(fd).is_ok_and(|identity| queue.has(&identity));
    if !is_own {
        entry.set_owner(None);
    }
    is_own
}

/// Runs `call`, which gives the number another meaning if its result is not negative.
#[inline(always)]
fn changing(fd: c_int, call: impl Fn() -> c_int) -> c_int {
    match known(fd) {
        None => call(),
        Some(entry) => change_known(entry, &call),
    }
}

#[cold]
#[inline(never)]
fn change_known(entry: &'static Entry, call: &dyn Fn() -> c_int) -> c_int {
    let change = Change::begin(entry);
    let result = call();
    if let Some(change) = change {
        // close() closes the number also when it fails, except with EBADF.
        change.end(result >= 0 || crate::errno() != libc::EBADF);
    }
    result
}

/// # Safety
///
/// As for libc's function of that name. This holds for every function below.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn close(fd: c_int) -> c_int {
    match known(fd) {
        Some(entry) if entry.is_own() && is_librarys_own(fd, entry) => fail(libc::EBADF),
        _ => {
            if epoll::has_queues(fd) && !is_memory_borrowed() {
                epoll::forget(fd);
            }
            // SAFETY: by the contract of this call.
            changing(fd, || unsafe { kernel::close(fd) })
        }
    }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dup2(fd: c_int, number: c_int) -> c_int {
    if fd == number {
        // SAFETY: by the contract of this call.
        return unsafe { kernel::dup2(fd, number) };
    }
    give_way(number);
    // SAFETY: by the contract of this call.
    duplicated(fd, changing(number, || unsafe { kernel::dup2(fd, number) }))
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dup3(fd: c_int, number: c_int, flags: c_int) -> c_int {
    give_way(number);
    // SAFETY: by the contract of this call.
    duplicated(
        fd,
        changing(number, || unsafe { kernel::dup3(fd, number, flags) }),
    )
}

/// Moves the library's own descriptor away from a number that the program is going to use.
fn give_way(number: c_int) {
    let Some(entry) = known(number).filter(|entry| entry.is_own()) else {
        return;
    };
    let owner = entry.owner();
    if !is_librarys_own(number, entry) || is_memory_borrowed() {
        return;
    }
    if let Some(queue) = owner {
        let source = KernelTwin {
            fd: number,
            mode: libc::O_RDWR,
        };
        // If there is no descriptor to spare, the library goes on without one.
        if queue.bring_twin(source).is_err() {
            entry.set_owner(None);
        }
    }
}

/// Notes a number that a call has just made. If the table still knew it, a system call of the program's own
/// has closed it.
#[inline(always)]
fn made(number: c_int) -> c_int {
    if number >= 0 {
        if let Some(entry) = known(number) {
            note_made(entry);
        }
    }
    number
}

/// Notes a duplicate of a descriptor.
#[inline(always)]
fn duplicated(fd: c_int, duplicate: c_int) -> c_int {
    if duplicate >= 0 {
        epoll::note_duplicate(fd, duplicate);
        if known(fd).is_some_and(Entry::has_queue) && !is_memory_borrowed() {
            let before = crate::errno();
            note_duplicate(fd, duplicate);
            crate::set_errno(before);
        }
    }
    duplicate
}

#[cold]
fn note_made(entry: &'static Entry) {
    if entry.has_queue() && is_memory_borrowed() {
        return;
    }
    if entry.begin_to_ask().is_valid() {
        go_strict();
    }
    entry.begin();
    entry.end();
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dup(fd: c_int) -> c_int {
    // SAFETY: by the contract of this call.
    duplicated(fd, made(unsafe { kernel::dup(fd) }))
}

/// A C caller passes the last argument as a variable one. On every machine of this library it arrives where
/// a named one does.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
    // SAFETY: by the contract of this call.
    let result = unsafe { kernel::fcntl(fd, command, argument) };
    after_fcntl(fd, command, result)
}

#[inline(always)]
fn after_fcntl(fd: c_int, command: c_int, result: c_int) -> c_int {
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => duplicated(fd, made(result)),
        libc::F_SETFL => {
            note_flags(fd);
            result
        }
        _ => result,
    }
}

/// Programs compiled for 64-bit file offsets may call this. On machines with 32 bits it takes other structs
/// than fcntl() for some locks.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn fcntl64(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
    // SAFETY: by the contract of this call.
    after_fcntl(fd, command, unsafe {
        kernel::fcntl64(fd, command, argument)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: c_ulong) -> c_int {
    // SAFETY: by the contract of this call.
    let result = unsafe { kernel::ioctl(fd, request, argument) };
    after_ioctl(fd, request, result)
}

#[inline(always)]
pub(crate) fn after_ioctl(fd: c_int, request: c_ulong, result: c_int) -> c_int {
    if request == libc::FIONBIO as c_ulong {
        note_flags(fd);
    }
    result
}

/// Call after the flags of a descriptor may have changed.
#[inline(always)]
fn note_flags(fd: c_int) {
    if known(fd).is_some_and(Entry::has_queue) {
        note_flags_of_queue(fd);
    }
}

#[cold]
fn note_flags_of_queue(fd: c_int) {
    let before = crate::errno();
    if let Ok(lookup) = find(fd) {
        flags::note_change(&lookup, fd);
    }
    crate::set_errno(before);
}

/// A thread that leaves the others' descriptors has numbers of its own from then on, but one table serves
/// all threads.
#[unsafe(no_mangle)]
unsafe extern "C" fn unshare(flags: c_int) -> c_int {
    if flags & libc::CLONE_FILES != 0 {
        go_strict();
    }
    // SAFETY: by the contract of this call.
    unsafe { kernel::unshare(flags) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn closefrom(first: c_int) {
    let first = first.max(0);
    if known_within(first, c_int::MAX).next().is_none() {
        // SAFETY: by the contract of this call.
        unsafe { kernel::close_from(first) };
        return;
    }
    // SAFETY: by the contract of this call.
    unsafe { close_known_range(first, c_int::MAX, 0) };
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    let (low, high) = (
        first.min(c_int::MAX as c_uint) as c_int,
        last.min(c_int::MAX as c_uint) as c_int,
    );
    let closes = flags & libc::CLOSE_RANGE_CLOEXEC as c_int == 0;
    if flags & libc::CLOSE_RANGE_UNSHARE as c_int != 0 {
        go_strict();
    }
    if !closes || first > last || known_within(low, high).next().is_none() {
        // SAFETY: by the contract of this call.
        return unsafe { kernel::close_range(first, last, flags) };
    }
    // SAFETY: by the contract of this call.
    unsafe { close_known_range(low, high, flags) }
}

/// Closes a range of numbers, some of which the table knows.
///
/// # Safety
///
/// As for close_range().
unsafe fn close_known_range(first: c_int, last: c_int, flags: c_int) -> c_int {
    let close_all = |first: c_int, last: c_int| match first > last {
        true => 0,
        // SAFETY: by this function's contract.
        false => unsafe { close_unknown(first, last, flags) },
    };
    let mut next = first;
    for (fd, _) in known_within(first, last) {
        let result = close_all(next, fd - 1);
        if result < 0 {
            return result;
        }
        // SAFETY: by this function's contract. The library's own descriptors stay open.
        unsafe { close(fd) };
        next = fd.saturating_add(1);
    }
    close_all(next, last)
}

/// Closes a range of numbers of which the table knows none.
///
/// # Safety
///
/// As for close_range().
unsafe fn close_unknown(first: c_int, last: c_int, flags: c_int) -> c_int {
    // SAFETY: by this function's contract.
    let result = unsafe { kernel::close_range(first as c_uint, last as c_uint, flags) };
    if result == 0 || crate::errno() != libc::ENOSYS {
        return result;
    }
    if last == c_int::MAX {
        // SAFETY: by this function's contract.
        unsafe { kernel::close_from(first) };
        return 0;
    }
    for fd in first..=last {
        // SAFETY: by this function's contract.
        unsafe { kernel::close(fd) };
    }
    0
}

/// Closes a queue's descriptor. `EBADF` if it is none, which is left open.
pub(crate) fn close_queue(fd: c_int) -> c_int {
    let found = match known(fd).filter(|entry| entry.is_own()) {
        Some(entry) if is_librarys_own(fd, entry) => Err(libc::EBADF),
        _ => find(fd),
    };
    match found {
        Ok(Lookup { entry, .. }) => {
            let begun = entry.begin();
            // SAFETY: the call takes a number alone.
            let result = unsafe { kernel::mq_close(fd) };
            Change { entry, begun }.end(true);
            result
        }
        Err(number) => fail(number),
    }
}

/// Prepares this library when it is loaded.
#[used]
#[unsafe(link_section = ".init_array")]
static PREPARE: extern "C" fn() = prepare;

extern "C" fn prepare() {
    kernel::resolve();
    find_single_threaded();
    if choice() == Choice::Strict {
        go_strict();
    }
}
