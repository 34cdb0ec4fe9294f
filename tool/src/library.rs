//! The C library, as far as ripc uses it. The declarations follow include/robustipc.h; a test compares their sizes with C's.
//!
//! The functions below turn a negative result into an [`Error`] that carries the library's own text.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::fmt;

/// A failed call: its errno, and what the library says about it.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) errno: i32,
    pub(crate) text: String,
}

impl Error {
    pub(crate) fn new(errno: i32, text: impl Into<String>) -> Error {
        Error {
            errno,
            text: text.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::new(error.raw_os_error().unwrap_or(libc::EIO), error.to_string())
    }
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// How a wait ends: `FOREVER`, 0, or nanoseconds.
pub(crate) const FOREVER: i64 = -1;

pub(crate) const CREATE: c_int = 1;
pub(crate) const READ_ONLY: c_int = 4;
pub(crate) const WRITE_ONLY: c_int = 8;
pub(crate) const KIND_SHM: c_int = 0x1;
pub(crate) const KIND_SEM: c_int = 0x2;
pub(crate) const KIND_POSIX_SEM: c_int = 0x8;
pub(crate) const KIND_KERNEL_MQ: c_int = 0x10;
pub(crate) const KIND_SYSV_SHM: c_int = 0x20;
pub(crate) const KIND_SYSV_MSG: c_int = 0x40;
pub(crate) const KIND_SYSV_SEM: c_int = 0x80;
pub(crate) const KIND_MQ: c_int = 0x100;
pub(crate) const KIND_TOPIC: c_int = 0x200;
pub(crate) const KIND_CELL: c_int = 0x400;
pub(crate) const KIND_SERVICE: c_int = 0x800;
/// The kinds that the library knows. It refuses others.
pub(crate) const KIND_ALL: c_int = 0xdff;
const FIELDS_MAX: usize = 32;

/// A handle of the library's; it points nowhere.
#[repr(C)]
pub(crate) struct Opaque {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawObject {
    pub(crate) kind: c_int,
    pub(crate) record: c_int,
    pub(crate) id: c_int,
    pub(crate) key: c_int,
    pub(crate) owner: libc::uid_t,
    pub(crate) group: libc::gid_t,
    pub(crate) mode: libc::mode_t,
    pub(crate) type_version: c_uint,
    pub(crate) size: u64,
    pub(crate) users: usize,
    pub(crate) users_complete: c_int,
    pub(crate) index: c_uint,
    pub(crate) name: [c_char; 264],
    pub(crate) type_name: [c_char; 64],
    pub(crate) count: u64,
    pub(crate) capacity: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct RawField {
    name: *const c_char,
    offset: usize,
    size: usize,
}

#[repr(C)]
struct RawType {
    name: *const c_char,
    version: u32,
    field_count: u32,
    size: usize,
    alignment: usize,
    fields: [RawField; FIELDS_MAX],
}

#[repr(C)]
#[derive(Default)]
pub(crate) struct QueueAttributes {
    pub(crate) max_messages: usize,
    pub(crate) message_size: usize,
    pub(crate) current_messages: usize,
    pub(crate) flags: c_int,
    pub(crate) spin_ns: c_int,
    kind_type: usize,
    reserved: [c_int; 4],
}

#[repr(C)]
#[derive(Default)]
pub(crate) struct QueueStatistics {
    pub(crate) waiting_senders: usize,
    pub(crate) waiting_receivers: usize,
    pub(crate) dropped: u64,
    pub(crate) repairs: u64,
    pub(crate) redelivered: u64,
    pub(crate) abandoned: u64,
    reserved: [u64; 6],
}

#[link(name = "robustipc")]
unsafe extern "C" {
    fn ipc_last_error() -> *const c_char;
    fn ipc_version() -> *const c_char;
    fn ipc_list(out: *mut *mut Opaque, kinds: c_int) -> c_int;
    fn ipc_list_next(list: *mut Opaque, object: *mut RawObject) -> c_int;
    fn ipc_list_users(
        list: *const Opaque,
        object: *const RawObject,
        pids: *mut libc::pid_t,
        capacity: usize,
    ) -> c_int;
    fn ipc_list_type(
        list: *const Opaque,
        object: *const RawObject,
        kind_type: *mut RawType,
    ) -> c_int;
    fn ipc_list_unlisted(list: *const Opaque) -> c_int;
    fn ipc_list_close(list: *mut Opaque) -> c_int;
    fn ipc_remove(kind: c_int, name: *const c_char, id: c_int) -> c_int;
    fn ipc_mq_open(
        out: *mut *mut Opaque,
        name: *const c_char,
        attr: *const QueueAttributes,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_mq_close(queue: *mut Opaque) -> c_int;
    fn ipc_mq_send(
        queue: *mut Opaque,
        data: *const c_void,
        len: usize,
        priority: c_uint,
        timeout_ns: i64,
    ) -> c_int;
    fn ipc_mq_receive(
        queue: *mut Opaque,
        buf: *mut c_void,
        capacity: usize,
        priority: *mut c_uint,
        timeout_ns: i64,
    ) -> isize;
    fn ipc_mq_peek_priority(queue: *mut Opaque, priority: *mut c_uint) -> c_int;
    fn ipc_mq_getattr(queue: *const Opaque, attr: *mut QueueAttributes) -> c_int;
    fn ipc_mq_stat(queue: *const Opaque, stat: *mut QueueStatistics) -> c_int;
    fn ipc_shm_open_typed(
        out: *mut *mut Opaque,
        name: *const c_char,
        kind_type: *const RawType,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_shm_open(
        out: *mut *mut Opaque,
        name: *const c_char,
        size: usize,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_shm_data(region: *const Opaque) -> *mut c_void;
    fn ipc_shm_size(region: *const Opaque) -> usize;
    fn ipc_shm_close(region: *mut Opaque) -> c_int;
    fn ipc_cell_open(
        out: *mut *mut Opaque,
        name: *const c_char,
        kind_type: *const RawType,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_cell_read(cell: *const Opaque, value: *mut c_void, info: *mut Sample) -> c_int;
    fn ipc_cell_write(cell: *mut Opaque, value: *const c_void) -> c_int;
    fn ipc_cell_wait(
        cell: *mut Opaque,
        value: *mut c_void,
        after: u64,
        info: *mut Sample,
        timeout_ns: i64,
    ) -> c_int;
    fn ipc_cell_close(cell: *mut Opaque) -> c_int;
    fn ipc_sem_open(
        out: *mut *mut Opaque,
        name: *const c_char,
        value: c_uint,
        flags: c_int,
        mode: libc::mode_t,
    ) -> c_int;
    fn ipc_sem_wait(sem: *mut Opaque, timeout_ns: i64) -> c_int;
    fn ipc_sem_close(sem: *mut Opaque) -> c_int;
}

/// What the library says about a sample or a value.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) number: u64,
    pub(crate) missed: u64,
    pub(crate) time_ns: i64,
    pub(crate) publisher: u32,
    pub(crate) flags: u32,
    reserved: [u64; 4],
}

/// The result of a call, or its error with the library's text.
fn checked(result: isize) -> Result<usize> {
    if result >= 0 {
        return Ok(result.unsigned_abs());
    }
    // SAFETY: the library returns a string that stays valid until this thread's next failing call.
    let text = unsafe { CStr::from_ptr(ipc_last_error()) };
    Err(Error::new((-result) as i32, text.to_string_lossy()))
}

fn c_name(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Error::new(libc::EINVAL, "the name contains a NUL byte"))
}

/// The version of the library that this program runs with.
pub(crate) fn version() -> String {
    // SAFETY: a constant string.
    unsafe { CStr::from_ptr(ipc_version()) }
        .to_string_lossy()
        .into_owned()
}

/// A field that a type declares.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) offset: usize,
    pub(crate) size: usize,
}

/// A type as its object's creator declared it.
#[derive(Clone, Debug)]
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) size: usize,
    pub(crate) alignment: usize,
    pub(crate) fields: Vec<Field>,
}

impl Type {
    /// SAFETY of the caller: the strings of `raw` are NUL-terminated and valid.
    unsafe fn from_raw(raw: &RawType) -> Type {
        // SAFETY: by this function's contract.
        let text = |string| {
            unsafe { CStr::from_ptr(string) }
                .to_string_lossy()
                .into_owned()
        };
        let fields = &raw.fields[..(raw.field_count as usize).min(FIELDS_MAX)];
        Type {
            name: text(raw.name),
            version: raw.version,
            size: raw.size,
            alignment: raw.alignment,
            fields: fields
                .iter()
                .map(|field| Field {
                    name: text(field.name),
                    offset: field.offset,
                    size: field.size,
                })
                .collect(),
        }
    }

    /// Calls `use_type` with the type in C's form.
    fn with_raw<R>(&self, use_type: impl FnOnce(*const RawType) -> R) -> Result<R> {
        let name = c_name(&self.name)?;
        let names = self.fields.iter().map(|field| c_name(&field.name));
        let names = names.collect::<Result<Vec<_>>>()?;
        let mut raw = RawType {
            name: name.as_ptr(),
            version: self.version,
            field_count: names.len() as u32,
            size: self.size,
            alignment: self.alignment,
            fields: [RawField {
                name: std::ptr::null(),
                offset: 0,
                size: 0,
            }; FIELDS_MAX],
        };
        for ((raw, field), name) in raw.fields.iter_mut().zip(&self.fields).zip(&names) {
            *raw = RawField {
                name: name.as_ptr(),
                offset: field.offset,
                size: field.size,
            };
        }
        Ok(use_type(&raw const raw))
    }
}

/// An object that exists on this machine.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) raw: RawObject,
    pub(crate) name: String,
    pub(crate) users: Vec<i32>,
    pub(crate) declared: Option<Type>,
}

/// All objects of these kinds, and the kinds that could not be listed.
pub(crate) fn objects(kinds: c_int) -> Result<(Vec<Object>, c_int)> {
    let mut list = std::ptr::null_mut();
    // SAFETY: the call writes one handle.
    checked(unsafe { ipc_list(&raw mut list, kinds) } as isize)?;
    let mut objects = Vec::new();
    let mut raw = std::mem::MaybeUninit::<RawObject>::uninit();
    // SAFETY: the handle is open; the call writes one object if it returns 1.
    while unsafe { ipc_list_next(list, raw.as_mut_ptr()) } == 1 {
        // SAFETY: the call has returned 1.
        let raw = unsafe { raw.assume_init() };
        objects.push(object(list, raw));
    }
    // SAFETY: the handle is open, and is not used after the second call.
    let unlisted = unsafe {
        let unlisted = ipc_list_unlisted(list);
        ipc_list_close(list);
        unlisted
    };
    objects.sort_by(|one, other| {
        (&one.name, one.raw.kind, one.raw.id).cmp(&(&other.name, other.raw.kind, other.raw.id))
    });
    Ok((objects, unlisted.max(0)))
}

fn object(list: *mut Opaque, raw: RawObject) -> Object {
    let mut users = vec![0; raw.users];
    // SAFETY: the object is of this open list; the vector has room for the number given.
    unsafe { ipc_list_users(list, &raw const raw, users.as_mut_ptr(), users.len()) };
    let mut declared = std::mem::MaybeUninit::<RawType>::uninit();
    // SAFETY: as above; the call writes one type if it returns 0.
    let has_type = unsafe { ipc_list_type(list, &raw const raw, declared.as_mut_ptr()) } == 0;
    // SAFETY: the call has written the type, whose strings belong to the open list.
    let declared = has_type.then(|| unsafe { Type::from_raw(declared.assume_init_ref()) });
    // SAFETY: the library ends the name with NUL.
    let name = unsafe { CStr::from_ptr(raw.name.as_ptr()) };
    Object {
        name: name.to_string_lossy().into_owned(),
        raw,
        users,
        declared,
    }
}

/// Removes an object of exactly this kind.
pub(crate) fn remove(kind: c_int, name: &str, id: c_int) -> Result<()> {
    let name = c_name(name)?;
    // SAFETY: the name is a C string.
    checked(unsafe { ipc_remove(kind, name.as_ptr(), id) } as isize).map(drop)
}

/// A handle that is closed when the value ends.
struct Handle {
    raw: *mut Opaque,
    close: unsafe extern "C" fn(*mut Opaque) -> c_int,
}

impl Handle {
    fn open(
        close: unsafe extern "C" fn(*mut Opaque) -> c_int,
        open: impl FnOnce(*mut *mut Opaque) -> c_int,
    ) -> Result<Handle> {
        let mut raw = std::ptr::null_mut();
        checked(open(&raw mut raw) as isize)?;
        Ok(Handle { raw, close })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and this is its only close.
        unsafe { (self.close)(self.raw) };
    }
}

/// An open message queue.
pub(crate) struct Queue(Handle);

/// A received message.
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    pub(crate) priority: u32,
}

impl Queue {
    pub(crate) fn open(name: &str, flags: c_int) -> Result<Queue> {
        let name = c_name(name)?;
        // SAFETY: the name is a C string, and no attributes are given.
        Handle::open(ipc_mq_close, |out| unsafe {
            ipc_mq_open(out, name.as_ptr(), std::ptr::null(), flags, 0)
        })
        .map(Queue)
    }

