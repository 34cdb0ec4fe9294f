//! The FIFO behind a queue's descriptor, whose readiness is the queue's.
//!
//! All processes share one FIFO per queue, so it is right whichever process sends or receives. It
//! is created, hidden beside the queue, when a process asks for the descriptor for the first time.
//! Its name contains the queue's inode, and it is removed with the queue
//! ([`unlink`](super::unlink)). It has room for two packets (with O_DIRECT, each byte written is a
//! packet of its own, see pipe(2)), so it has three states:
//!
//! | packets | poll reports | the queue |
//! |---|---|---|
//! | 0 ([`EMPTY`]) | writable | is empty |
//! | 1 ([`READY`]) | readable, writable | has messages and room |
//! | 2 ([`FULL`]) | readable | is full |
//!
//! The word `fd_state` in shared memory is 0 while nobody has asked for a descriptor. After that it
//! holds the number of packets plus 1, or [`UNKNOWN`].
//!
//! # The kernel twin
//!
//! A process may supply a *kernel twin* in place of the FIFO: a queue of the kernel's, with room
//! for two messages of one byte, whose messages are the packets. All processes that use the queue
//! have to supply the same twin. A process that has called mq_notify() on the twin is then told of
//! a message that comes to an empty queue. A waiting receiver takes precedence, as with the
//! kernel's queues: then the packet is left out.
//!
//! A twin is *lazy*: while nobody is about to sleep, it holds one packet, whatever the queue holds,
//! and `fd_state` is 0, so that no call does anything for it. A thread that is about to sleep in
//! poll() *arms* the twin: it brings it into the queue's state. If that is [`EMPTY`] or [`FULL`],
//! `fd_state` says so, and the next call that ends this state brings the twin back to one packet and
//! `fd_state` back to 0. So a twin is never unready while there is something to do. mq_notify() makes
//! a twin exact for good (`keeps_twin`).

use crate::base::errno::preserving_errno;
use crate::base::error::{Errno, Result, fail, failed};
use crate::base::text::Text;
use crate::object::{Object, SHM_DIRECTORY};
use crate::sys::cancellation::NotCancelled;
use crate::sys::fd::Kept;
use crate::sys::{file, listing, mqueue, pipe};
use core::ffi::CStr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// How many packets the FIFO of an empty queue holds.
pub(super) const EMPTY: u32 = 0;
/// How many packets the FIFO of a queue with messages and room holds.
pub(super) const READY: u32 = 1;
/// How many packets the FIFO of a full queue holds: as many as go in.
pub(super) const FULL: u32 = 2;
/// The value of `fd_state` while there is a descriptor, but the number of packets is not known.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// The bits of a queue's identity that are its inode's.
pub(super) const INODE: u64 = 0xffff_ffff;

/// The beginning of all FIFOs' names.
const PREFIX: &str = ".robustipc-mq-";

type Path = Text<64>;

/// The path of the FIFO of the queue with this identity.
pub(super) fn fifo_path(identity: u64) -> Path {
    let directory = SHM_DIRECTORY.to_str().unwrap_or_default();
    Path::of(format_args!("{directory}/{PREFIX}{identity:016x}"))
}

/// The identity of the queue whose FIFO has this file name; `None` for other files.
pub(super) fn identity_in(file_name: &CStr) -> Option<u64> {
    let number = file_name.to_bytes().strip_prefix(PREFIX.as_bytes())?;
    listing::number(number, 16)
}

/// The FIFO of a queue, or its kernel twin, as far as this process has opened it. Every user of it
/// holds both latches.
pub(super) struct Readiness {
    identity: u64,
    fifo: Kept,
    /// Whether `fifo` is a kernel twin. Written by a thread that holds both latches, as `fifo` is.
    is_kernel_twin: AtomicBool,
}

impl Readiness {
    pub(super) fn new(identity: u64) -> Readiness {
        Readiness {
            identity,
            fifo: Kept::none(),
            is_kernel_twin: AtomicBool::new(false),
        }
    }

    /// Uses a queue of the kernel's in place of the FIFO, as long as this handle is open, or until
    /// another descriptor of it takes this one's place. `EBUSY` if the handle has a FIFO.
    pub(super) fn use_kernel_twin(&self, twin: OwnedFd) -> Result<()> {
        match self.present() {
            Some(_) if self.is_kernel_twin() => self.fifo.close(),
            Some(_) => return Err(Errno::EBUSY.into()),
            None => {}
        }
        self.fifo.put(twin)?;
        self.is_kernel_twin.store(true, Relaxed);
        Ok(())
    }

    pub(super) fn is_kernel_twin(&self) -> bool {
        self.is_kernel_twin.load(Relaxed)
    }

