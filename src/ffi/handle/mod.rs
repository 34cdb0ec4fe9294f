//! Handles: what C holds instead of pointers to this library's memory.
//!
//! A handle looks like a pointer and points nowhere: on 64-bit machines, no address has its form.
//! It holds the index of a slot, the slot's generation, and the place of this copy of the library in
//! memory. So a handle that was closed, that belongs to another kind of object or to another copy of
//! the library in the process, or that never was a handle is recognised, and no memory that it might
//! point to is touched.
//!
//! A call pins the slot while it uses the object. Closing makes the handle invalid at once. Calls
//! in other threads that use the object finish first, and the last of them drops the object.
//!
//! In a process with one thread, only a signal handler can close a handle while another call is using
//! it. So a pin is one plain instruction there, which saves two atomic operations.
//!
//! There is no lock, so a signal handler may look handles up whatever it interrupts, and a child
//! may use them whatever its parent's other threads were doing at the time of the fork. If such a
//! thread had pinned a slot, the slot stays pinned in the child: closing that handle there drops
//! nothing.

mod address;
mod slots;

use crate::base::alloc::try_box;
use crate::base::errno::preserving_errno;
use crate::base::error::Result;
use crate::sys::cancellation::NotCancelled;
use crate::sys::{process, sanitizer};
pub(crate) use address::is_handle;
use address::{from_address, to_address};
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::Deref;
use core::ptr;
use slots::{Slot, Slots, number};

// The kinds of objects that handles stand for. The number is part of the handle.
pub(super) const SHM: u8 = 1;
pub(super) const SEM: u8 = 2;
pub(super) const CHILD: u8 = 3;
pub(super) const SYSV_SHM: u8 = 4;
pub(super) const SYSV_MSG: u8 = 5;
pub(super) const SYSV_SEM: u8 = 6;
pub(super) const LIST: u8 = 7;
pub(super) const MQ: u8 = 8;
pub(super) const LIBC_SEM: u8 = 9;
pub(super) const TOPIC: u8 = 10;
pub(super) const CELL: u8 = 11;
pub(super) const SERVICE: u8 = 12;
pub(super) const CLIENT: u8 = 13;
pub(super) const WAITSET: u8 = 14;

/// The name of a kind in error texts.
fn name_of(kind: u8) -> &'static str {
    match kind {
        SHM => "shared memory handle",
        SEM => "named semaphore",
        CHILD => "child process handle",
        SYSV_SHM => "System V shared memory handle",
        SYSV_MSG => "System V message queue handle",
        SYSV_SEM => "System V semaphore set handle",
        LIST => "list",
        MQ => "message queue handle",
        LIBC_SEM => "named semaphore of libc",
        TOPIC => "topic handle",
        CELL => "cell handle",
        SERVICE => "service handle",
        CLIENT => "client handle",
        WAITSET => "waitset",
        _ => "handle",
    }
}

/// All handles of one kind, which stand for objects of type `T`.
pub(crate) struct Table<T, const KIND: u8> {
    slots: Slots,
    objects: PhantomData<T>,
}

// SAFETY: an object is put into its slot while the slot is BUSY, and is used only while the slot
// is pinned. The Release and Acquire operations on the slot's state order the two. Objects move
// between threads, so they must be Send, and threads share them, so they must be Sync.
unsafe impl<T: Send + Sync, const KIND: u8> Sync for Table<T, KIND> {}

/// An object in use. It is not dropped as long as this lives.
pub(crate) struct Pinned<'a, T> {
    slot: &'a Slot,
    object: PhantomData<&'a T>,
}

impl<T: Send + Sync, const KIND: u8> Table<T, KIND> {
    pub(crate) const fn new() -> Table<T, KIND> {
        const { assert!(KIND < 16, "a handle has four bits for its kind") };
        Table {
            slots: Slots::new(),
            objects: PhantomData,
        }
    }

