//! The table of this process's descriptors: an entry for each number.
//!
//! An entry's state word decides whether its queue may be used without asking the kernel:
//!
//! | part | meaning |
//! |---|---|
//! | [`VALID`] | the number leads to the entry's queue |
//! | [`OTHER`] | the number leads to no queue |
//! | [`SEEN`] | the kernel was asked about the number at some time, so its changes have to be noted |
//! | changes | how many calls that may change the number are under way: meanwhile neither bit is set |
//! | generation | a number that each beginning of such a call changes |
//!
//! A call that closes or replaces a number clears both bits before it calls the kernel ([`Entry::begin`]).
//! So at no time does the entry say more than the kernel. A thread that asks the kernel reads the state
//! before, and sets a bit only if the state is still the same ([`Entry::confirm`]).

use crate::Result;
use crate::pool::PooledQueue;
use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64};

/// The facts about one descriptor. All zeros at first.
pub(crate) struct Entry {
    /// The queue, or NULL. The address's lowest bits hold the descriptor's access mode.
    queue: AtomicPtr<PooledQueue>,
    /// The queue whose twin this descriptor, which is the library's own, belongs to; otherwise NULL.
    own: AtomicPtr<PooledQueue>,
    /// O_NONBLOCK of the description, as [`flags`](crate::flags) keeps it.
    pub(crate) flags: AtomicU64,
    state: AtomicU32,
    /// How many calls may still use the entry before the kernel is asked.
    calls_left: AtomicU32,
}

const VALID: u32 = 1;
const OTHER: u32 = 2;
const SEEN: u32 = 4;
/// One call that may change the number.
const CHANGE: u32 = 8;
/// There are never as many such calls at once.
const CHANGES: u32 = 0x3ff * CHANGE;
const GENERATION: u32 = CHANGES + CHANGE;

/// The bits of an entry's address that hold the access mode.
const MODE: usize = 3;

/// More than any limit of descriptors in use (fs.nr_open is 1048576 by default).
const ENTRIES: usize = 1 << 20;

static TABLE: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());

/// The highest number that ever had a queue, or was the library's own.
static HIGHEST: AtomicI32 = AtomicI32::new(-1);

/// After how many calls the kernel is asked what a number means, although no call that this library
/// sees has changed it.
const CHECK_INTERVAL: u32 = 64;

/// Whether the kernel is asked at each call.
static IS_STRICT: AtomicBool = AtomicBool::new(false);

/// An entry's state at some moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State(u32);

impl State {
    pub(crate) fn is_valid(self) -> bool {
        self.0 & VALID != 0
    }

    fn generation(self) -> u32 {
        self.0 & !(VALID | OTHER | CHANGES)
    }
}

impl Entry {
    /// The queue and the access mode, if the number certainly leads to it.
    #[inline(always)]
    pub(crate) fn certain(&self) -> Option<(&'static PooledQueue, c_int)> {
        // Acquire: pairs with the release in enter(), so that the queue is read with its values.
        let tagged = self.queue.load(Acquire);
        let is_certain = self.state.load(Relaxed) & (VALID | CHANGES) == VALID;
        if !is_certain || tagged.is_null() || !self.may_use() {
            return None;
        }
        // SAFETY: the value comes from an entry, and is not NULL.
        Some(unsafe { untagged(tagged) })
    }

    /// Counts a call. False if it is time to ask the kernel. Threads may lose counts of each other.
    #[inline(always)]
    fn may_use(&self) -> bool {
        let left = self.calls_left.load(Relaxed);
        self.calls_left.store(left.wrapping_sub(1), Relaxed);
        left != 0
    }

    /// The queue that the number led to when it was last known, and the access mode.
    pub(crate) fn last_known(&self) -> Option<(&'static PooledQueue, c_int)> {
        let tagged = self.queue.load(Acquire);
        // SAFETY: the value comes from an entry.
        (!tagged.is_null()).then(|| unsafe { untagged(tagged) })
    }

    /// Call before the kernel is asked about the number. From now on, each change of the number is noted.
    pub(crate) fn begin_to_ask(&self) -> State {
        // AcqRel: the kernel's answer is not older than the state, and a thread that changes the number
        // after the answer sees the bit.
        State(self.state.fetch_or(SEEN, AcqRel) | SEEN)
    }

    fn state(&self) -> State {
        State(self.state.load(Acquire))
    }

    /// Whether nothing has changed since this state was read.
    pub(crate) fn is_still(&self, state: State) -> bool {
        self.state() == state
    }

    /// Whether the number certainly leads to no queue.
    #[inline(always)]
    pub(crate) fn is_other(&self) -> bool {
        self.state.load(Relaxed) & (OTHER | CHANGES) == OTHER
    }

    /// As [`is_other`](Entry::is_other), unless it is time to ask the kernel.
    pub(crate) fn certainly_has_no_queue(&self) -> bool {
        self.is_other() && self.may_use()
    }

    /// Whether a call that changes the number concerns this library.
    #[inline(always)]
    pub(crate) fn is_known(&self) -> bool {
        self.state.load(Relaxed) & SEEN != 0 || self.is_own()
    }

    pub(crate) fn has_queue(&self) -> bool {
        !self.queue.load(Relaxed).is_null()
    }

    /// Call before the number may get another meaning. From now on nothing is certain about it.
    pub(crate) fn begin(&self) -> State {
        let change = |state: u32| {
            let uncertain = state & !(VALID | OTHER) | SEEN;
            Some(uncertain.wrapping_add(CHANGE).wrapping_add(GENERATION))
        };
        // AcqRel: a thread that sees the kernel's change sees this one too.
        let before = self.state.fetch_update(AcqRel, Acquire, change);
        State(change(before.unwrap_or_else(|state| state)).unwrap_or(0))
    }

