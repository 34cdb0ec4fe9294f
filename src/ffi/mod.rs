//! The C face: one thin file per mechanism, no logic.
//!
//! Every export has the same form: a doc comment for C readers (it becomes the header's), and a
//! body that is one call of [`guard`] or [`guard_fast`] (or of their like for messages in place).
//! The guard catches panics, leaves errno alone, and turns a `Result` into the C result. A test
//! reads these files and fails for an export without it.
//!
//! Safety, the same for every export and so said once: each pointer is NULL or points to what
//! its comment says. NULL and misalignment are checked; what a check cannot see (freed memory,
//! a string without an end) is the C caller's.

#![allow(non_camel_case_types, reason = "the C names are part of the interface")]
#![allow(
    clippy::missing_safety_doc,
    reason = "said once for all exports, above"
)]

// The generated header has this order, from the general to the special. Blank lines keep it from being
// sorted.

// Texts and types.
pub mod text;

pub mod types;

// Shared memory, and what is placed in it.
pub mod shm;

pub mod mutex;

pub mod cond;

pub mod sem;

pub mod rwlock;

pub mod permits;

pub mod barrier;

pub mod once;

pub mod event;

// Messages, bytes and processes.
pub mod mq;

pub mod pipe;

pub mod spawn;

pub mod fifo;

pub mod sock;

pub mod pty;

// System V.
pub mod sysv;

// What there is.
pub mod list;

// Not part of the face.
mod handle;

use crate::base::error::{self, Error, Result, fail, preserving_errno};
use crate::object::map::Access;
use crate::object::{Options, Outcome};
use core::cell::Cell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};
use handle::is_handle;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Result of opening: the object existed.
pub const IPC_OPENED: c_int = 0;
/// Result of opening: this call created the object.
pub const IPC_CREATED: c_int = 1;
/// Result of locking: the lock is held, and its last owner died holding it, so the data may be
/// half-changed. Repair it, then call ipc_mutex_consistent() or ipc_rwlock_consistent(); for a
/// permit there is nothing to call.
pub const IPC_OWNER_DIED: c_int = 2;

/// For timeout_ns: wait as long as it takes. (In the header it is written out, with parentheses.)
pub const IPC_FOREVER: i64 = -1;

/// Open flag: create the object if it does not exist.
pub const IPC_CREATE: c_int = 0x1;
/// Open flag, with IPC_CREATE: fail with -EEXIST if the object exists.
pub const IPC_EXCLUSIVE: c_int = 0x2;
/// Open flag: for reading only.
pub const IPC_READ_ONLY: c_int = 0x4;
/// Open flag: for writing only.
pub const IPC_WRITE_ONLY: c_int = 0x8;
/// Open flag. Of a queue: calls that would wait return -EAGAIN, whatever their timeout. Of a
/// descriptor: plain read() and write() on it do not wait; this library's calls go by their
/// timeout.
pub const IPC_NONBLOCK: c_int = 0x10;
/// Open flag: accept an object that a program made without this library, by its size alone.
pub const IPC_ADOPT: c_int = 0x20;
/// Flag of ipc_mq_open() and ipc_mq_unlink(): the kernel's message queue, the one that mq_open()
/// opens, instead of this library's in shared memory.
pub const IPC_KERNEL: c_int = 0x40;
/// Flag of ipc_sem_open(): the C library's semaphore, the one that sem_open() opens, instead of
/// this library's.
pub const IPC_POSIX: c_int = 0x80;
/// Open flag: refuse, with -EACCES, an object that another user owns or that others may write to.
pub const IPC_CHECK_OWNER: c_int = 0x100;
/// Flag of ipc_shm_from_fd(): accept memory whose size is not sealed, from a trusted peer.
pub const IPC_UNSEALED: c_int = 0x200;
/// Flag of calls that make a descriptor: it is not closed by exec, so that children inherit it.
pub const IPC_INHERIT: c_int = 0x400;

// From 0x10000 on a bit is one call's own, and another call may give it another meaning; each refuses
// what it does not know. Flags of initialisers (ipc_event_init() and its like) and in attributes begin
// at 0x1 anew: no open flag is taken there.

