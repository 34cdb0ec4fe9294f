//! `ripc top`: the objects with what has changed between two looks. It reads the files of the objects and opens none of them, so
//! looking costs the other processes nothing.

use super::list::{as_json, fill, shown_name, users};
use super::{ALL_KINDS, kind_name};
use crate::cli::Top;
use crate::library::{self, Object, Result};
use crate::output;
use serde_json::json;
use std::time::{Duration, Instant};

/// `ripc top`
pub(super) fn top(top: &Top, json: bool) -> Result<()> {
    let interval = Duration::from_nanos(top.interval.unsigned_abs());
    // SAFETY: isatty only asks about a descriptor.
    let is_terminal = unsafe { libc::isatty(1) } == 1;
    let mut looks = 0;
    let mut next = Instant::now();
    loop {
        let (objects, _) = library::objects(ALL_KINDS)?;
        match json {
            true => {
                output::json(&json!({ "objects": objects.iter().map(as_json).collect::<Vec<_>>() }))
            }
            false => print(&objects, is_terminal),
        }
        looks += 1;
        if top.count.is_some_and(|count| looks >= count) {
            return Ok(());
        }
        next += interval;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn print(objects: &[Object], is_terminal: bool) {
    let mut objects: Vec<&Object> = objects.iter().collect();
    // The fullest and the most used first.
    let weight = |object: &Object| (object.raw.count, object.users.len());
    objects.sort_by_key(|object| std::cmp::Reverse(weight(object)));
    let row = |object: &&Object| {
        vec![
            shown_name(object),
            kind_name(object.raw.kind).into(),
            fill(object),
            users(object),
            object.raw.size.to_string(),
        ]
    };
    let rows: Vec<_> = objects.iter().map(row).collect();
    let text = output::table_text(&["NAME", "KIND", ">IN IT", ">USERS", ">SIZE"], rows);
    // The cursor goes home and what was there is erased: the screen does not flicker.
    let home = if is_terminal { "\x1b[H\x1b[J" } else { "" };
    output::line(&format!("{home}{text}"));
}
