//! The C library, as far as the bridge uses it. The declarations follow include/robustipc.h; tests/structs.rs
//! compares them.
//!
//! The functions of this folder turn a negative result into an [`Error`] that carries the library's own text.

mod messages;
mod objects;
mod raw;
mod services;
mod values;
mod waiting;

pub(crate) use messages::{Borrowed, Queue, Topic};
pub(crate) use objects::{Field, Object, Type, objects, remove};
pub(crate) use raw::{QueueAttributes, TopicAttributes};
pub(crate) use services::{Client, Request, Server, Shape};
pub(crate) use values::{Cell, Region};
pub(crate) use waiting::{Waitset, What};

use raw::{Opaque, ipc_last_error};
use std::ffi::{CStr, CString, c_int};
use std::fmt;

/// A failed call: its errno, and what the library says about it.
#[derive(Debug, Clone)]
pub(crate) struct Error {
    pub(crate) errno: i32,
    pub(crate) text: String,
}

impl Error {
    pub(crate) fn new(errno: i32, text: impl Into<String>) -> Error {
        Error {
            errno,
            text: text.into(),
        }
    }

    /// Whether a call with timeout 0 has found nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.errno == libc::EAGAIN
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::new(error.raw_os_error().unwrap_or(libc::EIO), error.to_string())
    }
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

pub(crate) const CREATE: c_int = 1;
pub(crate) const READ_ONLY: c_int = 4;
pub(crate) const WRITE_ONLY: c_int = 8;

/// The result of a call, or its error with the library's text.
fn checked(result: isize) -> Result<usize> {
    if result >= 0 {
        return Ok(result.unsigned_abs());
    }
    // SAFETY: the library returns a string that stays valid until this thread's next failing call.
    let text = unsafe { CStr::from_ptr(ipc_last_error()) };
    Err(Error::new((-result) as i32, text.to_string_lossy()))
}

fn c_name(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Error::new(libc::EINVAL, "the name contains a NUL byte"))
}

/// A handle that is closed when the value ends.
struct Handle {
    raw: *mut Opaque,
    close: unsafe extern "C" fn(*mut Opaque) -> c_int,
}

impl Handle {
    fn open(
        close: unsafe extern "C" fn(*mut Opaque) -> c_int,
        open: impl FnOnce(*mut *mut Opaque) -> c_int,
    ) -> Result<Handle> {
        let mut raw = std::ptr::null_mut();
        checked(open(&raw mut raw) as isize)?;
        Ok(Handle { raw, close })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and this is its only close.
        unsafe { (self.close)(self.raw) };
    }
}
