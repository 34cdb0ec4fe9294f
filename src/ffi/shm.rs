//! Regions of shared memory.

use super::handle::Table;
use super::types::{ipc_type_t, type_from_c};
use super::*;
use crate::base::name::Name;
use crate::ipc::shm::{self, Region};
use crate::object::layout::Type;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::NonNull;

/// A region of shared memory. Made by the ipc_shm_open calls and their like, ended by
/// ipc_shm_close().
pub struct ipc_shm_t {
    _private: [u8; 0],
}

static REGIONS: Table<Region, { handle::SHM }> = Table::new();

const NAMED: c_int = IPC_CREATE | IPC_EXCLUSIVE | IPC_READ_ONLY | IPC_ADOPT | IPC_CHECK_OWNER;

/// Hands a new region to C: the last step of every call that makes one.
///
/// # Safety
///
/// `out` is NULL, misaligned, or points to writable memory for one pointer.
unsafe fn hand_out(
    out: *mut *mut ipc_shm_t,
    open: impl FnOnce() -> Result<(Region, c_int)>,
) -> Result<c_int> {
    let out = checked(out, "out")?;
    let (region, result) = open()?;
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    unsafe { put(out, REGIONS.insert(region)?) }?;
    Ok(result)
}

/// Opens the struct that is shared under a name, or creates it, zeroed, with IPC_CREATE.
///
/// The object appears under its name complete or not at all: whoever is killed while creating
/// it leaves nothing, and nobody sees it half-made. Its space is reserved, so that using it
/// cannot fail for want of memory. Data begins at offset 0 of the object, page-aligned: a
/// program that uses shm_open() and mmap() on the same name sees the same struct.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// name: "/" and 1 to 250 bytes without a slash.
/// type: what the struct is, from IPC_TYPE or IPC_TYPE_FIELDS; compared with what the creator
/// declared. Not kept: it may go away after the call.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY, IPC_ADOPT, IPC_CHECK_OWNER.
/// mode: the permissions of an object created by this call, exactly (the umask does not count);
/// else unused.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: -EINVAL a NULL, a malformed name, type, flag or mode; -ENAMETOOLONG the name;
/// -ENOENT no such object and no IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EACCES
/// permissions, or IPC_CHECK_OWNER; -ENOSPC no room for it; -EPROTO another type, size, field,
/// word size or libc, or no record of this library (ipc_last_error() tells both sides);
/// -EMEDIUMTYPE another kind of object; -EUCLEAN the record is damaged; -ESTALE removed
/// meanwhile; -EAGAIN with IPC_ADOPT: its maker has not sized it yet; -ELOOP the name is a
/// symbolic link; -EMFILE or -ENFILE too many descriptors or handles; -ENOMEM no address space.
/// Threads: safe. Fork: the handle and the memory are the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_open_typed(
    out: *mut *mut ipc_shm_t,
    name: *const c_char,
    r#type: *const ipc_type_t,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_shm_open_typed", move || {
        // SAFETY: by the contract of this call.
        unsafe {
            hand_out(out, || {
                let (name, r#type) = (Name::from_c(name)?, type_from_c(r#type)?);
                open_named(&name, r#type, flags, mode, &mut |_| {})
            })
        }
    })
}

/// As ipc_shm_open_typed(), and a new object is initialised by init before anybody else can see
/// it: the place for ipc_mutex_init() and its like.
///
/// init: called with the zeroed struct and context, in this thread, before the call returns,
/// and only when this call makes an object. NULL does nothing. When two processes create at
/// once, both may call it, each on memory of its own, and one of the two is then thrown away:
/// it should change nothing but the struct. It must return: no longjmp, no C++ exception.
/// context: passed to init as it is.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: those of ipc_shm_open_typed().
/// Threads: safe. Fork: the handle and the memory are the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_open_typed_init(
    out: *mut *mut ipc_shm_t,
    name: *const c_char,
    r#type: *const ipc_type_t,
    flags: c_int,
    mode: libc::mode_t,
    init: Option<unsafe extern "C" fn(data: *mut c_void, context: *mut c_void)>,
    context: *mut c_void,
) -> c_int {
    guard(c"ipc_shm_open_typed_init", move || {
        // SAFETY: by the contract of this call; the data given to init is mapped, writable and
        // nobody else's yet.
        unsafe {
            hand_out(out, || {
                let (name, r#type) = (Name::from_c(name)?, type_from_c(r#type)?);
                open_named(&name, r#type, flags, mode, &mut |data| {
                    if let Some(init) = init {
                        init(data.as_ptr().cast(), context);
                    }
                })
            })
        }
    })
}

