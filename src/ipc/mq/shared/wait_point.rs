//! How senders and receivers wait for each other: they spin for a while, then sleep.
//!
//! Waking a sleeper costs as much as hundreds of messages. So a waiter first spins for about as
//! long as a wake-up takes (see [`spin_for`](sync::spin_for)). A waker calls the kernel only if a
//! thread sleeps.
//!
//! Threads sleep at a [`bell`]: receivers at one, senders at another. The flag of a bell is the bit in
//! [`Sleepers`], and the condition is that there may be a message, or room. A sender reads the flag while it
//! holds the sending latch, before it publishes. If the flag is set, it announces the bell before it publishes,
//! releases the latch, and then wakes. So if it dies, the kernel wakes a receiver. A receiver that has set the
//! flag waits until the sender that held the latch at that moment has left, because that sender may not have
//! seen the flag. Then it checks for a message, and sleeps. It is the same for senders that wait for room.
//!
//! A receiver that was woken may die before it has taken its message. Until it has, it keeps the bell
//! announced, and takes the latch without announcing it ([`Latch::take_linked`]).
//!
//! Waiting threads note their births in shared memory ([`WaitingThreads`]), so that they can be
//! counted. A thread that died while it waited is not counted, and its place is used again.

use super::SharedQueue;
use super::claims::Claims;
use super::memory::Memory;
use super::receive_section::ReceiveSection;
use super::ring::{QueueRing, ring_for_late};
use super::send_section::SendSection;
use crate::base::error::{Errno, Result};
use crate::base::time::{Deadline, now};
use crate::ipc::mq::Direction;
use crate::object::layout::{Latch, Sleepers, WaitingThreads};
use crate::sync;
use crate::sync::bell::{Armed, Waiter};
use crate::sync::latch::Latched;
use crate::sys::fence;
use crate::sys::futex::Awoken;
use crate::sys::liveness::{self, Birth, BirthCell};
use crate::sys::robust::Announced;
use crate::sys::scheduling::let_others_run;
use crate::sys::thread::Thread;
use core::cell::Cell;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

impl SharedQueue {
    /// Whether a receiver may be asleep. Asked under the sending latch, before the change that it waits for.
    #[inline(always)]
    pub(super) fn may_receivers_sleep(&self) -> bool {
        let waiting = &self.header().waiting;
        // Without this fence the load could come before the latch is visibly taken, and miss the flag of a
        // receiver that has seen the latch free.
        fence::light(waiting.needs_fence.load(Relaxed) != 0);
        waiting.arrivals.are_asleep()
    }

    /// As [`may_receivers_sleep`](SharedQueue::may_receivers_sleep), for senders, under the receiving latch.
    #[inline(always)]
    pub(super) fn may_senders_sleep(&self) -> bool {
        let waiting = &self.header().waiting;
        fence::light(waiting.needs_fence.load(Relaxed) != 0);
        waiting.departures.are_asleep()
    }

