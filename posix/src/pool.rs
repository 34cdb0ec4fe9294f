//! The queues that this process has open.
//!
//! One record stands for each queue, however many descriptors lead to it. A record is never freed, only
//! used again for another queue. So a thread that still uses the record of a queue which another
//! thread has just closed reads valid memory. It finds a handle that librobustipc.so refuses.

use crate::descriptors::look;
use crate::identity::Identity;
use crate::ipc::{IPC_MQ_TWIN_KEEP, ipc_mq_bring_fd, ipc_mq_t};
use crate::kernel_twin::{Attached, KernelTwin};
use crate::memory::detach;
use crate::table_lock::TableLock;
use crate::{Result, check, table};
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
    max_messages: AtomicUsize,
    device: AtomicU64,
    inode: AtomicU64,
    /// The hash of the twin's name if this process has opened the queue by its name, otherwise 0.
    name: AtomicU64,
    /// The library's own descriptor of the twin.
    twin: AtomicI32,
    /// Whether this process, or one that it was forked from, has asked to keep the twin exact for good.
    is_twin_kept: AtomicBool,
    /// Whether one of the users is no descriptor.
    is_kept_open: AtomicBool,
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

    pub(crate) fn max_messages(&self) -> usize {
        self.max_messages.load(Relaxed)
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

    /// Keeps the twin exact if this process is strict.
    pub(crate) fn keep_twin_if_strict(&self) {
        if table::is_strict() {
            let _ = self.keep_twin();
        }
    }

    /// Keeps the twin exact for good.
    fn keep_twin(&self) -> Result<()> {
        if let (Some(handle), false) = (self.handle(), self.is_twin_kept.load(Relaxed)) {
            look(handle, IPC_MQ_TWIN_KEEP)?;
            self.is_twin_kept.store(true, Relaxed);
        }
        Ok(())
    }

    /// Whether the library's own descriptor is still one of the twin.
    pub(crate) fn has_twin(&self) -> bool {
        Identity::of(self.twin()).is_ok_and(|identity| self.has(&identity))
    }

    /// Gives the library a descriptor of its own again, after the program has closed that.
    pub(crate) fn bring_twin(&'static self, source: KernelTwin) -> Result<()> {
        let twin = source.duplicate_widened()?;
        let _lock = TableLock::take().inspect_err(|_| crate::close(twin))?;
        let handle = self.handle().ok_or(libc::EBADF);
        let handle = handle.inspect_err(|_| crate::close(twin))?;
        self.disown_twin();
        // SAFETY: librobustipc.so checks the handle, and owns the descriptor from now on.
        check(unsafe { ipc_mq_bring_fd(handle, twin) })?;
        self.own_twin(twin);
        Ok(())
    }

    /// Notes which descriptor is the library's own, so that the program does not close it.
    fn own_twin(&'static self, twin: c_int) {
        self.twin.store(twin, Relaxed);
        if let Ok(entry) = table::make(twin) {
            entry.set_owner(Some(self));
        }
    }

    fn disown_twin(&self) {
        if let Some(entry) = table::entry(self.twin()) {
            entry.set_owner(None);
        }
    }

    /// Whether no descriptor leads to this record. The caller has the table's lock.
    pub(crate) fn is_free(&self) -> bool {
        self.users.load(Relaxed) == 0
    }

    /// Keeps the queue open as long as the process lives. The caller has the table's lock.
    pub(crate) fn keep_open(&self) {
        if !self.is_kept_open.swap(true, Relaxed) {
            self.add_user();
        }
    }

    /// Counts one more descriptor. The caller has the table's lock.
    pub(crate) fn add_user(&self) {
        self.users.fetch_add(1, Relaxed);
    }

    /// Counts one descriptor less. After the last, the result is for [`close`]. The caller has the table's
    /// lock.
    pub(crate) fn remove_user(&self) -> Option<Ended> {
        if self.users.fetch_sub(1, Relaxed) != 1 {
            return None;
        }
        let handle = self.handle.swap(ptr::null_mut(), Relaxed);
        if handle.is_null() {
            return None;
        }
        self.disown_twin();
        Some(Ended(handle))
    }
}

/// A queue that no descriptor leads to any more.
pub(crate) struct Ended(*mut ipc_mq_t);

/// Closes a queue that has ended. The caller does not need the table's lock.
pub(crate) fn close(ended: Option<Ended>) {
    if let Some(Ended(handle)) = ended {
        detach(handle);
    }
}

/// The open queue of this identity.
pub(crate) fn find(identity: &Identity) -> Option<&'static PooledQueue> {
    open_queues().find(|queue| queue.has(identity))
}

/// Adds a queue that this process does not have open yet. The caller has the table's lock, and adds the
/// first user.
pub(crate) fn add(identity: &Identity, attached: &Attached) -> Result<&'static PooledQueue> {
    let queue = match records().find(|queue| queue.users.load(Relaxed) == 0) {
        Some(free) => free,
        None => add_record()?,
    };
    queue.message_size.store(attached.message_size, Relaxed);
    queue.max_messages.store(attached.max_messages, Relaxed);
    queue.device.store(identity.device, Relaxed);
    queue.inode.store(identity.inode, Relaxed);
    queue.name.store(0, Relaxed);
    queue.is_twin_kept.store(false, Relaxed);
    queue.is_kept_open.store(false, Relaxed);
    if attached.handle.is_null() {
        queue.twin.store(-1, Relaxed);
    } else {
        queue.own_twin(attached.twin);
    }
    // Relaxed: another thread reaches the record through a table entry, whose release publishes all of
    // these values.
    queue.handle.store(attached.handle, Relaxed);
    Ok(queue)
}

/// The queue of that name, if this process has it open and the name still belongs to it. The caller has the
/// table's lock.
pub(crate) fn find_named(name: u64) -> Option<&'static PooledQueue> {
    open_queues()
        .filter(|queue| queue.name.load(Relaxed) == name)
        .find(|queue| {
            Identity::of(queue.twin()).is_ok_and(|found| queue.has(&found) && found.is_named())
        })
}

/// Keeps the twins of all open queues exact from now on.
pub(crate) fn keep_all_twins() {
    for queue in open_queues() {
        let _ = queue.keep_twin();
    }
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
