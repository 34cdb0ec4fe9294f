//! The system under the models: loom's words in place of the processor's, and a kernel that keeps sleepers
//! and robust locks and makes processors execute fences.
//!
//! The assumption: during a call of membarrier(2), every other running thread executes a sequentially
//! consistent fence between two of its operations. A thread that sleeps or has ended has executed one on its
//! way. So the models try every point at which the kernel may interrupt a thread, and get no more order than
//! such fences give.
//!
//! The models leave out three things. A sleep never ends by itself, neither after 100 ms nor by a signal, so a
//! lost wake-up shows as a deadlock, until a model calls [`futex::let_nobody_sleep`]. A thread's id is
//! gone only in the models of deaths that the kernel does not notice. There is no priority inheritance, whose protocol is the kernel's. One lock stands for all the
//! kernel's buckets of sleepers.

pub(crate) mod atomic {
    pub(crate) use loom::cell::Cell;
    use loom::sync::atomic::Ordering::{self, AcqRel, Acquire, Release, SeqCst};
    pub(crate) use loom::sync::atomic::fence;

    #[derive(Default)]
    pub(crate) struct AtomicU32(pub(super) loom::sync::atomic::AtomicU32);

    #[derive(Default)]
    pub(crate) struct AtomicU64(loom::sync::atomic::AtomicU64);

    /// Runs an operation with the order `order`. Loom treats SeqCst on an operation as AcqRel, but knows the
    /// order of SeqCst fences. So a sequentially consistent operation is one beside a fence here.
    ///
    /// This gives all the order of SeqCst, and a little more: the fence also orders weaker operations before a
    /// load or after a store. So the models do not notice if one of those should have been SeqCst too. (The
    /// fence in the readers-writer lock's `write_lock` is such a case: without it the models pass.)
    fn sequentially<T>(order: Ordering, operation: impl FnOnce(Ordering) -> T) -> T {
        if order != SeqCst {
            return operation(order);
        }
        fence(SeqCst);
        let outcome = operation(AcqRel);
        fence(SeqCst);
        outcome
    }

    macro_rules! operations {
        ($atomic:ty, $value:ty) => {
            impl $atomic {
                pub(crate) fn load(&self, order: Ordering) -> $value {
                    if !super::death::step() {
                        return 0;
                    }
                    if order == SeqCst {
                        fence(SeqCst);
                        return self.0.load(Acquire);
                    }
                    self.0.load(order)
                }

                pub(crate) fn store(&self, value: $value, order: Ordering) {
                    if !super::death::step() {
                        return;
                    }
                    if order == SeqCst {
                        self.0.store(value, Release);
                        return fence(SeqCst);
                    }
                    self.0.store(value, order);
                }

                pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                    if !super::death::step() {
                        return 0;
                    }
                    sequentially(order, |order| self.0.swap(value, order))
                }

                pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                    if !super::death::step() {
                        return 0;
                    }
                    sequentially(order, |order| self.0.fetch_add(value, order))
                }

                pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                    if !super::death::step() {
                        return 0;
                    }
                    sequentially(order, |order| self.0.fetch_sub(value, order))
                }

                pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                    if !super::death::step() {
                        return 0;
                    }
                    sequentially(order, |order| self.0.fetch_or(value, order))
                }

                pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                    if !super::death::step() {
                        return 0;
                    }
                    sequentially(order, |order| self.0.fetch_and(value, order))
                }

                pub(crate) fn compare_exchange(
                    &self,
                    from: $value,
                    to: $value,
                    order: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    if !super::death::step() {
                        return Err(0);
                    }
                    let failure = if failure == SeqCst { Acquire } else { failure };
                    sequentially(order, |order| {
                        self.0.compare_exchange(from, to, order, failure)
                    })
                }

                pub(crate) fn compare_exchange_weak(
                    &self,
                    from: $value,
                    to: $value,
                    order: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    self.compare_exchange(from, to, order, failure)
                }
            }
        };
    }
    operations!(AtomicU32, u32);
    operations!(AtomicU64, u64);
}

