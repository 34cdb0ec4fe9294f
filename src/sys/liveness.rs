//! Whether the thread that a lock word names is alive.
//!
//! A lock word holds a thread id, and that is not enough to prove a death or a life:
//!
//! - The id stays in use after the thread's end: a killed process has it until its parent waits (a
//!   zombie), and a main thread that has ended has it as long as another thread of the process lives.
//! - The id is used again, for a new thread. So beside the word of a lock stands its owner's *birth*: a
//!   number that no other thread with this id has.
//!
//! Two sources tell both facts. A *pidfd* of one thread (Linux 6.9) is readable after the thread's end,
//! and its inode number is never used for another thread. `/proc/ID/stat` has the thread's state, and the
//! time at which the thread started. Both serve, because neither is enough: before Linux 6.9 a pidfd
//! stands for a process, since Linux 6.15 that of a main thread does not tell of an end before that of the
//! process, and /proc may be missing, hide other users' processes, or belong to another PID namespace.
//!
//! Everything here is slow, for a waiter that has waited long already. It allocates nothing, and no call
//! in it is a cancellation point.

use super::direct::system_call;
use super::fd::Brief;
use super::large;
use crate::base::time::now;
use core::cell::Cell;
use core::ffi::CStr;
use core::fmt::Write;
use core::time::Duration;
use nix::errno::Errno;

/// A thread's birth in 64 bits: the thread's id, where the number comes from, and the number.
///
/// | bits | meaning |
/// |---|---|
/// | 42 to 63 | the thread's id; the largest that Linux gives fits |
/// | 41 | 1: the number is that of a pidfd's inode; 0: the time of the start, in the clock ticks of /proc |
/// | 0 to 40 | the lower bits of the number |
///
/// If the number is 0, the birth is unknown.
///
/// The birth of a *process* is made of its main thread's, and tells too which program the process runs: after exec it
/// is another one ([`birth_of_process`]).
pub(crate) type Birth = u64;

/// A birth in shared memory.
pub(crate) type BirthCell = core::sync::atomic::AtomicU64;

const ID_SHIFT: u32 = 42;
const FROM_PIDFD: u64 = 1 << 41;
const NUMBER: u64 = FROM_PIDFD - 1;
const ID_END: u32 = 1 << (64 - ID_SHIFT);

/// In a process's birth, the lower bits of the number are the main thread's, and the upper ones stand for the program
/// that the process has executed last. Each part is 0 if it is unknown.
const PROGRAM_SHIFT: u32 = 25;
const PROGRAM: u64 = NUMBER & !MAIN_THREAD;
const MAIN_THREAD: u64 = (1 << PROGRAM_SHIFT) - 1;

/// The birth of the living thread with this id; one with the number 0 if it cannot be found out.
pub(crate) fn birth_of(id: u32) -> Birth {
    match Pidfd::of_thread(id) {
        Ok(pidfd) => birth_by(Some(&pidfd), id),
        Err(_) => birth_by(None, id),
    }
}

/// Whether `birth` is that of another thread with the id of the thread that was born at `own`: one that
/// has ended.
#[inline(always)]
pub(crate) fn is_predecessor(birth: Birth, own: Birth) -> bool {
    // The highest bit that differs is one of the number, not of the id or the source.
    birth != own && (birth ^ own) <= NUMBER && birth & NUMBER != 0 && own & NUMBER != 0
}

/// The birth of the living process with this id. Exec keeps a process's id and its pidfd. What changes is the address
/// at which the process's stack begins: the kernel chooses another one for each exec. /proc shows it to those who may
/// look into the process: the user's own processes, and root.
#[cold]
pub(crate) fn birth_of_process(id: u32) -> Birth {
    let main_thread = birth_of(id);
    let number = match main_thread & NUMBER {
        0 => 0,
        // Never 0.
        number => number % MAIN_THREAD + 1,
    };
    main_thread & !NUMBER | number | program_of(id) << PROGRAM_SHIFT
}

