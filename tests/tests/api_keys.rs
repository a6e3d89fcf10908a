//! Real programs with a key: git and curl, through a real gate with a real authority, to files behind it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use twofold_tests::{Authority, Gate, Run, Upstream, run, traces};

const PASSWORD: &str = "correct horse battery";

/// A gate in front of a folder that has a git repository and a place for notes.
struct World {
    authority: Authority,
    gate: Gate,
    app: Upstream,
    folder: TempDir,
}

impl World {
    fn start() -> Self {
        let authority = Authority::start();
        authority.enrol("local:alice");
        authority.set_password("local:alice", PASSWORD);
        let folder = tempfile::tempdir().expect("there is room for a folder");
        make_repository(folder.path());
        fs::create_dir_all(folder.path().join("served/dav")).expect("our folder can be written");
        let app = Upstream::of_folder(&folder.path().join("served"));
        let gate = Gate::start(&authority, &[("wiki", app.address())]);
        Self { authority, gate, app, folder }
    }

    /// A key of alice's, made with the command.
    fn key(&self, label: &str, more: &[&str]) -> String {
        let line =
            ["--json", "api-key", "create", label, "--account", "local:alice", "--site", "wiki.localhost"];
        let said = self.authority.twofold(&[&line[..], more].concat()).expect_success();
        let key = json(&said)["key"].as_str().expect("it is shown").to_owned();
        traces::issued("key", &key);
        key
    }

    fn change(&self, line: &[&str]) {
        self.authority.twofold(line).expect_success();
    }

