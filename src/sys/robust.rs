//! The calling thread's robust list: the locks that the kernel releases when the thread dies.
//!
//! The kernel keeps one robust list per thread (set_robust_list(2)). libc owns it: a second
//! registration would break every robust pthread mutex of the process. So this module joins
//! libc's list. `get_robust_list` gives the list's head. A new entry goes to the front, in the
//! form that libc's own mutexes have, so libc can unlink its entries beside ours and we can unlink
//! ours beside libc's.
//!
//! When a thread dies, the kernel walks its list. For each entry it reads the lock word at
//! entry + `futex_offset`. If that word holds the dead thread's id, the kernel clears the id, keeps
//! the waiters bit, sets the owner-died bit and wakes one sleeper. The kernel treats the entry
//! named by `list_op_pending`, the announcement, in the same way. For that entry it also wakes one
//! sleeper if the word has no owner. This covers a thread that dies after it cleared a word and
//! before it woke a sleeper, and a thread that dies after it was woken and before it took the word.
//! See "Robust futexes" in the kernel's documentation, and `handle_futex_death` in
//! kernel/futex/core.c.
//!
//! The kernel reads this memory only after the thread's last instruction, and only the thread
//! itself writes to it. So only the program order matters, and compiler fences keep it.

use super::memory;
use crate::base::error::{Result, fail, failed};
use core::cell::Cell;
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::sync::atomic::{Ordering, compiler_fence};
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

/// A lock's list entry, in the layout that 64-bit glibc gives its mutexes.
#[repr(C)]
pub(crate) struct Links {
    previous: Cell<*mut Node>,
    next: Cell<*mut Node>,
}

/// The distance in bytes from the lock word to `Links::next`. libc announces the negative of it to
/// the kernel, for all entries of the thread, so a lock of ours must have the same distance.
pub(crate) const WORD_TO_NODE: usize = 32;

/// The lowest bit of a pointer to an entry says that its lock word is a priority-inheritance word.
const PRIORITY_INHERITANCE: usize = 1;

/// How many entries the kernel reads: its ROBUST_LIST_LIMIT.
const ENTRIES_MAX: usize = 2048;

/// A thread's robust list. Used by that thread only.
#[derive(Clone, Copy)]
pub(crate) struct RobustList {
    head: *mut Head,
}

/// What a thread announced before it announced something else: an entry, or nothing.
#[derive(Clone, Copy)]
pub(crate) struct Announced(*mut Node);

impl RobustList {
    /// No thread's list: fills a variable until there is a list to put there.
    pub(super) const NONE: RobustList = RobustList {
        head: ptr::null_mut(),
    };

    /// The list that libc has registered for the calling thread.
    pub(super) fn of_calling_thread() -> Result<RobustList> {
        let head = registered_head().map_err(|errno| failed!(errno, "get_robust_list"))?;
        if head.is_null() {
            return Err(fail!(
                ENOTSUP,
                "libc has registered no robust list for this thread"
            ));
        }
        // SAFETY: the kernel gave this pointer as this thread's registered head, which libc keeps
        // alive as long as the thread.
        let futex_offset = unsafe { (*head).futex_offset };
        if futex_offset != -(WORD_TO_NODE as libc::c_long) {
            return Err(fail!(
                ENOTSUP,
                "this libc keeps lock words {futex_offset} bytes from its robust list's entries; expected -{WORD_TO_NODE} (64-bit glibc)"
            ));
        }
        Ok(RobustList { head })
    }

    /// Announces that the thread is about to take or release the lock behind `links`. Until `finish`,
    /// the kernel treats the lock as an entry of the list. Returns what `finish` has to restore: in
    /// a signal handler, the announcement of the code that the signal interrupted.
    #[inline(always)]
    #[must_use]
    pub(crate) fn begin(self, links: &Links, priority_inheritance: bool) -> Announced {
        let node = links.node(priority_inheritance);
        // SAFETY: head is this thread's own, registered and alive. Nobody else writes to it, and a
        // signal handler restores what it finds.
        let outer = unsafe {
            let pending = &raw mut (*self.head).list_op_pending;
            let outer = pending.read_volatile();
            pending.write_volatile(node);
            outer
        };
        // Without this fence the compiler could move the lock word's change before the announcement.
        compiler_fence(Ordering::SeqCst);
        Announced(outer)
    }

