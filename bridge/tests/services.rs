//! Services between bridges: every call is answered or told, whoever is killed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test prints and waits as it likes"
)]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use support::library::{Client, Request, Server, Shape, Type};
use support::{Bridge, World, until};

const LEAVE: &str = "[[leave]]\nservice = \"/*\"\n";
const ARRIVE: &str = "[[arrive]]\nservice = \"/*\"\n";
const PATIENCE: i64 = 30_000_000_000;
const ONCE: i32 = 1;
const REPLY_SIZE: usize = 256;

fn shape(flags: i32) -> Shape {
    let number = Type {
        name: "Number".into(),
        version: 1,
        size: 8,
        alignment: 8,
        fields: Vec::new(),
    };
    Shape {
        request_size: 64,
        reply_size: REPLY_SIZE,
        max_requests: 40,
        max_clients: 20,
        flags,
        request: Some(number),
        reply: None,
    }
}

/// A link that a busy machine does not cut.
fn configure(world: &World, side: &str, rules: &str) {
    configure_with_lease(world, side, rules, 60_000);
}

fn configure_with_lease(world: &World, side: &str, rules: &str, lease: u32) {
    let (link, port) = (if side == "a" { "listen" } else { "connect" }, world.port);
    let endpoint = format!("{{ endpoint = \"tcp/127.0.0.1:{port}\", insecure = true }}");
    let network = format!("lease_ms = {lease}\n{link} = [{endpoint}]");
    world.configure_with(side, side, &network, rules);
}

/// The service is made before: a bridge that creates it serves for a moment, and a call in that moment may fail.
fn start(world: &World, side: &str, rules: &str) -> Bridge {
    if side == "b" {
        let _ = Server::open(&world.name("b", "add"), &shape(0), Some(0o600));
    }
    configure(world, side, rules);
    world.run(side)
}

fn serve(world: &World, side: &str, flags: i32) -> Server {
    Server::open(&world.name(side, "add"), &shape(flags), Some(0o600)).unwrap()
}

fn open(world: &World, side: &str) -> Client {
    let name = world.name(side, "add");
    until("service", || Client::open(&name).ok())
}

fn receive(server: &Server) -> Request {
    until("request", || server.receive().ok())
}

fn call(client: &Client, bytes: &[u8], timeout_ns: i64) -> Result<Vec<u8>, i32> {
    client
        .call(bytes, 3, REPLY_SIZE, timeout_ns)
        .map_err(|error| error.errno)
}

fn wait_for_server(client: &Client) {
    until("server", || client.has_server().unwrap().then_some(()));
}

fn wait_for_no_server(client: &Client) {
    until("end of the server", || {
        (!client.has_server().unwrap()).then_some(())
    });
}

/// Runs the test below as a process of its own, which serves until it is killed.
fn server_process(name: &str, flags: i32, mode: &str) -> Process {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "a_process_that_serves"])
        .env("SERVE_NAME", name)
        .env("SERVE_FLAGS", flags.to_string())
        .env("SERVE_MODE", mode)
        .stdout(Stdio::null())
        .spawn();
    Process(child.unwrap())
}

/// A process that is killed at the end.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "the server of other tests"]
fn a_process_that_serves() {
    let Ok(name) = std::env::var("SERVE_NAME") else {
        return;
    };
    let flags = std::env::var("SERVE_FLAGS").unwrap().parse().unwrap();
    let answers = std::env::var("SERVE_MODE").unwrap() == "answer";
    let server = Server::open(&name, &shape(flags), Some(0o600)).unwrap();
    loop {
        match server.receive() {
            Ok(request) if answers => server
                .reply(request.id, &answer_to(&request.bytes))
                .unwrap(),
            Ok(_) => {}
            Err(_) => std::thread::sleep(Duration::from_micros(200)),
        }
    }
}

fn answer_to(request: &[u8]) -> Vec<u8> {
    request.iter().map(|byte| byte ^ 0x5a).collect()
}

