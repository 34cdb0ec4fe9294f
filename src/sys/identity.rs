//! The identity of an open file: it shows whether a number still leads to the same file as before.

use super::direct::system_call;
use super::{ProcPath, fd, large};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The identity of an open file. Most files have an inode of their own. Those that share one (eventfds, epoll
/// instances, timers, inotify instances, and process descriptors before Linux 6.9) are told apart by /proc.
#[derive(Clone, Copy)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// The marks below that /proc has for a file that shares its inode. 0 for other files and without /proc.
    pub(super) in_proc: u64,
}

/// Which mark it is. The other bits are the eventfd's number, the process's id or a hash of the kind's name.
const MARKS: u64 = 3 << 62;
const EVENTFD: u64 = 1 << 62;
const PROCESS: u64 = 2 << 62;
const KIND: u64 = 3 << 62;

impl Identity {
    pub(super) fn of(file: BorrowedFd<'_>) -> Result<Identity, Errno> {
        let status = match large::fstat(file.as_raw_fd()) {
            // The file is open, so the kernel lacks something for the moment.
            Err(errno) if errno != Errno::EBADF => large::fstat(file.as_raw_fd())?,
            status => status?,
        };
        // Only files that share an inode have no type.
        let in_proc = match status.st_mode & libc::S_IFMT {
            0 => mark_in_proc(file),
            _ => 0,
        };
        Ok(Identity {
            device: status.st_dev,
            inode: status.st_ino,
            in_proc,
        })
    }

    /// Two epoll instances, or two timers, are the same here: the kernel has no number for them.
    pub(super) fn is(&self, other: &Identity) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
            && is_same_mark(self.in_proc, other.in_proc)
    }
}

/// A mark that /proc does not show says nothing. A process descriptor loses its number with its process.
fn is_same_mark(first: u64, second: u64) -> bool {
    let is_process = |mark| mark & MARKS == PROCESS;
    first == 0
        || second == 0
        || first == second
        || (is_process(first) && is_process(second) && (first == PROCESS || second == PROCESS))
}

/// The mark by which /proc tells files with one inode apart; 0 without /proc.
#[cold]
fn mark_in_proc(file: BorrowedFd<'_>) -> u64 {
    let path = ProcPath::of(format_args!(
        "/proc/thread-self/fdinfo/{}",
        file.as_raw_fd()
    ));
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let Ok(description) = fd::open(path.as_c_str(), flags, Mode::empty()) else {
        return 0;
    };
    let mut text = [0; 512];
    let length = match nix::unistd::read(&description, &mut text) {
        Ok(length) => length,
        // The kernel lacks something for the moment.
        Err(_) => return 0,
    };
    text[..length]
        .split(|&byte| byte == b'\n')
        .find_map(mark_in_line)
        .unwrap_or_else(|| kind_in_proc(file))
}

fn mark_in_line(line: &[u8]) -> Option<u64> {
    let (mark, value) = match line.strip_prefix(b"eventfd-id:") {
        Some(value) => (EVENTFD, value),
        None => (PROCESS, line.strip_prefix(b"Pid:")?),
    };
    let number: i64 = core::str::from_utf8(value).ok()?.trim().parse().ok()?;
    // Pid: -1 means that the process is no more.
    Some(mark | number.max(0) as u64 & !MARKS)
}

/// A mark of the name of the file's kind, such as "anon_inode:[eventpoll]".
fn kind_in_proc(file: BorrowedFd<'_>) -> u64 {
    let path = ProcPath::of(format_args!("/proc/thread-self/fd/{}", file.as_raw_fd()));
    let mut name = [0u8; 64];
    let arguments = [
        libc::AT_FDCWD as usize,
        path.as_c_str().as_ptr().addr(),
        name.as_mut_ptr().addr(),
        name.len(),
        0,
        0,
    ];
    // SAFETY: the path is a C string, and the kernel writes at most so many bytes of the name.
    let Ok(length) = (unsafe { system_call(libc::SYS_readlinkat, arguments) }) else {
        return 0;
    };
    // The 64-bit hash of Fowler, Noll and Vo.
    let hash = name[..length.min(name.len())]
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    KIND | hash >> 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use std::os::fd::{AsFd, OwnedFd};

    fn identity(file: &OwnedFd) -> Identity {
        Identity::of(file.as_fd()).unwrap()
    }

    #[test]
    fn eventfds_are_told_apart() {
        let (first, second) = (fd::eventfd().unwrap(), fd::eventfd().unwrap());
        assert!(!identity(&first).is(&identity(&second)));
        assert!(identity(&first).is(&identity(&fd::duplicate(first.as_fd()).unwrap())));
    }

    #[test]
    fn kinds_of_files_that_share_an_inode_are_told_apart() {
        let files = [
            fd::eventfd().unwrap(),
            crate::sys::epoll::create().unwrap(),
            crate::sys::epoll::timer(crate::base::time::Deadline::Now, Duration::ZERO).unwrap(),
            fd::inotify().unwrap().into(),
        ];
        for (number, file) in files.iter().enumerate() {
            for (other, other_file) in files.iter().enumerate() {
                assert_eq!(
                    identity(file).is(&identity(other_file)),
                    number == other,
                    "{number} {other}"
                );
            }
        }
    }

    #[test]
    fn a_process_descriptor_may_lose_its_number() {
        assert_eq!(mark_in_line(b"Pid:\t-1"), Some(PROCESS));
        assert!(is_same_mark(PROCESS | 7, PROCESS));
        assert!(!is_same_mark(PROCESS | 7, PROCESS | 8));
        assert!(!is_same_mark(PROCESS, EVENTFD | 7));
        assert!(!is_same_mark(PROCESS | 7, KIND | 7));
    }
}
