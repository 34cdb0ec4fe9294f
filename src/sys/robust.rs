//! This thread as the kernel and libc know it: its id, and its list of robust locks.
//!
//! The kernel keeps one robust list per thread (set_robust_list(2)), and libc owns it: whoever
//! registers a second one breaks every robust pthread mutex of the process. So this module
//! joins libc's list. `get_robust_list` gives its head; a node is linked at its front, in the
//! form that libc's own mutexes have, so that libc may unlink its neighbours and we may unlink
//! ours.
//!
//! When a thread dies, the kernel walks its list. For each node it looks at the lock word at
//! node + `futex_offset`; where that word holds the dead thread's id, it clears the id, keeps
//! the waiters bit, sets the owner-died bit and wakes one sleeper. The entry named by
//! `list_op_pending` is treated the same, and there a word without an owner also wakes one
//! sleeper: that covers the thread that dies between clearing a word and waking for it, and the
//! one that dies after it was woken and before it took the word. See "Robust futexes" in the
//! kernel's documentation, and `handle_futex_death` in kernel/futex/core.c.
//!
//! The kernel only ever looks at this memory after the thread's last instruction, and everybody
//! else's stores to it are the thread's own. So the order that matters is program order, and
//! compiler fences are enough to keep it.

use super::{memory, process};
use crate::base::error::{Result, fail, failed};
use core::cell::Cell;
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering, compiler_fence};
use nix::errno::Errno;

/// The kernel's `struct robust_list_head`.
#[repr(C)]
struct Head {
    first: *mut Node,
    futex_offset: libc::c_long,
    list_op_pending: *mut Node,
}

/// An entry of the list: the kernel's `struct robust_list`. libc keeps a pointer to the previous
/// entry in the word before it.
#[repr(C)]
struct Node {
    next: *mut Node,
}

/// Where a lock's list entry stands: the layout that 64-bit glibc gives its mutexes.
#[repr(C)]
pub(crate) struct Links {
    previous: Cell<*mut Node>,
    next: Cell<*mut Node>,
}

/// From the lock word to `Links::next`. libc announces the negative of this to the kernel, for
/// all entries of the thread alike, so a lock of ours must be built the same way.
pub(crate) const WORD_TO_NODE: usize = 32;

/// The lowest bit of a pointer to an entry says that the lock word is a priority-inheritance one.
const PRIORITY_INHERITANCE: usize = 1;

/// The calling thread. Cheap to get, valid until the thread forks or ends.
#[derive(Clone, Copy)]
pub(crate) struct Thread {
    id: u32,
    pid_namespace: u32,
    head: *mut Head,
}

/// What a thread announces, or nothing.
#[derive(Clone, Copy)]
pub(crate) struct Announced(*mut Node);

thread_local! {
    /// With the generation in which that was found out.
    static CURRENT: Cell<(Thread, u32)> = const { Cell::new((
        Thread {
            id: 0,
            pid_namespace: 0,
            head: ptr::null_mut(),
        },
        u32::MAX,
    )) };
}

/// Points to a word that reads 0 after every fork, because its page is marked MADV_WIPEONFORK:
/// a child's thread must not go on under its parent's id. Unlike a fork handler this also sees
/// `clone` and `_Fork`. Until the page is made, and for ever where the kernel can't mark it, it
/// points to a constant 0, which makes every call ask the kernel anew: slow and right.
static GENERATION: AtomicPtr<AtomicU32> =
    AtomicPtr::new(&raw const NO_GENERATION as *mut AtomicU32);
static NO_GENERATION: AtomicU32 = AtomicU32::new(0);

impl Thread {
    /// The calling thread, if it has been asked for before and has not forked since.
    #[inline(always)]
    pub(crate) fn known() -> Option<Thread> {
        let (thread, generation) = CURRENT.get();
        // Acquire pairs with the publication of the page in `generation_word`.
        let word = GENERATION.load(Ordering::Acquire);
        // SAFETY: the pointer is always that of NO_GENERATION or of a page that is never unmapped.
        let now = unsafe { &*word }.load(Ordering::Relaxed);
        (now == generation).then_some(thread)
    }

