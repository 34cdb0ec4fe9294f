//! Services: requests of clients, and the replies of servers.
//!
//! A call uses one slot from its beginning to its end: the request lies in it, and then the reply. So a reply can only
//! reach the call that it belongs to, and the client of a call waits for its own slot. The slot's word is the truth
//! about the call:
//!
//! | state | who may write the slot | next states |
//! |---|---|---|
//! | FREE | nobody | FILLING |
//! | FILLING | the client writes its request | PENDING |
//! | PENDING | nobody | TAKEN; FREE, if the client gives up or dies |
//! | TAKEN | the server writes its reply | ANSWERED; WITHDRAWN, if the client gives up or dies; PENDING or LOST, if the server dies |
//! | WITHDRAWN | the server | FREE, when the server replies or dies |
//! | ANSWERED, LOST | nobody | FREE, when the client has read it or dies |
//!
//! Each change is one store or one compare-and-swap. A latch guards the index of the slots (free ones, waiting requests,
//! ended calls), which a repair rebuilds from the words. A thread that is killed in a section leaves words that are right.
//! The words of a call say how often the slot was used, and so does the call's id: an old id is recognised.
//!
//! Servers and clients are processes. A request belongs to the server's process and not to a thread, so any of its threads
//! may answer. Its death is proved by its birth ([`is_process_gone`]). The kernel wakes a
//! client that sleeps until its call ends ([`holder`]). The others that wait for something that a dead process has look for its
//! death every [`LOOK`].
//!
//! | part | its one job |
//! |---|---|
//! | [`open`](self::open) | a service's beginning and end |
//! | [`memory`] | where everything is |
//! | [`section`] | the steps that are allowed while the latch is held |
//! | [`server`] | receiving requests and replying |
//! | [`client`] | calling |
//! | [`holder`] | how the kernel tells a client of its server's death |
//! | [`deaths`] | what is left by processes that are gone |
//! | [`polled`] | what a descriptor or a waitset waits for |

mod client;
mod deaths;
mod holder;
mod memory;
mod open;
mod polled;
mod section;
mod server;

pub(crate) use client::Client;
pub(crate) use memory::Sizes;
pub(crate) use open::{Wanted, unlink};
pub(crate) use server::Server;

use crate::base::alloc::Shared;
use crate::base::error::{Errno, Result, fail};
use crate::base::name::Name;
use crate::base::time::{Deadline, now};
use crate::ipc::topic::member::Member;
use crate::object::Object;
use crate::object::layout::{NONE, ServiceHeader, Sleepers};
use crate::sys::fence;
use crate::sys::futex::Awoken;
use crate::sys::liveness::{Birth, is_process_gone};
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use memory::Memory;
use section::{Party, Section};

/// How often a thread that waits looks whether the processes are alive that have what it waits for.
const LOOK: Duration = Duration::from_millis(50);

/// How long a waiter spins before it sleeps.
const SPIN: Duration = Duration::from_micros(50);

/// How long a call that does not wait, or ends a wait, waits for the latch. A section takes microseconds, so a holder that
/// needs longer is stopped.
const HOLDER_PATIENCE: Duration = Duration::from_secs(1);

/// Requests up to this many bytes are copied while the latch is held.
const COPY_UNDER_LATCH: usize = 8192;

/// Priorities go from 0 to this, as for message queues.
pub(crate) const PRIORITY_MAX: u32 = 32767;

/// The counts of a service.
#[derive(Default)]
pub(crate) struct Statistics {
    pub(crate) servers: u32,
    pub(crate) clients: u32,
    pub(crate) pending: u32,
    pub(crate) taken: u32,
    pub(crate) answered: u64,
    pub(crate) redelivered: u64,
    pub(crate) lost: u64,
    pub(crate) withdrawn: u64,
    pub(crate) repairs: u64,
}

