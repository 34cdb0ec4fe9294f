//! The changes that a child makes to itself between its start and exec, beyond its streams and its directory.
//!
//! Everything here runs in the child, which shares its parent's memory: it makes system calls only (see [`spawn`](super::spawn)).
//! The order matters. The limits and the scheduling are set while the child still has its parent's rights. The death signal
//! comes last, because the kernel clears it when the user changes.

use super::fd;
use super::spawn::{SIGNAL_SET, Step, child_call};
use crate::base::alloc::List;
use core::cell::Cell;
use core::ffi::c_int;
use nix::errno::Errno;
use std::os::fd::RawFd;

/// The group of processes to which a child belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Belongs {
    Parents,
    NewGroup,
    /// It leads a new session.
    NewSession,
}

/// The user and the groups that a child gets.
#[derive(Clone, Copy)]
pub(crate) struct User<'a> {
    pub(crate) user: libc::uid_t,
    pub(crate) group: libc::gid_t,
    /// The supplementary groups.
    pub(crate) groups: &'a [libc::gid_t],
}

/// A resource limit of the child, as prlimit64(2) takes it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) soft: u64,
    pub(crate) hard: u64,
    pub(crate) resource: c_int,
}

/// A descriptor that the child gets under a number.
pub(crate) struct Given {
    pub(crate) source: RawFd,
    pub(crate) number: RawFd,
    /// The number at which the child keeps it until its own is free.
    pub(crate) temporary: Cell<RawFd>,
}

impl Given {
    pub(crate) fn new(source: RawFd, number: RawFd) -> Given {
        Given {
            source,
            number,
            temporary: Cell::new(-1),
        }
    }
}

/// All that a child sets up beyond its streams and its directory.
pub(crate) struct Setup<'a> {
    pub(crate) belongs: Belongs,
    /// Signals that the parent ignores stay ignored.
    pub(crate) keeps_ignored: bool,
    /// The scheduling policy and the nice value become the usual ones.
    pub(crate) resets_scheduling: bool,
    /// The parent's process id, if the child dies with it.
    pub(crate) dies_with: Option<libc::pid_t>,
    pub(crate) umask: Option<libc::mode_t>,
    pub(crate) limits: List<Limit>,
    pub(crate) user: Option<User<'a>>,
    pub(crate) given: List<Given>,
}

impl Setup<'_> {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Setup {
            belongs: Belongs::Parents,
            keeps_ignored: false,
            resets_scheduling: false,
            dies_with: None,
            umask: None,
            limits: List::new(),
            user: None,
            given: List::new(),
        }
    }
}

/// A failed step, and the place in its list if the step has one.
pub(crate) type Failure = (Step, u8, Errno);

/// Whether the child's signal `number` is ignored.
///
/// # Safety
///
/// Called in the child only.
pub(super) unsafe fn is_ignored(number: usize) -> bool {
    // The kernel's struct sigaction begins with the handler; on MIPS the flags come first.
    let place = usize::from(cfg!(any(target_arch = "mips", target_arch = "mips64")));
    let mut action = [0usize; 16];
    // SAFETY: the kernel writes its struct sigaction, which is smaller than the array.
    let asked = unsafe {
        child_call(
            libc::SYS_rt_sigaction,
            [number, 0, action.as_mut_ptr().addr(), SIGNAL_SET],
        )
    };
    asked.is_ok() && action[place] == libc::SIG_IGN
}

/// The first half: what needs the parent's rights.
///
/// # Safety
///
/// Called in the child only.
pub(super) unsafe fn begin(setup: &Setup<'_>) -> Result<(), Failure> {
    // SAFETY: the arguments are valid, and all that changes is the child's own.
    unsafe {
        let group = match setup.belongs {
            Belongs::Parents => Ok(0),
            Belongs::NewGroup => child_call(libc::SYS_setpgid, [0, 0]),
            Belongs::NewSession => child_call(libc::SYS_setsid, []),
        };
        group.map_err(|errno| (Step::Group, 0, errno))?;
        if setup.resets_scheduling {
            reset_scheduling().map_err(|errno| (Step::Scheduling, 0, errno))?;
        }
        for (place, limit) in (0u8..).zip(setup.limits.iter()) {
            let limits = (&raw const limit.soft).addr();
            child_call(libc::SYS_prlimit64, [0, limit.resource as usize, limits, 0])
                .map_err(|errno| (Step::Limit, place, errno))?;
        }
        if let Some(umask) = setup.umask {
            let _ = child_call(libc::SYS_umask, [umask as usize]);
        }
        Ok(())
    }
}