/// A thread that dies before one of its operations on words. All further operations, which only destructors make, do
/// nothing.
pub(crate) mod death {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    loom::thread_local! {
        /// How many operations this thread has left, if it is mortal.
        static LEFT: Cell<Option<u32>> = Cell::new(None);
        static IS_DEAD: Cell<bool> = Cell::new(false);
    }

    std::thread_local! {
        /// For all threads of a model: after how many operations its mortal thread dies, and whether it ever did.
        static AFTER: Cell<u32> = const { Cell::new(u32::MAX) };
        static HAS_DIED: Cell<bool> = const { Cell::new(false) };
    }

    struct Death;

    /// Called before each operation. False: the thread is dead.
    pub(super) fn step() -> bool {
        if IS_DEAD.with(Cell::get) {
            return false;
        }
        match LEFT.with(Cell::get) {
            None => {}
            Some(0) => {
                IS_DEAD.with(|dead| dead.set(true));
                resume_unwind(Box::new(Death));
            }
            Some(left) => LEFT.with(|cell| cell.set(Some(left - 1))),
        }
        super::fence::step();
        true
    }

    /// Runs what a mortal thread does. Returns whether it has died. Then the thread stands for the kernel and others.
    pub(crate) fn may_interrupt(body: impl FnOnce()) -> bool {
        LEFT.with(|left| left.set(Some(AFTER.with(Cell::get))));
        let outcome = catch_unwind(AssertUnwindSafe(body));
        LEFT.with(|left| left.set(None));
        let is_dead = IS_DEAD.with(|dead| dead.replace(false));
        match outcome {
            Err(cause) if !cause.is::<Death>() => resume_unwind(cause),
            _ => {}
        }
        if is_dead {
            HAS_DIED.with(|died| died.set(true));
        }
        is_dead
    }

    /// Runs a model once for each operation of its mortal thread, before which the thread dies, and once without a death.
    /// Returns how many operations there were.
    pub(crate) fn before_each_step(model: impl Fn()) -> u32 {
        for step in 0.. {
            AFTER.with(|after| after.set(step));
            HAS_DIED.with(|died| died.set(false));
            model();
            if !HAS_DIED.with(Cell::get) {
                return step;
            }
        }
        unreachable!()
    }
}

pub(crate) mod futex {
    use super::atomic::AtomicU32;
    use super::fence;
    use crate::base::time::Deadline;
    use loom::sync::atomic::Ordering::Relaxed;
    use loom::sync::{Condvar, Mutex};
    use nix::errno::Errno;
    use std::sync::Arc;

    pub(crate) const WAITERS: u32 = libc::FUTEX_WAITERS;
    pub(crate) const OWNER_DIED: u32 = libc::FUTEX_OWNER_DIED;
    pub(crate) const TID_MASK: u32 = libc::FUTEX_TID_MASK;
    pub(crate) const ANY_MAX: usize = 32;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Awoken {
        Recheck,
        TimedOut,
        Interrupted,
    }

    struct Sleeper {
        words: Vec<usize>,
        bed: Arc<Condvar>,
    }

    #[derive(Default)]
    struct Sleepers {
        all: Vec<Sleeper>,
        must_leave: bool,
    }

    loom::lazy_static! {
        static ref SLEEPERS: Mutex<Sleepers> = Mutex::new(Sleepers::default());
    }

    fn address(word: &AtomicU32) -> usize {
        std::ptr::from_ref(word).addr()
    }

    pub(crate) fn wait(
        word: &AtomicU32,
        expected: u32,
        deadline: Deadline,
    ) -> Result<Awoken, Errno> {
        wait_any(&[(word, expected)], deadline)
    }

    pub(crate) fn wait_any(
        words: &[(&AtomicU32, u32)],
        deadline: Deadline,
    ) -> Result<Awoken, Errno> {
        if deadline == Deadline::Now {
            return Ok(Awoken::TimedOut);
        }
        fence::go_away();
        let bed = Arc::new(Condvar::new());
        let mut sleepers = SLEEPERS.lock().unwrap();
        let may_stay = !sleepers.must_leave;
        let is_expected = |(word, expected): &(&AtomicU32, u32)| word.0.load(Relaxed) == *expected;
        if may_stay && words.iter().all(is_expected) {
            sleepers.all.push(Sleeper {
                words: words.iter().map(|(word, _)| address(word)).collect(),
                bed: bed.clone(),
            });
            while sleepers
                .all
                .iter()
                .any(|sleeper| Arc::ptr_eq(&sleeper.bed, &bed))
            {
                sleepers = bed.wait(sleepers).unwrap();
            }
        }
        drop(sleepers);
        if !may_stay {
            loom::thread::yield_now();
        }
        fence::come_back();
        Ok(Awoken::Recheck)
    }

