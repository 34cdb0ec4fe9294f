//! A queue's memory is overwritten, as by a wild pointer, before calls and during calls of several
//! threads. Every call must return: done, refused, or with `EUCLEAN` and a text. The mapping stands
//! between pages that cannot be accessed.
//!
//! It runs in a process of its own, because it may crash. A watchdog ends that process when no call
//! returns, and shows what it was doing.
//!
//! One corruption cannot be detected: a latch's word gets a living thread's id. It is left out here, because each call would
//! wait for a second. c-tests/general/corruption_queue.c and [`fuzz`](super::super::fuzz) have it.

use super::wild_pointer::WildPointer;
use super::*;
use crate::object::layout::QueueHeader;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

const VARIABLE: &str = "ROBUSTIPC_TEST_WILD";

/// How often a call returned, for the watchdog.
static PROGRESS: AtomicU64 = AtomicU64::new(0);
/// Each thread's last call: a number as in [`Caller::call`].
static LAST_CALLS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
static QUEUE_IN_USE: AtomicPtr<QueueHeader> = AtomicPtr::new(core::ptr::null_mut());

/// No call on a damaged queue takes this long, not even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn watch() {
    let mut last = (0, now());
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let progress = PROGRESS.load(Relaxed);
        if progress != last.0 {
            last = (progress, now());
        } else if now() - last.1 > PATIENCE {
            println!("no call has returned for {PATIENCE:?}; called last:");
            println!("{:?} (as in `Caller::call`)", LAST_CALLS);
            let header = QUEUE_IN_USE.load(Relaxed);
            if !header.is_null() {
                // SAFETY: the queue is mapped while its header stands in QUEUE_IN_USE, and its
                // header has 13 times 64 bytes.
                let words = unsafe { core::slice::from_raw_parts(header.cast::<u32>(), 13 * 16) };
                for (line, words) in words.chunks(16).enumerate() {
                    println!("{:4}: {words:08x?}", line * 64);
                }
            }
            std::process::abort();
        }
    }
}

/// A queue between two inaccessible pages.
struct Guarded {
    // Dropped first, in this order.
    handles: Vec<SharedQueue>,
    _created: TestQueue,
    guards: Vec<NonNull<core::ffi::c_void>>,
}

const PAGE: usize = 4096;

impl Guarded {
    fn new(capacity: usize, size: usize, overwrites: bool) -> Guarded {
        let created = test_queue("wild", capacity, size, overwrites);
        let mut guarded = Guarded {
            handles: Vec::new(),
            _created: created,
            guards: Vec::new(),
        };
        for _ in 0..50 {
            let queue = SharedQueue::open(&guarded._created.name, None, None, OPTIONS);
            let mut queue = queue.unwrap().0;
            queue.overwrites = overwrites;
            let mapping = queue.object.data();
            let start = mapping.base().addr().get();
            // The kernel maps downwards. If a guard cannot be placed, the next mapping comes below
            // this one.
            let is_guarded = guarded.guard(start - PAGE) & guarded.guard(start + mapping.size());
            guarded.handles.push(queue);
            if is_guarded {
                return guarded;
            }
        }
        panic!("no place between guards was found");
    }

    /// Makes a page inaccessible, if nothing is mapped there. Returns whether it is inaccessible.
    fn guard(&mut self, address: usize) -> bool {
        let page = NonZeroUsize::new(PAGE).unwrap();
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED_NOREPLACE;
        // SAFETY: with NOREPLACE, no existing mapping changes.
        let mapped = unsafe {
            mmap_anonymous(
                NonZeroUsize::new(address),
                page,
                ProtFlags::PROT_NONE,
                flags,
            )
        };
        self.guards.extend(mapped);
        self.guards
            .iter()
            .any(|guard| guard.addr().get() == address)
    }

    fn queue(&self) -> &SharedQueue {
        self.handles.last().unwrap()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        QUEUE_IN_USE.store(core::ptr::null_mut(), Relaxed);
        for guard in &self.guards {
            // SAFETY: `guard` has mapped the page, and no code uses it.
            unsafe { munmap(*guard, PAGE).unwrap() };
        }
    }
}

