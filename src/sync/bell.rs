//! The bell: a word on which threads sleep until a condition holds that stands in another word (a count, a
//! bit, a number).
//!
//! The condition's word, or a word beside it, has a flag that says "somebody may sleep". A thread that makes the
//! condition true while the flag is not set does not touch the bell. Otherwise it *rings*. If the flag is not in
//! the condition's word, the thread has the bell announced, and reads the flag again after its change.
//!
//! | waiter | ringer |
//! |---|---|
//! | *arms* the bell: makes it 0 | puts its id into the bell, which so is *muted* |
//! | sets the flag and checks the condition | makes the condition true |
//! | sleeps while the bell is 0 | wakes as many waiters as the condition is true for |
//! | | if there were as many, and the id still stands there: makes the bell 0 |
//! | | if there were fewer: clears the flag, mutes the bell, and wakes all if the id stood there no more |
//! | if there is more than it takes: mutes the bell and wakes one | |
//!
//! A waiter that has checked before the change, and does not sleep yet, finds the bell muted and checks again,
//! unless others slept and were woken for the change, or another waiter has armed the bell since. That waiter
//! has checked after the change: it takes what is there, and mutes the bell and wakes the next one if there is more. So nobody sleeps
//! while there is something that nobody was woken for. The flag is no number of sleepers: a killed sleeper would
//! stay counted for ever.
//!
//! The condition may be the waiter's own: that an event was set since it came. Another waiter that arms the bell
//! then knows nothing about it. So such a waiter arms with the lowest bit of the number of sets ([`Armed`]), and
//! only a waiter that is stopped between its check and its sleep, for an even number of sets and resets, can miss
//! them.
//!
//! # Deaths
//!
//! A ringer and a waiter have the bell announced ([`sync`](super)). If the bell holds the id of a dying ringer,
//! the kernel replaces the id by a mark and wakes a waiter. If it holds no id, the kernel wakes a waiter when a
//! ringer or a waiter dies.
//!
//! | killed | what happens |
//! |---|---|
//! | a ringer, while its id stands in the bell | the waiter that the kernel wakes finds the mark and wakes all; they check, set the flag and sleep again |
//! | a ringer, after that | the kernel wakes a waiter, which takes what is there |
//! | a waiter that was woken and has taken nothing | the kernel wakes the next waiter, which takes it |
//! | either, while another thread is ringing | that thread wakes a waiter; a waiter that takes something and leaves more wakes the next one |
//!
//! One coincidence remains. A ringer is killed between its change and its wake-up; while it rang, a
//! waiter armed the bell or another thread rang, so the bell does not show the dead one's id; and at that moment
//! a waiter stands between its check and its sleep. It misses the change until the next ring.

use crate::base::error::Result;
use crate::base::time::Deadline;
use crate::sys::atomic::AtomicU32;
use crate::sys::futex::{self, Awoken, OWNER_DIED, WAITERS};
use crate::sys::robust::Announced;
use crate::sys::thread::Thread;
use core::mem::ManuallyDrop;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Beside an id: the kernel wakes a waiter when the ringer dies.
const RINGING: u32 = WAITERS;
/// A bell that is not armed. No id stands in it, so the kernel wakes a waiter when another one dies.
const MUTED: u32 = WAITERS;
/// The mark that the kernel leaves of a dead ringer.
const RINGER_DIED: u32 = RINGING | OWNER_DIED;

/// The value of an armed bell: 0, or a bit that is neither a part of an id nor the value that the kernel
/// leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Armed(u32);

impl Armed {
    /// For a condition that all waiters share.
    pub(crate) const PLAINLY: Armed = Armed(0);

    /// For a waiter that has seen this number of what it waits for.
    pub(crate) fn with(number: u32) -> Armed {
        Armed((number & 1) * OWNER_DIED)
    }
}

/// A waiter at a bell, as long as this value lives.
pub(crate) struct Waiter<'a> {
    bell: &'a AtomicU32,
    thread: Thread,
    outer: Announced,
}

