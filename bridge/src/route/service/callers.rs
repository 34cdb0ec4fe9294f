//! The threads that call. A call waits for its reply, so each call under way has a thread.
//!
//! A call that nobody waits for any more is interrupted by a signal, and the library withdraws its request then. A signal that comes
//! just before the thread begins to wait has no effect, so it is sent again until the call has ended.

use crate::kind::ObjectId;
use crate::library::Client;
use crate::network::{Answer, Event, Inbox};
use crate::signals;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many threads a service has at most. Further calls wait for one.
const THREADS: usize = 64;
const AGAIN: Duration = Duration::from_millis(5);

/// A call that another bridge wants.
pub(super) struct Job {
    pub(super) peer: String,
    pub(super) number: u64,
    pub(super) priority: u32,
    /// When its client stops waiting.
    pub(super) until: Option<Instant>,
    pub(super) bytes: Vec<u8>,
}

/// A thread that is in a call.
struct Busy {
    thread: libc::pid_t,
    peer: String,
    is_cancelled: bool,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    busy: Vec<Busy>,
    idle: usize,
    threads: usize,
    is_interrupting: bool,
    is_ending: bool,
}

struct Shared {
    state: Mutex<State>,
    has_work: Condvar,
    /// A call has ended.
    ended: Condvar,
    client: Arc<Client>,
    reply_size: usize,
    object: ObjectId,
    inbox: Arc<Inbox>,
}

/// The callers of one service.
pub(super) struct Callers(Arc<Shared>);

impl Callers {
    pub(super) fn new(
        client: Arc<Client>,
        reply_size: usize,
        object: ObjectId,
        inbox: Arc<Inbox>,
    ) -> Callers {
        signals::permit_interruption();
        Callers(Arc::new(Shared {
            state: Mutex::default(),
            has_work: Condvar::new(),
            ended: Condvar::new(),
            client,
            reply_size,
            object,
            inbox,
        }))
    }

    /// How many calls are under way.
    pub(super) fn count(&self) -> usize {
        let state = self.0.lock();
        state.jobs.len() + state.busy.len()
    }

    /// Begins a call. Its end is [`Event::Answered`].
    pub(super) fn add(&self, job: Job) {
        let mut state = self.0.lock();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < THREADS {
            let shared = self.0.clone();
            let thread = std::thread::Builder::new().name("bridge_call".into());
            // Without a further thread, the call waits for one of the others.
            if thread.spawn(move || shared.work()).is_ok() {
                state.threads += 1;
            }
        }
        let failed = if state.threads == 0 {
            state.jobs.pop_back()
        } else {
            None
        };
        drop(state);
        self.0.has_work.notify_one();
        if let Some(job) = failed {
            // This thread empties the box, so it must not wait for room in it.
            let shared = self.0.clone();
            shared.inbox.put_at_once(shared.end(job, Err(libc::EAGAIN)));
        }
    }

    /// Ends the calls for some bridges. They end with ENOENT.
    pub(super) fn cancel(&self, concerns: &dyn Fn(&str) -> bool) {
        let mut state = self.0.lock();
        let (ended, left): (VecDeque<Job>, VecDeque<Job>) = std::mem::take(&mut state.jobs)
            .into_iter()
            .partition(|job| concerns(&job.peer));
        state.jobs = left;
        let mut is_any_busy = false;
        for busy in state.busy.iter_mut().filter(|busy| concerns(&busy.peer)) {
            (busy.is_cancelled, is_any_busy) = (true, true);
        }
        if is_any_busy && !state.is_interrupting {
            let shared = self.0.clone();
            let thread = std::thread::Builder::new().name("bridge_end_calls".into());
            state.is_interrupting = thread.spawn(move || shared.interrupt()).is_ok();
        }
        drop(state);
        for job in ended {
            let event = self.0.end(job, Err(libc::ENOENT));
            self.0.inbox.put_at_once(event);
        }
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        self.0.lock().is_ending = true;
        self.cancel(&|_| true);
        self.0.has_work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, job: Job, outcome: Result<Vec<u8>, i32>) -> Event {
        Event::Answered(Answer {
            object: self.object.clone(),
            peer: job.peer,
            number: job.number,
            outcome,
        })
    }

    /// A thread: calls until the callers end.
    fn work(&self) {
        // SAFETY: the call takes no argument.
        let thread = unsafe { libc::gettid() };
        let mut state = self.lock();
        loop {
            let Some(job) = state.jobs.pop_front() else {
                if state.is_ending {
                    state.threads -= 1;
                    return;
                }
                state.idle += 1;
                state = self
                    .has_work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            state.busy.push(Busy {
                thread,
                peer: job.peer.clone(),
                is_cancelled: false,
            });
            drop(state);
            let mut outcome = self.call(&job);
            state = self.lock();
            if let Some(at) = state.busy.iter().position(|busy| busy.thread == thread) {
                if state.busy.swap_remove(at).is_cancelled && outcome.is_err() {
                    outcome = Err(libc::ENOENT);
                }
            }
            drop(state);
            self.ended.notify_all();
            self.inbox.put(self.end(job, outcome));
            state = self.lock();
        }
    }

    fn call(&self, job: &Job) -> Result<Vec<u8>, i32> {
        let timeout_ns = match job.until {
            None => -1,
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                i64::try_from(left.as_nanos()).unwrap_or(-1)
            }
        };
        if timeout_ns == 0 {
            return Err(libc::ETIMEDOUT);
        }
        self.client
            .call(&job.bytes, job.priority, self.reply_size, timeout_ns)
            .map_err(|error| error.errno)
    }

    /// A thread: interrupts the calls that were cancelled until none of them is left.
    fn interrupt(&self) {
        let mut state = self.lock();
        loop {
            let mut is_done = true;
            for busy in state.busy.iter().filter(|busy| busy.is_cancelled) {
                is_done = false;
                signals::interrupt(busy.thread);
            }
            if is_done {
                state.is_interrupting = false;
                return;
            }
            let waited = self.ended.wait_timeout(state, AGAIN);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
