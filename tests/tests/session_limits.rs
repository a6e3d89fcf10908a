//! How long a sign-in lasts at the real gate before the real authority: while it is used, and at most so long.

use std::time::Duration;

use twofold_tests::{Authority, Gate, Phone, Setup, Upstream, Web, eventually};

const MINUTE: i64 = 60;
const PASSWORD: &str = "portal pass 4711";
const LIMITS: &str = "[sessions]\nidle = \"1h\"\nabsolute = \"100m\"\n";

fn signs_in(gate: &Gate, phone: &Phone, url: &str) -> Web {
    let mut web = gate.visitor();
    let page = web.give_password(url, "alice", PASSWORD);
    let page = web.give_code(&page, &phone.fresh());
    assert_eq!((page.status, page.url.as_str()), (200, url), "{page:?}");
    web
}

/// When the authority last heard that a site's session was used.
fn last_told(authority: &Authority) -> u64 {
    let said = authority.twofold(&["--json", "session", "list", "--account", "local:alice"]).expect_success();
    let all = said.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    all.map(|session| session["seen"].as_u64().unwrap_or_else(|| panic!("{session}")))
        .max()
        .unwrap_or_default()
}

/// The page is shown, and the authority comes to know of it.
fn uses(authority: &Authority, web: &mut Web, url: &str) {
    let now = authority.clock().now();
    let page = web.get_once(url);
    assert_eq!(page.status, 200, "{page:?}");
    eventually("the authority is told", Duration::from_secs(60), || {
        (last_told(authority) >= now).then_some(())
    });
}

/// What was shown a moment ago leads to the portal now, which asks for name and password.
fn is_over(web: &mut Web, url: &str) {
    assert_ne!(web.get_once(url).status, 200);
    let page = web.get(url);
    assert!(page.url.contains("//id.localhost") && page.asks_for("password"), "{page:?}");
}

#[test]
fn a_sign_in_lasts_as_long_as_it_is_used_and_not_beyond_its_limit() {
    let authority = Authority::with(Setup { more: LIMITS.to_owned(), ..Setup::default() });
    let alice = authority.enrol("local:alice");
    authority.set_password("local:alice", PASSWORD);
    let wiki = Upstream::start("wiki");
    let gate = Gate::start(&authority, &[("wiki", wiki.address())]);
    let url = format!("{}/page", gate.origin("wiki"));

    let mut web = signs_in(&gate, &alice.phone, &url);
    authority.clock().shift(61 * MINUTE);
    is_over(&mut web, &url);

    let mut web = signs_in(&gate, &alice.phone, &url);
    authority.clock().shift(50 * MINUTE);
    uses(&authority, &mut web, &url);
    authority.clock().shift(20 * MINUTE);
    assert_eq!(web.get_once(&url).status, 200, "used within the hour");
    authority.clock().shift(31 * MINUTE);
    is_over(&mut web, &url);
}
