//! How senders and receivers wait for each other: they spin for a while, then sleep.
//!
//! Waking a sleeper costs as much as hundreds of messages. So a waiter first spins for about as
//! long as a wake-up takes (see [`spin_for`](sync::spin_for)). A waker calls the kernel only if a
//! thread sleeps.
//!
//! Waiting threads note their births in shared memory ([`WaitingThreads`]), so that they can be
//! counted. A thread that died while it waited is not counted, and its place is used again.

use super::SharedQueue;
use super::memory::Memory;
use super::receive_section::ReceiveSection;
use super::send_section::SendSection;
use crate::base::error::{Errno, Result};
use crate::base::time::Deadline;
use crate::ipc::mq::Direction;
use crate::object::layout::{Sleepers, WaitingThreads};
use crate::sync;
use crate::sys::futex::Awoken;
use crate::sys::liveness::{self, Birth, BirthCell};
use crate::sys::process;
use crate::sys::thread::Thread;
use core::cell::Cell;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

impl SharedQueue {
    /// Call after a send, when the latch is released: wakes waiting receivers for `count` messages.
    #[inline(always)]
    pub(super) fn wake_receivers(&self, count: u32) {
        let waiting = &self.header().waiting;
        if waiting.arrivals.are_asleep() {
            waiting.arrivals.wake(count);
        }
        if waiting.observers.are_asleep() {
            waiting.observers.wake(u32::MAX);
        }
    }

    /// As [`wake_receivers`](SharedQueue::wake_receivers), after a send that may have left its messages
    /// unannounced to a waiting receiver.
    pub(super) fn wake_receivers_or_announce(&self, count: u32) {
        let waiting = &self.header().waiting;
        let was_left = self.is_left_to_waiter();
        let wakes = was_left && waiting.arrivals.are_asleep() && waiting.arrivals.wake(count);
        if was_left && !wakes {
            self.announce_unless_taken();
        }
        self.wake_receivers(count);
    }

    /// Whether there is a message that the descriptor does not announce.
    fn is_left_to_waiter(&self) -> bool {
        self.has_descriptor()
            && self.leaves_descriptor_empty()
            && ReceiveSection::count(&self.memory) != 0
    }

    /// Announces a message that was left to a waiting receiver, if that receiver does not take it. No
    /// receiver sleeps, so the note of one is of a thread that spins and takes the message at once, or of
    /// one that has died or has left its wait with siglongjmp().
    #[cold]
    fn announce_unless_taken(&self) {
        /// A receiver that spins needs far less than that, unless it has lost its processor.
        const SPINS: u32 = 500;
        const YIELDS: u32 = 20;
        for attempt in 0..SPINS + YIELDS {
            if !self.is_left_to_waiter() {
                return;
            }
            match attempt {
                ..SPINS => core::hint::spin_loop(),
                _ => process::let_others_run(),
            }
        }
        self.header().waiting_receivers.remove_dead();
        // The message is sent, so a failure here is not the caller's.
        if let Ok(both) = self.enter_both_sections(Deadline::Now) {
            let _ = self.announce();
            drop(both);
        }
    }

    /// Call after a receive, when the latch is released: wakes waiting senders for `count` free
    /// slots.
    #[inline(always)]
    pub(super) fn wake_senders(&self, count: u32) {
        let waiting = &self.header().waiting;
        if waiting.departures.are_asleep() {
            waiting.departures.wake(count);
        }
        if waiting.room_observers.are_asleep() {
            waiting.room_observers.wake(u32::MAX);
        }
    }

    /// The point where calls of this direction wait.
    pub(super) fn wait_point(&self, direction: Direction) -> WaitPoint<'_> {
        let header = self.header();
        let waiting = &header.waiting;
        let (sleepers, threads, is_ready): (_, _, fn(&Memory) -> bool) = match direction {
            Direction::Receive => (
                &waiting.arrivals,
                &header.waiting_receivers,
                ReceiveSection::may_have_message,
            ),
            Direction::Send | Direction::Both => (
                &waiting.departures,
                &header.waiting_senders,
                SendSection::may_have_room,
            ),
        };
        WaitPoint {
            sleepers,
            threads,
            needs_fence: &waiting.needs_fence,
            memory: &self.memory,
            is_ready,
        }
    }

    /// Begins or ends a wait in which the caller sleeps by its own means. At the beginning it
    /// spins, and returns the word to sleep on and the value that the word has while there is
    /// nothing to wake for. `None`: there may be something now; or the wait has ended.
    pub(crate) fn wait_word(
        &self,
        direction: Direction,
        begins: bool,
    ) -> Result<Option<(&AtomicU32, u32)>> {
        let wait_point = self.wait_point(direction);
        if !begins {
            wait_point.end()?;
            return Ok(None);
        }
        let seen = wait_point.begin(self.spin)?;
        Ok(seen.map(|seen| (&wait_point.sleepers.word, seen)))
    }
}

