//! The processes of a test: a template, from which victims are forked, and the survivors. All of them run a C
//! program of c-tests/victim, which is linked to the installed library.

use super::tracee::{Event, Tracee, wait_a_moment, waits_in_kernel};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The offsets in `struct arena` of victim.h, as far as the harness uses it: patience, name, complaint.
const ARENA_SIZE: u64 = 8192;
const PATIENCE_AT: u64 = 0;
const NAME_AT: u64 = 8;
const COMPLAINT_AT: u64 = 72;
const COMPLAINT_SIZE: usize = 440;

/// The survivors that check the state after a death, and those that sleep in the operation.
pub(crate) const CHECKERS: [usize; 2] = [0, 1];
pub(crate) const SLEEPERS: [usize; 2] = [2, 3];

/// `enum phase` of victim.c.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    SetUp,
    Sleep,
    Release,
    Meanwhile,
    LetGo,
    Check,
    Settle,
}

/// An operation: a row of the tables in c-tests/victim.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The program that has the operation, and its number there.
    pub(crate) program: PathBuf,
    pub(crate) number: i32,
    pub(crate) name: String,
    /// How many survivors sleep in the operation beside the victim.
    pub(crate) sleepers: usize,
    /// Whether these survivors fall asleep only after the victim is asleep.
    pub(crate) sleep_at_block: bool,
    pub(crate) must: Must,
    pub(crate) can_stop: bool,
    /// Whether the survivors need a second while the victim is stopped.
    pub(crate) stop_is_expensive: bool,
    /// The name of the operation that repairs what a victim of this one left.
    pub(crate) recovery: Option<String>,
}

/// `enum must` of victim.h: whether the operation has to pass, or is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Must {
    Hold,
    FailIfKilled,
    FailIfStopped,
}

/// The operations that a program lists.
pub(crate) fn operations(program: &Path) -> Result<Vec<Operation>, String> {
    let output = Command::new(program)
        .arg("list")
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut found = Vec::new();
    for (number, line) in (0..).zip(text.lines()) {
        let fields: Vec<&str> = line.split(' ').collect();
        let [name, sleepers, sleep_from, must, can_stop, recovery] = fields[..] else {
            return Err(format!("{}: unexpected line {line:?}", program.display()));
        };
        found.push(Operation {
            program: program.to_owned(),
            number,
            name: name.to_owned(),
            sleepers: sleepers.parse().unwrap_or(0),
            sleep_at_block: sleep_from == "1",
            must: match must {
                "1" => Must::FailIfKilled,
                "2" => Must::FailIfStopped,
                _ => Must::Hold,
            },
            can_stop: can_stop != "0",
            stop_is_expensive: can_stop == "2",
            recovery: (recovery != "-").then(|| recovery.to_owned()),
        });
    }
    Ok(found)
}

/// Gives this thread, and the processes that it starts, a /dev/shm and kernel queues of their own. Then they
/// are the only ones that can leave anything there. Returns false if that is not permitted.
pub(crate) fn isolate() -> bool {
    const NO_DATA: Option<&str> = None;
    let none = Some("none");
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC).is_ok()
        && mount(
            none,
            "/",
            none,
            MsFlags::MS_REC | MsFlags::MS_PRIVATE,
            NO_DATA,
        )
        .is_ok()
        && mount(
            Some("tmpfs"),
            "/dev/shm",
            Some("tmpfs"),
            MsFlags::empty(),
            NO_DATA,
        )
        .is_ok()
}

/// A process that takes commands through a pipe and answers through another one.
struct CommandedProcess {
    child: Child,
    commands: ChildStdin,
    answers: ChildStdout,
}

impl CommandedProcess {
    fn start(
        program: &Path,
        arguments: &[String],
        isolated: bool,
    ) -> Result<CommandedProcess, String> {
        let mut command = Command::new(program);
        if isolated {
            command.env("ROBUSTIPC_ALONE", "yes");
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes to a child".to_owned());
        };
        Ok(CommandedProcess {
            child,
            commands,
            answers,
        })
    }

