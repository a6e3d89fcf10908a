//! Browsers that are known again, and trusted for a while: a real Chromium, a real gate, a real authority.

use std::fs;

use twofold_shared::wire::Word;
use twofold_tests::present::{Answer, address, at_once, present};
use twofold_tests::{Authority, Browser, Enrolled, Gate, Person, Upstream, Web};

const PASSWORD: &str = "correct horse battery";
const ID: &str = "id.localhost";
const COOKIE: &str = "__Host-twofold-browser";
const DAY: i64 = 24 * 3600;

/// A wiki that takes trusted browsers but for its `/admin`, and a mail that takes none; and alice, with a notice to read.
struct World {
    gate: Gate,
    alice: Enrolled,
    authority: Authority,
    _apps: [Upstream; 2],
}

impl World {
    fn start() -> Self {
        let authority = Authority::start();
        authority.add("local:alice");
        authority.set_password("local:alice", PASSWORD);
        let alice = authority.enrol_existing("local:alice");
        let (mail, wiki) = (Upstream::start("The mail"), Upstream::start("The wiki"));
        let sites = [("mail", mail.address()), ("wiki", wiki.address())];
        let mut gate = Gate::prepare(&authority, &sites, "trusted_proxies = [\"127.0.0.1\"]");
        let text = fs::read_to_string(gate.configuration()).unwrap();
        let more = "trusted_browsers = \"30days\"\n[[rule]]\npaths = [\"/admin\"]\npolicy = \"second\"\nmax_age = \"5m\"\n";
        fs::write(gate.configuration(), text + more).unwrap();
        gate.restart();
        Self { gate, alice, authority, _apps: [mail, wiki] }
    }

    fn page(&self, site: &str, path: &str) -> String {
        format!("{}{path}", self.gate.origin(site))
    }

    /// What the audit trail tells of such actions.
    fn told(&self, action: &str) -> Vec<String> {
        let events = self.authority.audit().into_iter().filter(|event| event.action == action);
        events.map(|event| format!("{} {}", event.outcome, event.factor.unwrap_or_default())).collect()
    }

    /// The command as root, for alice.
    fn twofold(&self, arguments: &[&str]) -> String {
        let run = self.authority.twofold(&[arguments, &["--account", "local:alice"]].concat());
        run.expect_success()
    }

    /// A visitor of the wiki after a right password, with this cookie of the browser's if any.
    fn visits(&self, cookie: Option<&str>, from: &str) -> (Web, twofold_tests::web::Page) {
        let mut web = self.gate.visitor();
        web.headers.push(("x-forwarded-for".to_owned(), from.to_owned()));
        if let Some(cookie) = cookie {
            web.set_cookie(ID, COOKIE, cookie);
        }
        let page = web.give_password(&self.page("wiki", "/"), "alice", PASSWORD);
        (web, page)
    }
}

/// The value of the browser's cookie.
fn cookie(web: &Web) -> String {
    web.cookies(ID).get(COOKIE).unwrap().clone()
}

