//! What a program can wait for together with other things: by a descriptor, or in a waitset.

use crate::base::alloc::Shared;
use crate::sys::watch_words::Word;
use core::sync::atomic::AtomicU32;

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

    /// What has to be examined from time to time, because the kernel does not tell of it. Call it after
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
pub(crate) const DEATH_WORDS: usize = 7;

/// The lock words of threads whose deaths matter.
#[derive(Default)]
pub(crate) struct DeathWords {
    words: [Option<DeathWord>; DEATH_WORDS],
}

#[derive(Clone, Copy)]
pub(crate) struct DeathWord {
    pub(crate) word: Word,
    /// Whether all who wait have to learn of the death, and not only one of them. The kernel wakes one.
    pub(crate) is_for_all: bool,
}

impl DeathWords {
    /// Adds a word. False if there is no room.
    pub(crate) fn add(&mut self, word: Word, is_for_all: bool) -> bool {
        let free = self.words.iter_mut().find(|place| place.is_none());
        free.is_some_and(|place| {
            *place = Some(DeathWord { word, is_for_all });
            true
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = DeathWord> + '_ {
        self.words.iter().filter_map(|word| *word)
    }
}
