//! Bells, and the queues that belong to them.

use crate::holders::open_memory;
use crate::imports::may_poll;
use crate::ipc::*;
use crate::name::Path;
use crate::table::Identity;
use crate::{Result, check, check_libc, kernel, table};
use core::ffi::{CStr, c_char, c_int};
use core::mem::MaybeUninit;
use core::ptr;

/// As librobustipc.so wants it: room for two messages of 1 byte.
const MESSAGES: i64 = 2;

/// A descriptor of a bell, and its access mode.
#[derive(Clone, Copy)]
pub(crate) struct Bell {
    pub(crate) fd: c_int,
    pub(crate) mode: c_int,
}

/// A queue that has been attached.
pub(crate) struct Opened {
    /// NULL: it is the kernel's own.
    pub(crate) handle: *mut ipc_mq_t,
    pub(crate) message_size: usize,
    /// The library's own descriptor of the bell.
    pub(crate) bell: c_int,
}

pub(crate) fn is_kernel_queue(fd: c_int) -> bool {
    const MQUEUE_MAGIC: i64 = 0x1980_0202;
    let mut status = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: room for the answer.
    if unsafe { libc::fstatfs(fd, status.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: filled in.
    #[allow(clippy::unnecessary_cast)]
    let kind = unsafe { status.assume_init() }.f_type as i64;
    kind == MQUEUE_MAGIC
}

/// Whether a queue of the kernel's has, or had, a name that only bells have.
fn is_bell(fd: c_int) -> bool {
    let mut path = [0u8; 8];
    // SAFETY: a name, and a buffer.
    let length = unsafe {
        libc::readlink(
            link(fd).as_ptr().cast(),
            path.as_mut_ptr().cast(),
            path.len(),
        )
    };
    length > 0 && path.starts_with(b"/ripc.")
}

/// The descriptor's file under a name.
fn link(fd: c_int) -> [u8; 32] {
    let mut path = [0; 32];
    let directory = b"/proc/self/fd/";
    path[..directory.len()].copy_from_slice(directory);
    let digits = fd.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut number = fd;
    for place in path[directory.len()..][..digits].iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
    path
}

/// Internal descriptors stand where they are in nobody's way, if the limit allows it.
const OUT_OF_THE_WAY: c_int = 256;

fn duplicate(fd: c_int) -> Result<c_int> {
    // SAFETY: takes no memory.
    let moved = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) };
    if moved >= 0 {
        return Ok(moved);
    }
    // SAFETY: as above.
    check_libc(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) })
}

impl Bell {
    /// Opens the queue that belongs to it.
    pub(crate) fn attach(self, identity: Identity) -> Result<Opened> {
        let path = Path::of_queue(identity.device, identity.inode);
        let mut handle = ptr::null_mut();
        // SAFETY: a name, and places for the answer.
        let opened = check(unsafe { ipc_mq_open(&mut handle, path.as_ptr(), ptr::null(), 0, 0) });
        match opened {
            Ok(_) => self.attach_handle(handle),
            // A bell has a queue for as long as it has a name. (Or both have just lost it.)
            Err(libc::ENOENT) if is_bell(self.fd) && identity.is_named => Err(libc::ENOENT),
            Err(libc::ENOENT) if is_bell(self.fd) => {
                let memory = open_memory(&path).ok_or(libc::ENOENT)?;
                // SAFETY: a place for the answer, and a descriptor.
                let opened = check(unsafe { ipc_mq_open_fd(&mut handle, memory, 0) });
                close(memory);
                opened.and_then(|_| self.attach_handle(handle))
            }
            Err(libc::ESTALE) => Err(libc::ENOENT),
            Err(libc::ENOENT) => Ok(Opened {
                handle: ptr::null_mut(),
                message_size: 0,
                bell: -1,
            }),
            Err(number) => Err(number),
        }
    }

    /// The handle is closed if that fails.
    pub(crate) fn attach_handle(self, handle: *mut ipc_mq_t) -> Result<Opened> {
        let prepared = self.prepare(handle);
        if prepared.is_err() {
            // SAFETY: just opened.
            unsafe { ipc_mq_close(handle) };
        }
        prepared
    }

    fn prepare(self, handle: *mut ipc_mq_t) -> Result<Opened> {
        let bell = self.widest()?;
        // SAFETY: both just made; the descriptor is given away.
        check(unsafe { ipc_mq_bring_fd(handle, bell) })?;
        if may_poll() {
            // SAFETY: open.
            check(unsafe { ipc_mq_fd(handle) })?;
        }
        let mut attr = ipc_mq_attr_t::default();
        // SAFETY: open, and room for the answer.
        check(unsafe { ipc_mq_getattr(handle, &mut attr) })?;
        Ok(Opened {
            handle,
            message_size: attr.message_size,
            bell,
        })
    }

