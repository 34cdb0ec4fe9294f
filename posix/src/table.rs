//! What the descriptors of this process lead to.
//!
//! The table says it for each number, so that a send makes no system call. But descriptors are
//! closed, made and changed by calls that this library does not see. Where one may have been, the
//! kernel is asked (fstat(2)) whether the number is the bell's still: that is so once so much time has
//! passed since it was last known that a close() fits in ([`BRIEF`]).
//!
//! In a process with one thread a descriptor is known again by each call that finds it so: between
//! two calls that follow each other closely nothing else can have been. Where there are other threads, one
//! may close it meanwhile, so there only the kernel's answer counts.

use crate::bell::{self, Bell};
use crate::ipc::{ipc_mq_fd, ipc_mq_t};
use crate::kernel::{Choice, choice};
use crate::{Result, check, check_libc};
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
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
    /// When it was known last that the number is the queue's.
    known: AtomicU64,
    /// Whether the description had O_NONBLOCK when that was asked last.
    was_nonblocking: AtomicBool,
    /// When that was. 0: it is not known.
    flags_asked: AtomicU64,
    /// Whether the description may be that of the queue's bell.
    may_share_bell: AtomicBool,
}

const MODE: usize = 3;
/// More than any limit of descriptors that is in use (fs.nr_open is 1048576).
const ENTRIES: usize = 1 << 20;

