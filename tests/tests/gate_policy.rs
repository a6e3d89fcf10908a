//! `twofold-gate policy check` says what the running gate then does, with groups that the authority is asked for.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use twofold_tests::{Authority, Gate, Setup, Upstream, place, run};

const PASSWORD: &str = "portal pass 4711";

const RULES: &str = "
[[rule]]
paths = [\"/public\"]
methods = [\"GET\", \"HEAD\"]
policy = \"bypass\"

[[rule]]
paths = [\"/office\"]
networks = [\"127.0.0.0/8\"]
policy = \"first\"

[[rule]]
paths = [\"/books\"]
groups = [\"books\"]
policy = \"second\"
max_age = \"5m\"

[[rule]]
paths = [\"/books\"]
policy = \"deny\"
";

/// The gate's program for root, whom the authority tells of everybody's groups; the gate itself may not ask.
fn as_root(gate: &Gate) -> Command {
    let mut command = Command::new(place::program("twofold-gate"));
    command.arg("--config").arg(gate.configuration());
    command
}

/// What the command says of a request from this machine: the policy, the number of the rule, and whether that depends on who
/// it is.
fn says(gate: &Gate, method: &str, url: &str, account: Option<&str>) -> (String, Value, bool) {
    let mut command = as_root(gate);
    command.args(["policy", "check", "--json", "--address", "127.0.0.1", "--method", method, "--url", url]);
    if let Some(account) = account {
        command.args(["--account", account]);
    }
    let said: Value = serde_json::from_str(&run(&mut command).expect_success()).unwrap();
    let policy = said["policy"].as_str().unwrap().to_owned();
    (policy, said["rule"].clone(), said["until_known_who"].as_bool().unwrap())
}

#[test]
fn what_the_command_says_of_a_request_is_what_the_gate_does() {
    let authority = Authority::with(Setup::default());
    let wiki = Upstream::start("wiki");
    let mut gate = Gate::prepare(&authority, &[("wiki", wiki.address())], "groups = [\"books\"]");
    let text = fs::read_to_string(gate.configuration()).unwrap();
    fs::write(gate.configuration(), text + RULES).unwrap();
    gate.restart();
    let people = ["alice", "bob"].map(|name| {
        let person = authority.enrol(&format!("local:{name}"));
        authority.set_password(&format!("local:{name}"), PASSWORD);
        person
    });
    authority.twofold(&["account", "groups", "local:alice", "books"]).expect_success();
    let url = |path: &str| format!("{}{path}", gate.origin("wiki"));

    // Nobody has signed in.
    let mut nobody = gate.visitor();
    for (method, path, said, status) in [
        ("GET", "/public/a", ("bypass", json!(1), false), 200),
        ("POST", "/public/a", ("second", Value::Null, false), 403),
        ("GET", "/office", ("first", json!(2), false), 303),
        ("GET", "/books", ("first", json!(3), true), 303),
        ("GET", "/else", ("second", Value::Null, false), 303),
    ] {
        let (policy, rule, depends) = says(&gate, method, &url(path), None);
        assert_eq!((policy.as_str(), rule, depends), said, "{method} {path}");
        let answer = nobody.request(method, &url(path), &[("accept", "text/html")], "");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }

    // The first factor is enough at one place; the rest asks for the code.
    for (person, name, books) in [(&people[0], "alice", 200), (&people[1], "bob", 403)] {
        let mut web = gate.visitor();
        let account = format!("local:{name}");
        let page = web.give_password(&url("/office"), name, PASSWORD);
        assert_eq!((page.status, page.url.as_str()), (200, url("/office").as_str()), "{page:?}");
        let page = web.get(&url("/else"));
        assert!(page.asks_for("one-time-code"), "{page:?}");
        let page = web.give_code(&page, &person.phone.fresh());
        assert_eq!(page.status, 200, "{page:?}");
        let said = says(&gate, "GET", &url("/books"), Some(&account));
        let rule = if books == 200 {
            ("second".to_owned(), json!(3), false)
        } else {
            ("deny".to_owned(), json!(4), false)
        };
        assert_eq!(said, rule, "{name}");
        assert_eq!(web.get(&url("/books")).status, books, "{name}");
    }
    let (code, said) = {
        let mut command = as_root(&gate);
        let ended = run(command.args(["policy", "check", "--url", &url("/a"), "--account", "local:nobody"]));
        (ended.code, ended.stderr)
    };
    assert!(code != 0 && said.contains("cannot look up the groups of local:nobody"), "{code} {said}");
}