    /// A descriptor of the same bell, to put and to take messages, if that is permitted: the process,
    /// or its child, may open it for the other direction too.
    fn widest(self) -> Result<c_int> {
        if self.mode == libc::O_RDWR {
            return duplicate(self.fd);
        }
        // SAFETY: a name.
        let wide = unsafe {
            libc::open(
                link(self.fd).as_ptr().cast(),
                libc::O_RDWR | libc::O_CLOEXEC,
            )
        };
        if wide < 0 {
            return duplicate(self.fd);
        }
        let moved = duplicate(wide);
        // SAFETY: just opened. (That ends notifications of this process's, which had none before it
        // had the queue.)
        unsafe { libc::close(wide) };
        moved
    }
}

pub(crate) fn detach(handle: *mut ipc_mq_t) {
    // SAFETY: a handle that was open; calls that use it finish first.
    unsafe { ipc_mq_close(handle) };
}

/// Opens, and with `creation` makes.
///
/// # Safety
///
/// As mq_open().
pub(crate) unsafe fn open(
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    attr: *const libc::mq_attr,
) -> Result<c_int> {
    // SAFETY: by this function's contract.
    let path = unsafe { Path::of_bell(name) }?;
    let plain = flags & !(libc::O_CREAT | libc::O_EXCL);
    let makes = flags & libc::O_CREAT != 0;
    let is_exclusive = makes && flags & libc::O_EXCL != 0;
    let mut round = 0;
    // Each further round means that another process made the name or removed it just now, or died of it.
    loop {
        if !is_exclusive {
            // SAFETY: a name.
            let fd = unsafe { kernel::open(path.as_ptr(), plain, 0, ptr::null()) };
            match check_libc(fd) {
                Ok(fd) => match Identity::of(fd)
                    .and_then(|identity| enter(fd, identity, (plain, path.hash()), None))
                {
                    Err(libc::ENOENT) => {
                        close(fd);
                        clear(&path, &mut round);
                        continue;
                    }
                    Err(number) => {
                        close(fd);
                        return Err(number);
                    }
                    Ok(()) => return Ok(fd),
                },
                Err(libc::ENOENT) if makes => {}
                Err(number) => return Err(number),
            }
        }
        // SAFETY: by this function's contract.
        match unsafe { create(&path, plain, mode, attr) } {
            Err(libc::EEXIST) if !is_exclusive || clear(&path, &mut round) => {}
            Err(libc::ESTALE) => {}
            made => return made,
        }
    }
}

fn close(fd: c_int) {
    // SAFETY: just opened by who calls.
    unsafe { libc::close(fd) };
}

/// Takes a bell's lock, which ends with its holder: who makes a queue for it, or removes its name, has it.
fn lock(bell: c_int) -> bool {
    // SAFETY: takes no memory.
    let locked = unsafe { libc::flock(bell, libc::LOCK_EX | libc::LOCK_NB) } == 0;
    // Where locks cannot be had at all, all go on without.
    locked || crate::errno() != libc::EWOULDBLOCK
}

fn unlock(bell: c_int) {
    // SAFETY: as above.
    unsafe { libc::flock(bell, libc::LOCK_UN) };
}

/// How often, half a millisecond apart, a lock that another has is tried before it is passed over:
/// its holder is stopped, and finds that when it goes on.
const ROUNDS: u32 = 2000;

/// Takes the lock if it is free; else waits a moment, and tells when that has been enough.
fn lock_or_wait(bell: c_int, round: &mut u32) -> bool {
    *round += 1;
    if lock(bell) || *round > ROUNDS {
        return true;
    }
    // SAFETY: takes no memory.
    unsafe { libc::usleep(500) };
    false
}

/// Removes a name whose bell has no queue, because its maker died before it made that, or who removed
/// it after that. False: it has one.
fn clear(path: &Path, round: &mut u32) -> bool {
    // Closing any descriptor of a bell ends this process's notification by it.
    let is_open = {
        let Ok(_lock) = table::Lock::take() else {
            return false;
        };
        table::find_named(path.hash()).is_some()
    };
    if is_open {
        return false;
    }
    let Some(fd) = any_descriptor(path) else {
        return crate::errno() == libc::ENOENT;
    };
    let mut is_void = has_no_queue(fd);
    if is_void && lock_or_wait(fd, round) {
        // Under the lock, a bell that has a name has this one, and keeps it.
        is_void = has_no_queue(fd);
        if is_void && Identity::of(fd).is_ok_and(|identity| identity.is_named) {
            // SAFETY: a name.
            unsafe { kernel::unlink(path.as_ptr()) };
        }
    }
    close(fd);
    is_void
}

