//! Pseudoterminals (pty(7)), and a program started on one.

use crate::sys::socket;
use core::ffi::{c_char, c_int};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::termios::{self, SetArg};
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// How large a terminal says it is, in characters.
#[derive(Clone, Copy)]
pub(crate) struct WindowSize {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
}

/// A new pseudoterminal, both close-on-exec: the end of the program that controls it, and the
/// terminal itself.
pub(crate) fn open() -> Result<(OwnedFd, OwnedFd), Errno> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let controller = nix::pty::posix_openpt(flags)?;
    nix::pty::unlockpt(&controller)?;
    // Opened through the controller and not by its path, which may lead to another terminal
    // where /dev/pts of another mount namespace, or none, is mounted.
    // SAFETY: the request takes open flags by value.
    let number = Errno::result(unsafe {
        libc::ioctl(controller.as_raw_fd(), libc::TIOCGPTPEER, flags.bits())
    })?;
    // SAFETY: the kernel has just made the descriptor and nobody else knows it.
    Ok((controller.into(), unsafe { OwnedFd::from_raw_fd(number) }))
}

/// Bytes pass as they are: no echo, no lines, no signals from keys.
fn make_raw(terminal: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut settings = termios::tcgetattr(terminal)?;
    termios::cfmakeraw(&mut settings);
    termios::tcsetattr(terminal, SetArg::TCSANOW, &settings)
}

