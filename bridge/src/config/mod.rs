//! The configuration: one TOML file. robustipc-bridge(5) documents each key.
//!
//! `file` is the file's form. This module checks what the form cannot say, and turns it into what the bridge uses. Every error names
//! the file and the line.

mod file;
mod pattern;

use crate::kind::Kind;
use file::{File, Rule};
use pattern::Pattern;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

/// A configuration that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The bridge's name, which is unique among the bridges that are connected.
    pub(crate) name: String,
    /// How all keys in the network begin.
    pub(crate) prefix: String,
    /// How the names of this machine's objects begin. The network does not see it.
    pub(crate) local_prefix: String,
    /// The cell that shows the state.
    pub(crate) status: String,
    /// How many bytes may wait for the network, and from it, each.
    pub(crate) memory: usize,
    pub(crate) network: Network,
    pub(crate) leave: Vec<Leave>,
    pub(crate) arrive: Vec<Arrive>,
}

/// How to reach other bridges. A reload that changes it needs a new session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Network {
    pub(crate) mode: String,
    pub(crate) listen: Vec<String>,
    pub(crate) connect: Vec<String>,
    /// The endpoints that are not encrypted, for the log.
    pub(crate) insecure: Vec<String>,
    pub(crate) lease: Duration,
    pub(crate) zenoh: Option<PathBuf>,
    pub(crate) tls: Option<file::Tls>,
    pub(crate) password: Option<Password>,
}

/// The user of this bridge, and the users whom it lets in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Password {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) users: Option<PathBuf>,
}

/// Which objects leave this machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leave {
    pub(crate) kind: Kind,
    pub(crate) pattern: Pattern,
    /// The shortest time between two values of a topic or a cell.
    pub(crate) interval: Option<Duration>,
    /// Whether samples may be lost on the way instead of waiting.
    pub(crate) best_effort: bool,
}

/// Which objects of other machines arrive here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrive {
    pub(crate) kind: Kind,
    pub(crate) pattern: Pattern,
    pub(crate) from: Pattern,
    /// The permissions of objects that the bridge creates.
    pub(crate) mode: u32,
}

impl Config {
    /// Reads a file. The error is a text that names the file and the line.
    pub(crate) fn read(path: &Path) -> Result<Config, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Config::parse(&text, path.parent().unwrap_or(Path::new(".")))
            .map_err(|(line, problem)| format!("{}:{line}: {problem}", path.display()))
    }

    /// The rule by which an object leaves.
    pub(crate) fn leaves(&self, kind: Kind, name: &str) -> Option<&Leave> {
        self.leave
            .iter()
            .find(|rule| rule.kind == kind && rule.pattern.matches(name))
    }

    /// The rule by which another bridge's object arrives.
    pub(crate) fn arrives(&self, kind: Kind, name: &str, from: &str) -> Option<&Arrive> {
        self.arrive
            .iter()
            .find(|rule| rule.kind == kind && rule.pattern.matches(name) && rule.from.matches(from))
    }

    fn parse(text: &str, folder: &Path) -> Result<Config, (usize, String)> {
        let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            (line_of(start), error.message().to_owned())
        })?;
        Config::check(file, folder).map_err(|(offset, problem)| (line_of(offset), problem))
    }

    fn check(file: File, folder: &Path) -> Result<Config, (usize, String)> {
        let bridge = file.bridge;
        let name = match bridge.name {
            Some(name) => checked(
                &name,
                is_key_part,
                "a bridge's name has letters, digits, \"-\", \"_\" and \".\"",
            )?,
            None => host_name(),
        };
        let prefix = match bridge.prefix {
            Some(prefix) => checked(
                &prefix,
                |text| text.split('/').all(is_key_part),
                "a prefix has parts of letters, digits, \"-\", \"_\" and \".\", with \"/\" between them",
            )?,
            None => "robustipc".into(),
        };
        let local_prefix = match bridge.local_prefix {
            Some(prefix) => checked(
                &prefix,
                |text| !text.contains('/'),
                "local_prefix contains no \"/\"",
            )?,
            None => String::new(),
        };
        let status = match bridge.status {
            Some(name) => checked(
                &name,
                |text| text.len() > 1 && text.starts_with('/') && !text[1..].contains('/'),
                "an object's name is \"/\" and more, without another \"/\"",
            )?,
            None => "/robustipc-bridge".into(),
        };
        let memory = match bridge.memory {
            Some(memory) if *memory.get_ref() < 1 << 16 => {
                return Err((memory.span().start, "memory is at least 65536 bytes".into()));
            }
            Some(memory) => *memory.get_ref(),
            None => 8 << 20,
        };
        let leave = file
            .leave
            .into_iter()
            .map(leave)
            .collect::<Result<_, _>>()?;
        let arrive = file
            .arrive
            .into_iter()
            .map(arrive)
            .collect::<Result<_, _>>()?;
        Ok(Config {
            network: network(file.network, folder)?,
            name,
            prefix,
            local_prefix,
            status,
            memory,
            leave,
            arrive,
        })
    }
}