    fn send(&mut self, phase: i32, operation: i32, argument: i32) -> Result<(), String> {
        let mut bytes = Vec::with_capacity(12);
        for number in [phase, operation, argument] {
            bytes.extend_from_slice(&number.to_ne_bytes());
        }
        let sent = self.commands.write_all(&bytes);
        sent.map_err(|error| format!("a process does not listen: {error}"))
    }

    fn has_answered(&self, timeout: PollTimeout) -> bool {
        let mut set = [PollFd::new(self.answers.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut set, timeout) {
                Err(Errno::EINTR) => {}
                outcome => return outcome == Ok(1),
            }
        }
    }

    /// `None` if there is no answer in time, or if the process has ended.
    fn answer(&mut self, timeout: Duration) -> Option<i32> {
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let mut bytes = [0; 4];
        if !self.has_answered(timeout) || self.answers.read_exact(&mut bytes).is_err() {
            return None;
        }
        Some(i32::from_ne_bytes(bytes))
    }
}

impl Drop for CommandedProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Processes {
    program: PathBuf,
    number: usize,
    isolated: bool,
    /// How often the processes were replaced.
    generation: usize,
    arena: File,
    gate: File,
    /// The read end, which stays open so that a write to the gate never fails.
    _gate_for_victims: File,
    template: CommandedProcess,
    survivors: Vec<CommandedProcess>,
    patience: Duration,
}

