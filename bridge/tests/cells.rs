//! Cells between bridges.

mod support;

use support::library::{Cell, Type};
use support::{World, until};

fn value_type() -> Type {
    Type {
        name: "Value".into(),
        version: 1,
        size: 8,
        alignment: 8,
        fields: Vec::new(),
    }
}

const BOTH: &str = "[[leave]]\ncell = \"/*\"\n[[arrive]]\ncell = \"/*\"\n";

fn until_value(cell: &Cell, value: u64) {
    until("value", || {
        (cell.read().ok()?.0 == value.to_ne_bytes()).then_some(())
    });
}

#[test]
fn the_latest_value_arrives_also_at_a_bridge_that_comes_later() {
    let world = World::new();
    let here = Cell::open(&world.name("a", "state"), &value_type(), Some(0o600)).unwrap();
    here.write(&7_u64.to_ne_bytes()).unwrap();
    let a = world.start("a", "a", "[[leave]]\ncell = \"/*\"\n");
    let _b = world.start("b", "b", "[[arrive]]\ncell = \"/*\"\n");
    let name = world.name("b", "state");
    let there = until("cell", || Cell::open(&name, &value_type(), None).ok());
    until_value(&there, 7);
    for value in 8_u64..30 {
        here.write(&value.to_ne_bytes()).unwrap();
        until_value(&there, value);
    }
    assert_eq!(a.count("/state", "refused"), 0);
}

#[test]
fn all_machines_end_with_the_same_value() {
    let world = World::new();
    let cells: Vec<Cell> = ["a", "b", "c"]
        .iter()
        .map(|side| Cell::open(&world.name(side, "state"), &value_type(), Some(0o600)).unwrap())
        .collect();
    let a = world.start("a", "a", BOTH);
    let b = world.start("b", "b", BOTH);
    // "c" reaches "b" through "a", which passes on what they send to each other only if it is a router. Here it knows "a" alone.
    let c = world.start("c", "c", BOTH);
    a.wait_for_takers("/state", 2);
    // Both write at once, again and again. "b" and "c" are not connected, so only "a" and "b" are compared.
    for round in 0_u64..50 {
        cells[0].write(&(round * 2).to_ne_bytes()).unwrap();
        cells[1].write(&(round * 2 + 1).to_ne_bytes()).unwrap();
    }
    until("same value", || {
        let values: Vec<_> = cells[..2].iter().map(|cell| cell.read().ok()).collect();
        (values[0].as_ref()?.0 == values[1].as_ref()?.0).then_some(())
    });
    // All see the value that was written last, and nothing comes back.
    cells[0].write(&1_000_u64.to_ne_bytes()).unwrap();
    for cell in &cells {
        until_value(cell, 1_000);
    }
    let number = cells[0].read().unwrap().1.number;
    cells[1].write(&1_001_u64.to_ne_bytes()).unwrap();
    until_value(&cells[0], 1_001);
    assert_eq!(cells[0].read().unwrap().1.number, number + 1);
    drop((b, c));
}

#[test]
fn a_killed_bridge_brings_no_old_value_back() {
    let world = World::new();
    let here = Cell::open(&world.name("a", "state"), &value_type(), Some(0o600)).unwrap();
    let there = Cell::open(&world.name("b", "state"), &value_type(), Some(0o600)).unwrap();
    let a = world.start("a", "a", BOTH);
    let b = world.start("b", "b", BOTH);
    a.wait_for_takers("/state", 1);
    here.write(&1_u64.to_ne_bytes()).unwrap();
    until_value(&there, 1);
    a.kill();
    there.write(&2_u64.to_ne_bytes()).unwrap();
    let _a = world.run("a");
    until_value(&here, 2);
    b.kill();
    here.write(&3_u64.to_ne_bytes()).unwrap();
    let _b = world.run("b");
    until_value(&there, 3);
    until_value(&here, 3);
}

#[test]
fn the_rate_limit_keeps_the_last_value() {
    let world = World::new();
    let here = Cell::open(&world.name("a", "state"), &value_type(), Some(0o600)).unwrap();
    let a = world.start("a", "a", "[[leave]]\ncell = \"/*\"\nrate = 4.0\n");
    let b = world.start("b", "b", "[[arrive]]\ncell = \"/*\"\n");
    a.wait_for_takers("/state", 1);
    let name = world.name("b", "state");
    let there = until("cell", || Cell::open(&name, &value_type(), None).ok());
    for value in 0_u64..1_000 {
        here.write(&value.to_ne_bytes()).unwrap();
    }
    until_value(&there, 999);
    until("count", || (b.count("/state", "in") > 0).then_some(()));
    assert!(b.count("/state", "in") < 50);
}
