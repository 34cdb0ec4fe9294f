//! Waitsets: one wait over many objects, descriptors, children and timers.

use super::cell::CELLS;
use super::client::CLIENTS;
use super::handle::{self, Table};
use super::mq::QUEUES;
use super::service::SERVERS;
use super::spawn::CHILDREN;
use super::topic::TOPICS;
use super::*;
use crate::base::alloc::try_box;
use crate::base::time::{Deadline, FOREVER};
use crate::ipc::mq::{Direction, Queue};
use crate::ipc::waitable::Waitable;
use crate::ipc::waitset::{
    Found, HandleDescriptor, IsOpen, Object, Ready, Tag, Waitset, note_closing,
};
use crate::ipc::watch::placed;
use crate::object::layout;
use crate::object::map::{UserOfMemory, set_before_unmap};
use core::ffi::c_void;
use core::ops::Range;
use core::ptr::NonNull;
use core::time::Duration;

/// A set of things to wait for. ipc_waitset_open() makes it, ipc_waitset_close() ends it.
pub struct ipc_waitset_t {
    _private: [u8; 0],
}

static WAITSETS: Table<Waitset, { handle::WAITSET }> = Table::new();

/// For ipc_waitset_add(): an ipc_mq_t is ready while it has a message.
pub const IPC_WAIT_MESSAGE: c_int = 1;
/// For ipc_waitset_add(): an ipc_mq_t is ready while it has room.
pub const IPC_WAIT_ROOM: c_int = 2;
/// For ipc_waitset_add(): an ipc_event_t is ready while it is set.
pub const IPC_WAIT_EVENT: c_int = 3;
/// For ipc_waitset_add(): an ipc_sem_t is ready while a permit is free.
pub const IPC_WAIT_SEM: c_int = 4;
/// For ipc_waitset_add(): an ipc_child_t is ready when the child has ended.
pub const IPC_WAIT_CHILD: c_int = 5;
/// For ipc_waitset_add(): an ipc_topic_t that subscribes is ready while it has a sample to take.
pub const IPC_WAIT_SAMPLE: c_int = 6;
/// For ipc_waitset_add(): an ipc_cell_t is ready while the cell holds a value that the handle has not read.
pub const IPC_WAIT_CHANGE: c_int = 7;
/// For ipc_waitset_add(): an ipc_service_t is ready while a request waits for a server.
pub const IPC_WAIT_REQUEST: c_int = 8;
/// For ipc_waitset_add(): an ipc_client_t is ready while a reply waits for ipc_client_receive().
pub const IPC_WAIT_REPLY: c_int = 9;
/// In ipc_ready_t: a descriptor from ipc_waitset_add_fd() is ready.
pub const IPC_WAIT_FD: c_int = 10;
/// In ipc_ready_t: a timer from ipc_waitset_add_timer() has expired.
pub const IPC_WAIT_TIMER: c_int = 11;

/// A report of ipc_waitset_wait() about one entry that is ready.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_ready_t {
    /// The tag with which the entry was added.
    pub tag: *mut c_void,
    /// The entry's IPC_WAIT_ constant.
    pub what: c_int,
    /// 0: reserved for later versions.
    pub reserved: c_int,
}

/// The caller's array, into which the results go.
struct Results {
    first: NonNull<ipc_ready_t>,
    capacity: usize,
}

impl Found for Results {
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn put(&mut self, number: usize, ready: Ready) {
        let result = ipc_ready_t {
            tag: ready.tag.0,
            what: ready.what,
            reserved: 0,
        };
        // SAFETY: by the contract of ipc_waitset_wait the array has `capacity` places, and the scan fills no more.
        unsafe { self.first.add(number).write(result) };
    }
}

