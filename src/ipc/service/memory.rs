//! The places of a service's parts in memory.
//!
//! The geometry is computed once, from sizes that are compared with the size of the mapping. Every number that is read
//! from shared memory later is compared here before it becomes an address.

use crate::base::error::{Error, Result, fail};
use crate::object::layout::{
    CallSlot, ClientPlace, HAS_REPLY_TYPE, HAS_REQUEST_TYPE, SERVICE_TYPES, SERVICE_TYPES_END,
    ServiceHeader, Type,
};
use crate::object::map::Mapping;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

/// The largest number of calls that are under way at once. A call's id has 24 bits for its slot.
const REQUESTS_MAX: u32 = 1 << 20;
const CLIENTS_MAX: u32 = 1 << 20;

/// The sizes that the creator of a service chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) max_requests: u32,
    pub(crate) max_clients: u32,
    /// In bytes.
    pub(crate) request_size: u32,
    /// In bytes.
    pub(crate) reply_size: u32,
}

impl Sizes {
    pub(crate) fn new(
        max_requests: usize,
        max_clients: usize,
        request_size: usize,
        reply_size: usize,
    ) -> Result<Sizes> {
        let numbers = [max_requests, max_clients, request_size, reply_size];
        match numbers.map(u32::try_from) {
            [
                Ok(max_requests @ 1..=REQUESTS_MAX),
                Ok(max_clients @ 1..=CLIENTS_MAX),
                Ok(request_size @ 1..),
                Ok(reply_size @ 1..),
            ] => Ok(Sizes {
                max_requests,
                max_clients,
                request_size,
                reply_size,
            }),
            _ => Err(fail!(
                EINVAL,
                "{max_requests} requests of {request_size} bytes with replies of {reply_size} bytes, {max_clients} clients; expected 1 to {REQUESTS_MAX} requests, 1 to {CLIENTS_MAX} clients, and sizes of 1 to {} bytes",
                u32::MAX
            )),
        }
    }

    /// The size of the whole service, in bytes.
    pub(super) fn total(self) -> u64 {
        Geometry::new(self).total
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests of {} bytes with replies of {} bytes, {} clients",
            self.max_requests, self.request_size, self.reply_size, self.max_clients
        )
    }
}

/// Offsets from the service's start, in bytes. The sizes are below 2^32, and the counts below 2^21, so nothing here
/// overflows.
struct Geometry {
    clients: u64,
    free: u64,
    heap: u64,
    slots: u64,
    /// The offset of the reply in a slot.
    reply: u64,
    stride: u64,
    total: u64,
}

impl Geometry {
    fn new(sizes: Sizes) -> Geometry {
        let whole_lines = |size: u64| size.next_multiple_of(64);
        let requests = u64::from(sizes.max_requests);
        let clients = whole_lines(SERVICE_TYPES_END);
        let free = clients + u64::from(sizes.max_clients) * size_of::<ClientPlace>() as u64;
        let heap = free + whole_lines(requests * 4);
        let slots = heap + whole_lines(requests * 4);
        let reply = size_of::<CallSlot>() as u64 + whole_lines(sizes.request_size.into());
        let stride = reply + whole_lines(sizes.reply_size.into());
        Geometry {
            clients,
            free,
            heap,
            slots,
            reply,
            stride,
            total: slots + requests * stride,
        }
    }
}

/// The mapped memory of a service.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    header: NonNull<ServiceHeader>,
    clients: NonNull<ClientPlace>,
    free: NonNull<AtomicU32>,
    heap: NonNull<AtomicU32>,
    slots: NonNull<u8>,
    reply: usize,
    stride: usize,
    sizes: Sizes,
}

// SAFETY: every access is atomic, or to a request or a reply that its slot's state gives to one thread alone. Threads of
// other processes share the memory in the same way.
unsafe impl Send for Memory {}
// SAFETY: as for Send.
unsafe impl Sync for Memory {}

#[cold]
#[inline(never)]
pub(super) fn damaged(what: &str) -> Error {
    fail!(EUCLEAN, "the service is damaged: {what}")
}

/// A slot and its number.
pub(super) type Numbered<'s> = (u32, &'s CallSlot);

impl Memory {
    /// The service of these sizes in `mapping`, which the result must not outlive.
    pub(super) fn in_mapping(mapping: &Mapping, sizes: Sizes) -> Result<Memory> {
        let geometry = Geometry::new(sizes);
        if geometry.total > mapping.size() as u64 {
            return Err(damaged("its sizes and that of its file disagree"));
        }
        // SAFETY: each offset is at most total, and the mapping has at least total bytes.
        let at = |offset: u64| unsafe { mapping.base().add(offset as usize) };
        Ok(Memory {
            header: mapping.base().cast(),
            clients: at(geometry.clients).cast(),
            free: at(geometry.free).cast(),
            heap: at(geometry.heap).cast(),
            slots: at(geometry.slots),
            reply: geometry.reply as usize,
            stride: geometry.stride as usize,
            sizes,
        })
    }

