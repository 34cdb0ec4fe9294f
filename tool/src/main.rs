//! ripc: shows and handles the objects of robustipc, and those of the kernel, on the command line.
//!
//! `cli` describes the command line. Each file in `commands` has a group of commands. `library` is the only file that calls the C
//! library, and `output` the only one that prints results.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program prints, allocates and waits as it likes; the library does not"
)]

mod cli;
mod commands;
mod library;
mod output;
mod values;

use clap::Parser;
use std::process::ExitCode;

/// The exit statuses, which ripc(1) documents.
pub(crate) mod status {
    /// A call failed; standard error says which and why.
    pub(crate) const FAILED: u8 = 1;
    /// There is no such object.
    pub(crate) const MISSING: u8 = 3;
    /// The time was over before there was a result.
    pub(crate) const TIMED_OUT: u8 = 4;
    /// `ripc doctor` has found something to repair.
    pub(crate) const UNHEALTHY: u8 = 5;
}

fn main() -> ExitCode {
    // A reader that has gone ends the program quietly, as other tools end.
    // SAFETY: no other thread runs yet.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let arguments = cli::Arguments::parse();
    match commands::run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ripc: {error}");
            ExitCode::from(match error.errno {
                libc::ENOENT => status::MISSING,
                libc::ETIMEDOUT | libc::EAGAIN => status::TIMED_OUT,
                _ => status::FAILED,
            })
        }
    }
}
