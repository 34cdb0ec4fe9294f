//! The lock that a thread holds while it changes which descriptor leads to which queue.
//!
//! It is libc's mutex with priority inheritance, so a real-time thread waits for a holder of a lower
//! priority no longer than that holder needs. A holder opens no file and does not search /proc.
//!
//! A child of fork() must not wait for a lock that a thread of its parent held, because the child does
//! not have that thread. So the lock lies in a page that the kernel clears in a child (MADV_WIPEONFORK).
//! If the kernel does not do that (an emulator), a handler of pthread_atfork() clears it.
//!
//! The page also tells a child of vfork() from its parent. Such a child uses its parent's memory, but has
//! its own descriptors. So it changes nothing in the table.

use crate::Result;
use crate::cancellation::Uncancelable;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32};

/// The size of the largest page on any machine: the kernel clears whole pages.
const LARGEST_PAGE: usize = 1 << 16;

/// The facts that do not pass to a child of fork(). All zeros at first, and in a child.
#[repr(C)]
struct Page {
    /// [`NEW`], [`IN_PREPARATION`] or [`READY`].
    state: AtomicU32,
    /// The process that the page belongs to.
    process: AtomicI32,
    mutex: MaybeUninit<libc::pthread_mutex_t>,
}

const NEW: u32 = 0;
const IN_PREPARATION: u32 = 1;
const READY: u32 = 2;

static PAGE: AtomicPtr<Page> = AtomicPtr::new(ptr::null_mut());

/// The lock, held until the value is dropped. A holder cannot be cancelled, because a cancelled thread
/// would never release the lock.
pub(crate) struct TableLock {
    mutex: *mut libc::pthread_mutex_t,
    _uncancelable: Uncancelable,
}

impl TableLock {
    /// Takes the lock, and waits for it if need be. `ENOMEM` if there is no memory for it. `EDEADLK` in a
    /// signal handler that has interrupted this thread while it held the lock.
    pub(crate) fn take() -> Result<TableLock> {
        // SAFETY: the mutex is initialised.
        TableLock::take_by(true, |mutex| unsafe { libc::pthread_mutex_lock(mutex) })
    }

    /// Takes the lock if it is free.
    pub(crate) fn try_take() -> Result<TableLock> {
        // SAFETY: the mutex is initialised.
        TableLock::take_by(false, |mutex| unsafe { libc::pthread_mutex_trylock(mutex) })
    }

    fn take_by(
        waits: bool,
        lock: impl FnOnce(*mut libc::pthread_mutex_t) -> i32,
    ) -> Result<TableLock> {
        let uncancelable = Uncancelable::begin();
        let mutex = prepared_page(waits)?.mutex.as_ptr().cast_mut();
        match lock(mutex) {
            0 => Ok(TableLock {
                mutex,
                _uncancelable: uncancelable,
            }),
            number => Err(number),
        }
    }
}

impl Drop for TableLock {
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex.
        unsafe { libc::pthread_mutex_unlock(self.mutex) };
    }
}

/// Whether this is a child of vfork(), whose memory is its parent's.
pub(crate) fn is_memory_borrowed() -> bool {
    let Ok(page) = prepared_page(false) else {
        return false;
    };
    // SAFETY: getpid() has no preconditions.
    page.process.load(Relaxed) != unsafe { libc::getpid() }
}

/// The page, with its mutex initialised for this process. `EBUSY` if another thread, or the code that a
/// signal handler has interrupted, prepares it at this moment, and the caller does not wait.
fn prepared_page(waits: bool) -> Result<&'static Page> {
    // Acquire: pairs with the exchange in map_page().
    let mut page = PAGE.load(Acquire);
    if page.is_null() {
        page = map_page()?;
    }
    // SAFETY: the page is mapped, holds zeros at first, and is never unmapped.
    let page = unsafe { &*page };
    // Acquire: pairs with the release in prepare(), so that the mutex is used with its values.
    match page.state.load(Acquire) {
        READY => Ok(page),
        IN_PREPARATION if !waits => Err(libc::EBUSY),
        _ => {
            prepare(page);
            Ok(page)
        }
    }
}

#[cold]
fn prepare(page: &Page) {
    let begin = page
        .state
        .compare_exchange(NEW, IN_PREPARATION, Acquire, Acquire);
    if begin.is_err() {
        // Another thread prepares the page at this moment, which takes it less than a microsecond.
        while page.state.load(Acquire) != READY {
            // SAFETY: usleep() takes a number. A real-time thread lets the other one run.
            unsafe { libc::usleep(50) };
        }
        return;
    }
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    // SAFETY: the attributes are initialised by the first call and destroyed by the last. No other thread
    // uses the mutex before the state is READY. A libc without priority inheritance leaves it out.
    unsafe {
        let attributes = attributes.as_mut_ptr();
        libc::pthread_mutexattr_init(attributes);
        libc::pthread_mutexattr_setprotocol(attributes, libc::PTHREAD_PRIO_INHERIT);
        libc::pthread_mutexattr_settype(attributes, libc::PTHREAD_MUTEX_ERRORCHECK);
        libc::pthread_mutex_init(page.mutex.as_ptr().cast_mut(), attributes);
        libc::pthread_mutexattr_destroy(attributes);
        page.process.store(libc::getpid(), Relaxed);
    }
    // Release: pairs with the load in prepared_page().
    page.state.store(READY, Release);
}

#[cold]
fn map_page() -> Result<*mut Page> {
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
    let page = page.cast::<Page>();
    // AcqRel: see the load in prepared_page().
    match PAGE.compare_exchange(ptr::null_mut(), page, AcqRel, Acquire) {
        Ok(_) => {
            if !is_wiped {
                // SAFETY: the function has the type that the call expects.
                unsafe { libc::pthread_atfork(None, None, Some(clear_page)) };
            }
            Ok(page)
        }
        Err(first) => {
            // SAFETY: another thread was faster, so nobody knows this mapping.
            unsafe { libc::munmap(page.cast(), LARGEST_PAGE) };
            Ok(first)
        }
    }
}

/// Makes the page new in a child of fork(), which has one thread.
unsafe extern "C" fn clear_page() {
    // SAFETY: the page is mapped and never unmapped.
    if let Some(page) = unsafe { PAGE.load(Acquire).as_ref() } {
        page.state.store(NEW, Release);
    }
}
