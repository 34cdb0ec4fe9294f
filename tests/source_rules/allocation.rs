//! Rule: no call aborts because the allocator refuses memory. std's collections do, so only src/base/alloc.rs, where each
//! allocation can fail, may use them.

use crate::source::*;

/// Types and macros whose use allocates, or leads to it.
const NAMES: [&str; 19] = [
    "Arc",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "CString",
    "Cow",
    "HashMap",
    "HashSet",
    "OsString",
    "PathBuf",
    "Rc",
    "String",
    "ToOwned",
    "ToString",
    "Vec",
    "VecDeque",
    "eprintln",
    "format",
    "println",
];

/// Functions that allocate, as methods and as paths.
const METHODS: [&str; 13] = [
    "collect",
    "concat",
    "into_boxed_c_str",
    "into_boxed_slice",
    "into_owned",
    "to_lowercase",
    "to_owned",
    "to_string",
    "to_uppercase",
    "to_vec",
    "to_string_lossy",
    "repeat",
    "into_string",
];

/// (file, name, why it is no danger there)
const EXEMPT: [(&str, &str, &str); 4] = [
    (
        "src/ffi/guard.rs",
        "String",
        "the text of a panic that std has allocated",
    ),
    (
        "src/ffi/guard.rs",
        "Box::new",
        "a function takes no memory in its box",
    ),
    ("src/ffi/text.rs", "concat", "a macro of the compiler"),
    (
        "src/ipc/spawn/exchange.rs",
        "collect",
        "a function of that file, which fills a caller's buffer",
    ),
];

fn memory_may_be_refused(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    // (Fuzzing is a program of its own.)
    if source.path == "src/base/alloc.rs" || source.path.ends_with("fuzz.rs") {
        return complaints;
    }
    each_level(&source.tokens(true), &mut |tokens| {
        for at in 0..tokens.len() {
            let Some(name) = ident(tokens.get(at)) else {
                continue;
            };
            let is_function = || {
                let is_called_on = at > 0 && is_punct(tokens.get(at - 1), '.');
                let is_in_path = at > 1 && is_path_separator(tokens, at - 2);
                let is_macro = is_punct(tokens.get(at + 1), '!');
                is_called_on || is_in_path || is_macro
            };
            let makes_box = name == "Box"
                && is_path_separator(tokens, at + 1)
                && ["new", "from", "pin", "default"]
                    .iter()
                    .any(|function| is_ident(tokens.get(at + 3), function));
            let found = if makes_box {
                format!("Box::{}", ident(tokens.get(at + 3)).unwrap_or_default())
            } else if NAMES.contains(&name.as_str())
                || name == "vec" && is_punct(tokens.get(at + 1), '!')
                || METHODS.contains(&name.as_str()) && is_function()
            {
                name
            } else {
                continue;
            };
            let is_exempt =
                |(path, name, _): &(&str, &str, &str)| *path == source.path && *name == found;
            if !EXEMPT.iter().any(is_exempt) {
                let line = tokens[at].span().start().line;
                complaints.push(source.complaint(
                    line,
                    format!("{found} may abort for want of memory: see src/base/alloc.rs"),
                ));
            }
        }
    });
    complaints
}

#[test]
fn no_allocation_aborts() {
    hold_all_to(memory_may_be_refused);
}

#[test]
fn an_allocation_that_aborts_is_refused() {
    for text in [
        "fn f() -> Vec<u8> { g() }",
        "fn f() { let a = vec![1]; }",
        "fn f() { g(Box::new(1)) }",
        "fn f() { a.iter().collect::<()>() }",
        "fn f() { fail!(EIO, \"{}\", a.to_string()) }",
        "use std::sync::Arc;",
        "fn f() { let a = format!(\"{b}\"); }",
        "fn f(a: &CStr) { g(a.to_owned()) }",
    ] {
        assert_refused(
            memory_may_be_refused,
            "src/shm.rs",
            text,
            "for want of memory",
        );
    }
    for text in [
        "fn f(a: Box<u8>) { drop(a) }",
        "fn f() { try_box(1)?; }",
        "fn f() { collect(1) }",
        "#[cfg(test)] mod tests { fn f() { vec![1]; } }",
    ] {
        assert_accepted(memory_may_be_refused, "src/shm.rs", text);
    }
}
