//! The kernel twin: the small queue of the kernel behind each mqd_t.
//!
//! Permissions, access modes and readiness are the twin's. While nobody is about to sleep in poll(), the
//! twin holds one message of 1 byte, and so is ready for everything. A thread that is about to sleep has
//! librobustipc.so bring the twin into the queue's state ([`polling`](crate::polling)). For that the library
//! needs a descriptor of its own, which the program does not close.

use crate::identity::{Identity, proc_path};
use crate::ipc::{ipc_mq_attr_t, ipc_mq_bring_fd, ipc_mq_getattr, ipc_mq_t};
use crate::memory::detach;
use crate::name::Path;
use crate::{Result, check, check_libc, close, kernel, lifted, memory};
use core::ffi::c_int;
use core::ptr;

/// How many messages a twin holds: librobustipc.so needs room for two.
const MESSAGES: i64 = 2;

/// A descriptor of a twin, and its access mode.
#[derive(Clone, Copy)]
pub(crate) struct KernelTwin {
    pub(crate) fd: c_int,
    pub(crate) mode: c_int,
}

/// The open queue behind a descriptor.
pub(crate) struct Attached {
    /// NULL if the descriptor is that of a kernel's queue which is no twin.
    pub(crate) handle: *mut ipc_mq_t,
    pub(crate) message_size: usize,
    pub(crate) max_messages: usize,
    /// The library's own descriptor of the twin.
    pub(crate) twin: c_int,
}

impl Attached {
    /// Closes the queue, which no other part of the library knows.
    pub(crate) fn close(&self) {
        if !self.handle.is_null() {
            detach(self.handle);
        }
    }
}

/// Creates a twin of that name, which must not exist. Returns its descriptor.
pub(crate) fn create(path: &Path, flags: c_int, mode: libc::mode_t) -> Result<c_int> {
    // SAFETY: mq_attr consists of integers, for which all zeros is a valid value.
    let mut attr: libc::mq_attr = unsafe { core::mem::zeroed() };
    attr.mq_maxmsg = MESSAGES as _;
    attr.mq_msgsize = 1;
    let flags = flags | libc::O_CREAT | libc::O_EXCL;
    // SAFETY: the path is a C string, and the attributes live until the call returns.
    check_libc(unsafe { kernel::open(path.as_ptr(), flags, mode, &attr) })
}

/// Opens the twin of that name.
pub(crate) fn open(path: &Path, flags: c_int) -> Result<c_int> {
    // SAFETY: the path is a C string.
    check_libc(unsafe { kernel::open(path.as_ptr(), flags, 0, ptr::null()) })
}

/// Opens the twin of that name in the one direction or the other, whichever is permitted.
pub(crate) fn open_any(path: &Path) -> Result<c_int> {
    open(path, libc::O_RDONLY).or_else(|_| open(path, libc::O_WRONLY))
}

/// Removes a twin's name.
pub(crate) fn unlink(path: &Path) -> Result<()> {
    // SAFETY: the path is a C string.
    check_libc(unsafe { kernel::unlink(path.as_ptr()) }).map(drop)
}

/// Whether a queue of the kernel has a name that only twins have, or had one before it was removed.
fn is_twin(fd: c_int) -> bool {
    let mut path = [0u8; 8];
    // SAFETY: the path ends with a 0, and the buffer has the length that is given.
    let length = unsafe {
        libc::readlink(
            proc_path(fd).as_ptr().cast(),
            path.as_mut_ptr().cast(),
            path.len(),
        )
    };
    length > 0 && path.starts_with(b"/ripc.")
}

/// Tries to take a twin's lock. A process has it while it makes the twin's queue or removes the name.
/// The lock ends with its holder.
pub(crate) fn lock(twin: c_int) -> bool {
    // SAFETY: the call takes numbers alone.
    let locked = unsafe { libc::flock(twin, libc::LOCK_EX | libc::LOCK_NB) } == 0;
    // On a kernel without such locks, every process goes on without one.
    locked || crate::errno() != libc::EWOULDBLOCK
}

/// Releases the lock.
pub(crate) fn unlock(twin: c_int) {
    // SAFETY: the call takes numbers alone.
    unsafe { libc::flock(twin, libc::LOCK_UN) };
}

/// Counts the attempts to take a lock that another process has.
pub(crate) struct LockAttempts(u32);

impl LockAttempts {
    /// How many attempts there are, half a millisecond apart. After them the caller goes on without the
    /// lock: the holder is stopped, and notices that when it goes on.
    pub(crate) const MOST: u32 = 2000;

