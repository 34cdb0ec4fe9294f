//! Text of bounded length that lives where it is declared: making one allocates nothing.

use core::ffi::CStr;
use core::fmt::{self, Write};

/// Text that is cut, never refused, when it is full. Always holds a NUL behind its end, so that
/// C can read it in place.
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
        self.length += append(&mut self.bytes[self.length..], text);
        Ok(())
    }
}

/// Puts as much of `text` into `space` as fits with a NUL behind it; returns how much. Once in
/// the library, not once per capacity.
#[inline(never)]
fn append(space: &mut [u8], text: &str) -> usize {
    let mut length = text.len().min(space.len() - 1);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    space[..length].copy_from_slice(&text.as_bytes()[..length]);
    space[length] = 0;
    length
}
