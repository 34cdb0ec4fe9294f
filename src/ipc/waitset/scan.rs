//! One look at the entries of a waitset: which are ready, and arming those that are not.

use super::entry::Source;
use super::{CLOSINGS, EVENTS, Found, OBJECTS, Ready, State};
use crate::base::error::{Errno, Result};
use crate::ipc::waitable::{DEATH_WORDS, DeathWords, Passing, Waitable};
use crate::ipc::watch::READY;
use crate::sys::epoll::{self, NO_EVENT};
use crate::sys::watch_words::Word;
use core::ops::Range;
use core::sync::atomic::Ordering::SeqCst;

/// How many slots of the watch an entry has: its own word's, those of deaths, and that of what is examined.
pub(super) const SLOTS: usize = 1 + DEATH_WORDS + 1;

/// The slot of [`CLOSINGS`]. The entries' slots follow.
const CLOSING: usize = 0;

/// How many slots a set with so many entries needs.
pub(super) const fn slots(entries: usize) -> usize {
    SLOTS * (1 + entries)
}

/// The slots of an entry. The first is that of its own word.
pub(super) fn slots_of(entry: usize) -> Range<usize> {
    slots(entry)..slots(entry + 1)
}

/// A scan's knowledge of one entry.
#[derive(PartialEq, Eq)]
enum Answer {
    Ready,
    NotReady,
    /// It is not ready, and its watch is not armed.
    Unwatched,
}

impl State {
    /// Reports the entries that are ready, as many as there is room for, and arms the others. With `others_sleep`
    /// the set stays ready for other threads as long as one of its entries may be. With `is_last` the caller does not
    /// sleep if this finds nothing.
    pub(super) fn scan(
        &mut self,
        ready: &mut dyn Found,
        others_sleep: bool,
        is_last: bool,
    ) -> Result<usize> {
        // If it cannot be armed by the calling thread, nothing is.
        self.watch.enter_lane()?;
        self.check_handles();
        self.watch.harvest();
        let has_fired = self.watch.has_fired();
        let is_eventfd_ready = self.take_events()?;
        let (found, has_unwatched, has_ready) = self.report(ready);
        let mut found = found;
        let mut leaves_ready = has_ready;
        let is_watched_by_others = self.is_exposed || others_sleep;
        // A thread that has something to do asks the others again before it sleeps.
        let arms = found == 0 || is_watched_by_others;
        if arms && (has_unwatched || !self.watch.is_armed(CLOSING)) {
            self.disarm_deaths();
            self.watch.lower();
            let (more, others) = self.arm_unwatched(ready, found);
            found = more;
            leaves_ready |= others;
            self.watch.commit();
        } else if is_eventfd_ready && !has_ready && !has_fired {
            // A waker makes the eventfd ready in two steps. If the set was scanned between them, the second one has
            // made it ready for nothing. Only the second time in a row is a sign of that.
            if self.is_ready_in_vain {
                self.watch.lower();
                self.watch.commit();
            }
            self.is_ready_in_vain = !self.is_ready_in_vain;
        }
        self.watch.harvest();
        if found == 0 && self.watch.has_news() {
            // An entry that fired before the eventfd was lowered makes it ready no more, and is not armed.
            self.watch.raise(READY);
        }
        if found == 0 && is_last {
            found = self.ask_all(ready);
            leaves_ready |= found != 0;
        }
        if leaves_ready && is_watched_by_others && !self.watch.is_raised() {
            self.watch.raise(READY);
        }
        Ok(found)
    }

    /// Notes which objects were closed.
    fn check_handles(&mut self) {
        let closings = CLOSINGS.load(SeqCst);
        if closings != self.closings || !self.watch.is_armed(CLOSING) {
            self.closings = closings;
            // The watcher's thread must not make the set ready later for a closing that this scan has seen.
            self.watch.disarm(CLOSING);
            for (number, entry) in self.entries.iter_mut().enumerate() {
                let Some(entry) = entry else {
                    continue;
                };
                entry.source.check_open();
                // An object at an address is asked: it may have been destroyed.
                if matches!(&entry.source, Source::Object(object) if object.is_open.is_none()) {
                    slots_of(number).for_each(|slot| self.watch.disarm(slot));
                }
            }
        }
    }

