//! A queue's memory overwritten anywhere but in the payloads, as by a wild pointer: before calls
//! and during calls of several threads. Every call must return: done, refused, or `EUCLEAN` with
//! text. The mapping stands between pages that cannot be accessed.
//!
//! It runs in a process of its own, which a crash may take. A watchdog ends it when no call
//! returns, and shows what it was doing.
//!
//! One thing is left out, because it cannot be told: a latch's word gets no living thread's id.

use super::*;

use crate::sys::futex::{OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::process as threads;
use core::num::NonZeroUsize;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

const VARIABLE: &str = "ROBUSTIPC_TEST_WILD";

/// How often a call returned; what was called last, for the watchdog.
static PROGRESS: AtomicU64 = AtomicU64::new(0);
static LAST_CALLS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
static WATCHED: AtomicPtr<QueueHeader> = AtomicPtr::new(core::ptr::null_mut());

/// No call on a damaged queue takes so long, also not on a busy machine.
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
            println!("{:?} (as in `call`)", LAST_CALLS);
            let header = WATCHED.load(Relaxed);
            if !header.is_null() {
                // SAFETY: a queue that is in use is mapped.
                let words = unsafe { core::slice::from_raw_parts(header.cast::<u32>(), 13 * 16) };
                for (line, words) in words.chunks(16).enumerate() {
                    println!("{:4}: {words:08x?}", line * 64);
                }
            }
            std::process::abort();
        }
    }
}

/// A queue of which every byte in front and behind is inaccessible.
struct Guarded {
    // Dropped first, in this order.
    handles: Vec<SharedQueue>,
    _fresh: Fresh,
    guards: Vec<NonNull<core::ffi::c_void>>,
}

const PAGE: usize = 4096;

impl Guarded {
    fn new(capacity: usize, size: usize, overwrites: bool) -> Guarded {
        let fresh = fresh("wild", capacity, size, overwrites);
        let mut guarded = Guarded {
            handles: Vec::new(),
            _fresh: fresh,
            guards: Vec::new(),
        };
        for _ in 0..50 {
            let queue = SharedQueue::open(&guarded._fresh.name, None, OPTIONS);
            let mut queue = queue.unwrap().0;
            queue.overwrites = overwrites;
            let mapping = queue.object.data();
            let start = mapping.base().addr().get();
            // Maps from above: the next mapping comes below this guard.
            let is_guarded = guarded.guard(start - PAGE) & guarded.guard(start + mapping.size());
            guarded.handles.push(queue);
            if is_guarded {
                return guarded;
            }
        }
        panic!("no place between guards was found");
    }

    /// Makes a page inaccessible, if nothing stands there; whether it is.
    fn guard(&mut self, address: usize) -> bool {
        let page = NonZeroUsize::new(PAGE).unwrap();
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED_NOREPLACE;
        // SAFETY: NOREPLACE: nothing that is mapped changes.
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
        WATCHED.store(core::ptr::null_mut(), Relaxed);
        for guard in &self.guards {
            // SAFETY: mapped by guard, and used by nobody.
            unsafe { munmap(*guard, PAGE).unwrap() };
        }
    }
}

/// Sizes of a queue that ends with its last page.
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

/// What a wild pointer hits.
struct Target {
    base: NonNull<u8>,
    /// Of what can be hit, in bytes from the base.
    parts: Vec<Range<usize>>,
    latches: [usize; 2],
    capacity: u64,
}

impl Target {
    fn new(queue: &SharedQueue) -> Target {
        let memory = &queue.memory;
        let base = queue.object.data().base();
        let offset = |address: usize| address - base.addr().get();
        let slot = |number| offset(core::ptr::from_ref(memory.slot(number).unwrap()).addr());
        let rings = size_of::<QueueHeader>()..slot(0);
        let mut parts = vec![0..size_of::<QueueHeader>(), rings];
        parts.extend((0..memory.sizes().max_messages).map(|number| {
            let start = slot(number);
            start..start + size_of::<MessageSlot>()
        }));
        let header = memory.header();
        let latch = |latch: &Latch| offset(core::ptr::from_ref(&latch.word).addr());
        Target {
            base,
            parts,
            latches: [latch(&header.sending.latch), latch(&header.receiving.latch)],
            capacity: memory.capacity(),
        }
    }