/// Opens or creates size bytes under a name without declaring what they are; otherwise as
/// ipc_shm_open_typed(). All openers must give the same size.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// size: in bytes, at least 1.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: those of ipc_shm_open_typed(). A typed object is not opened: -EPROTO.
/// Threads: safe. Fork: the handle and the memory are the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_open(
    out: *mut *mut ipc_shm_t,
    name: *const c_char,
    size: usize,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_shm_open", move || {
        // SAFETY: by the contract of this call.
        unsafe {
            hand_out(out, || {
                let (name, untyped) = (Name::from_c(name)?, Type::new(b"", 0, size as u64, 1)?);
                open_named(&name, untyped, flags, mode, &mut |_| {})
            })
        }
    })
}

fn open_named(
    name: &Name,
    kind_type: Type,
    flags: c_int,
    mode: libc::mode_t,
    initialise: &mut dyn FnMut(NonNull<u8>),
) -> Result<(Region, c_int)> {
    let options = options(flags, NAMED, mode)?;
    let (region, outcome) = Region::open_named(name, kind_type, options, initialise)?;
    Ok((region, opened(outcome)))
}

/// Opens or creates a memory-mapped file, whose data outlives the machine's next start;
/// otherwise as ipc_shm_open_typed().
///
/// path: of a regular file, in a file system that has unnamed files (O_TMPFILE: ext4, xfs,
/// btrfs, tmpfs, f2fs, ubifs). The last part is not followed if it is a symbolic link.
///
/// Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
/// Errors: those of ipc_shm_open_typed(); -EOPNOTSUPP a file system without unnamed files;
/// -ENOTDIR, -EROFS, -EIO the file system's.
/// Threads: safe. Fork: the handle and the memory are the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_open_file(
    out: *mut *mut ipc_shm_t,
    path: *const c_char,
    r#type: *const ipc_type_t,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    guard(c"ipc_shm_open_file", move || {
        // SAFETY: by the contract of this call.
        unsafe {
            hand_out(out, || {
                let (path, r#type) = (path_from_c(path)?, type_from_c(r#type)?);
                let options = options(flags, NAMED, mode)?;
                let (region, outcome) = Region::open_file(path, r#type, options)?;
                Ok((region, opened(outcome)))
            })
        }
    })
}

/// Makes size zeroed bytes without a name, which the process shares with the children that it
/// forks.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// size: in bytes, at least 1.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL out is NULL or size is 0; -ENOMEM no memory; -EMFILE too many handles.
/// Threads: safe. Fork: this is what it is for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_anonymous(out: *mut *mut ipc_shm_t, size: usize) -> c_int {
    guard(c"ipc_shm_anonymous", move || {
        // SAFETY: by the contract of this call.
        unsafe { hand_out(out, || Ok((Region::anonymous(size as u64)?, 0))) }
    })
}

