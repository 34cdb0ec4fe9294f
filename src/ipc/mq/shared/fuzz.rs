//! Calls on a queue whose memory has arbitrary contents. `cargo fuzz` chooses the bytes and the calls by
//! coverage (fuzz/), and a test at random and exhaustively.
//!
//! One corruption cannot be recognised: a latch's word gets a living thread's id. Then calls are refused, and the queue is
//! usable again when the word is.

use super::latches::set_holder_patience;
use super::memory::Sizes;
use super::*;
use crate::ipc::mq::{Options, Source, Target};
use crate::object::layout::{Latch, MessageSlot};
use crate::sys::futex::OWNER_DIED;
use core::mem::MaybeUninit;
use core::num::NonZeroUsize;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

const PAGE: usize = 4096;

const OPTIONS: Options = Options {
    descriptor: None,
    create: true,
    exclusive: false,
    direction: Direction::Both,
    nonblocking: true,
    check_owner: false,
    kernel: false,
    overwrites: false,
    spin: Some(Duration::ZERO),
    mode: 0o600,
    owner: crate::sys::new_owner::NewOwner::USUAL,
};

/// The input, read from its beginning; zeros behind its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    fn number(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A value that does harm: near to one that is valid, or any.
    fn value(&mut self, capacity: u64) -> u64 {
        match self.byte() % 8 {
            0 => 0,
            1 => u64::MAX,
            2 => capacity
                .wrapping_add(u64::from(self.byte() % 4))
                .wrapping_sub(2),
            3 => u64::from(crate::sys::process::id()),
            4 => u64::from(OWNER_DIED),
            5 => u64::from(self.byte()),
            6 => u64::from(self.number()) << 16 | u64::from(self.number()) << 40,
            _ => {
                let mut bytes = [0; 8];
                bytes.fill_with(|| self.byte());
                u64::from_le_bytes(bytes)
            }
        }
    }
}

/// Sizes of a queue whose last byte is the last of a page.
fn sizes(choice: u8) -> Sizes {
    let fits = |capacity: usize| {
        (1..200)
            .filter_map(|lines| Sizes::new(capacity, 64 * lines).ok())
            .find(|sizes| sizes.total() % PAGE as u64 == 0)
    };
    let capacity = 1 + usize::from(choice % 12);
    (capacity..capacity + 100).find_map(fits).unwrap_or(Sizes {
        max_messages: 1,
        message_size: 64,
    })
}

/// A page that cannot be accessed, behind the queue's mapping, if nothing stands there.
struct Guard(Option<NonNull<core::ffi::c_void>>);

impl Guard {
    fn behind(mapping: &crate::object::map::Mapping) -> Guard {
        let address = NonZeroUsize::new(mapping.base().addr().get() + mapping.size());
        let page = NonZeroUsize::new(PAGE).unwrap_or(NonZeroUsize::MIN);
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED_NOREPLACE;
        // SAFETY: with NOREPLACE, no existing mapping changes.
        let mapped = unsafe { mmap_anonymous(address, page, ProtFlags::PROT_NONE, flags) };
        Guard(mapped.ok())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(page) = self.0 {
            // SAFETY: `behind` has mapped the page, and no code uses it.
            let _ = unsafe { munmap(page, PAGE) };
        }
    }
}

/// The result of a call that is allowed to fail.
fn judged<T>(result: Result<T>) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let is_refusal = matches!(
        error.errno(),
        Errno::EAGAIN | Errno::ETIMEDOUT | Errno::EINVAL | Errno::EPERM | Errno::EDEADLK
    );
    let is_told = error.errno() == Errno::EUCLEAN && error.is_described();
    assert!(is_refusal || is_told, "{error:?}");
    None
}

/// Makes a call in place as ffi does: at once, and if that gives `EAGAIN`, once more.
fn in_two_steps<T>(call: impl Fn(bool) -> Result<T>) -> Result<T> {
    match call(true) {
        Err(error) if error.errno() == Errno::EAGAIN => call(false),
        outcome => outcome,
    }
}