    pub(crate) fn create(
        name: &str,
        max_messages: usize,
        message_size: usize,
        mode: u32,
    ) -> Result<Queue> {
        let name = c_name(name)?;
        let attributes = QueueAttributes {
            max_messages,
            message_size,
            ..QueueAttributes::default()
        };
        // SAFETY: the name is a C string; the attributes outlive the call.
        Handle::open(ipc_mq_close, |out| unsafe {
            ipc_mq_open(out, name.as_ptr(), &raw const attributes, CREATE, mode)
        })
        .map(Queue)
    }

    pub(crate) fn send(&self, bytes: &[u8], priority: u32, timeout_ns: i64) -> Result<()> {
        // SAFETY: the handle is open; the bytes are readable.
        checked(unsafe {
            ipc_mq_send(
                self.0.raw,
                bytes.as_ptr().cast(),
                bytes.len(),
                priority,
                timeout_ns,
            )
        } as isize)
        .map(drop)
    }

    pub(crate) fn receive(&self, timeout_ns: i64) -> Result<Message> {
        let mut bytes = vec![0; self.attributes()?.message_size];
        let mut priority = 0;
        // SAFETY: the handle is open; the buffer has the length given.
        let length = checked(unsafe {
            ipc_mq_receive(
                self.0.raw,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                &raw mut priority,
                timeout_ns,
            )
        })?;
        bytes.truncate(length);
        Ok(Message { bytes, priority })
    }

