//! The questions that one search through a thread's list asks the kernel, each of them once.

use super::futex::TID_MASK;
use super::held::Node;
use super::lock_form::{WORD_TO_NODE, without_mark};
use super::memory;
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

/// The answers of one search. It must not outlive it: memory can be unmapped meanwhile.
#[derive(Default)]
pub(super) struct Probe {
    /// The number of the page that was found writable last; 0 for none.
    page: Cell<usize>,
    /// The calling thread's id, or 0.
    id: Cell<u32>,
}

impl Probe {
    /// As [`memory::is_writable`]. The locks of one object share pages, so most answers are known.
    pub(super) fn is_writable(&self, address: usize) -> bool {
        // The smallest page of any machine.
        let page = address / 4096;
        if page == 0 || page != self.page.get() {
            if !memory::is_writable(address) {
                return false;
            }
            self.page.set(page);
        }
        true
    }

    pub(super) fn own_id(&self) -> u32 {
        if self.id.get() == 0 {
            self.id.set(nix::unistd::gettid().as_raw().unsigned_abs());
        }
        self.id.get()
    }

    /// Whether the lock word of an entry names the calling thread.
    pub(super) fn is_own_lock(&self, entry: *mut Node) -> bool {
        let word = without_mark(entry)
            .wrapping_byte_sub(WORD_TO_NODE)
            .cast::<AtomicU32>();
        let own = self.own_id();
        word.is_aligned()
            && self.is_writable(word.addr())
            // SAFETY: aligned, and mapped by the check before.
            && unsafe { &*word }.load(Ordering::Relaxed) & TID_MASK == own
    }
}
