//! Which queue each descriptor of this process leads to.
//!
//! A table has an entry for each number, so that a send makes no system call. But calls that this
//! library does not see close, create and change descriptors. So an entry holds only as long as it is
//! [`certain`](crate::certainty); after that the kernel is asked (fstat(2)) whether the number still
//! belongs to the queue's twin.
//!
//! In a process with one thread, each call that finds an entry certain makes it certain again: between
//! two calls that follow each other closely, nothing else can have run. With several threads, another
//! one may close the descriptor meanwhile, so only an answer of the kernel makes an entry certain.

use crate::certainty::{
    find_single_threaded, identify, is_certain, is_single_threaded, measure, ticks, timed,
    was_undisturbed,
};
use crate::choice::{Choice, choice};
use crate::identity::{Identity, is_kernel_queue};
use crate::ipc::ipc_mq_t;
use crate::kernel_twin::KernelTwin;
use crate::pool::{self, PooledQueue};
use crate::table_lock::TableLock;
use crate::{Result, check_libc};
use core::ffi::c_int;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};

/// The known facts about one descriptor. All zeros at first.
struct Entry {
    /// The queue, or NULL. The address's lowest bits hold the descriptor's access mode.
    queue: AtomicPtr<PooledQueue>,
    /// When it was last known that the number belongs to the queue.
    known: AtomicU64,
    /// Whether the description had O_NONBLOCK when the kernel was last asked.
    was_nonblocking: AtomicBool,
    /// When the kernel was last asked for the flags. 0: the answer has lost its value.
    flags_asked: AtomicU64,
    /// Whether the number may share its description with the library's own descriptor of the twin.
    may_share_twin: AtomicBool,
}

/// The bits of an entry's address that hold the access mode.
const MODE: usize = 3;

/// More than any limit of descriptors in use (fs.nr_open is 1048576 by default).
const ENTRIES: usize = 1 << 20;

static TABLE: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());

/// The table's answer about a descriptor.
#[derive(Clone, Copy)]
pub(crate) struct Lookup {
    queue: &'static PooledQueue,
    entry: &'static Entry,
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

    /// Keeps the queue's twin up to date from now on.
    pub(crate) fn keep_twin(&self, handle: *mut ipc_mq_t) -> Result<()> {
        self.queue.keep_twin(handle)
    }

    /// Call at the end of a call that has not waited: what was certain at its beginning still is.
    #[inline(always)]
    pub(crate) fn note_end(&self) {
        if is_single_threaded() {
            let call = self.entry.known.load(Relaxed)..ticks();
            if was_undisturbed(&call) {
                self.entry.known.store(call.end, Relaxed);
            }
        }
    }

    /// Whether the number shares its description with the library's own descriptor of the twin. The
    /// kernel answers this in half the time of an fstat().
    fn shares_twin(&self, fd: c_int) -> bool {
        /// Since Linux 6.10.
        const F_DUPFD_QUERY: c_int = 1027;
        if !self.entry.may_share_twin.load(Relaxed) {
            return false;
        }
        let twin = self.queue.twin();
        // libc's fcntl() is slower, because it works out what its last argument is.
        // SAFETY: the call takes numbers alone.
        let asked =
            timed(|| Ok(unsafe { libc::syscall(libc::SYS_fcntl, fd, F_DUPFD_QUERY, twin) }));
        if let Ok((1, time)) = asked {
            self.entry.note_asked(time);
            return true;
        }
        self.entry.may_share_twin.store(false, Relaxed);
        false
    }

    /// Whether the description lacked O_NONBLOCK when the kernel was last asked.
    pub(crate) fn was_blocking(&self) -> bool {
        !self.entry.was_nonblocking.load(Relaxed)
    }

    /// `EAGAIN` if the description has O_NONBLOCK.
    pub(crate) fn check_blocking(&self, fd: c_int) -> Result<()> {
        if !self.entry.are_flags_certain() {
            // SAFETY: the call takes numbers alone.
            let ask = || check_libc(unsafe { libc::fcntl(fd, libc::F_GETFL) });
            let (flags, time) = timed(ask)?;
            self.entry.note_flags(flags, time);
        }
        if self.was_blocking() {
            Ok(())
        } else {
            Err(libc::EAGAIN)
        }
    }

