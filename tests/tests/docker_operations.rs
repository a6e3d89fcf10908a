//! docs/operations.md, followed command by command on a host that README's section on installing leads to.

use std::fs;

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Host, Login, Release, place};

fn commands() -> Vec<String> {
    let page = fs::read_to_string(place::repository().join("docs/operations.md")).unwrap();
    page.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
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

    let page = commands();
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
}
