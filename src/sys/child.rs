//! A process behind a pidfd: how it ended, sending it a signal, and children that nobody waits for.

use super::fd::{self, Kept};
use super::ready::{self, READABLE};
use crate::base::alloc::try_box;
use crate::base::time::Deadline;
use core::ffi::{c_int, c_long};
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(c_int),
    /// By this signal, without a core dump.
    Signal(c_int),
    /// By this signal, with a core dump.
    CoreDump(c_int),
}

/// The resources that a child has used, with its own children that it has waited for.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) user_ns: u64,
    pub(crate) system_ns: u64,
    /// The most memory that it had at once, in bytes.
    pub(crate) max_resident: u64,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
}

impl Usage {
    /// The fields in their order.
    pub(crate) fn numbers(self) -> [u64; 5] {
        [
            self.user_ns,
            self.system_ns,
            self.max_resident,
            self.minor_faults,
            self.major_faults,
        ]
    }

    pub(crate) fn from_numbers(numbers: [u64; 5]) -> Usage {
        let [user_ns, system_ns, max_resident, minor_faults, major_faults] = numbers;
        Usage {
            user_ns,
            system_ns,
            max_resident,
            minor_faults,
            major_faults,
        }
    }

    /// From the kernel's struct rusage: two times in seconds and microseconds, and numbers.
    fn of(found: &[c_long; 18]) -> Usage {
        let number = |place: usize| u64::try_from(found[place]).unwrap_or(0);
        let time = |place| number(place) * 1_000_000_000 + number(place + 1) * 1_000;
        Usage {
            user_ns: time(0),
            system_ns: time(2),
            max_resident: number(4) * 1024,
            minor_faults: number(8),
            major_faults: number(9),
        }
    }
}

/// A child of this process, by its id and its pidfd. The program may close the pidfd behind the library.
///
/// From Linux 6.9 on a pidfd's inode tells one process from all others. There the child is found again by its id:
/// a new pidfd with the old inode leads to the same process. Before, the pidfd is all that is certain.
pub(crate) struct Process {
    id: libc::pid_t,
    pidfd: Kept,
}

impl Process {
    pub(crate) fn new(id: libc::pid_t, pidfd: OwnedFd) -> Result<Process, Errno> {
        let pidfd = Kept::new(pidfd)?;
        Ok(Process { id, pidfd })
    }

    pub(crate) fn id(&self) -> libc::pid_t {
        self.id
    }

    /// The pidfd that stays open as long as this value. `EBADF` if the program has closed it.
    pub(crate) fn pidfd(&self) -> Result<BorrowedFd<'_>, Errno> {
        self.pidfd.get()
    }

    /// Calls `use_it` with the pidfd, or with a new one for this call only. `ESRCH` if the process is gone and
    /// was reaped, `EBADF` if it cannot be found again.
    pub(crate) fn with_pidfd<T>(
        &self,
        use_it: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        match self.pidfd.get() {
            Ok(pidfd) => use_it(pidfd),
            Err(_) => use_it(self.found_again()?.as_fd()),
        }
    }

    fn found_again(&self) -> Result<OwnedFd, Errno> {
        let pidfd = fd::pidfd(self.id)?;
        if !has_inode_of_its_own(pidfd.as_fd()) {
            return Err(Errno::EBADF);
        }
        match super::large::fstat(pidfd.as_raw_fd())?.st_ino == self.pidfd.inode() {
            true => Ok(pidfd),
            // The id belongs to another process by now.
            false => Err(Errno::ESRCH),
        }
    }

    /// Closes the pidfd of a child that can be found again without it. A sandbox may forbid pidfd_open(2), so
    /// it is tried first.
    fn close_if_found_again(&self) {
        if self.found_again().is_ok() {
            self.pidfd.close();
        }
    }
}

/// Whether a pidfd's inode stands for its process alone.
fn has_inode_of_its_own(pidfd: BorrowedFd<'_>) -> bool {
    // PIDFS_MAGIC of <linux/magic.h>.
    const PIDFS: u32 = 0x5049_4446;
    /// The kernel's answer, which is the same for all processes: 0 not asked, 1 no, 2 yes.
    static KNOWN: AtomicU8 = AtomicU8::new(0);
    if KNOWN.load(Ordering::Relaxed) == 0 {
        if let Ok(found) = super::large::file_system(pidfd.as_raw_fd()) {
            KNOWN.store(1 + u8::from(found == PIDFS), Ordering::Relaxed);
        }
    }
    KNOWN.load(Ordering::Relaxed) == 2
}

/// How the process behind a pidfd ended, or `None` if it has not (only with `WNOHANG`). `ECHILD` if it is not
/// a child of this process, or was reaped already. With `WNOWAIT` the child is not reaped.
pub(crate) fn wait(pidfd: BorrowedFd<'_>, options: c_int) -> Result<Option<(Exit, Usage)>, Errno> {
    let mut usage: [c_long; 18] = [0; 18];
    let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the kernel writes the struct, and all zeros is a value of it. With WNOHANG it stays all zeros
    // if the child has not ended. The fields that are read are those of a child's end.
    unsafe {
        // libc's function has no place for the usage.
        Errno::result(libc::syscall(
            libc::SYS_waitid,
            libc::P_PIDFD,
            pidfd.as_raw_fd(),
            found.as_mut_ptr(),
            options | libc::WEXITED,
            usage.as_mut_ptr(),
        ))?;
        let found = found.assume_init_ref();
        if found.si_pid() == 0 {
            return Ok(None);
        }
        let exit = match found.si_code {
            libc::CLD_EXITED => Exit::Code(found.si_status()),
            libc::CLD_DUMPED => Exit::CoreDump(found.si_status()),
            _ => Exit::Signal(found.si_status()),
        };
        Ok(Some((exit, Usage::of(&usage))))
    }
}