/// `ENOTTY` for what is no terminal.
pub(crate) fn window_size(terminal: RawFd) -> Result<WindowSize, Errno> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the kernel writes one winsize.
    Errno::result(unsafe { libc::ioctl(terminal, libc::TIOCGWINSZ, &raw mut size) })?;
    Ok(WindowSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// The terminal's foreground processes get SIGWINCH when the size is another than before.
pub(crate) fn set_window_size(terminal: RawFd, size: WindowSize) -> Result<(), Errno> {
    let size = libc::winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the kernel reads one winsize, alive during the call.
    Errno::result(unsafe { libc::ioctl(terminal, libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// What a child executes. All of it is made before the fork, because a child of a process with
/// threads must not allocate.
pub(crate) struct Program<'a> {
    /// Where the program may be, in the order of trying.
    pub(crate) paths: &'a [CString],
    /// The arguments, ended by NULL.
    pub(crate) arguments: *const *const c_char,
    /// The environment, ended by NULL.
    pub(crate) environment: *const *const c_char,
}

/// Starts a program as the leader of a new session that `terminal` controls, with its three
/// standard streams there and no other descriptor. Returns the process's pidfd; fails with exec's
/// error when the program cannot be executed.
///
/// # Safety
///
/// The program's arrays are ended by NULL and their strings by NUL.
pub(crate) unsafe fn spawn(
    terminal: BorrowedFd<'_>,
    program: &Program<'_>,
) -> Result<OwnedFd, Errno> {
    // Closed by a successful exec; before that the child reports here why it has none.
    let (ours, childs) = socket::pair(libc::SOCK_STREAM | libc::SOCK_CLOEXEC)?;
    let descriptors = open_files_limit();

    // No handler of this process may run in the child, which is why the signals are blocked
    // until the child has put their dispositions back.
    let before = block_signals()?;
    // SAFETY: the child calls `run` only, which is made for this.
    let child = Errno::result(unsafe { libc::fork() });
    if let Ok(0) = child {
        // SAFETY: this is the child; the rest by this function's contract.
        unsafe {
            run(
                terminal.as_raw_fd(),
                childs.as_raw_fd(),
                descriptors,
                program,
            )
        }
    }
    restore_signals(&before);
    let child = child?;
    drop(childs);

    // The child waits for a byte until its pidfd is there: where SIGCHLD is ignored, a process
    // that had ended would be gone already.
    let opened = pidfd_open(child);
    if opened.is_ok() {
        let go = [0_u8];
        // SAFETY: one byte, alive during the call.
        let go = unsafe { socket::Source::new(go.as_ptr().cast(), 1) };
        // It fails only when the child was killed, which the pidfd tells.
        let _ = socket::send(ours.as_raw_fd(), go);
    }
    let pidfd = match opened {
        Ok(pidfd) => pidfd,
        Err(errno) => {
            // Without the byte the child ends by itself.
            drop(ours);
            reap(child);
            return Err(errno);
        }
    };
    let mut report = [0; size_of::<c_int>()];
    let length = loop {
        match nix::unistd::read(&ours, &mut report) {
            Err(Errno::EINTR) => {}
            outcome => break outcome.unwrap_or(0),
        }
    };
    if length == report.len() {
        reap(child);
        return Err(Errno::from_raw(c_int::from_ne_bytes(report)));
    }
    Ok(pidfd)
}

/// The child's life between fork and exec: only async-signal-safe calls, no allocation, no
/// panic.
///
/// # Safety
///
/// The calling process is a fresh child whose signals are all blocked; the program is as in
/// `spawn`.
unsafe fn run(terminal: RawFd, report: RawFd, descriptors: RawFd, program: &Program<'_>) -> ! {
    // SAFETY: plain system calls on descriptors of this child and on memory that the fork
    // copied; none allocates or takes a lock.
    unsafe {
        // Away from 0, 1 and 2, which the caller may have closed.
        let terminal = libc::fcntl(terminal, libc::F_DUPFD_CLOEXEC, 3);
        let report = libc::fcntl(report, libc::F_DUPFD_CLOEXEC, 3);
        let mut go = 0_u8;
        let parent_lives = loop {
            match libc::read(report, (&raw mut go).cast(), 1) {
                1 => break true,
                -1 if Errno::last() == Errno::EINTR => {}
                _ => break false,
            }
        };
        if !parent_lives {
            libc::_exit(127);
        }
        let is_ready = libc::setsid() >= 0
            && libc::ioctl(terminal, libc::TIOCSCTTY, 0) == 0
            && (0..3).all(|stream| libc::dup2(terminal, stream) == stream);
        if is_ready {
            close_on_exec(descriptors);
            default_signals();
            execute(program);
        }
        let errno = Errno::last_raw().to_ne_bytes();
        let _ = libc::write(report, errno.as_ptr().cast(), errno.len());
        libc::_exit(127)
    }
}

/// Tries the program's paths. Returns when there is nothing to execute, with errno set.
unsafe fn execute(program: &Program<'_>) {
    let mut found_without_permission = false;
    for path in program.paths {
        // SAFETY: by the contract of `spawn`.
        unsafe { libc::execve(path.as_ptr(), program.arguments, program.environment) };
        match Errno::last() {
            Errno::EACCES => found_without_permission = true,
            Errno::ENOENT | Errno::ENOTDIR => {}
            _ => return,
        }
    }
    if found_without_permission {
        Errno::EACCES.set();
    }
}

/// Marks all descriptors but the standard streams.
unsafe fn close_on_exec(descriptors: RawFd) {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: no pointers; marks descriptors of this child only.
    unsafe {
        if libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            CLOSE_RANGE_CLOEXEC,
        ) == 0
        {
            return;
        }
        // Before Linux 5.11.
        for number in 3..descriptors {
            libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// All signals as a new login has them: not ignored and not blocked.
unsafe fn default_signals() {
    // SAFETY: a sigaction of zeros is SIG_DFL without flags; an empty mask; this child is alone.
    unsafe {
        let action: libc::sigaction = core::mem::zeroed();
        for signal in 1..=libc::SIGRTMAX() {
            // SIGKILL, SIGSTOP and libc's own refuse; they are as they should be.
            libc::sigaction(signal, &action, core::ptr::null_mut());
        }
        let mut none: libc::sigset_t = core::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &none, core::ptr::null_mut());
    }
}

fn block_signals() -> Result<libc::sigset_t, Errno> {
    // SAFETY: sigset_t is a bit mask, for which all zeros is a value; the calls fill the sets.
    unsafe {
        let mut all: libc::sigset_t = core::mem::zeroed();
        let mut before: libc::sigset_t = core::mem::zeroed();
        libc::sigfillset(&mut all);
        match libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) {
            0 => Ok(before),
            errno => Err(Errno::from_raw(errno)),
        }
    }
}

fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: the mask is one that the thread has had. The call fails only for a wrong first
    // argument.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, core::ptr::null_mut()) };
}

fn open_files_limit() -> RawFd {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes one rlimit.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    RawFd::try_from(limit.rlim_cur).map_or(1 << 20, |limit| limit.min(1 << 20))
}

fn pidfd_open(process: libc::pid_t) -> Result<OwnedFd, Errno> {
    // SAFETY: no pointers.
    let number = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) })?;
    // SAFETY: the kernel has just made the descriptor (close-on-exec) and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(number as RawFd) })
}

/// Waits for a child that is about to end, so that it does not stay as a zombie.
fn reap(child: libc::pid_t) {
    // SAFETY: NULL leaves the status out.
    let wait = || Errno::result(unsafe { libc::waitpid(child, core::ptr::null_mut(), 0) });
    while wait() == Err(Errno::EINTR) {}
}

/// Whether the descriptor is the controlling end of a pseudoterminal.
pub(crate) fn is_controller(descriptor: RawFd) -> Result<(), Errno> {
    let mut number: c_int = 0;
    // SAFETY: the kernel writes one int.
    Errno::result(unsafe { libc::ioctl(descriptor, libc::TIOCGPTN, &raw mut number) }).map(drop)
}

/// Gives a terminal its attributes.
pub(crate) fn set_up(
    terminal: BorrowedFd<'_>,
    size: WindowSize,
    is_raw: bool,
) -> Result<(), Errno> {
    set_window_size(terminal.as_raw_fd(), size)?;
    if is_raw {
        make_raw(terminal)?;
    }
    Ok(())
}
