//! Bridges on different hosts: network namespaces that a pair of virtual devices joins. If the kernel has
//! netem, it delays packets by 20 ms and loses 5 % of them.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test prints and waits as it likes"
)]

mod support;

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::library::{
    Cell, Client, Queue, QueueAttributes, Server, Shape, Topic, TopicAttributes, Type,
};
use support::{World, until};

/// A host: a process that keeps a network namespace.
struct Host(Child);

impl Host {
    fn new() -> Option<Host> {
        // The host has its namespace when it has said so.
        let mut child = Command::new("unshare")
            .args(["-n", "sh", "-c", "echo ready; exec sleep 3600"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut said = [0; 6];
        let mut output = child.stdout.take()?;
        if std::io::Read::read_exact(&mut output, &mut said).is_err() {
            let _ = child.wait();
            return None;
        }
        Some(Host(child))
    }

    fn enter(&self) -> Vec<String> {
        ["nsenter", "-t", &self.0.id().to_string(), "-n"]
            .map(str::to_owned)
            .into()
    }

    fn run(&self, command: &str) -> bool {
        let enter = self.enter();
        let output = Command::new(&enter[0])
            .args(&enter[1..])
            .args(command.split(' '))
            .output();
        output.is_ok_and(|output| output.status.success())
    }

    /// Two hosts that a link joins, 10.0.0.1 and 10.0.0.2.
    fn pair() -> Option<[Host; 2]> {
        let hosts = [Host::new()?, Host::new()?];
        let other = hosts[1].0.id();
        let mut is_good = hosts[0].run(&format!(
            "ip link add v type veth peer name v netns {other}"
        ));
        for (number, host) in hosts.iter().enumerate() {
            is_good &= host.run(&format!("ip address add 10.0.0.{}/24 dev v", number + 1))
                && host.run("ip link set v up");
            if !host.run("tc qdisc add dev v root netem delay 20ms loss 5%") {
                println!("without delay and loss: this kernel has no netem");
            }
        }
        is_good.then_some(hosts)
    }

    /// Three hosts, each with a link to each other one: 10.0.1.0 joins the first and the second, 10.0.2.0 the first and the
    /// third, 10.0.3.0 the second and the third. A host's number is its last one.
    fn three() -> Option<[Host; 3]> {
        let hosts = [Host::new()?, Host::new()?, Host::new()?];
        let mut is_good = true;
        for (link, [left, right]) in [(1, [0, 1]), (2, [0, 2]), (3, [1, 2])] {
            let other = hosts[right].0.id();
            is_good &= hosts[left].run(&format!(
                "ip link add v{link} type veth peer name v{link} netns {other}"
            ));
            for host in [left, right] {
                let address = format!("10.0.{link}.{}/24", host + 1);
                is_good &= hosts[host].run(&format!("ip address add {address} dev v{link}"))
                    && hosts[host].run(&format!("ip link set v{link} up"));
            }
        }
        is_good.then_some(hosts)
    }

    fn cut(&self) {
        self.cut_link("v");
    }

    fn join(&self) {
        self.join_link("v");
    }

    fn cut_link(&self, link: &str) {
        assert!(self.run(&format!("ip link set {link} down")));
    }

    fn join_link(&self, link: &str) {
        assert!(self.run(&format!("ip link set {link} up")));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hosts<const COUNT: usize>(make: fn() -> Option<[Host; COUNT]>) -> Option<[Host; COUNT]> {
    let hosts = make();
    if hosts.is_none() {
        eprintln!("skipped: this process may not make network namespaces");
    }
    hosts
}

const RULES: [&str; 4] = ["topic", "cell", "queue", "service"];

fn rules(table: &str) -> String {
    RULES
        .map(|kind| format!("[[{table}]]\n{kind} = \"/*\"\n"))
        .concat()
}

fn configure(world: &World) {
    let listen = "listen = [{ endpoint = \"tcp/10.0.0.1:7447\", insecure = true }]";
    let connect = "connect = [{ endpoint = \"tcp/10.0.0.1:7447\", insecure = true }]";
    world.configure_with("a", "a", listen, &rules("leave"));
    world.configure_with("b", "b", connect, &rules("arrive"));
}

/// The objects at both sides.
struct Objects {
    topics: [Topic; 2],
    cells: [Cell; 2],
    queues: [Queue; 2],
}

fn objects(world: &World) -> Objects {
    let sample = TopicAttributes {
        sample_size: 8,
        capacity: 4096,
        ..TopicAttributes::default()
    };
    let message = QueueAttributes {
        max_messages: 128,
        message_size: 8,
        ..QueueAttributes::default()
    };
    let value = Type {
        name: "Value".into(),
        version: 1,
        size: 8,
        alignment: 8,
        fields: Vec::new(),
    };
    let there = world.name("b", "samples");
    drop(Topic::publish(&there, Some(&sample), None, 0o600).unwrap());
    Objects {
        topics: [
            Topic::publish(&world.name("a", "samples"), Some(&sample), None, 0o600).unwrap(),
            Topic::subscribe(&there).unwrap(),
        ],
        cells: ["a", "b"]
            .map(|side| Cell::open(&world.name(side, "state"), &value, Some(0o600)).unwrap()),
        queues: ["a", "b"].map(|side| {
            Queue::open(&world.name(side, "jobs"), Some(&message), None, 0o600).unwrap()
        }),
    }
}

/// The values that have arrived, and whether it was what may arrive.
#[derive(Default)]
struct Arrived {
    samples: u64,
    last_sample: u64,
    messages: u64,
}

impl Arrived {
    fn take(&mut self, objects: &Objects) {
        while let Ok(number) = objects.topics[1].read(|bytes, _| number_of(bytes)) {
            assert!(
                number > self.last_sample,
                "samples keep their order, and none comes twice"
            );
            self.last_sample = number;
            self.samples += 1;
        }
        while let Ok(message) = objects.queues[1].borrow() {
            self.messages += 1;
            assert_eq!(
                number_of(message.bytes()),
                self.messages,
                "no message is lost or doubled"
            );
            objects.queues[1].give_back(message).unwrap();
        }
    }
}

fn number_of(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes.try_into().unwrap())
}

#[test]
fn all_arrives_over_a_link_that_loses_packets_and_is_cut() {
    let Some(hosts) = hosts(Host::pair) else {
        return;
    };
    let world = World::new();
    let objects = objects(&world);
    configure(&world);
    let a = world.run_in(&hosts[0].enter(), "a");
    let b = world.run_in(&hosts[1].enter(), "b");
    for object in ["/samples", "/state", "/jobs"] {
        a.wait_for_takers(object, 1);
    }
    let (mut samples, mut messages, mut arrived) = (0_u64, 0_u64, Arrived::default());
    let mut step = |arrived: &mut Arrived| {
        samples += 1;
        objects.topics[0].send(&samples.to_ne_bytes(), 0).unwrap();
        objects.cells[0].write(&samples.to_ne_bytes()).unwrap();
        let next = (messages + 1).to_ne_bytes();
        if objects.queues[0].send_in_place(&next, 0, || {}).is_ok() {
            messages += 1;
        }
        arrived.take(&objects);
        std::thread::sleep(Duration::from_millis(1));
        (samples, messages)
    };
    until("samples before the cut", || {
        step(&mut arrived);
        (arrived.samples >= 1_000 && arrived.messages >= 500).then_some(())
    });
    hosts[0].cut();
    let cut = Instant::now();
    while cut.elapsed() < Duration::from_secs(10) {
        step(&mut arrived);
    }
    let before = arrived.samples;
    hosts[0].join();
    let joined = Instant::now();
    until("sample after the cut", || {
        step(&mut arrived);
        (arrived.samples > before + 10).then_some(())
    });
    println!(
        "the routes were back {:?} after the cut of 10 s",
        joined.elapsed()
    );
    let (samples, messages) = step(&mut arrived);
    until("last values", || {
        arrived.take(&objects);
        let value = objects.cells[1].read().ok()?.0;
        let is_all = arrived.last_sample == samples && arrived.messages == messages;
        (is_all && number_of(&value) == samples).then_some(())
    });
    // Each sample has arrived or is counted, at one side or the other.
    until("counts of the gaps", || {
        (b.count("/samples", "missed") == samples - arrived.samples).then_some(())
    });
    until("count of reconnects", || {
        (a.count("/samples", "reconnects") == 1 && b.count("/jobs", "reconnects") == 1)
            .then_some(())
    });
    until("all counts", || {
        (b.count("/jobs", "in") == messages).then_some(())
    });
}

#[test]
fn calls_over_a_link_that_is_cut_are_answered_or_told() {
    const ONCE: i32 = 1;
    let Some(hosts) = hosts(Host::pair) else {
        return;
    };
    let world = World::new();
    let names = ["again", "once"];
    let servers = [0, ONCE].map(|flags| {
        let shape = Shape {
            request_size: 8,
            reply_size: 8,
            max_requests: 4,
            max_clients: 4,
            flags,
            request: None,
            reply: None,
        };
        let [here, there] = ["a", "b"].map(|side| {
            let name = world.name(side, names[flags as usize]);
            Server::open(&name, &shape, Some(0o600)).unwrap()
        });
        // A bridge that creates the service serves for a moment.
        drop(there);
        here
    });
    configure(&world);
    let _a = world.run_in(&hosts[0].enter(), "a");
    let _b = world.run_in(&hosts[1].enter(), "b");
    let clients = names.map(|name| {
        let name = world.name("b", name);
        let client = until("service", || Client::open(&name).ok());
        until("server", || client.has_server().unwrap().then_some(()));
        client
    });
    let receive = |server: &Server| until("request", || server.receive().ok());
    let call = |client: &Client| client.call(b"x", 0, 8, -1).map_err(|error| error.errno);
    std::thread::scope(|scope| {
        let [again, once] = clients
            .each_ref()
            .map(|client| scope.spawn(move || call(client)));
        for server in &servers {
            receive(server);
        }
        hosts[0].cut();
        assert_eq!(once.join().unwrap(), Err(libc::EOWNERDEAD));
        until("end of the servers", || {
            (!clients[0].has_server().unwrap()).then_some(())
        });
        assert_eq!(call(&clients[0]), Err(libc::ENOENT));
        hosts[0].join();
        // The request is delivered again.
        let request = receive(&servers[0]);
        servers[0].reply(request.id, b"y").unwrap();
        assert_eq!(again.join().unwrap(), Ok(b"y".to_vec()));
    });
}

/// Ends the servers of a test, also of one that fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Takes what has arrived of a topic in which each sample is the next number. Returns how many samples there were.
fn take_samples(topic: &Topic, last: &mut u64) -> u64 {
    let mut count = 0;
    while let Ok(number) = topic.read(|bytes, _| number_of(bytes)) {
        assert!(
            number > *last,
            "samples keep their order, and none comes twice"
        );
        (*last, count) = (number, count + 1);
    }
    count
}

#[test]
fn three_hosts_that_all_know_each_other_get_everything_once() {
    let Some(hosts) = hosts(Host::three) else {
        return;
    };
    let world = World::new();
    let sample = TopicAttributes {
        sample_size: 8,
        capacity: 4096,
        ..TopicAttributes::default()
    };
    let topic = Topic::publish(&world.name("a", "samples"), Some(&sample), None, 0o600).unwrap();
    let taken = ["b", "c"].map(|side| {
        let name = world.name(side, "samples");
        drop(Topic::publish(&name, Some(&sample), None, 0o600).unwrap());
        Topic::subscribe(&name).unwrap()
    });
    let shape = Shape {
        request_size: 8,
        reply_size: 8,
        max_requests: 4,
        max_clients: 4,
        flags: 0,
        request: None,
        reply: None,
    };
    let names = ["a", "b", "c"].map(|side| world.name(side, "who"));
    for name in &names {
        drop(Server::open(name, &shape, Some(0o600)).unwrap());
    }

    let listen = "listen = [{ endpoint = \"tcp/0.0.0.0:7447\", insecure = true }]";
    let connect = |to: &[&str]| {
        let endpoints: Vec<String> = to
            .iter()
            .map(|to| format!("{{ endpoint = \"tcp/{to}:7447\", insecure = true }}"))
            .collect();
        format!("connect = [{}]", endpoints.join(", "))
    };
    let rule = |table, kind, name| format!("[[{table}]]\n{kind} = \"/{name}\"\n");
    let gives = rule("leave", "topic", "samples") + &rule("leave", "service", "who");
    let shares = rule("arrive", "topic", "samples") + &rule("leave", "service", "who");
    let takes = rule("arrive", "topic", "samples") + &rule("arrive", "service", "who");
    world.configure_with("a", "a", listen, &gives);
    let both = format!("{listen}\n{}", connect(&["10.0.1.1"]));
    world.configure_with("b", "b", &both, &shares);
    world.configure_with("c", "c", &connect(&["10.0.2.1", "10.0.3.2"]), &takes);
    let a = world.run_in(&hosts[0].enter(), "a");
    let b = world.run_in(&hosts[1].enter(), "b");
    let c = world.run_in(&hosts[2].enter(), "c");
    for bridge in [&a, &b, &c] {
        bridge.wait_for_peers(2);
    }
    a.wait_for_takers("/samples", 2);

    let (mut sent, mut last, mut arrived) = (0_u64, [0; 2], [0; 2]);
    let mut step = |arrived: &mut [u64; 2], last: &mut [u64; 2]| {
        sent += 1;
        topic.send(&sent.to_ne_bytes(), 0).unwrap();
        for at in 0..2 {
            arrived[at] += take_samples(&taken[at], &mut last[at]);
        }
        std::thread::sleep(Duration::from_millis(1));
        sent
    };
    until("samples at both", || {
        step(&mut arrived, &mut last);
        (arrived.iter().all(|&count| count >= 500)).then_some(())
    });

    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = Stop(&is_over);
        for (name, own) in names.iter().zip([b"a", b"b"]) {
            let (shape, is_over) = (&shape, &is_over);
            scope.spawn(move || {
                let server = Server::open(name, shape, None).unwrap();
                while !is_over.load(Ordering::Relaxed) {
                    match server.receive() {
                        Ok(request) => server.reply(request.id, own).unwrap(),
                        Err(_) => std::thread::sleep(Duration::from_millis(1)),
                    }
                }
            });
        }
        let client = Client::open(&names[2]).unwrap();
        until("server", || client.has_server().unwrap().then_some(()));
        let call = || client.call(b"x", 0, 8, -1).map_err(|error| error.errno);
        assert!(matches!(call().unwrap().as_slice(), b"a" | b"b"));
        // Without its link to the first host, the third one gets its answers from the second.
        hosts[0].cut_link("v2");
        until("loss of a host", || {
            step(&mut arrived, &mut last);
            (c.state()?["peers"].as_array()?.len() == 1).then_some(())
        });
        for _ in 0..10 {
            assert_eq!(call(), Ok(b"b".to_vec()));
        }
        drop(stop);
    });
    hosts[0].join_link("v2");
    let before = arrived[1];
    until("samples after the cut", || {
        step(&mut arrived, &mut last);
        (arrived[1] > before + 10).then_some(())
    });
    let sent = step(&mut arrived, &mut last);
    until("last samples", || {
        for at in 0..2 {
            arrived[at] += take_samples(&taken[at], &mut last[at]);
        }
        (last == [sent; 2]).then_some(())
    });
    // The second host was never cut off.
    assert_eq!((arrived[0], b.count("/samples", "missed")), (sent, 0));
    until("counts of the gaps", || {
        (c.count("/samples", "missed") == sent - arrived[1]).then_some(())
    });
}
