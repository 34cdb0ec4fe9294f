//! Waitsets: one wait over many objects, descriptors, children and timers.
//!
//! A waitset is an epoll instance. In it are the descriptors that the program adds, and one eventfd for all objects
//! in shared memory together: that of the set's [`Watch`]. A wait goes through the entries once:
//!
//! - An object whose watch is *armed* is not ready, and costs nothing.
//! - An object whose watch is not armed is asked. If it is ready, it is reported and stays as it is: the program
//!   takes what it can before it waits again. If it is not ready, its watch is armed.
//! - A descriptor is ready if epoll reports it.
//!
//! If nothing is ready, the thread sleeps on the epoll instance. A wake-up makes the eventfd ready and names the
//! objects that it came from, so only these are asked.
//!
//! Each wait begins behind the entry that the last one reported last. So an object that is always ready is reported
//! as often as the others.
//!
//! The set takes nothing from its objects, except the expiry of a timer. Only adding allocates memory.

mod entry;
mod scan;
mod turn;

use crate::base::alloc::List;
use crate::base::error::{Errno, Result, fail, failed};
use crate::base::time::Deadline;
use crate::ipc::watch::{READY, Watch};
use crate::sys::epoll;
use crate::sys::fd::Kept;
use crate::sys::ready;
use crate::sys::thread::generation;
use crate::sys::watch_words::{Word, wake_all};
use core::cell::UnsafeCell;
use core::ops::Range;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicU32};
use core::time::Duration;
use entry::{Entry, Source, register, unregister};
pub(crate) use entry::{HandleDescriptor, IsOpen, Object, Tag};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use turn::{Held, Turn};

/// The number by which epoll reports the eventfd of the objects.
const OBJECTS: u64 = u64::MAX;

/// How many events are asked of epoll at once.
const EVENTS: usize = 64;

/// How often an object of this process that a set may hold was closed. Each set watches this word too.
static CLOSINGS: AtomicU32 = AtomicU32::new(0);

/// Whether this process has, or had, a waitset.
static ANY: AtomicBool = AtomicBool::new(false);

/// Call after an object of this process was closed or destroyed: waits that have it see that.
#[inline]
pub(crate) fn note_closing() {
    if ANY.load(Relaxed) {
        CLOSINGS.fetch_add(1, SeqCst);
        wake_all(Word::new(&CLOSINGS, 0));
    }
}

/// A report of a wait.
#[derive(Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) tag: Tag,
    pub(crate) what: i32,
}

pub(crate) struct Waitset {
    turn: Turn,
    /// How many threads sleep until the set is ready.
    sleepers: AtomicU32,
    is_closed: AtomicBool,
    state: UnsafeCell<State>,
}

// SAFETY: only the thread whose turn it is touches `state`, and a State may move between threads.
unsafe impl Send for Waitset {}
// SAFETY: as for Send.
unsafe impl Sync for Waitset {}

struct State {
    /// The process whose epoll instance this is.
    generation: u32,
    epoll: Kept,
    watch: Watch,
    /// `None`: free, for another entry.
    entries: List<Option<Entry>>,
    /// The entry at which the next wait begins.
    next: usize,
    /// Whether the program has the set's descriptor, so that it has to be ready while an entry is.
    is_exposed: bool,
    /// Whether an entry is being added or removed.
    is_changing: bool,
    /// The value of [`CLOSINGS`] when the handles were last checked.
    closings: u32,
    /// Whether the eventfd was found ready without a reason.
    is_ready_in_vain: bool,
}

/// A turn at the set's state.
struct Access<'a> {
    state: &'a mut State,
    _held: Held<'a>,
}

impl Waitset {
    pub(crate) fn new() -> Result<Waitset> {
        ANY.store(true, Relaxed);
        let mut state = State {
            generation: generation(),
            epoll: Kept::none(),
            watch: Watch::new(scan::slots(8), scan::SLOTS)?,
            entries: List::with_room(8)?,
            next: 0,
            is_exposed: false,
            is_changing: false,
            closings: 0,
            is_ready_in_vain: false,
        };
        state.make_epoll()?;
        Ok(Waitset {
            turn: Turn::new(),
            sleepers: AtomicU32::new(0),
            is_closed: AtomicBool::new(false),
            state: UnsafeCell::new(state),
        })
    }

