//! A Debian host in Docker with an authority of its own, the documented stacks for whatever logs people in, and the clients
//! that people come with.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE32_NOPAD;
use tempfile::TempDir;

use crate::container::First;
use crate::docker::{Docker, Release};
use crate::ssh::{self, Login, PASSWORD, Session};
use crate::syslog::Syslog;
use crate::{Clock, Enrolled, Phone, Run, Terminal, place, traces};

/// A running machine with the people alice (who may sudo), bob, carol and backup2; gone with the value.
#[derive(Debug)]
pub struct Machine {
    docker: Docker,
    folder: TempDir,
    syslog: Syslog,
    clock: Clock,
}

impl Machine {
    /// One whose sshd asks for this first, with more of the authority's configuration.
    #[must_use]
    pub fn start(first: First, more: &str) -> Self {
        Self::on(Release::Own, first, more)
    }

    /// The same on a release of Debian.
    #[must_use]
    pub fn on(release: Release, first: First, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let syslog = Syslog::start(folder.path(), "machine");
        let users = ssh::people(folder.path(), &["alice", "bob", "carol", "backup2"]);
        let clock = Clock::fake();
        let configuration = folder.path().join("authority.toml");
        fs::write(&configuration, format!("host = \"web1\"\n{more}")).expect("our folder can be written");
        let mount = |from: &Path, to: &str| format!("--volume={}:{to}:ro", from.display());
        let docker = Docker::start(&[
            "--hostname=web1".to_owned(),
            // For login, which hangs terminals up.
            "--cap-add=SYS_TTY_CONFIG".to_owned(),
            mount(&place::module(), "/twofold/pam_twofold.so"),
            mount(&place::program("twofoldd"), "/twofold/bin/twofoldd"),
            mount(&place::program("twofold"), "/twofold/bin/twofold"),
            mount(&place::repository().join("packaging"), "/twofold/packaging"),
            mount(&users, "/twofold/users"),
            mount(&configuration, "/twofold/authority.toml"),
            mount(clock.folder(), "/twofold/clock"),
            format!("--volume={}:/dev/log", syslog.socket().display()),
            release.image("stacks"),
            first.word().to_owned(),
        ]);
        Self { docker, folder, syslog, clock }
    }

    /// A private key that all of them have authorised.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// Where its sshd listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.docker.port()
    }

    /// The clock of its authority.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Logs in with OpenSSH's client.
    #[must_use]
    pub fn ssh(&self, user: &str, login: &Login) -> Session {
        ssh::log_in(self.port(), user, login)
    }

    /// Runs a command inside as `user`, with `input` on its standard input.
    #[must_use]
    pub fn exec(&self, user: &str, command: &[&str], input: &str) -> Run {
        self.docker.exec(user, command, input)
    }

    /// Runs a line of shell inside as root; it must succeed.
    pub fn root(&self, line: &str) -> String {
        self.exec("root", &["sh", "-ec", line], "").expect_success()
    }

    /// The operator's command.
    #[must_use]
    pub fn twofold(&self, arguments: &[&str]) -> Run {
        self.exec("root", &[&["twofold"], arguments].concat(), "")
    }

    /// A program on a terminal inside, as `user`.
    #[must_use]
    pub fn terminal(&self, user: &str, command: &[&str]) -> Terminal {
        let mut docker = Command::new("docker");
        docker.args(["exec", "--interactive", "--tty", "--env", "LC_ALL=C.UTF-8", "--user", user]);
        Terminal::start(docker.arg(self.docker.id()).args(command))
    }

    /// OpenSSH's client on a terminal of ours. No option may contain a single quote.
    #[must_use]
    pub fn ssh_terminal(&self, user: &str, options: &[&str]) -> Terminal {
        ssh::on_terminal(self.port(), user, options)
    }

    /// What its programs have said to syslog.
    #[must_use]
    pub fn log(&self) -> String {
        self.syslog.text()
    }

    /// Gives an account, made where there is none, a device and backup codes.
    pub fn enrol(&self, name: &str) -> Enrolled {
        if !self.twofold(&["account", "show", name]).succeeded() {
            self.twofold(&["account", "add", name]).expect_success();
        }
        let phone = self.new_phone();
        let command =
            ["twofold", "--json", "enroll", "--account", name, "--import-fd", "0", "--code-fd", "0"];
        let input = format!("{}\n{}\n", phone.secret(), phone.fresh());
        let shown = self.exec("root", &command, &input).expect_success();
        let last = shown.lines().last().unwrap_or_default();
        let confirmed: serde_json::Value = serde_json::from_str(last).expect("it prints JSON");
        let codes = confirmed["backup_codes"].as_array().cloned().unwrap_or_default();
        let backup_codes: Vec<String> =
            codes.iter().filter_map(|code| code.as_str()).map(str::to_owned).collect();
        assert_eq!(backup_codes.len(), 10, "{shown}");
        backup_codes.iter().for_each(|code| traces::issued("backup code", code));
        Enrolled { phone, backup_codes }
    }

    /// Makes accounts with a device each, many at a time.
    #[must_use]
    pub fn enrol_all(&self, names: &[String]) -> Vec<Phone> {
        /// Few enough that the first code is still good when the last is given.
        const AT_A_TIME: usize = 40;
        const LINE: &str = "while read -r name secret code; do twofold account add $name >/dev/null; \
                            printf '%s\\n%s\\n' $secret $code | \
                            twofold --json enroll --account $name --import-fd 0 --code-fd 0 >/dev/null; done";
        let mut phones = Vec::new();
        for names in names.chunks(AT_A_TIME) {
            let new: Vec<Phone> = names.iter().map(|_| self.new_phone()).collect();
            let line =
                |(name, phone): (&String, &Phone)| format!("{name} {} {}\n", phone.secret(), phone.fresh());
            let input: String = names.iter().zip(&new).map(line).collect();
            self.exec("root", &["sh", "-ec", LINE], &input).expect_success();
            phones.extend(new);
        }
        phones
    }

    fn new_phone(&self) -> Phone {
        let mut random = [0; 20];
        let mut source = File::open("/dev/urandom").expect("the kernel has randomness");
        source.read_exact(&mut random).expect("the kernel has randomness");
        Phone::type_in(&BASE32_NOPAD.encode(&random), &self.clock)
    }

    /// Ends its authority.
    pub fn stop_authority(&self) {
        self.root("pid=$(cat /run/twofoldd.pid); kill $pid; while [ -d /proc/$pid ] && ! grep -q '^State:.Z' /proc/$pid/status; do sleep 0.1; done");
    }

    /// Starts it again.
    pub fn start_authority(&self) {
        self.root("authority");
    }

    /// A file inside.
    pub fn write(&self, path: &str, text: &str) {
        self.exec("root", &["sh", "-ec", &format!("cat >{path}")], text).expect_success();
    }

    /// What a person types for a password, and then for a code.
    #[must_use]
    pub fn answers(code: &str) -> String {
        format!("{PASSWORD}\n{code}\n")
    }
}
