//! Child processes: started with their standard streams where they are wanted, waited for and
//! signalled by pidfd, so that never another process that got the same number is meant.

use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::text::Escaped;
use crate::base::time::Deadline;
use crate::sys::ready::{self, READABLE, WRITABLE};
use crate::sys::spawn::{self, Exit, Image, Step, Strings};
use crate::sys::{pipe, stream};
use core::ffi::{CStr, c_int};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use nix::fcntl::OFlag;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// Where programs are looked for if there is no PATH, as execvp does.
const DEFAULT_PATH: &CStr = c"/bin:/usr/bin";

const NAMES: [&str; 3] = ["standard input", "standard output", "standard error"];

/// Where one of a child's standard streams leads.
#[derive(Clone, Copy)]
pub(crate) enum Stream<'a> {
    /// Where this process's does.
    Inherited,
    Pipe,
    Descriptor(RawFd),
    /// A file: read by the child, or made and emptied to be written.
    File(&'a CStr),
    /// A file to be written at its end.
    Append(&'a CStr),
    Null,
    /// Where the child's standard output does.
    Merged,
}

/// What to start.
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
    pidfd: Arc<OwnedFd>,
    /// Whether its standard input was a pipe at first.
    is_fed: bool,
    /// Our ends of the pipes on its standard streams; -1 for none.
    ends: [End; 3],
    /// How it ended, once that is known: `encode`.
    exit: AtomicU64,
}

/// One end of a pipe that can be closed while its owner is shared.
struct End(AtomicI32);

impl End {
    fn new(file: Option<OwnedFd>) -> End {
        End(AtomicI32::new(file.map_or(-1, OwnedFd::into_raw_fd)))
    }

    fn number(&self) -> RawFd {
        // Relaxed: a number, nothing behind it.
        self.0.load(Ordering::Relaxed)
    }

