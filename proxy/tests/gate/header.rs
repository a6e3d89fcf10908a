//! A name that a proxy in front sets as the first factor: believed from that proxy alone, and at every request.

use crate::browser::{Browser, Response, give_code, path, raw};
use crate::harness::World;

const SITE: &str = "__Host-twofold";
const HOST: &str = "desk.localhost";

struct Desk {
    world: World,
}

impl Desk {
    /// With the proxies that may be believed.
    fn start(trusted: &str) -> Self {
        let port = crate::harness::free_port();
        let app = crate::app::App::start();
        let site = format!(
            "blind = \"3s\"\ntrusted_proxies = [\"{trusted}\"]\n[[rule]]\npaths = [\"/public\"]\npolicy = \"bypass\"\n\
             [[rule]]\npaths = [\"/admin\"]\npolicy = \"second\"\nmax_age = \"1m\"\n\
             [[site]]\norigin = \"http://{HOST}:{port}\"\nupstream = \"{}\"\nfirst_factor = \"header\"\ntitle = \"Desk\"\n\
             [site.header]\nname = \"X-SSO-User\"\nrealm = \"sso\"\n",
            app.address
        );
        Self { world: World::start_at(port, &site, "") }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.world.port)
    }

    fn browser(&self, lines: &str) -> Browser {
        let mut browser = Browser::new(self.world.port);
        browser.always_send(HOST, lines);
        browser
    }

    fn send(&self, first: &str, browser: &Browser, lines: &str) -> Response {
        let text = format!(
            "{first} HTTP/1.1\r\nHost: {HOST}:{}\r\nConnection: close\r\nCookie: {}\r\n{lines}\r\n",
            self.world.port,
            browser.cookies(HOST)
        );
        raw(self.world.port, text.as_bytes())
    }
}

const ALICE: &str = "X-SSO-User: alice\r\n";

#[test]
fn the_proxys_word_then_the_code_then_the_page_that_was_wanted() {
    let desk = Desk::start("127.0.0.1");
    let mut browser = desk.browser(ALICE);
    let page = browser.open(&desk.url("/tickets?id=7"));
    assert!(path(&page.url).starts_with("/code/") && page.body.contains("Signed in as alice."), "{page:?}");
    let landed = give_code(&mut browser, &page, "111111");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/tickets?id=7"));
    let seen = landed.body.to_lowercase();
    assert!(seen.contains("x-sso-user: alice\r\n") && seen.contains("remote-user: alice\r\n"), "{seen}");
    assert_eq!(seen.matches("sso").count(), 1, "{seen}");
}

#[test]
fn the_name_alone_opens_nothing_and_is_nobodys_word_but_the_proxys() {
    let desk = Desk::start("127.0.0.1");
    let nobody = Browser::new(desk.world.port);
    assert_eq!(desk.send("GET /tickets", &nobody, ALICE).status, 401);
    assert_eq!(desk.send("POST /tickets", &nobody, &format!("{ALICE}Accept: text/html\r\n")).status, 403);
    let public = desk.send("GET /public/a", &nobody, &format!("{ALICE}X_SSO_User: bob\r\n"));
    assert_eq!(public.status, 200);
    assert!(!public.body.to_lowercase().contains("sso"), "{}", public.body);
    for lines in ["X_SSO_User: alice\r\n", "X-SSO.User: alice\r\n", "X-SSO-User: \r\n", ""] {
        let answer = desk.browser(lines).look(&desk.url("/tickets"));
        assert_eq!(answer.status, 403, "{lines:?}");
        assert!(answer.body.contains("Nobody said who you are"), "{}", answer.body);
    }
    assert_eq!(desk.browser(&format!("{ALICE}{ALICE}")).look(&desk.url("/tickets")).status, 400);
    assert_eq!(desk.world.authority.calls("AssertFirst"), 0);
    // From anybody else it is nothing.
    let stranger = Desk::start("192.0.2.1");
    assert_eq!(stranger.browser(ALICE).look(&stranger.url("/tickets")).status, 403);
    assert_eq!(stranger.world.authority.calls("AssertFirst"), 0);
}

