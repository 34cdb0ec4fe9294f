//! sendmsg() and sendmmsg(), which can pass descriptors to other processes.
//!
//! A descriptor that is on its way keeps a queue of the kernel. The memory of a queue that has no name
//! lives only as long as a process has it open. So a process that has passed a queue's descriptor on keeps
//! the queue open until it ends.

use crate::addresses::{self, Use};
use crate::descriptors::{find_polled, keep_open};
use crate::kernel;
use core::ffi::{c_int, c_uint};

/// Keeps the queues open whose descriptors a message passes on.
#[inline(always)]
pub(crate) fn note(message: *const libc::msghdr) {
    if addresses::check(message.addr(), size_of::<libc::msghdr>(), Use::Read).is_err() {
        return;
    }
    // SAFETY: the memory has just been checked.
    let message = unsafe { message.read_unaligned() };
    if !message.msg_control.is_null() && message.msg_controllen != 0 {
        note_control(&message);
    }
}

#[cold]
fn note_control(message: &libc::msghdr) {
    #[allow(clippy::unnecessary_cast)] // the length has 32 bits with some libcs
    let size = message.msg_controllen as usize;
    if addresses::check(message.msg_control.addr(), size, Use::Read).is_err() {
        return;
    }
    let before = crate::errno();
    // SAFETY: the control data has just been checked, and the macros keep within it.
    unsafe {
        let mut part = libc::CMSG_FIRSTHDR(message);
        while let Some(header) = part.as_ref() {
            #[allow(clippy::unnecessary_cast)] // as above
            let length = (header.cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
            let left =
                (message.msg_control.addr() + size).saturating_sub(libc::CMSG_DATA(part).addr());
            if header.cmsg_level == libc::SOL_SOCKET && header.cmsg_type == libc::SCM_RIGHTS {
                let descriptors = libc::CMSG_DATA(part).cast::<c_int>();
                for number in 0..length.min(left) / size_of::<c_int>() {
                    if let Some(lookup) = find_polled(descriptors.add(number).read_unaligned()) {
                        keep_open(&lookup);
                    }
                }
            }
            part = libc::CMSG_NXTHDR(message, part);
        }
    }
    crate::set_errno(before);
}

/// # Safety
///
/// As for libc's function of that name. This holds for every function below.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn sendmsg(
    socket: c_int,
    message: *const libc::msghdr,
    flags: c_int,
) -> isize {
    note(message);
    // SAFETY: by the contract of this call.
    unsafe { kernel::sendmsg(socket, message, flags) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendmmsg(
    socket: c_int,
    messages: *mut libc::mmsghdr,
    count: c_uint,
    flags: c_int,
) -> c_int {
    note_all(messages, count);
    // SAFETY: by the contract of this call.
    unsafe { kernel::sendmmsg(socket, messages, count, flags) }
}

/// Does what [`note`] does for several messages.
pub(crate) fn note_all(messages: *mut libc::mmsghdr, count: c_uint) {
    // The kernel sends no more at once.
    const MOST: usize = 1024;
    for number in 0..(count as usize).min(MOST) {
        note(messages.wrapping_add(number).cast());
    }
}