    /// Waits for this thread's turn, and makes the state this process's own.
    fn access(&self) -> Result<Access<'_>> {
        let held = self.turn.take()?;
        // SAFETY: it is this thread's turn, as long as `held` lives.
        let state = unsafe { &mut *self.state.get() };
        if held.is_inherited && state.is_changing {
            return Err(fail!(
                ESTALE,
                "this process was forked while another thread changed the waitset"
            ));
        }
        if state.generation != generation() {
            state.make_own()?;
        }
        Ok(Access { state, _held: held })
    }

    pub(crate) fn add_object(&self, object: Object, what: i32, tag: Tag) -> Result<()> {
        self.add(Source::Object(object), what, tag)
    }

    pub(crate) fn add_handle_descriptor(
        &self,
        descriptor: HandleDescriptor,
        what: i32,
        tag: Tag,
    ) -> Result<()> {
        self.add(descriptor.source()?, what, tag)
    }

    pub(crate) fn add_descriptor(
        &self,
        number: RawFd,
        events: u32,
        what: i32,
        tag: Tag,
    ) -> Result<()> {
        self.add(Source::Descriptor { number, events }, what, tag)
    }

    pub(crate) fn add_timer(
        &self,
        first: Deadline,
        period: Duration,
        what: i32,
        tag: Tag,
    ) -> Result<()> {
        self.add(Source::timer(first, period)?, what, tag)
    }

    fn add(&self, source: Source, what: i32, tag: Tag) -> Result<()> {
        let access = self.access()?;
        let state = access.state;
        state.is_changing = true;
        let outcome = state.add(Entry {
            tag,
            what,
            source,
            is_reported: false,
        });
        state.is_changing = false;
        outcome
    }

    /// Removes all entries with this tag. `ENOENT` if there is none.
    pub(crate) fn remove(&self, tag: Tag) -> Result<()> {
        // Each is dropped after the turn: it may be the last user of a mapping, whose end asks for the turns of all
        // sets.
        if self.remove_one(tag)?.is_none() {
            return Err(fail!(
                ENOENT,
                "the waitset has no entry with the tag {:p}",
                tag.0
            ));
        }
        while self.remove_one(tag)?.is_some() {}
        Ok(())
    }

    fn remove_one(&self, tag: Tag) -> Result<Option<Entry>> {
        let access = self.access()?;
        let state = access.state;
        state.is_changing = true;
        let removed = state.remove(tag);
        state.is_changing = false;
        Ok(removed)
    }

    /// Waits until entries are ready and writes which. Returns how many.
    pub(crate) fn wait(&self, ready: &mut dyn Found, deadline: Deadline) -> Result<usize> {
        loop {
            let access = self.access()?;
            if self.is_closed.load(SeqCst) {
                return Err(Errno::EBADF.into());
            }
            let others_sleep = self.sleepers.load(SeqCst) != 0;
            let found = access
                .state
                .scan(ready, others_sleep, deadline.has_passed())?;
            if found != 0 {
                return Ok(found);
            }
            let epoll = access.state.epoll.number();
            if deadline == Deadline::Now {
                return Err(Errno::EAGAIN.into());
            }
            // Before the turn ends: the next thread's scan has to know of this one.
            self.sleepers.fetch_add(1, SeqCst);
            drop(access);
            let outcome = ready::wait(epoll, ready::READABLE, deadline);
            self.sleepers.fetch_sub(1, SeqCst);
            if outcome != Err(Errno::EBADF) {
                outcome?;
            }
        }
    }

    /// The set's descriptor, which is readable while an entry may be ready.
    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        let access = self.access()?;
        let state = access.state;
        state.is_exposed = true;
        if state.epoll.get().is_err() {
            state.make_own()?;
        }
        // Something may be ready that no scan has seen yet.
        state.watch.raise(READY);
        Ok(state.epoll.get()?.as_raw_fd())
    }

    /// Ends the waits of other threads.
    pub(crate) fn end_waits(&self) {
        self.is_closed.store(true, SeqCst);
        if let Ok(access) = self.access() {
            access.state.watch.raise(READY);
        }
    }

    /// Notes that memory is about to be unmapped: no object in it is read any more.
    pub(crate) fn forget_memory(&self, memory: &Range<usize>) {
        let Ok(access) = self.access() else {
            return;
        };
        let mut any = false;
        for entry in access.state.entries.iter_mut().flatten() {
            any |= entry.source.forget_memory(memory);
        }
        if any {
            access.state.watch.raise(READY);
        }
    }
}

/// The destination of a wait's results.
pub(crate) trait Found {
    /// How many results there is room for.
    fn capacity(&self) -> usize;
    fn put(&mut self, number: usize, ready: Ready);
}

impl State {
    fn make_epoll(&mut self) -> Result<()> {
        let made = epoll::create()
            .map_err(|errno| failed!(errno, "the waitset's epoll instance cannot be made"))?;
        let (eventfd, _) = self.watch.descriptor()?;
        let readable = libc::EPOLLIN as u32;
        epoll::add(made.as_fd(), eventfd, readable, OBJECTS)
            .map_err(|errno| failed!(errno, "the waitset's eventfd cannot be watched"))?;
        for (number, entry) in self.entries.iter().enumerate() {
            if let Some(entry) = entry {
                // A descriptor that is closed meanwhile is not reported any more, as in the epoll instance before.
                let _ = register(made.as_fd(), &entry.source, number);
            }
        }
        self.epoll.close();
        self.epoll.put(made)?;
        Ok(())
    }

    /// Gives this process an epoll instance, an eventfd and timers of its own: it was forked, or the program has
    /// closed them.
    fn make_own(&mut self) -> Result<()> {
        for entry in self.entries.iter_mut().flatten() {
            entry.source.make_own()?;
        }
        self.make_epoll()?;
        self.watch.raise(READY);
        self.generation = generation();
        Ok(())
    }

    fn add(&mut self, entry: Entry) -> Result<()> {
        let free = self.entries.iter().position(Option::is_none);
        let number = match free {
            Some(number) => number,
            None => {
                self.watch
                    .grow(scan::slots((self.entries.len() + 1).next_power_of_two()))?;
                self.entries.push(None)?;
                self.entries.len() - 1
            }
        };
        let is_object = matches!(entry.source, Source::Object(_));
        if is_object {
            // That of the death that matters most, so that a wait allocates nothing.
            self.watch.reserve(scan::slots_of(number).start + 1)?;
        }
        register(self.epoll.get()?, &entry.source, number)?;
        self.entries[number] = Some(entry);
        if is_object {
            // It may be ready, and sleeping threads do not know of it yet.
            self.watch.raise(READY);
        }
        Ok(())
    }

    /// Takes one entry with this tag out of the set.
    fn remove(&mut self, tag: Tag) -> Option<Entry> {
        let has_tag = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| entry.tag == tag);
        let number = self.entries.iter().position(has_tag)?;
        for slot in scan::slots_of(number) {
            self.watch.disarm(slot);
        }
        self.watch.commit();
        let entry = self.entries[number].take();
        if let (Some(entry), Ok(epoll)) = (&entry, self.epoll.get()) {
            unregister(epoll, &entry.source);
        }
        entry
    }
}