/// Makes an empty waitset: one wait over many objects. It holds any number of queues, topics, cells, services,
/// clients, events, semaphores, children, descriptors and timers.
///
/// The set has three descriptors: an epoll instance, an eventfd, and an io_uring where the kernel has
/// IORING_OP_FUTEX_WAIT (Linux 6.7) and permits it. There it mostly needs no thread. Elsewhere this call starts a
/// thread of the process, which stays: one for each 63 objects in shared memory. It is named "ipc_watch", blocks
/// all signals, and sleeps until something happens. Where the kernel has no futex_waitv() either (before Linux
/// 5.16, or in a sandbox), that thread checks the objects every 10 ms. With io_uring too, the thread is needed
/// while threads hold messages of a queue in place, and if more than 8 times another thread than before waits.
///
/// out: receives the set, on success only. End it with ipc_waitset_close().
/// flags: 0.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if out is NULL or misaligned, or flags is not 0; -EMFILE or -ENFILE if too many descriptors or
/// handles are open; -EAGAIN if no thread can be started; -ENOMEM if there is no memory.
/// Threads: safe.
/// Fork: the child has the set too. With its first call it gets an epoll instance, an eventfd and timers of its
/// own. A descriptor of ipc_waitset_fd() stays the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_waitset_open(out: *mut *mut ipc_waitset_t, flags: c_int) -> c_int {
    guard(c"ipc_waitset_open", move || {
        let out = checked(out, "out")?;
        check_flags(flags, 0)?;
        set_before_unmap(UserOfMemory::Waitsets, forget_memory);
        let room = WAITSETS.room()?;
        let set = Waitset::new()?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(set)) }
    })
}

/// Tells all sets that memory is about to be unmapped.
fn forget_memory(memory: Range<usize>) {
    WAITSETS.for_each(&mut |set| set.forget_memory(&memory));
}

/// Adds an object to a set. From then on ipc_waitset_wait() reports it while it is ready.
///
/// what: what to wait for, and the type of object:
/// IPC_WAIT_MESSAGE, a message in an ipc_mq_t;
/// IPC_WAIT_ROOM, room in an ipc_mq_t;
/// IPC_WAIT_EVENT, an ipc_event_t that is set;
/// IPC_WAIT_SEM, a free permit of an ipc_sem_t;
/// IPC_WAIT_CHILD, an ipc_child_t that has ended;
/// IPC_WAIT_SAMPLE, a sample in an ipc_topic_t that subscribes;
/// IPC_WAIT_CHANGE, a value of an ipc_cell_t that the handle has not read with ipc_cell_read() or ipc_cell_wait();
/// IPC_WAIT_REQUEST, a request for an ipc_service_t;
/// IPC_WAIT_REPLY, a reply for ipc_client_receive() to a request that the ipc_client_t has sent.
/// object: the object, or its handle. It may be in several sets, and several times in one. If its handle is
/// closed, or its region is closed, or it is destroyed, its entry stays and is ready: the next call on the object
/// says why. Remove it then. An event or semaphore in memory that the program maps itself must be removed before
/// that memory is unmapped.
/// tag: a value that ipc_waitset_wait() returns with the entry.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, the object is not initialised, or what has no meaning;
/// -EBADF if a handle is closed or of another kind, or a topic's handle publishes; -EACCES if an event or semaphore lies
/// in memory that was opened with IPC_READ_ONLY, or this process may not write to the cell, and so cannot mark that it
/// waits; -EPROTO if the memory holds another type of object, or the object belongs to another PID namespace; -EUSERS if
/// this process was forked, and the topic or the service has no room for one more subscriber or client; -EUCLEAN if the
/// object is damaged; -ENOTSUP if a semaphore was opened with
/// IPC_POSIX; -EMFILE or -ENFILE if too many descriptors are open; -ENOSPC if too many descriptors are watched
/// (fs.epoll.max_user_watches); -EAGAIN if no thread can be started; -ENOMEM if there is no memory; -EDEADLK if a
/// signal handler makes this call and interrupted a call on the same set; -ESTALE if the process was forked while
/// another thread changed the set.
/// Threads: safe. A thread that waits on the set waits for this object too from now on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_waitset_add(
    set: *mut ipc_waitset_t,
    what: c_int,
    object: *mut c_void,
    tag: *mut c_void,
) -> c_int {
    guard(c"ipc_waitset_add", move || {
        let set = WAITSETS.get(set)?;
        let tag = Tag(tag);
        let at_address = |waitable| Object {
            waitable,
            number: object.addr(),
            is_open: None,
        };
        match what {
            IPC_WAIT_MESSAGE => add_queue(&set, Direction::Receive, object, what, tag)?,
            IPC_WAIT_ROOM => add_queue(&set, Direction::Send, object, what, tag)?,
            IPC_WAIT_SAMPLE | IPC_WAIT_CHANGE | IPC_WAIT_REQUEST | IPC_WAIT_REPLY => {
                set.add_object(of_handle(what, object)?, what, tag)?;
            }
            IPC_WAIT_EVENT => {
                // SAFETY: by the contract of this call.
                let event: &layout::Event = unsafe { placed(object.cast(), "the event") }?;
                set.add_object(at_address(placed::event_wait(event)?), what, tag)?;
            }
            IPC_WAIT_SEM => {
                if is_handle(object) {
                    return Err(fail!(
                        ENOTSUP,
                        "a semaphore of the C library (IPC_POSIX) cannot be in a waitset"
                    ));
                }
                // SAFETY: by the contract of this call.
                let sem: &layout::Sem = unsafe { placed(object.cast(), "the semaphore") }?;
                set.add_object(at_address(placed::sem_wait(sem)?), what, tag)?;
            }
            IPC_WAIT_CHILD => {
                let descriptor = HandleDescriptor {
                    descriptor: CHILDREN.get(object)?.descriptor()?,
                    events: libc::EPOLLIN as u32,
                    number: object.addr(),
                    is_open: |number| CHILDREN.get(handle_of(number)).is_ok(),
                };
                set.add_handle_descriptor(descriptor, what, tag)?;
            }
            _ => return Err(fail!(EINVAL, "what is {what}, which has no meaning here")),
        }
        Ok(0)
    })
}

