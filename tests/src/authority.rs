//! A real `twofoldd` in a folder of its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::Uid;
use tempfile::TempDir;
use twofold_shared::client::{CallError, Client};
use twofold_shared::secret::SecretText;
use twofold_shared::trail::{self, Action};
use twofold_shared::wire::{self, AuditEvent, Request};

use crate::process::run_with_input;
use crate::syslog::Syslog;
use crate::{Clock, Phone, Process, Run, place, traces};

/// The user that gates run as when the tests run as root. It owns nothing anywhere.
const GATE_USER: u32 = 64_010;

/// Lets every user into a folder, or use a socket. Temporary folders are made for their owner alone.
pub(crate) fn open_to_all(path: &Path) {
    let mode = if path.is_dir() { 0o755 } else { 0o666 };
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own files can be opened");
}

/// Whom a gate runs as: somebody of its own where we may choose, so that peer credentials are told apart.
#[must_use]
pub fn gate_user() -> u32 {
    if Uid::effective().is_root() { GATE_USER } else { Uid::effective().as_raw() }
}

/// A door listener.
#[derive(Clone, Debug)]
pub struct Door {
    /// Its host; also the name of its folder.
    pub host: String,
    /// The PAM services that it may ask for.
    pub services: Vec<String>,
    /// The realm of its names.
    pub realm: String,
    /// Whether first enrolments may begin there.
    pub enrol: bool,
}

impl Door {
    /// The door of a host with sshd, sudo and su.
    #[must_use]
    pub fn of(host: &str) -> Self {
        let services = ["sshd", "sudo", "sudo-i", "su", "su-l"].map(str::to_owned).to_vec();
        Self { host: host.to_owned(), services, realm: "unix".to_owned(), enrol: false }
    }
}

/// How an authority is set up. Start from `Setup::default()`.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Door listeners; by default one of the host `web1`.
    pub doors: Vec<Door>,
    /// The clock it runs on; by default one that can be moved.
    pub clock: Clock,
    /// Realms in which the gate may assert a first factor.
    pub gate_realms: Vec<String>,
    /// Whether operators act at the portal.
    pub operators_at_web: bool,
    /// The portal's origin, for links in invitations; [`Authority::tell_portal`] says it once the gate has one.
    pub portal: Option<String>,
    /// Whether it finds a syslog of its own; by default where the tests run as root, which that takes.
    pub syslog: bool,
    /// How long it stays without a caller, where its sockets are not its own.
    pub idle_exit: &'static str,
    /// More configuration: whole TOML tables other than `[gate]`, `[audit]` and `[[listener]]`.
    pub more: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            doors: vec![Door::of("web1")],
            clock: Clock::fake(),
            gate_realms: Vec::new(),
            operators_at_web: true,
            portal: None,
            syslog: Uid::effective().is_root(),
            idle_exit: "10m",
            more: String::new(),
        }
    }
}

/// What enrolling gave.
#[derive(Debug)]
pub struct Enrolled {
    /// The app with the secret; the code that confirmed is spent.
    pub phone: Phone,
    /// Ten codes.
    pub backup_codes: Vec<String>,
}

/// A running authority; ended with the value.
#[derive(Debug)]
pub struct Authority {
    home: TempDir,
    setup: Setup,
    syslog: Option<Syslog>,
    process: Option<Process>,
}

impl Authority {
    /// One with the default setup.
    #[must_use]
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    /// One with this setup; it answers when this returns.
    #[must_use]
    pub fn with(setup: Setup) -> Self {
        let mut authority = Self::prepare(setup);
        authority.restart();
        authority
    }

