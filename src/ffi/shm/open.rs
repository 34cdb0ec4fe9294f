//! Opening regions: by a name, in a file, and without either for children.

use super::super::callback::{Step, guard_around, outcome_of_callback};
use super::super::types::{ipc_type_t, type_from_c};
use super::*;
use crate::base::name::Name;
use crate::ipc::shm::{NamedOpening, NewRegion};
use crate::object::Outcome;
use crate::object::layout::Type;
use core::ptr::NonNull;

/// Opens the struct that is shared under a name, or creates it, zeroed, if flags has IPC_CREATE.
///
/// The object appears under its name complete or not at all. If a process is killed while it
/// creates the object, nothing is left, and no other process has seen it. The space is reserved,
/// so using the object cannot fail for lack of memory. The struct begins at offset 0 of the
/// object, page-aligned: a program that uses shm_open() and mmap() on the same name sees the same
/// struct.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// name: "/" followed by 1 to 250 bytes that contain no slash.
/// type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The call compares it with the type
/// that the creator declared. The library keeps no reference to it.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_READ_ONLY, IPC_ADOPT,
/// IPC_CHECK_OWNER.
/// mode: the permissions of an object that this call creates, exactly: the umask is not applied.
/// Unused without IPC_CREATE.
///
/// Returns: IPC_CREATED (1) if this call created the object; IPC_OPENED (0) if it existed; or a
/// negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, the name or type is malformed, a flag is not
/// allowed here, or mode is above 0777; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if
/// no such object exists and flags lacks IPC_CREATE; -EEXIST if the object exists and flags has
/// IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if with IPC_CHECK_OWNER another
/// user owns the object or others may write to it; -EFBIG if the object would be larger
/// than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO
/// if the two programs disagree about type, version, size, alignment, a field, word size or C
/// library, or if the object has no record of this library (ipc_last_error() reports both sides);
/// -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the record is damaged;
/// -ESTALE if the object was removed during the call; -EAGAIN if, with IPC_ADOPT, the creator has
/// not sized the object yet; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many
/// descriptors or handles are open; -ENOMEM if no memory or address space is left; -EPERM or -EROFS
/// if the system does not let this process set the mode of what it creates.
/// Threads: safe.
/// Fork: the child has the handle and the memory too, at the same address.
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
                open_named(&name, &r#type, flags, mode)
            })
        }
    })
}

