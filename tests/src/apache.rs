//! A real Apache, Debian's, with one site.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::Process;
use crate::authority::open_to_all;
use crate::gate::free_port;

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

/// A folder for a site, and where it will listen.
#[derive(Debug)]
pub(crate) struct Place {
    home: TempDir,
    pub(crate) address: SocketAddr,
}

/// A running Apache.
#[derive(Debug)]
pub struct Apache {
    place: Place,
    _process: Process,
}

impl Place {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        open_to_all(home.path());
        Self { home, address: SocketAddr::from(([127, 0, 0, 1], free_port())) }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }
}

impl Apache {
    /// Starts one with these modules and the text of its site.
    pub(crate) fn start(place: Place, modules: &[&str], site: &str) -> Self {
        let home = place.home();
        let modules: String = modules
            .iter()
            .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
            .collect();
        let around = AROUND.replace("HOME", &home.display().to_string());
        for (name, text) in [("httpd.conf", modules + &around), ("site.conf", site.to_owned())] {
            fs::write(home.join(name), text).expect("our folder can be written");
        }
        let mut process = Process::start(
            "apache2",
            // One process with threads, so that all of it ends with the test.
            Command::new("apache2").arg("-X").arg("-f").arg(home.join("httpd.conf")),
        );
        let address = place.address;
        process.until("apache listens", || TcpStream::connect(address).ok());
        Self { place, _process: process }
    }

    /// Starts one that serves its folder `served` to everybody, and `served/dav` to WebDAV clients.
    ///
    /// # Panics
    /// When Debian's `apache2-bin` is missing.
    #[must_use]
    pub fn of_files() -> Self {
        let place = Place::new();
        let (home, address) = (place.home().display(), place.address);
        fs::create_dir_all(place.home().join("served/dav")).expect("our folder can be written");
        crate::run(Command::new("chown").args(["--recursive", "www-data"]).arg(place.home().join("served")));
        let site = format!(
            "Listen {address}
            DavLockDB {home}/locks
            DocumentRoot {home}/served
            <Directory {home}/served>
                Require all granted
            </Directory>
            <Location /dav>
                Dav On
            </Location>"
        );
        // The locks are Apache's own.
        crate::run(Command::new("chown").arg("www-data").arg(place.home()));
        Self::start(place, &["mpm_event", "authz_core", "dav", "dav_fs", "mime"], &site)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.place.address
    }

    /// Its folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.place.home()
    }
}
