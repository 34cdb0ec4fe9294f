//! Kills a process at every instruction of every operation.
//!
//! The library promises that a process may be killed at any instruction. This program tests that promise. It
//! runs a victim under ptrace through one operation, one instruction at a time, and kills it, or leaves it
//! stopped, after 0, 1, 2, ... instructions, until the operation ends by itself. Each time the survivors
//! have to continue. c-tests/victim has the code of victims and survivors. It is linked to the installed
//! library, so the tested instructions are those that users have.
//!
//!     make check-kill-brief                    a few points, as a part of make check
//!     make check-kill                          the quick set, as a part of make check-all
//!     make check-kill-medium                   more points, for a change in one algorithm
//!     make check-kill-full                     the full set, which takes more than an hour
//!     make check-kill KILL_FLAGS="--only mutex.plain.lock"
//!     make check-kill KILL_FLAGS="--reproduce mutex.plain.lock:kill:17"

#[path = "kill/processes.rs"]
mod processes;
#[path = "kill/round.rs"]
mod round;
#[path = "kill/tracee.rs"]
mod tracee;

use processes::{Must, Operation, Processes};
use round::{Fate, Outcome, Round, Trace};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a survivor may take for an operation that should take no time.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a survivor may take with a primitive that is broken on purpose.
const PATIENCE_IF_BROKEN: Duration = Duration::from_millis(300);

/// After this many failures of one operation the harness goes on to the next operation.
const FAILURES_SHOWN: usize = 3;

/// A recovery of this many instructions is a long one.
const LONG_RECOVERY: usize = 5_000;

/// How much a run tries.
#[derive(Clone, Copy)]
struct Extent {
    /// How many points of an operation to try. If it has more points, the tried points have equal distances,
    /// and as many points at atomic instructions and system calls are added.
    points: usize,
    /// An operation of this many instructions is a long one. It sleeps or computes. If a sleeping victim's
    /// death loses a wake-up, the survivors need up to 100 ms.
    long: usize,
    /// How many points of a long operation to try, as `points`.
    long_points: usize,
    /// How many points deep in a long loop to try, and at how many points to stop a victim if the stop costs
    /// the survivors a second.
    expensive_points: usize,
    /// How many pairs of a point of the first victim and a point of the second one to try.
    pairs: usize,
}

/// Each round of an operation of more instructions than this takes a second: a quarter of the points is tried.
const VERY_LONG: usize = 20_000;

const BRIEF: Extent = Extent {
    points: 12,
    long: 800,
    long_points: 4,
    expensive_points: 1,
    pairs: 3,
};
const QUICK: Extent = Extent {
    points: 36,
    long: 800,
    long_points: 12,
    expensive_points: 3,
    pairs: 9,
};
const MEDIUM: Extent = Extent {
    points: 400,
    long: 700,
    long_points: 30,
    expensive_points: 6,
    pairs: 30,
};
const FULL: Extent = Extent {
    points: 3_000,
    long: 700,
    long_points: 100,
    expensive_points: 20,
    pairs: 100,
};

struct Arguments {
    extent: Extent,
    only: Option<String>,
    list: bool,
    reproduce: Option<(String, Fate, usize)>,
}

const USAGE: &str = "usage: [--brief | --quick | --medium | --full] [--only OPERATION] [--list] [--reproduce OPERATION:kill|stop|second:POINT[:POINT]]";

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments {
        extent: QUICK,
        only: None,
        list: false,
        reproduce: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--brief" => found.extent = BRIEF,
            "--quick" => found.extent = QUICK,
            "--medium" => found.extent = MEDIUM,
            "--full" => found.extent = FULL,
            "--list" => found.list = true,
            "--only" => found.only = Some(words.next().ok_or(USAGE)?),
            "--reproduce" => {
                found.reproduce = Some(point_from(&words.next().ok_or(USAGE)?).ok_or(USAGE)?);
            }
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(found)
}

fn point_from(text: &str) -> Option<(String, Fate, usize)> {
    let parts: Vec<&str> = text.split(':').collect();
    let point = parts.get(2)?.parse().ok()?;
    let fate = match (*parts.get(1)?, parts.len()) {
        ("kill", 3) => Fate::Kill,
        ("stop", 3) => Fate::Stop,
        ("second", 4) => Fate::KillSecond(parts[3].parse().ok()?),
        _ => return None,
    };
    Some((parts[0].to_owned(), fate, point))
}

