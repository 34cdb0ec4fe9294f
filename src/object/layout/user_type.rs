//! A user's type, as far as two programs have to agree on it.
//!
//! It stands in the record of a named object, so its layout is part of the record's version.
//!
//! C programs take the type's name from its spelling in their source. C and C++ spell one type in several ways, so the
//! keyword of an elaborated type is no part of the name ([`without_keyword`]). An object keeps the name that its creator
//! wrote, which an older version of this library took as it was. So both sides of a comparison go through that function.

use super::RECORD_SPAN;
use super::digest::{Digest, until_nul};
use crate::base::alloc::zeroed_box;
use crate::base::errno::Errno;
use crate::base::error::{Result, fail};
use crate::base::text::Escaped;
use core::fmt;
use core::ptr::NonNull;

pub(crate) const FIELDS_MAX: usize = 32;
pub(crate) const TYPE_NAME_MAX: usize = 63;
pub(crate) const FIELD_NAME_MAX: usize = 47;

/// The longest spelling that leads to a name of [`TYPE_NAME_MAX`] bytes.
pub(crate) const TYPE_SPELLING_MAX: usize = TYPE_NAME_MAX + "struct ::".len();

/// A type's name without `struct`, `union`, `enum` or `class` and without a leading `::`, which do not tell types
/// apart: `struct Sensor` in C is `Sensor` or `::Sensor` in C++. Never empty unless `spelling` is.
fn without_keyword(spelling: &[u8]) -> &[u8] {
    let keywords: [&[u8]; 4] = [b"struct ", b"union ", b"enum ", b"class "];
    let bare =
        |from: &'_ [u8], prefix: &[u8]| from.starts_with(prefix) && from.len() > prefix.len();
    let mut name = spelling;
    if let Some(keyword) = keywords.iter().find(|keyword| bare(name, keyword)) {
        name = &name[keyword.len()..];
    }
    if bare(name, b"::") {
        name = &name[2..];
    }
    name
}

/// One field of a user's struct.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Field {
    name: [u8; FIELD_NAME_MAX + 1],
    offset: u64,
    size: u64,
}

impl Field {
    pub(crate) fn name(&self) -> &[u8] {
        until_nul(&self.name)
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Escaped(until_nul(&self.name));
        write!(
            f,
            "{name} at offset {} with size {}",
            self.offset, self.size
        )
    }
}

/// A user's type, as far as two programs have to agree on it. It is kept in a box: it has 2 KiB, and calls have to do with
/// little stack.
#[repr(C)]
pub(crate) struct Type {
    size: u64,
    alignment: u32,
    /// The bits of the words of the program that described it.
    word_size: u32,
    /// Digest of all other fields but the alignment and the word size, which `check` compares apart.
    signature: u64,
    version: u32,
    field_count: u32,
    name: [u8; TYPE_NAME_MAX + 1],
    fields: [Field; FIELDS_MAX],
}

impl Type {
    /// A type without declared fields. The empty name stands for an untyped region.
    pub(crate) fn new(
        spelling: &[u8],
        version: u32,
        size: u64,
        alignment: u64,
    ) -> Result<Box<Type>> {
        let name = without_keyword(spelling);
        let shown = Escaped(&name[..name.len().min(TYPE_NAME_MAX)]);
        if size == 0 {
            return Err(fail!(EINVAL, "the size is 0; expected at least 1 byte"));
        }
        if !alignment.is_power_of_two() || alignment > RECORD_SPAN {
            return Err(fail!(
                EINVAL,
                "type {shown}: alignment {alignment}; expected a power of two up to {RECORD_SPAN}"
            ));
        }
        let mut made = Type::blank()?;
        let Some(space) = made.name[..TYPE_NAME_MAX].get_mut(..name.len()) else {
            return Err(fail!(
                EINVAL,
                "the type name {shown}... has more than {TYPE_NAME_MAX} bytes"
            ));
        };
        space.copy_from_slice(name);
        made.size = size;
        made.alignment = alignment as u32;
        made.word_size = usize::BITS;
        made.version = version;
        made.sign();
        Ok(made)
    }

