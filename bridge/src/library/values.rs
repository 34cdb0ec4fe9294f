//! Objects that hold a value: regions and cells.

use super::raw::*;
use super::{CREATE, Handle, READ_ONLY, Result, Type, c_name, checked};
use std::ffi::c_int;

/// A region of shared memory.
pub(crate) struct Region(Handle);

impl Region {
    /// Opens a region, or creates it, all zeros.
    pub(crate) fn open(name: &str, size: usize, mode: u32) -> Result<Region> {
        let name = c_name(name)?;
        // SAFETY: the name is a C string.
        Handle::open(ipc_shm_close, |out| unsafe {
            ipc_shm_open(out, name.as_ptr(), size, CREATE, mode)
        })
        .map(Region)
    }

    /// The region's memory, aligned to a page. It is mapped while the value exists.
    pub(crate) fn memory(&self) -> *mut [u8] {
        // SAFETY: the handle is open.
        let (data, size) = unsafe { (ipc_shm_data(self.0.raw), ipc_shm_size(self.0.raw)) };
        std::ptr::slice_from_raw_parts_mut(data.cast(), size)
    }

    pub(crate) fn descriptor(&self) -> Result<c_int> {
        // SAFETY: the handle is open.
        checked(unsafe { ipc_shm_fd(self.0.raw) } as isize).map(|fd| fd as c_int)
    }
}

/// A cell.
pub(crate) struct Cell {
    handle: Handle,
    size: usize,
}

impl Cell {
    /// Opens a cell. With a mode it creates the cell if there is none.
    pub(crate) fn open(name: &str, declared: &Type, create: Option<u32>) -> Result<Cell> {
        let flags = create.map_or(0, |_| CREATE);
        Cell::open_with(name, declared, flags, create.unwrap_or(0))
    }

    /// Opens a cell that this process may only read.
    pub(crate) fn open_to_read(name: &str, declared: &Type) -> Result<Cell> {
        Cell::open_with(name, declared, READ_ONLY, 0)
    }

    fn open_with(name: &str, declared: &Type, flags: c_int, mode: u32) -> Result<Cell> {
        let name = c_name(name)?;
        let handle = declared.with_raw(|raw| {
            // SAFETY: the name is a C string; the type outlives the call.
            Handle::open(ipc_cell_close, |out| unsafe {
                ipc_cell_open(out, name.as_ptr(), raw, flags, mode)
            })
        })??;
        Ok(Cell {
            handle,
            size: declared.size,
        })
    }

    pub(crate) fn descriptor(&self) -> Result<c_int> {
        // SAFETY: the handle is open.
        checked(unsafe { ipc_cell_fd(self.handle.raw) } as isize).map(|fd| fd as c_int)
    }

    /// The latest value, and what is known of it. Without a value it fails with ENODATA.
    pub(crate) fn read(&self) -> Result<(Vec<u8>, Sample)> {
        let (mut value, mut info) = (vec![0; self.size], Sample::default());
        // SAFETY: the handle is open; the value has the type's size.
        let result =
            unsafe { ipc_cell_read(self.handle.raw, value.as_mut_ptr().cast(), &raw mut info) };
        checked(result as isize)?;
        Ok((value, info))
    }

    /// Writes a value, which has the type's size.
    pub(crate) fn write(&self, value: &[u8]) -> Result<()> {
        if value.len() != self.size {
            return Err(super::Error::new(
                libc::EMSGSIZE,
                "the value has not the size of the cell's type",
            ));
        }
        // SAFETY: the handle is open; the value has the type's size.
        checked(unsafe { ipc_cell_write(self.handle.raw, value.as_ptr().cast()) } as isize)
            .map(drop)
    }
}
