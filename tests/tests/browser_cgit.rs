//! cgit behind Apache's own HTTP Basic behind the gate, by the configuration in `examples/`: Apache's question, then the code,
//! in a real Chromium; and git with an API key.

use std::fs;

use fantoccini::Locator;
use twofold_tests::cgit::{Cgit, PASSWORD};
use twofold_tests::git::git;
use twofold_tests::{Authority, Browser, Enrolled, Gate, Run, Setup, run, traces};

const REALM: &str = "git.localhost";

struct World {
    apache: Cgit,
    gate: Gate,
    alice: Enrolled,
    authority: Authority,
}

impl World {
    fn start() -> Self {
        let authority = Authority::with(Setup { gate_realms: vec![REALM.into()], ..Setup::default() });
        let alice = authority.enrol("git.localhost:alice");
        authority.add("git.localhost:bob");
        traces::issued("password", PASSWORD);
        let apache = Cgit::start();
        let mut gate = Gate::prepare(&authority, &[], "");
        let text = include_str!("../../examples/apache-cgit/gate.toml")
            .replace("https://id.example.com", &gate.origin("id"))
            .replace("https://git.example.com", &gate.origin("git"))
            .replace("127.0.0.1:8082", &apache.address().to_string());
        let place =
            format!("listen = [\"127.0.0.1:{}\"]\nauthority = {:?}\n", gate.port(), authority.socket());
        fs::write(gate.configuration(), place + &text).unwrap();
        gate.restart();
        Self { apache, gate, alice, authority }
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.gate.origin("git"))
    }

    /// The same with a name and a password in the address, as a person may type them.
    fn page_as(&self, name: &str, password: &str, path: &str) -> String {
        self.page(path).replace("http://", &format!("http://{name}:{password}@"))
    }

    fn clone_as(&self, name: &str, password: &str, into: &str) -> Run {
        let from = self.page_as(name, password, "/git/notes.git");
        run(git(self.apache.home()).arg("clone").arg(from).arg(self.apache.home().join(into)))
    }
}

async fn reads(browser: &Browser) -> String {
    browser.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap()
}

async fn is_at(browser: &Browser) -> String {
    browser.client.current_url().await.unwrap().to_string()
}

/// Gives the code, reads that a device was set up, and goes on.
async fn gives_code(browser: &Browser, code: &str) {
    let field = browser.client.find(Locator::Css("input[name=code]")).await.unwrap();
    field.send_keys(code).await.unwrap();
    for (button, there) in [("main button", ".notice"), ("main a.button", "#cgit")] {
        browser.client.find(Locator::Css(button)).await.unwrap().click().await.unwrap();
        browser.client.wait().for_element(Locator::Css(there)).await.unwrap();
    }
}

/// The status of what a script of the page gets with this `Authorization`.
async fn fetches_as(browser: &Browser, target: &str, pair: &str) -> u64 {
    let script = "const [target, pair, done] = arguments; fetch(target, {headers: {Authorization: 'Basic ' + btoa(pair)}})\
                  .then(answer => done(answer.status), () => done(0));";
    let arguments = vec![target.into(), pair.into()];
    browser.client.execute_async(script, arguments).await.unwrap().as_u64().unwrap()
}

#[tokio::test]
async fn apaches_own_question_then_the_code_then_the_repository() {
    let world = World::start();
    let browser = Browser::start(1100, 900).await;
    // A wrong password is Apache's to refuse: the browser asks again, in a window that a headless one does not have.
    browser.client.goto(&world.page_as("alice", "wrong", "/notes.git/log/")).await.unwrap();
    assert_eq!(reads(&browser).await, "");
    let mut curl = std::process::Command::new("curl");
    curl.args(["--silent", "--include", "--header", "Accept: text/html"]);
    let said = run(curl.arg(world.page_as("alice", "wrong", "/notes.git/log/"))).expect_success();
    assert!(said.starts_with("HTTP/1.1 401") && said.contains("Basic realm=\"Git\""), "{said}");
    assert!(said.contains("its own name and password") && !said.contains("a note"), "{said}");
    browser.client.goto(&world.page_as("alice", PASSWORD, "/notes.git/log/")).await.unwrap();
    assert!(is_at(&browser).await.starts_with(&world.gate.origin("id")), "{}", is_at(&browser).await);
    let page = reads(&browser).await;
    assert!(page.contains("to go on to Git") && page.contains("Signed in as alice."), "{page}");
    gives_code(&browser, &world.alice.phone.fresh()).await;
    let page = reads(&browser).await;
    assert_eq!(is_at(&browser).await, world.page("/notes.git/log/"));
    assert!(page.contains("a note of ours"), "{page}");
    browser.screenshot("cgit-inside").await;

    // It works as it does without the gate: its style came, its links lead on.
    let style = "return getComputedStyle(document.querySelector('#cgit')).fontFamily + \
                 document.styleSheets[0].cssRules.length";
    assert!(browser.client.execute(style, vec![]).await.unwrap().as_str().unwrap().contains("sans-serif"));
    browser.client.goto(&world.page("/notes.git/plain/note")).await.unwrap();
    assert!(reads(&browser).await.contains("what was committed"));

    browser.client.goto(&world.page("/notes.git/log/")).await.unwrap();
    // Wrong credentials of one's own are refused and end nothing; somebody else's end the session.
    assert_eq!(fetches_as(&browser, "/notes.git/", "alice:wrong").await, 401);
    assert_eq!(fetches_as(&browser, "/notes.git/", &format!("alice:{PASSWORD}")).await, 200);
    assert_eq!(fetches_as(&browser, "/notes.git/", &format!("bob:{PASSWORD}")).await, 403);
    // (Chromium has forgotten the right ones at the first 401.)
    browser.client.goto(&world.page_as("alice", PASSWORD, "/notes.git/log/")).await.unwrap();
    let page = reads(&browser).await;
    assert!(page.contains("Signed in as alice."), "{}\n{page}", is_at(&browser).await);
    browser.close().await;

    // bob has no phone yet: he is led to set one up, and gets no further.
    let browser = Browser::start(1100, 900).await;
    browser.client.goto(&world.page_as("bob", PASSWORD, "/notes.git/log/")).await.unwrap();
    let page = reads(&browser).await;
    assert!(page.contains("Set up your phone") && page.contains("Signed in as bob"), "{page}");
    browser.close().await;
}

#[test]
fn git_comes_to_cgits_repositories_with_a_key_and_not_with_a_password() {
    let world = World::start();
    let line = ["--json", "api-key", "create", "laptop", "--account", "git.localhost:alice", "--site", REALM];
    let said = world.authority.twofold(&[&line[..], &["--path", "/git"]].concat()).expect_success();
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let key = said["key"].as_str().unwrap();
    traces::issued("key", key);
    let refused = world.clone_as("alice", PASSWORD, "refused");
    assert!(!refused.succeeded(), "{refused:?}");
    world.clone_as("whoever", key, "cloned").expect_success();
    let note = fs::read_to_string(world.apache.home().join("cloned/note")).unwrap();
    assert_eq!(note, "what was committed\n");
    // Nor is the key for Apache, nor good for what is not granted.
    let status = |path: &str| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]);
        run(curl.arg(world.page_as("alice", key, path))).expect_success()
    };
    assert_eq!((status("/notes.git/").as_str(), status("/git/notes.git/HEAD").as_str()), ("401", "200"));
}
