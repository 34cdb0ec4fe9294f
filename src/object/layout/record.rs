//! The library's record of a named object, in the last 4096 bytes of its file.
//!
//! The record stands behind the data. So a program that maps the file with `shm_open` and `mmap` finds
//! its struct at offset 0. The creator writes the record once, before the object has a name, and nobody
//! changes it afterwards. A reader copies the record, checks the copy, and trusts nothing else.

use super::RECORD_SPAN;
use super::digest::Digest;
use super::user_type::Type;
use super::{LIBC, libc_name};
use crate::base::alloc::zeroed_box;
use crate::base::errno::Errno;
use crate::base::error::{Result, fail};
use core::fmt;
use core::mem::offset_of;
use core::ptr::NonNull;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

const MAGIC: [u8; 8] = *b"robust\x1aI";
/// Has to change with every change to [`Record`].
const VERSION: u32 = 2;
const BYTE_ORDER: u32 = 0x0102_0304;

/// The kind of object that a record describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Region = 1,
    Semaphore = 2,
    Queue = 3,
    Topic = 4,
    /// The part of a topic that its subscribers write: a file of its own, which is not listed.
    Subscribers = 8,
    Cell = 5,
    Service = 6,
}

impl Kind {
    /// With its article, for messages.
    pub(crate) fn name_of(number: u32) -> &'static str {
        match number {
            1 => "a shared memory region",
            2 => "a semaphore",
            3 => "a message queue",
            4 => "a topic",
            8 => "the subscribers' part of a topic",
            5 => "a cell",
            6 => "a service",
            _ => "a kind of object that this version does not know",
        }
    }
}

/// The record itself.
#[repr(C)]
pub(crate) struct Record {
    magic: [u8; 8],
    byte_order: u32,
    version: u32,
    /// The bits of the maker's words. Processes of both sizes use the object.
    word_size: u32,
    libc: u32,
    kind: u32,
    pid_namespace: u32,
    /// The size of the whole file in bytes, including this record.
    total_size: u64,
    kind_type: Type,
    /// Of all fields above. It tells a damaged record from a different one.
    checksum: u64,
}

impl Record {
    pub(crate) fn new(kind: Kind, kind_type: &Type, pid_namespace: u32) -> Result<Box<Record>> {
        let mut record = Record::blank()?;
        record.magic = MAGIC;
        record.byte_order = BYTE_ORDER;
        record.version = VERSION;
        record.word_size = usize::BITS;
        record.libc = LIBC;
        record.kind = kind as u32;
        record.pid_namespace = pid_namespace;
        record.total_size = total_size(kind_type.size())?;
        let place = NonNull::from(&mut record.kind_type).cast();
        // SAFETY: the place is a Type.
        unsafe { kind_type.write_to(place) };
        record.checksum = record.digest();
        Ok(record)
    }

    /// All zeros: room to read a record into.
    pub(crate) fn blank() -> Result<Box<Record>, Errno> {
        // SAFETY: Record consists of integers and byte arrays.
        unsafe { zeroed_box() }
    }

    pub(crate) fn total_size(&self) -> u64 {
        self.total_size
    }

    /// The size of the data in bytes, as the object's maker asked for it.
    pub(crate) fn data_size(&self) -> u64 {
        self.kind_type.size()
    }