    /// Adds a declared field to the type.
    pub(crate) fn with_field(
        mut self: Box<Type>,
        name: &[u8],
        offset: u64,
        size: u64,
    ) -> Result<Box<Type>> {
        let shown = Escaped(&name[..name.len().min(FIELD_NAME_MAX)]);
        let index = self.field_count as usize;
        if index >= FIELDS_MAX {
            return Err(fail!(EINVAL, "type {self}: more than {FIELDS_MAX} fields"));
        }
        if size == 0 || offset.checked_add(size).is_none_or(|end| end > self.size) {
            return Err(fail!(
                EINVAL,
                "type {self}: field {shown} at offset {offset} with size {size} does not lie in the struct's {} bytes",
                self.size
            ));
        }
        let field = &mut self.fields[index];
        match field.name[..FIELD_NAME_MAX].get_mut(..name.len()) {
            Some(space) if !name.is_empty() => space.copy_from_slice(name),
            _ => {
                return Err(fail!(
                    EINVAL,
                    "field name \"{shown}\" has {} bytes; expected 1 to {FIELD_NAME_MAX}",
                    name.len()
                ));
            }
        }
        field.offset = offset;
        field.size = size;
        self.field_count += 1;
        self.sign();
        Ok(self)
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn name(&self) -> &[u8] {
        without_keyword(until_nul(&self.name))
    }

    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// All zeros: room to read a type into.
    pub(crate) fn blank() -> Result<Box<Type>, Errno> {
        // SAFETY: Type consists of integers and byte arrays.
        unsafe { zeroed_box() }
    }

    pub(crate) fn copy(&self) -> Result<Box<Type>, Errno> {
        let mut copy = Type::blank()?;
        copy.as_bytes_mut().copy_from_slice(self.as_bytes());
        Ok(copy)
    }

    fn as_bytes(&self) -> &[u8] {
        // SAFETY: as in as_bytes_mut.
        unsafe { core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<Type>()) }
    }

