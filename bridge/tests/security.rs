//! Encrypted links, certificates and passwords.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test prints and waits as it likes"
)]

mod support;

use std::path::Path;
use std::process::Command;
use support::library::{Topic, TopicAttributes};
use support::{World, until};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Makes an authority and a certificate for "localhost" that it signs.
fn certificates(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name}-ca -keyout {name}-ca.key -out {name}-ca.pem"
        ),
    );
    openssl(
        folder,
        &format!(
            "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout {name}.key -out {name}.csr"
        ),
    );
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").unwrap();
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {name}-ca.pem -CAkey {name}-ca.key -CAcreateserial -days 2 -extfile names -out {name}.pem"
        ),
    );
}

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        eprintln!("skipped: there is no openssl");
    }
    found
}

fn tls(ca: &str, own: &str) -> String {
    format!(
        "[network.tls]\nroot_ca = \"{ca}-ca.pem\"\ncertificate = \"{own}.pem\"\nkey = \"{own}.key\"\nmutual = true\n"
    )
}

const LEAVE: &str = "[[leave]]\ntopic = \"/*\"\n";
const ARRIVE: &str = "[[arrive]]\ntopic = \"/*\"\n";

fn topic(world: &World) -> Topic {
    let attributes = TopicAttributes {
        sample_size: 64,
        capacity: 8,
        history: 1,
        ..TopicAttributes::default()
    };
    let topic = Topic::publish(&world.name("a", "x"), Some(&attributes), None, 0o600).unwrap();
    topic.send(b"secret", 0).unwrap();
    topic
}

fn arrives(world: &World, side: &str) {
    let remote = until("topic", || Topic::subscribe(&world.name(side, "x")).ok());
    let bytes = until("sample", || remote.read(|bytes, _| bytes.to_vec()).ok());
    assert_eq!(bytes, b"secret");
}

#[test]
fn a_wrong_certificate_is_refused_and_the_right_one_is_not() {
    if !has_openssl() {
        return;
    }
    let world = World::new();
    certificates(&world.folder, "good");
    certificates(&world.folder, "bad");
    let _topic = topic(&world);
    let port = world.port;
    let listen = format!("listen = [{{ endpoint = \"tls/127.0.0.1:{port}\" }}]\n");
    let connect = format!("connect = [{{ endpoint = \"tls/localhost:{port}\" }}]\n");
    world.configure_with("a", "a", &(listen + &tls("good", "good")), LEAVE);
    let a = world.run("a");
    a.wait_until_ready();
    // "wrong" trusts the good authority, and shows a certificate of the other one. "distrusts" is the reverse.
    world.configure_with(
        "wrong",
        "w",
        &(connect.clone() + &tls("good", "bad")),
        ARRIVE,
    );
    world.configure_with(
        "distrusts",
        "d",
        &(connect.clone() + &tls("bad", "good")),
        ARRIVE,
    );
    let (wrong, distrusts) = (world.run("wrong"), world.run("distrusts"));
    wrong.wait_until_ready();
    distrusts.wait_until_ready();
    // The good one comes last, so the others have tried before it is connected.
    world.configure_with("b", "b", &(connect + &tls("good", "good")), ARRIVE);
    let b = world.run("b");
    arrives(&world, "b");
    for (bridge, side) in [(&wrong, "w"), (&distrusts, "d")] {
        assert_eq!(
            bridge.state().unwrap()["peers"].as_array().unwrap().len(),
            0
        );
        assert!(Topic::subscribe(&world.name(side, "x")).is_err());
    }
    until("one peer", || {
        (a.state()?["peers"].as_array()?.len() == 1).then_some(())
    });
    assert!(!world.log("a").contains("not encrypted"));
    drop(b);
}

#[test]
fn a_wrong_password_is_refused_and_the_right_one_is_not() {
    let world = World::new();
    let _topic = topic(&world);
    let write = |name: &str, text: &str| std::fs::write(world.folder.join(name), text).unwrap();
    write("users", "a:one\nb:two\n");
    write("one", "one\n");
    write("two", "two\n");
    write("three", "three\n");
    let port = world.port;
    let link = |key: &str| {
        format!("{key} = [{{ endpoint = \"tcp/127.0.0.1:{port}\", insecure = true }}]\n")
    };
    let login = |user: &str, file: &str| {
        format!(
            "[network.password]\nuser = \"{user}\"\npassword_file = \"{file}\"\nusers_file = \"users\"\n"
        )
    };
    world.configure_with("a", "a", &(link("listen") + &login("a", "one")), LEAVE);
    let a = world.run("a");
    a.wait_until_ready();
    world.configure_with(
        "wrong",
        "w",
        &(link("connect") + &login("b", "three")),
        ARRIVE,
    );
    world.configure_with("stranger", "s", &link("connect"), ARRIVE);
    let (wrong, stranger) = (world.run("wrong"), world.run("stranger"));
    wrong.wait_until_ready();
    stranger.wait_until_ready();
    world.configure_with("b", "b", &(link("connect") + &login("b", "two")), ARRIVE);
    let b = world.run("b");
    arrives(&world, "b");
    for (bridge, side) in [(&wrong, "w"), (&stranger, "s")] {
        assert_eq!(
            bridge.state().unwrap()["peers"].as_array().unwrap().len(),
            0
        );
        assert!(Topic::subscribe(&world.name(side, "x")).is_err());
    }
    assert!(world.log("a").contains("not encrypted"));
    drop(b);
}

#[test]
fn a_file_is_checked_without_a_network() {
    let world = World::new();
    let path = world.configure("a", "a", "[[leave]]\ntopic = \"/x\"\nrates = 1.0\n");
    let check = || {
        let mut command = Command::new(support::PROGRAM);
        command.arg("--check").arg("--config").arg(&path);
        command.output().unwrap()
    };
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("a.toml:10:") && text.contains("rates"),
        "{text}"
    );
    world.configure("a", "a", LEAVE);
    assert!(check().status.success());
}
