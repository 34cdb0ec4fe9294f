//! The library's record of a named object, in the last 4096 bytes of its file.
//!
//! It stands behind the data and not before it, so that a program which maps the same name with
//! `shm_open` and `mmap` finds its struct at offset 0. It is written once, before the object has
//! a name, and never changed: a reader copies it, checks the copy, and trusts nothing else.

use super::LIBC;
use crate::base::error::{Result, fail};
use crate::base::text::Escaped;
use core::fmt;
use core::mem::offset_of;

/// The bytes at the end of the file that belong to the record; the same on every page size.
pub(crate) const RECORD_SPAN: u64 = 4096;

const MAGIC: [u8; 8] = *b"robust\x1aI";
/// Changes with every change to [`Record`].
const VERSION: u32 = 1;
const BYTE_ORDER: u32 = 0x0102_0304;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Region = 1,
    Semaphore = 2,
    Queue = 3,
}

impl Kind {
    /// With its article, for messages.
    pub(crate) fn name_of(number: u32) -> &'static str {
        match number {
            1 => "a shared memory region",
            2 => "a semaphore",
            3 => "a message queue",
            _ => "a kind of object that this version does not know",
        }
    }
}

pub(crate) const FIELDS_MAX: usize = 32;
pub(crate) const TYPE_NAME_MAX: usize = 63;
pub(crate) const FIELD_NAME_MAX: usize = 47;

/// One field of a user's struct.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Field {
    name: [u8; FIELD_NAME_MAX + 1],
    offset: u64,
    size: u64,
}

impl Field {
    const NONE: Field = Field {
        name: [0; FIELD_NAME_MAX + 1],
        offset: 0,
        size: 0,
    };
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

/// A user's type, as far as two programs have to agree on it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Type {
    size: u64,
    alignment: u64,
    /// Digest of everything else here, so that agreement is one comparison.
    signature: u64,
    version: u32,
    field_count: u32,
    name: [u8; TYPE_NAME_MAX + 1],
    fields: [Field; FIELDS_MAX],
}

impl Type {
    /// A type without declared fields. An untyped region has the empty name.
    pub(crate) fn new(name: &[u8], version: u32, size: u64, alignment: u64) -> Result<Type> {
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
        let mut stored = [0; TYPE_NAME_MAX + 1];
        let Some(space) = stored[..TYPE_NAME_MAX].get_mut(..name.len()) else {
            return Err(fail!(
                EINVAL,
                "the type name {shown}... has more than {TYPE_NAME_MAX} bytes"
            ));
        };
        space.copy_from_slice(name);
        let mut made = Type {
            size,
            alignment,
            signature: 0,
            version,
            field_count: 0,
            name: stored,
            fields: [Field::NONE; FIELDS_MAX],
        };
        made.sign();
        Ok(made)
    }