    /// The models' kernel reports every death, and waits for all words.
    pub(crate) fn reports_every_death() -> bool {
        true
    }

    pub(crate) fn can_wait_for_any() -> bool {
        true
    }

    pub(crate) fn wake(word: &AtomicU32, count: u32) -> usize {
        match super::death::step() {
            true => wake_now(word, count),
            false => 0,
        }
    }

    fn wake_now(word: &AtomicU32, count: u32) -> usize {
        let mut sleepers = SLEEPERS.lock().unwrap();
        let mut woken = 0;
        while woken < count as usize {
            let found = sleepers
                .all
                .iter()
                .position(|sleeper| sleeper.words.contains(&address(word)));
            let Some(index) = found else { break };
            sleepers.all.remove(index).bed.notify_one();
            woken += 1;
        }
        woken
    }

    #[derive(Clone, Copy)]
    pub(crate) enum Change {
        Add(u32),
        Or(u32),
    }

    pub(crate) fn change_and_wake_all(word: &AtomicU32, change: Change) -> bool {
        match change {
            Change::Add(number) => word.0.fetch_add(number, Relaxed),
            Change::Or(number) => word.0.fetch_or(number, Relaxed),
        };
        wake_now(word, u32::MAX);
        true
    }

    /// From now on every sleep ends by itself, as it does after 100 ms. For models of a death that wakes nobody.
    pub(crate) fn let_nobody_sleep() {
        let mut sleepers = SLEEPERS.lock().unwrap();
        sleepers.must_leave = true;
        for sleeper in sleepers.all.drain(..) {
            sleeper.bed.notify_one();
        }
    }

    pub(crate) fn lock_pi(_: &AtomicU32, _: Deadline) -> Result<(), Errno> {
        Err(Errno::ENOSYS)
    }

    pub(crate) fn unlock_pi(_: &AtomicU32) -> Result<(), Errno> {
        Err(Errno::ENOSYS)
    }
}

pub(crate) mod fence {
    use super::thread::Thread;
    use loom::sync::atomic::Ordering::{Relaxed, SeqCst};
    use loom::sync::atomic::{AtomicU32, fence};
    use loom::thread;

    // The kernel's state of each thread. All operations are relaxed, so that they give no order that the fences
    // do not give. Each reads and writes at once, so that it never finds an old value.
    const RUNNING: u32 = 0;
    /// The thread executes a fence before its next operation.
    const INTERRUPTED: u32 = 1;
    /// The thread sleeps, has ended or has not begun.
    const AWAY: u32 = 2;

    const THREADS_MAX: usize = 3;

    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Kernel {
        Interrupts,
        /// The kernel has no such call. It keeps no state of the threads, which saves the models steps.
        Cannot,
        /// The call reports success and interrupts nobody. The models must find this fault.
        LeavesOut,
    }

    struct Machine {
        processors: [AtomicU32; THREADS_MAX],
    }

    loom::lazy_static! {
        static ref MACHINE: Machine = Machine {
            processors: core::array::from_fn(|_| AtomicU32::new(AWAY)),
        };
    }

    loom::thread_local! {
        static KERNEL: std::cell::Cell<Kernel> = std::cell::Cell::new(crate::KERNEL);
    }

    /// This thread's index. The first thread has the number 1.
    fn own() -> usize {
        Thread::number() as usize - 1
    }

    pub(crate) fn kernel() -> Kernel {
        KERNEL.with(std::cell::Cell::get)
    }

    /// Sets the kernel for this thread. The thread that starts the others passes it on to them.
    pub(crate) fn set_kernel(kernel: Kernel) {
        KERNEL.with(|own| own.set(kernel));
    }