struct Fuzzed<'a> {
    queue: &'a SharedQueue,
    name: &'a Name,
    claimed: Vec<NonNull<u8>>,
}

/// Overwrites a queue and makes calls on it, as the input says.
pub(crate) fn run(input: &[u8]) {
    set_holder_patience(Duration::from_micros(100));
    let mut input = Input(input);
    let how = input.byte();
    let sizes = sizes(how);
    let name = format!("/ripc-fuzz-{}", crate::sys::process::id());
    let Ok(name) = Name::new(name.as_bytes()) else {
        return;
    };
    let attributes = Attributes {
        max_messages: sizes.max_messages as usize,
        message_size: sizes.message_size as usize,
        current_messages: 0,
    };
    let options = Options {
        overwrites: how & 0x80 != 0,
        ..OPTIONS
    };
    let _ = unlink(&name);
    let Ok((queue, _)) = SharedQueue::open(&name, Some(attributes), None, options) else {
        return;
    };
    let _guard = Guard::behind(queue.object.data());
    let mut fuzzed = Fuzzed {
        queue: &queue,
        name: &name,
        claimed: Vec::new(),
    };
    for _ in 0..how >> 4 & 7 {
        judged(queue.try_send(b"text", u32::from(input.byte() % 3), false));
    }
    while !input.0.is_empty() {
        fuzzed.step(&mut input);
    }
    fuzzed.end();
    let _ = unlink(&name);
}

