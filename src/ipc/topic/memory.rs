//! The places of the parts of a topic in its first file.
//!
//! The geometry is computed once, from sizes that are checked against the size of the mapping. After
//! that, every number from shared memory is compared here before it becomes an address. So no access
//! leads out of the topic, whatever other processes write.

use super::ring::{self, Found};
use super::sizes::{Geometry, Sizes};
use crate::base::error::{Error, Result, fail};
use crate::object::layout::{PublisherPlace, SampleSlot, TopicHeader, Type};
use crate::object::map::Mapping;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed};
use core::sync::atomic::{AtomicU32, AtomicU64, fence};

/// Larger payloads go through few, warm slots. Smaller ones go through many, so that few searches for
/// borrowed slots are needed.
const WARM_BYTES: u64 = 262_144;

/// The mapped memory of a topic.
pub(super) struct Memory {
    header: NonNull<TopicHeader>,
    user_type: NonNull<Type>,
    places: NonNull<PublisherPlace>,
    ring: NonNull<AtomicU64>,
    free: NonNull<AtomicU32>,
    retired: NonNull<AtomicU32>,
    marks: NonNull<AtomicU32>,
    slots: NonNull<u8>,
    payload: usize,
    stride: usize,
    slot_count: u32,
    /// `capacity - 1` if the capacity is a power of two, otherwise 0: then a position takes a division.
    mask: u64,
    sizes: Sizes,
}

// SAFETY: every access is atomic, or to a payload that its slot's word gives to one thread alone, or a copy
// that counts only if the slot's word has not changed meanwhile. Threads of other processes share the
// memory in the same way.
unsafe impl Send for Memory {}
// SAFETY: as for Send.
unsafe impl Sync for Memory {}

#[cold]
#[inline(never)]
pub(super) fn damaged(what: &str) -> Error {
    fail!(EUCLEAN, "the topic is damaged: {what}")
}

impl Memory {
    /// The topic of these sizes in `mapping`, which the result must not outlive.
    pub(super) fn in_mapping(mapping: &Mapping, sizes: Sizes) -> Result<Memory> {
        let geometry = Geometry::new(sizes);
        if geometry.total > mapping.size() as u64 {
            return Err(damaged("its sizes and that of its file disagree"));
        }
        // SAFETY: each offset is at most total, and the mapping has at least total bytes.
        let at = |offset: u64| unsafe { mapping.base().add(offset as usize) };
        let capacity = u64::from(sizes.capacity);
        Ok(Memory {
            header: mapping.base().cast(),
            user_type: at(geometry.user_type).cast(),
            places: at(geometry.places).cast(),
            ring: at(geometry.ring).cast(),
            free: at(geometry.free).cast(),
            retired: at(geometry.retired).cast(),
            marks: at(geometry.marks).cast(),
            slots: at(geometry.slots),
            payload: geometry.payload as usize,
            stride: geometry.stride as usize,
            slot_count: sizes.slots(),
            mask: match capacity.is_power_of_two() {
                true => capacity - 1,
                false => 0,
            },
            sizes,
        })
    }

    /// The sizes in an existing topic's header. They have to add up to `recorded`, the size in bytes in
    /// the topic's record: a process that used other sizes than its peers would damage the topic.
    pub(super) fn sizes_of(mapping: &Mapping, recorded: u64) -> Result<Sizes> {
        if mapping.size() < size_of::<TopicHeader>() {
            return Err(damaged("it has no room for its header"));
        }
        // SAFETY: the mapping has room for a header, as just checked, and is page-aligned.
        let header = unsafe { mapping.base().cast::<TopicHeader>().as_ref() };
        let sizes = Sizes {
            sample_size: header.sample_size.load(Relaxed),
            alignment: header.alignment.load(Relaxed),
            capacity: header.capacity.load(Relaxed),
            history: header.history.load(Relaxed),
            max_subscribers: header.max_subscribers.load(Relaxed),
            max_publishers: header.max_publishers.load(Relaxed),
            max_borrowed: header.max_borrowed.load(Relaxed),
            waits: header.flags.load(Relaxed) & WAITS != 0,
        };
        match sizes.check() {
            Ok(sizes) if Geometry::new(sizes).total == recorded => Ok(sizes),
            _ => Err(damaged("its sizes are not those that it was created with")),
        }
    }

