//! Kills a process at every instruction of every operation.
//!
//! A library promises that a process may be killed at any instruction. This program tries: it runs a
//! victim under ptrace through one operation, one instruction at a time, and kills it, or leaves it
//! stopped, after 0, 1, 2, ... instructions until the operation ends by itself. Each time the survivors
//! have to go on. What victims and survivors do is in c-tests/victim, which is linked to the library as it
//! is installed: what is stepped is what users have.
//!
//!     make check-kill                          the quick set
//!     make check-kill-full                     the full set
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

/// How long a survivor may take for what should take no time.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for primitives that are known to fail.
const PATIENCE_WITH_THE_BROKEN: Duration = Duration::from_millis(300);

/// After so many failures of one operation the rest of it is left out.
const FAILURES_SHOWN: usize = 3;

/// A recovery of so many instructions is a long one.
const LONG_RECOVERY: usize = 5_000;

/// How much is done.
#[derive(Clone, Copy)]
struct Extent {
    /// Points of an operation that are tried: all of them, or else so many with the same distance,
    /// and as many of those at atomic instructions and system calls.
    points: usize,
    /// An operation of so many instructions is a long one. It sleeps, or computes: the first costs the
    /// survivors up to 100 ms at a point that takes a wake-up with it.
    long: usize,
    /// The same as `points`, for a long operation.
    long_points: usize,
    /// Points deep in a long loop that are tried, and points where a stop takes the survivors a second.
    dear: usize,
    /// Points of the first and of the second victim, multiplied.
    pairs: usize,
}

const QUICK: Extent = Extent {
    points: 36,
    long: 800,
    long_points: 12,
    dear: 3,
    pairs: 9,
};
const FULL: Extent = Extent {
    points: 3_000,
    long: 700,
    long_points: 100,
    dear: 20,
    pairs: 100,
};

struct Arguments {
    extent: Extent,
    only: Option<String>,
    list: bool,
    reproduce: Option<(String, Fate, usize)>,
}

const USAGE: &str = "usage: [--quick | --full] [--only OPERATION] [--list] [--reproduce OPERATION:kill|stop|second:POINT[:POINT]]";

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
            "--quick" => found.extent = QUICK,
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
        ("second", 4) => Fate::Second(parts[3].parse().ok()?),
        _ => return None,
    };
    Some((parts[0].to_owned(), fate, point))
}

/// What happened to one operation.
#[derive(Default)]
struct Tally {
    points: usize,
    tried: usize,
    kills: usize,
    stops: usize,
    seconds: usize,
    failures: usize,
}

struct Harness {
    processes: Processes,
    operations: Vec<Operation>,
    extent: Extent,
    /// Where failures are expected, they are counted and not shown.
    quiet: bool,
    first_failure: Option<String>,
}

