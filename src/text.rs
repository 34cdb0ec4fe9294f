//! Text of bounded length that lives where it is declared: making one allocates nothing.

use core::ffi::CStr;
use core::fmt::{self, Write};

/// Text that is cut, never refused, when it is full. Always holds a NUL behind its end, so that C can read
/// it in place.
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
        // write_str cuts and never fails; a failing Display of ours only shortens the text.
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
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let space = CAPACITY - 1 - self.length;
        let mut end = text.len().min(space);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes[self.length..self.length + end].copy_from_slice(&text.as_bytes()[..end]);
        self.length += end;
        self.bytes[self.length] = 0;
        Ok(())
    }
}
