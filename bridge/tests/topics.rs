//! Topics between two bridges.

mod support;

use std::process::Command;
use support::library::{Field, Topic, TopicAttributes, Type};
use support::{Bridge, PROGRAM, World, until};

fn attributes(history: usize) -> TopicAttributes {
    TopicAttributes {
        sample_size: 64,
        capacity: 128,
        history,
        ..TopicAttributes::default()
    }
}

fn both(kind: &str) -> String {
    format!("[[leave]]\n{kind} = \"/*\"\n[[arrive]]\n{kind} = \"/*\"\n")
}

fn leave(kind: &str) -> String {
    format!("[[leave]]\n{kind} = \"/*\"\n")
}

fn arrive(kind: &str) -> String {
    format!("[[arrive]]\n{kind} = \"/*\"\n")
}

fn next(topic: &Topic) -> Vec<u8> {
    until("sample", || topic.read(|bytes, _| bytes.to_vec()).ok())
}

fn nothing_more(topic: &Topic) {
    assert!(topic.read(|_, _| ()).is_err_and(|error| error.is_empty()));
}

fn subscribe(name: &str) -> Topic {
    until("topic at the other side", || Topic::subscribe(name).ok())
}

#[test]
fn samples_arrive_in_order_with_their_type() {
    let world = World::new();
    let declared = Type {
        name: "Reading".into(),
        version: 3,
        size: 8,
        alignment: 8,
        fields: vec![Field {
            name: "value".into(),
            offset: 0,
            size: 8,
        }],
    };
    let name = world.name("a", "imu");
    let topic = Topic::publish(&name, Some(&attributes(0)), Some(&declared), 0o600).unwrap();
    let a = world.start("a", "a", &leave("topic"));
    let b = world.start("b", "b", &arrive("topic"));
    let remote = subscribe(&world.name("b", "imu"));
    a.wait_for_takers("/imu", 1);
    for number in 0_u64..100 {
        topic.send(&number.to_ne_bytes(), 0).unwrap();
        assert_eq!(next(&remote), number.to_ne_bytes());
    }
    // The type is the same there, and another type is refused.
    let other = world.name("b", "imu");
    let wrong = Type {
        version: 4,
        ..declared.clone()
    };
    assert!(Topic::publish(&other, Some(&attributes(0)), Some(&declared), 0o600).is_ok());
    assert!(Topic::publish(&other, Some(&attributes(0)), Some(&wrong), 0o600).is_err());
    until("count", || (b.count("/imu", "in") == 100).then_some(()));
    assert_eq!(b.count("/imu", "duplicates") + b.count("/imu", "missed"), 0);
}

#[test]
fn a_late_subscriber_gets_the_history() {
    let world = World::new();
    let name = world.name("a", "log");
    let topic = Topic::publish(&name, Some(&attributes(5)), None, 0o600).unwrap();
    for number in 0_u8..20 {
        topic.send(&[number], 0).unwrap();
    }
    let _a = world.start("a", "a", &leave("topic"));
    let b = world.start("b", "b", &arrive("topic"));
    until("history", || (b.count("/log", "in") == 5).then_some(()));
    // The local subscriber there is even later than the bridge.
    let remote = subscribe(&world.name("b", "log"));
    for number in 15_u8..20 {
        assert_eq!(next(&remote), [number]);
    }
    nothing_more(&remote);
    // A third machine, which comes later than the second, gets the history too, and the second gets nothing twice.
    let c = world.start("c", "c", &arrive("topic"));
    until("history", || (c.count("/log", "in") == 5).then_some(()));
    topic.send(&[20], 0).unwrap();
    assert_eq!(next(&remote), [20]);
    let third = subscribe(&world.name("c", "log"));
    until("last sample", || {
        (third.read(|bytes, _| bytes.to_vec()).ok()? == [20]).then_some(())
    });
    assert_eq!(
        b.count("/log", "duplicates") + c.count("/log", "duplicates"),
        0
    );
}

