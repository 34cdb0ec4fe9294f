//! The form of a robust lock: where its list entry stands, counted from its word.
//!
//! libc announces to the kernel one distance between entries and words, for all entries of a thread. So a
//! lock of ours has the distance that libc's own mutexes have:
//!
//! | libc | word | previous | next |
//! |---|---|---|---|
//! | glibc, 64 bits | at a multiple of 8 | at word + 24 | at word + 32 |
//! | glibc, 32 bits | at a multiple of 4 | none | at word + 20 |
//! | musl, 64 bits | 4 bytes behind a multiple of 8 | at word + 20 | at word + 28 |
//! | musl, 32 bits | at a multiple of 4 | at word + 8 | at word + 12 |
//!
//! Only the owner of a lock and, after its death, the kernel use the entry. So [`Links`] has room for the
//! entries of both sizes, and processes of 32 and of 64 bits with the same libc share a lock. The words of
//! glibc and of musl cannot be at the same place, because both entries have to be aligned. So the structs
//! in `object::layout` differ between the two, and a lock's tag says which libc it is for.

use super::held::Node;
use core::cell::Cell;
use core::ptr;

const IS_MUSL: bool = cfg!(target_env = "musl");
const IS_64_BIT: bool = cfg!(target_pointer_width = "64");

/// The distance in bytes from the lock word to the entry's `next`, which is where pointers to the entry lead.
pub(crate) const WORD_TO_NODE: usize = match (IS_MUSL, IS_64_BIT) {
    (false, true) => 32,
    (false, false) => 20,
    (true, true) => 28,
    (true, false) => 12,
};

/// The distance in bytes from the lock word to [`Links`].
pub(crate) const WORD_TO_LINKS: usize = if IS_MUSL { 8 } else { 20 };
/// The same to the end of `Links`.
const WORD_TO_END: usize = if IS_MUSL { 36 } else { 40 };

/// Whether an entry has a previous-pointer, in the word before `next`.
pub(super) const HAS_PREVIOUS: bool = IS_MUSL || IS_64_BIT;
/// Whether the head of the list has one too. musl keeps other data there.
pub(super) const HEAD_HAS_PREVIOUS: bool = !IS_MUSL && IS_64_BIT;

/// The lowest bit of a pointer to an entry says that its lock word is a priority-inheritance word. Without
/// it the kernel also wakes one sleeper on such a word, which does nothing there. 64-bit glibc and the
/// kernel ignore the bit otherwise. musl and 32-bit glibc would follow the pointer with the bit in it.
const PRIORITY_INHERITANCE: usize = if IS_64_BIT && !IS_MUSL { 1 } else { 0 };

/// A lock's list entry: room for that of each process that can own the lock.
#[repr(C)]
pub(crate) struct Links {
    room: [Cell<u32>; (WORD_TO_END - WORD_TO_LINKS) / 4],
}

impl Links {
    /// The pointer by which the list leads to this entry.
    #[inline(always)]
    pub(super) fn node(&self, priority_inheritance: bool) -> *mut Node {
        let mark = usize::from(priority_inheritance) * PRIORITY_INHERITANCE;
        ptr::from_ref(self)
            .cast_mut()
            .wrapping_byte_add(WORD_TO_NODE - WORD_TO_LINKS)
            .cast::<Node>()
            .map_addr(|address| address | mark)
    }

    /// The next and the previous entry, each read once: others may overwrite them at any moment. In a list
    /// with one direction the previous entry is taken to be the head until the list says otherwise.
    #[inline(always)]
    pub(super) fn read(&self, head: *mut Node) -> (*mut Node, *mut Node) {
        let node = self.node(false);
        // SAFETY: both lie in this struct, and the lock's form aligns them (`is_lock_form`).
        unsafe {
            let next = (&raw const (*node).next).read_volatile();
            let previous = match HAS_PREVIOUS {
                true => previous_of(node).read_volatile(),
                false => head,
            };
            (next, previous)
        }
    }

    #[inline(always)]
    pub(super) fn write(&self, next: *mut Node, previous: *mut Node) {
        let node = self.node(false);
        // SAFETY: as in read. Only the owner of the lock comes here.
        unsafe {
            (&raw mut (*node).next).write(next);
            if HAS_PREVIOUS {
                previous_of(node).write(previous);
            }
        }
    }
}

/// The links of the lock to which an entry belongs.
///
/// # Safety
///
/// The entry is that of a lock of ours, which is mapped for as long as the result is used.
pub(super) unsafe fn links_of<'a>(node: *mut Node) -> &'a Links {
    let links = without_mark(node).wrapping_byte_sub(WORD_TO_NODE - WORD_TO_LINKS);
    // SAFETY: by this function's contract.
    unsafe { &*links.cast::<Links>() }
}

#[inline(always)]
pub(super) fn without_mark(node: *mut Node) -> *mut Node {
    // The lowest bit in any case: libc's own entries may have it.
    node.map_addr(|address| address & !1)
}

/// The place of an entry's previous-pointer, if it has one.
#[inline(always)]
pub(super) fn previous_of(node: *mut Node) -> *mut *mut Node {
    without_mark(node).cast::<*mut Node>().wrapping_sub(1)
}

/// The value that musl takes for the type of a mutex, in the word before each lock word. A thread that ends with locks
/// reads it there (musl's pthread_exit), and wakes only sleepers of its own process unless it finds the mark of
/// a shared mutex. glibc has nothing there.
#[repr(C)]
pub(crate) struct LockKind {
    #[cfg(target_env = "musl")]
    kind: core::sync::atomic::AtomicU32,
}

impl LockKind {
    /// Makes it that of a shared mutex. Call before the lock gets into the list.
    #[inline(always)]
    pub(crate) fn set(&self) {
        // Relaxed: only the thread itself reads it.
        #[cfg(target_env = "musl")]
        self.kind.store(0x80, core::sync::atomic::Ordering::Relaxed);
    }
}

/// Whether a struct that is aligned to 8, with a word and links at these offsets, has a lock's form.
#[allow(dead_code)] // only assertions call it, which Rust 1.85 does not count
pub(crate) const fn is_lock_form(word: usize, links: usize) -> bool {
    let misplacement = if IS_MUSL { 4 } else { 0 };
    word % 8 == misplacement && links == word + WORD_TO_LINKS
}

const _: () = {
    assert!(size_of::<Links>() == WORD_TO_END - WORD_TO_LINKS);
    assert!(size_of::<LockKind>() == if IS_MUSL { 4 } else { 0 });
    assert!((WORD_TO_NODE + if IS_MUSL { 4 } else { 0 }) % align_of::<*mut Node>() == 0);
};
