//! Every page and every form of a person's account, at every level: nothing a level early, from elsewhere, or without the
//! page's own token.

use twofold_shared::wire::{AccountView, GetAccount};
use twofold_tests::{Authority, Clock, Enrolled, Gate, Setup, Upstream, Web};

const PASSWORD: &str = "correct horse battery";

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

struct World {
    gate: Gate,
    alice: Enrolled,
    authority: Authority,
    _wiki: Upstream,
}

impl World {
    fn start() -> Self {
        let authority = Authority::with(Setup { clock: Clock::fake(), ..Setup::default() });
        authority.add("local:alice");
        authority.set_password("local:alice", PASSWORD);
        let alice = authority.enrol_existing("local:alice");
        let wiki = Upstream::start("The wiki");
        let gate = Gate::start(&authority, &[("wiki", wiki.address())]);
        Self { gate, alice, authority, _wiki: wiki }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gate.origin("id"))
    }

    fn account(&self) -> AccountView {
        self.authority.call(&GetAccount { account: Some("local:alice".into()) }).unwrap()
    }

    /// A browser that has given the password.
    fn first(&self) -> (Web, twofold_tests::web::Page) {
        let mut web = self.gate.visitor();
        let page = web.give_password(&self.url("/account"), "alice", PASSWORD);
        (web, page)
    }

    /// One that has given a code as well, and the token of its account page.
    fn second(&self) -> (Web, String) {
        let (mut web, page) = self.first();
        web.give_code(&page, &self.alice.phone.fresh());
        let page = web.get(&self.url("/account"));
        let token = page.body.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        (web, token.unwrap_or_else(|| panic!("no token:\n{}", page.body)).to_owned())
    }

    /// The pages, and the addresses of forms.
    fn pages(&self) -> (Vec<String>, Vec<String>) {
        let device = &self.account().devices[0].id;
        let mut pages: Vec<String> =
            ["/account", "/account/codes", "/account/off", "/account/key"].map(str::to_owned).into();
        pages.extend(["rename", "remove"].map(|page| format!("/account/{page}/{device}")));
        let mut forms: Vec<String> =
            ["/account/sessions", "/account/reopen", "/account/session/0123456789abcdef"]
                .map(str::to_owned)
                .into();
        forms.extend(
            ["/account/browser/0123456789abcdef", "/account/suspend/0123456789abcdef"].map(str::to_owned),
        );
        forms.push("/account/resume/0123456789abcdef".to_owned());
        (pages, forms)
    }
}

/// What was typed, with this token.
fn body(token: &str) -> String {
    format!("token={token}&label=x&site=wiki.localhost&confirm={}", PASSWORD.replace(' ', "+"))
}

#[test]
fn every_page_of_an_account_at_every_level() {
    let world = World::start();
    let before = world.account();
    let (pages, forms) = world.pages();
    let all = || pages.iter().chain(&forms);
    let own = world.gate.origin("id");

    // Nobody, and the first factor alone: led to where they get further, whatever they ask or send.
    for mut web in [world.gate.visitor(), world.first().0] {
        for path in all() {
            let page = web.get_once(&world.url(path));
            assert!(
                page.status == 303 && page.header("location").unwrap().starts_with("/sign-in/"),
                "{path}: {page:?}"
            );
            let headers = [FORM, ("origin", own.as_str())];
            let page = web.request("POST", &world.url(path), &headers, &body("anything"));
            assert!(
                page.status == 303 && page.header("location").unwrap().starts_with("/sign-in/"),
                "{path}: {page:?}"
            );
        }
    }

    // The second factor: pages are there, forms have none, and other methods than those are refused.
    let (mut web, token) = world.second();
    for path in &pages {
        assert_eq!(web.get_once(&world.url(path)).status, 200, "{path}");
    }
    for path in &forms {
        assert_eq!(web.get_once(&world.url(path)).status, 405, "{path}");
    }
    for path in all() {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            let page = web.request(method, &world.url(path), &[("origin", own.as_str())], "");
            assert_eq!(page.status, 405, "{method} {path}");
        }
    }
    for path in ["/account/nothing", "/account/off/x", "/account/session", "/account/rename", "/accounts"] {
        assert_eq!(web.get_once(&world.url(path)).status, 404, "{path}");
    }

    // From elsewhere: refused, right token or not. Without the token, or with another session's: not used.
    let others = world.second().1;
    for path in all().filter(|path| *path != "/account") {
        for elsewhere in [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let page = web.request("POST", &world.url(path), &[FORM, elsewhere], &body(&token));
            assert_eq!(page.status, 403, "{path} {elsewhere:?}");
        }
        for token in ["", "x", others.as_str()] {
            let headers = [FORM, ("origin", own.as_str())];
            let page = web.request("POST", &world.url(path), &headers, &body(token));
            assert!(
                page.status == 303 && page.header("location").unwrap().starts_with("/account"),
                "{path}: {page:?}"
            );
        }
    }
    let after = world.account();
    assert_eq!(
        (&after.devices[0].label, after.devices.len()),
        (&before.devices[0].label, before.devices.len())
    );
    assert_eq!(after.backup_codes_left, before.backup_codes_left);

    // A code that is older than five minutes: what has no page of its own leads to a fresh one; what has, asks by itself.
    world.authority.clock().shift(360);
    let headers = [FORM, ("origin", own.as_str())];
    let page = web.request("POST", &world.url("/account/sessions"), &headers, &body(&token));
    assert!(page.header("location").is_some_and(|to| to.starts_with("/code/")), "{page:?}");
    let page = web.request("POST", &world.url("/account/key"), &headers, &body(&token));
    assert!(page.header("location").is_some_and(|to| to.starts_with("/code/")), "{page:?}");
    let wrong = format!("token={token}&confirm=something+else");
    let page = web.request("POST", &world.url("/account/codes"), &headers, &wrong);
    assert_eq!(page.status, 403, "{}", page.body);
    let page = web.request("POST", &world.url("/account/codes"), &headers, &body(&token));
    assert!(
        page.status == 200 && page.body.contains("class=\"backup-codes\"") || page.body.contains("codes"),
        "{page:?}"
    );
    assert_eq!(world.account().backup_codes_left, 10);
}
