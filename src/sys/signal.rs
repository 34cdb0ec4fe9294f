//! Signals to this process, and threads that get none.

use core::ffi::c_void;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};

/// Whether a program may send itself this signal: the two or three that libc keeps for itself
/// lie between the standard and the real-time ones.
pub(crate) fn is_usable(signal: i32) -> bool {
    (1..=31).contains(&signal) || (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&signal)
}

/// Queues the signal, with a value, to the process as a whole.
pub(crate) fn queue_to_self(signal: i32, value: *mut c_void) -> Result<(), Errno> {
    let value = libc::sigval { sival_ptr: value };
    // SAFETY: getpid cannot fail and sigqueue uses only the numbers.
    let outcome = Errno::result(unsafe { libc::sigqueue(libc::getpid(), signal, value) });
    match outcome {
        // RLIMIT_SIGPENDING real-time signals wait. Without a value it is always delivered.
        // SAFETY: kill uses only the numbers.
        Err(Errno::EAGAIN) => Errno::result(unsafe { libc::kill(libc::getpid(), signal) }),
        outcome => outcome,
    }
    .map(drop)
}

/// Runs `start` with all signals blocked in this thread, so that a thread started in it gets none
/// ever; then the thread has its mask again, and what came meanwhile is delivered.
pub(crate) fn with_all_blocked<T>(start: impl FnOnce() -> T) -> Result<T, Errno> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = start();
    before.thread_set_mask()?;
    Ok(started)
}
