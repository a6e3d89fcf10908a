//! The module as it ships, loaded by the real libpam into a program that treats it badly.
//!
//! `pam/host.c` is that program. The authority here is a scripted one: it answers, or fails in one particular way.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use twofold_tests::{place, run};

const SUCCESS: &str = "0";
const SYSTEM_ERR: &str = "4";
const PERM_DENIED: &str = "6";
const AUTH_ERR: &str = "7";
const AUTHINFO_UNAVAIL: &str = "9";
const CONV_ERR: &str = "19";

/// The code of these tests, as the program gets it: backwards.
const CODE: &str = "type:827364";

// ------------------------------------------------------------------------------------------ the program

/// `pam/host.c`, compiled once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = PROGRAM.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host");
        let source = place::repository().join("tests/pam/host.c");
        run(Command::new("cc").args(["-Wall", "-Werror", "-o"]).args([&path, &source]).arg("-lpam"))
            .expect_success();
        (folder, path)
    });
    path
}

/// One stack, and the program that uses it.
struct Host {
    folder: TempDir,
    environment: Vec<(&'static str, std::ffi::OsString)>,
    closed: bool,
}

/// What the program wrote down.
#[derive(Debug)]
struct Report {
    lines: Vec<(String, String)>,
    took: Duration,
}

impl Host {
    /// The documented stack around `module` with these words on its auth line.
    fn with(module: &Path, words: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let module = module.display();
        let socket = words.split(' ').find(|word| word.starts_with("socket=")).unwrap_or_default();
        let stack = format!(
            "auth requisite {module} {words}\nauth required pam_permit.so\n\
             account required {module} need=factor {socket}\naccount required pam_permit.so\n\
             session required {module}\nsession required pam_permit.so\n"
        );
        fs::write(folder.path().join("door"), stack).unwrap();
        Self { folder, environment: Vec::new(), closed: false }
    }

    /// The module as it ships, asking this authority.
    fn asking(authority: &Authority) -> Self {
        Self::with(
            &place::module(),
            &format!("first=above timeout=2s socket={}", authority.socket().display()),
        )
    }

    fn logs_in(&self, conversation: &str) -> Report {
        let report = self.folder.path().join("report");
        let mut command = Command::new(program());
        command.arg(&report).arg(self.folder.path()).args(["door", "alice", conversation]);
        if self.closed {
            command.arg("closed");
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let began = Instant::now();
        let end = run(&mut command);
        let took = began.elapsed();
        let text = fs::read_to_string(report).unwrap();
        assert_eq!(end.code, 0, "the program did not live through it: {end:?}\n{text}");
        assert_eq!((end.stdout.as_str(), end.stderr.as_str()), ("", ""), "a module prints nothing");
        let pair = |line: &str| {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            (key.to_owned(), value.to_owned())
        };
        Report { lines: text.lines().map(pair).collect(), took }
    }
}

impl Report {
    fn all(&self, key: &str) -> Vec<&str> {
        self.lines.iter().filter(|(found, _)| found == key).map(|(_, value)| value.as_str()).collect()
    }

    fn one(&self, key: &str) -> &str {
        let all = self.all(key);
        assert_eq!(all.len(), 1, "{key} in {self:?}");
        all[0]
    }

    /// Refused in every phase that can refuse, with this code; nothing of the host's was changed.
    fn is_refused_with(&self, code: &str) {
        assert_eq!(self.one("authenticate"), code, "{self:?}");
        assert_eq!(self.one("account"), PERM_DENIED, "{self:?}");
        assert_ne!(self.one("setcred"), SUCCESS);
        self.left_no_trace();
    }

    fn passed(&self) {
        for phase in ["authenticate", "setcred", "account", "open_session", "close_session"] {
            assert_eq!(self.one(phase), SUCCESS, "{phase}: {self:?}");
        }
        self.left_no_trace();
    }

    fn left_no_trace(&self) {
        assert_eq!(self.one("before"), self.one("after"));
        assert_eq!(self.one("loaded"), "0", "the module can be unloaded");
        self.one("lived");
    }
}

// ------------------------------------------------------------------------------------------ the authority

/// What the authority does with a connection, whose question is still unread.
type Behaviour = fn(UnixStream);

struct Authority {
    folder: TempDir,
}

impl Authority {
    /// One that does this with every connection until the test ends.
    fn that(behaviour: Behaviour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("authority.sock")).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                thread::spawn(move || behaviour(stream.unwrap()));
            }
        });
        Self { folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("authority.sock")
    }
}

fn question(stream: &mut UnixStream) -> Value {
    let mut message = Vec::new();
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() && byte != [0] {
        message.extend(byte);
    }
    serde_json::from_slice(&message).unwrap_or_default()
}

