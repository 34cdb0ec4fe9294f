//! A descriptor for one object: an eventfd that is ready while the object is.
//!
//! | counter | poll reports | the object |
//! |---|---|---|
//! | 0 ([`EMPTY`]) | writable | has nothing |
//! | 1 ([`READY`]) or more | readable, writable | has something, and room |
//! | 2^64 - 2 ([`FULL`]) | readable | is full |
//!
//! The program's own calls on the object *settle* the descriptor: they compare its level with the object's, and
//! arm the watch when the level becomes "not ready". Everything else is done by those who wake the watch. So the
//! descriptor may be ready although another process was faster. The program's next call finds nothing, and
//! settles the descriptor.

use super::{EMPTY, FULL, READY, Watch};
use crate::base::alloc::try_box;
use crate::base::error::{Result, fail};
use crate::base::time::{Deadline, now};
use crate::ipc::waitable::{DEATH_WORDS, DeathWords, Passing, Waitable};
use crate::sys::scheduling::let_others_run;
use crate::sys::thread::generation;
use crate::sys::watch_words::Word;
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicU32};
use core::time::Duration;
use std::os::fd::RawFd;

/// The slots of a descriptor's watch.
const MESSAGE: usize = 0;
const ROOM: usize = 1;
const FIRST_DEATH: usize = 2;
const EXAMINED: usize = FIRST_DEATH + DEATH_WORDS;
const SLOTS: usize = EXAMINED + 1;

/// How long a call that makes a descriptor waits for a thread that is just settling it.
const PATIENCE: Duration = Duration::from_secs(1);

/// An object whose descriptor is kept up to date. It keeps the object's memory mapped.
pub(crate) trait Polled: Send + Sync {
    /// `EMPTY`, `READY` or `FULL`.
    fn level(&self) -> u64;
    /// The wait that ends the level EMPTY.
    fn message(&self) -> &dyn Waitable;
    /// The wait that ends the level FULL.
    fn room(&self) -> &dyn Waitable;
}

/// The descriptor of one object in one process, if the program has asked for it.
///
/// A signal handler may settle it whatever it interrupts. So nobody waits for the lock: a thread that finds it
/// held leaves a note, and the holder settles once more.
pub(crate) struct Descriptor {
    /// The generation of the process whose thread is inside; 0 if none is. In a child that was forked meanwhile
    /// that thread does not exist.
    holder: AtomicU32,
    has_note: AtomicBool,
    is_open: AtomicBool,
    state: UnsafeCell<Option<Box<State>>>,
}

// SAFETY: only the thread that holds the lock touches `state`, and a State may move between threads.
unsafe impl Send for Descriptor {}
// SAFETY: as for Send.
unsafe impl Sync for Descriptor {}

struct State {
    object: Box<dyn Polled>,
    watch: Watch,
    level: u64,
    /// How many calls in a row found nothing, although nothing has woken the watch.
    calls_in_vain: u32,
}

impl Descriptor {
    pub(crate) const fn none() -> Descriptor {
        Descriptor {
            holder: AtomicU32::new(0),
            has_note: AtomicBool::new(false),
            is_open: AtomicBool::new(false),
            state: UnsafeCell::new(None),
        }
    }

    /// Whether there is a descriptor to settle.
    #[inline(always)]
    pub(crate) fn is_open(&self) -> bool {
        // Relaxed: a thread that has got the descriptor's number from another one sees this too.
        self.is_open.load(Relaxed)
    }

    /// The descriptor's number. The first call makes it, for the object that `make` returns. With `again`, the watch
    /// is armed again in any case: there may be another object in the place of the one before.
    pub(crate) fn get(
        &self,
        again: bool,
        make: &dyn Fn() -> Result<Box<dyn Polled>>,
    ) -> Result<RawFd> {
        if !self.enter_patiently() {
            return Err(fail!(
                EAGAIN,
                "another thread is changing the descriptor (is this a signal handler that interrupted one?)"
            ));
        }
        // SAFETY: this thread has entered.
        let state = unsafe { &mut *self.state.get() };
        let number = number(state, again, make);
        self.is_open.store(number.is_ok(), Relaxed);
        self.leave();
        number
    }

    /// Closes the descriptor. False if another thread is just settling it and does not end.
    pub(crate) fn close(&self) -> bool {
        if !self.enter_patiently() {
            return false;
        }
        self.is_open.store(false, Relaxed);
        // SAFETY: this thread has entered.
        unsafe { *self.state.get() = None };
        self.leave();
        true
    }

    /// Enters, after a while if another thread is inside.
    fn enter_patiently(&self) -> bool {
        let until = Deadline::At(now().saturating_add(PATIENCE));
        while !self.enter() {
            if until.has_passed() {
                return false;
            }
            let_others_run();
        }
        true
    }

    /// Brings the descriptor into the object's state.
    #[cold]
    #[inline(never)]
    pub(crate) fn settle(&self) {
        // SeqCst, here and in `leave`: either this thread finds the lock free, or its holder finds the note.
        self.has_note.store(true, SeqCst);
        if self.enter() {
            self.leave();
        }
    }

    fn enter(&self) -> bool {
        let own = generation();
        let holder = self.holder.load(Relaxed);
        // Acquire pairs with the SeqCst in `leave`: this thread sees what the last one did to the state.
        (holder == 0 || holder != own)
            && self
                .holder
                .compare_exchange(holder, own, SeqCst, Relaxed)
                .is_ok()
    }

