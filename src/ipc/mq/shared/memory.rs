//! Where the parts of a queue are, and nothing outside it.
//!
//! The geometry is computed once, from attributes that were checked against the size of the
//! mapping. From then on every number that comes from shared memory is masked or compared here
//! before it becomes an address.

use crate::base::error::{Error, Result, fail};
use crate::object::layout::{Level, MessageSlot, NONE, QueueHeader};
use crate::object::map::Mapping;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed};
use core::sync::atomic::{AtomicU32, AtomicU64};

/// Priorities go from 0 to this, as on Linux.
pub(crate) const PRIORITY_MAX: u32 = 32767;

/// What the maker of a queue chooses: below 2^32, so that a message's place is a small number.
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

    /// Of the queue, in bytes.
    pub(super) fn total(self) -> u64 {
        Geometry::new(self).total
    }
}

/// Messages of more bytes go through few slots, not through all in turn. (Small ones in turn, because
/// two processors then seldom want the same lines at once.)
const LARGE: u32 = 4096;

/// How many bytes those few have in all, or more if they are fewer than two: the slot freed last alone is
/// what the receiver has just read, and slow to write (8 KiB: a tenth less).
const FEW: u32 = 262144;

/// So that a ring's size fits in 32 bits.
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
    free: u64,
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
        // Below 2^31 times 2^33, so nothing overflows.
        let inbox = size_of::<QueueHeader>() as u64;
        let free = inbox + array(ring_size.into(), size_of::<AtomicU64>());
        let next = free + array(ring_size.into(), size_of::<AtomicU32>());
        let levels = next + array(messages, size_of::<AtomicU32>());
        let slots = levels + array(level_capacity.into(), size_of::<Level>());
        let stride = array(1, size_of::<MessageSlot>() + sizes.message_size as usize);
        Geometry {
            ring_size,
            level_capacity,
            inbox,
            free,
            next,
            levels,
            slots,
            stride,
            total: slots + messages * stride,
        }
    }
}

/// How much of a large payload is copied at once. Up to a length that goes by the processor's
/// caches, glibc's memcpy leaves copying to the processor (`rep movsb`), which need not fetch lines
/// that it overwrites whole. Above it come loops that do, and what another processor has read last
/// is far away (1 MiB between two processors without a common cache: 7.2 thousand messages a second
/// at once, 21 in pieces).
const PIECE: usize = 65536;

/// Copies a payload.
///
/// # Safety
///
/// `from` can be read and `to` be written for so many bytes, and they do not overlap.
#[inline(never)]
pub(super) unsafe fn copy_in_pieces(from: NonNull<u8>, to: NonNull<u8>, length: usize) {
    for start in (0..length).step_by(PIECE) {
        let size = PIECE.min(length - start);
        // SAFETY: start + size is at most length; the rest by this function's contract.
        unsafe {
            to.add(start)
                .copy_from_nonoverlapping(from.add(start), size)
        };
    }
}

/// A slot with its number.
pub(super) type Numbered<'q> = (u32, &'q MessageSlot);

/// The mapped memory of a queue.
pub(super) struct Memory {
    header: NonNull<QueueHeader>,
    inbox: NonNull<AtomicU64>,
    free: NonNull<AtomicU32>,
    next: NonNull<AtomicU32>,
    levels: NonNull<Level>,
    slots: NonNull<u8>,
    stride: usize,
    ring_mask: u32,
    /// The ring's size is 2 to the power of this.
    ring_bits: u32,
    level_capacity: u32,
    sizes: Sizes,
}

// SAFETY: the memory is shared with other processes anyway: every access is atomic, or to a payload
// that its slot's state gives to one thread alone.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

#[cold]
#[inline(never)]
pub(super) fn damaged(what: &str) -> Error {
    fail!(EUCLEAN, "the queue is damaged: {what}")
}

