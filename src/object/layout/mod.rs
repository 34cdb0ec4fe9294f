//! The structs in shared memory that other processes see, and nothing else.
//!
//! Each struct is `repr(C)`, has a fixed size, and holds no pointer that means anything to another
//! process. A change of a size, an offset or a meaning needs another version number beside the struct.
//! Then programs built before and after the change refuse each other instead of corrupting each
//! other's data. The tests compare each version with a table of offsets.

mod cell;
mod digest;
mod queue;
mod record;
mod slots;
mod sync;
mod user_type;

pub(crate) use cell::*;
pub(crate) use queue::*;
#[cfg(fuzzing)]
pub(crate) use record::fuzz::run as fuzz_record;
pub(crate) use record::*;
pub(crate) use slots::*;
pub(crate) use sync::*;
pub(crate) use user_type::*;

/// How many bytes at the end of the file belong to the record, whatever the page size.
pub(crate) const RECORD_SPAN: u64 = 4096;

/// The number of the libc: libc's data structures reach into shared memory.
pub(crate) const LIBC: u32 = if cfg!(target_env = "musl") { 2 } else { 1 };

#[cfg(not(target_pointer_width = "64"))]
compile_error!("robustipc supports 64-bit Linux: on 32-bit, libc's robust list has another form");
