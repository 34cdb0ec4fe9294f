//! What other processes see: structs in shared memory, and nothing else.
//!
//! Everything here is `repr(C)`, of fixed size, without pointers that mean anything to another
//! process. A change of size, offset or meaning changes the version number beside the
//! struct, so that programs built before and after it refuse each other instead of
//! corrupting each other's data; the tests hold each version to a table of offsets.

mod family;
mod queue;
mod record;
mod sync;

pub(crate) use family::*;
pub(crate) use queue::*;
pub(crate) use record::*;
pub(crate) use sync::*;

/// Which libc, as far as its data structures reach into shared memory.
pub(crate) const LIBC: u32 = if cfg!(target_env = "musl") { 2 } else { 1 };

#[cfg(not(target_pointer_width = "64"))]
compile_error!("robustipc supports 64-bit Linux: on 32-bit, libc's robust list has another form");