/// The wait for the object of a handle.
fn of_handle(what: c_int, handle: *mut c_void) -> Result<Object> {
    let (waitable, is_open): (Box<dyn Waitable>, IsOpen) = match what {
        IPC_WAIT_SAMPLE => (try_box(TOPICS.get(handle)?.sample_wait()?)?, |number| {
            TOPICS.get(handle_of(number)).is_ok()
        }),
        IPC_WAIT_CHANGE => (try_box(CELLS.get(handle)?.change_wait()?)?, |number| {
            CELLS.get(handle_of(number)).is_ok()
        }),
        IPC_WAIT_REQUEST => (try_box(SERVERS.get(handle)?.request_wait()?)?, |number| {
            SERVERS.get(handle_of(number)).is_ok()
        }),
        _ => (try_box(CLIENTS.get(handle)?.reply_wait()?)?, |number| {
            CLIENTS.get(handle_of(number)).is_ok()
        }),
    };
    Ok(Object {
        waitable,
        number: handle.addr(),
        is_open: Some(is_open),
    })
}

fn handle_of(number: usize) -> *const c_void {
    core::ptr::without_provenance(number)
}

fn add_queue(
    set: &Waitset,
    direction: Direction,
    handle: *mut c_void,
    what: c_int,
    tag: Tag,
) -> Result<()> {
    let is_open = |number| QUEUES.get(handle_of(number)).is_ok();
    let number = handle.addr();
    match &*QUEUES.get(handle)? {
        Queue::Shared(queue) => {
            let object = Object {
                waitable: queue.waitable(direction)?,
                number,
                is_open: Some(is_open),
            };
            set.add_object(object, what, tag)
        }
        Queue::Kernel(queue) => {
            let events = match direction {
                Direction::Receive => libc::EPOLLIN,
                _ => libc::EPOLLOUT,
            };
            let descriptor = HandleDescriptor {
                descriptor: queue.descriptor(),
                events: events as u32,
                number,
                is_open,
            };
            set.add_handle_descriptor(descriptor, what, tag)
        }
    }
}

