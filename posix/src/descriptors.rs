//! Which queue each descriptor of this process leads to.
//!
//! The table ([`table`](crate::table)) answers without a system call. This library sees the calls that
//! close, replace and duplicate descriptors ([`closing`](crate::closing)), and takes what they change out of
//! the table. A program can also change descriptors by system calls of its own. So every 64th call on a
//! descriptor, and every call that is about to sleep, asks the kernel whether the number still belongs to
//! the queue's twin. If it does not, the process is one that goes around libc, and from then on each of its
//! calls asks the kernel.

use crate::choice::{Choice, choice};
use crate::flags;
use crate::identity::{Identity, is_kernel_queue};
use crate::ipc::*;
use crate::kernel_twin::KernelTwin;
use crate::pool::{self, PooledQueue};
use crate::table::{self, Entry, State, be_strict};
use crate::table_lock::TableLock;
use crate::{Result, check, check_libc, kernel};
use core::ffi::c_int;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

/// The table's answer about a descriptor.
#[derive(Clone, Copy)]
pub(crate) struct Lookup {
    pub(crate) queue: &'static PooledQueue,
    pub(crate) entry: &'static Entry,
    mode: c_int,
}

impl Lookup {
    /// `None` for a queue of the kernel.
    #[inline(always)]
    pub(crate) fn handle(&self) -> Option<*mut ipc_mq_t> {
        self.queue.handle()
    }

    #[inline(always)]
    pub(crate) fn may_receive(&self) -> bool {
        self.mode != libc::O_WRONLY
    }

    #[inline(always)]
    pub(crate) fn may_send(&self) -> bool {
        self.mode != libc::O_RDONLY
    }

    #[inline(always)]
    pub(crate) fn message_size(&self) -> usize {
        self.queue.message_size()
    }

    /// Does one of the things IPC_MQ_TWIN_* with the queue. If the program has closed the library's
    /// descriptor of the twin, it is replaced by a duplicate of `fd` first.
    pub(crate) fn with_twin(&self, fd: c_int, action: c_int) -> Result<ipc_mq_look_t> {
        let handle = self.handle().ok_or(libc::EBADF)?;
        let is_about_twin = action != IPC_MQ_TWIN_LOOK && action != IPC_MQ_TWIN_FLAGS;
        if is_about_twin && !self.queue.has_twin() {
            self.queue.bring_twin(KernelTwin {
                fd,
                mode: self.mode,
            })?;
        }
        look(handle, action)
    }
}

/// Does one of the things IPC_MQ_TWIN_* with a queue.
#[inline]
pub(crate) fn look(handle: *mut ipc_mq_t, action: c_int) -> Result<ipc_mq_look_t> {
    let mut look = ipc_mq_look_t::default();
    // SAFETY: librobustipc.so checks the handle, and the pointer leads to room for the answer.
    check(unsafe { ipc_mq_twin(handle, action, &mut look) })?;
    Ok(look)
}

/// The queue of a descriptor. `EBADF` if it has none.
#[inline(always)]
pub(crate) fn find(fd: c_int) -> Result<Lookup> {
    if let Some(entry) = table::entry(fd) {
        if let Some((queue, mode)) = entry.certain() {
            return Ok(Lookup { queue, entry, mode });
        }
    }
    find_by_asking(fd)
}

/// Does what [`find`] does, and asks the kernel.
#[inline(never)]
pub(crate) fn find_by_asking(fd: c_int) -> Result<Lookup> {
    let is_other = table::entry(fd).is_some_and(Entry::certainly_has_no_queue);
    if fd < 0 || is_other || choice() == Choice::Kernel {
        return Err(libc::EBADF);
    }
    let Some(entry) = table::entry(fd) else {
        // No table yet, or a number that cannot be open.
        let identity = Identity::of(fd)?;
        let entry = table::make(fd)?;
        // The number may have changed before the table existed: then the next call asks.
        return adopt(fd, entry, entry.begin_to_ask(), identity, None, None);
    };
    let state = entry.begin_to_ask();
    let last_known = entry.last_known();
    // Before the kernel's answer: a change of the flags that comes after it is counted after this.
    let changes = last_known.and_then(|(queue, _)| flags::changes_of(queue));
    let asked = Identity::of(fd).and_then(|identity| Ok((identity, flags_of(fd)?)));
    if let Some((queue, mode)) = last_known {
        match asked {
            Ok((identity, flags)) if queue.has(&identity) && flags & libc::O_ACCMODE == mode => {
                if let Some(changes) = changes {
                    flags::note_at(entry, changes, flags);
                }
                entry.confirm(state, true);
                return Ok(Lookup { queue, entry, mode });
            }
            // The table was wrong, and no call that this library has seen was the reason.
            _ if state.is_valid() && entry.is_still(state) => {
                entry.begin();
                entry.end();
                go_strict();
            }
            _ => {}
        }
    }
    let (identity, flags) = asked?;
    adopt(
        fd,
        entry,
        state,
        identity,
        Some(Opened { flags, name: 0 }),
        None,
    )
}

fn flags_of(fd: c_int) -> Result<c_int> {
    // SAFETY: the call takes numbers alone.
    check_libc(unsafe { kernel::fcntl(fd, libc::F_GETFL, 0) })
}

/// The queue of a descriptor that a program polls. `None` if it has none: a queue of the kernel included,
/// which the kernel polls.
#[inline(always)]
pub(crate) fn find_polled(fd: c_int) -> Option<Lookup> {
    match table::entry(fd) {
        Some(entry) if entry.is_other() => None,
        Some(entry) => match entry.certain() {
            Some((queue, mode)) => Some(Lookup { queue, entry, mode }),
            None => find_polled_by_asking(fd),
        },
        None => find_polled_by_asking(fd),
    }
    .filter(|lookup| lookup.handle().is_some())
}

