//! `ripc get`, `set` and `watch`: the values of regions and cells, by their declared fields.

use super::find;
use crate::cli::{Get, Set, Watch};
use crate::library::{
    self, Cell, Error, FOREVER, Field, KIND_CELL, KIND_SHM, Object, READ_ONLY, Region, Result,
};
use crate::output;
use crate::values;
use serde_json::json;
use std::time::Duration;

/// The fields with these names; all if no name is given.
fn chosen(object: &Object, names: &[String]) -> Result<Vec<Field>> {
    let fields = values::fields_of(object.declared.as_ref(), object.raw.size as usize);
    if names.is_empty() {
        return Ok(fields);
    }
    names
        .iter()
        .map(|name| field_named(&fields, name, object))
        .collect()
}

fn field_named(fields: &[Field], name: &str, object: &Object) -> Result<Field> {
    let found = fields.iter().find(|field| field.name == name);
    found.cloned().ok_or_else(|| {
        let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        Error::new(
            libc::EINVAL,
            format!(
                "{}: there is no field {name}; there are: {}",
                object.name,
                known.join(", ")
            ),
        )
    })
}

fn print(fields: &[Field], value: &[u8], json: bool, info: Option<&library::Sample>) {
    if json {
        let mut shown = json!({ "fields": values::as_json(fields, value) });
        if let Some(info) = info {
            shown["number"] = json!(info.number);
            shown["time_ns"] = json!(info.time_ns);
        }
        output::json(&shown);
    } else {
        output::table(&values::HEADERS, values::rows(fields, value));
    }
}

/// `ripc get`
pub(super) fn get(get: &Get, json: bool) -> Result<()> {
    let object = find(&get.name, KIND_SHM | KIND_CELL)?;
    let fields = chosen(&object, &get.fields)?;
    if object.raw.kind == KIND_CELL {
        let (value, info) = Cell::open(&object, READ_ONLY)?.read()?;
        print(&fields, &value, json, Some(&info));
    } else {
        print(
            &fields,
            &Region::open(&object, READ_ONLY)?.snapshot(),
            json,
            None,
        );
    }
    Ok(())
}

/// `ripc set`. Nothing is written unless all changes are right.
pub(super) fn set(set: &Set) -> Result<()> {
    let object = find(&set.name, KIND_SHM | KIND_CELL)?;
    let fields = values::fields_of(object.declared.as_ref(), object.raw.size as usize);
    let mut changes = Vec::new();
    for change in &set.changes {
        let Some((name, text)) = change.split_once('=') else {
            return Err(Error::new(
                libc::EINVAL,
                format!("{change}: expected FIELD=VALUE"),
            ));
        };
        let field = field_named(&fields, name, &object)?;
        changes.push((field.offset, values::encode(text, field.size)?));
    }
    if object.raw.kind == KIND_CELL {
        let cell = Cell::open(&object, 0)?;
        let mut value = match cell.read() {
            Ok((value, _)) => value,
            Err(error) if error.errno == libc::ENODATA => vec![0; object.raw.size as usize],
            Err(error) => return Err(error),
        };
        for (offset, bytes) in changes {
            value[offset..offset + bytes.len()].copy_from_slice(&bytes);
        }
        return cell.write(&value);
    }
    let region = Region::open(&object, 0)?;
    changes
        .iter()
        .try_for_each(|(offset, bytes)| region.write(*offset, bytes))
}

/// `ripc watch`
pub(super) fn watch(watch: &Watch, json: bool) -> Result<()> {
    let object = find(&watch.name, KIND_SHM | KIND_CELL)?;
    let fields = chosen(&object, &[])?;
    let is_over = |seen: u64| watch.count.is_some_and(|count| seen >= count);
    let mut seen = 0;
    if object.raw.kind == KIND_CELL {
        let cell = Cell::open(&object, READ_ONLY)?;
        let mut last = 0;
        while !is_over(seen) {
            let (value, info) = cell.wait(last, FOREVER)?;
            last = info.number;
            print(&fields, &value, json, Some(&info));
            seen += 1;
        }
        return Ok(());
    }
    let region = Region::open(&object, READ_ONLY)?;
    let mut last = None;
    loop {
        let value = region.snapshot();
        if last.as_ref() != Some(&value) {
            print(&fields, &value, json, None);
            last = Some(value);
            seen += 1;
        }
        if is_over(seen) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_nanos(watch.interval.unsigned_abs()));
    }
}
