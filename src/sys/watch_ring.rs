//! Waiting for words in shared memory with an io_uring, whose registered eventfd tells of a wake-up.
//!
//! A ring carries FUTEX_WAIT requests (Linux 6.7). The thread that wakes a word adds to the eventfd in its own
//! system call, so no other thread runs in between: the wake-up costs as much as one on a pipe. That needs
//! IORING_SETUP_DEFER_TASKRUN, which leaves a finished request in a list until the ring's owner asks for it.
//! Without that flag the kernel would interrupt the owner to finish the request, and its epoll_wait() would
//! fail with EINTR.
//!
//! The price is that a ring has one owner: only the thread that made it can use it. When the
//! owner ends, most kernels let its requests go on, and a wake-up still reaches the eventfd. Others (seen on 6.18.44) end
//! them, and that makes the eventfd ready at once. In both cases the eventfd is never silent about a wake-up. See
//! io_uring_setup(2), io_uring_register(2).
//!
//! The kernel reads a word once, when the request begins. After that a request is known by the word's place in
//! its file, so no unmapping makes it dangerous.

use super::direct::system_call;
use super::fd::{Kept, ring as made_ring};
use super::thread::{Thread, generation};
use super::watch_words::Word;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

// From <linux/io_uring.h> and <linux/futex.h>.
const SETUP_CQSIZE: u32 = 1 << 3;
const SETUP_TASKRUN_FLAG: u32 = 1 << 9;
const SETUP_SINGLE_ISSUER: u32 = 1 << 12;
const SETUP_DEFER_TASKRUN: u32 = 1 << 13;
const FEAT_SINGLE_MMAP: u32 = 1 << 0;
const FEAT_NODROP: u32 = 1 << 1;
const OFF_RINGS: libc::off_t = 0;
const OFF_ENTRIES: libc::off_t = 0x1000_0000;
const ENTER_GETEVENTS: usize = 1;
const REGISTER_FILES: usize = 2;
const REGISTER_EVENTFD: usize = 4;
const SQ_TASKRUN: u32 = 1 << 2;
const SQ_CQ_OVERFLOW: u32 = 1 << 1;
const CQ_EVENTFD_DISABLED: u32 = 1;
const OP_ASYNC_CANCEL: u8 = 14;
const CANCEL_ALL: u32 = 1 << 0;
const CANCEL_ANY: u32 = 1 << 2;
const OP_READ: u8 = 22;
const OP_FUTEX_WAIT: u8 = 51;
const FIXED_FILE: u8 = 1;
const SKIP_SUCCESS: u8 = 1 << 6;
const SHARED_32_BITS: i32 = 2;

/// The kernel's struct io_uring_params.
#[repr(C)]
#[derive(Default)]
struct Parameters {
    sq_entries: u32,
    cq_entries: u32,
    flags: u32,
    sq_thread_cpu: u32,
    sq_thread_idle: u32,
    features: u32,
    wq_fd: u32,
    reserved: [u32; 3],
    submissions: SubmissionOffsets,
    completions: CompletionOffsets,
}

#[repr(C)]
#[derive(Default, Clone, Copy)]
struct SubmissionOffsets {
    head: u32,
    tail: u32,
    mask: u32,
    entries: u32,
    flags: u32,
    dropped: u32,
    array: u32,
    reserved: u32,
    user_address: u64,
}

#[repr(C)]
#[derive(Default, Clone, Copy)]
struct CompletionOffsets {
    head: u32,
    tail: u32,
    mask: u32,
    entries: u32,
    overflow: u32,
    completions: u32,
    flags: u32,
    reserved: u32,
    user_address: u64,
}

/// The kernel's struct io_uring_sqe.
#[repr(C)]
#[derive(Default, Clone, Copy)]
struct Request {
    opcode: u8,
    flags: u8,
    priority: u16,
    file: i32,
    offset: u64,
    address: u64,
    length: u32,
    operation_flags: u32,
    key: u64,
    buffer: u16,
    personality: u16,
    file_index: i32,
    address_3: u64,
    reserved: u64,
}

/// The kernel's struct io_uring_cqe.
#[repr(C)]
#[derive(Clone, Copy)]
struct Completion {
    key: u64,
    result: i32,
    flags: u32,
}

const _: () = assert!(size_of::<Parameters>() == 120 && size_of::<Request>() == 64);
const _: () = assert!(size_of::<Completion>() == 16);

/// The key of requests whose end interests nobody.
const NOBODY: u64 = u64::MAX;

/// The largest number of completions that a ring holds.
const COMPLETIONS_MAX: u32 = 1 << 15;

