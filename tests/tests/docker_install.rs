//! README's way to install, followed to the letter on a host with systemd.

use std::fs;
use std::time::{Duration, Instant};

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Clock, Host, Login, Phone, Terminal, place, traces};

/// What stands below this heading of the README as commands, without the comments behind them.
fn commands(heading: &str) -> Vec<String> {
    let readme = fs::read_to_string(place::repository().join("README.md")).unwrap();
    let section = readme.split_once(heading).unwrap().1;
    let section = section.split("\n#").next().unwrap_or_default();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| line.split("   #").next().unwrap_or_default().trim().to_owned()).collect()
}

/// Building is what this test's programs went through already.
fn is_building(command: &str) -> bool {
    command.starts_with("sudo apt-get install") || command.starts_with("cargo build")
}

/// What a person needs for one line: to find it in the README and type it, or to read a question and answer it.
const A_LINE: Duration = Duration::from_secs(15);
const AN_ANSWER: Duration = Duration::from_secs(5);
/// To take the phone, have an app scan the picture, and put the backup codes away.
const A_PHONE: Duration = Duration::from_secs(45);
/// To find another terminal, and the machine in it.
const A_TERMINAL: Duration = Duration::from_secs(10);

/// The time from the first command to a confirmed login: the machine's is measured, the person's counted.
struct Watch {
    began: Instant,
    person: Duration,
    machine: Duration,
}

impl Watch {
    fn start() -> Self {
        Self { began: Instant::now(), person: Duration::ZERO, machine: Duration::ZERO }
    }

    fn line(&mut self, answers: usize) {
        self.person += A_LINE + AN_ANSWER * u32::try_from(answers).unwrap();
    }

    fn stop(&mut self) {
        self.machine = self.began.elapsed();
    }
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

/// From the first command to a login that asks for a code.
fn follow(host: &Host, install: &[String]) -> Watch {
    let mut shell = host.shell();
    let mut watch = Watch::start();
    // sudo asks once in a terminal.
    type_in(&mut shell, "sudo true", &[("password for alice", PASSWORD)]);
    for step in install.iter().filter(|step| !is_building(step)) {
        type_in(&mut shell, step, &[]);
        watch.line(0);
    }
    let mut enrolled = None;
    for step in commands("### Your phone, then the doors") {
        if step.contains("twofold enroll") {
            enrolled = Some(enroll(&mut shell, &step));
            watch.line(1);
            watch.person += A_PHONE;
            continue;
        }
        let known = enrolled.as_ref();
        let answers: Vec<(&str, String)> = match step.as_str() {
            verify if verify.contains("twofold verify") => {
                let (phone, _) = known.expect("it comes after enrolling");
                vec![("Code", phone.fresh())]
            }
            "sudo passwd root" => {
                ["New password:", "Retype new password:"].map(|ask| (ask, PASSWORD.to_owned())).to_vec()
            }
            "sudo twofold ssh confirm" => {
                let (_, codes) = known.expect("it comes after enrolling");
                confirm_ssh(host, &step, &codes[0]);
                // Key, code, sudo's password.
                watch.line(2);
                watch.person += A_LINE + A_TERMINAL;
                watch.stop();
                continue;
            }
            "sudo -k twofold sudo confirm" => {
                let (_, codes) = known.expect("it comes after enrolling");
                vec![("password for alice", PASSWORD.to_owned()), ("Code for alice", codes[1].clone())]
            }
            enable if enable.contains("enable") => {
                vec![("to be sure: ", PASSWORD.to_owned()), ("Go on? [y/N] ", "y".to_owned())]
            }
            _ => Vec::new(),
        };
        let answers: Vec<(&str, &str)> =
            answers.iter().map(|(ask, answer)| (*ask, answer.as_str())).collect();
        type_in(&mut shell, &step, &answers);
        watch.line(answers.len());
    }
    let (phone, codes) = enrolled.expect("the README enrols");
    a_code_and_nothing_less(host, &phone, &codes);
    watch
}

/// A fresh login from another terminal, and in it the command.
fn confirm_ssh(host: &Host, command: &str, code: &str) {
    let mut terminal = host.ssh_terminal("alice");
    terminal.until("Code for alice: ");
    terminal.enter(code);
    terminal.until("$ ");
    terminal.enter(&format!("{command}; echo ended:$?"));
    terminal.until("password for alice");
    terminal.enter(PASSWORD);
    terminal.until("ended:0");
}

fn a_code_and_nothing_less(host: &Host, phone: &Phone, codes: &[String]) {
    let without = host.ssh("alice", &Login { key: Some(host.key()), ..Login::default() });
    assert!(!without.succeeded(), "{without:?}");
    let fresh = phone.fresh();
    let session = host.ssh("alice", &Login::key_then(&host.key(), &fresh).running(&["id", "-un"]));
    assert_eq!(session.run.stdout.trim(), "alice", "{session:?}\n{}", host.journal("ssh"));
    let used = host.ssh("alice", &Login::key_then(&host.key(), &fresh));
    assert!(!used.succeeded(), "{used:?}");
    let backup = host.ssh("alice", &Login::key_then(&host.key(), &codes[2]));
    assert!(backup.succeeded(), "{backup:?}");
    let sudo = host.as_alice("sudo -S -k id -u", &format!("{PASSWORD}\n"));
    assert!(!sudo.succeeded(), "{sudo:?}");

    // Nobody uses the ledger but the authority, which the socket started and systemd confines.
    let owner = host.exec(&["stat", "--format=%U %a", "/var/lib/twofold"]).expect_success();
    assert_eq!(owner.trim(), "twofold 700");
    let unit =
        host.exec(&["systemctl", "show", "twofoldd", "--property=ActiveState,User,PrivateNetwork,NRestarts"]);
    for line in ["ActiveState=active", "User=twofold", "PrivateNetwork=yes", "NRestarts=0"] {
        assert!(unit.stdout.lines().any(|found| found == line), "{unit:?}\n{}", host.journal("twofoldd"));
    }
}

#[test]
fn the_readme_leads_from_source_to_a_protected_host() {
    let host = Host::boot();
    let steps = commands("### From source");
    assert!(steps.len() > 10 && steps.iter().filter(|step| is_building(step)).count() == 3, "{steps:?}");
    follow(&host, &steps);
}

#[test]
fn the_readme_leads_by_package_to_a_protected_host() {
    let host = Host::boot();
    host.exec(&["mkdir", "-p", "/home/alice/twofold/target/package"]).expect_success();
    let package = place::package("0.1.0");
    host.put(&package, "/home/alice/twofold/target/package/twofold_0.1.0_amd64.deb");
    let steps = commands("### By package");
    assert_eq!(steps.len(), 1, "{steps:?}");
    let Watch { person, machine, .. } = follow(&host, &steps);
    println!("from the package to a confirmed login: the machine {machine:.1?}, a person {person:?}");
    assert!(person + machine < Duration::from_secs(300), "the machine {machine:?}, a person {person:?}");
}
