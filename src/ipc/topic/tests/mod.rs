//! Random tests of topics: [`model`] compares the calls of one process with a reference, and [`repair`] breaks the
//! index and has it rebuilt. Deaths at every instruction are tested by the kill harness
//! (tests/kill_every_instruction.rs).
//!
//! All random numbers come from a seed, which a failure shows. ROBUSTIPC_TEST_SEED sets it.

mod invariants;
mod model;
mod repair;

use super::*;
use crate::base::error::Errno;
use crate::object::map::Access;
use crate::sys::new_owner::NewOwner;
use core::mem::MaybeUninit;
use invariants::verify;

/// A name that is unlinked when this is dropped.
struct TestName(Name);

impl TestName {
    fn new(test: &str) -> TestName {
        let name = format!("/ripc-test-{}-topic-{test}", std::process::id());
        TestName(Name::new(name.as_bytes()).ok().unwrap())
    }

    fn open(&self, sizes: Sizes, publishes: bool) -> Topic {
        let options = Options {
            object: crate::object::Options {
                create: true,
                exclusive: false,
                access: match publishes {
                    true => Access::ReadWrite,
                    false => Access::ReadOnly,
                },
                adopt: false,
                may_adopt: false,
                check_owner: false,
                unsealed: false,
                descriptor: None,
                mode: 0o600,
                owner: NewOwner::USUAL,
            },
            publishes,
            nonblocking: false,
        };
        let wanted = Wanted {
            sizes: sizes.check().ok().unwrap(),
            user_type: None,
        };
        let opened = Topic::open(&self.0, Some(&wanted), options);
        opened.map(|(topic, _)| topic).ok().unwrap()
    }
}

impl Drop for TestName {
    fn drop(&mut self) {
        let _ = unlink(&self.0);
    }
}

/// The content of the sample with this value: that value, as often as it fits.
fn content(value: u64, words: usize) -> Vec<MaybeUninit<u8>> {
    let bytes = (0..words).flat_map(|_| value.to_ne_bytes());
    bytes.map(MaybeUninit::new).collect()
}

/// The value of a sample, which has to be whole.
fn value_in(bytes: &[MaybeUninit<u8>]) -> u64 {
    let words: Vec<u64> = bytes
        .chunks_exact(8)
        // SAFETY: the samples of these tests are written whole.
        .map(|word| u64::from_ne_bytes(core::array::from_fn(|i| unsafe { word[i].assume_init() })))
        .collect();
    assert!(
        words.windows(2).all(|pair| pair[0] == pair[1]),
        "torn: {words:?}"
    );
    words[0]
}

fn errno<T>(result: Result<T>) -> Option<Errno> {
    result.err().map(|error| error.errno())
}

/// A generator of random numbers (xorshift).
struct Random(u64);

impl Random {
    fn new() -> Random {
        let seed = std::env::var("ROBUSTIPC_TEST_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| crate::base::time::now().as_nanos() as u64 | 1);
        println!("ROBUSTIPC_TEST_SEED={seed}");
        Random(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