    fn value(&self, random: &mut Random, position: usize) -> u64 {
        // SAFETY: in the mapping, and aligned; others may write meanwhile, as to all of it.
        let found = unsafe { self.base.add(position & !7).cast::<AtomicU64>().as_ref() };
        let found = found.load(Relaxed);
        match random.below(16) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => u64::MAX - random.below(self.capacity + 2),
            4 => self.capacity,
            5 => self.capacity.wrapping_sub(1),
            6 => u64::from(std::process::id()),
            7 => u64::from(OWNER_DIED | if random.one_in(2) { WAITERS } else { 0 }),
            8 => found.wrapping_add(1 + random.below(3)),
            9 => found.wrapping_sub(1 + random.below(3)),
            10 => random.below(self.capacity),
            // A pointer: into the queue, to the stack, to nothing.
            11 => self.base.addr().get() as u64 + random.below(4096) * 8,
            12 => core::ptr::from_ref(&found).addr() as u64,
            13 => random.below(100) * 8,
            14 => random.below(8) | random.below(self.capacity) << 32,
            _ => random.next(),
        }
    }

    fn hit(&self, random: &mut Random) {
        let mut part = &self.parts[random.below(self.parts.len() as u64) as usize];
        if random.one_in(3) {
            part = &self.parts[random.below(2) as usize];
        }
        let position = part.start + random.below(part.len() as u64) as usize;
        let value = self.value(random, position);
        if self
            .latches
            .iter()
            .any(|latch| (*latch..latch + 8).contains(&position))
        {
            let word = value as u32;
            let is_living = word & TID_MASK != 0 && !threads::is_gone(word & TID_MASK);
            let word = if is_living { OWNER_DIED } else { word };
            let latch = self.latches[usize::from(position > self.latches[1] - 8)];
            // SAFETY: as in value.
            unsafe { self.base.add(latch).cast::<AtomicU32>().as_ref() }.store(word, Relaxed);
            return;
        }
        // SAFETY: as in value; bytes, aligned words and aligned double words inside the part.
        unsafe {
            match random.below(3) {
                0 => self.base.add(position).write_volatile(value as u8),
                1 => self
                    .base
                    .add(position & !3)
                    .cast()
                    .write_volatile(value as u32),
                _ => self.base.add(position & !7).cast().write_volatile(value),
            }
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

/// Calls on a queue that may be damaged; `thread` is below 4.
fn call(queue: &SharedQueue, random: &mut Random, thread: usize, claimed: &mut Vec<NonNull<u8>>) {
    let size = queue.memory.sizes().message_size as usize;
    let end = queue.object.data().base().addr().get() + queue.object.data().size();
    let is_inside = |place: NonNull<u8>, length: usize| {
        place.addr().get() > queue.object.data().base().addr().get()
            && length <= size
            && place.addr().get() + length <= end
    };
    let bytes = [7; 64 * 101];
    let length = random.one_of(&[0, 1, 64, size / 2, size]).min(size);
    let priority = random.one_of(&[0, 1, 2, 3, PRIORITY_MAX]);
    let timeout_ns = random.one_of(&[0, 0, 100_000, 1_000_000]);
    let mut buffer = vec![MaybeUninit::uninit(); size];
    let what = random.below(16);
    LAST_CALLS[thread].store(what, Relaxed);
    match what {
        0..3 => drop(judged(queue.try_send(&bytes[..length], priority, false))),
        3 => {
            let messages: Vec<_> = (0..random.below(70))
                .map(|_| Source {
                    message: &bytes[..random.below(size as u64 + 1) as usize],
                    priority,
                })
                .collect();
            judged(queue.send(&messages, timeout_ns));
        }
        4..7 => {
            if let Some((length, _)) = judged(queue.try_receive(&mut buffer, false)) {
                assert!(length <= size);
            }
        }
        7 => {
            let mut buffers = vec![buffer; 5];
            let mut targets: Vec<_> = buffers.iter_mut().map(|to| super::Target::of(to)).collect();
            judged(queue.receive(&mut targets, timeout_ns));
        }
        8 => {
            if let Some(place) = judged(in_two_steps(|at_once| queue.reserve(timeout_ns, at_once)))
            {
                assert!(is_inside(place, size));
                // SAFETY: message_size bytes of the mapping.
                unsafe { place.write_bytes(9, size) };
                claimed.push(place);
            }
        }
        9 => {
            if let Some(found) = judged(in_two_steps(|at_once| queue.borrow(timeout_ns, at_once))) {
                assert!(is_inside(found.payload, found.length));
                // SAFETY: so many bytes of the mapping.
                let bytes =
                    unsafe { core::slice::from_raw_parts(found.payload.as_ptr(), found.length) };
                assert!(bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>() < u64::MAX);
                claimed.push(found.payload);
            }
        }
        10..13 => {
            if claimed.is_empty() {
                return;
            }
            let index = random.below(claimed.len() as u64) as usize;
            let place = claimed[index].as_ptr();
            // Which of them is right, the queue knows.
            let done = judged(in_two_steps(|at_once| queue.give_back(place, at_once))).is_some()
                || judged(in_two_steps(|at_once| {
                    queue.commit(place, length, priority, at_once)
                }))
                .is_some()
                || judged(queue.abandon(place)).is_some();
            if done {
                claimed.swap_remove(index);
            }
        }
        13 => drop(judged(queue.peek_priority())),
        14 => {
            let found = queue.attributes();
            assert!(found.current_messages <= found.max_messages);
            queue.statistics();
            PROGRESS.fetch_add(1, Relaxed);
        }
        _ => {
            let header = queue.header();
            orphan(random.one_of(&[&header.sending.latch, &header.receiving.latch]));
        }
    }
}

fn open_damaged(name: &Name) {
    PROGRESS.fetch_add(1, Relaxed);
    if let Err(error) = SharedQueue::open(name, None, OPTIONS) {
        // EPROTO: another PID namespace.
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
    WATCHED.store(core::ptr::from_ref(queue.header()).cast_mut(), Relaxed);
    let target = Target::new(queue);
    // Threads that end: their claims' damaged entries are in no living thread's robust list when
    // the memory goes.
    let calls = |seed: u64, count: u64, thread: usize| {
        let (mut random, mut claimed) = (Random::new(seed), Vec::new());
        for _ in 0..count {
            call(queue, &mut random, thread, &mut claimed);
        }
    };
    let before = random.below(60);
    in_a_thread_that_ends(|| calls(seed ^ 1 << 32, before, 0));
    for _ in 0..1 + random.below(12) {
        target.hit(&mut random);
    }
    in_a_thread_that_ends(|| calls(seed ^ 2 << 32, 60, 0));
    open_damaged(&guarded._fresh.name);
    if random.one_in(2) {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..3)
                .map(|thread| {
                    scope.spawn(move || calls(seed ^ (3 + thread) << 32, 60, thread as usize))
                })
                .collect();
            let (is_over, target, random) = (&is_over, &target, &mut random);
            scope.spawn(move || {
                while !is_over.load(Relaxed) {
                    target.hit(random);
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
        open_damaged(&guarded._fresh.name);
    }
}

// SAFETY: it gives out nothing but writes that are meant to be wild.
unsafe impl Sync for Target {}
// SAFETY: as above.
unsafe impl Send for Target {}

/// The process that `a_damaged_queue_answers` starts.
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
fn a_damaged_queue_answers() {
    let arguments = format!("{} {}", seed(), 150 * rounds());
    let child = process("wild::rounds_in_a_process", VARIABLE, &arguments)
        .spawn()
        .unwrap();
    let left = format!("/ripc-test-{}-wild", child.id());
    let output = child.wait_with_output().unwrap();
    // If it was killed.
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

/// What is true stands in the slots: with rings, lists and counts overwritten, a repair brings back
/// every message in its order.
#[test]
fn a_repair_needs_only_the_slots() {
    let seed = seed();
    for round in 0..100 * rounds() {
        println!("seed {seed}, round {round}");
        let mut random = Random::new(seed + round);
        let capacity = 1 + random.below(60);
        let fresh = fresh("repair", capacity as usize, 64, false);
        let queue = &fresh.queue;
        let mut expected = Vec::new();
        for number in 0..4 * capacity {
            let priority = random.below(5) as u32;
            if queue
                .try_send(&number.to_ne_bytes(), priority, false)
                .is_ok()
            {
                expected.push((core::cmp::Reverse(priority), number));
            }
            if random.one_in(3) {
                expected.sort();
                let first = expected.drain(..expected.len().min(1)).next();
                assert_eq!(receive_number(queue), first.map(|(_, number)| number));
            }
        }
        expected.sort();
        let header = queue.header();
        let target = Target::new(queue);
        let rings = target.parts[1].clone();
        for _ in 0..random.below(200) {
            let position = rings.start + random.below(rings.len() as u64) as usize;
            let value = target.value(&mut random, position);
            // SAFETY: inside the rings and levels.
            unsafe { target.base.add(position & !7).cast().write_volatile(value) };
        }
        for count in [
            &header.waiting.rise,
            &header.receiving.drained,
            &header.received.freed,
            &header.received.removed,
        ] {
            count.store(target.value(&mut random, rings.start), Relaxed);
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
            word.store(target.value(&mut random, rings.start) as u32, Relaxed);
        }
        assert!(orphan(
            random.one_of(&[&header.sending.latch, &header.receiving.latch])
        ));
        verify(queue);
        for (_, number) in expected {
            assert_eq!(receive_number(queue), Some(number));
        }
        assert_eq!(receive_number(queue), None);
        verify(queue);
    }
}

fn receive_number(queue: &SharedQueue) -> Option<u64> {
    let mut buffer = [MaybeUninit::uninit(); 64];
    match queue.try_receive(&mut buffer, false) {
        Ok((8, _)) => {
            // SAFETY: the queue has written them.
            let bytes = core::array::from_fn(|index| unsafe { buffer[index].assume_init() });
            Some(u64::from_ne_bytes(bytes))
        }
        other => {
            assert_eq!(other.plain(), Err(Errno::EAGAIN));
            None
        }
    }
}
