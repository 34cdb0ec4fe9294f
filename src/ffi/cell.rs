//! Cells: the latest value of a type.

use super::callback::{Callback, Step, guard_around, outcome_of_callback};
use super::handle::{Pinned, Table};
use super::sample::ipc_sample_t;
use super::types::{ipc_type_t, type_from_c};
use super::waitset::object_closed;
use super::*;
use crate::base::name::Name;
use crate::ipc::cell::{self, Update, ValueCell, Version};
use crate::sync::versions::Attempt;
use core::ffi::{c_char, c_int, c_void};
use core::ptr;

/// A handle for a cell, which holds the latest value of a type. ipc_cell_open() creates it, and ipc_cell_close()
/// ends it.
pub struct ipc_cell_t {
    _private: [u8; 0],
}

pub(super) static CELLS: Table<ValueCell, { handle::CELL }> = Table::new();

/// Opens the cell of a name, which holds the latest value of a type, or creates it with IPC_CREATE. A new cell holds
/// no value.
///
/// Any number of processes read and write a cell. A reader gets the latest value whole. It never waits for a
/// writer, and it writes nothing to the cell.
///
/// out: receives the handle, on success only. End it with ipc_cell_close().
/// name: "/" followed by 1 to 250 bytes that contain no slash.
/// type: what a value is, from IPC_TYPE or IPC_TYPE_FIELDS. The call compares it with the type that the creator
/// declared. The library keeps no reference to it.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_CHECK_OWNER, and IPC_READ_ONLY: the
/// handle only reads, and the process needs no permission to write.
/// mode: the permissions of a cell that this call creates, exactly: the umask is not applied. A process that may read
/// but not write can read the cell with IPC_READ_ONLY. Unused without IPC_CREATE.
///
/// Returns: IPC_CREATED (1) if this call created the cell; IPC_OPENED (0) if it existed; or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, the name or type is malformed, a flag is not
/// allowed here, or mode is above 0777; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if
/// no such cell exists and flags lacks IPC_CREATE; -EEXIST if the cell exists and flags has
/// IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if with IPC_CHECK_OWNER another
/// user owns the cell or others may write to it; -EFBIG if the cell would be larger
/// than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO
/// if the two programs disagree about type, version, size, alignment, a field, word size or C
/// library, if the object has no record of this library, or, without IPC_READ_ONLY, if the cell belongs to another PID
/// namespace (ipc_last_error() reports both sides);
/// -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the cell is damaged;
/// -EBUSY if the name leads to a removed file that a mount keeps;
/// -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many
/// descriptors or handles are open; -ENOMEM if no memory or address space is left; -ENOTSUP if this libc allows no
/// robust locks; -EPERM or -EROFS if the system does not let this process set the mode of what it creates.
/// Threads: safe.
/// Fork: the child has the handle too.
/// Owner death: if a process is killed while it creates the cell, nothing is left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cell_open(
    out: *mut *mut ipc_cell_t,
    name: *const c_char,
    r#type: *const ipc_type_t,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_cell_open", move || {
        let out = checked(out, "out")?;
        // SAFETY: by the contract of this call.
        let (name, r#type) = unsafe { (Name::from_c(name)?, type_from_c(r#type)?) };
        let allowed = IPC_CREATE | IPC_EXCLUSIVE | IPC_READ_ONLY | IPC_CHECK_OWNER;
        let options = options(flags, allowed, mode)?;
        let room = CELLS.room()?;
        let (cell, outcome) = ValueCell::open(&name, &r#type, options)?;
        // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
        unsafe { put(out, room.fill(cell)) }?;
        Ok(opened(outcome))
    })
}

/// Writes a value: it becomes the latest. Readers that are copying the value before it get that value whole, or
/// this one.
///
/// Writers take turns. A writer waits while another thread is in ipc_cell_write() or ipc_cell_update() on the same
/// cell, but for a second at most.
///
/// value: the value, as many bytes as the cell's type has.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if cell or value is NULL, or value is a handle; -EBADF if the handle is closed, or was opened with
/// IPC_READ_ONLY; -EAGAIN if another thread has been writing for a second: it is stopped, or its function of
/// ipc_cell_update() does not return (call again later); -EPROTO if this process was forked into another PID namespace
/// after the handle was opened; -EDEADLK if a signal handler or the function of ipc_cell_update() makes this call, and its thread is writing the
/// same cell; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex, and another thread is writing.
/// Threads: safe.
/// Death: if the caller dies in this call, the cell holds this value or the one before, whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cell_write(cell: *mut ipc_cell_t, value: *const c_void) -> c_int {
    guard_fast(
        c"ipc_cell_write",
        move || {
            if value.is_null() || is_handle(value) {
                return None;
            }
            let cell = CELLS.get_fast(cell)?;
            // SAFETY: checked for NULL; the rest by the contract of this call.
            if !unsafe { cell.try_write(value.cast()) } {
                return None;
            }
            cell.release();
            Some(0)
        },
        move || {
            let cell = CELLS.get(cell)?;
            let value = checked(value.cast::<u8>().cast_mut(), "value")?;
            // SAFETY: checked for NULL; the rest by the contract of this call.
            unsafe { cell.write(value.as_ptr()) }?;
            Ok(0)
        },
    )
}

