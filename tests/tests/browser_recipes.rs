//! Apps behind the gate by the configurations in `examples/`: their own login, then the code, in a real Chromium.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use twofold_tests::gate::free_port;
use twofold_tests::phpmyadmin::PhpMyAdmin;
use twofold_tests::roundcube::Roundcube;
use twofold_tests::{
    Authority, Browser, Enrolled, Gate, Person, Process, Setup, phpmyadmin, place, roundcube, traces,
};

/// The gate in front of one app, and alice, who has a phone, by the name that the app knows.
struct World {
    gate: Gate,
    alice: Enrolled,
    authority: Authority,
    name: &'static str,
}

impl World {
    fn start(name: &'static str, example: &str, app: SocketAddr, alice: &str) -> Self {
        let realm = format!("{name}.localhost");
        let alice = format!("{realm}:{alice}");
        let authority = Authority::with(Setup { gate_realms: vec![realm], ..Setup::default() });
        let alice = authority.enrol(&alice);
        let gate = Gate::of_example(&authority, example, name, app);
        Self { gate, alice, authority, name }
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.gate.origin(self.name))
    }

    /// Who the authority was told has passed the app's own login, in order.
    fn asserted(&self) -> Vec<String> {
        let told = self.authority.audit();
        told.iter()
            .filter(|event| event.action == "assert_first")
            .filter_map(|event| event.name.clone())
            .collect()
    }
}

#[tokio::test]
async fn roundcubes_own_login_then_the_code_then_the_mail() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let mail = Roundcube::start();
    traces::issued("password", roundcube::PASSWORD);
    let example = include_str!("../../examples/roundcube/gate.toml");
    let world = World::start("mail", example, mail.address(), "alice@example.com");
    world.authority.add("mail.localhost:bob@example.com");
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    let wanted = world.page("/?_task=settings");
    person.goes_to(&wanted).await;
    assert_eq!(person.is_at().await, world.page("/?_task=login"));
    let signs_in = async |name: &str, password: &str, there: &str| {
        person.fills("#rcmloginuser", name).await;
        person.fills("#rcmloginpwd", password).await;
        person.presses("#rcmloginsubmit", there).await;
    };
    signs_in("alice", "wrong", ".alert-warning, .ui.alert").await;
    assert!(person.reads().await.contains("Login failed"), "{}", person.reads().await);
    signs_in("alice", roundcube::PASSWORD, "input[name=code]").await;
    assert!(person.is_at().await.starts_with(&world.gate.origin("id")));
    person.gives_first_code(&world.alice.phone.fresh(), "#taskmenu").await;
    person.goes_to(&world.page("/?_task=mail")).await;
    person.sees("#messagelist").await;
    assert!(person.reads().await.contains("Inbox"), "{}", person.reads().await);
    browser.screenshot("roundcube-inside").await;

    // Its scripts are answered: the list of messages comes by one.
    let (status, list) = person.fetches("/?_task=mail&_action=list&_mbox=INBOX&_remote=1", FORM, None).await;
    assert!(status == 200 && list.contains("\"action\":\"list\""), "{status} {list}");
    person.goes_to(&world.page("/?_task=settings&_action=edit-identity&_iid=1&_framed=1")).await;
    let email = "return document.querySelector('input[name=_email]').disabled";
    let is_fixed = browser.client.execute(email, vec![]).await.unwrap();
    assert_eq!(is_fixed, true, "nobody chooses the address that the gate takes for a name");

    // Nobody becomes bob beside the form; who tries by a script has signed out.
    let login = format!("_action=login&_task=login&_user=bob&_pass={}", roundcube::PASSWORD);
    let (status, text) = person.fetches(&format!("/?{login}"), FORM, None).await;
    assert_eq!(status, 403, "{text}");
    let (_, text) = person.fetches("/?_task=settings", FORM, Some(&login)).await;
    assert!(!text.contains("bob@"), "{text}");
    let (status, text) = person.fetches("/?_task=mail", FORM, None).await;
    assert_eq!(status, 401, "{text}");

    // bob has an account and no phone: no further.
    person.goes_to(&wanted).await;
    signs_in("bob", roundcube::PASSWORD, "main pre").await;
    assert!(person.reads().await.contains("no phone set up yet"), "{}", person.reads().await);
    assert_eq!(world.asserted(), ["mail.localhost:alice@example.com", "mail.localhost:bob@example.com"]);
    browser.close().await;
}

