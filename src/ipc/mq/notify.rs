//! Notification of messages: a thread that waits for messages and does what was asked for.
//!
//! mq_notify(3) is not used, for three reasons:
//!
//! - It notifies one process only.
//! - It notifies once, and only of a message that comes to an empty queue. A program that registers
//!   again and reads in the wrong order waits for ever, with messages in the queue.
//! - After a notification by signal, the program itself has to register again.
//!
//! Instead, each notification has a thread. Its [`Arrivals`] report every message that comes,
//! without taking any. So there is no moment between two registrations, any number of processes may
//! be notified, and the thread sleeps while messages stay in the queue untaken.

use crate::base::alloc::{self, try_box};
use crate::base::error::{Result, fail, failed};
use crate::base::name::Name;
use crate::sys::fd::Kept;
use crate::sys::mqueue::{self, Event};
use crate::sys::worker::Worker;
use crate::sys::{process, signal};
use core::cell::Cell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, Ordering};
use nix::errno::Errno;
use parking_lot::{Mutex, MutexGuard};

/// The action of a notification when messages come.
pub(crate) enum Action {
    Signal { number: i32, value: SignalValue },
    Callback(Box<dyn FnMut() + Send>),
    Eventfd(Kept),
}

/// A C program's value for a signal. It may be a pointer, and is only passed on.
pub(crate) struct SignalValue(pub(crate) *mut c_void);

// SAFETY: the pointer is never dereferenced here, so it may move to another thread.
unsafe impl Send for SignalValue {}

thread_local! {
    /// How many messages this thread has received. By it a notification sees whether its callback
    /// has taken some.
    static RECEIVED: Cell<u64> = const { Cell::new(0) };
}

/// The notification of one handle, if it has one.
#[derive(Default)]
pub(super) struct Notifier {
    /// Use `try_lock` only. In a forked child, the lock may be held by a thread that exists only in
    /// the parent, so `lock` would wait for ever.
    current: Mutex<Option<Notification>>,
    /// Whether there may be a notification.
    is_notifying: AtomicBool,
}

impl Notifier {
    /// Has `action` done for the messages that are in the queue and for each that comes. `arrivals`
    /// is called only if there is no notification yet.
    pub(super) fn begin(
        &self,
        name: &Name,
        arrivals: &dyn Fn() -> Result<Box<dyn Arrivals>>,
        action: Action,
    ) -> Result<()> {
        let mut current = self.try_lock(name)?;
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
        let shared = notification.shared.clone();
        *current = Some(notification);
        // The action may end its own notification at once. So the notification is in its place, and
        // the lock is free, before messages are reported.
        drop(current);
        shared.arrivals.begin().map_err(|errno| {
            // No message was reported, so no action runs that ending could fail to end.
            let _ = self.end(name);
            failed!(errno, "{name}: its messages cannot be reported")
        })
    }

    /// Ends the notification. When this returns, the action is over, unless the action itself
    /// called.
    pub(super) fn end(&self, name: &Name) -> Result<()> {
        // Dropped without the lock: dropping waits for the thread, which may call this too.
        let ended = self.try_lock(name)?.take();
        drop(ended);
        Ok(())
    }

    fn try_lock(&self, name: &Name) -> Result<MutexGuard<'_, Option<Notification>>> {
        self.current.try_lock().ok_or_else(|| {
            fail!(
                EBUSY,
                "{name}: another thread is changing this handle's notification"
            )
        })
    }

    /// Notes that this thread has received a message.
    #[inline(always)]
    pub(super) fn note_received(&self) {
        // Relaxed: only the notification's thread needs to see the flag, and it was started after
        // the flag was set.
        if self.is_notifying.load(Ordering::Relaxed) {
            RECEIVED.set(RECEIVED.get().wrapping_add(1));
        }
    }
}

/// A running notification. Dropping it ends it and waits for its thread.
struct Notification {
    shared: alloc::Shared<Shared>,
    thread: Option<Worker>,
    /// The process that has the thread. A forked child has this struct, but not the thread.
    process: u32,
}