fn has_no_queue(bell: c_int) -> bool {
    let Ok(identity) = Identity::of(bell) else {
        return false;
    };
    let path = Path::of_queue(identity.device, identity.inode);
    let mut handle = ptr::null_mut();
    // SAFETY: a name, and places for the answer.
    match unsafe { ipc_mq_open(&mut handle, path.as_ptr(), ptr::null(), 0, 0) } {
        result if result >= 0 => detach(handle),
        result => return result == -libc::ENOENT,
    }
    false
}

/// Enters a bell that has been opened by its name, or made; `ENOENT` as long as it has no queue.
fn enter(
    fd: c_int,
    identity: Identity,
    opened: (c_int, u64),
    made: Option<*mut ipc_mq_t>,
) -> Result<()> {
    let _lock = table::Lock::take()?;
    table::adopt(fd, identity, Some(opened), made).map(drop)
}

/// # Safety
///
/// As mq_open().
unsafe fn create(
    path: &Path,
    flags: c_int,
    mode: libc::mode_t,
    attr: *const libc::mq_attr,
) -> Result<c_int> {
    // SAFETY: by this function's contract.
    let sizes = match unsafe { sizes(attr) } {
        // The kernel looks at them only when it makes a queue.
        Err(libc::EINVAL) => {
            // SAFETY: a name.
            let fd = unsafe { kernel::open(path.as_ptr(), libc::O_RDONLY, 0, ptr::null()) };
            if fd >= 0 {
                // SAFETY: just opened.
                unsafe { libc::close(fd) };
            }
            let missing = fd < 0 && crate::errno() == libc::ENOENT;
            return Err(if missing { libc::EINVAL } else { libc::EEXIST });
        }
        sizes => sizes?,
    };
    // SAFETY: mq_attr is a struct of integers, for which all zeros is a value.
    let mut of_bell: libc::mq_attr = unsafe { core::mem::zeroed() };
    of_bell.mq_maxmsg = MESSAGES as _;
    of_bell.mq_msgsize = 1;
    let creating = flags | libc::O_CREAT | libc::O_EXCL;
    // SAFETY: a name and attributes.
    let fd = check_libc(unsafe { kernel::open(path.as_ptr(), creating, mode, &of_bell) })?;
    let made = make(fd, &sizes, (flags, path.hash()));
    match made {
        // Somebody has taken this bell, just now without a queue, for a dead maker's.
        Err(libc::ESTALE) => close(fd),
        Err(_) => {
            // SAFETY: a name.
            unsafe { kernel::unlink(path.as_ptr()) };
            close(fd);
        }
        Ok(()) => unlock(fd),
    }
    made.map(|()| fd)
}

/// Makes the queue of a bell that has just been made. `ESTALE`: the bell has lost its name again.
fn make(bell: c_int, sizes: &ipc_mq_attr_t, opened: (c_int, u64)) -> Result<()> {
    if !lock(bell) {
        return Err(libc::ESTALE);
    }
    let identity = Identity::of(bell)?;
    if !identity.is_named {
        return Err(libc::ESTALE);
    }
    let queue = make_queue(identity, sizes)?;
    // After a stop that was too long for others.
    if !Identity::of(bell).is_ok_and(|identity| identity.is_named) {
        let _ = unlink_queue(identity);
        detach(queue);
        return Err(libc::ESTALE);
    }
    enter(bell, identity, opened, Some(queue)).inspect_err(|_| {
        let _ = unlink_queue(identity);
    })
}

fn make_queue(identity: Identity, sizes: &ipc_mq_attr_t) -> Result<*mut ipc_mq_t> {
    let path = Path::of_queue(identity.device, identity.inode);
    // Who sends and receives writes: the bell's mode keeps them apart.
    let mode = (0..3).fold(0, |mode, class| {
        let granted = identity.permissions >> (3 * class) & 0o6;
        mode | if granted != 0 { 0o6 << (3 * class) } else { 0 }
    });
    let mut handle = ptr::null_mut();
    loop {
        // SAFETY: a name, sizes, and a place for the answer.
        let made = check(unsafe {
            ipc_mq_open(
                &mut handle,
                path.as_ptr(),
                sizes,
                IPC_CREATE | IPC_EXCLUSIVE,
                mode,
            )
        });
        match made {
            // Of a bell that is gone: the kernel has used its number again.
            Err(libc::EEXIST) => drop(unlink_queue(identity)),
            made => return made.map(|_| open_by_name(&path, handle)),
        }
    }
}