impl Memory {
    /// The queue of these sizes in `mapping`, which the result must not outlive.
    pub(super) fn of(mapping: &Mapping, sizes: Sizes) -> Result<Memory> {
        let geometry = Geometry::new(sizes);
        if geometry.total > mapping.size() as u64 {
            return Err(damaged("its sizes and that of its file disagree"));
        }
        // SAFETY: total is the end of the last part, and the mapping reaches so far.
        let at = |offset: u64| unsafe { mapping.base().add(offset as usize) };
        Ok(Memory {
            header: mapping.base().cast(),
            inbox: at(geometry.inbox).cast(),
            free: at(geometry.free).cast(),
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

    /// The sizes that an existing queue says it has, which its record says has `recorded` bytes:
    /// who went by other sizes than those who have it open would damage it for them.
    pub(super) fn sizes_of(mapping: &Mapping, recorded: u64) -> Result<Sizes> {
        if mapping.size() < size_of::<QueueHeader>() {
            return Err(damaged("it has no room for its header"));
        }
        // SAFETY: just checked; mappings are page-aligned.
        let header = unsafe { mapping.base().cast::<QueueHeader>().as_ref() };
        let (messages, size) = (&header.max_messages, &header.message_size);
        match Sizes::new(messages.load(Relaxed) as usize, size.load(Relaxed) as usize) {
            Ok(sizes) if sizes.total() == recorded => Ok(sizes),
            _ => Err(damaged("its sizes are not those that it was made with")),
        }
    }

    #[inline(always)]
    pub(super) fn sizes(&self) -> Sizes {
        self.sizes
    }

    #[inline(always)]
    pub(super) fn capacity(&self) -> u64 {
        u64::from(self.sizes.max_messages)
    }

    /// Whether it pays to go through as little memory as possible.
    #[inline(always)]
    pub(super) fn has_large_messages(&self) -> bool {
        self.sizes.message_size > LARGE
    }

    /// How many slots large messages go through, as long as no more are needed.
    pub(super) fn few(&self) -> u32 {
        (FEW / self.sizes.message_size).max(2)
    }

    pub(super) fn ring_size(&self) -> u64 {
        u64::from(self.ring_mask) + 1
    }

    pub(super) fn level_capacity(&self) -> u32 {
        self.level_capacity
    }

    #[inline(always)]
    pub(super) fn header(&self) -> &QueueHeader {
        // SAFETY: `of` has checked the size, and the mapping outlives self.
        unsafe { self.header.as_ref() }
    }

    /// The place in the inbox of the message with that count.
    #[inline(always)]
    pub(super) fn inbox(&self, count: u64) -> &AtomicU64 {
        // SAFETY: the inbox has ring_mask + 1 entries.
        unsafe {
            self.inbox
                .add((count as u32 & self.ring_mask) as usize)
                .as_ref()
        }
    }

    /// The place in the free ring of the slot given back with that count.
    #[inline(always)]
    pub(super) fn free(&self, count: u64) -> &AtomicU32 {
        // SAFETY: the free ring has ring_mask + 1 entries.
        unsafe {
            self.free
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

    /// Which slot comes after this one in its list.
    #[inline(always)]
    pub(super) fn next(&self, number: u32) -> Result<&AtomicU32> {
        let number = self.check_number(number)?;
        // SAFETY: the array has max_messages entries.
        Ok(unsafe { self.next.add(number).as_ref() })
    }

    #[inline(always)]
    pub(super) fn level(&self, position: u32) -> Result<&Level> {
        if position >= self.level_capacity {
            return Err(damaged("it has more priorities than room for them"));
        }
        // SAFETY: there are level_capacity levels.
        Ok(unsafe { self.levels.add(position as usize).as_ref() })
    }

    /// Moves `count` levels from one position to another.
    pub(super) fn move_levels(&self, from: u32, to: u32, count: u32) -> Result<()> {
        if u64::from(from.max(to)) + u64::from(count) > u64::from(self.level_capacity) {
            return Err(damaged("it has more priorities than room for them"));
        }
        // SAFETY: both ranges are inside the levels, which only the holder of the receiving latch
        // touches.
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
        // SAFETY: there are max_messages slots; stride is a multiple of the alignment.
        Ok(unsafe { self.slots.add(number * self.stride).cast().as_ref() })
    }

    /// The message_size bytes behind a slot.
    #[inline(always)]
    pub(super) fn payload(&self, slot: &MessageSlot) -> NonNull<u8> {
        // SAFETY: the stride leaves message_size bytes of the mapping behind each slot.
        unsafe { NonNull::from(slot).add(1).cast() }
    }

    /// The slot whose payload begins at an address.
    pub(super) fn slot_of_payload(&self, payload: *const u8) -> Result<Numbered<'_>> {
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

/// An entry of the inbox: the slot's number below, the priority above it, and above that which time
/// round the ring it was written, so that its reader needs to look at nothing else.
const PRIORITY_AT: u32 = 32;
const LAP_AT: u32 = 47;
const WRITTEN: u64 = 1 << (63 - LAP_AT);

impl Memory {
    /// The entry for the message that has `count` before it.
    #[inline(always)]
    pub(super) fn entry(&self, count: u64, priority: u32, number: u32) -> u64 {
        self.lap(count) << LAP_AT | u64::from(priority) << PRIORITY_AT | u64::from(number)
    }

    /// Priority and slot of the message that has `count` before it, if it is in the inbox.
    #[inline(always)]
    pub(super) fn read_inbox(&self, count: u64) -> Option<(u32, u32)> {
        // Acquire pairs with the sender's Release: the slot is seen as it was filled.
        let entry = self.inbox(count).load(Acquire);
        let priority = (entry >> PRIORITY_AT) as u32 & PRIORITY_MAX;
        (entry >> LAP_AT == self.lap(count)).then_some((priority, entry as u32))
    }

    /// The highest bit is set, as in no entry that was never written. The rest starts again after 2^16
    /// times round, when the entries of the first are long overwritten.
    #[inline(always)]
    fn lap(&self, count: u64) -> u64 {
        let round = count >> self.ring_bits;
        WRITTEN | round & (WRITTEN - 1)
    }
}

const _: () = assert!(MESSAGES_MAX < NONE && PRIORITY_MAX == (1 << (LAP_AT - PRIORITY_AT)) - 1);