fn answer(stream: &mut UnixStream, parameters: &Value) {
    let _ = stream.write_all(format!("{}\0", json!({ "parameters": parameters })).as_bytes());
}

fn verdict(question: &Value) -> Value {
    let asked = &question["parameters"];
    if question["method"] == "org.twofold.Authority.Consult" {
        return json!({"nonce": asked["nonce"], "ask": "code"});
    }
    if asked["code"] == "463728" && asked["login"]["name"] == "alice" {
        let approval = json!({"account": "0a", "door": "door on web1", "level": "second"});
        return json!({"nonce": asked["nonce"], "approval": approval});
    }
    json!({"nonce": asked["nonce"], "refusal": {"word": "wrong"}})
}

fn decides(mut stream: UnixStream) {
    let question = question(&mut stream);
    answer(&mut stream, &verdict(&question));
}

/// Has a code asked; what comes then is up to `then`.
fn asks_then(mut stream: UnixStream, then: impl FnOnce(UnixStream, Value)) {
    let question = question(&mut stream);
    if question["method"] == "org.twofold.Authority.Consult" {
        answer(&mut stream, &verdict(&question));
    } else {
        then(stream, question);
    }
}

// ------------------------------------------------------------------------------------------ tests

#[test]
fn a_right_code_passes_and_a_wrong_one_does_not() {
    let authority = Authority::that(decides);
    let host = Host::asking(&authority);
    let report = host.logs_in(CODE);
    report.passed();
    assert_eq!(report.all("asked"), ["1 Code for alice: "]);
    host.logs_in("type:654321").is_refused_with(AUTH_ERR);
}

#[test]
fn no_fault_of_the_conversation_crashes_passes_or_is_ignored() {
    let authority = Authority::that(decides);
    let host = Host::asking(&authority);
    for fault in ["error", "error-and-garbage", "unknown-code", "null-array", "null-answer", "no-function"] {
        host.logs_in(fault).is_refused_with(CONV_ERR);
    }
    for rubbish in ["huge", "not-utf-8", "type:", "type:x"] {
        host.logs_in(rubbish).is_refused_with(AUTH_ERR);
    }
}