/// How many requests are handed to the kernel at once.
const SUBMISSIONS: u32 = 64;

/// A mapping of one of the ring's two regions. A forked child does not inherit it.
struct Region {
    start: NonNull<u8>,
    length: usize,
    /// The process that has the mapping.
    generation: u32,
}

impl Region {
    fn new(ring: BorrowedFd<'_>, length: usize, offset: libc::off_t) -> Result<Region, Errno> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        let number = ring.as_raw_fd();
        // SAFETY: without MAP_FIXED the kernel picks free addresses. A failed madvise leaves a mapping that a
        // child has and does not use.
        let start = unsafe {
            let start = libc::mmap(
                core::ptr::null_mut(),
                length,
                protection,
                flags,
                number,
                offset,
            );
            if start == libc::MAP_FAILED {
                return Err(Errno::last());
            }
            libc::madvise(start, length, libc::MADV_DONTFORK);
            start
        };
        Ok(Region {
            start: NonNull::new(start.cast()).ok_or(Errno::ENOMEM)?,
            length,
            generation: generation(),
        })
    }

    /// The word at an offset that the kernel gave.
    fn word(&self, offset: u32) -> NonNull<AtomicU32> {
        // SAFETY: the kernel's offsets lie in the region, whose length was computed from them.
        unsafe { self.start.add(offset as usize) }.cast()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // A child does not have the mapping, and may have another one at its address.
        if self.generation == generation() {
            // SAFETY: the mapping is this value's own.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
        }
    }
}

/// A ring of this process, with the eventfd that it adds to whenever a request ends.
pub(crate) struct Ring {
    file: Kept,
    owner: Thread,
    rings: Region,
    requests: Region,
    submissions: SubmissionOffsets,
    completions: CompletionOffsets,
    /// How many requests are written and not handed to the kernel.
    pending: u32,
    /// The memory into which the kernel reads the eventfd's counter.
    counter: NonNull<u64>,
}

// SAFETY: the pointers lead into the ring's own mappings and memory. The kernel refuses other threads than the
// owner, and the user of this value lets one thread in at a time.
unsafe impl Send for Ring {}

/// Whether the kernel has what a ring needs: 0 not asked, 1 no, 2 yes.
static IS_SUPPORTED: AtomicU8 = AtomicU8::new(0);

impl Ring {
    /// A ring of the calling thread, for at most `requests` waits at once. `ENOSYS` if the kernel has no such
    /// rings or does not permit them.
    pub(crate) fn new(eventfd: BorrowedFd<'_>, requests: u32) -> Result<Ring, Errno> {
        if IS_SUPPORTED.load(Ordering::Relaxed) == 1 {
            return Err(Errno::ENOSYS);
        }
        let mut ring = match Ring::make(requests) {
            Err(Errno::EINVAL | Errno::EPERM | Errno::EACCES | Errno::ENOSYS) => {
                IS_SUPPORTED.store(1, Ordering::Relaxed);
                return Err(Errno::ENOSYS);
            }
            made => made?,
        };
        if IS_SUPPORTED.load(Ordering::Relaxed) == 0 {
            let is_supported = ring.can_wait_for_words();
            IS_SUPPORTED.store(1 + u8::from(is_supported), Ordering::Relaxed);
            if !is_supported {
                return Err(Errno::ENOSYS);
            }
        }
        let number = eventfd.as_raw_fd();
        for operation in [REGISTER_EVENTFD, REGISTER_FILES] {
            // SAFETY: both operations read one int.
            unsafe {
                let arguments = [
                    ring.file.number() as usize,
                    operation,
                    (&raw const number).addr(),
                    1,
                    0,
                    0,
                ];
                system_call(libc::SYS_io_uring_register, arguments)
            }?;
        }
        Ok(ring)
    }