const _: () = assert!(IPC_CREATED == error::CREATED && IPC_OWNER_DIED == error::OWNER_DIED);
const _: () = assert!(IPC_FOREVER == crate::base::time::FOREVER);

/// What an export may return: a number from 0 up or an address, which fits in a word and leaves
/// the negative ones to errors. So the guard is one piece of code.
trait Returned: Copy {
    fn to_word(self) -> isize;
    /// A word below 0 is the negative errno of a failure, which a type that cannot tell it has as 0.
    fn from_word(word: isize) -> Self;
}

impl Returned for c_int {
    fn to_word(self) -> isize {
        self as isize
    }

    fn from_word(word: isize) -> c_int {
        word as c_int
    }
}

impl Returned for isize {
    fn to_word(self) -> isize {
        self
    }

    fn from_word(word: isize) -> isize {
        word
    }
}

impl Returned for usize {
    fn to_word(self) -> isize {
        self as isize
    }

    fn from_word(word: isize) -> usize {
        word.try_into().unwrap_or(0)
    }
}

impl<T> Returned for *mut T {
    fn to_word(self) -> isize {
        self.expose_provenance() as isize
    }

    fn from_word(word: isize) -> *mut T {
        core::ptr::with_exposed_provenance_mut(usize::from_word(word))
    }
}

thread_local! {
    /// Whether this thread is inside a guard: then a panic is ours, to be reported as a result.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs the body of the export `call`: the one place where Rust's failures become C's.
fn guard<R: Returned, F: FnOnce() -> Result<R>>(call: &'static CStr, body: F) -> R {
    let mut body = ManuallyDrop::new(body);
    let body = (&raw mut body).cast();
    // SAFETY: run_guarded calls run_body once, with the body of this type.
    R::from_word(unsafe { run_guarded(call.as_ptr(), body, run_body::<R, F>) })
}

/// # Safety
///
/// `body` points to a `ManuallyDrop<F>`, which is not used afterwards.
unsafe fn run_body<R: Returned, F: FnOnce() -> Result<R>>(body: *mut ()) -> isize {
    // SAFETY: by this function's contract.
    let body = unsafe { ManuallyDrop::take(&mut *body.cast::<ManuallyDrop<F>>()) };
    body().map_or_else(Error::to_word, R::to_word)
}

/// The part of the guard that does not depend on the export: once in the library, not once per
/// export. Being a C function it cannot unwind, so that no export has code for that. Each argument
/// costs every export its instructions, so the call's name comes without its length.
///
/// # Safety
///
/// `call` is a static string's. `run` may be called once with `body`.
#[inline(never)]
#[allow(improper_ctypes_definitions, reason = "only Rust calls it")]
unsafe extern "C" fn run_guarded(
    call: *const c_char,
    body: *mut (),
    run: unsafe fn(*mut ()) -> isize,
) -> isize {
    preserving_errno(|| {
        silence_own_panics();
        // A callback may call the library again, so what was is put back, not cleared.
        let before = INSIDE.replace(true);
        // SAFETY: by this function's contract.
        let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { run(body) }));
        INSIDE.set(before);
        let error = match outcome {
            Ok(word) => match Error::from_word(word) {
                None => return word,
                Some(error) => error,
            },
            Err(panic) => {
                let text = panic
                    .downcast_ref::<&str>()
                    .copied()
                    .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                    .unwrap_or("no text");
                fail!(EIO, "internal error: {text}")
            }
        };
        // SAFETY: by this function's contract.
        let call = unsafe { CStr::from_ptr(call) };
        error::record(call, error) as isize
    })
}

/// A guard for calls that are mostly over in a few nanoseconds. `fast` does the whole job, or
/// returns `None` with nothing changed; it leaves errno alone, which here nobody puts back.
/// Everything else, failures too, is `slow`'s.
#[inline(always)]
fn guard_fast<R: Returned>(
    call: &'static CStr,
    fast: impl FnOnce() -> Option<R>,
    slow: impl FnOnce() -> Result<R>,
) -> R {
    match catch_unwind(AssertUnwindSafe(fast)) {
        Ok(Some(returned)) => returned,
        _ => guard_slowly(call, slow),
    }
}

