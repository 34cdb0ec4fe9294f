//! Facts about this process.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};

/// The inode number that tells PID namespaces apart; 0 where /proc does not show it.
///
/// Thread ids, which lock words hold, mean something only inside one PID namespace: in two
/// containers both programs may be thread 1.
pub(crate) fn pid_namespace() -> u32 {
    let found = nix::sys::stat::fstatat(AT_FDCWD, c"/proc/self/ns/pid", AtFlags::empty());
    // Namespace inodes are 32-bit numbers in the kernel (struct ns_common.inum).
    found.map_or(0, |status| status.st_ino as u32)
}

pub(crate) fn effective_user() -> libc::uid_t {
    nix::unistd::geteuid().as_raw()
}

/// Whether no thread has this id in this PID namespace. True is proof; false may mean that the id
/// is another thread's by now.
pub(crate) fn is_gone(thread_id: u32) -> bool {
    let Ok(id) = libc::pid_t::try_from(thread_id) else {
        return false;
    };
    // 0 means this process group. kill() takes the ids of threads too.
    // SAFETY: signal 0 is not sent: the kernel only looks the id up.
    id != 0 && Errno::result(unsafe { libc::kill(id, 0) }) == Err(Errno::ESRCH)
}

/// libc's `__libc_single_threaded`, or where libc has none (before glibc 2.32, musl), a 0.
static SINGLE_THREADED: AtomicPtr<u8> = AtomicPtr::new(ptr::from_ref(&0u8).cast_mut());

/// Finds out where libc says whether the process has one thread. Until then nobody knows.
pub(crate) fn find_single_threaded() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: the name is a C string; RTLD_DEFAULT looks in all that is loaded, which stays.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
    if !found.is_null() {
        SINGLE_THREADED.store(found.cast(), Ordering::Relaxed);
    }
    DONE.store(true, Ordering::Relaxed);
}

/// Whether this process has certainly one thread alone. False proves nothing.
#[inline(always)]
pub(crate) fn is_single_threaded() -> bool {
    // SAFETY: libc's char, or our 0: alive for ever. libc changes its char only in a call that
    // starts a thread, so no other thread does while this reads.
    unsafe { SINGLE_THREADED.load(Ordering::Relaxed).read_volatile() != 0 }
}

/// Gives another thread that waits for this processor its turn.
pub(crate) fn let_others_run() {
    // SAFETY: takes nothing, cannot fail.
    unsafe { libc::sched_yield() };
}

pub(crate) fn id() -> u32 {
    std::process::id()
}
