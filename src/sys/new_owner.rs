//! The owner and the group that a thread wants for the objects that it creates.
//!
//! It is a property of the thread, like the file creation mask of a process: every call that creates an object with a
//! name has the same one, without a parameter of its own.

use core::cell::Cell;
use core::fmt;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::{Gid, Uid};
use std::os::fd::BorrowedFd;

/// The number that stands for "as usual", as in chown(2).
const UNCHANGED: u32 = u32::MAX;

/// A user and a group, each of which may be left as the kernel chooses it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NewOwner {
    user: u32,
    group: u32,
}

thread_local! {
    static CURRENT: Cell<NewOwner> = const { Cell::new(NewOwner::USUAL) };
}

impl NewOwner {
    /// The owner that the kernel gives to what this thread creates.
    pub(crate) const USUAL: NewOwner = NewOwner {
        user: UNCHANGED,
        group: UNCHANGED,
    };

    /// This thread's.
    pub(crate) fn current() -> NewOwner {
        CURRENT.get()
    }

    pub(crate) fn set(user: libc::uid_t, group: libc::gid_t) {
        CURRENT.set(NewOwner { user, group });
    }

    pub(crate) fn is_usual(self) -> bool {
        self == NewOwner::USUAL
    }

    /// Gives a file away. The descriptor may be one that only names the file. Call it when nothing else remains to be
    /// done that needs the file's owner.
    pub(crate) fn give(self, file: BorrowedFd<'_>) -> Result<(), Errno> {
        if self.is_usual() {
            return Ok(());
        }
        let user = (self.user != UNCHANGED).then(|| Uid::from_raw(self.user));
        let group = (self.group != UNCHANGED).then(|| Gid::from_raw(self.group));
        nix::unistd::fchownat(file, c"", user, group, AtFlags::AT_EMPTY_PATH)
    }
}

impl fmt::Display for NewOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.user, self.group) {
            (UNCHANGED, UNCHANGED) => f.write_str("its usual owner"),
            (user, UNCHANGED) => write!(f, "user {user}"),
            (UNCHANGED, group) => write!(f, "group {group}"),
            (user, group) => write!(f, "user {user} and group {group}"),
        }
    }
}
