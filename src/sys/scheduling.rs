//! How the kernel gives processors to the calling thread.

use nix::errno::Errno;

/// Whether a thread may use a processor only to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheduling {
    /// The kernel takes the processor away when others have waited for it long enough.
    Shared,
    /// Others may never get this thread's processor while this thread uses it: the thread has a real-time policy.
    /// Or they have nothing else to expect: the thread may run on one processor only.
    Exclusive,
    /// The thread is in SCHED_DEADLINE. All time that it uses counts.
    Budgeted,
}

impl Scheduling {
    /// That of the calling thread now. Makes two system calls.
    #[cold]
    pub(crate) fn now() -> Scheduling {
        match policy() {
            DEADLINE => Scheduling::Budgeted,
            libc::SCHED_FIFO | libc::SCHED_RR => Scheduling::Exclusive,
            _ if has_one_processor() => Scheduling::Exclusive,
            _ => Scheduling::Shared,
        }
    }
}

/// SCHED_DEADLINE of <linux/sched.h>.
const DEADLINE: libc::c_int = 6;

/// Yields this processor to another thread that waits for it. A thread in SCHED_DEADLINE does not yield: it
/// would give up the rest of its period, and so the processor time that it was promised.
pub(crate) fn let_others_run() {
    if policy() == DEADLINE {
        core::hint::spin_loop();
        return;
    }
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { libc::sched_yield() };
}

/// The calling thread's policy, without the bit that SCHED_RESET_ON_FORK adds.
fn policy() -> libc::c_int {
    // SAFETY: 0 is the calling thread, and the call accesses no memory. (musl's function fails always.)
    let policy = unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) };
    policy as libc::c_int & !libc::SCHED_RESET_ON_FORK
}

/// Whether the calling thread may run on one processor only.
fn has_one_processor() -> bool {
    let mut mask = [0u64; 16];
    // SAFETY: the kernel writes at most the array's size. With more processors than bits it fails.
    let written = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_sched_getaffinity,
            0,
            size_of_val(&mask),
            mask.as_mut_ptr(),
        )
    });
    written.is_ok() && mask.iter().map(|word| word.count_ones()).sum::<u32>() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_bound_to_one_processor_has_one() {
        std::thread::spawn(|| {
            let mut one = nix::sched::CpuSet::new();
            let own = nix::sched::sched_getcpu().unwrap();
            assert!(one.set(own).is_ok());
            assert!(nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &one).is_ok());
            assert_eq!(Scheduling::now(), Scheduling::Exclusive);
        })
        .join()
        .unwrap();
    }
}
