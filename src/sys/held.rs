//! A thread's private record of the locks that it has in its robust list.
//!
//! The list itself runs through the locks, and those lie in memory that other processes can
//! overwrite: by a stray pointer, or on purpose. A thread that followed such a link would crash, or
//! would write where a hostile process wants it to. So each thread remembers in its own memory which
//! entries it has linked, in the order in which it linked them. A link is followed only if this record
//! confirms it. Other entries (libc's robust mutexes, and locks beyond the record's size)
//! are checked at greater cost: see `RobustList` in `robust`.
//!
//! A signal handler may lock and unlock between any two instructions here. If it leaves the number
//! of locks as it found it, the record stays right. Otherwise an entry may be missing from the record or
//! outlive its lock. Neither does harm: the record proves only that the thread linked an entry there.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{Ordering, compiler_fence};

/// How many entries a record has room for beside the youngest. A thread seldom holds more locks at once.
pub(super) const CAPACITY: usize = 63;

/// An entry of the list: the kernel's `struct robust_list`. libc keeps a pointer to the previous
/// entry in the word before it.
#[repr(C)]
pub(super) struct Node {
    pub(super) next: *mut Node,
}

/// The record. Its entries have places: the oldest has the place 0, and the youngest has the last place.
pub(super) struct Held {
    /// NULL if the thread has linked nothing. It stands apart, because most threads hold one lock at a time.
    youngest: Cell<*mut Node>,
    /// How many older entries there are.
    count: Cell<usize>,
    older: [Cell<*mut Node>; CAPACITY],
    /// Whether `clear` was called.
    is_in_use: Cell<bool>,
}

thread_local! {
    static HELD: Held = const {
        Held {
            youngest: Cell::new(ptr::null_mut()),
            count: Cell::new(0),
            older: [const { Cell::new(ptr::null_mut()) }; CAPACITY],
            is_in_use: Cell::new(false),
        }
    };
}

impl Held {
    /// The calling thread's record, which lives as long as the thread.
    pub(super) fn of_calling_thread() -> *const Held {
        HELD.with(ptr::from_ref)
    }

    /// Empties the record: a child that was forked holds none of its parent's locks.
    pub(super) fn clear(&self) {
        self.youngest.set(ptr::null_mut());
        self.count.set(0);
        self.is_in_use.set(true);
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.is_in_use.get()
    }

    /// Adds an entry that is about to be linked. If there is no room, an older one is forgotten.
    #[inline(always)]
    pub(super) fn push(&self, node: *mut Node) {
        let older = self.youngest.get();
        if !older.is_null() {
            self.push_older(older);
        }
        // Without this fence a signal handler could find the place behind the older entries in use and
        // not filled.
        compiler_fence(Ordering::SeqCst);
        self.youngest.set(node);
    }

    #[inline(always)]
    fn push_older(&self, older: *mut Node) {
        let count = self.count.get();
        if let Some(place) = self.older.get(count) {
            self.count.set(count + 1);
            // In this order a signal handler uses the places behind this one. In the other order it would
            // overwrite it.
            compiler_fence(Ordering::SeqCst);
            place.set(older);
        }
    }

    #[inline(always)]
    pub(super) fn youngest(&self) -> *mut Node {
        self.youngest.get()
    }

    /// The entry that was linked before the youngest one, or `head`.
    #[inline(always)]
    pub(super) fn second_youngest(&self, head: *mut Node) -> *mut Node {
        match self.count.get() {
            0 => head,
            count => self.older.get(count - 1).map_or(head, Cell::get),
        }
    }

    /// Removes the youngest entry.
    #[inline(always)]
    pub(super) fn pop(&self) {
        let count = self.count.get();
        match count.checked_sub(1).and_then(|last| self.older.get(last)) {
            None => self.youngest.set(ptr::null_mut()),
            Some(next_youngest) => {
                self.youngest.set(next_youngest.get());
                // In this order a signal handler that links here cannot overwrite what is still to be read.
                compiler_fence(Ordering::SeqCst);
                self.count.set(count - 1);
            }
        }
    }

    /// The youngest place of an entry, with or without the mark in its pointer.
    pub(super) fn position(&self, node: *mut Node) -> Option<usize> {
        // NULL is no entry, although it stands in the record where there is none.
        let is_node = |entry: *mut Node| entry.addr() > 1 && (entry.addr() ^ node.addr()) <= 1;
        if is_node(self.youngest()) {
            return Some(self.recorded().len());
        }
        self.recorded()
            .iter()
            .rposition(|entry| is_node(entry.get()))
    }

    /// The entry at a place. NULL if there is none.
    pub(super) fn entry(&self, place: usize) -> *mut Node {
        let older = self.recorded();
        match older.get(place) {
            Some(entry) => entry.get(),
            None if place == older.len() => self.youngest(),
            None => ptr::null_mut(),
        }
    }

    /// Removes the entry at a place.
    pub(super) fn remove(&self, place: usize) {
        let count = self.recorded().len();
        if place >= count {
            return self.pop();
        }
        for at in place..count - 1 {
            self.older[at].set(self.older[at + 1].get());
        }
        self.count.set(count - 1);
    }

    /// Removes the entry at a place and all older ones.
    pub(super) fn remove_with_older(&self, place: usize) {
        for _ in 0..=place {
            self.remove(0);
        }
    }

    /// One more than the youngest place.
    pub(super) fn len(&self) -> usize {
        self.recorded().len() + usize::from(!self.youngest().is_null())
    }

    /// Whether the record itself stands at an address. Nobody else's link leads there.
    pub(super) fn contains_address(&self, address: usize) -> bool {
        address.wrapping_sub(ptr::from_ref(self).addr()) < size_of::<Held>()
    }

    fn recorded(&self) -> &[Cell<*mut Node>] {
        &self.older[..self.count.get().min(CAPACITY)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: usize) -> *mut Node {
        ptr::without_provenance_mut(16 * number)
    }

    fn entries(held: &Held) -> Vec<usize> {
        (0..held.len())
            .map(|place| held.entry(place).addr() / 16)
            .collect()
    }

    fn record() -> &'static Held {
        // SAFETY: the record lives as long as the test's thread.
        let held = unsafe { &*Held::of_calling_thread() };
        held.clear();
        held
    }

    #[test]
    fn entries_leave_in_any_order() {
        let held = record();
        for number in 1..=4 {
            held.push(node(number));
        }
        assert_eq!(entries(held), [1, 2, 3, 4]);
        assert_eq!(held.second_youngest(node(9)), node(3));
        held.remove(held.position(node(2)).unwrap());
        assert_eq!(entries(held), [1, 3, 4]);
        held.pop();
        assert_eq!(entries(held), [1, 3]);
        held.remove(
            held.position(node(3).map_addr(|address| address | 1))
                .unwrap(),
        );
        held.remove(held.position(node(1)).unwrap());
        assert_eq!(entries(held), []);
        assert_eq!(held.position(node(1)), None);
        assert_eq!(held.position(ptr::null_mut()), None);
        assert_eq!(held.second_youngest(node(9)), node(9));
    }

    #[test]
    fn beyond_its_size_the_record_stays_in_order() {
        let held = record();
        for number in 1..=CAPACITY + 10 {
            held.push(node(number));
        }
        assert_eq!(held.len(), CAPACITY + 1);
        assert_eq!(held.youngest(), node(CAPACITY + 10));
        let found = entries(held);
        assert!(found.is_sorted());
        for _ in 0..CAPACITY + 1 {
            held.pop();
        }
        assert_eq!(entries(held), []);
    }
}
