//! Starts the real gate with its authority and its app, on ports of its own.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::app::App;
use crate::authority::Authority;
use crate::browser::{Browser, sign_in};
use crate::secure::Root;
use crate::traces;

/// Everything that a test needs.
pub struct World {
    /// The gate's port.
    pub port: u16,
    /// The authority.
    pub authority: Authority,
    /// The app behind `wiki.localhost` and `shop.localhost`.
    pub app: App,
    /// What signs the gate's certificates, where it has any.
    pub root: Root,
    gate: Child,
    folder: TempDir,
}

/// The hosts of every world.
pub const HOSTS: [&str; 4] = ["id.localhost", "wiki.localhost", "shop.localhost", "gone.localhost"];

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
    pub fn start_with_site(settings: &str, wiki: &str) -> Self {
        Self::start_at(free_port(), settings, wiki)
    }

    /// The same at a port that the settings know already.
    pub fn start_at(port: u16, settings: &str, wiki: &str) -> Self {
        let listen = format!("listen = [\"127.0.0.1:{port}\"]\n{settings}");
        Self::launch(port, "http", &listen, wiki, tempfile::tempdir().unwrap(), Root::new())
    }

    /// A gate that speaks TLS, with a certificate for the portal and one for the sites; with other settings, and more
    /// of them for the wiki.
    pub fn start_secure(settings: &str, wiki: &str) -> Self {
        let (port, root, folder) = (free_port(), Root::new(), tempfile::tempdir().unwrap());
        let (id, sites) =
            (root.write(folder.path(), "id", &HOSTS[..1]), root.write(folder.path(), "sites", &HOSTS[1..]));
        let mut all = format!("listen_tls = [\"127.0.0.1:{port}\"]\n{settings}\n");
        for (chain, key) in [id, sites] {
            all +=
                &format!("[[certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", chain.display(), key.display());
        }
        Self::launch(port, "https", &all, wiki, folder, root)
    }

    fn launch(port: u16, scheme: &str, settings: &str, wiki: &str, folder: TempDir, root: Root) -> Self {
        let socket = folder.path().join("authority.sock");
        let authority = Authority::start(&socket);
        let app = App::start();
        let gone = free_port();
        let config = format!(
            r#"
            portal = "{scheme}://id.localhost:{port}"
            authority = "{}"
            {settings}
            [[site]]
            origin = "{scheme}://wiki.localhost:{port}"
            {upstream_of_wiki}
            first_factor = "password"
            title = "Wiki"
            {wiki}
            [[site]]
            origin = "{scheme}://shop.localhost:{port}"
            upstream = "{upstream}"
            first_factor = "password"
            [[site]]
            origin = "{scheme}://gone.localhost:{port}"
            upstream = "127.0.0.1:{gone}"
            first_factor = "password"
            "#,
            socket.display(),
            upstream = app.address,
            upstream_of_wiki = if wiki.contains("upstream =") {
                String::new()
            } else {
                format!("upstream = \"{}\"", app.address)
            },
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
        let world = Self { port, authority, app, root, gate, folder };
        world.until("the gate listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        world.until("the gate watches", || world.log().contains("watching"));
        world
    }

    /// A browser that trusts this world's certificates.
    pub fn secure_browser(&self) -> Browser {
        Browser::secure(self.port, &self.root.trusts())
    }

    /// The folder of this world's files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The most memory that the gate has held so far, in KiB.
    pub fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gate.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends the gate a signal.
    pub fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(Pid::from_raw(i32::try_from(self.gate.id()).unwrap()), signal).unwrap();
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
        self.signal(Signal::SIGTERM);
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
        if !std::thread::panicking() {
            let found = traces::found_in(&self.log());
            assert!(found.is_empty(), "the gate's log holds {found:?}:\n{}", self.log());
        }
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().unwrap();
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if !given.contains(&port) {
            given.push(port);
            return port;
        }
    }
}

#[test]
fn a_code_in_a_gates_log_fails_its_test() {
    let mut world = World::start();
    sign_in(&mut Browser::new(world.port), "111111");
    world.stop();
    let path = world.log_path();
    let said = world.log();
    std::fs::write(&path, format!("{said}code 111111: wrong\n")).unwrap();
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| drop(world)));
    assert!(ended.is_err(), "nobody has looked at {said}");
}