    /// Call under the sending latch, before a change that gives receivers messages. If a receiver may be
    /// asleep, this begins a ring, which the caller ends together with the latch ([`QueueRing::end_without`]): if
    /// this thread dies, the kernel wakes the receiver.
    #[inline(always)]
    pub(super) fn ring_for_receivers<'q>(
        &'q self,
        latched: &mut Latched<'_>,
    ) -> Option<QueueRing<'q>> {
        if !self.may_receivers_sleep() {
            return None;
        }
        let waiting = &self.header().waiting;
        Some(QueueRing::begin(
            &waiting.arrivals_bell,
            &waiting.arrivals,
            latched,
        ))
    }

    /// As [`ring_for_receivers`](SharedQueue::ring_for_receivers), under the receiving latch, before a change
    /// that gives senders room.
    #[inline(always)]
    pub(super) fn ring_for_senders<'q>(
        &'q self,
        latched: &mut Latched<'_>,
    ) -> Option<QueueRing<'q>> {
        if !self.may_senders_sleep() {
            return None;
        }
        let waiting = &self.header().waiting;
        Some(QueueRing::begin(
            &waiting.departures_bell,
            &waiting.departures,
            latched,
        ))
    }

    /// Call after a receive of a thread that had to wait: another waiter may have been woken together with it,
    /// or in its place.
    pub(super) fn wake_next_receiver(&self, waiter: &Option<Waiter<'_>>) {
        if let Some(waiter) = waiter {
            let is_watched_for = !Claims::borrowed(&self.memory).is_empty();
            if is_watched_for || ReceiveSection::may_have_message(&self.memory) {
                waiter.wake_next();
            }
        }
    }

    /// As [`wake_next_receiver`](SharedQueue::wake_next_receiver), after a send.
    pub(super) fn wake_next_sender(&self, waiter: &Option<Waiter<'_>>) {
        if let Some(waiter) = waiter {
            let is_watched_for = !Claims::reserved(&self.memory).is_empty();
            if is_watched_for || SendSection::may_have_room(&self.memory) {
                waiter.wake_next();
            }
        }
    }

    /// Call after this thread has borrowed a message: if it dies, a receiver has to take the message back. One
    /// of the sleeping receivers is woken, and checks from then on ([`CLAIMS_CHECK`]).
    #[inline(always)]
    pub(super) fn have_borrower_watched(&self) {
        let waiting = &self.header().waiting;
        if waiting.arrivals.are_asleep() {
            ring_for_late(&waiting.arrivals_bell, &waiting.arrivals, 1);
        }
    }

    /// As [`have_borrower_watched`](SharedQueue::have_borrower_watched), after this thread has reserved a slot.
    #[inline(always)]
    pub(super) fn have_reserver_watched(&self) {
        let waiting = &self.header().waiting;
        if waiting.departures.are_asleep() {
            ring_for_late(&waiting.departures_bell, &waiting.departures, 1);
        }
    }

    /// Wakes all receivers, after a repair.
    pub(super) fn wake_all_receivers(&self) {
        let waiting = &self.header().waiting;
        waiting.arrivals.set_flag(&waiting.needs_fence);
        self.wake_receivers(u32::MAX);
        waiting.observers.wake(u32::MAX);
    }

    /// Wakes all senders, after a repair.
    pub(super) fn wake_all_senders(&self) {
        let waiting = &self.header().waiting;
        waiting.departures.set_flag(&waiting.needs_fence);
        self.wake_senders(u32::MAX);
        waiting.room_observers.wake(u32::MAX);
    }

    /// Call after a send, when the latch is released: wakes receivers that fell asleep meanwhile, for `count`
    /// messages.
    #[inline(always)]
    pub(super) fn wake_receivers(&self, count: u32) {
        let waiting = &self.header().waiting;
        if waiting.arrivals.are_asleep() {
            ring_for_late(&waiting.arrivals_bell, &waiting.arrivals, count);
        }
    }

    /// Call after a change that gives receivers messages, and before the latch is released: if this thread dies in
    /// between, the kernel wakes an observer, which sleeps on the latch's word too.
    #[inline(always)]
    pub(super) fn wake_observers(&self) {
        self.wake_polling(&self.header().waiting.observers);
    }

    #[inline(always)]
    fn wake_polling(&self, observers: &Sleepers) {
        // Without this fence the load could come before the change is visible, and miss an observer that has not
        // seen the change.
        fence::light(self.header().waiting.needs_fence.load(Relaxed) != 0);
        if observers.are_asleep() {
            observers.wake(u32::MAX);
        }
    }

    /// As [`wake_receivers`](SharedQueue::wake_receivers), after a send that may have left its messages
    /// unannounced to a waiting receiver.
    pub(super) fn wake_receivers_or_announce(&self, count: u32, has_rung: bool) {
        let waiting = &self.header().waiting;
        let was_left = self.is_left_to_waiter();
        let wakes = has_rung || (was_left && waiting.arrivals.are_asleep());
        if was_left && !wakes {
            self.announce_unless_taken();
        }
        if !has_rung {
            self.wake_receivers(count);
        }
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
                _ => let_others_run(),
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
            ring_for_late(&waiting.departures_bell, &waiting.departures, count);
        }
    }

    /// As [`wake_observers`](SharedQueue::wake_observers), after a change that gives senders room.
    #[inline(always)]
    pub(super) fn wake_room_observers(&self) {
        self.wake_polling(&self.header().waiting.room_observers);
    }

    /// The point where calls of this direction wait.
    pub(super) fn wait_point(&self, direction: Direction) -> WaitPoint<'_> {
        let header = self.header();
        let waiting = &header.waiting;
        match direction {
            Direction::Receive => WaitPoint {
                sleepers: &waiting.arrivals,
                bell: &waiting.arrivals_bell,
                latch: &header.sending.latch,
                threads: &header.waiting_receivers,
                peer: &header.sent.processor,
                needs_fence: &waiting.needs_fence,
                memory: &self.memory,
                is_ready: ReceiveSection::may_have_message,
                has_claims: |memory| !Claims::borrowed(memory).is_empty(),
            },
            Direction::Send | Direction::Both => WaitPoint {
                sleepers: &waiting.departures,
                bell: &waiting.departures_bell,
                latch: &header.receiving.latch,
                threads: &header.waiting_senders,
                peer: &header.received.processor,
                needs_fence: &waiting.needs_fence,
                memory: &self.memory,
                is_ready: SendSection::may_have_room,
                has_claims: |memory| !Claims::reserved(memory).is_empty(),
            },
        }
    }

    /// Begins a wait in which the caller sleeps by its own means. First it spins, if it `spins`. `None`: there may be
    /// something now. Otherwise the wait lasts until [`waited`](SharedQueue::waited).
    pub(crate) fn begin_wait(
        &self,
        direction: Direction,
        spins: bool,
    ) -> Result<Option<OwnSleep<'_>>> {
        let wait_point = self.wait_point(direction);
        let waiter = wait_point.waiter()?;
        let spin = if spins { self.spin } else { Duration::ZERO };
        let armed = wait_point.begin(&waiter, spin)?;
        Ok(armed.map(|(expected, limit)| OwnSleep {
            word: wait_point.bell,
            expected,
            until: sync::limited_if_unreported(limit.map_or(Deadline::Never, Deadline::At)),
            outer: waiter.suspend(),
        }))
    }

    /// Ends the sleep of [`begin_wait`](SharedQueue::begin_wait). The waiter is for the attempt that follows.
    pub(super) fn waited(&self, direction: Direction, outer: Announced) -> Result<Waiter<'_>> {
        let wait_point = self.wait_point(direction);
        let waiter = Waiter::resume(wait_point.bell, Thread::current()?, outer);
        waiter.end_dead_ring();
        wait_point.end()?;
        Ok(waiter)
    }

    /// Ends the wait of [`begin_wait`](SharedQueue::begin_wait) without an attempt.
    pub(crate) fn give_up_wait(&self, direction: Direction, outer: Announced) -> Result<()> {
        let waiter = self.waited(direction, outer)?;
        self.pass_wake_up_on(direction, &Some(waiter));
        Ok(())
    }

    /// Call if a waiter gives up: it may have been woken for what is there.
    pub(super) fn pass_wake_up_on(&self, direction: Direction, waiter: &Option<Waiter<'_>>) {
        if let Some(waiter) = waiter {
            self.wait_point(direction).wake_next_if_ready(waiter);
        }
    }
}

