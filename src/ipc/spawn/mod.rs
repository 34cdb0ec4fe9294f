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
use crate::sys::child_setup::{Belongs, Failure, Setup};
use crate::sys::fd::Kept;
use crate::sys::spawn::{self, Abandoned, Exit, Image, Process, Step, Strings, Usage};
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
    /// The file to execute, if it is not the one that the first argument names.
    pub(crate) program: Option<&'a CStr>,
    pub(crate) setup: Setup<'a>,
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
    /// The resources that it has used by then: the fields of [`Usage`].
    usage: [AtomicU64; 5],
    /// Whether it was started as the leader of a process group.
    leads_group: bool,
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
        let candidates = search::candidates(request.program.unwrap_or(name))?;
        let mut streams = Streams::open(&request.streams)?;
        let image = Image {
            candidates: &candidates,
            arguments: request.arguments,
            environment: request.environment,
            directory: request.directory,
            streams: streams.numbers,
            inherits: request.inherits,
            leads_session: request.leads_session,
            setup: &request.setup,
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
            usage: Default::default(),
            leads_group: request.leads_session || request.setup.belongs != Belongs::Parents,
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
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<(Exit, Usage)> {
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
    fn check(&self, options: c_int) -> Result<Option<(Exit, Usage)>> {
        if let Some(known) = self.known() {
            return Ok(Some(known));
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
            Ok(Some((exit, usage))) => {
                // The usage of an ended child does not change, so all threads that come here store the same.
                for (place, number) in self.usage.iter().zip(usage.numbers()) {
                    place.store(number, Ordering::Relaxed);
                }
                // Release: pairs with the Acquire in `known`. Without it a thread that sees the reaping
                // might not see the note.
                self.exit.store(encode(exit), Ordering::Release);
                let _ = self.with_pidfd(|pidfd| spawn::wait(pidfd, libc::WNOHANG));
                Ok(Some((exit, usage)))
            }
            Ok(None) => Ok(None),
            // If another thread has reaped the child, it has made its note before that.
            Err(Errno::ECHILD | Errno::ESRCH) => match self.known() {
                Some(known) => Ok(Some(known)),
                None => Err(self.not_ours()),
            },
            Err(errno) => Err(failed!(errno, "process {}", self.id)),
        }
    }

    /// The note of the child's end.
    fn known(&self) -> Option<(Exit, Usage)> {
        // Acquire: pairs with the Release in `check`, for the usage.
        let exit = decode(self.exit.load(Ordering::Acquire))?;
        let number = |place: usize| self.usage[place].load(Ordering::Relaxed);
        let usage = Usage::from_numbers(core::array::from_fn(number));
        Some((exit, usage))
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

    /// Sends a signal to the group of processes that the child leads.
    pub(crate) fn signal_group(&self, number: c_int) -> Result<()> {
        let id = self.id;
        if !self.leads_group {
            return Err(fail!(
                EINVAL,
                "process {id} was not started as the leader of a process group (IPC_CHILD_NEW_GROUP, IPC_CHILD_NEW_SESSION)"
            ));
        }
        let sent = match self.with_pidfd(|pidfd| spawn::signal_group(pidfd, number)) {
            // Before Linux 6.9. While the child is not reaped, no other group can have its number.
            Err(Errno::EINVAL) if self.known().is_none() => spawn::signal_group_by_id(id, number),
            Err(Errno::EINVAL) if spawn::is_signal(number) => {
                return Err(fail!(
                    ESRCH,
                    "the leader {id} of the group was waited for, and this kernel (before Linux 6.9) cannot find the group without it"
                ));
            }
            sent => sent,
        };
        sent.map_err(|errno| match errno {
            Errno::ESRCH => fail!(ESRCH, "no process of group {id} is left"),
            Errno::EINVAL => fail!(EINVAL, "{number} is not a signal"),
            errno => failed!(errno, "process group {id}"),
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
const DUMPED: u64 = 1 << 34;

fn encode(exit: Exit) -> u64 {
    let (kind, number) = match exit {
        Exit::Code(code) => (ENDED, code),
        Exit::Signal(number) => (ENDED | BY_SIGNAL, number),
        Exit::CoreDump(number) => (ENDED | BY_SIGNAL | DUMPED, number),
    };
    kind | u64::from(number as u32)
}

fn decode(word: u64) -> Option<Exit> {
    let number = word as u32 as c_int;
    match word & (ENDED | BY_SIGNAL | DUMPED) {
        0 => None,
        ENDED => Some(Exit::Code(number)),
        kind if kind & DUMPED == 0 => Some(Exit::Signal(number)),
        _ => Some(Exit::CoreDump(number)),
    }
}

fn failed(
    program: &CStr,
    request: &SpawnRequest<'_>,
    candidates: &[LongCText],
    (step, place, errno): Failure,
) -> Error {
    let name = Escaped(program.to_bytes());
    let place = usize::from(place);
    match step {
        Step::Exec if errno == Errno::ENOENT => not_found(program, candidates),
        Step::Group => failed!(errno, "{name}: it cannot lead a process group or a session"),
        Step::Scheduling => failed!(errno, "{name}: its scheduling cannot be reset"),
        Step::Limit => failed!(
            errno,
            "{name}: resource limit {} (entry {place} of limits) cannot be set",
            request
                .setup
                .limits
                .get(place)
                .map_or(-1, |limit| limit.resource)
        ),
        Step::User => failed!(
            errno,
            "{name}: its user and groups cannot be set (CAP_SETUID, CAP_SETGID)"
        ),
        Step::DeathSignal => failed!(errno, "{name}: it cannot be made to die with its parent"),
        Step::Given => failed!(
            errno,
            "{name}: descriptor {} (entry {place} of descriptors) cannot become its descriptor {}",
            request
                .setup
                .given
                .get(place)
                .map_or(-1, |given| given.source),
            request
                .setup
                .given
                .get(place)
                .map_or(-1, |given| given.number)
        ),
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
        for exit in [
            Exit::Code(0),
            Exit::Code(255),
            Exit::Signal(9),
            Exit::CoreDump(6),
        ] {
            assert_eq!(decode(encode(exit)), Some(exit));
        }
        assert_eq!(decode(0), None);
    }
}