    pub(crate) fn next_priority(&self) -> Result<u32> {
        let mut priority = 0;
        // SAFETY: the handle is open; the call writes one number.
        checked(unsafe { ipc_mq_peek_priority(self.0.raw, &raw mut priority) } as isize)?;
        Ok(priority)
    }

    pub(crate) fn attributes(&self) -> Result<QueueAttributes> {
        let mut attributes = QueueAttributes::default();
        // SAFETY: the handle is open; the call writes one struct.
        checked(unsafe { ipc_mq_getattr(self.0.raw, &raw mut attributes) } as isize)?;
        Ok(attributes)
    }

    pub(crate) fn statistics(&self) -> Result<QueueStatistics> {
        let mut statistics = QueueStatistics::default();
        // SAFETY: the handle is open; the call writes one struct.
        checked(unsafe { ipc_mq_stat(self.0.raw, &raw mut statistics) } as isize)?;
        Ok(statistics)
    }
}

/// An open region of shared memory.
pub(crate) struct Region(Handle);

impl Region {
    /// Opens a region by its declared type, or by its size if it has none.
    pub(crate) fn open(object: &Object, flags: c_int) -> Result<Region> {
        let name = c_name(&object.name)?;
        match &object.declared {
            Some(declared) => declared.with_raw(|raw| {
                // SAFETY: the name is a C string; the type outlives the call.
                Handle::open(ipc_shm_close, |out| unsafe {
                    ipc_shm_open_typed(out, name.as_ptr(), raw, flags, 0)
                })
            })?,
            None => {
                const ADOPT: c_int = 32;
                let adopt = if object.raw.record == 0 { ADOPT } else { 0 };
                let size = object.raw.size as usize;
                // SAFETY: the name is a C string.
                Handle::open(ipc_shm_close, |out| unsafe {
                    ipc_shm_open(out, name.as_ptr(), size, flags | adopt, 0)
                })
            }
        }
        .map(Region)
    }

