//! Descriptors for events and semaphores, which lie in memory that the program maps.
//!
//! C has no handle for them, so this process keeps its descriptors by the objects' addresses. A descriptor lasts
//! until its object is destroyed, its memory is unmapped by this library, or the process ends. If the program
//! unmaps memory of its own, nothing here reads it any more: only the program's own calls on the object do.
//!
//! Entries are never freed, and the look-up takes no lock: a signal handler may post a semaphore at any moment.

use super::descriptor::{Descriptor, Polled};
use super::{EMPTY, READY};
use crate::base::alloc::try_box;
use crate::base::errno::preserving_errno;
use crate::base::error::Result;
use crate::ipc::waitable::{DeathWords, Passing, Waitable};
use crate::object::layout::{Event, Sem};
use crate::object::map::{UserOfMemory, set_before_unmap};
use crate::sys::watch_words::Word;
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};
use std::os::fd::RawFd;

/// An object at an address, without a lifetime: the program promises that it stays mapped during each of its calls.
struct Place<T>(NonNull<T>);

// SAFETY: the objects are made for use by several threads and processes. (The cell in an event changes only in its
// initialisation.)
unsafe impl<T> Send for Place<T> {}
// SAFETY: as for Send.
unsafe impl<T> Sync for Place<T> {}

impl<T> Place<T> {
    fn object(&self) -> &T {
        // SAFETY: a descriptor is settled only in calls of the program on this object, during which the object is
        // mapped by the contract of those calls.
        unsafe { self.0.as_ref() }
    }
}

impl Waitable for Place<Event> {
    fn is_ready(&self) -> bool {
        // An object that was destroyed is ready: the next call says so.
        self.object().is_set().unwrap_or(true)
    }

    fn prepare(&self) -> Option<(&AtomicU32, u32)> {
        self.object().prepare_to_watch()
    }

    fn prepare_for_deaths(&self, words: &mut DeathWords) -> bool {
        add_changed(words, self.object().changed_when_set())
    }
}

impl Waitable for Place<Sem> {
    fn is_ready(&self) -> bool {
        !self.object().value().is_ok_and(|value| value == 0)
    }

    fn prepare(&self) -> Option<(&AtomicU32, u32)> {
        self.object().prepare_to_watch()
    }

    fn prepare_for_deaths(&self, words: &mut DeathWords) -> bool {
        add_changed(words, self.object().changed_when_posted())
    }
}

/// Adds a word that the kernel wakes in the same step in which it makes a change. False if the change was made already.
fn add_changed(words: &mut DeathWords, changed: Option<(&AtomicU32, u32)>) -> bool {
    changed.is_some_and(|(word, expected)| words.add(Word::new(word, expected), Passing::Never))
}

/// A wait for an event to be set. It does not keep the event mapped.
pub(crate) fn event_wait(event: &Event) -> Result<Box<dyn Waitable>> {
    event.is_set()?;
    Ok(try_box(Place(NonNull::from(event)))?)
}

/// A wait for a permit of a semaphore. It does not keep the semaphore mapped.
pub(crate) fn sem_wait(sem: &Sem) -> Result<Box<dyn Waitable>> {
    sem.value()?;
    Ok(try_box(Place(NonNull::from(sem)))?)
}

impl<T> Polled for Place<T>
where
    Place<T>: Waitable,
{
    fn level(&self) -> u64 {
        match self.is_ready() {
            true => READY,
            false => EMPTY,
        }
    }

    fn message(&self) -> &dyn Waitable {
        self
    }

    fn room(&self) -> &dyn Waitable {
        self
    }
}

struct Entry {
    /// The object's address; 0 if the entry is free.
    address: AtomicUsize,
    descriptor: Descriptor,
    /// The next entry of the bucket. It does not change.
    next: *mut Entry,
}

const BUCKETS: usize = 64;

static ENTRIES: [AtomicPtr<Entry>; BUCKETS] = [const { AtomicPtr::new(ptr::null_mut()) }; BUCKETS];

