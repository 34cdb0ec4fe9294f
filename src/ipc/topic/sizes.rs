//! The sizes of a topic, and where its parts are in its two files.

use crate::base::error::{Result, fail};
use crate::object::layout::{
    CELLS_OFFSET, PublisherPlace, SampleSlot, SubscriberPlace, SubscribersHeader, TOPIC_ALIGNMENT,
    TopicHeader, Type,
};
use core::fmt;

/// The largest values that a creator may choose. With them, no size below overflows.
pub(crate) const CAPACITY_MAX: u32 = 1 << 20;
pub(crate) const SUBSCRIBERS_MAX: u32 = 4096;
pub(crate) const PUBLISHERS_MAX: u32 = 1024;
pub(crate) const BORROWED_MAX: u32 = 1024;

/// The sizes that the creator of a topic chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// The largest length of a sample, in bytes.
    pub(crate) sample_size: u64,
    /// The alignment of a sample in memory, in bytes.
    pub(crate) alignment: u32,
    /// How many samples the topic keeps.
    pub(crate) capacity: u32,
    /// How many of them a new subscriber gets.
    pub(crate) history: u32,
    pub(crate) max_subscribers: u32,
    pub(crate) max_publishers: u32,
    /// How many samples one handle may have reserved or borrowed at once.
    pub(crate) max_borrowed: u32,
    /// Whether publishers wait for living subscribers.
    pub(crate) waits: bool,
}

impl Sizes {
    pub(crate) fn check(self) -> Result<Sizes> {
        let between = |what: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(fail!(
                EINVAL,
                "{what} is {value}; expected {least} to {most}"
            ))
        };
        between("sample_size", self.sample_size, 1, u32::MAX.into())?;
        between("capacity", self.capacity.into(), 1, CAPACITY_MAX.into())?;
        between("history", self.history.into(), 0, self.capacity.into())?;
        let subscribers = self.max_subscribers.into();
        between("max_subscribers", subscribers, 1, SUBSCRIBERS_MAX.into())?;
        let publishers = self.max_publishers.into();
        between("max_publishers", publishers, 1, PUBLISHERS_MAX.into())?;
        let borrowed = self.max_borrowed.into();
        between("max_borrowed", borrowed, 1, BORROWED_MAX.into())?;
        if !self.alignment.is_power_of_two() || self.alignment > 4096 {
            return Err(fail!(
                EINVAL,
                "the samples' alignment is {}; expected a power of two up to 4096",
                self.alignment
            ));
        }
        Ok(self)
    }

    /// How many slots there are. So a publisher finds a slot that nobody uses, whatever the others do:
    /// the topic keeps `capacity` samples, every subscriber has borrowed as many as it may, and every
    /// publisher has reserved as many as it may and is sending one more.
    pub(crate) fn slots(self) -> u32 {
        self.capacity
            + self.max_subscribers * self.max_borrowed
            + self.max_publishers * (self.max_borrowed + 1)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sample_size {}, alignment {}, capacity {}, history {}, max_subscribers {}, max_publishers {}, max_borrowed {}, {}",
            self.sample_size,
            self.alignment,
            self.capacity,
            self.history,
            self.max_subscribers,
            self.max_publishers,
            self.max_borrowed,
            if self.waits {
                "IPC_TOPIC_WAIT"
            } else {
                "without IPC_TOPIC_WAIT"
            }
        )
    }
}

/// Offsets in the topic's file, in bytes.
pub(super) struct Geometry {
    pub(super) user_type: u64,
    pub(super) places: u64,
    pub(super) ring: u64,
    pub(super) free: u64,
    pub(super) retired: u64,
    pub(super) marks: u64,
    /// The first slot. Its payload, and that of each slot, begins `payload` bytes behind it.
    pub(super) slots: u64,
    pub(super) payload: u64,
    pub(super) stride: u64,
    pub(super) total: u64,
}

/// Small slots are aligned to this: many processors fetch cache lines in pairs, so the payload's first
/// line comes with its header.
const LINE_PAIR: u64 = 128;

