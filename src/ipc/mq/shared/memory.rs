//! The places of the parts of a queue in memory, and how the inbox's entries are built.
//!
//! The geometry is computed once, from sizes that are checked against the size of the mapping.
//! After that, every number from shared memory is masked or compared here before it becomes an
//! address. So no access leads out of the queue, whatever other processes write.

use crate::base::error::{Error, Result, fail};
use crate::object::layout::{BORROWED, Level, MessageSlot, NONE, QueueHeader, RESERVED, Type};
use crate::object::map::Mapping;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed};
use core::sync::atomic::{AtomicU32, AtomicU64};

/// Priorities go from 0 to this, as on Linux.
pub(crate) const PRIORITY_MAX: u32 = 32767;

/// The sizes that the creator of a queue chooses. They are below 2^32, so that a slot's number has
/// 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) max_messages: u32,
    /// In bytes.
    pub(super) message_size: u32,
}

impl Sizes {
    pub(super) fn new(max_messages: usize, message_size: usize) -> Result<Sizes> {
        match (max_messages.try_into(), message_size.try_into()) {
            (Ok(max_messages @ 1..=MESSAGES_MAX), Ok(message_size @ 1..)) => Ok(Sizes {
                max_messages,
                message_size,
            }),
            _ => Err(fail!(
                EINVAL,
                "{max_messages} messages of {message_size} bytes; expected 1 to {MESSAGES_MAX} of 1 to {} bytes",
                u32::MAX
            )),
        }
    }

    /// The size of the whole queue, in bytes.
    pub(super) fn total(self) -> u64 {
        Geometry::new(self).total
    }

    /// The offset of the messages' type in a typed queue. An untyped queue ends before it.
    fn type_offset(self) -> u64 {
        self.total().next_multiple_of(align_of::<Type>() as u64)
    }

    /// The size of the whole queue with the type of its messages, in bytes.
    pub(super) fn typed_total(self) -> u64 {
        self.type_offset() + size_of::<Type>() as u64
    }
}

/// Messages of more bytes go through few, warm slots. Smaller messages go through all slots in
/// turn: two processors then seldom want the same cache lines at once.
const LARGE: u32 = 4096;

/// How many bytes the warm slots have in all. There are at least two of them: the receiver has just
/// read the slot that was freed last, so that slot alone is slow to write (with 8 KiB, a tenth
/// slower).
const WARM_BYTES: u32 = 262144;

/// The largest number of messages whose ring size fits in 32 bits.
const MESSAGES_MAX: u32 = 1 << 31;

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (messages, size) = (self.max_messages, self.message_size);
        write!(f, "{messages} messages of {size} bytes")
    }
}

/// Offsets from the queue's start, in bytes.
struct Geometry {
    ring_size: u32,
    level_capacity: u32,
    inbox: u64,
    free_ring: u64,
    next: u64,
    levels: u64,
    slots: u64,
    stride: u64,
    total: u64,
}

impl Geometry {
    fn new(sizes: Sizes) -> Geometry {
        let messages = u64::from(sizes.max_messages);
        let ring_size = sizes.max_messages.next_power_of_two();
        let level_capacity = sizes.max_messages.min(PRIORITY_MAX + 1);
        let array = |count: u64, size: usize| (count * size as u64).next_multiple_of(64);
        // All products are below 2^31 times 2^33, so nothing overflows.
        let inbox = size_of::<QueueHeader>() as u64;
        let free_ring = inbox + array(ring_size.into(), size_of::<AtomicU64>());
        let next = free_ring + array(ring_size.into(), size_of::<AtomicU32>());
        let levels = next + array(messages, size_of::<AtomicU32>());
        let slots = levels + array(level_capacity.into(), size_of::<Level>());
        let header = size_of::<MessageSlot>() as u64;
        let stride = (header + u64::from(sizes.message_size)).next_multiple_of(64);
        Geometry {
            ring_size,
            level_capacity,
            inbox,
            free_ring,
            next,
            levels,
            slots,
            stride,
            total: slots + messages * stride,
        }
    }
}

