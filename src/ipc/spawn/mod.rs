//! Child processes: started with the standard streams that are asked for, waited for and signalled.
//!
//! A child is known by its pidfd. Its number may belong to another process once it has ended; its
//! pidfd never does.

mod exchange;
mod search;
mod streams;

pub(crate) use exchange::{Exchange, Sink};
pub(crate) use streams::Stream;

use crate::base::alloc::LongCText;
use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::text::Escaped;
use crate::base::time::Deadline;
use crate::sys::fd::Kept;
use crate::sys::spawn::{self, Abandoned, Exit, Image, Process, Step, Strings};
use core::ffi::{CStr, c_int};
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicU64, Ordering};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use streams::{NAMES, Streams};

/// A program to start, and how.
pub(crate) struct SpawnRequest<'a> {
    pub(crate) arguments: Strings<'a>,
    pub(crate) environment: Strings<'a>,
    pub(crate) directory: Option<&'a CStr>,
    pub(crate) streams: [Stream<'a>; 3],
    pub(crate) inherits: bool,
    /// Whether the child leads a new session, controlled by the terminal that is its standard input.
    pub(crate) leads_session: bool,
}

/// A process that this one has started.
pub(crate) struct Child {
    id: libc::pid_t,
    /// Taken out by drop, which may have to keep it.
    process: ManuallyDrop<Box<Abandoned>>,
    /// Whether the child's standard input was a pipe at the start.
    is_fed: bool,
    /// This process's ends of the pipes on the child's standard streams.
    ends: [Kept; 3],
    /// How the child ended, once that is known, as [`encode`] writes it.
    exit: AtomicU64,
}

impl Child {
    pub(crate) fn start(request: &SpawnRequest<'_>) -> Result<Child> {
        spawn::reap_abandoned();
        let Some(name) = request.arguments.first() else {
            return Err(fail!(
                EINVAL,
                "the arguments are empty; expected a program's name first"
            ));
        };
        let candidates = search::candidates(name)?;
        let mut streams = Streams::open(&request.streams)?;
        let image = Image {
            candidates: &candidates,
            arguments: request.arguments,
            environment: request.environment,
            directory: request.directory,
            streams: streams.numbers,
            inherits: request.inherits,
            leads_session: request.leads_session,
        };
        let is_fed = streams.ours[0].is_some();
        // Before the start, so that nothing can fail after it.
        let ends = [Kept::none(), Kept::none(), Kept::none()];
        for (end, ours) in ends.iter().zip(&mut streams.ours) {
            if let Some(file) = ours.take() {
                end.put(file)?;
            }
        }
        let room = spawn::room_to_abandon()?;
        let process =
            spawn::start(&image).map_err(|failure| failed(name, request, &candidates, failure))?;
        Ok(Child {
            id: process.id(),
            process: ManuallyDrop::new(spawn::abandonable(room, process)),
            is_fed,
            ends,
            exit: AtomicU64::new(0),
        })
    }

    pub(crate) fn id(&self) -> libc::pid_t {
        self.id
    }

    fn process(&self) -> &Process {
        self.process.process()
    }

    pub(crate) fn descriptor(&self) -> Result<RawFd> {
        match self.process().pidfd() {
            Ok(pidfd) => Ok(pidfd.as_raw_fd()),
            Err(errno) => Err(fail!(
                (errno),
                "process {}: its descriptor was closed outside the library",
                self.id
            )),
        }
    }

    fn with_pidfd<T>(
        &self,
        use_it: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        self.process().with_pidfd(use_it)
    }

    /// This process's end of the pipe on the child's stream 0, 1 or 2.
    pub(crate) fn end(&self, stream: usize) -> Result<RawFd> {
        match self.ends[stream].get() {
            Ok(end) => Ok(end.as_raw_fd()),
            Err(_) => Err(fail!(
                EBADF,
                "the child's {} is not a pipe of this handle, or is closed",
                NAMES[stream]
            )),
        }
    }

    /// Closes this process's end of a stream. The child then reads the end of the file, or fails to
    /// write.
    pub(crate) fn close_end(&self, stream: usize) -> Result<()> {
        self.end(stream)?;
        self.ends[stream].close();
        Ok(())
    }