/// A number for the program that a process has executed last; 0 if it is unknown.
fn program_of(id: u32) -> u64 {
    let Some(stack) = Stat::of_main_thread(id).and_then(|stat| stat.start_of_stack()) else {
        return 0;
    };
    // Multiplicative hashing (Knuth): the upper bits depend on all bits of the address.
    let hash = stack.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PROGRAM.count_ones());
    hash.max(1)
}

/// Whether these are two processes, or two programs of one process. Both have the same id.
fn is_another_process(birth: Birth, now: Birth) -> bool {
    let differs = |part: u64| birth & part != 0 && now & part != 0 && (birth ^ now) & part != 0;
    let has_same_source = (birth ^ now) & !NUMBER == 0;
    has_same_source && differs(MAIN_THREAD) || differs(PROGRAM)
}

/// The id of the thread with this birth.
pub(crate) fn id_of(birth: Birth) -> u32 {
    (birth >> ID_SHIFT) as u32
}

/// Whether no thread has this id in this PID namespace. Much cheaper than [`is_gone`], and proves less.
pub(crate) fn has_no_thread(id: u32) -> bool {
    // kill() takes 0 and negative numbers for groups. It accepts the ids of threads too.
    if id == 0 || id > i32::MAX as u32 {
        return false;
    }
    // SAFETY: for signal 0 the kernel only searches for the id and sends nothing.
    let found = unsafe { system_call(libc::SYS_kill, [id as usize, 0, 0, 0, 0, 0]) };
    found == Err(Errno::ESRCH)
}

/// Whether the thread with this id could end without the kernel marking its locks, although it does nothing
/// unusual: a thread other than its process's main one may call exec, and then gets another id first. An exec
/// in this process would end the caller too.
pub(crate) fn may_end_unnoticed(id: u32) -> bool {
    let is_in = |process: u32| {
        let arguments = [process as usize, id as usize, 0, 0, 0, 0];
        // SAFETY: for signal 0 the kernel only searches for the thread and sends nothing.
        let found = unsafe { system_call(libc::SYS_tgkill, arguments) };
        matches!(found, Ok(_) | Err(Errno::EPERM))
    };
    id != 0 && id <= i32::MAX as u32 && !is_in(id) && !is_in(super::process::id())
}

/// Whether a living thread of this process has this id.
pub(crate) fn is_in_this_process(id: u32) -> bool {
    let arguments = [super::process::id() as usize, id as usize, 0, 0, 0, 0];
    // SAFETY: for signal 0 the kernel only searches for the thread and sends nothing.
    id != 0 && id <= i32::MAX as u32 && unsafe { system_call(libc::SYS_tgkill, arguments) }.is_ok()
}

thread_local! {
    /// The owner that this thread has found alive last, and until when that answer serves.
    static FOUND_ALIVE: Cell<(u32, Birth, Duration)> = const { Cell::new((0, 0, Duration::ZERO)) };
}

/// How long "alive" serves as an answer. A program that tries a busy lock in a loop would otherwise pay some
/// ten system calls for each attempt.
const ALIVE_SERVES: Duration = Duration::from_millis(1);

/// Whether the thread that had this id and this birth has ended. True proves it. False may mean that it ended
/// in the last millisecond, or that there is no proof: the birth is unknown and another thread has the id by
/// now, or neither pidfds nor /proc can be used here.
pub(crate) fn is_gone(id: u32, birth: Birth) -> bool {
    if id == 0 || id > i32::MAX as u32 {
        return false;
    }
    if has_no_thread(id) {
        return true;
    }
    let (last_id, last_birth, until) = FOUND_ALIVE.get();
    if (last_id, last_birth) == (id, birth) && now() < until {
        return false;
    }
    let is_gone = is_proved_gone(id, birth);
    if !is_gone {
        FOUND_ALIVE.set((id, birth, now() + ALIVE_SERVES));
    }
    is_gone
}