/// How many bytes of a large payload are copied at once. Up to a length that depends on the
/// processor's caches, glibc's memcpy copies with `rep movsb`, which need not fetch cache lines
/// that it overwrites whole. Beyond that length it uses loops that fetch them, from far away if
/// another processor has read them last. With 1 MiB between two processors without a common cache,
/// 7.2 thousand messages a second are copied at once, and 21 thousand in pieces.
const PIECE: usize = 65536;

/// Copies a large payload.
///
/// # Safety
///
/// `length` bytes can be read at `from` and written at `to`, and the two do not overlap.
pub(super) unsafe fn copy_in_pieces(from: NonNull<u8>, to: NonNull<u8>, length: usize) {
    for start in (0..length).step_by(PIECE) {
        let size = PIECE.min(length - start);
        // SAFETY: start + size is at most length, so the caller guarantees these bytes.
        unsafe {
            to.add(start)
                .copy_from_nonoverlapping(from.add(start), size)
        };
    }
}

/// A slot and its number.
pub(super) type NumberedSlot<'q> = (u32, &'q MessageSlot);

/// The mapped memory of a queue.
pub(super) struct Memory {
    header: NonNull<QueueHeader>,
    inbox: NonNull<AtomicU64>,
    free_ring: NonNull<AtomicU32>,
    next: NonNull<AtomicU32>,
    levels: NonNull<Level>,
    slots: NonNull<u8>,
    stride: usize,
    ring_mask: u32,
    /// A ring has 2 to the power of this entries.
    ring_bits: u32,
    level_capacity: u32,
    sizes: Sizes,
}

// SAFETY: every access is atomic, or to levels under the receiving latch, or to a payload that its
// slot's state gives to one thread alone. Threads of other processes share the memory in the same
// way.
unsafe impl Send for Memory {}
// SAFETY: as for Send.
unsafe impl Sync for Memory {}

#[cold]
#[inline(never)]
pub(super) fn damaged(what: &str) -> Error {
    fail!(EUCLEAN, "the queue is damaged: {what}")
}

impl Memory {
    /// The queue of these sizes in `mapping`, which the result must not outlive.
    pub(super) fn in_mapping(mapping: &Mapping, sizes: Sizes) -> Result<Memory> {
        let geometry = Geometry::new(sizes);
        if geometry.total > mapping.size() as u64 {
            return Err(damaged("its sizes and that of its file disagree"));
        }
        // SAFETY: each offset is at most total, and the mapping has at least total bytes.
        let at = |offset: u64| unsafe { mapping.base().add(offset as usize) };
        Ok(Memory {
            header: mapping.base().cast(),
            inbox: at(geometry.inbox).cast(),
            free_ring: at(geometry.free_ring).cast(),
            next: at(geometry.next).cast(),
            levels: at(geometry.levels).cast(),
            slots: at(geometry.slots),
            stride: geometry.stride as usize,
            ring_mask: geometry.ring_size - 1,
            ring_bits: geometry.ring_size.trailing_zeros(),
            level_capacity: geometry.level_capacity,
            sizes,
        })
    }

    /// The sizes in an existing queue's header, and its messages' type. The sizes have to add up to `recorded`, the
    /// size in bytes in the queue's record: a process that used other sizes than its peers would damage the queue for
    /// them.
    pub(super) fn shape_of(mapping: &Mapping, recorded: u64) -> Result<(Sizes, Option<Box<Type>>)> {
        if mapping.size() < size_of::<QueueHeader>() {
            return Err(damaged("it has no room for its header"));
        }
        // SAFETY: the mapping has room for a header, as just checked, and is page-aligned.
        let header = unsafe { mapping.base().cast::<QueueHeader>().as_ref() };
        let (messages, size) = (&header.max_messages, &header.message_size);
        match Sizes::new(messages.load(Relaxed) as usize, size.load(Relaxed) as usize) {
            Ok(sizes) if sizes.total() == recorded => Ok((sizes, None)),
            Ok(sizes) if sizes.typed_total() == recorded && recorded <= mapping.size() as u64 => {
                let offset = sizes.type_offset() as usize;
                // SAFETY: the type ends at `recorded`, which lies in the mapping.
                let found = unsafe { Type::read_from(mapping.base().add(offset), &"the queue") }?;
                Ok((sizes, Some(found)))
            }
            _ => Err(damaged("its sizes are not those that it was created with")),
        }
    }

