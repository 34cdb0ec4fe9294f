//! Text of bounded length, stored in place: writing it allocates nothing.

use core::ffi::CStr;
use core::fmt::{self, Write};

/// Text of at most `CAPACITY` - 1 bytes. What does not fit is cut off; writing never fails.
///
/// Invariant: `bytes[length]` is NUL, so C can read the text in place.
pub(crate) struct Text<const CAPACITY: usize> {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl<const CAPACITY: usize> Text<CAPACITY> {
    pub(crate) const EMPTY: Self = Text {
        bytes: [0; CAPACITY],
        length: 0,
    };

    pub(crate) fn of(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = Self::EMPTY;
        text.add(arguments);
        text
    }

    pub(crate) fn add(&mut self, arguments: fmt::Arguments<'_>) {
        // write_str below never fails. A Display that returns an error leaves the text shorter.
        let _ = self.write_fmt(arguments);
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
        self.bytes[0] = 0;
    }

    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

impl<const CAPACITY: usize> Write for Text<CAPACITY> {
    /// Appends as much of `text` as fits before the final NUL, whole characters only.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let space = CAPACITY - 1 - self.length;
        let mut added = text.len().min(space);
        while !text.is_char_boundary(added) {
            added -= 1;
        }
        let end = self.length + added;
        self.bytes[self.length..end].copy_from_slice(&text.as_bytes()[..added]);
        self.bytes[end] = 0;
        self.length = end;
        Ok(())
    }
}
