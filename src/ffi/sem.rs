//! Counting semaphores: placed, named, and named ones of the C library.

use super::handle::{Pinned, Table};
use super::*;
use crate::base::name::Name;
use crate::base::time::Deadline;
use crate::ipc::sem::posix::{self, LibcSemaphore};
use crate::ipc::sem::{self, NamedSemaphore};
use crate::object::layout;
use crate::sync::sem::VALUE_MAX;
use core::ffi::{c_char, c_int, c_uint};

/// A counting semaphore to place in a shared struct, 32 bytes aligned to 8; or the one that
/// ipc_sem_open() finds by its name. A placed one is initialised by ipc_sem_init(); never
/// copied or moved. It is not a sem_t: one that was placed with sem_init() stays the C
/// library's.
#[repr(C)]
pub struct ipc_sem_t {
    opaque: [u64; 4],
}

const _: () = assert!(size_of::<ipc_sem_t>() == size_of::<layout::Sem>());
const _: () = assert!(align_of::<ipc_sem_t>() == align_of::<layout::Sem>());

/// The largest value of a semaphore.
pub const IPC_SEM_VALUE_MAX: c_uint = 2147483647;

const _: () = assert!(IPC_SEM_VALUE_MAX == VALUE_MAX);

/// The named semaphores of this process. C holds their addresses, not these handles: a named
/// semaphore is waited for and posted like a placed one.
static NAMED: Table<NamedSemaphore, { handle::SEM }> = Table::new();

/// The C library's semaphores that this process opened by name. C holds these handles.
static LIBC: Table<LibcSemaphore, { handle::LIBC_SEM }> = Table::new();

enum Handle {}

/// What the calls that all semaphores have in common are given.
enum Semaphore<'a> {
    Own(&'a layout::Sem),
    Libc(Pinned<'a, LibcSemaphore>),
}

/// # Safety
///
/// `sem` is a handle, or as in `place`.
unsafe fn either<'a>(sem: *const ipc_sem_t) -> Result<Semaphore<'a>> {
    if is_handle(sem) {
        return LIBC.get(sem).map(Semaphore::Libc);
    }
    // SAFETY: by this function's contract.
    unsafe { place(sem) }.map(Semaphore::Own)
}

/// # Safety
///
/// `sem` is NULL, misaligned, a handle, or points to 32 bytes that stay mapped and writable during
/// the call.
unsafe fn place<'a>(sem: *const ipc_sem_t) -> Result<&'a layout::Sem> {
    // SAFETY: by this function's contract; any bytes are a layout::Sem, whose tag is checked by
    // every use.
    unsafe { placed(sem.cast(), "the semaphore") }
}

/// The same where a good pointer is likely.
///
/// # Safety
///
/// As `place`.
#[inline(always)]
unsafe fn place_fast<'a>(sem: *const ipc_sem_t) -> Option<&'a layout::Sem> {
    // SAFETY: by this function's contract.
    unsafe { placed_fast(sem.cast()) }
}

/// Makes a semaphore out of memory that nobody else uses yet.
///
/// value: how many permits are free, up to IPC_SEM_VALUE_MAX.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL, misaligned, or a value too large.
/// Threads: one thread initialises, before others use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_init(sem: *mut ipc_sem_t, value: c_uint) -> c_int {
    guard(c"ipc_sem_init", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(sem) }?.initialise(value)?;
        Ok(0)
    })
}

/// Takes a permit, waiting until there is one.
///
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN none is free and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
/// while waiting; -EINVAL NULL, misaligned, not initialised, or a timeout below -1; -EPROTO not
/// a semaphore of this library and version; -EBADF one of the C library that was closed.
/// Threads: safe.
/// Death: a process that dies keeps the permits that it took: nobody owns a permit. A wake-up
/// that a dying process took or did not send reaches another waiter, 100 ms later at most.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_wait(sem: *mut ipc_sem_t, timeout_ns: i64) -> c_int {
    guard_fast(
        c"ipc_sem_wait",
        || {
            // SAFETY: by the contract of this call.
            let taken = timeout_ns >= IPC_FOREVER && unsafe { place_fast(sem) }?.take_fast();
            taken.then_some(0)
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            match unsafe { either(sem) }? {
                Semaphore::Own(sem) => sem.wait(deadline)?,
                Semaphore::Libc(sem) => sem.wait(deadline)?,
            }
            Ok(0)
        },
    )
}

/// Adds a permit and wakes a waiter, if there is one. May be called from a signal handler.
///
/// Returns: 0, or a negative error.
/// Errors: -EOVERFLOW the value is IPC_SEM_VALUE_MAX already; -EINVAL NULL, misaligned or not
/// initialised; -EPROTO not a semaphore of this library and version; -EBADF one of the C library
/// that was closed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_post(sem: *mut ipc_sem_t) -> c_int {
    guard_fast(
        c"ipc_sem_post",
        // SAFETY: by the contract of this call.
        || unsafe { place_fast(sem) }?.post_fast().then_some(0),
        move || {
            // SAFETY: by the contract of this call.
            match unsafe { either(sem) }? {
                Semaphore::Own(sem) => sem.post()?,
                Semaphore::Libc(sem) => sem.post()?,
            }
            Ok(0)
        },
    )
}

