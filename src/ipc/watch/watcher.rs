//! The watcher: the thread that waits for words where io_uring is not permitted, and for what a ring cannot
//! express.
//!
//! There is one watcher per process, with one thread for each [`PLACES`] words, which is mostly one. The first
//! [`places`] starts it. It sleeps in futex_waitv until a word is woken, and never wakes without a reason. Before
//! Linux 5.16, and in a sandbox that forbids futex_waitv, it asks the kernel for each word every [`PERIOD`].
//!
//! The watcher never reads a watched word: it gives addresses to the kernel only. So memory that was unmapped
//! with a watch on it is a reason to report, and no crash.
//!
//! Things that the kernel does not tell of at all, it examines every [`EXAMINATION`]: see [`Examined`]. It does so only while
//! somebody waits for such a thing.
//!
//! A forked child has the parent's table and not its threads. It makes a watcher of its own when it needs one.

use crate::base::alloc::{List, Shared, try_box};
use crate::base::error::{Result, failed};
use crate::base::time::{Deadline, now};
use crate::ipc::waitable::{Passing, SharedExamined};
use crate::ipc::watch::target::Target;
use crate::sys::futex;
use crate::sys::scheduling::let_others_run;
use crate::sys::signal::{self, Blocked};
use crate::sys::thread::generation;
use crate::sys::watch_words::{self, Ended, Found, WORDS_MAX, Word};
use crate::sys::worker::Worker;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many words one thread watches: all that futex_waitv takes, without the word that changes the list.
pub(super) const PLACES: usize = WORDS_MAX - 1;

/// How often the words are checked where the kernel cannot wait for several.
const PERIOD: Duration = Duration::from_millis(10);

/// How often [`Examined`](crate::ipc::waitable::Examined) things are examined: a death is to be known within 100 ms.
const EXAMINATION: Duration = Duration::from_millis(50);

/// The stack of a watcher's thread. Its largest frame holds two lists of words.
const STACK_SIZE: usize = 64 << 10;

/// A place in the watcher's table, which one watch has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place(u32);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has the place.
    Free,
    /// A watch has the place, and waits for nothing.
    Idle,
    Armed,
    /// The word was woken or has changed.
    Fired,
}

struct Entry {
    state: State,
    word: Word,
    /// Tells one arming of the place from the next.
    serial: u32,
    passing: Passing,
    /// Whether the place has fired because of a death.
    is_death: bool,
    /// The place waits for this instead of for a word.
    examined: Option<SharedExamined>,
    target: Option<Shared<Target>>,
}

/// The places of one thread.
struct Chunk {
    entries: [Entry; PLACES],
    /// The thread sleeps on this word too. A change of the entries changes it.
    control: AtomicU32,
    is_running: bool,
}

struct Watcher {
    generation: u32,
    /// A parent's watcher, which this one replaces in a child. It stays as it was at the fork.
    #[expect(
        dead_code,
        reason = "so that tools that look for leaks find the memory"
    )]
    parent: *mut Watcher,
    chunks: Mutex<List<Box<Chunk>>>,
}

// SAFETY: `parent` is never used.
unsafe impl Send for Watcher {}
// SAFETY: as for Send.
unsafe impl Sync for Watcher {}

static WATCHER: AtomicPtr<Watcher> = AtomicPtr::new(ptr::null_mut());

/// This process's watcher, if there is one.
fn present() -> Option<&'static Watcher> {
    let watcher = WATCHER.load(Ordering::Acquire);
    // SAFETY: NULL, or a watcher that is never freed.
    let watcher = unsafe { watcher.as_ref() }?;
    (watcher.generation == generation()).then_some(watcher)
}

/// This process's watcher. The first call makes it.
fn watcher() -> Result<&'static Watcher> {
    loop {
        if let Some(watcher) = present() {
            return Ok(watcher);
        }
        let parent = WATCHER.load(Ordering::Acquire);
        let made = Box::into_raw(try_box(Watcher {
            generation: generation(),
            parent,
            chunks: Mutex::new(List::new()),
        })?);
        // Release: without it another thread could use the pointer before the watcher is complete.
        if WATCHER
            .compare_exchange(parent, made, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: nobody else has got the pointer.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}

/// The table, locked. All signals stay blocked meanwhile: a handler that called the library would wait for this
/// thread.
struct Locked<'a> {
    // The fields are dropped in this order.
    chunks: MutexGuard<'a, List<Box<Chunk>>>,
    _blocked: Blocked,
}

impl Watcher {
    /// The table, locked by a mutex of std's: parking_lot allocates memory when two threads meet, and ends the
    /// process if there is none.
    fn chunks(&self) -> MutexGuard<'_, List<Box<Chunk>>> {
        // A panic leaves the table whole.
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> Locked<'_> {
        let _blocked = Blocked::all();
        Locked {
            chunks: self.chunks(),
            _blocked,
        }
    }
}