    /// Writes the messages' type into a new typed queue.
    pub(super) fn set_type(mapping: &Mapping, sizes: Sizes, message_type: &Type) -> Result<()> {
        if sizes.typed_total() > mapping.size() as u64 {
            return Err(damaged("it has no room for its type"));
        }
        // SAFETY: the type ends at `typed_total`, which lies in the mapping.
        unsafe { message_type.write_to(mapping.base().add(sizes.type_offset() as usize)) };
        Ok(())
    }

    #[inline(always)]
    pub(super) fn sizes(&self) -> Sizes {
        self.sizes
    }

    #[inline(always)]
    pub(super) fn capacity(&self) -> u64 {
        u64::from(self.sizes.max_messages)
    }

    /// Whether messages go through few slots, to keep these in the caches.
    #[inline(always)]
    pub(super) fn has_large_messages(&self) -> bool {
        self.sizes.message_size > LARGE
    }

    /// How many slots large messages go through, as long as no more are needed.
    pub(super) fn warm_slots(&self) -> u32 {
        (WARM_BYTES / self.sizes.message_size).max(2)
    }

    pub(super) fn ring_size(&self) -> u64 {
        u64::from(self.ring_mask) + 1
    }

    pub(super) fn level_capacity(&self) -> u32 {
        self.level_capacity
    }

    #[inline(always)]
    pub(super) fn header(&self) -> &QueueHeader {
        // SAFETY: `in_mapping` has checked the size, and the mapping outlives self.
        unsafe { self.header.as_ref() }
    }

    /// The place in the inbox for the message that has `count` messages before it.
    #[inline(always)]
    pub(super) fn inbox_place(&self, count: u64) -> &AtomicU64 {
        // SAFETY: the inbox has ring_mask + 1 entries, and the mask keeps the index below that.
        unsafe {
            self.inbox
                .add((count as u32 & self.ring_mask) as usize)
                .as_ref()
        }
    }

    /// The place in the free ring for the slot that has `count` freed slots before it.
    #[inline(always)]
    pub(super) fn free_ring_place(&self, count: u64) -> &AtomicU32 {
        // SAFETY: the free ring has ring_mask + 1 entries, and the mask keeps the index below that.
        unsafe {
            self.free_ring
                .add((count as u32 & self.ring_mask) as usize)
                .as_ref()
        }
    }

    #[inline(always)]
    fn check_number(&self, number: u32) -> Result<usize> {
        if number >= self.sizes.max_messages {
            return Err(damaged("a slot number leads out of it"));
        }
        Ok(number as usize)
    }

    /// The number of the slot after this one in its list.
    #[inline(always)]
    pub(super) fn next(&self, number: u32) -> Result<&AtomicU32> {
        let number = self.check_number(number)?;
        // SAFETY: the array has max_messages entries, and the number was checked.
        Ok(unsafe { self.next.add(number).as_ref() })
    }

    #[inline(always)]
    pub(super) fn level(&self, position: u32) -> Result<&Level> {
        if position >= self.level_capacity {
            return Err(damaged("it has more priorities than room for them"));
        }
        // SAFETY: there are level_capacity levels, and the position was checked.
        Ok(unsafe { self.levels.add(position as usize).as_ref() })
    }