#[test]
fn a_call_is_answered_on_another_machine() {
    let world = World::new();
    let server = serve(&world, "a", 0);
    let a = start(&world, "a", LEAVE);
    // The bridge creates the service.
    configure(&world, "b", ARRIVE);
    let b = world.run("b");
    let client = open(&world, "b");
    assert_eq!(client.shape().unwrap(), shape(0));
    wait_for_server(&client);
    let client = &client;
    std::thread::scope(|scope| {
        for number in 0..50_u8 {
            let calls = scope.spawn(move || {
                until("server", || match call(client, &[number; 8], PATIENCE) {
                    Err(libc::ENOENT) => None,
                    outcome => Some(outcome),
                })
            });
            let request = receive(&server);
            assert_eq!((&request.bytes, request.priority), (&vec![number; 8], 3));
            // The deadline has come along.
            let left = request.left.unwrap();
            assert!(left <= Duration::from_secs(30) && left > Duration::from_secs(5));
            server.reply(request.id, &[number, 1, 2]).unwrap();
            assert_eq!(calls.join().unwrap(), Ok(vec![number, 1, 2]));
        }
        let calls = scope.spawn(|| call(client, b"forever", -1));
        let request = receive(&server);
        assert!(request.left.is_none());
        server.reply(request.id, b"").unwrap();
        assert_eq!(calls.join().unwrap(), Ok(Vec::new()));
    });
    until("counts", || {
        let counts = [(&a, "out"), (&a, "in"), (&b, "out"), (&b, "in")];
        let counts = counts.map(|(bridge, count)| bridge.count("/add", count));
        counts.iter().all(|count| *count >= 51).then_some(())
    });
}

#[test]
fn a_call_ends_at_its_deadline() {
    let world = World::new();
    let server = serve(&world, "a", 0);
    let _a = start(&world, "a", LEAVE);
    let b = start(&world, "b", ARRIVE);
    let client = open(&world, "b");
    wait_for_server(&client);
    // The request is delivered, and its reply reaches nobody. On a busy machine the time may pass before.
    let late = std::thread::scope(|scope| {
        loop {
            let calls = scope.spawn(|| call(&client, b"slow", 1_000_000_000));
            let late = until("request or end", || match server.receive() {
                Ok(request) => Some(Some(request)),
                Err(_) => calls.is_finished().then_some(None),
            });
            assert_eq!(calls.join().unwrap(), Err(libc::ETIMEDOUT));
            if let Some(late) = late {
                break late;
            }
        }
    });
    server.reply(late.id, b"late").unwrap();
    // The next call works.
    until("end of the call", || {
        (b.count("/add", "waiting") == 0).then_some(())
    });
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| call(&client, b"next", PATIENCE));
        let request = receive(&server);
        assert_eq!(request.bytes, b"next");
        server.reply(request.id, b"done").unwrap();
        assert_eq!(calls.join().unwrap(), Ok(b"done".to_vec()));
    });
}

#[test]
fn without_a_server_the_error_comes_at_once() {
    let world = World::new();
    drop(serve(&world, "a", 0));
    let a = start(&world, "a", LEAVE);
    let b = start(&world, "b", ARRIVE);
    let client = open(&world, "b");
    b.wait_for_peers(1);
    // Without a limit: the call would wait for ever.
    assert_eq!(call(&client, b"x", -1), Err(libc::ENOENT));
    for _ in 0..3 {
        let server = server_process(&world.name("a", "add"), 0, "answer");
        wait_for_server(&client);
        assert_eq!(call(&client, b"ab", PATIENCE), Ok(answer_to(b"ab")));
        drop(server);
        wait_for_no_server(&client);
        assert_eq!(call(&client, b"x", -1), Err(libc::ENOENT));
    }
    // Without the link, nobody serves either.
    let _server = serve(&world, "a", 0);
    wait_for_server(&client);
    a.kill();
    wait_for_no_server(&client);
    assert_eq!(call(&client, b"x", -1), Err(libc::ENOENT));
}