    /// The calling thread.
    #[inline(never)]
    pub(crate) fn current() -> Result<Thread> {
        match Thread::known() {
            Some(thread) => Ok(thread),
            None => Thread::ask(),
        }
    }

    #[cold]
    fn ask() -> Result<Thread> {
        let head = robust_list_head()?;
        // SAFETY: the kernel gave this pointer as this thread's registered head, which libc keeps
        // alive as long as the thread.
        let futex_offset = unsafe { (*head).futex_offset };
        if futex_offset != -(WORD_TO_NODE as libc::c_long) {
            return Err(fail!(
                ENOTSUP,
                "this libc keeps lock words {futex_offset} bytes from its robust list's entries; expected -{WORD_TO_NODE} (64-bit glibc)"
            ));
        }
        let thread = Thread {
            id: nix::unistd::gettid().as_raw().unsigned_abs(),
            pid_namespace: process::pid_namespace(),
            head,
        };
        CURRENT.set((thread, generation()));
        Ok(thread)
    }

    #[inline(always)]
    pub(crate) fn id(self) -> u32 {
        self.id
    }

    #[inline(always)]
    pub(crate) fn pid_namespace(self) -> u32 {
        self.pid_namespace
    }

    /// Announces that the lock behind `links` is about to be taken or released. From here until
    /// `finish` the kernel treats it as an entry of the list. Returns what `finish` is to restore: in
    /// a signal handler, what the thread announces that it has interrupted.
    #[inline(always)]
    #[must_use]
    pub(crate) fn begin(self, links: &Links, priority_inheritance: bool) -> Announced {
        let node = links.node(priority_inheritance);
        // SAFETY: head is this thread's own, registered and alive; nobody else writes to it, and a
        // signal handler leaves what it finds.
        let outer = unsafe {
            let pending = &raw mut (*self.head).list_op_pending;
            let outer = pending.read_volatile();
            pending.write_volatile(node);
            outer
        };
        // Without this the compiler could move the lock word's change before the announcement.
        compiler_fence(Ordering::SeqCst);
        Announced(outer)
    }

    /// Ends what `begin` announced.
    #[inline(always)]
    pub(crate) fn finish(self, outer: Announced) {
        // Without this the compiler could end the announcement before the list or the word is
        // right.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as in begin.
        unsafe { (&raw mut (*self.head).list_op_pending).write_volatile(outer.0) };
    }

    /// Enters a lock that this thread has just taken into its list.
    ///
    /// # Safety
    ///
    /// This thread holds the lock and has announced it, the lock is not in the list, and its memory
    /// stays mapped until it is unlinked.
    #[inline(always)]
    pub(crate) unsafe fn link(self, links: &Links, priority_inheritance: bool) {
        let node = links.node(priority_inheritance);
        // SAFETY: head is this thread's own and alive.
        let first = unsafe { (&raw const (*self.head).first).read() };
        links.next.set(first);
        links.previous.set(self.head.cast());
        // SAFETY: every entry, and the head, has a previous-pointer in the word before it, and the
        // entries' memory is mapped while they are listed.
        unsafe { *previous_of(first) = node };
        // The entry must be whole before the list leads to it.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as for first.
        unsafe { (&raw mut (*self.head).first).write_volatile(node) };
    }

    /// Takes a lock that this thread is about to release out of its list.
    ///
    /// # Safety
    ///
    /// This thread holds the lock, has announced it and has it in its list.
    #[inline(always)]
    pub(crate) unsafe fn unlink(self, links: &Links) {
        let next = links.next.get();
        let previous = links.previous.get();
        // SAFETY: as in link: both neighbours are entries, or the head, of this thread's own list.
        unsafe { *previous_of(next) = previous };
        // SAFETY: as above.
        unsafe { (&raw mut (*without_mark(previous)).next).write_volatile(next) };
    }

