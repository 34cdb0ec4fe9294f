//! The set-up of a new child before its program runs: `ipc_child_setup_t`.

use super::*;
use crate::base::alloc::List;
use crate::base::error::failed;
use crate::sys::child_setup::{Belongs, Given, Limit, Setup, User};
use crate::sys::{process, ready};
use core::slice;

/// Flag in ipc_child_setup_t: the child dies with this process. It gets SIGKILL when this process ends, in
/// whatever way, or executes another program; and it does not start if this process has ended already.
/// The end of the thread that started it does not matter. The library starts a thread for each such
/// child, which sleeps until the child has ended. A program with set-user-id bits or file capabilities is
/// not killed.
pub const IPC_CHILD_DIES_WITH_PARENT: c_int = 0x1;
/// Flag in ipc_child_setup_t: the child leads a new process group. ipc_child_kill_group() reaches it.
pub const IPC_CHILD_NEW_GROUP: c_int = 0x2;
/// Flag in ipc_child_setup_t: the child leads a new session, without a controlling terminal, and a new
/// process group. ipc_child_kill_group() reaches it.
pub const IPC_CHILD_NEW_SESSION: c_int = 0x4;
/// Flag in ipc_child_setup_t: the child runs as the user and the group in the fields user and group, with
/// the supplementary groups in groups and no others.
pub const IPC_CHILD_USER: c_int = 0x8;
/// Flag in ipc_child_setup_t: the child has the file creation mask in the field umask.
pub const IPC_CHILD_UMASK: c_int = 0x10;
/// Flag in ipc_child_setup_t: the child has the usual scheduling policy (SCHED_OTHER) and the nice value
/// 0, whatever this thread has.
pub const IPC_CHILD_RESET_SCHEDULING: c_int = 0x20;
/// Flag in ipc_child_setup_t: signals that this process ignores stay ignored in the child. Without it all
/// signals have their default actions.
pub const IPC_CHILD_KEEP_IGNORED: c_int = 0x40;

const FLAGS: c_int = IPC_CHILD_DIES_WITH_PARENT
    | IPC_CHILD_NEW_GROUP
    | IPC_CHILD_NEW_SESSION
    | IPC_CHILD_USER
    | IPC_CHILD_UMASK
    | IPC_CHILD_RESET_SCHEDULING
    | IPC_CHILD_KEEP_IGNORED;

/// A resource limit of a child, see getrlimit(2).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_child_limit_t {
    /// The limit that the kernel enforces; UINT64_MAX for none.
    pub soft: u64,
    /// The value up to which the child may raise it; UINT64_MAX for none.
    pub hard: u64,
    /// RLIMIT_NOFILE and its like.
    pub resource: c_int,
    /// 0; for later versions.
    pub reserved: c_int,
}

/// A descriptor that a child gets.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_child_descriptor_t {
    /// An open descriptor of this process. It stays the caller's.
    pub fd: c_int,
    /// Its number in the child, 3 or more.
    pub number: c_int,
}

/// More choices for a child, named by the field setup of ipc_spawn_attr_t and ipc_pty_attr_t. A field that
/// is zero has its default. The child applies them in the order group or session, scheduling, limits,
/// umask, streams, descriptors, user, death with the parent, directory. If one fails, there is no child,
/// and the call that starts it returns the error of that step; ipc_last_error() names the step.
#[repr(C)]
pub struct ipc_child_setup_t {
    /// 0 or any of the IPC_CHILD_ flags.
    pub flags: c_int,
    /// With IPC_CHILD_UMASK: the file creation mask, up to 0777.
    pub umask: libc::mode_t,
    /// With IPC_CHILD_USER: the user.
    pub user: libc::uid_t,
    /// With IPC_CHILD_USER: the group.
    pub group: libc::gid_t,
    /// With IPC_CHILD_USER: the supplementary groups.
    pub groups: *const libc::gid_t,
    /// How many there are, up to 65536.
    pub group_count: usize,
    /// Resource limits that differ from this process's.
    pub limits: *const ipc_child_limit_t,
    /// How many there are, up to 255.
    pub limit_count: usize,
    /// Descriptors for the child beside its streams. No two have the same number.
    pub descriptors: *const ipc_child_descriptor_t,
    /// How many there are, up to 255.
    pub descriptor_count: usize,
    /// The program to execute, or NULL: the one that argv[0] names. With it the child sees any argv[0]. A
    /// name without a slash is searched for in this process's PATH.
    pub program: *const c_char,
    /// The child's working directory, or NULL: this process's. It is entered as the child's user. In
    /// ipc_spawn_with(), the attribute directory must then be NULL.
    pub directory: *const c_char,
    /// All 0; for later versions.
    pub reserved: [u64; 4],
}

/// The choices for a child, from a C caller.
pub(in crate::ffi) struct Choices<'a> {
    pub(in crate::ffi) setup: Setup<'a>,
    pub(in crate::ffi) program: Option<&'a CStr>,
    pub(in crate::ffi) directory: Option<&'a CStr>,
}

/// The most limits, and descriptors, of one child: the child reports the place of a failure in one byte.
const LIST_MAX: usize = 255;
/// The kernel's NGROUPS_MAX.
const GROUPS_MAX: usize = 65536;