    /// Takes a handle and the memory for its object. A call that makes something takes them first, so
    /// that it cannot fail afterwards: what it has made might have a name already.
    pub(crate) fn room(&self) -> Result<Room<'_, T, KIND>> {
        process::find_single_threaded();
        let memory = try_box(MaybeUninit::uninit())?;
        let (slot, index, generation) = self.slots.claim()?;
        Ok(Room {
            memory: Some(memory),
            slot,
            index,
            generation,
        })
    }

    /// The object of a handle, for the fast paths: `None` for a handle that `get` refuses, and
    /// when the slot's state changes meanwhile.
    ///
    /// Use it only in a call that neither waits nor calls back: the process must not get a second
    /// thread before the pin is given up.
    #[inline(always)]
    pub(crate) fn get_fast<H>(&self, handle: *const H) -> Option<Pinned<'_, T>> {
        let number = from_address(handle.addr());
        let (slot, is_certain) = self.slots.pin_fast(KIND, number)?;
        let pinned = Pinned {
            slot,
            object: PhantomData,
        };
        // Otherwise dropping `pinned` may have to drop the object.
        (is_certain || slot.is_open(number)).then_some(pinned)
    }

    /// The object of a handle. It is kept alive while the result lives.
    pub(crate) fn get<H>(&self, handle: *const H) -> Result<Pinned<'_, T>> {
        sanitizer::uses(self);
        Ok(Pinned {
            slot: self.slots.pin(KIND, from_address(handle.addr()))?,
            object: PhantomData,
        })
    }

    /// Closes a handle. The object is dropped now, or by the last call that still uses it.
    pub(crate) fn close<H>(&self, handle: *const H) -> Result<()> {
        sanitizer::uses(self);
        if let Some((slot, generation)) = self.slots.close(KIND, from_address(handle.addr()))? {
            // SAFETY: Slots::close has just made the slot BUSY for this thread, and the slots of
            // this table hold boxes of T.
            unsafe { empty::<T>(slot, generation) };
        }
        Ok(())
    }

    /// Calls `found` for each open object.
    pub(crate) fn for_each(&self, found: &mut dyn FnMut(&T)) {
        for index in 0..self.slots.capacity() {
            // A closed handle is left out before it is looked up: the look-up would describe it in this thread's error text,
            // in place of the failure after which the caller clears up.
            let Some(slot) = self.slots.slot(index).filter(|slot| slot.has_open_handle()) else {
                continue;
            };
            let number = number(KIND, index, slot.state());
            let handle: *mut u8 = ptr::without_provenance_mut(to_address(number));
            // Unlike get_fast, this finds the object also while other threads begin and end its use.
            if let Ok(object) = self.get(handle) {
                found(&object);
            }
        }
    }

    /// The handle of the first open object that `matches`.
    pub(crate) fn search<H>(&self, matches: impl Fn(&T) -> bool) -> Option<*mut H> {
        (0..self.slots.capacity()).find_map(|index| {
            let number = number(KIND, index, self.slots.slot(index)?.state());
            let handle: *mut H = ptr::without_provenance_mut(to_address(number));
            let object: Pinned<'_, T> = self.get_fast(handle)?;
            matches(&object).then_some(handle)
        })
    }
}

/// A handle that is taken, and the memory for its object. Dropping it gives both back.
pub(crate) struct Room<'a, T, const KIND: u8> {
    /// `None` only after `fill`.
    memory: Option<Box<MaybeUninit<T>>>,
    slot: &'a Slot,
    index: u32,
    generation: u64,
}

impl<T, const KIND: u8> Room<'_, T, KIND> {
    /// Takes in the object and returns its handle.
    pub(crate) fn fill<H>(mut self, object: T) -> *mut H {
        if let Some(memory) = self.memory.take() {
            let object: *mut T = Box::leak(memory).write(object);
            self.slot.fill(object.cast(), self.generation);
        }
        let number = number(KIND, self.index, self.generation);
        ptr::without_provenance_mut(to_address(number))
    }
}

impl<T, const KIND: u8> Drop for Room<'_, T, KIND> {
    fn drop(&mut self) {
        if self.memory.is_some() {
            self.slot.give_back(self.generation);
        }
    }
}

/// Drops the object in a slot and frees the slot.
///
/// # Safety
///
/// This thread has just made the slot BUSY, and the slot holds a boxed T.
#[cold]
#[inline(never)]
unsafe fn empty<T>(slot: &Slot, generation: u64) {
    // A fast path may come here too, and it has no guard against cancellation and changes of errno.
    let _not_cancelled = NotCancelled::begin();
    preserving_errno(|| {
        let object = slot.object().cast::<T>();
        // SAFETY: only the thread that made the slot BUSY touches the object, which Room boxed.
        drop(unsafe { Box::from_raw(object) });
    });
    slot.set_free(generation);
}

