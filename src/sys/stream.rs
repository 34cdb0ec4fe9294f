//! Reading and writing any descriptor once: without SIGPIPE and, on request, without waiting,
//! whatever the descriptor's O_NONBLOCK says.
//!
//! O_NONBLOCK belongs to the open file, which other processes may share, so this code never changes it.
//! If the kernel allows it, each call has its own flag: RWF_NOWAIT for pipes and sockets, MSG_DONTWAIT for
//! sockets, RWF_NOSIGNAL (Linux 6.18) and MSG_NOSIGNAL against SIGPIPE. The kernel does not allow it for a
//! FIFO with RWF_NOWAIT, for a terminal, and in an older version. Then the code first polls the descriptor
//! and writes no more than there is room for, and blocks SIGPIPE during the write.
//!
//! A descriptor here is a number from a C program. If it is not open, the kernel says `EBADF`.

use super::cancellation::NotCancelled;
use super::direct::system_call;
use super::ready::{self, READABLE, WRITABLE};
use super::{fd, path, signal, socket};
use crate::base::errno::preserving_errno;
use crate::base::time::Deadline;
use core::ffi::{c_int, c_short};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, RawFd};

/// A flag of pwritev2: a broken pipe gives `EPIPE` and no signal. Linux 6.18 and newer.
const RWF_NOSIGNAL: c_int = 0x100;

/// How many bytes the kernel guarantees to write to a pipe in one piece. If poll says that there is room, the
/// pipe accepts as many without waiting.
pub(crate) const ATOMIC: usize = libc::PIPE_BUF;

/// Set after the kernel has shown that it does not know RWF_NOSIGNAL.
static IS_NOSIGNAL_MISSING: AtomicBool = AtomicBool::new(false);

/// Hints that a descriptor is not a socket, so that a write need not try send first. Each holds how many
/// further writes rely on it. A file never has one. A hint may be wrong: numbers are used again, and descriptors whose numbers are
/// 64 apart share a hint. A write to a socket then uses pwritev2, which works too, but more slowly.
static NO_SOCKETS: [Hint; 64] = [const { Hint(AtomicU8::new(0)) }; 64];

/// Each hint has a cache line of its own. Each write changes it, and threads that write to different
/// descriptors must not slow each other down.
#[repr(align(64))]
struct Hint(AtomicU8);

/// How many writes rely on a hint. An attempt with send costs less than half of a write.
const WRITES_PER_HINT: u8 = 250;