/// Whether the whole process with this [birth](birth_of_process) has ended, with all its threads, or has executed another
/// program. True proves it, as for [`is_gone`]. A process whose main thread has ended lives as long as another thread of it
/// does.
pub(crate) fn is_process_gone(birth: Birth) -> bool {
    let id = id_of(birth);
    id != 0 && (has_ended(id) || is_another_process(birth, birth_of_process(id)))
}

/// Whether the receiver with this [birth](birth_of) has ended: a thread, or, if the id is a process's, all threads of that
/// process. True proves it, as for [`is_gone`]. A process that executes another program stays the receiver.
pub(crate) fn is_receiver_gone(birth: Birth) -> bool {
    let id = id_of(birth);
    id != 0 && (has_ended(id) || is_predecessor(birth, birth_of(id)))
}

/// Whether no thread has the id, or the process that has it has ended with all its threads.
fn has_ended(id: u32) -> bool {
    if has_no_thread(id) {
        return true;
    }
    match Pidfd::of_process(id) {
        Ok(pidfd) => pidfd.is_readable(),
        Err(errno) => errno == Errno::ESRCH,
    }
}

fn is_proved_gone(id: u32, birth: Birth) -> bool {
    let pidfd = match Pidfd::of_thread(id) {
        Ok(pidfd) if pidfd.is_readable() => return true,
        Ok(pidfd) => Some(pidfd),
        Err(Errno::ESRCH) => return true,
        // Before Linux 6.9. It succeeds for the id of a process, and tells of the end of all its threads.
        Err(Errno::EINVAL) if Pidfd::of_process(id).is_ok_and(|pidfd| pidfd.is_readable()) => {
            return true;
        }
        Err(_) => None,
    };
    if id_of(birth) == id && is_predecessor(birth, birth_by(pidfd.as_ref(), id)) {
        return true;
    }
    // The state is 'Z' or 'X' when the kernel has gone through the thread's robust list.
    Stat::of(id).is_some_and(|stat| matches!(stat.state(), Some(b'Z' | b'X' | b'x')))
}

fn birth_by(pidfd: Option<&Pidfd>, id: u32) -> Birth {
    if id >= ID_END {
        return 0;
    }
    let number = match pidfd.and_then(Pidfd::inode) {
        Some(inode) => FROM_PIDFD | (inode & NUMBER),
        None => match start_time(id) {
            Some(ticks) => ticks & NUMBER,
            None => 0,
        },
    };
    u64::from(id) << ID_SHIFT | number
}

/// When the thread started. `None` in a time namespace of its own, where /proc shows other times than the
/// other processes read.
fn start_time(id: u32) -> Option<u64> {
    // PROC_TIME_INIT_INO: the number of the first time namespace.
    const FIRST: u64 = 0xEFFF_FFFA;
    match large::stat(c"/proc/self/ns/time") {
        Ok(found) if found.st_ino != FIRST => None,
        // A kernel without time namespaces (before Linux 5.6) has no such file.
        Ok(_) | Err(Errno::ENOENT) => Stat::of(id)?.start_time(),
        Err(_) => None,
    }
}

/// A descriptor for a thread or a process.
struct Pidfd(Brief);

impl Pidfd {
    fn of_thread(id: u32) -> Result<Pidfd, Errno> {
        // PIDFD_THREAD of <linux/pidfd.h>.
        Brief::pidfd(id, libc::O_EXCL as usize).map(Pidfd)
    }

    fn of_process(id: u32) -> Result<Pidfd, Errno> {
        Brief::pidfd(id, 0).map(Pidfd)
    }

    fn is_readable(&self) -> bool {
        let mut list = libc::pollfd {
            fd: self.0.number() as i32,
            events: libc::POLLIN,
            revents: 0,
        };
        let now = large::Time::ZERO;
        let (list, now) = (&raw mut list as usize, &raw const now as usize);
        // SAFETY: one entry and the time outlive the call; without a mask the last two count for nothing.
        let ready = unsafe { system_call(large::call::PPOLL, [list, 1, now, 0, 0, 0]) };
        ready == Ok(1)
    }

