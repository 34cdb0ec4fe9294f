//! Facts that a thread sanitizer (gcc's and clang's `-fsanitize=thread`) has to know of this library.
//!
//! The sanitizer watches the accesses of a program that was compiled for it. This library was not. So the sanitizer
//! would see two threads change the same data and nothing that orders them, and report a race for each lock. Two
//! things prevent that, both in the guard that every call goes through:
//!
//! - **Order.** A call announces each object that it uses ([`uses`]). What the thread did before the call is then
//!   *released* on that object, and at the call's end the thread *acquires* what other threads have released on it. This
//!   is coarser than the truth, since a lock releases and an unlock acquires too. So the sanitizer may miss a race, but it
//!   reports none that does not exist. All objects behind handles of one kind count as one object, because two handles may
//!   lead to the same object. So do all calls that use no object (those on descriptors).
//! - **Silence.** The sanitizer replaces functions of libc, such as memcpy, and would judge the library's own use of them.
//!   While a call runs, it ignores the thread's accesses. A function that the library calls back is watched again.
//!
//! The sanitizer's functions are weak symbols. In a program without it they are NULL, and a call's whole cost is one test of
//! a flag. In a program with it, calls take their slow halves only. A handler that leaves a call by siglongjmp() makes the sanitizer ignore the rest of its thread.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

/// The functions of the sanitizer, or NULL.
#[repr(C)]
struct Functions {
    acquire: Option<unsafe extern "C" fn(object: *mut c_void)>,
    release: Option<unsafe extern "C" fn(object: *mut c_void)>,
    ignore_begin: Option<unsafe extern "C" fn()>,
    ignore_end: Option<unsafe extern "C" fn()>,
}

// Stable Rust has no weak symbols, so the table is written for the assembler. The linker fills it in.
core::arch::global_asm!(
    ".pushsection .data.rel.ro.robustipc_sanitizer,\"aw\"",
    ".balign {size}",
    ".weak __tsan_acquire",
    ".weak __tsan_release",
    ".weak __tsan_ignore_thread_begin",
    ".weak __tsan_ignore_thread_end",
    ".globl robustipc_sanitizer",
    ".hidden robustipc_sanitizer",
    "robustipc_sanitizer:",
    ".if {size} == 8",
    ".8byte __tsan_acquire, __tsan_release, __tsan_ignore_thread_begin, __tsan_ignore_thread_end",
    ".else",
    ".4byte __tsan_acquire, __tsan_release, __tsan_ignore_thread_begin, __tsan_ignore_thread_end",
    ".endif",
    ".popsection",
    size = const size_of::<usize>(),
);

// SAFETY: the table above has this form.
unsafe extern "C" {
    safe static robustipc_sanitizer: Functions;
}

/// More objects than one call uses, callbacks that make calls included.
const OBJECTS_MAX: usize = 16;

/// The announcements of this thread's calls.
struct State {
    /// How many calls are under way, one inside the other.
    depth: Cell<usize>,
    count: Cell<usize>,
    objects: [Cell<*const c_void>; OBJECTS_MAX],
}

thread_local! {
    static STATE: State = const {
        State {
            depth: Cell::new(0),
            count: Cell::new(0),
            objects: [const { Cell::new(ptr::null()) }; OBJECTS_MAX],
        }
    };
}

/// Stands for the peers of all calls that use no object.
static NO_OBJECT: u64 = 0;

/// A copy of what the table says, because the compiler reaches the table by a second load.
static IS_WATCHING: AtomicBool = AtomicBool::new(false);

/// Notices the sanitizer. To be called when the library is loaded.
pub(crate) fn find() {
    // Relaxed: no other thread runs yet, or it is a thread of the loader's caller, which sees the loading complete.
    IS_WATCHING.store(robustipc_sanitizer.acquire.is_some(), Relaxed);
}

/// Whether the program was built with a thread sanitizer.
#[inline(always)]
pub(crate) fn is_watching() -> bool {
    // Relaxed: as in `find`.
    IS_WATCHING.load(Relaxed)
}

fn acquire(object: *const c_void) {
    if let Some(acquire) = robustipc_sanitizer.acquire {
        // SAFETY: the sanitizer looks the address up and does not follow it.
        unsafe { acquire(object.cast_mut()) };
    }
}

fn release(object: *const c_void) {
    if let Some(release) = robustipc_sanitizer.release {
        // SAFETY: as in acquire.
        unsafe { release(object.cast_mut()) };
    }
}

/// Makes the sanitizer ignore this thread's accesses, or watch them again.
fn ignore(begin: bool) {
    let function = if begin {
        robustipc_sanitizer.ignore_begin
    } else {
        robustipc_sanitizer.ignore_end
    };
    if let Some(function) = function {
        // SAFETY: each end follows a begin of the same thread: `depth` counts them.
        unsafe { function() };
    }
}

/// One call of the library, from its beginning to its end.
#[must_use]
pub(crate) struct Call {
    /// How many objects the calls around this one have announced.
    before: usize,
}

impl Call {
    #[inline]
    pub(crate) fn begin() -> Call {
        let before = if is_watching() { begin() } else { 0 };
        Call { before }
    }
}

impl Drop for Call {
    #[inline]
    fn drop(&mut self) {
        if is_watching() {
            end(self.before);
        }
    }
}

/// Announces an object that the call under way uses.
#[inline]
pub(crate) fn uses<T>(object: *const T) {
    if is_watching() {
        announce(object.cast());
    }
}

#[cold]
#[inline(never)]
fn begin() -> usize {
    STATE.with(|state| {
        if state.depth.replace(state.depth.get() + 1) == 0 {
            ignore(true);
            release(ptr::from_ref(&NO_OBJECT).cast());
        }
        state.count.get()
    })
}

#[cold]
#[inline(never)]
fn announce(object: *const c_void) {
    STATE.with(|state| {
        release(object);
        let count = state.count.get();
        if let Some(place) = state.objects.get(count) {
            place.set(object);
            state.count.set(count + 1);
        }
    });
}

#[cold]
#[inline(never)]
fn end(before: usize) {
    STATE.with(|state| {
        let count = state.count.replace(before);
        for object in state.objects.get(before..count).unwrap_or_default() {
            acquire(object.get());
        }
        state.depth.set(state.depth.get() - 1);
        if state.depth.get() == 0 {
            if count == before {
                acquire(ptr::from_ref(&NO_OBJECT).cast());
            }
            ignore(false);
        }
    });
}

/// As long as this value lives, a function of the program's runs inside a call.
#[must_use]
pub(crate) struct CallBack {
    depth: usize,
}

impl CallBack {
    pub(crate) fn begin() -> CallBack {
        let depth = if is_watching() {
            STATE.with(|state| state.depth.replace(0))
        } else {
            0
        };
        if depth != 0 {
            ignore(false);
        }
        CallBack { depth }
    }
}

impl Drop for CallBack {
    fn drop(&mut self) {
        if self.depth == 0 {
            return;
        }
        ignore(true);
        STATE.with(|state| {
            state.depth.set(self.depth);
            // The function's work comes before the call's next step, such as marking a once as done.
            for object in state.objects.get(..state.count.get()).unwrap_or_default() {
                release(object.get());
            }
        });
    }
}