#[test]
fn the_nearest_server_is_preferred() {
    let world = World::new();
    let there = serve(&world, "a", 0);
    let _a = start(&world, "a", LEAVE);
    let b = start(&world, "b", ARRIVE);
    let client = open(&world, "b");
    wait_for_server(&client);
    let here = serve(&world, "b", 0);
    let answered_by = |server: &Server| {
        std::thread::scope(|scope| {
            let calls = scope.spawn(|| call(&client, b"x", PATIENCE));
            let request = receive(server);
            server.reply(request.id, b"y").unwrap();
            assert_eq!(calls.join().unwrap(), Ok(b"y".to_vec()));
        });
    };
    for _ in 0..100 {
        answered_by(&here);
    }
    assert!(there.receive().is_err());
    // A request that the server here does not take is not sent to the other machine.
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(call(&client, b"z", 500_000_000), Err(libc::ETIMEDOUT)));
    });
    assert!(there.receive().is_err());
    drop(here);
    answered_by(&there);
    until("count", || (b.count("/add", "out") >= 1).then_some(()));
}

#[test]
fn a_service_of_another_type_is_refused() {
    let world = World::new();
    let _there = serve(&world, "a", 0);
    let other = Shape {
        request: None,
        ..shape(0)
    };
    let _here = Server::open(&world.name("b", "add"), &other, Some(0o600)).unwrap();
    let a = start(&world, "a", LEAVE);
    let b = start(&world, "b", ARRIVE);
    for bridge in [&a, &b] {
        until("refusal", || {
            let reason = bridge.state()?["objects"][0]["refused"]
                .as_str()?
                .to_owned();
            (reason.contains("Number version 1") && reason.contains("bytes")).then_some(())
        });
    }
}

#[test]
fn a_service_that_leaves_does_not_arrive() {
    let world = World::new();
    let (_there, _here) = (serve(&world, "a", 0), serve(&world, "b", 0));
    let both = format!("{LEAVE}{ARRIVE}");
    let bridges = [start(&world, "a", &both), start(&world, "b", &both)];
    for bridge in &bridges {
        until("refusal", || {
            let state = bridge.state()?;
            let reason = state["objects"][0]["refused"].as_str()?;
            reason.contains("circle").then_some(())
        });
    }
}

#[test]
fn a_request_whose_server_was_killed_goes_to_the_next() {
    let world = World::new();
    let name = world.name("a", "add");
    let dying = server_process(&name, 0, "take");
    let _a = start(&world, "a", LEAVE);
    let b = start(&world, "b", ARRIVE);
    let client = open(&world, "b");
    wait_for_server(&client);
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| call(&client, b"ab", PATIENCE));
        until("request", || (b.count("/add", "out") >= 1).then_some(()));
        let next = server_process(&name, 0, "answer");
        drop(dying);
        assert_eq!(calls.join().unwrap(), Ok(answer_to(b"ab")));
        drop(next);
    });
}

#[test]
fn a_client_of_a_service_that_delivers_once_is_told_of_a_death() {
    let world = World::new();
    let name = world.name("a", "add");
    drop(serve(&world, "b", ONCE));
    for ending in ["server", "bridge here", "bridge there"] {
        let server = server_process(&name, ONCE, "take");
        let a = start(&world, "a", LEAVE);
        let b = start(&world, "b", ARRIVE);
        let client = open(&world, "b");
        wait_for_server(&client);
        std::thread::scope(|scope| {
            let calls = scope.spawn(|| call(&client, b"x", -1));
            until("request", || (a.count("/add", "in") >= 1).then_some(()));
            // The server has the request when none waits for one.
            let mut bridges = [Some(a), Some(b)];
            match ending {
                "server" => {}
                "bridge here" => drop(bridges[1].take()),
                _ => drop(bridges[0].take()),
            }
            drop(server);
            assert_eq!(calls.join().unwrap(), Err(libc::EOWNERDEAD), "{ending}");
        });
    }
}

