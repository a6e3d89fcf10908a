//! README's way to install, followed to the letter on a host with systemd.

use std::fs;

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Clock, Host, Login, Phone, Terminal, place, traces};

/// What stands between these headings of the README as commands, without the comments behind them.
fn commands(from: &str, to: &str) -> Vec<String> {
    let readme = fs::read_to_string(place::repository().join("README.md")).unwrap();
    let section = readme.split_once(from).unwrap().1.split_once(to).unwrap().0;
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| line.split("   #").next().unwrap_or_default().trim().to_owned()).collect()
}

/// Building is what this test's programs went through already.
fn is_building(command: &str) -> bool {
    command.starts_with("sudo apt-get install") || command.starts_with("cargo build")
}

/// Types a command and answers what it asks, until the prompt says that it went well.
fn type_in(shell: &mut Terminal, command: &str, answers: &[(&str, &str)]) -> String {
    shell.enter(command);
    let mut seen = String::new();
    for (question, answer) in answers {
        seen += &shell.until(question);
        shell.enter(answer);
    }
    seen + &shell.until("[0] ")
}

/// `twofold enroll`: the key is typed into an authenticator by hand, its code confirms.
fn enroll(shell: &mut Terminal, command: &str) -> (Phone, Vec<String>) {
    shell.enter(command);
    let shown = shell.until("First code from the app: ");
    let key = shown.lines().find(|line| {
        let groups: Vec<&str> = line.split_whitespace().collect();
        groups.len() == 8 && groups.iter().all(|group| group.len() == 4 && group.bytes().all(is_base32))
    });
    let phone = Phone::type_in(key.unwrap_or_else(|| panic!("no key in:\n{shown}")), &Clock::real());
    shell.enter(&phone.fresh());
    let said = shell.until("[0] ");
    // Two in a line, each in two groups of four.
    let groups: Vec<&str> =
        said.split_whitespace().filter(|word| word.len() == 4 && word.parse::<u16>().is_ok()).collect();
    let codes: Vec<String> = groups.chunks(2).map(<[&str]>::concat).collect();
    assert_eq!(codes.len(), 10, "{said}");
    codes.iter().for_each(|code| traces::issued("backup code", code));
    (phone, codes)
}

fn is_base32(byte: u8) -> bool {
    byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte)
}

#[test]
fn the_readme_leads_to_a_protected_host() {
    let host = Host::boot();
    let mut shell = host.shell();
    let mut enrolled = None;
    let steps = commands("## Install on a host, from source", "## Live with it");
    assert!(steps.len() > 20 && steps.iter().filter(|step| is_building(step)).count() == 3, "{steps:?}");
    let mut is_first_sudo = true;
    for step in steps.iter().filter(|step| !is_building(step)) {
        match step.as_str() {
            enrol if enrol.contains("twofold enroll") => enrolled = Some(enroll(&mut shell, enrol)),
            verify if verify.contains("twofold verify") => {
                let (phone, _) = enrolled.as_ref().expect("it comes after enrolling");
                type_in(&mut shell, verify, &[("Code", &phone.fresh())]);
            }
            "sudo -k; sudo true" => {
                let (_, codes) = enrolled.as_ref().expect("it comes after enrolling");
                let answers = [("password for alice", PASSWORD), ("Code for alice", codes[0].as_str())];
                type_in(&mut shell, step, &answers);
            }
            sudo if sudo.starts_with("sudo ") && is_first_sudo => {
                is_first_sudo = false;
                type_in(&mut shell, sudo, &[("password for alice", PASSWORD)]);
            }
            other => drop(type_in(&mut shell, other, &[])),
        }
    }
    let (phone, codes) = enrolled.expect("the README enrols");

    // A code, and nothing less.
    let without = host.ssh("alice", &Login { key: Some(host.key()), ..Login::default() });
    assert!(!without.succeeded(), "{without:?}");
    let fresh = phone.fresh();
    let session = host.ssh("alice", &Login::key_then(&host.key(), &fresh).running(&["id", "-un"]));
    assert_eq!(session.run.stdout.trim(), "alice", "{session:?}\n{}", host.journal("ssh"));
    let used = host.ssh("alice", &Login::key_then(&host.key(), &fresh));
    assert!(!used.succeeded(), "{used:?}");
    let backup = host.ssh("alice", &Login::key_then(&host.key(), &codes[1]));
    assert!(backup.succeeded(), "{backup:?}");

    // Nobody uses the ledger but the authority, which the socket started and systemd confines.
    let owner = host.exec(&["stat", "--format=%U %a", "/var/lib/twofold"]).expect_success();
    assert_eq!(owner.trim(), "twofold 700");
    let unit =
        host.exec(&["systemctl", "show", "twofoldd", "--property=ActiveState,User,PrivateNetwork,NRestarts"]);
    for line in ["ActiveState=active", "User=twofold", "PrivateNetwork=yes", "NRestarts=0"] {
        assert!(unit.stdout.lines().any(|found| found == line), "{unit:?}\n{}", host.journal("twofoldd"));
    }
}
