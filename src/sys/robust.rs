//! The calling thread's robust list: the locks that the kernel releases when the thread dies.
//!
//! The kernel keeps one robust list per thread (set_robust_list(2)). libc owns it: a second
//! registration would break every robust pthread mutex of the process. So this module joins
//! libc's list. `get_robust_list` gives the list's head. A new entry goes to the front, in the
//! form that libc's own mutexes have (`lock_form`), so libc can unlink its entries beside ours and we can
//! unlink ours beside libc's.
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
//! itself is meant to write to it. So only the program order matters, and compiler fences keep it.
//!
//! The kernel follows `next` only. So an entry is in the list exactly while a `next` leads to it, and
//! one store adds or removes it. The previous-pointers are hints. A signal handler can run between any two
//! stores, ours or libc's, and add and remove entries of its own. These rules keep its changes and those of
//! the interrupted code apart:
//!
//! - `link` makes the head lead to the entry before it writes the neighbour's previous-pointer.
//! - A previous-pointer is written only if it still has the value that it has in a list at rest.
//!   Otherwise an interrupted `link` or `unlink`, ours or libc's, will write it.
//! - A handler removes the entries that it has added, and no others, before it returns.
//!
//! But the entries lie in shared memory, and a stray pointer or a hostile process can overwrite them. So
//! no link in an entry is followed unless it is proved: by the thread's private record ([`Held`]), or,
//! for an entry that the record does not know, by the kernel's word that the neighbour can be written
//! and by the neighbour's own link, which must lead back. A link that is not proved is replaced by
//! what the record says. The list of 32-bit glibc has one direction: no link leads back there, so an entry
//! that the record does not know counts if its lock word names this thread. The proofs are in
//! [`robust_proof`](super::robust_proof).

use super::held::{CAPACITY, Held, Node};
use super::lock_form::{
    HAS_PREVIOUS, HEAD_HAS_PREVIOUS, WORD_TO_NODE, links_of, previous_of, without_mark,
};
pub(crate) use super::lock_form::{Links, LockKind, is_lock_form};
use super::probe::Probe;
use super::robust_head::{Head, head_of_calling_thread};
use crate::base::error::{Result, fail, failed};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, Ordering, compiler_fence};

/// In messages: the libc that this library is built for.
const LIBC: &str = match (cfg!(target_env = "musl"), cfg!(target_pointer_width = "64")) {
    (false, true) => "64-bit glibc",
    (false, false) => "32-bit glibc",
    (true, true) => "64-bit musl",
    (true, false) => "32-bit musl",
};

/// How many entries the kernel reads: its ROBUST_LIST_LIMIT.
pub(super) const ENTRIES_MAX: usize = 2048;

/// A thread's robust list. Used by that thread only.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct RobustList {
    pub(super) head: *mut Head,
    held: *const Held,
}

/// The earlier announcement of a thread that announces something else: an entry, or nothing.
#[derive(Clone, Copy)]
pub(crate) struct Announced(*mut Node);

impl Announced {
    /// For a caller that keeps the value outside Rust. Only the kernel follows the address.
    pub(crate) fn into_address(self) -> usize {
        self.0.expose_provenance()
    }

    /// From [`into_address`](Announced::into_address), in the same thread.
    pub(crate) fn from_address(address: usize) -> Announced {
        Announced(ptr::with_exposed_provenance_mut(address))
    }
}

impl RobustList {
    /// No thread's list: fills a variable until there is a list to put there.
    pub(super) const NONE: RobustList = RobustList {
        head: ptr::null_mut(),
        held: ptr::null(),
    };

