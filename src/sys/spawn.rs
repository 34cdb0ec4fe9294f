//! Starting programs, and what a pidfd can do.
//!
//! The child shares this process's memory until it has become the program (vfork's way, as
//! posix_spawn has it): no page is copied, however large the process is. Between its start and exec
//! it runs code that only makes system calls, on a stack of its own, with every signal held back;
//! everything that it needs is made before. So it does not matter what other threads were doing,
//! or which locks they held.

use super::made;
use super::ready::{self, READABLE};
use super::signal::Blocked;
use super::stream;
use crate::base::time::Deadline;
use core::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use nix::sys::stat::Mode;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// What a child becomes: all of it made before the child exists.
pub(crate) struct Image<'a> {
    /// Files to try, in this order.
    pub(crate) candidates: &'a [CString],
    pub(crate) arguments: Strings<'a>,
    pub(crate) environment: Strings<'a>,
    pub(crate) directory: Option<&'a CStr>,
    /// What becomes its descriptors 0, 1 and 2: each above 2, or negative to stay as it is.
    pub(crate) streams: [RawFd; 3],
    /// Whether descriptors above 2 that are not close-on-exec stay open.
    pub(crate) inherits: bool,
    /// Whether it leads a new session, controlled by the terminal that is its descriptor 0.
    pub(crate) leads_session: bool,
}

/// Strings as C has them: an array that NULL ends.
#[derive(Clone, Copy)]
pub(crate) struct Strings<'a> {
    start: *const *const c_char,
    lives: PhantomData<&'a CStr>,
}

impl<'a> Strings<'a> {
    /// # Safety
    ///
    /// `start` points to pointers to strings, the last of them NULL, which all live as long as
    /// this.
    pub(crate) unsafe fn new(start: NonNull<*const c_char>) -> Strings<'a> {
        Strings {
            start: start.as_ptr(),
            lives: PhantomData,
        }
    }

    /// This process's environment. That nobody changes it meanwhile is every C program's rule.
    pub(crate) fn environment() -> Strings<'a> {
        // SAFETY: a read of libc's pointer.
        let start = unsafe { libc::environ.cast_const().cast() };
        Strings {
            start,
            lives: PhantomData,
        }
    }

    pub(crate) fn first(&self) -> Option<&'a CStr> {
        // SAFETY: by the contract of `new` there is a first pointer, to a string or NULL.
        unsafe {
            let first = *self.start;
            (!first.is_null()).then(|| CStr::from_ptr(first))
        }
    }
}

/// The program could not be started; which of the steps failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Clone,
    Directory,
    Descriptors,
    Terminal,
    Exec,
}

/// A process that was started here.
pub(crate) struct Started {
    pub(crate) id: libc::pid_t,
    pub(crate) pidfd: OwnedFd,
}

/// How much stack the child gets: it needs the least when the library is optimised.
const STACK: usize = 64 * 1024;

struct ChildSetup<'a> {
    image: &'a Image<'a>,
    report: RawFd,
}

/// Starts a program. Comes back when the child has become the program, or has failed to and is
/// gone.
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
    // SAFETY: become_program fulfils run's contract, and takes a ChildSetup.
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
    // The child is past exec or dead, so what it has to report is there. The end of the pipe is not
    // waited for: a process that another thread forked meanwhile may hold it open.
    let mut message = [MaybeUninit::new(0u8); 2];
    if stream::read_now(failure.as_raw_fd(), &mut message) != Ok(message.len()) {
        return Ok(Started { id, pidfd });
    }
    // SAFETY: every byte was initialised above.
    let [step, errno] = message.map(|byte| unsafe { byte.assume_init() });
    let _ = wait(pidfd.as_fd(), libc::WEXITED);
    let step = match step {
        DIRECTORY => Step::Directory,
        DESCRIPTORS => Step::Descriptors,
        TERMINAL => Step::Terminal,
        _ => Step::Exec,
    };
    Err((step, Errno::from_raw(errno.into())))
}

const DIRECTORY: u8 = 1;
const DESCRIPTORS: u8 = 2;
const TERMINAL: u8 = 3;
const EXEC: u8 = 4;

