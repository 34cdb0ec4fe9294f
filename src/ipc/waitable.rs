//! Conditions for which a program can wait together with others: by a descriptor, or in a waitset.

use crate::base::alloc::Shared;
use crate::object::layout::Latch;
use crate::sys::futex::{OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::watch_words::{self, Found, Word};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

/// Something in shared memory that becomes ready.
pub(crate) trait Waitable: Send + Sync {
    /// Whether a call with timeout 0 would succeed now, or would say what is wrong.
    fn is_ready(&self) -> bool;

    /// Announces a sleeper and returns the word to sleep on and its value. `None`: it may be ready now.
    ///
    /// A wake-up of the word has to wake all who sleep on it: who waits here takes nothing, and must not keep a
    /// wake-up from a thread that would.
    fn prepare(&self) -> Option<(&AtomicU32, u32)>;

    /// Adds the words that the kernel wakes when a thread dies whose death may make this ready. False if a death
    /// has made it ready already.
    ///
    /// Call it after [`prepare`](Waitable::prepare). A thread that takes something after this call takes what came
    /// after `prepare`, and so its coming has woken the word of `prepare`.
    fn prepare_for_deaths(&self, _words: &mut DeathWords) -> bool {
        true
    }

    /// The thing that has to be examined from time to time, because the kernel does not tell of it. Call it after
    /// [`prepare`](Waitable::prepare), for the same reason.
    fn examined(&self) -> Option<&SharedExamined> {
        None
    }
}

/// Something that becomes ready by the death of a process, which the kernel does not tell of.
pub(crate) trait Examined: Send + Sync {
    /// Whether such a death has happened. Any thread may ask.
    fn has_death(&self) -> bool;
}

pub(crate) type SharedExamined = Shared<Box<dyn Examined>>;

/// How many words of living owners one wait includes.
pub(crate) const DEATH_WORDS: usize = 8;

/// The words that are woken if a thread dies whose death matters.
#[derive(Default)]
pub(crate) struct DeathWords {
    words: [Option<DeathWord>; DEATH_WORDS],
}

#[derive(Clone, Copy)]
pub(crate) struct DeathWord {
    pub(crate) word: Word,
    pub(crate) passing: Passing,
}

/// Whether a wake-up of a word is passed on to others who wait for it. The kernel wakes one, and it may be another's last.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Passing {
    /// A waker wakes all.
    #[default]
    Never,
    /// The word of a latch. Its holder may have died, and until the repair all have to know.
    IfOrphaned,
    /// The word of one owner. It is passed on at once, by a thread that does nothing else.
    AtOnce,
}

impl Passing {
    /// Call when this word was woken, or has another value. Whether it tells of a death.
    pub(crate) fn pass_on(self, word: Word) -> bool {
        let is_death = match self {
            Passing::Never => false,
            // A latch that is held again, or was repaired since, is no reason. If such a wake-up were passed on, pollers
            // could wake each other for ever.
            Passing::IfOrphaned => {
                let expected = WAITERS | OWNER_DIED;
                watch_words::state(Word { expected, ..word }) == Found::AsExpected
            }
            Passing::AtOnce => true,
        };
        if is_death {
            watch_words::wake_all(word);
        }
        is_death
    }
}

impl DeathWords {
    /// Adds a word. False if there is no room.
    pub(crate) fn add(&mut self, word: Word, passing: Passing) -> bool {
        let free = self.words.iter_mut().find(|place| place.is_none());
        free.is_some_and(|place| {
            *place = Some(DeathWord { word, passing });
            true
        })
    }

    /// Adds the word of a latch, whose holder may die between a change and the wake-up. False if one has, and nobody has
    /// repaired its work: then the word tells nothing.
    pub(crate) fn add_latch(&mut self, latch: &Latch) -> bool {
        let word = latch.word.load(Relaxed);
        let is_orphaned = word & TID_MASK == 0 && word & OWNER_DIED != 0;
        !is_orphaned && self.add(Word::new(&latch.word, word), Passing::IfOrphaned)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = DeathWord> + '_ {
        self.words.iter().filter_map(|word| *word)
    }
}