#[tokio::test]
async fn phpmyadmins_own_login_then_the_code_then_the_database() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let database = PhpMyAdmin::start();
    traces::issued("password", phpmyadmin::PASSWORD);
    let example = include_str!("../../examples/phpmyadmin/gate.toml");
    let world = World::start("db", example, database.address(), "alice");
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    let wanted = world.page("/index.php?route=/database/structure&db=shop");
    person.goes_to(&wanted).await;
    assert_eq!(person.is_at().await, world.page("/"));
    let signs_in = async |name: &str, password: &str, there: &str| {
        person.fills("#input_username", name).await;
        person.fills("#input_password", password).await;
        person.presses("#input_go", there).await;
    };
    person.sees("#input_go").await;
    browser.screenshot("phpmyadmin-login").await;
    signs_in("alice", "wrong", "#pma_errors, .alert-danger").await;
    signs_in("alice", phpmyadmin::PASSWORD, "input[name=code]").await;
    person.gives_first_code(&world.alice.phone.fresh(), "#tablesForm").await;
    assert!(person.is_at().await.contains("db=shop"), "{}", person.is_at().await);
    assert!(person.reads().await.contains("orders"), "{}", person.reads().await);
    browser.screenshot("phpmyadmin-inside").await;

    // Signing in as bob beside the form.
    let login = format!("pma_username=bob&pma_password={}&server=1", phpmyadmin::PASSWORD.replace(' ', "+"));
    for (target, body) in [
        (format!("/index.php?route=/&{login}"), None),
        ("/index.php?route=/database/structure&db=shop".to_owned(), Some(login.as_str())),
    ] {
        let (status, text) = person.fetches(&target, FORM, body).await;
        assert_eq!(status, 403, "{target}: {text}");
    }
    person.goes_to(&wanted).await;
    assert!(person.reads().await.contains("orders"));
    assert_eq!(world.asserted(), ["db.localhost:alice"]);
    browser.close().await;
}

#[tokio::test]
async fn a_login_by_script_in_json_then_the_code_then_the_page() {
    const JSON: &str = "application/json";
    let password = "orders pass 4711";
    traces::issued("password", password);
    let port = free_port();
    let mut app = Process::start(
        "json-login",
        Command::new("python3")
            .arg(place::repository().join("examples/json-login/app.py"))
            .args(["--port", &port.to_string()])
            .env("PASSWORDS", serde_json::json!({"alice": password, "bob": password}).to_string()),
    );
    app.until("the app listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    let example = include_str!("../../examples/json-login/gate.toml");
    let world = World::start("orders", example, SocketAddr::from(([127, 0, 0, 1], port)), "alice");
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("/")).await;
    assert_eq!(person.is_at().await, world.page("/sign-in"));
    person.fills("input[name=name]", "alice").await;
    person.fills("input[name=password]", "wrong").await;
    person.presses("button", "[role=alert]:not(:empty)").await;
    assert!(person.reads().await.contains("don't match"));
    person.fills("input[name=password]", password).await;
    person.presses("button", "input[name=code]").await;
    assert!(person.is_at().await.starts_with(&world.gate.origin("id")));
    person.gives_first_code(&world.alice.phone.fresh(), "#who:not(:empty)").await;
    assert!(person.reads().await.contains("Signed in as alice"), "{}", person.reads().await);

    // A script that signs in as bob gets no session of bob's, and ends alice's.
    let bob = serde_json::json!({"name": "bob", "password": password}).to_string();
    let (status, text) = person.fetches("/api/login", JSON, Some(&bob)).await;
    let (after, me) = person.fetches("/api/me", JSON, None).await;
    assert!(after != 200 || me.contains("alice"), "{status} {text}; then {after} {me}");

    person.goes_to(&world.page("/")).await;
    if person.is_at().await == world.page("/") {
        person.presses("#out", "input[name=name]").await;
    }
    person.goes_to(&world.page("/")).await;
    assert_eq!(person.is_at().await, world.page("/sign-in"));
    browser.close().await;
}
