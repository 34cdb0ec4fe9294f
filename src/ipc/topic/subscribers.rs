//! The second file of a topic, in which subscribers announce what they borrow and how far they are.
//!
//! Every subscriber may write everywhere in it, so nothing in it is trusted: a number is compared before it
//! is used, and a wrong one costs at most time. A subscriber keeps its own position and what it has
//! borrowed in its private memory too, and reports a difference as damage.

use super::member::{self, is_position};
use super::memory::damaged;
use super::sizes::{Sizes, SubscribersGeometry};
use crate::base::error::{Result, fail};
use crate::object::layout::{CELLS_OFFSET, NO_POSITION, SubscriberPlace, SubscribersHeader};
use crate::object::map::Mapping;
use crate::sys::liveness::Birth;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// The mapped memory of the subscribers.
pub(super) struct Subscribers {
    header: NonNull<SubscribersHeader>,
    places: NonNull<u8>,
    stride: usize,
    place_count: u32,
    cell_count: u32,
}

// SAFETY: every access is atomic. Threads of other processes share the memory in the same way.
unsafe impl Send for Subscribers {}
// SAFETY: as for Send.
unsafe impl Sync for Subscribers {}

/// The subscriber that a publisher has to wait for.
#[derive(Clone, Copy)]
pub(super) struct Slowest {
    pub(super) place: u32,
    pub(super) owner: Birth,
    /// The number of the next sample that it takes.
    pub(super) position: u64,
}

impl Subscribers {
    /// The subscribers of a topic of these sizes in `mapping`, which the result must not outlive.
    pub(super) fn in_mapping(mapping: &Mapping, sizes: Sizes) -> Result<Subscribers> {
        let geometry = SubscribersGeometry::new(sizes);
        if geometry.total > mapping.size() as u64 {
            return Err(damaged(
                "its sizes and that of its subscribers' file disagree",
            ));
        }
        // SAFETY: the offset is at most total, and the mapping has at least total bytes.
        let places = unsafe { mapping.base().add(geometry.places as usize) };
        Ok(Subscribers {
            header: mapping.base().cast(),
            places,
            stride: geometry.stride as usize,
            place_count: sizes.max_subscribers,
            cell_count: sizes.max_borrowed,
        })
    }

    #[inline(always)]
    pub(super) fn header(&self) -> &SubscribersHeader {
        // SAFETY: `in_mapping` has checked the size, and the mapping outlives self.
        unsafe { self.header.as_ref() }
    }

    /// A place and its cells.
    #[inline(always)]
    pub(super) fn place(&self, index: u32) -> (&SubscriberPlace, &[AtomicU32]) {
        let index = index.min(self.place_count - 1) as usize;
        // SAFETY: there are place_count places of `stride` bytes, and the index is below that.
        let place = unsafe { self.places.add(index * self.stride) };
        // SAFETY: the stride has room for a place and for cell_count cells behind CELLS_OFFSET.
        unsafe {
            let cells = place.add(CELLS_OFFSET as usize).cast::<AtomicU32>();
            (
                place.cast().as_ref(),
                core::slice::from_raw_parts(cells.as_ptr(), self.cell_count as usize),
            )
        }
    }

    /// The places that were ever used.
    fn used(&self) -> impl Iterator<Item = (u32, &SubscriberPlace, &[AtomicU32])> {
        // SeqCst: a subscriber counts its place before it announces a slot there. See `still_holds`.
        let used = self.header().used.load(SeqCst).min(self.place_count);
        (0..used).map(|index| {
            let (place, cells) = self.place(index);
            (index, place, cells)
        })
    }

    /// Takes a place for a process. `EUSERS` if living processes have all of them.
    pub(super) fn join(&self, birth: Birth) -> Result<u32> {
        let owner_of = |index| Ok(&self.place(index).0.owner);
        let taken = member::join(
            self.place_count,
            &owner_of,
            &mut |index, dead| {
                let owner = &self.place(index).0.owner;
                Ok(member::replace(owner, dead, birth).then_some(index))
            },
            birth,
        )?;
        let Some(index) = taken else {
            return Err(fail!(
                EUSERS,
                "the topic has its {} subscribers (max_subscribers), and all their processes are alive",
                self.place_count
            ));
        };
        // Notes that a dead owner has left count until here, and harm nobody.
        let (place, cells) = self.place(index);
        place.position.store(NO_POSITION, Relaxed);
        for cell in cells {
            cell.store(0, Relaxed);
        }
        self.header().used.fetch_max(index + 1, SeqCst);
        Ok(index)
    }

    /// Gives a place back. Its owner has returned all samples.
    pub(super) fn leave(&self, index: u32, birth: Birth) {
        let _ = member::replace(&self.place(index).0.owner, birth, 0);
    }

    /// Frees the places of processes that have ended.
    #[cold]
    pub(super) fn bury_dead(&self) {
        for (index, _, _) in self.used() {
            self.bury(index);
        }
    }

    /// Frees one place if its process has ended. What is announced in a free place does not count.
    #[cold]
    pub(super) fn bury(&self, index: u32) -> bool {
        let owner = &self.place(index).0.owner;
        member::dead_owner(owner).is_some_and(|dead| member::replace(owner, dead, 0))
    }

    /// Calls `found` for each slot that a subscriber has announced. The number may be wrong.
    #[inline(always)]
    pub(super) fn each_borrowed(&self, found: &mut dyn FnMut(u32)) {
        for (_, place, cells) in self.used() {
            // SeqCst: a subscriber takes its place before it announces a slot there. See `still_holds`.
            if place.owner.load(SeqCst) == 0 {
                continue;
            }
            for cell in cells {
                // SeqCst: see `still_holds`.
                let announced = cell.load(SeqCst);
                if announced != 0 {
                    found(announced - 1);
                }
            }
        }
    }

    /// The subscriber that has taken the fewest samples; `None` if there is none.
    pub(super) fn slowest(&self) -> Option<Slowest> {
        let mut slowest: Option<Slowest> = None;
        for (index, place, _) in self.used() {
            let owner = place.owner.load(SeqCst);
            // SeqCst: a subscriber that joins writes its position first and then reads how many samples
            // are reserved; a publisher reserves first and then reads the positions.
            let position = place.position.load(SeqCst);
            let is_slower = slowest.is_none_or(|slowest| position < slowest.position);
            if owner != 0 && is_position(position) && is_slower {
                slowest = Some(Slowest {
                    place: index,
                    owner,
                    position,
                });
            }
        }
        slowest
    }

    /// How many places have owners, and how many samples these have announced.
    pub(super) fn count(&self) -> (usize, usize) {
        let mut subscribers = 0;
        let mut borrowed = 0;
        for (_, place, cells) in self.used() {
            if place.owner.load(Relaxed) != 0 {
                subscribers += 1;
                borrowed += cells.iter().filter(|cell| cell.load(Relaxed) != 0).count();
            }
        }
        (subscribers, borrowed)
    }
}
