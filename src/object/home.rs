//! The place and time at which the locks in a file were taken: the *home* of a region that is backed by a file.
//!
//! A lock word names a thread. In a file the word outlives the thread: the machine restarts, or somebody
//! copies the file while a lock is held. Then the id in the word is no thread's, or that of a thread that
//! has never seen the lock. So the file says in its record's page for which start of the machine and for
//! which inode its locks are. A process that opens the file elsewhere marks each held lock as one whose
//! owner died.
//!
//! It does so only with a proof that nobody alive holds them. Each process that has the file open for
//! writing keeps a shared lock on a byte of it, which the kernel removes with the last descriptor. The
//! marking needs the exclusive lock. So two processes that see different homes, as containers with boot
//! ids of their own do, never take each other's locks.
//!
//! A process that is killed while it marks has not written the new home, so the next one marks again.

use super::Object;
use super::layout::RECORD_SPAN;
use super::map::Mapping;
use crate::sys::{file, process, ready};
use core::time::Duration;
use std::os::fd::BorrowedFd;

/// The home's offset in the record's page, behind the record.
const PLACE: u64 = 3072;
/// How often, and how many times, an opener asks whether another process has finished the marking.
const PAUSE: Duration = Duration::from_millis(5);
const PAUSES: u32 = 200;

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct Home {
    /// A hash of the machine's boot id.
    boot: u64,
    inode: u64,
    /// The PID namespace that the locks' tags hold.
    pid_namespace: u64,
    check: u64,
}

impl Home {
    fn new(boot: u64, inode: u64, pid_namespace: u32) -> Home {
        let pid_namespace = u64::from(pid_namespace);
        Home {
            boot,
            inode,
            pid_namespace,
            check: boot
                ^ inode.rotate_left(21)
                ^ pid_namespace.rotate_left(42)
                ^ u64::from_ne_bytes(*b"ipc home"),
        }
    }

    fn is_same_place(&self, other: &Home) -> bool {
        (self.boot, self.inode) == (other.boot, other.inode)
    }

    fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let words = [self.boot, self.inode, self.pid_namespace, self.check];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// The home that is written in a file; `None` if there is none, or a damaged one.
    fn read(file: BorrowedFd<'_>, offset: u64) -> Option<Home> {
        let mut words = [[0; 8]; 4];
        if !file::read_at(file, words.as_flattened_mut(), offset).ok()? {
            return None;
        }
        let [boot, inode, pid_namespace, check] = words.map(u64::from_ne_bytes);
        let home = Home::new(boot, inode, pid_namespace as u32);
        (home.check == check).then_some(home)
    }
}

impl Object {
    /// Calls `mark` if the locks in the data were taken elsewhere, and nobody alive can hold them. `mark`
    /// gets the data and the PID namespace of the locks' tags; 0 if that is unknown.
    ///
    /// If the kernel does not tell the boot id or locks no bytes, nothing is proved, and nothing is done.
    pub(crate) fn settle_home(&self, mark: &mut dyn FnMut(&Mapping, u32)) {
        let Ok(file) = self.file() else {
            return;
        };
        if !self.access().is_writable() {
            return;
        }
        let (Some(boot), Ok(status)) = (process::boot(), file::status(file)) else {
            return;
        };
        let here = Home::new(boot, status.inode(), super::pid_namespace());
        // A foreign file has no page of ours.
        let record = self.data().size() as u64;
        if status.size() != record + RECORD_SPAN {
            return;
        }
        let offset = record + PLACE;
        let is_here = || Home::read(file, offset).is_some_and(|home| home.is_same_place(&here));
        let mut pauses = 0;
        while !is_here() {
            match file::lock_byte(file, offset, file::ByteLock::Exclusive) {
                Ok(()) => {
                    // Read again: another process may have marked meanwhile.
                    let found = Home::read(file, offset);
                    if !found.is_some_and(|home| home.is_same_place(&here)) {
                        mark(
                            self.data(),
                            found.map_or(0, |home| home.pid_namespace as u32),
                        );
                        let _ = file::write_at(file, &here.to_bytes(), offset);
                    }
                    break;
                }
                Err(_) if pauses < PAUSES && file::is_byte_locked_exclusively(file, offset) => {
                    pauses += 1;
                    let _ = ready::pause(PAUSE);
                }
                // A living process uses the file.
                Err(_) => break,
            }
        }
        // It replaces the exclusive lock without a gap.
        let _ = file::lock_byte(file, offset, file::ByteLock::Shared);
    }
}