impl Harness {
    fn new(
        program: &Path,
        number: usize,
        alone: bool,
        operations: &[Operation],
        extent: Extent,
    ) -> Result<Harness, String> {
        Ok(Harness {
            processes: Processes::assemble(program, number, alone, PATIENCE)?,
            operations: operations.to_vec(),
            extent,
            quiet: false,
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

    /// One round, with its failure reported.
    fn play(
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
            Fate::Second(_) => tally.seconds += 1,
        }
        let recovery = self.recovery_of(operation);
        let mut round = Round::new(&mut self.processes, operation, recovery.as_ref());
        // Another template's victims have other addresses.
        let known = known.filter(|trace| trace.processes == round.processes.count());
        let mut played = round.play(fate, point, known, record);
        if matches!(&played, Err(why) if why.starts_with(tracee::ANOTHER_WAY)) {
            // It depends on others after all: step by step, then.
            self.processes.replace()?;
            round = Round::new(&mut self.processes, operation, recovery.as_ref());
            played = round.play(fate, point, None, None);
        }
        let place = std::mem::take(&mut round.place);
        let why = match (played, self.processes.complaint()) {
            (Ok(outcome), None) => return Ok(Some(outcome)),
            (Err(why), _) if why.starts_with("ptrace is not permitted") => return Err(why),
            (Err(_) | Ok(_), Some(complaint)) => complaint,
            (Err(why), None) => why,
        };
        tally.failures += 1;
        let name = &operation.name;
        let (what, reproducer) = match fate {
            Fate::Kill => ("killed", format!("{name}:kill:{point}")),
            Fate::Stop => ("stopped", format!("{name}:stop:{point}")),
            Fate::Second(second) => (
                "killed, and its heir killed",
                format!("{name}:second:{point}:{second}"),
            ),
        };
        let text = format!("{name} {what} at point {point} ({place}): {why}");
        if !self.quiet {
            println!("FAIL {text}");
            println!("     reproduce: make check-kill KILL_FLAGS=\"--reproduce {reproducer}\"");
        }
        self.first_failure.get_or_insert(text);
        // Some of the processes may hang, or hold what they should not.
        self.processes.replace()?;
        Ok(None)
    }

    /// Everything about one operation.
    fn try_operation(&mut self, operation: &Operation) -> Result<Tally, String> {
        let mut tally = Tally::default();
        let end = usize::MAX;
        let mut trace = Trace::default();
        let Some(whole) = self.play(
            operation,
            Fate::Kill,
            end,
            None,
            Some(&mut trace),
            &mut tally,
        )?
        else {
            return Ok(tally);
        };
        tally.points = whole.points;
        // An operation that takes the same way twice can be entered with a breakpoint.
        let mut again = Trace::default();
        let long = trace.positions.len() > 100;
        if long {
            self.play(
                operation,
                Fate::Kill,
                end,
                None,
                Some(&mut again),
                &mut tally,
            )?;
        }
        let steady = long && trace.is_like(&again);
        trace.count_visits();
        let known = steady.then_some(&trace);

        let count = if whole.points < self.extent.long {
            self.extent.points
        } else {
            self.extent.long_points
        };
        let mut points = spread(whole.points, count);
        if points.len() <= whole.points {
            let turning_points = &trace.turning_points;
            let chosen = spread(turning_points.len().saturating_sub(1), count);
            points.extend(chosen.iter().filter_map(|&index| turning_points.get(index)));
            points.sort_unstable();
            points.dedup();
        }
        let mut dear = 0;
        points.retain(|&point| {
            dear += usize::from(known.is_some_and(|trace| trace.is_dear(point)));
            dear <= self.extent.dear || !known.is_some_and(|trace| trace.is_dear(point))
        });
        tally.tried = points.len();
        for &point in &points {
            if tally.failures >= FAILURES_SHOWN {
                return Ok(tally);
            }
            self.play(operation, Fate::Kill, point, known, None, &mut tally)?;
        }
        if operation.can_stop {
            let distance = match points.len().div_ceil(2 * self.extent.dear) {
                distance if operation.dear_to_stop => distance,
                _ => 1,
            };
            for &point in points.iter().step_by(distance) {
                if tally.failures >= FAILURES_SHOWN {
                    return Ok(tally);
                }
                self.play(operation, Fate::Stop, point, known, None, &mut tally)?;
            }
        }
        if operation.recovery.is_some() {
            self.try_pairs(operation, known, whole.points, &mut tally)?;
        }
        Ok(tally)
    }

    /// A second victim, killed while it recovers from the first.
    fn try_pairs(
        &mut self,
        operation: &Operation,
        known: Option<&Trace>,
        points: usize,
        tally: &mut Tally,
    ) -> Result<(), String> {
        // How long the recovery is depends on what the first left: half-way it has most to do.
        let probe = Fate::Second(usize::MAX);
        let recovery = self.recovery_of(operation);
        let recovery_points = match recovery {
            None => return Err(format!("{}: there is no such recovery", operation.name)),
            Some(recovery) => {
                let outcome = self.play(&recovery, Fate::Kill, usize::MAX, None, None, tally)?;
                outcome.map_or(0, |outcome| outcome.points)
            }
        };
        if recovery_points < LONG_RECOVERY {
            self.play(operation, probe, points / 2, known, None, tally)?;
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
                let outcome =
                    self.play(operation, Fate::Second(second), first, known, None, tally)?;
                if outcome.is_some_and(|outcome| outcome.second_at_end) {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The points 0 to `last`, or about `count` of them with the same distance, the first and the last among
/// them.
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
    let covered = match () {
        () if tally.tried > tally.points => format!("all {} instructions", tally.points),
        () => format!("{} of {} instructions", tally.tried, tally.points),
    };
    println!(
        "{:30} {covered}: {} kills, {} stops, {} second kills, {} failed, {seconds:.1} s",
        operation.name, tally.kills, tally.stops, tally.seconds, tally.failures
    );
}

fn run() -> Result<bool, String> {
    if !tracee::CAN_STEP {
        return Err("only the instructions of x86_64 are known here".to_owned());
    }
    // Short sleeps are to be short.
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
        let operation = operations.iter().find(|operation| operation.name == name);
        let operation = operation.ok_or_else(|| format!("there is no operation {name}"))?;
        let alone = processes::be_alone();
        let program = &operation.program;
        let mut harness = Harness::new(program, 0, alone, &operations, arguments.extent)?;
        let mut tally = Tally::default();
        harness.play(operation, fate, point, None, None, &mut tally)?;
        println!("{} passed, {} failed", 1 - tally.failures, tally.failures);
        return Ok(tally.failures == 0);
    }
    let mut chosen: Vec<&Operation> = operations.iter().collect();
    if let Some(only) = &arguments.only {
        chosen.retain(|operation| operation.name.starts_with(only.as_str()));
        if chosen.is_empty() {
            return Err(format!("there is no operation {only}: see --list"));
        }
    }
    let (passed, failed) = share_out(&operations, &chosen, arguments.extent)?;
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// Tries the chosen operations, as many at once as there are processors, each with a processes of its own.
/// Returns how many passed and how many failed.
fn share_out(
    operations: &[Operation],
    chosen: &[&Operation],
    extent: Extent,
) -> Result<(usize, usize), String> {
    let next = AtomicUsize::new(0);
    // What a thread has begun to trace, it alone can step.
    let work = |number: usize| -> Result<(usize, usize), String> {
        let alone = processes::be_alone();
        let first = chosen.first().ok_or("nothing is chosen")?;
        let mut harness = Harness::new(&first.program, number, alone, operations, extent)?;
        let (mut passed, mut failed) = (0, 0);
        // Relaxed: the number stands for itself.
        while let Some(operation) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            if operation.program != harness.processes.program() {
                harness = Harness::new(&operation.program, number, alone, operations, extent)?;
            }
            let good = match operation.must {
                Must::Hold => {
                    let began = Instant::now();
                    let tally = harness.try_operation(operation)?;
                    report(operation, &tally, began);
                    tally.failures == 0
                }
                _ => self_check(&mut harness, operation)?,
            };
            *if good { &mut passed } else { &mut failed } += 1;
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

/// The harness against itself: whether it finds what is wrong with an operation.
fn self_check(harness: &mut Harness, operation: &Operation) -> Result<bool, String> {
    harness.quiet = true;
    harness.processes.set_patience(PATIENCE_WITH_THE_BROKEN)?;
    let found = find_failure(harness, operation);
    harness.quiet = false;
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
        let outcome = harness.play(operation, fate, point, None, None, &mut tally)?;
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
