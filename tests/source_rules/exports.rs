//! Rules: only src/ffi exports, every export is one guarded call, and its comment has the parts that a C reader needs.

use crate::source::*;
use proc_macro2::TokenTree;

/// The functions that C can call, except those that a macro hides from the parser.
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
        // An exception may pass through a call that calls back, and through no other.
        let calls_back = is_one_call_of(&function.block, &["guard_around"], &name);
        let wanted = if calls_back { "C-unwind" } else { "C" };
        let is_wanted = |abi: &syn::Abi| abi.name.as_ref().is_some_and(|abi| abi.value() == wanted);
        if !function.sig.abi.as_ref().is_some_and(is_wanted) {
            complaints.push(source.complaint(line, format!("{name} is not extern \"{wanted}\"")));
        }
        if !name.starts_with("ipc_") {
            complaints.push(source.complaint(line, format!("{name} does not begin with ipc_")));
        }
        if !calls_back && !is_one_call_of(&function.block, &GUARDS, &name) {
            complaints.push(source.complaint(
                line,
                format!("{name} is not exactly one call of guard(c\"{name}\", ...) or of its like"),
            ));
        }
    }
    complaints
}

const GUARDS: [&str; 3] = ["guard", "guard_fast", "guard_in_place"];

fn is_one_call_of(block: &syn::Block, guards: &[&str], name: &str) -> bool {
    let [syn::Stmt::Expr(syn::Expr::Call(call), None)] = &block.stmts[..] else {
        return false;
    };
    let syn::Expr::Path(function) = &*call.func else {
        return false;
    };
    let is_guard = guards.iter().any(|guard| function.path.is_ident(guard));
    let Some(syn::Expr::Lit(literal)) = call.args.first() else {
        return false;
    };
    let syn::Lit::CStr(text) = &literal.lit else {
        return false;
    };
    is_guard && text.value().to_str() == Ok(name)
}

/// Only src/ffi exports, and no export hides from the other rules, for example in a macro.
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
        ("pub extern \"C-unwind\" fn ipc_x() -> c_int", "extern"),
        ("pub extern \"C\" fn x() -> c_int", "ipc_"),
    ] {
        let text = format!("#[no_mangle] {function} {{ guard(c\"ipc_x\", || Ok(0)) }}");
        assert_refused(exports_are_guarded, "src/ffi/x.rs", &text, part);
    }
}

#[test]
fn only_a_call_that_calls_back_unwinds() {
    for (abi, is_right) in [("C-unwind", true), ("C", false)] {
        let text = format!(
            "#[unsafe(no_mangle)] pub extern \"{abi}\" fn ipc_x() -> c_int {{ guard_around(c\"ipc_x\", a, b, c) }}"
        );
        match is_right {
            true => assert_accepted(exports_are_guarded, "src/ffi/x.rs", &text),
            false => assert_refused(exports_are_guarded, "src/ffi/x.rs", &text, "C-unwind"),
        }
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

// Rule: the comment of an export is complete.

/// The types whose negative values are errors.
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

/// Whether the comment lists errors by name, refers to another call's errors, or says that there are none.
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
