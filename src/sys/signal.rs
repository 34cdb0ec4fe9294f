//! Signals: sending them to this process, and blocking them in one thread for a moment.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

/// Whether a program may send itself this signal. libc reserves the two or three signals between the
/// standard and the real-time ones.
pub(crate) fn is_usable(signal: i32) -> bool {
    (1..=31).contains(&signal) || (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&signal)
}

/// Queues the signal, with a value, to the process as a whole.
pub(crate) fn queue_to_self(signal: i32, value: *mut c_void) -> Result<(), Errno> {
    let value = libc::sigval { sival_ptr: value };
    // SAFETY: getpid cannot fail, and sigqueue reads no memory.
    let outcome = Errno::result(unsafe { libc::sigqueue(libc::getpid(), signal, value) });
    match outcome {
        // As many signals wait as RLIMIT_SIGPENDING allows. Without a value the signal is always delivered.
        // SAFETY: kill reads no memory.
        Err(Errno::EAGAIN) => Errno::result(unsafe { libc::kill(libc::getpid(), signal) }),
        outcome => outcome,
    }
    .map(drop)
}

/// Runs `start` while this thread blocks all signals. A thread that `start` starts inherits this mask and
/// never gets a signal. Afterwards this thread has its mask back, and gets the signals that came meanwhile.
pub(crate) fn with_all_blocked<T>(start: impl FnOnce() -> T) -> T {
    let _blocked = Blocked::all();
    start()
}

/// Signals that this thread blocks as long as this value lives. Dropping it restores the mask.
pub(crate) struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    /// Blocks every signal that can be blocked.
    pub(crate) fn all() -> Blocked {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigfillset initialises the set and cannot fail for a valid address.
        unsafe { libc::sigfillset(set.as_mut_ptr()) };
        // SAFETY: initialised just now.
        Blocked::these(unsafe { set.assume_init_ref() })
    }

    fn these(set: &libc::sigset_t) -> Blocked {
        let mut before = MaybeUninit::uninit();
        // SAFETY: both are valid sets. With SIG_BLOCK the call cannot fail, so it writes `before`.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, set, before.as_mut_ptr());
            Blocked {
                before: before.assume_init(),
            }
        }
    }

    /// Whether the thread blocked this signal before.
    fn blocked_before(&self, signal: i32) -> bool {
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

/// Calls `write`, which is asked for `asked` bytes, and removes the SIGPIPE that the kernel has sent to this thread. For
/// kernels that have no flag against SIGPIPE.
///
/// The kernel sends the signal also if the reader leaves after a part of the bytes: then `write` succeeds with fewer
/// bytes than it was asked for.
pub(crate) fn without_sigpipe(
    asked: usize,
    write: impl FnOnce() -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    without(libc::SIGPIPE, write, |outcome| match outcome {
        Ok(count) => *count < asked,
        Err(errno) => *errno == Errno::EPIPE,
    })
}

/// Calls `grow`, which makes a file larger. If the file would be larger than RLIMIT_FSIZE allows, that fails with
/// `EFBIG`, and the SIGXFSZ that the kernel has sent to this thread is removed. (The kernel sends none if it grows the
/// file by a part.)
pub(crate) fn without_sigxfsz<T>(grow: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    match getrlimit(Resource::RLIMIT_FSIZE) {
        Ok((libc::RLIM_INFINITY, _)) => grow(),
        _ => without(libc::SIGXFSZ, grow, |outcome| {
            outcome.as_ref().err() == Some(&Errno::EFBIG)
        }),
    }
}

/// Calls `attempt` with `signal` blocked in this thread. If its outcome is one with which the kernel may send the
/// signal to this thread, the signal is removed.
fn without<T>(
    signal: i32,
    attempt: impl FnOnce() -> Result<T, Errno>,
    may_have_sent: impl FnOnce(&Result<T, Errno>) -> bool,
) -> Result<T, Errno> {
    let set = set_of(signal);
    let blocked = Blocked::these(&set);
    // A signal that was pending before must stay, and the kernel does not add a second one to it. In a
    // thread that did not block the signal none was pending, so the kernel need not be asked. If one for
    // the whole process comes just now, the kernel still returns this thread's one first.
    let was_pending = blocked.blocked_before(signal) && is_pending(signal);
    let outcome = attempt();
    if !was_pending && may_have_sent(&outcome) {
        take_own(signal, &set);
    }
    drop(blocked);
    outcome
}

/// Takes a blocked signal that the kernel has sent to this thread. A signal that came from elsewhere is put back.
fn take_own(signal: i32, set: &libc::sigset_t) {
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // If the handler of another signal interrupts the call, it is repeated.
    let taken = loop {
        // SAFETY: the set and the time are valid, and the kernel writes one siginfo.
        match Errno::result(unsafe { libc::sigtimedwait(set, info.as_mut_ptr(), &at_once) }) {
            Err(Errno::EINTR) => {}
            outcome => break outcome.is_ok(),
        }
    };
    if !taken {
        return;
    }
    // SAFETY: the kernel has written it, and all bytes were zero before. The sender's fields are there for SI_USER.
    let is_own = unsafe {
        let info = info.assume_init_ref();
        // The kernel enters this process as the sender of a signal that its own call has caused.
        info.si_code == libc::SI_KERNEL
            || (info.si_code == libc::SI_USER && info.si_pid() == libc::getpid())
    };
    if !is_own {
        // A process may queue a signal with any sender to itself. The call cannot fail but for too many queued signals.
        // SAFETY: the kernel reads one siginfo.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigqueueinfo,
                libc::getpid(),
                signal,
                info.as_ptr(),
            )
        };
    }
}

/// The set of one signal.
fn set_of(signal: i32) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set; `signal` is a signal's number.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        set.assume_init()
    }
}

fn is_pending(signal: i32) -> bool {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: sigpending writes the whole set, and fails only for a bad address.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        libc::sigismember(pending.as_ptr(), signal) == 1
    }
}
