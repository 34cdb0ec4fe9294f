//! The calling thread's identity: its id and birth, its PID namespace and its robust list.
//!
//! Lock words hold thread ids, so every lock and unlock needs the id. Each thread asks the kernel once
//! and keeps the answer in a thread-local variable. After a fork the child's thread must not continue
//! under its parent's id, so a kept answer counts only within the generation in which it was found.
//! A generation is a number that a fork resets.
//!
//! A child that shares its parent's memory (vfork, or clone with CLONE_VM and without CLONE_THREAD) also
//! shares the kept answer, and no memory can tell the two apart: only a system call in each lock could. So
//! such a child must not lock. robustipc(7) says so.

use super::futex::TID_MASK;
use super::liveness::{self, Birth};
use super::process;
use super::processor;
use super::robust::RobustList;
use crate::base::error::Result;
use core::cell::Cell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// The calling thread. Cheap to get, valid until the thread forks or ends.
#[derive(Clone, Copy)]
pub(crate) struct Thread {
    id: u32,
    pid_namespace: u32,
    birth: Birth,
    robust_list: RobustList,
    processor: processor::Place,
}

/// The generation of a kept answer before there is one: a number that never comes.
const NEVER: u32 = u32::MAX;

thread_local! {
    /// The kept answer, and the generation in which it was found.
    static CURRENT: Cell<(Thread, u32)> = const { Cell::new((
        Thread {
            id: 0,
            pid_namespace: 0,
            birth: 0,
            robust_list: RobustList::NONE,
            processor: processor::Place::NONE,
        },
        NEVER,
    )) };
}

/// Points to the generation: a word that reads 0 after every fork, because its page is marked
/// MADV_WIPEONFORK. Unlike a fork handler this also covers `clone` and `_Fork`. Until the page
/// exists, and always if the kernel can't mark a page so, it points to a constant 0. Then every call
/// asks the kernel again: slow and correct.
static GENERATION: AtomicPtr<AtomicU32> =
    AtomicPtr::new(&raw const NO_GENERATION as *mut AtomicU32);
static NO_GENERATION: AtomicU32 = AtomicU32::new(0);

impl Thread {
    /// The calling thread, if it has called `current` before and has not forked since.
    #[inline(always)]
    pub(crate) fn known() -> Option<Thread> {
        let (thread, generation) = CURRENT.get();
        // Acquire pairs with the Release in `generation_word`: without it this thread could read the
        // new page before the mapping that made it.
        let word = GENERATION.load(Ordering::Acquire);
        // SAFETY: the pointer is always that of NO_GENERATION or of a page that is never unmapped.
        let now = unsafe { &*word }.load(Ordering::Relaxed);
        (now == generation).then_some(thread)
    }

    /// The calling thread.
    pub(crate) fn current() -> Result<Thread> {
        match Thread::known() {
            Some(thread) => Ok(thread),
            None => Thread::ask(),
        }
    }

    #[cold]
    fn ask() -> Result<Thread> {
        let (before, its_generation) = CURRENT.get();
        let id = nix::unistd::gettid().as_raw().unsigned_abs();
        let generation = generation();
        // The id alone would not do: a child in a new PID namespace may get its parent's. Without a page
        // for the generation, the id is all there is.
        let is_new = id != before.id || generation != its_generation;
        let thread = Thread {
            robust_list: RobustList::of_calling_thread(is_new, before.robust_list)?,
            id,
            birth: liveness::birth_of(id),
            pid_namespace: process::pid_namespace(generation),
            processor: processor::Place::of_calling_thread(),
        };
        CURRENT.set((thread, generation));
        Ok(thread)
    }

    #[inline(always)]
    pub(crate) fn id(self) -> u32 {
        self.id
    }

    /// The inode number of the thread's PID namespace, in which its id is valid; 0 if unknown.
    #[inline(always)]
    pub(crate) fn pid_namespace(self) -> u32 {
        self.pid_namespace
    }

    /// A number that tells the thread from later threads with its id.
    #[inline(always)]
    pub(crate) fn birth(self) -> Birth {
        self.birth
    }

    #[inline(always)]
    pub(crate) fn robust_list(self) -> RobustList {
        self.robust_list
    }

    /// Leaves the number of this thread's processor for those that spin until this thread changes something
    /// ([`spin_for`](crate::sync::spin_for)).
    #[inline(always)]
    pub(crate) fn leave_processor(self, word: &AtomicU32) {
        let number = self.processor.read();
        // It seldom changes. Without a store the word's cache line may stay in others' caches.
        if word.load(Ordering::Relaxed) != number {
            word.store(number, Ordering::Relaxed);
        }
    }

