//! The readers-writer lock: a mutex for the writer, and a slot for each reader.
//!
//! If a reader dies, a count of readers cannot be repaired. A slot per reader can, because the kernel
//! frees it. A reader claims a slot and then reads the writer's word. A writer takes its word and then
//! reads the slots. The second of the two sees the first: a reader releases its slot again, a writer
//! waits. (It is the "big reader" scheme of Hsieh and Weihl, "Scalable reader-writer locks for parallel
//! systems", 1992, with robust slots.)
//!
//! A reader that found a writer queues at the writer's mutex, as a writer does. It claims its slot while
//! it holds the mutex, and unlocks the mutex for the next thread in the queue. So there is one queue and
//! one wake-up protocol, that of the mutex. Readers do not overtake a writer that stands before them in
//! the queue. Readers that find no writer never touch the mutex.
//!
//! | killed thread | state after the death |
//! |---|---|
//! | a reader, anywhere | a slot with the kernel's mark, which counts as free: readers damage nothing |
//! | a writer that still waits for readers, or a reader in the queue | a marked mutex with `writing` 0: free |
//! | a writer with `writing` 1 | a marked mutex: the next thread gets the lock alone and repairs the data, even if it came to read |
//! | a writer after it set `writing` to 0 and before it unlocked | a marked mutex with `writing` 0: free, because the data are complete |

