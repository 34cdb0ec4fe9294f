//! Keeps the house in order: reads the crate's own source and fails when a rule is broken that
//! no compiler knows.
//!
//! Each rule is a function from one file's text to the complaints about it. The first test of a
//! rule runs it over every file in src/, whatever files there are; the others feed it bad source
//! text, to show that it can fail. Most rules walk the file's tokens, and so see inside macros
//! too, where a parser stops.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::path::{Path, PathBuf};

/// One file of the crate.
struct Source {
    /// Relative to the root: src/sync/mutex.rs.
    path: String,
    text: String,
}

/// What is wrong, and where.
type Complaints = Vec<String>;

impl Source {
    fn new(path: &str, text: &str) -> Source {
        Source {
            path: path.to_string(),
            text: text.to_string(),
        }
    }

    /// The file's tokens; without test code if `shipped`.
    fn tokens(&self, shipped: bool) -> Vec<TokenTree> {
        if shipped && self.path.contains("/tests/") {
            return Vec::new();
        }
        let stream: TokenStream = self
            .text
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", self.path));
        flatten(stream, shipped)
    }

    /// The module that the file is: ["sync", "mutex"]; nothing for the crate's root.
    fn module(&self) -> Vec<String> {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inside
            .split('/')
            .filter(|part| *part != "mod" && *part != "lib")
            .map(str::to_string)
            .collect()
    }

    fn is_under(&self, directory: &str) -> bool {
        self.path.starts_with(directory)
    }

    fn complaint(&self, line: usize, text: impl std::fmt::Display) -> String {
        format!("{}:{line}: {text}", self.path)
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under src/.
fn sources() -> Vec<Source> {
    fn collect(directory: &Path, found: &mut Vec<Source>) {
        for entry in std::fs::read_dir(directory).expect("src/ can be read") {
            let path = entry.expect("src/ can be read").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root()).expect("src/ is in the root");
                let text = std::fs::read_to_string(&path).expect("a source file can be read");
                found.push(Source::new(&relative.to_string_lossy(), &text));
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join("src"), &mut found);
    assert!(found.len() > 10, "src/ was not found");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Fails with all complaints of `rule`, over all files.
fn hold_all_to(rule: impl Fn(&Source) -> Complaints) {
    let complaints: Complaints = sources().iter().flat_map(rule).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// What `rule` says of a file with this text.
#[track_caller]
fn assert_refused(rule: impl Fn(&Source) -> Complaints, path: &str, text: &str, part: &str) {
    let complaints = rule(&Source::new(path, text));
    assert!(
        complaints.iter().any(|complaint| complaint.contains(part)),
        "expected a complaint with {part:?}, found {complaints:?}"
    );
}

#[track_caller]
fn assert_accepted(rule: impl Fn(&Source) -> Complaints, path: &str, text: &str) {
    let complaints = rule(&Source::new(path, text));
    assert!(complaints.is_empty(), "{complaints:?}");
}

// Tokens.

fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if *ident == name)
}

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn is_group(token: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}

fn group(token: Option<&TokenTree>) -> Option<Vec<TokenTree>> {
    match token {
        Some(TokenTree::Group(group)) => Some(group.stream().into_iter().collect()),
        _ => None,
    }
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string().trim_start_matches("r#").into()),
        _ => None,
    }
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

/// The tokens of one level, groups unopened. If `shipped`, what stands under `#[cfg(test)]` is
/// left out, at this level: modules of tests stand at the outermost.
fn flatten(stream: TokenStream, shipped: bool) -> Vec<TokenTree> {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_test = is_punct(tokens.get(at), '#')
            && tokens[at + 1..]
                .first()
                .is_some_and(|attribute| attribute.to_string().replace(' ', "") == "[cfg(test)]");
        if shipped && is_test {
            // The item ends with its first block or semicolon.
            while at < tokens.len()
                && !is_punct(tokens.get(at), ';')
                && !is_group(tokens.get(at), Delimiter::Brace)
            {
                at += 1;
            }
        } else {
            kept.push(tokens[at].clone());
        }
        at += 1;
    }
    kept
}