#[tokio::test]
async fn a_second_sign_in_from_a_trusted_browser_asks_no_code_until_it_is_revoked() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);

    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("alice", PASSWORD).await;
    assert!(person.reads().await.contains("Trust this browser for 30 days"), "{}", person.reads().await);
    person.ticks("trust").await;
    person.gives_code(&world.alice.phone.wrong()).await;
    // A mistyped code does not take the tick away.
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "id").await;

    world.authority.clock().shift(20 * DAY);
    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("alice", PASSWORD).await;
    person.sees_app("The wiki").await;
    let passed = world.told("pass_trusted");
    assert!(passed.len() == 1 && passed[0].starts_with("approved browser Chrom"), "{passed:?}");
    let sessions = world.twofold(&["session", "list"]);
    assert!(sessions.contains("second, trusted browser"), "{sessions}");

    // Where a fresh code is asked for, and at a site that takes no trust, it is no help.
    person.goes_to(&world.page("wiki", "/admin")).await;
    assert!(person.sees_field("code").await, "{}", person.reads().await);
    person.goes_to(&world.page("mail", "/")).await;
    assert!(person.sees_field("code").await && !person.sees_field("trust").await);
    person.gives_code(&world.alice.phone.fresh()).await;
    person.sees_app("The mail").await;
    person.goes_to(&world.page("wiki", "/admin")).await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "id").await;

    // Its trust goes on, until somebody takes it back.
    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("alice", PASSWORD).await;
    person.sees_app("The wiki").await;
    assert!(world.twofold(&["browser", "list"]).contains(" on Linux"));
    let revoked = world.twofold(&["browser", "revoke", "--all", "--yes"]);
    assert!(revoked.contains("1 browser is forgotten"), "{revoked}");
    let mut asked = false;
    for _ in 0..20 {
        // What rested on its trust ends within a second.
        person.goes_to(&world.page("wiki", "/")).await;
        asked = person.sees_field("password").await;
        if asked {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(asked, "{}", person.reads().await);
    person.gives("alice", PASSWORD).await;
    assert!(person.sees_field("code").await, "{}", person.reads().await);
    browser.close().await;
}

#[tokio::test]
async fn the_box_fits_a_phone_and_a_desk_by_day_and_by_night() {
    let world = World::start();
    let (day, night) = ("--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0");
    for (look, browser) in [
        ("desk-light", Browser::with(1280, 800, &[day]).await),
        ("desk-dark", Browser::with(1280, 800, &[night]).await),
        ("phone-dark", Browser::phone(&[night]).await),
    ] {
        let person = Person(&browser.client);
        person.goes_to(&world.page("wiki", "/")).await;
        person.gives("alice", PASSWORD).await;
        person.ticks("trust").await;
        browser.screenshot(&format!("{look}-code-trust")).await;
        let measured = browser
            .client
            .execute(
                r#"
                const box = document.querySelector("input[name=trust]");
                const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
                return [box.checked, box.labels.length, box.getBoundingClientRect().height >= 44, wide];
                "#,
                vec![],
            )
            .await
            .unwrap();
        assert_eq!(measured, serde_json::json!([true, 1, true, 0]), "{look}");
        browser.close().await;
    }
}

#[test]
fn a_stolen_older_value_ends_the_browser_and_its_owner_is_told() {
    let world = World::start();
    let (mut owner, code_page) = world.visits(None, "192.0.2.7");
    let mut form = code_page.form_with("one-time-code");
    form.fill("one-time-code", &world.alice.phone.fresh()).tick("trust");
    owner.submit(&code_page, &form);
    let stolen = cookie(&owner);

    let (owner, landed) = world.visits(Some(&stolen), "192.0.2.7");
    assert!(!landed.asks_for("one-time-code"), "{}", landed.body);
    let (owner, _) = world.visits(Some(&cookie(&owner)), "192.0.2.7");
    world.authority.clock().shift(61);
    let (_, thiefs) = world.visits(Some(&stolen), "203.0.113.9");
    assert!(thiefs.asks_for("one-time-code"), "an older value opens nothing: {}", thiefs.body);
    assert_eq!(world.told("browser_stolen").len(), 1);

    let (mut owner, code_page) = world.visits(Some(&cookie(&owner)), "192.0.2.7");
    let mut form = code_page.form_with("one-time-code");
    let notices = owner.submit(&code_page, form.fill("one-time-code", &world.alice.phone.fresh()));
    assert!(
        notices.body.contains("old cookie of your browser") && notices.body.contains("203.0.113.9"),
        "{}",
        notices.body
    );
}

#[test]
fn sign_ins_side_by_side_in_a_trusted_browser_all_pass_and_none_is_a_thief() {
    let mut world = World::start();
    let (mut owner, code_page) = world.visits(None, "192.0.2.7");
    let mut form = code_page.form_with("one-time-code");
    form.fill("one-time-code", &world.alice.phone.fresh()).tick("trust");
    owner.submit(&code_page, &form);
    let mut kept = cookie(&owner);
    for round in 0..5 {
        let tabs = (0..4).map(|_| {
            let (world, kept) = (&world, &kept);
            move || world.visits(Some(kept), "192.0.2.7")
        });
        let tabs = at_once(tabs.collect());
        for (_, landed) in &tabs {
            assert!(!landed.asks_for("one-time-code"), "round {round}: {}", landed.body);
        }
        // Which answer came last only the browser knows.
        kept = cookie(&tabs[round % 4].0);
        if round == 2 {
            world.authority.kill();
            world.authority.restart();
        }
        world.authority.clock().shift(120);
    }
    assert!(world.told("browser_stolen").is_empty());
    assert_eq!(world.told("pass_trusted").len(), 20);
}

/// A request that came in is no longer let in, a second from now at the latest.
fn is_out_within_a_second(web: &mut Web, page: &str) {
    let began = std::time::Instant::now();
    while web.get_once(page).status == 200 {
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "still let in");
    }
}

