//! What the descriptors of this process lead to.
//!
//! The table says it for each number, so that a send makes no system call. But descriptors are
//! closed and made by calls that this library does not see. Where one may have been, the kernel is
//! asked (fstat(2)) whether the number is the bell's still: that is so once so much time has passed
//! since the kernel was last asked that a close() fits in.

use crate::bell::{self, Bell};
use crate::ipc::{ipc_mq_fd, ipc_mq_t};
use crate::{Result, check, check_libc};
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

/// A queue that this process has open. Never freed, but used again: who looks at one that is just
/// closed finds a handle that the library refuses.
#[repr(align(64))]
pub(crate) struct Queue {
    /// NULL: a queue of the kernel's that is no bell. (For as long as somebody has it open.)
    handle: AtomicPtr<ipc_mq_t>,
    message_size: AtomicUsize,
    device: AtomicU64,
    inode: AtomicU64,
    /// Of the bell's name, where this process has opened it by its name; else 0.
    name: AtomicU64,
    /// The library's own descriptor of the bell.
    bell: AtomicI32,
    /// The bell has been asked for by this process, or one that it was forked from: it is kept.
    is_kept: AtomicBool,
    /// How many entries of the table lead here. 0: free.
    users: AtomicU32,
    next: AtomicPtr<Queue>,
}

/// For one descriptor. All zeros at first.
struct Entry {
    /// In its lowest bits the access mode.
    queue: AtomicPtr<Queue>,
    /// When the kernel was asked last.
    asked: AtomicU64,
    /// Whether the description had O_NONBLOCK when that was asked last.
    was_nonblocking: AtomicBool,
}

const MODE: usize = 3;
/// More than any limit of descriptors that is in use (fs.nr_open is 1048576).
const ENTRIES: usize = 1 << 20;

static ENTRIES_BASE: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());
static QUEUES: AtomicPtr<Queue> = AtomicPtr::new(ptr::null_mut());

/// What a descriptor leads to, as it was opened.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    queue: &'static Queue,
    entry: &'static Entry,
    mode: c_int,
}

impl Found {
    /// `None`: the kernel's own.
    #[inline(always)]
    pub(crate) fn handle(&self) -> Option<*mut ipc_mq_t> {
        let handle = self.queue.handle.load(Relaxed);
        (!handle.is_null()).then_some(handle)
    }

    #[inline(always)]
    pub(crate) fn receives(&self) -> bool {
        self.mode != libc::O_WRONLY
    }

    #[inline(always)]
    pub(crate) fn sends(&self) -> bool {
        self.mode != libc::O_RDONLY
    }

    #[inline(always)]
    pub(crate) fn message_size(&self) -> usize {
        self.queue.message_size.load(Relaxed)
    }

    /// Whether calls that would wait do wait, as far as is known.
    pub(crate) fn was_blocking(&self) -> bool {
        !self.entry.was_nonblocking.load(Relaxed)
    }

    /// `EAGAIN` if they do not.
    pub(crate) fn check_blocking(&self, fd: c_int) -> Result<()> {
        // SAFETY: takes no memory.
        let flags = check_libc(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
        let is_nonblocking = flags & libc::O_NONBLOCK != 0;
        self.entry.was_nonblocking.store(is_nonblocking, Relaxed);
        if is_nonblocking {
            Err(libc::EAGAIN)
        } else {
            Ok(())
        }
    }

    /// Has the bell kept. Once: the signal of a notification may come in the middle of a call.
    pub(crate) fn keep_bell(&self, handle: *mut ipc_mq_t) -> Result<()> {
        if !self.queue.is_kept.load(Relaxed) {
            // SAFETY: a handle.
            check(unsafe { ipc_mq_fd(handle) })?;
            self.queue.is_kept.store(true, Relaxed);
        }
        Ok(())
    }
}

/// In ticks of the processor's counter: a close() takes more.
const LONG: u64 = 1024;

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn ticks() -> u64 {
    // SAFETY: every x86_64 has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Each time is long after.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn ticks() -> u64 {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    TICKS.fetch_add(LONG + 1, Relaxed)
}

#[inline(always)]
fn entry(fd: c_int) -> Option<&'static Entry> {
    let base = ENTRIES_BASE.load(Acquire);
    if base.is_null() || fd as u32 as usize >= ENTRIES {
        return None;
    }
    // SAFETY: the table has so many entries, and is never unmapped.
    Some(unsafe { &*base.add(fd as usize) })
}

