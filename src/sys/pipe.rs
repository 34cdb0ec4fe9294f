//! Making pipes and FIFOs, and how much they hold.

use super::path::{point_at, through_proc};
use core::ffi::{CStr, c_int, c_void};
use core::ptr::NonNull;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A new pipe: its read end and its write end.
pub(crate) fn create(close_on_exec: bool, nonblocking: bool) -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut flags = OFlag::empty();
    flags.set(OFlag::O_CLOEXEC, close_on_exec);
    flags.set(OFlag::O_NONBLOCK, nonblocking);
    nix::unistd::pipe2(flags)
}

/// How many bytes a pipe holds; `EBADF` also for what is not a pipe.
pub(crate) fn capacity(fd: RawFd) -> Result<usize, Errno> {
    control(fd, FcntlArg::F_GETPIPE_SZ)
}

/// Asks for room for at least so many bytes; what the kernel made of it.
pub(crate) fn set_capacity(fd: RawFd, bytes: c_int) -> Result<usize, Errno> {
    control(fd, FcntlArg::F_SETPIPE_SZ(bytes))
}

fn control(fd: RawFd, argument: FcntlArg<'_>) -> Result<usize, Errno> {
    if fd < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: the number is not negative. If it is not open, the only use made of the borrow says
    // EBADF and touches nothing.
    nix::fcntl::fcntl(unsafe { BorrowedFd::borrow_raw(fd) }, argument)
        .map(|bytes| bytes.unsigned_abs() as usize)
}

/// Makes a FIFO with exactly these permissions; `EEXIST` when anything stands at the path.
///
/// mkfifo subtracts the process's umask, which all threads share, and a chmod after it would
/// leave a moment, or a killed creator's FIFO, with other permissions. So the FIFO is made by
/// a child that has a umask of its own and lives for three system calls.
pub(crate) fn create_fifo(path: &CStr, mode: libc::mode_t) -> Result<(), Errno> {
    let order = (path.as_ptr(), mode);
    let status = super::spawn::run_briefly(create_fifo_in_child, NonNull::from(&order).cast())?;
    match status {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}

/// The child's part: its exit status is an errno.
extern "C" fn create_fifo_in_child(order: *mut c_void) -> c_int {
    // SAFETY: create_fifo passes a pair of these types, which lives until this function is over,
    // and in it a string that ends.
    unsafe {
        let (path, mode) = *order.cast::<(*const libc::c_char, libc::mode_t)>();
        libc::umask(0);
        if libc::mkfifo(path, mode) == 0 {
            0
        } else {
            Errno::last_raw()
        }
    }
}

/// A FIFO's place in its file system, found without opening it and without following a symbolic
/// link. What is opened through it is this FIFO, whatever has become of the path.
pub(crate) struct Node(OwnedFd);

impl Node {
    pub(crate) fn find(path: &CStr) -> Result<Node, Errno> {
        point_at(path).map(Node)
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Opens the FIFO, and waits for a peer unless the flags have O_NONBLOCK.
    pub(crate) fn open(&self, flags: OFlag) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlag::O_CLOEXEC;
        nix::fcntl::open(through_proc(self.file()).as_c_str(), flags, Mode::empty())
    }

    /// A descriptor that becomes readable whenever somebody has opened the FIFO.
    pub(crate) fn watch_openings(&self) -> Result<Inotify, Errno> {
        let openings = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        openings.add_watch(through_proc(self.file()).as_c_str(), AddWatchFlags::IN_OPEN)?;
        Ok(openings)
    }
}

/// Whether somebody has the FIFO open for writing, asked with a non-blocking descriptor for
/// reading. No byte is taken from it.
pub(crate) fn has_writer(reader: BorrowedFd<'_>) -> bool {
    static UNWRITABLE: [u8; 1] = [0];
    // SAFETY: a read of a FIFO answers before it touches memory: 0 without a writer, EAGAIN with
    // one that has written nothing. If there are bytes, the kernel cannot store one in a constant,
    // says EFAULT, and leaves the byte where it is.
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

/// Lets a descriptor live through exec. Only for one that nobody else has.
pub(crate) fn set_inherited(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = nix::fcntl::FdFlag::empty();
    nix::fcntl::fcntl(file, FcntlArg::F_SETFD(flags)).map(drop)
}

/// Makes each write to a FIFO that does not wait a packet of its own, and room for so many.
pub(crate) fn make_packets(fifo: BorrowedFd<'_>, count: u32) -> Result<(), Errno> {
    use nix::fcntl::{FcntlArg, fcntl};
    fcntl(fifo, FcntlArg::F_SETFL(OFlag::O_DIRECT | OFlag::O_NONBLOCK))?;
    // Each packet takes a page.
    let bytes = super::memory::page_size() * count as usize;
    set_capacity(fifo.as_raw_fd(), bytes as c_int).map(drop)
}

/// Writes a packet into a FIFO that does not wait.
pub(crate) fn put_packet(fifo: BorrowedFd<'_>) {
    let _ = nix::unistd::write(fifo, &[0]);
}

/// Reads a packet.
pub(crate) fn take_packet(fifo: BorrowedFd<'_>) {
    let _ = nix::unistd::read(fifo, &mut [0; 8]);
}

/// How many packets of one byte a FIFO holds.
pub(crate) fn count_packets(fifo: BorrowedFd<'_>) -> u32 {
    let mut bytes: c_int = 0;
    // SAFETY: room for the answer.
    unsafe { libc::ioctl(fifo.as_raw_fd(), libc::FIONREAD, &mut bytes) };
    bytes.unsigned_abs()
}
