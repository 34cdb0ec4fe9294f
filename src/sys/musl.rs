//! A thread's robust list with musl, which leaves to its users what glibc does by itself.
//!
//! glibc registers the list of each thread with the kernel, and empties it in a forked child. musl registers a
//! list when the thread locks its first robust mutex that processes share, and a child keeps its parent's entries.

use super::futex::TID_MASK;
use super::held::Node;
use super::lock_form::{WORD_TO_NODE, without_mark};
use super::memory;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

/// How many entries the kernel reads.
const ENTRIES_MAX: usize = 2048;

/// Makes musl register the calling thread's list.
pub(super) fn register_robust_list() {
    // SAFETY: POSIX order of calls on two local variables. Nobody else knows the mutex, so locking it does not
    // wait, and it leaves the list before the variables end.
    unsafe {
        let mut attributes = core::mem::zeroed();
        let mut mutex = core::mem::zeroed();
        libc::pthread_mutexattr_init(&mut attributes);
        libc::pthread_mutexattr_setrobust(&mut attributes, libc::PTHREAD_MUTEX_ROBUST);
        libc::pthread_mutexattr_setpshared(&mut attributes, libc::PTHREAD_PROCESS_SHARED);
        libc::pthread_mutex_init(&mut mutex, &attributes);
        libc::pthread_mutex_lock(&mut mutex);
        libc::pthread_mutex_unlock(&mut mutex);
        libc::pthread_mutex_destroy(&mut mutex);
        libc::pthread_mutexattr_destroy(&mut attributes);
    }
}

/// Removes from a list the entries that a forked child has from its parent: they are locks of the parent, and
/// their links are the parent's. The newest entries come first, so those are the first entry that is not of a lock
/// that this thread holds, and all behind it.
///
/// # Safety
///
/// `head` is the calling thread's list, whose first word leads to its first entry.
pub(super) unsafe fn cut_inherited(head: *mut Node) {
    let own = nix::unistd::gettid().as_raw().unsigned_abs();
    let mut entry = head;
    for _ in 0..ENTRIES_MAX {
        // SAFETY: the head, or an entry of a lock that this thread holds, which is mapped.
        let next = unsafe { (&raw const (*entry).next).read_volatile() };
        if without_mark(next) == head {
            return;
        }
        if !is_held_by(own, next) {
            // SAFETY: as above.
            unsafe { (&raw mut (*entry).next).write_volatile(head) };
            return;
        }
        entry = without_mark(next);
    }
}

/// Whether the lock word of an entry is mapped and names this thread.
fn is_held_by(own: u32, entry: *mut Node) -> bool {
    let word: *mut AtomicU32 = without_mark(entry).wrapping_byte_sub(WORD_TO_NODE).cast();
    !ptr::eq(entry, ptr::null())
        && word.is_aligned()
        && memory::is_writable(word.addr())
        && memory::is_writable(without_mark(entry).addr())
        // SAFETY: aligned, and mapped by the check before.
        && unsafe { &*word }.load(Ordering::Relaxed) & TID_MASK == own
}
