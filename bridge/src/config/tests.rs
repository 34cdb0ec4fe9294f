use super::*;

fn error(text: &str) -> (usize, String) {
    Config::parse(text, Path::new("/")).expect_err("the file is wrong")
}

#[test]
fn an_empty_file_has_defaults() {
    let config = Config::parse("", Path::new("/")).unwrap();
    assert_eq!(config.prefix, "robustipc");
    assert_eq!(config.status, "/robustipc-bridge");
    assert!(config.leave.is_empty() && config.network.listen.is_empty());
}

#[test]
fn unknown_keys_are_errors_that_name_their_line() {
    let (line, text) = error("[bridge]\nname = \"a\"\nnmae = \"b\"\n");
    assert_eq!(line, 3);
    assert!(text.contains("nmae"), "{text}");
    assert_eq!(error("\n[[leave]]\ntopic = \"/a\"\nrat = 1.0\n").0, 4);
    assert_eq!(error("\n\n[brigde]\n").0, 3);
    assert_eq!(error("[network.tls]\nmutual = true\nroot = \"x\"\n").0, 3);
}

#[test]
fn wrong_values_are_errors_that_name_their_line() {
    assert_eq!(error("[bridge]\nname = \"a b\"\n").0, 2);
    assert_eq!(error("[bridge]\n\nmemory = 1\n").0, 3);
    assert_eq!(error("[[leave]]\ntopic = \"/a\"\nrate = 0.0\n").0, 3);
    assert_eq!(error("[[leave]]\nqueue = \"/a\"\nrate = 1.0\n").0, 3);
    assert_eq!(error("[[leave]]\ntopic = \"a\"\n").0, 2);
    assert_eq!(error("\n[[leave]]\n").0, 2);
    assert_eq!(error("\n[[leave]]\ntopic = \"/a\"\ncell = \"/b\"\n").0, 2);
    assert_eq!(error("[[arrive]]\ntopic = \"/a\"\nmode = \"1777\"\n").0, 3);
    assert_eq!(error("[network]\nmode = \"mesh\"\n").0, 2);
    assert_eq!(error("[network]\nlease_ms = 1\n").0, 2);
}

#[test]
fn links_are_encrypted_unless_the_file_permits_others() {
    let (line, text) = error("[network]\nlisten = [\n{ endpoint = \"tcp/0.0.0.0:7447\" }\n]\n");
    assert_eq!(line, 3);
    assert!(text.contains("insecure = true"), "{text}");
    let (_, text) = error("[network]\nlisten = [{ endpoint = \"tls/0.0.0.0:7447\" }]\n");
    assert!(text.contains("network.tls"), "{text}");
    assert!(
        error("[network]\nlisten = [{ endpoint = \"udp/0.0.0.0:7447\" }]\n")
            .1
            .contains("udp")
    );
    let permitted = "[network]\nlisten = [{ endpoint = \"tcp/0.0.0.0:7447\", insecure = true }]\n";
    let config = Config::parse(permitted, Path::new("/")).unwrap();
    assert_eq!(config.network.insecure, ["tcp/0.0.0.0:7447"]);
}

#[test]
fn the_first_rule_that_matches_counts() {
    let text = "[[leave]]\ntopic = \"/imu\"\nrate = 10.0\n[[leave]]\ntopic = \"/*\"\n";
    let config = Config::parse(text, Path::new("/")).unwrap();
    assert!(
        config
            .leaves(Kind::Topic, "/imu")
            .unwrap()
            .interval
            .is_some()
    );
    assert!(
        config
            .leaves(Kind::Topic, "/other")
            .unwrap()
            .interval
            .is_none()
    );
    assert!(config.leaves(Kind::Cell, "/imu").is_none());
}

#[test]
fn the_example_is_good() {
    let text = include_str!("../../robustipc-bridge.toml");
    Config::parse(text, Path::new("/")).unwrap();
}
