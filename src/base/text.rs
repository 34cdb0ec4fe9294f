//! Text and paths of bounded length, stored in place: writing them allocates nothing.

use core::ffi::CStr;
use core::fmt::{self, Write};
use core::ops::Deref;

/// Text of at most `CAPACITY` - 1 bytes. Text that does not fit is cut off; writing never fails.
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

/// A C string of any bytes, at most `CAPACITY` - 1 of them, such as the path of a named object.
///
/// Invariant: `bytes[length]` is NUL, and no byte before it is.
#[derive(Clone, Copy)]
pub(crate) struct CText<const CAPACITY: usize> {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl<const CAPACITY: usize> CText<CAPACITY> {
    pub(crate) const EMPTY: Self = CText {
        bytes: [0; CAPACITY],
        length: 0,
    };

    /// The parts in a row; `None` if they are too long or hold a NUL.
    pub(crate) fn of(parts: &[&[u8]]) -> Option<Self> {
        let mut text = Self::EMPTY;
        for part in parts {
            let end = text.length + part.len();
            if end >= CAPACITY || part.contains(&0) {
                return None;
            }
            text.bytes[text.length..end].copy_from_slice(part);
            text.length = end;
        }
        Some(text)
    }
}

impl<const CAPACITY: usize> Deref for CText<CAPACITY> {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.bytes[..=self.length]).unwrap_or(c"")
    }
}

/// Bytes that people read: a name or a path. Printable characters appear as they are. Everything else
/// (control characters, bytes that are not UTF-8, a backslash) appears as an escape, so that a text
/// stays one unambiguous line.
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_printable(character) {
                    f.write_char(character)?;
                } else {
                    let mut bytes = [0; 4];
                    let bytes = character.encode_utf8(&mut bytes).as_bytes();
                    write!(f, "{}", bytes.escape_ascii())?;
                }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }
}

fn is_printable(character: char) -> bool {
    // Behind another character, because escape_debug escapes a combining one at the beginning of a text.
    let mut bytes = [b'a'; 5];
    let length = 1 + character.encode_utf8(&mut bytes[1..]).len();
    let text = core::str::from_utf8(&bytes[..length]).unwrap_or("");
    matches!(character, '\'' | '"') || text.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_c_text_is_its_parts_or_nothing() {
        let text = |parts| CText::<8>::of(parts);
        assert_eq!(&*text(&[b"abc", b"", b"\xffefg"]).unwrap(), c"abc\xffefg");
        assert_eq!(&*text(&[]).unwrap(), c"");
        assert!(text(&[b"abcd", b"efgh"]).is_none());
        assert!(text(&[b"a\0b"]).is_none());
    }

    #[test]
    fn printable_characters_are_shown_and_all_others_escaped() {
        for (bytes, shown) in [
            (&b"/sensor it's \"x\""[..], "/sensor it's \"x\""),
            ("/größe-温度".as_bytes(), "/größe-温度"),
            (b"a\xffb\xc3", "a\\xffb\\xc3"),
            (b"a\nb\x1bc", "a\\nb\\x1bc"),
            ("\u{202e}x".as_bytes(), "\\xe2\\x80\\xaex"),
            ("u\u{308}ber".as_bytes(), "u\u{308}ber"),
            (b"back\\slash", "back\\\\slash"),
        ] {
            assert_eq!(Escaped(bytes).to_string(), shown);
        }
    }
}
