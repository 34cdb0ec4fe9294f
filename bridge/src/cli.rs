//! The command line. clap makes the help and the manual page from it.

use crate::config::Config;
use crate::engine::Engine;
use crate::signals::Signals;
use crate::status;
use clap::{CommandFactory, Parser, Subcommand};
use std::path::PathBuf;

/// Connects topics, cells, queues and services of this machine with those of others.
#[derive(Parser)]
#[command(name = "robustipc-bridge", version, args_conflicts_with_subcommands = true, disable_help_subcommand = true, after_help = AFTER)]
pub(crate) struct Arguments {
    /// The configuration file, which robustipc-bridge(5) describes
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/robustipc/bridge.toml"
    )]
    config: PathBuf,
    /// Check the configuration file, and do nothing else
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER: &str = "\
Signals:
  SIGHUP            read the configuration file again
  SIGTERM, SIGINT   end

Exit status:
  0  the bridge has ended because of a signal; the file is good; the state was shown
  1  a failure; standard error says which and why
  2  the command line is wrong";

#[derive(Subcommand)]
enum Command {
    /// Show what a running bridge does
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// The cell in which the bridge shows its state
        #[arg(long, default_value = "/robustipc-bridge")]
        cell: String,
    },
    /// Print the manual page
    #[command(hide = true)]
    Manual,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    match &arguments.command {
        Some(Command::Status { json, cell }) => status::show(cell, *json),
        Some(Command::Manual) => manual(),
        None if arguments.check => {
            Config::read(&arguments.config)?;
            println!("{}: good", arguments.config.display());
            Ok(())
        }
        None => {
            let signals = Signals::block().map_err(|error| error.text)?;
            let mut engine = Engine::open(arguments.config.clone(), signals)?;
            let result = engine.run();
            engine.stop();
            result
        }
    }
}

fn manual() -> Result<(), String> {
    let page = clap_mangen::Man::new(Arguments::command().after_help(None::<&str>));
    let mut out = Vec::new();
    page.render(&mut out).map_err(|error| error.to_string())?;
    // The commands have no pages of their own.
    let text = String::from_utf8_lossy(&out)
        .replace("\\-status(1)", " status [\\-\\-json] [\\-\\-cell NAME]");
    print!("{text}");
    print!("{}", include_str!("manual.roff"));
    Ok(())
}