    /// Moves `count` levels from one position to another.
    pub(super) fn move_levels(&self, from: u32, to: u32, count: u32) -> Result<()> {
        if u64::from(from.max(to)) + u64::from(count) > u64::from(self.level_capacity) {
            return Err(damaged("it has more priorities than room for them"));
        }
        // SAFETY: both ranges are inside the levels, as just checked. Only the holder of the
        // receiving latch touches the levels, and that is this thread.
        unsafe {
            self.levels
                .add(from as usize)
                .copy_to(self.levels.add(to as usize), count as usize)
        };
        Ok(())
    }

    #[inline(always)]
    pub(super) fn slot(&self, number: u32) -> Result<&MessageSlot> {
        let number = self.check_number(number)?;
        // SAFETY: there are max_messages slots, and the number was checked. The stride is a
        // multiple of the alignment.
        Ok(unsafe { self.slots.add(number * self.stride).cast().as_ref() })
    }

    /// The message_size bytes behind a slot.
    #[inline(always)]
    pub(super) fn payload(&self, slot: &MessageSlot) -> NonNull<u8> {
        // SAFETY: the slot is one of this queue's, and the stride leaves message_size bytes of the
        // mapping behind each.
        unsafe { NonNull::from(slot).add(1).cast() }
    }

    /// Whether a lock word in the queue is that of a claimed slot, or a latch's.
    pub(super) fn is_claim(&self, word: *const AtomicU32) -> bool {
        match word.addr().checked_sub(self.slots.addr().get()) {
            None => true,
            Some(distance) => self
                .slot((distance / self.stride) as u32)
                .is_ok_and(|slot| matches!(slot.state.load(Relaxed), RESERVED | BORROWED)),
        }
    }

    /// The slot whose payload begins at an address.
    pub(super) fn slot_of_payload(&self, payload: *const u8) -> Result<NumberedSlot<'_>> {
        let first = self.slots.addr().get() + size_of::<MessageSlot>();
        let distance = payload.addr().wrapping_sub(first);
        let number = distance / self.stride;
        if distance % self.stride != 0 || number >= self.sizes.max_messages as usize {
            return Err(fail!(
                EINVAL,
                "{:#x} is not the address of a message of this queue",
                payload.addr()
            ));
        }
        let number = number as u32;
        Ok((number, self.slot(number)?))
    }
}

// An entry of the inbox has three parts: the slot's number in the lowest 32 bits, then the priority
// in 15 bits, then the lap. The lap says in which round of the ring the entry was written, so a
// receiver sees from the entry alone whether it is new.
const PRIORITY_SHIFT: u32 = 32;
const LAP_SHIFT: u32 = 47;
/// This bit of a lap is set in each entry that was ever written.
const WRITTEN: u64 = 1 << (63 - LAP_SHIFT);

impl Memory {
    /// The inbox's entry for the message that has `count` messages before it.
    #[inline(always)]
    pub(super) fn inbox_entry(&self, count: u64, priority: u32, number: u32) -> u64 {
        self.lap(count) << LAP_SHIFT | u64::from(priority) << PRIORITY_SHIFT | u64::from(number)
    }

    /// Priority and slot number of the message that has `count` messages before it, if it is in the
    /// inbox.
    #[inline(always)]
    pub(super) fn read_inbox(&self, count: u64) -> Option<(u32, u32)> {
        // Acquire pairs with the Release in `SendSection::publish`: this thread sees the slot as it
        // was filled.
        let entry = self.inbox_place(count).load(Acquire);
        let priority = (entry >> PRIORITY_SHIFT) as u32 & PRIORITY_MAX;
        (entry >> LAP_SHIFT == self.lap(count)).then_some((priority, entry as u32))
    }

    /// The number of the round, with [`WRITTEN`] set. Its other bits repeat after 2^16 rounds; by
    /// then each entry has been overwritten long ago.
    #[inline(always)]
    fn lap(&self, count: u64) -> u64 {
        let round = count >> self.ring_bits;
        WRITTEN | round & (WRITTEN - 1)
    }
}

const _: () =
    assert!(MESSAGES_MAX < NONE && PRIORITY_MAX == (1 << (LAP_SHIFT - PRIORITY_SHIFT)) - 1);