/// Reads once. Waits unless the descriptor is non-blocking. Leaves errno alone.
#[inline(always)]
pub(crate) fn read(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    let arguments = [
        fd as usize,
        buffer.as_mut_ptr() as usize,
        buffer.len(),
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes at most the buffer's length into it.
    unsafe { system_call(libc::SYS_read, arguments) }
}

/// Reads bytes that are there; `EAGAIN` if there are none.
pub(crate) fn read_now(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    let vector = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let arguments = of_vector(fd, &vector, libc::RWF_NOWAIT);
    // SAFETY: the kernel gets one vector, which describes the buffer.
    let outcome = unsafe { system_call(libc::SYS_preadv2, arguments) };
    match outcome {
        Err(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS) => read_otherwise(fd, buffer),
        // The bytes of a regular file may still be on the disk. Poll would always say that it is ready.
        Err(Errno::EAGAIN) if kind(fd)?.is_always_ready() => read(fd, buffer),
        outcome => outcome,
    }
}

/// Reads from a descriptor that does not accept the flags, or on a kernel that does not know them. A fast half of a
/// guard may come here: libc's functions are cancellation points and change errno.
#[cold]
fn read_otherwise(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    let _not_cancelled = NotCancelled::begin();
    preserving_errno(|| read_when_ready(fd, buffer))
}

fn read_when_ready(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    if kind(fd)? == StreamKind::Socket {
        // SAFETY: the kernel writes at most the buffer's length into it.
        return count(unsafe {
            libc::recv(
                fd,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                libc::MSG_DONTWAIT,
            )
        });
    }
    if !is_ready(fd, READABLE)? {
        // Poll never says that the writing end of a pipe has something to read.
        check_access(fd, false)?;
        return Err(Errno::EAGAIN);
    }
    read(fd, buffer)
}

/// Writes once. Waits unless the descriptor is non-blocking. Leaves errno alone.
#[inline(always)]
pub(crate) fn write(fd: RawFd, bytes: &[MaybeUninit<u8>]) -> Result<usize, Errno> {
    write_once(fd, bytes, true)
}

/// Writes as many bytes as there is room for; `EAGAIN` if there is none.
pub(crate) fn write_now(fd: RawFd, bytes: &[MaybeUninit<u8>]) -> Result<usize, Errno> {
    write_once(fd, bytes, false)
}

#[inline(always)]
fn write_once(fd: RawFd, bytes: &[MaybeUninit<u8>], may_wait: bool) -> Result<usize, Errno> {
    let Hint(hint) = &NO_SOCKETS[fd as usize % NO_SOCKETS.len()];
    // Relaxed, and in two steps: a hint publishes no other data, and a lost count does no harm.
    match hint.load(Ordering::Relaxed) {
        0 => match socket::send(fd, bytes, may_wait) {
            Err(Errno::ENOTSOCK) => {
                if preserving_errno(|| kind(fd))? == StreamKind::File {
                    return preserving_errno(|| write_to_file(fd, bytes));
                }
                hint.store(WRITES_PER_HINT, Ordering::Relaxed);
            }
            outcome => return outcome,
        },
        // A hint for a number that was used again must not lead a large write into a file, where it may raise
        // SIGXFSZ.
        _ if bytes.len() > ATOMIC && preserving_errno(|| kind(fd))? == StreamKind::File => {
            return preserving_errno(|| write_to_file(fd, bytes));
        }
        writes_left => hint.store(writes_left - 1, Ordering::Relaxed),
    }
    if !IS_NOSIGNAL_MISSING.load(Ordering::Relaxed) {
        let no_wait = if may_wait { 0 } else { libc::RWF_NOWAIT };
        match write_with(fd, bytes, RWF_NOSIGNAL | no_wait) {
            Err(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS) => {}
            outcome => return outcome,
        }
    }
    write_otherwise(fd, bytes, may_wait)
}

/// Writes to a regular file. `EFBIG` and no SIGXFSZ if the file may not grow further.
#[cold]
fn write_to_file(fd: RawFd, bytes: &[MaybeUninit<u8>]) -> Result<usize, Errno> {
    let _not_cancelled = NotCancelled::begin();
    signal::without_sigxfsz(|| write_plainly(fd, bytes))
}

/// Writes to a descriptor that does not accept the flags, or on a kernel that does not know them. A fast half of a
/// guard may come here: libc's functions are cancellation points and change errno.
#[cold]
fn write_otherwise(fd: RawFd, bytes: &[MaybeUninit<u8>], may_wait: bool) -> Result<usize, Errno> {
    let _not_cancelled = NotCancelled::begin();
    preserving_errno(|| write_by_kind(fd, bytes, may_wait))
}

fn write_by_kind(fd: RawFd, bytes: &[MaybeUninit<u8>], may_wait: bool) -> Result<usize, Errno> {
    let kind = kind(fd)?;
    if kind == StreamKind::Socket {
        return socket::send(fd, bytes, may_wait);
    }
    if kind == StreamKind::File {
        return write_to_file(fd, bytes);
    }
    let mut bytes = bytes;
    if !may_wait && !kind.is_always_ready() && !ready::is_nonblocking(fd)? {
        if !is_ready(fd, WRITABLE)? {
            // Poll never says that the reading end of a pipe has room.
            check_access(fd, true)?;
            return match kind {
                StreamKind::Pipe => write_into_last_page(fd, bytes),
                _ => Err(Errno::EAGAIN),
            };
        }
        // A terminal may have room for one byte only, and a second byte would wait.
        let room = if kind == StreamKind::Terminal {
            1
        } else {
            ATOMIC
        };
        bytes = &bytes[..bytes.len().min(room)];
    }
    if !IS_NOSIGNAL_MISSING.load(Ordering::Relaxed) {
        match write_with(fd, bytes, RWF_NOSIGNAL) {
            Err(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS) => {
                // Every kernel that knows the flag accepts it for a pipe.
                if kind == StreamKind::Pipe {
                    IS_NOSIGNAL_MISSING.store(true, Ordering::Relaxed);
                }
            }
            outcome => return outcome,
        }
    }
    write_without_sigpipe(fd, bytes)
}

/// Writes with SIGPIPE blocked, for a kernel without the flag.
fn write_without_sigpipe(fd: RawFd, bytes: &[MaybeUninit<u8>]) -> Result<usize, Errno> {
    signal::without_sigpipe(bytes.len(), || write_plainly(fd, bytes))
}

/// Writes the bytes for which a pipe has room although poll says that it has none. A pipe is a list of pages, and poll
/// asks for a free page; a small write also fits into the last page if there is room. Only a write to an open file with
/// O_NONBLOCK finds that out without waiting. This process may not change the caller's open file, so it opens the pipe
/// once more for this write. Without /proc or the permission to open the pipe, it is full: `EAGAIN`.
fn write_into_last_page(fd: RawFd, bytes: &[MaybeUninit<u8>]) -> Result<usize, Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let path = path::number_through_proc(fd);
    let Ok(own) = fd::open(path.as_c_str(), flags, Mode::empty()) else {
        return Err(Errno::EAGAIN);
    };
    write_without_sigpipe(own.as_raw_fd(), bytes)
}

