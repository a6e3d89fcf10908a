//! Real programs with a key: git and curl, through a real gate with a real authority, to files behind it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use twofold_tests::apache::Apache;
use twofold_tests::git::{git, make_repository};
use twofold_tests::{Authority, Gate, Run, Terminal, Upstream, run, traces};

const PASSWORD: &str = "correct horse battery";
const NOTE: &str = "what a program came for\n";

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
        let served = folder.path().join("served");
        fs::create_dir_all(served.join("dav")).expect("our folder can be written");
        make_repository(folder.path(), &served.join("notes.git"), NOTE);
        let app = Upstream::of_folder(&served);
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

    /// Waits until a key opens nothing: no request does that begins a second from now or later.
    fn until_dead(&self, key: &str) {
        let began = Instant::now();
        loop {
            let asked = began.elapsed();
            if self.curl("/dav/", &["--user", &format!("me:{key}")]).0 == "401" {
                return;
            }
            assert!(asked < Duration::from_secs(1), "it still opens after {asked:?}");
        }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"))
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
    assert_eq!(note, NOTE);
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
fn a_key_from_the_account_page_opens_from_its_networks_and_from_nowhere_else() {
    let world = World::start();
    let phone = world.authority.enrol_existing("local:alice").phone;
    let account = format!("{}/account", world.gate.origin("id"));
    let mut web = world.gate.visitor();
    let page = web.give_password(&account, "alice", PASSWORD);
    web.give_code(&page, &phone.fresh());
    let mut make = |label: &str, networks: &str| {
        let page = web.get(&format!("{account}/key"));
        let mut form = page.form_to("/account/key");
        form.fill("label", label).fill("networks", networks).tick("site");
        let page = web.submit(&page, &form);
        let key = page.body.split("id=\"key\"").nth(1).and_then(|rest| rest.split("tf_").nth(1));
        let key = key.unwrap_or_else(|| panic!("no key: {page:?}"));
        let key = format!("tf_{}", key.split('<').next().unwrap_or_default().trim());
        traces::issued("key", &key);
        key
    };
    // Several networks, one in a line, of either family; and one that is written as no network is.
    for (label, networks, opens) in [
        ("here", "127.0.0.0/8", true),
        ("here-too", "192.0.2.0/24\n127.0.0.1", true),
        ("elsewhere", "192.0.2.0/24", false),
        ("next-door", "127.0.0.2\n::1", false),
        ("everywhere", "", true),
    ] {
        let key = make(label, networks);
        let (status, body) = world.curl("/dav/", &["--user", &format!("me:{key}")]);
        assert_eq!(status, if opens { "200" } else { "401" }, "{label}: {body}");
        if !opens {
            assert_eq!(json(&body)["error"].as_str(), Some("outside_the_grant"), "{label}");
        }
    }
    let listed =
        world.authority.twofold(&["--json", "api-key", "list", "--account", "local:alice"]).expect_success();
    assert!(listed.contains("\"192.0.2.0/24\",\"127.0.0.1"), "{listed}");
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

/// A certificate for localhost and the portal that signs itself.
fn make_certificate(folder: &Path) {
    run(Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:id.localhost"])
        .arg("-keyout")
        .arg(folder.join("key.pem"))
        .arg("-out")
        .arg(folder.join("chain.pem")))
    .expect_success();
}

/// The gate with TLS of its own in front of an Apache, whose site is https://localhost:PORT.
fn gate_with_tls(authority: &Authority, app: &Apache) -> Gate {
    let mut gate = Gate::prepare(authority, &[], "");
    let folder = gate.configuration().parent().expect("it is in a folder").to_owned();
    make_certificate(&folder);
    let (port, place) = (gate.port(), folder.display());
    let text = format!(
        "listen_tls = [\"127.0.0.1:{port}\"]\nportal = \"https://id.localhost:{port}\"\nauthority = {:?}\n\
         [[certificate]]\nchain = \"{place}/chain.pem\"\nkey = \"{place}/key.pem\"\n\
         [[site]]\norigin = \"https://localhost:{port}\"\nupstream = \"{}\"\nfirst_factor = \"password\"\n",
        authority.socket(),
        app.address()
    );
    fs::write(gate.configuration(), text).expect("our folder can be written");
    if nix::unistd::Uid::effective().is_root() {
        let owner = twofold_tests::authority::gate_user().to_string();
        run(Command::new("chown").arg(owner).arg(folder.join("key.pem"))).expect_success();
    }
    gate.restart();
    gate
}

#[test]
fn git_and_a_webdav_client_come_in_over_https() {
    let authority = Authority::start();
    authority.enrol("local:alice");
    let app = Apache::of_files();
    make_repository(app.home(), &app.home().join("served/notes.git"), NOTE);
    let gate = gate_with_tls(&authority, &app);
    let line = ["--json", "api-key", "create", "laptop", "--account", "local:alice", "--site", "localhost"];
    let key = json(&authority.twofold(&line).expect_success())["key"].as_str().unwrap().to_owned();
    traces::issued("key", &key);
    let home = tempfile::tempdir().expect("there is room for a folder");
    let (port, chain) = (gate.port(), gate.configuration().with_file_name("chain.pem"));

    let clone = |user: &str, into: &str| {
        run(git(home.path())
            .env("GIT_SSL_CAINFO", &chain)
            .arg("clone")
            .arg(format!("https://{user}localhost:{port}/notes.git"))
            .arg(home.path().join(into)))
    };
    assert!(!clone("", "refused").succeeded());
    clone(&format!("me:{key}@"), "cloned").expect_success();
    assert_eq!(fs::read_to_string(home.path().join("cloned/note")).unwrap(), NOTE);

    // cadaver reads names and passwords where ftp does, and asks about a certificate that nobody has signed.
    let place = home.path().display();
    fs::write(home.path().join(".netrc"), format!("machine localhost login me password {key}\n")).unwrap();
    fs::write(home.path().join("letter"), "from a program\n").unwrap();
    let mut cadaver = Command::new("env");
    cadaver.args([&format!("HOME={place}"), "cadaver", &format!("https://localhost:{port}/dav/")]);
    let mut terminal = Terminal::start(&cadaver);
    terminal.until("(y/n)");
    terminal.enter("y");
    for line in
        [&format!("lcd {place}"), "put letter", "mkcol drafts", "move letter drafts/letter", "ls drafts"]
    {
        terminal.until("dav:/dav/>");
        terminal.enter(line);
    }
    terminal.until("letter  ");
    let kept = fs::read_to_string(app.home().join("served/dav/drafts/letter"));
    assert_eq!(kept.ok().as_deref(), Some("from a program\n"), "{}\n{}", terminal.screen(), gate.log());
}