impl Fuzzed<'_> {
    fn step(&mut self, input: &mut Input<'_>) {
        let size = self.queue.memory.sizes().message_size as usize;
        match input.byte() % 16 {
            0..3 => self.overwrite(input),
            3 => {
                let message = vec![7; usize::from(input.number()) % (size + 1)];
                let priority = u32::from(input.byte() % 3);
                judged(self.queue.try_send(&message, priority, false));
            }
            4 => {
                let priority = u32::from(input.number()) & 0x7fff;
                let sources = [(); 5].map(|()| Source {
                    message: b"text",
                    priority,
                });
                judged(self.queue.send(&sources, 0));
            }
            5 | 6 => {
                let mut buffer = vec![MaybeUninit::uninit(); size];
                if let Some((length, _)) = judged(self.queue.try_receive(&mut buffer, false)) {
                    assert!(length <= size);
                }
            }
            7 => {
                let mut buffers = vec![vec![MaybeUninit::uninit(); size]; 3];
                let mut targets: Vec<_> = buffers.iter_mut().map(|to| Target::of(to)).collect();
                judged(self.queue.receive(&mut targets, 0));
            }
            8 => {
                if let Some(place) = judged(in_two_steps(|at_once| self.queue.reserve(0, at_once)))
                {
                    self.claim(place, size);
                }
            }
            9 => {
                if let Some(found) = judged(in_two_steps(|at_once| self.queue.borrow(0, at_once))) {
                    self.claim(found.payload, found.length);
                }
            }
            10 | 11 => self.end_claim(input),
            12 => drop(judged(self.queue.peek_priority())),
            13 => {
                let found = self.queue.attributes();
                assert!(found.current_messages <= found.max_messages);
                assert!(self.queue.statistics().is_ok());
            }
            14 => {
                for latch in self.latches() {
                    let _ = latch.word.compare_exchange(0, OWNER_DIED, Relaxed, Relaxed);
                }
            }
            _ => {
                if let Err(error) = SharedQueue::open(self.name, None, None, OPTIONS) {
                    // EPROTO: the PID namespace was overwritten.
                    assert!(matches!(error.errno(), Errno::EUCLEAN | Errno::EPROTO));
                }
            }
        }
    }

    fn latches(&self) -> [&Latch; 2] {
        let header = self.queue.header();
        [&header.sending.latch, &header.receiving.latch]
    }

    /// Notes a place that the queue has given, which has to be inside it.
    fn claim(&mut self, place: NonNull<u8>, length: usize) {
        let mapping = self.queue.object.data();
        let end = mapping.base().addr().get() + mapping.size();
        assert!(place.addr().get() > mapping.base().addr().get());
        assert!(length <= self.queue.memory.sizes().message_size as usize);
        assert!(place.addr().get() + length <= end);
        self.claimed.push(place);
    }

    fn end_claim(&mut self, input: &mut Input<'_>) {
        let Some(last) = self.claimed.len().checked_sub(1) else {
            return;
        };
        let place = self
            .claimed
            .swap_remove(usize::from(input.byte()).min(last))
            .as_ptr();
        // The queue knows which of these calls is right.
        let give_back = |at_once| self.queue.give_back(place, at_once);
        let commit = |at_once| self.queue.commit(place, 1, 0, at_once);
        let is_over = judged(in_two_steps(give_back)).is_some()
            || judged(in_two_steps(commit)).is_some()
            || judged(self.queue.abandon(place)).is_some();
        if let (false, Some(place)) = (is_over, NonNull::new(place)) {
            // A latch looks held, or the claim was given up.
            self.claimed.push(place);
        }
    }

    fn overwrite(&self, input: &mut Input<'_>) {
        let mapping = self.queue.object.data();
        let words = mapping.size() / 8;
        let place = usize::from(input.number());
        let slots = usize::try_from(self.queue.memory.sizes().max_messages).unwrap_or(1);
        let stride = size_of::<MessageSlot>() + self.queue.memory.sizes().message_size as usize;
        // Half of the places are in the header and the rings, a quarter in the slots' heads.
        let word = match place % 4 {
            0 | 1 => place / 4 % (size_of::<QueueHeader>() / 8 + 64).min(words),
            2 => {
                let slot = mapping.size() - stride * (1 + place / 64 % slots);
                slot / 8 + place / 4 % 8
            }
            _ => place / 4 % words,
        };
        let value = input.value(self.queue.memory.capacity());
        let is_half = input.byte() % 2 == 1;
        // SAFETY: the word is inside the mapping and aligned; this thread alone uses the queue.
        unsafe {
            let target = mapping.base().cast::<u64>().add(word.min(words - 1));
            match is_half {
                true => target.cast::<u32>().write_volatile(value as u32),
                false => target.write_volatile(value),
            }
        }
    }

    /// Gives everything back, after which the queue can be closed whatever stands in it.
    fn end(&mut self) {
        for latch in self.latches() {
            latch.word.fetch_and(OWNER_DIED, Relaxed);
        }
        while let Some(place) = self.claimed.pop() {
            let place = place.as_ptr();
            let _ = judged(in_two_steps(|at_once| self.queue.give_back(place, at_once))).is_some()
                || judged(self.queue.abandon(place)).is_some();
        }
        assert!(self.queue.check_unused().is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::run;

    /// Runs in a thread that ends with its robust list, one test at a time: the queue has one name.
    fn run_all(inputs: impl Iterator<Item = Vec<u8>> + Send) {
        static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _only = ONE_AT_A_TIME.lock();
        std::thread::scope(|scope| scope.spawn(|| inputs.for_each(|input| run(&input))).join())
            .unwrap();
    }

    /// Every word of a small queue gets several values between calls of all kinds.
    #[test]
    fn each_word_of_a_queue_can_have_any_value() {
        let places = (0..700u16).map(|place| 4 * place + 3);
        run_all(places.flat_map(|place| {
            (0..6u8).map(move |value| {
                let [low, high] = place.to_le_bytes();
                let overwrite = [0, low, high, value, 1, value % 2];
                // Two messages; one reserved, one borrowed; overwritten; all calls.
                let mut input = vec![0x23, 0, 1, 8, 9];
                input.extend(overwrite);
                input.extend([3, 1, 0, 0, 5, 10, 0, 13, 12, 14, 9, 4, 0, 0, 7, 15, 8]);
                input
            })
        }));
    }

    #[test]
    fn random_calls_on_a_random_queue_return() {
        let mut state = 7u64;
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u32
        };
        run_all((0..2000).map(move |_| (0..5 + next() % 200).map(|_| next() as u8).collect()));
    }
}