#[cold]
#[inline(never)]
fn guard_slowly<R: Returned>(call: &'static CStr, slow: impl FnOnce() -> Result<R>) -> R {
    guard(call, slow)
}

/// Nothing is ever printed: for panics inside a guard, std's report on standard error is
/// left out. Other panics, in a Rust program that uses this crate, are reported as before.
fn silence_own_panics() {
    static DONE: AtomicBool = AtomicBool::new(false);
    // Not a Once: a child that forks while another thread is in it would wait for ever.
    if DONE.load(Ordering::Relaxed) || DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !INSIDE.get() {
            report(panic);
        }
    }));
}

/// Checks that a C caller gave an address where one is needed, aligned for what it points to.
fn checked<T>(pointer: *mut T, what: &str) -> Result<NonNull<T>> {
    checked_address(pointer.addr(), align_of::<T>(), what)?;
    // SAFETY: checked_address refuses 0.
    Ok(unsafe { NonNull::new_unchecked(pointer) })
}

#[inline(never)]
fn checked_address(address: usize, alignment: usize, what: &str) -> Result<()> {
    if address == 0 {
        return Err(fail!(EINVAL, "{what} is NULL"));
    }
    if address % alignment != 0 {
        return Err(fail!(
            EINVAL,
            "{what} is {address:#x}; expected an address aligned to {alignment} bytes"
        ));
    }
    if is_handle(core::ptr::without_provenance::<u8>(address)) {
        return Err(fail!(
            EINVAL,
            "{what} is {address:#x}, which is a handle of this library and no address"
        ));
    }
    Ok(())
}

/// The same for a placed object, which is then used in place.
///
/// # Safety
///
/// A `pointer` that is not NULL, misaligned or a handle points to memory of `T`'s size that
/// stays mapped and writable during the call.
unsafe fn placed<'a, T>(pointer: *const T, what: &str) -> Result<&'a T> {
    let pointer = checked(pointer.cast_mut(), what)?;
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    Ok(unsafe { pointer.as_ref() })
}

/// The same where a good pointer is likely: `None` for one that `placed` refuses.
///
/// # Safety
///
/// As `placed`.
#[inline(always)]
unsafe fn placed_fast<'a, T>(pointer: *const T) -> Option<&'a T> {
    if pointer.is_null() || !pointer.is_aligned() || is_handle(pointer) {
        return None;
    }
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    Some(unsafe { &*pointer })
}

/// Reads the flags of an open call, of which `allowed` have a meaning there.
fn options(flags: c_int, allowed: c_int, mode: libc::mode_t) -> Result<Options> {
    check_flags(flags, allowed)?;
    let is_set = |flag| flags & flag != 0;
    if is_set(IPC_EXCLUSIVE) && !is_set(IPC_CREATE) {
        return Err(fail!(EINVAL, "IPC_EXCLUSIVE needs IPC_CREATE"));
    }
    if is_set(IPC_READ_ONLY) && is_set(IPC_WRITE_ONLY) {
        return Err(fail!(
            EINVAL,
            "IPC_READ_ONLY and IPC_WRITE_ONLY exclude each other"
        ));
    }
    if is_set(IPC_CREATE) {
        check_mode(mode)?;
    }
    Ok(Options {
        create: is_set(IPC_CREATE),
        exclusive: is_set(IPC_EXCLUSIVE),
        access: if is_set(IPC_READ_ONLY) {
            Access::ReadOnly
        } else {
            Access::ReadWrite
        },
        adopt: is_set(IPC_ADOPT),
        may_adopt: allowed & IPC_ADOPT != 0,
        check_owner: is_set(IPC_CHECK_OWNER),
        unsealed: is_set(IPC_UNSEALED),
        descriptor: None,
        mode,
    })
}

fn opened(outcome: Outcome) -> c_int {
    match outcome {
        Outcome::Opened => IPC_OPENED,
        Outcome::Created => IPC_CREATED,
    }
}

/// Refuses flags that have no meaning in a call.
fn check_flags(flags: c_int, allowed: c_int) -> Result<()> {
    match flags & !allowed {
        0 => Ok(()),
        unknown => Err(fail!(
            EINVAL,
            "flags {flags:#x}: {unknown:#x} has no meaning in this call"
        )),
    }
}