/// How many permits are free, at some moment during the call.
///
/// value: receives the number, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL, misaligned or not initialised; -EPROTO not a semaphore of this
/// library and version; -EBADF one of the C library that was closed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_value(sem: *const ipc_sem_t, value: *mut c_uint) -> c_int {
    guard(c"ipc_sem_value", move || {
        let value = checked(value, "value")?;
        // SAFETY: by the contract of this call.
        let found = match unsafe { either(sem) }? {
            Semaphore::Own(sem) => sem.value()?,
            Semaphore::Libc(sem) => sem.value()?,
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(value, found) }
    })
}

/// Ends a placed semaphore that nobody will use again. Not needed before unmapping; a named one
/// is closed instead.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not a semaphore of this library
/// and version.
/// Threads: the last one destroys.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_destroy(sem: *mut ipc_sem_t) -> c_int {
    guard(c"ipc_sem_destroy", move || {
        // SAFETY: by the contract of this call.
        unsafe { place(sem) }?.destroy()?;
        Ok(0)
    })
}

/// Opens the semaphore of that name, or creates it with IPC_CREATE.
///
/// With IPC_POSIX it is the C library's semaphore of that name, the same that sem_open() gives
/// other programs: a permit posted here is taken there, and the reverse. The two kinds have
/// different names: "/a" without IPC_POSIX and "/a" with it are two semaphores.
///
/// out: receives the semaphore, on success only. End it with ipc_sem_close().
/// name: "/" and 1 to 250 bytes without a slash. Named objects of all kinds of this library
/// share one space of names.
/// value: the first value of a semaphore created by this call, up to IPC_SEM_VALUE_MAX; else
/// unused.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER, IPC_POSIX.
/// mode: the permissions of a semaphore created by this call, exactly. Waiting and posting need
/// read and write permission.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: those of ipc_shm_open_typed(); -EINVAL also for a value too large; -EPROTO with
/// IPC_POSIX: what has the name has not the size of a sem_t.
/// Threads: safe. Fork: the semaphore is the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_open(
    out: *mut *mut ipc_sem_t,
    name: *const c_char,
    value: c_uint,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_sem_open", move || {
        let out = checked(out, "out")?;
        // SAFETY: by the contract of this call.
        let name = unsafe { Name::from_c(name) }?;
        let allowed = IPC_CREATE | IPC_EXCLUSIVE | IPC_CHECK_OWNER | IPC_POSIX;
        let options = options(flags, allowed, mode)?;
        if flags & IPC_POSIX != 0 {
            let (semaphore, outcome) = LibcSemaphore::open(&name, value, options)?;
            // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
            unsafe { put(out, LIBC.insert(semaphore)?) }?;
            return Ok(opened(outcome));
        }
        let (named, outcome) = NamedSemaphore::open(&name, value, options)?;
        let place = named.place();
        NAMED.insert::<Handle>(named)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, place.as_ptr().cast()) }?;
        Ok(opened(outcome))
    })
}

/// Ends the use of a named semaphore. The semaphore stays until ipc_sem_unlink() and its last
/// closing.
///
/// sem: from ipc_sem_open(); NULL does nothing. No thread may use it any more.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF not an open named semaphore of this process.
/// Threads: safe. With IPC_POSIX, calls that use it in other threads finish first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_close(sem: *mut ipc_sem_t) -> c_int {
    guard(c"ipc_sem_close", move || {
        if sem.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        if is_handle(sem) {
            LIBC.close(sem)?;
            return Ok(0);
        }
        let is_it = |named: &NamedSemaphore| named.place().as_ptr().cast() == sem;
        match NAMED.search::<Handle>(is_it) {
            Some(handle) => NAMED.close(handle)?,
            None => {
                return Err(fail!(
                    EBADF,
                    "{sem:p} is not an open named semaphore; a placed one is not closed"
                ));
            }
        }
        Ok(0)
    })
}

/// Removes a semaphore's name, not that of a semaphore of the C library. Processes that have it
/// open keep it.
///
/// name: as in ipc_sem_open().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such
/// semaphore; -EMEDIUMTYPE the name is that of another kind of object; -EACCES or -EPERM not
/// permitted.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_unlink(name: *const c_char) -> c_int {
    guard(c"ipc_sem_unlink", move || {
        // SAFETY: by the contract of this call.
        sem::unlink(&unsafe { Name::from_c(name) }?)?;
        Ok(0)
    })
}

/// Removes the name of a semaphore of the C library: one that sem_open(), or ipc_sem_open() with
/// IPC_POSIX, made.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such
/// semaphore; -EACCES or -EPERM not permitted.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_unlink_posix(name: *const c_char) -> c_int {
    guard(c"ipc_sem_unlink_posix", move || {
        // SAFETY: by the contract of this call.
        posix::unlink(&unsafe { Name::from_c(name) }?)?;
        Ok(0)
    })
}