/// Takes a place for the process with this birth, of one side or the other.
type Join = fn(&Service, &Section<'_>, Birth) -> Result<u32>;

/// An open service, for both sides.
struct Service {
    memory: Memory,
    pid_namespace: u32,
    name: Name,
    /// Keeps the memory mapped.
    object: Shared<Object>,
}

impl Service {
    #[inline(always)]
    fn header(&self) -> &ServiceHeader {
        self.memory.header()
    }

    /// This process and its place. If it has none, `join` takes one: for a new handle, and for a forked child's first call.
    #[inline(always)]
    fn party(&self, member: &Member, join: Join) -> Result<Party> {
        let place = match member.place() {
            Some(place) => place,
            None => self.settle(member, join)?,
        };
        Ok(Party {
            place,
            birth: member.birth(),
        })
    }

    #[cold]
    fn settle(&self, member: &Member, join: Join) -> Result<u32> {
        member.settle(&|birth| join(self, &self.enter(Deadline::Now)?, birth))
    }

    /// Takes the latch, and repairs what a dead holder left.
    #[inline(always)]
    fn enter(&self, deadline: Deadline) -> Result<Section<'_>> {
        let header = self.header();
        let latch = &header.index.latch;
        match latch.take_fast(&header.waiting.needs_fence, self.pid_namespace) {
            Some(latched) => Ok(Section {
                memory: &self.memory,
                latched,
            }),
            None => self.enter_slowly(deadline),
        }
    }

    #[cold]
    #[inline(never)]
    fn enter_slowly(&self, deadline: Deadline) -> Result<Section<'_>> {
        let (name, header) = (&self.name, self.header());
        let latch = &header.index.latch;
        let until = match deadline {
            Deadline::Now => Deadline::At(now().saturating_add(HOLDER_PATIENCE)),
            deadline => deadline,
        };
        let latched = latch
            .take(&header.waiting.needs_fence, self.pid_namespace, until)
            .map_err(|error| match error.errno() {
                Errno::ETIMEDOUT if deadline == Deadline::Now => fail!(
                    EAGAIN,
                    "{name}: thread {} is in a call on the service and does not run",
                    latch.holder()
                ),
                Errno::EDEADLK => fail!(
                    EDEADLK,
                    "{name}: this thread is inside another call on the same service (is this a signal handler?)"
                ),
                _ => error,
            })?;
        let mut section = Section {
            memory: &self.memory,
            latched,
        };
        if section.latched.is_orphaned() {
            section.rebuild()?;
            header.statistics.repairs.fetch_add(1, Relaxed);
            section.latched.make_sound();
            // The dead holder may have made a change that others sleep for, without waking them.
            self.wake_everybody();
        }
        Ok(section)
    }

    fn wake_everybody(&self) {
        let waiting = &self.header().waiting;
        waiting.arrivals.wake(u32::MAX);
        waiting.observers.wake(u32::MAX);
        waiting.departures.wake(u32::MAX);
        for index in 0..self.memory.sizes().max_clients {
            if let Ok(client) = self.memory.client(index) {
                self.wake(&client.replies, u32::MAX);
            }
        }
    }

    /// Wakes up to `count` of those who sleep, after the change that they sleep for.
    #[inline(always)]
    fn wake(&self, sleepers: &Sleepers, count: u32) {
        fence::light(self.header().waiting.needs_fence.load(Relaxed) != 0);
        if sleepers.are_asleep() {
            sleepers.wake(count);
        }
    }

    /// Wakes a server for a request.
    #[inline(always)]
    fn wake_server(&self) {
        self.wake(&self.header().waiting.arrivals, 1);
    }

    /// Wakes the servers that poll. Call it before the latch is released: if this thread dies in between, the kernel wakes
    /// one of them, which sleeps on the latch's word too.
    #[inline(always)]
    fn wake_observers(&self) {
        self.wake(&self.header().waiting.observers, u32::MAX);
    }

    /// Sleeps until `is_ready` may be true, but not longer than `limit`, if there is one. The error is that of a wait
    /// that has ended without it.
    fn sleep(
        &self,
        sleepers: &Sleepers,
        deadline: Deadline,
        limit: Option<Duration>,
        is_ready: &dyn Fn() -> bool,
    ) -> Result<()> {
        if deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        if deadline.has_passed() {
            return Err(Errno::ETIMEDOUT.into());
        }
        let until = match limit {
            Some(limit) => deadline.earlier(now().saturating_add(limit)),
            None => deadline,
        };
        let needs_fence = &self.header().waiting.needs_fence;
        match sleepers.sleep_unless(needs_fence, until, is_ready)? {
            Awoken::Interrupted if !is_ready() => Err(Errno::EINTR.into()),
            _ => Ok(()),
        }
    }

    /// Whether a process serves. One that is gone is removed.
    fn has_server(&self) -> bool {
        let mut has_one = false;
        for owner in &self.header().servers.owners {
            let birth = owner.load(Relaxed);
            has_one |= birth != 0 && !is_process_gone(birth);
        }
        has_one
    }

    /// Whether a process has begun to serve and has not ended that by itself. It may have died.
    fn may_have_server(&self) -> bool {
        let mut owners = self.header().servers.owners.iter();
        owners.any(|owner| owner.load(Relaxed) != 0)
    }

    fn no_server(&self) -> crate::base::error::Error {
        fail!(ENOENT, "{}: no process serves", self.name)
    }

    fn statistics(&self) -> Result<Statistics> {
        let section = self.enter(Deadline::Now)?;
        self.remove_dead(&section)?;
        let header = self.header();
        let statistics = &header.statistics;
        let mut found = Statistics {
            pending: header.index.pending.load(Relaxed),
            answered: statistics.answered.load(Relaxed),
            redelivered: statistics.redelivered.load(Relaxed),
            lost: statistics.lost.load(Relaxed),
            withdrawn: statistics.withdrawn.load(Relaxed),
            repairs: statistics.repairs.load(Relaxed),
            ..Statistics::default()
        };
        for owner in &header.servers.owners {
            found.servers += u32::from(owner.load(Relaxed) != 0);
        }
        for index in 0..self.memory.sizes().max_clients {
            let is_taken = self.memory.client(index)?.owner.load(Relaxed) != 0;
            found.clients += u32::from(is_taken);
        }
        for (_, slot) in self.memory.slots() {
            let state = section::state_of(slot.word.load(Relaxed));
            let is_taken = state == crate::object::layout::CALL_TAKEN
                || state == crate::object::layout::CALL_WITHDRAWN;
            found.taken += u32::from(is_taken);
        }
        Ok(found)
    }
}

/// Whether a client's list of ended calls has one, for a thread that waits without the latch.
fn has_done(first: &crate::sys::atomic::AtomicU32) -> bool {
    first.load(core::sync::atomic::Ordering::Acquire) != NONE
}
