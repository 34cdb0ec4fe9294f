//! `ripc ls` and `ripc show`.

use super::{ALL_KINDS, find, kind_name, number_of};
use crate::cli::List;
use crate::library::{self, Object, Queue, Result};
use crate::output;
use crate::values;
use serde_json::{Value, json};

/// The user's name for a number, or the number.
fn user_name(uid: u32) -> String {
    // SAFETY: the program has one thread, and the answer is copied before the next call.
    unsafe {
        let entry = libc::getpwuid(uid);
        if entry.is_null() {
            return uid.to_string();
        }
        std::ffi::CStr::from_ptr((*entry).pw_name)
            .to_string_lossy()
            .into_owned()
    }
}

fn type_of(object: &Object) -> String {
    match &object.declared {
        Some(declared) => format!("{} v{}", declared.name, declared.version),
        None => match object.raw.record {
            2 => "(damaged)".into(),
            3 => "(unreadable)".into(),
            _ => String::new(),
        },
    }
}

/// How much is in it, of how much.
pub(super) fn fill(object: &Object) -> String {
    match (object.raw.kind, object.raw.capacity) {
        (library::KIND_SEM | library::KIND_SYSV_MSG, _) => object.raw.count.to_string(),
        (_, 0) => String::new(),
        (_, capacity) => format!("{}/{capacity}", object.raw.count),
    }
}

pub(super) fn users(object: &Object) -> String {
    let more = if object.raw.users_complete == 0 {
        "+"
    } else {
        ""
    };
    format!("{}{more}", object.users.len())
}

pub(super) fn shown_name(object: &Object) -> String {
    match object.name.is_empty() {
        true => format!("id {}", object.raw.id),
        false => object.name.clone(),
    }
}

pub(super) fn as_json(object: &Object) -> Value {
    let named = !object.name.is_empty();
    json!({
        "name": named.then_some(&object.name),
        "kind": kind_name(object.raw.kind),
        "id": (!named).then_some(object.raw.id),
        "key": (!named).then_some(object.raw.key),
        "record": match object.raw.record { 1 => "good", 2 => "damaged", 3 => "unreadable", _ => "none" },
        "size": object.raw.size,
        "count": object.raw.count,
        "capacity": object.raw.capacity,
        "type": object.declared.as_ref().map(|declared| json!({
            "name": declared.name,
            "version": declared.version,
            "size": declared.size,
            "alignment": declared.alignment,
            "fields": declared.fields.iter().map(|field| json!({
                "name": field.name, "offset": field.offset, "size": field.size,
            })).collect::<Vec<_>>(),
        })),
        "owner": object.raw.owner,
        "group": object.raw.group,
        "mode": format!("{:04o}", object.raw.mode),
        "users": object.users,
        "users_complete": object.raw.users_complete != 0,
    })
}

/// `ripc ls`
pub(super) fn list(list: &List, json: bool) -> Result<()> {
    let kinds = match list.kind.is_empty() {
        true => ALL_KINDS,
        false => list
            .kind
            .iter()
            .fold(0, |kinds, kind| kinds | number_of(*kind)),
    };
    let (mut objects, unlisted) = library::objects(kinds)?;
    if list.unused {
        objects.retain(|object| object.users.is_empty() && object.raw.users_complete != 0);
    }
    if json {
        let unlisted: Vec<&str> = super::KINDS
            .iter()
            .filter(|(kind, ..)| kind & unlisted != 0)
            .map(|(.., name)| *name)
            .collect();
        output::json(&json!({
            "objects": objects.iter().map(as_json).collect::<Vec<_>>(),
            "unlisted": unlisted,
        }));
        return Ok(());
    }
    let row = |object: &Object| {
        vec![
            shown_name(object),
            kind_name(object.raw.kind).into(),
            object.raw.size.to_string(),
            fill(object),
            users(object),
            user_name(object.raw.owner),
            format!("{:04o}", object.raw.mode),
            type_of(object),
        ]
    };
    output::table(
        &[
            "NAME", "KIND", ">SIZE", ">IN IT", ">USERS", "OWNER", "MODE", "TYPE",
        ],
        objects.iter().map(row).collect(),
    );
    for (_, _, name) in super::KINDS
        .iter()
        .filter(|(kind, ..)| kind & unlisted != 0)
    {
        eprintln!(
            "ripc: objects of kind {name} cannot be listed: for kernel queues, mount a file system of type mqueue or run as root"
        );
    }
    Ok(())
}

/// The command line of a process, for people.
fn process_name(pid: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> = bytes
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    words.join(" ")
}

/// The facts that `ripc show` adds about a queue.
fn queue_facts(object: &Object) -> Result<Vec<(&'static str, u64)>> {
    let queue = Queue::open(&object.name, 0)?;
    let (attributes, statistics) = (queue.attributes()?, queue.statistics()?);
    Ok(vec![
        ("message size", attributes.message_size as u64),
        ("waiting senders", statistics.waiting_senders as u64),
        ("waiting receivers", statistics.waiting_receivers as u64),
        ("dropped", statistics.dropped),
        ("redelivered", statistics.redelivered),
        ("abandoned", statistics.abandoned),
        ("repairs", statistics.repairs),
    ])
}

/// The bytes of an object with a value, if the caller may read it.
fn value_of(object: &Object) -> Option<Vec<u8>> {
    match object.raw.kind {
        library::KIND_SHM => Some(
            library::Region::open(object, library::READ_ONLY)
                .ok()?
                .snapshot(),
        ),
        library::KIND_CELL => Some(
            library::Cell::open(object, library::READ_ONLY)
                .ok()?
                .read()
                .ok()?
                .0,
        ),
        _ => None,
    }
}

/// `ripc show`
pub(super) fn show(name: &str, json: bool) -> Result<()> {
    let object = find(name, ALL_KINDS)?;
    let facts = match object.raw.kind {
        library::KIND_MQ => queue_facts(&object).unwrap_or_default(),
        _ => Vec::new(),
    };
    let value = value_of(&object);
    let fields = values::fields_of(object.declared.as_ref(), object.raw.size as usize);
    if json {
        let mut shown = as_json(&object);
        shown["statistics"] = facts
            .iter()
            .map(|(name, number)| (name.replace(' ', "_"), json!(number)))
            .collect();
        shown["value"] = value.map_or(Value::Null, |value| values::as_json(&fields, &value));
        shown["processes"] = object
            .users
            .iter()
            .map(|pid| json!({ "pid": pid, "command": process_name(*pid) }))
            .collect();
        output::json(&shown);
        return Ok(());
    }
    let mut lines = vec![
        ("name", shown_name(&object)),
        ("kind", kind_name(object.raw.kind).into()),
        ("size", format!("{} bytes", object.raw.size)),
        (
            "owner",
            format!(
                "{}, mode {:04o}",
                user_name(object.raw.owner),
                object.raw.mode
            ),
        ),
    ];
    if !fill(&object).is_empty() {
        lines.push(("in it", fill(&object)));
    }
    if !type_of(&object).is_empty() {
        lines.push(("type", type_of(&object)));
    }
    lines.extend(
        facts
            .iter()
            .map(|(name, number)| (*name, number.to_string())),
    );
    for (name, text) in lines {
        output::line(&format!("{name:<18} {text}"));
    }
    for pid in &object.users {
        output::line(&format!("{:<18} {pid} {}", "process", process_name(*pid)));
    }
    if let Some(value) = value {
        output::line("");
        output::table(&values::HEADERS, values::rows(&fields, &value));
    }
    Ok(())
}
