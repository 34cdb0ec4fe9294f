//! Memory whose size no process can change, and opening memory by its descriptor.

use super::super::types::{ipc_type_t, type_from_c};
use super::*;

/// Creates a zeroed struct without a name whose size no process can change. Use it with peers that
/// are not trusted: send the descriptor from ipc_shm_fd() over a socket, and the peer opens it
/// with ipc_shm_from_fd(). A peer can spoil the data, but it cannot kill this process by
/// truncating the memory.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The library keeps no reference to
/// it.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, or the type is malformed; -EFBIG if
/// the memory would be larger than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if no
/// memory is left for it; -EMFILE or -ENFILE if too many descriptors or handles are open; -ENOMEM
/// if no address space is left; -EPERM if the system forbids this process to seal memory.
/// Threads: safe.
/// Fork: the child has the handle and the memory too, at the same address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_sealed(
    out: *mut *mut ipc_shm_t,
    r#type: *const ipc_type_t,
) -> c_int {
    guard(c"ipc_shm_sealed", move || {
        // SAFETY: by the contract of this call.
        unsafe { hand_out(out, || Ok((Region::sealed(&*type_from_c(r#type)?)?, 0))) }
    })
}

/// Forbids new writable mappings of sealed memory, for all processes. Existing mappings stay
/// writable. A process whose subscribers only read calls this before it sends the descriptor to
/// them.
///
/// shm: from ipc_shm_sealed().
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if shm is NULL or its file cannot be sealed at all; -EBADF if the handle is
/// closed or foreign; -EPERM if the memory is sealed against writing already, or does not come
/// from ipc_shm_sealed(); -ENOTSUP if the memory is anonymous.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_shm_seal_writing(shm: *mut ipc_shm_t) -> c_int {
    guard(c"ipc_shm_seal_writing", move || {
        REGIONS.get(shm)?.seal_writing()?;
        Ok(0)
    })
}

/// Opens the struct behind a descriptor that a peer has sent.
///
/// out: receives the handle, on success only. End it with ipc_shm_close().
/// fd: a descriptor of shared memory. It still belongs to the caller, who may close it after the
/// call.
/// type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The call compares it with the type
/// that the creator declared. The library keeps no reference to it.
/// flags: 0 or any of IPC_READ_ONLY, IPC_ADOPT and IPC_UNSEALED. IPC_UNSEALED accepts memory of a
/// trusted peer whose size is not sealed.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL if a pointer is NULL or misaligned, the type is malformed, or a flag is not
/// allowed here; -EBADF if fd is not open; -EPERM if the size is not sealed and flags lacks
/// IPC_UNSEALED, or the memory is sealed against writing and flags lacks IPC_READ_ONLY; -EACCES if
/// fd is open for reading only and flags lacks IPC_READ_ONLY; -EPROTO if the two programs disagree
/// about type, version, size, alignment, a field, word size or C library, or if the memory has no
/// record of this library (ipc_last_error() reports both sides); -EMEDIUMTYPE if fd is another
/// kind of object; -EUCLEAN if the record is damaged; -EAGAIN if, with IPC_ADOPT, the creator has
/// not sized the memory yet; -EMFILE or -ENFILE if too many descriptors or handles are open;
/// -ENOMEM if no address space is left.
/// Threads: safe.
/// Fork: the child has the handle and the memory too, at the same address.
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
                    Region::from_descriptor(fd, &*type_from_c(r#type)?, options)?,
                    0,
                ))
            })
        }
    })
}
