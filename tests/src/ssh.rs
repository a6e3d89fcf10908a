//! The real OpenSSH client, its prompts answered through SSH_ASKPASS.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{Run, Terminal, run, traces};

/// The password of everybody in a container.
pub const PASSWORD: &str = "correct-horse-7281";

/// How somebody tries to log in: answers to the prompts, in order, and a key.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// One a prompt. When they are used up, prompts are cancelled.
    pub answers: Vec<String>,
    /// A private key to offer.
    pub key: Option<PathBuf>,
    /// More of ssh's `-o`, which go before what is set otherwise.
    pub options: Vec<String>,
    /// What to run there; `true` when empty.
    pub command: Vec<String>,
}

impl Login {
    /// The right password, then `code`.
    #[must_use]
    pub fn password_then(code: &str) -> Self {
        Self::answering(&[PASSWORD, code])
    }

    /// These answers.
    #[must_use]
    pub fn answering(answers: &[&str]) -> Self {
        Self { answers: answers.iter().map(|&answer| answer.to_owned()).collect(), ..Self::default() }
    }

    /// A public key, then `code`.
    #[must_use]
    pub fn key_then(key: &Path, code: &str) -> Self {
        Self { key: Some(key.to_owned()), ..Self::answering(&[code]) }
    }

    /// The same, running a command.
    #[must_use]
    pub fn running(mut self, command: &[&str]) -> Self {
        self.command = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The same, with one of ssh's options.
    #[must_use]
    pub fn option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }
}

/// How the login went.
#[derive(Debug)]
pub struct Session {
    /// How ssh ended: 255 when it was not let in.
    pub run: Run,
    /// Every prompt that was shown, whole.
    pub prompts: Vec<String>,
    /// Answers that nobody asked for.
    pub unused: usize,
}

impl Session {
    /// Whether the person got in.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.run.succeeded()
    }
}

/// Makes a key pair; the public key is beside it with `.pub`.
///
/// # Panics
/// When ssh-keygen is missing.
#[must_use]
pub fn make_key(folder: &Path, name: &str) -> PathBuf {
    let key = folder.join(name);
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).expect_success();
    key
}

/// Makes a key pair `key` in a folder, and a file for a container's `start`: a line for each name, with [`PASSWORD`] and
/// that public key.
///
/// # Panics
/// When ssh-keygen is missing.
#[must_use]
pub fn people(folder: &Path, names: &[&str]) -> PathBuf {
    let key = make_key(folder, "key");
    let public = fs::read_to_string(key.with_extension("pub")).expect("ssh-keygen made it");
    let users = folder.join("users");
    let lines: String = names.iter().map(|name| format!("{name} {PASSWORD} {public}")).collect();
    fs::write(&users, lines).expect("it is ours");
    users
}

/// Logs in at a port of this machine as `user`.
#[must_use]
pub fn log_in(port: u16, user: &str, login: &Login) -> Session {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let askpass = askpass(&folder, &login.answers);
    let mut ssh = Command::new("ssh");
    ssh.env("SSH_ASKPASS", &askpass).env("SSH_ASKPASS_REQUIRE", "force").env_remove("SSH_AUTH_SOCK").args([
        "-F",
        "none",
        "-p",
        &port.to_string(),
    ]);
    // Of an option that is there twice ssh takes the first.
    for option in &login.options {
        ssh.args(["-o", option]);
    }
    ssh.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "GlobalKnownHostsFile=/dev/null", "-o", "LogLevel=INFO", "-o", "ConnectTimeout=20"])
        .args(["-o", "NumberOfPasswordPrompts=1", "-o", "IdentitiesOnly=yes"]);
    match &login.key {
        Some(key) => {
            ssh.args(["-o", "PreferredAuthentications=publickey,keyboard-interactive", "-i"]).arg(key)
        }
        None => {
            ssh.args(["-o", "PreferredAuthentications=keyboard-interactive", "-o", "PubkeyAuthentication=no"])
        }
    };
    ssh.arg(format!("{user}@127.0.0.1"));
    if login.command.is_empty() {
        ssh.arg("true");
    } else {
        ssh.args(&login.command);
    }
    let run = run(&mut ssh);
    let lines = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    Session {
        run,
        prompts: lines("prompts").split_terminator('\0').map(str::to_owned).collect(),
        unused: lines("answers").lines().count(),
    }
}

/// OpenSSH's client on a terminal. No option may contain a single quote.
#[must_use]
pub fn on_terminal(port: u16, user: &str, options: &[&str]) -> Terminal {
    let mut ssh = Command::new("env");
    ssh.args(["LC_ALL=C.UTF-8", "ssh", "-F", "none", "-tt", "-p", &port.to_string()])
        .args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ])
        .args(["-o", "NumberOfPasswordPrompts=1", "-o", "IdentitiesOnly=yes"])
        .args(options);
    Terminal::start(ssh.arg(format!("{user}@127.0.0.1")))
}

/// A program that notes each prompt and gives the next answer.
fn askpass(folder: &TempDir, answers: &[String]) -> PathBuf {
    traces::issued("password", PASSWORD);
    let folder = folder.path();
    fs::write(folder.join("answers"), answers.iter().map(|answer| format!("{answer}\n")).collect::<String>())
        .expect("our folder can be written");
    let program = folder.join("askpass");
    let script = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\nprintf '%s\\0' \"$1\" >>prompts\n[ -s answers ] || exit 1\n\
                  head -n 1 answers\nsed -i 1d answers\n";
    fs::write(&program, script).expect("our folder can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("it is ours");
    program
}
