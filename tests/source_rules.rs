//! Reads the project's own source and fails if a rule is broken that neither a compiler nor a lint knows.
//! (The rules that lints know are in Cargo.toml and clippy.toml.)
//!
//! Each rule is a function from one file's text to the complaints about that file. The first test of a rule
//! applies it to every file. The other tests feed it bad source text, to show that the rule can fail. Most
//! rules walk the file's tokens, and so also see the inside of macros, where a parser stops.

#[path = "source_rules/allocation.rs"]
mod allocation;
#[path = "source_rules/descriptors.rs"]
mod descriptors;
#[path = "source_rules/exports.rs"]
mod exports;
#[path = "source_rules/imports.rs"]
mod imports;
#[path = "source_rules/manual.rs"]
mod manual;
#[path = "source_rules/sleeps.rs"]
mod sleeps;
#[path = "source_rules/source.rs"]
mod source;
#[path = "source_rules/system_calls.rs"]
mod system_calls;
#[path = "source_rules/timeouts.rs"]
mod timeouts;

use source::*;
use std::path::Path;

// Rule: Rust 1.85 can compile the source. Clippy knows the version of each function of std, but not
// the version of each feature of the language.

fn rust_1_85_understands(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    each_level(&source.tokens(false), &mut |tokens| {
        for (at, token) in tokens.iter().enumerate() {
            let is_and = at >= 2 && (1..=2).all(|back| is_punct(tokens.get(at - back), '&'));
            if is_and && is_ident(Some(token), "let") {
                complaints.push(source.complaint(token.span().start().line, "`&& let` needs 1.88"));
            }
            let is_kept = is_punct(at.checked_sub(1).and_then(|at| tokens.get(at)), '=');
            if is_kept && is_ident(Some(token), "format_args") {
                let line = token.span().start().line;
                complaints.push(source.complaint(line, "a variable of format_args!() needs 1.89"));
            }
        }
    });
    complaints
}

#[test]
fn the_oldest_promised_compiler_understands_it() {
    let complaints: Complaints = crates()
        .iter()
        .flat_map(|package| sources_of(package))
        .flat_map(|source| rust_1_85_understands(&source))
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn chains_of_let_are_refused() {
    let text = "fn f() { if a && let Some(b) = c { g(b) } }";
    assert_refused(rust_1_85_understands, "src/shm.rs", text, "1.88");
    let text = "fn f() { if let Some(b) = c { g(a && b) } }";
    assert_accepted(rust_1_85_understands, "src/shm.rs", text);
}

#[test]
fn a_variable_of_format_args_is_refused() {
    let text = "fn f() { let shown = format_args!(\"{a}\"); g(&shown) }";
    assert_refused(rust_1_85_understands, "src/shm.rs", text, "1.89");
    let text = "fn f() { g(&format_args!(\"{a}\")) }";
    assert_accepted(rust_1_85_understands, "src/shm.rs", text);
}

// Rule: every crate has the same lints.

/// The `[lints...]` tables of a Cargo.toml, without comments and empty lines.
fn lints(manifest: &str) -> Vec<&str> {
    let mut is_lint = false;
    let keep = |line: &&str| {
        if line.starts_with('[') {
            is_lint = line.starts_with("[lints");
        }
        is_lint && !line.is_empty() && !line.starts_with('#')
    };
    manifest.lines().filter(keep).collect()
}

#[test]
fn every_crate_has_the_same_lints() {
    let read = |package: &Path| {
        std::fs::read_to_string(package.join("Cargo.toml")).expect("a Cargo.toml can be read")
    };
    let ours = read(&root());
    assert!(
        lints(&ours).len() > 10,
        "the lints of Cargo.toml were not found"
    );
    for package in crates() {
        let theirs = read(&package);
        assert_eq!(
            lints(&ours),
            lints(&theirs),
            "{}: its lints are not those of ./Cargo.toml",
            package.display()
        );
    }
}

// Rule: the committed header is up to date.

/// Users build with the committed header, so it must be the one that this source generates.
#[test]
#[cfg(feature = "header")]
fn the_committed_header_is_the_generated_one() {
    let read = |path: &Path| std::fs::read_to_string(path).expect("a header can be read");
    let committed = read(&root().join("include/robustipc.h"));
    let generated = read(Path::new(env!("ROBUSTIPC_HEADER")));
    let at = committed
        .lines()
        .zip(generated.lines())
        .position(|(a, b)| a != b);
    assert!(
        committed == generated,
        "include/robustipc.h is stale (line {}): run `make header` and commit it",
        at.map_or(
            committed.lines().count().min(generated.lines().count()),
            |at| at
        ) + 1
    );
}