    /// The same type with one more declared field.
    pub(crate) fn with_field(mut self, name: &[u8], offset: u64, size: u64) -> Result<Type> {
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

    fn sign(&mut self) {
        let mut digest = Digest::new();
        digest.add(&self.name);
        digest.add(&self.version.to_ne_bytes());
        digest.add(&self.size.to_ne_bytes());
        digest.add(&self.alignment.to_ne_bytes());
        for field in self.fields() {
            digest.add(&field.name);
            digest.add(&field.offset.to_ne_bytes());
            digest.add(&field.size.to_ne_bytes());
        }
        self.signature = digest.0;
    }

    fn fields(&self) -> &[Field] {
        &self.fields[..(self.field_count as usize).min(FIELDS_MAX)]
    }

    /// Refuses `found` unless it is the same type, and says where the two differ first.
    fn check(&self, shown: &dyn fmt::Display, found: &Type) -> Result<()> {
        if self.name != found.name || self.version != found.version {
            return Err(fail!(
                EPROTO,
                "{shown}: expected type {self}, found {found}"
            ));
        }
        if self.size != found.size || self.alignment != found.alignment {
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
        if self.signature != found.signature {
            return Err(fail!(
                EPROTO,
                "{shown}: type {self}: expected signature {:016x}, found {:016x}",
                self.signature,
                found.signature
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match until_nul(&self.name) {
            [] => write!(f, "(untyped)"),
            name => write!(f, "{} version {}", Escaped(name), self.version),
        }
    }
}

/// The record itself.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Record {
    magic: [u8; 8],
    byte_order: u32,
    version: u32,
    word_size: u32,
    libc: u32,
    kind: u32,
    pid_namespace: u32,
    /// Of the whole file, this record included.
    total_size: u64,
    /// Of everything above and of `kind_type`: a damaged record is told from a different one.
    kind_type: Type,
    checksum: u64,
}

impl Record {
    pub(crate) fn new(kind: Kind, kind_type: Type, pid_namespace: u32) -> Result<Record> {
        let mut record = Record {
            magic: MAGIC,
            byte_order: BYTE_ORDER,
            version: VERSION,
            word_size: usize::BITS,
            libc: LIBC,
            kind: kind as u32,
            pid_namespace,
            total_size: total_size(kind_type.size)?,
            kind_type,
            checksum: 0,
        };
        record.checksum = record.digest();
        Ok(record)
    }

    /// All zeros: room to read a record into.
    pub(crate) fn blank() -> Record {
        Record {
            magic: [0; 8],
            byte_order: 0,
            version: 0,
            word_size: 0,
            libc: 0,
            kind: 0,
            pid_namespace: 0,
            total_size: 0,
            kind_type: Type {
                size: 0,
                alignment: 0,
                signature: 0,
                version: 0,
                field_count: 0,
                name: [0; TYPE_NAME_MAX + 1],
                fields: [Field::NONE; FIELDS_MAX],
            },
            checksum: 0,
        }
    }

    pub(crate) fn total_size(&self) -> u64 {
        self.total_size
    }

    /// Of the data, as its maker asked for it.
    pub(crate) fn data_size(&self) -> u64 {
        self.kind_type.size
    }

    /// Where the record stands in the file: behind whole pages of data.
    pub(crate) fn offset(&self) -> u64 {
        self.total_size - RECORD_SPAN
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: Record consists of integers and byte arrays without padding between them
        // (asserted below), so every one of its bytes is initialised.
        unsafe {
            core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<Record>())
        }
    }

    pub(crate) fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in as_bytes; and every pattern of bits is a value of each of its fields.
        unsafe {
            core::slice::from_raw_parts_mut(core::ptr::from_mut(self).cast(), size_of::<Record>())
        }
    }

    /// Whether this is a record of ours at all; a program that used `shm_open` leaves none.
    pub(crate) fn is_present(&self) -> bool {
        self.magic == MAGIC
    }

    /// Refuses `found`, read from a file of `file_size` bytes, unless it describes the same
    /// object as `self`. `shown` is the object's name for the message; `may_adopt`: the call takes IPC_ADOPT.
    pub(crate) fn check(
        &self,
        shown: &dyn fmt::Display,
        found: &Record,
        file_size: u64,
        may_adopt: bool,
    ) -> Result<()> {
        if !found.is_present() {
            let advice = if may_adopt {
                " (IPC_ADOPT opens a foreign object by its size)"
            } else {
                ""
            };
            return Err(fail!(
                EPROTO,
                "{shown}: found {file_size} bytes without a robustipc record at their end; made by another library, truncated or overwritten{advice}"
            ));
        }
        if found.byte_order != self.byte_order {
            return Err(fail!(
                EPROTO,
                "{shown}: expected byte order {:#010x}, found {:#010x}",
                self.byte_order,
                found.byte_order
            ));
        }
        if found.version != self.version {
            return Err(fail!(
                EPROTO,
                "{shown}: expected a record of version {}, found {}",
                self.version,
                found.version
            ));
        }
        if !found.is_sound() {
            return Err(fail!(
                EUCLEAN,
                "{shown}: the record is damaged: expected checksum {:016x}, found {:016x}",
                found.digest(),
                found.checksum
            ));
        }
        if found.word_size != self.word_size {
            return Err(fail!(
                EPROTO,
                "{shown}: expected a maker with {}-bit words, found {}",
                self.word_size,
                found.word_size
            ));
        }
        if found.libc != self.libc {
            let name = |number| if number == 1 { "glibc" } else { "musl" };
            return Err(fail!(
                EPROTO,
                "{shown}: expected a maker with {}, found {}",
                name(self.libc),
                name(found.libc)
            ));
        }
        found.check_kind(shown, self.kind)?;
        self.kind_type.check(shown, &found.kind_type)?;
        if found.total_size != file_size || found.total_size != self.total_size {
            return Err(fail!(
                EPROTO,
                "{shown}: expected {} bytes in all, found {file_size}",
                found.total_size
            ));
        }
        Ok(())
    }

    /// Whether it says what its maker wrote: a maker never writes that an object has no bytes.
    pub(crate) fn is_sound(&self) -> bool {
        self.checksum == self.digest() && self.kind_type.size != 0
    }

    /// What the record says of the file of `file_size` bytes that it was found in, for those who
    /// only look; `None` if it is damaged or not about this file.
    pub(crate) fn read(&self, file_size: u64) -> Option<Description<'_>> {
        let is_whole = self.is_present()
            && self.byte_order == BYTE_ORDER
            && self.version == VERSION
            && self.is_sound()
            && self.total_size == file_size;
        is_whole.then(|| Description {
            kind: self.kind,
            type_name: until_nul(&self.kind_type.name),
            type_version: self.kind_type.version,
            data_size: self.kind_type.size,
        })
    }

    /// As recorded: a [`Kind`], or a number that this version does not know.
    pub(crate) fn kind(&self) -> u32 {
        self.kind
    }

    /// Refuses a record of another kind of object.
    pub(crate) fn check_kind(&self, shown: &dyn fmt::Display, expected: u32) -> Result<()> {
        if self.kind == expected {
            return Ok(());
        }
        Err(fail!(
            EMEDIUMTYPE,
            "{shown}: expected {}, found {}",
            Kind::name_of(expected),
            Kind::name_of(self.kind)
        ))
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        digest.add(&self.as_bytes()[..offset_of!(Record, checksum)]);
        digest.0
    }
}

/// What a good record says.
pub(crate) struct Description<'a> {
    /// A [`Kind`], or a number that this version does not know.
    pub(crate) kind: u32,
    /// At most [`TYPE_NAME_MAX`] bytes.
    pub(crate) type_name: &'a [u8],
    pub(crate) type_version: u32,
    pub(crate) data_size: u64,
}

