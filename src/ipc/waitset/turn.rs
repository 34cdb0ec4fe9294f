//! Whose turn it is to use a waitset: a lock that survives a fork.
//!
//! In a forked child, the holder may be a thread that exists only in the parent. So the word names the holder and its
//! process, and a child takes the turn of a holder of its parent's.

use crate::base::error::{Result, fail};
use crate::sys::ready;
use crate::sys::scheduling::let_others_run;
use crate::sys::thread::{Thread, generation};
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use core::time::Duration;

/// How often a thread tries before it sleeps for a moment.
const ATTEMPTS: u32 = 1000;

/// How long a thread sleeps that has tried in vain: as long as a turn with a thousand objects takes.
const MOMENT: Duration = Duration::from_micros(200);

pub(super) struct Turn {
    /// The generation of the holder's process and the holder's id; 0 if nobody has the turn.
    holder: AtomicU64,
}

/// Held as long as this value lives.
pub(super) struct Held<'a> {
    turn: &'a Turn,
    /// Whether the turn was that of a thread that exists only in the parent.
    pub(super) is_inherited: bool,
}

impl Turn {
    pub(super) const fn new() -> Turn {
        Turn {
            holder: AtomicU64::new(0),
        }
    }

    /// Waits for the turn. `EDEADLK` if this thread has it: then a signal handler calls.
    pub(super) fn take(&self) -> Result<Held<'_>> {
        let own = u64::from(generation()) << 32 | u64::from(Thread::current()?.id());
        let mut attempt = 0u32;
        loop {
            let holder = self.holder.load(Relaxed);
            if holder == own {
                return Err(fail!(
                    EDEADLK,
                    "this thread is inside another call on the same waitset (is this a signal handler?)"
                ));
            }
            let is_inherited = holder != 0 && holder >> 32 != own >> 32;
            // Acquire pairs with the Release of the last holder.
            if (holder == 0 || is_inherited)
                && self
                    .holder
                    .compare_exchange(holder, own, AcqRel, Relaxed)
                    .is_ok()
            {
                return Ok(Held {
                    turn: self,
                    is_inherited,
                });
            }
            attempt += 1;
            match attempt % ATTEMPTS {
                0 => {
                    let _ = ready::pause(MOMENT);
                }
                _ => let_others_run(),
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.turn.holder.store(0, Release);
    }
}
