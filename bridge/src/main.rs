//! robustipc-bridge: connects the queues, topics, cells and services of one machine with those of others, over Zenoh.
//!
//! `engine` is the main thread: it owns every object of this machine, and sleeps in one waitset. `network` is the session with its
//! threads. `route` has a file for each kind of object. `ledger` is what must outlive a bridge that is killed. `library` is the only
//! folder that calls the C library.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program prints, allocates and waits as it likes; the library does not"
)]

mod cli;
mod config;
mod digest;
mod engine;
mod frame;
mod kind;
mod ledger;
mod library;
mod network;
mod notify;
mod route;
mod signals;
mod status;

use clap::Parser;
use std::process::ExitCode;

/// Prints a line to standard error, which the service manager keeps.
macro_rules! log {
    ($($text:tt)*) => {
        eprintln!("robustipc-bridge: {}", format_args!($($text)*))
    };
}
pub(crate) use log;

fn main() -> ExitCode {
    // Zenoh reports its own troubles; RUST_LOG chooses how much.
    zenoh::init_log_from_env_or("error");
    let arguments = cli::Arguments::parse();
    match cli::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            log!("{problem}");
            ExitCode::FAILURE
        }
    }
}
