//! A real Roundcube, Debian's, in front of a real IMAP server (Dovecot) with empty mailboxes for everybody.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::gate::free_port;
use crate::{Process, php, run};

/// The password of every mailbox.
pub const PASSWORD: &str = "mail-pass-4711";

const ROOT: &str = "/var/lib/roundcube/public_html";
const DEFAULTS: &str = "/etc/roundcube";
const SCHEMA: &str = "/usr/share/roundcube/SQL/sqlite.initial.sql";
/// Who the mail server keeps mailboxes as.
const OWNER: &str = "www-data";

/// A running webmail and its mail server.
#[derive(Debug)]
pub struct Roundcube {
    home: TempDir,
    address: SocketAddr,
    _processes: [Process; 2],
}

impl Roundcube {
    /// Starts both.
    ///
    /// # Panics
    /// When Debian's `roundcube-core`, `roundcube-sqlite3` or `dovecot-imapd` is missing.
    #[must_use]
    pub fn start() -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        crate::authority::open_to_all(home.path());
        let (imap, mail_server) = mail_server(home.path());
        let configuration = home.path().join("conf");
        run(Command::new("cp").args(["--recursive", "--dereference", DEFAULTS]).arg(&configuration))
            .expect_success();
        let place = home.path().display();
        let text = format!(
            "<?php
$config = [
    'db_dsnw' => 'sqlite:///{place}/roundcube.db?mode=0600',
    'imap_host' => '127.0.0.1:{imap}',
    'smtp_host' => '127.0.0.1:1',
    'des_key' => 'exactly-24-characters-xx',
    'plugins' => [],
    'skin' => 'elastic',
    'identities_level' => 3,
    'mail_domain' => 'example.com',
    'log_dir' => '{place}',
    'temp_dir' => '{place}',
];
"
        );
        fs::write(configuration.join("config.inc.php"), text).expect("our folder can be written");
        let make = format!(
            "$db = new PDO('sqlite:{place}/roundcube.db'); $db->exec(file_get_contents('{SCHEMA}'));"
        );
        run(Command::new("php").args(["-r", &make])).expect_success();
        let (address, web) =
            php::serve("roundcube", ROOT, home.path(), &[], &[("ROUNDCUBE_CONFIG_DIR", &configuration)]);
        Self { home, address, _processes: [web, mail_server] }
    }

    /// Puts a message into somebody's mailbox.
    ///
    /// # Panics
    /// When it cannot be put there.
    pub fn deliver(&self, name: &str, message: &str) {
        let mailbox = self.home.path().join("mail").join(name);
        for folder in ["cur", "new", "tmp"] {
            fs::create_dir_all(mailbox.join(folder)).expect("our folder can be written");
        }
        fs::write(mailbox.join("new/1.message"), message).expect("our folder can be written");
        run(Command::new("chown").args(["--recursive", OWNER]).arg(&mailbox)).expect_success();
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Dovecot on loopback, and its port.
fn mail_server(home: &Path) -> (u16, Process) {
    let (port, place) = (free_port(), home.display());
    let boxes = home.join("mail");
    fs::create_dir(&boxes).expect("our folder can be written");
    run(Command::new("chown").arg(OWNER).arg(&boxes)).expect_success();
    let file = home.join("dovecot.conf");
    let text = format!(
        "base_dir = {place}/run
state_dir = {place}/state
log_path = /dev/stderr
protocols = imap
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
first_valid_uid = 1
mail_location = maildir:{place}/mail/%n
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={OWNER} gid={OWNER} home={place}/mail/%n
}}
"
    );
    fs::write(&file, text).expect("our folder can be written");
    let mut process = Process::start("dovecot", Command::new("dovecot").arg("-F").arg("-c").arg(&file));
    process.until("the mail server listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    (port, process)
}