    /// Call after that.
    pub(crate) fn end(&self) {
        self.state.fetch_sub(CHANGE, Release);
    }

    /// Notes what the kernel has said about the number, unless it may have changed since `state` was read.
    pub(crate) fn confirm(&self, state: State, is_queue: bool) {
        if state.0 & CHANGES != 0 {
            return;
        }
        let bit = if is_queue { VALID } else { OTHER };
        let confirmed = (state.0 & !(VALID | OTHER)) | bit;
        self.restart_count();
        // Release: what was stored about the number before is seen with the bit.
        let _ = self
            .state
            .compare_exchange(state.0, confirmed, Release, Relaxed);
    }

    pub(crate) fn restart_count(&self) {
        let calls = match IS_STRICT.load(Relaxed) {
            true => 0,
            false => CHECK_INTERVAL,
        };
        self.calls_left.store(calls, Relaxed);
    }

    /// Leads the entry to another queue, and returns the queue to which it led before. The number is valid
    /// from now on, unless it may have changed since `state` was read. The caller has the table's lock.
    pub(crate) fn enter(
        &self,
        queue: &'static PooledQueue,
        mode: c_int,
        state: State,
    ) -> Option<&'static PooledQueue> {
        let tagged = ptr::from_ref(queue)
            .cast_mut()
            .map_addr(|address| address | mode as usize);
        self.begin();
        // Release: a thread that finds the queue here must see its values.
        let before = self.queue.swap(tagged, AcqRel);
        self.end();
        // begin() and end() together have changed the generation alone.
        let now = State((state.0 & !(VALID | OTHER) | SEEN).wrapping_add(GENERATION));
        self.confirm(now, true);
        // SAFETY: the value comes from an entry.
        (!before.is_null()).then(|| unsafe { untagged(before) }.0)
    }

    /// Ends what the entry leads to, if nothing has changed since `begun`, a result of
    /// [`begin`](Entry::begin). The caller has the table's lock.
    pub(crate) fn leave(&self, begun: State) -> Option<&'static PooledQueue> {
        if self.state().generation() != begun.generation() {
            return None;
        }
        self.leave_if_uncertain()
    }

    /// Ends what the entry leads to, unless that is valid. The caller has the table's lock.
    pub(crate) fn leave_if_uncertain(&self) -> Option<&'static PooledQueue> {
        if self.state().is_valid() {
            return None;
        }
        let before = self.queue.swap(ptr::null_mut(), AcqRel);
        // SAFETY: the value comes from this entry.
        (!before.is_null()).then(|| unsafe { untagged(before) }.0)
    }

    #[inline(always)]
    pub(crate) fn is_own(&self) -> bool {
        !self.own.load(Relaxed).is_null()
    }

    /// The queue whose twin this descriptor of the library's own belongs to.
    pub(crate) fn owner(&self) -> Option<&'static PooledQueue> {
        // SAFETY: the pointer is NULL, or that of a record, and records are never freed.
        unsafe { self.own.load(Acquire).as_ref() }
    }

    pub(crate) fn set_owner(&self, queue: Option<&'static PooledQueue>) {
        let pointer = queue.map_or(ptr::null_mut(), |queue| ptr::from_ref(queue).cast_mut());
        self.own.store(pointer, Release);
    }
}

/// # Safety
///
/// `tagged` comes from an entry, and is not NULL.
#[inline(always)]
unsafe fn untagged(tagged: *mut PooledQueue) -> (&'static PooledQueue, c_int) {
    let queue = tagged.map_addr(|address| address & !MODE);
    // SAFETY: without the mode, the address is that of a record, and records are never freed.
    (unsafe { &*queue }, (tagged.addr() & MODE) as c_int)
}

/// The entry of a number. `None` if there is no table yet, or the number is too large for it.
#[inline(always)]
pub(crate) fn entry(fd: c_int) -> Option<&'static Entry> {
    // Acquire: pairs with the exchange in make().
    let table = TABLE.load(Acquire);
    if table.is_null() || fd as u32 as usize >= ENTRIES {
        return None;
    }
    // SAFETY: the table has ENTRIES entries, and is never unmapped.
    Some(unsafe { &*table.add(fd as usize) })
}

/// The entry of a number that a call may change, if that concerns this library.
#[inline(always)]
pub(crate) fn known(fd: c_int) -> Option<&'static Entry> {
    entry(fd).filter(|entry| entry.is_known())
}

/// The entry of a number. Maps the table, once. `EBADF` if the number is too large for it.
pub(crate) fn make(fd: c_int) -> Result<&'static Entry> {
    if TABLE.load(Acquire).is_null() {
        map_table()?;
    }
    let entry = entry(fd).ok_or(libc::EBADF)?;
    HIGHEST.fetch_max(fd, Relaxed);
    Ok(entry)
}

fn map_table() -> Result<()> {
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

/// The numbers from `first` to `last` that concern this library, with their entries.
pub(crate) fn known_within(
    first: c_int,
    last: c_int,
) -> impl Iterator<Item = (c_int, &'static Entry)> {
    let highest = HIGHEST.load(Relaxed).min(last);
    (first.max(0)..=highest).filter_map(|fd| known(fd).map(|entry| (fd, entry)))
}

pub(crate) fn is_strict() -> bool {
    IS_STRICT.load(Relaxed)
}

/// Asks the kernel at each call from now on.
#[cold]
pub(crate) fn be_strict() {
    IS_STRICT.store(true, Relaxed);
    for (_, entry) in known_within(0, c_int::MAX) {
        entry.calls_left.store(0, Relaxed);
    }
}