/// Opens the struct that is shared under a name, or creates it, zeroed, if flags has IPC_CREATE. A
/// new object is initialised by init before any other process can see it: call ipc_mutex_init()
/// and the other initialisers there.
///
/// The object appears under its name complete or not at all. If a process is killed while it
/// creates the object, nothing is left, and no other process has seen it. The space is reserved,
/// so using the object cannot fail for lack of memory. The struct begins at offset 0 of the
/// object, page-aligned: a program that uses shm_open() and mmap() on the same name sees the same
/// struct.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// name: "/" followed by 1 to 250 bytes that contain no slash.
/// type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The call compares it with the type
/// that the creator declared. The library keeps no reference to it.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_READ_ONLY, IPC_ADOPT,
/// IPC_CHECK_OWNER.
/// mode: the permissions of an object that this call creates, exactly: the umask is not applied.
/// Unused without IPC_CREATE.
/// init: called in this thread, before this call returns, with the zeroed struct and context, only
/// if this call creates an object. It returns 0, or a negative error: then nothing is created, and
/// this call returns that error. NULL does nothing. If two processes create the object at the
/// same time, both may call init, each on its own memory. One of the two objects is then
/// discarded, so init should change nothing but the struct. If a C++ exception or pthread_exit()
/// leaves it, nothing is created, and the exception reaches the caller of this call. It must not be
/// left by longjmp(). While it runs, its thread is not cancelled.
/// context: passed to init unchanged.
///
/// Returns: IPC_CREATED (1) if this call created the object; IPC_OPENED (0) if it existed; or a
/// negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, the name or type is malformed, a flag is not
/// allowed here, or mode is above 0777; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if
/// no such object exists and flags lacks IPC_CREATE; -EEXIST if the object exists and flags has
/// IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if with IPC_CHECK_OWNER another
/// user owns the object or others may write to it; -EFBIG if the object would be larger
/// than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO
/// if the two programs disagree about type, version, size, alignment, a field, word size or C
/// library, or if the object has no record of this library (ipc_last_error() reports both sides);
/// -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the record is damaged;
/// -ESTALE if the object was removed during the call; -EAGAIN if, with IPC_ADOPT, the creator has
/// not sized the object yet; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many
/// descriptors or handles are open; -ENOMEM if no memory or address space is left; -EPERM or -EROFS
/// if the system does not let this process set the mode of what it creates.
/// Threads: safe.
/// Fork: the child has the handle and the memory too, at the same address.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ipc_shm_open_typed_init(
    out: *mut *mut ipc_shm_t,
    name: *const c_char,
    r#type: *const ipc_type_t,
    flags: c_int,
    mode: libc::mode_t,
    init: Option<unsafe extern "C-unwind" fn(data: *mut c_void, context: *mut c_void) -> c_int>,
    context: *mut c_void,
) -> c_int {
    guard_around(
        c"ipc_shm_open_typed_init",
        || None,
        move |called: Option<(Initialising<'static>, c_int)>| {
            let (place, room, begun) = match called {
                None => (checked(out, "out")?, REGIONS.room()?, None),
                Some((initialising, result)) => {
                    outcome_of_callback("init", "nothing was created", result)?;
                    let begun = (initialising.new, initialising.kind_type);
                    (initialising.place, initialising.room, Some(begun))
                }
            };
            // SAFETY: by the contract of this call.
            let name = unsafe { Name::from_c(name) }?;
            let (new, kind_type) = match begun {
                // SAFETY: by the contract of this call.
                None => (None, unsafe { type_from_c(r#type) }?),
                Some((new, kind_type)) => (Some(new), kind_type),
            };
            let options = options(flags, NAMED, mode)?;
            let (opening, outcome) = match new {
                None => (
                    Region::begin_named(&name, &kind_type, options)?,
                    Outcome::Opened,
                ),
                Some(new) => new.publish(&name, &kind_type, options)?,
            };
            match opening {
                NamedOpening::New(new) => Ok(Step::CallBack(Initialising {
                    place,
                    room,
                    new,
                    kind_type,
                })),
                NamedOpening::Opened(region) => {
                    // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
                    unsafe { put(place, room.fill(region)) }?;
                    Ok(Step::Return(opened(outcome)))
                }
            }
        },
        |initialising| match init {
            None => 0,
            Some(init) => {
                // SAFETY: by the contract of this call; the data is mapped, writable and not yet visible to other
                // processes.
                unsafe { init(initialising.new.data().as_ptr().cast(), context) }
            }
        },
    )
}

/// A region that the caller's function initialises, and what its handle needs. If an exception leaves the function,
/// dropping this leaves nothing.
struct Initialising<'a> {
    place: NonNull<*mut ipc_shm_t>,
    room: RegionRoom<'a>,
    new: NewRegion,
    kind_type: Box<Type>,
}

/// Opens size bytes that are shared under a name, or creates them, zeroed, if flags has
/// IPC_CREATE. The content has no declared type. All programs that open the object must give the
/// same size.
///
/// The object appears under its name complete or not at all. If a process is killed while it
/// creates the object, nothing is left, and no other process has seen it. The space is reserved,
/// so using the object cannot fail for lack of memory. The data begins at offset 0 of the object,
/// page-aligned: a program that uses shm_open() and mmap() on the same name sees the same data.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// name: "/" followed by 1 to 250 bytes that contain no slash.
/// size: in bytes, at least 1.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_READ_ONLY, IPC_ADOPT,
/// IPC_CHECK_OWNER.
/// mode: the permissions of an object that this call creates, exactly: the umask is not applied.
/// Unused without IPC_CREATE.
///
/// Returns: IPC_CREATED (1) if this call created the object; IPC_OPENED (0) if it existed; or a
/// negative error.
/// Errors: -EINVAL if out is misaligned, a pointer is NULL, the name is malformed, size is 0 or too
/// large for an object, a flag is not allowed here, or mode is above 0777; -ENAMETOOLONG if name
/// has more than 251 bytes; -ENOENT if no such object exists and flags lacks IPC_CREATE; -EEXIST if
/// the object exists and flags has IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if
/// with IPC_CHECK_OWNER another user owns the object or others may write to it; -EFBIG if the
/// object would be larger than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file
/// system has no room; -EPROTO if the object has another size or a declared type, was created for
/// another word size or C library, or has no record of this library (ipc_last_error() reports both
/// sides); -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the record is
/// damaged; -ESTALE if the object was removed during the call; -EAGAIN if, with IPC_ADOPT, the
/// creator has not sized the object yet; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE
/// if too many descriptors or handles are open; -ENOMEM if no memory or address space is left;
/// -EPERM or -EROFS if the system does not let this process set the mode of what it creates.
/// Threads: safe.
/// Fork: the child has the handle and the memory too, at the same address.
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
                open_named(&name, &untyped, flags, mode)
            })
        }
    })
}