    /// The record's offset in the file: behind whole pages of data.
    pub(crate) fn offset(&self) -> u64 {
        self.total_size - RECORD_SPAN
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: Record consists of integers and byte arrays without padding between them
        // (asserted below), so each of its bytes is initialised.
        unsafe {
            core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<Record>())
        }
    }

    pub(crate) fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in as_bytes. Every pattern of bits is a value of each of its fields.
        unsafe {
            core::slice::from_raw_parts_mut(core::ptr::from_mut(self).cast(), size_of::<Record>())
        }
    }

    /// Whether this is a record of this library. A file from `shm_open` has none.
    pub(crate) fn is_present(&self) -> bool {
        self.magic == MAGIC
    }

    /// Refuses `found`, which was read from a file of `file_size` bytes, unless it describes an object
    /// like `self`. `shown` is the object's name in messages. `may_adopt` tells whether the call takes
    /// IPC_ADOPT.
    pub(crate) fn check(
        &self,
        shown: &dyn fmt::Display,
        found: &Record,
        file_size: u64,
        may_adopt: bool,
    ) -> Result<()> {
        self.check_format(shown, found, file_size, may_adopt)?;
        self.check_maker(shown, found)?;
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

    /// Refuses what is not an undamaged record of this version.
    fn check_format(
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
        Ok(())
    }

    /// Refuses the record of a program whose locks have another layout.
    fn check_maker(&self, shown: &dyn fmt::Display, found: &Record) -> Result<()> {
        if found.libc != self.libc {
            let name = |number| libc_name(number).unwrap_or("an unknown libc");
            return Err(fail!(
                EPROTO,
                "{shown}: made by a program with {}, this one has {}: their locks differ",
                name(found.libc),
                name(self.libc)
            ));
        }
        Ok(())
    }

    /// The record's data about the file in which it was found, for a listing. `None` if the record is
    /// damaged or does not belong to a file of `file_size` bytes.
    pub(crate) fn describe(&self, file_size: u64) -> Option<Description<'_>> {
        let is_whole = self.is_present()
            && self.byte_order == BYTE_ORDER
            && self.version == VERSION
            && self.is_sound()
            && self.total_size == file_size;
        is_whole.then_some(Description {
            kind: self.kind,
            kind_type: &self.kind_type,
        })
    }

    /// Whether it says what its maker wrote. A maker never writes that an object has no bytes.
    pub(crate) fn is_sound(&self) -> bool {
        self.checksum == self.digest() && self.kind_type.size() != 0
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
        digest.value()
    }
}

/// The data of an undamaged record.
pub(crate) struct Description<'a> {
    /// The number of a [`Kind`], or a number that this version does not know.
    pub(crate) kind: u32,
    pub(crate) kind_type: &'a Type,
}

/// The size of the file for `data_size` bytes of data: whole pages of data, then the record.
pub(crate) fn total_size(data_size: u64) -> Result<u64> {
    data_size
        .checked_next_multiple_of(crate::sys::memory::page_size() as u64)
        .and_then(|data| data.checked_add(RECORD_SPAN))
        .filter(|&total| i64::try_from(total).is_ok())
        .ok_or_else(|| fail!(ENOSPC, "{data_size} bytes are more than a file can hold"))
}

// A change to this table is a change of the format and needs another VERSION.
const _: () = {
    assert!(VERSION == 2);
    assert!(offset_of!(Record, magic) == 0);
    assert!(offset_of!(Record, byte_order) == 8);
    assert!(offset_of!(Record, version) == 12);
    assert!(offset_of!(Record, word_size) == 16);
    assert!(offset_of!(Record, libc) == 20);
    assert!(offset_of!(Record, kind) == 24);
    assert!(offset_of!(Record, pid_namespace) == 28);
    assert!(offset_of!(Record, total_size) == 32);
    assert!(offset_of!(Record, kind_type) == 40);
    assert!(offset_of!(Record, checksum) == 2184);
    assert!(size_of::<Record>() == 2192);
    assert!(size_of::<Record>() as u64 <= RECORD_SPAN);
    assert!(Kind::Region as u32 == 1 && Kind::Semaphore as u32 == 2 && Kind::Queue as u32 == 3);
    // No padding: the struct is as large as its fields together.
    assert!(size_of::<Record>() == 8 + 6 * 4 + 8 + size_of::<Type>() + 8);
};

#[cfg(test)]
mod tests {
    use super::super::user_type::tests::sensor;
    use super::*;
    use crate::base::error::Errno;

    fn record(kind_type: Box<Type>) -> Box<Record> {
        Record::new(Kind::Region, &kind_type, 7).ok().unwrap()
    }

    fn refusal(expected: &Record, found: &Record) -> Option<Errno> {
        expected
            .check(&"/x", found, found.total_size(), false)
            .err()
            .map(|error| error.errno())
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
        let other = Record::new(Kind::Semaphore, &sensor(), 7).ok().unwrap();
        assert_eq!(refusal(&ours, &other), Some(Errno::EMEDIUMTYPE));
    }

    #[test]
    fn every_overwritten_byte_is_noticed() {
        let ours = record(sensor());
        for position in 0..size_of::<Record>() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = record(sensor());
                damaged.as_bytes_mut()[position] ^= change;
                let refusal = ours.check(&"/x", &damaged, ours.total_size(), false);
                assert!(refusal.is_err(), "byte {position} ^ {change:#x}");
            }
        }
    }

    #[test]
    fn sizes_past_the_end_of_files_are_refused() {
        for size in [u64::MAX, u64::MAX - 4096, i64::MAX as u64] {
            assert!(total_size(size).is_err());
        }
    }
}
