//! A handle's membership in a topic: the place in shared memory that says which process it belongs to.
//!
//! A place belongs to a process and not to a thread, so any thread may use a handle, and what one thread has
//! borrowed another may return. The place holds the process's birth. Others prove by it that the process has
//! ended or has executed another program ([`is_process_gone`]), and then take the place.
//!
//! A forked child has its parent's handles and none of its parent's places. Its first call with a handle
//! takes a place for it.

use crate::base::error::Result;
use crate::base::time::{Deadline, now};
use crate::object::layout::NO_POSITION;
use crate::sys::liveness::{Birth, BirthCell, id_of, is_process_gone};
use crate::sys::scheduling::let_others_run;
use crate::sys::thread::{Process, known_generation};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicU32, AtomicU64};
use core::time::Duration;

/// The membership of one handle.
pub(in crate::ipc) struct Member {
    /// The generation of the process that has the place; 0 before there is one. With [`JOINING`], a thread
    /// of that process is taking a place.
    generation: AtomicU64,
    birth: AtomicU64,
    place: AtomicU32,
}

const JOINING: u64 = 1 << 32;

/// How long a call waits for another thread of this process that takes a place for the handle.
const JOIN_PATIENCE: Duration = Duration::from_secs(1);

impl Member {
    pub(in crate::ipc) fn none() -> Member {
        Member {
            generation: AtomicU64::new(0),
            birth: AtomicU64::new(0),
            place: AtomicU32::new(0),
        }
    }

    /// The index of the handle's place, if this process has one.
    #[inline(always)]
    pub(in crate::ipc) fn place(&self) -> Option<u32> {
        let generation = u64::from(known_generation());
        // Acquire pairs with the Release in `settle`: without it the index of an older place could be read.
        let is_own = generation != 0 && self.generation.load(Acquire) == generation;
        is_own.then(|| self.place.load(Relaxed))
    }

    /// The process's birth. Only for a handle that has a place.
    #[inline(always)]
    pub(in crate::ipc) fn birth(&self) -> Birth {
        self.birth.load(Relaxed)
    }

    /// The index of the handle's place. If this process has none, `join` takes one for a process with this
    /// birth.
    #[cold]
    pub(in crate::ipc) fn settle(&self, join: &dyn Fn(Birth) -> Result<u32>) -> Result<u32> {
        let process = Process::current();
        let generation = u64::from(process.generation);
        let until = now().saturating_add(JOIN_PATIENCE);
        loop {
            let seen = self.generation.load(Acquire);
            if seen == generation && self.birth.load(Relaxed) == process.birth {
                return Ok(self.place.load(Relaxed));
            }
            let joining = generation | JOINING;
            if seen == joining {
                // A thread that a handler has taken out of the call with siglongjmp() would block all others.
                if Deadline::At(until).has_passed() {
                    let _ = self.generation.compare_exchange(seen, 0, Relaxed, Relaxed);
                }
                let_others_run();
                continue;
            }
            if self
                .generation
                .compare_exchange(seen, joining, Acquire, Relaxed)
                .is_err()
            {
                continue;
            }
            return match join(process.birth) {
                Ok(place) => {
                    self.place.store(place, Relaxed);
                    self.birth.store(process.birth, Relaxed);
                    self.generation.store(generation, Release);
                    Ok(place)
                }
                Err(error) => {
                    self.generation.store(0, Release);
                    Err(error)
                }
            };
        }
    }
}

/// How long a process that finds no place searches on while places change hands.
const SEARCH_PATIENCE: Duration = Duration::from_secs(1);

/// Takes one of `count` places for a process: a free one, or that of a dead process, which `take_over` tries to get.
/// `None`: at one moment living processes had all of them.
///
/// A search takes a while. A place that it has passed may lose its owner, whose successor takes a place that it has not
/// reached yet. So one search in which every owner lives proves nothing. Two in a row with the same owners do: between
/// them all these owners lived.
#[cold]
pub(super) fn join<'p>(
    count: u32,
    owner_of: &dyn Fn(u32) -> Result<&'p BirthCell>,
    take_over: &mut dyn FnMut(u32, Birth) -> Result<Option<u32>>,
    birth: Birth,
) -> Result<Option<u32>> {
    let until = now().saturating_add(SEARCH_PATIENCE);
    let mut owners_before = None;
    loop {
        let mut owners = 0;
        for index in 0..count {
            if take(owner_of(index)?, birth) {
                return Ok(Some(index));
            }
            owners = hash_of_owners(owners, owner_of(index)?.load(Relaxed));
        }
        if owners_before == Some(owners) || Deadline::At(until).has_passed() {
            return Ok(None);
        }
        owners_before = Some(owners);
        for index in 0..count {
            let Some(dead) = dead_owner(owner_of(index)?) else {
                continue;
            };
            // Another process may be faster, and then the owners are others in the next round.
            owners_before = None;
            if let Some(place) = take_over(index, dead)? {
                return Ok(Some(place));
            }
        }
    }
}

/// Adds an owner to the hash of those before it (Fowler, Noll and Vo, by whole words).
fn hash_of_owners(before: u64, owner: Birth) -> u64 {
    (before.rotate_left(5) ^ owner).wrapping_mul(0x100_0000_01b3)
}

/// Takes a free place for a process.
pub(in crate::ipc) fn take(owner: &BirthCell, birth: Birth) -> bool {
    owner.load(Relaxed) == 0
        // SeqCst: what the new owner reads next, it reads after the others can see it here.
        && owner.compare_exchange(0, birth, SeqCst, Relaxed).is_ok()
}

/// Gives a place to another owner, or frees it with 0, if it still belongs to `before`.
pub(super) fn replace(owner: &BirthCell, before: Birth, after: Birth) -> bool {
    // SeqCst: as in `take`. It includes Release: the next owner must not find what this one left.
    owner
        .compare_exchange(before, after, SeqCst, Relaxed)
        .is_ok()
}

/// The birth of the process that has the place, if that process has ended.
pub(in crate::ipc) fn dead_owner(owner: &BirthCell) -> Option<Birth> {
    let birth = owner.load(Relaxed);
    (birth != 0 && is_process_gone(birth)).then_some(birth)
}

/// The process id in a birth.
pub(in crate::ipc) fn process_of(birth: Birth) -> u32 {
    id_of(birth)
}

/// Whether a place's position is one for which publishers wait.
pub(in crate::ipc) fn is_position(position: u64) -> bool {
    position != NO_POSITION
}