/// Calls `visit` for every level of the token tree, the outermost first.
fn each_level(tokens: &[TokenTree], visit: &mut dyn FnMut(&[TokenTree])) {
    visit(tokens);
    for token in tokens {
        if let Some(inner) = group(Some(token)) {
            each_level(&inner, visit);
        }
    }
}

// Rule: imports go one way.

/// How high a module of the crate's root stands. What has no place of its own is a mechanism, so
/// that a new one need not be listed.
fn layer(module: &str) -> (u32, &'static str) {
    match module {
        "base" => (0, "base"),
        "sys" => (1, "sys"),
        "object" => (2, "object"),
        "sync" => (3, "sync"),
        "ffi" => (5, "ffi"),
        _ => (4, "the mechanisms"),
    }
}

/// A module imports from its own layer and those below, never from above. `base` imports from no
/// other layer.
fn imports_go_down(source: &Source) -> Complaints {
    let module = source.module();
    let Some(own) = module.first() else {
        return Vec::new(); // the root, which declares all
    };
    let mut complaints = Vec::new();
    let mut targets = Vec::new();
    find_paths(&source.tokens(true), &module, &mut targets);
    for (target, line) in targets {
        let ((own_rank, own_layer), (rank, layer)) = (layer(own), layer(&target));
        if rank > own_rank {
            complaints.push(source.complaint(
                line,
                format!(
                    "imports `{target}` ({layer}) into `{own}` ({own_layer}): imports go down only"
                ),
            ));
        }
    }
    complaints
}

/// The modules of the root that `crate::` and `super::` paths lead to.
fn find_paths(tokens: &[TokenTree], module: &[String], found: &mut Vec<(String, usize)>) {
    let mut at = 0;
    while at < tokens.len() {
        let line = tokens[at].span().start().line;
        if is_ident(tokens.get(at), "mod") && is_group(tokens.get(at + 2), Delimiter::Brace) {
            let mut inner = module.to_vec();
            inner.extend(ident(tokens.get(at + 1)));
            let body = group(tokens.get(at + 2)).unwrap_or_default();
            find_paths(&body, &inner, found);
            at += 3;
            continue;
        }
        let is_start = is_ident(tokens.get(at), "crate") || is_ident(tokens.get(at), "super");
        if is_start && is_path_separator(tokens, at + 1) {
            let mut base = module.to_vec();
            while is_ident(tokens.get(at), "super") && is_path_separator(tokens, at + 1) {
                base.pop();
                at += 3;
            }
            if is_ident(tokens.get(at), "crate") {
                base.clear();
                at += 3;
            }
            match base.first() {
                Some(top) => found.push((top.clone(), line)),
                None => find_heads(&tokens[at..], line, found),
            }
        }
        if let Some(inner) = group(tokens.get(at)) {
            find_paths(&inner, module, found);
        }
        at += 1;
    }
}

/// The first names of a path, of which a group `{a, b::c}` has several.
fn find_heads(tokens: &[TokenTree], line: usize, found: &mut Vec<(String, usize)>) {
    if let Some(name) = ident(tokens.first()) {
        found.push((name, line));
    } else if let Some(inner) = group(tokens.first()) {
        for part in inner.split(|token| is_punct(Some(token), ',')) {
            find_heads(part, line, found);
        }
    }
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
            "`ffi`",
        ),
        ("src/ipc/anything_new.rs", "use super::super::ffi;", "`ffi`"),
        ("src/object/layout/record.rs", "use crate::sync;", "`sync`"),
        (
            "src/object/mod.rs",
            "mod inner { use super::super::sync::mutex; }",
            "`sync`",
        ),
        ("src/base/error.rs", "use crate::sys;", "`sys`"),
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
    ] {
        assert_accepted(imports_go_down, path, text);
    }
}

// Rule: what is unsafe says why it is not.

