//! A ledger: what a bridge must not forget about an object when it is killed. It is a small region of shared memory beside the object,
//! so it lives as long as the object can.
//!
//! A ledger belongs to one bridge at a time, by a lock of its file (flock(2)) that the kernel releases when the bridge ends. So of
//! several bridges on one machine, one connects an object, and the others stand by. This is also why nothing goes in a circle: the
//! bridge that publishes what arrives is the one that reads what leaves.
//!
//! Each change of a ledger is one store, in an order that `queue` explains.

use crate::kind::{Kind, ObjectId};
use crate::library::{Error, Region, Result};
use crate::log;
use crate::network::{Event, Inbox};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// How many messages of a queue may be on their way at once. The bits of one number stand for them.
pub(crate) const WINDOW: u64 = 64;
const STREAMS: usize = 32;
const PUBLISHERS: usize = 16;
/// Raise it with every change of the struct or of what a number means. 1: the digests were those of std.
const VERSION: u64 = 2;

/// A message on its way, at its source.
#[repr(C)]
pub(crate) struct Entry {
    /// One of the constants below.
    pub(crate) state: AtomicU64,
    pub(crate) number: AtomicU64,
    /// The message's digest and priority: a message that comes back after a death is found by them.
    pub(crate) digest: [AtomicU64; 2],
}

impl Entry {
    pub(crate) const FREE: u64 = 0;
    /// The message has its number, and may be on its way.
    pub(crate) const SENT: u64 = 1;
    /// The other side has the message. It is being returned to the queue here.
    pub(crate) const CONFIRMED: u64 = 2;
}

/// The numbers that have arrived of one stream.
#[repr(C)]
pub(crate) struct Stream {
    id: AtomicU64,
    /// All numbers up to this one have arrived.
    pub(crate) base: AtomicU64,
    /// The number n of the window above `base` has arrived if it stands in slot n modulo the window. So one store notes a number.
    noted: [AtomicU64; WINDOW as usize],
    /// When the stream was last used, to replace the oldest.
    used: AtomicU64,
}

/// The message that is being put into a queue.
#[repr(C)]
pub(crate) struct Intent {
    /// 0: none. 1: its room is being reserved. 2: it is being committed.
    pub(crate) state: AtomicU64,
    pub(crate) stream: AtomicU64,
    pub(crate) number: AtomicU64,
    /// How many reserved messages the queue had lost before.
    pub(crate) abandoned: AtomicU64,
}

/// The region's content. All zeros is an empty ledger.
#[repr(C)]
pub(crate) struct Memory {
    version: AtomicU64,
    /// The inode of the object's file. Another one means another object.
    inode: AtomicU64,
    /// Tells what leaves the object from what leaves others of its name.
    pub(crate) stream: AtomicU64,
    /// The next number of the stream.
    pub(crate) next: AtomicU64,
    /// The object at the other side that takes the messages of this queue, or 0.
    pub(crate) sink: AtomicU64,
    /// The hash of the name of the bridge at that object.
    pub(crate) sink_at: AtomicU64,
    /// The number of the cell's value that the stamp belongs to.
    pub(crate) position: AtomicU64,
    /// The stamp of the cell's value, and the hash of the bridge that gave it.
    pub(crate) stamp: AtomicU64,
    pub(crate) stamped_by: AtomicU64,
    clock: AtomicU64,
    publishers: [AtomicU64; PUBLISHERS],
    pub(crate) intent: Intent,
    pub(crate) entries: [Entry; WINDOW as usize],
    streams: [Stream; STREAMS],
}

/// An open ledger.
pub(crate) struct Ledger {
    region: Region,
    local: String,
}

impl Ledger {
    /// Opens the ledger of an object of this machine, or creates it.
    pub(crate) fn open(kind: Kind, local: &str) -> Result<Ledger> {
        let name = format!("/robustipc-bridge.{kind}.{}", &local[1..]);
        Ok(Ledger {
            region: Region::open(&name, size_of::<Memory>(), 0o600)?,
            local: local.to_owned(),
        })
    }

    pub(crate) fn memory(&self) -> &Memory {
        // SAFETY: the region is mapped while `self` exists, is aligned to a page, and has the struct's size. The struct has atomic
        // numbers only, which may have any value and which others may change.
        unsafe { &*self.region.memory().cast::<Memory>() }
    }

