//! The readers-writer lock: a mutex for the writer, and a slot for each reader.
//!
//! A count of readers cannot be repaired when one of them dies; a slot per reader can, because the
//! kernel frees it. A reader claims a slot, then looks at the writer's word; a writer takes
//! its word, then looks at the slots. Whoever comes second sees the first: the reader steps
//! back, the writer waits. (It is the "big reader" scheme of Hsieh and Weihl, "Scalable
//! reader-writer locks for parallel systems", 1992, with robust slots.)
//!
//! A reader that stepped back queues at the writer's mutex like a writer, claims its slot
//! there, and lets the next in. So there is one queue and one wake-up protocol, the mutex's, a
//! writer in the queue is not overtaken by the readers behind it, and readers that find
//! no writer never touch it.
//!
//! | killed | left behind |
//! |---|---|
//! | a reader, anywhere | a slot with the kernel's mark, which is a free slot: readers damage nothing |
//! | a writer before its readers are out, a reader in the queue | a marked mutex with `writing` 0: free |
//! | a writer with `writing` 1 | a marked mutex: the next locker repairs, alone, even if it came to read |
//! | a writer between `writing` 0 and unlocking | as before the readers were out: its data are whole |

use super::mutex::Locked;
use super::slot::{self, freed, in_order, owned_by};
use super::spin;
use crate::base::error::{Errno, Error, Result, fail};
use crate::base::time::Deadline;
use crate::object::layout::{RWLOCK_READERS, RWLOCK_TAG, Rwlock, Slot};
use crate::sys::atomic::fence;
use crate::sys::futex::{Awoken, OWNER_DIED, TID_MASK};
use crate::sys::robust::Thread;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

/// How a reader's attempt ended.
enum Entry {
    Inside,
    /// A writer holds or waits for the lock, or one died.
    Writer,
    /// Every slot is another thread's.
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
        // A dead writer's mark is no reason to refuse.
        self.writer.tag.store(0, Relaxed);
        self.writer.initialise(0)?;
        self.writing.store(0, Relaxed);
        self.wanted.store(0, Relaxed);
        self.readers.iter().for_each(Slot::initialise);
        // Release: whoever sees the tag sees the rest.
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

    /// The whole of locking for reading where no writer is about; false, with nothing changed,
    /// in every other case.
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
            return slot.deepen();
        }
        // Relaxed, both: only to spare a claim in vain.
        self.writer.word.load(Relaxed) == 0
            && slot.word.load(Relaxed) == 0
            && slot.claim_clean(thread)
            && self.stay_if_no_writer(slot, thread)
    }

    /// After claiming `slot`: whether this reader is inside. If not, it has stepped back.
    #[inline(always)]
    fn stay_if_no_writer(&self, slot: &Slot, thread: Thread) -> bool {
        // SeqCst, in the claim and here, and the fence in `write_lock`: either this load sees the
        // writer, or the writer's look at the slot sees the claim. On x86 the claim's locked
        // instruction keeps this load behind it; elsewhere without SeqCst it could come first.
        if self.writer.word.load(SeqCst) == 0 {
            return true;
        }
        self.leave(slot, thread);
        false
    }

    #[inline(always)]
    fn leave(&self, slot: &Slot, thread: Thread) {
        slot.release(thread);
        freed(&self.wanted);
    }

    pub(crate) fn read_lock(&self, deadline: Deadline) -> Result<Locked> {
        let thread = Thread::current()?;
        self.check(thread)?;
        self.check_not_writing(thread)?;
        // A thread that is inside goes deeper whoever waits: if it waited for a writer that waits
        // for it, neither would go on.
        if let Some(slot) = owned_by(&self.readers, thread) {
            if slot.deepen() {
                return Ok(Locked::Clean);
            }
            return Err(fail!(EOVERFLOW, "the lock is held too many times"));
        }
        let mut entry = self.enter(thread);
        loop {
            entry = match entry {
                Entry::Inside => return Ok(Locked::Clean),
                Entry::Writer => {
                    if self.lock_writer(deadline)? == Locked::OwnerDied {
                        return Ok(Locked::OwnerDied);
                    }
                    // No writer can be about now, so the claim needs no second look.
                    let claimed = self.claim(thread).is_some();
                    self.writer.unlock()?;
                    if claimed { Entry::Inside } else { Entry::Full }
                }
                Entry::Full => {
                    if deadline == Deadline::Now {
                        return Err(Errno::EAGAIN.into());
                    }
                    match slot::wait_for_any(&self.readers, &self.wanted, deadline)? {
                        Awoken::Look | Awoken::Interrupted => self.enter(thread),
                        Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
                    }
                }
            }
        }
    }

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
        in_order(&self.readers, thread).find(|slot| slot.claim(thread).is_some())
    }

    pub(crate) fn write_lock(&self, deadline: Deadline) -> Result<Locked> {
        let thread = Thread::current()?;
        self.check(thread)?;
        self.check_not_writing(thread)?;
        if !self.writer.lock_fast() {
            // Not after waiting: the one waited for could wait for this thread.
            if owned_by(&self.readers, thread).is_some() {
                return Err(reads_already());
            }
            if self.lock_writer(deadline)? == Locked::OwnerDied {
                return Ok(Locked::OwnerDied);
            }
        }
        // The other half of `stay_if_no_writer`: without it this processor could look at the
        // slots before others see the word taken.
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

    /// Waits until `slot` has no owner. The loads in it are SeqCst, which includes Acquire: what
    /// the reader did was done before this thread writes.
    fn wait_until_left(&self, slot: &Slot, thread: Thread, deadline: Deadline) -> Result<()> {
        if owned_by(&self.readers, thread).is_some() {
            return Err(reads_already());
        }
        // A reader that steps back is gone at once.
        if deadline != Deadline::Now && spin(|| (!slot.is_owned()).then_some(())).is_some() {
            return Ok(());
        }
        while let Some(word) = slot.expect_release() {
            if deadline == Deadline::Now {
                return Err(Errno::EAGAIN.into());
            }
            match super::sleep(&slot.word, word, deadline)? {
                Awoken::Look | Awoken::Interrupted => {}
                Awoken::TimedOut => return Err(Errno::ETIMEDOUT.into()),
            }
        }
        Ok(())
    }

    /// Takes the writer's mutex. `OwnerDied`: a writer died while it wrote, and this thread has the
    /// lock alone.
    fn lock_writer(&self, deadline: Deadline) -> Result<Locked> {
        let locked = self.writer.lock(deadline)?;
        if locked == Locked::Clean || self.writing.load(Relaxed) != 0 {
            return Ok(locked);
        }
        // It died before it wrote or after it had written: nothing is to be repaired.
        self.writer.make_consistent()?;
        Ok(Locked::Clean)
    }

    /// The whole of unlocking a reader in its first slot; false, with nothing changed, in every
    /// other case.
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
            // Release: if this thread dies before the next step, who sees the 0 sees the data.
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

    /// The writer's word, if this thread has the lock alone.
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
        // Acquire pairs with initialise.
        self.tag.load(Acquire) == RWLOCK_TAG | u64::from(thread.pid_namespace())
    }

    fn check(&self, thread: Thread) -> Result<()> {
        super::check_tag_here(
            "readers-writer lock",
            self.tag.load(Acquire),
            RWLOCK_TAG,
            self.reserved_1,
            thread,
        )
    }
}

/// The slot that a thread tries first. Cheaper than a division, and only the first of several.
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
        "this thread holds the lock for reading and would wait for itself"
    )
}
