//! The service: requests of clients, and the replies of servers.
//!
//! ```text
//! offset 0        ServiceHeader
//!                 Type x 2         the types of a request and of a reply
//!                 clients          ClientPlace x max_clients
//!                 free             u32 x max_requests   slots that no call uses
//!                 heap             u32 x max_requests   slots whose requests wait for a server
//!                 slots            CallSlot + request + reply, x max_requests
//! ```
//!
//! Each array begins at a multiple of 64 bytes, and so do a request and a reply. A slot's word holds the truth about its
//! call, and the arrays and lists are an index, which a repair rebuilds from the slots. The head of `ipc::service`
//! describes the algorithm.
//!
//! Every field has the same size and place on 32-bit and 64-bit machines. Words that different processes write stand in
//! different cache lines.

use super::queue::{Latch, Sleepers};
use super::user_type::Type;
use crate::sys::atomic::{AtomicU32, AtomicU64};
use crate::sys::liveness::BirthCell;
use crate::sys::robust::{Links, LockKind};

pub(crate) const SERVICE_VERSION: u32 = 2;

pub(crate) const SERVICE_ALIGNMENT: u64 = 64;

/// How many handles can serve at once.
pub(crate) const SERVERS_MAX: usize = if cfg!(all(test, loom)) { 2 } else { 64 };

/// The first 64 bytes never change after the creation of the service.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct ServiceHeader {
    pub(crate) max_requests: AtomicU32,
    pub(crate) max_clients: AtomicU32,
    /// The largest length of a request, in bytes.
    pub(crate) request_size: AtomicU32,
    /// The largest length of a reply, in bytes.
    pub(crate) reply_size: AtomicU32,
    /// SERVES_ONCE, HAS_REQUEST_TYPE, HAS_REPLY_TYPE.
    pub(crate) flags: AtomicU32,
    /// The PID namespace of the process and thread ids in the service.
    pub(crate) pid_namespace: AtomicU32,
    reserved: [AtomicU32; 10],
    pub(crate) index: ServiceIndex,
    pub(crate) waiting: ServiceWaiting,
    pub(crate) statistics: ServiceStatistics,
    pub(crate) servers: ServerPlaces,
}

/// A request whose server died fails. Otherwise the next server gets it.
pub(crate) const SERVES_ONCE: u32 = 1;
pub(crate) const HAS_REQUEST_TYPE: u32 = 2;
pub(crate) const HAS_REPLY_TYPE: u32 = 4;

/// Data that only the holder of the latch writes.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct ServiceIndex {
    pub(crate) latch: Latch,
    /// How many entries `free` has.
    pub(crate) free: AtomicU32,
    /// How many entries `heap` has.
    pub(crate) pending: AtomicU32,
    /// The number of the last request, in the order of sending.
    pub(crate) sequence: AtomicU64,
}

/// Data that every call reads and that seldom change.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct ServiceWaiting {
    /// Servers that sleep until there is a request.
    pub(crate) arrivals: Sleepers,
    /// Clients that sleep until a slot is free.
    pub(crate) departures: Sleepers,
    /// Threads that sleep until there is a request, and do not receive it.
    pub(crate) observers: Sleepers,
    /// Not 0 if some process could not have the kernel execute fences on other processors.
    pub(crate) needs_fence: AtomicU32,
    /// The processor of the last client that sent a request (`sys::processor`).
    pub(crate) client_processor: AtomicU32,
    /// The processor of the last thread that freed a slot (`sys::processor`).
    pub(crate) room_processor: AtomicU32,
}

#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct ServiceStatistics {
    /// How many requests were answered.
    pub(crate) answered: AtomicU64,
    /// How many requests went back because their servers died or closed.
    pub(crate) redelivered: AtomicU64,
    /// How many requests failed because their servers died or closed.
    pub(crate) lost: AtomicU64,
    /// How many requests were withdrawn because their clients gave up or died.
    pub(crate) withdrawn: AtomicU64,
    /// How often the work of a dead process was repaired.
    pub(crate) repairs: AtomicU64,
}

/// The processes that serve.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct ServerPlaces {
    /// The births of the processes; 0 in a free place.
    pub(crate) owners: [BirthCell; SERVERS_MAX],
}

/// The place of one handle that calls.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct ClientPlace {
    /// The birth of the process; 0 in a free place.
    pub(crate) owner: BirthCell,
    pub(crate) user: AtomicU32,
    pub(crate) group: AtomicU32,
    /// The calls of `ipc_client_send` that have ended: a list through `CallSlot::next`.
    pub(crate) first_done: AtomicU32,
    pub(crate) last_done: AtomicU32,
    /// Threads that sleep until one of those calls ends.
    pub(crate) replies: Sleepers,
    /// The processor of the last server that ended one of those calls (`sys::processor`).
    pub(crate) processor: AtomicU32,
}

