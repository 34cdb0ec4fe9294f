//! Random tests of the queue: [`model`] compares one process's calls with a reference,
//! [`processes`] judges the calls of several processes at once, and [`wild`] overwrites the queue's
//! memory. Deaths at every instruction are tested by the kill harness
//! (tests/kill_every_instruction.rs).
//!
//! All random numbers come from a seed, which a failure shows. ROBUSTIPC_TEST_SEED sets it.
//! ROBUSTIPC_TEST_ROUNDS makes the tests so many times as long as in `make check`.

mod history;
mod invariants;
mod model;
mod processes;
mod reference;
mod wild;
mod wild_pointer;
mod worker;

use super::memory::{PRIORITY_MAX, Sizes};
use super::*;
use crate::base::time::now;
use crate::ipc::mq::{Options, Source, Target};
use crate::object::Outcome;
use crate::object::layout::{Latch, NONE};
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering::SeqCst;
use invariants::verify;
use std::process::{Command, Stdio};

/// A new queue, which is unlinked when this is dropped.
struct TestQueue {
    queue: SharedQueue,
    name: Name,
}

impl Drop for TestQueue {
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
    owner: crate::sys::new_owner::NewOwner::USUAL,
};

/// Makes a call in place as ffi does: at once, and if that gives `EAGAIN`, once more.
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

fn test_queue(test: &str, max_messages: usize, message_size: usize, overwrites: bool) -> TestQueue {
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
    let (queue, outcome) = SharedQueue::open(&name, wanted, None, options).unwrap();
    assert_eq!(outcome, Outcome::Created);
    TestQueue { queue, name }
}

/// xorshift64* (Marsaglia, "Xorshift RNGs", 2003; Vigna, 2016), which gives the same numbers for
/// one seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        // The product: neighbouring seeds must not begin alike. The 1: a state of 0 would stay 0.
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

/// Runs `body` in a thread that has ended on return, so the kernel has walked its robust list.
fn in_a_thread_that_ends<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(body).join().unwrap())
}

/// Marks a free latch as the kernel does when its holder dies. False if the latch is held now.
fn orphan(latch: &Latch) -> bool {
    use crate::sys::futex::OWNER_DIED;
    latch
        .word
        .compare_exchange(0, OWNER_DIED, SeqCst, Relaxed)
        .is_ok()
}

/// Another process, which runs one test of this program and finds its arguments in a variable.
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

/// A result without its error's text, so that it can be compared.
trait Plain<T> {
    fn plain(self) -> Result<T, Errno>;
}

impl<T> Plain<T> for Result<T> {
    fn plain(self) -> Result<T, Errno> {
        self.map_err(|error| error.errno())
    }
}