    fn make(requests: u32) -> Result<Ring, Errno> {
        let owner = Thread::current().map_err(|error| error.errno())?;
        let mut parameters = Parameters {
            flags: SETUP_CQSIZE | SETUP_TASKRUN_FLAG | SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN,
            // The kernel keeps completions that do not fit in.
            cq_entries: requests
                .clamp(2 * SUBMISSIONS, COMPLETIONS_MAX)
                .next_power_of_two(),
            ..Parameters::default()
        };
        // SAFETY: these are the kernel's parameters.
        let file = unsafe { made_ring(SUBMISSIONS, &raw mut parameters) }?;
        let needed = FEAT_SINGLE_MMAP | FEAT_NODROP;
        if parameters.features & needed != needed {
            return Err(Errno::ENOSYS);
        }
        let (submissions, completions) = (parameters.submissions, parameters.completions);
        let after = |offset: u32, count: u32, size: usize| offset as usize + count as usize * size;
        let length = after(
            completions.completions,
            parameters.cq_entries,
            size_of::<Completion>(),
        )
        .max(after(submissions.array, parameters.sq_entries, 4));
        let rings = Region::new(file.as_fd(), length, OFF_RINGS)?;
        let length = parameters.sq_entries as usize * size_of::<Request>();
        let requests = Region::new(file.as_fd(), length, OFF_ENTRIES)?;
        let counter = crate::base::alloc::try_box(0u64)?;
        Ok(Ring {
            file: Kept::new(file)?,
            owner,
            rings,
            requests,
            submissions,
            completions,
            pending: 0,
            counter: NonNull::from(Box::leak(counter)),
        })
    }

    /// Asks the kernel by a wait that ends at once, because the word has another value.
    fn can_wait_for_words(&mut self) -> bool {
        let word = AtomicU32::new(1);
        let mut found = 0;
        self.wait_for(Word::new(&word, 0), 0);
        let outcome = self.submit_and_collect(&mut |_, result| found = result);
        outcome.is_ok() && Errno::from_raw(-found) == Errno::EAGAIN
    }

    /// Whether the calling thread can use the ring.
    pub(crate) fn is_own(&self) -> bool {
        self.rings.generation == generation()
            && Thread::current().is_ok_and(|thread| {
                (thread.id(), thread.birth()) == (self.owner.id(), self.owner.birth())
            })
    }

    fn word(&self, offset: u32) -> &AtomicU32 {
        // SAFETY: the words of the ring's header are mapped as long as this value lives, and any bytes are a
        // number. A child in which they are not mapped does not come here.
        unsafe { self.rings.word(offset).as_ref() }
    }

    /// Whether a request has ended that [`submit_and_collect`](Ring::submit_and_collect) has not reported. It may
    /// say so although there is none: see `enter_for_ended`. Any thread of this process may ask.
    pub(crate) fn has_ended_requests(&self) -> bool {
        let (head, tail) = (self.completions.head, self.completions.tail);
        // Acquire, here and below: without it the content of a completion could be read before its number.
        self.word(head).load(Ordering::Relaxed) != self.word(tail).load(Ordering::Acquire)
            || self.word(self.submissions.flags).load(Ordering::Acquire)
                & (SQ_TASKRUN | SQ_CQ_OVERFLOW)
                != 0
    }

    fn push(&mut self, request: Request) {
        if self.pending == SUBMISSIONS {
            // If that fails, the next call fails too, and its caller sees it.
            let _ = self.enter(0);
        }
        let tail = self.word(self.submissions.tail);
        let mask = self.word(self.submissions.mask).load(Ordering::Relaxed);
        let number = tail.load(Ordering::Relaxed);
        let place = number & mask;
        // SAFETY: the mask keeps the place inside both arrays. The kernel has taken what was there before,
        // because at most SUBMISSIONS requests are pending.
        unsafe {
            let requests = self.requests.start.cast::<Request>();
            requests.add(place as usize).write(request);
        }
        self.word(self.submissions.array + 4 * place)
            .store(place, Ordering::Relaxed);
        // Release: the kernel reads the request after it has read its number.
        tail.store(number.wrapping_add(1), Ordering::Release);
        self.pending += 1;
    }

    /// Adds a request that ends when the word is woken, or at once if it does not hold `expected`.
    pub(crate) fn wait_for(&mut self, word: Word, key: u64) {
        self.push(Request {
            opcode: OP_FUTEX_WAIT,
            file: SHARED_32_BITS,
            offset: word.expected.into(),
            address: word.address as u64,
            address_3: u32::MAX.into(),
            key,
            ..Request::default()
        });
    }

    /// Adds a request that ends the wait with this key.
    pub(crate) fn cancel(&mut self, key: u64) {
        self.push(Request {
            opcode: OP_ASYNC_CANCEL,
            flags: SKIP_SUCCESS,
            address: key,
            key: NOBODY,
            ..Request::default()
        });
    }

    /// Adds a request that sets the eventfd's counter to 0. The counter must not be 0: the failure of the
    /// request would be told of like a wake-up.
    ///
    /// It goes through the ring, which knows the eventfd also if the program has closed its number.
    pub(crate) fn clear_counter(&mut self) {
        self.push(Request {
            opcode: OP_READ,
            flags: FIXED_FILE | SKIP_SUCCESS,
            address: self.counter.addr().get() as u64,
            length: 8,
            // An eventfd of 0 would otherwise keep the request until the next wake-up, and the request would then
            // take that wake-up away. (O_NONBLOCK does not prevent that for a request of a ring.)
            operation_flags: libc::RWF_NOWAIT as u32,
            key: NOBODY,
            ..Request::default()
        });
    }