    fn is_kept() -> bool {
        kernel() != Kernel::Cannot
    }

    /// Called when this thread falls asleep or ends. A switch of threads executes a fence.
    pub(crate) fn go_away() {
        if is_kept() {
            fence(SeqCst);
            MACHINE.processors[own()].swap(AWAY, Relaxed);
        }
    }

    pub(crate) fn come_back() {
        if is_kept() {
            MACHINE.processors[own()].swap(RUNNING, Relaxed);
            fence(SeqCst);
        }
    }

    /// Called between two operations of a thread.
    pub(crate) fn step() {
        if !is_kept() {
            return;
        }
        let processor = &MACHINE.processors[own()];
        if processor.fetch_add(0, Relaxed) == INTERRUPTED {
            fence(SeqCst);
            processor.swap(RUNNING, Relaxed);
        }
    }

    pub(crate) fn light(needs_fence: bool) {
        if needs_fence {
            fence(SeqCst);
        }
    }

    pub(crate) fn heavy() -> bool {
        fence(SeqCst);
        if kernel() == Kernel::Interrupts {
            let others = || {
                let all = MACHINE.processors.iter().enumerate();
                all.filter(|(number, _)| *number != own())
                    .map(|(_, processor)| processor)
            };
            for processor in others() {
                let _ = processor.compare_exchange(RUNNING, INTERRUPTED, Relaxed, Relaxed);
            }
            while others().any(|processor| processor.fetch_add(0, Relaxed) == INTERRUPTED) {
                step();
                thread::yield_now();
            }
        }
        fence(SeqCst);
        kernel() != Kernel::Cannot
    }
}

/// A model's thread announces and lists nothing, because it dies only between its calls.
pub(crate) mod robust {
    #[derive(Default)]
    pub(crate) struct Links;

    #[derive(Default)]
    pub(crate) struct LockKind;

    impl LockKind {
        pub(crate) fn set(&self) {}
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Announced;

    #[derive(Clone, Copy)]
    pub(crate) struct RobustList;

    impl RobustList {
        pub(crate) fn begin(self, _: &Links, _: bool) -> Announced {
            Announced
        }

        pub(crate) fn begin_word(self, _: &super::atomic::AtomicU32) -> Announced {
            Announced
        }

        pub(crate) fn announced(self) -> Announced {
            Announced
        }

        pub(crate) fn finish(self, _: Announced) {}

        /// # Safety
        ///
        /// The caller needs no precondition, because this does nothing.
        pub(crate) unsafe fn link(self, _: &Links, _: bool) {}

        /// # Safety
        ///
        /// The caller needs no precondition, because this does nothing.
        pub(crate) unsafe fn unlink(self, _: &Links) {}

        pub(crate) fn is_linked(self, _: &Links) -> bool {
            false
        }

        pub(crate) fn has_room(self) -> bool {
            true
        }
    }
}

pub(crate) mod thread {
    use super::atomic::AtomicU32;
    use super::futex::{self, OWNER_DIED, TID_MASK, WAITERS};
    use super::robust::RobustList;
    use crate::base::error::Result;
    use loom::sync::atomic::Ordering::{AcqRel, Relaxed};
    use std::cell::Cell;

    loom::thread_local! {
        static ID: Cell<u32> = Cell::new(1);
    }

    std::thread_local! {
        /// For all threads of a model: loom runs them in one thread.
        static NAMESPACE: Cell<u32> = const { Cell::new(0) };
    }

    /// Makes waiters look for the deaths that the kernel does not notice. Called before the objects are
    /// initialised.
    pub(crate) fn look_for_deaths() {
        NAMESPACE.with(|namespace| namespace.set(1));
    }

    /// A thread of the model.
    #[derive(Clone, Copy)]
    pub(crate) struct Thread {
        id: u32,
    }

    /// The number of no processor.
    pub(crate) struct Unknown;

    impl Unknown {
        pub(crate) fn refresh(&self) {}

        pub(crate) fn read(&self) -> u32 {
            0
        }
    }

    impl Thread {
        /// Gives the calling thread its id. The model's first thread has the id 1 without a call.
        pub(crate) fn become_number(id: u32) {
            ID.with(|own| own.set(id));
        }

