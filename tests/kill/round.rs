//! One round: a victim is killed, or stopped, at one point of one operation, and the survivors continue.
//!
//! Point 0 is before the first instruction. Each instruction ends at the next point. A system call that falls
//! asleep has one more point in between, at which the victim is asleep.

use super::processes::{CHECKERS, Operation, Phase, Processes, SLEEPERS};
use super::tracee::{Event, Step, Tracee, wait_a_moment};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a stopped victim that continues may sleep before a survivor does again what it waits for.
const RELEASED_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// The victim's fate at the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kill,
    /// It stays stopped while the survivors try, and then continues to its end.
    Stop,
    /// It is killed. Then a second victim, which recovers, is killed at this point of the recovery.
    KillSecond(usize),
}

/// The instructions of an operation in the order of their execution.
#[derive(Default)]
pub(crate) struct Trace {
    /// The instructions' addresses.
    pub(crate) positions: Vec<u64>,
    /// How many instructions came before the first system call that fell asleep or made a child. After such a
    /// call the instructions depend on other processes.
    pub(crate) steady: Option<usize>,
    /// The points before and after each instruction whose effect other processes can see at once.
    pub(crate) turning_points: Vec<usize>,
    /// The generation of the processes to which the victim belonged.
    pub(crate) generation: usize,
    /// For each point, how often the victim has reached its address up to this point. `None` within a repeated
    /// string instruction, which is many steps at one address.
    visits: Vec<Option<usize>>,
}

impl Trace {
    /// Whether two victims executed the same instructions, as long as these did not depend on other processes.
    pub(crate) fn is_like(&self, other: &Trace) -> bool {
        let steady = self.steady.unwrap_or(self.positions.len());
        self.steady == other.steady && self.positions.get(..steady) == other.positions.get(..steady)
    }

    /// The cost, in steps, and the place of the best breakpoint on the way to `point`.
    fn best_breakpoint(&self, point: usize) -> Option<(usize, usize)> {
        let cost = |at: usize| Some((self.visits[at]? * BREAKPOINT_COST + (point - at), at));
        (point.saturating_sub(BREAKPOINT_DISTANCE_MAX)
            ..=point.min(self.visits.len().checked_sub(1)?))
            .filter_map(cost)
            .min()
    }

    /// Whether it takes very many steps or stops to reach the point. Such a point is deep in a long loop, and so
    /// in a computation on private memory, where one pass of the loop is as good as another.
    pub(crate) fn is_expensive(&self, point: usize) -> bool {
        self.best_breakpoint(point)
            .is_some_and(|(cost, _)| cost > EXPENSIVE)
    }

    /// Fills `visits`, after the recording.
    pub(crate) fn count_visits(&mut self) {
        let mut counts = HashMap::new();
        let mut before = None;
        for &position in &self.positions {
            self.visits.push((before != Some(position)).then(|| {
                let count = counts.entry(position).or_insert(0);
                *count += 1;
                *count
            }));
            before = Some(position);
        }
    }
}

/// `enum progress` of victim.h: how far the victim came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    KilledBefore,
    KilledWithin,
    KilledAfter,
    LeftAlive,
}

/// The point that a victim has reached.
struct Reached {
    points: usize,
    asleep: bool,
    at_end: bool,
}

pub(crate) struct Round<'a> {
    pub(crate) processes: &'a mut Processes,
    pub(crate) operation: &'a Operation,
    pub(crate) recovery: Option<&'a Operation>,
    /// How often the victim has fallen asleep.
    sleep_count: i32,
    sleepers_started: bool,
    /// The victim's position in the code when it was stopped or killed.
    pub(crate) location: String,
}

/// The result of a round.
pub(crate) struct Outcome {
    /// Whether the chosen point is the operation's end or beyond it.
    pub(crate) at_end: bool,
    /// Whether the second victim's point is the recovery's end or beyond it.
    pub(crate) second_at_end: bool,
    pub(crate) points: usize,
}