/// Adds a descriptor to a set, for example a socket's or a pipe's. ipc_waitset_wait() reports it with IPC_WAIT_FD
/// while it is ready, has failed or was hung up.
///
/// fd: the descriptor. It still belongs to the caller. Remove it from the set before you close it: a set reports a
/// closed descriptor no more, or as long as another process has it open.
/// poll_events: any of POLLIN, POLLOUT, POLLPRI and POLLRDHUP of <poll.h>.
/// tag: a value that ipc_waitset_wait() returns with the entry.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if set is NULL or poll_events has another bit; -EBADF if the set is closed or fd is not open;
/// -EEXIST if the descriptor is in the set; -EPERM if fd is a regular file or a directory, which are always ready;
/// -ELOOP if fd is an epoll instance that contains this set; -ENOSPC if too many descriptors are watched
/// (fs.epoll.max_user_watches); -ENOMEM if there is no memory; -EDEADLK if a signal handler makes this call and
/// interrupted a call on the same set; -ESTALE if the process was forked while another thread changed the set.
/// Threads: safe. A thread that waits on the set waits for this descriptor too from now on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_waitset_add_fd(
    set: *mut ipc_waitset_t,
    fd: c_int,
    poll_events: c_int,
    tag: *mut c_void,
) -> c_int {
    guard(c"ipc_waitset_add_fd", move || {
        let set = WAITSETS.get(set)?;
        // These have the same numbers in poll(2) and in epoll(7).
        let known = libc::POLLIN | libc::POLLOUT | libc::POLLPRI | libc::POLLRDHUP;
        if poll_events & !c_int::from(known) != 0 {
            return Err(fail!(
                EINVAL,
                "poll_events {poll_events:#x}; expected any of POLLIN, POLLOUT, POLLPRI and POLLRDHUP"
            ));
        }
        set.add_descriptor(fd, poll_events as u32, IPC_WAIT_FD, Tag(tag))?;
        Ok(0)
    })
}

/// Adds a timer to a set. ipc_waitset_wait() reports it with IPC_WAIT_TIMER once for each expiry. If several
/// periods have passed, it reports the timer once.
///
/// first_ns: when the timer expires for the first time: nanoseconds from now on the monotonic clock, 0 for at once,
/// or a deadline from ipc_deadline().
/// period_ns: nanoseconds between two expiries; 0: the timer expires once.
/// tag: a value that ipc_waitset_wait() returns with the entry.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if set is NULL, first_ns is IPC_FOREVER or no timeout, or period_ns is negative; -EBADF if the
/// set is closed; -EMFILE or -ENFILE if too many descriptors are open: a timer has one; -ENOSPC if too many
/// descriptors are watched (fs.epoll.max_user_watches); -ENOMEM if there is no memory; -EDEADLK if a signal handler
/// makes this call and interrupted a call on the same set; -ESTALE if the process was forked while another thread
/// changed the set.
/// Threads: safe.
/// Fork: the child's timer goes on beside the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_waitset_add_timer(
    set: *mut ipc_waitset_t,
    first_ns: i64,
    period_ns: i64,
    tag: *mut c_void,
) -> c_int {
    guard(c"ipc_waitset_add_timer", move || {
        let set = WAITSETS.get(set)?;
        if first_ns == FOREVER || period_ns < 0 {
            return Err(fail!(
                EINVAL,
                "first_ns is {first_ns} and period_ns {period_ns}; a timer has to expire"
            ));
        }
        let first = Deadline::after(first_ns)?;
        let period = Duration::from_nanos(period_ns.unsigned_abs());
        set.add_timer(first, period, IPC_WAIT_TIMER, Tag(tag))?;
        Ok(0)
    })
}

/// Removes all entries with a tag from a set. When the call returns, the set does not use their objects any more. A
/// wait in another thread may still report them.
///
/// tag: as it was added.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if set is NULL; -EBADF if the set is closed; -ENOENT if no entry has the tag; -EDEADLK if a signal
/// handler makes this call and interrupted a call on the same set; -ESTALE if the process was forked while another
/// thread changed the set.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_waitset_remove(set: *mut ipc_waitset_t, tag: *mut c_void) -> c_int {
    guard(c"ipc_waitset_remove", move || {
        WAITSETS.get(set)?.remove(Tag(tag))?;
        Ok(0)
    })
}

