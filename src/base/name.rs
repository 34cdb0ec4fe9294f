//! The one validator of object names.
//!
//! A name is a slash followed by 1 to 250 bytes without a slash. This is the portable subset of
//! what POSIX allows for shared memory, semaphores and message queues. glibc also accepts names
//! without a leading slash or with several; other systems do not. Those names are refused here, so
//! that a name means the same object to every program.

use crate::base::error::{Result, fail};
use crate::base::text::Escaped;
use core::ffi::{CStr, c_char};
use core::fmt;

/// The length of the longest name in bytes, with its slash. File systems allow 255 bytes for a
/// file name. The other 4 are for the prefix `sem.`, which libc puts before the names of
/// semaphores.
pub(crate) const NAME_MAX: usize = 251;

/// A checked name. It has its own copy of the bytes, so the caller's string may be freed.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    bytes: [u8; NAME_MAX + 1],
    length: usize,
}

impl Name {
    /// Checks a C string. Reads at most `NAME_MAX + 1` bytes of it.
    ///
    /// # Safety
    ///
    /// `name` is NULL or points to a NUL-terminated string, or to at least `NAME_MAX + 1` bytes.
    pub(crate) unsafe fn from_c(name: *const c_char) -> Result<Name> {
        if name.is_null() {
            return Err(fail!(EINVAL, "the name is NULL"));
        }
        // SAFETY: by this function's contract; strnlen stops at the NUL or the limit.
        let length = unsafe { libc::strnlen(name, NAME_MAX + 1) };
        // SAFETY: strnlen has just read these bytes.
        Name::new(unsafe { core::slice::from_raw_parts(name.cast(), length) })
    }

    pub(crate) fn new(name: &[u8]) -> Result<Name> {
        let shown = Escaped(&name[..name.len().min(64)]);
        if name.len() > NAME_MAX {
            return Err(fail!(
                ENAMETOOLONG,
                "the name {shown}... has more than {NAME_MAX} bytes"
            ));
        }
        let fault = match name {
            [] => Some("is empty"),
            [b'/'] => Some("has nothing behind the slash"),
            [b'/', rest @ ..] if rest.contains(&b'/') => Some("has a second slash"),
            [b'/', rest @ ..] if rest.contains(&0) => Some("has a NUL inside"),
            b"/." | b"/.." => Some("is a directory"),
            [b'/', ..] => None,
            _ => Some("does not begin with a slash"),
        };
        if let Some(fault) = fault {
            return Err(fail!(
                EINVAL,
                "the name \"{shown}\" {fault}; expected a form like \"/sensor\""
            ));
        }
        let mut bytes = [0; NAME_MAX + 1];
        bytes[..name.len()].copy_from_slice(name);
        Ok(Name {
            bytes,
            length: name.len(),
        })
    }

    /// The file name: without the slash.
    pub(crate) fn file_name(&self) -> &CStr {
        // `new` refused a NUL inside, and the array is one byte longer than the longest name.
        CStr::from_bytes_with_nul(&self.bytes[1..=self.length]).unwrap_or(c"")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.bytes[..self.length]).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Errno;

    fn refused(name: &[u8]) -> Errno {
        Name::new(name).err().expect("must be refused").errno()
    }

    #[test]
    fn well_formed_names_are_accepted() {
        for name in [&b"/a"[..], b"/sensor.1", b"/...", b"/\xff\x01", b"/ "] {
            let accepted = Name::new(name).ok().unwrap();
            assert_eq!(accepted.file_name().to_bytes(), &name[1..]);
        }
    }

    #[test]
    fn malformed_names_are_refused() {
        for name in [
            &b""[..],
            b"/",
            b"a",
            b"//a",
            b"/a/b",
            b"/a/",
            b"/.",
            b"/..",
            b"/a\0b",
            b"\0",
        ] {
            assert_eq!(refused(name), Errno::EINVAL, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn the_longest_name_passes_and_one_more_byte_does_not() {
        let mut name = vec![b'n'; NAME_MAX];
        name[0] = b'/';
        assert!(Name::new(&name).is_ok());
        name.push(b'n');
        assert_eq!(refused(&name), Errno::ENAMETOOLONG);
    }
}
