//! Children that die with their parent.
//!
//! The kernel sends the death signal (PR_SET_PDEATHSIG) when the parent *thread* ends, not the parent process. So such a
//! child gets a parent thread of its own, which ends after the child. It ends before the child only if the process ends or
//! executes another program.

use super::child_setup::Failure;
use super::futex;
use super::signal::Blocked;
use super::spawn::{Image, Process, Step, start_from_here};
use super::watch_words::{self, Word};
use super::worker::Worker;
use crate::base::alloc::try_box;
use crate::base::time::Deadline;
use core::cell::UnsafeCell;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Release};
use nix::errno::Errno;

/// The keeper makes a few calls, and the child has a stack of its own.
const STACK: usize = 128 << 10;

/// The memory that the starting thread and the keeper share until the child runs. It is in the starting thread's frame.
struct Order<'a> {
    image: *const Image<'a>,
    /// 1 when `outcome` is there. The keeper then uses the order no more.
    is_done: AtomicU32,
    outcome: UnsafeCell<Option<Result<Process, Failure>>>,
}

/// The address of an order.
struct OrderAddress(usize);

/// Starts a program as a child of a new thread, which stays until the child has ended.
pub(super) fn start(image: &Image<'_>) -> Result<Process, Failure> {
    let order = Order {
        image,
        is_done: AtomicU32::new(0),
        outcome: UnsafeCell::new(None),
    };
    let address = OrderAddress((&raw const order).expose_provenance());
    let before = |errno| (Step::Clone, 0, errno);
    // The keeper handles no signal of the program.
    let blocked = Blocked::all();
    let run = try_box(move || keep(address)).map_err(before)?;
    Worker::start_with_stack(c"ipc-child", STACK, run)
        .map_err(before)?
        .detach();
    // No signal and no deadline ends this wait: the keeper uses this frame.
    while order.is_done.load(Acquire) == 0 {
        let _ = futex::wait(&order.is_done, 0, Deadline::Never);
    }
    drop(blocked);
    order
        .outcome
        .into_inner()
        .unwrap_or(Err(before(Errno::EIO)))
}

/// The keeper's life.
fn keep(OrderAddress(address): OrderAddress) {
    let order = core::ptr::with_exposed_provenance::<Order<'_>>(address);
    // SAFETY: the starting thread keeps the order, and the image in it, until `is_done`. It reads the outcome after that.
    let id = unsafe {
        let outcome = start_from_here(&*(*order).image);
        let id = outcome.as_ref().ok().map(Process::id);
        *(*order).outcome.get() = Some(outcome);
        let is_done = &raw const (*order).is_done;
        // Release: pairs with the Acquire in `start`, for the outcome.
        (*is_done).store(1, Release);
        // From here on the frame may be gone. A wake-up of its address then wakes nobody, or somebody who checks again.
        watch_words::wake_all(Word {
            address: is_done.addr(),
            expected: 1,
        });
        id
    };
    if let Some(id) = id {
        super::child::await_end(id);
    }
}
