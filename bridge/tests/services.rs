//! Services between bridges: every call is answered or told, whoever is killed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test prints and waits as it likes"
)]

mod support;

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
    let (link, port) = (if side == "a" { "listen" } else { "connect" }, world.port);
    let endpoint = format!("{{ endpoint = \"tcp/127.0.0.1:{port}\", insecure = true }}");
    let network = format!("lease_ms = 60000\n{link} = [{endpoint}]");
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
        for thread in 0..4_u32 {
            let (client, is_over, answered) = (&client, &is_over, &answered);
            scope.spawn(move || {
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
                        Err(libc::ENOENT | libc::EAGAIN) => {
                            std::thread::sleep(Duration::from_millis(1))
                        }
                        Err(libc::EOWNERDEAD) if flags == ONCE => {}
                        Err(errno) => panic!("a call has ended with {errno}"),
                    }
                    number += 1;
                }
            });
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

#[test]
#[ignore = "the large set: cargo test -- --ignored"]
fn sixty_kills() {
    killed_again_and_again(0, 60);
    killed_again_and_again(ONCE, 60);
}
