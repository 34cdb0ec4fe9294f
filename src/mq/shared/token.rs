//! The descriptor to poll: a FIFO that holds a byte while the queue is not empty.
//!
//! All processes share one FIFO per queue, so that its readiness is the queue's whoever sends and
//! receives. It stands beside the queue, hidden, from the first time somebody asks for the
//! descriptor. From then on a call holds both latches, so that the byte and the count change
//! together: it comes before the first message and goes after the last. A death in between
//! leaves the byte in an empty queue, until the next call takes it out: a needless look, never a
//! missed message.

use crate::error::{Errno, Result, fail, failed};
use crate::object::{Object, SHM_DIRECTORY};
use crate::sys::{file, pipe};
use crate::text::Text;
use core::cell::OnceCell;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// In front of what tells the queue's FIFO from others'.
const PREFIX: &str = ".robustipc-mq-";

type Path = Text<64>;

fn path(identity: u64) -> Path {
    let directory = SHM_DIRECTORY.to_str().unwrap_or_default();
    Path::of(format_args!("{directory}/{PREFIX}{identity:016x}"))
}

/// The FIFO of a queue, as far as this process has opened it. Whoever uses it holds both latches.
pub(super) struct Token {
    identity: u64,
    fifo: OnceCell<OwnedFd>,
}

// SAFETY: the cell is filled only by one who holds both of the queue's latches, of which all
// threads of all processes share one each, and never emptied.
unsafe impl Sync for Token {}

impl Token {
    pub(super) fn new(identity: u64) -> Token {
        Token {
            identity,
            fifo: OnceCell::new(),
        }
    }

    /// Makes the FIFO if there is none, for those who may use the queue.
    pub(super) fn make(&self, queue: &Object) -> Result<RawFd> {
        let path = path(self.identity);
        let status = file::status(queue.file())?;
        let made = pipe::create_fifo(path.as_c_str(), 0o600);
        let fifo = self.open()?;
        if made.is_ok() {
            file::set_owner(fifo.as_fd(), &status)
                .and_then(|()| file::set_permissions(fifo.as_fd(), status.permissions()))
                .map_err(|errno| {
                    let _ = file::unlink(path.as_c_str());
                    failed!(
                        errno,
                        "the descriptor's FIFO cannot be given to the queue's owner, who has to ask for it first"
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
        if !file::status(fifo.as_fd()).map_err(failed)?.is_fifo() {
            return Err(fail!(
                EMEDIUMTYPE,
                "{}: expected the queue's FIFO, found something else",
                path.as_str()
            ));
        }
        Ok(self.fifo.get_or_init(|| fifo))
    }

    /// Makes the descriptor readable.
    pub(super) fn raise(&self) -> Result<()> {
        let fifo = match self.open() {
            Ok(fifo) => fifo,
            // Somebody has removed it, so nobody can be told: that is no reason not to send.
            Err(error) if error.errno() == Errno::ENOENT => return Ok(()),
            Err(error) => return Err(error),
        };
        // A full FIFO is readable already.
        pipe::put_byte(fifo.as_fd());
        Ok(())
    }

    /// Makes it unreadable.
    pub(super) fn lower(&self) {
        if let Ok(fifo) = self.open() {
            pipe::take_all(fifo.as_fd());
        }
    }
}

/// Removes the FIFO of a queue that has lost its name.
pub(super) fn unlink(identity: u64) {
    let _ = file::unlink(path(identity).as_c_str());
}