/// A wait of a caller that sleeps by its own means.
pub(crate) struct OwnSleep<'q> {
    /// The word to sleep on.
    pub(crate) word: &'q AtomicU32,
    /// The value of the word while there is nothing to wake for.
    pub(crate) expected: u32,
    /// When the sleep has to end at the latest. The caller then tries again.
    pub(crate) until: Deadline,
    /// The word that the thread had announced before.
    pub(crate) outer: Announced,
}

/// A point where threads wait: receivers for a message, or senders for room.
pub(super) struct WaitPoint<'q> {
    /// The bell's flag.
    sleepers: &'q Sleepers,
    bell: &'q AtomicU32,
    /// The threads that hold it make the condition true.
    latch: &'q Latch,
    threads: &'q WaitingThreads,
    /// The processor of the last thread that made the condition true.
    peer: &'q AtomicU32,
    needs_fence: &'q AtomicU32,
    memory: &'q Memory,
    /// Whether there may be a message, or room.
    is_ready: fn(&Memory) -> bool,
    /// Whether there are claims that a death may turn into a message, or room.
    has_claims: fn(&Memory) -> bool,
}

/// While messages are borrowed, or slots reserved: how often a waiter checks whether their holders live. It does not
/// sleep on the words that the kernel marks.
const CLAIMS_CHECK: Duration = Duration::from_millis(100);
/// How often a waiter reads the latch's word, before it takes the holder for one that does not run now.
const HOLDER_CHECKS: u32 = 200;
/// How long a waiter then sleeps at most. The holder may not have seen the flag.
const HOLDER_STANDS: Duration = Duration::from_millis(100);