    /// Settles as often as there are notes, and lets others enter.
    fn leave(&self) {
        loop {
            if self.has_note.swap(false, SeqCst) {
                // SAFETY: this thread has entered.
                if let Some(state) = unsafe { &mut *self.state.get() } {
                    state.settle();
                }
            }
            self.holder.store(0, SeqCst);
            if !self.has_note.load(SeqCst) || !self.enter() {
                return;
            }
        }
    }
}

fn number(
    state: &mut Option<Box<State>>,
    again: bool,
    make: &dyn Fn() -> Result<Box<dyn Polled>>,
) -> Result<RawFd> {
    let state = match state {
        Some(state) => state,
        None => state.insert(try_box(State {
            object: make()?,
            watch: Watch::new(SLOTS, SLOTS)?,
            level: READY,
            calls_in_vain: 0,
        })?),
    };
    let (number, is_new) = state.watch.descriptor()?;
    if is_new || again {
        state.level = READY;
        state.watch.disarm(MESSAGE);
        state.watch.raise(READY);
    }
    state.settle();
    Ok(number)
}

impl State {
    fn settle(&mut self) {
        if !self.watch.is_of_this_process() {
            // The parent's. The child has none before it asks.
            return;
        }
        // Each round but the last finds a change that another process has just made. The limit is for a process
        // that does nothing else; then the descriptor stays ready.
        for _ in 0..16 {
            self.harvest();
            let is_settled = match self.object.level() {
                EMPTY => self.become_empty(),
                FULL => self.become_full(),
                _ => self.become_ready(),
            };
            if is_settled {
                return;
            }
        }
        self.level = READY;
        self.watch.raise(READY);
    }

    /// Notes what has fired. Whatever it was, the eventfd is ready.
    fn harvest(&mut self) {
        self.watch.harvest();
        if self.watch.has_fired() {
            self.level = READY;
        }
    }

    fn become_ready(&mut self) -> bool {
        self.calls_in_vain = 0;
        // A watch that has fired has made the eventfd ready.
        if self.level == FULL || self.level == EMPTY && self.watch.is_armed(MESSAGE) {
            self.watch.raise(READY);
        }
        self.level = READY;
        true
    }

    fn become_empty(&mut self) -> bool {
        if self.level != EMPTY || !self.watch.is_armed(MESSAGE) {
            self.calls_in_vain = 0;
            return self.arm(MESSAGE);
        }
        self.calls_in_vain += 1;
        if self.calls_in_vain < 2 {
            return true;
        }
        // A waker makes the eventfd ready in two steps. If the watch was settled between them, the second step has
        // made the eventfd ready for nothing.
        self.calls_in_vain = 0;
        if self.watch.enter_lane().is_err() {
            return self.stay_ready();
        }
        if self.watch.is_armed(MESSAGE) {
            self.watch.lower();
            self.watch.commit();
            // A wake-up that came before the lowering is not in the counter any more.
            self.harvest();
        }
        self.level == EMPTY && self.watch.is_armed(MESSAGE)
    }

    fn become_full(&mut self) -> bool {
        self.calls_in_vain = 0;
        if self.level == FULL && self.watch.is_armed(ROOM) {
            return true;
        }
        self.arm(ROOM)
    }

    /// Arms the watch and lowers the descriptor, in the order in which no wake-up is lost. False if the object
    /// has become ready meanwhile.
    fn arm(&mut self, slot: usize) -> bool {
        if self.watch.enter_lane().is_err() {
            return self.stay_ready();
        }
        for other in 0..SLOTS {
            self.watch.disarm(other);
        }
        self.watch.forget_fired();
        self.watch.lower();
        self.level = READY;
        let waitable = match slot {
            ROOM => self.object.room(),
            _ => self.object.message(),
        };
        let mut deaths = DeathWords::default();
        let Some((word, expected)) = waitable.prepare() else {
            self.watch.raise(READY);
            return waitable.is_ready();
        };
        if !waitable.prepare_for_deaths(&mut deaths) {
            return self.stay_ready();
        }
        if let Some(examined) = waitable.examined() {
            if self.watch.arm_examined(EXAMINED, examined).is_err() {
                return self.stay_ready();
            }
        }
        let word = Word::new(word, expected);
        if slot == MESSAGE {
            self.watch.arm(MESSAGE, word, Passing::Never);
        }
        for (number, death) in (FIRST_DEATH..).zip(deaths.iter()) {
            // A ring can add to the counter only, and nothing can be added to that of a full object. And no code of
            // this process runs when a ring tells of a death, so it cannot pass it on.
            let passing = death.passing;
            if slot == MESSAGE && passing != Passing::AtOnce {
                self.watch.arm(number, death.word, passing);
            } else if self
                .watch
                .arm_by_watcher(number, death.word, passing)
                .is_err()
            {
                return self.stay_ready();
            }
        }
        self.watch.commit();
        if slot == MESSAGE {
            self.level = EMPTY;
            return true;
        }
        if self
            .watch
            .arm_by_watcher(ROOM, word, Passing::Never)
            .is_err()
        {
            return self.stay_ready();
        }
        self.watch.raise(FULL);
        self.level = FULL;
        self.harvest();
        // If it has fired before the counter was FULL, the descriptor is not ready.
        self.level == FULL && self.watch.is_armed(ROOM)
    }

    /// If the watch cannot be armed, the descriptor is always ready: the program finds out by its calls.
    fn stay_ready(&mut self) -> bool {
        self.level = READY;
        self.watch.raise(READY);
        true
    }
}