/// Refuses a mode of an object to be made that has more than permissions.
fn check_mode(mode: libc::mode_t) -> Result<()> {
    match mode & !0o777 {
        0 => Ok(()),
        _ => Err(fail!(
            EINVAL,
            "mode {mode:#o}: expected permission bits up to 0777"
        )),
    }
}

/// Writes an output: the last step of a call that succeeds.
///
/// # Safety
///
/// `place` points to writable memory for a `T`.
unsafe fn put<T>(place: NonNull<T>, value: T) -> Result<c_int> {
    // SAFETY: by this function's contract.
    unsafe { place.write(value) };
    Ok(0)
}

/// The same for two new descriptors, which are C's from then on.
///
/// # Safety
///
/// `first` and `second` point to writable memory for one int each.
unsafe fn put_two(
    first: NonNull<c_int>,
    second: NonNull<c_int>,
    made: (OwnedFd, OwnedFd),
) -> Result<c_int> {
    // SAFETY: by this function's contract.
    unsafe {
        put(first, made.0.into_raw_fd())?;
        put(second, made.1.into_raw_fd())
    }
}

/// A C caller's buffer to write into.
///
/// # Safety
///
/// `buffer` is NULL or has room for `length` bytes, which nobody else uses during the call.
unsafe fn writable<'a>(
    buffer: *mut c_void,
    length: usize,
    what: &str,
) -> Result<&'a mut [MaybeUninit<u8>]> {
    if length == 0 {
        return Ok(&mut []);
    }
    check_length(length, what)?;
    let buffer = checked(buffer.cast::<MaybeUninit<u8>>(), what)?;
    // SAFETY: not NULL; the rest by this function's contract.
    Ok(unsafe { core::slice::from_raw_parts_mut(buffer.as_ptr(), length) })
}

/// A C caller's bytes.
///
/// # Safety
///
/// `bytes` is NULL or points to `length` bytes that stay during the call.
unsafe fn readable<'a>(
    bytes: *const c_void,
    length: usize,
    what: &str,
) -> Result<&'a [MaybeUninit<u8>]> {
    if length == 0 {
        return Ok(&[]);
    }
    check_length(length, what)?;
    let bytes = checked(bytes.cast_mut().cast::<MaybeUninit<u8>>(), what)?;
    // SAFETY: not NULL; the rest by this function's contract.
    Ok(unsafe { core::slice::from_raw_parts(bytes.as_ptr(), length) })
}

/// Whether a buffer needs no closer look: it has bytes, and `readable` and `writable` take it.
#[inline(always)]
fn is_plain_buffer(buffer: *const c_void, length: usize) -> bool {
    !buffer.is_null() && !is_handle(buffer) && length != 0 && isize::try_from(length).is_ok()
}

fn check_length(length: usize, what: &str) -> Result<()> {
    if isize::try_from(length).is_err() {
        return Err(fail!(
            EINVAL,
            "{what}: a length of {length} bytes is over SSIZE_MAX"
        ));
    }
    Ok(())
}

/// What closing NULL gives: nothing to do.
const NOTHING_TO_CLOSE: c_int = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Errno;

    #[test]
    fn a_panic_becomes_eio_with_its_text() {
        let result: c_int = guard(c"ipc_test", move || panic!("index {} too large", 7));
        assert_eq!(result, -libc::EIO);
        // SAFETY: last_failure returns a NUL-terminated buffer of this thread.
        let text = unsafe { CStr::from_ptr(error::last_failure()) };
        assert_eq!(
            text.to_str(),
            Ok("ipc_test: -EIO: internal error: index 7 too large")
        );
    }

    #[test]
    fn a_panic_in_the_fast_path_is_left_to_the_slow_one() {
        let result: c_int = guard_fast(c"ipc_test", || panic!(), || Ok(3));
        assert_eq!(result, 3);
    }

    #[test]
    fn the_guard_leaves_errno_alone() {
        Errno::set_raw(33);
        let _: c_int = guard(c"ipc_test", move || {
            Errno::set_raw(1);
            Err(Error::from(Errno::EPERM))
        });
        assert_eq!(Errno::last_raw(), 33);
    }
}
