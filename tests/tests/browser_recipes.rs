//! Apps behind the gate by the configurations in `examples/`: their own login, then the code, in a real Chromium.

use std::net::SocketAddr;
use std::process::Command;

use twofold_tests::dokuwiki::DokuWiki;
use twofold_tests::orders::Orders;
use twofold_tests::phpmyadmin::PhpMyAdmin;
use twofold_tests::roundcube::Roundcube;
use twofold_tests::{
    Authority, Browser, Enrolled, Gate, Person, Setup, dokuwiki, orders, phpmyadmin, roundcube, run, traces,
};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

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
        let gate = Gate::of_examples(&authority, &[(example, name, app)]);
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
    assert!(person.is_at().await.contains("_task=settings"), "{}", person.is_at().await);
    // Its own way out ends the session here.
    let way_out = "document.querySelector('a.button-logout, a.logout').click()";
    browser.client.execute(way_out, vec![]).await.unwrap();
    person.sees("#rcmloginuser").await;
    assert_eq!(person.fetches("/?_task=mail", FORM, None).await.0, 401);
    person.goes_to(&wanted).await;
    signs_in("alice", roundcube::PASSWORD, "input[name=code]").await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.sees("#taskmenu").await;
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

    // Nobody becomes bob beside the form, nor with a login that is half something else; who tries by a script has
    // signed out, and reads nothing.
    let login = format!("_action=login&_task=login&_user=bob&_pass={}", roundcube::PASSWORD);
    let (status, text) = person.fetches(&format!("/?{login}"), FORM, None).await;
    assert_eq!(status, 403, "{text}");
    let (status, text) = person.fetches("/?_task=settings", FORM, Some(&login)).await;
    assert_eq!(status, 403, "{text}");
    let (status, text) = person.fetches("/?_task=mail", FORM, None).await;
    assert!(status == 200 && text.contains("alice@"), "{status} {text}");
    let (_, text) = person.fetches("/?_task=login", FORM, Some(&login)).await;
    assert!(!text.contains("bob@"), "{text}");
    let (status, text) = person.fetches("/?_task=mail", FORM, None).await;
    assert_eq!(status, 401, "{text}");

    // bob has an account and no phone: no further.
    person.goes_to(&wanted).await;
    signs_in("bob", roundcube::PASSWORD, "main svg").await;
    assert!(person.reads().await.contains("Set up your phone"), "{}", person.reads().await);
    let alice = "mail.localhost:alice@example.com";
    assert_eq!(world.asserted(), [alice, alice, "mail.localhost:bob@example.com"]);
    browser.close().await;
}

#[tokio::test]
async fn phpmyadmins_own_login_then_the_code_then_the_database() {
    let database = PhpMyAdmin::start();
    traces::issued("password", phpmyadmin::PASSWORD);
    let example = include_str!("../../examples/phpmyadmin/gate.toml");
    let world = World::start("db", example, database.address(), "alice");
    world.authority.add("db.localhost:bob");
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
    // A file of the app's comes as it is.
    let asset = "/js/vendor/jquery/jquery.min.js";
    let (status, through) = person.fetches(asset, FORM, None).await;
    let direct = run(Command::new("curl").args(["-sf", &format!("http://{}{asset}", database.address())]));
    assert!(status == 200 && through.len() > 10_000 && through == direct.stdout, "{status}");

    // Signing out there ends the session here. bob has an account and no phone: he is led to set one up.
    person.presses("a.logout, a[href*='route=/logout']", "#input_go").await;
    let (status, _) = person.fetches("/index.php?route=/database/structure&db=shop", FORM, None).await;
    assert_eq!(status, 401);
    person.goes_to(&wanted).await;
    signs_in("bob", phpmyadmin::PASSWORD, "main svg").await;
    assert!(person.reads().await.contains("Set up your phone"), "{}", person.reads().await);
    assert_eq!(world.asserted(), ["db.localhost:alice", "db.localhost:bob"]);
    browser.close().await;
}

/// An app's own login form, and what is there for who is signed in.
struct Form {
    name: &'static str,
    password: &'static str,
    button: &'static str,
    inside: &'static str,
}

impl Form {
    async fn signs_in(&self, person: &Person<'_>, name: &str, password: &str, there: &str) {
        person.fills(self.name, name).await;
        person.fills(self.password, password).await;
        person.presses(self.button, there).await;
    }
}

