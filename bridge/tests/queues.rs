//! Queues between bridges: none lost, none twice, in their order, whoever is killed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test prints and waits as it likes"
)]

mod support;

use support::library::{Queue, QueueAttributes};
use support::{World, until};

const LEAVE: &str = "[[leave]]\nqueue = \"/*\"\n";
const ARRIVE: &str = "[[arrive]]\nqueue = \"/*\"\n";

fn attributes(max_messages: usize) -> QueueAttributes {
    QueueAttributes {
        max_messages,
        message_size: 64,
        ..QueueAttributes::default()
    }
}

fn create(world: &World, side: &str, max_messages: usize) -> Queue {
    Queue::open(
        &world.name(side, "jobs"),
        Some(&attributes(max_messages)),
        None,
        0o600,
    )
    .unwrap()
}

fn open(world: &World, side: &str) -> Queue {
    let name = world.name(side, "jobs");
    until("queue", || Queue::open(&name, None, None, 0).ok())
}

fn send(queue: &Queue, bytes: &[u8], priority: u32) {
    until("room", || queue.send_in_place(bytes, priority, || {}).ok());
}

fn receive(queue: &Queue) -> (Vec<u8>, u32) {
    until("message", || try_receive(queue))
}

fn try_receive(queue: &Queue) -> Option<(Vec<u8>, u32)> {
    let message = queue.borrow().ok()?;
    let received = (message.bytes().to_vec(), message.priority);
    queue.give_back(message).unwrap();
    Some(received)
}

#[test]
fn messages_arrive_in_their_order() {
    let world = World::new();
    let here = create(&world, "a", 100);
    let a = world.start("a", "a", LEAVE);
    let _b = world.start("b", "b", ARRIVE);
    let there = open(&world, "b");
    for number in 0_u32..1_000 {
        send(&here, &number.to_ne_bytes(), 3);
        assert_eq!(receive(&there), (number.to_ne_bytes().to_vec(), 3));
    }
    until("confirmation", || {
        (here.attributes().ok()?.current_messages == 0).then_some(())
    });
    assert!(try_receive(&there).is_none());
    until("count", || (a.count("/jobs", "out") == 1_000).then_some(()));
}

#[test]
fn priorities_are_kept() {
    let world = World::new();
    let here = create(&world, "a", 100);
    for number in 0_u32..60 {
        send(&here, &number.to_ne_bytes(), number % 3);
    }
    let _a = world.start("a", "a", LEAVE);
    let b = world.start("b", "b", ARRIVE);
    until("messages", || (b.count("/jobs", "in") == 60).then_some(()));
    let there = open(&world, "b");
    let mut expected: Vec<u32> = (0..60).collect();
    expected.sort_by_key(|number| std::cmp::Reverse(number % 3));
    for number in expected {
        assert_eq!(receive(&there), (number.to_ne_bytes().to_vec(), number % 3));
    }
}

#[test]
fn a_full_queue_there_fills_the_queue_here() {
    let world = World::new();
    let here = create(&world, "a", 200);
    let a = world.start("a", "a", LEAVE);
    let there = Queue::open(
        &world.name("b", "jobs"),
        Some(&attributes(200)),
        None,
        0o600,
    )
    .unwrap();
    let b = world.start("b", "b", ARRIVE);
    let mut sent = 0_u32;
    // 200 here and 200 there, and nothing is taken.
    while sent < 400 {
        send(&here, &sent.to_ne_bytes(), 0);
        sent += 1;
    }
    until("full queues", || {
        let full = |queue: &Queue| queue.attributes().ok().map(|found| found.current_messages);
        (full(&there)? == 200 && a.count("/jobs", "waiting") == 64).then_some(())
    });
    assert!(
        here.send_in_place(b"no room", 0, || {})
            .is_err_and(|error| error.is_empty())
    );
    for number in 0..400_u32 {
        assert_eq!(receive(&there).0, number.to_ne_bytes());
    }
    until("count", || (b.count("/jobs", "in") == 400).then_some(()));
}

#[test]
fn a_queue_that_leaves_does_not_arrive() {
    let world = World::new();
    let here = create(&world, "a", 10);
    let _there = create(&world, "b", 10);
    let both = format!("{LEAVE}{ARRIVE}");
    let a = world.start("a", "a", &both);
    let b = world.start("b", "b", &both);
    for bridge in [&a, &b] {
        until("refusal", || {
            let state = bridge.state()?;
            let reason = state["objects"][0]["refused"].as_str()?.to_owned();
            reason.contains("circle").then_some(())
        });
    }
    send(&here, b"stays", 0);
    assert_eq!(receive(&here).0, b"stays");
}