    /// The place of the number of this thread's processor.
    #[inline(always)]
    pub(crate) fn processor(self) -> processor::Place {
        self.processor
    }

    /// Whether this thread holds a robust lock that lies in the memory given. See
    /// [`RobustList::has_entry_within`].
    pub(crate) fn holds_within(self, base: NonNull<u8>, length: usize) -> bool {
        self.robust_list
            .has_entry_within(base, length, &|word| self.is_owner(word))
    }

    /// Whether a lock word holds this thread's id.
    pub(crate) fn is_owner(self, word: *const AtomicU32) -> bool {
        // SAFETY: has_entry_within gives words that lie in memory that is mapped.
        unsafe { &*word }.load(Ordering::Relaxed) & TID_MASK == self.id
    }
}

/// This process's PID namespace, also if the thread's identity cannot be found.
#[cold]
pub(crate) fn pid_namespace() -> u32 {
    process::pid_namespace(generation())
}

/// The number that [`Process::current`] gives at this moment, or 0 if this process has not called it since
/// it was forked. Costs two loads.
#[inline(always)]
pub(crate) fn known_generation() -> u32 {
    // Acquire: as in `Thread::known`.
    let word = GENERATION.load(Ordering::Acquire);
    // SAFETY: the pointer is always that of NO_GENERATION or of a page that is never unmapped.
    unsafe { &*word }.load(Ordering::Relaxed)
}

/// The calling process, as other processes know it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    /// Tells it from later processes with its id, and from the program that it executes next.
    pub(crate) birth: Birth,
    /// A number that differs from those of its ancestors. [`known_generation`] is equal to it as long as
    /// the caller is in this process; if the kernel cannot mark pages, it is 0 and the number is not.
    pub(crate) generation: u32,
}

impl Process {
    /// Makes some system calls.
    #[cold]
    pub(crate) fn current() -> Process {
        Process {
            birth: liveness::birth_of_process(process::id()),
            generation: generation(),
        }
    }
}

/// This process's generation: a number that no ancestor had, and no call before the last fork.
pub(crate) fn generation() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let word = generation_word();
    // Relaxed throughout: the number orders nothing. It only has to differ from the numbers that
    // threads kept from before a fork.
    match word.load(Ordering::Relaxed) {
        0 if !ptr::eq(word, &NO_GENERATION) => {
            // LAST is ordinary memory, so a child counts on from its parent's value.
            let fresh = LAST.fetch_add(1, Ordering::Relaxed) + 1;
            match word.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => fresh,
                Err(another_threads) => another_threads,
            }
        }
        // Without a page no answer may be kept.
        0 => NEVER,
        known => known,
    }
}

/// The word that holds the generation, on a page of its own. The first call makes the page.
fn generation_word() -> &'static AtomicU32 {
    let unset = &raw const NO_GENERATION as *mut AtomicU32;
    let mut word = GENERATION.load(Ordering::Acquire);
    if word == unset {
        if let Some(page) = page_wiped_on_fork() {
            // Release: without it another thread could use the pointer before the page is mapped.
            // If two threads race, the loser's page stays mapped and unused.
            let published =
                GENERATION.compare_exchange(unset, page, Ordering::AcqRel, Ordering::Acquire);
            word = published.map_or_else(|another_threads| another_threads, |_| page);
        }
    }
    // SAFETY: NO_GENERATION, or a page that is never unmapped.
    unsafe { &*word }
}

fn page_wiped_on_fork() -> Option<*mut AtomicU32> {
    use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
    let length = core::num::NonZeroUsize::MIN.saturating_add(super::memory::page_size() - 1);
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: without MAP_FIXED the kernel picks free addresses.
    let page = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_PRIVATE) }.ok()?;
    // SAFETY: the page is ours and holds nothing.
    match unsafe { madvise(page, length.get(), MmapAdvise::MADV_WIPEONFORK) } {
        Ok(()) => Some(page.as_ptr().cast()),
        Err(_) => {
            // SAFETY: the page is ours, and no pointer to it was given away.
            let _ = unsafe { munmap(page, length.get()) };
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_identity_and_differs_from_others() {
        let first = Thread::current().ok().unwrap();
        assert_eq!(first.id(), nix::unistd::gettid().as_raw().unsigned_abs());
        assert_eq!(Thread::known().unwrap().id(), first.id());
        let other = std::thread::spawn(|| Thread::current().ok().unwrap().id()).join();
        assert_ne!(other.unwrap(), first.id());
    }
}