    /// Asks epoll which descriptors are ready. Returns whether the eventfd is.
    fn take_events(&mut self) -> Result<bool> {
        let mut is_eventfd_ready = false;
        for entry in self.entries.iter_mut().flatten() {
            entry.is_reported = false;
        }
        let mut events = [NO_EVENT; EVENTS];
        // Each round asks for more than the one before has reported. epoll reports in turn, so all come.
        for _ in 0..=self.entries.len() / EVENTS {
            let count = match epoll::ready(self.epoll.number(), &mut events) {
                Ok(count) => count,
                // The program has closed the epoll instance, or its number is another file's.
                Err(Errno::EBADF | Errno::EINVAL) => {
                    self.make_own()?;
                    continue;
                }
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            for event in &events[..count] {
                match event.u64 {
                    OBJECTS => is_eventfd_ready = true,
                    number => {
                        let entry = self.entries.get_mut(number as usize);
                        if let Some(entry) = entry.and_then(Option::as_mut) {
                            entry.is_reported = true;
                        }
                    }
                }
            }
            if count < EVENTS {
                break;
            }
        }
        Ok(is_eventfd_ready)
    }

    /// Reports what is ready, in turn. Returns how many were reported, whether an object is not ready and not
    /// watched, and whether an object is ready.
    fn report(&mut self, ready: &mut dyn Found) -> (usize, bool, bool) {
        let (mut found, mut has_unwatched, mut has_ready) = (0, false, false);
        let (count, first) = (self.entries.len(), self.next);
        for at in 0..count {
            let number = (first + at) % count;
            let is_object = self.entries[number]
                .as_ref()
                .is_some_and(|entry| matches!(entry.source, Source::Object(_) | Source::Gone));
            if found == ready.capacity() {
                // Whatever is ready is for the next wait. An object that nobody has asked keeps the set ready.
                has_ready |= is_object && !self.watch.is_armed(slots_of(number).start);
                continue;
            }
            match self.answer(number) {
                Answer::NotReady => {}
                Answer::Unwatched => has_unwatched = true,
                Answer::Ready => {
                    has_ready |= is_object;
                    self.put(ready, found, number);
                    found += 1;
                }
            }
        }
        (found, has_unwatched, has_ready)
    }

    fn put(&mut self, ready: &mut dyn Found, place: usize, number: usize) {
        if let Some(entry) = &self.entries[number] {
            let (tag, what) = (entry.tag, entry.what);
            ready.put(place, Ready { tag, what });
            self.next = (number + 1) % self.entries.len();
        }
    }

    fn answer(&mut self, number: usize) -> Answer {
        let slots = slots_of(number);
        let is_armed = self.watch.is_armed(slots.start);
        let Some(entry) = &mut self.entries[number] else {
            return Answer::NotReady;
        };
        let Source::Object(object) = &entry.source else {
            let is_ready = matches!(entry.source, Source::Gone) || entry.take_report();
            return if is_ready {
                Answer::Ready
            } else {
                Answer::NotReady
            };
        };
        let mut others = slots.clone().skip(1);
        let has_fired = others.clone().any(|slot| self.watch.has_slot_fired(slot));
        let has_died = others.any(|slot| self.watch.has_slot_death(slot));
        if has_fired {
            slots.for_each(|slot| self.watch.disarm(slot));
        }
        // A death is reported once, whatever the object says: the program's next call finds what it left.
        if has_died {
            return Answer::Ready;
        }
        if is_armed && !has_fired {
            Answer::NotReady
        } else if object.waitable.is_ready() {
            Answer::Ready
        } else {
            Answer::Unwatched
        }
    }

    /// Asks all objects, also those whose watches are armed: the watcher's thread may not have run yet. Returns how
    /// many were reported.
    fn ask_all(&mut self, ready: &mut dyn Found) -> usize {
        let (count, first) = (self.entries.len(), self.next);
        let mut found = 0;
        for at in 0..count {
            let number = (first + at) % count;
            let source = self.entries[number].as_ref().map(|entry| &entry.source);
            let is_ready =
                matches!(source, Some(Source::Object(object)) if object.waitable.is_ready());
            if is_ready && found < ready.capacity() {
                self.put(ready, found, number);
                found += 1;
            }
        }
        found
    }

    /// Ends what is left of the watches that are to be armed again.
    fn disarm_deaths(&mut self) {
        for number in 0..self.entries.len() {
            if !self.watch.is_armed(slots_of(number).start) {
                slots_of(number).for_each(|slot| self.watch.disarm(slot));
            }
        }
    }

    /// Arms the objects that are not ready and not watched. Those that are ready now are reported. Returns how many
    /// were reported in all, and whether an object is ready.
    fn arm_unwatched(&mut self, ready: &mut dyn Found, before: usize) -> (usize, bool) {
        let (mut found, mut has_ready) = (before, false);
        if !self.watch.is_armed(CLOSING) {
            self.watch
                .arm(CLOSING, Word::new(&CLOSINGS, self.closings), Passing::Never);
        }
        for number in 0..self.entries.len() {
            let slot = slots_of(number).start;
            if self.watch.is_armed(slot) {
                continue;
            }
            let is_ready = match &self.entries[number] {
                Some(entry) => match &entry.source {
                    Source::Object(object) => {
                        object.waitable.is_ready() || !arm(&mut self.watch, slot, &*object.waitable)
                    }
                    _ => false,
                },
                None => false,
            };
            if is_ready {
                has_ready = true;
                // An object that was reported before is ready still, and one that has become ready is reported now,
                // if nothing else was.
                if before == 0 && found < ready.capacity() {
                    self.put(ready, found, number);
                    found += 1;
                }
            }
        }
        (found, has_ready)
    }
}

/// Arms the watch of one object. False if the object may be ready.
fn arm(watch: &mut crate::ipc::watch::Watch, slot: usize, waitable: &dyn Waitable) -> bool {
    let mut deaths = DeathWords::default();
    let Some((word, expected)) = waitable.prepare() else {
        return false;
    };
    if !waitable.prepare_for_deaths(&mut deaths) {
        return false;
    }
    if let Some(examined) = waitable.examined() {
        let last = slot + SLOTS - 1;
        if watch.arm_examined(last, examined).is_err() {
            return false;
        }
    }
    watch.arm(slot, Word::new(word, expected), Passing::Never);
    for (number, death) in (slot + 1..).zip(deaths.iter()) {
        let passing = death.passing;
        if passing != Passing::AtOnce {
            watch.arm(number, death.word, passing);
        } else if watch.arm_by_watcher(number, death.word, passing).is_err() {
            watch.disarm(slot);
            return false;
        }
    }
    true
}
