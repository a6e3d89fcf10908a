//! A real DokuWiki, Debian's, with pages and people of its own, on PHP's own web server.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::{Process, php, run};

/// The password of alice and bob.
pub const PASSWORD: &str = "app pass 4711";

/// Where Debian puts the program, and what it is configured with and begins with.
const PROGRAM: &str = "/usr/share/dokuwiki";
const CONFIGURATION: &str = "/etc/dokuwiki";
const PAGES: &str = "/var/lib/dokuwiki/data";

/// Read before the program: its configuration is in our folder.
const PREPEND: &str = "<?php define('DOKU_CONF', getenv('WIKI') . '/conf/');\n";

const LOCAL: &str = "<?php
$conf['savedir'] = getenv('WIKI') . '/data';
$conf['title'] = 'Our wiki';
$conf['useacl'] = 1;
$conf['authtype'] = 'authplain';
$conf['disableactions'] = 'register,resendpwd';
$conf['updatecheck'] = 0;
$conf['remote'] = 1;
";

/// A running wiki.
#[derive(Debug)]
pub struct DokuWiki {
    _home: TempDir,
    address: SocketAddr,
    _process: Process,
}

impl DokuWiki {
    /// Starts one that only people who have signed in may read.
    ///
    /// # Panics
    /// When Debian's `dokuwiki` or `php-cli` is missing.
    #[must_use]
    pub fn start() -> Self {
        Self::readable(0)
    }

    /// Starts one that everybody may read and only people who have signed in may write.
    ///
    /// # Panics
    /// When Debian's `dokuwiki` or `php-cli` is missing.
    #[must_use]
    pub fn public() -> Self {
        Self::readable(1)
    }

    fn readable(everybody: u8) -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        let at = |name: &str| home.path().join(name);
        copy(Path::new(CONFIGURATION), &at("conf"));
        copy(Path::new(PAGES), &at("data"));
        let hash = run(Command::new("php")
            .arg("-r")
            .arg(format!("echo password_hash('{PASSWORD}', PASSWORD_BCRYPT);")));
        let hash = hash.expect_success();
        let people =
            ["alice", "bob"].map(|name| format!("{name}:{hash}:{name} Example:{name}@example.com:user\n"));
        for (name, text) in [
            ("prepend.php", PREPEND.to_owned()),
            ("conf/local.php", LOCAL.to_owned()),
            ("conf/users.auth.php", format!("# <?php exit()?>\n{}", people.concat())),
            ("conf/acl.auth.php", format!("# <?php exit()?>\n*\t@ALL\t{everybody}\n*\t@user\t8\n")),
        ] {
            fs::write(at(name), text).expect("our folder can be written");
        }
        let settings = [("auto_prepend_file", at("prepend.php").display().to_string())];
        let (address, process) =
            php::serve("dokuwiki", PROGRAM, home.path(), &settings, &[("WIKI", home.path())]);
        Self { _home: home, address, _process: process }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").args(["--recursive", "--dereference"]).args([from, to])).expect_success();
}
