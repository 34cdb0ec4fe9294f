//! A bell whose ringers take turns by a latch. Each waiter waits for a condition of its own, and a ring wakes all.
//!
//! A [`bell`](super::bell) cannot say for which of many changes a waiter is too late. This one can: at rest its word
//! holds the number of the last ring. While a thread rings, the word holds that thread's id, so the kernel wakes a
//! waiter if the ringer dies. Only one thread at a time may put its id there: the holder of the latch.
//!
//! | waiter | ringer, which holds the latch |
//! |---|---|
//! | reads the word | light fence, reads the flag |
//! | sets the flag (and executes the heavy fence) | if it is not set: makes the change, light fence, reads the flag again, and rings if it is set now |
//! | finds out whether somebody holds the latch | if it is set: clears it, puts its id into the word, makes the change |
//! | checks the condition | wakes all |
//! | sleeps while the word is what it was at first | puts the next number into the word |
//!
//! A ringer that clears the flag changes the word afterwards. So a waiter that set the flag before does not fall asleep.
//! If nobody holds the latch when the waiter finds that out, every later ringer sees the flag. An earlier ringer has made
//! its change before the waiter checks. If somebody holds the latch, that ringer may have missed the flag, and may die
//! before it reads the flag again. So for that case the sleep is limited to [`RINGER_LOOK`]. It is limited too if the waiter
//! has found an id in the word.
//!
//! # Deaths
//!
//! | killed | what happens |
//! |---|---|
//! | a ringer, while its id stands in the word | the kernel replaces the id by a mark and wakes a waiter, which wakes all |
//! | a ringer, between the clearing and that | it has changed nothing; the next holder of the latch finds the latch orphaned and rings |
//! | a ringer, after that | all are awake |
//! | a waiter that was woken for the mark | it has announced the word, so the kernel wakes the next one |

use super::latch::Latched;
use crate::base::errno::preserving_errno;
use crate::base::error::Result;
use crate::base::time::{Deadline, now};
use crate::object::layout::{Latch, TurnBell};
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken, OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::robust::Announced;
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;

/// Beside an id: the kernel wakes a waiter when the ringer dies.
const RINGING: u32 = WAITERS;
/// The mark that the kernel leaves of a dead ringer.
const RINGER_DIED: u32 = RINGING | OWNER_DIED;
/// The word after the waiters have learned of a dead ringer, until the next ring.
const MUTED: u32 = WAITERS;
/// A bit of every number in the word, by which the kernel does not take the number for a thread's id. Ids have at most
/// 22 bits.
const NUMBER: u32 = 1 << 29;

/// How long a waiter sleeps that has found a ringer at work.
const RINGER_LOOK: Duration = Duration::from_millis(100);

impl TurnBell {
    /// Whether a thread may be asleep. The caller has executed the light fence.
    #[inline(always)]
    pub(crate) fn are_asleep(&self) -> bool {
        self.flag.are_asleep()
    }

    /// Unless `ready`, sleeps until a ring, but for a limited time if somebody holds the latch. `ready` also finds what a
    /// dead holder of the latch has left.
    pub(crate) fn sleep_unless(
        &self,
        needs_fence: &AtomicU32,
        latch: &Latch,
        deadline: Deadline,
        ready: &dyn Fn() -> bool,
    ) -> Result<Awoken> {
        let thread = Thread::current()?;
        let outer = thread.robust_list().begin_word(&self.word);
        let awoken = self.sleep_announced(needs_fence, latch, deadline, ready);
        thread.robust_list().finish(outer);
        awoken
    }

    fn sleep_announced(
        &self,
        needs_fence: &AtomicU32,
        latch: &Latch,
        deadline: Deadline,
        ready: &dyn Fn() -> bool,
    ) -> Result<Awoken> {
        let seen = self.word.load(SeqCst);
        if seen == RINGER_DIED {
            self.pass_death_on();
            return Ok(Awoken::Recheck);
        }
        self.flag.set_flag(needs_fence);
        // Before the condition: see the head of this file. An id in the word is no number: the same thread may ring again.
        let is_held = latch.holder() != 0 || (seen & RINGING != 0 && seen & TID_MASK != 0);
        let until = match is_held {
            true => deadline.earlier(now() + RINGER_LOOK),
            false => deadline,
        };
        if ready() {
            return Ok(Awoken::Recheck);
        }
        let awoken = super::sleep_on(&self.word, seen, until, None)?;
        if self.word.load(Relaxed) == RINGER_DIED {
            self.pass_death_on();
        }
        Ok(super::recheck_before(deadline, awoken))
    }

    /// Wakes all, because the kernel has woken one only. Nobody knows how far the dead ringer came.
    #[cold]
    fn pass_death_on(&self) {
        futex::wake(&self.word, u32::MAX);
        // After the wake-up: if this thread dies before it, the next one finds the mark.
        let _ = self
            .word
            .compare_exchange(RINGER_DIED, MUTED, SeqCst, Relaxed);
    }
}

/// A ring that has begun. The thread makes its change, and then drops this.
pub(crate) struct Ring<'a> {
    bell: &'a TurnBell,
    thread: Thread,
    outer: Announced,
}

impl<'a> Ring<'a> {
    /// The caller holds the latch until it has dropped the result.
    pub(crate) fn begin(bell: &'a TurnBell, latched: &mut Latched<'_>) -> Ring<'a> {
        // The bell needs this thread's announcement.
        latched.keep();
        let thread = latched.thread();
        let outer = thread.robust_list().begin_word(&bell.word);
        // Before the word: see the head of this file.
        bell.flag.clear_flag();
        bell.word.swap(thread.id() | RINGING, SeqCst);
        Ring {
            bell,
            thread,
            outer,
        }
    }
}

impl Drop for Ring<'_> {
    fn drop(&mut self) {
        let bell = self.bell;
        preserving_errno(|| futex::wake(&bell.word, u32::MAX));
        // All are awake. From here on a death has no consequences.
        let number = bell.number.load(Relaxed).wrapping_add(1);
        bell.number.store(number, Relaxed);
        bell.word.store(NUMBER | (number % NUMBER), SeqCst);
        self.thread.robust_list().finish(self.outer);
    }
}