/// The same queue, by a file that has been opened by its name: that is what the descriptor of its memory
/// shows to those who look for it there ([`open_memory`]). One that was made without a name shows none.
fn open_by_name(path: &Path, made: *mut ipc_mq_t) -> *mut ipc_mq_t {
    let mut handle = ptr::null_mut();
    // SAFETY: a name, and places for the answer.
    match check(unsafe { ipc_mq_open(&mut handle, path.as_ptr(), ptr::null(), 0, 0) }) {
        Ok(_) => {
            detach(made);
            handle
        }
        // The mode shuts out its own maker.
        Err(_) => made,
    }
}

fn unlink_queue(identity: Identity) -> Result<c_int> {
    let path = Path::of_queue(identity.device, identity.inode);
    // Its file is all there is to it: it has a bell and so no FIFO, for which ipc_mq_unlink() would look.
    // SAFETY: a name.
    check_libc(unsafe { libc::shm_unlink(path.as_ptr()) })
}

/// # Safety
///
/// `attr` is NULL or as mq_open() has it.
unsafe fn sizes(attr: *const libc::mq_attr) -> Result<ipc_mq_attr_t> {
    let (max_messages, message_size) = if attr.is_null() {
        (
            system_default(c"/proc/sys/fs/mqueue/msg_default").unwrap_or(10),
            system_default(c"/proc/sys/fs/mqueue/msgsize_default").unwrap_or(8192),
        )
    } else {
        kernel::check_readable(attr.cast())?;
        // SAFETY: by this function's contract.
        let attr = unsafe { attr.read() };
        #[allow(clippy::unnecessary_cast)] // long has 32 bits elsewhere
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

/// A number from /proc/sys.
fn system_default(path: &CStr) -> Option<i64> {
    let mut text = [0u8; 24];
    // SAFETY: a name, a buffer, and the descriptor that was just opened.
    let length = unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return None;
        }
        let length = libc::read(fd, text.as_mut_ptr().cast(), text.len());
        libc::close(fd);
        length
    };
    let text = text.get(..usize::try_from(length).ok()?)?;
    core::str::from_utf8(text).ok()?.trim_ascii().parse().ok()
}

/// # Safety
///
/// As mq_unlink().
pub(crate) unsafe fn unlink(name: *const c_char) -> Result<()> {
    // SAFETY: by this function's contract.
    let path = unsafe { Path::of_bell(name) }?;
    let mut round = 0;
    loop {
        let table = table::Lock::take()?;
        // Closing any descriptor of a bell ends this process's notification by it, so one that is open
        // is preferred.
        let open = table::find_named(path.hash());
        let Some(bell) = open.or_else(|| any_descriptor(&path)) else {
            // SAFETY: a name.
            return check_libc(unsafe { kernel::unlink(path.as_ptr()) }).map(drop);
        };
        let mut done = None;
        // (Not asleep with the table.)
        if lock(bell) || round > ROUNDS {
            done = unlink_locked(bell, &path);
        }
        match open {
            Some(bell) => unlock(bell),
            None => close(bell),
        }
        drop(table);
        if let Some(result) = done {
            return result;
        }
        round += 1;
        // SAFETY: takes no memory.
        unsafe { libc::usleep(500) };
    }
}

/// `None`: another has removed the name.
fn unlink_locked(bell: c_int, path: &Path) -> Option<Result<()>> {
    let identity = match Identity::of(bell) {
        Ok(identity) if identity.is_named => identity,
        Ok(_) => return None,
        Err(number) => return Some(Err(number)),
    };
    // The queue first: a death in between leaves a bell without one, which whoever comes next clears
    // away. It has the bell's owner, and the one directory the other's rules.
    let removed = unlink_queue(identity);
    if let Err(libc::EPERM | libc::EACCES) = removed {
        return Some(Err(libc::EACCES));
    }
    // After a stop that was too long for others.
    if removed.is_ok() && !Identity::of(bell).is_ok_and(|identity| identity.is_named) {
        return Some(Ok(()));
    }
    // SAFETY: a name.
    match check_libc(unsafe { kernel::unlink(path.as_ptr()) }) {
        Err(libc::ENOENT) if removed.is_ok() => Some(Ok(())),
        result => Some(result.map(drop)),
    }
}

/// Opens a bell in one direction or the other.
fn any_descriptor(path: &Path) -> Option<c_int> {
    [libc::O_RDONLY, libc::O_WRONLY]
        .into_iter()
        .find_map(|flags| {
            // SAFETY: a name.
            let fd = unsafe { kernel::open(path.as_ptr(), flags, 0, ptr::null()) };
            (fd >= 0).then_some(fd)
        })
}
