//! Several processes use one queue at once, and their calls are judged afterwards by [`History`].

use super::history::{Event, History, Interval, Log};
use super::worker::{Clock, Worker};
use super::*;

const VARIABLE: &str = "ROBUSTIPC_TEST_WORKER";

/// A log's entry as a line of numbers, which a worker prints for its parent.
fn line_of((interval, event): &(Interval, Event)) -> String {
    let Interval { begin, end } = interval;
    let (kind, numbers) = match *event {
        Event::Sent { id, priority, from } => (0, [id, priority.into(), from]),
        Event::Received {
            id,
            priority,
            until,
        } => (1, [id, priority.into(), until]),
        Event::Abandoned => (2, [0; 3]),
        Event::Full => (3, [0; 3]),
        Event::Empty => (4, [0; 3]),
        Event::Peeked { priority } => (5, [priority.into(), 0, 0]),
        Event::Counted { messages } => (6, [messages, 0, 0]),
    };
    let [one, two, three] = numbers;
    format!("event {begin} {end} {kind} {one} {two} {three}")
}

fn event_of(line: &str) -> Option<(Interval, Event)> {
    let numbers = line.strip_prefix("event ")?;
    let numbers: Vec<u64> = numbers
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    let [begin, end, kind, one, two, three] = numbers[..] else {
        return None;
    };
    let event = match kind {
        0 => Event::Sent {
            id: one,
            priority: two as u32,
            from: three,
        },
        1 => Event::Received {
            id: one,
            priority: two as u32,
            until: three,
        },
        2 => Event::Abandoned,
        3 => Event::Full,
        4 => Event::Empty,
        5 => Event::Peeked {
            priority: one as u32,
        },
        _ => Event::Counted { messages: one },
    };
    Some((Interval { begin, end }, event))
}

/// The parameters of one round. The workers get them in a line of text.
struct Round {
    name: Name,
    clock: String,
    seed: u64,
    steps: u64,
    priorities: u64,
    overwrites: bool,
}

impl Round {
    fn arguments(&self, number: u64) -> String {
        let Round {
            name,
            clock,
            seed,
            steps,
            priorities,
            ..
        } = self;
        let overwrites = u8::from(self.overwrites);
        format!("{name} {clock} {seed} {steps} {priorities} {overwrites} {number}")
    }

    /// The round, and the worker's number.
    fn from_arguments(arguments: &str) -> (Round, u64) {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let [name, clock, numbers @ ..] = &arguments[..] else {
            panic!("{arguments:?}");
        };
        let numbers: Vec<u64> = numbers
            .iter()
            .map(|number| number.parse().unwrap())
            .collect();
        let [seed, steps, priorities, overwrites, number] = numbers[..] else {
            panic!("{numbers:?}");
        };
        let round = Round {
            name: Name::new(name.as_bytes()).ok().unwrap(),
            clock: clock.to_string(),
            seed,
            steps,
            priorities,
            overwrites: overwrites != 0,
        };
        (round, number)
    }

    /// Runs this many workers at once, each in a process; what they did.
    fn run_workers(&self, count: u64) -> Vec<Log> {
        let worker = |number| {
            let arguments = self.arguments(number);
            process("processes::worker_in_a_process", VARIABLE, &arguments)
                .spawn()
                .unwrap()
        };
        let processes: Vec<_> = (1..=count).map(worker).collect();
        // Read at once: a full pipe would stop its process, which holds slots.
        let readers: Vec<_> = processes
            .into_iter()
            .map(|process| std::thread::spawn(move || process.wait_with_output().unwrap()))
            .collect();
        let outputs: Vec<_> = readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .collect();
        for output in &outputs {
            let errors = String::from_utf8_lossy(&output.stderr);
            let status = output.status;
            assert!(status.success(), "a process ended with {status}:\n{errors}");
        }
        let log = |output: &std::process::Output| {
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines().filter_map(event_of).collect()
        };
        outputs.iter().map(log).collect()
    }
}

/// The process that `calls_of_several_processes_fit_into_one_order` starts several times.
#[test]
fn worker_in_a_process() {
    let Ok(arguments) = std::env::var(VARIABLE) else {
        return;
    };
    let (round, number) = Round::from_arguments(&arguments);
    let options = Options {
        create: false,
        overwrites: round.overwrites,
        ..OPTIONS
    };
    let (queue, _) = SharedQueue::open(&round.name, None, None, options).unwrap();
    let clock = Clock::of(&round.clock);
    let random = Random::new(round.seed + number);
    let mut worker = Worker::new(&queue, &clock, random, round.priorities, number << 32);
    for _ in 0..round.steps {
        worker.step();
    }
    worker.finish();
    // The test harness has printed the test's name without a line's end.
    println!();
    for entry in &worker.log {
        println!("{}", line_of(entry));
    }
}

const WORKERS: u64 = 4;

#[test]
fn calls_of_several_processes_fit_into_one_order() {
    let seed = seed();
    for number in 0..4 * rounds() {
        let mut random = Random::new(seed + number);
        let capacity = random.one_of(&[1, 2, 5, 20, 100]);
        let size = random.one_of(&[64, 8192, 9000]);
        let priorities = random.one_of(&[1, 2, 5, 1000]);
        let overwrites = random.one_in(4);
        println!(
            "seed {seed}, round {number}: {capacity} x {size}, {priorities} priorities, overwrites: {overwrites}"
        );
        let created = test_queue("processes", capacity, size, overwrites);
        let round = Round {
            name: created.name,
            clock: format!("ripc-test-{}-clock", std::process::id()),
            seed: seed + number * 100,
            steps: 2000,
            priorities,
            overwrites,
        };
        let clock = Clock::of(&round.clock);
        let mut logs = round.run_workers(WORKERS);
        std::fs::remove_file(format!("/dev/shm/{}", round.clock)).unwrap();
        verify(&created.queue);
        let mut rest = Worker::new(&created.queue, &clock, random, priorities, 0);
        while created.queue.attributes().current_messages != 0 {
            rest.receive(1);
        }
        logs.push(rest.log);
        verify(&created.queue);
        let history = History::of(&logs, capacity as u64, overwrites).unwrap();
        history.check().unwrap();
        assert_eq!(
            history.missing(),
            created.queue.statistics().unwrap().dropped
        );
        // The test has tested something.
        assert!(history.sent() > 100);
    }
}