    /// The same for an entry that others may have overwritten, with neighbours in `mapped` or
    /// anywhere: if they do not lead to it, nothing is done, and the answer is false.
    ///
    /// # Safety
    ///
    /// As for `unlink`, and `mapped` is memory that can be read and written.
    pub(crate) unsafe fn unlink_if_sound(self, links: &Links, mapped: &Range<usize>) -> bool {
        let node = links.node(false);
        // Read once: what is checked is what is used.
        let (next, previous) = (links.next.get(), links.previous.get());
        let leads_here = |neighbour: *mut *mut Node| {
            let (start, size) = (neighbour.addr(), size_of::<*mut Node>());
            let end = start.wrapping_add(size - 1);
            let is_known =
                start == self.head.addr() || mapped.contains(&start) && mapped.contains(&end);
            neighbour.is_aligned()
                && (is_known || memory::is_readable(start, size))
                // SAFETY: aligned, and can be read.
                && unsafe { neighbour.read() == node }
        };
        // The head is private memory. What stands before it, libc may not keep up to date.
        let is_sound = (next.cast() == self.head || leads_here(previous_of(next)))
            && leads_here(without_mark(previous).cast());
        if is_sound {
            // SAFETY: both lead to this entry, so they are its neighbours.
            unsafe {
                *previous_of(next) = previous;
                (&raw mut (*without_mark(previous)).next).write_volatile(next);
            }
        }
        is_sound
    }

    /// Whether this thread holds a robust lock, ours or libc's, whose entry lies in the memory
    /// given. Unmapping that would leave the list pointing nowhere.
    pub(crate) fn holds_within(self, base: NonNull<u8>, length: usize) -> bool {
        let range = base.addr().get()..base.addr().get() + length;
        // SAFETY: head is this thread's own and alive.
        let mut node = without_mark(unsafe { (*self.head).first });
        // The kernel looks at no more than ROBUST_LIST_LIMIT entries.
        for _ in 0..2048 {
            if node.cast() == self.head {
                return false;
            }
            if range.contains(&node.addr()) {
                return true;
            }
            // SAFETY: listed entries are mapped, as link's callers promise and libc's do.
            node = without_mark(unsafe { (*node).next });
        }
        false
    }
}

impl Links {
    #[inline(always)]
    fn node(&self, priority_inheritance: bool) -> *mut Node {
        let mark = usize::from(priority_inheritance) * PRIORITY_INHERITANCE;
        ptr::from_ref(&self.next)
            .cast_mut()
            .cast::<Node>()
            .map_addr(|address| address | mark)
    }
}

#[inline(always)]
fn without_mark(node: *mut Node) -> *mut Node {
    node.map_addr(|address| address & !PRIORITY_INHERITANCE)
}

#[inline(always)]
fn previous_of(node: *mut Node) -> *mut *mut Node {
    without_mark(node).cast::<*mut Node>().wrapping_sub(1)
}

/// libc's list head for this thread.
fn robust_list_head() -> Result<*mut Head> {
    let mut head = registered_head();
    if matches!(head, Ok(head) if head.is_null()) {
        // musl registers the list when a thread first locks a robust mutex: let it.
        lock_a_robust_pthread_mutex_once();
        head = registered_head();
    }
    match head {
        Ok(head) if !head.is_null() => Ok(head),
        Ok(_) => Err(fail!(
            ENOTSUP,
            "libc has registered no robust list for this thread"
        )),
        Err(errno) => Err(failed!(errno, "get_robust_list")),
    }
}

fn registered_head() -> Result<*mut Head, Errno> {
    let mut head: *mut Head = ptr::null_mut();
    let mut length: libc::size_t = 0;
    // SAFETY: thread 0 is the caller; the kernel writes one pointer and one size.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length)
    })?;
    Ok(head)
}

fn lock_a_robust_pthread_mutex_once() {
    // SAFETY: attributes and mutex are initialised before use, in the order that POSIX gives, and
    // the mutex is unlocked and destroyed before its memory goes.
    unsafe {
        let mut attributes = core::mem::zeroed();
        let mut mutex = core::mem::zeroed();
        libc::pthread_mutexattr_init(&mut attributes);
        libc::pthread_mutexattr_setrobust(&mut attributes, libc::PTHREAD_MUTEX_ROBUST);
        libc::pthread_mutex_init(&mut mutex, &attributes);
        libc::pthread_mutex_lock(&mut mutex);
        libc::pthread_mutex_unlock(&mut mutex);
        libc::pthread_mutex_destroy(&mut mutex);
        libc::pthread_mutexattr_destroy(&mut attributes);
    }
}

