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

/// Bytes that people read: a name or a path of a program's. Printable characters appear as they are, everything else
/// (control characters, bytes that are no UTF-8, a backslash) as an escape, so that a text stays one line and unambiguous.
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            // A quote needs no escape here.
            for part in chunk.valid().split_inclusive(['\'', '"']) {
                let (plain, quote) = match part.find(['\'', '"']) {
                    Some(end) => part.split_at(end),
                    None => (part, ""),
                };
                write!(f, "{}{quote}", plain.escape_debug())?;
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_characters_are_shown_and_all_others_escaped() {
        for (bytes, shown) in [
            (&b"/sensor it's \"x\""[..], "/sensor it's \"x\""),
            ("/größe-温度".as_bytes(), "/größe-温度"),
            (b"a\xffb\xc3", "a\\xffb\\xc3"),
            (b"a\nb\x1bc", "a\\nb\\u{1b}c"),
            ("\u{202e}x".as_bytes(), "\\u{202e}x"),
            (b"back\\slash", "back\\\\slash"),
        ] {
            assert_eq!(Escaped(bytes).to_string(), shown);
        }
    }
}