    /// Writes what never changes into the header of a new topic.
    pub(super) fn initialise(&self, user_type: Option<&Type>, identity: u64, pid_namespace: u32) {
        let (header, sizes) = (self.header(), self.sizes);
        header.sample_size.store(sizes.sample_size, Relaxed);
        header.alignment.store(sizes.alignment, Relaxed);
        header.capacity.store(sizes.capacity, Relaxed);
        header.history.store(sizes.history, Relaxed);
        header.max_subscribers.store(sizes.max_subscribers, Relaxed);
        header.max_publishers.store(sizes.max_publishers, Relaxed);
        header.max_borrowed.store(sizes.max_borrowed, Relaxed);
        let flags = if sizes.waits { WAITS } else { 0 };
        header.flags.store(flags, Relaxed);
        header.identity.store(identity, Relaxed);
        header.pid_namespace.store(pid_namespace, Relaxed);
        if let Some(user_type) = user_type {
            // SAFETY: the place has room for a Type. The topic has no name yet, so nobody else uses it.
            unsafe { user_type.write_to(self.user_type.cast()) };
        }
    }

    /// A copy of the user's type.
    pub(super) fn user_type(&self) -> Result<Box<Type>> {
        // SAFETY: the place has room for a Type.
        Ok(unsafe { Type::copy_from(self.user_type.cast()) }?)
    }

    pub(super) fn sizes(&self) -> Sizes {
        self.sizes
    }

    #[inline(always)]
    pub(super) fn header(&self) -> &TopicHeader {
        // SAFETY: `in_mapping` has checked the size, and the mapping outlives self.
        unsafe { self.header.as_ref() }
    }

    #[inline(always)]
    pub(super) fn capacity(&self) -> u64 {
        u64::from(self.sizes.capacity)
    }

    pub(super) fn slot_count(&self) -> u32 {
        self.slot_count
    }

    /// How many slots are in one of the lists, or were never used.
    pub(super) fn free_slots(&self) -> usize {
        let publishing = &self.header().publishing;
        let listed = [&publishing.free, &publishing.retired].map(|count| count.load(Relaxed));
        let unused = self
            .slot_count
            .saturating_sub(publishing.used.load(Relaxed));
        listed
            .iter()
            .fold(unused as usize, |sum, &count| sum + count as usize)
    }

    /// How many retired slots are worth a search for those that nobody has borrowed.
    pub(super) fn search_batch(&self) -> u32 {
        let spare = u64::from(self.slot_count - self.sizes.capacity);
        let warm = WARM_BYTES / self.stride as u64;
        warm.clamp(2, spare.max(2)) as u32
    }

    pub(super) fn publisher_place(&self, index: u32) -> Result<&PublisherPlace> {
        if index >= self.sizes.max_publishers {
            return Err(damaged("the number of a publisher leads out of it"));
        }
        // SAFETY: there are max_publishers places, and the index was checked.
        Ok(unsafe { self.places.add(index as usize).as_ref() })
    }

    /// The word of one of the three lists of slots.
    #[inline(always)]
    fn entry(&self, list: NonNull<AtomicU32>, index: u32) -> Result<&AtomicU32> {
        if index >= self.slot_count {
            return Err(damaged("a list of slots leads out of it"));
        }
        // SAFETY: each list has slot_count entries, and the index was checked.
        Ok(unsafe { list.add(index as usize).as_ref() })
    }

    #[inline(always)]
    pub(super) fn free_entry(&self, index: u32) -> Result<&AtomicU32> {
        self.entry(self.free, index)
    }

    #[inline(always)]
    pub(super) fn retired_entry(&self, index: u32) -> Result<&AtomicU32> {
        self.entry(self.retired, index)
    }

    #[inline(always)]
    pub(super) fn mark(&self, slot: u32) -> Result<&AtomicU32> {
        self.entry(self.marks, slot)
    }

