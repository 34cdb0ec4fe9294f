//! Rule: a test waits for an event, and does not let some time pass instead. A sleep that sets a pace says so in a
//! comment beside it: "pace: " and what it paces.

use std::path::{Path, PathBuf};

const SLEEPS: [&str; 5] = ["sleep(", "ualarm(", "poll(NULL", "ppoll(NULL", "select(0"];
/// A comment is at most so many lines above the sleep.
const LINES_ABOVE: usize = 3;

/// Calls of functions whose names end in one of the above, and are not the test's own.
fn sleeps(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or(line).trim_start();
    if code.starts_with("/*") || code.starts_with('*') {
        return false;
    }
    SLEEPS.iter().any(|sleep| {
        code.match_indices(sleep).any(|(at, _)| {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            let prefix = code[..at].rsplit(|c: char| !c.is_alphanumeric()).next();
            match prefix.unwrap_or_default() {
                // usleep(), nanosleep(), clock_nanosleep()
                "u" | "nano" => true,
                "" => before != '_' && before != '>' && before != '.',
                _ => false,
            }
        })
    })
}

fn complaints(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_paced = |at: usize| {
        lines[at.saturating_sub(LINES_ABOVE)..=at]
            .iter()
            .any(|line| line.contains("pace: "))
    };
    (0..lines.len())
        .filter(|at| sleeps(lines[*at]) && !is_paced(*at))
        .map(|at| format!("{path}:{}: sleeps; wait for the event", at + 1))
        .collect()
}

/// The programs in c-tests. Ported programs act as their originals do, and a demonstration has its own pace.
fn programs(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !["ported", "demo"].contains(&name) {
                programs(&path, found);
            }
        } else if [".c", ".h", ".cpp"].iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
}

#[test]
fn no_test_sleeps() {
    let mut found = Vec::new();
    programs(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("c-tests"),
        &mut found,
    );
    assert!(found.len() > 100, "the tests were not found");
    let complaints: Vec<String> = found
        .iter()
        .flat_map(|path| {
            complaints(
                path.to_str().unwrap(),
                &std::fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn a_sleep_is_refused() {
    for line in [
        "  usleep(20000);",
        "while (!is_asleep(child)) usleep(1000);",
        "clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);",
        "sleep(1);",
        "poll(NULL, 0, 10);",
        "ualarm(100, 0);",
    ] {
        assert_eq!(complaints("x.c", line).len(), 1, "{line}");
        let paced = format!("/* pace: some */\n{line}");
        assert!(complaints("x.c", &paced).is_empty());
    }
    for line in [
        "wait_until_asleep(child);",
        "wait_for_sleep();",
        "/* it does not usleep() */",
        "operation->sleep();",
    ] {
        assert!(complaints("x.c", line).is_empty(), "{line}");
    }
}
