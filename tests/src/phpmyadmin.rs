//! A real phpMyAdmin, Debian's, in front of a real MariaDB with the users alice and bob.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::{Process, php, run};

/// The password of alice and bob.
pub const PASSWORD: &str = "database pass 4711";

const ROOT: &str = "/usr/share/phpmyadmin";

/// A running database and its web front.
#[derive(Debug)]
pub struct PhpMyAdmin {
    _home: TempDir,
    address: SocketAddr,
    _processes: [Process; 2],
}

impl PhpMyAdmin {
    /// Starts both.
    ///
    /// # Panics
    /// When Debian's `phpmyadmin` or `mariadb-server` is missing.
    #[must_use]
    pub fn start() -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        let socket = home.path().join("sock");
        let database = database(home.path(), &socket);
        let settings = [("mysqli.default_socket", socket.display().to_string())];
        let (address, web) = php::serve("phpmyadmin", ROOT, home.path(), &settings, &[]);
        Self { _home: home, address, _processes: [web, database] }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// MariaDB without a network.
fn database(home: &Path, socket: &Path) -> Process {
    let data = format!("--datadir={}", home.join("data").display());
    let at = format!("--socket={}", socket.display());
    run(Command::new("mariadb-install-db")
        .args(["--no-defaults", "--user=root", "--skip-test-db"])
        .args(["--auth-root-authentication-method=normal", &data]))
    .expect_success();
    let mut process = Process::start(
        "mariadb",
        Command::new("mariadbd")
            .args(["--no-defaults", "--user=root", "--skip-networking", "--innodb-buffer-pool-size=16M"])
            .args([&data, &at])
            .arg(format!("--pid-file={}", home.join("pid").display())),
    );
    let users: String = ["alice", "bob"]
        .map(|name| {
            format!("create user {name}@localhost identified by '{PASSWORD}'; grant all on shop.* to {name}@localhost; ")
        })
        .concat();
    let statements = format!(
        "create database shop; create table shop.orders (id int, what text); insert into shop.orders values (1, 'coffee'); {users}"
    );
    process.until("the database answers", || {
        let asked =
            run(Command::new("mariadb").args(["--no-defaults", "--user=root", &at, "--execute=select 1"]));
        asked.succeeded().then_some(())
    });
    run(Command::new("mariadb")
        .args(["--no-defaults", "--user=root", &at])
        .arg(format!("--execute={statements}")))
    .expect_success();
    process
}