/// The thread that received a request: a robust lock word, on which the client sleeps until the call ends. The head of
/// `ipc::service::holder` has its values.
#[repr(C)]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct CallHolder {
    pub(crate) kind: LockKind,
    pub(crate) word: AtomicU32,
    /// The processor of the server that last replied in this slot (`sys::processor`).
    pub(crate) processor: AtomicU32,
    /// The birth of the thread in whose robust list the slot is; 0 for none.
    #[cfg(not(target_env = "musl"))]
    pub(crate) lister: BirthCell,
    /// The index of the server's place by which that thread received the request.
    #[cfg(not(target_env = "musl"))]
    pub(crate) listed_for: AtomicU32,
    pub(crate) links: Links,
    #[cfg(target_env = "musl")]
    pub(crate) lister: BirthCell,
    // musl's links stand so close to the word that there is no room before them.
    #[cfg(target_env = "musl")]
    pub(crate) listed_for: AtomicU32,
    #[cfg(target_env = "musl")]
    reserved: u32,
}

/// The header of a slot for one call. The request and the reply follow it.
#[repr(C, align(64))]
#[cfg_attr(all(test, loom), derive(Default))]
pub(crate) struct CallSlot {
    /// The truth about the call: its state in the lowest 8 bits, and above it the number of the slot's use, by which a
    /// call is told from later calls in the same slot.
    pub(crate) word: AtomicU64,
    /// The birth of the client's process.
    pub(crate) client_birth: BirthCell,
    /// The birth of the server's process, once a server has the request.
    pub(crate) server_birth: BirthCell,
    /// The number of the request in the order of sending.
    pub(crate) sequence: AtomicU64,
    /// The index of the client's place.
    pub(crate) client: AtomicU32,
    /// The index of the server's place.
    pub(crate) server: AtomicU32,
    pub(crate) priority: AtomicU32,
    /// How many servers have died with the request.
    pub(crate) redeliveries: AtomicU32,
    /// In bytes.
    pub(crate) request_length: AtomicU32,
    /// In bytes.
    pub(crate) reply_length: AtomicU32,
    /// 1 if the call is one of `ipc_client_send`, which nobody waits for by itself.
    pub(crate) is_asynchronous: AtomicU32,
    pub(crate) next: AtomicU32,
    /// When the client gives up, in nanoseconds on the monotonic clock; 0 if never.
    pub(crate) deadline_ns: AtomicU64,
    /// When the request was sent.
    pub(crate) sent_ns: AtomicU64,
    pub(crate) holder: CallHolder,
    #[cfg(not(target_env = "musl"))]
    reserved: u64,
}

/// Nobody uses the slot.
pub(crate) const CALL_FREE: u64 = 0;
/// The client writes its request.
pub(crate) const CALL_FILLING: u64 = 1;
/// The request waits for a server.
pub(crate) const CALL_PENDING: u64 = 2;
/// A server has the request.
pub(crate) const CALL_TAKEN: u64 = 3;
/// A server has the request, and the client does not wait for the reply any more.
pub(crate) const CALL_WITHDRAWN: u64 = 4;
/// The reply is there.
pub(crate) const CALL_ANSWERED: u64 = 5;
/// The server died with the request, in a service that delivers once.
pub(crate) const CALL_LOST: u64 = 6;

/// The offset of the type of a request.
pub(crate) const SERVICE_TYPES: u64 = size_of::<ServiceHeader>() as u64;

/// The offset behind both types.
pub(crate) const SERVICE_TYPES_END: u64 = SERVICE_TYPES + 2 * size_of::<Type>() as u64;

#[cfg(not(all(test, loom)))]
const _: () = {
    use crate::sys::robust::is_lock_form;
    use core::mem::offset_of;

    assert!(size_of::<ServiceHeader>() == 4 * 64 + 8 * SERVERS_MAX);
    assert!(offset_of!(ServiceHeader, index) == 64);
    assert!(offset_of!(ServiceHeader, waiting) == 128);
    assert!(offset_of!(ServiceHeader, statistics) == 192);
    assert!(offset_of!(ServiceHeader, servers) == 256);
    assert!(offset_of!(ServiceIndex, free) == size_of::<Latch>());
    assert!(offset_of!(ServiceIndex, sequence) == size_of::<Latch>() + 8);
    assert!(size_of::<ServiceIndex>() == 64);
    assert!(size_of::<ClientPlace>() == 64);
    assert!(offset_of!(ClientPlace, replies) == 24);
    assert!(size_of::<CallSlot>() == if cfg!(target_env = "musl") { 192 } else { 128 });
    assert!(offset_of!(CallSlot, client) == 32);
    assert!(offset_of!(CallSlot, deadline_ns) == 64);
    assert!(offset_of!(CallSlot, holder) == 80);
    assert!(size_of::<CallHolder>() == if cfg!(target_env = "musl") { 56 } else { 40 });
    assert!(is_lock_form(
        offset_of!(CallHolder, word),
        offset_of!(CallHolder, links)
    ));
    assert!(offset_of!(CallHolder, listed_for) == if cfg!(target_env = "musl") { 48 } else { 16 });
    assert!(offset_of!(CallHolder, lister) == if cfg!(target_env = "musl") { 40 } else { 8 });
};
