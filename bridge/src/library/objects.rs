//! Listing objects, and the types that they declare.

use super::raw::{
    FIELDS_MAX, Opaque, RawField, RawObject, RawType, ipc_list, ipc_list_close, ipc_list_next,
    ipc_list_type, ipc_remove,
};
use super::{Result, c_name, checked};
use serde::{Deserialize, Serialize};
use std::ffi::{CStr, c_int};

/// A field that a type declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) offset: usize,
    pub(crate) size: usize,
}

/// A type as its object's creator declared it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) size: usize,
    pub(crate) alignment: usize,
    pub(crate) fields: Vec<Field>,
}

impl Type {
    /// # Safety
    ///
    /// The strings of `raw` are NUL-terminated and valid.
    pub(super) unsafe fn from_raw(raw: &RawType) -> Type {
        let text = |string| {
            // SAFETY: by this function's contract.
            let text = unsafe { CStr::from_ptr(string) };
            text.to_string_lossy().into_owned()
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
    pub(super) fn with_raw<R>(&self, use_type: impl FnOnce(*const RawType) -> R) -> Result<R> {
        let name = c_name(&self.name)?;
        let names = self.fields.iter().map(|field| c_name(&field.name));
        let names = names.collect::<Result<Vec<_>>>()?;
        let mut raw = RawType {
            name: name.as_ptr(),
            version: self.version,
            field_count: names.len().min(FIELDS_MAX) as u32,
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

/// Calls `use_type` with a type in C's form, or with a null pointer if there is none.
pub(super) fn with_type<R>(
    declared: Option<&Type>,
    use_type: impl FnOnce(*const RawType) -> R,
) -> Result<R> {
    match declared {
        Some(declared) => declared.with_raw(use_type),
        None => Ok(use_type(std::ptr::null())),
    }
}

/// An object that exists on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) kind: c_int,
    pub(crate) name: String,
    pub(crate) declared: Option<Type>,
}

/// All objects of these kinds that are whole.
pub(crate) fn objects(kinds: c_int) -> Result<Vec<Object>> {
    let mut list = std::ptr::null_mut();
    // SAFETY: the call writes one handle.
    checked(unsafe { ipc_list(&raw mut list, kinds) } as isize)?;
    let mut objects = Vec::new();
    let mut raw = std::mem::MaybeUninit::<RawObject>::uninit();
    // SAFETY: the handle is open; the call writes one object if it returns 1.
    while unsafe { ipc_list_next(list, raw.as_mut_ptr()) } == 1 {
        // SAFETY: the call has returned 1.
        let raw = unsafe { raw.assume_init() };
        const GOOD: c_int = 1;
        if raw.record == GOOD {
            objects.push(object(list, raw));
        }
    }
    // SAFETY: the handle is open, and is not used after the call.
    unsafe { ipc_list_close(list) };
    Ok(objects)
}

fn object(list: *mut Opaque, raw: RawObject) -> Object {
    let mut declared = std::mem::MaybeUninit::<RawType>::uninit();
    // SAFETY: the object is of this open list; the call writes one type if it returns 0.
    let has_type = unsafe { ipc_list_type(list, &raw const raw, declared.as_mut_ptr()) } == 0;
    // SAFETY: the call has written the type, whose strings belong to the open list.
    let declared = has_type.then(|| unsafe { Type::from_raw(declared.assume_init_ref()) });
    // SAFETY: the library ends the name with NUL.
    let name = unsafe { CStr::from_ptr(raw.name.as_ptr()) };
    Object {
        kind: raw.kind,
        name: name.to_string_lossy().into_owned(),
        declared,
    }
}

/// Removes an object of exactly this kind.
pub(crate) fn remove(kind: c_int, name: &str) -> Result<()> {
    let name = c_name(name)?;
    // SAFETY: the name is a C string.
    checked(unsafe { ipc_remove(kind, name.as_ptr(), 0) } as isize).map(drop)
}
