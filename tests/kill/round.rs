//! One round: a victim is killed, or stopped, at one point of one operation, and the survivors go on.
//!
//! Points are counted from 0, before the first instruction. Each instruction ends at the next point; a
//! system call that falls asleep has a point of its own in between, where the victim is asleep.

use super::processes::{CHECKERS, Operation, Phase, Processes, SLEEPERS};
use super::tracee::{Event, Step, Tracee, look_again};
use std::collections::HashMap;
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kill,
    Stop,
    /// Killed; then a second victim, which recovers, is killed at this point of that.
    Second(usize),
}

/// The positions of an operation's instructions, in the order in which they are executed.
#[derive(Default)]
pub(crate) struct Trace {
    pub(crate) positions: Vec<u64>,
    /// How many instructions came before the first system call that fell asleep: from there on it
    /// depends on others how it goes on. Or before the first that makes a child.
    pub(crate) steady: Option<usize>,
    /// The points before and after an instruction that others can see at once.
    pub(crate) turning_points: Vec<usize>,
    /// The processes whose victim it was.
    pub(crate) processes: usize,
    /// For each point, how often its position has been come to up to there; `None` within a repeated
    /// string instruction, which is many steps at one position.
    visits: Vec<Option<usize>>,
}

impl Trace {
    /// Whether two victims went the same way, as long as that did not depend on others.
    pub(crate) fn is_like(&self, other: &Trace) -> bool {
        let steady = self.steady.unwrap_or(self.positions.len());
        self.steady == other.steady && self.positions.get(..steady) == other.positions.get(..steady)
    }

    /// The best point for a breakpoint on the way to `point`, after what it costs, in steps.
    fn best_stop(&self, point: usize) -> Option<(usize, usize)> {
        let cost = |at: usize| Some((self.visits[at]? * STOP_COST + (point - at), at));
        (point.saturating_sub(NEAR)..=point.min(self.visits.len().checked_sub(1)?))
            .filter_map(cost)
            .min()
    }

    /// Whether coming to the point takes very many steps or stops: it is deep in a long loop, and so in a
    /// computation on private memory, of which one round is as good as another.
    pub(crate) fn is_dear(&self, point: usize) -> bool {
        self.best_stop(point).is_some_and(|(cost, _)| cost > DEAR)
    }

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

/// `enum progress` of victim.h.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    KilledBefore,
    KilledWithin,
    KilledAfter,
    LeftAlive,
}

/// How far a victim was brought.
struct Reached {
    points: usize,
    asleep: bool,
    at_end: bool,
}

pub(crate) struct Round<'a> {
    pub(crate) processes: &'a mut Processes,
    pub(crate) operation: &'a Operation,
    pub(crate) recovery: Option<&'a Operation>,
    /// How often the victim was asleep.
    naps: i32,
    sleepers_started: bool,
    /// Where the victim was when it was stopped or killed.
    pub(crate) place: String,
}