#[test]
fn a_mismatch_is_reported_at_both_sides() {
    let world = World::new();
    let (here, there) = (world.name("a", "x"), world.name("b", "x"));
    let _one = Topic::publish(&here, Some(&attributes(0)), None, 0o600).unwrap();
    let smaller = TopicAttributes {
        sample_size: 32,
        ..attributes(0)
    };
    let other = Topic::publish(&there, Some(&smaller), None, 0o600).unwrap();
    let a = world.start("a", "a", &leave("topic"));
    let b = world.start("b", "b", &arrive("topic"));
    let reason = |bridge: &Bridge| {
        until("reason", || {
            let state = bridge.state()?;
            Some(state["objects"][0]["refused"].as_str()?.to_owned())
        })
    };
    for text in [reason(&a), reason(&b), world.log("a"), world.log("b")] {
        assert!(
            text.contains("64") && text.contains("32"),
            "both sides: {text}"
        );
    }
    // Once the object that is in the way has gone, the topic is taken.
    drop(other);
    support::library::remove(0x200, &there).unwrap();
    until("topic", || {
        let topic = Topic::subscribe(&there).ok()?;
        (topic.attributes().ok()?.sample_size == 64).then_some(())
    });
}

#[test]
fn nothing_goes_in_a_circle() {
    let world = World::new();
    let name = world.name("a", "chat");
    let at_a = Topic::publish(&name, Some(&attributes(0)), None, 0o600).unwrap();
    let a = world.start("a", "a", &both("topic"));
    // Two bridges on the second machine, of which one connects the topic.
    let b = world.start("b", "b", &both("topic"));
    let b2 = world.start("b2", "b", &both("topic"));
    a.wait_for_peers(2);
    let from_a = subscribe(&world.name("b", "chat"));
    let at_b = Topic::publish(&world.name("b", "chat"), None, None, 0).unwrap();
    let from_b = subscribe(&name);
    until("both directions", || {
        at_a.send(b"try a", 0).unwrap();
        at_b.send(b"try b", 0).unwrap();
        let all = |topic: &Topic| {
            let mut all = Vec::new();
            while let Ok(bytes) = topic.read(|bytes, _| bytes.to_vec()) {
                all.push(bytes);
            }
            all
        };
        (all(&from_a).contains(&b"try a".to_vec()) && all(&from_b).contains(&b"try b".to_vec()))
            .then_some(())
    });
    // After the marks, each sample is seen once at each side.
    at_a.send(b"mark", 0).unwrap();
    at_b.send(b"mark", 0).unwrap();
    for topic in [&from_a, &from_b] {
        let mut marks = 0;
        while marks < 2 {
            marks += usize::from(next(topic) == b"mark");
        }
    }
    for number in 0_u8..50 {
        at_a.send(&[b'a', number], 0).unwrap();
        assert_eq!(next(&from_a), [b'a', number]);
        assert_eq!(next(&from_b), [b'a', number]);
        at_b.send(&[b'b', number], 0).unwrap();
        assert_eq!(next(&from_a), [b'b', number]);
        assert_eq!(next(&from_b), [b'b', number]);
    }
    nothing_more(&from_a);
    nothing_more(&from_b);
    drop((b, b2));
}

#[test]
fn a_killed_bridge_repeats_nothing_and_its_gap_is_counted() {
    let world = World::new();
    let name = world.name("a", "imu");
    let topic = Topic::publish(&name, Some(&attributes(4)), None, 0o600).unwrap();
    let a = world.start("a", "a", &leave("topic"));
    let b = world.start("b", "b", &arrive("topic"));
    let remote = subscribe(&world.name("b", "imu"));
    a.wait_for_takers("/imu", 1);
    topic.send(&[0], 0).unwrap();
    assert_eq!(next(&remote), [0]);
    a.kill();
    // The bridge misses 10 samples, of which 4 are in the history.
    for number in 1_u8..=10 {
        topic.send(&[number], 0).unwrap();
    }
    let _a = world.run("a");
    for number in 7_u8..=10 {
        assert_eq!(next(&remote), [number]);
    }
    until("gap", || (b.count("/imu", "missed") == 6).then_some(()));
    nothing_more(&remote);
}

#[test]
fn a_second_bridge_takes_over() {
    let world = World::new();
    let name = world.name("a", "imu");
    let topic = Topic::publish(&name, Some(&attributes(1)), None, 0o600).unwrap();
    let a = world.start("a", "a", &leave("topic"));
    let _b = world.start("b", "b", &arrive("topic"));
    let remote = subscribe(&world.name("b", "imu"));
    a.wait_for_takers("/imu", 1);
    topic.send(&[1], 0).unwrap();
    assert_eq!(next(&remote), [1]);
    // The second bridge of side "a" listens at another port, to which nobody connects: it connects to "b"'s peer instead.
    let port = world.port;
    a.kill();
    let network = format!("listen = [{{ endpoint = \"tcp/127.0.0.1:{port}\", insecure = true }}]");
    world.configure_with("a2", "a", &network, &leave("topic"));
    let _a2 = world.run("a2");
    topic.send(&[2], 0).unwrap();
    assert_eq!(next(&remote), [2]);
    nothing_more(&remote);
}