/// # Safety
///
/// `given` is NULL, misaligned, or points to an ipc_child_setup_t whose lists have as many entries as they say, and whose
/// strings are NULL or strings. All live as long as the result.
pub(in crate::ffi) unsafe fn choices<'a>(given: *const ipc_child_setup_t) -> Result<Choices<'a>> {
    if given.is_null() {
        return Ok(Choices {
            setup: Setup::none(),
            program: None,
            directory: None,
        });
    }
    // SAFETY: by this function's contract.
    let given: &ipc_child_setup_t = unsafe { placed_to_read(given, "setup") }?;
    if given.reserved != [0; 4] {
        return Err(fail!(EINVAL, "setup: a reserved field is not 0"));
    }
    check_flags(given.flags, FLAGS)?;
    let has = |flag| given.flags & flag != 0;
    if has(IPC_CHILD_UMASK) {
        check_mode(given.umask)?;
    }
    // SAFETY: by this function's contract.
    let (groups, limits, descriptors) = unsafe {
        (
            list(given.groups, given.group_count, GROUPS_MAX, "groups")?,
            list(given.limits, given.limit_count, LIST_MAX, "limits")?,
            list(
                given.descriptors,
                given.descriptor_count,
                LIST_MAX,
                "descriptors",
            )?,
        )
    };
    if !has(IPC_CHILD_USER) && (given.user, given.group, groups.len()) != (0, 0, 0) {
        return Err(fail!(
            EINVAL,
            "setup: user, group and groups need IPC_CHILD_USER"
        ));
    }
    Ok(Choices {
        setup: Setup {
            belongs: match (has(IPC_CHILD_NEW_SESSION), has(IPC_CHILD_NEW_GROUP)) {
                (true, _) => Belongs::NewSession,
                (false, true) => Belongs::NewGroup,
                (false, false) => Belongs::Parents,
            },
            keeps_ignored: has(IPC_CHILD_KEEP_IGNORED),
            resets_scheduling: has(IPC_CHILD_RESET_SCHEDULING),
            dies_with: has(IPC_CHILD_DIES_WITH_PARENT).then(|| process::id() as libc::pid_t),
            umask: has(IPC_CHILD_UMASK).then_some(given.umask),
            limits: limits_of(limits)?,
            user: has(IPC_CHILD_USER).then_some(User {
                user: given.user,
                group: given.group,
                groups,
            }),
            given: descriptors_of(descriptors)?,
        },
        // SAFETY: by this function's contract.
        program: unsafe { path(given.program) }?,
        // SAFETY: by this function's contract.
        directory: unsafe { path(given.directory) }?,
    })
}

/// # Safety
///
/// `path` is NULL or a string.
unsafe fn path<'a>(path: *const c_char) -> Result<Option<&'a CStr>> {
    match path.is_null() {
        true => Ok(None),
        // SAFETY: by this function's contract.
        false => unsafe { path_from_c(path) }.map(Some),
    }
}

/// # Safety
///
/// `first` is NULL, misaligned, or points to `count` entries.
unsafe fn list<'a, T>(first: *const T, count: usize, most: usize, what: &str) -> Result<&'a [T]> {
    if count > most {
        return Err(fail!(EINVAL, "setup: {count} {what} are more than {most}"));
    }
    if count == 0 {
        return Ok(&[]);
    }
    let first = checked(first.cast_mut(), what)?;
    // SAFETY: not NULL and aligned; the rest by this function's contract.
    Ok(unsafe { slice::from_raw_parts(first.as_ptr(), count) })
}

fn limits_of(given: &[ipc_child_limit_t]) -> Result<List<Limit>> {
    let mut limits = List::with_room(given.len())?;
    for limit in given {
        if limit.reserved != 0 {
            return Err(fail!(EINVAL, "limits: a reserved field is not 0"));
        }
        if limit.soft > limit.hard {
            return Err(fail!(
                EINVAL,
                "resource limit {}: the soft limit {} is above the hard limit {}",
                limit.resource,
                limit.soft,
                limit.hard
            ));
        }
        limits.push(Limit {
            soft: limit.soft,
            hard: limit.hard,
            resource: limit.resource,
        })?;
    }
    Ok(limits)
}

fn descriptors_of(given: &[ipc_child_descriptor_t]) -> Result<List<Given>> {
    let mut descriptors: List<Given> = List::with_room(given.len())?;
    for one in given {
        let number = one.number;
        if number < 3 {
            return Err(fail!(
                EINVAL,
                "descriptors: number {number} is not above 2; the streams are 0, 1 and 2"
            ));
        }
        if descriptors.iter().any(|other| other.number == number) {
            return Err(fail!(EINVAL, "descriptors: number {number} is there twice"));
        }
        ready::is_nonblocking(one.fd)
            .map_err(|errno| failed!(errno, "descriptors: descriptor {} is not open", one.fd))?;
        descriptors.push(Given::new(one.fd, number))?;
    }
    Ok(descriptors)
}

const _: () = {
    let pointer = size_of::<usize>();
    assert!(size_of::<ipc_child_limit_t>() == 24);
    assert!(size_of::<ipc_child_descriptor_t>() == 8);
    assert!(size_of::<ipc_child_setup_t>() == 16 + 8 * pointer + 32);
};
