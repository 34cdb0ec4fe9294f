//! Prints results: as tables for people, or as JSON for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;
use std::io::Write;

/// Prints a table without lines around it. Columns whose header begins with '>' are aligned to the right.
pub(crate) fn table(headers: &[&str], rows: Vec<Vec<String>>) {
    print!("{}", table_text(headers, rows));
}

pub(crate) fn table_text(headers: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(headers.iter().map(|header| header.trim_start_matches('>')));
    for row in rows {
        table.add_row(row);
    }
    for (index, header) in headers.iter().enumerate() {
        let Some(column) = table.column_mut(index) else {
            continue;
        };
        column.set_padding((0, 2));
        if header.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

/// Prints a JSON value on one line, at once.
pub(crate) fn json(value: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}");
    let _ = out.flush();
}

/// Prints a line, at once.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