/// Sizes of a queue whose last byte is the last of a page.
fn sizes(random: &mut Random) -> Sizes {
    loop {
        let capacity = 1 + random.below(40) as usize;
        let size = 64 * (1 + random.below(100) as usize);
        let sizes = Sizes::new(capacity, size).unwrap();
        if sizes.total() % PAGE as u64 == 0 {
            return sizes;
        }
    }
}

/// The result of a call that is allowed to fail.
fn judged<T>(result: Result<T>) -> Option<T> {
    PROGRESS.fetch_add(1, Relaxed);
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let errno = error.errno();
            let is_refusal = matches!(
                errno,
                Errno::EAGAIN | Errno::ETIMEDOUT | Errno::EINVAL | Errno::EPERM
            );
            // The upper half of the word says whether there is a text.
            let is_described = error.is_described();
            let is_told = errno == Errno::EUCLEAN && is_described;
            assert!(
                is_refusal || is_told,
                "{error:?}, described: {is_described}"
            );
            None
        }
    }
}

/// One thread's calls on a queue that may be damaged.
struct Caller<'q> {
    queue: &'q SharedQueue,
    random: Random,
    /// Below 4.
    thread: usize,
    claimed: Vec<NonNull<u8>>,
}

impl Caller<'_> {
    fn message_size(&self) -> usize {
        self.queue.memory.sizes().message_size as usize
    }

    fn priority(&mut self) -> u32 {
        self.random.one_of(&[0, 1, 2, 3, PRIORITY_MAX])
    }

    fn timeout_ns(&mut self) -> i64 {
        self.random.one_of(&[0, 0, 100_000, 1_000_000])
    }

    fn length(&mut self) -> usize {
        let size = self.message_size();
        self.random.one_of(&[0, 1, 64, size / 2, size]).min(size)
    }

    fn assert_inside(&self, place: NonNull<u8>, length: usize) {
        let mapping = self.queue.object.data();
        let start = mapping.base().addr().get();
        assert!(length <= self.message_size());
        assert!(place.addr().get() > start);
        assert!(place.addr().get() + length <= start + mapping.size());
    }

    fn call(&mut self) {
        let what = self.random.below(16);
        LAST_CALLS[self.thread].store(what, Relaxed);
        match what {
            0..3 => self.try_send(),
            3 => self.send_many(),
            4..7 => self.try_receive(),
            7 => self.receive_many(),
            8 => self.reserve(),
            9 => self.borrow(),
            10..13 => self.end_claim(),
            13 => drop(judged(self.queue.peek_priority())),
            14 => {
                let found = self.queue.attributes();
                assert!(found.current_messages <= found.max_messages);
                self.queue.statistics().unwrap();
                PROGRESS.fetch_add(1, Relaxed);
            }
            _ => {
                let header = self.queue.header();
                let latches = [&header.sending.latch, &header.receiving.latch];
                orphan(self.random.one_of(&latches));
            }
        }
    }

    fn try_send(&mut self) {
        let (length, priority) = (self.length(), self.priority());
        judged(self.queue.try_send(&BYTES[..length], priority, false));
    }

    fn send_many(&mut self) {
        let (priority, timeout_ns) = (self.priority(), self.timeout_ns());
        let size = self.message_size() as u64;
        let messages: Vec<_> = (0..self.random.below(70))
            .map(|_| Source {
                message: &BYTES[..self.random.below(size + 1) as usize],
                priority,
            })
            .collect();
        judged(self.queue.send(&messages, timeout_ns));
    }

    fn try_receive(&mut self) {
        let mut buffer = vec![MaybeUninit::uninit(); self.message_size()];
        if let Some((length, _)) = judged(self.queue.try_receive(&mut buffer, false)) {
            assert!(length <= self.message_size());
        }
    }

    fn receive_many(&mut self) {
        let timeout_ns = self.timeout_ns();
        let mut buffers = vec![vec![MaybeUninit::uninit(); self.message_size()]; 5];
        let mut targets: Vec<_> = buffers.iter_mut().map(|to| Target::of(to)).collect();
        judged(self.queue.receive(&mut targets, timeout_ns));
    }

    fn reserve(&mut self) {
        let timeout_ns = self.timeout_ns();
        let reserve = |at_once| self.queue.reserve(timeout_ns, at_once);
        if let Some(place) = judged(in_two_steps(reserve)) {
            self.assert_inside(place, self.message_size());
            // SAFETY: message_size bytes of the mapping, as just checked.
            unsafe { place.write_bytes(9, self.message_size()) };
            self.claimed.push(place);
        }
    }

    fn borrow(&mut self) {
        let timeout_ns = self.timeout_ns();
        let borrow = |at_once| self.queue.borrow(timeout_ns, at_once);
        if let Some(found) = judged(in_two_steps(borrow)) {
            self.assert_inside(found.payload, found.length);
            let (start, length) = (found.payload.as_ptr(), found.length);
            // SAFETY: these bytes are in the mapping, as just checked.
            let bytes = unsafe { core::slice::from_raw_parts(start, length) };
            assert!(bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>() < u64::MAX);
            self.claimed.push(found.payload);
        }
    }

    fn end_claim(&mut self) {
        let (length, priority) = (self.length(), self.priority());
        if self.claimed.is_empty() {
            return;
        }
        let index = self.random.below(self.claimed.len() as u64) as usize;
        let place = self.claimed[index].as_ptr();
        let give_back = |at_once| self.queue.give_back(place, at_once);
        let commit = |at_once| self.queue.commit(place, length, priority, at_once);
        // The queue knows which of these calls is right.
        let done = judged(in_two_steps(give_back)).is_some()
            || judged(in_two_steps(commit)).is_some()
            || judged(self.queue.abandon(place)).is_some();
        if done {
            self.claimed.swap_remove(index);
        }
    }
}