impl Processes {
    /// Starts the processes. `number` makes their names differ from those of other `Processes`. `isolated` says
    /// that they have a /dev/shm of their own.
    pub(crate) fn start(
        program: &Path,
        number: usize,
        isolated: bool,
        patience: Duration,
    ) -> Result<Processes, String> {
        if isolated {
            // A round that left something has failed already.
            let left = std::fs::read_dir("/dev/shm").into_iter().flatten();
            for entry in left.flatten() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        let system = |errno: Errno| errno.desc().to_owned();
        // Neither the arena nor the gate is close-on-exec: the programs inherit both and get their numbers.
        let arena = File::from(memfd_create("arena", MFdFlags::empty()).map_err(system)?);
        let (gate_for_victims, gate) = nix::unistd::pipe().map_err(system)?;
        let (gate_for_victims, gate) = (File::from(gate_for_victims), File::from(gate));
        let written = arena
            .set_len(ARENA_SIZE)
            .and_then(|()| {
                arena.write_all_at(&(patience.as_nanos() as i64).to_ne_bytes(), PATIENCE_AT)
            })
            .and_then(|()| {
                let name = format!("/ripc-test-{}-kill-{number}-", std::process::id());
                arena.write_all_at(name.as_bytes(), NAME_AT)
            });
        written.map_err(|error| error.to_string())?;
        let template = Processes::start_template(program, &arena, &gate_for_victims, isolated)?;
        let mut survivors = Vec::new();
        for _ in 0..CHECKERS.len() + SLEEPERS.len() {
            let arguments = ["survivor".to_owned(), arena.as_raw_fd().to_string()];
            survivors.push(CommandedProcess::start(program, &arguments, isolated)?);
        }
        Ok(Processes {
            program: program.to_owned(),
            number,
            isolated,
            generation: 0,
            arena,
            gate,
            _gate_for_victims: gate_for_victims,
            template,
            survivors,
            patience,
        })
    }

    fn start_template(
        program: &Path,
        arena: &File,
        gate: &File,
        isolated: bool,
    ) -> Result<CommandedProcess, String> {
        let descriptors = [arena, gate].map(|file| file.as_raw_fd().to_string());
        let [arena, gate] = descriptors;
        CommandedProcess::start(program, &["template".to_owned(), arena, gate], isolated)
    }

    /// Replaces all processes by new ones, because some may hang.
    pub(crate) fn replace(&mut self) -> Result<(), String> {
        let generation = self.generation + 1;
        *self = Processes::start(&self.program, self.number, self.isolated, self.patience)?;
        self.generation = generation;
        Ok(())
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn generation(&self) -> usize {
        self.generation
    }

    pub(crate) fn set_patience(&mut self, patience: Duration) -> Result<(), String> {
        self.patience = patience;
        self.replace()
    }

    /// The first complaint of a victim or survivor.
    pub(crate) fn complaint(&self) -> Option<String> {
        let mut bytes = [0; COMPLAINT_SIZE];
        self.arena.read_exact_at(&mut bytes, COMPLAINT_AT).ok()?;
        let length = bytes.iter().position(|&byte| byte == 0)?;
        (length > 0).then(|| String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    /// A new victim that has made its preparations and stands at its first marker.
    pub(crate) fn victim(&mut self, operation: &Operation) -> Result<Tracee, String> {
        self.template.send(0, operation.number, 0)?;
        let Some(pid) = self.template.answer(Duration::from_secs(10)) else {
            return Err("the template does not fork".to_owned());
        };
        let mut tracee = Tracee::seize(pid).map_err(|errno| {
            format!(
                "ptrace is not permitted here ({}): in a container, give it CAP_SYS_PTRACE; or see /proc/sys/kernel/yama/ptrace_scope",
                errno.desc()
            )
        })?;
        let opened = self.gate.write_all(&[1]);
        opened.map_err(|error| format!("the gate: {error}"))?;
        loop {
            match tracee.wait(false)? {
                Event::Marker => return Ok(tracee),
                Event::Asleep => {}
                Event::Exited(status) => {
                    return Err(format!(
                        "the victim ended with status {status} during its preparations"
                    ));
                }
            }
        }
    }

    /// Lets a survivor begin a phase, and does not wait for its end.
    pub(crate) fn begin_phase(
        &mut self,
        survivor: usize,
        phase: Phase,
        operation: &Operation,
        argument: i32,
    ) -> Result<(), String> {
        self.survivors[survivor].send(phase as i32, operation.number, argument)
    }

    pub(crate) fn has_answered(&self, survivor: usize) -> bool {
        self.survivors[survivor].has_answered(PollTimeout::ZERO)
    }

    /// Waits until a survivor has ended a phase.
    pub(crate) fn end_phase(&mut self, survivor: usize, phase: Phase) -> Result<(), String> {
        // The survivor's own patience ends before this wait does, and its complaint says more.
        let answer = self.survivors[survivor].answer(self.patience * 4 + Duration::from_secs(1));
        match answer {
            Some(_) => Ok(()),
            None => Err(format!(
                "survivor {survivor} did not come back from {phase:?}"
            )),
        }
    }

    /// Lets a survivor run a phase, and waits for its end.
    pub(crate) fn run_phase(
        &mut self,
        survivor: usize,
        phase: Phase,
        operation: &Operation,
        argument: i32,
    ) -> Result<(), String> {
        self.begin_phase(survivor, phase, operation, argument)?;
        self.end_phase(survivor, phase)
    }

    /// Starts the operation's sleepers, one after the other. Returns when they are asleep.
    pub(crate) fn start_sleepers(&mut self, operation: &Operation) -> Result<(), String> {
        for &sleeper in &SLEEPERS[..operation.sleepers] {
            self.begin_phase(sleeper, Phase::Sleep, operation, 0)?;
            let began = Instant::now();
            let survivor = &self.survivors[sleeper];
            while !waits_in_kernel(survivor.child.id()) && !survivor.has_answered(PollTimeout::ZERO)
            {
                if began.elapsed() > Duration::from_secs(10) {
                    return Err(format!("survivor {sleeper} does not fall asleep"));
                }
                wait_a_moment(began);
            }
        }
        Ok(())
    }
}