    /// A copy of the region as it is now. Other processes may change it during the copy.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        // SAFETY: the handle is open, so both calls describe memory that is mapped. It is read as bytes through a raw
        // pointer, since others write to it.
        unsafe {
            let (data, size) = (
                ipc_shm_data(self.0.raw).cast::<u8>(),
                ipc_shm_size(self.0.raw),
            );
            (0..size)
                .map(|index| data.add(index).read_volatile())
                .collect()
        }
    }

    /// Writes bytes at an offset.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        // SAFETY: as in `snapshot`; the range is checked against the size.
        unsafe {
            let (data, size) = (
                ipc_shm_data(self.0.raw).cast::<u8>(),
                ipc_shm_size(self.0.raw),
            );
            if offset.checked_add(bytes.len()).is_none_or(|end| end > size) {
                return Err(Error::new(
                    libc::EINVAL,
                    "the field lies outside of the region",
                ));
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.add(offset), bytes.len());
        }
        Ok(())
    }
}

/// An open cell.
pub(crate) struct Cell {
    handle: Handle,
    size: usize,
}

impl Cell {
    pub(crate) fn open(object: &Object, flags: c_int) -> Result<Cell> {
        let name = c_name(&object.name)?;
        let Some(declared) = &object.declared else {
            return Err(Error::new(
                libc::EPROTO,
                format!("{}: the cell declares no type", object.name),
            ));
        };
        let handle = declared.with_raw(|raw| {
            // SAFETY: the name is a C string; the type outlives the call.
            Handle::open(ipc_cell_close, |out| unsafe {
                ipc_cell_open(out, name.as_ptr(), raw, flags, 0)
            })
        })??;
        Ok(Cell {
            handle,
            size: declared.size,
        })
    }

