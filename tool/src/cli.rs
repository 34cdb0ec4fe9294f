//! The command line. clap makes the help, the completions and the manual page from it.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Shows and handles the objects of robustipc and of the kernel.
#[derive(Parser)]
#[command(name = "ripc", version, propagate_version = true, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    /// Print JSON, one value for the whole output or one for each line of a running command
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  the command did what it was asked to do
  1  a call failed; standard error says which and why
  2  the command line is wrong
  3  there is no such object
  4  the time was over before there was a result
  5  doctor: there is something to repair

Durations are numbers with a unit: 500ms, 2s, 1m. A number without a unit is in seconds.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the objects of every kind
    Ls(List),
    /// Show one object: its type, fields, users, and what is in it
    Show(Name),
    /// Watch all objects; looking changes nothing in them
    Top(Top),
    /// Send a message to a queue
    Send(Send),
    /// Receive messages from a queue
    Receive(Receive),
    /// Show how full a queue is and which priority comes next, and take nothing
    Peek(Name),
    /// Publish a sample on a topic
    Publish(Publish),
    /// Print the samples of a topic
    Echo(Echo),
    /// Measure how many samples a topic carries per second
    Hz(Measure),
    /// Measure how many bytes a topic carries per second
    Bw(Measure),
    /// Send a request to a service and print the reply
    Call(Call),
    /// Print the value of a region or of a cell, decoded by its declared fields
    Get(Get),
    /// Change fields of a region or of a cell
    Set(Set),
    /// Print the value of a region or of a cell whenever it changes
    Watch(Watch),
    /// Wait until an object exists, or take a permit from a semaphore
    Wait(Wait),
    /// Remove objects
    Rm(Remove),
    /// Remove the objects that no process has open
    Gc(Collect),
    /// Repair what dead processes have left in a queue, and say what was repaired
    Repair(Name),
    /// Take messages from a queue and write them to a file
    Record(Record),
    /// Send the messages of a file to a queue
    Replay(Replay),
    /// Check what this machine offers and permits, and say what to do
    Doctor,
    /// Measure this machine: messages and locks between two processes
    Bench(Bench),
    /// Print the completion for a shell, or the manual page
    Generate(Generate),
}

#[derive(Args)]
pub(crate) struct Name {
    /// The object's name, with or without its slash
    pub(crate) name: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Shm,
    Mq,
    Sem,
    Topic,
    Cell,
    Service,
    PosixSem,
    KernelMq,
    SysvShm,
    SysvMsg,
    SysvSem,
}

#[derive(Args)]
pub(crate) struct List {
    /// Only objects of this kind; may be given several times
    #[arg(short, long)]
    pub(crate) kind: Vec<Kind>,
    /// Only objects that no process has open
    #[arg(long)]
    pub(crate) unused: bool,
}

