//! The module as it ships, loaded by the real libpam into a program that treats it badly.
//!
//! `pam/host.c` is that program. The authority here is a scripted one: it answers, or fails in one particular way.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use twofold_tests::pam::{PamHost, Report, Typing, code};
use twofold_tests::scripted::{ScriptedAuthority as Authority, answer, question};
use twofold_tests::{eventually, place, run, traces};

/// The one right code of these tests.
const CODE: &str = "463728";

fn asking(authority: &Authority) -> PamHost {
    traces::issued("code", CODE);
    PamHost::asking(&authority.socket())
}

fn alice_types(host: &PamHost, text: &str) -> Report {
    host.logs_in("alice", &Typing::text(text))
}

// ------------------------------------------------------------------------------------------ the authority

/// What the authority does with a connection, whose question is still unread.
type Behaviour = fn(UnixStream);

fn verdict(question: &Value) -> Value {
    let asked = &question["parameters"];
    if question["method"] == "org.twofold.Authority.Consult" {
        return json!({"nonce": asked["nonce"], "ask": "code"});
    }
    if asked["code"] == CODE && asked["login"]["name"] == "alice" {
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
    let host = asking(&authority);
    let report = alice_types(&host, CODE);
    report.passed();
    assert_eq!(report.all("asked"), ["1 Code for alice: "]);
    alice_types(&host, "123456").is_refused_with(code::AUTH_ERR);
    // What it says to syslog is kept with the run's logs, where the last suite looks for the code.
    for verdict in ["accepted", "refused"] {
        let line = format!("libpam_twofold(door:auth): {verdict} from 203.0.113.9, user \"alice\"");
        eventually("the log says it", Duration::from_secs(10), || host.log().contains(&line).then_some(()));
    }
}

#[test]
fn no_fault_of_the_conversation_crashes_passes_or_is_ignored() {
    let authority = Authority::that(decides);
    let host = asking(&authority);
    for fault in ["error", "error-and-garbage", "unknown-code", "null-array", "null-answer", "no-function"] {
        host.logs_in("alice", &Typing::fault(fault)).is_refused_with(code::CONV_ERR);
    }
    for rubbish in ["huge", "not-utf-8"].map(Typing::fault).into_iter().chain(["", "x"].map(Typing::text)) {
        host.logs_in("alice", &rubbish).is_refused_with(code::AUTH_ERR);
    }
}

/// What goes wrong, and what the log says of it.
const FAULTS: [(&str, &str, Behaviour); 9] = [
    ("closes at once", "the authority's connection broke", drop),
    ("closes when asked to verify", "the authority's connection broke", |stream| {
        asks_then(stream, |_, _| ());
    }),
    ("is silent", "the authority did not answer in time", |stream| {
        asks_then(stream, |mut stream, _| drop(stream.read(&mut [0])));
    }),
    ("sends garbage", "the authority's answer cannot be read", |stream| {
        asks_then(stream, |mut stream, _| drop(stream.write_all(b"\xff\xfe\0")));
    }),
    ("sends half", "the authority's connection broke", |stream| {
        asks_then(stream, |mut stream, _| drop(stream.write_all(b"{\"parameters\":{\"nonce\"")));
    }),
    ("never ends", "the authority's answer is too long", |stream| {
        asks_then(stream, |mut stream, _| while stream.write_all(&[b' '; 65536]).is_ok() {});
    }),
    ("drips", "the authority did not answer in time", |stream| {
        asks_then(stream, |mut stream, _| {
            while stream.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        });
    }),
    ("is late", "the authority did not answer in time", |stream| {
        asks_then(stream, |mut stream, question| {
            thread::sleep(Duration::from_millis(2500));
            answer(&mut stream, &verdict(&question));
        });
    }),
    ("answers another request", "the authority's answer decides nothing", |stream| {
        asks_then(stream, |mut stream, question| {
            let mut other = verdict(&question);
            other["nonce"] = json!("0123456789abcdef0123456789abcdef");
            answer(&mut stream, &other);
        });
    }),
];

#[test]
fn every_fault_of_the_socket_refuses_within_the_timeout() {
    let tests: Vec<_> = FAULTS
        .into_iter()
        .map(|(what, reason, behaviour)| {
            thread::spawn(move || {
                let authority = Authority::that(behaviour);
                let host = asking(&authority);
                let report = alice_types(&host, CODE);
                report.is_refused_with(code::AUTHINFO_UNAVAIL);
                assert!(report.took < Duration::from_millis(3500), "{what}: {:?}", report.took);
                assert!(report.all("told").iter().any(|told| told.contains("can't be checked")), "{what}");
                let told = || host.log().lines().find(|line| line.contains("refused")).map(str::to_owned);
                let line = eventually("the log says it", Duration::from_secs(10), told);
                assert!(line.contains("user \"alice\"") && line.contains(reason), "{what}: {line}");
            })
        })
        .collect();
    tests.into_iter().for_each(|test| test.join().unwrap());
}

#[test]
fn an_absent_authority_and_one_that_refuses_are_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("authority.sock");
    // Whoever listened there is gone, and has left its socket.
    drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
    let left = left.display().to_string();
    for (socket, reason) in [
        ("/nonexistent/authority.sock", "No such file or directory"),
        ("/etc/hostname", "Connection refused"),
        (&left, "Connection refused"),
    ] {
        let host = PamHost::with(&place::module(), &format!("first=above socket={socket}"));
        let report = alice_types(&host, CODE);
        report.is_refused_with(code::AUTHINFO_UNAVAIL);
        assert!(report.all("asked").is_empty(), "nobody is asked for a code that cannot be checked");
        let line = format!("cannot reach the authority at {socket}: {reason}");
        eventually("the log says it", Duration::from_secs(10), || host.log().contains(&line).then_some(()));
    }
}