    /// Sets the eventfd's counter to 0 if it is not 0 already. Wake-ups that come meanwhile are found by the
    /// next [`submit_and_collect`](Ring::submit_and_collect), which the caller has to call.
    pub(crate) fn clear_any_counter(&mut self) -> Result<(), Errno> {
        let flags = self.completions.flags;
        self.word(flags)
            .fetch_or(CQ_EVENTFD_DISABLED, Ordering::SeqCst);
        self.clear_counter();
        let outcome = self.enter(0);
        // SeqCst: the kernel adds to the list of ended requests and then reads the flag. With less, the caller's
        // next system call could miss a request for which the kernel still saw the flag.
        self.word(flags)
            .fetch_and(!CQ_EVENTFD_DISABLED, Ordering::SeqCst);
        outcome
    }

    /// Hands the pending requests to the kernel, without collecting what has ended.
    pub(crate) fn submit(&mut self) -> Result<(), Errno> {
        match self.pending {
            0 => Ok(()),
            _ => self.enter(0),
        }
    }

    /// Hands the pending requests to the kernel and calls `ended` for the key and the result of each request
    /// that has ended. Returns how many completions there were, also of requests that interest nobody.
    pub(crate) fn submit_and_collect(
        &mut self,
        ended: &mut dyn FnMut(u64, i32),
    ) -> Result<usize, Errno> {
        let mut count = 0;
        loop {
            self.enter_for_ended()?;
            let (head, tail) = (self.completions.head, self.completions.tail);
            let mask = self.word(self.completions.mask).load(Ordering::Relaxed);
            let mut number = self.word(head).load(Ordering::Relaxed);
            let end = self.word(tail).load(Ordering::Acquire);
            while number != end {
                let offset = self.completions.completions as usize
                    + (number & mask) as usize * size_of::<Completion>();
                // SAFETY: the mask keeps the place inside the array, and the kernel has written it.
                let found = unsafe { self.rings.start.add(offset).cast::<Completion>().read() };
                if found.key != NOBODY {
                    ended(found.key, found.result);
                }
                count += 1;
                number = number.wrapping_add(1);
            }
            // Release: the kernel may use the places again.
            self.word(head).store(number, Ordering::Release);
            if !self.has_ended_requests() {
                return Ok(count);
            }
        }
    }

    /// Has the kernel put all requests that have ended into the list of completions.
    ///
    /// A waker ends a request in two steps: it puts the request where the owner takes it from, and then sets the flag.
    /// If the owner takes it in between, the flag stays set, and the kernel clears it only when it next has something
    /// to do. So it is cleared here, before the kernel looks: a request that ends later sets it again.
    fn enter_for_ended(&mut self) -> Result<(), Errno> {
        let offset = self.submissions.flags;
        // SeqCst: if the flag could be cleared after the kernel has looked, the mark of a request that ended in between
        // would be lost.
        let before = self.word(offset).fetch_and(!SQ_TASKRUN, Ordering::SeqCst);
        let outcome = self.enter(ENTER_GETEVENTS);
        if outcome.is_err() {
            // Nobody has looked.
            self.word(offset)
                .fetch_or(before & SQ_TASKRUN, Ordering::SeqCst);
        }
        outcome
    }

