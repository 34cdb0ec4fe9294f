//! The file system's notices (inotify), read without allocating.

use core::mem::offset_of;
use nix::errno::Errno;
use nix::sys::inotify::Inotify;
use std::os::fd::AsFd;

/// Takes the notices that have come; whether one is about `file_name`, or may be: when too many
/// have come, the kernel says so by one without a name.
pub(crate) fn tell_of(notices: &Inotify, file_name: &[u8]) -> bool {
    const HEAD: usize = size_of::<libc::inotify_event>();
    const LENGTH: usize = offset_of!(libc::inotify_event, len);
    // Room for several with the longest names.
    let mut bytes = [0; 2048];
    let mut is_told = false;
    while let Ok(count @ 1..) = read(notices, &mut bytes) {
        let mut left = &bytes[..count];
        while let Some((head, rest)) = left.split_at_checked(HEAD) {
            let mut length = [0; 4];
            length.copy_from_slice(&head[LENGTH..LENGTH + 4]);
            let length = u32::from_ne_bytes(length) as usize;
            let Some((name, others)) = rest.split_at_checked(length) else {
                break;
            };
            // The kernel fills a name up with NULs.
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(length);
            is_told |= end == 0 || name[..end] == *file_name;
            left = others;
        }
    }
    is_told
}

fn read(notices: &Inotify, bytes: &mut [u8]) -> Result<usize, Errno> {
    nix::unistd::read(notices.as_fd(), bytes)
}
