//! Counting semaphores: placed, named, and named ones of the C library.

use super::handle::{Pinned, Table};
use super::*;
use crate::base::name::Name;
use crate::base::time::{Deadline, is_timeout};
use crate::ffi::waitset::object_closed;
use crate::ipc::sem::posix::{self, LibcSemaphore};
use crate::ipc::sem::{self, NamedSemaphore};
use crate::ipc::watch::placed;
use crate::object::layout;
use crate::sync::sem::VALUE_MAX;
use core::ffi::{c_char, c_int, c_uint};
use core::sync::atomic::{AtomicPtr, Ordering};

/// A counting semaphore to place in a shared struct, 32 bytes aligned to 8, or a semaphore that
/// ipc_sem_open() opens by name. ipc_sem_init() initialises a placed one. Never copy or move it.
/// It is not a sem_t: a semaphore that sem_init() placed still belongs to the C library's calls.
#[repr(C, align(8))]
pub struct ipc_sem_t {
    opaque: [u64; 4],
}

const _: () = assert!(size_of::<ipc_sem_t>() == size_of::<layout::Sem>());
const _: () = assert!(align_of::<ipc_sem_t>() == align_of::<layout::Sem>());

/// The largest value of a semaphore.
pub const IPC_SEM_VALUE_MAX: c_uint = 2147483647;

const _: () = assert!(IPC_SEM_VALUE_MAX == VALUE_MAX);

/// The named semaphores of this process. C holds their addresses, not these handles: a thread
/// waits for and posts a named semaphore as it does a placed one.
static NAMED: Table<NamedSemaphore, { handle::SEM }> = Table::new();

/// The C library's semaphores that this process has opened by name. C holds these handles.
static LIBC: Table<LibcSemaphore, { handle::LIBC_SEM }> = Table::new();

enum Handle {}

/// The handle of a named semaphore, by its address, so that closing one need not look at all. Two semaphores may
/// have one place: then the later one has it, and the other is searched for.
static HANDLES_BY_ADDRESS: [AtomicPtr<Handle>; 4096] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; 4096];

fn handle_by_address(sem: *const ipc_sem_t) -> &'static AtomicPtr<Handle> {
    // Mappings begin at multiples of a page. The factor spreads those that lie in a row.
    let page = (sem.addr() >> 12) as u32;
    &HANDLES_BY_ADDRESS[(page.wrapping_mul(0x9e37_79b9) >> 20) as usize]
}

/// The argument of the calls that serve all kinds of semaphores.
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
    // SAFETY: by this function's contract; any bytes are a valid layout::Sem, and every use
    // checks its tag.
    unsafe { placed(sem.cast(), "the semaphore") }
}

/// `place` for the calls that begin and end a placed semaphore: they refuse a named one, which others use too.
///
/// # Safety
///
/// As `place`.
unsafe fn own_place<'a>(sem: *const ipc_sem_t) -> Result<&'a layout::Sem> {
    if named(sem).is_some() {
        return Err(fail!(
            EINVAL,
            "{sem:p} is a named semaphore, which other processes use too; expected a placed one"
        ));
    }
    // SAFETY: by this function's contract.
    unsafe { place(sem) }
}

/// The handle behind the address of an open named semaphore.
fn named(sem: *const ipc_sem_t) -> Option<*mut Handle> {
    let is_it = |named: &NamedSemaphore| named.place().as_ptr().cast_const().cast() == sem;
    // Relaxed: this is a hint.
    let hint = handle_by_address(sem).load(Ordering::Relaxed);
    match NAMED.get_fast(hint).is_some_and(|named| is_it(&named)) {
        true => Some(hint),
        false => NAMED.search(is_it),
    }
}

/// `place` for the fast path: `None` for a pointer that `place` refuses.
///
/// # Safety
///
/// As `place`.
#[inline(always)]
unsafe fn place_fast<'a>(sem: *const ipc_sem_t) -> Option<&'a layout::Sem> {
    // SAFETY: by this function's contract.
    unsafe { placed_fast(sem.cast()) }
}

