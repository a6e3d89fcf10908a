//! `twofoldd` as a program: its flags and exit codes, what it refuses to start with, how it starts and how it leaves.
#![expect(clippy::unwrap_used, reason = "a test's support is a test too")]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_twofoldd");

/// A place with a configuration in it, whose every path lies there too.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        let text = format!(
            "ledger = \"{0}/ledger\"\nkeys = \"{0}/keys\"\nsocket = \"{0}/run/authority.sock\"\n\
             host = \"here\"\n[audit]\nsyslog = false\n",
            place.folder.path().display()
        );
        place.configure(&text);
        place
    }

    /// Keys and ledger made.
    fn ready() -> Self {
        let place = Self::new();
        let made = place.run(&["--init", "--owner", &own_name()]);
        assert_eq!(made.status.code(), Some(0), "{}", words(&made));
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, text: &str) {
        fs::write(self.at("authority.toml"), text).unwrap();
        self.mode("authority.toml", 0o644);
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.at(name), Permissions::from_mode(mode)).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.at("authority.toml"));
        command
    }

    /// Runs to the end.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Starts the authority and returns when it says that it is ready.
    fn start(&self) -> Running {
        self.start_as(self.command())
    }

    fn start_as(&self, mut command: Command) -> Running {
        let path = self.at("notify");
        let _ = fs::remove_file(&path);
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let child = command.env("NOTIFY_SOCKET", &path).stderr(Stdio::piped()).spawn().unwrap();
        let running = Running { child, manager };
        assert_eq!(running.told(), "READY=1");
        running
    }

    fn answer(&self) -> String {
        let mut stream = UnixStream::connect(self.at("run/authority.sock")).unwrap();
        ask(&mut stream)
    }
}

/// An authority at work; killed if a test forgets it.
struct Running {
    child: Child,
    manager: UnixDatagram,
}

impl Running {
    fn told(&self) -> String {
        let mut message = [0; 64];
        let length = self.manager.recv(&mut message).unwrap();
        String::from_utf8_lossy(message.get(..length).unwrap()).trim().to_owned()
    }

