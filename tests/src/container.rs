//! A Debian host in Docker: sshd, sudo and su with the module, and a door listener as its only way to the authority.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{eventually, new_log, run_with_input};
use crate::ssh::{self, Login, PASSWORD, Session};
use crate::syslog::Syslog;
use crate::{Authority, Run, place, run};

/// What sshd asks for before the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The password, in the same PAM conversation.
    Password,
    /// A public key; PAM asks for the code alone.
    Publickey,
}

impl First {
    const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Publickey => "publickey",
        }
    }
}

/// A running container with the users alice (who may sudo), bob and carol; gone with the value.
#[derive(Debug)]
pub struct Container {
    id: String,
    port: u16,
    folder: TempDir,
    syslog: Syslog,
}

impl Container {
    /// A container at the authority's first door (`web1` by default).
    #[must_use]
    pub fn start(authority: &Authority, first: First) -> Self {
        Self::at(&authority.door_folder("web1"), first)
    }

    /// A container that finds `authority.sock` in `door`.
    #[must_use]
    pub fn at(door: &Path, first: First) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let syslog = Syslog::start(folder.path(), "container");
        let key = ssh::make_key(folder.path(), "key");
        let public = fs::read_to_string(key.with_extension("pub")).expect("ssh-keygen made it");
        let users = folder.path().join("users");
        let lines = ["alice", "bob", "carol"].map(|name| format!("{name} {PASSWORD} {public}"));
        fs::write(&users, lines.concat()).expect("it is ours");
        let mount = |from: &Path, to: &str| format!("{}:{to}", from.display());
        let id = run(Command::new("docker")
            .args(["run", "--detach", "--hostname", "web1", "--publish", "127.0.0.1::22"])
            .args(["--label", &format!("twofold.run={}", run_id())])
            .args(["--volume", &mount(door, "/run/twofold")])
            .args(["--volume", &mount(&place::module(), "/twofold/pam_twofold.so:ro")])
            .args(["--volume", &mount(&place::repository().join("packaging"), "/twofold/packaging:ro")])
            .args(["--volume", &mount(&users, "/twofold/users:ro")])
            .args(["--volume", &mount(syslog.socket(), "/dev/log")])
            .args(["twofold-dev/ssh:latest", first.word()]))
        .expect_success()
        .trim()
        .to_owned();
        let mut container = Self { id, port: 0, folder, syslog };
        container.port = container.published_port();
        eventually("sshd greets", Duration::from_secs(30), || container.greeting());
        container
    }

    fn published_port(&self) -> u16 {
        let text = run(Command::new("docker").args(["port", &self.id, "22/tcp"]));
        let port = text.stdout.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("the container has no port: {text:?}\n{}", self.output()))
    }

    fn greeting(&self) -> Option<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).ok()?;
        (word == *b"SSH-").then_some(())
    }

    fn output(&self) -> String {
        let run = run(Command::new("docker").args(["logs", &self.id]));
        run.stdout + &run.stderr
    }

    /// Where its sshd listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Docker's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A private key that all of them have authorised.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// Logs in with OpenSSH's client.
    #[must_use]
    pub fn ssh(&self, user: &str, login: &Login) -> Session {
        ssh::log_in(self.port, user, login)
    }

    /// Runs a command inside as `user`, with `input` on its standard input.
    #[must_use]
    pub fn exec(&self, user: &str, command: &[&str], input: &str) -> Run {
        let mut docker = Command::new("docker");
        docker.args(["exec", "--interactive", "--user", user, &self.id]).args(command);
        run_with_input(&mut docker, input)
    }

    /// What its programs have said to syslog.
    #[must_use]
    pub fn log(&self) -> String {
        self.syslog.text()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // sshd's own words are among the run's logs, too.
        let _ = fs::write(new_log("sshd"), self.output());
        run(Command::new("docker").args(["rm", "--force", "--volumes", &self.id]));
    }
}

/// Whose containers these are: `./dev` removes what is left of its runs, and of runs that ended badly.
fn run_id() -> String {
    std::env::var_os("TWOFOLD_RUN")
        .and_then(|id| id.into_string().ok())
        .unwrap_or_else(|| std::process::id().to_string())
}