/// # Safety
///
/// Called in the child only.
unsafe fn reset_scheduling() -> Result<(), Errno> {
    let priority: c_int = 0;
    let policy = libc::SCHED_OTHER as usize;
    // SAFETY: the kernel reads one int, and changes this process only.
    unsafe {
        child_call(
            libc::SYS_sched_setscheduler,
            [0, policy, (&raw const priority).addr()],
        )?;
        child_call(libc::SYS_setpriority, [libc::PRIO_PROCESS as usize, 0, 0]).map(drop)
    }
}

/// The second half: the user, and then the death with the parent.
///
/// # Safety
///
/// Called in the child only.
pub(super) unsafe fn finish(setup: &Setup<'_>) -> Result<(), Failure> {
    // SAFETY: the arguments are valid. These are the system calls themselves, which change one thread's credentials, so
    // the parent keeps its own.
    unsafe {
        if let Some(User {
            user,
            group,
            groups,
        }) = setup.user
        {
            let (user, group) = (user as usize, group as usize);
            let failed = |errno| (Step::User, 0, errno);
            child_call(SETGROUPS, [groups.len(), groups.as_ptr().addr()]).map_err(failed)?;
            child_call(SETRESGID, [group, group, group]).map_err(failed)?;
            child_call(SETRESUID, [user, user, user]).map_err(failed)?;
        }
        let Some(parent) = setup.dies_with else {
            return Ok(());
        };
        let signal = libc::SIGKILL as usize;
        child_call(
            libc::SYS_prctl,
            [libc::PR_SET_PDEATHSIG as usize, signal, 0, 0, 0],
        )
        .map_err(|errno| (Step::DeathSignal, 0, errno))?;
        // A parent that died before that sends no signal any more. (0: the parent is in another PID namespace.)
        match child_call(libc::SYS_getppid, []) {
            Ok(now) if now != parent as usize && now != 0 => {
                Err((Step::DeathSignal, 0, Errno::ESRCH))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
use libc::{SYS_setgroups as SETGROUPS, SYS_setresgid as SETRESGID, SYS_setresuid as SETRESUID};
/// The calls that take ids of 32 bits. The 32-bit x86 and Arm kernels have older ones under the usual numbers.
#[cfg(any(target_arch = "x86", target_arch = "arm"))]
use libc::{
    SYS_setgroups32 as SETGROUPS, SYS_setresgid32 as SETRESGID, SYS_setresuid32 as SETRESUID,
};

/// Takes the descriptors and the report's end out of the way of all numbers that the child is to have. Returns the report's
/// new number.
///
/// # Safety
///
/// Called in the child only, because its table of descriptors is its own.
pub(super) unsafe fn set_aside(given: &[Given], report: usize) -> Result<usize, Failure> {
    if given.is_empty() {
        return Ok(report);
    }
    for (place, one) in (0u8..).zip(given) {
        // SAFETY: by this function's contract.
        let moved = unsafe { beside(given, one.source as usize) };
        let moved = moved.map_err(|errno| (Step::Given, place, errno))?;
        one.temporary.set(moved as RawFd);
    }
    // SAFETY: by this function's contract.
    unsafe { beside(given, report) }.map_err(|errno| (Step::Descriptors, 0, errno))
}

/// A copy of a descriptor, closed by exec, with a number above 2 that is none of those in `given`.
///
/// # Safety
///
/// Called in the child only.
unsafe fn beside(given: &[Given], source: usize) -> Result<usize, Errno> {
    let mut from = 3;
    loop {
        // SAFETY: the call accesses no memory.
        let copy = unsafe { child_call(libc::SYS_fcntl, [source, fd::COPY_ABOVE, from]) }?;
        if given.iter().all(|one| one.number as usize != copy) {
            return Ok(copy);
        }
        // The copy is replaced when its number gets its descriptor.
        from = copy + 1;
    }
}

/// Gives the child its descriptors under their numbers.
///
/// # Safety
///
/// Called in the child only, after [`set_aside`].
pub(super) unsafe fn place(given: &[Given]) -> Result<(), Failure> {
    for (place, one) in (0u8..).zip(given) {
        let arguments = [one.temporary.get() as usize, one.number as usize, 0];
        // SAFETY: the call accesses no memory. The numbers differ, see `beside`.
        unsafe { child_call(libc::SYS_dup3, arguments) }
            .map_err(|errno| (Step::Given, place, errno))?;
    }
    Ok(())
}