/// The payload of all messages; no queue here has longer ones.
const BYTES: [u8; 64 * 101] = [7; 64 * 101];

fn open_damaged(name: &Name) {
    PROGRESS.fetch_add(1, Relaxed);
    if let Err(error) = SharedQueue::open(name, None, None, OPTIONS) {
        // EPROTO: the PID namespace was overwritten.
        let errno = error.errno();
        assert!(matches!(errno, Errno::EUCLEAN | Errno::EPROTO), "{error:?}");
    }
}

fn round(seed: u64) {
    let mut random = Random::new(seed);
    let sizes = sizes(&mut random);
    let (capacity, size) = (sizes.max_messages as usize, sizes.message_size as usize);
    let guarded = Guarded::new(capacity, size, random.one_in(3));
    let queue = guarded.queue();
    QUEUE_IN_USE.store(core::ptr::from_ref(queue.header()).cast_mut(), Relaxed);
    let pointer = WildPointer::new(queue);
    // The calls are made by threads that end. So no living thread's robust list has a damaged entry
    // in the memory when that is unmapped.
    let calls = |seed: u64, count: u64, thread: usize| {
        let mut caller = Caller {
            queue,
            random: Random::new(seed),
            thread,
            claimed: Vec::new(),
        };
        for _ in 0..count {
            caller.call();
        }
    };
    let before = random.below(60);
    in_a_thread_that_ends(|| calls(seed ^ 1 << 32, before, 0));
    for _ in 0..1 + random.below(12) {
        pointer.hit(&mut random);
    }
    in_a_thread_that_ends(|| calls(seed ^ 2 << 32, 60, 0));
    open_damaged(&guarded._created.name);
    if random.one_in(2) {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..3)
                .map(|thread| {
                    scope.spawn(move || calls(seed ^ (3 + thread) << 32, 60, thread as usize))
                })
                .collect();
            let (is_over, pointer, random) = (&is_over, &pointer, &mut random);
            scope.spawn(move || {
                while !is_over.load(Relaxed) {
                    pointer.hit(random);
                    for _ in 0..random.below(2000) {
                        core::hint::spin_loop();
                    }
                }
            });
            let ended: Vec<_> = callers.into_iter().map(|caller| caller.join()).collect();
            is_over.store(true, Relaxed);
            for caller in ended {
                caller.unwrap();
            }
        });
        open_damaged(&guarded._created.name);
    }
}

