//! System V IPC: the kernel's shared memory, message queues and semaphore sets, as programs with
//! `shmget`, `msgget` and `semget` know them. Keys and ids are the same numbers in those programs
//! and in this library, so both work on the same objects.
//!
//! This module does what the three mechanisms have in common: it finds or creates the object behind
//! a key, and reports that an object was removed.

pub(crate) mod msg;
pub(crate) mod sem;
pub(crate) mod shm;

use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::text::Escaped;
use crate::object::{Options, Outcome};
use crate::sys::process;
use crate::sys::sysv::{self, PRIVATE, Permissions};
use crate::sys::sysv_change::Grant;
use core::ffi::{CStr, c_int};
use core::fmt;

/// An object, as messages show it.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) what: &'static str,
    pub(crate) key: Option<libc::key_t>,
    pub(crate) id: c_int,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            Some(key) if key != PRIVATE => write!(f, "{} with key {key:#010x}", self.what),
            _ if self.id >= 0 => write!(f, "{} {}", self.what, self.id),
            _ => write!(f, "private {}", self.what),
        }
    }
}

impl Shown {
    pub(crate) fn by_key(what: &'static str, key: libc::key_t) -> Shown {
        Shown {
            what,
            key: Some(key),
            id: -1,
        }
    }

    pub(crate) fn by_id(what: &'static str, id: c_int) -> Shown {
        Shown {
            what,
            key: None,
            id,
        }
    }

    /// The failure of a call on an object that existed when it was opened. The kernel returns EINVAL
    /// for an id that leads nowhere, and EIDRM to waiters. Both mean that the object was removed.
    pub(crate) fn failed(&self, errno: Errno) -> Error {
        match errno {
            Errno::EIDRM | Errno::EINVAL => fail!(EIDRM, "{self}: removed meanwhile"),
            Errno::EINTR => errno.into(),
            Errno::EACCES => fail!(EACCES, "{self}: its mode does not permit this"),
            Errno::EPERM => fail!(
                EPERM,
                "{self}: only its owner, its creator and root may do this"
            ),
            errno => failed!(errno, "{self}"),
        }
    }
}

/// The failure of a call with an id that may lead nowhere.
fn absent(shown: Shown, errno: Errno) -> Error {
    match errno {
        Errno::EIDRM | Errno::EINVAL => fail!(ENOENT, "there is no {shown}"),
        errno => shown.failed(errno),
    }
}

/// The key for a path and a project number: the key that `ftok` gives.
pub(crate) fn key(path: &CStr, project: c_int) -> Result<libc::key_t> {
    let shown = Escaped(path.to_bytes());
    let number = match u8::try_from(project) {
        Ok(number) if number != 0 => number,
        _ => {
            return Err(fail!(
                EINVAL,
                "project {project}: expected 1 to 255 (ftok uses the lowest 8 bits only, and with 0 two paths could give the private key)"
            ));
        }
    };
    sysv::key(path, number).map_err(|errno| failed!(errno, "\"{shown}\""))
}

/// Finds the object behind a key, or creates it, as `options` say. `get` is the kernel's call with
/// the given flags.
fn find_or_make(
    shown: Shown,
    options: Options,
    access: c_int,
    limit: &str,
    get: &mut dyn FnMut(c_int) -> Result<c_int, Errno>,
) -> Result<(c_int, Outcome)> {
    let is_private = shown.key == Some(PRIVATE);
    if is_private && !options.create {
        return Err(fail!(
            EINVAL,
            "IPC_SYSV_PRIVATE finds nothing: it needs IPC_CREATE"
        ));
    }
    let refused = |errno: Errno| match errno {
        Errno::ENOENT => fail!(ENOENT, "there is no {shown}"),
        Errno::EEXIST => fail!(EEXIST, "the {shown} exists"),
        Errno::EACCES => fail!(
            EACCES,
            "the {shown} does not permit this user what was asked for"
        ),
        Errno::ENOSPC => fail!(ENOSPC, "the {shown} cannot be created: {limit}"),
        Errno::EINVAL => fail!(EINVAL, "the {shown} cannot be created: {limit}"),
        errno => failed!(errno, "the {shown}"),
    };
    // A further round means that another process has just removed or created the object.
    loop {
        if !options.exclusive && !is_private {
            match get(access) {
                Ok(id) => return Ok((id, Outcome::Opened)),
                Err(Errno::ENOENT | Errno::EIDRM) if options.create => {}
                Err(errno) => return Err(refused(errno)),
            }
        }
        // A mode is at most 0777 here.
        let flags = libc::IPC_CREAT | libc::IPC_EXCL | options.mode as c_int;
        match get(flags) {
            Ok(id) => return Ok((id, Outcome::Created)),
            Err(Errno::EEXIST) if !options.exclusive => {}
            Err(errno) => return Err(refused(errno)),
        }
    }
}

/// Refuses an object that another user owns, has created, or may write to, if the options ask for
/// this check.
fn check_owner(shown: Shown, options: Options, found: &Permissions) -> Result<()> {
    let user = process::effective_user();
    let is_own = found.owner == user && found.creator == user && found.mode & 0o022 == 0;
    if !options.check_owner || is_own && !process::is_ambiguous_user(user) {
        return Ok(());
    }
    if is_own {
        return Err(fail!(
            EACCES,
            "{shown}: its owner and this process's user are both shown as {user}, the number of all users without one in this user namespace, so they may differ"
        ));
    }
    Err(fail!(
        EACCES,
        "{shown}: expected owner and creator {user} and nobody else with write permission, found owner {}, creator {} and mode {:04o}",
        found.owner,
        found.creator,
        found.mode & 0o777
    ))
}

/// The owner, group and mode that an object is to get. None keeps what the object has.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) owner: Option<libc::uid_t>,
    pub(crate) group: Option<libc::gid_t>,
    pub(crate) mode: Option<libc::mode_t>,
}

impl Wanted {
    /// Keeps all three.
    const NOTHING: Wanted = Wanted {
        owner: None,
        group: None,
        mode: None,
    };

    /// The kernel sets all three at once. So `found` reads them if one is to be kept, which needs
    /// read permission.
    fn grant(self, found: impl FnOnce() -> Result<Permissions>) -> Result<Grant> {
        if let (Some(owner), Some(group), Some(mode)) = (self.owner, self.group, self.mode) {
            return Ok(Grant { owner, group, mode });
        }
        let found = found()?;
        Ok(Grant {
            owner: self.owner.unwrap_or(found.owner),
            group: self.group.unwrap_or(found.group),
            mode: self.mode.unwrap_or(found.mode & 0o777),
        })
    }
}

/// The failure of a change. `found` is what the kernel says about the object now: it returns EINVAL
/// for a removed object, and also for a user or group without a number.
fn change_refused<T>(shown: Shown, errno: Errno, grant: Grant, found: Result<T, Errno>) -> Error {
    match (errno, found) {
        (Errno::EINVAL, Ok(_) | Err(Errno::EACCES)) => fail!(
            EINVAL,
            "{shown}: user {} or group {} does not exist in this user namespace",
            grant.owner,
            grant.group
        ),
        _ => shown.failed(errno),
    }
}

/// Whether the object was removed after it was found by its key. Opening then takes another round.
fn vanished(error: Error) -> bool {
    error.errno() == Errno::EIDRM
}
