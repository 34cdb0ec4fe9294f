//! Opening a cell: one that exists, or a new one.

use super::memory::{Geometry, Memory};
use super::{ValueCell, Writing};
use crate::base::alloc::{Shared, SharedRoom};
use crate::base::error::{Errno, Result, fail};
use crate::base::name::Name;
use crate::ipc::watch::descriptor::Descriptor;
use crate::object::layout::{CELL_ALIGNMENT, CELL_VERSION, CellHeader, Kind, Type};
use crate::object::map::{Access, Mapping};
use crate::object::{self, Location, Object, Options, Outcome, Removable};
use crate::sync::latch::check_namespace;
use crate::sys::fd::Kept;
use crate::sys::fence;
use crate::sys::file;
use crate::sys::thread::Thread;
use core::cell::Cell;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::os::fd::AsFd;

impl ValueCell {
    /// Opens or creates the cell of values of `kind_type`.
    pub(crate) fn open(
        name: &Name,
        kind_type: &Type,
        options: Options,
    ) -> Result<(ValueCell, Outcome)> {
        let location = Location::of_name(name);
        let is_gone = |errno| matches!(errno, Errno::ENOENT | Errno::ESTALE);
        // All memory is there before a name is.
        let mut parts = Some(Parts {
            object: Shared::room()?,
            seen: Shared::new(AtomicU64::new(0))?,
            marks: Shared::room()?,
        });
        let parts = &mut parts;
        // A further round means that another process has just removed or created the name.
        loop {
            if !options.exclusive {
                match ValueCell::open_existing(&location, name, kind_type, options, parts) {
                    Ok(cell) => return Ok((cell, Outcome::Opened)),
                    Err(error) if options.create && is_gone(error.errno()) => {}
                    Err(error) => return Err(error),
                }
            }
            match ValueCell::create(&location, name, kind_type, options, parts) {
                Err(error) if error.errno() == Errno::EEXIST && !options.exclusive => {}
                created => return Ok((created?, Outcome::Created)),
            }
        }
    }

    fn open_existing(
        location: &Location,
        name: &Name,
        kind_type: &Type,
        options: Options,
        parts: &mut Option<Parts>,
    ) -> Result<ValueCell> {
        let recorded = Cell::new(0);
        let type_of = |size| {
            recorded.set(size);
            cell_type(size)
        };
        let object = Object::open_as_found(location, Kind::Cell, &type_of, options)?;
        let found = Memory::type_in(object.data(), recorded.get(), location)?;
        kind_type.check(location, &found)?;
        ValueCell::of(location, name, kind_type, recorded.get(), object, parts)
    }

    fn create(
        location: &Location,
        name: &Name,
        kind_type: &Type,
        options: Options,
        parts: &mut Option<Parts>,
    ) -> Result<ValueCell> {
        let geometry = Geometry::of(kind_type).ok_or_else(|| {
            fail!(
                ENOSPC,
                "{location}: values of {} bytes are more than a file can hold",
                kind_type.size()
            )
        })?;
        let exclusive = Options {
            exclusive: true,
            ..options
        };
        let (object, _) = Object::open(
            location,
            Kind::Cell,
            &*cell_type(geometry.total)?,
            exclusive,
            &mut |data, _| initialise(data, kind_type, options.mode),
        )?;
        ValueCell::of(location, name, kind_type, geometry.total, object, parts)
    }

    fn of(
        location: &Location,
        name: &Name,
        kind_type: &Type,
        recorded: u64,
        object: Object,
        parts: &mut Option<Parts>,
    ) -> Result<ValueCell> {
        let memory = Memory::in_mapping(object.data(), recorded, kind_type, location)?;
        let pid_namespace = memory.header().writing.pid_namespace.load(Relaxed);
        let access = match object.access() {
            Access::ReadWrite => {
                let thread = Thread::current()?;
                check_namespace(&format_args!("{name}: the cell"), thread, pid_namespace)?;
                if !fence::register() {
                    memory.header().waiting.needs_fence.store(1, SeqCst);
                }
                Writing::Values
            }
            Access::ReadOnly => Writing::Nothing,
        };
        // It is there: only a cell that could be opened takes it.
        let Parts {
            object: room,
            seen,
            marks,
        } = parts.take().ok_or(Errno::ENOMEM)?;
        let access = match access {
            Writing::Nothing => marking(location, &object)
                .map_or(Writing::Nothing, |file| Writing::Marks(marks.fill(file))),
            access => access,
        };
        Ok(ValueCell {
            memory,
            access,
            pid_namespace,
            name: *name,
            object: room.fill(object),
            seen,
            descriptor: Descriptor::none(),
        })
    }
}

/// The memory that a handle needs from the allocator.
struct Parts {
    object: SharedRoom<Object>,
    seen: Shared<AtomicU64>,
    marks: SharedRoom<Kept>,
}

/// A descriptor through which a reader can mark that it waits, if this process may write to the cell.
fn marking(location: &Location, object: &Object) -> Option<Kept> {
    let file = file::open(location.path(), true).ok()?;
    // The name may lead to another cell by now.
    let own = file::status(object.file().ok()?).ok()?;
    let is_own = file::status(file.as_fd()).ok()?.is_same_file(&own);
    if is_own { Kept::new(file).ok() } else { None }
}

/// The type in the record of a cell of `size` bytes.
fn cell_type(size: u64) -> Result<Box<Type>> {
    Type::new(b"ipc_cell", CELL_VERSION, size, CELL_ALIGNMENT)
}

/// Fills in a new cell, in zeroed memory that no other process sees yet.
fn initialise(data: &Mapping, kind_type: &Type, mode: libc::mode_t) -> Result<()> {
    // SAFETY: the mapping is larger than a header, page-aligned and zeroed, which is a header without a value.
    let header = unsafe { data.base().cast::<CellHeader>().as_ref() };
    let pid_namespace = Thread::current()?.pid_namespace();
    header.writing.pid_namespace.store(pid_namespace, Relaxed);
    let may_read_only = [0o400, 0o040, 0o004]
        .into_iter()
        .any(|read| mode & read != 0 && mode & (read >> 1) == 0);
    header
        .waiting
        .has_silent_readers
        .store(may_read_only.into(), Relaxed);
    Memory::set_type(data, kind_type);
    Ok(())
}

pub(crate) fn unlink(name: &Name) -> Result<()> {
    object::unlink(&Location::of_name(name), Removable::Cell)
}