/// In front of the entries, for the word of [`Lock`]: as large as pages are anywhere.
const FRONT: usize = 1 << 16;

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

    /// At the end of a call that has not waited: what was known at its beginning is known still.
    #[inline(always)]
    pub(crate) fn note_end(&self) {
        if is_single_threaded() {
            let call = self.entry.known.load(Relaxed)..ticks();
            if was_undisturbed(&call) {
                self.entry.known.store(call.end, Relaxed);
            }
        }
    }

    /// Whether the number is certainly another one for what the library's own descriptor of the bell leads
    /// to. To say that takes the kernel half as long as to say which file it is.
    fn shares_bell(&self, fd: c_int) -> bool {
        /// Of Linux 6.10.
        const F_DUPFD_QUERY: c_int = 1027;
        if !self.entry.may_share_bell.load(Relaxed) {
            return false;
        }
        let bell = self.queue.bell.load(Relaxed);
        // (Not by fcntl(), which takes long to find out what to do with its last argument.)
        // SAFETY: takes no memory.
        let asked =
            timed(|| Ok(unsafe { libc::syscall(libc::SYS_fcntl, fd, F_DUPFD_QUERY, bell) }));
        if let Ok((1, time)) = asked {
            self.entry.note_asked(time);
            return true;
        }
        self.entry.may_share_bell.store(false, Relaxed);
        false
    }

    /// Whether calls that would wait do wait, as far as is known.
    pub(crate) fn was_blocking(&self) -> bool {
        !self.entry.was_nonblocking.load(Relaxed)
    }

    /// `EAGAIN` if they do not.
    pub(crate) fn check_blocking(&self, fd: c_int) -> Result<()> {
        if !self.entry.are_flags_known() {
            // SAFETY: takes no memory.
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

    /// Before the flags are changed.
    pub(crate) fn forget_flags(&self) {
        self.entry.flags_asked.store(0, Relaxed);
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

/// In ticks of the processor's counter, less than any call takes that could give a number or a
/// description another meaning: half as long as the kernel has taken at its fastest to say what a number
/// means. (Measured: close() takes 0.9 times as long as that, dup2() 0.95 times, F_SETFL 0.7 times.)
static BRIEF: AtomicU64 = AtomicU64::new(0);

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
    TICKS.fetch_add(1 << 32, Relaxed)
}

/// The answer of a call, and when it began and ended.
fn timed<T>(call: impl FnOnce() -> Result<T>) -> Result<(T, Range<u64>)> {
    let begin = ticks();
    let answer = call()?;
    Ok((answer, begin..ticks()))
}

/// Whether no signal handler has changed anything in between. To interrupt a thread, to call the handler, what it
/// calls itself, and to return takes three times as long as this (measured: 13 times BRIEF).
#[inline(always)]
fn was_undisturbed(time: &Range<u64>) -> bool {
    time.end.wrapping_sub(time.start) < 4 * BRIEF.load(Relaxed)
}

/// Asks the kernel which file a number means, and how long that takes.
fn ask(fd: c_int) -> Result<(Identity, Range<u64>)> {
    let asked = timed(|| Identity::of(fd))?;
    let half = asked.1.end.wrapping_sub(asked.1.start) / 2;
    if half < BRIEF.load(Relaxed) {
        BRIEF.store(half, Relaxed);
    }
    Ok(asked)
}

/// libc's `__libc_single_threaded`, or where libc has none (before glibc 2.32, musl), a 0.
static SINGLE_THREADED: AtomicPtr<u8> = AtomicPtr::new(ptr::from_ref(&0u8).cast_mut());

/// Whether this process has certainly one thread alone.
#[inline(always)]
fn is_single_threaded() -> bool {
    // SAFETY: libc's char, or our 0, alive for ever. libc changes its char only in a call that starts a
    // thread, so no other thread does while this reads.
    unsafe { SINGLE_THREADED.load(Relaxed).read_volatile() != 0 }
}

impl Entry {
    /// Whether at that time the number is the queue's for certain.
    #[inline(always)]
    fn is_known(&self, now: u64) -> bool {
        now.wrapping_sub(self.known.load(Relaxed)) < BRIEF.load(Relaxed)
    }

    /// Whether the flags are what the kernel has said. Another process may change them that shares the
    /// description, so this does not last, however closely calls follow each other.
    fn are_flags_known(&self) -> bool {
        let now = ticks();
        self.is_known(now) && now.wrapping_sub(self.flags_asked.load(Relaxed)) < BRIEF.load(Relaxed)
    }

    /// Notes that the kernel has said that the number is the queue's.
    fn note_asked(&self, time: Range<u64>) {
        let is_certain = was_undisturbed(&time);
        self.forget_all(if is_certain { time.end } else { time.start });
    }

    /// Notes since when it is known that the number is the queue's, and nothing else is.
    fn forget_all(&self, known: u64) {
        self.flags_asked.store(0, Relaxed);
        self.known.store(known, Relaxed);
    }

    /// Notes what the kernel said of the flags.
    fn note_flags(&self, flags: c_int, time: Range<u64>) {
        let is_nonblocking = flags & libc::O_NONBLOCK != 0;
        self.was_nonblocking.store(is_nonblocking, Relaxed);
        self.flags_asked.store(0, Relaxed);
        if is_single_threaded() && self.is_known(time.start) && was_undisturbed(&time) {
            self.flags_asked.store(time.end, Relaxed);
            self.known.store(time.end, Relaxed);
        }
    }
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
        let (found, now) = (entry.queue.load(Acquire), ticks());
        if !found.is_null() && entry.is_known(now) {
            if is_single_threaded() {
                entry.known.store(now, Relaxed);
            }
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
fn find_certainly(fd: c_int) -> Result<Found> {
    if choice() == Choice::Kernel {
        return Err(libc::EBADF);
    }
    let entered = entry(fd).and_then(|entry| {
        let found = entry.queue.load(Acquire);
        // SAFETY: it leads to a queue.
        (!found.is_null()).then(|| unsafe { found_at(entry, found) })
    });
    if let Some(found) = entered {
        if found.shares_bell(fd) {
            return Ok(found);
        }
    }
    let (identity, time) = ask(fd)?;
    if let Some(found) = entered {
        if identity.is(found.queue) {
            found.entry.note_asked(time);
            return Ok(found);
        }
    }
    let _lock = Lock::take()?;
    adopt(fd, identity, None, None).map_err(|number| match number {
        // A bell whose queue has been unlinked, and which this process has not had before.
        libc::ENOENT => libc::EBADF,
        number => number,
    })
}

/// glibc's fstat() gives a path to a call that takes a descriptor or a path, which takes longer.
///
/// # Safety
///
/// As fstat().
#[cfg(target_arch = "x86_64")]
unsafe fn fstat(fd: c_int, status: *mut libc::stat) -> c_int {
    // SAFETY: by this function's contract; here libc's struct is the kernel's.
    unsafe { libc::syscall(libc::SYS_fstat, fd, status) as c_int }
}
#[cfg(not(target_arch = "x86_64"))]
use libc::fstat;

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
        check_libc(unsafe { fstat(fd, status.as_mut_ptr()) })?;
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

/// Who opens and closes. A child of fork() must not wait for a thread that it has not: the word is in a
/// page that is 0 there again, or, before Linux 4.14, it is the id of the process.
///
/// Its holder is not cancelled: nothing would release it.
pub(crate) struct Lock {
    word: &'static AtomicI32,
    /// Whether the thread could be cancelled before.
    cancellable: c_int,
}

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

const PTHREAD_CANCEL_DISABLE: c_int = 1;

static IS_WIPED: AtomicBool = AtomicBool::new(false);

impl Lock {
    pub(crate) fn take() -> Result<Lock> {
        make_table()?;
        // SAFETY: in front of the entries, which are never unmapped.
        let word = unsafe {
            &*ENTRIES_BASE
                .load(Acquire)
                .byte_sub(FRONT)
                .cast::<AtomicI32>()
        };
        let here = match IS_WIPED.load(Relaxed) {
            true => 1,
            // SAFETY: takes nothing.
            false => unsafe { libc::getpid() },
        };
        let mut cancellable = 0;
        // SAFETY: a place for the answer.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut cancellable) };
        let mut expected = 0;
        loop {
            match word.compare_exchange(expected, here, Acquire, Relaxed) {
                Ok(_) => return Ok(Lock { word, cancellable }),
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
        self.word.store(0, Release);
        // SAFETY: as it was.
        unsafe { pthread_setcancelstate(self.cancellable, ptr::null_mut()) };
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
    let entry = entry(fd).ok_or(libc::EBADF)?;
    forget(entry);
    let known = open_queues().find(|queue| identity.is(queue));
    if known.is_none() && opened.is_none() && !bell::is_kernel_queue(fd) {
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
            find_brief(fd);
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
    entry.forget_all(0);
    // Opened again by its name, it has a description of its own.
    let may_share_bell = known.is_none() || opened.is_none();
    entry.may_share_bell.store(may_share_bell, Relaxed);
    let tagged = ptr::from_ref(queue)
        .cast_mut()
        .map_addr(|address| address | mode as usize);
    entry.queue.store(tagged, Release);
    Ok(Found { queue, entry, mode })
}

fn make_table() -> Result<()> {
    if !ENTRIES_BASE.load(Acquire).is_null() {
        return Ok(());
    }
    let size = FRONT + ENTRIES * size_of::<Entry>();
    // SAFETY: new memory, of zeros; what is not used takes none.
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
    // SAFETY: the memory is this thread's alone as yet; a name.
    let (is_wiped, single_threaded) = unsafe {
        (
            libc::madvise(memory, FRONT, libc::MADV_WIPEONFORK) == 0,
            libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()),
        )
    };
    // The kernel gives the same answer to all threads.
    IS_WIPED.store(is_wiped, Relaxed);
    if !single_threaded.is_null() {
        SINGLE_THREADED.store(single_threaded.cast(), Relaxed);
    }
    // SAFETY: inside of the memory.
    let entries = unsafe { memory.byte_add(FRONT) }.cast();
    let made = ENTRIES_BASE.compare_exchange(ptr::null_mut(), entries, AcqRel, Acquire);
    if made.is_err() {
        // SAFETY: another thread was faster, and nobody knows this one.
        unsafe { libc::munmap(memory, size) };
    }
    Ok(())
}

/// Finds out how fast the kernel is here, of which the first answers tell nothing.
fn find_brief(fd: c_int) {
    if BRIEF.load(Relaxed) == 0 {
        let times = (0..16).filter_map(|_| timed(|| Identity::of(fd)).ok());
        let halves = times.map(|(_, time)| time.end.wrapping_sub(time.start) / 2);
        BRIEF.store(halves.min().unwrap_or(0), Relaxed);
    }
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

/// Before a descriptor is closed; `EBADF` if it was never a queue's.
pub(crate) fn forget_descriptor(fd: c_int) -> Result<()> {
    let is_entered = |entry: &Entry| !entry.queue.load(Relaxed).is_null();
    if !entry(fd).is_some_and(is_entered) {
        find_certainly(fd)?;
    }
    let _lock = Lock::take()?;
    if let Some(entry) = entry(fd) {
        forget(entry);
    }
    Ok(())
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