    /// Everything but the start: folders, configuration and keys are made.
    #[must_use]
    pub fn prepare(setup: Setup) -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        open_to_all(home.path());
        let syslog = setup.syslog.then(|| Syslog::start(home.path(), "twofoldd"));
        let authority = Self { home, setup, syslog, process: None };
        fs::create_dir(authority.path("ledger")).expect("our folder can be written");
        fs::set_permissions(authority.path("ledger"), Permissions::from_mode(0o700)).expect("it is ours");
        for door in &authority.setup.doors {
            fs::create_dir_all(authority.door_folder(&door.host)).expect("our folder can be written");
        }
        fs::write(authority.configuration(), authority.configuration_text())
            .expect("our folder can be written");
        crate::run(authority.daemon().arg("--init")).expect_success();
        authority
    }

    /// Says where the portal is, before the start.
    pub fn tell_portal(&mut self, origin: &str) {
        self.setup.portal = Some(origin.to_owned());
        fs::write(self.configuration(), self.configuration_text()).expect("our folder can be written");
    }

    /// A path in its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Its configuration file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.path("authority.toml")
    }

    /// Its main socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path("authority.sock")
    }

    /// The folder with a door's socket, named `authority.sock`: what a container gets mounted. (The folder, because a
    /// restart makes a new socket.)
    #[must_use]
    pub fn door_folder(&self, host: &str) -> PathBuf {
        self.path("door").join(host)
    }

    /// A door's socket.
    #[must_use]
    pub fn door_socket(&self, host: &str) -> PathBuf {
        self.door_folder(host).join("authority.sock")
    }

    /// The clock it runs on.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.setup.clock
    }

    fn configuration_text(&self) -> String {
        let quoted = |list: &[String]| format!("{list:?}");
        let mut text = format!(
            "ledger = {:?}\nkeys = {:?}\nhost = \"here\"\nsocket = {:?}\nidle_exit = {:?}\noperators_at_web = {}\n\n[gate]\nuser = \"{}\"\nrealms = {}\n",
            self.path("ledger"),
            self.path("keys"),
            self.socket(),
            self.setup.idle_exit,
            self.setup.operators_at_web,
            gate_user(),
            quoted(&self.setup.gate_realms),
        );
        if let Some(portal) = &self.setup.portal {
            text += &format!("portal = {portal:?}\n");
        }
        for door in &self.setup.doors {
            text += &format!(
                "\n[[listener]]\npath = {:?}\nservices = {}\nhost = {:?}\nrealm = {:?}\nenrol = {}\n",
                self.door_socket(&door.host),
                quoted(&door.services),
                door.host,
                door.realm,
                door.enrol,
            );
        }
        format!("{text}\n[audit]\nsyslog = {}\n\n{}", self.setup.syslog, self.setup.more)
    }

    /// The program with its configuration, to be run by other means than [`Authority::restart`].
    #[must_use]
    pub fn daemon(&self) -> Command {
        let mut command = Command::new(place::program("twofoldd"));
        command.arg("--config").arg(self.configuration());
        self.setup.clock.apply(&mut command);
        match &self.syslog {
            Some(syslog) => syslog.around(&command),
            None => command,
        }
    }

    /// What it has said to syslog.
    #[must_use]
    pub fn syslog(&self) -> String {
        self.syslog.as_ref().expect("it has one: see Setup").text()
    }

    /// Starts it when it isn't running, and waits until it answers.
    pub fn restart(&mut self) {
        if self.process.is_none() {
            let mut process = Process::start("twofoldd", &mut self.daemon());
            let client = self.client();
            process.until("the authority answers", || client.call(&wire::GetInfo {}).ok());
            self.process = Some(process);
        }
    }

    /// SIGTERM; its exit code.
    pub fn stop(&mut self) -> i32 {
        self.process.take().expect("it runs").terminate()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
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

    /// A client at the main socket: an administrator, since the authority runs as whoever runs the tests.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.socket(), Duration::from_secs(10))
    }

    /// A client at a door's socket.
    #[must_use]
    pub fn door(&self, host: &str) -> Client {
        Client::new(self.door_socket(host), Duration::from_secs(10))
    }

    /// Asks as an administrator.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn call<R: Request>(&self, request: &R) -> Result<R::Reply, CallError> {
        self.client().call(request)
    }

    /// Runs the `twofold` command as an administrator.
    #[must_use]
    pub fn twofold(&self, arguments: &[&str]) -> Run {
        self.twofold_with_input(arguments, "")
    }

    /// The same with `input` on its standard input, for `--code-fd 0`.
    #[must_use]
    pub fn twofold_with_input(&self, arguments: &[&str], input: &str) -> Run {
        let mut command = Command::new(place::program("twofold"));
        command.arg("--socket").arg(self.socket()).args(arguments);
        run_with_input(&mut command, input)
    }

    /// Makes an account; `name` is `NAME` or `REALM:NAME`. The realm `unix` wants a user that this machine knows.
    pub fn add(&self, name: &str) {
        let request = wire::AddAccount { name: name.to_owned(), groups: Vec::new() };
        self.call(&request).unwrap_or_else(|why| panic!("adding {name}: {why}"));
    }

    /// An account's immutable id.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn id_of(&self, account: &str) -> String {
        let asked = self.call(&wire::GetAccount { account: Some(account.to_owned()) });
        asked.unwrap_or_else(|why| panic!("{account}: {why}")).id
    }

    /// Gives an account one more name.
    pub fn link(&self, account: &str, name: &str) {
        let request = wire::LinkName { account: account.to_owned(), name: name.to_owned() };
        self.call(&request).unwrap_or_else(|why| panic!("linking {name} to {account}: {why}"));
    }

    /// Sets a `local` password.
    pub fn set_password(&self, account: &str, password: &str) {
        traces::issued("password", password);
        let request = wire::SetPassword {
            account: Some(account.to_owned()),
            password: SecretText::new(password.to_owned()),
            code: None,
        };
        self.call(&request).unwrap_or_else(|why| panic!("a password for {account}: {why}"));
    }

    /// Makes an account that has a second factor.
    pub fn enrol(&self, name: &str) -> Enrolled {
        self.add(name);
        self.enrol_existing(name)
    }

    /// Gives an account a device with everybody's defaults.
    pub fn enrol_existing(&self, account: &str) -> Enrolled {
        self.enrol_with(&wire::BeginEnrolment {
            account: Some(account.to_owned()),
            label: "phone".to_owned(),
            algorithm: wire::Algorithm::Sha1,
            digits: 6,
            period_seconds: 30,
            import: None,
            code: None,
        })
    }

    /// Enrols as asked and confirms with the app's first code.
    pub fn enrol_with(&self, request: &wire::BeginEnrolment) -> Enrolled {
        let begun = self.call(request).unwrap_or_else(|why| panic!("{request:?}: {why}"));
        let phone = Phone::scan(begun.uri.reveal(), self.clock());
        let confirm =
            wire::ConfirmEnrolment { enrolment: begun.enrolment, code: SecretText::new(phone.fresh()) };
        let confirmed = self.call(&confirm).unwrap_or_else(|why| panic!("confirming an enrolment: {why}"));
        let backup_codes: Vec<String> =
            confirmed.backup_codes.iter().map(|code| code.reveal().to_owned()).collect();
        backup_codes.iter().for_each(|code| traces::issued("backup code", code));
        Enrolled { phone, backup_codes }
    }

    /// The whole audit trail, oldest first. All of it in words that people can be told in.
    ///
    /// # Panics
    /// When it has another word.
    #[must_use]
    pub fn audit(&self) -> Vec<AuditEvent> {
        let mut events = Vec::new();
        let output = self.twofold(&["--json", "audit", "--since", "all"]).expect_success();
        for line in output.lines() {
            let event: AuditEvent = serde_json::from_str(line).unwrap_or_else(|why| panic!("{line}: {why}"));
            let known = Action::parse(&event.action).is_some() && trail::Door::read(&event.door).is_some();
            assert!(known, "no language has words for this: {event:?}");
            events.push(event);
        }
        events
    }
}
