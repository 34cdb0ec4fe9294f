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
//!
//! The kernel follows `next` only. So an entry is in the list exactly while a `next` leads to it, and
//! one store adds or removes it. The previous-pointers are hints that find the predecessor without a
//! search. A signal handler can run between any two stores, ours or libc's, and add and remove entries
//! of its own. Four rules keep its changes and those of the interrupted code apart:
//!
//! - `link` makes the head lead to the entry before it writes the neighbour's previous-pointer.
//! - A previous-pointer is written only if it still has the value that it has in a list at rest.
//!   Otherwise an interrupted `link` or `unlink`, ours or libc's, will write it.
//! - A predecessor's `next` is written only if it leads to the entry. If a previous-pointer led to
//!   another place, the predecessor is searched from the head. A handler that left an operation by
//!   siglongjmp leaves such a previous-pointer.
//! - A handler removes the entries that it has added, and no others, before it returns.

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

/// How many entries a search for a predecessor visits. A thread can hold more locks than the kernel
/// reads, and a list that was overwritten can go in circles.
const ENTRIES_SEARCHED_MAX: usize = 1 << 20;

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
        let head: *mut Node = self.head.cast();
        // SAFETY: head is this thread's own and alive.
        let first = unsafe { (&raw const (*self.head).first).read_volatile() };
        links.next.set(first);
        links.previous.set(head);
        // Without this fence the list could lead the kernel to an entry that is not complete yet.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as for first.
        unsafe { (&raw mut (*self.head).first).write_volatile(node) };
        // SAFETY: every entry, and the head, has a previous-pointer in the word before it, and the
        // entries' memory is mapped while they are listed.
        unsafe { replace(previous_of(first), head, node) };
    }

    /// Removes a lock that this thread is about to release from the list.
    ///
    /// # Safety
    ///
    /// This thread holds the lock, has announced it and has it in its list.
    #[inline(always)]
    pub(crate) unsafe fn unlink(self, links: &Links) {
        let node = links.node(false);
        let (next, previous) = (links.next.get(), links.previous.get());
        // SAFETY: both neighbours are entries, or the head, of this thread's own list, so they are
        // mapped, with a previous-pointer in the word before.
        let is_removed = unsafe {
            replace(previous_of(next), node, previous);
            replace(next_of(previous), node, next)
        };
        if !is_removed {
            self.unlink_by_search(node, next, &|_| true);
        }
    }

    /// Removes an entry that other processes may have overwritten. Its neighbours may lie in
    /// `mapped` or anywhere. If no entry leads to this one, the list stays as it is and the result is
    /// false.
    ///
    /// # Safety
    ///
    /// As for `unlink`, and `mapped` is memory that can be read and written.
    pub(crate) unsafe fn unlink_if_sound(self, links: &Links, mapped: &Range<usize>) -> bool {
        let node = links.node(false);
        // Each is read once, so the pointer that was checked is the pointer that is used.
        let (next, previous) = (links.next.get(), links.previous.get());
        let is_usable = |place: *mut *mut Node| {
            let (start, size) = (place.addr(), size_of::<*mut Node>());
            let end = start.wrapping_add(size - 1);
            let is_known =
                start == self.head.addr() || mapped.contains(&start) && mapped.contains(&end);
            place.is_aligned() && (is_known || memory::is_readable(start, size))
        };
        if !is_usable(next_of(previous)) {
            return false;
        }
        // SAFETY: the place is aligned and can be read.
        if without_mark(unsafe { next_of(previous).read_volatile() }) != node {
            return self.unlink_by_search(node, next, &is_usable);
        }
        // The word before the head is libc's, and private memory.
        if without_mark(next).cast() == self.head || is_usable(previous_of(next)) {
            // SAFETY: the place can be read, and it is written only if it leads to this entry.
            unsafe { replace(previous_of(next), node, previous) };
        }
        // SAFETY: as above.
        unsafe { replace(next_of(previous), node, next) }
    }

    /// Removes an entry whose previous-pointer does not lead to its predecessor. Returns false if
    /// the entry is not in the list, or if the list leads to a place that is not usable.
    #[cold]
    #[inline(never)]
    fn unlink_by_search(
        self,
        node: *mut Node,
        next: *mut Node,
        is_usable: &dyn Fn(*mut *mut Node) -> bool,
    ) -> bool {
        let mut place = self.head.cast::<*mut Node>();
        for _ in 0..ENTRIES_SEARCHED_MAX {
            // SAFETY: the head is this thread's own and alive. Listed entries are mapped, as link's
            // callers promise and libc's do; where that is in doubt, `is_usable` has said so.
            let found = without_mark(unsafe { place.read_volatile() });
            if found == node {
                // SAFETY: as above. The entry at `place` leads to this one, so it is its predecessor.
                return unsafe { replace(place, node, next) };
            }
            place = next_of(found);
            if place.addr() == self.head.addr() || !is_usable(place) {
                return false;
            }
        }
        false
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

/// Writes `new` to a previous-pointer or a `next` if it leads to `expected`, whatever its mark. Returns
/// whether it did.
///
/// # Safety
///
/// The place can be read. It can be written if it leads to `expected`.
#[inline(always)]
unsafe fn replace(place: *mut *mut Node, expected: *mut Node, new: *mut Node) -> bool {
    // SAFETY: by this function's contract. A handler that runs between the two accesses restores what
    // it finds. Volatile: the order of these accesses is what the module's rules rest on.
    unsafe {
        let is_expected = without_mark(place.read_volatile()) == expected;
        if is_expected {
            place.write_volatile(new);
        }
        is_expected
    }
}

/// The place of an entry's `next`; for the head, of `first`.
#[inline(always)]
fn next_of(node: *mut Node) -> *mut *mut Node {
    without_mark(node).cast()
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