/// What a round showed.
pub(crate) struct Outcome {
    /// The point that was asked for is the operation's end, or beyond it.
    pub(crate) at_end: bool,
    /// The same for the second victim.
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
            naps: 0,
            sleepers_started: false,
            place: String::new(),
        }
    }

    /// Plays the round. `known` is the operation's trace, if it is always the same: then the way to
    /// the point is taken at full speed.
    pub(crate) fn play(
        &mut self,
        fate: Fate,
        point: usize,
        known: Option<&Trace>,
        mut record: Option<&mut Trace>,
    ) -> Result<Outcome, String> {
        let operation = self.operation;
        self.processes.tell(0, Phase::SetUp, operation, 0)?;
        let mut victim = self.processes.victim(operation)?;
        if operation.sleepers > 0 && !operation.sleep_at_block {
            self.start_sleepers()?;
        }
        let processes = self.processes.count();
        if let Some(trace) = record.as_deref_mut() {
            trace.processes = processes;
        }
        let reached = self.bring(&mut victim, point, known, record)?;
        let mut second_at_end = false;
        let progress = match fate {
            Fate::Stop => {
                self.leave_stopped(&mut victim, reached.asleep)?;
                Progress::LeftAlive
            }
            Fate::Kill => {
                self.kill(&mut victim)?;
                match () {
                    () if reached.at_end => Progress::KilledAfter,
                    () if point == 0 => Progress::KilledBefore,
                    () => Progress::KilledWithin,
                }
            }
            Fate::Second(second_point) => {
                self.kill(&mut victim)?;
                second_at_end = self.kill_second(second_point)?;
                Progress::KilledWithin
            }
        };
        let alive = i32::from(progress == Progress::LeftAlive);
        self.processes.tell(0, Phase::LetGo, operation, alive)?;
        for checker in CHECKERS {
            self.processes.begin(checker, Phase::Check, operation, 0)?;
        }
        for checker in CHECKERS {
            self.processes.end(checker, Phase::Check)?;
        }
        if self.sleepers_started {
            for &sleeper in &SLEEPERS[..operation.sleepers] {
                self.processes.end(sleeper, Phase::Sleep)?;
            }
        }
        self.processes
            .tell(0, Phase::Settle, operation, progress as i32)?;
        Ok(Outcome {
            at_end: reached.at_end,
            second_at_end,
            points: reached.points,
        })
    }

    fn start_sleepers(&mut self) -> Result<(), String> {
        self.sleepers_started = true;
        self.processes.start_sleepers(self.operation)
    }

    /// The victim is asleep: now those that are to sleep beside it, and what it waits for.
    fn wake(&mut self) -> Result<(), String> {
        self.begin_to_wake()?;
        self.processes.end(0, Phase::Release)
    }

    fn begin_to_wake(&mut self) -> Result<(), String> {
        self.naps += 1;
        if self.operation.sleepers > 0 && !self.sleepers_started {
            self.start_sleepers()?;
        }
        self.processes
            .begin(0, Phase::Release, self.operation, self.naps)
    }

    fn kill(&mut self, victim: &mut Tracee) -> Result<(), String> {
        self.place = victim.place();
        victim.kill()
    }

    /// Executes the victim's instructions up to `point`, or to the operation's end.
    fn bring(
        &mut self,
        victim: &mut Tracee,
        point: usize,
        known: Option<&Trace>,
        mut record: Option<&mut Trace>,
    ) -> Result<Reached, String> {
        let mut points = 0;
        if let Some(trace) = known {
            let last = trace.positions.len().saturating_sub(1);
            points = jump(victim, trace, point.min(trace.steady.unwrap_or(last)))?;
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
                    self.wake()?;
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

    /// Leaves the victim stopped while the survivors try, then lets it go on to its end.
    fn leave_stopped(&mut self, victim: &mut Tracee, asleep: bool) -> Result<(), String> {
        if asleep {
            victim.stop()?;
        }
        self.place = victim.place();
        self.processes
            .tell(0, Phase::Meanwhile, self.operation, 0)?;
        victim.resume()?;
        // Survivor 0 may have to wait for what the victim holds, so both are attended to.
        let mut releasing = false;
        let mut since = Instant::now();
        loop {
            if releasing && self.processes.has_answered(0) {
                self.processes.end(0, Phase::Release)?;
                releasing = false;
            }
            let event = victim.look(!releasing)?;
            if event.is_some() {
                since = Instant::now();
            }
            match event {
                Some(Event::Marker) => victim.resume()?,
                Some(Event::Asleep) => {
                    self.begin_to_wake()?;
                    releasing = true;
                }
                Some(Event::Exited(0)) => break,
                Some(Event::Exited(status)) => {
                    return Err(format!("the victim ended with status {status}"));
                }
                None => look_again(since),
            }
        }
        if releasing {
            self.processes.end(0, Phase::Release)?;
        }
        Ok(())
    }

    fn kill_second(&mut self, point: usize) -> Result<bool, String> {
        let recovery = self.recovery.ok_or("no recovery is defined")?;
        let mut victim = self.processes.victim(recovery)?;
        let reached = self.bring(&mut victim, point, None, None)?;
        self.kill(&mut victim)?;
        Ok(reached.at_end)
    }
}

/// Goes towards `point` with a breakpoint, where that is faster than stepping; returns how far it came.
fn jump(victim: &mut Tracee, trace: &Trace, point: usize) -> Result<usize, String> {
    match trace.best_stop(point) {
        Some((cost, at)) if cost < point => {
            victim.run_to(trace.positions[at], trace.visits[at].unwrap_or(0))?;
            Ok(at)
        }
        _ => Ok(0),
    }
}

/// One stop at a breakpoint costs as much as so many steps.
const STOP_COST: usize = 4;
/// So far before the point the breakpoint is looked for.
const NEAR: usize = 2000;
/// What is more than a point should cost.
const DEAR: usize = 1000;