/// The process that `every_call_on_a_damaged_queue_returns` starts.
#[test]
fn rounds_in_a_process() {
    let Ok(arguments) = std::env::var(VARIABLE) else {
        return;
    };
    let mut arguments = arguments
        .split(' ')
        .map(|argument| argument.parse().unwrap());
    let (seed, count) = (arguments.next().unwrap(), arguments.next().unwrap());
    std::thread::spawn(watch);
    for number in 0..count {
        println!("ROBUSTIPC_TEST_SEED={}", seed + number);
        round(seed + number);
    }
}

#[test]
fn every_call_on_a_damaged_queue_returns() {
    let arguments = format!("{} {}", seed(), 150 * rounds());
    let child = process("wild::rounds_in_a_process", VARIABLE, &arguments)
        .spawn()
        .unwrap();
    let left = format!("/ripc-test-{}-wild", child.id());
    let output = child.wait_with_output().unwrap();
    // The queue of a process that was killed.
    let _ = unlink(&Name::new(left.as_bytes()).ok().unwrap());
    if !output.status.success() {
        let tail = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let lines: Vec<_> = text.lines().rev().take(60).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        println!("{}\n{}", tail(&output.stdout), tail(&output.stderr));
        panic!("{}", output.status);
    }
}

/// The truth stands in the slots: with rings, lists and counters overwritten, a repair brings back
/// every message in its order.
#[test]
fn a_repair_needs_only_the_slots() {
    let seed = seed();
    for round in 0..100 * rounds() {
        println!("seed {seed}, round {round}");
        let mut random = Random::new(seed + round);
        let capacity = 1 + random.below(60);
        let created = test_queue("repair", capacity as usize, 64, false);
        let queue = &created.queue;
        let expected = fill(queue, &mut random, capacity);
        overwrite_index(queue, &mut random);
        let header = queue.header();
        let latches = [&header.sending.latch, &header.receiving.latch];
        assert!(orphan(random.one_of(&latches)));
        verify(queue);
        for number in expected {
            assert_eq!(receive_number(queue), Some(number));
        }
        assert_eq!(receive_number(queue), None);
        verify(queue);
    }
}

/// Sends numbers, and receives some. Returns those that are left, in their order.
fn fill(queue: &SharedQueue, random: &mut Random, capacity: u64) -> Vec<u64> {
    let mut expected = Vec::new();
    for number in 0..4 * capacity {
        let priority = random.below(5) as u32;
        let sent = queue.try_send(&number.to_ne_bytes(), priority, false);
        if sent.is_ok() {
            expected.push((core::cmp::Reverse(priority), number));
        }
        if random.one_in(3) {
            expected.sort();
            let first = expected.drain(..expected.len().min(1)).next();
            assert_eq!(receive_number(queue), first.map(|(_, number)| number));
        }
    }
    expected.sort();
    expected.into_iter().map(|(_, number)| number).collect()
}

fn overwrite_index(queue: &SharedQueue, random: &mut Random) {
    let header = queue.header();
    let pointer = WildPointer::new(queue);
    for _ in 0..random.below(200) {
        pointer.hit_rings(random);
    }
    for count in [
        &header.waiting.rise,
        &header.receiving.drained,
        &header.received.freed,
        &header.received.removed,
    ] {
        count.store(pointer.any_value(random), Relaxed);
    }
    for word in [
        &header.sending.reused,
        &header.sending.seen_freed,
        &header.sending.cold_slots,
        &header.sending.last_priority,
        &header.sending.reserved,
        &header.receiving.level_count,
        &header.receiving.last_priority,
        &header.receiving.borrowed,
    ] {
        word.store(pointer.any_value(random) as u32, Relaxed);
    }
}

fn receive_number(queue: &SharedQueue) -> Option<u64> {
    let mut buffer = [MaybeUninit::uninit(); 64];
    match queue.try_receive(&mut buffer, false) {
        Ok((8, _)) => {
            // SAFETY: the queue has written 8 bytes, as it says.
            let bytes = core::array::from_fn(|index| unsafe { buffer[index].assume_init() });
            Some(u64::from_ne_bytes(bytes))
        }
        other => {
            assert_eq!(other.plain(), Err(Errno::EAGAIN));
            None
        }
    }
}