    fn enter(&mut self, flags: usize) -> Result<(), Errno> {
        loop {
            let number = self.file.number();
            if number < 0 {
                return Err(Errno::EBADF);
            }
            let arguments = [number as usize, self.pending as usize, 0, flags, 0, 0];
            // SAFETY: the requests are valid: words are addresses that the kernel checks, and `counter` lives
            // until the ring is closed. On a file that is no ring the call fails.
            match unsafe { system_call(libc::SYS_io_uring_enter, arguments) } {
                Ok(taken) => {
                    self.pending = self.pending.saturating_sub(taken as u32);
                    if self.pending == 0 {
                        return Ok(());
                    }
                    if taken == 0 {
                        return Err(Errno::EAGAIN);
                    }
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // The kernel would end the waits a moment after the close. Until then they would take wake-ups from
        // sleepers.
        if self.is_own() {
            self.push(Request {
                opcode: OP_ASYNC_CANCEL,
                operation_flags: CANCEL_ALL | CANCEL_ANY,
                key: NOBODY,
                ..Request::default()
            });
            let _ = self.enter(ENTER_GETEVENTS);
        }
        self.file.close();
        if self.rings.generation == generation() {
            // SAFETY: `make` leaked the box. A read is over when the call that submitted it returns, so the
            // kernel does not write there any more. (A child leaves its copy: its parent's allocator may
            // have been in the middle of a change when it forked.)
            drop(unsafe { Box::from_raw(self.counter.as_ptr()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Deadline;
    use crate::base::time::now;
    use crate::sys::{fd, futex, ready};
    use core::time::Duration;

    fn is_readable(file: BorrowedFd<'_>) -> bool {
        let mut list = [ready::watch(file.as_raw_fd(), ready::READABLE)];
        ready::wait_any(&mut list, Deadline::Now).unwrap()
    }

    fn collected(ring: &mut Ring) -> Vec<(u64, i32)> {
        let mut found = Vec::new();
        ring.submit_and_collect(&mut |key, result| found.push((key, result)))
            .unwrap();
        found
    }

    #[test]
    fn a_wake_up_reaches_the_eventfd_while_the_owner_does_nothing() {
        let eventfd = fd::eventfd().unwrap();
        let Ok(mut ring) = Ring::new(eventfd.as_fd(), 4) else {
            return;
        };
        let words = [AtomicU32::new(5), AtomicU32::new(6)];
        ring.wait_for(Word::new(&words[0], 5), 1);
        ring.wait_for(Word::new(&words[1], 6), 2);
        assert_eq!(collected(&mut ring), []);
        assert!(!is_readable(eventfd.as_fd()));
        assert!(!ring.has_ended_requests());
        std::thread::scope(|scope| {
            scope.spawn(|| futex::wake(&words[1], u32::MAX));
        });
        let until = Deadline::At(now() + Duration::from_secs(20));
        ready::wait(eventfd.as_raw_fd(), ready::READABLE, until).unwrap();
        assert!(ring.has_ended_requests());
        assert_eq!(collected(&mut ring), [(2, 0)]);
        ring.clear_counter();
        ring.submit().unwrap();
        assert!(!is_readable(eventfd.as_fd()));
        ring.clear_any_counter().unwrap();
        assert_eq!(collected(&mut ring), []);
        assert!(!is_readable(eventfd.as_fd()));
        // No clearing is left that would take a later wake-up away.
        nix::unistd::write(eventfd.as_fd(), &1_u64.to_ne_bytes()).unwrap();
        assert_eq!(collected(&mut ring), []);
        assert!(is_readable(eventfd.as_fd()));
        ring.clear_counter();
        ring.submit().unwrap();
        ring.cancel(1);
        assert_eq!(collected(&mut ring), [(1, -libc::ECANCELED)]);
        assert_eq!(futex::wake(&words[0], 1), 0);
    }

    #[test]
    fn a_flag_for_nothing_is_taken_back() {
        let eventfd = fd::eventfd().unwrap();
        let Ok(mut ring) = Ring::new(eventfd.as_fd(), 4) else {
            return;
        };
        let flags = ring.submissions.flags;
        ring.word(flags).fetch_or(SQ_TASKRUN, Ordering::SeqCst);
        assert!(ring.has_ended_requests());
        assert_eq!(collected(&mut ring), []);
        assert!(!ring.has_ended_requests());
    }

    #[test]
    fn another_thread_is_refused_and_the_eventfd_tells_of_a_wake_up_after_the_owners_end() {
        let eventfd = fd::eventfd().unwrap();
        let word: &'static AtomicU32 = Box::leak(Box::new(AtomicU32::new(5)));
        let made = std::thread::scope(|scope| {
            let owner = scope.spawn(|| {
                let mut ring = Ring::new(eventfd.as_fd(), 4).ok()?;
                ring.wait_for(Word::new(word, 5), 1);
                ring.submit().unwrap();
                assert!(ring.is_own());
                Some(ring)
            });
            owner.join().unwrap()
        });
        let Some(mut ring) = made else {
            return;
        };
        assert!(!ring.is_own());
        assert!(ring.submit_and_collect(&mut |_, _| {}).is_err());
        // The kernel has ended the request with its thread, or the request goes on.
        let has_ended = ring.has_ended_requests();
        assert_eq!(futex::wake(word, 1), usize::from(!has_ended));
        let until = Deadline::At(now() + Duration::from_secs(20));
        ready::wait(eventfd.as_raw_fd(), ready::READABLE, until).unwrap();
        assert!(ring.has_ended_requests());
    }
}
