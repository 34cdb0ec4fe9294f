//! The queue against references: [`model`] step by step in one process, [`processes`] with several
//! at once, [`wild`] with its memory overwritten. Deaths at every instruction are tested from C.
//!
//! What is random comes from a seed, which a failure shows; ROBUSTIPC_TEST_SEED sets it.
//! ROBUSTIPC_TEST_ROUNDS says how many times as long the tests run as in `make check`.

mod invariants;
mod model;
mod processes;
mod wild;

use super::super::Options;
use super::*;
use invariants::verify;
use std::process::{Command, Stdio};

/// A queue under a name of its own, which is removed with it.
struct Fresh {
    queue: SharedQueue,
    name: Name,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = unlink(&self.name);
    }
}

const OPTIONS: Options = Options {
    descriptor: None,
    create: true,
    exclusive: false,
    direction: Direction::Both,
    nonblocking: false,
    check_owner: false,
    kernel: false,
    overwrites: false,
    spin: None,
    mode: 0o600,
};

/// A call in place as ffi makes it: at once, and if that is not to be had, anew.
fn in_two_steps<T>(call: impl Fn(bool) -> Result<T>) -> Result<T> {
    match call(true) {
        Err(error) if error.errno() == Errno::EAGAIN => call(false),
        outcome => outcome,
    }
}

fn name_of(test: &str) -> Name {
    let name = format!("/ripc-test-{}-{test}", std::process::id());
    Name::new(name.as_bytes()).ok().unwrap()
}

fn fresh(test: &str, max_messages: usize, message_size: usize, overwrites: bool) -> Fresh {
    let name = name_of(test);
    let wanted = Some(Attributes {
        max_messages,
        message_size,
        current_messages: 0,
    });
    let options = Options {
        overwrites,
        ..OPTIONS
    };
    let (queue, outcome) = SharedQueue::open(&name, wanted, options).unwrap();
    assert_eq!(outcome, Outcome::Created);
    Fresh { queue, name }
}

/// xorshift64* (Marsaglia, "Xorshift RNGs", 2003; Vigna, 2016): the same numbers every time.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        // Neighbouring seeds must not begin alike, and 0 would stay 0.
        Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 32) % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seed() -> u64 {
    let seed = number_from("ROBUSTIPC_TEST_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::from(now.unwrap().subsec_nanos())
    });
    println!("ROBUSTIPC_TEST_SEED={seed}");
    seed
}

fn rounds() -> u64 {
    number_from("ROBUSTIPC_TEST_ROUNDS").unwrap_or(1)
}

/// Runs `body` in a thread that is gone on return, with its robust list.
fn in_a_thread_that_ends<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(body).join().unwrap())
}

/// Marks a free latch as the kernel does when its holder dies; false if it is held just now.
fn orphan(latch: &Latch) -> bool {
    use crate::sys::futex::OWNER_DIED;
    latch
        .word
        .compare_exchange(0, OWNER_DIED, SeqCst, Relaxed)
        .is_ok()
}

/// Another process that runs one test of this program, whose arguments come in a variable.
fn process(test: &str, variable: &str, arguments: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg(format!(
            "{}::{test}",
            module_path!().split_once("::").unwrap().1
        ))
        .env(variable, arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A result without the text that goes with its error.
trait Plain<T> {
    fn plain(self) -> Result<T, Errno>;
}

impl<T> Plain<T> for Result<T> {
    fn plain(self) -> Result<T, Errno> {
        self.map_err(|error| error.errno())
    }
}