/// Changes the latest value: reads it, has a function change the copy, and writes the copy. No other writer comes in
/// between. Readers see the value before until the function has returned.
///
/// change: called once, in this thread, with a copy of the latest value and with context. Before the first value, the
/// copy is all zeros. The copy is aligned as the type says and may be used until change returns. change returns 0, or a
/// negative error: then nothing is written, and this call returns that error. If a C++ exception or pthread_exit() leaves
/// it, nothing is written, and the exception reaches the caller of this call. It must not be left by longjmp(). While it
/// runs, its thread is not cancelled, and all other writers of the cell wait. It may read the same cell, but not write it.
/// context: passed to change unchanged.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if cell or change is NULL, or change returns a number below -4095; -EBADF if the handle is closed,
/// or was opened with IPC_READ_ONLY; -EAGAIN if another thread has been writing for a second: it is stopped, or its
/// function of ipc_cell_update() does not return (call again later); -EUCLEAN if the cell is damaged; -EPROTO if this process was forked into another
/// PID namespace after the handle was opened; -EDEADLK if a signal handler or the function of ipc_cell_update() makes
/// this call, and its thread is writing the same cell; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on
/// a futex, and another thread is writing; or the negative result of change.
/// Threads: safe.
/// Death: if the caller dies in this call, the cell holds the changed value or the one before, whole.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ipc_cell_update(
    cell: *mut ipc_cell_t,
    change: Option<unsafe extern "C-unwind" fn(value: *mut c_void, context: *mut c_void) -> c_int>,
    context: *mut c_void,
) -> c_int {
    guard_around(
        c"ipc_cell_update",
        || None,
        move |called: Option<((Updating, Callback), c_int)>| {
            if let Some(((updating, _), result)) = called {
                outcome_of_callback("change", "nothing was written", result)?;
                updating.cell.end_update(updating.update);
                return Ok(Step::Return(0));
            }
            let cell = CELLS.get(cell)?;
            let Some(change) = change else {
                return Err(fail!(EINVAL, "change is NULL"));
            };
            // SAFETY: the pin keeps the cell where it is. Both go into one struct, which drops the pin last.
            let pinned: &'static ValueCell = unsafe { &*ptr::from_ref(&*cell) };
            let update = pinned.begin_update()?;
            Ok(Step::CallBack((Updating { update, cell }, change)))
        },
        // SAFETY: by the contract of this call, change may be called with a value of the cell's type and context.
        |(updating, change)| unsafe { change(updating.update.value().as_ptr().cast(), context) },
    )
}

/// An update under way, and what keeps its cell. If an exception leaves the program's function, dropping this lets the next
/// writer in, and the value stays as it was.
struct Updating {
    update: Update<'static>,
    /// Dropped after `update`, which uses the cell's memory.
    cell: Pinned<'static, ValueCell>,
}

/// Reads the latest value, whole. It waits for no writer: if one is stopped or killed in a call, the value before is
/// the latest.
///
/// value: receives the value, as many bytes as the cell's type has. It may have any alignment. If the call fails with
/// -EAGAIN or -EUCLEAN, its content is undefined; if it fails otherwise, it is unchanged.
/// info: receives the value's number and time, on success only. NULL if they are not wanted.
///
/// Returns: 0, or a negative error.
/// Errors: -ENODATA if nothing was written yet; -EINVAL if cell or value is NULL, or info is misaligned; -EBADF if the
/// handle is closed; -EUCLEAN if the cell is damaged; -EAGAIN if writers have overwritten the value 10,000 times in a row
/// while this call was copying it.
/// Threads: safe. A signal handler may make this call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cell_read(
    cell: *const ipc_cell_t,
    value: *mut c_void,
    info: *mut ipc_sample_t,
) -> c_int {
    guard_fast(
        c"ipc_cell_read",
        move || {
            if value.is_null() || is_handle(value) || !is_place(info) {
                return None;
            }
            let cell = CELLS.get_fast(cell)?;
            // SAFETY: checked for NULL; the rest by the contract of this call.
            let Attempt::Read(version) = (unsafe { cell.attempt(value.cast()) }) else {
                return None;
            };
            cell.note(version);
            cell.release();
            // SAFETY: checked; the rest by the contract of this call.
            unsafe { put_info(info, version, 0) };
            Some(0)
        },
        move || {
            let cell = CELLS.get(cell)?;
            let value = checked(value.cast::<u8>(), "value")?;
            check_info(info)?;
            // SAFETY: checked for NULL; the rest by the contract of this call.
            match unsafe { cell.read(value.as_ptr()) }? {
                // SAFETY: as above.
                Some(version) => unsafe { put_info(info, version, 0) },
                None => return Err(fail!(ENODATA, "nothing was written to the cell yet")),
            }
            Ok(0)
        },
    )
}