/// alice is signed in to an app behind the gate. Then her browser has bob's cookies, as the app gave them to him without the
/// gate: no script and no page of hers gets what is bob's, and her level is gone.
async fn cookies_of_bobs_end_alices_level(
    world: &World,
    app: SocketAddr,
    form: Form,
    password: &str,
    wanted: &str,
) {
    world.authority.add(&format!("{}.localhost:bob", world.name));
    let bobs = Browser::start(1100, 900).await;
    let bob = Person(&bobs.client);
    bob.goes_to(&format!("http://{app}/")).await;
    form.signs_in(&bob, "bob", password, form.inside).await;
    let cookies = bobs.client.get_all_cookies().await.unwrap();
    // The trap is set: with them the app takes anybody for bob.
    let line = cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value()));
    let line = format!("Cookie: {}", line.collect::<Vec<_>>().join("; "));
    let known = run(Command::new("curl").args(["-s", "-H", &line, &format!("http://{app}{wanted}")]));
    assert!(known.expect_success().contains("bob"));
    bobs.close().await;

    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page(wanted)).await;
    let login = person.is_at().await;
    form.signs_in(&person, "alice", password, "input[name=code]").await;
    person.gives_first_code(&world.alice.phone.fresh(), form.inside).await;
    assert_eq!(person.fetches(wanted, FORM, None).await.0, 200);
    for cookie in &cookies {
        traces::issued("cookie", cookie.value());
        browser.client.delete_cookie(cookie.name()).await.unwrap();
        let set = "document.cookie = `${arguments[0]}=${arguments[1]}; path=/`";
        let arguments = vec![cookie.name().into(), cookie.value().into()];
        browser.client.execute(set, arguments).await.unwrap();
    }
    let (status, text) = person.fetches(wanted, FORM, None).await;
    assert!(status == 401 && !text.contains("bob"), "{status} {text}");
    person.goes_to(&world.page(wanted)).await;
    assert_eq!(person.is_at().await, login);
    assert!(!person.reads().await.contains("bob"), "{}", person.reads().await);
    assert_eq!(person.fetches(wanted, FORM, None).await.0, 401);
    assert_eq!(world.asserted().len(), 1, "nobody was ever taken for bob: {:?}", world.asserted());
    browser.close().await;
}

#[tokio::test]
async fn somebody_elses_roundcube_cookies_inside_a_session_end_its_level() {
    let mail = Roundcube::start();
    traces::issued("password", roundcube::PASSWORD);
    let example = include_str!("../../examples/roundcube/gate.toml");
    let world = World::start("mail", example, mail.address(), "alice@example.com");
    let form = Form {
        name: "#rcmloginuser",
        password: "#rcmloginpwd",
        button: "#rcmloginsubmit",
        inside: "#taskmenu",
    };
    let (password, wanted) = (roundcube::PASSWORD, "/?_task=mail");
    cookies_of_bobs_end_alices_level(&world, mail.address(), form, password, wanted).await;
}

#[tokio::test]
async fn somebody_elses_phpmyadmin_cookies_inside_a_session_end_its_level() {
    let database = PhpMyAdmin::start();
    traces::issued("password", phpmyadmin::PASSWORD);
    let example = include_str!("../../examples/phpmyadmin/gate.toml");
    let world = World::start("db", example, database.address(), "alice");
    let form = Form {
        name: "#input_username",
        password: "#input_password",
        button: "#input_go",
        inside: "a.logout, a[href*='route=/logout']",
    };
    let (password, wanted) = (phpmyadmin::PASSWORD, "/index.php?route=/database/structure&db=shop");
    cookies_of_bobs_end_alices_level(&world, database.address(), form, password, wanted).await;
}

#[tokio::test]
async fn a_login_by_script_in_json_then_the_code_then_the_page() {
    let app = Orders::start();
    let world = World::start("orders", orders::EXAMPLE, app.address(), "alice");
    world.authority.add("orders.localhost:bob");
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    let wanted = world.page("/?month=11");
    person.goes_to(&wanted).await;
    assert_eq!(person.is_at().await, world.page("/sign-in"));
    person.fills("input[name=name]", "alice").await;
    person.fills("input[name=password]", "wrong").await;
    person.presses("button", "[role=alert]:not(:empty)").await;
    assert!(person.reads().await.contains("don't match"));
    orders::signs_in(&person, "alice", "input[name=code]").await;
    assert!(person.is_at().await.starts_with(&world.gate.origin("id")));
    person.gives_first_code(&world.alice.phone.fresh(), "#who:not(:empty)").await;
    assert!(person.reads().await.contains("Signed in as alice"), "{}", person.reads().await);

    // The app's script signs out: the session here is over, too.
    person.presses("#out", "input[name=name]").await;
    assert_eq!(person.fetches("/api/me", JSON, None).await.0, 401);
    person.goes_to(&wanted).await;
    assert_eq!(person.is_at().await, world.page("/sign-in"));

    // A script that signs in as bob in alice's session gets no session of bob's, who has no phone.
    orders::signs_in(&person, "alice", "input[name=code]").await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.sees("#who:not(:empty)").await;
    let bob = serde_json::json!({"name": "bob", "password": orders::PASSWORD}).to_string();
    assert_eq!(person.fetches("/api/login", JSON, Some(&bob)).await.0, 200);
    let (status, me) = person.fetches("/api/me", JSON, None).await;
    assert!(status == 200 && me.contains("alice"), "{status} {me}");

    // When alice has signed out, the next page goes on from there: bob is led to set one up.
    person.goes_to(&wanted).await;
    person.presses("#out", "input[name=name], main svg").await;
    person.goes_to(&wanted).await;
    person.sees("main svg").await;
    let page = person.reads().await;
    assert!(page.contains("Set up your phone") && page.contains("Signed in as bob"), "{page}");
    browser.close().await;
}

