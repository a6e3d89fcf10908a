//! A real Apache, Debian's, that asks for HTTP Basic and has cgit and git's own server behind it; by the recipe in
//! `examples/apache-cgit`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use nix::unistd::Uid;

use crate::apache::{Apache, Place};
use crate::git::make_repository;
use crate::run;

/// The password of alice and bob.
pub const PASSWORD: &str = "app-pass-4711";

const MODULES: &[&str] = &[
    "mpm_event",
    "alias",
    "auth_basic",
    "authn_core",
    "authn_file",
    "authz_core",
    "authz_user",
    "cgi",
    "env",
    "mime",
    "setenvif",
];

/// A running Apache with one repository, `notes.git`.
#[derive(Debug)]
pub struct Cgit(Apache);

impl Cgit {
    /// Starts one.
    ///
    /// # Panics
    /// When Debian's `apache2-bin` or `cgit` is missing.
    #[must_use]
    pub fn start() -> Self {
        let place = Place::new();
        let home = place.home();
        make_repository(home, &home.join("git/notes.git"), "what was committed\n");
        if Uid::effective().is_root() {
            // Apache then runs as somebody else, and git serves a repository to its owner alone.
            run(Command::new("chown").args(["--recursive", "www-data:www-data"]).arg(home.join("git")))
                .expect_success();
        }
        let people = ["alice", "bob"].map(|name| format!("{name}:{}\n", hash()));
        let site = recipe(include_str!("../../examples/apache-cgit/site.conf"), home, place.address);
        let cgitrc = recipe(include_str!("../../examples/apache-cgit/cgitrc"), home, place.address);
        for (name, text) in [("cgitrc", cgitrc), ("people", people.concat())] {
            fs::write(home.join(name), text).expect("our folder can be written");
        }
        Self(Apache::start(place, MODULES, &site))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// A folder for what a test makes.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.0.home()
    }
}

/// A file of the recipe with the places of this machine.
fn recipe(text: &str, home: &Path, address: SocketAddr) -> String {
    let at = |name: &str| home.join(name).display().to_string();
    let text = text.replace("127.0.0.1:8082", &address.to_string()).replace("/srv/git", &at("git"));
    text.replace("/etc/cgitrc", &at("cgitrc")).replace("/etc/apache2/git.htpasswd", &at("people"))
}

fn hash() -> String {
    let hash = run(Command::new("openssl").args(["passwd", "-apr1", PASSWORD]));
    hash.expect_success().trim().to_owned()
}