/// Makes one call after the other. Each is answered rightly or told.
fn call_until(
    client: &Client,
    thread: u32,
    flags: i32,
    is_over: &AtomicBool,
    answered: &AtomicU64,
) {
    let mut number = 0_u32;
    while !is_over.load(SeqCst) {
        let mut request = thread.to_ne_bytes().to_vec();
        request.extend(number.to_ne_bytes());
        match call(client, &request, PATIENCE) {
            Ok(reply) => {
                assert_eq!(reply, answer_to(&request));
                answered.fetch_add(1, SeqCst);
            }
            // EAGAIN: a thread has not run for a second inside a call.
            Err(libc::ENOENT | libc::EAGAIN) => std::thread::sleep(Duration::from_millis(1)),
            Err(libc::EOWNERDEAD) if flags == ONCE => {}
            Err(errno) => panic!("a call has ended with {errno}"),
        }
        number += 1;
    }
}

/// Ends the threads of a test, also of one that fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// Makes calls from several threads while bridges and servers are killed. Every call is answered rightly or told.
fn killed_again_and_again(flags: i32, rounds: u32) {
    let world = World::new();
    let name = world.name("a", "add");
    configure(&world, "a", LEAVE);
    configure(&world, "b", ARRIVE);
    drop(serve(&world, "b", flags));
    let mut server = Some(server_process(&name, flags, "answer"));
    until("service", || Client::open(&name).ok());
    let mut bridges = [Some(world.run("a")), Some(world.run("b"))];
    let client = open(&world, "b");
    wait_for_server(&client);
    let (is_over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (client, is_over, answered) = (&client, &is_over, &answered);
            scope.spawn(move || call_until(client, thread, flags, is_over, answered));
        }
        for round in 0..rounds {
            let seen = answered.load(SeqCst);
            let start = Instant::now();
            while answered.load(SeqCst) < seen + 20 {
                if start.elapsed() > Duration::from_secs(60) {
                    is_over.store(true, SeqCst);
                    panic!("no answers for 60 s in round {round}");
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            match round % 3 {
                2 => {
                    drop(server.take());
                    server = Some(server_process(&name, flags, "answer"));
                }
                side => {
                    if let Some(bridge) = bridges[side as usize].take() {
                        bridge.kill();
                    }
                    bridges[side as usize] = Some(world.run(["a", "b"][side as usize]));
                }
            }
        }
        let seen = answered.load(SeqCst);
        until("answers", || {
            (answered.load(SeqCst) > seen + 20).then_some(())
        });
        is_over.store(true, SeqCst);
    });
    drop(server);
}

#[test]
fn every_call_is_answered_while_bridges_and_servers_are_killed() {
    killed_again_and_again(0, 9);
}

#[test]
fn every_call_of_a_service_that_delivers_once_is_answered_or_told() {
    killed_again_and_again(ONCE, 9);
}

/// Has a bridge read its configuration again, and waits until it has.
fn reload(world: &World, bridge: &Bridge, side: &str) {
    let count = || world.log(side).matches("configuration is in use").count();
    let before = count();
    bridge.signal(libc::SIGHUP);
    until("reload", || (count() > before).then_some(()));
}

