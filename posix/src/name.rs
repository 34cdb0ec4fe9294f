//! Names: the program's, the bell's, and the queue's in shared memory.

use crate::Result;
use core::ffi::{CStr, c_char};

/// In front of a bell's name, so that programs without this library do not open it as their own.
const PREFIX: &[u8] = b"ripc.";

/// A path of at most NAME_MAX bytes after the slash.
pub(crate) struct Path {
    bytes: [u8; 258],
    length: usize,
}

const NAME_MAX: usize = 255;

impl Path {
    fn new() -> Path {
        let mut path = Path {
            bytes: [0; 258],
            length: 0,
        };
        path.push(b"/");
        path
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // The last byte stays 0.
            if self.length + 1 < self.bytes.len() {
                self.bytes[self.length] = byte;
                self.length += 1;
            }
        }
    }

    fn push_number(&mut self, number: u64) {
        for digit in (0..16).rev() {
            let value = (number >> (4 * digit)) as usize & 15;
            self.push(&b"0123456789abcdef"[value..=value]);
        }
    }

    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.bytes.as_ptr().cast()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Tells names apart well enough to find one's own queue again.
    pub(crate) fn hash(&self) -> u64 {
        hash(self.as_bytes())
    }

    /// The queue in shared memory of a bell.
    pub(crate) fn of_queue(device: u64, inode: u64) -> Path {
        let mut path = Path::new();
        path.push(b".ripc-posix-");
        path.push_number(device);
        path.push(b"-");
        path.push_number(inode);
        path
    }

    /// The bell of a program's name, which is refused as the kernel refuses it.
    ///
    /// # Safety
    ///
    /// As mq_open().
    pub(crate) unsafe fn of_bell(name: *const c_char) -> Result<Path> {
        if name.is_null() {
            return Err(libc::EFAULT);
        }
        // SAFETY: by this function's contract.
        let name = unsafe { CStr::from_ptr(name) }.to_bytes();
        let Some(name) = name.strip_prefix(b"/") else {
            return Err(libc::EINVAL);
        };
        if name.is_empty() {
            return Err(libc::ENOENT);
        }
        if name.contains(&b'/') || name == b"." || name == b".." {
            return Err(libc::EACCES);
        }
        if name.len() > NAME_MAX {
            return Err(libc::ENAMETOOLONG);
        }
        let mut path = Path::new();
        path.push(PREFIX);
        if PREFIX.len() + name.len() <= NAME_MAX {
            path.push(name);
        } else {
            // No shorter name has this form: those have no more than 250 bytes after the prefix.
            path.push(&name[..NAME_MAX - PREFIX.len() - 16]);
            path.push_number(hash(name));
        }
        Ok(path)
    }
}

/// FNV-1a, by Fowler, Noll and Vo.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}