    /// The sizes in an existing service's header. They have to add up to `recorded`, the size in bytes in the service's
    /// record.
    pub(super) fn sizes_of(mapping: &Mapping, recorded: u64) -> Result<Sizes> {
        if recorded.min(mapping.size() as u64) < SERVICE_TYPES_END {
            return Err(damaged("it has no room for its header"));
        }
        // SAFETY: the mapping has room for a header, as just checked, and is page-aligned.
        let header = unsafe { mapping.base().cast::<ServiceHeader>().as_ref() };
        let read = |number: &AtomicU32| number.load(Relaxed) as usize;
        let sizes = Sizes::new(
            read(&header.max_requests),
            read(&header.max_clients),
            read(&header.request_size),
            read(&header.reply_size),
        );
        match sizes {
            Ok(sizes) if sizes.total() == recorded => Ok(sizes),
            _ => Err(damaged("its sizes are not those that it was created with")),
        }
    }

    /// The types of a request and a reply, if the creator has declared them.
    pub(super) fn types(&self, shown: &dyn fmt::Display) -> Result<[Option<Box<Type>>; 2]> {
        let flags = self.header().flags.load(Relaxed);
        let read = |flag, index| match flags & flag {
            0 => Ok(None),
            // SAFETY: the mapping has room for both types, as `in_mapping` has found.
            _ => unsafe { Type::read_from(self.type_place(index), shown) }.map(Some),
        };
        Ok([read(HAS_REQUEST_TYPE, 0)?, read(HAS_REPLY_TYPE, 1)?])
    }

    /// Writes a type into a new service.
    pub(super) fn set_type(&self, index: usize, kind_type: &Type) {
        // SAFETY: as in `types`.
        unsafe { kind_type.write_to(self.type_place(index)) };
    }

    fn type_place(&self, index: usize) -> NonNull<u8> {
        let offset = SERVICE_TYPES as usize + index.min(1) * size_of::<Type>();
        // SAFETY: both types lie in the mapping, as `in_mapping` has found.
        unsafe { self.header.cast::<u8>().add(offset) }
    }

    #[inline(always)]
    pub(super) fn sizes(&self) -> Sizes {
        self.sizes
    }

    #[inline(always)]
    pub(super) fn header(&self) -> &ServiceHeader {
        // SAFETY: `in_mapping` has checked the size, and the mapping outlives self.
        unsafe { self.header.as_ref() }
    }

    pub(super) fn client(&self, index: u32) -> Result<&ClientPlace> {
        if index >= self.sizes.max_clients {
            return Err(damaged("the number of a client is too large"));
        }
        // SAFETY: the index is below the number of clients.
        Ok(unsafe { self.clients.add(index as usize).as_ref() })
    }

    #[inline(always)]
    pub(super) fn slot(&self, number: u32) -> Result<&CallSlot> {
        if number >= self.sizes.max_requests {
            return Err(damaged("the number of a slot is too large"));
        }
        // SAFETY: the number is below that of the slots, and a slot begins with its header.
        Ok(unsafe {
            self.slots
                .add(number as usize * self.stride)
                .cast()
                .as_ref()
        })
    }

    /// All slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = Numbered<'_>> {
        (0..self.sizes.max_requests)
            .map_while(|number| self.slot(number).ok().map(|slot| (number, slot)))
    }

    #[inline(always)]
    pub(super) fn free_entry(&self, index: u32) -> Result<&AtomicU32> {
        if index >= self.sizes.max_requests {
            return Err(damaged("it has more free slots than slots"));
        }
        // SAFETY: the index is below the number of entries.
        Ok(unsafe { self.free.add(index as usize).as_ref() })
    }

    #[inline(always)]
    pub(super) fn heap_entry(&self, index: u32) -> Result<&AtomicU32> {
        if index >= self.sizes.max_requests {
            return Err(damaged("it has more requests than slots"));
        }
        // SAFETY: the index is below the number of entries.
        Ok(unsafe { self.heap.add(index as usize).as_ref() })
    }

    /// Room for request_size bytes.
    #[inline(always)]
    pub(super) fn request(&self, (number, _): Numbered<'_>) -> NonNull<u8> {
        self.in_slot(number, size_of::<CallSlot>())
    }

    /// Room for reply_size bytes.
    #[inline(always)]
    pub(super) fn reply(&self, (number, _): Numbered<'_>) -> NonNull<u8> {
        self.in_slot(number, self.reply)
    }

    #[inline(always)]
    fn in_slot(&self, number: u32, offset: usize) -> NonNull<u8> {
        // SAFETY: a numbered slot comes from `slot`, which has compared the number. The offset lies in the slot.
        unsafe { self.slots.add(number as usize * self.stride + offset) }
    }
}