    fn close(&self) -> bool {
        let number = self.0.swap(-1, Ordering::Relaxed);
        if number < 0 {
            return false;
        }
        // SAFETY: the number came from an OwnedFd, and the swap gave it to this call alone.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
        true
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close();
    }
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
        let candidates = candidates(name);
        let mut theirs: [Option<OwnedFd>; 3] = [None, None, None];
        let mut ours: [Option<OwnedFd>; 3] = [None, None, None];
        for (number, &stream) in request.streams.iter().enumerate() {
            (theirs[number], ours[number]) = prepare(number, stream)?;
        }
        let mut streams = theirs
            .each_ref()
            .map(|file| file.as_ref().map_or(-1, |file| file.as_raw_fd()));
        if let Stream::Merged = request.streams[2] {
            if streams[1] < 0 {
                theirs[2] = Some(spawn::duplicate(1).map_err(|errno| unusable(2, errno))?);
                streams[2] = theirs[2].as_ref().map_or(-1, |file| file.as_raw_fd());
            } else {
                streams[2] = streams[1];
            }
        }
        let image = Image {
            candidates: &candidates,
            arguments: request.arguments,
            environment: request.environment,
            directory: request.directory,
            streams,
            inherits: request.inherits,
            leads_session: request.leads_session,
        };
        let started = spawn::start(&image).map_err(|failure| failed(name, request, failure))?;
        Ok(Child {
            id: started.id,
            pidfd: Arc::new(started.pidfd),
            is_fed: ours[0].is_some(),
            ends: ours.map(End::new),
            exit: AtomicU64::new(0),
        })
    }

    pub(crate) fn id(&self) -> libc::pid_t {
        self.id
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.pidfd.as_raw_fd()
    }

    /// Our end of the pipe on its stream 0, 1 or 2.
    pub(crate) fn end(&self, stream: usize) -> Result<RawFd> {
        match self.ends[stream].number() {
            -1 => Err(fail!(
                EBADF,
                "the child's {} is not a pipe of this handle, or is closed",
                NAMES[stream]
            )),
            number => Ok(number),
        }
    }

    /// Closes our end of its stream: the child reads end of file, or writes to nobody.
    pub(crate) fn close_end(&self, stream: usize) -> Result<()> {
        self.end(stream)?;
        self.ends[stream].close();
        Ok(())
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Exit> {
        if let Some(exit) = self.look(libc::WNOHANG)? {
            return Ok(exit);
        }
        let id = self.id;
        match spawn::wait_for_end(self.pidfd.as_fd(), deadline) {
            Ok(true) => {}
            Ok(false) if deadline == Deadline::Now => {
                return Err(fail!(EAGAIN, "process {id} is still running"));
            }
            Ok(false) => return Err(fail!(ETIMEDOUT, "process {id} is still running")),
            Err(errno) => return Err(failed!(errno, "process {id}")),
        }
        match self.look(0)? {
            Some(exit) => Ok(exit),
            None => Err(self.not_ours()),
        }
    }

    /// How it ended, if it has. It is then reaped.
    fn look(&self, options: c_int) -> Result<Option<Exit>> {
        if let Some(exit) = decode(self.exit.load(Ordering::Relaxed)) {
            return Ok(Some(exit));
        }
        // First a look that leaves it as it is, so that its end is noted before it is reaped: a second
        // thread that finds it reaped finds the note.
        let found = loop {
            match spawn::wait(self.pidfd.as_fd(), options | libc::WNOWAIT) {
                Err(Errno::EINTR) => {}
                found => break found,
            }
        };
        match found {
            Ok(Some(exit)) => {
                // Release pairs with the Acquire below.
                self.exit.store(encode(exit), Ordering::Release);
                let _ = spawn::wait(self.pidfd.as_fd(), libc::WNOHANG);
                Ok(Some(exit))
            }
            Ok(None) => Ok(None),
            // Acquire: the note was made before the reaping that this call has seen.
            Err(Errno::ECHILD) => match decode(self.exit.load(Ordering::Acquire)) {
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
        spawn::send_signal(self.pidfd.as_fd(), number).map_err(|errno| match errno {
            Errno::ESRCH => fail!(ESRCH, "process {} has ended", self.id),
            Errno::EINVAL => fail!(EINVAL, "{number} is not a signal"),
            errno => failed!(errno, "process {}", self.id),
        })
    }

    /// Feeds the child and collects what it writes, whichever is possible first, until it has had all
    /// its input and has closed its outputs.
    pub(crate) fn communicate(
        &self,
        exchange: &mut Exchange<'_>,
        deadline: Deadline,
    ) -> Result<()> {
        let [input, output, error] = &self.ends;
        if !self.is_fed && !exchange.input.is_empty() {
            return Err(fail!(
                EINVAL,
                "there is input for the child, but its {} is not a pipe of this handle",
                NAMES[0]
            ));
        }
        loop {
            if exchange.input.is_empty() {
                input.close();
            }
            let mut list = [
                ready::watch(input.number(), WRITABLE),
                ready::watch(output.number(), READABLE),
                ready::watch(error.number(), READABLE),
            ];
            if list.iter().all(|entry| entry.fd < 0) {
                return Ok(());
            }
            match ready::wait_any(&mut list, deadline) {
                Ok(true) => {}
                Ok(false) if deadline == Deadline::Now => {
                    return Err(fail!(EAGAIN, "process {} is not ready yet", self.id));
                }
                Ok(false) => {
                    return Err(fail!(ETIMEDOUT, "process {} is not ready yet", self.id));
                }
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(failed!(errno, "process {}", self.id)),
            }
            if list[0].revents != 0 {
                exchange.feed(input)?;
            }
            if list[1].revents != 0 {
                exchange.output.collect(output, list[1].revents, NAMES[1])?;
            }
            if list[2].revents != 0 {
                exchange.error.collect(error, list[2].revents, NAMES[2])?;
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        spawn::reap_abandoned();
        // Running, so somebody has to reap it later.
        if let Ok(None) = self.look(libc::WNOHANG) {
            spawn::abandon(Arc::clone(&self.pidfd));
        }
    }
}

/// What goes to a child and comes from it. Each part is what is left: it shrinks as bytes go.
pub(crate) struct Exchange<'a> {
    pub(crate) input: &'a [MaybeUninit<u8>],
    pub(crate) output: Sink<'a>,
    pub(crate) error: Sink<'a>,
}

/// Where one of a child's outputs is collected.
pub(crate) struct Sink<'a> {
    /// The room that is left; none at all when the output is not wanted.
    pub(crate) room: Option<&'a mut [MaybeUninit<u8>]>,
    pub(crate) count: usize,
}

impl Exchange<'_> {
    fn feed(&mut self, end: &End) -> Result<()> {
        match stream::write_now(end.number(), self.input) {
            Ok(count) => self.input = &self.input[count..],
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // It wants no more, which is its right: what it has not taken is still in the input.
            Err(Errno::EPIPE) => drop(end.close()),
            Err(errno) => return Err(failed!(errno, "{}", NAMES[0])),
        }
        Ok(())
    }
}

impl Sink<'_> {
    fn collect(&mut self, end: &End, events: i16, name: &str) -> Result<()> {
        let mut thrown_away = [MaybeUninit::uninit(); 4096];
        let room = match &mut self.room {
            Some(room) => &mut **room,
            None => &mut thrown_away,
        };
        if room.is_empty() && events & libc::POLLIN != 0 {
            return Err(fail!(
                ENOBUFS,
                "the child's {name}: {} bytes fill the buffer, and there are more",
                self.count
            ));
        }
        let outcome = if room.is_empty() {
            Ok(0)
        } else {
            stream::read_now(end.number(), room)
        };
        match outcome {
            Ok(0) => drop(end.close()),
            Ok(count) => {
                self.count += count;
                if let Some(room) = self.room.take() {
                    self.room = Some(&mut room[count..]);
                }
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(failed!(errno, "{name}")),
        }
        Ok(())
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

/// The files that may be meant by a program's name.
fn candidates(name: &CStr) -> Vec<CString> {
    if name.to_bytes().contains(&b'/') {
        return vec![name.to_owned()];
    }
    let path = spawn::variable(c"PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned());
    search(name, &path)
}

fn search(name: &CStr, path: &CStr) -> Vec<CString> {
    if name.is_empty() {
        return Vec::new();
    }
    let directories = path.to_bytes().split(|&byte| byte == b':');
    directories
        .filter_map(|directory| {
            let mut file = directory.to_vec();
            if !file.is_empty() {
                file.push(b'/');
            }
            file.extend_from_slice(name.to_bytes());
            CString::new(file).ok()
        })
        .collect()
}

/// Opens what a stream needs: the child's side and ours.
fn prepare(number: usize, stream: Stream<'_>) -> Result<(Option<OwnedFd>, Option<OwnedFd>)> {
    let reads = number == 0;
    let write = OFlag::O_WRONLY | OFlag::O_CREAT;
    let file = match stream {
        Stream::Inherited | Stream::Merged => return Ok((None, None)),
        Stream::Pipe => {
            let (reader, writer) =
                pipe::create(true, false).map_err(|errno| unusable(number, errno))?;
            let reader = spawn::lift(reader).map_err(|errno| unusable(number, errno))?;
            let writer = spawn::lift(writer).map_err(|errno| unusable(number, errno))?;
            return Ok(if reads {
                (Some(reader), Some(writer))
            } else {
                (Some(writer), Some(reader))
            });
        }
        Stream::Descriptor(given) => spawn::duplicate(given)
            .map_err(|errno| failed!(errno, "the child's {}: descriptor {given}", NAMES[number]))?,
        Stream::File(path) if reads => open(number, path, OFlag::O_RDONLY)?,
        Stream::File(path) => open(number, path, write | OFlag::O_TRUNC)?,
        Stream::Append(path) => open(number, path, write | OFlag::O_APPEND)?,
        Stream::Null => open(number, c"/dev/null", OFlag::O_RDWR)?,
    };
    Ok((Some(file), None))
}

fn open(number: usize, path: &CStr, flags: OFlag) -> Result<OwnedFd> {
    spawn::open_stream(path, flags)
        .and_then(spawn::lift)
        .map_err(|errno| {
            failed!(
                errno,
                "the child's {}: {}",
                NAMES[number],
                Escaped(path.to_bytes())
            )
        })
}

fn unusable(number: usize, errno: Errno) -> Error {
    failed!(errno, "the child's {}", NAMES[number])
}

fn failed(name: &CStr, request: &SpawnRequest<'_>, (step, errno): (Step, Errno)) -> Error {
    let name = Escaped(name.to_bytes());
    match step {
        Step::Exec => failed!(errno, "{name}: cannot be executed"),
        Step::Directory => failed!(
            errno,
            "{name}: the directory {}",
            Escaped(request.directory.unwrap_or_default().to_bytes())
        ),
        Step::Descriptors => failed!(errno, "{name}: its descriptors cannot be arranged"),
        Step::Terminal => failed!(errno, "{name}: the terminal cannot be made its own"),
        Step::Clone if errno == Errno::EAGAIN => fail!(
            EAGAIN,
            "{name}: no more processes are allowed (RLIMIT_NPROC, kernel.pid_max, or the control group's pids.max)"
        ),
        Step::Clone => failed!(errno, "{name}: no process can be made"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_searched_for_as_execvp_does() {
        let found = |path| {
            search(c"ls", path)
                .into_iter()
                .map(|file| file.into_string().unwrap_or_default())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(c"/bin:/usr/bin"), ["/bin/ls", "/usr/bin/ls"]);
        assert_eq!(found(c":/bin"), ["ls", "/bin/ls"]);
        assert_eq!(found(c""), ["ls"]);
        assert!(search(c"", c"/bin").is_empty());
        assert_eq!(candidates(c"./ls"), [c"./ls".to_owned()]);
    }

    #[test]
    fn an_end_is_kept_as_it_was() {
        for exit in [Exit::Code(0), Exit::Code(255), Exit::Signal(9)] {
            assert_eq!(decode(encode(exit)), Some(exit));
        }
        assert_eq!(decode(0), None);
    }
}