impl Locked<'_> {
    fn entry(&mut self, place: Place) -> Option<&mut Entry> {
        let number = place.0 as usize;
        let chunk = self.chunks.get_mut(number / PLACES)?;
        chunk.entries.get_mut(number % PLACES)
    }

    /// Makes the thread of a place read its entries again.
    fn tell_thread(&self, place: Place) {
        if let Some(chunk) = self.chunks.get(place.0 as usize / PLACES) {
            chunk.control.fetch_add(1, Ordering::Relaxed);
            futex::wake(&chunk.control, 1);
        }
    }

    /// A free place, for which a thread runs.
    fn claim(&mut self, target: &Shared<Target>) -> Result<Place> {
        let free = |chunk: &Chunk| {
            chunk
                .entries
                .iter()
                .position(|entry| entry.state == State::Free)
        };
        let mut found = self.chunks.iter().enumerate();
        let found = found.find_map(|(number, chunk)| Some((number, free(chunk)?)));
        let (number, place) = match found {
            Some(found) => found,
            None => {
                self.chunks.push(try_box(Chunk::new())?)?;
                (self.chunks.len() - 1, 0)
            }
        };
        let chunk = &mut self.chunks[number];
        if !chunk.is_running {
            start(number)?;
            chunk.is_running = true;
        }
        let entry = &mut chunk.entries[place];
        entry.state = State::Idle;
        entry.target = Some(target.clone());
        Ok(Place((number * PLACES + place) as u32))
    }
}

impl Chunk {
    const fn new() -> Chunk {
        Chunk {
            entries: [const {
                Entry {
                    state: State::Free,
                    word: Word {
                        address: 0,
                        expected: 0,
                    },
                    serial: 0,
                    passing: Passing::Never,
                    is_death: false,
                    examined: None,
                    target: None,
                }
            }; PLACES],
            control: AtomicU32::new(0),
            is_running: false,
        }
    }
}

/// Takes places for the words of a watch, one for each item of `places`, and starts the thread that they need.
pub(super) fn claim(
    places: &mut dyn Iterator<Item = &mut Option<Place>>,
    target: &Shared<Target>,
) -> Result<()> {
    let mut locked = watcher()?.lock();
    for place in places.filter(|place| place.is_none()) {
        *place = Some(locked.claim(target)?);
    }
    Ok(())
}

/// Gives places back. What they were armed for is watched no more.
pub(super) fn give_back(places: &mut dyn Iterator<Item = Place>) {
    let Some(watcher) = present() else {
        return;
    };
    let mut locked = watcher.lock();
    for place in places {
        let Some(entry) = locked.entry(place) else {
            continue;
        };
        let was_armed = entry.state == State::Armed;
        entry.state = State::Free;
        let target = entry.target.take();
        let examined = entry.examined.take();
        if was_armed {
            locked.tell_thread(place);
        }
        drop(target);
        if examined.is_some() {
            // Its end may unmap memory, which takes time.
            drop(locked);
            drop(examined);
            locked = watcher.lock();
        }
    }
}

/// Watches a word.
pub(super) fn arm(place: Place, word: Word, passing: Passing) {
    arm_entry(place, &mut |entry| {
        entry.word = word;
        entry.passing = passing;
        None
    });
}

/// Examines something every [`EXAMINATION`].
pub(super) fn arm_examined(place: Place, examined: &SharedExamined) {
    arm_entry(place, &mut |entry| entry.examined.replace(examined.clone()));
}

fn arm_entry(place: Place, set: &mut dyn FnMut(&mut Entry) -> Option<SharedExamined>) {
    let Some(watcher) = present() else {
        return;
    };
    // Dropped when the table is not locked any more: its end may unmap memory.
    let mut _before = None;
    let mut locked = watcher.lock();
    if let Some(entry) = locked.entry(place) {
        _before = set(entry);
        entry.state = State::Armed;
        entry.serial = entry.serial.wrapping_add(1);
        locked.tell_thread(place);
    }
}

/// Watches the word of a place no more.
pub(super) fn disarm(place: Place) {
    let Some(watcher) = present() else {
        return;
    };
    // Dropped as in `arm_entry`.
    let mut _before = None;
    let mut locked = watcher.lock();
    if let Some(entry) = locked.entry(place) {
        let was_armed = entry.state == State::Armed;
        entry.state = State::Idle;
        _before = entry.examined.take();
        if was_armed {
            locked.tell_thread(place);
        }
    }
}

/// Calls `fired` with the number of each place in the list whose word was woken, and whether that was because of a death.
/// The place is idle then.
pub(super) fn take_fired(places: &[Option<Place>], fired: &mut dyn FnMut(usize, bool)) {
    let Some(watcher) = present() else {
        return;
    };
    let mut locked = watcher.lock();
    for (number, place) in places.iter().enumerate() {
        let entry = place.and_then(|place| locked.entry(place));
        if let Some(entry) = entry.filter(|entry| entry.state == State::Fired) {
            entry.state = State::Idle;
            fired(number, entry.is_death);
        }
    }
}

