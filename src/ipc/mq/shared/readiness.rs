//! The descriptor to poll: a FIFO whose readiness is the queue's.
//!
//! All processes share one FIFO per queue, so that it is right whoever sends and receives. It
//! stands beside the queue, hidden, from the first time somebody asks for the descriptor; its name
//! has the queue's inode in it, and goes with the queue's. Who dies between removing the one and
//! the other leaves an empty FIFO, which goes with the next that is removed. It has
//! room for two packets (O_DIRECT makes each byte written a packet of its own, see pipe(2)), and
//! so three states:
//!
//! | packets | poll says | the queue |
//! |---|---|---|
//! | 0 | writable | is empty |
//! | 1 | readable, writable | has messages and room |
//! | 2 | readable | is full |
//!
//! While there is a descriptor, a call holds both latches, so that the FIFO and the queue change
//! together. (A receive that finds the queue empty, as the FIFO says already, changes neither and
//! holds one.) What makes it ready comes before the change of the queue, what makes it unready
//! after it: a death in between leaves a descriptor that is ready for nothing, until the next
//! call; never one that is not ready for something.
//!
//! A process may bring a queue of the kernel's with room for two messages instead of the FIFO,
//! whose packets are messages then. All processes of a queue have to bring the same. A message that
//! comes to an empty queue is told to who has asked for it with the kernel's mq_notify(), which a
//! waiting receiver takes precedence of: then the packet is left out.

use crate::base::error::{Errno, Result, fail, failed};
use crate::base::text::Text;
use crate::object::{Object, SHM_DIRECTORY};
use crate::sys::path::open_directory;
use crate::sys::{file, listing, mqueue, pipe};
use core::cell::OnceCell;
use core::ffi::CStr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// In front of what tells the queue's FIFO from others'.
const PREFIX: &str = ".robustipc-mq-";

type Path = Text<64>;

/// What of a queue's identity tells its inode.
pub(super) const INODE: u64 = 0xffff_ffff;

fn path(identity: u64) -> Path {
    let directory = SHM_DIRECTORY.to_str().unwrap_or_default();
    Path::of(format_args!("{directory}/{PREFIX}{identity:016x}"))
}

/// The FIFO of a queue, as far as this process has opened it. Whoever uses it holds both latches.
pub(super) struct Readiness {
    identity: u64,
    fifo: OnceCell<OwnedFd>,
    /// It is a queue of the kernel's. Written by one who holds both latches, like the cell.
    is_bell: AtomicBool,
}

// SAFETY: the cell is filled only by one who holds both of the queue's latches, of which all
// threads of all processes share one each, and never emptied.
unsafe impl Sync for Readiness {}

impl Readiness {
    pub(super) fn new(identity: u64) -> Readiness {
        Readiness {
            identity,
            fifo: OnceCell::new(),
            is_bell: AtomicBool::new(false),
        }
    }

    /// Uses a queue of the kernel's, for as long as the process has this queue open.
    pub(super) fn bring(&self, bell: OwnedFd) -> Result<()> {
        self.fifo.set(bell).map_err(|_| Errno::EBUSY)?;
        self.is_bell.store(true, Relaxed);
        Ok(())
    }

    pub(super) fn is_bell(&self) -> bool {
        self.is_bell.load(Relaxed)
    }

    /// Puts a packet in or takes one out; whether a message was moved.
    #[inline(never)]
    fn move_packet(&self, fifo: BorrowedFd<'_>, puts: bool) -> bool {
        if self.is_bell() {
            return mqueue::move_byte(fifo, puts);
        }
        if puts {
            pipe::put_packet(fifo);
        } else {
            pipe::take_packet(fifo);
        }
        false
    }

    /// Makes the FIFO if there is none, for those who may use the queue.
    pub(super) fn make(&self, queue: &Object) -> Result<RawFd> {
        if let Some(fifo) = self.fifo.get() {
            return Ok(fifo.as_raw_fd());
        }
        let path = path(self.identity);
        let status = file::status(queue.file())?;
        let made = pipe::create_fifo(path.as_c_str(), status.permissions());
        // After making it: who unlinks the queue removes the name first and then the FIFO.
        if made.is_ok() && queue.is_stale()? {
            let _ = file::unlink(path.as_c_str());
            return Err(fail!(ESTALE, "the queue has lost its name"));
        }
        let fifo = self.open()?;
        if made.is_ok() {
            file::set_owner(fifo.as_fd(), &status).map_err(|errno| {
                let _ = file::unlink(path.as_c_str());
                failed!(
                    errno,
                    "the FIFO cannot be given to the queue's owner, who has to ask first"
                )
            })?;
        }
        Ok(fifo.as_raw_fd())
    }

    fn open(&self) -> Result<&OwnedFd> {
        if let Some(fifo) = self.fifo.get() {
            return Ok(fifo);
        }
        let path = path(self.identity);
        let failed = |errno| failed!(errno, "the queue's FIFO {} cannot be opened", path.as_str());
        let fifo = file::open(path.as_c_str(), true).map_err(failed)?;
        // What is no FIFO cannot.
        pipe::make_packets(fifo.as_fd(), FULL).map_err(failed)?;
        Ok(self.fifo.get_or_init(|| fifo))
    }

    /// The FIFO, opened before anything changes: a call that could not tell of its change makes none.
    /// `None`: somebody has removed it, so nobody can be told. That is no reason to send nothing.
    #[inline(never)]
    pub(super) fn prepare(&self) -> Result<Option<&OwnedFd>> {
        match self.open() {
            Ok(fifo) => Ok(Some(fifo)),
            Err(error) if error.errno() == Errno::ENOENT => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Brings the FIFO into a state. `fd_state` remembers it.
    pub(super) fn set(&self, fd_state: &AtomicU32, packets: u32) -> Result<()> {
        let mut now = fd_state.load(Relaxed).wrapping_sub(1);
        if now == packets {
            return Ok(());
        }
        let Some(fifo) = self.prepare()? else {
            return Ok(());
        };
        let fifo = fifo.as_fd();
        if now > FULL {
            now = 0;
            if self.is_bell() {
                while self.move_packet(fifo, false) {}
            } else {
                now = pipe::count_packets(fifo);
            }
        }
        for _ in now..packets {
            self.move_packet(fifo, true);
        }
        for _ in packets..now {
            self.move_packet(fifo, false);
        }
        fd_state.store(packets + 1, Relaxed);
        Ok(())
    }
}

/// Packets in the FIFO, by what the queue is.
pub(super) const EMPTY: u32 = 0;
pub(super) const READY: u32 = 1;
pub(super) const FULL: u32 = 2;
/// In `Waiting::fd_state`: there is a descriptor, and what its FIFO holds is not known.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// Removes the FIFO of a queue that has lost its name, and those that were left by others.
pub(super) fn unlink(identity: u64) {
    let remove = |identity| file::unlink(path(identity).as_c_str()).is_ok();
    if !remove(identity) {
        return;
    }
    each_file(&mut |name, _| {
        let number = name.to_bytes().strip_prefix(PREFIX.as_bytes());
        let Some(identity) = number.and_then(|number| listing::number(number, 16)) else {
            return;
        };
        // It was there before its FIFO.
        let mut is_there = false;
        let is_it = |inode| (inode ^ identity) & INODE == 0;
        if each_file(&mut |_, inode| is_there |= is_it(inode)) && !is_there {
            remove(identity);
        }
    });
}

fn each_file(found: &mut dyn FnMut(&CStr, u64)) -> bool {
    let directory = open_directory(SHM_DIRECTORY);
    directory.is_ok_and(|directory| listing::each_name(directory, found).is_ok())
}