/// An unsafe block or impl stands under `// SAFETY:`, an unsafe function under `# Safety`.
/// Exports are excused for the function: what they ask of C is said once, in src/ffi/mod.rs.
fn unsafe_is_explained(source: &Source) -> Complaints {
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let mut complaints = Vec::new();
    find_unsafe(&source.tokens(false), &mut |tokens, at, statement| {
        let line = tokens[at].span().start().line;
        let next_is = |word| is_ident(tokens.get(at + 1), word);
        let is_extern_function = next_is("extern") && is_ident(tokens.get(at + 3), "fn");
        let comment = comment_above(&lines, line) + &comment_above(&lines, statement);
        let needed = if next_is("fn") || is_extern_function {
            let name = if is_extern_function { at + 4 } else { at + 2 };
            let is_type = ident(tokens.get(name)).is_none();
            let is_export = source.is_under("src/ffi/") && comment.contains("(no_mangle)");
            if is_type || is_export {
                return;
            }
            "# Safety"
        } else if is_group(tokens.get(at + 1), Delimiter::Brace)
            || next_is("impl")
            || next_is("extern")
        {
            "SAFETY:"
        } else {
            return;
        };
        if !comment.contains(needed) {
            complaints.push(source.complaint(line, format!("unsafe without `{needed}`")));
        }
    });
    complaints
}

/// Calls `visit` for every `unsafe`, with its level, its place, and the line where the statement
/// or item begins that it is in.
fn find_unsafe(tokens: &[TokenTree], visit: &mut dyn FnMut(&[TokenTree], usize, usize)) {
    fn walk(
        tokens: &[TokenTree],
        outer: Option<usize>,
        visit: &mut dyn FnMut(&[TokenTree], usize, usize),
    ) {
        let mut begin = outer;
        for (at, token) in tokens.iter().enumerate() {
            let statement = *begin.get_or_insert(token.span().start().line);
            if is_ident(Some(token), "unsafe") {
                visit(tokens, at, statement);
            }
            if let TokenTree::Group(inner) = token {
                let is_block = inner.delimiter() == Delimiter::Brace;
                let outer = if is_block { None } else { Some(statement) };
                let inside: Vec<TokenTree> = inner.stream().into_iter().collect();
                walk(&inside, outer, visit);
                // A block ends a statement, unless more of the same follows on it.
                if is_block && !is_continued(tokens.get(at + 1)) {
                    begin = None;
                }
            }
            if is_punct(Some(token), ';') || (is_punct(Some(token), ',') && outer.is_none()) {
                begin = None;
            }
        }
    }
    walk(tokens, None, visit);
}

fn is_continued(next: Option<&TokenTree>) -> bool {
    matches!(next, Some(TokenTree::Punct(punct)) if "?.;,)&|=+-<>".contains(punct.as_char()))
}