/// The size of the file of an object with `data_size` bytes of data: whole pages of data, then
/// the record.
pub(crate) fn total_size(data_size: u64) -> Result<u64> {
    data_size
        .checked_next_multiple_of(crate::sys::memory::page_size() as u64)
        .and_then(|data| data.checked_add(RECORD_SPAN))
        .filter(|&total| i64::try_from(total).is_ok())
        .ok_or_else(|| fail!(ENOSPC, "{data_size} bytes are more than a file can hold"))
}

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo), taken over words of 8 bytes instead of bytes, which
/// is what makes opening fast. It finds accidents, not attacks.
struct Digest(u64);

impl Digest {
    fn new() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            let product = (self.0 ^ u64::from_ne_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3);
            // A product carries differences upwards only; this brings them down again.
            self.0 = product ^ (product >> 32);
        }
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(bytes)
}

// No padding: each struct is as large as its fields together.
const _: () = {
    assert!(size_of::<Field>() == FIELD_NAME_MAX + 1 + 8 + 8);
    assert!(
        size_of::<Type>() == 3 * 8 + 2 * 4 + TYPE_NAME_MAX + 1 + FIELDS_MAX * size_of::<Field>()
    );
    assert!(size_of::<Record>() == 8 + 6 * 4 + 8 + size_of::<Type>() + 8);
    assert!(size_of::<Record>() as u64 <= RECORD_SPAN);
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Errno;

    fn sensor() -> Type {
        Type::new(b"SensorData", 1, 16, 4)
            .and_then(|made| made.with_field(b"temperature", 0, 4))
            .and_then(|made| made.with_field(b"humidity", 4, 4))
            .ok()
            .unwrap()
    }

    fn record(kind_type: Type) -> Record {
        Record::new(Kind::Region, kind_type, 7).ok().unwrap()
    }

    fn refusal(expected: &Record, found: &Record) -> Option<Errno> {
        expected
            .check(&"/x", found, found.total_size(), false)
            .err()
            .map(|error| error.errno())
    }

    /// Changing this table is changing the format: raise VERSION with it.
    #[test]
    fn version_1_has_these_offsets() {
        assert_eq!(VERSION, 1);
        let expected = [
            (offset_of!(Record, magic), 0),
            (offset_of!(Record, byte_order), 8),
            (offset_of!(Record, version), 12),
            (offset_of!(Record, word_size), 16),
            (offset_of!(Record, libc), 20),
            (offset_of!(Record, kind), 24),
            (offset_of!(Record, pid_namespace), 28),
            (offset_of!(Record, total_size), 32),
            (offset_of!(Record, kind_type), 40),
            (offset_of!(Type, size), 0),
            (offset_of!(Type, alignment), 8),
            (offset_of!(Type, signature), 16),
            (offset_of!(Type, version), 24),
            (offset_of!(Type, field_count), 28),
            (offset_of!(Type, name), 32),
            (offset_of!(Type, fields), 96),
            (offset_of!(Field, name), 0),
            (offset_of!(Field, offset), 48),
            (offset_of!(Field, size), 56),
            (size_of::<Field>(), 64),
            (size_of::<Type>(), 2144),
            (offset_of!(Record, checksum), 2184),
            (size_of::<Record>(), 2192),
        ];
        for (row, (found, wanted)) in expected.into_iter().enumerate() {
            assert_eq!(found, wanted, "row {row}");
        }
        assert_eq!(Kind::Region as u32, 1);
        assert_eq!(Kind::Semaphore as u32, 2);
        // The digest's value is part of the format.
        assert_eq!(sensor().signature, 9006914945975658344);
    }

    #[test]
    fn the_same_type_is_accepted() {
        assert_eq!(refusal(&record(sensor()), &record(sensor())), None);
    }

    #[test]
    fn each_difference_is_refused_as_what_it_is() {
        let ours = record(sensor());
        let others = [
            Type::new(b"Other", 1, 16, 4),
            Type::new(b"SensorData", 2, 16, 4),
            Type::new(b"SensorData", 1, 24, 4),
            Type::new(b"SensorData", 1, 16, 8),
            Type::new(b"SensorData", 1, 16, 4),
            Type::new(b"SensorData", 1, 16, 4)
                .and_then(|made| made.with_field(b"humidity", 0, 4))
                .and_then(|made| made.with_field(b"temperature", 4, 4)),
        ];
        for other in others {
            let other = record(other.ok().unwrap());
            assert_eq!(refusal(&ours, &other), Some(Errno::EPROTO));
        }
        let other = Record::new(Kind::Semaphore, sensor(), 7).ok().unwrap();
        assert_eq!(refusal(&ours, &other), Some(Errno::EMEDIUMTYPE));
    }

    #[test]
    fn every_overwritten_byte_is_noticed() {
        let ours = record(sensor());
        for position in 0..size_of::<Record>() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = ours;
                damaged.as_bytes_mut()[position] ^= change;
                let refusal = ours.check(&"/x", &damaged, ours.total_size(), false);
                assert!(refusal.is_err(), "byte {position} ^ {change:#x}");
            }
        }
    }

    #[test]
    fn impossible_types_are_refused() {
        assert!(Type::new(b"T", 1, 0, 1).is_err());
        assert!(Type::new(b"T", 1, 1, 3).is_err());
        assert!(Type::new(b"T", 1, 1, 0).is_err());
        assert!(Type::new(&[b'n'; 64], 1, 1, 1).is_err());
        assert!(Type::new(&[b'n'; 63], 1, 1, 1).is_ok());
        let plain = Type::new(b"T", 1, 8, 8).ok().unwrap();
        assert!(plain.with_field(b"a", 8, 1).is_err());
        assert!(plain.with_field(b"a", u64::MAX, 2).is_err());
        assert!(plain.with_field(b"", 0, 1).is_err());
        assert!(plain.with_field(&[b'n'; 48], 0, 1).is_err());
        let mut full = plain;
        for _ in 0..FIELDS_MAX {
            full = full.with_field(b"a", 0, 1).ok().unwrap();
        }
        assert!(full.with_field(b"a", 0, 1).is_err());
    }

    #[test]
    fn sizes_past_the_end_of_files_are_refused() {
        for size in [u64::MAX, u64::MAX - 4096, i64::MAX as u64] {
            assert!(total_size(size).is_err());
        }
    }
}