/// Makes calls from several threads while the routes of the service are removed, added and changed.
fn reloaded_again_and_again(flags: i32, rounds: u32) {
    const ADD: [&str; 2] = [
        "[[leave]]\nservice = \"/add\"\n",
        "[[arrive]]\nservice = \"/add\"\n",
    ];
    let world = World::new();
    drop(serve(&world, "b", flags));
    let _server = server_process(&world.name("a", "add"), flags, "answer");
    until("service", || Client::open(&world.name("a", "add")).ok());
    let bridges = [start(&world, "a", LEAVE), start(&world, "b", ARRIVE)];
    let client = open(&world, "b");
    wait_for_server(&client);
    let (is_over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let more_answers = || {
        let seen = answered.load(SeqCst);
        until("answers", || {
            (answered.load(SeqCst) > seen + 20).then_some(())
        });
    };
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        for thread in 0..4 {
            let (client, is_over, answered) = (&client, &is_over, &answered);
            scope.spawn(move || call_until(client, thread, flags, is_over, answered));
        }
        for round in 0..rounds {
            more_answers();
            let at = (round % 2) as usize;
            let (side, rules, bridge) = (["a", "b"][at], [LEAVE, ARRIVE][at], &bridges[at]);
            match round / 2 % 3 {
                0 => {
                    configure(&world, side, "");
                    reload(&world, bridge, side);
                    wait_for_no_server(&client);
                    configure(&world, side, rules);
                }
                1 => configure(&world, side, ADD[at]),
                _ => configure_with_lease(&world, side, rules, 60_001 + round),
            }
            reload(&world, bridge, side);
        }
        more_answers();
    });
}

#[test]
fn every_call_is_answered_while_routes_come_change_and_go() {
    reloaded_again_and_again(0, 6);
}

#[test]
fn every_call_of_a_service_that_delivers_once_is_told_of_the_end_of_its_route() {
    reloaded_again_and_again(ONCE, 6);
}

#[test]
fn a_request_goes_back_when_its_route_ends() {
    for (side, flags) in [("a", 0), ("b", 0), ("a", ONCE), ("b", ONCE)] {
        let world = World::new();
        drop(serve(&world, "b", flags));
        let there = serve(&world, "a", flags);
        let bridges = [start(&world, "a", LEAVE), start(&world, "b", ARRIVE)];
        let client = open(&world, "b");
        wait_for_server(&client);
        std::thread::scope(|scope| {
            let calls = scope.spawn(|| call(&client, b"x", PATIENCE));
            receive(&there);
            configure(&world, side, "");
            reload(&world, &bridges[usize::from(side == "b")], side);
            if flags == ONCE {
                assert_eq!(calls.join().unwrap(), Err(libc::EOWNERDEAD), "{side}");
            } else {
                let here = serve(&world, "b", flags);
                let request = receive(&here);
                assert_eq!(request.bytes, b"x");
                here.reply(request.id, b"here").unwrap();
                assert_eq!(calls.join().unwrap(), Ok(b"here".to_vec()), "{side}");
            }
        });
    }
}

/// A way to a port on which each piece of data takes a fifth of a second.
fn slow_link(world: &World, to: u16) -> u16 {
    fn pass(mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 65536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            std::thread::sleep(Duration::from_millis(200));
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
    let port = world.another_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    // The threads end with the test's process, or with their connection.
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else {
                continue;
            };
            let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else {
                continue;
            };
            std::thread::spawn(move || pass(near, far));
            std::thread::spawn(move || pass(far_too, near_too));
        }
    });
    port
}

fn listens(port: u16) -> String {
    format!(
        "lease_ms = 60000\nlisten = [{{ endpoint = \"tcp/127.0.0.1:{port}\", insecure = true }}]"
    )
}

fn connects(ports: [u16; 2]) -> String {
    let [one, other] =
        ports.map(|port| format!("{{ endpoint = \"tcp/127.0.0.1:{port}\", insecure = true }}"));
    format!("lease_ms = 60000\nconnect = [{one}, {other}]")
}

/// Answers one call that a server gets.
fn answered_by(client: &Client, server: &Server) {
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| call(client, b"x", PATIENCE));
        let request = receive(server);
        server.reply(request.id, b"y").unwrap();
        assert_eq!(calls.join().unwrap(), Ok(b"y".to_vec()));
    });
}

