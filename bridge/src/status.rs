//! The state of the bridge, which it shows in a cell as JSON.

use crate::config::Config;
use crate::kind::ObjectId;
use crate::library::{Cell, Field, Type, remove};
use crate::log;
use crate::route::{Context, Route};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const SIZE: usize = 1 << 16;
/// The text's length stands before it.
const HEADER: usize = 4;
const CELL: i32 = 0x400;
/// The cell is written this often at most.
const PERIOD: Duration = Duration::from_secs(1);

fn cell_type() -> Type {
    let field = |name: &str, offset, size| Field {
        name: name.into(),
        offset,
        size,
    };
    Type {
        name: "robustipc_bridge_status".into(),
        version: 1,
        size: SIZE,
        alignment: 4,
        fields: vec![
            field("length", 0, HEADER),
            field("json", HEADER, SIZE - HEADER),
        ],
    }
}

/// The cell.
pub(crate) struct Status {
    name: String,
    cell: Option<Cell>,
    written: Instant,
    has_changed: bool,
}

impl Status {
    pub(crate) fn new(config: &Config) -> Status {
        let cell = Cell::open(&config.status, &cell_type(), Some(0o644))
            .inspect_err(|error| log!("the state is not shown: {error}"))
            .ok();
        Status {
            name: config.status.clone(),
            cell,
            written: Instant::now(),
            has_changed: false,
        }
    }

    /// Notes that something has happened, so the cell is written soon.
    pub(crate) fn note_change(&mut self) {
        self.has_changed = true;
    }

    /// Writes the cell if it is due, and says when it will be.
    pub(crate) fn timer(
        &mut self,
        cx: &Context,
        routes: &BTreeMap<ObjectId, Box<dyn Route>>,
        peers: &[String],
        now: Instant,
    ) -> Option<Instant> {
        if !self.has_changed {
            return None;
        }
        let due = self.written + PERIOD;
        if due > now {
            return Some(due);
        }
        self.write(cx, routes, peers);
        None
    }

    pub(crate) fn write(
        &mut self,
        cx: &Context,
        routes: &BTreeMap<ObjectId, Box<dyn Route>>,
        peers: &[String],
    ) {
        (self.written, self.has_changed) = (Instant::now(), false);
        let Some(cell) = &self.cell else {
            return;
        };
        let mut objects: Vec<Value> = routes.values().map(|route| described(&**route)).collect();
        let mut text = document(cx, peers, &objects).to_string();
        while text.len() > SIZE - HEADER && !objects.is_empty() {
            objects.truncate(objects.len() / 2);
            text = document(cx, peers, &objects).to_string();
        }
        let mut value = vec![0; SIZE];
        let length = text.len().min(SIZE - HEADER);
        value[..HEADER].copy_from_slice(&(length as u32).to_ne_bytes());
        value[HEADER..HEADER + length].copy_from_slice(&text.as_bytes()[..length]);
        if let Err(error) = cell.write(&value) {
            log!("the state is not shown: {error}");
        }
    }

    /// Removes the cell.
    pub(crate) fn remove(&mut self) {
        if self.cell.take().is_some() {
            let _ = remove(CELL, &self.name);
        }
    }
}

fn described(route: &dyn Route) -> Value {
    let common = route.common();
    let mut value = serde_json::to_value(&common.counts).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.insert("kind".into(), common.object.kind.name().into());
        map.insert("name".into(), common.object.name.clone().into());
        map.insert("local".into(), common.local.clone().into());
        map.insert("leaves".into(), route.offer().is_some().into());
    }
    value
}

fn document(cx: &Context, peers: &[String], objects: &[Value]) -> Value {
    json!({
        "bridge": cx.network.me,
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "peers": peers,
        "memory": {
            "limit_each_way": cx.config.memory,
            "waiting_to_send": cx.network.bytes_waiting(),
            "resident": resident(),
        },
        "objects": objects,
    })
}

/// The process's resident memory in bytes.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Shows what a running bridge has written.
pub(crate) fn show(name: &str, as_json: bool) -> Result<(), String> {
    let cell = Cell::open_to_read(name, &cell_type()).map_err(|error| match error.errno {
        libc::ENOENT => format!("no bridge shows its state in {name}"),
        _ => error.text,
    })?;
    let (value, _) = cell.read().map_err(|error| error.text)?;
    let length = u32::from_ne_bytes([value[0], value[1], value[2], value[3]]) as usize;
    let text = value.get(HEADER..HEADER + length).unwrap_or_default();
    let state: Value = serde_json::from_slice(text).map_err(|error| format!("{name}: {error}"))?;
    let pid = state["pid"].as_i64().unwrap_or_default();
    // SAFETY: the call takes no pointer; signal 0 only asks.
    let is_gone = unsafe { libc::kill(pid as i32, 0) } != 0
        && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
    if is_gone {
        return Err(format!(
            "the bridge with process id {pid} was killed; {name} shows its last state"
        ));
    }
    if as_json {
        println!("{state}");
        return Ok(());
    }
    print_state(&state);
    Ok(())
}

fn print_state(state: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    println!(
        "bridge {} (process {})",
        text(&state["bridge"]),
        state["pid"]
    );
    let memory = &state["memory"];
    println!(
        "memory {} bytes resident; {} bytes wait to be sent; limit {} bytes each way",
        memory["resident"], memory["waiting_to_send"], memory["limit_each_way"]
    );
    for peer in state["peers"].as_array().into_iter().flatten() {
        println!("connected with {}", text(peer));
    }
    const COLUMNS: [&str; 9] = [
        "takers",
        "out",
        "in",
        "dropped",
        "missed",
        "limited",
        "duplicates",
        "waiting",
        "reconnects",
    ];
    print!("{:<8} {:<24}", "KIND", "NAME");
    for column in COLUMNS {
        print!(" {:>10}", column.to_uppercase());
    }
    println!();
    for object in state["objects"].as_array().into_iter().flatten() {
        print!("{:<8} {:<24}", text(&object["kind"]), text(&object["name"]));
        for column in COLUMNS {
            print!(" {:>10}", object[column].to_string());
        }
        println!();
        if let Some(reason) = object["refused"].as_str() {
            println!("         {reason}");
        }
    }
}
