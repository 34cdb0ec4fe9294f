//! O_NONBLOCK, which belongs to the description behind a descriptor.
//!
//! An entry of the table remembers whether the description has it. Another descriptor of the same
//! description may change it, also in another process. So each change is counted in the queue's memory,
//! and what an entry remembers holds as long as that count is the same.

use crate::descriptors::{Lookup, look};
use crate::ipc::{IPC_MQ_TWIN_FLAGS, IPC_MQ_TWIN_LOOK};
use crate::pool::PooledQueue;
use crate::table::{Entry, is_strict};
use crate::{Result, check_libc, kernel};
use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;

const IS_KNOWN: u64 = 1;
const IS_NONBLOCKING: u64 = 2;
/// The count of changes is above these bits.
const COUNT: u32 = 2;

/// Call if the description may be another one.
pub(crate) fn forget(entry: &Entry) {
    entry.flags.store(0, Relaxed);
}

/// Notes the flags of a description.
pub(crate) fn note(entry: &Entry, queue: &PooledQueue, flags: c_int) {
    if let Some(changes) = changes_of(queue) {
        note_at(entry, changes, flags);
    }
}

/// How often the flags of a queue's descriptors may have changed.
pub(crate) fn changes_of(queue: &PooledQueue) -> Option<u32> {
    let look = look(queue.handle()?, IPC_MQ_TWIN_LOOK).ok()?;
    Some(look.flag_changes)
}

/// Notes the flags of a description. `changes` was read before the kernel was asked for them.
pub(crate) fn note_at(entry: &Entry, changes: u32, flags: c_int) {
    let is_nonblocking = match flags & libc::O_NONBLOCK {
        0 => 0,
        _ => IS_NONBLOCKING,
    };
    let value = u64::from(changes) << COUNT | is_nonblocking | IS_KNOWN;
    entry.flags.store(value, Relaxed);
}

/// Whether the description has O_NONBLOCK, if that is known. `changes` is the queue's count.
#[inline(always)]
pub(crate) fn known(lookup: &Lookup, changes: u32) -> Option<bool> {
    let value = lookup.entry.flags.load(Relaxed);
    let is_certain = value & IS_KNOWN != 0 && (value >> COUNT) as u32 == changes && !is_strict();
    is_certain.then_some(value & IS_NONBLOCKING != 0)
}

/// The kernel's latest answer, if nothing has changed the flag since.
pub(crate) fn noted(lookup: &Lookup, changes: u32) -> Option<bool> {
    let value = lookup.entry.flags.load(Relaxed);
    let is_noted = value & IS_KNOWN != 0 && (value >> COUNT) as u32 == changes;
    is_noted.then_some(value & IS_NONBLOCKING != 0)
}

/// Asks the kernel whether the description has O_NONBLOCK.
pub(crate) fn ask(lookup: &Lookup, fd: c_int) -> Result<bool> {
    // Before the kernel's answer: a change that comes after it then ends what is remembered.
    let changes = lookup.with_twin(fd, IPC_MQ_TWIN_LOOK)?.flag_changes;
    // SAFETY: the call takes numbers alone.
    let flags = check_libc(unsafe { kernel::fcntl(fd, libc::F_GETFL, 0) })?;
    note_at(lookup.entry, changes, flags);
    Ok(flags & libc::O_NONBLOCK != 0)
}

/// Whether the description has O_NONBLOCK, as far as the calls that this library sees decide it.
pub(crate) fn is_nonblocking(lookup: &Lookup, fd: c_int) -> Result<bool> {
    let changes = lookup.with_twin(fd, IPC_MQ_TWIN_LOOK)?.flag_changes;
    known(lookup, changes).map_or_else(|| ask(lookup, fd), Ok)
}

/// Call after a call that may have changed the flags of a queue's descriptor.
pub(crate) fn note_change(lookup: &Lookup, fd: c_int) {
    let _ = lookup.with_twin(fd, IPC_MQ_TWIN_FLAGS);
}