#[test]
fn every_fault_of_the_socket_refuses_within_the_timeout() {
    let faults: [(&str, Behaviour); 9] = [
        ("closes at once", drop),
        ("closes when asked to verify", |stream| asks_then(stream, |_, _| ())),
        ("is silent", |stream| asks_then(stream, |mut stream, _| drop(stream.read(&mut [0])))),
        ("sends garbage", |stream| asks_then(stream, |mut stream, _| drop(stream.write_all(b"\xff\xfe\0")))),
        ("sends half", |stream| {
            asks_then(stream, |mut stream, _| drop(stream.write_all(b"{\"parameters\":{\"nonce\"")));
        }),
        ("never ends", |stream| {
            asks_then(stream, |mut stream, _| while stream.write_all(&[b' '; 65536]).is_ok() {});
        }),
        ("drips", |stream| {
            asks_then(stream, |mut stream, _| {
                while stream.write_all(b" ").is_ok() {
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }),
        ("is late", |stream| {
            asks_then(stream, |mut stream, question| {
                thread::sleep(Duration::from_millis(2500));
                answer(&mut stream, &verdict(&question));
            });
        }),
        ("answers another request", |stream| {
            asks_then(stream, |mut stream, question| {
                let mut other = verdict(&question);
                other["nonce"] = json!("0123456789abcdef0123456789abcdef");
                answer(&mut stream, &other);
            });
        }),
    ];
    let tests: Vec<_> = faults
        .into_iter()
        .map(|(what, behaviour)| {
            thread::spawn(move || {
                let authority = Authority::that(behaviour);
                let report = Host::asking(&authority).logs_in(CODE);
                report.is_refused_with(AUTHINFO_UNAVAIL);
                assert!(report.took < Duration::from_millis(3500), "{what}: {:?}", report.took);
                assert!(report.all("told").iter().any(|told| told.contains("can't be checked")), "{what}");
            })
        })
        .collect();
    tests.into_iter().for_each(|test| test.join().unwrap());
}

#[test]
fn an_absent_authority_refuses() {
    for socket in ["/nonexistent/authority.sock", "/etc/hostname"] {
        let host = Host::with(&place::module(), &format!("first=above socket={socket}"));
        let report = host.logs_in(CODE);
        report.is_refused_with(AUTHINFO_UNAVAIL);
        assert!(report.all("asked").is_empty(), "nobody is asked for a code that cannot be checked");
    }
}

#[test]
fn a_misspelt_option_refuses() {
    for word in ["frist=above", "nullok", "first=abvoe", "need=factor", "\u{fe}\u{fe}"] {
        let host = Host::with(&place::module(), word);
        assert_eq!(host.logs_in(CODE).one("authenticate"), SYSTEM_ERR, "{word}");
    }
}

#[test]
fn a_host_without_standard_descriptors_is_served() {
    let authority = Authority::that(decides);
    let mut host = Host::asking(&authority);
    host.closed = true;
    host.logs_in(CODE).passed();
    host.logs_in("type:654321").is_refused_with(AUTH_ERR);
}

#[test]
fn a_hostile_environment_changes_nothing() {
    use std::os::unix::ffi::OsStringExt;
    let authority = Authority::that(decides);
    let mut host = Host::asking(&authority);
    let names = [
        "HOME",
        "LANG",
        "LC_ALL",
        "RUST_BACKTRACE",
        "RUST_LOG",
        "TMPDIR",
        "TWOFOLD_SOCKET",
        "SSH_CONNECTION",
    ];
    for name in names {
        host.environment.push((name, std::ffi::OsString::from_vec(b"/nonexistent\xff\n%s".to_vec())));
    }
    host.environment.push(("SSH_AUTH_INFO_0", "publickey ssh-ed25519 AAAA\n".into()));
    host.logs_in(CODE).passed();
    host.logs_in("type:654321").is_refused_with(AUTH_ERR);
}

#[test]
fn no_code_stays_in_the_hosts_memory() {
    let authority = Authority::that(decides);
    let host = Host::asking(&authority);
    assert_eq!(
        host.logs_in("hold:827364").one("left_in_memory"),
        "1",
        "the search finds a copy that is kept"
    );
    assert_eq!(host.logs_in(CODE).one("left_in_memory"), "0");
    assert_eq!(host.logs_in("type:654321").one("left_in_memory"), "0");
    let absent = Host::with(&place::module(), "socket=/nonexistent/authority.sock");
    assert_eq!(absent.logs_in(CODE).one("left_in_memory"), "0");
}

#[test]
fn the_authoritys_socket_is_closed_on_exec() {
    /// The flags of every socket that the peer has open now.
    fn flags(stream: &UnixStream) -> Vec<u32> {
        let peer =
            nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials).unwrap().pid();
        let descriptors = fs::read_dir(format!("/proc/{peer}/fd")).unwrap().map(|entry| entry.unwrap());
        let sockets = descriptors.filter(|descriptor| {
            fs::read_link(descriptor.path()).is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
        });
        sockets
            .map(|descriptor| {
                let info = format!("/proc/{peer}/fdinfo/{}", descriptor.file_name().to_string_lossy());
                let info = fs::read_to_string(info).unwrap();
                let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
                u32::from_str_radix(flags.trim(), 8).unwrap()
            })
            .collect()
    }
    let authority = Authority::that(|stream| {
        let flags = flags(&stream);
        if !flags.is_empty() && flags.iter().all(|flags| flags & 0o2_000_000 != 0) {
            decides(stream);
        }
    });
    Host::asking(&authority).logs_in(CODE).passed();
}

// ------------------------------------------------------------------------------------------ panics

/// The module built with a panic on demand, in a folder of its own.
fn panicking_module() -> PathBuf {
    let target = place::target().join("test-panic");
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--offline",
        "--package",
        "twofold-pam",
        "--features",
        "test-panic",
        "--target-dir",
    ]);
    run(build.arg(&target).current_dir(place::repository())).expect_success();
    target.join("debug/libpam_twofold.so")
}

#[test]
fn a_panic_is_a_refusal() {
    const MARK: &str = "a panic on demand";
    let module = panicking_module();
    let contains =
        |module: &Path| fs::read(module).unwrap().windows(MARK.len()).any(|bytes| bytes == MARK.as_bytes());
    assert!(contains(&module) && !contains(&place::module()), "only the test's module can be made to panic");

    let authority = Authority::that(decides);
    let host = Host::with(&module, &format!("first=above panic socket={}", authority.socket().display()));
    let report = host.folder.path().join("report");
    let mut command = Command::new(program());
    let end = run(command.arg(&report).arg(host.folder.path()).args(["door", "alice", CODE]));
    assert_eq!(end.code, 0, "{end:?}");
    let text = fs::read_to_string(report).unwrap();
    let codes: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    assert_eq!((codes["authenticate"], codes["account"]), (SYSTEM_ERR, PERM_DENIED), "{text}");
    assert_ne!(codes["setcred"], SUCCESS);
    assert!(text.ends_with("lived\n"));
}
