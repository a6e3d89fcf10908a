//! A whole Debian host in Docker: systemd, sshd and sudo, and nothing of ours until somebody installs it.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::docker::{Docker, Release};
use crate::process::{eventually, new_log};
use crate::ssh::{self, Login, Session};
use crate::{Clock, Enrolled, Phone, Process, Run, Terminal, place, traces};

/// What an administrator does before any door asks: everything installed, the authority at its socket, root with a
/// password for the console.
const INSTALL: &str = "set -e
cd /twofold/clone
install -m 755 target/release/twofoldd target/release/twofold-gate /usr/local/sbin/
install -m 755 target/release/twofold /usr/local/bin/
for folder in /lib/*-linux-gnu/security; do
    install -m 644 target/release/libpam_twofold.so $folder/pam_twofold.so
done
useradd --system --no-create-home --shell /usr/sbin/nologin twofold
install -D -m 644 packaging/authority.toml /etc/twofold/authority.toml
twofoldd --init
install -m 644 packaging/systemd/twofoldd.* packaging/systemd/twofold-rollout.service /etc/systemd/system/
systemctl enable --quiet --now twofoldd.socket
systemctl enable --quiet twofold-rollout.service
chpasswd
";

/// A running host. alice administers it; in her home is a clone of the repository, built as README says. Gone with the
/// value.
#[derive(Debug)]
pub struct Host {
    docker: Docker,
    folder: TempDir,
}

impl Host {
    /// Boots one.
    #[must_use]
    pub fn boot() -> Self {
        Self::boot_on(Release::Own)
    }

    /// Boots one with a release of Debian.
    #[must_use]
    pub fn boot_on(release: Release) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let users = ssh::people(folder.path(), &["alice"]);
        let clone = built_clone(folder.path());
        let mount = |from: &Path, to: &str| format!("--volume={}:{to}:ro", from.display());
        let docker = Docker::start(&[
            "--hostname=web2".to_owned(),
            // What systemd needs to be the first process, and units to be confined: mounts and namespaces of its own.
            "--cap-add=SYS_ADMIN".to_owned(),
            // For login, which hangs terminals up.
            "--cap-add=SYS_TTY_CONFIG".to_owned(),
            "--security-opt=seccomp=unconfined".to_owned(),
            "--security-opt=apparmor=unconfined".to_owned(),
            "--cgroupns=private".to_owned(),
            "--tmpfs=/run".to_owned(),
            "--tmpfs=/run/lock".to_owned(),
            "--tmpfs=/tmp".to_owned(),
            mount(&users, "/twofold/users"),
            mount(&clone, "/twofold/clone"),
            release.image("host"),
        ]);
        Self { docker, folder }
    }

    /// One on which everything is installed, alice is enrolled, and no door asks for a code yet.
    #[must_use]
    pub fn boot_installed() -> (Self, Enrolled) {
        Self::boot_installed_on(Release::Own)
    }

    /// The same with a release of Debian.
    #[must_use]
    pub fn boot_installed_on(release: Release) -> (Self, Enrolled) {
        let host = Self::boot_on(release);
        traces::issued("password", ssh::PASSWORD);
        host.type_to(&["sh", "-c", INSTALL], &format!("root:{}\n", ssh::PASSWORD)).expect_success();
        host.exec(&["twofold", "account", "add", "alice"]).expect_success();
        let alice = host.enrol("alice");
        (host, alice)
    }

    /// Gives an account a device with a secret that is brought along.
    ///
    /// # Panics
    /// When that does not work.
    #[must_use]
    pub fn enrol(&self, account: &str) -> Enrolled {
        let random = crate::run(Command::new("head").args(["-c", "400", "/dev/urandom"])).stdout;
        let base32 =
            |character: char| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".chars().nth(character as usize % 32);
        let secret: String = random.chars().filter_map(base32).take(32).collect();
        let phone = Phone::type_in(&secret, &Clock::real());
        let typed = format!("{secret}\n{}\n", phone.fresh());
        let words =
            ["twofold", "enroll", "--json", "--account", account, "--import-fd", "0", "--code-fd", "0"];
        let told = self.type_to(&words, &typed).expect_success();
        let last: serde_json::Value = told.lines().last().map_or(serde_json::Value::Null, |line| {
            serde_json::from_str(line).unwrap_or_else(|why| panic!("{line}: {why}"))
        });
        let codes = last["backup_codes"].as_array().unwrap_or_else(|| panic!("no backup codes: {told}"));
        let backup_codes: Vec<String> =
            codes.iter().filter_map(|code| code.as_str().map(str::to_owned)).collect();
        backup_codes.iter().for_each(|code| traces::issued("backup code", code));
        Enrolled { phone, backup_codes }
    }

    /// Stops it as if its plug was pulled, and boots it again.
    pub fn restart(&mut self) {
        self.docker.restart();
    }

    /// A private key that alice has authorised.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// Logs in with OpenSSH's client. An sshd that has just been told to read its files again listens to nobody for a
    /// moment: that is waited for.
    #[must_use]
    pub fn ssh(&self, user: &str, login: &Login) -> Session {
        let between = ["Connection refused", "kex_exchange_identification"];
        eventually("sshd listens", Duration::from_secs(20), || {
            let session = ssh::log_in(self.docker.port(), user, login);
            (!between.iter().any(|word| session.run.stderr.contains(word))).then_some(session)
        })
    }

    /// A shell of alice's on a terminal at the console, in her clone. Its prompt is the exit status in brackets.
    #[must_use]
    pub fn shell(&self) -> Terminal {
        let mut shell = self.console(&["su", "--login", "alice"]);
        shell.until("$");
        shell.enter("cd twofold && PS1=\"[\\$?] \"");
        shell.until("[0] ");
        shell
    }

    /// A command that root runs on a terminal.
    #[must_use]
    pub fn console(&self, command: &[&str]) -> Terminal {
        let mut docker = Command::new("docker");
        Terminal::start(docker.args(["exec", "--interactive", "--tty", self.docker.id()]).args(command))
    }

    /// Runs a command inside as root.
    #[must_use]
    pub fn exec(&self, command: &[&str]) -> Run {
        self.docker.exec("root", command, "")
    }

    /// Copies a file in, or what is in a folder whose path ends in `/.`.
    pub fn put(&self, file: &Path, to: &str) {
        let target = format!("{}:{to}", self.docker.id());
        crate::run(Command::new("docker").arg("cp").arg(file).arg(target)).expect_success();
    }

    /// Copies a file out.
    pub fn take(&self, from: &str, to: &Path) {
        let source = format!("{}:{from}", self.docker.id());
        crate::run(Command::new("docker").arg("cp").arg(source).arg(to)).expect_success();
    }

    /// Runs a shell's line inside as alice, with something on its standard input.
    #[must_use]
    pub fn as_alice(&self, line: &str, input: &str) -> Run {
        self.docker.exec("alice", &["sh", "-c", line], input)
    }

    /// OpenSSH's client on a terminal of ours, with alice's key.
    #[must_use]
    pub fn ssh_terminal(&self, user: &str) -> Terminal {
        ssh::on_terminal(self.docker.port(), user, &["-i", &self.key().to_string_lossy()])
    }

    /// Reaches `there`, ports of its loopback, at ports of ours, and lets it reach `back`, ports of our loopback, at the same
    /// of its own. Ends with the value.
    #[must_use]
    pub fn tunnel(&self, there: &[(u16, u16)], back: &[u16]) -> Process {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-N", "-p", &self.port().to_string(), "-i"]).arg(self.key());
        for option in [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "ExitOnForwardFailure=yes",
        ] {
            ssh.args(["-o", option]);
        }
        for (ours, its) in there {
            ssh.args(["-L", &format!("127.0.0.1:{ours}:127.0.0.1:{its}")]);
        }
        for port in back {
            ssh.args(["-R", &format!("127.0.0.1:{port}:127.0.0.1:{port}")]);
        }
        let mut process = Process::start("tunnel", ssh.arg("alice@127.0.0.1"));
        for (ours, _) in there {
            process.until("the tunnel is open", || TcpStream::connect(("127.0.0.1", *ours)).ok());
        }
        process
    }

    /// Where its sshd listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.docker.port()
    }

    /// Runs a command inside as root, with something on its standard input.
    #[must_use]
    pub fn type_to(&self, command: &[&str], input: &str) -> Run {
        self.docker.exec("root", command, input)
    }

    /// What systemd's journal has of a unit.
    #[must_use]
    pub fn journal(&self, unit: &str) -> String {
        self.exec(&["journalctl", "--no-pager", "--unit", unit]).stdout
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What its programs told the journal is among the run's logs, too.
        let _ = fs::write(new_log("journal"), self.exec(&["journalctl", "--no-pager"]).stdout);
    }
}

/// What the README's build leaves in a clone, as far as the rest of it is about that: the programs that this test was
/// built with, under the names that they have there.
fn built_clone(folder: &Path) -> PathBuf {
    let clone = folder.join("clone");
    place::finished_programs(&clone.join("target/release"));
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(place::repository().join("packaging")).arg(&clone);
    crate::run(&mut copy).expect_success();
    clone
}
