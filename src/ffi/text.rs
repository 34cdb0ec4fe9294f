//! `ipc_strerror`, `ipc_last_error`, `ipc_version`.

use super::guard;
use crate::base::error;
use core::ffi::{CStr, c_char, c_int};

/// Describes a result of any call of this library, a success or an error.
///
/// result: what the call returned.
///
/// Returns: a text without a newline. It is constant and never NULL; do not free it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_strerror(result: c_int) -> *const c_char {
    guard(c"ipc_strerror", move || Ok(error::text(result).as_ptr()))
}

/// Describes this thread's last failed call of this library in full: which call, which error, which
/// object, what was expected and what was found. Calls that succeed do not change it.
///
/// Returns: one line, without a newline; "" if no call of this thread has failed. The text is valid
/// until this thread calls ipc_last_error() again or ends. It is never NULL; do not free it.
/// Threads: safe. Each thread has its own last error.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_last_error() -> *const c_char {
    guard(c"ipc_last_error", move || Ok(error::last_failure()))
}

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("the version has no NUL inside"),
    };

/// Gives the version of the library that is loaded, for example "0.1.0". The version of the header is
/// IPC_VERSION_STRING.
///
/// Returns: a text. It is constant and never NULL; do not free it.
/// Threads: safe.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_version() -> *const c_char {
    guard(c"ipc_version", move || Ok(VERSION.as_ptr()))
}