/// The comment, and the attributes, directly above a line.
fn comment_above(lines: &[&str], line: usize) -> String {
    let above = lines[..line - 1].iter().rev();
    above
        .take_while(|text| text.starts_with("//") || text.starts_with("#["))
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn everything_unsafe_is_explained() {
    hold_all_to(unsafe_is_explained);
}

#[test]
fn unsafe_without_a_reason_is_refused() {
    for text in [
        "fn f() { unsafe { g() } }",
        "fn f() {\n // SAFETY: of another statement.\n h();\n unsafe { g() }\n}",
        "fn f() {\n // SAFETY: of another.\n unsafe { g() };\n unsafe { h() }\n}",
        "fn f() {\n // SAFETY: of the closure's call.\n h(|| {\n unsafe { g() }\n })\n}",
        "// Why not.\nunsafe impl Sync for T {}",
        "/// Does it.\npub unsafe fn f() {}",
        "/// Does it.\npub unsafe extern \"C\" fn f() {}",
        "fn f() { g!(unsafe { h() }) }",
    ] {
        assert_refused(unsafe_is_explained, "src/sys/x.rs", text, "unsafe");
    }
    let export =
        "/// Does it.\n#[unsafe(no_mangle)]\npub unsafe extern \"C\" fn f() { unsafe { g() } }";
    assert_refused(unsafe_is_explained, "src/ffi/x.rs", export, "SAFETY:");
    assert_refused(unsafe_is_explained, "src/sys/x.rs", export, "# Safety");
}

#[test]
fn unsafe_with_a_reason_is_accepted() {
    for text in [
        "fn f() {\n // SAFETY: checked above,\n // and here.\n let x = unsafe { g() };\n}",
        "fn f() {\n // SAFETY: for both.\n let x = h(\n  unsafe { g() },\n  unsafe { g() },\n );\n}",
        "fn f() {\n // SAFETY: so.\n if x\n  && unsafe { g() }\n {\n }\n}",
        "fn f() { match x {\n // SAFETY: so.\n y => unsafe { g() },\n _ => 0 } }",
        "// SAFETY: so.\nunsafe impl Sync for T {}",
        "/// Does it.\n///\n/// # Safety\n///\n/// So.\n#[inline]\npub unsafe fn f() {}",
        "type F = unsafe extern \"C\" fn(x: u8);",
    ] {
        assert_accepted(unsafe_is_explained, "src/sys/x.rs", text);
    }
    let export = "/// Does it.\n#[unsafe(no_mangle)]\npub unsafe extern \"C\" fn f() {}";
    assert_accepted(unsafe_is_explained, "src/ffi/x.rs", export);
}

// Rule: exports have one form.

/// The functions that C can call, as far as a parser sees them.
fn exports(source: &Source) -> Vec<syn::ItemFn> {
    fn collect(items: Vec<syn::Item>, found: &mut Vec<syn::ItemFn>) {
        for item in items {
            match item {
                syn::Item::Fn(function) if function.attrs.iter().any(is_export_attribute) => {
                    found.push(function);
                }
                syn::Item::Mod(module) => {
                    collect(module.content.map_or(Vec::new(), |(_, items)| items), found);
                }
                _ => {}
            }
        }
    }
    let file =
        syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
    let mut found = Vec::new();
    collect(file.items, &mut found);
    found
}

const EXPORT_ATTRIBUTES: [&str; 2] = ["no_mangle", "export_name"];

fn is_export_attribute(attribute: &syn::Attribute) -> bool {
    let mut names = Vec::new();
    names.extend(attribute.path().get_ident().map(ToString::to_string));
    if let syn::Meta::List(list) = &attribute.meta {
        let inner: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
        names.extend(ident(inner.first()));
    }
    names
        .iter()
        .any(|name| EXPORT_ATTRIBUTES.contains(&name.as_str()))
}

/// The body of an export is one call of the guard, which is told the export's name.
fn exports_are_guarded(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    for function in exports(source) {
        let name = function.sig.ident.to_string();
        let line = function.sig.ident.span().start().line;
        let is_c = |abi: &syn::Abi| abi.name.as_ref().is_some_and(|name| name.value() == "C");
        if !function.sig.abi.as_ref().is_some_and(is_c) {
            complaints.push(source.complaint(line, format!("{name} is not extern \"C\"")));
        }
        if !name.starts_with("ipc_") {
            complaints.push(source.complaint(line, format!("{name} does not begin with ipc_")));
        }
        if !is_one_guarded_call(&function.block, &name) {
            complaints.push(source.complaint(
                line,
                format!("{name} is not exactly one call of guard(c\"{name}\", ...) or of its like"),
            ));
        }
    }
    complaints
}

fn is_one_guarded_call(block: &syn::Block, name: &str) -> bool {
    let [syn::Stmt::Expr(syn::Expr::Call(call), None)] = &block.stmts[..] else {
        return false;
    };
    let syn::Expr::Path(function) = &*call.func else {
        return false;
    };
    let is_guard = ["guard", "guard_fast", "guard_in_place"]
        .iter()
        .any(|guard| function.path.is_ident(guard));
    let Some(syn::Expr::Lit(literal)) = call.args.first() else {
        return false;
    };
    let syn::Lit::CStr(text) = &literal.lit else {
        return false;
    };
    is_guard && text.value().to_str() == Ok(name)
}

/// Only src/ffi exports, and nothing does it where the other rules do not see it.
fn exports_stand_in_ffi(source: &Source) -> Complaints {
    let mut lines = Vec::new();
    each_level(&source.tokens(false), &mut |tokens| {
        for token in tokens {
            if EXPORT_ATTRIBUTES
                .iter()
                .any(|name| is_ident(Some(token), name))
            {
                lines.push(token.span().start().line);
            }
        }
    });
    if !source.is_under("src/ffi/") {
        let refuse = |line| source.complaint(line, "exports a symbol outside src/ffi");
        return lines.into_iter().map(refuse).collect();
    }
    if lines.len() != exports(source).len() {
        let line = lines.first().copied().unwrap_or(1);
        return vec![source.complaint(line, "exports something else than a function written out")];
    }
    Vec::new()
}

#[test]
fn every_export_is_guarded() {
    hold_all_to(exports_are_guarded);
}

#[test]
fn an_export_without_its_guard_is_refused() {
    for (body, part) in [
        ("{ 0 }", "one call"),
        ("{ let x = 1; guard(c\"ipc_x\", || Ok(x)) }", "one call"),
        ("{ guard(c\"ipc_y\", || Ok(0)) }", "one call"),
        ("{ guard(\"ipc_x\", || Ok(0)) }", "one call"),
        ("{ guard(c\"ipc_x\", || Ok(0)); }", "one call"),
        ("{ other(c\"ipc_x\", || Ok(0)) }", "one call"),
    ] {
        let text = format!("#[unsafe(no_mangle)] pub extern \"C\" fn ipc_x() -> c_int {body}");
        assert_refused(exports_are_guarded, "src/ffi/x.rs", &text, part);
    }
    for (function, part) in [
        ("pub fn ipc_x() -> c_int", "extern"),
        ("pub extern \"system\" fn ipc_x() -> c_int", "extern"),
        ("pub extern \"C\" fn x() -> c_int", "ipc_"),
    ] {
        let text = format!("#[no_mangle] {function} {{ guard(c\"ipc_x\", || Ok(0)) }}");
        assert_refused(exports_are_guarded, "src/ffi/x.rs", &text, part);
    }
}

#[test]
fn a_guarded_export_is_accepted() {
    for guard in [
        "guard(c\"ipc_x\", || Ok(0))",
        "guard_fast(c\"ipc_x\", || None, || Ok(0))",
        "guard_in_place(c\"ipc_x\", mq, &mut |queue, at_once| Ok(0))",
    ] {
        let text = format!(
            "#[unsafe(no_mangle)] pub unsafe extern \"C\" fn ipc_x() -> c_int {{ {guard} }}"
        );
        assert_accepted(exports_are_guarded, "src/ffi/x.rs", &text);
        assert_accepted(exports_stand_in_ffi, "src/ffi/x.rs", &text);
    }
}

#[test]
fn only_the_c_face_exports() {
    hold_all_to(exports_stand_in_ffi);
    let exported: usize = sources().iter().map(|source| exports(source).len()).sum();
    assert!(exported > 10, "the exports were not found");
}

#[test]
fn an_export_elsewhere_is_refused() {
    let function = "#[unsafe(no_mangle)] pub extern \"C\" fn ipc_x() {}";
    assert_refused(exports_stand_in_ffi, "src/shm.rs", function, "outside");
    let renamed = "#[unsafe(export_name = \"ipc_x\")] pub extern \"C\" fn x() {}";
    assert_refused(exports_stand_in_ffi, "src/shm.rs", renamed, "outside");
    let hidden = "macro_rules! m { () => { #[unsafe(no_mangle)] pub extern \"C\" fn ipc_x() {} } }";
    assert_refused(exports_stand_in_ffi, "src/ffi/x.rs", hidden, "written out");
    let variable = "#[unsafe(no_mangle)] pub static ipc_x: u8 = 0;";
    assert_refused(
        exports_stand_in_ffi,
        "src/ffi/x.rs",
        variable,
        "written out",
    );
}

// Rule: every export says what a C reader has to know.

/// Numbers that can be negative, and so errors.
const SIGNED: [&str; 9] = [
    "c_int",
    "c_long",
    "c_longlong",
    "i32",
    "i64",
    "isize",
    "ssize_t",
    "pid_t",
    "off_t",
];

fn exports_are_described(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    for function in exports(source) {
        let name = function.sig.ident.to_string();
        let line = function.sig.ident.span().start().line;
        let comment = doc_comment(&function.attrs);
        let has = |word: &str| comment.iter().any(|text| text.starts_with(word));
        let mut need = |found: bool, what: &str| {
            if !found {
                complaints
                    .push(source.complaint(line, format!("{name}: no {what} in its comment")));
            }
        };
        need(
            comment.first().is_some_and(|text| !text.is_empty()),
            "summary",
        );
        need(has("Threads:"), "line `Threads:`");
        if let syn::ReturnType::Type(_, returned) = &function.sig.output {
            need(has("Returns:"), "line `Returns:`");
            if is_signed(returned) {
                need(has("Errors"), "line `Errors:`");
                need(
                    !has("Errors") || lists_errors(&comment),
                    "error behind `Errors:`",
                );
            }
        }
    }
    complaints
}

fn is_signed(returned: &syn::Type) -> bool {
    let syn::Type::Path(path) = returned else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|last| SIGNED.iter().any(|name| last.ident == name))
}