    /// Call before the flags change.
    pub(crate) fn forget_flags(&self) {
        self.entry.flags_asked.store(0, Relaxed);
    }
}

impl Entry {
    /// Whether the number certainly belongs to the queue at this time.
    #[inline(always)]
    fn is_certain(&self, now: u64) -> bool {
        is_certain(self.known.load(Relaxed), now)
    }

    /// Whether the flags are certainly what the kernel last said. Another process that shares the
    /// description may change them, so calls that follow each other closely do not extend this.
    fn are_flags_certain(&self) -> bool {
        let now = ticks();
        self.is_certain(now) && is_certain(self.flags_asked.load(Relaxed), now)
    }

    /// Notes that the kernel has just said that the number belongs to the queue.
    fn note_asked(&self, time: Range<u64>) {
        // A signal handler may have run after the kernel looked: then only the beginning is certain.
        let known = match was_undisturbed(&time) {
            true => time.end,
            false => time.start,
        };
        self.reset(known);
    }

    /// Notes since when the number is known to belong to the queue. Nothing else is known.
    fn reset(&self, known: u64) {
        self.flags_asked.store(0, Relaxed);
        self.known.store(known, Relaxed);
    }

    /// Notes the flags that the kernel has just said.
    fn note_flags(&self, flags: c_int, time: Range<u64>) {
        let is_nonblocking = flags & libc::O_NONBLOCK != 0;
        self.was_nonblocking.store(is_nonblocking, Relaxed);
        self.flags_asked.store(0, Relaxed);
        if is_single_threaded() && self.is_certain(time.start) && was_undisturbed(&time) {
            self.flags_asked.store(time.end, Relaxed);
            self.known.store(time.end, Relaxed);
        }
    }

    /// The open queue that the entry leads to, if there is one.
    #[inline(always)]
    fn lookup(&'static self) -> Option<Lookup> {
        // Acquire: pairs with the release in adopt(), so that the queue is read with its values.
        let tagged = self.queue.load(Acquire);
        // SAFETY: the value comes from an entry.
        (!tagged.is_null()).then(|| unsafe { self.lookup_at(tagged) })
    }

    /// # Safety
    ///
    /// `tagged` comes from this entry, and is not NULL.
    #[inline(always)]
    unsafe fn lookup_at(&'static self, tagged: *mut PooledQueue) -> Lookup {
        let mode = tagged.addr() & MODE;
        let queue = tagged.map_addr(|address| address & !MODE);
        Lookup {
            // SAFETY: without the mode, the address is that of a record, and records are never freed.
            queue: unsafe { &*queue },
            entry: self,
            mode: mode as c_int,
        }
    }

    /// Ends what the entry leads to. The caller has the table's lock.
    fn forget(&'static self) {
        let tagged = self.queue.swap(ptr::null_mut(), Relaxed);
        if !tagged.is_null() {
            // SAFETY: the value comes from this entry.
            unsafe { self.lookup_at(tagged) }.queue.remove_user();
        }
    }
}

/// The entry of a number. `None` if there is no table yet, or the number is too large for it.
#[inline(always)]
fn entry(fd: c_int) -> Option<&'static Entry> {
    // Acquire: pairs with the exchange in make_table().
    let table = TABLE.load(Acquire);
    if table.is_null() || fd as u32 as usize >= ENTRIES {
        return None;
    }
    // SAFETY: the table has ENTRIES entries, and is never unmapped.
    Some(unsafe { &*table.add(fd as usize) })
}

/// The queue of a descriptor. `EBADF` if it has none.
#[inline(always)]
pub(crate) fn find(fd: c_int) -> Result<Lookup> {
    if let Some(entry) = entry(fd) {
        let (tagged, now) = (entry.queue.load(Acquire), ticks());
        if !tagged.is_null() && entry.is_certain(now) {
            if is_single_threaded() {
                entry.known.store(now, Relaxed);
            }
            // SAFETY: the value comes from this entry, and is not NULL.
            return Ok(unsafe { entry.lookup_at(tagged) });
        }
    }
    find_by_asking(fd)
}

