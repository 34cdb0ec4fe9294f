//! Reads the source for all rules: the files, their tokens, and the complaints about them.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::path::{Path, PathBuf};

/// One file of the crate.
pub(crate) struct Source {
    /// Relative to the root: src/sync/mutex.rs.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The faults that a rule found, each with its file and line.
pub(crate) type Complaints = Vec<String>;

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        Source {
            path: path.to_string(),
            text: text.to_string(),
        }
    }

    /// The file's tokens. Without test code if `shipped`.
    pub(crate) fn tokens(&self, shipped: bool) -> Vec<TokenTree> {
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
    pub(crate) fn module(&self) -> Vec<String> {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inside
            .split('/')
            .filter(|part| *part != "mod" && *part != "lib")
            .map(str::to_string)
            .collect()
    }

    pub(crate) fn is_under(&self, directory: &str) -> bool {
        self.path.starts_with(directory)
    }

    pub(crate) fn complaint(&self, line: usize, text: impl std::fmt::Display) -> String {
        format!("{}:{line}: {text}", self.path)
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folders of the crates, the library's first. A new crate is found by its Cargo.toml.
pub(crate) fn crates() -> Vec<PathBuf> {
    let mut found = vec![root()];
    for entry in std::fs::read_dir(root()).expect("the root can be read") {
        let path = entry.expect("the root can be read").path();
        if path.join("Cargo.toml").exists() {
            found.push(path);
        }
    }
    assert!(found.len() > 1, "posix/ was not found");
    found
}

/// Every Rust file in the src/ of a crate.
pub(crate) fn sources_of(package: &Path) -> Vec<Source> {
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
    collect(&package.join("src"), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Every Rust file of the library.
pub(crate) fn sources() -> Vec<Source> {
    let found = sources_of(&root());
    assert!(found.len() > 10, "src/ was not found");
    found
}

/// Fails with all complaints of `rule`, over all files.
pub(crate) fn hold_all_to(rule: impl Fn(&Source) -> Complaints) {
    let complaints: Complaints = sources().iter().flat_map(rule).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Checks that `rule` has a complaint that contains `part` about a file with this text.
#[track_caller]
pub(crate) fn assert_refused(
    rule: impl Fn(&Source) -> Complaints,
    path: &str,
    text: &str,
    part: &str,
) {
    let complaints = rule(&Source::new(path, text));
    assert!(
        complaints.iter().any(|complaint| complaint.contains(part)),
        "expected a complaint with {part:?}, found {complaints:?}"
    );
}

#[track_caller]
pub(crate) fn assert_accepted(rule: impl Fn(&Source) -> Complaints, path: &str, text: &str) {
    let complaints = rule(&Source::new(path, text));
    assert!(complaints.is_empty(), "{complaints:?}");
}

pub(crate) fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if *ident == name)
}

pub(crate) fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

pub(crate) fn is_group(token: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}

pub(crate) fn group(token: Option<&TokenTree>) -> Option<Vec<TokenTree>> {
    match token {
        Some(TokenTree::Group(group)) => Some(group.stream().into_iter().collect()),
        _ => None,
    }
}

pub(crate) fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string().trim_start_matches("r#").into()),
        _ => None,
    }
}

pub(crate) fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

/// The tokens of one level, with groups unopened. If `shipped`, items under `#[cfg(test)]` are left out.
/// One level is enough, because modules of tests are at the outermost level.
pub(crate) fn flatten(stream: TokenStream, shipped: bool) -> Vec<TokenTree> {
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
pub(crate) fn each_level(tokens: &[TokenTree], visit: &mut dyn FnMut(&[TokenTree])) {
    visit(tokens);
    for token in tokens {
        if let Some(inner) = group(Some(token)) {
            each_level(&inner, visit);
        }
    }
}
