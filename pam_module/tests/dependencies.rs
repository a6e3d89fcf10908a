//! What the module pulls in is checked in: it runs inside sshd and sudo, so it grows on purpose or not at all.

use std::collections::BTreeSet;
use std::process::Command;

const LISTED: &str = include_str!("../dependencies.txt");

#[test]
fn the_dependencies_are_the_listed_ones() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "twofold-pam", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("names of crates are text");
    let found: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let listed: BTreeSet<&str> =
        LISTED.lines().filter(|line| !line.starts_with('#')).filter(|line| !line.is_empty()).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "pam_module/dependencies.txt disagrees: new {new:?}, gone {gone:?}. If that is meant, change the list."
    );
}

#[test]
fn what_a_door_must_not_hold_is_not_there() {
    for never in
        ["tokio", "async-io", "rustls", "openssl", "hyper", "totp-rs", "argon2", "sled", "log", "syslog"]
    {
        assert!(!LISTED.lines().any(|line| line == never), "{never}");
    }
}
