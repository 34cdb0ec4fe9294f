//! Opening and creating a queue: mq_open().
//!
//! Opening is: open the twin by its name, then the memory that belongs to it. Creating is: create the
//! twin, which decides between several makers; take its lock; create the memory. A process that opens a
//! twin before its memory exists waits for the maker, or removes the twin if the maker has died.

use crate::addresses::{self, Use};
use crate::cancellation::Uncancelable;
use crate::descriptors::{Opened, adopt};
use crate::identity::Identity;
use crate::ipc::{ipc_mq_attr_t, ipc_mq_t};
use crate::kernel_twin::{self, KernelTwin, LockAttempts};
use crate::memory::detach;
use crate::name::Path;
use crate::remove::remove_void;
use crate::table::{self, Entry, State};
use crate::{Result, close, memory};
use core::ffi::{CStr, c_char, c_int};

/// How often mq_open() tries. A maker that is stopped accounts for [`LockAttempts::MOST`] of them.
const MOST_ROUNDS: u32 = 10 * LockAttempts::MOST;

/// Does what mq_open() does.
///
/// # Safety
///
/// As for mq_open().
pub(crate) unsafe fn open(
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    attr: *const libc::mq_attr,
) -> Result<c_int> {
    // SAFETY: by this function's contract.
    let path = unsafe { Path::of_twin(name) }?;
    let _uncancelable = Uncancelable::begin();
    let plain = flags & !(libc::O_CREAT | libc::O_EXCL);
    let creates = flags & libc::O_CREAT != 0;
    let is_exclusive = creates && flags & libc::O_EXCL != 0;
    let mut attempts = LockAttempts::new();
    // Each further round means that another process has just created the name, has just removed it, or
    // has died while it did either. Their number is limited because a process may do that on purpose.
    for _ in 0..MOST_ROUNDS {
        if !is_exclusive {
            match open_existing(&path, plain, &mut attempts) {
                Ok(Some(fd)) => return Ok(fd),
                Ok(None) => continue,
                Err(libc::ENOENT) if creates => {}
                Err(number) => return Err(number),
            }
        }
        // SAFETY: by this function's contract.
        match unsafe { create(&path, plain, mode, attr) } {
            Err(libc::EEXIST) if !is_exclusive => {}
            Err(libc::EEXIST) => match remove_void(&path, &mut attempts) {
                Ok(true) => {}
                Ok(false) | Err(_) => return Err(libc::EEXIST),
            },
            Err(libc::ESTALE) => {}
            created => return created,
        }
    }
    Err(libc::EACCES)
}

/// Opens a queue that exists. `None` if its twin has no memory yet, or none any more: try again.
fn open_existing(path: &Path, flags: c_int, attempts: &mut LockAttempts) -> Result<Option<c_int>> {
    let fd = kernel_twin::open(path, flags)?;
    let opened = Opened {
        flags,
        name: path.hash(),
    };
    match enter(fd, opened, None) {
        Ok(()) => Ok(Some(fd)),
        Err(libc::ENOENT) => {
            close(fd);
            remove_void(path, attempts).map(|_| None)
        }
        Err(number) => {
            close(fd);
            Err(number)
        }
    }
}

/// Enters a descriptor that mq_open() has just made into the table. `ENOENT` if its twin has no queue.
fn enter(fd: c_int, opened: Opened, made: Option<(Identity, *mut ipc_mq_t)>) -> Result<()> {
    let entry: &'static Entry = table::make(fd)?;
    let state: State = entry.begin_to_ask();
    let (identity, handle) = match made {
        Some((identity, handle)) => (identity, Some(handle)),
        None => (Identity::of(fd)?, None),
    };
    adopt(fd, entry, state, identity, Some(opened), handle).map(drop)
}