    /// Ends what `begin` announced.
    #[inline(always)]
    pub(crate) fn finish(self, outer: Announced) {
        // Without this fence the compiler could end the announcement before the list and the word
        // are right.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as in begin.
        unsafe { (&raw mut (*self.head).list_op_pending).write_volatile(outer.0) };
    }

    /// Adds a lock that this thread has just taken to the list.
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
        // Without this fence the list could lead the kernel to an entry that is not complete yet.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as for first.
        unsafe { (&raw mut (*self.head).first).write_volatile(node) };
    }

    /// Removes a lock that this thread is about to release from the list.
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

    /// Removes an entry that other processes may have overwritten. Its neighbours may lie in
    /// `mapped` or anywhere. If they do not lead to this entry, the list stays as it is and the
    /// result is false.
    ///
    /// # Safety
    ///
    /// As for `unlink`, and `mapped` is memory that can be read and written.
    pub(crate) unsafe fn unlink_if_sound(self, links: &Links, mapped: &Range<usize>) -> bool {
        let node = links.node(false);
        // Each is read once, so the pointer that was checked is the pointer that is used.
        let (next, previous) = (links.next.get(), links.previous.get());
        let leads_here = |neighbour: *mut *mut Node| {
            let (start, size) = (neighbour.addr(), size_of::<*mut Node>());
            let end = start.wrapping_add(size - 1);
            let is_known =
                start == self.head.addr() || mapped.contains(&start) && mapped.contains(&end);
            neighbour.is_aligned()
                && (is_known || memory::is_readable(start, size))
                // SAFETY: the pointer is aligned, and its memory can be read.
                && unsafe { neighbour.read() == node }
        };
        // The head is private memory, so it needs no check. libc may not maintain a previous-pointer
        // before it.
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
    /// given. Unmapping that memory would leave a pointer to nowhere in the list.
    pub(crate) fn has_entry_within(self, base: NonNull<u8>, length: usize) -> bool {
        let range = base.addr().get()..base.addr().get() + length;
        // SAFETY: head is this thread's own and alive.
        let mut node = without_mark(unsafe { (*self.head).first });
        for _ in 0..ENTRIES_MAX {
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

/// The head that is registered with the kernel for the calling thread; NULL if there is none.
fn registered_head() -> Result<*mut Head, Errno> {
    let mut head: *mut Head = ptr::null_mut();
    let mut length: libc::size_t = 0;
    // SAFETY: thread 0 is the caller; the kernel writes one pointer and one size.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length)
    })?;
    Ok(head)
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
    fn a_held_pthread_mutex_is_found_by_address() {
        let list = RobustList::of_calling_thread().ok().unwrap();
        // SAFETY: POSIX order of calls on memory that outlives them.
        unsafe {
            let mut attributes = core::mem::zeroed();
            let mut mutex: libc::pthread_mutex_t = core::mem::zeroed();
            libc::pthread_mutexattr_init(&mut attributes);
            libc::pthread_mutexattr_setrobust(&mut attributes, libc::PTHREAD_MUTEX_ROBUST);
            libc::pthread_mutex_init(&mut mutex, &attributes);
            let place = NonNull::from(&mut mutex).cast();
            assert!(!list.has_entry_within(place, size_of_val(&mutex)));
            libc::pthread_mutex_lock(place.as_ptr().cast());
            assert!(list.has_entry_within(place, size_of_val(&mutex)));
            libc::pthread_mutex_unlock(place.as_ptr().cast());
            assert!(!list.has_entry_within(place, size_of_val(&mutex)));
            libc::pthread_mutex_destroy(place.as_ptr().cast());
        }
    }
}
