//! Cells: the latest value of a type, for any number of readers and writers.
//!
//! Readers copy the latest value and write nothing, so they can map the cell read-only, and no writer that is
//! stopped or killed can hold them up: see [`versions`](crate::sync::versions). Writers take turns by a latch. A writer
//! killed in its turn leaves the value before it, and the next writer goes on.
//!
//! | part | its one job |
//! |---|---|
//! | [`open`](self::open) | a cell's beginning and end |
//! | [`memory`] | where everything is, and how a value is copied |
//! | [`write`] | writing and updating |
//! | [`wait`] | waiting for a newer value, and waking those who wait |
//! | [`polled`] | what a descriptor or a waitset waits for |

mod memory;
mod open;
mod polled;
mod wait;
mod write;

pub(crate) use open::unlink;
pub(crate) use write::Update;

use crate::base::alloc::Shared;
use crate::base::error::{Error, Result, fail};
use crate::base::name::Name;
use crate::ipc::watch::descriptor::Descriptor;
use crate::object::Object;
use crate::sync::versions::{self, Attempt};
use crate::sys::fd::Kept;
use crate::sys::scheduling::let_others_run;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use memory::Memory;

pub(crate) use crate::sync::versions::Version;

/// How often a reader begins again because writers have overwritten what it was copying. Each time, they have
/// written at least three values meanwhile.
const ATTEMPTS: u32 = 10_000;
/// After so many attempts a reader lets other threads run, since the writers may share its processor.
const ATTEMPTS_BETWEEN_YIELDS: u32 = 64;

/// An open cell.
pub(crate) struct ValueCell {
    memory: Memory,
    access: Writing,
    /// The PID namespace of the thread ids in the latch.
    pid_namespace: u32,
    name: Name,
    /// Keeps the memory mapped.
    object: Shared<Object>,
    /// The number that this handle has read last: its descriptor, or a waitset, waits for a higher one.
    seen: Shared<AtomicU64>,
    descriptor: Descriptor,
}

/// The rights of a handle beside reading.
#[derive(Clone)]
enum Writing {
    /// Write values.
    Values,
    /// Mark that it waits, through this descriptor.
    Marks(Shared<Kept>),
    /// Nothing.
    Nothing,
}

impl ValueCell {
    /// Copies the latest value. `None` before the first one.
    ///
    /// # Safety
    ///
    /// `to` has room for a value.
    pub(crate) unsafe fn read(&self, to: *mut u8) -> Result<Option<Version>> {
        for attempt in 1..=ATTEMPTS {
            // SAFETY: by this function's contract.
            match unsafe { self.attempt(to) } {
                Attempt::Read(version) => {
                    self.note(version);
                    return Ok(Some(version));
                }
                Attempt::Nothing => return Ok(None),
                Attempt::Damaged => return Err(self.damaged()),
                Attempt::Overwritten if attempt % ATTEMPTS_BETWEEN_YIELDS == 0 => {
                    let_others_run();
                }
                Attempt::Overwritten => {}
            }
        }
        Err(fail!(
            EAGAIN,
            "{}: writers have overwritten the value {ATTEMPTS} times while this call was copying it",
            self.name
        ))
    }

    /// [`read`](Self::read), once.
    ///
    /// # Safety
    ///
    /// As `read`.
    #[inline(always)]
    pub(crate) unsafe fn attempt(&self, to: *mut u8) -> Attempt {
        // SAFETY: by this function's contract.
        versions::read(&self.memory, |place| unsafe {
            self.memory.copy_out(place, to);
        })
    }

    /// Notes the version that was read, for those that wait for a newer one.
    #[inline(always)]
    pub(crate) fn note(&self, version: Version) {
        // Of two threads that read at once, the one with the older version may come last. Then the newer version
        // counts as not read, which is no harm. An atomic maximum would cost every reader more than that.
        if self.seen.load(Relaxed) < version.number {
            self.seen.store(version.number, Relaxed);
        }
        if self.descriptor.is_open() {
            self.descriptor.settle();
        }
    }

    pub(crate) fn is_stale(&self) -> Result<bool> {
        self.object.is_stale()
    }

    #[cold]
    fn damaged(&self) -> Error {
        fail!(
            EUCLEAN,
            "{}: the cell is damaged: the latest value is not where its number says",
            self.name
        )
    }
}