impl Geometry {
    pub(super) fn new(sizes: Sizes) -> Geometry {
        let array = |count: u32, size: usize| {
            (u64::from(count) * size as u64).next_multiple_of(TOPIC_ALIGNMENT)
        };
        let slots = sizes.slots();
        let user_type = size_of::<TopicHeader>() as u64;
        let places = user_type + array(1, size_of::<Type>());
        let ring = places + array(sizes.max_publishers, size_of::<PublisherPlace>());
        let free = ring + array(sizes.capacity, size_of::<u64>());
        let retired = free + array(slots, size_of::<u32>());
        let marks = retired + array(slots, size_of::<u32>());
        let end = marks + array(slots, size_of::<u32>());
        let alignment = u64::from(sizes.alignment).max(LINE_PAIR);
        let payload = u64::from(sizes.alignment).max(size_of::<SampleSlot>() as u64);
        let stride = (payload + sizes.sample_size).next_multiple_of(alignment);
        let first = end.next_multiple_of(alignment);
        Geometry {
            user_type,
            places,
            ring,
            free,
            retired,
            marks,
            slots: first,
            payload,
            stride,
            total: first + u64::from(slots) * stride,
        }
    }
}

/// Offsets in the subscribers' file, in bytes.
pub(super) struct SubscribersGeometry {
    pub(super) places: u64,
    pub(super) stride: u64,
    pub(super) total: u64,
}

impl SubscribersGeometry {
    pub(super) fn new(sizes: Sizes) -> SubscribersGeometry {
        let places = size_of::<SubscribersHeader>() as u64;
        let cells = CELLS_OFFSET + u64::from(sizes.max_borrowed) * size_of::<u32>() as u64;
        let least = size_of::<SubscriberPlace>() as u64;
        let stride = cells.next_multiple_of(least);
        SubscribersGeometry {
            places,
            stride,
            total: places + u64::from(sizes.max_subscribers) * stride,
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    pub(in crate::ipc::topic) fn sizes() -> Sizes {
        Sizes {
            sample_size: 64,
            alignment: 64,
            capacity: 4,
            history: 2,
            max_subscribers: 3,
            max_publishers: 2,
            max_borrowed: 2,
            waits: false,
        }
    }

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        let largest = Sizes {
            sample_size: u32::MAX.into(),
            alignment: 4096,
            capacity: CAPACITY_MAX,
            history: CAPACITY_MAX,
            max_subscribers: SUBSCRIBERS_MAX,
            max_publishers: PUBLISHERS_MAX,
            max_borrowed: BORROWED_MAX,
            waits: true,
        };
        assert!(largest.check().is_ok());
        assert!(largest.slots() < 1 << super::super::ring::SLOT_BITS);
        assert!(Geometry::new(largest).total > u64::from(largest.slots()) << 32);
        assert!(SubscribersGeometry::new(largest).total > 1 << 20);
    }

    #[test]
    fn the_parts_lie_one_behind_the_other_and_are_aligned() {
        for alignment in [1, 64, 256, 4096] {
            for sample_size in [1, 63, 64, 65, 5000] {
                let sizes = Sizes {
                    alignment,
                    sample_size,
                    ..sizes()
                };
                let geometry = Geometry::new(sizes);
                assert_eq!(geometry.slots % 128, 0);
                assert_eq!(geometry.stride % 128, 0);
                let first = geometry.slots + geometry.payload;
                assert_eq!(first % u64::from(alignment.max(64)), 0);
                assert_eq!(geometry.stride % u64::from(alignment), 0);
                assert!(geometry.payload + sample_size <= geometry.stride);
                assert!(geometry.marks + 4 * u64::from(sizes.slots()) <= geometry.slots);
            }
        }
    }

    #[test]
    fn sizes_out_of_range_are_refused() {
        let wrong: [fn(&mut Sizes); 8] = [
            |sizes| sizes.sample_size = 0,
            |sizes| sizes.sample_size = 1 << 32,
            |sizes| sizes.capacity = 0,
            |sizes| sizes.history = 5,
            |sizes| sizes.max_subscribers = 0,
            |sizes| sizes.max_publishers = PUBLISHERS_MAX + 1,
            |sizes| sizes.max_borrowed = 0,
            |sizes| sizes.alignment = 48,
        ];
        for change in wrong {
            let mut sizes = sizes();
            change(&mut sizes);
            assert!(sizes.check().is_err());
        }
        assert!(sizes().check().is_ok());
    }
}
