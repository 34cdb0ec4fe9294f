//! Named semaphores. Each is one `ipc_sem_t` in a named object of its own.

pub(crate) mod posix;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::object::layout::{Kind, Sem, Type};
use crate::object::map::Mapping;
use crate::object::{self, Location, Object, Options, Outcome, Removable};
use core::ptr::NonNull;

/// An open named semaphore. It keeps the mapping and no descriptor.
pub(crate) struct NamedSemaphore(Mapping);

impl NamedSemaphore {
    /// Opens or creates a semaphore. A new one gets `value`.
    pub(crate) fn open(
        name: &Name,
        value: u32,
        options: Options,
    ) -> Result<(NamedSemaphore, Outcome)> {
        let kind_type = Type::new(
            b"ipc_sem_t",
            1,
            size_of::<Sem>() as u64,
            align_of::<Sem>() as u64,
        )?;
        let location = Location::of_name(name);
        let (object, outcome) = Object::open(
            &location,
            Kind::Semaphore,
            &kind_type,
            options,
            &mut |data, _| {
                // SAFETY: the mapping is page-aligned, larger than a Sem, and zeroed, and no other
                // process has it yet.
                unsafe { data.base().cast::<Sem>().as_ref() }.initialise(value)
            },
        )?;
        Ok((NamedSemaphore(object.into_data()), outcome))
    }

    /// The semaphore's address in this process.
    pub(crate) fn place(&self) -> NonNull<Sem> {
        self.0.base().cast()
    }
}

pub(crate) fn unlink(name: &Name) -> Result<()> {
    object::unlink(&Location::of_name(name), Removable::Semaphore)
}