    /// The list that libc has registered for the calling thread. `is_new` says that the thread has
    /// not asked before, or is a forked child's and so holds nothing. `before` is the thread's, or its parent's,
    /// earlier answer.
    pub(super) fn of_calling_thread(is_new: bool, before: RobustList) -> Result<RobustList> {
        let head = head_of_calling_thread(is_new, before.head)
            .map_err(|errno| failed!(errno, "get_robust_list"))?;
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
                "this libc keeps lock words {futex_offset} bytes from its robust list's entries; expected -{WORD_TO_NODE} ({LIBC})"
            ));
        }
        let held = Held::of_calling_thread();
        let list = RobustList { head, held };
        if is_new || !list.held().is_in_use() {
            list.held().clear();
        }
        Ok(list)
    }

    /// Announces that the thread is about to take or release the lock behind `links`. Until `finish`,
    /// the kernel treats the lock as an entry of the list. Returns what `finish` has to restore: in
    /// a signal handler, the announcement of the code that the signal interrupted.
    #[inline(always)]
    #[must_use]
    pub(crate) fn begin(self, links: &Links, priority_inheritance: bool) -> Announced {
        self.begin_node(links.node(priority_inheritance))
    }

    /// Announces a word that names no owner, for as long as this thread is responsible for the sleepers
    /// on it: because it is about to wake one, or because it was woken. If the thread dies before
    /// `finish`, the kernel wakes one sleeper. The kernel reads only the word: no entry stands behind it.
    #[inline(always)]
    #[must_use]
    pub(crate) fn begin_word(self, word: &AtomicU32) -> Announced {
        let node = word.as_ptr().wrapping_byte_add(WORD_TO_NODE).cast::<Node>();
        self.begin_node(node)
    }

    #[inline(always)]
    fn begin_node(self, node: *mut Node) -> Announced {
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

    /// The word that this thread announces now.
    pub(crate) fn announced(self) -> Announced {
        // SAFETY: as in begin.
        Announced(unsafe { (&raw const (*self.head).list_op_pending).read_volatile() })
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
    /// This thread holds the lock and has announced it, and its memory stays mapped until it is
    /// unlinked.
    #[inline(always)]
    pub(crate) unsafe fn link(self, links: &Links, priority_inheritance: bool) {
        let node = links.node(priority_inheritance);
        // SAFETY: head is this thread's own and alive.
        let first = unsafe { (&raw const (*self.head).first).read_volatile() };
        links.write(first, self.head.cast());
        // Without this fence the list could lead the kernel to an entry that is not complete yet.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as for first.
        unsafe { (&raw mut (*self.head).first).write_volatile(node) };
        // SAFETY: the entries' memory is mapped while they are listed. No other process can overwrite
        // `first`: only this thread's libc and proved links are written to the head.
        unsafe { self.replace_previous(first, self.head.cast(), node) };
        // Without this fence a signal handler could find the entry in the record and not in the list.
        compiler_fence(Ordering::SeqCst);
        self.held().push(node);
    }

    /// Removes a lock that this thread is about to release from the list. Nothing leads to the entry
    /// afterwards, whatever stands in it.
    ///
    /// # Safety
    ///
    /// `links` is an entry of a lock that this thread has announced.
    #[inline(always)]
    pub(crate) unsafe fn unlink(self, links: &Links) {
        let node = links.node(false);
        let (held, head) = (self.held(), self.head.cast::<Node>());
        let (next, previous) = links.read(head);
        // SAFETY: head is this thread's own and alive.
        let first = unsafe { (&raw const (*self.head).first).read() };
        // The usual case: this thread linked this lock last, and the entry says what it said then.
        if without_mark(held.youngest()) == node
            && without_mark(first) == node
            && previous == head
            && next == held.second_youngest(head)
        {
            // SAFETY: the record says that `next` is the head, or an entry that this thread has linked
            // and not unlinked, so it is mapped.
            unsafe {
                self.replace_previous(next, node, previous);
                (&raw mut (*self.head).first).write_volatile(next);
            }
            // Without this fence a signal handler could find the entry in the list and not in the record.
            compiler_fence(Ordering::SeqCst);
            held.pop();
            return;
        }
        // SAFETY: by this function's contract.
        unsafe { self.unlink_checked(links) };
    }

    /// Does what `unlink` does, for an entry in the middle of the list, beside one of libc's, or
    /// overwritten.
    ///
    /// With C's calling convention because that cannot unwind, as for `wake_all` of the slots.
    ///
    /// # Safety
    ///
    /// As for `unlink`.
    #[cold]
    #[inline(never)]
    unsafe extern "C" fn unlink_checked(self, links: &Links) {
        let (node, head) = (links.node(false), self.head.cast::<Node>());
        // Each is read once, so the pointer that is checked is the pointer that is used.
        let (mut next, mut previous) = links.read(head);
        let probe = &Probe::default();
        let place = self.held().position(node);
        let is_next = match without_mark(next) == head {
            // Or the word before the head, which is libc's private memory, leads back to this entry.
            true => {
                place.is_none_or(|place| place == 0)
                    // SAFETY: then libc keeps a previous-pointer in the word before the head.
                    || HEAD_HAS_PREVIOUS && without_mark(unsafe { previous_of(head).read_volatile() }) == node
            }
            false => self.is_behind(next, node, place, probe) && !self.is_younger(next, place),
        };
        if !is_next {
            next = self.find_next(node, place, probe);
        }
        // Then no older entry of the record is in the list: each was unlocked past this record, as by another
        // copy of this library, or was overwritten too.
        let is_last = !is_next && next == head;
        // SAFETY: head is this thread's own and alive.
        let first = unsafe { (&raw const (*self.head).first).read() };
        let owner = without_mark(previous);
        if without_mark(first) == node {
            previous = head;
        } else if !self.leads_to(owner, owner.cast(), node, probe) {
            previous = self.find_previous(node, probe);
        }
        if !previous.is_null() {
            // SAFETY: each of the two is the head, or in the record and so mapped, or was just found to be
            // writable.
            unsafe {
                self.replace_previous(next, node, previous);
                (&raw mut (*without_mark(previous)).next).write_volatile(next);
            }
        }
        // Without this fence a signal handler could find the entry in the list and not in the record.
        compiler_fence(Ordering::SeqCst);
        match place {
            Some(place) if is_last => self.held().remove_with_older(place),
            Some(place) => self.held().remove(place),
            None => {}
        }
    }

    /// Makes an entry's previous-pointer lead to `new` if it leads to `expected`, whatever its mark.
    ///
    /// # Safety
    ///
    /// The entry is the head, or mapped for writing.
    #[inline(always)]
    unsafe fn replace_previous(self, entry: *mut Node, expected: *mut Node, new: *mut Node) {
        let is_head = || without_mark(entry).cast() == self.head;
        if !HAS_PREVIOUS || !HEAD_HAS_PREVIOUS && is_head() {
            return;
        }
        let place = previous_of(entry);
        // SAFETY: by this function's contract. A handler that runs between the two accesses restores what it
        // finds. Volatile: the module's rules rest on the order of these accesses.
        unsafe {
            if without_mark(place.read_volatile()) == expected {
                place.write_volatile(new);
            }
        }
    }

    /// Whether this thread has linked the entry and not unlinked it since, whatever stands in the entry now. False if the
    /// private record was full.
    pub(crate) fn is_linked(self, links: &Links) -> bool {
        self.held().position(links.node(false)).is_some()
    }

    /// Whether the private record has room for one more entry. Without an entry there [`unlink`](RobustList::unlink) is slow.
    pub(crate) fn has_room(self) -> bool {
        self.held().len() < CAPACITY
    }

    /// Whether the private record has entries.
    pub(crate) fn has_entries(self) -> bool {
        self.held().len() != 0
    }

    /// Whether this thread holds a robust lock, ours or libc's, whose entry lies in the memory
    /// given. Unmapping that memory would leave a pointer to nowhere in the list. An entry there of a
    /// lock that the thread does not hold any more, because the lock was overwritten, is removed.
    ///
    /// `is_held` says for the address of a lock word in this memory whether this thread holds the lock.
    pub(crate) fn has_entry_within(
        self,
        base: NonNull<u8>,
        length: usize,
        is_held: &dyn Fn(*const AtomicU32) -> bool,
    ) -> bool {
        let range = base.addr().get()..base.addr().get() + length;
        let lock_word = |node: *mut Node| -> Option<*const AtomicU32> {
            let word = without_mark(node).wrapping_byte_sub(WORD_TO_NODE);
            let is_inside = range.contains(&word.addr())
                && range.contains(
                    &without_mark(node)
                        .addr()
                        .wrapping_add(size_of::<Node>() - 1),
                );
            (is_inside && word.cast::<AtomicU32>().is_aligned()).then_some(word.cast())
        };
        for place in (0..self.held().len()).rev() {
            let node = self.held().entry(place);
            match lock_word(node) {
                Some(word) if is_held(word) => return true,
                // SAFETY: the entry is one that this thread has linked, in memory that is mapped. The
                // announcement is only for a death: it would leave what is left anyway.
                Some(_) => unsafe { self.unlink_checked(links_of(node)) },
                None => {}
            }
        }
        // Those of libc, and those beyond the record's size.
        let probe = &Probe::default();
        let mut entry: *mut Node = self.head.cast();
        for _ in 0..ENTRIES_MAX {
            // SAFETY: the head, or an entry that was just found to be readable.
            entry = without_mark(unsafe { (&raw const (*entry).next).read_volatile() });
            let is_known = self.is_proved(entry);
            if entry.cast() == self.head || !is_known && !self.is_foreign_entry(entry, probe) {
                break;
            }
            if !is_known && lock_word(entry).is_some_and(is_held) {
                return true;
            }
        }
        false
    }

    #[inline(always)]
    pub(super) fn held<'a>(self) -> &'a Held {
        // SAFETY: of_calling_thread has set it to this thread's record, which lives as long as the thread.
        unsafe { &*self.held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::thread::Thread;

    #[test]
    fn a_held_pthread_mutex_has_the_form_of_our_locks_and_is_found_by_address() {
        let thread = Thread::current().ok().unwrap();
        // SAFETY: POSIX order of calls on memory that outlives them.
        unsafe {
            let mut attributes = core::mem::zeroed();
            let mut mutex: libc::pthread_mutex_t = core::mem::zeroed();
            libc::pthread_mutexattr_init(&mut attributes);
            libc::pthread_mutexattr_setrobust(&mut attributes, libc::PTHREAD_MUTEX_ROBUST);
            // musl lists only mutexes that processes share.
            libc::pthread_mutexattr_setpshared(&mut attributes, libc::PTHREAD_PROCESS_SHARED);
            libc::pthread_mutex_init(&mut mutex, &attributes);
            let place = NonNull::from(&mut mutex).cast();
            assert!(!thread.holds_within(place, size_of_val(&mutex)));
            libc::pthread_mutex_lock(place.as_ptr().cast());
            assert!(thread.holds_within(place, size_of_val(&mutex)));
            // libc's lock word stands at the beginning in glibc, and behind the type in musl.
            let word = place.byte_add(size_of::<LockKind>());
            let first = without_mark((*thread.robust_list().head).first);
            assert_eq!(first.addr() - word.addr().get(), WORD_TO_NODE);
            let (next, previous) = links_of(first).read(thread.robust_list().head.cast());
            assert_eq!((next, previous), (thread.robust_list().head.cast(), next));
            libc::pthread_mutex_unlock(place.as_ptr().cast());
            assert!(!thread.holds_within(place, size_of_val(&mutex)));
            libc::pthread_mutex_destroy(place.as_ptr().cast());
        }
    }
}