#[cold]
#[inline(never)]
fn find_polled_by_asking(fd: c_int) -> Option<Lookup> {
    if fd < 0 {
        return None;
    }
    let before = crate::errno();
    let found = find_by_asking(fd);
    crate::set_errno(before);
    found.ok()
}

/// How a descriptor was opened.
#[derive(Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) flags: c_int,
    /// The hash of the twin's name, if this process has opened the queue by it, otherwise 0.
    pub(crate) name: u64,
}

/// Enters a descriptor that is new to the table. With `made`, the queue has just been made, and that is its
/// handle. `state` was read before `identity` was asked for.
///
/// `EBADF`: the descriptor is not a queue's, or it is a twin's whose queue is gone. `ENOENT`: the same for
/// a descriptor that was opened by name.
pub(crate) fn adopt(
    fd: c_int,
    entry: &'static Entry,
    state: State,
    identity: Identity,
    opened: Option<Opened>,
    made: Option<*mut ipc_mq_t>,
) -> Result<Lookup> {
    let is_by_name = opened.is_some_and(|opened| opened.name != 0);
    let flags = opened.map_or_else(|| flags_of(fd), |opened| Ok(opened.flags))?;
    let mode = flags & libc::O_ACCMODE;
    let enter = |queue: &'static PooledQueue| {
        if is_by_name {
            queue.note_name(opened.map_or(0, |opened| opened.name));
        }
        queue.add_user();
        let before = entry.enter(queue, mode, state);
        flags::forget(entry);
        if is_by_name {
            flags::note(entry, queue, flags);
        }
        before.and_then(PooledQueue::remove_user)
    };
    let lookup = |queue: &'static PooledQueue| {
        queue.keep_twin_if_strict();
        Lookup { queue, entry, mode }
    };
    {
        let lock = TableLock::take()?;
        if let Some(queue) = pool::find(&identity) {
            let ended = enter(queue);
            drop(lock);
            pool::close(ended);
            return Ok(lookup(queue));
        }
    }
    if !is_by_name && made.is_none() && !is_kernel_queue(fd) {
        entry.confirm(state, false);
        return Err(libc::EBADF);
    }
    // Opens files, so without the lock. Another thread may do the same.
    let attached = match made {
        Some(handle) => KernelTwin { fd, mode }.attach_handle(handle),
        None => KernelTwin { fd, mode }.attach(&identity),
    };
    let attached = attached.map_err(|number| match number {
        libc::ENOENT if !is_by_name => libc::EBADF,
        number => number,
    })?;
    let lock = TableLock::take().inspect_err(|_| attached.close())?;
    sweep();
    let (queue, surplus) = match pool::find(&identity) {
        Some(queue) => (queue, Some(attached)),
        None => (
            pool::add(&identity, &attached).inspect_err(|_| attached.close())?,
            None,
        ),
    };
    let ended = enter(queue);
    drop(lock);
    pool::close(ended);
    if let Some(attached) = surplus {
        attached.close();
    }
    Ok(lookup(queue))
}

/// Enters a duplicate of a queue's descriptor, so that the queue stays open when the first is closed. Does
/// not wait, as dup() does not.
#[cold]
pub(crate) fn note_duplicate(fd: c_int, duplicate: c_int) {
    let source = table::entry(fd).and_then(Entry::last_known);
    let (Some((queue, mode)), Ok(entry)) = (source, table::make(duplicate)) else {
        return;
    };
    let state = entry.begin_to_ask();
    let Ok(lock) = TableLock::try_take() else {
        // The queue stays open as long as the process lives.
        queue.add_user();
        return;
    };
    // Under the lock the record cannot have passed to another queue.
    let is_same = Identity::of(duplicate).is_ok_and(|identity| queue.has(&identity));
    if !is_same || queue.is_free() {
        return;
    }
    queue.add_user();
    let before = entry.enter(queue, mode, state);
    flags::forget(entry);
    let ended = before.and_then(PooledQueue::remove_user);
    drop(lock);
    pool::close(ended);
}

/// Keeps a queue open as long as the process lives.
pub(crate) fn keep_open(lookup: &Lookup) {
    let Ok(_lock) = TableLock::take() else {
        return;
    };
    if !lookup.queue.is_free() {
        lookup.queue.keep_open();
    }
}

/// How many entries may lead to queues that close() has closed.
static LEFT_OPEN: AtomicU32 = AtomicU32::new(0);

/// Ends what an entry leads to, after its number was closed. Does not wait: close() may be called in a
/// signal handler. If the lock is taken, the next mq_open() ends it.
pub(crate) fn forget_closed(entry: &'static Entry, begun: State) {
    match TableLock::try_take() {
        Ok(lock) => {
            let ended = entry.leave(begun).and_then(PooledQueue::remove_user);
            drop(lock);
            pool::close(ended);
        }
        Err(_) => {
            LEFT_OPEN.fetch_add(1, Relaxed);
        }
    }
}

/// Ends the entries that [`forget_closed`] has left. The caller has the table's lock. (Each closes a queue
/// with it, which happens seldom.)
fn sweep() {
    if LEFT_OPEN.swap(0, Relaxed) == 0 {
        return;
    }
    for (_, entry) in table::known_within(0, c_int::MAX) {
        if entry.has_queue() {
            pool::close(
                entry
                    .leave_if_uncertain()
                    .and_then(PooledQueue::remove_user),
            );
        }
    }
}

/// Asks the kernel at each call from now on, and keeps the twins exact: the process changes or polls
/// descriptors in ways that this library does not see.
#[cold]
pub(crate) fn go_strict() {
    be_strict();
    pool::keep_all_twins();
}