fn checked(
    value: &Spanned<String>,
    is_good: impl Fn(&str) -> bool,
    rule: &str,
) -> Result<String, (usize, String)> {
    let text = value.get_ref();
    if text.len() <= 200 && is_good(text) {
        return Ok(text.clone());
    }
    Err((value.span().start, format!("\"{text}\": {rule}")))
}

fn is_key_part(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if is_key_part(name) {
        name.to_owned()
    } else {
        "bridge".to_owned()
    }
}

fn network(network: file::Network, folder: &Path) -> Result<Network, (usize, String)> {
    let mode = match network.mode {
        Some(mode) => checked(
            &mode,
            |text| matches!(text, "peer" | "client" | "router"),
            "mode is \"peer\", \"client\" or \"router\"",
        )?,
        None => "peer".into(),
    };
    let (mut insecure, mut needs_tls) = (Vec::new(), None);
    let mut endpoints = |list: Vec<file::Endpoint>| {
        list.into_iter()
            .map(|endpoint| {
                let (text, at) = (endpoint.endpoint.get_ref().clone(), endpoint.endpoint.span().start);
                match text.split('/').next() {
                    Some("tls") => needs_tls = Some(at),
                    Some("tcp") if endpoint.insecure => insecure.push(text.clone()),
                    Some("tcp") => {
                        return Err((at, format!("\"{text}\" is not encrypted: use \"tls/...\", or permit it with insecure = true")));
                    }
                    _ => return Err((at, format!("\"{text}\": an endpoint is \"tls/ADDRESS:PORT\" or \"tcp/ADDRESS:PORT\""))),
                }
                Ok(text)
            })
            .collect::<Result<Vec<_>, _>>()
    };
    let (listen, connect) = (endpoints(network.listen)?, endpoints(network.connect)?);
    let resolve = |path: PathBuf| folder.join(path);
    let tls = network.tls.map(|tls| file::Tls {
        root_ca: tls.root_ca.map(resolve),
        certificate: tls.certificate.map(resolve),
        key: tls.key.map(resolve),
        ..tls
    });
    if let (Some(at), None) = (needs_tls, &tls) {
        return Err((
            at,
            "a \"tls/\" endpoint needs [network.tls] with the certificates".into(),
        ));
    }
    let lease = match network.lease_ms {
        Some(lease) if !(100..=600_000).contains(lease.get_ref()) => {
            return Err((lease.span().start, "lease_ms is 100 to 600000".into()));
        }
        Some(lease) => *lease.get_ref(),
        None => 5000,
    };
    Ok(Network {
        mode,
        listen,
        connect,
        insecure,
        lease: Duration::from_millis(lease),
        zenoh: network.zenoh.map(resolve),
        tls,
        password: network
            .password
            .map(|part| password(part, folder))
            .transpose()?,
    })
}