    pub(crate) fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: Type consists of integers and byte arrays without padding between them (asserted below), and every
        // pattern of bits is a value of each of its fields.
        unsafe {
            core::slice::from_raw_parts_mut(core::ptr::from_mut(self).cast(), size_of::<Type>())
        }
    }

    /// Whether its signature is that of its other fields.
    pub(crate) fn is_sound(&self) -> bool {
        self.signature == self.digest() && self.size != 0
    }

    /// A copy whose names end with NUL, whatever a hostile maker has written.
    pub(crate) fn terminated(&self) -> Result<Box<Type>, Errno> {
        let mut copy = self.copy()?;
        copy.name[TYPE_NAME_MAX] = 0;
        for field in &mut copy.fields {
            field.name[FIELD_NAME_MAX] = 0;
        }
        Ok(copy)
    }

    /// Copies the type into a new object.
    ///
    /// # Safety
    ///
    /// `place` points to writable memory of a Type's size.
    pub(crate) unsafe fn write_to(&self, place: NonNull<u8>) {
        // SAFETY: by this function's contract. Type has no padding (asserted below).
        unsafe {
            place
                .copy_from_nonoverlapping(NonNull::from(self.as_bytes()).cast(), size_of::<Type>());
        }
    }

    /// Copies a type out of an object that other processes can overwrite. `EUCLEAN` if it is damaged.
    ///
    /// # Safety
    ///
    /// `place` points to mapped memory of a Type's size.
    pub(crate) unsafe fn read_from(
        place: NonNull<u8>,
        shown: &dyn fmt::Display,
    ) -> Result<Box<Type>> {
        // SAFETY: by this function's contract.
        let found = unsafe { Type::copy_from(place) }?;
        match found.is_sound() {
            true => Ok(found),
            false => Err(fail!(EUCLEAN, "{shown}: the record of its type is damaged")),
        }
    }

    /// Copies what may be a type, and need not be sound.
    ///
    /// # Safety
    ///
    /// `place` points to mapped memory of a Type's size.
    pub(crate) unsafe fn copy_from(place: NonNull<u8>) -> Result<Box<Type>, Errno> {
        let mut found = Type::blank()?;
        let to = NonNull::from(found.as_bytes_mut()).cast();
        // SAFETY: by this function's contract. Every pattern of bits is a Type.
        unsafe { place.copy_to_nonoverlapping(to, size_of::<Type>()) };
        Ok(found)
    }

    fn sign(&mut self) {
        self.signature = self.digest();
    }

    fn digest(&self) -> u64 {
        self.digest_under(&self.name)
    }

    fn digest_under(&self, name: &[u8; TYPE_NAME_MAX + 1]) -> u64 {
        let mut digest = Digest::new();
        digest.add(name);
        digest.add(&self.version.to_ne_bytes());
        digest.add(&self.size.to_ne_bytes());
        for field in self.fields() {
            digest.add(&field.name);
            digest.add(&field.offset.to_ne_bytes());
            digest.add(&field.size.to_ne_bytes());
        }
        digest.value()
    }

    /// The name that [`Type::new`] would have stored, and the signature that it would have made. The signature covers the
    /// name, so it is made again, unless it was wrong before.
    fn bare(&self) -> ([u8; TYPE_NAME_MAX + 1], u64) {
        let name = self.name();
        if name.len() == until_nul(&self.name).len() || self.signature != self.digest() {
            return (self.name, self.signature);
        }
        let mut bare = [0; TYPE_NAME_MAX + 1];
        bare[..name.len()].copy_from_slice(name);
        (bare, self.digest_under(&bare))
    }

    pub(crate) fn alignment(&self) -> u64 {
        self.alignment.into()
    }

    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields[..(self.field_count as usize).min(FIELDS_MAX)]
    }

    /// Refuses `found` unless it is equal to `self`. The error names the first difference.
    ///
    /// i386 aligns numbers of 8 bytes to 4. So a struct that is the same to both sides may have the alignment
    /// 4 there and 8 elsewhere, which is no difference between programs of different word sizes.
    pub(crate) fn check(&self, shown: &dyn fmt::Display, found: &Type) -> Result<()> {
        let (found_name, found_signature) = found.bare();
        if self.name != found_name || self.version != found.version {
            return Err(fail!(
                EPROTO,
                "{shown}: expected type {self}, found {found}"
            ));
        }
        let is_aligned_alike = self.alignment == found.alignment
            || self.word_size != found.word_size
                && matches!((self.alignment, found.alignment), (4, 8) | (8, 4));
        if self.size != found.size || !is_aligned_alike {
            return Err(fail!(
                EPROTO,
                "{shown}: type {self}: expected size {} with alignment {}, found size {} with alignment {}",
                self.size,
                self.alignment,
                found.size,
                found.alignment
            ));
        }
        let (ours, theirs) = (self.fields(), found.fields());
        if ours.len() != theirs.len() {
            return Err(fail!(
                EPROTO,
                "{shown}: type {self}: expected {} declared fields, found {}",
                ours.len(),
                theirs.len()
            ));
        }
        for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            if ours.name != theirs.name || ours.offset != theirs.offset || ours.size != theirs.size
            {
                return Err(fail!(
                    EPROTO,
                    "{shown}: type {self}, field {}: expected {ours}, found {theirs}",
                    number + 1
                ));
            }
        }
        if self.signature != found_signature {
            return Err(fail!(
                EPROTO,
                "{shown}: type {self}: expected signature {:016x}, found {:016x}",
                self.signature,
                found_signature
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            [] => write!(f, "(untyped)"),
            name => write!(f, "{} version {}", Escaped(name), self.version),
        }
    }
}

// Neither struct has padding: each is as large as its fields together.
const _: () = {
    assert!(size_of::<Field>() == FIELD_NAME_MAX + 1 + 8 + 8);
    assert!(
        size_of::<Type>() == 3 * 8 + 2 * 4 + TYPE_NAME_MAX + 1 + FIELDS_MAX * size_of::<Field>()
    );
};

