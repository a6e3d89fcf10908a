//! The command at a terminal: `script` gives it one.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use crate::authority::Scripted;
use crate::enrolment::script;

/// A child that has a terminal, and what it has shown so far.
struct Terminal {
    child: Child,
    shown: String,
    /// How much of it was waited for already.
    read: usize,
}

impl Terminal {
    fn run(authority: &Scripted, arguments: &str) -> Self {
        let line = format!(
            "stty rows 60 cols 100; {} --socket {} {arguments}; echo status $?; stty -a",
            env!("CARGO_BIN_EXE_twofold"),
            authority.socket.display()
        );
        let child = Command::new("script")
            .args(["--quiet", "--return", "--flush", "--echo", "always", "--command", &line, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, shown: String::new(), read: 0 }
    }

    /// Reads until `text` was shown anew.
    fn wait_for(&mut self, text: &str) {
        let mut piece = [0; 4096];
        let mut bytes = Vec::new();
        while !self.shown[self.read..].contains(text) {
            let read = self.child.stdout.as_mut().unwrap().read(&mut piece).unwrap();
            assert!(read > 0, "{text:?} never came: {}", self.shown);
            bytes.extend_from_slice(&piece[..read]);
            let whole = String::from_utf8_lossy(&bytes).into_owned();
            if !whole.ends_with('\u{fffd}') {
                self.shown.push_str(&whole);
                bytes.clear();
            }
        }
        self.read += self.shown[self.read..].find(text).unwrap() + text.len();
    }

    fn type_in(&mut self, keys: &str) {
        self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    fn end(mut self) -> String {
        self.wait_for("-extproc");
        self.child.stdin.take();
        self.child.wait().unwrap();
        self.shown
    }
}

#[test]
fn an_enrolment_at_a_terminal_shows_a_picture_and_no_typed_code() {
    let authority = Scripted::new(script);
    let mut terminal = Terminal::run(&authority, "enroll --label 'Pixel 9'");
    terminal.wait_for("First code from the app: ");
    assert!(terminal.shown.contains("▀▀▀▀"));
    terminal.type_in("111 111\r");
    terminal.wait_for("Likely causes");
    terminal.wait_for("First code from the app: ");
    terminal.type_in("12\r");
    terminal.wait_for("six to eight digits");
    terminal.wait_for("First code from the app: ");
    terminal.type_in("222222\r");
    terminal.wait_for("not shown again");
    let shown = terminal.end();
    assert!(shown.contains("status 0"));
    assert!(!shown.contains("222222") && !shown.contains("111 111"));
}

#[test]
fn ctrl_c_leaves_nothing_on_and_the_terminal_as_it_was() {
    let authority = Scripted::new(script);
    let mut terminal = Terminal::run(&authority, "enroll");
    terminal.wait_for("First code from the app: ");
    terminal.type_in("\u{3}");
    terminal.wait_for("nothing was turned on");
    let shown = terminal.end();
    assert!(shown.contains("status 130"), "{shown}");
    assert!(shown.contains(" echo ") && shown.contains(" icanon") && !shown.contains("-icanon"), "{shown}");
    assert_eq!(authority.calls(), ["BeginEnrolment"]);
}

#[test]
fn consent_is_asked_at_a_terminal() {
    let authority = Scripted::new(|method, _| match method {
        "GetAccount" => Ok(crate::authority::alice(1)),
        "ResetAccount" => Ok(serde_json::json!({})),
        other => panic!("{other}"),
    });
    let mut terminal = Terminal::run(&authority, "reset alice");
    terminal.wait_for("Go on? [y/N] ");
    terminal.type_in("\r");
    assert!(terminal.end().contains("status 1"));
    let mut terminal = Terminal::run(&authority, "reset alice");
    terminal.wait_for("Go on? [y/N] ");
    terminal.type_in("y\r");
    assert!(terminal.end().contains("status 0"));
    assert_eq!(authority.calls(), ["GetAccount", "GetAccount", "ResetAccount"]);
}