/// How a notification's thread learns of messages.
pub(super) trait Arrivals: Send + Sync {
    /// Makes messages end the wait from now on. If there are any, the wait ends at once.
    fn begin(&self) -> Result<(), Errno>;
    /// Waits for a message that has come since the last wait, without taking it.
    fn wait(&self) -> Result<Event, Errno>;
    /// Ends this and every later wait. False if that is not possible, because the program has closed the
    /// library's descriptors.
    fn stop(&self) -> bool;
    fn is_empty(&self) -> bool;
}

impl Arrivals for mqueue::Arrivals {
    fn begin(&self) -> Result<(), Errno> {
        self.begin()
    }

    fn wait(&self) -> Result<Event, Errno> {
        self.wait()
    }

    fn stop(&self) -> bool {
        self.stop()
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

struct Shared {
    arrivals: Box<dyn Arrivals>,
    /// Ends the repetition of a callback. (`arrivals` ends the thread's sleep.)
    is_ended: AtomicBool,
    /// The thread holds this while it does its action.
    acting: Mutex<()>,
}

impl Notification {
    /// Starts the thread, which sleeps until [`Arrivals::begin`].
    fn start(arrivals: Box<dyn Arrivals>, action: Action) -> Result<Notification> {
        let shared = alloc::Shared::new(Shared {
            arrivals,
            is_ended: AtomicBool::new(false),
            acting: Mutex::new(()),
        })?;
        let of_thread = shared.clone();
        let body = try_box(move || run(&of_thread, action))?;
        // All signals are blocked in the thread: the program does not expect its signal handlers to
        // run in a thread that it did not start.
        let thread = signal::with_all_blocked(|| Worker::start(c"ipc_mq_notify", body))
            .map_err(|errno| failed!(errno, "the notification's thread cannot be started"))?;
        Ok(Notification {
            shared,
            thread: Some(thread),
            process: process::id(),
        })
    }

    /// Whether the thread runs in this process, and not in a parent of it.
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
            // The thread runs in the parent, and `stop` would end it there. Unless it dropped its
            // reference before the fork, nobody in this process drops it.
            if self.shared.owners() > 1 {
                // SAFETY: the count includes the reference of a thread that does not exist in this
                // process. So nobody uses or drops that reference.
                unsafe { self.shared.forget_other() };
            }
            return;
        }
        // Relaxed: the flag orders no other memory.
        self.shared.is_ended.store(true, Ordering::Relaxed);
        if self.shared.arrivals.stop() {
            // If a callback ends its own notification, this does not wait: the thread ends when the
            // callback returns.
            thread.join();
        } else {
            // Nothing can wake the thread, which ends by itself later. It begins no action any more, and
            // this waits for one that has begun.
            if !thread.is_this_thread() {
                drop(self.shared.acting.lock());
            }
            thread.detach();
        }
    }
}

fn run(shared: &Shared, mut action: Action) {
    // Waiting fails only if other code has closed the descriptors. Then there is nothing to wait
    // for.
    while let Ok(Event::Message) = shared.arrivals.wait() {
        let _acting = shared.acting.lock();
        // Asked under the lock, which the end of the notification waits for.
        if shared.is_ended.load(Ordering::Relaxed) {
            return;
        }
        match &mut action {
            Action::Signal { number, value } => {
                // The signal's number was checked when the notification began.
                let _ = signal::queue_to_self(*number, value.0);
            }
            Action::Eventfd(eventfd) => {
                // A program that has closed the library's descriptor has closed its own too.
                if let Ok(eventfd) = eventfd.get() {
                    mqueue::count_up(eventfd);
                }
            }
            Action::Callback(callback) => repeat(shared, callback),
        }
    }
}

/// Calls the callback until the queue is empty or the callback has taken no message. So a callback
/// may take one message or all. Messages that it leaves in the queue do not keep the thread busy.
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