/// Waits until the cell holds a newer value than a certain one, and reads the latest value.
///
/// value: receives the value, as many bytes as the cell's type has. It may have any alignment. If the call fails with
/// -EUCLEAN, its content is undefined; if it fails otherwise, it is unchanged.
/// after: the number of the last value that the caller has read, from its info; 0 waits for any value.
/// info: receives the value's number, its time, and how many values the caller has missed, on success only. NULL if
/// they are not wanted.
/// timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a limit; 0
/// only tries.
///
/// Returns: 0, or a negative error.
/// Errors: -EAGAIN if timeout_ns is 0 and there is no newer value, or if writers have overwritten the value 10,000 times
/// in a row while this call was copying it; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while
/// the call waited; -EINVAL if cell or value is NULL, info is misaligned, or timeout_ns is below -1; -EBADF if the
/// handle is closed; -EUCLEAN if the cell is damaged; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a
/// futex.
/// Threads: safe.
/// Death: if a writer dies after it has written and before it has woken the waiters, they wake at the latest 100 ms
/// after they began to sleep, or with the next value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cell_wait(
    cell: *mut ipc_cell_t,
    value: *mut c_void,
    after: u64,
    info: *mut ipc_sample_t,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_cell_wait", move || {
        let cell = CELLS.get(cell)?;
        let value = checked(value.cast::<u8>(), "value")?;
        check_info(info)?;
        // SAFETY: checked for NULL; the rest by the contract of this call.
        let version = unsafe { cell.wait(value.as_ptr(), after, timeout_ns) }?;
        let missed = version.number.wrapping_sub(after).wrapping_sub(1);
        // SAFETY: as above.
        unsafe { put_info(info, version, missed) };
        Ok(0)
    })
}

#[inline(always)]
fn is_place(info: *const ipc_sample_t) -> bool {
    info.is_null() || info.is_aligned() && !is_handle(info)
}

fn check_info(info: *mut ipc_sample_t) -> Result<()> {
    match info.is_null() {
        true => Ok(()),
        false => checked(info, "info").map(drop),
    }
}

/// # Safety
///
/// `info` is NULL or points to writable memory for an ipc_sample_t.
#[inline(always)]
unsafe fn put_info(info: *mut ipc_sample_t, version: Version, missed: u64) {
    if !info.is_null() {
        // SAFETY: by this function's contract.
        unsafe {
            info.write(ipc_sample_t {
                number: version.number,
                missed,
                time_ns: version.time_ns as i64,
                ..ipc_sample_t::default()
            });
        }
    }
}

/// Returns a descriptor for poll(), select() and epoll: it is readable while the cell holds a value that this handle
/// has not read with ipc_cell_read() or ipc_cell_wait(). The first call of a process makes it.
///
/// The descriptor may be readable although there is no newer value: another thread was faster. It is always writable. It
/// belongs to the handle: do not close it, read from it or write to it.
///
/// Returns: the descriptor, or a negative error.
/// Errors: -EINVAL if cell is NULL; -EBADF if the handle is closed; -EACCES if this process may not write to the cell,
/// and so cannot mark that it waits (ipc_cell_wait() works); -EAGAIN if another thread is changing the descriptor and does
/// not end; -EMFILE or -ENFILE if too many descriptors are open; -ENOMEM if there is no memory.
/// Threads: safe. Fork: a child gets a descriptor of its own when it calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cell_fd(cell: *const ipc_cell_t) -> c_int {
    guard(c"ipc_cell_fd", move || CELLS.get(cell)?.descriptor())
}

/// Whether the cell's name was removed, or belongs to another object now. The handle still works, but a process that
/// opens the name gets something else.
///
/// Returns: 1 if it is stale, 0 if it is not, or a negative error.
/// Errors: -EINVAL if cell is NULL; -EBADF if the handle is closed, or the program has closed the cell's descriptor
/// behind the library.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cell_stale(cell: *const ipc_cell_t) -> c_int {
    guard(c"ipc_cell_stale", move || {
        Ok(CELLS.get(cell)?.is_stale()?.into())
    })
}

/// Closes a cell's handle. The cell and its value stay until ipc_cell_unlink() has removed the name and the last
/// handle is closed.
///
/// cell: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF if the handle is closed already, or does not belong to a cell.
/// Threads: safe. Calls with this handle that other threads have begun go on, and this call does not wait for them.
/// Fork: closes the handle of the calling process only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cell_close(cell: *mut ipc_cell_t) -> c_int {
    guard(c"ipc_cell_close", move || {
        if cell.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        CELLS.close(cell)?;
        object_closed();
        Ok(0)
    })
}

/// Removes a cell's name. Processes that have the cell open keep it.
///
/// name: "/" followed by 1 to 250 bytes that contain no slash.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if there is no
/// such cell; -EMEDIUMTYPE if the name belongs to another kind of object, which stays; -EACCES or -EPERM if the
/// permissions do not allow it; -EMFILE or -ENFILE if too many descriptors are open to examine the object; -ENOMEM if
/// the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
/// if another file system is mounted on the file.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_cell_unlink(name: *const c_char) -> c_int {
    guard(c"ipc_cell_unlink", move || {
        // SAFETY: by the contract of this call.
        cell::unlink(&unsafe { Name::from_c(name) }?)?;
        Ok(0)
    })
}