/// The numbers of points that one operation has and that were tried.
#[derive(Default)]
struct Tally {
    /// How many points the operation has.
    points: usize,
    /// How many of them were tried.
    tried: usize,
    kills: usize,
    stops: usize,
    second_kills: usize,
    failures: usize,
}

struct Harness {
    processes: Processes,
    operations: Vec<Operation>,
    extent: Extent,
    /// Set where failures are expected: they are counted and not printed.
    is_quiet: bool,
    first_failure: Option<String>,
}

impl Harness {
    fn new(
        program: &Path,
        number: usize,
        isolated: bool,
        operations: &[Operation],
        extent: Extent,
    ) -> Result<Harness, String> {
        Ok(Harness {
            processes: Processes::start(program, number, isolated, PATIENCE)?,
            operations: operations.to_vec(),
            extent,
            is_quiet: false,
            first_failure: None,
        })
    }

    fn recovery_of(&self, operation: &Operation) -> Option<Operation> {
        let name = operation.recovery.as_deref()?;
        self.operations
            .iter()
            .find(|other| other.name == name)
            .cloned()
    }

    /// Runs one round. If it fails, reports the failure and returns `None`.
    fn run_round(
        &mut self,
        operation: &Operation,
        fate: Fate,
        point: usize,
        known: Option<&Trace>,
        record: Option<&mut Trace>,
        tally: &mut Tally,
    ) -> Result<Option<Outcome>, String> {
        match fate {
            Fate::Kill => tally.kills += 1,
            Fate::Stop => tally.stops += 1,
            Fate::KillSecond(_) => tally.second_kills += 1,
        }
        let recovery = self.recovery_of(operation);
        let mut round = Round::new(&mut self.processes, operation, recovery.as_ref());
        // The victims of another template have other addresses.
        let known = known.filter(|trace| trace.generation == round.processes.generation());
        let mut ended = round.run(fate, point, known, record);
        if matches!(&ended, Err(why) if why.starts_with(tracee::ANOTHER_WAY)) {
            // The operation's instructions depend on others after all, so this round goes step by step.
            self.processes.replace()?;
            round = Round::new(&mut self.processes, operation, recovery.as_ref());
            ended = round.run(fate, point, None, None);
        }
        let location = std::mem::take(&mut round.location);
        let why = match (ended, self.processes.complaint()) {
            (Ok(outcome), None) => return Ok(Some(outcome)),
            (Err(why), _) if why.starts_with("ptrace is not permitted") => return Err(why),
            (Err(_) | Ok(_), Some(complaint)) => complaint,
            (Err(why), None) => why,
        };
        tally.failures += 1;
        self.report_failure(&operation.name, fate, point, &location, &why);
        // Some of the processes may hang, or hold what they should not hold.
        self.processes.replace()?;
        Ok(None)
    }

    fn report_failure(&mut self, name: &str, fate: Fate, point: usize, location: &str, why: &str) {
        let (what, reproducer) = match fate {
            Fate::Kill => ("killed", format!("{name}:kill:{point}")),
            Fate::Stop => ("stopped", format!("{name}:stop:{point}")),
            Fate::KillSecond(second) => (
                "killed, and the process that recovers killed too",
                format!("{name}:second:{point}:{second}"),
            ),
        };
        let text = format!("{name} {what} at point {point} ({location}): {why}");
        if !self.is_quiet {
            println!("FAIL {text}");
            println!("     reproduce: make check-kill KILL_FLAGS=\"--reproduce {reproducer}\"");
        }
        self.first_failure.get_or_insert(text);
    }

    /// Tries one operation: kills, stops and second kills at the chosen points.
    fn try_operation(&mut self, operation: &Operation) -> Result<Tally, String> {
        let mut tally = Tally::default();
        let Some((whole, trace, is_steady)) = self.record(operation, &mut tally)? else {
            return Ok(tally);
        };
        let known = is_steady.then_some(&trace);
        let points = self.choose_points(whole.points, &trace, known);
        tally.points = whole.points;
        tally.tried = points.len();
        for &point in &points {
            if tally.failures >= FAILURES_SHOWN {
                return Ok(tally);
            }
            self.run_round(operation, Fate::Kill, point, known, None, &mut tally)?;
        }
        if operation.can_stop {
            let distance = match points.len().div_ceil(2 * self.extent.expensive_points) {
                distance if operation.stop_is_expensive => distance,
                _ => 1,
            };
            for &point in points.iter().step_by(distance) {
                if tally.failures >= FAILURES_SHOWN {
                    return Ok(tally);
                }
                self.run_round(operation, Fate::Stop, point, known, None, &mut tally)?;
            }
        }
        if operation.recovery.is_some() {
            self.try_pairs(operation, known, whole.points, &mut tally)?;
        }
        Ok(tally)
    }

