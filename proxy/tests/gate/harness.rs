//! Starts the real gate with its authority and its app, on ports of its own.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::app::App;
use crate::authority::Authority;

/// Everything that a test needs.
pub struct World {
    /// The gate's port.
    pub port: u16,
    /// The authority.
    pub authority: Authority,
    /// The app behind `wiki.localhost` and `shop.localhost`.
    pub app: App,
    gate: Child,
    folder: TempDir,
}

impl World {
    /// A gate with two sites, and one whose app is not there.
    pub fn start() -> Self {
        Self::start_with("blind = \"3s\"")
    }

    /// The same with other settings.
    pub fn start_with(settings: &str) -> Self {
        Self::start_with_site(settings, "")
    }

    /// The same with more settings for the wiki.
    pub fn start_with_site(settings: &str, site: &str) -> Self {
        Self::start_at(free_port(), settings, site)
    }

    /// The same at a port that the settings know already.
    pub fn start_at(port: u16, settings: &str, site: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("authority.sock");
        let authority = Authority::start(&socket);
        let app = App::start();
        let gone = free_port();
        let config = format!(
            r#"
            listen = ["127.0.0.1:{port}"]
            portal = "http://id.localhost:{port}"
            authority = "{}"
            {settings}
            [[site]]
            origin = "http://wiki.localhost:{port}"
            upstream = "{upstream}"
            first_factor = "password"
            title = "Wiki"
            {site}
            [[site]]
            origin = "http://shop.localhost:{port}"
            upstream = "{upstream}"
            first_factor = "password"
            [[site]]
            origin = "http://gone.localhost:{port}"
            upstream = "127.0.0.1:{gone}"
            first_factor = "password"
            "#,
            socket.display(),
            upstream = app.address,
        );
        let file = folder.path().join("gate.toml");
        std::fs::write(&file, config).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let gate = Command::new(env!("CARGO_BIN_EXE_twofold-gate"))
            .arg("--config")
            .arg(&file)
            .arg("-v")
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let world = Self { port, authority, app, gate, folder };
        world.until("the gate listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        world.until("the gate watches", || world.log().contains("watching"));
        world
    }

    /// Waits until `done`, a few seconds at most.
    pub fn until(&self, what: &str, done: impl FnMut() -> bool) {
        self.until_within(Duration::from_secs(15), what, done);
    }

    /// Waits until `done`, this long at most.
    pub fn until_within(&self, patience: Duration, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < patience, "waited in vain until {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the gate has said so far.
    pub fn log(&self) -> String {
        let mut text = String::new();
        std::fs::File::open(self.log_path()).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Tells the gate to stop; how long that took, and its exit code.
    pub fn stop(&mut self) -> (Duration, Option<i32>) {
        let began = Instant::now();
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.gate.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let status = self.gate.wait().unwrap();
        (began.elapsed(), status.code())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.gate.kill();
        let _ = self.gate.wait();
    }
}

/// A port that nobody listens at now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
