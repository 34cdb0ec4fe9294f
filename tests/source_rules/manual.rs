//! Rule: a sentence of the manual that a page's test proves stands on that page, word for word. So a page does not
//! change without its test. Each page of section 3 has such a test: a file page.c whose first comment names the page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Macros of mdoc that stand before a word, and are no words themselves.
const MACROS: [&str; 34] = [
    "Fn", "Fa", "Dv", "Er", "Xr", "Em", "Li", "Pq", "Ns", "No", "Nm", "Ap", "It", "Bq", "Sx", "Ft",
    "Va", "Vt", "Pa", "Ar", "Fl", "Cm", "Ql", "Dq", "Sq", "In", "Ev", "Bo", "Bc", "Po", "Pc", "Sy",
    "Tn", "Pp",
];

/// The words of a page, without its markup, punctuation and comments.
fn words_of_page(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in page.lines().filter(|line| !line.starts_with(".\\\"")) {
        let is_macro = line.starts_with('.');
        let line = line
            .replace("\\-", "-")
            .replace("\\(", " ")
            .replace("\\&", "");
        for part in line.trim_start_matches('.').split_whitespace() {
            if !(is_macro && MACROS.contains(&part)) {
                found.extend(words(part));
            }
        }
    }
    found
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn has(page: &[String], claim: &[String]) -> bool {
    !claim.is_empty() && page.windows(claim.len()).any(|window| window == claim)
}

/// The texts of the CLAIMs of a program. Neighbouring strings are one.
fn claims(program: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in program.split("CLAIM(").skip(1) {
        let end = part.find(");").unwrap_or(part.len());
        let strings: Vec<&str> = part[..end].split('"').skip(1).step_by(2).collect();
        found.push(strings.concat());
    }
    found
}

/// The page that a test's first comment names, as in "/* ipc_mutex(3), ...".
fn page_of(program: &str) -> Option<String> {
    let comment = program.strip_prefix("/* ")?;
    let (name, rest) = comment.split_once('(')?;
    let section = rest.split(')').next()?;
    Some(format!("{name}.{section}"))
}

fn complaints(file: &str, program: &str, page: &str) -> Vec<String> {
    let page = words_of_page(page);
    let claims = claims(program);
    if claims.is_empty() {
        return vec![format!("{file}: makes no CLAIM")];
    }
    claims
        .iter()
        .filter(|claim| !has(&page, &words(claim)))
        .map(|claim| format!("{file}: not on the page: {claim}"))
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each page's tests.
fn tests() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for group in std::fs::read_dir(root().join("c-tests")).unwrap() {
        let group = group.unwrap().path();
        for file in group.read_dir().into_iter().flatten() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap();
            if name.starts_with("page") && name.ends_with(".c") {
                let program = std::fs::read_to_string(&file).unwrap();
                let page = page_of(&program).unwrap_or_default();
                found.entry(page).or_default().push((file, program));
            }
        }
    }
    found
}

#[test]
fn claims_stand_on_their_pages() {
    let mut all = Vec::new();
    for (page, files) in tests() {
        let text = std::fs::read_to_string(root().join("man").join(&page)).unwrap_or_default();
        for (file, program) in files {
            all.extend(complaints(file.to_str().unwrap(), &program, &text));
        }
    }
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn each_page_has_its_test() {
    let tests = tests();
    let list = std::fs::read_to_string(root().join("docs/manual-tests.md")).unwrap();
    for page in root().join("man").read_dir().unwrap() {
        let page = page.unwrap().file_name().into_string().unwrap();
        if page.ends_with(".3") {
            assert!(tests.contains_key(&page), "{page} has no page.c");
        }
        let name = page.rsplit_once('.').unwrap().0;
        assert!(
            page.ends_with(".sh") || list.contains(&format!("| {name}(")),
            "docs/manual-tests.md has no row for {page}"
        );
    }
}

#[test]
fn the_files_that_the_list_names_exist() {
    let list = std::fs::read_to_string(root().join("docs/manual-tests.md")).unwrap();
    for name in list.split('`').skip(1).step_by(2) {
        if !name.contains('/') || name.contains(' ') || name.contains("GROUP") {
            continue;
        }
        let exists = ["", ".c", ".cpp", ".sh"]
            .iter()
            .any(|end| root().join("c-tests").join(format!("{name}{end}")).exists());
        assert!(exists, "docs/manual-tests.md names {name}");
    }
}

#[test]
fn a_claim_that_is_not_on_the_page_is_refused() {
    let page = ".Fn ipc_x_lock\nlocks the\n.Dv IPC_X\nobject, see\n.Xr ipc_y 3 .\n";
    let program = |claim: &str| format!("/* ipc_x(3) */\nCLAIM(\"{claim}\");\n");
    let good = "ipc_x_lock() locks the IPC_X object, see ipc_y(3).";
    assert!(complaints("page.c", &program(good), page).is_empty());
    let two = "ipc_x_lock() locks\" \n \" the IPC_X object";
    assert!(complaints("page.c", &program(two), page).is_empty());
    for bad in ["ipc_x_lock() unlocks the object", "locks the object", ""] {
        assert_eq!(complaints("page.c", &program(bad), page).len(), 1, "{bad}");
    }
    assert_eq!(page_of(&program("")).as_deref(), Some("ipc_x.3"));
    assert_eq!(complaints("page.c", "/* ipc_x(3) */", page).len(), 1);
}