/// Sends `count` messages while bridges are killed, and checks that each arrives once.
fn killed_again_and_again(count: u32, kills: u32) {
    let world = World::new();
    let here = create(&world, "a", 256);
    world.configure("a", "a", LEAVE);
    world.configure("b", "b", ARRIVE);
    let there = Queue::open(
        &world.name("b", "jobs"),
        Some(&attributes(256)),
        None,
        0o600,
    )
    .unwrap();
    let mut bridges = [Some(world.run("a")), Some(world.run("b"))];
    let (mut sent, mut received, mut killed) = (0_u32, vec![0_u8; count as usize], 0);
    let (mut total, mut last) = (0_u32, [0_u32; 2]);
    until_all(&world, || {
        while sent < count
            && here
                .send_in_place(&sent.to_ne_bytes(), sent % 2, || {})
                .is_ok()
        {
            sent += 1;
        }
        while let Some((bytes, priority)) = try_receive(&there) {
            let number = u32::from_ne_bytes(bytes.try_into().unwrap());
            assert_eq!(priority, number % 2);
            assert!(
                last[priority as usize] <= number,
                "message {number} has come too late"
            );
            last[priority as usize] = number;
            received[number as usize] += 1;
            assert_eq!(
                received[number as usize], 1,
                "message {number} has arrived twice"
            );
            total += 1;
        }
        if killed < kills && total >= (killed + 1) * (count / (kills + 1)) {
            // One side, the other, or both at once.
            for side in [0, 1] {
                if killed % 3 == side || killed % 3 == 2 {
                    if let Some(bridge) = bridges[side as usize].take() {
                        bridge.kill();
                    }
                    bridges[side as usize] = Some(world.run(["a", "b"][side as usize]));
                }
            }
            killed += 1;
        }
        total == count
    });
    until("confirmation", || {
        (here.attributes().ok()?.current_messages == 0).then_some(())
    });
    assert!(try_receive(&there).is_none());
    assert!(received.iter().all(|times| *times == 1));
    assert_eq!(killed, kills);
}

/// As `until`, for what takes as long as it takes while it progresses.
fn until_all(world: &World, mut step: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !step() {
        assert!(
            start.elapsed() < std::time::Duration::from_secs(600),
            "not all messages after 600 s: {}",
            world.log("a")
        );
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
}

#[test]
fn no_message_is_lost_or_doubled_while_bridges_are_killed() {
    killed_again_and_again(6_000, 9);
}

#[test]
#[ignore = "the large set: cargo test -- --ignored"]
fn a_hundred_thousand_messages_and_sixty_kills() {
    killed_again_and_again(100_000, 60);
}

#[test]
fn a_reload_loses_nothing() {
    let world = World::new();
    let here = create(&world, "a", 64);
    let there = Queue::open(&world.name("b", "jobs"), Some(&attributes(64)), None, 0o600).unwrap();
    let port = world.port;
    // A different lease makes the bridge leave the network and join it again.
    let configure = |lease: u32| {
        for (bridge, link, rules) in [("a", "listen", LEAVE), ("b", "connect", ARRIVE)] {
            let network = format!(
                "lease_ms = {lease}\n{link} = [{{ endpoint = \"tcp/127.0.0.1:{port}\", insecure = true }}]"
            );
            world.configure_with(bridge, bridge, &network, rules);
        }
    };
    configure(5000);
    let bridges = [world.run("a"), world.run("b")];
    let (mut sent, mut received) = (0_u32, 0_u32);
    let mut reloads = 0;
    until("messages", || {
        if received >= (reloads + 1) * 300 {
            configure(5000 + reloads % 2);
            reloads += 1;
            bridges[(reloads / 2) as usize % 2].signal(libc::SIGHUP);
        }
        while sent < 3_000 && here.send_in_place(&sent.to_ne_bytes(), 0, || {}).is_ok() {
            sent += 1;
        }
        while let Some((bytes, _)) = try_receive(&there) {
            assert_eq!(bytes, received.to_ne_bytes());
            received += 1;
        }
        (received == 3_000).then_some(())
    });
    assert!(
        world.log("a").contains("new configuration")
            && world.log("b").contains("new configuration")
    );
}