impl<T> Deref for Pinned<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the slot was OPEN when it was pinned, so it holds a boxed T. The box is not
        // dropped before the pin is given up.
        unsafe { &*self.slot.object().cast() }
    }
}

impl<T> Pinned<'_, T> {
    /// Ends the use, where calling `drop` would take a measurable part of the call's time.
    #[inline(always)]
    pub(crate) fn release(self) {
        ManuallyDrop::new(self).unpin();
    }

    #[inline(always)]
    fn unpin(&mut self) {
        if let Some(generation) = self.slot.unpin() {
            // SAFETY: unpin has found that the handle is closed and this pin was the last one, so
            // the slot is BUSY for this thread. It holds a boxed T.
            unsafe { empty::<T>(self.slot, generation) };
        }
    }
}

impl<T> Drop for Pinned<'_, T> {
    // Out of line: code for it on each path out of a fast half makes a message take 3 ns longer.
    #[inline(never)]
    fn drop(&mut self) {
        self.unpin();
    }
}

#[cfg(test)]
mod tests {
    use super::slots::{FIRST_CHUNK, MARK};
    use super::*;
    use crate::base::errno::Errno;
    use std::sync::Arc;

    enum Opaque {}

    fn insert<T: Send + Sync, const KIND: u8>(table: &Table<T, KIND>, object: T) -> *mut Opaque {
        table.room().ok().unwrap().fill(object)
    }

    fn errno<V>(result: Result<V>) -> Errno {
        result.err().expect("must fail").errno()
    }

    #[test]
    fn a_closed_handle_stays_closed_when_its_slot_is_used_again() {
        let table: Table<u32, 1> = Table::new();
        let first: *mut Opaque = insert(&table, 10);
        assert_eq!(*table.get(first).ok().unwrap(), 10);
        assert!(table.close(first).is_ok());
        for _ in 0..3 * FIRST_CHUNK {
            let other: *mut Opaque = insert(&table, 11);
            assert_eq!(errno(table.get(first)), Errno::EBADF);
            assert_eq!(errno(table.close(first)), Errno::EBADF);
            assert!(table.close(other).is_ok());
        }
    }

    #[test]
    fn foreign_pointers_are_refused() {
        let table: Table<u32, 1> = Table::new();
        let other: Table<u32, 2> = Table::new();
        let handle: *mut Opaque = insert(&other, 1);
        assert_eq!(errno(table.get(handle)), Errno::EBADF);
        let local = 0u64;
        assert_eq!(errno(table.get(&raw const local)), Errno::EBADF);
        assert_eq!(errno(table.get(ptr::null::<Opaque>())), Errno::EINVAL);
        let never: *const Opaque =
            ptr::without_provenance(to_address(MARK << 56 | 0x3fff << 7 | 1 << 3));
        assert_eq!(errno(table.get(never)), Errno::EBADF);
    }

    #[test]
    fn a_closed_object_lives_until_its_last_user_ends() {
        let table: Table<Arc<u32>, 1> = Table::new();
        let witness = Arc::new(5);
        let handle: *mut Opaque = insert(&table, Arc::clone(&witness));
        let pinned = table.get(handle).ok().unwrap();
        assert!(table.close(handle).is_ok());
        assert_eq!(errno(table.get(handle)), Errno::EBADF);
        assert_eq!((**pinned, Arc::strong_count(&witness)), (5, 2));
        drop(pinned);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn room_that_is_not_used_is_given_back() {
        let table: Table<Arc<u32>, 1> = Table::new();
        for _ in 0..3 * FIRST_CHUNK {
            drop(table.room().ok().unwrap());
        }
        assert_eq!(table.slots.capacity() as usize, FIRST_CHUNK);
        let handle = insert(&table, Arc::new(4));
        assert_eq!(**table.get(handle).ok().unwrap(), 4);
    }

    #[test]
    fn many_threads_get_each_their_own_slot_and_leave_nothing() {
        let table: Table<Arc<u32>, 1> = Table::new();
        let witness = Arc::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let handles: Vec<*mut Opaque> = (0..50)
                            .map(|_| insert(&table, Arc::clone(&witness)))
                            .collect();
                        for handle in handles {
                            assert!(table.get(handle).is_ok());
                            assert!(table.close(handle).is_ok());
                        }
                    }
                });
            }
        });
        assert_eq!(Arc::strong_count(&witness), 1);
    }
}