/// Waits until the child with this id has ended, and leaves it unreaped. Returns too if another thread has reaped it.
pub(super) fn await_end(id: libc::pid_t) {
    let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
    loop {
        // SAFETY: the kernel writes the struct.
        let ended = Errno::result(unsafe {
            libc::waitid(
                libc::P_PID,
                id as libc::id_t,
                found.as_mut_ptr(),
                libc::WEXITED | libc::WNOWAIT,
            )
        });
        if ended != Err(Errno::EINTR) {
            return;
        }
    }
}

/// Waits until the process behind a pidfd has ended. Returns false if the deadline passes first.
pub(crate) fn wait_for_end(pidfd: BorrowedFd<'_>, deadline: Deadline) -> Result<bool, Errno> {
    ready::wait_any(&mut [ready::watch(pidfd.as_raw_fd(), READABLE)], deadline)
}

/// Children that nobody waits for any more, to be reaped when they have ended. The list has no lock, because
/// the process may fork at any moment, and the child would inherit a held lock.
static ABANDONED: AtomicPtr<Abandoned> = AtomicPtr::new(ptr::null_mut());

/// A child, with the memory that it takes to abandon it: abandoning cannot fail.
pub(crate) struct Abandoned {
    process: Process,
    next: *mut Abandoned,
}

// SAFETY: `next` is used only while the entry is in the list, and then the list's rules hold.
unsafe impl Send for Abandoned {}
// SAFETY: as for Send.
unsafe impl Sync for Abandoned {}

impl Abandoned {
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }
}

/// Room for a child that may be abandoned one day, to be filled when there is a child.
pub(crate) fn room_to_abandon() -> Result<Box<MaybeUninit<Abandoned>>, Errno> {
    try_box(MaybeUninit::uninit())
}

/// Puts a new child into its room.
pub(crate) fn abandonable(
    mut room: Box<MaybeUninit<Abandoned>>,
    process: Process,
) -> Box<Abandoned> {
    room.write(Abandoned {
        process,
        next: ptr::null_mut(),
    });
    // SAFETY: the value was written just now. MaybeUninit has the layout of its content.
    unsafe { Box::from_raw(Box::into_raw(room).cast()) }
}

/// Notes a running child that nobody will wait for.
pub(crate) fn abandon(child: Box<Abandoned>) {
    child.process.close_if_found_again();
    put_back(child);
}

fn put_back(child: Box<Abandoned>) {
    let child = Box::into_raw(child);
    let mut first = ABANDONED.load(Ordering::Relaxed);
    loop {
        // SAFETY: the entry is not in the list yet, so only this thread can reach it.
        unsafe { (*child).next = first };
        // Release: without it a thread that takes the list might not see what is in the entry.
        match ABANDONED.compare_exchange_weak(first, child, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => first = now,
        }
    }
}

/// Reaps the abandoned children that have ended.
pub(crate) fn reap_abandoned() {
    // The whole list is taken, so no other thread has one of its children. Acquire pairs with the Release in
    // `put_back`.
    let mut next = ABANDONED.swap(ptr::null_mut(), Ordering::Acquire);
    while !next.is_null() {
        // SAFETY: `put_back` made the entry from a box, and the entry is in no list now.
        let child = unsafe { Box::from_raw(next) };
        next = child.next;
        // Otherwise the child has ended and is reaped, or it is not a child of this process, which was
        // forked since. Neither needs an entry any more.
        let outcome = child.process.with_pidfd(|pidfd| wait(pidfd, libc::WNOHANG));
        if let Ok(None) = outcome {
            put_back(child);
        }
    }
}

/// Sends a signal to the process behind a pidfd, never to another process that got its number.
pub(crate) fn send_signal(pidfd: BorrowedFd<'_>, number: c_int) -> Result<(), Errno> {
    signal_with(pidfd, number, 0)
}

/// Sends a signal to all processes in the group that the process behind a pidfd leads, also after its end. `EINVAL` before
/// Linux 6.9.
pub(crate) fn signal_group(pidfd: BorrowedFd<'_>, number: c_int) -> Result<(), Errno> {
    // PIDFD_SIGNAL_PROCESS_GROUP of <linux/pidfd.h>.
    signal_with(pidfd, number, 4)
}

/// The same by the group's number, which another group may have got if the leader was reaped.
pub(crate) fn signal_group_by_id(id: libc::pid_t, number: c_int) -> Result<(), Errno> {
    // SAFETY: the call takes numbers.
    Errno::result(unsafe { libc::kill(-id, number) }).map(drop)
}

/// Whether there is a signal with this number, or it is 0.
pub(crate) fn is_signal(number: c_int) -> bool {
    (0..=libc::SIGRTMAX()).contains(&number)
}

fn signal_with(pidfd: BorrowedFd<'_>, number: c_int, flags: c_long) -> Result<(), Errno> {
    // SAFETY: NULL means that no information goes with the signal.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            number,
            ptr::null::<libc::siginfo_t>(),
            flags,
        )
    })
    .map(drop)
}
