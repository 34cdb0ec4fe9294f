//! Facts about this process.

use core::sync::atomic::{AtomicUsize, Ordering};
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

/// How many processors this process may run on, asked once: with one, spinning is a waste.
pub(crate) fn processors() -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: the number stands for itself, and asking twice gives the same answer.
    match COUNT.load(Ordering::Relaxed) {
        0 => {
            let count = count_processors();
            COUNT.store(count, Ordering::Relaxed);
            count
        }
        count => count,
    }
}

fn count_processors() -> usize {
    // SAFETY: cpu_set_t is a bit mask, for which all zeros is a value.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: the kernel writes at most the size given into the set.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) };
    if result != 0 {
        return 1;
    }
    // SAFETY: CPU_COUNT only counts bits of the set.
    usize::try_from(unsafe { libc::CPU_COUNT(&set) }).map_or(1, |count| count.max(1))
}

pub(crate) fn id() -> u32 {
    std::process::id()
}
