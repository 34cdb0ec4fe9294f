//! `ripc rm` and `ripc gc`.

use super::{ALL_KINDS, find, kind_name, number_of};
use crate::cli::{Collect, Remove};
use crate::library::{self, Error, Object, Result};
use crate::output;
use serde_json::json;
use std::io::{BufRead, Write};

/// `ripc rm`
pub(super) fn remove(remove: &Remove) -> Result<()> {
    let kinds = remove.kind.map_or(ALL_KINDS, number_of);
    for name in &remove.names {
        let by_id =
            kinds & (library::KIND_SYSV_SHM | library::KIND_SYSV_MSG | library::KIND_SYSV_SEM);
        match (remove.kind, name.parse()) {
            (Some(_), Ok(id)) if by_id != 0 => library::remove(kinds, "", id)?,
            _ => {
                let object = find(name, kinds)?;
                library::remove(object.raw.kind, &object.name, object.raw.id)?;
            }
        }
    }
    Ok(())
}

/// Whether nobody has it open, as far as that is known. What is not known is left alone, and so are objects that this library
/// did not make.
fn is_unused(object: &Object) -> bool {
    object.users.is_empty() && object.raw.users_complete != 0 && object.raw.record == 1
}

fn confirm(object: &Object) -> Result<bool> {
    print!(
        "remove {} {}? [y/N] ",
        kind_name(object.raw.kind),
        object.name
    );
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// `ripc gc`
pub(super) fn collect(collect: &Collect, json: bool) -> Result<()> {
    if json && !collect.yes {
        return Err(Error::new(
            libc::EINVAL,
            "gc --json asks no questions: add --yes",
        ));
    }
    let (objects, _) = library::objects(ALL_KINDS)?;
    let mut removed = Vec::new();
    for object in objects.iter().filter(|object| is_unused(object)) {
        if !collect.yes && !confirm(object)? {
            continue;
        }
        // A process may have opened it since. Whoever has an object open keeps it, so nothing is lost for that process.
        match library::remove(object.raw.kind, &object.name, object.raw.id) {
            Ok(()) => removed.push(&object.name),
            Err(error) if error.errno == libc::ENOENT => {}
            Err(error) => eprintln!("ripc: {error}"),
        }
    }
    match json {
        true => output::json(&json!({ "removed": removed })),
        false => removed
            .iter()
            .for_each(|name| output::line(&format!("removed {name}"))),
    }
    Ok(())
}