    /// Sends the signal that asks to leave, and returns the exit code and the log.
    fn leave(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (status.code(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(stream: &mut UnixStream) -> String {
    stream.write_all(b"{\"method\":\"org.twofold.Authority.GetInfo\"}\0").unwrap();
    let mut answer = Vec::new();
    BufReader::new(stream).read_until(0, &mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn own_name() -> String {
    let own = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(own.stdout).unwrap().trim().to_owned()
}

fn is_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir())
}

#[test]
fn a_check_finds_every_mistake_and_makes_nothing() {
    let place = Place::new();
    let good = place.run(&["--check"]);
    assert_eq!(good.status.code(), Some(0), "{}", words(&good));
    place.configure("ledgr = \"/a\"\nidle_exit = 600\n[gate]\nuser = \"0\"\nrealms = [\"local\"]\n");
    let bad = place.run(&["--check"]);
    assert_eq!(bad.status.code(), Some(78));
    let file = place.at("authority.toml").display().to_string();
    for mistake in [":1: ledgr: ", ":2: idle_exit: ", ":5: gate.realms.1: "] {
        assert!(words(&bad).contains(&format!("error: {file}{mistake}")), "{}", words(&bad));
    }
    for folder in ["keys", "ledger", "run"] {
        assert!(!is_folder(&place.at(folder)));
    }
}

#[test]
fn what_cannot_be_understood_is_a_usage_error() {
    let place = Place::new();
    for arguments in [&["--chek"][..], &["--check", "--init"], &["now"], &["--owner", "root"]] {
        assert_eq!(place.run(arguments).status.code(), Some(64), "{arguments:?}");
    }
    assert_eq!(place.run(&["--version"]).status.code(), Some(0));
}

#[test]
fn a_first_start_says_what_to_run() {
    let place = Place::new();
    let refused = place.run(&[]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(words(&refused).contains("twofoldd --init"), "{}", words(&refused));
    assert!(!is_folder(&place.at("ledger")));
}

#[test]
fn init_twice_changes_nothing() {
    let place = Place::ready();
    let key = fs::read(place.at("keys/seal-1.key")).unwrap();
    let again = place.run(&["--init", "--owner", &own_name()]);
    assert_eq!(again.status.code(), Some(0), "{}", words(&again));
    assert!(words(&again).contains("kept as they are"), "{}", words(&again));
    assert_eq!(fs::read(place.at("keys/seal-1.key")).unwrap(), key);
    let running = place.start();
    assert!(place.answer().contains("\"accounts\":0"));
    assert_eq!(running.leave().0, Some(0));
}

#[test]
fn wrong_modes_are_refused_with_the_command_that_mends_them() {
    let place = Place::ready();
    let table = [
        ("authority.toml", 0o664, 0o644, "chmod go-w"),
        ("keys/seal-1.key", 0o440, 0o400, "chmod 0400"),
        ("keys", 0o770, 0o700, "chmod go-w"),
        ("ledger", 0o750, 0o700, "chmod 0700"),
        ("run", 0o777, 0o755, "chmod go-w"),
    ];
    for (name, wrong, right, fix) in table {
        place.mode(name, wrong);
        let refused = place.run(&[]);
        let fix = format!("{fix} {}", place.at(name).display());
        assert!(words(&refused).contains(&fix), "{fix}: {}", words(&refused));
        assert_eq!(refused.status.code(), Some(78), "{name}");
        place.mode(name, right);
    }
    place.start();
}

#[test]
fn a_link_in_the_place_of_a_secret_is_refused() {
    let place = Place::ready();
    for name in ["authority.toml", "keys/seal-1.key", "ledger"] {
        let aside = place.at("aside");
        fs::rename(place.at(name), &aside).unwrap();
        std::os::unix::fs::symlink(&aside, place.at(name)).unwrap();
        let refused = place.run(&[]);
        assert!(!refused.status.success(), "{name}");
        fs::remove_file(place.at(name)).unwrap();
        fs::rename(&aside, place.at(name)).unwrap();
    }
    place.start();
}

#[test]
fn a_second_authority_on_the_same_ledger_is_refused_and_the_first_goes_on() {
    let place = Place::ready();
    let first = place.start();
    let refused = place.run(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(words(&refused).contains("another twofoldd has the ledger"), "{}", words(&refused));
    assert!(place.answer().contains("parameters"));
    assert_eq!(first.leave().0, Some(0));
}

#[test]
fn a_ledger_of_its_own_does_not_give_the_right_to_anothers_socket() {
    let place = Place::ready();
    let first = place.start();
    let text = fs::read_to_string(place.at("authority.toml")).unwrap();
    fs::create_dir(place.at("other")).unwrap();
    let other = Place { folder: tempfile::tempdir_in(place.at("other")).unwrap() };
    let mine = format!("socket = \"{}\"", place.at("run/authority.sock").display());
    let text =
        text.replace(&place.folder.path().display().to_string(), &other.folder.path().display().to_string());
    let theirs = format!("socket = \"{}\"", other.at("run/authority.sock").display());
    other.configure(&text.replace(&theirs, &mine));
    let made = other.run(&["--init", "--owner", &own_name()]);
    assert!(made.status.success(), "{}", words(&made));
    let refused = other.run(&[]);
    assert!(words(&refused).contains("another process listens at"), "{}", words(&refused));
    assert!(place.answer().contains("parameters"));
    assert_eq!(first.leave().0, Some(0));
}

#[test]
fn asked_to_leave_it_tells_its_manager_and_takes_its_socket_along() {
    let place = Place::ready();
    let running = place.start();
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(
        core.split_whitespace().collect::<Vec<_>>(),
        ["Max", "core", "file", "size", "0", "0", "bytes"]
    );
    let (code, log) = running.leave();
    assert_eq!(code, Some(0), "{log}");
    assert!(!place.at("run/authority.sock").exists());
    // And it starts again in the place of a socket that a killed one left behind.
    drop(place.start());
    assert!(place.at("run/authority.sock").exists());
    assert_eq!(place.start().leave().0, Some(0));
}

#[test]
fn a_handed_over_socket_is_served_and_outlives_the_authority() {
    let place = Place::ready();
    let listener = UnixListener::bind(place.at("run/authority.sock")).unwrap();
    let activated = || {
        // systemd's way, with nothing but a shell: the socket as descriptor 3, and the pid that it is for.
        let mut command = Command::new("sh");
        let script =
            "LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec \"$0\" \"$@\" 3<&0 </dev/null";
        command.args(["-c", script, PROGRAM, "--config"]).arg(place.at("authority.toml"));
        command.stdin(OwnedFd::from(listener.try_clone().unwrap()));
        place.start_as(command)
    };
    // Whoever came before the authority did is served.
    let mut early = UnixStream::connect(place.at("run/authority.sock")).unwrap();
    let running = activated();
    assert!(ask(&mut early).contains("\"accounts\":0"));
    assert_eq!(running.leave().0, Some(0));
    let mut between = UnixStream::connect(place.at("run/authority.sock")).unwrap();
    let running = activated();
    assert!(ask(&mut between).contains("\"accounts\":0"));
    assert_eq!(running.leave().0, Some(0));
    assert!(place.at("run/authority.sock").exists());
}

/// The record that names a ledger's format, as a later version would write it: a number below 128, a short text, and more.
fn later_format() -> Vec<u8> {
    [&[100, 5], b"7.1.0".as_slice(), b"whatever comes after"].concat()
}

#[tokio::test]
async fn a_ledger_of_the_next_format_ends_a_start_with_78_and_says_what_to_install() {
    use twofold_authority::keyring::{Keyring, Place as KeyPlace};
    use twofold_authority::store::{Commit, Expect, Key, Options, Space, Store, Write};
    use twofold_authority::system_clock::SystemClock;

    let place = Place::ready();
    let keyring = Keyring::load(&place.at("keys"), KeyPlace::Folder).unwrap();
    let clock = SystemClock::new().unwrap();
    let store =
        Store::open(&Options::new(place.at("ledger")), keyring.into(), std::sync::Arc::new(clock), None)
            .unwrap();
    let write = Write {
        key: Key::new(Space::Meta, "format"),
        expect: Expect::Any,
        value: Some(later_format().into()),
    };
    store.commit(Commit { writes: vec![write], ..Commit::default() }).await.unwrap();
    store.close().await;
    drop(store);
    let database = || fs::read(place.at("ledger/ledger/db")).unwrap();
    let before = database();
    for arguments in [&[][..], &["-v"]] {
        let refused = place.run(arguments);
        assert_eq!(refused.status.code(), Some(78), "{}", words(&refused));
        assert!(words(&refused).contains("install 7.1.0"), "{}", words(&refused));
    }
    assert!(database() == before, "the database was written to");
    assert!(!place.at("run/authority.sock").exists());
}