    pub(crate) fn read(&self) -> Result<(Vec<u8>, Sample)> {
        let (mut value, mut info) = (vec![0; self.size], Sample::default());
        // SAFETY: the handle is open; the value has the type's size.
        checked(
            unsafe { ipc_cell_read(self.handle.raw, value.as_mut_ptr().cast(), &raw mut info) }
                as isize,
        )?;
        Ok((value, info))
    }

    pub(crate) fn write(&self, value: &[u8]) -> Result<()> {
        if value.len() != self.size {
            return Err(Error::new(
                libc::EINVAL,
                format!(
                    "the value has {} bytes; expected {}",
                    value.len(),
                    self.size
                ),
            ));
        }
        // SAFETY: the handle is open; the value has the type's size.
        checked(unsafe { ipc_cell_write(self.handle.raw, value.as_ptr().cast()) } as isize)
            .map(drop)
    }

    /// Waits for a value with a higher number than `after`.
    pub(crate) fn wait(&self, after: u64, timeout_ns: i64) -> Result<(Vec<u8>, Sample)> {
        let (mut value, mut info) = (vec![0; self.size], Sample::default());
        // SAFETY: the handle is open; the value has the type's size.
        checked(unsafe {
            ipc_cell_wait(
                self.handle.raw,
                value.as_mut_ptr().cast(),
                after,
                &raw mut info,
                timeout_ns,
            )
        } as isize)?;
        Ok((value, info))
    }
}

/// An open named semaphore.
pub(crate) struct Semaphore(Handle);

impl Semaphore {
    pub(crate) fn open(name: &str) -> Result<Semaphore> {
        let name = c_name(name)?;
        // SAFETY: the name is a C string.
        Handle::open(ipc_sem_close, |out| unsafe {
            ipc_sem_open(out, name.as_ptr(), 0, 0, 0)
        })
        .map(Semaphore)
    }

    pub(crate) fn wait(&self, timeout_ns: i64) -> Result<()> {
        // SAFETY: the handle is open.
        checked(unsafe { ipc_sem_wait(self.0.raw, timeout_ns) } as isize).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes that C gives these structs: c-tests/check/ripc.sh compares them with the header.
    #[test]
    fn the_structs_have_cs_sizes() {
        assert_eq!(size_of::<RawObject>(), 400);
        assert_eq!(size_of::<RawType>(), 24 + 8 + 24 * FIELDS_MAX);
        assert_eq!(size_of::<QueueAttributes>(), 56);
        assert_eq!(size_of::<QueueStatistics>(), 96);
        assert_eq!(size_of::<Sample>(), 64);
    }
}
