//! Waiting for many words in shared memory with futex_waitv (Linux 5.16).
//!
//! Nothing here reads a word: only the kernel does. So an address that is mapped no more is an answer
//! ([`Found::Gone`]) and no crash.

use super::direct::system_call;
use super::large::Time;
use crate::base::time::Deadline;
use core::ptr;
use core::sync::atomic::AtomicU32;
use nix::errno::Errno;

/// A word to wait for, and the value while there is nothing to report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Word {
    pub(crate) address: usize,
    pub(crate) expected: u32,
}

// FUTEX_32 of <linux/futex.h>, without FUTEX_PRIVATE_FLAG.
const SHARED_32_BITS: u32 = 2;

impl Word {
    pub(crate) fn new(word: &AtomicU32, expected: u32) -> Word {
        Word {
            address: word.as_ptr().addr(),
            expected,
        }
    }
}

/// The largest number of words for [`wait`].
pub(crate) const WORDS_MAX: usize = 128;

/// The reason for which a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// The word at this place was woken, and others may have been too.
    Woken(usize),
    /// Some word has another value, or is mapped no more.
    Changed,
    /// The deadline has passed.
    TimedOut,
    /// The kernel has no such wait, or does not permit it.
    NotSupported,
}

/// The kernel's struct futex_waitv.
#[repr(C)]
#[derive(Clone, Copy)]
struct Waiter {
    expected: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

/// Waits until a word is woken or has not its value. It takes at most [`WORDS_MAX`] words.
pub(crate) fn wait(words: &[Word], deadline: Deadline) -> Ended {
    let until = match deadline {
        Deadline::Now => Some(Time::ZERO),
        Deadline::At(point) => Some(Time::from(point)),
        Deadline::Never => None,
    };
    let mut waiters = [Waiter {
        expected: 0,
        address: 0,
        flags: SHARED_32_BITS,
        reserved: 0,
    }; WORDS_MAX];
    for (waiter, word) in waiters.iter_mut().zip(words) {
        waiter.expected = word.expected.into();
        waiter.address = word.address as u64;
    }
    let count = words.len().min(WORDS_MAX);
    let time = until
        .as_ref()
        .map_or(0, |until| ptr::from_ref(until).addr());
    let clock = libc::CLOCK_MONOTONIC as usize;
    let arguments = [waiters.as_ptr().addr(), count, 0, time, clock, 0];
    // SAFETY: the array has at least that many entries, the kernel checks the addresses in them, and the time lives
    // during the call.
    match unsafe { system_call(libc::SYS_futex_waitv, arguments) } {
        Ok(place) => Ended::Woken(place),
        Err(Errno::EAGAIN | Errno::EFAULT | Errno::EINTR) => Ended::Changed,
        Err(Errno::ETIMEDOUT) => Ended::TimedOut,
        Err(_) => Ended::NotSupported,
    }
}

/// The state of a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    AsExpected,
    Changed,
    /// Its memory is mapped no more.
    Gone,
}

/// Asks the kernel whether a word has its value.
pub(crate) fn state(word: Word) -> Found {
    let now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let arguments = [
        word.address,
        libc::FUTEX_WAIT as usize,
        word.expected as usize,
        (&raw const now).addr(),
        0,
        0,
    ];
    // SAFETY: the kernel checks the word's address, and the time lives during the call.
    match unsafe { system_call(libc::SYS_futex, arguments) } {
        Err(Errno::EFAULT | Errno::EINVAL) => Found::Gone,
        Err(Errno::ETIMEDOUT | Errno::EINTR) => Found::AsExpected,
        _ => Found::Changed,
    }
}

/// Wakes all who wait for a word. Its memory may be mapped no more.
pub(crate) fn wake_all(word: Word) {
    let arguments = [
        word.address,
        libc::FUTEX_WAKE as usize,
        i32::MAX as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the call reads no memory, and the kernel checks the address.
    let _ = unsafe { system_call(libc::SYS_futex, arguments) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_as_expected_changed_or_gone() {
        let number = AtomicU32::new(3);
        assert_eq!(state(Word::new(&number, 3)), Found::AsExpected);
        assert_eq!(state(Word::new(&number, 4)), Found::Changed);
        let nowhere = Word {
            address: 64,
            expected: 0,
        };
        assert_eq!(state(nowhere), Found::Gone);
        wake_all(nowhere);
        assert_eq!(
            wait(&[Word::new(&number, 3), nowhere], Deadline::Never),
            Ended::Changed
        );
        assert_eq!(
            wait(&[Word::new(&number, 4)], Deadline::Never),
            Ended::Changed
        );
        let ended = wait(&[Word::new(&number, 3)], Deadline::Now);
        assert!(matches!(ended, Ended::TimedOut | Ended::NotSupported));
    }
}