/// What the descriptor leads to; `EBADF`.
#[inline(always)]
pub(crate) fn find(fd: c_int) -> Result<Found> {
    if let Some(entry) = entry(fd) {
        let found = entry.queue.load(Acquire);
        if !found.is_null() && ticks().wrapping_sub(entry.asked.load(Relaxed)) < LONG {
            // SAFETY: it leads to a queue.
            return Ok(unsafe { found_at(entry, found) });
        }
    }
    find_certainly(fd)
}

/// # Safety
///
/// From an entry, and not NULL.
#[inline(always)]
unsafe fn found_at(entry: &'static Entry, tagged: *mut Queue) -> Found {
    let mode = tagged.addr() & MODE;
    let queue = tagged.map_addr(|address| address & !MODE);
    Found {
        // SAFETY: queues are never freed.
        queue: unsafe { &*queue },
        entry,
        mode: mode as c_int,
    }
}

/// The same, and the kernel is asked.
#[inline(never)]
pub(crate) fn find_certainly(fd: c_int) -> Result<Found> {
    let identity = Identity::of(fd)?;
    if let Some(entry) = entry(fd) {
        let found = entry.queue.load(Acquire);
        if !found.is_null() {
            // SAFETY: it leads to a queue.
            let found = unsafe { found_at(entry, found) };
            if identity.is(found.queue) {
                entry.asked.store(ticks(), Relaxed);
                return Ok(found);
            }
        }
    }
    let _lock = Lock::take();
    adopt(fd, identity, None, None).map_err(|number| match number {
        // A bell whose queue has been unlinked, and which this process has not had before.
        libc::ENOENT => libc::EBADF,
        number => number,
    })
}

/// Which file a descriptor means.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) permissions: libc::mode_t,
    /// Whether it has a name.
    pub(crate) is_named: bool,
}

impl Identity {
    pub(crate) fn of(fd: c_int) -> Result<Identity> {
        let mut status = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: room for the answer.
        check_libc(unsafe { libc::fstat(fd, status.as_mut_ptr()) })?;
        // SAFETY: filled in.
        let status = unsafe { status.assume_init() };
        Ok(Identity {
            device: status.st_dev,
            inode: status.st_ino,
            permissions: status.st_mode & 0o777,
            is_named: status.st_nlink != 0,
        })
    }

    fn is(&self, queue: &Queue) -> bool {
        queue.inode.load(Relaxed) == self.inode && queue.device.load(Relaxed) == self.device
    }
}

/// Who opens and closes. The word is the process's id, so that a child of fork() does not wait
/// for a thread that it has not.
pub(crate) struct Lock;

static LOCKED: AtomicI32 = AtomicI32::new(0);

