//! Signals as a descriptor.

use crate::library::Error;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The request of a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request {
    Stop,
    Reload,
}

/// The signals that the bridge obeys. They are blocked in every thread.
pub(crate) struct Signals(OwnedFd);

impl Signals {
    /// Call before any thread starts.
    pub(crate) fn block() -> Result<Signals, Error> {
        let mut set = std::mem::MaybeUninit::uninit();
        // SAFETY: the calls write the set, and read it after that.
        let descriptor = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
            libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if descriptor < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        // SAFETY: the descriptor is new, and nobody else closes it.
        Ok(Signals(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    pub(crate) fn descriptor(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// The next signal.
    pub(crate) fn take(&self) -> Option<Request> {
        let mut info = std::mem::MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the buffer has the size given.
        let length = unsafe { libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), size) };
        if length != size as isize {
            return None;
        }
        // SAFETY: the kernel has written the whole struct.
        match unsafe { info.assume_init() }.ssi_signo as i32 {
            libc::SIGHUP => Some(Request::Reload),
            _ => Some(Request::Stop),
        }
    }
}

extern "C" fn ignore(_signal: libc::c_int) {}

/// Lets [`interrupt`] end a call of the library. Without a handler the signal would end the process.
pub(crate) fn permit_interruption() {
    let handler = ignore as extern "C" fn(libc::c_int);
    // SAFETY: the struct is all zeros (no flags, so calls are not restarted) but for the handler, which does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut());
    }
}

/// Interrupts a call in which a thread of this process waits.
pub(crate) fn interrupt(thread: libc::pid_t) {
    let process = std::process::id() as libc::pid_t;
    // SAFETY: the call takes no pointer. A thread that does not exist is no harm.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGUSR1) };
}
