//! The only layer with raw system calls. It uses nix for the calls that nix has, and libc for the others.
//!
//! Each function here is one kernel operation with Rust types at its edges: owned descriptors, slices,
//! deadlines. It decides nothing. A failed system call is an [`Errno`]. The layer that knows the object's
//! name says what the failure means to the caller.

pub(crate) mod alone;
pub(crate) mod atomic;
pub(crate) mod cancellation;
pub(crate) mod child;
pub(crate) mod child_keeper;
pub(crate) mod child_setup;
pub(crate) mod datagram;
pub(crate) mod direct;
pub(crate) mod epoll;
pub(crate) mod eventfd;
pub(crate) mod fd;
pub(crate) mod fence;
pub(crate) mod file;
pub(crate) mod futex;
mod held;
mod identity;
pub(crate) mod large;
pub(crate) mod listing;
pub(crate) mod liveness;
mod lock_form;
pub(crate) mod memory;
pub(crate) mod mqueue;
#[cfg(target_env = "musl")]
mod musl;
pub(crate) mod new_owner;
pub(crate) mod notices;
pub(crate) mod path;
pub(crate) mod pipe;
mod probe;
pub(crate) mod process;
pub(crate) mod processor;
pub(crate) mod ready;
pub(crate) mod robust;
mod robust_head;
mod robust_proof;
pub(crate) mod sanitizer;
pub(crate) mod scheduling;
pub(crate) mod semaphore;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod spawn;
pub(crate) mod stream;
pub(crate) mod sysv;
pub(crate) mod sysv_change;
pub(crate) mod terminal;
pub(crate) mod thread;
pub(crate) mod watch_ring;
pub(crate) mod watch_words;
pub(crate) mod worker;

/// A duration or a point in time in libc's form.
pub(crate) fn timespec(time: core::time::Duration) -> libc::timespec {
    libc::timespec {
        // Only a time_t of 32 bits is ever too small: a deadline 68 years after the machine's start.
        tv_sec: time.as_secs().try_into().unwrap_or(i32::MAX.into()),
        // c_long, which any number of nanoseconds below a second fits.
        tv_nsec: time.subsec_nanos() as libc::c_long,
    }
}

/// The path of a file in /proc. The longest path holds two numbers.
type ProcPath = crate::base::text::Text<64>;
