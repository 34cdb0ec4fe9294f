//! A subscriber's announcements: which slots it is reading.
//!
//! A handle has a cell in shared memory for each sample that it may have borrowed, and a private word beside each cell.
//! A thread *announces* a slot in a free cell. If it then gets the sample, it *keeps* it: it writes into the private word
//! what the handle has borrowed. Otherwise it *retracts* the announcement. Several threads of one handle may announce one
//! slot at once, and one of them gets the sample. So the private word, and not the cell, says which cell is the sample's.
//!
//! | cell | private word | meaning |
//! |---|---|---|
//! | 0 | 0 | free |
//! | slot + 1 | 0 | a thread has announced the slot |
//! | slot + 1 | the ring's entry of the sample | the handle has borrowed the sample |
//! | another value | the ring's entry of the sample | another process has overwritten the cell |

use super::Topic;
use super::memory::damaged;
use super::ring;
use crate::base::error::{Error, Result, fail};
use core::sync::atomic::Ordering::{Relaxed, Release, SeqCst};

impl Topic {
    /// Announces a slot in a free cell of this subscriber, and returns the cell's index. `None`: no cell is free.
    #[inline(always)]
    pub(super) fn announce(&self, slot_number: u32) -> Result<Option<usize>> {
        let place = match self.member.place() {
            Some(place) => place,
            None => self.settle()?.0,
        };
        let (_, cells) = self.subscribers.place(place);
        for (index, (cell, own)) in cells.iter().zip(&self.borrowed).enumerate() {
            if cell.load(Relaxed) != 0 || own.load(Relaxed) != 0 {
                continue;
            }
            // SeqCst: see `still_holds`.
            let is_announced = cell
                .compare_exchange(0, slot_number + 1, SeqCst, Relaxed)
                .is_ok();
            if is_announced {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Notes that the sample whose slot is announced in this cell is this handle's.
    #[inline(always)]
    pub(super) fn keep(&self, index: usize, number: u64, slot_number: u32) {
        // In range: `announce` has given the index.
        if let Some(own) = self.borrowed.get(index) {
            own.store(ring::entry_of(number, slot_number), Relaxed);
        }
    }

    /// Removes the announcement of a sample that this thread has not kept.
    #[inline(always)]
    pub(super) fn retract(&self, index: usize) {
        if let Some(place) = self.member.place() {
            let (_, cells) = self.subscribers.place(place);
            // Release: the sample is read before a publisher finds the slot free.
            cells[index].store(0, Release);
        }
    }

    /// Removes the announcement of a borrowed sample. Returns whether it was as this subscriber had made it.
    #[inline(always)]
    fn withdraw(&self, index: usize) -> bool {
        let (Some(place), Some(own)) = (self.member.place(), self.borrowed.get(index)) else {
            return false;
        };
        let (_, cells) = self.subscribers.place(place);
        let slot = ring::slot_in(own.load(Relaxed));
        let is_intact = cells[index].load(Relaxed) == slot + 1;
        // The private word first: whoever finds the cell free finds it free too.
        own.store(0, Release);
        // Release: the sample is read before a publisher finds the slot free.
        cells[index].store(0, Release);
        is_intact
    }

    /// Ends the use of a borrowed sample.
    pub(crate) fn give_back(&self, payload: *const u8) -> Result<()> {
        self.check_subscriber()?;
        let slot_number = self.memory.slot_of_payload(payload)?;
        let slot = self.memory.slot(slot_number)?;
        let is_here = |entry: u64| entry != 0 && ring::slot_in(entry) == slot_number;
        // A forked child has a copy of what its parent has borrowed.
        let own = match self.member.place() {
            Some(_) => self
                .borrowed
                .iter()
                .position(|own| is_here(own.load(Relaxed))),
            None => None,
        };
        let Some(index) = own else {
            return Err(fail!(
                EINVAL,
                "the sample is not borrowed by this handle now"
            ));
        };
        let truth = slot.truth.load(Relaxed);
        let entry = self.borrowed[index].load(Relaxed);
        let is_unchanged = truth == 0 || ring::entry_of(truth, slot_number) == entry;
        if self.withdraw(index) && is_unchanged {
            return Ok(());
        }
        Err(damaged(
            "another process has removed this subscriber's announcement, so the sample may have been overwritten",
        ))
    }

    #[cold]
    pub(super) fn no_cell(&self) -> Error {
        fail!(
            ENOBUFS,
            "{}: this handle has {} samples borrowed, and max_borrowed allows no more",
            self.name,
            self.sizes().max_borrowed
        )
    }
}
