//! A Debian host in Docker: sshd, sudo and su with the module, and a door listener as its only way to the authority.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::docker::{Docker, Release};
use crate::ssh::{self, Login, Session};
use crate::syslog::Syslog;
use crate::{Authority, Run, place};

/// What sshd asks for before the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The password, in the same PAM conversation.
    Password,
    /// A public key; PAM asks for the code alone.
    Publickey,
}

impl First {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Publickey => "publickey",
        }
    }
}

/// A running container with the users alice (who may sudo), bob and carol; gone with the value.
#[derive(Debug)]
pub struct Container {
    docker: Docker,
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
        let users = ssh::people(folder.path(), &["alice", "bob", "carol"]);
        let mount = |from: &Path, to: &str| format!("--volume={}:{to}", from.display());
        let docker = Docker::start(&[
            "--hostname=web1".to_owned(),
            mount(door, "/run/twofold"),
            mount(&place::module(), "/twofold/pam_twofold.so:ro"),
            mount(&place::repository().join("packaging"), "/twofold/packaging:ro"),
            mount(&users, "/twofold/users:ro"),
            mount(syslog.socket(), "/dev/log"),
            Release::Own.image("ssh"),
            first.word().to_owned(),
        ]);
        Self { docker, folder, syslog }
    }

    /// Where its sshd listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.docker.port()
    }

    /// Docker's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.docker.id()
    }

    /// A private key that all of them have authorised.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key")
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

    /// What its programs have said to syslog.
    #[must_use]
    pub fn log(&self) -> String {
        self.syslog.text()
    }
}
