//! The file system's notices (inotify), read without allocating.

use core::mem::offset_of;
use nix::sys::inotify::Inotify;
use std::os::fd::AsFd;

/// Reads the notices that have come. Returns whether one of them is about `file_name`, or may be: if too
/// many have come, the kernel says so by a notice without a name.
pub(crate) fn any_about(notices: &Inotify, file_name: &[u8]) -> bool {
    const HEAD: usize = size_of::<libc::inotify_event>();
    const LENGTH: usize = offset_of!(libc::inotify_event, len);
    // Room for several notices with the longest names.
    let mut bytes = [0; 2048];
    let mut found = false;
    while let Ok(count @ 1..) = nix::unistd::read(notices.as_fd(), &mut bytes) {
        let mut left = &bytes[..count];
        while let Some((head, rest)) = left.split_at_checked(HEAD) {
            let mut length = [0; 4];
            length.copy_from_slice(&head[LENGTH..LENGTH + 4]);
            let length = u32::from_ne_bytes(length) as usize;
            let Some((name, others)) = rest.split_at_checked(length) else {
                break;
            };
            // The kernel pads a name with NULs.
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(length);
            found |= end == 0 || name[..end] == *file_name;
            left = others;
        }
    }
    found
}
