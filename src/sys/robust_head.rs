//! The head of the calling thread's robust list.

use super::held::Node;
use core::ptr;
use nix::errno::Errno;

/// The kernel's `struct robust_list_head`.
#[repr(C)]
pub(super) struct Head {
    pub(super) first: *mut Node,
    pub(super) futex_offset: libc::c_long,
    pub(super) list_op_pending: *mut Node,
}

/// The head of the calling thread's list; NULL if libc has none. A forked child has its parent's memory, and so
/// its list at the place of the parent's.
#[cfg(not(target_env = "musl"))]
pub(super) fn head_of_calling_thread(_: bool, _: *mut Head) -> Result<*mut Head, Errno> {
    registered_head()
}

/// As above.
#[cfg(target_env = "musl")]
pub(super) fn head_of_calling_thread(is_new: bool, before: *mut Head) -> Result<*mut Head, Errno> {
    if is_new && !before.is_null() {
        // First, because musl links an entry in front of them to register the list.
        // SAFETY: the list of this thread, or of its parent at the same place.
        unsafe { super::musl::cut_inherited(before.cast()) };
    }
    if registered_head()?.is_null() {
        super::musl::register_robust_list();
        let head = registered_head()?;
        if is_new && !head.is_null() {
            // SAFETY: the kernel's word that this is the thread's list.
            unsafe { super::musl::cut_inherited(head.cast()) };
        }
    }
    registered_head()
}

/// The head that is registered with the kernel for the calling thread; NULL if there is none.
fn registered_head() -> Result<*mut Head, Errno> {
    let mut head: *mut Head = ptr::null_mut();
    let mut length: libc::size_t = 0;
    // SAFETY: thread 0 is the caller; the kernel writes one pointer and one size.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length)
    })?;
    Ok(head)
}