    /// The descriptor, if this process has one. If the program has closed it behind the library, its number
    /// is forgotten.
    fn present(&self) -> Option<BorrowedFd<'_>> {
        preserving_errno(|| {
            let fifo = self.fifo.get().ok();
            if fifo.is_none() {
                self.fifo.close();
            }
            fifo
        })
    }

    /// Opens the FIFO, and creates it first if there is none. Its permissions are the queue's.
    pub(super) fn open_or_create(&self, queue: &Object) -> Result<RawFd> {
        if let Some(fifo) = self.present() {
            return Ok(fifo.as_raw_fd());
        }
        if self.is_kernel_twin() {
            return Err(fail!(
                EBADF,
                "the queue's descriptor was closed outside the library"
            ));
        }
        // An existing FIFO can be opened also if the program has closed the queue's descriptor.
        match self.open() {
            Err(error) if error.errno() == Errno::ENOENT => {}
            opened => return opened.map(|fifo| fifo.as_raw_fd()),
        }
        let path = fifo_path(self.identity);
        let status = file::status(queue.file()?)?;
        let made = pipe::create_fifo(path.as_c_str(), status.permissions());
        let is_new = made.is_ok();
        // Asked after the creation: unlinking removes the queue's name first and then the FIFO. So
        // either it finds this FIFO, or this finds that the name is gone.
        if is_new && queue.is_stale()? {
            let _ = file::unlink(path.as_c_str());
            return Err(fail!(ESTALE, "the queue has lost its name"));
        }
        let fifo = match (self.open(), made) {
            // There is none, because none could be made.
            (Err(error), Err(errno)) if error.errno() == Errno::ENOENT => {
                return Err(failed!(
                    errno,
                    "the queue's FIFO {} cannot be made",
                    path.as_str()
                ));
            }
            (opened, _) => opened?,
        };
        if is_new {
            file::set_owner(fifo, &status).map_err(|errno| {
                let _ = file::unlink(path.as_c_str());
                failed!(
                    errno,
                    "the FIFO cannot be given to the queue's owner; the owner has to ask for the descriptor first"
                )
            })?;
        }
        Ok(fifo.as_raw_fd())
    }

    fn open(&self) -> Result<BorrowedFd<'_>> {
        if let Some(fifo) = self.present() {
            return Ok(fifo);
        }
        if self.is_kernel_twin() {
            // Only the program that brought the twin could bring it again.
            return Err(Errno::ENOENT.into());
        }
        // A send's or receive's fast half may come here, without a guard against cancellation.
        let _not_cancelled = NotCancelled::begin();
        preserving_errno(|| self.open_now())
    }

    #[cold]
    fn open_now(&self) -> Result<BorrowedFd<'_>> {
        let path = fifo_path(self.identity);
        let failed = |errno| failed!(errno, "the queue's FIFO {} cannot be opened", path.as_str());
        let fifo = file::open(path.as_c_str(), true).map_err(failed)?;
        // This fails for a file that is no FIFO.
        pipe::make_packets(fifo.as_fd(), FULL).map_err(failed)?;
        self.fifo.put(fifo).map_err(failed)?;
        Ok(self.fifo.get()?)
    }

    /// Opens the FIFO before the queue changes, so that a call that could not announce its change
    /// makes none. `None` if the FIFO was removed: then nobody can be told, but messages still
    /// flow.
    pub(super) fn prepare(&self) -> Result<Option<BorrowedFd<'_>>> {
        match self.open() {
            Ok(fifo) => Ok(Some(fifo)),
            Err(error) if error.errno() == Errno::ENOENT => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Brings the FIFO to this number of packets, and notes it in `fd_state`. A twin that is `lazy`, and
    /// holds one packet, needs no upkeep: then `fd_state` becomes 0.
    pub(super) fn set(&self, fd_state: &AtomicU32, packets: u32, lazy: bool) -> Result<()> {
        let mut present = fd_state.load(Relaxed).wrapping_sub(1);
        if present == packets {
            return Ok(());
        }
        let Some(fifo) = self.prepare()? else {
            return Ok(());
        };
        if present > FULL {
            // Before the first packet moves: if this process is killed between the packets and the state,
            // the next call must not take the twin for one that needs no upkeep.
            fd_state.store(UNKNOWN, Relaxed);
            present = self.count_unknown_packets(fifo);
        }
        for _ in present..packets {
            self.put_packet(fifo);
        }
        for _ in packets..present {
            self.take_packet(fifo);
        }
        let state = match packets {
            READY if lazy => 0,
            _ => packets + 1,
        };
        fd_state.store(state, Relaxed);
        Ok(())
    }

    fn count_unknown_packets(&self, fifo: BorrowedFd<'_>) -> u32 {
        if !self.is_kernel_twin() {
            return pipe::count_packets(fifo);
        }
        let attributes = mqueue::attributes(fifo);
        attributes.map_or(READY, |found| found.current_messages as u32)
    }

    /// Moves a packet in a twin that holds this number of packets, so that an edge-triggered epoll reports the
    /// twin once more. The twin does not get its first packet again, so the kernel notifies no process.
    pub(super) fn repeat_edge(&self, packets: u32) -> Result<()> {
        let Some(twin) = self.prepare()? else {
            return Ok(());
        };
        match packets {
            FULL => {
                self.take_packet(twin);
                self.put_packet(twin);
            }
            _ => {
                self.put_packet(twin);
                self.take_packet(twin);
            }
        }
        Ok(())
    }

    fn put_packet(&self, fifo: BorrowedFd<'_>) {
        if self.is_kernel_twin() {
            mqueue::move_byte(fifo, true);
        } else {
            pipe::put_packet(fifo);
        }
    }

    fn take_packet(&self, fifo: BorrowedFd<'_>) {
        if self.is_kernel_twin() {
            mqueue::move_byte(fifo, false);
        } else {
            pipe::take_packet(fifo);
        }
    }
}