use super::mutex::Locked;
use super::slot::{self, SlotWaiter, in_search_order, owned_by, wake_waiters_for_any};
use super::{NextExamination, spin};
use crate::base::error::{Errno, Error, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::{RWLOCK_READERS, RWLOCK_TAG, Rwlock, Slot};
use crate::sys::atomic::fence;
use crate::sys::futex::{Awoken, OWNER_DIED, TID_MASK};
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

/// How a reader's attempt ended.
enum Entry {
    Inside,
    /// A writer holds or waits for the lock, or one died.
    Writer,
    /// Other threads own all slots.
    Full,
}

impl Rwlock {
    /// Initialises memory that nobody uses yet.
    pub(crate) fn initialise(&self) -> Result<()> {
        let thread = Thread::current()?;
        if self.is_for(thread) {
            self.check_unused("initialised already and ")?;
        }
        self.tag.store(0, Relaxed);
        // Without its tag the mutex counts as not initialised, so a dead writer's mark in it is no reason
        // to refuse.
        self.writer.tag.store(0, Relaxed);
        self.writer.initialise(0)?;
        self.writing.store(0, Relaxed);
        self.wanted.store(0, Relaxed);
        self.readers.iter().for_each(Slot::initialise);
        // Release: without it a thread that sees the tag might not see the rest.
        self.tag
            .store(RWLOCK_TAG | u64::from(thread.pid_namespace()), Release);
        Ok(())
    }

    pub(crate) fn destroy(&self) -> Result<()> {
        self.check(Thread::current()?)?;
        self.check_unused("")?;
        // A writer that died before it had the lock alone has changed nothing.
        if self.writing.load(Relaxed) != 0 {
            self.writer.check_reported()?;
        }
        self.writer.end();
        self.tag.store(0, Relaxed);
        Ok(())
    }

    fn check_unused(&self, also: &str) -> Result<()> {
        let words = self.readers.iter().map(|slot| &slot.word);
        for word in words.chain([&self.writer.word]) {
            let owner = word.load(Relaxed) & TID_MASK;
            if owner != 0 {
                return Err(fail!(EBUSY, "the lock is {also}held by thread {owner}"));
            }
        }
        Ok(())
    }

    /// Locks for reading if there is no writer and this thread's first slot is free or its own. In every
    /// other case it leaves the lock as it was and returns false.
    #[inline(always)]
    pub(crate) fn read_lock_fast(&self) -> bool {
        let Some(thread) = Thread::known() else {
            return false;
        };
        if !self.is_for(thread) {
            return false;
        }
        let slot = &self.readers[first_choice(thread)];
        if slot.is_owned_by(thread) {
            return slot.increase_depth();
        }
        // Relaxed, both: they only avoid a claim that would be released again.
        self.writer.word.load(Relaxed) == 0
            && slot.word.load(Relaxed) == 0
            && slot.claim_clean(thread)
            && self.stay_if_no_writer(slot, thread)
    }

    /// Called after this thread has claimed `slot`. Returns whether it holds the lock. If there is a
    /// writer, it releases the slot and returns false.
    #[inline(always)]
    fn stay_if_no_writer(&self, slot: &Slot, thread: Thread) -> bool {
        // SeqCst, in the claim and here, and the fence in `write_lock`: either this load sees the
        // writer, or the writer's load of the slot sees the claim. With less, both could miss the
        // other. On x86 the claim's locked instruction keeps this load behind it. On other processors
        // the load could come first.
        if self.writer.word.load(SeqCst) == 0 {
            return true;
        }
        self.leave(slot, thread);
        false
    }

    #[inline(always)]
    fn leave(&self, slot: &Slot, thread: Thread) {
        slot.release(thread);
        wake_waiters_for_any(&self.wanted);
    }

    pub(crate) fn read_lock(&self, deadline: Deadline) -> Result<Locked> {
        let thread = Thread::current()?;
        self.check(thread)?;
        self.check_not_writing(thread)?;
        // A thread that reads already gets the lock once more, even if a writer waits. If it waited for
        // a writer that waits for it, neither would continue.
        if let Some(slot) = owned_by(&self.readers, thread) {
            if slot.increase_depth() {
                return Ok(Locked::Clean);
            }
            return Err(fail!(EOVERFLOW, "the lock is held too many times"));
        }
        let mut entry = self.enter(thread);
        let mut examination = NextExamination::of_new_wait(deadline);
        loop {
            entry = match entry {
                Entry::Inside => return Ok(Locked::Clean),
                Entry::Writer => {
                    if self.lock_writer(deadline)? == Locked::OwnerDied {
                        return Ok(Locked::OwnerDied);
                    }
                    // While this thread holds the mutex there is no writer, so no check follows the claim.
                    let claimed = self.claim(thread).is_some();
                    self.writer.unlock()?;
                    if claimed { Entry::Inside } else { Entry::Full }
                }
                Entry::Full => {
                    let waiter = SlotWaiter::at(&self.wanted, thread);
                    self.wait_for_slot(&waiter, thread, deadline, &mut examination)?;
                    self.enter(thread)
                }
            }
        }
    }

    /// Waits until a reader may have left, after all slots had owners.
    fn wait_for_slot(
        &self,
        waiter: &SlotWaiter<'_>,
        thread: Thread,
        deadline: Deadline,
        examination: &mut NextExamination,
    ) -> Result<()> {
        let slots = &self.readers;
        if examination.is_due_of(Awoken::Recheck, || slot::may_end_unnoticed(slots))
            && slot::bury_owners(slots, thread, deadline)
        {
            return Ok(());
        }
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        match slot::wait_for_any(slots, waiter, deadline, examination)? {
            Awoken::Recheck | Awoken::Interrupted => Ok(()),
            Awoken::TimedOut if slot::bury_owners(slots, thread, deadline) => Ok(()),
            Awoken::TimedOut => Err(Errno::ETIMEDOUT.into()),
        }
    }

    /// Tries once to lock for reading.
    fn enter(&self, thread: Thread) -> Entry {
        if self.writer.word.load(Relaxed) != 0 {
            return Entry::Writer;
        }
        match self.claim(thread) {
            None => Entry::Full,
            Some(slot) if self.stay_if_no_writer(slot, thread) => Entry::Inside,
            Some(_) => Entry::Writer,
        }
    }

    fn claim(&self, thread: Thread) -> Option<&Slot> {
        in_search_order(&self.readers, thread).find(|slot| slot.claim(thread).is_some())
    }

    pub(crate) fn write_lock(&self, deadline: Deadline) -> Result<Locked> {
        let thread = Thread::current()?;
        self.check(thread)?;
        self.check_not_writing(thread)?;
        if !self.writer.lock_fast() {
            // Checked before the wait: the thread that this one would wait for could wait for this one.
            if owned_by(&self.readers, thread).is_some() {
                return Err(reads_already());
            }
            if self.lock_writer(deadline)? == Locked::OwnerDied {
                return Ok(Locked::OwnerDied);
            }
        }
        // SeqCst: the other half of `stay_if_no_writer`. Without this fence the processor could read the
        // slots before other processors see the word taken.
        fence(SeqCst);
        for slot in self.readers.iter().filter(|slot| slot.is_owned()) {
            if let Err(error) = self.wait_until_left(slot, thread, deadline) {
                self.writer.unlock()?;
                return Err(error);
            }
        }
        self.writing.store(1, Relaxed);
        Ok(Locked::Clean)
    }

    /// Waits until `slot` has no owner. Its loads are SeqCst, which includes Acquire. Without Acquire this
    /// thread's writes could come before the end of the reader's reads.
    fn wait_until_left(&self, slot: &Slot, thread: Thread, deadline: Deadline) -> Result<()> {
        if owned_by(&self.readers, thread).is_some() {
            return Err(reads_already());
        }
        // A reader that finds this writer releases its slot at once, so a short spin is often enough.
        if deadline != Deadline::Now
            && spin(&slot.processor, || (!slot.is_owned()).then_some(())).is_some()
        {
            return Ok(());
        }
        let mut examination = NextExamination::of_new_wait(deadline);
        while let Some(word) = slot.request_wake_up() {
            if examination.is_due_of(Awoken::Recheck, || slot::may_end_unnoticed([slot]))
                && slot::bury_owners([slot], thread, Deadline::Never)
            {
                continue;
            }
            let awoken = super::sleep_on(&slot.word, word, deadline, Some(&examination))?;
            if awoken == Awoken::TimedOut && slot::bury_owners([slot], thread, Deadline::Never) {
                continue;
            }
            match awoken {
                Awoken::Recheck | Awoken::Interrupted => {}
                Awoken::TimedOut if deadline == Deadline::Now => return Err(Errno::EAGAIN.into()),
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
        Ok(())
    }

    /// Locks the writer's mutex. `OwnerDied` means that a writer died while it wrote, and that this
    /// thread has the lock alone.
    fn lock_writer(&self, deadline: Deadline) -> Result<Locked> {
        let locked = self.writer.lock(deadline)?;
        if locked == Locked::Clean || self.writing.load(Relaxed) != 0 {
            return Ok(locked);
        }
        // The thread died before it wrote or after it had written, so there is nothing to repair.
        self.writer.make_consistent()?;
        Ok(Locked::Clean)
    }

    /// Unlocks for a reader that owns its first slot. In every other case it changes nothing and returns
    /// false.
    #[inline(always)]
    pub(crate) fn unlock_fast(&self) -> bool {
        let Some(thread) = Thread::known() else {
            return false;
        };
        let slot = &self.readers[first_choice(thread)];
        let is_reader = self.is_for(thread) && slot.is_owned_by(thread);
        if is_reader {
            self.unlock_reader(slot, thread);
        }
        is_reader
    }

    #[inline(always)]
    fn unlock_reader(&self, slot: &Slot, thread: Thread) {
        match slot.depth.get().checked_sub(1) {
            Some(depth) => slot.depth.set(depth),
            None => self.leave(slot, thread),
        }
    }

    pub(crate) fn unlock(&self) -> Result<()> {
        let thread = Thread::current()?;
        self.check(thread)?;
        if self.writer.word.load(Relaxed) & TID_MASK != thread.id() {
            if let Some(slot) = owned_by(&self.readers, thread) {
                self.unlock_reader(slot, thread);
                return Ok(());
            }
        }
        let word = self.check_writer(thread)?;
        if word & OWNER_DIED == 0 {
            // Release: if this thread dies before the next step, a thread that sees the 0 has to see the
            // data too.
            self.writing.store(0, Release);
        }
        self.writer.unlock()
    }

    /// Declares the data repaired after a writer's death.
    pub(crate) fn make_consistent(&self) -> Result<()> {
        let thread = Thread::current()?;
        self.check(thread)?;
        self.check_writer(thread)?;
        self.writer.make_consistent()
    }

    /// The writer's word, if this thread holds the writer's mutex.
    fn check_writer(&self, thread: Thread) -> Result<u32> {
        let word = self.writer.word.load(Relaxed);
        match word & TID_MASK {
            owner if owner == thread.id() => Ok(word),
            0 if self.readers.iter().any(|slot| slot.is_owned_by(thread)) => Err(fail!(
                EPERM,
                "this thread holds the lock for reading; this call is for one that holds it for writing"
            )),
            0 => Err(fail!(EPERM, "this thread does not hold the lock")),
            owner => Err(fail!(
                EPERM,
                "the lock is held by thread {owner}, not by this one ({})",
                thread.id()
            )),
        }
    }

    fn check_not_writing(&self, thread: Thread) -> Result<()> {
        if self.writer.word.load(Relaxed) & TID_MASK != thread.id() {
            return Ok(());
        }
        Err(fail!(
            EDEADLK,
            "this thread holds the lock for writing already"
        ))
    }

    #[inline(always)]
    fn is_for(&self, thread: Thread) -> bool {
        // Acquire pairs with the Release in `initialise`.
        self.tag.load(Acquire) == RWLOCK_TAG | u64::from(thread.pid_namespace())
    }

    fn check(&self, thread: Thread) -> Result<()> {
        let tag = self.tag.load(Acquire);
        let other_word = || self.reserved_1;
        super::check_tag_in_namespace("readers-writer lock", tag, RWLOCK_TAG, other_word, thread)
    }
}

/// The slot that the fast paths try. It avoids the division of `in_search_order`, and is only a first
/// choice: the other paths try all slots.
#[inline(always)]
fn first_choice(thread: Thread) -> usize {
    const MASK: usize = RWLOCK_READERS.next_power_of_two() - 1;
    let index = thread.id() as usize & MASK;
    if index < RWLOCK_READERS {
        index
    } else {
        index - RWLOCK_READERS
    }
}

fn reads_already() -> Error {
    fail!(
        EDEADLK,
        "this thread holds the lock for reading, so it would wait for itself"
    )
}