/// Makes a zeroed struct without a name whose size nobody can change any more, for peers that
/// are not trusted: pass ipc_shm_fd() on over a socket; they open it with ipc_shm_from_fd(). A
/// peer can then spoil the data, but not kill this process by truncating it.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// type: as in ipc_shm_open_typed().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL or a malformed type; -ENOSPC no memory; -EMFILE or -ENFILE too many
/// descriptors or handles; -ENOMEM no address space.
/// Threads: safe. Fork: the handle and the memory are the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_sealed(
    out: *mut *mut ipc_shm_t,
    r#type: *const ipc_type_t,
) -> c_int {
    guard(c"ipc_shm_sealed", move || {
        // SAFETY: by the contract of this call.
        unsafe { hand_out(out, || Ok((Region::sealed(type_from_c(r#type)?)?, 0))) }
    })
}

/// From now on nobody can map the memory for writing; mappings that exist stay as they are. For
/// a maker with read-only subscribers, before it passes the descriptor on.
///
/// shm: from ipc_shm_sealed().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL shm is NULL, or not memory that can be sealed; -EBADF a closed or foreign
/// handle; -EPERM sealed so already; -ENOTSUP anonymous memory.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_seal_writing(shm: *mut ipc_shm_t) -> c_int {
    guard(c"ipc_shm_seal_writing", move || {
        REGIONS.get(shm)?.seal_writing()?;
        Ok(0)
    })
}

/// Opens the struct behind a descriptor that a peer passed on.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// fd: a descriptor of shared memory; it stays the caller's, who may close it after the call.
/// type: as in ipc_shm_open_typed().
/// flags: 0 or any of IPC_READ_ONLY, IPC_ADOPT, and IPC_UNSEALED for memory of a trusted peer
/// whose size is not sealed.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL a NULL, a malformed type or flag; -EBADF fd is not open; -EPERM the size is
/// not sealed and no IPC_UNSEALED, or sealed against writing and no IPC_READ_ONLY; -EACCES open
/// for reading only and no IPC_READ_ONLY; -EPROTO, -EMEDIUMTYPE, -EUCLEAN, -EAGAIN as in
/// ipc_shm_open_typed(); -EMFILE or -ENFILE too many descriptors or handles; -ENOMEM no address
/// space.
/// Threads: safe. Fork: the handle and the memory are the child's too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_from_fd(
    out: *mut *mut ipc_shm_t,
    fd: c_int,
    r#type: *const ipc_type_t,
    flags: c_int,
) -> c_int {
    guard(c"ipc_shm_from_fd", move || {
        // SAFETY: by the contract of this call.
        unsafe {
            hand_out(out, || {
                let options = options(flags, IPC_READ_ONLY | IPC_ADOPT | IPC_UNSEALED, 0)?;
                Ok((
                    Region::from_descriptor(fd, type_from_c(r#type)?, options)?,
                    0,
                ))
            })
        }
    })
}

/// The shared struct.
///
/// Returns: its address, page-aligned, valid until ipc_shm_close(); NULL for a NULL, closed or
/// foreign handle (ipc_last_error() tells which). With IPC_READ_ONLY writing there is SIGSEGV.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_data(shm: *const ipc_shm_t) -> *mut c_void {
    guard(c"ipc_shm_data", move || {
        Ok(REGIONS.get(shm)?.data().as_ptr().cast::<c_void>())
    })
}

/// The size of the shared struct.
///
/// Returns: bytes, as given when it was opened; 0 for a NULL, closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_size(shm: *const ipc_shm_t) -> usize {
    guard(c"ipc_shm_size", move || Ok(REGIONS.get(shm)?.size()))
}

/// The descriptor of the memory, for passing on or for fstat().
///
/// Returns: a close-on-exec descriptor that belongs to the handle (do not close it), or a
/// negative error.
/// Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle; -ENOTSUP anonymous memory,
/// which has none.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_fd(shm: *const ipc_shm_t) -> c_int {
    guard(c"ipc_shm_fd", move || REGIONS.get(shm)?.descriptor())
}

/// Tells whether the object's name was removed, or given to another object, since it was
/// opened: its memory stays usable by those that have it, but who opens the name now gets
/// another or none.
///
/// Returns: 1 if so, 0 if not, or a negative error.
/// Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_stale(shm: *const ipc_shm_t) -> c_int {
    guard(c"ipc_shm_stale", move || {
        Ok(c_int::from(REGIONS.get(shm)?.is_stale()?))
    })
}

/// Writes the data of a memory-mapped file to its disk and waits until it is there. Other
/// processes see changes at once, without this.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle; -ENOTSUP anonymous memory;
/// -EIO the disk's.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_sync(shm: *mut ipc_shm_t) -> c_int {
    guard(c"ipc_shm_sync", move || {
        REGIONS.get(shm)?.synchronize()?;
        Ok(0)
    })
}

/// Ends a handle and unmaps its memory. The object stays until ipc_shm_unlink() and its last
/// closing.
///
/// shm: NULL does nothing. No thread may use the memory any more, or hold a lock in it.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF a closed or foreign handle; -EBUSY this thread holds a lock that lies in the
/// memory (the handle stays open).
/// Threads: safe; calls with this handle that are under way in other threads finish first.
/// Fork: closes the calling process's handle only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_close(shm: *mut ipc_shm_t) -> c_int {
    guard(c"ipc_shm_close", move || {
        if shm.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        REGIONS.get(shm)?.check_closable()?;
        REGIONS.close(shm)?;
        Ok(0)
    })
}

/// Removes the name of a region, or of an object that a program made without this library.
/// Processes that have the object open keep it; ipc_shm_stale() tells them.
///
/// name: as in ipc_shm_open_typed().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such object;
/// -EMEDIUMTYPE the name is that of another kind of object; -EACCES or -EPERM not permitted.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_unlink(name: *const c_char) -> c_int {
    guard(c"ipc_shm_unlink", move || {
        // SAFETY: by the contract of this call.
        shm::unlink(&unsafe { Name::from_c(name) }?)?;
        Ok(0)
    })
}