    #[inline(always)]
    pub(super) fn slot(&self, index: u32) -> Result<&SampleSlot> {
        match self.slot_if_any(index) {
            Some(slot) => Ok(slot),
            None => Err(damaged("the number of a slot leads out of it")),
        }
    }

    #[inline(always)]
    pub(super) fn slot_if_any(&self, index: u32) -> Option<&SampleSlot> {
        if index >= self.slot_count {
            return None;
        }
        // SAFETY: there are slot_count slots, and the index was checked. The stride is a multiple of the
        // alignment.
        Some(unsafe { self.slots.add(index as usize * self.stride).cast().as_ref() })
    }

    /// The sample_size bytes of a slot.
    #[inline(always)]
    pub(super) fn payload(&self, slot: &SampleSlot) -> NonNull<u8> {
        // SAFETY: the slot is one of this topic's, and its stride has room for the payload.
        unsafe { NonNull::from(slot).cast::<u8>().add(self.payload) }
    }

    /// The slot whose payload begins at an address.
    #[inline(always)]
    pub(super) fn slot_of_payload(&self, payload: *const u8) -> Result<u32> {
        let first = self.slots.addr().get() + self.payload;
        let distance = payload.addr().wrapping_sub(first);
        let index = distance / self.stride;
        if distance % self.stride != 0 || index >= self.slot_count as usize {
            return Err(fail!(
                EINVAL,
                "{:#x} is not the address of a sample of this topic",
                payload.addr()
            ));
        }
        Ok(index as u32)
    }

    /// The length of the sample in a slot.
    #[inline(always)]
    pub(super) fn length_of(&self, slot: &SampleSlot) -> Result<usize> {
        let length = slot.length.load(Relaxed);
        if length > self.sizes.sample_size {
            return Err(damaged("a sample is longer than its slot"));
        }
        Ok(length as usize)
    }

    /// The ring's place for the sample with this number.
    #[inline(always)]
    pub(super) fn ring_place(&self, number: u64) -> &AtomicU64 {
        let capacity = self.capacity();
        let position = if capacity == self.mask + 1 {
            number & self.mask
        } else {
            number % capacity
        };
        // SAFETY: the ring has `capacity` entries, and the position is below that.
        unsafe { self.ring.add(position as usize).as_ref() }
    }

    /// The ring's answer about the sample with this number.
    #[inline(always)]
    pub(super) fn find(&self, number: u64) -> Found {
        ring::find(self.ring_place(number), number)
    }

    /// Whether a publisher died while it held the latch, and no other one has repaired the topic.
    #[inline(always)]
    pub(super) fn is_left_by_dead(&self) -> bool {
        self.header().publishing.latch.is_left_by_dead()
    }

    /// The slot of the sample with this number, which is not in the ring. It reads the word of each slot.
    #[cold]
    pub(super) fn find_unlisted(&self, number: u64) -> Option<(u32, &SampleSlot)> {
        let used = self.header().publishing.used.load(Relaxed);
        (0..used.min(self.slot_count)).find_map(|index| {
            let slot = self.slot_if_any(index)?;
            // Acquire: without it the slot's other words could be those of an earlier sample.
            (slot.truth.load(Acquire) == number).then_some((index, slot))
        })
    }

    /// Copies a sample that may be overwritten meanwhile. False: it was, and the copy is worth nothing.
    ///
    /// # Safety
    ///
    /// `to` has room for `length` bytes, which is at most the sample size.
    #[inline(always)]
    pub(super) unsafe fn copy_out(
        &self,
        slot: &SampleSlot,
        number: u64,
        to: NonNull<MaybeUninit<u8>>,
        length: usize,
    ) -> bool {
        let from = self.payload(slot).cast::<MaybeUninit<u8>>();
        // SAFETY: the payload has at least `length` bytes, and `to` by this function's contract. The
        // payload is shared memory that this library gives to nobody as a reference.
        unsafe { to.copy_from_nonoverlapping(from, length) };
        // Without this fence the reads of the copy could come after the check.
        fence(Acquire);
        slot.truth.load(Relaxed) == number
    }
}

/// A flag in the header: publishers wait for living subscribers.
pub(super) const WAITS: u32 = 1;
