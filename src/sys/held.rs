//! A thread's private record of the locks that it has in its robust list.
//!
//! The list itself runs through the locks, and those lie in memory that other processes can
//! overwrite: by a stray pointer, or on purpose. A thread that followed such a link would crash, or
//! would write where a hostile process wants it to. So each thread remembers in its own memory which
//! entries it has linked, in the order in which it linked them. A link is followed only if this record
//! confirms it. What the record does not know (libc's robust mutexes, and locks beyond its size) is
//! checked at greater cost: see `RobustList` in `robust`.
//!
//! A signal handler may lock and unlock between any two instructions here. If it leaves the number
//! of locks as it found it, the record stays right. Otherwise an entry may be missing from the record or
//! outlive its lock. Neither does harm: the record proves only that the thread linked an entry there.

use super::robust::Node;
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{Ordering, compiler_fence};

/// How many entries a record has room for, the head included. A thread seldom holds more locks at once.
const CAPACITY: usize = 64;

/// The record. The oldest entry is the list's head, which is never removed.
pub(super) struct Held {
    count: Cell<usize>,
    entries: [Cell<*mut Node>; CAPACITY],
}

thread_local! {
    static HELD: Held = const {
        Held {
            count: Cell::new(0),
            entries: [const { Cell::new(ptr::null_mut()) }; CAPACITY],
        }
    };
}

impl Held {
    /// The calling thread's record, which lives as long as the thread.
    pub(super) fn of_calling_thread() -> *const Held {
        HELD.with(ptr::from_ref)
    }

    /// Empties the record: a child that was forked holds none of its parent's locks.
    pub(super) fn clear(&self, head: *mut Node) {
        self.count.set(1);
        self.entries[0].set(head);
    }

    /// Whether `clear` was called for this thread's record.
    pub(super) fn is_in_use(&self) -> bool {
        self.count.get() != 0
    }

    /// Adds an entry that is about to be linked, if there is room.
    #[inline(always)]
    pub(super) fn push(&self, node: *mut Node) {
        let count = self.count.get();
        if let Some(entry) = self.entries.get(count) {
            self.count.set(count + 1);
            // In this order a signal handler uses the places behind the new one. In the other order it
            // would overwrite the new entry.
            compiler_fence(Ordering::SeqCst);
            entry.set(node);
        }
    }

    /// The youngest entry and the one linked before it. NULL stands for each that does not exist.
    #[inline(always)]
    pub(super) fn youngest(&self) -> (*mut Node, *mut Node) {
        let count = self.count.get();
        let entry = |at: usize| self.entries.get(at).map_or(ptr::null_mut(), Cell::get);
        (entry(count.wrapping_sub(1)), entry(count.wrapping_sub(2)))
    }

    /// Removes the youngest entry, which `youngest` has just shown.
    #[inline(always)]
    pub(super) fn pop(&self) {
        self.count.set(self.count.get().wrapping_sub(1));
    }

    /// The youngest place of an entry, with or without the mark in its pointer.
    pub(super) fn position(&self, node: *mut Node) -> Option<usize> {
        let is_node = |entry: &Cell<*mut Node>| (entry.get().addr() ^ node.addr()) <= 1;
        self.recorded().iter().rposition(is_node)
    }

    /// The entry at a place. NULL if there is none.
    pub(super) fn entry(&self, place: usize) -> *mut Node {
        self.recorded()
            .get(place)
            .map_or(ptr::null_mut(), Cell::get)
    }

    /// Removes the entry at a place.
    pub(super) fn remove(&self, place: usize) {
        let count = self.recorded().len();
        for at in place..count.saturating_sub(1) {
            self.entries[at].set(self.entries[at + 1].get());
        }
        self.count.set(count.saturating_sub(1));
    }

    /// How many entries there are, the head included.
    pub(super) fn len(&self) -> usize {
        self.recorded().len()
    }

    /// Whether the record itself stands at an address. Nobody else's link leads there.
    pub(super) fn contains_address(&self, address: usize) -> bool {
        address.wrapping_sub(ptr::from_ref(self).addr()) < size_of::<Held>()
    }

    fn recorded(&self) -> &[Cell<*mut Node>] {
        &self.entries[..self.count.get().min(CAPACITY)]
    }
}