impl<'a> Waiter<'a> {
    pub(crate) fn at(bell: &'a AtomicU32, thread: Thread) -> Waiter<'a> {
        Waiter {
            bell,
            thread,
            outer: thread.robust_list().begin_word(bell),
        }
    }

    /// Arms the bell, before the caller sets the flag and checks the condition. Returns the value for which to
    /// sleep.
    pub(crate) fn arm(&self, armed: Armed) -> u32 {
        // SeqCst, here and in `Ring`: either the ringer sees the flag that this thread sets next, or this
        // thread sees the change. With less, both could miss the other's.
        self.bell.swap(armed.0, SeqCst);
        armed.0
    }

    /// Sleeps while the bell is as it was armed.
    pub(crate) fn sleep(&self, armed: u32, deadline: Deadline) -> Result<Awoken> {
        let awoken = super::sleep_on(self.bell, armed, deadline, None)?;
        self.end_dead_ring();
        Ok(awoken)
    }

    /// Call after a sleep by other means than [`sleep`](Self::sleep).
    pub(crate) fn end_dead_ring(&self) {
        let ends_ring = self.bell.load(Relaxed) == RINGER_DIED
            && self
                .bell
                .compare_exchange(RINGER_DIED, MUTED, SeqCst, Relaxed)
                .is_ok();
        if ends_ring {
            // Nobody knows how far the dead one came.
            futex::wake(self.bell, u32::MAX);
        }
    }

    /// Keeps the bell announced until [`resume`](Self::resume), while the thread sleeps by its own means.
    pub(crate) fn suspend(self) -> Announced {
        ManuallyDrop::new(self).outer
    }

    /// The waiter from which [`suspend`](Self::suspend) has returned `outer`, in the same thread.
    pub(crate) fn resume(bell: &'a AtomicU32, thread: Thread, outer: Announced) -> Waiter<'a> {
        Waiter {
            bell,
            thread,
            outer,
        }
    }

    /// Wakes the next waiter. Call it if there is more than this waiter takes, or if this waiter gives up,
    /// because it may have been woken.
    pub(crate) fn wake_next(&self) {
        // This thread's own arming may have hidden a ring from a waiter that does not sleep yet.
        self.bell.swap(MUTED, SeqCst);
        futex::wake(self.bell, 1);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.thread.robust_list().finish(self.outer);
    }
}

/// A ring that has begun. The thread makes its change, and then calls [`end`](Ring::end).
pub(crate) struct Ring<'a> {
    bell: &'a AtomicU32,
    thread: Thread,
    outer: Announced,
}

impl<'a> Ring<'a> {
    pub(crate) fn begin(bell: &'a AtomicU32, thread: Thread) -> Ring<'a> {
        let outer = thread.robust_list().begin_word(bell);
        bell.swap(thread.id() | RINGING, SeqCst);
        Ring {
            bell,
            thread,
            outer,
        }
    }

    /// Wakes up to `count` waiters. Calls `clear_flag` if nobody else sleeps.
    pub(crate) fn end(self, count: u32, clear_flag: &mut dyn FnMut()) {
        let own = self.thread.id() | RINGING;
        let woken = futex::wake(self.bell, count);
        if woken < count as usize {
            clear_flag();
            if self.bell.swap(MUTED, SeqCst) != own {
                // Those that fell asleep after an arming in between. Their flag may be cleared.
                futex::wake(self.bell, u32::MAX);
            }
        } else {
            // If the bell is another ring's by now, or was muted, it must stay so: a waiter that has checked
            // before that change, and does not sleep yet, must not fall asleep.
            let armed = Armed::PLAINLY.0;
            let _ = self.bell.compare_exchange(own, armed, SeqCst, Relaxed);
        }
        self.thread.robust_list().finish(self.outer);
    }
}

/// Makes `change`, which makes the condition true for `count` waiters, and wakes them. Calls `clear_flag` if
/// nobody else sleeps.
#[cold]
pub(crate) fn ring(
    bell: &AtomicU32,
    thread: Thread,
    count: u32,
    change: &mut dyn FnMut(),
    clear_flag: &mut dyn FnMut(),
) {
    let ring = Ring::begin(bell, thread);
    change();
    ring.end(count, clear_flag);
}
