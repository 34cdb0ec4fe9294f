//! A pool of permits that come back when their holder dies: one robust slot per permit.
//!
//! A semaphore's count has no owner, so a killed holder's permit is lost. Here each permit is a slot
//! with an owner, and the number of free permits is read from the slots. A permit's number tells its
//! holder which of the resources behind the pool it has. If a holder dies, the number tells the next
//! holder of the permit which resource to repair.

use super::NextExamination;
use super::mutex::Locked;
use super::slot::{self, SlotWaiter, in_search_order, wake_waiters_for_any};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::{PERMITS_MAX, PERMITS_TAG, Permits, Slot};
use crate::sys::futex::{Awoken, TID_MASK};
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

impl Permits {
    /// Initialises memory that nobody uses yet.
    pub(crate) fn initialise(&self, count: u32) -> Result<()> {
        let thread = Thread::current()?;
        if count == 0 || count as usize > PERMITS_MAX {
            return Err(fail!(
                EINVAL,
                "the pool has {count} permits; expected 1 to {PERMITS_MAX}"
            ));
        }
        if self.tag.load(Acquire) == PERMITS_TAG | u64::from(thread.pid_namespace()) {
            self.check_unused()?;
        }
        self.tag.store(0, Relaxed);
        self.count.set(count);
        self.wanted.store(0, Relaxed);
        self.slots.iter().for_each(Slot::initialise);
        // Release: without it a thread that sees the tag might not see the rest.
        self.tag
            .store(PERMITS_TAG | u64::from(thread.pid_namespace()), Release);
        Ok(())
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check(Thread::current()?)?;
        self.check_unused()?;
        self.tag.store(0, Relaxed);
        Ok(())
    }

    fn check_unused(&self) -> Result<()> {
        for (number, slot) in self.slots.iter().enumerate() {
            let owner = slot.word.load(Relaxed) & TID_MASK;
            if owner != 0 {
                return Err(fail!(EBUSY, "permit {number} is held by thread {owner}"));
            }
        }
        Ok(())
    }

    /// Takes a permit. Returns its number, and whether its last holder died.
    pub(crate) fn take(&self, deadline: Deadline) -> Result<(usize, Locked)> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
        if let Some(taken) = try_take(slots, thread) {
            return Ok(taken);
        }
        let mut examination = NextExamination::of_new_wait(deadline);
        let waiter = SlotWaiter::at(&self.wanted, thread);
        loop {
            if let Some(taken) = try_take(slots, thread) {
                return Ok(taken);
            }
            if examination.is_due_of(Awoken::Recheck, || slot::may_end_unnoticed(slots))
                && slot::bury_owners(slots, thread, deadline)
            {
                continue;
            }
            if deadline == Deadline::Now {
                return Err(Errno::EAGAIN.into());
            }
            if slot::examine_early(slots, thread, &mut examination) {
                continue;
            }
            match slot::wait_for_any(slots, &waiter, deadline, &examination)? {
                Awoken::Recheck => {}
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                Awoken::TimedOut => {
                    slot::bury_owners(slots, thread, deadline);
                    return try_take(slots, thread).ok_or(Errno::ETIMEDOUT.into());
                }
            }
        }
    }

    pub(crate) fn give(&self, number: u32) -> Result<()> {
        let thread = Thread::current()?;
        let slots = self.check(thread)?;
        let Some(slot) = slots.get(number as usize) else {
            return Err(fail!(
                EINVAL,
                "permit {number}: the pool has {}",
                slots.len()
            ));
        };
        match slot.word.load(Relaxed) & TID_MASK {
            owner if owner == thread.id() => {}
            0 => return Err(fail!(EPERM, "permit {number} is not taken")),
            owner => {
                return Err(fail!(
                    EPERM,
                    "permit {number} is held by thread {owner}, not by this one ({})",
                    thread.id()
                ));
            }
        }
        slot.release(thread);
        wake_waiters_for_any(&self.wanted);
        Ok(())
    }

    /// How many permits are free now.
    pub(crate) fn free_count(&self) -> Result<usize> {
        let slots = self.check(Thread::current()?)?;
        Ok(slots.iter().filter(|slot| !slot.is_owned()).count())
    }

    /// The slots in use. Refuses memory that is not a pool, or not of this PID namespace.
    fn check(&self, thread: Thread) -> Result<&[Slot]> {
        // Acquire pairs with the Release in `initialise`.
        let tag = self.tag.load(Acquire);
        let other_word = || super::joined(self.count.get(), self.wanted.load(Relaxed));
        super::check_tag_in_namespace("pool of permits", tag, PERMITS_TAG, other_word, thread)?;
        slot::in_use(&self.slots, self.count.get())
    }
}

/// Tries the permits of dead holders first, so that what they left half-done is repaired soon.
fn try_take(slots: &[Slot], thread: Thread) -> Option<(usize, Locked)> {
    let orphans = slots.iter().filter(|slot| slot.is_orphaned());
    orphans
        .chain(in_search_order(slots, thread))
        .find_map(|slot| {
            let locked = slot.claim(thread)?;
            Some((slot::index_of(slots, slot), locked))
        })
}
