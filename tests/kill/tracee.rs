//! One process under ptrace, which executes one instruction at a time.

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// A wait for a process without a fault never takes this long.
const DEADLINE: Duration = Duration::from_secs(30);

#[cfg(target_arch = "x86_64")]
mod processor {
    use super::*;

    pub(super) const IS_KNOWN: bool = true;
    /// The offset of `rip`, the seventeenth register, in the kernel's `struct user`.
    const INSTRUCTION_POINTER: usize = 16 * 8;
    /// `int3`.
    pub(super) const BREAKPOINT: u8 = 0xCC;
    pub(super) const BREAKPOINT_LENGTH: u64 = 1;

    pub(super) fn position(pid: Pid) -> Result<u64, Errno> {
        let value = ptrace::read_user(pid, INSTRUCTION_POINTER as ptrace::AddressType)?;
        Ok(value as u64)
    }

    /// The number of the system call that the next instruction would make: `rax`, the eleventh register.
    pub(super) fn call_number(pid: Pid) -> Result<i64, Errno> {
        ptrace::read_user(pid, (10 * 8) as ptrace::AddressType)
    }

    pub(super) fn set_position(pid: Pid, position: u64) -> Result<(), Errno> {
        let place = INSTRUCTION_POINTER as ptrace::AddressType;
        ptrace::write_user(pid, place, position as i64)
    }

    pub(super) fn is_breakpoint(instruction: u64) -> bool {
        instruction as u8 == BREAKPOINT
    }

    /// A locked instruction, or an exchange, which is locked without a prefix.
    pub(super) fn is_atomic(instruction: u64) -> bool {
        matches!(instruction as u8, 0xF0 | 0x86 | 0x87)
    }

    /// `syscall`.
    pub(super) fn is_system_call(instruction: u64) -> bool {
        instruction as u16 == 0x050F
    }
}

/// Lets the harness compile for other processors. `CAN_STEP` says that it cannot run there.
#[cfg(not(target_arch = "x86_64"))]
mod processor {
    use super::*;

    pub(super) const IS_KNOWN: bool = false;
    pub(super) const BREAKPOINT: u8 = 0;
    pub(super) const BREAKPOINT_LENGTH: u64 = 0;

    pub(super) fn position(_pid: Pid) -> Result<u64, Errno> {
        Err(Errno::ENOSYS)
    }

    pub(super) fn call_number(_pid: Pid) -> Result<i64, Errno> {
        Err(Errno::ENOSYS)
    }

    pub(super) fn set_position(_pid: Pid, _position: u64) -> Result<(), Errno> {
        Err(Errno::ENOSYS)
    }

    pub(super) fn is_breakpoint(_instruction: u64) -> bool {
        false
    }

    pub(super) fn is_atomic(_instruction: u64) -> bool {
        false
    }

    pub(super) fn is_system_call(_instruction: u64) -> bool {
        false
    }
}

/// Whether this file knows the processor's registers and instructions.
pub(crate) const CAN_STEP: bool = processor::IS_KNOWN;

/// The beginning of the error that says that the victim did not reach a breakpoint.
pub(crate) const ANOTHER_WAY: &str = "the operation took another way than before";

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The instruction was executed.
    Done,
    /// The instruction is a system call, in which the process is asleep.
    Asleep,
    /// The next instruction is a marker, and was not executed.
    AtMarker,
}

/// An event of a process that runs freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It executed a marker and is stopped.
    Marker,
    /// It fell asleep in the kernel.
    Asleep,
    Exited(i32),
}

pub(crate) struct Tracee {
    pid: Pid,
    /// How often the process had fallen asleep at the last report.
    sleeps: u64,
    /// When the process was last set running.
    began: Instant,
    gone: bool,
}

impl Tracee {
    /// Begins to trace a process, which continues to run.
    pub(crate) fn seize(pid: i32) -> Result<Tracee, Errno> {
        let pid = Pid::from_raw(pid);
        // If the harness dies, so does the victim.
        ptrace::seize(pid, ptrace::Options::PTRACE_O_EXITKILL)?;
        Ok(Tracee {
            pid,
            sleeps: 0,
            began: Instant::now(),
            gone: false,
        })
    }

    pub(crate) fn position(&self) -> u64 {
        processor::position(self.pid).unwrap_or(0)
    }