    /// The inode number, if it tells threads apart: those of pidfds do that since Linux 6.9.
    fn inode(&self) -> Option<u64> {
        const PID_FS_MAGIC: u32 = 0x5049_4446;
        let pidfd = self.0.number() as i32;
        let is_pidfs = large::file_system(pidfd).ok()? == PID_FS_MAGIC;
        let inode = large::fstat(pidfd).ok()?.st_ino;
        is_pidfs.then_some(inode)
    }
}

/// The text of `/proc/ID/stat`: `ID (NAME) STATE ...`.
struct Stat {
    text: [u8; 512],
    length: usize,
}

impl Stat {
    fn of(id: u32) -> Option<Stat> {
        Stat::at(format_args!("/proc/{id}/stat"))
    }

    /// As seen by others: emulators show a process another file under the plain name.
    fn of_main_thread(id: u32) -> Option<Stat> {
        Stat::at(format_args!("/proc/{id}/task/{id}/stat"))
    }

    fn at(name: core::fmt::Arguments<'_>) -> Option<Stat> {
        if !proc_is_of_this_namespace() {
            return None;
        }
        let mut path = Path::default();
        path.write_fmt(name).ok()?;
        let mut stat = Stat {
            text: [0; 512],
            length: 0,
        };
        stat.length = read(path.as_c_str()?, &mut stat.text)?;
        Some(stat)
    }

    /// The fields behind the name. The name may hold spaces and parentheses, and numbers follow it.
    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let text = &self.text[..self.length];
        let end = text.iter().rposition(|&byte| byte == b')');
        let behind = end.map_or(&text[..0], |end| &text[end + 1..]);
        behind
            .split(|&byte| byte == b' ')
            .filter(|field| !field.is_empty())
    }

    fn state(&self) -> Option<u8> {
        self.fields().next()?.first().copied()
    }

    /// In clock ticks since the machine started.
    fn start_time(&self) -> Option<u64> {
        self.number(22)
    }

    /// The address at which the stack begins. `None` if this process may not know it, or the main thread has ended.
    fn start_of_stack(&self) -> Option<u64> {
        self.number(28).filter(|&address| address > 1)
    }

    /// The field with this number, as proc(5) counts them. The state is the third.
    fn number(&self, number: usize) -> Option<u64> {
        let field = self.fields().nth(number - 3)?;
        core::str::from_utf8(field).ok()?.parse().ok()
    }
}

/// Whether /proc shows the ids of this process's PID namespace. A container may see the /proc of its host.
fn proc_is_of_this_namespace() -> bool {
    let mut text = [0; 24];
    let place = text.as_mut_ptr() as usize;
    let here = libc::AT_FDCWD as usize;
    let path = c"/proc/self".as_ptr() as usize;
    // SAFETY: the path is a C string, and the kernel writes at most the given number of bytes.
    let length =
        unsafe { system_call(libc::SYS_readlinkat, [here, path, place, text.len(), 0, 0]) };
    let own = length.ok().and_then(|length| text.get(..length));
    let own = own.and_then(|own| core::str::from_utf8(own).ok()?.parse().ok());
    own == Some(super::process::id())
}

/// Reads the beginning of a file. Returns how many bytes.
fn read(path: &CStr, text: &mut [u8]) -> Option<usize> {
    let file = Brief::open(path).ok()?;
    let place = text.as_mut_ptr() as usize;
    let arguments = [file.number(), place, text.len(), 0, 0, 0];
    // SAFETY: the kernel writes at most the given number of bytes.
    unsafe { system_call(libc::SYS_read, arguments) }.ok()
}

/// A short path, written without an allocation.
#[derive(Default)]
struct Path {
    bytes: [u8; 32],
    length: usize,
}

impl Path {
    fn as_c_str(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.bytes).ok()
    }
}