#[test]
fn of_several_remote_bridges_the_nearest_is_called() {
    let world = World::new();
    let near_port = world.another_port();
    let ports = [slow_link(&world, world.port), near_port];
    // The far one is the first by name and by its place in the configuration.
    world.configure_with("a", "a", &listens(world.port), LEAVE);
    world.configure_with("c", "c", &listens(near_port), LEAVE);
    world.configure_with("b", "b", &connects(ports), ARRIVE);
    drop(serve(&world, "b", 0));
    let [far, near] = ["a", "c"].map(|side| serve(&world, side, 0));
    let a = world.run("a");
    let c = world.run("c");
    let _b = world.run("b");
    let client = open(&world, "b");
    for bridge in [&a, &c] {
        bridge.wait_for_takers("/add", 1);
    }
    wait_for_server(&client);
    // Until both ways are measured, either may be called.
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| {
            until("answer of the nearest", || {
                (call(&client, b"x", PATIENCE) == Ok(b"near".to_vec())).then_some(())
            });
        });
        until("answer of the nearest", || {
            for (server, reply) in [(&far, &b"far"[..]), (&near, b"near")] {
                if let Ok(request) = server.receive() {
                    server.reply(request.id, reply).unwrap();
                }
            }
            calls.is_finished().then_some(())
        });
    });
    for _ in 0..20 {
        answered_by(&client, &near);
    }
    assert!(far.receive().is_err());
    // Without its server the next one is called, with requests that were under way too.
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| call(&client, b"x", PATIENCE));
        receive(&near);
        drop(near);
        let request = receive(&far);
        far.reply(request.id, b"far").unwrap();
        assert_eq!(calls.join().unwrap(), Ok(b"far".to_vec()));
    });
    for _ in 0..3 {
        answered_by(&client, &far);
    }
    // The nearest is called again when it serves again, and the next one after the death of its bridge.
    let near = serve(&world, "c", 0);
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| {
            until("request at the nearest", || {
                let outcome = call(&client, b"x", PATIENCE);
                (outcome != Ok(b"far".to_vec())).then_some(outcome)
            })
        });
        until("request at the nearest", || {
            if let Ok(request) = far.receive() {
                far.reply(request.id, b"far").unwrap();
            }
            near.receive().ok()
        });
        c.kill();
        let request = receive(&far);
        far.reply(request.id, b"after the death").unwrap();
        assert_eq!(calls.join().unwrap(), Ok(b"after the death".to_vec()));
    });
}

#[test]
fn a_second_bridge_of_the_servers_machine_takes_over() {
    let world = World::new();
    let ports = [world.port, world.another_port()];
    // Both connect objects of the same side.
    world.configure_with("a", "a", &listens(ports[0]), LEAVE);
    world.configure_with("c", "a", &listens(ports[1]), LEAVE);
    world.configure_with("b", "b", &connects(ports), ARRIVE);
    drop(serve(&world, "b", 0));
    let server = serve(&world, "a", 0);
    let first = world.run("a");
    first.wait_until_ready();
    let second = world.run("c");
    let b = world.run("b");
    b.wait_for_peers(2);
    let client = open(&world, "b");
    wait_for_server(&client);
    for _ in 0..3 {
        answered_by(&client, &server);
    }
    assert_eq!(second.count("/add", "takers"), 0);
    // A request of a bridge that dies is given to the other one, and delivered once more.
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| call(&client, b"x", PATIENCE));
        receive(&server);
        first.kill();
        let request = receive(&server);
        server.reply(request.id, b"y").unwrap();
        assert_eq!(calls.join().unwrap(), Ok(b"y".to_vec()));
    });
    second.wait_for_takers("/add", 1);
    answered_by(&client, &server);
}

#[test]
#[ignore = "the large set: cargo test -- --ignored"]
fn sixty_kills() {
    killed_again_and_again(0, 60);
    killed_again_and_again(ONCE, 60);
}
