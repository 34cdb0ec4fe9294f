//! Sleeping until something changes, where the one who changes it must pay next to nothing.
//!
//! A sleeper sets a bit, makes sure that whoever does not see the bit has made its change
//! visible before ([`fence`]), looks once more, and sleeps. A waker makes its change and then
//! reads the word: one load while nobody sleeps. It takes the bit back when it finds nobody to
//! wake; a count of sleepers would stay too high for ever when one is killed.
//!
//! | sleeper | waker |
//! |---|---|
//! | word: set ASLEEP | the change |
//! | heavy fence | light fence |
//! | looks for the change | reads the word |
//! | sleeps while the word is as it was set | ASLEEP: adds ONE to the word, wakes |
//!
//! Either the waker sees the bit, or the sleeper sees the change. A waker that saw the bit
//! changes the word before it wakes, so a sleeper that has looked and does not sleep yet will
//! not. If it wakes nobody, it clears the bit, unless the word has changed since, and then wakes
//! all: those who fell asleep before the clearing set the bit again, and those after it find
//! the word changed.

use crate::base::errno::preserving_errno;
use crate::base::error::Result;
use crate::base::time::Deadline;
use crate::object::layout::Sleepers;
use crate::sys::atomic::AtomicU32;
use crate::sys::fence;
use crate::sys::futex::{self, Awoken};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

const ASLEEP: u32 = 1;
/// One wake-up.
const ONE: u32 = 2;

impl Sleepers {
    /// Sleeps until woken, unless `ready`; [`RECHECK`](super::RECHECK) at most, so the caller
    /// looks again. `needs_fence` is set when this process cannot make the heavy fence.
    pub(crate) fn sleep_unless(
        &self,
        needs_fence: &AtomicU32,
        deadline: Deadline,
        ready: &dyn Fn() -> bool,
    ) -> Result<Awoken> {
        match self.prepare_unless(needs_fence, ready) {
            None => Ok(Awoken::Look),
            Some(seen) => self.sleep(seen, deadline),
        }
    }

    /// The sleep.
    pub(crate) fn sleep(&self, seen: u32, deadline: Deadline) -> Result<Awoken> {
        super::sleep(&self.word, seen, deadline)
    }

    /// All of that but the sleep, which is for as long as the word has this value. `None`: it is
    /// `ready`.
    #[inline(never)]
    pub(crate) fn prepare_unless(
        &self,
        needs_fence: &AtomicU32,
        ready: &dyn Fn() -> bool,
    ) -> Option<u32> {
        // SeqCst, here and in `wake`: the steps of the table above are one order for all. With less,
        // a waker could clear the bit of one who has just set it, and wake nobody.
        let seen = self.word.fetch_or(ASLEEP, SeqCst) | ASLEEP;
        if !fence::heavy() {
            needs_fence.store(1, SeqCst);
        }
        (!ready()).then_some(seen)
    }

    /// Whether somebody may be asleep. The change that it waits for and [`fence::light`] come before.
    #[inline(always)]
    pub(crate) fn are_asleep(&self) -> bool {
        self.word.load(Relaxed) & ASLEEP != 0
    }

    /// Wakes up to `count` sleepers.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake(&self, count: u32) {
        preserving_errno(|| {
            let awake = self.word.fetch_add(ONE, SeqCst).wrapping_add(ONE);
            if futex::wake(&self.word, count) != 0 {
                return;
            }
            let nobody = awake.wrapping_add(ONE) & !ASLEEP;
            if self
                .word
                .compare_exchange(awake, nobody, SeqCst, Relaxed)
                .is_ok()
            {
                futex::wake(&self.word, u32::MAX);
            }
        });
    }
}
