//! Rule: every descriptor of the library's is made in src/sys/fd.rs, which keeps it away from the numbers of the
//! standard streams.

use crate::source::*;

/// The one file that may make descriptors.
const MAKER: &str = "src/sys/fd.rs";

/// The functions and requests of libc, nix and std that make a descriptor, or that make an owned one of a number.
const MAKERS: [&str; 41] = [
    "from_raw_fd",
    "memfd_create",
    "socket",
    "socketpair",
    "accept",
    "accept4",
    "eventfd",
    "epoll_create",
    "epoll_create1",
    "inotify_init",
    "inotify_init1",
    "signalfd",
    "timerfd_create",
    "pipe",
    "pipe2",
    "dup",
    "openat",
    "openat2",
    "creat",
    "opendir",
    "fdopendir",
    "shm_open",
    "mq_open",
    "posix_openpt",
    "openpty",
    "pidfd_open",
    "F_DUPFD",
    "F_DUPFD_CLOEXEC",
    "SYS_pidfd_open",
    "SYS_pidfd_getfd",
    "SYS_openat",
    "SYS_openat2",
    "SYS_open",
    "SYS_dup",
    "SYS_memfd_create",
    "SYS_io_uring_setup",
    "SYS_socket",
    "SYS_accept4",
    "SYS_eventfd2",
    "SYS_userfaultfd",
    "mkstemp",
];

/// Paths that make one with a word that is harmless elsewhere.
const MAKING_PATHS: [(&str, &str); 12] = [
    ("fcntl", "open"),
    ("libc", "open"),
    ("Dir", "open"),
    ("Dir", "from_fd"),
    ("Dir", "openat"),
    ("File", "open"),
    ("File", "create"),
    ("Inotify", "init"),
    ("Epoll", "new"),
    ("EventFd", "new"),
    ("EventFd", "from_flags"),
    ("TimerFd", "new"),
];

fn descriptors_are_made_in_one_file(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    if source.path == MAKER || !source.path.starts_with("src/") {
        return complaints;
    }
    each_level(&source.tokens(true), &mut |tokens| {
        for at in 0..tokens.len() {
            let line = tokens[at].span().start().line;
            let Some(name) = ident(tokens.get(at)) else {
                continue;
            };
            let is_of = |owner: &str| {
                at >= 3 && is_path_separator(tokens, at - 2) && is_ident(tokens.get(at - 3), owner)
            };
            let is_of_libraries = ["libc", "unistd", "fcntl", "socket", "FcntlArg", "OwnedFd"]
                .iter()
                .any(|owner| is_of(owner));
            let is_maker = MAKERS.contains(&name.as_str())
                && (is_of_libraries || matches!(name.as_str(), "from_raw_fd" | "memfd_create"));
            let is_path = MAKING_PATHS
                .iter()
                .any(|(owner, function)| name == *function && is_of(owner));
            if (is_maker || is_path) && !is_of_the_maker(tokens, at) {
                let text = format!("{name} makes a descriptor outside {MAKER}");
                complaints.push(source.complaint(line, text));
            }
        }
    });
    complaints
}

/// Whether the path before this word is that of the one file.
fn is_of_the_maker(tokens: &[proc_macro2::TokenTree], at: usize) -> bool {
    at >= 3 && is_path_separator(tokens, at - 2) && is_ident(tokens.get(at - 3), "fd")
}

#[test]
fn descriptors_come_from_one_file() {
    hold_all_to(descriptors_are_made_in_one_file);
}

#[test]
fn a_descriptor_from_elsewhere_is_refused() {
    for text in [
        "fn f() { nix::fcntl::open(path, flags, mode) }",
        "fn f() { unsafe { libc::open(p, 0) } }",
        "fn f() { unsafe { OwnedFd::from_raw_fd(3) } }",
        "fn f() { g!(unsafe { libc::eventfd(0, 0) }) }",
        "fn f() { nix::unistd::pipe2(flags) }",
        "fn f() { std::fs::File::open(path) }",
        "fn f() { Dir::from_fd(directory) }",
        "fn f() { fcntl(file, FcntlArg::F_DUPFD_CLOEXEC(0)) }",
        "fn f() { Inotify::init(flags) }",
    ] {
        assert_refused(
            descriptors_are_made_in_one_file,
            "src/sys/file.rs",
            text,
            "makes a descriptor",
        );
        assert_accepted(descriptors_are_made_in_one_file, MAKER, text);
    }
    for text in [
        "fn f() { fd::open(path, flags, mode) }",
        "fn f() { pipe.accept() }",
        "#[cfg(test)] mod tests { fn f() { nix::unistd::pipe() } }",
    ] {
        assert_accepted(descriptors_are_made_in_one_file, "src/sys/file.rs", text);
    }
}
