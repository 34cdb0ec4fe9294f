//! Sleeping until a change, for changes that happen often and must cost next to nothing.
//!
//! A sleeper sets a bit in the word and executes the heavy fence ([`fence`]). After that fence, every
//! waker either sees the bit or has already made its change visible. Then the sleeper checks for the
//! change once more, and sleeps. A waker makes its change and then reads the word: one load, as long
//! as nobody sleeps. A waker that finds nobody to wake clears the bit. A count of sleepers could not
//! replace the bit: if a sleeper were killed, the count would stay too high for ever.
//!
//! | sleeper | waker |
//! |---|---|
//! | sets ASLEEP in the word | makes the change |
//! | heavy fence | light fence |
//! | checks for the change | reads the word |
//! | sleeps while the word is as the sleeper set it | if ASLEEP is set: adds WAKE_UP to the word, wakes |
//!
//! Either the waker sees the bit, or the sleeper sees the change. A waker that saw the bit changes the
//! word before it wakes. So a sleeper that has checked for the change, and does not sleep yet, will
//! not fall asleep.
//!
//! A waker that wakes nobody clears the bit, unless the word has changed since its wake-up. After the
//! clearing it wakes all sleepers, because some may have fallen asleep just before the clearing. They
//! set the bit again. A sleeper that comes after the clearing finds that the word has changed.

use crate::base::errno::preserving_errno;
use crate::base::error::Result;
use crate::base::time::Deadline;
use crate::object::layout::Sleepers;
use crate::sys::atomic::AtomicU32;
use crate::sys::fence;
use crate::sys::futex::{self, Awoken};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// A bit of the word: a thread may be asleep.
const ASLEEP: u32 = 1;
/// The number of wake-ups is above that bit. One wake-up adds this to the word.
const WAKE_UP: u32 = 2;
/// A bit of a word that is a bell's flag: the heavy fence was executed since ASLEEP was set.
const FENCED: u32 = 2;
/// The number of clearings of such a word is above that bit.
const CLEARING: u32 = 4;

impl Sleepers {
    /// Unless `ready`, sleeps until woken, but at most for [`UNREPORTED`](super::UNREPORTED), so the
    /// caller has to check again. Sets `needs_fence` if this process cannot execute the heavy fence.
    pub(crate) fn sleep_unless(
        &self,
        needs_fence: &AtomicU32,
        deadline: Deadline,
        ready: &dyn Fn() -> bool,
    ) -> Result<Awoken> {
        match self.prepare_unless(needs_fence, ready) {
            None => Ok(Awoken::Recheck),
            Some(seen) => self.sleep(seen, deadline),
        }
    }

    /// Sleeps while the word is `seen`, the result of [`prepare_unless`](Self::prepare_unless).
    pub(crate) fn sleep(&self, seen: u32, deadline: Deadline) -> Result<Awoken> {
        super::sleep(&self.word, seen, deadline)
    }

    /// The steps before a sleep: sets the bit, executes the heavy fence and checks `ready`. Returns
    /// the word to sleep on, or `None` if it is `ready`.
    pub(crate) fn prepare_unless(
        &self,
        needs_fence: &AtomicU32,
        ready: &dyn Fn() -> bool,
    ) -> Option<u32> {
        // SeqCst, here and in `wake`: all threads see the changes of the word in one order, that of
        // the table above. With less, a waker could clear the bit that a sleeper has just set, and
        // wake nobody.
        let seen = self.word.fetch_or(ASLEEP, SeqCst) | ASLEEP;
        if !fence::heavy() {
            needs_fence.store(1, SeqCst);
        }
        (!ready()).then_some(seen)
    }

    /// Sets the bit for a sleeper at a [`bell`](super::bell), so that every waker sees the bit or has already made
    /// its change visible. The sleeper then checks for the change.
    ///
    /// The fence, which is a system call, is needed once for as long as the bit stays set. A waker that reads the
    /// word after the fence sees the bit, whoever has set it. FENCED says that the fence is done. Each clearing
    /// changes the word's number, so that a sleeper cannot mark a later setting than the one that it has fenced.
    pub(crate) fn set_flag(&self, needs_fence: &AtomicU32) {
        // SeqCst, here and in `clear_flag`: as in `prepare_unless`.
        if self.word.load(SeqCst) & FENCED != 0 {
            return;
        }
        let flagged = self.word.fetch_or(ASLEEP, SeqCst) | ASLEEP;
        if fence::heavy() {
            let _ = self
                .word
                .compare_exchange(flagged, flagged | FENCED, SeqCst, Relaxed);
        } else {
            needs_fence.store(1, SeqCst);
        }
    }

    /// Clears the bit that [`set_flag`](Self::set_flag) sets.
    pub(crate) fn clear_flag(&self) {
        let mut word = self.word.load(Relaxed);
        while word & ASLEEP != 0 {
            let cleared = (word & !(ASLEEP | FENCED)).wrapping_add(CLEARING);
            match self.word.compare_exchange(word, cleared, SeqCst, Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Sets the bit, as [`prepare_unless`](Self::prepare_unless) does, and returns the word to sleep on. For wakers
    /// that call [`are_asleep_ordered`](Self::are_asleep_ordered): no fence is needed. The caller then checks for
    /// the change with a SeqCst load.
    pub(crate) fn announce(&self) -> u32 {
        self.word.fetch_or(ASLEEP, SeqCst) | ASLEEP
    }

    /// Whether a thread may be asleep. The caller has made its change with a SeqCst operation.
    #[inline(always)]
    pub(crate) fn are_asleep_ordered(&self) -> bool {
        // SeqCst: either the waker sees the bit, or the sleeper sees the change.
        self.word.load(SeqCst) & ASLEEP != 0
    }

    /// Whether a thread may be asleep. The caller has made its change, and then executed
    /// [`fence::light`].
    #[inline(always)]
    pub(crate) fn are_asleep(&self) -> bool {
        // Relaxed: the fences of the table order this load after the change.
        self.word.load(Relaxed) & ASLEEP != 0
    }

    /// Wakes up to `count` sleepers. Returns whether one was certainly asleep.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake(&self, count: u32) -> bool {
        preserving_errno(|| {
            let woken = self.word.fetch_add(WAKE_UP, SeqCst).wrapping_add(WAKE_UP);
            if futex::wake(&self.word, count) != 0 {
                return true;
            }
            let nobody_asleep = woken.wrapping_add(WAKE_UP) & !ASLEEP;
            if self
                .word
                .compare_exchange(woken, nobody_asleep, SeqCst, Relaxed)
                .is_ok()
            {
                return futex::wake(&self.word, u32::MAX) != 0;
            }
            false
        })
    }
}
