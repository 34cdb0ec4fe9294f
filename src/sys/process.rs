//! Facts about this process.

use core::ffi::CStr;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};

/// The inode number of this process's PID namespace; 0 if /proc does not show it.
///
/// Lock words hold thread ids, and these are valid only inside one PID namespace: the programs in two
/// containers may both be thread 1.
pub(crate) fn pid_namespace() -> u32 {
    let found = nix::sys::stat::fstatat(AT_FDCWD, c"/proc/self/ns/pid", AtFlags::empty());
    // Namespace inodes are 32-bit numbers in the kernel (struct ns_common.inum).
    found.map_or(0, |status| status.st_ino as u32)
}

pub(crate) fn effective_user() -> libc::uid_t {
    nix::unistd::geteuid().as_raw()
}

/// Whether this number stands for several users here: for those without a number of their own in this
/// process's user namespace (user_namespaces(7)). Costs two or three reads from /proc.
#[cold]
pub(crate) fn is_ambiguous_user(user: libc::uid_t) -> bool {
    const EVERY_USER: u32 = u32::MAX;
    let mut bytes = [0; 4096];
    let overflow = first_numbers(c"/proc/sys/kernel/overflowuid", &mut bytes);
    // Without /proc, the number that Linux uses if nobody has changed it.
    if user != overflow.map_or(65534, |[user, _, _]| user) {
        return false;
    }
    // One range of all numbers: every user has one, as in the first namespace.
    let map = first_numbers(c"/proc/self/uid_map", &mut bytes);
    !map.is_some_and(|[first, _, count]| first == 0 && count == EVERY_USER)
}

/// The first numbers in a small file; 0 for those that are missing. `None` if it cannot be read.
fn first_numbers(path: &CStr, bytes: &mut [u8]) -> Option<[u32; 3]> {
    let file = super::file::open(path, false).ok()?;
    let length = nix::unistd::read(&file, bytes).ok()?;
    let text = core::str::from_utf8(bytes.get(..length)?).ok()?;
    let mut numbers = text
        .split_whitespace()
        .map_while(|number| number.parse().ok());
    Some([(); 3].map(|()| numbers.next().unwrap_or(0)))
}

/// Whether no thread has this id in this PID namespace. True proves that the thread is gone. False may mean
/// that another thread has the id by now.
pub(crate) fn is_gone(thread_id: u32) -> bool {
    let Ok(id) = libc::pid_t::try_from(thread_id) else {
        return false;
    };
    // The id 0 means this process group. kill() accepts the ids of threads too.
    // SAFETY: for signal 0 the kernel only searches for the id and sends nothing.
    id != 0 && Errno::result(unsafe { libc::kill(id, 0) }) == Err(Errno::ESRCH)
}

/// Points to libc's `__libc_single_threaded`, or to a 0 if libc has no such variable (before glibc 2.32).
static SINGLE_THREADED: AtomicPtr<u8> = AtomicPtr::new(ptr::from_ref(&0u8).cast_mut());

/// Finds libc's variable. Before this call `is_single_threaded` always returns false.
pub(crate) fn find_single_threaded() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: the name is a C string. RTLD_DEFAULT searches the loaded libraries, and libc stays loaded.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
    if !found.is_null() {
        SINGLE_THREADED.store(found.cast(), Ordering::Relaxed);
    }
    DONE.store(true, Ordering::Relaxed);
}

/// Whether this process certainly has only one thread. False proves nothing.
#[inline(always)]
pub(crate) fn is_single_threaded() -> bool {
    // SAFETY: libc's variable and our 0 live for ever. libc changes its variable only in a call that
    // starts a thread. As long as there is one thread, no such call runs while this one reads.
    unsafe { SINGLE_THREADED.load(Ordering::Relaxed).read_volatile() != 0 }
}

/// Yields this processor to another thread that waits for it. A thread in SCHED_DEADLINE does not yield: it
/// would give up the rest of its period, and so the processor time that it was promised.
pub(crate) fn let_others_run() {
    if is_deadline_scheduled() {
        core::hint::spin_loop();
        return;
    }
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { libc::sched_yield() };
}

/// Whether the calling thread is in SCHED_DEADLINE now.
fn is_deadline_scheduled() -> bool {
    // SCHED_DEADLINE of <linux/sched.h>, and the bit that SCHED_RESET_ON_FORK adds.
    const DEADLINE: libc::c_int = 6;
    // SAFETY: 0 is the calling thread, and the call accesses no memory.
    let policy = unsafe { libc::sched_getscheduler(0) };
    policy & !libc::SCHED_RESET_ON_FORK == DEADLINE
}

pub(crate) fn id() -> u32 {
    std::process::id()
}
