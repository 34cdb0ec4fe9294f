//! Rule: imports go one way.

use crate::source::*;
use proc_macro2::TokenTree;

/// A module's layer is its first folder. A layer imports itself and the layers after it.
const LAYERS: [&str; 6] = ["ffi", "ipc", "sync", "object", "sys", "base"];

fn imports_go_down(source: &Source) -> Complaints {
    let module = source.module();
    let rank = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let Some(own) = module.first() else {
        return Vec::new(); // lib.rs declares all layers
    };
    let Some(own_rank) = rank(own) else {
        return vec![source.complaint(1, format!("`{own}` is none of the layers {LAYERS:?}"))];
    };
    let mut complaints = Vec::new();
    each_level(&source.tokens(true), &mut |tokens| {
        for at in 0..tokens.len() {
            let line = tokens[at].span().start().line;
            let is_path = is_path_separator(tokens, at + 1);
            if is_ident(tokens.get(at), "crate") && is_path {
                for name in path_heads(&tokens[at + 3..]) {
                    if rank(&name).is_some_and(|rank| rank < own_rank) {
                        complaints.push(source.complaint(
                            line,
                            format!("imports `{name}` into `{own}`: imports go down only"),
                        ));
                    }
                }
            }
            // `super::super::...` out of the layer would hide from the check above.
            let supers = tokens[at..]
                .chunks(3)
                .take_while(|step| is_ident(step.first(), "super") && is_path_separator(step, 1));
            if supers.count() >= module.len() {
                complaints.push(source.complaint(line, "leaves its layer: write `crate::`"));
            }
        }
    });
    complaints
}

/// The first names of a path, of which a group `{a, b::c}` has several.
fn path_heads(tokens: &[TokenTree]) -> Vec<String> {
    if let Some(name) = ident(tokens.first()) {
        return vec![name];
    }
    let inner = group(tokens.first()).unwrap_or_default();
    let parts = inner.split(|token| is_punct(Some(token), ','));
    parts.flat_map(path_heads).collect()
}

#[test]
fn imports_go_one_way() {
    hold_all_to(imports_go_down);
}

#[test]
fn an_import_from_above_is_refused() {
    for (path, text, part) in [
        ("src/sys/file.rs", "use crate::ffi::guard;", "`ffi`"),
        (
            "src/sys/file.rs",
            "use crate::{base, object::map::Mapping};",
            "`object`",
        ),
        (
            "src/sync/mutex.rs",
            "fn f() { crate::ipc::shm::open() }",
            "`ipc`",
        ),
        (
            "src/sync/mutex.rs",
            "fn f() { g!(super::super::ffi::X) }",
            "leaves",
        ),
        ("src/ipc/mod.rs", "use super::ffi;", "leaves"),
        ("src/object/layout/record.rs", "use crate::sync;", "`sync`"),
        ("src/base/error.rs", "use crate::sys;", "`sys`"),
        ("src/extra/mod.rs", "", "none of the layers"),
    ] {
        assert_refused(imports_go_down, path, text, part);
    }
}

#[test]
fn imports_from_the_same_layer_and_below_are_accepted() {
    for (path, text) in [
        ("src/ffi/new.rs", "use super::*; use crate::ipc::new::New;"),
        (
            "src/ipc/new.rs",
            "use crate::{base::error::{Result, fail}, ipc::shm, sys::file};",
        ),
        (
            "src/ipc/mq/shared/send_calls.rs",
            "use super::super::notify;",
        ),
        (
            "src/sys/robust.rs",
            "use super::process; use crate::base::time::Deadline;",
        ),
        (
            "src/base/name.rs",
            "use crate::base::error::Result; pub(crate) struct Name;",
        ),
        (
            "src/object/map.rs",
            "#[cfg(test)] mod tests { use crate::ffi; }",
        ),
        ("src/lib.rs", "mod base; pub mod ffi;"),
    ] {
        assert_accepted(imports_go_down, path, text);
    }
}
