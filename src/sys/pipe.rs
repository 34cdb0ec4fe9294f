//! Pipes and FIFOs: making them, and their capacity.

use super::fd;
use super::new_owner::NewOwner;
use super::path::{point_at, through_proc};
use crate::base::alloc::LongCText;
use crate::base::text::Text;
use crate::base::time::now;
use core::ffi::{CStr, c_int};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use nix::sys::inotify::{AddWatchFlags, Inotify};
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::{LinkatFlags, UnlinkatFlags};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A new pipe: its read end and its write end.
pub(crate) fn create(close_on_exec: bool, nonblocking: bool) -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut flags = OFlag::empty();
    flags.set(OFlag::O_CLOEXEC, close_on_exec);
    flags.set(OFlag::O_NONBLOCK, nonblocking);
    fd::pipe(flags)
}

/// How many bytes a pipe holds. `EBADF` also for a descriptor that is not a pipe.
pub(crate) fn capacity(fd: RawFd) -> Result<usize, Errno> {
    control(fd, FcntlArg::F_GETPIPE_SZ)
}

/// Asks the kernel for room for at least `bytes` bytes. Returns the room that the kernel gave.
pub(crate) fn set_capacity(fd: RawFd, bytes: c_int) -> Result<usize, Errno> {
    control(fd, FcntlArg::F_SETPIPE_SZ(bytes))
}

fn control(fd: RawFd, argument: FcntlArg<'_>) -> Result<usize, Errno> {
    if fd < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: the number is not negative. If it is not open, the only use of the borrow fails with EBADF and
    // changes nothing.
    nix::fcntl::fcntl(unsafe { BorrowedFd::borrow_raw(fd) }, argument)
        .map(|bytes| bytes.unsigned_abs() as usize)
}

/// Makes a FIFO with exactly these permissions. `EEXIST` if there is a file at the path.
///
/// mkfifo subtracts the process's umask, which all threads share and which nobody can ask for without a moment in
/// which it is another one, except in /proc. If it takes nothing away, mkfifo is right. Otherwise the FIFO gets its
/// permissions under a private name and then its own name: with the two steps in the other order it would have
/// other permissions for a moment, and for ever if its creator were killed in that moment. A creator that is killed
/// between the two steps leaves the private name.
pub(crate) fn create_fifo(path: &CStr, mode: libc::mode_t, owner: NewOwner) -> Result<(), Errno> {
    if owner.is_usual() && umask().is_some_and(|umask| umask & mode == 0) {
        make_fifo(nix::fcntl::AT_FDCWD, path, mode)?;
        // Another thread may have changed the umask just now.
        let corrected = super::file::status_of(path).and_then(|made| {
            match made.is_fifo() && made.permissions() != mode {
                true => super::path::set_permissions(point_at(path)?.as_fd(), mode),
                false => Ok(()),
            }
        });
        if corrected.is_err() {
            let _ = super::file::unlink(path);
        }
        return corrected;
    }
    let (directory, name) = split(path)?;
    for attempt in 0..PRIVATE_NAMES {
        let private = private_name(attempt);
        match create_renamed(directory.as_fd(), private.as_c_str(), name, (mode, owner)) {
            Err((Errno::EEXIST, Step::Private)) => {}
            outcome => return outcome.map_err(|(errno, _)| errno),
        }
    }
    Err(Errno::EEXIST)
}

/// How many private names are tried. All of them taken means that as many creators were killed.
const PRIVATE_NAMES: u32 = 64;

/// A name that no other living thread tries.
fn private_name(attempt: u32) -> Text<64> {
    let (thread, time) = (nix::unistd::gettid(), now().as_nanos());
    Text::of(format_args!(".robustipc-fifo-{thread}-{time:x}-{attempt}"))
}

/// The step at which a FIFO could not be made.
enum Step {
    Private,
    Final,
}

fn create_renamed(
    directory: BorrowedFd<'_>,
    private: &CStr,
    name: &CStr,
    (mode, owner): (libc::mode_t, NewOwner),
) -> Result<(), (Errno, Step)> {
    make_fifo(directory, private, 0).map_err(|errno| (errno, Step::Private))?;
    let outcome = super::path::point_in(directory, private)
        .and_then(|file| {
            super::path::set_permissions(file.as_fd(), mode)?;
            owner.give(file.as_fd())
        })
        .and_then(|()| rename_to_free_name(directory, private, name));
    if outcome.is_err() {
        let _ = nix::unistd::unlinkat(directory, private, UnlinkatFlags::NoRemoveDir);
    }
    outcome.map_err(|errno| (errno, Step::Final))
}