    /// Takes the ledger for this process. If another bridge has it, a thread waits and puts [`Event::Claimed`] into the box.
    pub(crate) fn claim(&self, object: &ObjectId, inbox: &Arc<Inbox>) -> Result<bool> {
        let descriptor = self.region.descriptor()?;
        // SAFETY: the calls take no pointer.
        if unsafe { libc::flock(descriptor, libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(true);
        }
        // SAFETY: as above. The copy shares its lock with the region's descriptor.
        let copy = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) };
        if copy < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        // SAFETY: the descriptor is new, and nobody else closes it.
        let copy = unsafe { OwnedFd::from_raw_fd(copy) };
        let (object, inbox) = (object.clone(), inbox.clone());
        std::thread::Builder::new()
            .name("bridge_standby".into())
            .spawn(move || {
                // SAFETY: the call takes no pointer. A signal handler that interrupts it does not exist.
                while unsafe { libc::flock(copy.as_raw_fd(), libc::LOCK_EX) } != 0 {
                    if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
                        return;
                    }
                }
                inbox.put(Event::Claimed(object));
            })
            .map_err(Error::from)?;
        Ok(false)
    }

    /// Ties the ledger to the object that has its name now. The ledger of another object is emptied.
    pub(crate) fn adopt(&self) -> Result<()> {
        let inode = std::fs::metadata(format!("/dev/shm{}", self.local))?.ino();
        let memory = self.memory();
        if memory.inode.load(SeqCst) == inode && memory.version.load(SeqCst) == VERSION {
            return Ok(());
        }
        let old = memory.version.load(SeqCst);
        if old != 0 && old != VERSION {
            log!(
                "{}: its ledger has version {old} instead of {VERSION} and is emptied; what was on its way may arrive a second time",
                self.local
            );
        }
        // The version is stored last: a ledger that a killed bridge has not finished is emptied again.
        memory.version.store(0, SeqCst);
        let words = size_of::<Memory>() / size_of::<AtomicU64>();
        for index in 1..words {
            // SAFETY: the struct consists of this many atomic numbers.
            unsafe { &*std::ptr::from_ref(memory).cast::<AtomicU64>().add(index) }.store(0, SeqCst);
        }
        memory.inode.store(inode, SeqCst);
        memory.stream.store(random(), SeqCst);
        memory.next.store(1, SeqCst);
        memory.version.store(VERSION, SeqCst);
        Ok(())
    }

    /// Whether the object that the ledger is tied to still has its name.
    pub(crate) fn is_current(&self) -> bool {
        std::fs::metadata(format!("/dev/shm{}", self.local))
            .is_ok_and(|found| found.ino() == self.memory().inode.load(SeqCst))
    }

    /// The numbers that have arrived of a stream.
    pub(crate) fn stream(&self, id: u64) -> &Stream {
        let memory = self.memory();
        let now = memory.clock.fetch_add(1, SeqCst) + 1;
        let known = memory
            .streams
            .iter()
            .find(|stream| stream.id.load(SeqCst) == id);
        let stream = known.unwrap_or_else(|| {
            let mut oldest = &memory.streams[0];
            for stream in &memory.streams {
                if stream.used.load(SeqCst) < oldest.used.load(SeqCst) {
                    oldest = stream;
                }
            }
            oldest.id.store(0, SeqCst);
            oldest.base.store(0, SeqCst);
            for slot in &oldest.noted {
                slot.store(0, SeqCst);
            }
            oldest.id.store(id, SeqCst);
            oldest
        });
        stream.used.store(now, SeqCst);
        stream
    }

    /// Notes that this process publishes in the object.
    pub(crate) fn publishes(&self) {
        let publishers = &self.memory().publishers;
        let own = u64::from(std::process::id());
        if self.has_published(own as u32) {
            return;
        }
        for index in (1..PUBLISHERS).rev() {
            publishers[index].store(publishers[index - 1].load(SeqCst), SeqCst);
        }
        publishers[0].store(own, SeqCst);
    }

    /// Whether this is the id of a bridge that has published in the object.
    pub(crate) fn has_published(&self, pid: u32) -> bool {
        let publishers = &self.memory().publishers;
        publishers
            .iter()
            .any(|known| known.load(SeqCst) == u64::from(pid))
    }
}

impl Stream {
    /// Whether a number has arrived.
    pub(crate) fn has(&self, number: u64) -> bool {
        number <= self.base.load(SeqCst) || self.slot(number).load(SeqCst) == number
    }

    /// Notes that a number of the window has arrived.
    pub(crate) fn note(&self, number: u64) {
        if self.has(number) {
            return;
        }
        self.slot(number).store(number, SeqCst);
        let mut base = self.base.load(SeqCst);
        while self.slot(base + 1).load(SeqCst) == base + 1 {
            base += 1;
        }
        self.base.store(base, SeqCst);
    }

    /// Bit n: number base + 1 + n has arrived.
    pub(crate) fn bits(&self) -> u64 {
        let base = self.base.load(SeqCst);
        (0..WINDOW)
            .filter(|bit| self.has(base + 1 + bit))
            .fold(0, |bits, bit| bits | 1 << bit)
    }

    fn slot(&self, number: u64) -> &AtomicU64 {
        &self.noted[(number % WINDOW) as usize]
    }
}

/// A random number that is not 0.
pub(crate) fn random() -> u64 {
    let mut bytes = [0_u8; 8];
    // SAFETY: the buffer has 8 bytes.
    unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    u64::from_ne_bytes(bytes) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_of_another_version_is_emptied_and_one_of_this_version_stays() {
        let own = format!("robustipc-bridge-test-{}", std::process::id());
        let local = format!("/{own}");
        std::fs::write(format!("/dev/shm{local}"), b"").unwrap();
        let ledger = Ledger::open(Kind::Queue, &local).unwrap();
        let memory = ledger.memory();
        ledger.adopt().unwrap();
        let first = memory.stream.load(SeqCst);
        memory.next.store(7, SeqCst);
        memory.entries[6].state.store(Entry::SENT, SeqCst);
        ledger.adopt().unwrap();
        let found = [&memory.stream, &memory.next].map(|number| number.load(SeqCst));
        assert_eq!(found, [first, 7]);
        memory.version.store(1, SeqCst);
        ledger.adopt().unwrap();
        assert_eq!(memory.version.load(SeqCst), VERSION);
        assert_ne!(memory.stream.load(SeqCst), first);
        assert_eq!(memory.next.load(SeqCst), 1);
        assert_eq!(memory.entries[6].state.load(SeqCst), Entry::FREE);
        for name in [own.clone(), format!("robustipc-bridge.queue.{own}")] {
            std::fs::remove_file(format!("/dev/shm/{name}")).unwrap();
        }
    }
}
