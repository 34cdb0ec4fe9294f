//! Starting programs.
//!
//! The child shares this process's memory until it executes the program, as with vfork and posix_spawn. So
//! the kernel copies no page, however large the process is. Between its start and exec the child runs code
//! that only makes system calls. It has a stack of its own and blocks every signal, and the parent has
//! made everything that it needs before. So it does not matter what other threads did, or which locks they
//! held.

pub(crate) use super::child::{
    Abandoned, Exit, abandon, abandonable, reap_abandoned, room_to_abandon, send_signal, wait,
    wait_for_end,
};
use super::made;
use super::signal::Blocked;
use super::stream;
use crate::base::alloc::{LongCText, uninit_slice};
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The settings of a child. The parent makes all of it before the child exists.
pub(crate) struct Image<'a> {
    /// The program files to try, in this order.
    pub(crate) candidates: &'a [LongCText],
    pub(crate) arguments: Strings<'a>,
    pub(crate) environment: Strings<'a>,
    pub(crate) directory: Option<&'a CStr>,
    /// The descriptors that become 0, 1 and 2 in the child. Each is above 2, or negative if the child's
    /// descriptor stays as it is.
    pub(crate) streams: [RawFd; 3],
    /// Whether descriptors above 2 that are not close-on-exec stay open.
    pub(crate) inherits: bool,
    /// Whether the child leads a new session, whose controlling terminal is its descriptor 0.
    pub(crate) leads_session: bool,
}

/// C's form of several strings: an array of pointers that ends with NULL.
#[derive(Clone, Copy)]
pub(crate) struct Strings<'a> {
    start: *const *const c_char,
    borrow: PhantomData<&'a CStr>,
}

impl<'a> Strings<'a> {
    /// # Safety
    ///
    /// `start` points to pointers to strings, and the last pointer is NULL. All of them live as long as
    /// this value.
    pub(crate) unsafe fn new(start: NonNull<*const c_char>) -> Strings<'a> {
        Strings {
            start: start.as_ptr(),
            borrow: PhantomData,
        }
    }

    /// This process's environment. A C program must not change it while another thread reads it.
    pub(crate) fn environment() -> Strings<'a> {
        // SAFETY: this only reads libc's pointer.
        let start = unsafe { libc::environ.cast_const().cast() };
        Strings {
            start,
            borrow: PhantomData,
        }
    }

    pub(crate) fn first(&self) -> Option<&'a CStr> {
        // SAFETY: by the contract of `new` there is a first pointer, which is NULL or leads to a string.
        unsafe {
            let first = *self.start;
            (!first.is_null()).then(|| CStr::from_ptr(first))
        }
    }
}

/// The step at which the start of a program failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    Clone,
    Directory,
    Descriptors,
    Terminal,
    Exec,
}

impl Step {
    /// The steps that the child reports, by the number that it writes into the pipe.
    fn from_report(number: u8) -> Step {
        [Step::Directory, Step::Descriptors, Step::Terminal]
            .into_iter()
            .find(|&step| step as u8 == number)
            .unwrap_or(Step::Exec)
    }
}

/// A process that this library started.
pub(crate) struct Started {
    pub(crate) id: libc::pid_t,
    pub(crate) pidfd: OwnedFd,
}

/// The size of the child's stack in bytes. Code without optimisation needs the most.
const STACK: usize = 64 * 1024;

/// The data that the child gets from its parent.
struct ChildSetup<'a> {
    image: &'a Image<'a>,
    /// The pipe into which the child writes what failed.
    report: RawFd,
}

/// Starts a program. Returns when the child executes the program, or when it has failed to and has ended.
pub(crate) fn start(image: &Image<'_>) -> Result<Started, (Step, Errno)> {
    let before = |errno| (Step::Clone, errno);
    let pipe = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK);
    let (failure, report) = pipe.map_err(before)?;
    let (failure, report) = (
        lift(failure).map_err(before)?,
        lift(report).map_err(before)?,
    );
    let setup = ChildSetup {
        image,
        report: report.as_raw_fd(),
    };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let mut pidfd: RawFd = -1;
    let blocked = Blocked::all();
    // SAFETY: become_program fulfils the contract of `run`, and takes a ChildSetup.
    let started = unsafe {
        run(
            become_program,
            NonNull::from(&setup).cast(),
            flags,
            &mut pidfd,
        )
    };
    drop(blocked);
    let id = started.map_err(before)?;
    // SAFETY: the kernel has made this descriptor, close-on-exec, and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    drop(report);
    // The child has called exec or is dead, so its report is in the pipe. This thread does not wait for the
    // pipe's end, because a process that another thread has forked meanwhile may hold it open.
    let mut message = [MaybeUninit::new(0u8); 2];
    if stream::read_now(failure.as_raw_fd(), &mut message) != Ok(message.len()) {
        return Ok(Started { id, pidfd });
    }
    // SAFETY: every byte was initialised above.
    let [step, errno] = message.map(|byte| unsafe { byte.assume_init() });
    let _ = wait(pidfd.as_fd(), libc::WEXITED);
    Err((Step::from_report(step), Errno::from_raw(errno.into())))
}

