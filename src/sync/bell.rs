//! The bell: a word on which threads sleep until a condition holds that stands in another word (a count, a
//! bit, a number).
//!
//! The condition's word has a flag that says "somebody may sleep". A thread that makes the condition true while
//! the flag is not set does so with one operation, and does not touch the bell. Otherwise it *rings*.
//!
//! | waiter | ringer |
//! |---|---|
//! | reads the bell | puts its id into the bell |
//! | sets the flag and checks the condition | makes the condition true |
//! | sleeps while the bell is as it was read | wakes one waiter, or all |
//! | | if nobody else sleeps: clears the flag |
//! | | puts the other [`PHASE`] into the bell; if it has cleared the flag, wakes all |
//!
//! Every ring gives the bell a new value. So a waiter that has checked before the change and does not sleep yet
//! will not fall asleep. A waiter that has read the bell before the flag was cleared does not fall asleep
//! either, or is woken, and sets the flag again. The flag is no number of sleepers: a killed sleeper would stay
//! counted for ever.
//!
//! # Deaths
//!
//! A ringer and a waiter have the bell announced ([`sync`](super)). If the bell holds the id of a dying ringer,
//! the kernel replaces the id by a mark and wakes a waiter. If it holds no id, the kernel wakes a waiter when a
//! ringer or a waiter dies.
//!
//! | killed | what happens |
//! |---|---|
//! | a ringer, before it has put another phase into the bell | the waiter that the kernel wakes finds the mark and wakes all; they check, set the flag and sleep again |
//! | a ringer, after that | the kernel wakes a waiter, which takes what is there |
//! | a waiter that was woken and has taken nothing | the kernel wakes the next waiter, which takes it |
//! | either, while another thread is ringing | that thread wakes a waiter; a waiter that takes something and leaves more wakes the next one |
//!
//! Two coincidences remain. If two threads ring at once, the bell holds the id of the second. If the
//! first then dies between its change and its wake-up, while a waiter stands between its check and its
//! sleep, that waiter misses the change until the next ring. A waiter that stands between its check and
//! its sleep during exactly two rings sees the old phase; if what the rings announced is not there any more
//! (an event was set and reset twice), it sleeps until the next ring.

use crate::base::error::Result;
use crate::base::time::Deadline;
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken, OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::robust::Announced;
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Beside an id: the kernel wakes a waiter when the ringer dies. Without an id, it is what the kernel has left.
const RINGING: u32 = WAITERS;
/// Inverted by each ring. The kernel sets it when the ringer dies.
const PHASE: u32 = OWNER_DIED;

/// A waiter at a bell, as long as this value lives.
pub(super) struct Waiter<'a> {
    bell: &'a AtomicU32,
    thread: Thread,
    outer: Announced,
}

impl<'a> Waiter<'a> {
    pub(super) fn at(bell: &'a AtomicU32, thread: Thread) -> Waiter<'a> {
        Waiter {
            bell,
            thread,
            outer: thread.robust_list().begin_word(bell),
        }
    }

    /// Reads the bell, before the caller sets the flag and checks the condition. Returns the value for
    /// [`sleep`](Self::sleep).
    pub(super) fn read(&self) -> u32 {
        // SeqCst, here and in `ring`: either the ringer sees the flag that this thread sets next, or this
        // thread sees the change. With less, both could miss the other's.
        self.bell.load(SeqCst)
    }

    /// Sleeps while the bell is as it was read.
    pub(super) fn sleep(&self, read: u32, deadline: Deadline) -> Result<Awoken> {
        let awoken = super::sleep_on(self.bell, read, deadline, None)?;
        let bell = self.bell.load(SeqCst);
        if bell & TID_MASK == 0 && bell & RINGING != 0 {
            // A ringer died. This thread ends its ring, for all: nobody knows how far it came.
            let ended = !bell & PHASE;
            let _ = self.bell.compare_exchange(bell, ended, SeqCst, Relaxed);
            futex::wake(self.bell, u32::MAX);
        }
        Ok(awoken)
    }

    /// Wakes the next waiter. Call it if there is more than this waiter takes, or if this waiter gives up,
    /// because it may have been woken.
    pub(super) fn wake_next(&self) {
        futex::wake(self.bell, 1);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.thread.robust_list().finish(self.outer);
    }
}

/// Makes `change`, which makes the condition true for `count` waiters, and wakes them. Calls `clear_flag` if
/// nobody else sleeps.
#[cold]
pub(super) fn ring(
    bell: &AtomicU32,
    thread: Thread,
    count: u32,
    change: &mut dyn FnMut(),
    clear_flag: &mut dyn FnMut(),
) {
    let outer = thread.robust_list().begin_word(bell);
    let before = bell.swap(thread.id() | RINGING, SeqCst);
    // If another thread is ringing, its id stands there and no phase: then its end gives the bell a new value.
    let rung = !before & PHASE;
    change();
    let woken = futex::wake(bell, count);
    let is_last = woken < count as usize;
    if is_last {
        clear_flag();
    }
    bell.store(rung, SeqCst);
    if is_last {
        // Those that read the bell while this thread's id stood in it.
        futex::wake(bell, u32::MAX);
    }
    thread.robust_list().finish(outer);
}