/// This process's generation: a number that no ancestor and no other call after a fork had.
fn generation() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let word = generation_word();
    // Relaxed throughout: the number only has to differ from what threads kept from before a fork.
    match word.load(Ordering::Relaxed) {
        0 if !ptr::eq(word, &NO_GENERATION) => {
            // LAST is ordinary memory, so a child counts on from its parent's value.
            let fresh = LAST.fetch_add(1, Ordering::Relaxed) + 1;
            match word.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => fresh,
                Err(another_threads) => another_threads,
            }
        }
        // Without a page, a value that never matches.
        0 => u32::MAX,
        known => known,
    }
}

fn generation_word() -> &'static AtomicU32 {
    let unset = &raw const NO_GENERATION as *mut AtomicU32;
    let mut word = GENERATION.load(Ordering::Acquire);
    if word == unset {
        if let Some(page) = page_wiped_on_fork() {
            // Release: whoever sees the pointer sees a mapped page. The loser of a race leaves
            // its page.
            let published =
                GENERATION.compare_exchange(unset, page, Ordering::AcqRel, Ordering::Acquire);
            word = published.map_or_else(|another_threads| another_threads, |_| page);
        }
    }
    // SAFETY: NO_GENERATION, or a page that is never unmapped.
    unsafe { &*word }
}

fn page_wiped_on_fork() -> Option<*mut AtomicU32> {
    use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
    let length = core::num::NonZeroUsize::MIN.saturating_add(super::memory::page_size() - 1);
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: without MAP_FIXED the kernel picks free addresses.
    let page = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_PRIVATE) }.ok()?;
    // SAFETY: the page is ours and holds nothing.
    match unsafe { madvise(page, length.get(), MmapAdvise::MADV_WIPEONFORK) } {
        Ok(()) => Some(page.as_ptr().cast()),
        Err(_) => {
            // SAFETY: as above; nobody knows the page yet.
            let _ = unsafe { munmap(page, length.get()) };
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_has_the_form_that_libc_gives_its_own() {
        assert_eq!(core::mem::offset_of!(Links, previous), 0);
        assert_eq!(core::mem::offset_of!(Links, next), size_of::<usize>());
        assert_eq!(size_of::<Head>(), 3 * size_of::<usize>());
    }

    #[test]
    fn a_thread_keeps_its_identity_and_differs_from_others() {
        let first = Thread::current().ok().unwrap();
        assert_eq!(first.id(), nix::unistd::gettid().as_raw().unsigned_abs());
        assert_eq!(Thread::known().unwrap().id(), first.id());
        let other = std::thread::spawn(|| Thread::current().ok().unwrap().id()).join();
        assert_ne!(other.unwrap(), first.id());
    }

    #[test]
    fn a_held_pthread_mutex_is_found_by_address() {
        let thread = Thread::current().ok().unwrap();
        // SAFETY: POSIX order of calls on memory that outlives them.
        unsafe {
            let mut attributes = core::mem::zeroed();
            let mut mutex: libc::pthread_mutex_t = core::mem::zeroed();
            libc::pthread_mutexattr_init(&mut attributes);
            libc::pthread_mutexattr_setrobust(&mut attributes, libc::PTHREAD_MUTEX_ROBUST);
            libc::pthread_mutex_init(&mut mutex, &attributes);
            let place = NonNull::from(&mut mutex).cast();
            assert!(!thread.holds_within(place, size_of_val(&mutex)));
            libc::pthread_mutex_lock(place.as_ptr().cast());
            assert!(thread.holds_within(place, size_of_val(&mutex)));
            libc::pthread_mutex_unlock(place.as_ptr().cast());
            assert!(!thread.holds_within(place, size_of_val(&mutex)));
            libc::pthread_mutex_destroy(place.as_ptr().cast());
        }
    }
}