    /// Runs the operation to its end and records its instructions. Returns also whether a second run took
    /// the same way; then a breakpoint can replace the steps to a point. `None` if the first run failed.
    fn record(
        &mut self,
        operation: &Operation,
        tally: &mut Tally,
    ) -> Result<Option<(Outcome, Trace, bool)>, String> {
        let end = usize::MAX;
        let mut trace = Trace::default();
        let outcome = self.run_round(operation, Fate::Kill, end, None, Some(&mut trace), tally)?;
        let Some(whole) = outcome else {
            return Ok(None);
        };
        let is_worth_it = trace.positions.len() > 100;
        let mut again = Trace::default();
        if is_worth_it {
            self.run_round(operation, Fate::Kill, end, None, Some(&mut again), tally)?;
        }
        let is_steady = is_worth_it && trace.is_like(&again);
        trace.count_visits();
        Ok(Some((whole, trace, is_steady)))
    }

    /// The points to try of an operation with `last` points.
    fn choose_points(&self, last: usize, trace: &Trace, known: Option<&Trace>) -> Vec<usize> {
        let count = match last {
            _ if last < self.extent.long => self.extent.points,
            ..VERY_LONG => self.extent.long_points,
            _ => self.extent.long_points.div_ceil(4),
        };
        let mut points = spread(last, count);
        if points.len() <= last {
            let turning_points = &trace.turning_points;
            let chosen = spread(turning_points.len().saturating_sub(1), count);
            points.extend(chosen.iter().filter_map(|&index| turning_points.get(index)));
            points.sort_unstable();
            points.dedup();
        }
        let is_expensive = |point| known.is_some_and(|trace| trace.is_expensive(point));
        let mut expensive = 0;
        points.retain(|&point| {
            expensive += usize::from(is_expensive(point));
            expensive <= self.extent.expensive_points || !is_expensive(point)
        });
        points
    }

