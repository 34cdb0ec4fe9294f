//! Objects that hold a value: regions, cells and semaphores.

use super::{
    Error, Handle, Object, Result, Sample, c_name, checked, ipc_cell_close, ipc_cell_open,
    ipc_cell_read, ipc_cell_wait, ipc_cell_write, ipc_sem_close, ipc_sem_open, ipc_sem_wait,
    ipc_shm_close, ipc_shm_data, ipc_shm_open, ipc_shm_open_typed, ipc_shm_size,
};
use std::ffi::c_int;

/// An open region of shared memory.
pub(crate) struct Region(Handle);

impl Region {
    /// Opens a region by its declared type, or by its size if it has none.
    pub(crate) fn open(object: &Object, flags: c_int) -> Result<Region> {
        let name = c_name(&object.name)?;
        match &object.declared {
            Some(declared) => declared.with_raw(|raw| {
                // SAFETY: the name is a C string; the type outlives the call.
                Handle::open(ipc_shm_close, |out| unsafe {
                    ipc_shm_open_typed(out, name.as_ptr(), raw, flags, 0)
                })
            })?,
            None => {
                const ADOPT: c_int = 32;
                let adopt = if object.raw.record == 0 { ADOPT } else { 0 };
                let size = object.raw.size as usize;
                // SAFETY: the name is a C string.
                Handle::open(ipc_shm_close, |out| unsafe {
                    ipc_shm_open(out, name.as_ptr(), size, flags | adopt, 0)
                })
            }
        }
        .map(Region)
    }

    /// A copy of the region as it is now. Other processes may change it during the copy.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        // SAFETY: the handle is open, so both calls describe memory that is mapped. It is read as bytes through a raw
        // pointer, since others write to it.
        unsafe {
            let (data, size) = (
                ipc_shm_data(self.0.raw).cast::<u8>(),
                ipc_shm_size(self.0.raw),
            );
            (0..size)
                .map(|index| data.add(index).read_volatile())
                .collect()
        }
    }

    /// Writes bytes at an offset.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        // SAFETY: as in `snapshot`; the range is checked against the size.
        unsafe {
            let (data, size) = (
                ipc_shm_data(self.0.raw).cast::<u8>(),
                ipc_shm_size(self.0.raw),
            );
            if offset.checked_add(bytes.len()).is_none_or(|end| end > size) {
                return Err(Error::new(
                    libc::EINVAL,
                    "the field lies outside of the region",
                ));
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.add(offset), bytes.len());
        }
        Ok(())
    }
}

/// An open cell.
pub(crate) struct Cell {
    handle: Handle,
    size: usize,
}

impl Cell {
    pub(crate) fn open(object: &Object, flags: c_int) -> Result<Cell> {
        let name = c_name(&object.name)?;
        let Some(declared) = &object.declared else {
            return Err(Error::new(
                libc::EPROTO,
                format!("{}: the cell declares no type", object.name),
            ));
        };
        let handle = declared.with_raw(|raw| {
            // SAFETY: the name is a C string; the type outlives the call.
            Handle::open(ipc_cell_close, |out| unsafe {
                ipc_cell_open(out, name.as_ptr(), raw, flags, 0)
            })
        })??;
        Ok(Cell {
            handle,
            size: declared.size,
        })
    }

    pub(crate) fn read(&self) -> Result<(Vec<u8>, Sample)> {
        let (mut value, mut info) = (vec![0; self.size], Sample::default());
        // SAFETY: the handle is open; the value has the type's size.
        let result =
            unsafe { ipc_cell_read(self.handle.raw, value.as_mut_ptr().cast(), &raw mut info) };
        checked(result as isize)?;
        Ok((value, info))
    }

    pub(crate) fn write(&self, value: &[u8]) -> Result<()> {
        if value.len() != self.size {
            return Err(Error::new(
                libc::EINVAL,
                format!(
                    "the value has {} bytes; expected {}",
                    value.len(),
                    self.size
                ),
            ));
        }
        // SAFETY: the handle is open; the value has the type's size.
        checked(unsafe { ipc_cell_write(self.handle.raw, value.as_ptr().cast()) } as isize)
            .map(drop)
    }

    /// Waits for a value with a higher number than `after`.
    pub(crate) fn wait(&self, after: u64, timeout_ns: i64) -> Result<(Vec<u8>, Sample)> {
        let (mut value, mut info) = (vec![0; self.size], Sample::default());
        // SAFETY: the handle is open; the value has the type's size.
        checked(unsafe {
            ipc_cell_wait(
                self.handle.raw,
                value.as_mut_ptr().cast(),
                after,
                &raw mut info,
                timeout_ns,
            )
        } as isize)?;
        Ok((value, info))
    }
}

/// An open named semaphore.
pub(crate) struct Semaphore(Handle);

impl Semaphore {
    pub(crate) fn open(name: &str) -> Result<Semaphore> {
        let name = c_name(name)?;
        // SAFETY: the name is a C string.
        Handle::open(ipc_sem_close, |out| unsafe {
            ipc_sem_open(out, name.as_ptr(), 0, 0, 0)
        })
        .map(Semaphore)
    }

    pub(crate) fn wait(&self, timeout_ns: i64) -> Result<()> {
        // SAFETY: the handle is open.
        checked(unsafe { ipc_sem_wait(self.0.raw, timeout_ns) } as isize).map(drop)
    }
}
