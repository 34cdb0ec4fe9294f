//! `ipc_type_t`: how C describes a struct to the library. The macros that fill it in at compile time
//! are in type_macros.h.

use super::checked;
use crate::base::error::{Result, fail};
use crate::object::layout::{self, FIELD_NAME_MAX, TYPE_SPELLING_MAX, Type};
use core::ffi::c_char;

/// How many fields a type can declare with IPC_TYPE_FIELDS or IPC_TYPE_AS.
pub const IPC_TYPE_FIELDS_MAX: usize = 32;

const _: () = assert!(IPC_TYPE_FIELDS_MAX == layout::FIELDS_MAX);

/// One declared field of a type. IPC_TYPE_FIELDS or IPC_TYPE_AS fills it in.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ipc_field_t {
    /// The field's name, 1 to 47 bytes.
    pub name: *const c_char,
    /// The field's distance from the beginning of the struct, in bytes.
    pub offset: usize,
    /// The field's size, in bytes.
    pub size: usize,
}

/// Describes a struct that programs share. Both programs must describe it in the same way. IPC_TYPE,
/// IPC_TYPE_FIELDS or IPC_TYPE_AS fills it in:
///
///     static const ipc_type_t sensor_type = IPC_TYPE(SensorData, 1);
///
/// Raise the version if the meaning of a field changes and its size does not.
#[repr(C)]
pub struct ipc_type_t {
    /// The type's name, 1 to 63 bytes. A leading "struct ", "union ", "enum " or "class " does not
    /// count, nor does a "::" at the name's beginning: "struct Sensor" and "Sensor" are one type.
    pub name: *const c_char,
    /// The version number that the programs give the struct.
    pub version: u32,
    /// How many fields are declared, 0 to IPC_TYPE_FIELDS_MAX.
    pub field_count: u32,
    /// The struct's size in bytes, at least 1.
    pub size: usize,
    /// The struct's alignment in bytes, a power of two up to 4096.
    pub alignment: usize,
    /// The declared fields, in the order of their declaration.
    pub fields: [ipc_field_t; IPC_TYPE_FIELDS_MAX],
}

// SAFETY: the pointers lead to constant strings, which any thread may read.
unsafe impl Sync for ipc_type_t {}

/// A checked copy of a C caller's type.
///
/// # Safety
///
/// `kind_type` is NULL, misaligned, or points to an ipc_type_t whose strings are NULL or
/// NUL-terminated.
pub(super) unsafe fn type_from_c(kind_type: *const ipc_type_t) -> Result<Box<Type>> {
    let given = checked(kind_type.cast_mut(), "the type")?;
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    let given = unsafe { given.as_ref() };
    // SAFETY: by this function's contract.
    let name = unsafe { text(given.name, TYPE_SPELLING_MAX, "the type's name") }?;
    if name.is_empty() {
        return Err(fail!(EINVAL, "the type's name is empty"));
    }
    let mut checked_type = Type::new(
        name,
        given.version,
        given.size as u64,
        given.alignment as u64,
    )?;
    let count = given.field_count as usize;
    let Some(fields) = given.fields.get(..count) else {
        return Err(fail!(
            EINVAL,
            "type {checked_type}: {count} fields; expected at most {IPC_TYPE_FIELDS_MAX}"
        ));
    };
    for field in fields {
        // SAFETY: by this function's contract.
        let name = unsafe { text(field.name, FIELD_NAME_MAX, "a field's name") }?;
        checked_type = checked_type.with_field(name, field.offset as u64, field.size as u64)?;
    }
    Ok(checked_type)
}

/// A type as C sees it. Its strings are those of `known`, whose names end with NUL.
pub(super) fn type_to_c(known: &Type) -> Result<ipc_type_t> {
    let size = |bytes: u64| {
        usize::try_from(bytes).map_err(|_| fail!(EOVERFLOW, "type {known}: {bytes} bytes"))
    };
    let mut fields = [ipc_field_t {
        name: core::ptr::null(),
        offset: 0,
        size: 0,
    }; IPC_TYPE_FIELDS_MAX];
    for (field, known) in fields.iter_mut().zip(known.fields()) {
        *field = ipc_field_t {
            name: known.name().as_ptr().cast(),
            offset: size(known.offset())?,
            size: size(known.size())?,
        };
    }
    Ok(ipc_type_t {
        name: known.name().as_ptr().cast(),
        version: known.version(),
        field_count: known.fields().len() as u32,
        size: size(known.size())?,
        alignment: size(known.alignment())?,
        fields,
    })
}

/// The bytes of a C caller's string; of a longer one, the first `limit` + 1.
///
/// # Safety
///
/// `string` is NULL or points to a NUL-terminated string that lives as long as the result is used.
unsafe fn text<'a>(string: *const c_char, limit: usize, what: &str) -> Result<&'a [u8]> {
    let string = checked(string.cast_mut(), what)?.as_ptr();
    // SAFETY: by this function's contract; strnlen stops at the NUL or the limit.
    let length = unsafe { libc::strnlen(string, limit + 1) };
    // SAFETY: strnlen has just read these bytes.
    Ok(unsafe { core::slice::from_raw_parts(string.cast(), length) })
}