impl Lock {
    pub(crate) fn take() -> Lock {
        // SAFETY: takes nothing.
        let here = unsafe { libc::getpid() };
        let mut expected = 0;
        loop {
            match LOCKED.compare_exchange(expected, here, Acquire, Relaxed) {
                Ok(_) => return Lock,
                Err(found) if found == here => {
                    expected = 0;
                    // SAFETY: takes nothing.
                    unsafe { libc::sched_yield() };
                }
                // Free by now, or of a process that this one was forked from.
                Err(found) => expected = found,
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        LOCKED.store(0, Release);
    }
}

/// Enters a descriptor that is new to this process. Whoever calls has the lock.
/// `opened`: with which flags, and the hash of the bell's name. With `made` it is new, and that is its
/// queue.
pub(crate) fn adopt(
    fd: c_int,
    identity: Identity,
    opened: Option<(c_int, u64)>,
    made: Option<*mut ipc_mq_t>,
) -> Result<Found> {
    make_table()?;
    let entry = entry(fd).ok_or(libc::EBADF)?;
    forget(entry);
    let known = open_queues().find(|queue| identity.is(queue));
    if known.is_none() && !bell::is_kernel_queue(fd) {
        return Err(libc::EBADF);
    }
    let (flags, name) = match opened {
        Some(opened) => opened,
        // SAFETY: takes no memory.
        None => (check_libc(unsafe { libc::fcntl(fd, libc::F_GETFL) })?, 0),
    };
    let mode = flags & libc::O_ACCMODE;
    let queue = match known {
        Some(queue) => queue,
        None => {
            sweep();
            attach(Bell { fd, mode }, identity, made)?
        }
    };
    if name != 0 {
        queue.name.store(name, Relaxed);
    }
    queue.users.fetch_add(1, Relaxed);
    let is_nonblocking = flags & libc::O_NONBLOCK != 0;
    entry.was_nonblocking.store(is_nonblocking, Relaxed);
    entry.asked.store(ticks(), Relaxed);
    let tagged = ptr::from_ref(queue)
        .cast_mut()
        .map_addr(|address| address | mode as usize);
    entry.queue.store(tagged, Release);
    Ok(Found { queue, entry, mode })
}

fn make_table() -> Result<()> {
    if !ENTRIES_BASE.load(Relaxed).is_null() {
        return Ok(());
    }
    // SAFETY: new memory, of zeros; what is not used takes none.
    let memory = unsafe {
        libc::mmap(
            ptr::null_mut(),
            ENTRIES * size_of::<Entry>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(libc::ENOMEM);
    }
    ENTRIES_BASE.store(memory.cast(), Release);
    Ok(())
}

fn all_queues() -> impl Iterator<Item = &'static Queue> {
    let mut next = QUEUES.load(Acquire);
    core::iter::from_fn(move || {
        // SAFETY: queues are never freed.
        let queue = unsafe { next.as_ref() }?;
        next = queue.next.load(Acquire);
        Some(queue)
    })
}

fn open_queues() -> impl Iterator<Item = &'static Queue> {
    all_queues().filter(|queue| queue.users.load(Relaxed) != 0)
}

fn attach(bell: Bell, identity: Identity, made: Option<*mut ipc_mq_t>) -> Result<&'static Queue> {
    let opened = match made {
        Some(handle) => bell.attach_handle(handle)?,
        None => bell.attach(identity)?,
    };
    let queue = match all_queues().find(|queue| queue.users.load(Relaxed) == 0) {
        Some(queue) => queue,
        None => {
            // SAFETY: makes new memory.
            let memory = unsafe { libc::memalign(align_of::<Queue>(), size_of::<Queue>()) };
            if memory.is_null() {
                return Err(libc::ENOMEM);
            }
            // SAFETY: new, of this size and alignment; of zeros a Queue can consist.
            let queue: &'static Queue = unsafe {
                memory.write_bytes(0, size_of::<Queue>());
                &*memory.cast::<Queue>()
            };
            queue.next.store(QUEUES.load(Relaxed), Relaxed);
            QUEUES.store(memory.cast(), Release);
            queue
        }
    };
    queue.message_size.store(opened.message_size, Relaxed);
    queue.device.store(identity.device, Relaxed);
    queue.inode.store(identity.inode, Relaxed);
    queue.name.store(0, Relaxed);
    queue.is_kept.store(false, Relaxed);
    queue.bell.store(opened.bell, Relaxed);
    queue.handle.store(opened.handle, Release);
    Ok(queue)
}

/// Ends what an entry leads to.
fn forget(entry: &'static Entry) {
    let tagged = entry.queue.swap(ptr::null_mut(), Relaxed);
    if tagged.is_null() {
        return;
    }
    // SAFETY: it led to a queue.
    let queue = unsafe { found_at(entry, tagged) }.queue;
    if queue.users.fetch_sub(1, Relaxed) == 1 {
        let handle = queue.handle.swap(ptr::null_mut(), Relaxed);
        if !handle.is_null() {
            bell::detach(handle);
        }
    }
}

/// Before a descriptor of a queue is closed.
pub(crate) fn forget_descriptor(fd: c_int) {
    if let Some(entry) = entry(fd) {
        forget(entry);
    }
}

/// Ends what descriptors led to that close() has closed. Once for each queue that is opened, so that
/// what stays behind is bounded.
fn sweep() {
    let used: u32 = open_queues().map(|queue| queue.users.load(Relaxed)).sum();
    let mut seen = 0;
    for fd in 0..ENTRIES as c_int {
        if seen == used {
            return;
        }
        let Some(entry) = entry(fd) else { return };
        let tagged = entry.queue.load(Relaxed);
        if tagged.is_null() {
            continue;
        }
        seen += 1;
        // SAFETY: it leads to a queue.
        let queue = unsafe { found_at(entry, tagged) }.queue;
        if !Identity::of(fd).is_ok_and(|identity| identity.is(queue)) {
            forget(entry);
        }
    }
}

/// The bell of that name, if this process has it open and it is the name's still. Whoever calls has the
/// lock.
pub(crate) fn find_named(name: u64) -> Option<c_int> {
    open_queues()
        .filter(|queue| queue.name.load(Relaxed) == name)
        .map(|queue| (queue, queue.bell.load(Relaxed)))
        .find(|(queue, bell)| {
            Identity::of(*bell).is_ok_and(|found| found.is(queue) && found.is_named)
        })
        .map(|(_, bell)| bell)
}
