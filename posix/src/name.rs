//! The names of a queue: the program's, its kernel twin's, and its memory's.

use crate::Result;
use core::ffi::{CStr, c_char};
use core::ops::Deref;

/// The beginning of a twin's name. A program without this library uses the plain name, so it does not
/// take a twin for a queue of its own.
const PREFIX: &[u8] = b"ripc.";

/// A name of at most NAME_MAX bytes after its slash, ended by a 0.
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
            // The last byte stays 0, so that the name is a C string.
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

    /// The name without its slash.
    pub(crate) fn file_name(&self) -> &CStr {
        // The last byte stays 0, so there always is one.
        CStr::from_bytes_until_nul(&self.bytes[1..]).unwrap_or(c"")
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// A number by which this process finds a queue again that it has open. Two names of one process
    /// with equal hashes are too rare to matter.
    pub(crate) fn hash(&self) -> u64 {
        hash(self.as_bytes())
    }

    /// The name of the memory of the twin with that device and inode.
    pub(crate) fn of_memory(device: u64, inode: u64) -> Path {
        let mut path = Path::new();
        path.push(b".ripc-posix-");
        path.push_number(device);
        path.push(b"-");
        path.push_number(inode);
        path
    }

    /// Another name for that memory, where a stranger has taken the plain one. Without the number, nobody
    /// can take this one beforehand.
    pub(crate) fn of_memory_with(device: u64, inode: u64, number: u64) -> Path {
        let mut path = Path::of_memory(device, inode);
        path.push(b"-");
        path.push_number(number);
        path
    }

    /// Whether a file of /dev/shm has this name of memory, or another one for the same memory.
    pub(crate) fn is_memory_name(&self, name: &[u8]) -> bool {
        match name.strip_prefix(&self.as_bytes()[1..]) {
            Some(rest) => rest.is_empty() || rest.starts_with(b"-"),
            None => false,
        }
    }

    /// The path of a file of this name in /dev/shm, with its 0.
    pub(crate) fn in_shm(&self) -> ShmPath {
        const DIRECTORY: &[u8] = b"/dev/shm";
        let mut bytes = [0; 8 + 258];
        bytes[..8].copy_from_slice(DIRECTORY);
        bytes[8..].copy_from_slice(&self.bytes);
        ShmPath(bytes)
    }

    /// The name of the twin of the queue that the program calls `name`. The errors are the kernel's:
    /// `EFAULT`, `EINVAL`, `ENOENT`, `EACCES`, `ENAMETOOLONG`.
    ///
    /// # Safety
    ///
    /// `name` is NULL or a C string.
    pub(crate) unsafe fn of_twin(name: *const c_char) -> Result<Path> {
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
            // A name that is too long with the prefix ends in its hash instead. No other name can become
            // the same: a name that needs no hash and has 255 bytes with the prefix would have to end in
            // the hash of the longer one.
            path.push(&name[..NAME_MAX - PREFIX.len() - 16]);
            path.push_number(hash(name));
        }
        Ok(path)
    }
}

/// The path of a file in /dev/shm.
pub(crate) struct ShmPath([u8; 8 + 258]);

impl Deref for ShmPath {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        // A Path ends with a 0, so there always is one.
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"")
    }
}

/// The hash FNV-1a by Fowler, Noll and Vo.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}