/// A point where threads wait: receivers for a message, or senders for room.
pub(super) struct WaitPoint<'q> {
    sleepers: &'q Sleepers,
    threads: &'q WaitingThreads,
    needs_fence: &'q AtomicU32,
    memory: &'q Memory,
    /// Whether there may be a message, or room.
    is_ready: fn(&Memory) -> bool,
}

impl WaitPoint<'_> {
    /// Waits until there may be a message, or room. On return it may be gone again, so the caller
    /// tries again under the latch.
    pub(super) fn wait(&self, deadline: Deadline, spin: Duration) -> Result<()> {
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        let left = deadline.remaining();
        if left == Some(Duration::ZERO) {
            // Checked before `is_ready`, which can stay wrong for ever in a damaged queue.
            return Err(Errno::ETIMEDOUT.into());
        }
        let spin = left.map_or(spin, |left| spin.min(left));
        let Some(seen) = self.begin(spin)? else {
            return Ok(());
        };
        let awoken = self.sleepers.sleep(seen, deadline);
        self.end()?;
        match awoken? {
            Awoken::Recheck => Ok(()),
            Awoken::Interrupted => Err(Errno::EINTR.into()),
            Awoken::TimedOut => Err(Errno::ETIMEDOUT.into()),
        }
    }

    /// Notes this thread as waiting, spins, and prepares to sleep. Returns the value of the
    /// sleepers' word for which to sleep. The thread stays noted until [`end`](WaitPoint::end).
    /// `None`: there may be a message, or room, and the wait has ended.
    fn begin(&self, spin: Duration) -> Result<Option<u32>> {
        let ready = || (self.is_ready)(self.memory);
        // A spinning thread counts as waiting too: it takes the message, so no descriptor need
        // announce it.
        self.threads.enter(Thread::current()?);
        // Without spinning there is no check here: `prepare_unless` checks.
        if !spin.is_zero() && sync::spin_for(spin, &mut || ready()) {
            self.end()?;
            return Ok(None);
        }
        let seen = self.sleepers.prepare_unless(self.needs_fence, &ready);
        if seen.is_none() {
            self.end()?;
        }
        Ok(seen)
    }

    /// Removes this thread's note.
    fn end(&self) -> Result<()> {
        self.threads.leave(Thread::current()?);
        Ok(())
    }
}

thread_local! {
    /// Whether this thread has noted itself as waiting and has not removed the note. A signal handler may
    /// leave the wait with siglongjmp(), and then the note stays until the thread waits again.
    static IS_NOTED: Cell<bool> = const { Cell::new(false) };
}

impl WaitingThreads {
    /// Notes that a thread waits, if there is room to note it.
    fn enter(&self, thread: Thread) {
        let own = thread.birth();
        let take =
            |place: &BirthCell, found| place.compare_exchange(found, own, Relaxed, Relaxed).is_ok();
        let is_noted = IS_NOTED.replace(true);
        let has_note = |place: &BirthCell| place.load(Relaxed) == own;
        if is_noted && self.births.iter().any(has_note) {
            return;
        }
        let mut places = self.births.iter();
        if places.any(|place| take(place, 0)) {
            return;
        }
        self.births.iter().any(|place| {
            let found = place.load(Relaxed);
            is_gone(found) && take(place, found)
        });
    }

    fn leave(&self, thread: Thread) {
        IS_NOTED.set(false);
        // Mostly it is the first place. The search ends there: after a sleep, each further cache
        // line is a cold one.
        let mut places = self.births.iter();
        if let Some(place) = places.find(|place| place.load(Relaxed) == thread.birth()) {
            place.store(0, Relaxed);
        }
    }

    /// How many waiting threads are alive.
    pub(super) fn count(&self) -> usize {
        let births = self.births.iter().map(|place| place.load(Relaxed));
        births
            .filter(|&birth| birth != 0 && !is_gone(birth))
            .count()
    }

    /// Whether another thread has noted that it waits. It may have died since, or may have left the wait
    /// with siglongjmp().
    pub(super) fn may_have_other(&self, thread: Thread) -> bool {
        let mut births = self.births.iter().map(|place| place.load(Relaxed));
        births.any(|birth| birth != 0 && birth != thread.birth())
    }

    /// Removes the notes of dead threads.
    fn remove_dead(&self) {
        for place in &self.births {
            let birth = place.load(Relaxed);
            if birth != 0 && is_gone(birth) {
                let _ = place.compare_exchange(birth, 0, Relaxed, Relaxed);
            }
        }
    }
}

fn is_gone(birth: Birth) -> bool {
    liveness::is_gone(liveness::id_of(birth), birth)
}