/// Runs `body` in a child, and returns the child's exit status. The child shares this process's memory, and
/// has an umask and a working directory of its own.
pub(crate) fn run_briefly(
    body: extern "C" fn(*mut c_void) -> c_int,
    setup: NonNull<c_void>,
) -> Result<c_int, Errno> {
    // Its end sends no signal, and if the program waits for any child, it does not find this one.
    let flags = libc::CLONE_VM | libc::CLONE_VFORK;
    let blocked = Blocked::all();
    // SAFETY: `body` only makes system calls. Without CLONE_PIDFD the kernel writes no pidfd.
    let id = unsafe { run(body, setup, flags, &mut -1) };
    drop(blocked);
    let id = id?;
    let mut status = 0;
    loop {
        // SAFETY: the call writes the status and nothing else.
        match Errno::result(unsafe { libc::waitpid(id, &mut status, libc::__WCLONE) }) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) if libc::WIFEXITED(status) => return Ok(libc::WEXITSTATUS(status)),
            Ok(_) => return Err(Errno::EINTR),
        }
    }
}

/// Makes the child. Returns when the child has called exec or has ended.
///
/// # Safety
///
/// `body` makes system calls only: no lock, no allocation, no panic. `setup` points to what `body` expects.
/// This thread blocks every signal.
unsafe fn run(
    body: extern "C" fn(*mut c_void) -> c_int,
    setup: NonNull<c_void>,
    flags: c_int,
    pidfd: &mut RawFd,
) -> Result<libc::pid_t, Errno> {
    let mut stack = uninit_slice::<u128>(STACK / size_of::<u128>())?;
    // SAFETY: `end` is the stack's end, aligned to 16 bytes; the stack grows down into the memory that was
    // reserved above. CLONE_VFORK keeps this frame, the stack and the setup as they are until the child
    // no longer uses them. With CLONE_PIDFD the kernel writes to `pidfd`.
    Errno::result(unsafe {
        let end = stack.as_mut_ptr().add(STACK / size_of::<u128>());
        libc::clone(
            body,
            end.cast(),
            flags,
            setup.as_ptr(),
            ptr::from_mut(pidfd),
        )
    })
}

/// The child's function. From here to exec or _exit it only makes system calls.
extern "C" fn become_program(setup: *mut c_void) -> c_int {
    // SAFETY: `start` passes a ChildSetup that lives until exec. Its pointers are the caller's and live as
    // long. Each call below is async-signal-safe.
    unsafe {
        let setup = &*setup.cast::<ChildSetup<'_>>();
        let (step, errno) = match prepare(setup.image) {
            Ok(()) => (Step::Exec, execute(setup.image)),
            Err(failure) => failure,
        };
        // The errnos of these calls are below 256.
        let message = [step as u8, errno as u8];
        libc::write(setup.report, message.as_ptr().cast(), message.len());
        libc::_exit(127)
    }
}

/// Gives the child its signals, directory, descriptors and session.
///
/// # Safety
///
/// Called in the child only.
unsafe fn prepare(image: &Image<'_>) -> Result<(), (Step, Errno)> {
    // SAFETY: async-signal-safe calls on valid arguments.
    unsafe {
        // The handlers come first: none may run here after the mask is cleared. Without this, signals
        // that the parent ignores would stay ignored.
        let mut default: libc::sigaction = core::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        for number in 1..=libc::SIGRTMAX() {
            libc::sigaction(number, &default, ptr::null_mut());
        }
        if let Some(directory) = image.directory {
            if libc::chdir(directory.as_ptr()) != 0 {
                return Err((Step::Directory, Errno::last()));
            }
        }
        for (number, &source) in (0..).zip(&image.streams) {
            // A descriptor that stays as it is also stays if it was close-on-exec. A closed one stays closed.
            let placed = if source < 0 {
                libc::fcntl(number, libc::F_SETFD, 0);
                0
            } else {
                libc::dup2(source, number)
            };
            if placed < 0 {
                return Err((Step::Descriptors, Errno::last()));
            }
        }
        if image.leads_session && (libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) != 0) {
            return Err((Step::Terminal, Errno::last()));
        }
        if !image.inherits {
            close_the_rest_on_exec().map_err(|errno| (Step::Descriptors, errno))?;
        }
        let mut none = MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
        Ok(())
    }
}