// These offsets are part of version 2 of the record: a change here needs another version there.
const _: () = {
    use core::mem::offset_of;

    assert!(offset_of!(Type, size) == 0);
    assert!(offset_of!(Type, alignment) == 8);
    assert!(offset_of!(Type, word_size) == 12);
    assert!(offset_of!(Type, signature) == 16);
    assert!(offset_of!(Type, version) == 24);
    assert!(offset_of!(Type, field_count) == 28);
    assert!(offset_of!(Type, name) == 32);
    assert!(offset_of!(Type, fields) == 96);
    assert!(offset_of!(Field, name) == 0);
    assert!(offset_of!(Field, offset) == 48);
    assert!(offset_of!(Field, size) == 56);
    assert!(size_of::<Field>() == 64);
    assert!(size_of::<Type>() == 2144);
};

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::object::layout) fn sensor() -> Box<Type> {
        Type::new(b"SensorData", 1, 16, 4)
            .and_then(|made| made.with_field(b"temperature", 0, 4))
            .and_then(|made| made.with_field(b"humidity", 4, 4))
            .ok()
            .unwrap()
    }

    /// The digest's value is part of the format.
    #[test]
    fn version_2_of_the_record_has_this_digest() {
        assert_eq!(sensor().signature, 2196345636531542791);
    }

    #[test]
    fn an_alignment_of_i386_is_a_difference_only_between_programs_of_one_word_size() {
        let here = Type::new(b"T", 1, 16, 8).ok().unwrap();
        let mut there = Type::new(b"T", 1, 16, 4).ok().unwrap();
        assert!(here.check(&"/x", &there).is_err());
        there.word_size = 96 - usize::BITS;
        assert!(here.check(&"/x", &there).is_ok());
        assert!(there.check(&"/x", &here).is_ok());
        let mut packed = Type::new(b"T", 1, 16, 1).ok().unwrap();
        packed.word_size = there.word_size;
        assert!(here.check(&"/x", &packed).is_err());
    }

    #[test]
    fn spellings_of_one_type_have_one_name() {
        for (spelling, name) in [
            ("Sensor", "Sensor"),
            ("struct Sensor", "Sensor"),
            ("union Sensor", "Sensor"),
            ("enum Sensor", "Sensor"),
            ("class Sensor", "Sensor"),
            ("::Sensor", "Sensor"),
            ("struct ::Sensor", "Sensor"),
            ("struct geo::Sensor", "geo::Sensor"),
            ("structSensor", "structSensor"),
            ("unsigned int", "unsigned int"),
            ("struct struct Sensor", "struct Sensor"),
            ("struct ", "struct "),
            ("::", "::"),
            ("", ""),
        ] {
            let found = without_keyword(spelling.as_bytes());
            assert_eq!(found, name.as_bytes(), "{spelling}");
        }
    }

    /// The type as version 0.1.0 stored it, which took the spelling for the name.
    fn stored_as_spelled(spelling: &[u8]) -> Box<Type> {
        let mut made = sensor();
        made.name = [0; TYPE_NAME_MAX + 1];
        made.name[..spelling.len()].copy_from_slice(spelling);
        made.sign();
        made
    }

    #[test]
    fn a_stored_keyword_does_not_count() {
        for spelling in [&b"SensorData"[..], b"struct SensorData", b"::SensorData"] {
            let stored = stored_as_spelled(spelling);
            assert!(sensor().check(&"x", &stored).is_ok());
            let mut damaged = stored;
            damaged.signature ^= 1;
            assert!(sensor().check(&"x", &damaged).is_err());
        }
        let other = stored_as_spelled(b"struct Sensor");
        assert!(sensor().check(&"x", &other).is_err());
    }

    #[test]
    fn impossible_types_are_refused() {
        assert!(Type::new(b"T", 1, 0, 1).is_err());
        assert!(Type::new(b"T", 1, 1, 3).is_err());
        assert!(Type::new(b"T", 1, 1, 0).is_err());
        assert!(Type::new(&[b'n'; 64], 1, 1, 1).is_err());
        assert!(Type::new(&[b'n'; 63], 1, 1, 1).is_ok());
        let longest = [&b"struct ::"[..], &[b'n'; 63]].concat();
        assert_eq!(longest.len(), TYPE_SPELLING_MAX);
        assert!(Type::new(&longest, 1, 1, 1).is_ok());
        let plain = || Type::new(b"T", 1, 8, 8).ok().unwrap();
        assert!(plain().with_field(b"a", 8, 1).is_err());
        assert!(plain().with_field(b"a", u64::MAX, 2).is_err());
        assert!(plain().with_field(b"", 0, 1).is_err());
        assert!(plain().with_field(&[b'n'; 48], 0, 1).is_err());
        let mut full = plain();
        for _ in 0..FIELDS_MAX {
            full = full.with_field(b"a", 0, 1).ok().unwrap();
        }
        assert!(full.with_field(b"a", 0, 1).is_err());
    }
}
