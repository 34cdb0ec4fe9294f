//! Regions of shared memory. The calls are in the modules below, by topic; their common type is here.

use super::handle::{self, Room, Table};
use super::*;
use crate::ipc::shm::Region;
use core::ffi::{c_char, c_int, c_void};

// The generated header has the order of these modules. The blank lines keep rustfmt from sorting
// them.
pub mod open;

pub mod sealed;

pub mod region;

/// A handle for a region of shared memory. The ipc_shm_open calls, ipc_shm_anonymous(),
/// ipc_shm_sealed() and ipc_shm_from_fd() create it, and ipc_shm_close() ends it.
pub struct ipc_shm_t {
    _private: [u8; 0],
}

static REGIONS: Table<Region, { handle::SHM }> = Table::new();

type RegionRoom<'a> = Room<'a, Region, { handle::SHM }>;

const NAMED: c_int = IPC_CREATE | IPC_EXCLUSIVE | IPC_READ_ONLY | IPC_ADOPT | IPC_CHECK_OWNER;

/// Opens a region and gives its handle to C: the last step of every call that creates a handle.
///
/// # Safety
///
/// `out` is NULL, misaligned, or points to writable memory for one pointer.
unsafe fn hand_out(
    out: *mut *mut ipc_shm_t,
    open: impl FnOnce() -> Result<(Region, c_int)>,
) -> Result<c_int> {
    let out = checked(out, "out")?;
    let room = REGIONS.room()?;
    let (region, result) = open()?;
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    unsafe { put(out, room.fill(region)) }?;
    Ok(result)
}