/// Errors are listed by name, or by reference to a call whose errors they are; or there are none.
fn lists_errors(comment: &[String]) -> bool {
    let from = comment.iter().position(|text| text.starts_with("Errors"));
    let listed = comment[from.unwrap_or(0)..].join(" ");
    listed.contains("-E") || listed.contains("those of ipc_") || listed.contains("Errors: none")
}

/// The lines of a doc comment.
fn doc_comment(attributes: &[syn::Attribute]) -> Vec<String> {
    let line = |attribute: &syn::Attribute| {
        let meta = attribute.meta.require_name_value().ok()?;
        match &meta.value {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) if meta.path.is_ident("doc") => Some(text.value().trim().to_string()),
            _ => None,
        }
    };
    attributes.iter().filter_map(line).collect()
}

#[test]
fn every_export_is_described() {
    hold_all_to(exports_are_described);
}

#[test]
fn an_export_that_keeps_its_errors_to_itself_is_refused() {
    let whole =
        "/// Does it.\n///\n/// Returns: 0.\n/// Errors: -EINVAL NULL.\n/// Threads: safe.\n";
    for returned in ["c_int", "isize", "libc::ssize_t"] {
        let function =
            format!("#[unsafe(no_mangle)] pub extern \"C\" fn ipc_x() -> {returned} {{}}");
        let text = |comment: &str| format!("{comment}{function}");
        assert_accepted(exports_are_described, "src/ffi/x.rs", &text(whole));
        for line in [
            "/// Returns: 0.\n",
            "/// Errors: -EINVAL NULL.\n",
            "/// Threads: safe.\n",
        ] {
            let word = line.split([' ', ':']).nth(1).unwrap();
            let missing = text(&whole.replace(line, ""));
            assert_refused(exports_are_described, "src/ffi/x.rs", &missing, word);
        }
        let empty = text(&whole.replace("-EINVAL NULL", "some"));
        assert_refused(
            exports_are_described,
            "src/ffi/x.rs",
            &empty,
            "error behind",
        );
        assert_refused(exports_are_described, "src/ffi/x.rs", &function, "summary");
    }
}

