//! Starting programs.
//!
//! The child shares this process's memory until it executes the program, as with vfork and posix_spawn. So
//! the kernel copies no page, however large the process is. Between its start and exec the child runs code
//! that only makes system calls. It has a stack of its own and blocks every signal, and the parent has
//! made everything that it needs before. So it does not matter what other threads did, or which locks they
//! held.

pub(crate) use super::child::is_signal;
pub(crate) use super::child::{
    Abandoned, Exit, Process, Usage, abandon, abandonable, reap_abandoned, room_to_abandon,
    send_signal, signal_group, signal_group_by_id, wait, wait_for_end,
};
use super::child_keeper;
use super::child_setup::{self, Failure, Setup};
use super::direct::system_call;
use super::fd::{self, made};
use super::signal::Blocked;
use super::stream;
use crate::base::alloc::{LongCText, uninit_slice};
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

// The libc crate has it for some libcs only.
// SAFETY: declared as <unistd.h> does.
unsafe extern "C" {
    static environ: *const *const c_char;
}

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
    pub(crate) setup: &'a Setup<'a>,
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
        let start = unsafe { environ.cast() };
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
    Group,
    Scheduling,
    Limit,
    User,
    DeathSignal,
    Given,
    Exec,
}

impl Step {
    /// The steps that the child reports, by the number that it writes into the pipe.
    fn from_report(number: u8) -> Step {
        [
            Step::Directory,
            Step::Descriptors,
            Step::Terminal,
            Step::Group,
            Step::Scheduling,
            Step::Limit,
            Step::User,
            Step::DeathSignal,
            Step::Given,
        ]
        .into_iter()
        .find(|&step| step as u8 == number)
        .unwrap_or(Step::Exec)
    }
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
pub(crate) fn start(image: &Image<'_>) -> Result<Process, Failure> {
    match image.setup.dies_with {
        Some(_) => child_keeper::start(image),
        None => start_from_here(image),
    }
}

/// Starts a program as a child of this thread.
pub(super) fn start_from_here(image: &Image<'_>) -> Result<Process, Failure> {
    let before = |errno| (Step::Clone, 0, errno);
    let pipe = fd::pipe(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK);
    let (failure, report) = pipe.map_err(before)?;
    let setup = ChildSetup {
        image,
        report: report.as_raw_fd(),
    };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let mut pidfd: RawFd = -1;
    let blocked = Blocked::all();
    let dumpable = image.setup.user.is_some().then(Dumpable::now);
    // SAFETY: become_program fulfils the contract of `run`, and takes a ChildSetup.
    let started = unsafe {
        run(
            become_program,
            NonNull::from(&setup).cast(),
            flags,
            &mut pidfd,
        )
    };
    drop(dumpable);
    drop(blocked);
    let id = started.map_err(before)?;
    // Closed first, so that a number for the pidfd is free.
    drop(report);
    // SAFETY: the kernel has made this descriptor, close-on-exec, and nobody else knows it.
    let process = unsafe { made(pidfd) }
        .and_then(|pidfd| Process::new(id, pidfd))
        .map_err(before)?;
    // The child has called exec or is dead, so its report is in the pipe. This thread does not wait for the
    // pipe's end, because a process that another thread has forked meanwhile may hold it open.
    let mut message = [MaybeUninit::new(0u8); 3];
    if stream::read_now(failure.as_raw_fd(), &mut message) != Ok(message.len()) {
        return Ok(process);
    }
    // SAFETY: every byte was initialised above.
    let [step, place, errno] = message.map(|byte| unsafe { byte.assume_init() });
    let _ = process.with_pidfd(|pidfd| wait(pidfd, 0));
    Err((
        Step::from_report(step),
        place,
        Errno::from_raw(errno.into()),
    ))
}

/// Whether this process may be dumped and traced. The kernel takes that away when a child that still shares the memory
/// changes its user. Dropping this, when the child shares it no more, gives it back.
struct Dumpable(bool);

impl Dumpable {
    fn now() -> Dumpable {
        // SAFETY: the call takes no further arguments.
        Dumpable(unsafe { libc::prctl(libc::PR_GET_DUMPABLE) } == 1)
    }
}

impl Drop for Dumpable {
    fn drop(&mut self) {
        if self.0 {
            // SAFETY: the call takes a number.
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) };
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

/// A system call in the child. It does not go through libc: a library that watches signals or descriptors may
/// have put its own functions in the place of libc's (the JVM's libjsig and sanitizers do), and would note what the
/// child does as done by the parent, whose memory it is. It leaves the parent's errno alone, too.
///
/// # Safety
///
/// As `system_call`.
pub(super) unsafe fn child_call<const N: usize>(
    number: libc::c_long,
    given: [usize; N],
) -> Result<usize, Errno> {
    let mut arguments = [0; 6];
    arguments[..N].copy_from_slice(&given);
    // SAFETY: by this function's contract.
    unsafe { system_call(number, arguments) }
}

/// The child's function. From here to exec or exit it only makes system calls.
extern "C" fn become_program(setup: *mut c_void) -> c_int {
    // SAFETY: `start` passes a ChildSetup that lives until exec. Its pointers are the caller's and live as
    // long.
    unsafe {
        let setup = &*setup.cast::<ChildSetup<'_>>();
        let mut pipe = setup.report as usize;
        let (step, place, errno) = match prepare(setup.image, &mut pipe) {
            Ok(()) => (Step::Exec, 0, execute(setup.image)),
            Err(failure) => failure,
        };
        // The errnos of these calls are below 256.
        let message = [step as u8, place, errno as u8];
        let _ = child_call(
            libc::SYS_write,
            [pipe, message.as_ptr().addr(), message.len()],
        );
        loop {
            let _ = child_call(libc::SYS_exit_group, [127]);
        }
    }
}

/// The size in bytes of the kernel's set of signals.
pub(super) const SIGNAL_SET: usize = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    16
} else {
    8
};

/// Gives the child its signals, directory, descriptors and session. `report` is the end of the report's pipe.
///
/// # Safety
///
/// Called in the child only.
unsafe fn prepare(image: &Image<'_>, report: &mut usize) -> Result<(), Failure> {
    let setup = image.setup;
    // SAFETY: the arguments are valid. The child has its own signals, directory, descriptors and session.
    unsafe {
        // The handlers come first: none may run here after the mask is cleared. Without this, signals
        // that the parent ignores would stay ignored. The kernel's struct sigaction has at most this size, and all
        // zeros is the default action without flags.
        let default = [0u64; 8];
        for number in 1..=libc::SIGRTMAX() as usize {
            if setup.keeps_ignored && child_setup::is_ignored(number) {
                continue;
            }
            let _ = child_call(
                libc::SYS_rt_sigaction,
                [number, default.as_ptr().addr(), 0, SIGNAL_SET],
            );
        }
        child_setup::begin(setup)?;
        *report = child_setup::set_aside(&setup.given, *report)?;
        for (number, &source) in (0..).zip(&image.streams) {
            // A descriptor that stays as it is also stays if it was close-on-exec. A closed one stays closed.
            let placed = if source < 0 {
                let _ = child_call(libc::SYS_fcntl, [number, libc::F_SETFD as usize, 0]);
                Ok(0)
            } else {
                // The source is above 2, so the two numbers differ.
                child_call(libc::SYS_dup3, [source as usize, number, 0])
            };
            placed.map_err(|errno| (Step::Descriptors, 0, errno))?;
        }
        if image.leads_session {
            child_call(libc::SYS_setsid, [])
                .and_then(|_| child_call(libc::SYS_ioctl, [0, libc::TIOCSCTTY as usize, 0]))
                .map_err(|errno| (Step::Terminal, 0, errno))?;
        }
        if !image.inherits {
            close_the_rest_on_exec().map_err(|errno| (Step::Descriptors, 0, errno))?;
        }
        child_setup::place(&setup.given)?;
        child_setup::finish(setup)?;
        if let Some(directory) = image.directory {
            child_call(libc::SYS_chdir, [directory.as_ptr().addr()])
                .map_err(|errno| (Step::Directory, 0, errno))?;
        }
        let none = [0u64; 2];
        let _ = child_call(
            libc::SYS_rt_sigprocmask,
            [
                libc::SIG_SETMASK as usize,
                none.as_ptr().addr(),
                0,
                SIGNAL_SET,
            ],
        );
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
        let arguments = [
            candidate.as_ptr().addr(),
            image.arguments.start.addr(),
            image.environment.start.addr(),
        ];
        // SAFETY: the arrays are the caller's and end with NULL.
        match unsafe { child_call(libc::SYS_execve, arguments) } {
            // A program that runs does not come back.
            Ok(_) => {}
            // A path, or the only directory that is searched, is the reason.
            Err(Errno::ENOTDIR) if image.candidates.len() == 1 => failure = Errno::ENOTDIR,
            // This file does not exist. The next one may.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV) => {}
            // This process may not execute the file. That is the error if no other file is found.
            Err(Errno::EACCES) => failure = Errno::EACCES,
            Err(errno) => return errno,
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
    let range = [3, c_uint::MAX as usize, libc::CLOSE_RANGE_CLOEXEC as usize];
    // SAFETY: the call accesses no memory.
    match unsafe { child_call(libc::SYS_close_range, range) } {
        Ok(_) => Ok(()),
        // The kernel is older than Linux 5.11. SAFETY: by this function's contract.
        Err(_) => unsafe { close_listed_on_exec() },
    }
}

/// Marks the descriptors that /proc lists.
///
/// # Safety
///
/// Called in the child only.
unsafe fn close_listed_on_exec() -> Result<(), Errno> {
    let directory = super::path::open_directory(c"/proc/thread-self/fd")?;
    super::path::each_name(directory.as_fd(), &mut |name, _| {
        let digits = name.to_bytes();
        if !digits.iter().all(u8::is_ascii_digit) {
            return Ok(());
        }
        let number = digits
            .iter()
            .fold(0, |number, digit| number * 10 + c_int::from(digit - b'0'));
        if number > 2 {
            // SAFETY: the call takes numbers only. The table of descriptors is the child's own.
            let _ = unsafe {
                child_call(
                    libc::SYS_fcntl,
                    [
                        number as usize,
                        libc::F_SETFD as usize,
                        libc::FD_CLOEXEC as usize,
                    ],
                )
            };
        }
        Ok(())
    })
}

/// Opens a file for a standard stream, as a shell's redirections do.
pub(crate) fn open_stream(path: &CStr, flags: OFlag) -> Result<OwnedFd, Errno> {
    let mode = Mode::from_bits_truncate(0o666);
    // O_NONBLOCK: the opening waits for nothing, whatever stands at the path by now.
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    let file = fd::open(path, flags, mode)?;
    super::ready::set_nonblocking(file.as_fd(), false)?;
    Ok(file)
}

/// Whether a FIFO stands at the path, or at the end of the symbolic links there.
pub(crate) fn is_fifo(path: &CStr) -> bool {
    super::large::stat(path).is_ok_and(|status| status.st_mode & libc::S_IFMT == libc::S_IFIFO)
}

/// Reads the start of a file, and returns how many bytes it is.
pub(crate) fn start_of_file(path: &CStr, start: &mut [u8]) -> Result<usize, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = fd::open(path, flags, Mode::empty())?;
    nix::unistd::read(&file, start)
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
        let setup = NonNull::from(&number).cast();
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let blocked = Blocked::all();
        // SAFETY: `in_child` only makes system calls. Without CLONE_PIDFD the kernel writes no pidfd.
        let id = unsafe { run(in_child, setup, flags, &mut -1) }.unwrap();
        drop(blocked);
        let mut status = 0;
        // SAFETY: the call writes the status.
        assert_eq!(unsafe { libc::waitpid(id, &mut status, 0) }, id);
        assert_eq!(status, 0);
    }
}
