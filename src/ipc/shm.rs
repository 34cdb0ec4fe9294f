//! Regions of shared memory: typed and untyped, named, in a file, anonymous, sealed.
//!
//! One [`Region`] stands for all of them; they differ only in where the memory comes from. Whatever
//! every named object needs (it is published whole, and checked when it is opened) is in
//! [`object`](crate::object).

use crate::base::error::{Result, fail, failed};
use crate::base::name::Name;
use crate::object::layout::{Kind, Type};
use crate::object::map::Mapping;
use crate::object::{self, Location, NewObject, Object, Opening, Options, Outcome, Removable};
use crate::sync;
use crate::sys::thread::Thread;
use core::ffi::CStr;
use core::ptr::NonNull;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;
use std::os::fd::{AsRawFd, RawFd};

/// An open region.
pub(crate) struct Region {
    memory: Memory,
    size: usize,
    /// Whether a [`synchronize`](Region::synchronize) has failed.
    has_lost_data: AtomicBool,
}

enum Memory {
    Anonymous(Mapping),
    Object(Object),
}

/// How the opening of a named region has begun.
pub(crate) enum NamedOpening {
    Opened(Region),
    New(NewRegion),
}

/// A region without a name, whose zeroed data is to be initialised. If it is dropped, nothing is left of it.
pub(crate) struct NewRegion(NewObject);

impl NewRegion {
    pub(crate) fn data(&self) -> NonNull<u8> {
        self.0.data().base()
    }

    /// Gives the region its name, with the arguments of [`Region::begin_named`]. If another process has just given the name
    /// to another region, that one is opened, or a new one begins if the name is gone again.
    pub(crate) fn publish(
        self,
        name: &Name,
        kind_type: &Type,
        options: Options,
    ) -> Result<(NamedOpening, Outcome)> {
        match self.0.publish(&Location::of_name(name), options)? {
            Some(object) => {
                let region = Region::of(object, kind_type);
                Ok((NamedOpening::Opened(region), Outcome::Created))
            }
            None => {
                let opening = Region::begin_named(name, kind_type, options)?;
                Ok((opening, Outcome::Opened))
            }
        }
    }
}

impl Region {
    pub(crate) fn open_named(
        name: &Name,
        kind_type: &Type,
        options: Options,
    ) -> Result<(Region, Outcome)> {
        Region::open(&Location::of_name(name), kind_type, options)
    }

    /// [`open_named`](Self::open_named), for a caller that initialises a new region before any other process sees it.
    pub(crate) fn begin_named(
        name: &Name,
        kind_type: &Type,
        options: Options,
    ) -> Result<NamedOpening> {
        let location = Location::of_name(name);
        let opening = Object::begin(&location, Kind::Region, kind_type, options)?;
        Ok(match opening {
            Opening::Opened(object) => NamedOpening::Opened(Region::of(object, kind_type)),
            Opening::New(object) => NamedOpening::New(NewRegion(object)),
        })
    }

    pub(crate) fn open_file(
        path: &CStr,
        kind_type: &Type,
        options: Options,
    ) -> Result<(Region, Outcome)> {
        let location = Location::of_path(path)?;
        let (region, outcome) = Region::open(&location, kind_type, options)?;
        let now = Thread::current().map_or(0, Thread::pid_namespace);
        region
            .object()?
            .settle_home(&mut |data, before| match outcome {
                // It holds zeros, or what its maker has just put there.
                Outcome::Created => {}
                Outcome::Opened => sync::stale::mark_all(data, before, now),
            });
        Ok((region, outcome))
    }

    fn open(location: &Location, kind_type: &Type, options: Options) -> Result<(Region, Outcome)> {
        let (object, outcome) =
            Object::open(location, Kind::Region, kind_type, options, &mut |_, _| {
                Ok(())
            })?;
        Ok((Region::of(object, kind_type), outcome))
    }

    pub(crate) fn anonymous(size: u64) -> Result<Region> {
        let kind_type = Type::new(b"", 0, size, 1)?;
        let memory = Memory::Anonymous(Mapping::anonymous(kind_type.size())?);
        Ok(Region::new(memory, &kind_type))
    }

    pub(crate) fn sealed(kind_type: &Type) -> Result<Region> {
        Ok(Region::of(
            Object::sealed(Kind::Region, kind_type)?,
            kind_type,
        ))
    }

    pub(crate) fn from_descriptor(
        number: RawFd,
        kind_type: &Type,
        options: Options,
    ) -> Result<Region> {
        let object = Object::from_descriptor(number, Kind::Region, kind_type, options)?;
        Ok(Region::of(object, kind_type))
    }

    fn of(object: Object, kind_type: &Type) -> Region {
        Region::new(Memory::Object(object), kind_type)
    }

    fn new(memory: Memory, kind_type: &Type) -> Region {
        // A process's first lock maps a page for what the process knows of itself. It is mapped
        // here, because a lock call must not. If that fails, the lock call reports it.
        let _ = Thread::current();
        Region {
            memory,
            size: size_of(kind_type),
            has_lost_data: AtomicBool::new(false),
        }
    }

    fn mapping(&self) -> &Mapping {
        match &self.memory {
            Memory::Anonymous(mapping) => mapping,
            Memory::Object(object) => object.data(),
        }
    }

    fn object(&self) -> Result<&Object> {
        match &self.memory {
            Memory::Object(object) => Ok(object),
            Memory::Anonymous(_) => Err(fail!(
                ENOTSUP,
                "anonymous memory has neither file nor name; children get it by fork"
            )),
        }
    }

    pub(crate) fn data(&self) -> NonNull<u8> {
        self.mapping().base()
    }

    /// In bytes, as requested when the region was opened.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        Ok(self.object()?.file()?.as_raw_fd())
    }

    pub(crate) fn is_stale(&self) -> Result<bool> {
        match &self.memory {
            Memory::Anonymous(_) => Ok(false),
            Memory::Object(object) => object.is_stale(),
        }
    }

    pub(crate) fn seal_writing(&self) -> Result<()> {
        self.object()?.seal_writing()
    }

    /// Writes the data of a file-backed region to its disk.
    pub(crate) fn synchronize(&self) -> Result<()> {
        let object = self.object()?;
        if !object.access().is_writable() {
            return Ok(());
        }
        // The kernel reports a failed write once, and then counts the lost pages as written. So a later
        // success would prove nothing.
        let lost = || {
            fail!(
                EIO,
                "an earlier ipc_shm_sync failed, and what it should have written may be lost: write all data again to a region that is opened again"
            )
        };
        if self.has_lost_data.load(Relaxed) {
            return Err(lost());
        }
        object.data().synchronize().map_err(|errno| {
            self.has_lost_data.store(true, Relaxed);
            failed!(errno, "the data cannot be written; it may be lost")
        })
    }

    /// Fails while the calling thread holds a lock inside the region. Unmapped, the memory would
    /// still be part of the thread's list of robust locks, and the thread's next lock or its death
    /// would follow the list there.
    pub(crate) fn check_closable(&self) -> Result<()> {
        let mapping = self.mapping();
        match Thread::current() {
            Ok(thread) if thread.holds_within(mapping.base(), mapping.size()) => Err(fail!(
                EBUSY,
                "this thread holds a lock that lies in the memory; unlock it first"
            )),
            _ => Ok(()),
        }
    }
}

pub(crate) fn unlink(name: &Name) -> Result<()> {
    object::unlink(&Location::of_name(name), Removable::Region)
}

fn size_of(kind_type: &Type) -> usize {
    // A region that could be mapped has a size that fits.
    usize::try_from(kind_type.size()).unwrap_or(usize::MAX)
}