/// Does what [`find`] does, and asks the kernel.
#[inline(never)]
fn find_by_asking(fd: c_int) -> Result<Lookup> {
    if choice() == Choice::Kernel {
        return Err(libc::EBADF);
    }
    let entered = entry(fd).and_then(Entry::lookup);
    if let Some(lookup) = entered {
        if lookup.shares_twin(fd) {
            return Ok(lookup);
        }
    }
    let (identity, time) = identify(fd)?;
    if let Some(lookup) = entered {
        if lookup.queue.has(&identity) {
            lookup.entry.note_asked(time);
            return Ok(lookup);
        }
    }
    let _lock = TableLock::take()?;
    adopt(fd, identity, None, None).map_err(|number| match number {
        // A twin whose queue is gone, and which this process has not used before.
        libc::ENOENT => libc::EBADF,
        number => number,
    })
}

/// How a descriptor was opened by its name.
#[derive(Clone, Copy)]
pub(crate) struct OpenedByName {
    /// The flags of mq_open().
    pub(crate) flags: c_int,
    /// The hash of the twin's name.
    pub(crate) name: u64,
}

/// Enters a descriptor that is new to this process. With `made`, the queue has just been made, and that
/// is its handle. The caller has the table's lock.
///
/// `EBADF`: the descriptor is not a queue's. `ENOENT`: it is a twin's without a queue.
pub(crate) fn adopt(
    fd: c_int,
    identity: Identity,
    opened: Option<OpenedByName>,
    made: Option<*mut ipc_mq_t>,
) -> Result<Lookup> {
    make_table()?;
    let entry = entry(fd).ok_or(libc::EBADF)?;
    entry.forget();
    let known = pool::find(&identity);
    if known.is_none() && opened.is_none() && !is_kernel_queue(fd) {
        return Err(libc::EBADF);
    }
    let flags = match opened {
        Some(opened) => opened.flags,
        // SAFETY: the call takes numbers alone.
        None => check_libc(unsafe { libc::fcntl(fd, libc::F_GETFL) })?,
    };
    let mode = flags & libc::O_ACCMODE;
    let queue = match known {
        Some(queue) => queue,
        None => {
            measure(fd);
            sweep();
            pool::attach(KernelTwin { fd, mode }, &identity, made)?
        }
    };
    if let Some(opened) = opened {
        queue.note_name(opened.name);
    }
    queue.add_user();
    let is_nonblocking = flags & libc::O_NONBLOCK != 0;
    entry.was_nonblocking.store(is_nonblocking, Relaxed);
    entry.reset(0);
    // A queue that this process opens again by its name gets a description of its own.
    let may_share_twin = known.is_none() || opened.is_none();
    entry.may_share_twin.store(may_share_twin, Relaxed);
    let tagged = ptr::from_ref(queue)
        .cast_mut()
        .map_addr(|address| address | mode as usize);
    // Release: a thread that finds the queue here must see its values, and the entry's.
    entry.queue.store(tagged, Release);
    Ok(Lookup { queue, entry, mode })
}

/// Maps the table, once.
fn make_table() -> Result<()> {
    if !TABLE.load(Acquire).is_null() {
        return Ok(());
    }
    find_single_threaded();
    let size = ENTRIES * size_of::<Entry>();
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use. It holds
    // zeros, and its pages take no memory until they are written.
    let memory = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(libc::ENOMEM);
    }
    let made = TABLE.compare_exchange(ptr::null_mut(), memory.cast(), AcqRel, Acquire);
    if made.is_err() {
        // SAFETY: another thread was faster, so nobody knows this mapping.
        unsafe { libc::munmap(memory, size) };
    }
    Ok(())
}

/// Call before a descriptor is closed. `EBADF` if it was never a queue's.
pub(crate) fn forget_descriptor(fd: c_int) -> Result<()> {
    if entry(fd).and_then(Entry::lookup).is_none() {
        find_by_asking(fd)?;
    }
    let _lock = TableLock::take()?;
    if let Some(entry) = entry(fd) {
        entry.forget();
    }
    Ok(())
}

/// Ends the entries whose descriptors close() has closed. It runs once for each queue that is opened, so
/// the number of queues that stay open in vain is bounded. The caller has the table's lock.
fn sweep() {
    let used = pool::count_users();
    let mut seen = 0;
    for fd in 0..ENTRIES as c_int {
        if seen == used {
            return;
        }
        let Some(entry) = entry(fd) else { return };
        let Some(lookup) = entry.lookup() else {
            continue;
        };
        seen += 1;
        if !Identity::of(fd).is_ok_and(|identity| lookup.queue.has(&identity)) {
            entry.forget();
        }
    }
}