/// Runs `body` in a child that shares memory but neither the umask nor the directory, until it returns;
/// its exit status.
pub(crate) fn run_briefly(
    body: extern "C" fn(*mut c_void) -> c_int,
    setup: NonNull<c_void>,
) -> Result<c_int, Errno> {
    // No signal tells of its end, and a wait of the program's own for any child does not find it.
    let flags = libc::CLONE_VM | libc::CLONE_VFORK;
    let blocked = Blocked::all();
    // SAFETY: `body` only makes system calls; the pidfd is not asked for.
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

/// Makes the child. This thread goes on when the child has called exec or has ended.
///
/// # Safety
///
/// `body` makes system calls only: no lock, no allocation, no panic. It can use what `setup`
/// points to. Every signal is held back.
unsafe fn run(
    body: extern "C" fn(*mut c_void) -> c_int,
    setup: NonNull<c_void>,
    flags: c_int,
    pidfd: &mut RawFd,
) -> Result<libc::pid_t, Errno> {
    let mut stack: Vec<MaybeUninit<u128>> = Vec::new();
    stack
        .try_reserve_exact(STACK / size_of::<u128>())
        .map_err(|_| Errno::ENOMEM)?;
    // SAFETY: the end of the stack, aligned to 16 bytes, from which it grows down into memory
    // reserved above. CLONE_VFORK keeps this frame, the stack and the setup as they are until the
    // child no longer uses them. `pidfd` is where the kernel writes with CLONE_PIDFD.
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

/// The child: from here to exec or _exit only system calls.
extern "C" fn become_program(setup: *mut c_void) -> c_int {
    // SAFETY: start passes a ChildSetup that lives until exec; all its pointers are the caller's and live
    // as long. Each call below is async-signal-safe.
    unsafe {
        let setup = &*setup.cast::<ChildSetup<'_>>();
        let (step, errno) = match prepare(setup.image) {
            Ok(()) => (EXEC, execute(setup.image)),
            Err(failure) => failure,
        };
        // Errnos that exec and the rest give are below 256.
        let message = [step, errno as u8];
        libc::write(setup.report, message.as_ptr().cast(), message.len());
        libc::_exit(127)
    }
}

/// # Safety
///
/// Only in the child.
unsafe fn prepare(image: &Image<'_>) -> Result<(), (u8, Errno)> {
    // SAFETY: async-signal-safe calls on valid arguments.
    unsafe {
        // Handlers first: none may run here when the mask is cleared. What is ignored would stay so.
        let mut default: libc::sigaction = core::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        for number in 1..=libc::SIGRTMAX() {
            libc::sigaction(number, &default, ptr::null_mut());
        }
        if let Some(directory) = image.directory {
            if libc::chdir(directory.as_ptr()) != 0 {
                return Err((DIRECTORY, Errno::last()));
            }
        }
        for (number, &source) in (0..).zip(&image.streams) {
            // What stays as it is stays also if it was close-on-exec; if it was closed, it is.
            let placed = if source < 0 {
                libc::fcntl(number, libc::F_SETFD, 0);
                0
            } else {
                libc::dup2(source, number)
            };
            if placed < 0 {
                return Err((DESCRIPTORS, Errno::last()));
            }
        }
        if image.leads_session && (libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) != 0) {
            return Err((TERMINAL, Errno::last()));
        }
        if !image.inherits {
            close_the_rest_on_exec().map_err(|errno| (DESCRIPTORS, errno))?;
        }
        let mut none = MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
        Ok(())
    }
}

/// Tries the candidates in their order, as execvp does, but no shell for a file that is no
/// program; why none of them could be executed.
///
/// # Safety
///
/// Only in the child.
unsafe fn execute(image: &Image<'_>) -> Errno {
    let mut failure = Errno::ENOENT;
    for candidate in image.candidates {
        // SAFETY: the arrays are the caller's, ended by NULL.
        unsafe {
            libc::execve(
                candidate.as_ptr(),
                image.arguments.start,
                image.environment.start,
            )
        };
        match Errno::last() {
            // Of a path, or of the only directory that is searched, it can be told.
            Errno::ENOTDIR if image.candidates.len() == 1 => failure = Errno::ENOTDIR,
            // Not there: the next may be.
            Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV => {}
            // There, but not for us: it is told if no other is found.
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
/// Only in the child: its table of descriptors is its own.
unsafe fn close_the_rest_on_exec() -> Result<(), Errno> {
    // SAFETY: no memory is touched.
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
        // Before Linux 5.11. SAFETY: by this function's contract.
        Err(_) => unsafe { close_listed_on_exec() },
    }
}

/// The same by the list in /proc: getdents64 needs no allocation, as opendir would.
///
/// # Safety
///
/// Only in the child.
unsafe fn close_listed_on_exec() -> Result<(), Errno> {
    // linux_dirent64: inode, offset, then the record's length, a type, and the name.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let mut records = [0u64; 128];
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: a constant path; the kernel writes at most the array's size; its records lie within
    // what it says it has written.
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

/// A second, close-on-exec descriptor of a number that C passed in, above the standard streams'
/// numbers; `EBADF` when nothing is open there.
pub(crate) fn duplicate(number: RawFd) -> Result<OwnedFd, Errno> {
    if number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: not -1. If it is not open, F_DUPFD says EBADF and touches nothing.
    let file = unsafe { BorrowedFd::borrow_raw(number) };
    let number = nix::fcntl::fcntl(file, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: F_DUPFD_CLOEXEC has just made this descriptor and nobody else knows it.
    unsafe { made(number) }
}

/// Moves a descriptor off the standard streams' numbers, which it got if this process had none
/// there: in the child they are the streams'.
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

/// A variable of this process's environment, copied.
pub(crate) fn variable(name: &CStr) -> Option<CString> {
    // SAFETY: getenv returns NULL or a string; that nobody changes the environment meanwhile is every
    // C program's rule.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value).to_owned())
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(c_int),
    Signal(c_int),
}

/// How the process behind a pidfd ended, if it has; `ECHILD` when it is not (or no longer) a
/// child of this process. With `WEXITED` alone it is reaped, with `WNOWAIT` it is only looked at.
pub(crate) fn wait(pidfd: BorrowedFd<'_>, options: c_int) -> Result<Option<Exit>, Errno> {
    let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the kernel writes the struct, and all zeros is a value of it: with WNOHANG and
    // nobody ended it stays so. The fields read are those of a child's end.
    unsafe {
        Errno::result(libc::waitid(
            libc::P_PIDFD,
            pidfd.as_raw_fd() as libc::id_t,
            found.as_mut_ptr(),
            options | libc::WEXITED,
        ))?;
        let found = found.assume_init_ref();
        if found.si_pid() == 0 {
            return Ok(None);
        }
        Ok(Some(match found.si_code {
            libc::CLD_EXITED => Exit::Code(found.si_status()),
            _ => Exit::Signal(found.si_status()),
        }))
    }
}

/// Waits until the process behind a pidfd has ended; false when the deadline passed first.
pub(crate) fn wait_for_end(pidfd: BorrowedFd<'_>, deadline: Deadline) -> Result<bool, Errno> {
    ready::wait_any(&mut [ready::watch(pidfd.as_raw_fd(), READABLE)], deadline)
}

/// Children that nobody waits for any more, to be reaped when they have ended. A list without a
/// lock: a process may be forked at any moment.
static ABANDONED: AtomicPtr<Abandoned> = AtomicPtr::new(ptr::null_mut());

struct Abandoned {
    pidfd: Arc<OwnedFd>,
    next: *mut Abandoned,
}

/// Notes a child that runs on and that nobody will wait for.
pub(crate) fn abandon(pidfd: Arc<OwnedFd>) {
    put_back(Box::new(Abandoned {
        pidfd,
        next: ptr::null_mut(),
    }));
}

fn put_back(child: Box<Abandoned>) {
    let child = Box::into_raw(child);
    let mut first = ABANDONED.load(Ordering::Relaxed);
    loop {
        // SAFETY: not in the list yet, so this thread's alone.
        unsafe { (*child).next = first };
        // Release: who takes the list sees what is in it.
        match ABANDONED.compare_exchange_weak(first, child, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => first = now,
        }
    }
}

/// Reaps the abandoned children that have ended.
pub(crate) fn reap_abandoned() {
    // Taken whole, so that no other thread has the same child. Acquire pairs with the Release of
    // those who put children in.
    let mut next = ABANDONED.swap(ptr::null_mut(), Ordering::Acquire);
    while !next.is_null() {
        // SAFETY: put_back made it from a box, and it is in no list now.
        let child = unsafe { Box::from_raw(next) };
        next = child.next;
        // Ended and reaped, or no child of this process (forked since): both are done with.
        if let Ok(None) = wait(child.pidfd.as_fd(), libc::WNOHANG) {
            put_back(child);
        }
    }
}

/// Sends a signal to the process behind a pidfd, never to another that got its number.
pub(crate) fn send_signal(pidfd: BorrowedFd<'_>, number: c_int) -> Result<(), Errno> {
    let flags: c_long = 0;
    // SAFETY: no information goes with the signal.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            number,
            ptr::null::<libc::siginfo_t>(),
            flags,
        )
    })
    .map(drop)
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