/// Whether any entry was ever made.
static IS_USED: AtomicBool = AtomicBool::new(false);

fn bucket(address: usize) -> &'static AtomicPtr<Entry> {
    // Objects are multiples of 8 bytes apart. The factor spreads those that lie at equal places of pages.
    &ENTRIES[((address >> 3) as u32).wrapping_mul(0x9e37_79b9) as usize >> 26]
}

fn entries(first: &AtomicPtr<Entry>) -> impl Iterator<Item = &'static Entry> {
    let mut next = first.load(Acquire);
    core::iter::from_fn(move || {
        // SAFETY: entries are never freed.
        let entry = unsafe { next.as_ref() }?;
        next = entry.next;
        Some(entry)
    })
}

fn entry_of(address: usize) -> Result<&'static Entry> {
    let first = bucket(address);
    let present = entries(first).find(|entry| entry.address.load(Acquire) == address);
    if let Some(entry) = present {
        return Ok(entry);
    }
    let take = |entry: &&Entry| {
        let free = &entry.address;
        free.compare_exchange(0, address, AcqRel, Relaxed).is_ok()
    };
    if let Some(entry) = entries(first).find(take) {
        return Ok(entry);
    }
    let made = Box::into_raw(try_box(Entry {
        address: AtomicUsize::new(address),
        descriptor: Descriptor::none(),
        next: ptr::null_mut(),
    })?);
    set_before_unmap(UserOfMemory::Descriptors, forget);
    IS_USED.store(true, Relaxed);
    let mut before = first.load(Relaxed);
    loop {
        // SAFETY: nobody else knows the entry yet.
        unsafe { (*made).next = before };
        // Release: without it a thread that finds the entry might not see what is in it.
        match first.compare_exchange_weak(before, made, Release, Relaxed) {
            // SAFETY: never freed.
            Ok(_) => return Ok(unsafe { &*made }),
            Err(now) => before = now,
        }
    }
}

/// The descriptor of an event.
pub(crate) fn event_descriptor(event: &Event) -> Result<RawFd> {
    event.is_set()?;
    descriptor(NonNull::from(event))
}

/// The descriptor of a semaphore.
pub(crate) fn sem_descriptor(sem: &Sem) -> Result<RawFd> {
    sem.value()?;
    descriptor(NonNull::from(sem))
}

fn descriptor<T>(object: NonNull<T>) -> Result<RawFd>
where
    Place<T>: Waitable + 'static,
{
    let entry = entry_of(object.addr().get())?;
    entry.descriptor.get(true, &|| Ok(try_box(Place(object))?))
}

/// Whether an event or semaphore of this process has, or had, a descriptor.
#[inline(always)]
pub(crate) fn any() -> bool {
    IS_USED.load(Relaxed)
}

/// Call after each call of the program on an event or a semaphore that may have made it unready.
#[inline(always)]
pub(crate) fn settle<T>(object: &T) {
    if any() {
        settle_at(ptr::from_ref(object).addr());
    }
}

#[cold]
#[inline(never)]
fn settle_at(address: usize) {
    let entry = entries(bucket(address)).find(|entry| entry.address.load(Acquire) == address);
    if let Some(entry) = entry.filter(|entry| entry.descriptor.is_open()) {
        preserving_errno(|| entry.descriptor.settle());
    }
}

/// As [`forget`], for one object.
pub(crate) fn forget_object<T>(object: &T) {
    let start = ptr::from_ref(object).addr();
    forget(start..start + size_of::<T>());
}

/// Closes the descriptors of the objects in this memory, which is about to be unmapped or used for something else.
pub(crate) fn forget(memory: Range<usize>) {
    if !any() {
        return;
    }
    for entry in ENTRIES.iter().flat_map(entries) {
        let address = entry.address.load(Acquire);
        if address != 0 && memory.contains(&address) && entry.descriptor.close() {
            // Release: the next user of the entry finds it closed.
            entry.address.store(0, Release);
        }
    }
}
