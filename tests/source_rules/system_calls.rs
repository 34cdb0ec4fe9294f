//! Rule: raw system calls are in src/sys. (nix's functions are safe, and may be called elsewhere.)

use crate::source::*;
use proc_macro2::Delimiter;

/// The functions of libc that may be called elsewhere, with the reason. They read strings, and make no system
/// calls.
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