/// Creates a queue. `EEXIST` if the name exists. `ESTALE` if another process has removed the name
/// meanwhile.
///
/// # Safety
///
/// As for mq_open().
unsafe fn create(
    path: &Path,
    flags: c_int,
    mode: libc::mode_t,
    attr: *const libc::mq_attr,
) -> Result<c_int> {
    // SAFETY: by this function's contract.
    let sizes = match unsafe { sizes(attr) } {
        // The kernel checks the sizes only when it creates a queue. So an existing name is reported first.
        Err(libc::EINVAL) => {
            return Err(match kernel_twin::open(path, libc::O_RDONLY) {
                Err(libc::ENOENT) => libc::EINVAL,
                Err(_) => libc::EEXIST,
                Ok(fd) => {
                    close(fd);
                    libc::EEXIST
                }
            });
        }
        sizes => sizes?,
    };
    let fd = kernel_twin::create(path, flags, mode)?;
    let opened = Opened {
        flags,
        name: path.hash(),
    };
    let created = create_memory(fd, &sizes, opened);
    match created {
        Ok(()) => kernel_twin::unlock(fd),
        // Another process took the new twin for void, and removes its name.
        Err(libc::ESTALE) => close(fd),
        Err(_) => {
            let _ = kernel_twin::unlink(path);
            close(fd);
        }
    }
    created.map(|()| fd)
}

/// Gives a new twin its queue. `ESTALE` if the twin has lost its name again.
fn create_memory(twin: c_int, sizes: &ipc_mq_attr_t, opened: Opened) -> Result<()> {
    if !kernel_twin::lock(twin) {
        return Err(libc::ESTALE);
    }
    let identity = Identity::of(twin)?;
    if !identity.is_named() {
        return Err(libc::ESTALE);
    }
    let mode = opened.flags & libc::O_ACCMODE;
    // Before the memory exists: from then on others may bring the twin into the queue's state.
    KernelTwin { fd: twin, mode }.fill();
    let handle = memory::create(&identity, sizes)?;
    // If this process was stopped for too long, another one has gone on without the lock.
    if !Identity::of(twin).is_ok_and(|identity| identity.is_named()) {
        let _ = memory::unlink(&identity);
        detach(handle);
        return Err(libc::ESTALE);
    }
    enter(twin, opened, Some((identity, handle))).inspect_err(|_| {
        let _ = memory::unlink(&identity);
    })
}

/// The sizes that a new queue is to have. `EINVAL` for sizes that no queue has.
///
/// # Safety
///
/// `attr` is NULL or as for mq_open().
unsafe fn sizes(attr: *const libc::mq_attr) -> Result<ipc_mq_attr_t> {
    let (max_messages, message_size) = if attr.is_null() {
        (
            system_default(c"/proc/sys/fs/mqueue/msg_default").unwrap_or(10),
            system_default(c"/proc/sys/fs/mqueue/msgsize_default").unwrap_or(8192),
        )
    } else {
        addresses::check(attr.addr(), size_of::<libc::mq_attr>(), Use::Read)?;
        // SAFETY: by this function's contract.
        let attr = unsafe { attr.read() };
        #[allow(clippy::unnecessary_cast)] // long has 32 bits on some machines
        (attr.mq_maxmsg as i64, attr.mq_msgsize as i64)
    };
    if max_messages <= 0 || message_size <= 0 {
        return Err(libc::EINVAL);
    }
    Ok(ipc_mq_attr_t {
        max_messages: max_messages as usize,
        message_size: message_size as usize,
        ..ipc_mq_attr_t::default()
    })
}

/// Reads a number from /proc/sys.
fn system_default(path: &CStr) -> Option<i64> {
    let mut text = [0u8; 24];
    // SAFETY: the path is a C string.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if fd < 0 {
        return None;
    }
    // SAFETY: the buffer has the length that is given.
    let length = unsafe { libc::read(fd, text.as_mut_ptr().cast(), text.len()) };
    close(fd);
    let text = text.get(..usize::try_from(length).ok()?)?;
    core::str::from_utf8(text).ok()?.trim_ascii().parse().ok()
}
