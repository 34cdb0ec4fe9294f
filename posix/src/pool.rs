//! The queues that this process has open.
//!
//! One record stands for each queue, however many descriptors lead to it. A record is never freed, only
//! used again for another queue. So a thread that still uses the record of a queue which another
//! thread has just closed reads valid memory. It finds a handle that librobustipc.so refuses.

use crate::identity::Identity;
use crate::ipc::{ipc_mq_fd, ipc_mq_t};
use crate::kernel_twin::{Attached, KernelTwin};
use crate::memory::detach;
use crate::{Result, check};
use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

/// A queue that this process has open. The alignment keeps two queues out of one cache line, and leaves
/// the low bits of the address free.
#[repr(align(64))]
pub(crate) struct PooledQueue {
    /// NULL for a queue of the kernel that is no twin, as long as a descriptor leads to it.
    handle: AtomicPtr<ipc_mq_t>,
    message_size: AtomicUsize,
    device: AtomicU64,
    inode: AtomicU64,
    /// The hash of the twin's name if this process has opened the queue by its name, otherwise 0.
    name: AtomicU64,
    /// The library's own descriptor of the twin.
    twin: AtomicI32,
    /// Whether this process, or one that it was forked from, has asked to keep the twin up to date.
    is_twin_kept: AtomicBool,
    /// How many descriptors lead to this queue. 0: the record is free.
    users: AtomicU32,
    /// The next record in the list of all.
    next: AtomicPtr<PooledQueue>,
}

/// The newest record of the list of all.
static RECORDS: AtomicPtr<PooledQueue> = AtomicPtr::new(ptr::null_mut());

impl PooledQueue {
    /// `None` for a queue of the kernel.
    #[inline(always)]
    pub(crate) fn handle(&self) -> Option<*mut ipc_mq_t> {
        let handle = self.handle.load(Relaxed);
        (!handle.is_null()).then_some(handle)
    }

    #[inline(always)]
    pub(crate) fn message_size(&self) -> usize {
        self.message_size.load(Relaxed)
    }

    /// The library's own descriptor of the twin.
    pub(crate) fn twin(&self) -> c_int {
        self.twin.load(Relaxed)
    }

    /// Whether a descriptor of this identity leads here.
    pub(crate) fn has(&self, identity: &Identity) -> bool {
        self.inode.load(Relaxed) == identity.inode && self.device.load(Relaxed) == identity.device
    }

    pub(crate) fn note_name(&self, hash: u64) {
        self.name.store(hash, Relaxed);
    }

    /// Keeps the twin up to date. This runs once per process, because the signal of a notification may
    /// arrive in the middle of a call, and its handler may ask for the next notification.
    pub(crate) fn keep_twin(&self, handle: *mut ipc_mq_t) -> Result<()> {
        if !self.is_twin_kept.load(Relaxed) {
            // SAFETY: librobustipc.so checks the handle.
            check(unsafe { ipc_mq_fd(handle) })?;
            self.is_twin_kept.store(true, Relaxed);
        }
        Ok(())
    }

    /// Counts one more descriptor. The caller has the table's lock.
    pub(crate) fn add_user(&self) {
        self.users.fetch_add(1, Relaxed);
    }

    /// Counts one descriptor less, and closes the queue after the last. The caller has the table's lock.
    pub(crate) fn remove_user(&self) {
        if self.users.fetch_sub(1, Relaxed) == 1 {
            let handle = self.handle.swap(ptr::null_mut(), Relaxed);
            if !handle.is_null() {
                detach(handle);
            }
        }
    }
}

/// The open queue of this identity.
pub(crate) fn find(identity: &Identity) -> Option<&'static PooledQueue> {
    open_queues().find(|queue| queue.has(identity))
}

/// Opens the queue of a twin, or with `made` puts a queue into the pool that has just been made. The
/// caller has the table's lock, and adds the first user.
pub(crate) fn attach(
    twin: KernelTwin,
    identity: &Identity,
    made: Option<*mut ipc_mq_t>,
) -> Result<&'static PooledQueue> {
    let attached = match made {
        Some(handle) => twin.attach_handle(handle)?,
        None => twin.attach(identity)?,
    };
    let queue = match records().find(|queue| queue.users.load(Relaxed) == 0) {
        Some(free) => free,
        None => add_record().inspect_err(|_| attached.close())?,
    };
    let Attached {
        handle,
        message_size,
        twin,
    } = attached;
    queue.message_size.store(message_size, Relaxed);
    queue.device.store(identity.device, Relaxed);
    queue.inode.store(identity.inode, Relaxed);
    queue.name.store(0, Relaxed);
    queue.is_twin_kept.store(false, Relaxed);
    queue.twin.store(twin, Relaxed);
    // Relaxed: another thread reaches the record through a table entry, whose release publishes all of
    // these values.
    queue.handle.store(handle, Relaxed);
    Ok(queue)
}

/// The library's descriptor of the twin of that name, if this process has it open and the name still
/// belongs to it. The caller has the table's lock.
pub(crate) fn find_named(name: u64) -> Option<c_int> {
    open_queues()
        .filter(|queue| queue.name.load(Relaxed) == name)
        .find(|queue| {
            Identity::of(queue.twin()).is_ok_and(|found| queue.has(&found) && found.is_named())
        })
        .map(PooledQueue::twin)
}

/// How many descriptors lead to all queues together.
pub(crate) fn count_users() -> u32 {
    open_queues().map(|queue| queue.users.load(Relaxed)).sum()
}

fn open_queues() -> impl Iterator<Item = &'static PooledQueue> {
    records().filter(|queue| queue.users.load(Relaxed) != 0)
}

fn records() -> impl Iterator<Item = &'static PooledQueue> {
    // Acquire: pairs with the release in add_record(), so that a record is read with its zeros.
    let mut next = RECORDS.load(Acquire);
    core::iter::from_fn(move || {
        // SAFETY: the list holds valid records, and records are never freed.
        let queue = unsafe { next.as_ref() }?;
        next = queue.next.load(Acquire);
        Some(queue)
    })
}

/// Adds an empty record to the list. The caller has the table's lock.
fn add_record() -> Result<&'static PooledQueue> {
    // SAFETY: the alignment is a power of two, and a multiple of the size of a pointer.
    let memory = unsafe { libc::memalign(align_of::<PooledQueue>(), size_of::<PooledQueue>()) };
    if memory.is_null() {
        return Err(libc::ENOMEM);
    }
    // SAFETY: the memory is new and has the size and the alignment of a PooledQueue. All of its fields
    // may be zero.
    let queue: &'static PooledQueue = unsafe {
        memory.write_bytes(0, size_of::<PooledQueue>());
        &*memory.cast::<PooledQueue>()
    };
    queue.next.store(RECORDS.load(Relaxed), Relaxed);
    // Release: a thread that finds the record must see its zeros and its next.
    RECORDS.store(memory.cast(), Release);
    Ok(queue)
}