/// Waits until entries of a set are ready, and says which. It takes nothing from them, except the expiry of a timer:
/// make the call that takes a message, a permit or a child's exit with timeout 0. It may give -EAGAIN, because
/// another thread or process was faster.
///
/// An entry that stays ready is reported again by the next wait. If more entries are ready than fit in, the next
/// wait begins with the others: an entry that is always ready does not keep others from being reported.
///
/// ready: receives the entries that are ready, on success only.
/// capacity: how many there is room for, at least 1.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0
/// only asks.
///
/// Returns: how many entries are ready, at least 1, or a negative error.
/// Errors: -EAGAIN if nothing is ready and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EINTR if a signal
/// handler ran during the wait; -EINVAL if a pointer is NULL or misaligned, capacity is 0, or timeout_ns is invalid;
/// -EBADF if the set is closed, also during the wait; -EMFILE or -ENFILE after fork if too many descriptors are
/// open; -ENOMEM if the kernel has no memory; -EDEADLK if a signal handler makes this call and interrupted a call on
/// the same set; -ESTALE if the process was forked while another thread changed the set.
/// Threads: safe. Several threads may wait on one set: an entry that becomes ready may be reported to each of them.
/// The set goes from one thread to another at a cost; best is one thread for each set.
/// Death: if a thread dies that should make an object ready, or that has what would make it ready, the entry is ready
/// within 100 milliseconds, and nobody has to make a call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_waitset_wait(
    set: *mut ipc_waitset_t,
    ready: *mut ipc_ready_t,
    capacity: usize,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_waitset_wait", move || {
        let set = WAITSETS.get(set)?;
        let first = checked(ready, "ready")?;
        if capacity == 0 {
            return Err(fail!(EINVAL, "capacity is 0; expected room for one entry"));
        }
        let deadline = Deadline::after(timeout_ns)?;
        let capacity = capacity.min(c_int::MAX as usize);
        let mut results = Results { first, capacity };
        Ok(set.wait(&mut results, deadline)? as c_int)
    })
}

/// Gives a descriptor for an existing loop: poll(), epoll, libuv, GLib, Qt, asio. It is readable while an entry of
/// the set may be ready. When it is readable, call ipc_waitset_wait() with timeout 0. If that gives -EAGAIN, nothing
/// is ready any more, and the descriptor is not readable. Do not use the descriptor in another way.
///
/// Returns: the descriptor, or a negative error. It belongs to the set and is valid until ipc_waitset_close(); the
/// caller must not close it.
/// Errors: -EINVAL if set is NULL; -EBADF if the set is closed; -EMFILE or -ENFILE after fork if too many descriptors
/// are open; -ENOMEM if the kernel has no memory; -EDEADLK if a signal handler makes this call and interrupted a call
/// on the same set; -ESTALE if the process was forked while another thread changed the set.
/// Threads: safe.
/// Fork: the descriptor stays the parent's. The child calls ipc_waitset_fd() itself and gets its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_waitset_fd(set: *mut ipc_waitset_t) -> c_int {
    guard(c"ipc_waitset_fd", move || WAITSETS.get(set)?.descriptor())
}

/// Ends a set. Its objects and descriptors are not closed.
///
/// set: NULL does nothing. Threads that wait on the set get -EBADF.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF if the set is closed already or is no waitset.
/// Threads: safe.
/// Fork: closes the set of the calling process only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_waitset_close(set: *mut ipc_waitset_t) -> c_int {
    guard(c"ipc_waitset_close", move || {
        if set.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        let pinned = WAITSETS.get(set)?;
        WAITSETS.close(set)?;
        pinned.end_waits();
        Ok(0)
    })
}

/// Call after a handle was closed, or an object was destroyed, that a set may hold.
pub(super) fn object_closed() {
    note_closing();
}