#[test]
fn in_a_session_every_request_must_name_its_person() {
    let desk = Desk::start("127.0.0.1");
    let mut browser = desk.browser(ALICE);
    let page = browser.open(&desk.url("/a"));
    give_code(&mut browser, &page, "111111");
    // Nobody is named: refused, and the level kept.
    browser.always_send(HOST, "");
    assert_eq!(browser.look(&desk.url("/a")).status, 403);
    assert_eq!(desk.send("GET /a", &browser, "").status, 401);
    let public = desk.send("GET /public/a", &browser, "");
    assert!(!public.body.to_lowercase().contains("remote-user"), "{}", public.body);
    browser.always_send(HOST, " ");
    browser.always_send(HOST, ALICE);
    assert_eq!(browser.look(&desk.url("/a")).status, 200);
    // Other spellings beside the right one count for nothing and go no further.
    let both = desk.send("GET /a", &browser, &format!("{ALICE}X_Sso_User: bob\r\nx-sso.user: bob\r\n"));
    assert_eq!(both.status, 200);
    assert!(!both.body.contains("bob"), "{}", both.body);
    // Somebody else is named: the level ends, and it is asked afresh.
    let bob = "X-SSO-User: bob\r\n";
    assert_eq!(desk.send("GET /a", &browser, bob).status, 401);
    browser.always_send(HOST, bob);
    let page = browser.open(&desk.url("/a"));
    assert!(page.body.contains("Signed in as bob"), "{}", page.body);
    browser.always_send(HOST, ALICE);
    assert!(path(&browser.open(&desk.url("/a")).url).starts_with("/code/"), "and it stays ended");
}

#[test]
fn somebody_else_on_an_open_page_ends_the_session_too() {
    let desk = Desk::start("127.0.0.1");
    let mut browser = desk.browser(ALICE);
    let page = browser.open(&desk.url("/a"));
    give_code(&mut browser, &page, "111111");
    assert!(browser.cookie(HOST, SITE).is_some());
    let public = desk.send("GET /public/a", &browser, "X-SSO-User: bob\r\n");
    assert!(public.status == 200 && !public.body.to_lowercase().contains("remote-user"), "{}", public.body);
    assert_eq!(desk.send("GET /a", &browser, ALICE).status, 401);
}

#[test]
fn the_proxys_word_serves_for_a_fresh_code() {
    let desk = Desk::start("127.0.0.1");
    let mut browser = desk.browser(ALICE);
    desk.world.authority.backdate_next(600);
    let page = browser.open(&desk.url("/a"));
    give_code(&mut browser, &page, "111111");
    let page = browser.open(&desk.url("/admin"));
    let landed = give_code(&mut browser, &page, "222222");
    assert_eq!((path(&landed.url).as_str(), landed.status), ("/admin", 200));
}

#[test]
fn who_is_unknown_to_the_ledger_is_told_so_and_may_join_an_account() {
    let desk = Desk::start("127.0.0.1");
    desk.world.authority.refuse_next(serde_json::json!({ "word": "wrong" }));
    let page = desk.browser("X-SSO-User: carol\r\n").open(&desk.url("/a"));
    assert_eq!((path(&page.url).as_str(), page.status), ("/.twofold/unknown", 403));
    assert!(page.body.contains("Desk knows you"), "{}", page.body);
    let mut browser = desk.browser("X-SSO-User: carol\r\n");
    let page = browser.open(&desk.url("/a"));
    assert!(page.body.contains("Desk knows you as carol; Twofold doesn't yet"), "{}", page.body);
    let fields = [("where", "host"), ("site", ""), ("name", "alice"), ("code", "111111")];
    let told = browser.submit(&page, &path(&page.url), &fields);
    assert!(told.body.contains("carol at Desk is one of your names"), "{}", told.body);
    let landed = browser.open(&told.url.replace("notices", "continue"));
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/a"), "{}", landed.body);
}
