//! Bells, and the queues that belong to them.

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
            // A bell has a queue for as long as it has a name.
            Err(libc::ENOENT) if is_bell(self.fd) => Err(libc::ENOENT),
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
    // How often another process made the name or removed it just now, or was found at it.
    const ROUNDS: u32 = 2000;
    for round in 0..ROUNDS {
        if flags & libc::O_EXCL == 0 || flags & libc::O_CREAT == 0 {
            // SAFETY: a name.
            let fd = unsafe { kernel::open(path.as_ptr(), plain, 0, ptr::null()) };
            match check_libc(fd) {
                Ok(fd) => match enter(fd, Identity::of(fd), (plain, path.hash()), None) {
                    // Its maker is about to make the queue, or has died before it did.
                    Err(libc::ENOENT) if round + 1 < ROUNDS => {
                        // SAFETY: takes no memory.
                        unsafe { libc::usleep(500) };
                        continue;
                    }
                    Err(libc::ENOENT) if flags & libc::O_CREAT != 0 => {
                        // SAFETY: a name.
                        unsafe { kernel::unlink(path.as_ptr()) };
                    }
                    entered => return entered,
                },
                Err(libc::ENOENT) if flags & libc::O_CREAT != 0 => {}
                Err(number) => return Err(number),
            }
        }
        // SAFETY: by this function's contract.
        match unsafe { create(&path, plain, mode, attr) } {
            Err(libc::EEXIST) if flags & libc::O_EXCL == 0 => {}
            made => return made,
        }
    }
    Err(libc::ENOENT)
}

/// Enters a bell that has been opened by its name; `ENOENT` as long as it has no queue.
fn enter(
    fd: c_int,
    identity: Result<Identity>,
    opened: (c_int, u64),
    made: Option<*mut ipc_mq_t>,
) -> Result<c_int> {
    let entered = identity.and_then(|identity| {
        let _lock = table::Lock::take()?;
        table::adopt(fd, identity, Some(opened), made).map(|_| fd)
    });
    if entered.is_err() {
        // SAFETY: just opened.
        unsafe { libc::close(fd) };
    }
    entered
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
    let made = Identity::of(fd).and_then(|identity| {
        let queue = make_queue(identity, &sizes)?;
        let opened = (flags, path.hash());
        enter(fd, Ok(identity), opened, Some(queue)).inspect_err(|_| unlink_queue(identity))
    });
    if made.is_err() {
        // SAFETY: a name, and a descriptor; if `enter` has closed it, nobody else can have it yet
        // who has not opened it after.
        unsafe { kernel::unlink(path.as_ptr()) };
    }
    made
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
            Err(libc::EEXIST) => unlink_queue(identity),
            made => return made.map(|_| handle),
        }
    }
}

fn unlink_queue(identity: Identity) {
    let path = Path::of_queue(identity.device, identity.inode);
    // Its file is all there is to it: it has a bell and so no FIFO, for which ipc_mq_unlink() would look.
    // SAFETY: a name.
    unsafe { libc::shm_unlink(path.as_ptr()) };
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
    // Closing any descriptor of a bell ends this process's notification by it, so one that is open
    // is preferred.
    let identity = table::find_named(path.hash()).or_else(|| identity_of(&path));
    // SAFETY: a name.
    check_libc(unsafe { kernel::unlink(path.as_ptr()) })?;
    if let Some(identity) = identity {
        unlink_queue(identity);
    }
    Ok(())
}

fn identity_of(path: &Path) -> Option<Identity> {
    [libc::O_RDONLY, libc::O_WRONLY]
        .into_iter()
        .find_map(|flags| {
            // SAFETY: a name.
            let fd = unsafe { kernel::open(path.as_ptr(), flags, 0, ptr::null()) };
            if fd < 0 {
                return None;
            }
            let identity = Identity::of(fd).ok();
            // SAFETY: just opened.
            unsafe { libc::close(fd) };
            identity
        })
}