/// Tries the candidates in their order, as execvp does. Unlike execvp it starts no shell for a file that is
/// not a program. Returns why none of them could be executed.
///
/// # Safety
///
/// Called in the child only.
unsafe fn execute(image: &Image<'_>) -> Errno {
    let mut failure = Errno::ENOENT;
    for candidate in image.candidates {
        // SAFETY: the arrays are the caller's and end with NULL.
        unsafe {
            libc::execve(
                candidate.as_ptr(),
                image.arguments.start,
                image.environment.start,
            )
        };
        match Errno::last() {
            // A path, or the only directory that is searched, is the reason.
            Errno::ENOTDIR if image.candidates.len() == 1 => failure = Errno::ENOTDIR,
            // This file does not exist. The next one may.
            Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV => {}
            // This process may not execute the file. That is the error if no other file is found.
            Errno::EACCES => failure = Errno::EACCES,
            errno => return errno,
        }
    }
    failure
}

/// Marks all descriptors above 2 close-on-exec.
///
/// # Safety
///
/// Called in the child only, because its table of descriptors is its own.
unsafe fn close_the_rest_on_exec() -> Result<(), Errno> {
    // SAFETY: the call accesses no memory.
    let marked = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3 as c_uint,
            c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    });
    match marked {
        Ok(_) => Ok(()),
        // The kernel is older than Linux 5.11. SAFETY: by this function's contract.
        Err(_) => unsafe { close_listed_on_exec() },
    }
}

/// Marks the descriptors that /proc lists. Unlike opendir, getdents64 needs no allocation.
///
/// # Safety
///
/// Called in the child only.
unsafe fn close_listed_on_exec() -> Result<(), Errno> {
    // Offsets in linux_dirent64: inode, offset, then the record's length, a type, and the name.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let mut records = [0u64; 128];
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the path is constant. The kernel writes at most the array's size, and its records lie within
    // the bytes that it says it has written.
    unsafe {
        let directory = Errno::result(libc::open(c"/proc/self/fd".as_ptr(), flags))?;
        loop {
            let filled = Errno::result(libc::syscall(
                libc::SYS_getdents64,
                directory,
                records.as_mut_ptr(),
                size_of_val(&records),
            ))?;
            if filled == 0 {
                break;
            }
            let base: *const u8 = records.as_ptr().cast();
            let mut offset = 0;
            while offset < filled as usize {
                let mut number = 0;
                let mut name = base.add(offset + NAME);
                while (*name).is_ascii_digit() {
                    number = number * 10 + c_int::from(*name - b'0');
                    name = name.add(1);
                }
                if number > 2 {
                    libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
                }
                offset += usize::from(base.add(offset + LENGTH).cast::<u16>().read_unaligned());
            }
        }
        libc::close(directory);
    }
    Ok(())
}

/// A second, close-on-exec descriptor of the open file behind a number that C passed in. Its number is
/// above those of the standard streams. `EBADF` if nothing is open there.
pub(crate) fn duplicate(number: RawFd) -> Result<OwnedFd, Errno> {
    if number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: the number is not -1. If it is not open, F_DUPFD fails with EBADF and changes nothing.
    let file = unsafe { BorrowedFd::borrow_raw(number) };
    let number = nix::fcntl::fcntl(file, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: F_DUPFD_CLOEXEC has just made this descriptor and nobody else knows it.
    unsafe { made(number) }
}

/// Gives a descriptor a number above those of the standard streams. It has one of those if this process had
/// closed a stream, and in the child these numbers belong to the streams.
pub(crate) fn lift(file: OwnedFd) -> Result<OwnedFd, Errno> {
    match file.as_raw_fd() {
        0..3 => duplicate(file.as_raw_fd()),
        _ => Ok(file),
    }
}

/// Opens a file for a standard stream, as a shell's redirections do.
pub(crate) fn open_stream(path: &CStr, flags: OFlag) -> Result<OwnedFd, Errno> {
    let mode = Mode::from_bits_truncate(0o666);
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    nix::fcntl::open(path, flags, mode)
}

/// A variable of this process's environment.
pub(crate) fn variable<'a>(name: &CStr) -> Option<&'a CStr> {
    // SAFETY: getenv returns NULL or a string. A C program must not change its environment while another
    // thread reads it, and the callers read it before they return to the program.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_in_proc_marks_what_close_range_marks() {
        let (reader, _writer) = nix::unistd::pipe2(OFlag::empty()).unwrap();
        let number = reader.as_raw_fd();
        extern "C" fn in_child(number: *mut c_void) -> c_int {
            // SAFETY: in a child with its own table of descriptors; the number is the test's.
            unsafe {
                let number = *number.cast::<RawFd>();
                if libc::fcntl(number, libc::F_GETFD) != 0 || close_listed_on_exec().is_err() {
                    return 1;
                }
                (libc::fcntl(number, libc::F_GETFD) != libc::FD_CLOEXEC).into()
            }
        }
        let status = run_briefly(in_child, NonNull::from(&number).cast());
        assert_eq!(status, Ok(0));
    }
}