#[test]
fn the_rate_is_limited_and_the_rest_is_no_gap() {
    let world = World::new();
    let name = world.name("a", "imu");
    let topic = Topic::publish(&name, Some(&attributes(0)), None, 0o600).unwrap();
    let rules = "[[leave]]\ntopic = \"/*\"\nrate = 0.001\n";
    let a = world.start("a", "a", rules);
    let b = world.start("b", "b", &arrive("topic"));
    let remote = subscribe(&world.name("b", "imu"));
    a.wait_for_takers("/imu", 1);
    for number in 0_u8..50 {
        topic.send(&[number], 0).unwrap();
    }
    assert_eq!(next(&remote), [0]);
    until("count", || (a.count("/imu", "limited") == 49).then_some(()));
    // Without the limit, the next sample says how many were left out.
    world.configure("a", "a", &leave("topic"));
    a.signal(libc::SIGHUP);
    until("reload", || {
        world.log("a").contains("new configuration").then_some(())
    });
    topic.send(&[50], 0).unwrap();
    assert_eq!(next(&remote), [50]);
    assert_eq!(b.count("/imu", "missed"), 0);
}

#[test]
fn an_object_that_is_created_later_leaves_too_and_a_removed_one_ends() {
    let world = World::new();
    let a = world.start("a", "a", &leave("topic"));
    let b = world.start("b", "b", &arrive("topic"));
    b.wait_for_peers(1);
    let name = world.name("a", "new");
    let topic = Topic::publish(&name, Some(&attributes(1)), None, 0o600).unwrap();
    topic.send(b"first", 0).unwrap();
    let remote = subscribe(&world.name("b", "new"));
    assert_eq!(next(&remote), b"first");
    support::library::remove(0x200, &name).unwrap();
    until("end", || {
        let state = a.state()?;
        state["objects"].as_array()?.is_empty().then_some(())
    });
    // Another topic of this name is another stream: its number 1 is no duplicate.
    let topic = Topic::publish(&name, Some(&attributes(1)), None, 0o600).unwrap();
    topic.send(b"second", 0).unwrap();
    assert_eq!(next(&remote), b"second");
}

#[test]
fn sigterm_ends_cleanly_and_the_status_says_what_happens() {
    let world = World::new();
    let name = world.name("a", "imu");
    let topic = Topic::publish(&name, Some(&attributes(0)), None, 0o600).unwrap();
    let mut a = world.start("a", "a", &leave("topic"));
    let _b = world.start("b", "b", &arrive("topic"));
    let remote = subscribe(&world.name("b", "imu"));
    a.wait_for_takers("/imu", 1);
    topic.send(b"x", 0).unwrap();
    assert_eq!(next(&remote), b"x");
    until("count", || (a.count("/imu", "out") == 1).then_some(()));
    let cell = format!("/{}status-a", world.key);
    let show = |json: bool| {
        let mut command = Command::new(PROGRAM);
        command.args(["status", "--cell", &cell]);
        if json {
            command.arg("--json");
        }
        command.output().unwrap()
    };
    let text = String::from_utf8(show(false).stdout).unwrap();
    assert!(
        text.contains("/imu") && text.contains("bytes resident"),
        "{text}"
    );
    let state: serde_json::Value = serde_json::from_slice(&show(true).stdout).unwrap();
    assert_eq!(state["objects"][0]["out"], 1);
    a.signal(libc::SIGTERM);
    assert!(a.child.wait().unwrap().success());
    let gone = show(false);
    assert_eq!(gone.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&gone.stderr).contains("no bridge"),
        "{gone:?}"
    );
}

#[test]
fn the_service_manager_is_told() {
    let world = World::new();
    let path = world.folder.join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let next = || {
        let mut bytes = [0; 200];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    world.configure("a", "a", &leave("topic"));
    let command = [
        "env".to_owned(),
        format!("NOTIFY_SOCKET={}", path.display()),
    ];
    let mut a = world.run_in(&command, "a");
    assert_eq!(next(), "READY=1");
    a.signal(libc::SIGHUP);
    let reloading = next();
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reloading}"
    );
    assert_eq!(next(), "READY=1");
    a.signal(libc::SIGTERM);
    assert_eq!(next(), "STOPPING=1");
    assert!(a.child.wait().unwrap().success());
}
