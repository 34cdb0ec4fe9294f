//! epoll, for descriptors of queues.
//!
//! The kernel does not tell which descriptors an epoll set watches. So this library notes each queue that
//! epoll_ctl() adds to a set. A call that waits on the set first brings the twins of these queues into the
//! queues' states, as poll() does. Notes are never freed, only used again.

use crate::descriptors::{Lookup, find_polled};
use crate::ipc::*;
use crate::kernel;
use crate::polling::{self, READABLE, WRITABLE};
use crate::table_lock::TableLock;
use crate::time::{Deadline, Time, Timespec};
use core::ffi::{c_int, c_short};
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64};

/// A descriptor in an epoll set: a queue's, or that of another set with queues in it.
struct Watch {
    /// -1: the note is free.
    set: AtomicI32,
    fd: AtomicI32,
    events: AtomicU32,
    data: AtomicU64,
    /// How many messages had been sent when an edge-triggered set was last told of the queue.
    told: AtomicU64,
    next: AtomicPtr<Watch>,
}

static WATCHES: AtomicPtr<Watch> = AtomicPtr::new(ptr::null_mut());

/// How deep the kernel lets sets be in sets.
const DEPTH: u32 = 5;

fn watches() -> impl Iterator<Item = &'static Watch> {
    // Acquire: pairs with the release in add(), so that a note is read with its values.
    let mut next = WATCHES.load(Acquire);
    core::iter::from_fn(move || {
        // SAFETY: the list holds valid notes, and notes are never freed.
        let watch = unsafe { next.as_ref() }?;
        next = watch.next.load(Acquire);
        Some(watch)
    })
}

fn watches_of(set: c_int) -> impl Iterator<Item = &'static Watch> {
    watches().filter(move |watch| watch.set.load(Acquire) == set)
}

/// Whether a descriptor is that of an epoll set with queues in it.
#[inline(always)]
pub(crate) fn has_queues(set: c_int) -> bool {
    !WATCHES.load(Relaxed).is_null() && watches_of(set).next().is_some()
}

impl Watch {
    fn wanted(&self) -> c_short {
        self.events.load(Relaxed) as c_short & (READABLE | WRITABLE)
    }

    fn has(&self, flag: c_int) -> bool {
        self.events.load(Relaxed) & flag as u32 != 0
    }

    /// Brings the twin of this queue, or of those in this set, into the queue's state.
    fn arm(&self, depth: u32) {
        let fd = self.fd.load(Relaxed);
        match find_polled(fd) {
            Some(lookup) => self.arm_queue(&lookup, fd),
            None => arm_within(fd, depth),
        }
    }

    fn arm_queue(&self, lookup: &Lookup, fd: c_int) {
        polling::arm(lookup, fd, self.wanted());
        if !self.has(libc::EPOLLET) {
            return;
        }
        let Ok(look) = lookup.with_twin(fd, IPC_MQ_TWIN_LOOK) else {
            return;
        };
        // A message has come that was not told of, because the twin was ready already.
        if self.told.swap(look.sent, Relaxed) != look.sent && look.current_messages != 0 {
            let _ = lookup.with_twin(fd, IPC_MQ_TWIN_REPEAT);
        }
    }

    /// Whether something of what the kernel has reported is true of the queue.
    fn true_events(&self, reported: u32) -> u32 {
        let fd = self.fd.load(Relaxed);
        let lookup = find_polled(fd);
        if let Some(Ok(look)) = lookup
            .filter(|_| self.has(libc::EPOLLET))
            .map(|lookup| lookup.with_twin(fd, IPC_MQ_TWIN_LOOK))
        {
            self.told.store(look.sent, Relaxed);
        }
        match lookup.and_then(|lookup| polling::events(&lookup, fd)) {
            Some(now) => reported & (now as u16 as u32 | !((READABLE | WRITABLE) as u32)),
            None => reported,
        }
    }
}

/// Brings the twins of the queues in a set into the queues' states.
pub(crate) fn arm(set: c_int) {
    if has_queues(set) {
        arm_within(set, DEPTH);
    }
}

fn arm_within(set: c_int, depth: u32) {
    if depth != 0 {
        for watch in watches_of(set) {
            watch.arm(depth - 1);
        }
    }
}

/// Notes what epoll_ctl() has done.
fn note(set: c_int, action: c_int, fd: c_int, event: *const libc::epoll_event) {
    let Ok(_lock) = TableLock::take() else {
        return;
    };
    let existing = watches_of(set).find(|watch| watch.fd.load(Relaxed) == fd);
    if action == libc::EPOLL_CTL_DEL {
        if let Some(watch) = existing {
            watch.set.store(-1, Release);
        }
        return;
    }
    // SAFETY: the kernel has just read the event.
    let event = unsafe { event.read_unaligned() };
    if let Some(watch) = existing
        .or_else(|| watches_of(-1).next())
        .or_else(new_watch)
    {
        watch.fd.store(fd, Relaxed);
        watch.events.store(event.events, Relaxed);
        watch.data.store(event.u64, Relaxed);
        let sent = find_polled(fd).and_then(|lookup| lookup.with_twin(fd, IPC_MQ_TWIN_LOOK).ok());
        watch.told.store(sent.map_or(0, |look| look.sent), Relaxed);
        // Release: a thread that finds the note must see its values.
        watch.set.store(set, Release);
    }
}

/// A note in the list. The caller has the table's lock.
fn new_watch() -> Option<&'static Watch> {
    // SAFETY: the size is not 0.
    let memory = unsafe { libc::calloc(1, size_of::<Watch>()) }.cast::<Watch>();
    // SAFETY: the memory is NULL, or new, with the size of a note. All its fields may be zero.
    let watch: &'static Watch = unsafe { memory.as_ref() }?;
    watch.set.store(-1, Relaxed);
    watch.next.store(WATCHES.load(Relaxed), Relaxed);
    // Release: see watches().
    WATCHES.swap(memory, AcqRel);
    Some(watch)
}