fn open_named(
    name: &Name,
    kind_type: &Type,
    flags: c_int,
    mode: libc::mode_t,
) -> Result<(Region, c_int)> {
    let options = options(flags, NAMED, mode)?;
    let (region, outcome) = Region::open_named(name, kind_type, options)?;
    Ok((region, opened(outcome)))
}

/// Opens the struct in a memory-mapped file, or creates the file, zeroed, if flags has IPC_CREATE.
/// The data survives a restart of the machine.
///
/// The file appears under its path complete or not at all. If a process is killed while it creates
/// the file, nothing is left, and no other process has seen it. The space is reserved, so using
/// the file cannot fail for lack of space. The struct begins at offset 0 of the file, page-aligned
/// in memory.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// path: of a regular file, in a file system that has unnamed files (O_TMPFILE: ext4, xfs, btrfs,
/// tmpfs, f2fs, ubifs). If the last part of the path is a symbolic link, the call fails.
/// type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The call compares it with the type
/// that the creator declared. The library keeps no reference to it.
/// flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_READ_ONLY, IPC_ADOPT,
/// IPC_CHECK_OWNER.
/// mode: the permissions of a file that this call creates, exactly: the umask is not applied.
/// Unused without IPC_CREATE.
///
/// Returns: IPC_CREATED (1) if this call created the file; IPC_OPENED (0) if it existed; or a
/// negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, the path is empty or ends with a slash, the
/// type is malformed, a flag is not allowed here, or mode is above 0777; -ENAMETOOLONG if path or a
/// part of it is too long; -ENOENT if the directory does not exist, or the file does not exist and
/// flags lacks IPC_CREATE; -EEXIST if the file exists and flags has IPC_EXCLUSIVE; -EACCES if the
/// permissions do not allow it, or if with IPC_CHECK_OWNER another user owns the file or others may
/// write to it; -EFBIG if the object would be larger
/// than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO if the two programs disagree about
/// type, version, size, alignment, a field, word size or C library, or if the file has no record of
/// this library (ipc_last_error() reports both sides); -EMEDIUMTYPE if path belongs to another kind
/// of object or is not a regular file; -EUCLEAN if the record is damaged; -ESTALE if the file was
/// removed during the call; -EBUSY if a mount shows a removed file at path;
/// -EAGAIN if, with IPC_ADOPT, the creator has not sized the file yet; -ELOOP if the last part of path is a symbolic link; -EMFILE or -ENFILE if too many descriptors
/// or handles are open; -EOPNOTSUPP if the file system has no unnamed files; -ENOTDIR if a part of
/// the path is not a directory; -EROFS if the file system is read-only; -EIO if the disk failed;
/// -ENOMEM if no memory or address space is left; -EPERM if the system does not let this process
/// set the mode of what it creates.
/// Threads: safe.
/// Death: locks that were held when the machine went down, or when the file was copied, are granted
/// once with IPC_OWNER_DIED after this call. It marks them if no living process has the file open
/// for writing, and reads all data for that once.
/// Fork: the child has the handle and the memory too, at the same address.
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
                let (region, outcome) = Region::open_file(path, &r#type, options)?;
                Ok((region, opened(outcome)))
            })
        }
    })
}

/// Creates size zeroed bytes without a name, which the process shares with the children that it
/// forks.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// size: in bytes, at least 1.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if out is NULL or misaligned, or size is 0; -ENOMEM if no memory is left;
/// -EMFILE or -ENFILE if too many handles of this process, or files of the system, are open.
/// Threads: safe.
/// Fork: the child has the same memory at the same address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_anonymous(out: *mut *mut ipc_shm_t, size: usize) -> c_int {
    guard(c"ipc_shm_anonymous", move || {
        // SAFETY: by the contract of this call.
        unsafe { hand_out(out, || Ok((Region::anonymous(size as u64)?, 0))) }
    })
}