/// Initialises a semaphore in memory that no other thread uses yet. Call it in the init function
/// of ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().
///
/// sem: 32 bytes, aligned to 8.
/// value: how many permits are free, 0 to IPC_SEM_VALUE_MAX.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EINVAL if
/// sem is NULL, misaligned or a semaphore that ipc_sem_open() opened, which other processes use
/// too, or if value is above IPC_SEM_VALUE_MAX.
/// Threads: one thread initialises the semaphore before other threads use it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_init(sem: *mut ipc_sem_t, value: c_uint) -> c_int {
    guard(c"ipc_sem_init", move || {
        // SAFETY: by the contract of this call.
        let sem = unsafe { own_place(sem) }?;
        placed::forget_object(sem);
        sem.initialise(value)?;
        Ok(0)
    })
}

/// Takes a permit of a semaphore, waiting until one is free.
///
/// sem: an initialised semaphore, or one from ipc_sem_open().
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
/// without limit, 0 does not wait.
///
/// Returns: 0 if the permit is taken, or a negative error.
/// Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
/// no permit is free and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EINTR if a signal
/// handler ran during the wait; -EINVAL if sem is NULL, misaligned or not initialised, or if
/// timeout_ns is invalid; -EPROTO if the memory holds something other than a semaphore of this
/// library's version; -EBADF if sem was opened with IPC_POSIX and is closed; -ENOSYS if a sandbox
/// (seccomp) forbids this process to sleep on a futex.
/// Threads: safe.
/// Fork: the child uses the same semaphore.
/// Owner death: a permit has no owner, so a permit that a dead process took does not come back.
/// Waiter death: if a process dies that should deliver or had received a wake-up, another waiter
/// wakes at once (before Linux 6.2: within 1 s). A waiter in sem_wait() of the C library may go on sleeping.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_wait(sem: *mut ipc_sem_t, timeout_ns: i64) -> c_int {
    guard_fast(
        c"ipc_sem_wait",
        || {
            // SAFETY: by the contract of this call.
            let taken =
                !placed::any() && is_timeout(timeout_ns) && unsafe { place_fast(sem) }?.take_fast();
            taken.then_some(0)
        },
        move || {
            let deadline = Deadline::after(timeout_ns)?;
            // SAFETY: by the contract of this call.
            match unsafe { either(sem) }? {
                Semaphore::Own(sem) => {
                    let outcome = sem.wait(deadline);
                    placed::settle(sem);
                    outcome?;
                }
                Semaphore::Libc(sem) => sem.wait(deadline)?,
            }
            Ok(0)
        },
    )
}

/// Adds a permit to a semaphore and wakes a waiter, if there is one. A signal handler may call it.
///
/// sem: an initialised semaphore, or one from ipc_sem_open().
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EOVERFLOW
/// if the value is IPC_SEM_VALUE_MAX already; -EINVAL if sem is NULL, misaligned or not
/// initialised; -EPROTO if the memory holds something other than a semaphore of this library's
/// version; -EBADF if sem was opened with IPC_POSIX and is closed.
/// Threads: safe. In signal handlers: safe.
/// Fork: the child uses the same semaphore.
/// Poster death: if the poster dies inside this call, the permit was not added, or a waiter gets
/// it at once (before Linux 6.2: within 1 s). A waiter in sem_wait() of the C library may go on sleeping.
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

/// Stores how many permits of a semaphore are free at some moment during the call.
///
/// sem: an initialised semaphore, or one from ipc_sem_open().
/// value: receives the number, on success only.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, or sem is not initialised; -EPROTO if the
/// memory holds something other than a semaphore of this library's version; -EBADF if sem was
/// opened with IPC_POSIX and is closed.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_value(sem: *const ipc_sem_t, value: *mut c_uint) -> c_int {
    guard(c"ipc_sem_value", move || {
        let value = checked(value, "value")?;
        let found = if is_handle(sem) {
            LIBC.get(sem)?.value()?
        } else {
            // SAFETY: by the contract of this call.
            unsafe { placed_to_read::<layout::Sem>(sem.cast(), "the semaphore") }?.value()?
        };
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(value, found) }
    })
}

/// Ends a placed semaphore that no thread will use again. This call is not needed before the
/// memory is unmapped. Close a named semaphore with ipc_sem_close() instead.
///
/// sem: an initialised semaphore.
///
/// Returns: 0, or a negative error.
/// Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EINVAL if
/// sem is NULL, misaligned, not initialised or a semaphore that ipc_sem_open() opened, which other
/// processes use too; -EPROTO if the memory holds something other than a semaphore of this
/// library's version.
/// Threads: one thread destroys the semaphore, after all others have used it for the last time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_destroy(sem: *mut ipc_sem_t) -> c_int {
    guard(c"ipc_sem_destroy", move || {
        // SAFETY: by the contract of this call.
        let sem = unsafe { own_place(sem) }?;
        sem.destroy()?;
        placed::forget_object(sem);
        object_closed();
        Ok(0)
    })
}