#[test]
fn a_session_revoked_by_command_is_out_at_its_sites_within_a_second() {
    let world = World::start();
    let (mut owner, code_page) = world.visits(None, "192.0.2.7");
    owner.give_code(&code_page, &world.alice.phone.fresh());
    let (mut other, code_page) = world.visits(None, "192.0.2.8");
    other.give_code(&code_page, &world.alice.phone.fresh());
    let page = world.page("wiki", "/private");
    assert_eq!((owner.get(&page).url, other.get(&page).url), (page.clone(), page.clone()));

    let listed = world.twofold(&["session", "list", "--json"]);
    let sessions = listed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let portals: Vec<_> = sessions.filter(|session| session["site"].is_null()).collect();
    assert_eq!(portals.len(), 2, "{listed}");
    let owners = portals.iter().find(|session| session["source"] == "192.0.2.7").unwrap();
    let mut cookies = owner.cookies(ID);
    // How many digits a code has is no secret of the browser's.
    assert_eq!(cookies.remove("__Host-twofold-digits").as_deref(), Some("6"));
    assert!(cookies.values().all(|cookie| !listed.contains(cookie)), "a list opens nothing");
    // By the beginning of its id; its site's goes with it.
    let id = &owners["id"].as_str().unwrap()[..8];
    let revoked = world.twofold(&["session", "revoke", id, "--yes"]);
    assert!(revoked.contains("2 sessions have ended"), "{revoked}");
    is_out_within_a_second(&mut owner, &page);
    assert_eq!(other.get(&page).url, page, "another browser's session goes on");
    world.twofold(&["session", "revoke", "--all", "--yes"]);
    is_out_within_a_second(&mut other, &page);
    assert!(world.twofold(&["session", "list"]).contains("signed in nowhere"));
    assert_eq!(world.told("session_revoke").len(), 2);
}

#[test]
fn strangers_who_closed_the_account_do_not_stop_the_owner_in_a_known_browser_elsewhere() {
    let world = World::start();
    let (mut owner, code_page) = world.visits(None, "192.0.2.7");
    owner.give_code(&code_page, &world.alice.phone.fresh());
    let known = cookie(&owner);
    let (client, wrong) = (world.authority.client(), world.alice.phone.wrong());
    let stranger = |code: &str| present(&client, "local:alice", address(2), code);
    while stranger(&wrong) == Answer::Refused(Word::Wrong) {
        world.authority.clock().shift(15 * 60);
    }
    assert_eq!(stranger(&world.alice.phone.fresh()), Answer::Refused(Word::Closed));

    let hotel = "198.51.100.77";
    let (mut other, code_page) = world.visits(None, hotel);
    let refused = other.give_code(&code_page, &world.alice.phone.fresh());
    assert!(refused.body.contains("Too many wrong codes came from places"), "{}", refused.body);
    let (mut owner, code_page) = world.visits(Some(&known), hotel);
    let landed = owner.give_code(&code_page, &world.alice.phone.fresh());
    assert!(landed.url.starts_with(&world.gate.origin("wiki")), "{}: {}", landed.url, landed.body);
}
