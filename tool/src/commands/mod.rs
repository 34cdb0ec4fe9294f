//! The commands. Each file has the commands of one topic; this one has what they share.

mod bench;
mod doctor;
mod generate;
mod list;
mod messages;
mod patterns;
mod recording;
mod regions;
mod remove;
mod top;
mod wait;

use crate::cli::{Arguments, Command, Kind};
use crate::library::{self, Error, Object, Result};
use std::ffi::c_int;
use std::process::ExitCode;

/// Runs the command of the command line.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let json = arguments.json;
    match arguments.command {
        Command::Ls(list) => list::list(&list, json),
        Command::Show(name) => list::show(&name.name, json),
        Command::Top(top) => top::top(&top, json),
        Command::Send(send) => messages::send(send),
        Command::Receive(receive) => messages::receive(&receive, json),
        Command::Peek(name) => messages::peek(&name.name, json),
        Command::Publish(publish) => patterns::publish(&publish),
        Command::Echo(echo) => patterns::echo(&echo, json),
        Command::Hz(measure) => patterns::hz(&measure, json),
        Command::Bw(measure) => patterns::bw(&measure, json),
        Command::Call(call) => patterns::call(&call, json),
        Command::Get(get) => regions::get(&get, json),
        Command::Set(set) => regions::set(&set),
        Command::Watch(watch) => regions::watch(&watch, json),
        Command::Wait(wait) => wait::wait(&wait),
        Command::Rm(remove) => remove::remove(&remove),
        Command::Gc(collect) => remove::collect(&collect, json),
        Command::Repair(name) => messages::repair(&name.name, json),
        Command::Record(record) => recording::record(&record),
        Command::Replay(replay) => recording::replay(&replay),
        Command::Doctor => return doctor::doctor(json),
        Command::Bench(bench) => bench::bench(&bench, json),
        Command::Generate(generate) => generate::generate(generate.what),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Every kind that this program knows: the library's number, the name on the command line, the word for people.
pub(crate) const KINDS: [(c_int, Kind, &str); 11] = [
    (library::KIND_SHM, Kind::Shm, "shm"),
    (library::KIND_MQ, Kind::Mq, "mq"),
    (library::KIND_SEM, Kind::Sem, "sem"),
    (library::KIND_TOPIC, Kind::Topic, "topic"),
    (library::KIND_CELL, Kind::Cell, "cell"),
    (library::KIND_SERVICE, Kind::Service, "service"),
    (library::KIND_POSIX_SEM, Kind::PosixSem, "posix-sem"),
    (library::KIND_KERNEL_MQ, Kind::KernelMq, "kernel-mq"),
    (library::KIND_SYSV_SHM, Kind::SysvShm, "sysv-shm"),
    (library::KIND_SYSV_MSG, Kind::SysvMsg, "sysv-msg"),
    (library::KIND_SYSV_SEM, Kind::SysvSem, "sysv-sem"),
];

/// The word for a kind.
pub(crate) fn kind_name(kind: c_int) -> &'static str {
    KINDS
        .iter()
        .find(|(number, ..)| *number == kind)
        .map_or("other", |(.., name)| name)
}

/// The library's number of a kind.
pub(crate) fn number_of(kind: Kind) -> c_int {
    KINDS
        .iter()
        .find(|(_, known, _)| *known == kind)
        .map_or(0, |(number, ..)| *number)
}

/// All kinds, also those that this version does not know.
pub(crate) const ALL_KINDS: c_int = library::KIND_ALL;

/// A name as objects have it: with a slash.
pub(crate) fn with_slash(name: &str) -> String {
    match name.starts_with('/') {
        true => name.to_owned(),
        false => format!("/{name}"),
    }
}

/// The object of one of these kinds with this name. Objects of different kinds in /dev/shm cannot share a name, but a
/// semaphore of the C library or a queue of the kernel can have the name of another object: the first of `KINDS` counts.
pub(crate) fn find(name: &str, kinds: c_int) -> Result<Object> {
    let name = with_slash(name);
    let (objects, _) = library::objects(kinds)?;
    let order = |object: &Object| {
        KINDS
            .iter()
            .position(|(number, ..)| *number == object.raw.kind)
    };
    let found = objects
        .into_iter()
        .filter(|object| object.name == name)
        .min_by_key(order);
    found.ok_or_else(|| Error::new(libc::ENOENT, format!("{name}: there is no such object")))
}
