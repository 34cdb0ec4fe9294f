//! The only layer with raw system calls. It uses nix for the calls that nix has, and libc for the others.
//!
//! Each function here is one kernel operation with Rust types at its edges: owned descriptors, slices,
//! deadlines. It decides nothing. A failed system call is an [`Errno`]. The layer that knows the object's
//! name says what the failure means to the caller.

pub(crate) mod alone;
pub(crate) mod atomic;
pub(crate) mod cancellation;
pub(crate) mod child;
pub(crate) mod direct;
pub(crate) mod eventfd;
pub(crate) mod fd;
pub(crate) mod fence;
pub(crate) mod file;
pub(crate) mod futex;
mod held;
pub(crate) mod listing;
pub(crate) mod liveness;
mod lock_form;
pub(crate) mod memory;
pub(crate) mod mqueue;
pub(crate) mod notices;
pub(crate) mod path;
pub(crate) mod pipe;
pub(crate) mod process;
pub(crate) mod ready;
pub(crate) mod robust;
pub(crate) mod sanitizer;
pub(crate) mod semaphore;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod spawn;
pub(crate) mod stream;
pub(crate) mod sysv;
pub(crate) mod terminal;
pub(crate) mod thread;
pub(crate) mod watch_ring;
pub(crate) mod watch_words;
pub(crate) mod worker;

/// A duration or a point in time in the kernel's form.
pub(crate) fn timespec(time: core::time::Duration) -> libc::timespec {
    libc::timespec {
        // The largest time_t is 292 billion years away, so a saturated time never comes.
        tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

/// The path of a file in /proc. The longest path holds two numbers.
type ProcPath = crate::base::text::Text<64>;
