//! A real `twofold-gate` in front of sites.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::unistd::Uid;
use tempfile::TempDir;

use crate::authority::{gate_user, open_to_all};
use crate::{Authority, Process, Run, Web, place};

/// A port on loopback that nobody uses at this moment: none of those that the kernel gives to connections, and for each test
/// from a place of its own, so that nobody else takes it before it is used.
///
/// # Panics
/// Never: there are fewer ports than numbers.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u32 = 22_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = std::process::id().wrapping_mul(101).wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + u16::try_from(next % COUNT).expect("it is less");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running gate; ended with the value. The portal is `http://id.localhost:PORT`.
#[derive(Debug)]
pub struct Gate {
    home: TempDir,
    port: u16,
    process: Option<Process>,
    clock: crate::Clock,
}

impl Gate {
    /// A gate with the first factor `password` in front of each (site, upstream): `("wiki", address)` is
    /// `http://wiki.localhost:PORT`.
    #[must_use]
    pub fn start(authority: &Authority, sites: &[(&str, SocketAddr)]) -> Self {
        let mut gate = Self::prepare(authority, sites, "");
        gate.restart();
        gate
    }

    /// Everything but the start. `more` goes to the top of the configuration, before the sites.
    #[must_use]
    pub fn prepare(authority: &Authority, sites: &[(&str, SocketAddr)], more: &str) -> Self {
        Self::at(&authority.socket(), authority.clock(), sites, more)
    }

    /// The same with an authority's socket of the test's own making.
    #[must_use]
    pub fn at(
        socket: &std::path::Path,
        clock: &crate::Clock,
        sites: &[(&str, SocketAddr)],
        more: &str,
    ) -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        open_to_all(home.path());
        let port = free_port();
        let mut text = format!(
            "listen = [\"127.0.0.1:{port}\"]\nportal = \"http://id.localhost:{port}\"\nauthority = {socket:?}\n{more}\n",
        );
        for (name, upstream) in sites {
            text += &format!(
                "\n[[site]]\norigin = \"http://{name}.localhost:{port}\"\nupstream = \"{upstream}\"\n\
                 first_factor = \"password\"\n",
            );
        }
        let gate = Self { home, port, process: None, clock: clock.clone() };
        fs::write(gate.configuration(), text).expect("our folder can be written");
        gate
    }

    /// A running gate with whole examples' configurations, each with its app's name and address: `https://id.example.com`
    /// and `https://NAME.example.com` become hosts of this machine.
    #[must_use]
    pub fn of_examples(authority: &Authority, examples: &[(&str, &str, SocketAddr)]) -> Self {
        let mut gate = Self::prepare(authority, &[], "");
        let mut text = format!(
            "listen = [\"127.0.0.1:{}\"]\nauthority = {:?}\nportal = {:?}\n",
            gate.port,
            authority.socket(),
            gate.origin("id")
        );
        for (example, name, upstream) in examples {
            let lines = example.lines().filter(|line| !line.starts_with("portal = "));
            let own = lines.map(|line| match line.strip_prefix("upstream = ") {
                Some(_) => format!("upstream = \"{upstream}\"\n"),
                None => format!("{line}\n"),
            });
            let own: String = own.collect();
            text += &own.replace(&format!("https://{name}.example.com"), &gate.origin(name));
        }
        fs::write(gate.configuration(), text).expect("our folder can be written");
        gate.restart();
        gate
    }

    /// Its configuration file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.home.path().join("gate.toml")
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// An origin: `id` is the portal, everything else a site.
    #[must_use]
    pub fn origin(&self, name: &str) -> String {
        format!("http://{name}.localhost:{}", self.port)
    }

    /// The whole `Content-Security-Policy` of a page of the portal: files from there alone, forms to its own origin and to the
    /// site that they lead on to, and nothing else.
    #[must_use]
    pub fn page_policy(&self, leads_to: Option<&str>) -> String {
        let portal = self.origin("id");
        let on = leads_to.map(|site| format!(" {}", self.origin(site))).unwrap_or_default();
        format!(
            "default-src 'none'; style-src {portal}; script-src {portal}; img-src {portal}; form-action 'self'{on}; \
             frame-ancestors 'none'; base-uri 'none'"
        )
    }

    /// The program with its configuration.
    #[must_use]
    pub fn daemon(&self) -> Command {
        let mut command = Command::new(place::program("twofold-gate"));
        command.arg("--config").arg(self.configuration());
        if Uid::effective().is_root() {
            command.uid(gate_user()).gid(gate_user());
        }
        self.clock.apply(&mut command);
        command
    }

    /// What `--check` says of its configuration.
    #[must_use]
    pub fn check(&self) -> Run {
        crate::run(self.daemon().arg("--check"))
    }

    /// Starts it when it isn't running, and waits until it listens.
    pub fn restart(&mut self) {
        if self.process.is_none() {
            let mut process = Process::start("twofold-gate", &mut self.daemon());
            let port = self.port;
            process.until("the gate listens", || TcpStream::connect(("127.0.0.1", port)).ok());
            self.process = Some(process);
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// SIGTERM; its exit code.
    pub fn stop(&mut self) -> i32 {
        self.process.take().expect("it runs").terminate()
    }

    /// The running process.
    #[must_use]
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it runs")
    }

    /// What it has logged since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// A new visitor without cookies.
    #[must_use]
    pub fn visitor(&self) -> Web {
        Web::new()
    }
}