#[test]
fn a_call_that_cannot_fail_needs_no_errors() {
    let text = "/// Does it.\n///\n/// Returns: a text.\n/// Threads: safe.\n\
                #[unsafe(no_mangle)] pub extern \"C\" fn ipc_x() -> *const c_char {}";
    assert_accepted(exports_are_described, "src/ffi/x.rs", text);
    let silent = text.replace("/// Returns: a text.\n", "");
    assert_refused(exports_are_described, "src/ffi/x.rs", &silent, "Returns");
}

// Rule: raw system calls stand in src/sys. (nix's are safe functions, and may stand elsewhere.)

/// What may be called of libc elsewhere, and why: they read strings, and are no system calls.
const LIBC_ELSEWHERE: [(&str, &str); 2] = [
    ("strnlen", "measures a C caller's string, up to a limit"),
    ("strerror", "the texts of errors that are libc's"),
];

fn system_calls_stand_in_sys(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    if source.is_under("src/sys/") {
        return complaints;
    }
    each_level(&source.tokens(true), &mut |tokens| {
        for at in 0..tokens.len() {
            let line = tokens[at].span().start().line;
            if is_ident(tokens.get(at), "extern") && is_group(tokens.get(at + 2), Delimiter::Brace)
            {
                complaints.push(source.complaint(line, "declares C functions outside src/sys"));
            }
            if is_ident(tokens.get(at), "asm") && is_punct(tokens.get(at + 1), '!') {
                complaints.push(source.complaint(line, "has assembly outside src/sys"));
            }
            if !is_path_separator(tokens, at + 1) {
                continue;
            }
            let name = ident(tokens.get(at + 3)).unwrap_or_default();
            if is_ident(tokens.get(at), "libc") {
                let is_call = is_group(tokens.get(at + 4), Delimiter::Parenthesis);
                let is_allowed = LIBC_ELSEWHERE.iter().any(|(allowed, _)| name == *allowed);
                if is_call && !is_allowed {
                    complaints.push(
                        source.complaint(line, format!("calls libc::{name} outside src/sys")),
                    );
                }
                if at > 0 && is_ident(tokens.get(at - 1), "use") {
                    // Written out where it is used, so that this rule sees the calls.
                    complaints.push(source.complaint(line, "imports from libc outside src/sys"));
                }
            }
        }
    });
    complaints
}