impl<'q> WaitPoint<'q> {
    /// Makes this thread a waiter. Until the result is dropped, the kernel wakes another waiter if it dies.
    pub(super) fn waiter(&self) -> Result<Waiter<'q>> {
        Ok(Waiter::at(self.bell, Thread::current()?))
    }

    /// Waits until there may be a message, or room. On return it may be gone again, so the caller
    /// tries again under the latch. `waiter` is kept for the caller's next attempts.
    pub(super) fn wait(
        &self,
        waiter: &mut Option<Waiter<'q>>,
        deadline: Deadline,
        spin: Duration,
    ) -> Result<()> {
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        let left = deadline.remaining();
        if left == Some(Duration::ZERO) {
            // Checked before `is_ready`, which can stay wrong for ever in a damaged queue.
            return Err(Errno::ETIMEDOUT.into());
        }
        let spin = left.map_or(spin, |left| spin.min(left));
        let waiter = match waiter {
            Some(waiter) => waiter,
            None => waiter.insert(self.waiter()?),
        };
        let Some((armed, limit)) = self.begin(waiter, spin)? else {
            return Ok(());
        };
        let until = limit.map_or(deadline, |limit| deadline.earlier(limit));
        let awoken = waiter.sleep(armed, until);
        self.end()?;
        let outcome = match awoken? {
            Awoken::Recheck => return Ok(()),
            Awoken::Interrupted => Errno::EINTR,
            Awoken::TimedOut if !deadline.has_passed() => return Ok(()),
            Awoken::TimedOut => Errno::ETIMEDOUT,
        };
        // This thread may have been woken for what is there.
        self.wake_next_if_ready(waiter);
        Err(outcome.into())
    }

    fn wake_next_if_ready(&self, waiter: &Waiter<'_>) {
        if (self.is_ready)(self.memory) || (self.has_claims)(self.memory) {
            waiter.wake_next();
        }
    }

    /// Notes this thread as waiting, spins, and prepares to sleep. Returns the value of the bell for which to
    /// sleep, and until when to sleep at most. The thread stays noted until [`end`](WaitPoint::end).
    /// `None`: there may be a message, or room, and the wait has ended.
    fn begin(
        &self,
        waiter: &Waiter<'_>,
        spin: Duration,
    ) -> Result<Option<(u32, Option<Duration>)>> {
        let ready = || (self.is_ready)(self.memory);
        // A spinning thread counts as waiting too: it takes the message, so no descriptor need
        // announce it.
        self.threads.enter(Thread::current()?);
        // Without spinning there is no check here.
        if !spin.is_zero() && sync::spin_for(spin, self.peer, &mut || ready()) {
            self.end()?;
            return Ok(None);
        }
        let armed = waiter.arm(Armed::PLAINLY);
        self.sleepers.set_flag(self.needs_fence);
        let is_held = self.is_still_held();
        if ready() {
            self.end()?;
            return Ok(None);
        }
        let limit = match is_held {
            true => Some(HOLDER_STANDS),
            false => (self.has_claims)(self.memory).then_some(CLAIMS_CHECK),
        };
        Ok(Some((armed, limit.map(|limit| now() + limit))))
    }

    /// Waits for a moment until the thread that holds the latch has left. Returns whether it has not.
    fn is_still_held(&self) -> bool {
        let holder = self.latch.holder();
        for attempt in 0..HOLDER_CHECKS {
            if self.latch.holder() != holder || holder == 0 {
                return false;
            }
            match attempt % 100 {
                99 => let_others_run(),
                _ => core::hint::spin_loop(),
            }
        }
        true
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