        pub(crate) fn number() -> u32 {
            ID.with(Cell::get)
        }

        pub(crate) fn known() -> Option<Thread> {
            Thread::current().ok()
        }

        pub(crate) fn current() -> Result<Thread> {
            Ok(Thread {
                id: Thread::number(),
            })
        }

        pub(crate) fn id(self) -> u32 {
            self.id
        }

        /// 0, which stands for unknown, so that nobody looks for deaths that the kernel has not marked, unless
        /// the model has such deaths.
        pub(crate) fn pid_namespace(self) -> u32 {
            NAMESPACE.with(Cell::get)
        }

        pub(crate) fn birth(self) -> super::liveness::Birth {
            0
        }

        pub(crate) fn robust_list(self) -> RobustList {
            RobustList
        }

        /// The models do not spin.
        pub(crate) fn leave_processor(self, _: &AtomicU32) {}

        pub(crate) fn processor(self) -> Unknown {
            Unknown
        }

        /// Does to a lock's word what the kernel does when the calling thread dies and holds it.
        pub(crate) fn die_holding(word: &AtomicU32) {
            let mut seen = word.load(Relaxed);
            while Thread::number() == seen & TID_MASK {
                let marked = (seen & WAITERS) | OWNER_DIED;
                match word.compare_exchange(seen, marked, AcqRel, Relaxed) {
                    Ok(_) if seen & WAITERS != 0 => {
                        futex::wake(word, 1);
                        return;
                    }
                    Ok(_) => return,
                    Err(now) => seen = now,
                }
            }
        }
    }
}

/// Whether threads live. All threads of a model are born alike, so a birth proves nothing here. It is no word of
/// the model's, which saves the models steps.
pub(crate) mod liveness {
    use super::atomic::AtomicU32;
    use super::futex;
    use super::thread::Thread;
    use loom::sync::atomic::Ordering::{Acquire, Release};

    pub(crate) type Birth = u64;
    pub(crate) type BirthCell = std::sync::atomic::AtomicU64;

    loom::lazy_static! {
        /// A bit for each thread that has ended.
        static ref GONE: AtomicU32 = AtomicU32::default();
    }

    pub(crate) fn is_predecessor(_: Birth, _: Birth) -> bool {
        false
    }

    pub(crate) fn id_of(birth: Birth) -> u32 {
        birth as u32
    }

    pub(crate) fn has_no_thread(id: u32) -> bool {
        GONE.load(Acquire) & (1 << id) != 0
    }

    pub(crate) fn may_end_unnoticed(_: u32) -> bool {
        false
    }

    pub(crate) fn is_in_this_process(_: u32) -> bool {
        false
    }

    pub(crate) fn is_gone(id: u32, _: Birth) -> bool {
        has_no_thread(id)
    }

    /// In the models of services, the birth of a process is the number of its only thread.
    pub(crate) fn is_process_gone(birth: Birth) -> bool {
        has_no_thread(birth as u32)
    }

    /// As [`end_unnoticed`], for a process with this birth.
    pub(crate) fn end_process(birth: Birth) {
        GONE.fetch_or(1 << birth, Release);
        futex::let_nobody_sleep();
    }

    /// Ends the calling thread in the middle of whatever it holds, and the kernel marks nothing. From now on
    /// nobody sleeps, because every sleeper checks again by itself.
    pub(crate) fn end_unnoticed() {
        GONE.fetch_or(1 << Thread::number(), Release);
        futex::let_nobody_sleep();
    }
}

pub(crate) mod scheduling {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Scheduling {
        Shared,
        Exclusive,
        Budgeted,
    }

    impl Scheduling {
        pub(crate) fn now() -> Scheduling {
            Scheduling::Shared
        }
    }

    pub(crate) fn let_others_run() {
        loom::thread::yield_now();
    }
}

pub(crate) mod process {
    pub(crate) struct ShownNamespace(pub(crate) u32);

    impl core::fmt::Display for ShownNamespace {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            self.0.fmt(f)
        }
    }
}

pub(crate) mod memory {
    pub(crate) fn page_size() -> usize {
        4096
    }
}