fn password(part: file::Password, folder: &Path) -> Result<Password, (usize, String)> {
    let at = part.password_file.span().start;
    let path = folder.join(part.password_file.get_ref());
    let password = std::fs::read_to_string(&path)
        .map_err(|error| (at, format!("{}: {error}", path.display())))?;
    Ok(Password {
        user: part.user,
        password: password.trim_end_matches('\n').to_owned(),
        users: part.users_file.map(|path| folder.join(path)),
    })
}

fn leave(rule: Spanned<Rule>) -> Result<Leave, (usize, String)> {
    let at = rule.span().start;
    let rule = rule.into_inner();
    let (kind, pattern) = object(&rule, at)?;
    if rule.from.is_some() || rule.mode.is_some() {
        return Err((at, "\"from\" and \"mode\" belong to [[arrive]]".into()));
    }
    let is_value = matches!(kind, Kind::Topic | Kind::Cell);
    let interval = match rule.rate {
        Some(rate) if !is_value => {
            return Err((
                rate.span().start,
                "only topics and cells have a rate".into(),
            ));
        }
        Some(rate) if !(*rate.get_ref() > 0.0 && rate.get_ref().is_finite()) => {
            return Err((
                rate.span().start,
                "rate is a number of values per second, above 0".into(),
            ));
        }
        rate => rate.map(|rate| Duration::from_secs_f64((1.0 / rate.get_ref()).min(1e6))),
    };
    let best_effort = match &rule.reliability {
        None => false,
        Some(text) => match text.get_ref().as_str() {
            "reliable" => false,
            "best-effort" if kind == Kind::Topic => true,
            "best-effort" => {
                return Err((
                    text.span().start,
                    "only topics have reliability = \"best-effort\"".into(),
                ));
            }
            _ => {
                return Err((
                    text.span().start,
                    "reliability is \"reliable\" or \"best-effort\"".into(),
                ));
            }
        },
    };
    Ok(Leave {
        kind,
        pattern,
        interval,
        best_effort,
    })
}

fn arrive(rule: Spanned<Rule>) -> Result<Arrive, (usize, String)> {
    let at = rule.span().start;
    let rule = rule.into_inner();
    let (kind, pattern) = object(&rule, at)?;
    if rule.rate.is_some() || rule.reliability.is_some() {
        return Err((
            at,
            "\"rate\" and \"reliability\" belong to [[leave]]".into(),
        ));
    }
    let mode = match &rule.mode {
        None => 0o660,
        Some(mode) => u32::from_str_radix(mode.get_ref(), 8)
            .ok()
            .filter(|mode| *mode <= 0o777)
            .ok_or((
                mode.span().start,
                "mode is an octal number in quotes, for example \"660\"".into(),
            ))?,
    };
    Ok(Arrive {
        kind,
        pattern,
        from: Pattern::new(rule.from.as_deref().unwrap_or("*")),
        mode,
    })
}

/// The one object that a rule names.
fn object(rule: &Rule, at: usize) -> Result<(Kind, Pattern), (usize, String)> {
    let named = [
        (Kind::Topic, &rule.topic),
        (Kind::Cell, &rule.cell),
        (Kind::Queue, &rule.queue),
        (Kind::Service, &rule.service),
    ];
    let mut named = named
        .into_iter()
        .filter_map(|(kind, name)| name.as_ref().map(|name| (kind, name)));
    let (Some((kind, name)), None) = (named.next(), named.next()) else {
        return Err((
            at,
            "a rule names one of \"topic\", \"cell\", \"queue\" and \"service\"".into(),
        ));
    };
    let text = checked(
        name,
        |text| text.len() > 1 && text.starts_with('/') && !text[1..].contains('/'),
        "an object's name is \"/\" and more, without another \"/\"; \"*\" and \"?\" stand for others",
    )?;
    Ok((kind, Pattern::new(&text)))
}

#[cfg(test)]
mod tests;