/// Gives a descriptor for poll(), select() and epoll, which is readable while a semaphore has a free permit. It is
/// an eventfd that belongs to this process. Do not read from it or write to it. It is always writable.
///
/// Whichever process posts makes the descriptor readable. The descriptor may be readable although no permit is
/// free any more, because another process took it: then ipc_sem_wait() with timeout 0 gives -EAGAIN, and the
/// descriptor is not readable any more. With EPOLLET, take permits with timeout 0 until -EAGAIN. Then every change
/// from no free permit to a free one is reported.
///
/// Where the kernel has io_uring with IORING_OP_FUTEX_WAIT (Linux 6.7) and permits it, the descriptor needs one more
/// descriptor, of an io_uring, and no thread. Elsewhere the first such call of a process starts a thread, which
/// stays. It is named "ipc_watch", blocks all signals, and sleeps until something happens. Where the kernel
/// has no futex_waitv() either (before Linux 5.16, or in a sandbox), that thread checks all semaphores every 10 ms.
///
/// sem: an initialised semaphore, or one from ipc_sem_open() without IPC_POSIX. If it lies in memory that the
/// program maps itself, and the memory is to be unmapped, call ipc_sem_destroy() or close the descriptor before.
///
/// Returns: the descriptor, or a negative error. Every call with this semaphore gives the same descriptor. It
/// belongs to the library and lasts until ipc_sem_destroy() or ipc_sem_close(), until the region with the semaphore
/// is closed, or until the program closes it.
/// Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EINVAL if sem
/// is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than a
/// semaphore of this library's version; -ENOTSUP if sem was opened with IPC_POSIX: the C library's sem_post() wakes
/// threads only; -EBADF if sem was opened with IPC_POSIX and is closed; -EMFILE if this process has too many
/// descriptors; -ENFILE if the system has too many open files; -EAGAIN if no thread can be started, or if a signal
/// handler makes this call and interrupted a call on the same semaphore; -ENOMEM if there is no memory.
/// Threads: safe.
/// Fork: the descriptor stays the parent's. The child calls ipc_sem_fd() itself and gets its own.
/// Owner death: a permit has no owner. A poster that dies has posted and made the descriptor readable, or
/// neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_fd(sem: *mut ipc_sem_t) -> c_int {
    guard(c"ipc_sem_fd", move || {
        // SAFETY: by the contract of this call.
        match unsafe { either(sem) }? {
            Semaphore::Own(sem) => placed::sem_descriptor(sem),
            Semaphore::Libc(_) => Err(fail!(
                ENOTSUP,
                "a semaphore of the C library (IPC_POSIX) has no descriptor"
            )),
        }
    })
}

