//! The `twofold` command on a real terminal, against a real authority.

use std::process::Command;

use twofold_tests::qr::{Background, read_terminal};
use twofold_tests::{Authority, Phone, Terminal, place, traces};

fn twofold(authority: &Authority, arguments: &[&str]) -> Command {
    let mut command = Command::new(place::program("twofold"));
    command.arg("--socket").arg(authority.socket()).args(arguments);
    command
}

/// The words of a screen that look like backup codes: eight digits, maybe in two groups.
fn backup_codes(screen: &str) -> Vec<String> {
    let words: Vec<&str> = screen.split(|c: char| !c.is_ascii_digit() && c != '-').collect();
    let mut codes: Vec<String> =
        words.iter().map(|word| word.replace('-', "")).filter(|word| word.len() == 8).collect();
    if codes.is_empty() {
        let groups: Vec<&str> = screen.split_whitespace().filter(|word| word.len() == 4).collect();
        let digits = |word: &&str| word.chars().all(|c| c.is_ascii_digit());
        let groups: Vec<&str> = groups.into_iter().filter(|word| digits(word)).collect();
        codes = groups.chunks(2).filter(|pair| pair.len() == 2).map(<[&str]>::concat).collect();
    }
    codes
}

#[test]
fn enrolling_shows_a_code_to_scan_a_key_to_type_and_backup_codes_once() {
    let authority = Authority::start();
    authority.add("local:alice");
    let mut terminal = Terminal::start(&twofold(&authority, &["enroll", "--account", "local:alice"]));
    let shown = terminal.until("First code from the app");

    let uris = [Background::Light, Background::Dark].map(|background| read_terminal(&shown, background));
    assert_eq!(uris[0], uris[1], "a light and a dark terminal show the same");
    let phone = Phone::scan(&uris[0], authority.clock());
    let groups: Vec<&str> =
        phone.secret().as_bytes().chunks(4).map(|four| str::from_utf8(four).unwrap()).collect();
    assert!(shown.contains(&groups.join(" ")), "the key stands in groups:\n{shown}");
    traces::issued("secret", &groups.join(" "));

    terminal.enter(&phone.wrong());
    terminal.until("didn't match");
    terminal.until("First code from the app");
    terminal.enter(&phone.fresh());
    terminal.until("Two-factor is on");
    assert_eq!(terminal.wait(), 0, "{}", terminal.screen());
    let screen = terminal.screen();
    let codes = backup_codes(screen.split("Two-factor is on").nth(1).unwrap());
    assert_eq!(codes.len(), 10, "{screen}");
    codes.iter().for_each(|code| traces::issued("backup code", code));

    let verify = |code: &str| {
        authority.twofold_with_input(
            &["verify", "--account", "local:alice", "--code-fd", "0"],
            &format!("{code}\n"),
        )
    };
    assert!(verify(&codes[0]).succeeded(), "{:?}", authority.audit());
    assert_eq!(verify(&codes[0]).code, 1);
    assert!(verify(&phone.fresh()).succeeded());

    let status = authority.twofold(&["status", "--account", "local:alice"]).expect_success();
    assert!(status.contains('9') && !status.contains(phone.secret()), "{status}");
}

#[test]
fn the_exit_status_tells_what_happened() {
    let authority = Authority::start();
    let alice = authority.enrol("local:alice");
    let verify = |code: &str| {
        authority
            .twofold_with_input(
                &["verify", "--account", "local:alice", "--code-fd", "0"],
                &format!("{code}\n"),
            )
            .code
    };
    assert_eq!(verify(&alice.phone.fresh()), 0);
    assert_eq!(verify(&alice.phone.wrong()), 1);
    assert_eq!(authority.twofold(&["frobnicate"]).code, 64);
    let away = twofold_tests::run(Command::new(place::program("twofold")).args([
        "--socket",
        "/nonexistent/authority.sock",
        "status",
    ]));
    assert_eq!(away.code, 2, "{away:?}");
}

#[test]
fn an_operator_runs_an_accounts_whole_life() {
    let authority = Authority::start();
    let root = |arguments: &[&str]| authority.twofold(arguments).expect_success();
    root(&["account", "add", "local:alice"]);
    assert!(root(&["account", "list"]).contains("local:alice"));
    root(&["account", "link", "local:alice", "shop.example.com:alice"]);
    let enrolled = authority.enrol_existing("local:alice");
    assert!(root(&["device", "list", "--account", "local:alice"]).contains("phone"));
    root(&["device", "rename", "phone", "old phone", "--account", "local:alice"]);
    assert!(root(&["device", "list", "--account", "local:alice"]).contains("old phone"));

    root(&["account", "lock", "local:alice"]);
    let verify = |code: &str| {
        authority
            .twofold_with_input(
                &["verify", "--account", "local:alice", "--code-fd", "0"],
                &format!("{code}\n"),
            )
            .code
    };
    assert_eq!(verify(&enrolled.phone.fresh()), 1, "locked");
    root(&["account", "unlock", "local:alice"]);
    assert_eq!(verify(&enrolled.phone.fresh()), 0, "unlocked");

    let fresh = root(&["backup-codes", "--regenerate", "--account", "local:alice"]);
    let codes = backup_codes(&fresh);
    assert_eq!(codes.len(), 10, "{fresh}");
    codes.iter().for_each(|code| traces::issued("backup code", code));
    assert_eq!(verify(&enrolled.backup_codes[0]), 1, "the old ones are dead");
    assert_eq!(verify(&codes[0]), 0);

    root(&["reset", "local:alice", "--yes"]);
    assert_eq!(verify(&enrolled.phone.fresh()), 1, "reset");
    root(&["account", "unlink", "local:alice", "shop.example.com:alice"]);
    root(&["account", "remove", "local:alice", "--yes"]);
    assert!(!root(&["account", "list"]).contains("local:alice"));

    let actions: Vec<String> = authority.audit().into_iter().map(|event| event.action).collect();
    assert!(actions.len() >= 10, "{actions:?}");
}