    /// Kills a second victim while it recovers from the death of the first.
    fn try_pairs(
        &mut self,
        operation: &Operation,
        known: Option<&Trace>,
        points: usize,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let recovery = self.recovery_of(operation);
        let recovery_points = match recovery {
            None => return Err(format!("{}: there is no such recovery", operation.name)),
            Some(recovery) => {
                let end = usize::MAX;
                let outcome = self.run_round(&recovery, Fate::Kill, end, None, None, tally)?;
                outcome.map_or(0, |outcome| outcome.points)
            }
        };
        if recovery_points < LONG_RECOVERY {
            // The length of the recovery depends on what the first victim left. A victim killed half-way
            // leaves most.
            let probe = Fate::KillSecond(usize::MAX);
            self.run_round(operation, probe, points / 2, known, None, tally)?;
        }
        // A pair costs as much as the instructions before it.
        let pairs = match recovery_points {
            LONG_RECOVERY.. => self.extent.pairs / 6,
            _ => self.extent.pairs,
        };
        let firsts = spread(points, pairs.isqrt().max(pairs / (recovery_points + 1)));
        let seconds = spread(recovery_points, pairs / firsts.len().max(1));
        for &first in &firsts {
            for &second in &seconds {
                if tally.failures >= FAILURES_SHOWN {
                    return Ok(());
                }
                let fate = Fate::KillSecond(second);
                let outcome = self.run_round(operation, fate, first, known, None, tally)?;
                if outcome.is_some_and(|outcome| outcome.second_at_end) {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The points 0 to `last`, or about `count` of them with equal distances, including the first and the last.
fn spread(last: usize, count: usize) -> Vec<usize> {
    if last < count.max(2) {
        return (0..=last).collect();
    }
    let count = count.max(2) - 1;
    let mut points: Vec<usize> = (0..=count).map(|index| index * last / count).collect();
    points.dedup();
    points
}

fn report(operation: &Operation, tally: &Tally, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    let covered = if tally.tried > tally.points {
        format!("all {} instructions", tally.points)
    } else {
        format!("{} of {} instructions", tally.tried, tally.points)
    };
    println!(
        "{:30} {covered}: {} kills, {} stops, {} second kills, {} failed, {seconds:.1} s",
        operation.name, tally.kills, tally.stops, tally.second_kills, tally.failures
    );
}

fn run() -> Result<bool, String> {
    if !tracee::CAN_STEP {
        return Err("only the instructions of x86_64 are known here".to_owned());
    }
    // Without this the kernel would make short sleeps longer.
    let _ = nix::sys::prctl::set_timerslack(1);
    let arguments = arguments()?;
    let programs = std::env::var_os("ROBUSTIPC_VICTIMS");
    let programs =
        programs.ok_or("the victims are not built: run this test with `make check-kill`")?;
    let mut operations = Vec::new();
    for program in std::env::split_paths(&programs) {
        operations.extend(processes::operations(&program)?);
    }
    if arguments.list {
        for operation in &operations {
            println!("{}", operation.name);
        }
        return Ok(true);
    }
    if let Some((name, fate, point)) = arguments.reproduce {
        return reproduce(&operations, &name, fate, point, arguments.extent);
    }
    let mut chosen: Vec<&Operation> = operations.iter().collect();
    if let Some(only) = &arguments.only {
        chosen.retain(|operation| operation.name.starts_with(only.as_str()));
        if chosen.is_empty() {
            return Err(format!("there is no operation {only}: see --list"));
        }
    }
    let (passed, failed) = run_in_parallel(&operations, &chosen, arguments.extent)?;
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// Tries one point again.
fn reproduce(
    operations: &[Operation],
    name: &str,
    fate: Fate,
    point: usize,
    extent: Extent,
) -> Result<bool, String> {
    let operation = operations.iter().find(|operation| operation.name == name);
    let operation = operation.ok_or_else(|| format!("there is no operation {name}"))?;
    let isolated = processes::isolate();
    let mut harness = Harness::new(&operation.program, 0, isolated, operations, extent)?;
    let mut tally = Tally::default();
    harness.run_round(operation, fate, point, None, None, &mut tally)?;
    println!("{} passed, {} failed", 1 - tally.failures, tally.failures);
    Ok(tally.failures == 0)
}

/// Tries the chosen operations, as many at once as there are processors. Each thread has processes of its own.
/// Returns how many operations passed and how many failed.
fn run_in_parallel(
    operations: &[Operation],
    chosen: &[&Operation],
    extent: Extent,
) -> Result<(usize, usize), String> {
    let next = AtomicUsize::new(0);
    // Only the thread that has begun to trace a process can step it, so each thread has its own harness.
    let work = |number: usize| -> Result<(usize, usize), String> {
        let isolated = processes::isolate();
        let first = chosen.first().ok_or("nothing is chosen")?;
        let mut harness = Harness::new(&first.program, number, isolated, operations, extent)?;
        let (mut passed, mut failed) = (0, 0);
        // Relaxed: the number publishes no other data.
        while let Some(operation) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            if operation.program != harness.processes.program() {
                harness = Harness::new(&operation.program, number, isolated, operations, extent)?;
            }
            let is_good = match operation.must {
                Must::Hold => {
                    let began = Instant::now();
                    let tally = harness.try_operation(operation)?;
                    report(operation, &tally, began);
                    tally.failures == 0
                }
                _ => self_check(&mut harness, operation)?,
            };
            *if is_good { &mut passed } else { &mut failed } += 1;
        }
        Ok((passed, failed))
    };
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get().min(8));
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..workers)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        let mut sum = (0, 0);
        for thread in threads {
            let (passed, failed) = thread.join().map_err(|_| "the harness has a fault")??;
            sum = (sum.0 + passed, sum.1 + failed);
        }
        Ok(sum)
    })
}

/// Tests the harness with an operation that is broken on purpose. Returns whether the harness finds the fault.
fn self_check(harness: &mut Harness, operation: &Operation) -> Result<bool, String> {
    harness.is_quiet = true;
    harness.processes.set_patience(PATIENCE_IF_BROKEN)?;
    let found = find_failure(harness, operation);
    harness.is_quiet = false;
    harness.processes.set_patience(PATIENCE)?;
    found
}

fn find_failure(harness: &mut Harness, operation: &Operation) -> Result<bool, String> {
    let fate = match operation.must {
        Must::FailIfStopped => Fate::Stop,
        _ => Fate::Kill,
    };
    harness.first_failure = None;
    let mut tally = Tally::default();
    for point in 0.. {
        let outcome = harness.run_round(operation, fate, point, None, None, &mut tally)?;
        if let Some(failure) = &harness.first_failure {
            println!("caught {failure}");
            return Ok(true);
        }
        if outcome.is_none_or(|outcome| outcome.at_end) {
            break;
        }
    }
    println!(
        "FAIL {} is broken on purpose, and nothing was found",
        operation.name
    );
    Ok(false)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("kill_every_instruction: {why}");
            ExitCode::FAILURE
        }
    }
}