/// Opens the semaphore with a name, or creates it if flags has IPC_CREATE.
///
/// With IPC_POSIX it is the C library's semaphore, which sem_open() opens in other programs under
/// the same name. A permit that one side posts can be taken by the other side. Names with
/// IPC_POSIX and names without it are separate: "/a" with IPC_POSIX and "/a" without it are two
/// semaphores.
///
/// If a process is killed while it creates a semaphore, nothing is left.
///
/// An open semaphore keeps its memory mapped, and no descriptor.
///
/// out: receives the semaphore, on success only. End it with ipc_sem_close().
/// name: "/" followed by 1 to 250 bytes that contain no slash. Without IPC_POSIX, named objects of
/// all kinds of this library share one space of names.
/// value: the first value of a semaphore that this call creates, 0 to IPC_SEM_VALUE_MAX; otherwise
/// unused.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_CHECK_OWNER,
/// IPC_POSIX.
/// mode: the permissions of a semaphore that this call creates, exactly: the umask is not applied.
/// Waiting and posting need read and write permission. Unused without IPC_CREATE.
///
/// Returns: IPC_CREATED (1) if this call created the semaphore; IPC_OPENED (0) if it existed; or a
/// negative error.
/// Errors: -EINVAL if out is misaligned, out or name is NULL, the name is malformed, a flag is not
/// allowed here, mode is above 0777, or value is above IPC_SEM_VALUE_MAX; -ENAMETOOLONG if name has
/// more than 251 bytes; -ENOENT if the semaphore does not exist and flags lacks IPC_CREATE; -EEXIST
/// if the semaphore exists and flags has IPC_EXCLUSIVE; -EACCES if the permissions do not allow it,
/// or if with IPC_CHECK_OWNER another user owns the semaphore or others may write to it; -ENOSPC if
/// /dev/shm has no room; -EPROTO if the object was made by another program, or by this library for
/// another word size or C library, or with another record version, or if with IPC_POSIX its file
/// does not have the size of a sem_t; -EMEDIUMTYPE if the name belongs to another kind of object;
/// -EUCLEAN if the object's record is damaged; -ESTALE if the semaphore was removed during the
/// call; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many descriptors or
/// handles are open; -ENOMEM if no memory or address space is left; -EPERM or -EROFS if the system
/// does not let this process set the mode of what it creates; -EFBIG if the new file of a semaphore
/// would be larger than RLIMIT_FSIZE allows.
/// Threads: safe.
/// Fork: the child can use the semaphore too, and closes its own.
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
            let room = LIBC.room()?;
            let (semaphore, outcome) = LibcSemaphore::open(&name, value, options)?;
            // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
            unsafe { put(out, room.fill(semaphore)) }?;
            return Ok(opened(outcome));
        }
        let room = NAMED.room()?;
        let (named, outcome) = NamedSemaphore::open(&name, value, options)?;
        let place = named.place();
        let handle: *mut Handle = room.fill(named);
        // Relaxed: this is a hint.
        handle_by_address(place.as_ptr().cast()).store(handle, Ordering::Relaxed);
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, place.as_ptr().cast()) }?;
        Ok(opened(outcome))
    })
}

/// Ends this process's use of a named semaphore. The semaphore itself exists until its name is
/// removed with ipc_sem_unlink() or ipc_sem_unlink_posix() and the last process has closed it.
///
/// sem: from ipc_sem_open(); NULL does nothing. No thread may use it any more.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF if sem is not an open named semaphore of this process.
/// Threads: safe. If sem was opened with IPC_POSIX, calls that other threads have begun go on, and
/// this call does not wait for them.
/// Fork: closes the semaphore for the calling process only.
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
        match named(sem) {
            Some(handle) => NAMED.close(handle)?,
            None => {
                return Err(fail!(
                    EBADF,
                    "{sem:p} is not an open named semaphore; a placed semaphore needs no close"
                ));
            }
        }
        Ok(0)
    })
}

/// Removes the name of a semaphore of this library. Every other object or file with that name is left
/// unchanged. Processes that have the semaphore open can
/// still use it. Use ipc_sem_unlink_posix() for a semaphore of the C library.
///
/// name: "/" followed by 1 to 250 bytes that contain no slash.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes;
/// -ENOENT if no such semaphore exists; -EMEDIUMTYPE if the name belongs to another kind of object;
/// -EACCES or -EPERM if the permissions do not allow it; -EMFILE or -ENFILE if too many descriptors
/// are open to examine the object; -ENOMEM if the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
/// if another file system is mounted on the file.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_unlink(name: *const c_char) -> c_int {
    guard(c"ipc_sem_unlink", move || {
        // SAFETY: by the contract of this call.
        sem::unlink(&unsafe { Name::from_c(name) }?)?;
        Ok(0)
    })
}

/// Removes the name of a semaphore of the C library, which sem_open() or ipc_sem_open() with
/// IPC_POSIX created. A file that has not the size of a sem_t, of a program with 64-bit or 32-bit
/// words, is left unchanged, and so is an object of this library. Processes that have the semaphore open can still use it.
///
/// name: "/" followed by 1 to 250 bytes that contain no slash.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes;
/// -ENOENT if no such semaphore exists; -EACCES or -EPERM if the permissions do not allow it;
/// -EMFILE or -ENFILE if too many descriptors are open to examine the object; -ENOMEM if the kernel
/// has no memory; -EMEDIUMTYPE if the name belongs to another kind of object, which is
/// unchanged; -EROFS if the file system is read-only; -EBUSY
/// if another file system is mounted on the file.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_sem_unlink_posix(name: *const c_char) -> c_int {
    guard(c"ipc_sem_unlink_posix", move || {
        // SAFETY: by the contract of this call.
        posix::unlink(&unsafe { Name::from_c(name) }?)?;
        Ok(0)
    })
}
