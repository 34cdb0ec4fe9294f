//! The arguments of C callers: pointers, buffers, paths, flags and modes are checked here and
//! turned into Rust types.

use super::handle::is_handle;
use super::{
    IPC_ADOPT, IPC_CHECK_OWNER, IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY, IPC_UNSEALED,
    IPC_WRITE_ONLY,
};
use crate::base::error::{Result, fail};
use crate::object::Options;
use crate::object::map::{Access, is_read_only};
use crate::sys::new_owner::NewOwner;
use crate::sys::sanitizer;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;
use std::os::fd::{IntoRawFd, OwnedFd};

/// Checks an address that a C caller must give: not NULL, aligned for a `T`, and no handle.
pub(super) fn checked<T>(pointer: *mut T, what: &str) -> Result<NonNull<T>> {
    let Some(address) = NonNull::new(pointer) else {
        return Err(fail!(EINVAL, "{what} is NULL"));
    };
    // First: with 32-bit pointers a handle is any number.
    if is_handle(pointer) {
        return Err(fail!(
            EINVAL,
            "{what} is {pointer:p}, which is a handle of this library and no address"
        ));
    }
    if !pointer.is_aligned() {
        return Err(fail!(
            EINVAL,
            "{what} is {pointer:p}; expected an address aligned to {} bytes",
            align_of::<T>()
        ));
    }
    Ok(address)
}

/// A placed object of a C caller, which is used in place and may be written. Refuses memory that the
/// library has mapped for reading only.
///
/// # Safety
///
/// If `pointer` is not NULL, is aligned and is no handle, it points to memory of `T`'s size that
/// stays mapped during the call. It is writable, or it is memory that the library has mapped.
pub(super) unsafe fn placed<'a, T>(pointer: *const T, what: &str) -> Result<&'a T> {
    // SAFETY: by this function's contract.
    let object = unsafe { placed_to_read(pointer, what) }?;
    if is_read_only(pointer.addr()) {
        return Err(fail!(
            EACCES,
            "{what} lies in memory that was opened read-only (IPC_READ_ONLY), and this call has to write to it"
        ));
    }
    Ok(object)
}

/// A struct of a C caller that the call only reads.
///
/// # Safety
///
/// If `pointer` is not NULL, is aligned and is no handle, it points to memory of `T`'s size that
/// stays mapped during the call.
pub(super) unsafe fn placed_to_read<'a, T>(pointer: *const T, what: &str) -> Result<&'a T> {
    let pointer = checked(pointer.cast_mut(), what)?;
    sanitizer::uses(pointer.as_ptr());
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    Ok(unsafe { pointer.as_ref() })
}

/// A placed object of a C caller, for the fast paths: `None` for a pointer that `placed` refuses.
///
/// # Safety
///
/// As [`placed`].
#[inline(always)]
pub(super) unsafe fn placed_fast<'a, T>(pointer: *const T) -> Option<&'a T> {
    if pointer.is_null()
        || !pointer.is_aligned()
        || is_handle(pointer)
        || is_read_only(pointer.addr())
    {
        return None;
    }
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    Some(unsafe { &*pointer })
}

/// Writes an output. Call this as the last step of a call that succeeds.
///
/// # Safety
///
/// `place` points to writable memory for a `T`.
pub(super) unsafe fn put<T>(place: NonNull<T>, value: T) -> Result<c_int> {
    // SAFETY: by this function's contract.
    unsafe { place.write(value) };
    Ok(0)
}

/// Writes two new descriptors as outputs. The C caller owns them from then on.
///
/// # Safety
///
/// `first` and `second` point to writable memory for one int each.
pub(super) unsafe fn put_two(
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
pub(super) unsafe fn writable<'a>(
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
    Ok(unsafe { slice::from_raw_parts_mut(buffer.as_ptr(), length) })
}

/// A C caller's bytes to read.
///
/// # Safety
///
/// `bytes` is NULL or points to `length` bytes that stay readable during the call.
pub(super) unsafe fn readable<'a>(
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
    Ok(unsafe { slice::from_raw_parts(bytes.as_ptr(), length) })
}

/// Whether `readable` and `writable` accept a buffer and it is not empty: then a fast path may use
/// it.
#[inline(always)]
pub(super) fn is_plain_buffer(buffer: *const c_void, length: usize) -> bool {
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

/// The path in a C string, checked for length.
///
/// # Safety
///
/// `path` is NULL, or points to a NUL-terminated string that does not change during the call, or
/// points to at least PATH_MAX bytes.
pub(super) unsafe fn path_from_c<'a>(path: *const c_char) -> Result<&'a CStr> {
    if path.is_null() {
        return Err(fail!(EINVAL, "the path is NULL"));
    }
    let limit = libc::PATH_MAX as usize;
    // SAFETY: by this function's contract; strnlen stops at the NUL or the limit.
    let length = unsafe { libc::strnlen(path, limit) };
    if length == limit {
        return Err(fail!(ENAMETOOLONG, "the path has {limit} bytes or more"));
    }
    // SAFETY: strnlen has just found the NUL; the string lives by this function's contract.
    Ok(unsafe { CStr::from_ptr(path) })
}

/// Reads the flags of an open call, in which only the flags in `allowed` have a meaning.
pub(super) fn options(flags: c_int, allowed: c_int, mode: libc::mode_t) -> Result<Options> {
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
        owner: NewOwner::current(),
    })
}

/// Refuses flags that have no meaning in a call.
pub(super) fn check_flags(flags: c_int, allowed: c_int) -> Result<()> {
    match flags & !allowed {
        0 => Ok(()),
        unknown => Err(fail!(
            EINVAL,
            "flags {flags:#x}: {unknown:#x} has no meaning in this call"
        )),
    }
}

/// Refuses a mode for a new object that has more than permission bits.
pub(super) fn check_mode(mode: libc::mode_t) -> Result<()> {
    match mode & !0o777 {
        0 => Ok(()),
        _ => Err(fail!(
            EINVAL,
            "mode {mode:#o}: expected permission bits up to 0777"
        )),
    }
}