    /// The position as an object file and an offset in it, for addr2line.
    pub(crate) fn location(&self) -> String {
        let position = self.position();
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).unwrap_or_default();
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
        for line in maps.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [range, _, offset, _, _, path] = fields[..] else {
                continue;
            };
            let (from, to) = range.split_once('-').unwrap_or(("0", "0"));
            if (number(from)..number(to)).contains(&position) {
                let file = path.rsplit('/').next().unwrap_or(path);
                return format!("{file}+{:#x}", position - number(from) + number(offset));
            }
        }
        format!("{position:#x}")
    }

    fn instruction(&self) -> Result<u64, String> {
        let position = processor::position(self.pid).map_err(|errno| self.lost(errno))?;
        let word = ptrace::read(self.pid, position as ptrace::AddressType);
        word.map(|word| word as u64)
            .map_err(|errno| self.lost(errno))
    }

    fn lost(&self, errno: Errno) -> String {
        format!("the victim {} is lost: {}", self.pid, errno.desc())
    }

    /// Whether other processes can see the effect of the next instruction at once: it is a system call or an
    /// atomic instruction.
    pub(crate) fn is_at_turning_point(&self) -> Result<bool, String> {
        let instruction = self.instruction()?;
        Ok(processor::is_system_call(instruction) || processor::is_atomic(instruction))
    }

    /// Whether the next instruction makes a child. A child that shares the victim's memory would run into the
    /// breakpoints there.
    pub(crate) fn is_at_clone(&self) -> Result<bool, String> {
        if !processor::is_system_call(self.instruction()?) {
            return Ok(false);
        }
        let number = processor::call_number(self.pid).map_err(|errno| self.lost(errno))?;
        Ok([nix::libc::SYS_clone, nix::libc::SYS_clone3].contains(&number))
    }

    pub(crate) fn is_at_marker(&self) -> Result<bool, String> {
        self.instruction().map(processor::is_breakpoint)
    }

    /// Executes one instruction.
    pub(crate) fn step(&mut self) -> Result<Step, String> {
        let instruction = self.instruction()?;
        if processor::is_breakpoint(instruction) {
            return Ok(Step::AtMarker);
        }
        ptrace::step(self.pid, None).map_err(|errno| self.lost(errno))?;
        if processor::is_system_call(instruction) {
            return match self.wait(true)? {
                Event::Asleep => Ok(Step::Asleep),
                event => self.stepped(event),
            };
        }
        let status = waitpid(self.pid, None).map_err(|errno| self.lost(errno))?;
        let event = self.event(status)?;
        self.stepped(event)
    }

    /// Waits for the end of a step whose system call was asleep.
    pub(crate) fn finish_step(&mut self) -> Result<(), String> {
        let event = self.wait(false)?;
        self.stepped(event).map(drop)
    }

    fn stepped(&self, event: Event) -> Result<Step, String> {
        match event {
            Event::Marker => Ok(Step::Done),
            other => Err(format!("stepping the victim ended with {other:?}")),
        }
    }

    /// Lets the process run freely. `poll` reports what happens to it.
    pub(crate) fn resume(&mut self) -> Result<(), String> {
        self.began = Instant::now();
        ptrace::cont(self.pid, None).map_err(|errno| self.lost(errno))
    }

    /// Runs until the process is about to execute the instruction at `position` for the `times`-th time. A
    /// repeated string instruction counts once.
    pub(crate) fn run_to(&mut self, position: u64, times: usize) -> Result<(), String> {
        let address = position as ptrace::AddressType;
        let lost = |errno: Errno| format!("the victim is lost: {}", errno.desc());
        let original = ptrace::read(self.pid, address).map_err(lost)?;
        let planted = (original & !0xFF) | i64::from(processor::BREAKPOINT);
        for time in 1..=times {
            if self.position() != position {
                ptrace::write(self.pid, address, planted).map_err(lost)?;
                ptrace::cont(self.pid, None).map_err(lost)?;
                // The recorded victim did not fall asleep before this position. But the clock may have led
                // this one past the position and into a sleep without end.
                let event = self.wait(true)?;
                let found = self.position();
                if event != Event::Marker || found != position + processor::BREAKPOINT_LENGTH {
                    return Err(format!(
                        "{ANOTHER_WAY}: {event:?} at {found:#x}, expected {position:#x}"
                    ));
                }
                ptrace::write(self.pid, address, original).map_err(lost)?;
                processor::set_position(self.pid, position).map_err(lost)?;
            }
            while time < times && self.position() == position {
                self.step()?;
            }
        }
        Ok(())
    }

    /// Stops a sleeping process with SIGSTOP.
    pub(crate) fn stop(&mut self) -> Result<(), String> {
        kill(self.pid, Signal::SIGSTOP).map_err(|errno| self.lost(errno))?;
        self.wait(false).map(drop)
    }

    /// Kills the process. Returns when nothing of it is left.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        kill(self.pid, Signal::SIGKILL).map_err(|errno| self.lost(errno))?;
        loop {
            match waitpid(self.pid, None) {
                Ok(WaitStatus::Signaled(_, Signal::SIGKILL, _)) | Err(Errno::ECHILD) => break,
                Ok(WaitStatus::Exited(..)) => break,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(self.lost(errno)),
            }
        }
        self.gone = true;
        Ok(())
    }

    fn event(&mut self, status: WaitStatus) -> Result<Event, String> {
        match status {
            WaitStatus::Stopped(_, Signal::SIGTRAP | Signal::SIGSTOP)
            | WaitStatus::PtraceEvent(..) => Ok(Event::Marker),
            WaitStatus::Exited(_, status) => {
                self.gone = true;
                Ok(Event::Exited(status))
            }
            WaitStatus::Signaled(_, signal, _) => {
                self.gone = true;
                Err(format!("the victim was killed by {signal}"))
            }
            other => Err(format!("unexpected state of the victim: {other:?}")),
        }
    }

    /// Waits for the next event. With `sleep_counts`, each time that the process falls asleep is an event.
    pub(crate) fn wait(&mut self, sleep_counts: bool) -> Result<Event, String> {
        self.began = Instant::now();
        loop {
            if let Some(event) = self.poll(sleep_counts)? {
                return Ok(event);
            }
            wait_a_moment(self.began);
        }
    }

    pub(crate) fn is_asleep(&self) -> bool {
        sleeps_of(self.pid).is_some()
    }

    /// The next event, if there is one now.
    pub(crate) fn poll(&mut self, sleep_counts: bool) -> Result<Option<Event>, String> {
        match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => {}
            Ok(status) => return self.event(status).map(Some),
            Err(errno) => return Err(self.lost(errno)),
        }
        if sleep_counts {
            if let Some(sleeps) = sleeps_of(self.pid).filter(|&sleeps| sleeps != self.sleeps) {
                self.sleeps = sleeps;
                return Ok(Some(Event::Asleep));
            }
        }
        if self.began.elapsed() > DEADLINE {
            let what = sleeps_of(self.pid).map_or("runs", |_| "sleeps");
            return Err(format!("the victim {what} for ever"));
        }
        Ok(None)
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        if !self.gone {
            let _ = self.kill();
        }
    }
}

