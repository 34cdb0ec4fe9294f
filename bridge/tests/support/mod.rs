//! Two bridges on one machine: each has a prefix of its own for the names of its objects, so they see different objects.

#![allow(
    dead_code,
    unused_imports,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "each test program uses a part of it; a test prints and waits as it likes"
)]

#[path = "../../src/library/mod.rs"]
pub(crate) mod library;

use library::{Cell, Field, Type};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_robustipc-bridge");

/// Waits until a condition holds. It never waits for a time to pass; the limit is for a test that fails.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            start.elapsed() < Duration::from_secs(180),
            "no {what} after 180 s"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

static WORLDS: AtomicU32 = AtomicU32::new(0);

/// The names, the folder and the port of one test.
pub(crate) struct World {
    pub(crate) key: String,
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    /// Keeps other tests from the ports of this one.
    ports: Mutex<Vec<TcpListener>>,
}

/// A free port, and what reserves it: a listener of the same port at another address. The port is none of those that the kernel gives
/// to connections, because such a port may be taken before the bridge listens, also by a bridge that tries to connect to it.
fn reserve_port() -> (u16, TcpListener) {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first = range.split_whitespace().next().unwrap().parse().unwrap();
    let start = std::process::id() as u16;
    let ports = (0..u16::MAX).map(|step| start.wrapping_add(step));
    ports
        .filter(|port| (2_000..first).contains(port))
        .find_map(|port| {
            let reserved = TcpListener::bind(("127.0.0.2", port)).ok()?;
            TcpListener::bind(("127.0.0.1", port)).ok()?;
            Some((port, reserved))
        })
        .expect("a free port")
}

impl World {
    pub(crate) fn new() -> World {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let key = format!("bt{}n{number}", std::process::id());
        let folder = std::env::temp_dir().join(&key);
        std::fs::create_dir_all(&folder).unwrap();
        let (port, reserved) = reserve_port();
        World {
            key,
            folder,
            port,
            ports: Mutex::new(vec![reserved]),
        }
    }

    /// A further port.
    pub(crate) fn another_port(&self) -> u16 {
        let (port, reserved) = reserve_port();
        self.ports.lock().unwrap().push(reserved);
        port
    }

    /// The local name of an object at a side, "a" or "b".
    pub(crate) fn name(&self, side: &str, name: &str) -> String {
        format!("/{}{side}-{name}", self.key)
    }

    /// Writes the configuration of a side and returns its path. Side "a" listens, all others connect to it.
    pub(crate) fn configure(&self, bridge: &str, side: &str, rules: &str) -> PathBuf {
        let link = if bridge == "a" { "listen" } else { "connect" };
        let endpoint = format!(
            "{link} = [{{ endpoint = \"tcp/127.0.0.1:{}\", insecure = true }}]",
            self.port
        );
        self.configure_with(bridge, side, &endpoint, rules)
    }

    pub(crate) fn configure_with(
        &self,
        bridge: &str,
        side: &str,
        network: &str,
        rules: &str,
    ) -> PathBuf {
        let path = self.folder.join(format!("{bridge}.toml"));
        let key = &self.key;
        let text = format!(
            "[bridge]\nname = \"{bridge}\"\nprefix = \"{key}\"\nlocal_prefix = \"{key}{side}-\"\n\
             status = \"/{key}status-{bridge}\"\n[network]\n{network}\n{rules}\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn start(&self, bridge: &str, side: &str, rules: &str) -> Bridge {
        self.configure(bridge, side, rules);
        self.run(bridge)
    }

    /// Starts a bridge that was configured.
    pub(crate) fn run(&self, bridge: &str) -> Bridge {
        self.run_in(&[], bridge)
    }

    /// Starts a bridge by a command that executes its arguments.
    pub(crate) fn run_in(&self, command: &[String], bridge: &str) -> Bridge {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{bridge}.log")))
            .unwrap();
        let words: Vec<&str> = command
            .iter()
            .map(String::as_str)
            .chain([PROGRAM])
            .collect();
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg("--config")
            .arg(self.folder.join(format!("{bridge}.toml")))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Bridge {
            child,
            status: format!("/{}status-{bridge}", self.key),
        }
    }

    pub(crate) fn log(&self, bridge: &str) -> String {
        std::fs::read_to_string(self.folder.join(format!("{bridge}.log"))).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for entry in std::fs::read_dir(&self.folder)
                .into_iter()
                .flatten()
                .flatten()
            {
                if entry.path().extension().is_some_and(|end| end == "log") {
                    let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                    eprintln!("--- {}\n{text}", entry.path().display());
                }
            }
        }
        for kind in [0x200, 0x100, 0x400, 0x800, 0x1] {
            for object in library::objects(kind).unwrap_or_default() {
                if object.name.contains(&self.key) {
                    let _ = library::remove(kind, &object.name);
                }
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A bridge that runs.
pub(crate) struct Bridge {
    pub(crate) child: Child,
    status: String,
}

impl Bridge {
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: the call takes no pointer.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// The state that the bridge shows, once it is this bridge's.
    pub(crate) fn state(&self) -> Option<serde_json::Value> {
        let field = |name: &str, offset, size| Field {
            name: name.into(),
            offset,
            size,
        };
        let declared = Type {
            name: "robustipc_bridge_status".into(),
            version: 1,
            size: 1 << 16,
            alignment: 4,
            fields: vec![field("length", 0, 4), field("json", 4, (1 << 16) - 4)],
        };
        let (value, _) = Cell::open_to_read(&self.status, &declared)
            .ok()?
            .read()
            .ok()?;
        let length = u32::from_ne_bytes(value[..4].try_into().unwrap()) as usize;
        let state: serde_json::Value = serde_json::from_slice(&value[4..4 + length]).ok()?;
        (state["pid"] == self.child.id()).then_some(state)
    }

    /// A count of an object in the state.
    pub(crate) fn count(&self, object: &str, count: &str) -> u64 {
        let state = self.state().unwrap_or_default();
        let objects = state["objects"].as_array().cloned().unwrap_or_default();
        let found = objects.iter().find(|found| found["name"] == object);
        found
            .and_then(|found| found[count].as_u64())
            .unwrap_or_default()
    }

    pub(crate) fn wait_until_ready(&self) {
        until("state of the bridge", || self.state());
    }

    /// Waits until so many other bridges take the object.
    pub(crate) fn wait_for_takers(&self, object: &str, count: u64) {
        until("bridge that takes the object", || {
            (self.count(object, "takers") == count).then_some(())
        });
    }

    pub(crate) fn wait_for_peers(&self, count: usize) {
        until("connection", || {
            (self.state()?["peers"].as_array()?.len() == count).then_some(())
        });
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