/// Gives a file another name. `EEXIST` if that name is taken.
fn rename_to_free_name(directory: BorrowedFd<'_>, from: &CStr, to: &CStr) -> Result<(), Errno> {
    let directory_number = directory.as_raw_fd();
    // The system call itself: not every libc has a function for it.
    // SAFETY: the names are C strings.
    let outcome = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            directory_number,
            from.as_ptr(),
            directory_number,
            to.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    });
    match outcome {
        // Not every file system can rename so.
        Err(Errno::EINVAL | Errno::ENOSYS) => {
            nix::unistd::linkat(directory, from, directory, to, LinkatFlags::empty())?;
            nix::unistd::unlinkat(directory, from, UnlinkatFlags::NoRemoveDir)
        }
        outcome => outcome.map(drop),
    }
}

fn make_fifo(directory: BorrowedFd<'_>, name: &CStr, mode: libc::mode_t) -> Result<(), Errno> {
    let mode = Mode::from_bits_truncate(mode);
    nix::sys::stat::mknodat(directory, name, SFlag::S_IFIFO, mode, 0)
}

/// The directory of a path, opened as a place only, and the path's last part.
fn split(path: &CStr) -> Result<(OwnedFd, &CStr), Errno> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let bytes = path.to_bytes_with_nul();
    let slash = bytes.iter().rposition(|&byte| byte == b'/');
    let name = slash.map_or(bytes, |slash| &bytes[slash + 1..]);
    let name = CStr::from_bytes_with_nul(name).map_err(|_| Errno::EINVAL)?;
    if name.is_empty() {
        // As mkfifo has it for "" and for "directory/".
        return Err(Errno::ENOENT);
    }
    let Some(slash) = slash else {
        return Ok((fd::open(c".", flags, Mode::empty())?, name));
    };
    let directory = LongCText::of(&[&bytes[..=slash]])?;
    Ok((fd::open(&directory, flags, Mode::empty())?, name))
}

/// The umask; `None` if /proc does not show it.
fn umask() -> Option<libc::mode_t> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let status = fd::open(c"/proc/thread-self/status", flags, Mode::empty()).ok()?;
    let mut text = [0; 256];
    let length = nix::unistd::read(&status, &mut text).ok()?;
    let number = text[..length]
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"Umask:"))?;
    super::listing::number(number.trim_ascii(), 8)?
        .try_into()
        .ok()
}

/// A FIFO in its file system, found without opening it and without following a symbolic link. Opening it
/// opens this FIFO, whatever has become of the path.
pub(crate) struct Node(OwnedFd);

impl Node {
    pub(crate) fn find(path: &CStr) -> Result<Node, Errno> {
        point_at(path).map(Node)
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Opens the FIFO. Waits for a peer unless the flags have O_NONBLOCK.
    pub(crate) fn open(&self, flags: OFlag) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlag::O_CLOEXEC;
        fd::open(through_proc(self.file()).as_c_str(), flags, Mode::empty())
    }

    /// A descriptor that becomes readable when a process opens the FIFO.
    pub(crate) fn watch_openings(&self) -> Result<Inotify, Errno> {
        let openings = fd::inotify()?;
        openings.add_watch(through_proc(self.file()).as_c_str(), AddWatchFlags::IN_OPEN)?;
        Ok(openings)
    }
}

/// Whether a process has the FIFO open for writing. `reader` is a non-blocking descriptor for reading. The
/// check takes no byte from the FIFO.
pub(crate) fn has_writer(reader: BorrowedFd<'_>) -> bool {
    static UNWRITABLE: [u8; 1] = [0];
    // SAFETY: an empty FIFO's read returns before the kernel accesses memory: 0 without a writer, EAGAIN
    // with one. If there are bytes, the kernel cannot store one in a constant, fails with EFAULT and
    // leaves the byte in the FIFO.
    let result = unsafe {
        libc::syscall(
            libc::SYS_read,
            reader.as_raw_fd(),
            UNWRITABLE.as_ptr(),
            UNWRITABLE.len(),
        )
    };
    result != 0
}

/// Keeps a descriptor open through exec. Only for a descriptor that nobody else has.
pub(crate) fn set_inherited(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = nix::fcntl::FdFlag::empty();
    nix::fcntl::fcntl(file, FcntlArg::F_SETFD(flags)).map(drop)
}