fn start(chunk: usize) -> Result<()> {
    let body = try_box(move || run(chunk))?;
    let thread =
        signal::with_all_blocked(|| Worker::start_with_stack(c"ipc_watch", STACK_SIZE, body))
            .map_err(|errno| failed!(errno, "the watcher's thread cannot be started"))?;
    thread.detach();
    Ok(())
}

/// The words of a chunk that are watched, with the numbers of their entries.
struct Watched {
    words: [Word; WORDS_MAX],
    entries: [(u32, u32); WORDS_MAX],
    count: usize,
    has_examined: bool,
}

fn run(chunk: usize) {
    let Some(watcher) = present() else {
        return;
    };
    let mut watched = Watched {
        words: [Word {
            address: 0,
            expected: 0,
        }; WORDS_MAX],
        entries: [(0, 0); WORDS_MAX],
        count: 0,
        has_examined: false,
    };
    let mut next_examination = None;
    // The process's end ends the thread.
    loop {
        let Some(control) = watched.fill(&watcher.chunks(), chunk) else {
            return;
        };
        next_examination = match watched.has_examined {
            true => next_examination.or_else(|| Some(now() + EXAMINATION)),
            false => None,
        };
        let deadline = next_examination.map_or(Deadline::Never, Deadline::At);
        let mut woken = None;
        match watch_words::wait(&watched.words[..watched.count], deadline) {
            Ended::Woken(place) => woken = Some(place),
            Ended::Changed | Ended::TimedOut => {}
            Ended::NotSupported => wait_a_period(control, watched.count, deadline),
        }
        watched.report(&mut watcher.chunks(), chunk, woken);
        if next_examination.is_some_and(|next| next <= now()) {
            next_examination = None;
            examine(&mut watcher.chunks(), chunk);
        }
    }
}

/// The wait of kernels that can wait for one word only.
fn wait_a_period(control: Word, count: usize, limit: Deadline) {
    // With nothing to watch there is no reason to wake.
    let deadline = match count {
        1 => limit,
        _ => limit.earlier(now() + PERIOD),
    };
    // SAFETY: the control word is in a chunk, which is never freed.
    let word = unsafe { &*ptr::with_exposed_provenance::<AtomicU32>(control.address) };
    if futex::wait(word, control.expected, deadline).is_err() {
        // Not even that is permitted.
        let_others_run();
    }
}

/// Fires the entries whose examination finds a death.
fn examine(chunks: &mut List<Box<Chunk>>, chunk: usize) {
    let Some(chunk) = chunks.get_mut(chunk) else {
        return;
    };
    for entry in &mut chunk.entries {
        let is_armed = entry.state == State::Armed;
        // The examined thing stays there: this thread must not be the one that unmaps its memory.
        if is_armed && entry.examined.as_ref().is_some_and(|it| it.has_death()) {
            entry.state = State::Fired;
            entry.is_death = true;
            if let Some(target) = &entry.target {
                target.fire();
            }
        }
    }
}

impl Watched {
    /// Reads the chunk's entries. Returns its control word.
    fn fill(&mut self, chunks: &List<Box<Chunk>>, chunk: usize) -> Option<Word> {
        let chunk = chunks.get(chunk)?;
        let address = chunk.control.as_ptr().expose_provenance();
        let expected = chunk.control.load(Ordering::Relaxed);
        let control = Word { address, expected };
        self.words[0] = control;
        self.count = 1;
        self.has_examined = false;
        for (number, entry) in chunk.entries.iter().enumerate() {
            if entry.state == State::Armed && entry.examined.is_some() {
                self.has_examined = true;
            } else if entry.state == State::Armed {
                self.words[self.count] = entry.word;
                self.entries[self.count] = (number as u32, entry.serial);
                self.count += 1;
            }
        }
        Some(control)
    }

    /// Fires the entries whose words were woken or have changed.
    fn report(&self, chunks: &mut List<Box<Chunk>>, chunk: usize, woken: Option<usize>) {
        let Some(chunk) = chunks.get_mut(chunk) else {
            return;
        };
        if woken == Some(0) {
            return;
        }
        for at in 1..self.count {
            let (number, serial) = self.entries[at];
            let entry = &mut chunk.entries[number as usize];
            if entry.state != State::Armed || entry.serial != serial {
                continue;
            }
            let has_fired =
                woken == Some(at) || watch_words::state(entry.word) != Found::AsExpected;
            if has_fired {
                entry.state = State::Fired;
                entry.is_death = entry.passing.pass_on(entry.word);
                if let Some(target) = &entry.target {
                    target.fire();
                }
            }
        }
    }
}
