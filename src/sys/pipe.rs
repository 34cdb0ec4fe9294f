//! Pipes and FIFOs: making them, and their capacity.

use super::direct::system_call;
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
/// mkfifo subtracts the process's umask, which all threads share. With a chmod after it the FIFO would have
/// other permissions for a moment, and for ever if its creator were killed in that moment. So a child
/// with a umask of its own makes the FIFO. It lives for three system calls.
pub(crate) fn create_fifo(path: &CStr, mode: libc::mode_t) -> Result<(), Errno> {
    let path_and_mode = (path.as_ptr(), mode);
    let status =
        super::spawn::run_briefly(create_fifo_in_child, NonNull::from(&path_and_mode).cast())?;
    match status {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}

/// Runs in the child. Its exit status is 0 or an errno.
extern "C" fn create_fifo_in_child(path_and_mode: *mut c_void) -> c_int {
    // SAFETY: create_fifo passes a pair of these types, which lives until this function returns. The path in
    // it is NUL-terminated.
    unsafe {
        let (path, mode) = *path_and_mode.cast::<(*const libc::c_char, libc::mode_t)>();
        libc::umask(0);
        if libc::mkfifo(path, mode) == 0 {
            0
        } else {
            Errno::last_raw()
        }
    }
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
        nix::fcntl::open(through_proc(self.file()).as_c_str(), flags, Mode::empty())
    }

    /// A descriptor that becomes readable when a process opens the FIFO.
    pub(crate) fn watch_openings(&self) -> Result<Inotify, Errno> {
        let openings = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
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

/// Makes the FIFO non-blocking, turns each write into a packet of its own, and makes room for `count`
/// packets.
pub(crate) fn make_packets(fifo: BorrowedFd<'_>, count: u32) -> Result<(), Errno> {
    nix::fcntl::fcntl(fifo, FcntlArg::F_SETFL(OFlag::O_DIRECT | OFlag::O_NONBLOCK))?;
    // Each packet takes a page.
    let bytes = super::memory::page_size() * count as usize;
    set_capacity(fifo.as_raw_fd(), bytes as c_int).map(drop)
}

/// Writes a packet into a non-blocking FIFO. Unlike libc's write, this is no cancellation point, and leaves errno alone.
pub(crate) fn put_packet(fifo: BorrowedFd<'_>) {
    let packet = [0u8; 1];
    let arguments = [
        fifo.as_raw_fd() as usize,
        packet.as_ptr() as usize,
        packet.len(),
        0,
        0,
        0,
    ];
    // SAFETY: the kernel reads the array.
    let _ = unsafe { system_call(libc::SYS_write, arguments) };
}

/// Reads a packet from a non-blocking FIFO. Unlike libc's read, this is no cancellation point, and leaves errno alone.
pub(crate) fn take_packet(fifo: BorrowedFd<'_>) {
    let mut packet = [0u8; 8];
    let arguments = [
        fifo.as_raw_fd() as usize,
        packet.as_mut_ptr() as usize,
        packet.len(),
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes the array.
    let _ = unsafe { system_call(libc::SYS_read, arguments) };
}

/// How many packets of one byte a FIFO holds.
pub(crate) fn count_packets(fifo: BorrowedFd<'_>) -> u32 {
    let mut bytes: c_int = 0;
    // SAFETY: room for the answer.
    unsafe { libc::ioctl(fifo.as_raw_fd(), libc::FIONREAD, &mut bytes) };
    bytes.unsigned_abs()
}