    /// `curl` with these arguments; the status and the body.
    fn curl(&self, path: &str, arguments: &[&str]) -> (String, String) {
        let url = format!("{}{path}", self.gate.origin("wiki"));
        let said = run(Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}"])
            .args(arguments)
            .arg(url))
        .expect_success();
        let (body, status) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim()));
        (status.to_owned(), body.to_owned())
    }

    /// `git clone` of the repository as `user`, into a folder of this name.
    fn clone_as(&self, user: &str, into: &str) -> Run {
        let origin = self.gate.origin("wiki").replace("http://", &format!("http://{user}"));
        let into = self.folder.path().join(into);
        run(git(self.folder.path()).arg("clone").arg(format!("{origin}/notes.git")).arg(into))
    }

    /// Waits for a second at most until a key opens nothing.
    fn until_dead(&self, key: &str) {
        let began = Instant::now();
        while self.curl("/dav/", &["--user", &format!("me:{key}")]).0 != "401" {
            assert!(began.elapsed() < Duration::from_secs(2), "it still opens");
        }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// git without anybody's configuration, which asks nobody for a password.
fn git(home: &Path) -> Command {
    let mut command = Command::new("git");
    command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    command.args([
        "-c",
        "user.name=Alice",
        "-c",
        "user.email=alice@localhost",
        "-c",
        "init.defaultBranch=main",
    ]);
    command
}

/// A repository that any server of files can serve.
fn make_repository(folder: &Path) {
    let (work, served) = (folder.join("work"), folder.join("served/notes.git"));
    run(git(folder).arg("init").arg(&work)).expect_success();
    fs::write(work.join("note"), "what a program came for\n").expect("our folder can be written");
    run(git(folder).arg("-C").arg(&work).args(["add", "note"])).expect_success();
    run(git(folder).arg("-C").arg(&work).args(["commit", "--message", "a note"])).expect_success();
    run(git(folder).args(["clone", "--bare"]).arg(&work).arg(&served)).expect_success();
    run(git(folder).arg("-C").arg(&served).arg("update-server-info")).expect_success();
}

#[test]
fn real_programs_come_in_with_a_key_and_with_nothing_else() {
    let world = World::start();
    let key = world.key("checkout", &[]);
    for (number, user) in ["", &format!("alice:{}@", PASSWORD.replace(' ', "%20"))].iter().enumerate() {
        let refused = world.clone_as(user, &format!("refused{number}"));
        assert!(!refused.succeeded(), "{refused:?}");
    }
    assert!(world.app.seen().is_empty(), "nothing reached the app");
    world.clone_as(&format!("whoever:{key}@"), "cloned").expect_success();
    let note = fs::read_to_string(world.folder.path().join("cloned/note")).expect("it was cloned");
    assert_eq!(note, "what a program came for\n");
    for seen in world.app.seen() {
        assert_eq!(seen.header("remote-user"), ["alice"], "{}", seen.line);
        assert!(seen.header("authorization").is_empty() && !format!("{seen:?}").contains("tf_"), "{seen:?}");
    }
    let (gate, authority) = (world.gate.log(), world.authority.log());
    assert!(!gate.contains(&key) && !authority.contains(&key));
}

#[test]
fn a_webdav_client_does_what_its_key_was_granted() {
    let world = World::start();
    let limits = [
        "--path",
        "/dav",
        "--method",
        "GET",
        "--method",
        "PUT",
        "--method",
        "PROPFIND",
        "--network",
        "127.0.0.1",
    ];
    let key = world.key("notes", &limits);
    let user = format!("me:{key}");
    let (status, listing) =
        world.curl("/dav/", &["--user", &user, "--request", "PROPFIND", "--header", "Depth: 1"]);
    assert_eq!((status.as_str(), listing.contains("multistatus")), ("207", true), "{listing}");
    let own = world.folder.path().join("mine");
    fs::write(&own, "from a program").expect("our folder can be written");
    let own = own.to_str().expect("it is text");
    assert_eq!(world.curl("/dav/mine", &["--user", &user, "--upload-file", own]).0, "201");
    let bearer = format!("Authorization: Bearer {key}");
    assert_eq!(
        world.curl("/dav/mine", &["--header", &bearer]),
        ("200".to_owned(), "from a program".to_owned())
    );
    let before = world.app.seen().len();
    for (path, arguments) in [("/dav/mine", &["--request", "DELETE"][..]), ("/notes.git/HEAD", &[])] {
        let (status, body) = world.curl(path, &[arguments, &["--user", &user]].concat());
        assert_eq!(
            (status.as_str(), json(&body)["error"].as_str()),
            ("401", Some("outside_the_grant")),
            "{body}"
        );
    }
    let password = format!("alice:{PASSWORD}");
    let (status, body) = world.curl("/dav/", &["--user", &password]);
    let help = json(&body)["help"].as_str().map(str::to_owned).unwrap_or_default();
    assert!(status == "401" && help.starts_with("use an API key"), "{body}");
    let elsewhere = world.key("elsewhere", &["--network", "192.0.2.0/24"]);
    assert_eq!(world.curl("/dav/", &["--user", &format!("me:{elsewhere}")]).0, "401");
    assert_eq!(world.app.seen().len(), before);
}

#[test]
fn a_key_that_was_taken_back_is_dead_everywhere_within_a_second() {
    let world = World::start();
    let key = world.key("nightly", &["--expires", "1d"]);
    let user = format!("me:{key}");
    let opens = || world.curl("/dav/", &["--user", &user]).0 == "200";
    assert!(opens());
    world.change(&["api-key", "suspend", "nightly", "--account", "local:alice"]);
    world.until_dead(&key);
    world.change(&["api-key", "resume", "nightly", "--account", "local:alice"]);
    assert!(opens());
    world.change(&["account", "lock", "local:alice"]);
    world.until_dead(&key);
    world.change(&["account", "unlock", "local:alice"]);
    assert!(opens());
    let said =
        world.authority.twofold(&["--json", "api-key", "rotate", "nightly", "--account", "local:alice"]);
    let fresh = json(&said.expect_success())["key"].as_str().expect("it is shown").to_owned();
    traces::issued("key", &fresh);
    world.until_dead(&key);
    let user = format!("me:{fresh}");
    assert_eq!(world.curl("/dav/", &["--user", &user]).0, "200");
    let listed =
        world.authority.twofold(&["--json", "api-key", "list", "--account", "local:alice"]).expect_success();
    let last = json(&listed)["last_used"].clone();
    assert_eq!(
        (last["door"].as_str(), last["source"].as_str()),
        (Some("web wiki.localhost"), Some("127.0.0.1"))
    );
    world.change(&["account", "remove", "local:alice", "--yes"]);
    world.until_dead(&fresh);
    let reasons: Vec<String> = world.authority.audit().into_iter().filter_map(|event| event.reason).collect();
    for reason in ["suspended", "locked", "unknown_key"] {
        assert!(reasons.iter().any(|told| told == reason), "{reason} in {reasons:?}");
    }
}