/// The wiki and the orders behind one gate. Whose code is asked at each is said by the app's own login there.
#[tokio::test]
async fn two_apps_in_two_tabs_with_one_account_and_with_two() {
    let (wiki, app) = (DokuWiki::start(), Orders::start());
    let realms = ["wiki.localhost", "orders.localhost"].map(str::to_owned);
    let authority = Authority::with(Setup { gate_realms: realms.to_vec(), ..Setup::default() });
    let alice = authority.enrol("wiki.localhost:alice");
    authority.link("wiki.localhost:alice", "orders.localhost:alice");
    let bob = authority.enrol("orders.localhost:bob");
    let gate = Gate::of_examples(
        &authority,
        &[
            (include_str!("../../examples/dokuwiki/gate.toml"), "wiki", wiki.address()),
            (orders::EXAMPLE, "orders", app.address()),
        ],
    );
    let page = |name: &str, path: &str| format!("{}{path}", gate.origin(name));
    let browser = Browser::start(1100, 900).await;
    let (person, client) = (Person(&browser.client), &browser.client);
    let wiki_tab = client.window().await.unwrap();
    let orders_tab = client.new_window(true).await.unwrap().handle;

    // One account: both tabs have come to the code page when the code is given in the first.
    client.switch_to_window(wiki_tab.clone()).await.unwrap();
    person.goes_to(&page("wiki", "/doku.php?id=start")).await;
    person.fills("#dw__login input[name=u]", "alice").await;
    person.fills("#dw__login input[name=p]", dokuwiki::PASSWORD).await;
    person.presses("#dw__login button[type=submit]", "input[name=code]").await;
    client.switch_to_window(orders_tab.clone()).await.unwrap();
    person.goes_to(&page("orders", "/")).await;
    orders::signs_in(&person, "alice", "input[name=code]").await;
    client.switch_to_window(wiki_tab.clone()).await.unwrap();
    let code = alice.phone.fresh();
    person.gives_first_code(&code, "li.user").await;
    assert!(person.reads().await.contains("Logged in as: alice"), "{}", person.reads().await);
    // The second goes on as the same person without another code: the spent one does.
    client.switch_to_window(orders_tab.clone()).await.unwrap();
    person.gives_code(&code).await;
    person.sees("#who:not(:empty)").await;
    assert!(person.reads().await.contains("Signed in as alice"), "{}", person.reads().await);

    // Two accounts: the orders become bob's, with bob's code and not with alice's; the wiki stays alice's.
    person.presses("#out", "input[name=name]").await;
    person.goes_to(&page("orders", "/")).await;
    orders::signs_in(&person, "bob", "input[name=code]").await;
    person.gives_code(&alice.phone.fresh()).await;
    assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    person.gives_code(&bob.phone.fresh()).await;
    person.reads_notices().await;
    person.sees("#who:not(:empty)").await;
    assert!(person.reads().await.contains("Signed in as bob"), "{}", person.reads().await);
    client.switch_to_window(wiki_tab).await.unwrap();
    person.goes_to(&page("wiki", "/doku.php?id=wiki:syntax")).await;
    // Signing out of the orders ended all of alice's sessions.
    assert_eq!(person.is_at().await, page("wiki", "/doku.php?do=login"));
    person.fills("#dw__login input[name=u]", "alice").await;
    person.fills("#dw__login input[name=p]", dokuwiki::PASSWORD).await;
    person.presses("#dw__login button[type=submit]", "input[name=code]").await;
    person.gives_code(&alice.phone.fresh()).await;
    person.sees("li.user").await;
    assert!(person.reads().await.contains("Logged in as: alice"), "{}", person.reads().await);
    client.switch_to_window(orders_tab).await.unwrap();
    person.goes_to(&page("orders", "/")).await;
    person.sees("#who:not(:empty)").await;
    assert!(person.reads().await.contains("Signed in as bob"), "{}", person.reads().await);
    browser.close().await;
}
