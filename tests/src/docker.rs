//! A running container, whatever is in it; gone with the value.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::process::{eventually, new_log, run_with_input};
use crate::{Run, run};

/// Which release of Debian a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// This machine's own, for which everything was built.
    Own,
    /// The one after bookworm.
    Trixie,
    /// Whatever comes next.
    Testing,
}

impl Release {
    /// An image's name; `./dev with --all` makes those of the newer ones.
    pub(crate) fn image(self, name: &str) -> String {
        let tag = match self {
            Self::Own => "latest",
            Self::Trixie => "trixie",
            Self::Testing => "testing",
        };
        format!("twofold-dev/{name}:{tag}")
    }
}

/// A container that publishes its sshd on 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Docker {
    id: String,
    port: u16,
}

impl Docker {
    /// Starts one with these of `docker run`'s arguments, and waits until its sshd greets.
    pub(crate) fn start(arguments: &[String]) -> Self {
        let id = run(Command::new("docker")
            .args(["run", "--detach", "--publish", "127.0.0.1::22"])
            .args(["--label", &format!("twofold.run={}", run_id())])
            .args(arguments))
        .expect_success()
        .trim()
        .to_owned();
        let mut docker = Self { id, port: 0 };
        docker.meet();
        docker
    }

    /// Finds its port, another one after each start, and waits until its sshd greets.
    fn meet(&mut self) {
        self.port = self.published_port();
        eventually("sshd greets", Duration::from_secs(30), || self.greeting());
    }

    /// Kills everything in it at once, and starts it again.
    pub(crate) fn restart(&mut self) {
        run(Command::new("docker").args(["kill", &self.id])).expect_success();
        run(Command::new("docker").args(["start", &self.id])).expect_success();
        self.meet();
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

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Runs a command inside as `user`, with `input` on its standard input.
    pub(crate) fn exec(&self, user: &str, command: &[&str], input: &str) -> Run {
        let mut docker = Command::new("docker");
        docker.args(["exec", "--interactive", "--user", user, &self.id]).args(command);
        run_with_input(&mut docker, input)
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Its own words are among the run's logs, too.
        let _ = fs::write(new_log("container"), self.output());
        run(Command::new("docker").args(["rm", "--force", "--volumes", &self.id]));
    }
}

/// Whose containers these are: `./dev` removes what is left of its runs, and of runs that ended badly.
fn run_id() -> String {
    std::env::var_os("TWOFOLD_RUN")
        .and_then(|id| id.into_string().ok())
        .unwrap_or_else(|| std::process::id().to_string())
}