    /// Waits until the child has ended.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Exit> {
        if let Some(exit) = self.check(libc::WNOHANG)? {
            return Ok(exit);
        }
        let id = self.id;
        match self.with_pidfd(|pidfd| spawn::wait_for_end(pidfd, deadline)) {
            Ok(true) => {}
            Ok(false) if deadline == Deadline::Now => {
                return Err(fail!(EAGAIN, "process {id} is still running"));
            }
            Ok(false) => return Err(fail!(ETIMEDOUT, "process {id} is still running")),
            Err(errno) => return Err(failed!(errno, "process {id}")),
        }
        match self.check(0)? {
            Some(exit) => Ok(exit),
            None => Err(self.not_ours()),
        }
    }

    /// How the child ended, if it has. It is then reaped.
    fn check(&self, options: c_int) -> Result<Option<Exit>> {
        if let Some(exit) = decode(self.exit.load(Ordering::Relaxed)) {
            return Ok(Some(exit));
        }
        // The first wait leaves the child unreaped, so its end is noted before it is reaped. A second
        // thread that finds it reaped then finds the note.
        let found = loop {
            match self.with_pidfd(|pidfd| spawn::wait(pidfd, options | libc::WNOWAIT)) {
                Err(Errno::EINTR) => {}
                found => break found,
            }
        };
        match found {
            Ok(Some(exit)) => {
                // Release: pairs with the Acquire below. Without it a thread that sees the reaping
                // might not see the note.
                self.exit.store(encode(exit), Ordering::Release);
                let _ = self.with_pidfd(|pidfd| spawn::wait(pidfd, libc::WNOHANG));
                Ok(Some(exit))
            }
            Ok(None) => Ok(None),
            // Acquire: another thread has reaped the child, and has made its note before that.
            Err(Errno::ECHILD | Errno::ESRCH) => match decode(self.exit.load(Ordering::Acquire)) {
                Some(exit) => Ok(Some(exit)),
                None => Err(self.not_ours()),
            },
            Err(errno) => Err(failed!(errno, "process {}", self.id)),
        }
    }

    fn not_ours(&self) -> Error {
        fail!(
            ECHILD,
            "process {}: how it ended is not known here: only the process that started it is told, and only if it does not ignore SIGCHLD or wait for any child elsewhere",
            self.id
        )
    }

    pub(crate) fn send_signal(&self, number: c_int) -> Result<()> {
        self.with_pidfd(|pidfd| spawn::send_signal(pidfd, number))
            .map_err(|errno| match errno {
                Errno::ESRCH => fail!(ESRCH, "process {} has ended", self.id),
                Errno::EINVAL => fail!(EINVAL, "{number} is not a signal"),
                errno => failed!(errno, "process {}", self.id),
            })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        spawn::reap_abandoned();
        // A running child has to be reaped later.
        let is_running = matches!(self.check(libc::WNOHANG), Ok(None));
        // SAFETY: nothing uses the field after this drop.
        let process = unsafe { ManuallyDrop::take(&mut self.process) };
        if is_running {
            spawn::abandon(process);
        }
    }
}

const ENDED: u64 = 1 << 32;
const BY_SIGNAL: u64 = 1 << 33;

fn encode(exit: Exit) -> u64 {
    match exit {
        Exit::Code(code) => ENDED | u64::from(code.unsigned_abs()),
        Exit::Signal(number) => ENDED | BY_SIGNAL | u64::from(number.unsigned_abs()),
    }
}

fn decode(word: u64) -> Option<Exit> {
    let number = word as u32 as c_int;
    match word & (ENDED | BY_SIGNAL) {
        0 => None,
        ENDED => Some(Exit::Code(number)),
        _ => Some(Exit::Signal(number)),
    }
}

fn failed(
    program: &CStr,
    request: &SpawnRequest<'_>,
    candidates: &[LongCText],
    (step, errno): (Step, Errno),
) -> Error {
    let name = Escaped(program.to_bytes());
    match step {
        Step::Exec if errno == Errno::ENOENT => not_found(program, candidates),
        Step::Exec => failed!(errno, "{name}: cannot be executed"),
        Step::Directory => failed!(
            errno,
            "{name}: the directory {}",
            Escaped(request.directory.unwrap_or_default().to_bytes())
        ),
        Step::Descriptors => failed!(errno, "{name}: its descriptors cannot be arranged"),
        Step::Terminal => failed!(
            errno,
            "{name}: the terminal cannot become its controlling terminal"
        ),
        Step::Clone if errno == Errno::EAGAIN => fail!(
            EAGAIN,
            "{name}: no more processes are allowed (RLIMIT_NPROC, kernel.pid_max, or the control group's pids.max)"
        ),
        Step::Clone => failed!(errno, "{name}: no process can be created"),
    }
}

/// The error if no program was found. If there is a file, what is missing is the program that runs it.
#[cold]
fn not_found(name: &CStr, candidates: &[LongCText]) -> Error {
    let shown = Escaped(name.to_bytes());
    // The longest first line that the kernel reads, and its end.
    let mut start = [0; 257];
    let found = candidates
        .iter()
        .find_map(|path| spawn::start_of_file(path, &mut start).ok());
    let Some(length) = found else {
        return failed!(Errno::ENOENT, "{shown}: cannot be executed");
    };
    let Some(line) = start[..length].strip_prefix(b"#!") else {
        return fail!(
            ENOENT,
            "{shown}: cannot be executed: the file exists, but the loader that it names does not"
        );
    };
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or(line);
    let words = line.trim_ascii_start();
    let interpreter = words
        .split(|&byte| byte == b' ' || byte == b'\t')
        .next()
        .unwrap_or(words);
    let interpreter = Escaped(interpreter);
    match line.last() {
        Some(b'\r') => fail!(
            ENOENT,
            "{shown}: cannot be executed: its first line ends with CR LF, so its interpreter is \"{interpreter}\", which does not exist"
        ),
        _ => fail!(
            ENOENT,
            "{shown}: cannot be executed: its interpreter \"{interpreter}\" does not exist"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_kept_as_it_was() {
        for exit in [Exit::Code(0), Exit::Code(255), Exit::Signal(9)] {
            assert_eq!(decode(encode(exit)), Some(exit));
        }
        assert_eq!(decode(0), None);
    }
}
