//! The structs in shared memory that other processes see, and nothing else.
//!
//! Each struct is `repr(C)`, has a fixed size, and holds no pointer that means anything to another
//! process. Sizes and offsets are the same on every machine of one byte order, with 32 and with 64 bits: no
//! struct holds a `usize`, and 64-bit numbers are aligned to 8 everywhere. Only the structs with a robust
//! lock word differ between glibc and musl; `sys::lock_form` says why.
//!
//! A change of a size, an offset or a meaning needs another version number beside the struct. Then programs
//! built before and after the change refuse each other instead of corrupting each other's data. Assertions
//! compare each version with its offsets on every target.

mod cell;
mod digest;
mod queue;
mod record;
mod service;
mod slots;
mod sync;
mod topic;
mod user_type;

pub(crate) use cell::*;
pub(crate) use queue::*;
#[cfg(fuzzing)]
pub(crate) use record::fuzz::run as fuzz_record;
pub(crate) use record::*;
pub(crate) use service::*;
pub(crate) use slots::*;
pub(crate) use sync::*;
pub(crate) use topic::*;
pub(crate) use user_type::*;

/// How many bytes at the end of the file belong to the record, whatever the page size.
pub(crate) const RECORD_SPAN: u64 = 4096;

/// The number of the libc: its robust list reaches into the locks (`sys::lock_form`).
pub(crate) const LIBC: u32 = if cfg!(target_env = "musl") { 2 } else { 1 };

/// A libc in messages.
pub(crate) fn libc_name(number: u32) -> Option<&'static str> {
    match number {
        1 => Some("glibc"),
        2 => Some("musl"),
        _ => None,
    }
}