fn write_plainly(fd: RawFd, bytes: &[MaybeUninit<u8>]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads at most the slice's length from it.
    count(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

#[inline(always)]
fn write_with(fd: RawFd, bytes: &[MaybeUninit<u8>], flags: c_int) -> Result<usize, Errno> {
    let vector = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: the kernel gets one vector, which describes the slice, and only reads the slice.
    unsafe { system_call(libc::SYS_pwritev2, of_vector(fd, &vector, flags)) }
}

/// The arguments of preadv2 and pwritev2 for one vector.
#[inline(always)]
fn of_vector(fd: RawFd, vector: &libc::iovec, flags: c_int) -> [usize; 6] {
    const OWN_POSITION: usize = usize::MAX;
    [
        fd as usize,
        core::ptr::from_ref(vector) as usize,
        1,
        OWN_POSITION,
        OWN_POSITION,
        flags as usize,
    ]
}

fn count(result: libc::ssize_t) -> Result<usize, Errno> {
    Errno::result(result).map(isize::unsigned_abs)
}

/// The kind of a descriptor, as far as waiting and writing depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StreamKind {
    Pipe,
    Socket,
    Terminal,
    /// A regular file, a directory or a disk. Reads and writes may take time, but never depend on a peer.
    File,
    Other,
}

impl StreamKind {
    fn is_always_ready(self) -> bool {
        self == StreamKind::File
    }
}

fn kind(fd: RawFd) -> Result<StreamKind, Errno> {
    Ok(match super::large::fstat(fd)?.st_mode & libc::S_IFMT {
        libc::S_IFIFO => StreamKind::Pipe,
        libc::S_IFSOCK => StreamKind::Socket,
        libc::S_IFCHR => StreamKind::Terminal,
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => StreamKind::File,
        _ => StreamKind::Other,
    })
}

/// `EBADF` unless the descriptor is open and may be read, or with `writing` may be written. A read or write of
/// no bytes would not check this.
pub(crate) fn check_access(fd: RawFd, writing: bool) -> Result<(), Errno> {
    let refused = if writing {
        libc::O_RDONLY
    } else {
        libc::O_WRONLY
    };
    if ready::status_flags(fd)? & libc::O_ACCMODE == refused {
        return Err(Errno::EBADF);
    }
    Ok(())
}

fn is_ready(fd: RawFd, events: c_short) -> Result<bool, Errno> {
    match ready::wait_any(&mut [ready::watch(fd, events)], Deadline::Now) {
        // This is not a wait, so a signal does not end the call. It interrupts the next wait.
        Err(Errno::EINTR) => Ok(false),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::pipe;
    use std::os::fd::AsRawFd;

    fn bytes(count: usize) -> Vec<MaybeUninit<u8>> {
        vec![MaybeUninit::new(7); count]
    }

    /// Writes to a broken pipe. With SIGPIPE's default disposition, a signal would end the test program.
    fn write_broken(write: impl Fn(RawFd) -> Result<usize, Errno>) {
        // Rust programs ignore SIGPIPE from the start; C programs do not.
        // SAFETY: SIG_DFL is a disposition, and this program installs no handler of its own.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let (reader, writer) = pipe::create(true, false).unwrap();
        drop(reader);
        assert_eq!(write(writer.as_raw_fd()), Err(Errno::EPIPE));
        assert_eq!(write(writer.as_raw_fd()), Err(Errno::EPIPE));
    }

    #[test]
    fn the_old_way_raises_no_sigpipe_either() {
        write_broken(|fd| write_without_sigpipe(fd, &bytes(1)));
        write_broken(|fd| write_otherwise(fd, &bytes(1), true));
        write_broken(|fd| write_otherwise(fd, &bytes(1), false));
    }

    #[test]
    fn a_sigpipe_that_was_pending_before_stays() {
        std::thread::spawn(|| {
            let mut set = MaybeUninit::uninit();
            // SAFETY: the set is initialised first. The signal goes to this thread, which blocks it.
            unsafe {
                libc::sigemptyset(set.as_mut_ptr());
                libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
                libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), core::ptr::null_mut());
                libc::pthread_kill(libc::pthread_self(), libc::SIGPIPE);
            }
            write_broken(|fd| write_without_sigpipe(fd, &bytes(1)));
            let at_once = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // SAFETY: as above.
            let taken =
                unsafe { libc::sigtimedwait(set.as_ptr(), core::ptr::null_mut(), &at_once) };
            assert_eq!(taken, libc::SIGPIPE);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn without_the_flags_a_blocking_pipe_is_filled_and_never_waited_for() {
        let (reader, writer) = pipe::create(true, false).unwrap();
        let capacity = pipe::capacity(writer.as_raw_fd()).unwrap();
        let mut filled = 0;
        loop {
            match write_otherwise(writer.as_raw_fd(), &bytes(100_000), false) {
                Ok(count) => filled += count,
                Err(errno) => break assert_eq!(errno, Errno::EAGAIN),
            }
        }
        assert_eq!(filled, capacity);
        let mut buffer = bytes(capacity);
        assert_eq!(
            read_when_ready(reader.as_raw_fd(), &mut buffer),
            Ok(capacity)
        );
        assert_eq!(
            read_when_ready(reader.as_raw_fd(), &mut buffer),
            Err(Errno::EAGAIN)
        );
        assert_eq!(
            read_now(reader.as_raw_fd(), &mut buffer),
            Err(Errno::EAGAIN)
        );
    }
}
