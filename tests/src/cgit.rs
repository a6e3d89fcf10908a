//! A real Apache, Debian's, that asks for HTTP Basic and has cgit and git's own server behind it; by the recipe in
//! `examples/apache-cgit`.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::Uid;
use tempfile::TempDir;

use crate::authority::open_to_all;
use crate::gate::free_port;
use crate::{Process, run};

/// The password of alice and bob.
pub const PASSWORD: &str = "app-pass-4711";

/// What Debian's own configuration does for a site: modules, and everything closed that no site opens.
const AROUND: &str = "
ServerRoot HOME
DefaultRuntimeDir HOME
PidFile HOME/pid
ErrorLog /dev/stderr
User www-data
Group www-data
ServerName localhost
TypesConfig /dev/null
AddType text/css .css
<Directory />
    AllowOverride None
    Require all denied
</Directory>
Include HOME/site.conf
";
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
pub struct Cgit {
    home: TempDir,
    address: SocketAddr,
    _process: Process,
}

impl Cgit {
    /// Starts one.
    ///
    /// # Panics
    /// When Debian's `apache2-bin` or `cgit` is missing.
    #[must_use]
    pub fn start() -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        open_to_all(home.path());
        let port = free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        make_repository(home.path());
        let people = ["alice", "bob"].map(|name| format!("{name}:{}\n", hash()));
        let site = recipe(include_str!("../../examples/apache-cgit/site.conf"), home.path(), address);
        let cgitrc = recipe(include_str!("../../examples/apache-cgit/cgitrc"), home.path(), address);
        let around = AROUND.replace("HOME", &home.path().display().to_string());
        let modules: String = MODULES
            .iter()
            .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
            .collect();
        for (name, text) in [
            ("httpd.conf", modules + &around),
            ("site.conf", site),
            ("cgitrc", cgitrc),
            ("people", people.concat()),
        ] {
            fs::write(home.path().join(name), text).expect("our folder can be written");
        }
        let mut process = Process::start(
            "apache2",
            // One process with threads, so that all of it ends with the test.
            Command::new("apache2").arg("-X").arg("-f").arg(home.path().join("httpd.conf")),
        );
        process.until("apache listens", || TcpStream::connect(address).ok());
        Self { home, address, _process: process }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A folder for what a test makes.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
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

/// git without anybody's configuration, which asks nobody for a password.
#[must_use]
pub fn git(home: &Path) -> Command {
    let mut command = Command::new("git");
    command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    command.args([
        "-c",
        "user.name=Alice",
        "-c",
        "user.email=alice@localhost",
        "-c",
        "init.defaultBranch=main",
    ]);
    command
}

fn make_repository(home: &Path) {
    let (work, served): (PathBuf, PathBuf) = (home.join("work"), home.join("git/notes.git"));
    run(git(home).arg("init").arg(&work)).expect_success();
    fs::write(work.join("note"), "what was committed\n").expect("our folder can be written");
    run(git(home).arg("-C").arg(&work).args(["add", "note"])).expect_success();
    run(git(home).arg("-C").arg(&work).args(["commit", "--message", "a note of ours"])).expect_success();
    run(git(home).args(["clone", "--bare"]).arg(&work).arg(&served)).expect_success();
    if Uid::effective().is_root() {
        // Apache then runs as somebody else, and git serves a repository to its owner alone.
        run(Command::new("chown").args(["--recursive", "www-data:www-data"]).arg(home.join("git")))
            .expect_success();
    }
}