/// Sleeps for a moment between two polls. The kernel has no event for a process that falls asleep, so the harness
/// has to poll. The longer it has waited, the longer the moments get.
pub(crate) fn wait_a_moment(since: Instant) {
    let moment = since.elapsed() / 8;
    std::thread::sleep(moment.clamp(Duration::from_micros(5), Duration::from_millis(1)));
}

/// How often the process has fallen asleep so far; `None` if it is not asleep. Both stand in one file.
fn sleeps_of(pid: Pid) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    if !field("State:")?.trim().starts_with('S') {
        return None;
    }
    field("voluntary_ctxt_switches:")?.trim().parse().ok()
}

#[cfg(target_arch = "x86_64")]
const POLL: nix::libc::c_long = nix::libc::SYS_poll;
#[cfg(not(target_arch = "x86_64"))]
const POLL: nix::libc::c_long = nix::libc::SYS_ppoll;

/// Whether the process is asleep on one or several futexes, or in poll().
pub(crate) fn waits_in_kernel(pid: u32) -> bool {
    let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let number = call.split(' ').next().and_then(|text| text.parse().ok());
    // A call that was interrupted by a wake-up for nothing goes on as the last of these.
    [
        nix::libc::SYS_futex,
        nix::libc::SYS_futex_waitv,
        POLL,
        nix::libc::SYS_ppoll,
        nix::libc::SYS_restart_syscall,
    ]
    .iter()
    .any(|&call| number == Some(call))
}