/// Call after a number was closed.
#[inline(always)]
pub(crate) fn forget(set: c_int) {
    if has_queues(set) {
        for watch in watches_of(set) {
            watch.set.store(-1, Release);
        }
    }
}

/// Call when a set has got a second number.
#[inline(always)]
pub(crate) fn note_duplicate(set: c_int, duplicate: c_int) {
    if duplicate >= 0 && has_queues(set) {
        copy_notes(set, duplicate);
    }
}

#[cold]
fn copy_notes(set: c_int, duplicate: c_int) {
    for watch in watches_of(set) {
        let event = libc::epoll_event {
            events: watch.events.load(Relaxed),
            u64: watch.data.load(Relaxed),
        };
        note(
            duplicate,
            libc::EPOLL_CTL_ADD,
            watch.fd.load(Relaxed),
            &event,
        );
    }
}

/// # Safety
///
/// As for libc's function of that name. This holds for every function below.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn epoll_ctl(
    set: c_int,
    action: c_int,
    fd: c_int,
    event: *mut libc::epoll_event,
) -> c_int {
    let found = find_polled(fd);
    if found.is_none() && !has_queues(fd) {
        // SAFETY: by the contract of this call.
        return unsafe { kernel::epoll_ctl(set, action, fd, event) };
    }
    if let Some(lookup) = found {
        // A set that gets a ready descriptor reports it at once.
        polling::arm(&lookup, fd, READABLE);
    }
    // SAFETY: by the contract of this call.
    let result = unsafe { kernel::epoll_ctl(set, action, fd, event) };
    if result == 0 {
        note(set, action, fd, event);
    }
    result
}

/// Does what epoll_wait() does. `call` makes the kernel's call.
#[inline(always)]
fn wait(
    set: c_int,
    events: *mut libc::epoll_event,
    deadline: impl FnOnce() -> Option<Deadline>,
    call: impl Fn(Option<&Deadline>) -> c_int,
) -> c_int {
    if !has_queues(set) {
        return call(None);
    }
    wait_for_queues(set, events, deadline(), &call)
}

#[inline(never)]
fn wait_for_queues(
    set: c_int,
    events: *mut libc::epoll_event,
    deadline: Option<Deadline>,
    call: &dyn Fn(Option<&Deadline>) -> c_int,
) -> c_int {
    loop {
        arm_within(set, DEPTH);
        let count = call(deadline.as_ref());
        if count <= 0 {
            return count;
        }
        let left = keep_true(set, events, count);
        let is_over = deadline.as_ref().is_none_or(Deadline::is_over);
        if left != 0 || is_over {
            return left;
        }
    }
}

/// Takes out of the kernel's results what is not true of a queue any more. Returns how many are left.
fn keep_true(set: c_int, events: *mut libc::epoll_event, count: c_int) -> c_int {
    let mut left = 0;
    for number in 0..count as usize {
        // SAFETY: the kernel has filled in that many events.
        let mut event = unsafe { events.add(number).read_unaligned() };
        let data = event.u64;
        // An event of a descriptor that is watched once disarms it, so it cannot be taken back.
        let watch = watches_of(set)
            .find(|watch| watch.data.load(Relaxed) == data && !watch.has(libc::EPOLLONESHOT));
        if let Some(watch) = watch {
            event.events = watch.true_events(event.events);
        }
        if event.events != 0 {
            // SAFETY: as above; `left` is at most `number`.
            unsafe { events.add(left as usize).write_unaligned(event) };
            left += 1;
        }
    }
    left
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn epoll_wait(
    set: c_int,
    events: *mut libc::epoll_event,
    count: c_int,
    timeout: c_int,
) -> c_int {
    let deadline = || Some(Deadline::after_ms(timeout));
    wait(set, events, deadline, |deadline| {
        let timeout = deadline.map_or(timeout, Deadline::left_ms);
        // SAFETY: by the contract of this call.
        unsafe { kernel::epoll_wait(set, events, count, timeout) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn epoll_pwait(
    set: c_int,
    events: *mut libc::epoll_event,
    count: c_int,
    timeout: c_int,
    mask: *const libc::sigset_t,
) -> c_int {
    let deadline = || Some(Deadline::after_ms(timeout));
    wait(set, events, deadline, |deadline| {
        let timeout = deadline.map_or(timeout, Deadline::left_ms);
        // SAFETY: by the contract of this call.
        unsafe { kernel::epoll_pwait(set, events, count, timeout, mask) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_pwait2(
    set: c_int,
    events: *mut libc::epoll_event,
    count: c_int,
    timeout: *const libc::timespec,
    mask: *const libc::sigset_t,
) -> c_int {
    // SAFETY: by the contract of this call.
    let call = |time| unsafe { kernel::epoll_pwait2(set, events, count, time, mask) };
    wait_until(set, events, timeout, call, || call(timeout))
}

/// Does what epoll_pwait2() does. `call` makes libc's call with a time, and `as_usual` with the program's own.
#[inline(always)]
pub(crate) fn wait_until<T: Timespec>(
    set: c_int,
    events: *mut libc::epoll_event,
    timeout: *const T,
    call: impl Fn(*const libc::timespec) -> c_int,
    as_usual: impl Fn() -> c_int,
) -> c_int {
    let deadline = || Deadline::after(timeout);
    wait(set, events, deadline, |deadline| {
        match deadline.and_then(Deadline::left).map(Time::to_libc) {
            Some(left) => call(ptr::from_ref(&left)),
            None => as_usual(),
        }
    })
}