#[test]
fn a_misspelt_option_refuses() {
    for word in ["frist=above", "nullok", "first=abvoe", "need=factor", "\u{fe}\u{fe}"] {
        let host = PamHost::with(&place::module(), word);
        assert_eq!(alice_types(&host, CODE).one("authenticate"), code::SYSTEM_ERR, "{word}");
    }
}

#[test]
fn a_host_without_standard_descriptors_is_served() {
    let authority = Authority::that(decides);
    let mut host = asking(&authority);
    host.closed = true;
    alice_types(&host, CODE).passed();
    alice_types(&host, "123456").is_refused_with(code::AUTH_ERR);
}

#[test]
fn a_hostile_environment_changes_nothing() {
    use std::os::unix::ffi::OsStringExt;
    let authority = Authority::that(decides);
    let mut host = asking(&authority);
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
    alice_types(&host, CODE).passed();
    alice_types(&host, "123456").is_refused_with(code::AUTH_ERR);
}

#[test]
fn no_code_stays_in_the_hosts_memory() {
    let authority = Authority::that(decides);
    let host = asking(&authority);
    assert_eq!(
        host.logs_in("alice", &Typing::held(CODE)).one("left_in_memory"),
        "1",
        "the search finds a copy that is kept"
    );
    assert_eq!(alice_types(&host, CODE).one("left_in_memory"), "0");
    assert_eq!(alice_types(&host, "123456").one("left_in_memory"), "0");
    let absent = PamHost::with(&place::module(), "socket=/nonexistent/authority.sock");
    assert_eq!(alice_types(&absent, CODE).one("left_in_memory"), "0");
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
    alice_types(&asking(&authority), CODE).passed();
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
    let host = PamHost::with(&module, &format!("first=above panic socket={}", authority.socket().display()));
    let report = host.logs_in_aloud("alice", &Typing::text(CODE));
    assert_eq!((report.one("authenticate"), report.one("account")), (code::SYSTEM_ERR, code::PERM_DENIED));
    assert_ne!(report.one("setcred"), code::SUCCESS);
    assert_eq!(report.one("lived"), "yes");
}
