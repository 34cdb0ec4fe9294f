//! Signals: sent to this process, held back for a moment in one thread, and given back.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use nix::errno::Errno;

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

/// Runs `start` with all signals held back in this thread, so that a thread started in it gets
/// none ever; then the thread has its mask again, and what came meanwhile is delivered.
pub(crate) fn with_all_blocked<T>(start: impl FnOnce() -> T) -> T {
    let _blocked = Blocked::all();
    start()
}

/// Signals that this thread holds back while this lives. Its mask is then what it was.
pub(crate) struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    /// Holds back every signal that can be held back.
    pub(crate) fn all() -> Blocked {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigfillset initialises the set and cannot fail for a valid address.
        unsafe { libc::sigfillset(set.as_mut_ptr()) };
        // SAFETY: initialised just now.
        Blocked::these(unsafe { set.assume_init_ref() })
    }

    fn these(set: &libc::sigset_t) -> Blocked {
        let mut before = MaybeUninit::uninit();
        // SAFETY: both are valid sets; with SIG_BLOCK the call has no way to fail, so `before` is
        // written.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, set, before.as_mut_ptr());
            Blocked {
                before: before.assume_init(),
            }
        }
    }
}

impl Blocked {
    /// Whether the thread had this one held back before.
    fn held_back(&self, signal: i32) -> bool {
        // SAFETY: the mask is a valid set.
        unsafe { libc::sigismember(&raw const self.before, signal) == 1 }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `before` is the mask that the kernel gave.
        unsafe {
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.before,
                core::ptr::null_mut(),
            );
        }
    }
}

/// Does `write`, and takes back the SIGPIPE that the kernel sends this thread when it fails with
/// `EPIPE`: for kernels that cannot be told not to send it.
pub(crate) fn without_sigpipe(
    write: impl FnOnce() -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    let mut pipe_signal = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set; SIGPIPE is a signal's number.
    let pipe_signal = unsafe {
        libc::sigemptyset(pipe_signal.as_mut_ptr());
        libc::sigaddset(pipe_signal.as_mut_ptr(), libc::SIGPIPE);
        pipe_signal.assume_init()
    };
    let blocked = Blocked::these(&pipe_signal);
    // One that waits already is not ours to take; a second would be the same as the first. In a
    // thread that did not hold it back none waits (and of one for this thread and one for the whole
    // process that comes just now, this thread's is taken first), so that nobody need be asked.
    let was_pending = blocked.held_back(libc::SIGPIPE) && is_sigpipe_pending();
    let outcome = write();
    if outcome == Err(Errno::EPIPE) && !was_pending {
        let at_once = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the set and the time are valid; the information about the signal is not wanted.
        // A handler of another signal may interrupt the call: again.
        while unsafe { libc::sigtimedwait(&raw const pipe_signal, core::ptr::null_mut(), &at_once) }
            < 0
            && Errno::last() == Errno::EINTR
        {}
    }
    drop(blocked);
    outcome
}

fn is_sigpipe_pending() -> bool {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: sigpending writes the whole set and fails only for a bad address.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1
    }
}