#[test]
fn system_calls_stand_in_one_place() {
    hold_all_to(system_calls_stand_in_sys);
}

#[test]
fn a_system_call_elsewhere_is_refused() {
    for text in [
        "fn f() { libc::open(p, 0) }",
        "fn f() { g!(unsafe { libc::close(1) }) }",
        "use libc::close;",
        "unsafe extern \"C\" { fn close(number: i32); }",
        "fn f() { unsafe { core::arch::asm!(\"syscall\") } }",
        "use libc::{c_int, close};",
    ] {
        assert_refused(
            system_calls_stand_in_sys,
            "src/shm.rs",
            text,
            "outside src/sys",
        );
        assert_accepted(system_calls_stand_in_sys, "src/sys/file.rs", text);
    }
    for text in [
        "fn f(mode: libc::mode_t) -> i32 { libc::EINVAL }",
        "fn f() { libc::strnlen(p, 3) }",
        "use nix::errno::Errno;",
        "#[cfg(test)] mod tests { fn f() { libc::close(1) } }",
    ] {
        assert_accepted(system_calls_stand_in_sys, "src/shm.rs", text);
    }
}

// Rule: nothing is ever printed.

const PRINTS: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

fn nothing_is_printed(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    each_level(&source.tokens(true), &mut |tokens| {
        for (at, token) in tokens.iter().enumerate() {
            let prints = PRINTS.iter().any(|name| is_ident(Some(token), name));
            if prints && is_punct(tokens.get(at + 1), '!') {
                complaints.push(source.complaint(token.span().start().line, "prints"));
            }
        }
    });
    complaints
}

#[test]
fn the_library_prints_nothing() {
    hold_all_to(nothing_is_printed);
}

#[test]
fn printing_is_refused() {
    let text = "fn f() { if x { eprintln!(\"what\") } }";
    assert_refused(nothing_is_printed, "src/shm.rs", text, "prints");
    let test = "#[cfg(test)] mod tests { fn f() { println!() } }";
    assert_accepted(nothing_is_printed, "src/shm.rs", test);
}

// Rule: Rust 1.85 can compile it. Clippy knows the version of each function of std, not that of
// the language.

fn rust_1_85_understands(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    each_level(&source.tokens(false), &mut |tokens| {
        for (at, token) in tokens.iter().enumerate() {
            let is_and = at >= 2 && (1..=2).all(|back| is_punct(tokens.get(at - back), '&'));
            if is_and && is_ident(Some(token), "let") {
                complaints.push(source.complaint(token.span().start().line, "`&& let` needs 1.88"));
            }
        }
    });
    complaints
}

#[test]
fn the_oldest_promised_compiler_understands_it() {
    hold_all_to(rust_1_85_understands);
}

#[test]
fn chains_of_let_are_refused() {
    let text = "fn f() { if a && let Some(b) = c { g(b) } }";
    assert_refused(rust_1_85_understands, "src/shm.rs", text, "1.88");
    let text = "fn f() { if let Some(b) = c { g(a && b) } }";
    assert_accepted(rust_1_85_understands, "src/shm.rs", text);
}

// The header.

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
