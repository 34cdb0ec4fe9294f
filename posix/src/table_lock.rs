//! The lock that a thread holds while it changes which descriptor leads to which queue.
//!
//! A child of fork() must not wait for a lock that a thread of its parent held, because the child does
//! not have that thread. So the lock's word lies in a page that the kernel clears in a child
//! (MADV_WIPEONFORK). Before Linux 4.14 there is no such page. There the word holds the id of the
//! holder's process, and a lock of another process counts as free.

use crate::Result;
use crate::cancellation::Uncancelable;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr};

/// The size of the largest page on any machine: the kernel clears whole pages.
const LARGEST_PAGE: usize = 1 << 16;

static WORD: AtomicPtr<AtomicI32> = AtomicPtr::new(ptr::null_mut());

/// Whether the kernel clears the word in a child of fork().
static IS_WIPED: AtomicBool = AtomicBool::new(false);

/// The lock, held until the value is dropped. A holder cannot be cancelled, because a cancelled thread
/// would never release the lock.
pub(crate) struct TableLock {
    word: &'static AtomicI32,
    _uncancelable: Uncancelable,
}

impl TableLock {
    /// Takes the lock, and waits for it if need be. `ENOMEM` if there is no memory for its word.
    pub(crate) fn take() -> Result<TableLock> {
        let word = word()?;
        let holder = match IS_WIPED.load(Relaxed) {
            true => 1,
            // SAFETY: getpid() has no preconditions.
            false => unsafe { libc::getpid() },
        };
        let uncancelable = Uncancelable::begin();
        let mut expected = 0;
        loop {
            // Acquire: pairs with the release in drop(), so that this thread sees the table as the last
            // holder left it.
            match word.compare_exchange(expected, holder, Acquire, Relaxed) {
                Ok(_) => {
                    return Ok(TableLock {
                        word,
                        _uncancelable: uncancelable,
                    });
                }
                Err(found) if found == holder => {
                    expected = 0;
                    // SAFETY: sched_yield() has no preconditions.
                    unsafe { libc::sched_yield() };
                }
                // The lock is free by now, or its holder is in the process that this one was forked from.
                Err(found) => expected = found,
            }
        }
    }
}

impl Drop for TableLock {
    fn drop(&mut self) {
        // Release: without it the next holder could see the table half changed.
        self.word.store(0, Release);
    }
}

/// The lock's word. The first call maps its page.
fn word() -> Result<&'static AtomicI32> {
    // Acquire: pairs with the exchange below, so that IS_WIPED has its value before the word is used.
    let mut word = WORD.load(Acquire);
    if word.is_null() {
        word = map_word()?;
    }
    // SAFETY: the page is mapped, holds zeros at first, and is never unmapped.
    Ok(unsafe { &*word })
}

#[cold]
fn map_word() -> Result<*mut AtomicI32> {
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            LARGEST_PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return Err(libc::ENOMEM);
    }
    // SAFETY: the range is the whole of the new mapping, which no other thread knows.
    let is_wiped = unsafe { libc::madvise(page, LARGEST_PAGE, libc::MADV_WIPEONFORK) } == 0;
    // Threads that race here store the same value: the kernel answers all of them alike.
    IS_WIPED.store(is_wiped, Relaxed);
    let page = page.cast();
    // AcqRel: see the load in word().
    match WORD.compare_exchange(ptr::null_mut(), page, AcqRel, Acquire) {
        Ok(_) => Ok(page),
        Err(first) => {
            // SAFETY: another thread was faster, so nobody knows this mapping.
            unsafe { libc::munmap(page.cast(), LARGEST_PAGE) };
            Ok(first)
        }
    }
}