#[derive(Args)]
pub(crate) struct Top {
    /// The time between two looks
    #[arg(short, long, default_value = "1s", value_parser = super::values::duration)]
    pub(crate) interval: i64,
    /// End after this many looks
    #[arg(short = 'n', long)]
    pub(crate) count: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Send {
    /// The queue's name
    pub(crate) name: String,
    /// The message; - or nothing reads it from standard input
    pub(crate) message: Option<String>,
    /// The message's priority
    #[arg(short, long, default_value_t = 0)]
    pub(crate) priority: u32,
    /// The message is written in hexadecimal digits
    #[arg(long)]
    pub(crate) hex: bool,
    /// How long to wait for room
    #[arg(short, long, value_parser = super::values::duration)]
    pub(crate) timeout: Option<i64>,
}

#[derive(Args)]
pub(crate) struct Receive {
    /// The queue's name
    pub(crate) name: String,
    /// How many messages to receive
    #[arg(short = 'n', long, default_value_t = 1)]
    pub(crate) count: u64,
    /// Receive until the program is ended
    #[arg(short, long, conflicts_with = "count")]
    pub(crate) follow: bool,
    /// Print hexadecimal digits
    #[arg(long)]
    pub(crate) hex: bool,
    /// How long to wait for each message
    #[arg(short, long, value_parser = super::values::duration)]
    pub(crate) timeout: Option<i64>,
}

#[derive(Args)]
pub(crate) struct Publish {
    /// The topic's name
    pub(crate) name: String,
    /// The sample; - or nothing reads it from standard input
    pub(crate) sample: Option<String>,
    /// The sample is written in hexadecimal digits
    #[arg(long)]
    pub(crate) hex: bool,
    /// How long to wait for subscribers, if the topic waits for them
    #[arg(short, long, value_parser = super::values::duration)]
    pub(crate) timeout: Option<i64>,
}

#[derive(Args)]
pub(crate) struct Echo {
    /// The topic's name
    pub(crate) name: String,
    /// End after this many samples
    #[arg(short = 'n', long)]
    pub(crate) count: Option<u64>,
    /// Print hexadecimal digits
    #[arg(long)]
    pub(crate) hex: bool,
    /// How long to wait for each sample
    #[arg(short, long, value_parser = super::values::duration)]
    pub(crate) timeout: Option<i64>,
}

#[derive(Args)]
pub(crate) struct Measure {
    /// The topic's name
    pub(crate) name: String,
    /// How long to count for each line
    #[arg(short, long, default_value = "1s", value_parser = super::values::duration)]
    pub(crate) interval: i64,
    /// End after this many lines
    #[arg(short = 'n', long)]
    pub(crate) count: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Call {
    /// The service's name
    pub(crate) name: String,
    /// The request; - or nothing reads it from standard input
    pub(crate) request: Option<String>,
    /// The request's priority
    #[arg(short, long, default_value_t = 0)]
    pub(crate) priority: u32,
    /// The request is written in hexadecimal digits, and so is the reply
    #[arg(long)]
    pub(crate) hex: bool,
    /// The longest reply, in bytes
    #[arg(long, default_value_t = 1 << 20)]
    pub(crate) capacity: usize,
    /// How long to wait for the reply
    #[arg(short, long, value_parser = super::values::duration)]
    pub(crate) timeout: Option<i64>,
}

#[derive(Args)]
pub(crate) struct Get {
    /// The object's name
    pub(crate) name: String,
    /// Only these fields
    pub(crate) fields: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Set {
    /// The object's name
    pub(crate) name: String,
    /// FIELD=VALUE; a value is a number (5, -5, 2.5, 0x1f) or a text in double quotes
    #[arg(required = true)]
    pub(crate) changes: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Watch {
    /// The object's name
    pub(crate) name: String,
    /// How often a region is looked at; a cell is waited for
    #[arg(short, long, default_value = "100ms", value_parser = super::values::duration)]
    pub(crate) interval: i64,
    /// End after this many values
    #[arg(short = 'n', long)]
    pub(crate) count: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Wait {
    /// The object's name
    pub(crate) name: String,
    /// Wait until the object is gone
    #[arg(long)]
    pub(crate) gone: bool,
    /// Take a permit from this semaphore
    #[arg(long, conflicts_with = "gone")]
    pub(crate) permit: bool,
    /// How long to wait
    #[arg(short, long, value_parser = super::values::duration)]
    pub(crate) timeout: Option<i64>,
}

#[derive(Args)]
pub(crate) struct Remove {
    /// The names, or the ids of System V objects
    #[arg(required = true)]
    pub(crate) names: Vec<String>,
    /// The kind, if objects of several kinds have the name
    #[arg(short, long)]
    pub(crate) kind: Option<Kind>,
}

#[derive(Args)]
pub(crate) struct Collect {
    /// Remove without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct Record {
    /// The queue's name
    pub(crate) name: String,
    /// The file, which is created or replaced
    pub(crate) file: PathBuf,
    /// End after this many messages
    #[arg(short = 'n', long)]
    pub(crate) count: Option<u64>,
    /// End if no message comes for this long
    #[arg(short, long, value_parser = super::values::duration)]
    pub(crate) timeout: Option<i64>,
}

#[derive(Args)]
pub(crate) struct Replay {
    /// The file that ripc record has written
    pub(crate) file: PathBuf,
    /// The queue; without it, the one that was recorded
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Send each message as long after the first one as it was recorded
    #[arg(long)]
    pub(crate) timed: bool,
}

#[derive(Args)]
pub(crate) struct Bench {
    /// How long each measurement takes
    #[arg(short, long, default_value = "1s", value_parser = super::values::duration)]
    pub(crate) duration: i64,
}

#[derive(Args)]
pub(crate) struct Generate {
    /// The values to print
    pub(crate) what: Generated,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Generated {
    Bash,
    Zsh,
    Fish,
    Man,
}