    pub(crate) fn new() -> LockAttempts {
        LockAttempts(0)
    }

    /// One attempt. True if the caller may go on, with the lock or without it.
    pub(crate) fn attempt(&mut self, twin: c_int) -> bool {
        self.0 += 1;
        lock(twin) || self.0 > LockAttempts::MOST
    }

    /// Waits until the next attempt is due. The caller must not have the table's lock, which other
    /// threads need for every open and close.
    pub(crate) fn pause() {
        // SAFETY: the call takes a number alone.
        unsafe { libc::usleep(500) };
    }
}

/// The library's own descriptors start at this number if the limit allows it, so that the program gets
/// the low numbers it expects.
const OUT_OF_THE_WAY: c_int = 256;

fn duplicate(fd: c_int) -> Result<c_int> {
    // SAFETY: the call takes numbers alone.
    let moved = unsafe { kernel::fcntl(fd, libc::F_DUPFD_CLOEXEC, OUT_OF_THE_WAY as _) };
    if moved >= 0 {
        return Ok(moved);
    }
    // SAFETY: the call takes numbers alone.
    check_libc(unsafe { kernel::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) })
}

impl KernelTwin {
    /// Opens the queue that belongs to the twin. `ENOENT` if the twin has none.
    pub(crate) fn attach(self, identity: &Identity) -> Result<Attached> {
        match memory::open(identity) {
            Ok(handle) => self.attach_handle(handle),
            // (Without a descriptor to spare, the directory with the memory cannot be searched.)
            Err(libc::ENOENT | libc::EMFILE | libc::ENFILE) if !is_twin(self.fd) => Ok(Attached {
                handle: ptr::null_mut(),
                message_size: 0,
                max_messages: 0,
                twin: -1,
            }),
            // As long as a twin has a name, its queue has one too; or both have just lost it.
            Err(libc::ENOENT) if identity.is_named() => Err(libc::ENOENT),
            Err(libc::ENOENT) => self.attach_handle(memory::open_nameless(identity)?),
            Err(number) => Err(number),
        }
    }

    /// Prepares a queue that has just been opened. If that fails, the handle is closed.
    pub(crate) fn attach_handle(self, handle: *mut ipc_mq_t) -> Result<Attached> {
        self.prepare(handle).inspect_err(|_| detach(handle))
    }

    fn prepare(self, handle: *mut ipc_mq_t) -> Result<Attached> {
        let twin = self.duplicate_widened()?;
        // SAFETY: the handle has just been opened, and this function does not use the descriptor after
        // giving it away, except through the handle.
        check(unsafe { ipc_mq_bring_fd(handle, twin) })?;
        let mut attr = ipc_mq_attr_t::default();
        // SAFETY: the handle is open, and the pointer leads to room for the answer.
        check(unsafe { ipc_mq_getattr(handle, &mut attr) })?;
        Ok(Attached {
            handle,
            message_size: attr.message_size,
            max_messages: attr.max_messages,
            twin,
        })
    }

    /// A descriptor of the twin for both directions if that is permitted, otherwise a duplicate. Even if
    /// this process uses one direction only, it or its child may later open the queue for the other.
    pub(crate) fn duplicate_widened(self) -> Result<c_int> {
        if self.mode == libc::O_RDWR {
            return duplicate(self.fd);
        }
        let Ok(wide) = self.open_wide() else {
            return duplicate(self.fd);
        };
        let moved = duplicate(wide);
        // Closing any descriptor of a queue ends this process's notification by it. The process has none
        // yet, because it is only now getting the queue.
        close(wide);
        moved
    }

    fn open_wide(self) -> Result<c_int> {
        let flags = libc::O_RDWR | libc::O_CLOEXEC;
        // SAFETY: the path ends with a 0.
        let wide = unsafe { libc::open(proc_path(self.fd).as_ptr().cast(), flags) };
        check_libc(wide).and_then(lifted)
    }

    /// Puts the message into a new twin that it holds while nobody is about to sleep. Where that is
    /// impossible, the first thread that is about to sleep does it.
    pub(crate) fn fill(self) {
        let put = |fd| {
            // SAFETY: the message is one byte long. The new twin has room, so the call does not wait.
            unsafe { kernel::send(fd, c"".as_ptr(), 1, 0) };
        };
        if self.mode != libc::O_RDONLY {
            put(self.fd);
        } else if let Ok(wide) = self.open_wide() {
            put(wide);
            close(wide);
        }
    }
}