impl<'a> Round<'a> {
    pub(crate) fn new(
        processes: &'a mut Processes,
        operation: &'a Operation,
        recovery: Option<&'a Operation>,
    ) -> Round<'a> {
        Round {
            processes,
            operation,
            recovery,
            sleep_count: 0,
            sleepers_started: false,
            location: String::new(),
        }
    }

    /// Runs the round. If the operation always executes the same instructions, `known` is its trace, and then
    /// the victim runs towards the point at full speed. `record` receives a new trace.
    pub(crate) fn run(
        &mut self,
        fate: Fate,
        point: usize,
        known: Option<&Trace>,
        mut record: Option<&mut Trace>,
    ) -> Result<Outcome, String> {
        let operation = self.operation;
        self.processes.run_phase(0, Phase::SetUp, operation, 0)?;
        let mut victim = self.processes.victim(operation)?;
        if operation.sleepers > 0 && !operation.sleep_at_block {
            self.start_sleepers()?;
        }
        if let Some(trace) = record.as_deref_mut() {
            trace.generation = self.processes.generation();
        }
        let reached = self.advance(&mut victim, point, known, record)?;
        let mut second_at_end = false;
        let progress = match fate {
            Fate::Stop => {
                self.leave_stopped(&mut victim, reached.asleep)?;
                Progress::LeftAlive
            }
            Fate::Kill => {
                self.kill(&mut victim)?;
                if reached.at_end {
                    Progress::KilledAfter
                } else if point == 0 {
                    Progress::KilledBefore
                } else {
                    Progress::KilledWithin
                }
            }
            Fate::KillSecond(second_point) => {
                self.kill(&mut victim)?;
                second_at_end = self.kill_second(second_point)?;
                Progress::KilledWithin
            }
        };
        self.let_survivors_continue(progress)?;
        Ok(Outcome {
            at_end: reached.at_end,
            second_at_end,
            points: reached.points,
        })
    }

    /// Runs the phases in which the survivors show that nothing is lost, torn or stuck.
    fn let_survivors_continue(&mut self, progress: Progress) -> Result<(), String> {
        let operation = self.operation;
        let is_alive = i32::from(progress == Progress::LeftAlive);
        self.processes
            .run_phase(0, Phase::LetGo, operation, is_alive)?;
        for checker in CHECKERS {
            self.processes
                .begin_phase(checker, Phase::Check, operation, 0)?;
        }
        for checker in CHECKERS {
            self.processes.end_phase(checker, Phase::Check)?;
        }
        if self.sleepers_started {
            for &sleeper in &SLEEPERS[..operation.sleepers] {
                self.processes.end_phase(sleeper, Phase::Sleep)?;
            }
        }
        self.processes
            .run_phase(0, Phase::Settle, operation, progress as i32)
    }

    fn start_sleepers(&mut self) -> Result<(), String> {
        self.sleepers_started = true;
        self.processes.start_sleepers(self.operation)
    }

    /// Called when the victim is asleep: starts the other sleepers, and lets a survivor do what the victim waits
    /// for.
    fn release_victim(&mut self) -> Result<(), String> {
        self.begin_to_release_victim()?;
        self.processes.end_phase(0, Phase::Release)
    }

    fn begin_to_release_victim(&mut self) -> Result<(), String> {
        self.sleep_count += 1;
        if self.operation.sleepers > 0 && !self.sleepers_started {
            self.start_sleepers()?;
        }
        self.processes
            .begin_phase(0, Phase::Release, self.operation, self.sleep_count)
    }

    fn kill(&mut self, victim: &mut Tracee) -> Result<(), String> {
        self.location = victim.location();
        victim.kill()
    }

    /// Executes the victim's instructions up to `point` or to the operation's end.
    fn advance(
        &mut self,
        victim: &mut Tracee,
        point: usize,
        known: Option<&Trace>,
        mut record: Option<&mut Trace>,
    ) -> Result<Reached, String> {
        let mut points = 0;
        if let Some(trace) = known {
            let last = trace.positions.len().saturating_sub(1);
            points = run_towards(victim, trace, point.min(trace.steady.unwrap_or(last)))?;
        }
        while points < point {
            if let Some(trace) = record.as_deref_mut() {
                trace.positions.push(victim.position());
                if victim.is_at_turning_point()? {
                    trace.turning_points.extend([points, points + 1]);
                }
                if victim.is_at_clone()? {
                    trace.steady.get_or_insert(trace.positions.len() - 1);
                }
            }
            match victim.step()? {
                Step::Done => points += 1,
                Step::AtMarker => {
                    if let Some(trace) = record.as_deref_mut() {
                        trace.positions.pop();
                    }
                    break;
                }
                Step::Asleep => {
                    points += 1;
                    if points == point {
                        return Ok(Reached {
                            points,
                            asleep: true,
                            at_end: false,
                        });
                    }
                    if let Some(trace) = record.as_deref_mut() {
                        let before = trace.positions.len() - 1;
                        trace.steady.get_or_insert(before);
                    }
                    self.release_victim()?;
                    victim.finish_step()?;
                    points += 1;
                }
            }
        }
        Ok(Reached {
            points,
            asleep: false,
            at_end: victim.is_at_marker()?,
        })
    }

    /// Leaves the victim stopped while the survivors try, and then lets it continue to its end.
    fn leave_stopped(&mut self, victim: &mut Tracee, asleep: bool) -> Result<(), String> {
        if asleep {
            victim.stop()?;
        }
        self.location = victim.location();
        self.processes
            .run_phase(0, Phase::Meanwhile, self.operation, 0)?;
        victim.resume()?;
        // Survivor 0 may have to wait for something that the victim holds, so this loop serves both.
        let mut releasing = false;
        let mut since = Instant::now();
        loop {
            if releasing && self.processes.has_answered(0) {
                self.processes.end_phase(0, Phase::Release)?;
                releasing = false;
            }
            let event = victim.poll(!releasing)?;
            if event.is_some() {
                since = Instant::now();
            }
            match event {
                Some(Event::Marker) => victim.resume()?,
                Some(Event::Asleep) => {
                    self.begin_to_release_victim()?;
                    releasing = true;
                }
                Some(Event::Exited(0)) => break,
                Some(Event::Exited(status)) => {
                    return Err(format!("the victim ended with status {status}"));
                }
                // Another sleeper may have got what was for the victim.
                None if !releasing
                    && since.elapsed() > RELEASED_AGAIN_AFTER
                    && victim.is_asleep() =>
                {
                    self.begin_to_release_victim()?;
                    releasing = true;
                    since = Instant::now();
                }
                None => wait_a_moment(since),
            }
        }
        if releasing {
            self.processes.end_phase(0, Phase::Release)?;
        }
        Ok(())
    }

    /// Kills a second victim during its recovery. Returns whether the recovery had ended.
    fn kill_second(&mut self, point: usize) -> Result<bool, String> {
        let recovery = self.recovery.ok_or("no recovery is defined")?;
        let mut victim = self.processes.victim(recovery)?;
        let reached = self.advance(&mut victim, point, None, None)?;
        self.kill(&mut victim)?;
        Ok(reached.at_end)
    }
}

/// Runs to a breakpoint on the way to `point`, if that is faster than single steps. Returns the point that it
/// reached.
fn run_towards(victim: &mut Tracee, trace: &Trace, point: usize) -> Result<usize, String> {
    match trace.best_breakpoint(point) {
        Some((cost, at)) if cost < point => {
            victim.run_to(trace.positions[at], trace.visits[at].unwrap_or(0))?;
            Ok(at)
        }
        _ => Ok(0),
    }
}

/// The cost of a stop at a breakpoint, in steps.
const BREAKPOINT_COST: usize = 4;
/// How many points before the chosen one a breakpoint may stand.
const BREAKPOINT_DISTANCE_MAX: usize = 2000;
/// A point that costs more steps than this is an expensive one.
const EXPENSIVE: usize = 1000;
