//! docs/operations.md, followed command by command on a host that README's section on installing leads to.

use std::fs;

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Host, Login, Release, place, traces};

const NEW_HOST: &str = "On a new host";

/// The page's commands: those that are run on a new host, or all others.
fn commands(on_new_host: bool) -> Vec<String> {
    let page = fs::read_to_string(place::repository().join("docs/operations.md")).unwrap();
    let (mut found, mut is_new) = (Vec::new(), false);
    for line in page.lines() {
        if line.starts_with('#') {
            is_new = line.ends_with(NEW_HOST);
        } else if let Some(command) = line.strip_prefix("    ").filter(|_| is_new == on_new_host) {
            found.push(command.to_owned());
        }
    }
    found
}

/// The new host's commands, with what the old one has put by. alice is there, and what she had used stays used.
fn follow_on_a_new_host(release: Release, old: &Host, used: &str) {
    let (new, folder) = (Host::boot_on(release), tempfile::tempdir().unwrap());
    for file in ["twofold.deb", "twofold-keys", "twofold-ledger"] {
        let path = format!("/var/backups/{file}");
        old.take(&path, &folder.path().join(file));
        new.put(&folder.path().join(file), &path);
    }
    let page = commands(true);
    assert!(page.len() > 5, "{page:?}");
    for command in page {
        let run = new.exec(&["sh", "-c", &command]);
        assert!(run.succeeded(), "{command}: {run:?}\n{}", new.journal("twofoldd"));
        if command == "twofold account list" {
            assert!(run.stdout.lines().any(|line| line.starts_with("alice ")), "{run:?}");
        }
    }
    let verify = |code: &str| {
        new.type_to(&["twofold", "verify", "--account", "alice", "--code-fd", "0"], &format!("{code}\n"))
    };
    assert!(!verify(used).succeeded());
    let made = new.exec(&["twofold", "--json", "emergency-code", "alice"]).expect_success();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let code = made["code"].as_str().unwrap();
    traces::issued("emergency code", code);
    let verified = verify(code);
    assert!(verified.succeeded(), "{verified:?}");
}

#[test]
fn every_command_of_the_operations_page_does_what_it_says() {
    every_command_does_what_it_says(Release::Own);
}

#[test]
#[ignore = "long: ./dev test --all"]
fn on_trixie_every_command_of_the_operations_page_does_what_it_says() {
    every_command_does_what_it_says(Release::Trixie);
}

fn every_command_does_what_it_says(release: Release) {
    let host = Host::boot_on(release);
    host.put(&place::package("0.1.0"), "/var/backups/twofold.deb");
    host.exec(&["dpkg", "--install", "/var/backups/twofold.deb"]).expect_success();
    host.type_to(&["chpasswd"], &format!("root:{PASSWORD}\n")).expect_success();
    host.exec(&["twofold", "account", "add", "alice"]).expect_success();
    let alice = host.enrol("alice");
    let enable = "twofold ssh enable --first publickey --yes --root-password-fd 0";
    host.type_to(&["sh", "-c", enable], &format!("{PASSWORD}\n")).expect_success();
    let confirm = format!("echo {PASSWORD} | sudo -S -p '' twofold ssh confirm");
    let session =
        host.ssh("alice", &Login::key_then(&host.key(), &alice.backup_codes[0]).running(&[&confirm]));
    assert!(session.succeeded(), "{session:?}");

    let page = commands(false);
    assert!(page.len() > 20, "{page:?}");
    let (mut restored, mut copied) = (false, false);
    for command in page {
        // Before there is a copy of the keys, and after a restore, when nobody has backup codes, doctor says so.
        let quiet = command == "twofold doctor" && (restored || !copied);
        let run = host.exec(&["sh", "-c", &command]);
        assert!(
            run.succeeded() || quiet && run.code == 1,
            "{command}: {run:?}\n{}",
            host.journal("twofoldd")
        );
        copied |= command.starts_with("twofold key export");
        if command.starts_with("twofold ledger restore") {
            restored = true;
        }
        if command == "systemctl start twofoldd.socket" {
            let spent = host.ssh("alice", &Login::key_then(&host.key(), &alice.backup_codes[1]));
            assert!(!spent.succeeded(), "{spent:?}");
        }
        if command == "dpkg --remove twofold" {
            assert!(host.ssh("alice", &Login { key: Some(host.key()), ..Login::default() }).succeeded());
        }
    }
    assert!(restored);
    follow_on_a_new_host(release, &host, &alice.backup_codes[1]);
}
