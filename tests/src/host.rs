//! A whole Debian host in Docker: systemd, sshd and sudo, and nothing of ours until somebody installs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::docker::Docker;
use crate::process::new_log;
use crate::ssh::{self, Login, Session};
use crate::{Run, Terminal, place};

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
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let users = ssh::people(folder.path(), &["alice"]);
        let clone = built_clone(folder.path());
        let mount = |from: &Path, to: &str| format!("--volume={}:{to}:ro", from.display());
        let docker = Docker::start(&[
            "--hostname=web2".to_owned(),
            // What systemd needs to be the first process, and units to be confined: mounts and namespaces of its own.
            "--cap-add=SYS_ADMIN".to_owned(),
            "--security-opt=seccomp=unconfined".to_owned(),
            "--security-opt=apparmor=unconfined".to_owned(),
            "--cgroupns=private".to_owned(),
            "--tmpfs=/run".to_owned(),
            "--tmpfs=/run/lock".to_owned(),
            "--tmpfs=/tmp".to_owned(),
            mount(&users, "/twofold/users"),
            mount(&clone, "/twofold/clone"),
            "twofold-dev/host:latest".to_owned(),
        ]);
        Self { docker, folder }
    }

    /// A private key that alice has authorised.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// Logs in with OpenSSH's client.
    #[must_use]
    pub fn ssh(&self, user: &str, login: &Login) -> Session {
        ssh::log_in(self.docker.port(), user, login)
    }

    /// A shell of alice's on a terminal at the console, in her clone. Its prompt is the exit status in brackets.
    #[must_use]
    pub fn shell(&self) -> Terminal {
        let mut command = Command::new("docker");
        command.args(["exec", "--interactive", "--tty", self.docker.id(), "su", "--login", "alice"]);
        let mut shell = Terminal::start(&command);
        shell.until("$");
        shell.enter("cd twofold && PS1=\"[\\$?] \"");
        shell.until("[0] ");
        shell
    }

    /// Runs a command inside as root.
    #[must_use]
    pub fn exec(&self, command: &[&str]) -> Run {
        self.docker.exec("root", command, "")
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
    let release = clone.join("target/release");
    fs::create_dir_all(&release).expect("there is room for a folder");
    for name in ["twofoldd", "twofold-gate", "twofold"] {
        fs::copy(place::program(name), release.join(name)).expect("./dev has built it");
    }
    fs::copy(place::module(), release.join("libpam_twofold.so")).expect("./dev has built it");
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(place::repository().join("packaging")).arg(&clone);
    crate::run(&mut copy).expect_success();
    clone
}