impl Write for Path {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.length + text.len();
        // The last byte stays 0.
        let place = self.bytes[..31]
            .get_mut(self.length..end)
            .ok_or(core::fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn own_id() -> u32 {
        nix::unistd::gettid().as_raw().unsigned_abs()
    }

    #[test]
    fn a_living_thread_is_not_gone_whatever_is_known_of_its_birth() {
        let birth = birth_of(own_id());
        assert_ne!(birth & NUMBER, 0);
        assert!(!is_gone(own_id(), birth));
        assert!(!is_gone(own_id(), birth & !NUMBER));
        assert!(!is_gone(own_id(), 0));
        // The birth of another thread's id says nothing about this one.
        assert!(!is_gone(own_id(), birth ^ 1 << ID_SHIFT));
    }

    #[test]
    fn a_birth_tells_threads_apart() {
        let other = std::thread::scope(|scope| scope.spawn(|| birth_of(own_id())).join().unwrap());
        assert_ne!(other, birth_of(own_id()));
    }

    #[test]
    fn an_id_with_another_birth_is_gone_and_with_one_from_another_source_is_not() {
        let birth = birth_of(own_id());
        assert!(is_gone(own_id(), birth ^ 1));
        assert!(!is_gone(own_id(), birth ^ FROM_PIDFD));
        let by_time = birth_by(None, own_id());
        assert_ne!(by_time & NUMBER, 0);
        assert!(!is_gone(own_id(), by_time));
    }

    #[test]
    fn an_ended_thread_and_an_unreaped_process_are_gone() {
        let ended = std::thread::scope(|scope| scope.spawn(own_id).join().unwrap());
        assert!(is_gone(ended, 0));
        // SAFETY: the child calls only _exit.
        let child = match unsafe { nix::unistd::fork() }.unwrap() {
            // SAFETY: it runs no code of this process.
            nix::unistd::ForkResult::Child => unsafe { libc::_exit(0) },
            nix::unistd::ForkResult::Parent { child } => child,
        };
        let id = child.as_raw().unsigned_abs();
        let flags = nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT;
        nix::sys::wait::waitid(nix::sys::wait::Id::Pid(child), flags).unwrap();
        assert!(is_gone(id, 0));
        assert_eq!(Stat::of(id).unwrap().state(), Some(b'Z'));
        nix::sys::wait::waitpid(child, None).unwrap();
        assert!(is_gone(id, 0));
    }

    #[test]
    fn a_process_lives_as_long_as_one_of_its_threads() {
        let birth = birth_of_process(super::super::process::id());
        assert!(!is_process_gone(birth));
        assert!(is_process_gone(birth ^ 1));
        assert!(!is_process_gone(0));
        // SAFETY: the child calls only pause and _exit.
        let child = match unsafe { nix::unistd::fork() }.unwrap() {
            nix::unistd::ForkResult::Child => {
                nix::unistd::pause();
                // SAFETY: it runs no code of this process.
                unsafe { libc::_exit(0) }
            }
            nix::unistd::ForkResult::Parent { child } => child,
        };
        let birth = birth_of_process(child.as_raw().unsigned_abs());
        assert!(!is_process_gone(birth));
        nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL).unwrap();
        let flags = nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT;
        nix::sys::wait::waitid(nix::sys::wait::Id::Pid(child), flags).unwrap();
        assert!(is_process_gone(birth));
        nix::sys::wait::waitpid(child, None).unwrap();
        assert!(is_process_gone(birth));
    }

    #[test]
    fn no_id_is_never_gone() {
        assert!(!is_gone(0, 0));
        assert!(!is_gone(u32::MAX, 0));
    }

    #[test]
    fn a_name_of_parentheses_does_not_hide_the_state() {
        let mut stat = Stat {
            text: [0; 512],
            length: 0,
        };
        let text = b"7 (a) S 1 (b)) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20";
        stat.text[..text.len()].copy_from_slice(text);
        stat.length = text.len();
        assert_eq!(stat.state(), Some(b'Z'));
        assert_eq!(stat.start_time(), Some(777));
    }
}
