//! Notification of messages: a thread that waits for them and does what was asked.
//!
//! mq_notify(3) is not used. It tells one process only, once, and only when a queue that was empty
//! gets a message, so a program that arms it anew and reads in the wrong order waits for ever with
//! messages in the queue; and arming it anew after a signal needs somebody who does it. The thread
//! is told by epoll, edge-triggered, of every message that comes, without taking any: there is no
//! moment between two registrations, any number of processes may be told, and it sleeps
//! while messages wait that nobody takes.

use super::try_lock::{TryLock, TryLockGuard};
use crate::base::error::{Result, fail, failed};
use crate::base::name::Name;
use crate::sys::mqueue::{self, Event};
use crate::sys::worker::Worker;
use crate::sys::{process, signal};
use core::cell::Cell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, Ordering};
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// What is done when messages come.
pub(crate) enum Action {
    Signal { number: i32, value: SignalValue },
    Callback(Box<dyn FnMut() + Send>),
    Eventfd(OwnedFd),
}

/// A C program's pointer, which is only passed on.
pub(crate) struct SignalValue(pub(crate) *mut c_void);

// SAFETY: the pointer is never followed here.
unsafe impl Send for SignalValue {}

thread_local! {
    /// How many messages this thread has received: by it a notifier sees that its callback took
    /// some.
    static RECEIVED: Cell<u64> = const { Cell::new(0) };
}

/// The notification of one handle, if it has one.
#[derive(Default)]
pub(super) struct Notifier {
    /// Only ever tried, never waited for: in a child, a thread that held it when the parent
    /// forked does not exist.
    current: TryLock<Option<Notification>>,
    /// Whether there may be one.
    is_notifying: AtomicBool,
}

impl Notifier {
    /// Has `action` done for the messages that wait and for each that comes. `arrivals` are made
    /// when it is certain that there is no notification yet.
    pub(super) fn begin(
        &self,
        name: &Name,
        arrivals: &dyn Fn() -> Result<Box<dyn Arrivals>>,
        action: Action,
    ) -> Result<()> {
        let mut current = self.lock(name)?;
        if current
            .as_ref()
            .is_some_and(Notification::is_of_this_process)
        {
            return Err(fail!(
                EBUSY,
                "{name}: this handle has a notification already; end it first"
            ));
        }
        self.is_notifying.store(true, Ordering::Relaxed);
        let notification = Notification::start(arrivals()?, action)?;
        let shared = Arc::clone(&notification.shared);
        *current = Some(notification);
        // The action may end its own notification at once: it has to find it, and no lock.
        drop(current);
        shared.arrivals.begin().map_err(|errno| {
            // Nothing was begun, so that there is nothing that ending could fail to end.
            let _ = self.end(name);
            failed!(errno, "{name}: cannot be watched")
        })
    }

    /// Ends that: when this returns, the action is over, unless the action itself called.
    pub(super) fn end(&self, name: &Name) -> Result<()> {
        // Taken out first: the thread that is then waited for may call this too.
        let ended = self.lock(name)?.take();
        drop(ended);
        Ok(())
    }

    fn lock(&self, name: &Name) -> Result<TryLockGuard<'_, Option<Notification>>> {
        self.current.try_lock().ok_or_else(|| {
            fail!(
                EBUSY,
                "{name}: another thread is just changing this handle's notification"
            )
        })
    }

    /// Notes that this thread has received a message.
    #[inline(always)]
    pub(super) fn note_received(&self) {
        // Relaxed: the notification's own thread, which alone asks, was started after it was set.
        if self.is_notifying.load(Ordering::Relaxed) {
            RECEIVED.set(RECEIVED.get().wrapping_add(1));
        }
    }
}

/// A notification under way. Dropping it ends it and waits for its thread.
struct Notification {
    shared: Arc<Shared>,
    thread: Option<Worker>,
    /// A child has this struct, but not the thread.
    process: u32,
}

/// How the thread learns of messages.
pub(super) trait Arrivals: Send + Sync {
    /// From now on messages end the wait, at once if there are any.
    fn begin(&self) -> Result<(), Errno>;
    /// Waits for a message that has come since the last time, without taking it.
    fn wait(&self) -> Result<Event, Errno>;
    /// Ends this and every later wait.
    fn stop(&self);
    fn is_empty(&self) -> bool;
}

impl Arrivals for mqueue::Arrivals {
    fn begin(&self) -> Result<(), Errno> {
        self.begin()
    }

    fn wait(&self) -> Result<Event, Errno> {
        self.wait()
    }

    fn stop(&self) {
        self.stop();
    }

    fn is_empty(&self) -> bool {
        mqueue::attributes(self.queue()).is_ok_and(|found| found.current_messages == 0)
    }
}

struct Shared {
    arrivals: Box<dyn Arrivals>,
    /// Ends a callback's repetition; the thread's sleep is ended by `arrivals`.
    is_ended: AtomicBool,
}

impl Notification {
    /// Starts the thread, which does nothing before its arrivals begin.
    fn start(arrivals: Box<dyn Arrivals>, action: Action) -> Result<Notification> {
        let shared = Arc::new(Shared {
            arrivals,
            is_ended: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        // A signal handler of the program on a thread that it does not know would surprise it.
        let thread = signal::with_all_blocked(|| {
            Worker::start(c"ipc_mq_notify", Box::new(move || run(&of_thread, action)))
        })
        .map_err(|errno| failed!(errno, "the notification's thread cannot be started"))?;
        Ok(Notification {
            shared,
            thread: Some(thread),
            process: process::id(),
        })
    }

    /// Whether its thread runs in this process and not only in a parent of it.
    fn is_of_this_process(&self) -> bool {
        self.process == process::id()
    }
}

impl Drop for Notification {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        if !self.is_of_this_process() {
            // The thread is the parent's, and `stop` would reach it there. Here nobody gives
            // back its reference, unless it had done so before the fork.
            if Arc::strong_count(&self.shared) > 1 {
                // SAFETY: the count holds a reference of a thread that does not exist in this
                // process, so that nobody uses it or gives it back.
                unsafe { Arc::decrement_strong_count(Arc::as_ptr(&self.shared)) };
            }
            return;
        }
        // Relaxed: says nothing about other memory.
        self.shared.is_ended.store(true, Ordering::Relaxed);
        self.shared.arrivals.stop();
        // A callback that ends its own notification is not waited for; the thread ends when the
        // callback returns.
        thread.join();
    }
}

fn run(shared: &Shared, mut action: Action) {
    // Waiting fails only for descriptors that somebody else closed: then there is no queue.
    while let Ok(Event::Message) = shared.arrivals.wait() {
        match &mut action {
            Action::Signal { number, value } => {
                // The number was checked when the notification began.
                let _ = signal::queue_to_self(*number, value.0);
            }
            Action::Eventfd(eventfd) => {
                mqueue::count_up(eventfd.as_fd());
            }
            Action::Callback(callback) => repeat(shared, callback),
        }
    }
}

/// Calls the callback until the queue is empty or the callback has taken nothing: so it may
/// take one message or all, and messages that it leaves alone do not keep the thread busy.
fn repeat(shared: &Shared, callback: &mut dyn FnMut()) {
    loop {
        let before = RECEIVED.get();
        callback();
        let has_taken = RECEIVED.get() != before;
        let is_ended = shared.is_ended.load(Ordering::Relaxed);
        if !has_taken || is_ended || shared.arrivals.is_empty() {
            return;
        }
    }
}
