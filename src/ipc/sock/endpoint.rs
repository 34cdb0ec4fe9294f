//! The name of a server: a path, or an abstract name that begins with `@`.

use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::text::{CText, Escaped};
use crate::sys::socket::{ADDRESS_MAX, Address};
use core::ffi::CStr;
use core::fmt;

/// A path that fits into a socket's address.
pub(super) type SocketPath = CText<{ ADDRESS_MAX + 1 }>;

/// The name under which a server is found: the path of a socket file, or an abstract name.
pub(crate) struct Endpoint {
    pub(super) path: SocketPath,
    pub(super) address: Address,
    pub(super) is_abstract: bool,
}

impl Endpoint {
    pub(crate) fn new(path: &CStr) -> Result<Endpoint> {
        let bytes = path.to_bytes();
        if bytes.len() > ADDRESS_MAX {
            return Err(fail!(
                ENAMETOOLONG,
                "\"{}...\" has {} bytes; a socket's path has at most {ADDRESS_MAX}",
                Escaped(&bytes[..48]),
                bytes.len()
            ));
        }
        let (address, is_abstract) = match bytes {
            [] | [b'@'] => {
                return Err(fail!(
                    EINVAL,
                    "the path \"{}\" names nothing",
                    Escaped(bytes)
                ));
            }
            [b'@', name @ ..] => (Address::of_abstract(name), true),
            _ => (Address::of_path(path), false),
        };
        // The length was checked above.
        let address = address.ok_or(Errno::ENAMETOOLONG)?;
        Ok(Endpoint {
            path: CText::of(&[bytes]).ok_or(Errno::ENAMETOOLONG)?,
            address,
            is_abstract,
        })
    }

    /// The directory that holds the socket file, and the file's name in it.
    pub(super) fn split(&self) -> (SocketPath, &[u8]) {
        let bytes = self.path.to_bytes();
        let (directory, file_name) = match bytes.iter().rposition(|&byte| byte == b'/') {
            None => (&b"."[..], bytes),
            Some(0) => (&b"/"[..], &bytes[1..]),
            Some(slash) => (&bytes[..slash], &bytes[slash + 1..]),
        };
        // The directory is not longer than the path.
        let directory = CText::of(&[directory]).unwrap_or(CText::EMPTY);
        (directory, file_name)
    }

    pub(super) fn failed(&self, what: &str, errno: Errno) -> Error {
        failed!(errno, "{self}: {what}")
    }

    pub(super) fn not_a_socket(&self) -> Error {
        fail!(
            EMEDIUMTYPE,
            "{self}: expected a socket, found a file of another kind"
        )
    }

    pub(super) fn in_use(&self) -> Error {
        fail!(EADDRINUSE, "{self}: a living socket has this name")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.path.to_bytes()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(path: &CStr) -> Endpoint {
        Endpoint::new(path).ok().unwrap()
    }

    #[test]
    fn a_path_is_split_into_directory_and_file() {
        for (path, directory, file_name) in [
            (c"a", c".", &b"a"[..]),
            (c"/a", c"/", b"a"),
            (c"/run/x/a", c"/run/x", b"a"),
            (c"./a", c".", b"a"),
        ] {
            let endpoint = endpoint(path);
            let found = endpoint.split();
            assert_eq!((&*found.0, found.1), (directory, file_name));
        }
    }

    #[test]
    fn names_of_nothing_and_too_long_ones_are_refused() {
        let refused = |path: &CStr| Endpoint::new(path).err().unwrap().errno();
        assert_eq!(refused(c""), Errno::EINVAL);
        assert_eq!(refused(c"@"), Errno::EINVAL);
        let long = std::ffi::CString::new(vec![b'p'; ADDRESS_MAX + 1]).unwrap();
        assert_eq!(refused(&long), Errno::ENAMETOOLONG);
        assert!(endpoint(c"@a").is_abstract);
        assert!(!endpoint(c"./@a").is_abstract);
    }
}
